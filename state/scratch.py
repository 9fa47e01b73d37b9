"""A copy of what decides a link's plan, to try things on: thrown away afterwards, the database itself is only read.

Refuses: to be a backup (runs, history and webhook ids are left out, ``state/backup.py`` copies all).
"""

from __future__ import annotations

import tempfile
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import insert, select

from state.store import Session, Store
from state.tables import Table

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable

_LEFT_OUT: Final = frozenset({"run", "history", "delivery"})
_OF_ALL: Final = frozenset({"pair"})
"""Of other links too: a partner may be known through them (S8a)."""
_LEASES: Final = frozenset({"lease_until", "lease_holder"})
_ROWS: Final = 500


@asynccontextmanager
async def scratch(store: Store, link_id: int) -> AsyncIterator[Store]:
    """A copy of the state as one link sees it, in a private folder that goes with it. Nobody holds a lease there.

    Raises: StateError.
    """
    with (
        tempfile.TemporaryDirectory(prefix="bridge-") as folder,
        Store.open(f"sqlite:///{Path(folder) / 'copy.db'}") as copy,
    ):
        await store.read(_fill, copy, link_id)
        yield copy


def _fill(session: Session, copy: Store, link_id: int) -> None:
    for table in Table.metadata.sorted_tables:
        if table.name in _LEFT_OUT:
            continue
        query = select(table)
        if "link_id" in table.c and table.name not in _OF_ALL:
            query = query.where(table.c.link_id == link_id)
        for rows in session.connection().execute(query, execution_options={"yield_per": _ROWS}).partitions(_ROWS):
            copy.run_sync(_put, table, [_freed(row._mapping) for row in rows])  # noqa: SLF001 — SQLAlchemy's public name


def _freed(row: Any) -> dict[str, Any]:
    """A row without a lease that somebody holds: it is held on the database, not on the copy."""
    return {name: (0 if name == "lease_until" else "" if name in _LEASES else value) for name, value in row.items()}


def _put(session: Session, table: Any, rows: Iterable[dict[str, Any]]) -> None:
    session.connection().execute(insert(table), list(rows))
