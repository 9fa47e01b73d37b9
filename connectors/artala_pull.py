"""Reading Artala's tasks: the feed Tasks as pages of records, and what its times do not cover.

Labels and custom field values have feeds of their own, without times (assumption: a change there leaves UpdatedAt as it
is). A full listing reads them first and joins them in. An incremental one leaves them out, absent being "not
observed", or with ``sweep`` hands over the whole mapping when its digest is another than last time.
Refuses: writing.
"""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

import msgspec

from bridge.errors import RetryableError
from bridge.model import Fields, Record, Ref, Value
from connectors import cursors
from connectors.artala_config import ArtalaConfig
from connectors.artala_feed import (
    FIELD_VALUES,
    TASK_LABELS,
    Batch,
    Cursor,
    Edge,
    walk_from,
    walk_rows,
)
from connectors.artala_names import Names, Priorities
from connectors.artala_wire import TaskRow, record_of, value_of
from connectors.base import Page, ordered
from connectors.http import Http

CUSTOM: Final = "custom."
_SWEEP_TRIES: Final = 3


@dataclass(frozen=True, slots=True)
class Sweep:
    """``values`` by task id for the tasks that have some; the others have ``default``."""

    values: Mapping[str, Fields]
    default: Fields
    digest: str

    def of(self, task: str) -> Fields:
        return self.values.get(task, self.default)


