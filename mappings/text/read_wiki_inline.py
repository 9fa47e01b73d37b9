"""The inside of a line of wiki markup as leaves: one pass over tokens, with the styles that are open. Never raises."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from typing import Final, TypeAlias

from mappings.text.document import (
    Break,
    Chip,
    Image,
    Inline,
    Inlines,
    Mark,
    Marks,
    Opaque,
    Text,
    with_mark,
    without_mark,
)
from mappings.text.normal import normal_inlines
from mappings.text.read_html import chip_of

STYLES: Final = {"*": "strong", "_": "em", "-": "strike", "+": "underline", "^": "sup", "~": "sub"}
SIGNS: Final = {name: sign for sign, name in STYLES.items()}

_TOKEN: Final = re.compile(
    r"(?P<entity>&#\d{1,7};)"
    r"|(?P<newline>\\\\[ \t]*\n?|\n)"
    r"|\\(?P<escaped>[!-/:-@\[-`{-~])"
    r"|(?P<address>https?://[^\s<>\"'`|\\{}\[\]]+)"
    r"|\{\{(?P<code>(?:\\.|[^\\\n]){1,1000}?)\}\}(?!\})"
    r"|\{(?P<brace>[*_+^~-])\}"
    r"|\{color(?::(?P<color>#[0-9a-fA-F]{6}))?\}"
    r"|\[~(?P<mention>[^\s\]|]+)\]"
    r"|\[(?P<link>(?:\\.|[^\\\[\]\n])+)\]"
    r"|!(?P<image>https?://[^\s!|]+)(?:\|(?P<options>(?:\\.|[^\\!\n])*))?!"
    r"|(?<![\w!])!(?P<file>[^\s!|]+\.\w+)(?:\|[^!\n]*)?!(?![\w!])"
    r"|(?P<sign>[*_+^~-])"
)
_ENTITY: Final = re.compile(r"&#(\d{1,7});|\\([!-/:-@\[-`{-~])")
_OPTION: Final = re.compile(r"(alt|title)=\"((?:\\.|[^\\\"])*)\"")

Own: TypeAlias = Callable[[str, re.Match[str], Marks], Iterable[Inline]]


def parse_leaves(text: str) -> Inlines:
    """The leaves of one paragraph, in normal form."""
    return normal_inlines(Leaves(text).read())


def unescaped(text: str) -> str:
    return _ENTITY.sub(lambda found: found[2] or character(int(found[1])), text)


def character(number: int) -> str:
    return chr(number) if 0 < number < 0x110000 and not 0xD800 <= number < 0xE000 else "\ufffd"


class Leaves:
    """Reads with one dialect's tokens; a kind of token that is not common to all goes to ``own``."""

    def __init__(self, text: str, marks: Marks = (), pattern: re.Pattern[str] = _TOKEN, own: Own | None = None) -> None:
        self.pattern = pattern
        self.own = own or _own
        self.text = text
        self.marks = marks
        self.out: list[Inline] = []

    def read(self) -> list[Inline]:
        at = 0
        for found in self.pattern.finditer(self.text):
            self.words(self.text[at : found.start()])
            at = found.end()
            self.token(found)
        self.words(self.text[at:])
        return self.out

    def words(self, text: str) -> None:
        if not text:
            return
        if self.out and isinstance(last := self.out[-1], Text) and last.marks == self.marks:
            self.out[-1] = Text(last.text + text, self.marks)
        else:
            self.out.append(Text(text, self.marks))

    def token(self, found: re.Match[str]) -> None:
        kind, value = found.lastgroup or "color", found[found.lastgroup] if found.lastgroup else ""
        match kind:
            case "entity" | "escaped":
                self.words(unescaped(found[0]))
            case "newline":
                self.out.append(Break())
            case "address":
                self.words(unescaped(value))
            case "sign":
                self.sign(found)
            case "brace" | "color":
                self.toggle(kind, value, found[0])
            case _:
                self.out.extend(self.own(kind, found, self.marks))

    def toggle(self, kind: str, value: str, source: str) -> None:
        name = STYLES[value] if kind == "brace" else "color"
        if any(mark.name == name for mark in self.marks):
            self.marks = without_mark(self.marks, name)
        elif kind == "brace" or value:
            self.marks = with_mark(self.marks, Mark(name, value.lower() if name == "color" else ""))
        else:
            self.words(source)

    def sign(self, found: re.Match[str]) -> None:
        """``*`` opens before a word and closes after one; between letters it is a letter."""
        sign = found[0]
        name = STYLES[sign]
        before = self.text[found.start() - 1 : found.start()]
        after = self.text[found.end() : found.end() + 1]
        is_open = any(mark.name == name for mark in self.marks)
        if is_open and before.strip() and not after.isalnum():
            self.marks = without_mark(self.marks, name)
        elif (
            not is_open and after.strip() and not before.isalnum() and before != sign and self.closes(found.end(), sign)
        ):
            self.marks = with_mark(self.marks, Mark(name))
        else:
            self.words(sign)

    def closes(self, at: int, sign: str) -> bool:
        """Whether the style is closed later in the line."""
        end = self.text.find("\n", at)
        line = self.text[at : end if end >= 0 else len(self.text)][:2000]
        return re.search(rf"(?<=[^\s\\]){re.escape(sign)}(?![^\W_])", line) is not None


