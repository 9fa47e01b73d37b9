"""Issues of the Redmine sandbox: lists, single ones, and writes with all that is dropped in silence."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from bridge.sandbox import effects, rewriting
from bridge.sandbox import redmine_query as query
from bridge.sandbox import redmine_rules as rules
from bridge.sandbox import redmine_shapes as shapes
from bridge.sandbox.exchange import Reply
from bridge.sandbox.redmine_family import allowed, derive, is_below, relations, touch_parents
from bridge.sandbox.redmine_store import Issue, Journal

if TYPE_CHECKING:
    from bridge.sandbox.exchange import Ask
    from bridge.sandbox.redmine import RedmineSandbox
    from bridge.sandbox.redmine_store import CustomValue, Project

SUBJECT_MAX = 255
ATTRIBUTES = {
    "tracker": "tracker_id",
    "project": "project_id",
    "subject": "subject",
    "description": "description",
    "due": "due_date",
    "category": "category_id",
    "status": "status_id",
    "assigned": "assigned_to_id",
    "priority": "priority_id",
    "version": "fixed_version_id",
    "start": "start_date",
    "done": "done_ratio",
    "estimated": "estimated_hours",
    "parent": "parent_id",
    "is_private": "is_private",
}
DERIVED = ("priority", "start", "due", "done")


def find(box: RedmineSandbox, ask: Ask) -> Issue:
    """The issue of the path: 404 when it is not there, 401 or 403 when it is not shown."""
    row = box.store.issues.get(rules.number(ask.params["issue_id"]) or 0)
    if row is None:
        rules.refuse(404)
    box.must(ask, row.project, "view")
    if row.is_private and not (box.may(ask, row.project, "own_private") or row.author == box.me(ask)):
        rules.refuse(403 if ask.who else 401)
    return row


def listing(box: RedmineSandbox, ask: Ask) -> Reply:
    """``/issues.json`` and ``/projects/X/issues.json``, which includes the issues of subprojects."""
    name = ask.params.get("project_id") or ask.query.get("project_id")
    project = box.project(ask, name) if name else None
    late = ask.faults.get("stale")
    table = box.store.as_of("issues", late, box.clock.now()) if late else box.store.issues
    box.store.lists += 1
    rows = [row for row in table.values() if _is_shown(box, ask, row, project)]
    rows = query.issues(box.store, ask, rows, box.me(ask))
    rows = query.in_order(ask, rows, query.ISSUE_SORTS, "id:desc", "id:desc")
    cut, numbers = query.page(ask, rows)
    include = ask.query.get("include", "").split(",")
    shown = []
    for row in cut:
        one = shapes.issue(box.store, row)
        if "relations" in include:
            one["relations"] = relations(box, ask, row.id)
        shown.append(one)
    return Reply(200, {"issues": shown, **numbers})


def _is_shown(box: RedmineSandbox, ask: Ask, row: Issue, project: Project | None) -> bool:
    if not box.may(ask, row.project, "view"):
        return False
    if row.is_private and not (box.may(ask, row.project, "own_private") or row.author == box.me(ask)):
        return False
    if project is None or row.project == project.id:
        return True
    return ask.query.get("subproject_id") != "!*" and box.store.projects[row.project].parent == project.id


def single(box: RedmineSandbox, ask: Ask) -> Reply:
    row = find(box, ask)
    shown = shapes.issue(box.store, row)
    include = ask.query.get("include", "").split(",")
    below = box.store.children(row.id)
    if "children" in include and below:
        trackers = box.store.trackers
        shown["children"] = [
            {"id": one.id, "tracker": shapes.brief(trackers[one.tracker]), "subject": one.subject} for one in below
        ]
    if "relations" in include and (links := relations(box, ask, row.id)):
        shown["relations"] = links
    if "journals" in include:
        shown["journals"] = [
            shapes.journal(box.store, one)
            for one in box.store.journals.values()
            if one.issue == row.id
            and (not one.is_private or one.user == box.me(ask) or box.may(ask, row.project, "view_private_notes"))
        ]
    if "allowed_statuses" in include:
        statuses = box.store.statuses
        shown["allowed_statuses"] = [shapes.status(statuses[one]) for one in allowed(box, ask, row)]
    return Reply(200, {"issue": shown})


def create(box: RedmineSandbox, ask: Ask) -> Reply:
    """The status is ignored here: the stock workflow has no transitions for new issues."""
    body = rules.body(ask, "issue")
    name = body.get("project_id") or ask.params.get("project_id")
    project = box.store.by_identifier(str(name)) if name is not None else None
    if project is not None:
        box.must(ask, project.id, "add")
    elif not ask.who:
        rules.refuse(401)
    if project is None or project.status != 1:
        blank = [] if body.get("subject") else ["Subject cannot be blank"]
        rules.refuse(422, *blank, "Project cannot be blank", "Tracker cannot be blank", "Status cannot be blank")
    now = box.now()
    today = rules.today(box)
    draft = Issue(box.store.new_id("issues"), project.id, 1, rules.NEW, 2, box.me(ask), "", now, now, start=today)
    row, errors = changed(box, ask, draft, {name: value for name, value in body.items() if name != "status_id"})
    if not row.subject.strip():
        errors = ["Subject cannot be blank", *(one for one in errors if not one.startswith("Subject"))]
    rules.refuse_all(errors)
    box.store.put("issues", row, now)
    _tell_parent(box, ask, None, row)
    derive(box, row.parent)
    box.note(ask, "create", "issue", str(row.id))
    effects.note(box.journal, ask.who, str(row.id), effects.on_redmine, after=row.description)
    return Reply(201, {"issue": shapes.issue(box.store, row, spent=False)}, rules.located(ask, f"/issues/{row.id}"))


def update(box: RedmineSandbox, ask: Ask) -> Reply:
    """PUT and PATCH: 204 without a body, also for what was dropped; ``updated_on`` moves every time."""
    before = find(box, ask)
    may_edit = box.may(ask, before.project, "edit")
    if not may_edit and not box.may(ask, before.project, "notes"):
        rules.refuse(403)
    body = rules.body(ask, "issue")
    if "lock_version" in body:
        rules.refuse(422)
    after, errors = changed(box, ask, before, body) if may_edit else (before, [])
    rules.refuse_all(errors)
    now = box.now()
    is_closed = box.store.statuses[after.status].flag
    was_closed = box.store.statuses[before.status].flag
    if is_closed != was_closed:
        after = replace(after, closed_at=now if is_closed else after.closed_at)
    box.store.put("issues", replace(after, updated_at=now), now)
    noted = journal(box, ask, before, after, body)
    effects.note(
        box.journal, ask.who, str(after.id), effects.on_redmine, after=after.description, before=before.description
    )
    _tell_parent(box, ask, before, after)
    for parent in {before.parent, after.parent}:
        derive(box, parent)
    if noted:
        box.note(ask, "create", "comment", noted)
    if before != after or not noted:
        box.note(ask, "update", "issue", str(after.id), changed=before != after)
    return Reply(204)


def delete(box: RedmineSandbox, ask: Ask) -> Reply:
    """For good, with its children, notes, relations and time entries."""
    row = find(box, ask)
    box.must(ask, row.project, "delete")
    remove(box, row)
    touch_parents(box, row.parent)
    derive(box, row.parent)
    box.note(ask, "delete", "issue", str(row.id))
    return Reply(204)


def remove(box: RedmineSandbox, row: Issue) -> None:
    store, now = box.store, box.now()
    for child in store.children(row.id):
        remove(box, child)
    for one in [one for one in store.journals.values() if one.issue == row.id]:
        store.drop("journals", one.id, now)
    for link in [one for one in store.relations.values() if row.id in (one.source, one.target)]:
        store.drop("relations", link.id, now)
    for entry in [one for one in store.entries.values() if one.issue == row.id]:
        store.drop("entries", entry.id, now)
    store.drop("issues", row.id, now)


def changed(box: RedmineSandbox, ask: Ask, row: Issue, body: dict[str, Any]) -> tuple[Issue, list[str]]:
    """The issue as the body makes it, and what is wrong. Unknown members and ids are ignored in silence."""
    errors: list[str] = []
    new: dict[str, Any] = {}
    tracker = rules.number(body.get("tracker_id"))
    if tracker in box.store.trackers:
        new["tracker"] = tracker
    project = box.store.by_identifier(str(body["project_id"])) if body.get("project_id") else None
    if project is not None and box.may(ask, project.id, "add"):
        new["project"] = project.id
    status = rules.number(body.get("status_id"))
    if status in allowed(box, ask, row):
        new["status"] = status
    for part in (_words, _names, _numbers):
        part(box, ask, row, body, new, errors)
    tracker_now = new.get("tracker", row.tracker)
    values, faults = rules.custom_values(box.store, "issue", tracker_now, row.values, body.get("custom_fields"))
    errors += faults
    if row.id in box.store.issues and new.get("tracker", row.tracker) != row.tracker:
        values = _emptied(box, new["tracker"], values)
    if box.settings.derive_parents and box.store.children(row.id):
        for name in DERIVED:
            new.pop(name, None)
    after = replace(row, **new, values=values)
    if after.start and after.due and after.due < after.start:
        errors.append("Due date must be greater than start date")
    return after, errors


def _emptied(
    box: RedmineSandbox, tracker: int, values: tuple[tuple[int, CustomValue], ...]
) -> tuple[tuple[int, CustomValue], ...]:
    """With another tracker, fields that were never set turn from null to empty."""
    empty: dict[int, CustomValue] = {
        field.id: ""
        for field in box.store.fields.values()
        if rules.applies(field, "issue", tracker) and not field.is_multiple
    }
    return tuple(sorted((empty | {key: value or "" for key, value in values}).items()))


def _words(
    box: RedmineSandbox, ask: Ask, row: Issue, body: dict[str, Any], new: dict[str, Any], errors: list[str]
) -> None:
    if "subject" in body:
        subject = rewriting.text(ask, str(body["subject"] or "")) or ""
        new["subject"] = subject
        if not subject.strip():
            errors.append("Subject cannot be blank")
        if len(subject) > SUBJECT_MAX:
            errors.append(f"Subject is too long (maximum is {SUBJECT_MAX} characters)")
    if "description" in body:
        words = body["description"]
        new["description"] = None if words is None else rules.crlf(rewriting.text(ask, str(words)) or "")
    if "is_private" in body and (box.may(ask, row.project, "own_private")):
        new["is_private"] = body["is_private"] in (True, 1, "1", "true")
    for member, name, title in (("start_date", "start", "Start date"), ("due_date", "due", "Due date")):
        if member not in body:
            continue
        value = body[member] or None
        new[name] = rules.day(value)
        if value is not None and new[name] is None:
            errors.append(f"{title} is not a valid date")


def _names(
    box: RedmineSandbox, ask: Ask, row: Issue, body: dict[str, Any], new: dict[str, Any], errors: list[str]
) -> None:
    store = box.store
    project = new.get("project", row.project)
    if "priority_id" in body:
        new["priority"] = rules.number(body["priority_id"])
        if new["priority"] not in store.priorities:
            errors.append("Priority cannot be blank")
    if "assigned_to_id" in body:
        new["assigned"] = rules.number(body["assigned_to_id"])
        members = {user for user, _ in store.projects[project].roles}
        if body["assigned_to_id"] not in (None, "") and new["assigned"] not in members:
            errors.append("Assignee is invalid")
    for member, name, table, title in (
        ("category_id", "category", store.categories, "Category"),
        ("fixed_version_id", "version", store.versions, "Target version"),
    ):
        if member in body:
            new[name] = rules.number(body[member])
            found = table.get(new[name] or 0)
            if new[name] is not None and (found is None or found.project != project):
                errors.append(f"{title} is not included in the list")
    if "parent_issue_id" in body and box.may(ask, project, "subtasks"):
        new["parent"] = rules.number(body["parent_issue_id"])
        wrong = new["parent"] not in store.issues or is_below(store, new["parent"], row.id)
        if body["parent_issue_id"] not in (None, "") and wrong:
            errors.append("Parent task is invalid")


def _numbers(
    box: RedmineSandbox, ask: Ask, row: Issue, body: dict[str, Any], new: dict[str, Any], errors: list[str]
) -> None:
    del box, ask, row
    if "done_ratio" in body:
        new["done"] = rules.number(body["done_ratio"]) or 0
        if new["done"] not in range(0, 101, 10):
            errors.append("% Done is not included in the list")
    if "estimated_hours" in body:
        value = body["estimated_hours"]
        new["estimated"] = rules.hours(value) if value not in (None, "") else None
        if value not in (None, "") and (new["estimated"] is None or new["estimated"] < 0):
            errors.append("Estimated time is invalid")


def journal(box: RedmineSandbox, ask: Ask, before: Issue, after: Issue, body: dict[str, Any]) -> str:
    """One journal for the notes and the changed attributes together; none when there is neither. ``12/34`` for notes."""
    details: list[tuple[str, str, str | None, str | None]] = []
    for name, member in ATTRIBUTES.items():
        old, new = getattr(before, name), getattr(after, name)
        if old != new:
            details.append(("attr", member, _text(old), _text(new)))
    details += _custom_details(before, after)
    notes = body.get("notes")
    words = notes if isinstance(notes, str) else ""
    effects.note(box.journal, ask.who, f"{after.id}/notes", effects.on_redmine, after=words)
    if words or details:
        is_private = bool(words) and body.get("private_notes") in (True, 1, "1", "true")
        made = write_journal(
            box, ask, after.id, rewriting.text(ask, words) or "", tuple(details), is_private=is_private
        )
        return f"{after.id}/{made.id}" if words else ""
    return ""


def _custom_details(before: Issue, after: Issue) -> list[tuple[str, str, str | None, str | None]]:
    """A line for a changed value; of several values one for each that came or went."""
    have, found = dict(before.values), list[tuple[str, str, str | None, str | None]]()
    for key, new in after.values:
        old = have.get(key)
        if isinstance(new, tuple) or isinstance(old, tuple):
            olds, news = set(old or ()), set(new or ())
            found += [("cf", str(key), None, one) for one in sorted(news - olds)]
            found += [("cf", str(key), one, None) for one in sorted(olds - news)]
        elif (new or None) != (old or None):
            found.append(("cf", str(key), old, new))
    return found


def write_journal(
    box: RedmineSandbox,
    ask: Ask,
    issue: int,
    words: str,
    details: tuple[tuple[str, str, str | None, str | None], ...],
    *,
    is_private: bool = False,
) -> Journal:
    row = Journal(box.store.new_id("journals"), issue, box.me(ask), words, box.now(), is_private, details)
    box.store.put("journals", row, row.at)
    return row


def _tell_parent(box: RedmineSandbox, ask: Ask, before: Issue | None, after: Issue) -> None:
    """A child moves its parent's ``updated_on`` by every change; by coming or leaving it is in the parent's history."""
    old = before.parent if before is not None else None
    touch_parents(box, old)
    touch_parents(box, after.parent)
    if old == after.parent:
        return
    for parent, details in (
        (old, ("attr", "child_id", str(after.id), None)),
        (after.parent, ("attr", "child_id", None, str(after.id))),
    ):
        if parent in box.store.issues:
            write_journal(box, ask, parent, "", (details,))


def _text(value: Any) -> str | None:
    if isinstance(value, tuple):
        return ", ".join(value)
    return None if value is None else str(value)
