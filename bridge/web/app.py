"""The daemon's web application: puts the route lists together. Pages, metrics and alerts add a list of their own here.

Refuses: to hold state and to know trackers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse
from starlette.routing import Route

from bridge.errors import BridgeError
from bridge.log import get
from bridge.version import __version__
from bridge.web import hooks

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Collection

    from starlette.requests import Request
    from starlette.responses import Response

_log = get(__name__)


def build(
    *,
    connections: Collection[str],
    deliver: hooks.Deliver,
    kick: Callable[[str], None],
    health: Callable[[], Awaitable[list[dict[str, Any]]]],
) -> Starlette:
    """The application. ``health`` reads each link's state from the store and raises StateError when it cannot."""
    return Starlette(
        routes=[*hooks.routes(connections, deliver, kick), *_health(health)],
        exception_handlers={HTTPException: _plain, Exception: _bug},
    )


def _health(health: Callable[[], Awaitable[list[dict[str, Any]]]]) -> list[Route]:
    async def healthz(_request: Request) -> Response:
        try:
            links = await health()
        except BridgeError as error:
            return JSONResponse({"status": "failing", "version": __version__, "reason": error.message}, 503)
        return JSONResponse({"status": "ok", "version": __version__, "links": links})

    return [Route("/healthz", healthz, methods=["GET"])]


async def _plain(_request: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 500
    headers = error.headers if isinstance(error, HTTPException) else None
    return JSONResponse({"status": "not here" if status == 404 else "not so"}, status, headers=headers)


async def _bug(_request: Request, error: Exception) -> Response:
    _log.error("bug.met", where="web", exc_info=error)
    return JSONResponse({"status": "error"}, 500)
