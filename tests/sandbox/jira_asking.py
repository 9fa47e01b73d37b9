"""Requests to the Jira sandbox as its own clients make them: Basic on Cloud, Bearer on Data Center."""

from __future__ import annotations

import base64
from typing import Any
from urllib.parse import urlencode

from sandbox.asking import Got, ask

from bridge.sandbox.server import Sandbox


def credentials(box: Sandbox, who: str) -> str:
    if not box.tracker.is_cloud:
        return f"Bearer {box.token(who)}"
    return "Basic " + base64.b64encode(f"{who}@example.com:{box.token(who)}".encode()).decode()


def said(box: Sandbox, method: str, path: str, body: Any = None, *, who: str = "bridge-bot", **query: Any) -> Got:
    """One request below the API's root; keywords are its query."""
    address = f"{box.tracker.settings.context}{box.tracker.api}{path}" + (f"?{urlencode(query)}" if query else "")
    return ask(box, method, address, body, authorization=credentials(box, who))


def done(box: Sandbox, method: str, path: str, body: Any = None, *, who: str = "bridge-bot", **query: Any) -> Any:
    """The same, and it must be accepted."""
    got = said(box, method, path, body, who=who, **query)
    assert got.status < 300, (method, path, got.status, got.body)
    return got.body


def text(box: Sandbox, words: str) -> Any:
    if not box.tracker.is_cloud:
        return words
    content = [{"type": "paragraph", "content": [{"type": "text", "text": words}]}] if words else []
    return {"type": "doc", "version": 1, "content": content}


def fields(**members: Any) -> dict[str, Any]:
    return {"fields": {"project": {"key": "APP"}, "issuetype": {"name": "Task"}, "summary": "x"} | members}


def made(box: Sandbox, *, who: str = "bridge-bot", **members: Any) -> str:
    """The id of a new issue."""
    return str(done(box, "POST", "/issue", fields(**members), who=who)["id"])


def issue(box: Sandbox, number: str, *, who: str = "bridge-bot", **query: Any) -> dict[str, Any]:
    return dict(done(box, "GET", f"/issue/{number}", who=who, **query)["fields"])


def search(box: Sandbox, jql: str, *, who: str = "bridge-bot", **members: Any) -> Got:
    path = "/search/jql" if box.tracker.is_cloud else "/search"
    return said(box, "POST", path, {"jql": jql, "fields": ["summary", "updated"]} | members, who=who)


def found(box: Sandbox, jql: str, *, who: str = "bridge-bot", **members: Any) -> list[str]:
    """Summaries, in the order of the answer."""
    got = search(box, jql, who=who, **members)
    assert got.status == 200, got.body
    return [row["fields"]["summary"] for row in got.body["issues"]]


def go(box: Sandbox, number: str, *names: str, who: str = "bridge-bot") -> None:
    """Through transitions by name."""
    for name in names:
        rows = done(box, "GET", f"/issue/{number}/transitions", who=who)["transitions"]
        way = {row["name"]: row["id"] for row in rows}
        done(box, "POST", f"/issue/{number}/transitions", {"transition": {"id": way[name]}}, who=who)
