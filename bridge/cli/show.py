"""Prints for people (rich tables, colour on a terminal only) and for programs (JSON). Imported inside commands."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, Final

from rich import box
from rich.console import Console
from rich.markup import escape
from rich.padding import Padding
from rich.table import Table

_WIDE: Final = 400  # columns, where nobody's screen sets a limit


def console(*, stderr: bool = False) -> Console:
    """A console for the stream as it is now. NO_COLOR and TERM=dumb are rich's own; a pipe gets text without colour."""
    stream = sys.stderr if stderr else sys.stdout
    width = None if stream.isatty() or "COLUMNS" in os.environ else _WIDE
    return Console(file=stream, width=width, highlight=False, soft_wrap=False, legacy_windows=False, emoji=False)


def say(text: str = "") -> None:
    """One line with rich markup; escape what is not ours."""
    console().print(text)


def indented(text: str, by: int = 2) -> None:
    """One line with markup, moved to the right; where it is broken, its other lines as well."""
    console().print(Padding(text, (0, 0, 0, by)))


def table(columns: Sequence[str], rows: Iterable[Sequence[str]], *, title: str = "") -> None:
    """A plain table. Cells may hold markup: escape what is not ours."""
    grid = Table(
        *columns, box=box.SIMPLE_HEAD, title=title or None, title_justify="left", pad_edge=False, padding=(0, 1)
    )
    for column in grid.columns:
        column.overflow = "fold"
    for row in rows:
        grid.add_row(*row)
    console().print(grid)


def as_json(data: Any) -> None:
    """One JSON document, keys sorted, times in UTC."""
    json.dump(data, sys.stdout, indent=2, sort_keys=True, ensure_ascii=False, default=_plain)
    sys.stdout.write("\n")


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat().replace("+00:00", "Z")
    if isinstance(value, set | frozenset | tuple):
        return sorted(value)
    raise TypeError(f"{type(value).__name__} has no JSON form")


__all__ = ["as_json", "console", "escape", "indented", "say", "table"]
