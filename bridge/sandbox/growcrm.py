"""The Grow CRM sandbox: who may come in and which handler answers. There are no webhooks to send.

Written from the vendor's API documents of mid-2026; where they say nothing, the choice is a setting.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from starlette.applications import Starlette
from starlette.routing import Route

from bridge.sandbox import growcrm_rest as rest
from bridge.sandbox import growcrm_rules as rules
from bridge.sandbox import growcrm_tasks as tasks
from bridge.sandbox.clock import Clock, iso
from bridge.sandbox.exchange import Ask, Reply
from bridge.sandbox.faults import Fault, Faults
from bridge.sandbox.frame import Endpoint, emit
from bridge.sandbox.growcrm_seed import ADMIN, PROJECT, perform, sow, start
from bridge.sandbox.journal import Journal
from bridge.sandbox.outgoing import Outgoing

if TYPE_CHECKING:
    from starlette.types import Receive, Scope, Send

    from bridge.sandbox.growcrm_store import GrowcrmStore

MINUTE_S = 60


@dataclass(slots=True)
class GrowcrmSettings:
    """Switches for what the documents leave open.

    ``page_size`` is the CRM's own default; ``unfiltered`` the ``active_state`` of a list that names none ("": both);
    ``patch_resets`` empties what a PATCH leaves out; ``actions_touch`` moves ``dates.updated`` on tags, people and archive;
    ``comment_dates`` shows when a comment was written; ``rate_limit`` requests a minute and key (0: none);
    ``invoiced_status`` refuses changes of invoiced time.
    """

    page_size: int = 25
    unfiltered: str = "active"
    patch_resets: bool = True
    actions_touch: bool = False
    comment_dates: bool = True
    rate_limit: int = 0
    invoiced_status: int = 409


class GrowcrmSandbox:
    """See ``exchange.Tracker``. ``admin`` is the main administrator, as whom every key works."""

    name = "growcrm"
    admin = ADMIN

    def __init__(self, **settings: Any) -> None:
        self.settings = GrowcrmSettings(**settings)
        self.clock, self.journal, self.faults = Clock(), Journal(), Faults()
        self.outgoing = Outgoing("growcrm")
        self.store: GrowcrmStore = start()
        self.used: Counter[tuple[str, int]] = Counter()
        self.app = Starlette(routes=routes(self), exception_handlers={404: _not_found, 405: _not_found})

    def tokens(self) -> dict[str, str]:
        """API keys by the name they were given in the CRM; each of them is a full administrator."""
        return {name: key for key, name in self.store.keys.items()}

    def container(self) -> str:
        return str(PROJECT)

    def seed(self, plan: dict[str, Any]) -> dict[str, Any]:
        return sow(self, plan)

    def act(self, deed: dict[str, Any]) -> dict[str, Any]:
        return perform(self, deed)

    def refuse(self, fault: Fault, ask: Ask) -> Reply:
        return refusal(fault, ask)

    def note(self, ask: Ask, verb: str, kind: str, item: int, *, changed: bool = True) -> None:
        at = iso(self.clock.now())
        self.journal.write(at, ask.who, verb, ask.request(), (kind, str(item)), changed=changed)


def routes(box: GrowcrmSandbox) -> list[Route]:
    one = "/api/tasks/{task_id}"
    table: list[tuple[str, str, Any]] = [
        ("GET", "/api/tasks", tasks.index),
        ("POST", "/api/tasks", tasks.create),
        ("GET", one, tasks.get),
        ("PATCH", one, tasks.update),
        ("DELETE", one, tasks.delete),
        ("PUT", f"{one}/status", tasks.set_status),
        ("PUT", f"{one}/assigned", tasks.set_assigned),
        ("PUT", f"{one}/tags", tasks.set_tags),
        ("PUT", f"{one}/archive", tasks.archive),
        ("PUT", f"{one}/activate", tasks.archive),
        ("GET", f"{one}/timers", tasks.timers),
        ("PUT", f"{one}/stop-timers", tasks.stop_timers),
        ("GET POST", f"{one}/comments", tasks.comments),
        ("DELETE", f"{one}/comments/{{comment_id}}", tasks.comment),
        ("GET POST", "/api/timesheets", rest.timesheets),
        ("GET PATCH DELETE", "/api/timesheets/{timer_id}", rest.timesheet),
        ("GET", "/api/projects", rest.projects),
        ("GET", "/api/projects/{project_id}", rest.project),
        ("GET", "/api/milestones", rest.milestones),
        ("GET", "/api/team", rest.team),
    ]
    return [
        Route(path, Endpoint(box, handler, path, guard=guard, finish=finish), methods=methods.split())
        for methods, path, handler in table
    ]


async def _not_found(request: Any, _: Exception) -> Any:
    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        del scope, receive
        await emit(send, rules.plain(404, "The resource was not found."))

    del request
    return answer


def guard(box: GrowcrmSandbox, ask: Ask) -> None:
    """What is checked before any handler: the key and its minute."""
    scheme, _, key = ask.headers.get("authorization", "").partition(" ")
    who = box.store.keys.get(key.strip()) if scheme.lower() == "bearer" else None
    if who is None:
        rules.refuse(401, "Unauthorized. A valid API key is required.")
    ask.who = who
    if box.settings.rate_limit:
        now = box.clock.now()
        minute = int(now) // MINUTE_S
        box.used[who, minute] += 1
        if box.used[who, minute] > box.settings.rate_limit:
            rules.refuse(429, "Too Many Attempts.", {"retry-after": str(MINUTE_S - int(now) % MINUTE_S)})


def finish(_box: GrowcrmSandbox, _: Ask, reply: Reply) -> Reply:
    return reply


def refusal(fault: Fault, ask: Ask) -> Reply:
    """A planned refusal. No key can lose a right, so a lost one is a key that was taken away; ``moved`` answers 404."""
    del ask
    wait = {} if fault.retry_after is None else {"retry-after": str(fault.retry_after)}
    if fault.kind in ("rate_limited", "secondary_limited"):
        return rules.plain(429, "Too Many Attempts.", wait)
    if fault.kind == "permission_lost":
        return rules.plain(fault.status or 401, "Unauthorized. A valid API key is required.")
    if fault.kind == "moved":
        return rules.plain(404, "The resource was not found.")
    return rules.plain(fault.status or 500, fault.message or "Server Error", wait)
