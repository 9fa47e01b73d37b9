"""The other resources of the Artala sandbox: boards, labels, statuses, fields, team, comments, time, webhooks."""

from __future__ import annotations

import uuid
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from bridge.sandbox import artala_rules as rules
from bridge.sandbox import artala_shapes as shapes
from bridge.sandbox import rewriting
from bridge.sandbox.artala_store import Board, Comment, Hook, Label, TimeEntry
from bridge.sandbox.clock import iso_ms
from bridge.sandbox.exchange import Reply

if TYPE_CHECKING:
    from bridge.sandbox.artala import ArtalaSandbox
    from bridge.sandbox.artala_store import Task
    from bridge.sandbox.exchange import Ask

DAY_MS = 86_400_000


def boards(box: ArtalaSandbox, ask: Ask) -> Reply:
    if ask.method == "GET":
        rows = [row for row in box.store.boards.values() if not row.is_archived and box.sees(ask, row.id)]
        return Reply(200, [shapes.board(row) for row in rows])
    box.may(ask, "Admin")
    known = "name description isPrivate defaultMemberRole sprintsEnabled"
    body = rules.body(ask, known, strict=box.settings.strict_members)
    rules.flag(body, "sprintsEnabled")
    if body.get("defaultMemberRole", "Member") not in ("Member", "Commenter", "Admin"):
        rules.refuse(400, "defaultMemberRole is not a role.")
    now = box.now_ms()
    name = rules.text(body, "name", limit=200, required=True) or ""
    words = rules.text(body, "description", limit=rules.DESCRIPTION_LIMIT)
    private = rules.flag(body, "isPrivate")
    row = Board(str(uuid.uuid4()), name, now, now, words, is_private=private, members=(ask.who,))
    box.store.keep("boards", row)
    box.note(ask, "create", "board", row.id)
    box.send("board.created", shapes.board(row))
    return Reply(201, shapes.board(row))


def board(box: ArtalaSandbox, ask: Ask) -> Reply:
    """GET, PUT and DELETE (archives)."""
    row = box.store.boards.get(rules.guid(ask.params["board_id"], "boardId"))
    if row is None or not box.sees(ask, row.id):
        rules.refuse(404, "Board not found.")
    if ask.method == "GET":
        return Reply(200, shapes.board_in_full(box.store, row))
    box.may(ask, "Admin")
    if ask.method == "DELETE":
        box.store.keep("boards", replace(row, is_archived=True, updated_at=box.now_ms()))
        box.note(ask, "delete", "board", row.id)
        box.send("board.archived", shapes.board(row))
        return Reply(204)
    body = rules.body(ask, "name description isPrivate", strict=box.settings.strict_members)
    after = replace(
        row,
        name=rules.text(body, "name", limit=200, required=True) or "",
        description=rules.text(body, "description", limit=rules.DESCRIPTION_LIMIT),
        is_private=rules.flag(body, "isPrivate"),
        updated_at=box.now_ms(),
    )
    box.store.keep("boards", after)
    box.note(ask, "update", "board", row.id)
    box.send("board.updated", shapes.board(after))
    return Reply(204)


def labels(box: ArtalaSandbox, ask: Ask) -> Reply:
    """GET, and POST that creates, or updates when ``id`` is given."""
    if ask.method == "GET":
        return Reply(200, [shapes.label(row) for row in shapes.in_order(box.store.labels)])
    box.may(ask, "Admin")
    body = rules.body(ask, "id name color sortOrder", strict=box.settings.strict_members)
    name = rewriting.label(ask, rules.text(body, "name", limit=100, required=True) or "")
    known = rules.optional_guid(body, "id")
    if known is not None and known not in box.store.labels:
        rules.refuse(404, "Label not found.")
    order = rules.whole(body, "sortOrder")
    order = len(box.store.labels) if order is None else order
    row = Label(known or str(uuid.uuid4()), name, rules.color(body, "color") or "#9E9E9E", order)
    if any(other.name.casefold() == name.casefold() and other.id != row.id for other in box.store.labels.values()):
        rules.refuse(400, f"There is a label {name!r} already.")
    box.store.keep("labels", row)
    box.note(ask, "update" if known else "create", "label", row.id)
    return Reply(200 if known else 201, shapes.label(row))


def label(box: ArtalaSandbox, ask: Ask) -> Reply:
    """DELETE; the label also leaves its tasks."""
    box.may(ask, "Admin")
    row_id = rules.guid(ask.params["label_id"], "labelId")
    if row_id not in box.store.labels:
        rules.refuse(404, "Label not found.")
    box.store.remove("labels", row_id)
    for task in list(box.store.tasks.values()):
        if row_id in task.labels:
            box.store.put(replace(task, labels=tuple(one for one in task.labels if one != row_id)), box.clock.now())
    box.note(ask, "delete", "label", row_id)
    return Reply(204)


def statuses(box: ArtalaSandbox, _: Ask) -> Reply:
    return Reply(200, [shapes.status(row) for row in shapes.in_order(box.store.statuses)])


def fields(box: ArtalaSandbox, _: Ask) -> Reply:
    return Reply(200, [shapes.field(row) for row in shapes.in_order(box.store.fields)])


def team(box: ArtalaSandbox, _: Ask) -> Reply:
    return Reply(200, [shapes.member(row) for row in box.store.members.values()])


def task_comments(box: ArtalaSandbox, ask: Ask) -> Reply:
    task = box.task(ask, ask.params["task_id"])
    rows = [row for row in box.store.comments.values() if row.task_id == task.id and row.parent_id is None]
    return Reply(200, [shapes.comment(box.store, row) for row in rows])


