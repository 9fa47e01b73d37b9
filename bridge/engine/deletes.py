"""What becomes of pairs that lost a member (S26–S28): what comes back, edits, grace, guard and policy decide, in this order.

Refuses: judging what is evidence (vanished.py and the connectors do).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Literal

import structlog

from bridge.engine import vanished
from bridge.engine.again import wake_waiting
from bridge.engine.apply import apply
from bridge.engine.asleep import TASK, resting
from bridge.engine.context import Run
from bridge.engine.forced import force
from bridge.engine.guard import is_at_ceiling
from bridge.engine.link import Link
from bridge.engine.orders import MARK, remove
from bridge.engine.pair import member_of
from bridge.engine.plan import PARTS, View, title_of
from bridge.engine.scope import is_out
from bridge.errors import (
    ENDING,
    GoneError,
    NotFoundError,
    PermissionError_,
    RejectedError,
    TrackerError,
    UnknownOutcome,
)
from bridge.model import SIDES, Delete, FieldChange, Record, Ref, Side, other
from state import deletions, history, inbox, pairs, parked
from state.codec import load_record
from state.deletions import Deletion
from state.history import Entry
from state.pairs import Pair
from state.parked import Stuck
from state.store import Session

log = structlog.get_logger(__name__)


# --- dealing with it -------------------------------------------------------------------------------------------------


async def take_back(run: Run) -> None:
    """Sync again what a listing or a fetch has shown since it vanished or moved away (S28)."""
    waiting = await run.store.read(deletions.find, run.link.id)
    if waiting:
        await run.store.run(_take_back, run, waiting)


def _take_back(session: Session, run: Run, waiting: Sequence[Deletion]) -> None:
    for each in waiting:
        row = inbox.get_many(session, run.link.id, each.kind, each.side, [each.item_id]).get(each.item_id)
        if row is not None and row.record is not None:
            _revive(session, run, each)


def _revive(session: Session, run: Run, each: Deletion) -> None:
    pair = pairs.by_ids(session, [each.pair_id])[each.pair_id]
    pairs.set_status(session, pair.id, "live", "it is there again")
    deletions.forget(session, [pair.id])
    if pair.kind == TASK:
        wake_waiting(session, run.link.id, run.now())
    survivor = other(each.side)
    inbox.announce(session, run.link.id, each.kind, survivor, [pair.item_id(survivor)], run.now())
    rule = "it is there again"
    entry = Entry(run.link.id, run.id, each.kind, each.side, each.item_id, "return", run.now(), pair.id, rule=rule)
    history.add_many(session, [entry])


async def deal_with_vanished(run: Run) -> bool:
    """What the evidence allows, in the order of S25–S28. True when an item is to be read and planned again.

    A run that only carries out a reviewed plan leaves it: what a deletion comes to does not stand in that plan.
    """
    if run.approved is not None or not await run.store.read(deletions.count, run.link.id):
        return False
    await run.store.run(_end_with_tasks, run)
    await run.store.run(_end_left_out, run)
    passing, held = await run.store.run(_guarded, run.link, run.allow_deletes)
    if held:
        run.tally.counts["guarded"] = held
        log.error("deletes.guarded", link=run.link.name, vanished=held)
        run.progress.message(
            f"{held} items vanished, more than a run may deal with: none was dealt with. If it is right: "
            f"bridge sync {run.link.name} --allow-deletes {held}"
        )
    again = [await _deal_alone(run, each, pair) for each, pair in passing if each.kind in run.link.mappings]
    if left := await run.store.run(_waiting, run.link):
        run.tally.counts["vanished"] = len(left)
    return any(again)


def _end_with_tasks(session: Session, run: Run) -> None:
    """Parts that went with their task are no loss of their own: their pairs end as soon as the task's does."""
    waiting = [(each, pair) for each, pair in _waiting(session, run.link) if each.kind in PARTS]
    tasks = {
        side: pairs.by_items(
            session, run.link.id, TASK, side, {_task_of(pair, side) for each, pair in waiting if each.side == side}
        )
        for side in SIDES
    }
    for each, pair in waiting:
        task = tasks[each.side].get(_task_of(pair, each.side))
        if task is None or task.status not in ("live", "vanished"):
            vanished.end(session, run.link.id, run.id, pair, each.side, "its task is not in step any more", run.now())


def _task_of(pair: Pair, side: Side) -> str:
    return str(load_record(pair.record(side), Ref("", "", pair.kind, "")).fields.get(TASK) or "")


