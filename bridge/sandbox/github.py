"""The GitHub sandbox: who may come in, which handler answers, and what every answer carries.

Written from GitHub's own documents (OpenAPI description for 2022-11-28, docs on rate limits, conditional requests and
webhooks); it refuses what GitHub refuses and quietly drops what GitHub drops.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import msgspec
from starlette.applications import Starlette
from starlette.routing import Route

from bridge.sandbox import effects
from bridge.sandbox import github_issues as issues
from bridge.sandbox import github_relations as relations
from bridge.sandbox import github_rest as rest
from bridge.sandbox import github_rules as rules
from bridge.sandbox import github_shapes as shapes
from bridge.sandbox.clock import Clock, iso
from bridge.sandbox.exchange import Ask, Refused, Reply
from bridge.sandbox.faults import Fault, Faults
from bridge.sandbox.frame import Endpoint, decode, emit
from bridge.sandbox.github_events import announce
from bridge.sandbox.github_seed import perform, sow, start
from bridge.sandbox.github_store import GithubStore, Issue, Repo
from bridge.sandbox.journal import Journal
from bridge.sandbox.outgoing import Outgoing

if TYPE_CHECKING:
    from starlette.types import Receive, Scope, Send

RANKS = ("read", "triage", "write", "maintain", "admin")
HOUR_S = 3600


@dataclass(slots=True)
class GithubSettings:
    """Switches. ``rate_limit`` per user and hour (0: no limit and no headers, as on GHES); ``paging`` is "page" or
    "after"; ``page_limit`` issues and more force "after"; ``late_reason`` lets a closed issue change its reason;
    ``strict_members`` refuses body members that GitHub would ignore; ``grain_s`` is how coarse ``updated_at`` is (60: whole
    minutes); ``relations_move`` lets sub-issues and dependencies move ``updated_at``.
    """

    rate_limit: int = 100_000
    paging: str = "page"
    page_limit: int = 0
    late_reason: bool = False
    strict_members: bool = True
    etags: bool = True
    grain_s: int = 1
    relations_move: bool = False


@dataclass(frozen=True, slots=True)
class Budget:
    """One user's hour."""

    limit: int
    used: int
    reset: int

    def as_json(self) -> dict[str, int]:
        left = max(0, self.limit - self.used)
        return {"limit": self.limit, "used": self.used, "remaining": left, "reset": self.reset}


