"""Single Artala tasks: one by its id with all that belongs to it, some by their markers.

Refuses: listings (connectors.artala_pull), writing.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable
from datetime import timedelta
from typing import Final

import msgspec
from msgspec.structs import replace

from bridge.errors import GoneError, RetryableError, TrackerError
from bridge.model import Marker, Record, Ref, Value
from connectors import cursors
from connectors.artala_config import ArtalaConfig
from connectors.artala_errors import unseen
from connectors.artala_feed import TASKS, Cursor, literal, tasks_path, walk_from
from connectors.artala_names import Names
from connectors.artala_pull import CUSTOM, Reader
from connectors.artala_wire import ANY_OBJECT, LABELS, TASK_FIELDS, LabelRow, TaskRow, stamp, task_of, value_of
from connectors.base import BeforeSend, ordered
from connectors.http import Http
from connectors.status import decode, shown

ONE_BY_ONE: Final = 2
"""Up to so many markers of one source are asked for singly, more by one walk over the source's recent tasks."""


class Items:
    """Tasks of all boards of one connection, one at a time."""

    def __init__(self, http: Http, config: ArtalaConfig, names: Names, reader: Reader) -> None:
        self._http = http
        self._config = config
        self._names = names
        self._reader = reader

    async def fetch(self, ref: Ref, fields: Collection[str]) -> Record:
        """One request, one more for labels and one more for custom fields if ``fields`` has some.

        Raises: GoneError when the task is on another board, or 404 while its board answers; else ContainerError.
        """
        row = await self.here(ref)
        [record] = await self._reader.records([row], [stamp(row)], fields)
        more: dict[str, Value] = {}
        if "labels" in fields:
            more["labels"] = ordered([label.name for label in await self.labels(ref.id)])
        if custom := [name for name in fields if name.startswith(CUSTOM)]:
            answer = await self._http.request("GET", f"api/fields/task/{ref.id}")
            known = {CUSTOM + row.name: value_of(row.field_type, row.value) for row in decode(answer, TASK_FIELDS)}
            more.update((name, known.get(name)) for name in custom)
        return replace(record, ref=ref, fields={**record.fields, **more})

    async def here(self, ref: Ref) -> TaskRow:
        """The task, if it is on the board of ``ref``. Raises as ``fetch``."""
        row = await self.row(ref)
        if row.board_id and row.board_id.lower() != await self._names.board(ref.container):
            raise GoneError(
                f"The task {ref.id} was moved to the board {row.board_id.lower()}.",
                moved_to=row.board_id.lower(),
                hint="A link for that board takes it up there.",
            )
        return row

    async def row(self, ref: Ref) -> TaskRow:
        """``GET /tasks/{id}``, and the board when that is a 404 (S25)."""
        answer = await self._http.request("GET", f"api/tasks/{ref.id}", accept=(404,))
        if answer.status == 404:
            raise await self.missing(ref, shown(answer.url))
        said = decode(answer, ANY_OBJECT)
        try:
            return task_of(said)
        except msgspec.ValidationError as error:
            raise RetryableError(
                f"{shown(answer.url)} answered with something that is no task: {error}.",
                hint="Check base_url; if it is right, Artala has changed its API.",
                url=shown(answer.url),
            ) from error

    async def missing(self, ref: Ref, url: str) -> TrackerError:
        """What a task's 404 means: gone while its board answers, else nothing about the task (S25)."""
        if not await self._names.board_is_healthy(await self._names.board(ref.container)):
            return unseen(ref.container, url)
        hint = "Its board answers, the task does not."
        return GoneError(f"The task {ref.id} was deleted in Artala.", hint=hint, status=404, url=url)

    async def delete(self, ref: Ref, before_send: BeforeSend | None) -> None:
        """For good. Raises as ``row`` when there is no such task any more."""
        path = f"api/tasks/{ref.id}"
        answer = await self._http.request("DELETE", path, accept=(404,), before_send=before_send)
        if answer.status == 404:
            raise await self.missing(ref, shown(answer.url))

    async def labels(self, task: str) -> list[LabelRow]:
        return decode(await self._http.request("GET", f"api/labels/task/{task}"), LABELS)

    async def find(self, board: str, markers: Collection[Marker], since: str | None) -> dict[Marker, Record]:
        """By ``ExternalSource`` and ``ExternalId``, on whatever board the task is by now.

        The vendor does not promise that the pair is unique: of several, one on ``board`` is taken, then the oldest.
        """
        by_source: dict[str, list[Marker]] = defaultdict(list)
        for marker in sorted(set(markers)):
            by_source[marker.source].append(marker)
        rows: list[tuple[Marker, TaskRow]] = []
        for source, wanted in by_source.items():
            few = len(wanted) <= ONE_BY_ONE
            rows += await (self._each(wanted) if few else self._of_source(source, wanted, since))
        found = dict(sorted(rows, key=lambda pair: _preference(pair[1], board), reverse=True))
        records = await self._reader.records(found.values(), [stamp(row) for row in found.values()], ())
        return dict(zip(found, records, strict=True))

    async def _each(self, markers: Iterable[Marker]) -> list[tuple[Marker, TaskRow]]:
        found = []
        for marker in markers:
            condition = f"ExternalSource eq {literal(marker.source)} and ExternalId eq {literal(marker.id)}"
            answer = await self._http.request("GET", tasks_path(condition, top=self._config.smallest_server_page))
            rows = decode(answer, TASKS).value
            found += [
                (marker, row) for row in rows if (row.external_source, row.external_id) == (marker.source, marker.id)
            ]
        return found

    async def _of_source(
        self, source: str, markers: Iterable[Marker], since: str | None
    ) -> list[tuple[Marker, TaskRow]]:
        wanted = {marker.id: marker for marker in markers}
        cursor = cursors.parsed(Cursor, since) or Cursor()
        found = []
        async for _, batch in walk_from(
            self._http,
            f"ExternalSource eq {literal(source)}",
            cursor,
            overlap=timedelta(seconds=self._config.overlap_s),
            page_size=self._config.page_size,
            cut=max(cursor.cut, self._config.smallest_server_page),
        ):
            found += [
                (wanted[row.external_id], row) for row, _ in batch.rows if row.external_id and row.external_id in wanted
            ]
        return found


def _preference(row: TaskRow, board: str) -> tuple[bool, str, str]:
    """Smaller is better."""
    return (row.board_id or "").lower() != board, row.created_at or "", row.id
