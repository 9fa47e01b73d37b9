"""The people of a TimeTracker: what they do there through its API, each with a token of their own."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, Self
from zoneinfo import ZoneInfo

from bridge.sandbox.server import Sandbox

TYPE = "timetracker"
BRIDGE = "bridge"
MARK = "bridge:v1:"
CLOCK = ZoneInfo("Europe/Rome")


def _marker(tags: list[str]) -> str | None:
    """What the connector's tag says: ``bridge:v1:SOURCE:ID`` with ``=XX`` for bytes that a tag cannot hold."""
    for tag in tags:
        if tag.startswith(MARK):
            return " ".join(_plain(part) for part in tag.removeprefix(MARK).split(":"))
    return None


def _plain(part: str) -> str:
    from quopri import decodestring

    return decodestring(part.encode()).decode()


class People:
    """Ann and Bob of Acme, who work on the project 1. Ann does what the verbs say."""

    TYPE = TYPE
    BRIDGE = BRIDGE
    container = "1"
    second_container: str | None = "2"
    persons = {"ann": "ann@example.com", "bob": "bob@example.com"}  # noqa: RUF012 — read only
    can = frozenset(
        {"task", "comment", "edit-comment", "delete-comment", "time", "edit-time", "move-time", "delete-time"}
        | {"delete-task", "labels", "due", "estimate", "priority"}
    )

    def __init__(self, **settings: Any) -> None:
        self.box = Sandbox(TYPE, **{"per_minute": 0, "per_hour": 0, **settings})

    def __enter__(self) -> Self:
        self.box.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        self.box.__exit__()

    def connection(self, name: str, folder: Any) -> str:
        for what, text in (("token", self.box.token(BRIDGE)), ("hook", "a secret of the webhooks")):
            (folder / f"{name}.{what}").write_text(text)
            (folder / f"{name}.{what}").chmod(0o600)
        return "\n".join(
            (
                f"[connections.{name}]",
                f'type = "{TYPE}"',
                f'base_url = "{self.box.url}"',
                f'token_file = "{folder}/{name}.token"',
                f'webhook_secret_file = "{folder}/{name}.hook"',
                "requests_per_minute = 0",
                "index_lag_s = 0",
                "",
            )
        )

    def _call(self, method: str, path: str, body: Any = None, *, expect: int = 200) -> Any:
        status, answer = self.box.call(method, f"/api/v1/{path}", body, who="ann")
        assert status == expect, (method, path, status, answer)
        return answer

    # --- tasks

    def create(self, title: str, **fields: Any) -> str:
        body = _wire(fields) | {"name": title, "project_id": int(self.container)}
        if fields.get("assignee"):
            body["assignee_id"] = self._user(fields["assignee"])
        return str(self._call("POST", "tasks", body, expect=201)["task"]["id"])

    def edit(self, item: str, **fields: Any) -> None:
        body = _wire(fields)
        if "labels" in fields:
            ours = [tag for tag in self._task(item)["tag_list"] if tag.startswith(MARK)]
            body["tags"] = ",".join([*sorted(fields["labels"]), *ours])
        self._call("PATCH", f"tasks/{item}", body)

    def close(self, item: str) -> None:
        self._call("PATCH", f"tasks/{item}", {"status": "done"})

    def reopen(self, item: str) -> None:
        self._call("PATCH", f"tasks/{item}", {"status": "todo"})

    def delete(self, item: str) -> None:
        self._call("DELETE", f"tasks/{item}")

    def _task(self, item: str) -> dict[str, Any]:
        return self._call("GET", f"tasks/{item}")["task"]

    def task(self, item: str) -> dict[str, Any]:
        return self._seen(self._task(item))

    def tasks(self) -> dict[str, dict[str, Any]]:
        rows = self._call("GET", f"tasks?project_id={self.container}&per_page=1000")["tasks"]
        return {str(row["id"]): self._seen(row) for row in rows}

    def _seen(self, row: dict[str, Any]) -> dict[str, Any]:
        hours = row["estimated_hours"]
        who = next((one.email for one in self.box.store.users.values() if one.id == row["assigned_to"]), None)
        return {
            "title": row["name"],
            "description": row["description"],
            "is_closed": row["status"] in ("done", "cancelled"),
            "status": row["status"],
            "priority": row["priority"],
            "labels": frozenset(tag for tag in row["tag_list"] if not tag.startswith(MARK)),
            "assignee": who,
            "due_on": row["due_date"],
            "start_on": None,
            "estimate": None if hours is None else round(hours * 3600),
            "parent": None,
            "blocks": frozenset(),
            "marker": _marker(row["tag_list"]),
        }

    def _user(self, email: str) -> int:
        return next(one.id for one in self.box.store.users.values() if one.email == email)

    # --- comments

    def comment(self, item: str, text: str) -> str:
        made = self._call("POST", "comments", {"task_id": int(item), "content": text}, expect=201)["comment"]
        return f"{item}/{made['id']}"

    def edit_comment(self, item: str, comment: str, text: str) -> None:
        row = next(one for one in self._comments(item) if f"{item}/{one['id']}" == comment)
        _, mark = _marked(row["content"])
        content = f"{text}\n\n{mark}" if mark else text
        status, answer = self.box.call("PUT", f"/api/v1/comments/{row['id']}", {"content": content}, who="owner")
        assert status == 200, answer

    def delete_comment(self, item: str, comment: str) -> None:
        del item
        status, answer = self.box.call("DELETE", f"/api/v1/comments/{comment.partition('/')[2]}", who="owner")
        assert status == 200, answer

    def _comments(self, item: str) -> list[dict[str, Any]]:
        return self._call("GET", f"comments?task_id={item}")["comments"]

    def comments(self, item: str) -> dict[str, dict[str, Any]]:
        found = {}
        for row in self._comments(item):
            text, mark = _marked(row["content"])
            marker = " ".join(map(_unquoted, mark[1:-1].split(" ")[1:])) if mark else None
            found[f"{item}/{row['id']}"] = {
                "text": text.replace("@\u2060", "@"),
                "author": f"{row['author']}@example.com",
                "marker": marker,
            }
        return found

    # --- time

    def log_time(self, item: str, seconds: int, on: str = "2026-11-20", note: str = "") -> str:
        """By the timer page: Ann starts where her day has room, and says which task it was."""
        start = datetime.fromisoformat(f"{on}T08:00:00")
        while True:
            times = {"start_time": start.isoformat(), "end_time": (start + timedelta(seconds=seconds)).isoformat()}
            body = {"project_id": int(self.container), "notes": note, **times}
            status, made = self.box.call("POST", "/api/v1/time-entries", body, who="ann")
            if status == 201:
                break
            assert "overlaps" in made["message"], made
            start += timedelta(minutes=15)
        entry = str(made["time_entry"]["id"])
        self._call("PATCH", f"time-entries/{entry}", {"task_id": int(item)})
        return entry

    def edit_time(
        self,
        entry: str,
        seconds: int | None = None,
        note: str | None = None,
        on: str | None = None,
        task: str | None = None,
    ) -> None:
        row = self._entry(entry)
        body: dict[str, Any] = {} if note is None else {"notes": note}
        if task is not None:
            body["task_id"] = int(task)
        if seconds is not None or on is not None:
            start = datetime.fromisoformat(row["start_time"])
            length = timedelta(seconds=row["duration_seconds"] if seconds is None else seconds)
            if on is not None:
                start = datetime.combine(datetime.fromisoformat(on).date(), start.time())
            body |= {"start_time": start.isoformat(), "end_time": (start + length).isoformat()}
        self._place(entry, body)

    def _place(self, entry: str, body: dict[str, Any]) -> None:
        """A quarter of an hour later each time that somebody's other work is in the way."""
        while True:
            status, answer = self.box.call("PATCH", f"/api/v1/time-entries/{entry}", body, who="owner")
            if status == 200:
                return
            assert "overlaps" in answer["message"], answer
            for name in ("start_time", "end_time"):
                body[name] = (datetime.fromisoformat(body[name]) + timedelta(minutes=15)).isoformat()

    def delete_time(self, entry: str) -> None:
        status, answer = self.box.call("DELETE", f"/api/v1/time-entries/{entry}", who="owner")
        assert status == 200, answer

    def _entry(self, entry: str) -> dict[str, Any]:
        status, answer = self.box.call("GET", f"/api/v1/time-entries/{entry}", who="owner")
        assert status == 200, answer
        return answer["time_entry"]

    def times(self) -> dict[str, dict[str, Any]]:
        found: dict[str, dict[str, Any]] = {}
        page = 1
        while True:
            path = f"/api/v1/time-entries?project_id={self.container}&per_page=100&page={page}"
            status, answer = self.box.call("GET", path, who="owner")
            assert status == 200, answer
            for row in answer["time_entries"]:
                found[str(row["id"])] = {
                    "task": str(row["task_id"]) if row["task_id"] else None,
                    "seconds": row["duration_seconds"],
                    "on": row["start_time"][:10],
                    "note": row["notes"],
                    "person": f"{row['user']}@example.com",
                    "marker": _marker(row["tag_list"]),
                }
            if not answer["pagination"]["has_next"]:
                return found
            page += 1

    # --- what was counted

    def writes(self) -> int:
        return len(self.box.log)

    def requests(self) -> int:
        return self.box.counts.requests


def _wire(fields: dict[str, Any]) -> dict[str, Any]:
    body: dict[str, Any] = {}
    for name, member in (
        ("title", "name"),
        ("description", "description"),
        ("due_on", "due_date"),
        ("priority", "priority"),
        ("status", "status"),
    ):
        if name in fields:
            body[member] = fields[name]
    if "labels" in fields:
        body["tags"] = ",".join(sorted(fields["labels"]))
    if "estimate" in fields:
        body["estimated_hours"] = None if fields["estimate"] is None else fields["estimate"] / 3600
    return body


def _marked(content: str) -> tuple[str, str]:
    """A comment without our last words, and these."""
    text, bracket, rest = content.rpartition("[bridge:v1 ")
    return (text.rstrip(), bracket + rest) if bracket and rest.endswith("]") else (content, "")


def _unquoted(word: str) -> str:
    from urllib.parse import unquote

    return unquote(word)
