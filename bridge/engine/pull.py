"""Reading: change feeds and announced items into the inbox, with the cursor in the same transaction (S29–S32)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import datetime, timedelta

import structlog

from bridge.engine import holder
from bridge.engine.again import note_config
from bridge.engine.arrivals import POLL_LEASE_S, Look, fetched, is_behind, store, unaccepted_of
from bridge.engine.context import Run
from bridge.engine.link import End, Link, measured_skew
from bridge.engine.plan import PARTS
from bridge.engine.vanished import made_before, note_absent, note_gone, note_unlisted
from bridge.errors import ENDING, BridgeError, GoneError, LockedError, NotFoundError, TrackerError
from bridge.model import SIDES, Record, Side
from connectors.base import Page
from mappings.computed import query_of
from state import cursors, inbox, leases, links, pairs
from state.inbox import Item
from state.links import Sharer
from state.store import Session

log = structlog.get_logger(__name__)

_POLL_WAIT_S = 10
_GROUP = 1000
_TRIES = 3
_LOOK_AGAIN_S = (1, 2)
_BACK_OFF = timedelta(seconds=5)


async def poll(run: Run) -> None:
    """Read what changed on both sides since their cursors. Both sides at once, the kinds of a side in order.

    A first listing is followed by one from where it ended, before anything is created: a server may have cut it short, or
    shown nothing, as if that were all. How far the two clocks are apart is known afterwards, for the policy ``newest``
    (S16): answers tell it.
    """
    if any(await _poll_sides(run)) and run.link.initial != "match":
        run.is_second_look = True
        await _poll_sides(run)
        run.is_second_look = False
    if run.full:
        await run.store.run(note_config, run.link)
        run.full = False  # what comes after it is a change
    run.link = replace(run.link, skew=measured_skew(run.link.left.connector, run.link.right.connector))


async def _poll_sides(run: Run) -> list[bool]:
    """Whether it was the first listing, of each side."""
    polls = [_poll_side(run, run.link.end(side)) for side in SIDES]
    done: list[bool] = []
    for answer in await asyncio.gather(*polls, return_exceptions=True):
        if isinstance(answer, BaseException):
            raise answer  # one side's trouble as it is, not in a group; what the other side read is stored
        done.append(answer)
    return done


async def _poll_side(run: Run, end: End) -> bool:
    began = run.monotonic()
    first = [await _poll_kind(run, end, kind) for kind in run.link.mappings]
    run.polled_at[end.side] = began
    return any(first)


async def _poll_kind(run: Run, end: End, kind: str) -> bool:
    """Read one kind of one side. Without a listing of its own a run knows nothing that it may act upon (S22)."""
    where = cursors.Where(end.connection, end.container, kind)
    me = holder.attempt()
    for _ in range(_POLL_WAIT_S):
        if await run.store.run(_acquire, where, me):
            break
        await run.sleep(1)
    else:
        raise LockedError(
            f"{end.connection}:{end.container} is being read by another run just now", hint="It goes on by itself."
        )
    try:
        return await _walk(run, end, where, me)
    finally:
        await run.store.run(leases.release_poll, end.connection, end.container, kind, me)


def _acquire(session: Session, where: cursors.Where, me: str) -> bool:
    """Take the right to poll, also from a process of this machine that was killed."""
    named = (where.connection, where.container, where.kind)
    if holder.is_dead(by := leases.poll_holder(session, *named)):
        leases.release_poll(session, *named, by)
    return leases.acquire_poll(session, *named, me, POLL_LEASE_S)


async def _walk(run: Run, end: End, where: cursors.Where, me: str) -> bool:
    """Store a listing. Whether it was the first one of everything."""
    position, wanting, waits, has_pairs, is_known = await run.store.read(_start, where, run.link)
    first = run.full or position.cursor is None or not all(sharer.seeded for sharer in wanting)
    covers = f"full {sorted(s.link_id for s in wanting if run.full or not s.seeded)}" if first else "changes"
    resumes = position.resume is not None and position.resume_for == covers
    ours = await run.store.read(made_before, run.link.id, run.id, where.kind, end.side, run.cursors)
    run.cursors.setdefault((end.side, where.kind), position.cursor)
    began_at = run.now()
    total = 0
    seen: set[str] | None = set() if has_pairs and not resumes else None
    wanted = run.link.poll_fields.get((end.side, where.kind), frozenset())
    if has_pairs and not is_known:
        wanted = frozenset(name for name in wanted if query_of(name) is None)
    sweep = _sweeps(run, end.side, position.polls)
    if sweep:
        run.swept.add(end.side)
    pages = end.connector.pull(
        end.container,
        where.kind,
        position.resume if resumes else None if first else position.cursor,
        fields=wanted,
        sweep=sweep,
    )
    async for some in _grouped(pages):
        theirs, counts = _their_time(run, end), not run.is_second_look
        await run.store.run(store, run.link, where, me, some, began_at, theirs, covers, waits=waits, counts=counts)
        total += sum(len(page.records) for page in some)
        if seen is not None:
            seen.update(record.ref.id for page in some for record in page.records)
            if some[-1].complete or (first and some[-1].last and not seen and where.kind in PARTS):
                narrowed = any(query_of(name) is not None for name in wanted)
                await run.store.run(note_absent, where, seen, run.now(), narrowed=narrowed)
        ours.difference_update(record.ref.id for page in some for record in page.records)
        run.progress.pulled(end.side, where.kind, total)
    if ours:
        await run.store.run(note_unlisted, run.link.id, where.kind, end.side, ours, run.now())
    run.tally.counts["pulled"] += total
    log.debug("poll.finished", connection=end.connection, container=end.container, kind=where.kind, records=total)
    return first and not run.full


async def _grouped(pages: AsyncIterator[Page]) -> AsyncIterator[list[Page]]:
    """Pages in handfuls of about ``_GROUP`` records, so that a commit is not paid for each; those read before a failure
    are given out before it is raised.
    """
    group: list[Page] = []
    failure: BridgeError | None = None
    try:
        async for page in pages:
            group.append(page)
            if sum(len(each.records) for each in group) >= _GROUP:
                yield group
                group = []
    except BridgeError as error:
        failure = error
    if group:
        yield group
    if failure is not None:
        raise failure


def _start(
    session: Session, where: cursors.Where, link: Link
) -> tuple[cursors.Position, list[Sharer], frozenset[int], bool, bool]:
    """Where the listing begins, for whom, which links wait to be accepted, whether any link has a pair that could be missed
    in it (S25), and whether this one ran under this configuration before: under another query each pair is to be judged,
    found or not (S28). A link that waits wants no listing: it makes its own once it is accepted.
    """
    sharing = links.sharers(session, where.connection, where.container, where.kind)
    has_pairs = any(pairs.walk(session, sharer.link_id, where.kind, after=0, limit=1) for sharer in sharing)
    is_known = links.get(session, link.id).config_hash == link.config_hash
    waits = unaccepted_of(session, link, sharing)
    wanting = [each for each in sharing if (each.link_id, where.kind) in link.matches and each.link_id not in waits]
    return cursors.get(session, where), wanting, waits, has_pairs, is_known


def _sweeps(run: Run, side: Side, polls: int) -> bool:
    """Whether this poll reads the feeds no cursor covers: each Nth does, and those a person asked for."""
    if run.sweep is not None or run.is_second_look:
        return bool(run.sweep) and not run.is_second_look
    return polls % max(1, run.link.sweep_every.get(side, 1)) == 0


def _their_time(run: Run, end: End) -> datetime:
    """What the tracker's clock shows now, as far as its answers have told."""
    return run.now() + timedelta(seconds=end.connector.usage().skew_s or 0)


