"""Who is who on a link, with the lists of people that both trackers show (S14): asks for them when they are old, and wakes
what waited for somebody who is known now.

A list that a tracker does not show is noted and told, never an error of a run.
"""

from __future__ import annotations

from asyncio import Lock
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final, Protocol

from bridge import log
from bridge.engine.again import let_go, wake, wake_unsettled
from bridge.engine.link import End, Link
from bridge.engine.sets import members, reshaped
from bridge.errors import AuthError, ContainerError, RetryableError, TrackerError
from bridge.merge import key
from bridge.model import SIDES, Base, Ref, Side, other
from connectors.base import directory_of
from mappings.people import Matched, People, by_email, dump, known_also, load, people_in
from mappings.rows import Row
from state import directories, links, pairs, parked
from state.codec import dump_base, load_base, load_record
from state.directories import Known
from state.pairs import Pair
from state.store import Session, Store

_SOON: Final = timedelta(hours=1)
"""When a list is asked for again that did not come for a reason that may pass."""

_GONE: Final = "(nobody)"
"""In the base of a set, for one moment: somebody unknown who has gone, so that whoever stood in for them goes as well."""

_log = log.get(__name__)


async def acquainted(
    store: Store,
    link: Link,
    now: Callable[[], datetime],
    *,
    asking: defaultdict[tuple[str, str], Lock],
    fresh: bool = False,
) -> Link:
    """The link with everybody whom it can know; asks for a list that is older than the connection says, ``fresh`` for
    both. No request where no list could help, nor where a connection lets none be read. ``asking``: by connection and container, so that links which share a place
    and run at once ask for its list once.
    """
    is_off = any(not end.people_every_s for end in (link.left, link.right))
    if is_off or not (fresh or is_helped(link)):
        return link
    held: dict[Side, Known] = {}
    for end in (link.left, link.right):
        async with asking[end.connection, end.container]:
            held[end.side] = await _known(store, end, now(), fresh=fresh)
    stamps = held["left"].read_at, held["right"].read_at
    if stamps == link.met:
        return link
    return replace(knowing(link, joined(link.people, held)[0]), met=stamps)


def knowing(link: Link, people: People) -> Link:
    """The link with these people in all its rows."""
    mappings = {kind: mapping.knowing(people) for kind, mapping in link.mappings.items()}
    return replace(link, mappings=mappings, known=people)


async def introduced(link: Link, now: datetime) -> Link:
    """The link with everybody whom it can know, both lists asked for now and kept nowhere. A list that is refused tells
    nobody.
    """
    if not is_helped(link):
        return link
    held: dict[Side, Known] = {}
    for end in (link.left, link.right):
        directory = directory_of(end.connector)
        try:
            people = () if directory is None else await directory.people(end.container)
            held[end.side] = Known(people, now, now)
        except TrackerError as error:
            held[end.side] = Known((), None, now, error.message)
    return knowing(link, joined(link.people, held)[0])


def is_helped(link: Link) -> bool:
    """Whether the lists of both sides can tell more about somebody than the rows of [[people]] and equal addresses do."""
    if any(directory_of(end.connector) is None or not end.people_every_s for end in (link.left, link.right)):
        return False
    lenses = [
        people_in(row.lens) for mapping in link.mappings.values() for row in mapping.rows if row.direction != "off"
    ]
    stands_in = any(link.people.fallback(side).how != "leave" for side in SIDES)
    return any(lens is not None and (stands_in or not lens.match_equal) for lens in lenses)


def joined(people: People, held: Mapping[Side, Known]) -> tuple[People, Matched]:
    """The people of a link by its rows and by e-mail, with what was found by e-mail.

    While a list that is asked for was not read once, nobody counts as unknown enough for somebody to stand in.
    """
    rows = [(left, people.right_of[key(left)]) for left in people.left_of.values()]
    matched = by_email(rows, held["left"].people, held["right"].people)
    known = known_also(people, matched)
    if any(each.read_at is None and each.tried_at is not None for each in held.values()):
        return known.without_fallback(), matched
    there = {side: _there(held[side]) if known.fallback(side).how != "leave" else None for side in SIDES}
    return replace(known, left_there=there["left"], right_there=there["right"]), matched


class Place(Protocol):
    """Where a list of people belongs: an end of a link, in the configuration or at work."""

    @property
    def connection(self) -> str: ...

    @property
    def container(self) -> str: ...


def remembered(session: Session, people: People, left: Place, right: Place) -> People:
    """The people of a link with those whom the kept lists tell; asks nobody."""
    held: dict[Side, Known] = {
        side: directories.get(session, end.connection, end.container)
        for side, end in zip(SIDES, (left, right), strict=True)
    }
    return joined(people, held)[0]


