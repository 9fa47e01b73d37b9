"""Takes back what a run wrote, from the before-images in the history: looked at, planned, carried out as a run of its own.

Refuses: what a person changed since. It is read again right before the write, left alone where it moved, and told.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from bridge.engine.apply import WAVE, apply
from bridge.engine.context import Run
from bridge.engine.forced import force
from bridge.engine.guard import Budget
from bridge.engine.inverse import (
    WRITES,
    Choice,
    Inverse,
    Judged,
    Past,
    Target,
    from_history,
    from_plan,
    judge,
)
from bridge.engine.orders import UNDO, remove
from bridge.engine.pair import member_of
from bridge.engine.plan import View, Work, in_order
from bridge.engine.recover import recover
from bridge.engine.report import PlanReport, State
from bridge.engine.why import tell
from bridge.errors import ENDING, ConfigError, GoneError, TrackerError, UnknownOutcome
from bridge.model import SIDES, Delete, Hold, Operation, Plan, Record, Side, Update
from state import conflicts, history, intents, pairs
from state.history import Entry
from state.pairs import Pair
from state.store import Session

_PAGE = 1_000


@dataclass(slots=True)
class Undo:
    """One undo: of a choice of a run's writes, or as a reviewed plan says. ``done`` and ``left_alone`` tell, once it was
    carried out, what came of it; ``failed`` of the latter were refused by a tracker.
    """

    order: Choice | Plan
    done: list[Operation] = field(default_factory=list)
    left_alone: list[Hold] = field(default_factory=list)

    @property
    def failed(self) -> bool:
        return any(hold.reason == "failed" for hold in self.left_alone)

    async def plan(self, run: Run) -> PlanReport:
        """The inverse plan, for a person to review. Reads the items concerned and writes nothing."""
        await recover(run)
        inverse = await run.store.read(_targets, run, self.order)
        operations: list[Operation] = list(inverse.holds)
        for some in _batches(inverse.targets):
            looked = await _look(run, some)
            operations.extend(looked.holds)
            for _, judged in looked.judged:
                operations.extend(judged.holds)
                operations.extend(_updates(run, looked, judged))
                operations.extend([judged.delete] if judged.delete is not None else [])
        undoes = self.order.run if isinstance(self.order, Choice) else self.order.undoes
        return PlanReport(Plan(run.link.name, in_order(operations), undoes))

    async def carry_out(self, run: Run) -> State:
        """Take it back, a few items at a time, each read right before it is written."""
        inverse = await run.store.read(_targets, run, self.order)
        self.left_alone.extend(inverse.holds)
        budget = Budget.of(run)
        run.progress.planned(len(inverse.targets))
        ordered: list[Operation] = []
        try:
            for at, some in enumerate(_batches(inverse.targets)):
                await self._some(run, some, budget, ordered)
                run.progress.done(min((at + 1) * WAVE, len(inverse.targets)), len(inverse.targets))
                if budget.spent:
                    break
            if await run.store.read(intents.unfinished, run.link.id):
                await recover(run)
        finally:
            await self._account(run, ordered)
        return "stopped" if budget.spent else "done"

    async def _some(self, run: Run, some: Sequence[Target], budget: Budget, ordered: list[Operation]) -> None:
        looked = await _look(run, some)
        self.left_alone.extend(looked.holds)
        for side in SIDES:
            run.polled_at[side] = looked.began
        works = []
        for _, judged in looked.judged:
            self.left_alone.extend(judged.holds)
            if judged.changes:
                works.append(_work(run, looked, judged))
        allowed = budget.take(works)
        ordered.extend(each for work in allowed for each in work.writes)
        await apply(run, allowed)
        for _, judged in looked.judged:
            if judged.delete is not None and _takes_delete(budget):
                ordered.append(judged.delete)
                await self._remove(run, judged.delete)

    async def _remove(self, run: Run, order: Delete) -> None:
        try:
            await remove(run, order)
        except ENDING:
            raise
        except UnknownOutcome:
            run.progress.message(f"no answer to the deletion of {order.title}; it is found out about")
        except TrackerError as refused:
            self.left_alone.append(
                Hold(order.kind, order.side, order.item, order.title, None, "failed", str(refused)),
            )

    async def _account(self, run: Run, ordered: Sequence[Operation]) -> None:
        """Tell what is done and what is not, as the history has it."""
        entries = await run.store.read(_entries, run.link.id, run.id)
        written = {(entry.side, entry.item_id, entry.field) for entry in entries}
        deleted = {(entry.side, entry.item_id) for entry in entries if entry.action == "delete"}
        for each in ordered:
            if isinstance(each, Update):
                kept = tuple(c for c in each.changes if (each.side, each.item.id, c.field) in written)
                self.done.extend([replace(each, changes=kept)] if kept else [])
                self._not_done(each, {c.field for c in each.changes} - {c.field for c in kept})
            elif isinstance(each, Delete) and (each.side, each.item.id) in deleted:
                self.done.append(each)
        run.tally.counts["left_alone"] = len(self.left_alone)

    def _not_done(self, each: Update, fields: set[str]) -> None:
        told = "not written, the log has the tracker's answer; undo the run again to try once more"
        self.left_alone.extend(
            Hold(each.kind, each.side, each.item, each.title, name, "failed", told) for name in sorted(fields)
        )


def _takes_delete(budget: Budget) -> bool:
    """A deletion is a write like another."""
    if budget.writes is not None and budget.writes <= 0:
        budget.spent = True
        return False
    budget.writes = None if budget.writes is None else budget.writes - 1
    return True


# --- what is to be taken back ----------------------------------------------------------------------------------------


def _targets(session: Session, run: Run, order: Choice | Plan) -> Inverse:
    if isinstance(order, Plan):
        return _planned(session, run, order)
    entries = _entries(session, run.link.id, order.run)
    known = pairs.by_ids(session, {entry.pair_id for entry in entries if entry.pair_id is not None})
    made = {entry.pair_id for entry in entries if entry.action == "create" and entry.pair_id is not None}
    later = [
        entry
        for pair_id in sorted(made)
        for entry in history.find(session, pair_id=pair_id, limit=_PAGE)[::-1]
        if entry.run_id > order.run
    ]
    inverse = from_history(run.link, Past(entries, later, known), order)
    if not (inverse.targets or inverse.holds):
        _explain(session, run, order, entries)
    return inverse


def _entries(session: Session, link_id: int, run_id: int) -> list[Entry]:
    """All that a run wrote, oldest first."""
    found: list[Entry] = []
    before: int | None = None
    while page := history.find(session, link_id=link_id, run_id=run_id, before_id=before, limit=_PAGE):
        found.extend(page)
        before = page[-1].id
    return found[::-1]


def _explain(session: Session, run: Run, choice: Choice, entries: Sequence[Entry]) -> None:
    """Why nothing is to be taken back, where a person named what is not there. Raises ConfigError."""
    if choice.fields and any(entry.action in WRITES for entry in entries):
        names = sorted({entry.field for entry in entries if entry.field})
        raise ConfigError(
            f"run {choice.run} wrote no field {', '.join(choice.fields)} of what you named.",
            hint=f"It wrote: {', '.join(names)}.",
        )
    for item in choice.items:
        tell(session, item, names={}, link=run.link.name)
        raise ConfigError(
            f"run {choice.run} wrote nothing to {item}.",
            hint=f"If it joined it with the wrong item: bridge pairs unlink {item}",
        )


def _planned(session: Session, run: Run, plan: Plan) -> Inverse:
    """A reviewed plan's targets, one a pair; an item whose pair is gone is told."""
    inverse = Inverse()
    merged: dict[int, Target] = {}
    for side, target in from_plan(plan):
        item = target.items[side]
        pair = pairs.by_items(session, run.link.id, target.kind, side, [item]).get(item)
        if pair is None or pair.status != "live":
            ref = run.link.end(side).ref(target.kind, item)
            inverse.holds.append(
                Hold(
                    target.kind, side, ref, item, None, "not-undoable", "it is not synced any more, so it is left alone"
                )
            )
            continue
        before = merged.get(pair.id)
        wishes = {**(before.wishes if before else {}), **target.wishes}
        delete = target.delete or (before.delete if before else None)
        merged[pair.id] = Target(target.kind, {at: pair.item_id(at) for at in SIDES}, wishes, delete)
    inverse.targets.extend(merged.values())
    return inverse


