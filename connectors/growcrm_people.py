"""Who can be named in a Grow CRM project: the team."""

from __future__ import annotations

from bridge.model import Person
from connectors.growcrm_names import People


class Team:
    """``connectors.base.Directory``: one request a page (``GET /api/team``). Only who has an e-mail can be named."""

    def __init__(self, people: People) -> None:
        self._people = people

    async def people(self, container: str) -> tuple[Person, ...]:
        del container
        return tuple(
            Person(row.email.lower(), row.email.lower(), row.name or None, row.status == "active")
            for row in (await self._people.team()).values()
            if row.email
        )
