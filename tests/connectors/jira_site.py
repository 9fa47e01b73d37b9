"""A Jira sandbox in either dialect, with a connector that asks it and people who edit in it."""

from __future__ import annotations

from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from bridge.model import Marker, Record, Ref
from bridge.sandbox.server import Sandbox
from connectors.jira import Jira
from connectors.jira_config import JiraConfig
from connectors.pace import Retry

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from bridge.model import Fields
    from connectors.base import Page

FIELDS = frozenset({"title", "description", "status", "labels", "assignee", "due_on", "estimate", "parent", "blocks"})
MARKER = Marker("github", "acme/app#12")
DIALECTS = ("cloud", "dc")


async def _at_once(_seconds: float) -> None:
    return None


@dataclass
class Site:
    """One sandbox and one connector; ``ids`` are the issues' numbers by key."""

    box: Sandbox
    jira: Jira
    dialect: str
    asked: int = 0
    ids: dict[str, str] = field(default_factory=dict)

    @property
    def is_cloud(self) -> bool:
        return self.dialect == "cloud"

    @property
    def api(self) -> str:
        return "/rest/api/3" if self.is_cloud else "/rest/api/2"

    def person(self, name: str) -> str:
        """How the connector names somebody."""
        row = self.box.tracker.store.people[name]
        return row.account if self.is_cloud else row.name

    def ask(self, method: str, path: str, body: Any = None, *, who: str = "ann") -> Any:
        """One request of a person."""
        token = f"jira-sandbox-{who}"
        who_is = next((name for name, known in self.box.running.tokens.items() if known == token), who)
        status, answer = self.box.call(method, f"{self.api}/{path}", body, who=who_is)
        assert status < 400, answer
        return answer

    def seed(self, *rows: dict[str, Any], project: str = "APP") -> list[str]:
        """Issues; their ids."""
        keys = self.box.seed(project=project, issues=[{"summary": "One", **row} for row in rows])["keys"]
        found = [str(self.box.tracker.store.find(key).id) for key in keys]
        self.ids.update(zip(keys, found, strict=True))
        return found

    def text(self, words: str) -> Any:
        """A description or comment as this dialect takes it."""
        return adf(words) if self.is_cloud else words

    def value(self, words: str) -> str:
        """The same as a record's value."""
        said = f'{{"content":[{{"text":"{words}","type":"text"}}],"type":"paragraph"}}'
        return f'{{"content":[{said}],"type":"doc","version":1}}' if self.is_cloud else words

    def ref(self, id_: str, kind: str = "task") -> Ref:
        return Ref("work", "APP", kind, id_)

    def counted(self) -> int:
        """Requests of the connector since the last look."""
        now = self.jira.usage().requests
        before, self.asked = self.asked, now
        return now - before

    async def pages(self, kind: str = "task", cursor: str | None = None, *, sweep: bool = False) -> list[Page]:
        return [page async for page in self.jira.pull("APP", kind, cursor, fields=FIELDS, sweep=sweep)]

    async def fetch(self, id_: str, kind: str = "task") -> Record:
        return await self.jira.fetch(self.ref(id_, kind), fields=FIELDS)

    async def create(self, fields: Fields, kind: str = "task", marker: Marker = MARKER) -> Record:
        return await self.jira.create("APP", kind, fields, marker, key="k")

    async def update(self, record: Record, changes: Fields) -> Record:
        """All steps of a change, one after the other."""
        for step in self.jira.steps(record.ref.kind, changes.keys(), creating=False):
            some = {name: value for name, value in changes.items() if name in step.fields}
            record = await self.jira.update(record.ref, step, some, record)
        return record


def adf(words: str) -> dict[str, Any]:
    inner = [{"type": "text", "text": words}] if words else []
    return {"type": "doc", "version": 1, "content": [{"type": "paragraph", "content": inner}]}


@asynccontextmanager
async def site(dialect: str = "cloud", config: Mapping[str, Any] | None = None, **settings: Any) -> AsyncIterator[Site]:
    with Sandbox("jira" if dialect == "cloud" else "jira-dc", **settings) as box:
        given = {
            "base_url": box.url,
            "dialect": "cloud" if dialect == "cloud" else "data-center",
            "email": "bridge-bot@example.com" if dialect == "cloud" else "",
            "token": "jira-sandbox-bridge-bot",
            "write_interval_s": 0,
            **(config or {}),
        }
        jira = Jira("work", JiraConfig(**given), retry=Retry(sleep=_at_once))
        try:
            yield Site(box, jira, dialect)
        finally:
            await jira.aclose()


def records(found: list[Page]) -> list[Record]:
    return [record for page in found for record in page.records]
