"""Storing what a wave of writes came to: bases, history, conflicts, parked items, inbox — one transaction (S7, S29)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from sqlmodel import Session

from bridge.engine.context import Run
from bridge.engine.fields import After, Problem, advance
from bridge.engine.pair import merged
from bridge.engine.plan import REPORTED, Member, View, Work, bases_of_created, overlay, plan_view, title_of
from bridge.engine.pull import unlink
from bridge.engine.steps import next_requests
from bridge.errors import (
    GoneError,
    NotFoundError,
    PermissionError_,
    RateLimited,
    RejectedError,
    RetryableError,
    StaleWrite,
    TrackerError,
    UnknownOutcome,
)
from bridge.model import SIDES, Create, FieldConflict, Hold, Record, Side, Unset, Update, Value, other
from connectors.base import Step
from state import conflicts, history, inbox, intents, pairs, parked
from state.codec import dump_base, dump_record
from state.conflicts import Clash, Sighting
from state.history import Entry
from state.parked import Stuck


@dataclass(frozen=True, slots=True)
class Sent:
    """One request of a wave and its outcome: ``record`` is what the side holds now, or ``error`` says what happened."""

    operation: Create | Update
    step: Step
    changes: Mapping[str, Value]
    intent: int
    record: Record | None = None
    error: TrackerError | None = None
    bug: bool = False


@dataclass(frozen=True, slots=True)
class Finished:
    """A work with the outcomes of this wave's requests, by side written to, and all requests tried so far."""

    work: Work
    sent: Mapping[Side, Sent] = field(default_factory=dict)
    tried: frozenset[str] = frozenset()

    def confirmed(self, side: Side) -> Sent | None:
        sent = self.sent.get(side)
        return sent if sent is not None and sent.record is not None else None

    @property
    def errors(self) -> tuple[Sent, ...]:
        return tuple(sent for sent in self.sent.values() if sent.record is None)


def settle(session: Session, run: Run, finished: Sequence[Finished]) -> list[Work | None]:
    """Store a wave. Returns, for each, what is left to be done at once, planned anew; None when that is nothing.

    The inbox rows of an item stay until it is done with, so that a crash in between leaves it to the next run.
    """
    writer = _Writer(session, run, run.now())
    left = [writer.settle(one) for one in finished]
    writer.flush()
    return left


