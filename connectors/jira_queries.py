"""Jira's issues by a clause of JQL, which the site itself judges: a search for the clause, or for some ids and the clause.

Refuses: understanding JQL.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from msgspec import structs

from connectors import cursors
from connectors.jira_feed import Cursor
from connectors.jira_search import RECONCILED, Asked, quoted

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from bridge.model import Record
    from connectors.base import Page
    from connectors.jira_feed import Feed
    from connectors.jira_search import Search

_TEXT: Final = re.compile(r'"(?:[^"\\]|\\.)*"|\'(?:[^\'\\]|\\.)*\'')
_ORDER: Final = re.compile(r"\border\s+by\b", re.IGNORECASE)


class Jql:
    """The search of one account."""

    asks = True

    def __init__(self, feed: Feed, search: Search) -> None:
        self._feed = feed
        self._search = search

    def wrong(self, query: str) -> str:
        """It stands in parentheses beside what Bridge asks for, so it must not close them."""
        bare, depth = _TEXT.sub("x", query), 0
        if '"' in bare or "'" in bare:
            return "a clause of JQL; a quotation mark is not closed"
        if _ORDER.search(bare):
            return "a clause without ORDER BY: Bridge orders by change"
        for sign in bare:
            depth += (sign == "(") - (sign == ")")
            if depth < 0:
                break
        return "a clause of JQL; its parentheses do not match" if depth else ""

    async def try_out(self, container: str, query: str) -> None:
        await self._search.some(f"project = {quoted(container)} AND ({query})", Asked(("updated",)), most=1)

    async def pull(
        self, container: str, query: str, *, fields: frozenset[str], sweep: bool
    ) -> AsyncIterator[tuple[Page, bool]]:
        """Before the listing: where the changes of the project stand, and what this account made."""
        del sweep  # every search shows everything
        head, rows = await self._feed.head(container), 0
        async for page in self._feed.pull(container, None, fields, more="creator = currentUser()"):
            yield replace(page, cursor=cursors.written(Cursor()), last=False, quiet=False, complete=False), False
        async for page in self._feed.pull(container, None, fields, more=f"({query})"):
            rows += len(page.records)
            if page.last and head.since is not None:
                reached = cursors.parsed(Cursor, page.cursor) or Cursor()
                text = cursors.written(structs.replace(head, skew=reached.skew, fields=reached.fields))
                yield replace(page, cursor=text, complete=page.complete or not rows), True
            else:
                yield page, True

    async def matching(self, container: str, query: str, records: Sequence[Record]) -> frozenset[str]:
        """One request for each fifty records: those which Cloud's search shows as they are, however late its index is."""
        ids = [record.ref.id for record in records]
        found: set[str] = set()
        for start in range(0, len(ids), RECONCILED):
            some = ids[start : start + RECONCILED]
            jql = f"project = {quoted(container)} AND id in ({', '.join(some)}) AND ({query})"
            rows = await self._search.some(jql, Asked(("updated",)), most=len(some), fresh=[int(each) for each in some])
            found.update(row.id for row in rows)
        return frozenset(found)
