"""Tasks and subtasks of the Gipo sandbox: create, partial update, move, finalize, delete."""

from __future__ import annotations

import uuid
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from bridge.sandbox import gipo_rules as rules
from bridge.sandbox import gipo_shapes as shapes
from bridge.sandbox import rewriting
from bridge.sandbox.exchange import Reply
from bridge.sandbox.gipo_html import sanitized
from bridge.sandbox.gipo_store import Subtask, Task

if TYPE_CHECKING:
    from bridge.sandbox.exchange import Ask
    from bridge.sandbox.gipo import GipoSandbox

MEMBERS = (
    "workspaceId stageId sortOrder projectId taskTypeId subject descriptionHtml priority "
    "expectedStartDate expectedEndDate estimatedHours finalizedAt"
)
FILTERS = {"stageId": "stage", "projectId": "project", "taskTypeId": "task_type", "workspaceId": "workspace"}
PRIORITIES = "low normal high urgent"
SUBTASK = "name descriptionHtml assigneeIds groupId finalizedAt"
NAME_LIMIT, HTML_LIMIT = 300, 50_000


def find(box: GipoSandbox, ask: Ask, task_id: Any) -> Task:
    task = box.store.tasks.get(str(task_id))
    if task is None or not box.sees(ask, task):
        rules.refuse(404, "Task not found.")
    return task


def shown(box: GipoSandbox, task: Task, *, written: bool = False) -> dict[str, Any]:
    full = not (written and box.settings.bare_answers)
    return shapes.task(box.store, task, dated=box.settings.tasks_have_updated, full=full)


def listing(box: GipoSandbox, ask: Ask) -> Reply:
    """GET /tasks by (createdAt, id), newest first."""
    rules.options(ask, "workspaceId stageId projectId taskTypeId assigneeId priority limit cursor")
    wanted = {column: rules.uid(ask.query[name], name) for name, column in FILTERS.items() if name in ask.query}
    rows = [
        row
        for row in box.rows(ask, "tasks").values()
        if box.sees(ask, row)
        and all(getattr(row, column) == value for column, value in wanted.items())
        and ask.query.get("priority", row.priority) == row.priority
        and ("assigneeId" not in ask.query or ask.query["assigneeId"] in row.assignees)
    ]
    rows.sort(key=lambda row: (row.created_at, row.id), reverse=True)
    known = box.store.tasks | box.store.trash
    page, following = box.cut(ask, rows, known, lambda row: (row.created_at, row.id))
    data = [shapes.with_stage(box.store, row, box.mirrored(ask, shown(box, row))) for row in page]
    return Reply(200, {"data": data, "pagination": {"nextCursor": following}})


def get(box: GipoSandbox, ask: Ask) -> Reply:
    task = find(box, ask, ask.params["task_id"])
    shape = shapes.with_stage(box.store, task, shown(box, task))
    return Reply(
        200, {"data": shape | {"subtasks": [shapes.subtask(box.store, row) for row in subtasks_of(box, task)]}}
    )


def create(box: GipoSandbox, ask: Ask) -> Reply:
    body = _body(box, ask)
    if body.get("workspaceId") is None:
        rules.refuse(422, "workspaceId is required.", path="workspaceId")
    now = box.now_ms()
    workspace = _workspace(box, body)
    start = Task(str(uuid.uuid4()), workspace, "", "", now, now, sort_order=len(box.store.tasks))
    rules.text(body, "subject", limit=box.settings.subject_max, required=True)
    task = _changed(box, ask, replace(start, stage=_stage(box, workspace, body.get("stageId"))), body)
    if box.store.stages[task.stage].is_finalizing:
        task = replace(task, finalized_at=now)
    box.store.put("tasks", task, box.clock.now())
    box.note(ask, "create", "task", task.id)
    return Reply(201, {"data": shapes.with_stage(box.store, task, shown(box, task, written=True))})


def update(box: GipoSandbox, ask: Ask) -> Reply:
    """PATCH: only what is named; fields and a move in one call. Entering a finalizing stage finalizes, leaving reopens."""
    task = find(box, ask, ask.params["task_id"])
    body = _body(box, ask)
    workspace = _workspace(box, body) if "workspaceId" in body else task.workspace
    stage = task.stage
    if "stageId" in body or workspace != task.workspace:
        stage = _stage(box, workspace, body.get("stageId"))
    after = replace(task, workspace=workspace, stage=stage)
    if stage != task.stage:
        into, out_of = (box.store.stages[one].is_finalizing for one in (stage, task.stage))
        if into != out_of:
            after = replace(after, finalized_at=box.now_ms() if into else None)
    after = _changed(box, ask, after, body)
    changed = after != task
    if changed:
        after = replace(after, updated_at=box.now_ms())
        box.store.put("tasks", after, box.clock.now())
    box.note(ask, "update", "task", task.id, changed=changed)
    return Reply(200, {"data": shapes.with_stage(box.store, after, shown(box, after, written=True))})


def delete(box: GipoSandbox, ask: Ask) -> Reply:
    """Into the trash, from which an administrator may take it back in the app."""
    task = find(box, ask, ask.params["task_id"])
    box.store.drop("tasks", task, box.clock.now())
    box.store.trash[task.id] = task
    box.note(ask, "delete", "task", task.id)
    return box.deleted()


def _body(box: GipoSandbox, ask: Ask) -> dict[str, Any]:
    own = f"{box.settings.assignee_field} {box.settings.tag_field}"
    return rules.body(ask, f"{MEMBERS} {own}", strict=box.settings.strict_members)


def _workspace(box: GipoSandbox, body: dict[str, Any]) -> str:
    wanted = rules.uid(body["workspaceId"], "workspaceId")
    if wanted not in box.store.workspaces:
        rules.refuse(404, "Workspace not found.")
    return wanted


