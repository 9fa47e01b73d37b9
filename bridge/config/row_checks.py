"""What one row of a configuration cannot see: the other rows of its link, and keys that do not go together.

Refuses: fields and their types, which only the trackers know (``mappings.compile``).
"""

from __future__ import annotations

from collections.abc import Sequence

from bridge.config.expressions import check_sides, direction_of, side_of
from bridge.config.mistakes import Report
from bridge.config.settings import FieldRow
from bridge.config.source import Path
from bridge.model import SIDES


def check_rows(rows: Sequence[FieldRow], path: Path, report: Report) -> None:
    seen: dict[tuple[str, str, str], int] = {}
    for index, row in enumerate(rows):
        at: Path = (*path, index)
        check_sides(row, at, report)
        for side in SIDES:
            name = side_of(row, side)
            if not name:
                continue
            first = seen.setdefault((row.kind, side, name), index)
            if first != index:
                report.mistake(
                    (*at, side), f'the row of line {report.line((*path, first))} maps {side} "{name}" already'
                )
        _check_transform(row, at, report)
        _check_unknown(row, at, report)
        _check_map(row, (*at, "map"), report)
        _check_representatives(row, (*at, "map"), report)


def _check_map(row: FieldRow, path: Path, report: Report) -> None:
    for side in SIDES:
        seen: dict[str, int] = {}
        for index, group in enumerate(row.map):
            names: tuple[str, ...] = getattr(group, side)
            if not names:
                report.mistake((*path, index, side), f"say at least one name of the {side} side")
            for name in names:
                first = seen.setdefault(name.casefold(), index)
                if first != index:
                    line = report.line((*path, first, side))
                    report.mistake((*path, index, side), f'"{name}" stands in the map row of line {line} already')


def _check_transform(row: FieldRow, at: Path, report: Report) -> None:
    if row.transform == "choice" and not row.map:
        report.mistake((*at, "transform"), "choice needs a map")
    if row.map and row.transform not in (None, "choice"):
        report.mistake((*at, "map"), f'a map needs transform = "choice", not "{row.transform}"')
    if row.transform == "prefix" and not (row.left_prefix or row.right_prefix):
        report.mistake((*at, "transform"), 'prefix needs left_prefix or right_prefix, such as right_prefix = "gh:"')
    for side in SIDES:
        key = f"{side}_prefix"
        if getattr(row, key) and row.transform not in (None, "prefix", "choice"):
            report.mistake((*at, key), f'a prefix needs transform = "prefix" or "choice", not "{row.transform}"')


def _check_unknown(row: FieldRow, at: Path, report: Report) -> None:
    """What becomes of names without a row goes with a map, and ``default`` with the defaults it writes."""
    if row.unknown is None:
        return
    if row.transform not in (None, "choice"):
        said = f'unknown is for names without a row in a map; "{row.transform}" has no map'
        report.mistake((*at, "unknown"), said)
    for side in SIDES:
        if row.unknown != "default" or not _writes(row, side) or getattr(row, f"{side}_default") is not None:
            continue
        report.mistake((*at, "unknown"), f"default needs {side}_default: what is written on the {side} for such a name")
    if row.left_prefix or row.right_prefix:
        report.mistake((*at, "unknown"), "with a prefix every name goes over, or is left alone; leave unknown out")


def _check_representatives(row: FieldRow, path: Path, report: Report) -> None:
    """Where several names are one, the first is written: "*" alone is no name."""
    for side in SIDES:
        if not _writes(row, side):
            continue
        for index, group in enumerate(row.map):
            names: tuple[str, ...] = getattr(group, side)
            if names and all(name == "*" for name in names):
                way = "left-to-right" if side == "left" else "right-to-left"
                report.mistake(
                    (*path, index, side),
                    f'"*" is no name to write on the {side}: put one before it, as in ["To Do", "*"], or set '
                    f'direction = "{way}" in the row of the field',
                )


def _writes(row: FieldRow, side: str) -> bool:
    return direction_of(row) not in ("off", "right-to-left" if side == "right" else "left-to-right")
