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

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from bridge.model import Record
    from connectors.base import Page
    from connectors.github_feed import GithubFeed
    from connectors.github_relations import GithubRelations


class Labelled:
    """The search of one account."""

    asks = False

    def __init__(self, feed: GithubFeed, relations: GithubRelations) -> None:
        self._feed = feed
        self._relations = relations

    def wrong(self, query: str) -> str:
        return "" if all(_names(query)) else "names of labels with one comma between them, none of them empty"

    async def try_out(self, container: str, query: str) -> None:
        """Any name can be asked for: no issue has one that does not exist."""

    async def pull(self, container: str, query: str, *, fields: frozenset[str], sweep: bool) -> AsyncIterator[Page]:
        """One request more than the listing has: for where the changes of the repository stand before it begins."""
        head, rows = await self._feed.head(container), 0
        async for page in self._relations.pull(
            container, Cursor(), fields, sweep=sweep, labels=",".join(_names(query))
        ):
            rows += len(page.records)
            if page.last and head.since is not None:
                yield replace(page, cursor=cursors.written(head), complete=page.complete or not rows)
            else:
                yield page

    async def matching(self, container: str, query: str, records: Sequence[Record]) -> frozenset[str]:  # noqa: ARG002 — by what they hold
        wanted = {key(name) for name in _names(query)}
        return frozenset(record.ref.id for record in records if wanted <= _labels(record))


def _names(query: str) -> list[str]:
    return [name.strip() for name in query.split(",")]


def _labels(record: Record) -> set[str]:
    held = record.fields.get("labels")
    return {key(name) for name in held} if isinstance(held, tuple) else set()
