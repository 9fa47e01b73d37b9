"""Lists that are cut into pages by Link headers (RFC 8288), as async generators of ``Response``.

Refuses: decoding a page.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

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
