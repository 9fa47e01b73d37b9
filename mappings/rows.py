"""A compiled mapping: rows that join a left field to a right field. Compiled once, against both sides' schemas."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from bridge.errors import ConfigError
from bridge.merge import key
from bridge.model import Dialect, FieldSpec, FieldType, Schema, Side, Value
from mappings.byline import Byline
from mappings.lenses import Choice, Lens, People, Rounded, Same, normal
from mappings.references import References

Direction = Literal["both", "left-to-right", "right-to-left", "create-only", "off"]
Policy = Literal["manual", "left", "right", "newest", "merge", "keep-both"]


@dataclass(frozen=True, slots=True)
class RowSpec:
    """One row as it is written in a preset or a configuration. ``origin`` says where, for people."""

    left: str
    right: str
    direction: Direction = "both"
    transform: Literal["same", "choice", "people", "byline"] = "same"
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
    """The rows of one kind. ``is_bound``: some of them need to know the record they are used for (``engine.binding``).

    ``people`` are those of the link; ``author`` is the field that says who wrote a record, which a byline needs.
    """

    kind: str
    rows: tuple[Row, ...]
    people: People = field(default_factory=lambda: People({}, {}))
    author: Mapping[Side, str] = field(default_factory=dict)
    is_bound: bool = False

    def fields(self, side: Side) -> frozenset[str]:
        """The names this mapping reads on ``side``."""
        read = frozenset(row.field(side) for row in self.rows if row.direction != "off")
        return read | {self.author[side]} if side in self.author else read


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
    joined = (_row(spec, left, right, people=people, policy=policy, link=link) for spec in specs)
    rows = tuple(row for row in joined if row is not None)
    by_left = {row.left: row for row in rows}
    missing = [name for name in match if name not in by_left]
    if missing and kind == "task":
        raise ConfigError(
            f'link "{link}": match names "{missing[0]}", which no row maps',
            hint=f"Mapped: {', '.join(sorted(by_left))}.",
        )
    authors: dict[Side, str] = {}
    if any(isinstance(row.lens, Byline) for row in rows):
        sides: tuple[tuple[Side, Schema], ...] = (("left", left), ("right", right))
        authors = {side: name for side, schema in sides for name in _AUTHORS if name in schema.fields}
    is_bound = any(isinstance(row.lens, References | Byline) for row in rows)
    return Mapping_(kind, rows, people, authors, is_bound)


_AUTHORS = ("author", "person")
"""Fields that say who wrote a record, where a kind has one of them."""


def _row(spec: RowSpec, left: Schema, right: Schema, *, people: People, policy: Policy, link: str) -> Row | None:
    """None for a preset's row that neither side could ever be written by."""
    left_spec = _spec(left, spec.left, "left", spec.origin, link)
    right_spec = _spec(right, spec.right, "right", spec.origin, link)
    is_set = left_spec.type.is_set or right_spec.type.is_set
    direction = spec.direction if not spec.origin.startswith("preset") else _possible(spec, left_spec, right_spec)
    if direction is None:
        return None
    chosen = spec.conflict or policy
    if chosen in ("merge", "keep-both") and left_spec.type is not FieldType.TEXT:
        chosen = "manual"
    return Row(
        spec.left,
        spec.right,
        direction,
        chosen,
        _lens(spec, left_spec, right_spec, people, link),
        left_spec,
        right_spec,
        is_set,
        spec.origin,
    )


def _possible(spec: RowSpec, left: FieldSpec, right: FieldSpec) -> Direction | None:
    """A preset's direction as far as both trackers can be written: what one of them only shows goes one way."""
    if left.writable == "never" and right.writable == "never":
        return None
    if spec.direction == "both" and "never" in (left.writable, right.writable):
        return "left-to-right" if left.writable == "never" else "right-to-left"
    return spec.direction


def _lens(spec: RowSpec, left: FieldSpec, right: FieldSpec, people: People, link: str) -> Lens:
    """The transform of a row: the one it names; where it names none, the one that its two types need."""
    types = {left.type, right.type}
    if types & {FieldType.REF, FieldType.REFS}:
        return References()
    if spec.transform == "same" and types == {FieldType.DURATION} and (left.step, right.step) != (1, 1):
        return Rounded(left.step, right.step)
    if spec.transform == "choice" and spec.origin.startswith("preset"):
        spec = replace(spec, groups=tuple((_there(mine, left), _there(theirs, right)) for mine, theirs in spec.groups))
    lens = lens_of(spec, people, link, by_email=left.emails and right.emails)
    if spec.transform in ("same", "byline"):
        lens = _text(left, right) or lens
    if spec.transform != "byline":
        return lens
    return Byline(lens, left, right, people.left_connection, people.right_connection)


def _there(names: tuple[str, ...], spec: FieldSpec) -> tuple[str, ...]:
    """Of a preset's words for one meaning, those that this tracker has come first, in its own spelling."""
    known = {key(name): name for name in spec.choices or ()}
    own = [known[key(name)] for name in names if key(name) in known]
    return (*own, *(name for name in names if key(name) not in known))


def _text(left: FieldSpec, right: FieldSpec) -> Lens | None:
    """What carries texts of two kinds or dialects; None where they are one."""
    types = {left.type, right.type}
    if types == {FieldType.LINE, FieldType.TEXT}:
        from mappings.text.line import Line  # noqa: PLC0415 — parsers take 80 ms to load, and most links need none

        return Line(left, right)
    mine, theirs = (_AS_READ.get(spec.dialect, spec.dialect) for spec in (left, right))
    if types == {FieldType.TEXT} and mine != theirs:
        from mappings.text.lens import Text  # noqa: PLC0415 — as above

        return Text(mine, theirs)
    return None


_AS_READ: Mapping[Dialect, Dialect] = {"plain": "markdown"}
"""Plain fields show what is typed, so Markdown goes there as it is, and what stands there is read as Markdown."""


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
