"""Todos, an imaginary to-do tracker, as a connector for Bridge: lists of todos, with an API of five addresses.

    GET   /lists/ID                               the list: name, members, may_write
    GET   /lists/ID/todos?since=T&after=N&ref=R   at most 100 todos, by updated and number, from there on
    POST  /lists/ID/todos                         a new todo
    GET, PATCH, DELETE  /lists/ID/todos/N         one of them; 410 after its deletion

A todo: number, title, notes, state (open, doing, done), tags, due, assignee, ref (hidden from people), revision, updated.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Mapping
from datetime import datetime
from typing import Any, Final, Literal

import msgspec
from pydantic import BaseModel, ConfigDict, Field, SecretStr

from bridge.errors import ContainerError, GoneError, NotFoundError, RejectedError, SignatureError, TrackerError
from bridge.model import Fields, FieldSpec, FieldType, Marker, Record, Ref, Schema
from connectors.base import BeforeSend, Capabilities, Comments, Delivery, Finding, Page, Plugin, Step, Usage, ordered
from connectors.http import Http
from connectors.pace import Retry
from connectors.status import Response, decode, described

PAGE: Final = 100
FIELDS: Final = (
    FieldSpec("title", FieldType.LINE, max_length=200),
    FieldSpec("description", FieldType.TEXT, dialect="markdown"),
    FieldSpec("status", FieldType.CHOICE, choices=("open", "doing", "done")),
    FieldSpec("labels", FieldType.SET),
    FieldSpec("due_on", FieldType.DATE),
    FieldSpec("assignee", FieldType.PERSON),
)
THEIRS: Final = {"title": "title", "description": "notes", "status": "state"} | {
    "labels": "tags", "due_on": "due", "assignee": "assignee"
}  # fmt: skip
"""What Todos calls our fields."""
_ROW: Final = msgspec.json.Decoder(dict[str, Any])

VOCABULARY: Final = {
    "task": {
        "title": "title",
        "description": "description",
        "labels": "labels",
        "people": "assignee",
        "due_on": "due_on",
        "status": {"field": "status", "todo": ["open"], "in_progress": ["doing"], "done": ["done"]},
    }
}


class TodosConfig(BaseModel):
    """What stands in ``[connections.NAME]``."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    type: Literal["todos"]
    base_url: str = Field(description="Address of the Todos server.")
    token: SecretStr = Field(description="A key of a member of the lists. Best not in this file.")


