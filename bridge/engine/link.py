"""What a run knows of its link before it looks at anything: two ends, a mapping a kind, and the owner's choices."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from hashlib import blake2b
from typing import TYPE_CHECKING, Literal
from urllib.parse import urlsplit

from bridge.merge import Delta, apply_delta
from bridge.model import Fields, FieldType, Marker, Record, Ref, Side, Value
from connectors.base import Connector
from mappings.people import People
from mappings.rows import Mapping_

if TYPE_CHECKING:
    from mappings.expressions import Computation

_GUID = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")


@dataclass(frozen=True, slots=True)
class End:
    """One side of a link. ``people_every_s``: how old its list of people may get; 0 for never read."""

    side: Side
    connection: str
    container: str
    connector: Connector
    people_every_s: int = 86_400

    def ref(self, kind: str, item_id: str) -> Ref:
        return Ref(self.connection, self.container, kind, item_id)


@dataclass(frozen=True, slots=True)
class ExternalId:
    """A field of one side that names the partner on the other (S8a), and where that partner lives."""

    field: str
    connection: str
    container: str

    def marker(self, fields: Fields) -> Marker | None:
        """The record it names: by its id, ``#id``, ``container#id`` or address. None when it names none there."""
        value = fields.get(self.field)
        text = "" if value is None or isinstance(value, tuple | bool) else str(value).strip()
        if "://" in text:
            path = urlsplit(text).path.rstrip("/")
            elsewhere = "/" in self.container and f"/{self.container}/".casefold() not in path.casefold()
            text = "" if elsewhere else path.rpartition("/")[2]
        container, _, item = text.rpartition("#")
        if not item or container.casefold() not in ("", self.container.casefold()):
            return None
        return Marker(self.connection, f"{self.container}#{item.lower() if _GUID.fullmatch(item) else item}")


@dataclass(frozen=True, slots=True)
class MatchFields:
    """How a link finds partners of unpaired records, readable without a schema: the fields that must be equal, and the
    field of either side that names the partner. ``by_words``: texts of two dialects are equal when their words are.
    ``scope``: by side, the fields that say whether a record takes part at all (``scope.py``).
    """

    left: tuple[str, ...] = ()
    right: tuple[str, ...] = ()
    external: Mapping[Side, ExternalId] = field(default_factory=dict)
    by_words: bool = False
    scope: Mapping[Side, frozenset[str]] = field(default_factory=dict)

    def named(self, side: Side, record: Record) -> Marker | None:
        """What a record says it belongs to: its marker, else its external id."""
        if record.marker is not None or side not in self.external:
            return record.marker
        return self.external[side].marker(record.fields)

    def key(self, side: Side, fields: Fields) -> str | None:
        """What two records must share; None when one of the fields says nothing. Case and spacing do not count."""
        names = self.left if side == "left" else self.right
        parts = []
        for name in names:
            value = fields.get(name)
            if value is None or value == "" or isinstance(value, tuple):
                return None
            said = str(value).casefold()
            parts.append(" ".join(_words(said) if self.by_words else said.split()))
        if self.by_words and not any(parts):
            return None
        return blake2b("\n".join(parts).encode(), digest_size=16).hexdigest() if parts else None


_TEXT_NODE = re.compile(r'"text":("(?:[^"\\]|\\.)*")')


def _words(text: str) -> list[str]:
    """The words of a text, whatever its dialect: without HTML's tags and the frame of a JSON document."""
    if text.startswith("{") and (nodes := _TEXT_NODE.findall(text)):
        text = " ".join(json.loads(node) for node in nodes)
    return re.findall(r"\w+", html.unescape(re.sub(r"<[^<>]*>", " ", text)))


@dataclass(frozen=True, slots=True)
class Limits:
    """Ceilings of one run (S35), the age in seconds past which an observation is not acted upon (S22), and how often in
    a day a field may return to an earlier value before it is frozen (S36; 0: ever so often).
    """

    max_writes: int | None = None
    max_creates: int | None = None
    verify_after_s: int = 30
    breaker_returns: int = 3


