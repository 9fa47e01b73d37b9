"""Redmine's ids by name and names by id, each asked once for the connector's life: people, fields, small lists.

Refuses: records.

Who is no administrator may not list custom fields or people: fields are then learned from the issues that are read, and
people are asked for one by one among the project's members.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from typing import Final

import msgspec

from bridge.errors import NotFoundError, PermissionError_, RejectedError
from bridge.model import Value
from connectors.redmine_api import RedmineApi, project_path
from connectors.redmine_wire import ENTRIES, ISSUES, CustomRow, Named
from connectors.status import decode

ISSUE: Final = "issue"
ENTRY: Final = "time_entry"


class _Person(msgspec.Struct):
    id: int
    login: str = ""
    firstname: str = ""
    lastname: str = ""
    mail: str = ""

    @property
    def name(self) -> str:
        return f"{self.firstname} {self.lastname}".strip()


class _People(msgspec.Struct):
    users: list[_Person]
    total_count: int = 0


class _PersonBox(msgspec.Struct):
    user: _Person


class _Member(msgspec.Struct):
    user: Named | None = None


class _Members(msgspec.Struct):
    memberships: list[_Member]
    total_count: int = 0


class _Option(msgspec.Struct):
    value: str


class _Field(msgspec.Struct):
    id: int
    name: str
    customized_type: str = ISSUE
    field_format: str = "string"
    multiple: bool = False
    possible_values: list[_Option] = []
    trackers: list[Named] = []


class _Fields(msgspec.Struct):
    custom_fields: list[_Field]


class Project(msgspec.Struct):
    id: int
    name: str
    identifier: str = ""
    status: int = 1
    is_public: bool = False
    trackers: list[Named] = []
    time_entry_activities: list[Named] = []
    issue_categories: list[Named] = []
    enabled_modules: list[Named] = []


class _ProjectBox(msgspec.Struct):
    project: Project


class _Lists(msgspec.Struct):
    issue_statuses: list[Named] = []
    issue_priorities: list[Named] = []
    trackers: list[Named] = []
    versions: list[Named] = []


_PEOPLE: Final = msgspec.json.Decoder(_People)
_PERSON: Final = msgspec.json.Decoder(_PersonBox)
_MEMBERS: Final = msgspec.json.Decoder(_Members)
_FIELDS: Final = msgspec.json.Decoder(_Fields)
_PROJECT: Final = msgspec.json.Decoder(_ProjectBox)
_LISTS: Final = msgspec.json.Decoder(_Lists)
_PAGE: Final = {"limit": 100}


@dataclass(frozen=True, slots=True)
class Definition:
    """A custom field. ``trackers`` are those whose issues have it, as far as is known; None for time entries."""

    id: int
    name: str
    format: str = "string"
    multiple: bool = False
    possible: tuple[str, ...] = ()
    trackers: frozenset[int] | None = None

    def applies(self, tracker: int | None) -> bool:
        return self.trackers is None or tracker is None or tracker in self.trackers


class Names:
    """All of one connection."""

    def __init__(self, api: RedmineApi) -> None:
        self._api = api
        self.accounts = Accounts(api)
        self.fields = CustomFields(api)
        self._projects: dict[str, Project] = {}
        self._lists: dict[str, dict[str, int]] = {}

    async def project(self, container: str, *, anew: bool = False) -> Project:
        """Raises: ContainerError when it is not there or not shown."""
        if anew or container not in self._projects:
            include = "trackers,time_entry_activities,issue_categories,enabled_modules"
            answer = await self._api.read(f"{project_path(container)}.json", {"include": include})
            self._projects[container] = decode(answer, _PROJECT).project
        return self._projects[container]

    async def id_of(self, container: str, field: str, name: Value) -> int | str:
        """The id of a status, priority, type, category, milestone or activity; "" for None, which clears it.

        Raises: RejectedError naming what there is.
        """
        if name is None:
            return ""
        known = await self.known(container, field)
        if str(name) not in known:
            raise RejectedError(
                f"Redmine has no {field} {str(name)!r} in {container}.",
                hint=f"There are: {', '.join(known) or 'none'}. Correct the mapping, or add it in Redmine.",
                field=field,
            )
        return known[str(name)]

    async def known(self, container: str, field: str) -> dict[str, int]:
        """Ids by name."""
        match field:
            case "type":
                return _by_name((await self.project(container)).trackers)
            case "category":
                return _by_name((await self.project(container)).issue_categories)
            case "activity":
                return _by_name((await self.project(container)).time_entry_activities)
            case "milestone":
                return await self._list(f"{project_path(container)}/versions.json", "versions")
            case "priority":
                return await self._list("enumerations/issue_priorities.json", "issue_priorities")
        return await self._list("issue_statuses.json", "issue_statuses")

    def forget(self, container: str) -> None:
        """Ask again for what belongs to a project: a name in it was refused."""
        self._projects.pop(container, None)
        self._lists.pop(f"{project_path(container)}/versions.json", None)

    async def _list(self, path: str, name: str) -> dict[str, int]:
        if path not in self._lists:
            self._lists[path] = _by_name(getattr(decode(await self._api.read(path), _LISTS), name))
        return self._lists[path]


class Accounts:
    """People, by the word that ``people_by`` says."""

    def __init__(self, api: RedmineApi) -> None:
        self._api = api
        self._people: dict[int, _Person] = {}
        self._is_admin: bool | None = None

    async def names(self, ids: Iterable[int]) -> dict[int, str]:
        """How our person fields name these accounts; ``#ID`` for one whose mail or login is not shown."""
        wanted = set(ids)
        if self._api.config.people_by == "id":
            return {one: f"#{one}" for one in wanted}
        if wanted - set(self._people) and self._is_admin is None:
            await self._first_people()
        for one in wanted - set(self._people):
            await self._ask_person(one)
        return {one: self._name(self._people[one]) for one in wanted}

    async def id_of(self, container: str, name: Value, field: str) -> int | str:
        """The id of a person; "" for None. Raises: RejectedError."""
        if name is None:
            return ""
        text = str(name)
        if text.startswith("#") and text[1:].isdigit():
            return int(text[1:])
        if (found := self._by_person(text)) is None:
            await self._seek(container, text)
            found = self._by_person(text)
        if found is None:
            raise RejectedError(
                f"Redmine shows no account {text!r} by {self._api.config.people_by}.",
                hint="Make the person a member of the project and map people as #ID, or use an administrator's key.",
                field=field,
            )
        return found

    def person(self, number: int) -> _Person | None:
        """An account as it was last seen."""
        return self._people.get(number)

    async def members(self, container: str) -> list[int]:
        """The ids of a project's members who are no groups, all pages of it."""
        found: list[int] = []
        offset, total = 0, 1
        while offset < total:
            answer = await self._api.read(f"{project_path(container)}/memberships.json", {**_PAGE, "offset": offset})
            rows = decode(answer, _MEMBERS)
            found += [one.user.id for one in rows.memberships if one.user is not None]
            offset, total = offset + _PAGE["limit"], rows.total_count
        return list(dict.fromkeys(found))

    async def listed(self) -> Collection[int] | None:
        """The ids of all active accounts, asked now; None for who is no administrator."""
        found: dict[int, _Person] = {}
        offset, total = 0, 1
        while offset < total:
            try:
                rows = decode(await self._api.read("users.json", {**_PAGE, "offset": offset}), _PEOPLE)
            except PermissionError_:
                self._is_admin = False
                return None
            found |= {one.id: one for one in rows.users}
            offset, total = offset + _PAGE["limit"], rows.total_count
        self._is_admin = True
        self._people |= found
        return found.keys()

    async def login(self, container: str, name: Value, field: str) -> str:
        """The login to write as."""
        found = await self.id_of(container, name, field)
        if not isinstance(found, int):
            return ""
        await self.names([found])
        if found not in self._people:
            await self._ask_person(found)
        return self._people[found].login

    def _name(self, person: _Person) -> str:
        match self._api.config.people_by:
            case "email":
                name = person.mail.lower()
            case "login":
                name = person.login
            case _:
                name = person.name
        return name or f"#{person.id}"

    def _by_person(self, name: str) -> int | None:
        wanted = name.lower()
        return next((one.id for one in self._people.values() if self._name(one).lower() == wanted), None)

    async def _first_people(self) -> None:
        try:
            found = decode(await self._api.read("users.json", _PAGE), _PEOPLE)
        except PermissionError_:
            self._is_admin = False
            return
        self._is_admin = True
        self._people |= {one.id: one for one in found.users}

    async def _ask_person(self, number: int) -> None:
        """A group that something is assigned to is no user: 404."""
        try:
            self._people[number] = decode(await self._api.read(f"users/{number}.json"), _PERSON).user
        except (NotFoundError, PermissionError_):
            self._people[number] = _Person(number)

    async def _seek(self, container: str, name: str) -> None:
        if self._is_admin is None:
            await self._first_people()
        if self._is_admin:
            found = decode(await self._api.read("users.json", {"name": name, **_PAGE}), _PEOPLE)
            self._people |= {one.id: one for one in found.users}
            return
        answer = await self._api.read(f"{project_path(container)}/memberships.json", _PAGE)
        members = [one.user.id for one in decode(answer, _MEMBERS).memberships if one.user is not None]
        await self.names(members)


