"""The laws of text, for every ordered pair of dialects: over the corpus, in each dialect, and the examples of CommonMark and GFM.

What the guard of the lens lets through agrees on both sides, comes back as it was, and a second conversion changes nothing;
what it does not let through is refused with the name of what would be lost.
"""

import json
import re
from collections import Counter
from pathlib import Path

import jsonschema_rs
import pytest
from fidelity import corpus, fidelity
from hypothesis import HealthCheck, given, settings
from spec_examples import examples
from text_corpus import SAMPLES
from text_trees import odd_documents

from mappings.lenses import UnmappedError
from mappings.text.convert import READERS, canonical, convert, render, rendered
from mappings.text.lens import Text

DIALECTS = sorted(READERS)


def obeys(lens, text):
    """Whether the lens carries a text; fails when it carries it against the law, or refuses it without a word."""
    try:
        there = lens.to_right(text)
    except UnmappedError as held:
        assert held.reason == "lossy"  # noqa: PT017 — the law has two branches
        assert re.search(r"lost would be: \w", held.message), text  # noqa: PT017
        return False
    assert lens.agree(text, there), text
    back = lens.to_left(there)
    assert canonical(text, lens.left_dialect) == canonical(back, lens.left_dialect), text
    assert there == lens.to_right(back), text
    return True


def test_the_corpus_is_of_some_size_and_every_document_is_another():
    assert len({sample.text for sample in SAMPLES}) == len({sample.name for sample in SAMPLES}) == len(SAMPLES)
    assert len(SAMPLES) >= 240


@pytest.mark.parametrize("left", DIALECTS)
def test_the_corpus_obeys_the_laws_of_the_lens(left):
    """All documents written in the dialect, and every third of the others as Bridge writes them there; to each dialect."""
    own = {sample.text for sample in SAMPLES if sample.dialect == left}
    lenses = [Text(left, right) for right in DIALECTS]
    carried = 0

    for at, text in enumerate(corpus(left)):
        if text in own or at % 3 == 0:
            carried += sum([obeys(lens, text) for lens in lenses])
    assert carried


def test_the_examples_of_commonmark_and_gfm_obey_the_laws_and_all_are_carried():
    found = examples()
    lenses = [Text("markdown", target) for target in DIALECTS]
    assert sum(each.name.startswith("commonmark") for each in found) == 652
    assert sum(each.name.startswith("gfm") for each in found) >= 90

    carried = Counter(lens.right_dialect for each in found for lens in lenses if obeys(lens, each.markdown))
    plain = carried.pop("plain")
    assert carried == dict.fromkeys(sorted({*DIALECTS} - {"plain"}), len(found))
    assert plain >= 185


def test_the_examples_of_commonmark_mean_what_their_html_says():
    """But for the newline, which is a break to us as to GitHub, for percent signs in addresses, and for unsafe HTML."""
    told = [each for each in examples() if words(each.markdown, "markdown") == words(each.html, "html")]

    assert len(told) >= 675


def words(text, dialect):
    """The tree without breaks and without what the specification's renderer encodes."""
    tree = canonical(text, dialect).replace("Break(marks=())", "Text(text=' ', marks=())")
    return re.sub(r"\W+", "", re.sub(r"Text\(text=|marks=\(\)|\b(?:content|blocks|rows|align|dialect)=", "", tree))


AT_LEAST = {"adf": 92, "html": 98, "markdown": 98, "plain": 15, "textile": 78, "wiki": 85}
"""Percent of the corpus that goes from any dialect to this one without a part in a code block of Markdown."""

PAGE = Path(__file__).parents[2] / "docs" / "mappings.md"


def stated(target):
    """What the documentation says of a dialect: for each other one its documents, those carried, those as they are."""
    section = PAGE.read_text(encoding="utf-8").partition("### What a dialect carries")[2].partition("###")[0]
    rows = [
        [cell.strip().lower() for cell in line.strip("|").split("|")] for line in section.splitlines() if "|" in line
    ]
    column = next(at for at, name in enumerate(rows[0]) if name == f"to {target}")
    return {
        row[0].split(",")[0]: tuple(int(number) for number in re.findall(r"\d+", f"{row[0]} {row[column]}"))
        for row in rows[2:]
        if row[column]
    }


@pytest.mark.parametrize("target", DIALECTS)
def test_a_dialect_carries_of_the_corpus_what_the_documentation_says(target):
    """Figures that change say that something is lost, or no longer: ``python -m benchmarks.text`` prints the table anew."""
    found = {source: fidelity(source, target) for source in DIALECTS if source != target}

    assert stated(target) == {
        source: (each.documents, each.carried, each.as_they_are) for source, each in found.items()
    }
    assert all(100 * each.as_they_are >= AT_LEAST[target] * each.documents for each in found.values())


@pytest.fixture(scope="module")
def judge(contract_dir):
    """Says what of an ADF document is not valid before the schema that its vendor publishes."""
    schema = json.loads((contract_dir / "specs" / "adf.json").read_text(encoding="utf-8"))
    return jsonschema_rs.Draft4Validator(schema)


def faults(judge, text):
    return [error.message for error in judge.iter_errors(json.loads(text))]


def test_the_corpus_in_adf_is_valid_before_its_vendors_schema(judge):
    assert [(text, found) for text in corpus("adf") if (found := faults(judge, text))] == []


def test_the_examples_in_adf_are_valid_before_its_vendors_schema(judge):
    made = [convert(each.markdown, "markdown", "adf") for each in examples()]

    assert [(text, found) for text in made if text and (found := faults(judge, text))] == []


@settings(deadline=None, max_examples=150, suppress_health_check=list(HealthCheck), derandomize=True)
@given(document=odd_documents)
def test_any_tree_in_adf_is_valid_before_its_vendors_schema(judge, document):
    for text in (render(document, "adf"), rendered(document, "adf")[0]):
        assert not text or faults(judge, text) == []
