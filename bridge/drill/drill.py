"""The drill: kill a run at each boundary, lie to it about each write, resume, and compare with the run left alone."""

from __future__ import annotations

import asyncio
import random
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any, Final

from bridge.config.settings import Settings
from bridge.drill.ground import Ground, Moment, created, scratch_folder
from bridge.drill.judge import Broken, differences, lost, unheld
from bridge.drill.people import People, furnish
from bridge.drill.rows import Tried
from bridge.drill.scenario import PAGES, SCENARIOS, TITLE, Edit, Scenario, build
from bridge.drill.scratch import HOOK_SECRET, SMALL_PAGES
from bridge.drill.standing import Standing, standing
from bridge.errors import BridgeError
from bridge.sandbox.journal import Entry

SYNC: Final[Mapping[str, Any]] = {"do": "sync"}
LOOK: Final[Mapping[str, Any]] = {"do": "look"}
LOOK_CLOSELY: Final[Mapping[str, Any]] = {"do": "look", "coming": True}
SETTLE: Final[Mapping[str, Any]] = {"do": "settle"}
PLAN: Final[Mapping[str, Any]] = {"do": "plan"}

LIES: Final[Mapping[str, Mapping[str, Any]]] = {
    "accepted, then the connection closed": {"kind": "lost_reply"},
    "accepted, then answered 500": {"kind": "accepted_error", "status": 500},
    "accepted, then silent": {"kind": "accepted_delay", "seconds": 1.2},
}
_PATIENCE_S: Final = 0.6
"""How long a run waits for an answer that comes after 1.2 s."""

_SETTLED: Final = {"adopt", "conflict", "hold"}
_NOBODY: Final = "http://127.0.0.1:9/"
_VARIES: Final = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|(?<=/)\d+(?=/|$)")


@dataclass(frozen=True, slots=True)
class Alone:
    """A scenario's run that was left alone: what the others are compared with."""

    moment: Moment
    before: tuple[Mapping[str, Any], ...]
    after: Mapping[str, Any]
    boundaries: tuple[str, ...]
    created: Mapping[str, int]
    writes: tuple[tuple[str, str, str], ...]
    hooks: tuple[Mapping[str, Any], ...]


@dataclass(frozen=True, slots=True)
class Trial:
    """One death or one lie: what was done, and each promise that did not hold."""

    scenario: str
    what: str
    broken: tuple[Broken, ...] = ()
    killed: int = 0
    lied: int = 0


@dataclass(slots=True)
class Stage:
    """A scenario, set up and run once. Made by ``staged``."""

    ground: Ground
    scenario: Scenario
    rows: tuple[Tried, ...]
    edits: tuple[tuple[Edit, str], ...]
    alone: Alone
    broken: tuple[Broken, ...] = field(default=())
    known: dict[Standing, tuple[Broken, ...]] = field(default_factory=dict)

    def kill(self, *boundaries: int) -> Trial:
        """Die at a boundary of the run (at others of those that resume it), then resume and judge.

        What left exactly what an earlier death left is judged as that one was.
        """
        self.ground.restore(self.alone.moment)
        marks, deaths = self.ground.marks(), 0
        said: list[str] = []
        passed: list[str] = []
        for boundary in boundaries:
            answer = self.ground.run([*self.alone.hooks, SYNC], die_at=boundary)
            deaths += answer["killed"]
            passed += answer["passed"]
            said.append(f"boundary {boundary}, {answer.get('at', 'not reached')}")
        left = standing(self.ground, marks, passed)
        if left not in self.known:
            self.known[left] = tuple(self._resumed(marks, at_once=True))
        return Trial(self.scenario.name, "; ".join(said), self.known[left], killed=deaths)

    def lie(self, tracker: str, method: str, path: str, lie: str) -> Trial:
        """Let a tracker accept one write and say something else, then judge."""
        self.ground.restore(self.alone.moment)
        marks = self.ground.marks()
        options = dict(LIES[lie])
        silent = "seconds" in options
        self.ground.boxes[tracker].fault(options.pop("kind"), method=method, path=f"^{path}$", **options)
        self.ground.run([*self.alone.hooks, SYNC], read_s=_PATIENCE_S if silent else None)
        told = not self.ground.boxes[tracker].faults.planned
        self.ground.boxes[tracker].faults.clear()
        broken = tuple(self._resumed(marks, at_once=False))
        return Trial(self.scenario.name, f"{tracker} {method} {path} {lie}", broken, lied=int(told))

    def _resumed(self, marks: Mapping[str, int], *, at_once: bool) -> Iterator[Broken]:
        """Runs until one writes nothing, and a look before and after."""
        looks = [LOOK_CLOSELY] if at_once else []
        found = self.ground.run([*looks, *self.alone.hooks, SETTLE, LOOK])["results"]
        *_, reports, after = found
        if looks:
            yield from self._torn(found[0])
        yield from judged(self, after, marks)
        yield from settled(reports)

    def _torn(self, view: Mapping[str, Any]) -> Iterator[Broken]:
        """What must hold at the moment of death as well."""
        yield from (Broken("I7", line) for line in view["behind"])
        yield from (Broken("I8", line) for line in view["bases"])
        yield from (Broken("I8", line) for line in unheld((*self.alone.before, self.alone.after), view))


