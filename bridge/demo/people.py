"""Two people and what they do in their own tracker, over its own API, as its web page would.

Refuses: Bridge's token. Whoever edits here is alice on GitHub or sam on Artala.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from bridge.demo.stage import Tracker
from bridge.errors import BridgeError
from bridge.sandbox.server import call

LOGIN: Final = "Login form loses the password"
EXPORT: Final = "Export takes four seconds"
PRICES: Final = "Explain the price table"
DARK: Final = "Dark mode for the start page"
INVOICE: Final = "Send invoices by mail"

GITHUB_SEED: Final[Mapping[str, Any]] = {
    "issues": [
        {"title": LOGIN, "author": "alice", "body": "It happens on every second try.", "labels": ["bug", "web"]},
        {"title": EXPORT, "author": "bob", "body": "One second would be fine.", "labels": ["api"]},
        {"title": PRICES, "author": "alice", "body": "With one example for each plan.", "labels": ["docs"]},
        {"title": DARK, "author": "carol", "body": "Asked for twice this month."},
    ]
}
ARTALA_SEED: Final[Mapping[str, Any]] = {
    "tasks": [
        {
            "id": "7d41c8f0-0000-4000-8000-000000000001",
            "title": PRICES,
            "description": "With one example for each plan.",
            "labels": ["docs"],
        },
        {
            "id": "c29b05e6-0000-4000-8000-000000000002",
            "title": INVOICE,
            "description": "As PDF, on the first of the month.",
            "status": "In Progress",
        },
    ]
}


@dataclass(frozen=True, slots=True)
class Alice:
    """Works on GitHub."""

    tracker: Tracker

    def issues(self) -> dict[str, dict[str, Any]]:
        """All issues, by title."""
        found = _ask(self.tracker, "alice", "GET", f"/repos/{self.tracker.container}/issues?state=all&per_page=100")
        return {issue["title"]: issue for issue in sorted(found, key=lambda issue: int(issue["number"]))}

    def edit(self, title: str, /, **changes: Any) -> None:
        """Change an issue by its title."""
        number = self.issues()[title]["number"]
        _ask(self.tracker, "alice", "PATCH", f"/repos/{self.tracker.container}/issues/{number}", changes)

    def add_label(self, title: str, name: str) -> None:
        number = self.issues()[title]["number"]
        path = f"/repos/{self.tracker.container}/issues/{number}/labels"
        _ask(self.tracker, "alice", "POST", path, {"labels": [name]})


@dataclass(frozen=True, slots=True)
class Sam:
    """Works on Artala."""

    tracker: Tracker

    def tasks(self) -> dict[str, dict[str, Any]]:
        """All tasks of the board with their label names, by title."""
        board = self.tracker.container
        rows = _ask(self.tracker, "sam", "GET", f"/odata/Tasks?$filter=BoardId%20eq%20{board}")["value"]
        return {row["Title"]: {**row, "labels": self._labels(row["Id"])} for row in rows}

    def edit(self, title: str, /, **changes: Any) -> None:
        """Change a task by its title: PUT replaces all eight members, so the others go back as they are."""
        task = self._task(title)
        members = ("title", "description", "assigneeId", "priority", "dueDate", "startDate", "coverColor", "effort")
        whole = {name: task.get(name) for name in members} | changes
        _ask(self.tracker, "sam", "PUT", f"/api/tasks/{task['id']}", whole)

    def move(self, title: str, status: str) -> None:
        _ask(self.tracker, "sam", "PATCH", f"/api/tasks/{self._task(title)['id']}/status", {"newStatus": status})

    def remove_label(self, title: str, name: str) -> None:
        path = f"/api/labels/task/{self._task(title)['id']}"
        kept = [label["id"] for label in _ask(self.tracker, "sam", "GET", path) if label["name"] != name]
        _ask(self.tracker, "sam", "PUT", path, {"labelIds": kept})

    def _task(self, title: str) -> dict[str, Any]:
        task: dict[str, Any] = _ask(self.tracker, "sam", "GET", f"/api/tasks/{self.tasks()[title]['Id']}")
        return task

    def _labels(self, task_id: str) -> list[str]:
        found = _ask(self.tracker, "sam", "GET", f"/api/labels/task/{task_id}")
        return sorted(label["name"] for label in found)


def seed(tracker: Tracker, plan: Mapping[str, Any]) -> None:
    """What stood there before Bridge came."""
    _ask(tracker, "", "POST", "/_sandbox/seed", dict(plan))


def writes(tracker: Tracker) -> int:
    """How many writes the tracker has accepted so far, from anybody."""
    return int(_ask(tracker, "", "GET", "/_sandbox/counts")["writes"])


def _ask(tracker: Tracker, who: str, method: str, path: str, body: Any = None) -> Any:
    status, answer = call(tracker.url + path, method, body, token=tracker.tokens[who] if who else "")
    if status >= 400:
        raise BridgeError(f"The {tracker.name} sandbox refused {method} {path}: {status} {answer}")
    return answer
