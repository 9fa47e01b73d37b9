"""How the Redmine sandbox starts, is filled in bulk, and what an administrator can do to it by hand."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from bridge.sandbox.clock import instant
from bridge.sandbox.redmine_issues import remove
from bridge.sandbox.redmine_rules import CLOSED
from bridge.sandbox.redmine_store import CustomField, Issue, Named, Project, RedmineStore, User
from bridge.sandbox.seeding import samples

if TYPE_CHECKING:
    from bridge.sandbox.redmine import RedmineSandbox

PROJECT = "acme"
SECOND = "beta"
PEOPLE = (
    User(1, "bridge", "Bridge", "Admin", "bridge@example.com", is_admin=True),
    User(5, "ann", "Ann", "Archer", "ann@example.com"),
    User(6, "bob", "Bob", "Baker", "bob@example.com"),
    User(7, "dev", "Dev", "Eloper", "dev@example.com"),
    User(8, "rep", "Rep", "Orter", "rep@example.com"),
    User(9, "out", "Out", "Sider", "out@example.com"),
)
ROLES = ((5, "Manager"), (6, "Manager"), (7, "Developer"), (8, "Reporter"))
LABELS = ("bug", "ui", "docs", "p1", "p2", "api", "billing", "mobile", "search", "feature", "chore",
          "documentation", "enhancement", "urgent", "backend", "frontend")  # fmt: skip
STATUSES = ("New", "In Progress", "Resolved", "Feedback", "Closed", "Rejected")


def key_of(login: str) -> str:
    """The API key of a person: forty hexadecimal digits, as real ones are."""
    return hashlib.sha1(f"sandbox {login}".encode(), usedforsecurity=False).hexdigest()


def start() -> RedmineStore:
    """The stock default data, two private projects, and the custom fields External ID, Labels and Customer."""
    store = RedmineStore()
    store.users = {row.id: row for row in PEOPLE}
    store.tokens = {key_of(row.login): row.id for row in PEOPLE}
    names = {1: ("Acme", PROJECT), 2: ("Beta", SECOND)}
    store.projects = {
        number: Project(number, name, identifier, roles=ROLES) for number, (name, identifier) in names.items()
    }
    store.statuses = {number: Named(number, name, number >= CLOSED) for number, name in enumerate(STATUSES, 1)}
    store.trackers = _named("Bug", "Feature", "Support")
    store.priorities = _named("Low", "Normal", "High", "Urgent", "Immediate", flag=2)
    store.activities = {8: Named(8, "Design"), 9: Named(9, "Development")}
    store.categories = {1: Named(1, "backend", project=1), 2: Named(2, "frontend", project=1)}
    store.versions = {1: Named(1, "1.0", project=1), 2: Named(2, "2.0", project=1)}
    fields = (
        CustomField(1, "External ID"),
        CustomField(2, "Labels", format="list", is_multiple=True, possible=LABELS),
        CustomField(3, "External ID", about="time_entry"),
        CustomField(4, "Customer"),
        CustomField(5, "Size", format="int"),
    )
    store.fields = {row.id: row for row in fields}
    return store


def _named(*names: str, flag: int = 0) -> dict[int, Named]:
    return {number: Named(number, name, number == flag) for number, name in enumerate(names, 1)}


def sow(box: RedmineSandbox, plan: dict[str, Any]) -> dict[str, Any]:
    """Fill a project: ``project`` (identifier), ``generate`` (a number, or options of ``samples``), ``issues`` (members of
    ``Issue``; times as ISO text, ``labels`` by name).

    Raises: ValueError and TypeError for members that do not exist.
    """
    plan = dict(plan)
    project = box.store.by_identifier(plan.pop("project", PROJECT))
    if project is None:
        raise ValueError("no such project")
    wanted = plan.pop("generate", 0)
    options = {"before": box.clock.now(), **(wanted if isinstance(wanted, dict) else {"count": wanted})}
    rows = []
    for item in samples(**options):
        done = {"status": CLOSED, "closed_at": float(item.updated_at)} if item.is_done else {}
        rows.append({"subject": item.title, "description": item.body.replace("\n", "\r\n"), "labels": item.labels,
                     "updated_at": float(item.updated_at), **done})  # fmt: skip
    for row in [*rows, *plan.pop("issues", ())]:
        _plant(box, project, dict(row))
    if plan:
        raise ValueError(f"unknown seed members: {', '.join(sorted(plan))}")
    return {"project": project.identifier, "issues": len(box.store.issues)}


def _plant(box: RedmineSandbox, project: Project, row: dict[str, Any]) -> None:
    for name in ("created_at", "updated_at", "closed_at"):
        if isinstance(row.get(name), str):
            row[name] = instant(row[name])
    now = box.now()
    labels = row.pop("labels", ())
    if labels:
        row["values"] = ((2, tuple(labels)),)
    made: dict[str, Any] = {
        "id": box.store.new_id("issues"),
        "project": project.id,
        "tracker": 1,
        "status": 1,
        "priority": 2,
    }
    made |= {"author": 5, "updated_at": now} | row
    made.setdefault("created_at", made["updated_at"])
    box.store.put("issues", Issue(**made), float(made["updated_at"]))


def perform(box: RedmineSandbox, deed: dict[str, Any]) -> dict[str, Any]:
    """What no REST call does: ``do`` is delete, project (with ``status``, ``is_public``, ``parent``), label, field (with
    ``present`` false: take it away), member (with ``role``, null: none), revoke, touch or default_activity.

    Raises: ValueError for an unknown deed.
    """
    store, do = box.store, deed.get("do")
    if do == "delete":
        remove(box, store.issues[int(deed["issue"])])
    elif do == "project":
        row = store.by_identifier(deed.get("project", PROJECT))
        assert row is not None
        store.projects[row.id] = replace(
            row, **{key: deed[key] for key in ("status", "is_public", "parent") if key in deed}
        )
    elif do == "label":
        labels = store.fields[2]
        store.fields[2] = replace(labels, possible=tuple(dict.fromkeys((*labels.possible, deed["name"]))))
    elif do == "field":
        del store.fields[int(deed["id"])]
    elif do == "member":
        row = store.by_identifier(deed.get("project", PROJECT))
        assert row is not None
        who = next(user.id for user in store.users.values() if user.login == deed["login"])
        rest = tuple(pair for pair in row.roles if pair[0] != who)
        store.projects[row.id] = replace(row, roles=(*rest, (who, deed["role"])) if deed["role"] else rest)
    elif do == "revoke":
        store.tokens.pop(deed["token"], None)
    elif do == "default_activity":
        store.activities[9] = replace(store.activities[9], flag=True)
    elif do == "show_mail":
        store.users = {number: replace(row, hides_mail=False) for number, row in store.users.items()}
    else:
        deeds = "delete, project, label, field, member, revoke, default_activity, show_mail"
        raise ValueError(f"no deed {do!r}; there are: {deeds}")
    return {"done": do}