def _there(known: Known) -> frozenset[str] | None:
    """None where the list was never read: nobody is taken for missing then."""
    return frozenset(key(one.name) for one in known.people if one.active) if known.read_at is not None else None


async def _known(store: Store, end: End, now: datetime, *, fresh: bool) -> Known:
    held = await store.read(directories.get, end.connection, end.container)
    every = timedelta(seconds=end.people_every_s)
    directory = directory_of(end.connector)
    if directory is None or not (fresh or held.tried_at is None or now - held.tried_at >= every):
        return held
    try:
        people = await directory.people(end.container)
        if held.people and not people:
            raise RetryableError(f"{end.connection} lists nobody, where {len(held.people)} were listed before.")
    except TrackerError as error:
        is_general = isinstance(error, AuthError) or (
            isinstance(error, ContainerError) and error.reason != "permission"
        )
        passes = is_general or isinstance(error, RetryableError)
        tried = now - max(every - _SOON, timedelta()) if passes else now
        await store.run(directories.note_failure, end.connection, end.container, error.message, tried)
        if not is_general:  # of the whole place the run tells as well
            _log.warning("people.unreadable", connection=end.connection, container=end.container, error=error.message)
    else:
        await store.run(directories.keep, end.connection, end.container, people, now)
        _log.info("people.read", connection=end.connection, container=end.container, people=len(people))
    return await store.read(directories.get, end.connection, end.container)


# --- who was nobody and is somebody now -------------------------------------------------------------------------------


def judge_anew(session: Session, link: Link, now: datetime) -> None:
    """Somebody is taken for somebody else than in the last run: what waited for that is planned again, and what was
    written for a person who was nobody until now is open again.
    """
    text = dump(link.known)
    before = links.get(session, link.id).people
    if text == before:
        return
    if before:
        _open_again(session, link, load(before, link.known), now)
        wake_unsettled(session, link, now)
        names = {row.field(side) for side in SIDES for row in _rows(link)}
        held = [each.id for each in parked.find(session, link_id=link.id) if each.field in names]
        let_go(session, parked.release(session, ids=held), 0, now)
    links.note_people(session, link.id, text)


def _rows(link: Link, kind: str | None = None) -> list[Row]:
    return [
        row
        for name, mapping in link.mappings.items()
        if kind in (None, name)
        for row in mapping.rows
        if people_in(row.lens) is not None and row.direction not in ("off", "create-only")
    ]


def _open_again(session: Session, link: Link, before: People, now: datetime) -> None:
    """Only tasks: nobody stands in for another elsewhere."""
    rows, after = _rows(link, "task"), 0
    if not rows or all(before.fallback(side).how == "leave" for side in SIDES):
        return
    while page := pairs.walk(session, link.id, "task", after=after, limit=500):
        moved = [(pair, bases) for pair in page if (bases := _bases(rows, pair, before)) is not None]
        pairs.set_bases(session, [(pair.id, dump_base(bases[0]), dump_base(bases[1])) for pair, bases in moved])
        wake(session, link.id, "task", "left", [pair.left_id for pair, _ in moved], now)
        after = page[-1].id


def _bases(rows: list[Row], pair: Pair, before: People) -> tuple[Base, Base] | None:
    """The base overlays of a pair without those who are called otherwise than before; None where nobody is."""
    bases = {"left": load_base(pair.base_left), "right": load_base(pair.base_right)}
    has_changed = False
    for side in SIDES:
        fields = load_record(pair.record(side), Ref("", "", "task", "")).fields
        for row in rows:
            name = row.field(side)
            names = members(bases[side].get(name, fields.get(name)))
            left = _still_called(row, side, names, before) if row.writes_to(other(side)) else names
            if left != names:
                bases[side][name] = reshaped(row.spec(side), left)
                has_changed = True
    return (bases["left"], bases["right"]) if has_changed else None


def _still_called(row: Row, side: Side, names: tuple[str, ...], before: People) -> tuple[str, ...]:
    people, to = people_in(row.lens), other(side)
    if people is None:
        return names
    old, new = before.fallback(to), people.fallback(to)
    was = before.matching(people.match_equal)
    unknown = [name for name in names if was.known(to, name) is None and not was.is_unsure(to, name)]
    if old != new and row.is_set and old.how == "default":
        return names  # whoever stands there by now is left to the people there
    gone = {name for name in unknown if old.how != "leave" and _said(people, to, name) != (old.person or None)}
    left = tuple(name for name in names if name not in gone)
    has_room = row.spec(side).type.is_set or not left
    return (*left, _GONE) if gone and row.is_set and old.how == "default" and has_room else left


def _said(people: People, to: Side, name: str) -> str | None:
    return people.known(to, name) or people.stand_in(to)
