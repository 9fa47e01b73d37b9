"""What listings and fetches bring, put into the inbox: one handful of pages, one transaction with its cursor (S29).

Refuses: asking a tracker (pull.py does); judging what is to be written.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from bridge.engine.accepted import unaccepted
from bridge.engine.asleep import TASK, asleep, lay_aside_with, task_of, without_text
from bridge.engine.batch import merged
from bridge.engine.link import Link, MatchFields, marker_key
from bridge.engine.plan import PARTS
from bridge.engine.scope import remembered, stands
from bridge.errors import LockedError
from bridge.merge import is_rewritten
from bridge.model import Fields, Record, Ref, Side
from connectors.base import Page
from mappings.computed import is_computed
from state import cursors, inbox, leases, links, pairs
from state.codec import dump_record, load_record
from state.inbox import OUT_OF_SCOPE, Arrival, Item
from state.links import Sharer
from state.pairs import Pair
from state.store import Session

POLL_LEASE_S = 120
_CLOCK_MARGIN = timedelta(seconds=2)
"""Between the tracker's time as its answers tell it, in whole seconds, and the newest time that it can have given."""
_NOWHERE = Ref("", "", "", "")


@dataclass(frozen=True, slots=True)
class Look:
    """How records were read: when, by the tracker's own clock, and whether in a listing, which may lag behind a write of
    ours; a record that was asked for does not.
    """

    theirs: datetime
    listed: bool

    def lags(self, record: Record, known: Record) -> bool:
        """Whether a listing shows the record as it was before a write of ours."""
        return self.listed and known.provisional and record.version == known.version

    def is_doubtful(self, record: Record, known: Record) -> bool:
        """Whether a listed record is older than what we know, by the tracker's own clock: late, or edited under a clock
        that was wrong. Times judge nothing (S4): it is read by itself. One that the clock has yet to reach was given by
        a clock that ran ahead and was put right since (I7).
        """
        return (
            self.listed
            and known.updated_at is not None
            and known.updated_at <= self.theirs + _CLOCK_MARGIN
            and is_older(record, known)
        )


def store(
    session: Session,
    link: Link,
    where: cursors.Where,
    me: str,
    pages: Sequence[Page],
    began_at: datetime,
    theirs: datetime,
    covers: str,
    *,
    waits: Collection[int] = (),
    counts: bool = True,
) -> None:
    """Store pages for every link that reads the container, and how far they reach (S29). ``covers`` says for whom the
    listing is the first one; only one for the same links may go on where it breaks off. ``waits``: of ``unaccepted_of``.

    Raises LockedError when the right to poll was lost meanwhile: what another process reads must not be undone.
    """
    if not leases.renew_poll(session, where.connection, where.container, where.kind, me, POLL_LEASE_S):
        raise LockedError(f"{where.connection}:{where.container} is polled by another process by now")
    last = pages[-1]
    records = [record for page in pages for record in page.records]
    for sharer in links.sharers(session, where.connection, where.container, where.kind):
        held = sharer.link_id in waits
        match = link.matches.get((sharer.link_id, where.kind), MatchFields())
        if held and not sharer.seeded:
            continue  # its own first listing is to come
        if held:
            _hint(session, sharer, where.kind, records, began_at)
        elif (sharer.link_id, where.kind) in link.matches:
            look = Look(theirs, listed=True)
            _arrive(session, link, sharer, where.kind, records, look, initial=not sharer.seeded, now=began_at)
        else:
            links.forget_seed(session, sharer.link_id, sharer.side, where.kind)
            continue
        gone = {item_id for page in pages for item_id in page.gone}
        here = (session, sharer.link_id, where.kind, sharer.side)
        known = {*pairs.by_items(*here, gone), *inbox.get_many(*here, gone)} if gone else set()
        inbox.announce(session, sharer.link_id, where.kind, sharer.side, known, began_at)
        if last.sweep is not None:
            is_filtered = held or bool(match.scope.get(sharer.side))
            _compare(session, sharer, where.kind, last, began_at, is_filtered=is_filtered)
        if last.last and covers != "changes" and not held:
            links.mark_seeded(session, sharer.link_id, sharer.side, where.kind)
    if last.last:
        cursors.commit(session, where, last.cursor, began_at, counts=counts)
    else:
        cursors.checkpoint(session, where, last.cursor, covers)


