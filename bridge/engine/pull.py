"""Reading: change feeds and announced items into the inbox, with the cursor in the same transaction (S29–S32)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog

from bridge.engine import holder
from bridge.engine.batch import merged
from bridge.engine.context import Run
from bridge.engine.link import End, Link, MatchFields, marker_key
from bridge.engine.vanished import note_absent, note_gone
from bridge.errors import (
    AuthError,
    BridgeError,
    ContainerError,
    GoneError,
    LockedError,
    NotFoundError,
    RateLimited,
    TrackerError,
    UnreachableError,
)
from bridge.merge import is_rewritten
from bridge.model import SIDES, Fields, Record, Ref, Side
from connectors.base import Page
from state import cursors, inbox, leases, links, pairs
from state.codec import dump_record, load_record
from state.inbox import Arrival, Item
from state.links import Sharer
from state.pairs import Pair
from state.store import Session

log = structlog.get_logger(__name__)

_POLL_LEASE_S = 120
_POLL_WAIT_S = 10
_GROUP = 1000
_TRIES = 3
_LOOK_AGAIN_S = (1, 2)
_BACK_OFF = timedelta(seconds=5)
_CLOCK_MARGIN = timedelta(seconds=2)
"""Between the tracker's time as its answers tell it, in whole seconds, and the newest time that it can have given."""
_NOWHERE = Ref("", "", "", "")


async def poll(run: Run) -> None:
    """Read what changed on both sides since their cursors. Both sides at once, the kinds of a side in order."""
    polls = [_poll_side(run, run.link.end(side)) for side in SIDES]
    for failed in await asyncio.gather(*polls, return_exceptions=True):
        if isinstance(failed, BaseException):
            raise failed  # one side's trouble as it is, not in a group; what the other side read is stored


async def _poll_side(run: Run, end: End) -> None:
    began = run.monotonic()
    for kind in run.link.mappings:
        await _poll_kind(run, end, kind)
    run.polled_at[end.side] = began


async def _poll_kind(run: Run, end: End, kind: str) -> None:
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
        await _walk(run, end, where, me)
    finally:
        await run.store.run(leases.release_poll, end.connection, end.container, kind, me)


def _acquire(session: Session, where: cursors.Where, me: str) -> bool:
    """Take the right to poll, also from a process of this machine that was killed."""
    named = (where.connection, where.container, where.kind)
    if holder.is_dead(by := leases.poll_holder(session, *named)):
        leases.release_poll(session, *named, by)
    return leases.acquire_poll(session, *named, me, _POLL_LEASE_S)


async def _walk(run: Run, end: End, where: cursors.Where, me: str) -> None:
    position, sharing = await run.store.read(_start, where)
    wanting = [sharer for sharer in sharing if (sharer.link_id, where.kind) in run.link.matches]
    first = run.full or position.cursor is None or not all(sharer.seeded for sharer in wanting)
    covers = f"full {sorted(s.link_id for s in wanting if run.full or not s.seeded)}" if first else "changes"
    resumes = position.resume is not None and position.resume_for == covers
    run.cursors.setdefault((end.side, where.kind), position.cursor)
    began_at = run.now()
    total = 0
    seen: set[str] | None = set() if first and not resumes else None
    sweep = _sweeps(run, end.side, position.polls)
    if sweep:
        run.swept.add(end.side)
    pages = end.connector.pull(
        end.container,
        where.kind,
        position.resume if resumes else None if first else position.cursor,
        fields=run.link.poll_fields.get((end.side, where.kind), frozenset()),
        sweep=sweep,
    )
    async for some in _grouped(pages):
        await run.store.run(_store, run.link, where, me, some, began_at, _their_time(run, end), covers)
        total += sum(len(page.records) for page in some)
        if seen is not None:
            seen.update(record.ref.id for page in some for record in page.records)
            if some[-1].complete:
                await run.store.run(note_absent, where, seen, run.now())
        run.progress.pulled(end.side, where.kind, total)
    run.tally.counts["pulled"] += total
    log.debug("poll.finished", connection=end.connection, container=end.container, kind=where.kind, records=total)


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