def settled(reports: Sequence[Mapping[str, Any]]) -> Iterator[Broken]:
    """What the runs after a death or a lie must have come to."""
    last = reports[-1]
    if last["state"] != "done":
        yield Broken("I1", f"the last run ended as {last['state']}: {last['error']}")
    if last["writes"]:
        yield Broken("I3", f"the run after {len(reports) - 1} runs wrote {last['writes']} times")


def judged(stage: Stage, after: Mapping[str, Any], marks: Mapping[str, int]) -> Iterator[Broken]:
    """What must hold in the end, beside the run that was left alone."""
    alone = stage.alone
    yield from (Broken("I1", line) for line in differences(alone.after, after))
    yield from (Broken("I2", line) for line in lost(stage.edits, stage.rows, after))
    written = [entry for entries in stage.ground.written(marks).values() for entry in entries]
    made = created(written)
    for source in sorted({*made, *alone.created}):
        if made[source] != 1:
            yield Broken("I4", f"{source} was created {made[source]} times")
    yield from (Broken("I6", f"{entry.method} {entry.path}") for entry in written if entry.verb == "delete")
    yield from (Broken("I7", line) for line in after["behind"])
    yield from (Broken("I8", line) for line in after["bases"])


@contextmanager
def staged(settings: Settings, link: str, scenario: str) -> Iterator[Stage]:
    """One of ``SCENARIOS`` on a ground of its own, in a folder that is gone afterwards.

    Raises: ConfigError for a tracker type without a sandbox or a link without tasks; BridgeError when the drill fails.
    """
    more = SMALL_PAGES if scenario == PAGES else {}
    with scratch_folder() as folder, Ground(settings, link, folder, more) as ground:
        rows = asyncio.run(furnish(ground))
        yield set_up(ground, build(scenario, rows), rows)


def set_up(ground: Ground, scenario: Scenario, rows: tuple[Tried, ...]) -> Stage:
    """Bring a scenario to the moment before its run, keep that, and run it once."""
    people = People(ground, rows)
    people.set_up(scenario)
    if scenario.in_step:
        _expect_done(ground.run([SYNC, SYNC])["results"])
    standing = ground.run([LOOK])["results"][0]
    for box in ground.boxes.values():
        box.tracker.outgoing.aim(_NOBODY, HOOK_SECRET, mode="never")
    people.act(scenario)
    hooks = tuple({hook["connection"]: hook for hook in ground.hooks()}.values()) if scenario.hooks else ()
    edits = tuple((edit, people.ids[edit.side, edit.title]) for edit in scenario.edits)
    moment = ground.save()
    before = (standing, ground.run([LOOK])["results"][0])
    ground.run([*hooks, SYNC, LOOK_CLOSELY, PLAN], warm=True)
    ground.restore(moment)
    marks = ground.marks()
    first = ground.run([*hooks, SYNC])
    _expect_done(first["results"][-1:])
    written = ground.written(marks)
    reports, after, plan = ground.run([SETTLE, LOOK_CLOSELY, PLAN])["results"]
    writes = tuple(sorted({_shape(name, entry) for name, entries in written.items() for entry in entries}))
    made = created([entry for entries in written.values() for entry in entries])
    alone = Alone(moment, before, after, tuple(first["passed"]), made, writes, hooks)
    stage = Stage(ground, scenario, rows, edits, alone)
    stage.broken = (*_own(ground, stage, marks, reports, plan),)
    return stage


