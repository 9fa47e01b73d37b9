"""The Artala sandbox: who may come in, which handler answers, which events go out.

Written from the vendor's one public page; where the page says nothing, the choice is a setting.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import msgspec
from starlette.applications import Starlette
from starlette.routing import Route

from bridge.sandbox import artala_rest as rest
from bridge.sandbox import artala_rules as rules
from bridge.sandbox import artala_shapes as shapes
from bridge.sandbox import artala_tasks as tasks
from bridge.sandbox.artala_feeds import feed
from bridge.sandbox.artala_seed import BOARD, perform, sow, start
from bridge.sandbox.clock import Clock, iso, iso_ms
from bridge.sandbox.exchange import Ask, Reply
from bridge.sandbox.faults import Fault, Faults
from bridge.sandbox.frame import Endpoint, decode, emit
from bridge.sandbox.journal import Journal
from bridge.sandbox.outgoing import Outgoing, Target

if TYPE_CHECKING:
    from starlette.types import Receive, Scope, Send

    from bridge.sandbox.artala_store import ArtalaStore, Task

RANKS = ("Commenter", "Member", "Admin", "Owner")
MINUTE_S = 60
INSTANT = re.compile(rb'"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z"')


@dataclass(slots=True)
class ArtalaSettings:
    """Switches for what the vendor's page leaves open.

    ``page_cap`` rows a feed page; ``next_link`` announces the rest; ``touch_on_labels`` moves UpdatedAt on label, field and
    checklist changes; ``subseconds`` keeps milliseconds; ``wide_feed`` adds StartDate and CoverColor to Tasks and the board to
    TaskFieldValues; ``rate_limit`` requests a minute and key (0: none); ``signature_header`` and ``signature_prefix`` of
    deliveries; ``strict_members`` refuses body members that are not documented; ``grain_s`` is how coarse UpdatedAt is (60:
    whole minutes); ``zone`` (such as Europe/Berlin) writes every instant in that zone with its offset; ``touch_on_comments``
    moves UpdatedAt on comments; ``time_answers_id`` puts the new entry into the answer of POST /timesheets, which else is
    empty; ``locked_status`` is the answer to time in an approved week.
    """

    page_cap: int = 1000
    next_link: bool = True
    touch_on_labels: bool = False
    subseconds: bool = False
    wide_feed: bool = True
    rate_limit: int = 0
    signature_header: str = "X-Artala-Signature"
    signature_prefix: str = ""
    strict_members: bool = True
    grain_s: int = 1
    zone: str = ""
    touch_on_comments: bool = False
    time_answers_id: bool = True
    locked_status: int = 409


class ArtalaSandbox:
    """See ``exchange.Tracker``."""

    name = "artala"

    def __init__(self, **settings: Any) -> None:
        self.settings = ArtalaSettings(**settings)
        self.clock, self.journal, self.faults = Clock(), Journal(), Faults()
        self.outgoing = Outgoing("artala")
        self.store: ArtalaStore = start()
        self.listings: dict[Any, tuple[int, list[Any]]] = {}
        self.rendered: dict[str, tuple[Task, object, bytes]] = {}
        self.columns: dict[str, Any] = {}
        self.used: Counter[tuple[str, int]] = Counter()
        self.app = Starlette(routes=routes(self), exception_handlers={404: _not_found, 405: _not_found})

    def tokens(self) -> dict[str, str]:
        """Tokens by the name before the @ of the member's e-mail."""
        return {self.store.members[who].email.partition("@")[0]: token for token, who in self.store.tokens.items()}

    def container(self) -> str:
        return BOARD

    def seed(self, plan: dict[str, Any]) -> dict[str, Any]:
        return sow(self, plan)

    def act(self, deed: dict[str, Any]) -> dict[str, Any]:
        return perform(self, deed)

    def refuse(self, fault: Fault, ask: Ask) -> Reply:
        return refusal(fault, ask)

    # ---- what the handlers ask

    def now_ms(self) -> int:
        now = self.clock.now()
        if self.settings.subseconds:
            return int(now * 1000)
        return (int(now) - int(now) % self.settings.grain_s) * 1000

    def is_done(self, status: str) -> bool:
        return any(row.is_done for row in self.store.statuses.values() if row.name == status)

    def can(self, ask: Ask, role: str) -> bool:
        return RANKS.index(self.store.members[ask.who].role) >= RANKS.index(role)

    def may(self, ask: Ask, role: str) -> None:
        """Refuse with 403 unless the key's role is at least this one."""
        if not self.can(ask, role):
            rules.refuse(403, f"Your key's role does not permit this action: it needs {role} or higher.")

    def sees(self, ask: Ask, board_id: str) -> bool:
        board = self.store.boards.get(board_id)
        return board is not None and (not board.is_private or ask.who in board.members or self.can(ask, "Admin"))

    def task(self, ask: Ask, task_id: Any) -> Task:
        ask.params["task_id"] = rules.guid(task_id, "taskId")
        return tasks.find(self, ask)

    def note(self, ask: Ask, verb: str, kind: str, item: str, *, changed: bool = True) -> None:
        author = self.store.members[ask.who].email
        self.journal.write(iso(self.clock.now()), author, verb, ask.request(), (kind, item), changed=changed)

    def tell(self, event: str, task: Task) -> None:
        self.send(event, shapes.task(self.store, task, self.now_ms()))

    def send(self, event: str, data: dict[str, Any]) -> None:
        """Send a webhook to the registered hooks and the control targets that want it."""
        hooks = [row for row in self.store.hooks.values() if row.is_active]
        if not hooks and not self.outgoing.targets:
            return
        body = msgspec.json.encode({"event": event, "timestamp": iso_ms(self.now_ms()), "data": data})
        header, prefix = self.settings.signature_header, self.settings.signature_prefix
        extra = [
            Target(row.url, row.secret, tuple(part.strip() for part in row.events.split(",")), "once", header, prefix)
            for row in hooks
        ]
        self.outgoing.send(event, body, *extra)