# --- announced items -------------------------------------------------------------------------------------------------


async def fetch_announced(run: Run) -> int:
    """Read the items that were only announced, one request each; how many became news."""
    fetched = 0
    for kind in run.link.mappings:
        items = await run.store.read(inbox.announced, run.link.id, kind, run.now())
        for batch in (items[i : i + 8] for i in range(0, len(items), 8)):
            fetched += sum(await asyncio.gather(*(_fetch(run, kind, item) for item in batch)))
    return fetched


async def _fetch(run: Run, kind: str, item: Item) -> bool:
    """Read one item. Its own trouble is its own: it waits and is tried again (S24); the container's ends the run."""
    end = run.link.end(item.side)
    try:
        record = await _looked_at(run, end, kind, item)
    except ENDING:
        raise
    except GoneError as gone:
        await run.store.run(_gone, run, kind, item, gone)
        return False
    except TrackerError as error:
        await run.store.run(_missing, run.link.id, kind, item, run.now(), for_good=isinstance(error, NotFoundError))
        log.info("item.missing", connection=end.connection, item=item.item_id, reason=error.message)
        return False
    look = Look(_their_time(run, end), listed=False)
    return await run.store.run(fetched, run.link, kind, item, record, look, run.now())


async def _looked_at(run: Run, end: End, kind: str, item: Item) -> Record:
    """Fetch, looking again where the answer is a 404 or older than what we know: a lagging replica says that too (S25)."""
    ref = end.ref(kind, item.item_id)
    fields = run.link.poll_fields.get((end.side, kind), frozenset())
    for pause in _LOOK_AGAIN_S:
        try:
            record = await end.connector.fetch(ref, fields=fields)
        except GoneError as gone:
            if gone.status != 404:
                raise
        else:
            if not await run.store.read(is_behind, run.link.id, kind, item, record):
                return record
        await run.sleep(pause)
    return await end.connector.fetch(ref, fields=fields)


def _missing(session: Session, link_id: int, kind: str, item: Item, now: datetime, *, for_good: bool) -> None:
    """Cannot be read just now, which proves nothing: look again later, longer and longer.

    ``for_good``: it answers 404. After a few times (replicas lag) that is left to the feed.
    """
    if for_good and item.attempts + 1 >= _TRIES:
        inbox.remove(session, link_id, kind, [item])
    else:
        inbox.postpone(session, link_id, kind, [item], now + _BACK_OFF * 2 ** min(item.attempts, 10))


def _gone(session: Session, run: Run, kind: str, item: Item, gone: GoneError) -> None:
    """Evidence that a record is deleted or moved away: its pair waits for what is to be done about it (S25)."""
    pair = pairs.by_items(session, run.link.id, kind, item.side, {item.item_id}).get(item.item_id)
    inbox.remove(session, run.link.id, kind, [item])
    if pair is not None:
        note_gone(session, run.link.id, run.id, pair, item.side, gone.message, run.now(), moved=bool(gone.moved_to))
