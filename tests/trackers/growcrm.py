"""The people of a Grow CRM sandbox, for tests that drive any tracker."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar, Self

from bridge.sandbox.server import Sandbox
from connectors import markers

_OPEN, _DONE = 1, 2
_FLAGS = {"client_visibility": "task_client_visibility", "billable": "task_billable"}


class People:
    """Ann and Bob of project 7. What the API can do they do through it; comments they write in the CRM's own pages."""

    TYPE = "growcrm"
    BRIDGE = "bridge"

    container = "7"
    second_container = "8"
    persons: ClassVar[dict[str, str]] = {"ann": "ann@example.com", "bob": "bob@example.com"}
    can = frozenset(
        {"task", "comment", "delete-comment", "time", "edit-time", "delete-time", "delete-task"}
        | {"labels", "assignee", "due", "start", "priority"}
    )

    def __init__(self, **settings: Any) -> None:
        self.box = Sandbox(self.TYPE, **settings)

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
type = "growcrm"
base_url = "{self.box.url}"
token_file = "{key}"
requests_per_minute = 0
index_lag_s = 0
"""

    # --- tasks ----------------------------------------------------------------------------------------------------

    def create(self, title: str, **fields: Any) -> str:
        labels, assignee = fields.pop("labels", None), fields.pop("assignee", None)
        made = self._ask("POST", "tasks", {"task_projectid": 7, **_body({"title": title, **fields})})
        item = str(made["id"])
        if labels or assignee:
            self._sets(item, {"labels": labels, "assignee": assignee} if assignee else {"labels": labels})
        return item

    def edit(self, item: str, **fields: Any) -> None:
        self._sets(item, fields)
        rest = {name: value for name, value in fields.items() if name not in ("labels", "assignee")}
        if rest:
            self._ask("PATCH", f"tasks/{item}", _merged(self._row(item), _body(rest, partial=True)))

    def close(self, item: str) -> None:
        self._ask("PUT", f"tasks/{item}/status", {"status": _DONE})

    def reopen(self, item: str) -> None:
        self._ask("PUT", f"tasks/{item}/status", {"status": _OPEN})

    def delete(self, item: str) -> None:
        self._ask("DELETE", f"tasks/{item}")

    def task(self, item: str) -> dict[str, Any]:
        return self._shown(self._row(item))

    def tasks(self) -> dict[str, dict[str, Any]]:
        rows = []
        for state in ("active", "archived"):
            page, last = 1, 1
            while page <= last:
                query = f"tasks?project_id=7&active_state={state}&limit=100&page={page}"
                status, said = self.box.call("GET", f"/api/{query}", who="ann")
                assert status == 200
                rows += said["data"]
                page, last = page + 1, said["meta"]["last_page"]
        return {str(row["id"]): self._shown(row) for row in rows}

    # --- comments and time ----------------------------------------------------------------------------------------

    def comment(self, item: str, text: str) -> str:
        made = self.box.act("comment", task=int(item), text=text, who="ann@example.com")
        return f"{item}/{made['id']}"

    def delete_comment(self, item: str, comment: str) -> None:
        self._ask("DELETE", f"tasks/{item}/comments/{comment.rpartition('/')[2]}")

    def comments(self, item: str) -> dict[str, dict[str, Any]]:
        found = {}
        for row in self._ask("GET", f"tasks/{item}/comments"):
            text, marker = markers.split(row["text"])
            author = self.box.store.team[row["creator"]["id"]].email
            found[f"{item}/{row['id']}"] = {"text": text, "author": author, "marker": _named(marker)}
        return found

    def log_time(self, item: str, seconds: int, on: str = "2026-11-20", note: str = "") -> str:
        del note  # an entry has no place for one
        hours, minutes = divmod(seconds // 60, 60)
        body = {"task_id": int(item), "user_id": 53, "hours": hours, "minutes": minutes, "timer_created": on}
        return str(self._ask("POST", "timesheets", body)["id"])

    def edit_time(self, entry: str, seconds: int | None = None, note: str | None = None, on: str | None = None) -> None:
        """The duration alone can be edited here; another day is another entry."""
        del note
        held = self.times()[entry]
        if on is not None:
            self.delete_time(entry)
            self.log_time(held["task"], seconds or held["seconds"], on)
        elif seconds is not None:
            hours, minutes = divmod(seconds // 60, 60)
            self._ask("PATCH", f"timesheets/{entry}", {"hours": hours, "minutes": minutes})

    def delete_time(self, entry: str) -> None:
        self._ask("DELETE", f"timesheets/{entry}")

    def times(self) -> dict[str, dict[str, Any]]:
        return {
            str(row["id"]): {
                "task": str(row["task_id"]),
                "seconds": row["time_seconds"],
                "on": row["dates"]["created"],
                "note": "",
                "person": self.box.store.team[row["worked_by_id"]].email,
                "marker": None,
            }
            for row in self._ask("GET", "timesheets?project_id=7&limit=100")
        }

    # --- counters -------------------------------------------------------------------------------------------------

    def writes(self) -> int:
        return len(self.box.log)

    def requests(self) -> int:
        return self.box.counts.requests

    def _ask(self, method: str, path: str, body: Any = None) -> Any:
        status, said = self.box.call(method, f"/api/{path}", body, who="ann")
        assert status < 300, (method, path, status, said)
        return said["data"]

    def _row(self, item: str) -> dict[str, Any]:
        return dict(self._ask("GET", f"tasks/{item}"))

    def _sets(self, item: str, fields: dict[str, Any]) -> None:
        if fields.get("labels") is not None:
            self._ask("PUT", f"tasks/{item}/tags", {"tags": sorted(fields["labels"])})
        if "assignee" in fields:
            who = fields["assignee"]
            ids = [row.id for row in self.box.store.team.values() if row.email == who]
            self._ask("PUT", f"tasks/{item}/assigned", {"assigned": ids})

    def _shown(self, row: dict[str, Any]) -> dict[str, Any]:
        description, marker = markers.split(row["description"])
        people = [self.box.store.team[one["id"]].email for one in row["assigned"]]
        return {
            "title": row["title"],
            "description": description,
            "is_closed": row["status"]["title"] == "Completed",
            "labels": frozenset(row["tags"]),
            "assignee": people[0] if people else None,
            "due_on": row["dates"]["due"],
            "start_on": row["dates"]["start"],
            "estimate": None,
            "parent": None,
            "blocks": frozenset(),
            "marker": _named(marker),
            "status": row["status"]["title"],
            "priority": row["priority"]["title"],
        }


def _named(marker: Any) -> str | None:
    return None if marker is None else f"{marker.source} {marker.id}"


def _body(fields: dict[str, Any], *, partial: bool = False) -> dict[str, Any]:
    names = {"due_on": "task_date_due", "start_on": "task_date_start"}
    body: dict[str, Any] = {} if partial else {"task_status": _OPEN, "task_priority": 1}
    body |= {names.get(name, f"task_{name}"): value for name, value in fields.items()}
    return body


def _merged(row: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    """A PATCH replaces everything: what is not changed is sent as it is, our marker in the description too."""
    _, marker = markers.split(row["description"])
    if "task_description" in changes:
        changes = {**changes, "task_description": markers.join(changes["task_description"], marker, how="html")}
    held = {
        "task_title": row["title"],
        "task_description": row["description"],
        "task_status": row["status"]["id"],
        "task_priority": row["priority"]["id"],
        "task_milestoneid": row["milestone"]["id"],
        "task_date_start": row["dates"]["start"],
        "task_date_due": row["dates"]["due"],
        **{wire: "on" for name, wire in _FLAGS.items() if row[name] == "yes"},
    }
    return held | changes
