"""The other resources of the TimeTracker sandbox: what is known of it, people, clients, projects, columns, hooks, the log."""

from __future__ import annotations

import secrets
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from bridge.sandbox import timetracker_rules as rules
from bridge.sandbox import timetracker_shapes as shapes
from bridge.sandbox.exchange import Reply
from bridge.sandbox.timetracker_store import Client, Hook, Project

if TYPE_CHECKING:
    from bridge.sandbox.exchange import Ask
    from bridge.sandbox.timetracker import TimeTrackerSandbox

VERSION = "5.10.0"
ENTRY_EVENTS = ("time_entry.created", "time_entry.updated", "time_entry.deleted")
EVENTS = ("project.created", "task.created", "task.updated", "task.deleted", *ENTRY_EVENTS)


def info(box: TimeTrackerSandbox, _: Ask) -> Reply:
    about = {"api_version": "v1", "app_version": VERSION, "setup_required": box.settings.setup_required}
    return Reply(200, about | {"timezone": box.settings.zone, "enabled_modules": ["tasks", "timer", "projects"]})


def health(box: TimeTrackerSandbox, _: Ask) -> Reply:
    return Reply(200, {"status": "healthy", "timestamp": box.times.local(box.clock.now())})


def me(box: TimeTrackerSandbox, ask: Ask) -> Reply:
    wants = {"description_min_length": 20, "require_description": False, "require_task": box.settings.require_task}
    row = box.person(ask)
    return Reply(
        200, {"user": shapes.user(box, row), "time_entry_requirements": wants, "enabled_modules": ["tasks", "timer"]}
    )


def users(box: TimeTrackerSandbox, ask: Ask) -> Reply:
    rows = [row for row in box.store.users.values() if row.is_active]
    shown, about = rules.page_of(ask, rows, cap=100)
    return Reply(200, {"users": [shapes.user(box, row) for row in shown], "pagination": about})


def clients(box: TimeTrackerSandbox, ask: Ask) -> Reply:
    if ask.method == "GET":
        shown, about = rules.page_of(ask, list(box.store.clients.values()), cap=100)
        return Reply(200, {"clients": [shapes.client(box, row) for row in shown], "pagination": about})
    body = rules.members(ask)
    now = box.clock.now()
    custom = tuple((body.get("custom_fields") or {}).items())
    row = Client(box.store.number("clients"), str(body["name"]), now, now, body.get("email"), custom)
    box.store.put("clients", row, now)
    box.note(ask, "create", "client", row.id)
    return Reply(201, {"message": "Client created successfully", "client": shapes.client(box, row)})


def client(_: TimeTrackerSandbox, __: Ask) -> Reply:
    """It cannot be read there: the program stumbles over its own query."""
    return rules.failed(500, "Database error occurred", "database_error")


PROJECT = ("name", "client_id", "description", "code", "billable", "hourly_rate", "billing_ref", "status", "color")


def projects(box: TimeTrackerSandbox, ask: Ask) -> Reply:
    if ask.method == "POST":
        return _new_project(box, ask)
    status = ask.query.get("status", "active")
    rows = [row for row in box.listed(ask, "projects") if status in (row.status, "all")]
    if not box.person(ask).is_admin:
        rows = []
    shown, about = rules.page_of(ask, sorted(rows, key=lambda row: row.name), cap=100)
    shown = rules.half(ask, shown, about)
    return Reply(200, {"projects": [shapes.project(box, row) for row in shown], "pagination": about})


def _new_project(box: TimeTrackerSandbox, ask: Ask) -> Reply:
    body = rules.members(ask)
    if unknown := {name: "Unknown field." for name in body if name not in PROJECT}:
        rules.invalid(**unknown)
    if body.get("client_id") not in box.store.clients:
        rules.refuse(400, "Invalid client")
    if any((row.name, row.client_id) == (body["name"], body["client_id"]) for row in box.store.projects.values()):
        rules.refuse(400, "A project with this name already exists for this client")
    now = box.clock.now()
    given = {name: body[name] for name in ("description", "code", "billable", "hourly_rate") if name in body}
    row = Project(box.store.number("projects"), str(body["name"]), body["client_id"], now, now, **given)
    box.store.put("projects", row, now)
    box.note(ask, "create", "project", row.id)
    box.audit(ask, "Project", row.id, row.name, "created")
    box.send("project.created", {"project_id": row.id, "client_id": row.client_id})
    return Reply(201, {"message": "Project created successfully", "project": shapes.project(box, row)})


