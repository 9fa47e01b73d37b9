"""How much of the corpus one dialect carries of another: the figures that the tests pin and ``benchmarks.text`` prints."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from text_corpus import SAMPLES

from mappings.text.convert import convert, parse, render, rendered
from mappings.text.document import Dialect, Document


@dataclass(frozen=True)
class Fidelity:
    """``carried``: come back as they were. ``as_they_are``: of these, the ones without a part in a code block of Markdown."""

    documents: int
    carried: int
    as_they_are: int


@cache
def corpus(dialect: Dialect) -> tuple[str, ...]:
    """The whole corpus in one dialect: its own documents as they were written, the others as Bridge writes them there."""
    found = [
        sample.text if sample.dialect == dialect else convert(sample.text, sample.dialect, dialect)
        for sample in SAMPLES
    ]
    return tuple(text for text in dict.fromkeys(found) if text)


@cache
def fidelity(source: Dialect, target: Dialect) -> Fidelity:
    found = [_carried(parse(text, source), target) for text in corpus(source)]
    return Fidelity(len(found), sum(map(any, found)), sum(whole for whole, _ in found))


@cache
def _carried(document: Document, target: Dialect) -> tuple[bool, bool]:
    """Whether a dialect carries a document as it is; and whether with parts as Markdown."""
    whole = parse(render(document, target), target) == document
    return whole, not whole and rendered(document, target)[1] == document
