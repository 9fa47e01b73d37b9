"""A look at every pair of a link (S33): what both sides really hold against what is remembered, and why they differ.

Refuses: writing anything itself; with ``repair`` the ordinary run does, from what the look brought in.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final, Literal

from bridge.engine.context import Run
from bridge.engine.pair import member_of
from bridge.engine.plan import View, plan_view, title_of
from bridge.engine.pull import fetch_announced, poll
from bridge.engine.references import with_refs
from bridge.engine.report import State
from bridge.engine.run import require_seeded, settle_all
from bridge.model import SIDES, Unset, Value
from state import conflicts, deletions, inbox, links, pairs, parked
from state.codec import load_record
from state.pairs import Pair
from state.store import Session

_PAGE = 500

_QUIET: Final = frozenset({"same", "agree", "ignored", "alone", "paused"})
"""Verdicts of a field that is as it shall be, or that rests for a reason which is told elsewhere."""

What = Literal["missed", "conflict", "parked", "drift", "waiting", "vanished", "unwritten"]


@dataclass(frozen=True, slots=True)
class Difference:
    """One field, or one item (``field`` is ""), that is not in step, and why.

    ``what``: *missed*: a side holds something no listing had brought (it slipped past a cursor); *vanished*: a member is
    gone; *conflict*, *parked*: it waits for a person; *waiting*: it waits for its turn; *unwritten*: one side changed and
    the other was not written yet; *drift*: both sides hold what was agreed last and differ (an undo, a changed map).
    """

    what: What
    kind: str
    title: str
    left_id: str
    right_id: str
    field: str = ""
    left: Value | Unset = None
    right: Value | Unset = None
    said: str = ""


@dataclass(slots=True)
class Audit:
    """One audit of one link; ``found`` and ``looked_at`` are filled by ``carry_out``."""

    repair: bool = False
    found: list[Difference] = field(default_factory=list)
    looked_at: int = 0

    async def carry_out(self, run: Run) -> State:
        """Settle what is known to have changed, then list both sides whole and compare pair by pair."""
        state = await settle_all(run)
        run.full, run.sweep = True, True
        await poll(run)
        await require_seeded(run)
        await fetch_announced(run)
        for kind in run.link.mappings:
            self.found.extend(await run.store.read(_missed, run, kind))
        for kind in run.link.mappings:
            after = 0
            while page := await run.store.read(pairs.walk, run.link.id, kind, after=after, limit=_PAGE):
                self.found.extend(await run.store.read(_unsettled, run, kind, page))
                self.looked_at += len(page)
                after = page[-1].id
        self.found.extend(await run.store.read(_vanished, run))
        await run.store.run(links.mark_audited, run.link.id, run.now())
        run.tally.counts["differences"] = len(self.found)
        return await settle_all(run) if self.repair else state


def _missed(session: Session, run: Run, kind: str) -> list[Difference]:
    """Pairs of which the full listing brought something that the changes' listings had not."""
    found: list[Difference] = []
    after = inbox.BEGIN
    while items := inbox.take(session, run.link.id, kind, after=after, limit=_PAGE, now=run.now()):
        after = inbox.place(items[-1])
        for side in SIDES:
            rows = {item.item_id: item for item in items if item.side == side and item.record is not None}
            for pair in pairs.by_items(session, run.link.id, kind, side, rows).values():
                item = rows[pair.item_id(side)]
                assert item.record is not None
                now = load_record(item.record, run.link.end(side).ref(kind, item.item_id))
                seen = load_record(pair.record(side), now.ref)
                found.extend(
                    _difference(
                        "missed",
                        pair,
                        title_of(now),
                        name,
                        f"the {side} holds {value!r}, {seen.fields.get(name)!r} was remembered; no listing had brought it",
                    )
                    for name, value in sorted(now.fields.items())
                    if name in run.link.mappings[kind].fields(side) and seen.fields.get(name) != value
                )
    return found


def _unsettled(session: Session, run: Run, kind: str, page: list[Pair]) -> list[Difference]:
    """What of these pairs is not in step by what is remembered of both sides, each field with its reason."""
    clashes = conflicts.by_pairs(session, [pair.id for pair in page])
    stuck = {
        side: parked.by_items(session, run.link.id, kind, side, {pair.item_id(side) for pair in page}) for side in SIDES
    }
    waiting = {
        side: inbox.get_many(session, run.link.id, kind, side, {pair.item_id(side) for pair in page}) for side in SIDES
    }
    found: list[Difference] = []
    views = [_view(run, pair) for pair in page]
    for pair, view in zip(page, with_refs(session, run.link, kind, views), strict=True):
        assert view.left is not None
        work = plan_view(run.link, view)
        held = [each for side in SIDES for each in stuck[side].get(pair.item_id(side), ())]
        title = title_of(view.left.record)
        found.extend(_difference("parked", pair, title, each.field, each.message) for each in held)
        if work.agreed:
            continue
        is_waiting = any(pair.item_id(side) in waiting[side] for side in SIDES)
        told = {each.field for each in held}
        for row, sight, outcome in zip(run.link.mappings[kind].rows, work.sights, work.outcomes, strict=True):
            if (pair.id, row.left) in clashes:
                said = f"conflict {clashes[pair.id, row.left].id}: both sides changed it"
                found.append(_difference("conflict", pair, title, row.left, said, sight.left, sight.right))
            elif outcome.verdict not in _QUIET and not told & {row.left, row.right, ""}:
                what: What = "drift" if outcome.verdict == "drift" else "waiting" if is_waiting else "unwritten"
                found.append(_difference(what, pair, title, row.left, outcome.rule, sight.left, sight.right))
    return found


def _view(run: Run, pair: Pair) -> View:
    left, right = (member_of(run.link, pair, side, None) for side in SIDES)
    return View(pair.kind, pair.entity, pair.id, left, right)


def _vanished(session: Session, run: Run) -> list[Difference]:
    known = deletions.find(session, run.link.id)
    by_id = pairs.by_ids(session, {each.pair_id for each in known})
    found = []
    for each in known:
        pair = by_id[each.pair_id]
        if pair.status != "vanished":
            continue
        title = title_of(load_record(pair.left, run.link.left.ref(pair.kind, pair.left_id)))
        found.append(_difference("vanished", pair, title, "", f"gone on the {each.side}: {each.evidence}"))
    return found


def _difference(
    what: What, pair: Pair, title: str, name: str, said: str, left: Value | Unset = None, right: Value | Unset = None
) -> Difference:
    return Difference(what, pair.kind, title, pair.left_id, pair.right_id, name, left, right, said)
