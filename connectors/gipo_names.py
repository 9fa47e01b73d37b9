"""Names and ids of Gipo: boards and their stages, members, tags, task types, projects; and what write fields are called.

Learnt from answers that come anyway, and asked for only when a name or id is not known yet. Refuses: tasks, writing.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterable, Mapping
from typing import Any, Final

from bridge.errors import ContainerError, RejectedError
from bridge.model import Value
from connectors.findings import nearest
from connectors.gipo_api import GipoApi
from connectors.gipo_config import GipoConfig
from connectors.gipo_wire import ANYTHING, BOARDS, MEMBERS, NAMED, Board, Member, StageRow, TaskRow, User, stage_of

REGISTRIES: Final = {"labels": "tags", "type": "task-types", "project": "projects"}
_PARTS: Final = re.compile(r"[A-Z]?[a-z]+")
_WHERE: Final = {"labels": "tag", "type": "task type", "project": "project"}
TAG_HINT: Final = (
    "Gipo's API cannot create tags: create it in the dashboard, with this very name; then Bridge writes it."
)


class Names:
    """What one organization calls its things."""

    def __init__(self, api: GipoApi, config: GipoConfig) -> None:
        self._api = api
        self._config = config
        self._boards: dict[str, Board] = {}
        self._ids: dict[str, dict[str, str]] = {}
        self._complete: set[str] = set()
        self._people: dict[str, Member] | None = None
        self._description: Mapping[str, Any] | None = None

    # --- boards -----------------------------------------------------------------------------------------------------

    async def boards(self) -> list[Board]:
        """Asked now; one request per 100."""
        rows = await self._api.registry("workspaces", BOARDS)
        self._boards = {row.id.lower(): row for row in rows}
        return rows

    async def board(self, container: str) -> str:
        """The id of a workspace that is named by id or by name. No request for an id or a name that is known.

        Raises: ContainerError when there is no such name, or more than one.
        """
        try:
            return str(uuid.UUID(container))
        except ValueError:
            pass
        found = [key for key, row in self._boards.items() if row.name == container]
        if not found:
            await self.boards()
            found = [key for key, row in self._boards.items() if row.name == container]
        if len(found) == 1:
            return found[0]
        there = ", ".join(f"{row.name} ({key})" for key, row in list(self._boards.items())[:10])
        what = "no workspace" if not found else "more than one workspace"
        hint = f"Name one by its id. There are: {there or 'none'}."
        raise ContainerError(f"Gipo shows {what} {container!r}.", container=container, reason="missing", hint=hint)

    def learn(self, board: Board) -> None:
        self._boards[board.id.lower()] = Board(board.id, board.name, board.stages)

    async def stages(self, board: str, *, anew: bool = False) -> list[StageRow]:
        """In their order on the board."""
        if anew or board not in self._boards:
            await self.boards()
        row = self._boards.get(board)
        return [] if row is None else sorted(row.stages, key=lambda stage: stage.sort_order)

    async def status(self, board: str, row: TaskRow) -> str | None:
        """The stage's name; on a board without a finalizing stage a finalized task has a name of its own."""
        wanted = stage_of(row)
        is_final = isinstance(row.finalized_at, str)
        given = row.stage if isinstance(row.stage, StageRow) else None
        if given is not None and (given.is_finalizing or not is_final):
            return given.name
        stages = await self.stages(board)
        if wanted not in {stage.id for stage in stages}:
            stages = await self.stages(board, anew=True)
        if is_final and stages and not any(stage.is_finalizing for stage in stages):
            return self._config.finalized_status
        return next((stage.name for stage in stages if stage.id == wanted), wanted or None)

    async def stage_id(self, board: str, name: str) -> str:
        """Raises: RejectedError for a name that the board does not have."""
        for anew in (False, True):
            stages = await self.stages(board, anew=anew)
            for stage in stages:
                if stage.name == name:
                    return stage.id
        there = ", ".join(stage.name for stage in stages)
        hint = f"Map it to one of: {there}. Stages are made in the dashboard."
        raise RejectedError(f'The board has no stage "{name}".', field="status", hint=hint)

    async def finalizes(self, board: str) -> bool:
        """Whether the board has a finalizing stage."""
        return any(stage.is_finalizing for stage in await self.stages(board))

    # --- people -----------------------------------------------------------------------------------------------------

    async def people(self, *, anew: bool = False) -> dict[str, Member]:
        """Members by the user's id (which is not the membership's)."""
        if anew or self._people is None:
            self._people = {row.user.id: row for row in await self._api.registry("members", MEMBERS)}
        return self._people

    async def emails(self, users: Iterable[str]) -> dict[str, str]:
        """E-mail addresses in lower case by user id. Who is no member any more keeps the id."""
        wanted = set(users)
        if not wanted:
            return {}
        people = await self.people()
        if wanted - people.keys():
            people = await self.people(anew=True)
            for user in wanted - people.keys():  # asked once: they have left the organization
                people[user] = Member(User(user))
        return {user: (people[user].user.email or user).lower() for user in wanted}

    async def user_ids(self, emails: Iterable[str], field: str) -> list[str]:
        """Raises: RejectedError for somebody who is no member."""
        wanted = [email.lower() for email in emails]
        for anew in (False, True):
            known = {(row.user.email or key).lower(): key for key, row in (await self.people(anew=anew)).items()}
            missing = [email for email in wanted if email not in known]
            if not missing:
                return [known[email] for email in wanted]
        hint = "Invite them in the dashboard, or take them out of people."
        raise RejectedError(f"{', '.join(missing)} is no member of the organization in Gipo.", field=field, hint=hint)

    # --- tags, task types, projects -----------------------------------------------------------------------------------

    async def registry(self, field: str, *, anew: bool = False) -> dict[str, str]:
        """Ids by name; the first of equal names counts."""
        if anew or field not in self._complete:
            rows = await self._api.registry(REGISTRIES[field], NAMED)
            self._ids[field] = {row.name: row.id for row in reversed(rows)}
            self._complete.add(field)
        return self._ids[field]

    def see(self, rows: Iterable[TaskRow]) -> None:
        """Learn the ids of tags from tasks that have them."""
        known = self._ids.setdefault("labels", {})
        for row in rows:
            for one in row.tags or ():
                known[one.tag.name] = one.tag.id

    async def ids(self, field: str, names: Iterable[Value]) -> list[str]:
        """Raises: RejectedError for a name that is not there, with what to do about it."""
        wanted = [str(name) for name in names]
        known = self._ids.get(field, {})
        if any(name not in known for name in wanted):
            known = await self.registry(field, anew=True)
        if missing := [name for name in wanted if name not in known]:
            listed = ", ".join(f'"{name}"' for name in missing)
            hint = TAG_HINT if field == "labels" else nearest(missing[0], known) or "Create it in the dashboard."
            raise RejectedError(f"Gipo has no {_WHERE[field]} {listed}.", field=field, hint=hint)
        return [known[name] for name in wanted]

    # --- the instance's own description ---------------------------------------------------------------------------------

    async def description(self) -> Mapping[str, Any]:
        """``openapi.json``, read once; empty where the instance does not serve it."""
        if self._description is None:
            self._description = await self._api.look("openapi.json", ANYTHING) or {}
        return self._description

    async def write_name(self, what: str) -> str:
        """What ``assignees`` or ``tags`` are called in the write of a task: setting, description, assumption."""
        usual, setting = _WRITES[what]
        own = str(getattr(self._config, setting))
        return own or described_name(await self.description(), what) or usual


