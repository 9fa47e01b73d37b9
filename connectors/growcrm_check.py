"""What Grow CRM offers, before anything is written: the schema of a task, and ``config check --live``.

Refuses: writing, also harmlessly.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Final

import msgspec

from bridge.errors import AuthError
from bridge.model import FieldSpec, FieldType, Schema
from connectors.base import Finding
from connectors.findings import lacking
from connectors.growcrm_config import GrowcrmConfig
from connectors.growcrm_names import Choices, People, Vocabulary
from connectors.http import Http, is_loopback
from connectors.status import decode

MARK_ROOM: Final = 400
"""Characters of a description that are left for our mark."""

_PROJECT: Final = msgspec.json.Decoder(dict[str, msgspec.Raw])


class _Project(msgspec.Struct):
    title: str = ""
    active_state: str = "active"


def schema(config: GrowcrmConfig) -> Schema:
    """The fields of a task. Titles of statuses are not listed: the API does not tell them."""
    specs = (
        FieldSpec("title", FieldType.LINE, max_length=config.title_max),
        FieldSpec("description", FieldType.TEXT, max_length=config.text_max - MARK_ROOM, dialect=config.text_format),
        FieldSpec("status", FieldType.CHOICE),
        FieldSpec("priority", FieldType.CHOICE),
        FieldSpec("milestone", FieldType.CHOICE),
        FieldSpec("labels", FieldType.SET),
        FieldSpec("assignees", FieldType.PERSONS, emails=True),
        FieldSpec("start_on", FieldType.DATE),
        FieldSpec("due_on", FieldType.DATE),
        FieldSpec("billable", FieldType.BOOL),
        FieldSpec("client_visible", FieldType.BOOL),
        FieldSpec("is_archived", FieldType.BOOL),
        FieldSpec("time_logged", FieldType.DURATION, writable="never"),
        FieldSpec("status_id", FieldType.LINE, writable="never"),
        FieldSpec("priority_id", FieldType.LINE, writable="never"),
        FieldSpec("milestone_id", FieldType.LINE, writable="never"),
    )
    return Schema("task", {spec.name: spec for spec in specs})


class Check:
    """Looks for one link what would fail later."""

    def __init__(self, http: Http, config: GrowcrmConfig, people: People, words: Vocabulary) -> None:
        self._http = http
        self._config = config
        self._people = people
        self._words = words

    async def run(
        self, project: str, kind: str, verbs: Collection[str], maps: Mapping[str, Collection[str]]
    ) -> list[Finding]:
        """Findings in the order of the causes: credential, project, names. A refused credential ends it."""
        try:
            answer = await self._http.request("GET", f"api/projects/{project}", accept=(404,))
        except AuthError as error:
            return [Finding("error", error.message, error.hint)]
        found = [Finding("ok", "The API key is accepted; each key is a full administrator.")]
        if self._config.base_url.startswith("http://") and not is_loopback(self._config.base_url):
            found.append(Finding("warning", "The API key crosses the network unencrypted.", "Use https in base_url."))
        if answer.status == 404:
            hint = "A link names a project by its id, the number in its address, such as 42."
            return [*found, Finding("error", f"Grow CRM has no project {project}.", hint)]
        row = msgspec.json.decode(decode(answer, _PROJECT).get("data", b"{}"), type=_Project)
        found.append(Finding("ok", f'The project "{row.title}" is there.'))
        if row.active_state != "active":
            found.append(Finding("warning", f'The project "{row.title}" is archived.', "Restore it, or end the link."))
        if kind == "task" and "delete" in verbs and not self._config.allow_task_delete:
            hint = "Deleting is final there and takes comments and time with it; set allow_task_delete if you mean it."
            found.append(Finding("error", "This connection may not delete tasks.", hint))
        for field in sorted(maps):
            found += await self._map(project, field, maps[field])
        return found

    async def _map(self, project: str, field: str, wanted: Collection[str]) -> list[Finding]:
        if field in ("assignees", "person", "author"):
            team = {row.email.lower(): row for row in (await self._people.team()).values() if row.email}
            there = lacking(
                "Grow CRM", "team member with the e-mail", [one.lower() for one in wanted], team, folds_case=True
            )
            idle = sorted(one for one in wanted if one.lower() in team and team[one.lower()].status != "active")
            return there + [Finding("warning", f"{one} is suspended in Grow CRM.", "Activate them.") for one in idle]
        if field == "milestone":
            return lacking(
                "Grow CRM",
                "milestone",
                wanted,
                (await self._words.milestones(project, fresh=True)).values(),
                folds_case=True,
            )
        if field in ("status", "priority"):
            return await self._choice(self._words.statuses if field == "status" else self._words.priorities, wanted)
        return []

    async def _choice(self, choices: Choices, wanted: Collection[str]) -> list[Finding]:
        """A title that no task has may exist all the same, and a map may name it only to read it: so it is a warning."""
        if any(choices.id_of(one) is None for one in wanted):
            await self._words.scan()
        key = "statuses" if choices is self._words.statuses else "priorities"
        known = ", ".join(choices.titles().values()) or "none"
        hint = (
            f"No task has it yet and the API lists none: if Bridge is to write it, name its id in {key} of the connection. "
            f"Known: {known}."
        )
        return [
            Finding("warning", f'Bridge knows no {choices.what} "{one}" in Grow CRM.', hint)
            for one in sorted(wanted)
            if choices.id_of(one) is None
        ]
