"""What taking back a run comes to: the history in, targets out; fresh records in, changes out. Pure.

A value is taken back only where it still is what we wrote. What a person changed since is left alone and told.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal

from bridge.engine.link import Link
from bridge.engine.outcome import unwritable
from bridge.engine.plan import title_of
from bridge.engine.sets import members
from bridge.engine.why import Wanted
from bridge.merge import apply_delta, delta, key
from bridge.model import SIDES, Delete, FieldChange, Hold, Kind, Plan, Record, Ref, Side, Unset, Update, Value
from mappings.rows import Row
from state.codec import load_record
from state.history import Entry
from state.pairs import Pair

Creates = Literal["close", "delete", "keep"]

WRITES: Final = frozenset({"create", "update", "undo", "mark"})
"""The history's actions that have before-images."""

_PREFIX: Final = 6


@dataclass(frozen=True, slots=True)
class Choice:
    """What a person wants taken back: a run, or of it these items and fields only. ``creates`` is for what it made."""

    run: int
    items: tuple[str, ...] = ()
    fields: tuple[str, ...] = ()
    creates: Creates = "close"


@dataclass(frozen=True, slots=True)
class Wish:
    """``field`` shall be ``before`` again, where it still is what was written."""

    field: str
    wrote: Value
    before: Value
    rule: str


@dataclass(frozen=True, slots=True)
class Target:
    """A pair of which something is to be taken back. ``delete``: the side whose record is to go, if its wishes hold."""

    kind: str
    items: Mapping[Side, str]
    wishes: Mapping[Side, tuple[Wish, ...]]
    delete: Side | None = None


@dataclass(frozen=True, slots=True)
class Past:
    """What the history knows: the entries of the run, later ones of the same pairs, both oldest first; the pairs."""

    entries: Sequence[Entry]
    later: Sequence[Entry]
    pairs: Mapping[int, Pair]


@dataclass(slots=True)
class Inverse:
    """Targets, and what cannot be one with the reason."""

    targets: list[Target] = field(default_factory=list)
    holds: list[Hold] = field(default_factory=list)


# --- from the history ------------------------------------------------------------------------------------------------


def from_history(link: Link, past: Past, choice: Choice) -> Inverse:
    """Group a run's writes by pair, each field back to its first before-image."""
    found = Inverse()
    wanted = [Wanted.of(item) for item in choice.items]
    by_pair: dict[int, list[Entry]] = defaultdict(list)
    for entry in past.entries:
        pair = past.pairs.get(entry.pair_id or 0)
        ids = () if pair is None else (pair.left_id, pair.right_id)
        known = entry.item_id in ids  # the number of a pair may have been given to a later one
        if known and (entry.action in WRITES or entry.action == "delete"):
            by_pair[entry.pair_id or 0].append(entry)
    for pair_id, entries in by_pair.items():
        pair = past.pairs[pair_id]
        if wanted and not any(is_meant(link, pair, each) for each in wanted):
            continue
        if pair.status != "live":
            found.holds.append(_hold(link, pair, "left", "not-undoable", _not_live(pair, entries)))
            continue
        later = [entry for entry in past.later if entry.pair_id == pair_id]
        _add(found, link, pair, entries, later, choice)
    return found


def is_meant(link: Link, pair: Pair, wanted: Wanted) -> bool:
    """Whether a person's word for an item names one side of this pair."""
    for side in SIDES:
        end, item = link.end(side), pair.item_id(side)
        if wanted.connection not in ("", end.connection) or (
            wanted.container.casefold() not in ("", end.container.casefold())
        ):
            continue
        if wanted.url:
            if _record(link, pair, side).url.partition("#")[0].rstrip("/").casefold() == wanted.url:
                return True
        elif item in wanted.ids or any(len(text) >= _PREFIX and item.startswith(text) for text in wanted.ids):
            return True
    return False


def _not_live(pair: Pair, entries: Sequence[Entry]) -> str:
    if any(entry.action == "delete" for entry in entries):
        return "that run deleted it, and what is deleted does not come back by an undo"
    return f"its pair is {pair.status} ({pair.reason}), so it is left alone"


