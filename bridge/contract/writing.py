"""How a connector writes: what is made can be found again, and an update changes what it was told to."""

from __future__ import annotations

import pytest

from bridge import errors
from bridge.contract.ground import CONTENT, MARKER, Ground, Grounded
from bridge.model import Marker


class Refuse(Exception):
    """Raised by ``before_send`` in tests."""


class Writing(Grounded):
    """Part of ``ConnectorContract``."""

    async def test_what_is_made_carries_its_marker_and_is_found_by_it(self, ground: Ground) -> None:
        task = ground.people.create("Parent")
        for kind, can in ground.connector.kinds().items():
            if kind not in CONTENT or not can.create:
                continue
            since = (await ground.pages(kind))[-1].cursor
            fields = await ground.subject(kind, task)
            marker = Marker(MARKER.source, f"acme/app#{kind}")
            made = await ground.make(kind, marker, **fields)
            held = await ground.fetch(kind, made.ref.id)
            if can.find:
                assert made.marker == held.marker == marker
            for name, value in fields.items():
                assert held.fields[name] == value, (kind, name)
            if can.find:
                found = await ground.connector.find(ground.container, kind, {marker, MARKER}, since)
                assert {key: record.ref.id for key, record in found.items()} == {marker: made.ref.id}

    async def test_an_update_changes_what_it_was_told_and_keeps_the_marker(self, ground: Ground) -> None:
        task = ground.people.create("Parent")
        news = {"task": "Another title", "comment": ground.text("said better"), "time_entry": 7200}
        for kind, can in ground.connector.kinds().items():
            if kind not in CONTENT or not (can.create and can.update):
                continue
            made = await ground.make(kind, **await ground.subject(kind, task))
            before = await ground.fetch(kind, made.ref.id)
            answer = await ground.write(before, **{CONTENT[kind]: news[kind]})
            after = await ground.fetch(kind, made.ref.id)
            assert after.fields[CONTENT[kind]] == news[kind]
            assert after.marker == made.marker
            assert answer.fields[CONTENT[kind]] == news[kind]
            may_move = {CONTENT[kind], "updated_at"}
            same = before.fields.keys() - may_move
            assert {name: after.fields[name] for name in same} == {name: before.fields[name] for name in same}

    async def test_people_see_what_was_made(self, ground: Ground) -> None:
        people = ground.people
        made = await ground.make("task", title="Made by Bridge")
        assert people.task(made.ref.id)["title"] == "Made by Bridge"
        assert people.task(made.ref.id)["marker"] == f"{MARKER.source} {MARKER.id}"

    async def test_a_write_that_may_not_leave_does_not(self, ground: Ground) -> None:
        people = ground.people
        task = people.create("Parent")
        record = await ground.fetch("task", task)

        async def lost() -> None:
            raise Refuse

        before = people.writes()
        with pytest.raises(Refuse):
            await ground.connector.create(
                ground.container, "task", {"title": "Never"}, MARKER, key="k", before_send=lost
            )
        [step, *_] = ground.connector.steps("task", {"title"}, creating=False)
        with pytest.raises(Refuse):
            await ground.connector.update(record.ref, step, {"title": "Never"}, record, before_send=lost)
        assert people.writes() == before

    async def test_a_deleted_part_is_gone(self, ground: Ground) -> None:
        task = ground.people.create("Parent")
        for kind in ("comment", "time_entry"):
            can = ground.connector.kinds().get(kind)
            if can is None or not (can.create and can.delete):
                continue
            made = await ground.make(kind, **await ground.subject(kind, task))
            await ground.connector.delete(made.ref)
            with pytest.raises(errors.GoneError):
                await ground.fetch(kind, made.ref.id)
            assert made.ref.id not in await ground.records(kind)
