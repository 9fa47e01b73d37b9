"""One TimeTracker account: requests, lists by pages, and what is known of the server and its people.

Refuses: records, writing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, Generic, TypeVar
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec
from msgspec import Struct

from bridge.errors import (
    ContainerError,
    GoneError,
    NotFoundError,
    PermissionError_,
    RejectedError,
    TrackerError,
    UnreachableError,
)
from bridge.model import Ref
from connectors.http import Http
from connectors.status import READS, Response, decode, described, server_message, shown
from connectors.timetracker_config import TimeTrackerConfig
from connectors.timetracker_wire import Clock, ColumnRow, ProjectRow, UserRow

T = TypeVar("T")

API: Final = "api/v1/"
_MOST_PAGES: Final = 10_000


class Overlap(RejectedError):
    """400: the person has another time entry then."""


class Pagination(Struct):
    """``total`` means something on the first page only."""

    has_next: bool = False
    total: int = 0


class _Info(Struct):
    timezone: str = ""
    app_version: str = ""
    setup_required: bool = False


class _Users(Struct):
    users: list[UserRow]
    pagination: Pagination | None = None


class _Me(Struct):
    user: UserRow
    time_entry_requirements: dict[str, Any] = {}


class _Projects(Struct):
    projects: list[ProjectRow]
    pagination: Pagination | None = None


class _Project(Struct):
    project: ProjectRow


class _Columns(Struct):
    columns: list[ColumnRow]


class _Counted(Struct):
    pagination: Pagination


class _Said(Struct):
    error_code: str | int | None = None
    required_scope: str | None = None
    details: dict[str, Any] | None = None


INFO: Final = msgspec.json.Decoder(_Info)
ME: Final = msgspec.json.Decoder(_Me)
_USERS: Final = msgspec.json.Decoder(_Users)
_PROJECTS: Final = msgspec.json.Decoder(_Projects)
_PROJECT: Final = msgspec.json.Decoder(_Project)
_COLUMNS: Final = msgspec.json.Decoder(_Columns)
_COUNTED: Final = msgspec.json.Decoder(_Counted)
_SAID: Final = msgspec.json.Decoder(_Said)


@dataclass(frozen=True, slots=True)
class Walk(Generic[T]):
    """All pages of a list. ``is_whole``: as many different rows came as the first page had promised."""

    rows: tuple[T, ...]
    pages: int
    is_whole: bool
    date: datetime | None


@dataclass(frozen=True, slots=True)
class People:
    """Names of people. Without the right to list them only what stands in a row itself is known."""

    names: Mapping[int, str]
    ids: Mapping[str, int]

    def name(self, number: int | None, username: str | None) -> str | None:
        return None if number is None else self.names.get(number) or username or str(number)


def refusal(response: Response, _now: datetime) -> TrackerError | None:
    """TimeTracker's own reading of a status; None leaves it to ``connectors.status.to_error``.

    400 also means "not there" and "not now"; a 500 with ``internal_error`` is the program stumbling over what it was sent.
    """
    said = server_message(response.content).lower()
    try:
        parts = _SAID.decode(response.content)
    except msgspec.MsgspecError:
        parts = _Said()
    place: dict[str, Any] = {"status": response.status, "url": shown(response.url)}
    text = described(response)
    if response.status == 403:
        return _forbidden(parts, said, text, place)
    if response.status == 500 and parts.error_code == "internal_error" and response.method not in READS:
        return RejectedError(text, hint="The program stumbles over this; sending it again would not help.", **place)
    return _refused(said, text, place) if response.status == 400 else None


def _refused(said: str, text: str, place: dict[str, Any]) -> TrackerError | None:
    """What a 400 says, which there means all kinds of things."""
    if "overlap" in said:
        return Overlap(text, hint="Choose another time, or set on_overlap to next-free.", field="started_at", **place)
    if said.endswith("not found"):
        return NotFoundError(text, hint="It was deleted, or the token's user may not see it.", **place)
    if "access denied" in said or "permission" in said:
        return PermissionError_(text, hint="Use the token of an admin: others may change their own only.", **place)
    if "invalid project" in said:
        return ContainerError(text, reason="missing", hint="Name a project that exists in the link.", **place)
    if "period" in said or "locked" in said:
        return RejectedError(text, hint="Open the period in TimeTracker, or leave the entry as it is.", **place)
    return None


def _forbidden(parts: _Said, said: str, text: str, place: dict[str, Any]) -> TrackerError | None:
    if parts.required_scope:
        hint = f"Give the API token the scope {parts.required_scope}."
        return ContainerError(text, reason="permission", hint=hint, **place)
    if "only admins" in said:
        hint = "Use the token of an admin, or set log_for_others to false."
        return RejectedError(text, hint=hint, field="person", **place)
    return None


class Api:
    """What the parts of the connector ask of one server."""

    def __init__(self, http: Http, config: TimeTrackerConfig) -> None:
        self.http = http
        self.config = config
        self._clock: Clock | None = None
        self._people: People | None = None
        self._me: _Me | None = None
        self._projects: dict[str, int] = {}
        self._columns: dict[int, tuple[ColumnRow, ...]] = {}
        self.project_names: dict[str, str] = {}
        """Ids by the names of projects that were looked up."""

    async def request(self, method: str, path: str, **options: Any) -> Response:
        """As ``Http.request``. Raises: UnreachableError where the set-up of the program was never finished."""
        answer = await self.http.request(method, API + path, **options)
        if 300 <= answer.status < 400:
            raise UnreachableError(
                f"{shown(answer.url)} answered {answer.status}: it leads elsewhere, as a TimeTracker does that is not set up.",
                hint="Finish the set-up in a browser, or correct base_url.",
                status=answer.status,
                url=shown(answer.url),
            )
        return answer

    async def get(self, path: str, decoder: msgspec.json.Decoder[T], **params: str | int) -> T:
        return decode(await self.request("GET", path, params=params or None), decoder)

    async def walk(
        self, path: str, decoder: msgspec.json.Decoder[Any], key: str, *, size: int, **params: str | int
    ) -> Walk[Any]:
        """Every page of a list. Rows change places when people edit them meanwhile; if one slipped through, once more."""
        for is_last_try in (False, True):
            rows: dict[int, Any] = {}
            total, date = 0, None
            for page in range(1, _MOST_PAGES):
                answer = await self.request("GET", path, params={**params, "per_page": size, "page": page})
                date = date or answer.date
                said = decode(answer, decoder)
                total = said.pagination.total if page == 1 else total
                rows.update((row.id, row) for row in getattr(said, key))
                if not said.pagination.has_next:
                    break
            is_whole = len(rows) >= total
            if is_whole or is_last_try or page == 1:
                break
        return Walk(tuple(rows.values()), page, is_whole, date)

    # --- the server

    async def info(self) -> _Info:
        return await self.get("info", INFO)

    async def clock(self) -> Clock:
        """One request in the connector's life, none with ``timezone``."""
        if self._clock is None:
            name = self.config.timezone or (await self.info()).timezone
            try:
                zone = ZoneInfo(name)
            except (ZoneInfoNotFoundError, ValueError, OSError):
                raise ContainerError(
                    f'The server does not say its time zone (it says "{name}").',
                    reason="closed",
                    hint="Set timezone for this connection.",
                ) from None
            stored = self.config.stored_times
            self._clock = Clock(zone, None if stored == "auto" else stored == "utc")
        return self._clock

    async def me(self) -> _Me:
        if self._me is None:
            self._me = await self.get("users/me", ME)
        return self._me

    async def people(self) -> People:
        """Everybody, where the token may see them; else the token's own user. One request in the connector's life."""
        if self._people is None:
            try:
                rows = await self.everybody()
            except ContainerError:
                rows = [(await self.me()).user]
            names = {row.id: name_of(row, self.config.people_by) for row in rows}
            ids = {row.username.lower(): row.id for row in rows}
            ids |= {row.email.lower(): row.id for row in rows if row.email}
            self._people = People(names, ids)
        return self._people

    async def everybody(self) -> list[UserRow]:
        """All active users, asked now. Raises: ContainerError without the scope for it."""
        found: list[UserRow] = []
        for page in range(1, _MOST_PAGES):
            said = await self.get("users", _USERS, per_page=100, page=page)
            found += said.users
            if said.pagination is None or not said.pagination.has_next:
                break
        return found

    async def person_names(self, rows: Any) -> People:
        """As ``people``, without asking when no row names anybody or names are user names."""
        if self.config.people_by == "username" or not any(rows):
            return self._people or People({}, {})
        return await self.people()

    async def person_id(self, name: str, field: str) -> int:
        """Raises: RejectedError for somebody who is not there."""
        people = await self.people()
        if (number := people.ids.get(name.lower())) is None:
            raise RejectedError(
                f"TimeTracker has nobody called {name}, or does not show them to this token.",
                hint="Correct people in the configuration; to see everybody the token needs the scope admin:all.",
                field=field,
            )
        return number

    # --- projects

    async def project(self, container: str) -> int:
        """The id of a project that a link names by id, name or code.

        Raises: ContainerError when there is none.
        """
        if container.isdigit():
            return int(container)
        if container.lower() not in self._projects:
            for row in await self.projects():
                self.project_names[row.name] = str(row.id)
                self._projects.update((name.lower(), row.id) for name in (row.code, row.name) if name)
        if container.lower() not in self._projects:
            raise ContainerError(
                f'TimeTracker shows no project "{container}" to this token.',
                reason="missing",
                container=container,
                hint="Check the name; plain users see the projects that they were given only.",
            )
        return self._projects[container.lower()]

    async def projects(self) -> list[ProjectRow]:
        found: list[ProjectRow] = []
        for page in range(1, _MOST_PAGES):
            said = await self.get("projects", _PROJECTS, status="all", per_page=100, page=page)
            found += said.projects
            if said.pagination is None or not said.pagination.has_next:
                break
        return found

    async def is_healthy(self, project: int) -> bool:
        """Whether the project answers and is not archived. A plain user may not read it but sees its tasks."""
        answer = await self.request("GET", f"projects/{project}", accept=(403, 404), follow=False)
        if answer.status == 200:
            row = decode(answer, _PROJECT).project
            self.project_names[row.name] = str(row.id)
            return not row.is_archived
        counted = await self.get("tasks", _COUNTED, project_id=project, per_page=1)
        return counted.pagination.total > 0

    async def columns(self, project: int) -> tuple[ColumnRow, ...]:
        """What a status may be; a project without columns of its own has everybody's."""
        if project not in self._columns:
            rows = (await self.get("kanban/columns", _COLUMNS, project_id=project)).columns
            if not rows:
                rows = (await self.get("kanban/columns", _COLUMNS)).columns
            self._columns[project] = tuple(rows)
        return self._columns[project]

    async def missing(self, ref: Ref, url: str) -> TrackerError:
        """What "not there" means: gone while its project answers, else nothing about the record (S25)."""
        if await self.is_healthy(await self.project(ref.container)):
            kind = ref.kind.replace("_", " ")
            return GoneError(
                f"The {kind} {ref.id} was deleted in TimeTracker.", hint="Its project answers.", status=404, url=url
            )
        return ContainerError(
            f"TimeTracker does not show the project {ref.container} to this token.",
            container=ref.container,
            reason="missing",
            hint="It may be archived, or the token's user has lost access to it.",
            url=url,
        )


def name_of(row: UserRow, people_by: str) -> str:
    return row.email.lower() if row.email and people_by == "email" else row.username


def epoch(date: datetime | None) -> int:
    """For cursors: the server's Date, 0 without one."""
    return 0 if date is None else int(date.astimezone(UTC).timestamp())
