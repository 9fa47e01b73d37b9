"""The contract between the engine and a tracker. A connector inherits nothing and knows no engine.

Words: *pull* lists what changed since a cursor; *fetch* reads one record now; *create* and *update* write.
A connector is made for one connection (one account on one tracker) and serves all its containers and kinds.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, Protocol, TypeAlias

from bridge.model import Fields, Marker, Person, Record, Ref, Schema


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What the tracker's API can do for one kind; ``reasons`` explains each lack to a person, by verb.

    ``index_lag_s``: how long after a write the record may be missing from listings and searches.
    ``answers_writes``: a write's answer holds the stored record; else it says only "done" (204).
    ``comments``: ``Connector.comments`` reads and posts comments of records, of at most ``comment_max`` characters.
    ``comments_move``: a new comment moves the record in the change feed; else only looking tells.
    ``closes``: the fields, with their values, that take a record out of people's way without deleting it; empty where
    the tracker knows no such thing. ``archives``: the same for putting it into the archive.
    """

    create: bool = True
    update: bool = True
    delete: bool = False
    find: bool = True
    webhooks: bool = True
    answers_writes: bool = True
    index_lag_s: int = 0
    comments: bool = False
    comment_max: int = 0
    comments_move: bool = True
    closes: Fields = field(default_factory=dict)
    archives: Fields = field(default_factory=dict)
    reasons: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Page:
    """One page of a listing.

    ``cursor`` is where a listing may start again once *this page* is stored: everything before it is in hand. It is
    opaque, versioned by the connector, made of the server's data or Date header (S30), and inclusive.
    ``quiet`` is True for the only page of a listing that found nothing new (304, or an empty overlap).
    ``sweep`` is set on the last page of a listing that also read the feeds no cursor covers: for every record of the
    container that has such values, the full values by field; a record not named has ``sweep_default``.
    ``complete`` is set on the last page of a listing that began at the beginning and read every page of it to the end:
    what none of its pages held was not there, as far as a listing can say (S25). False for one that went on from a
    cursor, was a 304, or found nothing at all, which is no evidence of anything.
    ``gone`` are ids that a feed of deletions named: hints to look at them, as webhooks are.
    """

    records: tuple[Record, ...]
    cursor: str
    last: bool
    quiet: bool = False
    sweep: Mapping[str, Fields] | None = None
    sweep_default: Fields = field(default_factory=dict)
    complete: bool = False
    gone: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Comment:
    """One comment. ``author`` is named as in the tracker's fields of people; times are the tracker's, aware UTC.

    ``key`` is the idempotency key of a comment that Bridge posted, which is not in ``text``; None for a person's.
    ``updated_at`` is None where the tracker does not say when a comment was edited.
    """

    id: str
    author: str
    text: str
    created_at: datetime
    updated_at: datetime | None = None
    key: str | None = None
    url: str = ""


@dataclass(frozen=True, slots=True)
class Step:
    """One HTTP call of a logical write, an intent of its own (S20). ``name`` is the connector's word for it."""

    name: str
    fields: frozenset[str]


@dataclass(frozen=True, slots=True)
class Hint:
    """What a webhook is good for: look at this item (S32). ``container`` as links name it."""

    container: str
    kind: str
    id: str


@dataclass(frozen=True, slots=True)
class Delivery:
    """A verified webhook. ``id`` is the same on redelivery."""

    id: str
    event: str
    hints: tuple[Hint, ...]


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of ``bridge config check --live``. ``hint`` says what to do about an error or a warning."""

    level: Literal["ok", "warning", "error"]
    what: str
    hint: str = ""


@dataclass(frozen=True, slots=True)
class Usage:
    """What a connection has used and may use. ``remaining``/``limit`` are the tracker's own numbers where it gives them.

    ``skew_s`` is the server's Date less our clock, in seconds, for display and for policy ``newest`` only.
    """

    requests: int = 0
    writes: int = 0
    not_modified: int = 0
    limit: int | None = None
    remaining: int | None = None
    resets_at: datetime | None = None
    skew_s: int | None = None


BeforeSend: TypeAlias = Callable[[], Awaitable[None]]
"""Asked right before each writing request of a call leaves: after all waiting, and again before each further try. What
it raises stops the request and reaches the caller as it is (S2: a lease that was lost while the request waited)."""

ConfigClass: TypeAlias = type[Any]

Vocabulary: TypeAlias = Mapping[str, Mapping[str, Any]]
"""By kind and standard name, the tracker's field; of a choice a table: ``field``, and its names by meaning."""