def _add(
    found: Inverse, link: Link, pair: Pair, entries: Sequence[Entry], later: Sequence[Entry], choice: Choice
) -> None:
    made = next((side for side in SIDES for e in entries if e.action == "create" and e.side == side), None)
    whole = made is not None and not choice.fields
    wishes: dict[Side, tuple[Wish, ...]] = {}
    for side in SIDES:
        if not (whole and side == made):
            chains = _chains([e for e in entries if e.side == side and e.action != "create"])
            rows = link.mappings[pair.kind].rows if pair.kind in link.mappings else ()
            wishes[side] = tuple(
                _wish(chain, choice.run) for name, chain in chains.items() if _is_chosen(rows, side, name, choice)
            )
    delete: Side | None = None
    if made is not None and whole:
        own, hold = _of_create(link, pair, made, entries, later, choice)
        if hold is not None:
            found.holds.append(hold)
        wishes[made] = own
        delete = made if own and choice.creates == "delete" else None
    wishes = {side: some for side, some in wishes.items() if some}
    if wishes:
        found.targets.append(Target(pair.kind, {side: pair.item_id(side) for side in SIDES}, wishes, delete))


def _chains(entries: Sequence[Entry]) -> dict[str, list[Entry]]:
    chains: dict[str, list[Entry]] = defaultdict(list)
    for entry in entries:
        if entry.field and entry.action in WRITES:
            chains[entry.field].append(entry)
    return chains


def _wish(chain: Sequence[Entry], run: int) -> Wish:
    rule = f"undo of run {run}: {chain[-1].rule}" if chain[-1].rule else f"undo of run {run}"
    return Wish(chain[0].field, _known(chain[-1].after), _known(chain[0].before), rule)


def _known(value: Value | Unset) -> Value:
    return None if isinstance(value, Unset) else value


def _is_chosen(rows: Sequence[Row], side: Side, name: str, choice: Choice) -> bool:
    if not choice.fields:
        return True
    names = {name} | {each for row in rows if row.field(side) == name for each in (row.left, row.right)}
    return bool(names & set(choice.fields))


def _of_create(
    link: Link, pair: Pair, side: Side, entries: Sequence[Entry], later: Sequence[Entry], choice: Choice
) -> tuple[tuple[Wish, ...], Hold | None]:
    """The wishes that take back a create, or why it stays: close it, or delete it if it is as it was made."""
    can = link.end(side).connector.kinds()[pair.kind]
    if choice.creates == "keep":
        return (), _hold(link, pair, side, "not-undoable", "the run created it; it is kept (--creates keep)")
    if pair.kind == Kind.LABEL:
        why = "the run created this label; it stays, for deleting it would take it off every item that has it"
        return (), _hold(link, pair, side, "not-undoable", why)
    if choice.creates == "delete" and not can.delete:
        why = can.reasons.get("delete", f"a {pair.kind} cannot be deleted there")
        return (), _hold(link, pair, side, "not-undoable", f"{why} (--creates close)")
    if choice.creates == "close" and not can.closes:
        why = f"a {pair.kind} cannot be closed on {link.end(side).connection} (--creates delete)"
        return (), _hold(link, pair, side, "not-undoable", why)
    own = _chains([entry for entry in entries if entry.side == side])
    then = _chains([entry for entry in later if entry.side == side])
    seen = _record(link, pair, side).fields
    if choice.creates == "close":
        after = dict(can.closes)
    else:
        after = dict.fromkeys(sorted(link.mappings[pair.kind].fields(side) | own.keys()))
    rule = f"undo of run {choice.run}, which created it"
    wishes = []
    for name, value in after.items():
        if name in own:
            wrote = _known(own[name][-1].after)
        else:  # not written by the create: what it had before anything else wrote it
            wrote = _known(then[name][0].before) if name in then else seen.get(name)
        wishes.append(Wish(name, wrote, value, rule))
    return tuple(wishes), None


# --- from a saved plan -----------------------------------------------------------------------------------------------


def from_plan(plan: Plan) -> list[tuple[Side, Target]]:
    """What a reviewed plan says, as targets of one side each. It takes back what still is as it was when it was made."""
    found: list[tuple[Side, Target]] = []
    for each in plan.operations:
        if isinstance(each, Update | Delete):
            wishes = tuple(Wish(c.field, c.before, c.after, c.rule) for c in each.changes)
            delete = each.side if isinstance(each, Delete) else None
            found.append((each.side, Target(each.kind, {each.side: each.item.id}, {each.side: wishes}, delete)))
    return found


