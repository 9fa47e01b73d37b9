"""How the Gipo sandbox starts, is filled in bulk, and what people do in the app that no API call can do."""

from __future__ import annotations

import uuid
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from bridge.sandbox.clock import instant
from bridge.sandbox.gipo_html import sanitized
from bridge.sandbox.gipo_store import Entry, GipoStore, Key, Named, Project, Stage, Subtask, Task, User
from bridge.sandbox.seeding import COLORS, samples

if TYPE_CHECKING:
    from collections.abc import Callable

    from bridge.sandbox.gipo import GipoSandbox

WORKSPACE = "b0000000-0000-4000-8000-000000000001"
SECOND = "b0000000-0000-4000-8000-000000000002"
LOOSE = "b0000000-0000-4000-8000-000000000003"
SPACE = uuid.UUID("b0000000-0000-4000-8000-0000000000ff")
BORN_MS = 1_704_067_200_000
FAR_MS = 4_102_444_800_000
PEOPLE = (("bridge", "Bridge Bot", "admin"), ("ann", "Ann", "owner"), ("bob", "Bob", "member"), ("carol", "Carol", "member"))  # fmt: skip
TAGS = (*COLORS, "urgent", "help wanted")
TYPES = ("Task", "Defect", "Meeting")


def start() -> GipoStore:
    """The default organization: three boards (the last without a finalizing stage), people, tags and task types."""
    store = GipoStore()
    for place, (name, full_name, role) in enumerate(PEOPLE, 1):
        user = f"a0000000-0000-4000-8000-{place:012d}"
        store.users[user] = User(user, own_id(f"membership {name}"), full_name, f"{name}@example.com", role, BORN_MS)
        store.keys[f"ba_sandbox_{name}"] = Key(user, FAR_MS)
    for space, name, stages in (
        (WORKSPACE, "Workspace", ("Pending", "Doing", "Done")),
        (SECOND, "Second", ("Pending", "Doing", "Done")),
        (LOOSE, "Loose", ("Ideas", "Doing")),
    ):
        add_workspace(store, space, name, stages, "Done")
    for table, names in (("tags", TAGS), ("types", TYPES)):
        for name in names:
            row = Named(own_id(f"{table} {name}"), name, BORN_MS)
            getattr(store, table)[row.id] = row
    return store


def own_id(name: str) -> str:
    return str(uuid.uuid5(SPACE, name))


def add_workspace(store: GipoStore, space: str, name: str, stages: tuple[str, ...], final: str) -> None:
    store.workspaces[space] = Named(space, name, BORN_MS)
    for place, stage in enumerate(stages):
        row = Stage(own_id(f"stage {space} {stage}"), space, stage, place, stage == final)
        store.stages[row.id] = row


def sow(box: GipoSandbox, plan: dict[str, Any]) -> dict[str, Any]:
    """Fill a board: ``workspace`` (id or name; made when new, with ``stages`` and ``final``), ``generate`` (a number, or
    options of ``samples``), ``tasks`` with the members of ``Task`` (``stage``, ``tags`` by name, ``assignees`` by e-mail).

    Raises: ValueError and TypeError for members that do not exist.
    """
    plan = dict(plan)
    store = box.store
    wanted, stages, final = plan.pop("workspace", WORKSPACE), plan.pop("stages", None), plan.pop("final", "Done")
    space = next((row.id for row in store.workspaces.values() if wanted in (row.id, row.name)), None)
    if space is None:
        space = own_id(f"workspace {wanted}")
        add_workspace(store, space, wanted, tuple(stages or ("Pending", "Doing", "Done")), final)
    many = plan.pop("generate", 0)
    rows = _generated(box, space, many if isinstance(many, dict) else {"count": many})
    rows += [_written(box, space, row) for row in plan.pop("tasks", ())]
    if plan:
        raise ValueError(f"unknown seed members: {', '.join(sorted(plan))}")
    store.tasks |= {row.id: row for row in rows}
    return {"workspace": space, "tasks": sum(1 for row in store.tasks.values() if row.workspace == space)}


def _generated(box: GipoSandbox, space: str, options: dict[str, Any]) -> list[Task]:
    options = {"before": box.clock.now(), **options}
    stages = box.store.stages_of(space)
    final = next((row for row in stages if row.is_finalizing), stages[-1])
    shift = len(box.store.tasks)
    return [
        Task(
            id=own_id(f"task {item.number + shift}"),
            workspace=space,
            stage=final.id if item.is_done else stages[0].id,
            subject=item.title,
            description=sanitized("".join(f"<p>{line}</p>" for line in item.body.splitlines() if line)),
            created_at=item.updated_at * 1000,
            updated_at=item.updated_at * 1000,
            tags=tuple(own_id(f"tags {name}") for name in item.labels),
            finalized_at=item.updated_at * 1000 if item.is_done and final.is_finalizing else None,
            sort_order=item.number,
        )
        for item in samples(**options)
    ]


