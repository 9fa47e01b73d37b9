"""Who can be named in a Gipo workspace: the members of the organization."""

from __future__ import annotations

from bridge.model import Person
from connectors.gipo_names import Names


class Members:
    """``connectors.base.Directory``: one request per 100 (``GET /members``). Who has no e-mail is named by id."""

    def __init__(self, names: Names) -> None:
        self._names = names

    async def people(self, container: str) -> tuple[Person, ...]:
        del container
        rows = [row.user for row in (await self._names.people(anew=True)).values()]
        return tuple(Person((row.email or row.id).lower(), (row.email or "").lower() or None, row.name) for row in rows)
