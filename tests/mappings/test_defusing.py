"""What would notify or cross-link on the other side is made inert there, looks the same, and comes back as it was."""

from __future__ import annotations

import json
from time import process_time

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bridge.model import Dialect
from mappings.text.convert import canonical, convert, parse, render
from mappings.text.defuse import ZERO, alive, defused, restored
from mappings.text.document import Document
from tests.mappings.text_trees import documents

GITHUB = frozenset({"mention", "number", "gh", "address"})
REDMINE = frozenset({"mention", "mention-in-code", "number", "revision", "resource", "macro", "page"})
LIVE: dict[Dialect, frozenset[str]] = {
    "markdown": GITHUB,
    "textile": REDMINE,
    "html": frozenset({"mention", "number"}),
    "wiki": frozenset({"profile"}),
    "plain": frozenset({"mention", "number"}),
}

PIECES = (
    "@", "#", "12", "ada", "GH-", "GH-7", " ", "\n", "\n\n", "    ", "`", "```\n", "~~~\n", "> ", "- ", ZERO, ZERO * 2, "[", "]", "(", ")",
    "https://github.com/o/r/issues/1", "https://redirect.github.com/o/r/pull/2", "https://Redirect.github.com/o/r/issues/3",
    "http://x.y/@bob#12", "&#64;", "&#35;", "&amp;", "<b>", "<code>", "</code>", "<pre>", "</pre>", "{", "{code}", "{{", "[~", "r", ":",
    "commit:", "\\", "é", "_", "-", ".", ",", "*", "a@b.c", "\r\n",
    "https://www.github.com/o/r/issues/1", "HTTP://wWw.GitHub.com/o/r/pull/2", "https://redirect.github.com:443/o/r/issues/3", "请",
    "&#x40;", "&#064;", "&#X23;", "_@ada_", "&#97;", "{code:java}", "{noformat}", "}}", "``", "</pre >", "<Code>",
)  # fmt: skip
TEXTS = st.lists(st.sampled_from(PIECES), max_size=14).map("".join)


@pytest.mark.parametrize("dialect", LIVE)
@settings(max_examples=200)
@given(text=TEXTS)
def test_what_was_defused_comes_back_as_it_was_whatever_it_held(dialect: Dialect, text: str) -> None:
    made = defused(text, dialect, LIVE[dialect])

    assert restored(made, dialect, LIVE[dialect]) == text


@pytest.mark.parametrize("dialect", LIVE)
@settings(max_examples=100)
@given(text=TEXTS)
def test_nothing_is_live_in_what_was_defused(dialect: Dialect, text: str) -> None:
    assert alive(defused(text, dialect, LIVE[dialect]), dialect, LIVE[dialect]) == frozenset()


@settings(max_examples=150)
@given(text=TEXTS)
def test_redmine_markdown_comes_back_as_it_was(text: str) -> None:
    assert restored(defused(text, "markdown", REDMINE), "markdown", REDMINE) == text