def _start(session: Session, where: cursors.Where) -> tuple[cursors.Position, list[Sharer]]:
    return cursors.get(session, where), links.sharers(session, where.connection, where.container, where.kind)


def _sweeps(run: Run, side: Side, polls: int) -> bool:
    """Whether this poll reads the feeds no cursor covers: each Nth does, and those a person asked for."""
    if run.sweep is not None:
        return run.sweep
    return polls % max(1, run.link.sweep_every.get(side, 1)) == 0


# --- one page, one transaction ---------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Look:
    """How records were read: when, by the tracker's own clock, and whether in a listing, which may lag behind a write of
    ours; a record that was asked for does not.
    """

    theirs: datetime
    listed: bool

    def lags(self, record: Record, known: Record) -> bool:
        """Whether a record is from before what we know. A time that the tracker's clock has yet to reach proves nothing:
        it ran ahead when it was given, and was put right since (I7).
        """
        if self.listed and known.provisional and record.version == known.version:
            return True
        if record.updated_at is None or known.updated_at is None or known.updated_at > self.theirs + _CLOCK_MARGIN:
            return False
        return record.updated_at < known.updated_at


def _their_time(run: Run, end: End) -> datetime:
    """What the tracker's clock shows now, as far as its answers have told."""
    return run.now() + timedelta(seconds=end.connector.usage().skew_s or 0)


def _store(
    session: Session,
    link: Link,
    where: cursors.Where,
    me: str,
    pages: Sequence[Page],
    began_at: datetime,
    theirs: datetime,
    covers: str,
) -> None:
    """Store pages for every link that reads the container, and how far they reach (S29). ``covers`` says for whom the
    listing is the first one; only one for the same links may go on where it breaks off.

    Raises LockedError when the right to poll was lost meanwhile: what another process reads must not be undone.
    """
    if not leases.renew_poll(session, where.connection, where.container, where.kind, me, _POLL_LEASE_S):
        raise LockedError(f"{where.connection}:{where.container} is polled by another process by now")
    last = pages[-1]
    records = [record for page in pages for record in page.records]
    for sharer in links.sharers(session, where.connection, where.container, where.kind):
        match = link.matches.get((sharer.link_id, where.kind))
        if match is None:
            links.forget_seed(session, sharer.link_id, sharer.side, where.kind)
            continue
        look = _Look(theirs, listed=True)
        _arrive(session, sharer, where.kind, records, match, look, initial=not sharer.seeded, now=began_at)
        if last.sweep is not None:
            _compare(session, sharer, where.kind, last.sweep, last.sweep_default, began_at)
        if last.last and covers != "changes":
            links.mark_seeded(session, sharer.link_id, sharer.side, where.kind)
    if last.last:
        cursors.commit(session, where, last.cursor, began_at)
    else:
        cursors.checkpoint(session, where, last.cursor, covers)


def _arrive(
    session: Session,
    sharer: Sharer,
    kind: str,
    records: Sequence[Record],
    match: MatchFields,
    look: _Look,
    *,
    initial: bool,
    now: datetime,
) -> list[str]:
    """Put what is news into the inbox; the ids that are not. An echo of our own write ends here (S4).

    What was asked for is read because something is to be judged again, so an unsettled pair counts as news.
    """
    by_id = {record.ref.id: record for record in records}
    known = pairs.by_items(session, sharer.link_id, kind, sharer.side, by_id)
    waiting = {} if initial else inbox.get_many(session, sharer.link_id, kind, sharer.side, by_id)
    touched: list[tuple[int, str]] = []
    news: list[Arrival] = []
    for item_id, record in by_id.items():
        pair = known.get(item_id)
        row = waiting.get(item_id)
        text = _news(sharer.side, pair, row, record, touched, look)
        if text is None and not look.listed and pair is not None and not pair.is_settled:
            text = dump_record(record)
        if text is not None:
            named = match.named(sharer.side, record)
            marker = None if named is None else marker_key(named)
            key = None if pair is not None else match.key(sharer.side, record.fields)
            news.append(Arrival(item_id, text, key, marker))
    pairs.see_many(session, sharer.side, touched)
    inbox.put(session, sharer.link_id, kind, sharer.side, news, initial=initial, now=now)
    fresh = {arrival.item_id for arrival in news}
    return [item_id for item_id in by_id if item_id not in fresh]


