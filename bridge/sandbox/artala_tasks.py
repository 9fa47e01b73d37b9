"""Tasks of the Artala sandbox: create, full replace, status, move, delete, and what hangs on a task."""

from __future__ import annotations

import uuid
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from bridge.sandbox import artala_rules as rules
from bridge.sandbox import artala_shapes as shapes
from bridge.sandbox import rewriting
from bridge.sandbox.artala_store import Audit, Item, Task
from bridge.sandbox.clock import iso_ms
from bridge.sandbox.exchange import Reply

if TYPE_CHECKING:
    from bridge.sandbox.artala import ArtalaSandbox
    from bridge.sandbox.exchange import Ask

EIGHT = "title description assigneeId priority dueDate startDate coverColor effort"
CREATE = "boardId title description assigneeId priority dueDate startDate effort status externalId externalSource checklistItems"
AUDITED = ("title", "description", "assignee_id", "priority", "due_date", "start_date", "effort", "cover_color", "status",
           "board_id", "is_archived")  # fmt: skip


def find(box: ArtalaSandbox, ask: Ask, name: str = "task_id") -> Task:
    task = box.store.tasks.get(rules.guid(ask.params[name], name))
    if task is None or not box.sees(ask, task.board_id):
        rules.refuse(404, "Task not found.")
    return task


def get(box: ArtalaSandbox, ask: Ask) -> Reply:
    return Reply(200, shapes.task(box.store, find(box, ask), box.now_ms()))


def create(box: ArtalaSandbox, ask: Ask) -> Reply:
    box.may(ask, "Member")
    body = rules.body(ask, CREATE, strict=box.settings.strict_members)
    if body.get("boardId") is None:
        rules.refuse(400, "boardId is required.")
    board_id = rules.guid(body["boardId"], "boardId")
    board = box.store.boards.get(board_id)
    if board is None or board.is_archived or not box.sees(ask, board_id):
        rules.refuse(404, "Board not found.")
    now = box.now_ms()
    task = Task(
        id=str(uuid.uuid4()),
        board_id=board_id,
        created_at=now,
        updated_at=now,
        external_id=rules.text(body, "externalId", limit=500),
        external_source=rules.text(body, "externalSource", limit=200),
        status=_status(box, body.get("status")),
        **_members(box, ask, body),
    )
    task = replace(task, completed_at=now if box.is_done(task.status) else None)
    titles = body.get("checklistItems") or []
    if not isinstance(titles, list) or any(not isinstance(title, str) for title in titles):
        rules.refuse(400, "checklistItems must be a list of strings.")
    box.store.put(task, box.clock.now())
    for title in titles:
        box.store.keep("items", Item(str(uuid.uuid4()), task.id, title))
    box.note(ask, "create", "task", task.id)
    box.tell("task.created", task)
    return Reply(201, shapes.task(box.store, task, now))


def _status(box: ArtalaSandbox, name: Any) -> str:
    if name is None:
        return next(row.name for row in box.store.statuses.values() if row.is_default)
    if not isinstance(name, str) or name not in [row.name for row in box.store.statuses.values()]:
        rules.refuse(400, f"There is no status {name!r}.")
    return name


def _members(box: ArtalaSandbox, ask: Ask, body: dict[str, Any]) -> dict[str, Any]:
    """The checked members that POST and PUT share; what is absent becomes null (priority: 2)."""
    assignee = rules.optional_guid(body, "assigneeId")
    if assignee is not None and (assignee not in box.store.members or not box.store.members[assignee].is_active):
        rules.refuse(400, "assigneeId is not an active member of this workspace.")
    priority = rules.whole(body, "priority", high=4)
    title = rules.text(body, "title", limit=rules.TITLE_LIMIT, required=True)
    description = rules.text(body, "description", limit=rules.DESCRIPTION_LIMIT)
    return {
        "title": rewriting.text(ask, title),
        "description": rewriting.text(ask, description),
        "assignee_id": assignee,
        "priority": 2 if priority is None else priority,
        "due_date": rules.moment(body, "dueDate"),
        "start_date": rules.moment(body, "startDate"),
        "effort": rules.whole(body, "effort"),
    }


