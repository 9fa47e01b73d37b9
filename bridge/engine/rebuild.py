"""A new database from what stands on the trackers: joins what is surely one, tells the rest (S8, S8a).

Refuses: writing to a tracker. What it leaves stays in the inbox, so that the next run does with it as it always does.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Final, Literal

from msgspec import structs

from bridge.engine.context import Run
from bridge.engine.link import Link, marker_key
from bridge.engine.plan import View, Work, plan_view, title_of
from bridge.engine.pull import fetch_announced, poll
from bridge.engine.report import State, Tally
from bridge.engine.run import batches, put_aside, require_seeded
from bridge.engine.settle import settle
from bridge.engine.wave import Finished
from bridge.model import SIDES, Create, FieldConflict, Hold, Marker, Side, Update
from state import conflicts, inbox, pairs
from state.store import Session

What = Literal["conflict", "pending", "differs", "alone", "unclear"]

_MOST_IDLE: Final = 3
"""Rounds of reading single items that join nothing before what is left is left to the next run."""

_FOR_EVER: Final = datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Left:
    """What a rebuild leaves to a person or to the next run.

    ``what``: *conflict*: joined, and ``fields`` hold different values; *pending*: joined, and the next run carries
    ``fields`` over; *differs*: equal by the match rule and different in ``fields``, not joined; *alone*: without a
    partner; *unclear*: which records belong together cannot be told. ``said`` explains it.
    """

    link: str
    what: What
    kind: str
    title: str
    left: str | None
    right: str | None
    fields: tuple[str, ...] = ()
    said: str = ""


async def rebuild(run: Run, left: list[Left]) -> State:
    """Make first contact of a link whose state was lost; ``left`` is told what was not joined or does not agree.

    Joined are two records by another link's pairs, marker or external id; by the match rule only where they also agree
    in every mapped value. A difference becomes a conflict, whatever ``first_contact`` says: after a loss nobody knows
    which side is the newer. Nothing is written to a tracker.
    """
    decides = run.link.first_contact != "manual"
    run = replace(run, link=_careful(run.link))
    await poll(run)
    await require_seeded(run)
    idle = 0
    while idle < _MOST_IDLE:
        fetched = await fetch_announced(run)
        joined = sum([await _join_kind(run, kind, decides=decides) for kind in run.link.mappings])
        if not (fetched or joined):
            break
        idle = 0 if joined else idle + 1
    left.extend(await run.store.read(_clashes, run.link))
    for kind in run.link.mappings:
        left.extend(await _rest(run, kind))
    return "done"


def _careful(link: Link) -> Link:
    """The link as a rebuild looks at it: equal records are joined also where a first contact would only create."""
    initial = "match-then-create" if link.initial == "create" else link.initial
    return replace(link, first_contact="manual", initial=initial)


# --- joining ------------------------------------------------------------------------------------------------------------


async def _join_kind(run: Run, kind: str, *, decides: bool) -> int:
    """One pass over the inbox: how many pairs it made. Each may make another match unique, so there are several."""
    before = run.tally.counts["paired"]
    async for found in batches(run, kind):
        run.tally.add(await run.store.run(_join, run, kind, found.views, decides=decides))
        await put_aside(run, kind, found)
    return run.tally.counts["paired"] - before


def _join(session: Session, run: Run, kind: str, views: Sequence[View], *, decides: bool) -> Tally:
    """Store the pairs that are surely one, in one transaction."""
    works = [plan_view(run.link, view) for view in views if view.pair is None and view.left and view.right]
    doubted = _doubted(session, run.link, kind, works)
    sure = [work for work in works if _is_sure(run.link, work) and not _ids(work.view) & doubted]
    _, counted = settle(session, run, [Finished(_unwritten(work, decides=decides)) for work in sure])
    return counted


def _is_sure(link: Link, work: Work) -> bool:
    """Whether two records may be taken for one without asking: equal titles alone are not enough."""
    return work.view.by != "match" or not _differing(link, work)


def _differing(link: Link, work: Work) -> tuple[str, ...]:
    """The rows in which two records do not agree. Members of a set that no map knows are no difference (S10)."""
    rows = link.mappings[work.view.kind].rows
    return tuple(
        row.left
        for row, outcome in zip(rows, work.outcomes, strict=False)
        if outcome.verdict not in ("same", "agree", "alone") and not (row.is_set and outcome.verdict == "hold")
    )


def _unwritten(work: Work, *, decides: bool) -> Work:
    """The work without its writes. Its inbox rows stay for the next run, which makes them, unless a conflict is there
    that this run's ``first_contact`` would decide (``decides``): then they come back with the answer to it.
    """
    quiet = tuple(op for op in work.operations if not isinstance(op, Update))
    clashing = any(isinstance(op, FieldConflict) for op in quiet)
    if len(quiet) == len(work.operations) or (clashing and decides):
        return structs.replace(work, operations=quiet)
    return structs.replace(work, operations=quiet, view=_kept(work.view))


def _kept(view: View) -> View:
    """The view without the inbox rows that settling would remove."""
    assert view.left is not None
    assert view.right is not None
    return structs.replace(
        view, left=structs.replace(view.left, item=None), right=structs.replace(view.right, item=None)
    )


def _ids(view: View) -> set[tuple[Side, str]]:
    members = {side: view.member(side) for side in SIDES}
    return {(side, member.record.ref.id) for side, member in members.items() if member is not None}


# --- copied markers -----------------------------------------------------------------------------------------------------


def _doubted(session: Session, link: Link, kind: str, works: Sequence[Work]) -> set[tuple[Side, str]]:
    """Records whose marker others of their side carry too, for somebody copied a text: which is the original is not
    known, unless it is the only one of which nothing else was made.
    """
    marks = {at: name for work in works for at, name in _marks(link, work).items()}
    several = {name: ids for name, ids in _carriers(session, link, kind, marks.values()).items() if len(ids) > 1}
    if not several:
        return set()
    sources = {_named(link, kind, *at): at for ids in several.values() for at in ids}
    made_from = {sources[name] for name in _carriers(session, link, kind, sources)}
    found = set()
    for at, name in marks.items():
        rivals = [one for one in several.get(name, ()) if one[0] == at[0]]
        if len(rivals) > 1 and [one for one in rivals if one not in made_from] != [at]:
            found.add(at)
    return found


def _marks(link: Link, work: Work) -> dict[tuple[Side, str], str]:
    """What the two records of a work say they belong to. What another link knows needs no mark."""
    rule = link.matches.get((link.id, work.view.kind))
    found: dict[tuple[Side, str], str] = {}
    for side in SIDES if work.view.by != "entity" else ():
        member = work.view.member(side)
        assert member is not None
        mark = member.record.marker if rule is None else rule.named(side, member.record)
        if mark is not None:
            found[side, member.record.ref.id] = marker_key(mark)
    return found


def _carriers(session: Session, link: Link, kind: str, names: Iterable[str]) -> dict[str, list[tuple[Side, str]]]:
    """The records in the inbox that carry these markers, by marker."""
    found: dict[str, list[tuple[Side, str]]] = defaultdict(list)
    for row in inbox.by_marker(session, link.id, kind, set(names)):
        found[row.marker_key or ""].append((row.side, row.item_id))
    return found


def _named(link: Link, kind: str, side: Side, item_id: str) -> str:
    """How a marker names a record."""
    return marker_key(Marker.of(link.end(side).ref(kind, item_id)))


# --- what is left -------------------------------------------------------------------------------------------------------


def _clashes(session: Session, link: Link) -> list[Left]:
    """The conflicts, one line a pair."""
    fields: dict[int, list[str]] = defaultdict(list)
    titles: dict[int, str] = {}
    for conflict in conflicts.find(session, link_id=link.id):
        fields[conflict.clash.pair_id].append(conflict.clash.field)
        titles[conflict.clash.pair_id] = conflict.clash.title
    known = pairs.by_ids(session, fields)
    said = "both sides hold a value and nobody knows which is the newer (S8)"
    return [
        Left(
            link.name, "conflict", known[at].kind, titles[at], known[at].left_id, known[at].right_id, tuple(names), said
        )
        for at, names in fields.items()
    ]


async def _rest(run: Run, kind: str) -> list[Left]:
    """What the inbox still holds, each item once."""
    told: list[Left] = []
    seen: set[tuple[Side, str]] = set()
    async for found in batches(run, kind):
        works = [plan_view(run.link, view) for view in found.views if not _ids(view) & seen]
        pairable = [work for work in works if work.view.pair is None and work.view.left and work.view.right]
        doubted = await run.store.read(_doubted, run.link, kind, pairable)
        for work in works:
            seen |= _ids(work.view)
            one = _left(run.link, work, doubted=bool(_ids(work.view) & doubted))
            if one is not None:
                told.append(one)
    for item in await run.store.read(inbox.announced, run.link.id, kind, _FOR_EVER):
        ids = _sides(item.side, item.item_id)
        told.append(Left(run.link.name, "unclear", kind, item.item_id, *ids, said="it could not be read just now"))
    return told


def _sides(side: Side, item_id: str) -> tuple[str | None, str | None]:
    return (item_id, None) if side == "left" else (None, item_id)


def _left(link: Link, work: Work, *, doubted: bool) -> Left | None:
    """One work of the inbox as a line for a person; None when the next run settles it without a word."""
    view = work.view
    member = view.left if view.left is not None else view.right
    assert member is not None
    ids = tuple(None if at is None else at.record.ref.id for at in (view.left, view.right))
    what, fields, said = _judged(link, work, doubted=doubted)
    if what is None:
        return None
    return Left(link.name, what, view.kind, title_of(member.record), ids[0], ids[1], fields, said)


def _judged(link: Link, work: Work, *, doubted: bool) -> tuple[What | None, tuple[str, ...], str]:
    view = work.view
    if view.hold is not None:
        return ("alone" if view.hold.reason == "initial" else "unclear"), (), view.hold.message
    if view.left is None or view.right is None:
        for operation in work.operations:
            if isinstance(operation, Create):
                there = link.end(operation.side)
                return "alone", (), f"the next sync makes it in {there.connection}:{there.container}"
        return "unclear", (), "; ".join(op.message for op in work.operations if isinstance(op, Hold))
    if view.pair is not None:
        changes = [change for op in work.operations if isinstance(op, Update) for change in op.changes]
        said = "; ".join(dict.fromkeys(change.rule for change in changes))
        return ("pending" if changes else None), tuple(dict.fromkeys(change.field for change in changes)), said
    if doubted:
        return "unclear", (), "several items carry the marker of one: somebody copied a text that Bridge had marked"
    return "differs", _differing(link, work), "equal by the match rule, and not in all values"
