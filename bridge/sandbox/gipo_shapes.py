"""How the Gipo sandbox writes its rows as JSON."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from bridge.sandbox.gipo_store import Entry, GipoStore, Named, Project, Stage, Subtask, Task, User

ORGANIZATION = "0a000000-0000-4000-8000-000000000001"


def ms(at: int | None) -> str | None:
    """``YYYY-MM-DDTHH:mm:ss.sssZ``."""
    if at is None:
        return None
    whole, part = divmod(at, 1000)
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(whole)) + f".{part:03d}Z"


def stage(row: Stage) -> dict[str, Any]:
    return {"id": row.id, "name": row.name, "sortOrder": row.sort_order, "isFinalizing": row.is_finalizing}


def named(row: Named) -> dict[str, Any]:
    return {"id": row.id, "name": row.name, "createdAt": ms(row.created_at), "updatedAt": ms(row.created_at)}


def workspace(store: GipoStore, row: Named) -> dict[str, Any]:
    return named(row) | {"stages": [stage(one) for one in store.stages_of(row.id)]}


def member(row: User) -> dict[str, Any]:
    user = {"id": row.id, "name": row.name, "email": row.email, "username": None, "image": None}
    at = ms(row.created_at)
    return {"id": row.membership, "role": row.role, "createdAt": at, "updatedAt": at, "user": user}


def person(store: GipoStore, user: str) -> dict[str, Any]:
    known = store.users.get(user)
    return {"user": {"id": user, "name": known.name if known else "Former member"}}


def project(row: Project) -> dict[str, Any]:
    return {
        "id": row.id,
        "organizationId": ORGANIZATION,
        "name": row.name,
        "description": row.description,
        "clientName": row.client,
        "status": row.status,
        "expectedFinalizationDate": ms(row.expected_end),
        "finalizedAt": ms(row.finalized_at),
        "createdAt": ms(row.created_at),
        "updatedAt": ms(row.updated_at),
    }


def task(store: GipoStore, row: Task, *, dated: bool, full: bool = True) -> dict[str, Any]:
    """``full``: with the expansions; a bare answer has the task's own columns only."""
    shape = {
        "id": row.id,
        "organizationId": ORGANIZATION,
        "workspaceId": row.workspace,
        "stageId": row.stage,
        "sortOrder": row.sort_order,
        "projectId": row.project,
        "taskTypeId": row.task_type,
        "subject": row.subject,
        "descriptionHtml": row.description,
        "priority": row.priority,
        "expectedStartDate": ms(row.start),
        "expectedEndDate": ms(row.end),
        "estimatedHours": row.hours,
        "finalizedAt": ms(row.finalized_at),
        "finalizationDate": ms(row.finalized_at),
        "createdAt": ms(row.created_at),
    } | ({"updatedAt": ms(row.updated_at)} if dated else {})
    if not full:
        return shape
    kind, place = store.types.get(row.task_type or ""), store.projects.get(row.project or "")
    return shape | {
        "assignees": [person(store, one) for one in row.assignees],
        "tags": [{"tag": {"id": one, "name": store.tags[one].name}} for one in row.tags if one in store.tags],
        "taskType": {"id": kind.id, "name": kind.name} if kind else None,
        "project": {"id": place.id, "name": place.name} if place else None,
    }


def with_stage(store: GipoStore, row: Task, shape: dict[str, Any]) -> dict[str, Any]:
    own = store.stages[row.stage]
    return shape | {"stage": {"id": own.id, "name": own.name, "isFinalizing": own.is_finalizing}}


def subtask(store: GipoStore, row: Subtask) -> dict[str, Any]:
    return {
        "id": row.id,
        "taskId": row.task,
        "groupId": row.group,
        "name": row.name,
        "descriptionHtml": row.description,
        "sortOrder": row.sort_order,
        "finalizedAt": ms(row.finalized_at),
        "finalizationDate": ms(row.finalized_at),
        "assignees": [person(store, one) for one in row.assignees],
        "createdAt": ms(row.created_at),
        "updatedAt": ms(row.updated_at),
    }


def entry(row: Entry) -> dict[str, Any]:
    """``endedAt`` is always the start and the duration, made by the server."""
    return {
        "id": row.id,
        "organizationId": ORGANIZATION,
        "userId": row.user,
        "taskId": row.task,
        "subtaskId": row.subtask,
        "description": row.description,
        "startedAt": ms(row.started_at),
        "endedAt": None if row.seconds is None else ms(row.started_at + row.seconds * 1000),
        "durationSeconds": row.seconds,
        "source": row.source,
        "autoStopped": row.auto_stopped,
        "createdAt": ms(row.created_at),
        "updatedAt": ms(row.updated_at),
    }