def _own(kind: str, found: re.Match[str], marks: Marks) -> Iterator[Inline]:
    value = found[kind]
    match kind:
        case "code":
            yield Text(unescaped(value), with_mark(marks, Mark("code")))
        case "mention":
            yield Chip("mention", value, f"@{value}", marks)
        case "file":
            yield Opaque("wiki", found[0], value)
        case "link":
            yield from _link(value, marks)
        case _:
            yield _image(found, marks)


def _link(inside: str, marks: Marks) -> Iterator[Inline]:
    raw = [part.replace("\ue000", "|") for part in _hidden(inside).split("|")]
    parts = [unescaped(part) for part in raw]
    text, address, title = parts[0], parts[1] if len(parts) > 1 else parts[0], parts[2] if len(parts) == 3 else ""
    if len(parts) > 3 or not address.strip() or (len(parts) == 1 and not re.match(r"[a-z]+:\S|#|\^", address)):
        yield Opaque("wiki", f"[{inside}]", inside) if len(parts) != 1 else Text(unescaped(f"[{inside}]"), marks)
        return
    chip = chip_of(address, text)
    if chip is not None:
        yield chip
    elif len(parts) == 1 and address.startswith("^"):
        yield Opaque("wiki", f"[{inside}]", inside)
    else:
        linked = with_mark(marks, Mark("link", address, title))
        yield from Leaves(raw[0], linked).read() if len(raw) > 1 else (Text(text, linked),)


def _image(found: re.Match[str], marks: Marks) -> Inline:
    options = found["options"] or ""
    named = {name: unescaped(value) for name, value in _OPTION.findall(options)}
    rest = _OPTION.sub("", options).replace(",", "").strip()
    if rest:
        return Opaque("wiki", found[0], found["image"])
    return Image(unescaped(found["image"]), named.get("alt", ""), named.get("title", ""), marks)


def split_cells(row: str) -> Iterator[tuple[bool, str]]:
    """The cells of a table row, each with whether it is a heading. ``|`` in links, code and images does not part them."""
    pieces = re.split(r"(\|\|?)", _hidden(row.strip()))
    cells = [(pieces[at] == "||", pieces[at + 1]) for at in range(1, len(pieces) - 1, 2)]
    if cells and not cells[-1][1].strip():
        cells.pop()
    for header, text in cells:
        yield header, text.replace("\ue000", "|").strip()


def _hidden(row: str) -> str:
    pattern = r"\\.|\{\{.*?\}\}|\[(?:\\.|[^\\\[\]\n])*\]|![^\s!|]+\|[^!\n]*!"
    return re.sub(pattern, lambda found: found[0].replace("|", "\ue000"), row.replace("\ue000", ""))