class Todos:
    """One key on one server. Containers are lists, by id."""

    def __init__(self, name: str, config: TodosConfig, *, retry: Retry | None = None) -> None:
        self.name = name
        self.comments: Comments | None = None
        headers = {"authorization": f"Bearer {config.token.get_secret_value()}"}
        self._http = Http(name, config.base_url, headers, retry=retry, classify=_about_the_list)

    def kinds(self) -> Mapping[str, Capabilities]:
        reasons = {
            "webhooks": "Todos has no webhooks; changes are found by polling.",
            "label": "Tags are words on todos; Todos keeps no list of them.",
            "comment": "Todos has no comments.",
            "time_entry": "Todos does not track time.",
        }
        return {"task": Capabilities(delete=True, webhooks=False, closes={"status": "done"}, reasons=reasons)}

    async def check(
        self, container: str, kind: str, verbs: Collection[str], maps: Mapping[str, Collection[str]]
    ) -> list[Finding]:
        try:
            about = decode(await self._http.request("GET", f"lists/{container}"), _ROW)
        except TrackerError as error:
            return [Finding("error", error.message, error.hint)]
        found = [Finding("ok", f"the list {about['name']} is there")]
        if verbs and not about["may_write"]:
            found.append(Finding("error", "this key may only read the list", "Ask its owner for the right to write."))
        unknown = set(maps.get("assignee", ())) - set(about["members"])
        return found + [Finding("warning", f"{who} is no member", "Invite them.") for who in sorted(unknown)]

    async def schema(self, container: str, kind: str, *, fields: frozenset[str]) -> Schema:
        return Schema(kind, {spec.name: spec for spec in FIELDS})

    async def pull(
        self, container: str, kind: str, cursor: str | None, *, fields: frozenset[str], sweep: bool
    ) -> AsyncIterator[Page]:
        since = cursor.removeprefix("v1 ") if cursor and cursor.startswith("v1 ") else ""
        is_whole, number, last, seen = not since, 0, False, False
        while not last:
            params: dict[str, str | int] = {"since": since, "after": number}
            answer = decode(await self._http.request("GET", f"lists/{container}/todos", params=params), _ROW)
            rows, last = answer["todos"], len(answer["todos"]) < PAGE
            seen = seen or bool(rows)
            if rows:
                since, number = rows[-1]["updated"], rows[-1]["number"]
            records = tuple(self._record(container, row) for row in rows)
            yield Page(records, f"v1 {since}", last, quiet=not seen, complete=last and is_whole and seen)

    async def fetch(self, ref: Ref, *, fields: frozenset[str]) -> Record:
        try:
            answer = await self._http.request("GET", f"lists/{ref.container}/todos/{ref.id}")
        except NotFoundError as error:  # 410 is a GoneError already; a 404 is evidence while the list answers
            await self._http.request("GET", f"lists/{ref.container}")
            raise GoneError(error.message, status=404, url=error.url) from error
        return self._record(ref.container, decode(answer, _ROW))

    async def container_healthy(self, container: str) -> bool:
        return (await self._http.request("GET", f"lists/{container}", accept={404})).status == 200

    def steps(self, kind: str, fields: Collection[str], *, creating: bool) -> tuple[Step, ...]:
        return (Step("create" if creating else "fields", frozenset(fields)),)

    async def create(
        self,
        container: str,
        kind: str,
        fields: Fields,
        marker: Marker,
        *,
        key: str,
        before_send: BeforeSend | None = None,
    ) -> Record:
        body = {**_body(fields), "ref": f"{marker.source} {marker.id}"}
        answer = await self._http.request("POST", f"lists/{container}/todos", json=body, before_send=before_send)
        return self._record(container, decode(answer, _ROW))

    async def update(
        self, ref: Ref, step: Step, changes: Fields, current: Record, *, before_send: BeforeSend | None = None
    ) -> Record:
        path = f"lists/{ref.container}/todos/{ref.id}"
        answer = await self._http.request("PATCH", path, json=_body(changes), before_send=before_send)
        return self._record(ref.container, decode(answer, _ROW))

    async def delete(self, ref: Ref, *, before_send: BeforeSend | None = None) -> None:
        await self._http.request("DELETE", f"lists/{ref.container}/todos/{ref.id}", before_send=before_send)

    async def find(
        self, container: str, kind: str, markers: Collection[Marker], since: str | None
    ) -> Mapping[Marker, Record]:
        found = {}
        for marker in sorted(markers):
            params = {"ref": f"{marker.source} {marker.id}"}
            answer = decode(await self._http.request("GET", f"lists/{container}/todos", params=params), _ROW)
            if answer["todos"]:
                found[marker] = self._record(container, answer["todos"][0])
        return found

    def verify(self, headers: Mapping[str, str], body: bytes) -> Delivery:
        raise SignatureError("Todos has no webhooks.", hint="Take the address out of whatever calls it.")

    def usage(self) -> Usage:
        return self._http.usage()

    def item_url(self, ref: Ref) -> str:
        return f"{self._http.base_url}/#{ref.container}/{ref.id}"

    async def aclose(self) -> None:
        await self._http.aclose()

    def _record(self, container: str, row: dict[str, Any]) -> Record:
        ref = Ref(self.name, container, "task", str(row["number"]))
        source, _, item = (row["ref"] or "").partition(" ")
        return Record(
            ref,
            {ours: row[theirs] for ours, theirs in THEIRS.items()} | {"labels": ordered(row["tags"])},
            version=str(row["revision"]),
            updated_at=datetime.fromisoformat(row["updated"]),
            url=self.item_url(ref),
            marker=Marker(source, item) if item else None,
        )


def _about_the_list(answer: Response, _now: datetime) -> TrackerError | None:
    """A 404 of the list itself is told to every item of it, so it stops the link; all else is read as usual."""
    if answer.status == 404 and "/todos/" not in answer.url:
        return ContainerError(described(answer), reason="missing", hint="Check the container of the link.", status=404)
    return None


def _body(fields: Fields) -> dict[str, Any]:
    if unknown := fields.keys() - THEIRS.keys():
        raise RejectedError(f"Todos has no field {min(unknown)}.", field=min(unknown))
    return {THEIRS[name]: value for name, value in fields.items()}


PLUGIN: Final = Plugin("todos", TodosConfig, Todos, VOCABULARY)