_WRITES: Final = {"assignees": ("assigneeIds", "assignee_field"), "tags": ("tagIds", "tag_field")}


def members_of(description: Mapping[str, Any], path: str, method: str = "post") -> dict[str, Any]:
    """The members of a request body, by name, as an OpenAPI document says; empty when it does not."""
    own: Mapping[str, Any] = next((one for key, one in description.get("paths", {}).items() if key.endswith(path)), {})
    body = own.get(method, {}).get("requestBody", {}).get("content", {}).get("application/json", {})
    return _properties(description, body.get("schema", {}), depth=4)


def _properties(description: Mapping[str, Any], schema: Mapping[str, Any], depth: int) -> dict[str, Any]:
    if "$ref" in schema and depth:
        place: Any = description
        for part in str(schema["$ref"]).removeprefix("#/").split("/"):
            place = place.get(part, {})
        return _properties(description, place, depth - 1)
    found = dict(schema.get("properties", {}))
    for part in schema.get("allOf", ()) if depth else ():
        found |= _properties(description, part, depth - 1)
    return found


def described_name(description: Mapping[str, Any], what: str) -> str:
    """The member of a new task that holds assignees or tags: the usual name, else the one that sounds like it."""
    members = members_of(description, "/tasks")
    usual = _WRITES[what][0]
    if usual in members:
        return usual
    words = {what, what.removesuffix("s")}  # stageId has "tag" in it and is none
    return next((name for name in members if words & {part.lower() for part in _PARTS.findall(name)}), "")