def _guarded(session: Session, link: Link, allow: int) -> tuple[list[tuple[Deletion, Pair]], int]:
    """What may be dealt with, and how many may not (S27). What was stopped once stays so, also when it has become less since, until a person lets
    it pass: who brings back one of many deleted items does not agree to the loss of the others.
    """
    waiting = _but_parts_of_vanished(_waiting(session, link))
    known = pairs.counts(session, link.id).get("live", 0) + len(waiting)
    ids = [each.pair_id for each, _ in waiting if each.guard != "allowed"]
    if allow and allow >= len(ids):
        deletions.set_guard(session, ids, "allowed")
        return waiting, 0
    allowed = link.deletes.allowed(known)
    if len(ids) <= allowed and not any(each.guard == "held" for each, _ in waiting):
        return waiting, 0
    deletions.set_guard(session, ids, "held")
    return [(each, pair) for each, pair in waiting if each.guard == "allowed"], len(ids)


def _but_parts_of_vanished(waiting: list[tuple[Deletion, Pair]]) -> list[tuple[Deletion, Pair]]:
    """Without the parts of tasks that vanished as well: they wait for what becomes of those."""
    gone = {(each.side, each.item_id) for each, _ in waiting if each.kind == TASK}
    return [
        (each, pair)
        for each, pair in waiting
        if each.kind not in PARTS or (each.side, _task_of(pair, each.side)) not in gone
    ]


def _end_left_out(session: Session, run: Run) -> None:
    """What a filter left out when it was deleted takes nothing with it: its partner stays as it is (S28)."""
    for each, pair in _vanished(session, run.link):
        end = run.link.end(each.side)
        if is_out(run.link, each.side, load_record(pair.record(each.side), end.ref(each.kind, each.item_id))):
            why = f"{each.evidence}; it was out of scope before (S28)"
            vanished.end(session, run.link.id, run.id, pair, each.side, why, run.now(), may_return=True)
            run.tally.counts["unlinked"] += 1


def _waiting(session: Session, link: Link) -> list[tuple[Deletion, Pair]]:
    """What is not dealt with yet, without what has to be left alone while its survivor is out of scope (S28)."""
    found = _vanished(session, link)
    out = resting(session, link, [pair for _, pair in found])
    return [(each, pair) for each, pair in found if pair.id not in out]


def _vanished(session: Session, link: Link) -> list[tuple[Deletion, Pair]]:
    """All that was seen to be gone. A pair that was ended by other means needs nothing more."""
    known = deletions.find(session, link.id)
    by_id = pairs.by_ids(session, {each.pair_id for each in known})
    deletions.forget(session, [each.pair_id for each in known if by_id[each.pair_id].status in ("live", "deleted")])
    return [(each, by_id[each.pair_id]) for each in known if by_id[each.pair_id].status == "vanished"]


async def _deal_alone(run: Run, each: Deletion, pair: Pair) -> bool:
    """One item's trouble is its own: it waits for the next run (S24). The connection's or the container's ends the run."""
    try:
        return await _deal(run, each, pair)
    except ENDING:
        raise
    except TrackerError as error:
        log.info("item.missing", link=run.link.name, item=each.item_id, reason=error.message)
        return False


async def _deal(run: Run, each: Deletion, pair: Pair) -> bool:
    policy = _policy(run.link, each, pair)
    if policy == "unlink":
        await _end(run, each, pair, each.evidence, may_return=True)
        return False
    if run.now() < each.seen_at + timedelta(seconds=run.link.deletes.grace_s) or is_at_ceiling(run):
        return False
    judged = await _judged_again(run, each, pair)
    if isinstance(judged, Record):
        await (_delete if policy == "delete" else _mark)(run, each, pair, judged)
    return judged == "returned"


def _policy(link: Link, each: Deletion, pair: Pair) -> str:
    """What the owner chose for this one (S26). Of the parts of a task ``copies`` means those that Bridge made."""
    if each.moved or each.kind not in (TASK, *PARTS):
        return "unlink"
    if each.kind == TASK:
        return link.deletes.policy
    end = link.end(other(each.side))
    survivor = load_record(pair.record(end.side), end.ref(each.kind, pair.item_id(end.side)))
    wanted = link.deletes.parts == "delete" or (link.deletes.parts == "copies" and link.trusts(survivor.marker))
    return "delete" if wanted and end.connector.kinds()[each.kind].delete else "unlink"


