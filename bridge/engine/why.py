"""Answers "why is this item the way it is?" from the state alone: both values, their base, what waits, what was done.

Refuses: asking a tracker, and guessing: an item it cannot find is said to be unknown.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from bridge.engine.accepted import unaccepted
from bridge.engine.binding import rows_of
from bridge.engine.pair import member_of
from bridge.engine.plan import PARTS, View, title_of
from bridge.engine.reasons import Joined, LinkFacts, Reason, of_field, of_item
from bridge.engine.references import of_members
from bridge.errors import ConfigError
from bridge.model import SIDES, UNSET, Kind, Ref, Side, Unset, Value
from state import conflicts, history, inbox, intents, links, pairs, parked, runs
from state.codec import load_base, load_record

if TYPE_CHECKING:
    from datetime import datetime

    from bridge.model import Record
    from mappings.rows import Row
    from state.store import Session
    from state.tables import LinkRow

KINDS: Final = (Kind.TASK, Kind.LABEL, *sorted(PARTS))
_PAGE: Final = 2_000
_HISTORY: Final = 12
_LONG_AGO: Final = 1_000
_WRITES: Final = ("create", "update", "undo")
_SHORTEST_PREFIX: Final = 6

FieldNames = Mapping[str, Mapping[str, Sequence[tuple[str, str]]]]
"""By link name and kind: which left field is joined to which right one."""


@dataclass(frozen=True, slots=True)
class FieldStory:
    """One row of a pair: what each side holds and held when both agreed. A name is "" where a side has no such field.

    ``conflict`` is the unresolved one, ``parked`` why the field cannot go on, ``reasons`` why it is not in step, ``last``
    the newest write of it.
    """

    left_name: str
    right_name: str
    left: Value | Unset
    right: Value | Unset
    base_left: Value | Unset
    base_right: Value | Unset
    conflict: conflicts.Conflict | None = None
    parked: tuple[parked.Parked, ...] = ()
    reasons: tuple[Reason, ...] = ()
    last: history.Entry | None = None

    @property
    def state(self) -> str:
        """``settled``, ``conflict``, ``parked``, or the code of the first reason: ``waiting``, ``drift``, …"""
        if self.conflict is not None:
            return "conflict"
        if self.parked:
            return "parked"
        return self.reasons[0].code if self.reasons else "settled"


@dataclass(frozen=True, slots=True)
class Story:
    """What is known of one item in one link. ``pair`` is None for an item without a partner; ``paused_at``: since when a
    filter leaves it out.
    """

    link: str
    kind: str
    left: Record | None
    right: Record | None
    pair: int | None = None
    status: str = ""
    reason: str = ""
    waiting: tuple[inbox.Item, ...] = ()
    fields: tuple[FieldStory, ...] = ()
    parked: tuple[parked.Parked, ...] = ()
    history: tuple[history.Entry, ...] = ()
    reasons: tuple[Reason, ...] = ()
    paused_at: datetime | None = None

    @property
    def pair_name(self) -> str:
        """What a command takes for it."""
        held = self.left or self.right
        return "" if held is None else held.ref.key

    @property
    def title(self) -> str:
        """How a person knows it."""
        return next((text for side in (self.left, self.right) if side and (text := title_of(side))), "")


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a person typed, taken apart. ``url`` compares exactly, the rest narrows down."""

    text: str
    ids: tuple[str, ...]
    connection: str = ""
    container: str = ""
    url: str = ""

    @classmethod
    def of(cls, text: str) -> Wanted:
        """A URL, ``container#id``, ``connection:id`` or an id."""
        if re.match(r"https?://", text):
            url = _plain_url(text)
            parts = tuple(dict.fromkeys(part for part in reversed(re.split(r"[/?&=#]", url)) if part))
            return cls(text, parts, url=url)
        container, hash_, item = text.rpartition("#")
        if hash_ and container:
            return cls(text, (item,), container=container)
        connection, colon, item = text.partition(":")
        if colon and item:
            return cls(text, (item, text), connection=connection)
        return cls(text, (text.removeprefix("#"),))


def tell(
    session: Session,
    item: str,
    *,
    names: FieldNames | None = None,
    facts: Mapping[str, LinkFacts] | None = None,
    link: str | None = None,
    only: str | None = None,
) -> list[Story]:
    """Every story of an item, one a link. ``only`` keeps one field, by either side's name; with ``facts`` each says why
    it is not in step. Raises ConfigError if unknown.
    """
    if facts is not None:
        names = {
            at: {kind: [(row.left, row.right) for row in rows] for kind, rows in of.rows.items()}
            for at, of in facts.items()
        }
    wanted = Wanted.of(item)
    rows = [row for row in links.all_links(session) if link in (None, row.name)]
    stories = list(_stories(session, rows, wanted, names or {}))
    if not stories:
        raise ConfigError(
            f"no link knows {item!r}.",
            hint='Give its address, "container#id", "connection:id" or its id. What no sync has read yet is not known.',
        )
    if facts is not None:
        stories = [
            _explained(session, story, facts.get(story.link, LinkFacts(is_configured=False))) for story in stories
        ]
    return [_only(story, only) for story in stories] if only else stories


