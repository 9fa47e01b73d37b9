"""Three-way merging of one value: scalars, sets, text. Pure: values in, values out, no tracker and no mapping.

Sets are merged as changes: what one side added or removed since its own base is carried to the other side (S10). With
equal bases that is (base ∪ added by either) − removed by either, and it stays right when each side's base is kept in
that side's own form (S6).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from html import unescape

from bridge.model import UNSET, Unset, Value


@dataclass(frozen=True, slots=True)
class Delta:
    """What a set gained and lost. Names keep their spelling; comparing ignores case (``key``)."""

    added: tuple[str, ...]
    removed: tuple[str, ...]

    def __bool__(self) -> bool:
        return bool(self.added or self.removed)


def key(name: str) -> str:
    """What makes two names of a set the same: trackers ignore case in labels, logins and e-mail addresses."""
    return name.strip().casefold()


def delta(base: Iterable[str], now: Iterable[str]) -> Delta:
    """How ``now`` differs from ``base``."""
    before = {key(name): name for name in base}
    after = {key(name): name for name in now}
    return Delta(
        tuple(sorted(name for k, name in after.items() if k not in before)),
        tuple(sorted(name for k, name in before.items() if k not in after)),
    )


def apply_delta(names: Iterable[str], change: Delta) -> tuple[str, ...]:
    """``names`` with ``change`` made to it, sorted. Adding what is there and removing what is not change nothing."""
    held = {key(name): name for name in names}
    for name in change.removed:
        held.pop(key(name), None)
    for name in change.added:
        held.setdefault(key(name), name)
    return tuple(sorted(held.values()))


def has_changed(base: Value | Unset, now: Value) -> bool:
    """Whether a side moved since its base (S4). Without a base it counts as moved (S8)."""
    return base is UNSET or base != now


def is_rewritten(sent: Value, kept: Value) -> bool:
    """Whether a server may have made ``kept`` of ``sent``: the same words with other white space or HTML entities (S6)."""
    if isinstance(sent, str) and isinstance(kept, str):
        return unescape(sent).split() == unescape(kept).split()
    return sent == kept


_WORDS = re.compile(r"\s+|\w+|[^\w\s]")


def merge_text(base: str, ours: str, theirs: str) -> str | None:
    """Both edits in one text, or None when they overlap (S11): by lines first, then by words inside a clash."""
    return _diff3(*(text.splitlines(keepends=True) for text in (base, ours, theirs)), clash=_by_words)


def keep_both(base: str, ours: str, theirs: str) -> str:
    """Both edits in one text, and where they overlap the lines of both, ours first (policy keep-both, S16)."""
    merged = _diff3(*(text.splitlines(keepends=True) for text in (base, ours, theirs)), clash=_one_below_the_other)
    assert merged is not None
    return merged


def mark_clashes(base: str, ours: str, theirs: str, labels: tuple[str, str, str]) -> str:
    """Both edits in one text, and where they overlap all three between git's markers. ``labels``: ours, base, theirs."""

    def marked(held: Sequence[str], left: Sequence[str], right: Sequence[str]) -> str:
        parts = (("<<<<<<<", labels[0], left), ("|||||||", labels[1], held), ("=======", "", right))
        blocks = [f"{marker} {label}".rstrip() + "\n" + "".join(_ended(lines)) for marker, label, lines in parts]
        return "".join(blocks) + f">>>>>>> {labels[2]}\n"

    joined = _diff3(*(text.splitlines(keepends=True) for text in (base, ours, theirs)), clash=marked)
    assert joined is not None
    return joined


def _ended(lines: Sequence[str]) -> Sequence[str]:
    """Lines of which the last ends in a line break too."""
    return lines if not lines or lines[-1].endswith("\n") else (*lines[:-1], lines[-1] + "\n")


_Clash = Callable[[Sequence[str], Sequence[str], Sequence[str]], str | None]


def _diff3(base: Sequence[str], ours: Sequence[str], theirs: Sequence[str], *, clash: _Clash) -> str | None:
    """Merge between anchors: base tokens that both sides kept. A region only one side changed takes that side."""
    merged: list[str] = []
    b = o = t = 0
    for anchor_b, anchor_o, anchor_t in [*_anchors(base, ours, theirs), (len(base), len(ours), len(theirs))]:
        region = _region(base[b:anchor_b], ours[o:anchor_o], theirs[t:anchor_t], clash)
        if region is None:
            return None
        merged.append(region)
        if anchor_b < len(base):
            merged.append(base[anchor_b])
        b, o, t = anchor_b + 1, anchor_o + 1, anchor_t + 1
    return "".join(merged)


def _anchors(base: Sequence[str], ours: Sequence[str], theirs: Sequence[str]) -> list[tuple[int, int, int]]:
    in_ours = _kept(base, ours)
    in_theirs = _kept(base, theirs)
    return [(i, in_ours[i], in_theirs[i]) for i in range(len(base)) if i in in_ours and i in in_theirs]


def _kept(base: Sequence[str], side: Sequence[str]) -> dict[int, int]:
    blocks = SequenceMatcher(None, base, side, autojunk=False).get_matching_blocks()
    return {block.a + i: block.b + i for block in blocks for i in range(block.size)}


def _region(base: Sequence[str], ours: Sequence[str], theirs: Sequence[str], clash: _Clash) -> str | None:
    if theirs in (ours, base):
        return "".join(ours)
    if ours == base:
        return "".join(theirs)
    return clash(base, ours, theirs)


def _by_words(base: Sequence[str], ours: Sequence[str], theirs: Sequence[str]) -> str | None:
    if not base:
        return None
    return _diff3(*(_WORDS.findall("".join(lines)) for lines in (base, ours, theirs)), clash=_none)


def _none(*_: Sequence[str]) -> None:
    """Two edits of the same words: not ours to join."""


def _one_below_the_other(base: Sequence[str], ours: Sequence[str], theirs: Sequence[str]) -> str:
    joined = _by_words(base, ours, theirs)
    if joined is not None:
        return joined
    first, second = "".join(ours), "".join(theirs)
    return first + ("" if not first or not second or first.endswith("\n") else "\n") + second
