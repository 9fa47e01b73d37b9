"""What belongs to a task is out of scope with it (S23, S28): comments and time entries of a task that a filter leaves out.

Of such a part only its task is remembered, so that it is read anew once the task takes part again (I12).

Refuses: judging tasks (scope.py does); asking a tracker.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Final

from bridge.engine.link import Link, MatchFields
from bridge.engine.plan import PARTS
from bridge.engine.scope import is_paused, names_of
from bridge.model import SIDES, Record, Ref, Side
from mappings.references import WAITING
from state import inbox, pairs, parked
from state.codec import dump_record, load_record
from state.inbox import OUT_OF_SCOPE, Item
from state.pairs import Pair
from state.store import Session

TASK: Final = "task"
"""The kind that parts belong to, and the field of a part that names it."""

_NOWHERE: Final = Ref("", "", "", "")


def task_of(record: Record) -> str:
    """The task that a part belongs to; "" where it does not say."""
    task = record.fields.get(TASK)
    return "" if task is None else str(task)


def asleep(session: Session, link: Link, link_id: int, side: Side, tasks: Collection[str]) -> frozenset[str]:
    """Which of these tasks do not take part in a link that reads the container: their pair is paused, or about to be, for
    what the inbox holds of them is newer; or they have none, and a filter of their side leaves them out or never saw them.
    """
    filters = link.matches.get((link_id, TASK), MatchFields()).scope
    wanted = frozenset(tasks) - {""}
    if not wanted or not any(filters.values()):
        return frozenset()
    known = pairs.by_items(session, link_id, TASK, side, wanted)
    out = resting_tasks(session, link, link_id, known.values())
    found = {task for task, pair in known.items() if pair.id in out}
    if filters.get(side):
        rows = inbox.get_many(session, link_id, TASK, side, wanted - known.keys())
        found |= {task for task in wanted - known.keys() if task not in rows or rows[task].held == OUT_OF_SCOPE}
    return frozenset(found)


def resting_tasks(session: Session, link: Link, link_id: int, known: Iterable[Pair]) -> frozenset[int]:
    """Which of these pairs of tasks have a member that a filter leaves out, by the newest that is known of both. What
    another link made and has not told everything yet is left to that link's own runs.
    """
    of = link if link_id == link.id else replace(link, id=link_id)
    tasks = [pair for pair in known if of is link or not pair.unfinished]
    if not any(names_of(of, TASK, side) for side in SIDES):
        return frozenset()
    newest: dict[Side, Mapping[int, Record]] = {}
    for side in SIDES:
        rows = inbox.get_many(session, link_id, TASK, side, {pair.item_id(side) for pair in tasks})
        newest[side] = {pair.id: _newest(link, pair, side, rows.get(pair.item_id(side))) for pair in tasks}
    return frozenset(
        pair.id
        for pair in tasks
        if is_paused(of, newest["left"][pair.id], newest["right"][pair.id], is_unfinished=pair.unfinished)
    )


def _newest(link: Link, pair: Pair, side: Side, row: Item | None) -> Record:
    text = row.record if row is not None and row.record else pair.record(side)
    return load_record(text, link.end(side).ref(TASK, pair.item_id(side)))


def resting(session: Session, link: Link, known: Collection[Pair]) -> frozenset[int]:
    """Which of these pairs are out of scope; a pair of parts rests with its task on either side (S28)."""
    tasks = [pair for pair in known if pair.kind == TASK]
    found = set(resting_tasks(session, link, link.id, tasks))
    if any(names_of(link, TASK, side) for side in SIDES):
        for side in SIDES:
            of = {pair.id: task_of(load_record(pair.record(side), _NOWHERE)) for pair in known if pair.kind in PARTS}
            owners = pairs.by_items(session, link.id, TASK, side, set(of.values()) - {""}) if of else {}
            out = resting_tasks(session, link, link.id, owners.values())
            found |= {number for number, task in of.items() if task in owners and owners[task].id in out}
    return frozenset(found)


# --- kept without their text -------------------------------------------------------------------------------------------


def without_text(link: Link, record: Record) -> str:
    """What is remembered of a part, as stored."""
    marker = record.marker if link.trusts(record.marker) else None
    kept = {TASK: record.fields[TASK]} if TASK in record.fields else {}
    return dump_record(Record(record.ref, kept, record.version, record.updated_at, record.url, marker))


def lay_aside(session: Session, link: Link, kind: str, items: Iterable[Item]) -> None:
    """Keep rows of parts without their text until their task takes part."""
    rows = [
        (item, without_text(link, load_record(item.record, link.end(item.side).ref(kind, item.item_id))))
        for item in items
        if item.record is not None
    ]
    inbox.leave_out(session, link.id, kind, rows)


def lay_aside_with(session: Session, link: Link, link_id: int, side: Side, tasks: Collection[str]) -> None:
    """The same for the parts that waited for the partner of one of these tasks, which a filter leaves out by now."""
    of = link if link_id == link.id else replace(link, id=link_id)
    stuck = parked.find(session, link_id=link_id, reason=WAITING)
    for kind in sorted(PARTS):
        mine = {each.item_id: each.id for each in stuck if (each.kind, each.side) == (kind, side)}
        rows = inbox.get_many(session, link_id, kind, side, mine)
        gone = [
            row
            for row in rows.values()
            if row.record and task_of(load_record(row.record, _NOWHERE)) in frozenset(tasks)
        ]
        lay_aside(session, of, kind, gone)
        parked.release(session, ids=[mine[row.item_id] for row in gone])


def wake_parts(session: Session, link: Link, now: datetime) -> int:
    """Have the parts read anew whose task takes part again; how many. One request each, none where no task came back."""
    woken = 0
    for kind in sorted(PARTS & link.mappings.keys()):
        for side in SIDES:
            known = inbox.outside(session, link.id, kind, side)
            of = {item_id: task_of(load_record(text, _NOWHERE)) for item_id, text in known.items()}
            out = asleep(session, link, link.id, side, set(of.values())) if of else frozenset()
            back = [item_id for item_id, task in of.items() if task not in out]
            inbox.announce(session, link.id, kind, side, back, now)
            woken += len(back)
    return woken
