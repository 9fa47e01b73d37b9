"""The other resources of the Redmine sandbox: people, projects, small lists, journals, relations, time entries."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from bridge.sandbox import redmine_query as query
from bridge.sandbox import redmine_rules as rules
from bridge.sandbox import redmine_shapes as shapes
from bridge.sandbox import rewriting
from bridge.sandbox.exchange import Reply
from bridge.sandbox.redmine_family import relations as relations_of
from bridge.sandbox.redmine_issues import find
from bridge.sandbox.redmine_store import Relation, TimeEntry

if TYPE_CHECKING:
    from bridge.sandbox.exchange import Ask
    from bridge.sandbox.redmine import RedmineSandbox

COMMENT_MAX = 1024
DAY_MAX_HOURS = 999
TYPES = ("relates", "duplicates", "duplicated", "blocks", "blocked", "precedes", "follows", "copied_to", "copied_from")
TURNED = {"blocked": "blocks", "duplicated": "duplicates", "follows": "precedes", "copied_from": "copied_to"}


def users(box: RedmineSandbox, ask: Ask) -> Reply:
    rules.must_be_admin(box, ask)
    wanted = ask.query.get("name", "").lower()
    rows = [
        row
        for row in box.store.users.values()
        if wanted in f"{row.login} {row.firstname} {row.lastname} {row.mail}".lower()
    ]
    cut, numbers = query.page(ask, rows)
    return Reply(200, {"users": [shapes.user(row, admin=True) for row in cut], **numbers})


def user(box: RedmineSandbox, ask: Ask) -> Reply:
    """Also for anonymous, but for ``current``; administrators see everybody's key."""
    name, me = ask.params["user_id"], box.me(ask)
    if name == "current":
        rules.must_be_known(ask)
    row = box.store.users.get(me if name == "current" else rules.number(name) or 0)
    if row is None:
        rules.refuse(404)
    is_own, is_admin = row.id == me, box.is_admin(ask)
    keys = [token for token, owner in box.store.tokens.items() if owner == row.id and (is_own or is_admin)]
    return Reply(200, {"user": shapes.user(row, admin=is_admin, own=is_own, key=keys[0] if keys else "")})


def projects(box: RedmineSandbox, ask: Ask) -> Reply:
    rows = [row for row in box.store.projects.values() if row.status != 9 and box.may(ask, row.id, "view")]
    cut, numbers = query.page(ask, rows)
    return Reply(200, {"projects": [shapes.project(box.store, row) for row in cut], **numbers})


def project(box: RedmineSandbox, ask: Ask) -> Reply:
    """Fields that are for all projects are not among ``issue_custom_fields``."""
    row = box.project(ask, ask.params["project_id"])
    shown = shapes.project(box.store, row)
    include = ask.query.get("include", "").split(",")
    lists: dict[str, list[dict[str, Any]]] = {
        "trackers": [shapes.brief(one) for one in box.store.trackers.values()],
        "issue_categories": [shapes.brief(one) for one in box.store.categories.values() if one.project == row.id],
        "time_entry_activities": [shapes.brief(one) for one in box.store.activities.values()],
        "enabled_modules": [{"id": 1, "name": "issue_tracking"}, {"id": 2, "name": "time_tracking"}],
        "issue_custom_fields": [],
    }
    created, updated = shown.pop("created_on"), shown.pop("updated_on")
    shown |= {name: rows for name, rows in lists.items() if name in include}
    return Reply(200, {"project": shown | {"created_on": created, "updated_on": updated}})


def memberships(box: RedmineSandbox, ask: Ask) -> Reply:
    row = box.project(ask, ask.params["project_id"])
    rows = [
        {
            "id": place,
            "project": shapes.brief(row),
            "user": shapes.brief(box.store.users[who]),
            "roles": [{"id": 3 + list(rules.PERMISSIONS).index(role), "name": role}],
        }
        for place, (who, role) in enumerate(row.roles, 1)
    ]
    cut, numbers = query.page(ask, rows)
    return Reply(200, {"memberships": cut, **numbers})


def versions(box: RedmineSandbox, ask: Ask) -> Reply:
    row = box.project(ask, ask.params["project_id"])
    stamps = {"created_on": "2026-01-01T00:00:00Z", "updated_on": "2026-01-01T00:00:00Z"}
    rows = [
        {"id": one.id, "project": shapes.brief(row), "name": one.name, "description": "", "status": "open"}
        | {"due_date": None, "sharing": "none", "wiki_page_title": None, **stamps}
        for one in box.store.versions.values()
        if one.project == row.id
    ]
    return Reply(200, {"versions": rows, "total_count": len(rows)})


def categories(box: RedmineSandbox, ask: Ask) -> Reply:
    row = box.project(ask, ask.params["project_id"])
    rows = [
        {"id": one.id, "project": shapes.brief(row), "name": one.name}
        for one in box.store.categories.values()
        if one.project == row.id
    ]
    return Reply(200, {"issue_categories": rows, "total_count": len(rows)})


