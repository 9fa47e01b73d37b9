"""The tree as an Atlassian Document Format document: compact JSON text with sorted keys, valid against the schema.

Where the schema refuses a block (a quote in an item, a heading in a quote) its text is kept as a paragraph; the guard of the
lens then sees that something was lost. Local ids are counted, so that equal trees are equal documents.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
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
    Inlines,
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
from mappings.text.shown import addresses, image_leaf, raw_leaf

Json = dict[str, Any]

_PANELS: Final = {"note": "info", "important": "note", "tip": "success", "warning": "warning", "caution": "error"}
_COLOR: Final = re.compile(r"#[0-9a-fA-F]{6}")
_OPEN: Final = "todo".upper()  # the schema's word, which our own rules keep out of the tree
_STATUS: Final = re.compile(r"neutral|purple|blue|red|yellow|green|#[0-9a-fA-F]{6}")

_ITEM: Final = frozenset(
    {"paragraph", "bulletList", "orderedList", "taskList", "mediaSingle", "codeBlock", "extension"}
)
_QUOTE: Final = frozenset(
    {"paragraph", "bulletList", "orderedList", "mediaSingle", "mediaGroup", "codeBlock", "extension"}
)
_PANEL: Final = _ITEM | {"heading", "blockCard", "mediaGroup", "rule", "decisionList"}
_NESTED: Final = _PANEL | {"panel", "blockquote"}
_CELL: Final = _NESTED | {"embedCard", "nestedExpand"}
_EXPAND: Final = _NESTED | {"table", "embedCard", "nestedExpand"}
_ROOT: Final = _NESTED | {
    *("table", "expand", "embedCard", "bodiedExtension", "layoutSection", "syncBlock", "bodiedSyncBlock"),
}

BLOCKS: Final = _ROOT | _CELL | _EXPAND

_PLACED: Final = {
    "alignment": (_ROOT, _CELL),
    "indentation": (_ROOT, _CELL),
    "breakout": (_ROOT,),
    "fontSize": (_ROOT, _CELL, _ITEM, _PANEL, _NESTED, _EXPAND),
}
"""Marks of blocks that the schema lets stand only in some places; elsewhere the block stands without them."""


def render_adf(document: Document) -> str:
    """Without blocks: "", which ``convert`` makes None."""
    if not document.blocks:
        return ""
    content = _Writer().blocks(document.blocks, _ROOT)
    return json.dumps(
        {"content": content, "type": "doc", "version": 1}, sort_keys=True, separators=(",", ":"), ensure_ascii=False
    )


@dataclass(slots=True)
class _Writer:
    """``tasks``: how many local ids were given."""

    tasks: list[int] = field(default_factory=lambda: [0])

    def local_id(self) -> str:
        self.tasks[0] += 1
        return f"task-{self.tasks[0]}"

    def blocks(self, blocks: Iterable[Block], allowed: frozenset[str]) -> list[Json]:
        out: list[Json] = []
        for block in blocks:
            for node in self.block(block, allowed):
                found = [node] if node["type"] in allowed else _flat(node, allowed)
                out.extend(_placed(each, allowed) for each in found)
        return out

    def block(self, block: Block, allowed: frozenset[str]) -> list[Json]:  # noqa: C901, PLR0911 — a table of cases
        match block:
            case Paragraph(content, align):
                return _paragraph(content, align)
            case Heading(level, content, align):
                return [_aligned({"type": "heading", "attrs": {"level": level}, "content": inlines(content)}, align)]
            case CodeBlock(text, language):
                return [_code_block(text, language)]
            case Rule():
                return [{"type": "rule"}]
            case Quote(blocks):
                return [{"type": "blockquote", "content": self.blocks(blocks, _QUOTE) or [_empty()]}]
            case Panel(kind, blocks):
                attrs = {"panelType": _PANELS.get(kind, "info")}
                return [{"type": "panel", "attrs": attrs, "content": self.blocks(blocks, _PANEL) or [_empty()]}]
            case Expand(title, blocks):
                inner = _EXPAND if "expand" in allowed else _NESTED
                kind = "expand" if "expand" in allowed else "nestedExpand"
                return [{"type": kind, "attrs": {"title": title}, "content": self.blocks(blocks, inner) or [_empty()]}]
            case Listing():
                return [self.tasklist(block) if is_tasklist(block) else self.listing(block)]
            case Table(rows):
                return [self.table(rows)]
            case Opaque():
                return [_opaque_block(block)]

    def listing(self, block: Listing) -> Json:
        items = [{"type": "listItem", "content": _headed(self.blocks(_spelled(item), _ITEM))} for item in block.items]
        if not block.ordered:
            return {"type": "bulletList", "content": items}
        return {"type": "orderedList", "attrs": {"order": block.start}, "content": items}

    def tasklist(self, block: Listing) -> Json:
        content: list[Json] = []
        for item in block.items:
            attrs = {"localId": self.local_id(), "state": "DONE" if item.checked else _OPEN}
            first = item.blocks[0] if item.blocks else None
            text = inlines(first.content) if isinstance(first, Paragraph) else []
            content.append({"type": "taskItem", "attrs": attrs, "content": text})
            content.extend(self.tasklist(nested) for nested in item.blocks if isinstance(nested, Listing))
        return {"type": "taskList", "attrs": {"localId": self.local_id()}, "content": content}

    def table(self, rows: Sequence[Sequence[Cell]]) -> Json:
        return {
            "type": "table",
            "content": [{"type": "tableRow", "content": [self.cell(cell) for cell in row]} for row in rows],
        }

    def cell(self, cell: Cell) -> Json:
        node: Json = {"type": "tableHeader" if cell.header else "tableCell"}
        attrs = {name: n for name, n in (("colspan", cell.columns), ("rowspan", cell.rows)) if n > 1}
        if attrs:
            node["attrs"] = attrs
        blocks = [replace(each, align=cell.align) if isinstance(each, Paragraph) else each for each in cell.blocks]
        node["content"] = self.blocks(blocks, _CELL) or [_aligned(_empty(), cell.align)]
        return node


def is_tasklist(block: Listing) -> bool:
    """Whether ADF's own task list can hold it: tasks of one line, with nested lists of tasks after them."""
    return not block.ordered and all(item.checked is not None and _is_task(item.blocks) for item in block.items)


