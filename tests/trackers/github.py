"""The people of a GitHub repository, who work in the sandbox over HTTP. Time is logged as ``/spend`` comments."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, ClassVar, Self
from urllib.parse import unquote

from bridge.sandbox.server import Sandbox

_MARKER = re.compile(r"\s*<!-- bridge:v1 (?:(\S+) (\S+) )?-->\s*$")
_SPEND = re.compile(r"/spend (?:(\d+)h)?(?:(\d+)m)?(?: (\d{4}-\d{2}-\d{2}))?\s*")
OTHER = "acme/other"


class People:
    """Alice, who administers the repository, and Bob."""

    TYPE = "github"
    BRIDGE = "bridge-bot"

    container = "acme/app"
    second_container = OTHER
    persons: ClassVar = {"alice": "alice", "bob": "bob"}
    can = frozenset(
        {"task", "label", "comment", "edit-comment", "delete-comment", "time", "edit-time", "delete-time"}
        | {"labels", "assignee", "parent", "blocks"}
    )

    def __init__(self, **settings: Any) -> None:
        self.box = Sandbox(self.TYPE, **settings)
        self.box.tracker.seed({"repo": OTHER})

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
type = "github"
base_url = "{self.box.url}"
token_file = "{key}"
write_interval_s = 0
reserve_percent = 0
index_lag_s = 0
spend_comments = true
"""

    # --- tasks ----------------------------------------------------------------------------------------------------

    def create(self, title: str, **fields: Any) -> str:
        parent, blocks = fields.pop("parent", None), fields.pop("blocks", ())
        made = self._ask("POST", "issues", {"title": title, **self._body(fields)})
        item = str(made["number"])
        if parent:
            self._nest(item, parent)
        if blocks:
            self._block(item, blocks)
        return item

    def edit(self, item: str, **fields: Any) -> None:
        if "parent" in fields:
            self._nest(item, fields.pop("parent"))
        if "blocks" in fields:
            self._block(item, fields.pop("blocks"))
        body = self._body(fields)
        if not fields:
            return
        if "description" in fields:
            kept = _MARKER.search(self._ask("GET", f"issues/{item}")["body"] or "")
            body["body"] = (fields["description"] or "") + (f"\n\n{kept[0].strip()}" if kept else "")
        self._ask("PATCH", f"issues/{item}", body)

    def close(self, item: str) -> None:
        self._ask("PATCH", f"issues/{item}", {"state": "closed"})

    def reopen(self, item: str) -> None:
        self._ask("PATCH", f"issues/{item}", {"state": "open"})

    def delete(self, item: str) -> None:
        self.box.act("delete", repo=self.container, number=int(item))

    def task(self, item: str) -> dict[str, Any]:
        return self._shown(self._ask("GET", f"issues/{item}"))

    def tasks(self) -> dict[str, dict[str, Any]]:
        rows = self._all("issues?state=all")
        return {str(row["number"]): self._shown(row) for row in rows if "pull_request" not in row}

    def _shown(self, row: dict[str, Any]) -> dict[str, Any]:
        blocks = self._all(f"issues/{row['number']}/dependencies/blocking") if _blocks_some(row) else []
        return _shown(row) | {"blocks": frozenset(self._named(each["url"]) for each in blocks)}

    def _named(self, url: str) -> str:
        """The number of an issue of this repository, ``owner/repo#number`` of another one."""
        place, _, number = url.partition("/repos/")[2].partition("/issues/")
        return number if place == self.container else f"{place}#{number}"

    def _nest(self, item: str, parent: str | None) -> None:
        child = self._ask("GET", f"issues/{item}")
        body = {"sub_issue_id": child["id"]}
        if parent is not None:
            self._ask("POST", f"issues/{parent}/sub_issues", body | {"replace_parent": True})
        elif "parent_issue_url" in child:
            self._ask("DELETE", f"issues/{child['parent_issue_url'].rpartition('/')[2]}/sub_issue", body)

    def _block(self, item: str, blocks: Any) -> None:
        number = self._ask("GET", f"issues/{item}")["id"]
        held = self.task(item)["blocks"]
        for other in set(blocks) - held:
            self._ask("POST", f"issues/{other}/dependencies/blocked_by", {"issue_id": number})
        for other in held - set(blocks):
            self._ask("DELETE", f"issues/{other}/dependencies/blocked_by/{number}")

    # --- comments and time ----------------------------------------------------------------------------------------

    def comment(self, item: str, text: str) -> str:
        return str(self._ask("POST", f"issues/{item}/comments", {"body": text})["id"])

    def edit_comment(self, item: str, comment: str, text: str) -> None:
        kept = _MARKER.search(self._ask("GET", f"issues/comments/{comment}")["body"])
        self._ask("PATCH", f"issues/comments/{comment}", {"body": text + (f"\n\n{kept[0].strip()}" if kept else "")})

    def delete_comment(self, item: str, comment: str) -> None:
        self._ask("DELETE", f"issues/comments/{comment}")

    def comments(self, item: str) -> dict[str, dict[str, Any]]:
        rows = self._all(f"issues/{item}/comments")
        return {str(row["id"]): _said(row) for row in rows if not row["body"].startswith("/spend")}

    def log_time(self, item: str, seconds: int, on: str = "2026-11-20", note: str = "") -> str:
        return self.comment(item, _line(seconds, on, note))

    def edit_time(self, entry: str, seconds: int | None = None, note: str | None = None, on: str | None = None) -> None:
        now = self.times()[entry]
        said = _line(
            now["seconds"] if seconds is None else seconds, on or now["on"], now["note"] if note is None else note
        )
        self.edit_comment(now["task"], entry, said)

    def delete_time(self, entry: str) -> None:
        self._ask("DELETE", f"issues/comments/{entry}")

    def times(self) -> dict[str, dict[str, Any]]:
        found = {}
        for row in self._all("issues/comments?sort=created&direction=asc"):
            if spent := _SPEND.match(row["body"]):
                said = _said(row)
                found[str(row["id"])] = {
                    "task": row["issue_url"].rpartition("/")[2],
                    "seconds": int(spent[1] or 0) * 3600 + int(spent[2] or 0) * 60,
                    "on": spent[3] or row["created_at"][:10],
                    "note": said["text"][spent.end() :].strip(),
                    "person": said["author"],
                    "marker": said["marker"],
                }
        return found

    # --- counters -------------------------------------------------------------------------------------------------

    def writes(self) -> int:
        return len(self.box.log)

    def requests(self) -> int:
        return self.box.counts.requests

    def _ask(self, method: str, path: str, body: Any = None) -> Any:
        status, said = self.box.call(method, f"/repos/{self.container}/{path}", body, who="alice")
        assert status < 300, (method, path, status, said)
        return said

    def _all(self, path: str) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = []
        for page in range(1, 100):
            some = self._ask("GET", f"{path}{'&' if '?' in path else '?'}per_page=100&page={page}")
            rows += some
            if len(some) < 100:
                break
        return rows

    def _body(self, fields: dict[str, Any]) -> dict[str, Any]:
        body: dict[str, Any] = {}
        for name, value in fields.items():
            if name == "title":
                body["title"] = value
            elif name == "description":
                body["body"] = value
            elif name == "labels":
                body["labels"] = sorted(value)
            elif name == "assignee":
                body["assignees"] = [value] if value else []
            else:
                raise AssertionError(f"no field {name}")
        return body


