"""What every connector must do, as tests: inherit ``ConnectorContract``, say which people work in your tracker, and run pytest.

    from contract import ConnectorContract

    class TestMine(ConnectorContract):
        type = "mine"

        def people(self):
            return MyPeople()

``people`` gives an object with the surface of ``tests/trackers/github.py``: it starts a server of your tracker (a sandbox, or
the real one) for the length of a ``with`` block, writes the connection's TOML, and does what people do there. A verb that
its ``can`` lacks is not tested. ``docs/connectors.md`` walks through it.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any, ClassVar

import pytest

from bridge import errors
from bridge.config import plugins
from bridge.config.settings import Strict
from bridge.model import FieldType, Kind, Marker, Record, Ref, Schema
from connectors.base import Connector, Page

MARKER = Marker("other-side", "acme/app#12")
KNOWN_KINDS = frozenset(kind.value for kind in Kind)
CONTENT = {"task": "title", "comment": "body", "time_entry": "seconds"}
"""A field that people see, by kind."""


async def at_once(_seconds: float) -> None:
    """A wait that is over."""


class Refuse(Exception):
    """Raised by ``before_send`` in tests."""


@dataclass
class Ground:
    """A connector on a running tracker, with the people who work there."""

    people: Any
    connector: Connector
    config: Any

    @property
    def container(self) -> str:
        return str(self.people.container)

    async def fields(self, kind: str) -> frozenset[str]:
        schema = await self.connector.schema(self.container, kind, fields=frozenset())
        return frozenset(name for name in schema.fields if not name.startswith("custom."))

    async def pages(self, kind: str, cursor: str | None = None, *, sweep: bool = True) -> list[Page]:
        names = await self.fields(kind)
        return [page async for page in self.connector.pull(self.container, kind, cursor, fields=names, sweep=sweep)]

    async def records(self, kind: str, cursor: str | None = None) -> dict[str, Record]:
        return {record.ref.id: record for page in await self.pages(kind, cursor) for record in page.records}

    async def fetch(self, kind: str, item: str) -> Record:
        return await self.connector.fetch(
            Ref(self.connector.name, self.container, kind, item), fields=await self.fields(kind)
        )

    async def make(self, kind: str, marker: Marker = MARKER, **fields: Any) -> Record:
        """As the engine makes a record: the create step, then the others one by one."""
        first, *rest = self.connector.steps(kind, fields.keys(), creating=True)
        given = {name: fields[name] for name in fields if name in first.fields}
        record = await self.connector.create(self.container, kind, given, marker, key=f"{kind} {marker.id}")
        assert {name for step in (first, *rest) for name in step.fields} >= fields.keys()
        for step in rest:
            changes = {name: fields[name] for name in fields if name in step.fields}
            record = await self.connector.update(record.ref, step, changes, record)
        return record

    async def write(self, record: Record, **changes: Any) -> Record:
        for step in self.connector.steps(record.ref.kind, changes.keys(), creating=False):
            some = {name: changes[name] for name in changes if name in step.fields}
            record = await self.connector.update(record.ref, step, some, record)
        return record

    async def subject(self, kind: str, task: str) -> dict[str, Any]:
        """What a new record of a kind says."""
        if kind == "task":
            return {"title": "Made by Bridge"}
        if kind == "comment":
            return {"task": task, "body": self.text("said by Bridge")}
        entry = {"task": task, "seconds": 5400, "spent_on": "2026-11-18"}
        schema = await self.connector.schema(self.container, kind, fields=frozenset({"person"}))
        if schema.fields["person"].writable != "never":
            entry["person"] = next(iter(self.people.persons.values()))
        return entry

    def text(self, words: str) -> str:
        """Words in the tracker's own dialect."""
        say = getattr(self.people, "text", None)
        return words if say is None else str(say(words))


