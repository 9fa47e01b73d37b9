"""The TimeTracker sandbox: who may come in, which handler answers, which events go out.

Written from the program's documents and from what it was seen to do (version 5.10.0); where installations differ, there is
a setting.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec
from starlette.applications import Starlette
from starlette.routing import Route

from bridge.sandbox import timetracker_rest as rest
from bridge.sandbox import timetracker_rules as rules
from bridge.sandbox import timetracker_tasks as tasks
from bridge.sandbox import timetracker_time as time
from bridge.sandbox.clock import Clock, iso
from bridge.sandbox.exchange import Ask, Refused, Reply
from bridge.sandbox.faults import Fault, Faults
from bridge.sandbox.frame import Endpoint, decode, emit
from bridge.sandbox.journal import Journal
from bridge.sandbox.outgoing import Outgoing, Target
from bridge.sandbox.timetracker_seed import perform, sow, start
from bridge.sandbox.timetracker_store import Audit, User

if TYPE_CHECKING:
    from starlette.types import Receive, Scope, Send

    from bridge.sandbox.exchange import Handler
    from bridge.sandbox.timetracker_store import TimeTrackerStore

OPEN = ("/api/v1/info", "/api/v1/health")


@dataclass(slots=True)
class TimeTrackerSettings:
    """Switches for what installations differ in.

    ``zone`` of the program and ``storage`` (postgres-utc, postgres-local, sqlite) decide how times look; ``admin``: the token
    of ``bridge`` is an admin's with admin:all, else a plain user's; ``task_id_bug``: POST time-entries refuses every task_id;
    ``assignee_bug``: PATCH of a task ignores assignee_id; ``audit``: there is an audit log; ``per_minute`` and ``per_hour``
    requests a token (0: no limit); ``setup_required``: the wizard was not finished; ``require_task`` for time entries;
    ``closed_until``: the last day of the closed timesheet periods; ``plain_sees_projects``: plain users may read a project;
    ``bare``: nothing but people.
    """

    zone: str = "Europe/Rome"
    storage: str = "postgres-utc"
    admin: bool = True
    task_id_bug: bool = True
    assignee_bug: bool = True
    audit: bool = True
    per_minute: int = 100
    per_hour: int = 1000
    setup_required: bool = False
    require_task: bool = False
    closed_until: str = ""
    plain_sees_projects: bool = False
    bare: bool = False


class TimeTrackerSandbox:
    """See ``exchange.Tracker``."""

    name = "timetracker"

    def __init__(self, **settings: Any) -> None:
        self.settings = TimeTrackerSettings(**settings)
        rules.Times(self.settings.zone, self.settings.storage)
        self.clock, self.journal, self.faults = Clock(), Journal(), Faults()
        self.outgoing = Outgoing("timetracker")
        self.store: TimeTrackerStore = start(admin=self.settings.admin, bare=self.settings.bare)
        self.used: Counter[tuple[str, str, int]] = Counter()
        self.app = Starlette(routes=routes(self), exception_handlers={404: _not_found, 405: _not_allowed})

    def tokens(self) -> dict[str, str]:
        return {row.username: row.token for row in self.store.users.values() if row.token}

    def container(self) -> str:
        return "1"

    def seed(self, plan: dict[str, Any]) -> dict[str, Any]:
        return sow(self, plan)

    def act(self, deed: dict[str, Any]) -> dict[str, Any]:
        return perform(self, deed)

    def refuse(self, fault: Fault, ask: Ask) -> Reply:
        return refusal(fault, ask)

    # ---- what the handlers ask

    @property
    def times(self) -> rules.Times:
        return rules.Times(self.settings.zone, self.settings.storage)

    def person(self, ask: Ask) -> User:
        return next(row for row in self.store.users.values() if row.username == ask.who)

    def listed(self, ask: Ask, table: str) -> list[Any]:
        """The rows of a table as this list shows them."""
        self.store.lists += 1
        if "empty_listing" in ask.faults:
            return []
        stale = ask.faults.get("stale")
        rows = getattr(self.store, table) if stale is None else self.store.as_of(table, stale, self.clock.now())
        return list(rows.values())

    def note(self, ask: Ask, verb: str, kind: str, item: int, *, changed: bool = True) -> None:
        self.journal.write(iso(self.clock.now()), ask.who, verb, ask.request(), (kind, str(item)), changed=changed)

    def audit(
        self, ask: Ask, kind: str, item: int, name: str, action: str, change: tuple[str, Any, Any] | None = None
    ) -> None:
        """One row of the audit log; a person's id is not always known to it there."""
        field, old, new = (change[0], *map(_said, change[1:])) if change else (None, None, None)
        number = self.store.numbers["audit"] = self.store.numbers.get("audit", 0) + 1
        row = Audit(number, None, kind, item, name, action, self.clock.now(), field, old, new,
                    ask.headers.get("user-agent", ""), ask.path)  # fmt: skip
        self.store.audit.append(row)

    def send(self, event: str, data: dict[str, Any]) -> None:
        """Send a webhook to the registered hooks and the control targets that want it."""
        if not self.store.hooks and not self.outgoing.targets:
            return
        extra = [
            Target(row.url, row.secret, () if "*" in row.events else row.events) for row in self.store.hooks.values()
        ]
        self.outgoing.send(event, msgspec.json.encode(data), *extra)


