"""What became of the writes an earlier run did not see answered? Found out before anything else (S3, S18, S19)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import structlog

from bridge.engine import orders
from bridge.engine.asleep import TASK
from bridge.engine.batch import merged
from bridge.engine.binding import bound
from bridge.engine.context import Run
from bridge.engine.created import bases_of_created, overlay
from bridge.engine.link import Link
from bridge.engine.plan import PARTS
from bridge.engine.references import of_values
from bridge.engine.vanished import note_gone
from bridge.errors import ENDING, GoneError, TrackerError
from bridge.model import SIDES, Marker, Record, Ref, Side, Unset, Value, other
from state import history, inbox, intents, pairs
from state.codec import dump_base, dump_record, load, load_record
from state.history import Entry
from state.store import Session
from state.tables import IntentRow

log = structlog.get_logger(__name__)

_MARGIN = timedelta(seconds=1)
_LONGEST_SEND = timedelta(minutes=5)
"""More than pacing, retries and time-outs can keep a request back after its intent."""


async def recover(run: Run) -> None:
    """Settle every intent of this link. Afterwards none is left, or a tracker's error was raised and all of them are."""
    unknown = await run.store.read(intents.unfinished, run.link.id)
    if not unknown:
        return
    run.progress.message(f"finding out about {len(unknown)} writes that were not answered")
    await run.store.run(_announce, run, [each for each in unknown if each.verb not in ("create", *orders.VERBS)])
    for intent in unknown:
        if intent.verb in orders.VERBS:
            await orders.find_out(run, intent)
    creates: dict[tuple[Side, str], list[IntentRow]] = defaultdict(list)
    for intent in unknown:
        if intent.verb == "create":
            side: Side = "left" if intent.side == "left" else "right"
            creates[side, intent.kind].append(intent)
    for (side, kind), some in creates.items():
        await _find_out(run, side, kind, some)


def _announce(session: Session, run: Run, updates: Sequence[IntentRow]) -> None:
    """An update is found out about by reading its item: if it went through, both sides agree and nothing is sent."""
    for intent in updates:
        side: Side = "left" if intent.side == "left" else "right"
        inbox.announce(session, run.link.id, intent.kind, side, [intent.item_id or ""], run.now())
    intents.remove(session, [intent.id or 0 for intent in updates])


async def _find_out(run: Run, side: Side, kind: str, creates: Sequence[IntentRow]) -> None:
    """Look for the markers; what is not there after the connector's index lag was never made."""
    end = run.link.end(side)
    wanted = {_marker(intent): intent for intent in creates}
    since = creates[0].cursor  # the oldest intent's: cursors only move on
    look = end.connector.find if end.connector.kinds()[kind].find or kind not in PARTS else _by_values(run, side)
    found = await look(end.container, kind, wanted, since)
    missing = [intent for marker, intent in wanted.items() if marker not in found]
    if missing:
        wait = _remaining_lag(run, side, kind, missing)
        if wait > 0:
            log.info("recovery.waiting", seconds=wait, connection=end.connection)
            await run.sleep(wait)
            found = {**found, **await look(end.container, kind, wanted, since)}
    for marker, intent in wanted.items():
        record = found.get(marker)
        if record is None:
            await run.store.run(intents.remove, [intent.id or 0])
            log.info("write.absent", side=side, marker=marker.id)
        else:
            await _pair_up(run, side, intent, record)


def _by_values(run: Run, side: Side) -> Callable[..., Awaitable[Mapping[Marker, Record]]]:
    """Look where records have no place for a marker: for one that nobody else is paired with and that holds what was sent.

    Of several that are alike in all of it, each is as good as the other.
    """

    async def find(
        container: str, kind: str, wanted: Mapping[Marker, IntentRow], since: str | None
    ) -> Mapping[Marker, Record]:
        fields = run.link.poll_fields.get((side, kind), frozenset())
        pages = run.link.end(side).connector.pull(container, kind, since, fields=fields, sweep=True)
        there = {record.ref.id: record async for page in pages for record in page.records}
        known = await run.store.read(pairs.by_items, run.link.id, kind, side, there)
        free = [record for item_id, record in sorted(there.items()) if item_id not in known]
        rows = {row.field(side): row for row in run.link.mappings[kind].rows}
        found: dict[Marker, Record] = {}
        for marker, intent in wanted.items():
            sent = {name: _value(held[2]) for name, held in load(intent.changes).items() if name in rows}
            for record in free:
                held = record.fields
                if all(rows[name].normal(side, held.get(name)) == rows[name].normal(side, sent[name]) for name in sent):
                    found[marker] = record
                    free.remove(record)
                    break
        return found

    return find


