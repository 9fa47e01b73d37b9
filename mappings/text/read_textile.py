"""Textile, as Redmine reads it, into the tree. Never raises: what the tree has no word for is ``Opaque``.

Source: Redmine's text formatting guide. A newline is a line break; signs stand for themselves as numbered entities.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Final

from mappings.text.document import (
    Block,
    Cell,
    CodeBlock,
    Document,
    Heading,
    Image,
    Inline,
    Inlines,
    Mark,
    Marks,
    Opaque,
    Paragraph,
    Quote,
    Rule,
    Table,
    Text,
    with_mark,
)
from mappings.text.normal import normal_document, normal_inlines
from mappings.text.read_html import chip_of
from mappings.text.read_wiki import listing_tree, uncut
from mappings.text.read_wiki_inline import Leaves, unescaped

DEPTH: Final = 20
_TOKEN: Final = re.compile(
    r"(?P<entity>&#\d{1,7};)"
    r"|(?P<newline>\n)"
    r"|(?P<textlink>\"(?P<label>[^\"\n]+?)(?:\((?P<tip>[^()\n]*)\))?\":"
    r"(?P<href>(?:&#\d{1,7};|[^\s<>\"|&]|&)*?(?:&#\d{1,7};|[^\s<>\"|.,;:!?)\]]))(?=[.,;:!?)\]]*(?:[\s<\"|]|$)))"
    r"|(?P<address>https?://[^\s<>\"'`|\\{}\[\]]+)"
    r"|<code>(?P<tagged>[^\n]{0,2000}?)</code>"
    r"|(?<!\w)@(?P<verbatim>[^@\n]+)@(?!\w)"
    r"|(?P<picture>!(?P<source>https?://[^\s!()\"]+)(?:\((?P<alt>[^()\n]*)\))?!)"
    r"|(?P<foreign>\*\*|__|\?\?|==|</?notextile>|%\{[^}\n]{0,500}\}|\{\{\w[^}\n]{0,500}\}\})"
    r"|(?P<sign>[*_+^~-])"
)
_HEADING: Final = re.compile(r"h([1-6])([=>]?)\.\s+(.*)", re.DOTALL)
_ALIGNED: Final = re.compile(r"p([=>])\.\s+(.*)", re.DOTALL)
_QUOTED: Final = re.compile(r"bq\.\s+(.*)", re.DOTALL)
_RULE: Final = re.compile(r"-{3,}\s*$")
_LIST: Final = re.compile(r"\s*([*#]{1,20})\s+(.*)")
_PRE: Final = re.compile(r"<pre>(?:<code(?: class=\"([\w+#.-]*)\")?>)?")
_CELL: Final = re.compile(r"(_?)([=<>]?)(?:\\(\d{1,3}))?(?:/(\d{1,3}))?\.\s")
_ALIGNS: Final = {"=": "center", ">": "right"}


def parse_textile(text: str) -> Document:
    return normal_document(_blocks(uncut(text).split("\n"), 0))


def parse_leaves(text: str) -> Inlines:
    """The leaves of one paragraph, in normal form."""
    return normal_inlines(Leaves(text, (), _TOKEN, _own).read())


def _own(kind: str, found: re.Match[str], marks: Marks) -> Iterator[Inline]:
    match kind:
        case "tagged" | "verbatim":
            yield Text(found[kind], with_mark(marks, Mark("code")))
        case "picture":
            alt = unescaped(found["alt"] or "")
            yield Image(found["source"], alt, "", marks)
        case "textlink":
            address = unescaped(found["href"])
            chip = chip_of(address, unescaped(found["label"]))
            linked = with_mark(marks, Mark("link", address, unescaped(found["tip"] or "")))
            yield from [chip] if chip else Leaves(found["label"], linked, _TOKEN, _own).read()
        case _:
            yield Opaque("textile", found[0], found[0])


def _blocks(lines: Sequence[str], depth: int) -> Iterator[Block]:
    """Every turn takes at least one line."""
    at = 0
    while at < len(lines):
        line = lines[at]
        if not line.strip():
            at += 1
            continue
        end = _end(lines, at)
        yield from _block(lines[at:end], depth)
        at = end


def _end(lines: Sequence[str], at: int) -> int:
    """Where the block that begins at a line ends."""
    if _PRE.match(lines[at]):
        closing = (i for i in range(at, len(lines)) if "</pre>" in lines[i])
        return next(closing, len(lines) - 1) + 1
    if _RULE.match(lines[at]):
        return at + 1
    kind = _kind(lines[at])
    end = at + 1
    while end < len(lines) and lines[end].strip() and not (_PRE.match(lines[end]) or _RULE.match(lines[end])):
        found = _kind(lines[end])
        if found != kind and (found or kind in {">", "|"}):
            break
        end += 1
    return end


def _kind(line: str) -> str:
    if _LIST.match(line):
        return "*"
    return line[0] if line[:1] in {">", "|"} else ""


def _block(lines: Sequence[str], depth: int) -> Iterator[Block]:
    text = "\n".join(lines)
    kind = _kind(lines[0])
    if depth >= DEPTH:
        yield Opaque("textile", text, "")
    elif _PRE.match(text):
        yield _pre(text)
    elif _RULE.match(text):
        yield Rule()
    elif kind == "*":
        yield _listing(lines)
    elif kind == ">":
        yield Quote(
            tuple(_blocks([line[1:].removeprefix(" ") if line[:1] == ">" else line for line in lines], depth + 1))
        )
    elif kind == "|":
        yield Table(tuple(tuple(_cell(cell) for cell in _cells(line)) for line in lines))
    else:
        yield _paragraph(text)


def _pre(text: str) -> Block:
    found = _PRE.match(text)
    opened, language = (found.end(), found[1] or "") if found else (0, "")
    body = text[opened:].partition("</pre>")[0].removesuffix("</code>")
    return CodeBlock(body.removeprefix("\n"), language)


def _paragraph(text: str) -> Block:
    if found := _HEADING.match(text):
        return Heading(int(found[1]), parse_leaves(found[3]), _ALIGNS.get(found[2], ""))
    if found := _QUOTED.match(text):
        return Quote((Paragraph(parse_leaves(found[1])),))
    if found := _ALIGNED.match(text):
        return Paragraph(parse_leaves(found[2]), _ALIGNS[found[1]])
    return Paragraph(parse_leaves(text))


def _listing(lines: Sequence[str]) -> Block:
    rows: list[tuple[str, list[str]]] = []
    for line in lines:
        if found := _LIST.match(line):
            rows.append((found[1], [found[2]]))
        else:
            rows[-1][1].append(line)
    parsed: list[tuple[str, list[Block]]] = [
        (marker, [Paragraph(parse_leaves("\n".join(own)))]) for marker, own in rows
    ]
    return listing_tree(parsed, 0, 0)[0]


def _cells(line: str) -> Sequence[str]:
    hidden = re.sub(
        r"@[^@\n]*@|<code>.*?</code>", lambda found: found[0].replace("|", "\ue000"), line.strip().replace("\ue000", "")
    )
    cells = hidden.removeprefix("|").split("|")
    return [cell.replace("\ue000", "|") for cell in (cells[:-1] if not cells[-1].strip() and len(cells) > 1 else cells)]


def _cell(text: str) -> Cell:
    found = _CELL.match(text)
    if not found:
        return Cell((Paragraph(parse_leaves(text.strip())),))
    content = parse_leaves(text[found.end() :].replace("<br>", "\n").strip())
    spans = max(int(found[3] or 1), 1), max(int(found[4] or 1), 1)
    return Cell((Paragraph(content),), bool(found[1]), _ALIGNS.get(found[2], ""), *spans)
