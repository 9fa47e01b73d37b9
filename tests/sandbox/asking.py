"""One plain request at a time, so that every header is the test's own."""

from __future__ import annotations

import http.client
import json
from dataclasses import dataclass
from typing import Any

from bridge.sandbox.server import Sandbox


@dataclass(frozen=True)
class Got:
    status: int
    headers: dict[str, str]
    body: Any


def ask(box: Sandbox, method: str, path: str, body: Any = None, **headers: str | None) -> Got:
    """One request on a connection of its own; header names with _ for -; None leaves a default header out."""
    given = {"user_agent": "sandbox-tests", "authorization": f"Bearer {box.token()}", "accept": "*/*"} | headers
    sent = {name.replace("_", "-"): value for name, value in given.items() if value is not None}
    data = body if isinstance(body, bytes) else None if body is None else json.dumps(body).encode()
    if data is not None:
        sent.setdefault("content-type", "application/json")
    connection = http.client.HTTPConnection("127.0.0.1", int(box.url.rsplit(":", 1)[1]), timeout=60)
    try:
        connection.request(method, path, data, sent)
        answer = connection.getresponse()
        raw = answer.read()
        found = {name.lower(): value for name, value in answer.getheaders()}
        return Got(answer.status, found, json.loads(raw) if raw else None)
    finally:
        connection.close()


@dataclass(frozen=True)
class Post:
    headers: dict[str, str]
    raw: bytes

    @property
    def body(self) -> Any:
        return json.loads(self.raw)
