"""Writing Artala's tasks: which call carries which field, and each call.

create = POST; the eight PUT fields, the status, the labels and each custom field have a call of their own.
Refuses: deciding what to write.
"""

from __future__ import annotations

import math
import time
from collections.abc import Collection, Mapping
from typing import Final

import msgspec
from msgspec.structs import replace

from bridge.errors import NotFoundError, RejectedError, StaleWrite
from bridge.model import Fields, Marker, Record, Ref, Value
from connectors.artala_config import ArtalaConfig
from connectors.artala_errors import unseen
from connectors.artala_feed import TASKS, tasks_path
from connectors.artala_item import Items
from connectors.artala_labels import Labels
from connectors.artala_names import Names, Priorities
from connectors.artala_pull import CUSTOM, Reader
from connectors.artala_wire import ANY_OBJECT, date_of, stamp, task_of, text_of
from connectors.base import BeforeSend, Step, ordered
from connectors.http import Http
from connectors.status import Response, decode, unshown

BODY: Final = frozenset(
    {"title", "description", "assignee", "priority", "due_on", "start_on", "estimate_points", "cover_color"}
)
"""The members of PUT /tasks/{id}, in our words."""

CREATE: Final = (BODY - {"cover_color"}) | {"status"}

_NEW_S: Final = 30.0
_DEFAULT_PRIORITY: Final = 2

_RAW: Final[Mapping[str, str]] = {"assignee": "assignee_id", "due_on": "due_at", "start_on": "start_at"}
_WIRE: Final[Mapping[str, str]] = {
    "title": "title",
    "description": "description",
    "assignee": "assigneeId",
    "priority": "priority",
    "due_on": "dueDate",
    "start_on": "startDate",
    "estimate_points": "effort",
    "cover_color": "coverColor",
    "status": "status",
}


def steps(fields: Collection[str], *, creating: bool) -> tuple[Step, ...]:
    """The calls of one logical write of a task, in order."""
    wanted = frozenset(fields)
    plan = [("create", wanted & CREATE)] if creating else [("fields", wanted & BODY), ("status", wanted & {"status"})]
    plan.append(("labels", wanted & {"labels"}))
    plan += [
        (f"field:{name.removeprefix(CUSTOM)}", frozenset({name})) for name in sorted(wanted) if name.startswith(CUSTOM)
    ]
    if creating:
        plan.append(("fields", wanted & (BODY - CREATE)))
    return tuple(Step(name, part) for name, part in plan if part or name == "create")


