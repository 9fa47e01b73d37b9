"""The people of a Jira site, Cloud or Data Center, who work in the sandbox over HTTP as they would in the browser.

Texts are in the tracker's own dialect: on Cloud compact canonical JSON of an ADF document (plain words are made into
one), on Data Center wiki text.
"""

from __future__ import annotations

import json
from collections import deque
from pathlib import Path
from typing import Any, Self
from urllib.parse import quote

from bridge.sandbox import jira_scheme as scheme
from bridge.sandbox import jira_text as texts
from bridge.sandbox.server import Sandbox

PROPERTY = "bridge.sync"
START = "customfield_10015"
DONE, TO_DO = "10002", "10000"


class People:
    """Ann, who administers the site, and Bob. A parent can be given on creation only: that makes a sub-task."""

    TYPE = "jira"
    BRIDGE = "bridge-bot"

    container = "APP"
    second_container = "OPS"
    can = frozenset(
        {"task", "comment", "edit-comment", "delete-comment", "time", "edit-time", "delete-time", "delete-task"}
        | {"labels", "assignee", "due", "start", "estimate", "priority", "parent", "blocks"}
    )

    def __init__(self, *, dialect: str = "cloud", **settings: Any) -> None:
        self.is_cloud = dialect == "cloud"
        settings = {"worklog_hold_s": 0, **settings}
        self.box = Sandbox("jira" if self.is_cloud else "jira-dc", **settings)
        self.api = self.box.tracker.api
        rows = self.box.store.people
        self.persons = {name: rows[name].account if self.is_cloud else name for name in ("ann", "bob")}

    def __enter__(self) -> Self:
        self.box.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        self.box.__exit__()

    def connection(self, name: str, folder: Path) -> str:
        token = folder / f"{name}.token"
        token.write_text(self.box.token())
        token.chmod(0o600)
        return f"""
[connections.{name}]
type = "jira"
base_url = "{self.box.url}{self.box.tracker.settings.context}"
dialect = "{"cloud" if self.is_cloud else "data-center"}"
email = "{"bridge-bot@example.com" if self.is_cloud else ""}"
token_file = "{token}"
index_lag_s = 0
worklog_lag_s = 0
write_interval_s = 0
sweep_every = 1
allow_task_delete = true
"""

    # --- tasks ----------------------------------------------------------------------------------------------------

    def create(self, title: str, **fields: Any) -> str:
        kind = "Sub-task" if fields.get("parent") else "Task"
        project = {"project": {"key": self.container}, "issuetype": {"name": kind}}
        blocks = fields.pop("blocks", ())
        made = self._ask("POST", "issue", {"fields": project | self._fields({"title": title, **fields})})
        for other in blocks:
            self._block(made["id"], other)
        return str(made["id"])

    def edit(self, item: str, **fields: Any) -> None:
        status, blocks = fields.pop("status", None), fields.pop("blocks", None)
        if fields:
            self._ask("PUT", f"issue/{item}", {"fields": self._fields(fields)})
        if status is not None:
            self._walk(item, next(number for number, row in scheme.STATUSES.items() if row[0] == status))
        if blocks is not None:
            had = self._links(item)
            for other in set(blocks) - set(had):
                self._block(item, other)
            for other in set(had) - set(blocks):
                self._ask("DELETE", f"issueLink/{had[other]}")

    def close(self, item: str) -> None:
        self._walk(item, DONE)

    def reopen(self, item: str) -> None:
        self._walk(item, TO_DO)

    def delete(self, item: str) -> None:
        self._ask("DELETE", f"issue/{item}?deleteSubtasks=true")

    def task(self, item: str) -> dict[str, Any]:
        return self._shown(self._ask("GET", f"issue/{item}?properties={PROPERTY}"))

    def tasks(self) -> dict[str, dict[str, Any]]:
        """All of the container, read one by one: the search may be late."""
        project = self.box.store.project(self.container).id
        rows = [row for row in self.box.store.issues.values() if row.project == project and not row.gone]
        return {str(row.id): self.task(str(row.id)) for row in rows}

    # --- comments -------------------------------------------------------------------------------------------------

    def comment(self, item: str, text: str) -> str:
        made = self._ask("POST", f"issue/{item}/comment", {"body": self._text(text)})
        return f"{item}/{made['id']}"

    def edit_comment(self, item: str, comment: str, text: str) -> None:
        self._ask("PUT", f"issue/{item}/comment/{comment.rpartition('/')[2]}", {"body": self._text(text)})

    def delete_comment(self, item: str, comment: str) -> None:
        self._ask("DELETE", f"issue/{item}/comment/{comment.rpartition('/')[2]}")

    def comments(self, item: str) -> dict[str, dict[str, Any]]:
        page = self._ask("GET", f"issue/{item}/comment?expand=properties")
        return {
            f"{item}/{row['id']}": {
                "text": self._own(row["body"]),
                "author": self._person(row["author"]),
                "marker": _marker({each["key"]: each["value"] for each in row.get("properties", ())}),
            }
            for row in page["comments"]
        }

    # --- time -----------------------------------------------------------------------------------------------------

    def log_time(self, item: str, seconds: int, on: str = "2026-11-20", note: str = "") -> str:
        body: dict[str, Any] = {"started": f"{on}T09:00:00.000+0000", "timeSpentSeconds": seconds}
        if note:
            body["comment"] = self._text(note)
        made = self._ask("POST", f"issue/{item}/worklog", body)
        return f"{item}/{made['id']}"

    def edit_time(self, entry: str, seconds: int | None = None, note: str | None = None, on: str | None = None) -> None:
        body: dict[str, Any] = {}
        if seconds is not None:
            body["timeSpentSeconds"] = seconds
        if note is not None:
            body["comment"] = self._text(note)
        if on is not None:
            body["started"] = f"{on}T09:00:00.000+0000"
        self._ask("PUT", f"issue/{entry.replace('/', '/worklog/')}", body)

    def delete_time(self, entry: str) -> None:
        self._ask("DELETE", f"issue/{entry.replace('/', '/worklog/')}")

    def times(self) -> dict[str, dict[str, Any]]:
        ids = [row.id for row in self.box.store.worklogs.values()]
        rows = self._ask("POST", "worklog/list?expand=properties", {"ids": ids})
        project = self.box.store.project(self.container).id
        return {
            f"{row['issueId']}/{row['id']}": {
                "task": row["issueId"],
                "seconds": row["timeSpentSeconds"],
                "on": self._day(int(row["id"])),
                "note": self._own(row.get("comment")) or "",
                "person": self._person(row["author"]),
                "marker": _marker({each["key"]: each["value"] for each in row.get("properties", ())}),
            }
            for row in rows
            if self.box.store.issues[int(row["issueId"])].project == project
        }

    # --- texts ----------------------------------------------------------------------------------------------------

    def text(self, words: str) -> str:
        """Words in the tracker's own dialect."""
        return self._own(texts.paragraphs(words)) or "" if self.is_cloud else words

    # --- counters -------------------------------------------------------------------------------------------------

    def writes(self) -> int:
        return len(self.box.log)

    def requests(self) -> int:
        return self.box.counts.requests

    # --- how ------------------------------------------------------------------------------------------------------

    def _ask(self, method: str, path: str, body: Any = None) -> Any:
        place, _, query = path.partition("?")
        status, said = self.box.call(
            method, f"{self.box.tracker.settings.context}{self.api}/{quote(place)}?{query}", body, who="ann"
        )
        assert status < 300, (method, path, status, said)
        return said

    def _fields(self, fields: dict[str, Any]) -> dict[str, Any]:
        """Standard names as Jira's."""
        plain = {"title": "summary", "due_on": "duedate", "start_on": START}
        made: dict[str, Any] = {}
        for name, value in fields.items():
            if name in plain:
                made[plain[name]] = value
            elif name == "description":
                made[name] = None if value is None else self._text(value)
            elif name == "labels":
                made[name] = sorted(value)
            elif name == "assignee":
                made[name] = None if value is None else {"accountId" if self.is_cloud else "name": value}
            elif name == "estimate":
                made["timetracking"] = {"originalEstimate": "" if value is None else f"{value // 60}m"}
            elif name == "parent":
                made[name] = None if value is None else {"id": value}
            elif name == "priority":
                made[name] = {"name": value}
            else:
                raise AssertionError(f"no field {name}")
        return made

    def _text(self, text: str) -> Any:
        """What the API takes for a text in the tracker's own dialect."""
        if not self.is_cloud:
            return text
        return json.loads(text) if text.startswith('{"') else texts.paragraphs(text)

    def _own(self, stored: Any) -> str | None:
        if isinstance(stored, dict):
            return json.dumps(stored, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        return stored or None

    def _person(self, shown: dict[str, Any] | None) -> str | None:
        return None if shown is None else str(shown["accountId" if self.is_cloud else "name"])

    def _day(self, worklog: int) -> str:
        """The day in UTC: the answer's own is in the reader's zone."""
        from bridge.sandbox.clock import iso

        return iso(self.box.store.worklogs[worklog].started / 1000)[:10]

    def _walk(self, item: str, target: str) -> None:
        """Through the workflow, by the shortest way."""
        here = self._ask("GET", f"issue/{item}?fields=status")["fields"]["status"]["id"]
        ways, seen = deque([(here, [])]), {here}
        while ways:
            place, path = ways.popleft()
            if place == target:
                break
            for hop in scheme.hops(self.box.tracker):
                if hop.source in ("", place) and hop.target not in seen:
                    seen.add(hop.target)
                    ways.append((hop.target, [*path, hop]))
        for hop in path:
            rows = self._ask("GET", f"issue/{item}/transitions")["transitions"]
            found = next(row["id"] for row in rows if row["name"] == hop.name)
            self._ask("POST", f"issue/{item}/transitions", {"transition": {"id": found}})

    def _block(self, item: str, other: str) -> None:
        ends = {"inwardIssue": {"id": item}, "outwardIssue": {"id": other}}
        kind = next(row for row in self.box.store.link_types if row[0] == "10000")
        keys = {name: {"key": self.box.store.find(end["id"]).key} for name, end in ends.items()}
        self._ask("POST", "issueLink", {"type": {"name": kind[1]}, **keys})

    def _links(self, item: str) -> dict[str, str]:
        """What the task blocks: link ids by the other's id."""
        rows = self._ask("GET", f"issue/{item}?fields=issuelinks")["fields"]["issuelinks"]
        kept = [row for row in rows if row["type"]["id"] == "10000" and "outwardIssue" in row]
        return {row["outwardIssue"]["id"]: row["id"] for row in kept}

    def _shown(self, row: dict[str, Any]) -> dict[str, Any]:
        fields = row["fields"]
        return {
            "title": fields["summary"],
            "description": self._own(fields["description"]),
            "is_closed": fields["status"]["statusCategory"]["key"] == "done",
            "labels": frozenset(fields["labels"]),
            "assignee": self._person(fields["assignee"]),
            "due_on": fields["duedate"],
            "start_on": fields[START],
            "estimate": fields["timeoriginalestimate"],
            "parent": (fields.get("parent") or {}).get("id"),
            "blocks": frozenset(self._links(row["id"])),
            "marker": _marker(row.get("properties", {})),
            "status": fields["status"]["name"],
            "priority": fields["priority"]["name"],
        }


def _marker(properties: dict[str, Any]) -> str | None:
    held = properties.get(PROPERTY)
    return None if held is None else f"{held['source']} {held['id']}"
