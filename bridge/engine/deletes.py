"""What becomes of pairs that lost a member (S26–S28): what comes back, edits, grace, guard and policy decide, in this order.

Refuses: judging what is evidence (vanished.py and the connectors do).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

import structlog

from bridge.engine import vanished
from bridge.engine.apply import apply
from bridge.engine.context import Run
from bridge.engine.outcome import Outcome, Sight
from bridge.engine.pair import member_of
from bridge.engine.plan import View, Work, title_of
from bridge.errors import GoneError, LockedError, NotFoundError, PermissionError_, RejectedError, UnknownOutcome
from bridge.model import SIDES, FieldChange, Fields, Record, Side, Unset, Update, other
from state import deletions, history, inbox, intents, leases, pairs, parked
from state.codec import dump, load_record
from state.deletions import Deletion
from state.history import Entry
from state.pairs import Pair
from state.parked import Stuck
from state.store import Session

log = structlog.get_logger(__name__)


# --- dealing with it -------------------------------------------------------------------------------------------------


async def deal_with_vanished(run: Run) -> bool:
    """What the evidence so far allows, in the order of S25–S28. True when something came back and is to be planned."""
    waiting = await run.store.read(deletions.find, run.link.id)
    if not waiting:
        return False
    there = await run.store.run(_take_back, run, waiting)
    waiting = [each for each in waiting if each.pair_id not in there]
    rule = run.link.deletes
    known = await run.store.read(pairs.counts, run.link.id)
    allowed = max(run.allow_deletes, rule.allowed(known.get("live", 0) + known.get("vanished", 0)))
    if len(waiting) > allowed:
        run.tally.counts["guarded"] = len(waiting)
        log.error("deletes.guarded", link=run.link.name, vanished=len(waiting), allowed=allowed)
        run.progress.message(
            f"{len(waiting)} items vanished, {allowed} are allowed in a run: none was dealt with. If it is right: "
            f"bridge sync {run.link.name} --allow-deletes {len(waiting)}"
        )
        return bool(there)
    for each in waiting:
        if each.kind in run.link.mappings:
            await _deal(run, each)
    if left := await run.store.read(deletions.count, run.link.id):
        run.tally.counts["vanished"] = left
    return bool(there)


def _take_back(session: Session, run: Run, waiting: Sequence[Deletion]) -> set[int]:
    """Those that a listing or a fetch has shown since: they are synced again (S28)."""
    found = set()
    for each in waiting:
        row = inbox.get_many(session, run.link.id, each.kind, each.side, [each.item_id]).get(each.item_id)
        if row is not None and row.record is not None:
            _revive(session, run, each, "it is there again")
            found.add(each.pair_id)
    return found


def _revive(session: Session, run: Run, each: Deletion, why: str) -> None:
    pairs.set_status(session, each.pair_id, "live", why)
    deletions.forget(session, [each.pair_id])
    entry = Entry(run.link.id, run.id, each.kind, each.side, each.item_id, "return", run.now(), each.pair_id, rule=why)
    history.add_many(session, [entry])


async def _deal(run: Run, each: Deletion) -> None:
    policy = run.link.deletes.policy if each.kind == "task" and not each.moved else "unlink"
    pair = (await run.store.read(pairs.by_ids, [each.pair_id]))[each.pair_id]
    if policy == "unlink":
        await run.store.run(_end, run, each, pair, each.evidence)
    elif run.now() >= each.seen_at + timedelta(seconds=run.link.deletes.grace_s):
        survivor = await _judged_again(run, each, pair)
        if survivor is not None:
            await (_delete if policy == "delete" else _mark)(run, each, pair, survivor)


async def _judged_again(run: Run, each: Deletion, pair: Pair) -> Record | None:
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
        return None  # no evidence just now: asked again by the next run
    else:
        await run.store.run(_revive, run, each, "it is there again")
        await run.store.run(inbox.announce, run.link.id, each.kind, each.side, [each.item_id], run.now())
        return None
    side = other(each.side)
    there = run.link.end(side)
    try:
        survivor = await there.connector.fetch(
            there.ref(each.kind, pair.item_id(side)),
            fields=run.link.poll_fields.get((side, each.kind), frozenset()),
        )
    except GoneError:
        await run.store.run(_end, run, each, pair, "deleted on both sides")
        return None
    except (NotFoundError, PermissionError_):
        return None
    if _is_edited(run, pair, side, survivor):
        await run.store.run(_end, run, each, pair, f"{each.evidence}; edited on the {side} since: it stays (S26)")
        return None
    return survivor


def _is_edited(run: Run, pair: Pair, side: Side, record: Record) -> bool:
    """Whether a person changed a mapped field since both sides last agreed: the edit wins (S26)."""
    member = member_of(run.link, pair, side, record)
    for row in run.link.mappings[pair.kind].rows:
        name = row.field(side)
        if name in record.fields and row.normal(side, record.fields[name]) != member.base_of(row, side):
            return True
    return False


def _end(session: Session, run: Run, each: Deletion, pair: Pair, why: str) -> None:
    vanished.end(session, run.link.id, run.id, pair, each.side, why, run.now())
    run.tally.counts["unlinked"] += 1


# --- policies close, archive, label ----------------------------------------------------------------------------------


async def _mark(run: Run, each: Deletion, pair: Pair, survivor: Record) -> None:
    """Say on the survivor that its partner is gone; then the pair ends. A refusal parks it and leaves the pair."""
    side = other(each.side)
    wanted = run.link.deletes.marks(run.link, side, each.kind, survivor.fields)
    work = _marking(run, pair, side, survivor, wanted, f"deleted on the {each.side}, policy {run.link.deletes.policy}")
    if work.operations:
        await apply(run, [work])
    now = (await run.store.read(pairs.by_ids, [pair.id]))[pair.id]
    held = load_record(now.record(side), survivor.ref).fields
    if all(held.get(name) == value for name, value in wanted.items()):
        await run.store.run(_end, run, each, now, f"{each.evidence}; {run.link.deletes.policy} on the {side} (S26)")


def _marking(run: Run, pair: Pair, side: Side, survivor: Record, wanted: Fields, rule: str) -> Work:
    members = {each: member_of(run.link, pair, each, survivor if each == side else None) for each in SIDES}
    changes = tuple(
        FieldChange(name, survivor.fields.get(name), value, f"{name}: {rule} (S26)")
        for name, value in wanted.items()
        if survivor.fields.get(name) != value
    )
    sights, outcomes = [], []
    for row in run.link.mappings[pair.kind].rows:
        values = {each: row.normal(each, members[each].record.fields.get(row.field(each))) for each in SIDES}
        bases = {each: members[each].base_of(row, each) for each in SIDES}
        sights.append(Sight(values["left"], values["right"], bases["left"], bases["right"]))
        forced = {side: wanted[row.field(side)]} if row.field(side) in wanted else {}
        outcomes.append(Outcome("forced", **forced, rule=rule) if forced else Outcome("same"))  # type: ignore[arg-type]
    view = View(pair.kind, pair.entity, pair.id, members["left"], members["right"])
    update = Update(pair.kind, side, pair.id, survivor.ref, survivor.version, survivor.url, title_of(survivor), changes)
    return Work(view, tuple(sights), tuple(outcomes), (update,) if changes else ())


# --- policy delete ---------------------------------------------------------------------------------------------------


async def _delete(run: Run, each: Deletion, pair: Pair, survivor: Record) -> None:
    """Delete the survivor: intent first (S18), with the whole record kept in the history."""
    side = other(each.side)
    intent = await run.store.run(_intend, run, pair, side)
    try:
        await run.link.end(side).connector.delete(survivor.ref, before_send=run.check_fence)
    except UnknownOutcome:
        return  # found out about by the next run, which reads the record
    except GoneError:
        pass
    except (RejectedError, PermissionError_) as refused:
        await run.store.run(_refused, run, each, pair, survivor, intent, refused)
        return
    run.tally.counts[f"writes_{side}"] += 1
    run.tally.counts["deleted"] += 1
    await run.store.run(_deleted, run, each, pair, survivor, intent)


def _intend(session: Session, run: Run, pair: Pair, side: Side) -> int:
    if not leases.check_fence(session, run.link.id, run.fence):
        raise LockedError(f'link "{run.link.name}": another process took over while this run was paused')
    row = {
        "link_id": run.link.id,
        "run_id": run.id,
        "pair_id": pair.id,
        "kind": pair.kind,
        "side": side,
        "verb": "delete",
        "step": "delete",
        "item_id": pair.item_id(side),
        "entity": pair.entity,
        "changes": dump({}),
        "state": "sent",
        "attempts": 1,
        "fence": run.fence,
        "created_at": run.now(),
    }
    return intents.add_many(session, [row])[0]


def _deleted(session: Session, run: Run, each: Deletion, pair: Pair, survivor: Record, intent: int) -> None:
    side = other(each.side)
    history.add_many(
        session,
        [
            Entry(
                run.link.id,
                run.id,
                pair.kind,
                side,
                survivor.ref.id,
                "delete",
                run.now(),
                pair.id,
                name,
                value,
                rule=f"deleted on the {each.side}, policy delete (S26)",
            )
            for name, value in sorted(survivor.fields.items())
            if not isinstance(value, Unset)
        ],
    )
    intents.remove(session, [intent])
    why = f"{each.evidence}; deleted on the {side} (S26)"
    vanished.end(session, run.link.id, run.id, pair, each.side, why, run.now())
    pairs.set_status(session, pair.id, "deleted", why)


def _refused(
    session: Session,
    run: Run,
    each: Deletion,
    pair: Pair,
    survivor: Record,
    intent: int,
    refused: RejectedError | PermissionError_,
) -> None:
    intents.remove(session, [intent])
    stuck = Stuck(
        pair.kind, other(each.side), survivor.ref.id, "not-deleted", refused.message, title=title_of(survivor),
        url=survivor.url, hint=refused.hint,
    )  # fmt: skip
    parked.park(session, run.link.id, [stuck], config_hash=run.link.config_hash, now=run.now())
