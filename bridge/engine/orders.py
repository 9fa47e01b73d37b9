"""What a person or a policy ordered: removing a record, and finding out what became of ordered writes that were not
answered (S3, S18). They cannot be judged by reading alone: taken for a person's edit, an undo would be carried over.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import structlog
from msgspec.structs import replace

from bridge.engine.context import Run
from bridge.engine.forced import force
from bridge.engine.pair import member_of
from bridge.engine.plan import View
from bridge.engine.sets import members
from bridge.engine.settle import settle
from bridge.engine.wave import Finished, Sent
from bridge.errors import ENDING, GoneError, LockedError, TrackerError, UnknownOutcome
from bridge.merge import delta, key
from bridge.model import SIDES, Delete, FieldChange, Record, Side, Update, Value, other
from connectors.base import Step
from state import conflicts, history, inbox, intents, leases, pairs, parked
from state.codec import dump, load, load_record
from state.history import Entry
from state.pairs import Pair
from state.store import Session
from state.tables import IntentRow

log = structlog.get_logger(__name__)

UNDO: Final = "undo"
"""The verb of an intent, and the action in the history, of a write that takes one back."""

REMOVE: Final = "remove"
"""The verb of an intent to delete a record. Its action in the history is ``delete``."""

MARK: Final = "mark"
"""The verb of an intent, and the action in the history, of a write that says on a survivor that its partner is gone."""

MOVE: Final = "move"
"""The verb of an intent to delete a record that is made anew elsewhere. Its action in the history is ``delete``."""

VERBS: Final = (UNDO, REMOVE, MARK, MOVE)


async def remove(run: Run, order: Delete, verb: str = REMOVE) -> None:
    """Delete one record of a pair, which becomes a tombstone: its partner is never taken for new (S28). With ``MOVE`` the
    pair goes altogether and the partner gets another one.

    Raises: LockedError; TrackerError where the tracker refuses, or where nobody knows (its intent stays then, S18).
    """
    intent = await run.store.run(_intend, run, order, verb)
    try:
        await run.link.end(order.side).connector.delete(order.item, before_send=run.check_fence)
    except GoneError:
        log.debug("write.absent", side=order.side, item=order.item.id)  # somebody was quicker
    except UnknownOutcome:
        raise
    except TrackerError:
        await run.store.run(intents.remove, [intent])
        raise
    run.tally.counts[f"writes_{order.side}"] += 1
    await run.store.run(_removed, run, intent, order.pair, order.side, order.changes, verb)


async def find_out(run: Run, intent: IntentRow) -> None:
    """Whether an ordered write without an answer happened, and then store it. What cannot be read keeps its intent."""
    side: Side = "left" if intent.side == "left" else "right"
    end = run.link.end(side)
    changes = load(intent.changes)
    wanted = run.link.poll_fields.get((side, intent.kind), frozenset()) | frozenset(changes)
    try:
        record = await end.connector.fetch(end.ref(intent.kind, intent.item_id or ""), fields=wanted)
    except ENDING:
        raise
    except GoneError:
        if intent.verb in (REMOVE, MOVE):
            await run.store.run(_removed, run, intent.id or 0, intent.pair_id or 0, side, _changes(intent), intent.verb)
        else:
            await run.store.run(intents.remove, [intent.id or 0])
        return
    except TrackerError as error:  # this item's trouble: it is asked about again in the next run (S24)
        log.info("recovery.waiting", connection=end.connection, reason=error.message)
        return
    if intent.verb in (REMOVE, MOVE):
        await run.store.run(intents.remove, [intent.id or 0])
        log.info("write.absent", side=side, item=record.ref.id)
    elif await run.store.run(_found, run, intent, side, record):
        log.info("write.recovered", side=side, item=record.ref.id)


def _intend(session: Session, run: Run, order: Delete, verb: str) -> int:
    if not leases.check_fence(session, run.link.id, run.fence):
        raise LockedError(f'link "{run.link.name}": another process took over while this run was paused')
    row = {
        "link_id": run.link.id,
        "run_id": run.id,
        "pair_id": order.pair,
        "kind": order.kind,
        "side": order.side,
        "verb": verb,
        "step": verb,
        "item_id": order.item.id,
        "source_id": None,
        "entity": "",
        "marker": "",
        "create_key": None,
        "changes": dump({change.field: (change.before, order.rule, None) for change in order.changes}),
        "cursor": None,
        "state": "sent",
        "attempts": 1,
        "fence": run.fence,
        "created_at": run.now(),
    }
    return intents.add_many(session, [row])[0]


def _removed(
    session: Session, run: Run, intent: int, pair_id: int, side: Side, changes: Sequence[FieldChange], verb: str
) -> None:
    """The record is gone: what it held is in the history. The pair stays as a tombstone, so that its partner is never
    taken for a new item; or it goes, and its partner is new.
    """
    intents.remove(session, [intent])
    pair = pairs.by_ids(session, [pair_id]).get(pair_id)
    if pair is None or pair.status == "deleted":
        return
    rule = changes[0].rule if changes else "undo"
    pairs.set_status(session, pair_id, "deleted", rule)
    conflicts.close_settled(session, [pair_id], (), now=run.now(), by=rule)
    for at in SIDES:
        item = pair.item_id(at)
        parked.clear(session, run.link.id, pair.kind, at, [item])
        waiting = inbox.get_many(session, run.link.id, pair.kind, at, [item])
        inbox.remove(session, run.link.id, pair.kind, list(waiting.values()))
    if verb == MOVE:
        _let_go(session, run, pair, side)
    item, now = pair.item_id(side), run.now()
    history.add_many(
        session,
        [
            Entry(
                run.link.id, run.id, pair.kind, side, item, "delete", now, pair_id, each.field, each.before, rule=rule
            )
            for each in changes
        ],
    )


def _let_go(session: Session, run: Run, pair: Pair, side: Side) -> None:
    """The partner of what was taken away gets another one. Where it was made from what is gone, the tombstone stays and
    says so: a copy whose original is missing would wait for a person.
    """
    there = run.link.end(other(side))
    partner = load_record(pair.record(there.side), there.ref(pair.kind, pair.item_id(there.side)))
    if partner.marker is not None:
        pairs.release(session, pair.id, there.side)
    else:
        pairs.remove(session, [pair.id])
    inbox.announce(session, run.link.id, pair.kind, there.side, [partner.ref.id], run.now())


def _found(session: Session, run: Run, intent: IntentRow, side: Side, record: Record) -> bool:
    """Settle an ordered update whose answer was lost, as far as the record shows that it happened."""
    pair = pairs.by_ids(session, [intent.pair_id or 0]).get(intent.pair_id or 0)
    done = [change for change in _changes(intent) if _happened(run, intent.kind, side, change, record)]
    if pair is None or pair.status not in ("live", "vanished") or not done:
        intents.remove(session, [intent.id or 0])
        return False
    earlier = replace(record, fields={**record.fields, **{change.field: change.before for change in done}})
    sides = {at: member_of(run.link, pair, at, earlier if at == side else None) for at in SIDES}
    view = View(pair.kind, pair.entity, pair.id, sides["left"], sides["right"])
    work = force(run.link, view, {side: done}, intent.verb)
    (operation,) = work.operations
    assert isinstance(operation, Update)
    written = {change.field: change.after for change in done}
    sent = Sent(operation, Step(intent.step, frozenset(written)), written, intent.id or 0, record=record)
    settle(session, run, [Finished(work, {side: sent})])
    return True


def _happened(run: Run, kind: str, side: Side, change: FieldChange, record: Record) -> bool:
    now = record.fields.get(change.field)
    if isinstance(change.after, tuple) or isinstance(change.before, tuple):
        moved, there = delta(members(change.before), members(change.after)), {key(name) for name in members(now)}
        return all(key(name) in there for name in moved.added) and not any(key(name) in there for name in moved.removed)
    row = next((row for row in run.link.mappings[kind].rows if row.field(side) == change.field), None)
    return now == change.after if row is None else row.normal(side, now) == row.normal(side, change.after)


def _changes(intent: IntentRow) -> list[FieldChange]:
    return [
        FieldChange(name, _value(before), _value(after), str(rule))
        for name, (before, rule, after) in sorted(load(intent.changes).items())
    ]


def _value(held: object) -> Value:
    return tuple(held) if isinstance(held, list) else held  # type: ignore[return-value]
