"""Takes in webhooks: size, signature, durable store, answer; the run that follows reads the item itself (S32).

Refuses: to understand a tracker (``Bridge.deliver`` does, through the connector) and to do the work while the sender waits.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import TYPE_CHECKING, Final, Protocol

from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from bridge.errors import BridgeError, SignatureError
from bridge.log import get

if TYPE_CHECKING:
    from starlette.requests import Request

MAX_BODY: Final = 25 * 1024 * 1024
"""Bytes. GitHub sends nothing larger. Source: GitHub, "Webhook events and payloads"."""

_log = get(__name__)


class Outcome(Protocol):
    """What became of a delivery: ``links`` have something to do; ``duplicate`` was stored before."""

    @property
    def duplicate(self) -> bool: ...

    @property
    def links(self) -> Collection[str]: ...


class Deliver(Protocol):
    """Verify on the raw body and store unique. Raises SignatureError, StateError."""

    async def __call__(self, connection: str, headers: Mapping[str, str], body: bytes) -> Outcome: ...


def routes(connections: Collection[str], deliver: Deliver, kick: Callable[[str], None]) -> list[Route]:
    """``POST /webhooks/{connection}`` for the configured connections."""

    async def receive(request: Request) -> Response:
        name = request.path_params["connection"]
        if name not in connections:
            return _refuse(404, name[:80], "no connection of this name is configured")
        body = await _body(request)
        if body is None:
            return _refuse(413, name, f"the body is larger than {MAX_BODY} bytes")
        try:
            outcome = await deliver(name, {key.lower(): value for key, value in request.headers.items()}, body)
        except SignatureError as error:
            return _refuse(401, name, error.message)
        except BridgeError as error:  # the database is locked, the disk is full: nothing is stored, so say so
            _log.error("webhook.deferred", connection=name, reason=error.message, hint=error.hint)
            return JSONResponse({"status": "try again"}, 503, headers={"Retry-After": "10"})
        if outcome.duplicate:
            _log.info("webhook.duplicated", connection=name)
            return JSONResponse({"status": "duplicate"}, 202)
        for link in outcome.links:
            kick(link)
        _log.info("webhook.accepted", connection=name, links=sorted(outcome.links))
        return JSONResponse({"status": "accepted"}, 202)

    return [Route("/webhooks/{connection}", receive, methods=["POST"])]


def _refuse(status: int, connection: str, reason: str) -> Response:
    """One warning; the sender learns no more than the status."""
    _log.warning("webhook.refused", connection=connection, status=status, reason=reason)
    return JSONResponse({"status": "refused"}, status)


async def _body(request: Request) -> bytes | None:
    """The raw body, or None as soon as it is too large. A length that lies is cut off the same way."""
    declared = request.headers.get("content-length", "")
    if declared.isdigit() and int(declared) > MAX_BODY:
        return None
    chunks: list[bytes] = []
    size = 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > MAX_BODY:
            return None
        chunks.append(chunk)
    return b"".join(chunks)