class CustomFields:
    """Fields of issues and time entries that an administrator has added."""

    def __init__(self, api: RedmineApi) -> None:
        self._api = api
        self._fields: dict[tuple[str, str], Definition] = {}
        self._looked: set[tuple[str, str, int | None]] = set()
        self._has_definitions = False

    async def find(self, container: str, about: str, name: str, tracker: int | None = None) -> Definition | None:
        """A custom field by name; None where issues of that tracker, or time entries, have none of that name."""
        if not name:
            return None
        found = self._fields.get((about, name))
        if (found is None or not found.applies(tracker)) and not self._has_definitions:
            await self._define(container, about, tracker)
            found = self._fields.get((about, name))
        return found if found is not None and found.applies(tracker) else None

    async def all(self, container: str) -> list[Definition]:
        """The custom fields of issues, as far as they are shown."""
        await self._define(container, ISSUE, None)
        return [one for (about, _), one in self._fields.items() if about == ISSUE]

    def formats(self) -> dict[str, str]:
        return {name: one.format for (about, name), one in self._fields.items() if about == ISSUE}

    def learn(self, about: str, rows: Iterable[CustomRow], tracker: int | None) -> None:
        """What a record shows of its fields; formats stay unknown that way."""
        if self._has_definitions:
            return
        for row in rows:
            old = self._fields.get((about, row.name)) or Definition(
                row.id, row.name, multiple=row.multiple, trackers=None if tracker is None else frozenset()
            )
            if tracker is not None and not (old.trackers and tracker in old.trackers):
                old = replace(old, trackers=(old.trackers or frozenset()) | {tracker})
            self._fields[about, row.name] = old

    async def _define(self, container: str, about: str, tracker: int | None) -> None:
        """From the list of all fields, which administrators see; else from one issue or entry of the project."""
        if self._has_definitions or (container, about, tracker) in self._looked:
            return
        self._looked.add((container, about, tracker))
        try:
            rows = decode(await self._api.read("custom_fields.json"), _FIELDS).custom_fields
        except PermissionError_:
            await self._look(container, about, tracker)
            return
        self._has_definitions = True
        self._fields = {(row.customized_type, row.name): _definition(row) for row in rows}

    async def _look(self, container: str, about: str, tracker: int | None) -> None:
        place, params = project_path(container), {"limit": 1}
        if about == ENTRY:
            for entry in decode(await self._api.read(f"{place}/time_entries.json", params), ENTRIES).time_entries:
                self.learn(ENTRY, entry.custom_fields, None)
            return
        more: dict[str, str | int] = {"status_id": "*", "subproject_id": "!*", **params}
        if tracker is not None:
            more["tracker_id"] = tracker
        for path in (f"{place}/issues.json", "issues.json"):  # a new project has no issue yet; most fields are for all
            rows = decode(await self._api.read(path, more), ISSUES).issues
            for row in rows:
                self.learn(ISSUE, row.custom_fields, row.tracker.id)
            if rows:
                return


def _definition(row: _Field) -> Definition:
    return Definition(
        row.id,
        row.name,
        row.field_format,
        row.multiple,
        tuple(one.value for one in row.possible_values),
        frozenset(one.id for one in row.trackers) if row.customized_type == ISSUE else None,
    )


def _by_name(rows: Iterable[Named]) -> dict[str, int]:
    return {row.name: row.id for row in rows}