def _stage(box: GipoSandbox, workspace: str, wanted: Any) -> str:
    stages = box.store.stages_of(workspace)
    if wanted is None:
        return stages[0].id
    stage = rules.uid(wanted, "stageId")
    if stage not in {row.id for row in stages}:
        rules.refuse(422, "stageId is no stage of this workspace.", path="stageId")
    return stage


def _changed(box: GipoSandbox, ask: Ask, task: Task, body: dict[str, Any]) -> Task:
    """The task with the members that ``body`` names, each checked."""
    made: dict[str, Any] = {}
    own = box.settings
    if "subject" in body:
        made["subject"] = rewriting.text(ask, rules.text(body, "subject", limit=own.subject_max, required=True))
    if "descriptionHtml" in body:
        made["description"] = _html(ask, body, own.description_max)
    if "priority" in body:
        made["priority"] = rules.choice(body, "priority", PRIORITIES)
    for name, column in (("expectedStartDate", "start"), ("expectedEndDate", "end")):
        if name in body:
            made[column] = rules.moment(body, name)
    if "estimatedHours" in body:
        made["hours"] = rules.decimal(body, "estimatedHours")
    if "sortOrder" in body:
        made["sort_order"] = rules.whole(body, "sortOrder", low=0)
    made |= _related(box, ask, body)
    if "finalizedAt" in body:
        if not own.finalize_directly:
            rules.refuse(422, "finalizedAt cannot be written on a task.", path="finalizedAt")
        made["finalized_at"] = rules.moment(body, "finalizedAt")
    return replace(task, **made)


def _related(box: GipoSandbox, ask: Ask, body: dict[str, Any]) -> dict[str, Any]:
    made: dict[str, Any] = {}
    for name, column, table in (("projectId", "project", "projects"), ("taskTypeId", "task_type", "types")):
        if name in body:
            wanted = rules.optional_uid(body, name)
            if wanted is not None and wanted not in getattr(box.store, table):
                rules.refuse(422, f"{name}: there is no {wanted}.", path=name)
            if name == "projectId" and wanted is not None and not box.sees_project(ask, wanted):
                rules.refuse(404, "Project not found.")
            made[column] = wanted
    if box.settings.assignee_field in body:
        made["assignees"] = rules.uids(body, box.settings.assignee_field, box.store.users)
    if box.settings.tag_field in body:
        made["tags"] = rules.uids(body, box.settings.tag_field, box.store.tags)
    return made


def _html(ask: Ask, body: dict[str, Any], limit: int) -> str | None:
    text = rules.text(body, "descriptionHtml", limit=limit)
    return None if text is None else sanitized(rewriting.text(ask, text) or "") or None


# ---- subtasks


def subtasks_of(box: GipoSandbox, task: Task) -> list[Subtask]:
    rows = [row for row in box.store.subtasks.values() if row.task == task.id]
    return sorted(rows, key=lambda row: (row.group, row.sort_order))


def subtasks(box: GipoSandbox, ask: Ask) -> Reply:
    """GET, and POST that adds one at the end of its group."""
    task = find(box, ask, ask.params["task_id"])
    rows = subtasks_of(box, task)
    if ask.method == "GET":
        return Reply(200, {"data": [shapes.subtask(box.store, row) for row in rows], "total": len(rows)})
    body = rules.body(ask, SUBTASK.replace(" finalizedAt", ""), strict=box.settings.strict_members)
    name = rules.text(body, "name", limit=NAME_LIMIT, required=True) or ""
    own = group_of(task)
    if body.get("groupId", own) != own:
        rules.refuse(422, "groupId is no group of this task.", path="groupId")
    now = box.now_ms()
    start = Subtask(str(uuid.uuid4()), task.id, own, name, now, now, sort_order=len(rows))
    row = _changed_subtask(box, ask, start, body)
    box.store.put("subtasks", row, box.clock.now())
    box.note(ask, "create", "subtask", row.id)
    return Reply(201, {"data": shapes.subtask(box.store, row)})


def subtask(box: GipoSandbox, ask: Ask) -> Reply:
    """PATCH and DELETE. A subtask that was deleted cannot be had back."""
    task = find(box, ask, ask.params["task_id"])
    row = box.store.subtasks.get(ask.params["subtask_id"])
    if row is None or row.task != task.id:
        rules.refuse(404, "Subtask not found.")
    if ask.method == "DELETE":
        box.store.drop("subtasks", row, box.clock.now())
        box.note(ask, "delete", "subtask", row.id)
        return box.deleted()
    body = rules.body(ask, SUBTASK, strict=box.settings.strict_members)
    after = _changed_subtask(box, ask, row, body)
    box.store.put("subtasks", replace(after, updated_at=box.now_ms()), box.clock.now())
    box.note(ask, "update", "subtask", row.id, changed=after != row)
    return Reply(200, {"data": shapes.subtask(box.store, after)})


def _changed_subtask(box: GipoSandbox, ask: Ask, row: Subtask, body: dict[str, Any]) -> Subtask:
    made: dict[str, Any] = {}
    if "name" in body:
        made["name"] = rules.text(body, "name", limit=NAME_LIMIT, required=True)
    if "descriptionHtml" in body:
        made["description"] = _html(ask, body, HTML_LIMIT)
    if "assigneeIds" in body:
        made["assignees"] = rules.uids(body, "assigneeIds", box.store.users)
    if "finalizedAt" in body:
        made["finalized_at"] = rules.moment(body, "finalizedAt")
    return replace(row, **made)


def group_of(task: Task) -> str:
    """The default group that every task has."""
    return str(uuid.uuid5(uuid.UUID(task.id), "group"))
