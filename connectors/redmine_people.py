"""Who can be named in a Redmine project: its members. Only an administrator's key shows their mails."""

from __future__ import annotations

from typing import Final

from bridge.model import Person
from connectors.redmine_names import Accounts

_MOST_ASKED: Final = 500


class Members:
    """``connectors.base.Directory``: one request per 100 members; for administrators one per 100 accounts more, for others
    one for each of the first 500 members that was not seen yet; those after them are left out.
    """

    def __init__(self, accounts: Accounts) -> None:
        self._accounts = accounts

    async def people(self, container: str) -> tuple[Person, ...]:
        members = await self._accounts.members(container)
        known = await self._accounts.listed()
        # who is locked, and groups, are not listed
        members = members[:_MOST_ASKED] if known is None else [one for one in members if one in known]
        names = await self._accounts.names(members)
        return tuple(
            Person(name, row.mail.lower() or None, row.name or None)
            for number, name in names.items()
            if (row := self._accounts.person(number)) is not None
        )