async def _pair_up(run: Run, side: Side, intent: IntentRow, found: Record) -> None:
    """Pair a create that went through with the record it was made from."""
    try:
        target = await _complete(run, side, found)
        source = await _source(run, other(side), intent)
    except ENDING:
        raise
    except GoneError as gone:
        await run.store.run(_bereave, run, intent, found, gone)
        log.info("write.orphaned", side=side, marker=intent.marker, reason=gone.message)
        return
    except TrackerError as error:  # which proves nothing: the intent stays, and is asked about in the next run (S24)
        log.info("recovery.waiting", connection=run.link.end(side).connection, reason=error.message)
        return
    await run.store.run(_adopt, run, intent, source, target)
    run.tally.counts[f"recovered_{side}"] += 1
    run.tally.joined += intent.kind == TASK
    log.info("write.recovered", side=side, marker=intent.marker, item=target.ref.id)


def _bereave(session: Session, run: Run, intent: IntentRow, target: Record, gone: GoneError) -> None:
    """What the new record was made from is gone by now: a pair of which one is missing, so that the policy has its say
    (S26), and the other is never taken for new (S28).
    """
    side: Side = "left" if intent.side == "left" else "right"
    task = target.fields.get(TASK) if intent.kind in PARTS else None
    refs = of_values(session, run.link, intent.kind, {side: [target.fields], other(side): []})
    there = (refs.left_of if side == "right" else refs.right_of).get(str(task))
    source = Record(
        run.link.end(other(side)).ref(intent.kind, intent.source_id or ""), {TASK: there} if there else {}, ""
    )
    sent = {name: _value(held[2]) for name, held in load(intent.changes).items()}
    known = [(row, row.field(side)) for row in run.link.mappings[intent.kind].rows if row.field(side) in sent]
    base = overlay(
        [(name, row.normal(side, sent[name]), row.normal(side, target.fields.get(name))) for row, name in known]
    )
    _make_way(session, intent)
    old = inbox.get_many(session, run.link.id, intent.kind, other(side), {source.ref.id})
    inbox.remove(session, run.link.id, intent.kind, list(old.values()))  # what it said before it went
    left, right = (target, source) if side == "left" else (source, target)
    bases = (base, {}) if side == "left" else ({}, base)
    pair_id = pairs.add_one(session, _pair(run, intent, _Halves(left, right, *bases)))
    pair = pairs.by_ids(session, [pair_id])[pair_id]
    note_gone(session, run.link.id, run.id, pair, other(side), gone.message, run.now(), moved=bool(gone.moved_to))
    intents.remove(session, [intent.id or 0])


async def _complete(run: Run, side: Side, record: Record) -> Record:
    """A feed may not show every field; what a write is judged by must be whole."""
    wanted = run.link.mappings[record.ref.kind].fields(side)
    if wanted <= record.fields.keys():
        return record
    return await run.link.end(side).connector.fetch(record.ref, fields=wanted)


def _marker(intent: IntentRow) -> Marker:
    source, _, item = intent.marker.partition(" ")
    return Marker(source, item)


def _remaining_lag(run: Run, side: Side, kind: str, missing: Sequence[IntentRow]) -> float:
    """Seconds until the youngest create must be visible if it happened.

    An intent says when it was committed, not when its request left, which pacing and retries may put off: so the whole
    lag is waited for unless the intent is older than that can be.
    """
    lag = timedelta(seconds=run.link.end(side).connector.kinds()[kind].index_lag_s)
    youngest = max(intent.created_at for intent in missing)
    if not lag or run.now() - youngest > lag + _LONGEST_SEND:
        return 0.0
    return (lag + _MARGIN).total_seconds()


