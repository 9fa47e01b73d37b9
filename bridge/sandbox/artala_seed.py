"""How the Artala sandbox starts, is filled in bulk, and what an administrator can do to it by hand."""

from __future__ import annotations

import uuid
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from bridge.sandbox.artala_rules import monday
from bridge.sandbox.artala_store import ArtalaStore, Board, Field, Label, Member, Status, Task
from bridge.sandbox.clock import instant
from bridge.sandbox.seeding import COLORS, samples

if TYPE_CHECKING:
    from bridge.sandbox.artala import ArtalaSandbox

BOARD = "e0000000-0000-4000-8000-000000000001"
BACKLOG = "e0000000-0000-4000-8000-000000000009"
SPACE = uuid.UUID("e0000000-0000-4000-8000-0000000000ff")
BORN_MS = 1_704_067_200_000
PEOPLE = (
    ("tb_sandbox_bridge", "bridge", "Bridge Bot", "Admin"),
    ("tb_sandbox_owner", "owner", "Owner", "Owner"),
    ("tb_sandbox_alice", "alice", "Alice", "Admin"),
    ("tb_sandbox_bob", "bob", "Bob", "Member"),
    ("tb_sandbox_carol", "carol", "Carol", "Member"),
    ("tb_sandbox_sam", "sam", "Sam", "Member"),
    ("tb_sandbox_guest", "guest", "Guest", "Commenter"),
)
STATUSES = (("To Do", "#9E9E9E"), ("In Progress", "#2196F3"), ("Done", "#4CAF50"))


def start() -> ArtalaStore:
    """A store with the default board, people, statuses and custom fields."""
    store = ArtalaStore()
    for place, (token, name, full_name, role) in enumerate(PEOPLE, 1):
        member = Member(f"a0000000-0000-4000-8000-{place:012d}", full_name, f"{name}@example.com", role)
        store.members[member.id] = member
        store.tokens[token] = member.id
    for place, (name, color) in enumerate(STATUSES):
        row = Status(f"c0000000-0000-4000-8000-{place + 1:012d}", name, color, place == 0, name == "Done", place)
        store.statuses[row.id] = row
    fields = (("Environment", "Choice", ("Staging", "Production")), ("Customer", "Text", ()), ("Score", "Number", ()),
              ("Billable", "Bool", ()), ("Released on", "Date", ()))  # fmt: skip
    for place, (name, kind, options) in enumerate(fields):
        field = Field(f"f0000000-0000-4000-8000-{place + 1:012d}", name, kind, options, sort_order=place)
        store.fields[field.id] = field
    store.boards[BOARD] = Board(BOARD, "Engineering", BORN_MS, BORN_MS, "Work of the engineering team")
    store.boards[BACKLOG] = Board(BACKLOG, "Backlog", BORN_MS, BORN_MS, is_backlog=True)
    return store


def sow(box: ArtalaSandbox, plan: dict[str, Any]) -> dict[str, Any]:
    """Fill a board: ``board`` (name or GUID; made when new), ``generate`` (a number, or options of ``samples``), ``tasks``,
    ``labels``, ``statuses``, ``members``. Tasks take the members of ``Task``; ``labels`` and ``assignee`` by name or e-mail.

    Raises: ValueError and TypeError for members that do not exist.
    """
    plan = dict(plan)
    store = box.store
    board = _board(box, plan.pop("board", BOARD))
    for row in plan.pop("statuses", ()):
        store.keep(
            "statuses",
            Status(id=str(uuid.uuid5(SPACE, "status " + row["name"])), sort_order=len(store.statuses), **row),
        )
    for row in plan.pop("members", ()):
        token = row.pop("token", "")
        member = store.keep("members", Member(id=str(uuid.uuid5(SPACE, "member " + row["email"])), **row))
        if token:
            store.tokens[token] = member.id
    for row in plan.pop("labels", ()):
        known = _label(box, row["name"])
        store.keep("labels", replace(store.labels[known], **row))
    wanted = plan.pop("generate", 0)
    rows = _generated(box, board, wanted if isinstance(wanted, dict) else {"count": wanted})
    rows += [_written(box, board, row) for row in plan.pop("tasks", ())]
    if plan:
        raise ValueError(f"unknown seed members: {', '.join(sorted(plan))}")
    store.put_many(rows)
    store.decor += 1
    return {"board": board, "tasks": sum(1 for task in store.tasks.values() if task.board_id == board)}


def _board(box: ArtalaSandbox, wanted: str) -> str:
    for board in box.store.boards.values():
        if wanted in (board.id, board.name):
            return board.id
    row = Board(str(uuid.uuid5(SPACE, "board " + wanted)), wanted, BORN_MS, BORN_MS)
    return str(box.store.keep("boards", row).id)


