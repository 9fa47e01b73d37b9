"""A real Redmine for tests: started by ``redmine.sh`` where the machine allows it."""

from __future__ import annotations

import json
import secrets
import socket
import subprocess
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

SCRIPT = Path(__file__).with_name("redmine.sh")
CANNOT = 75


class Absent(Exception):
    """This machine cannot run it; the text says why in one line."""


@dataclass(frozen=True)
class Real:
    """A Redmine that answers: ``admin_key`` of an administrator, ``member_key`` of a Developer of ``project``, and the
    file of its own ``database`` (SQLite), to look into.
    """

    url: str
    admin_key: str
    member_key: str
    database: str
    project: str

    def ask(
        self, method: str, path: str, body: Any = None, *, key: str | None = None, **headers: str
    ) -> tuple[int, Any]:
        """One request, as the administrator unless another ``key`` is named; status and JSON."""
        return ask(self.url + path, method, body, key=self.admin_key if key is None else key, **headers)

    def fresh_project(self) -> str:
        """A new private project, of which the member is a Developer; its identifier."""
        name = f"bridge-{secrets.token_hex(5)}"
        project = {"name": name, "identifier": name, "is_public": False}
        status, answer = self.ask("POST", "/projects.json", {"project": project})
        assert status == 201, answer
        _, roles = self.ask("GET", "/roles.json")
        role = next(row["id"] for row in roles["roles"] if row["name"] == "Developer")
        _, me = self.ask("GET", "/users/current.json", key=self.member_key)
        membership = {"user_id": me["user"]["id"], "role_ids": [role]}
        status, answer = self.ask("POST", f"/projects/{name}/memberships.json", {"membership": membership})
        assert status == 201, answer
        return name


def ask(url: str, method: str, body: Any = None, *, key: str = "", **headers: str) -> tuple[int, Any]:
    """One request of JSON, or of bytes as they are; errors are answers."""
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    if key:
        sent["X-Redmine-API-Key"] = key
    data = body if isinstance(body, bytes) else None if body is None else json.dumps(body).encode()
    if data is not None:
        sent.setdefault("content-type", "application/json")
    request = urllib.request.Request(url, data=data, headers=sent, method=method)
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            status, raw = answer.status, answer.read()
    except urllib.error.HTTPError as error:
        with error:
            status, raw = error.code, error.read()
    is_json = raw.lstrip()[:1] in (b"{", b"[")
    return status, json.loads(raw) if is_json else raw.decode(errors="replace") or None


@contextmanager
def running(folder: Path) -> Iterator[Real]:
    """Install, seed and start it, and end it afterwards. ``folder`` keeps its logs and must be open to all users.

    Raises: Absent where that cannot be; ``subprocess.CalledProcessError`` when it fails.
    """
    with socket.socket() as line:
        line.bind(("127.0.0.1", 0))
        port = line.getsockname()[1]
    env = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "REDMINE_PORT": str(port)}
    env["REDMINE_FOLDER"] = str(folder)
    try:
        done = subprocess.run([SCRIPT], env=env, capture_output=True, text=True, timeout=600, check=False)
        if done.returncode == CANNOT:
            raise Absent(done.stderr.strip().splitlines()[-1])
        done.check_returncode()
        said = dict(line.split("=", 1) for line in done.stdout.splitlines())
        yield Real(**said)
    finally:
        subprocess.run([SCRIPT, "stop"], env=env, check=False, timeout=60)
