"""Jira's wiki markup (Data Center) into the tree. Never raises: a macro the tree has no word for is ``Opaque``.

Source: Jira's text formatting notation help. As in Jira a newline is a line break, an item goes on until a blank line, and
``{*}`` styles inside words. Numbered entities are read, others are text.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from mappings.text.document import (
    Block,
    Cell,
    CodeBlock,
    Document,
    Heading,
    Item,
    Listing,
    Opaque,
    Panel,
    Paragraph,
    Quote,
    Rule,
    Table,
)
from mappings.text.normal import normal_document
from mappings.text.read_wiki_inline import parse_leaves, split_cells

DEPTH: Final = 20
_HEADING: Final = re.compile(r"\s*h([1-6])\.(?:\s+|$)(.*)")
_QUOTED: Final = re.compile(r"\s*bq\.\s+(.*)")
_RULE: Final = re.compile(r"\s*-{4,5}\s*$")
_LIST: Final = re.compile(r"\s*([*#]{1,20}|-)\s+(.*)")
_ROW: Final = re.compile(r"\s*\|")
_MACRO: Final = re.compile(r"\s*\{(code|noformat|quote|panel)(?::([^}\n]*))?\}(.*)", re.DOTALL)
_LANGUAGE: Final = re.compile(r"[\w+#.-]*")
_TITLE: Final = re.compile(r"title=([a-z][a-z0-9+#_-]*)")
_COLOURED: Final = (
    "actionscript ada applescript bash c c# c++ cpp css erlang go groovy haskell html java javascript js json lua none"
    " nyan objc perl php python r rainbow ruby scala sh sql swift visualbasic xml yaml"
)
LANGUAGES: Final = frozenset(_COLOURED.split())
"""Those Jira colours. Over code in another one it puts an error, so that one is written as the title, where all can read it."""

_PANEL: Final = re.compile(r"title=(Note|Tip|Important|Warning|Caution)")


_CUT: Final = re.compile(r"(?:(?:^|\n)[*#]|\n[*#]{1,20} [^\n]*\n[*#]{2,20})$")


def parse_wiki(text: str) -> Document:
    lines = uncut(text).split("\n")
    return normal_document(_Reader(lines).blocks(0))


def uncut(text: str) -> str:
    """The text with newlines as line ends. Trackers cut the space at the end off, without which an empty last item is none."""
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    return f"{text} " if text[-1:] in {"*", "#"} and _CUT.search(text) else text


class _Reader:
    """Walks over lines. Every turn of a loop takes at least one."""

    def __init__(self, lines: Sequence[str]) -> None:
        self.lines = list(lines)
        self.at = 0
        self.open: set[str] = set()
        """Tags that were looked for and are not closed any more."""

    @property
    def line(self) -> str:
        return self.lines[self.at]

    def more(self) -> bool:
        return self.at < len(self.lines)

    def take(self) -> str:
        self.at += 1
        return self.lines[self.at - 1]

    def blocks(self, depth: int) -> tuple[Block, ...]:
        out: list[Block] = []
        while self.more():
            if not self.line.strip():
                self.at += 1
            else:
                out.append(self.block(depth))
        return tuple(out)

    def block(self, depth: int) -> Block:
        line = self.line
        if (macro := self.macro(depth)) is not None:
            return macro
        if found := _HEADING.match(line):
            self.at += 1
            return Heading(int(found[1]), parse_leaves(found[2]))
        if found := _QUOTED.match(line):
            self.at += 1
            return Quote((Paragraph(parse_leaves(found[1])),))
        if _RULE.match(line):
            self.at += 1
            return Rule()
        if _LIST.match(line):
            return self.listing(depth)
        return self.table() if _ROW.match(line) else self.paragraph()

    def paragraph(self) -> Block:
        lines = [self.take()]
        while self.more() and self.line.strip() and not self.starts_block():
            lines.append(self.take())
        return Paragraph(parse_leaves("\n".join(lines)))

    def starts_block(self) -> bool:
        line = self.line
        if any(pattern.match(line) for pattern in (_HEADING, _QUOTED, _RULE, _LIST, _ROW)):
            return True
        found = _MACRO.match(line)
        return found is not None and self.closing(found) is not None

    def closing(self, found: re.Match[str]) -> tuple[int, str, str] | None:
        """Where a macro ends: the line, and what stands in it before and after the closing tag. None when it does not."""
        tag = f"{{{found[1]}}}"
        before, closed, after = found[3].partition(tag)
        if closed:
            return self.at, before, after
        if tag in self.open:
            return None
        for at in range(self.at + 1, len(self.lines)):
            before, closed, after = self.lines[at].partition(tag)
            if closed:
                return at, before, after
        self.open.add(tag)
        return None

    def macro(self, depth: int) -> Block | None:
        found = _MACRO.match(self.line)
        end = self.closing(found) if found else None
        if found is None or end is None:
            return None
        start, (stop, before, after) = self.at, end
        inner = [before] if stop == start else [found[3], *self.lines[start + 1 : stop], before]
        source = "\n".join(
            [*self.lines[start:stop], self.lines[stop].removesuffix(after) if after else self.lines[stop]]
        )
        self.at = stop + 1
        if after.strip():
            self.at = stop
            self.lines[stop] = after
        return _macro(found[1], found[2] or "", inner, source, depth)

    def listing(self, depth: int) -> Block:
        rows: list[tuple[str, list[Block]]] = []
        while self.more() and (found := _LIST.match(self.line)):
            self.lines[self.at] = found[2]
            rows.append((found[1], self.item(depth)))
        return listing_tree(rows, 0, 0)[0]

    def item(self, depth: int) -> list[Block]:
        """The blocks of an item: its line, the lines after it that are no item, the macros among them."""
        out: list[Block] = []
        first = True
        while self.more() and (first or (self.line.strip() and not _LIST.match(self.line))):
            macro = self.macro(depth)
            if macro is not None:
                out.append(macro)
            elif not first and self.starts_block():
                break
            else:
                lines = [self.take()]
                while self.more() and self.line.strip() and not self.starts_block():
                    lines.append(self.take())
                out.append(Paragraph(parse_leaves("\n".join(lines))))
            first = False
        return out

    def table(self) -> Block:
        rows: list[tuple[Cell, ...]] = []
        while self.more() and _ROW.match(self.line):
            row = self.take().strip()
            while self.more() and not row.endswith("|") and self.line.strip() and not self.starts_block():
                row += "\n" + self.take()
            rows.append(
                tuple(Cell((Paragraph(parse_leaves(text)),), header=header) for header, text in split_cells(row))
            )
        return Table(tuple(rows))


def _macro(name: str, parameters: str, inner: list[str], source: str, depth: int) -> Block:
    text = "\n".join(inner)
    known = _PANEL.fullmatch(parameters)
    if name == "code" and (titled := _TITLE.fullmatch(parameters)) and titled[1] not in LANGUAGES:
        parameters = titled[1]
    if depth >= DEPTH:
        return Opaque("wiki", source, name)
    if name in {"code", "noformat"} and _LANGUAGE.fullmatch(parameters):
        return CodeBlock(text.removeprefix("\n"), parameters if name == "code" else "")
    if name == "quote" and not parameters:
        return Quote(_Reader(inner).blocks(depth + 1))
    if name == "panel" and known:
        return Panel(known[1].lower(), _Reader(inner).blocks(depth + 1))
    return Opaque("wiki", source, name)


def listing_tree(rows: Sequence[tuple[str, list[Block]]], at: int, level: int) -> tuple[Listing, int]:
    """The list that begins at a row, and the row after it. ``level``: how many signs of the marker are used up."""
    kind = rows[at][0][: level + 1]
    items: list[Item] = []
    while at < len(rows):
        marker, blocks = rows[at]
        if len(marker) <= level or (marker[: level + 1] != kind and items):
            break
        if len(marker) == level + 1:
            items.append(Item(tuple(blocks)))
            at += 1
        else:
            nested, at = listing_tree(rows, at, level + 1)
            last = items.pop() if items else Item(())
            items.append(Item((*last.blocks, nested)))
    return Listing(tuple(items), kind[-1:] == "#"), at
