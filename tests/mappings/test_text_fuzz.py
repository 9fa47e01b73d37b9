"""Anything may stand in a text: no reader and no writer raises, loops, or takes much longer than the text is longer."""

import cProfile
import json
import time

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from text_adf import DOCUMENTS
from text_trees import PIECES

from mappings.text.convert import READERS, WRITERS, canonical, convert, parse, render

FUZZ = settings(deadline=None, max_examples=100, suppress_health_check=list(HealthCheck), derandomize=True)
DIALECTS = sorted(READERS)
SIGNS = (
    "{{a|%{a|<code>|{code}|{quote}\n|{panel:title=Note}\n|{color:#ff0000}|{*}|{noformat}|* a\n|** a\n|- a\n|> |<b>|<ul><li>"
    '|<div>|<table><tr><td>|<a href="x">|<!--|<![|<![CDATA[|<?|&#1|<pre>\n|<details>\n\n|</details>\n\n|![|[](|[a](|[a]: x\n'
    '|```|~~~|***a|<a b="|\\|http://a |mailto:|@a@|!http://a!|h1. a\n|bq. a\n|p=. a\n|==|??|1) a\n|\t|\n\n|----\n|\x00'
    '|\ud800|\ue000|[~a]|[^a]|<span style="|<script>|<svg>|\xff|"a":b |-a- |raw-adf:%7B|```raw-adf\n{"type":[]}\n```\n'
)
FRAGMENTS = [*PIECES, *SIGNS.split("|"), "|", "||", "|a", "|a|\n", "a | b\n--|--\n", "|_. a|\n", "|\\2. a|\n", "[a|"]
hostile = st.one_of(
    st.text(max_size=200),
    st.binary(max_size=200).map(lambda data: data.decode("utf-8", "surrogateescape")),
    st.lists(st.sampled_from(FRAGMENTS), max_size=40).map("".join),
    st.tuples(st.lists(st.sampled_from(FRAGMENTS), min_size=1, max_size=3).map("".join), st.integers(1, 80)).map(
        lambda found: found[0] * found[1]
    ),
)


def carried_everywhere(text, source):
    """Converts a text to every dialect, and reads each answer; what a tracker is sent must be Unicode."""
    for target in DIALECTS:
        there = convert(text, source, target)
        canonical(there, target)
        if there and target != source:
            there.encode()


@pytest.mark.parametrize("source", DIALECTS)
@FUZZ
@given(hostile)
def test_no_characters_make_a_reader_or_a_writer_raise(source, text):
    carried_everywhere(text, source)


KINDS = [
    *("paragraph", "text", "heading", "bulletList", "orderedList", "listItem", "taskList", "taskItem", "blockTaskItem"),
    *("panel", "table", "tableRow", "tableCell", "tableHeader", "codeBlock", "rule", "blockquote", "expand", "x", ""),
    *("mediaSingle", "media", "mention", "emoji", "status", "date", "inlineCard", "blockCard", "hardBreak", "doc"),
]
NAMES = [
    *("level", "order", "url", "href", "language", "panelType", "timestamp", "id", "text", "title", "state", "align"),
    *("colspan", "color", "alt", "data", "localId", "layout"),
]
odd_values = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.sampled_from(["", "\ud800", "DONE", "info", "1" * 14]),
    st.text(),
)
odd_values = st.one_of(
    odd_values, st.lists(odd_values, max_size=2), st.dictionaries(st.sampled_from(NAMES), odd_values)
)
marks = st.fixed_dictionaries(
    {"type": st.one_of(st.sampled_from(["link", "strong", "subsup", "textColor", "alignment"]), odd_values)},
    optional={"attrs": st.one_of(st.dictionaries(st.sampled_from(["href", "type", *NAMES]), odd_values), odd_values)},
)


def nodes(children):
    return st.fixed_dictionaries(
        {"type": st.one_of(st.sampled_from(KINDS), st.sampled_from(KINDS), odd_values)},
        optional={
            "content": st.one_of(st.lists(children, max_size=3), odd_values),
            "attrs": st.one_of(st.dictionaries(st.sampled_from(NAMES), odd_values, max_size=3), odd_values),
            "marks": st.one_of(st.lists(st.one_of(marks, odd_values), max_size=2), odd_values),
            "text": st.one_of(st.text(max_size=5), odd_values),
        },
    )


trees = st.recursive(st.one_of(odd_values, nodes(st.none())), nodes, max_leaves=12)
adf = st.one_of(
    st.lists(trees, max_size=3).map(lambda content: {"type": "doc", "version": 1, "content": content}), trees
).map(json.dumps)


@settings(FUZZ, max_examples=120)
@given(adf)
def test_no_json_makes_the_reader_of_adf_or_a_writer_raise(text):
    carried_everywhere(text, "adf")


@settings(FUZZ, max_examples=150)
@given(st.sampled_from(sorted(DOCUMENTS.values())), st.integers(0, 10_000), odd_values)
def test_a_document_in_which_one_value_is_another_makes_no_reader_raise(text, at, value):
    """The value that stands at a place of the tree is replaced."""
    tree = json.loads(text)
    places = list(_places(tree))
    holder, key = places[at % len(places)]
    holder[key] = value

    carried_everywhere(json.dumps(tree), "adf")