def _news(
    side: Side, pair: Pair | None, row: Item | None, record: Record, touched: list[tuple[int, str]], look: _Look
) -> str | None:
    """The text to store, or None when it says nothing new: known, touched only, or older than what we know."""
    if row is not None and row.record is not None:
        waiting = load_record(row.record, record.ref)
        text = dump_record(merged(waiting, record))
        return None if look.lags(record, waiting) or text == row.record else text
    if pair is None:
        return dump_record(record)
    return _news_of_pair(side, pair, record, touched, look)


def _news_of_pair(side: Side, pair: Pair, record: Record, touched: list[tuple[int, str]], look: _Look) -> str | None:
    text = dump_record(record)
    if text == pair.record(side):
        return None
    seen = load_record(pair.record(side), record.ref)
    if look.lags(record, seen):
        return None
    now = merged(seen, record)
    if now.fields == seen.fields or (seen.provisional and _is_what_we_wrote(seen.fields, now.fields)):
        touched.append((pair.id, dump_record(now)))
        return None
    return text


def _is_what_we_wrote(sent: Fields, kept: Fields) -> bool:
    """Whether the first sight of our write is that write as the server keeps it. Then the base goes with it, and nobody is
    told of an edit that nobody made (S6); a bare change of white space within these moments is taken for the server's.
    """
    return all(name in sent and is_rewritten(sent[name], value) for name, value in kept.items())


def _compare(
    session: Session, sharer: Sharer, kind: str, sweep: Mapping[str, Fields], default: Fields, now: datetime
) -> None:
    """Announce the pairs whose uncovered fields are not as last seen: a feed is a hint, the item itself is read."""
    after = 0
    while page := pairs.walk(session, sharer.link_id, kind, after=after, limit=500):
        moved = []
        for pair in page:
            item_id = pair.item_id(sharer.side)
            swept = sweep.get(item_id, default)
            seen = _fields_of(pair.record(sharer.side))
            if any(name not in seen or seen[name] != value for name, value in swept.items()):
                moved.append(item_id)
        inbox.announce(session, sharer.link_id, kind, sharer.side, moved, now)
        after = page[-1].id


def _fields_of(text: str) -> Fields:
    return load_record(text, _NOWHERE).fields


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
        record = await _looked_at(run, end, end.ref(kind, item.item_id))
    except (AuthError, ContainerError, RateLimited, UnreachableError):
        raise
    except GoneError as gone:
        await run.store.run(_gone, run, kind, item, gone)
        return False
    except TrackerError as error:
        await run.store.run(_missing, run.link.id, kind, item, run.now(), for_good=isinstance(error, NotFoundError))
        log.info("item.missing", connection=end.connection, item=item.item_id, reason=error.message)
        return False
    look = _Look(_their_time(run, end), listed=False)
    return await run.store.run(_fetched, run.link, kind, item, record, look, run.now())


async def _looked_at(run: Run, end: End, ref: Ref) -> Record:
    """Fetch, looking again where the answer is a 404: a lagging replica says that too (S25)."""
    fields = run.link.poll_fields.get((end.side, ref.kind), frozenset())
    for pause in _LOOK_AGAIN_S:
        try:
            return await end.connector.fetch(ref, fields=fields)
        except GoneError as gone:
            if gone.status != 404:
                raise
        await run.sleep(pause)
    return await end.connector.fetch(ref, fields=fields)


def _fetched(session: Session, link: Link, kind: str, item: Item, record: Record, look: _Look, now: datetime) -> bool:
    """Store a fetched record for every link that reads its container; whether it is news to this one."""
    end, news = link.end(item.side), True
    for sharer in links.sharers(session, end.connection, end.container, kind):
        match = link.matches.get((sharer.link_id, kind))
        if match is not None:
            unchanged = _arrive(session, sharer, kind, (record,), match, look, initial=False, now=now)
            if unchanged and (sharer.link_id, sharer.side) == (link.id, item.side):
                inbox.remove(session, link.id, kind, [item])
                news = False
    return news


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