def _line(seconds: int, on: str, note: str) -> str:
    hours, minutes = divmod(round(seconds / 60), 60)
    time = f"{f'{hours}h' if hours else ''}{f'{minutes}m' if minutes else ''}"
    return f"/spend {time} {on}" + (f"\n\n{note}" if note else "")


def _said(row: dict[str, Any]) -> dict[str, Any]:
    found = _MARKER.search(row["body"])
    text = _MARKER.sub("", row["body"])
    return {"text": text, "author": row["user"]["login"], "marker": _marked(found)}


def _shown(row: dict[str, Any]) -> dict[str, Any]:
    found = _MARKER.search(row["body"] or "")
    return {
        "title": row["title"],
        "description": _MARKER.sub("", row["body"] or "") or None,
        "is_closed": row["state"] == "closed",
        "labels": frozenset(each["name"] for each in row["labels"]),
        "assignee": row["assignees"][0]["login"] if row["assignees"] else None,
        "due_on": None,
        "start_on": None,
        "estimate": None,
        "parent": row["parent_issue_url"].rpartition("/")[2] if "parent_issue_url" in row else None,
        "blocks": frozenset(),
        "marker": _marked(found),
        "status": row["state"],
    }


def _blocks_some(row: dict[str, Any]) -> bool:
    return bool(row.get("issue_dependencies_summary", {}).get("total_blocking"))


def _marked(found: re.Match[str] | None) -> str | None:
    return f"{unquote(found[1])} {unquote(found[2])}" if found and found[1] else None
