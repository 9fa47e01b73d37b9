r"""Mentions and references made inert in what is written as a copy, so that a mirror notifies nobody and cross-links nothing.

A zero-width space between the sign and what follows it (``@\u200bada``, ``#\u200b12``) looks the same to people and is no
mention to any tracker; Dependabot and Renovate do so on GitHub. An address of a GitHub issue stays a link and leaves no
trace there when it names ``redirect.github.com`` (GitHub's page "Autolinked references and URLs", "Avoiding backlinks").

What was live already in a text that is written anew stays so: it notifies nobody a second time.

Law: ``restored(defused(text)) == text`` for every text, since the signs that stand there already are counted: none becomes
one, one becomes two, and back. Restoring leaves alone what is live: that is what somebody wrote there who meant it.
Code is not touched, where people copy from and trackers do not act; nor are other addresses.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import lru_cache, partial
from html import unescape
from typing import Any, Final

from mappings.text.document import Dialect
from mappings.text.ends import Ends

ZERO: Final = "\u200b"

_RUN: Final = f"{ZERO}*"
_AT: Final = r"(?:@|&#0*64;|&#[xX]0*40;|&commat;)"
_HASH: Final = r"(?:#|&#0*35;|&#[xX]0*23;|&num;)"
_ALONE: Final = r"(?<![A-Za-z0-9])"
_NUMBER: Final = r"(?:\d+(?![A-Za-z0-9])|&#)"
_HITS: Final = {
    "mention": (_ALONE + _AT, r"[\w&-]", ("@", "&")),
    "number": (_HASH, _NUMBER, ("#", "&num;")),
    "gh": (_ALONE + r"[Gg][Hh]-", _NUMBER, ("GH-", "gh-", "Gh-", "gH-")),
    "revision": (_ALONE + r"r", _NUMBER, ("r",)),
    "resource": (
        _ALONE + r"(?:attachment|commit|document|export|forum|message|news|project|source|user|version):",
        r"[\w\"/]",
        (":",),
    ),
    "macro": (r"\{", r"\{\w", ("{",)),
    "page": (r"\[", r"\\?\[[^\]]", ("[",)),
    "profile": (r"(?<!\\)\[~", r"\w", ("[~",)),
}
"""By name: what stands before the place, what after it, and words without one of which a text has none.

