"""Tasks of the Grow CRM sandbox: create, full update, the actions for status, people and tags, archive, delete, comments."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from bridge.sandbox import growcrm_rules as rules
from bridge.sandbox import growcrm_shapes as shapes
from bridge.sandbox import rewriting
from bridge.sandbox.growcrm_store import Comment, Task

if TYPE_CHECKING:
    from bridge.sandbox.exchange import Ask, Reply
    from bridge.sandbox.growcrm import GrowcrmSandbox

FILTERS = {
    "project_id": lambda row: row.project_id,
    "status": lambda row: row.status_id,
    "priority": lambda row: row.priority_id,
    "milestone_id": lambda row: row.milestone_id,
    "active_state": lambda row: row.active_state,
}
SORTS = {
    "task_title": lambda row: row.title.casefold(),
    "task_date_due": lambda row: row.date_due or "",
    "task_created": lambda row: int(row.created_at),
    "task_position": lambda row: row.id,
}
OPTIONAL = {
    "task_description": "description",
    "task_date_start": "date_start",
    "task_date_due": "date_due",
    "task_client_visibility": "client_visibility",
    "task_billable": "billable",
    "task_milestoneid": "milestone_id",
}


def find(box: GrowcrmSandbox, ask: Ask) -> Task:
    given = ask.params["task_id"]
    row = box.store.tasks.get(int(given)) if given.isdigit() else None
    if row is None:
        rules.refuse(404, "Task not found.")
    return row


def index(box: GrowcrmSandbox, ask: Ask) -> Reply:
    """GET. Without ``active_state`` the setting ``unfiltered`` decides: the page does not say."""
    if "active_state" not in ask.query and box.settings.unfiltered:
        ask.query["active_state"] = box.settings.unfiltered
    passes = shapes.wanted(ask, FILTERS)
    person, words = ask.query.get("assigned_user_id"), ask.query.get("search", "").casefold()
    client = ask.query.get("client_id")
    rows = [
        row
        for row in box.store.as_of("tasks", ask.faults.get("stale"), box.clock.now()).values()
        if passes(row)
        and (not person or int(person) in row.assigned)
        and words in row.title.casefold()
        and (not client or str(box.store.projects[row.project_id].client_id) == client)
    ]
    return shapes.listing(box, ask, rows, shapes.task, sorts=SORTS, default="task_created")


def get(box: GrowcrmSandbox, ask: Ask) -> Reply:
    return shapes.one(shapes.task(box, find(box, ask)), "Task retrieved successfully.")


def create(box: GrowcrmSandbox, ask: Ask) -> Reply:
    """POST. Tags and people cannot be given here: such members are not looked at."""
    body = rules.body(ask)
    project = rules.number(body, "task_projectid")
    if project not in box.store.projects:
        rules.invalid("task_projectid", "The selected task projectid is invalid.")
    now = box.clock.now()
    row = Task(id=box.store.new_id(), created_at=now, updated_at=now, **_editable(box, ask, body, project))
    box.store.keep("tasks", row, now)
    box.note(ask, "create", "task", row.id)
    return shapes.one(shapes.task(box, row), "Task created successfully.", 201)


def update(box: GrowcrmSandbox, ask: Ask) -> Reply:
    """PATCH: a full update (setting ``patch_resets``): what is optional and not given goes back to its default."""
    before = find(box, ask)
    body = rules.body(ask)
    members = _editable(box, ask, body, before.project_id)
    if not box.settings.patch_resets:
        members = {
            name: value
            for name, value in members.items()
            if name not in OPTIONAL.values() or any(wire in body for wire, own in OPTIONAL.items() if own == name)
        }
    after = store(box, ask, before, replace(before, **members), touches=True)
    return shapes.one(shapes.task(box, after), "Task updated successfully.")


def _editable(box: GrowcrmSandbox, ask: Ask, body: dict[str, Any], project: int) -> dict[str, Any]:
    """The checked members that POST and PATCH share."""
    title = rules.text(body, "task_title", limit=rules.TITLE_LIMIT, required=True)
    start, due = rules.day(body, "task_date_start"), rules.day(body, "task_date_due")
    if start and due and due < start:
        rules.invalid("task_date_due", "The task date due must be a date after or equal to task date start.")
    return {
        "project_id": project,
        "title": rewriting.text(ask, title),
        "status_id": _choice(box.store.statuses, body, "task_status"),
        "priority_id": _choice(box.store.priorities, body, "task_priority"),
        "description": rewriting.text(ask, rules.text(body, "task_description")),
        "date_start": start,
        "date_due": due,
        "client_visibility": rules.flag(body, "task_client_visibility"),
        "billable": rules.flag(body, "task_billable"),
        "milestone_id": _milestone(box, body, project),
    }


def _choice(rows: dict[int, Any], body: dict[str, Any], name: str) -> int:
    wanted = rules.number(body, name)
    if wanted not in rows:
        rules.invalid(name, f"The selected {name.replace('_', ' ')} is invalid.")
    return wanted


def _milestone(box: GrowcrmSandbox, body: dict[str, Any], project: int) -> int:
    own = [row for row in box.store.milestones.values() if row.project_id == project]
    wanted = rules.number(body, "task_milestoneid", required=False)
    if wanted is None:
        default = next((row.id for row in own if row.type == "uncategorised"), None)
        if default is None:
            rules.refuse(409, "The project does not have a default milestone.")
        return default
    if wanted not in [row.id for row in own]:
        rules.refuse(409, "The milestone does not belong to the project.")
    return wanted


def store(box: GrowcrmSandbox, ask: Ask, before: Task, after: Task, *, touches: bool) -> Task:
    """Keep a changed task; ``touches`` dates it."""
    changed, now = before != after, box.clock.now()
    if touches or box.settings.actions_touch:
        after = replace(after, updated_at=now)
    box.store.keep("tasks", after, now)
    box.note(ask, "update", "task", after.id, changed=changed)
    return after


def set_status(box: GrowcrmSandbox, ask: Ask) -> Reply:
    """PUT: marks who completed the task when this is a completed status."""
    row = find(box, ask)
    wanted = _choice(box.store.statuses, rules.body(ask), "status")
    done = box.store.statuses[wanted].is_completed
    after = replace(row, status_id=wanted, completer_id=box.admin if done else None)
    after = store(box, ask, row, after, touches=True)
    return shapes.one(shapes.task(box, after), "Task status updated successfully.")


def set_assigned(box: GrowcrmSandbox, ask: Ask) -> Reply:
    row = find(box, ask)
    given = rules.array(rules.body(ask), "assigned")
    ids = [rules.number({"assigned": one}, "assigned") or 0 for one in given]
    for user in ids:
        if user not in box.store.team or box.store.team[user].status == "deleted":
            rules.invalid("assigned", "The selected assigned is invalid.")
    after = store(box, ask, row, replace(row, assigned=tuple(dict.fromkeys(ids))), touches=False)
    return shapes.one(shapes.task(box, after), "Task assignees updated successfully.")


def set_tags(box: GrowcrmSandbox, ask: Ask) -> Reply:
    row = find(box, ask)
    names = rules.tags(ask, rules.array(rules.body(ask), "tags"))
    if rewriting.is_mirrored(ask):
        names = names[::-1]
    after = store(box, ask, row, replace(row, tags=names), touches=False)
    return shapes.one(shapes.task(box, after), "Task tags updated successfully.")


def archive(box: GrowcrmSandbox, ask: Ask) -> Reply:
    """PUT ``archive`` and ``activate``; no body."""
    row = find(box, ask)
    state = "archived" if ask.path.endswith("/archive") else "active"
    after = store(box, ask, row, replace(row, active_state=state), touches=False)
    return shapes.one(shapes.task(box, after), f"Task {state} successfully.")


def delete(box: GrowcrmSandbox, ask: Ask) -> Reply:
    row = find(box, ask)
    box.store.drop_task(row.id, box.clock.now())
    box.note(ask, "delete", "task", row.id)
    return shapes.one({"id": row.id}, "Task deleted successfully.")


def comments(box: GrowcrmSandbox, ask: Ask) -> Reply:
    """GET, and POST. Whoever the key was made for, the main administrator is the author."""
    row = find(box, ask)
    if ask.method == "GET":
        held = box.store.as_of("comments", ask.faults.get("stale"), box.clock.now()).values()
        mine = [one for one in held if one.task_id == row.id]
        if "empty_listing" in ask.faults:
            mine = []
        return shapes.one([shapes.comment(box, one) for one in mine], "Comments retrieved successfully.")
    words = rewriting.text(ask, rules.text(rules.body(ask), "comment", required=True)) or ""
    made = Comment(box.store.new_id(), row.id, box.admin, words, box.clock.now())
    box.store.keep("comments", made, box.clock.now())
    box.note(ask, "create", "comment", made.id)
    return shapes.one(shapes.comment(box, made), "Comment added successfully.", 201)


def comment(box: GrowcrmSandbox, ask: Ask) -> Reply:
    """DELETE."""
    row = find(box, ask)
    given = ask.params["comment_id"]
    held = box.store.comments.get(int(given)) if given.isdigit() else None
    if held is None or held.task_id != row.id:
        rules.refuse(404, "Comment not found.")
    box.store.remove("comments", held.id, box.clock.now())
    box.note(ask, "delete", "comment", held.id)
    return shapes.one({"id": held.id}, "Comment deleted successfully.")


def timers(box: GrowcrmSandbox, ask: Ask) -> Reply:
    row = find(box, ask)
    mine = [one for one in box.store.timers.values() if one.task_id == row.id]
    return shapes.one([shapes.timer(box, one) for one in mine], "Timers retrieved successfully.")


def stop_timers(box: GrowcrmSandbox, ask: Ask) -> Reply:
    row, now = find(box, ask), box.clock.now()
    for one in [one for one in box.store.timers.values() if one.task_id == row.id and one.status == "running"]:
        seconds = round(now - (one.started_at or now))
        box.store.keep("timers", replace(one, status="stopped", seconds=seconds, stopped_at=now), now)
    box.note(ask, "update", "timers", row.id)
    return shapes.one({"id": row.id}, "Timers stopped successfully.")
