"""What changed since a cursor: by the audit log where the token may read it, else by walking and comparing digests.

There is no list of changes there. The log names what was created, changed and deleted, in one request for all projects; it is
read from the highest row that was seen less a margin, because a row of a long transaction appears late. A bulk edit past
the program's own layer does not stand in it, so that everything is read now and then all the same.
Refuses: records, writing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Final

import msgspec
from msgspec import Struct

from bridge.errors import ContainerError, RetryableError
from connectors.timetracker_api import Api
from connectors.timetracker_wire import AuditRow

MARGIN: Final = 50
"""Rows of the log that are looked at again: their numbers are given before their transactions end."""

MOST_ROWS: Final = 5000


class Cursor(Struct, frozen=True, omit_defaults=True):
    """``log``: the highest row of the audit log in hand, -1 when the log cannot be used; ``seen`` the rows just below it.

    ``digest`` of the last walk and its ``pages``; ``at``, when it was, epoch seconds by the server's Date. ``floor`` and
    ``ids``: the first day of a walk over part of the time entries, and what it found. ``after``: the task whose comments were
    read last; ``full``: in the middle of a first listing; ``held``: the comments of each task, with a digest.
    """

    v: int = 0
    log: int = -1
    seen: tuple[int, ...] = ()
    digest: str = ""
    pages: int = 1
    at: int = 0
    floor: str = ""
    ids: tuple[str, ...] = ()
    after: int = 0
    full: bool = False
    held: dict[str, tuple[str, ...]] = {}


class _Log(Struct):
    audit_logs: list[AuditRow]


_LOG: Final = msgspec.json.Decoder(_Log)


@dataclass(frozen=True, slots=True)
class News:
    """What the log says: ids by what became of them, with the names it gives them; and where to read on."""

    changed: Mapping[int, str] = field(default_factory=dict)
    deleted: Mapping[int, str] = field(default_factory=dict)
    log: int = -1
    seen: tuple[int, ...] = ()

    def moved(self, cursor: Cursor) -> Cursor:
        return msgspec.structs.replace(cursor, log=self.log, seen=self.seen)


class Log:
    """The audit log, for all projects and kinds of one account."""

    def __init__(self, api: Api) -> None:
        self._api = api
        self._is_closed = api.config.change_feed == "walk"

    @property
    def may_be_read(self) -> bool:
        return not self._is_closed

    async def head(self, entity: str) -> News:
        """Where the log ends now; ``log`` is -1 when it cannot be used."""
        rows = await self._rows(entity, MARGIN)
        return News(log=max((row.id for row in rows), default=-1), seen=tuple(sorted(row.id for row in rows)))

    async def since(self, entity: str, cursor: Cursor) -> News | None:
        """None when the log does not reach back to the cursor: it was pruned, or it is closed to this token."""
        floor, limit = cursor.log - MARGIN, self._api.config.audit_limit
        while True:
            rows = await self._rows(entity, limit)
            numbers = [row.id for row in rows]
            if not rows or max(numbers) < cursor.log:
                return None
            if min(numbers) <= max(floor, 0) or len(rows) < limit:
                break
            if limit >= MOST_ROWS:
                return None
            limit = min(limit * 5, MOST_ROWS)
        known = set(cursor.seen)
        new = [row for row in sorted(rows, key=lambda row: row.id) if row.id > floor and row.id not in known]
        deleted = {row.entity_id: row.entity_name or "" for row in new if row.action == "deleted"}
        changed = {row.entity_id: row.entity_name or "" for row in new if row.entity_id not in deleted}
        top = max(numbers)
        seen = tuple(sorted(number for number in numbers if number > top - MARGIN))
        return News(changed, deleted, top, seen)

    async def _rows(self, entity: str, limit: int) -> list[AuditRow]:
        if self._is_closed:
            return []
        try:
            return (await self._api.get("audit-logs", _LOG, entity_type=entity, limit=limit)).audit_logs
        except ContainerError:  # the scope admin:all is lacking
            self._is_closed = True
        except RetryableError as error:
            if error.status != 500:
                raise
            self._is_closed = True  # there is no such table
        return []


def digest_of(stamps: Iterable[tuple[int, str]]) -> str:
    """One for all rows, whatever their order."""
    total = blake2b(digest_size=12)
    for number, text in sorted(stamps):
        total.update(f"{number} {text}\n".encode())
    return total.hexdigest()


def is_due(cursor: Cursor, now: int, walk_every_s: int) -> bool:
    """Whether everything is to be read again: each hour, and long walks less often."""
    return now - cursor.at >= walk_every_s * max(1.0, cursor.pages / 5)
