"""GitHub's list of issues by change, as a walk that loses nothing while people work.

Refuses: records and cursors (connectors.github_feed).

Pages by number count rows: an issue that is edited during the walk leaves its place, and the first row of the next page
would slip through. So each page starts at the time of the last row before (``since`` is inclusive). Only where a whole
page lies within one second, the grain of ``since``, the server's own next link is followed, and the second is read
again afterwards.

Lists without ``since`` (labels, milestones, comments of an issue) have no order that GitHub promises for good. Where one
page holds all, one request sees the list as it is. Where more pages are needed, all but the last are looked at once more
afterwards (304, which costs nothing of the limit, while they stand): a row can only have slipped through when an earlier
page has changed since. Guaranteed: a row that was there all the time is listed. Not guaranteed: that all rows were there
at one instant; and a row that left a page and came back to it between the two looks may hide another.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final, Generic, Protocol, TypeVar

from bridge.errors import RetryableError
from connectors.paginate import link_targets
from connectors.status import decode, shown

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Iterable, Mapping

    import msgspec

    from connectors.http import Http
    from connectors.status import Response

R = TypeVar("R")

_MOST_RESTARTS: Final = 5


class Dated(Protocol):
    """A row of a list that GitHub orders by change. ``number`` tells rows apart."""

    @property
    def number(self) -> int: ...

    @property
    def updated_at(self) -> datetime | None: ...


D = TypeVar("D", bound=Dated)


@dataclass(frozen=True, slots=True)
class Batch(Generic[D]):
    """One page of a walk: its ``rows`` (of issues, pull requests among them) less those that the page before had just the
    same. ``size`` counts the rows of the page itself.
    """

    response: Response
    rows: tuple[D, ...] = ()
    size: int = 0
    last: bool = True


class Walk(Generic[D]):
    """``path`` is the list; ``params`` is what each request says besides ``since``, oldest change first."""

    def __init__(
        self, http: Http, path: str, params: Mapping[str, str | int], decoder: msgspec.json.Decoder[list[D]]
    ) -> None:
        self._http = http
        self._path = path
        self._params = params
        self._decoder = decoder

    async def batches(self, since: str | None, etag: str | None) -> AsyncGenerator[Batch[D]]:
        """Every row that changed at ``since`` or later; one that changes on the way comes again at its new place.

        ``etag`` is for the first request. Raises: RetryableError when one second keeps moving.
        """
        response = await self._ask(since, etag)
        edge: dict[int, D] = {}
        second, read, restarts = None, set[int](), 0  # within which pages are counted, and what was read there
        while not response.is_not_modified:
            rows, onward = self._page(response)
            last = rows[-1].updated_at if rows else None
            if second is not None:
                read |= _changed_at(second, rows)
                if (onward is None or last != second) and not await self._holds(second, read):
                    restarts += 1
                    if restarts > _MOST_RESTARTS:
                        text = f"The rows updated at {_text(second)} move faster than they can be read."
                        raise RetryableError(text, hint="Bridge tries again.")
                    response, second, read = await self._ask(_text(second)), None, set()
                    continue
            fresh = tuple([row for row in rows if edge.get(row.number) != row])
            yield Batch(response, fresh, len(rows), last=onward is None)
            if onward is None:
                return
            if last is None:
                response = await self._http.request("GET", onward, follow=True)
                continue
            edge = {row.number: row for row in rows if row.updated_at == last}
            if rows[0].updated_at == last and second in (None, last):
                second, read = last, read | set(edge)
                response = await self._http.request("GET", onward, follow=True)
            else:
                response, second, read = await self._ask(_text(last)), None, set()
        yield Batch(response)

    async def _holds(self, second: datetime, read: set[int]) -> bool:
        """Whether all that was read of this second is still in it: a row can only have slipped through the pages when
        one that had been read before it has left since.
        """
        response = await self._ask(_text(second))
        missing = set(read)
        while True:
            rows, onward = self._page(response)
            missing -= _changed_at(second, rows)
            if not missing:
                return True
            if onward is None or not rows or rows[-1].updated_at != second:
                return False
            response = await self._http.request("GET", onward, follow=True)

    def _page(self, response: Response) -> tuple[list[D], str | None]:
        return decode(response, self._decoder), link_targets(response.headers.get("link", "")).get("next")

    async def _ask(self, since: str | None, etag: str | None = None) -> Response:
        params = self._params if since is None else {**self._params, "since": since}
        response = await self._http.request("GET", self._path, params=params, etag=etag, follow=True)
        self._path = response.url.partition("?")[0]  # where a redirect led
        return response


def _changed_at(second: datetime, rows: Iterable[Dated]) -> set[int]:
    return {row.number for row in rows if row.updated_at == second}


def _text(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


@dataclass(frozen=True, slots=True)
class Listed(Generic[R]):
    """A whole list. ``first`` is the answer to the first request; ``pages`` says how many there were."""

    first: Response
    rows: tuple[R, ...] = ()
    pages: int = 1


async def whole(
    http: Http,
    path: str,
    params: Mapping[str, str | int],
    *,
    decoder: msgspec.json.Decoder[list[R]],
    key: Callable[[R], Any],
    etag: str | None = None,
) -> Listed[R]:
    """All rows of a list without times; ``key`` tells rows apart. With ``etag`` the answer may be a 304 without rows.

    Raises: RetryableError when the list keeps moving.
    """
    for _ in range(_MOST_RESTARTS):
        response = await http.request("GET", path, params=params, etag=etag, follow=True)
        if response.is_not_modified:
            return Listed(response)
        pages = [(response, decode(response, decoder))]
        while (onward := link_targets(pages[-1][0].headers.get("link", "")).get("next")) is not None:
            response = await http.request("GET", onward, follow=True)
            pages.append((response, decode(response, decoder)))
        if all([await _stands(http, page, rows, decoder, key) for page, rows in pages[:-1]]):
            rows = {key(row): row for _, page in pages for row in page}
            return Listed(pages[0][0], tuple(rows.values()), len(pages))
        etag = None
    text = f"The rows of {shown(response.url)} move faster than they can be read."
    raise RetryableError(text, hint="Bridge tries again.")


async def _stands(
    http: Http, page: Response, rows: list[R], decoder: msgspec.json.Decoder[list[R]], key: Callable[[R], Any]
) -> bool:
    """Whether a page still has the rows that it had, whatever became of their members."""
    again = await http.request("GET", page.url, etag=page.etag, follow=True)
    return again.is_not_modified or [key(row) for row in decode(again, decoder)] == [key(row) for row in rows]
