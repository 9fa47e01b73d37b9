"""GitHub played from a script: each request must be the next one of the script, and all of it must be played."""

from __future__ import annotations

from datetime import UTC, datetime

import httpx

from bridge.model import Record, Ref
from connectors.github import Github
from connectors.github_config import GithubConfig
from connectors.pace import Retry

TOKEN = "tok-0123456789abcdef"
SECRET = "It's a Secret to Everybody"
NOW = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)
DATE = "Sat, 21 Nov 2026 09:00:00 GMT"
LIST = "/repos/acme/app/issues?state=all&sort=updated&direction=asc&per_page=100"
APP = "/repos/acme/app"


def answer(json=None, status=200, **headers):
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    content = {} if json is None else {"json": json}
    return httpx.Response(status, headers={"date": DATE, **named}, **content)


def issue(number, **members):
    """An issue with what GitHub never leaves out."""
    return {
        "number": number,
        "title": f"Issue {number}",
        "body": None,
        "state": "open",
        "labels": [],
        "assignees": [],
        "milestone": None,
        "locked": False,
        "updated_at": f"2026-11-20T10:00:{number % 60:02}Z",
        "html_url": f"https://github.com/acme/app/issues/{number}",
        **members,
    }


class Script:
    """``(method, path and query, answer)`` in order; the requests that came."""

    def __init__(self, *exchanges):
        self.left, self.requests = list(exchanges), []

    def __call__(self, request):
        self.requests.append(request)
        assert self.left, f"one request too many: {request.method} {request.url}"
        method, target, given = self.left.pop(0)
        host = "https://api.github.com"
        assert (method, target) == (request.method, str(request.url).removeprefix(host))
        if isinstance(given, Exception):
            raise given
        return given

    def github(self, **settings):
        config = GithubConfig.model_validate(
            {"token": TOKEN, "webhook_secret": SECRET, "write_interval_s": 0, "reserve_percent": 0, **settings}
        )
        retry = Retry(sleep=_no_sleep, now=lambda: NOW)
        return Github("github", config, transport=httpx.MockTransport(self), retry=retry)

    def body(self, index=-1):
        return httpx.Response(200, content=self.requests[index].content).json()


async def _no_sleep(_seconds):
    return None


def ref(number, kind="task", container="acme/app"):
    return Ref("github", container, kind, str(number))


def held(number=12, marker=None, **fields):
    """A record as the engine last saw it."""
    whole = {
        "title": f"Issue {number}", "description": None, "status": "open", "labels": (), "assignees": (),
        "milestone": None, "type": None, "locked": False, "number": str(number),
    }  # fmt: skip
    return Record(ref(number), {**whole, **fields}, "v", marker=marker)


async def pulled(github, cursor=None, kind="task", container="acme/app"):
    return [page async for page in github.pull(container, kind, cursor, fields=frozenset(), sweep=False)]