@dataclass(frozen=True, slots=True)
class Plugin:
    """What an entry point of the group ``bridge.connectors`` names: a new ``type`` for ``[connections.*]``.

    ``config`` is a pydantic model with ``extra="forbid"``; secrets in it are ``SecretStr``. ``connect`` is called as
    ``connect(name, config)`` and may do no I/O.
    ``vocabulary``: what the tracker calls the standard things, as a file ``mappings/presets/TYPE.toml`` of the shipped
    types says it; from two of them the rows of a link are made. None for those types, and for one that people must map.
    """

    type: str
    config: ConfigClass
    connect: Callable[..., Connector]
    vocabulary: Vocabulary | None = None


class Comments(Protocol):
    """The comments of records of those kinds whose ``Capabilities.comments`` says so."""

    async def post(self, ref: Ref, text: str, *, key: str, before_send: BeforeSend | None = None) -> Comment:
        """Post one comment that carries ``key``, by which ``read`` shows it again; never posted twice by itself.

        Raises RejectedError for a text that is too long and for a kind without comments, GoneError and ContainerError
        as ``Connector.fetch``, PermissionError_ where this record takes none (a locked issue), UnknownOutcome.
        """

    async def read(self, ref: Ref, since: datetime | None = None) -> tuple[Comment, ...]:
        """The comments that were written or edited at ``since`` or later, oldest first, replies among them.

        Raises as ``Connector.fetch``; RejectedError for a kind without comments.
        """


class Directory(Protocol):
    """Who can be named in a container. Optional: a connector that has one names it in an attribute ``directory``."""

    async def people(self, container: str) -> tuple[Person, ...]:
        """Everybody whom items of this container can name, asked for now, every page of it; each name once.

        Raises the TrackerError tree; PermissionError_ or ContainerError where the account may not see the list.
        """


class Queries(Protocol):
    """A search for tasks in the tracker's own words. Optional: a connector that has it names it in an attribute ``queries``.

    ``asks``: whether it takes a request to know which records a query finds.
    """

    asks: bool

    def wrong(self, query: str) -> str:
        """Why this text is no query, as far as it can be told without asking; "" where it may be one."""

    async def try_out(self, container: str, query: str) -> None:
        """Ask for it once. Raises RejectedError in the tracker's words where it is none."""

    def pull(
        self, container: str, query: str, *, fields: frozenset[str], sweep: bool
    ) -> AsyncIterator[tuple[Page, bool]]:
        """All tasks that the query finds, as ``Connector.pull`` without a cursor lists all there are; and before them, found
        or not, those that this account made, for their markers tell what they are copies of. Each page with whether the
        query has found its records; what it finds comes last.

        From the last page's cursor on ``Connector.pull`` lists the changes of every task; from that of any other page the
        rest, among others.
        """

    async def matching(self, container: str, query: str, records: Sequence[Record]) -> frozenset[str]:
        """The ids of those tasks among ``records`` that the query finds now."""


def queries_of(connector: Connector) -> Queries | None:
    """A connector's search; None where the tracker has none that Bridge uses."""
    found: Queries | None = getattr(connector, "queries", None)
    return found


def directory_of(connector: Connector) -> Directory | None:
    """A connector's directory; None where the tracker shows no list of people."""
    found: Directory | None = getattr(connector, "directory", None)
    return found


