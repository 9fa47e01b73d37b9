"""The JSON of the Redmine sandbox, member by member as Redmine 5.0.4 was seen to answer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bridge.sandbox import redmine_rules as rules
from bridge.sandbox.clock import iso, iso_or_none

if TYPE_CHECKING:
    from bridge.sandbox.redmine_store import (
        CustomField,
        CustomValue,
        Issue,
        Journal,
        Named,
        Project,
        RedmineStore,
        Relation,
        TimeEntry,
        User,
    )


def brief(row: Any) -> dict[str, Any]:
    return {"id": row.id, "name": row.name}


def status(row: Named) -> dict[str, Any]:
    return {"id": row.id, "name": row.name, "is_closed": row.flag}


def user(row: User, *, admin: bool, own: bool = False, key: str = "") -> dict[str, Any]:
    """Who is no administrator sees no mail unless its owner shows it."""
    shown: dict[str, Any] = {"id": row.id, "login": row.login}
    if admin or own:
        shown["admin"] = row.is_admin
    shown |= {"firstname": row.firstname, "lastname": row.lastname}
    if admin or not row.hides_mail:
        shown["mail"] = row.mail
    shown |= {"created_on": "2026-01-01T00:00:00Z", "updated_on": "2026-01-01T00:00:00Z", "last_login_on": None}
    shown["passwd_changed_on"] = None if row.is_admin else "2026-01-01T00:00:00Z"
    if admin or own:
        shown["twofa_scheme"] = None
    if key:
        shown["api_key"] = key
    if key and admin:
        shown["status"] = 1
    return shown


def project(store: RedmineStore, row: Project) -> dict[str, Any]:
    shown = {"id": row.id, "name": row.name, "identifier": row.identifier, "description": None, "homepage": ""}
    if row.parent is not None:
        shown["parent"] = brief(store.projects[row.parent])
    return shown | {
        "status": row.status,
        "is_public": row.is_public,
        "inherit_members": False,
        "created_on": "2026-01-01T00:00:00Z",
        "updated_on": "2026-01-01T00:00:00Z",
    }


def custom_field(store: RedmineStore, row: CustomField) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "id": row.id,
        "name": row.name,
        "customized_type": row.about,
        "field_format": row.format,
        "regexp": "",
        "min_length": None,
        "max_length": None,
        "is_required": False,
        "is_filter": row.is_filter,
        "searchable": False,
        "multiple": row.is_multiple,
        "default_value": None,
        "visible": True,
    }
    if row.format == "list":
        shown["possible_values"] = [{"value": one, "label": one} for one in row.possible]
    if row.about == "issue":
        shown["trackers"] = [brief(store.trackers[one]) for one in row.trackers]
        shown["roles"] = []
    return shown


def custom(
    store: RedmineStore, about: str, tracker: int | None, values: tuple[tuple[int, CustomValue], ...]
) -> list[dict[str, Any]]:
    held = dict(values)
    shown: list[dict[str, Any]] = []
    for row in store.fields.values():
        if not rules.applies(row, about, tracker):
            continue
        value = held.get(row.id)
        if row.is_multiple:
            shown.append({"id": row.id, "name": row.name, "multiple": True, "value": list(value or ())})
        else:
            shown.append({"id": row.id, "name": row.name, "value": value})
    return shown


def issue(store: RedmineStore, row: Issue, *, spent: bool = True) -> dict[str, Any]:
    """One issue. The answer to a POST has no spent hours."""
    shown: dict[str, Any] = {
        "id": row.id,
        "project": brief(store.projects[row.project]),
        "tracker": brief(store.trackers[row.tracker]),
        "status": status(store.statuses[row.status]),
        "priority": brief(store.priorities[row.priority]),
        "author": brief(store.users[row.author]),
    }
    if row.assigned is not None:
        shown["assigned_to"] = brief(store.users[row.assigned])
    if row.category is not None:
        shown["category"] = brief(store.categories[row.category])
    if row.version is not None:
        shown["fixed_version"] = brief(store.versions[row.version])
    if row.parent is not None:
        shown["parent"] = {"id": row.parent}
    shown |= {
        "subject": row.subject,
        "description": row.description,
        "start_date": row.start,
        "due_date": row.due,
        "done_ratio": row.done,
        "is_private": row.is_private,
        "estimated_hours": row.estimated,
        "total_estimated_hours": _total(store, row),
    }
    if spent:
        own, total = _spent(store, row.id), _spent_below(store, row.id)
        shown |= {"spent_hours": own, "total_spent_hours": total}
    return shown | {
        "custom_fields": custom(store, "issue", row.tracker, row.values),
        "created_on": iso(row.created_at),
        "updated_on": iso(row.updated_at),
        "closed_on": iso_or_none(row.closed_at),
    }


def _total(store: RedmineStore, row: Issue) -> float | None:
    below = [_total(store, child) for child in store.children(row.id)]
    if row.estimated is None and not below:
        return None
    return sum((one or 0.0 for one in below), row.estimated or 0.0)


def _spent(store: RedmineStore, issue_id: int) -> float:
    return sum((entry.hours for entry in store.entries.values() if entry.issue == issue_id), 0.0)


def _spent_below(store: RedmineStore, issue_id: int) -> float:
    below = (_spent_below(store, child.id) for child in store.children(issue_id))
    return sum(below, _spent(store, issue_id))


def journal(store: RedmineStore, row: Journal) -> dict[str, Any]:
    return {
        "id": row.id,
        "user": brief(store.users[row.user]),
        "notes": row.notes,
        "created_on": iso(row.at),
        "private_notes": row.is_private,
        "details": [
            {"property": kind, "name": name, "old_value": old, "new_value": new} for kind, name, old, new in row.details
        ],
    }


def relation(row: Relation) -> dict[str, Any]:
    return {
        "id": row.id,
        "issue_id": row.source,
        "issue_to_id": row.target,
        "relation_type": row.type,
        "delay": row.delay,
    }


def entry(store: RedmineStore, row: TimeEntry) -> dict[str, Any]:
    """Hours are shown with two decimals, whatever was sent."""
    shown: dict[str, Any] = {"id": row.id, "project": brief(store.projects[row.project])}
    if row.issue is not None:
        shown["issue"] = {"id": row.issue}
    return shown | {
        "user": brief(store.users[row.user]),
        "activity": brief(store.activities[row.activity]),
        "hours": round(row.hours, 2),
        "comments": row.comments,
        "spent_on": row.spent_on,
        "created_on": iso(row.created_at),
        "updated_on": iso(row.updated_at),
        "custom_fields": custom(store, "time_entry", None, row.values),
    }