def _explained(session: Session, story: Story, facts: LinkFacts) -> Story:
    """The story with its reasons and with the last write of each field."""
    link_id = next(row.id for row in links.all_links(session) if row.name == story.link) or 0
    last = runs.latest(session).get(link_id)
    if facts.terms is not None:
        facts = replace(facts, changes=tuple(map(str, unaccepted(session, link_id, facts.terms))))
    joined = {(one.left, one.right): one for one in facts.rows.get(story.kind, ())}
    past = history.find(session, pair_id=story.pair, limit=_LONG_AGO) if story.pair is not None else []
    bound = _bound(session, story, facts, link_id)
    fields = tuple(
        replace(each, reasons=_of_field(story, each, joined.get(at), bound.get(at)), last=_last(each, past))
        for each in story.fields
        for at in ((each.left_name, each.right_name),)
    )
    due = {
        item.side: at
        for item in story.waiting
        if (at := inbox.due_at(session, link_id, story.kind, item.side, item.item_id)) is not None
    }
    told = replace(story, fields=fields)
    return replace(told, reasons=of_item(told, facts, last, due, _unknown(session, link_id, told)))


def _bound(session: Session, story: Story, facts: LinkFacts, link_id: int) -> Mapping[tuple[str, str], Row]:
    """The rows that a run would judge by, bound to both records; none where fields are not known without asking."""
    link, left = facts.link, story.left
    if link is None or left is None or story.pair is None or story.kind not in link.mappings:
        return {}
    pair = pairs.by_items(session, link_id, story.kind, "left", [left.ref.id]).get(left.ref.id)
    if pair is None:
        return {}
    members = {side: member_of(link, pair, side, None) for side in SIDES}
    refs = of_members(session, link, story.kind, {side: [member] for side, member in members.items()})
    view = View(story.kind, pair.entity, pair.id, members["left"], members["right"], refs=refs)
    return {(row.left, row.right): row for row in rows_of(link, view)}


def _of_field(story: Story, each: FieldStory, row: Joined | None, bound: Row | None) -> tuple[Reason, ...]:
    """Why a field is not in step. Of a part whose row is not bound to its task and author, what rests is what was agreed."""
    reasons = of_field(each, row, bound)
    is_at_rest = (each.left, each.right) == (each.base_left, each.base_right)
    if story.paused_at is not None:
        return tuple(
            replace(one, message=one.message.replace("the next run carries it over", "it waits until it is in scope"))
            for one in reasons
        )
    is_guessed = bound is None and story.kind in PARTS
    return () if is_guessed and is_at_rest and each.state == "settled" else reasons


def _unknown(session: Session, link_id: int, story: Story) -> list[str]:
    """The sides of which nobody knows yet whether a write to this item happened (S18)."""
    ids = {held.ref.id for held in (story.left, story.right) if held is not None}
    return sorted(
        {
            one.side
            for one in intents.unfinished(session, link_id)
            if one.kind == story.kind and (one.pair_id == story.pair if story.pair else one.source_id in ids)
        }
    )


def _last(each: FieldStory, past: Sequence[history.Entry]) -> history.Entry | None:
    """The newest write of a field on either side. ``past`` is newest first."""
    names = {("left", each.left_name), ("right", each.right_name)}
    return next((one for one in past if (one.side, one.field) in names and one.action in _WRITES), None)


def _stories(session: Session, rows: Iterable[LinkRow], wanted: Wanted, names: FieldNames) -> Iterator[Story]:
    for row in rows:
        for kind in KINDS:
            found = {pair.id: pair for side in _sides(row, wanted) for pair in _pairs(session, row, kind, side, wanted)}
            for pair in found.values():
                yield _pair_story(session, row, pair, names.get(row.name, {}).get(kind, ()))
            if not found:
                yield from _single_stories(session, row, kind, wanted)


def _sides(row: LinkRow, wanted: Wanted) -> list[Side]:
    """The sides that can hold the item, by connection and container as far as they were given."""
    ends: dict[Side, tuple[str, str]] = {
        "left": (row.left_connection, row.left_container),
        "right": (row.right_connection, row.right_container),
    }
    return [
        side
        for side in SIDES
        if wanted.connection in ("", ends[side][0]) and wanted.container.casefold() in ("", ends[side][1].casefold())
    ]


def _pairs(session: Session, row: LinkRow, kind: str, side: Side, wanted: Wanted) -> Iterator[pairs.Pair]:
    assert row.id is not None
    exact = pairs.by_items(session, row.id, kind, side, wanted.ids).values()
    fitting = [pair for pair in exact if _fits(pair.record(side), row, kind, side, pair.item_id(side), wanted)]
    if kind in PARTS:  # by id alone: their addresses and the beginnings of their ids are those of their tasks
        yield from () if wanted.url else fitting
        return
    if fitting or (not wanted.url and len(wanted.text) < _SHORTEST_PREFIX):
        yield from fitting
        return
    for pair in _walk(session, row.id, kind):  # an address of another form, or the beginning of a long id
        if wanted.url:
            if _fits(pair.record(side), row, kind, side, pair.item_id(side), wanted):
                yield pair
        elif any(len(text) >= _SHORTEST_PREFIX and pair.item_id(side).startswith(text) for text in wanted.ids):
            yield pair


