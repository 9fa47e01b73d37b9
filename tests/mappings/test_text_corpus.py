"""Single facts about texts: what is the same, what is said about what cannot be carried, what is never passed on."""

import json

import pytest

from mappings.lenses import UnmappedError
from mappings.text.convert import WRITERS, canonical, convert, parse
from mappings.text.lens import Text


def same(text, source, other, target):
    return canonical(text, source) == canonical(other, target)


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


def test_only_the_part_without_words_is_carried_as_markdown():
    there = convert("- one\n\n  > said\n\n- two", "markdown", "adf")

    (items,) = json.loads(there)["content"]
    one, two = items["content"]
    assert [node["type"] for node in one["content"]] == ["paragraph", "codeBlock"]
    assert one["content"][1]["content"] == [{"text": "> said", "type": "text"}]
    assert two["content"][0]["content"] == [{"text": "two", "type": "text"}]
    assert convert(there, "adf", "markdown") == "- one\n\n  > said\n\n- two"


def test_markdown_that_was_carried_may_be_edited_where_it_stands():
    there = convert("# Run\n\n| a | b |\n| --- | --: |\n| x | 1 |", "markdown", "wiki")
    assert there == "h1. Run\n\n{code:title=raw-markdown}\n| a | b |\n| --- | --: |\n| x | 1 |\n{code}"

    back = convert(there.replace("| x | 1 |", "| x | 1 |\n| y | 2 |"), "wiki", "markdown")
    assert back == "# Run\n\n| a | b |\n| --- | --: |\n| x | 1 |\n| y | 2 |"


def test_code_in_an_item_of_textile_is_no_end_of_the_list():
    there = convert("1. Run\n\n   ```sh\n   make\n   ```\n\n2. End", "markdown", "textile")

    assert there.startswith('<pre><code class="raw-markdown">')
    assert same(there, "textile", "1. Run\n\n   ```sh\n   make\n   ```\n\n2. End", "markdown")


def test_emphasis_in_emphasis_goes_on_after_the_inner_one():
    assert same("*(*a*) b*", "markdown", "<em>(a) b</em>", "html")


def test_what_is_no_element_of_html_is_text():
    assert convert("List<String> names", "markdown", "html") == "<p>List&lt;String&gt; names</p>"
    assert same("List<String> names", "markdown", "List<String> names", "plain")


def test_an_empty_line_in_a_paragraph_parts_it():
    assert same("one<br><br>two", "html", "one\n\ntwo", "markdown")
    assert same("* one\n\\\\\ntwo", "wiki", "- one\n\n  two", "markdown")


def test_styles_of_rich_editors_are_styles():
    html = '<p><span style="text-decoration: underline; color: rgb(255, 0, 16);">a</span></p>'

    assert same(html, "html", '<ins><span style="color: #ff0010">a</span></ins>', "markdown")


def test_wiki_markup_names_languages_that_jira_does_not_colour_as_titles():
    assert convert("```rust\nx\n```", "markdown", "wiki") == "{code:title=rust}\nx\n{code}"
    assert convert("{code:title=rust}\nx\n{code}", "wiki", "markdown") == "```rust\nx\n```"
    assert convert("```java\nx\n```", "markdown", "wiki") == "{code:java}\nx\n{code}"


def test_signs_at_the_beginning_of_a_line_make_no_list():
    for text in ("####### seven", "\\## two"):
        for dialect in ("wiki", "textile"):
            assert same(text, "markdown", convert(text, "markdown", dialect), dialect)


def test_what_is_centred_stands_so_where_the_schema_of_adf_lets_it_and_plainly_elsewhere():
    centred = '<p style="text-align: center">a</p>'
    there = json.loads(WRITERS["adf"](parse(f"{centred}<blockquote>{centred}</blockquote>", "html")))

    first, quote = there["content"]
    assert first["marks"] == [{"type": "alignment", "attrs": {"align": "center"}}]
    assert "marks" not in quote["content"][0]


def test_a_node_that_somebody_broke_in_its_code_block_is_shown_and_raises_nothing():
    for node in ('{"type":"paragraph","marks":[{}, 1]}', '{"type":"table","content":[{"content":3}]}', '{"type":[]}'):
        for text in (f"```raw-adf\n{node}\n```", f"> ```raw-adf\n> {node}\n> ```"):
            assert json.loads(convert(text, "markdown", "adf"))["type"] == "doc"


def test_an_empty_last_item_is_one_without_the_space_that_trackers_cut_off():
    for dialect in ("wiki", "textile"):
        there = convert("text\n\n- a\n  -", "markdown", dialect)
        assert same(there.rstrip(), dialect, there, dialect)
        assert same("*", dialect, "-", "markdown")
        assert not same("**", dialect, "-", "markdown")


def test_an_item_of_adf_begins_with_a_paragraph_as_jira_asks():
    there = convert("- - a\n", "markdown", "adf")

    (outer,) = json.loads(there)["content"]
    assert [node["type"] for node in outer["content"][0]["content"]] == ["paragraph", "bulletList"]
    assert same(there, "adf", "- - a\n", "markdown")
