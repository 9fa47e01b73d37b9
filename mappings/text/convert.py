"""Text from one dialect to another, and the form under which texts of two dialects are the same. Pure; never raises."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Final

from mappings.text.carry import LANGUAGE, expanded, fitted
from mappings.text.document import Blocks, Dialect, Document
from mappings.text.plain import parse_plain, render_plain
from mappings.text.read_adf import parse_adf
from mappings.text.read_html import parse_html
from mappings.text.read_markdown import parse_markdown
from mappings.text.read_textile import parse_textile
from mappings.text.read_wiki import parse_wiki
from mappings.text.write_adf import render_adf
from mappings.text.write_html import render_html
from mappings.text.write_markdown import render_markdown
from mappings.text.write_textile import render_textile
from mappings.text.write_wiki import render_wiki

READERS: Final[Mapping[Dialect, Callable[[str], Document]]] = {
    "plain": parse_plain,
    "markdown": parse_markdown,
    "adf": parse_adf,
    "html": parse_html,
    "wiki": parse_wiki,
    "textile": parse_textile,
}
WRITERS: Final[Mapping[Dialect, Callable[[Document], str]]] = {
    "plain": render_plain,
    "markdown": render_markdown,
    "adf": render_adf,
    "html": render_html,
    "wiki": render_wiki,
    "textile": render_textile,
}


@lru_cache(maxsize=256)
def parse(text: str, dialect: Dialect) -> Document:
    """The tree of a text, in normal form."""
    document = READERS[dialect](text)
    return expanded(document) if dialect != "plain" and LANGUAGE in text else document


def render(document: Document, dialect: Dialect) -> str:
    return WRITERS[dialect](document)


def rendered(document: Document, dialect: Dialect) -> tuple[str, Document]:
    """The document in a dialect, and what is read there. Parts that the dialect has no words for are carried as Markdown."""
    text = render(document, dialect)
    back = parse(text, dialect)
    if back == document or dialect == "plain":
        return text, back

    def fits(form: Blocks, meant: Blocks) -> bool:
        return parse(render(Document(form), dialect), dialect).blocks == meant

    carried = render(Document(fitted(document.blocks, fits)), dialect)
    read = parse(carried, dialect)
    return (carried, read) if read == document else (text, back)


def convert(text: str | None, source: Dialect, target: Dialect) -> str | None:
    """The text in the target's dialect; None when there is nothing in it. Between equal dialects: the text itself.

    What the target has no word for is carried as Markdown in a code block; in plain text it is shown as ``⟦…⟧`` or left
    out: who writes the answer somewhere compares the ``canonical`` forms first, as the lens does.
    """
    if text is None or source == target:
        return text
    return rendered(parse(text, source), target)[0] or None


def canonical(text: str | None, dialect: Dialect) -> str:
    """The normal form of a text: equal for two texts, of any dialects, that say the same. "" for nothing."""
    document = parse(text or "", dialect)
    return repr(document.blocks) if document.blocks else ""


def for_people(text: str) -> str:
    """A text for lists and messages: an ADF document as the words in it, anything else as it is."""
    if not (text.startswith("{") and '"type":"doc"' in text):
        return text
    return convert(text, "adf", "plain") or ""
