"""The people of a Workestra workspace, who work in the sandbox over HTTP as the app would."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Self

from bridge.sandbox.server import Sandbox
from connectors.markers import split

ISSUES = "/api/v1/issues"
HOUR_S = 3600
NAMES = {"due_on": "due_date", "assignee": "assignee_id"}


class People:
    """Ann and Bob work on the two projects. ``field`` is the custom field that holds the marker; "" for none."""

    TYPE = "workestra"
    BRIDGE = "bridge"
    container = "proj_web"
    second_container: str | None = "proj_ops"
    can = frozenset({"task", "delete-task", "labels", "assignee", "due", "estimate", "priority"})

    def __init__(self, field: str = "external_ref", **settings: Any) -> None:
        self.box = Sandbox("workestra", **settings)
        self.field = field
        self.persons = {"ann": "user_ann", "bob": "user_bob"}

    def __enter__(self) -> Self:
        self.box.__enter__()
        return self

    def __exit__(self, *exc: object) -> None:
        self.box.__exit__(*exc)

    def connection(self, name: str, folder: Path) -> str:
        for file, secret in (("token", self.box.token()), ("hook", "workestra-hook-secret")):
            path = folder / f"{name}-{file}"
            path.write_text(secret, encoding="utf-8")
            path.chmod(0o600)
        return f"""
[connections.{name}]
type = "workestra"
base_url = "{self.box.url}/api/v1"
token_file = "{folder / f"{name}-token"}"
webhook_secret_file = "{folder / f"{name}-hook"}"
external_ref_field = "{self.field}"
requests_per_minute = 0
writes_per_minute = 0
index_lag_s = 0
"""

    def create(self, title: str, **fields: Any) -> str:
        """POST knows the first members alone, so the others are a second request."""
        body = _body(fields)
        later = {name: body.pop(name) for name in ("due_date", "estimate_hours", "status") if name in body}
        made = self._ask("POST", ISSUES, {"project_id": self.container, "title": title, **body})
        if later:
            self._ask("PATCH", f"{ISSUES}/{made['id']}", later)
        return str(made["id"])

    def edit(self, item: str, **fields: Any) -> None:
        self._ask("PATCH", f"{ISSUES}/{item}", _body(fields))

    def close(self, item: str) -> None:
        self.edit(item, status="done")

    def reopen(self, item: str) -> None:
        self.edit(item, status="todo")

    def delete(self, item: str) -> None:
        self._ask("DELETE", f"{ISSUES}/{item}")

    def task(self, item: str) -> dict[str, Any]:
        return self._seen(self._ask("GET", f"{ISSUES}/{item}"))

    def tasks(self) -> dict[str, dict[str, Any]]:
        found: dict[str, dict[str, Any]] = {}
        page = 1
        while True:
            listed = self._ask("GET", f"{ISSUES}?project_id={self.container}&per_page=100&page={page}")
            found |= {row["id"]: self._seen(row) for row in listed["data"]}
            if len(listed["data"]) < 100:
                return found
            page += 1

    def writes(self) -> int:
        return len(self.box.log)

    def requests(self) -> int:
        return self.box.counts.requests

    def _seen(self, row: dict[str, Any]) -> dict[str, Any]:
        text, in_text = split(row["description"])
        _, in_field = split(row["custom_fields"].get(self.field) if self.field else None)
        marker = in_field or in_text
        hours = row.get("estimate_hours")
        return {
            "title": row["title"],
            "description": text,
            "is_closed": row["status"] in ("done", "cancelled"),
            "status": row["status"],
            "labels": frozenset(row["labels"]),
            "assignee": row["assignee_id"],
            "due_on": row.get("due_date"),
            "start_on": None,
            "estimate": None if hours is None else round(hours * HOUR_S),
            "parent": None,
            "blocks": frozenset(),
            "priority": row["priority"],
            "marker": f"{marker.source} {marker.id}" if marker else None,
        }

    def _ask(self, method: str, path: str, body: Any = None) -> Any:
        status, answer = self.box.call(method, path, body, who=next(iter(self.persons)))
        assert status < 400, (status, answer)
        return answer


def _body(fields: dict[str, Any]) -> dict[str, Any]:
    body = {NAMES.get(name, name): value for name, value in fields.items()}
    if "labels" in body:
        body["labels"] = sorted(body["labels"])
    if (seconds := body.pop("estimate", None)) is not None or "estimate" in fields:
        body["estimate_hours"] = None if seconds is None else seconds / HOUR_S
    return body
