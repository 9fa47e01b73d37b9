"""The containers of a history: what they hold in the words of their tracker, and the people who edit them."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import unquote

import msgspec

MARKER = re.compile(r"\s*<!-- bridge:v1 (\S+) (\S+) -->\s*$")


async def ask(
    app: Any, method: str, target: bytes, headers: list[tuple[bytes, bytes]], body: bytes
) -> tuple[int, Any, Any]:
    """One request to an ASGI application: status, headers, body. Raises ConnectionResetError where it breaks off."""
    path, _, query = target.partition(b"?")
    scope = {
        "type": "http",
        "method": method,
        "path": unquote(path.decode()),
        "raw_path": path,
        "query_string": query,
        "headers": [(name.lower(), value) for name, value in headers],
        "scheme": "http",
        "server": ("127.0.0.1", 80),
    }
    status, answered, parts = 500, [], []
    inbox = [{"type": "http.request", "body": body, "more_body": False}]

    async def receive() -> Any:
        return inbox.pop() if inbox else {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        nonlocal status, answered
        if message["type"] == "http.response.start":
            status, answered = message["status"], list(message.get("headers", []))
        else:
            parts.append(message.get("body", b""))

    await app(scope, receive, send)
    return status, answered, b"".join(parts)


class Place:
    """A container: what it holds in the words of its tracker, and the people who edit it."""

    connection = ""

    def __init__(self, ground: Any, name: str, box: Any, container: str) -> None:
        self.ground, self.name, self.box, self.container = ground, name, box, container

    def everything(self) -> dict[str, Any]:
        return self.rows()

    def rows(self) -> dict[str, Any]:
        """The items that are there, by id."""
        raise AssertionError

    def key(self, item: str) -> str:
        return f"{self.connection} {self.container}#{item}"

    def ask(self, method: str, path: str, body: Any = None, *, who: str = "") -> Any:
        """What a person does in the tracker: no fault is in the way."""
        token = self.box.tokens()[who or self.person]
        headers = [(b"authorization", f"Bearer {token}".encode()), (b"content-type", b"application/json"),
                   (b"user-agent", b"person"), (b"host", b"tracker.example")]  # fmt: skip
        raw = b"" if body is None else msgspec.json.encode(body)
        status, _, content = self.ground.wait(ask(self.box.app, method, path.encode(), headers, raw))
        assert status < 300, (status, method, path, body, content)
        self.ground.look(bot=False)
        return msgspec.json.decode(content) if content else None


class Board(Place):
    """An Artala board. A single assignee is a set of one or none."""

    connection, person = "artala", "sam"
    AWAY = "e0000000-0000-4000-8000-00000000000a"

    def rows(self) -> dict[str, Any]:
        return {key: row for key, row in self.box.store.tasks.items() if row.board_id == self.container}

    def everything(self) -> dict[str, Any]:
        """With the tasks that are on another board for now."""
        return dict(self.box.store.tasks)

    def fields(self, row: Any) -> dict[str, Any]:
        store = self.box.store
        people = () if row.assignee_id is None else (store.members[row.assignee_id].email,)
        return {
            "title": row.title.strip(),
            "description": text(row.description),
            "status": row.status,
            "labels": frozenset(store.labels[one].name for one in row.labels),
            "people": frozenset(people),
        }

    def marker(self, row: Any) -> str | None:
        return f"{row.external_source} {row.external_id}" if row.external_id else None

    def create(self, **fields: Any) -> str:
        made = self.ask("POST", "/api/tasks", {"boardId": self.container, "title": fields.pop("title")})["id"]
        for name, value in fields.items():
            self.edit(made, name, value)
        return made

    def edit(self, item: str, name: str, value: Any) -> None:
        if name == "status":
            self.ask("PATCH", f"/api/tasks/{item}/status", {"newStatus": value})
        elif name == "labels":
            self.ask("PUT", f"/api/labels/task/{item}", {"labelIds": [self._label(one) for one in sorted(value)]})
        else:
            now = self.ask("GET", f"/api/tasks/{item}")
            names = ("title", "description", "assigneeId", "priority", "dueDate", "startDate", "coverColor", "effort")
            if name == "people":
                emails = {row.email: row.id for row in self.box.store.members.values()}
                change = {"assigneeId": next((emails[one] for one in value), None)}
            else:
                change = {name: value}
            self.ask("PUT", f"/api/tasks/{item}", {each: now.get(each) for each in names} | change)

    def _label(self, name: str) -> str:
        known = {row.name: row.id for row in self.box.store.labels.values()}
        return known.get(name) or self.ask("POST", "/api/labels", {"name": name}, who="owner")["id"]

    def delete(self, item: str) -> None:
        self.ask("DELETE", f"/api/tasks/{item}")

    def leave(self, item: str) -> None:
        self.ask("POST", f"/api/tasks/{item}/move-to-board", {"targetBoardId": self.AWAY})

    def come_back(self, item: str) -> None:
        self.ask("POST", f"/api/tasks/{item}/move-to-board", {"targetBoardId": self.container})


class Repo(Place):
    """A GitHub repository."""

    connection, person = "github", "alice"

    def rows(self) -> dict[str, Any]:
        repo = self.box.store.repo(self.container)
        return {str(number): row for number, row in repo.issues.items() if not row.gone}

    def fields(self, row: Any) -> dict[str, Any]:
        repo = self.box.store.repo(self.container)
        reason = row.state_reason if row.state == "closed" and row.state_reason != "completed" else None
        return {
            "title": row.title.strip(),
            "description": text(MARKER.sub("", row.body or "")),
            "status": f"closed:{reason}" if reason else row.state,
            "labels": frozenset(repo.labels[one].name for one in row.labels),
            "people": frozenset(row.assignees),
        }

    def marker(self, row: Any) -> str | None:
        found = MARKER.search(row.body or "")
        return f"{unquote(found[1])} {unquote(found[2])}" if found else None

    def create(self, **fields: Any) -> str:
        made = self.ask("POST", f"/repos/{self.container}/issues", {"title": fields.pop("title")})["number"]
        for name, value in fields.items():
            self.edit(str(made), name, value)
        return str(made)

    def edit(self, item: str, name: str, value: Any) -> None:
        path = f"/repos/{self.container}/issues/{item}"
        if name == "status":
            if value != "open" and self.rows()[item].state == "closed":
                self.ask("PATCH", path, {"state": "open"})
            state, _, reason = value.partition(":")
            self.ask("PATCH", path, {"state": state} | ({"state_reason": reason} if reason else {}))
        elif name == "description":
            kept = MARKER.search(self.rows()[item].body or "")
            self.ask("PATCH", path, {"body": (value or "") + (f"\n\n{kept[0].strip()}" if kept else "")})
        else:
            member = {"people": "assignees"}.get(name, name)
            self.ask("PATCH", path, {member: sorted(value) if name in ("labels", "people") else value})

    def delete(self, item: str) -> None:
        self.box.act({"do": "delete", "repo": self.container, "number": int(item)})
        self.ground.look(bot=False)


def text(value: str | None) -> str | None:
    """As the mapping compares it: line ends and white space at the end are the tracker's business."""
    return (value or "").replace("\r\n", "\n").strip("\n").rstrip() or None
