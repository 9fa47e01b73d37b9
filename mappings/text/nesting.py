"""Leaves with marks as nested groups, for dialects that open and close their styles."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

from mappings.text.document import RANK, Inline, Mark, without_mark


@dataclass(frozen=True, slots=True)
class Group:
    mark: Mark
    content: tuple[Nested, ...]


Nested: TypeAlias = "Group | Inline"


def nested(runs: Sequence[Inline]) -> tuple[Nested, ...]:
    """Groups by the mark that goes on for longest; code stays on its leaf."""
    out: list[Nested] = []
    at = 0
    while at < len(runs):
        best, end = _longest(runs, at)
        if best is None:
            out.append(runs[at])
            at += 1
            continue
        inner = [replace(leaf, marks=without_mark(leaf.marks, best.name)) for leaf in runs[at:end]]
        out.append(Group(best, nested(inner)))
        at = end
    return tuple(out)


def _longest(runs: Sequence[Inline], at: int) -> tuple[Mark | None, int]:
    best: tuple[int, int] = (at, 0)
    found: Mark | None = None
    for mark in runs[at].marks:
        if mark.name == "code":
            continue
        end = at
        while end < len(runs) and mark in runs[end].marks:
            end += 1
        if (end, -RANK[mark.name]) > best or found is None:
            best, found = (end, -RANK[mark.name]), mark
    return found, best[0]
