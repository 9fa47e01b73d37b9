"""Writing Workestra's tasks: POST with what it is known to take, PATCH with the rest, and where the marker goes.

A new task gets its marker as the last line of the description, in the request that makes it (S19). Where a custom field
is configured for it, a second request moves it there and takes the line away; should that fail, the line stays and the
next write moves it. Refuses: deciding what to write.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, Final

from msgspec.structs import replace

from bridge.errors import RejectedError, TrackerError, UnknownOutcome
from bridge.model import Fields, Marker, Record, Ref
from connectors.base import BeforeSend, Step
from connectors.markers import split
from connectors.workestra_api import Api
from connectors.workestra_config import WorkestraConfig
from connectors.workestra_feed import Feed
from connectors.workestra_wire import CUSTOM, Row, Wire, custom_of

CREATE: Final = frozenset({"title", "description", "priority", "assignee", "labels"})
"""What POST is documented to take, in our words."""


class Writer:
    """Writes for all projects of one connection. A project that was not listed yet is looked at before a write."""

    def __init__(self, api: Api, config: WorkestraConfig, wire: Wire, feed: Feed) -> None:
        self._api = api
        self._config = config
        self._wire = wire
        self._feed = feed

    def steps(self, fields: Collection[str], *, creating: bool) -> tuple[Step, ...]:
        """One PATCH for all fields; a new task gets what POST does not take by an update of its own."""
        names = frozenset(fields)
        if not creating:
            return (Step("task", names),) if names else ()
        first = frozenset(name for name in names if self._is_for_create(name))
        return tuple(
            Step(name, part) for name, part in (("create", first), ("task", names - first)) if part or name == "create"
        )

    async def create(self, project: str, fields: Fields, marker: Marker, before_send: BeforeSend | None) -> Record:
        """Raises: UnknownOutcome when the answer does not show the task and the list does not either."""
        await self._look(project)
        given = {name: value for name, value in fields.items() if self._is_for_create(name) and value not in (None, ())}
        place = "field" if self._wire.ref_field and self._config.custom_fields_on_create else "text"
        body: dict[str, Any] = {"project_id": project, **self._wire.body(given)}
        if (text := self._wire.text(given.get("description"), marker, place=place)) is not None:
            body["description"] = text
        if self._config.custom_fields_on_create:
            body["custom_fields"] = self._wire.custom(given, {}, marker)
        try:
            row = await self._api.create(body, before_send)
        except RejectedError as error:
            raise self._blamed(error, body) from error
        if row is None:
            found = await self._feed.find(project, [marker], None)
            if marker not in found:
                raise UnknownOutcome(
                    f"Workestra answered the new task {given.get('title')!r} without showing it.",
                    hint="Bridge looks for it by its marker before it tries again.",
                )
            return found[marker]
        return await self._settled(self._wire.record(row, project), row, marker, before_send)

    async def update(self, ref: Ref, changes: Fields, current: Record, before_send: BeforeSend | None) -> Record:
        """One PATCH with all changes; custom fields are read first, unless they are known to be merged."""
        await self._look(ref.container)
        if current.marker is not None and "marker_in" not in current.fields:
            current = self._wire.record(await self._api.task(ref), ref.container)
        place = current.fields.get("marker_in")
        moves = place == "text" and bool(self._wire.ref_field) and current.marker is not None
        if moves or (_has_custom(changes) and not self._config.custom_fields_merge):
            row: Row = await self._api.task(ref)
        else:
            row = {}
        if moves:
            try:
                return await self._patch(ref, self._moving(changes, row, current.marker), before_send)
            except RejectedError as error:
                self._without_field(error)
        body = self._wire.body(changes)
        if "description" in changes:
            body["description"] = self._wire.text(changes["description"], current.marker, place=place)
        if _has_custom(changes):
            body["custom_fields"] = self._wire.custom(changes, custom_of(row), None)
        return await self._patch(ref, body, before_send)

    async def delete(self, ref: Ref, before_send: BeforeSend | None) -> None:
        """Into the trash, from which people can restore it."""
        await self._look(ref.container)
        await self._api.delete(ref, before_send)

    async def _settled(self, made: Record, row: Row, marker: Marker, before_send: BeforeSend | None) -> Record:
        """The new task with its marker where it belongs. The task is made: no trouble from here on is the create's."""
        if not self._wire.ref_field or made.fields.get("marker_in") == "field":
            return made
        try:
            if "custom_fields" not in row and not self._config.custom_fields_merge:
                row = await self._api.task(made.ref)
            return await self._patch(made.ref, self._moving({}, row, marker), before_send)
        except RejectedError as error:
            self._ref_refused(error)
        except TrackerError:  # the line in the description does until the next write
            pass
        return replace(made, marker=marker)

    def _moving(self, changes: Fields, row: Row, marker: Marker | None) -> dict[str, Any]:
        """The members that also move the marker from the description into its field."""
        text = changes["description"] if "description" in changes else split(row.get("description"))[0]
        body = self._wire.body(changes)
        body["description"] = self._wire.text(text, marker, place="field")
        body["custom_fields"] = self._wire.custom(changes, custom_of(row), marker)
        return body

    async def _patch(self, ref: Ref, body: dict[str, Any], before_send: BeforeSend | None) -> Record:
        try:
            row = await self._api.change(ref, body, before_send)
        except RejectedError as error:
            raise self._blamed(error, body) from error
        return self._wire.record(row, ref.container)

    def _blamed(self, error: RejectedError, body: dict[str, Any]) -> RejectedError:
        field = self._wire.to_blame(error, body)
        return RejectedError(error.message, hint=error.hint, status=error.status, url=error.url, field=field)

    def _ref_refused(self, error: RejectedError) -> bool:
        """Whether it is the marker's own field that is refused; then this connection does without it."""
        is_vague = not error.field and "custom_fields" in error.message
        if is_vague or error.field == CUSTOM + self._config.external_ref_field:
            self._wire.ref_field = ""
            return True
        return False

    def _without_field(self, error: RejectedError) -> None:
        """Raises: the error, unless the same write without the marker's field may do."""
        if not self._ref_refused(error):
            raise error

    def _is_for_create(self, name: str) -> bool:
        return (
            name in CREATE
            or (name == "status" and self._config.status_on_create)
            or (name.startswith(CUSTOM) and self._config.custom_fields_on_create)
        )

    async def _look(self, project: str) -> None:
        """Before the first write to a project: whether this is the list of tasks, and not that of support tickets (page R).

        Raises: ContainerError.
        """
        if project not in self._api.known:
            await self._api.tasks(project, page=1, per_page=1, sort="created_at", order="asc")


def _has_custom(changes: Fields) -> bool:
    return any(name.startswith(CUSTOM) for name in changes)