class GithubSandbox:
    """See ``exchange.Tracker``."""

    name = "github"

    def __init__(self, **settings: Any) -> None:
        self.settings = GithubSettings(**settings)
        self.clock, self.journal, self.faults = Clock(), Journal(), Faults()
        self.outgoing = Outgoing("github")
        self.store: GithubStore = start()
        self._used: Counter[tuple[str, int]] = Counter()
        self._shapers: dict[tuple[str, bool], shapes.Shaper] = {}
        self.app = _Entry(self)

    def tokens(self) -> dict[str, str]:
        return {login: token for token, login in reversed(self.store.tokens.items())}

    def container(self) -> str:
        return next(iter(self.store.repos.values())).full_name

    def seed(self, plan: dict[str, Any]) -> dict[str, Any]:
        return sow(self, plan)

    def act(self, deed: dict[str, Any]) -> dict[str, Any]:
        return perform(self, deed)

    def refuse(self, fault: Fault, ask: Ask) -> Reply:
        return refusal(self, fault, ask)

    # ---- what the handlers ask

    def now_s(self) -> int:
        """What is written into ``created_at`` and ``updated_at``."""
        now = int(self.clock.now())
        return now - now % self.settings.grain_s

    def singular(self, ask: Ask) -> bool:
        """Whether this request's API version still has the singular ``assignee``."""
        return ask.headers.get("x-github-api-version", rules.VERSIONS[0]) == rules.VERSIONS[0]

    def shaper(self, ask: Ask) -> shapes.Shaper:
        key = (ask.base, self.singular(ask))
        if key not in self._shapers or self._shapers[key].users is not self.store.users:
            self._shapers[key] = shapes.Shaper(ask.base, self.store, singular=key[1])
        return self._shapers[key]

    def budget(self, ask: Ask, *, spend: int = 0) -> Budget:
        hour = int(self.clock.now()) // HOUR_S
        self._used[ask.who, hour] += spend
        return Budget(self.settings.rate_limit, self._used[ask.who, hour], (hour + 1) * HOUR_S)

    def save(self, ask: Ask, repo: Repo, before: Issue | None, after: Issue, *, verb: str) -> Issue:
        """Store, date, log and announce an issue; a write that alters nothing leaves ``updated_at`` alone."""
        now = self.clock.now()
        changed = before != after
        if changed:
            after = repo.put(replace(after, updated_at=self.now_s()) if before else after, now)
            relations.redraw(self.store, before, after)
        self.note(ask, verb, "issue", f"{repo.full_name}#{after.number}", changed=changed)
        item, old = f"{repo.full_name}#{after.number}", before.body if before else None
        effects.note(self.journal, ask.who, item, effects.on_github, after=after.body, before=old)
        if changed and self.outgoing.targets:
            announce(self, ask, repo, before, after)
        return after

    def note(self, ask: Ask, verb: str, kind: str, item: str, *, changed: bool = True) -> None:
        at = iso(self.clock.now())
        self.journal.write(at, ask.who, verb, ask.request(), (kind, item), changed=changed)

    def tell(self, event: str, action: str, ask: Ask, repo: Repo, **members: Any) -> None:
        """Send a webhook."""
        if not self.outgoing.targets:
            return
        body = {
            "action": action,
            **members,
            "repository": shapes.repository(ask.base, repo, self.store.users, ask.who, singular=True),
            "sender": shapes.user(ask.base, ask.who, self.store.users.get(ask.who, 0)),
        }
        self.outgoing.send(event, msgspec.json.encode(body))

    def can(self, ask: Ask, repo: Repo, role: str) -> bool:
        if token_of(ask) in self.store.read_only_tokens:
            return False
        have = repo.roles.get(ask.who)
        return have is not None and RANKS.index(have) >= RANKS.index(role)

    def may(self, ask: Ask, repo: Repo, role: str, message: str = "") -> None:
        """Refuse with 403 unless the token has at least this role."""
        if token_of(ask) in self.store.read_only_tokens:
            needs = {"x-accepted-github-permissions": "issues=write"}
            rules.refuse(403, "Resource not accessible by personal access token", needs)
        if not self.can(ask, repo, role):
            rules.refuse(403, message or "Must have push access to repository.")

    def repo_of(self, ask: Ask) -> Repo:
        """The repository of the path.

        Raises: Refused with 404, or 301 (GET) and 307 to the address by number after a rename.
        """
        full_name = f"{ask.params['owner']}/{ask.params['repo']}"
        repo = self.store.repo(full_name)
        former = repo is None
        if former:
            repo = self.store.repos.get(self.store.moved.get(full_name.casefold(), 0))
        if repo is None or (repo.private and ask.who not in repo.roles):
            rules.refuse(404, "Not Found")
        if former:
            raise Refused(moved(ask, repo))
        return repo


class _Entry:
    """Turns addresses by number into addresses by name, then lets the routes answer."""

    def __init__(self, box: GithubSandbox) -> None:
        self.box = box
        self.routes = Starlette(routes=routes(box), exception_handlers={404: _not_found, 405: _not_found})

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path: str = scope["path"]
        if path.startswith("/repositories/"):
            _, _, number, *rest = path.split("/")
            repo = self.box.store.repos.get(int(number)) if number.isdigit() else None
            if repo is not None:
                path = "/".join(("/repos", repo.full_name, *rest))
        await self.routes({**scope, "path": path, "raw_path": path.encode()}, receive, send)


