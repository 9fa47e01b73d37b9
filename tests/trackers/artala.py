"""The people of an Artala workspace, who work in the sandbox over HTTP; what only the app can do to logged time they do there."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar, Self

from bridge.sandbox.artala_seed import BOARD
from bridge.sandbox.server import Sandbox
from connectors import markers

PRIORITIES = ("critical", "high", "medium", "low", "none")
HOUR_S = 3600


class People:
    """Alice, an Admin, and Bob, a Member, on the board Engineering."""

    TYPE = "artala"
    BRIDGE = "bridge@example.com"

    container = BOARD
    second_container = "e0000000-0000-4000-8000-000000000002"
    persons: ClassVar[dict[str, str]] = {"alice": "alice@example.com", "bob": "bob@example.com"}
    can = frozenset(
        {
            "task",
            "label",
            "comment",
            "edit-comment",
            "delete-comment",
            "time",
            "edit-time",
            "delete-time",
            "delete-task",
        }
        | {"labels", "assignee", "due", "start", "priority"}
    )

    def __init__(self, **settings: Any) -> None:
        self.box = Sandbox(self.TYPE, **settings)
        store = self.box.store
        store.boards[self.second_container] = type(store.boards[BOARD])(self.second_container, "Other", 0, 0)

    def __enter__(self) -> Self:
        self.box.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        self.box.__exit__()

    def connection(self, name: str, folder: Path) -> str:
        key = folder / f"{name}.token"
        key.write_text(self.box.token())
        key.chmod(0o600)
        return f"""
