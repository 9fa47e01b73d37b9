"""Atlassian Document Format, as compact JSON text, into the tree. Never raises: what is not known becomes ``Opaque``.

Source: Atlassian's published JSON schema of ADF. Presentation (widths, layouts, local ids) is not read.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from mappings.text.document import (
    Block,
    Break,
    Cell,
    Chip,
    CodeBlock,
    Document,
    Expand,
    Heading,
    Image,
    Inline,
    Item,
    Listing,
    Mark,
    Marks,
    Opaque,
    Panel,
    Paragraph,
    Quote,
    Rule,
    Table,
    Text,
    with_mark,
)
from mappings.text.normal import normal_document

Node = Mapping[str, Any]

DEPTH: Final = 40
_PANELS: Final = {
    "info": "note",
    "note": "important",
    "tip": "tip",
    "success": "tip",
    "warning": "warning",
    "error": "caution",
}
_SIMPLE: Final = {"strong": "strong", "em": "em", "strike": "strike", "underline": "underline", "code": "code"}


def parse_adf(text: str) -> Document:
    """Text that is no ADF document, or one nested beyond reason, is one plain paragraph."""
    try:
        root = json.loads(text)
        if isinstance(root, dict) and root.get("type") == "doc":
            return normal_document(_blocks(root, 0))
    except (ValueError, RecursionError):
        pass
    return normal_document((Paragraph((Text(text),)),))


def _children(node: Node) -> list[Node]:
    content = node.get("content")
    return [child for child in content if isinstance(child, dict)] if isinstance(content, list) else []


def _attrs(node: Node) -> Node:
    attrs = node.get("attrs")
    return attrs if isinstance(attrs, dict) else {}


def _word(attrs: Node, name: str) -> str:
    value = attrs.get(name)
    return value if isinstance(value, str) else ""


def _number(attrs: Node, name: str, default: int) -> int:
    value = attrs.get(name)
    return int(value) if isinstance(value, (int, float)) and 0 <= value < 10**9 else default


def opaque(node: Node) -> Opaque:
    kind = str(node.get("type") or "?")
    source = json.dumps(node, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return Opaque("adf", source, kind)


def _blocks(node: Node, depth: int) -> tuple[Block, ...]:
    """The blocks of a node; inline nodes that stand among blocks become a paragraph."""
    out: list[Block] = []
    loose: list[Inline] = []
    for child in _children(node):
        if _word(child, "type") in _INLINE:
            loose.extend(_inline(child))
            continue
        if loose:
            out.append(Paragraph(tuple(loose)))
            loose = []
        read = _BLOCK.get(_word(child, "type"))
        out.append(read(child, depth + 1) if read and depth < DEPTH else opaque(child))
    if loose:
        out.append(Paragraph(tuple(loose)))
    return tuple(out)


def _inlines(node: Node) -> tuple[Inline, ...]:
    return tuple(leaf for child in _children(node) for leaf in _inline(child))


def _inline(node: Node) -> tuple[Inline, ...]:
    read = _INLINE.get(_word(node, "type"))
    return tuple(read(node)) if read else (opaque(node),)


def _align(node: Node) -> str | None:
    """Nothing, center or right; None when the node carries a mark that the tree has no word for."""
    align = ""
    for mark in _list(node, "marks"):
        value = _word(_attrs(mark), "align")
        if mark.get("type") != "alignment" or value not in {"center", "end"}:
            return None
        align = "center" if value == "center" else "right"
    return align


def _list(node: Node, name: str) -> list[Node]:
    value = node.get(name)
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []


def _paragraph(node: Node, _depth: int) -> Block:
    align = _align(node)
    return opaque(node) if align is None else Paragraph(_inlines(node), align)


def _heading(node: Node, _depth: int) -> Block:
    align = _align(node)
    level = min(max(_number(_attrs(node), "level", 1), 1), 6)
    return opaque(node) if align is None else Heading(level, _inlines(node), align)


def _code_block(node: Node, _depth: int) -> Block:
    text = "".join(str(child.get("text") or "") for child in _children(node))
    return CodeBlock(text, _word(_attrs(node), "language"))


def _listing(node: Node, depth: int) -> Block:
    items = tuple(Item(_blocks(child, depth)) for child in _children(node))
    return Listing(items, node.get("type") == "orderedList", _number(_attrs(node), "order", 1))


def _tasks(node: Node, depth: int) -> Block:
    """A task list inside a task list belongs to the item before it."""
    items: list[Item] = []
    for child in _children(node):
        if depth >= DEPTH:
            items.append(Item((opaque(child),)))
            continue
        if child.get("type") == "taskList":
            nested = _tasks(child, depth + 1)
            last = items.pop() if items else Item(())
            items.append(replace(last, blocks=(*last.blocks, nested)))
            continue
        done = _word(_attrs(child), "state") == "DONE"
        blocks = _blocks(child, depth) if _word(child, "type") in {"taskItem", "blockTaskItem"} else (opaque(child),)
        items.append(Item(blocks, checked=done))
    return Listing(tuple(items))


def _panel(node: Node, depth: int) -> Block:
    kind = _PANELS.get(_word(_attrs(node), "panelType"))
    return Panel(kind, _blocks(node, depth)) if kind else opaque(node)


def _table(node: Node, depth: int) -> Block:
    rows = [[_cell(cell, depth) for cell in _children(row)] for row in _children(node)]
    return Table(tuple(tuple(row) for row in rows)) if any(rows) else opaque(node)


def _cell(node: Node, depth: int) -> Cell:
    attrs = _attrs(node)
    return Cell(
        _blocks(node, depth),
        header=node.get("type") == "tableHeader",
        columns=max(_number(attrs, "colspan", 1), 1),
        rows=max(_number(attrs, "rowspan", 1), 1),
    )


def _media_single(node: Node, _depth: int) -> Block:
    children = _children(node)
    media = children[0] if len(children) == 1 else {}
    attrs = _attrs(media)
    if attrs.get("type") != "external" or not _word(attrs, "url"):
        return opaque(node)
    marks = _marks(media)
    return opaque(node) if marks is None else Paragraph((Image(_word(attrs, "url"), _word(attrs, "alt"), "", marks),))


def _text(node: Node) -> tuple[Inline, ...]:
    text = node.get("text")
    if not isinstance(text, str) or not text:
        return ()
    marks = _marks(node)
    if marks is None:
        return (opaque(node),)
    if (chip := _as_chip(text, marks)) is not None:
        return (chip,)
    return (Text(text, marks),)


def _as_chip(text: str, marks: Marks) -> Chip | None:
    link = marks[0] if marks else None
    if link is None or link.name != "link":
        return None
    kind, colon, value = link.value.partition(":")
    return Chip(kind, value, text) if colon and kind == "mention" else None


def _marks(node: Node) -> Marks | None:
    """None when there is a mark that the tree has no word for."""
    marks: Marks = ()
    for raw in _list(node, "marks"):
        mark = _mark(_word(raw, "type"), _attrs(raw))
        if mark is None:
            return None
        marks = with_mark(marks, mark)
    return marks


def _mark(kind: str, attrs: Node) -> Mark | None:
    if kind in _SIMPLE:
        return Mark(_SIMPLE[kind])
    if kind == "link" and isinstance(attrs.get("href"), str):
        return Mark("link", _word(attrs, "href"), _word(attrs, "title"))
    if kind == "subsup" and _word(attrs, "type") in {"sub", "sup"}:
        return Mark(_word(attrs, "type"))
    if kind in {"textColor", "backgroundColor"} and _word(attrs, "color"):
        return Mark("color" if kind == "textColor" else "background", _word(attrs, "color").lower())
    return None


def _mention(node: Node) -> tuple[Inline, ...]:
    attrs = _attrs(node)
    return (Chip("mention", _word(attrs, "id"), "@" + (_word(attrs, "text") or _word(attrs, "id")).lstrip("@")),)


def _emoji(node: Node) -> tuple[Inline, ...]:
    text = _word(_attrs(node), "text")
    return (opaque(node),) if not text or text.startswith(":") else (Text(text),)


def _status(node: Node) -> tuple[Inline, ...]:
    return (Chip("status", _word(_attrs(node), "color"), _word(_attrs(node), "text")),)


def _card(node: Node) -> tuple[Inline, ...]:
    url = _word(_attrs(node), "url")
    return (Text(url, (Mark("link", url),)),) if url else (opaque(node),)


def _date(node: Node) -> tuple[Inline, ...]:
    stamp = _word(_attrs(node), "timestamp")
    return (Chip("date", stamp, day(stamp)),) if day(stamp) else (opaque(node),)


def day(stamp: str) -> str:
    """The date of an ADF time stamp (epoch milliseconds; seconds when short), "" when it is none."""
    from datetime import UTC, datetime, timedelta  # noqa: PLC0415

    if not stamp.isascii() or not stamp.isdigit() or len(stamp) > 14:
        return ""
    seconds = int(stamp) / (1000 if len(stamp) > 10 else 1)
    return (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)).date().isoformat()


_BLOCK: Final[Mapping[str, Callable[[Node, int], Block]]] = {
    "paragraph": _paragraph,
    "heading": _heading,
    "codeBlock": _code_block,
    "bulletList": _listing,
    "orderedList": _listing,
    "taskList": _tasks,
    "panel": _panel,
    "table": _table,
    "mediaSingle": _media_single,
    "rule": lambda _node, _depth: Rule(),
    "blockquote": lambda node, depth: Quote(_blocks(node, depth)),
    "expand": lambda node, depth: Expand(_word(_attrs(node), "title"), _blocks(node, depth)),
    "nestedExpand": lambda node, depth: Expand(_word(_attrs(node), "title"), _blocks(node, depth)),
    "blockCard": lambda node, _depth: Paragraph(_card(node)),
}

_INLINE: Final[Mapping[str, Callable[[Node], Sequence[Inline]]]] = {
    "text": _text,
    "hardBreak": lambda _node: (Break(),),
    "mention": _mention,
    "emoji": _emoji,
    "status": _status,
    "date": _date,
    "inlineCard": _card,
}
