"""How the Workestra sandbox starts, is filled in bulk, and what people can do to it in the app alone."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from bridge.sandbox.clock import instant
from bridge.sandbox.seeding import COLORS, samples
from bridge.sandbox.workestra_store import Project, Task, WorkestraStore

if TYPE_CHECKING:
    from bridge.sandbox.workestra import WorkestraSandbox

WORKSPACE = "ws_sandbox"
PROJECT, SECOND, HIDDEN = "proj_web", "proj_ops", "proj_secret"
BORN_MS = 1_704_067_200_000
PEOPLE = (
    ("wsk_live_sandbox_bridge", "user_bridge", "bridge"),
    ("wsk_live_sandbox_ann", "user_ann", "ann"),
    ("wsk_live_sandbox_bob", "user_bob", "bob"),
    ("wsk_live_sandbox_vic", "user_vic", "vic"),
)
LABELS = ("bug", "auth", "feature", "docs")


def start() -> WorkestraStore:
    """Two projects that ann leads and vic may only look at, one that the bridge does not see, two custom fields."""
    store = WorkestraStore(fields={"external_ref": "text", "client_name": "text", "risk_score": "number"})
    for token, who, name in PEOPLE:
        store.people[who], store.tokens[token] = name, who
    roles = (("user_bridge", "Member"), ("user_ann", "Lead"), ("user_bob", "Member"), ("user_vic", "Viewer"))
    for project_id, name in ((PROJECT, "Website Redesign"), (SECOND, "Operations")):
        store.projects[project_id] = Project(project_id, name, labels=LABELS, roles=roles, created_at=BORN_MS)
    store.projects[HIDDEN] = Project(HIDDEN, "Salaries", roles=(("user_ann", "Lead"),), created_at=BORN_MS)
    return store


def sow(box: WorkestraSandbox, plan: dict[str, Any]) -> dict[str, Any]:
    """Fill a project: ``project`` (its id), ``generate`` (a number, or options of ``samples``), ``tasks`` (members of
    ``Task``; ``custom_fields`` as an object, instants as text).

    Raises: ValueError and TypeError for members that do not exist.
    """
    plan = dict(plan)
    project = plan.pop("project", PROJECT)
    if project not in box.store.projects:
        raise ValueError(f"no project {project!r}")
    wanted = plan.pop("generate", 0)
    options = wanted if isinstance(wanted, dict) else {"count": wanted}
    if options["count"]:
        _generate(box, project, {"before": box.clock.now(), **options})
    for row in plan.pop("tasks", ()):
        _write(box, project, dict(row))
    if plan:
        raise ValueError(f"unknown seed members: {', '.join(sorted(plan))}")
    return {"project": project, "tasks": sum(1 for task in box.store.tasks.values() if task.project_id == project)}


def _generate(box: WorkestraSandbox, project: str, options: dict[str, Any]) -> None:
    row = box.store.projects[project]
    box.store.projects[project] = replace(row, labels=tuple(dict.fromkeys((*row.labels, *COLORS))))
    for item in samples(**options):
        number, at = box.store.next_number(), item.updated_at * 1000
        box.store.tasks[f"task_{number:06d}"] = Task(
            f"task_{number:06d}",
            project,
            number,
            item.title,
            at,
            at,
            description=item.body,
            labels=item.labels,
            status="done" if item.is_done else "todo",
        )


def _write(box: WorkestraSandbox, project: str, members: dict[str, Any]) -> None:
    number, now = box.store.next_number(), box.now_ms()
    for name in ("created_at", "updated_at", "deleted_at"):
        if isinstance(members.get(name), str):
            moment = instant(members[name])
            if moment is None:
                raise ValueError(f"{name} is no time: {members[name]!r}")
            members[name] = round(moment * 1000)
    created = members.pop("created_at", members.get("updated_at", now))
    task = Task(
        id=members.pop("id", f"task_{number:06d}"),
        project_id=project,
        number=number,
        title=members.pop("title"),
        created_at=created,
        updated_at=members.pop("updated_at", created),
        labels=tuple(members.pop("labels", ())),
        custom_fields=tuple(sorted(members.pop("custom_fields", {}).items())),
        **members,
    )
    box.store.tasks[task.id] = task


def perform(box: WorkestraSandbox, deed: dict[str, Any]) -> dict[str, Any]:
    """What the API cannot do: ``do`` is restore or purge (``task``), role (``project``, ``person``, ``role`` or null),
    revoke (``token``), field (``key``, ``type`` or null), statuses (``project``, ``names``), move (``task``, ``project``).

    Raises: ValueError for an unknown deed, KeyError for what is not there.
    """
    do, store = deed.get("do"), box.store
    if do in ("restore", "move"):
        task = store.tasks[deed["task"]]
        members = {"deleted_at": None} if do == "restore" else {"project_id": store.projects[deed["project"]].id}
        store.put(replace(task, updated_at=box.now_ms(), **members), box.clock.now())
    elif do == "purge":
        store.drop(deed["task"])
    elif do == "role":
        project = store.projects[deed["project"]]
        roles = dict(project.roles) | {f"user_{deed['person']}": deed["role"]}
        kept = tuple((who, role) for who, role in roles.items() if role is not None)
        store.projects[project.id] = replace(project, roles=kept)
    elif do == "revoke":
        store.tokens.pop(deed["token"], None)
    elif do == "field":
        store.fields.pop(deed["key"], None)
        if deed.get("type"):
            store.fields[deed["key"]] = deed["type"]
    elif do == "statuses":
        store.projects[deed["project"]] = replace(store.projects[deed["project"]], statuses=tuple(deed["names"]))
    else:
        raise ValueError(f"no deed {do!r}; there are: restore, purge, role, revoke, field, statuses, move")
    return {"done": do}