def _label(box: ArtalaSandbox, name: str) -> str:
    for label in box.store.labels.values():
        if label.name.casefold() == name.casefold():
            return label.id
    color = f"#{COLORS.get(name, '9E9E9E')}"
    row = Label(str(uuid.uuid5(SPACE, "label " + name)), name, color, len(box.store.labels))
    return str(box.store.keep("labels", row).id)


def _generated(box: ArtalaSandbox, board: str, options: dict[str, Any]) -> list[Task]:
    options = {"before": box.clock.now(), **options}
    ids = {name: _label(box, name) for name in COLORS} if options["count"] else {}
    done = next(row.name for row in box.store.statuses.values() if row.is_done)
    shift = len(box.store.tasks)
    return [
        Task(
            id=str(uuid.uuid5(SPACE, f"task {item.number + shift}")),
            board_id=board,
            title=item.title,
            description=item.body,
            created_at=item.updated_at * 1000,
            updated_at=item.updated_at * 1000,
            labels=tuple(ids[name] for name in item.labels),
            status=done if item.is_done else "To Do",
            completed_at=item.updated_at * 1000 if item.is_done else None,
        )
        for item in samples(**options)
    ]


def _written(box: ArtalaSandbox, board: str, row: dict[str, Any]) -> Task:
    members = dict(row)
    now = box.now_ms()
    for name in ("created_at", "updated_at", "completed_at", "due_date", "start_date"):
        if isinstance(members.get(name), str):
            moment = instant(members[name])
            if moment is None:
                raise ValueError(f"{name} is no time: {members[name]!r}")
            members[name] = round(moment * 1000)
    members["labels"] = tuple(_label(box, name) for name in members.get("labels", ()))
    by_name = {field.name: field.id for field in box.store.fields.values()}
    members["values"] = tuple(sorted((by_name[name], value) for name, value in members.get("values", {}).items()))
    if "assignee" in members:
        email = members.pop("assignee")
        members["assignee_id"] = next(one.id for one in box.store.members.values() if one.email == email)
    created = members.pop("created_at", members.get("updated_at", now))
    if box.is_done(members.get("status", "")):
        members.setdefault("completed_at", created)
    return Task(
        id=members.pop("id", str(uuid.uuid4())),
        board_id=board,
        title=members.pop("title"),
        created_at=created,
        updated_at=members.pop("updated_at", created),
        **members,
    )


def perform(box: ArtalaSandbox, deed: dict[str, Any]) -> dict[str, Any]:
    """What no REST call can do: ``do`` is archive, unarchive, deactivate, role, revoke, rename_board, approve_week
    (``member``, ``day``), edit_time (``entry`` and what changes: ``hours``, ``note``, ``logged_on``, ``task_id``) or delete_time.

    Raises: ValueError for an unknown deed, task or member.
    """
    do = deed.get("do")
    store = box.store
    if do in ("archive", "unarchive"):
        task = store.tasks.get(str(deed["task"]).lower())
        if task is None:
            raise ValueError(f"no task {deed['task']}")
        store.put(replace(task, is_archived=do == "archive", updated_at=box.now_ms()), box.clock.now())
        box.tell(f"task.{do}d", task)
    elif do in ("deactivate", "role"):
        member = next((one for one in store.members.values() if deed["member"] in (one.email, one.id)), None)
        if member is None:
            raise ValueError(f"no member {deed['member']}")
        store.keep(
            "members", replace(member, is_active=False) if do == "deactivate" else replace(member, role=deed["role"])
        )
    elif do == "revoke":
        store.tokens.pop(deed["token"], None)
    elif do == "rename_board":
        store.keep("boards", replace(store.boards[_board(box, deed.get("board", BOARD))], name=deed["to"]))
    elif do in ("approve_week", "edit_time", "delete_time"):
        _timesheet(box, deed)
    else:
        raise ValueError(
            f"no deed {do!r}; there are: archive, unarchive, deactivate, role, revoke, rename_board, approve_week, "
            "edit_time, delete_time"
        )
    return {"done": do}


def _timesheet(box: ArtalaSandbox, deed: dict[str, Any]) -> None:
    """What people do to logged time in the app."""
    store = box.store
    if deed["do"] == "approve_week":
        who = next((one.id for one in store.members.values() if deed["member"] in (one.email, one.id)), None)
        if who is None:
            raise ValueError(f"no member {deed['member']}")
        store.approved.add((who, monday(deed["day"])))
        store.version += 1
        return
    row = store.time.get(deed["entry"])
    if row is None:
        raise ValueError(f"no time entry {deed['entry']}")
    if deed["do"] == "delete_time":
        store.remove("time", row.id)
    else:
        store.keep("time", replace(row, **{key: value for key, value in deed.items() if key not in ("do", "entry")}))