class _Writer:
    """Collects the rows of one transaction, so that each table is written once."""

    def __init__(self, session: Session, run: Run, now: datetime) -> None:
        self.session = session
        self.run = run
        self.link = run.link
        self.now = now
        self.added: list[dict[str, Any]] = []
        self.updated: list[dict[str, Any]] = []
        self.history: list[Entry] = []
        self.stuck: list[Stuck] = []
        self.judged: set[int] = set()
        self.still: set[tuple[int, str]] = set()
        self.removed: dict[str, list[inbox.Item]] = {}
        self.intents: list[int] = []
        self.doubtful: list[int] = []

    def flush(self) -> None:
        pairs.add_many(self.session, self.added)
        pairs.update_many(self.session, self.updated)
        self._close_conflicts()
        parked.park(self.session, self.link.id, self.stuck, config_hash=self.link.config_hash, now=self.now)
        history.add_many(self.session, self.history)
        for kind, items in self.removed.items():
            inbox.remove(self.session, self.link.id, kind, items)
        intents.remove(self.session, self.intents)
        intents.doubt(self.session, self.doubtful)

    # --- one work ---------------------------------------------------------------------------------------------------

    def settle(self, one: Finished) -> Work | None:
        view = one.work.view
        self._outcomes(one)
        if view.hold is not None:
            self._held(view, view.hold)
            return None
        if view.left is None or view.right is None:
            return self._created(one)
        return self._paired(one, view.left, view.right)

    def _outcomes(self, one: Finished) -> None:
        """Each intent is done with, except a create of unknown outcome: it must be found out about (S18)."""
        for sent in one.sent.values():
            unknown = sent.bug or isinstance(sent.error, UnknownOutcome)
            if unknown and isinstance(sent.operation, Create):
                self.doubtful.append(sent.intent)
            else:
                self.intents.append(sent.intent)

    def _held(self, view: View, hold: Hold) -> None:
        items = view.items()
        if hold.reason == "initial":
            inbox.hold(self.session, self.link.id, view.kind, items, "initial")
            self.run.tally.counts["held"] += 1
        elif hold.reason != "create-unknown":
            self._park(hold)

    # --- a new partner ----------------------------------------------------------------------------------------------

    def _created(self, one: Finished) -> Work | None:
        view = one.work.view
        side: Side = "right" if view.left is not None else "left"
        sent = one.confirmed(side)
        if sent is None or sent.record is None:
            for operation in one.work.operations:
                if isinstance(operation, Hold) and operation.field is None:
                    self._park(operation)
            self._failed(one)
            return None
        source = view.left if view.left is not None else view.right
        assert source is not None
        new = self._provisional(sent.record, side)
        bases = bases_of_created(
            self.link, view.kind, side, source.record, new, sent.changes, answered=self._answers(side, view.kind)
        )
        mine = Member(source.record, self._overlay(view.kind, other(side), source.record, bases[0]), source.item)
        theirs = Member(new, self._overlay(view.kind, side, new, bases[1]))
        left, right = (theirs, mine) if side == "left" else (mine, theirs)
        made = replace(view, left=left, right=right, by="created")
        pair_id = pairs.add_one(self.session, self._row(made, left, right, "created"))
        self._note(sent, pair_id, "create")
        self.run.tally.counts[f"created_{side}"] += 1
        return self._more(one, replace(made, pair=pair_id))

    def _provisional(self, record: Record, side: Side) -> Record:
        return record if self._answers(side, record.ref.kind) else replace(record, provisional=True)

    def _answers(self, side: Side, kind: str) -> bool:
        return self.link.end(side).connector.kinds()[kind].answers_writes

    def _overlay(
        self, kind: str, side: Side, record: Record, bases: Mapping[str, Value | Unset]
    ) -> dict[str, Value | Unset]:
        return overlay(
            [
                (row.field(side), bases[row.field(side)], row.normal(side, record.fields.get(row.field(side))))
                for row in self.link.mappings[kind].rows
                if row.field(side) in bases
            ]
        )

    # --- a pair -----------------------------------------------------------------------------------------------------

    def _more(self, one: Finished, view: View) -> Work | None:
        """What the item still needs; when that is nothing its inbox rows are done with."""
        work = plan_view(self.link, view)
        if next_requests(self.link, work, one.tried):
            return work
        self._settled(view)
        return None

    def _paired(self, one: Finished, left: Member, right: Member) -> Work | None:
        view = one.work.view
        records = {"left": self._now(one, "left", left), "right": self._now(one, "right", right)}
        after = self._advance(one, records["left"], records["right"])
        members = {side: self._member(view, side, records[side], after) for side in SIDES}
        pair_id = self._store(view, members["left"], members["right"])
        for sent in one.sent.values():
            if sent.record is not None:
                self._note(sent, pair_id, "update")
                self.run.tally.counts[f"updated_{sent.operation.side}"] += 1
        self._conflicts(one, pair_id)
        self._problems(one, after)
        if one.errors:
            self._failed(one)
            return None
        if not one.sent:
            self._settled(view)
            return None
        return self._more(one, replace(view, pair=pair_id, left=members["left"], right=members["right"]))

    def _now(self, one: Finished, side: Side, member: Member) -> Record:
        sent = one.confirmed(side)
        if sent is None or sent.record is None:
            return member.record
        return self._provisional(merged(member.record, sent.record), side)

    def _advance(self, one: Finished, left: Record, right: Record) -> list[After]:
        rows = self.link.mappings[one.work.view.kind].rows
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

    def _member(self, view: View, side: Side, record: Record, after: Sequence[After]) -> Member:
        rows = self.link.mappings[view.kind].rows
        bases = overlay(
            [
                (row.field(side), a.base_left, a.left) if side == "left" else (row.field(side), a.base_right, a.right)
                for row, a in zip(rows, after, strict=True)
            ]
        )
        member = view.member(side)
        return Member(record, bases, member.item if member is not None else None)

    def _store(self, view: View, left: Member, right: Member) -> int | None:
        if view.pair is not None:
            self.updated.append(
                {
                    "id": view.pair,
                    "left": dump_record(left.record),
                    "right": dump_record(right.record),
                    "base_left": dump_base(left.base or {}),
                    "base_right": dump_base(right.base or {}),
                    "settled_run": self.run.id,
                }
            )
            return view.pair
        self.run.tally.counts["paired"] += 1
        row = self._row(view, left, right, view.by)
        if left.base or right.base:
            return pairs.add_one(self.session, row)
        self.added.append(row)
        return None

    def _row(self, view: View, left: Member, right: Member, by: str) -> dict[str, Any]:
        return {
            "link_id": self.link.id,
            "kind": view.kind,
            "entity": view.entity,
            "left_id": left.record.ref.id,
            "right_id": right.record.ref.id,
            "left": dump_record(left.record),
            "right": dump_record(right.record),
            "base_left": dump_base(left.base or {}),
            "base_right": dump_base(right.base or {}),
            "status": "live",
            "reason": by,
            "created_run": self.run.id,
            "settled_run": self.run.id,
        }

    def _settled(self, view: View) -> None:
        self.removed.setdefault(view.kind, []).extend(view.items())

    # --- what people are told ---------------------------------------------------------------------------------------

    def _note(self, sent: Sent, pair_id: int | None, action: str) -> None:
        assert sent.record is not None
        operation = sent.operation
        ref = sent.record.ref
        self.history.extend(
            Entry(
                self.link.id,
                self.run.id,
                operation.kind,
                operation.side,
                ref.id,
                action,
                self.now,
                pair_id,
                change.field,
                change.before,
                sent.record.fields.get(change.field),
                change.rule,
            )
            for change in operation.changes
            if change.field in sent.changes
        )

    def _conflicts(self, one: Finished, pair_id: int | None) -> None:
        view = one.work.view
        clashes = [op for op in one.work.operations if isinstance(op, FieldConflict)]
        if pair_id is None or not (clashes or view.clashing):
            return
        self.judged.add(pair_id)
        rows = self.link.mappings[view.kind].rows
        for sent in one.errors:
            self.still |= {(pair_id, row.left) for row in rows if row.field(sent.operation.side) in sent.changes}
        for clash in clashes:
            self.still.add((pair_id, clash.field))
            self._clash(view, clash, pair_id)

    def _clash(self, view: View, clash: FieldConflict, pair_id: int) -> None:
        assert view.left is not None
        assert view.right is not None
        left, right = view.left.record, view.right.record
        _, news = conflicts.upsert_open(
            self.session,
            self.link.id,
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
            run_id=self.run.id,
            now=self.now,
        )
        if news != "same":
            values = (clash.left_value, clash.right_value)
            self._event("conflict", clash.kind, left.ref.id, pair_id, clash.field, values, f"{news} (S16)")

    def _close_conflicts(self) -> None:
        for closed in conflicts.close_settled(self.session, self.judged, self.still, now=self.now):
            clash = closed.clash
            values = (clash.left.value, clash.right.value)
            rule = "decided by a person (S17)" if closed.decision is not None else "both sides agree again"
            self._event("resolve", clash.kind, "", clash.pair_id, clash.field, values, rule)

    def _event(
        self, action: str, kind: str, item_id: str, pair_id: int, name: str, values: tuple[Value, Value], rule: str
    ) -> None:
        entry = Entry(self.link.id, self.run.id, kind, "left", item_id, action, self.now, pair_id, name, *values, rule)
        self.history.append(entry)

    def _problems(self, one: Finished, after: Sequence[After]) -> None:
        """Park the fields that cannot be delivered, un-park those that now can."""
        view = one.work.view
        holds = [operation for operation in one.work.operations if isinstance(operation, Hold)]
        for row, result in zip(self.link.mappings[view.kind].rows, after, strict=True):
            if result.refused is not None:
                holds.append(self._refusal(view, result.refused, row.field(result.refused.side)))
        if view.parked:
            for side in SIDES:
                member = view.member(side)
                assert member is not None
                keep = {(hold.item.id, hold.field or "") for hold in holds if hold.side == side}
                parked.clear(self.session, self.link.id, view.kind, side, [member.record.ref.id], keep=keep)
        for hold in holds:
            if hold.reason in REPORTED:
                self.run.tally.unmapped[f"{hold.field}: {hold.message}"] += 1
            else:
                self._park(hold)

    def _refusal(self, view: View, problem: Problem, name: str) -> Hold:
        member = view.member(problem.side)
        assert member is not None
        record = member.record
        return Hold(view.kind, problem.side, record.ref, title_of(record), name, problem.reason, problem.message)

    def _park(self, hold: Hold, hint: str = "") -> None:
        url = self.link.end(hold.side).connector.item_url(hold.item)
        self.stuck.append(
            Stuck(
                hold.kind,
                hold.side,
                hold.item.id,
                hold.reason,
                hold.message,
                hold.field or "",
                hold.title,
                url,
                hint,
            )
        )

    # --- what went wrong --------------------------------------------------------------------------------------------

    def _failed(self, one: Finished) -> None:
        """Sort failures by what happens next (S34)."""
        view = one.work.view
        for sent in one.errors:
            match sent.error:
                case GoneError() if view.pair is not None:
                    self._unlink(view, sent.operation.side, sent.error.message)
                case UnknownOutcome() | StaleWrite() if isinstance(sent.operation, Update):
                    self._look_again(view, sent.operation)
                case None if isinstance(sent.operation, Update):
                    self._park_failure(view, sent, "bug", "this is a bug in Bridge; the log has its traceback", "")
                case RejectedError() | PermissionError_() | NotFoundError() | GoneError():
                    reason = "not-allowed" if isinstance(sent.error, PermissionError_) else "rejected"
                    self._park_failure(view, sent, reason, sent.error.message, sent.error.hint)
                case RateLimited():
                    inbox.postpone(self.session, self.link.id, view.kind, view.items(), sent.error.until)
                case RetryableError():
                    inbox.postpone(self.session, self.link.id, view.kind, view.items(), None)
                case _:
                    pass

    def _unlink(self, view: View, side: Side, why: str) -> None:
        assert view.pair is not None
        found = pairs.by_ids(self.session, [view.pair])[view.pair]
        unlink(self.session, self.link.id, self.run.id, found, side, why, self.now)
        self.run.tally.counts["unlinked"] += 1
        self._settled(view)

    def _look_again(self, view: View, operation: Update) -> None:
        """Nobody knows what the item holds now: read it before anything is planned for it (S3)."""
        inbox.announce(self.session, self.link.id, view.kind, operation.side, [operation.item.id], self.now)

    def _park_failure(self, view: View, sent: Sent, reason: str, message: str, hint: str) -> None:
        """Park under the record whose value could not be delivered; a pair keeps its news in its own row (S31)."""
        source = view.member(other(sent.operation.side))
        assert source is not None
        ref, title = source.record.ref, title_of(source.record)
        self._park(Hold(view.kind, other(sent.operation.side), ref, title, None, reason, message), hint)
        if view.left is not None and view.right is not None:
            self._settled(view)


def _nothing(_: Side) -> bool:
    """No write was made."""
    return False


def _written(one: Finished, left_field: str, right_field: str) -> Callable[[Side], bool]:
    def written(side: Side) -> bool:
        sent = one.confirmed(side)
        return sent is not None and (left_field if side == "left" else right_field) in sent.changes

    return written
