"""The processes that die. ``python -m bridge.drill.child``: one JSON job a line in, one JSON answer a line out.

Everything is imported once; each job then runs in a fork of its own, made while there is no thread, no event loop and no
database connection (a job with ``"warm": true`` runs before that, so that they find caches filled). A job is ``{"settings": FILE, "link": NAME, "die_at": N, "read_s": S or null, "actions": [...]}``; an
action is ``{"do": "sync"}``, ``{"do": "settle"}`` (both also with ``"full": true``), ``{"do": "deliver", "connection", "headers", "body"}``, ``{"do": "plan"}`` or ``{"do": "look"}``.
"""

from __future__ import annotations

import asyncio
import base64
import gc
import json
import os
import sys
import time
import traceback
from collections.abc import Mapping
from contextlib import nullcontext
from pathlib import Path
from typing import Any, Final, NoReturn

from bridge import log
from bridge.config import plugins
from bridge.config.settings import Settings
from bridge.drill import scratch
from bridge.drill.boundary import KILLED, Boundaries, watched
from bridge.drill.look import look
from bridge.errors import SignatureError
from bridge.wiring import Bridge

_MOST_RUNS: Final = 3
_LOCKED_S: Final = 150.0
"""Longer than any lease: only a system that cannot tell a dead process waits for one."""


def _nobody(_: str) -> None:
    """Who is told of a death that does not come."""


async def _no_wait(_: float) -> None:
    """What a sandbox makes people wait for is over at once."""


def main() -> None:
    log.configure("critical")
    known: dict[str, Settings] = {}
    sys.modules.setdefault("sniffio", None)  # type: ignore[arg-type]  # httpcore looks for it on disk at each lock
    gc.disable()  # the children are short, and what they do not touch they need not copy
    for line in sys.stdin:
        job = json.loads(line)
        if job["settings"] not in known:
            known[job["settings"]] = scratch.read(Path(job["settings"]))
        if job.get("warm"):
            answer: dict[str, Any] = asyncio.run(_work(job, known[job["settings"]], Boundaries(0, _nobody)))
        else:
            answer = _forked(job, known[job["settings"]])
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()


def _forked(job: Mapping[str, Any], settings: Settings) -> dict[str, Any]:
    """Run a job in a process of its own, and say how that ended."""
    read, write = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(read)
        _live(job, settings, write)
    os.close(write)
    with os.fdopen(read, "rb") as answer:
        said = answer.read()
    _, status = os.waitpid(pid, 0)
    code = os.waitstatus_to_exitcode(status)
    held: dict[str, Any] = json.loads(said) if said else {"error": f"the process ended with {code} and said nothing"}
    return held | {"killed": code == KILLED}


def _live(job: Mapping[str, Any], settings: Settings, out: int) -> NoReturn:
    """All that a child does. It never returns into its parent's code."""
    answer: dict[str, Any]
    try:
        boundaries = Boundaries(int(job["die_at"]), lambda what: _tell(out, {"at": what, "passed": boundaries.passed}))
        answer = asyncio.run(_work(job, settings, boundaries))
    except BaseException:  # noqa: BLE001 — told to whoever started the drill, who fails on it
        answer = {"error": traceback.format_exc()}
    _tell(out, answer)
    os._exit(0)


def _tell(out: int, answer: Mapping[str, Any]) -> None:
    with os.fdopen(out, "wb", closefd=False) as pipe:
        pipe.write(json.dumps(answer).encode())


async def _work(job: Mapping[str, Any], settings: Settings, boundaries: Boundaries) -> dict[str, Any]:
    """All actions with one Bridge. What looks on is not counted and dies of nothing."""
    results = []
    with watched(boundaries, job.get("read_s")):
        async with Bridge.open(settings, sleep=_no_wait) as bridge:
            for action in job["actions"]:
                with boundaries.unseen() if action["do"] in ("look", "plan") else nullcontext():
                    results.append(await _act(bridge, job, action))
    return {"results": results, "passed": boundaries.passed}


async def _act(bridge: Bridge, job: Mapping[str, Any], action: Mapping[str, Any]) -> Any:
    match action["do"]:
        case "sync":
            return await _synced(bridge, job["link"], full=bool(action.get("full")))
        case "settle":
            return await _settled(bridge, job["link"], full=bool(action.get("full")))
        case "deliver":
            return await _deliver(bridge, action)
        case "look":
            return await _look(bridge, job, coming=bool(action.get("coming")))
        case _:
            report = await bridge.plan(job["link"], full=True)
            return [{"op": one.op, "said": str(one)} for one in report.plan.operations]


async def _settled(bridge: Bridge, link: str, *, full: bool = False) -> list[dict[str, Any]]:
    """Runs until one writes nothing, three at most: the last is the run after a settled run (I1, I3)."""
    reports = [await _synced(bridge, link, full=full)]
    while reports[-1]["writes"] and len(reports) < _MOST_RUNS:
        reports.append(await _synced(bridge, link, full=full))
    return reports


async def _synced(bridge: Bridge, link: str, *, full: bool = False) -> dict[str, Any]:
    """One run. ``writes`` counts what was sent, not what was meant."""
    until = time.monotonic() + _LOCKED_S
    before = _writes(bridge)
    while (  # noqa: ASYNC110 — the lease of another machine tells nobody when it ends
        report := await bridge.sync(link, trigger="drill", full=full)
    ).state == "locked" and time.monotonic() < until:
        await asyncio.sleep(1)
    return {"state": report.state, "error": report.error, "writes": _writes(bridge) - before}


def _writes(bridge: Bridge) -> int:
    return sum(bridge.connector(name).usage().writes for name in bridge.settings.connections)


async def _deliver(bridge: Bridge, action: Mapping[str, Any]) -> dict[str, Any]:
    """Take a webhook in, as the web server would."""
    headers = {name.lower(): value for name, value in action["headers"].items()}
    try:
        outcome = await bridge.deliver(action["connection"], headers, base64.b64decode(action["body"]))
    except SignatureError as error:
        return {"refused": error.message}
    return {"links": list(outcome.links), "duplicate": outcome.duplicate}


async def _look(bridge: Bridge, job: Mapping[str, Any], *, coming: bool) -> dict[str, Any]:
    """With connections of its own, which do not know what the runs' know."""
    calm = scratch.read(Path(job["calm"]))
    configs: dict[str, Any] = dict(calm.connections)
    ends = {name: plugins.find(config.type).connect(name, config) for name, config in configs.items()}
    try:
        return await look(bridge, ends, calm, job["link"], coming=coming)
    finally:
        for end in ends.values():
            await end.aclose()


if __name__ == "__main__":
    main()
