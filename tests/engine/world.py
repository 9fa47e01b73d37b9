"""A world for engine tests: two sandbox trackers over real sockets, people who edit them, a Bridge with a real file."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime
from pathlib import Path
from typing import Any, Self

from bridge.config.loader import load
from bridge.engine.context import utc_now
from bridge.engine.report import PlanReport, RunReport
from bridge.sandbox.server import Sandbox
from bridge.wiring import Bridge

REPO = "acme/app"

CONFIG = """
[state]
url = "{state}"

[connections.artala]
type = "artala"
base_url = "{artala}"
requests_per_minute = 0
index_lag_s = 0
people_every_s = {people_every_s}
token_file = "{folder}/artala.token"
webhook_secret_file = "{folder}/hook.secret"
{artala_more}

[connections.github]
type = "github"
base_url = "{github}"
write_interval_s = 0
reserve_percent = 0
index_lag_s = 0
people_every_s = {people_every_s}
token_file = "{folder}/github.token"
webhook_secret_file = "{folder}/hook.secret"
{github_more}

[[people]]
artala = "sam@example.com"
github = "alice"

[[links]]
name = "app"
left = {{ connection = "artala", container = "{board}"{left_filter} }}
right = {{ connection = "github", container = "{repo}"{right_filter} }}
initial = "match-then-create"
{accepting}
{link_more}
{more_links}
"""


async def no_sleep(_: float) -> None:
    """Waiting, in a world whose trackers never lag."""


class World:
    """Two trackers and the file of one Bridge. A Bridge is opened for each run, as the one-shot command does."""

    def __init__(self, folder: Path, **more: str) -> None:
        self.folder = folder
        self.more = {
            "artala_more": "",
            "github_more": "",
            "link_more": "",
            "more_links": "",
            "people_every_s": "0",
            "accepting": "auto_accept = true",  # most tests are about what a change does, not about asking
            "left_filter": "",
            "right_filter": "",
            **more,
        }
        self.more.setdefault("state", f"sqlite:///{folder}/bridge.db")
        self.artala = Sandbox("artala")
        self.github = Sandbox("github")
        self.board = self.artala.running.container

    def __enter__(self) -> Self:
        self.artala.__enter__()
        self.github.__enter__()
        for box, name in ((self.artala, "artala"), (self.github, "github")):
            (self.folder / f"{name}.token").write_text(box.token())
            (self.folder / f"{name}.token").chmod(0o600)
        (self.folder / "hook.secret").write_text("a secret of the webhooks")
        (self.folder / "hook.secret").chmod(0o600)
        self.write_config()
        return self

    def __exit__(self, *_: object) -> None:
        self.github.__exit__()
        self.artala.__exit__()

    @property
    def config(self) -> Path:
        return self.folder / "bridge.toml"

    def write_config(self, **more: str) -> None:
        self.more |= more
        text = CONFIG.format(
            folder=self.folder,
            artala=self.artala.url,
            github=self.github.url,
            board=self.board,
            repo=REPO,
            **self.more,
        )
        self.config.write_text(text)

    # --- Bridge ---------------------------------------------------------------------------------------------------

    def open(
        self,
        *,
        sleep: Callable[[float], Awaitable[None]] = no_sleep,
        now: Callable[[], datetime] = utc_now,
    ) -> Bridge:
        return Bridge.open(load(self.config), sleep=sleep, now=now)

    async def sync(self, link: str = "app", **options: Any) -> RunReport:
        async with self.open() as bridge:
            return await bridge.sync(link, trigger="test", **{"sweep": True, **options})

    async def plan(self, **options: Any) -> PlanReport:
        async with self.open() as bridge:
            return await bridge.plan("app", **options)

    async def settle(self) -> RunReport:
        """Sync until nothing is written (at most two runs, I1), and prove it by a third."""
        await self.sync()
        await self.sync()
        writes = self.writes()
        report = await self.sync()

        assert self.writes() == writes
        return report

    # --- people and their trackers ---------------------------------------------------------------------------------

    def writes(self) -> int:
        return len(self.artala.log) + len(self.github.log)

    def creates(self, box: Sandbox) -> int:
        return sum(entry.verb == "create" and entry.author in ("bridge-bot", "bridge") for entry in box.log)

    def issue(self, number: int) -> dict[str, Any]:
        status, found = self.github.call("GET", f"/repos/{REPO}/issues/{number}", who="alice")
        assert status == 200
        return found

    def issues(self) -> list[dict[str, Any]]:
        status, found = self.github.call(
            "GET", f"/repos/{REPO}/issues?state=all&per_page=100&direction=asc", who="alice"
        )
        assert status == 200
        return found

    def new_issue(self, title: str, body: str = "", **members: Any) -> int:
        status, made = self.github.call(
            "POST", f"/repos/{REPO}/issues", {"title": title, "body": body, **members}, who="alice"
        )
        assert status == 201
        return made["number"]

    def edit_issue(self, number: int, **members: Any) -> None:
        status, _ = self.github.call("PATCH", f"/repos/{REPO}/issues/{number}", members, who="alice")
        assert status == 200

    def tasks(self) -> list[dict[str, Any]]:
        status, found = self.artala.call("GET", "/odata/Tasks?$orderby=CreatedAt,Id", who="sam")
        assert status == 200
        return found["value"]

    def task(self, task_id: str) -> dict[str, Any]:
        status, found = self.artala.call("GET", f"/api/tasks/{task_id}", who="sam")
        assert status == 200
        return found

    def new_task(self, title: str, description: str = "", **members: Any) -> str:
        status, made = self.artala.call(
            "POST",
            "/api/tasks",
            {"boardId": self.board, "title": title, "description": description, **members},
            who="sam",
        )
        assert status == 201
        return made["id"]

    def edit_task(self, task_id: str, **members: Any) -> None:
        """As a person in the app: every field keeps its value but those given."""
        now = self.task(task_id)
        names = ("title", "description", "assigneeId", "priority", "dueDate", "startDate", "coverColor", "effort")
        status, _ = self.artala.call(
            "PUT", f"/api/tasks/{task_id}", {**{name: now.get(name) for name in names}, **members}, who="sam"
        )
        assert status == 204

    def move_task(self, task_id: str, status: str) -> None:
        code, _ = self.artala.call("PATCH", f"/api/tasks/{task_id}/status", {"newStatus": status}, who="sam")
        assert code == 204

    def label_task(self, task_id: str, *names: str) -> None:
        _, known = self.artala.call("GET", "/api/labels", who="sam")
        ids = {row["name"]: row["id"] for row in known}
        for name in names:
            if name not in ids:
                status, made = self.artala.call("POST", "/api/labels", {"name": name})
                assert status in (200, 201)
                ids[name] = made["id"]
        status, _ = self.artala.call(
            "PUT", f"/api/labels/task/{task_id}", {"labelIds": [ids[name] for name in names]}, who="sam"
        )
        assert status == 204

    def labels_of(self, task_id: str) -> list[str]:
        _, rows = self.artala.call("GET", f"/api/labels/task/{task_id}", who="sam")
        return sorted(row["name"] for row in rows)