def update(box: ArtalaSandbox, ask: Ask) -> Reply:
    """PUT: all eight fields are replaced; a field that is absent is emptied."""
    task = find(box, ask)
    box.may(ask, "Member")
    body = rules.body(ask, EIGHT, strict=box.settings.strict_members)
    after = replace(task, **_members(box, ask, body), cover_color=rules.color(body, "coverColor"))
    store(box, ask, task, after, verb="update")
    return Reply(204)


def set_status(box: ArtalaSandbox, ask: Ask) -> Reply:
    task = find(box, ask)
    box.may(ask, "Member")
    body = rules.body(ask, "newStatus", strict=box.settings.strict_members)
    if body.get("newStatus") is None:
        rules.refuse(400, "newStatus is required.")
    name = _status(box, body["newStatus"])
    done = box.is_done(name)
    completed = (task.completed_at or box.now_ms()) if done else None
    store(box, ask, task, replace(task, status=name, completed_at=completed), verb="update")
    return Reply(204)


def store(box: ArtalaSandbox, ask: Ask, before: Task, after: Task, *, verb: str) -> Task:
    """Keep a changed task: date it, audit each field, log, and send what the change sends."""
    changed = before != after
    after = box.store.put(replace(after, updated_at=box.now_ms()), box.clock.now())
    for name in AUDITED:
        old, new = getattr(before, name), getattr(after, name)
        if old != new:
            _audit(box, ask, after, name, old, new)
    box.note(ask, verb, "task", after.id, changed=changed)
    if not changed:
        return after
    box.tell("task.updated", after)
    if after.completed_at and not before.completed_at:
        box.tell("task.completed", after)
    if after.assignee_id != before.assignee_id and after.assignee_id:
        box.tell("task.assigned", after)
    if after.due_date != before.due_date:
        box.tell("task.due_date_changed", after)
    return after


def _audit(box: ArtalaSandbox, ask: Ask, task: Task, name: str, old: Any, new: Any) -> None:
    title = "".join(part.capitalize() for part in name.removesuffix("_id").split("_"))
    stamped = name in ("due_date", "start_date")
    texts = [None if value is None else (iso_ms(value) if stamped else str(value)) for value in (old, new)]
    row = Audit(str(uuid.uuid4()), task.id, title, texts[0], texts[1], ask.who, box.now_ms())
    box.store.audit.append(row)


def delete(box: ArtalaSandbox, ask: Ask) -> Reply:
    task = find(box, ask)
    box.may(ask, "Member")
    box.store.drop(task, box.clock.now())
    box.note(ask, "delete", "task", task.id)
    box.tell("task.deleted", task)
    return Reply(204)


def move(box: ArtalaSandbox, ask: Ask) -> Reply:
    task = find(box, ask)
    box.may(ask, "Member")
    body = rules.body(ask, "targetBoardId moveToBacklog", strict=box.settings.strict_members)
    target = rules.guid(body.get("targetBoardId"), "targetBoardId")
    if target not in box.store.boards or not box.sees(ask, target):
        rules.refuse(404, "Board not found.")
    backlog = rules.flag(body, "moveToBacklog")
    after = store(box, ask, task, replace(task, board_id=target, is_backlog=backlog), verb="update")
    box.tell("task.moved_to_backlog" if backlog else "task.moved", after)
    return Reply(204)


def labels(box: ArtalaSandbox, ask: Ask) -> Reply:
    """GET, and PUT as a full replace. ``updatedAt`` stays unless the setting touch_on_labels says otherwise."""
    task = find(box, ask)
    if ask.method == "GET":
        rows = [shapes.label(box.store.labels[one]) for one in task.labels if one in box.store.labels]
        return Reply(200, rows[::-1] if rewriting.is_mirrored(ask) else rows)
    box.may(ask, "Member")
    body = rules.body(ask, "labelIds", strict=box.settings.strict_members)
    wanted = body.get("labelIds")
    if not isinstance(wanted, list):
        rules.refuse(400, "labelIds must be a list of GUIDs.")
    ids = tuple(dict.fromkeys(rules.guid(one, "labelIds") for one in wanted))
    for one in ids:
        if one not in box.store.labels:
            rules.refuse(400, f"There is no label {one}.")
    quietly(box, ask, task, replace(task, labels=ids), "task-labels")
    return Reply(204)