def _said(value: Any) -> str | None:
    return None if value is None else str(value)


def routes(box: TimeTrackerSandbox) -> list[Route]:
    base, one, entry = "/api/v1", "/api/v1/tasks/{task_id:int}", "/api/v1/time-entries/{entry_id:int}"
    table: list[tuple[str, str, Any, str]] = [
        ("GET", f"{base}/info", rest.info, ""),
        ("GET", f"{base}/health", rest.health, ""),
        ("GET", f"{base}/users/me", rest.me, "users"),
        ("GET", f"{base}/users", rest.users, "admin:all"),
        ("GET", f"{base}/audit-logs", rest.audit_logs, "admin:all"),
        ("GET POST", f"{base}/clients", rest.clients, "clients"),
        ("GET", f"{base}/clients/{{client_id:int}}", rest.client, "clients"),
        ("GET POST", f"{base}/projects", rest.projects, "projects"),
        ("GET PUT PATCH DELETE", f"{base}/projects/{{project_id:int}}", rest.project, "projects"),
        ("GET", f"{base}/kanban/columns", rest.columns, "tasks"),
        ("GET", f"{base}/search", rest.search, "projects"),
        ("GET POST", f"{base}/webhooks", rest.webhooks, "webhooks"),
        ("GET", f"{base}/webhooks/events", rest.events, "webhooks"),
        ("GET DELETE", f"{base}/webhooks/{{hook_id:int}}", rest.webhook, "webhooks"),
        ("GET", f"{base}/tasks", tasks.listing, "tasks"),
        ("POST", f"{base}/tasks", tasks.create, "tasks"),
        ("GET", one, tasks.get, "tasks"),
        ("PUT PATCH", one, tasks.update, "tasks"),
        ("DELETE", one, tasks.delete, "tasks"),
        ("GET", f"{base}/comments", tasks.comments, "comments"),
        ("POST", f"{base}/comments", tasks.add_comment, "comments"),
        ("PUT DELETE", f"{base}/comments/{{comment_id:int}}", tasks.comment, "comments"),
        ("GET", f"{base}/time-entries", time.listing, "time_entries"),
        ("POST", f"{base}/time-entries", time.create, "time_entries"),
        ("GET", entry, time.get, "time_entries"),
        ("PUT PATCH", entry, time.update, "time_entries"),
        ("DELETE", entry, time.delete, "time_entries"),
        ("POST", f"{base}/timer/start", time.start_timer, "time_entries"),
        ("POST", f"{base}/timer/stop", time.stop_timer, "time_entries"),
    ]
    by_path: dict[str, dict[str, tuple[Any, str]]] = {}
    for methods, path, handler, scope in table:
        for method in methods.split():
            by_path.setdefault(path, {})[method] = (handler, scope)
    return [
        Route(path, Endpoint(box, _guarded(some), path, guard=_ready, finish=_finish), methods=list(some))
        for path, some in by_path.items()
    ]


def _guarded(handlers: dict[str, tuple[Any, str]]) -> Handler:
    def run(box: TimeTrackerSandbox, ask: Ask) -> Reply:
        handler, scope = handlers["GET" if ask.method == "HEAD" else ask.method]
        if scope:
            verb = "read" if ask.method in ("GET", "HEAD") else "write"
            enter(box, ask, scope if ":" in scope else f"{verb}:{scope}")
        reply: Reply = handler(box, ask)
        return reply

    return run


def _ready(box: TimeTrackerSandbox, ask: Ask) -> None:
    """Before the set-up wizard is done, everything but two addresses leads to a page for people."""
    if box.settings.setup_required and ask.path not in OPEN:
        headers = {"location": "/setup", "content-type": "text/html; charset=utf-8"}
        raise Refused(Reply(302, b"<!doctype html><title>Redirecting...</title>", headers))


