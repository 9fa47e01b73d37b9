"""The three ways in which trackers cut a list into pages, as async generators of ``Response``.

Refuses: decoding, and deciding when a page means that there is nothing more, except where the protocol says so.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping

    from connectors.http import Http
    from connectors.status import Response

_LINK: Final = re.compile(r"<([^>]*)>((?:\s*;\s*[\w!#$&+.^`|~*-]+\s*=\s*(?:\"[^\"]*\"|[^\s;,]*))*)")
_REL: Final = re.compile(r";\s*rel\s*=\s*(?:\"([^\"]*)\"|([^\s;,]*))", re.IGNORECASE)


def link_targets(header: str) -> dict[str, str]:
    """The targets of a Link header by relation type (RFC 8288 §3); the first one of a type counts."""
    found: dict[str, str] = {}
    for target, params in _LINK.findall(header):
        if rel := _REL.search(params):
            for name in (rel[1] or rel[2]).lower().split():
                found.setdefault(name, target)
    return found


async def by_link(
    http: Http,
    path: str,
    *,
    params: Mapping[str, str | int] | None = None,
    etag: str | None = None,
) -> AsyncIterator[Response]:
    """Follow ``Link: rel="next"`` word for word, on the same host only; redirects are followed.

    ``etag`` belongs to the first page: when it still holds, that page is a 304 and the only one.
    """
    response = await http.request("GET", path, params=params, etag=etag, follow=True)
    while True:
        following = link_targets(response.headers.get("link", "")).get("next")
        yield response
        if following is None:
            return
        response = await http.request("GET", following, follow=True)


async def by_page(
    http: Http,
    path: str,
    *,
    params: Mapping[str, str | int],
    is_last: Callable[[Response], bool],
    name: str = "page",
    start: int = 1,
    step: int = 1,
) -> AsyncIterator[Response]:
    """Ask for ``name`` = start, start + step, … until ``is_last`` says of an answer that it was the last.

    For offsets give the page size as ``step``. Safe only for lists that do not shift while they are read.
    """
    position = start
    while True:
        response = await http.request("GET", path, params={**params, name: position}, follow=True)
        yield response
        if is_last(response):
            return
        position += step


async def by_cursor(
    http: Http,
    path: str,
    *,
    params: Mapping[str, str | int],
    following: Callable[[Response], Mapping[str, str | int] | str | None],
) -> AsyncIterator[Response]:
    """Ask again with what ``following`` finds in an answer: parameters to lay over ``params``, or a URL on the same
    host to take word for word; None ends the walk.
    """
    response = await http.request("GET", path, params=params, follow=True)
    while True:
        onward = following(response)
        yield response
        if onward is None:
            return
        if isinstance(onward, str):
            response = await http.request("GET", onward, follow=True)
        else:
            response = await http.request("GET", path, params={**params, **onward}, follow=True)
