"""``./dev test-real``: the tests against real servers, each part where the machine allows it.

Without arguments all parts run. ``./dev test-real redmine ARGUMENTS`` runs one, with pytest's own arguments. Ends with 1
when a test failed or a server that could be installed did not start; a part that cannot run here is skipped with one line.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from real import emulate, redmine

HERE = Path(__file__).resolve().parent
PYTEST_FOUND_NOTHING = 5


@dataclass(frozen=True)
class Part:
    """``start`` gives a dataclass that the tests read from the environment variable ``env``."""

    title: str
    env: str
    tests: str
    start: Callable[[Path], AbstractContextManager[Any]]


@contextmanager
def _github(folder: Path) -> Iterator[emulate.GithubEmulator]:
    with emulate.running(cache() / emulate.PACKAGES[0], folder) as found:
        yield found


def cache() -> Path:
    """Where what was downloaded stays between runs."""
    named = os.environ.get("XDG_CACHE_HOME") or (os.environ.get("HOME") and os.environ["HOME"] + "/.cache")
    return Path(named or tempfile.gettempdir()) / "bridge-test"


PARTS = {
    "redmine": Part("Redmine", "REAL_REDMINE", "test_redmine_*.py", redmine.running),
    "github": Part("GitHub emulator", "REAL_GITHUB", "test_emulator_*.py", _github),
}


def run(part: Part, arguments: list[str]) -> bool:
    """Start, test, stop; prints one line. False when something failed."""
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="bridge-real-") as name:
        folder = Path(name)
        folder.chmod(0o755)  # a server may run as another user
        try:
            with part.start(folder) as server:
                ready = time.monotonic() - began
                failed, told = _pytest(part, server, arguments)
        except (redmine.Absent, emulate.Absent) as reason:
            say(f"{part.title} skipped: {str(reason).removeprefix('redmine: skipped: ')}")
            return True
        except (subprocess.SubprocessError, RuntimeError, OSError) as error:
            _show(folder)
            say(f"{part.title} FAILED to start: {error}")
            return False
        if failed:
            _show(folder)
    seconds = time.monotonic() - began
    say(f"{part.title} {told} in {seconds:.0f} s, {ready:.0f} s of them to start it")
    return not failed


def say(text: str) -> None:
    sys.stdout.write(f"test-real: {text}\n")
    sys.stdout.flush()


def _show(folder: Path) -> None:
    """The ends of the server's logs."""
    for log in sorted(folder.glob("*.log")):
        say(f"the end of {log.name}:\n{log.read_text(errors='replace')[-2000:]}")


def _pytest(part: Part, server: Any, arguments: list[str]) -> tuple[bool, str]:
    tests = [str(path) for path in sorted(HERE.glob(part.tests))]
    with tempfile.TemporaryDirectory(prefix="bridge-real-") as folder:
        counted = Path(folder) / "counted.json"
        env = {**os.environ, part.env: json.dumps(asdict(server)), "REAL_COUNTS": str(counted)}
        command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *tests, *arguments]
        code = subprocess.run(command, cwd=HERE.parents[1], env=env, stdin=subprocess.DEVNULL, check=False).returncode
        found = json.loads(counted.read_text()) if counted.exists() else {"tests": 0, "requests": 0}
    told = f"ran {found['tests']} tests, {found['requests']} requests of Bridge"
    failed = code not in (0, PYTEST_FOUND_NOTHING if arguments else 0)
    return failed, f"FAILED ({told})" if failed else told


def main(arguments: list[str]) -> int:
    chosen = [arguments.pop(0)] if arguments and arguments[0] in PARTS else list(PARTS)
    if arguments and len(chosen) > 1:
        say(f"usage: ./dev test-real [{'|'.join(PARTS)} [ARGUMENTS OF PYTEST]]")
        return 2
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that the servers are stopped then as well
    results = [run(PARTS[name], arguments) for name in chosen]
    return 0 if all(results) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
