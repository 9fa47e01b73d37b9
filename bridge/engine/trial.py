"""What becomes of real values when they go through the rows of a link and back. Pure; what is written comes to nothing.

Refuses: reading records (``sampling.py``), and judging what a pair would do: it looks at what each side holds alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from typing import Final, Literal

from bridge.engine.outcome import unwritable
from bridge.engine.plan import title_of
from bridge.engine.sets import members, word_of
from bridge.merge import key
from bridge.model import SIDES, FieldSpec, FieldType, Record, Side, Value, other
from mappings.lenses import LEFT_ALONE, OUTSIDE, UnmappedError, find
from mappings.measure import length
from mappings.mirrored import TRUNCATED, Mirrored
from mappings.references import WAITING
from mappings.rows import Row

Verdict = Literal["same", "differs", "one-way", "alone", "held", "waits", "empty", "unread"]
"""What became of one value of one item.

``same``: it came back as it was. ``differs``: it came back as something that counts as the same (two names of one meaning, a
duration that was rounded): its own side keeps it, the other cannot show the difference. ``one-way``: it is carried and
never comes back. ``alone``: its row says to leave it where it is, or it is the beginning of a text that was cut. ``held``:
it, or a member of it, cannot be said on the other side. ``waits``: for the partner of the task that it names. ``empty``: there
was nothing to carry. ``unread``: the record was read before the row was there.
"""

EXAMPLES: Final = 3


@dataclass(frozen=True, slots=True)
class Sample:
    """One record as it is to be tried, with the rows of its kind bound to it."""

    side: Side
    record: Record
    rows: Sequence[Row]


@dataclass(frozen=True, slots=True)
class Trouble:
    """What cannot be said on the other side. ``value`` is the name or the text; ``over``: by how much it is too long."""

    value: str
    reason: str
    message: str
    over: int = 0


@dataclass(frozen=True, slots=True)
class Passage:
    """One value on its way: what it was, what the other side would hold, what would come back."""

    verdict: Verdict
    before: Value = None
    there: Value = None
    back: Value = None
    troubles: tuple[Trouble, ...] = ()


@dataclass(frozen=True, slots=True)
class Example:
    """An item to look at, with the value on its way."""

    item: str
    url: str
    title: str
    before: Value = None
    there: Value = None
    back: Value = None


@dataclass(frozen=True, slots=True)
class Way:
    """What came of one row in one direction: how many items by verdict, and some that came back as something else."""

    side: Side
    counts: Mapping[Verdict, int]
    differing: tuple[Example, ...] = ()

    @property
    def carried(self) -> int:
        return sum(self.counts.get(verdict, 0) for verdict in ("same", "differs", "one-way"))


@dataclass(frozen=True, slots=True)
class RowTrial:
    """A row with its ways, by the side that the values come from."""

    row: Row
    ways: Mapping[Side, Way]


@dataclass(frozen=True, slots=True)
class Lack:
    """One thing that cannot be said on the other side: ``value`` of ``field`` of ``side``, in ``count`` items.

    ``nearest`` is the name of those that could be said that it resembles most; "" where none does. ``over``: the most
    characters, or members, that were too many. ``origin`` is where the row comes from.
    """

    side: Side
    field: str
    reason: str
    value: str
    message: str
    origin: str
    count: int
    nearest: str = ""
    over: int = 0
    examples: tuple[Example, ...] = ()


@dataclass(frozen=True, slots=True)
class Trial:
    """What a sample of one kind came to. ``items``: how many were tried, by side."""

    kind: str
    items: Mapping[Side, int]
    rows: tuple[RowTrial, ...]
    lacks: tuple[Lack, ...]

    @property
    def held(self) -> int:
        """Values that would be held back."""
        return sum(way.counts.get("held", 0) for row in self.rows for way in row.ways.values())


def passage(row: Row, side: Side, record: Record) -> Passage | None:
    """Carry the value that a record has for a row to the other side and back. None where the row never goes that way."""
    target = other(side)
    if not row.fills(target):
        return None
    name = row.field(side)
    if name not in record.fields:
        return Passage("unread")
    value = row.normal(side, record.fields[name])
    if value in (None, ()):
        return Passage("empty", value)
    return _set_passage(row, side, value) if row.is_set else _scalar_passage(row, side, value)


def _scalar_passage(row: Row, side: Side, value: Value) -> Passage:
    target = other(side)
    there: Value = None
    troubles: list[Trouble] | None = None
    try:
        there = row.normal(target, row.convert(target, value))
        troubles = None if (refused := _refused(row, target, there)) is None else [refused]
    except UnmappedError as unmapped:
        is_beginning = unmapped.reason == TRUNCATED
        troubles = [] if is_beginning else [Trouble(str(unmapped.value), unmapped.reason, unmapped.message)]
    if troubles is not None:
        return _stopped(value, there, troubles)
    if (over := _cut_off(row, target, value)) > 0:
        message = "only its beginning is written there, and never comes back"
        return Passage("one-way", value, there, None, (Trouble(str(value), TRUNCATED, message, over),))
    if row.direction != "both":
        return Passage("one-way", value, there)
    back = _returned(row, side, there)
    if _is_one(row.spec(side), back, value):
        return Passage("same", value, there, back)
    left, right = (value, there) if side == "left" else (there, value)
    if row.lens.agree(left, right):
        return Passage("differs", value, there, back)
    message = "what is written there does not count as the same, so that it would be written again and again"
    return _stopped(value, there, [Trouble(str(value), "unstable", message)])


def _cut_off(row: Row, target: Side, value: Value) -> int:
    """How much of a text is left out on the other side."""
    lens = find(row.lens, Mirrored)
    return 0 if lens is None else lens.excess(target, value)


def _is_one(spec: FieldSpec, back: Value, value: Value) -> bool:
    """Whether it came back as it was; of names case does not count."""
    if spec.type in (FieldType.CHOICE, FieldType.PERSON) and isinstance(back, str) and isinstance(value, str):
        return key(back) == key(value)
    return back == value


def _returned(row: Row, side: Side, there: Value) -> Value:
    """What would come back to ``side``; nothing where the other side's word is nobody's here."""
    try:
        return row.normal(side, row.convert(side, there))
    except UnmappedError:
        return None


def _set_passage(row: Row, side: Side, value: Value) -> Passage:
    target = other(side)
    troubles: list[Trouble] = []
    words: list[str] = []
    back: list[str] = []
    for name in members(value):
        try:
            word = word_of(row, target, name)
        except UnmappedError as unmapped:
            over = _too_much(row, target, name) if unmapped.reason == "too-long" else 0
            troubles.append(Trouble(name, unmapped.reason, unmapped.message, over))
            continue
        if word is not None:
            words.append(word)
            returned = _returned_member(row, side, word)
            back += [] if returned is None else [name if key(returned) == key(name) else returned]
    there: Value = tuple(sorted(set(words))) if row.spec(target).type.is_set else (words[0] if words else None)
    trouble = None if there in (None, ()) else _refused(row, target, there)
    if trouble is not None:
        troubles.append(trouble)
    alone = {trouble.value for trouble in troubles if trouble.reason in _ALONE}
    if len(troubles) > len(alone) or (alone and not words):
        return _stopped(value, there, troubles)
    returned_set = tuple(sorted(back))
    same = returned_set == tuple(sorted(name for name in members(value) if name not in alone))
    verdict: Verdict = "one-way" if row.direction != "both" else "same" if same else "differs"
    return Passage(verdict, value, there, returned_set, tuple(troubles))


def _returned_member(row: Row, side: Side, word: str) -> str | None:
    try:
        found = row.convert(side, word)
    except UnmappedError:
        return None
    return None if found is None else str(found)


def _stopped(value: Value, there: Value, troubles: list[Trouble]) -> Passage:
    reasons = {trouble.reason for trouble in troubles}
    verdict: Verdict = "waits" if reasons == {WAITING} else "alone" if reasons <= _ALONE else "held"
    return Passage(verdict, value, there, None, tuple(troubles))


def _refused(row: Row, target: Side, value: Value) -> Trouble | None:
    """What the field of the other side says to a value that a new item would have there."""
    spec = row.spec(target)
    found = unwritable(spec if spec.writable == "never" else replace(spec, writable="always"), value)
    if found is None:
        return None
    over = 0
    if found[0] == "too-long" and isinstance(value, str):
        over = length(spec, value) - (spec.max_length or 0)
    elif found[0] == "too-long" and isinstance(value, tuple):
        over = len(value) - (spec.max_items or 0)
    return Trouble("" if isinstance(value, tuple) else str(value), *found, over=max(over, 0))


def _too_much(row: Row, target: Side, name: str) -> int:
    try:
        return max(0, len(str(row.convert(target, name))) - (row.spec(target).max_length or 0))
    except UnmappedError:
        return 0


# --- all samples together ---------------------------------------------------------------------------------------------


@dataclass(slots=True)
class _Tally:
    """What is counted while samples go through: by row and side, and by what cannot be said."""

    counts: dict[tuple[int, Side], dict[Verdict, int]] = field(default_factory=dict)
    differing: dict[tuple[int, Side], list[Example]] = field(default_factory=dict)
    lacks: dict[tuple[int, Side, str, str], Lack] = field(default_factory=dict)

    def add(self, index: int, sample: Sample, row: Row, found: Passage) -> None:
        at = index, sample.side
        counts = self.counts.setdefault(at, {})
        counts[found.verdict] = counts.get(found.verdict, 0) + 1
        if found.verdict == "differs" and len(self.differing.setdefault(at, [])) < EXAMPLES:
            self.differing[at].append(_example(sample, found))
        for trouble in found.troubles:
            if trouble.reason not in _QUIET:
                self._lack(index, sample, row, found, trouble)

    def _lack(self, index: int, sample: Sample, row: Row, found: Passage, trouble: Trouble) -> None:
        name = row.field(sample.side)
        what = trouble.value if trouble.reason in _BY_VALUE else ""  # texts are told of together
        at = index, sample.side, trouble.reason, trouble.message if trouble.reason == "lossy" else key(what)
        known = self.lacks.get(at)
        if known is None:
            near = _nearest(row, sample.side, trouble) if what else ""
            known = Lack(sample.side, name, trouble.reason, what, trouble.message, row.origin, 0, near)
        examples = known.examples
        if len(examples) < EXAMPLES and _example(sample, found).item not in {each.item for each in examples}:
            examples = (*examples, _example(sample, found))
        self.lacks[at] = replace(known, count=known.count + 1, over=max(known.over, trouble.over), examples=examples)


_BY_VALUE: Final = frozenset({"unmapped", "unknown-person", "unreachable", LEFT_ALONE})
"""Reasons that lie in a name: each name is told of by itself, with what it resembles."""

_ALONE: Final = frozenset({LEFT_ALONE, OUTSIDE})

_QUIET: Final = frozenset({WAITING, OUTSIDE})
"""Reasons that nobody can do anything about."""


def try_out(kind: str, rows: Sequence[Row], samples: Iterable[Sample]) -> Trial:
    """Carry every value of every sample there and back. ``rows`` are those of the kind, in the order of each sample's."""
    tally = _Tally()
    items: dict[Side, int] = dict.fromkeys(SIDES, 0)
    for sample in samples:
        items[sample.side] += 1
        for index, row in enumerate(sample.rows):
            found = passage(row, sample.side, sample.record)
            if found is not None:
                tally.add(index, sample, row, found)
    tried = tuple(
        RowTrial(row, {side: _way(tally, index, side) for side in SIDES if (index, side) in tally.counts})
        for index, row in enumerate(rows)
    )
    lacks = sorted(tally.lacks.values(), key=lambda one: (-one.count, one.field, one.side, one.reason, one.value))
    return Trial(kind, items, tried, tuple(lacks))


