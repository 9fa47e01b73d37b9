"""Jira's issues as records, and our fields as Jira's members. Requires nothing of an answer that can be missing.

Refuses: requests. A member that is null is empty; one that is missing may be hidden, and so was not observed.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final
from urllib.parse import quote

import msgspec

from bridge.errors import RejectedError
from bridge.model import Fields, FieldSpec, FieldType, Marker, Record, Ref, Schema, Value
from connectors.base import ordered
from connectors.instants import instant, iso, with_milliseconds
from connectors.jira_api import JiraApi
from connectors.jira_names import CUSTOM, Field, Names, custom_spec, person_of, shown_name
from connectors.jira_text import stored_of, value_of
from connectors.versions import digest

TITLE_LIMIT: Final = 255
TEXT_LIMIT: Final = 32_767
ADF_LIMIT: Final = 30_000
"""Of ADF, which Jira turns into wiki markup of its own before it measures: what fits for certain."""


def room(*, cloud: bool) -> dict[str, Any]:
    """What a rich text holds. A mention notifies: a node of ADF, ``[~name]`` in wiki markup, never ``@name``. A key of an
    issue becomes a link that leaves no trace there. Java counts UTF-16 units.
    """
    if cloud:
        return {"max_length": ADF_LIMIT, "dialect": "adf", "live": frozenset({"mention"}), "counts": "utf16"}
    return {"max_length": TEXT_LIMIT, "dialect": "wiki", "live": frozenset({"profile"}), "counts": "utf16"}


BUILT_IN: Final = [
    "summary",
    "description",
    "status",
    "priority",
    "labels",
    "assignee",
    "duedate",
    "timeoriginalestimate",
    "parent",
    "issuelinks",
    "issuetype",
    "project",
    "creator",
    "created",
    "updated",
]


_HIDEABLE: Final = {
    "description": "description",
    "priority": "priority",
    "labels": "labels",
    "assignee": "assignee",
    "due_on": "duedate",
    "estimate": "timeoriginalestimate",
    "blocks": "issuelinks",
}
"""What a field configuration can hide, by our name: a member that is missing was not observed, it is not empty."""


class Issue(msgspec.Struct):
    id: str
    key: str = ""
    fields: dict[str, Any] = {}
    properties: dict[str, Any] | None = None


class Property(msgspec.Struct):
    value: Any = None


ISSUE: Final = msgspec.json.Decoder(Issue)
PROPERTY: Final = msgspec.json.Decoder(Property)


def milliseconds(at: datetime) -> int:
    """Since the epoch."""
    return round(at.timestamp() * 1000)


def jira_time(at: datetime) -> str:
    """As Jira wants it: an offset without a colon."""
    return with_milliseconds(at, "+0000")


def marker_of(value: Any) -> Marker | None:
    """What our entity property says."""
    if isinstance(value, dict) and isinstance(value.get("source"), str) and isinstance(value.get("id"), str):
        return Marker(value["source"], value["id"])
    return None


def property_of(marker: Marker) -> dict[str, str]:
    return {"source": marker.source, "id": marker.id}


def listed_property(row: Mapping[str, Any], key: str) -> Marker | None:
    """Our property in a comment's or worklog's list of them."""
    for entry in row.get("properties") or ():
        if isinstance(entry, dict) and entry.get("key") == key:
            return marker_of(entry.get("value"))
    return None


class Wire:
    """Issues of one connection: JSON in, records out, and back."""

    def __init__(self, api: JiraApi, names: Names) -> None:
        self._api = api
        self._names = names
        self._emails = api.config.people_by == "email"

    def asked(self, custom: Mapping[str, Field]) -> list[str]:
        return [*BUILT_IN, *sorted({field.id for field in custom.values()})]

    def url(self, key: str) -> str:
        base = self._api.config.site_url or self._api.config.base_url
        return f"{base}/browse/{quote(key, safe='')}" if key and "api.atlassian.com" not in base else ""

    def record(self, container: str, issue: Issue, custom: Mapping[str, Field], marker: Marker | None = None) -> Record:
        """``marker`` is what is known where the answer has no properties. The version is a digest of the content."""
        raw = issue.fields
        fields: dict[str, Value] = {
            "title": raw.get("summary") or "",
            "description": value_of(raw.get("description")),
            "status": _name(raw.get("status")),
            "priority": _name(raw.get("priority")),
            "labels": ordered([str(label) for label in raw.get("labels") or ()]),
            "assignee": self.person(raw.get("assignee")),
            "due_on": raw.get("duedate") or None,
            "estimate": raw.get("timeoriginalestimate") or None,
            "parent": (raw.get("parent") or {}).get("id") or None,
            "blocks": self._blocks(issue, container),
            "type": _name(raw.get("issuetype")),
            "key": issue.key or None,
            "author": self.person(raw.get("creator")),
            "author_name": shown_name(raw.get("creator")),
        }
        for name, field in custom.items():
            if field.id in raw:
                fields[name] = self._custom(field, raw[field.id])
        for name, member in _HIDEABLE.items():
            if member not in raw:
                del fields[name]
        if issue.properties is not None:
            marker = marker_of(issue.properties.get(self._api.config.property_key))
        ref = Ref(self._api.name, container, "task", issue.id)
        return Record(ref, fields, digest((fields, marker)), instant(raw.get("updated")), self.url(issue.key), marker)

    def person(self, user: Any) -> str | None:
        return person_of(user, self._api.person_key, emails=self._emails)

    async def body(self, container: str, changes: Fields, custom: Mapping[str, Field]) -> dict[str, Any]:
        """Members of ``fields`` for a create or an edit; labels, status and links have ways of their own.

        Raises: RejectedError for a field that cannot be written.
        """
        made: dict[str, Any] = {}
        for name, value in changes.items():
            match name:
                case "title":
                    made["summary"] = " ".join(str(value or "").split()) or "(untitled)"
                case "description":
                    made["description"] = stored_of(value, cloud=self._api.is_cloud)
                case "priority" | "type":
                    made["issuetype" if name == "type" else name] = None if value is None else {"name": value}
                case "assignee":
                    made["assignee"] = await self._user(value, name)
                case "due_on":
                    made["duedate"] = value
                case "estimate":
                    seconds = value if isinstance(value, int) else 0
                    made["timetracking"] = {"originalEstimate": f"{round(seconds / 60)}m"}
                case "parent":
                    made["parent"] = None if value is None else {"id": str(value)}
                case _ if name in custom:
                    made[custom[name].id] = await self._stored(name, custom[name], value)
                case _:
                    raise RejectedError(
                        f"Jira cannot write the field {name!r} of an issue in {container}.",
                        hint="Take it out of the mapping, or make its direction away from Jira.",
                        field=name,
                    )
        return made

    def _blocks(self, issue: Issue, container: str) -> tuple[str, ...]:
        """Ids of what this issue blocks; an issue of another project by its key."""
        found = []
        for link in issue.fields.get("issuelinks") or ():
            other = link.get("outwardIssue")
            if other and _name(link.get("type")) == self._api.config.blocks_link:
                key = str(other.get("key", ""))
                found.append(str(other["id"]) if key.rpartition("-")[0] == container and other.get("id") else key)
        return ordered(found)

    def _custom(self, field: Field, raw: Any) -> Value:
        if raw is None or raw == []:
            return () if field.type is not None and field.type.is_set else None
        found: Value = raw if isinstance(raw, str | int | float | bool) else msgspec.json.encode(raw).decode()
        match field.kind:
            case "string" if field.is_text:
                found = value_of(raw)
            case "datetime":
                found = iso(instant(raw))
            case "option" | "option-with-child":
                found = _option(raw)
            case "user":
                found = self.person(raw)
            case "array:user":
                found = ordered(list(filter(None, (self.person(user) for user in raw))))
            case "array:string" | "array:option":
                found = ordered(list(filter(None, (_option(part) for part in raw))))
        return found

    async def _stored(self, name: str, field: Field, value: Value) -> Any:
        """Raises: RejectedError for a field of a kind that is not known."""
        kind = field.kind
        if field.type is None:
            raise RejectedError(
                f"Bridge cannot write Jira's field {field.name!r} of the kind {kind}.",
                hint="Make its direction away from Jira.",
                field=name,
            )
        if kind.startswith("array:"):
            many = value if isinstance(value, tuple) else ()
            if kind == "array:user":
                return [await self._user(part, name) for part in many]
            return [{"value": part} for part in many] if kind == "array:option" else list(many)
        if kind == "user":
            return await self._user(value, name)
        if field.is_text:
            return stored_of(value, cloud=self._api.is_cloud)
        return None if value is None else _single(kind, value)

    async def _user(self, value: Value, field: str) -> dict[str, str] | None:
        if value is None:
            return None
        return {self._api.person_key: await self._names.person(str(value), field)}


def task_schema(api: JiraApi, custom: Mapping[str, Field]) -> Schema:
    """Limits: summary 255 characters on one line; text 32,767, of ADF after Jira's own conversion; labels 255 each.

    ``start_on`` stands here whether or not the site has such a field, so that nobody need ask; a write of it finds out.
    """
    dialect: Any = "adf" if api.is_cloud else "wiki"
    emails = api.config.people_by == "email"
    specs = [
        FieldSpec("title", FieldType.LINE, max_length=TITLE_LIMIT),
        FieldSpec("description", FieldType.TEXT, **room(cloud=api.is_cloud)),
        FieldSpec("status", FieldType.CHOICE),
        FieldSpec("priority", FieldType.CHOICE),
        FieldSpec("labels", FieldType.SET, max_length=255),
        FieldSpec("assignee", FieldType.PERSON, emails=emails),
        FieldSpec("due_on", FieldType.DATE),
        FieldSpec("start_on", FieldType.DATE),
        FieldSpec("estimate", FieldType.DURATION, step=60),
        FieldSpec("parent", FieldType.REF, writable="always" if api.is_cloud else "create"),
        FieldSpec("blocks", FieldType.REFS),
        FieldSpec("type", FieldType.CHOICE),
        FieldSpec("key", FieldType.LINE, writable="never"),
        FieldSpec("author", FieldType.PERSON, writable="never", emails=emails),
        FieldSpec("author_name", FieldType.LINE, writable="never"),
    ]
    specs += [
        custom_spec(name, field, dialect, emails=emails) for name, field in custom.items() if name.startswith(CUSTOM)
    ]
    return Schema("task", {spec.name: spec for spec in specs})


def _single(kind: str, value: Value) -> Any:
    if kind == "datetime":
        return jira_time(datetime.fromisoformat(str(value)))
    if kind == "option-with-child":
        head, _, child = str(value).partition(" / ")
        return {"value": head, "child": {"value": child}} if child else {"value": head}
    return {"value": value} if kind == "option" else value


def _name(member: Any) -> str | None:
    return member.get("name") if isinstance(member, dict) else None


def _option(raw: Any) -> str | None:
    """``Value`` or, of a cascading list, ``Value / Child``."""
    if not isinstance(raw, dict):
        return None if raw is None else str(raw)
    head = raw.get("value") or raw.get("name")
    child = raw.get("child")
    return f"{head} / {_option(child)}" if isinstance(child, dict) else head
