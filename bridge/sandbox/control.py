"""The control endpoints below ``/_sandbox/``: no token needed, no part of any vendor's API."""

from __future__ import annotations

from dataclasses import asdict, fields
from typing import TYPE_CHECKING, Any

from starlette.applications import Starlette
from starlette.responses import JSONResponse
from starlette.routing import Route

from bridge.sandbox.clock import iso
from bridge.sandbox.faults import KINDS

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from starlette.requests import Request
    from starlette.responses import Response

    from bridge.sandbox.exchange import Tracker
    from bridge.sandbox.frame import Held


def control_app(tracker: Tracker, held: Held) -> Starlette:
    """Routes, each answering JSON; a mistake in a request answers 400 with ``message``."""

    async def about(_: Any) -> dict[str, Any]:
        return {
            "tracker": tracker.name,
            "tokens": tracker.tokens(),
            "container": tracker.container(),
            "now": iso(tracker.clock.now()),
            "held": held.waiting,
            "settings": asdict(tracker.settings),
            "faults": KINDS,
        }

    async def log(request: Request) -> list[dict[str, Any]]:
        after = int(request.query_params.get("after", "0"))
        author = request.query_params.get("author")
        return [asdict(entry) for entry in tracker.journal.since(after, author=author)]

    async def counts(_: Any) -> dict[str, Any]:
        return tracker.journal.counts.as_json()

    async def reset_counts(_: Any) -> dict[str, Any]:
        tracker.journal.reset_counts()
        return tracker.journal.counts.as_json()

    async def faults(_: Any) -> dict[str, Any]:
        return tracker.faults.as_json()

    async def add_faults(request: Request) -> dict[str, Any]:
        wanted = await request.json()
        for item in wanted if isinstance(wanted, list) else [wanted]:
            tracker.faults.add(**item)
        return tracker.faults.as_json()

    async def clear_faults(_: Any) -> dict[str, Any]:
        tracker.faults.clear()
        return tracker.faults.as_json()

    async def release(_: Any) -> dict[str, Any]:
        freed = held.waiting
        held.release()
        return {"released": freed}

    async def held_now(_: Any) -> dict[str, Any]:
        return {"held": held.waiting}

    async def seed(request: Request) -> dict[str, Any]:
        return tracker.seed(await request.json())

    async def act(request: Request) -> dict[str, Any]:
        return tracker.act(await request.json())

    async def state(_: Any) -> dict[str, Any]:
        return tracker.dump()

    async def load(request: Request) -> dict[str, Any]:
        tracker.load(await request.json())
        return {"loaded": True}

    table: list[tuple[str, str, Callable[[Any], Awaitable[Any]]]] = [
        ("GET", "/", about),
        ("GET", "/log", log),
        ("GET", "/counts", counts),
        ("POST", "/counts/reset", reset_counts),
        ("GET", "/faults", faults),
        ("POST", "/faults", add_faults),
        ("DELETE", "/faults", clear_faults),
        ("GET", "/held", held_now),
        ("POST", "/release", release),
        ("POST", "/seed", seed),
        ("POST", "/act", act),
        ("GET", "/state", state),
        ("POST", "/state", load),
        *_tuning(tracker),
    ]
    return Starlette(
        routes=[Route("/_sandbox" + path, _safely(handler), methods=[method]) for method, path, handler in table]
    )


def _tuning(tracker: Tracker) -> list[tuple[str, str, Callable[[Any], Awaitable[Any]]]]:
    async def clock(request: Request) -> dict[str, Any]:
        wanted = await request.json()
        if "offset_s" in wanted:
            tracker.clock.offset_s = float(wanted["offset_s"])
        if "freeze" in wanted:
            if wanted["freeze"] is False:
                tracker.clock.thaw()
            else:
                tracker.clock.freeze(None if wanted["freeze"] is True else wanted["freeze"])
        if "advance" in wanted:
            tracker.clock.advance(float(wanted["advance"]))
        return {"now": iso(tracker.clock.now()), "offset_s": tracker.clock.offset_s}

    async def settings(request: Request) -> dict[str, Any]:
        change_settings(tracker, await request.json())
        return asdict(tracker.settings)

    async def webhook(request: Request) -> dict[str, Any]:
        wanted = await request.json()
        if wanted.pop("replace", False):
            tracker.outgoing.targets.clear()
        wanted["events"] = tuple(wanted.get("events", ()))
        tracker.outgoing.aim(**wanted)
        return {"targets": len(tracker.outgoing.targets)}

    async def no_webhook(_: Any) -> dict[str, Any]:
        tracker.outgoing.targets.clear()
        return {"targets": 0}

    async def deliveries(_: Any) -> list[dict[str, Any]]:
        return [delivery.as_json() for delivery in tracker.outgoing.deliveries]

    async def redeliver(request: Request) -> dict[str, Any]:
        return {"sent": tracker.outgoing.redeliver((await request.json())["id"])}

    return [
        ("POST", "/clock", clock),
        ("POST", "/settings", settings),
        ("POST", "/webhook", webhook),
        ("DELETE", "/webhook", no_webhook),
        ("GET", "/deliveries", deliveries),
        ("POST", "/redeliver", redeliver),
    ]


def change_settings(tracker: Tracker, wanted: dict[str, Any]) -> None:
    """Set switches by name.

    Raises: ValueError naming an unknown one.
    """
    known = {item.name for item in fields(tracker.settings)}
    if unknown := set(wanted) - known:
        raise ValueError(f"no setting {', '.join(sorted(unknown))}; there are: {', '.join(sorted(known))}")
    for name, value in wanted.items():
        setattr(tracker.settings, name, value)


def _safely(handler: Callable[[Any], Awaitable[Any]]) -> Callable[[Request], Awaitable[Response]]:
    async def run(request: Request) -> Response:
        try:
            return JSONResponse(await handler(request))
        except (ValueError, TypeError, KeyError) as error:
            return JSONResponse({"message": f"{type(error).__name__}: {error}"}, status_code=400)

    return run
