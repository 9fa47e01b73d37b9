"""What did not go through: conflicts kept (S16, S17), fields and items parked, failures sorted by what comes next (S34)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from bridge.engine import breaker
from bridge.engine.outcome import After, Outcome, Problem
from bridge.engine.plan import REPORTED, View, title_of
from bridge.engine.vanished import note_gone
from bridge.engine.wave import Finished, Sent, Wave
from bridge.errors import (
    GoneError,
    NotFoundError,
    PermissionError_,
    RateLimited,
    RejectedError,
    RetryableError,
    StaleWrite,
    UnknownOutcome,
)
from bridge.model import SIDES, FieldConflict, Hold, Record, Side, Unset, Update, Value, other
from mappings.rows import Row
from state import conflicts, history, inbox, pairs, parked
from state.conflicts import Clash, Sighting
from state.history import Entry
from state.parked import FROZEN


def note_conflicts(wave: Wave, one: Finished, pair_id: int | None) -> None:
    """Store what both sides changed; one that was decided stays until its write is confirmed."""
    view = one.work.view
    clashes = [op for op in one.work.operations if isinstance(op, FieldConflict)]
    if pair_id is None or not (clashes or view.clashing):
        return
    wave.judged.add(pair_id)
    for row, outcome in zip(wave.run.link.mappings[view.kind].rows, one.work.outcomes, strict=False):
        if outcome.verdict == "write" and not _is_written(one, row, outcome):
            wave.still.add((pair_id, row.left))
    wave.still |= {(pair_id, name) for name in view.frozen}
    for clash in clashes:
        wave.still.add((pair_id, clash.field))
        _clash(wave, view, clash, pair_id)


def _is_written(one: Finished, row: Row, outcome: Outcome) -> bool:
    """Whether every write that a row wanted is confirmed."""
    wanted = [side for side in SIDES if not isinstance(outcome.new(side), Unset)]
    confirmed = {side: one.confirmed(side) for side in wanted}
    return all(sent is not None and row.field(side) in sent.changes for side, sent in confirmed.items())


def _clash(wave: Wave, view: View, clash: FieldConflict, pair_id: int) -> None:
    assert view.left is not None
    assert view.right is not None
    left, right = view.left.record, view.right.record
    _, news = conflicts.upsert_open(
        wave.session,
        wave.run.link.id,
        Clash(
            pair_id,
            clash.kind,
            clash.field,
            clash.title,
            clash.base_left,
            clash.base_right,
            Sighting(clash.left_value, left.version, left.updated_at, left.updated_by),
            Sighting(clash.right_value, right.version, right.updated_at, right.updated_by),
        ),
        run_id=wave.run.id,
        now=wave.now,
    )
    if news != "same":
        values = (clash.left_value, clash.right_value)
        _event(wave, "conflict", clash.kind, left.ref.id, pair_id, clash.field, values, f"{news} (S16)")


def close_conflicts(wave: Wave) -> None:
    """Close the conflicts of judged pairs that are none any more."""
    for closed in conflicts.close_settled(wave.session, wave.judged, wave.still, now=wave.now):
        clash = closed.clash
        values = (clash.left.value, clash.right.value)
        rule = "decided by a person (S17)" if closed.decision is not None else "both sides agree again"
        _event(wave, "resolve", clash.kind, "", clash.pair_id, clash.field, values, rule)


def _event(
    wave: Wave, action: str, kind: str, item_id: str, pair_id: int, name: str, values: tuple[Value, Value], rule: str
) -> None:
    entry = Entry(wave.run.link.id, wave.run.id, kind, "left", item_id, action, wave.now, pair_id, name, *values, rule)
    wave.history.append(entry)


def note_problems(wave: Wave, one: Finished, after: Sequence[After]) -> None:
    """Park the fields that cannot be delivered, un-park those that now can."""
    view = one.work.view
    holds = [operation for operation in one.work.operations if isinstance(operation, Hold)]
    for row, result in zip(wave.run.link.mappings[view.kind].rows, after, strict=True):
        if result.refused is not None:
            holds.append(_refusal(view, result.refused, row.field(result.refused.side)))
    if view.parked:
        for side in SIDES:
            member = view.member(side)
            assert member is not None
            keep = {(hold.item.id, hold.field or "") for hold in holds if hold.side == side}
            parked.clear(wave.session, wave.run.link.id, view.kind, side, [member.record.ref.id], keep=keep)
    note_holds(wave, holds)


def note_paused(wave: Wave, one: Finished) -> None:
    """Of a pair that is out of scope (S28) nothing waits for a person but what is frozen, and why its filter fails."""
    view = one.work.view
    holds = [operation for operation in one.work.operations if isinstance(operation, Hold)]
    for side in SIDES if view.parked else ():
        member = view.member(side)
        assert member is not None
        item_id = member.record.ref.id
        keep = {(item_id, name) for name in view.frozen} | {(hold.item.id, "") for hold in holds if hold.side == side}
        parked.clear(wave.session, wave.run.link.id, view.kind, side, [item_id], keep=keep)
    note_holds(wave, holds)


def freeze_returning(wave: Wave) -> None:
    """Freeze the fields that this wave's writes brought back to an earlier value once too often (S36)."""
    limit = wave.run.link.limits.breaker_returns
    if not (limit and wave.written):
        return
    fresh: dict[int, list[Entry]] = defaultdict(list)
    for entry in wave.history:
        if entry.pair_id in wave.written:
            fresh[entry.pair_id].append(entry)
    past = history.since(wave.session, fresh, wave.now - breaker.WINDOW)
    for pair_id, entries in fresh.items():
        left, right = wave.written[pair_id]
        written = {(entry.side, entry.field) for entry in entries}
        for row in wave.run.link.mappings[left.ref.kind].rows:
            if not written & {("left", row.left), ("right", row.right)}:
                continue
            if breaker.returns(row, [*past.get(pair_id, ()), *entries]) >= limit:
                _freeze(wave, row, left, right)


