"""Rows joined to the schemas of both sides, once: which direction, which policy, which lens each of them gets.

To add a transform of its own name or for two types, write one function for ``_BASES``; to add one that goes around another
(what it takes off on the way there it puts on again on the way back), write one for ``_AROUND``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Final, TypeAlias

from bridge.errors import ConfigError
from bridge.merge import key
from bridge.model import SIDES, Dialect, FieldSpec, FieldType, Schema, Side
from mappings import typed
from mappings.byline import Byline
from mappings.choice import Choice
from mappings.compare import Compared
from mappings.computed import COMPUTED, Computed, fits, is_computed, said, spec_beside
from mappings.fallback import Default, Unknown
from mappings.joint import Joint, RowError, cannot_join, check_keys, check_names, check_ways, field_of
from mappings.lenses import Lens, Rounded, Same, parts
from mappings.mirrored import Mirrored, mirrored
from mappings.origin import Origin
from mappings.people import People
from mappings.prefix import Prefix
from mappings.references import References
from mappings.rows import Direction, Mapping_, Policy, Row, RowSpec


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
        _joint(
            spec,
            _within(field_of(left, spec, "left", link), spec.left_limit),
            _within(field_of(right, spec, "right", link), spec.right_limit),
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
    layers = [each for row in rows for each in parts(row.lens)]
    if any(isinstance(each, Byline | Origin) for each in layers):
        sides: tuple[tuple[Side, Schema], ...] = (("left", left), ("right", right))
        authors = {side: name for side, schema in sides for name in _AUTHORS if name in schema.fields}
    is_bound = any(isinstance(each, References | Byline | Origin | Mirrored) for each in layers)
    return Mapping_(kind, rows, people, authors, is_bound)


_AUTHORS: Final = ("author", "person")
"""Fields that say who wrote a record, where a kind has one of them; one called ``author_name`` says how people call them."""


def _joint(spec: RowSpec, left: FieldSpec, right: FieldSpec, people: People, link: str) -> Joint:
    """The two fields of a row; an expression is taken for a field of the type that it writes. Raises ConfigError."""
    for mine, target in ((left, right), (right, left)):
        if is_computed(mine.name) and not fits(mine.type, target.type):
            raise RowError(
                spec,
                link,
                f"{mine.name.removeprefix(COMPUTED)} gives {said(mine.type)}, "
                f'which is not what "{target.name}" takes: {said(target.type)}',
                hint="",
                key=("expression",),
            )
    if is_computed(left.name):
        left = spec_beside(left.name, right)
    elif is_computed(right.name):
        right = spec_beside(right.name, left)
    return Joint(spec, left, right, people, link)


def _row(joint: Joint, policy: Policy) -> Row | None:
    """None for a preset's row that neither side could ever be written by."""
    spec, left, right = joint.spec, joint.left, joint.right
    direction = _possible(spec, left, right) if joint.is_preset else spec.direction
    if direction is None:
        return None
    chosen = spec.conflict or policy
    if chosen in ("merge", "keep-both") and left.type is not FieldType.TEXT:
        chosen = "manual"
    lens: Lens = Same()
    if direction != "off":  # a row that carries nothing may say of any two fields that they are left alone
        check_keys(joint)
        lens = _lens(joint)
        check_ways(joint, lens, direction)
    return Row(
        spec.left, spec.right, direction, chosen, lens, left, right, joint.is_set, origin=spec.origin, form=spec.normal
    )


def _possible(spec: RowSpec, left: FieldSpec, right: FieldSpec) -> Direction | None:
    """A preset's direction as far as both trackers can be written: what one of them only shows goes one way."""
    if left.writable == "never" and right.writable == "never":
        return None
    if spec.direction == "both" and "never" in (left.writable, right.writable):
        return "left-to-right" if left.writable == "never" else "right-to-left"
    return spec.direction


# --- which lens a row gets -------------------------------------------------------------------------------------------


def _lens(joint: Joint) -> Lens:
    """The first of ``_BASES`` that is meant for the row; then all of ``_AROUND`` from the inside."""
    lens = next((made for make in _BASES if (made := make(joint)) is not None), None)
    if lens is None:
        raise cannot_join(joint)
    for wrap in _AROUND:
        lens = wrap(lens, joint)
    return lens


def _references(joint: Joint) -> Lens | None:
    return References() if joint.types <= {FieldType.REF, FieldType.REFS} else None


def _people(joint: Joint) -> Lens | None:
    if joint.spec.transform != "people":
        return None
    return joint.people.matching(joint.left.emails and joint.right.emails)


def _choice(joint: Joint) -> Lens | None:
    """A map, with what becomes of names that it has not, for fields that may hold other things than names."""
    spec = joint.spec
    if spec.transform != "choice":
        return None
    if not all(typed.takes_map(type_) for type_ in joint.types) or (joint.is_set and joint.types & typed.SPELLED):
        raise cannot_join(joint)
    groups = spec.groups
    if joint.is_preset or not spec.has_own_map:
        groups = tuple((_there(mine, joint.left), _there(theirs, joint.right)) for mine, theirs in groups)
    else:
        check_names(joint)
        groups = tuple((_spelled(mine, joint.left), _spelled(theirs, joint.right)) for mine, theirs in groups)
    unknown = spec.unknown or ("leave" if joint.is_set else "park")
    defaults = typed.spell(joint.left.type, spec.left_default), typed.spell(joint.right.type, spec.right_default)
    own = replace(spec, groups=groups, unknown=unknown, left_default=defaults[0], right_default=defaults[1])
    lens = _named(own, joint.link)
    return typed.in_words(lens, joint.left.type, joint.right.type)