class ConnectorContract:
    """One connector. ``quiet_requests``: what a poll that finds nothing new may cost, by kind, where one is not enough."""

    type: ClassVar[str]
    quiet_requests: ClassVar[dict[str, int]] = {}

    def people(self) -> Any:
        """Your tracker and the people in it."""
        raise NotImplementedError

    def connect(self, name: str, config: Any) -> Connector:
        """Your connector, if possible one that does not really wait between tries."""
        return plugins.find(self.type).connect(name, config)

    @pytest.fixture
    async def ground(self, tmp_path) -> AsyncIterator[Ground]:
        with self.people() as people:
            config = self.config(people, tmp_path)
            connector = self.connect("mine", config)
            yield Ground(people, connector, config)
            await connector.aclose()

    def config(self, people: Any, folder: Any) -> Any:
        """The connection's settings, as the loader makes them of the TOML and its ``*_file`` keys."""
        table = tomllib.loads(people.connection("mine", folder))["connections"]["mine"]
        for name in [name for name in table if name.endswith("_file") and name != "ca_file"]:
            table[name.removesuffix("_file")] = Path(table.pop(name)).read_text(encoding="utf-8").strip()
        return plugins.find(self.type).config(**table)

    # --- what it says of itself ---------------------------------------------------------------------------------------

    async def test_its_settings_forbid_what_they_do_not_know(self, ground):
        assert ground.config.model_config["extra"] == "forbid"
        assert ground.config.type == self.type
        assert not issubclass(type(ground.config), Strict)

    async def test_no_secret_is_shown(self, ground):
        values = [getattr(ground.config, name) for name in type(ground.config).model_fields]
        secrets = [value for value in values if hasattr(value, "get_secret_value")]
        assert secrets
        for secret in secrets:
            assert secret.get_secret_value() not in repr(ground.config)

    async def test_every_verb_it_lacks_has_a_reason(self, ground):
        kinds = ground.connector.kinds()
        assert "task" in kinds
        assert kinds.keys() <= KNOWN_KINDS
        for kind, can in kinds.items():
            lacking = [verb for verb in ("create", "update", "delete", "find") if not getattr(can, verb)]
            assert set(lacking) <= can.reasons.keys(), (kind, lacking)
            assert all(len(reason) > 20 for reason in can.reasons.values())
        for kind in KNOWN_KINDS - kinds.keys():
            assert kind in kinds["task"].reasons, f"why has it no {kind}?"

    async def test_its_schema_has_what_its_records_hold(self, ground):
        task = await self._filled(ground)
        for kind in ground.connector.kinds():
            schema = await ground.connector.schema(ground.container, kind, fields=frozenset())
            assert schema.kind == kind
            assert all(name == spec.name for name, spec in schema.fields.items())
            for record in (await ground.records(kind)).values():
                _check_values(record, schema)
                if kind in ("comment", "time_entry"):
                    assert record.fields["task"] == task

    async def _filled(self, ground: Ground) -> str:
        """A task with all that people can say of it."""
        people = ground.people
        task = str(people.create("First", description=None))
        if "labels" in people.can:
            people.edit(task, labels={"bug"})
        if "assignee" in people.can:
            people.edit(task, assignee=next(iter(people.persons.values())))
        if "due" in people.can:
            people.edit(task, due_on="2026-12-24")
        if "estimate" in people.can:
            people.edit(task, estimate=7200)
        if "comment" in people.can:
            people.comment(task, "a word")
        if "time" in people.can:
            people.log_time(task, 3600)
        return task

    async def test_the_live_check_finds_nothing_wrong(self, ground):
        for kind, can in ground.connector.kinds().items():
            verbs = [verb for verb in ("create", "update") if getattr(can, verb)]
            found = await ground.connector.check(ground.container, kind, verbs, {})
            assert not [each for each in found if each.level == "error"], found

    # --- reading ------------------------------------------------------------------------------------------------------

    async def test_a_first_listing_is_complete_and_a_second_one_quiet(self, ground):
        task = await self._filled(ground)
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

    async def test_a_cursor_of_another_version_begins_anew(self, ground):
        ground.people.create("First")
        assert len(await ground.records("task", "not a cursor of ours")) == 1

    async def test_an_edit_is_in_the_next_listing(self, ground):
        people = ground.people
        one, two = people.create("First"), people.create("Second")
        cursor = (await ground.pages("task"))[-1].cursor
        people.edit(one, title="Renamed")
        news = await ground.records("task", cursor)
        assert news[one].fields["title"] == "Renamed"
        assert news.get(two) is None or news[two].fields["title"] == "Second"

    async def test_a_record_that_is_asked_for_is_the_listed_one(self, ground):
        await self._filled(ground)
        for kind in ground.connector.kinds():
            if kind == "label":
                continue
            for item, listed in (await ground.records(kind)).items():
                asked = await ground.fetch(kind, item)
                assert asked.ref == listed.ref
                assert {name: asked.fields[name] for name in listed.fields} == dict(listed.fields)
                assert asked.marker == listed.marker

    async def test_what_was_deleted_is_gone_with_evidence(self, ground):
        if "delete-task" not in ground.people.can:
            pytest.skip("people cannot delete a task there")
        task = ground.people.create("First")
        ground.people.delete(task)
        with pytest.raises(errors.GoneError):
            await ground.fetch("task", task)

    async def test_a_container_that_is_not_there_proves_nothing(self, ground):
        with pytest.raises((errors.ContainerError, errors.ConfigError)):
            await ground.connector.fetch(
                Ref("mine", self.absent(ground), "task", self.absent_item(ground)), fields=frozenset({"title"})
            )

    def absent(self, ground: Ground) -> str:
        """A container that does not exist, of the right form."""
        return re.sub(r"[0-9a-zA-Z]", "9", ground.container)

    def absent_item(self, ground: Ground) -> str:
        """The id of a task that does not exist, of the right form."""
        return re.sub(r"[0-9a-z]", "9", str(ground.people.create("To be imitated")))

    # --- writing ------------------------------------------------------------------------------------------------------

    async def test_what_is_made_carries_its_marker_and_is_found_by_it(self, ground):
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

    async def test_an_update_changes_what_it_was_told_and_keeps_the_marker(self, ground):
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

    async def test_people_see_what_was_made(self, ground):
        people = ground.people
        made = await ground.make("task", title="Made by Bridge")
        assert people.task(made.ref.id)["title"] == "Made by Bridge"
        assert people.task(made.ref.id)["marker"] == f"{MARKER.source} {MARKER.id}"

    async def test_a_write_that_may_not_leave_does_not(self, ground):
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

    async def test_a_deleted_part_is_gone(self, ground):
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

    # --- trouble ------------------------------------------------------------------------------------------------------

    async def test_a_create_whose_answer_was_lost_is_there_once_and_found(self, ground):
        box = _faulty(ground)
        await ground.make("task", Marker("other-side", "acme/app#1"), title="Warm")  # names are known from here on
        since = (await ground.pages("task"))[-1].cursor
        box.fault("lost_reply", method="POST")
        with suppress(errors.UnknownOutcome):  # with an idempotency key it may simply be sent again
            await ground.make("task", title="Made by Bridge")
        box.faults.clear()
        if ground.connector.kinds()["task"].find:
            found = await ground.connector.find(ground.container, "task", {MARKER}, since)
            assert len(found) == 1
        assert sum(row["title"] == "Made by Bridge" for row in ground.people.tasks().values()) == 1

    async def test_a_refused_credential_stops_the_connection(self, ground):
        box = _faulty(ground)
        ground.people.create("First")
        box.fault("status", status=401, times=-1)
        with pytest.raises(errors.AuthError) as told:
            await ground.records("task")
        _tells_no_secret(told.value, ground)

    async def test_a_server_in_trouble_is_tried_again_and_then_told(self, ground):
        box = _faulty(ground)
        ground.people.create("First")
        await ground.records("task")
        box.fault("status", status=503, times=1)
        assert len(await ground.records("task")) == 1
        box.fault("status", status=503, times=-1)
        with pytest.raises(errors.RetryableError) as told:
            await ground.records("task")
        _tells_no_secret(told.value, ground)

    async def test_an_unsigned_webhook_is_refused(self, ground):
        if not any(can.webhooks for can in ground.connector.kinds().values()):
            pytest.skip("it takes no webhooks")
        with pytest.raises(errors.SignatureError):
            ground.connector.verify({}, b"{}")

    async def test_it_counts_its_requests(self, ground):
        ground.people.create("First")
        before, used = ground.people.requests(), ground.connector.usage().requests
        await ground.records("task")
        assert ground.connector.usage().requests - used == ground.people.requests() - before


