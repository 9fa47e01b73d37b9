"""The least that a two-way engine must do, without an engine: same pages, same writes, same rows, nothing else.

    python benchmarks/bare_loop.py DATABASE GITHUB_URL GITHUB_TOKEN REPOSITORY ARTALA_URL ARTALA_TOKEN BOARD

One blocking connection a side (http.client), typed decoding (msgspec), upserts by executemany into SQLite. The first
tick reads everything, joins equal titles and creates what has no partner on GitHub; the next ones read what changed,
write it to the other side and store what both sides hold. No journal, no merge, no retry, no second thoughts: fast and
unsafe on purpose, as the line that Bridge is measured against.
"""

from __future__ import annotations

import http.client
import re
import sqlite3
import sys
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote, urlsplit

import msgspec

MARKER = re.compile(r"\n*<!-- bridge:v1 [^>]*-->\s*$")
PAGE = 1000
SCHEMA = """
    CREATE TABLE IF NOT EXISTS cursor (side TEXT PRIMARY KEY, since TEXT NOT NULL, etag TEXT NOT NULL);
    CREATE TABLE IF NOT EXISTS item (side TEXT, id TEXT, title TEXT, version TEXT, fields BLOB,
                                     PRIMARY KEY (side, id)) WITHOUT ROWID;
    CREATE INDEX IF NOT EXISTS item_title ON item (side, title);
    CREATE TABLE IF NOT EXISTS pair (left_id TEXT PRIMARY KEY, right_id TEXT UNIQUE) WITHOUT ROWID;
"""
UPSERT = """
    INSERT INTO item (side, id, title, version, fields) VALUES (?, ?, ?, ?, ?)
    ON CONFLICT (side, id) DO UPDATE SET title = excluded.title, version = excluded.version, fields = excluded.fields
"""


class Name(msgspec.Struct):
    name: str


class Issue(msgspec.Struct):
    number: int
    title: str
    state: str
    updated_at: str
    body: str | None = None
    labels: list[Name] = []
    pull_request: msgspec.Raw = msgspec.Raw(b"")


class Task(msgspec.Struct):
    Id: str
    Title: str
    Status: str
    UpdatedAt: str
    Description: str | None = None
    AssigneeId: str | None = None
    Priority: int = 2
    DueDate: str | None = None
    StartDate: str | None = None
    CoverColor: str | None = None
    Effort: int | None = None


class TaskLabel(msgspec.Struct):
    TaskId: str
    LabelName: str


class Feed(msgspec.Struct):
    value: list[Task]


class LabelFeed(msgspec.Struct):
    value: list[TaskLabel]


ISSUES = msgspec.json.Decoder(list[Issue])
ISSUE = msgspec.json.Decoder(Issue)
FEED = msgspec.json.Decoder(Feed)
LABELS = msgspec.json.Decoder(LabelFeed)
ENCODE = msgspec.json.Encoder().encode


class Line:
    """One kept-alive connection to one tracker."""

    def __init__(self, url: str, token: str) -> None:
        self.netloc = urlsplit(url).netloc
        self.connection = http.client.HTTPConnection(self.netloc, timeout=600)
        self.headers = {"Authorization": f"Bearer {token}", "User-Agent": "bare-loop", "Accept": "application/json"}

    def ask(self, method: str, path: str, body: Any = None, *, etag: str = "") -> tuple[int, bytes, Any]:
        headers = self.headers | ({"If-None-Match": etag} if etag else {})
        if body is not None:
            headers["Content-Type"] = "application/json"
        self.connection.request(method, path, None if body is None else ENCODE(body), headers)
        answer = self.connection.getresponse()
        content = answer.read()
        if answer.status >= 400:
            raise SystemExit(f"{method} {path}: {answer.status} {content[:300]!r}")
        return answer.status, content, answer.headers


