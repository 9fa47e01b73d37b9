"""The shell around a tracker: counts requests, plays faults, serves the control endpoints, sends the answer."""

from __future__ import annotations

import asyncio
import socket
import struct
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

import msgspec
from starlette.requests import ClientDisconnect, Request

from bridge.sandbox.clock import http_date
from bridge.sandbox.control import control_app
from bridge.sandbox.exchange import Ask, Refused, Reply
from bridge.sandbox.faults import INSTEAD

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from bridge.sandbox.exchange import Handler, Tracker
    from bridge.sandbox.faults import Fault


class Held:
    """The requests that wait for a release; made anew by each release."""

    def __init__(self) -> None:
        self.gate = asyncio.Event()
        self.waiting = 0

    async def wait(self) -> None:
        self.waiting += 1
        try:
            await self.gate.wait()
        finally:
            self.waiting -= 1

    def release(self) -> None:
        self.gate.set()
        self.gate = asyncio.Event()


class Frame:
    """ASGI application: the tracker below ``/``, the controls below ``/_sandbox``.

    ``wrap`` puts a test's middleware around the tracker, inside the faults: it sees each request that is handled.
    """

    def __init__(self, tracker: Tracker, wrap: Callable[[ASGIApp], ASGIApp] | None = None) -> None:
        self.tracker = tracker
        self.held = Held()
        self._inner = tracker.app if wrap is None else wrap(tracker.app)
        self._control = control_app(tracker, self.held)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        path: str = scope["path"]
        if path.startswith("/_sandbox/"):
            await self._control(scope, receive, send)
            return
        abort = _abort_of(send)
        notes: dict[str, str] = {}
        scope["sandbox.notes"] = notes
        faults = self.tracker.faults.take(scope["method"], path)
        if "reset" in faults:
            await _drop(receive, abort, how="reset")
            return
        if "hold" in faults:
            await self.held.wait()
        if "meanwhile" in faults:
            await self._meanwhile(scope, faults["meanwhile"].deed or {})
        if "delay" in faults:
            await asyncio.sleep(faults["delay"].seconds)
        try:
            reply = await self._answer(scope, receive, faults)
        except ClientDisconnect:  # it died while it was still sending: nothing was asked
            return
        self.tracker.journal.request(scope["method"], notes.get("route", path), reply.status)
        reply = await self._afterwards(reply, faults)
        if "lost_reply" in faults:
            await _drop(receive, abort, how="abort")
            return
        await self._send(scope, receive, send, reply, half="cut_body" in faults)

    async def _answer(self, scope: Scope, receive: Receive, faults: dict[str, Fault]) -> Reply:
        for kind in INSTEAD:
            if kind in faults:
                ask = await ask_of(Request(scope, receive))
                return self.tracker.refuse(faults[kind], ask)
        scope["sandbox.faults"] = faults
        return await _collect(self._inner, scope, receive)

    async def _meanwhile(self, scope: Scope, deed: dict[str, Any]) -> None:
        """What another does between two of the client's requests.

        Raises: ValueError when it is refused.
        """
        if "act" in deed:
            self.tracker.act(dict(deed["act"]))
            return
        path, _, query = deed["path"].partition("?")
        token = self.tracker.tokens()[deed["who"]]
        headers = {"authorization": f"Bearer {token}", "user-agent": "bridge-sandbox-person"} | JSON
        own = {
            "method": deed["method"],
            "path": path,
            "raw_path": path.encode(),
            "query_string": query.encode(),
            "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
            "sandbox.faults": {},
            "sandbox.notes": {},
        }
        body = msgspec.json.encode(deed["body"]) if deed.get("body") is not None else b""

        async def told() -> Message:
            return {"type": "http.request", "body": body, "more_body": False}

        reply = await _collect(self._inner, {**scope, **own}, told)
        if reply.status >= 400:
            raise ValueError(f"the deed was refused: {reply.status} {reply.payload()!r}")

    async def _afterwards(self, reply: Reply, faults: dict[str, Fault]) -> Reply:
        if "accepted_delay" in faults:
            await asyncio.sleep(faults["accepted_delay"].seconds)
        if "hold_reply" in faults:
            await self.held.wait()
        if "cut_json" in faults:
            whole = reply.payload()
            reply.content = whole[: len(whole) // 2]
        if "accepted_error" in faults and reply.status < 400:
            status = faults["accepted_error"].status or 500
            return Reply(status, {"message": faults["accepted_error"].message or "Server Error"}, dict(JSON))
        return reply

    async def _send(self, scope: Scope, receive: Receive, send: Send, reply: Reply, *, half: bool) -> None:
        body = reply.payload()
        headers = {"date": http_date(self.tracker.clock.now())} | reply.headers
        if reply.status not in (204, 304):
            headers["content-length"] = str(len(body))
        raw = [(name.lower().encode(), value.encode("latin-1")) for name, value in headers.items()]
        await send({"type": "http.response.start", "status": reply.status, "headers": raw})
        if half and body:
            await send({"type": "http.response.body", "body": body[: len(body) // 2], "more_body": True})
            await _drop(receive, _abort_of(send), how="close")
            return
        bodiless = reply.status in (204, 304) or scope["method"] == "HEAD"
        await send({"type": "http.response.body", "body": b"" if bodiless else body})


JSON = {"content-type": "application/json; charset=utf-8"}


async def ask_of(request: Request) -> Ask:
    """Read the request to its end."""
    scope = request.scope
    raw_query = scope["query_string"].decode("latin-1")
    host = request.headers.get("host", "127.0.0.1")
    return Ask(
        method=scope["method"],
        path=scope["path"],
        params=dict(scope.get("path_params", {})),
        query=dict(parse_qsl(raw_query, keep_blank_values=True)),
        headers=request.headers,
        raw=await request.body(),
        base=f"{scope.get('scheme', 'http')}://{host}",
        raw_query=raw_query,
        faults=scope.get("sandbox.faults", {}),
    )


class Endpoint:
    """An ASGI endpoint out of a handler: ``guard`` may refuse before it, ``finish`` completes each answer."""

    def __init__(
        self,
        tracker: Any,
        handler: Handler,
        route: str,
        *,
        guard: Callable[[Any, Ask], None],
        finish: Callable[[Any, Ask, Reply], Reply],
    ) -> None:
        self.tracker, self.handler, self.route = tracker, handler, route
        self.guard, self.finish = guard, finish

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        scope.setdefault("sandbox.notes", {})["route"] = self.route
        ask = await ask_of(Request(scope, receive))
        try:
            self.guard(self.tracker, ask)
            reply = self.handler(self.tracker, ask)
        except Refused as refused:
            reply = refused.reply
        await emit(send, self.finish(self.tracker, ask, reply))


async def emit(send: Send, reply: Reply) -> None:
    headers = (dict(JSON) if reply.content is not None else {}) | reply.headers
    raw = [(name.lower().encode(), value.encode("latin-1")) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": reply.status, "headers": raw})
    await send({"type": "http.response.body", "body": reply.payload()})


async def _collect(app: ASGIApp, scope: Scope, receive: Receive) -> Reply:
    reply = Reply(500)
    parts: list[bytes] = []

    async def keep(message: Message) -> None:
        if message["type"] == "http.response.start":
            reply.status = message["status"]
            reply.headers = {
                name.decode("latin-1"): value.decode("latin-1") for name, value in message.get("headers", [])
            }
        else:
            parts.append(message.get("body", b""))

    await app(scope, receive, keep)
    reply.content = b"".join(parts)
    return reply


def _abort_of(send: Any) -> Any:
    """The connection under an uvicorn ``send``; None elsewhere (an in-process client)."""
    return getattr(getattr(send, "__self__", None), "transport", None)


async def _drop(receive: Receive, transport: Any, *, how: str) -> None:
    """End the connection: ``reset`` it, ``abort`` it (what is unsent is lost), or ``close`` it after what is sent.

    Raises: ConnectionResetError where there is no connection to close.
    """
    if transport is None:
        raise ConnectionResetError("the sandbox closed the connection without an answer")
    if how == "reset":
        line = transport.get_extra_info("socket")
        line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    if how == "close":
        transport.close()
    else:
        transport.abort()
    while (await receive())["type"] != "http.disconnect":
        pass


def decode(raw: bytes) -> Any:
    """JSON of a request body; an empty body is None.

    Raises: ValueError when it is not JSON.
    """
    if not raw.strip():
        return None
    try:
        return msgspec.json.decode(raw)
    except msgspec.DecodeError as error:
        raise ValueError(str(error)) from error
