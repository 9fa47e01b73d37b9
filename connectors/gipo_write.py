"""Writing Gipo's tasks: one POST for a new one, one PATCH for changes; names become ids on the way.

Refuses: reading boards, time entries.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, Final

from msgspec import UNSET
from msgspec.structs import replace

from bridge.errors import RejectedError
from bridge.model import Fields, Marker, Record, Ref, Value
from connectors import gipo_checklist, markers
from connectors.base import BeforeSend, Step
from connectors.gipo_api import GipoApi
from connectors.gipo_board import CHECKLIST, Boards
from connectors.gipo_config import GipoConfig
from connectors.gipo_names import Names
from connectors.gipo_wire import TASK, TaskRow, simple_body
from connectors.instants import with_milliseconds
from connectors.pace import utc_now
from connectors.status import decode

_RELATED: Final = {"type": "taskTypeId", "project": "projectId"}


def steps(fields: Collection[str], *, creating: bool) -> tuple[Step, ...]:
    """One call for all fields; the checklist is a step of its own, of one call a subtask that differs."""
    names = frozenset(fields)
    first, lists = names - {CHECKLIST}, names & {CHECKLIST}
    found = (Step("create" if creating else "fields", first),) if first or creating else ()
    return (*found, Step(CHECKLIST, lists)) if lists else found


class Writer:
    """What changes a task."""

    def __init__(self, api: GipoApi, config: GipoConfig, names: Names, boards: Boards) -> None:
        self._api = api
        self._config = config
        self._names = names
        self._boards = boards

    async def create(
        self, board: str, fields: Fields, marker: Marker, key: str, before_send: BeforeSend | None
    ) -> Record:
        """One POST with the marker, and with an Idempotency-Key: made once, whatever becomes of the answer (S19)."""
        given: dict[str, Value] = {name: value for name, value in fields.items() if value not in (None, ())}
        given.setdefault("description", None)
        body = {"workspaceId": board, **await self._body(board, given, marker, None)}
        answer = await self._api.create("tasks", body, key=key, before_send=before_send)
        row = decode(answer, TASK).data
        self._boards.tasks[board] = self._boards.tasks.get(board, frozenset()) | {row.id}
        return await self._kept(board, row, fields, {CHECKLIST: None}, marker)  # a new task has no subtasks yet

    async def update(
        self, ref: Ref, step: Step, changes: Fields, current: Record, before_send: BeforeSend | None
    ) -> Record:
        """One PATCH with the changed fields. What the answer leaves out is taken as written."""
        board = await self._names.board(ref.container)
        if step.name == CHECKLIST:
            return await self._checklist(ref, changes, current, before_send)
        if not changes:
            return current
        body = await self._body(board, changes, current.marker, current)
        answer = await self._api.write("PATCH", f"tasks/{ref.id}", body, before_send=before_send)
        return await self._kept(board, decode(answer, TASK).data, changes, current.fields, current.marker)

    async def _checklist(self, ref: Ref, changes: Fields, current: Record, before_send: BeforeSend | None) -> Record:
        """Reads the subtasks first: their ids are not known, and a crash halfway must not add a line twice."""
        text = changes.get(CHECKLIST)
        row = await self._boards.row(ref)
        held = await gipo_checklist.write(
            self._api,
            ref.id,
            await self._boards.subtasks_of(row),
            text if isinstance(text, str) else None,
            may_delete=self._config.allow_subtask_delete,
            before_send=before_send,
        )
        return replace(current, fields={**current.fields, CHECKLIST: held})

    async def delete(self, ref: Ref, before_send: BeforeSend | None) -> None:
        """Raises: GoneError when it is gone already; a 404 alone does not say so."""
        answer = await self._api.write("DELETE", f"tasks/{ref.id}", accept=(404,), before_send=before_send)
        if answer.status == 404:
            raise await self._boards.missing(ref)

    async def _body(self, board: str, changes: Fields, marker: Marker | None, current: Record | None) -> dict[str, Any]:
        body = simple_body(changes, self._boards.zone)
        if "description" in changes:
            text = changes["description"]
            joined = markers.join(text if isinstance(text, str) else None, marker, how="html")
            body["descriptionHtml"] = joined or None
        if "status" in changes:
            body |= await self._status(board, changes["status"], current)
        if "labels" in changes:
            ids = await self._names.ids("labels", _members(changes["labels"]))
            body[await self._names.write_name("tags")] = ids
        if "assignees" in changes:
            ids = await self._names.user_ids(_members(changes["assignees"]), "assignees")
            body[await self._names.write_name("assignees")] = ids
        for field, member in _RELATED.items():
            if field in changes:
                name = changes[field]
                body[member] = None if name is None else (await self._names.ids(field, [name]))[0]
        return body

    async def _status(self, board: str, wanted: Value, current: Record | None) -> dict[str, Any]:
        """A stage; entering the finalizing one finalizes. A board without one is finalized by ``finalizedAt``."""
        if not isinstance(wanted, str):
            raise RejectedError("A task in Gipo always has a stage.", field="status", hint="Map the empty status too.")
        is_loose = not await self._names.finalizes(board)
        if is_loose and wanted == self._config.finalized_status:
            if not self._config.finalize_directly:
                hint = "Give the board a finalizing stage in the dashboard, or set finalize_directly."
                raise RejectedError("The board has no finalizing stage.", field="status", hint=hint)
            return {"finalizedAt": with_milliseconds(utc_now())}
        body: dict[str, Any] = {"stageId": await self._names.stage_id(board, wanted)}
        if is_loose and current is not None and current.fields.get("finalized_at"):
            body["finalizedAt"] = None
        return body

    async def _kept(self, board: str, row: TaskRow, changes: Fields, before: Fields, marker: Marker | None) -> Record:
        """What the side holds: the answer, and of what it leaves out, what was there and what was written."""
        said = {"assignees"} if "assignees" in changes or "assignees" in before else set()
        [record] = await self._boards.records([row], board, said)
        held = {**before, **{name: value for name, value in changes.items() if name != CHECKLIST}, **record.fields}
        is_bare = row.description_html is UNSET
        return replace(record, fields=held, marker=marker if is_bare else record.marker)


def _members(value: Value) -> tuple[str, ...]:
    return value if isinstance(value, tuple) else ()
