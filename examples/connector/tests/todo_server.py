"""Todos itself, in memory: a server on a free port for the length of a ``with`` block, with faults that can be planned."""

from __future__ import annotations

import json
import threading
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar, Self
from urllib.parse import parse_qsl, urlsplit

KEY = "key-of-bridge-0123456789"
EMPTY = {"notes": None, "state": "open", "tags": [], "due": None, "assignee": None, "ref": None}


@dataclass
class Todos:
    """One list. ``fault("status", status=503, times=1)`` answers so instead; ``lost_reply`` does it and says nothing."""

    list_id: str = "groceries"
    members: tuple[str, ...] = ("ann", "ben")
    rows: dict[int, dict[str, Any]] = field(default_factory=dict)
    deleted: set[int] = field(default_factory=set)
    faults: list[dict[str, Any]] = field(default_factory=list)
    requests: int = 0
    writes: int = 0

    def __enter__(self) -> Self:
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (Handler,), {"todos": self}))
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def fault(self, kind: str, *, method: str = "", status: int = 0, times: int = 1) -> None:
        self.faults.append({"kind": kind, "method": method, "status": status, "times": times})

    def take(self, method: str) -> dict[str, Any] | None:
        for fault in self.faults:
            if fault["times"] and fault["method"] in ("", method):
                fault["times"] -= 1
                return fault
        return None

    def make(self, **said: Any) -> dict[str, Any]:
        number = len(self.rows) + len(self.deleted) + 1
        self.rows[number] = {"number": number, **EMPTY, "revision": 0}
        return self.change(number, **said)

    def change(self, number: int, **said: Any) -> dict[str, Any]:
        row = self.rows[number]
        row.update(said, revision=row["revision"] + 1, updated=datetime.now(UTC).isoformat(timespec="seconds"))
        return row

    def remove(self, number: int) -> None:
        del self.rows[number]
        self.deleted.add(number)

    def answer(self, method: str, path: str, query: dict[str, str], body: dict[str, Any]) -> tuple[int, Any]:
        match path.strip("/").split("/"):
            case ["lists", self.list_id]:
                return 200, {"name": "Groceries", "members": self.members, "may_write": True}
            case ["lists", self.list_id, "todos"] if method == "POST":
                return 201, self.make(**body)
            case ["lists", self.list_id, "todos"]:
                return 200, {"todos": self._listed(query)[:100]}
            case ["lists", self.list_id, "todos", number] if int(number) in self.deleted:
                return 410, {"message": "This todo was deleted."}
            case ["lists", self.list_id, "todos", number] if int(number) in self.rows:
                return self._on_one(method, int(number), body)
        return 404, {"message": "There is nothing here."}

    def _listed(self, query: dict[str, str]) -> list[dict[str, Any]]:
        if "ref" in query:
            return [row for row in self.rows.values() if row["ref"] == query["ref"]]
        start = (query.get("since", ""), int(query.get("after", "0")))
        rows = sorted(self.rows.values(), key=lambda row: (row["updated"], row["number"]))
        return [row for row in rows if (row["updated"], row["number"]) > start]

    def _on_one(self, method: str, number: int, body: dict[str, Any]) -> tuple[int, Any]:
        if method == "DELETE":
            self.remove(number)
            return 204, None
        return 200, self.change(number, **body) if method == "PATCH" else self.rows[number]


class Handler(BaseHTTPRequestHandler):
    todos: ClassVar[Todos]
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        todos = self.todos
        todos.requests += 1
        said = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        fault = todos.take(self.command)
        if fault is not None and fault["kind"] == "status":
            return self._send(fault["status"], {"message": "Planned trouble."})
        if self.headers.get("Authorization") != f"Bearer {KEY}":
            return self._send(401, {"message": "Who are you?"})
        todos.writes += self.command != "GET"
        url = urlsplit(self.path)
        query = dict(parse_qsl(url.query, keep_blank_values=True))
        status, answer = todos.answer(self.command, url.path, query, json.loads(said or b"{}"))
        if fault is not None:
            self.close_connection = True
            return None
        return self._send(status, answer)

    do_POST = do_PATCH = do_DELETE = do_GET  # noqa: N815 -- as above

    def log_message(self, *_: object) -> None:
        """Nothing is printed."""

    def _send(self, status: int, answer: Any) -> None:
        content = b"" if answer is None else json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)
