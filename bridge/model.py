"""The words every layer shares: what a connector reads, what a plan says. Frozen data, standard library and msgspec.

Refuses: I/O, tracker knowledge, anything that needs a database or a network.

Values are JSON-native so that they can be stored and compared without a schema:

- text, choices, people, references: ``str``
- sets (labels, assignees, references to many): ``tuple[str, ...]``, sorted and without repeats
- dates: ``"2026-11-21"``; instants: ``"2026-11-21T09:30:00Z"`` (UTC, no fraction); durations: ``int`` seconds
- nothing there: ``None`` (text that is empty is ``""`` or ``None`` as the tracker says it)

What a value *is* stands in the field's ``FieldSpec``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum, StrEnum
from typing import Final, Literal, TypeAlias

from msgspec import Struct

Value: TypeAlias = str | int | float | bool | tuple[str, ...] | None
Fields: TypeAlias = Mapping[str, Value]

Side = Literal["left", "right"]
SIDES: Final[tuple[Side, Side]] = ("left", "right")


def other(side: Side) -> Side:
    """The opposite side of a link."""
    return "right" if side == "left" else "left"


class Unset(Enum):
    """The type of ``UNSET``: "no base is known", which is not the same as a base of ``None``."""

    UNSET = "unset"


UNSET: Final = Unset.UNSET

Base: TypeAlias = Mapping[str, Value | Unset]


class Kind(StrEnum):
    """What a record can be. The order is the order of writing (S23)."""

    LABEL = "label"
    TASK = "task"
    COMMENT = "comment"
    TIME_ENTRY = "time_entry"


class FieldType(StrEnum):
    LINE = "line"  # one line of text
    TEXT = "text"  # many lines, in the field's dialect
    CHOICE = "choice"  # one name out of a list: status, priority, type, milestone
    SET = "set"  # names: labels
    PERSON = "person"
    PERSONS = "persons"
    DATE = "date"
    INSTANT = "instant"
    DURATION = "duration"  # integer seconds
    INTEGER = "integer"
    NUMBER = "number"
    BOOL = "bool"
    REF = "ref"  # another task's id, in the same container
    REFS = "refs"  # a set of them; what is not an id of the same container stands as the tracker writes it

    __hash__ = str.__hash__  # an enum's own is a Python function, and types are looked up for every value

    @property
    def is_set(self) -> bool:
        return self in (FieldType.SET, FieldType.PERSONS, FieldType.REFS)


Dialect: TypeAlias = Literal["plain", "markdown", "adf", "wiki", "html", "textile"]


@dataclass(frozen=True, slots=True)
class FieldSpec:
    """What one field of one kind can hold on one tracker.

    ``writable``: ``always``; ``create`` only; ``update`` only; ``never``.
    ``max_length`` is in what ``counts`` says, ``max_items`` in members. ``choices`` is None when any name may be written.
    ``in_feed`` is False for a field whose change does not move the record in the change feed, so that only a sweep
    or a fetch sees it. ``emails``: persons are named by their e-mail addresses, which mean the same elsewhere (S14).
    ``makes``: whether writing a name that is not there yet makes it (labels). ``step``: what a duration is a multiple of
    here, in seconds; the least that is not nothing (S12). ``live``: what a text sets off here, by the names in
    ``mappings.text.defuse`` (a mention, a reference): copies of texts are written without.
    """

    name: str
    type: FieldType
    writable: Literal["always", "create", "update", "never"] = "always"
    max_length: int | None = None
    max_items: int | None = None
    choices: tuple[str, ...] | None = None
    dialect: Dialect = "plain"
    in_feed: bool = True
    emails: bool = False
    step: int = 1
    makes: bool = True
    live: frozenset[str] = frozenset()
    counts: Literal["characters", "utf16"] = "characters"


@dataclass(frozen=True, slots=True)
class Schema:
    """The fields of one kind in one container, by name. Partly read live."""

    kind: str
    fields: Mapping[str, FieldSpec]


class Person(Struct, frozen=True, omit_defaults=True):
    """Somebody whom a container's items can name: ``name`` as its fields of people hold it, ``email`` in lower case where
    the tracker shows it, ``shown`` what people call them there. ``active`` is False for an account that was closed.
    """

    name: str
    email: str | None = None
    shown: str | None = None
    active: bool = True


class Ref(Struct, frozen=True, order=True, gc=False):
    """Where a record lives. ``container`` and ``id`` are the tracker's own words, always strings."""

    connection: str
    container: str
    kind: str
    id: str

    @property
    def key(self) -> str:
        """The id a person recognises, ``acme/app#12``; what a marker carries."""
        return f"{self.container}#{self.id}"