def _named(spec: RowSpec, link: str) -> Lens:
    """A map with the prefixes or the policy that the row has for other names."""
    choice = _choice_of(spec, spec.groups, link)
    if spec.left_prefix or spec.right_prefix:
        return Prefix(spec.left_prefix, spec.right_prefix, choice)
    if spec.unknown in (None, "park"):
        return choice
    return Unknown(choice, spec.unknown, spec.left_default, spec.right_default)


def _there(names: tuple[str, ...], spec: FieldSpec) -> tuple[str, ...]:
    """Of a preset's words for one meaning, those that this tracker has come first, in its own spelling."""
    known = {key(name): name for name in spec.choices or ()}
    own = [known[key(name)] for name in names if key(name) in known]
    return (*own, *(name for name in names if key(name) not in known))


def _spelled(names: tuple[str, ...], spec: FieldSpec) -> tuple[str, ...]:
    """A row's words in the tracker's own spelling, in the row's order: the first is the one to write."""
    known = {key(name): name for name in spec.choices or ()}
    return tuple(known.get(key(name), name) for name in names)


def _prefix(joint: Joint) -> Lens | None:
    return Prefix(joint.spec.left_prefix, joint.spec.right_prefix) if joint.spec.transform == "prefix" else None


def _durations(joint: Joint) -> Lens | None:
    steps = joint.left.step, joint.right.step
    return Rounded(*steps) if joint.types == {FieldType.DURATION} and steps != (1, 1) else None


def _texts(joint: Joint) -> Lens | None:
    """What carries texts of two kinds or dialects."""
    if joint.types in typed.TEXTS:
        from mappings.text.line import Line  # noqa: PLC0415 — parsers take 80 ms to load, and most links need none

        return Line(joint.left, joint.right)
    mine, theirs = (_AS_READ.get(spec.dialect, spec.dialect) for spec in (joint.left, joint.right))
    if joint.types == {FieldType.TEXT} and mine != theirs:
        from mappings.text.lens import Text  # noqa: PLC0415 — as above

        return Text(mine, theirs)
    return None


_AS_READ: Final[Mapping[Dialect, Dialect]] = {"plain": "markdown"}
"""Plain fields show what is typed, so Markdown goes there as it is, and what stands there is read as Markdown."""


def _types(joint: Joint) -> Lens | None:
    """The value itself for one type, and what stands between two that can be joined."""
    return Same() if len(joint.types) == 1 else typed.between(joint.left.type, joint.right.type)


def _default(lens: Lens, joint: Joint) -> Lens:
    """Single values only: an empty set is no label, and says nothing about a label of the other side."""
    spec = joint.spec
    if joint.is_set or (spec.left_default is None and spec.right_default is None):
        return lens
    return Default(lens, spec.left_default, spec.right_default)


def _compared(lens: Lens, joint: Joint) -> Lens:
    return lens if joint.spec.normal is None else Compared(lens, joint.spec.normal)


def _byline(lens: Lens, joint: Joint) -> Lens:
    if joint.spec.transform != "byline":
        return lens
    people = joint.people
    return Byline(lens, joint.left, joint.right, people.left_connection, people.right_connection)


def _computed(lens: Lens, joint: Joint) -> Lens:
    for mine, target in ((joint.left, joint.right), (joint.right, joint.left)):
        if is_computed(mine.name):
            return Computed(lens, target.type)
    return lens


def _origin(lens: Lens, joint: Joint) -> Lens:
    """Descriptions may say where they come from (``origin_line`` of the link)."""
    is_description = "description" in (joint.spec.left, joint.spec.right) and joint.types == {FieldType.TEXT}
    return Origin(lens, joint.left, joint.right) if is_description else lens


def _mirrored(lens: Lens, joint: Joint) -> Lens:
    """Names are written as they are: they are in the map, or nobody's."""
    if joint.spec.transform in ("choice", "people"):
        return lens
    written = tuple(side for side in SIDES if joint.writes(side))
    return mirrored(lens, joint.left, joint.right, joint.spec.too_long, written)


def _within(spec: FieldSpec, limit: int | None) -> FieldSpec:
    """A field that takes no more than a row allows it to."""
    if limit is None or (spec.max_length is not None and spec.max_length <= limit):
        return spec
    return replace(spec, max_length=limit)


Base: TypeAlias = Callable[[Joint], "Lens | None"]
Around: TypeAlias = Callable[[Lens, Joint], Lens]

_BASES: Final[Sequence[Base]] = (_references, _people, _choice, _prefix, _durations, _texts, _types)
_AROUND: Final[Sequence[Around]] = (_default, _compared, _byline, _origin, _mirrored, _computed)
"""From the inside out: the last one sees a side's value first."""


def lens_of(spec: RowSpec, people: People, link: str) -> Lens:
    """The transform of a row as far as it can be told without schemas. Raises ConfigError for a choice without a map."""
    lens: Lens = Same()
    if spec.transform == "people":
        lens = people
    elif spec.transform == "choice":
        lens = _named(spec, link)
    elif spec.transform == "prefix":
        lens = Prefix(spec.left_prefix, spec.right_prefix)
    if spec.left_default is None and spec.right_default is None:
        return lens
    return Default(lens, spec.left_default, spec.right_default)


def _choice_of(spec: RowSpec, groups: tuple[tuple[tuple[str, ...], tuple[str, ...]], ...], link: str) -> Choice:
    if not groups:
        said_ = f'transform "choice" of "{spec.left}" needs a map'
        raise RowError(spec, link, said_, hint="Give the row a map.", key=("transform",))
    return Choice.of(groups, what=spec.left)
