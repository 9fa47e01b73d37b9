"""What writers share: bare addresses inside text, and what people see in place of a thing their dialect has no word for."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final
from urllib.parse import quote

from mappings.text.document import CodeBlock, Image, Mark, Opaque, Text
from mappings.text.normal import clean

_ADDRESS: Final = re.compile(r"https?://[^\s<>\"'`|\\{}]+")
_NAME: Final = {
    "adf": re.compile(r'"type":"([\w-]+)"[^{}]*\}\s*$'),  # keys are sorted: the node's own is the last
    "html": re.compile(r"^\s*<(/?[A-Za-z][\w:-]*)"),
    "wiki": re.compile(r"^[!\[{^]*([^!|\[\]{}^]+)"),
}
_TAIL: Final = re.compile(r"[?!.,:;*_~)\]}(\[]+$")


def addresses(text: str) -> Iterator[tuple[str, bool]]:
    """The pieces of a text in order, each with whether it is a web address."""
    at = 0
    for found in _ADDRESS.finditer(text):
        address = _TAIL.sub("", found[0])
        if len(address) <= len("https://"):
            continue
        if found.start() > at:
            yield text[at : found.start()], False
        yield address, True
        at = found.start() + len(address)
    if at < len(text):
        yield text[at:], False


def raw_block(opaque: Opaque) -> CodeBlock:
    """What only another dialect knows, as a code block that reads back as itself."""
    return CodeBlock(opaque.source, f"raw-{opaque.dialect}")


def raw_leaf(opaque: Opaque) -> Text:
    """The same within a line: a link whose address holds the source."""
    return Text(shown(opaque), (Mark("link", f"raw-{opaque.dialect}:{quote(opaque.source, safe='')}"),))


def image_leaf(image: Image) -> Text:
    """An image where only a link can stand: its title says what it is."""
    title = f"image: {image.title}" if image.title else "image"
    return Text(image.alt or image.source, (Mark("link", image.source, title),))


def shown(opaque: Opaque) -> str:
    """One word in brackets that no keyboard has: ``⟦adf: extension⟧``. It depends on the source alone, so it is stable."""
    found = _NAME[opaque.dialect].search(opaque.source) if opaque.dialect in _NAME else None
    return f"⟦{opaque.dialect}: {clean(found[1] if found else opaque.source)[:40]}⟧"
