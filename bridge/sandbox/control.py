"""The control endpoints below ``/_sandbox/``: no token needed, no part of any vendor's API."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, fields
from typing import TYPE_CHECKING, Any

from starlette.applications import Starlette
from starlette.responses import JSONResponse
from starlette.routing import Route

from bridge.sandbox.clock import iso
from bridge.sandbox.faults import KINDS

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from starlette.requests import Request
    from starlette.responses import Response

    from bridge.sandbox.exchange import Tracker
    from bridge.sandbox.frame import Held


@dataclass(frozen=True, slots=True)
class Order:
    """One control request: what it is about, its query and its body."""

    tracker: Tracker
    held: Held
    query: dict[str, str]
    body: Any


def about(order: Order) -> dict[str, Any]:
    tracker = order.tracker
    return {
        "tracker": tracker.name,
        "tokens": tracker.tokens(),
        "container": tracker.container(),
        "now": iso(tracker.clock.now()),
        "held": order.held.waiting,
        "settings": asdict(tracker.settings),
        "faults": KINDS,
    }


def log(order: Order) -> list[dict[str, Any]]:
    """The accepted writes; ``?after=SEQ`` and ``?author=NAME`` narrow."""
    after, author = int(order.query.get("after", "0")), order.query.get("author")
    return [asdict(entry) for entry in order.tracker.journal.since(after, author=author)]


def set_off(order: Order) -> list[dict[str, str]]:
    """Whom texts notified and what they cross-linked; ``?author=NAME`` narrows."""
    author = order.query.get("author")
    return [each for each in order.tracker.journal.effects if author in (None, each["author"])]


def counts(order: Order) -> dict[str, Any]:
    return order.tracker.journal.counts.as_json()


def reset_counts(order: Order) -> dict[str, Any]:
    order.tracker.journal.reset_counts()
    return counts(order)


def faults(order: Order) -> dict[str, Any]:
    return order.tracker.faults.as_json()


def add_faults(order: Order) -> dict[str, Any]:
    """One fault or a list of them."""
    for item in order.body if isinstance(order.body, list) else [order.body]:
        order.tracker.faults.add(**item)
    return faults(order)


def clear_faults(order: Order) -> dict[str, Any]:
    order.tracker.faults.clear()
    return faults(order)


def held(order: Order) -> dict[str, Any]:
    return {"held": order.held.waiting}


def release(order: Order) -> dict[str, Any]:
    freed = order.held.waiting
    order.held.release()
    return {"released": freed}


def clock(order: Order) -> dict[str, Any]:
    """``offset_s``; ``freeze`` true, an instant, or false; ``advance`` seconds."""
    own, wanted = order.tracker.clock, order.body or {}
    if "offset_s" in wanted:
        own.offset_s = float(wanted["offset_s"])
    frozen = wanted.get("freeze")
    if frozen is False:
        own.thaw()
    elif frozen is not None:
        own.freeze(None if frozen is True else frozen)
    if "advance" in wanted:
        own.advance(float(wanted["advance"]))
    return {"now": iso(own.now()), "offset_s": own.offset_s, "is_frozen": own.frozen_at is not None}


def settings(order: Order) -> dict[str, Any]:
    change_settings(order.tracker, order.body or {})
    return asdict(order.tracker.settings)


def webhook(order: Order) -> dict[str, Any]:
    """Add a target: ``url``, ``secret``, ``events``, ``mode``, ``header``, ``prefix``; ``replace`` drops the others first."""
    wanted = dict(order.body)
    if wanted.pop("replace", False):
        order.tracker.outgoing.targets.clear()
    order.tracker.outgoing.aim(**wanted)
    return {"targets": len(order.tracker.outgoing.targets)}


def no_webhook(order: Order) -> dict[str, Any]:
    order.tracker.outgoing.targets.clear()
    return {"targets": 0}


def deliveries(order: Order) -> list[dict[str, Any]]:
    return [delivery.as_json() for delivery in order.tracker.outgoing.deliveries]


def redeliver(order: Order) -> dict[str, Any]:
    return {"sent": order.tracker.outgoing.redeliver(order.body["id"])}


def seed(order: Order) -> dict[str, Any]:
    return order.tracker.seed(order.body)


def act(order: Order) -> dict[str, Any]:
    return order.tracker.act(order.body)


def state(order: Order) -> dict[str, Any]:
    return order.tracker.store.dump()


def load(order: Order) -> dict[str, Any]:
    order.tracker.store.load(order.body)
    return {"loaded": True}


TABLE: tuple[tuple[str, str, Callable[[Order], Any]], ...] = (
    ("GET", "/", about),
    ("GET", "/log", log),
    ("GET", "/effects", set_off),
    ("GET", "/counts", counts),
    ("POST", "/counts/reset", reset_counts),
    ("GET", "/faults", faults),
    ("POST", "/faults", add_faults),
    ("DELETE", "/faults", clear_faults),
    ("GET", "/held", held),
    ("POST", "/release", release),
    ("POST", "/clock", clock),
    ("POST", "/settings", settings),
    ("POST", "/webhook", webhook),
    ("DELETE", "/webhook", no_webhook),
    ("GET", "/deliveries", deliveries),
    ("POST", "/redeliver", redeliver),
    ("POST", "/seed", seed),
    ("POST", "/act", act),
    ("GET", "/state", state),
    ("POST", "/state", load),
)


def control_app(tracker: Tracker, waiting: Held) -> Starlette:
    """The routes of TABLE, each answering JSON; a mistake in a request answers 400 with ``message``."""

    def route(handler: Callable[[Order], Any]) -> Callable[[Request], Awaitable[Response]]:
        async def run(request: Request) -> Response:
            try:
                body = await request.json() if await request.body() else None
                order = Order(tracker, waiting, dict(request.query_params), body)
                return JSONResponse(handler(order))
            except (ValueError, TypeError, KeyError, AttributeError) as error:
                return JSONResponse({"message": f"{type(error).__name__}: {error}"}, status_code=400)

        return run

    return Starlette(routes=[Route("/_sandbox" + path, route(run), methods=[method]) for method, path, run in TABLE])


def change_settings(tracker: Tracker, wanted: dict[str, Any]) -> None:
    """Set switches by name.

    Raises: ValueError naming an unknown one.
    """
    known = {item.name for item in fields(tracker.settings)}
    if unknown := set(wanted) - known:
        raise ValueError(f"no setting {', '.join(sorted(unknown))}; there are: {', '.join(sorted(known))}")
    for name, value in wanted.items():
        setattr(tracker.settings, name, value)
