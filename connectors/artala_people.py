"""Who can be named on an Artala board: the team, which all boards share."""

from __future__ import annotations

from bridge.model import Person
from connectors.artala_names import Names


class Team:
    """``connectors.base.Directory``: one request. Our fields name people by e-mail; whoever has none cannot be named."""

    def __init__(self, names: Names) -> None:
        self._names = names

    async def people(self, container: str) -> tuple[Person, ...]:
        del container
        return tuple(
            Person(row.email.lower(), row.email.lower(), row.full_name, row.is_active)
            for row in await self._names.team(anew=True)
            if row.email
        )
