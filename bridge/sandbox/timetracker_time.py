"""Time entries and the running timer of the TimeTracker sandbox."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from bridge.sandbox import timetracker_rules as rules
from bridge.sandbox import timetracker_shapes as shapes
from bridge.sandbox.exchange import Reply
from bridge.sandbox.timetracker_store import Entry

if TYPE_CHECKING:
    from bridge.sandbox.exchange import Ask
    from bridge.sandbox.timetracker import TimeTrackerSandbox

OVERLAPS = "This time overlaps with an existing entry. Please choose a different time range or edit the existing entry."
TEXTS = {"notes": rules.NOTES_LIMIT, "tags": rules.TAGS_LIMIT, "invoice_number": 100, "reason": 500}
NUMBERS = ("project_id", "client_id", "task_id", "user_id", "break_seconds")
FLAGS = ("billable", "paid")
TIMES = ("start_time", "end_time")
LOCK_S = 2.0
KEY_LIFE_S = 86_400


def listing(box: TimeTrackerSandbox, ask: Ask) -> Reply:
    person, user = box.person(ask), rules.whole(ask, "user_id", 0)
    if not person.is_admin:
        if user and user != person.id:
            rules.refuse(403, "Access denied", "forbidden")
        user = person.id
    project = rules.whole(ask, "project_id", 0)
    first = box.times.bound(ask.query.get("start_date"), is_end=False)
    last = box.times.bound(ask.query.get("end_date"), is_end=True)
    billable = ask.query.get("billable")
    rows = [
        row
        for row in box.listed(ask, "entries")
        if (not project or row.project_id == project)
        and (not user or row.user_id == user)
        and (first is None or row.start >= first)
        and (last is None or row.start <= last)
        and (billable is None or row.billable == (billable.lower() == "true"))
        and (row.end is not None or ask.query.get("include_active") == "true")
    ]
    rows.sort(key=lambda row: row.start, reverse=True)
    shown, about = rules.page_of(ask, rows, cap=100)
    shown = rules.half(ask, shown, about)
    return Reply(200, {"time_entries": [shapes.entry(box, row) for row in shown], "pagination": about})


def get(box: TimeTrackerSandbox, ask: Ask) -> Reply:
    row = box.store.entries.get(ask.params["entry_id"])
    if row is None:
        rules.missing()
    person = box.person(ask)
    if row.user_id != person.id and not person.is_admin:
        rules.refuse(403, "Access denied", "forbidden")
    return Reply(200, {"time_entry": shapes.entry(box, row)})


def create(box: TimeTrackerSandbox, ask: Ask) -> Reply:
    key = ask.headers.get("idempotency-key", "").strip()[:128]
    key = f"{box.person(ask).token} {key}" if key else ""
    kept = box.store.replies.get(key) if key else None
    if kept is not None and box.clock.now() - kept["at"] < KEY_LIFE_S:
        return Reply(201, kept["body"])
    body = _schema(rules.members(ask), creating=True)
    if box.settings.task_id_bug and body.get("task_id") is not None:
        rules.invalid(task_id="task_id can only be set when project_id is provided")
    user = _target(box, ask, body)
    start = box.times.kept(body["start_time"])
    end = box.times.kept(body["end_time"]) if body.get("end_time") else start
    if not body.get("project_id") and not body.get("client_id"):
        rules.refuse(400, "Either project or client must be selected")
    if body.get("project_id") and body["project_id"] not in box.store.projects:
        rules.refuse(400, "Invalid project")
    if end <= start:
        rules.refuse(400, "End time must be after start time")
    if box.settings.require_task and not body.get("task_id"):
        rules.refuse(400, "A task must be selected when logging time for a project")
    _open_period(box, ask, start)
    _no_overlap(box, user, start, end, 0)
    now = box.clock.now()
    row = Entry(
        id=box.store.number("entries"),
        user_id=user,
        project_id=body.get("project_id"),
        start=start,
        end=end,
        created_at=now,
        updated_at=now,
        task_id=_task(box, body.get("task_id"), body.get("project_id")),
        notes=_text(body.get("notes")),
        tags=_text(body.get("tags")),
        billable=body.get("billable", True),
        paid=body.get("paid", False),
        break_seconds=body.get("break_seconds") or 0,
    )
    _kept(box, ask, row, "create")
    answer = {"message": "Time entry created successfully", "time_entry": shapes.entry(box, row)}
    if key:
        box.store.replies[key] = {"at": now, "body": answer}
    return Reply(201, answer)


def update(box: TimeTrackerSandbox, ask: Ask) -> Reply:
    """PUT and PATCH: partial; null is as good as nothing."""
    body = _schema(rules.members(ask), creating=False)
    row = _own(box, ask)
    expected = body.get("if_updated_at")
    if expected is not None:
        apart = datetime.fromisoformat(box.times.local(row.updated_at)) - expected.replace(tzinfo=None)
        if abs(apart.total_seconds()) > LOCK_S:
            rules.refuse(409, "Time entry was modified on the server. Refresh and try again.", "conflict")
    start = box.times.kept(body["start_time"]) if body.get("start_time") else row.start
    end = box.times.kept(body["end_time"]) if body.get("end_time") else row.end
    _open_period(box, ask, row.start)
    if (start, end) != (row.start, row.end) and end is not None:
        _no_overlap(box, row.user_id, start, end, row.id)
    project = body.get("project_id") or row.project_id
    task = row.task_id if body.get("task_id") is None else _task(box, body["task_id"], project)
    given = {
        name: body[name]
        for name in ("notes", "tags", "billable", "paid", "break_seconds")
        if body.get(name) is not None
    }
    for name in ("notes", "tags"):
        if name in given:
            given[name] = given[name].strip()
    after = replace(row, project_id=project, task_id=task, start=start, end=end, **given, updated_at=box.clock.now())
    _kept(box, ask, after, "update")
    return Reply(200, {"message": "Time entry updated successfully", "time_entry": shapes.entry(box, after)})


def delete(box: TimeTrackerSandbox, ask: Ask) -> Reply:
    row = _own(box, ask)
    _open_period(box, ask, row.start)
    box.store.drop("entries", row, box.clock.now())
    box.note(ask, "delete", "time", row.id)
    box.audit(ask, "TimeEntry", row.id, f"<TimeEntry {row.id}>", "deleted")
    _tell(box, ask, row, "deleted")
    return Reply(200, {"message": "Time entry deleted successfully"})


def start_timer(box: TimeTrackerSandbox, ask: Ask) -> Reply:
    body, person = rules.members(ask), box.person(ask)
    if not body.get("project_id"):
        rules.refuse(
            400, "project_id is required", "validation_error", errors={"project_id": ["project_id is required"]}
        )
    if any(row.user_id == person.id and row.end is None for row in box.store.entries.values()):
        rules.refuse(409, "A timer is already running", "timer_already_running")
    now = box.clock.now()
    number, task = box.store.number("entries"), _task(box, body.get("task_id"), body["project_id"])
    digits = box.times.local(now)
    row = Entry(number, person.id, body["project_id"], digits, None, now, now, task, body.get("notes"), source="auto")
    box.store.put("entries", row, now)
    box.note(ask, "create", "time", row.id)
    box.audit(ask, "TimeEntry", row.id, f"<TimeEntry {row.id}>", "created")
    box.send("time_entry.created", {"entry_id": row.id, "user_id": row.user_id, "project_id": row.project_id})
    return Reply(201, {"message": "Timer started successfully", "timer": shapes.entry(box, row)})


def stop_timer(box: TimeTrackerSandbox, ask: Ask) -> Reply:
    person, now = box.person(ask), box.clock.now()
    row = next((one for one in box.store.entries.values() if one.user_id == person.id and one.end is None), None)
    if row is None:
        rules.refuse(400, "No active timer")
    after = replace(row, end=box.times.local(now), updated_at=now)
    box.store.put("entries", after, now)
    box.note(ask, "update", "time", row.id)
    box.audit(ask, "TimeEntry", row.id, f"<TimeEntry {row.id}>", "updated", ("end_time", None, after.end))
    return Reply(200, {"message": "Timer stopped successfully", "time_entry": shapes.entry(box, after)})


def _schema(body: dict[str, Any], *, creating: bool) -> dict[str, Any]:
    """The members as their types; every mistake is named, unknown ones too."""
    known = {*TEXTS, *NUMBERS, *FLAGS, *TIMES} - ({"reason"} if creating else {"user_id"}) | (
        set() if creating else {"if_updated_at"}
    )
    wrong = {name: "Unknown field." for name in body if name not in known}
    read: dict[str, Any] = {}
    for name, value in body.items():
        if name in wrong or (value is None and not creating):
            continue
        if name in TEXTS and value is not None and (not isinstance(value, str) or len(value) > TEXTS[name]):
            wrong[name] = "Not a valid string." if not isinstance(value, str) else "Longer than maximum length."
        elif name in NUMBERS and value is not None and (isinstance(value, bool) or not isinstance(value, int)):
            wrong[name] = "Not a valid integer."
        elif name in FLAGS and not isinstance(value, bool):
            wrong[name] = "Not a valid boolean."
        elif name in (*TIMES, "if_updated_at") and value is not None:
            read[name] = rules.moment(name, value)
            continue
        read[name] = value
    if creating and "start_time" not in body:
        wrong["start_time"] = "Missing data for required field."
    if creating and "client_id" in body and body["client_id"] is None:
        wrong["client_id"] = "Field may not be null."
    if wrong:
        rules.invalid(**wrong)
    return read


def _target(box: TimeTrackerSandbox, ask: Ask, body: dict[str, Any]) -> int:
    person = box.person(ask)
    wanted = body.get("user_id") or person.id
    if wanted != person.id and not person.is_admin:
        rules.refuse(403, "Only admins can create time entries for other users")
    if wanted not in box.store.users or not box.store.users[wanted].is_active:
        rules.refuse(400, "Selected user is invalid or inactive")
    return int(wanted)


def _task(box: TimeTrackerSandbox, task_id: int | None, project_id: int | None) -> int | None:
    if task_id is None:
        return None
    task = box.store.tasks.get(task_id)
    if task is None or task.project_id != project_id:
        rules.refuse(400, "Invalid task for selected project")
    return task.id


def _own(box: TimeTrackerSandbox, ask: Ask) -> Entry:
    row = box.store.entries.get(ask.params["entry_id"])
    if row is None:
        rules.refuse(400, "Time entry not found")
    person = box.person(ask)
    if row.user_id != person.id and not person.is_admin:
        rules.refuse(400, "Access denied")
    return row


def _open_period(box: TimeTrackerSandbox, ask: Ask, start: str) -> None:
    closed = box.settings.closed_until
    if closed and start[:10] <= closed and not box.person(ask).is_admin:
        rules.refuse(400, "This timesheet period is closed and cannot be changed")


def _no_overlap(box: TimeTrackerSandbox, user: int, start: str, end: str, but: int) -> None:
    first, last = datetime.fromisoformat(start), datetime.fromisoformat(end)
    for row in box.store.entries.values():
        if row.user_id != user or row.id == but or row.end is None:
            continue
        if first < datetime.fromisoformat(row.end) and last > datetime.fromisoformat(row.start):
            rules.refuse(400, OVERLAPS)


def _text(value: str | None) -> str | None:
    return None if value is None else value.strip() or None


def _kept(box: TimeTrackerSandbox, ask: Ask, row: Entry, verb: str) -> None:
    before = box.store.entries.get(row.id)
    box.store.put("entries", row, box.clock.now())
    same = before is not None and replace(before, updated_at=row.updated_at) == row
    box.note(ask, verb, "time", row.id, changed=not same)
    box.audit(ask, "TimeEntry", row.id, f"<TimeEntry {row.id}>", f"{verb}d")
    _tell(box, ask, row, f"{verb}d")


def _tell(box: TimeTrackerSandbox, ask: Ask, row: Entry, action: str) -> None:
    person, shape = box.person(ask), shapes.entry(box, row)
    who = {"id": person.id, "username": person.username, "display_name": person.username}
    names = {"project_name": shape["project"], "client_name": None, "task_name": shape["task"]}
    box.send(
        f"time_entry.{action}",
        {
            "event_type": f"time_entry.{action}",
            "timestamp": box.times.stamp(box.clock.now()),
            "user": who,
            "entity": {"type": "time_entry", "id": row.id, "name": shape["project"]},
            "action": action,
            "description": f"{action.capitalize()} time entry for {shape['project']}",
            "data": names | {"duration_hours": shape["duration_hours"], "target_user_id": row.user_id},
        },
    )
