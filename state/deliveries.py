"""Webhook deliveries that were accepted, so that a repeat changes nothing (S32)."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import delete
from sqlmodel import Session

from state.bulk import insert
from state.tables import DeliveryRow

_table: Any = DeliveryRow.__table__  # type: ignore[attr-defined]


def accept(session: Session, connection: str, delivery_id: str, event: str, now: datetime) -> bool:
    """Remember a delivery. False: it was seen before, also when two processes are told at once."""
    statement = insert(session, DeliveryRow).values(
        connection=connection, delivery_id=delivery_id, event=event, received_at=now
    )
    stored = statement.on_conflict_do_nothing(index_elements=["connection", "delivery_id"]).returning(
        _table.c.delivery_id
    )
    return session.execute(stored).first() is not None


def prune(session: Session, *, keep_days: int, now: datetime) -> int:
    """Forget older deliveries. Returns how many."""
    result: Any = session.execute(delete(_table).where(_table.c.received_at < now - timedelta(days=keep_days)))
    return int(result.rowcount)
