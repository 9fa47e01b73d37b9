"""What a changed configuration comes to: of the first plan under it, how many items enter, leave, are rewritten, and some
of each. Reads a state, here a copy (``state/scratch.py``); asks no tracker.

Refuses: to tell what the change does from what people did meanwhile. The next run does both, and so the plan holds both.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final, Literal

from bridge.engine import scope
from bridge.engine.accepted import Change
from bridge.engine.link import Link
from bridge.engine.pair import member_now
from bridge.engine.plan import title_of
from bridge.model import (
    SIDES,
    Adopt,
    Create,
    Delete,
    FieldChange,
    FieldConflict,
    Hold,
    Operation,
    Plan,
    Record,
    Ref,
    Side,
    Update,
    Value,
)
from state import conflicts, inbox, pairs
from state.codec import load_record
from state.pairs import Pair
from state.store import Session

What = Literal["enters", "returns", "joins", "leaves", "rewritten", "deleted", "conflict", "held"]

SAMPLES: Final = 5
_PAGE: Final = 500
_ORDER: Final[Sequence[What]] = (
    "enters", "returns", "joins", "leaves", "deleted", "rewritten", "conflict", "held",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Sample:
    """One item as an example. ``before`` and ``after`` of a conflict are what left and right hold."""

    title: str
    ref: Ref
    side: Side
    url: str = ""
    before: Value = None
    after: Value = None
    message: str = ""


@dataclass(frozen=True, slots=True)
class Part:
    """Items that meet with the same: ``count`` of them, with up to ``SAMPLES`` examples.

    ``side`` is the side that is written, or holds what is held back; "" where that says nothing. ``field`` is the one
    that is rewritten, in conflict or held back.
    """

    what: What
    kind: str
    side: Side | Literal[""]
    field: str
    count: int
    samples: tuple[Sample, ...] = ()


@dataclass(frozen=True, slots=True)
class Impact:
    """What the next run does once the change is accepted, in parts.

    ``writes`` and ``creates`` are what that comes to, beside the most a run may do (None: any number). ``read_whole``: a
    field is mapped that was never read, or a kind added, so that everything was listed again.
    """

    changes: tuple[Change, ...]
    parts: tuple[Part, ...]
    writes: int
    creates: int
    max_writes: int | None
    max_creates: int | None
    read_whole: bool

    @property
    def runs(self) -> int:
        """How many runs it takes at least; 0 when a ceiling of nought lets none do it."""
        ceilings = ((self.writes, self.max_writes), (self.creates, self.max_creates))
        needed = [-(-count // most) if most else 0 for count, most in ceilings if count and most is not None]
        return min(needed, default=1) and max(needed, default=1)

    def count(self, *what: What) -> int:
        """How many items of these sorts; one that is rewritten in two fields counts twice."""
        return sum(part.count for part in self.parts if part.what in what)


def of_plan(session: Session, link: Link, plan: Plan, changes: Sequence[Change], *, read_whole: bool) -> Impact:
    """Sort the operations of the first plan under a changed configuration. ``session``: the copy it was made in."""
    known = set(
        conflicts.by_pairs(session, {op.pair for op in plan.operations if isinstance(op, FieldConflict) and op.pair})
    )
    found: dict[tuple[What, str, Side | Literal[""], str], list[Sample]] = {}
    for operation in plan.operations:
        if isinstance(operation, FieldConflict) and (operation.pair, operation.field) in known:
            continue  # it is open already
        for what, side, field, sample in _sorted(operation):
            found.setdefault((what, operation.kind, side, field), []).append(sample)
    parts = [
        Part(*key, len(samples), tuple(_placed(session, link, key[1], each) for each in samples[:SAMPLES]))
        for key, samples in found.items()
    ]
    parts.extend(_leaving(session, link))
    parts.extend(_filtered(session, link))
    creates = sum(isinstance(op, Create) for op in plan.operations)
    return Impact(
        tuple(changes),
        tuple(sorted(parts, key=lambda part: (_ORDER.index(part.what), part.kind, part.side, part.field))),
        creates + sum(isinstance(op, Update | Delete) for op in plan.operations),
        creates,
        link.limits.max_writes,
        link.limits.max_creates,
        read_whole,
    )


def _sorted(operation: Operation) -> Iterator[tuple[What, Side | Literal[""], str, Sample]]:
    match operation:
        case Create(side=side, source=source, title=title, source_url=url):
            yield "enters", side, "", Sample(title, source, "left" if side == "right" else "right", url)
        case Adopt(left=left, title=title):
            yield "joins", "", "", Sample(title, left, "left")
        case Delete(side=side, item=item, title=title):
            yield "deleted", side, "", Sample(title, item, side)
        case Update(side=side, item=item, title=title, url=url):
            for change in operation.changes:
                yield "rewritten", side, change.field, _rewritten(Sample(title, item, side, url), change)
        case FieldConflict(left=left, title=title, field=field):
            values = operation.left_value, operation.right_value
            yield "conflict", "", field, Sample(title, left, "left", "", *values)
        case Hold(side=side, item=item, title=title, field=name, message=message):
            yield "held", side, name or "", Sample(title, item, side, message=message)


def _rewritten(sample: Sample, change: FieldChange) -> Sample:
    return replace(sample, before=change.before, after=change.after)


def _leaving(session: Session, link: Link) -> Iterator[Part]:
    """Pairs of kinds that are not synced any more: they stay as they are on both sides."""
    for kind, count in sorted(pairs.kinds(session, link.id).items()):
        if kind not in link.mappings:
            some = pairs.walk(session, link.id, kind, after=0, limit=SAMPLES)
            samples = tuple(_of_pair(link, kind, pair.left_id, pair.left) for pair in some)
            yield Part("leaves", kind, "", "", count, samples)


def _filtered(session: Session, link: Link) -> Iterator[Part]:
    """Pairs that a filter leaves out from now on, which are paused, and those it lets go on (S28)."""
    for kind in link.mappings:
        found: dict[What, list[Sample]] = {"leaves": [], "returns": []}
        if pairs.paused(session, link.id) or any(scope.names_of(link, kind, side) for side in SIDES):
            for pair, left, right in _members(session, link, kind):
                is_out = scope.is_paused(link, left, right, is_unfinished=pair.unfinished)
                if is_out != (pair.paused_at is not None):
                    why = scope.left_out_by(link, left, right) if is_out else ""
                    sample = Sample(title_of(left), left.ref, "left", left.url, message=why)
                    found["leaves" if is_out else "returns"].append(sample)
        for what, samples in found.items():
            if samples:
                yield Part(what, kind, "", "", len(samples), tuple(samples[:SAMPLES]))


def _members(session: Session, link: Link, kind: str) -> Iterator[tuple[Pair, Record, Record]]:
    """Every pair of a kind with what both sides were last seen to hold."""
    after = 0
    while page := pairs.walk(session, link.id, kind, after=after, limit=_PAGE):
        ids = {side: {pair.item_id(side) for pair in page} for side in SIDES}
        news = {side: inbox.get_many(session, link.id, kind, side, ids[side]) for side in SIDES}
        for pair in page:
            left, right = (member_now(link, pair, side, news[side]).record for side in SIDES)
            yield pair, left, right
        after = page[-1].id


def _of_pair(link: Link, kind: str, item_id: str, text: str) -> Sample:
    record = load_record(text, link.left.ref(kind, item_id))
    return Sample(title_of(record), record.ref, "left", record.url)


def _placed(session: Session, link: Link, kind: str, sample: Sample) -> Sample:
    """The sample with its address, as last observed."""
    if sample.url:
        return sample
    here = (session, link.id, kind, sample.side, {sample.ref.id})
    row, pair = inbox.get_many(*here).get(sample.ref.id), pairs.by_items(*here).get(sample.ref.id)
    text = row.record if row is not None and row.record else pair.record(sample.side) if pair is not None else None
    return sample if text is None else replace(sample, url=load_record(text, sample.ref).url)