def routes(box: ArtalaSandbox) -> list[Route]:
    one = "/api/tasks/{task_id}"
    table: list[tuple[str, str, Any]] = [
        ("GET", "/odata/{feed}", feed),
        ("POST", "/api/tasks", tasks.create),
        ("GET", one, tasks.get),
        ("PUT", one, tasks.update),
        ("DELETE", one, tasks.delete),
        ("PATCH", f"{one}/status", tasks.set_status),
        ("POST", f"{one}/move-to-board", tasks.move),
        ("GET", f"{one}/checklist", tasks.checklist),
        ("POST", f"{one}/checklist/items", tasks.checklist),
        ("PATCH DELETE", f"{one}/checklist/items/{{item_id}}", tasks.checklist_item),
        ("GET", f"{one}/dependencies", tasks.dependencies),
        ("POST DELETE", f"{one}/dependencies/{{blocking_id}}", tasks.dependency),
        ("GET PUT", "/api/labels/task/{task_id}", tasks.labels),
        ("GET POST", "/api/fields/task/{task_id}", tasks.values),
        ("GET POST", "/api/boards", rest.boards),
        ("GET PUT DELETE", "/api/boards/{board_id}", rest.board),
        ("GET POST", "/api/labels", rest.labels),
        ("DELETE", "/api/labels/{label_id}", rest.label),
        ("GET", "/api/statuses", rest.statuses),
        ("GET", "/api/fields", rest.fields),
        ("GET", "/api/team", rest.team),
        ("GET", "/api/comments/task/{task_id}", rest.task_comments),
        ("POST", "/api/comments", rest.add_comment),
        ("PUT DELETE", "/api/comments/{comment_id}", rest.comment),
        ("POST", "/api/timesheets", rest.log_time),
        ("GET POST", "/api/webhooks", rest.webhooks),
        ("DELETE", "/api/webhooks/{hook_id}", rest.webhook),
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


def guard(box: ArtalaSandbox, ask: Ask) -> None:
    """What is checked before any handler: the key, its minute, JSON."""
    scheme, _, token = ask.headers.get("authorization", "").partition(" ")
    who = box.store.tokens.get(token.strip()) if scheme.lower() == "bearer" else None
    if who is None or not box.store.members[who].is_active:
        rules.refuse(401, "Missing or invalid API key.")
    ask.who = who
    if box.settings.rate_limit:
        now = box.clock.now()
        minute = int(now) // MINUTE_S
        box.used[who, minute] += 1
        if box.used[who, minute] > box.settings.rate_limit:
            rules.refuse(429, "Rate limited: slow down.", {"retry-after": str(MINUTE_S - int(now) % MINUTE_S)})
    if ask.method in ("POST", "PUT", "PATCH") and ask.raw and "json" not in ask.headers.get("content-type", ""):
        rules.refuse(415, "The body must be application/json.")
    try:
        ask.body = decode(ask.raw)
    except ValueError:
        rules.refuse(400, "The body is not JSON.")


def finish(box: ArtalaSandbox, _: Ask, reply: Reply) -> Reply:
    if box.settings.zone and reply.content is not None:
        zone = ZoneInfo(box.settings.zone)
        reply.content = INSTANT.sub(lambda found: _zoned(found.group(), zone), reply.payload())
    return reply


def _zoned(quoted: bytes, zone: ZoneInfo) -> bytes:
    at = datetime.fromisoformat(quoted.decode().strip('"'))
    return f'"{at.astimezone(zone).isoformat()}"'.encode()


def refusal(fault: Fault, ask: Ask) -> Reply:
    """A planned refusal; ``moved`` makes no sense here and answers 404."""
    del ask
    wait = {} if fault.retry_after is None else {"retry-after": str(fault.retry_after)}
    if fault.kind in ("rate_limited", "secondary_limited"):
        return rules.plain(429, "Rate limited: slow down.", wait)
    if fault.kind == "permission_lost":
        return rules.plain(fault.status or 403, "Your key's role does not permit this action.")
    if fault.kind == "moved":
        return rules.plain(404, "Not found.")
    return rules.plain(fault.status or 500, fault.message or "Server error.", wait)