# --- against what is there now ----------------------------------------------------------------------------------------


@dataclass(slots=True)
class Judged:
    """What of a target can be done, by side; ``delete`` is the order when that is what it comes to."""

    changes: dict[Side, tuple[FieldChange, ...]] = field(default_factory=dict)
    delete: Delete | None = None
    holds: list[Hold] = field(default_factory=list)


def judge(
    link: Link, target: Target, pair: Pair, records: Mapping[Side, Record], contested: Collection[str] = ()
) -> Judged:
    """Compare wishes with the records as just read. ``contested``: left names of rows in conflict, which are left alone."""
    judged = Judged()
    rows = link.mappings[target.kind].rows if target.kind in link.mappings else ()
    for side, wishes in target.wishes.items():
        record = records.get(side)
        if record is None:
            continue
        if target.delete == side:
            _judge_delete(judged, rows, side, pair, record, wishes)
            continue
        changes = []
        for wish in wishes:
            row = next((row for row in rows if row.field(side) == wish.field), None)
            said = _change(row, side, record, wish)
            if row is not None and row.left in contested:
                said = Hold(
                    target.kind, side, record.ref, title_of(record), wish.field, "in-conflict",
                    "it is in conflict: resolve that instead",
                )  # fmt: skip
            if isinstance(said, FieldChange):
                changes.append(said)
            elif said is not None:
                judged.holds.append(said)
        if changes:
            judged.changes[side] = tuple(changes)
    return judged


def _change(row: Row | None, side: Side, record: Record, wish: Wish) -> FieldChange | Hold | None:
    """One field: the change, why not, or None when there is nothing to take back any more."""
    if wish.field not in record.fields:
        return _left_alone(record, side, wish.field, "failed", "it cannot be read there")
    now, wrote, before = (_normal(row, side, value) for value in (record.fields[wish.field], wish.wrote, wish.before))
    if isinstance(now, tuple) or isinstance(wrote, tuple):
        new: Value = apply_delta(members(now), delta(members(wrote), members(before)))
        if {key(name) for name in members(new)} == {key(name) for name in members(now)}:
            return None
    elif now == before:
        return None
    elif now != wrote:
        said = f"changed since, left alone: it holds {_shown(now)}, the run had written {_shown(wrote)}"
        return _left_alone(record, side, wish.field, "changed-since", said)
    else:
        new = before
    refused = None if row is None else unwritable(row.spec(side), new)
    if refused is not None:
        return _left_alone(record, side, wish.field, *refused)
    return FieldChange(wish.field, now, new, wish.rule)


def _judge_delete(
    judged: Judged, rows: Sequence[Row], side: Side, pair: Pair, record: Record, wishes: Sequence[Wish]
) -> None:
    changes, moved = [], []
    for wish in wishes:
        row = next((row for row in rows if row.field(side) == wish.field), None)
        now, wrote = _normal(row, side, record.fields.get(wish.field)), _normal(row, side, wish.wrote)
        if now != wrote and (now or wrote):
            moved.append(wish.field)
        changes.append(FieldChange(wish.field, now, None, wish.rule))
    if moved:
        said = f"changed since it was created ({', '.join(moved)}), so it is not deleted"
        judged.holds.append(_left_alone(record, side, None, "changed-since", said))
        return
    judged.delete = Delete(
        record.ref.kind, side, pair.id, record.ref, record.version, record.url, title_of(record), tuple(changes),
        wishes[0].rule,
    )  # fmt: skip


def _normal(row: Row | None, side: Side, value: Value) -> Value:
    return value if row is None else row.normal(side, value)


def _left_alone(record: Record, side: Side, name: str | None, reason: str, message: str) -> Hold:
    return Hold(record.ref.kind, side, record.ref, title_of(record), name, reason, message)


def _hold(link: Link, pair: Pair, side: Side, reason: str, message: str) -> Hold:
    record = _record(link, pair, side)
    return Hold(pair.kind, side, record.ref, title_of(record), None, reason, message)


def _record(link: Link, pair: Pair, side: Side) -> Record:
    ref: Ref = link.end(side).ref(pair.kind, pair.item_id(side))
    return load_record(pair.record(side), ref)


def _shown(value: Value) -> str:
    text = "nothing" if value is None else f'"{value}"' if isinstance(value, str) else str(value)
    return text if len(text) <= 60 else text[:59] + "…"