@dataclass(frozen=True, slots=True)
class Deletes:
    """What happens to a task whose partner was deleted (S26), and how many of them a run may deal with (S27).

    ``parts``: the same for what belongs to a task (comments, time entries); ``copies`` deletes those that Bridge made.
    """

    policy: Literal["unlink", "close", "archive", "label", "delete"] = "unlink"
    grace_s: int = 3600
    most: int = 10
    percent: int = 10
    label: str = "deleted-elsewhere"
    parts: Literal["unlink", "copies", "delete"] = "copies"

    def allowed(self, pairs: int) -> int:
        """The guard: no more than ``most``, nor than ``percent`` of the link's pairs; one is never too many."""
        return min(self.most, max(1, pairs * self.percent // 100))

    def marks(self, link: Link, side: Side, kind: str, held: Fields) -> Fields:
        """The fields that say on a survivor that its partner is gone; empty where the policy or the tracker has none."""
        can = link.end(side).connector.kinds()[kind]
        if self.policy == "close":
            return can.closes
        if self.policy == "archive":
            return can.archives
        if self.policy == "label":
            rows = link.mappings[kind].rows
            sets = [row.field(side) for row in rows if row.spec(side).type is FieldType.SET]
            return {name: apply_delta(_names(held.get(name)), Delta((self.label,), ())) for name in sets[:1]}
        return {}


def _names(held: Value) -> tuple[str, ...]:
    return held if isinstance(held, tuple) else ()


@dataclass(frozen=True, slots=True)
class Answers:
    """On which sides a conflict is put to the people on its item, and who may answer there: by side the names as that
    tracker's fields of people hold them, case folded.
    """

    sides: tuple[Side, ...] = ()
    by: Mapping[Side, frozenset[str]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Link:
    """A link, ready to run. ``matches`` holds the match fields of *every* configured link, by (id, kind): a poll serves
    them all.

    ``poll_fields``: field names that any link wants of a container, by (side, kind). ``sources`` are the connection
    names whose markers are ours. ``skew``: how far apart the two clocks may be, as measured when the run began (S16).
    ``people`` are those of the configuration, ``known`` with them those found by e-mail, ``met`` when the lists that tell
    them were read, left and right.
    ``terms``: what a person accepts of its configuration (``accepted.py``); with ``auto_accept`` nobody is asked.
    ``shared_terms`` are those of other links that read one of its containers, by number.
    ``computations``: what expressions come to, by (connection, container, kind).
    ``origins``: the sides where descriptions say where they come from.
    """

    id: int
    name: str
    left: End
    right: End
    mappings: Mapping[str, Mapping_]
    initial: str = "match"
    first_contact: str = "manual"
    config_hash: str = ""
    limits: Limits = field(default_factory=Limits)
    deletes: Deletes = field(default_factory=Deletes)
    sources: frozenset[str] = frozenset()
    matches: Mapping[tuple[int, str], MatchFields] = field(default_factory=dict)
    poll_fields: Mapping[tuple[Side, str], frozenset[str]] = field(default_factory=dict)
    sweep_every: Mapping[Side, int] = field(default_factory=dict)
    skew: timedelta = timedelta(seconds=2)
    answers: Answers = field(default_factory=Answers)
    origins: frozenset[Side] = frozenset()
    people: People = field(default_factory=lambda: People({}, {}))
    known: People = field(default_factory=lambda: People({}, {}))
    met: tuple[datetime | None, datetime | None] | None = None
    terms: str = ""
    auto_accept: bool = False
    shared_terms: Mapping[int, str] = field(default_factory=dict)
    computations: Mapping[tuple[str, str, str], Computation] = field(default_factory=dict)

    def end(self, side: Side) -> End:
        return self.left if side == "left" else self.right

    def trusts(self, marker: Marker | None) -> bool:
        """Whether a marker was written by this Bridge's connections; others' external ids are just data."""
        return marker is not None and marker.source in self.sources

    def computation_of(self, ref: Ref) -> Computation | None:
        """What is computed of such records; None where no link has an expression about them."""
        return self.computations.get((ref.connection, ref.container, ref.kind))


def measured_skew(left: Connector, right: Connector) -> timedelta:
    """How far apart two servers' clocks may be: from their Date headers, at least two seconds."""
    return timedelta(seconds=2 + abs((left.usage().skew_s or 0) - (right.usage().skew_s or 0)))


def marker_key(marker: Marker) -> str:
    """A marker as one string, for look-ups."""
    return f"{marker.source} {marker.id}"