def unaccepted_of(session: Session, link: Link, sharing: Sequence[Sharer]) -> frozenset[int]:
    """The other links that read a container and wait until their changed configuration is accepted."""
    ids = {sharer.link_id for sharer in sharing} & link.shared_terms.keys()
    return frozenset(each for each in ids if unaccepted(session, each, link.shared_terms[each]))


def _hint(session: Session, sharer: Sharer, kind: str, records: Sequence[Record], now: datetime) -> None:
    """Announce to a held link what is not as it last saw it. Nobody knows under which configuration it will go on, so no
    filter, match rule or expression of this one judges its items: it reads them itself then (S32).
    """
    here = (session, sharer.link_id, kind, sharer.side)
    ids = {record.ref.id for record in records}
    known, waiting = pairs.by_items(*here, ids), inbox.get_many(*here, ids)
    moved = []
    for record in records:
        pair, row = known.get(record.ref.id), waiting.get(record.ref.id)
        text = row.record if row is not None else None if pair is None else pair.record(sharer.side)
        if text is None and row is not None:
            continue  # it is announced already
        if text is None or _is_other(record, load_record(text, record.ref)):
            moved.append(record.ref.id)
    inbox.announce(*here, moved, now)


def _is_other(record: Record, seen: Record) -> bool:
    """Whether a record may have changed since, as far as both tell."""
    if (record.version, record.updated_at) != (seen.version, seen.updated_at):
        return True
    own = {name: value for name, value in seen.fields.items() if not is_computed(name)}
    return any(name in record.fields and record.fields[name] != value for name, value in own.items())


def _arrive(
    session: Session,
    link: Link,
    sharer: Sharer,
    kind: str,
    records: Sequence[Record],
    look: Look,
    *,
    initial: bool,
    now: datetime,
) -> list[str]:
    """Put what is news into the inbox; the ids that are not. An echo of our own write ends here (S4).

    What was asked for is read because something is to be judged again, so an unsettled pair counts as news. What is out
    of scope and without a partner is remembered, and no more than its filter needs (S28, I12); of a part of a task that is
    out of scope only the task.
    """
    match = link.matches[sharer.link_id, kind]
    scope = match.scope.get(sharer.side, frozenset())
    by_id = {record.ref.id: record for record in records}
    known = pairs.by_items(session, sharer.link_id, kind, sharer.side, by_id)
    waiting = {} if initial else inbox.get_many(session, sharer.link_id, kind, sharer.side, by_id)
    tasks = {task_of(record) for record in records} if kind in PARTS else frozenset[str]()
    sleeping = asleep(session, link, sharer.link_id, sharer.side, tasks)
    touched: list[tuple[int, str]] = []
    doubtful: list[str] = []
    aside = _Aside(touched, doubtful)
    news: list[Arrival] = []
    outside: list[Arrival] = []
    for item_id, record in by_id.items():
        pair = known.get(item_id)
        row = waiting.get(item_id)
        text = _news(link, sharer.side, pair, row, record, aside, look)
        if text is None and not look.listed and pair is not None and not pair.is_settled:
            text = dump_record(record)
        if text is None:
            continue
        named = match.named(sharer.side, record) if match.external else record.marker
        marker = None if named is None else marker_key(named)
        now_is = load_record(text, record.ref) if scope and pair is None else record
        standing = stands(scope, now_is.fields) if scope and pair is None else "in"
        if standing == "out" or task_of(record) in sleeping:
            text = without_text(link, record) if sleeping else dump_record(remembered(link, scope, now_is))
            if row is None or row.record != text:
                outside.append(Arrival(item_id, text, None, marker))
            continue
        key = None if pair is not None or standing != "in" else match.key(sharer.side, record.fields)
        news.append(Arrival(item_id, text, key, marker))
    pairs.see_many(session, sharer.side, touched)
    inbox.put(session, sharer.link_id, kind, sharer.side, news, initial=initial, now=now)
    inbox.put(session, sharer.link_id, kind, sharer.side, outside, initial=False, now=now, held=OUT_OF_SCOPE)
    if kind == TASK and (left := {arrival.item_id for arrival in outside} & waiting.keys()):
        lay_aside_with(session, link, sharer.link_id, sharer.side, left)
    inbox.announce(session, sharer.link_id, kind, sharer.side, doubtful, now)
    fresh = {arrival.item_id for arrival in (*news, *outside)}
    return [item_id for item_id in by_id if item_id not in fresh]


@dataclass(frozen=True, slots=True)
class _Aside:
    """What is no news: pairs whose record was only touched, and items to be read by themselves."""

    touched: list[tuple[int, str]]
    doubtful: list[str]


