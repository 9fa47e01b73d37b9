"""Running sandboxes: ``Sandbox`` for a test, ``serve`` for ``bridge sandbox``. Loopback only unless told otherwise."""

from __future__ import annotations

import asyncio
import contextlib
import json
import signal
import socket
import threading
import urllib.error
import urllib.request
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import uvicorn

from bridge.sandbox.artala import ArtalaSandbox
from bridge.sandbox.control import change_settings
from bridge.sandbox.frame import Frame
from bridge.sandbox.gipo import GipoSandbox
from bridge.sandbox.github import GithubSandbox
from bridge.sandbox.growcrm import GrowcrmSandbox
from bridge.sandbox.jira import JiraSandbox
from bridge.sandbox.redmine import RedmineSandbox
from bridge.sandbox.timetracker import TimeTrackerSandbox
from bridge.sandbox.workestra import WorkestraSandbox

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from starlette.types import ASGIApp

    from bridge.sandbox.clock import Clock
    from bridge.sandbox.exchange import Tracker
    from bridge.sandbox.faults import Fault, Faults
    from bridge.sandbox.journal import Counts, Entry

GRACE_S = 2.0
TRACKERS: dict[str, Callable[..., Any]] = {
    "github": GithubSandbox,
    "artala": ArtalaSandbox,
    "redmine": RedmineSandbox,
    "gipo": GipoSandbox,
    "growcrm": GrowcrmSandbox,
    "workestra": WorkestraSandbox,
    "timetracker": TimeTrackerSandbox,
    "jira": JiraSandbox,
    "jira-dc": partial(JiraSandbox, dialect="dc"),
}


@dataclass(frozen=True, slots=True)
class Running:
    """One tracker that answers at ``url``. ``tokens`` are by person; ``token`` is the one a config would use."""

    tracker: str
    url: str
    token: str
    tokens: dict[str, str] = field(default_factory=dict)
    container: str = ""

    def as_json(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in ("tracker", "url", "token", "tokens", "container")}


class _Server(uvicorn.Server):
    """uvicorn without its signal handlers (whoever runs the process owns those) and without its tenths of a second."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.is_up, self.is_done = asyncio.Event(), asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.is_up.set()

    async def main_loop(self) -> None:
        await self.is_done.wait()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Take no more connections, let the running requests finish for GRACE_S, end the others."""
        for server in self.servers:
            server.close()
        for line in sockets or []:
            line.close()
        for connection in list(self.server_state.connections):
            connection.shutdown()
        for wait_s in (GRACE_S, GRACE_S):
            if self.server_state.tasks:
                _, late = await asyncio.wait(set(self.server_state.tasks), timeout=wait_s)
                for task in late:
                    task.cancel()
        await asyncio.sleep(0)

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def make(tracker: str, **settings: Any) -> Tracker:
    """A fresh sandbox tracker.

    Raises: ValueError naming the trackers there are.
    """
    if tracker not in TRACKERS:
        raise ValueError(f"no sandbox for {tracker!r}; there are: {', '.join(TRACKERS)}")
    made: Tracker = TRACKERS[tracker](**settings)
    return made


def listener(host: str, port: int) -> socket.socket:
    """A bound socket; port 0 takes a free one.

    Raises: OSError when the port is taken.
    """
    # The protocol is named because asyncio turns Nagle's delay off only where it is: 40 ms an answer otherwise.
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    line = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    line.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        line.bind((host, port))
    except OSError:
        line.close()
        raise
    return line


def listeners(host: str, ports: list[int]) -> list[socket.socket]:
    """One bound socket a port, or none at all.

    Raises: OSError when a port is taken.
    """
    with contextlib.ExitStack() as opened:
        lines = [opened.enter_context(listener(host, port)) for port in ports]
        opened.pop_all()
    return lines


def server_of(app: ASGIApp) -> _Server:
    config = uvicorn.Config(
        app,
        lifespan="off",
        log_config=None,
        log_level="error",
        access_log=False,
        server_header=False,
        date_header=False,
        proxy_headers=False,
        timeout_keep_alive=60,
    )
    return _Server(config)


def running(tracker: Tracker, line: socket.socket) -> Running:
    host, port = line.getsockname()[:2]
    place = f"[{host}]" if ":" in host else host
    tokens = tracker.tokens()
    return Running(tracker.name, f"http://{place}:{port}", next(iter(tokens.values())), tokens, tracker.container())


