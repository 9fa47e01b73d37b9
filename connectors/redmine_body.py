"""What an issue's write sends: our fields as Redmine's attributes, names as ids.

Refuses: sending it.
"""

from __future__ import annotations

from typing import Final

from bridge.errors import RejectedError
from bridge.model import Fields, Marker, Value
from connectors import markers
from connectors.redmine_config import RedmineConfig
from connectors.redmine_names import ISSUE, Names
from connectors.redmine_wire import CUSTOM, HOUR_S, custom_text, marker_word

PLAIN: Final = {"title": "subject", "start_on": "start_date", "due_on": "due_date", "done_ratio": "done_ratio"}
BY_NAME: Final = {
    "status": "status_id",
    "priority": "priority_id",
    "type": "tracker_id",
    "category": "category_id",
    "milestone": "fixed_version_id",
}


class Bodies:
    """For all projects of one connection."""

    def __init__(self, names: Names, config: RedmineConfig) -> None:
        self._names = names
        self._config = config

    async def tracker(self, container: str, name: Value, default: int | None) -> int | None:
        if name is None:
            return default
        found = await self._names.id_of(container, "type", name)
        return found if isinstance(found, int) else None

    async def body(
        self,
        container: str,
        changes: Fields,
        tracker: int | None,
        description: Value,
        marker: Marker | None,
        *,
        creating: bool,
    ) -> dict[str, object]:
        body, custom = await self._marked(container, changes, tracker, description, marker, creating=creating)
        for name, value in changes.items():
            if name in PLAIN:
                body[PLAIN[name]] = "" if value is None else value
            elif name in BY_NAME:
                body[BY_NAME[name]] = await self._names.id_of(container, name, value)
            elif name == "assignee":
                body["assigned_to_id"] = await self._names.accounts.id_of(container, value, "assignee")
            elif name == "estimate":
                body["estimated_hours"] = value / HOUR_S if isinstance(value, int | float) else ""
            elif name == "parent":
                body["parent_issue_id"] = value or ""
            elif name == "labels" or name.startswith(CUSTOM):
                custom.append(await self._custom(container, name, value, tracker))
        if custom:
            body["custom_fields"] = custom
        return body

    async def _marked(
        self,
        container: str,
        changes: Fields,
        tracker: int | None,
        description: Value,
        marker: Marker | None,
        *,
        creating: bool,
    ) -> tuple[dict[str, object], list[dict[str, object]]]:
        """Description and marker: in its field, or in the text where there is no such field."""
        place = await self._names.fields.find(container, ISSUE, self._config.marker_field, tracker) if marker else None
        is_written = "description" in changes or (creating and marker is not None)
        if not is_written:
            return {}, []
        words = description if isinstance(description, str) else None
        if place is None or marker is None:
            return {"description": markers.join(words, marker)}, []
        field: dict[str, object] = {"id": place.id, "value": marker_word(marker)}
        return {"description": words or ""}, [field]

    async def _custom(self, container: str, name: str, value: Value, tracker: int | None) -> dict[str, object]:
        title = self._config.labels_field if name == "labels" else name.removeprefix(CUSTOM)
        found = await self._names.fields.find(container, ISSUE, title, tracker)
        if found is None:
            raise RejectedError(
                f"Issues of {container} have no custom field {title!r} that this account is shown.",
                hint="Add it in Redmine (Administration, Custom fields) for this project and tracker, or unmap it.",
                field=name,
            )
        return {"id": found.id, "value": custom_text(value)}
