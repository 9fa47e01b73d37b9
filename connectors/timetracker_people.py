"""Who can be named in a TimeTracker project: all users, whom only the scope ``admin:all`` shows."""

from __future__ import annotations

from bridge.model import Person
from connectors.timetracker_api import Api, name_of


class Users:
    """``connectors.base.Directory``: one request per 100 (``GET /users``, active ones only)."""

    def __init__(self, api: Api) -> None:
        self._api = api

    async def people(self, container: str) -> tuple[Person, ...]:
        """Raises: ContainerError without the scope."""
        del container
        rows = await self._api.everybody()
        return tuple(
            Person(
                name_of(row, self._api.config.people_by),
                (row.email or "").lower() or None,
                row.username,
                row.is_active,
            )
            for row in rows
        )