def _places(tree):
    for key, value in enumerate(tree) if isinstance(tree, list) else list(tree.items()):
        yield tree, key
        if isinstance(value, list | dict):
            yield from _places(value)


DEEP = {
    "markdown": ["> ", "- ", "* a\n", "1. ", "<div>\n\n", "<details>\n\n", "[", "![", "**a ", "<b>", "> - "],
    "html": ["<blockquote>", "<ul><li>", "<div>", "<table><tr><td>", "<b>", "<details>", "<x>", "<p><span>"],
    "wiki": ["{quote}", "{panel:title=Note}\n", "{quote}\n", "*a ", "{*}", "[", "{{", "#", "||"],
    "textile": ["> ", ">", "*a ", "<pre>", '"', "|", "bq. "],
    "plain": ["> ", "  ", "- "],
}


STAIRS = {
    "markdown": "\n".join("  " * level + "- a" for level in range(250)),
    "wiki": "\n".join("*" * level + " a" for level in range(1, 1000, 100)),
    "textile": "\n".join("#" * level + " a" for level in range(1, 1000, 100)),
}


@pytest.mark.parametrize("dialect", sorted(DEEP))
def test_a_thousand_levels_of_nesting_are_read_and_written(dialect):
    for sign in DEEP[dialect]:
        document = parse(sign * 1000 + "a", dialect)
        for target in DIALECTS:
            assert parse(render(document, target), target).blocks, (sign, target)
        carried_everywhere(sign * 25 + "a", dialect)
    carried_everywhere(STAIRS.get(dialect, ""), dialect)


@pytest.mark.parametrize("kind", ["blockquote", "panel", "bulletList", "taskList", "table", "expand", "x"])
@pytest.mark.parametrize("levels", [30, 300, 1000])
def test_a_thousand_levels_of_adf_are_read_and_written_and_keep_their_words(kind, levels):
    inner = f'{{"type":"{kind}","content":['
    text = f'{{"type":"doc","version":1,"content":[{inner * levels}{{"type":"text","text":"deep"}}{"]}" * levels}]}}'
    carried_everywhere(text, "adf")

    assert "deep" in convert(text, "adf", "markdown")


WORK = {
    "markdown": {
        "everything": "## A *title*\n\n- one\n  - [x] two `code`\n\n| a | b |\n| - | - |\n| 1 | **2** |\n\n> said\n\n```\nx\n```\n\n",
        "emphasis": "*a **b _c ",
        "brackets": "[a](b [" * 3,
        "folds": "<details>\n\na\n\n</details>\n\n",
        "tags": "<b>a<i> ",
    },
    "html": {
        "everything": "<h2>A</h2><ul><li>one<li><b>two</b></ul><table><tr><td>1<td>2</table><pre>x</pre>",
        "open": "<b>a<i>" * 3,
        "paragraphs": "<p>a",
    },
    "wiki": {
        "everything": "h2. A\n* one\n** two {{code}}\n||a||b||\n|1|*2*|\n\n{quote}said{quote}\n{code}\nx\n{code}\n",
        "open macros": "{quote}a\n{code:x}\n",
        "signs": "*a _b {{c [d",
    },
    "textile": {
        "everything": "h2. A\n\n* one\n** two @code@\n\n|_. a|b|\n|1|*2*|\n\nbq. said\n\n<pre>x</pre>\n\n",
        "signs": '*a _b @c "d":',
    },
    "plain": {"everything": "some words\n  and more\n\n"},
}


def calls(dialect, text):
    """How many functions reading a text and writing it again call."""
    profile = cProfile.Profile()
    profile.runcall(lambda: WRITERS[dialect](READERS[dialect](text)))
    return sum(entry.callcount for entry in profile.getstats())


@pytest.mark.parametrize("dialect", sorted(WORK))
def test_reading_and_writing_a_text_ten_times_as_long_is_about_ten_times_the_work(dialect):
    for name, text in WORK[dialect].items():
        few, many = (calls(dialect, text * times) for times in (30, 300))
        assert many <= 12 * few, (name, few, many)


def test_documents_of_adf_ten_times_as_long_are_about_ten_times_the_work():
    for name, text in DOCUMENTS.items():
        content = json.loads(text)["content"]
        few, many = (calls("adf", json.dumps({"type": "doc", "content": content * times})) for times in (5, 50))
        assert many <= 12 * few, (name, few, many)


SEARCHED = {
    "markdown": ["<a ", "[a](", "`", "<!--"],
    "html": ["<a ", "<!--", "<![", "&#"],
    "wiki": ["{{a}", "{quote}\n", "[a|", "!http://a|"],
    "textile": ["<code>", "%{a", "{{a", '"a(', "@a", "<pre>\n"],
}


@pytest.mark.parametrize("dialect", sorted(SEARCHED))
def test_signs_that_nothing_closes_are_not_searched_for_again_and_again(dialect):
    """Regular expressions are no calls, so this is timed: eight times the text in far less than sixty-four times the CPU."""
    for sign in SEARCHED[dialect]:
        short, long = (cpu_s(sign * (size // len(sign)), dialect) for size in (4_000, 32_000))
        assert long <= 30 * max(short, 0.01), (sign, short, long)


def cpu_s(text, dialect):
    """Of the better of two readings."""
    return min(_once_s(text, dialect) for _ in range(2))


def _once_s(text, dialect):
    begun = time.process_time()
    READERS[dialect](text)
    return time.process_time() - begun
