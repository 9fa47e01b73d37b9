"""Is the database sound? Looks at every row in one consistent view, a few at a time, and changes nothing.

Refuses: the configuration, the trackers, repairs.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from sqlalchemy import and_, exists, func, or_, select
from sqlalchemy.exc import DBAPIError
from sqlmodel import Session

from bridge.errors import LockedError, StateError
from bridge.model import Ref
from state import connect, links, verify_pairs
from state.backup import VERSION_TABLE
from state.codec import load, load_record, load_value
from state.faults import is_passing
from state.findings import Finding, Look
from state.store import Store
from state.tables import Table

_MOST_LEASE_S: Final = 3600
"""No lease is taken for longer."""

_MOST_WAIT: Final = timedelta(days=2)
"""No item is put off for longer."""

_RESTORE: Final = "Put the newest backup in the database's place, or make it anew: bridge state rebuild."

_tables: Final = Table.metadata.tables
_inbox, _pair, _parked = _tables["inbox"], _tables["pair"], _tables["parked"]


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a look came to. ``more``: how many findings of a check are not listed; ``counts``: rows by table."""

    place: str
    findings: tuple[Finding, ...]
    more: Mapping[str, int]
    counts: Mapping[str, int]

    @property
    def is_sound(self) -> bool:
        """Whether nothing is wrong; what is odd may stay."""
        return all(one.odd for one in self.findings)


def verify(url: str) -> Verdict:
    """Look at a database as a whole. It may be in use: what is judged is one moment of it.

    Raises: ConfigError (the URL), LockedError. All else that is wrong with it is a finding.
    """
    place = connect.parse(url, 5.0).place
    try:
        with Store.open(url, migrate=False) as store:
            return store.read_sync(_look, place)
    except LockedError:
        raise
    except StateError as error:
        return Verdict(place, (Finding("database", place, error.message.rstrip("."), error.hint),), {}, {})


def _look(session: Session, place: str) -> Verdict:
    look = Look(session, place)
    is_sqlite = session.connection().dialect.name == "sqlite"
    for name, check in _CHECKS.items():
        try:
            check(look)
        except DBAPIError as error:
            if is_passing(error):
                raise
            look.tell("database", place, f"its {name} cannot be looked at: {str(error.orig).splitlines()[0]}", _RESTORE)
            if not is_sqlite:
                break  # PostgreSQL answers nothing more in this transaction
        if name == "pages" and look.found:
            break
    return Verdict(place, tuple(look.found), look.more, look.counts)


# --- the database itself ------------------------------------------------------------------------------------------------


def _pages(look: Look) -> None:
    """SQLite's own look at its pages and indexes. PostgreSQL keeps them by itself, as it does references."""
    if look.session.connection().dialect.name != "sqlite":
        return
    for (said,) in look.session.connection().exec_driver_sql("PRAGMA integrity_check(20)"):
        if said != "ok":
            look.tell("database", look.place, f"it is damaged: {' '.join(str(said).split())}", _RESTORE)


def _references(look: Look) -> None:
    """Rows that refer to rows which are not there."""
    connection = look.session.connection()
    if connection.dialect.name == "sqlite":
        for table, rowid, parent, _ in connection.exec_driver_sql("PRAGMA foreign_key_check"):
            what = f"it refers to a {parent} that is not there"
            look.tell("references", f"table {table}, row {rowid}", what, _RESTORE)


def _schema(look: Look) -> None:
    """Whether the tables are those this version works with, by Alembic's own comparison."""
    from alembic.autogenerate import compare_metadata  # noqa: PLC0415 — 0.1 s that other commands do not need
    from alembic.migration import MigrationContext  # noqa: PLC0415

    options = {"version_table": VERSION_TABLE, "compare_server_default": True}
    context = MigrationContext.configure(look.session.connection(), opts=options)
    for difference in compare_metadata(context, Table.metadata):
        first = difference[0] if isinstance(difference, list) else difference
        verb, *what = first
        named = (part if isinstance(part, str) else getattr(part, "name", None) for part in what)
        names = [str(name) for name in named if name is not None]
        said = (
            f"its tables are not those of this version: to {verb.replace('_', ' ')} {' '.join(names[:3])} would mend it"
        )
        do = f"Did another program change it? {_RESTORE}"
        look.tell("tables", look.place, said, do, odd=verb.startswith("remove"))


def _counted(look: Look) -> None:
    """Links by id, for all that follows, and how many rows there are."""
    look.links = {row.id or 0: row for row in links.all_links(look.session)}
    for name, table in sorted(_tables.items()):
        look.counts[name] = int(look.session.execute(select(func.count()).select_from(table)).scalar_one())
    for status, number in look.session.execute(select(_pair.c.status, func.count()).group_by(_pair.c.status)):
        look.counts[f"pair_{status}"] = int(number)


# --- what waits ---------------------------------------------------------------------------------------------------------