async def _source(run: Run, side: Side, intent: IntentRow) -> Record:
    """The record the create was made from: still in the inbox, else read again. Of a part no feed may tell that it went
    meanwhile, so it is looked for. Raises GoneError.
    """
    end = run.link.end(side)
    ref = end.ref(intent.kind, intent.source_id or "")
    fields = run.link.poll_fields.get((side, intent.kind), frozenset())
    now = await end.connector.fetch(ref, fields=fields) if intent.kind in PARTS else None
    rows = await run.store.read(inbox.get_many, run.link.id, intent.kind, side, {ref.id})
    row = rows.get(ref.id)
    if row is not None and row.record is not None:
        return load_record(row.record, ref)
    return now or await end.connector.fetch(ref, fields=fields)


@dataclass(frozen=True, slots=True)
class _Halves:
    left: Record
    right: Record
    base_left: Mapping[str, Value | Unset]
    base_right: Mapping[str, Value | Unset]


def _adopt(session: Session, run: Run, intent: IntentRow, source: Record, target: Record) -> None:
    """Pair a create that went through with its source; what it did not carry is left for an ordinary update."""
    side: Side = "left" if intent.side == "left" else "right"
    _make_way(session, intent)
    known = pairs.by_items(session, run.link.id, intent.kind, side, {target.ref.id})
    taken = pairs.by_items(session, run.link.id, intent.kind, other(side), {source.ref.id})
    if not known and not taken:
        halves = _halves(session, run.link, intent, side, source, _seen(session, run, side, target))
        pair_id = pairs.add_one(session, _pair(run, intent, halves))
        history.add_many(session, [_entry(run, intent, target.ref, pair_id)])
    intents.remove(session, [intent.id or 0])


def _make_way(session: Session, intent: IntentRow) -> None:
    """Take the tombstone away that a create of ``restore.py`` was to replace."""
    old = pairs.by_ids(session, [] if intent.pair_id is None else [intent.pair_id])
    pairs.remove(session, [pair.id for pair in old.values() if pair.status != "live"])


def _pair(run: Run, intent: IntentRow, halves: _Halves) -> dict[str, Any]:
    return {
        "link_id": run.link.id,
        "kind": intent.kind,
        "entity": intent.entity,
        "left_id": halves.left.ref.id,
        "right_id": halves.right.ref.id,
        "left": dump_record(halves.left),
        "right": dump_record(halves.right),
        "base_left": dump_base(halves.base_left),
        "base_right": dump_base(halves.base_right),
        "status": "live",
        "reason": "recovered",
        "created_run": run.id,
        "settled_run": run.id,
        "unfinished": True,
    }


def _seen(session: Session, run: Run, side: Side, target: Record) -> Record:
    """The found record, with what an inbox row may know beyond it."""
    row = inbox.get_many(session, run.link.id, target.ref.kind, side, {target.ref.id}).get(target.ref.id)
    return merged(run.link, load_record(row.record, target.ref), target) if row is not None and row.record else target


def _halves(session: Session, link: Link, intent: IntentRow, side: Side, source: Record, target: Record) -> _Halves:
    sent = {name: _value(held[2]) for name, held in load(intent.changes).items()}
    records = {side: target, other(side): source}
    refs = of_values(session, link, intent.kind, {at: [records[at].fields] for at in SIDES})
    rows = bound(link, intent.kind, records["left"], records["right"], refs)
    of_source, of_target = bases_of_created(rows, side, source, target, sent, answered=False)
    bases = {side: of_target, other(side): of_source}
    stored = {
        at: overlay(
            [
                (row.field(at), bases[at][row.field(at)], row.normal(at, records[at].fields.get(row.field(at))))
                for row in link.mappings[intent.kind].rows
            ]
        )
        for at in SIDES
    }
    return _Halves(records["left"], records["right"], stored["left"], stored["right"])


def _value(held: object) -> Value:
    return tuple(held) if isinstance(held, list) else held  # type: ignore[return-value]


def _entry(run: Run, intent: IntentRow, ref: Ref, pair_id: int) -> Entry:
    rule = "found by its marker after an unanswered create (S19)"
    return Entry(run.link.id, run.id, ref.kind, intent.side, ref.id, "create", run.now(), pair_id, rule=rule)
