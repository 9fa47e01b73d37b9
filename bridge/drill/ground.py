"""The ground of a drill: sandboxes in this process, a database file, a process that forks the ones that die.

A moment (both trackers' content and the database) is saved once and put back before each death.
"""

from __future__ import annotations

import base64
import json
import os
import re
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Self

from bridge.config.settings import Settings
from bridge.drill import scratch
from bridge.drill.furnish import furnisher
from bridge.errors import BridgeError
from bridge.model import SIDES, Side
from bridge.sandbox.journal import Entry
from bridge.sandbox.server import Sandbox

_BOT: Final = ("bridge-bot", "bridge@example.com", "bridge")
_PERSON: Final = "alice"
_MARKER: Final = re.compile(r"<!-- bridge:v1 (\S+) (\S+) -->\s*\Z")
_HERE: Final = Path(__file__).resolve().parents[2]


@dataclass(frozen=True, slots=True)
class Moment:
    """What is put back: each sandbox's content as JSON, and the database (None: not made yet)."""

    trackers: Mapping[str, str]
    database: bytes | None


@dataclass(slots=True)
class Ground:
    """Use as a context manager. ``link`` is the one link that is drilled."""

    settings: Settings
    link: str
    folder: Path
    more: Mapping[str, Any] = field(default_factory=dict)
    boxes: dict[str, Sandbox] = field(default_factory=dict)
    tables: dict[str, dict[str, Any]] = field(default_factory=dict)
    _open: ExitStack = field(default_factory=ExitStack)
    _process: subprocess.Popen[str] | None = None

    def __enter__(self) -> Self:
        calm: dict[str, dict[str, Any]] = {}
        for name in {self.end(side).connection: None for side in SIDES}:
            config = self.settings.connections[name]
            type_ = getattr(config, "type", "")
            furnisher(type_)
            box = self.boxes[name] = self._open.enter_context(Sandbox(type_, rate_limit=0))
            self.tables[name] = scratch.connection(config, box.url, box.token(), **self.more)
            calm[name] = scratch.connection(config, box.url, box.token())
        scratch.write(self.file, self.settings, self.link, self.tables, self.database)
        scratch.write(self.calm, self.settings, self.link, calm, self.database)
        self._process = self._open.enter_context(_forker())
        return self

    def __exit__(self, *_: object) -> None:
        if self._process is not None and self._process.stdin is not None:
            self._process.stdin.close()
        self._open.close()

    @property
    def file(self) -> Path:
        return self.folder / "settings.json"

    @property
    def calm(self) -> Path:
        """The same without ``more``, for looking."""
        return self.folder / "calm.json"

    @property
    def database(self) -> Path:
        return self.folder / "drill.db"

    def end(self, side: Side) -> Any:
        """A side's connection and container."""
        return self.settings.link(self.link).side(side)

    def box(self, side: Side) -> Sandbox:
        return self.boxes[self.end(side).connection]

    def person(self, side: Side) -> dict[str, Any]:
        """The connection's table as a person would have it."""
        name = self.end(side).connection
        return self.tables[name] | {"token": self.boxes[name].token(_PERSON)}

    # --- processes ------------------------------------------------------------------------------------------------

    def run(
        self, actions: Sequence[Mapping[str, Any]], *, die_at: int = 0, read_s: float | None = None, warm: bool = False
    ) -> dict[str, Any]:
        """Do something in a process of its own, which ends at boundary ``die_at``. Raises BridgeError if it fails.

        ``warm``: in the process that forks the others, so that what is loaded and compiled there they all have.
        """
        assert self._process is not None
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        job = {
            "settings": str(self.file),
            "calm": str(self.calm),
            "link": self.link,
            "die_at": die_at,
            "read_s": read_s,
            "warm": warm,
            "actions": list(actions),
        }
        self._process.stdin.write(json.dumps(job) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        answer: dict[str, Any] = json.loads(line) if line else {"error": "the process that forks the others has gone"}
        if "error" in answer:
            raise BridgeError(
                f"The drill itself failed: {answer['error']}", hint="This is a bug in Bridge; please report it."
            )
        return answer

    # --- moments --------------------------------------------------------------------------------------------------

    def save(self) -> Moment:
        """Now, between two processes."""
        trackers = {name: json.dumps(box.store.dump()) for name, box in self.boxes.items()}
        return Moment(trackers, self.database.read_bytes() if self.database.exists() else None)

    def restore(self, moment: Moment) -> None:
        for name, box in self.boxes.items():
            box.faults.clear()
            box.store.load(json.loads(moment.trackers[name]))
        for file in self.folder.glob(f"{self.database.name}*"):
            file.unlink()
        if moment.database is not None:
            self.database.write_bytes(moment.database)

    # --- what the trackers noted ------------------------------------------------------------------------------------

    def marks(self) -> dict[str, int]:
        """How much each tracker has noted so far, for ``written``."""
        return {name: len(box.log) for name, box in self.boxes.items()}

    def written(self, marks: Mapping[str, int]) -> dict[str, list[Entry]]:
        """The writes by Bridge that each tracker accepted since."""
        return {
            name: [entry for entry in box.log[marks[name] :] if entry.author in _BOT]
            for name, box in self.boxes.items()
        }

    def hooks(self) -> list[dict[str, Any]]:
        """The webhooks that the trackers would have sent, as actions."""
        return [
            {
                "do": "deliver",
                "connection": name,
                "headers": delivery.headers,
                "body": base64.b64encode(delivery.body).decode(),
            }
            for name, box in self.boxes.items()
            for delivery in box.tracker.outgoing.deliveries
        ]


def created(entries: Sequence[Entry]) -> Counter[str]:
    """Accepted creates by the record that they were made from (I4): what the marker in the request's body names."""
    found: Counter[str] = Counter()
    for entry in entries:
        body = entry.body if isinstance(entry.body, dict) else {}
        if entry.verb != "create" or "title" not in body:
            continue
        marker = _MARKER.search(str(body.get("body") or ""))
        source = " ".join(marker.groups()) if marker else f"{body.get('externalSource')} {body.get('externalId')}"
        found[source] += 1
    return found


def _forker() -> subprocess.Popen[str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("BRIDGE_")}
    path = os.pathsep.join([str(_HERE), *filter(None, [kept.get("PYTHONPATH")])])
    return subprocess.Popen(
        [sys.executable, "-m", "bridge.drill.child"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        encoding="utf-8",
        env=kept | {"PYTHONPATH": path},
    )


@contextmanager
def scratch_folder() -> Iterator[Path]:
    """A private folder that is gone afterwards; in memory where the system offers that.

    What a process has written outlives it in either place; that a disk keeps it without power is SQLite's promise.
    """
    memory = Path("/dev/shm")  # noqa: S108 — mkdtemp makes a folder of our own there
    place = str(memory) if memory.is_dir() and os.access(memory, os.W_OK) else None
    with tempfile.TemporaryDirectory(prefix="bridge-drill-", dir=place) as name:
        yield Path(name)