def statuses(box: RedmineSandbox, ask: Ask) -> Reply:
    del ask
    return Reply(200, {"issue_statuses": [shapes.status(row) for row in box.store.statuses.values()]})


def trackers(box: RedmineSandbox, ask: Ask) -> Reply:
    del ask
    standard = ["assigned_to_id", "category_id", "fixed_version_id", "parent_issue_id", "start_date", "due_date"]
    standard += ["estimated_hours", "done_ratio", "description"]
    rows = [
        {**shapes.brief(row), "default_status": {"id": 1, "name": "New"}, "description": None}
        | {"enabled_standard_fields": standard}
        for row in box.store.trackers.values()
    ]
    return Reply(200, {"trackers": rows})


def enumeration(box: RedmineSandbox, ask: Ask) -> Reply:
    name = ask.params["name"]
    if name not in ("issue_priorities", "time_entry_activities"):
        return Reply(404, {"status": 404, "error": "Not Found"})
    table = box.store.priorities if name == "issue_priorities" else box.store.activities
    rows = [{**shapes.brief(row), "is_default": row.flag, "active": True} for row in table.values()]
    return Reply(200, {name: rows})


def custom_fields(box: RedmineSandbox, ask: Ask) -> Reply:
    rules.must_be_admin(box, ask)
    rows = [shapes.custom_field(box.store, row) for row in box.store.fields.values()]
    return Reply(200, {"custom_fields": rows})


def journal(box: RedmineSandbox, ask: Ask) -> Reply:
    """PUT: new words of a note; without words and without details the journal goes. ``updated_on`` stays."""
    row = box.store.journals.get(rules.number(ask.params["journal_id"]) or 0)
    if row is None:
        rules.refuse(404)
    box.must(ask, box.store.issues[row.issue].project, "edit_notes")
    body = rules.body(ask, "journal")
    notes = body.get("notes", row.notes)
    words = rewriting.text(ask, str(notes or "")) or ""
    is_private = body.get("private_notes", row.is_private) in (True, 1, "1", "true")
    after = replace(row, notes=words, is_private=is_private)
    if words or row.details:
        box.store.put("journals", after, box.now())
    else:
        box.store.drop("journals", row.id, box.now())
    box.note(ask, "update" if words else "delete", "comment", f"{row.issue}/{row.id}", changed=after != row)
    return Reply(204)


def relations(box: RedmineSandbox, ask: Ask) -> Reply:
    """GET, and POST; ``blocked`` is stored as ``blocks`` the other way round. ``updated_on`` stays."""
    row = find(box, ask)
    if ask.method == "GET":
        return Reply(200, {"relations": relations_of(box, ask, row.id)})
    box.must(ask, row.project, "relations")
    body = rules.body(ask, "relation")
    kind, other = body.get("relation_type", "relates"), rules.number(body.get("issue_to_id"))
    errors = [] if kind in TYPES else ["Relation type is not included in the list"]
    source, target = (other, row.id) if kind in TURNED else (row.id, other)
    kind = TURNED.get(kind, kind)
    pairs = {(one.source, one.target) for one in box.store.relations.values()}
    if other is None or other not in box.store.issues:
        errors.append("Related issue cannot be blank")
    elif other == row.id:
        errors.append("Related issue is invalid")
    elif {source, target} in [{one.source, one.target} for one in box.store.relations.values()]:
        circular = (target, source) in pairs
        words = (
            "This relation would create a circular dependency" if circular else "Related issue has already been taken"
        )
        errors.append(words)
    rules.refuse_all(errors)
    assert source is not None
    assert target is not None
    made = Relation(box.store.new_id("relations"), source, target, kind)
    box.store.put("relations", made, box.now())
    box.note(ask, "link", "relation", str(made.id))
    return Reply(201, {"relation": shapes.relation(made)}, rules.located(ask, f"/relations/{made.id}"))


def relation(box: RedmineSandbox, ask: Ask) -> Reply:
    row = box.store.relations.get(rules.number(ask.params["relation_id"]) or 0)
    if row is None:
        rules.refuse(404)
    project = box.store.issues[row.source].project
    box.must(ask, project, "view")
    if ask.method == "GET":
        return Reply(200, {"relation": shapes.relation(row)})
    box.must(ask, project, "relations")
    box.store.drop("relations", row.id, box.now())
    box.note(ask, "link", "relation", str(row.id))
    return Reply(204)


def entries(box: RedmineSandbox, ask: Ask) -> Reply:
    """Newest ``spent_on`` first. Without a known key: an empty list, or 401 within a private project."""
    name = ask.params.get("project_id") or ask.query.get("project_id")
    project = box.project(ask, name) if name else None
    late = ask.faults.get("stale")
    table = box.store.as_of("entries", late, box.clock.now()) if late else box.store.entries
    box.store.lists += 1

    def is_in(row: TimeEntry) -> bool:
        if project is None or row.project == project.id:
            return True
        return ask.query.get("subproject_id") != "!*" and box.store.projects[row.project].parent == project.id

    rows = [row for row in table.values() if box.may(ask, row.project, "log") and is_in(row)]
    rows = query.entries(box.store, ask, rows, box.me(ask))
    rows = query.in_order(ask, rows, query.ENTRY_SORTS, "spent_on:desc", "id")
    cut, numbers = query.page(ask, rows)
    return Reply(200, {"time_entries": [shapes.entry(box.store, row) for row in cut], **numbers})


