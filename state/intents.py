"""The outbox: writes that were committed before they were sent and whose effect is not settled yet (S18)."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from sqlalchemy import delete, insert, update
from sqlmodel import Session, col, select

from state.tables import IntentRow


def add_many(session: Session, rows: Sequence[Mapping[str, Any]]) -> list[int]:
    """Commit to writes; their ids in the same order. A second create of one entity in one container fails (S19)."""
    if not rows:
        return []
    table: Any = IntentRow.__table__  # type: ignore[attr-defined]
    result = session.connection().execute(
        insert(table).returning(table.c.id, sort_by_parameter_order=True), [dict(row) for row in rows]
    )
    return [row[0] for row in result]


def remove(session: Session, ids: Collection[int]) -> None:
    """Their outcome is known and stored."""
    if ids:
        session.execute(delete(IntentRow).where(col(IntentRow.id).in_(sorted(ids))))


def doubt(session: Session, ids: Collection[int]) -> None:
    """Sent, and nobody knows what became of it: to be found out before anything else (S3)."""
    if ids:
        session.execute(update(IntentRow).where(col(IntentRow.id).in_(sorted(ids))).values(state="unknown"))


def unfinished(session: Session, link_id: int) -> list[IntentRow]:
    """All intents of a link, oldest first. At the start of a run each of them is unknown."""
    return list(session.exec(select(IntentRow).where(IntentRow.link_id == link_id).order_by(col(IntentRow.id))))


def taken(session: Session, keys: Collection[str]) -> set[str]:
    """Which of these create keys somebody is creating right now."""
    if not keys:
        return set()
    return set(session.exec(select(IntentRow.create_key).where(col(IntentRow.create_key).in_(sorted(keys))))) - {None}  # type: ignore[return-value]
