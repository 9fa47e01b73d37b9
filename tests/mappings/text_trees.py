"""Trees for property tests: any text in any place, and marks, lists and tables as people nest them."""

from __future__ import annotations

import json

from hypothesis import strategies as st
from text_adf import DOCUMENTS

from mappings.text.document import (
    PANELS,
    Break,
    Cell,
    Chip,
    CodeBlock,
    Document,
    Expand,
    Heading,
    Image,
    Item,
    Listing,
    Mark,
    Opaque,
    Panel,
    Paragraph,
    Quote,
    Rule,
    Table,
    Text,
    with_mark,
)
from mappings.text.normal import normal_document

SIGNS = [
    "*",
    "_",
    "`",
    "#",
    "-",
    "+",
    ">",
    "[",
    "]",
    "(",
    ")",
    "<",
    "&",
    "|",
    "~",
    "!",
    "\\",
    "1.",
    "2)",
    "=",
    ":",
    "^",
    "{",
    "}",
]
WORDS = [
    "a",
    "b1",
    "Käse",
    "snake_case",
    "日本",
    "🎉",
    "https://example.org/a_b?c=d&e=f",
    "@ann",
    "#12",
    "&amp;",
    "<div>",
    "C:\\dir",
]
PIECES = [
    *SIGNS,
    *WORDS,
    " ",
    "  ",
    ". ",
    ", ",
    "**",
    "__",
    "~~",
    "```",
    "---",
    "- ",
    "1. ",
    "# ",
    "> ",
    "[x] ",
    "</b>",
    "<!--",
    "\u00a0",
]

texts = st.lists(st.sampled_from(PIECES), min_size=1, max_size=6).map("".join)
words = st.lists(st.sampled_from([*WORDS, " ", "x", "y."]), min_size=1, max_size=5).map("".join)
hrefs = st.sampled_from(
    ["https://example.org", "http://x.y/a_(b)?q=1&r=*", "mailto:a@b.org", "/local path", "#anchor", "a\\b<c>"]
)
simple_marks = st.sampled_from(
    [Mark("strong"), Mark("em"), Mark("strike"), Mark("underline"), Mark("sup"), Mark("color", "#ff0000")]
)
links = st.builds(Mark, st.just("link"), hrefs, st.sampled_from(["", "", 'a "title" & <b>']))


@st.composite
def runs(draw):
    marks = ()
    for mark in draw(st.lists(simple_marks, max_size=2)):
        marks = with_mark(marks, mark)
    if draw(st.integers(0, 5)) == 0:
        marks = with_mark(marks, draw(links))
    if draw(st.integers(0, 5)) == 0:
        marks = with_mark(marks, Mark("code"))
    return Text(draw(st.one_of(words, texts)), marks)


chips = st.one_of(
    st.builds(
        Chip, st.just("mention"), st.sampled_from(["5b10a2844c", "712020:ab-cd"]), st.sampled_from(["@Ann", "@J. Doe"])
    ),
    st.builds(Chip, st.just("status"), st.sampled_from(["green", "blue"]), st.sampled_from(["DONE", "in [x]"])),
    st.just(Chip("date", "1732147200000", "2024-11-21")),
)
images = st.builds(Image, hrefs, texts, st.sampled_from(["", "a title"]))
inlines = st.lists(st.one_of(runs(), runs(), runs(), st.just(Break()), images, chips), min_size=1, max_size=5).map(
    tuple
)
paragraphs = st.builds(Paragraph, inlines)
codes = st.builds(
    CodeBlock,
    st.lists(st.sampled_from([*PIECES, "\n", "\n\n", "\n    "]), max_size=8).map("".join),
    st.sampled_from(["", "python", "c++"]),
)
cells = st.builds(Cell, st.one_of(st.just(()), paragraphs.map(lambda p: (p,))))


@st.composite
def grids(draw):
    width, height = draw(st.integers(1, 3)), draw(st.integers(1, 3))
    aligns = [draw(st.sampled_from(["", "center", "right"])) for _ in range(width)]
    return Table(
        tuple(
            tuple(Cell(draw(cells).blocks, row == 0, aligns[column]) for column in range(width))
            for row in range(height)
        )
    )


