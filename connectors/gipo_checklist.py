"""A task's checklist: subtasks as a task list in Markdown, and the calls that make the one like the other.

Refuses: reading tasks.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from bridge.errors import RejectedError
from connectors.base import BeforeSend
from connectors.gipo_api import GipoApi
from connectors.gipo_wire import SUBTASK, SubtaskRow, checklist_of, in_order
from connectors.instants import with_milliseconds
from connectors.pace import utc_now
from connectors.status import decode

NAME_LIMIT: Final = 300
_LINE: Final = re.compile(r"\s*[-*+]\s+\[([ xX])\]\s+(\S.*?)\s*$")


@dataclass(frozen=True, slots=True)
class Line:
    name: str
    is_done: bool


@dataclass(frozen=True, slots=True)
class Changes:
    """``renamed`` and ``finished`` are by subtask; ``finished`` says the new state."""

    renamed: tuple[tuple[SubtaskRow, str], ...]
    finished: tuple[tuple[SubtaskRow, bool], ...]
    added: tuple[Line, ...]
    removed: tuple[SubtaskRow, ...]


def lines_of(text: str | None) -> list[Line]:
    """Raises: RejectedError for a line that is no ``- [ ] name``, or a name that is too long."""
    found = []
    for line in (text or "").splitlines():
        if not line.strip():
            continue
        match = _LINE.match(line)
        if match is None or len(match[2]) > NAME_LIMIT:
            hint = f'Each line is "- [ ] name" or "- [x] name", of at most {NAME_LIMIT} characters.'
            raise RejectedError(f"{line[:60]!r} is no line of a Gipo checklist.", field="checklist", hint=hint)
        found.append(Line(" ".join(match[2].split()), match[1] != " "))
    return found


def changes_between(rows: Sequence[SubtaskRow], wanted: Sequence[Line]) -> Changes:
    """Subtasks keep their names where they can; of the rest, the first take new names in order."""
    free = list(rows)
    kept: list[tuple[SubtaskRow, Line]] = []
    new: list[Line] = []
    for line in wanted:
        same = next((row for row in free if " ".join(row.name.split()) == line.name), None)
        if same is None:
            new.append(line)
        else:
            free.remove(same)
            kept.append((same, line))
    turned = list(zip(free, new, strict=False))
    both = kept + turned
    return Changes(
        renamed=tuple((row, line.name) for row, line in turned),
        finished=tuple((row, line.is_done) for row, line in both if bool(row.finalized_at) != line.is_done),
        added=tuple(new[len(turned) :]),
        removed=tuple(free[len(turned) :]),
    )


async def write(
    api: GipoApi,
    task: str,
    rows: list[SubtaskRow],
    text: str | None,
    *,
    may_delete: bool,
    before_send: BeforeSend | None,
) -> str | None:
    """Make the subtasks say ``text``, one call each, from what they are now; what they say afterwards.

    A new one comes last in the default group: the API cannot order them. Raises: RejectedError, before anything is sent,
    when a line was taken out and subtasks are not to be deleted.
    """
    path, held = f"tasks/{task}/subtasks", {row.id: row for row in rows}
    plan = changes_between(in_order(rows), lines_of(text))
    if plan.removed and not may_delete:
        names = ", ".join(f'"{row.name}"' for row in plan.removed[:5])
        hint = "Delete it there, put the line back, or set allow_subtask_delete: it cannot be had back."
        raise RejectedError(f"Bridge does not delete the subtask {names} in Gipo.", field="checklist", hint=hint)
    bodies: dict[str, dict[str, str | None]] = {}
    for row, name in plan.renamed:
        bodies.setdefault(row.id, {})["name"] = name
    for row, is_done in plan.finished:
        bodies.setdefault(row.id, {})["finalizedAt"] = with_milliseconds(utc_now()) if is_done else None
    for key, body in bodies.items():
        answer = await api.write("PATCH", f"{path}/{key}", body, before_send=before_send)
        held[key] = decode(answer, SUBTASK).data
    for line in plan.added:
        body = {"name": line.name}
        answer = await api.create(path, body, key=str(uuid.uuid4()), before_send=before_send, is_new_key=True)
        made = decode(answer, SUBTASK).data
        if line.is_done:
            body = {"finalizedAt": with_milliseconds(utc_now())}
            made = decode(
                await api.write("PATCH", f"{path}/{made.id}", body, before_send=before_send),
                SUBTASK,
            ).data
        held[made.id] = made
    for row in plan.removed:
        await api.write("DELETE", f"{path}/{row.id}", accept=(404,), before_send=before_send)
        del held[row.id]
    return checklist_of(list(held.values()))