def project(box: TimeTrackerSandbox, ask: Ask) -> Reply:
    """GET, PATCH and DELETE (archives)."""
    row = box.store.projects.get(ask.params["project_id"])
    if row is None:
        rules.refuse(404, f"Project with ID {ask.params['project_id']} not found", "not_found")
    if ask.method == "GET":
        if not box.person(ask).is_admin and not box.settings.plain_sees_projects:
            rules.refuse(403, "Access denied", "forbidden")
        return Reply(200, {"project": shapes.project(box, row)})
    now = box.clock.now()
    if ask.method == "DELETE":
        after = replace(row, status="archived", archived_at=now, updated_at=now)
        words = "archived"
    else:
        body = rules.members(ask)
        given = {name: body[name] for name in ("name", "description", "status", "code", "billable") if name in body}
        archived_at = None if given.get("status") == "active" else row.archived_at
        after = replace(row, **given, archived_at=archived_at, updated_at=now)
        words = "updated"
    box.store.put("projects", after, now)
    box.note(ask, "update", "project", row.id)
    box.audit(ask, "Project", row.id, row.name, "updated")
    answer: dict[str, Any] = {"message": f"Project {words} successfully"}
    return Reply(200, answer if ask.method == "DELETE" else answer | {"project": shapes.project(box, after)})


def columns(box: TimeTrackerSandbox, ask: Ask) -> Reply:
    project = rules.whole(ask, "project_id", 0) or None
    rows = [row for row in box.store.columns.values() if row.project_id == project]
    return Reply(200, {"columns": [shapes.column(row) for row in sorted(rows, key=lambda row: row.position)]})


def audit_logs(box: TimeTrackerSandbox, ask: Ask) -> Reply:
    """Newest first, by the clock; no pages, no cap on ``limit``."""
    kind, action = ask.query.get("entity_type"), ask.query.get("action")
    rows = [
        row
        for row in (box.store.audit if box.settings.audit else [])
        if kind in (None, row.entity_type) and action in (None, row.action)
    ]
    rows.sort(key=lambda row: (row.created_at, row.id), reverse=True)
    shown = rows[: rules.whole(ask, "limit", 100) or 100]
    return Reply(200, {"audit_logs": [shapes.audit(box, row) for row in shown]})


def search(box: TimeTrackerSandbox, ask: Ask) -> Reply:
    words, kinds = ask.query.get("q", "").lower(), ask.query.get("types", "task").split(",")
    found: list[dict[str, Any]] = []
    if "task" in kinds:
        found = [
            {"type": "task", "category": "task", "id": row.id, "title": row.name, "url": f"/tasks/{row.id}"}
            | {"badge": row.status.title(), "description": ""}
            for row in box.store.tasks.values()
            if words in f"{row.name}\n{row.description or ''}".lower()
        ][:50]
    about = {"count": len(found), "errors": {}, "partial": False, "query": ask.query.get("q", "")}
    return Reply(200, about | {"results": found})


def webhooks(box: TimeTrackerSandbox, ask: Ask) -> Reply:
    if ask.method == "GET":
        return Reply(200, {"webhooks": [shapes.hook(box, row) for row in box.store.hooks.values()]})
    body = rules.members(ask)
    for name in ("name", "url"):
        if not body.get(name):
            return Reply(400, {"error": f"{name} is required"})
    events = tuple(body.get("events") or ())
    for event in events:
        if event != "*" and event not in EVENTS:
            return Reply(400, {"error": f"Invalid event type: {event}"})
    secret = secrets.token_hex(32) if body.get("generate_secret", True) else ""
    now = box.clock.now()
    row = Hook(box.store.number("hooks"), body["name"], body["url"], secret, events, box.person(ask).id, now)
    box.store.put("hooks", row, now)
    box.note(ask, "create", "webhook", row.id)
    told = shapes.hook(box, row) | {"secret": secret or None}
    return Reply(201, {"message": "Webhook created successfully", "webhook": told})


def webhook(box: TimeTrackerSandbox, ask: Ask) -> Reply:
    """GET and DELETE. The secret is never shown again."""
    row = box.store.hooks.get(ask.params["hook_id"])
    if row is None:
        rules.missing()
    if ask.method == "GET":
        return Reply(200, {"webhook": shapes.hook(box, row)})
    box.store.drop("hooks", row, box.clock.now())
    box.note(ask, "delete", "webhook", row.id)
    return Reply(200, {"message": "Webhook deleted successfully"})


def events(_: TimeTrackerSandbox, __: Ask) -> Reply:
    return Reply(200, {"events": list(EVENTS)})
