"""The people of a repository in ``emulate``, a GitHub that others wrote: Octocat and Hubot."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, ClassVar, Self
from urllib.parse import parse_qs, urlsplit

from real.emulate import TOKENS, GithubEmulator
from real.proxy import Answer, Proxy
from trackers import github

from bridge.sandbox.server import call

COMMENTS = re.compile(r"/repos/([^/]+/[^/]+)/issues/comments")


class EmulatorBox:
    """A repository in ``server`` with the surface of the sandbox that People use; Bridge goes through ``proxy``."""

    def __init__(self, server: GithubEmulator) -> None:
        self.server = server
        self.proxy = Proxy(server.url, self.comments)
        self.url = self.proxy.url
        self.faults = self.proxy.faults
        self.fault = self.proxy.fault
        self.counts = self.proxy.counts

    def __enter__(self) -> Self:
        self.proxy.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        self.proxy.__exit__()

    @property
    def log(self) -> list[str]:
        return self.counts.writes()

    def token(self, who: str = "") -> str:
        return TOKENS[{"": "bridge", "alice": "octocat"}.get(who, who)]

    def call(self, method: str, path: str, body: Any = None, *, who: str = "") -> tuple[int, Any]:
        place = urlsplit(path)
        headers = {"Authorization": f"Bearer {self.token(who)}"}
        if method == "GET" and (said := self.comments(method, path, headers)) is not None:
            return said.status, json.loads(said.body)
        return call(f"{self.server.url}{place.path}?{place.query}", method, body, token=self.token(who))

    def comments(self, method: str, path: str, headers: Mapping[str, str]) -> Answer | None:
        """GET /repos/…/issues/comments, which the emulator takes for an issue called "comments" (404): put together from
        its own answers for each issue.
        """
        place = urlsplit(path)
        found = COMMENTS.fullmatch(place.path)
        if method != "GET" or found is None:
            return None
        query = {name: values[0] for name, values in parse_qs(place.query).items()}
        issues = self._rows(f"/repos/{found[1]}/issues?state=all&", headers)
        rows = [
            row
            for issue in issues
            if issue["comments"]
            for row in self._rows(f"/repos/{found[1]}/issues/{issue['number']}/comments?", headers)
        ]
        rows = [row for row in rows if row["updated_at"] >= query.get("since", "")]
        key = f"{query.get('sort', 'created')}_at"
        rows.sort(key=lambda row: (row[key], row["id"]), reverse=query.get("direction", "asc") == "desc")
        size, page = int(query.get("per_page", 30)), int(query.get("page", 1))
        said = [("Content-Type", "application/json; charset=utf-8")]
        if len(rows) > size * page:
            rest = "&".join(f"{name}={value}" for name, value in query.items() if name != "page")
            said.append(("Link", f'<{self.url}{place.path}?{rest}&page={page + 1}>; rel="next"'))
        return Answer(200, tuple(said), json.dumps(rows[size * (page - 1) : size * page]).encode())

    def _rows(self, path: str, headers: Mapping[str, str]) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = []
        for page in range(1, 20):
            some = json.loads(self.proxy.forward("GET", f"{path}per_page=100&page={page}", headers).body)
            rows += some
            if len(some) < 100:
                break
        return rows


class People(github.People):
    """In the next repository that nobody has used. Nobody can delete an issue there."""

    persons: ClassVar = {"octocat": "octocat", "hubot": "hubot"}
    can = frozenset(github.People.can) - {"parent", "blocks", "delete-task"}

    def __init__(self, server: GithubEmulator) -> None:
        self.container = server.repos.pop()
        self.box = EmulatorBox(server)

    def evidence(self) -> list[Any]:
        """Every issue and comment as the emulator tells it, times to the millisecond: any PATCH moves them."""
        return [self._all("issues?state=all"), self._all("issues/comments"), self._all("labels")]