def _own(
    ground: Ground,
    stage: Stage,
    marks: Mapping[str, int],
    reports: Sequence[Mapping[str, Any]],
    plan: Sequence[Mapping[str, Any]],
) -> Iterator[Broken]:
    """What the run that was left alone must hold by itself."""
    yield from judged(stage, stage.alone.after, marks)
    yield from (Broken("I1", f"still planned: {one['said']}") for one in plan if one["op"] not in _SETTLED)
    yield from settled(reports)
    echo = ground.run([*ground.hooks(), SYNC])["results"][-1]
    if echo["writes"]:
        yield Broken("I5", f"{echo['writes']} writes after webhooks of our own writes")


def _expect_done(reports: Sequence[Mapping[str, Any]]) -> None:
    for report in reports:
        if report["state"] != "done":
            raise BridgeError(
                f"The drill's own run ended as {report['state']}: {report['error']}",
                hint="A run without any crash must go through first.",
            )


def _shape(tracker: str, entry: Entry) -> tuple[str, str, str]:
    """A write without the item it was for: tracker, method, and a pattern of its path."""
    parts = _VARIES.split(entry.path)
    return tracker, entry.method, "[^/]+".join(re.escape(part) for part in parts)


def sampled(total: int, samples: int) -> list[int]:
    """The numbers 1 to ``total``, or ``samples`` of them spread evenly."""
    if not 0 < samples < total:
        return list(range(1, total + 1))
    return sorted({1 + place * (total - 1) // max(1, samples - 1) for place in range(samples)})


def lies(stage: Stage) -> list[tuple[str, str, str, str]]:
    """Each lie about each kind of write, as ``Stage.lie`` takes it."""
    return [(*write, lie) for write in stage.alone.writes for lie in LIES]


def trials(stage: Stage, *, samples: int = 0) -> Iterator[Trial]:
    """The run left alone, each boundary and each lie; of either only ``samples``, spread evenly, where that is not 0."""
    told = lies(stage)
    yield Trial(stage.scenario.name, "left alone", stage.broken)
    for boundary in sampled(len(stage.alone.boundaries), samples):
        yield stage.kill(boundary)
    for place in sampled(len(told), samples):
        yield stage.lie(*told[place - 1])


def doubles(stage: Stage, seed: int, samples: int) -> Iterator[Trial]:
    """Two crashes in one history, at boundaries drawn by ``seed``: the second in the run that resumes the first."""
    draw = random.Random(f"{seed} {stage.scenario.name}")  # noqa: S311 — to be repeated, not to be secret
    total = len(stage.alone.boundaries)
    for _ in range(samples):
        yield stage.kill(draw.randint(1, total), draw.randint(1, total))


@dataclass(slots=True)
class Tally:
    """A drill's figures, and what did not hold. ``idle`` are the rows for which there was nothing to try."""

    link: str
    idle: list[str] = field(default_factory=list)
    killed: int = 0
    lied: int = 0
    broken: list[tuple[Trial, Broken]] = field(default_factory=list)

    def add(self, trial: Trial) -> None:
        self.killed += trial.killed
        self.lied += trial.lied
        self.broken += [(replace(trial, broken=()), one) for one in trial.broken]

    def count(self, promise: str) -> int:
        """In how many trials a promise did not hold."""
        return len({(trial.scenario, trial.what) for trial, one in self.broken if one.promise == promise})


def examine(settings: Settings, link: str, *, samples: int, told: Callable[[str, int, int], None]) -> Tally:
    """Drill one link with all scenarios. ``told`` gets the scenario, how many trials are done, and of how many."""
    tally = Tally(link)
    for name in SCENARIOS:
        told(name, 0, 0)
        with staged(settings, link, name) as stage:
            tally.idle = [one.row.left for one in stage.rows if not one.values and one.row.left != TITLE]
            total = 1 + sum(len(sampled(len(all_), samples)) for all_ in (stage.alone.boundaries, lies(stage)))
            for done, trial in enumerate(trials(stage, samples=samples), 1):
                tally.add(trial)
                told(name, done, total)
    return tally
