"""What the demo stands on: a folder that is surely its own, two sandbox processes, and the real command line.

Refuses: to touch a folder that another program or person made.
"""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from bridge.errors import BridgeError

MARK: Final = ".bridge-demo"
STATE: Final = "sandbox.json"
CONFIG: Final = "bridge.toml"
_OURS: Final = (CONFIG, STATE, "github.json", "artala.json", "github.token", "artala.token", "bridge.db", "plan.json")
_START_S: Final = 30


@dataclass(frozen=True, slots=True)
class Tracker:
    """A sandbox that runs. ``tokens`` are by person; ``token`` is Bridge's own."""

    name: str
    url: str
    token: str
    tokens: Mapping[str, str]
    container: str
    process: subprocess.Popen[str] = field(compare=False)


@dataclass(frozen=True, slots=True)
class Ended:
    """A command that ran: what was typed, its output and its exit code."""

    typed: str
    output: str
    complaint: str
    code: int


def prepare(folder: Path) -> None:
    """Make the folder, or empty it of an earlier demo. Raises BridgeError for a folder that holds anything else."""
    if folder.exists() and not (folder / MARK).is_file() and (not folder.is_dir() or any(folder.iterdir())):
        raise BridgeError(
            f"{folder} is there already and is not a demo of Bridge. Nothing was changed.",
            hint="Name another folder: bridge demo FOLDER",
        )
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name in _OURS:
            for file in folder.glob(f"{name}*"):
                file.unlink()
        (folder / MARK).write_text("Made by bridge demo, which replaces the files here when it runs again.\n", "utf-8")
    except OSError as error:
        raise BridgeError(f"{folder} cannot be used: {error.strerror}.", hint="Name another folder.") from None


@contextmanager
def trackers(folder: Path, names: tuple[str, ...]) -> Iterator[dict[str, Tracker]]:
    """The sandboxes, each a process on a free loopback port. At the end their content is saved to one file."""
    with ExitStack() as running:
        yield {name: running.enter_context(_tracker(folder, name)) for name in names}
    saved: dict[str, Any] = {}
    for name in names:
        file = folder / f"{name}.json"
        saved.update(json.loads(file.read_text("utf-8")))
        file.unlink()
    (folder / STATE).write_text(json.dumps(saved), "utf-8")


@contextmanager
def _tracker(folder: Path, name: str) -> Iterator[Tracker]:
    command = [sys.executable, "-m", "bridge.sandbox", "--tracker", name, "--port", "0", "--json"]
    process = subprocess.Popen(  # noqa: S603 — our own module in our own interpreter
        [*command, "--state", str(folder / f"{name}.json")],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=_environment(),
        start_new_session=True,  # Ctrl-C is ours to handle; the sandbox still saves its content
    )
    try:
        assert process.stdout is not None
        first = process.stdout.readline()
        if not first:
            _, complaint = process.communicate(timeout=_START_S)
            raise BridgeError(f"The {name} sandbox did not start: {complaint.strip().splitlines()[-1:]}")
        said = json.loads(first)
        yield Tracker(name, said["url"], said["token"], said["tokens"], said["container"], process)
    finally:
        process.terminate()
        try:
            process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        for pipe in (process.stdout, process.stderr):
            if pipe is not None:
                pipe.close()


def bridge(folder: Path, *words: str, color: bool = False, width: int = 100) -> Ended:
    """Type ``bridge …`` in the folder, in a process of its own."""
    extra = {"COLUMNS": str(width)} | ({"FORCE_COLOR": "1"} if color else {})
    done = subprocess.run(  # noqa: S603 — as above
        [sys.executable, "-m", "bridge", *words],
        cwd=folder,
        env=_environment() | extra,
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=120,
        check=False,
    )
    return Ended(f"bridge {shlex.join(words)}", done.stdout, done.stderr, done.returncode)


def _environment() -> dict[str, str]:
    """Ours without the settings of another Bridge, and with the modules that we run from."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("BRIDGE_")}
    path = [str(Path(__file__).resolve().parents[2]), *filter(None, [kept.get("PYTHONPATH")])]
    return kept | {"PYTHONPATH": os.pathsep.join(path), "PYTHONIOENCODING": "utf-8"}
