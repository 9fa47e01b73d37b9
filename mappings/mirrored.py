"""What becomes of a text on its way to the other side: what would notify or cross-link there is defused, what is too long
for the field is cut and says so.

Laws: a text agrees with its copy, defused or not, cut or not; what was defused comes back as it was; what was cut never
comes back at all: the side that holds the beginning of a text is not what the whole is written from ("truncated"), whatever
was made of it there. Only an order (of a person, or of a policy) takes what stands there now, once it says no longer that it
is a beginning.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, Literal, TypeAlias

from bridge.model import SIDES, Dialect, FieldSpec, FieldType, Side, Value, other
from mappings.lenses import Lens, UnmappedError
from mappings.measure import length

TRUNCATED: Final = "truncated"
"""The reason of an edit that was made on the beginning of a text whose whole is on the other side."""

TooLong: TypeAlias = Literal["truncate", "park"]

_SIGN: Final = "shortened. The whole text"
_DOTS: Final = "…"
"""What ``mappings.text.shorten`` puts at the end of a text and of a line."""

_TRIES: Final = 16
_GUESSES: Final = 4
"""A length is guessed from how long the last try became, then found by halves."""

_SWELL: Final = 32
"""A text with room for this many times its length is not measured: no dialect makes so much of one, and what were to be longer
all the same is held as "too-long" before it is written.
"""

_SLACK: Final = 0.97
_FULL: Final = 0.8
"""A cut text that fills this part of the room is long enough."""


@dataclass(frozen=True, slots=True)
class Mirrored:
    """A lens around another one. ``rooms``: how much fits on the left and on the right, None where nothing is cut.

    Bound to two records it knows their addresses (``urls``), what they now hold (``texts``) and what they held when they were
    last settled (``bases``; where that is not known, what they now hold), left and right. ``by_order``: see the laws.
    """

    inner: Lens
    left_spec: FieldSpec
    right_spec: FieldSpec
    rooms: tuple[int | None, int | None] = (None, None)
    urls: tuple[str, str] = ("", "")
    texts: tuple[Value, Value] = (None, None)
    bases: tuple[Value, Value] = (None, None)
    by_order: bool = False

    def to_right(self, value: Value) -> Value:
        return self._carry("right", value)

    def to_left(self, value: Value) -> Value:
        return self._carry("left", value)

    def agree(self, left: Value, right: Value) -> bool:
        mine, theirs = self.meant("left", left), self.meant("right", right)
        if self.inner.agree(mine, theirs):
            return True
        return any(self._is_beginning(to, mine, theirs) for to in SIDES)

    def meant(self, side: Side, value: Value) -> Value:
        """A side's text as it was before it was defused."""
        spec = self._spec(side)
        if not spec.live or not isinstance(value, str):
            return value
        from mappings.text.defuse import restored  # noqa: PLC0415 — loaded for trackers where texts set something off

        return restored(value, spec.dialect, spec.live)

    def excess(self, to: Side, value: Value) -> int:
        """How much of a text of the other side is too much for ``to``, where it would be cut; else 0."""
        meant, spec = self.meant(other(to), value), self._spec(to)
        if self._cut(to, meant) is None:
            return 0
        return _length(spec, self._inner(to, meant)) - (self.rooms[to == "right"] or 0)

    def _carry(self, to: Side, value: Value) -> Value:
        meant = self.meant(other(to), value)
        self._refuse(to, meant)
        cut = self._cut(to, meant)
        if cut is None:
            return self._safe(to, _respelled(self, to, meant, self._inner(to, meant)))
        return self._safe(to, cut if self._spec(to).type is FieldType.LINE else self._inner(to, cut))

    def _inner(self, to: Side, value: Value) -> Value:
        return self.inner.to_right(value) if to == "right" else self.inner.to_left(value)

    def _safe(self, to: Side, carried: Value) -> Value:
        """What is written: nothing in it is live but what is so already in the text that it replaces."""
        spec, held = self._spec(to), self.texts[to == "right"]
        if not spec.live or not isinstance(carried, str):
            return carried
        from mappings.text.defuse import alive, defused  # noqa: PLC0415 — as above

        safe = defused(carried, spec.dialect, spec.live)
        if safe == carried or not isinstance(held, str):
            return safe
        return defused(carried, spec.dialect, spec.live, alive(held, spec.dialect, spec.live))

    # --- what is too long --------------------------------------------------------------------------------------------

    def _refuse(self, to: Side, value: Value) -> None:
        """Raise UnmappedError for the beginning of a text of which the other side has the whole, whatever is left of it."""
        ends_short = isinstance(value, str) and self._ends_short(to, value)
        if not ends_short and (self.by_order or not self._was_cut(other(to))):
            return
        url = self.urls[to == "right"]
        where = f"{to} side{f' ({url})' if url else ''}"
        name, room = self._spec(other(to)).name, self.rooms[to == "left"]
        what = (
            "it says so itself: take that out of it, or take the other one"
            if self.by_order
            else f"edit it there, or make it shorter there{f' ({room} characters fit here)' if room else ''}"
        )
        raise UnmappedError(
            value if isinstance(value, str) else "",
            TRUNCATED,
            f'"{name}" holds only the beginning of the text on the {where}, so nothing is written there from here: {what}',
        )

    def _ends_short(self, to: Side, value: str) -> bool:
        """Whether it says itself that it is the beginning of what ``to`` holds."""
        if self._spec(other(to)).type is FieldType.LINE:
            return value.endswith(_DOTS) and self._was_cut(other(to))
        url = _whole_of(self._spec(other(to)), value)
        return url is not None and url in ("", self.urls[to == "right"] or url)

    def _was_cut(self, side: Side) -> bool:
        """Whether ``side`` held only the beginning of the other side's text when both were last settled."""
        held, whole = (self.meant(each, self.bases[each == "right"]) for each in (side, other(side)))
        if not isinstance(held, str) or not isinstance(whole, str):
            return False
        if self._spec(side).type is not FieldType.LINE:
            url = _whole_of(self._spec(side), held)
            return url is not None and url != _whole_of(self._spec(other(side)), whole)
        if not held.endswith(_DOTS):
            return False
        try:
            carried = self._inner(side, whole)
        except UnmappedError:
            return False
        return isinstance(carried, str) and carried != held and carried.startswith(held.removesuffix(_DOTS))

    def _cut(self, to: Side, value: Value, url: str | None = None) -> str | None:
        """Of a text that does not fit on ``to`` what does, in the words of its own side; of one for a line, the line. None
        where it fits, or cannot be cut. ``url``: where it says that the whole is, in place of what is known.
        """
        room = self.rooms[to == "right"]
        if room is None or not isinstance(value, str) or len(value) * _SWELL <= room:
            return None
        address = self.urls[to == "left"] if url is None else url
        try:
            return _beginning(self.inner, self._spec(other(to)), self._spec(to), to, room, address, value)
        except UnmappedError:
            return None

    def _is_beginning(self, to: Side, left: Value, right: Value) -> bool:
        """Whether ``to`` holds what would be cut from the other side's text, wherever it says that the whole is: addresses
        change.
        """
        source, held = (left, right) if to == "right" else (right, left)
        if self.rooms[to == "right"] is None or not isinstance(held, str):
            return False
        is_line = self._spec(to).type is FieldType.LINE
        url = None if is_line else _whole_of(self._spec(to), held)
        cut = self._cut(to, source, url)
        if cut is None or is_line:
            return cut is not None and cut == held
        return _says(self.inner, to, held, cut)

    def _spec(self, side: Side) -> FieldSpec:
        return self.left_spec if side == "left" else self.right_spec


