"""The rows a pair of tracker types starts with, read from ``presets/*.toml``."""

from __future__ import annotations

import tomllib
from importlib.resources import files

from mappings.rows import RowSpec, mirrored


def preset(left_type: str, right_type: str) -> dict[str, tuple[RowSpec, ...]]:
    """Rows by kind for two connector types, in either order; empty when none is shipped."""
    folder = files("mappings") / "presets"
    straight = folder / f"{left_type}-{right_type}.toml"
    if straight.is_file():
        return _read(straight.read_text(encoding="utf-8"), f"preset {left_type}-{right_type}")
    turned = folder / f"{right_type}-{left_type}.toml"
    if turned.is_file():
        found = _read(turned.read_text(encoding="utf-8"), f"preset {right_type}-{left_type}")
        return {kind: tuple(mirrored(row) for row in rows) for kind, rows in found.items()}
    return {}


def _read(text: str, origin: str) -> dict[str, tuple[RowSpec, ...]]:
    return {
        kind: tuple(
            RowSpec(
                left=row["left"],
                right=row["right"],
                direction=row.get("direction", "both"),
                transform=row.get("transform", "same"),
                groups=tuple((tuple(group["left"]), tuple(group["right"])) for group in row.get("map", ())),
                conflict=row.get("conflict"),
                origin=origin,
            )
            for row in rows
        )
        for kind, rows in tomllib.loads(text).items()
    }
