"""A scripted Artala for the shapes that a well-behaved sandbox never shows: odd caps, links, shifting rows, bare answers."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import httpx

from connectors.artala import Artala
from connectors.artala_config import ArtalaConfig
from connectors.pace import Retry

if TYPE_CHECKING:
    from collections.abc import Callable

    from connectors.base import Page

BOARD = "3fa85f64-5717-4562-b3fc-2c963f66afa6"
DATE = "Sat, 21 Nov 2026 12:00:00 GMT"
TASK_FIELDS = frozenset({"title", "description", "status", "labels"})
CONDITION = re.compile(r"(\w+) (eq|ge) ('(?:[^']|'')*'|\S+)")


def guid(number: int) -> str:
    return f"00000000-0000-4000-8000-{number:012d}"


def row(number: int, updated: str, **more: Any) -> dict[str, Any]:
    return {"Id": guid(number), "BoardId": BOARD, "Title": f"Task {number}", "UpdatedAt": updated, **more}


@dataclass
class Board:
    """Feeds by name and REST answers by "METHOD path"; every request is kept."""

    feeds: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    rest: dict[str, Any] = field(default_factory=dict)
    cap: int = 1000
    links: bool = False
    etags: bool = False
    date: str = DATE
    asked: list[str] = field(default_factory=list)
    bodies: list[Any] = field(default_factory=list)
    before_page: Callable[[int], None] | None = None

    def connector(self, **settings: Any) -> Artala:
        config = ArtalaConfig(token="tb_placeholder", requests_per_minute=0, **settings)
        return Artala("plan", config, transport=httpx.MockTransport(self._answer), retry=Retry(sleep=_at_once))

    def _answer(self, request: httpx.Request) -> httpx.Response:
        path = request.url.path
        self.asked.append(f"{request.method} {path}")
        if path.startswith("/odata/"):
            return self._feed(request, path.removeprefix("/odata/"))
        if request.content:
            self.bodies.append(request.read() and httpx.Response(200, content=request.content).json())
        answer = self.rest.get(f"{request.method} {path.removeprefix('/api/')}", 404)
        status, body = (answer, None) if isinstance(answer, int) else (200, answer)
        return (
            httpx.Response(status, json=body, headers={"date": self.date})
            if body is not None
            else httpx.Response(status)
        )

    def _feed(self, request: httpx.Request, name: str) -> httpx.Response:
        if self.before_page is not None:
            self.before_page(len(self.asked))
        query = dict(request.url.params)
        rows = [one for one in self.feeds.get(name, []) if _fits(one, query.get("$filter", ""))]
        rows.sort(key=lambda one: [one.get(column) or "" for column in query["$orderby"].split(",")])
        skip, top = int(query.get("$skip", 0)), int(query["$top"])
        cut = rows[skip : skip + min(top, self.cap)]
        body: dict[str, Any] = {"value": cut}
        if self.links and skip + len(cut) < min(len(rows), skip + top):
            body["@odata.nextLink"] = f"https://elsewhere.example/odata/{name}?$skip={skip + len(cut)}"
        etag = f'"{hash((str(request.url), repr(body)))}"'
        headers = {"date": self.date} | ({"etag": etag} if self.etags else {})
        if self.etags and request.headers.get("if-none-match") == etag:
            return httpx.Response(304, headers=headers)
        return httpx.Response(200, json=body, headers=headers)


def _fits(one: dict[str, Any], condition: str) -> bool:
    for column, operator, literal in CONDITION.findall(condition):
        wanted = literal[1:-1].replace("''", "'") if literal.startswith("'") else literal
        value = one.get(column)
        if value is None or not (str(value) == wanted if operator == "eq" else str(value) >= wanted):
            return False
    return True


async def _at_once(_seconds: float) -> None:
    return None


async def pages(
    artala: Artala, cursor: str | None = None, *, fields: frozenset[str] = TASK_FIELDS, sweep: bool = False
) -> list[Page]:
    return [page async for page in artala.pull(BOARD, "task", cursor, fields=fields, sweep=sweep)]


def ids(found: list[Page]) -> list[int]:
    return [int(record.ref.id[-12:]) for page in found for record in page.records]
