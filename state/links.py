"""Links as the state knows them: identity, first contact, which links share a container."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import delete, or_, update
from sqlmodel import Session, col, select

from bridge.model import Side
from state.tables import ConflictRow, HistoryRow, InboxRow, IntentRow, LinkRow, PairRow, ParkedRow


@dataclass(frozen=True, slots=True)
class Ends:
    """A configured link: its name and the two containers it keeps in step."""

    name: str
    left_connection: str
    left_container: str
    right_connection: str
    right_container: str


@dataclass(frozen=True, slots=True)
class Sharer:
    """One side of one link that reads a container (S30). ``seeded``: its first full listing of the kind is in hand."""

    link_id: int
    name: str
    side: Side
    seeded: bool


def ensure(session: Session, links: Iterable[Ends]) -> dict[str, int]:
    """Know every configured link; link ids by name, but for those that ``moved``."""
    known = {row.name: row for row in session.exec(select(LinkRow))}
    ids: dict[str, int] = {}
    for ends in links:
        row = known.get(ends.name)
        if row is None:
            row = LinkRow(
                name=ends.name,
                left_connection=ends.left_connection,
                left_container=ends.left_container,
                right_connection=ends.right_connection,
                right_container=ends.right_container,
            )
            session.add(row)
            session.flush()
        elif _ends(row) != ends:
            continue
        assert row.id is not None
        ids[ends.name] = row.id
    return ids


def moved(session: Session, links: Iterable[Ends]) -> dict[str, str]:
    """By name, what is wrong with links that join other containers than they did: their pairs would be taken for pairs of
    those.
    """
    known = {row.name: _ends(row) for row in session.exec(select(LinkRow))}
    return {
        ends.name: f'link "{ends.name}" joined {_said(before)} until now and joins {_said(ends)} in this configuration'
        for ends in links
        if (before := known.get(ends.name, ends)) != ends
    }


def _ends(row: LinkRow) -> Ends:
    return Ends(row.name, row.left_connection, row.left_container, row.right_connection, row.right_container)


def _said(ends: Ends) -> str:
    return f"{ends.left_connection}:{ends.left_container} and {ends.right_connection}:{ends.right_container}"


def get(session: Session, link_id: int) -> LinkRow:
    """One link by id."""
    return session.exec(select(LinkRow).where(LinkRow.id == link_id)).one()


def all_links(session: Session) -> list[LinkRow]:
    """Every link the state has ever known, by name."""
    return list(session.exec(select(LinkRow).order_by(LinkRow.name)))


def forget(session: Session, name: str) -> None:
    """Forget what is known of a link but for what was done (runs, history): its next run is a first contact."""
    row = session.exec(select(LinkRow).where(LinkRow.name == name)).first()
    if row is None:
        return
    for table in (IntentRow, ConflictRow, ParkedRow, InboxRow, PairRow):
        session.execute(delete(table).where(col(table.link_id) == row.id))
    session.execute(update(HistoryRow).where(col(HistoryRow.link_id) == row.id).values(pair_id=None))
    row.seeded_left = row.seeded_right = ""
    session.add(row)


def sharers(session: Session, connection: str, container: str, kind: str) -> list[Sharer]:
    """The sides of all links that read this container, in the order of their ids."""
    rows = session.exec(
        select(LinkRow)
        .where(
            or_(
                (col(LinkRow.left_connection) == connection) & (col(LinkRow.left_container) == container),
                (col(LinkRow.right_connection) == connection) & (col(LinkRow.right_container) == container),
            )
        )
        .order_by(col(LinkRow.id))
    )
    found = []
    for row in rows:
        assert row.id is not None
        if (row.left_connection, row.left_container) == (connection, container):
            found.append(Sharer(row.id, row.name, "left", is_seeded(row, "left", kind)))
        else:
            found.append(Sharer(row.id, row.name, "right", is_seeded(row, "right", kind)))
    return found


def is_seeded(row: LinkRow, side: Side, kind: str) -> bool:
    """Whether the first full listing of one kind of one side is in hand."""
    return kind in (row.seeded_left if side == "left" else row.seeded_right).split()


def mark_seeded(session: Session, link_id: int, side: Side, kind: str) -> None:
    """The first full listing of this kind of this side is stored."""
    _set_seeded(session, link_id, side, lambda kinds: kinds | {kind})


def forget_seed(session: Session, link_id: int, side: Side, kind: str) -> None:
    """A poll went on without this link: when it is configured again it needs a full listing."""
    _set_seeded(session, link_id, side, lambda kinds: kinds - {kind})


def note_config(session: Session, link_id: int, config_hash: str, mapped: str) -> None:
    """Remember the configuration a link runs under, and the names of the rows that it maps."""
    row = session.get_one(LinkRow, link_id)
    row.config_hash, row.mapped = config_hash, mapped
    session.add(row)


def note_people(session: Session, link_id: int, people: str) -> None:
    """Remember who was taken for whom."""
    row = session.get_one(LinkRow, link_id)
    row.people = people
    session.add(row)


def accept(session: Session, link_id: int, terms: str, now: datetime, *, by: str) -> None:
    """From now on the link may run under these terms."""
    row = session.get_one(LinkRow, link_id)
    row.accepted, row.accepted_at, row.accepted_by = terms, now, by
    session.add(row)


def mark_audited(session: Session, link_id: int, now: datetime) -> None:
    """Every pair of the link was compared with what both sides really hold (S33)."""
    row = session.get_one(LinkRow, link_id)
    row.audited_at = now
    session.add(row)


def _set_seeded(session: Session, link_id: int, side: Side, change: Callable[[set[str]], set[str]]) -> None:
    row = session.get_one(LinkRow, link_id)
    before = set((row.seeded_left if side == "left" else row.seeded_right).split())
    setattr(row, f"seeded_{side}", " ".join(sorted(change(before))))
    session.add(row)
