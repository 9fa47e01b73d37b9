"""Writing many rows in one statement: core upserts by executemany, 25 to 50 times faster than the ORM (libraries page)."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any, TypeVar

from sqlalchemy import ARRAY, ColumnElement, any_, bindparam, func, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import Session, SQLModel

from state.codec import dump

T = TypeVar("T")

CHUNK = 400
"""Values in one IN (…): SQLite takes 32,766 parameters, but plans are cached best when lists are short."""


def upsert(
    session: Session,
    table: type[SQLModel],
    rows: Sequence[Mapping[str, Any]],
    *,
    keys: Sequence[str],
    replace: Sequence[str] = (),
    extra: Mapping[str, Any] | None = None,
) -> None:
    """Insert rows; where the key exists, replace the named columns (``extra``: column → expression), or do nothing."""
    if not rows:
        return
    statement = insert(session, table)
    if replace or extra:
        values = {name: statement.excluded[name] for name in replace} | dict(extra or {})
        statement = statement.on_conflict_do_update(index_elements=list(keys), set_=values)
    else:
        statement = statement.on_conflict_do_nothing(index_elements=list(keys))
    execute_many(session, statement, rows)


def execute_many(session: Session, statement: Any, rows: Sequence[Mapping[str, Any]]) -> None:
    """Run one statement for many rows (all with the same keys): compiled once, bound by the driver.

    SQLAlchemy's own executemany works 10 µs a row to build parameters; this takes 2.
    """
    if not rows:
        return
    connection = session.connection()
    compiled = statement.compile(dialect=connection.dialect, column_keys=list(rows[0]))
    fixed = compiled.params
    converters = [(name, made) for bind, name in compiled.bind_names.items() if (made := _converter(bind, connection))]
    found: list[Any] = []
    for row in rows:
        values = {**fixed, **row}
        for name, convert in converters:
            values[name] = convert(values[name])
        found.append(tuple([values[name] for name in compiled.positiontup]) if compiled.positional else values)
    connection.exec_driver_sql(compiled.string, found)


def _converter(bind: Any, connection: Any) -> Any:
    """What turns a Python value of this column into the driver's, if anything has to."""
    return bind.type.dialect_impl(connection.dialect).bind_processor(connection.dialect)


def insert(session: Session, table: type[SQLModel]) -> sqlite.Insert:
    """An INSERT that can say ON CONFLICT, for the session's database."""
    if session.get_bind().dialect.name == "sqlite":
        return sqlite.insert(table)
    return postgresql.insert(table)  # type: ignore[return-value]  # the same methods, in a class of its own


def among(session: Session, column: Any, values: Collection[Any]) -> ColumnElement[bool]:
    """``column IN (values)`` as one parameter, whatever their number: nothing is expanded, the statement stays cached."""
    if session.get_bind().dialect.name == "sqlite":
        given = func.json_each(bindparam("given", dump(sorted(values)), unique=True)).table_valued("value")
        return column.in_(select(given.c.value))  # type: ignore[no-any-return]
    listed = bindparam("given", sorted(values), type_=ARRAY(column.type), unique=True)
    return column == any_(listed)  # type: ignore[no-any-return]


def chunks(items: Sequence[T], size: int = CHUNK) -> Iterator[Sequence[T]]:
    """``items`` in runs of at most ``size``."""
    for start in range(0, len(items), size):
        yield items[start : start + size]
