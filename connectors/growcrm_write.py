"""Writing Grow CRM's tasks: which call carries which field, and each call.

create = POST; then people, tags and archive have calls of their own, and the status as well once the task exists: that call
also marks who completed it. PATCH writes all its fields each time, so what did not change is sent as it was seen (S21).
Refuses: deciding what to write.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Final

from msgspec.structs import replace

from bridge.errors import RejectedError, StaleWrite
from bridge.model import Fields, Marker, Record, Ref, Value
from connectors.base import BeforeSend, Step
from connectors.growcrm_config import GrowcrmConfig
from connectors.growcrm_names import People, Vocabulary
from connectors.growcrm_tasks import Tasks
from connectors.growcrm_wire import TASK, TaskRow, encoded, task_body
from connectors.http import Http
from connectors.status import Response, decode, shown

BODY: Final = frozenset(
    {"title", "description", "priority", "milestone", "start_on", "due_on", "billable", "client_visible"}
)
"""What PATCH writes, in our words. It carries the status as well, as it was seen."""

CREATE: Final = BODY | {"status"}
_ACTIONS: Final = (("labels", "labels"), ("assignees", "assignees"), ("status", "status"), ("archive", "is_archived"))
_NEEDED: Final = BODY | {"status_id", "priority_id", "milestone_id"}


def steps(fields: Collection[str], *, creating: bool) -> tuple[Step, ...]:
    """The calls of one logical write of a task, in order: fields, tags, people, status, archive."""
    wanted = frozenset(fields)
    first, carried = ("create", CREATE) if creating else ("fields", BODY)
    plan = [(first, wanted & carried)]
    plan += [(name, wanted & {field}) for name, field in _ACTIONS if not (creating and field in CREATE)]
    return tuple(Step(name, part) for name, part in plan if part or name == "create")


class Writer:
    """Writes for all projects of one connection. Nothing is sent twice by itself: it might undo a person's edit."""

    def __init__(self, http: Http, config: GrowcrmConfig, tasks: Tasks, people: People, words: Vocabulary) -> None:
        self._http = http
        self._config = config
        self._tasks = tasks
        self._people = people
        self._words = words

    async def create(
        self, project: str, fields: Fields, marker: Marker, before_send: BeforeSend | None
    ) -> Record:  # fmt: skip
        """``POST /tasks`` with the mark in the description. Status and priority are required: where the mapping gives
        none, a new task gets the default ones.
        """
        values = {
            **fields,
            "status_id": await self._words.status_id(fields.get("status")),
            "priority_id": await self._words.priority_id(fields.get("priority")),
            "milestone_id": await self._words.milestone_id(project, fields.get("milestone")),
        }
        body = {"task_projectid": project, **self._body(values, marker)}
        if not body["task_description"]:
            del body["task_description"]
        content, headers = encoded({k: v for k, v in body.items() if v != ""}, self._config.encoding)
        answer = await self._http.request(
            "POST", "api/tasks", content=content, headers=headers, before_send=before_send
        )
        return await self._record(answer)

    async def update(
        self, ref: Ref, step: Step, changes: Fields, current: Record, before_send: BeforeSend | None
    ) -> Record:
        """One step of ``steps``; the answer is the whole task as it is now."""
        mine = {name: value for name, value in changes.items() if name in step.fields}
        if step.name == "fields":
            return await self._patch(ref, mine, current, before_send)
        if step.name == "labels":
            return await self._put(ref, "tags", {"tags": _names(mine["labels"])}, before_send)
        if step.name == "assignees":
            ids = await self._people.ids(_names(mine["assignees"]), "assignees")
            return await self._put(ref, "assigned", {"assigned": ids}, before_send)
        if step.name == "status":
            status = await self._words.status_id(mine["status"])
            return await self._put(ref, "status", {"status": status}, before_send)
        if step.name == "archive":
            if mine["is_archived"] == current.fields.get("is_archived"):
                return current
            return await self._put(ref, "archive" if mine["is_archived"] else "activate", None, before_send)
        raise RejectedError(
            f'Grow CRM tasks have no write "{step.name}".', hint="The database is from another version."
        )

    async def delete(self, ref: Ref, before_send: BeforeSend | None) -> None:
        """For good, with comments and time. Raises as ``Tasks.missing`` when there is no such task any more."""
        path = f"api/tasks/{ref.id}"
        answer = await self._http.request("DELETE", path, accept=(404,), before_send=before_send)
        if answer.status == 404:
            raise await self._tasks.missing(ref, shown(answer.url))

    async def _patch(self, ref: Ref, changes: Fields, current: Record, before_send: BeforeSend | None) -> Record:
        known = current
        if self._config.read_before_write or not (known.fields.keys() >= _NEEDED):
            known = await self._look_first(ref, current)
        values: dict[str, Value] = {**known.fields, **changes}
        if "priority" in changes:
            values["priority_id"] = await self._words.priority_id(changes["priority"])
        if "milestone" in changes:
            values["milestone_id"] = await self._words.milestone_id(ref.container, changes["milestone"])
        body = self._body(values, known.marker)
        if not self._config.patch_is_full_replace:
            body = _only(body, changes)
        content, headers = encoded(body, self._config.encoding)
        return await self._sent("PATCH", ref, f"api/tasks/{ref.id}", content, headers, before_send)

    async def _look_first(self, ref: Ref, current: Record) -> Record:
        """The task as it is. Raises: StaleWrite when it is not what the write was planned on (S22)."""
        seen = await self._tasks.fetch(ref, fields=())
        held = current.fields
        moved = sorted(name for name in CREATE if name in held and seen.fields[name] != held[name])
        if moved:
            raise StaleWrite(f"The task {ref.id} was edited meanwhile ({', '.join(moved)}).", url=seen.url)
        return replace(seen, marker=seen.marker or current.marker)

    async def _put(
        self, ref: Ref, action: str, body: Mapping[str, str | list[str]] | None, before_send: BeforeSend | None
    ) -> Record:
        content, headers = (None, None) if body is None else encoded(body, self._config.encoding)
        return await self._sent("PUT", ref, f"api/tasks/{ref.id}/{action}", content, headers, before_send)

    async def _sent(
        self,
        method: str,
        ref: Ref,
        path: str,
        content: bytes | None,
        headers: Mapping[str, str] | None,
        before_send: BeforeSend | None,
    ) -> Record:
        answer = await self._http.request(
            method, path, content=content, headers=headers, accept=(404,), before_send=before_send
        )
        if answer.status == 404:
            raise await self._tasks.missing(ref, shown(answer.url))
        return await self._record(answer)

    async def _record(self, answer: Response) -> Record:
        row: TaskRow = decode(answer, TASK).data
        self._words.hear([row])
        [record] = await self._tasks.records([row])
        return record

    def _body(self, values: Fields, marker: Marker | None) -> dict[str, str]:
        return task_body(values, marker, "html" if self._config.text_format == "html" else "line")


def _only(body: Mapping[str, str], changes: Fields) -> dict[str, str]:
    """What a partial PATCH needs: the three required members, and those that changed."""
    wire = {
        "description": "task_description",
        "milestone": "task_milestoneid",
        "start_on": "task_date_start",
        "due_on": "task_date_due",
        "billable": "task_billable",
        "client_visible": "task_client_visibility",
    }
    sent = {"task_title", "task_status", "task_priority"} | {wire[name] for name in changes if name in wire}
    return {name: value for name, value in body.items() if name in sent}


def _names(value: Value) -> list[str]:
    return list(value) if isinstance(value, tuple) else []
