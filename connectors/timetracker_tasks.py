"""Writing TimeTracker's tasks: a create that always begins as ``todo`` and a PATCH for all the rest.

Refuses: deciding what to write.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any, Final

import msgspec

from bridge.errors import NotFoundError, RejectedError
from bridge.model import Fields, Marker, Record, Ref, Value
from connectors.base import BeforeSend, Step
from connectors.status import Response, decode, unshown
from connectors.timetracker_api import Api
from connectors.timetracker_pull import TASK, TASKS, Reader
from connectors.timetracker_wire import join_tags, tag_of

CREATE: Final = frozenset({"title", "description", "priority", "assignee", "due_on", "estimate", "labels"})
TITLE_MAX: Final = 200
PRIORITIES: Final = ("low", "medium", "high", "urgent")
_MARKERS_AT_ONCE: Final = 20
_FEW: Final = 100


def steps(fields: Collection[str], *, creating: bool) -> tuple[Step, ...]:
    """A status cannot be given to a new task: it takes a second request."""
    wanted = frozenset(fields)
    if not creating:
        return (Step("fields", wanted),)
    later = wanted - CREATE
    return (Step("create", wanted & CREATE), *((Step("fields", later),) if later else ()))


class Tasks:
    """Tasks of all projects of one connection, one at a time."""

    def __init__(self, api: Api, reader: Reader) -> None:
        self._api = api
        self._reader = reader

    async def create(self, container: str, fields: Fields, marker: Marker, before_send: BeforeSend | None) -> Record:
        """``POST /tasks``. Where the program stumbled or its answer is odd, the marker tells whether the task was made.

        Raises: UnknownOutcome; RejectedError.
        """
        project = await self._api.project(container)
        body = await self._body({name: value for name, value in fields.items() if value not in (None, ())}, project)
        body |= {"project_id": project, "tags": join_tags(fields.get("labels"), marker)}
        try:
            answer = await self._api.request("POST", "tasks", json=body, before_send=before_send)
        except RejectedError as error:
            made = await self.find(container, [marker]) if error.status == 500 else {}
            if marker in made:
                return made[marker]
            raise
        try:
            row = TASK.decode(answer.content).task
        except msgspec.MsgspecError:
            found = await self.find(container, [marker])
            if marker in found:
                return found[marker]
            raise unshown(answer, "the new task") from None
        (await self._api.clock()).calibrate(row.created_at, answer.date)
        [record] = await self._reader.tasks(container, [row])
        return record

    async def update(self, ref: Ref, changes: Fields, current: Record, before_send: BeforeSend | None) -> Record:
        """``PATCH /tasks/{id}`` with the changed fields; the answer is what is stored.

        Raises: GoneError; RejectedError for an unknown status, and for an assignee that was dropped.
        """
        body = await self._body(changes, await self._api.project(ref.container))
        if "labels" in changes:
            body["tags"] = join_tags(changes["labels"], current.marker)
        answer = await self._sent("PATCH", ref, body, before_send)
        [record] = await self._reader.tasks(ref.container, [decode(answer, TASK).task])
        if "assignee" in changes and record.fields["assignee"] != changes["assignee"]:
            raise RejectedError(
                f"TimeTracker answered 200 and left the task {ref.id} with {record.fields['assignee'] or 'nobody'}.",
                hint="Set can_reassign to false for this connection: this version cannot give a task to somebody else.",
                field="assignee",
            )
        return record

    async def delete(self, ref: Ref, before_send: BeforeSend | None) -> None:
        await self._sent("DELETE", ref, None, before_send)

    async def find(self, container: str, markers: Collection[Marker]) -> dict[Marker, Record]:
        """By tag: the filter matches substrings whatever their case, so what it finds is compared."""
        project = await self._api.project(container)
        found: dict[Marker, Record] = {}
        wanted = sorted(set(markers))
        for start in range(0, len(wanted), _MARKERS_AT_ONCE):
            tags = ",".join(tag_of(marker) for marker in wanted[start : start + _MARKERS_AT_ONCE])
            walk = await self._api.walk("tasks", TASKS, "tasks", size=_FEW, project_id=project, tags=tags)
            records = await self._reader.tasks(container, sorted(walk.rows, key=lambda row: -row.id))
            found.update(of_markers(records, wanted))
        return found

    async def _sent(self, method: str, ref: Ref, body: Any, before_send: BeforeSend | None) -> Response:
        """A task that is not there is a 400 for PATCH and a 404 for DELETE."""
        path = f"tasks/{ref.id}"
        try:
            return await self._api.request(method, path, json=body, before_send=before_send)
        except NotFoundError as error:
            raise await self._api.missing(ref, error.url) from error

    async def _body(self, values: Fields, project: int) -> dict[str, Any]:
        body: dict[str, Any] = {}
        for name, value in values.items():
            if name == "title":
                body["name"] = title(value)
            elif name == "priority":
                body["priority"] = _priority(value)
            elif name == "status":
                body["status"] = await self._status(value, project)
            elif name == "due_on":
                body["due_date"] = value
            elif name == "estimate":
                body["estimated_hours"] = None if value is None else float(str(value)) / 3600
            elif name == "assignee":
                body["assignee_id"] = None if value is None else await self._api.person_id(str(value), "assignee")
            elif name == "description":
                body["description"] = value
        return body

    async def _status(self, value: Value, project: int) -> str:
        """The program stores any text as a status, so what its board does not know is refused here."""
        keys = [row.key for row in await self._api.columns(project) if row.is_active]
        if value in keys or value in self._api.config.more_statuses:
            return str(value)
        raise RejectedError(
            f'The board of the project has no status "{value}".',
            hint=f"It has: {', '.join([*keys, *self._api.config.more_statuses])}. Correct the map of status.",
            field="status",
        )


def title(value: Value) -> str:
    """Raises: RejectedError for one that the database would refuse without saying why."""
    text = str(value or "").strip()
    if not text:
        raise RejectedError("A task without a title cannot be made.", hint="Give it one.", field="title")
    if len(text) > TITLE_MAX:
        raise RejectedError(
            f"A title of {len(text)} characters is too long for TimeTracker, which takes {TITLE_MAX}.",
            hint="Shorten it.",
            field="title",
        )
    return text


def _priority(value: Value) -> str:
    """Any text would be stored, too."""
    if value is None:
        return "medium"
    if value not in PRIORITIES:
        raise RejectedError(
            f'TimeTracker has no priority "{value}".', hint=f"It has: {', '.join(PRIORITIES)}.", field="priority"
        )
    return str(value)


def of_markers(records: Iterable[Record], wanted: Collection[Marker]) -> Mapping[Marker, Record]:
    """The records that carry one of the markers; of several the last."""
    return {record.marker: record for record in records if record.marker is not None and record.marker in wanted}
