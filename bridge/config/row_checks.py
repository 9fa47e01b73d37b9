"""What one row of a configuration cannot see: the other rows of its link, and keys that do not go together.

Refuses: fields and their types, which only the trackers know (``mappings.compile``).
"""

from __future__ import annotations

from collections.abc import Sequence

from bridge.config.mistakes import Report
from bridge.config.settings import FieldRow
from bridge.config.source import Path
from bridge.model import SIDES


def check_rows(rows: Sequence[FieldRow], path: Path, report: Report) -> None:
    seen: dict[tuple[str, str, str], int] = {}
    for index, row in enumerate(rows):
        at: Path = (*path, index)
        for side in SIDES:
            name: str = getattr(row, side)
            first = seen.setdefault((row.kind, side, name), index)
            if first != index:
                report.mistake(
                    (*at, side), f'the row of line {report.line((*path, first))} maps {side} "{name}" already'
                )
        if row.transform == "choice" and not row.map:
            report.mistake((*at, "transform"), "choice needs a map")
        if row.map and row.transform not in (None, "choice"):
            report.mistake((*at, "map"), f'a map needs transform = "choice", not "{row.transform}"')
        _check_map(row, (*at, "map"), report)


def _check_map(row: FieldRow, path: Path, report: Report) -> None:
    for side in SIDES:
        seen: dict[str, int] = {}
        for index, group in enumerate(row.map):
            names: tuple[str, ...] = getattr(group, side)
            for name in names:
                first = seen.setdefault(name.casefold(), index)
                if first != index:
                    line = report.line((*path, first, side))
                    report.mistake((*path, index, side), f'"{name}" stands in the map row of line {line} already')