def _batches(targets: Sequence[Target]) -> Iterator[Sequence[Target]]:
    for start in range(0, len(targets), WAVE):
        yield targets[start : start + WAVE]


# --- a look at what is there now -------------------------------------------------------------------------------------


@dataclass(slots=True)
class _Looked:
    """A few targets with their records as just read. ``began``: when, by the monotonic clock."""

    began: float
    pairs: Mapping[int, Pair]
    records: Mapping[tuple[int, Side], Record]
    judged: list[tuple[Pair, Judged]] = field(default_factory=list)
    holds: list[Hold] = field(default_factory=list)


async def _look(run: Run, targets: Sequence[Target]) -> _Looked:
    """Read each item concerned, one request each, and judge it."""
    began = run.monotonic()
    asked = [(target, side) for target in targets for side in target.wishes]
    answers = await asyncio.gather(*(_fetch(run, target, side) for target, side in asked))
    known, contested = await run.store.read(_now, run, targets)
    looked = _Looked(began, {pair.id: pair for _, pair in known}, {})
    records: dict[tuple[int, Side], Record] = {}
    of = {id(target): pair for target, pair in known}
    for (target, side), answer in zip(asked, answers, strict=True):
        if isinstance(answer, Hold):
            looked.holds.append(answer)
        elif id(target) in of:
            records[of[id(target)].id, side] = answer
    looked.records = records
    for target, pair in known:
        fresh = {side: records[pair.id, side] for side in SIDES if (pair.id, side) in records}
        names = {name for pair_id, name in contested if pair_id == pair.id}
        looked.judged.append((pair, judge(run.link, target, pair, fresh, names)))
    return looked


