"""Gives items another try when a person has decided or corrected something.

Refuses: asking a tracker; the next run does.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Final

from bridge.engine import scope
from bridge.engine.accepted import meanings
from bridge.engine.agreeing import says_the_same
from bridge.engine.binding import rows_of
from bridge.engine.breaker import RELEASE
from bridge.engine.pair import member_now
from bridge.engine.plan import View
from bridge.engine.references import with_refs
from bridge.merge import has_changed
from bridge.model import SIDES, UNSET, Ref
from state import history, inbox, links, pairs, parked
from state.codec import dump_base, load_base, load_record
from state.history import Entry
from state.inbox import Arrival
from state.parked import FROZEN, WAITING

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping
    from datetime import datetime

    from bridge.engine.link import Link
    from bridge.engine.plan import Member
    from bridge.model import Side, Unset
    from mappings.rows import Row
    from state.pairs import Pair
    from state.parked import Parked
    from state.store import Session


_FILTER: Final = "filter of "


def judge_anew(session: Session, link: Link, now: datetime) -> bool:
    """Under another configuration than the last one: wake the pairs that are not in step, for a row may have changed its
    direction, map or policy. True when a field is mapped that was never read, or a filter is another one: everything is to be listed again, and until
    that is done (``pull.poll``) the configuration counts as new.
    """
    row = links.get(session, link.id)
    if row.config_hash == link.config_hash:
        return False
    if row.config_hash:
        before = dict(line.split("\t") for line in row.mapped.split("\n")) if row.mapped else {}
        _ask_anew(session, link, before, now)
        _ask_where_apart(session, link, before, now)
        wake_unsettled(session, link, now)
    is_lacking = bool(row.config_hash) and lacks_records(session, link)
    if not is_lacking:
        note_config(session, link)
    return is_lacking


def note_config(session: Session, link: Link) -> None:
    """The link runs under its present configuration, and everything that maps was read."""
    lines = [f"{name}\t{meaning}" for name, meaning in sorted((_meant(link) | _filters(link)).items())]
    links.note_config(session, link.id, link.config_hash, "\n".join(lines))


def lacks_records(session: Session, link: Link) -> bool:
    """Whether everything is to be read again: a field is mapped that was never read, or others take part than before,
    which only a full listing tells.
    """
    before = {line for line in links.get(session, link.id).mapped.split("\n") if line.startswith(_FILTER)}
    return before != {f"{name}\t" for name in _filters(link)} or _lacks_fields(session, link)


def _filters(link: Link) -> dict[str, str]:
    """The filters that are on, by a name of their own, as the rows are remembered."""
    return {
        f"{_FILTER}{kind} {side} {' '.join(name.split())}": ""
        for kind in link.mappings
        for side in SIDES
        for name in scope.names_of(link, kind, side)
    }


def _mapped(link: Link) -> dict[str, tuple[str, str, str]]:
    """The rows that are on, by a name of their own."""
    return {
        f"{kind} {' '.join(row.left.split())} = {' '.join(row.right.split())}": (kind, row.left, row.right)
        for kind, mapping in link.mappings.items()
        for row in mapping.rows
        if row.direction != "off"
    }


def _meant(link: Link) -> dict[str, str]:
    """What the values of each row that is on mean."""
    known = meanings(link.terms)
    return {name: known.get((kind, f"{left} = {right}"), "") for name, (kind, left, right) in _mapped(link).items()}


def _ask_anew(session: Session, link: Link, before: Mapping[str, str], now: datetime) -> None:
    """Rows that were not there until now: no base of theirs was ever agreed on, so equal adopts and different asks (S8)."""
    new = [row for name, row in _mapped(link).items() if name not in before]
    for kind in {kind for kind, _, _ in new}:
        left = {name: UNSET for at, name, _ in new if at == kind}
        right = {name: UNSET for at, _, name in new if at == kind}
        for page in _pages(session, link, kind):
            pairs.set_bases(session, [_without(pair, left, right) for pair in page])
            wake(session, link.id, kind, "left", [pair.left_id for pair in page], now)


def _ask_where_apart(session: Session, link: Link, before: Mapping[str, str], now: datetime) -> None:
    """Rows whose values mean something else than before, say by another map. Where both sides stand as they were agreed
    on and differ now, nothing was ever agreed on in that sense: it is judged as at first contact (S8). An edit that waits
    is carried over under the new map, as any other.
    """
    redefined = {name for name, meaning in _meant(link).items() if before.get(name, meaning) != meaning}
    wanted = {_mapped(link)[name] for name in redefined}
    for kind in sorted({kind for kind, _, _ in wanted}):
        rows = {(left, right) for at, left, right in wanted if at == kind}
        for page in _pages(session, link, kind):
            apart = _apart(session, link, kind, page, rows)
            pairs.set_bases(session, apart)
            changed = {pair_id for pair_id, _, _ in apart}
            wake(session, link.id, kind, "left", [pair.left_id for pair in page if pair.id in changed], now)


def _pages(session: Session, link: Link, kind: str) -> Iterator[list[Pair]]:
    after = 0
    while page := pairs.walk(session, link.id, kind, after=after, limit=500):
        yield page
        after = page[-1].id


def _apart(
    session: Session, link: Link, kind: str, page: list[Pair], wanted: Collection[tuple[str, str]]
) -> list[tuple[int, str, str]]:
    """The pairs that differ in one of these rows though neither side moved, with bases that do not know it any more."""
    news = {side: inbox.get_many(session, link.id, kind, side, {pair.item_id(side) for pair in page}) for side in SIDES}
    views = [
        View(
            kind,
            pair.entity,
            pair.id,
            member_now(link, pair, "left", news["left"]),
            member_now(link, pair, "right", news["right"]),
        )
        for pair in page
    ]
    found = []
    for pair, view in zip(page, with_refs(session, link, kind, views), strict=True):
        assert view.left is not None
        assert view.right is not None
        rows = [
            row for row in rows_of(link, view) if (row.left, row.right) in wanted and row.direction != "create-only"
        ]
        apart = [row for row in rows if _stands_apart(row, view.left, view.right)]
        if apart:
            found.append(
                _without(
                    pair,
                    dict.fromkeys([row.left for row in apart], UNSET),
                    dict.fromkeys([row.right for row in apart], UNSET),
                )
            )
    return found


def _without(pair: Pair, left: Mapping[str, Unset], right: Mapping[str, Unset]) -> tuple[int, str, str]:
    """A pair with bases that do not know these fields any more."""
    bases = {**load_base(pair.base_left), **left}, {**load_base(pair.base_right), **right}
    return pair.id, dump_base(bases[0]), dump_base(bases[1])


def _stands_apart(row: Row, left: Member, right: Member) -> bool:
    """Whether neither side moved, and they differ all the same."""
    if row.left not in left.record.fields or row.right not in right.record.fields:
        return False
    members: dict[Side, Member] = {"left": left, "right": right}
    for side, member in members.items():
        if has_changed(member.base_of(row, side), row.normal(side, member.record.fields[row.field(side)])):
            return False
    return not says_the_same(row, left.record.fields[row.left], right.record.fields[row.right])


def _lacks_fields(session: Session, link: Link) -> bool:
    """Whether a field is mapped that was never read."""
    return any(
        not link.mappings[kind].fields(side) <= load_record(pair.record(side), Ref("", "", kind, "")).fields.keys()
        for kind in link.mappings
        for pair in pairs.walk(session, link.id, kind, after=0, limit=1)
        for side in SIDES
    )


def wake_unsettled(session: Session, link: Link, now: datetime) -> None:
    """Have every pair that is not in step planned again, a kind at a time: there may be many that are paused."""
    ids: dict[str, set[str]] = defaultdict(set)
    for pair in pairs.unsettled(session, link.id):
        if pair.kind in link.mappings:
            ids[pair.kind].add(pair.left_id)
    for kind in sorted(ids):
        wake(session, link.id, kind, "left", ids[kind], now)


def let_go(session: Session, released: Collection[Parked], run_id: int, now: datetime) -> None:
    """Wake what was parked and is released. What the breaker had frozen is counted anew from here (S36)."""
    for each in released:
        side: Side = "left" if each.side == "left" else "right"
        wake(session, each.link_id, each.kind, side, [each.item_id], now)
        pair = pairs.by_items(session, each.link_id, each.kind, side, [each.item_id]).get(each.item_id)
        if each.reason == FROZEN and pair is not None:
            event = Entry(
                each.link_id, run_id, each.kind, each.side, each.item_id, RELEASE, now, pair.id, each.field,
                rule="released (S36)",
            )  # fmt: skip
            history.add_many(session, [event])


def wake_waiting(session: Session, link_id: int, now: datetime) -> int:
    """Try again what waited for the partner of a task; how many. It costs no request."""
    waiting = parked.find(session, link_id=link_id, reason=WAITING)
    parked.release(session, ids=[each.id for each in waiting])
    places: dict[tuple[str, Side], set[str]] = defaultdict(set)
    for each in waiting:
        side: Side = "left" if each.side == "left" else "right"
        places[each.kind, side].add(each.item_id)
    for (kind, at), ids in places.items():
        wake(session, link_id, kind, at, ids, now)
    return len(waiting)


def wake(session: Session, link_id: int, kind: str, side: Side, ids: Collection[str], now: datetime) -> None:
    """See to it that the next run plans these items.

    What the inbox holds stays as it is. A paired item goes in as last observed, which costs no request (a write looks
    again when that is too old, S22); any other item is announced and fetched.
    """
    missing = set(ids) - inbox.get_many(session, link_id, kind, side, ids).keys()
    paired = pairs.by_items(session, link_id, kind, side, missing)
    known = [Arrival(item_id, pair.record(side)) for item_id, pair in sorted(paired.items())]
    inbox.put(session, link_id, kind, side, known, initial=False, now=now)
    inbox.announce(session, link_id, kind, side, missing - paired.keys(), now)
