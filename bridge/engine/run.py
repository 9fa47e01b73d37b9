"""A run of a link on one screen: lock, recover, pull, pair, plan, guard, apply, settle, report (S1–S3)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import datetime

import structlog

from bridge.engine import guard, holder, moves, scope
from bridge.engine.again import wake_waiting
from bridge.engine.answers import ask, hear
from bridge.engine.apply import apply
from bridge.engine.asleep import lay_aside, wake_parts
from bridge.engine.context import Run
from bridge.engine.deletes import deal_with_vanished, take_back
from bridge.engine.link import Link
from bridge.engine.orders import MOVE, remove
from bridge.engine.pair import Found, find
from bridge.engine.plan import Work, in_order, plan_view
from bridge.engine.pull import fetch_announced, poll
from bridge.engine.recover import recover
from bridge.engine.report import PlanReport, RunReport, State
from bridge.errors import (
    ENDING,
    BridgeError,
    LockedError,
    PermissionError_,
    RateLimited,
    RejectedError,
    StateError,
    TrackerError,
)
from bridge.model import SIDES, Operation, Plan, Side
from state import conflicts, inbox, intents, leases, links, pairs, parked, runs
from state.store import Session, Store

log = structlog.get_logger(__name__)

BATCH = 1000
"""Inbox rows settled together: what a run holds in memory. A commit and a dozen statements are paid for each."""

LEASE_S = 60
_MOST_IDLE = 3
"""Rounds that bring nothing before a run gives up for now."""


async def carry_out(run: Run, do: Callable[[Run], Awaitable[State]]) -> RunReport:
    """Find out what is unknown (S3), do something, report. The caller holds the lease (``leased``).

    Trackers' errors and a lost lease end the run and stand in the report; what was done is stored.
    """
    state: State = "done"
    error = hint = ""
    try:
        await recover(run)
        state = await do(run)
    except BridgeError as problem:
        by_kind: dict[type[BridgeError], State] = {LockedError: "locked", RateLimited: "stopped"}
        state = next((name for kind, name in by_kind.items() if isinstance(problem, kind)), "failed")
        error, hint = problem.message, problem.hint
    return await _report(run, state, error, hint)


async def plan_link(run: Run) -> PlanReport:
    """What ``settle_all`` would do now. Polls and fills the inbox, writes to no tracker and moves no base."""
    await recover(run)
    await poll(run)
    await require_seeded(run)
    await fetch_announced(run)
    operations: list[Operation] = []
    seen: set[tuple[Side, str]] = set()
    for kind in run.link.mappings:
        async for found in batches(run, kind):
            for view in found.views:
                items = {(item.side, item.item_id) for item in view.items()}
                if not items & seen:
                    operations.extend(plan_view(run.link, view).operations)
                seen |= items
    return PlanReport(Plan(run.link.name, in_order(operations)), _requests(run), dict(run.tally.unmapped))


async def settle_all(run: Run) -> State:
    """Bring both containers in step as far as it goes: poll and settle until nothing is left. A plan that grew old is made
    anew after a fresh poll (S22).
    """
    budget = guard.Budget.of(run)
    idle = 0
    if run.full or run.tally.joined or await run.store.read(_broke_off, run):
        await run.store.run(_wake, run.link, run.now())
    while idle < _MOST_IDLE:
        before, joined, moved = _progress(run), run.tally.joined, run.tally.moves
        await poll(run)
        await require_seeded(run)
        await fetch_announced(run)
        await take_back(run)
        await hear(run)
        again = False
        for kind in run.link.mappings:
            again = await _settle_kind(run, kind, budget) or again
            if budget.spent:
                return "stopped"
        again = await deal_with_vanished(run) or again or run.tally.moves > moved
        if run.tally.joined > joined:
            again = bool(await run.store.run(_wake, run.link, run.now())) or again
        doubtful = await run.store.read(intents.unfinished, run.link.id)
        if not (again or doubtful):
            await ask(run)
            return "guarded" if run.tally.counts["guarded"] else "done"
        await recover(run)
        idle = 0 if _progress(run) > before else idle + 1
    return "stopped"


def _wake(session: Session, link: Link, now: datetime) -> int:
    """Give what waits for a task another try; how many."""
    return wake_waiting(session, link.id, now) + wake_parts(session, link, now)


def _broke_off(session: Session, run: Run) -> bool:
    """Whether the run before this one did not get to its end."""
    return any(each.state != "done" for each in runs.find(session, link_id=run.link.id, limit=2) if each.id != run.id)


def _progress(run: Run) -> int:
    """What was achieved so far; a listing that reads its overlap again achieves nothing."""
    counts = run.tally.counts
    return sum(
        counts[name] for name in counts if name.startswith(("created", "updated", "paired", "recovered", "unlinked"))
    )


async def require_seeded(run: Run) -> None:
    """Nothing is paired before both first listings are in hand: a partner may be on a page not read yet."""
    row = await run.store.read(links.get, run.link.id)
    if not all(links.is_seeded(row, side, kind) for side in SIDES for kind in run.link.mappings):
        raise LockedError(
            f'link "{run.link.name}": another run is still reading one of its containers for the first time',
            hint="Run it again when that one is done.",
        )


async def _settle_kind(run: Run, kind: str, budget: guard.Budget) -> bool:
    """One pass over the inbox. True when there is more to do at once: items to fetch, or a plan that grew old."""
    total = (await run.store.read(inbox.counts, run.link.id))["waiting"]
    run.progress.planned(total)
    done = 0
    async for found in batches(run, kind):
        works = [plan_view(run.link, view) for view in found.views]
        writes = any(work.writes for work in works)
        if writes and done and run.age() > run.link.limits.verify_after_s:
            return True  # nothing is written on what was seen that long ago (S22); pairing goes on
        allowed = budget.take(guard.approved(run, works))
        await apply(run, allowed)
        await _make_room(run, allowed)
        await put_aside(run, kind, found)
        done += sum(len(view.items()) for view in found.views)
        run.progress.done(min(done, total), total)
        if budget.spent:
            return False
        if writes and run.age() > run.link.limits.verify_after_s:
            return True
    return bool(await run.store.read(inbox.announced, run.link.id, kind, run.now()))


async def _make_room(run: Run, works: Sequence[Work]) -> None:
    """Take away what is made anew under another task. One item's trouble is its own (S24)."""
    for work in works:
        gone = work.gone
        if gone is None:
            continue
        run.tally.moves += 1
        try:
            await remove(run, gone, MOVE)
        except ENDING:
            raise
        except (RejectedError, PermissionError_) as refusal:
            held = moves.refused(run.link, work, gone.side, refusal.message)
            await apply(run, [plan_view(run.link, held)])
        except TrackerError as error:
            log.warning("write.failed", link=run.link.name, side=gone.side, step=MOVE, reason=error.message)


