"""How the TimeTracker sandbox writes its rows as JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bridge.sandbox.timetracker_rules import seconds_between, tag_list

if TYPE_CHECKING:
    from bridge.sandbox.timetracker import TimeTrackerSandbox
    from bridge.sandbox.timetracker_store import Audit, Client, Column, Comment, Entry, Hook, Project, Task, User

DISPLAYED = {
    "todo": "To Do",
    "in_progress": "In Progress",
    "review": "Review",
    "done": "Done",
    "cancelled": "Cancelled",
}
KNOWN_PRIORITIES = ("low", "medium", "high", "urgent")


def _hours(seconds: float) -> float:
    return round(seconds / 3600, 2)


def name_of(box: TimeTrackerSandbox, user_id: int | None) -> str | None:
    row = box.store.users.get(user_id or 0)
    return row.username if row else None


def client(box: TimeTrackerSandbox, row: Client) -> dict[str, Any]:
    mine = [one for one in box.store.projects.values() if one.client_id == row.id]
    empty = dict.fromkeys(
        ("address", "contact_person", "default_hourly_rate", "description", "phone", "prepaid_hours_monthly")
    )
    return empty | {
        "id": row.id,
        "name": row.name,
        "email": row.email,
        "custom_fields": dict(row.custom_fields),
        "is_active": True,
        "status": "active",
        "prepaid_reset_day": 1,
        "active_projects": sum(one.status == "active" for one in mine),
        "total_projects": len(mine),
        "created_at": box.times.stamp(row.created_at),
        "updated_at": box.times.stamp(row.updated_at),
    }


def project(box: TimeTrackerSandbox, row: Project) -> dict[str, Any]:
    spent = sum(length(one) for one in box.store.entries.values() if one.project_id == row.id)
    owner = box.store.clients.get(row.client_id)
    archived = row.archived_at is not None
    return {
        "archived_at": box.times.stamp(row.archived_at) if row.archived_at is not None else None,
        "archived_by": 1 if archived else None,
        "archived_reason": "Archived via API" if archived else None,
        "billable": row.billable,
        "billing_ref": None,
        "budget_amount": None,
        "budget_consumed_amount": 0.0,
        "budget_threshold_exceeded": False,
        "budget_threshold_percent": 80,
        "client": owner.name if owner else None,
        "client_id": row.client_id,
        "code": row.code,
        "code_display": row.code or row.name[:4].upper(),
        "color": None,
        "created_at": box.times.stamp(row.created_at),
        "custom_fields": {},
        "description": row.description,
        "estimated_cost": None,
        "estimated_hours": None,
        "hourly_rate": row.hourly_rate,
        "id": row.id,
        "is_archived": archived,
        "name": row.name,
        "status": row.status,
        "total_billable_costs": 0.0,
        "total_billable_hours": _hours(spent),
        "total_costs": 0.0,
        "total_hours": _hours(spent),
        "total_project_value": 0.0,
        "updated_at": box.times.stamp(row.updated_at),
    }


def task(box: TimeTrackerSandbox, row: Task) -> dict[str, Any]:
    spent = sum(length(one) for one in box.store.entries.values() if one.task_id == row.id)
    known = row.priority in KNOWN_PRIORITIES
    return {
        "assigned_to": row.assigned_to,
        "assigned_user": name_of(box, row.assigned_to),
        "completed_at": None,
        "created_at": box.times.stamp(row.created_at),
        "created_by": row.created_by,
        "creator": name_of(box, row.created_by),
        "description": row.description,
        "due_date": row.due_date,
        "estimated_hours": row.estimated_hours,
        "id": row.id,
        "is_active": row.status not in ("done", "cancelled"),
        "is_overdue": False,
        "name": row.name,
        "priority": row.priority,
        "priority_class": f"priority-{row.priority if known else 'medium'}",
        "priority_display": row.priority.capitalize() if known else row.priority,
        "progress_percentage": 0,
        "project_id": row.project_id,
        "started_at": None,
        "status": row.status,
        "status_display": DISPLAYED.get(row.status, row.status.replace("_", " ").title()),
        "tag_list": tag_list(row.tags),
        "tags": row.tags,
        "total_billable_hours": _hours(spent),
        "total_hours": _hours(spent),
        "updated_at": box.times.stamp(row.updated_at),
    }


def length(row: Entry) -> int:
    """Seconds of a finished entry, its break taken off."""
    return 0 if row.end is None else max(0, seconds_between(row.start, row.end) - row.break_seconds)


def entry(box: TimeTrackerSandbox, row: Entry) -> dict[str, Any]:
    seconds = length(row)
    place, work = box.store.projects.get(row.project_id or 0), box.store.tasks.get(row.task_id or 0)
    return {
        "billable": row.billable,
        "break_seconds": row.break_seconds,
        "client": None,
        "client_id": None,
        "created_at": box.times.local(row.created_at),
        "duration_formatted": f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}",
        "duration_hours": _hours(seconds),
        "duration_seconds": None if row.end is None else seconds,
        "end_time": row.end,
        "id": row.id,
        "invoice_number": None,
        "is_active": row.end is None,
        "notes": row.notes,
        "paid": row.paid,
        "paused_at": None,
        "project": place.name if place else None,
        "project_id": row.project_id,
        "source": row.source,
        "start_time": row.start,
        "tag_list": tag_list(row.tags),
        "tags": row.tags,
        "task": work.name if work else None,
        "task_id": row.task_id,
        "updated_at": box.times.local(row.updated_at),
        "user": name_of(box, row.user_id),
        "user_id": row.user_id,
    }


def comment(box: TimeTrackerSandbox, row: Comment) -> dict[str, Any]:
    return {
        "attachments": [],
        "author": name_of(box, row.user_id),
        "author_full_name": None,
        "client_contact_id": None,
        "content": row.content,
        "created_at": box.times.stamp(row.created_at),
        "id": row.id,
        "is_client_comment": False,
        "is_internal": True,
        "is_reply": row.parent_id is not None,
        "parent_id": row.parent_id,
        "project_id": row.project_id,
        "quote_id": None,
        "reply_count": sum(one.parent_id == row.id for one in box.store.comments.values()),
        "target_name": "",
        "target_type": "task" if row.task_id else "project",
        "task_id": row.task_id,
        "updated_at": box.times.stamp(row.updated_at),
        "user_id": row.user_id,
    }


def column(row: Column) -> dict[str, Any]:
    return {
        "color": "secondary",
        "created_at": "2026-01-01T00:00:00",
        "icon": "fas fa-list-check",
        "id": row.id,
        "is_active": True,
        "is_complete_state": row.is_complete_state,
        "is_system": row.project_id is None,
        "key": row.key,
        "label": row.label,
        "position": row.position,
        "project_id": row.project_id,
        "updated_at": "2026-01-01T00:00:00",
        "wip_limit": None,
    }


def user(box: TimeTrackerSandbox, row: User) -> dict[str, Any]:
    return {
        "avatar_url": None,
        "created_at": "2026-01-01T00:00:00",
        "date_format": "YYYY-MM-DD",
        "display_name": row.username,
        "email": row.email,
        "full_name": None,
        "id": row.id,
        "is_active": row.is_active,
        "last_login": None,
        "overtime_include_weekends": True,
        "role": row.role,
        "standard_hours_per_day": 8.0,
        "status": "online",
        "time_format": "24h",
        "timezone": box.settings.zone,
        "total_hours": 0.0,
        "username": row.username,
    }


def hook(box: TimeTrackerSandbox, row: Hook) -> dict[str, Any]:
    never = dict.fromkeys(("description", "last_delivery_at", "last_failure_at", "last_success_at"))
    return never | {
        "content_type": "application/json",
        "created_at": box.times.stamp(row.created_at),
        "events": list(row.events),
        "failed_deliveries": 0,
        "headers": {},
        "http_method": "POST",
        "id": row.id,
        "is_active": True,
        "max_retries": 3,
        "name": row.name,
        "retry_delay_seconds": 60,
        "successful_deliveries": 0,
        "timeout_seconds": 30,
        "total_deliveries": 0,
        "updated_at": box.times.stamp(row.created_at),
        "url": row.url,
        "user_id": row.user_id,
    }


def audit(box: TimeTrackerSandbox, row: Audit) -> dict[str, Any]:
    return {
        "id": row.id,
        "user_id": row.user_id,
        "username": name_of(box, row.user_id),
        "display_name": name_of(box, row.user_id),
        "entity_type": row.entity_type,
        "entity_id": row.entity_id,
        "entity_name": row.entity_name,
        "action": row.action,
        "field_name": row.field_name,
        "old_value": row.old_value,
        "new_value": row.new_value,
        "change_description": f"{row.action.capitalize()} {row.entity_type.lower()} {row.entity_name!r}",
        "ip_address": "127.0.0.1",
        "user_agent": row.user_agent,
        "request_path": row.request_path,
        "created_at": box.times.stamp(row.created_at),
    }
