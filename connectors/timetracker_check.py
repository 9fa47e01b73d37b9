"""What a TimeTracker offers, before anything is written: the fields, and ``config check --live``.

Refuses: writing, also harmlessly.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Final, Literal

from bridge.errors import AuthError, ContainerError, TrackerError, UnreachableError
from bridge.model import FieldSpec, FieldType, Schema
from connectors.base import Finding
from connectors.findings import lacking
from connectors.http import is_loopback
from connectors.timetracker_api import Api
from connectors.timetracker_config import TimeTrackerConfig
from connectors.timetracker_tasks import PRIORITIES, TITLE_MAX
from connectors.timetracker_time import NOTE_MAX
from connectors.timetracker_wire import TAGS_MAX

_SEEN: Final = "5.10"


def schema(config: TimeTrackerConfig, kind: str) -> Schema:
    """The fields of one kind. Durations are whole seconds, or what the program rounds to. Nothing is asked."""
    specs = {"task": _task, "comment": _comment, "time_entry": _entry}[kind](config)
    return Schema(kind, {spec.name: spec for spec in specs})


def _task(config: TimeTrackerConfig) -> list[FieldSpec]:
    return [
        FieldSpec("title", FieldType.LINE, max_length=TITLE_MAX),
        FieldSpec("description", FieldType.TEXT, dialect="markdown"),
        FieldSpec("status", FieldType.CHOICE),
        FieldSpec("priority", FieldType.CHOICE, choices=PRIORITIES),
        FieldSpec(
            "assignee",
            FieldType.PERSON,
            writable="always" if config.can_reassign else "create",
            emails=config.people_by == "email",
        ),
        FieldSpec("due_on", FieldType.DATE),
        FieldSpec("estimate", FieldType.DURATION),
        FieldSpec("labels", FieldType.SET),
        FieldSpec("created_at", FieldType.INSTANT, writable="never"),
    ]


def _comment(config: TimeTrackerConfig) -> list[FieldSpec]:
    return [
        FieldSpec("task", FieldType.REF, writable="create"),
        FieldSpec("body", FieldType.TEXT, dialect="markdown"),
        FieldSpec("author", FieldType.PERSON, writable="never", emails=config.people_by == "email"),
        FieldSpec("created_at", FieldType.INSTANT, writable="never"),
    ]


def _entry(config: TimeTrackerConfig) -> list[FieldSpec]:
    emails = config.people_by == "email"
    return [
        FieldSpec("task", FieldType.REF),
        FieldSpec("person", FieldType.PERSON, writable="create" if config.log_for_others else "never", emails=emails),
        FieldSpec("spent_on", FieldType.DATE),
        FieldSpec("started_at", FieldType.INSTANT),
        FieldSpec("seconds", FieldType.DURATION, step=config.rounding_s),
        FieldSpec("note", FieldType.TEXT, max_length=NOTE_MAX),
        FieldSpec("billable", FieldType.BOOL),
        FieldSpec("labels", FieldType.SET),
        FieldSpec("local_start", FieldType.LINE, writable="never"),
        FieldSpec("break_s", FieldType.DURATION, writable="never"),
    ]


class Check:
    """Looks for one link what would fail later."""

    def __init__(self, api: Api) -> None:
        self._api = api

    async def run(
        self, container: str, kind: str, verbs: Collection[str], maps: Mapping[str, Collection[str]]
    ) -> list[Finding]:
        """Findings in the order of the causes: server, token, project, names. A refused token ends it.

        Raises: UnreachableError and the other errors that say nothing about the configuration.
        """
        found = await self._server()
        try:
            me = await self._api.me()
        except (AuthError, ContainerError, UnreachableError) as error:
            return [*found, Finding("error", error.message, error.hint)]
        role = "an admin" if me.user.role == "admin" else "a plain user"
        found.append(Finding("ok", f"The token of {me.user.username}, {role}, is accepted."))
        found += await self._rights(kind, me.user.role == "admin")
        if kind == "time_entry" and me.time_entry_requirements.get("require_task"):
            hint = "Switch it off in TimeTracker, or set task_id_on_create if your version takes the task at once."
            level: Literal["ok", "error"] = "ok" if self._api.config.task_id_on_create else "error"
            found.append(Finding(level, "TimeTracker wants a task for each new time entry.", hint))
        if kind == "task" and "delete" in verbs and not self._api.config.allow_task_delete:
            hint = "Deleting is final there and takes the task off its time; set allow_task_delete if you mean it."
            found.append(Finding("error", "This connection may not delete tasks.", hint))
        return found + await self._project(container, maps)

    async def _server(self) -> list[Finding]:
        info = await self._api.info()
        found = [Finding("ok", f"TimeTracker {info.app_version or 'of an unknown version'} answers.")]
        if info.setup_required:
            found.append(Finding("error", "TimeTracker is not set up.", "Finish the set-up in a browser."))
        if info.app_version and not info.app_version.startswith(_SEEN):
            hint = "See can_reassign and task_id_on_create: other versions may do more."
            found.append(Finding("warning", f"Bridge was made for version {_SEEN}.", hint))
        if self._api.config.base_url.startswith("http://") and not is_loopback(self._api.config.base_url):
            found.append(Finding("warning", "The token crosses the network unencrypted.", "Use https in base_url."))
        try:
            await self._api.clock()
        except ContainerError as error:
            found.append(Finding("error", error.message, error.hint))
        return found

    async def _rights(self, kind: str, is_admin: bool) -> list[Finding]:
        """Whether the token has the scope admin:all shows in the list of users."""
        found = []
        answer = await self._api.request("GET", "users", params={"per_page": 1}, accept=(403,))
        if answer.status == 403:
            hint = (
                "Give the token the scope admin:all: with it changes cost one request, and people are known by e-mail."
            )
            found.append(Finding("warning", "The token may not list people and not read the audit log.", hint))
        if kind != "task" and not is_admin:
            hint = "Use the token of an admin, or set log_for_others to false and link this person's time only."
            found.append(Finding("warning", "The token sees and writes the time of its own user only.", hint))
        return found

    async def _project(self, container: str, maps: Mapping[str, Collection[str]]) -> list[Finding]:
        try:
            project = await self._api.project(container)
            if not await self._api.is_healthy(project):
                raise ContainerError(
                    f"TimeTracker shows no open project {container} to this token.",
                    reason="missing",
                    hint="Check its id, and whether it is archived.",
                )
        except TrackerError as error:
            return [Finding("error", error.message, error.hint)]
        found = [Finding("ok", f"The project {container} is there.")]
        for field in sorted(maps):
            found += await self._names(project, field, maps[field])
        return found

    async def _names(self, project: int, field: str, wanted: Collection[str]) -> list[Finding]:
        if field == "status":
            there = {row.key for row in await self._api.columns(project)} | set(self._api.config.more_statuses)
            return lacking("TimeTracker", "status", wanted, sorted(there))
        if field == "priority":
            return lacking("TimeTracker", "priority", wanted, PRIORITIES)
        if field in ("assignee", "person"):
            people = await self._api.people()
            return lacking("TimeTracker", "person", [name.lower() for name in wanted], sorted(people.ids))
        if field == "labels" and any("," in name or len(name) > TAGS_MAX // 2 for name in wanted):
            return [Finding("error", "A tag of TimeTracker holds no comma and is short.", "Map that label to another.")]
        return []