def _is_task(blocks: Sequence[Block]) -> bool:
    head = blocks[1:] if blocks and isinstance(blocks[0], Paragraph) and not blocks[0].align else blocks
    return len(head) <= 1 and all(isinstance(block, Listing) and is_tasklist(block) for block in head)


def _spelled(item: Item) -> Sequence[Block]:
    """The blocks of an item in a list that is no task list: the tick is written out."""
    if item.checked is None:
        return item.blocks
    tick = "[x] " if item.checked else "[ ] "
    if not item.blocks or not isinstance(first := item.blocks[0], Paragraph):
        return (Paragraph((Text(tick),)), *item.blocks)
    head = first.content[0]
    if isinstance(head, Text) and not head.marks:
        content: Inlines = (Text(tick + head.text), *first.content[1:])
    else:
        content = (Text(tick), *first.content)
    return (Paragraph(content, first.align), *item.blocks[1:])


def _headed(content: list[Json]) -> list[Json]:
    """The blocks of an item: Jira refuses one that begins with a list or an extension, though its schema takes it."""
    first = content[0]["type"] if content else ""
    return content if first in {"paragraph", "codeBlock", "mediaSingle"} else [_empty(), *content]


def _empty() -> Json:
    return {"type": "paragraph", "content": []}


def _aligned(node: Json, align: str) -> Json:
    if align in {"center", "right"}:
        node["marks"] = [{"type": "alignment", "attrs": {"align": "center" if align == "center" else "end"}}]
    return node


def _paragraph(content: Inlines, align: str) -> list[Json]:
    if len(content) == 1 and isinstance(image := content[0], Image) and not align and not image.title:
        attrs = {"type": "external", "url": image.source}
        if image.alt:
            attrs["alt"] = image.alt
        media: Json = {"type": "media", "attrs": attrs}
        if image.marks:
            media["marks"] = _marks(image.marks)
        return [{"type": "mediaSingle", "attrs": {"layout": "center"}, "content": [media]}]
    return [_aligned({"type": "paragraph", "content": inlines(content)}, align)]


def _code_block(text: str, language: str) -> Json:
    node: Json = {"type": "codeBlock", "content": [{"type": "text", "text": text}] if text else []}
    if language:
        node["attrs"] = {"language": language}
    return node


