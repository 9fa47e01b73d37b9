r"""What a text sets off when it is saved: who is told, and which item shows that it was named.

GitHub: @mentions notify and references (``#12``, ``GH-12``, ``owner/repo#12``, addresses) appear on what they name, outside
code and HTML comments, which are not rendered; in the text that is shown, so after entities and emphasis, between signs that are
no ASCII letters, digits or ``_`` (its filters' ``\\W``); ``redirect.github.com`` leaves no trace (docs.github.com, "Autolinked references
and URLs"). Redmine: ``@login`` notifies, in a line of code as well, not in fences, ``<pre>`` and quotes (``Mentionable``). Jira: a
mention is a node of ADF, or ``[~name]`` in wiki markup, outside of ``{code}`` and ``{noformat}``. TimeTracker: ``@name`` wherever
it stands in a comment. Only what an edit brings new counts.
"""

from __future__ import annotations

import html
import re
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable

    from bridge.sandbox.journal import Journal

FENCED: Final = re.compile(r"^( {0,3})(`{3,}|~{3,}).*?(?:^ {0,3}\2[`~]*[ \t]*$|\Z)", re.MULTILINE | re.DOTALL)
SPAN: Final = re.compile(r"(?<!`)(`+)(?!`).+?(?<!`)\1(?!`)", re.DOTALL)
INDENTED: Final = re.compile(r"(?:\A|\n[ \t]*\n)(?:(?: {4}|\t)[^\n]*(?:\n|\Z))+")
UNSEEN: Final = re.compile(r"<!--.*?-->", re.DOTALL)
HTML_CODE: Final = re.compile(r"<(pre|code)\b.*?</\1>", re.DOTALL | re.IGNORECASE)
LINK: Final = re.compile(r"https?://[^\s<>()\[\]]+", re.IGNORECASE)
EMPHASIS: Final = re.compile(r"(?<![A-Za-z0-9])_+(?=\S)|(?<=\S)_+(?![A-Za-z0-9])")
NAMED: Final = re.compile(r"(?<!\w)@([a-z0-9][a-z0-9-]*)", re.IGNORECASE | re.ASCII)
NUMBERED: Final = re.compile(r"(?:(?<![\w#])#|(?<!\w)gh-|(?<=[\w.-])#)(\d+)(?!\w)", re.IGNORECASE | re.ASCII)
ADDRESSED: Final = re.compile(
    r"https?://(?:www\.)?github\.com/([\w.-]+/[\w.-]+)/(?:issues|pull|discussions)/(\d+)", re.IGNORECASE
)

LOGIN: Final = re.compile(
    r"(?:^|\W)@([A-Za-z0-9_\-@.]*?)(?=[!-/:-@\[-`{-~][^A-Za-z0-9_/]|\s|[!-/:-@\[-`{-~]?$)", re.MULTILINE | re.ASCII
)
REDMINE_CODE: Final = re.compile(r"(?:~~~|```).*?(?:~~~|```)|<pre>.*?</pre>", re.DOTALL)
REDMINE_QUOTE: Final = re.compile(r"\r\n(?:> )+.*?\r\n", re.DOTALL)


PROFILE: Final = re.compile(r"(?<!\\)\[~(?:accountid:)?([^\]\s]+)\]")
WIKI_CODE: Final = re.compile(r"\{(code|noformat)[^}\n]*\}.*?\{\1\}", re.DOTALL)
CALLED: Final = re.compile(r"(?<!\w)@(\w[\w.-]*)")


def on_github(text: str | None) -> set[tuple[str, str]]:
    """(mention, login) and (reference, number or address) of a body or comment."""
    for code in (FENCED, UNSEEN, HTML_CODE, INDENTED, SPAN):
        text = code.sub(" x ", text or "")
    found = {("reference", f"{place}#{number}") for place, number in ADDRESSED.findall(text or "")}
    words = EMPHASIS.sub("", html.unescape(LINK.sub(" ", text or "")))
    found |= {("mention", name.casefold()) for name in NAMED.findall(words)}
    return found | {("reference", f"#{number}") for number in NUMBERED.findall(words)}


def on_redmine(text: str | None) -> set[tuple[str, str]]:
    """(mention, login) of a description or note."""
    words = REDMINE_CODE.sub("", REDMINE_QUOTE.sub("", text or ""))
    return {("mention", name) for name in LOGIN.findall(words) if name}


def on_jira(text: Any) -> set[tuple[str, str]]:
    """(mention, account id or login) of rich text: ADF, or wiki markup."""
    if isinstance(text, dict):
        own = {("mention", str(text["attrs"]["id"]))} if text.get("type") == "mention" else set()
        return own.union(*(on_jira(child) for child in text.get("content", ())))
    return {("mention", name) for name in PROFILE.findall(WIKI_CODE.sub("", text or ""))}


def on_timetracker(text: str | None) -> set[tuple[str, str]]:
    """(mention, username) of a comment."""
    return {("mention", name) for name in CALLED.findall(text or "")}


def note(
    journal: Journal,
    author: str,
    item: str,
    read: Callable[[Any], set[tuple[str, str]]],
    *,
    after: Any,
    before: Any = None,
) -> None:
    """Keep what an edit sets off, which is what was not there before."""
    for kind, what in sorted(read(after) - read(before)):
        journal.effects.append({"author": author, "item": item, "kind": kind, "what": what})
