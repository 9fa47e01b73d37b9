"""The tables. Shape only: what is done with them stands in one file of functions per concern.

Rules: never ``sa_type`` on a datetime (SQLModel keeps UTC by itself), enums as plain strings, JSON as text that
``state.codec`` writes (canonical bytes, compared as bytes). A change here needs a migration; a test compares the two.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger, Index, MetaData, Text, UniqueConstraint, text
from sqlmodel import Field, SQLModel

NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}


class Table(SQLModel):
    """Base of all tables: one metadata of our own, with names that Alembic can find again."""

    metadata = MetaData(naming_convention=NAMING)


class LinkRow(Table, table=True):
    """A configured link, known by its name. ``seeded_*``: the kinds, with spaces between, of which the first full listing of that side is in hand.

    ``config_hash``: of the configuration it was last run under, ``mapped`` its rows, a line each, ``people`` who was taken
    for whom then (``mappings.people.dump``). ``accepted``: the terms (canonical JSON of what decides which items go over
    and what is written) under which it may run, "" before its first run; ``accepted_by`` says who let them go. ``fence``
    grows with every lease (S2); ``lease_until`` is in seconds of the database's clock. ``audited_at``: when every pair was
    last compared with what both sides really hold (S33).
    """

    __tablename__ = "link"

    id: int | None = Field(default=None, primary_key=True)
    name: str = Field(unique=True)
    left_connection: str
    left_container: str
    right_connection: str
    right_container: str
    seeded_left: str = ""
    seeded_right: str = ""
    config_hash: str = ""
    mapped: str = Field(default="", sa_type=Text)
    people: str = Field(default="", sa_type=Text)
    accepted: str = Field(default="", sa_type=Text)
    accepted_at: datetime | None = None
    accepted_by: str = ""
    fence: int = 0
    lease_until: int = Field(default=0, sa_type=BigInteger)
    lease_holder: str = ""
    audited_at: datetime | None = None


class CursorRow(Table, table=True):
    """How far one kind of one container was read, for all links that share it (S30). Stored with its inbox rows (S29).

    ``resume`` is where a listing that broke off goes on (``resume_for``: what it was for); ``polled_at`` is when the last complete listing *began*.
    """

    __tablename__ = "cursor"

    connection: str = Field(primary_key=True)
    container: str = Field(primary_key=True)
    kind: str = Field(primary_key=True)
    cursor: str | None = Field(default=None, sa_type=Text)
    resume: str | None = Field(default=None, sa_type=Text)
    resume_for: str = ""
    polls: int = 0
    polled_at: datetime | None = None
    lease_until: int = Field(default=0, sa_type=BigInteger)
    lease_holder: str = ""


class InboxRow(Table, table=True):
    """A changed record not settled yet, one row per item and link: a newer one replaces it (coalescing).

    ``record`` is NULL when the item was only announced. ``seq`` grows with every replacement, so that settling removes
    just what it read. ``position`` is the order of arrival on its side, 0 while there is no record. ``initial`` marks what the first full listing found. ``held`` keeps a row without trying it.
    """

    __tablename__ = "inbox"
    __table_args__ = (
        Index("ix_inbox_position", "link_id", "kind", "side", "position"),
        Index("ix_inbox_match", "link_id", "kind", "side", "match_key"),
        Index("ix_inbox_marker", "link_id", "kind", "side", "marker_key"),
    )

    link_id: int = Field(primary_key=True, foreign_key="link.id", ondelete="CASCADE")
    kind: str = Field(primary_key=True)
    side: str = Field(primary_key=True)
    item_id: str = Field(primary_key=True)
    record: str | None = Field(default=None, sa_type=Text)
    match_key: str | None = None
    marker_key: str | None = None
    initial: bool = False
    held: str | None = None
    position: int = 0
    seq: int = 1
    attempts: int = 0
    not_before: datetime | None = None
    received_at: datetime


class PairRow(Table, table=True):
    """Two records that are one thing (an entity as one link sees it), with the base of each side (S6).

    ``left``/``right`` are the records as last observed or confirmed. ``base_left``/``base_right`` hold only the fields
    whose base *differs* from that record: ``{}`` means the base is the record itself (the settled case).
    ``status``: live, vanished (evidence that a member is gone is being dealt with), unlinked (S26), deleted (we deleted one
    of the two by order). ``reason`` says why, of a live one what joined it. ``created_run``, ``settled_run`` are for people.
    ``paused_at``: since when a filter leaves one of the two out (S28); NULL while both take part. ``unfinished``: we made
    one of the two, and it was not yet told all that its partner said then (S20): its own filter waits for that.
    """

    __tablename__ = "pair"
    __table_args__ = (
        UniqueConstraint("link_id", "kind", "left_id"),
        UniqueConstraint("link_id", "kind", "right_id"),
        Index("ix_pair_entity", "entity"),
        Index("ix_pair_paused", "link_id", sqlite_where=text("paused_at IS NOT NULL")),
    )

    id: int | None = Field(default=None, primary_key=True)
    link_id: int = Field(foreign_key="link.id", ondelete="CASCADE")
    kind: str
    entity: str
    left_id: str
    right_id: str
    left: str = Field(sa_type=Text)
    right: str = Field(sa_type=Text)
    base_left: str = Field(default="{}", sa_type=Text)
    base_right: str = Field(default="{}", sa_type=Text)
    status: str = "live"
    reason: str = ""
    created_run: int | None = None
    settled_run: int | None = None
    paused_at: datetime | None = None
    unfinished: bool = False


class DeletionRow(Table, table=True):
    """Evidence that one member of a pair is gone (S25), until policy, grace and guard have let it be dealt with.

    ``moved``: it was not deleted but lives elsewhere now. ``guard``: "held" once the guard stopped it (S27), from then on
    until a person lets it pass ("allowed").
    """

    __tablename__ = "deletion"

    pair_id: int = Field(
        primary_key=True, foreign_key="pair.id", ondelete="CASCADE", sa_column_kwargs={"autoincrement": False}
    )
    link_id: int = Field(foreign_key="link.id", ondelete="CASCADE", index=True)
    kind: str
    side: str
    item_id: str
    evidence: str = Field(sa_type=Text)
    moved: bool = False
    seen_at: datetime
    guard: str = ""


class IntentRow(Table, table=True):
    """One write we mean to make: committed as ``sent`` before the request leaves, removed when its effect is settled.

    ``create_key`` makes a second create of the same entity in the same container impossible (S19).
    ``changes`` is {field: [before, after, rule]}; ``cursor`` the target's cursor when the create was sent.
    """

    __tablename__ = "intent"

    id: int | None = Field(default=None, primary_key=True)
    link_id: int = Field(foreign_key="link.id", ondelete="CASCADE", index=True)
    run_id: int
    pair_id: int | None = Field(default=None, foreign_key="pair.id", ondelete="CASCADE")
    kind: str
    side: str
    verb: str
    step: str
    item_id: str | None = None
    source_id: str | None = None
    entity: str = ""
    marker: str = ""
    create_key: str | None = Field(default=None, unique=True)
    changes: str = Field(sa_type=Text)
    cursor: str | None = Field(default=None, sa_type=Text)
    state: str = "sent"
    attempts: int = 0
    fence: int
    created_at: datetime


class ConflictRow(Table, table=True):
    """A field that both sides changed (S16, S17). ``state``: open, decided (waits for the next run), resolved.

    ``comments``: by side, the comment that asks on the item itself and what was heard there (state.conflicts.Asked).

    Values are JSON. ``decision`` is {"take": "left"|"right"|"base"|"value", "value": …}.
    """

    __tablename__ = "conflict"
    __table_args__ = (
        Index("ix_conflict_pair_id_field", "pair_id", "field"),
        Index(
            "uq_conflict_unresolved",
            "pair_id",
            "field",
            unique=True,
            # PostgreSQL's stands in the migration: naming it here would load that dialect, 60 ms at each start
            sqlite_where=text("resolved_at IS NULL"),
        ),
    )

    id: int | None = Field(default=None, primary_key=True)
    link_id: int = Field(foreign_key="link.id", ondelete="CASCADE", index=True)
    pair_id: int = Field(foreign_key="pair.id", ondelete="CASCADE")
    kind: str
    field: str
    title: str = ""
    base_left: str | None = Field(default=None, sa_type=Text)
    base_right: str | None = Field(default=None, sa_type=Text)
    left: str = Field(sa_type=Text)
    right: str = Field(sa_type=Text)
    left_version: str = ""
    right_version: str = ""
    left_at: datetime | None = None
    right_at: datetime | None = None
    left_by: str | None = None
    right_by: str | None = None
    state: str = "open"
    decision: str | None = Field(default=None, sa_type=Text)
    comments: str = Field(default="{}", sa_type=Text)
    opened_run: int
    opened_at: datetime
    moved_at: datetime
    resolved_at: datetime | None = None
    resolved_by: str | None = None


class ParkedRow(Table, table=True):
    """An item, or one field of it, that cannot go on until something changes (the dead letter).

    ``side`` is the side whose value cannot be delivered. ``field`` is "" for the whole item.
    """

    __tablename__ = "parked"
    __table_args__ = (UniqueConstraint("link_id", "kind", "side", "item_id", "field"),)

    id: int | None = Field(default=None, primary_key=True)
    link_id: int = Field(foreign_key="link.id", ondelete="CASCADE")
    kind: str
    side: str
    item_id: str
    field: str = ""
    title: str = ""
    url: str = ""
    reason: str
    message: str = Field(sa_type=Text)
    hint: str = Field(default="", sa_type=Text)
    attempts: int = 1
    config_hash: str = ""
    first_at: datetime
    last_at: datetime


class RunRow(Table, table=True):
    """One run of a link. ``counts`` is JSON; ``state``: running, done, stopped (a ceiling, a quota),
    guarded (S27), locked (lease lost), failed.
    """

    __tablename__ = "run"
    __table_args__ = (Index("ix_run_link_id_id", "link_id", "id"),)

    id: int | None = Field(default=None, primary_key=True)
    link_id: int = Field(foreign_key="link.id", ondelete="CASCADE")
    trigger: str
    state: str = "running"
    started_at: datetime
    finished_at: datetime | None = None
    counts: str = Field(default="{}", sa_type=Text)
    error: str = Field(default="", sa_type=Text)


class HistoryRow(Table, table=True):
    """One field of one write, with its before-image, or one event of a pair (``field`` is "" then).

    ``action``: create, update, unlink, relink, pin, conflict, resolve, release (of a frozen field), undo (a write that took
    one back), mark (one that says that the partner is gone), delete, vanish, return, restore.
    """

    __tablename__ = "history"
    __table_args__ = (Index("ix_history_pair_id_id", "pair_id", "id"), Index("ix_history_run_id", "run_id"))

    id: int | None = Field(default=None, primary_key=True)
    link_id: int = Field(foreign_key="link.id", ondelete="CASCADE")
    run_id: int
    pair_id: int | None = None
    kind: str
    side: str
    item_id: str
    action: str
    field: str = ""
    before: str | None = Field(default=None, sa_type=Text)
    after: str | None = Field(default=None, sa_type=Text)
    rule: str = ""
    at: datetime


class DeliveryRow(Table, table=True):
    """A webhook that was accepted, by its delivery id, so that a repeat changes nothing (S32)."""

    __tablename__ = "delivery"
    __table_args__ = (Index("ix_delivery_received_at", "received_at"),)

    connection: str = Field(primary_key=True)
    delivery_id: str = Field(primary_key=True)
    event: str = ""
    received_at: datetime


class DirectoryRow(Table, table=True):
    """Who can be named in a container, as its tracker last said (S14): what it calls them, the names it shows for them,
    their e-mail addresses and whether the account is active, nothing else. ``tried_at``: what the time of the next try is
    counted from, which lies before the last try where that failed in passing; ``error`` what it said then.
    """

    __tablename__ = "directory"

    connection: str = Field(primary_key=True)
    container: str = Field(primary_key=True)
    people: str = Field(default="[]", sa_type=Text)
    read_at: datetime | None = None
    tried_at: datetime
    error: str = Field(default="", sa_type=Text)
