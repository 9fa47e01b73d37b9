"""Reading Gipo's tasks: a whole board in one request, single tasks, and those that carry our markers.

There is no change feed and no "updated since": each poll reads the board, and a digest in the cursor says whether
anything is different. Refuses: writing.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Iterable, Mapping
from typing import Final
from zoneinfo import ZoneInfo

import msgspec
from msgspec import UNSET

from bridge.errors import ContainerError, GoneError, NotFoundError, TrackerError
from bridge.model import Marker, Record, Ref, Value
from connectors import cursors
from connectors.base import Page, ordered
from connectors.gipo_api import GipoApi
from connectors.gipo_config import GipoConfig
from connectors.gipo_names import Names
from connectors.gipo_wire import (
    BOARD,
    SUBTASKS,
    TASK,
    TASKS,
    SubtaskRow,
    TaskRow,
    checklist_of,
    fields_of,
    instant_of,
    version_of,
)
from connectors.markers import split
from connectors.versions import digest

CHECKLIST: Final = "checklist"


class Cursor(msgspec.Struct, omit_defaults=True):
    """``digest`` of the last look; ``source`` is what shows this board; ``turn``: the task whose checklist was read last."""

    v: int = 1
    digest: str = ""
    source: str = ""
    turn: str = ""


class Boards:
    """Tasks of all boards of one connection."""

    def __init__(self, connection: str, api: GipoApi, config: GipoConfig, names: Names) -> None:
        self._connection = connection
        self._api = api
        self._config = config
        self._names = names
        self.zone = ZoneInfo(config.timezone)
        self.tasks: dict[str, frozenset[str]] = {}
        """The tasks of a board as it was last seen; what time entries are sorted by."""
        self.elsewhere: set[str] = set()
        """Tasks with time entries that are on no board seen yet."""
        self._versions: dict[str, dict[str, str]] = {}
        self._sources: dict[str, str] = {}

    async def pull(self, board: str, text: str | None, fields: Collection[str], *, sweep: bool) -> AsyncIterator[Page]:
        """One page. A quiet board is one request; a mapped checklist costs one a changed task, and some a wider look."""
        old = cursors.parsed(Cursor, text)
        rows, source = await self._rows(board, old.source if old else "")
        self._sources[board] = source
        versions = {row.id: version_of(row) for row in rows}
        stages = [(stage.id, stage.name) for stage in await self._names.stages(board)]
        told = digest(repr((sorted(versions.items()), stages, "assignees" in fields)))
        known, self._versions[board] = self._versions.get(board), versions
        is_same = old is not None and old.digest == told
        turn = old.turn if old else ""
        looked: list[str] = []
        if CHECKLIST in fields:
            looked = [key for key in versions if old is None or (known is not None and known.get(key) != versions[key])]
            if sweep and old is not None:
                looked = list(dict.fromkeys([*looked, *(in_turn := self._in_turn(versions, turn))]))
                turn = in_turn[-1] if in_turn else ""
        lists = {key: await self.subtasks(key) for key in looked}
        shown = [row for row in rows if row.id in lists] if is_same else rows
        yield Page(
            tuple(await self.records(shown, board, fields, lists)),
            cursor=cursors.written(Cursor(digest=told, source=source, turn=turn)),
            last=True,
            quiet=is_same and not shown,
            complete=bool(rows) and not is_same,
        )

    def _in_turn(self, versions: Iterable[str], last: str) -> list[str]:
        """The next tasks whose checklist a wider look reads, by id, beginning again after the last."""
        keys = sorted(versions)
        after = [key for key in keys if key > last]
        return (after + [key for key in keys if key <= last])[: self._config.subtasks_per_sweep]

    async def _rows(self, board: str, source: str) -> tuple[list[TaskRow], str]:
        """All tasks, and what showed them. Without a known source both ways are compared (assumption: they agree)."""
        wanted = self._config.board_read if self._config.board_read != "auto" else source
        if wanted == "tasks":
            return await self._listed(board), "tasks"
        rows = await self.look(board)
        is_whole = all(row.description_html is not UNSET for row in rows)
        if wanted == "workspace" and is_whole:
            return rows, "workspace"
        listed = await self._listed(board)
        missing = {row.id for row in listed} - {row.id for row in rows}
        if missing and is_whole:  # made between the two looks, or left out?
            rows = await self.look(board)
            missing -= {row.id for row in rows}
        return (listed, "tasks") if missing or not is_whole else (rows, "workspace")

    async def look(self, board: str) -> list[TaskRow]:
        """``GET /workspaces/{id}``: the stages and every task, in one request."""
        answer, _ = await self._api.get(f"workspaces/{board}", BOARD)
        self._names.learn(answer.data)
        return self._learned(answer.data.tasks, board)

    async def _listed(self, board: str) -> list[TaskRow]:
        rows: list[TaskRow] = []
        async for page, _ in self._api.walk("tasks", TASKS, {"workspaceId": board}):
            rows += page
        if not rows and not any(one.id.lower() == board for one in await self._names.boards()):
            raise ContainerError(f"Gipo shows no workspace {board}.", container=board, reason="missing", status=404)
        return self._learned(rows, board)

    def _learned(self, rows: list[TaskRow], board: str = "") -> list[TaskRow]:
        self._names.see(rows)
        if board:
            self.tasks[board] = frozenset(row.id for row in rows)
        return rows

    async def records(
        self,
        rows: Iterable[TaskRow],
        board: str,
        fields: Collection[str],
        lists: Mapping[str, list[SubtaskRow]] | None = None,
    ) -> list[Record]:
        """Assignees are read, as e-mail addresses, only where ``fields`` want them: that may need the members."""
        rows = list(rows)
        emails: dict[str, str] = {}
        if "assignees" in fields:
            emails = await self._names.emails(one.user.id for row in rows for one in row.assignees or ())
        made, url = [], self._config.task_url
        for row in rows:
            more: dict[str, Value] = {}
            if row.stage_id is not UNSET or row.stage is not UNSET:
                more["status"] = await self._names.status(board, row)
            if row.assignees is not UNSET and "assignees" in fields:
                more["assignees"] = ordered([emails[one.user.id] for one in row.assignees])
            if lists is not None and row.id in lists:
                more[CHECKLIST] = checklist_of(lists[row.id])
            text = row.description_html if isinstance(row.description_html, str) else None
            made.append(
                Record(
                    Ref(self._connection, board, "task", row.id),
                    {**fields_of(row, self.zone), **more},
                    version_of(row),
                    updated_at=instant_of(row.updated_at).replace(microsecond=0) if row.updated_at else None,
                    url=url.format(workspace=board, id=row.id) if url else "",
                    marker=split(text)[1],
                )
            )
        return made

    # --- single tasks -------------------------------------------------------------------------------------------------

    async def fetch(self, ref: Ref, fields: Collection[str]) -> Record:
        """One request; it shows the subtasks as well.

        Raises: GoneError when the task is on another board, or 404 while its board answers without it.
        """
        board = await self._names.board(ref.container)
        row = await self.row(ref)
        if isinstance(row.workspace_id, str) and row.workspace_id.lower() != board:
            hint = "A link for that board takes it up there."
            where = row.workspace_id.lower()
            raise GoneError(f"The task {ref.id} was moved to the workspace {where}.", moved_to=where, hint=hint)
        self._learned([row])
        lists = {row.id: await self.subtasks_of(row)} if CHECKLIST in fields else None
        [record] = await self.records([row], board, fields, lists)
        return record

    async def row(self, ref: Ref) -> TaskRow:
        found = await self._api.look(f"tasks/{ref.id}", TASK)
        if found is None:
            raise await self.missing(ref)
        return found.data

    async def missing(self, ref: Ref) -> TrackerError:
        """What a task's 404 means: gone while its board answers and does not show it, else nothing (S25).

        Gipo answers 404 also for what the key may not see, so the board itself is read.
        """
        try:
            rows = await self.look(await self._names.board(ref.container))
        except ContainerError as error:
            return error
        if any(row.id == ref.id for row in rows):
            hint = "Bridge looks again on the next run."
            return NotFoundError(f"The task {ref.id} answers 404 and its board shows it.", hint=hint, status=404)
        hint = "Its board answers and does not show it. In the app it may be in the trash."
        return GoneError(f"The task {ref.id} was deleted in Gipo.", hint=hint, status=404)

    async def subtasks(self, task: str) -> list[SubtaskRow]:
        """Of a task that may be gone by now: then there are none."""
        found = await self._api.look(f"tasks/{task}", TASK)
        return [] if found is None else await self.subtasks_of(found.data)

    async def subtasks_of(self, row: TaskRow) -> list[SubtaskRow]:
        if row.subtasks is not UNSET:
            return row.subtasks
        answer, _ = await self._api.get(f"tasks/{row.id}/subtasks", SUBTASKS)
        return answer.data

    async def look_again(self, board: str, source: str = "") -> list[TaskRow]:
        """All tasks now, by what is known to show this board whole."""
        rows, self._sources[board] = await self._rows(board, source or self._sources.get(board, ""))
        return rows

    async def find(self, board: str, markers: Collection[Marker], since: str | None) -> dict[Marker, Record]:
        """One look at the board, by what shows it whole. A marker that was copied counts for the task shown last."""
        old = cursors.parsed(Cursor, since)
        rows = await self.look_again(board, old.source if old else "")
        wanted = set(markers)
        records = [one for one in await self.records(rows, board, ()) if one.marker is not None]
        return {one.marker: one for one in records if one.marker is not None and one.marker in wanted}

    async def is_there(self, board: str) -> bool:
        try:
            answer = await self._api.look(f"workspaces/{board}", BOARD)
        except ContainerError:
            return False
        return answer is not None