async def _not_found(request: Any, _: Exception) -> Any:
    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        del scope, receive
        await emit(send, rules.plain(404, "Not Found"))

    del request
    return answer


def routes(box: GithubSandbox) -> list[Route]:
    repo, one = "/repos/{owner}/{repo}", "/repos/{owner}/{repo}/issues/{number:int}"
    table: list[tuple[str, str, Any]] = [
        ("GET", "/user", rest.me),
        ("GET", "/users/{login}", rest.person),
        ("GET", "/rate_limit", rest.limits),
        ("GET", "/versions", rest.versions),
        ("GET", repo, rest.repository),
        ("GET", f"{repo}/issue-types", rest.types),
        ("GET", f"{repo}/assignees", rest.assignees),
        ("GET", f"{repo}/assignees/{{login}}", rest.assignee),
        ("GET POST", f"{repo}/labels", rest.labels),
        ("GET PATCH DELETE", f"{repo}/labels/{{name:path}}", rest.label),
        ("GET POST", f"{repo}/milestones", rest.milestones),
        ("GET PATCH DELETE", f"{repo}/milestones/{{number:int}}", rest.milestone),
        ("GET", f"{repo}/issues", issues.listing),
        ("POST", f"{repo}/issues", issues.create),
        ("GET", f"{repo}/issues/comments", rest.repo_comments),
        ("GET PATCH DELETE", f"{repo}/issues/comments/{{number:int}}", rest.comment),
        ("GET", one, issues.get),
        ("PATCH", one, issues.change),
        ("GET POST", f"{one}/comments", rest.issue_comments),
        ("GET POST PUT DELETE", f"{one}/labels", issues.labels),
        ("DELETE", f"{one}/labels/{{name:path}}", issues.unlabel),
        ("POST DELETE", f"{one}/assignees", issues.assignees),
        ("PUT DELETE", f"{one}/lock", issues.lock),
        ("GET", f"{one}/parent", relations.parent),
        ("GET POST", f"{one}/sub_issues", relations.sub_issues),
        ("DELETE", f"{one}/sub_issue", relations.sub_issue),
        ("GET POST", f"{one}/dependencies/blocked_by", relations.blocked_by),
        ("DELETE", f"{one}/dependencies/blocked_by/{{issue_id:int}}", relations.unblock),
        ("GET", f"{one}/dependencies/blocking", relations.blocking),
    ]
    return [
        Route(path, Endpoint(box, handler, path, guard=guard, finish=finish), methods=methods.split())
        for methods, path, handler in table
    ]


def token_of(ask: Ask) -> str:
    scheme, _, token = ask.headers.get("authorization", "").partition(" ")
    return token.strip() if scheme.lower() in ("bearer", "token") else ""


def guard(box: GithubSandbox, ask: Ask) -> None:
    """What is checked before any handler: user agent, version, token, limit, JSON."""
    if not ask.headers.get("user-agent"):
        rules.refuse(
            403,
            "Request forbidden by administrative rules. Please make sure your request has a User-Agent header "
            "(https://docs.github.com/en/rest/overview/resources-in-the-rest-api#user-agent-required).",
        )
    version = ask.headers.get("x-github-api-version")
    if version is not None and version not in rules.VERSIONS:
        rules.refuse(400, f"The API version {version!r} is not supported. Supported: {', '.join(rules.VERSIONS)}.")
    if "authorization" in ask.headers:
        login = box.store.tokens.get(token_of(ask))
        if login is None:
            rules.refuse(401, "Bad credentials")
        ask.who = login
    elif ask.path == "/user" or ask.method != "GET":
        rules.refuse(401, "Requires authentication")
    if box.settings.rate_limit and ask.path != "/rate_limit" and box.budget(ask).used >= box.settings.rate_limit:
        raise Refused(over_limit(box, ask, 403))
    try:
        ask.body = decode(ask.raw)
    except ValueError:
        rules.refuse(400, "Problems parsing JSON")


