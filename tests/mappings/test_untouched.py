"""Writing an edit of a copy back into its original: what it did not touch keeps its author's spelling."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace
from itertools import cycle

from bridge.model import Dialect, FieldSpec, FieldType
from mappings.lenses import UnmappedError
from mappings.mirrored import Mirrored
from mappings.text.lens import Text
from mappings.text.untouched import kept
from tests.mappings.text_corpus import SAMPLES, Sample

DIALECTS: tuple[Dialect, ...] = ("markdown", "adf", "wiki", "textile", "html")
ADDED = "Added on the copy"
LEAST: dict[Dialect, float] = {"markdown": 0.95, "adf": 0.9, "textile": 0.85, "wiki": 0.7, "html": 0.6}
"""How much of the corpus stays letter by letter at least: a part that the other dialect splits or joins is spelled anew."""


def lens_of(original: Dialect, copy: Dialect) -> Mirrored:
    left, right = (FieldSpec("description", FieldType.TEXT, dialect=dialect) for dialect in (original, copy))
    return Mirrored(Text(original, copy), left, right)


def more(text: str, dialect: Dialect, *, first: bool) -> str:
    """A text with a paragraph more above or below."""
    if dialect == "adf":
        document = json.loads(text)
        added = {"type": "paragraph", "content": [{"type": "text", "text": ADDED}]}
        document["content"].insert(0 if first else len(document["content"]), added)
        return json.dumps(document)
    parts = [f"<p>{ADDED}</p>" if dialect == "html" else ADDED, text]
    return ("" if dialect == "html" else "\n\n").join(parts if first else reversed(parts))


def edited(sample: Sample, copy: Dialect, *, first: bool) -> str | None:
    """The original after a paragraph was added to its copy; None for what cannot be carried there."""
    lens = lens_of(sample.dialect, copy)
    try:
        there = lens.to_right(sample.text)
    except UnmappedError:
        return None
    if not isinstance(there, str):
        return None
    changed = more(there, copy, first=first)
    bound = replace(lens, texts=(sample.text, there))
    try:
        written = bound.to_left(changed)
    except UnmappedError:
        return None
    assert isinstance(written, str)
    assert bound.agree(written, changed)
    assert replace(bound, texts=(written, changed)).to_left(changed) == written
    return written


def lines_of(text: str) -> str:
    """A text without what every writer of lines may change: their ends."""
    return "\n".join(line.rstrip() for line in text.replace("\r\n", "\n").replace("\r", "\n").strip().split("\n"))


def test_a_paragraph_more_on_a_copy_leaves_the_rest_as_its_author_spelled_it():
    told: Counter[Dialect] = Counter()
    stayed: Counter[Dialect] = Counter()
    for first, sample in zip(cycle([True, False]), SAMPLES, strict=False):
        for copy in DIALECTS:
            if copy == sample.dialect or (written := edited(sample, copy, first=first)) is None:
                continue
            told[sample.dialect] += 1
            if sample.dialect == "adf":
                nodes = json.loads(written)["content"]
                stayed["adf"] += (nodes[1:] if first else nodes[:-1]) == json.loads(sample.text)["content"]
            else:
                ends = lines_of(written).endswith if first else lines_of(written).startswith
                stayed[sample.dialect] += ends(lines_of(sample.text))

    assert {each: stayed[each] / told[each] for each in told if stayed[each] < LEAST[each] * told[each]} == {}


def test_only_the_part_that_was_edited_is_spelled_anew():
    text = "Head\n====\n\n* one\n* two\n\nA line\nwrapped by *hand*.\n\nSee[^1].\n\n[^1]: a note"
    lens = lens_of("markdown", "textile")
    there = lens.to_right(text)
    assert isinstance(there, str)

    written = replace(lens, texts=(text, there)).to_left(there.replace("* two", "* three"))

    assert written == text.replace("* one\n* two", "- one\n- three")


ODD = [
    "<p>a</p><![if x",
    "<p>a</p><![foo bar]><p>b</p>",
    "<a" * 2_000,
    "<p>" * 2_000,
    "</p>" * 2_000,
    "<![CDATA[x]]><p>",
    "\x00\ud800<p>",
]
ODD_ADF = [
    f'{{"type":"doc","content":{"[" * 900}{"]" * 900}}}',
    '{"type":"doc","content":[1,null,"x",{"localId":2}]}',
    "[]",
    "{",
]


def test_texts_of_any_kind_are_laid_out_without_an_error():
    for dialect in DIALECTS:
        for text in [*ODD, *ODD_ADF]:
            assert isinstance(kept(text, text, f"{text} more", dialect), str)
