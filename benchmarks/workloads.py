"""What is measured: the same work done by the bare loop and by Bridge, on the same content, one after the other."""

from __future__ import annotations

import sqlite3
import sys
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.measure import Used, measure
from benchmarks.trackers import Pair

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

LOOP = Path(__file__).with_name("bare_loop.py")
CONFIG = """\
[state]
url = "sqlite:///bridge.db"

[connections.artala]
type = "artala"
base_url = "{artala.url}"
requests_per_minute = 0
concurrency = 8
people_every_s = 0  # the loop knows nobody

[connections.github]
type = "github"
base_url = "{github.url}"
concurrent_writes = 8
write_interval_s = 0
people_every_s = 0

[[links]]
name = "bench"
left = {{ connection = "artala", container = "{artala.container}" }}
right = {{ connection = "github", container = "{github.container}" }}
initial = "match-then-create"
max_writes = 1000000
max_creates = 1000000
"""


@dataclass(frozen=True, slots=True)
class Row:
    """One workload done once by one of the two. ``items`` is what the cost is divided by."""

    workload: str
    who: str
    pairs: int
    items: int
    github: int
    artala: int
    cpu_s: float
    rss_mb: float
    wall_s: float

    @property
    def requests(self) -> int:
        return self.github + self.artala

    def as_json(self) -> dict[str, Any]:
        return {**asdict(self), "requests": self.requests}


class DifferentError(Exception):
    """Bridge and the loop, given the same content, did not leave the same content."""


class Bench:
    """A folder with both engines' memory, and the trackers they work on."""

    def __init__(self, trackers: Pair, folder: Path, told: Callable[[Row], None]) -> None:
        self.trackers = trackers
        self.folder = folder
        self.told = told
        self.rows: list[Row] = []
        (folder / "bridge.toml").write_text(
            CONFIG.format(github=trackers.github, artala=trackers.artala), encoding="utf-8"
        )

    def loop(self) -> Used:
        github, artala = self.trackers.github, self.trackers.artala
        places = (github.url, github.token, github.container, artala.url, artala.token, artala.container)
        return measure([sys.executable, str(LOOP), str(self.folder / "loop.db"), *places], folder=self.folder)

    def bridge(self, *options: str) -> Used:
        tokens = {
            "BRIDGE_CONNECTIONS__GITHUB__TOKEN": self.trackers.github.token,
            "BRIDGE_CONNECTIONS__ARTALA__TOKEN": self.trackers.artala.token,
        }
        command = [str(Path(sys.executable).with_name("bridge")), "sync", "bench", *options, "--config", "bridge.toml"]
        return measure(command, folder=self.folder, env=tokens)

    def warm_up(self) -> None:
        """One run over nothing, forgotten afterwards, so that byte code and file caches are there for both."""
        self.loop()
        self.bridge()
        for left in [*self.folder.glob("loop.db*"), *self.folder.glob("bridge.db*")]:
            left.unlink()

    def note(self, workload: str, who: str, used: Used, *, pairs: int, items: int) -> None:
        counted = self.trackers.requests()
        row = Row(
            workload, who, pairs, items, counted["github"], counted["artala"], used.cpu_s, used.rss_mb, used.wall_s
        )
        self.rows.append(row)
        self.told(row)

    def both(self, workload: str, *, pairs: int, items: int, options: Sequence[str] = ()) -> None:
        """Let the loop and then Bridge do the work that is there; what nobody may write is not put back."""
        for who, work in (("loop", self.loop), ("bridge", lambda: self.bridge(*options))):
            self.trackers.reset_counts()
            used = work()
            self.note(workload, who, used, pairs=pairs, items=items)

    def both_on_the_same(self, workload: str, *, pairs: int, items: int, options: Sequence[str] = ()) -> None:
        """The same for work that writes: the content is put back between the two, and the ends are compared."""
        saved = self.trackers.save()
        ends = {}
        for who, work in (("loop", self.loop), ("bridge", lambda: self.bridge(*options))):
            self.trackers.restore(saved)
            self.trackers.reset_counts()
            used = work()
            self.note(workload, who, used, pairs=pairs, items=items)
            ends[who] = self.trackers.content()
        for side, content in ends["loop"].items():
            differ(f"{workload}, {pairs} pairs, {side}", content, ends["bridge"][side])

    def paired(self) -> int:
        """How many pairs Bridge remembers."""
        db = sqlite3.connect(self.folder / "bridge.db")
        try:
            (count,) = db.execute("SELECT count(*) FROM pair WHERE status = 'live'").fetchone()
        finally:
            db.close()
        return int(count)


def differ(where: str, loop: list[Any], bridge: list[Any]) -> None:
    """Raises: DifferentError with the first few items that only one of them left."""
    if loop != bridge:
        only_loop = [item for item in loop if item not in bridge][:3]
        only_bridge = [item for item in bridge if item not in loop][:3]
        raise DifferentError(f"{where}: the loop left {only_loop}, Bridge left {only_bridge}")


def existing(size: int, told: Callable[[Row], None], *, with_changes: bool) -> list[Row]:
    """Items that exist on both sides: first contact, then ticks with nothing to do, then one percent changed on each."""
    with Pair() as trackers, tempfile.TemporaryDirectory(prefix="bridge-bench-") as folder:
        bench = Bench(trackers, Path(folder), told)
        bench.warm_up()
        for side in trackers.both:
            trackers.seed(side, size, done_every=5)
        before = trackers.content() if with_changes else None
        bench.both("first contact", pairs=size, items=size)
        if before is not None:
            for name, content in trackers.content().items():
                differ(f"first contact, {name}", before[name], content)
        if bench.paired() != size:
            raise DifferentError(f"first contact: {bench.paired()} pairs of {size}")
        for _ in range(2):  # the first tick after a full listing may still look at its own edge
            bench.loop()
            bench.bridge("--quick")
        bench.both("no-op tick", pairs=size, items=1, options=["--quick"])
        if with_changes:
            count = max(1, size // 100)
            trackers.rename(count)
            bench.both_on_the_same("1 % changed on each side", pairs=size, items=2 * count, options=["--quick"])
        return bench.rows


def copy(size: int, told: Callable[[Row], None]) -> list[Row]:
    """Items that exist on one side only and are created on the other."""
    with Pair() as trackers, tempfile.TemporaryDirectory(prefix="bridge-bench-") as name:
        bench = Bench(trackers, Path(name), told)
        bench.warm_up()
        trackers.seed(trackers.artala, size, done_every=0)
        bench.both_on_the_same("initial copy", pairs=size, items=size)
        return bench.rows


def version(told: Callable[[Row], None], *, times: int = 5) -> list[Row]:
    """``bridge --version``, the best of some."""
    command = [str(Path(sys.executable).with_name("bridge")), "--version"]
    best = min((measure(command, folder=Path.cwd()) for _ in range(times)), key=lambda used: used.wall_s)
    row = Row("bridge --version", "bridge", 0, 1, 0, 0, best.cpu_s, best.rss_mb, best.wall_s)
    told(row)
    return [row]