def _opaque_block(block: Opaque) -> Json:
    if block.dialect == "adf":
        node = _stored(block)
        if node.get("type") in BLOCKS:
            return node
    return _code_block(block.source, f"raw-{block.dialect}")


def _stored(opaque: Opaque) -> Json:
    """The node that a reader kept, or one that a person changed beyond recognition as no node at all."""
    try:
        node = json.loads(opaque.source)
    except (ValueError, RecursionError):
        return {}
    return node if isinstance(node, dict) and isinstance(node.get("type"), str) else {}


def _typed(node: Json, name: str) -> list[Json]:
    """What a node holds under a name; a stored one may hold anything."""
    found = node.get(name)
    typed = [each for each in found if isinstance(each, dict)] if isinstance(found, list) else []
    return [each for each in typed if isinstance(each.get("type"), str)]


def _placed(node: Json, allowed: frozenset[str]) -> Json:
    """The block without marks that may not stand here."""
    marks = _typed(node, "marks")
    kept = [mark for mark in marks if allowed in _PLACED.get(mark["type"], (allowed,))]
    if len(kept) == len(marks):
        return node
    bare = {name: value for name, value in node.items() if name != "marks"}
    return {**bare, "marks": kept} if kept else bare


def _flat(node: Json, allowed: frozenset[str]) -> list[Json]:
    """A block that may not stand here: what in it may, and its text as paragraphs."""
    children = _typed(node, "content")
    if node["type"] == "heading":
        return [{"type": "paragraph", "content": children}]
    out: list[Json] = []
    for child in children:
        if child["type"] in allowed:
            out.append(child)
        elif child["type"] not in {"text", "media"}:
            out.extend(_flat(child, allowed))
    return out or (
        [{"type": "paragraph", "content": [{"type": "text", "text": "———"}]}] if node["type"] == "rule" else []
    )


def inlines(content: Inlines) -> list[Json]:
    return [node for leaf in content for node in _leaf(leaf)]


def _leaf(leaf: Inline) -> list[Json]:
    match leaf:
        case Text(text, marks):
            return _text(text, marks)
        case Break():
            return [{"type": "hardBreak"}]
        case Image(_, _, _, marks):
            held = image_leaf(leaf)
            return _text(held.text, with_mark(marks, held.marks[0]))
        case Chip():
            return [_chip(leaf)]
        case Opaque(dialect):
            node = _stored(leaf) if dialect == "adf" else {}
            return [node] if node.get("type") not in {None, *BLOCKS} else _leaf(raw_leaf(leaf))


def _text(text: str, marks: Marks) -> list[Json]:
    """Bare addresses become links, or nobody could click them."""
    if any(mark.name in {"link", "code"} for mark in marks):
        return [_run(text, marks)]
    out: list[Json] = []
    for piece, is_address in addresses(text):
        out.append(_run(piece, with_mark(marks, Mark("link", piece)) if is_address else marks))
    return out


def _run(text: str, marks: Marks) -> Json:
    node: Json = {"type": "text", "text": text}
    if found := _marks(marks):
        node["marks"] = found
    return node


def _marks(marks: Marks) -> list[Json]:
    return [found for mark in marks if (found := _mark(mark)) is not None]


def _mark(mark: Mark) -> Json | None:
    match mark.name:
        case "link":
            attrs = {"href": mark.value, "title": mark.title} if mark.title else {"href": mark.value}
            return {"type": "link", "attrs": attrs}
        case "sub" | "sup":
            return {"type": "subsup", "attrs": {"type": mark.name}}
        case "color" | "background" if _COLOR.fullmatch(mark.value):
            kind = "textColor" if mark.name == "color" else "backgroundColor"
            return {"type": kind, "attrs": {"color": mark.value}}
        case "strong" | "em" | "strike" | "underline" | "code":
            return {"type": mark.name}
    return None


def _chip(chip: Chip) -> Json:
    match chip.kind:
        case "mention":
            return {"type": "mention", "attrs": {"id": chip.value, "text": chip.text}}
        case "status" if chip.text and _STATUS.fullmatch(chip.value):
            return {"type": "status", "attrs": {"color": chip.value, "text": chip.text}}
        case "date" if chip.value:
            return {"type": "date", "attrs": {"timestamp": chip.value}}
    return _run(chip.text or chip.value or chip.kind, (Mark("link", f"{chip.kind}:{chip.value}"),))
