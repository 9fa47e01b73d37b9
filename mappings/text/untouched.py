"""An edit of a copy, written into the text that it was made of: what it did not touch stays as its author spelled it.

A tree forgets the spelling: which sign a list has, where a line was wrapped, a footnote's form. So a text is laid out as its
top-level parts, and each part that came back as it went keeps its own words.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from difflib import SequenceMatcher
from itertools import pairwise
from typing import Any, Final

from mappings.text.document import Dialect
from mappings.text.elements import VOID, Reader
from mappings.text.read_markdown import first_lines

MOST: Final = 2_000
"""Parts that are compared; the time this takes may grow with their square."""

_NEWLINE: Final = re.compile(r"\r\n?")
_GAP: Final = re.compile(r"\n(?:[ \t]*\n)+")


def kept(held: str, canon: str, new: str, dialect: Dialect) -> str:
    """``new`` with the words of ``held`` for each part of it that ``canon`` has, too.

    ``held`` is what stands there, ``canon`` the same as it would come back from the other side, so that its parts are those
    of ``held``, one by one. ``new`` itself where they are not.
    """
    if dialect == "adf":
        try:
            return _kept_nodes(held, canon, new)
        except RecursionError:
            return new
    parts, gap = _LAID_OUT[dialect], "" if dialect == "html" else "\n\n"
    mine, back, wanted = (parts(text) for text in (held, canon, new))
    places = _places(back, wanted, len(mine))
    if not any(place is not None for place in places):
        return new
    return "".join(_spelled(mine, wanted, places, gap)).rstrip("\n")


def _places(back: Sequence[str], wanted: Sequence[str], count: int) -> list[int | None]:
    """For each part that is wanted the place of the one that it is now; None for what is new."""
    places: list[int | None] = [None] * len(wanted)
    if len(back) != count or max(len(back), len(wanted)) > MOST:
        return places
    old, new = ([part.strip("\n") for part in parts] for parts in (back, wanted))
    for found in SequenceMatcher(None, old, new, autojunk=False).get_matching_blocks():
        for step in range(found.size):
            places[found.b + step] = found.a + step
    return places


def _spelled(mine: Sequence[str], wanted: Sequence[str], places: Sequence[int | None], gap: str) -> Iterator[str]:
    """The parts as they are written, with the blank lines of their author between those that stood together."""
    for at, place in enumerate(places):
        if place is None:
            yield wanted[at].strip("\n") + gap
        elif at + 1 < len(places) and places[at + 1] == place + 1:
            yield mine[place]
        else:
            yield mine[place].rstrip("\n") + gap


# --- parts -------------------------------------------------------------------------------------------------------------


def _markdown(text: str) -> list[str]:
    """Top-level blocks; what stands between two (definitions of links) goes with the first."""
    lines = re.split(r"(?<=\n)", _NEWLINE.sub("\n", text))
    begins = [*first_lines(text), len(lines)]
    begins[0] = 0
    return ["".join(lines[begin:end]) for begin, end in pairwise(begins)]


def _paragraphs(text: str) -> list[str]:
    """What blank lines part, with these lines."""
    text = _NEWLINE.sub("\n", text)
    ends = [*(found.end() for found in _GAP.finditer(text) if found.end() < len(text)), len(text)]
    return [text[begin:end] for begin, end in zip([0, *ends], ends, strict=False)]


def _elements(text: str) -> list[str]:
    """Outermost elements, with what stands up to the next one."""
    reader = _Outermost()
    reader.feed(text[: text.rfind(">") + 1])  # what no sign ends is no element
    reader.close()
    lines = [0, *(found.end() for found in re.finditer("\n", text))]
    ends = [lines[line - 1] + column for line, column in reader.begins[1:]]
    return [text[begin:end] for begin, end in pairwise([0, *ends, len(text)])]


class _Outermost(Reader):
    """Notes where each outermost element begins: line from 1, column from 0."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=False)
        self.begins: list[tuple[int, int]] = []
        self._depth = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:  # noqa: ARG002 — its names
        if self._depth == 0:
            self.begins.append(self.getpos())
        self._depth += tag not in VOID

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        self._depth -= tag not in VOID

    def handle_endtag(self, tag: str) -> None:
        self._depth = max(0, self._depth - (tag not in VOID))


_LAID_OUT: Final[Mapping[Dialect, Callable[[str], list[str]]]] = {
    "html": _elements,
    "markdown": _markdown,
    "plain": _markdown,
    "textile": _paragraphs,
    "wiki": _paragraphs,
}


def _kept_nodes(held: str, canon: str, new: str) -> str:
    mine, back, wanted = (_nodes(text) for text in (held, canon, new))
    places = _places([_bare(node) for node in back], [_bare(node) for node in wanted], len(mine))
    content = [wanted[at] if place is None else mine[place] for at, place in enumerate(places)]
    names = [name for node in content for name in _local_ids(node)]
    if content == wanted or len(set(names)) < len(names):
        return new
    document = {"content": content, "type": "doc", "version": 1}
    return json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def _nodes(text: str) -> list[Any]:
    try:
        root = json.loads(text)
    except (ValueError, RecursionError):
        return []
    content = root.get("content") if isinstance(root, dict) and root.get("type") == "doc" else None
    return content if isinstance(content, list) else []


def _bare(node: object) -> str:
    """A node in words, without the names that each writer gives anew."""
    return json.dumps(_without_ids(node), sort_keys=True)


def _without_ids(node: object) -> object:
    if isinstance(node, Mapping):
        return {key: _without_ids(value) for key, value in node.items() if key != "localId"}
    return [_without_ids(each) for each in node] if isinstance(node, list) else node


def _local_ids(node: object) -> Iterator[str]:
    if isinstance(node, Mapping):
        if isinstance(node.get("localId"), str):
            yield node["localId"]
        for value in node.values():
            yield from _local_ids(value)
    elif isinstance(node, list):
        for each in node:
            yield from _local_ids(each)
