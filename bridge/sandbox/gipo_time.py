"""Time entries of the Gipo sandbox: manual ones are written, timers belong to the app."""

from __future__ import annotations

import uuid
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from bridge.sandbox import gipo_rules as rules
from bridge.sandbox import gipo_shapes as shapes
from bridge.sandbox import gipo_tasks as tasks
from bridge.sandbox.exchange import Reply
from bridge.sandbox.gipo_store import Entry

if TYPE_CHECKING:
    from bridge.sandbox.exchange import Ask
    from bridge.sandbox.gipo import GipoSandbox

NOTE_LIMIT = 5000


def listing(box: GipoSandbox, ask: Ask) -> Reply:
    """GET /time-entries by (startedAt, id), newest first; ``startDate`` and ``endDate`` are inclusive."""
    rules.options(ask, "userId taskId subtaskId projectId startDate endDate limit cursor")
    low, high = rules.day_or_moment(ask, "startDate"), rules.day_or_moment(ask, "endDate")
    wanted = {
        column: rules.uid(ask.query[name], name)
        for name, column in (("userId", "user"), ("taskId", "task"), ("subtaskId", "subtask"))
        if name in ask.query
    }
    project = ask.query.get("projectId")
    rows = [
        row
        for row in box.rows(ask, "entries").values()
        if _is_seen(box, ask, row)
        and (row.seconds is not None or box.settings.lists_running)
        and (low is None or row.started_at >= low)
        and (high is None or row.started_at <= high)
        and all(getattr(row, column) == value for column, value in wanted.items())
        and (project is None or box.store.tasks[_task_of(box, row)].project == project)
    ]
    rows.sort(key=lambda row: (row.started_at, row.id), reverse=True)
    known = box.store.entries | box.store.past
    page, following = box.cut(ask, rows, known, lambda row: (row.started_at, row.id))
    return Reply(200, {"data": [shapes.entry(row) for row in page], "pagination": {"nextCursor": following}})


def _task_of(box: GipoSandbox, row: Entry) -> str:
    if row.task is not None:
        return row.task
    subtask = box.store.subtasks.get(row.subtask or "")
    return subtask.task if subtask else ""


def _is_seen(box: GipoSandbox, ask: Ask, row: Entry) -> bool:
    task = box.store.tasks.get(_task_of(box, row))
    return task is not None and box.sees(ask, task)


def create(box: GipoSandbox, ask: Ask) -> Reply:
    """POST: a manual entry of the key's user on a task or a subtask, not both."""
    other = box.settings.time_user_field
    known = f"taskId subtaskId startedAt durationSeconds description {other}"
    body = rules.body(ask, known, strict=box.settings.strict_members)
    task_id, subtask_id = rules.optional_uid(body, "taskId"), rules.optional_uid(body, "subtaskId")
    if (task_id is None) == (subtask_id is None):
        rules.refuse(422, "Exactly one of taskId and subtaskId is required.", path="taskId")
    if subtask_id is not None and subtask_id not in box.store.subtasks:
        rules.refuse(404, "Subtask not found.")
    tasks.find(box, ask, task_id or box.store.subtasks[subtask_id or ""].task)
    user = ask.who
    if other and body.get(other) is not None:
        user = rules.uids({other: [body[other]]}, other, box.store.users)[0]
        if user != ask.who:
            box.may(ask, "admin")
    now = box.now_ms()
    start = Entry(str(uuid.uuid4()), user, 0, 0, now, now, task=task_id, subtask=subtask_id)
    for name in ("startedAt", "durationSeconds"):
        if body.get(name) is None:
            rules.refuse(422, f"{name} is required.", path=name)
    row = _changed(start, body)
    box.store.put("entries", row, box.clock.now())
    box.note(ask, "create", "time", row.id)
    return Reply(201, {"data": shapes.entry(row)})


def entry(box: GipoSandbox, ask: Ask) -> Reply:
    """GET, PATCH of three fields, and DELETE; one's own, or any as admin and owner."""
    row = box.store.entries.get(ask.params["entry_id"])
    if row is None or not _is_seen(box, ask, row):
        rules.refuse(404, "Time entry not found.")
    if ask.method == "GET":
        return Reply(200, {"data": shapes.entry(row)})
    if row.user != ask.who:
        box.may(ask, "admin")
    if ask.method == "DELETE":
        box.store.drop("entries", row, box.clock.now())
        box.store.past[row.id] = row
        box.note(ask, "delete", "time", row.id)
        return box.deleted()
    body = rules.body(ask, "startedAt durationSeconds description", strict=True)
    after = _changed(row, body)
    changed = after != row
    after = replace(after, updated_at=box.now_ms()) if changed else after
    box.store.put("entries", after, box.clock.now())
    box.note(ask, "update", "time", row.id, changed=changed)
    return Reply(200, {"data": shapes.entry(after)})


def _changed(row: Entry, body: dict[str, Any]) -> Entry:
    made: dict[str, Any] = {}
    if "description" in body:
        made["description"] = rules.text(body, "description", limit=NOTE_LIMIT)
    if "startedAt" in body:
        made["started_at"] = rules.moment(body, "startedAt", required=True)
    if "durationSeconds" in body:
        made["seconds"] = rules.whole(body, "durationSeconds", low=1)
    return replace(row, **made)
