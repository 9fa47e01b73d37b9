"""The examples of CommonMark's specification and of GFM's extensions, as ``./dev setup`` fetched them: none is in this tree.

They stand in the source archive of markdown-it-py, whose hash is in the lock. Each comes with the HTML that it means.
"""

from __future__ import annotations

import json
import sys
import tarfile
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

GFM = ("tables", "strikethrough", "tasklists", "alerts")


@dataclass(frozen=True)
class Example:
    name: str
    markdown: str
    html: str


def archive() -> Path | None:
    return next(iter(sorted((Path(sys.prefix) / "examples").glob("markdown_it_py-*.tar.gz"))), None)


@cache
def examples() -> tuple[Example, ...]:
    """CommonMark's and then GFM's. Skips the test that asks where they are not."""
    found = archive()
    if found is None:
        pytest.skip("the CommonMark examples are not there; ./dev setup fetches them")
    with tarfile.open(found) as files:
        texts = {member.name.partition("/")[2]: member for member in files.getmembers() if member.isfile()}

        def read(name: str) -> str:
            inside = files.extractfile(texts[name])
            assert inside is not None
            return inside.read().decode()

        spec = [
            Example(f"commonmark-{each['example']}", each["markdown"], each["html"])
            for each in json.loads(read("tests/test_cmark_spec/commonmark.json"))
        ]
        extensions = [
            Example(f"gfm-{name}-{number}", markdown, html)
            for name in GFM
            for number, (markdown, html) in enumerate(_fixtures(read(f"tests/test_port/fixtures/{name}.md")), 1)
        ]
    return (*spec, *extensions)


def _fixtures(text: str) -> list[tuple[str, str]]:
    """A title, a line with a dot, the input, a dot, what it means, a dot; again and again."""
    parts = ("\n" + text).split("\n.\n")
    return [(parts[at] + "\n", parts[at + 1] + "\n") for at in range(1, len(parts) - 1, 3)]
