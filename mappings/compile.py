"""Rows joined to the schemas of both sides, once: which direction, which policy, which lens each of them gets.

To add a transform of its own name or for two types, write one function for ``_BASES``; to add one that goes around another
(what it takes off on the way there it puts on again on the way back), write one for ``_AROUND``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

from bridge.errors import ConfigError
from bridge.merge import key
from bridge.model import Dialect, FieldSpec, FieldType, Schema, Side
from mappings.byline import Byline
from mappings.choice import Choice
from mappings.lenses import Lens, Rounded, Same
from mappings.people import People
from mappings.references import References
from mappings.rows import Direction, Mapping_, Policy, Row, RowSpec


@dataclass(frozen=True, slots=True)
class Joint:
    """All that a lens may depend on: the row as it was written, the fields it joins, the people and name of the link."""

    spec: RowSpec
    left: FieldSpec
    right: FieldSpec
    people: People
    link: str

    @property
    def types(self) -> frozenset[FieldType]:
        return frozenset((self.left.type, self.right.type))

    @property
    def is_preset(self) -> bool:
        return self.spec.origin.startswith("preset")


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
    joints = (
        Joint(
            spec,
            _field(left, spec.left, "left", spec.origin, link),
            _field(right, spec.right, "right", spec.origin, link),
            people,
            link,
        )
        for spec in specs
    )
    rows = tuple(row for row in (_row(joint, policy) for joint in joints) if row is not None)
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


_AUTHORS: Final = ("author", "person")
"""Fields that say who wrote a record, where a kind has one of them."""


def _field(schema: Schema, name: str, side: Side, origin: str, link: str) -> FieldSpec:
    found = schema.fields.get(name)
    if found is None:
        raise ConfigError(
            f'link "{link}", {origin}: the {side} side has no field "{name}"',
            hint=f"It has: {', '.join(sorted(schema.fields))}.",
        )
    return found


def _row(joint: Joint, policy: Policy) -> Row | None:
    """None for a preset's row that neither side could ever be written by."""
    spec, left, right = joint.spec, joint.left, joint.right
    is_set = left.type.is_set or right.type.is_set
    direction = _possible(spec, left, right) if joint.is_preset else spec.direction
    if direction is None:
        return None
    chosen = spec.conflict or policy
    if chosen in ("merge", "keep-both") and left.type is not FieldType.TEXT:
        chosen = "manual"
    return Row(spec.left, spec.right, direction, chosen, _lens(joint), left, right, is_set, spec.origin)


def _possible(spec: RowSpec, left: FieldSpec, right: FieldSpec) -> Direction | None:
    """A preset's direction as far as both trackers can be written: what one of them only shows goes one way."""
    if left.writable == "never" and right.writable == "never":
        return None
    if spec.direction == "both" and "never" in (left.writable, right.writable):
        return "left-to-right" if left.writable == "never" else "right-to-left"
    return spec.direction


# --- which lens a row gets -------------------------------------------------------------------------------------------


def _lens(joint: Joint) -> Lens:
    """The first of ``_BASES`` that is meant for the row, else the value itself; then all of ``_AROUND`` from the inside."""
    lens = next((made for make in _BASES if (made := make(joint)) is not None), Same())
    for wrap in _AROUND:
        lens = wrap(lens, joint)
    return lens


def _references(joint: Joint) -> Lens | None:
    return References() if joint.types & {FieldType.REF, FieldType.REFS} else None


def _people(joint: Joint) -> Lens | None:
    if joint.spec.transform != "people":
        return None
    return joint.people.matching(joint.left.emails and joint.right.emails)


def _choice(joint: Joint) -> Lens | None:
    if joint.spec.transform != "choice":
        return None
    groups = joint.spec.groups
    if joint.is_preset:
        groups = tuple((_there(mine, joint.left), _there(theirs, joint.right)) for mine, theirs in groups)
    return _choice_of(joint.spec, groups, joint.link)


def _there(names: tuple[str, ...], spec: FieldSpec) -> tuple[str, ...]:
    """Of a preset's words for one meaning, those that this tracker has come first, in its own spelling."""
    known = {key(name): name for name in spec.choices or ()}
    own = [known[key(name)] for name in names if key(name) in known]
    return (*own, *(name for name in names if key(name) not in known))


def _durations(joint: Joint) -> Lens | None:
    steps = joint.left.step, joint.right.step
    return Rounded(*steps) if joint.types == {FieldType.DURATION} and steps != (1, 1) else None


def _texts(joint: Joint) -> Lens | None:
    """What carries texts of two kinds or dialects."""
    if joint.types == {FieldType.LINE, FieldType.TEXT}:
        from mappings.text.line import Line  # noqa: PLC0415 — parsers take 80 ms to load, and most links need none

        return Line(joint.left, joint.right)
    mine, theirs = (_AS_READ.get(spec.dialect, spec.dialect) for spec in (joint.left, joint.right))
    if joint.types == {FieldType.TEXT} and mine != theirs:
        from mappings.text.lens import Text  # noqa: PLC0415 — as above

        return Text(mine, theirs)
    return None


_AS_READ: Final[Mapping[Dialect, Dialect]] = {"plain": "markdown"}
"""Plain fields show what is typed, so Markdown goes there as it is, and what stands there is read as Markdown."""


def _byline(lens: Lens, joint: Joint) -> Lens:
    if joint.spec.transform != "byline":
        return lens
    people = joint.people
    return Byline(lens, joint.left, joint.right, people.left_connection, people.right_connection)


Base: TypeAlias = Callable[[Joint], "Lens | None"]
Around: TypeAlias = Callable[[Lens, Joint], Lens]

_BASES: Final[Sequence[Base]] = (_references, _people, _choice, _durations, _texts)
_AROUND: Final[Sequence[Around]] = (_byline,)
"""From the inside out: the last one sees a side's value first."""


def lens_of(spec: RowSpec, people: People, link: str) -> Lens:
    """The transform of a row as far as it can be told without schemas. Raises ConfigError for a choice without a map."""
    if spec.transform == "people":
        return people
    return _choice_of(spec, spec.groups, link) if spec.transform == "choice" else Same()


def _choice_of(spec: RowSpec, groups: tuple[tuple[tuple[str, ...], tuple[str, ...]], ...], link: str) -> Choice:
    if not groups:
        raise ConfigError(f'link "{link}", {spec.origin}: transform "choice" of "{spec.left}" needs a map')
    return Choice.of(groups, what=spec.left)
