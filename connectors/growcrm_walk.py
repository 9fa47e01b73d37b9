"""Lists of Grow CRM: pages by number until ``last_page``, and the cursors that tell whether anything changed.

Refuses: what the rows mean. A list can only be read whole: there is neither a filter nor an order by the time of a change.
Rows move from page to page while people work, so a walk counts what it got against ``meta.total`` and begins again when
that does not fit.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Generic, Protocol, TypeVar

import msgspec

from connectors.growcrm_wire import Id
from connectors.http import Http
from connectors.status import decode

_TRIES: Final = 3
FEW: Final = 200
"""Up to so many ids are kept in a cursor, so that the last row of a list can be missed as well: an empty list says nothing."""


class _HasId(Protocol):
    @property
    def id(self) -> Id: ...


Row = TypeVar("Row", bound=_HasId)


@dataclass(frozen=True, slots=True)
class Walk(Generic[Row]):
    """All rows of a list, each once. ``whole``: as many as the CRM says there are."""

    rows: tuple[Row, ...]
    whole: bool
    date: datetime | None = None


class Lists:
    """Lists of one connection."""

    def __init__(self, http: Http, page_size: int) -> None:
        self._http = http
        self._page_size = page_size

    async def page(
        self, path: str, query: Mapping[str, str], decoder: msgspec.json.Decoder[Any], *, page: int = 1
    ) -> Any:
        """One page. The size is always said: what the CRM takes otherwise is a setting of the CRM."""
        params: dict[str, str | int] = {**query, "limit": self._page_size, "page": page}
        return decode(await self._http.request("GET", path, params=params, follow=True), decoder)

    async def walk(
        self, path: str, query: Mapping[str, str], decoder: msgspec.json.Decoder[Any], *, first: Any = None
    ) -> Walk[Any]:
        """Every page. ``first`` is the first one when it is in hand already."""
        found: dict[str, Any] = {}
        for _ in range(_TRIES):
            at, found = 1, {}
            page = first if first is not None else await self.page(path, query, decoder)
            first = None
            while True:
                found.update((str(row.id), row) for row in page.data)
                if page.meta.current_page >= page.meta.last_page or not page.data:
                    break
                at += 1
                page = await self.page(path, query, decoder, page=at)
            if page.meta.total is None or page.meta.total == len(found):
                return Walk(tuple(found.values()), whole=True)
        return Walk(tuple(found.values()), whole=False)


class TaskCursor(msgspec.Struct, frozen=True, omit_defaults=True):
    """Digests of the active rows, of their ids up to ``top`` (the newest then), and of the archived rows; ``few`` ids."""

    v: int = 1
    active: str = ""
    ids: str = ""
    top: int = 0
    archived: str = ""
    few: tuple[int, ...] = ()


class TimeCursor(msgspec.Struct, frozen=True, omit_defaults=True):
    """Digests of the newest page and of all entries; ``few`` ids."""

    v: int = 1
    head: str = ""
    entries: str = ""
    few: tuple[int, ...] = ()


class CommentCursor(msgspec.Struct, frozen=True, omit_defaults=True):
    """By task what its comments were, as a digest, and their ids; and the task that was read last: in turn, or (``full``) by
    a first listing.
    """

    v: int = 1
    tasks: dict[str, tuple[str, tuple[int, ...]]] = {}
    after: int = 0
    full: bool = False


def few(ids: Collection[int]) -> tuple[int, ...]:
    """The ids for a cursor, if there are not too many."""
    return tuple(sorted(ids)) if len(ids) <= FEW else ()
