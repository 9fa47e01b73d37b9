"""The daemon as a process of its own: it answers, takes a signed webhook in, and stops when told."""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import queue
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from bridge.sandbox.server import Sandbox
from bridge.version import __version__

SECRET = "hook-secret-of-the-test"
PATIENCE_S = 60
PROMISED_S = 2.0
TRIES = 5
"""A machine that is busy with other things is late; not five times in a row."""
"""From the answer to a webhook to the end of the run it caused: a promise, so this one time is asserted."""

SECRETS = {
    "BRIDGE_CONNECTIONS__HUB__TOKEN": "ghp_sandbox_bridge",
    "BRIDGE_CONNECTIONS__HUB__WEBHOOK_SECRET": SECRET,
    "BRIDGE_CONNECTIONS__BOARD__TOKEN": "tb_sandbox_bridge",
}

CONFIG = """
[daemon]
port = {port}
stop_timeout = 20

[connections.hub]
type = "github"
base_url = "{hub}"
write_interval_s = 0

[connections.board]
type = "artala"
base_url = "{board}"
requests_per_minute = 0

[[links]]
name = "app"
left = {{ connection = "hub", container = "acme/app" }}
right = {{ connection = "board", container = "Engineering" }}
initial = "match-then-create"
every = "1h"
"""


