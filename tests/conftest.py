"""What every test gets: no network, no leftovers, no settings of the machine; and the vendor's description, if given.

``BRIDGE_CONTRACT_DIR`` names a folder with GitHub's own API description and a checker. Where it is set, a test that
makes a request GitHub does not know fails, whatever else it was about.
"""

from __future__ import annotations

import asyncio
import importlib.util
import inspect
import json
import os
import re
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, MutableMapping
from pathlib import Path
from typing import Any, Final, TypeAlias

import pytest

from bridge.sandbox.frame import Frame

CONTRACT_DIR = "BRIDGE_CONTRACT_DIR"
LOOPBACK: Final = [r"127\.0\.0\.1$", r"::1$", r"localhost$", r"/"]  # the last is a unix socket's path
THREADS_END_WITHIN_S: Final = 5.0
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
    config.addinivalue_line("markers", "wrong_on_purpose: requests that GitHub's description does not know are meant")
    config.option.block_network = True
    config.option.allowed_hosts = LOOPBACK


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Every asynchronous test is watched for tasks that it leaves running."""
    for item in items:
        if isinstance(item, pytest.Function) and inspect.iscoroutinefunction(item.function):
            item.fixturenames.append("no_task_is_left")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if _contract_dir() is None:
        terminalreporter.write_line(f"contract checks skipped: {CONTRACT_DIR} does not name the vendors' descriptions")
    else:
        terminalreporter.write_line(f"contract checks: {_CHECKED.count} requests to GitHub checked")


@pytest.fixture
async def no_task_is_left() -> AsyncIterator[None]:
    before = asyncio.all_tasks()
    yield
    await asyncio.sleep(0)
    left = {task for task in asyncio.all_tasks() - before if task is not asyncio.current_task()}
    assert not left, f"tasks left running: {sorted(str(task.get_coro()) for task in left)}"


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


class _Checked:
    """The vendor's checker, loaded once, and what it said about the requests of the running test."""

    def __init__(self) -> None:
        self.count = 0
        self.violations: list[str] = []
        self._checker: Any = None

    def checker(self, folder: Path) -> Any:
        if self._checker is None:
            spec = importlib.util.spec_from_file_location("check_request", folder / "check_request.py")
            assert spec is not None
            assert spec.loader is not None
            module = importlib.util.module_from_spec(spec)
            spec.loader.exec_module(module)
            self._checker = module.Checker("github")
        return self._checker

    def request(self, folder: Path, method: str, path: str, query: str, body: bytes) -> None:
        self.count += 1
        parsed = json.loads(body) if body else None
        found = self.checker(folder).request(method, path, query, parsed)
        self.violations += [f"{method} {path}?{query}: {line}" for line in found]


_CHECKED = _Checked()


@pytest.fixture(scope="session")
def github_checker(contract_dir: Path) -> Any:
    """``github_checker.request(method, path, query, body)`` gives the list of violations."""
    return _CHECKED.checker(contract_dir)


def checked_by_github(app: App) -> App:
    """The same ASGI app, with each request of ours compared to GitHub's description on its way in."""
    folder = _contract_dir()
    if folder is None:
        return app

    async def watched(scope: Scope, receive: Receive, send: Send) -> None:
        agent = dict(scope.get("headers", ())).get(b"user-agent", b"")
        if scope["type"] != "http" or not agent.lower().startswith(b"bridge"):
            await app(scope, receive, send)
            return
        body = bytearray()

        async def heard() -> MutableMapping[str, Any]:
            message = await receive()
            body.extend(message.get("body", b""))
            return message

        await app(scope, heard, send)
        _CHECKED.request(
            folder, scope["method"], scope["raw_path"].decode(), scope["query_string"].decode(), bytes(body)
        )

    return watched


@pytest.fixture(scope="session", autouse=True)
def _every_github_sandbox_is_watched() -> Iterator[None]:
    """Whoever makes a sandbox, and however: its requests are checked before it answers them."""
    with pytest.MonkeyPatch.context() as patch:
        make = Frame.__init__

        def watched(self: Frame, tracker: Any, wrap: Callable[[App], App] | None = None) -> None:
            ours = checked_by_github if tracker.name == "github" else None
            outer = (lambda app: ours(wrap(app))) if ours and wrap else ours or wrap
            make(self, tracker, outer)

        patch.setattr(Frame, "__init__", watched)
        yield


@pytest.fixture(autouse=True)
def _requests_are_what_github_knows(request: pytest.FixtureRequest) -> Iterator[None]:
    _CHECKED.violations.clear()
    yield
    if request.node.get_closest_marker("wrong_on_purpose") is None:
        found = "\n".join(_CHECKED.violations)
        assert not found, f"requests that GitHub's description does not know:\n{found}"