def add_entry(box: RedmineSandbox, ask: Ask) -> Reply:
    body = rules.body(ask, "time_entry")
    issue = box.store.issues.get(rules.number(body.get("issue_id")) or 0)
    named = box.store.by_identifier(str(body["project_id"])) if body.get("project_id") else None
    project = issue.project if issue is not None else named.id if named is not None else None
    if project is None:
        rules.must_be_known(ask)
        missing = ["Issue is invalid"] if body.get("issue_id") else []
        rules.refuse(422, "Project cannot be blank", "Project is invalid", *missing)
    box.must(ask, project, "log")
    default = next((row.id for row in box.store.activities.values() if row.flag), 0)
    draft = TimeEntry(0, project, None, box.me(ask), default, -1.0, None, rules.today(box), box.now(), box.now())
    row, errors = _changed(box, ask, draft, {"activity_id": default, "hours": None, **body})
    rules.refuse_all(errors)
    row = replace(row, id=box.store.new_id("entries"))
    box.store.put("entries", row, row.created_at)
    box.note(ask, "create", "time_entry", str(row.id))
    return Reply(201, {"time_entry": shapes.entry(box.store, row)}, rules.located(ask, f"/time_entries/{row.id}"))


def entry(box: RedmineSandbox, ask: Ask) -> Reply:
    """GET, PUT, DELETE; none of them moves the issue's ``updated_on``."""
    row = box.store.entries.get(rules.number(ask.params["entry_id"]) or 0)
    if row is None:
        rules.refuse(404)
    box.must(ask, row.project, "log")
    if ask.method == "GET":
        return Reply(200, {"time_entry": shapes.entry(box.store, row)})
    box.must(ask, row.project, "edit_time")
    if ask.method == "DELETE":
        box.store.drop("entries", row.id, box.now())
        box.note(ask, "delete", "time_entry", str(row.id))
        return Reply(204)
    after, errors = _changed(box, ask, row, rules.body(ask, "time_entry"))
    rules.refuse_all(errors)
    box.store.put("entries", replace(after, updated_at=box.now()), box.now())
    box.note(ask, "update", "time_entry", str(row.id), changed=after != row)
    return Reply(204)


def _changed(box: RedmineSandbox, ask: Ask, row: TimeEntry, body: dict[str, Any]) -> tuple[TimeEntry, list[str]]:
    new: dict[str, Any] = {}
    errors: list[str] = []
    if "hours" in body:
        given = body["hours"]
        new["hours"] = rules.hours(given) if given not in (None, "") else None
        spent = sum(
            one.hours
            for one in box.store.entries.values()
            if (one.user, one.spent_on, one.id != row.id) == (row.user, row.spent_on, True)
        )
        if given in (None, ""):
            errors.append("Hours cannot be blank")
        elif new["hours"] is None or new["hours"] < 0:
            errors.append("Hours is invalid")
        elif new["hours"] + spent > DAY_MAX_HOURS:
            errors.append(f"Cannot log more than {DAY_MAX_HOURS}:00 hours on the same day")
    _places(box, ask, row, body, new, errors)
    if "comments" in body:
        words = body["comments"]
        new["comments"] = None if words is None else rewriting.text(ask, str(words))
        if len(new["comments"] or "") > COMMENT_MAX:
            errors.append(f"Comment is too long (maximum is {COMMENT_MAX} characters)")
    if "spent_on" in body:
        new["spent_on"] = rules.day(body["spent_on"])
        if new["spent_on"] is None:
            errors.append("Date cannot be blank")
        if new["spent_on"] is None and body["spent_on"]:
            errors.append("Date is not a valid date")
    values, faults = rules.custom_values(box.store, "time_entry", None, row.values, body.get("custom_fields"))
    return (replace(row, **new, values=values), errors) if not (errors + faults) else (row, errors + faults)


def _places(
    box: RedmineSandbox, ask: Ask, row: TimeEntry, body: dict[str, Any], new: dict[str, Any], errors: list[str]
) -> None:
    """Issue, activity and person; only administrators log for others."""
    if "issue_id" in body:
        number = rules.number(body["issue_id"])
        found = box.store.issues.get(number or 0)
        new["issue"] = number
        if found is None and number is not None:
            errors.append("Issue is invalid")
        if found is not None:
            new["project"] = found.project
    if "activity_id" in body:
        new["activity"] = rules.number(body["activity_id"]) or 0
        if not new["activity"]:
            errors.append("Activity cannot be blank")
        elif new["activity"] not in box.store.activities:
            errors.append("Activity is not included in the list")
    if "user_id" in body:
        who = rules.number(body["user_id"])
        members = {user for user, _ in box.store.projects[row.project].roles}
        if who != row.user and not (box.is_admin(ask) and (who in members or who == box.me(ask))):
            errors.append("User is invalid")
        elif who is not None:
            new["user"] = who