class Reader:
    """Tasks of all boards of one connection."""

    def __init__(self, connection: str, http: Http, config: ArtalaConfig, names: Names, priorities: Priorities) -> None:
        self._connection = connection
        self._http = http
        self._config = config
        self._names = names
        self._priorities = priorities
        self._cuts: dict[str, int] = {}

    async def pull(self, board: str, text: str | None, *, fields: frozenset[str], sweep: bool) -> AsyncIterator[Page]:
        """The contract of ``Connector.pull``. A quiet board costs one request."""
        old = cursors.parsed(Cursor, text)
        is_full = old is None or old.full
        start = old or Cursor(v=1)
        joined = await self._sweep(board, fields) if is_full else None
        overlap = timedelta(seconds=self._config.overlap_s)
        edge = Edge(old, overlap)
        walk = walk_from(
            self._http,
            f"BoardId eq {board}",
            start,
            overlap=overlap,
            page_size=self._config.page_size,
            cut=max(self._cut("Tasks"), start.cut),
            etag="" if is_full else start.etag,
        )
        is_first, is_empty = True, True
        async for begun, batch in walk:
            self._cuts["Tasks"] = batch.cut
            edge.start(batch.response.date, begun)
            for row, digest in batch.rows:
                edge.add(row, digest)
            is_empty = is_empty and not batch.rows
            news = [(row, digest) for row, digest in batch.rows if is_full or start.seen.get(row.id) != digest]
            if news and not is_full and self._config.labels_move_updated and joined is None:
                joined = await self._sweep(board, fields)
            records = await self._records(news, board, fields, joined)
            swept = await self._sweep(board, fields) if batch.last and sweep and not is_full else None
            is_same = swept is None or swept.digest == start.sweep
            latest = swept or (joined if is_full else None)
            cursor = _next(
                begun, edge, batch, full=is_full and not batch.last, sweep=latest.digest if latest else start.sweep
            )
            yield Page(
                records,
                cursor=cursors.written(cursor),
                last=batch.last,
                quiet=is_first and batch.last and not is_full and not records and is_same,
                sweep=None if swept is None or is_same else swept.values,
                sweep_default={} if swept is None or is_same else swept.default,
                complete=batch.last and old is None and not is_empty,
            )
            is_first = False

    async def records(self, rows: Iterable[TaskRow], stamps: Iterable[str], fields: Collection[str]) -> list[Record]:
        """Rows of any board, each with the board it is on."""
        pairs = list(zip(rows, stamps, strict=True))
        return [
            record for pair in pairs for record in await self._records([pair], pair[0].board_id or "", fields, None)
        ]

    async def _records(
        self, rows: list[tuple[TaskRow, str]], board: str, fields: Collection[str], joined: Sweep | None
    ) -> tuple[Record, ...]:
        emails = await self._names.emails(row for row, _ in rows) if "assignee" in fields else {}
        for row, _ in rows:
            self._priorities.hear(row)
        priorities, url, board = self._priorities.by_number, self._config.task_url, board.lower()
        found = []
        for row, digest in rows:
            task = row.id.lower()
            found.append(
                record_of(
                    row,
                    Ref(self._connection, board, "task", task),
                    digest,
                    emails=emails,
                    priorities=priorities,
                    more=joined.of(task) if joined is not None else {},
                    url=url.format(board=board, id=task) if url else "",
                )
            )
        return tuple(found)

    def _cut(self, feed: str) -> int:
        return self._cuts.get(feed, self._config.smallest_server_page)

    async def _sweep(self, board: str, fields: Collection[str]) -> Sweep | None:
        """What the feeds without times say, as far as ``fields`` need them; None when they need nothing of it."""
        custom = sorted(name for name in fields if name.startswith(CUSTOM))
        if "labels" not in fields and not custom:
            return None
        for tries_left in reversed(range(_SWEEP_TRIES)):
            try:
                labels = await self._labels(board) if "labels" in fields else None
                values = {name: await self._values(board, name) for name in custom}
            except RetryableError as error:
                if error.status is not None or not tries_left:
                    raise
                continue
            return _swept(labels, values)
        return None

    async def _labels(self, board: str) -> dict[str, tuple[str, ...]]:
        """Label names by task id. Equal sets are one object: at 100,000 tasks that is most of the memory."""
        sets: dict[tuple[str, ...], tuple[str, ...]] = {(): ()}
        grown: dict[tuple[tuple[str, ...], str], tuple[str, ...]] = {}
        found: dict[str, tuple[str, ...]] = {}
        async for rows in walk_rows(
            self._http,
            "TaskLabels",
            TASK_LABELS,
            condition=f"BoardId eq {board}",
            order="TaskId,LabelName",
            page_size=self._config.page_size,
            cut=self._cut("TaskLabels"),
        ):
            self._cuts["TaskLabels"] = max(self._cut("TaskLabels"), len(rows))
            for row in rows:
                task = row.task_id.lower()
                step = (found.get(task, ()), row.label_name)
                if (names := grown.get(step)) is None:
                    names = ordered((*step[0], step[1]))
                    names = grown[step] = sets.setdefault(names, names)
                found[task] = names
        return found

    async def _values(self, board: str, field: str) -> dict[str, Value]:
        """One custom field's values by task id. Without a column BoardId they are those of the whole workspace."""
        definition = await self._names.field(field.removeprefix(CUSTOM))
        on_board = f"BoardId eq {board} and " if self._config.field_values_have_board else ""
        found: dict[str, Value] = {}
        async for rows in walk_rows(
            self._http,
            "TaskFieldValues",
            FIELD_VALUES,
            condition=f"{on_board}FieldId eq {definition.id}",
            order="TaskId",
            page_size=self._config.page_size,
            cut=self._cut("TaskFieldValues"),
        ):
            self._cuts["TaskFieldValues"] = max(self._cut("TaskFieldValues"), len(rows))
            for row in rows:
                found[row.task_id.lower()] = value_of(row.field_type, row.value)
        return found


def _next(start: Cursor, edge: Edge, batch: Batch, *, full: bool, sweep: str) -> Cursor:
    if batch.is_unchanged:
        return msgspec.structs.replace(start, sweep=sweep)
    return edge.cursor(full=full, sweep=sweep, cut=batch.cut, etag=batch.etag)


def _swept(labels: Mapping[str, tuple[str, ...]] | None, values: Mapping[str, Mapping[str, Value]]) -> Sweep:
    default: dict[str, Value] = {} if labels is None else {"labels": ()}
    default.update(dict.fromkeys(values))
    tasks = set(labels or ()).union(*values.values())
    digest = hashlib.blake2b(repr(sorted(default)).encode(), digest_size=8)
    shared: dict[tuple[Value, ...], Fields] = {}
    found: dict[str, Fields] = {}
    for task in sorted(tasks):
        row: dict[str, Value] = {} if labels is None else {"labels": labels.get(task, ())}
        row.update((name, known.get(task)) for name, known in values.items())
        key = tuple(row.values())
        found[task] = shared.setdefault(key, row)
        digest.update(repr((task, key)).encode())
    return Sweep(found, default, digest.hexdigest())
