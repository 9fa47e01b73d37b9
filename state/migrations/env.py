"""Alembic's entry: runs on the connection that ``state.schema`` hands over, inside its transaction."""

from __future__ import annotations

from typing import Any, Literal

from alembic import context
from sqlmodel.sql.sqltypes import AutoString, UTCDateTime

from state.backup import VERSION_TABLE
from state.tables import Table


def in_plain_types(kind: str, held: Any, _autogen: object) -> str | Literal[False]:
    """How a new migration writes SQLModel's types: as what the database sees, so that it stays as it was made."""
    if kind == "type" and isinstance(held, UTCDateTime):
        return "sa.DateTime(timezone=True)"
    if kind == "type" and isinstance(held, AutoString):
        return "sa.String()"
    return False


context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Table.metadata,
    version_table=VERSION_TABLE,
    render_as_batch=True,
    transactional_ddl=True,
    transaction_per_migration=True,
    compare_server_default=True,
    render_item=in_plain_types,
)
with context.begin_transaction():
    context.run_migrations()
