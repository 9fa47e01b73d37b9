"""Tasks of the Workestra sandbox, which its API calls issues: list, read, create, change, put into the trash."""

from __future__ import annotations

import uuid
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from bridge.sandbox import rewriting
from bridge.sandbox import workestra_rules as rules
from bridge.sandbox.clock import iso, iso_ms
from bridge.sandbox.exchange import Reply
from bridge.sandbox.workestra_store import DONE, PRIORITIES, Project, Task

if TYPE_CHECKING:
    from bridge.sandbox.exchange import Ask
    from bridge.sandbox.workestra import WorkestraSandbox

CREATE = "project_id title description priority assignee_id labels"
CHANGE = "title description status priority assignee_id labels custom_fields due_date estimate_hours"
SORTS = ("created_at", "title", "priority", "status")
MOST = 100


def shape(box: WorkestraSandbox, task: Task, *, mirrored: bool = False) -> dict[str, Any]:
    settings = box.settings
    labels = list(task.labels)
    row: dict[str, Any] = {
        "id": task.id,
        "project_id": task.project_id,
        "title": task.title,
        "description": task.description,
        "status": task.status,
        "priority": task.priority,
        "assignee_id": task.assignee_id,
        "labels": labels[::-1] if mirrored else labels,
        "custom_fields": dict.fromkeys(box.store.fields) | dict(task.custom_fields),
        "created_at": iso_ms(task.created_at),
    }
    if settings.shows_plan:
        row |= {"due_date": task.due_date, "estimate_hours": task.estimate_hours}
    if settings.shows_updated_at:
        row["updated_at"] = iso_ms(task.updated_at)
    if not settings.shows_project:
        del row["project_id"]
    if settings.trash == "marked":
        row["deleted_at"] = iso_ms(task.deleted_at)
    return row


