"""Who can be named in a GitHub repository: those whom its issues can be assigned to, with the e-mail of a public profile."""

from __future__ import annotations

import asyncio
from typing import Final
from urllib.parse import quote

import msgspec

from bridge.model import Person
from connectors.github_api import GithubApi
from connectors.github_wire import USERS
from connectors.status import decode

_MOST_PROFILES: Final = 500
"""Profiles that are asked for, each with a request of its own, which costs nothing while it stands (304)."""


class _Profile(msgspec.Struct):
    email: str | None = None
    name: str | None = None


_PROFILE: Final = msgspec.json.Decoder(_Profile)


class Assignees:
    """``connectors.base.Directory``: ``GET /repos/OWNER/REPO/assignees``, and ``GET /users/LOGIN`` for the first 500 of them;
    those after them have no e-mail here.
    """

    def __init__(self, api: GithubApi) -> None:
        self._api = api
        self._seen: dict[str, tuple[str | None, _Profile]] = {}

    async def people(self, container: str) -> tuple[Person, ...]:
        listed = await self._api.whole(container, "/assignees", {"per_page": 100}, USERS, lambda row: row.login)
        logins = [row.login for row in listed.rows]
        profiles = await asyncio.gather(*map(self._profile, logins[:_MOST_PROFILES]))
        profiles += [_Profile()] * (len(logins) - len(profiles))
        return tuple(
            Person(login, (profile.email or "").lower() or None, profile.name)
            for login, profile in zip(logins, profiles, strict=True)
        )

    async def _profile(self, login: str) -> _Profile:
        """Apps have none."""
        etag, known = self._seen.get(login, (None, _Profile()))
        answer = await self._api.http.request("GET", f"/users/{quote(login, safe='')}", etag=etag, accept=(404,))
        if answer.status == 200:
            known = decode(answer, _PROFILE)
            self._seen[login] = (answer.headers.get("etag"), known)
        return _Profile() if answer.status == 404 else known
