"""The ground of the state machine: sandbox trackers, people and a real Bridge in one process, with one clock.

Requests go through the trackers' own ASGI applications, faults included, without sockets; the database is a real SQLite
file whose transactions run where they are asked for. So a history takes milliseconds and is the same each time.
"""

from __future__ import annotations

import asyncio
import shutil
import tempfile
import uuid
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from types import SimpleNamespace
from typing import Any
from unittest import mock

import httpx
from promises.places import Board, Place, Repo, ask

import bridge.wiring
import connectors.artala_write
from bridge.config.loader import load
from bridge.engine.link import Limits
from bridge.engine.report import RunReport
from bridge.sandbox.artala import ArtalaSandbox
from bridge.sandbox.artala_seed import BOARD
from bridge.sandbox.artala_store import Status
from bridge.sandbox.frame import Frame
from bridge.sandbox.github import GithubSandbox
from bridge.wiring import Bridge
from connectors.artala import Artala
from connectors.github import Github
from connectors.pace import Retry
from state.store import Store

SECRET = "a secret of the webhooks"
LAG_S = 10
BOTS = ("bridge-bot", "bridge@example.com")
BEGIN = datetime(2026, 3, 1, 12, tzinfo=UTC)

CONFIG = """
[state]
url = "sqlite:///{folder}/bridge.db"

[connections.artala]
type = "artala"
base_url = "http://artala.example"
requests_per_minute = 0
index_lag_s = {lag}
token_file = "{folder}/artala.token"
webhook_secret_file = "{folder}/hook.secret"

[connections.github]
type = "github"
base_url = "http://github.example"
write_interval_s = 0
reserve_percent = 0
index_lag_s = {lag}
token_file = "{folder}/github.token"
webhook_secret_file = "{folder}/hook.secret"

[[people]]
artala = "sam@example.com"
github = "alice"

[[people]]
artala = "bob@example.com"
github = "bob"
"""

LINK = """
[[links]]
name = "{name}"
left = {{ connection = "{left}", container = "{left_container}" }}
right = {{ connection = "{right}", container = "{right_container}" }}
initial = "match-then-create"
enabled = {enabled}
conflict = "{policy}"
auto_accept = true
{fields}
"""


@dataclass(frozen=True)
class Event:
    """One field of one item took another value. ``bot``: we wrote it, not a person."""

    bot: bool
    place: str
    item: str
    field: str
    before: Any
    after: Any


class _Here:
    """An executor that works at once, where it is called: no thread decides about the order of things."""

    def submit(self, work: Any) -> Future[Any]:
        future: Future[Any] = Future()
        try:
            future.set_result(work())
        except BaseException as error:  # noqa: BLE001 — a future carries whatever was raised
            future.set_exception(error)
        return future

    def shutdown(self) -> None:
        """Nothing is running."""


class Wire(httpx.AsyncBaseTransport):
    """Between a connector and its sandbox. ``cut`` ends the run's task at the given request, before or after it."""

    def __init__(self, ground: Ground, box: Any) -> None:
        self.ground, self.box, self.frame = ground, box, Frame(box)
        self.cut: tuple[int, str] | None = None
        self.sent = 0

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.sent += 1
        self._cut("before")
        body = await request.aread()
        try:
            answer = await ask(self.frame, request.method, request.url.raw_path, request.headers.raw, body)
        except ConnectionResetError as error:
            raise httpx.ReadError(str(error), request=request) from error
        finally:
            self.ground.look(bot=True)
        self._cut("after")
        return httpx.Response(answer[0], headers=answer[1], content=answer[2])

    def _cut(self, when: str) -> None:
        if self.cut == (self.sent, when):
            task = asyncio.current_task()
            assert task is not None
            self.ground.running.cancel()


@dataclass(frozen=True)
class LinkShape:
    """A link and what may be switched on it."""

    name: str
    left: str
    right: str
    enabled: bool = True
    policy: str = "manual"
    directions: tuple[tuple[str, str], ...] = ()


