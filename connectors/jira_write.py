"""The writes of Jira's issues: which calls one logical write takes, and what the issue holds afterwards.

Refuses: comments and worklogs (files of their own).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, Final

import msgspec
from msgspec.structs import replace

from bridge.errors import GoneError, NotFoundError, RejectedError, RetryableError, TrackerError
from bridge.model import Fields, Marker, Record, Ref, Value
from connectors.base import BeforeSend, Step, ordered
from connectors.jira_api import JiraApi, translated
from connectors.jira_feed import Feed
from connectors.jira_names import Field, IssueType, Names
from connectors.jira_paths import Paths, Place
from connectors.jira_wire import Issue, Wire, property_of
from connectors.status import decode
from connectors.versions import digest

NO_DELETE: Final = "Deleting an issue in Jira is final and takes its comments and worklogs with it."
_OWN: Final = ("status", "blocks")


class _Made(msgspec.Struct):
    id: str
    key: str = ""


_MADE: Final = msgspec.json.Decoder(_Made)
_ANSWER: Final = msgspec.json.Decoder(Issue | None)


def steps(fields: Collection[str], *, creating: bool) -> tuple[Step, ...]:
    """One call for all fields; the status and the links are steps of their own, in a create and in an edit."""
    names = frozenset(fields)
    found = [Step("create" if creating else "fields", names.difference(_OWN))]
    found += [Step(name, frozenset({name})) for name in _OWN if name in names]
    return tuple(step for step in found if step.fields or step.name == "create")


class Writer:
    """Changes to the issues of one connection."""

    def __init__(self, api: JiraApi, names: Names, wire: Wire, feed: Feed, paths: Paths) -> None:
        self._api = api
        self._names = names
        self._wire = wire
        self._feed = feed
        self._paths = paths
        self._levels: dict[str, tuple[bool, int]] = {}

    async def create(self, container: str, fields: Fields, marker: Marker, before_send: BeforeSend | None) -> Record:
        """One POST with the marker as an entity property in it (S19); then the remote link for people, and a read."""
        custom = await self._names.fields(fields)
        sent = {name: value for name, value in fields.items() if value not in (None, ()) and name not in _OWN}
        labels = sent.pop("labels", ())
        body = await self._wire.body(container, {"title": fields.get("title"), **sent}, custom)
        body["project"] = {"key": container}
        if isinstance(labels, tuple) and labels:
            body["labels"] = [self._label(name) for name in labels]
        body["issuetype"] = {"name": await self._type(container, fields.get("parent"), fields.get("type"))}
        properties = [{"key": self._api.config.property_key, "value": property_of(marker)}]
        payload = {"fields": body, "properties": properties}
        try:
            made = decode(await self._api.write("POST", "issue", payload, before_send=before_send), _MADE)
        except RejectedError as error:
            raise translated(error, _by_id(custom)) from error
        self._feed.born(made.id, marker)
        await self._show_partner(made.id, marker, before_send)
        return await self._read_back(container, made, fields, marker)

    async def update(
        self, ref: Ref, step: Step, changes: Fields, current: Record, before_send: BeforeSend | None
    ) -> Record:
        if not changes:
            return current
        if step.name == "status":
            now: dict[str, Value] = {"status": await self._move(ref, str(changes["status"]), current, before_send)}
            return _merged(current, now)
        if step.name == "blocks":
            return _merged(current, {"blocks": await self._link(ref, changes["blocks"], before_send)})
        return await self._edit(ref, changes, current, before_send)

    async def delete(self, ref: Ref, before_send: BeforeSend | None) -> None:
        """Raises: RejectedError where the connection may not; GoneError when it is gone already."""
        if not self._api.config.allow_task_delete:
            raise RejectedError(NO_DELETE, hint="Set allow_task_delete for this connection if you mean it.")
        await self._feed.issue(ref, ())  # it may be in another project by now
        query = {"deleteSubtasks": "true"} if self._api.config.delete_subtasks else {}
        path = f"issue/{ref.id}"
        response = await self._api.write("DELETE", path, query=query, accept=(404,), before_send=before_send)
        if response.status == 404:
            raise await self._api.missing(ref.container, f"The issue {ref.id}", response)

    async def _edit(self, ref: Ref, changes: Fields, current: Record, before_send: BeforeSend | None) -> Record:
        custom = await self._names.fields({*changes, *current.fields})
        plain = {name: value for name, value in changes.items() if name != "labels"}
        body: dict[str, Any] = {}
        if fields := await self._wire.body(ref.container, plain, custom):
            body["fields"] = fields
        if "labels" in changes and (labels := self._labels(changes["labels"], current.fields.get("labels"))):
            body["update"] = {"labels": labels}
        if not body:
            return _merged(current, changes)
        query = {"returnIssue": "true"} if self._api.is_cloud else {}
        path = f"issue/{ref.id}"
        try:
            response = await self._api.write(
                "PUT", path, body, query=query, notifies=True, accept=(404,), before_send=before_send
            )
        except RejectedError as error:
            raise translated(error, _by_id(custom)) from error
        if response.status == 404:
            raise await self._api.missing(ref.container, f"The issue {ref.id}", response)
        self._feed.wrote(ref.id)
        kept = decode(response, _ANSWER) if response.content else None
        if kept is None or "summary" not in kept.fields:
            return _merged(current, changes)
        return self._wire.record(ref.container, replace(kept, properties=None), custom, current.marker)

    async def _move(self, ref: Ref, wanted: str, current: Record, before_send: BeforeSend | None) -> str:
        status = current.fields.get("status")
        if isinstance(status, str) and status.casefold() == wanted.casefold():
            return status
        type_ = current.fields.get("type")
        return await self._paths.move(Place(ref, str(type_ or ""), str(status or "")), wanted, before_send)

    async def _link(self, ref: Ref, wanted: Value, before_send: BeforeSend | None) -> tuple[str, ...]:
        """Make and remove links until the issue blocks just these; a call each. What is there is read first, as a link is
        removed by an id of its own. A link to what is gone is left alone.
        """
        issue = await self._feed.issue(ref, ("issuelinks",))
        kind = self._api.config.blocks_link
        there: dict[str, str] = {}
        for link in issue.fields.get("issuelinks") or ():
            other = link.get("outwardIssue")
            if other and (link.get("type") or {}).get("name") == kind:
                is_here = str(other.get("key", "")).rpartition("-")[0] == ref.container
                there[str(other["id"] if is_here else other.get("key"))] = str(link.get("id"))
        goal = set(wanted) if isinstance(wanted, tuple) else set()
        for other_id in sorted(goal - there.keys()):
            member = {"id": other_id} if other_id.isdigit() else {"key": other_id}
            body = {"type": {"name": kind}, "inwardIssue": {"id": ref.id}, "outwardIssue": member}
            try:
                await self._api.write("POST", "issueLink", body, idempotent=True, before_send=before_send)
            except NotFoundError as error:
                hint = (
                    "The blocked issue is gone or not shown to this account; or the link type is none: see blocks_link."
                )
                raise RejectedError(error.message, hint=hint, status=404, url=error.url, field="blocks") from error
            self._feed.wrote(other_id)
        for other_id in sorted(there.keys() - goal):
            path = f"issueLink/{there[other_id]}"
            await self._api.write("DELETE", path, idempotent=True, accept=(404,), before_send=before_send)
        self._feed.wrote(ref.id)
        return ordered(goal)

    async def _type(self, container: str, parent: Value, wanted: Value) -> str:
        """The type of a new issue: below an epic and alone the one that is wanted, else the usual one; below others a
        subtask, of the wanted type if that is one. Jira takes subtasks there and nowhere else.

        Raises: RejectedError for the field ``parent``.
        """
        below = wanted is not None and any(
            row.subtask and row.name == wanted for row in await self._names.types(container)
        )
        usual = self._api.config.issue_type if wanted is None or below else str(wanted)
        if parent is None:
            return usual
        ref = Ref(self._api.name, container, "task", str(parent))
        if ref.id not in self._levels:
            raw = (await self._feed.issue(ref, ("issuetype",))).fields.get("issuetype")
            kind = msgspec.convert(raw or {}, IssueType)
            level = kind.hierarchy_level
            is_epic = level >= 1 if level is not None else kind.name.casefold() == "epic"
            self._levels[ref.id] = (kind.subtask, 1 if is_epic else 0)
        is_subtask, level = self._levels[ref.id]
        if is_subtask:
            raise RejectedError(
                f"The issue {parent} is a subtask; Jira allows none below it.",
                hint="Move the task one level up on the other side, or leave parent out of the mapping.",
                field="parent",
            )
        if level and self._api.is_cloud:
            return usual
        return str(wanted) if below else await self._names.subtask_type(container)

    async def _show_partner(self, issue: str, marker: Marker, before_send: BeforeSend | None) -> None:
        """A remote link, an upsert by its ``globalId``. It is a convenience: without it the issue is as good."""
        template = self._api.config.partner_urls.get(marker.source, "")
        if not template or not self._api.config.remote_links:
            return
        container, _, id_ = marker.id.rpartition("#")
        body = {
            "globalId": f"bridge={marker.source}&id={marker.id}"[:255],
            "application": {"type": "bridge", "name": "Bridge"},
            "relationship": "synced with",
            "object": {"url": template.format(container=container, id=id_), "title": f"{marker.source} {marker.id}"},
        }
        try:
            await self._api.write("POST", f"issue/{issue}/remotelink", body, idempotent=True, before_send=before_send)
        except TrackerError:
            return

    async def _read_back(self, container: str, made: _Made, fields: Fields, marker: Marker) -> Record:
        """The new issue as Jira keeps it; as it was sent where it cannot be read."""
        ref = Ref(self._api.name, container, "task", made.id)
        if self._api.config.read_after_create:
            try:
                return replace(await self._feed.fetch(ref, fields.keys()), marker=marker)
            except (RetryableError, GoneError):
                pass  # a replica that lags; the next listing has it
        sent = {name: value for name, value in fields.items() if name not in _OWN}
        version = digest((sent, marker))
        return Record(ref, sent, version, url=self._wire.url(made.key), marker=marker, provisional=True)

    def _labels(self, wanted: Value, had: Value) -> list[dict[str, str]]:
        new = {self._label(name) for name in wanted} if isinstance(wanted, tuple) else set()
        old = set(had) if isinstance(had, tuple) else set()
        return [{"add": name} for name in sorted(new - old)] + [{"remove": name} for name in sorted(old - new)]

    def _label(self, name: str) -> str:
        """Raises: RejectedError for a label with white space, unless a setting says what stands for it."""
        made = (self._api.config.label_space or " ").join(name.split())
        if any(letter.isspace() for letter in made) or not made:
            raise RejectedError(
                f"Jira takes no label with a space: {name!r}.",
                hint='Map it to another name, or set label_space = "_" for this connection.',
                field="labels",
            )
        return made


def _merged(current: Record, changes: Fields) -> Record:
    fields = {**current.fields, **changes}
    return replace(current, fields=fields, provisional=True)


def _by_id(custom: Mapping[str, Field]) -> dict[str, str]:
    return {field.id: name for name, field in custom.items()}