def listing(box: WorkestraSandbox, ask: Ask) -> Reply:
    page, size = rules.number(ask, "page", 1), min(rules.number(ask, "per_page", 25), MOST)
    order = ask.query.get("order", "asc")
    if order not in ("asc", "desc"):
        rules.refuse(400, "order must be asc or desc.")
    stale = ask.faults.get("stale")
    tasks = box.store.tasks if stale is None else box.store.as_of(stale, box.clock.now())
    box.store.lists += 1
    rows = [task for task in tasks.values() if _is_wanted(box, ask, task)]
    if "empty_listing" in ask.faults:
        rows = []
    rows.sort(key=lambda task: _key(box, ask.query.get("sort", "created_at"), task), reverse=order == "desc")
    part = rows[(page - 1) * size : page * size]
    if "half_page" in ask.faults:
        part = part[: len(part) // 2]
    mirrored = rewriting.is_mirrored(ask)
    count = len(rows) if box.settings.count == "total" else len(part)
    return Reply(200, {"data": [shape(box, task, mirrored=mirrored) for task in part], "count": count, "error": None})


def _key(box: WorkestraSandbox, sort: str, task: Task) -> tuple[Any, int]:
    if sort == "updated_at" and box.settings.sorts_updated:
        return task.updated_at, task.number
    if sort in SORTS and sort != "created_at":
        return getattr(task, sort), task.number
    return task.created_at, task.number


def _is_wanted(box: WorkestraSandbox, ask: Ask, task: Task) -> bool:
    """The filters of the page. ``open`` is a class of statuses, no status; an unknown project lists nothing."""
    project, query = box.store.projects[task.project_id], ask.query
    if project.deleted_at is not None or project.role(ask.who) is None:
        return False
    if task.deleted_at is not None and box.settings.trash != "marked":
        return False
    status = query.get("status")
    is_open = task.status not in DONE
    today = iso(box.clock.now())[:10]
    return (
        (not box.settings.filters_project or query.get("project_id") in (None, task.project_id))
        and (status is None or task.status == status or (status == "open" and is_open))
        and query.get("assignee_id") in (None, task.assignee_id)
        and (query.get("overdue") != "true" or (is_open and task.due_date is not None and task.due_date < today))
    )


def find(box: WorkestraSandbox, ask: Ask) -> tuple[Project, Task]:
    task = box.store.tasks.get(ask.params["task_id"])
    if task is None:
        rules.refuse(404, "Task not found.")
    project = box.project(ask, task.project_id)
    if task.deleted_at is not None and not (box.settings.trash == "marked" and ask.method == "GET"):
        rules.refuse(404, "Task not found.")
    return project, task


def get(box: WorkestraSandbox, ask: Ask) -> Reply:
    _, task = find(box, ask)
    return box.single(200, shape(box, task, mirrored=rewriting.is_mirrored(ask)))


def create(box: WorkestraSandbox, ask: Ask) -> Reply:
    """POST knows six members; what it does with ``custom_fields`` is a setting."""
    how = box.settings.create_custom_fields
    body = rules.body(ask, CREATE if how == "refuse" else f"{CREATE} custom_fields", strict=box.settings.strict_members)
    project_id = rules.text(body, "project_id", required=True) or ""
    project = box.project(ask, project_id)
    box.may(ask, project)
    if how == "ignore":
        body.pop("custom_fields", None)
    rules.text(body, "title", required=True)
    now = box.now_ms()
    start = Task(f"task_{uuid.uuid4().hex[:12]}", project.id, box.store.next_number(), "", now, now)
    members = _members(box, ask, project, start, body)
    task = replace(start, **{"status": project.statuses[0], **members})
    box.store.put(task, box.clock.now())
    box.note(ask, "create", "task", task.id)
    box.tell("task.created", ask, task)
    return box.single(201, shape(box, task))


def change(box: WorkestraSandbox, ask: Ask) -> Reply:
    """PATCH: what is not named stays; labels are replaced."""
    project, task = find(box, ask)
    box.may(ask, project)
    known = CHANGE if box.settings.shows_plan else CHANGE.replace(" due_date estimate_hours", "")
    body = rules.body(ask, known, strict=box.settings.strict_members)
    after = replace(task, **_members(box, ask, project, task, body))
    changed = after != task
    if changed:
        after = box.store.put(replace(after, updated_at=box.now_ms()), box.clock.now())
    box.note(ask, "update", "task", task.id, changed=changed)
    if changed:
        _announce(box, ask, task, after)
    if box.settings.patch_answers_nothing:
        return Reply(204)
    return box.single(200, shape(box, after))


def delete(box: WorkestraSandbox, ask: Ask) -> Reply:
    """Into the trash."""
    project, task = find(box, ask)
    box.may(ask, project)
    now = box.now_ms()
    box.store.put(replace(task, deleted_at=now, updated_at=now), box.clock.now())
    box.note(ask, "delete", "task", task.id)
    box.tell("task.deleted", ask, task)
    return Reply(204)


def _members(box: WorkestraSandbox, ask: Ask, project: Project, task: Task, body: dict[str, Any]) -> dict[str, Any]:
    """The checked members of a body, by their names in ``Task``."""
    found: dict[str, Any] = {}
    if "title" in body:
        title = rules.text(body, "title", limit=rules.TITLE_LIMIT, required=True)
        found["title"] = rewriting.text(ask, title)
    if "description" in body:
        words = rules.text(body, "description", limit=rules.DESCRIPTION_LIMIT)
        found["description"] = rewriting.text(ask, words)
    if "status" in body:
        found["status"] = rules.choice(body, "status", project.statuses)
    if "priority" in body:
        found["priority"] = rules.choice(body, "priority", PRIORITIES)
    if "assignee_id" in body:
        found["assignee_id"] = _person(box, body)
    if "labels" in body:
        found["labels"] = _labels(box, ask, project, body)
    if "due_date" in body:
        found["due_date"] = rules.day(body, "due_date")
    if "estimate_hours" in body:
        found["estimate_hours"] = rules.hours(body, "estimate_hours")
    if "custom_fields" in body:
        found["custom_fields"] = _custom(box, task, body["custom_fields"])
    return found


def _person(box: WorkestraSandbox, body: dict[str, Any]) -> str | None:
    who = body["assignee_id"]
    if who is not None and who not in box.store.people:
        rules.refuse(422, "assignee_id is nobody of this workspace.")
    return None if who is None else str(who)


def _labels(box: WorkestraSandbox, ask: Ask, project: Project, body: dict[str, Any]) -> tuple[str, ...]:
    """Labels are the project's; a setting says whether an unknown name is made, dropped in silence, or refused."""
    names = tuple(dict.fromkeys(rewriting.label(ask, name) for name in rules.names(body, "labels")))
    new = tuple(name for name in names if name not in project.labels)
    if new and box.settings.unknown_labels == "refuse":
        rules.refuse(422, f"labels: there is no label {new[0]}.")
    if new and box.settings.unknown_labels == "create":
        box.store.projects[project.id] = replace(project, labels=(*project.labels, *new))
        return names
    return tuple(name for name in names if name in project.labels)


def _custom(box: WorkestraSandbox, task: Task, wanted: Any) -> tuple[tuple[str, Any], ...]:
    """Merged into what there is, or instead of it; null empties."""
    if not isinstance(wanted, dict):
        rules.refuse(422, "custom_fields must be an object.")
    for key, value in wanted.items():
        if (kind := box.store.fields.get(key)) is None:
            rules.refuse(422, f"custom_fields: there is no field {key}.")
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        if value is not None and not (is_number if kind == "number" else isinstance(value, str)):
            rules.refuse(422, f"custom_fields: {key} must be a {kind}.")
    start = dict(task.custom_fields) if box.settings.patch_custom_fields == "merge" else {}
    kept = {key: value for key, value in {**start, **wanted}.items() if value is not None}
    return tuple(sorted(kept.items()))


def _announce(box: WorkestraSandbox, ask: Ask, before: Task, after: Task) -> None:
    box.tell("task.updated", ask, after)
    if before.status != after.status:
        box.tell("task.status_changed", ask, after, old_status=before.status, new_status=after.status)
        if after.status in DONE and before.status not in DONE:
            box.tell("task.completed", ask, after)
    if before.assignee_id != after.assignee_id and after.assignee_id:
        box.tell("task.assigned", ask, after)