class Daemon:
    """A running ``bridge run`` and what it has logged so far."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        self.seen: list[dict] = []
        self._lines: queue.Queue[str | None] = queue.Queue()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        for line in self.process.stderr:
            self._lines.put(line)
        self._lines.put(None)

    def until(self, event: str, count: int = 1, within_s: float = PATIENCE_S) -> dict:
        """Wait until an event was logged that many times."""
        end = time.monotonic() + within_s
        while len(found := [each for each in self.seen if each["event"] == event]) < count:
            line = self._lines.get(timeout=max(0.1, end - time.monotonic()))
            assert line is not None, f"the daemon ended before {event}: {self.seen[-3:]}"
            self.seen.append(json.loads(line))
        return found[count - 1]

    def stop(self, number: int = signal.SIGTERM) -> int:
        self.process.send_signal(number)
        code = self.process.wait(timeout=PATIENCE_S)
        self._reader.join()
        while (line := self._lines.get()) is not None:
            self.seen.append(json.loads(line))
        return code


@contextmanager
def running(
    folder: Path, hub: str, board: str, *words: str, port: int = 0, more: str = "", **environ: str
) -> Iterator[Daemon]:
    (folder / "bridge.toml").write_text(CONFIG.format(hub=hub, board=board, port=port) + more)
    process = subprocess.Popen(
        [sys.executable, "-m", "bridge", "run", *words],
        cwd=folder, env=os.environ | SECRETS | environ, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    daemon = Daemon(process)
    try:
        yield daemon
    finally:
        process.kill()
        process.wait()
        daemon._reader.join()
        process.stderr.close()


def ask(address: str, path: str, body: bytes | None = None, **headers: str) -> tuple[int, dict]:
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    request = urllib.request.Request(f"http://{address}{path}", data=body, headers=sent)
    try:
        with urllib.request.urlopen(request, timeout=PATIENCE_S) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.load(error)


def hook(number: int, *, delivery: str, secret: str = SECRET) -> dict:
    body = json.dumps(
        {"action": "edited", "issue": {"number": number}, "repository": {"full_name": "acme/app"}}
    ).encode()
    signature = "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    return {
        "body": body,
        "X_GitHub_Event": "issues",
        "X_GitHub_Delivery": delivery,
        "X_Hub_Signature_256": signature,
        "Content_Type": "application/json",
    }


@pytest.fixture(scope="module")
def trackers() -> Iterator[tuple[Sandbox, Sandbox]]:
    with Sandbox("github") as hub, Sandbox("artala") as board:
        hub.seed(issues=[{"title": "Login", "body": "old"}, {"title": "Export"}])
        yield hub, board


def test_a_signed_webhook_ends_as_a_write_and_the_daemon_stops_cleanly(tmp_path, trackers):
    hub, board = trackers
    with running(tmp_path, hub.url, board.url, "--now") as daemon:
        address = daemon.until("daemon.started")["address"]
        daemon.until("run.finished")

        status, health = ask(address, "/healthz")

        assert (status, health["status"], health["version"]) == (200, "ok", __version__)
        assert health["links"][0]["name"] == "app"
        assert health["links"][0]["last_run"]["state"] == "done"

        before = len(board.log)
        waited: list[float] = []
        while len(waited) < TRIES and min(waited, default=PROMISED_S) >= PROMISED_S:
            title, number = f"Login, again {len(waited)}", len(waited) + 1
            hub.call("PATCH", "/repos/acme/app/issues/1", {"title": title}, who="alice")
            assert ask(address, "/webhooks/hub", **hook(1, delivery=f"d-1.{number}"))[0] == 202
            answered = time.monotonic()
            daemon.until("run.finished", 1 + number)
            waited.append(time.monotonic() - answered)

            assert title in [task.title for task in board.store.tasks.values()]

        assert min(waited) < PROMISED_S
        assert len(board.log) > before

        after = len(board.log), len(hub.log)

        assert ask(address, "/webhooks/hub", **hook(1, delivery="d-1.1"))[1] == {"status": "duplicate"}
        assert ask(address, "/webhooks/hub", **hook(2, delivery="d-2", secret="forged"))[0] == 401
        assert ask(address, "/webhooks/other", **hook(2, delivery="d-3"))[0] == 404
        assert ask(address, "/webhooks/hub", **hook(1, delivery="d-4"))[0] == 202

        daemon.until("run.finished", 2 + len(waited))

        assert (len(board.log), len(hub.log)) == after

        assert daemon.stop() == 0
        events = [each["event"] for each in daemon.seen]

        assert events[-1] == "daemon.stopped"
        assert events.count("webhook.refused") == 2
        assert events.count("webhook.accepted") == 2
        assert SECRET not in json.dumps(daemon.seen)


def test_a_changed_link_is_held_until_another_process_accepts_it_and_no_edit_is_lost_meanwhile(tmp_path):
    with Sandbox("github") as hub, Sandbox("artala") as board:
        hub.seed(issues=[{"title": "Login", "body": "old"}])
        with running(tmp_path, hub.url, board.url, "--now") as daemon:
            daemon.until("run.finished")
            daemon.stop()
        with running(tmp_path, hub.url, board.url, "--now", more='conflict = "left"\n') as daemon:
            address = daemon.until("daemon.started")["address"]
            held = daemon.until("link.held")
            hub.call("PATCH", "/repos/acme/app/issues/1", {"title": "Login, again"}, who="alice")
            before = len(board.log), len(hub.log)

            assert ask(address, "/webhooks/hub", **hook(1, delivery="d-1"))[0] == 202
            daemon.until("webhook.accepted")
            [link] = ask(address, "/healthz")[1]["links"]
            assert (link["accepted"], link["next"]) == (False, "bridge plan app, then bridge accept app")
            assert "conflict: manual → left" in held["reason"]

            said = subprocess.run(
                [sys.executable, "-m", "bridge", "accept", "app", "--yes", "--json"],
                cwd=tmp_path, env=os.environ | SECRETS, capture_output=True, text=True, check=True,
            )  # fmt: skip
            assert (len(board.log), len(hub.log)) == before
            assert json.loads(said.stdout)["accepted"] is True
            assert ask(address, "/healthz")[1]["links"][0]["accepted"] is True

            assert ask(address, "/webhooks/hub", **hook(1, delivery="d-2"))[0] == 202
            daemon.until("run.finished")
            assert [task.title for task in board.store.tasks.values()] == ["Login, again"]
            assert daemon.stop() == 0
            assert [each["event"] for each in daemon.seen].count("link.held") == 1


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_the_daemon_stops_on_a_signal_before_its_first_run(tmp_path, trackers, number):
    hub, board = trackers
    with running(tmp_path, hub.url, board.url) as daemon:
        daemon.until("daemon.started")

        assert daemon.stop(number) == 0


def test_the_first_signal_waits_for_a_running_link_and_the_second_does_not(tmp_path):
    with Sandbox("github") as hub, Sandbox("artala") as board:
        hub.fault("hold")
        with running(tmp_path, hub.url, board.url, "--now") as daemon:
            address = daemon.until("daemon.started")["address"]
            end = time.monotonic() + PATIENCE_S
            while not ask(address, "/healthz")[1]["links"][0]["running"]:
                assert time.monotonic() < end
            daemon.process.send_signal(signal.SIGTERM)

            assert daemon.until("daemon.stopping")["running"] == ["app"]
            assert daemon.process.poll() is None
            assert daemon.stop() == 0

        assert daemon.seen[-1]["event"] == "daemon.stopped"
        assert daemon.seen[-1]["finished"] is False


def test_systemd_is_told_when_the_daemon_is_ready_and_when_it_stops(tmp_path, trackers):
    hub, board = trackers
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(str(tmp_path / "notify"))
        listener.settimeout(PATIENCE_S)
        environ = {"NOTIFY_SOCKET": str(tmp_path / "notify"), "WATCHDOG_USEC": "200000"}
        with running(tmp_path, hub.url, board.url, **environ) as daemon:
            heard = ""
            while "READY=1" not in heard or heard.count("WATCHDOG=1") < 2:
                heard += listener.recv(4096).decode() + "\n"
            daemon.stop()
            listener.setblocking(False)
            while "STOPPING=1" not in heard:
                heard += listener.recv(4096).decode() + "\n"

    assert "listening on 127.0.0.1:" in heard


def test_a_port_that_is_taken_is_one_message(tmp_path, trackers):
    hub, board = trackers
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with running(tmp_path, hub.url, board.url, port=port) as daemon:
            assert daemon.process.wait(timeout=PATIENCE_S) == 1
            daemon._reader.join()
            said = "".join(iter(lambda: daemon._lines.get() or "", ""))

    assert f"127.0.0.1:{port}" in said
    assert "daemon.port" in said
    assert "Traceback" not in said


WRONG_PRESET = (
    CONFIG[CONFIG.index("[[links]]") :].replace('"app"', '"other"').replace("Engineering", "Second")
    + 'preset = "jira-github"\n'
)


def test_a_wrong_token_or_a_links_wrong_preset_stops_neither_the_daemon_nor_its_health(tmp_path, trackers):
    hub, board = trackers
    token = {"BRIDGE_CONNECTIONS__HUB__TOKEN": "ghp_not_a_token_at_all"}
    with running(tmp_path, hub.url, board.url, "--now", more=WRONG_PRESET.format(), **token) as daemon:
        address = daemon.until("daemon.started")["address"]
        daemon.until("link.refused", 2)
        refused = {each["link"]: each["reason"] for each in daemon.seen if each["event"] == "link.refused"}

        assert "hub" in refused["app"] or "401" in refused["app"]
        assert 'preset "jira-github" is not for' in refused["other"]
        assert ask(address, "/healthz")[0] == 200
        assert daemon.stop() == 0
        assert "ghp_not_a_token_at_all" not in json.dumps(daemon.seen)