[connections.{name}]
type = "artala"
base_url = "{self.box.url}"
token_file = "{key}"
requests_per_minute = 0
index_lag_s = 0
sweep_every = 1
comments_every = 1
"""

    # --- tasks ----------------------------------------------------------------------------------------------------

    def create(self, title: str, **fields: Any) -> str:
        labels = fields.pop("labels", None)
        made = self._ask("POST", "tasks", {"boardId": self.container, **self._body({"title": title, **fields})})
        if labels:
            self.edit(made["id"], labels=labels)
        return str(made["id"])

    def edit(self, item: str, **fields: Any) -> None:
        if "labels" in fields:
            ids = [self._label(one) for one in sorted(fields.pop("labels"))]
            self._ask("PUT", f"labels/task/{item}", {"labelIds": ids})
        if fields:
            row = self._ask("GET", f"tasks/{item}")
            names = ("title", "description", "assigneeId", "priority", "dueDate", "startDate", "coverColor", "effort")
            self._ask("PUT", f"tasks/{item}", {name: row[name] for name in names} | self._body(fields))

    def close(self, item: str) -> None:
        self._ask("PATCH", f"tasks/{item}/status", {"newStatus": "Done"})

    def reopen(self, item: str) -> None:
        self._ask("PATCH", f"tasks/{item}/status", {"newStatus": "To Do"})

    def delete(self, item: str) -> None:
        self._ask("DELETE", f"tasks/{item}")

    def task(self, item: str) -> dict[str, Any]:
        return self._shown(self._ask("GET", f"tasks/{item}"))

    def tasks(self) -> dict[str, dict[str, Any]]:
        found, skip = {}, 0
        while True:
            rows = self._feed("Tasks", skip)
            found.update({row["Id"]: self.task(row["Id"]) for row in rows})
            skip += len(rows)
            if not rows:
                return found

    # --- comments and time ----------------------------------------------------------------------------------------

    def comment(self, item: str, text: str) -> str:
        return f"{item}/{self._ask('POST', 'comments', {'taskId': item, 'content': text})['id']}"

    def edit_comment(self, item: str, comment: str, text: str) -> None:
        _, marker = markers.split(self._comments(item)[comment]["content"])
        self._ask("PUT", f"comments/{comment.rpartition('/')[2]}", {"content": markers.join(text, marker)})

    def delete_comment(self, item: str, comment: str) -> None:
        self._ask("DELETE", f"comments/{comment.rpartition('/')[2]}")

    def comments(self, item: str) -> dict[str, dict[str, Any]]:
        found = {}
        for name, row in self._comments(item).items():
            text, marker = markers.split(row["content"])
            author = self.box.store.members[row["authorId"]].email
            found[name] = {"text": text, "author": author, "marker": _named(marker)}
        return found

    def log_time(self, item: str, seconds: int, on: str = "2026-11-20", note: str = "") -> str:
        body = {"taskId": item, "loggedDate": on, "hours": seconds / HOUR_S, "note": note or None}
        before = set(self.box.store.time)
        self._ask("POST", "timesheets", body)
        [entry] = set(self.box.store.time) - before
        return f"{item}/{entry}"

    def edit_time(self, entry: str, seconds: int | None = None, note: str | None = None, on: str | None = None) -> None:
        id_ = entry.rpartition("/")[2]
        changes: dict[str, Any] = {}
        if seconds is not None:
            changes["hours"] = seconds / HOUR_S
        if note is not None:
            changes["note"] = markers.join(note, markers.split(self.box.store.time[id_].note)[1], how="inline")
        if on is not None:
            changes["logged_on"] = on
        self.box.act("edit_time", entry=id_, **changes)

    def delete_time(self, entry: str) -> None:
        self.box.act("delete_time", entry=entry.rpartition("/")[2])

    def times(self) -> dict[str, dict[str, Any]]:
        found: dict[str, dict[str, Any]] = {}
        while rows := self._feed("TimeEntries", len(found)):
            for row in rows:
                note, marker = markers.split(row["Note"])
                found[f"{row['TaskId']}/{row['Id']}"] = {
                    "task": row["TaskId"],
                    "seconds": round(row["Hours"] * HOUR_S),
                    "on": row["LoggedDate"],
                    "note": note or "",
                    "person": self.box.store.members[row["UserId"]].email,
                    "marker": _named(marker),
                }
        return found

    # --- counters -------------------------------------------------------------------------------------------------

    def writes(self) -> int:
        return len(self.box.log)

    def requests(self) -> int:
        return self.box.counts.requests

    def _ask(self, method: str, path: str, body: Any = None) -> Any:
        status, said = self.box.call(method, f"/api/{path}", body, who="alice")
        assert status < 300, (method, path, status, said)
        return said

    def _feed(self, name: str, skip: int) -> list[dict[str, Any]]:
        query = f"%24filter=BoardId%20eq%20{self.container}&%24orderby=CreatedAt,Id&%24skip={skip}"
        status, said = self.box.call("GET", f"/odata/{name}?{query}", who="alice")
        assert status == 200, said
        return list(said["value"])

    def _comments(self, item: str) -> dict[str, dict[str, Any]]:
        found, left = {}, list(self._ask("GET", f"comments/task/{item}"))
        while left:
            row = left.pop(0)
            found[f"{item}/{row['id']}"] = row
            left += row["replies"]
        return found

    def _label(self, name: str) -> str:
        known = {row.name: row.id for row in self.box.store.labels.values()}
        return known.get(name) or str(self._ask("POST", "labels", {"name": name})["id"])

    def _body(self, fields: dict[str, Any]) -> dict[str, Any]:
        days = {"due_on": "dueDate", "start_on": "startDate"}
        body: dict[str, Any] = {}
        for name, value in fields.items():
            if name in ("title", "description"):
                body[name] = value
            elif name in days:
                body[days[name]] = None if value is None else f"{value}T00:00:00Z"
            elif name == "priority":
                body["priority"] = PRIORITIES.index(value)
            elif name == "assignee":
                people = {row.email: row.id for row in self.box.store.members.values()}
                body["assigneeId"] = None if value is None else people[value]
            else:
                raise AssertionError(f"no field {name}")
        return body

    def _shown(self, row: dict[str, Any]) -> dict[str, Any]:
        people = self.box.store.members
        source, number = row["externalSource"], row["externalId"]
        return {
            "title": row["title"],
            "description": row["description"],
            "is_closed": row["status"] == "Done",
            "labels": frozenset(one["name"] for one in row["labels"]),
            "assignee": people[row["assigneeId"]].email if row["assigneeId"] else None,
            "due_on": (row["dueDate"] or "")[:10] or None,
            "start_on": (row["startDate"] or "")[:10] or None,
            "estimate": None,
            "parent": None,
            "blocks": frozenset(),
            "marker": f"{source} {number}" if source else None,
            "status": row["status"],
            "priority": PRIORITIES[row["priority"]],
        }


def _named(marker: Any) -> str | None:
    return None if marker is None else f"{marker.source} {marker.id}"