def add_comment(box: ArtalaSandbox, ask: Ask) -> Reply:
    body = rules.body(ask, "taskId content parentCommentId", strict=box.settings.strict_members)
    task = box.task(ask, body.get("taskId"))
    content = rules.text(body, "content", limit=rules.COMMENT_LIMIT, required=True) or ""
    parent = rules.optional_guid(body, "parentCommentId")
    if parent is not None and (parent not in box.store.comments or box.store.comments[parent].task_id != task.id):
        rules.refuse(400, "parentCommentId is not a comment of this task.")
    row = Comment(str(uuid.uuid4()), task.id, ask.who, content, box.now_ms(), parent)
    box.store.comments[row.id] = row
    _touch(box, task)
    box.note(ask, "create", "comment", row.id)
    box.send("comment.created", shapes.comment(box.store, row))
    return Reply(201, shapes.comment(box.store, row))


def _touch(box: ArtalaSandbox, task: Task | None) -> None:
    """As far as anyone knows a comment leaves its task alone; the switch says otherwise."""
    if task is not None and box.settings.touch_on_comments:
        box.store.put(replace(task, updated_at=box.now_ms()), box.clock.now())


def comment(box: ArtalaSandbox, ask: Ask) -> Reply:
    """PUT and DELETE: one's own within 24 hours, Admins and Owners any; a delete takes the replies along."""
    row = box.store.comments.get(rules.guid(ask.params["comment_id"], "commentId"))
    if row is None:
        rules.refuse(404, "Comment not found.")
    if not box.can(ask, "Admin") and (row.author_id != ask.who or box.now_ms() - row.created_at > DAY_MS):
        rules.refuse(403, "Your key's role does not permit this: only your own comments, within 24 hours.")
    if ask.method == "DELETE":
        _drop(box, row)
        _touch(box, box.store.tasks.get(row.task_id))
        box.note(ask, "delete", "comment", row.id)
        box.send("comment.deleted", {"id": row.id, "taskId": row.task_id})
        return Reply(204)
    body = rules.body(ask, "content", strict=box.settings.strict_members)
    content = rules.text(body, "content", limit=rules.COMMENT_LIMIT, required=True) or ""
    after = replace(row, content=content, is_edited=True)
    box.store.comments[row.id] = after
    _touch(box, box.store.tasks.get(row.task_id))
    box.note(ask, "update", "comment", row.id)
    box.send("comment.updated", shapes.comment(box.store, after))
    return Reply(204)


def _drop(box: ArtalaSandbox, row: Comment) -> None:
    del box.store.comments[row.id]
    for reply in [one for one in box.store.comments.values() if one.parent_id == row.id]:
        _drop(box, reply)


def log_time(box: ArtalaSandbox, ask: Ask) -> Reply:
    """POST /timesheets: append only; a date and quarter hours."""
    box.may(ask, "Member")
    body = rules.body(ask, "taskId targetUserId loggedDate hours note", strict=box.settings.strict_members)
    task = box.task(ask, body.get("taskId"))
    person = rules.optional_guid(body, "targetUserId") or ask.who
    if person != ask.who:
        box.may(ask, "Admin")
        if person not in box.store.members:
            rules.refuse(400, "targetUserId is not a member of this workspace.")
    day = rules.day(body, "loggedDate")
    if (person, rules.monday(day)) in box.store.approved:
        rules.refuse(box.settings.locked_status, "The week is approved and locked.")
    row = TimeEntry(
        str(uuid.uuid4()),
        task.id,
        person,
        day,
        rules.quarter_hours(body, "hours"),
        box.now_ms(),
        rules.text(body, "note", limit=2000),
    )
    box.store.time[row.id] = row
    box.store.version += 1
    box.note(ask, "create", "time", row.id)
    if not box.settings.time_answers_id:
        return Reply(201, {})
    shape: dict[str, Any] = {"id": row.id, "taskId": row.task_id, "userId": row.user_id, "loggedDate": row.logged_on}
    return Reply(201, shape | {"hours": row.hours, "note": row.note, "createdAt": iso_ms(row.created_at)})


def webhooks(box: ArtalaSandbox, ask: Ask) -> Reply:
    """GET, and POST that creates, or updates when ``id`` is given. The secret is never shown again."""
    box.may(ask, "Admin")
    if ask.method == "GET":
        return Reply(200, [_hook(row) for row in box.store.hooks.values()])
    body = rules.body(ask, "id name url secret events isActive", strict=box.settings.strict_members)
    known = rules.optional_guid(body, "id")
    if known is not None and known not in box.store.hooks:
        rules.refuse(404, "Webhook not found.")
    url = rules.text(body, "url", required=True) or ""
    if not url.startswith(("http://", "https://")):
        rules.refuse(400, "url must be http or https.")
    secret = rules.text(body, "secret", required=True) or ""
    if len(secret) < 8:
        rules.refuse(400, "secret must have at least 8 characters.")
    name, events = (rules.text(body, member, required=True) or "" for member in ("name", "events"))
    row = Hook(known or str(uuid.uuid4()), name, url, secret, events, rules.flag(body, "isActive", default=True))
    box.store.keep("hooks", row)
    box.note(ask, "update" if known else "create", "webhook", row.id)
    return Reply(200 if known else 201, _hook(row))


def webhook(box: ArtalaSandbox, ask: Ask) -> Reply:
    box.may(ask, "Admin")
    row_id = rules.guid(ask.params["hook_id"], "webhookId")
    if row_id not in box.store.hooks:
        rules.refuse(404, "Webhook not found.")
    box.store.remove("hooks", row_id)
    box.note(ask, "delete", "webhook", row_id)
    return Reply(204)


def _hook(row: Hook) -> dict[str, Any]:
    return {"id": row.id, "name": row.name, "url": row.url, "events": row.events, "isActive": row.is_active}
