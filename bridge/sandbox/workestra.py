"""The Workestra sandbox: who may come in, which handler answers, which events go out.

Written from the page of the Projects module; where Workestra's pages say nothing or contradict each other, the choice is
a setting.
"""

from __future__ import annotations

import uuid
from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import msgspec
from starlette.applications import Starlette
from starlette.routing import Route

from bridge.sandbox import workestra_rules as rules
from bridge.sandbox import workestra_tasks as tasks
from bridge.sandbox.clock import Clock, iso, iso_ms
from bridge.sandbox.exchange import Ask, Refused, Reply
from bridge.sandbox.faults import Fault, Faults
from bridge.sandbox.frame import Endpoint, decode, emit
from bridge.sandbox.journal import Journal
from bridge.sandbox.outgoing import Outgoing
from bridge.sandbox.workestra_seed import PROJECT, WORKSPACE, perform, sow, start
from bridge.sandbox.workestra_store import PRIORITIES, PROJECT_STATUSES, ROLES, Project

if TYPE_CHECKING:
    from starlette.types import Receive, Scope, Send

    from bridge.sandbox.workestra_store import Task, WorkestraStore

MINUTE_S = 60
PROJECT_MEMBERS = "name description status priority target_date"


@dataclass(slots=True)
class WorkestraSettings:
    """Switches for what Workestra's pages leave open.

    ``count`` is "total" or "page" (the rows of the page); ``wrap_single`` puts single objects into the envelope of lists;
    ``sorts_updated``: whether the list knows ``sort=updated_at`` (else it is ignored); ``shows_updated_at``,
    ``shows_plan`` (due date and estimate) and ``shows_project``: members of a task; ``filters_project``: whether the filter
    is obeyed; ``create_custom_fields``: "refuse", "ignore" or "accept"; ``patch_custom_fields``: "merge" or "replace";
    ``patch_answers_nothing``: 204; ``unknown_labels``: "create", "ignore" or "refuse"; ``trash``: "hidden" or "marked" (shown
    with ``deleted_at``); ``rate_limit`` reads a minute and key, half of it for writes (0: none); ``strict_members``
    refuses members that are not documented.
    """

    count: str = "total"
    wrap_single: bool = False
    sorts_updated: bool = True
    shows_updated_at: bool = True
    shows_plan: bool = True
    shows_project: bool = True
    filters_project: bool = True
    create_custom_fields: str = "refuse"
    patch_custom_fields: str = "merge"
    patch_answers_nothing: bool = False
    unknown_labels: str = "create"
    trash: str = "hidden"
    rate_limit: int = 0
    strict_members: bool = True


