"""How a connector lists and looks."""

from __future__ import annotations

from contextlib import suppress

import pytest

from bridge import errors
from bridge.contract.ground import Ground, Grounded
from bridge.model import Ref
from connectors.base import directory_of


class Reading(Grounded):
    """Part of ``ConnectorContract``."""

    async def test_a_first_listing_is_complete_and_a_second_one_quiet(self, ground: Ground) -> None:
        task = ground.filled()
        for kind in ground.connector.kinds():
            pages = await ground.pages(kind)
            assert [page.last for page in pages] == [False] * (len(pages) - 1) + [True]
            records = [record for page in pages for record in page.records]
            assert pages[-1].complete or not records
            if kind == "task":
                assert [record.ref.id for record in records] == [task]
            await ground.pages(kind, pages[-1].cursor)  # names are known from here on
            before = ground.people.requests()
            again = await ground.pages(kind, pages[-1].cursor, sweep=False)
            assert ground.people.requests() - before <= self.quiet_requests.get(kind, 1), kind
            known = {record.ref.id: record.fields for record in records}
            for page in again:
                assert not page.complete or page.records or page.quiet
                for record in page.records:
                    assert record.fields == {name: known[record.ref.id][name] for name in record.fields}

    async def test_a_cursor_of_another_version_begins_anew(self, ground: Ground) -> None:
        ground.people.create("First")
        assert len(await ground.records("task", "not a cursor of ours")) == 1

    async def test_an_edit_is_in_the_next_listing(self, ground: Ground) -> None:
        people = ground.people
        one, two = people.create("First"), people.create("Second")
        cursor = (await ground.pages("task"))[-1].cursor
        people.edit(one, title="Renamed")
        news = await ground.records("task", cursor)
        assert news[one].fields["title"] == "Renamed"
        assert news.get(two) is None or news[two].fields["title"] == "Second"

    async def test_a_record_that_is_asked_for_is_the_listed_one(self, ground: Ground) -> None:
        ground.filled()
        for kind in ground.connector.kinds():
            if kind == "label":
                continue
            for item, listed in (await ground.records(kind)).items():
                asked = await ground.fetch(kind, item)
                assert asked.ref == listed.ref
                assert {name: asked.fields[name] for name in listed.fields} == dict(listed.fields)
                assert asked.marker == listed.marker

    async def test_what_was_deleted_is_gone_with_evidence(self, ground: Ground) -> None:
        if "delete-task" not in ground.people.can:
            pytest.skip("people cannot delete a task there")
        task = ground.people.create("First")
        ground.people.delete(task)
        with pytest.raises(errors.GoneError):
            await ground.fetch("task", task)

    async def test_a_list_of_people_names_each_once_as_fields_do(self, ground: Ground) -> None:
        directory = directory_of(ground.connector)
        if directory is None:
            pytest.skip("the connector lists no people")
        listed = await directory.people(ground.people.container)
        names = {person.name.casefold() for person in listed}
        assert len(names) == len(listed)
        assert not listed or {name.casefold() for name in ground.people.persons.values()} <= names
        assert all(person.email is None or person.email == person.email.lower() for person in listed)

    async def test_a_container_that_is_not_there_proves_nothing(self, ground: Ground) -> None:
        with pytest.raises((errors.ContainerError, errors.ConfigError)):
            await ground.connector.fetch(
                Ref("mine", self.absent(ground), "task", self.absent_item(ground)), fields=frozenset({"title"})
            )
        with suppress(errors.ContainerError, errors.ConfigError):  # or it finds nothing, which proves nothing either
            listing = ground.connector.pull(self.absent(ground), "task", None, fields=frozenset({"title"}), sweep=True)
            assert not [page async for page in listing if page.records or page.complete]