def _arrivals(look: Look) -> None:
    """Rows of the inbox, each by itself."""
    latest = datetime.now(UTC) + _MOST_WAIT
    for row in look.rows(select(_inbox).order_by(_inbox.c.link_id, _inbox.c.kind, _inbox.c.side, _inbox.c.item_id)):
        name = look.name(row.link_id)
        where = f"link {name}, inbox, {row.side} {row.item_id}"
        do = f"bridge sync {name} --full reads it again."
        if row.side not in ("left", "right"):
            look.tell("inbox", where, "its side is neither left nor right", f"bridge state rebuild {name}")
        if row.record is not None:
            ref = Ref("", "", row.kind, row.item_id)
            look.reads("inbox", where, "its record", do, load_record, row.record, ref)
        if (row.record is None) != (row.position == 0):
            look.tell("inbox", where, "it has no place in the order of arrival, so no run takes it", do)
        if row.not_before is not None and row.not_before > latest:
            look.tell("inbox", where, f"it is put off until {row.not_before:%Y-%m-%d}", do, odd=True)


def _waits_for_ever(look: Look) -> None:
    """Rows of items whose pair is not synced any more, which no run comes to."""
    for side in ("left", "right"):
        stuck = exists().where(*_same_item(_parked), _parked.c.field == "")
        query = (
            select(_inbox.c.link_id, _inbox.c.item_id, _pair.c.status)
            .join(_pair, and_(_pair.c.link_id == _inbox.c.link_id, _pair.c.kind == _inbox.c.kind))
            .where(_inbox.c.side == side, _pair.c[f"{side}_id"] == _inbox.c.item_id)
            .where(_pair.c.status.in_(verify_pairs.ENDED), or_(_inbox.c.held.is_not(None), stuck))
        )
        for link_id, item_id, status in look.rows(query):
            what = f"it waits, and its pair is {status}: no run comes to it"
            do = f"bridge pairs relink {item_id} syncs it again."
            look.tell("inbox", f"link {look.name(link_id)}, inbox, {side} {item_id}", what, do)


def _same_item(table: Any) -> tuple[Any, ...]:
    return tuple(table.c[name] == _inbox.c[name] for name in ("link_id", "kind", "side", "item_id"))


def _conflicts(look: Look) -> None:
    table = _tables["conflict"]
    query = select(table, _pair.c.link_id.label("pair_link"), _pair.c.status, _pair.c.left_id).join(
        _pair, _pair.c.id == table.c.pair_id, isouter=True
    )
    for row in look.rows(query.order_by(table.c.id)):
        name = look.name(row.link_id)
        where, again = f"link {name}, conflict {row.id} ({row.field})", f"bridge state rebuild {name}"
        for column in ("base_left", "base_right", "left", "right"):
            text = getattr(row, column)
            if text is not None:
                look.reads("conflicts", where, f"its value {column}", again, load_value, text)
        if row.decision is not None:
            look.reads(
                "conflicts",
                where,
                "its decision",
                f"bridge conflicts resolve {row.id}",
                _decision,
                row.decision,
            )
        if row.pair_link != row.link_id:
            look.tell("conflicts", where, "its pair is not one of this link", again)
        if row.resolved_at is None and row.status in verify_pairs.ENDED:
            what = f"it is open, and its pair is {row.status}: nothing will close it"
            look.tell("conflicts", where, what, f"bridge pairs relink {row.left_id} syncs the pair again.")
        if not _state_fits(row):
            what = f"its state {row.state!r} does not go with its decision and its end"
            look.tell("conflicts", where, what, f"Decide it again: bridge conflicts resolve {row.id}")


def _decision(text: str) -> None:
    """Raises ValueError or KeyError for what is no decision."""
    held = load(text)
    if "take" in held:
        if held["take"] not in ("left", "right", "base"):
            raise ValueError(f"nobody can take {held['take']!r}")
    elif held["side"] not in ("left", "right") or "value" not in held:
        raise ValueError("it says neither what to take nor a value")


def _state_fits(row: Any) -> bool:
    if row.state == "resolved":
        return row.resolved_at is not None
    return row.resolved_at is None and row.state == ("open" if row.decision is None else "decided")


def _stuck(look: Look) -> None:
    """Parked rows whose item neither waits nor is in a pair."""
    waiting = exists().where(*(_inbox.c[name] == _parked.c[name] for name in ("link_id", "kind", "side", "item_id")))
    of_link = and_(_pair.c.link_id == _parked.c.link_id, _pair.c.kind == _parked.c.kind)
    paired = exists().where(
        of_link,
        or_(
            and_(_parked.c.side == "left", _pair.c.left_id == _parked.c.item_id),
            and_(_parked.c.side == "right", _pair.c.right_id == _parked.c.item_id),
        ),
    )
    for row in look.rows(select(_parked).where(~waiting, ~paired).order_by(_parked.c.id)):
        where = f"link {look.name(row.link_id)}, parked {row.id}"
        what = f"{row.side} {row.item_id} neither waits nor is in a pair"
        look.tell("parked", where, what, f"bridge parked retry {row.id} reads it again.", odd=True)


