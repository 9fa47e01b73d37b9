"""Storing what a wave of writes came to: bases, history, conflicts, parked items, inbox — one transaction (S7, S29)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from msgspec.structs import replace

from bridge.engine import vanished
from bridge.engine.asleep import TASK
from bridge.engine.batch import merged
from bridge.engine.binding import bound, rows_of
from bridge.engine.context import Run
from bridge.engine.created import bases_of_created, overlay
from bridge.engine.fields import advance
from bridge.engine.forced import remaining
from bridge.engine.outcome import After
from bridge.engine.plan import Member, View, Work, plan_view
from bridge.engine.report import Tally
from bridge.engine.scope import ENTERS, LEAVES, left_out_by, rests
from bridge.engine.steps import next_requests
from bridge.engine.troubles import (
    close_conflicts,
    freeze_returning,
    note_conflicts,
    note_failures,
    note_holds,
    note_paused,
    note_problems,
    refused_fields,
)
from bridge.engine.wave import Finished, Sent, Wave
from bridge.errors import LockedError, UnknownOutcome
from bridge.model import SIDES, Create, FieldChange, Hold, Record, Side, Unset, Value, other
from state import inbox, leases, pairs
from state.codec import dump_base, dump_record
from state.history import Entry
from state.store import Session


def settle(session: Session, run: Run, finished: Sequence[Finished]) -> tuple[list[Work | None], Tally]:
    """Store a wave. Returns, for each, what is left to be done at once, planned anew (None when that is nothing), and
    what was counted. Changes nothing but the session: PostgreSQL may have it run again.

    The inbox rows of an item stay until it is done with, so that a crash in between leaves it to the next run.
    """
    if not leases.check_fence(session, run.link.id, run.fence):
        raise LockedError(f'link "{run.link.name}": another process took over while this run was paused')
    wave = Wave(session, run, run.now())
    left = [_settle(wave, one) for one in finished]
    close_conflicts(wave)
    freeze_returning(wave)
    wave.write()
    return left, wave.tally


def _settle(wave: Wave, one: Finished) -> Work | None:
    view = one.work.view
    _outcomes(wave, one)
    if view.hold is not None:
        _held(wave, view, view.hold)
        return None
    if view.left is None or view.right is None:
        return _created(wave, one)
    return _paired(wave, one, view.left, view.right)


def _outcomes(wave: Wave, one: Finished) -> None:
    """Each intent is done with, except a create of unknown outcome, which must be found out about (S18), and what was
    ordered: taken for a person's edit it would be carried to the other side.
    """
    for sent in one.sent.values():
        unknown = sent.bug or isinstance(sent.error, UnknownOutcome)
        if unknown and (isinstance(sent.operation, Create) or one.work.ordered):
            wave.doubtful.append(sent.intent)
        else:
            wave.intents.append(sent.intent)


def _held(wave: Wave, view: View, hold: Hold) -> None:
    items = view.items()
    if hold.reason in ("initial", "one-way"):
        inbox.hold(wave.session, wave.run.link.id, view.kind, items, hold.reason)
        wave.tally.counts["held"] += 1
    elif hold.reason != "create-unknown":
        wave.park(hold)


def _created(wave: Wave, one: Finished) -> Work | None:
    view = one.work.view
    side: Side = "right" if view.left is not None else "left"
    sent = one.confirmed(side)
    if sent is None or sent.record is None:
        without = _without_refused(wave, one, view)
        again = None if without is None else plan_view(wave.run.link, without)
        if again is not None and any(isinstance(operation, Create) for operation in again.operations):
            return again  # else it cannot be made without what was refused, and is parked whole
        note_holds(wave, [op for op in one.work.operations if isinstance(op, Hold) and op.field is None])
        note_failures(wave, one)
        return None
    source = view.left if view.left is not None else view.right
    assert source is not None
    new = _provisional(wave, _with_rest(sent, view.kind, side, wave), side)
    rows = bound(wave.run.link, view.kind, **{other(side): source.record, side: new}, refs=view.refs)
    bases = bases_of_created(rows, side, source.record, new, sent.changes, answered=True)
    overlaid = _overlay(wave, view.kind, other(side), source.record, bases[0])
    mine = Member(source.record, overlaid, source.item, source.text)
    theirs = Member(new, _overlay(wave, view.kind, side, new, bases[1]))
    left, right = (theirs, mine) if side == "left" else (mine, theirs)
    made = replace(view, left=left, right=right, by="created", unfinished=True)
    if view.pair is not None:
        pairs.remove(wave.session, [view.pair])  # the tombstone whose place it takes (restore.py)
    _vacate(wave, view.kind, side, new.ref.id)
    pair_id = pairs.add_one(wave.session, _row(wave, made, left, right, "created"))
    _note(wave, sent, pair_id, "create")
    note_holds(wave, [op for op in one.work.operations if isinstance(op, Hold)])
    wave.tally.counts[f"created_{side}"] += 1
    wave.tally.joined += view.kind == TASK
    return _more(wave, one, replace(made, pair=pair_id))


def _vacate(wave: Wave, kind: str, side: Side, item_id: str) -> None:
    """Some trackers give the id of a deleted item to the next one: whatever pair had it has lost that member."""
    run = wave.run
    if held := pairs.by_items(wave.session, run.link.id, kind, side, {item_id}).get(item_id):
        why = "it was deleted, and its id belongs to another item now"
        vanished.end(wave.session, run.link.id, run.id, held, side, why, run.now())
        pairs.release(wave.session, held.id, side)


def _with_rest(sent: Sent, kind: str, side: Side, wave: Wave) -> Record:
    """A new record, with what later steps have still to say empty where the answer does not tell."""
    assert sent.record is not None
    known = sent.record.fields
    sets = {row.field(side) for row in wave.run.link.mappings[kind].rows if row.spec(side).type.is_set}
    rest = [change.field for change in sent.operation.changes if change.field not in (*sent.changes, *known)]
    empty: dict[str, Value] = {name: () if name in sets else None for name in rest}
    return replace(sent.record, fields={**known, **empty}) if rest else sent.record


def _without_refused(wave: Wave, one: Finished, view: View) -> View | None:
    """The view to be planned anew without the values that a tracker refused; None where more than that went wrong."""
    refused = refused_fields(one, wave.run.link.mappings[view.kind].rows)
    return replace(view, refused={**view.refused, **refused}) if refused else None


def _provisional(wave: Wave, record: Record, side: Side) -> Record:
    return record if _answers(wave, side, record.ref.kind) else replace(record, provisional=True)


def _answers(wave: Wave, side: Side, kind: str) -> bool:
    return wave.run.link.end(side).connector.kinds()[kind].answers_writes


def _overlay(
    wave: Wave, kind: str, side: Side, record: Record, bases: Mapping[str, Value | Unset]
) -> dict[str, Value | Unset]:
    return overlay(
        [
            (row.field(side), bases[row.field(side)], row.normal(side, record.fields.get(row.field(side))))
            for row in wave.run.link.mappings[kind].rows
            if row.field(side) in bases
        ]
    )


def _more(wave: Wave, one: Finished, view: View) -> Work | None:
    """What the item still needs; when that is nothing its inbox rows are done with."""
    work = plan_view(wave.run.link, view)
    if work.gone is not None and view.left is not None and view.right is not None:
        wave.goes_on(view, view.left.record, view.right.record)
        wave.tally.moves += 1
        return None
    if next_requests(wave.run.link, work, one.tried):
        return work
    assert work.view.left is not None
    assert work.view.right is not None
    return _paired(wave, Finished(work, tried=one.tried), work.view.left, work.view.right)


def _paired(wave: Wave, one: Finished, left: Member, right: Member) -> Work | None:
    view = one.work.view
    if one.work.gone is not None:
        return None  # its rows stay until that is done
    if one.work.agreed:
        if view.pair is not None:
            left, right = (Member(member.record, {}, text=member.text) for member in (left, right))
        _store(wave, view, left, right, has_more=False)
        wave.settled(view)
        return None
    records = {"left": _now(wave, one, "left", left), "right": _now(wave, one, "right", right)}
    after = _advance(wave, one, records["left"], records["right"])
    members = {side: _member(wave, view, side, records[side], after) for side in SIDES}
    pair_id = _store(wave, view, members["left"], members["right"], has_more=bool(one.sent))
    for sent in one.sent.values():
        if sent.record is not None:
            _note(wave, sent, pair_id, one.work.ordered or "update")
            wave.tally.counts[f"updated_{sent.operation.side}"] += 1
            if pair_id is not None:
                wave.written[pair_id] = (records["left"], records["right"])
    if one.work.ordered:
        return _ordered(wave, one, replace(view, left=members["left"], right=members["right"]))
    if one.work.paused:
        note_paused(wave, one)
    else:
        note_conflicts(wave, one, pair_id)
        note_problems(wave, one, after)
    if not one.sent:
        wave.settled(view)
        return None
    return _what_is_left(wave, one, replace(view, pair=pair_id, left=members["left"], right=members["right"]))


def _what_is_left(wave: Wave, one: Finished, view: View) -> Work | None:
    """What a pair still needs after these requests, without what was refused."""
    assert view.left is not None
    assert view.right is not None
    going_on = _without_refused(wave, one, view) if one.errors else view
    more = None if going_on is None else _more(wave, one, going_on)
    if more is not None or going_on is None:
        wave.goes_on(view, view.left.record, view.right.record)
    if going_on is None:
        note_failures(wave, one)
    return more


def _ordered(wave: Wave, one: Finished, view: View) -> Work | None:
    """What is left of an order. Whatever else is new about the pair waits for the next run: it is read again there,
    since what the inbox holds of it may be older than what was just written.
    """
    link, session = wave.run.link, wave.session
    unsettled = any(member is not None and member.base for member in (view.left, view.right))
    for side in SIDES:
        member = view.member(side)
        assert member is not None
        ids = [member.record.ref.id]
        waiting = inbox.get_many(session, link.id, view.kind, side, ids)
        if waiting or (unsettled and (side in one.sent or side == "left")):
            inbox.announce(session, link.id, view.kind, side, ids, wave.now)
    if one.errors:
        return None
    return remaining(link, one.work, view, {side: sent.changes.keys() for side, sent in one.sent.items()})


def _now(wave: Wave, one: Finished, side: Side, member: Member) -> Record:
    sent = one.confirmed(side)
    if sent is None or sent.record is None:
        return member.record
    return _provisional(wave, merged(wave.run.link, member.record, sent.record), side)


def _advance(wave: Wave, one: Finished, left: Record, right: Record) -> list[After]:
    rows = rows_of(wave.run.link, one.work.view)
    if not one.sent:  # nothing was written, so the values are those that were judged
        judged = zip(rows, one.work.sights, one.work.outcomes, strict=True)
        return [advance(row, sight, outcome, sight.left, sight.right, _nothing) for row, sight, outcome in judged]
    return [
        advance(
            row,
            sight,
            outcome,
            row.normal("left", left.fields.get(row.left)),
            row.normal("right", right.fields.get(row.right)),
            _written(one, row.left, row.right),
        )
        for row, sight, outcome in zip(rows, one.work.sights, one.work.outcomes, strict=True)
    ]


def _member(wave: Wave, view: View, side: Side, record: Record, after: Sequence[After]) -> Member:
    rows = wave.run.link.mappings[view.kind].rows
    bases = overlay(
        [
            (row.field(side), a.base_left, a.left) if side == "left" else (row.field(side), a.base_right, a.right)
            for row, a in zip(rows, after, strict=True)
        ]
    )
    member = view.member(side)
    return Member(record, bases, member.item if member is not None else None)


def _store(wave: Wave, view: View, left: Member, right: Member, *, has_more: bool) -> int | None:
    """Keep a pair. A new one has its id at once where something else will name it, else it goes with the others."""
    is_unfinished = view.unfinished and has_more
    paused_at = _paused_at(wave, view, left.record, right.record, is_unfinished=is_unfinished)
    if view.pair is not None:
        wave.updated.append(
            {
                "id": view.pair,
                "left_id": left.record.ref.id,
                "right_id": right.record.ref.id,
                "left": left.text or dump_record(left.record),
                "right": right.text or dump_record(right.record),
                "base_left": dump_base(left.base or {}),
                "base_right": dump_base(right.base or {}),
                "settled_run": wave.run.id,
                "paused_at": paused_at,
                "unfinished": is_unfinished,
            }
        )
        return view.pair
    wave.tally.counts["paired"] += 1
    wave.tally.joined += view.kind == TASK
    row = {**_row(wave, view, left, right, view.by), "paused_at": paused_at}
    if left.base or right.base or has_more:
        return pairs.add_one(wave.session, row)
    wave.added.append(row)
    return None


def _paused_at(wave: Wave, view: View, left: Record, right: Record, *, is_unfinished: bool) -> datetime | None:
    """Since when a filter leaves one of the two out (S28). The history is told of leaving and of coming back."""
    if is_unfinished or not rests(wave.run.link, left, right):
        if view.paused_at is not None:
            wave.tally.joined += view.kind == TASK  # what belongs to it goes on as well
            _moved(wave, view, left, ENTERS, "both sides are in scope again (S28)")
        return None
    if view.paused_at is None and view.pair is not None:
        _moved(wave, view, left, LEAVES, f"{left_out_by(wave.run.link, left, right)} (S28)")
    return view.paused_at or wave.now


def _moved(wave: Wave, view: View, left: Record, action: str, why: str) -> None:
    run, pair = wave.run, view.pair
    wave.tally.counts["left_scope" if action == LEAVES else "entered_scope"] += 1
    wave.history.append(Entry(run.link.id, run.id, view.kind, "left", left.ref.id, action, wave.now, pair, rule=why))


def _row(wave: Wave, view: View, left: Member, right: Member, by: str) -> dict[str, Any]:
    return {
        "link_id": wave.run.link.id,
        "kind": view.kind,
        "entity": view.entity,
        "left_id": left.record.ref.id,
        "right_id": right.record.ref.id,
        "left": left.text or dump_record(left.record),
        "right": right.text or dump_record(right.record),
        "base_left": dump_base(left.base or {}),
        "base_right": dump_base(right.base or {}),
        "status": "live",
        "reason": by,
        "created_run": wave.run.id,
        "settled_run": wave.run.id,
        "unfinished": view.unfinished,
    }


def _note(wave: Wave, sent: Sent, pair_id: int | None, action: str) -> None:
    assert sent.record is not None
    operation = sent.operation
    ref = sent.record.ref
    wave.history.extend(
        Entry(
            wave.run.link.id,
            wave.run.id,
            operation.kind,
            operation.side,
            ref.id,
            action,
            wave.now,
            pair_id,
            change.field,
            change.before,
            sent.record.fields.get(change.field),
            change.rule,
        )
        for change in operation.changes
        if change.field in sent.changes or (action == "create" and _came_with(sent.record, change))
    )


def _came_with(record: Record, change: FieldChange) -> bool:
    """A new record may hold what was wanted without being told, as an issue is open: its before-image all the same."""
    return record.fields.get(change.field) == change.after


def _nothing(_: Side) -> bool:
    """No write was made."""
    return False


def _written(one: Finished, left_field: str, right_field: str) -> Callable[[Side], bool]:
    def written(side: Side) -> bool:
        sent = one.confirmed(side)
        return sent is not None and (left_field if side == "left" else right_field) in sent.changes

    return written
