"""A compiled mapping: rows that join a left field to a right field. Compiled once, against both sides' schemas."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from bridge.errors import ConfigError
from bridge.model import FieldSpec, FieldType, Schema, Side, Value
from mappings.lenses import Choice, Lens, People, Same, normal

Direction = Literal["both", "left-to-right", "right-to-left", "create-only", "off"]
Policy = Literal["manual", "left", "right", "newest", "merge", "keep-both"]


@dataclass(frozen=True, slots=True)
class RowSpec:
    """One row as it is written in a preset or a configuration. ``origin`` says where, for people."""

    left: str
    right: str
    direction: Direction = "both"
    transform: Literal["same", "choice", "people"] = "same"
    groups: tuple[tuple[tuple[str, ...], tuple[str, ...]], ...] = ()
    conflict: Policy | None = None
    origin: str = "preset"


@dataclass(frozen=True, slots=True)
class Row:
    """A row joined to the schemas. ``is_set`` rows are merged member by member; a single person counts as a set of one.

    ``known`` remembers which values were found to agree: those of choices and sets come again and again.
    """

    left: str
    right: str
    direction: Direction
    policy: Policy
    lens: Lens
    left_spec: FieldSpec
    right_spec: FieldSpec
    is_set: bool
    origin: str = "preset"
    known: dict[tuple[Value, Value], bool] = field(default_factory=dict, compare=False, repr=False)

    def field(self, side: Side) -> str:
        return self.left if side == "left" else self.right

    def spec(self, side: Side) -> FieldSpec:
        return self.left_spec if side == "left" else self.right_spec

    def normal(self, side: Side, value: Value) -> Value:
        return normal(self.spec(side), value)

    def convert(self, to: Side, value: Value) -> Value:
        """Carry a value (of a set: one member) to side ``to``. Raises UnmappedError."""
        return self.lens.to_right(value) if to == "right" else self.lens.to_left(value)

    def writes_to(self, side: Side) -> bool:
        """Whether this row may ever change ``side`` of an existing pair (S15)."""
        return self.direction in ("both", f"{'left' if side == 'right' else 'right'}-to-{side}")


@dataclass(frozen=True, slots=True)
class Mapping_:  # noqa: N801 — typing's name is taken
    """The rows of one kind."""

    kind: str
    rows: tuple[Row, ...]

    def fields(self, side: Side) -> frozenset[str]:
        """The names this mapping reads on ``side``."""
        return frozenset(row.field(side) for row in self.rows if row.direction != "off")


def compile_rows(
    kind: str,
    specs: Sequence[RowSpec],
    left: Schema,
    right: Schema,
    *,
    people: People,
    policy: Policy,
    match: Sequence[str],
    link: str,
) -> Mapping_:
    """Join rows to schemas. Raises ConfigError that names link, row and field, and what exists instead."""
    rows = tuple(_row(spec, left, right, people=people, policy=policy, link=link) for spec in specs)
    by_left = {row.left: row for row in rows}
    missing = [name for name in match if name not in by_left]
    if missing and kind == "task":
        raise ConfigError(
            f'link "{link}": match names "{missing[0]}", which no row maps',
            hint=f"Mapped: {', '.join(sorted(by_left))}.",
        )
    return Mapping_(kind, rows)


def _row(spec: RowSpec, left: Schema, right: Schema, *, people: People, policy: Policy, link: str) -> Row:
    left_spec = _spec(left, spec.left, "left", spec.origin, link)
    right_spec = _spec(right, spec.right, "right", spec.origin, link)
    is_set = left_spec.type.is_set or right_spec.type.is_set
    chosen = spec.conflict or policy
    if chosen in ("merge", "keep-both") and left_spec.type is not FieldType.TEXT:
        chosen = "manual"
    return Row(
        spec.left,
        spec.right,
        spec.direction,
        chosen,
        lens_of(spec, people, link, by_email=left_spec.emails and right_spec.emails),
        left_spec,
        right_spec,
        is_set,
        spec.origin,
    )


def _spec(schema: Schema, name: str, side: Side, origin: str, link: str) -> FieldSpec:
    found = schema.fields.get(name)
    if found is None:
        raise ConfigError(
            f'link "{link}", {origin}: the {side} side has no field "{name}"',
            hint=f"It has: {', '.join(sorted(schema.fields))}.",
        )
    return found


def lens_of(spec: RowSpec, people: People, link: str, *, by_email: bool) -> Lens:
    """The transform of a row. Raises ConfigError for a choice without a map."""
    if spec.transform == "people":
        return replace(people, match_equal=by_email)
    if spec.transform == "choice":
        if not spec.groups:
            raise ConfigError(f'link "{link}", {spec.origin}: transform "choice" of "{spec.left}" needs a map')
        return Choice.of(spec.groups, what=spec.left)
    return Same()


def mirrored(spec: RowSpec) -> RowSpec:
    """The same row with the sides exchanged, for a preset used the other way round."""
    turned: Mapping[Direction, Direction] = {"left-to-right": "right-to-left", "right-to-left": "left-to-right"}
    return RowSpec(
        spec.right,
        spec.left,
        turned.get(spec.direction, spec.direction),
        spec.transform,
        tuple((right, left) for left, right in spec.groups),
        spec.conflict,
        spec.origin,
    )