def _intents(look: Look) -> None:
    """Writes under way: each must say what it was, so that the next run can find out what became of it (S3)."""
    table = _tables["intent"]
    for row in look.rows(select(table).order_by(table.c.id)):
        name = look.name(row.link_id)
        where, again = f"link {name}, intent {row.id} ({row.verb} on the {row.side})", f"bridge state rebuild {name}"
        changes = look.reads("intents", where, "its changes", again, load, row.changes)
        if changes is not None and not _are_changes(changes):
            look.tell("intents", where, "its changes do not say before, after and why", again)
        if row.side not in ("left", "right") or row.state not in ("sent", "unknown"):
            look.tell("intents", where, f"its side or its state ({row.state!r}) means nothing", again)
        if row.verb == "create":
            lacks = not (row.source_id and row.marker and row.create_key)
        else:
            lacks = not row.item_id or row.pair_id is None
        if lacks:
            look.tell("intents", where, "it does not say which item it is about", again)
        link = look.links.get(row.link_id)
        if link is not None and row.fence > link.fence:
            look.tell("intents", where, f"its fence {row.fence} is newer than the link's ({link.fence})", _RESTORE)


def _are_changes(changes: Any) -> bool:
    return isinstance(changes, dict) and all(isinstance(held, list) and len(held) == 3 for held in changes.values())


def _deletions(look: Look) -> None:
    """Evidence that an item is gone belongs to a pair that waits for what is to be done about it, and to no other."""
    table = _tables["deletion"]
    query = select(table, _pair.c.left_id, _pair.c.right_id).join(_pair, _pair.c.id == table.c.pair_id)
    for row in look.rows(query.order_by(table.c.pair_id)):
        if row.item_id != (row.left_id if row.side == "left" else row.right_id):
            where = f"link {look.name(row.link_id)}, deletion of {row.side} {row.item_id}"
            again = f"bridge state rebuild {look.name(row.link_id)}"
            look.tell("deletions", where, f"pair {row.pair_id} does not hold that item", again)
    lost = _pair.c.id.not_in(select(table.c.pair_id))
    columns = (_pair.c.id, _pair.c.link_id, _pair.c.left_id)
    for row in look.rows(select(*columns).where(_pair.c.status == "vanished", lost).order_by(_pair.c.id)):
        where = f"link {look.name(row.link_id)}, pair {row.id}"
        what = "one of its items is said to be gone and nothing says which: no run comes to it"
        look.tell("deletions", where, what, f"bridge pairs relink {row.left_id} looks again.")


# --- leases, cursors, what is told --------------------------------------------------------------------------------------


def _leases(look: Look) -> None:
    """Leases that would hold for ever, and cursors. Leases are on the database's clock, which may differ a little."""
    latest = int(time.time()) + _MOST_LEASE_S
    for link in look.links.values():
        where = f"link {link.name}, lease"
        if link.fence < 0:
            look.tell("leases", where, f"its fence is {link.fence}", _RESTORE)
        if link.lease_until > latest:
            _too_long(look, where, link.lease_holder, f"link SET lease_until = 0 WHERE id = {link.id}")
    table = _tables["cursor"]
    for row in look.rows(select(table).order_by(table.c.connection, table.c.container, table.c.kind)):
        where = f"cursor of {row.connection}:{row.container} ({row.kind})"
        if row.lease_until > latest:
            _too_long(look, where, row.lease_holder, f"cursor SET lease_until = 0 WHERE container = '{row.container}'")
        for name in ("cursor", "resume"):
            text = getattr(row, name)
            if text is not None and not (isinstance(text, str) and text.strip()):
                what = f"its {name} is empty, so that the next poll lists everything"
                look.tell("cursors", where, what, "Nothing is to be done.", odd=True)
        if row.resume is not None and not row.resume_for:
            look.tell("cursors", where, "a listing broke off, and for whom it was is not known", _RESTORE, odd=True)


def _too_long(look: Look, where: str, holder: str, statement: str) -> None:
    what = f"it is held by {holder or 'nobody'} for hours more, so that nobody else can work"
    look.tell("leases", where, what, f"When no Bridge runs anywhere: UPDATE {statement}")


def _told(look: Look) -> None:
    """Runs and history: texts that only people read."""
    runs, history = _tables["run"], _tables["history"]
    for row in look.rows(select(runs.c.id, runs.c.link_id, runs.c.counts).order_by(runs.c.id)):
        where = f"link {look.name(row.link_id)}, run {row.id}"
        look.reads("history", where, "what it counted", _RESTORE, load, row.counts)
    columns = (history.c.id, history.c.link_id, history.c.before, history.c.after)
    for row in look.rows(select(*columns).order_by(history.c.id)):
        where = f"link {look.name(row.link_id)}, history {row.id}"
        for text in (row.before, row.after):
            if text is not None:
                look.reads("history", where, "a value", _RESTORE, load_value, text)


_CHECKS: Final[Mapping[str, Callable[[Look], None]]] = {
    "pages": _pages,
    "tables": _schema,
    "references": _references,
    "rows": _counted,
    "pairs": verify_pairs.check,
    "inbox": _arrivals,
    "waiting rows": _waits_for_ever,
    "conflicts": _conflicts,
    "parked rows": _stuck,
    "intents": _intents,
    "deletions": _deletions,
    "leases and cursors": _leases,
    "runs and history": _told,
}
