"""What systemd hears from us."""

from __future__ import annotations

import asyncio
import os
import socket
from configparser import ConfigParser
from importlib.resources import files

import pytest

from bridge.systemd.notify import Notifier


@pytest.fixture
def heard(tmp_path):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(str(tmp_path / "notify"))
        listener.settimeout(5)
        yield listener


def test_systemd_hears_ready_status_and_stopping(heard):
    notifier = Notifier.of({"NOTIFY_SOCKET": heard.getsockname()})
    notifier.ready("2 links\non port 8080")
    notifier.status("running app")
    notifier.stopping(within_s=30)

    assert heard.recv(4096).decode() == "READY=1\nSTATUS=2 links on port 8080"
    assert heard.recv(4096).decode() == "STATUS=running app"
    assert heard.recv(4096).decode().splitlines()[::2] == ["STOPPING=1", "EXTEND_TIMEOUT_USEC=30000000"]


async def test_the_watchdog_is_fed_more_often_than_it_bites(heard):
    notifier = Notifier.of({"NOTIFY_SOCKET": heard.getsockname(), "WATCHDOG_USEC": "40000"})
    watching = asyncio.create_task(notifier.watch())
    heard.setblocking(False)
    loop = asyncio.get_running_loop()
    async with asyncio.timeout(5):
        beats = [await loop.sock_recv(heard, 100) for _ in range(3)]
    watching.cancel()

    assert beats == [b"WATCHDOG=1"] * 3


@pytest.mark.parametrize("environ", [{}, {"WATCHDOG_USEC": "0"}, {"WATCHDOG_USEC": "1000", "WATCHDOG_PID": "1"}])
async def test_no_watchdog_of_ours_means_no_beats(environ):
    assert Notifier.of(environ).watchdog_s is None

    await Notifier.of(environ).watch()


def test_a_watchdog_that_names_us_is_ours():
    assert Notifier.of({"WATCHDOG_USEC": "60000000", "WATCHDOG_PID": str(os.getpid())}).watchdog_s == 60


def test_a_socket_that_is_gone_is_no_failure(tmp_path):
    Notifier.of({"NOTIFY_SOCKET": str(tmp_path / "gone")}).ready("here")
    Notifier.of({}).ready("here")


@pytest.mark.parametrize("name", ["bridge.service", "bridge-sync.service", "bridge-sync.timer"])
def test_each_unit_is_package_data_and_parses(name):
    unit = ConfigParser(strict=False, interpolation=None, delimiters=("=",))
    unit.optionxform = str  # type: ignore[assignment,method-assign]
    unit.read_string((files("bridge.systemd") / name).read_text("utf-8"))

    assert unit.get("Unit", "Description").startswith("Bridge")
    if name == "bridge.service":
        assert unit.get("Service", "Type") == "notify"
        assert unit.get("Service", "Restart") == "always"