def _respelled(lens: Mirrored, to: Side, value: Value, carried: Value) -> Value:
    """What is written, with the spelling of what stands there wherever both say the same (``mappings.text.untouched``).
    ``value`` is what the other side says, ``carried`` that in the dialect of ``to``.
    """
    spec, inner = (lens.left_spec, lens.right_spec)[to == "right"], lens.inner
    held = lens.meant(to, lens.texts[to == "right"])
    if spec.type is not FieldType.TEXT or carried in (value, held):
        return carried
    if not isinstance(held, str) or not isinstance(carried, str):
        return carried
    if _says(inner, to, held, value):
        return held
    from mappings.text.untouched import kept  # noqa: PLC0415 — parsers take 80 ms to load

    try:
        canon = inner.to_right(inner.to_left(held)) if to == "right" else inner.to_left(inner.to_right(held))
    except UnmappedError:
        return carried
    spelled = kept(held, canon, carried, _read(spec)) if isinstance(canon, str) else carried
    return spelled if _says(inner, to, spelled, value) else carried


def _says(inner: Lens, side: Side, mine: Value, theirs: Value) -> bool:
    """Whether a text of ``side`` agrees with one of the other side."""
    return inner.agree(mine, theirs) if side == "left" else inner.agree(theirs, mine)