def _faulty(ground: Ground) -> Any:
    """The sandbox, where faults can be planned."""
    box = getattr(ground.people, "box", None)
    if box is None or not hasattr(box, "fault"):
        pytest.skip("no faults can be planned in this tracker")
    return box


def _tells_no_secret(error: errors.BridgeError, ground: Ground) -> None:
    for name in type(ground.config).model_fields:
        value = getattr(ground.config, name)
        if hasattr(value, "get_secret_value"):
            assert value.get_secret_value() not in f"{error.message} {error.hint} {getattr(error, 'url', '')}"


_CHECKS = {
    FieldType.DATE: lambda value: date.fromisoformat(value).isoformat() == value,
    FieldType.INSTANT: lambda value: value.endswith("Z") and datetime.fromisoformat(value) is not None,
    FieldType.DURATION: lambda value: isinstance(value, int) and value >= 0,
    FieldType.BOOL: lambda value: isinstance(value, bool),
    FieldType.INTEGER: lambda value: isinstance(value, int),
}


def _check_values(record: Record, schema: Schema) -> None:
    """Every field is known, and its value has the shape that its type promises."""
    for name, value in record.fields.items():
        if name.startswith("custom."):
            continue  # described when a mapping names it
        assert name in schema.fields, f"{name} is in the record and not in the schema"
        spec = schema.fields[name]
        if value is None:
            continue
        if spec.type.is_set:
            assert isinstance(value, tuple)
            assert list(value) == sorted(set(value)), f"{name} is not a sorted set"
        elif spec.type in _CHECKS:
            assert _CHECKS[spec.type](value), (name, value)
        elif spec.type is not FieldType.NUMBER:
            assert isinstance(value, str), (name, value)
    assert record.version
    assert record.updated_at is None or record.updated_at.tzinfo is not None
