"""The daemon as a table of contents: timers, web server, signals, and what systemd hears.

Refuses: to know how a link is run (wiring) or when (engine.host_local).
"""

from __future__ import annotations

import asyncio
import signal
import socket
from contextlib import asynccontextmanager, contextmanager, suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final
from zoneinfo import ZoneInfo

import uvicorn

from bridge.config.terms import terms_to_accept
from bridge.engine import overview
from bridge.engine.audit import Audit
from bridge.engine.host_local import LocalHost, Timing
from bridge.errors import BridgeError
from bridge.log import get
from bridge.systemd.notify import Notifier
from bridge.web import app
from bridge.wiring import Bridge

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Coroutine, Iterator

    from bridge.config.settings import Settings
    from bridge.engine.report import RunReport

_log = get(__name__)

_STOP_SIGNALS: Final = (signal.SIGTERM, signal.SIGINT)
_WEB_GRACE_S: Final = 5
_STARTED_WITH: Final = (
    "A daemon goes by the configuration it was started with: restart it once another one was accepted."
)


async def serve(settings: Settings, *, start_now: bool = False) -> None:
    """Run until SIGTERM or SIGINT; a second signal does not wait for running links. Raises BridgeError at the start."""
    stop = asyncio.Event()
    notifier = Notifier.of()
    async with Bridge.open(settings) as bridge:
        host = _host(bridge, start_now=start_now)
        with _listen(settings) as listener, _signals(stop, host):
            async with _web(bridge, host, listener), _task(notifier.watch()):
                host.start()
                address = "{}:{}".format(*listener.getsockname()[:2])
                _log.info("daemon.started", address=address, links=len(settings.links))
                notifier.ready(f"{len(settings.links)} links, listening on {address}")
                await stop.wait()
                _log.info("daemon.stopping", running=sorted(host.running))
                notifier.stopping(within_s=settings.daemon.stop_timeout + _WEB_GRACE_S + 5)
                finished = await host.stop(drain_s=settings.daemon.stop_timeout)
    _log.info("daemon.stopped", finished=finished)


def _host(bridge: Bridge, *, start_now: bool) -> LocalHost:
    daemon = bridge.settings.daemon
    zone = ZoneInfo(daemon.timezone)
    timings = [
        Timing(link.name, every_s=link.every, cron=link.cron, jitter_s=link.jitter, timezone=zone)
        for link in bridge.settings.links
        if link.enabled
    ]

    told: dict[str, str] = {}

    async def sync(link: str, trigger: str) -> None:
        if await bridge.is_audit_due(link):
            report = await bridge.audit(link, Audit(repair=True), trigger="audit")
        else:
            report = await bridge.sync(link, trigger=trigger)
        tell(told, report, trigger)

    return LocalHost(timings, sync, slots=daemon.max_parallel, start_now=start_now)


def tell(told: dict[str, str], report: RunReport, trigger: str) -> None:
    """Log why a link did not run. That it waits to be accepted is said once a change, not at each turn: ``told`` is what was
    said last, by link, until it runs.
    """
    link = report.link
    if report.state == "unaccepted":
        if told.get(link) != report.error:
            hint = f"{report.hint} {_STARTED_WITH}"
            _log.error("link.held", link=link, trigger=trigger, reason=report.error, hint=hint)
        told[link] = report.error
    elif report.state == "locked":
        _log.info("link.locked", link=link, trigger=trigger, reason=report.error)
    else:
        told.pop(link, None)
        if report.error:
            _log.error("link.refused", link=link, trigger=trigger, reason=report.error, hint=report.hint)


@contextmanager
def _listen(settings: Settings) -> Iterator[socket.socket]:
    """Our own socket, so that a port that is taken is one message and port 0 can be told."""
    host, port = settings.daemon.host, settings.daemon.port
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        listener = socket.create_server((host, port), family=family, backlog=1024)
    except OSError as error:
        raise BridgeError(
            f"Cannot listen on {host}:{port}: {error.strerror or error}.",
            hint="Set daemon.host and daemon.port to an address of this machine that is free (port 0 takes any).",
        ) from None
    with listener:
        yield listener


@contextmanager
def _signals(stop: asyncio.Event, host: LocalHost) -> Iterator[None]:
    """The first signal stops, the next ones hurry."""
    loop = asyncio.get_running_loop()

    def received() -> None:
        if stop.is_set():
            host.hurry()
        stop.set()

    for number in _STOP_SIGNALS:
        loop.add_signal_handler(number, received)
    try:
        yield
    finally:
        for number in _STOP_SIGNALS:
            loop.remove_signal_handler(number)


@asynccontextmanager
async def _web(bridge: Bridge, host: LocalHost, listener: socket.socket) -> AsyncIterator[None]:
    terms = terms_to_accept(bridge.settings)

    async def health() -> list[dict[str, Any]]:
        names = [link.name for link in bridge.settings.links if link.enabled]
        return [_health_of(each, host) for each in await bridge.store.read(overview.read, names, terms)]

    site = app.build(
        connections=bridge.settings.connections.keys(), deliver=bridge.deliver, kick=host.kick, health=health
    )
    server = _Server(
        uvicorn.Config(
            site,
            lifespan="off",
            access_log=False,
            log_config=None,
            server_header=False,
            timeout_graceful_shutdown=_WEB_GRACE_S,
        )
    )
    async with _task(server.serve(sockets=[listener])) as serving:
        await asyncio.wait(
            (serving, up := asyncio.ensure_future(server.up.wait())), return_when=asyncio.FIRST_COMPLETED
        )
        up.cancel()
        try:
            yield
        finally:
            server.should_exit = True
            await serving


class _Server(uvicorn.Server):
    """uvicorn without its own signal handlers: the daemon decides when to stop. ``up`` is set when it answers."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.up = asyncio.Event()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.up.set()


def _health_of(each: overview.LinkStatus, host: LocalHost) -> dict[str, Any]:
    """What a monitor wants of one link; ``age_s`` is the time since the last good end, None before the first."""
    run, due = each.last_run, host.next_run_at(each.name)
    return {
        "name": each.name,
        "last_run": None if run is None else {"id": run.id, "state": run.state, "at": _text(run.finished_at)},
        "age_s": None if each.finished_at is None else int((datetime.now(UTC) - each.finished_at).total_seconds()),
        "next_run_at": _text(due),
        "running": each.name in host.running,
        "accepted": not each.changes,
        "next": f"bridge plan {each.name}, then bridge accept {each.name}" if each.changes else "",
        "conflicts_open": each.conflicts_open,
        "parked": each.parked,
        "waiting": each.waiting,
        "unsettled": each.unsettled,
        "vanished": each.vanished,
        "paused": each.paused,
        "audited_at": _text(each.audited_at),
    }


def _text(at: datetime | None) -> str | None:
    return None if at is None else f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


@asynccontextmanager
async def _task(work: Coroutine[Any, Any, None]) -> AsyncIterator[asyncio.Task[None]]:
    """Run ``work`` beside the block and end it with the block."""
    task = asyncio.get_running_loop().create_task(work)
    try:
        yield task
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