A word is one of ASCII letters and digits, as it is for GitHub: what stands in Chinese without a space is a mention, and so is
what stands between the signs of emphasis. Rather one too many is made inert than one too few: nobody sees it.
"""

_URL_REST: Final = r"(?:[^\s<>\"()\[\]]|\([^\s<>\"()]*\))"
_ADDRESS: Final = re.compile(
    r"(?P<scheme>(?i:https?)://)(?P<host>(?:[wW]{3}\.|[A-Za-z]{8}\.(?:redirect\.)*)?)(?P<name>(?i:github\.com))"
    r"(?P<port>(?::0{0,7}(?:80|443))?)(?P<path>/[\w.-]+/[\w.-]+/(?:issues|pull|discussions)/\d+)"
)
_MENTION: Final = re.compile(rf"(?P<hit>{_ALONE}{_AT}(?={_RUN}[\w&-]))(?P<zero>{_RUN})")

_ENTITY: Final = r"&(?:#\d+|#[xX][0-9a-fA-F]+|[A-Za-z]\w*);"
_TAG: Final = r"<[A-Za-z/!?][^<>]*>"
_ELEMENT: Final = r"<(?P<element>(?i:pre|code))\b[^<>]*>"
_CODE: Final = {
    "plain": (),
    "markdown": (r"(?<![`\\])(?P<tick>`+)", _ELEMENT),
    "html": (_ELEMENT,),
    "wiki": (r"\{(?P<block>code|noformat)[^{}\n]*\}", r"(?P<braces>\{\{)"),
    "textile": (_ELEMENT, rf"(?P<line>(?<!\w)@(?!{_RUN}\s)[^@\n]*?(?<!\s)@(?!{_RUN}\w))"),
}
"""How code begins; but for the line of Textile, ``mappings.text.ends`` says where it ends."""

_SKIPPED: Final = {
    "plain": (),
    "markdown": (r"\]\(\s*+(?!<?(?i:https?)://)<?[^\s<>)]*", _TAG, _ENTITY),
    "html": (_TAG, _ENTITY),
    "wiki": (),
    "textile": (_TAG, _ENTITY),
}


@dataclass(frozen=True, slots=True)
class _Rules:
    """What to look for in a text of one dialect: ``signs`` are words without one of which there is nothing."""

    signs: tuple[str, ...]
    pattern: re.Pattern[str]
    outside: re.Pattern[str]
    """The same without code, for where what looks like its beginning has no end."""

    address: bool
    in_code: bool


@dataclass(frozen=True, slots=True)
class _Pass:
    """One way through a text: ``step`` is 1 to defuse, -1 to restore, 0 to look what is live, which goes to ``seen``.

    ``kept`` stays live.
    """

    rules: _Rules
    step: int
    kept: frozenset[str] = frozenset()
    seen: set[str] = field(default_factory=set)

    def text(self, text: str) -> str:
        """A piece of a text, from sign to sign: each character is looked at a few times, whatever stands there."""
        made, done, at, ends = [], 0, 0, Ends(text)
        while (found := self.rules.pattern.search(text, at)) is not None:
            start, end = found.span()
            if found.groupdict().get("verbatim") is not None:
                closed = ends.of(found)
                if closed is not None:
                    made += [text[done:start], self.within(text[start:closed])]
                    done = at = closed
                    continue
                found = self.rules.outside.match(text, start)
                if found is None:
                    at = start + (end - start if text[start] == "`" else 1)
                    continue
                end = found.end()
            made += [text[done:start], self.one(found)]
            done = at = end
        return "".join((*made, text[done:]))

    def one(self, found: re.Match[str]) -> str:
        groups = found.groupdict()
        if groups.get("hit") is not None:
            return self.hit(found)
        if groups.get("address") is not None or (self.rules.address and groups.get("other") is not None):
            return _ADDRESS.sub(self.address, found[0])
        return found[0]

    def within(self, code: str) -> str:
        """Code: only Redmine looks for people there."""
        if not self.rules.in_code or code[:4].lower() == "<pre":
            return code
        return _MENTION.sub(self.hit, code)

    def hit(self, found: re.Match[str]) -> str:
        said, zero = found["hit"], found["zero"]
        if self.step >= 0 and not zero:
            word = _word_at(found)
            self.seen.add(word)
            if word in self.kept:
                return found[0]
        return said + (zero + ZERO if self.step > 0 else zero[1:] if self.step < 0 else zero)

    def address(self, found: re.Match[str]) -> str:
        """Addresses in their order: the address itself, redirect, Redirect, REdirect, …, REDIRECT, redirect.redirect, …:
        letters of a host may be large or small (RFC 3986, 3.2.2), so even a redirect that somebody wrote stays a link. One
        with www has a port where it is redirected, so that it is known again.
        """
        scheme, host, name, port, path = found.group("scheme", "host", "name", "port", "path")
        is_www = host.lower() == "www."
        at = _place("" if is_www else host)
        if is_www and port:
            return found[0]
        if at == 0 and not port:
            self.seen.add(path)
        if at is None or (at == 0 and (port or self.step < 0 or path in self.kept)):
            return found[0]
        if self.step == 0:
            return found[0]
        port = _port(scheme, host) if is_www else port
        www = _www(scheme, port) if at + self.step == 0 else ""
        if at + self.step == 0 and port and not www:
            return found[0]
        return f"{scheme}{www or _host(at + self.step)}{name}{'' if www else port}{path}"


def defused(text: str, dialect: Dialect, live: frozenset[str], kept: frozenset[str] = frozenset()) -> str:
    """The text with what would be live there made inert, but for what is ``kept``."""
    if not live:
        return text
    return _adf(text, partial(_inert, kept=kept)) if dialect == "adf" else _through(text, dialect, live, 1, kept)[0]


def restored(text: str, dialect: Dialect, live: frozenset[str]) -> str:
    """The text as it was before it was defused; what is live stays."""
    if not live:
        return text
    if dialect == "adf":
        return _adf(text, _live) if _SCHEME in text else text
    return _through(text, dialect, live, -1)[0] if ZERO in text or "redirect.github.com" in text.lower() else text


def alive(text: str, dialect: Dialect, live: frozenset[str]) -> frozenset[str]:
    """What is live in a text: the people and items it names, in the words it has for them."""
    if not live:
        return frozenset()
    if dialect == "adf":
        return frozenset(_ids(text))
    return _through(text, dialect, live, 0)[1]


def _through(
    text: str, dialect: Dialect, live: frozenset[str], step: int, kept: frozenset[str] = frozenset()
) -> tuple[str, frozenset[str]]:
    rules = _rules(dialect, live)
    if not any(sign in text for sign in rules.signs) and not (rules.address and "github.com" in text.lower()):
        return text, frozenset()
    way = _Pass(rules, step, kept)
    made = "".join(
        part if kind == "fence" else way.within(part) if kind == "code" else way.text(part)
        for kind, part in (_parts(text) if dialect == "markdown" else (("text", text),))
    )
    return made, frozenset(way.seen)


_BEFORE: Final = re.compile(r"[A-Za-z0-9_./-]*\Z")
_AFTER: Final = re.compile(r"[A-Za-z0-9_-]+|[\w-]+")
_PROFILE: Final = re.compile(r"[^\]\s]*")


def _word_at(found: re.Match[str]) -> str:
    """The whole of a name or reference around a sign, however it is spelled and emphasised there."""
    text, end, said = found.string, found.end(), unescape(found[0])
    before = _BEFORE.search(text, max(0, found.start() - 80), found.start()) if said == "#" else None
    after = (_PROFILE if said == "[~" else _AFTER).match(text, end)
    return ((before[0] if before else "") + said + (after[0] if after else "")).strip("_")


@lru_cache(maxsize=64)
def _rules(dialect: Dialect, live: frozenset[str]) -> _Rules:
    names = [name for name in _HITS if name in live]
    hits = "|".join(f"{before}(?={_RUN}{after})" for before, after, _ in (_HITS[name] for name in names))
    kinds = [f"(?P<verbatim>{'|'.join(_CODE[dialect])})" if _CODE[dialect] else ""]
    kinds += [f"(?P<address>{_ADDRESS.pattern}{_URL_REST}*)" if "address" in live else ""]
    kinds += [rf"(?P<url>(?i:https?|ftp)://{_URL_REST}+)"]
    kinds += [f"(?P<hit>{hits})(?P<zero>{_RUN})" if hits else ""]
    kinds += [f"(?P<other>{'|'.join(_SKIPPED[dialect])})" if _SKIPPED[dialect] else ""]
    signs = {sign for name in names for sign in _HITS[name][2]}
    pattern, outside = (re.compile("|".join(kind for kind in some if kind), re.DOTALL) for some in (kinds, kinds[1:]))
    return _Rules(tuple(sorted(signs)), pattern, outside, "address" in live, "mention-in-code" in live)


def _parts(text: str) -> Iterator[tuple[str, str]]:
    """The pieces of a Markdown text in order: text, code (indented), fence."""
    if not any(sign in text for sign in ("```", "~~~", "    ", "\t")):
        yield "text", text
        return
    from mappings.text.read_markdown import code_lines  # noqa: PLC0415 — the parser takes 40 ms to load

    lines = re.findall(r"[^\r\n]*(?:\r\n|\n|\r)|[^\r\n]+", text)
    at = 0
    for start, end, is_fence in code_lines(text):
        if start < at:
            continue
        yield "text", "".join(lines[at:start])
        yield "fence" if is_fence else "code", "".join(lines[start:end])
        at = end
    yield "text", "".join(lines[at:])


def _place(host: str) -> int | None:
    if not host:
        return 0
    first, _, more = host.partition(".")
    large = sum(letter.isupper() for letter in first)
    if first != "REDIRECT"[:large] + "redirect"[large:]:
        return None
    return 1 + large + 9 * (len(more) // len("redirect."))


def _port(scheme: str, www: str) -> str:
    """The port that stands for www: the scheme's own, with as many zeroes before it as say which letters are large."""
    large = sum(bit for bit, letter in zip((4, 2, 1), www, strict=False) if letter == "W")
    return f":{'0' * large}{'443' if scheme[4:5] in 'sS' else '80'}"


