"""The other resources of the Gipo sandbox: workspaces, projects, members, tags, task types and its own description."""

from __future__ import annotations

import uuid
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from bridge.sandbox import gipo_rules as rules
from bridge.sandbox import gipo_shapes as shapes
from bridge.sandbox import gipo_tasks as tasks
from bridge.sandbox.exchange import Reply
from bridge.sandbox.gipo_store import Project

if TYPE_CHECKING:
    from bridge.sandbox.exchange import Ask
    from bridge.sandbox.gipo import GipoSandbox

PROJECT = "name description clientId status expectedFinalizationDate finalizedAt"
STATUSES = "notStarted inProgress onHold completed cancelled"


def workspaces(box: GipoSandbox, ask: Ask) -> Reply:
    rows = sorted(box.store.workspaces.values(), key=lambda row: row.name)
    return box.offset(ask, [shapes.workspace(box.store, row) for row in rows])


def workspace(box: GipoSandbox, ask: Ask) -> Reply:
    """The board: its stages and every task that the key may see, in one answer."""
    row = box.store.workspaces.get(ask.params["workspace_id"])
    if row is None:
        rules.refuse(404, "Workspace not found.")
    own = box.settings
    found = [one for one in box.rows(ask, "tasks").values() if one.workspace == row.id and box.sees(ask, one)]
    found = [one for one in found if own.board_has_finalized or one.finalized_at is None]
    found.sort(key=lambda one: (box.store.stages[one.stage].sort_order, one.sort_order, one.id))
    if "empty_listing" in ask.faults:
        found = []
    if "half_page" in ask.faults:
        found = found[: len(found) // 2]
    if own.board_cap:
        found = found[: own.board_cap]
    shown = [box.mirrored(ask, tasks.shown(box, one)) for one in found]
    if not own.board_has_descriptions:
        for shape in shown:
            del shape["descriptionHtml"]
    return Reply(200, {"data": shapes.workspace(box.store, row) | {"tasks": shown}})


def members(box: GipoSandbox, ask: Ask) -> Reply:
    rows = sorted(box.store.users.values(), key=lambda row: row.name)
    return box.offset(ask, [shapes.member(row) for row in rows])


def tags(box: GipoSandbox, ask: Ask) -> Reply:
    return box.offset(ask, [shapes.named(row) for row in sorted(box.store.tags.values(), key=lambda row: row.name)])


def types(box: GipoSandbox, ask: Ask) -> Reply:
    return box.offset(ask, [shapes.named(row) for row in sorted(box.store.types.values(), key=lambda row: row.name)])


def projects(box: GipoSandbox, ask: Ask) -> Reply:
    """GET, newest first, and POST by owners and admins."""
    if ask.method == "GET":
        needle = ask.query.get("query", "").casefold()
        rows = [row for row in box.store.projects.values() if box.sees_project(ask, row.id)]
        rows = [row for row in rows if needle in row.name.casefold() or needle in (row.client or "").casefold()]
        rows = [row for row in rows if ask.query.get("status", row.status) == row.status]
        rows.sort(key=lambda row: row.created_at, reverse=True)
        return box.offset(ask, [shapes.project(row) for row in rows], "query status")
    box.may(ask, "admin")
    body = rules.body(ask, PROJECT, strict=box.settings.strict_members)
    rules.text(body, "name", limit=300, required=True)
    now = box.now_ms()
    row = _changed(Project(str(uuid.uuid4()), "", now, now, members=(ask.who,)), body)
    box.store.put("projects", row, box.clock.now())
    box.note(ask, "create", "project", row.id)
    return Reply(201, {"data": shapes.project(row)})


def project(box: GipoSandbox, ask: Ask) -> Reply:
    row = box.store.projects.get(ask.params["project_id"])
    if row is None or not box.sees_project(ask, row.id):
        rules.refuse(404, "Project not found.")
    if ask.method == "GET":
        people = [shapes.person(box.store, one) for one in row.members]
        return Reply(200, {"data": shapes.project(row) | {"members": people}})
    box.may(ask, "admin")
    if ask.method == "DELETE":
        box.store.drop("projects", row, box.clock.now())
        box.note(ask, "delete", "project", row.id)
        return box.deleted()
    after = replace(
        _changed(row, rules.body(ask, PROJECT, strict=box.settings.strict_members)), updated_at=box.now_ms()
    )
    box.store.put("projects", after, box.clock.now())
    box.note(ask, "update", "project", row.id)
    return Reply(200, {"data": shapes.project(after)})


def _changed(row: Project, body: dict[str, Any]) -> Project:
    made: dict[str, Any] = {}
    if "name" in body:
        made["name"] = rules.text(body, "name", limit=300, required=True)
    if "description" in body:
        made["description"] = rules.text(body, "description", limit=50_000)
    if "status" in body:
        made["status"] = rules.choice(body, "status", STATUSES)
    for name, column in (("expectedFinalizationDate", "expected_end"), ("finalizedAt", "finalized_at")):
        if name in body:
            made[column] = rules.moment(body, name)
    return replace(row, **made)


def openapi(box: GipoSandbox, _: Ask) -> Reply:
    """The instance's own description, as far as a client can learn something from it."""
    own = box.settings
    if not own.has_openapi:
        rules.refuse(404, "Not found.")
    text, moment, ids = {"type": "string"}, {"type": ["string", "null"]}, {"type": "array", "items": {"type": "string"}}
    task: dict[str, Any] = {name: dict(text) for name in ("workspaceId", "stageId", "priority")}
    task |= dict.fromkeys(("projectId", "taskTypeId", "expectedStartDate", "expectedEndDate", "finalizedAt"), moment)
    task |= {
        "subject": {"type": "string", "maxLength": own.subject_max},
        "descriptionHtml": {"type": "string", "maxLength": own.description_max},
        "estimatedHours": {"type": ["number", "null"]},
        own.assignee_field: ids,
        own.tag_field: ids,
    }
    entry = {name: text for name in ("taskId", "subtaskId", "startedAt", "description", own.time_user_field) if name}
    schemas = {
        "TaskCreate": {"type": "object", "required": ["workspaceId", "subject"], "properties": task},
        "TimeEntryCreate": {"type": "object", "properties": entry | {"durationSeconds": {"type": "integer"}}},
    }

    def takes(name: str) -> dict[str, Any]:
        content = {"application/json": {"schema": {"$ref": f"#/components/schemas/{name}"}}}
        return {"requestBody": {"content": content}, "responses": {"201": {"description": "Created"}}}

    paths = {
        "/workspaces": {"get": {}},
        "/workspaces/{id}": {"get": {}},
        "/tasks": {"get": {}, "post": takes("TaskCreate")},
        "/time-entries": {"get": {}, "post": takes("TimeEntryCreate")},
    }
    info = {"title": "Gipo REST API", "version": "1.0.0"}
    return Reply(200, {"openapi": "3.1.0", "info": info, "paths": paths, "components": {"schemas": schemas}})
