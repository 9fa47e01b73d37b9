"""Comments of Artala's tasks as records of their own.

No feed has them: one request a task. A first listing reads those of every task of the board, in pages. A poll then walks the
feed Tasks by a cursor of its own and reads the comments of tasks that changed. A comment alone leaves its task's UpdatedAt as
it is (assumption, ``comments_move_updated``), so every now and then (``comments_every``) a round through all tasks begins, a
few tasks a poll, in the order of the feed: a task that is edited meanwhile leaves its place and is read as a changed one.
Webhooks name single comments in between.
Refuses: what a comment says (connectors.artala_thread).
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Collection, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final

import msgspec
from msgspec import Struct

from bridge.errors import GoneError, UnknownOutcome
from bridge.model import Fields, Marker, Record
from connectors import cursors
from connectors.artala_config import ArtalaConfig
from connectors.artala_feed import TASKS, Batch, Cursor, Edge, tasks_path, walk_from
from connectors.artala_thread import Row, Thread, is_ours, stamp
from connectors.artala_wire import TaskRow, instant
from connectors.base import BeforeSend, Page
from connectors.http import Http
from connectors.status import decode

_CHUNK: Final = 25
_SAME_TICK: Final = timedelta(seconds=2)
"""A task that was edited so lately may be commented on in the same tick of the server's clock, after we looked."""


class Held(Struct, frozen=True, array_like=True):
    """The comments of one task as last read: in which round, their digest, their ids."""

    turn: int
    digest: str
    ids: tuple[str, ...]


class Round(Struct, frozen=True, array_like=True):
    """How far a round is: the next task is at or after ``since`` in the feed, ``skip`` rows on."""

    since: str = ""
    skip: int = 0


class NoteCursor(Struct, frozen=True, omit_defaults=True):
    """``tasks`` is how far the feed Tasks is in hand; ``sweeps`` counts those since the last round, ``turn`` the rounds."""

    v: int = 0
    tasks: Cursor = Cursor()
    held: dict[str, Held] = {}
    sweeps: int = 0
    turn: int = 0
    round: Round | None = None


@dataclass(slots=True)
class _Book:
    """What a listing knows by now and has found."""

    held: dict[str, Held]
    turn: int
    read: set[str] = field(default_factory=set)
    records: list[Record] = field(default_factory=list)
    gone: list[str] = field(default_factory=list)

    def taken(self) -> tuple[tuple[Record, ...], tuple[str, ...]]:
        """What was found since the last call."""
        found = tuple(self.records), tuple(sorted(self.gone))
        self.records, self.gone = [], []
        return found