class Github:
    """Issues of one repository."""

    def __init__(self, line: Line, repository: str) -> None:
        self.line = line
        self.root = f"/repos/{repository}"

    def changed(self, since: str, etag: str) -> Iterator[tuple[list[Issue], str]]:
        """Pages of what changed, oldest first, with the tag of the first page."""
        path = f"{self.root}/issues?state=all&sort=updated&direction=asc&per_page=100"
        path += f"&since={quote(since)}" if since else ""
        while path:
            status, content, headers = self.line.ask("GET", path, etag=etag)
            if status == 304:
                return
            yield ISSUES.decode(content), headers["ETag"] or ""
            etag = ""
            found = re.search(r'<([^>]*)>; rel="next"', headers["Link"] or "")
            path = "" if found is None else found[1][found[1].index("/", 8) :]

    def create(self, task: Task, labels: list[str], board: str) -> Issue:
        body = f"{task.Description or ''}\n\n<!-- bridge:v1 artala {board}#{task.Id} -->"
        _, content, _ = self.line.ask(
            "POST", f"{self.root}/issues", {"title": task.Title, "body": body, "labels": labels}
        )
        return ISSUE.decode(content)

    def update(self, number: str, title: str) -> Issue:
        _, content, _ = self.line.ask("PATCH", f"{self.root}/issues/{number}", {"title": title})
        return ISSUE.decode(content)


class Artala:
    """Tasks of one board."""

    def __init__(self, line: Line, board: str) -> None:
        self.line = line
        self.board = board

    def changed(self, since: str) -> Iterator[list[Task]]:
        """Pages of what changed, oldest first, by the last time seen."""
        while True:
            where = f"BoardId eq {self.board}" + (f" and UpdatedAt ge {since}" if since else "")
            query = f"$filter={quote(where)}&$orderby=UpdatedAt,Id&$top={PAGE}"
            page = FEED.decode(self.line.ask("GET", f"/odata/Tasks?{query}")[1]).value
            yield page
            if len(page) < 100 or page[-1].UpdatedAt == since:
                return
            since = page[-1].UpdatedAt

    def labels(self) -> dict[str, list[str]]:
        held: dict[str, list[str]] = {}
        skip = 0
        while True:
            query = f"$filter={quote(f'BoardId eq {self.board}')}&$orderby=TaskId,LabelName&$top={PAGE}&$skip={skip}"
            page = LABELS.decode(self.line.ask("GET", f"/odata/TaskLabels?{query}")[1]).value
            for row in page:
                held.setdefault(row.TaskId, []).append(row.LabelName)
            skip += len(page)
            if len(page) < 100:
                return held

    def update(self, task: Task, title: str) -> None:
        body = {
            "title": title,
            "description": task.Description,
            "assigneeId": task.AssigneeId,
            "priority": task.Priority,
            "dueDate": task.DueDate,
            "startDate": task.StartDate,
            "coverColor": task.CoverColor,
            "effort": task.Effort,
        }
        self.line.ask("PUT", f"/api/tasks/{task.Id}", body)


def issue_row(issue: Issue) -> tuple[str, str, str, str, bytes]:
    labels = sorted(label.name for label in issue.labels)
    fields = ENCODE((MARKER.sub("", issue.body or ""), issue.state, labels))
    return "github", str(issue.number), issue.title, issue.updated_at, fields


def task_row(task: Task) -> tuple[str, str, str, str, bytes]:
    return "artala", task.Id, task.Title, task.UpdatedAt, ENCODE(task)


