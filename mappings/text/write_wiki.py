"""The tree as Jira's wiki markup. What it has no word for (folds, alignment, code with both closing tags in it) is written as
near as it goes; the guard of the lens then sees that something was lost.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Final

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
    Opaque,
    Panel,
    Paragraph,
    Quote,
    Rule,
    Table,
    Text,
)
from mappings.text.nesting import Group, Nested, nested
from mappings.text.read_wiki import LANGUAGES
from mappings.text.read_wiki_inline import SIGNS, parse_leaves
from mappings.text.shown import addresses, image_leaf, raw_block, raw_leaf

_ESCAPED: Final = re.compile(
    r"[{}\[\]|^~+*!]"
    r"|(?<![^\W_])[-_]|[-_](?![^\W_])"
    r"|\?(?=\?)|(?<=\?)\?"
)
_BACKSLASH: Final = re.compile(r"\\(?=[^\sA-Za-z0-9]|$)")
_ENTITY: Final = re.compile(r"&(?=#\d+;)")
_LINE: Final = re.compile(r"#(?=#*\s)")
_DOTTED: Final = re.compile(r"(h[1-6]|bq)\.")
_CODE: Final = re.compile(r"[!#&*+?\[\\\]^_`{|}~]|-(?!\w)|(?<!\w)-")

Style = Callable[[Group, str, str], tuple[str, str]]


def render_wiki(document: Document) -> str:
    return _blocks(document.blocks)


def _blocks(blocks: Sequence[Block]) -> str:
    return "\n\n".join(_block(block) for block in blocks)


def _block(block: Block) -> str:  # noqa: PLR0911 — a table of cases
    match block:
        case Paragraph(content):
            return _paragraph(content)
        case Heading(level, content):
            return f"h{level}. {inlines(content, newline=_BREAK)}"
        case CodeBlock(text, language):
            return _code_block(text, language)
        case Rule():
            return "----"
        case Listing():
            return "\n".join(_listing(block, ""))
        case Table(rows):
            return "\n".join(_row(row) for row in rows)
        case Opaque(dialect, source):
            return source if dialect == "wiki" else _block(raw_block(block))
    return _box(block)


def _box(block: Quote | Panel | Expand) -> str:
    inner = _blocks(block.blocks)
    match block:
        case Panel(kind):
            return f"{{panel:title={kind.capitalize()}}}\n{inner}\n{{panel}}"
        case Expand(title):
            return f"*{escaped(title)}*\n\n{inner}"
    return f"{{quote}}\n{inner}\n{{quote}}"


def _code_block(text: str, language: str) -> str:
    if not language and "{noformat}" not in text:
        return f"{{noformat}}\n{text}\n{{noformat}}"
    if not language:
        return f"{{code}}\n{text}\n{{code}}"
    return f"{{code:{'' if language in LANGUAGES else 'title='}{language}}}\n{text}\n{{code}}"


def _listing(block: Listing, above: str) -> list[str]:
    marker = above + ("#" if block.ordered else "*")
    return [line for item in block.items for line in _item(item, marker)]


def _item(item: Item, marker: str) -> list[str]:
    """An item is lines without blank ones between them; lists in it are lines with longer markers."""
    tick = "" if item.checked is None else "\\[x\\] " if item.checked else "\\[ \\] "
    lines: list[str] = []
    nested_lists: list[str] = []
    for before, block in zip((None, *item.blocks), item.blocks, strict=False):
        if isinstance(block, Listing):
            nested_lists.extend(_listing(block, marker))
        else:
            two = isinstance(before, Paragraph) and isinstance(block, Paragraph)
            lines.extend(["\\\\", _block(block)] if two else [_block(block)])
    if not lines and not tick and nested_lists:
        return nested_lists
    return [f"{marker} {tick}" + "\n".join(lines), *nested_lists]


def _row(row: Sequence[Cell]) -> str:
    out = []
    for cell in row:
        content = cell.blocks[0].content if len(cell.blocks) == 1 and isinstance(cell.blocks[0], Paragraph) else ()
        text = inlines(content, newline=_BREAK) if content else " ".join(_block(block) for block in cell.blocks)
        out.append(("||" if cell.header else "|") + (f" {text} " if text else " "))
    return "".join(out) + ("||" if row and row[-1].header else "|")


_BREAK: Final = " \\\\ "


def _paragraph(content: Inlines) -> str:
    return "\n".join(_line(line) for line in inlines(content, newline="\n").split("\n"))


def _line(line: str) -> str:
    """A line whose beginning would mean a block is escaped."""
    if _DOTTED.match(line):
        return _DOTTED.sub(r"\1&#46;", line, count=1)
    return f"\\{line}" if _LINE.match(line) else line


def inlines(content: Inlines, *, newline: str) -> str:
    """The content of a paragraph; styles inside words, or beside signs, in braces."""
    tree = nested(content)
    if not any(mark.name in SIGNS for leaf in content for mark in leaf.marks):
        return _joined(tree, newline, _braced)
    text = _joined(tree, newline, _signed)
    return text if parse_leaves(text) == content else _joined(tree, newline, _braced)


def _signed(group: Group, before: str, after: str) -> tuple[str, str]:
    sign = SIGNS.get(group.mark.name)
    within = before[-1:].isalnum() or after[:1].isalnum()
    return (sign, sign) if sign and not within else _braced(group, before, after)


def _braced(group: Group, _before: str, _after: str) -> tuple[str, str]:
    mark = group.mark
    if mark.name in SIGNS:
        return (f"{{{SIGNS[mark.name]}}}",) * 2
    if mark.name == "color":
        return f"{{color:{mark.value}}}", "{color}"
    if mark.name == "link":
        return "[", f"|{_address(mark.value, mark.title)}]"
    return "", ""


def _joined(tree: Sequence[Nested], newline: str, style: Style, *, linked: bool = False) -> str:
    out: list[str] = []
    for at, each in enumerate(tree):
        if isinstance(each, Group):
            after = tree[at + 1] if at + 1 < len(tree) else None
            opened, closed = style(each, out[-1] if out else "", after.text if isinstance(after, Text) else "")
            within = linked or each.mark.name == "link"
            out.append(opened + _joined(each.content, newline, style, linked=within) + closed)
        elif isinstance(each, Break):
            out.append(newline if newline != "\n" or (out and not out[-1].endswith("\n")) else "\\\\\n")
        else:
            out.append(_leaf(each, linked=linked))
    return "".join(out)


def _leaf(leaf: Inline, *, linked: bool) -> str:
    match leaf:
        case Text(text):
            return f"{{{{{_code(text)}}}}}" if leaf.is_code else _text(text, linked=linked)
        case Image(source, alt, title):
            return _image(source, alt, title)
        case Chip(kind, value, text):
            plain = kind == "mention" and text == f"@{value}"
            return f"[~{value}]" if plain else f"[{escaped(text)}|{_address(f'{kind}:{value}', '')}]"
        case Opaque(dialect, source):
            return source if dialect == "wiki" else _raw(leaf)
    return ""


def _raw(leaf: Opaque) -> str:
    link = raw_leaf(leaf)
    return f"[{escaped(link.text)}|{_address(link.marks[0].value, '')}]"


def _image(source: str, alt: str, title: str) -> str:
    if not re.fullmatch(r"https?://[^\s!|\\]+", source):
        link = image_leaf(Image(source, alt, title))
        return f"[{escaped(link.text)}|{_address(source, link.marks[0].title)}]"
    options = ", ".join(f'{name}="{_quoted(value)}"' for name, value in (("alt", alt), ("title", title)) if value)
    return f"!{source}|{options}!" if options else f"!{source}!"


def _quoted(value: str) -> str:
    return re.sub(r"[\\\"!|&]", lambda found: f"&#{ord(found[0])};", value)


def _code(text: str) -> str:
    return _CODE.sub(lambda found: f"&#{ord(found[0])};" if found[0] in "\\&" else f"\\{found[0]}", text)


def _address(address: str, title: str) -> str:
    body = re.sub(r"[\[\]|\\\s&]", lambda found: f"&#{ord(found[0])};", address)
    return f"{body}|{escaped(title)}" if title else body


def _text(text: str, *, linked: bool) -> str:
    if linked:
        return escaped(text)
    return "".join(piece if is_address and _is_bare(piece) else escaped(piece) for piece, is_address in addresses(text))


def _is_bare(address: str) -> bool:
    return not re.search(r"[\[\]]|&#", address)


def escaped(text: str) -> str:
    """Text in which no character is a sign of wiki markup."""
    out = _ENTITY.sub("&#38;", text)
    out = _BACKSLASH.sub("&#92;", out)
    out = _ESCAPED.sub(r"\\\g<0>", out)
    return re.sub(r"^[^\S \n]+|[^\S \n]+$", lambda found: "".join(f"&#{ord(c)};" for c in found[0]), out)