async def _judged_again(run: Run, each: Deletion, pair: Pair) -> Record | Literal["returned", "settled"]:
    """The survivor as it is now, when the other is still gone and nobody has edited this one; else it is settled here.

    Raises: TrackerError of a connection or container that cannot go on.
    """
    end = run.link.end(each.side)
    fields = run.link.poll_fields.get((each.side, each.kind), frozenset())
    try:
        await end.connector.fetch(end.ref(each.kind, each.item_id), fields=fields)
    except GoneError:
        pass
    except (NotFoundError, PermissionError_):
        return "settled"  # no evidence just now: asked again by the next run
    else:
        await run.store.run(inbox.announce, run.link.id, each.kind, each.side, [each.item_id], run.now())
        return "returned"
    side = other(each.side)
    there = run.link.end(side)
    try:
        survivor = await there.connector.fetch(
            there.ref(each.kind, pair.item_id(side)),
            fields=run.link.poll_fields.get((side, each.kind), frozenset()),
        )
    except GoneError:
        await _end(run, each, pair, "deleted on both sides")
        return "settled"
    except (NotFoundError, PermissionError_):
        return "settled"
    return "settled" if await _is_left_alone(run, each, pair, survivor) else survivor


async def _is_left_alone(run: Run, each: Deletion, pair: Pair, survivor: Record) -> bool:
    """Whether nothing is done to the survivor: it was edited, which ends the pair, or is out of scope, so that it waits."""
    side = other(each.side)
    if is_out(run.link, side, survivor):
        await run.store.run(inbox.announce, run.link.id, each.kind, side, [survivor.ref.id], run.now())
        return True
    if _is_edited(run, pair, side, survivor):
        await _end(run, each, pair, f"{each.evidence}; edited on the {side} since: it stays (S26)")
        return True
    return False


def _is_edited(run: Run, pair: Pair, side: Side, record: Record) -> bool:
    """Whether a person changed a mapped field since both sides last agreed: the edit wins (S26)."""
    member = member_of(run.link, pair, side, record)
    for row in run.link.mappings[pair.kind].rows:
        name = row.field(side)
        if name in record.fields and row.normal(side, record.fields[name]) != member.base_of(row, side):
            return True
    return False


async def _end(run: Run, each: Deletion, pair: Pair, why: str, *, may_return: bool = False) -> None:
    """The pair becomes a tombstone. Where nothing else was done, its member may come back (S28)."""
    link, now = run.link.id, run.now()
    await run.store.run(vanished.end, link, run.id, pair, each.side, why, now, may_return=may_return)
    run.tally.counts["unlinked"] += 1


# --- policies --------------------------------------------------------------------------------------------------------


async def _mark(run: Run, each: Deletion, pair: Pair, survivor: Record) -> None:
    """Close, archive or label the survivor; then the pair ends. A refusal parks it and leaves the pair."""
    side, policy = other(each.side), run.link.deletes.policy
    wanted = run.link.deletes.marks(run.link, side, each.kind, survivor.fields)
    rule = f"deleted on the {each.side}, policy {policy} (S26)"
    changes = [
        FieldChange(name, survivor.fields.get(name), value, f"{name}: {rule}")
        for name, value in wanted.items()
        if survivor.fields.get(name) != value
    ]
    if changes:
        members = {at: member_of(run.link, pair, at, survivor if at == side else None) for at in SIDES}
        view = View(pair.kind, pair.entity, pair.id, members["left"], members["right"])
        await apply(run, [force(run.link, view, {side: changes}, MARK)])
    now = (await run.store.read(pairs.by_ids, [pair.id]))[pair.id]
    held = load_record(now.record(side), survivor.ref).fields
    if not changes or all(held.get(name) == value for name, value in wanted.items()):
        await _end(run, each, now, f"{each.evidence}; policy {policy} on the {side} (S26)")


async def _delete(run: Run, each: Deletion, pair: Pair, survivor: Record) -> None:
    """Delete the survivor; the history keeps the whole record."""
    side = other(each.side)
    rule = f"deleted on the {each.side}, policy delete (S26)"
    changes = tuple(FieldChange(name, value, None, rule) for name, value in sorted(survivor.fields.items()))
    title = title_of(survivor)
    order = Delete(pair.kind, side, pair.id, survivor.ref, survivor.version, survivor.url, title, changes, rule)
    try:
        await remove(run, order)
    except UnknownOutcome:
        return  # the next run finds out
    except (RejectedError, PermissionError_) as refused:
        stuck = Stuck(
            pair.kind, side, survivor.ref.id, "not-deleted", refused.message, "", title, survivor.url, refused.hint
        )
        await run.store.run(_park, run, stuck)
        return
    await run.store.run(deletions.forget, [pair.id])
    run.tally.counts["deleted"] += 1


def _park(session: Session, run: Run, stuck: Stuck) -> None:
    parked.park(session, run.link.id, [stuck], config_hash=run.link.config_hash, now=run.now())