def _written(box: GipoSandbox, space: str, row: dict[str, Any]) -> Task:
    members = dict(row)
    now = box.now_ms()
    for name in ("created_at", "updated_at", "finalized_at", "start", "end"):
        if isinstance(members.get(name), str):
            moment = instant(members[name])
            if moment is None:
                raise ValueError(f"{name} is no time: {members[name]!r}")
            members[name] = round(moment * 1000)
    stages = box.store.stages_of(space)
    wanted = members.pop("stage", stages[0].name)
    stage = next((one for one in stages if one.name == wanted), None)
    if stage is None:
        raise ValueError(f"no stage {wanted!r}")
    members["tags"] = tuple(own_id(f"tags {name}") for name in members.get("tags", ()))
    people = {one.email: one.id for one in box.store.users.values()}
    members["assignees"] = tuple(people[email] for email in members.get("assignees", ()))
    created = members.pop("created_at", now)
    if stage.is_finalizing:
        members.setdefault("finalized_at", created)
    return Task(
        id=members.pop("id", None) or str(uuid.uuid4()),
        workspace=space,
        stage=stage.id,
        subject=members.pop("subject"),
        created_at=created,
        updated_at=members.pop("updated_at", created),
        sort_order=members.pop("sort_order", len(box.store.tasks)),
        **members,
    )


def perform(box: GipoSandbox, deed: dict[str, Any]) -> dict[str, Any]:
    """What only the app can do; ``do`` is a name of DEEDS.

    Raises: ValueError for an unknown deed, KeyError for an id that is not there.
    """
    do = str(deed.get("do"))
    if do not in DEEDS:
        raise ValueError(f"no deed {do!r}; there are: {', '.join(DEEDS)}")
    return {"done": do, "id": DEEDS[do](box, deed)}


def _restore(box: GipoSandbox, deed: dict[str, Any]) -> str:
    row = box.store.trash.pop(deed["task"])
    return str(box.store.put("tasks", row, box.clock.now()).id)


def _named(table: str) -> Callable[[GipoSandbox, dict[str, Any]], str]:
    def add(box: GipoSandbox, deed: dict[str, Any]) -> str:
        """A tag or a task type; renames it where ``id`` is given."""
        row = Named(deed.get("id") or own_id(f"{table} {deed['name']}"), deed["name"], box.now_ms())
        getattr(box.store, table)[row.id] = row
        return row.id

    return add


def _add_stage(box: GipoSandbox, deed: dict[str, Any]) -> str:
    space = deed.get("workspace", WORKSPACE)
    row = Stage(own_id(f"stage {space} {deed['name']}"), space, deed["name"], len(box.store.stages_of(space)))
    box.store.stages[row.id] = row
    return row.id


def _remove_workspace(box: GipoSandbox, deed: dict[str, Any]) -> str:
    row = box.store.workspaces.pop(deed["workspace"])
    for task in [one for one in box.store.tasks.values() if one.workspace == row.id]:
        box.store.drop("tasks", task, box.clock.now())
    return row.id


def _user(box: GipoSandbox, deed: dict[str, Any]) -> User:
    return next(row for row in box.store.users.values() if deed["member"] in (row.id, row.email))


def _role(box: GipoSandbox, deed: dict[str, Any]) -> str:
    row = replace(_user(box, deed), role=deed["role"])
    box.store.users[row.id] = row
    return row.id


def _ban(box: GipoSandbox, deed: dict[str, Any]) -> str:
    row = replace(_user(box, deed), is_banned=True)
    box.store.users[row.id] = row
    return row.id


def _leave(box: GipoSandbox, deed: dict[str, Any]) -> str:
    row = _user(box, deed)
    del box.store.users[row.id]
    return row.id


def _expire(box: GipoSandbox, deed: dict[str, Any]) -> str:
    token = str(deed["token"])
    box.store.keys[token] = replace(box.store.keys[token], expires_at=box.now_ms() - 1)
    return token


def _add_project(box: GipoSandbox, deed: dict[str, Any]) -> str:
    people = {one.email: one.id for one in box.store.users.values()}
    members = tuple(people[email] for email in deed.get("members", ()))
    row = Project(own_id(f"project {deed['name']}"), deed["name"], box.now_ms(), box.now_ms(), members=members)
    box.store.projects[row.id] = row
    return row.id


def _timer(box: GipoSandbox, deed: dict[str, Any]) -> str:
    """Start a timer on a task; ``seconds`` gives one that was stopped."""
    now = box.now_ms()
    seconds = deed.get("seconds")
    started = now - (seconds or 600) * 1000
    row = Entry(str(uuid.uuid4()), _user(box, deed).id, started, seconds, now, now, task=deed["task"], source="timer")
    return str(box.store.put("entries", row, box.clock.now()).id)


def _subtask(box: GipoSandbox, deed: dict[str, Any]) -> str:
    """A subtask in a group of its own, which no API call can make."""
    group, now = own_id(f"group {deed['task']} {deed['group']}"), box.now_ms()
    order = sum(1 for row in box.store.subtasks.values() if row.group == group)
    row = Subtask(str(uuid.uuid4()), deed["task"], group, deed["name"], now, now, sort_order=order)
    return str(box.store.put("subtasks", row, box.clock.now()).id)


DEEDS: dict[str, Callable[[GipoSandbox, dict[str, Any]], str]] = {
    "restore": _restore,
    "tag": _named("tags"),
    "type": _named("types"),
    "stage": _add_stage,
    "remove_workspace": _remove_workspace,
    "role": _role,
    "ban": _ban,
    "leave": _leave,
    "expire": _expire,
    "project": _add_project,
    "timer": _timer,
    "subtask": _subtask,
}