class Notes:
    """Comments of all boards of one connection, as records."""

    def __init__(self, http: Http, config: ArtalaConfig, thread: Thread) -> None:
        self._http = http
        self._config = config
        self._thread = thread
        self._unanswered: dict[Marker, str] = {}

    async def pull(self, board: str, text: str | None, *, sweep: bool) -> AsyncIterator[Page]:
        """The contract of ``Connector.pull``. One request while no task changed and no round is on its way."""
        old = cursors.parsed(NoteCursor, text)
        old = old if old is not None and old.tasks.v == 1 else None
        is_full = old is None or old.tasks.full
        known = old or NoteCursor(v=1)
        turn, sweeps = self._turn(known, sweep=sweep and not is_full)
        book = _Book(dict(known.held), known.turn if turn is None else known.turn + (known.round is None))
        edge, is_first, any_yet = Edge(known.tasks, self._overlap), True, False
        walk = walk_from(
            self._http,
            f"BoardId eq {board}",
            known.tasks,
            overlap=self._overlap,
            page_size=self._config.page_size,
            cut=max(known.tasks.cut, self._config.smallest_server_page),
            etag="" if is_full else known.tasks.etag,
        )
        async for begun, batch in walk:
            edge.start(batch.response.date, begun)
            for rows, ends in _chunks(batch):
                for row, digest in rows:
                    edge.add(row, digest)
                await self._read(board, self._changed(rows, begun, book, is_full=is_full), book)
                last = ends and batch.last
                if last and turn is not None:
                    turn = await self._go_round(board, turn, book)
                records, gone = book.taken()
                any_yet = any_yet or bool(records)
                tasks = self._place(begun, edge, batch, full=is_full and not last, ends=ends)
                cursor = NoteCursor(v=1, tasks=tasks, held=book.held, sweeps=sweeps, turn=book.turn, round=turn)
                yield Page(
                    records,
                    cursor=cursors.written(cursor),
                    last=last,
                    quiet=is_first and last and not is_full and not records and not gone,
                    complete=last and old is None and any_yet,
                    gone=gone,
                )
                is_first = False

    async def create(self, board: str, fields: Fields, marker: Marker, before_send: BeforeSend | None) -> Record:
        try:
            return await self._thread.create(board, fields, marker, before_send)
        except UnknownOutcome:
            self._unanswered[marker] = str(fields["task"])
            raise

    async def find(self, board: str, wanted: Collection[Marker]) -> dict[Marker, Record]:
        """On the tasks whose comment was not answered first; else on all, the latest edited first: rare and dear."""
        found: dict[Marker, Record] = {}
        likely = sorted({task for mark in wanted if (task := self._unanswered.get(mark))})
        await self._look(board, likely, wanted, found)
        if found.keys() < set(wanted):
            every: list[str] = []
            async for _, batch in walk_from(
                self._http,
                f"BoardId eq {board}",
                Cursor(v=1),
                overlap=self._overlap,
                page_size=self._config.page_size,
                cut=self._config.smallest_server_page,
            ):
                every += [row.id.lower() for row, _ in batch.rows]
            left = [task for task in dict.fromkeys(reversed(every)) if task not in likely]
            for begin in range(0, len(left), _CHUNK):
                if found.keys() >= set(wanted):
                    break
                await self._look(board, left[begin : begin + _CHUNK], wanted, found)
        for mark in found:
            self._unanswered.pop(mark, None)
        return found

    async def _look(
        self, board: str, tasks: Sequence[str], wanted: Collection[Marker], found: dict[Marker, Record]
    ) -> None:
        for task, rows in zip(tasks, await self._rows(board, tasks), strict=True):
            for record in await self._thread.records(board, task, rows):
                if record.marker is not None and record.marker in wanted:
                    found.setdefault(record.marker, record)

    @property
    def _overlap(self) -> timedelta:
        return timedelta(seconds=self._config.overlap_s)

    def _turn(self, known: NoteCursor, *, sweep: bool) -> tuple[Round | None, int]:
        """Where the round is that goes on or begins with this poll, if any; and the sweeps since the last one began."""
        sweeps = known.sweeps + sweep
        if known.round is not None or self._config.comments_move_updated:
            return known.round, sweeps
        return (Round(), 0) if sweep and sweeps >= self._config.comments_every else (None, sweeps)

    def _changed(
        self, rows: Sequence[tuple[TaskRow, str]], begun: Cursor, book: _Book, *, is_full: bool
    ) -> Iterator[str]:
        """The tasks to read, but for those that Bridge made and nobody has touched since: a first sync makes many."""
        for row, digest in rows:
            is_new = row.external_source and row.created_at == row.updated_at and row.id.lower() not in book.held
            if begun.seen.get(row.id) != digest and (is_full or not is_new):
                yield row.id.lower()

    async def _read(self, board: str, tasks: Iterator[str] | Sequence[str], book: _Book) -> None:
        """What is new on these tasks, and what is gone from them."""
        wanted = list(tasks)
        for task, rows in zip(wanted, await self._rows(board, wanted), strict=True):
            mine = [row for row in rows if not is_ours(row)]
            before = book.held.pop(task, None)
            now = Held(book.turn, stamp(mine), tuple(row.id.lower() for row in mine))
            if mine:
                book.held[task] = now
            book.read.add(task)
            if before is None or before.digest != now.digest:
                book.records += await self._thread.records(board, task, mine)
                book.gone += [f"{task}/{one}" for one in (before.ids if before else ()) if one not in now.ids]

    async def _rows(self, board: str, tasks: Sequence[str]) -> list[list[Row]]:
        """Several at once, as far as the pace lets them. A task that went meanwhile has none."""
        found: list[list[Row]] = []
        for begin in range(0, len(tasks), self._config.concurrency):
            part = tasks[begin : begin + self._config.concurrency]
            found += await asyncio.gather(*(self._rows_if_there(board, task) for task in part))
        return found

    async def _rows_if_there(self, board: str, task: str) -> list[Row]:
        try:
            return await self._thread.rows(board, task)
        except GoneError:
            return []

    async def _go_round(self, board: str, turn: Round, book: _Book) -> Round | None:
        """The next few tasks; None at the end. What was not met by then is archived, deleted or moved: its comments are
        hinted at.
        """
        count = min(self._config.comments_per_poll, self._config.smallest_server_page)
        path = tasks_path(f"BoardId eq {board}", since=turn.since, top=count, skip=turn.skip)
        page = decode(await self._http.request("GET", path), TASKS)
        await self._read(board, [one for row in page.value if (one := row.id.lower()) not in book.read], book)
        if page.value and (page.next_link is not None or len(page.value) >= count):
            newest = page.value[-1].updated_at or ""
            at_newest = sum((row.updated_at or "") == newest for row in page.value)
            return Round(newest, at_newest) if newest != turn.since else Round(newest, turn.skip + len(page.value))
        for task in [task for task, held in book.held.items() if held.turn != book.turn]:
            book.gone += [f"{task}/{one}" for one in book.held.pop(task).ids]
        return None

    def _place(self, begun: Cursor, edge: Edge, batch: Batch, *, full: bool, ends: bool) -> Cursor:
        if batch.is_unchanged:
            return begun
        cursor = edge.cursor(full=full, sweep="", cut=batch.cut, etag=batch.etag if ends else "")
        if not self._config.comments_move_updated or batch.response.date is None:
            return cursor
        late = batch.response.date - _SAME_TICK
        fresh = {row.id for row, _ in batch.rows if row.updated_at and instant(row.updated_at) >= late}
        return msgspec.structs.replace(
            cursor, seen={one: digest for one, digest in cursor.seen.items() if one not in fresh}
        )


def _chunks(batch: Batch) -> Iterator[tuple[Sequence[tuple[TaskRow, str]], bool]]:
    """A batch in parts that a cursor is kept for; whether a part is the last."""
    for begin in range(0, max(len(batch.rows), 1), _CHUNK):
        yield batch.rows[begin : begin + _CHUNK], begin + _CHUNK >= len(batch.rows)
