"""Planning: views of pairs in, operations out. Pure (S1): no I/O, no clock; the same views give the same plan (I13)."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Final, Literal

from msgspec import Struct

from bridge.engine import breaker, moves
from bridge.engine.agreeing import agree
from bridge.engine.binding import rows_of
from bridge.engine.fields import decide
from bridge.engine.link import Link
from bridge.engine.outcome import Decided, Outcome, Problem, Sight, problems_of, unwritable
from bridge.engine.scope import is_paused, trouble
from bridge.engine.sets import new_set
from bridge.model import (
    SIDES,
    UNSET,
    Adopt,
    Base,
    Create,
    Delete,
    FieldChange,
    FieldConflict,
    Hold,
    Marker,
    Operation,
    Record,
    Ref,
    Side,
    Unset,
    Update,
    Value,
    other,
)
from mappings.computed import FAILED
from mappings.lenses import LEFT_ALONE, UnmappedError
from mappings.references import References
from mappings.rows import Row
from mappings.text.convert import for_people
from state.inbox import Item

By = Literal["stored", "marker", "entity", "external-id", "match", "created"]

REPORTED = frozenset({"unknown-person", LEFT_ALONE})
"""Reasons that are counted and shown but park nothing: the rest of the set went over, or it was asked for (S10, S14)."""

PARTS: Final = frozenset({"comment", "time_entry"})
"""Kinds whose records belong to a task, named in their field ``task``: they are in step only while it is."""


class Member(Struct, frozen=True, gc=False):
    """One side of a view: the record as it now is and its base.

    ``base`` is an overlay as in the pair table (a field it does not name has the record's value as its base); None means
    that nothing has a base yet. ``item`` is the inbox row that brought the record, if one did. ``text`` is the record as
    it is stored, where that is known.
    """

    record: Record
    base: Base | None
    item: Item | None = None
    text: str = ""

    def base_of(self, row: Row, side: Side) -> Value | Unset:
        name = row.field(side)
        if self.base is None:
            return UNSET
        if name in self.base:
            return self.base[name]
        return row.normal(side, self.record.fields.get(name))


class View(Struct, frozen=True, gc=False):
    """What the pair stage hands to planning: a pair, two records to be paired, or one record alone.

    ``by`` says how two records were found to be one. ``hold`` is set when the item is not to be touched. ``marker`` is
    what a create shall carry. ``clashing``, ``parked``: something of it is an open conflict, or parked, since an earlier
    run. ``frozen`` are the left names of rows that the breaker holds (S36), ``refused`` those whose value the tracker has
    just refused, with what it said. ``refs``: the partners of the tasks that these records name. ``paused_at``: since when
    the pair is paused (S28); ``unfinished``: one of the two was made by us and not yet told everything.
    """

    kind: str
    entity: str
    pair: int | None = None
    left: Member | None = None
    right: Member | None = None
    by: By = "stored"
    marker: Marker | None = None
    decided: Mapping[str, Decided] = {}
    hold: Hold | None = None
    clashing: bool = False
    parked: bool = False
    frozen: frozenset[str] = frozenset()
    refused: Mapping[str, Problem] = {}
    refs: References = References()
    paused_at: datetime | None = None
    unfinished: bool = False

    def member(self, side: Side) -> Member | None:
        return self.left if side == "left" else self.right

    def items(self) -> tuple[Item, ...]:
        """The inbox rows this view settles."""
        return tuple([m.item for m in (self.left, self.right) if m is not None and m.item is not None])


class Work(Struct, frozen=True, gc=False):
    """A view with its plan: a sight and an outcome a row (for two records), and the operations they come to.

    ``agreed``: the two agree in every row, so both bases are what both sides hold (S5) and no row was judged apart.
    ``paused``: one of the two is out of scope, so nothing of it is written and no base moves but by what both say.
    ``ordered``: a person or a policy ordered these writes and no others (``forced.py``); the word the history has for it.
    """

    view: View
    sights: tuple[Sight, ...] = ()
    outcomes: tuple[Outcome, ...] = ()
    operations: tuple[Operation, ...] = ()
    agreed: bool = False
    paused: bool = False
    ordered: str = ""

    @property
    def gone(self) -> Delete | None:
        """What is taken away to be made anew (``moves.py``)."""
        return next((op for op in self.operations if isinstance(op, Delete)), None)

    @property
    def writes(self) -> tuple[Create | Update, ...]:
        return () if self.agreed else tuple([op for op in self.operations if isinstance(op, (Create, Update))])


def plan_view(link: Link, view: View) -> Work:
    """Plan one view."""
    if view.hold is not None:
        return Work(view, operations=(view.hold,))
    if view.left is None or view.right is None:
        return _plan_create(link, view)
    return _plan_pair(link, view, view.left, view.right)


def title_of(record: Record) -> str:
    """How a record is called in lists: its title, else its name, else how its text begins, else its id."""
    fields = record.fields
    said = fields.get("title") or fields.get("name") or fields.get("body") or fields.get("note") or record.ref.id
    if "title" in fields:
        return str(said).replace("\0", "")
    return " ".join(for_people(str(said)).replace("\0", "").split())[:80]


# --- two records -----------------------------------------------------------------------------------------------------


def _plan_pair(link: Link, view: View, left: Member, right: Member) -> Work:
    rows = rows_of(link, view)
    if not (view.clashing or view.parked) and agree(rows, left.record, right.record):
        return Work(view, operations=_adoption(view, left.record, right.record), agreed=True)
    sights = tuple(_sight(row, view, left, right) for row in rows)
    if is_paused(link, left.record, right.record, is_unfinished=view.unfinished):
        return _plan_paused(link, view, rows, sights)
    outcomes = tuple(
        breaker.held(row, sight.left, sight.right)
        if row.left in view.frozen
        else Outcome("hold", rule="refused by the tracker", problems=(view.refused[row.left],))
        if row.left in view.refused
        else decide(row, sight, first_contact=link.first_contact, skew=link.skew)
        if row.left in left.record.fields and row.right in right.record.fields
        else Outcome("same", rule="not observed")
        for row, sight in zip(rows, sights, strict=True)
    )
    gone: Delete | None = None
    if view.kind in PARTS:
        outcomes, gone = moves.planned(link, view, rows, outcomes, title_of(left.record))
    operations: list[Operation] = list(_adoption(view, left.record, right.record))
    operations.extend([] if gone is None else [gone])
    operations.extend(_updates(rows, view, sights, outcomes))
    operations.extend(_troubles(rows, view, sights, outcomes))
    return Work(view, sights, outcomes, tuple(operations))


def _plan_paused(link: Link, view: View, rows: Sequence[Row], sights: tuple[Sight, ...]) -> Work:
    """Nothing of it is written; what both sides say already is agreed on (S5), the rest waits as it is (S28)."""
    assert view.left is not None
    assert view.right is not None
    left, right = view.left.record, view.right.record
    outcomes = []
    for row, sight in zip(rows, sights, strict=True):
        is_seen = row.left in left.fields and row.right in right.fields
        outcome = decide(row, sight) if is_seen else Outcome("same", rule="not observed")
        outcomes.append(
            outcome if outcome.verdict in ("same", "agree") else Outcome("paused", rule="out of scope (S28)")
        )
    unclear = [
        Hold(view.kind, side, record.ref, title_of(record), None, FAILED, why)
        for side, record in zip(SIDES, (left, right), strict=True)
        if (why := trouble(link, side, record)) is not None
    ]
    return Work(view, sights, tuple(outcomes), (*_adoption(view, left, right), *unclear), paused=True)


def _adoption(view: View, left: Record, right: Record) -> tuple[Operation, ...]:
    if view.pair is not None:
        return ()
    return (Adopt(view.kind, left.ref, right.ref, title_of(left), view.entity, view.by),)


def _sight(row: Row, view: View, left: Member, right: Member) -> Sight:
    base_left, base_right = left.base_of(row, "left"), right.base_of(row, "right")
    return Sight(
        row.settled(row.normal("left", left.record.fields.get(row.left)), base_left),
        row.settled(row.normal("right", right.record.fields.get(row.right)), base_right),
        base_left,
        base_right,
        left.record.updated_at,
        right.record.updated_at,
        view.decided.get(row.left),
    )


def _updates(rows: Sequence[Row], view: View, sights: Sequence[Sight], outcomes: Sequence[Outcome]) -> list[Update]:
    found = []
    for side in SIDES:
        member = view.member(side)
        assert member is not None
        changes = []
        for row, sight, outcome in zip(rows, sights, outcomes, strict=True):
            after = outcome.new(side)
            if not isinstance(after, Unset):
                before = sight.left if side == "left" else sight.right
                changes.append(FieldChange(row.field(side), before, after, f"{row.left}: {outcome.rule}"))
        if changes:
            record = member.record
            found.append(
                Update(
                    view.kind,
                    side,
                    view.pair or 0,
                    record.ref,
                    record.version,
                    record.url,
                    title_of(record),
                    tuple(changes),
                )
            )
    return found


def _troubles(rows: Sequence[Row], view: View, sights: Sequence[Sight], outcomes: Sequence[Outcome]) -> list[Operation]:
    assert view.left is not None
    assert view.right is not None
    found: list[Operation] = []
    for row, sight, outcome in zip(rows, sights, outcomes, strict=True):
        if outcome.verdict == "conflict":
            found.append(
                FieldConflict(
                    view.kind,
                    view.pair,
                    view.left.record.ref,
                    view.right.record.ref,
                    title_of(view.left.record),
                    row.left,
                    sight.base_left,
                    sight.base_right,
                    sight.left,
                    sight.right,
                )
            )
        for problem in outcome.problems:
            member = view.member(problem.side)
            assert member is not None
            found.append(_hold(view.kind, problem, member.record, row.field(problem.side)))
    return found


def _hold(kind: str, problem: Problem, record: Record, name: str | None) -> Hold:
    return Hold(kind, problem.side, record.ref, title_of(record), name, problem.reason, problem.message)


# --- one record ------------------------------------------------------------------------------------------------------


def _plan_create(link: Link, view: View) -> Work:
    side: Side = "left" if view.left is not None else "right"
    member = view.left if view.left is not None else view.right
    assert member is not None
    assert view.marker is not None
    record = member.record
    target = other(side)
    changes: list[FieldChange] = []
    holds: list[Hold] = []
    rows = rows_of(link, view)
    for row in rows:
        if not row.fills(target):
            continue
        refused = view.refused.get(row.left)
        value, problems = _for_create(row, side, record) if refused is None else (None, [refused])
        holds.extend(_hold(view.kind, problem, record, row.field(side)) for problem in problems)
        if value not in (None, ()):
            changes.append(FieldChange(row.field(target), None, value, f"{row.left}: new on the {side} side"))
    lacking = _lacking(view.kind, side, rows, {change.field for change in changes}, holds)
    if lacking is not None:
        others = [hold for hold in holds if hold.message != lacking.message]
        return Work(view, operations=(*others, _hold(view.kind, lacking, record, None)))
    create = Create(
        view.kind,
        target,
        record.ref,
        record.version,
        record.url,
        title_of(record),
        view.entity,
        view.marker,
        tuple(changes),
    )
    return Work(view, operations=(create, *holds))


_MUST: Final[Mapping[str, frozenset[str]]] = {
    "task": frozenset({"title"}),
    "label": frozenset({"name"}),
    "comment": frozenset({"task", "body"}),
    "time_entry": frozenset({"task", "seconds"}),
}
"""What a record cannot be made without, by kind."""


def _lacking(
    kind: str, side: Side, rows: Sequence[Row], said: Collection[str], holds: Sequence[Hold]
) -> Problem | None:
    """Why no partner can be made: what it must have cannot be said on the other side, or not yet."""
    missing = [
        row for row in rows if row.field(other(side)) in _MUST.get(kind, ()) and row.field(other(side)) not in said
    ]
    if not missing:
        return None
    held = {hold.field: hold for hold in holds}
    for row in missing:
        if (why := held.get(row.field(side))) is not None:
            return Problem(side, why.reason, why.message)
    names = " or ".join(sorted(row.field(other(side)) for row in missing))
    return Problem(side, "invalid", f"it has no {names} that the other side could hold")


def _for_create(row: Row, side: Side, record: Record) -> tuple[Value, list[Problem]]:
    """The value a new partner gets, and what of it cannot be said there."""
    target = other(side)
    value = row.normal(side, record.fields.get(row.field(side)))
    spec = replace(row.spec(target), writable="always") if row.spec(target).writable != "never" else row.spec(target)
    problems: list[Problem] = []
    wanted: Value
    if row.is_set:
        wanted, problems = new_set(row, side, value)
    else:
        try:
            wanted = row.normal(target, row.convert(target, value))
        except UnmappedError as unmapped:
            return None, problems_of(side, unmapped)
    if wanted is None:
        return None, problems
    found = unwritable(spec, wanted)
    if found is not None:
        return None, [*problems, Problem(side, *found)]
    return wanted, problems


# --- lists of operations ---------------------------------------------------------------------------------------------


def in_order(operations: Iterable[Operation]) -> tuple[Operation, ...]:
    """Operations as a plan lists them, whatever order they were found in: by kind, item and what is done (I13)."""
    return tuple(sorted(operations, key=_place))


def _place(operation: Operation) -> tuple[str, str, int, str, str, str]:
    ref = ref_of(operation)
    name = operation.field if isinstance(operation, FieldConflict | Hold) else ""
    return operation.kind, ref.connection, len(ref.id), ref.id, operation.op, name or ""


def ref_of(operation: Operation) -> Ref:
    """The record an operation is about, for lists."""
    match operation:
        case Create():
            return operation.source
        case Adopt() | FieldConflict():
            return operation.left
        case Update() | Delete() | Hold():
            return operation.item
