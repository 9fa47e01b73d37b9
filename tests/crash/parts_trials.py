"""What happens to comments and time entries in a run that dies. ``python -m crash.parts_trials LEFT RIGHT`` (in ``tests``)
kills it at every single boundary of any two trackers.
"""

from __future__ import annotations

import re
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from crash.parts_ground import PartsGround

from bridge.drill.ground import scratch_folder

FIRST, SECOND = "task1z", "task2z"
GONE: Final = frozenset({"word2z", "1800"})
"""What people delete: an ordinary run that resumes another need not hear of it, a full one must."""

SYNC: Final = {"do": "sync", "full": True}
_ONLY_READ: Final = re.compile(r"(?:before|after) the commit of (?:(?:cursor|inbox|parked|run|link|deletion)(?:, )?)+$")


@contextmanager
def ground_of(left: str, right: str) -> Iterator[PartsGround]:
    with scratch_folder() as folder, PartsGround(Path(tempfile.mkdtemp(dir=folder)), left, right) as ground:
        yield ground


@dataclass(frozen=True)
class Trial:
    """One death. ``resumed``: what both sides showed after ordinary runs, without what was deleted; ``at_last``: after full ones."""

    what: str
    killed: bool
    resumed: Any
    at_last: Any
    settled: bool


def prepared(ground: PartsGround) -> None:
    """Two tasks in step, with comments made on the left and time logged on the right; then people act."""
    left, right = ground.sides
    first = left.create(FIRST)
    left.create(SECOND)
    ground.run({"do": "settle"}, warm=True)
    theirs = next(item for item, row in right.tasks().items() if row["title"] == FIRST)
    if "comment" in ground.world.both:
        for number in (1, 2):
            left.comment(first, f"word{number}z")
    for number in (1, 2, 3):
        right.log_time(theirs, 900 * number)
    ground.run({"do": "settle"}, warm=True)
    if "comment" in ground.world.both:
        _comments(ground)
    _time(ground)


def _comments(ground: PartsGround) -> None:
    (left, right), mine, theirs = ground.sides, *_tasks(ground)
    known = {name: item for item, row in left.comments(mine[FIRST]).items() for name in _words(row["text"])}
    left.comment(mine[FIRST], "word11z")
    right.comment(theirs[SECOND], "word12z")
    if "edit-comment" in ground.world.both:
        left.edit_comment(mine[FIRST], known["word1z"], "word13z")
    left.delete_comment(mine[FIRST], known["word2z"])


def _time(ground: PartsGround) -> None:
    (left, right), mine, theirs = ground.sides, *_tasks(ground)
    entries = {row["seconds"]: item for item, row in right.times().items()}
    left.log_time(mine[SECOND], 11 * 900)
    right.log_time(theirs[FIRST], 12 * 900)
    right.edit_time(entries[900], seconds=13 * 900)
    right.delete_time(entries[2 * 900])
    if "move-time" in right.can:
        right.edit_time(entries[3 * 900], task=theirs[SECOND])


def _tasks(ground: PartsGround) -> list[dict[str, str]]:
    return [{row["title"]: item for item, row in side.tasks().items()} for side in ground.sides]


def _words(text: object) -> list[str]:
    return re.findall(r"word\d+z", str(text))


def _stays(seen: list[list[tuple[str, ...]]]) -> list[list[tuple[str, ...]]]:
    return [[row for row in side if row[-1] not in GONE] for side in seen]


def trials(ground: PartsGround, every: int = 1, *, all_: bool = True) -> Iterator[Trial]:
    """The run left alone, then one death a boundary; without ``all_`` only around what is written to a tracker."""
    prepared(ground)
    moment = ground.save()
    passed = ground.run(SYNC)["passed"]
    reports = ground.run({"do": "settle", "full": True})["results"][0]
    alone = ground.seen()
    yield Trial("left alone", killed=False, resumed=_stays(alone), at_last=alone, settled=_is_settled(reports))
    places = [at for at, what in enumerate(passed, 1) if all_ or not _ONLY_READ.match(what)]
    for boundary in places[::every]:
        ground.restore(moment)
        killed = ground.run(SYNC, die_at=boundary)["killed"]
        ground.run({"do": "settle"})
        resumed = _stays(ground.seen())
        reports = ground.run({"do": "settle", "full": True})["results"][0]
        what = f"boundary {boundary}, {passed[boundary - 1]}"
        yield Trial(what, killed, resumed, ground.seen(), _is_settled(reports))


def _is_settled(reports: list[dict[str, Any]]) -> bool:
    return reports[-1]["state"] == "done" and not reports[-1]["writes"]


def main(left: str, right: str) -> int:
    began, count, broken = time.monotonic(), 0, 0
    with ground_of(left, right) as ground:
        alone: Trial | None = None
        for trial in trials(ground):
            alone = alone or trial
            count += trial.killed
            if (trial.resumed, trial.at_last, trial.settled) != (alone.resumed, alone.at_last, True):
                broken += 1
                sys.stdout.write(f"{trial}\n   left alone {alone.at_last}\n")
                sys.stdout.flush()
    sys.stdout.write(f"{left}-{right}: {count} deaths, {broken} findings, {time.monotonic() - began:.0f} s\n")
    return broken


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:3]))
