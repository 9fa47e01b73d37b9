"""The people of a Redmine project, who work in the sandbox over HTTP as in the browser."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar, Self
from urllib.parse import unquote

from bridge.sandbox.redmine_seed import PROJECT, SECOND
from bridge.sandbox.server import Sandbox
from connectors import markers

HOUR_S = 3600
PERSONS = {"ann": "ann@example.com", "bob": "bob@example.com"}
IDS = {"ann@example.com": 5, "bob@example.com": 6}
STATUS = {"New": 1, "In Progress": 2, "Resolved": 3, "Feedback": 4, "Closed": 5, "Rejected": 6}
PRIORITY = {"Low": 1, "Normal": 2, "High": 3, "Urgent": 4, "Immediate": 5}
TRACKER = {"Bug": 1, "Feature": 2, "Support": 3}
MARKER, LABELS, TIME_MARKER = 1, 2, 3
PLAIN = {"title": "subject", "description": "description", "due_on": "due_date", "start_on": "start_date"}


class People:
    """Ann and Bob, both managers. Labels are the values of a list field, which an administrator extends."""

    TYPE = "redmine"
    BRIDGE = "bridge"

    container = PROJECT
    second_container = SECOND
    persons = PERSONS
    ids: ClassVar = IDS
    fields: ClassVar = {"marker": MARKER, "labels": LABELS, "time marker": TIME_MARKER}
    activity = 9
    can = frozenset(
        {"task", "comment", "edit-comment", "delete-comment", "time", "edit-time", "move-time", "delete-time"}
        | {"delete-task", "labels", "assignee", "due", "start", "estimate", "priority", "parent", "blocks"}
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
type = "redmine"
base_url = "{self.box.url}"
token_file = "{key}"
requests_per_minute = 0
sweep_every = 1
time_walk_s = 0
"""

    # --- tasks ----------------------------------------------------------------------------------------------------

    def create(self, title: str, **fields: Any) -> str:
        body = {"project_id": self.container, "tracker_id": 1, **self._body({"title": title, **fields})}
        body.setdefault("start_date", None)
        item = str(self._ask("POST", "issues", {"issue": body})["issue"]["id"])
        if fields.get("blocks"):
            self._block(item, set(fields["blocks"]))
        return item

    def edit(self, item: str, **fields: Any) -> None:
        if body := self._body(fields):
            self._ask("PUT", f"issues/{item}", {"issue": body})
        if "blocks" in fields:
            self._block(item, set(fields["blocks"]))

    def close(self, item: str) -> None:
        self._ask("PUT", f"issues/{item}", {"issue": {"status_id": STATUS["Closed"]}})

    def reopen(self, item: str) -> None:
        self._ask("PUT", f"issues/{item}", {"issue": {"status_id": STATUS["New"]}})

    def delete(self, item: str) -> None:
        self._ask("DELETE", f"issues/{item}")

    def task(self, item: str) -> dict[str, Any]:
        return self._shown(self._ask("GET", f"issues/{item}.json?include=relations")["issue"])

    def tasks(self) -> dict[str, dict[str, Any]]:
        """All of them, the closed as well; at most a hundred."""
        path = f"projects/{self.container}/issues.json?status_id=*&subproject_id=!*&limit=100&include=relations"
        return {str(row["id"]): self._shown(row) for row in self._ask("GET", path)["issues"]}

    # --- comments -------------------------------------------------------------------------------------------------

    def comment(self, item: str, text: str) -> str:
        self._ask("PUT", f"issues/{item}", {"issue": {"notes": text}})
        return list(self.comments(item))[-1]

    def edit_comment(self, item: str, comment: str, text: str) -> None:
        journal = comment.partition("/")[2]
        rows = self._ask("GET", f"issues/{item}.json?include=journals")["issue"]["journals"]
        marker = next(markers.split(row["notes"])[1] for row in rows if str(row["id"]) == journal)
        self._ask("PUT", f"journals/{journal}", {"journal": {"notes": markers.join(text, marker)}})

    def delete_comment(self, item: str, comment: str) -> None:
        del item
        self._ask("PUT", f"journals/{comment.partition('/')[2]}", {"journal": {"notes": ""}})

    def comments(self, item: str) -> dict[str, dict[str, Any]]:
        found = {}
        for row in self._ask("GET", f"issues/{item}.json?include=journals")["issue"]["journals"]:
            text, marker = markers.split(row["notes"])
            if row["notes"]:
                author = self.box.store.users[row["user"]["id"]].mail
                found[f"{item}/{row['id']}"] = {"text": text or "", "author": author, "marker": _named(marker)}
        return found

    # --- time -----------------------------------------------------------------------------------------------------

    def log_time(self, item: str, seconds: int, on: str = "2026-11-20", note: str = "") -> str:
        body = {"issue_id": int(item), "hours": seconds / HOUR_S, "spent_on": on, "comments": note}
        body["activity_id"] = self.activity
        return str(self._ask("POST", "time_entries", {"time_entry": body})["time_entry"]["id"])

    def edit_time(
        self,
        entry: str,
        seconds: int | None = None,
        note: str | None = None,
        on: str | None = None,
        task: str | None = None,
    ) -> None:
        body: dict[str, Any] = {"comments": note, "spent_on": on, "issue_id": task}
        body["hours"] = None if seconds is None else seconds / HOUR_S
        kept = {name: value for name, value in body.items() if value is not None}
        self._ask("PUT", f"time_entries/{entry}", {"time_entry": kept})

    def move_time(self, entry: str, item: str) -> None:
        self.edit_time(entry, task=item)

    def delete_time(self, entry: str) -> None:
        self._ask("DELETE", f"time_entries/{entry}")

    def times(self) -> dict[str, dict[str, Any]]:
        rows = self._ask("GET", f"projects/{self.container}/time_entries.json?limit=100")["time_entries"]
        return {
            str(row["id"]): {
                "task": str(row["issue"]["id"]),
                "seconds": round(row["hours"] * 100) * 36,
                "on": row["spent_on"],
                "note": row["comments"] or "",
                "person": self.box.store.users[row["user"]["id"]].mail,
                "marker": _custom(row, self.fields["time marker"]),
            }
            for row in rows
            if "issue" in row
        }

    def writes(self) -> int:
        return len(self.box.log)

    def requests(self) -> int:
        return self.box.counts.requests

    # --- how ------------------------------------------------------------------------------------------------------

    def _body(self, fields: dict[str, Any]) -> dict[str, Any]:
        body = {PLAIN[name]: value for name, value in fields.items() if name in PLAIN}
        if "labels" in fields:
            for name in fields["labels"]:
                self.box.act("label", name=name)
            body["custom_fields"] = [{"id": self.fields["labels"], "value": sorted(fields["labels"])}]
        if "assignee" in fields:
            body["assigned_to_id"] = self.ids[fields["assignee"]] if fields["assignee"] else ""
        if "estimate" in fields:
            body["estimated_hours"] = None if fields["estimate"] is None else fields["estimate"] / HOUR_S
        if "parent" in fields:
            body["parent_issue_id"] = fields["parent"] or ""
        if "priority" in fields:
            body["priority_id"] = PRIORITY[fields["priority"]]
        if "type" in fields:
            body["tracker_id"] = TRACKER[fields["type"]]
        if "status" in fields:
            body["status_id"] = STATUS[fields["status"]]
        return body

    def _block(self, item: str, wanted: set[str]) -> None:
        rows = self._ask("GET", f"issues/{item}/relations.json")["relations"]
        have = {str(row["issue_to_id"]): row["id"] for row in rows if _blocks(row, item)}
        for other in sorted(wanted - set(have)):
            body = {"relation": {"issue_to_id": int(other), "relation_type": "blocks"}}
            self._ask("POST", f"issues/{item}/relations", body)
        for other in sorted(set(have) - wanted):
            self._ask("DELETE", f"relations/{have[other]}")

    def _shown(self, row: dict[str, Any]) -> dict[str, Any]:
        estimate = row["estimated_hours"]
        person = row.get("assigned_to")
        return {
            "title": row["subject"],
            "description": (row["description"] or "").replace("\r\n", "\n"),
            "is_closed": row["status"]["is_closed"],
            "status": row["status"]["name"],
            "priority": row["priority"]["name"],
            "labels": frozenset(_custom(row, self.fields["labels"]) or ()),
            "assignee": self.box.store.users[person["id"]].mail if person else None,
            "due_on": row["due_date"],
            "start_on": row["start_date"],
            "estimate": None if estimate is None else round(estimate * HOUR_S),
            "parent": str(row["parent"]["id"]) if "parent" in row else None,
            "blocks": frozenset(
                str(one["issue_to_id"]) for one in row.get("relations", ()) if _blocks(one, str(row["id"]))
            ),
            "marker": unquote(_custom(row, self.fields["marker"]) or "") or None,
        }

    def _ask(self, method: str, path: str, body: Any = None) -> Any:
        address = path if ".json" in path else f"{path}.json"
        status, answer = self.box.call(method, f"/{address}", body, who="ann")
        assert status < 400, (method, path, status, answer)
        return answer


def _blocks(row: dict[str, Any], item: str) -> bool:
    return row["relation_type"] == "blocks" and str(row["issue_id"]) == item


def _custom(row: dict[str, Any], field: int) -> Any:
    return next((one["value"] or None for one in row["custom_fields"] if one["id"] == field), None)


def _named(marker: Any) -> str | None:
    return None if marker is None else f"{marker.source} {marker.id}"
