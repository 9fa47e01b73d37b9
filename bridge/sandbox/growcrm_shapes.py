"""The JSON of the Grow CRM sandbox, and how it lists."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bridge.sandbox import growcrm_rules as rules
from bridge.sandbox.clock import iso
from bridge.sandbox.exchange import Reply

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from bridge.sandbox.exchange import Ask
    from bridge.sandbox.growcrm import GrowcrmSandbox
    from bridge.sandbox.growcrm_store import Comment, Member, Milestone, Project, Task, Timer

PAGE_MAX = 100


def instant(seconds: float | None) -> str | None:
    """ISO 8601 with microseconds, as the samples show it."""
    return None if seconds is None else f"{iso(seconds)[:-1]}.{round(seconds % 1 * 1e6) % 1_000_000:06d}Z"


def one(data: Any, message: str, status: int = 200) -> Reply:
    return Reply(status, {"data": data, "message": message})


def listing(
    box: GrowcrmSandbox,
    ask: Ask,
    rows: Iterable[Any],
    shape: Callable[[GrowcrmSandbox, Any], dict[str, Any]],
    *,
    sorts: dict[str, Callable[[Any], Any]],
    default: str,
) -> Reply:
    """One page with its ``meta``. ``sorts`` are the columns that may be asked for."""
    column, order = ask.query.get("sort", default), ask.query.get("order", "desc")
    if column not in sorts:
        rules.invalid("sort", "The selected sort is invalid.")
    if order not in ("asc", "desc"):
        rules.invalid("order", "The selected order is invalid.")
    held = sorted(rows, key=lambda row: (sorts[column](row), row.id), reverse=order == "desc")
    if "empty_listing" in ask.faults:
        held = []
    size, page = _whole(ask, "limit", box.settings.page_size), _whole(ask, "page", 1)
    size = min(size, PAGE_MAX)
    part, last = held[(page - 1) * size : page * size], max(1, -(-len(held) // size))
    if "half_page" in ask.faults:
        part = part[: len(part) // 2]
        last = page
    box.store.lists += 1
    meta = {"current_page": page, "per_page": size, "total": len(held), "last_page": last}
    return Reply(200, {"data": [shape(box, row) for row in part], "meta": meta, "message": "Retrieved successfully."})


def _whole(ask: Ask, name: str, default: int) -> int:
    given = ask.query.get(name, "")
    return int(given) if given.isdigit() and int(given) > 0 else default


def wanted(ask: Ask, filters: dict[str, Callable[[Any], Any]]) -> Callable[[Any], bool]:
    """Whether a row passes the filters that the query names."""
    asked = [(read, ask.query[name]) for name, read in filters.items() if ask.query.get(name, "") != ""]
    return lambda row: all(str(read(row)) == value for read, value in asked)


def person(box: GrowcrmSandbox, user_id: int) -> dict[str, Any]:
    return {"id": user_id, "name": box.store.team[user_id].name}


def task(box: GrowcrmSandbox, row: Task) -> dict[str, Any]:
    store = box.store
    project, place = store.projects[row.project_id], store.milestones[row.milestone_id]
    status, priority = store.statuses[row.status_id], store.priorities[row.priority_id]
    return {
        "id": row.id,
        "title": row.title,
        "description": row.description,
        "status": {"id": status.id, "title": status.title, "color": status.color},
        "priority": {"id": priority.id, "title": priority.title, "color": priority.color},
        "active_state": row.active_state,
        "client_visibility": row.client_visibility,
        "billable": row.billable,
        "project": {"id": project.id, "title": project.title},
        "client": {"id": project.client_id, "name": project.client_name},
        "milestone": {"id": place.id, "name": place.title},
        "dates": {
            "start": row.date_start,
            "due": row.date_due,
            "created": instant(row.created_at),
            "updated": instant(row.updated_at),
        },
        "time_logged": sum(t.seconds for t in store.timers.values() if t.task_id == row.id and t.status == "stopped"),
        "assigned": [person(box, user) for user in row.assigned],
        "tags": list(row.tags),
    }


def project(_: GrowcrmSandbox, row: Project) -> dict[str, Any]:
    return {
        "id": row.id,
        "title": row.title,
        "description": None,
        "reference": None,
        "status": row.status,
        "active_state": row.active_state,
        "progress": 0,
        "client": {"id": row.client_id, "name": row.client_name},
        "category": {"id": 3, "name": "Development"},
        "dates": {"start": "2026-01-01", "due": None, "created": instant(row.created_at), "updated": instant(row.created_at)},
        "assigned": [],
        "managers": [],
        "tags": [],
    }  # fmt: skip


def milestone(_: GrowcrmSandbox, row: Milestone) -> dict[str, Any]:
    return {"id": row.id, "title": row.title, "project_id": row.project_id, "type": row.type, "color": "default"}


def member(_: GrowcrmSandbox, row: Member) -> dict[str, Any]:
    return {
        "id": row.id,
        "first_name": row.first_name,
        "last_name": row.last_name,
        "name": row.name,
        "email": row.email,
        "phone": None,
        "job_position": None,
        "role": {"id": row.role_id, "name": "Administrator" if row.role_id == 1 else "Staff"},
        "status": row.status,
    }


def comment(box: GrowcrmSandbox, row: Comment) -> dict[str, Any]:
    shape: dict[str, Any] = {"id": row.id, "text": row.text, "creator": person(box, row.creator_id)}
    return shape | ({"dates": {"created": instant(row.created_at)}} if box.settings.comment_dates else {})


def timesheet(box: GrowcrmSandbox, row: Timer) -> dict[str, Any]:
    task_row = box.store.tasks[row.task_id]
    hours, minutes = divmod(row.seconds // 60, 60)
    return {
        "id": row.id,
        "task_id": row.task_id,
        "project_id": task_row.project_id,
        "client_id": box.store.projects[task_row.project_id].client_id,
        "worked_by_id": row.user_id,
        "recorded_by_id": row.recorded_by,
        "time_seconds": row.seconds,
        "time_readable": f"{hours}h {minutes}m",
        "status": row.status,
        "billing": {"status": row.billing_status, "invoice_id": row.invoice_id},
        "dates": {"created": row.created, "started": instant(row.started_at), "stopped": instant(row.stopped_at)},
    }


def timer(box: GrowcrmSandbox, row: Timer) -> dict[str, Any]:
    """The read-only view of a time entry that a task has."""
    return {
        "id": row.id,
        "user": person(box, row.user_id),
        "started": instant(row.started_at),
        "stopped": instant(row.stopped_at),
        "time": row.seconds,
        "status": row.status,
        "billing_status": row.billing_status,
    }
