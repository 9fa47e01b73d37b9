"""Requests to Gipo: both ways of paging, creates that are never made twice, and what a refusal means.

Refuses: records. Gipo documents no error bodies: the status and the address decide.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import replace
from datetime import datetime
from hashlib import blake2b
from typing import Any, Final, TypeVar
from urllib.parse import urlsplit

import msgspec

from bridge.errors import AuthError, ContainerError, RetryableError, TrackerError, UnknownOutcome
from connectors.account import bearer, client
from connectors.base import BeforeSend, Usage
from connectors.gipo_config import GipoConfig
from connectors.gipo_wire import Many
from connectors.http import Http, Transport
from connectors.pace import Retry
from connectors.status import Response, decode, described, shown

T = TypeVar("T")

ROOT: Final = "api/v1"
PAGE: Final = 100
_BOARD: Final = re.compile(r"/api/v1/workspaces/([^/]+)$")
_WHOLE: Final = re.compile(r"/api/v1/(?:workspaces(?:/[^/]+)?|tasks|time-entries)$")
_ROLE: Final = "Use the key of an owner or admin of the organization."


class _Id(msgspec.Struct):
    id: str


class _One(msgspec.Struct):
    data: _Id


_MADE: Final = msgspec.json.Decoder(_One)


class GipoApi:
    """One organization: the connection's own key, and those of people in whose names time is logged."""

    def __init__(self, name: str, config: GipoConfig, transport: Transport | None, retry: Retry | None) -> None:
        self._make: Callable[[str], Http] = lambda key: client(
            name, config, bearer(key), refusal, transport=transport, retry=retry
        )
        self._own = self._make(config.token.get_secret_value() if config.token else "")
        self._keys = config.keys_of_people()
        self._of_people: dict[str, Http] = {}

    def of(self, email: str | None) -> Http:
        """The client of a person who has a key here, else the connection's own."""
        if email is None or email not in self._keys:
            return self._own
        if email not in self._of_people:
            self._of_people[email] = self._make(self._keys[email])
        return self._of_people[email]

    def has_key_of(self, email: str) -> bool:
        return email in self._keys

    async def get(
        self, path: str, decoder: msgspec.json.Decoder[T], params: Mapping[str, str | int] | None = None
    ) -> tuple[T, Response]:
        response = await self._own.request("GET", f"{ROOT}/{path}", params=params)
        return decode(response, decoder), response

    async def look(self, path: str, decoder: msgspec.json.Decoder[T]) -> T | None:
        """None for a 404, which says "no such id" as well as "not for this key"."""
        response = await self._own.request("GET", f"{ROOT}/{path}", accept=(404,))
        return None if response.status == 404 else decode(response, decoder)

    async def registry(self, path: str, decoder: msgspec.json.Decoder[Many[T]]) -> list[T]:
        """An offset list to its end."""
        rows: list[T] = []
        while True:
            page, _ = await self.get(path, decoder, {"limit": PAGE, "offset": len(rows)})
            rows += page.data
            if not page.data or len(rows) >= (page.total or 0):
                return rows

    async def walk(
        self, path: str, decoder: msgspec.json.Decoder[Many[T]], params: Mapping[str, str | int]
    ) -> AsyncIterator[tuple[list[T], Response]]:
        """A cursor list to its end, newest first, page by page.

        Raises: RetryableError when a cursor leads to itself.
        """
        seen: set[str] = set()
        cursor: str | None = None
        while True:
            more = {"cursor": cursor} if cursor else {}
            page, response = await self.get(path, decoder, {**params, "limit": PAGE, **more})
            yield page.data, response
            cursor = page.pagination.next_cursor if page.pagination else None
            if cursor is None:
                return
            if cursor in seen:
                url = shown(response.url)
                raise RetryableError(f"{url} lists the same page again and again.", hint="Bridge asks again.", url=url)
            seen.add(cursor)

    async def create(
        self,
        path: str,
        body: Mapping[str, Any],
        *,
        key: str,
        before_send: BeforeSend | None,
        email: str | None = None,
        is_new_key: bool = False,
    ) -> Response:
        """One creating POST, made at most once: Gipo answers the same Idempotency-Key with the first reply.

        So a lost answer is asked for again at once. Raises UnknownOutcome when that does not help either.

        Gipo keeps a key for a day, and refuses it with another body: so the body is part of it. What an earlier reply
        names may have been deleted since (an entry that moved to another task and back): then it is made under a new key.
        ``is_new_key``: no call before this one had the key, so a reply that comes again names what this one made.
        """
        answer = await self._created(self.of(email), path, body, key, before_send)
        while not is_new_key and answer.headers.get("idempotent-replayed") == "true":
            made = decode(answer, _MADE).data.id
            if await self.look(f"{path}/{made}", _MADE) is not None:
                break
            key = f"{key} {made}"
            answer = await self._created(self.of(email), path, body, key, before_send)
        return answer

    @staticmethod
    async def _created(
        http: Http, path: str, body: Mapping[str, Any], key: str, before_send: BeforeSend | None
    ) -> Response:
        unique = blake2b(key.encode() + msgspec.json.encode(body, order="deterministic"), digest_size=24).hexdigest()
        headers, path = {"idempotency-key": unique}, f"{ROOT}/{path}"
        try:
            return await http.request("POST", path, json=body, headers=headers, before_send=before_send)
        except UnknownOutcome as unknown:
            if unknown.status == 409:
                raise
            try:
                return await http.request(
                    "POST", path, json=body, headers=headers, idempotent=True, before_send=before_send
                )
            except TrackerError as error:  # also a refusal proves nothing about the first try
                raise unknown from error

    async def write(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | None = None,
        *,
        before_send: BeforeSend | None,
        email: str | None = None,
        accept: tuple[int, ...] = (),
    ) -> Response:
        """A PATCH or DELETE."""
        http = self.of(email)
        return await http.request(method, f"{ROOT}/{path}", json=body, accept=accept, before_send=before_send)

    def usage(self) -> Usage:
        total = self._own.usage()
        for one in (http.usage() for http in self._of_people.values()):
            total = replace(total, requests=total.requests + one.requests, writes=total.writes + one.writes)
        return total

    async def aclose(self) -> None:
        for http in (self._own, *self._of_people.values()):
            await http.aclose()


def refusal(response: Response, _now: datetime) -> TrackerError | None:
    """Gipo's own reading of a status; None leaves it to ``connectors.status.to_error``.

    403 or 404 (which of them is not documented) on a write of one item is "no access" and never "deleted".
    """
    path, text, url = urlsplit(response.url).path, described(response), shown(response.url)
    if response.status == 401:
        hint = "Give this connection a new key; every Gipo key expires, and it may be revoked or its user banned."
        return AuthError(text, hint=hint, status=401, url=url)
    if response.status == 403 and _WHOLE.search(path):
        return ContainerError(text, reason="permission", hint=_ROLE, status=403, url=url)
    if response.status == 404 and (found := _BOARD.search(path)):
        hint = "Check the workspace's id, and that the key belongs to its organization."
        return ContainerError(text, container=found[1], reason="missing", hint=hint, status=404, url=url)
    if response.status == 409 and response.method == "POST":
        hint = "An earlier try with other values was taken; Bridge looks for what it made."
        return UnknownOutcome(text, hint=hint, status=409, url=url)
    return None