def tick(db: sqlite3.Connection, github: Github, artala: Artala) -> None:
    cursors = {side: (since, etag) for side, since, etag in db.execute("SELECT side, since, etag FROM cursor")}
    held = {} if cursors else artala.labels()
    since, etag = cursors.get("github", ("", ""))
    edited_issues, newest, tag = [], since, etag
    for issues, first_tag in github.changed(since, etag):
        real = [issue for issue in issues if not issue.pull_request]
        edited_issues += changed_items(db, "github", [(str(issue.number), issue.title) for issue in real])
        db.executemany(UPSERT, [issue_row(issue) for issue in real])
        newest = max([newest, *(issue.updated_at for issue in real)])
        tag = first_tag
    store(db, "github", newest, tag)
    since, _ = cursors.get("artala", ("", ""))
    edited_tasks, newest = [], since
    for tasks in artala.changed(since):
        edited_tasks += changed_items(db, "artala", [(task.Id, task.Title) for task in tasks])
        db.executemany(UPSERT, [task_row(task) for task in tasks])
        newest = max([newest, *(task.UpdatedAt for task in tasks)])
    store(db, "artala", newest, "")
    if not cursors:
        join(db, github, artala, held)
    carry(db, github, artala, edited_issues, edited_tasks)


def changed_items(db: sqlite3.Connection, side: str, seen: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """Those whose title is not the one stored; new ones are not changes."""
    stored: dict[str, str] = {}
    for start in range(0, len(seen), 500):
        ids = [item for item, _ in seen[start : start + 500]]
        marks = ",".join("?" * len(ids))
        stored.update(db.execute(f"SELECT id, title FROM item WHERE side = ? AND id IN ({marks})", (side, *ids)))
    return [(item, title) for item, title in seen if stored.get(item, title) != title]


def store(db: sqlite3.Connection, side: str, since: str, etag: str) -> None:
    db.execute("INSERT OR REPLACE INTO cursor VALUES (?, ?, ?)", (side, since, etag))


def join(db: sqlite3.Connection, github: Github, artala: Artala, labels: dict[str, list[str]]) -> None:
    """Equal titles are pairs; a task without an issue becomes one."""
    db.execute(
        "INSERT OR IGNORE INTO pair SELECT l.id, r.id FROM item l JOIN item r ON l.title = r.title"
        " WHERE l.side = 'github' AND r.side = 'artala'"
    )
    alone = db.execute(
        "SELECT fields FROM item WHERE side = 'artala' AND id NOT IN (SELECT right_id FROM pair)"
    ).fetchall()
    decode = msgspec.json.Decoder(Task).decode
    made = []
    for (fields,) in alone:
        task = decode(fields)
        made.append((github.create(task, sorted(labels.get(task.Id, [])), artala.board), task.Id))
    db.executemany(UPSERT, [issue_row(issue) for issue, _ in made])
    db.executemany("INSERT INTO pair VALUES (?, ?)", [(str(issue.number), task) for issue, task in made])


def carry(
    db: sqlite3.Connection,
    github: Github,
    artala: Artala,
    issues: list[tuple[str, str]],
    tasks: list[tuple[str, str]],
) -> None:
    """Titles changed on one side are written to the other."""
    decode = msgspec.json.Decoder(Task).decode
    rows = []
    for number, title in issues:
        (fields,) = db.execute(
            "SELECT fields FROM item JOIN pair ON id = right_id WHERE side = 'artala' AND left_id = ?", (number,)
        ).fetchone()
        task = decode(fields)
        artala.update(task, title)
        task.Title = title
        rows.append(task_row(task))
    for task_id, title in tasks:
        (number,) = db.execute("SELECT left_id FROM pair WHERE right_id = ?", (task_id,)).fetchone()
        rows.append(issue_row(github.update(number, title)))
    db.executemany(UPSERT, rows)


def main() -> None:
    path, github_url, github_token, repository, artala_url, artala_token, board = sys.argv[1:]
    db = sqlite3.connect(path, isolation_level=None)
    db.executescript("PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;" + SCHEMA)
    db.execute("BEGIN IMMEDIATE")
    tick(db, Github(Line(github_url, github_token), repository), Artala(Line(artala_url, artala_token), board))
    db.execute("COMMIT")
    db.close()


if __name__ == "__main__":
    main()
