"""Random histories of tasks, comments and time on any two trackers, with runs of every sort and faults in between."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Final

import structlog
from hypothesis import strategies as st
from promises.part_ground import PartGround
from promises.part_oracle import SIDES, Oracle, Seen, word_in

QUARTER_S: Final = 900
"""Every tracker can hold quarters of an hour: each duration is said once, so it is a word (``part_oracle``)."""
DAYS: Final = 20
FAULTS: Final = (
    *({"kind": kind, "method": method} for kind in ("lost_reply", "accepted_error") for method in ("POST", "PUT", "PATCH", "DELETE")),
    *({"kind": kind, "method": "POST", "after": 1} for kind in ("lost_reply", "accepted_error")),
    {"kind": "status", "status": 503, "times": 2},
    {"kind": "status", "status": 503, "method": "GET", "times": 9, "after": 2},
    {"kind": "status", "status": 500, "method": "POST"},
    {"kind": "status", "status": 502, "method": "PATCH", "times": 5},
    {"kind": "status", "status": 502, "method": "PUT", "times": 5},
    {"kind": "rate_limited", "retry_after": 0},
    {"kind": "rate_limited", "retry_after": 0, "after": 4},
    {"kind": "reset", "method": "POST"},
    {"kind": "cut_body"},
    {"kind": "cut_body", "method": "POST"},
    {"kind": "half_page", "method": "GET", "times": 3},
    {"kind": "half_page", "method": "GET", "after": 2},
    {"kind": "empty_listing", "method": "GET", "times": 3},
    {"kind": "empty_listing", "method": "GET", "after": 2},
)  # fmt: skip
DEEDS: Final = (
    "create", "title", "close", "reopen", "labels",
    *("comment", "time") * 3, *("edit-comment", "edit-time", "delete-comment", "delete-time", "move-time") * 2,
    "delete-task",
)  # fmt: skip
NEVER: Final = frozenset({"orphaned", "ambiguous", "entity-clash"})
"""Reasons to park something that no history of these has."""

TOTALS: Counter[str] = Counter()

number = st.integers(0, 11)
deeds = st.tuples(st.sampled_from(DEEDS), st.sampled_from(SIDES), number, number)
runs = st.one_of(
    st.sampled_from(({}, {"sweep": True}, {"full": True, "sweep": True}, {"restart": True}, {"none": True})),
    st.tuples(st.sampled_from(SIDES), st.sampled_from(FAULTS), st.booleans()).map(
        lambda some: {"fault": some[:2], "sweep": some[2]}
    ),
    st.tuples(st.integers(1, 40), st.sampled_from(("before", "after"))).map(lambda cut: {"cut": cut, "sweep": True}),
)
histories = st.lists(st.tuples(st.lists(deeds, min_size=2, max_size=6), runs), min_size=3, max_size=7)


def play(left: str | Any, right: str | Any, history: Any, tell: Callable[[str], None] | None = None) -> None:
    """One history from an empty database to rest. Raises AssertionError where a promise does not hold."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(50))
    try:
        with PartGround(left, right) as ground:
            asyncio.run(_Player(ground, tell or (lambda _: None)).play(history))
    finally:
        structlog.reset_defaults()