class WorkestraSandbox:
    """See ``exchange.Tracker``."""

    name = "workestra"

    def __init__(self, **settings: Any) -> None:
        self.settings = WorkestraSettings(**settings)
        self.clock, self.journal, self.faults = Clock(), Journal(), Faults()
        self.outgoing = Outgoing("workestra")
        self.store: WorkestraStore = start()
        self.used: Counter[tuple[str, int, bool]] = Counter()
        self.app = Starlette(routes=routes(self), exception_handlers={404: _not_found, 405: _not_found})

    def tokens(self) -> dict[str, str]:
        """Keys by the name of the person who made them."""
        return {self.store.people[who]: token for token, who in self.store.tokens.items()}

    def container(self) -> str:
        return PROJECT

    def seed(self, plan: dict[str, Any]) -> dict[str, Any]:
        return sow(self, plan)

    def act(self, deed: dict[str, Any]) -> dict[str, Any]:
        return perform(self, deed)

    def refuse(self, fault: Fault, ask: Ask) -> Reply:
        return refusal(self, fault, ask)

    # ---- what the handlers ask

    def now_ms(self) -> int:
        return int(self.clock.now() * 1000)

    def project(self, ask: Ask, project_id: str) -> Project:
        """A project that the key sees. Raises: Refused with 404 or 403."""
        project = self.store.projects.get(project_id)
        if project is None or project.deleted_at is not None:
            rules.refuse(404, "Project not found.")
        if project.role(ask.who) is None:
            rules.refuse(403, "You do not have access to this project.")
        return project

    def may(self, ask: Ask, project: Project, role: str = "Member") -> None:
        have = project.role(ask.who) or ROLES[0]
        if ROLES.index(have) < ROLES.index(role):
            rules.refuse(403, f"Your role in this project is {have}.")

    def single(self, status: int, row: dict[str, Any]) -> Reply:
        return Reply(status, {"data": row, "count": 1, "error": None} if self.settings.wrap_single else row)

    def note(self, ask: Ask, verb: str, kind: str, item: str, *, changed: bool = True) -> None:
        author = self.store.people[ask.who]
        self.journal.write(iso(self.clock.now()), author, verb, ask.request(), (kind, item), changed=changed)

    def tell(self, event: str, ask: Ask, task: Task, **members: Any) -> None:
        """Send a webhook. It names the task and is not the task."""
        data = {
            "task_id": task.id,
            "project_id": task.project_id,
            "title": task.title,
            "changed_by": ask.who,
            **members,
        }
        self.send(event, data)

    def send(self, event: str, data: dict[str, Any]) -> None:
        if not self.outgoing.targets:
            return
        envelope = {"id": f"evt_{uuid.uuid4().hex[:12]}", "type": event, "created_at": iso_ms(self.now_ms())}
        self.outgoing.send(event, msgspec.json.encode({**envelope, "workspace_id": WORKSPACE, "data": data}))


def routes(box: WorkestraSandbox) -> list[Route]:
    base = "/api/v1"
    table: list[tuple[str, str, Any]] = [
        ("GET", f"{base}/projects", projects),
        ("POST", f"{base}/projects", make_project),
        ("GET PATCH DELETE", f"{base}/projects/{{project_id}}", one_project),
        ("GET", f"{base}/issues", tasks.listing),
        ("POST", f"{base}/issues", tasks.create),
        ("GET", f"{base}/issues/{{task_id}}", tasks.get),
        ("PATCH", f"{base}/issues/{{task_id}}", tasks.change),
        ("DELETE", f"{base}/issues/{{task_id}}", tasks.delete),
    ]
    return [
        Route(path, Endpoint(box, handler, path, guard=guard, finish=finish), methods=methods.split())
        for methods, path, handler in table
    ]


async def _not_found(request: Any, _: Exception) -> Any:
    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        del scope, receive
        await emit(send, rules.plain(404, "Not found."))

    del request
    return answer


def guard(box: WorkestraSandbox, ask: Ask) -> None:
    """What is checked before any handler: the key, its minute, JSON."""
    scheme, _, token = ask.headers.get("authorization", "").partition(" ")
    who = box.store.tokens.get(token.strip()) if scheme.lower() == "bearer" else None
    if who is None:
        rules.refuse(401, "Missing or invalid API key.")
    ask.who = who
    if box.settings.rate_limit:
        limit, used, reset = budget(box, ask, spend=1)
        if used > limit:
            raise Refused(over_limit(box, limit, reset))
    if ask.raw and "json" not in ask.headers.get("content-type", ""):
        rules.refuse(400, "The body must be application/json.")
    try:
        ask.body = decode(ask.raw)
    except ValueError:
        rules.refuse(400, "The body is not JSON.")


def budget(box: WorkestraSandbox, ask: Ask, *, spend: int = 0) -> tuple[int, int, int]:
    """Limit, use and end of this minute for what the request is: writes have half."""
    is_write, minute = ask.method != "GET", int(box.clock.now()) // MINUTE_S
    key = (ask.who, minute, is_write)
    box.used[key] += spend
    limit = box.settings.rate_limit // 2 if is_write else box.settings.rate_limit
    return limit, box.used[key], (minute + 1) * MINUTE_S