def mirrored(
    lens: Lens, left: FieldSpec, right: FieldSpec, too_long: TooLong | None, writes: Collection[Side] = SIDES
) -> Lens:
    """The lens with what its two fields need around it, if they need anything. Cut is what goes to a side that is written.

    ``too_long``: whether what is too long is cut or held; None cuts words, and holds the names and codes of one line, of
    which the beginning says nothing.
    """
    if not {left.type, right.type} <= {FieldType.LINE, FieldType.TEXT}:
        return lens
    rooms = (
        _room(left, right, too_long) if "left" in writes else None,
        _room(right, left, too_long) if "right" in writes else None,
    )
    is_respelled = left.type is right.type is FieldType.TEXT and left.dialect != right.dialect
    if rooms == (None, None) and not (left.live or right.live or is_respelled):
        return lens
    return Mirrored(lens, left, right, rooms)


def _room(spec: FieldSpec, there: FieldSpec, too_long: TooLong | None) -> int | None:
    """What fits into a field, where it is cut and the other one may hold more."""
    is_prose = spec.type is FieldType.TEXT or spec.name in ("title", "note")
    if spec.max_length is None or too_long == "park" or (too_long is None and not is_prose):
        return None
    is_safe = spec.type is FieldType.LINE and there.type is FieldType.LINE and there.max_length is not None
    return None if is_safe and (there.max_length or 0) <= spec.max_length else spec.max_length


def _whole_of(spec: FieldSpec, text: str) -> str | None:
    """Where a text that was cut says that the whole is, "" for nowhere; None for one that was not cut."""
    if _SIGN not in text or spec.type is not FieldType.TEXT:
        return None
    from mappings.text.convert import parse  # noqa: PLC0415 — parsers take 80 ms to load
    from mappings.text.shorten import shortened_from  # noqa: PLC0415 — as above

    return shortened_from(parse(text, _read(spec)))


def _read(spec: FieldSpec) -> Dialect:
    return "markdown" if spec.dialect == "plain" else spec.dialect


@lru_cache(maxsize=64)
def _beginning(inner: Lens, own: FieldSpec, there: FieldSpec, to: Side, room: int, url: str, value: str) -> str | None:
    """See ``Mirrored._cut``. Raises UnmappedError for what cannot be said there. Remembered: a pair is looked at often."""
    whole = _there(inner, to, value)
    needed = _length(there, whole)
    if needed <= room:
        return None
    if there.type is FieldType.LINE:
        from mappings.text.shorten import shortened_line  # noqa: PLC0415 — parsers take 80 ms to load, few texts are long

        return shortened_line(str(whole), room)
    return _fitting(inner, own, there, to, room, url, value, needed) if own.type is FieldType.TEXT else None


def _there(inner: Lens, to: Side, text: str) -> Value:
    return inner.to_right(text) if to == "right" else inner.to_left(text)


def _fitting(
    inner: Lens, own: FieldSpec, there: FieldSpec, to: Side, room: int, url: str, value: str, needed: int
) -> str | None:
    """The longest beginning that is found in a few tries: how long it becomes there can only be tried."""
    from mappings.text.convert import parse, render  # noqa: PLC0415 — as above
    from mappings.text.shorten import shortened, size  # noqa: PLC0415 — as above

    document = parse(value, _read(own))
    fits, fails = 0, size(document)
    most, best = int(fails * room / needed * _SLACK), None
    for tried in range(_TRIES):
        made = render(shortened(document, most, url), _read(own))
        needed = _length(there, _there(inner, to, made))
        if needed <= room:
            best, fits = made, most
        else:
            fails = most
        if room * _FULL <= needed <= room or fails - fits <= 1 < tried:
            break
        guess = int(most * room / needed * _SLACK)
        most = guess if tried < _GUESSES and fits < guess < fails else (fits + fails) // 2
    if best is None:
        made = render(shortened(document, 0, url), _read(own))
        best = made if _length(there, _there(inner, to, made)) <= room else None
    return best


def _length(spec: FieldSpec, text: Value) -> int:
    """How long it is once it is defused: one character more at most for each sign, two for each address."""
    if not isinstance(text, str):
        return 0
    if not spec.live:
        return length(spec, text)
    from mappings.text.defuse import defused  # noqa: PLC0415 — as above

    return length(spec, defused(text, spec.dialect, spec.live))