def _way(tally: _Tally, index: int, side: Side) -> Way:
    return Way(side, tally.counts[index, side], tuple(tally.differing.get((index, side), ())))


def _example(sample: Sample, found: Passage) -> Example:
    record = sample.record
    return Example(record.ref.key, record.url, title_of(record), found.before, found.there, found.back)


def _nearest(row: Row, side: Side, trouble: Trouble) -> str:
    """The name that could have been said which this one resembles most."""
    target = other(side)
    names = row.spec(target).choices if trouble.reason == "unreachable" else tuple(_known(row, side))
    by_key = {_own_part(name): name for name in names or () if name != "*"}
    close = get_close_matches(_own_part(trouble.value), by_key, n=1)
    return by_key[close[0]] if close else ""


def _own_part(name: str) -> str:
    """What two names are compared by: of addresses the part before the domain, which is everybody's."""
    return key(name).partition("@")[0] or key(name)


def _known(row: Row, side: Side) -> Iterator[str]:
    """The names of a side that the row's lens has words for, as far as it lists them."""
    lens: object = row.lens
    while lens is not None:
        for attribute in (side, f"{other(side)}_of"):
            table = getattr(lens, attribute, None)
            if isinstance(table, Mapping):
                yield from table
        lens = getattr(lens, "inner", None)
