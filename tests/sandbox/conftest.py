"""The sandboxes as the tests of this folder use them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from queue import Queue
from threading import Thread

import pytest
from sandbox.asking import Post

from bridge.sandbox.server import Sandbox


@pytest.fixture
def github() -> Iterator[Sandbox]:
    with Sandbox("github") as box:
        yield box


@pytest.fixture
def artala() -> Iterator[Sandbox]:
    with Sandbox("artala") as box:
        yield box


@pytest.fixture
def listener() -> Iterator[tuple[str, Callable[[], Post]]]:
    """An address that takes webhooks, and how to wait for the next one."""
    heard: Queue[Post] = Queue()

    class Ear(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            raw = self.rfile.read(int(self.headers["content-length"]))
            heard.put(Post({name.lower(): value for name, value in self.headers.items()}, raw))
            self.send_response(202)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with HTTPServer(("127.0.0.1", 0), Ear) as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/hook", lambda: heard.get(timeout=60)
        server.shutdown()
        thread.join()