def finish(box: GithubSandbox, ask: Ask, reply: Reply) -> Reply:
    """ETag and 304, then the limit headers; a 304 costs nothing."""
    if ask.method == "GET" and reply.status == 200 and box.settings.etags:
        reply.content = reply.payload()
        tag = f'W/"{_digest(ask, reply)}"'
        reply.headers["etag"] = tag
        reply.headers["cache-control"] = "private, max-age=60, s-maxage=60"
        reply.headers["vary"] = "Accept, Authorization, Cookie, X-GitHub-OTP"
        if tag in [part.strip() for part in ask.headers.get("if-none-match", "").split(",")]:
            reply.status, reply.content = 304, None
    free = reply.status == 304 or ask.path == "/rate_limit"
    if box.settings.rate_limit and "x-ratelimit-limit" not in reply.headers:
        budget = box.budget(ask, spend=0 if free else 1).as_json()
        reply.headers |= {f"x-ratelimit-{name}": str(value) for name, value in budget.items()}
        reply.headers["x-ratelimit-resource"] = "core"
    reply.headers.setdefault(
        "x-github-api-version-selected", ask.headers.get("x-github-api-version", rules.VERSIONS[0])
    )
    reply.headers["x-github-media-type"] = "github.v3; format=json"
    return reply


def _digest(ask: Ask, reply: Reply) -> str:
    parts = (token_of(ask), ask.headers.get("accept", ""), ask.path, ask.raw_query, reply.headers.get("link", ""))
    return hashlib.sha256("\n".join(parts).encode() + reply.payload()).hexdigest()


def moved(ask: Ask, repo: Repo) -> Reply:
    tail = ask.path.split("/", 4)[4:]
    query = f"?{ask.raw_query}" if ask.raw_query else ""
    address = "/".join((f"{ask.base}/repositories/{repo.id}", *tail)) + query
    status, words = (301, "Moved Permanently") if ask.method in ("GET", "HEAD") else (307, "Temporary Redirect")
    return rules.plain(status, words, {"location": address}, url=address)


def over_limit(box: GithubSandbox, ask: Ask, status: int) -> Reply:
    hour_end = (int(box.clock.now()) // HOUR_S + 1) * HOUR_S
    limit = box.settings.rate_limit or 5000
    headers = {"limit": limit, "used": limit, "remaining": 0, "reset": hour_end, "resource": "core"}
    message = f"API rate limit exceeded for user ID {box.store.users.get(ask.who, 0)}."
    return rules.plain(status, message, {f"x-ratelimit-{name}": str(value) for name, value in headers.items()})


def refusal(box: GithubSandbox, fault: Fault, ask: Ask) -> Reply:
    """A planned refusal in GitHub's words."""
    ask.who = box.store.tokens.get(token_of(ask), "")
    wait = {} if fault.retry_after is None else {"retry-after": str(fault.retry_after)}
    if fault.kind == "rate_limited":
        reply = over_limit(box, ask, fault.status or 403)
        if fault.seconds:
            reply.headers["x-ratelimit-reset"] = str(int(box.clock.now() + fault.seconds))
        reply.headers |= wait
        return reply
    if fault.kind == "secondary_limited":
        words = "You have exceeded a secondary rate limit. Please wait a few minutes before you try again."
        return rules.plain(fault.status or 403, words, wait)
    if fault.kind == "permission_lost":
        status = fault.status or 404
        return rules.plain(status, "Not Found" if status == 404 else "Resource not accessible by personal access token")
    if fault.kind == "moved":
        _, _, owner, name, *_ = (*ask.path.split("/"), "", "")
        repo = box.store.repo(f"{owner}/{name}") or next(iter(box.store.repos.values()))
        return moved(ask, repo)
    status = fault.status or 500
    return rules.plain(status, fault.message or "Server Error", wait)