def _news(
    link: Link, side: Side, pair: Pair | None, row: Item | None, record: Record, aside: _Aside, look: Look
) -> str | None:
    """The text to store, or None when it says nothing new: known, touched only, or late."""
    if row is not None and row.record is not None:
        waiting = load_record(row.record, record.ref)
        now = merged(link, waiting, record)
        text = dump_record(now)
        if look.lags(record, waiting) or (text == row.record and row.held != OUT_OF_SCOPE):
            return None
        if look.is_doubtful(record, waiting) and now.fields != waiting.fields:
            aside.doubtful.append(record.ref.id)
            return None
        return text
    if pair is None:
        return dump_record(record)
    return _news_of_pair(link, side, pair, record, aside, look)


def _news_of_pair(link: Link, side: Side, pair: Pair, record: Record, aside: _Aside, look: Look) -> str | None:
    text = dump_record(record)
    if pair.status != "live":
        return text  # it may be one that came back (S28)
    if text == pair.record(side):
        return None
    seen = load_record(pair.record(side), record.ref)
    if look.lags(record, seen):
        return None
    now = merged(link, seen, record)
    if now.fields == seen.fields or (seen.provisional and _is_what_we_wrote(seen.fields, now.fields)):
        aside.touched.append((pair.id, dump_record(now)))
        return None
    if look.is_doubtful(record, seen):
        aside.doubtful.append(record.ref.id)
        return None
    return text


def _is_what_we_wrote(sent: Fields, kept: Fields) -> bool:
    """Whether the first sight of our write is that write as the server keeps it. Then the base goes with it, and nobody is
    told of an edit that nobody made (S6); a bare change of white space within these moments is taken for the server's.
    """
    return all(is_computed(name) or (name in sent and is_rewritten(sent[name], value)) for name, value in kept.items())


def _compare(session: Session, sharer: Sharer, kind: str, page: Page, now: datetime, *, is_filtered: bool) -> None:
    """Announce the pairs whose uncovered fields are not as last seen: a feed is a hint, the item itself is read. With a
    filter also what was out of scope, as far as the filter reads them.
    """
    here = (session, sharer.link_id, kind, sharer.side)
    after = 0
    while some := pairs.walk(session, sharer.link_id, kind, after=after, limit=500):
        moved = []
        for pair in some:
            item_id = pair.item_id(sharer.side)
            seen = _fields_of(pair.record(sharer.side))
            if any(name not in seen or seen[name] != value for name, value in _swept(page, item_id).items()):
                moved.append(item_id)
        inbox.announce(*here, moved, now)
        after = some[-1].id
    if is_filtered:
        entering = []
        for item_id, record in inbox.outside(*here).items():
            seen = _fields_of(record)
            if any(name in seen and seen[name] != value for name, value in _swept(page, item_id).items()):
                entering.append(item_id)
        inbox.announce(*here, entering, now)


def _swept(page: Page, item_id: str) -> Fields:
    """What a sweep saw of a record."""
    return (page.sweep or {}).get(item_id, page.sweep_default)


def _fields_of(text: str) -> Fields:
    return load_record(text, _NOWHERE).fields


def fetched(session: Session, link: Link, kind: str, item: Item, record: Record, look: Look, now: datetime) -> bool:
    """Store a fetched record for every link that reads its container; whether it is news to this one."""
    end, news = link.end(item.side), True
    sharing = links.sharers(session, end.connection, end.container, kind)
    waits = unaccepted_of(session, link, sharing)
    for sharer in sharing:
        if sharer.link_id in waits:
            if sharer.seeded:
                _hint(session, sharer, kind, (record,), now)
        elif (sharer.link_id, kind) in link.matches:
            unchanged = _arrive(session, link, sharer, kind, (record,), look, initial=False, now=now)
            if unchanged and (sharer.link_id, sharer.side) == (link.id, item.side):
                inbox.remove(session, link.id, kind, [item])
                news = False
    return news


def is_older(record: Record, known: Record) -> bool:
    """By the tracker's own clock."""
    return record.updated_at is not None and known.updated_at is not None and record.updated_at < known.updated_at


def is_behind(session: Session, link_id: int, kind: str, item: Item, record: Record) -> bool:
    """Whether a record that was asked for is older than the pair's last one: a replica may lag, so one looks again."""
    pair = pairs.by_items(session, link_id, kind, item.side, {item.item_id}).get(item.item_id)
    return pair is not None and is_older(record, load_record(pair.record(item.side), record.ref))