def _walk(session: Session, link_id: int, kind: str) -> Iterator[pairs.Pair]:
    after = 0
    while page := pairs.walk(session, link_id, kind, after=after, limit=_PAGE):
        yield from page
        after = page[-1].id


def _fits(record: str, row: LinkRow, kind: str, side: Side, item_id: str, wanted: Wanted) -> bool:
    return not wanted.url or _plain_url(load_record(record, _ref(row, kind, side, item_id)).url) == wanted.url


def _plain_url(url: str) -> str:
    return url.partition("#")[0].rstrip("/").casefold()


def _ref(row: LinkRow, kind: str, side: Side, item_id: str) -> Ref:
    if side == "left":
        return Ref(row.left_connection, row.left_container, kind, item_id)
    return Ref(row.right_connection, row.right_container, kind, item_id)


def _pair_story(session: Session, row: LinkRow, pair: pairs.Pair, names: Sequence[tuple[str, str]]) -> Story:
    assert row.id is not None
    left = load_record(pair.left, _ref(row, pair.kind, "left", pair.left_id))
    right = load_record(pair.right, _ref(row, pair.kind, "right", pair.right_id))
    stuck = [each for side in SIDES for each in _stuck(session, row.id, pair.kind, side, pair.item_id(side))]
    clashes = {name: clash for (_, name), clash in conflicts.by_pairs(session, [pair.id]).items()}
    waiting = [
        found[pair.item_id(side)]
        for side in SIDES
        if pair.item_id(side) in (found := inbox.get_many(session, row.id, pair.kind, side, [pair.item_id(side)]))
    ]
    return Story(
        row.name,
        pair.kind,
        left,
        right,
        pair=pair.id,
        status=pair.status,
        reason=pair.reason,
        waiting=tuple(waiting),
        fields=tuple(_fields(left, right, pair, names, clashes, stuck)),
        parked=tuple(each for each in stuck if not each.field),
        history=tuple(history.find(session, pair_id=pair.id, limit=_HISTORY)),
        paused_at=pair.paused_at,
    )


def _fields(
    left: Record,
    right: Record,
    pair: pairs.Pair,
    names: Sequence[tuple[str, str]],
    clashes: Mapping[str, conflicts.Conflict],
    stuck: Sequence[parked.Parked],
) -> Iterator[FieldStory]:
    base_left, base_right = load_base(pair.base_left), load_base(pair.base_right)
    for one, two in names or [(name, name) for name in sorted({*left.fields, *right.fields})]:
        now_left, now_right = left.fields.get(one, UNSET), right.fields.get(two, UNSET)
        yield FieldStory(
            one,
            two,
            now_left,
            now_right,
            base_left.get(one, now_left),
            base_right.get(two, now_right),
            clashes.get(one),
            tuple(each for each in stuck if (each.side, each.field) in (("left", one), ("right", two))),
        )


def _single_stories(session: Session, row: LinkRow, kind: str, wanted: Wanted) -> Iterator[Story]:
    """Items that were read or parked but have no partner."""
    assert row.id is not None
    for side in _sides(row, wanted):
        rows = inbox.get_many(session, row.id, kind, side, wanted.ids)
        for item_id in wanted.ids:
            item = rows.get(item_id)
            stuck = tuple(_stuck(session, row.id, kind, side, item_id))
            if item is None and not stuck:
                continue
            ref = _ref(row, kind, side, item_id)
            record = load_record(item.record, ref) if item is not None and item.record else None
            past = history.find(session, link_id=row.id, kind=kind, side=side, item_id=item_id, limit=_HISTORY)
            yield Story(
                row.name,
                kind,
                record if side == "left" else None,
                record if side == "right" else None,
                waiting=() if item is None else (item,),
                parked=stuck,
                history=tuple(past),
            )


def _stuck(session: Session, link_id: int, kind: str, side: Side, item_id: str) -> list[parked.Parked]:
    return parked.find(session, link_id=link_id, kind=kind, side=side, item_id=item_id)


def _only(story: Story, name: str) -> Story:
    kept = tuple(each for each in story.fields if name in (each.left_name, each.right_name))
    if story.pair is not None and not kept:
        known = sorted({each.left_name for each in story.fields} | {each.right_name for each in story.fields})
        raise ConfigError(f"link {story.link!r} has no field {name!r}.", hint=f"It has: {', '.join(known)}.")
    sides = {(side, each) for one in kept for side, each in (("left", one.left_name), ("right", one.right_name))}
    past = tuple(entry for entry in story.history if not entry.field or (entry.side, entry.field) in sides)
    return replace(story, fields=kept, history=past)