class Writer:
    """Writes for all boards of one connection. Nothing is sent twice by itself: PUT and PATCH may undo a person's edit."""

    def __init__(
        self,
        http: Http,
        config: ArtalaConfig,
        names: Names,
        labels: Labels,
        priorities: Priorities,
        reader: Reader,
        items: Items,
    ) -> None:
        self._http = http
        self._config = config
        self._names = names
        self._labels = labels
        self._priorities = priorities
        self._reader = reader
        self._items = items
        self._born_at: dict[str, float] = {}

    async def create(
        self, connection: str, board: str, fields: Fields, marker: Marker, before_send: BeforeSend | None
    ) -> Record:
        """``POST /tasks`` with externalId and externalSource, which can be given only here.

        Raises: UnknownOutcome when the answer has no id and the feed does not show the task yet.
        """
        values = {name: value for name, value in fields.items() if name in CREATE and value is not None}
        body = await self._body(values, {})
        body |= {"boardId": board, "externalId": marker.id, "externalSource": marker.source}
        answer = await self._posted(board, body, values, before_send)
        try:
            said = ANY_OBJECT.decode(answer.content)
            row = task_of(said)
        except msgspec.MsgspecError:
            found = await self._items.find(board, [marker], None)
            if marker in found:
                return found[marker]
            raise unshown(answer, "the new task's id") from None
        [told] = await self._reader.records([row], [stamp(row)], fields)
        self._remember(told.ref.id)
        ref = Ref(connection, board, "task", told.ref.id)
        born = _born(values, body) | {"priority": self._priority_name(body.get("priority", _DEFAULT_PRIORITY))}
        born |= {CUSTOM + row.name: None for row in self._names.fields_read()}
        return replace(told, ref=ref, marker=marker, fields={**born, **told.fields})

    async def update(
        self, ref: Ref, step: Step, changes: Fields, current: Record, before_send: BeforeSend | None
    ) -> Record:
        """One step of ``steps``. Artala answers 204, so the outcome is ``current`` with what was sent."""
        mine = {name: value for name, value in changes.items() if name in step.fields}
        if self._config.read_before_write and step.name in ("fields", "status"):
            await self._look_first(ref, current)
        if step.name == "fields":
            now = await self._put(ref, mine, current, before_send)
        elif step.name == "status":
            now = await self._status(ref, mine, before_send)
        elif step.name == "labels":
            now = await self._put_labels(ref, mine, current, before_send)
        elif step.name.startswith("field:"):
            now = await self._set_field(ref, mine, before_send)
        else:
            raise RejectedError(
                f'Artala tasks have no write "{step.name}".', hint="The database is from another version."
            )
        return replace(current, fields={**current.fields, **now})

    async def _look_first(self, ref: Ref, current: Record) -> None:
        """Whether the task still is what the write was planned on (S22). Raises: StaleWrite, GoneError when it moved."""
        seen = await self._items.fetch(ref, ())
        moved = sorted(
            name
            for name in (*BODY, "status")
            if name in seen.fields and name in current.fields and seen.fields[name] != current.fields[name]
        )
        if moved:
            raise StaleWrite(f"The task {ref.id} was edited meanwhile ({', '.join(moved)}).", url=seen.url)

    def _remember(self, task: str) -> None:
        now = time.monotonic()
        self._born_at = {old: at for old, at in self._born_at.items() if now - at < _NEW_S} | {task: now}

    async def _put(self, ref: Ref, changes: Fields, current: Record, before_send: BeforeSend | None) -> Fields:
        """PUT with all eight fields (assumption: what is missing would be emptied); those not observed are read first."""
        known = current.fields
        if self._config.put_is_full_replace:
            if any(name not in changes and not _is_known(name, known) for name in BODY):
                row = await self._items.row(ref)
                [seen] = await self._reader.records([row], [stamp(row)], ())
                known = {**known, **seen.fields}
            values = {name: known.get(name) for name in BODY} | dict(changes)
        else:
            values = dict(changes)
        body = await self._body(values, known)
        try:
            await self._http.request("PUT", f"api/tasks/{ref.id}", json=body, before_send=before_send)
        except RejectedError as error:
            await self._blame(error, body, values)
            raise
        now = {**changes, **{raw: body[_WIRE[name]] for name, raw in _RAW.items() if name in values}}
        if "priority" in changes:
            now["priority"] = self._priority_name(body["priority"])
        return now

    async def _posted(self, board: str, body: Fields, values: Fields, before_send: BeforeSend | None) -> Response:
        """The create. A 404 of its own can only mean the board (S25)."""
        try:
            return await self._http.request("POST", "api/tasks", json=body, before_send=before_send)
        except NotFoundError as error:
            if await self._names.board_is_healthy(board):
                raise
            raise unseen(board, error.url) from error
        except RejectedError as error:
            await self._blame(error, body, values)
            raise

    async def _blame(self, error: RejectedError, body: Fields, values: Fields) -> None:
        """Artala does not say what it refuses. A person who is no longer active is a reason that can be looked up; a
        full replace has to name one also where the assignee is not among the changes.

        Raises: RejectedError for the field ``assignee`` then.
        """
        who = body.get("assigneeId")
        if isinstance(who, str) and error.status in (400, 422) and not await self._names.is_active(who):
            raise RejectedError(
                f"{error.message} Its assignee {values.get('assignee')} is not an active member of the team.",
                hint="Assign the task to somebody else in Artala, or activate the person.",
                status=error.status,
                url=error.url,
                field="assignee",
            ) from error

    async def _status(self, ref: Ref, changes: Fields, before_send: BeforeSend | None) -> Fields:
        status = await self._names.status(str(changes["status"]))
        path = f"api/tasks/{ref.id}/status"
        await self._http.request("PATCH", path, json={"newStatus": status}, before_send=before_send)
        return {"status": status}

    async def _put_labels(self, ref: Ref, changes: Fields, current: Record, before_send: BeforeSend | None) -> Fields:
        """The feeds may be behind, and PUT replaces all: so our difference is laid over what is there now.

        A task that was made here less than 30 s ago and was not seen with labels since has none yet and is not asked
        (S22: what is younger is not re-read).
        """
        wanted, had = _names_in(changes["labels"]), _names_in(current.fields.get("labels"))
        is_new = time.monotonic() - self._born_at.pop(ref.id, -math.inf) < _NEW_S and not had
        there = {row.name: row.id for row in ([] if is_new else await self._items.labels(ref.id))}
        known = current.fields.get("labels") is not None
        dropped = (had - wanted) if known else (there.keys() - wanted)
        kept = {name: guid for name, guid in there.items() if name not in dropped}
        for name in sorted(wanted - had if known else wanted):
            if name not in kept:
                row = await self._labels.named(name, before_send)
                kept[row.name] = row.id
        if kept.keys() != there.keys():
            body = {"labelIds": sorted(set(kept.values()))}
            await self._http.request("PUT", f"api/labels/task/{ref.id}", json=body, before_send=before_send)
        return {"labels": ordered(kept)}

    async def _set_field(self, ref: Ref, changes: Fields, before_send: BeforeSend | None) -> Fields:
        """``POST /fields/task/{id}``: one field a call, the value always a string, null clears."""
        for name, value in changes.items():
            field = await self._names.field(name.removeprefix(CUSTOM))
            body = {"fieldId": field.id, "value": text_of(value)}
            await self._http.request("POST", f"api/fields/task/{ref.id}", json=body, before_send=before_send)
        return changes

    async def _body(self, values: Fields, known: Fields) -> dict[str, Value]:
        """Our fields as the members of POST and PUT."""
        body: dict[str, Value] = {}
        for name in sorted(values):
            value = values[name]
            if name in ("due_on", "start_on"):
                value = _at_midnight(value, known.get(_RAW[name]))
            elif name == "assignee":
                value = await self._assignee(value, known)
            elif name == "priority":
                value = await self._priority(value)
            elif name == "status" and value is not None:
                value = await self._names.status(str(value))
            body[_WIRE[name]] = value
        return body

    async def _assignee(self, value: Value, known: Fields) -> Value:
        if value == known.get("assignee"):
            value = known.get("assignee_id", value)
        return None if value is None else await self._names.member_id(str(value))

    async def _priority(self, value: Value) -> Value:
        """The number. When the feed has not told any yet, it is asked once (the vendor's page contradicts itself)."""
        if not self._priorities.has_heard and not self._priorities.has_asked:
            self._priorities.has_asked = True
            path = tasks_path("Priority ge 0", top=self._config.smallest_server_page)
            for row in decode(await self._http.request("GET", path), TASKS).value:
                self._priorities.hear(row)
        if value is None:
            return next((number for number, name in self._priorities.by_number.items() if name == "none"), None)
        return self._priorities.number(str(value))

    def _priority_name(self, number: Value) -> Value:
        return self._priorities.by_number.get(number) if isinstance(number, int) else None


def _is_known(name: str, known: Fields) -> bool:
    """Dates also need their instant, or their time of day would be lost."""
    return name in known and (name not in ("due_on", "start_on") or known[name] is None or _RAW[name] in known)


def _at_midnight(day: Value, was: Value) -> Value:
    """The instant of a date: the one there was when it is on that date, so that its time of day stays."""
    if day is None:
        return None
    return was if isinstance(was, str) and date_of(was) == day else f"{day}T00:00:00Z"


def _names_in(value: Value) -> set[str]:
    return set(value) if isinstance(value, tuple) else set()


def _born(values: Fields, body: Mapping[str, Value]) -> dict[str, Value]:
    """What a new task holds besides what the answer says: what was sent, the documented defaults, no labels."""
    born: dict[str, Value] = dict.fromkeys(sorted(BODY - {"priority"}))
    born.update(values)
    born.update((raw, body.get(_WIRE[name])) for name, raw in _RAW.items())
    if "status" in values:
        born["status"] = body["status"]
    return {**born, "labels": ()}
