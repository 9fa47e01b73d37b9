"""jira820, a fake of Jira Data Center 8.20 that others wrote, as a process of its own on a free port."""

from __future__ import annotations

import contextlib
import json
import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx

STATUSES = {
    "To Do": "todo",
    "In Progress": "inprogress",
    "In Review": "inprogress",
    "Done": "done",
    "Cancelled": "done",
}
IDS = ("10000", "3", "10001", "10002", "10003")
WAYS = {
    "To Do": ["In Progress", "Cancelled"],
    "In Progress": ["In Review", "To Do"],
    "In Review": ["Done", "In Progress"],
    "Done": ["To Do"],
    "Cancelled": ["To Do"],
}
"""The sandbox's own statuses and workflow. YAML takes JSON."""
SETTINGS = {
    "project_key": "APP",
    "statuses": [[name, category, id_] for (name, category), id_ in zip(STATUSES.items(), IDS, strict=True)],
    "transition_scheme": WAYS,
    "transition_screens": {"Done": ["resolution"], "Cancelled": ["worklog", "assignee"]},
    "modules": ["Web"],
    "epics_per_module": 0,
    "standalone_per_module": 0,
    "history_per_module": 0,
}


@contextlib.contextmanager
def running(folder: Path) -> Iterator[str]:
    """Its address, for the length of the block. The project APP is empty."""
    (folder / "jira820.yaml").write_text(json.dumps(SETTINGS), encoding="utf-8")
    with socket.create_server(("127.0.0.1", 0)) as line:
        port = line.getsockname()[1]
    clean = {name: value for name, value in os.environ.items() if not name.startswith("JIRA820_")}
    settings = {"JIRA820_HOST": "127.0.0.1", "JIRA820_PORT": str(port), "JIRA820_CONFIG": str(folder / "jira820.yaml")}
    said = folder / "jira820.log"
    with said.open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "jira820"], env={**clean, **settings, "TZ": "UTC"}, stdout=log, stderr=log
        )
        try:
            _wait(process, port, said)
            yield f"http://127.0.0.1:{port}"
        finally:
            process.kill()
            process.wait()


def _wait(process: subprocess.Popen[bytes], port: int, said: Path) -> None:
    end = time.monotonic() + 120
    while time.monotonic() < end:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(0.05)
                break
        else:
            return
    raise AssertionError(f"jira820 did not start:\n{said.read_text(encoding='utf-8')}")


class Completed(httpx.AsyncHTTPTransport):
    """The way from our connector to jira820, with what Jira knows and jira820 does not.

    Jira takes an issue's number wherever it takes its key; jira820 takes keys alone. Jira answers ``worklog/list`` with the
    entries that the account may see; jira820 has no such address, so there are none.
    """

    def __init__(self, address: str) -> None:
        super().__init__(limits=httpx.Limits(max_keepalive_connections=0))  # it hangs up after a 500
        self.address = address
        self.statuses: list[int] = []
        self._keys: dict[str, str] = {}

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        path = request.url.path
        if path.endswith("/worklog/list"):
            return httpx.Response(200, json=[], request=request)
        if number := re.match(r"/rest/api/2/issue/(\d+)", path):
            request.url = request.url.copy_with(path=path.replace(number[1], await self._key(number[1]), 1))
        elif path.endswith("/issueLink") and request.method == "POST":
            request = await self._with_keys(request)
        answer = await super().handle_async_request(request)
        self.statuses.append(answer.status_code)
        return answer

    async def _with_keys(self, request: httpx.Request) -> httpx.Request:
        body: dict[str, Any] = json.loads(request.content)
        for side in ("inwardIssue", "outwardIssue"):
            if "id" in body[side]:
                body[side] = {"key": await self._key(body[side]["id"])}
        return httpx.Request(request.method, request.url, json=body)

    async def _key(self, number: str) -> str:
        if number not in self._keys:
            asked = httpx.Request("GET", f"{self.address}/rest/api/2/search?maxResults=1000&fields=summary")
            answer = await super().handle_async_request(asked)
            self._keys = {row["id"]: row["key"] for row in json.loads(await answer.aread())["issues"]}
            await answer.aclose()
        return self._keys.get(number, number)
