"""Workestra's JSON: envelopes, a task as a record, changed fields as the members of a body.

No page has a schema of a task, so rows are plain objects and what a row does not have was not observed.
Refuses: HTTP.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Collection, Mapping
from datetime import UTC, datetime
from typing import Any, Final, TypeAlias
from zoneinfo import ZoneInfo

import msgspec

from bridge.errors import RejectedError
from bridge.model import Fields, FieldSpec, FieldType, Marker, Record, Ref, Schema, Value
from connectors.base import ordered
from connectors.markers import join, split, word
from connectors.versions import digest
from connectors.workestra_config import WorkestraConfig

Row: TypeAlias = Mapping[str, Any]

CUSTOM: Final = "custom."
MARKER_ROOM: Final = 300
HOUR_S: Final = 3600
STEP_S: Final = 36
"""Estimates are sent in hundredths of an hour."""

_WIRE: Final = {
    "title": "title",
    "status": "status",
    "priority": "priority",
    "assignee": "assignee_id",
    "labels": "labels",
}


class Wire:
    """Reads and writes tasks as one connection's settings say."""

    def __init__(self, connection: str, config: WorkestraConfig) -> None:
        self._connection = connection
        self._config = config
        self._emails = {user: email for email, user in config.users.items()}
        self._zone = ZoneInfo(config.timezone)
        self.ref_field = config.external_ref_field
        """Where the marker goes; "" in the description, also after Workestra refused the field."""

    def is_task(self, row: Row) -> bool:
        """A task says what it is called and, unless settings say otherwise, of which project it is."""
        has_project = isinstance(row.get("project_id"), str) or not self._config.rows_have_project
        return isinstance(row.get("id"), str | int) and isinstance(row.get("title"), str) and has_project

    def is_of(self, row: Row, project: str) -> bool:
        return str(row.get("project_id") or project) == project

    def in_trash(self, row: Row) -> bool:
        return bool(self._config.deleted_field and row.get(self._config.deleted_field))

    def record(self, row: Row, project: str) -> Record:
        """A task as a record. Its version is a digest of the content: nobody knows what moves ``updated_at``."""
        config, task = self._config, str(row["id"])
        fields: dict[str, Value] = {"title": row["title"]}
        marker, place = None, None
        if "description" in row:
            text, marker = split(_text(row["description"]))
            fields["description"], place = text or None, "text" if marker else None
        custom = custom_of(row)
        if (own := split(_text(custom.get(config.external_ref_field)))[1]) is not None:
            marker, place = own, "field"
        for ours in ("status", "priority"):
            if ours in row:
                fields[ours] = _text(row[ours])
        if "assignee_id" in row:
            who = _text(row["assignee_id"])
            fields["assignee"] = self._emails.get(who, who) if who else None
        if isinstance(names := row.get("labels"), list):
            fields["labels"] = ordered([str(name) for name in names])
        if config.due_field in row:
            day = _text(row[config.due_field])
            fields["due_on"] = day[:10] if day else None
        if config.estimate_field in row:
            fields["estimate"] = _seconds(row[config.estimate_field])
        fields |= {CUSTOM + key: _value(value) for key, value in custom.items() if key != config.external_ref_field}
        fields["marker_in"] = place
        version = digest(fields, marker)
        url = config.task_url.format(project=project, id=task) if config.task_url else ""
        ref = Ref(self._connection, project, "task", task)
        return Record(ref, fields, version, self.instant(row, config.updated_field), url, marker)

    def instant(self, row: Row, name: str) -> datetime | None:
        """A time of a row in UTC; None when there is none."""
        with contextlib.suppress(ValueError, TypeError):
            at = datetime.fromisoformat(row[name]) if row.get(name) else None
            if at is not None:
                return (at.replace(tzinfo=self._zone) if at.tzinfo is None else at).astimezone(UTC)
        return None

    def body(self, fields: Fields) -> dict[str, Any]:
        """The members for these fields, without description and custom fields, which need to know what there is.

        Raises: RejectedError for a field that cannot be written and for a person without an id.
        """
        found: dict[str, Any] = {}
        for name, value in fields.items():
            if name == "description" or name.startswith(CUSTOM):
                continue
            if name == "due_on" and self._config.due_field:
                found[self._config.due_field] = value
            elif name == "estimate" and self._config.estimate_field:
                found[self._config.estimate_field] = _hours(value)
            elif name in _WIRE:
                found[_WIRE[name]] = self._member(name, value)
            else:
                raise RejectedError(
                    f"Workestra cannot write the field {name!r} of a task.",
                    hint="Take it out of the mapping, or make its direction away from Workestra.",
                    field=name,
                )
        return found

    def text(self, description: Value, marker: Marker | None, *, place: Value) -> str | None:
        """The description to write, with the marker below it where its place is the text."""
        own = str(description or "")
        return (join(own, marker) if place == "text" else own) or None

    def custom(self, fields: Fields, there: Mapping[str, Any], marker: Marker | None) -> dict[str, Any]:
        """The custom fields to send: all that are set, so that it does not matter whether they replace or are merged."""
        merge = self._config.custom_fields_merge
        found = {} if merge else {key: value for key, value in there.items() if value is not None}
        for name, value in fields.items():
            if name.startswith(CUSTOM):
                found[name.removeprefix(CUSTOM)] = self._custom_value(name, value)
        if marker is not None and self.ref_field:
            found[self.ref_field] = word(marker)
        return found

    def to_blame(self, error: RejectedError, body: Mapping[str, Any]) -> str:
        """The one field of a body that the words of a refusal name; "" when they name none or several."""
        custom = body.get("custom_fields")
        ours = {wire: ours for ours, wire in _WIRE.items()} | {
            "description": "description",
            self._config.due_field: "due_on",
            self._config.estimate_field: "estimate",
        }
        words = set(error.message.replace(",", " ").replace(":", " ").replace(".", " ").replace("'", " ").split())
        keys = [CUSTOM + key for key in (custom if isinstance(custom, dict) else ()) if key in words]
        found = keys or [ours[wire] for wire in body if wire in words and wire in ours]
        return found[0] if len(found) == 1 else ""

    def _member(self, name: str, value: Value) -> Any:
        if name == "labels":
            return list(value) if isinstance(value, tuple) else []
        if name == "priority":
            known = self._config.priorities
            return value if value in known else self._config.default_priority
        if name == "assignee" and value is not None:
            who = self._config.users.get(str(value).lower(), str(value))
            if "@" in who:
                raise RejectedError(
                    f"Nobody has said which Workestra user {who} is.",
                    hint="Add the address with the user's id to users of this connection.",
                    field="assignee",
                )
            return who
        return value

    def _custom_value(self, name: str, value: Value) -> Any:
        key = name.removeprefix(CUSTOM)
        if key not in self._config.custom_numbers or value is None:
            return ", ".join(value) if isinstance(value, tuple) else None if value is None else str(value)
        try:
            number = float(str(value))
        except ValueError:
            raise RejectedError(
                f"{value!r} is no number, and {key} is among custom_numbers.", hint="Correct the item.", field=name
            ) from None
        return int(number) if number.is_integer() else number

    def schema(self, fields: Collection[str]) -> Schema:
        """What a task can have; custom fields as ``fields`` name them, since nothing lists them."""
        config = self._config
        specs = [
            FieldSpec("title", FieldType.LINE, max_length=config.title_max),
            FieldSpec(
                "description",
                FieldType.TEXT,
                max_length=config.description_max - MARKER_ROOM,
                dialect=config.text_format,
            ),
            FieldSpec("status", FieldType.CHOICE),
            FieldSpec("priority", FieldType.CHOICE, choices=config.priorities),
            FieldSpec("assignee", FieldType.PERSON, emails=bool(config.users)),
            FieldSpec("labels", FieldType.SET),
            FieldSpec("marker_in", FieldType.LINE, writable="never"),
        ]
        if config.due_field:
            specs.append(FieldSpec("due_on", FieldType.DATE))
        if config.estimate_field:
            specs.append(FieldSpec("estimate", FieldType.DURATION, step=STEP_S))
        for name in sorted(fields):
            key = name.removeprefix(CUSTOM)
            if name.startswith(CUSTOM) and key != config.external_ref_field:
                kind = FieldType.NUMBER if key in config.custom_numbers else FieldType.TEXT
                specs.append(FieldSpec(name, kind))
        return Schema("task", {spec.name: spec for spec in specs})


def custom_of(row: Row) -> Mapping[str, Any]:
    custom = row.get("custom_fields")
    return custom if isinstance(custom, dict) else {}


def _text(value: Any) -> str | None:
    return None if value is None else str(value).replace("\r\n", "\n")


def _value(value: Any) -> Value:
    """A custom field as it is; lists are sets of names."""
    if isinstance(value, list):
        return ordered([str(one) for one in value])
    if isinstance(value, dict):
        return msgspec.json.encode(value, order="deterministic").decode()
    return _text(value) if isinstance(value, str) else value


def _seconds(hours: Any) -> int | None:
    try:
        seconds = float(hours) * HOUR_S
    except (TypeError, ValueError):
        return None
    return round(seconds) if math.isfinite(seconds) else None


def _hours(seconds: Value) -> float | int | None:
    if not isinstance(seconds, int | float):
        return None
    hours = round(seconds / HOUR_S, 2)
    return int(hours) if hours.is_integer() else hours