class _Player:
    def __init__(self, ground: PartGround, tell: Callable[[str], None]) -> None:
        self.ground, self.world, self.tell = ground, ground.world, tell
        self.oracle = Oracle()
        self.count = 0

    async def play(self, history: Any) -> None:
        try:
            for some, run in history:
                for deed in some:
                    with suppress(AssertionError):  # the tracker refused it: then nobody said anything
                        self._do(*deed)
                await self._run(dict(run))
            await self._come_to_rest()
        finally:
            await self.ground.restart()
        TOTALS["histories"] += 1

    # --- people -----------------------------------------------------------------------------------------------------

    def _do(self, deed: str, at: str, which: int, to: int) -> None:
        side, tasks = self._side(at), self._tasks(at)
        if deed == "create" or not tasks:
            word = self._word("task")
            side.create(word)
            self.oracle.made(at, "task", word)
            self.tell(f"{at} creates {word}")
            return
        task = tasks[which % len(tasks)]
        getattr(self, "_" + deed.replace("-", "_"), self._on_task(deed))(at, side, task, to)

    def _on_task(self, deed: str) -> Callable[..., None]:
        def do(at: str, side: Any, task: Seen, to: int) -> None:
            if deed == "labels":
                if "labels" in self.world.both:
                    side.edit(task.id, labels={"abc"[to % 3], "abc"[to // 3 % 3]})
            else:
                getattr(side, deed)(task.id)
            self.tell(f"{at} does {deed} to {task.word}")
            TOTALS["deeds"] += 1

        return do

    def _title(self, at: str, side: Any, task: Seen, _: int) -> None:
        word = self._word("task")
        side.edit(task.id, title=word)
        self._changed(at, task, word)

    def _delete_task(self, at: str, side: Any, task: Seen, to: int) -> None:
        if "delete-task" in side.can and to == 0:
            side.delete(task.id)
            self.oracle.deleted(at, "task", task.word).superseded |= {task.word}
            self.tell(f"{at} deletes {task.word}")

    def _comment(self, at: str, side: Any, task: Seen, _: int) -> None:
        if "comment" in self.world.both:
            word = self._word("word")
            side.comment(task.id, word)
            self._made(at, "comment", word, task)

    def _time(self, at: str, side: Any, task: Seen, _: int) -> None:
        if "time" in self.world.both:
            seconds = QUARTER_S * self._next()
            side.log_time(task.id, seconds, on=f"2026-11-{1 + self.count % DAYS:02}")
            self._made(at, "time", str(seconds), task)

    def _edit_comment(self, at: str, side: Any, task: Seen, to: int) -> None:
        mine = self._comments(at, task)
        if mine and "edit-comment" in self.world.both:
            row, word = mine[to % len(mine)], self._word("word")
            text = side.comments(task.id)[row.id]["text"]
            keeps = to % 2 == 0 and isinstance(text, str) and row.word in text
            side.edit_comment(task.id, row.id, text.replace(row.word, word) if keeps else word)
            self._changed(at, row, word)

    def _delete_comment(self, at: str, side: Any, task: Seen, to: int) -> None:
        mine = self._comments(at, task)
        if mine and "delete-comment" in self.world.both:
            row = mine[to % len(mine)]
            side.delete_comment(task.id, row.id)
            self._deleted(at, row)

    def _edit_time(self, at: str, side: Any, _: Seen, to: int) -> None:
        mine = self._times(at)
        if mine and "edit-time" in self.world.both:
            row, seconds = mine[to % len(mine)], QUARTER_S * self._next()
            side.edit_time(row.id, seconds=seconds)
            self._changed(at, row, str(seconds))

    def _delete_time(self, at: str, side: Any, _: Seen, to: int) -> None:
        mine = self._times(at)
        if mine and "delete-time" in self.world.both:
            row = mine[to % len(mine)]
            side.delete_time(row.id)
            self._deleted(at, row)

    def _move_time(self, at: str, side: Any, task: Seen, to: int) -> None:
        mine = self._times(at)
        if mine and "move-time" in side.can and "delete-time" in self.world.both:
            row = mine[to % len(mine)]
            if row.task != task.id:
                side.edit_time(row.id, task=task.id)
                self.oracle.moved("time", row.word, self.oracle.by_word["task", task.word])
                self.tell(f"{at} moves {row.word} to {task.word}")
                TOTALS["deeds"] += 1

    def _made(self, at: str, kind: str, word: str, task: Seen) -> None:
        self.oracle.made(at, kind, word, self.oracle.by_word["task", task.word])
        self.tell(f"{at} says {word} on {task.word}")
        TOTALS["deeds"] += 1

    def _changed(self, at: str, row: Seen, word: str) -> None:
        self.oracle.changed(at, row.kind, row.word, word)
        self.tell(f"{at} changes {row.word} to {word}")
        TOTALS["deeds"] += 1

    def _deleted(self, at: str, row: Seen) -> None:
        self.oracle.deleted(at, row.kind, row.word)
        self.tell(f"{at} deletes {row.word}")
        TOTALS["deeds"] += 1

    def _next(self) -> int:
        self.count += 1
        return self.count

    def _word(self, kind: str) -> str:
        return f"{kind}{self._next()}z"

    # --- what is seen -----------------------------------------------------------------------------------------------

    def _side(self, at: str) -> Any:
        return self.world.left if at == "left" else self.world.right

    def _tasks(self, at: str) -> list[Seen]:
        found = []
        for item, row in sorted(self._side(at).tasks().items()):
            labels = tuple(sorted(row["labels"])) if "labels" in self.world.both else ()
            found.append(Seen(at, "task", item, row["title"], rest=(row["is_closed"], labels), marker=row["marker"]))
        return found

    def _comments(self, at: str, task: Seen) -> list[Seen]:
        if "comment" not in self.world.both:
            return []
        rows = sorted(self._side(at).comments(task.id).items())
        return [Seen(at, "comment", item, word_in(row["text"]), task.id, marker=row["marker"]) for item, row in rows]

    def _times(self, at: str) -> list[Seen]:
        if "time" not in self.world.both:
            return []
        rows = sorted(self._side(at).times().items())
        return [
            Seen(at, "time", item, str(row["seconds"]), str(row["task"]), (row["on"],), row["marker"])
            for item, row in rows
        ]

    def _everything(self, at: str) -> list[Seen]:
        tasks = self._tasks(at)
        return [*tasks, *(row for task in tasks for row in self._comments(at, task)), *self._times(at)]

    # --- runs -------------------------------------------------------------------------------------------------------

    async def _run(self, how: dict[str, Any]) -> None:
        self.tell(f"run {how}")
        TOTALS["runs"] += 1
        if how.pop("none", False):
            return
        if how.pop("restart", False):
            await self.ground.restart()
        if fault := how.pop("fault", None):
            box = self._side(fault[0]).box
            box.fault(**{"times": 1, **fault[1]})
        report = await self.ground.run(**how)
        TOTALS["faults"] += sum(len(self._side(at).box.faults.used) for at in SIDES)
        self.ground.clear_faults()
        self.tell(f"   {'cut' if report is None else f'{report.state} {report.error} {report.counts}'}")

    async def _come_to_rest(self) -> None:
        """I1: a bounded number of runs after the last edit nothing is left to do. I3, I5: the next one writes nothing."""
        await self.ground.restart()
        for _ in range(4):
            before = self.world.writes()
            await self._run({"full": True, "sweep": True})
            if self.world.writes() == before:
                break
        before = self.world.writes()
        report = await self.ground.run(sweep=True)
        assert report is not None
        assert report.state in ("done", "guarded"), report
        assert self.world.writes() == before, f"a run after a settled run has written something (I3): {report}"
        in_conflict, stuck = await self.ground.troubles()
        for (side, item), why in stuck.items():
            TOTALS[f"parked: {side.partition(' ')[2]} {why.partition(':')[0]}"] += 1
            self.tell(f"   parked {side} {item}: {why}")
        assert not [why for why in stuck.values() if why.partition(":")[0] in NEVER], stuck
        excused = frozenset({*in_conflict, *(at for at, why in stuck.items() if not why.startswith("waiting"))})
        seen = [row for at in SIDES for row in self._everything(at)]
        broken = list(self.oracle.broken(seen, excused))
        assert not broken, "\n".join(broken)
