"""What stands behind names in Grow CRM: people by e-mail, statuses and priorities by title, milestones by name.

Refuses: tasks. No endpoint lists statuses or priorities: they are learned from the tasks that have them, and from the
settings where none has.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from bridge.errors import RejectedError
from bridge.model import Value
from connectors.growcrm_config import GrowcrmConfig
from connectors.growcrm_walk import Lists
from connectors.growcrm_wire import NAMES, TASKS, TEAM, Id, MemberRow, TaskRow, number

_NOBODY: Final = "user:"
"""Before the id of somebody who is no team member any more, where an e-mail is expected."""

_DONE: Final = ("complet", "done")


class People:
    """The team, read when somebody unknown turns up."""

    def __init__(self, lists: Lists) -> None:
        self._lists = lists
        self._members: dict[str, MemberRow] = {}
        self._missing: set[str] = set()

    async def know(self, ids: Iterable[Id]) -> None:
        """Make sure that these have been asked for, with one request for all of them."""
        new = {str(one) for one in ids} - self._members.keys() - self._missing
        if new:
            await self.team()
            self._missing |= new - self._members.keys()

    async def team(self) -> Mapping[str, MemberRow]:
        """All members by id. Those who were deleted are not shown."""
        walk = await self._lists.walk("api/team", {"sort": "email", "order": "asc"}, TEAM)
        self._members = {str(row.id): row for row in walk.rows}
        return self._members

    def email(self, who: Id) -> str:
        """The e-mail of somebody ``know`` was asked about, in lower case; ``user:ID`` for one who is not in the team."""
        row = self._members.get(str(who))
        return row.email.lower() if row is not None and row.email else f"{_NOBODY}{who}"

    async def ids(self, emails: Iterable[str], field: str) -> list[str]:
        """Raises: RejectedError for ``field`` when one is nobody's e-mail."""
        wanted = sorted(set(emails))
        known = self._by_email()
        if any(one not in known and not one.startswith(_NOBODY) for one in wanted):
            await self.team()
            known = self._by_email()
        for one in wanted:
            if one not in known and not one.startswith(_NOBODY):
                raise RejectedError(
                    f"Nobody in the Grow CRM team has the e-mail {one}.",
                    hint="Correct [[people]], or add the person to the team.",
                    field=field,
                )
        return [known.get(one) or one.removeprefix(_NOBODY) for one in wanted]

    def _by_email(self) -> dict[str, str]:
        return {row.email.lower(): key for key, row in self._members.items() if row.email}


class Choices:
    """Titles and ids of one kind of choice: those of the settings, and those that tasks were seen with."""

    def __init__(self, what: str, given: Mapping[str, int], default: str) -> None:
        self.what = what
        self._given = {str(one): title for title, one in given.items()}
        self._default = default
        self._heard: dict[str, str] = {}

    def hear(self, one: Id, title: str | None) -> None:
        if title is not None:
            self._heard[str(one)] = title

    def titles(self) -> dict[str, str]:
        """Title by id. What a task shows is newer than what the settings say."""
        return {**self._given, **self._heard}

    def id_of(self, title: str) -> str | None:
        """The exact title, else the same in other letters of case."""
        known = self.titles()
        exact = [key for key, name in known.items() if name == title]
        loose = [key for key, name in known.items() if name.casefold() == title.casefold()]
        return min(exact or loose, key=number, default=None)

    def completed(self) -> str | None:
        """The id of the title that sounds like it (assumption)."""
        sounding = [key for key, name in self.titles().items() if any(word in name.casefold() for word in _DONE)]
        return min(sounding, key=number, default=None)

    def default_id(self) -> str | None:
        if self._default:
            return self.id_of(self._default)
        return min(self.titles(), key=number, default=None)


class Vocabulary:
    """Statuses, priorities and milestones."""

    def __init__(self, lists: Lists, config: GrowcrmConfig) -> None:
        self._lists = lists
        self._config = config
        self.statuses = Choices("status", config.statuses, config.default_status)
        self.priorities = Choices("priority", config.priorities, config.default_priority)
        self._milestones: dict[str, dict[str, str]] = {}
        self._has_scanned = False

    def hear(self, rows: Iterable[TaskRow]) -> None:
        for row in rows:
            self.statuses.hear(row.status.id, row.status.title)
            self.priorities.hear(row.priority.id, row.priority.title)

    async def status_id(self, title: Value) -> str:
        """None asks for the one of a new task. Raises: RejectedError for ``status``."""
        found = await self._id(self.statuses, title)
        if found is None and title == self._config.closed_status:
            found = self.statuses.completed()
        return found or self._unknown(self.statuses, title)

    async def priority_id(self, title: Value) -> str:
        """None asks for the one of a new task. Raises: RejectedError for ``priority``."""
        return await self._id(self.priorities, title) or self._unknown(self.priorities, title)

    async def milestone_id(self, project: str, name: Value) -> str | None:
        """None for no milestone: then the CRM takes the project's own. Raises: RejectedError for ``milestone``."""
        if name is None:
            return None
        wanted = str(name).casefold()
        for is_fresh in (False, True):
            known = await self.milestones(project, fresh=is_fresh)
            for key, title in known.items():
                if title.casefold() == wanted:
                    return key
        raise RejectedError(
            f'The project {project} in Grow CRM has no milestone "{name}".',
            hint=f"It has: {', '.join(known.values())}. Make it there.",
            field="milestone",
        )

    async def milestones(self, project: str, *, fresh: bool = False) -> Mapping[str, str]:
        """Titles by id."""
        if fresh or project not in self._milestones:
            walk = await self._lists.walk("api/milestones", {"project_id": project}, NAMES)
            self._milestones[project] = {str(row.id): row.title or row.name or "" for row in walk.rows}
        return self._milestones[project]

    async def scan(self) -> None:
        """Learn from the newest tasks of the whole CRM, once."""
        if self._has_scanned:
            return
        self._has_scanned = True
        for state in ("active", "archived"):
            query = {"active_state": state, "sort": "task_created", "order": "desc"}
            self.hear((await self._lists.page("api/tasks", query, TASKS)).data)

    async def _id(self, choices: Choices, title: Value) -> str | None:
        for _ in range(2):
            found = choices.default_id() if title is None else choices.id_of(str(title))
            if found is not None:
                return found
            await self.scan()
        return None

    def _unknown(self, choices: Choices, title: Value) -> str:
        known = ", ".join(choices.titles().values()) or "none so far"
        key = "statuses" if choices is self.statuses else "priorities"
        name = f'no {choices.what} "{title}"' if title is not None else f"no {choices.what} at all"
        raise RejectedError(
            f"Bridge knows {name} in Grow CRM.",
            hint=f"No task has it and the API lists none: name its id in {key} of the connection. Known: {known}.",
            field=choices.what,
        )
