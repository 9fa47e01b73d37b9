"""What references between records mean on the other side: the partners of the tasks they name. Reads pairs, writes nothing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from msgspec.structs import replace

from bridge.engine.binding import named
from bridge.engine.link import Link
from bridge.engine.plan import PARTS, Member, View, title_of
from bridge.engine.scope import is_paused, names_of
from bridge.model import SIDES, Fields, Hold, Record, Side, Unset, other
from mappings.references import WAITING, References
from state import inbox, pairs, parked
from state.codec import load_record
from state.pairs import Pair
from state.store import Session

TASK: Final = "task"
"""The kind that references name."""


def with_refs(session: Session, link: Link, kind: str, views: Sequence[View]) -> Sequence[View]:
    """The views, with the partners of the tasks that their references name. A part whose task is not in step waits."""
    if not link.mappings[kind].is_bound:
        return views
    refs = of_members(session, link, kind, {side: [view.member(side) for view in views] for side in SIDES})
    bound = [replace(view, refs=refs) for view in views]
    if kind not in PARTS:
        return _after_parents(session, link, bound)
    asleep = _asleep(session, link, views)
    return [_waiting(view, refs, asleep) for view in bound]


def _asleep(session: Session, link: Link, views: Sequence[View]) -> Mapping[Side, frozenset[str]]:
    """The tasks of these parts whose pair is paused, or about to be: what the inbox holds of them is newer (S28)."""
    found: dict[Side, frozenset[str]] = {}
    for side in SIDES:
        records = [member.record for view in views if (member := view.member(side)) is not None]
        ids = {str(task) for record in records if (task := record.fields.get(TASK)) is not None}
        filtered = any(names_of(link, TASK, at) for at in SIDES)
        known = pairs.by_items(session, link.id, TASK, side, ids) if filtered and ids else {}
        found[side] = frozenset(item_id for item_id, pair in known.items() if is_resting(session, link, pair))
    return found


def is_resting(session: Session, link: Link, pair: Pair) -> bool:
    """Whether a filter leaves out a member of this pair, by the newest that is known of both (S28). A part rests with its
    task.
    """
    if pair.kind in PARTS:
        return any(is_resting(session, link, task) for task in _tasks_of(session, link, pair))
    if pair.kind != TASK or not any(names_of(link, TASK, side) for side in SIDES):
        return False
    newest: list[Record] = []
    for side in SIDES:
        item_id = pair.item_id(side)
        row = inbox.get_many(session, link.id, TASK, side, [item_id]).get(item_id)
        text = row.record if row is not None and row.record else pair.record(side)
        newest.append(load_record(text, link.end(side).ref(TASK, item_id)))
    return is_paused(link, newest[0], newest[1], is_unfinished=pair.unfinished)


def _tasks_of(session: Session, link: Link, pair: Pair) -> list[Pair]:
    found: dict[int, Pair] = {}
    for side in SIDES if any(names_of(link, TASK, side) for side in SIDES) else ():
        record = load_record(pair.record(side), link.end(side).ref(pair.kind, pair.item_id(side)))
        task = record.fields.get(TASK)
        if task is not None:
            found |= {each.id: each for each in pairs.by_items(session, link.id, TASK, side, [str(task)]).values()}
    return list(found.values())


def _after_parents(session: Session, link: Link, views: Sequence[View]) -> Sequence[View]:
    """New tasks whose parent is about to get its partner wait for it: some trackers take a parent at creation only (S23)."""
    rows = [row for row in link.mappings[TASK].rows if isinstance(row.lens, References) and not row.is_set]
    named_by: dict[tuple[Side, str], list[int]] = {}
    for at, view in enumerate(views):
        record = next((one.record for one in (view.left, view.right) if one is not None), None)
        if not rows or record is None or view.hold is not None or view.marker is None or (view.left and view.right):
            continue
        side: Side = "left" if view.left is not None else "right"
        table = view.refs.right_of if side == "left" else view.refs.left_of
        for row in rows:
            parent = record.fields.get(row.field(side))
            if isinstance(parent, str) and parent not in table and row.writes_to(other(side)):
                named_by.setdefault((side, parent), []).append(at)
    held = list(views)
    for side in SIDES:
        ids = {item_id for at, item_id in named_by if at == side}
        coming = inbox.get_many(session, link.id, TASK, side, ids)
        stuck = parked.by_items(session, link.id, TASK, side, ids)
        for item_id, item in coming.items():
            if (
                item.record is None
                or item.held
                or any(not each.field and each.reason != WAITING for each in stuck.get(item_id, ()))
            ):
                continue
            for at in named_by[side, item_id]:
                member = views[at].member(side)
                assert member is not None
                message = f"its parent {item_id} gets its partner first"
                hold = Hold(TASK, side, member.record.ref, title_of(member.record), None, WAITING, message)
                held[at] = replace(views[at], hold=hold)
    return held


def of_members(session: Session, link: Link, kind: str, members: Mapping[Side, Iterable[Member | None]]) -> References:
    """The live pairs of the tasks that these records and their bases name."""
    values: dict[Side, list[Fields]] = {"left": [], "right": []}
    for side in SIDES:
        for member in members[side]:
            if member is not None:
                values[side].append(member.record.fields)
                known = {name: value for name, value in (member.base or {}).items() if not isinstance(value, Unset)}
                values[side].append(known)
    return of_values(session, link, kind, values)


def of_values(session: Session, link: Link, kind: str, values: Mapping[Side, Iterable[Fields]]) -> References:
    """The live pairs of the tasks that these fields name."""
    right_of: dict[str, str] = {}
    left_of: dict[str, str] = {}
    for side in SIDES:
        ids = named(link.mappings[kind], side, values[side])
        for pair in pairs.by_items(session, link.id, TASK, side, ids).values() if ids else ():
            if pair.status == "live":
                right_of[pair.left_id] = pair.right_id
                left_of[pair.right_id] = pair.left_id
    return References(right_of, left_of)


def _waiting(view: View, refs: References, asleep: Mapping[Side, frozenset[str]]) -> View:
    """A part of a pair whose task was unlinked, or has no partner yet, is left alone; any part of a task that is paused."""
    if view.hold is not None:
        return view
    for here in SIDES:
        known = view.member(here)
        if known is not None and str(known.record.fields.get(TASK)) in asleep[here]:
            message = f"its task {known.record.fields[TASK]} is out of the link's scope"
            hold = Hold(view.kind, here, known.record.ref, title_of(known.record), None, WAITING, message)
            return replace(view, hold=hold)
    if view.pair is None or view.left is None or view.right is None:
        return view
    for side, member, table in (("left", view.left, refs.right_of), ("right", view.right, refs.left_of)):
        task = member.record.fields.get(TASK)
        if task is not None and task not in table:
            at: Side = "left" if side == "left" else "right"
            message = f"its task {task} is not in step with the other side"
            hold = Hold(view.kind, at, member.record.ref, title_of(member.record), None, WAITING, message)
            return replace(view, hold=hold)
    return view
