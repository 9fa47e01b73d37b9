"""The people of a Gipo organization, who work in the sandbox over HTTP as the app would."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar, Self

from bridge.sandbox.gipo_seed import SECOND, WORKSPACE
from bridge.sandbox.server import Sandbox
from connectors import markers

HOUR_S = 3600


class People:
    """Ann, the owner, and Bob. Comments are not in the API; tags are made in the app."""

    TYPE = "gipo"
    BRIDGE = "bridge@example.com"

    container = WORKSPACE
    second_container = SECOND
    persons: ClassVar[dict[str, str]] = {"ann": "ann@example.com", "bob": "bob@example.com"}
    can = frozenset(
        {"task", "time", "edit-time", "delete-time", "delete-task", "labels", "assignee", "due", "start"}
        | {"estimate", "priority"}
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
type = "gipo"
base_url = "{self.box.url}"
token_file = "{key}"
requests_per_minute = 0
index_lag_s = 0
sweep_every = 1
"""

    # --- tasks ----------------------------------------------------------------------------------------------------

    def create(self, title: str, **fields: Any) -> str:
        made = self._ask("POST", "tasks", {"workspaceId": self.container, **self._body({"title": title, **fields})})
        return str(made["id"])

    def edit(self, item: str, **fields: Any) -> None:
        body = self._body(fields)
        if "description" in fields:
            _, marker = markers.split(self._row(item)["descriptionHtml"])
            body["descriptionHtml"] = markers.join(fields["description"], marker, how="html")
        self._ask("PATCH", f"tasks/{item}", body)

    def close(self, item: str) -> None:
        self._move(item, -1)

    def reopen(self, item: str) -> None:
        self._move(item, 0)

    def delete(self, item: str) -> None:
        self._ask("DELETE", f"tasks/{item}")

    def task(self, item: str) -> dict[str, Any]:
        return self._shown(self._row(item))

    def tasks(self) -> dict[str, dict[str, Any]]:
        board = self._ask("GET", f"workspaces/{self.container}")
        return {row["id"]: self._shown(row) for row in board["tasks"]}

    # --- time -----------------------------------------------------------------------------------------------------

    def log_time(self, item: str, seconds: int, on: str = "2026-11-20", note: str = "") -> str:
        body = {"taskId": item, "startedAt": f"{on}T09:00:00.000Z", "durationSeconds": seconds}
        if note:
            body["description"] = note
        return str(self._ask("POST", "time-entries", body)["id"])

    def edit_time(self, entry: str, seconds: int | None = None, note: str | None = None, on: str | None = None) -> None:
        row = self._ask("GET", f"time-entries/{entry}")
        body: dict[str, Any] = {}
        if seconds is not None:
            body["durationSeconds"] = seconds
        if note is not None:
            body["description"] = markers.join(note, markers.split(row["description"])[1], how="inline")
        if on is not None:
            body["startedAt"] = on + row["startedAt"][10:]
        self._ask("PATCH", f"time-entries/{entry}", body)

    def delete_time(self, entry: str) -> None:
        self._ask("DELETE", f"time-entries/{entry}")

    def times(self) -> dict[str, dict[str, Any]]:
        """All entries on tasks of the container, of whatever day."""
        board = {task["id"] for task in self._ask("GET", f"workspaces/{self.container}")["tasks"]}
        found, cursor = {}, ""
        while True:
            status, said = self.box.call("GET", f"/api/v1/time-entries?limit=100{cursor}", who="ann")
            assert status == 200, said
            for row in said["data"]:
                note, marker = markers.split(row["description"])
                if row["taskId"] in board:
                    found[row["id"]] = {
                        "task": row["taskId"],
                        "seconds": row["durationSeconds"],
                        "on": row["startedAt"][:10],
                        "note": note or "",
                        "person": self.box.store.users[row["userId"]].email,
                        "marker": _named(marker),
                    }
            if not (following := said["pagination"]["nextCursor"]):
                return found
            cursor = f"&cursor={following}"

    # --- counters -------------------------------------------------------------------------------------------------

    def writes(self) -> int:
        return len(self.box.log)

    def requests(self) -> int:
        return self.box.counts.requests

    def _ask(self, method: str, path: str, body: Any = None) -> Any:
        status, said = self.box.call(method, f"/api/v1/{path}", body, who="ann")
        assert status < 300, (method, path, status, said)
        return None if said is None else said["data"]

    def _row(self, item: str) -> dict[str, Any]:
        return dict(self._ask("GET", f"tasks/{item}"))

    def _move(self, item: str, place: int) -> None:
        stage = self._ask("GET", f"workspaces/{self._row(item)['workspaceId']}")["stages"][place]
        self._ask("PATCH", f"tasks/{item}", {"stageId": stage["id"]})

    def _body(self, fields: dict[str, Any]) -> dict[str, Any]:
        """Standard names as Gipo's; a tag that is not there is made in the app first."""
        names = {"title": "subject", "description": "descriptionHtml", "priority": "priority"}
        days = {"due_on": "expectedEndDate", "start_on": "expectedStartDate"}
        body: dict[str, Any] = {}
        for name, value in fields.items():
            if name in names:
                body[names[name]] = value
            elif name in days:
                body[days[name]] = None if value is None else f"{value}T00:00:00.000Z"
            elif name == "estimate":
                body["estimatedHours"] = None if value is None else value / HOUR_S
            elif name == "assignee":
                people = [row.id for row in self.box.store.users.values() if row.email == value]
                body[self.box.tracker.settings.assignee_field] = people
            elif name == "labels":
                body[self.box.tracker.settings.tag_field] = [self._tag(one) for one in sorted(value)]
            else:
                raise AssertionError(f"no field {name}")
        return body

    def _tag(self, name: str) -> str:
        known = {row.name: row.id for row in self.box.store.tags.values()}
        return known.get(name) or str(self.box.act("tag", name=name)["id"])

    def _shown(self, row: dict[str, Any]) -> dict[str, Any]:
        description, marker = markers.split(row["descriptionHtml"])
        stage, users = self.box.store.stages[row["stageId"]], self.box.store.users
        people = sorted(users[one["user"]["id"]].email for one in row["assignees"])
        hours = row["estimatedHours"]
        return {
            "title": row["subject"],
            "description": description,
            "is_closed": stage.is_finalizing or row["finalizedAt"] is not None,
            "labels": frozenset(one["tag"]["name"] for one in row["tags"]),
            "assignee": people[0] if people else None,
            "due_on": (row["expectedEndDate"] or "")[:10] or None,
            "start_on": (row["expectedStartDate"] or "")[:10] or None,
            "estimate": None if hours is None else round(hours * HOUR_S),
            "parent": None,
            "blocks": frozenset(),
            "marker": _named(marker),
            "status": stage.name,
            "priority": row["priority"],
        }


def _named(marker: Any) -> str | None:
    return None if marker is None else f"{marker.source} {marker.id}"
