"""The runs of links: when, why, what came of them."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import delete, func, insert, select, update
from sqlmodel import Session

from state.codec import dump, load
from state.tables import RunRow

BROKEN = "The process ended before the run did."


@dataclass(frozen=True, slots=True)
class Run:
    """One run. ``state``: running, done, stopped, guarded, locked, failed. ``counts``: what was done, by name."""

    id: int
    link_id: int
    trigger: str
    state: str
    started_at: datetime
    finished_at: datetime | None
    counts: Mapping[str, int]
    error: str


_table: Any = RunRow.__table__  # type: ignore[attr-defined]
_COLUMNS = tuple(_table.c[name] for name in Run.__dataclass_fields__)


def start_run(session: Session, link_id: int, trigger: str, now: datetime) -> int:
    """Begin a run and return its id. The caller holds the link's lease, so a run still ``running`` broke off: failed."""
    session.execute(
        update(_table)
        .where(_table.c.link_id == link_id, _table.c.state == "running")
        .values(state="failed", finished_at=now, error=BROKEN)
    )
    values = {
        "link_id": link_id,
        "trigger": trigger,
        "state": "running",
        "started_at": now,
        "counts": "{}",
        "error": "",
    }
    return int(session.execute(insert(_table).values(values).returning(_table.c.id)).scalar_one())


def finish_run(
    session: Session, run_id: int, *, state: str, counts: Mapping[str, int], now: datetime, error: str = ""
) -> None:
    """Close a run. ``error`` is for people and holds no secret."""
    session.execute(
        update(_table)
        .where(_table.c.id == run_id)
        .values(state=state, counts=dump(dict(counts)), finished_at=now, error=error)
    )


def get(session: Session, run_id: int) -> Run | None:
    """One run by its number."""
    row = session.execute(select(*_COLUMNS).where(_table.c.id == run_id)).first()
    return None if row is None else _run(row)


def find(session: Session, *, link_id: int | None = None, limit: int = 20) -> list[Run]:
    """Runs of one link or of all, newest first."""
    query = select(*_COLUMNS).order_by(_table.c.id.desc()).limit(limit)
    if link_id is not None:
        query = query.where(_table.c.link_id == link_id)
    return [_run(row) for row in session.execute(query)]


def latest(session: Session, *, states: Collection[str] = ()) -> dict[int, Run]:
    """The newest run of each link, by link id; with ``states`` the newest in one of them (``done``: last success)."""
    newest = select(func.max(_table.c.id)).group_by(_table.c.link_id)
    if states:
        newest = newest.where(_table.c.state.in_(sorted(states)))
    return {row.link_id: _run(row) for row in session.execute(select(*_COLUMNS).where(_table.c.id.in_(newest)))}


def prune(session: Session, *, keep_days: int, now: datetime) -> int:
    """Forget finished runs that began earlier; each link's newest run and newest ``done`` run stay. Returns how many."""
    newest = select(func.max(_table.c.id)).group_by(_table.c.link_id)
    statement = delete(_table).where(
        _table.c.started_at < now - timedelta(days=keep_days),
        _table.c.state != "running",
        _table.c.id.not_in(newest),
        _table.c.id.not_in(newest.where(_table.c.state == "done")),
    )
    result: Any = session.execute(statement)
    return int(result.rowcount)


def _run(row: Any) -> Run:
    id_, link_id, trigger, state, started_at, finished_at, counts, error = row
    return Run(id_, link_id, trigger, state, started_at, finished_at, load(counts), error)
