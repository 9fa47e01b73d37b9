"""Who can be named in a Jira project: those whom its issues can be assigned to."""

from __future__ import annotations

from typing import Any, Final

import msgspec

from bridge.model import Person
from connectors.jira_api import JiraApi
from connectors.jira_names import person_of, shown_name
from connectors.status import decode

_USERS: Final = msgspec.json.Decoder(list[dict[str, Any]])
_PAGE: Final = 1000


class Assignable:
    """``connectors.base.Directory``: ``GET user/assignable/search`` until a page brings nobody new. Pages may be short, and Cloud
    looks no further than the thousandth user. An e-mail address that its owner or the site hides is missing.
    """

    def __init__(self, api: JiraApi) -> None:
        self._api = api

    async def people(self, container: str) -> tuple[Person, ...]:
        found: dict[str, Person] = {}
        start = 0
        while True:
            asked: dict[str, str | int] = {"project": container, "startAt": start, "maxResults": _PAGE}
            rows = decode(await self._api.read("user/assignable/search", asked), _USERS)
            before = len(found)
            for row in rows:
                name = person_of(row, self._api.person_key, emails=self._api.config.people_by == "email")
                if name is not None:
                    email = str(row.get("emailAddress") or "").lower() or None
                    found[name] = Person(name, email, shown_name(row), row.get("active") is not False)
            if len(found) == before:
                return tuple(found.values())
            start += len(rows)