@pytest.mark.parametrize("dialect", ["markdown", "html", "wiki"])
@settings(max_examples=20, suppress_health_check=[HealthCheck.too_slow])
@given(document=documents)
def test_a_defused_text_says_the_same_but_for_signs_that_nobody_sees(dialect: Dialect, document: Document) -> None:
    text = render(document, dialect)
    shown = repr(parse(defused(text, dialect, LIVE[dialect]), dialect)).replace(repr(ZERO)[1:-1], "")

    for letters in ("redirect.", "Redirect."):
        shown = shown.replace(letters, "")
    assert shown == repr(parse(text, dialect)).replace(repr(ZERO)[1:-1], "").replace("redirect.", "")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("ping @ada", "ping @_ada"),
        ("(@acme/team)", "(@_acme/team)"),
        ("see #12, GH-3 and o/r#4", "see #_12, GH-_3 and o/r#_4"),
        ("fixes https://github.com/o/r/issues/1.", "fixes https://redirect.github.com/o/r/issues/1."),
        ("[one](https://github.com/o/r/pull/1)", "[one](https://redirect.github.com/o/r/pull/1)"),
        (
            '<a href="https://github.com/o/r/issues/1">x</a>',
            '<a href="https://redirect.github.com/o/r/issues/1">x</a>',
        ),
        ("&#64;ada &commat;ada &#35;12", "&#64;_ada &commat;_ada &#35;_12"),
        ("mail a@b.c, C# and # 12, #12ab34", "mail a@b.c, C# and # 12, #12ab34"),
        ("https://medium.com/@ada#12 [x](#12)", "https://medium.com/@ada#12 [x](#12)"),
        ("https://github.com/o/r/commit/0a1b2c3 at 0a1b2c3", "https://github.com/o/r/commit/0a1b2c3 at 0a1b2c3"),
        ("`@ada` ``#12 ` x``", "`@ada` ``#12 ` x``"),
        ("```\n@ada #12\n```\n@bob", "```\n@ada #12\n```\n@_bob"),
        ("- x\n\n  ~~~\n  @ada\n  ~~~\n\n@bob", "- x\n\n  ~~~\n  @ada\n  ~~~\n\n@_bob"),
        ("text:\n\n    @ada #12\n\n@bob", "text:\n\n    @ada #12\n\n@_bob"),
        ("<pre>@ada</pre> @bob", "<pre>@ada</pre> @_bob"),
        ("one ` two @ada", "one ` two @_ada"),
        ("请@ada看看，见GH-1，修复#1看", "请@_ada看看，见GH-_1，修复#_1看"),
        ("*@ada* ~~#1~~ é@ada @&#97;da", "*@_ada* ~~#_1~~ é@_ada @_&#97;da"),
        ("&#x40;ada &#X40;ada &#064;ada &#x23;1", "&#x40;_ada &#X40;_ada &#064;_ada &#x23;_1"),
        ("HTTPS://GitHub.com/o/r/pull/1", "HTTPS://redirect.GitHub.com/o/r/pull/1"),
        ("https://www.github.com/o/r/issues/1", "https://redirect.github.com:443/o/r/issues/1"),
        ("http://Www.github.com/o/r/issues/1", "http://redirect.github.com:000080/o/r/issues/1"),
    ],
)
def test_on_github_mentions_and_references_outside_code_are_inert(text: str, expected: str) -> None:
    assert defused(text, "markdown", GITHUB).replace(ZERO, "_") == expected


def test_on_redmine_a_mention_inside_a_line_of_code_is_inert_too_and_a_fence_is_left_alone() -> None:
    text = "`@ada` r12 commit:abc {{toc}} [[Start]] document#3\n\n```\n@ada {{toc}}\n```"

    assert defused(text, "markdown", REDMINE).replace(ZERO, "_") == (
        "`@_ada` r_12 commit:_abc {_{toc}} [_[Start]] document#_3\n\n```\n@ada {{toc}}\n```"
    )


def test_signs_that_are_there_already_are_counted() -> None:
    for text in (f"@{ZERO}ada", f"@{ZERO}{ZERO}ada", "https://redirect.github.com/o/r/issues/1"):
        made = defused(text, "markdown", GITHUB)

        assert made != text
        assert made.lower().startswith(("@", "https://redirect.github.com/o/r/issues/1"))
        assert restored(made, "markdown", GITHUB) == text


def test_what_somebody_mentions_on_the_mirror_stays_when_the_text_is_read_and_when_it_is_written_anew() -> None:
    held = f"@{ZERO}ada asks, @bob and #3 answer"

    assert restored(held, "markdown", GITHUB) == "@ada asks, @bob and #3 answer"
    assert alive(held, "markdown", GITHUB) == {"@bob", "#3"}
    kept = alive(held, "markdown", GITHUB)
    assert defused("@ada, @bob, o/r#3 and #3", "markdown", GITHUB, kept) == f"@{ZERO}ada, @bob, o/r#{ZERO}3 and #3"


def mention(person: str, words: str) -> dict[str, object]:
    return {"type": "mention", "attrs": {"id": person, "text": words}}