def _freeze(wave: Wave, row: Row, left: Record, right: Record) -> None:
    said = breaker.said(row, left.fields.get(row.left), right.fields.get(row.right))
    hold = Hold(left.ref.kind, "left", left.ref, title_of(left), row.left, FROZEN, said)
    wave.park(hold)
    wave.tally.counts["frozen"] += 1
    wave.tally.frozen.append(hold)


def note_holds(wave: Wave, holds: Sequence[Hold]) -> None:
    """Park what cannot be delivered; what is only to be told is counted (S14)."""
    for hold in holds:
        if hold.reason in REPORTED:
            wave.tally.unmapped[f"{hold.field}: {hold.message}"] += 1
        else:
            wave.park(hold)


def _refusal(view: View, problem: Problem, name: str) -> Hold:
    member = view.member(problem.side)
    assert member is not None
    record = member.record
    return Hold(view.kind, problem.side, record.ref, title_of(record), name, problem.reason, problem.message)


def refused_fields(one: Finished, rows: Sequence[Row]) -> dict[str, Problem]:
    """The rows whose values alone were refused, by left name; empty when that does not explain every failure. The item
    can go on without them.
    """
    found: dict[str, Problem] = {}
    for sent in one.errors:
        target = sent.operation.side
        name = sent.error.field if isinstance(sent.error, RejectedError) and not sent.bug else ""
        row = next((row for row in rows if name and row.field(target) == name), None)
        if sent.error is None or row is None or name not in sent.changes:
            return {}
        found[row.left] = Problem(other(target), "rejected", str(sent.error))
    return found


def note_failures(wave: Wave, one: Finished) -> None:
    """Sort failures by what happens next (S34)."""
    view = one.work.view
    for sent in one.errors:
        if sent.bug:
            _park_failure(wave, view, sent, "bug", "this is a bug in Bridge; the log has its traceback", "")
            continue
        match sent.error:
            case GoneError() if view.pair is not None and sent.error.status != 404:
                _vanished(wave, view, sent.operation.side, sent.error)
            case UnknownOutcome() | StaleWrite() if isinstance(sent.operation, Update):
                _look_again(wave, view, sent.operation)
            case NotFoundError() | GoneError() if isinstance(sent.operation, Update):
                _park_failure(wave, view, sent, "missing", sent.error.message, sent.error.hint)
                _look_again(wave, view, sent.operation)  # a look tells whether it is gone (S25)
            case RejectedError() | PermissionError_() | NotFoundError() | GoneError():
                reason = "rejected" if isinstance(sent.error, RejectedError) else "not-allowed"
                _park_failure(wave, view, sent, reason, sent.error.message, sent.error.hint)
            case RateLimited():
                inbox.postpone(wave.session, wave.run.link.id, view.kind, view.items(), sent.error.until)
            case RetryableError():
                inbox.postpone(wave.session, wave.run.link.id, view.kind, view.items(), None)
            case _:
                pass


def _vanished(wave: Wave, view: View, side: Side, gone: GoneError) -> None:
    """A write found its item gone: what is to be done about it is decided apart (S25); the rows of the item stay."""
    assert view.pair is not None
    found = pairs.by_ids(wave.session, [view.pair])[view.pair]
    moved = bool(gone.moved_to)
    note_gone(wave.session, wave.run.link.id, wave.run.id, found, side, gone.message, wave.now, moved=moved)


def _look_again(wave: Wave, view: View, operation: Update) -> None:
    """Nobody knows what the item holds now: read it before anything is planned for it (S3)."""
    inbox.announce(wave.session, wave.run.link.id, view.kind, operation.side, [operation.item.id], wave.now)


def _park_failure(wave: Wave, view: View, sent: Sent, reason: str, message: str, hint: str) -> None:
    """Park under the record whose value could not be delivered; a pair keeps its news in its own row (S31)."""
    source = view.member(other(sent.operation.side))
    assert source is not None
    ref, title = source.record.ref, title_of(source.record)
    wave.park(Hold(view.kind, other(sent.operation.side), ref, title, None, reason, message), hint)
    if view.left is not None and view.right is not None:
        wave.settled(view)
