"""What names stand for in one Artala workspace: boards, statuses, team members, custom fields, priorities.

Each list is read when it is first needed and once more when a name is missing from it. Refuses: labels (connectors.artala_labels), reading tasks.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Generic, TypeVar

import msgspec

from bridge.errors import ContainerError, RejectedError
from connectors.artala_wire import (
    BOARD,
    BOARDS,
    FIELDS,
    GUID,
    MEMBERS,
    STATUSES,
    BoardRow,
    FieldRow,
    MemberRow,
    StatusRow,
    TaskRow,
)
from connectors.findings import nearest
from connectors.http import Http
from connectors.status import decode

T = TypeVar("T")


class Once(Generic[T]):
    """A list that is read on first use. Whoever misses something asks ``newer`` than what it had."""

    def __init__(self, read: Callable[[], Awaitable[T]]) -> None:
        self._read = read
        self._value: T | None = None
        self._lock = asyncio.Lock()

    async def get(self) -> T:
        return await self.newer(None)

    async def newer(self, known: T | None) -> T:
        """The list as read after ``known``: by somebody else meanwhile, else now. None takes any."""
        async with self._lock:
            if self._value is None or self._value is known:
                self._value = await self._read()
            return self._value

    async def fresh(self) -> T:
        """The list as it is now."""
        async with self._lock:
            self._value = await self._read()
            return self._value

    def held(self) -> T | None:
        """The list as it was last read; None when nobody has asked yet."""
        return self._value

    def forget(self) -> None:
        self._value = None


class Names:
    """The workspace's lists for one connection."""

    def __init__(self, http: Http) -> None:
        self._http = http
        self._boards = Once(lambda: _listed(http, "api/boards", BOARDS))
        self._statuses = Once(lambda: _listed(http, "api/statuses", STATUSES))
        self._team = Once(lambda: _listed(http, "api/team", MEMBERS))
        self._fields = Once(self._read_fields)
        self._strangers: set[str] = set()
        self._given: dict[str, str] = {}

    async def _read_fields(self) -> list[FieldRow]:
        """Custom fields depend on the plan; a plan without them has none."""
        answer = await self._http.request("GET", "api/fields", accept=(403, 404))
        return decode(answer, FIELDS) if answer.status == 200 else []

    # Boards

    async def board(self, container: str) -> str:
        """A board's id in lower case, by its id or its name. Raises: ContainerError."""
        if GUID.fullmatch(container):
            self._given.setdefault(container.lower(), container)
            return container.lower()
        rows = await self._boards.get()
        found = by_name(rows, container, lambda row: row.name)
        if not found:
            found = by_name(await self._boards.newer(rows), container, lambda row: row.name)
        if len(found) > 1:
            raise ContainerError(
                f'Artala has {len(found)} boards named "{container}".',
                container=container,
                reason="missing",
                hint="Give the board's id instead of its name.",
            )
        if not found:
            raise ContainerError(
                f'Artala shows no board "{container}" to this API key.',
                container=container,
                reason="missing",
                hint=nearest(container, (row.name for row in rows)),
            )
        self._given[found[0].id.lower()] = container
        return found[0].id.lower()

    def given(self, board: str) -> str:
        """The board as links name it, as far as this connector was asked for it; else its id."""
        return self._given.get(board, board)

    async def boards(self) -> list[BoardRow]:
        return await self._boards.get()

    async def board_is_healthy(self, board: str) -> bool:
        """Whether the board itself answers, so that a task's 404 is about the task (S25)."""
        answer = await self._http.request("GET", f"api/boards/{board}", accept=(403, 404))
        return answer.status == 200 and not decode(answer, BOARD).is_archived

    # People

    async def emails(self, rows: Iterable[TaskRow]) -> dict[str, str]:
        """E-mail by member id for the assignees in ``rows``; an id that the team does not have is asked for once."""
        return await self.emails_of({row.assignee_id.lower() for row in rows if row.assignee_id})

    async def emails_of(self, wanted: set[str]) -> dict[str, str]:
        """E-mail by member id, at least for those of ``wanted`` that the team has."""
        if not wanted:
            return {}
        team = await self._team.get()
        known = _emails(team)
        if missing := wanted - known.keys() - self._strangers:
            known = _emails(await self._team.newer(team))
            self._strangers |= missing - known.keys()
        return known

    async def member_id(self, email: str) -> str:
        """Raises: RejectedError for an e-mail that the team does not have, or that is not active: Artala assigns neither."""
        if GUID.fullmatch(email):
            return email.lower()
        team = await self._team.get()
        rows = _of_email(team, email)
        if not any(row.is_active for row in rows):
            team = await self._team.newer(team)
            rows = _of_email(team, email)
        if found := next((row for row in rows if row.is_active), None):
            return found.id.lower()
        if rows:
            raise RejectedError(
                f"{email} is not active in the Artala team.", hint="Activate the person in Artala.", field="assignee"
            )
        raise RejectedError(
            f'The Artala team has nobody with the e-mail "{email}".',
            hint=nearest(email, (row.email.lower() for row in team if row.email))
            or "Correct the people in the configuration.",
            field="assignee",
        )

    async def is_active(self, member: str) -> bool:
        """Whether the team has this member id as an active one, by a list read now."""
        return any(row.id.lower() == member and row.is_active for row in await self._team.fresh())

    async def team(self, *, anew: bool = False) -> list[MemberRow]:
        return await (self._team.fresh() if anew else self._team.get())

    # Statuses

    async def statuses(self) -> list[StatusRow]:
        return sorted(await self._statuses.get(), key=lambda row: row.sort_order)

    async def status(self, name: str) -> str:
        """The status as the workspace spells it. Raises: RejectedError with the names that there are."""
        rows = await self._statuses.get()
        found = by_name(rows, name, lambda row: row.name)
        if not found:
            rows = await self._statuses.newer(rows)
            found = by_name(rows, name, lambda row: row.name)
        if not found:
            there = ", ".join(row.name for row in rows)
            raise RejectedError(
                f'Artala has no status "{name}".',
                hint=f"It has: {there}. Correct the map of status in the mapping.",
                field="status",
            )
        return found[0].name

    # Custom fields

    async def fields(self) -> list[FieldRow]:
        return await self._fields.get()

    def fields_read(self) -> list[FieldRow]:
        """The custom fields, where somebody has asked for them: a link that maps none never does."""
        return self._fields.held() or []

    async def field(self, name: str) -> FieldRow:
        """A custom field's definition. Raises: RejectedError for one that the workspace does not have."""
        rows = await self._fields.get()
        for known in (rows, None):
            current = known if known is not None else await self._fields.newer(rows)
            if found := by_name(current, name, lambda row: row.name):
                return found[0]
        raise RejectedError(
            f'Artala has no custom field "{name}", or the plan has none at all.',
            hint=nearest(name, (row.name for row in rows)) or "Make the field in Artala or take it out of the mapping.",
            field=f"custom.{name}",
        )


