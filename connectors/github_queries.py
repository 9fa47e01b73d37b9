"""GitHub's issues by their labels: names with commas between them, all of which an issue must carry.

Source: docs.github.com, REST, List repository issues, parameter ``labels``. Refuses: anything that GitHub finds by its search
alone: that has an index of its own, which lags, and a limit of 1,000 rows.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from bridge.merge import key
from connectors import cursors
from connectors.github_feed import Cursor
from connectors.github_wire import USER
from connectors.status import decode

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from bridge.model import Record
    from connectors.base import Page
    from connectors.github_api import GithubApi
    from connectors.github_feed import GithubFeed
    from connectors.github_relations import GithubRelations


class Labelled:
    """The search of one account."""

    asks = False

    def __init__(self, api: GithubApi, feed: GithubFeed, relations: GithubRelations) -> None:
        self._api = api
        self._feed = feed
        self._relations = relations

    def wrong(self, query: str) -> str:
        return "" if all(_names(query)) else "names of labels with one comma between them, none of them empty"

    async def try_out(self, container: str, query: str) -> None:
        """Any name can be asked for: no issue has one that does not exist."""

    async def pull(
        self, container: str, query: str, *, fields: frozenset[str], sweep: bool
    ) -> AsyncIterator[tuple[Page, bool]]:
        """Before the listing: where the changes of the repository stand, and what this account made. An account without a
        name, as an app's, gets everything listed.
        """
        makers = await self._makers()
        if not makers:
            async for page in self._relations.pull(container, Cursor(), fields, sweep=sweep):
                yield page, False
            return
        head, rows = await self._feed.head(container), 0
        for login in makers:
            async for page in self._relations.pull(container, Cursor(), fields, sweep=False, creator=login):
                yield replace(page, cursor=cursors.written(Cursor()), last=False, quiet=False, complete=False), False
        async for page in self._relations.pull(
            container, Cursor(), fields, sweep=sweep, labels=",".join(_names(query))
        ):
            rows += len(page.records)
            if page.last and head.since is not None:
                yield replace(page, cursor=cursors.written(head), complete=page.complete or not rows), True
            else:
                yield page, True

    async def _makers(self) -> tuple[str, ...]:
        """Whose issues may carry a marker of ours; nobody where that is not known. Asked for with the listing of everything
        alone.
        """
        if self._api.accounts:
            return tuple(sorted(self._api.accounts))
        response = await self._api.http.request("GET", "/user", accept=(403, 404))
        return (decode(response, USER).login,) if response.status == 200 else ()

    async def matching(self, container: str, query: str, records: Sequence[Record]) -> frozenset[str]:  # noqa: ARG002 — by what they hold
        wanted = {key(name) for name in _names(query)}
        return frozenset(record.ref.id for record in records if wanted <= _labels(record))


def _names(query: str) -> list[str]:
    return [name.strip() for name in query.split(",")]


def _labels(record: Record) -> set[str]:
    held = record.fields.get("labels")
    return {key(name) for name in held} if isinstance(held, tuple) else set()
