"""The rows of a link: the preset's for its two connector types, with the configuration's laid over them.

Refuses: schemas; mappings/compile.py joins these rows to them.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from bridge.config import plugins
from bridge.config.expressions import direction_of, side_of
from bridge.config.settings import FieldRow, Link, Settings
from bridge.config.source import Path as Key
from bridge.errors import ConfigError
from bridge.model import SIDES, Side
from mappings.preset import preset
from mappings.rows import RowSpec, Transform


def row_specs(settings: Settings, link: Link) -> dict[str, tuple[RowSpec, ...]]:
    """The rows of a link by kind: the preset's, with the configuration's laid over them."""
    types = [getattr(settings.connections[link.side(side).connection], "type", "") for side in SIDES]
    shipped = {} if link.preset == "none" else _preset(link, types[0], types[1])
    origins = [origin_of(settings, link, index) for index in range(len(link.fields))]
    return {kind: _laid_over(shipped.get(kind, ()), link, kind, origins) for kind in link.kinds}


def key_of(settings: Settings, link: Link, row: int, *more: str | int) -> Key:
    """Where a row of a link stands in the configuration, or something in that row."""
    return ("links", settings.number(link.name), "fields", row, *more)


def origin_of(settings: Settings, link: Link, row: int) -> str:
    """``bridge.toml:12``; of settings that no file holds, which of the link's rows it is."""
    return settings.place(key_of(settings, link, row)) or f"links.{link.name}.fields[{row}]"


def row_of(link: Link, kind: str, spec: RowSpec) -> int | None:
    """Which row of the configuration made this one; None for a preset's."""
    if spec.origin.startswith("preset"):
        return None
    same = (index for index, row in enumerate(link.fields) if row.kind == kind)
    sides = (spec.left, spec.right)
    return next(
        (at for at in same if (side_of(link.fields[at], "left"), side_of(link.fields[at], "right")) == sides), None
    )


def _preset(link: Link, left: str, right: str) -> dict[str, tuple[RowSpec, ...]]:
    brought = {type_: plugins.find(type_).vocabulary for type_ in (left, right) if type_ in plugins.types()}
    if link.preset is None:
        return preset(left, right, brought)
    first, _, second = link.preset.partition("-")
    if {first, second} != {left, right}:
        raise ConfigError(f'link "{link.name}": preset "{link.preset}" is not for {left} and {right}')
    return preset(left, right, brought)


def _laid_over(shipped: tuple[RowSpec, ...], link: Link, kind: str, origins: Sequence[str]) -> tuple[RowSpec, ...]:
    own = [row for row in link.fields if row.kind == kind]
    by_fields = {(spec.left, spec.right): spec for spec in shipped}
    taken = {side_of(row, "left") for row in own}, {side_of(row, "right") for row in own}
    kept = [spec for spec in shipped if spec.left not in taken[0] and spec.right not in taken[1]]
    written = []
    for index, row in enumerate(link.fields):
        if row.kind != kind:
            continue
        left, right = side_of(row, "left"), side_of(row, "right")
        known = by_fields.get((left, right))
        groups = tuple((tuple(group.left), tuple(group.right)) for group in row.map)
        written.append(
            RowSpec(
                left,
                right,
                direction_of(row),
                row.transform or ("choice" if groups else _as_preset(row, known)),
                groups or (known.groups if known else ()),
                row.conflict,
                origins[index],
                row.unknown,
                row.left_default,
                row.right_default,
                row.left_prefix,
                row.right_prefix,
                row.normal,
                has_own_map=bool(groups),
                too_long=row.too_long,
                left_limit=row.left_limit,
                right_limit=row.right_limit,
            )
        )
    return (*kept, *written)


def _as_preset(row: FieldRow, known: RowSpec | None) -> Transform:
    """The transform of a row that names none and has no map of its own."""
    said = "same" if known is None else known.transform
    return "prefix" if said == "same" and (row.left_prefix or row.right_prefix) else said


def names_of(specs: Collection[RowSpec], side: Side) -> frozenset[str]:
    """The fields of a side that these rows read."""
    return frozenset(spec.left if side == "left" else spec.right for spec in specs if spec.direction != "off")


def match_names(settings: Settings, link: Link, kind: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The left and right fields by which records of a kind match: tasks as configured, label definitions by their name,
    comments by their words, time entries by their day (``engine.partners`` looks at task and duration).
    """
    if kind == "time_entry":
        return ("spent_on",), ("spent_on",)
    rows = {spec.left: spec for spec in row_specs(settings, link).get(kind, ())}
    wanted = {"task": link.match, "label": ("name",), "comment": ("body",)}[kind]
    known = [name for name in wanted if name in rows]
    return tuple(known), tuple(rows[name].right for name in known)


def verbs_of(specs: Collection[RowSpec], side: Side) -> tuple[str, ...]:
    """What these rows may do to records of a side."""
    against = "right-to-left" if side == "right" else "left-to-right"
    writes = any(spec.direction not in ("off", against) for spec in specs)
    return ("create", "update") if writes else ()