class Marker(Struct, frozen=True, order=True, gc=False):
    """Our stable key on a remote item: the connection and ``Ref.key`` of the record it was made from.

    ``source`` and ``id`` become externalSource and externalId where the API has them.
    """

    source: str
    id: str

    @classmethod
    def of(cls, ref: Ref) -> Marker:
        return cls(ref.connection, ref.key)


class Record(Struct, frozen=True, gc=False):
    """One thing of one kind as a connector read it. A struct, as Ref and Marker are: made ten times faster than a frozen
    dataclass, and there is one for every row of a listing.

    ``fields`` is flat, in the tracker's own vocabulary (``title, description, status, labels, assignees, …``, else
    ``custom.<name>``). A field that is absent was *not observed*; a field that is ``None`` was seen to be empty.
    ``version`` is opaque and changes whenever ``fields`` that are in the feed change.
    ``updated_at`` is the tracker's own clock, aware UTC. ``provisional``: made from a write of ours that the tracker
    only acknowledged (204); a listing that still shows ``version`` lags behind it.
    """

    ref: Ref
    fields: Fields
    version: str
    updated_at: datetime | None = None
    url: str = ""
    marker: Marker | None = None
    updated_by: str | None = None
    provisional: bool = False


@dataclass(frozen=True, slots=True)
class FieldChange:
    """One field of one write: ``before`` is what the side held (the before-image), ``after`` what it shall hold.

    ``rule`` says why, in the words of the mapping and the semantics: ``"title: left changed (S9)"``.
    """

    field: str
    before: Value
    after: Value
    rule: str = ""


@dataclass(frozen=True, slots=True)
class Create:
    """Make a record on ``side`` as the partner of ``source`` (S19)."""

    kind: str
    side: Side
    source: Ref
    source_version: str
    source_url: str
    title: str
    entity: str
    marker: Marker
    changes: tuple[FieldChange, ...]
    op: Literal["create"] = "create"


@dataclass(frozen=True, slots=True)
class Update:
    """Write the changed fields of one record. ``version`` is the one the plan was made against."""

    kind: str
    side: Side
    pair: int
    item: Ref
    version: str
    url: str
    title: str
    changes: tuple[FieldChange, ...]
    op: Literal["update"] = "update"


@dataclass(frozen=True, slots=True)
class Delete:
    """Remove one record. ``changes`` say what it must still hold, each with ``after`` None: another value keeps it."""

    kind: str
    side: Side
    pair: int
    item: Ref
    version: str
    url: str
    title: str
    changes: tuple[FieldChange, ...]
    rule: str = ""
    op: Literal["delete"] = "delete"


@dataclass(frozen=True, slots=True)
class Adopt:
    """Take two records as the same thing. Writes nothing; ``by`` is marker, entity, external-id or match."""

    kind: str
    left: Ref
    right: Ref
    title: str
    entity: str
    by: str
    op: Literal["adopt"] = "adopt"


@dataclass(frozen=True, slots=True)
class FieldConflict:
    """Both sides changed one field to different values (S16). ``field`` is the row's left name."""

    kind: str
    pair: int | None
    left: Ref
    right: Ref
    title: str
    field: str
    base_left: Value | Unset
    base_right: Value | Unset
    left_value: Value
    right_value: Value
    op: Literal["conflict"] = "conflict"


@dataclass(frozen=True, slots=True)
class Hold:
    """Something that is not written, and why: what ``bridge why`` and the parked list show.

    ``reason`` is one of: initial, ambiguous, orphaned, unmapped, unknown-person, too-long, unreachable, read-only, invalid,
    truncated, copied-marker, entity-clash, one-way, create-unknown, frozen; of an undo: changed-since, in-conflict, not-undoable,
    gone, failed.
    """

    kind: str
    side: Side
    item: Ref
    title: str
    field: str | None
    reason: str
    message: str
    op: Literal["hold"] = "hold"


Operation: TypeAlias = Adopt | Create | Update | Delete | FieldConflict | Hold


@dataclass(frozen=True, slots=True)
class Plan:
    """What a run would do, in the order it would do it. Same inputs, same plan, byte for byte (I13).

    ``undoes``: the run whose writes it takes back; None for a plan of what people changed.
    """

    link: str
    operations: tuple[Operation, ...] = field(default_factory=tuple)
    undoes: int | None = None