def _www(scheme: str, port: str) -> str:
    """The www that a port stands for; empty for another one."""
    for large in range(8):
        www = "".join("W" if large & bit else "w" for bit in (4, 2, 1)) + "."
        if _port(scheme, www) == port:
            return www
    return ""


def _host(place: int) -> str:
    if place == 0:
        return ""
    more, large = divmod(place - 1, 9)
    return "REDIRECT"[:large] + "redirect"[large:] + "." + "redirect." * more


# --- ADF: a mention is a node ----------------------------------------------------------------------------------------

_SCHEME: Final = "mention:"


def _adf(text: str, change: Callable[[dict[str, Any]], dict[str, Any]]) -> str:
    """A mention becomes its words under a link ``mention:ID``, such a link one more ``mention:``; and back."""
    if "mention" not in text:
        return text
    try:
        body = json.loads(text)
        made = _node(body, change)
        return text if made == body else json.dumps(made, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    except (ValueError, RecursionError):  # no JSON, or nested deeper than the library reads: no document of a tracker
        return text


def _ids(text: str) -> set[str]:
    """The people that a document mentions."""
    seen: set[str] = set()

    def look(node: dict[str, Any]) -> dict[str, Any]:
        if node.get("type") == "mention" and isinstance(attrs := node.get("attrs"), dict):
            seen.add(str(attrs.get("id")))
        return node

    _adf(text, look)
    return seen


def _node(body: Any, change: Callable[[dict[str, Any]], dict[str, Any]]) -> Any:
    """The document with every node changed; without recursion, for it may nest as deep as JSON does."""
    out: list[Any] = [body]
    waiting = [out]
    while waiting:
        nodes = waiting.pop()
        for at, node in enumerate(nodes):
            made = change(node) if isinstance(node, dict) else node
            inside = made.get("content") if isinstance(made, dict) else made
            if isinstance(inside, list):
                inside = list(inside)
                made = {**made, "content": inside} if isinstance(made, dict) else inside
                waiting.append(inside)
            nodes[at] = made
    return out[0]


def _inert(node: dict[str, Any], kept: frozenset[str]) -> dict[str, Any]:
    if node.get("type") == "mention" and isinstance(attrs := node.get("attrs"), dict) and attrs.get("id"):
        if str(attrs["id"]) in kept:
            return node
        said = str(attrs.get("text") or "") or f"@{attrs['id']}"
        link = {"type": "link", "attrs": {"href": f"{_SCHEME}{attrs['id']}"}}
        return {"type": "text", "text": said, "marks": [link]}
    return _linked(node, lambda href: _SCHEME + href)


def _live(node: dict[str, Any]) -> dict[str, Any]:
    href = _href(node)
    if href is None:
        return node
    if not href.removeprefix(_SCHEME).startswith(_SCHEME):
        return {"type": "mention", "attrs": {"id": href.removeprefix(_SCHEME), "text": str(node.get("text", ""))}}
    return _linked(node, lambda href: href.removeprefix(_SCHEME))


def _href(node: dict[str, Any]) -> str | None:
    """The address under a text, where it is that of an inert mention."""
    marks = node.get("marks") if node.get("type") == "text" else None
    for mark in marks if isinstance(marks, list) else ():
        attrs = mark.get("attrs") if isinstance(mark, dict) and mark.get("type") == "link" else None
        href = attrs.get("href") if isinstance(attrs, dict) else None
        if isinstance(href, str) and href.startswith(_SCHEME):
            return href
    return None


def _linked(node: dict[str, Any], change: Callable[[str], str]) -> dict[str, Any]:
    href = _href(node)
    if href is None:
        return node
    link = {"type": "link", "attrs": {"href": change(href)}}
    others = [mark for mark in node["marks"] if not (isinstance(mark, dict) and mark.get("type") == "link")]
    return {**node, "marks": [link, *others]}
