"""What stands before a real server in tests: it counts the requests of Bridge, and can lose an answer or hold one back.

People talk to the server itself, so what is counted here is Bridge's own.
"""

from __future__ import annotations

import http.client
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self
from urllib.parse import urlsplit

READS = frozenset({"GET", "HEAD"})
HOP = frozenset({"connection", "keep-alive", "transfer-encoding", "content-length", "host"})
HELD_AT_MOST_S = 60.0
TOTAL = {"requests": 0}
"""Of all proxies of the process."""


@dataclass(frozen=True)
class Answer:
    """What a server said."""

    status: int
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""


@dataclass
class Fault:
    """``lost_reply`` is carried out and not answered, ``status`` is answered and not carried out, ``hold`` waits before
    the server sees it, ``hold_reply`` after. The first ``after`` requests that fit go through; ``times`` -1 is for ever.
    """

    kind: str
    method: str = ""
    status: int = 0
    after: int = 0
    times: int = 1

    def hits(self, method: str) -> bool:
        writes = self.method == "WRITE" and method not in READS
        if self.times == 0 or not (not self.method or writes or self.method == method):
            return False
        if self.after > 0:
            self.after -= 1
            return False
        self.times -= 1
        return True


@dataclass
class Counts:
    requests: int = 0
    lines: list[str] = field(default_factory=list)

    def writes(self) -> list[str]:
        return [line for line in self.lines if line.split()[0] not in READS]


Special = Callable[[str, str, Mapping[str, str]], Answer | None]
"""Answers a GET itself: method, path with query, headers."""


class Proxy:
    """A free loopback port in front of ``target``, for the length of a ``with`` block."""

    def __init__(self, target: str, special: Special | None = None) -> None:
        parts = urlsplit(target)
        assert parts.hostname is not None
        assert parts.port is not None
        self.host, self.port = parts.hostname, parts.port
        self.special = special
        self.counts = Counts()
        self.faults: list[Fault] = []
        self.is_held, self.let_go = threading.Event(), threading.Event()
        self._lock = threading.Lock()
        proxy = self

        class Handler(_Handler):
            owner = proxy

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = False
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05})

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.let_go.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def fault(self, kind: str, **options: Any) -> Fault:
        self.faults.append(Fault(kind, **options))
        return self.faults[-1]

    def hold(self) -> None:
        """Tell who waits for it that the request is here, and keep it until ``let_go``."""
        self.is_held.set()
        self.let_go.wait(HELD_AT_MOST_S)

    def begin(self, method: str, path: str) -> Fault | None:
        with self._lock:
            self.counts.requests += 1
            TOTAL["requests"] += 1
            self.counts.lines.append(f"{method} {path}")
            return next((each for each in self.faults if each.hits(method)), None)

    def forward(self, method: str, path: str, headers: Mapping[str, str], body: bytes | None = None) -> Answer:
        line = http.client.HTTPConnection(self.host, self.port, timeout=60)
        try:
            line.request(method, path, body, dict(headers))
            said = line.getresponse()
            return Answer(said.status, tuple(said.getheaders()), said.read())
        finally:
            line.close()


class _Handler(BaseHTTPRequestHandler):
    """HTTP/1.0: one request a connection, so that no thread waits for a second one."""

    owner: Proxy

    def answer(self) -> None:
        size = int(self.headers.get("content-length") or 0)
        body = self.rfile.read(size) if size else None
        fault = self.owner.begin(self.command, self.path)
        if fault is not None and fault.kind == "status":
            self.say(Answer(fault.status))
            return
        if fault is not None and fault.kind == "hold":
            self.owner.hold()
            return
        said = self.owner.special(self.command, self.path, self.kept()) if self.owner.special else None
        if said is None:
            said = self.owner.forward(self.command, self.path, self.kept(), body)
        if fault is not None and fault.kind == "hold_reply":
            self.owner.hold()
        if fault is None:
            with suppress(ConnectionError):  # whoever asked was killed
                self.say(said)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = answer  # noqa: N815 — http.server's names

    def kept(self) -> dict[str, str]:
        """The Host stays the server's own name for itself: as behind any proxy, links in answers lead to ours."""
        here = {name: value for name, value in self.headers.items() if name.lower() not in HOP}
        return {**here, "Host": self.headers["host"]}

    def say(self, said: Answer) -> None:
        self.send_response_only(said.status)
        for name, value in said.headers:
            if name.lower() not in HOP:
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(said.body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(said.body)

    def log_message(self, *_: Any) -> None:
        return