class Ground:
    """Everything of one history. ``links`` join places by name: "board", "app", "web"."""

    def __init__(self, links: tuple[LinkShape, ...], *, offset_s: int = 0) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="bridge-promises-", dir=fast_folder()))
        self.shapes = {link.name: link for link in links}
        self.time = BEGIN
        self.random = Random(7)
        self._patches = [
            mock.patch.object(uuid, "uuid4", self._uuid),
            mock.patch.object(bridge.wiring, "utc_now", self._time),
            mock.patch.object(connectors.artala_write, "time", SimpleNamespace(monotonic=self._seconds)),
            mock.patch.object(Bridge, "_run", _on_our_clock(self, Bridge._run)),
        ]
        for patch in self._patches:
            patch.start()
        self.loop = asyncio.new_event_loop()
        self.artala, self.github = ArtalaSandbox(), GithubSandbox()
        self.offsets = {id(self.artala): offset_s, id(self.github): 0}
        self._seed()
        self.wires = {"artala": Wire(self, self.artala), "github": Wire(self, self.github)}
        self.places = {
            "board": Board(self, "board", self.artala, BOARD),
            "app": Repo(self, "app", self.github, "acme/app"),
            "web": Repo(self, "web", self.github, "acme/web"),
        }
        self.places = {name: place for name, place in self.places.items() if self._is_linked(name)}
        self.events: list[Event] = []
        self._seen: dict[str, dict[str, Any]] = {name: {} for name in self.places}
        self._values: dict[str, dict[str, Any]] = {name: {} for name in self.places}
        self.running: Any = None
        for name in ("artala", "github"):
            secret(self.folder / f"{name}.token", next(iter(getattr(self, name).tokens().values())))
        secret(self.folder / "hook.secret", SECRET)
        shutil.copyfile(template(), self.folder / "bridge.db")
        self.bridge = self._open()

    def _is_linked(self, name: str) -> bool:
        return any(name in (link.left, link.right) for link in self.shapes.values())

    def _seed(self) -> None:
        self.advance(0)
        self.github.seed({"repo": "acme/web"})
        blocked = Status("c0000000-0000-4000-8000-000000000009", "Blocked", "#000000", False, False, 9)
        self.artala.store.statuses[blocked.id] = blocked
        away = replace(self.artala.store.boards[BOARD], id=Board.AWAY, name="Elsewhere")
        self.artala.store.boards[away.id] = away
        for box in (self.artala, self.github):
            box.outgoing.aim("http://127.0.0.1:9/", SECRET, mode="never")

    def _time(self) -> datetime:
        return self.time

    def _seconds(self) -> float:
        return self.time.timestamp()

    def _uuid(self) -> uuid.UUID:
        return uuid.UUID(int=self.random.getrandbits(128), version=4)

    def close(self) -> None:
        self.wait(self.bridge.__aexit__())
        self.loop.close()
        for patch in self._patches:
            patch.stop()
        shutil.rmtree(self.folder)

    # --- time and work --------------------------------------------------------------------------------------------

    def wait(self, work: Any) -> Any:
        return self.loop.run_until_complete(work)

    def advance(self, seconds: float) -> None:
        self.time += timedelta(seconds=seconds)
        for box in (self.artala, self.github):
            box.clock.freeze(self.time.timestamp() + self.offsets[id(box)])

    async def sleep(self, seconds: float) -> None:
        self.advance(seconds)
        await asyncio.sleep(0)

    # --- Bridge -----------------------------------------------------------------------------------------------------

    def _open(self) -> Bridge:
        config = self.folder / "bridge.toml"
        config.write_text(CONFIG.format(folder=self.folder, lag=LAG_S) + "".join(map(self._link, self.shapes.values())))
        opened = Bridge.open(load(config), sleep=self.sleep)
        for store_threads in (opened.store._write_threads, opened.store._read_threads):
            store_threads.shutdown()
        opened.store._write_threads = opened.store._read_threads = _Here()  # type: ignore[assignment]
        retry = Retry(sleep=self.sleep, now=lambda: self.time)
        for name, made in (("artala", Artala), ("github", Github)):
            config_of: Any = opened.settings.connections[name]
            opened._connectors[name] = made(name, config_of, transport=self.wires[name], retry=retry)
        return opened

    def _link(self, shape: LinkShape) -> str:
        left, right = self.places[shape.left], self.places[shape.right]
        rows = []
        for name, direction in shape.directions:
            words = {"people": ("assignee", "assignees") if left.connection != right.connection else ("assignees",) * 2}
            pair = words.get(name, (name, name))
            rows.append(
                f'[[links.fields]]\nleft = "{pair[0]}"\nright = "{pair[1]}"\ndirection = "{direction}"\n'
                + ('transform = "people"\n' if pair[0] == "assignee" else "")
            )
        return LINK.format(
            name=shape.name,
            left=left.connection,
            left_container=left.container,
            right=right.connection,
            right_container=right.container,
            enabled=str(shape.enabled).lower(),
            policy=shape.policy,
            fields="\n".join(rows),
        )

    def reopen(self) -> None:
        self.wait(self.bridge.__aexit__())
        self.bridge = self._open()

    def run(
        self,
        link: str,
        *,
        limits: tuple[int, int] | None = None,
        cut: tuple[str, int, str] | None = None,
        **options: Any,
    ) -> RunReport | None:
        """One run; None when it was cancelled. ``cut``: connection, number of the request, before or after it."""
        if limits is not None:
            self._limit(link, limits)
        before = {name: wire.sent for name, wire in self.wires.items()}
        if cut is not None:
            self.wires[cut[0]].cut = (before[cut[0]] + cut[1], cut[2])
        self.running = self.loop.create_task(self.bridge.sync(link, trigger="test", **{"sweep": True, **options}))
        try:
            return self.wait(self.running)
        except asyncio.CancelledError:
            return None
        finally:
            for wire in self.wires.values():
                wire.cut = None
            if limits is not None:
                del self.bridge._links[link]

    def _limit(self, link: str, limits: tuple[int, int]) -> None:
        ready = self.wait(self.bridge._link(link))
        self.bridge._links[link] = replace(ready, limits=Limits(*limits, 30))

    def bot_writes(self) -> int:
        return sum(entry.author in BOTS for box in (self.artala, self.github) for entry in box.journal.entries)

    # --- what happened ----------------------------------------------------------------------------------------------

    def look(self, *, bot: bool) -> None:
        """Note every value that is not as it was."""
        for name, place in self.places.items():
            rows, seen = place.everything(), self._seen[name]
            for item, row in rows.items():
                if seen.get(item) is not row:
                    self._note(bot, place, item, row)
            self._seen[name] = rows
            for gone in seen.keys() - rows.keys():
                self.events.append(Event(bot, name, gone, "", "there", None))

    def _note(self, bot: bool, place: Place, item: str, row: Any) -> None:
        now = place.fields(row)
        before = self._values[place.name].get(item)
        if before is None:
            self.events.append(Event(bot, place.name, item, "", None, "there"))
            before = {}
        for field, value in now.items():
            if field not in before or before[field] != value:
                self.events.append(Event(bot, place.name, item, field, before.get(field), value))
        self._values[place.name][item] = now

    def values(self, place: str, item: str) -> dict[str, Any] | None:
        """What an item holds now; None when it is not there."""
        row = self.places[place].rows().get(item)
        return None if row is None else self.places[place].fields(row)

    def deliveries(self) -> list[tuple[str, Any]]:
        return [("artala", each) for each in self.artala.outgoing.deliveries] + [
            ("github", each) for each in self.github.outgoing.deliveries
        ]


def _on_our_clock(ground: Ground, make: Any) -> Any:
    def made(self: Bridge, *args: Any) -> Any:
        run = make(self, *args)
        run.now = ground._time
        run.monotonic = ground._seconds
        return run

    return made


def secret(path: Path, words: str) -> None:
    path.write_text(words)
    path.chmod(0o600)


def fast_folder() -> str | None:
    """Memory instead of a disk, where there is some: durability is tested elsewhere."""
    return "/dev/shm" if Path("/dev/shm").is_dir() else None


_TEMPLATE: list[Path] = []


def template() -> Path:
    """An empty database, made once."""
    if not _TEMPLATE:
        folder = Path(tempfile.mkdtemp(prefix="bridge-promises-", dir=fast_folder()))
        Store.open(f"sqlite:///{folder}/bridge.db").close()
        _TEMPLATE.append(folder / "bridge.db")
    return _TEMPLATE[0]


@contextmanager
def ground_of(*links: LinkShape, offset_s: int = 0) -> Iterator[Ground]:
    made = Ground(links, offset_s=offset_s)
    try:
        yield made
    finally:
        made.close()