def listings(blocks):
    items = st.builds(Item, st.lists(blocks, max_size=3).map(tuple), st.sampled_from([None, None, True, False]))
    return st.builds(
        Listing, st.lists(items, min_size=1, max_size=3).map(tuple), st.booleans(), st.sampled_from([1, 1, 7])
    )


def nested(blocks):
    several = st.lists(blocks, min_size=1, max_size=3).map(tuple)
    return st.one_of(
        listings(blocks),
        st.builds(Quote, several),
        st.builds(Panel, st.sampled_from(PANELS), several),
        st.builds(Expand, words, several),
    )


leaves = st.one_of(
    paragraphs, paragraphs, codes, st.just(Rule()), st.builds(Heading, st.integers(1, 6), inlines), grids()
)
documents = st.lists(st.recursive(leaves, nested, max_leaves=6), max_size=4).map(normal_document)

# Everything that a tree may hold, in places where no dialect has it.
aligned = st.one_of(
    st.builds(Paragraph, inlines, st.sampled_from(["center", "right"])),
    st.builds(Heading, st.integers(1, 6), inlines, st.sampled_from(["center", "right"])),
)
STORED = [
    node
    for document in DOCUMENTS.values()
    for node in json.loads(document)["content"]
    if node["type"] not in {"paragraph", "heading", "codeBlock", "bulletList"} or "marks" in node
]
stored = st.sampled_from([Opaque("adf", json.dumps(node)) for node in STORED])
wide_cells = st.builds(
    Cell, st.lists(st.one_of(aligned, stored, leaves), max_size=2).map(tuple), st.booleans(), st.just("right")
)
anything = st.one_of(leaves, leaves, aligned, stored, wide_cells.map(lambda cell: Table(((cell,),))))
odd_documents = st.lists(st.recursive(anything, nested, max_leaves=6), max_size=4).map(normal_document)

# What ADF's schema lets stand in items and quotes: no headings, quotes, tables there.
adf_leaves = st.one_of(paragraphs, paragraphs, codes)
adf_documents = st.lists(
    st.one_of(
        st.recursive(adf_leaves, listings, max_leaves=6),
        st.builds(Quote, st.lists(adf_leaves, min_size=1, max_size=3).map(tuple)),
        st.builds(Panel, st.sampled_from(PANELS), st.lists(adf_leaves, min_size=1, max_size=3).map(tuple)),
        leaves,
    ),
    max_size=4,
).map(normal_document)

# What wiki markup has words for: items of one paragraph with code after it, tables of lines, no folds, no alignment.
wiki_items = st.builds(
    lambda head, code, checked: Item((head, *code), checked),
    paragraphs,
    st.lists(codes, max_size=1),
    st.sampled_from([None, None, True, False]),
)


def wiki_listings(depth=2):
    items = wiki_items
    if depth:
        items = st.one_of(
            items, st.builds(lambda item, inner: Item((*item.blocks, inner)), wiki_items, wiki_listings(depth - 1))
        )
    return st.builds(Listing, st.lists(items, min_size=1, max_size=3).map(tuple), st.booleans())


@st.composite
def wiki_tables(draw):
    width = draw(st.integers(1, 3))
    row = st.lists(st.builds(Cell, paragraphs.map(lambda p: (p,)), st.booleans()), min_size=width, max_size=width).map(
        tuple
    )
    return Table(tuple(draw(st.lists(row, min_size=1, max_size=3))))


wiki_leaves = st.one_of(paragraphs, paragraphs, codes, st.just(Rule()), wiki_listings(), wiki_tables())
wiki_documents = st.lists(
    st.one_of(
        wiki_leaves,
        st.builds(Heading, st.integers(1, 6), inlines),
        st.builds(Quote, st.lists(wiki_leaves, min_size=1, max_size=3).map(tuple)),
        st.builds(Panel, st.sampled_from(PANELS), st.lists(wiki_leaves, min_size=1, max_size=3).map(tuple)),
    ),
    max_size=4,
).map(normal_document)
plain_documents = st.lists(st.lists(st.one_of(texts, words).map(Text), max_size=4), max_size=3).map(
    lambda found: normal_document(Paragraph(tuple(lines)) for lines in found)
)
__all__ = ["Document", "adf_documents", "documents", "odd_documents", "plain_documents", "texts", "wiki_documents"]
