"""What every test gets: no network, no leftovers, no settings of the machine; and the vendor's description, if given.

``BRIDGE_CONTRACT_DIR`` names a folder with the vendors' own API descriptions (GitHub, Jira) and a checker. Where it is set,
a test that makes a request its vendor does not know fails, whatever else it was about.
"""

from __future__ import annotations

import asyncio
import gc
import importlib.util
import inspect
import json
import os
import re
import threading
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, MutableMapping
from pathlib import Path
from typing import Any, Final, TypeAlias

import pytest
from hypothesis import settings

from bridge.sandbox.frame import Frame
from state import schema

collect_ignore = ["real"]  # it needs servers, which ./dev test-real starts

CONTRACT_DIR = "BRIDGE_CONTRACT_DIR"
DESCRIBED: Final = {"github": "github", "jira": "jira-cloud", "jira-dc": "jira-dc"}
"""The checker's name for the description of a sandbox's tracker, where the folder has one."""
LOOPBACK: Final = [r"127\.0\.0\.1$", r"::1$", r"localhost$", r"/"]  # the last is a unix socket's path
THREADS_END_WITHIN_S: Final = 60.0
FOREIGN_SETTINGS: Final = re.compile(
    r"BRIDGE_(?!CONTRACT_DIR$).*|(?:https?|all|no)_proxy|NO_COLOR|FORCE_COLOR|CLICOLOR.*|TTY_.*|COLUMNS|LINES"
    r"|CREDENTIALS_DIRECTORY|NOTIFY_SOCKET|WATCHDOG_.*|PG[A-Z]+",
    re.IGNORECASE,
)

Scope: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send: TypeAlias = Callable[[MutableMapping[str, Any]], Awaitable[None]]
App: TypeAlias = Callable[[Scope, Receive, Send], Awaitable[None]]


def pytest_configure(config: pytest.Config) -> None:
    """Take away what would make a test's outcome depend on the machine, and the network with it."""
    for name in [name for name in os.environ if FOREIGN_SETTINGS.fullmatch(name)]:
        del os.environ[name]
    os.environ["COLUMNS"] = "120"
    config.addinivalue_line(
        "markers", "wrong_on_purpose: requests that the vendor's description does not know are meant"
    )
    settings.register_profile("suite", deadline=None)  # a machine that is busy with other things proves nothing
    settings.load_profile("suite")
    config.option.block_network = True
    config.option.allowed_hosts = LOOPBACK


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Every asynchronous test is watched for tasks that it leaves running."""
    for item in items:
        if isinstance(item, pytest.Function) and inspect.iscoroutinefunction(item.function):
            item.fixturenames.append("no_task_is_left")


def pytest_sessionfinish(session: pytest.Session) -> None:
    """A worker of pytest-xdist tells the one who asked how much it checked."""
    told = getattr(session.config, "workeroutput", None)
    if told is not None:
        told["checked"] = dict(_CHECKED.counts)


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    _CHECKED.counts.update(getattr(node, "workeroutput", {}).get("checked", {}))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if _contract_dir() is None:
        terminalreporter.write_line(f"contract checks skipped: {CONTRACT_DIR} does not name the vendors' descriptions")
    else:
        terminalreporter.write_line(f"contract checks: {_CHECKED.said()} checked")


@pytest.fixture
async def no_task_is_left() -> AsyncIterator[None]:
    before = asyncio.all_tasks()
    yield
    await asyncio.sleep(0)
    left = {task for task in asyncio.all_tasks() - before if task is not asyncio.current_task()}
    assert not left, f"tasks left running: {sorted(str(task.get_coro()) for task in left)}"


@pytest.fixture(autouse=True)
def _garbage_is_looked_for_seldom() -> None:
    """Commands that run in this process have it looked for often, which costs with all that the tests keep."""
    gc.set_threshold(50_000, 20, 20)


@pytest.fixture(autouse=True)
def _no_thread_is_left() -> Iterator[None]:
    before = set(threading.enumerate())
    yield
    deadline = time.monotonic() + THREADS_END_WITHIN_S
    for thread in set(threading.enumerate()) - before:
        if not thread.name.startswith("asyncio_"):  # the executor of a loop that the runner still has to close
            thread.join(max(0.0, deadline - time.monotonic()))
            assert not thread.is_alive(), f"a thread is left running: {thread.name}"


def _contract_dir() -> Path | None:
    named = os.environ.get(CONTRACT_DIR)
    return Path(named) if named else None


@pytest.fixture(scope="session")
def contract_dir() -> Path:
    """The folder with the vendors' own descriptions of their APIs; the test is skipped where there is none."""
    folder = _contract_dir()
    if folder is None:
        pytest.skip(f"{CONTRACT_DIR} is not set")
    assert folder.is_dir(), f"{CONTRACT_DIR} names no folder: {folder}"
    return folder


