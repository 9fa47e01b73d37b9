"""The workspace's labels: definitions as records of kind ``label``, and names to ids for labels on tasks.

Refuses: which labels a task has (connectors.artala_write, connectors.artala_feed).
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Final

import msgspec

from bridge.errors import GoneError, PermissionError_, RejectedError
from bridge.model import Fields, FieldSpec, FieldType, Record, Ref, Schema
from connectors import cursors
from connectors.artala_names import Once, by_name
from connectors.artala_wire import CREATED, LABELS, LabelRow
from connectors.base import BeforeSend, Page
from connectors.http import Http
from connectors.status import decode
from connectors.versions import digest

ADMIN_HINT: Final = (
    "Labels are made and changed by an Owner or Admin; use an API key of one, or do it by hand in Artala."
)

SCHEMA: Final = Schema(
    kind="label",
    fields={
        "name": FieldSpec("name", FieldType.LINE),
        "color": FieldSpec("color", FieldType.LINE, max_length=7),
        "sort_order": FieldSpec("sort_order", FieldType.INTEGER),
    },
)


class LabelCursor(msgspec.Struct):
    digest: str
    v: int = 1


class Labels:
    """``default_color`` is for labels that are made because a task needs them. All changes need an Owner or Admin."""

    def __init__(self, http: Http, connection: str, default_color: str) -> None:
        self._http = http
        self._connection = connection
        self._color = default_color
        self._rows = Once(self._read)
        self._making = asyncio.Lock()

    async def _read(self) -> list[LabelRow]:
        return decode(await self._http.request("GET", "api/labels"), LABELS)

    async def rows(self, *, fresh: bool = False) -> list[LabelRow]:
        return await (self._rows.fresh() if fresh else self._rows.get())

    async def named(self, name: str, before_send: BeforeSend | None) -> LabelRow:
        """The label of that name, made if need be. Raises: PermissionError_ when this API key may not make labels."""
        async with self._making:
            rows = await self._rows.get()
            found = by_name(rows, name, lambda row: row.name)
            if not found:
                found = by_name(await self._rows.newer(rows), name, lambda row: row.name)
            return found[0] if found else await self._make(name, self._color, 0, before_send)

    async def pull(self, board: str, cursor: str | None) -> AsyncIterator[Page]:
        """All definitions when any of them changed: the list is one request and has no times."""
        rows = await self._rows.fresh()
        records = tuple(self._record(board, row) for row in rows)
        told = digest(sorted((record.ref.id, record.version) for record in records))
        old = cursors.parsed(LabelCursor, cursor)
        is_quiet = old is not None and old.digest == told
        text = cursors.written(LabelCursor(told))
        complete = bool(records) and not is_quiet
        yield Page(() if is_quiet else records, cursor=text, last=True, quiet=is_quiet, complete=complete)

    async def fetch(self, ref: Ref) -> Record:
        """Raises: GoneError when the workspace's complete list is without it."""
        for row in await self.rows(fresh=True):
            if row.id.lower() == ref.id:
                return self._record(ref.container, row)
        raise GoneError(f"The label {ref.id} is no longer in Artala.", hint="Somebody deleted it there.")

    async def create(self, board: str, fields: Fields, before_send: BeforeSend | None) -> Record:
        """Make the label, or take the one that has this name: the name is what a label is known by."""
        name = str(fields["name"])
        async with self._making:
            found = [row for row in await self.rows(fresh=True) if row.name == name]
            if found:
                return self._record(board, found[0])
            order = fields.get("sort_order")
            color = str(fields.get("color") or self._color)
            row = await self._make(name, color, order if isinstance(order, int) else 0, before_send)
        return self._record(board, row)

    async def update(self, ref: Ref, changes: Fields, current: Record, before_send: BeforeSend | None) -> Record:
        """``POST /labels`` with an id replaces all three members."""
        fields = {**current.fields, **changes}
        order = fields.get("sort_order")
        row = LabelRow(
            id=ref.id,
            name=str(fields["name"]),
            color=str(fields.get("color") or self._color),
            sort_order=order if isinstance(order, int) else 0,
        )
        await self._send("POST", "api/labels", row, before_send)
        self._rows.forget()
        return self._record(ref.container, row)

    async def delete(self, ref: Ref, before_send: BeforeSend | None) -> None:
        """Takes the label off all its tasks as well."""
        await self._send("DELETE", f"api/labels/{ref.id}", None, before_send)
        self._rows.forget()

    async def _make(self, name: str, color: str, sort_order: int, before_send: BeforeSend | None) -> LabelRow:
        """One POST; the id from the answer, else from the list."""
        body = {"name": name, "color": color, "sortOrder": sort_order}
        content = await self._send("POST", "api/labels", body, before_send)
        try:
            new = CREATED.decode(content).id
        except msgspec.MsgspecError:
            new = None
        if new:
            row = LabelRow(id=new, name=name, color=color, sort_order=sort_order)
            (await self._rows.get()).append(row)
            return row
        found = [row for row in await self.rows(fresh=True) if row.name == name]
        if not found:
            raise RejectedError(f'Artala took the label "{name}" but does not list it.', hint="Look at it in Artala.")
        return found[0]

    async def _send(self, method: str, path: str, body: object, before_send: BeforeSend | None) -> bytes:
        try:
            return (await self._http.request(method, path, json=body, before_send=before_send)).content
        except PermissionError_ as error:
            raise PermissionError_(error.message, hint=ADMIN_HINT, status=error.status, url=error.url) from error

    def _record(self, board: str, row: LabelRow) -> Record:
        fields = {"name": row.name, "color": row.color, "sort_order": row.sort_order}
        return Record(Ref(self._connection, board, "label", row.id.lower()), fields, digest(fields))