def _finish(_: TimeTrackerSandbox, __: Ask, reply: Reply) -> Reply:
    return reply


def enter(box: TimeTrackerSandbox, ask: Ask, scope: str) -> None:
    """The token, its scope, its limits, then the body, in this order."""
    person = _person_of(box, ask)
    ask.who = person.username
    verb = scope.partition(":")[0]
    if not {scope, f"{verb}:*", "*", "admin:all"} & set(person.scopes) or (
        scope == "admin:all" and not {"admin:all", "*"} & set(person.scopes)
    ):
        reply = {"error": "Insufficient permissions", "error_code": "forbidden", "required_scope": scope}
        more = {"message": f'This endpoint requires one of: "{scope}"', "available_scopes": list(person.scopes)}
        raise Refused(Reply(403, reply | more))
    _limit(box, person.token)
    if ask.method in ("POST", "PUT", "PATCH") or ask.raw:
        _read_body(ask)


def _person_of(box: TimeTrackerSandbox, ask: Ask) -> User:
    scheme, _, token = ask.headers.get("authorization", "").partition(" ")
    token = token.strip() if scheme.lower() in ("bearer", "token") else ""
    token = token or ask.headers.get("x-api-key", "").strip()
    if not token:
        message = "API token must be provided in Authorization header or X-API-Key header"
        raise Refused(_unauthorized("Authentication required", message))
    if not token.startswith("tt_") or len(token) != 35:
        raise Refused(_unauthorized("Invalid token", "Invalid token format"))
    found = next((row for row in box.store.users.values() if row.token == token and row.is_active), None)
    if found is None:
        raise Refused(_unauthorized("Invalid token", "Token not found"))
    return found


def _unauthorized(error: str, message: str) -> Reply:
    return Reply(401, {"error": error, "error_code": "unauthorized", "message": message})


def _limit(box: TimeTrackerSandbox, token: str) -> None:
    """Fixed windows of the clock; refused requests count as well."""
    now = int(box.clock.now())
    left: dict[str, int] = {}
    wait = 0
    for name, length_s, most in (("minute", 60, box.settings.per_minute), ("hour", 3600, box.settings.per_hour)):
        window = (token, name, now // length_s)
        box.used[window] += 1
        left[name] = max(0, most - box.used[window])
        if most and box.used[window] > most:
            wait = max(wait, length_s - now % length_s)
    if wait:
        raise Refused(over_limit(box.settings, left, wait))


def over_limit(settings: TimeTrackerSettings, left: dict[str, int], wait: int | None) -> Reply:
    body = {
        "error": "Rate limit exceeded",
        "error_code": "rate_limited",
        "limit_per_hour": settings.per_hour,
        "limit_per_minute": settings.per_minute,
        "message": "Too many requests for this API token. Try again later.",
        "remaining_per_hour": left.get("hour", 0),
        "remaining_per_minute": left.get("minute", 0),
    }
    return Reply(429, body, {} if wait is None else {"retry-after": str(wait)})


def _read_body(ask: Ask) -> None:
    if not ask.raw and ask.method != "POST":
        return
    if "json" not in ask.headers.get("content-type", ""):
        words = "Did not attempt to load JSON data because the request Content-Type was not 'application/json'."
        rules.refuse(415, words, 415)
    try:
        ask.body = decode(ask.raw)
    except ValueError:
        rules.refuse(400, "The browser (or proxy) sent a request that this server could not understand.", "bad_request")


async def _not_found(request: Any, _: Exception) -> Any:
    return _always(request, rules.failed(404, "Resource not found", "not_found"))


async def _not_allowed(request: Any, _: Exception) -> Any:
    return _always(request, rules.failed(405, "The method is not allowed for the requested URL.", 405))


def _always(request: Any, reply: Reply) -> Any:
    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        del scope, receive
        await emit(send, reply)

    del request
    return answer


def refusal(fault: Fault, ask: Ask) -> Reply:
    """A planned refusal; ``moved`` makes no sense here and answers 404."""
    del ask
    wait = {} if fault.retry_after is None else {"retry-after": str(fault.retry_after)}
    if fault.kind in ("rate_limited", "secondary_limited"):
        seconds = int(fault.retry_after) if fault.retry_after is not None else None
        return over_limit(TimeTrackerSettings(), {}, seconds)
    if fault.kind == "permission_lost":
        return rules.failed(fault.status or 403, "Access denied", "forbidden")
    if fault.kind == "moved":
        return rules.failed(404, "Resource not found", "not_found")
    reply = rules.failed(fault.status or 500, fault.message or "Database error occurred", "database_error")
    reply.headers |= wait
    return reply
