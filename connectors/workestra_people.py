"""Who can be named in a Workestra project: those of the setting ``users``, since no page of its API tells."""

from __future__ import annotations

from bridge.model import Person
from connectors.workestra_config import WorkestraConfig


class Users:
    """``connectors.base.Directory`` without a request."""

    def __init__(self, config: WorkestraConfig) -> None:
        self._config = config

    async def people(self, container: str) -> tuple[Person, ...]:
        del container
        return tuple(Person(email, email) for email in self._config.users)
