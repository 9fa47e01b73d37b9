"""The corpus through every dialect, and ADF before the schema its vendor publishes."""

import json

import pytest
from text_corpus import CORPUS

from mappings.lenses import UnmappedError
from mappings.text.convert import READERS, canonical, convert
from mappings.text.lens import Text

OTHERS = sorted(set(READERS) - {"markdown"})


def test_the_corpus_is_of_some_size():
    assert len(set(CORPUS)) == len(CORPUS) >= 60


@pytest.mark.parametrize("target", OTHERS)
def test_every_text_of_the_corpus_comes_back_or_is_held(target):
    lens = Text("markdown", target)
    for text in CORPUS:
        try:
            there = lens.to_right(text)
        except UnmappedError as held:
            assert held.message, text  # noqa: PT017 — either way is fine, silence is not
            continue
        back = convert(there, target, "markdown")
        assert canonical(text, "markdown") == canonical(back, "markdown"), text
        assert there == convert(back, "markdown", target), text


@pytest.mark.parametrize(
    ("target", "at_least"), [("html", 59), ("adf", 55), ("wiki", 48), ("textile", 42), ("plain", 10)]
)
def test_most_of_the_corpus_can_be_carried(target, at_least):
    assert at_least <= sum(is_carried(text, target) for text in CORPUS)


def is_carried(text, target):
    return canonical(text, "markdown") == canonical(convert(text, "markdown", target), target)


@pytest.mark.parametrize("text", CORPUS)
def test_a_second_writing_of_markdown_changes_nothing(text):
    once = convert(convert(text, "markdown", "html"), "html", "markdown")

    assert once == convert(convert(once, "markdown", "html"), "html", "markdown")


def test_an_empty_document_is_none_and_agrees_with_none():
    empty = '{"content":[],"type":"doc","version":1}'

    assert convert("  \n", "markdown", "adf") is None
    assert convert(None, "adf", "markdown") is None
    assert Text("markdown", "adf").agree(None, empty)


def test_signs_in_plain_text_stay_signs():
    assert convert("a*b_c", "plain", "markdown") == "a\\*b_c"
    assert convert("# 1. <b> & [x](y)", "plain", "html") == "<p># 1. &lt;b&gt; &amp; [x](y)</p>"


def test_scripts_are_not_passed_on_as_html():
    for text in (
        "<script>alert(1)</script>",
        "<img src=x onerror=alert(1)>",
        "[x](javascript:alert(1))",
        "<iframe src=x>",
    ):
        there = convert(text, "markdown", "html")

        assert "<script" not in there
        assert "onerror" not in there or "<img" not in there.partition("onerror")[0].rpartition("&lt;")[2]
        assert 'href="javascript' not in there
        assert "<iframe" not in there


def test_what_only_adf_knows_comes_back_from_markdown():
    node = {"type": "extension", "attrs": {"extensionKey": "k", "extensionType": "t"}}
    adf = json.dumps({"content": [node], "type": "doc", "version": 1}, sort_keys=True, separators=(",", ":"))
    there = Text("adf", "markdown").to_right(adf)

    assert "raw-adf" in there
    assert adf == convert(there, "markdown", "adf")


def test_what_would_be_lost_is_said():
    with pytest.raises(UnmappedError, match="strong text") as held:
        Text("markdown", "plain").to_right("**bold**")

    assert held.value.reason == "lossy"


def test_adf_is_valid_before_its_schema(contract_dir):
    schema = json.loads((contract_dir / "specs" / "adf.json").read_text(encoding="utf-8"))
    jsonschema = pytest.importorskip("jsonschema")
    judge = jsonschema.Draft4Validator(schema)
    for text in CORPUS:
        document = json.loads(convert(text, "markdown", "adf"))
        assert not [error.message for error in judge.iter_errors(document)], text
