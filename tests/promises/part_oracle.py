"""What people said, and what must be seen of it in the end: the reference of the histories of comments and time entries.

Each word of a person is said once: a title, the words of a comment, a duration. So what is seen tells whose word it is,
whatever ids, bylines and dialects are around it. A word is *superseded* by whoever changed or deleted the record that
showed it; one that nobody superseded must be seen somewhere for ever (I2).
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, Final

SIDES: Final = ("left", "right")
_WORD: Final = re.compile(r"(?:word|task)\d+z")


def word_in(text: object) -> str:
    """The word that a text holds, whatever stands around it."""
    found = _WORD.search(str(text))
    return found[0] if found else str(text)


@dataclass(eq=False)
class Thing:
    """A task, a comment or a time entry that somebody made. ``places``: the tasks that a person put it under, in turn."""

    kind: str
    said: dict[str, str] = field(default_factory=dict)
    superseded: set[str] = field(default_factory=set)
    deleted: set[str] = field(default_factory=set)
    places: list[Thing] = field(default_factory=list)

    @property
    def was_moved(self) -> bool:
        """A move is an edit, and wins against a deletion (S26)."""
        return len(self.places) > 1

    def heads(self) -> set[str]:
        return self.said.keys() - self.superseded


@dataclass(frozen=True)
class Seen:
    """A record as people see it. ``task``: the id of its task; ``marker`` names what it was made from."""

    side: str
    kind: str
    id: str
    word: str
    task: str = ""
    rest: tuple[Any, ...] = ()
    marker: str | None = None


class Oracle:
    """Keeps what is said; ``broken`` judges what is seen at last."""

    def __init__(self) -> None:
        self.things: list[Thing] = []
        self.by_word: dict[tuple[str, str], Thing] = {}

    def made(self, side: str, kind: str, word: str, place: Thing | None = None) -> Thing:
        thing = Thing(kind, {word: side}, places=[] if place is None else [place])
        self.things.append(thing)
        self.by_word[kind, word] = thing
        return thing

    def changed(self, side: str, kind: str, before: str, after: str) -> None:
        thing = self.by_word[kind, before]
        thing.said[after] = side
        thing.superseded.add(before)
        self.by_word[kind, after] = thing

    def moved(self, kind: str, word: str, place: Thing) -> None:
        self.by_word[kind, word].places.append(place)

    def deleted(self, side: str, kind: str, word: str) -> Thing:
        thing = self.by_word[kind, word]
        thing.superseded.add(word)
        thing.deleted.add(side)
        return thing

    # --- judging ----------------------------------------------------------------------------------------------------

    def broken(self, seen: Iterable[Seen], excused: frozenset[tuple[str, str]]) -> Iterator[str]:
        """Each promise that does not hold. ``excused`` (side and kind, id): in conflict or parked, which people are told."""
        rows = list(seen)
        by_thing: dict[Thing, dict[str, Seen]] = {thing: {} for thing in self.things}
        tasks: dict[tuple[str, str], Thing] = {}
        yield from _doubles(rows)
        for row in rows:
            thing = self.by_word.get((row.kind, row.word))
            if thing is None:
                yield f"nobody said what {row} says"
                continue
            by_thing[thing][row.side] = row
            if row.kind == "task":
                tasks[row.side, row.id] = thing
        for thing, shown in by_thing.items():
            lives = thing.kind == "task" or not _gone_with_task(thing)
            told = any((f"{row.side} {row.kind}", row.id) in excused for row in shown.values())
            yield from _lost(thing, shown) if lives else ()
            if not thing.deleted and lives and not told:
                yield from _unlike(thing, shown, tasks)
            elif lives and thing.kind != "task" and not thing.heads() and shown and not thing.was_moved:
                yield f"{thing} was deleted and is still there: {shown}"


def _gone_with_task(thing: Thing) -> bool:
    """What becomes of the parts of a deleted task is the tracker's business."""
    return any(place.deleted for place in thing.places)


def _doubles(rows: list[Seen]) -> Iterator[str]:
    words = Counter((row.side, row.kind, row.word) for row in rows)
    marks = Counter((row.side, row.kind, row.marker) for row in rows if row.marker)
    for what, count in (*words.items(), *marks.items()):
        if count > 1:
            yield f"I4: {count} copies of {what}"


def _lost(thing: Thing, shown: dict[str, Seen]) -> Iterator[str]:
    """I2 and I6."""
    there = {row.word for row in shown.values()}
    for word in sorted(thing.heads() - there):
        yield f"I2: {word!r} was said on the {thing.said[word]} and is nowhere; {thing} shows {shown}"
    if not thing.deleted and not shown:
        yield f"I6: {thing} is nowhere and nobody deleted it"


def _unlike(thing: Thing, shown: dict[str, Seen], tasks: dict[tuple[str, str], Thing]) -> Iterator[str]:
    """I1: both sides show it, the same."""
    if len(shown) < len(SIDES):
        yield f"I1: {thing} is only here: {shown}"
        return
    left, right = shown["left"], shown["right"]
    if left.word != right.word or left.rest != right.rest:
        yield f"I1: {left} is not {right}"
    if thing.kind == "task":
        return
    places = [tasks.get((row.side, row.task)) for row in (left, right)]
    if places[0] is not places[1]:
        yield f"I1: {left} and {right} are under two tasks"
    elif len(thing.places) <= 2 and places[0] is not thing.places[-1]:
        yield f"I2: {thing} was moved, and is not there: {left}"
