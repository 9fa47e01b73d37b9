"""How the Grow CRM sandbox starts, is filled in bulk, and what people do in its pages, where the API has no call for it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from bridge.sandbox.clock import instant, iso
from bridge.sandbox.growcrm_store import Choice, Comment, GrowcrmStore, Member, Milestone, Project, Task, Timer
from bridge.sandbox.seeding import samples

if TYPE_CHECKING:
    from bridge.sandbox.growcrm import GrowcrmSandbox

PROJECT, SECOND = 7, 8
ADMIN, ANN, BOB = 1, 53, 54
BORN = 1_767_225_600.0
TEAM = (
    Member(ADMIN, "Main", "Admin", "admin@example.com", 1),
    Member(ANN, "Ann", "Lee", "ann@example.com"),
    Member(BOB, "Bob", "Ray", "bob@example.com"),
)
KEYS = {"growcrm-sandbox-bridge": "bridge", "growcrm-sandbox-ann": "ann", "growcrm-sandbox-bob": "bob"}
STATUSES = (
    Choice(1, "To do"),
    Choice(2, "Completed", "#24d2b5", is_completed=True),
    Choice(3, "In progress", "#ff9041"),
    Choice(4, "Awaiting feedback", "#6772e5"),
)
PRIORITIES = (Choice(1, "Normal"), Choice(2, "High", "#ff5b5b"), Choice(3, "Low"), Choice(4, "Urgent", "#ff0000"))
ANCHORS = (("To do", "Normal"), ("Completed", "High"), ("In progress", "Low"), ("Awaiting feedback", "Urgent"))


def start() -> GrowcrmStore:
    """Two projects of one client. Project 8 holds one old task in each status and priority, as a CRM in use does."""
    store = GrowcrmStore(keys=dict(KEYS))
    store.team = {row.id: row for row in TEAM}
    store.statuses = {row.id: row for row in STATUSES}
    store.priorities = {row.id: row for row in PRIORITIES}
    for project_id, title in ((PROJECT, "Website Redesign"), (SECOND, "Operations")):
        _project(store, project_id, title)
    for number, (status, priority) in enumerate(ANCHORS, 1):
        row = Task(
            id=number,
            project_id=SECOND,
            title=f"Old task {number}",
            status_id=_named(store.statuses, status),
            priority_id=_named(store.priorities, priority),
            milestone_id=SECOND * 10 + 1,
            created_at=BORN,
            updated_at=BORN,
        )
        store.tasks[row.id] = row
    return store


def _project(store: GrowcrmStore, project_id: int, title: str) -> Project:
    row = store.projects[project_id] = Project(project_id, title, BORN)
    for place, (name, kind) in enumerate((("Uncategorised", "uncategorised"), ("Phase 1", "categorised")), 1):
        milestone = Milestone(project_id * 10 + place, project_id, name, kind)
        store.milestones[milestone.id] = milestone
    return row


def _named(rows: dict[int, Choice], title: str) -> int:
    for row in rows.values():
        if row.title.casefold() == title.casefold():
            return row.id
    raise ValueError(f"there is no {title!r}; there are: {', '.join(row.title for row in rows.values())}")


def sow(box: GrowcrmSandbox, plan: dict[str, Any]) -> dict[str, Any]:
    """Fill a project: ``project`` (an id; made when new, with ``title``), ``generate`` (a number, or options of ``samples``),
    ``tasks``, ``team``, ``statuses``, ``priorities``. Tasks take the members of ``Task``; ``status``, ``priority`` and
    ``milestone`` by title, ``assigned`` by e-mail. ``bare`` empties the sandbox of tasks first.

    Raises: ValueError and TypeError for members that do not exist.
    """
    plan, store = dict(plan), box.store
    if plan.pop("bare", False):
        store.tasks.clear()
    project, title = int(plan.pop("project", PROJECT)), plan.pop("title", "")
    if project not in store.projects:
        _project(store, project, title or f"Project {project}")
    for table, kind in (("team", Member), ("statuses", Choice), ("priorities", Choice)):
        for members in plan.pop(table, ()):
            row = kind(**members)
            getattr(store, table)[row.id] = row
    wanted = plan.pop("generate", 0)
    options = {"before": box.clock.now(), **(wanted if isinstance(wanted, dict) else {"count": wanted})}
    rows = [
        {
            "title": item.title,
            "description": "".join(f"<p>{line}</p>" for line in item.body.split("\n") if line),
            "tags": item.labels,
            "status": "Completed" if item.is_done else "To do",
            "created_at": item.updated_at,
        }
        for item in (samples(**options) if options["count"] else ())
    ]
    for members in (*rows, *plan.pop("tasks", ())):
        _task(box, project, dict(members))
    if plan:
        raise ValueError(f"unknown seed members: {', '.join(sorted(plan))}")
    return {"project": project, "tasks": sum(1 for task in store.tasks.values() if task.project_id == project)}


def _task(box: GrowcrmSandbox, project: int, members: dict[str, Any]) -> Task:
    store = box.store
    own = {row.title: row.id for row in store.milestones.values() if row.project_id == project}
    emails = {row.email: row.id for row in store.team.values()}
    created = members.pop("created_at", box.clock.now())
    if isinstance(created, str) and (created := instant(created)) is None:
        raise ValueError("created_at is no time")
    row = Task(
        id=members.pop("id", None) or store.new_id(),
        project_id=project,
        title=members.pop("title"),
        status_id=_named(store.statuses, members.pop("status", "To do")),
        priority_id=_named(store.priorities, members.pop("priority", "Normal")),
        milestone_id=own[members.pop("milestone", "Uncategorised")],
        created_at=created,
        updated_at=members.pop("updated_at", created),
        assigned=tuple(emails[email] for email in members.pop("assigned", ())),
        tags=tuple(members.pop("tags", ())),
        **members,
    )
    kept: Task = store.keep("tasks", row, box.clock.now())
    return kept


def perform(box: GrowcrmSandbox, deed: dict[str, Any]) -> dict[str, Any]:
    """What people do in the pages: see ``DEEDS``. ``who`` is the e-mail of the one who does it.

    Raises: ValueError for an unknown deed, KeyError for an unknown row.
    """
    deed = dict(deed)
    do = deed.pop("do", None)
    if do not in DEEDS:
        raise ValueError(f"no deed {do!r}; there are: {', '.join(DEEDS)}")
    author = deed.get("who", "admin@example.com")
    made = DEEDS[do](box, deed)
    item = str(made.get("id", ""))
    at = iso(box.clock.now())
    box.journal.write(at, author.partition("@")[0], "act", ("ACT", str(do), deed), (str(do), item))
    return {"done": do, **made}


def _who(box: GrowcrmSandbox, deed: dict[str, Any]) -> int:
    return next(row.id for row in box.store.team.values() if row.email == deed.get("who", "admin@example.com"))


def _comment(box: GrowcrmSandbox, deed: dict[str, Any]) -> dict[str, Any]:
    task = box.store.tasks[int(deed["task"])]
    row = Comment(box.store.new_id(), task.id, _who(box, deed), deed["text"], box.clock.now())
    box.store.keep("comments", row, box.clock.now())
    return {"id": row.id}


def _start_timer(box: GrowcrmSandbox, deed: dict[str, Any]) -> dict[str, Any]:
    now = box.clock.now()
    who = _who(box, deed)
    row = Timer(box.store.new_id(), int(deed["task"]), who, 0, iso(now)[:10], who, "running", started_at=now)
    box.store.keep("timers", row, now)
    return {"id": row.id}


def _invoice(box: GrowcrmSandbox, deed: dict[str, Any]) -> dict[str, Any]:
    row = box.store.timers[int(deed["timer"])]
    box.store.keep("timers", replace(row, billing_status="invoiced", invoice_id=900), box.clock.now())
    return {"id": row.id}


def _set_seconds(box: GrowcrmSandbox, deed: dict[str, Any]) -> dict[str, Any]:
    """A stopped timer counts seconds, not minutes."""
    row = box.store.timers[int(deed["timer"])]
    box.store.keep("timers", replace(row, seconds=int(deed["seconds"])), box.clock.now())
    return {"id": row.id}


def _delete_member(box: GrowcrmSandbox, deed: dict[str, Any]) -> dict[str, Any]:
    row = next(row for row in box.store.team.values() if row.email == deed["member"])
    now = box.clock.now()
    box.store.keep("team", replace(row, status="deleted"), now)
    for task in [task for task in box.store.tasks.values() if row.id in task.assigned]:
        left = tuple(one for one in task.assigned if one != row.id)
        box.store.keep("tasks", replace(task, assigned=left), now)
    return {"id": row.id}


def _delete_project(box: GrowcrmSandbox, deed: dict[str, Any]) -> dict[str, Any]:
    box.store.drop_project(int(deed["project"]), box.clock.now())
    return {"id": int(deed["project"])}


def _archive_project(box: GrowcrmSandbox, deed: dict[str, Any]) -> dict[str, Any]:
    row = box.store.projects[int(deed["project"])]
    box.store.keep("projects", replace(row, active_state="archive"), box.clock.now())
    return {"id": row.id}


def _rename_status(box: GrowcrmSandbox, deed: dict[str, Any]) -> dict[str, Any]:
    row = box.store.statuses[int(deed["status"])]
    box.store.keep("statuses", replace(row, title=deed["to"]), box.clock.now())
    return {"id": row.id}


def _revoke(box: GrowcrmSandbox, deed: dict[str, Any]) -> dict[str, Any]:
    box.store.keys.pop(deed["token"], None)
    return {}


DEEDS: dict[str, Any] = {
    "comment": _comment,
    "start_timer": _start_timer,
    "invoice": _invoice,
    "set_seconds": _set_seconds,
    "delete_member": _delete_member,
    "delete_project": _delete_project,
    "archive_project": _archive_project,
    "rename_status": _rename_status,
    "revoke": _revoke,
}