async def batches(run: Run, kind: str) -> AsyncIterator[Found]:
    """The inbox in pages, as views. Rows that stay are passed over, so the walk ends."""
    after = inbox.BEGIN
    while items := await run.store.read(inbox.take, run.link.id, kind, after=after, limit=BATCH, now=run.now()):
        after = inbox.place(items[-1])
        yield await run.store.read(find, run.link, kind, items)


async def put_aside(run: Run, kind: str, found: Found) -> None:
    """Rows of unlinked pairs go; rows whose record lacks a mapped field are read again as a whole; parts sleep with their task."""
    if found.ignored:
        await run.store.run(inbox.remove, run.link.id, kind, found.ignored)
    if found.asleep:
        await run.store.run(lay_aside, run.link, kind, found.asleep)
    for side in SIDES:
        ids = [item_id for at, item_id in found.fetch if at == side]
        if ids:
            await run.store.run(inbox.announce, run.link.id, kind, side, ids, run.now())


# --- the lease ---------------------------------------------------------------------------------------------------------


@asynccontextmanager
async def leased(store: Store, link: Link) -> AsyncIterator[int]:
    """Hold the link's lease, renewed in the background; yields the fence (S2). Raises LockedError when it is held."""
    fence = await store.run(_acquire, link.id)
    if fence is None:
        by = await store.read(leases.holder_of, link.id)
        who = f" by {holder.said(by.name)} for {by.seconds_left} s more" if by is not None else ""
        raise LockedError(f'link "{link.name}" is being synced already, held{who}', hint="Let it finish, or try again.")
    renewal = asyncio.create_task(_renew(store, link.id, fence))
    try:
        yield fence
    finally:
        renewal.cancel()
        await asyncio.gather(renewal, return_exceptions=True)
        await store.run(leases.release, link.id, fence)


def _acquire(session: Session, link_id: int) -> int | None:
    """Take the lease, also from a process of this machine that was killed: nobody waits for the dead."""
    by = leases.holder_of(session, link_id)
    if by is not None and holder.is_dead(by.name):
        leases.forget_holder(session, link_id, by.name)
    return leases.acquire(session, link_id, holder.name(), LEASE_S)


async def _renew(store: Store, link_id: int, fence: int) -> None:
    """Until the lease is lost. A database that is busy for a moment is asked again, three times in a lease."""
    held = True
    while held:
        await asyncio.sleep(LEASE_S / 4)
        with suppress(StateError):
            held = await store.run(leases.renew, link_id, fence, LEASE_S)


# --- the report --------------------------------------------------------------------------------------------------------


async def _report(run: Run, state: State, error: str, hint: str) -> RunReport:
    open_now = await run.store.read(conflicts.counts, run.link.id)
    counts = dict(run.tally.counts) | _requests(run)
    counts["conflicts_open"] = open_now.get("open", 0) + open_now.get("decided", 0)
    counts["parked"] = await run.store.read(parked.count, run.link.id)
    counts["held"] = (await run.store.read(inbox.counts, run.link.id))["held"]
    if any(scope.names_of(run.link, kind, side) for kind in run.link.mappings for side in SIDES):
        counts["paused"] = await run.store.read(pairs.paused, run.link.id)
    await run.store.run(runs.finish_run, run.id, state=state, counts=counts, now=run.now(), error=error)
    log.info("run.finished", link=run.link.name, run=run.id, state=state, **counts)
    return RunReport(run.link.name, run.id, state, counts, dict(run.tally.unmapped), error, hint)


def _requests(run: Run) -> dict[str, int]:
    return {
        f"requests_{side}": run.link.end(side).connector.usage().requests - run.used_before.get(side, 0)
        for side in SIDES
    }
