"""Where each key stands in a TOML text, line and column: tomllib knows it only for syntax errors.

Refuses: judging the text. It scans what tomllib has already accepted, so it looks for names and skips values.
"""

from __future__ import annotations

import re
import tomllib
from bisect import bisect_right
from typing import Any, Final, NamedTuple, TypeAlias

Path: TypeAlias = tuple[str | int, ...]

_STRING: Final = re.compile(
    r'"""(?:[^\\]|\\.)*?"{3,5}' r"|'''.*?'{3,5}" r'|"(?:[^"\\\n]|\\.)*"' r"|'[^'\n]*'",
    re.DOTALL,
)
_BLANK: Final = re.compile(r"(?:[ \t\r\n]|#[^\n]*)*")
_SPACE: Final = re.compile(r"[ \t]*")
_BARE_KEY: Final = re.compile(r"[A-Za-z0-9_-]+")
_BARE_VALUE: Final = re.compile(r"[^,\]}#\r\n]*")
_AT: Final = re.compile(r" \(at (?:line (\d+), column (\d+)|end of document)\)$")


class Position(NamedTuple):
    """A place in a text: line and column, both from 1, the column in characters."""

    line: int
    column: int


class BadToml(ValueError):
    """Not TOML: what tomllib says, and where (both from 1). Caught in loader.py, where it becomes a mistake."""

    def __init__(self, line: int, column: int, text: str) -> None:
        super().__init__(text)
        self.line = line
        self.column = column
        self.text = text


def parse(text: str) -> dict[str, Any]:
    """The document's values. Raises BadToml with line and column."""
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        message = str(error)
        found = _AT.search(message)
        lines = text.splitlines() or [""]
        if found is None or found[1] is None:
            line, column = len(lines), len(lines[-1]) + 1
        else:
            line, column = int(found[1]), int(found[2])
        raise BadToml(line, column, _AT.sub("", message)) from None
    except RecursionError:
        lines = text.splitlines()
        deepest = max(range(len(lines)), key=lambda at: lines[at].count("[") + lines[at].count("{"))
        raise BadToml(deepest + 1, 1, "arrays or tables are nested too deep here") from None


def positions(text: str) -> dict[Path, Position]:
    """Where each table, key and array element begins, by path: ``("links", 0, "left", "container")``.

    ``text`` must be valid TOML. A table has the place of its header, or of the first key that makes it.
    """
    return _Scanner(text).document()


class _Scanner:
    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.newlines = [found.start() for found in re.finditer("\n", text)]
        self.places: dict[Path, Position] = {}
        self.tables: dict[Path, int] = {}  # arrays of tables: index of the newest element

    def document(self) -> dict[Path, Position]:
        table: Path = ()
        while self.skip(_BLANK) < len(self.text):
            if self.text[self.at] == "[":
                table = self.header()
            else:
                self.pair(table)
        return self.places

    def header(self) -> Path:
        is_array = self.text.startswith("[[", self.at)
        here = self.position()
        self.at += 2 if is_array else 1
        *parents, (last, _) = self.key()
        self.at += 2 if is_array else 1
        path: Path = ()
        for part, _ in parents:
            path = self.newest(self.note((*path, part), here))
        path = self.note((*path, last), here)
        if not is_array:
            return path
        self.tables[path] = self.tables.get(path, -1) + 1
        return self.note(self.newest(path), here)

    def pair(self, table: Path) -> None:
        path = table
        for part, place in self.key():
            path = self.note((*path, part), place)
        self.at += 1  # the equals sign
        self.skip(_SPACE)
        self.value(path)

    def key(self) -> list[tuple[str, Position]]:
        """The parts of a dotted key, each with its place."""
        parts: list[tuple[str, Position]] = []
        while True:
            self.skip(_SPACE)
            place = self.position()
            parts.append((self.name(), place))
            self.skip(_SPACE)
            if self.text[self.at] != ".":
                return parts
            self.at += 1

    def name(self) -> str:
        if self.text[self.at] in "\"'":
            quoted = self.take(_STRING)
            return str(tomllib.loads(f"k = {quoted}")["k"])
        return self.take(_BARE_KEY)

    def value(self, path: Path) -> None:
        start = self.text[self.at]
        if start in "\"'":
            self.take(_STRING)
        elif start == "[":
            self.array(path)
        elif start == "{":
            self.inline(path)
        else:
            self.take(_BARE_VALUE)

    def array(self, path: Path) -> None:
        self.at += 1  # the bracket
        index = 0
        while self.more("]"):
            self.value(self.note((*path, index), self.position()))
            index += 1

    def inline(self, path: Path) -> None:
        self.at += 1  # the brace
        while self.more("}"):
            self.pair(path)

    def more(self, end: str) -> bool:
        """Whether another member follows; steps over commas before it, or over ``end``."""
        self.skip(_BLANK)
        if self.text[self.at] == ",":
            self.at += 1
            self.skip(_BLANK)
        if self.text[self.at] != end:
            return True
        self.at += 1
        return False

    def newest(self, path: Path) -> Path:
        return (*path, self.tables[path]) if path in self.tables else path

    def note(self, path: Path, place: Position) -> Path:
        self.places.setdefault(path, place)
        return path

    def take(self, pattern: re.Pattern[str]) -> str:
        found = pattern.match(self.text, self.at)
        if found is None:  # tomllib has accepted the text, so this is a bug in the scanner
            raise ValueError(f"position scanner lost at line {self.position().line}")
        self.at = found.end()
        return found[0]

    def skip(self, pattern: re.Pattern[str]) -> int:
        self.take(pattern)
        return self.at

    def position(self) -> Position:
        before = bisect_right(self.newlines, self.at - 1)
        return Position(before + 1, self.at - (self.newlines[before - 1] if before else -1))