@pytest.fixture(scope="session", autouse=True)
def migrate() -> Iterator[Callable[..., None]]:
    """How Bridge brings a database up by one revision; which it does in these tests only once from nothing.

    Each other new SQLite database gets the tables that the first one got. The tests of migrations take this fixture's
    value and put it back.
    """
    step = schema._step
    known: list[str] = []

    def first_or_copied(connection: Any, target: Any, current: str | None, backup: Path | None) -> None:
        if current is not None or not target.is_sqlite:
            step(connection, target, current, backup)
        elif not known:
            step(connection, target, current, backup)
            made = connection.exec_driver_sql("SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL ORDER BY rowid")
            known.extend(row[0] for row in made.fetchall())
        else:
            for statement in known:
                connection.exec_driver_sql(statement)
            connection.exec_driver_sql(f"INSERT INTO {schema.VERSION_TABLE} VALUES ('{schema.HEAD}')")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(schema, "_step", first_or_copied)
        yield step


class _Checked:
    """The vendors' checkers, loaded once, and what they said about the requests of the running test."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self.violations: list[str] = []
        self._module: Any = None
        self._checkers: dict[str, Any] = {}

    def said(self) -> str:
        counts = self.counts or {"github": 0}
        return ", ".join(f"{count} requests to {name}" for name, count in sorted(counts.items()))

    def checker(self, folder: Path, name: str = "github") -> Any:
        """None where the folder has no description of this name."""
        if self._module is None:
            spec = importlib.util.spec_from_file_location("check_request", folder / "check_request.py")
            assert spec is not None
            assert spec.loader is not None
            self._module = importlib.util.module_from_spec(spec)
            spec.loader.exec_module(self._module)
        if name not in self._checkers:
            there = (folder / "specs" / self._module.FILES[name]).is_file()
            self._checkers[name] = self._module.Checker(name) if there else None
        return self._checkers[name]

    def request(self, folder: Path, name: str, method: str, path: str, query: str, body: bytes) -> None:
        checker = self.checker(folder, name)
        if checker is None:
            return
        self.counts[name] += 1
        parsed = json.loads(body) if body else None
        found = checker.request(method, path, query, parsed)
        self.violations += [f"{method} {path}?{query}: {line}" for line in found]


_CHECKED = _Checked()


@pytest.fixture(scope="session")
def github_checker(contract_dir: Path) -> Any:
    """``github_checker.request(method, path, query, body)`` gives the list of violations."""
    return _CHECKED.checker(contract_dir)


@pytest.fixture(scope="session")
def jira_checker(contract_dir: Path) -> Any:
    """The same for Jira Cloud."""
    return _CHECKED.checker(contract_dir, "jira-cloud")


def checked_by_vendor(app: App, name: str) -> App:
    """The same ASGI app, with each request of ours compared to the vendor's description on its way in."""
    folder = _contract_dir()
    if folder is None:
        return app

    async def watched(scope: Scope, receive: Receive, send: Send) -> None:
        agent = dict(scope.get("headers", ())).get(b"user-agent", b"")
        if scope["type"] != "http" or not agent.lower().startswith(b"bridge-sync"):
            await app(scope, receive, send)
            return
        body = bytearray()

        async def heard() -> MutableMapping[str, Any]:
            message = await receive()
            body.extend(message.get("body", b""))
            return message

        await app(scope, heard, send)
        path, query = scope["raw_path"].decode(), scope["query_string"].decode()
        _CHECKED.request(folder, name, scope["method"], path, query, bytes(body))

    return watched


@pytest.fixture(scope="session", autouse=True)
def _every_described_sandbox_is_watched() -> Iterator[None]:
    """Whoever makes a sandbox, and however: its requests are checked before it answers them."""
    with pytest.MonkeyPatch.context() as patch:
        make = Frame.__init__

        def watched(self: Frame, tracker: Any, wrap: Callable[[App], App] | None = None) -> None:
            name = DESCRIBED.get(tracker.name)
            if name is None:
                make(self, tracker, wrap)
            else:
                make(self, tracker, lambda app: checked_by_vendor(wrap(app) if wrap else app, name))

        patch.setattr(Frame, "__init__", watched)
        yield


@pytest.fixture(autouse=True)
def _requests_are_what_the_vendor_knows(request: pytest.FixtureRequest) -> Iterator[None]:
    _CHECKED.violations.clear()
    yield
    if request.node.get_closest_marker("wrong_on_purpose") is None:
        found = "\n".join(_CHECKED.violations)
        assert not found, f"requests that the vendor's description does not know:\n{found}"