def _now(
    session: Session, run: Run, targets: Sequence[Target]
) -> tuple[list[tuple[Target, Pair]], set[tuple[int, str]]]:
    """The targets' pairs as they are stored by now, and their fields in conflict."""
    known = []
    for target in targets:
        item = target.items["left"]
        pair = pairs.by_items(session, run.link.id, target.kind, "left", [item]).get(item)
        if pair is not None and pair.status == "live":
            known.append((target, pair))
    return known, set(conflicts.by_pairs(session, {pair.id for _, pair in known}))


async def _fetch(run: Run, target: Target, side: Side) -> Record | Hold:
    """One record now. Its own trouble is its own; the connection's ends the run."""
    end = run.link.end(side)
    ref = end.ref(target.kind, target.items[side])
    names = frozenset(wish.field for wish in target.wishes[side])
    try:
        return await end.connector.fetch(ref, fields=run.link.poll_fields.get((side, target.kind), frozenset()) | names)
    except ENDING:
        raise
    except GoneError as gone:
        return Hold(target.kind, side, ref, ref.key, None, "gone", gone.message)
    except TrackerError as error:
        return Hold(target.kind, side, ref, ref.key, None, "failed", error.message)


def _work(run: Run, looked: _Looked, judged: Judged) -> Work:
    pair = next(pair for pair, each in looked.judged if each is judged)
    sides = {side: member_of(run.link, pair, side, looked.records.get((pair.id, side))) for side in SIDES}
    view = View(pair.kind, pair.entity, pair.id, sides["left"], sides["right"])
    return force(run.link, view, judged.changes, UNDO)


def _updates(run: Run, looked: _Looked, judged: Judged) -> Sequence[Operation]:
    return _work(run, looked, judged).writes if judged.changes else ()
