"""The Gipo sandbox: who may come in, which handler answers, what an Idempotency-Key replays.

Written from the vendor's public pages; where they say nothing, the choice is a setting.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec
from starlette.applications import Starlette
from starlette.routing import Route

from bridge.sandbox import gipo_rest as rest
from bridge.sandbox import gipo_rules as rules
from bridge.sandbox import gipo_tasks as tasks
from bridge.sandbox import gipo_time as time_entries
from bridge.sandbox import rewriting
from bridge.sandbox.clock import Clock, iso
from bridge.sandbox.exchange import Ask, Reply
from bridge.sandbox.faults import Fault, Faults
from bridge.sandbox.frame import Endpoint, decode, emit
from bridge.sandbox.gipo_seed import WORKSPACE, perform, sow, start
from bridge.sandbox.gipo_store import Answered, GipoStore, Task
from bridge.sandbox.journal import Journal
from bridge.sandbox.outgoing import Outgoing

if TYPE_CHECKING:
    from starlette.types import Receive, Scope, Send

ROOT = "/api/v1"
RANKS = ("member", "admin", "owner")
MINUTE_S = 60
KEY_LIMIT = 255


@dataclass(slots=True)
class GipoSettings:
    """Switches for what the vendor's pages leave open.

    ``assignee_field``, ``tag_field``: what these are called in a write. ``time_user_field``: the member by which admins
    log for others ("": none). ``tasks_have_updated``: tasks show ``updatedAt``. ``board_has_finalized``,
    ``board_has_descriptions``, ``board_cap``: what ``GET /workspaces/{id}`` leaves out. ``bare_answers``: a written task is
    answered without its expansions. ``finalize_directly``: ``finalizedAt`` may be written on a task. ``role_refusal``: 403
    or 404. ``delete_status``: 200 or 204. ``lists_running``: running timers are listed. ``rate_limit``: requests a minute
    and key (0: none). ``replay_s``: how long an Idempotency-Key is kept. ``has_openapi``, ``subject_max``,
    ``description_max``, ``strict_members``: unknown members are refused.
    """

    assignee_field: str = "assigneeIds"
    tag_field: str = "tagIds"
    time_user_field: str = ""
    tasks_have_updated: bool = False
    board_has_finalized: bool = True
    board_has_descriptions: bool = True
    board_cap: int = 0
    bare_answers: bool = False
    finalize_directly: bool = True
    role_refusal: int = 403
    delete_status: int = 204
    lists_running: bool = False
    rate_limit: int = 0
    replay_s: int = 86_400
    has_openapi: bool = True
    subject_max: int = 300
    description_max: int = 50_000
    strict_members: bool = True


class GipoSandbox:
    """See ``exchange.Tracker``."""

    name = "gipo"

    def __init__(self, **settings: Any) -> None:
        self.settings = GipoSettings(**settings)
        self.clock, self.journal, self.faults = Clock(), Journal(), Faults()
        self.outgoing = Outgoing("gipo")  # the vendor has no webhooks: nothing is ever sent
        self.store: GipoStore = start()
        self.used: Counter[tuple[str, int]] = Counter()
        self.app = Starlette(routes=routes(self), exception_handlers={404: _not_found, 405: _not_found})

    def tokens(self) -> dict[str, str]:
        """Keys by the name before the @ of the user's e-mail."""
        users = self.store.users
        return {
            users[key.user].email.partition("@")[0]: token
            for token, key in self.store.keys.items()
            if key.user in users
        }

    def container(self) -> str:
        return WORKSPACE

    def seed(self, plan: dict[str, Any]) -> dict[str, Any]:
        return sow(self, plan)

    def act(self, deed: dict[str, Any]) -> dict[str, Any]:
        return perform(self, deed)

    def refuse(self, fault: Fault, ask: Ask) -> Reply:
        return refusal(fault, ask)

    # ---- what the handlers ask

    def now_ms(self) -> int:
        return int(self.clock.now() * 1000)

    def may(self, ask: Ask, role: str) -> None:
        """Refuse unless the role of the key's user is at least this one."""
        if RANKS.index(self.store.users[ask.who].role) < RANKS.index(role):
            rules.refuse(self.settings.role_refusal, f"This needs the role {role}.")

    def sees_project(self, ask: Ask, project: str) -> bool:
        row = self.store.projects.get(project)
        is_admin = self.store.users[ask.who].role != "member"
        return row is not None and (is_admin or ask.who in row.members)

    def sees(self, ask: Ask, task: Task) -> bool:
        return task.project is None or self.sees_project(ask, task.project)

    def rows(self, ask: Ask, table: str) -> dict[str, Any]:
        """The rows of a listing, late if a fault says so."""
        self.store.lists += 1
        return self.store.as_of(table, ask.faults.get("stale"), self.clock.now())

    def mirrored(self, ask: Ask, shape: dict[str, Any]) -> dict[str, Any]:
        if rewriting.is_mirrored(ask) and "tags" in shape:
            shape["tags"].reverse()
        return shape

    def offset(self, ask: Ask, data: list[dict[str, Any]], options: str = "") -> Reply:
        """An offset list."""
        rules.options(ask, f"limit offset {options}")
        limit, begin = rules.page(ask), rules.number(ask, "offset", 0, low=0, high=10_000_000)
        page, total = data[begin : begin + limit], len(data)
        if "empty_listing" in ask.faults:
            page, total = [], 0
        if "half_page" in ask.faults:
            page = page[: len(page) // 2]
            total = begin + len(page)
        return Reply(200, {"data": page, "total": total})

    def cut(
        self, ask: Ask, rows: list[Any], known: dict[str, Any], key: Callable[[Any], Any]
    ) -> tuple[list[Any], str | None]:
        """A page of a cursor list and the next cursor: the id of the last row shown."""
        limit, cursor = rules.page(ask), ask.query.get("cursor")
        if cursor is not None:
            if cursor not in known:
                rules.refuse(422, "cursor is not one of ours.", path="cursor")
            rows = [row for row in rows if key(row) < key(known[cursor])]
        page = rows[:limit]
        following = page[-1].id if len(rows) > limit else None
        if "empty_listing" in ask.faults:
            return [], None
        if "half_page" in ask.faults:
            return page[: len(page) // 2], None
        return page, following

    def deleted(self) -> Reply:
        status = self.settings.delete_status
        return Reply(status, None if status == 204 else {"data": {"success": True}})

    def note(self, ask: Ask, verb: str, kind: str, item: str, *, changed: bool = True) -> None:
        author = self.store.users[ask.who].email
        self.journal.write(iso(self.clock.now()), author, verb, ask.request(), (kind, item), changed=changed)


def routes(box: GipoSandbox) -> list[Route]:
    task, entry = "/tasks/{task_id}", "/time-entries/{entry_id}"
    table: list[tuple[str, str, Any]] = [
        ("GET", "/openapi.json", rest.openapi),
        ("GET", "/workspaces", rest.workspaces),
        ("GET", "/workspaces/{workspace_id}", rest.workspace),
        ("GET", "/members", rest.members),
        ("GET", "/tags", rest.tags),
        ("GET", "/task-types", rest.types),
        ("GET", "/projects", rest.projects),
        ("POST", "/projects", once(rest.projects)),
        ("GET PATCH DELETE", "/projects/{project_id}", rest.project),
        ("GET", "/tasks", tasks.listing),
        ("POST", "/tasks", once(tasks.create)),
        ("GET", task, tasks.get),
        ("PATCH", task, tasks.update),
        ("DELETE", task, tasks.delete),
        ("GET", f"{task}/subtasks", tasks.subtasks),
        ("POST", f"{task}/subtasks", once(tasks.subtasks)),
        ("PATCH DELETE", f"{task}/subtasks/{{subtask_id}}", tasks.subtask),
        ("GET", "/time-entries", time_entries.listing),
        ("POST", "/time-entries", once(time_entries.create)),
        ("GET PATCH DELETE", entry, time_entries.entry),
    ]
    return [
        Route(ROOT + path, Endpoint(box, handler, ROOT + path, guard=guard, finish=finish), methods=methods.split())
        for methods, path, handler in table
    ]


def once(handler: Callable[[GipoSandbox, Ask], Reply]) -> Callable[[GipoSandbox, Ask], Reply]:
    """A creating POST: the same Idempotency-Key with the same body is answered as the first time, with another body 409."""

    def answer(box: GipoSandbox, ask: Ask) -> Reply:
        key = ask.headers.get("idempotency-key")
        if key is None:
            return handler(box, ask)
        if not 0 < len(key) <= KEY_LIMIT:
            rules.refuse(422, f"Idempotency-Key has at most {KEY_LIMIT} characters.")
        now, body = box.clock.now(), ask.raw.decode("utf-8", "replace")
        known = box.store.answered.get(key)
        if known is not None and now - known.at < box.settings.replay_s:
            if (known.path, known.body) != (ask.path, body):
                rules.refuse(409, "This Idempotency-Key was used with another body.")
            return Reply(known.status, known.content.encode(), {"idempotent-replayed": "true"})
        reply = handler(box, ask)
        box.store.answered[key] = Answered(ask.path, body, reply.status, reply.payload().decode(), now)
        return reply

    return answer


async def _not_found(request: Any, _: Exception) -> Any:
    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        del scope, receive
        await emit(send, rules.plain(404, "Not found."))

    del request
    return answer


def guard(box: GipoSandbox, ask: Ask) -> None:
    """What is checked before any handler: the key, its minute, JSON. The description is served to everybody."""
    if ask.path == f"{ROOT}/openapi.json":
        return
    scheme, _, token = ask.headers.get("authorization", "").partition(" ")
    key = box.store.keys.get(token.strip()) if scheme.lower() == "bearer" else None
    user = None if key is None else box.store.users.get(key.user)
    if key is None or key.is_revoked or user is None or user.is_banned:
        rules.refuse(401, "Invalid API key.")
    if key.expires_at <= box.now_ms():
        rules.refuse(401, "This API key has expired.")
    ask.who = key.user
    if box.settings.rate_limit:
        now = box.clock.now()
        box.used[token, int(now) // MINUTE_S] += 1
        if box.used[token, int(now) // MINUTE_S] > box.settings.rate_limit:
            rules.refuse(429, "Too many requests.", {"retry-after": str(MINUTE_S - int(now) % MINUTE_S)})
    if ask.method in ("POST", "PATCH") and not ask.headers.get("content-type", "").startswith("application/json"):
        rules.refuse(422, "The body must be application/json.")
    try:
        ask.body = decode(ask.raw)
    except ValueError:
        rules.refuse(422, "The body is not JSON.")


def finish(_: GipoSandbox, __: Ask, reply: Reply) -> Reply:
    if reply.content is not None and not isinstance(reply.content, bytes):
        reply.content = msgspec.json.encode(reply.content)
    return reply


def refusal(fault: Fault, ask: Ask) -> Reply:
    """A planned refusal; ``moved`` makes no sense here and answers 404."""
    del ask
    wait = {} if fault.retry_after is None else {"retry-after": str(fault.retry_after)}
    if fault.kind in ("rate_limited", "secondary_limited"):
        return rules.plain(429, "Too many requests.", wait)
    if fault.kind == "permission_lost":
        return rules.plain(fault.status or 403, "Your role does not permit this.")
    if fault.kind == "moved":
        return rules.plain(404, "Not found.")
    return rules.plain(fault.status or 500, fault.message or "Server error.", wait)
