"""What an Artala workspace offers, before anything is written: the schema of a board, and ``config check --live``.

Refuses: writing, also harmlessly.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Final

from bridge.errors import AuthError, ContainerError, RejectedError, TrackerError
from bridge.model import FieldSpec, FieldType, Schema
from connectors.artala_config import ArtalaConfig
from connectors.artala_labels import ADMIN_HINT, Labels
from connectors.artala_names import Names, Priorities
from connectors.artala_pull import CUSTOM
from connectors.base import Finding
from connectors.findings import lacking
from connectors.http import Http, is_loopback

_CUSTOM_TYPES: Final = {
    "Bool": FieldType.BOOL,
    "Text": FieldType.TEXT,
    "Number": FieldType.NUMBER,
    "Choice": FieldType.CHOICE,
    "Date": FieldType.DATE,
}


async def schema(config: ArtalaConfig, names: Names, *, custom: bool) -> Schema:
    """The fields of a task. Custom fields are the workspace's and read only when ``custom`` asks for them.

    Status names are not listed: a wrong one is refused by the write, and a quiet run asks for nothing.
    """
    specs = [
        FieldSpec("title", FieldType.LINE, max_length=config.title_max),
        FieldSpec("description", FieldType.TEXT, max_length=config.description_max, dialect="markdown"),
        FieldSpec("status", FieldType.CHOICE),
        FieldSpec("priority", FieldType.CHOICE, choices=config.priorities),
        FieldSpec("assignee", FieldType.PERSON, emails=True),
        FieldSpec("due_on", FieldType.DATE),
        FieldSpec("start_on", FieldType.DATE),
        FieldSpec("estimate_points", FieldType.INTEGER),
        FieldSpec("cover_color", FieldType.LINE, max_length=9),
        FieldSpec("labels", FieldType.SET, in_feed=config.labels_move_updated),
        FieldSpec("assignee_id", FieldType.REF, writable="never"),
        FieldSpec("due_at", FieldType.INSTANT, writable="never"),
        FieldSpec("start_at", FieldType.INSTANT, writable="never"),
        FieldSpec("is_archived", FieldType.BOOL, writable="never"),
        FieldSpec("is_backlog", FieldType.BOOL, writable="never"),
        FieldSpec("completed_at", FieldType.INSTANT, writable="never"),
    ]
    specs += [
        FieldSpec(
            CUSTOM + row.name,
            _CUSTOM_TYPES.get(row.field_type, FieldType.TEXT),
            choices=row.choices,
            in_feed=config.labels_move_updated,
        )
        for row in (await names.fields() if custom else ())
    ]
    return Schema("task", {spec.name: spec for spec in specs})


class Check:
    """Looks for one link what would fail later."""

    def __init__(self, http: Http, config: ArtalaConfig, names: Names, labels: Labels, priorities: Priorities) -> None:
        self._http = http
        self._config = config
        self._names = names
        self._labels = labels
        self._priorities = priorities

    async def run(
        self, container: str, kind: str, verbs: Collection[str], maps: Mapping[str, Collection[str]]
    ) -> list[Finding]:
        """Findings in the order of the causes: credential, board, role, names. A refused credential ends it.

        Raises: UnreachableError and the other errors that say nothing about the configuration.
        """
        try:
            boards = await self._names.boards()
        except (AuthError, ContainerError) as error:
            return [Finding("error", error.message, error.hint)]
        found = [Finding("ok", f"The API key is accepted; it sees {len(boards)} boards.")]
        if self._config.base_url.startswith("http://") and not is_loopback(self._config.base_url):
            found.append(Finding("warning", "The API key crosses the network unencrypted.", "Use https in base_url."))
        try:
            board = await self._names.board(container)
        except TrackerError as error:
            return [*found, Finding("error", error.message, error.hint)]
        name = next((row.name for row in boards if row.id.lower() == board), None)
        if name is None and not await self._names.board_is_healthy(board):
            hint = "Check the id; a private board needs an API key of one of its members. It has: "
            there = ", ".join(f"{row.name} ({row.id})" for row in boards[:10])
            return [*found, Finding("error", f"Artala shows no board {container} to this API key.", hint + there)]
        found.append(Finding("ok", f'The board "{name or board}" is there.'))
        found += await self._role(kind, verbs, maps)
        for field in sorted(maps):
            found += await self._map(field, maps[field])
        return found

    async def _role(self, kind: str, verbs: Collection[str], maps: Mapping[str, Collection[str]]) -> list[Finding]:
        """There is no call that says who one is; the list of webhooks is for Owners and Admins only."""
        writes = sorted(set(verbs) & {"create", "update", "delete"})
        if (
            not writes
            or (kind == "comment" and writes == ["create"])
            or (kind == "task" and "labels" not in maps and "delete" not in writes)
        ):
            return []
        answer = await self._http.request("GET", "api/webhooks", accept=(403,))
        found = []
        if kind == "task" and "delete" in writes and not self._config.allow_task_delete:
            hint = "Deleting is final there and takes comments and time with it; set allow_task_delete if you mean it."
            found.append(Finding("error", "This connection may not delete tasks.", hint))
        if answer.status != 403:
            return [*found, Finding("ok", "The API key has the role Owner or Admin.")]
        if kind == "comment":
            hint = "Others may change their own comments only, and for 24 hours."
            return [*found, Finding("warning", "The API key has the role Member.", hint)]
        if kind == "time_entry":
            if not self._config.log_for_others:
                return found
            hint = (
                "Use an API key of an Owner or Admin, or set log_for_others = false: all time is the key's user's then."
            )
            return [
                *found,
                Finding("error", "The API key has the role Member; it logs time for its own user only.", hint),
            ]
        level: Final = "error" if kind == "label" else "warning"
        return [*found, Finding(level, "The API key has the role Member; it cannot make or change labels.", ADMIN_HINT)]

    async def _map(self, field: str, wanted: Collection[str]) -> list[Finding]:
        if field in ("assignee", "person", "author"):
            return await self._people(wanted)
        if field.startswith(CUSTOM):
            return await self._custom(field.removeprefix(CUSTOM), wanted)
        if field == "labels":
            return lacking(
                "Artala",
                "label",
                wanted,
                [row.name for row in await self._labels.rows()],
                level="warning",
                hint="Bridge makes it.",
                folds_case=True,
            )
        if field == "status":
            return lacking(
                "Artala", "status", wanted, [row.name for row in await self._names.statuses()], folds_case=True
            )
        if field == "priority":
            return lacking(
                "Artala",
                "priority",
                [name.lower() for name in wanted],
                self._priorities.by_number.values(),
                folds_case=True,
            )
        return []

    async def _custom(self, name: str, wanted: Collection[str]) -> list[Finding]:
        try:
            row = await self._names.field(name)
        except RejectedError as error:
            return [Finding("error", error.message, error.hint)]
        return (
            []
            if row.choices is None
            else lacking("Artala", f"choice of {row.name}", wanted, row.choices, folds_case=True)
        )

    async def _people(self, wanted: Collection[str]) -> list[Finding]:
        team = {row.email.lower(): row for row in await self._names.team() if row.email}
        found = lacking(
            "Artala", "team member with the e-mail", [email.lower() for email in wanted], team, folds_case=True
        )
        idle = sorted(email for email in {one.lower() for one in wanted} & team.keys() if not team[email].is_active)
        hint = "Activate them in Artala or take them out of people."
        return found + [Finding("warning", f"{email} is deactivated in Artala.", hint) for email in idle]
