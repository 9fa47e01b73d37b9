"""One small tree between all dialects: blocks that hold inline leaves, and leaves that carry marks. Frozen data.

A leaf carries its marks as a sorted tuple, so that ``**_a_**`` and ``_**a**_`` are one thing. Readers build a tree, writers
render one; ``normal.py`` says which trees are the same. What a dialect has and this tree has not is ``Opaque``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Literal, TypeAlias

Dialect = Literal["plain", "markdown", "adf", "wiki", "html", "textile"]

MARKS: Final = (
    "link",
    "strong",
    "em",
    "strike",
    "underline",
    "sub",
    "sup",
    "color",
    "background",
    "key",
    "small",
    "code",
)
RANK: Final = {name: rank for rank, name in enumerate(MARKS)}

RAW: Final[Mapping[str, Dialect]] = {
    "raw-adf": "adf",
    "raw-html": "html",
    "raw-markdown": "markdown",
    "raw-wiki": "wiki",
    "raw-textile": "textile",
}
"""Languages and schemes under which a dialect carries what only another one knows."""

SCHEMES: Final = ("mention", "status", "date")
"""Kinds of ``Chip``; where a dialect has no word for one, it is a link with the kind as its scheme."""

PANELS: Final = ("note", "tip", "important", "warning", "caution")


@dataclass(frozen=True, slots=True)
class Mark:
    """A style of a leaf. ``value``: the address of a link, the colour (``#rrggbb``); ``title``: a link's."""

    name: str
    value: str = ""
    title: str = ""


Marks: TypeAlias = tuple[Mark, ...]


def with_mark(marks: Marks, mark: Mark) -> Marks:
    """The marks with one more, which replaces another of its name; sorted."""
    kept = [other for other in marks if other.name != mark.name]
    return tuple(sorted([*kept, mark], key=lambda each: RANK[each.name]))


def without_mark(marks: Marks, name: str) -> Marks:
    return tuple(mark for mark in marks if mark.name != name)


@dataclass(frozen=True, slots=True)
class Text:
    text: str
    marks: Marks = ()

    @property
    def is_code(self) -> bool:
        return bool(self.marks) and self.marks[-1].name == "code"


@dataclass(frozen=True, slots=True)
class Break:
    """A line break inside a paragraph. A newline of Markdown is one, as GitHub shows issues and comments."""

    marks: Marks = ()


@dataclass(frozen=True, slots=True)
class Image:
    source: str
    alt: str = ""
    title: str = ""
    marks: Marks = ()


@dataclass(frozen=True, slots=True)
class Chip:
    """A word with a meaning: ``kind`` mention (``value``: the person's id), status (colour), date (epoch milliseconds)."""

    kind: str
    value: str
    text: str
    marks: Marks = ()


@dataclass(frozen=True, slots=True)
class Opaque:
    """What only one dialect knows, inline or block: ``source`` is its own form there, ``label`` what people are shown.

    Other dialects with code blocks carry it in one whose language is ``raw-<dialect>``, or inline as a link with that scheme.
    """

    dialect: Dialect
    source: str
    label: str = field(default="", compare=False, repr=False)
    marks: Marks = ()


Inline: TypeAlias = Text | Break | Image | Chip | Opaque
Inlines: TypeAlias = tuple[Inline, ...]


@dataclass(frozen=True, slots=True)
class Paragraph:
    content: Inlines
    align: str = ""


@dataclass(frozen=True, slots=True)
class Heading:
    level: int
    content: Inlines
    align: str = ""


@dataclass(frozen=True, slots=True)
class CodeBlock:
    text: str
    language: str = ""


@dataclass(frozen=True, slots=True)
class Rule:
    pass


@dataclass(frozen=True, slots=True)
class Quote:
    blocks: Blocks


@dataclass(frozen=True, slots=True)
class Panel:
    """A box; ``kind`` is one of ``PANELS``."""

    kind: str
    blocks: Blocks


@dataclass(frozen=True, slots=True)
class Expand:
    """A part that is folded away under its title."""

    title: str
    blocks: Blocks


@dataclass(frozen=True, slots=True)
class Item:
    """An item of a list; ``checked`` is None when it is no task."""

    blocks: Blocks
    checked: bool | None = None


@dataclass(frozen=True, slots=True)
class Listing:
    items: tuple[Item, ...]
    ordered: bool = False
    start: int = 1


@dataclass(frozen=True, slots=True)
class Cell:
    blocks: Blocks
    header: bool = False
    align: str = ""
    columns: int = 1
    rows: int = 1


@dataclass(frozen=True, slots=True)
class Table:
    rows: tuple[tuple[Cell, ...], ...]


Block: TypeAlias = "Paragraph | Heading | CodeBlock | Rule | Quote | Panel | Expand | Listing | Table | Opaque"
Blocks: TypeAlias = "tuple[Block, ...]"


@dataclass(frozen=True, slots=True)
class Document:
    blocks: Blocks = field(default=())
