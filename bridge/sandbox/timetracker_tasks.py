"""Tasks and comments of the TimeTracker sandbox."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from bridge.sandbox import effects, rewriting
from bridge.sandbox import timetracker_rules as rules
from bridge.sandbox import timetracker_shapes as shapes
from bridge.sandbox.exchange import Reply
from bridge.sandbox.timetracker_store import Comment, Task

if TYPE_CHECKING:
    from bridge.sandbox.exchange import Ask
    from bridge.sandbox.timetracker import TimeTrackerSandbox

DELETED = "[Comment deleted]"


def listing(box: TimeTrackerSandbox, ask: Ask) -> Reply:
    rows = box.listed(ask, "tasks")
    project = rules.whole(ask, "project_id", 0)
    status, tags = ask.query.get("status"), [part.strip().lower() for part in ask.query.get("tags", "").split(",")]
    wanted = [
        row
        for row in rows
        if (not project or row.project_id == project)
        and (not status or row.status == status)
        and (not any(tags) or any(rules.like(part, row.tags or "") for part in tags if part))
    ]
    wanted.sort(key=lambda row: (row.due_date is None, row.due_date or "", row.created_at))
    wanted.sort(key=lambda row: row.priority, reverse=True)
    shown, about = rules.page_of(ask, wanted)
    shown = rules.half(ask, shown, about)
    return Reply(200, {"tasks": [shapes.task(box, row) for row in shown], "pagination": about})


def find(box: TimeTrackerSandbox, ask: Ask) -> Task | None:
    return box.store.tasks.get(ask.params["task_id"])


def get(box: TimeTrackerSandbox, ask: Ask) -> Reply:
    row = find(box, ask)
    if row is None:
        rules.missing()
    return Reply(200, {"task": shapes.task(box, row)})


def create(box: TimeTrackerSandbox, ask: Ask) -> Reply:
    body = rules.members(ask)
    lacks = {name: text for name, text in LACKS.items() if not body.get(name)}
    if lacks:
        rules.invalid(**lacks)
    project = box.store.projects.get(_number(body["project_id"]))
    if project is None:
        rules.refuse(400, "Invalid project")
    for name in ("name", "description", "tags"):
        if isinstance(body.get(name), list):
            rules.crash("AttributeError", "'list' object has no attribute 'strip'")
    sent = {name: body.get(name) for name in ("description", "due_date", "estimated_hours", "tags")}
    who = body.get("assignee_id")
    if who is not None and who not in box.store.users:
        _database(box, "create")
    priority = body.get("priority", "medium") or "medium"
    now = box.clock.now()
    row = Task(
        id=0,
        project_id=project.id,
        name=str(rewriting.text(ask, str(body["name"]).strip())),
        created_by=box.person(ask).id,
        created_at=now,
        updated_at=now,
        priority=str(priority),
        assigned_to=who,
        **_checked(box, ask, sent, "create"),
    )
    row = replace(row, description=(row.description or "").strip() or None, tags=(row.tags or "").strip() or None)
    if len(row.name) > rules.NAME_LIMIT or len(row.priority) > rules.STATUS_LIMIT:
        _database(box, "create")
    row = box.store.put("tasks", replace(row, id=box.store.number("tasks")), now)
    box.note(ask, "create", "task", row.id)
    box.audit(ask, "Task", row.id, row.name, "created")
    return Reply(201, {"message": "Task created successfully", "task": shapes.task(box, row)})


LACKS = {"name": "Task name is required", "project_id": "project_id is required"}


def _database(box: TimeTrackerSandbox, verb: str) -> Any:
    del box
    return rules.refuse(400, f"Could not {verb} task due to a database error")


def _number(value: Any) -> int:
    try:
        return int(value)
    except (TypeError, ValueError):
        return 0


def _checked(box: TimeTrackerSandbox, ask: Ask, sent: dict[str, Any], verb: str) -> dict[str, Any]:
    """What the database takes of the members that create and update share."""
    kept = dict(sent)
    if "due_date" in kept:
        if kept["due_date"] and box.settings.storage == "sqlite":
            _database(box, verb)
        try:
            kept["due_date"] = rules.day(kept["due_date"])
        except ValueError:
            _database(box, verb)
    if "description" in kept:
        kept["description"] = rewriting.text(ask, kept["description"])
    if kept.get("estimated_hours") is not None and not isinstance(kept["estimated_hours"], int | float):
        _database(box, verb)
    for name, limit in (("name", rules.NAME_LIMIT), ("status", rules.STATUS_LIMIT), ("tags", rules.TAGS_LIMIT)):
        if name in kept and (not isinstance(kept[name], str | None) or len(kept[name] or "") > limit):
            _database(box, verb)
    return kept


def update(box: TimeTrackerSandbox, ask: Ask) -> Reply:
    """PUT and PATCH: both partial. Who it is assigned to and its project stay as they are, without a word."""
    body = rules.members(ask)
    row = find(box, ask)
    if row is None:
        rules.refuse(400, "Task not found")
    names = ("name", "description", "status", "priority", "due_date", "estimated_hours", "tags")
    sent = {name: body[name] for name in names if name in body}
    if not box.settings.assignee_bug and "assignee_id" in body:
        sent["assigned_to"] = body["assignee_id"]
    if any(name in sent and sent[name] is None for name in ("name", "status", "priority")):
        _database(box, "update")
    if isinstance(sent.get("name"), str):
        sent["name"] = rewriting.text(ask, sent["name"])
    after = replace(row, **_checked(box, ask, sent, "update"))
    changed = after != row
    if changed:
        after = replace(after, updated_at=box.clock.now())
        box.store.put("tasks", after, box.clock.now())
        for name in sent:
            old, new = getattr(row, name), getattr(after, name)
            if old != new:
                box.audit(ask, "Task", row.id, after.name, "updated", (name, old, new))
    box.note(ask, "update", "task", row.id, changed=changed)
    return Reply(200, {"message": "Task updated successfully", "task": shapes.task(box, after)})


def delete(box: TimeTrackerSandbox, ask: Ask) -> Reply:
    """For good; its time entries and comments stay behind without a task."""
    row = find(box, ask)
    if row is None:
        rules.refuse(404, f"Task with ID {ask.params['task_id']} not found", "not_found")
    now = box.clock.now()
    for entry in [one for one in box.store.entries.values() if one.task_id == row.id]:
        box.store.put("entries", replace(entry, task_id=None, updated_at=now), now)
        box.audit(ask, "TimeEntry", entry.id, f"<TimeEntry {entry.id}>", "updated", ("task_id", row.id, None))
    for comment in [one for one in box.store.comments.values() if one.task_id == row.id]:
        box.store.put("comments", replace(comment, task_id=None, updated_at=now), now)
    box.store.drop("tasks", row, now)
    box.note(ask, "delete", "task", row.id)
    box.audit(ask, "Task", row.id, row.name, "deleted")
    return Reply(200, {"message": "Task deleted successfully"})


def comments(box: TimeTrackerSandbox, ask: Ask) -> Reply:
    """Those of one task or one project, oldest first, all of them."""
    task, project = rules.whole(ask, "task_id", 0), rules.whole(ask, "project_id", 0)
    if not task and not project:
        rules.refuse(400, "project_id or task_id is required")
    rows = [row for row in box.listed(ask, "comments") if (row.task_id == task if task else row.project_id == project)]
    if "half_page" in ask.faults:
        rows = rows[: len(rows) // 2]
    return Reply(200, {"comments": [shapes.comment(box, row) for row in sorted(rows, key=lambda row: row.id)]})


def add_comment(box: TimeTrackerSandbox, ask: Ask) -> Reply:
    body = rules.members(ask)
    content = rewriting.text(ask, str(body.get("content") or "").strip())
    task, project = body.get("task_id"), body.get("project_id")
    if not content:
        rules.refuse(400, "content is required")
    if bool(task) == bool(project):
        rules.refuse(400, "Provide either project_id or task_id")
    if task and task not in box.store.tasks:
        rules.refuse(500, "Database error occurred", "database_error")
    now = box.clock.now()
    number, who = box.store.number("comments"), box.person(ask).id
    row = Comment(number, who, content, now, now, task, project, body.get("parent_id"))
    box.store.put("comments", row, now)
    box.note(ask, "create", "comment", row.id)
    effects.note(box.journal, ask.who, str(row.id), effects.on_timetracker, after=content)
    box.audit(ask, "Comment", row.id, _comment_name(box, row), "created")
    return Reply(201, {"message": "Comment created successfully", "comment": shapes.comment(box, row)})


def comment(box: TimeTrackerSandbox, ask: Ask) -> Reply:
    """PUT and DELETE, for the author and admins; one with replies only loses its text."""
    row = box.store.comments.get(ask.params["comment_id"])
    if row is None:
        rules.missing()
    person = box.person(ask)
    if row.user_id != person.id and not person.is_admin:
        rules.refuse(403, "Access denied", "forbidden")
    now = box.clock.now()
    name = _comment_name(box, row)
    if ask.method == "DELETE":
        if any(one.parent_id == row.id for one in box.store.comments.values()):
            box.store.put("comments", replace(row, content=DELETED, updated_at=now), now)
            box.audit(ask, "Comment", row.id, name, "updated", ("content", row.content, DELETED))
        else:
            box.store.drop("comments", row, now)
            box.audit(ask, "Comment", row.id, name, "deleted")
        box.note(ask, "delete", "comment", row.id)
        return Reply(200, {"message": "Comment deleted successfully"})
    content = rewriting.text(ask, str(rules.members(ask).get("content") or "").strip())
    if not content:
        rules.refuse(400, "content is required")
    after = replace(row, content=content)
    if after != row:
        after = replace(after, updated_at=now)
        box.store.put("comments", after, now)
        box.audit(ask, "Comment", row.id, name, "updated", ("content", row.content, content))
        effects.note(box.journal, ask.who, str(row.id), effects.on_timetracker, after=content, before=row.content)
    box.note(ask, "update", "comment", row.id, changed=after != row)
    return Reply(200, {"message": "Comment updated successfully", "comment": shapes.comment(box, after)})


def _comment_name(box: TimeTrackerSandbox, row: Comment) -> str:
    target = f"Task {row.task_id}" if row.task_id else f"Project {row.project_id}"
    return f"<Comment by {shapes.name_of(box, row.user_id)} on {target}>"