class Priorities:
    """Names by number: what the feed said, then the setting ``priorities`` where that does not contradict it.

    The vendor's page has two readings of the numbers: its REST table calls 3 Low, an OData sample calls it high.
    """

    def __init__(self, assumed: Sequence[str]) -> None:
        self._assumed = dict(enumerate(assumed))
        self._said: dict[int, str] = {}
        self.has_asked = False

    def hear(self, row: TaskRow) -> None:
        if row.priority_name and isinstance(row.priority, int):
            self._said[row.priority] = row.priority_name.lower()

    @property
    def has_heard(self) -> bool:
        return bool(self._said)

    @property
    def by_number(self) -> dict[int, str]:
        heard = set(self._said.values())
        return {**{n: name for n, name in self._assumed.items() if name not in heard}, **self._said}

    def number(self, name: str) -> int:
        """Raises: RejectedError for a name without a number."""
        numbers = {text: number for number, text in sorted(self.by_number.items())}
        if name.lower() not in numbers:
            raise RejectedError(
                f'Artala has no priority "{name}".',
                hint=f"It has: {', '.join(numbers)}. Correct the map of priority, or priorities of this connection.",
                field="priority",
            )
        return numbers[name.lower()]


async def _listed(http: Http, path: str, decoder: msgspec.json.Decoder[list[T]]) -> list[T]:
    return decode(await http.request("GET", path), decoder)


def _emails(team: Iterable[MemberRow]) -> dict[str, str]:
    return {row.id.lower(): row.email.lower() for row in team if row.email}


def _of_email(team: Iterable[MemberRow], email: str) -> list[MemberRow]:
    return [row for row in team if row.email and row.email.lower() == email.lower()]


def by_name(rows: Iterable[T], name: str, name_of: Callable[[T], str]) -> list[T]:
    """Those of exactly this name, else those that differ in case alone."""
    found = [row for row in rows if name_of(row) == name]
    return found or [row for row in rows if name_of(row).casefold() == name.casefold()]
