"""How the Artala sandbox writes its rows as JSON: camelCase for REST (the columns of the feeds plus labels and checklist)."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from bridge.sandbox.artala_store import PRIORITIES
from bridge.sandbox.clock import iso_ms

if TYPE_CHECKING:
    from bridge.sandbox.artala_store import ArtalaStore, Board, Comment, Field, Item, Label, Member, Status, Task


def board(row: Board) -> dict[str, Any]:
    return {
        "id": row.id,
        "name": row.name,
        "description": row.description,
        "createdAt": iso_ms(row.created_at),
        "isPrivate": row.is_private,
    }


def board_in_full(store: ArtalaStore, row: Board) -> dict[str, Any]:
    return board(row) | {
        "statuses": [status(one) for one in in_order(store.statuses)],
        "members": [member(one) for one in store.members.values() if not row.is_private or one.id in row.members],
        "labels": [label(one) for one in in_order(store.labels)],
        "customFields": [field(one) for one in in_order(store.fields)],
    }


def in_order(rows: dict[str, Any]) -> list[Any]:
    return sorted(rows.values(), key=lambda row: (row.sort_order, row.name))


def member(row: Member) -> dict[str, Any]:
    return {"id": row.id, "fullName": row.full_name, "email": row.email, "role": row.role, "isActive": row.is_active}


def label(row: Label) -> dict[str, Any]:
    return {"id": row.id, "name": row.name, "color": row.color, "sortOrder": row.sort_order}


def status(row: Status) -> dict[str, Any]:
    return {
        "id": row.id,
        "name": row.name,
        "color": row.color,
        "isDefault": row.is_default,
        "isDone": row.is_done,
        "sortOrder": row.sort_order,
    }


def field(row: Field) -> dict[str, Any]:
    return {
        "id": row.id,
        "name": row.name,
        "fieldType": row.type,
        "choiceOptions": json.dumps(list(row.options)) if row.type == "Choice" else None,
        "isRequired": row.is_required,
        "sortOrder": row.sort_order,
    }


def field_value(row: Field, value: str) -> dict[str, Any]:
    shape = field(row)
    del shape["id"], shape["sortOrder"]
    return {"fieldId": row.id, **shape, "value": value}


def item(row: Item) -> dict[str, Any]:
    return {"id": row.id, "taskId": row.task_id, "title": row.title, "isComplete": row.is_complete}


def comment(store: ArtalaStore, row: Comment) -> dict[str, Any]:
    author = store.members.get(row.author_id)
    return {
        "id": row.id,
        "taskId": row.task_id,
        "authorId": row.author_id,
        "authorName": author.full_name if author else "",
        "content": row.content,
        "isEdited": row.is_edited,
        "createdAt": iso_ms(row.created_at),
        "replies": [comment(store, one) for one in store.comments.values() if one.parent_id == row.id],
    }


def is_overdue(store: ArtalaStore, row: Task, now_ms: int) -> bool:
    if row.due_date is None or row.due_date >= now_ms:
        return False
    return not any(one.is_done for one in store.statuses.values() if one.name == row.status)


def task(store: ArtalaStore, row: Task, now_ms: int) -> dict[str, Any]:
    place, person = store.boards.get(row.board_id), store.members.get(row.assignee_id or "")
    return {
        "id": row.id,
        "boardId": row.board_id,
        "boardName": place.name if place else None,
        "title": row.title,
        "description": row.description,
        "status": row.status,
        "priority": row.priority,
        "priorityName": PRIORITIES[row.priority],
        "assigneeId": row.assignee_id,
        "assigneeName": person.full_name if person else None,
        "dueDate": iso_ms(row.due_date),
        "startDate": iso_ms(row.start_date),
        "effort": row.effort,
        "coverColor": row.cover_color,
        "externalId": row.external_id,
        "externalSource": row.external_source,
        "isBacklog": row.is_backlog,
        "isArchived": row.is_archived,
        "isOverdue": is_overdue(store, row, now_ms),
        "completedAt": iso_ms(row.completed_at),
        "createdAt": iso_ms(row.created_at),
        "updatedAt": iso_ms(row.updated_at),
        "labels": [label(store.labels[one]) for one in row.labels if one in store.labels],
        "checklistItems": [item(one) for one in store.items.values() if one.task_id == row.id] if store.items else [],
    }
