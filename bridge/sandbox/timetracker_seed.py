"""How the TimeTracker sandbox starts, is filled in bulk, and what an administrator can do to it by hand."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from bridge.sandbox.seeding import samples
from bridge.sandbox.timetracker_store import Client, Column, Project, Task, TimeTrackerStore, User

if TYPE_CHECKING:
    from bridge.sandbox.timetracker import TimeTrackerSandbox

BORN = 1_704_067_200.0
ALL = ("read:*", "write:*")
PEOPLE = (
    ("bridge", "admin", ("admin:all",)),
    ("ann", "user", ALL),
    ("bob", "user", ALL),
    ("carol", "user", ALL),
    ("owner", "admin", ALL),
    ("reader", "admin", ("read:projects", "read:tasks")),
)
COLUMNS = (("todo", "To Do"), ("in_progress", "In Progress"), ("review", "Review"), ("done", "Done"))


def start(*, admin: bool, bare: bool) -> TimeTrackerStore:
    """A store with people and columns, and unless ``bare`` a client with two projects."""
    store = TimeTrackerStore()
    for number, (name, role, scopes) in enumerate(PEOPLE, 1):
        mine = ("user", ALL) if name == "bridge" and not admin else (role, scopes)
        token = f"tt_sandbox_{name}".ljust(35, "0")
        store.users[number] = User(number, name, token, mine[1], mine[0], f"{name}@example.com")
    for number, (key, label) in enumerate(COLUMNS, 1):
        store.columns[number] = Column(number, key, label, number - 1, is_complete_state=key == "done")
    if not bare:
        store.clients[1] = Client(1, "Acme", BORN, BORN)
        store.projects[1] = Project(1, "Engineering", 1, BORN, BORN, "ENG")
        store.projects[2] = Project(2, "Operations", 1, BORN, BORN, "OPS")
    return store


def sow(box: TimeTrackerSandbox, plan: dict[str, Any]) -> dict[str, Any]:
    """Fill a project: ``project`` (id), ``generate`` (a number, or options of ``samples``), ``tasks`` (members of ``Task``).

    Raises: ValueError and TypeError for members that do not exist.
    """
    plan, store = dict(plan), box.store
    project = plan.pop("project", 1)
    wanted = plan.pop("generate", 0)
    options = wanted if isinstance(wanted, dict) else {"count": wanted}
    for item in samples(**{"before": box.clock.now(), **options}):
        number, at = store.number("tasks"), float(item.updated_at)
        status, tags = ("done" if item.is_done else "todo"), ",".join(item.labels)
        store.tasks[number] = Task(number, project, item.title, 2, at, at, item.body, status, tags=tags)
    for row in plan.pop("tasks", ()):
        at = box.clock.now()
        given = {"created_by": 2, "created_at": at, "updated_at": at, "project_id": project, **row}
        number = given.pop("id", 0) or store.number("tasks")
        store.tasks[number] = Task(id=number, **given)
    if plan:
        raise ValueError(f"unknown seed members: {', '.join(sorted(plan))}")
    return {"project": project, "tasks": sum(1 for task in store.tasks.values() if task.project_id == project)}


def perform(box: TimeTrackerSandbox, deed: dict[str, Any]) -> dict[str, Any]:
    """What no API call can do: ``do`` is prune_audit, quiet_edit (a task's members, past the audit log), column, deactivate,
    revoke.

    Raises: ValueError for an unknown deed.
    """
    do, store = deed.get("do"), box.store
    if do == "prune_audit":
        store.audit.clear()
    elif do == "quiet_edit":
        row = store.tasks[int(deed["task"])]
        store.put("tasks", replace(row, **deed["members"], updated_at=box.clock.now()), box.clock.now())
    elif do == "column":
        number = store.number("columns")
        store.columns[number] = Column(number, deed["key"], deed["label"], number, project_id=deed.get("project"))
    elif do in ("deactivate", "revoke"):
        user = next(one for one in store.users.values() if one.username == deed["who"])
        store.users[user.id] = replace(user, is_active=False) if do == "deactivate" else replace(user, token="")
    else:
        raise ValueError(f"no deed {do!r}; there are: prune_audit, quiet_edit, column, deactivate, revoke")
    return {"done": do}