class Sandbox:
    """A tracker on a free loopback port in a background thread, for the length of a ``with`` block.

    ``wrap`` is ASGI middleware put around the tracker (inside the faults). Other keywords are the tracker's settings.
    The answer of ``call`` is (status, JSON or None); people's edits go through it, by name of the person.
    """

    def __init__(
        self, tracker: str = "github", *, wrap: Callable[[ASGIApp], ASGIApp] | None = None, **settings: Any
    ) -> None:
        self.tracker = make(tracker, **settings)
        self.store: Any = self.tracker.store
        self.app = Frame(self.tracker, wrap)
        self._server = server_of(self.app)
        self._line = listener("127.0.0.1", 0)
        self.running = running(self.tracker, self._line)
        self.url = self.running.url
        self._loop: asyncio.AbstractEventLoop | None = None
        self._has_loop = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"sandbox-{tracker}", daemon=True)

    def __enter__(self) -> Self:
        self._line.listen(128)
        self._thread.start()
        self._has_loop.wait()
        return self

    def __exit__(self, *_: object) -> None:
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._stop)
        self._thread.join(timeout=10)
        self._line.close()
        self.tracker.outgoing.close()

    def _run(self) -> None:
        async def serve_here() -> None:
            self._loop = asyncio.get_running_loop()
            self._has_loop.set()
            await self._server.serve(sockets=[self._line])

        asyncio.run(serve_here())

    def _stop(self) -> None:
        self.app.held.release()
        self._server.is_done.set()

    @property
    def faults(self) -> Faults:
        return self.tracker.faults

    @property
    def clock(self) -> Clock:
        return self.tracker.clock

    @property
    def log(self) -> list[Entry]:
        return self.tracker.journal.entries

    @property
    def effects(self) -> list[dict[str, str]]:
        return self.tracker.journal.effects

    @property
    def counts(self) -> Counts:
        return self.tracker.journal.counts

    def token(self, who: str = "") -> str:
        """The token of a person; without one, the token a config would use."""
        return self.running.tokens[who] if who else self.running.token

    def set(self, **settings: Any) -> None:
        change_settings(self.tracker, settings)

    def fault(self, kind: str, **options: Any) -> Fault:
        return self.tracker.faults.add(kind, **options)

    def seed(self, **plan: Any) -> dict[str, Any]:
        status, answer = self.call("POST", "/_sandbox/seed", plan)
        if status != 200:
            raise ValueError(answer["message"])
        return dict(answer)

    def act(self, do: str, **members: Any) -> dict[str, Any]:
        status, answer = self.call("POST", "/_sandbox/act", {"do": do, **members})
        if status != 200:
            raise ValueError(answer["message"])
        return dict(answer)

    def call(self, method: str, path: str, body: Any = None, *, who: str = "") -> tuple[int, Any]:
        """One request over the socket, as a person (default: the bridge's own token)."""
        return call(self.url + path, method, body, token=self.token(who))


def call(url: str, method: str = "GET", body: Any = None, *, token: str = "") -> tuple[int, Any]:
    """One small JSON request; statuses of 400 and more are answers, not errors.

    Raises: OSError when nobody answers.
    """
    headers = {"User-Agent": "bridge-sandbox-person", "Accept": "application/json", "Content-Type": "application/json"}
    if token:
        headers["Authorization"] = f"Bearer {token}"
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data=data, headers=headers, method=method)  # noqa: S310 - our own address
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:  # noqa: S310 - as above
            status, raw = answer.status, answer.read()
    except urllib.error.HTTPError as error:
        with error:
            status, raw = error.code, error.read()
    return status, json.loads(raw) if raw else None


async def serve(
    trackers: list[str],
    *,
    host: str = "127.0.0.1",
    ports: list[int] | None = None,
    state_file: Path | str | None = None,
    seed: dict[str, dict[str, Any]] | None = None,
    ready: Callable[[list[Running]], None] | None = None,
    settings: dict[str, dict[str, Any]] | None = None,
    stop: asyncio.Event | None = None,
) -> None:
    """Run trackers until SIGTERM, SIGINT or ``stop``; prints nothing.

    ``ready`` is called once with what runs, when it runs. ``seed`` and ``settings`` are by tracker; the seed is used only when
    no state was loaded. With ``state_file`` the content survives a restart.

    Raises: OSError when a port is taken; ValueError for an unknown tracker or a state file that is none.
    """
    state = load_state(state_file)
    boxes = [make(name, **(settings or {}).get(name, {})) for name in trackers]
    for box in boxes:
        if box.name in state:
            try:
                box.store.load(state[box.name])
            except (KeyError, TypeError) as error:
                raise ValueError(
                    f"{state_file} is not a saved sandbox state ({error}). Remove it to start afresh."
                ) from error
        elif seed and box.name in seed:
            box.seed(seed[box.name])
    wanted = list(ports or []) + [0] * len(boxes)
    lines = listeners(host, wanted[: len(boxes)])
    frames = [Frame(box) for box in boxes]
    servers = [server_of(frame) for frame in frames]
    done = stop or asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, done.set)
    tasks = [asyncio.create_task(server.serve(sockets=[line])) for server, line in zip(servers, lines, strict=True)]
    try:
        await asyncio.gather(*(server.is_up.wait() for server in servers))
        if ready is not None:
            ready([running(box, line) for box, line in zip(boxes, lines, strict=True)])
        await done.wait()
    finally:
        for server, frame in zip(servers, frames, strict=True):
            frame.held.release()
            server.is_done.set()
        await asyncio.gather(*tasks)
        save_state(state_file, boxes)
        for box in boxes:
            box.outgoing.close()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.remove_signal_handler(number)


def load_state(state_file: Path | str | None) -> dict[str, Any]:
    """What an earlier run saved; empty when there is no file.

    Raises: ValueError when the file is not such a state.
    """
    if state_file is None or not Path(state_file).exists():
        return {}
    try:
        state = dict(json.loads(Path(state_file).read_text(encoding="utf-8")))
    except (ValueError, TypeError) as error:
        raise ValueError(f"{state_file} is not a saved sandbox state: {error}. Remove it to start afresh.") from error
    return state


def save_state(state_file: Path | str | None, boxes: list[Tracker]) -> None:
    if state_file is None:
        return
    text = json.dumps({box.name: box.store.dump() for box in boxes})
    part = Path(f"{state_file}.part")
    part.write_text(text, encoding="utf-8")
    part.replace(state_file)
