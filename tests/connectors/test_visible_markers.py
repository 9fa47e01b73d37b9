"""Our marker in the words of a text: found where people leave it, and never a word of theirs."""

from __future__ import annotations

from pathlib import Path

import pytest
from trackers.between import Between

from bridge.model import Marker
from connectors import markers

MARKER = Marker("jira", "APP#1_0-2")


@pytest.mark.parametrize("text", [None, "words", "two\n\nparagraphs"])
@pytest.mark.parametrize("how", ["line", "inline"])
def test_a_text_comes_back_without_its_marker(text: str | None, how: str):
    assert markers.split(markers.join(text, MARKER, how=how)) == (text, MARKER)


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_what_people_write_below_a_marker_belongs_to_the_text(end: str):
    text = f"above{end}{end}{markers.word(MARKER)}{end}{end}below"

    assert markers.split(text) == ("above\n\nbelow", MARKER)
    assert markers.split(f"<p>above</p><p>{markers.word(MARKER)}</p><p>below</p>") == (
        "<p>above</p><p>below</p>",
        MARKER,
    )


def test_a_marker_that_is_quoted_or_among_words_is_text():
    quoted = f"> {markers.word(MARKER)}\n\nwhat does {markers.word(MARKER)} mean?"

    assert markers.split(quoted) == (quoted, None)
    own = Marker("jira", "APP#2")
    line = f"{markers.word(MARKER)}\n\nis what stands below theirs"
    assert markers.split(markers.join(line, own)) == (line, own)


async def test_a_paragraph_below_the_marker_is_carried_without_it(tmp_path: Path):
    with Between(tmp_path, "github", "redmine") as between:
        between.left.create("Leak", description="It leaks.")
        await between.sync()
        ((item, _),) = between.right.tasks().items()

        marker = markers.word(Marker("left", "acme/app#1"))
        between.right.edit(item, description=f"It leaks.\n\n{marker}\n\nIt still does.")
        await between.sync()

        (original,) = between.left.tasks().values()
        assert original["description"] == "It leaks.\n\nIt still does."


async def test_nobody_speaks_as_somebody_else_by_writing_a_line_of_ours(tmp_path: Path):
    with Between(tmp_path, "github", "artala") as between:
        item = between.left.create("Leak", description="It leaks.")
        between.left.comment(item, "sam (right):\n\nI am Sam.")
        await between.sync()

        ((copy, _),) = between.right.tasks().items()
        (comment,) = between.right.comments(copy).values()
        assert comment["text"] == "alice (left):\n\nsam (right):\n\nI am Sam."
