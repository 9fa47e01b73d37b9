"""A mapping: rows that join a left field to a right field, as they are written and as ``mappings.compile`` joins them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

from bridge.model import FieldSpec, Side, Unset, Value
from mappings import fallback
from mappings.compare import Form, formed
from mappings.computed import is_computed
from mappings.lenses import Lens
from mappings.mirrored import Mirrored, TooLong
from mappings.normal import normal
from mappings.people import People, exchanged, people_in

Direction = Literal["both", "left-to-right", "right-to-left", "create-only", "off"]
Transform = Literal["same", "choice", "prefix", "people", "byline"]
Policy = Literal["manual", "left", "right", "newest", "merge", "keep-both"]


@dataclass(frozen=True, slots=True)
class RowSpec:
    """One row as it is written in a preset or a configuration. ``origin`` says where, for people; ``has_own_map`` is false
    where a row of the configuration took the map of the preset's.

    ``unknown``: what becomes of a name without a row in the map; None parks single values and leaves members of sets alone.
    ``normal``: the form in which values are compared beside that of their types. Prefixes are those of names on a side.
    ``left_limit``, ``right_limit``: fewer characters than the fields have room for; ``too_long``: ``mappings.mirrored``.
    """

    left: str
    right: str
    direction: Direction = "both"
    transform: Transform = "same"
    groups: tuple[tuple[tuple[str, ...], tuple[str, ...]], ...] = ()
    conflict: Policy | None = None
    origin: str = "preset"
    unknown: fallback.Policy | None = None
    left_default: Value = None
    right_default: Value = None
    left_prefix: str = ""
    right_prefix: str = ""
    normal: Form | None = None
    has_own_map: bool = True
    too_long: TooLong | None = None
    left_limit: int | None = None
    right_limit: int | None = None


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
    form: Form | None = None
    known: dict[tuple[Value, Value], bool] = field(default_factory=dict, compare=False, repr=False)

    def field(self, side: Side) -> str:
        return self.left if side == "left" else self.right

    def spec(self, side: Side) -> FieldSpec:
        return self.left_spec if side == "left" else self.right_spec

    def normal(self, side: Side, value: Value) -> Value:
        return normal(self.spec(side), value)

    def settled(self, value: Value, base: Value | Unset) -> Value:
        """A normalised value as it is judged: its base where only what the row's form leaves out differs (S4)."""
        if self.form is None or isinstance(base, Unset) or value == base or self.is_set:
            return value
        return base if formed(self.form, value) == formed(self.form, base) else value

    def convert(self, to: Side, value: Value) -> Value:
        """Carry a value (of a set: one member) to side ``to``. Raises UnmappedError."""
        return self.lens.to_right(value) if to == "right" else self.lens.to_left(value)

    def by_order(self) -> Row:
        """The row for what a person or a policy orders: a text that only began as the beginning of another one is carried."""
        return replace(self, lens=replace(self.lens, by_order=True)) if isinstance(self.lens, Mirrored) else self

    def writes_to(self, side: Side) -> bool:
        """Whether this row may ever change ``side`` of an existing pair (S15)."""
        return self.direction in ("both", f"{'left' if side == 'right' else 'right'}-to-{side}")

    def fills(self, side: Side) -> bool:
        """Whether a new record on ``side`` gets what this row says."""
        return not is_computed(self.field(side)) and (self.direction == "create-only" or self.writes_to(side))


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
        """The names this mapping needs of ``side``: not who made a task, which is told in its line of origin where it is known."""
        read = frozenset(row.field(side) for row in self.rows if row.direction != "off")
        return read | {self.author[side]} if side in self.author and self.kind != "task" else read

    def knowing(self, people: People) -> Mapping_:
        """The same rows with these persons. Nobody stands in for another but on tasks: who wrote or worked is said as it is."""
        strict = people.without_fallback()
        mine = people if self.kind == "task" else strict
        rows = tuple(
            row if people_in(row.lens) is None else replace(row, lens=exchanged(row.lens, mine), known={})
            for row in self.rows
        )
        return replace(self, rows=rows, people=strict)
