"""Brings a pair back whose member was deleted, or that was unlinked: from the survivor, else from what the state still
holds of both (S26).

Refuses: a pair that is synced; deciding which pair is meant.
"""

from __future__ import annotations

from bridge.engine.apply import apply
from bridge.engine.context import Run
from bridge.engine.plan import Member, View, plan_view
from bridge.engine.relink import relink
from bridge.engine.report import State
from bridge.engine.run import settle_all
from bridge.errors import ConfigError, GoneError
from bridge.model import SIDES, Marker, Record, Side, other
from state import deletions, history, inbox, pairs
from state.codec import load_record
from state.history import Entry
from state.pairs import Pair
from state.store import Session


async def restore(run: Run, pair_id: int) -> State:
    """Look at both members, make again what is gone, and sync the pair from then on.

    Raises: ConfigError when there is nothing to restore; TrackerError when a member cannot be read.
    """
    pair = (await run.store.read(pairs.by_ids, [pair_id])).get(pair_id)
    if pair is None or pair.link_id != run.link.id or pair.kind not in run.link.mappings:
        raise ConfigError(f"link {run.link.name} has no such pair.")
    if pair.status == "live":
        raise ConfigError("it is synced already.", hint="bridge why shows what it waits for.")
    there = {side: await _read(run, pair, side) for side in SIDES}
    gone = [side for side in SIDES if there[side] is None]
    if not gone:
        await run.store.run(_relink, run, pair)
        return await settle_all(run)
    if len(gone) == 2:  # from the last record of one side the other is made, and from that the first again
        stored = load_record(pair.left, run.link.left.ref(pair.kind, pair.left_id))
        made = await _make(run, pair, "right", stored, is_there=False)
        if made is None:
            return "done"
        pair, gone = made, ["left"]
        there["right"] = await _read(run, pair, "right")
    survivor = there[other(gone[0])]
    assert survivor is not None
    await _make(run, pair, gone[0], survivor, is_there=True)
    return await settle_all(run)


async def _read(run: Run, pair: Pair, side: Side) -> Record | None:
    end = run.link.end(side)
    fields = run.link.poll_fields.get((side, pair.kind), frozenset())
    try:
        return await end.connector.fetch(end.ref(pair.kind, pair.item_id(side)), fields=fields)
    except GoneError:
        return None


async def _make(run: Run, pair: Pair, target: Side, source: Record, *, is_there: bool) -> Pair | None:
    """Create the missing member from ``source``, with all that a create has (intent, marker, at most one)."""
    await run.store.run(_make_way, run, pair, target, is_there=is_there)
    member = Member(source, None)
    left, right = (member, None) if target == "right" else (None, member)
    view = View(pair.kind, pair.entity, left=left, right=right, marker=Marker.of(source.ref))
    await apply(run, [plan_view(run.link, view)])
    known = await run.store.read(pairs.by_items, run.link.id, pair.kind, other(target), [source.ref.id])
    return known.get(source.ref.id)


def _make_way(session: Session, run: Run, pair: Pair, target: Side, *, is_there: bool) -> None:
    """Take the tombstone away, and leave the survivor to the next run should this one end here."""
    pairs.remove(session, [pair.id])
    source = other(target)
    if is_there:
        inbox.announce(session, run.link.id, pair.kind, source, [pair.item_id(source)], run.now())
    rule = f"{pair.item_id(target)} is made again from {pair.item_id(source)}"
    item = pair.item_id(source)
    entry = Entry(run.link.id, run.id, pair.kind, source, item, "restore", run.now(), pair.id, rule=rule)
    history.add_many(session, [entry])


def _relink(session: Session, run: Run, pair: Pair) -> None:
    deletions.forget(session, [pair.id])
    relink(session, run.link.id, pair, "restored: both sides are there", run.now())