def quietly(box: ArtalaSandbox, ask: Ask, before: Task, after: Task, kind: str) -> None:
    """Keep a change that (as far as anyone knows) does not move ``updatedAt`` and sends no event."""
    changed = before != after
    if box.settings.touch_on_labels:
        after = replace(after, updated_at=box.now_ms())
    box.store.put(after, box.clock.now())
    box.note(ask, "update", kind, after.id, changed=changed)


def values(box: ArtalaSandbox, ask: Ask) -> Reply:
    """GET, and POST of one custom field's value; a value is always a string, null clears."""
    task = find(box, ask)
    have = dict(task.values)
    if ask.method == "GET":
        rows = [shapes.field_value(one, have[one.id]) for one in shapes.in_order(box.store.fields) if one.id in have]
        return Reply(200, rows)
    box.may(ask, "Member")
    body = rules.body(ask, "fieldId value", strict=box.settings.strict_members)
    field = box.store.fields.get(rules.guid(body.get("fieldId"), "fieldId"))
    if field is None:
        rules.refuse(400, "There is no such field.")
    value = rules.text(body, "value")
    if value is None:
        have.pop(field.id, None)
    else:
        _fits(field.type, field.options, value)
        have[field.id] = value
    quietly(box, ask, task, replace(task, values=tuple(sorted(have.items()))), "task-field")
    return Reply(204)


def _fits(kind: str, options: tuple[str, ...], value: str) -> None:
    if kind == "Date":
        rules.day({"value": value[:10]}, "value")
    number = value.removeprefix("-").replace(".", "", 1)
    good = {"Bool": value in ("true", "false"), "Number": number.isdigit(), "Choice": value in options}
    if not good.get(kind, True):
        rules.refuse(400, f"{value!r} is no value of a {kind} field.")


def checklist(box: ArtalaSandbox, ask: Ask) -> Reply:
    task = find(box, ask)
    if ask.method == "GET":
        return Reply(200, [shapes.item(row) for row in box.store.items.values() if row.task_id == task.id])
    box.may(ask, "Member")
    body = rules.body(ask, "title", strict=box.settings.strict_members)
    row = Item(str(uuid.uuid4()), task.id, rules.text(body, "title", limit=500, required=True) or "")
    box.store.keep("items", row)
    quietly(box, ask, task, task, "checklist")
    return Reply(201, shapes.item(row))


def checklist_item(box: ArtalaSandbox, ask: Ask) -> Reply:
    task = find(box, ask)
    row = box.store.items.get(rules.guid(ask.params["item_id"], "itemId"))
    if row is None or row.task_id != task.id:
        rules.refuse(404, "Checklist item not found.")
    box.may(ask, "Member")
    if ask.method == "DELETE":
        box.store.remove("items", row.id)
    else:
        body = rules.body(ask, "title isComplete", strict=box.settings.strict_members)
        title = rules.text(body, "title", limit=500)
        complete = rules.flag(body, "isComplete", default=row.is_complete)
        box.store.keep("items", replace(row, title=title or row.title, is_complete=complete))
    quietly(box, ask, task, task, "checklist")
    return Reply(204)


def dependencies(box: ArtalaSandbox, ask: Ask) -> Reply:
    task = find(box, ask)

    def line(other_id: str) -> dict[str, Any]:
        other = box.store.tasks[other_id]
        return {"taskId": other.id, "title": other.title, "status": other.status, "isDone": box.is_done(other.status)}

    pairs = list(box.store.blockers)
    return Reply(
        200,
        {
            "blockedBy": [line(blocking) for blocked, blocking in pairs if blocked == task.id],
            "blocking": [line(blocked) for blocked, blocking in pairs if blocking == task.id],
        },
    )


def dependency(box: ArtalaSandbox, ask: Ask) -> Reply:
    """POST makes the task wait for the other one, DELETE ends that."""
    task, other = find(box, ask), find(box, ask, "blocking_id")
    box.may(ask, "Member")
    pair = (task.id, other.id)
    if ask.method == "POST":
        if task.id == other.id or pair[::-1] in box.store.blockers:
            rules.refuse(400, "A task cannot wait for itself or in a circle.")
        box.store.blockers[pair] = box.now_ms()
    elif box.store.blockers.pop(pair, None) is None:
        rules.refuse(404, "There is no such dependency.")
    box.store.version += 1
    box.note(ask, "link", "dependency", "/".join(pair))
    return Reply(204)