def body_of(*nodes: dict[str, object]) -> str:
    body = {"type": "doc", "version": 1, "content": [{"type": "paragraph", "content": list(nodes)}]}
    return json.dumps(body, sort_keys=True, separators=(",", ":"))


def test_a_mention_of_jira_cloud_becomes_its_words_and_is_a_mention_again() -> None:
    live = frozenset({"mention"})
    text = body_of(mention("5b10", "@Ada"), {"type": "text", "text": " @ada #12"})

    made = defused(text, "adf", live)

    assert '"type":"mention"' not in made
    assert "@Ada" in made
    assert restored(made, "adf", live) == text
    assert restored(defused(made, "adf", live), "adf", live) == made
    assert defused(text, "adf", live, frozenset({"5b10"})) == text
    assert alive(text, "adf", live) == {"5b10"}
    assert canonical(restored(made, "adf", live), "adf") == canonical(text, "adf")


def test_a_name_is_known_again_however_it_is_emphasised_or_spelled() -> None:
    held = "_@ada_ 请@bob看 &#x40;eve __#1__"

    assert alive(held, "markdown", GITHUB) == {"@ada", "@bob", "@eve", "#1"}
    text = "*@ada* @bob @eve **#1**"
    assert defused(text, "markdown", GITHUB, alive(held, "markdown", GITHUB)) == text


def test_emphasis_with_underscores_hides_nothing() -> None:
    assert defused("_@ada_ __#1__", "markdown", GITHUB) == f"_@{ZERO}ada_ __#{ZERO}1__"


UNCLOSED = (
    "<code>", "<pre>", "<code", "{code:", "{code:a}", "{noformat:a}", "{{", "{{a\n", "`", "``a`b", "\\`a", "`a\n\n", "](", "](    ",
    "[~", "@a", "@", "#1a", "&#", "&#0", "https://", "https://(", "https://github.com/", "https://github.com/a", "<a ", "</pre",
)  # fmt: skip


@pytest.mark.parametrize("dialect", LIVE)
def test_code_that_nothing_closes_is_not_searched_for_again_and_again(dialect: Dialect) -> None:
    """Regular expressions are no calls, so this is timed: eight times the text in far less than sixty-four times the CPU."""
    for sign in UNCLOSED:
        short, long = (min(_cpu_s(sign * (size // len(sign)), dialect) for _ in range(2)) for size in (2_000, 16_000))
        assert long <= 30 * max(short, 0.003), (sign, short, long)


def _cpu_s(signs: str, dialect: Dialect) -> float:
    text, live = f"{signs} https://x.y @ada #1 [~ada {ZERO}", LIVE[dialect]
    begun = process_time()
    made = defused(text, dialect, live)
    alive(text, dialect, live)
    assert restored(made, dialect, live) == text
    return process_time() - begun


def test_a_text_without_signs_is_not_looked_at_twice() -> None:
    text = "Nothing to see. " * 500

    assert defused(text, "markdown", GITHUB) is text
    assert restored(text, "markdown", GITHUB) is text


def test_code_of_another_dialect_is_code_on_redmine_too_and_calls_nobody_by_its_first_word() -> None:
    text = convert("Run `npm install`, `x@y` and #12", "markdown", "textile")

    assert text == "Run <code>npm install</code>, <code>x@y</code> and #12"
    assert defused(str(text), "textile", REDMINE) == str(text).replace("#12", f"#{ZERO}12")


@pytest.mark.parametrize("deep", [40, 450, 3_000])
def test_a_document_nested_beyond_reason_is_no_error(deep: int) -> None:
    mention = '{"attrs":{"id":"u1","text":"@x"},"type":"mention"}'
    before, after = '{"content":[' * deep, '],"type":"blockquote"}' * deep
    text = f'{{"content":[{before}{mention}{after}],"type":"doc","version":1}}'

    live = frozenset({"mention"})

    made = defused(text, "adf", live)

    assert restored(made, "adf", live) == text
    assert alive(text, "adf", live) <= {"u1"}
    assert deep > 40 or (mention not in made and alive(text, "adf", live) == {"u1"})
