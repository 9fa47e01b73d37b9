"""What a Gipo organization offers, before anything is written: the schema of a board, and ``config check --live``.

Refuses: writing, also harmlessly.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Mapping
from typing import Any, Final, Literal

from bridge.errors import TrackerError
from bridge.model import FieldSpec, FieldType, Schema
from connectors.base import Finding
from connectors.findings import lacking
from connectors.gipo_api import GipoApi
from connectors.gipo_board import CHECKLIST, Boards
from connectors.gipo_config import GipoConfig
from connectors.gipo_names import TAG_HINT, Names, described_name, members_of
from connectors.gipo_wire import HOUR_STEP_S, MARKER_ROOM, PRIORITIES
from connectors.http import is_loopback
from connectors.pace import utc_now

_SOON_DAYS: Final = 14
_TIME: Final = "time_entry"
_ASSUMED: Final = {"assignees": ("assigneeIds", "assignee_field"), "tags": ("tagIds", "tag_field")}


async def schema(config: GipoConfig, names: Names, *, fields: frozenset[str]) -> Schema:
    """The fields of a task. Tags are listed, with one request in the connector's life, when ``fields`` have labels.

    Stages are not listed: a wrong name is refused by the write, and one that is made later is found then.
    """
    tags = tuple(sorted(await names.registry("labels"))) if "labels" in fields else None
    specs = [
        FieldSpec("title", FieldType.LINE, max_length=config.title_max),
        FieldSpec("description", FieldType.TEXT, max_length=config.description_max - MARKER_ROOM, dialect="html"),
        FieldSpec("status", FieldType.CHOICE),
        FieldSpec("priority", FieldType.CHOICE, choices=PRIORITIES),
        FieldSpec("labels", FieldType.SET, choices=tags, makes=False),
        FieldSpec("assignees", FieldType.PERSONS, writable="always" if config.push_assignees else "never", emails=True),
        FieldSpec("due_on", FieldType.DATE),
        FieldSpec("start_on", FieldType.DATE),
        FieldSpec("estimate", FieldType.DURATION, step=HOUR_STEP_S),
        FieldSpec("type", FieldType.CHOICE),
        FieldSpec("project", FieldType.CHOICE),
        FieldSpec(CHECKLIST, FieldType.TEXT, dialect="markdown", in_feed=False),
        FieldSpec("finalized_at", FieldType.INSTANT, writable="never"),
    ]
    return Schema("task", {spec.name: spec for spec in specs})


class Check:
    """Looks for one link what would fail later."""

    def __init__(self, api: GipoApi, config: GipoConfig, names: Names, boards: Boards) -> None:
        self._api = api
        self._config = config
        self._names = names
        self._boards = boards

    async def run(
        self, container: str, kind: str, verbs: Collection[str], maps: Mapping[str, Collection[str]]
    ) -> list[Finding]:
        """Findings in the order of the causes; what was found before an error counts."""
        found: list[Finding] = []
        try:
            async for one in self._findings(container, kind, verbs, maps):
                found.append(one)  # noqa: PERF401 — see above
        except TrackerError as error:
            found.append(Finding("error", error.message, error.hint))
        return found

    async def _findings(
        self, container: str, kind: str, verbs: Collection[str], maps: Mapping[str, Collection[str]]
    ) -> AsyncIterator[Finding]:
        for one in self._settings():
            yield one
        boards = await self._names.boards()
        yield Finding("ok", f"The API key is accepted; it sees {len(boards)} workspaces.")
        board = await self._names.board(container)
        rows = await self._boards.look(board)
        name = next((row.name for row in boards if row.id.lower() == board), board)
        yield Finding("ok", f'The workspace "{name}" is there, with {len(rows)} tasks.')
        for one in [*await self._described(kind), *await self._role()]:
            yield one
        if kind == _TIME:
            for one in self._time(verbs, maps):
                yield one
            return
        for one in await self._task(board, verbs, maps):
            yield one
        for field in sorted(maps):
            for one in await self._map(board, field, maps[field]):
                yield one

    def _settings(self) -> list[Finding]:
        own, found = self._config, []
        if own.base_url.startswith("http://") and not is_loopback(own.base_url):
            found.append(Finding("warning", "The API key crosses the network unencrypted.", "Use https in base_url."))
        if own.key_expires_on is None:
            found.append(
                Finding("ok", "Every Gipo key expires; with its day in key_expires_on this check warns in time.")
            )
        elif (left := (own.key_expires_on - utc_now().date()).days) < _SOON_DAYS:
            text = (
                f"The API key expires on {own.key_expires_on} ({left} days)."
                if left >= 0
                else "The API key has expired."
            )
            hint = "Make a new one in Organization Settings, API Keys."
            found.append(Finding("warning" if left >= 0 else "error", text, hint))
        return found

    async def _described(self, kind: str) -> list[Finding]:
        """What ``openapi.json`` settles of our assumptions; a setting counts more than it does."""
        said = await self._names.description()
        if not said:
            hint = "Bridge goes by its settings and assumptions; see docs/trackers/gipo.md."
            return [Finding("warning", "This server describes itself in no openapi.json.", hint)]
        tasks = members_of(said, "/tasks")
        if not tasks:
            hint = "Check base_url: other products use keys that begin with ba_ as well."
            return [Finding("warning", "The server's openapi.json does not describe Gipo's tasks.", hint)]
        if kind == _TIME:
            return _time_fields(self._config, members_of(said, "/time-entries"))
        return [*_write_names(self._config, said, tasks), *_limits(self._config, tasks)]

    async def _role(self) -> list[Finding]:
        """No call says whose key it is."""
        email = self._config.key_user.lower()
        hint = "Use the key of an owner or admin: for a member, leaving a project looks like tasks that were deleted."
        if not email:
            return [Finding("warning", "Gipo does not say whose API key this is.", f"{hint} Set key_user to check it.")]
        roles = {(row.user.email or "").lower(): row.role for row in (await self._names.people()).values()}
        role = roles.get(email)
        if role in ("owner", "admin"):
            return [Finding("ok", f"{email} is {role} of the organization.")]
        if role is None:
            return [Finding("error", f"{email} (key_user) is no member of the organization.", hint)]
        return [Finding("warning", f"{email} has the role {role}.", hint)]

    def _time(self, verbs: Collection[str], maps: Mapping[str, Collection[str]]) -> list[Finding]:
        own = self._config
        if "create" not in verbs or own.time_user_field:
            return []
        if own.person_keys is None:
            hint = "Give person_keys a key for each person, or keep the name in the note."
            return [Finding("warning", "All time that Bridge writes is logged as the API key's own user.", hint)]
        lacking = sorted({name.lower() for name in maps.get("person", ())} - own.keys_of_people().keys())
        hint = "Add a line with e-mail and key to person_keys; without one their entries are parked."
        return [Finding("warning", f"There is no key of {name}.", hint) for name in lacking]

    async def _task(self, board: str, verbs: Collection[str], maps: Mapping[str, Collection[str]]) -> list[Finding]:
        found = []
        if "delete" in verbs and not self._config.allow_task_delete:
            hint = "Set allow_task_delete if you mean it."
            found.append(Finding("error", "This connection may not delete tasks.", hint))
        if "assignees" in maps and verbs and self._config.push_assignees:
            hint = "For a first import set push_assignees = false, and true afterwards."
            found.append(Finding("warning", "Gipo notifies and mails everybody whom Bridge assigns.", hint))
        stages = await self._names.stages(board)
        names = [stage.name for stage in stages]
        if len(set(names)) < len(names):
            hint = "Rename one of them in the dashboard; Bridge takes the first."
            found.append(Finding("warning", "Two stages of the workspace have the same name.", hint))
        if stages and not any(stage.is_finalizing for stage in stages):
            own = self._config.finalized_status
            hint = f'Bridge reads a finalized task as "{own}" and writes finalizedAt for it; map that name.'
            found.append(Finding("warning", "The workspace has no finalizing stage.", hint))
        return found

    async def _map(self, board: str, field: str, wanted: Collection[str]) -> list[Finding]:
        if field == "assignees":
            people = (await self._names.people()).values()
            there = [(row.user.email or "").lower() for row in people]
            hint = "Invite them in the dashboard, or take them out of people."
            return lacking("Gipo", "member with the e-mail", [name.lower() for name in wanted], there, hint=hint)
        if field == "labels":
            return lacking(
                "Gipo", "tag", wanted, await self._names.registry("labels", anew=True), hint=TAG_HINT, level="warning"
            )
        if field in ("type", "project"):
            return lacking("Gipo", field, wanted, await self._names.registry(field, anew=True))
        if field == "priority":
            return lacking("Gipo", "priority", wanted, PRIORITIES)
        if field == "status":
            stages = await self._names.stages(board)
            is_loose = not any(stage.is_finalizing for stage in stages)
            return lacking(
                "Gipo", "stage", wanted, [stage.name for stage in stages] + [self._config.finalized_status] * is_loose
            )
        return []


def _write_names(config: GipoConfig, said: Mapping[str, Any], tasks: Mapping[str, Any]) -> list[Finding]:
    found = []
    for what, (usual, setting) in _ASSUMED.items():
        own = getattr(config, setting)
        name = described_name(said, what)
        if own and own not in tasks:
            hint = f"It has: {', '.join(sorted(tasks))}. Empty: Bridge takes {name or usual}."
            found.append(Finding("warning", f"openapi.json knows no {own} ({setting}) in a task.", hint))
        elif not own and not name:
            hint = f"Set {setting} if writing {what} is refused."
            found.append(Finding("warning", f"openapi.json names no {what} in a task; Bridge writes {usual}.", hint))
        else:
            found.append(Finding("ok", f"A task's {what} are written as {own or name}."))
    return found


def _limits(config: GipoConfig, tasks: Mapping[str, Any]) -> list[Finding]:
    found = []
    for member, setting in (("subject", "title_max"), ("descriptionHtml", "description_max")):
        limit, own = tasks.get(member, {}).get("maxLength"), getattr(config, setting)
        if isinstance(limit, int) and limit != own:
            level: Literal["warning", "ok"] = "warning" if limit < own else "ok"
            text = f"openapi.json allows {limit} characters in {member}; Bridge goes by {own}."
            found.append(Finding(level, text, f"Set {setting} = {limit}."))
    return found


def _time_fields(config: GipoConfig, members: Mapping[str, Any]) -> list[Finding]:
    named = next((name for name in members if "user" in name.lower()), "")
    if named and not config.time_user_field:
        hint = f'Set time_user_field = "{named}" to log time for others with this key.'
        return [Finding("ok", f"openapi.json knows {named} in a new time entry.", hint)]
    return []
