"""What references between records mean on the other side: the partners of the tasks they name. Reads pairs, writes nothing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from msgspec.structs import replace

from bridge.engine.asleep import TASK, asleep, task_of
from bridge.engine.binding import named
from bridge.engine.link import Link
from bridge.engine.plan import PARTS, Member, View, title_of
from bridge.model import SIDES, Fields, Hold, Side, Unset, other
from mappings.references import WAITING, References
from state import inbox, pairs, parked
from state.inbox import OUT_OF_SCOPE
from state.store import Session


def with_refs(session: Session, link: Link, kind: str, views: Sequence[View]) -> Sequence[View]:
    """The views, with the partners of the tasks that their references name. A part whose task is not in step waits."""
    if not link.mappings[kind].is_bound:
        return views
    refs = of_members(session, link, kind, {side: [view.member(side) for view in views] for side in SIDES})
    bound = [replace(view, refs=refs) for view in views]
    if kind not in PARTS:
        return _after_parents(session, link, bound)
    sleeping = _asleep(session, link, views)
    return [_waiting(view, refs, sleeping) for view in bound]


def _asleep(session: Session, link: Link, views: Sequence[View]) -> Mapping[Side, frozenset[str]]:
    """The tasks of these parts that are out of scope."""
    return {
        side: asleep(
            session,
            link,
            link.id,
            side,
            {task_of(one.record) for view in views if (one := view.member(side)) is not None},
        )
        for side in SIDES
    }


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


def _waiting(view: View, refs: References, sleeping: Mapping[Side, frozenset[str]]) -> View:
    """A part of a pair whose task was unlinked, or has no partner yet, is left alone; any part of a task that is paused."""
    for here in SIDES:
        known = view.member(here)
        if known is not None and task_of(known.record) in sleeping[here]:
            message = f"its task {known.record.fields[TASK]} is out of the link's scope"
            hold = Hold(view.kind, here, known.record.ref, "", None, OUT_OF_SCOPE, message)
            return replace(view, hold=hold)
    if view.hold is not None:
        return view
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
