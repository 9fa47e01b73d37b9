"""There and back: what a writer writes, its reader reads as the same tree; and the lens' guard lets nothing else through."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from text_trees import adf_documents, documents, plain_documents, texts, wiki_documents

from mappings.lenses import UnmappedError
from mappings.text.convert import READERS, WRITERS, canonical, convert
from mappings.text.document import CodeBlock, Document, Item, Listing, Quote
from mappings.text.lens import Text
from mappings.text.normal import normal_document

SLOW = settings(deadline=None, max_examples=60, suppress_health_check=list(HealthCheck), derandomize=True)
FEW = settings(SLOW, max_examples=20)
DIALECTS = sorted(READERS)


@SLOW
@given(documents)
def test_the_normal_form_of_a_normal_form_is_itself(document: Document):
    assert normal_document(document.blocks) == document


@pytest.mark.parametrize("text", ["\n    \n*", "  \n\n\t", "a\n      \nb"])
def test_markdown_keeps_lines_of_spaces_in_code_in_an_item_and_in_a_quote(text: str):
    code = CodeBlock(text)
    for block in (Listing((Item((code,)),)), Quote((code,))):
        document = normal_document((block,))
        assert READERS["markdown"](WRITERS["markdown"](document)) == document


@SLOW
@given(documents)
def test_markdown_holds_every_tree(document: Document):
    text = WRITERS["markdown"](document)

    assert document == READERS["markdown"](text), text


@SLOW
@given(documents)
def test_html_holds_every_tree(document: Document):
    text = WRITERS["html"](document)

    assert document == READERS["html"](text), text


@SLOW
@given(adf_documents)
def test_adf_holds_what_its_schema_has_a_place_for(document: Document):
    text = WRITERS["adf"](document)

    assert document == READERS["adf"](text), text


@SLOW
@given(wiki_documents)
def test_wiki_markup_holds_what_it_has_words_for(document: Document):
    text = WRITERS["wiki"](document)

    assert document == READERS["wiki"](text), text


@SLOW
@given(plain_documents)
def test_plain_text_comes_back_from_every_dialect(document: Document):
    text = WRITERS["plain"](document)

    for dialect in DIALECTS:
        there = convert(text, "plain", dialect)
        assert canonical(there, dialect) == canonical(text, "plain"), there


@pytest.mark.parametrize("source", DIALECTS)
@FEW
@given(st.data())
def test_what_the_lens_carries_agrees_on_both_sides(source: str, data):
    text = WRITERS[source](data.draw(documents))
    for target in DIALECTS:
        lens = Text(source, target)
        try:
            there = lens.to_right(text)
        except UnmappedError:
            continue
        assert lens.agree(text, there)
        back = lens.to_left(there)
        assert canonical(back, source) == canonical(text, source)
        assert lens.to_right(back) == there


@pytest.mark.parametrize("source", DIALECTS)
@SLOW
@given(st.one_of(st.text(max_size=60), texts, st.lists(texts, max_size=6).map("\n".join)))
def test_no_text_makes_a_reader_raise_and_a_second_conversion_changes_nothing(source: str, text: str):
    for target in DIALECTS:
        there = convert(text, source, target)
        back = convert(there, target, source)
        again = convert(back, source, target)
        if canonical(there, target) == canonical(text, source):
            assert there == again
