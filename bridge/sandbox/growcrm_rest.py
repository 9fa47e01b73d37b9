"""The other resources of the Grow CRM sandbox: timesheets, projects, milestones, team."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from bridge.sandbox import growcrm_rules as rules
from bridge.sandbox import growcrm_shapes as shapes
from bridge.sandbox.growcrm_store import Timer

if TYPE_CHECKING:
    from bridge.sandbox.exchange import Ask, Reply
    from bridge.sandbox.growcrm import GrowcrmSandbox


def timesheets(box: GrowcrmSandbox, ask: Ask) -> Reply:
    """GET with its filters, and POST for whomever ``user_id`` names."""
    if ask.method == "POST":
        return _log(box, ask)
    passes = shapes.wanted(
        ask,
        {
            "task_id": lambda row: row.task_id,
            "project_id": lambda row: box.store.tasks[row.task_id].project_id,
            "user_id": lambda row: row.user_id,
            "status": lambda row: row.status,
            "billing_status": lambda row: row.billing_status,
        },
    )
    first, last = ask.query.get("date_start", ""), ask.query.get("date_end", "") or "9999"
    held = box.store.as_of("timers", ask.faults.get("stale"), box.clock.now()).values()
    rows = [row for row in held if row.task_id in box.store.tasks and passes(row) and first <= row.created <= last]
    sorts = {"timer_created": lambda row: row.created, "timer_time": lambda row: row.seconds}
    return shapes.listing(box, ask, rows, shapes.timesheet, sorts=sorts, default="timer_created")


def _log(box: GrowcrmSandbox, ask: Ask) -> Reply:
    body = rules.body(ask)
    task, user = rules.number(body, "task_id"), rules.number(body, "user_id")
    if task not in box.store.tasks:
        rules.refuse(404, "Task not found.")
    if user not in box.store.team or box.store.team[user].status == "deleted":
        rules.invalid("user_id", "The selected user id is invalid.")
    seconds = _duration(body)
    day = rules.day(body, "timer_created", required=True) or ""
    row = Timer(box.store.new_id(), task, user, seconds, day, recorded_by=box.admin)
    box.store.keep("timers", row, box.clock.now())
    box.note(ask, "create", "time", row.id)
    return shapes.one(shapes.timesheet(box, row), "Timesheet recorded successfully.", 201)


def _duration(body: dict[str, Any]) -> int:
    """Hours and minutes, both required, at least one minute together."""
    minutes = (rules.number(body, "hours") or 0) * 60 + (rules.number(body, "minutes") or 0)
    if minutes < 1:
        rules.invalid("minutes", "The total time must be at least one minute.")
    return minutes * 60


def timesheet(box: GrowcrmSandbox, ask: Ask) -> Reply:
    """GET, PATCH (the duration alone, whatever else is sent) and DELETE. What is invoiced stays as it is."""
    given = ask.params["timer_id"]
    row = box.store.timers.get(int(given)) if given.isdigit() else None
    if row is None:
        rules.refuse(404, "Timesheet not found.")
    if ask.method == "GET":
        return shapes.one(shapes.timesheet(box, row), "Timesheet retrieved successfully.")
    if row.billing_status == "invoiced":
        rules.refuse(box.settings.invoiced_status, "Time that has been invoiced cannot be changed.")
    if ask.method == "DELETE":
        box.store.remove("timers", row.id, box.clock.now())
        box.note(ask, "delete", "time", row.id)
        return shapes.one({"id": row.id}, "Timesheet deleted successfully.")
    after = replace(row, seconds=_duration(rules.body(ask)))
    box.store.keep("timers", after, box.clock.now())
    box.note(ask, "update", "time", row.id, changed=after != row)
    return shapes.one(shapes.timesheet(box, after), "Timesheet updated successfully.")


def projects(box: GrowcrmSandbox, ask: Ask) -> Reply:
    passes = shapes.wanted(ask, {"status": lambda row: row.status, "client_id": lambda row: row.client_id})
    words = ask.query.get("search", "").casefold()
    rows = [row for row in box.store.projects.values() if passes(row) and words in row.title.casefold()]
    sorts = {"project_title": lambda row: row.title.casefold(), "project_created": lambda row: row.created_at}
    return shapes.listing(box, ask, rows, shapes.project, sorts=sorts, default="project_created")


def project(box: GrowcrmSandbox, ask: Ask) -> Reply:
    given = ask.params["project_id"]
    row = box.store.projects.get(int(given)) if given.isdigit() else None
    if row is None:
        rules.refuse(404, "Project not found.")
    return shapes.one(shapes.project(box, row), "Project retrieved successfully.")


def milestones(box: GrowcrmSandbox, ask: Ask) -> Reply:
    if not ask.query.get("project_id", "").isdigit():
        rules.invalid("project_id", "The project id field is required.")
    passes = shapes.wanted(ask, {"project_id": lambda row: row.project_id, "type": lambda row: row.type})
    rows = [row for row in box.store.milestones.values() if passes(row)]
    sorts = {"milestone_title": lambda row: row.title, "milestone_position": lambda row: row.id}
    return shapes.listing(box, ask, rows, shapes.milestone, sorts=sorts, default="milestone_position")


def team(box: GrowcrmSandbox, ask: Ask) -> Reply:
    """Without ``status`` those who were deleted are left out."""
    status = ask.query.get("status", "")
    rows = [row for row in box.store.team.values() if row.status == status or (not status and row.status != "deleted")]
    sorts = {"first_name": lambda row: row.first_name, "email": lambda row: row.email, "created": lambda row: row.id}
    return shapes.listing(box, ask, rows, shapes.member, sorts=sorts, default="created")
