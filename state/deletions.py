"""Records of which there is evidence that they were deleted, until that is dealt with (S25–S27)."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import delete, func, select, update
from sqlmodel import Session

from bridge.model import Side
from state.bulk import upsert
from state.pairs import set_status
from state.tables import DeletionRow


@dataclass(frozen=True, slots=True)
class Deletion:
    """One member of a pair that is gone: which side, what says so, since when. ``moved``: it lives on elsewhere. ``guard``: "held", "allowed" or not
    stopped so far (S27).
    """

    pair_id: int
    kind: str
    side: Side
    item_id: str
    evidence: str
    moved: bool
    seen_at: datetime
    guard: str = ""


_table: Any = DeletionRow.__table__  # type: ignore[attr-defined]
_COLUMNS = tuple(_table.c[name] for name in Deletion.__dataclass_fields__)


def note(session: Session, link_id: int, found: Deletion) -> None:
    """Keep the evidence and stop writing the pair. Of two sides that vanish the first one stands."""
    names = tuple(Deletion.__dataclass_fields__)
    row = tuple(getattr(found, name) for name in names)
    same = {"link_id": link_id}
    upsert(session, DeletionRow, names, [row], keys=("pair_id",), same=same, replace=("evidence",))
    set_status(session, found.pair_id, "vanished", found.evidence)


def find(session: Session, link_id: int) -> list[Deletion]:
    """What waits to be dealt with, oldest evidence first."""
    query = select(*_COLUMNS).where(_table.c.link_id == link_id).order_by(_table.c.seen_at, _table.c.pair_id)
    return [Deletion(*row) for row in session.execute(query)]


def set_guard(session: Session, pair_ids: Collection[int], guard: str) -> None:
    """The guard stopped them ("held"), or a person let them pass ("allowed")."""
    session.execute(update(_table).where(_table.c.pair_id.in_(sorted(pair_ids))).values(guard=guard))


def count(session: Session, link_id: int) -> int:
    return int(session.execute(select(func.count()).where(_table.c.link_id == link_id)).scalar_one())


def forget(session: Session, pair_ids: Collection[int]) -> None:
    """Dealt with, or not gone after all."""
    if pair_ids:
        session.execute(delete(_table).where(_table.c.pair_id.in_(sorted(pair_ids))))
