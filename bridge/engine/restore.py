"""Brings a pair back whose member was deleted, or that was unlinked: from the survivor, else from what the state still
holds of both (S26).

Refuses: a pair that is synced; deciding which pair is meant.
"""

from __future__ import annotations

from bridge.engine.apply import apply
from bridge.engine.context import Run
from bridge.engine.plan import Member, View, plan_view
from bridge.engine.recover import recover
from bridge.engine.references import of_members
from bridge.engine.relink import pin, relink, unlink
from bridge.engine.report import State
from bridge.engine.run import settle_all
from bridge.errors import ConfigError, GoneError
from bridge.model import SIDES, Marker, Record, Side, other
from state import deletions, history, intents, links, pairs, parked
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
    if elsewhere := await run.store.run(_join_with_known, run, pair, gone):
        return await settle_all(run) if len(elsewhere) == len(gone) else await restore(run, elsewhere[0])
    if len(gone) == 2:  # from the last record of one side the other is made, and from that the first again
        stored = load_record(pair.left, run.link.left.ref(pair.kind, pair.left_id))
        pair = await _make(run, pair, "right", stored)
        await run.store.run(pairs.set_status, pair.id, "unlinked", "restored on the right, not yet on the left")
        there["right"] = await _read(run, pair, "right")
        gone = ["left"]
    survivor = there[other(gone[0])]
    if survivor is None:
        raise ConfigError("it was made again and cannot be read yet.", hint="Call bridge restore again in a moment.")
    await _make(run, pair, gone[0], survivor)
    return await settle_all(run)


async def _read(run: Run, pair: Pair, side: Side) -> Record | None:
    end = run.link.end(side)
    fields = run.link.poll_fields.get((side, pair.kind), frozenset())
    try:
        return await end.connector.fetch(end.ref(pair.kind, pair.item_id(side)), fields=fields)
    except GoneError:
        return None


def _join_with_known(session: Session, run: Run, pair: Pair, gone: list[Side]) -> list[int]:
    """Where another link has a member in the place of what is gone (it was restored there), that one is meant: a second
    one would be a double (S8a). The new pair's id, once for each side that was found.
    """
    link, ids, now = run.link, {side: pair.item_id(side) for side in SIDES}, run.now()
    for side in gone:
        end = link.end(side)
        ids[side] = pairs.living(session, end.connection, end.container, pair.kind, pair.entity) or ids[side]
    found = [side for side in gone if ids[side] != pair.item_id(side)]
    if found:
        pin(session, links.get(session, link.id), pair.kind, ids["left"], ids["right"], "restored", now)
        made = pairs.by_items(session, link.id, pair.kind, "left", [ids["left"]])[ids["left"]]
        if len(found) < len(gone):
            unlink(session, link.id, run.id, made, found[0], "restored on one side", now)
        return [made.id for _ in found]
    return []


async def _make(run: Run, pair: Pair, target: Side, source: Record) -> Pair:
    """Create the missing member from ``source``, with all that a create has (intent, marker, at most one). Its tombstone
    stands until the new pair takes its place, so that a restore which is killed or refused can be called again.

    Raises: ConfigError when the tracker refuses; TrackerError.
    """
    await run.store.run(_begin, run, pair, target)
    member = Member(source, None)
    left, right = (member, None) if target == "right" else (None, member)
    refs = await run.store.read(of_members, run.link, pair.kind, {"left": [left], "right": [right]})
    view = View(pair.kind, pair.entity, pair.id, left, right, marker=Marker.of(source.ref), refs=refs)
    await apply(run, [plan_view(run.link, view)])
    if await run.store.read(intents.unfinished, run.link.id):
        await recover(run)
    known = await run.store.read(pairs.by_items, run.link.id, pair.kind, other(target), [source.ref.id])
    made = known.get(source.ref.id)
    if made is None or made.item_id(target) == pair.item_id(target):
        why = await run.store.run(_why_not, run, pair.kind, other(target), source.ref.id)
        raise ConfigError(
            f"it was not made again on the {target}: {why}",
            hint="Nothing is lost: put that right and call bridge restore again.",
        )
    return made


def _begin(session: Session, run: Run, pair: Pair, target: Side) -> None:
    """From here on no policy for deleted items may act on its survivor (S26)."""
    if pair.status == "vanished":
        pairs.set_status(session, pair.id, "unlinked", pair.reason)
        deletions.forget(session, [pair.id])
    source = other(target)
    item = pair.item_id(source)
    rule = f"{pair.item_id(target)} is made again from {item}"
    entry = Entry(run.link.id, run.id, pair.kind, source, item, "restore", run.now(), pair.id, rule=rule)
    history.add_many(session, [entry])


def _why_not(session: Session, run: Run, kind: str, side: Side, item: str) -> str:
    """What the create was refused for. It is told to who asked for it, and waits for nobody."""
    held = parked.by_items(session, run.link.id, kind, side, [item]).get(item, [])
    parked.clear(session, run.link.id, kind, side, [item])
    return "; ".join(each.message for each in held) or "the log has the tracker's answer."


def _relink(session: Session, run: Run, pair: Pair) -> None:
    relink(session, run.link.id, pair, "restored: both sides are there", run.now())