def over_limit(box: WorkestraSandbox, limit: int, reset: int, wait_s: int | None = None) -> Reply:
    """The one error body that is published. Its wait stands in the body."""
    wait = max(1, reset - int(box.clock.now())) if wait_s is None else wait_s
    headers = {"x-ratelimit-limit": str(limit), "x-ratelimit-remaining": "0", "x-ratelimit-reset": str(reset)}
    return rules.plain(429, "Too many requests.", headers, retry_after=wait)


def finish(box: WorkestraSandbox, ask: Ask, reply: Reply) -> Reply:
    if box.settings.rate_limit and ask.who and "x-ratelimit-limit" not in reply.headers:
        limit, used, reset = budget(box, ask)
        names = {"limit": limit, "remaining": max(0, limit - used), "reset": reset}
        reply.headers |= {f"x-ratelimit-{name}": str(value) for name, value in names.items()}
    return reply


def refusal(box: WorkestraSandbox, fault: Fault, ask: Ask) -> Reply:
    """A planned refusal. ``status`` 200 is the envelope with an error in it; ``moved`` makes no sense here: 404."""
    del ask
    if fault.kind in ("rate_limited", "secondary_limited"):
        wait = fault.retry_after if fault.retry_after is not None else fault.seconds or 60
        return over_limit(box, 100, int(box.clock.now() + int(wait)), int(wait))
    if fault.kind == "permission_lost":
        return rules.plain(fault.status or 403, "You do not have access to this project.")
    if fault.kind == "moved":
        return rules.plain(404, "Not found.")
    if fault.status == 200:
        return Reply(200, {"data": None, "count": 0, "error": fault.message or "internal_error"})
    wait_header = {} if fault.retry_after is None else {"retry-after": str(fault.retry_after)}
    return rules.plain(fault.status or 500, fault.message or "Server error.", wait_header)


def shape(project: Project) -> dict[str, Any]:
    members = {name: getattr(project, name) for name in ("id", *PROJECT_MEMBERS.split())}
    return {**members, "created_at": iso_ms(project.created_at)}


def projects(box: WorkestraSandbox, ask: Ask) -> Reply:
    page, size = rules.number(ask, "page", 1), min(rules.number(ask, "per_page", 25), tasks.MOST)
    rows = [row for row in box.store.projects.values() if row.deleted_at is None and row.role(ask.who) is not None]
    part = rows[(page - 1) * size : page * size]
    count = len(rows) if box.settings.count == "total" else len(part)
    return Reply(200, {"data": [shape(row) for row in part], "count": count, "error": None})


def make_project(box: WorkestraSandbox, ask: Ask) -> Reply:
    body = rules.body(ask, PROJECT_MEMBERS, strict=box.settings.strict_members)
    name = rules.text(body, "name", required=True) or ""
    row = Project(f"proj_{uuid.uuid4().hex[:8]}", name, roles=((ask.who, "Lead"),), created_at=box.now_ms())
    box.store.projects[row.id] = row = replace(row, **_project_members(body))
    box.note(ask, "create", "project", row.id)
    return box.single(201, shape(row))


def one_project(box: WorkestraSandbox, ask: Ask) -> Reply:
    row = box.project(ask, ask.params["project_id"])
    if ask.method == "GET":
        return box.single(200, shape(row))
    box.may(ask, row, "Lead")
    if ask.method == "DELETE":
        box.store.projects[row.id] = replace(row, deleted_at=box.now_ms())
        box.note(ask, "delete", "project", row.id)
        return Reply(204)
    body = rules.body(ask, PROJECT_MEMBERS, strict=box.settings.strict_members)
    box.store.projects[row.id] = row = replace(row, **_project_members(body))
    box.note(ask, "update", "project", row.id)
    return box.single(200, shape(row))


def _project_members(body: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    if "name" in body:
        found["name"] = rules.text(body, "name", required=True)
    if "description" in body:
        found["description"] = rules.text(body, "description")
    if "status" in body:
        found["status"] = rules.choice(body, "status", PROJECT_STATUSES)
    if "priority" in body:
        found["priority"] = rules.choice(body, "priority", PRIORITIES)
    if "target_date" in body:
        found["target_date"] = rules.day(body, "target_date")
    return found
