"""Deterministic content for both sandboxes: the same number gives the same title, body, labels and state everywhere."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

AREAS = ("api", "billing", "docs", "mobile", "search")
KINDS = ("bug", "feature", "chore")
COLORS = {"api": "0e8a16", "billing": "5319e7", "docs": "0075ca", "mobile": "fbca04", "search": "1d76db",
          "bug": "d73a4a", "feature": "a2eeef", "chore": "c5def5"}  # fmt: skip
VERBS = ("Repair", "Extend", "Measure", "Explain", "Replace", "Remove", "Review", "Simplify")
THINGS = (
    "the login form",
    "the export job",
    "the price table",
    "the invoice mail",
    "the start page",
    "the import queue",
)
SENTENCES = (
    "It happens on every second try and only with more than one tab open.",
    "The steps are in the first comment, and a recording is attached there.",
    "We agreed to keep the old behaviour behind a switch for one release.",
    "A customer on the large plan asked for this twice in one month.",
    "The measured time is about four seconds; one second would be fine.",
    "Please note the effect on the nightly run before closing this.",
)


@dataclass(frozen=True, slots=True)
class Sample:
    """One item to be. ``number`` counts from 1; ``updated_at`` is epoch seconds."""

    number: int
    title: str
    body: str
    labels: tuple[str, ...]
    is_done: bool
    updated_at: int


def samples(count: int, *, before: float, first: int = 1, spacing_s: int = 60, done_every: int = 5) -> Iterator[Sample]:
    """``count`` items, the last one updated ``spacing_s`` before ``before``, the others one step earlier each.

    Every ``done_every``th is done (0: none).
    """
    origin = int(before) - (count + first) * spacing_s
    for number in range(first, first + count):
        yield Sample(
            number,
            f"{VERBS[number % len(VERBS)]} {THINGS[number % len(THINGS)]} ({number})",
            _body(number),
            tuple(sorted((KINDS[number % len(KINDS)], AREAS[number % len(AREAS)]))),
            bool(done_every) and number % done_every == 0,
            origin + number * spacing_s,
        )


def _body(number: int) -> str:
    lines = [SENTENCES[(number + step) % len(SENTENCES)] for step in range(4)]
    return f"Reported as case {number}.\n\n" + "\n".join(f"- {line}" for line in lines)