class Connector(Protocol):
    """One account on one tracker. Every method may raise the TrackerError tree of ``bridge.errors``."""

    name: str
    """The connection's name in the configuration."""

    comments: Comments | None
    """None where the tracker has no comments."""

    def kinds(self) -> Mapping[str, Capabilities]:
        """The kinds this tracker has, with what can be done to each."""

    async def check(
        self, container: str, kind: str, verbs: Collection[str], maps: Mapping[str, Collection[str]]
    ) -> list[Finding]:
        """Look, without writing, whether the credential works, the container is there, each verb of ``create, update,
        delete`` is allowed and each name in ``maps`` (field → names) exists there.
        """

    async def schema(self, container: str, kind: str, *, fields: frozenset[str]) -> Schema:
        """The fields a record of ``kind`` can have here. Asks the tracker only when one of ``fields`` needs it (custom
        fields), so that a quiet run costs nothing; cached for the connector's life.
        """

    def pull(
        self, container: str, kind: str, cursor: str | None, *, fields: frozenset[str], sweep: bool
    ) -> AsyncIterator[Page]:
        """List what changed since ``cursor``, oldest change first; all of it when ``cursor`` is None or not understood.

        At least one page, the last one with ``last``. An item that changes during the walk is listed again, never lost.
        ``fields`` are the names the mapping uses: feeds that serve none of them are not read.
        ``sweep`` asks for the feeds no cursor covers as well; a full listing always reads them.
        """

    async def fetch(self, ref: Ref, *, fields: frozenset[str]) -> Record:
        """One record, complete in ``fields``.

        Raises GoneError with evidence (S25): 410, or 404 while the container answers; ``moved_to`` names where it went.
        ContainerError when the container itself does not answer, PermissionError_ when this one record is not shown
        (403), NotFoundError for a 404 that proves nothing: none of these says that it is gone.
        """

    async def container_healthy(self, container: str) -> bool:
        """Whether the container itself answers and shows its records, asked now with one request (S25).

        False when it is missing, hidden, archived with its records, or has its issues turned off.
        """

    def steps(self, kind: str, fields: Collection[str], *, creating: bool) -> tuple[Step, ...]:
        """Split a logical write into calls, in order. With ``creating`` the first step is the create call itself and
        its ``fields`` are those it carries.
        """

    async def create(
        self,
        container: str,
        kind: str,
        fields: Fields,
        marker: Marker,
        *,
        key: str,
        before_send: BeforeSend | None = None,
    ) -> Record:
        """Send the create step once, marker included. ``key`` is the idempotency key, used where the API honours one.

        Raises UnknownOutcome when it may have happened.
        """

    async def update(
        self, ref: Ref, step: Step, changes: Fields, current: Record, *, before_send: BeforeSend | None = None
    ) -> Record:
        """Send one step. ``changes`` are the new values; ``current`` is the whole record as last observed, for calls
        that replace everything, and carries the marker to keep.

        Returns what the side holds now: the server's answer, or ``current`` with ``changes`` where it answers nothing.
        Compare, do not assume: a server may drop or normalise what was sent.
        """

    async def delete(self, ref: Ref, *, before_send: BeforeSend | None = None) -> None:
        """Remove one record. Raises RejectedError where the API cannot, GoneError when it is gone already."""

    async def find(
        self, container: str, kind: str, markers: Collection[Marker], since: str | None
    ) -> Mapping[Marker, Record]:
        """The records that carry these markers; absent ones are missing from the answer. ``since`` is the cursor stored
        before the create was sent: nothing older need be read.
        """

    def verify(self, headers: Mapping[str, str], body: bytes) -> Delivery:
        """Check a webhook on its raw body. ``headers`` have lower-case names. Raises SignatureError."""

    def usage(self) -> Usage:
        """Requests so far and what the tracker says is left."""

    def item_url(self, ref: Ref) -> str:
        """Where a person can look at it; "" when not known."""

    async def aclose(self) -> None:
        """Give back the sockets."""


def ordered(values: Collection[str]) -> tuple[str, ...]:
    """A set as a Value: sorted, without repeats."""
    return tuple(sorted(set(values)))
