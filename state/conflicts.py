"""Fields that both sides changed, from the first sight to the decision (S16, S17). The losing value is always kept.

A pair has at most one unresolved conflict per field; the database holds that by a unique index.
``open`` → ``decided`` (a person chose; the next run writes) → ``resolved``. A decided one goes back to ``open`` when a
side moves again, because the choice was made between other values.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any, Final, Literal, TypeAlias

from sqlalchemy import func, insert, select, update
from sqlmodel import Session

from bridge.errors import ConfigError
from bridge.model import UNSET, Side, Unset, Value
from state.bulk import chunks
from state.codec import dump, load, load_value
from state.tables import ConflictRow

UNRESOLVED: Final = ("decided", "open")
AGREED: Final = "both sides agree"


@dataclass(frozen=True, slots=True)
class Take:
    """The decision for a value that is there already."""

    take: Literal["left", "right", "base"]


@dataclass(frozen=True, slots=True)
class Put:
    """The decision for a new value, given in the form of ``side``."""

    value: Value
    side: Side


Decision: TypeAlias = Take | Put


@dataclass(frozen=True, slots=True)
class Sighting:
    """What one side held: its value there, the record's version, and when and by whom it changed where that is known."""

    value: Value
    version: str = ""
    at: datetime | None = None
    by: str | None = None


@dataclass(frozen=True, slots=True)
class Clash:
    """A conflict as a run sees it. A base is UNSET when none is known."""

    pair_id: int
    kind: str
    field: str
    title: str
    base_left: Value | Unset
    base_right: Value | Unset
    left: Sighting
    right: Sighting


@dataclass(frozen=True, slots=True)
class Asked:
    """Our comment on one side's item. ``comment`` is its id there, "" while nobody knows whether it was posted (S18),
    ``REFUSED`` where the tracker takes none.

    ``looked`` is the record's version when its comments were last read, ``heard`` the time of the newest one by the
    tracker's clock and ``known`` what was read of that time: it is not judged again.
    """

    comment: str = ""
    looked: str = ""
    heard: str = ""
    known: tuple[str, ...] = ()


REFUSED: Final = "-"


@dataclass(frozen=True, slots=True)
class Conflict:
    """A conflict as stored. ``resolved_by`` is who decided, or why it closed by itself; ``asked`` is by side."""

    id: int
    link_id: int
    clash: Clash
    state: str
    decision: Decision | None
    opened_run: int
    opened_at: datetime
    moved_at: datetime
    resolved_at: datetime | None
    resolved_by: str | None
    asked: Mapping[str, Asked] = field(default_factory=dict)


_table: Any = ConflictRow.__table__  # type: ignore[attr-defined]


def upsert_open(
    session: Session, link_id: int, clash: Clash, *, run_id: int, now: datetime
) -> tuple[int, Literal["opened", "moved", "same"]]:
    """Store a conflict; returns its id and what happened.

    ``moved``: it was there with other values, which are replaced; a decision on them is taken back. ``same``: the
    values are what is stored (a decision stands), only versions, times and names are brought up to date.
    """
    values = _columns(clash)
    there = session.execute(
        select(_table.c.id, _table.c.left, _table.c.right).where(
            _table.c.pair_id == clash.pair_id, _table.c.field == clash.field, _table.c.resolved_at.is_(None)
        )
    ).first()
    if there is None:
        values |= {"link_id": link_id, "state": "open", "opened_run": run_id, "opened_at": now, "moved_at": now}
        return int(session.execute(insert(_table).values(values).returning(_table.c.id)).scalar_one()), "opened"
    moved = (there.left, there.right) != (values["left"], values["right"])
    if moved:
        values |= {"state": "open", "decision": None, "resolved_by": None, "moved_at": now}
    session.execute(update(_table).where(_table.c.id == there.id).values(values))
    return int(there.id), "moved" if moved else "same"


def get(session: Session, conflict_id: int) -> Conflict | None:
    row = session.execute(select(_table).where(_table.c.id == conflict_id)).first()
    return None if row is None else _conflict(row)


def find(
    session: Session,
    *,
    link_id: int | None = None,
    states: Collection[str] = UNRESOLVED,
    field: str | None = None,
    limit: int | None = None,
) -> list[Conflict]:
    """Conflicts of one link or of all, oldest first."""
    query = select(_table).where(_table.c.state.in_(sorted(states))).order_by(_table.c.id).limit(limit)
    if link_id is not None:
        query = query.where(_table.c.link_id == link_id)
    if field is not None:
        query = query.where(_table.c.field == field)
    return [_conflict(row) for row in session.execute(query)]


def by_pairs(session: Session, pair_ids: Collection[int]) -> dict[tuple[int, str], Conflict]:
    """The unresolved conflicts of these pairs, by pair id and field."""
    found: dict[tuple[int, str], Conflict] = {}
    for some in chunks(sorted(pair_ids)):
        query = select(_table).where(_table.c.pair_id.in_(some), _table.c.resolved_at.is_(None))
        found.update({(row.pair_id, row.field): _conflict(row) for row in session.execute(query)})
    return found


def counts(session: Session, link_id: int | None = None) -> dict[str, int]:
    """How many are ``open``, ``decided``, ``resolved``; a state nobody is in has no key."""
    query = select(_table.c.state, func.count()).group_by(_table.c.state)
    if link_id is not None:
        query = query.where(_table.c.link_id == link_id)
    return {state: int(number) for state, number in session.execute(query)}


def decide(session: Session, conflict_id: int, decision: Decision, *, by: str) -> Conflict:
    """Choose what the next run writes. A choice may be replaced until that run.

    Raises: ConfigError when there is no such conflict, it is resolved already, the base is not known on both sides,
    or a new value is of another type than the field's values on that side.
    """
    conflict = get(session, conflict_id)
    if conflict is None:
        raise ConfigError(f"There is no conflict {conflict_id}.", hint="bridge conflicts list shows those that are.")
    if conflict.resolved_at is not None:
        raise ConfigError(
            f"Conflict {conflict_id} ({conflict.clash.field}) was resolved already, by {conflict.resolved_by}.",
            hint="Change the value on either side if it is wrong: it is copied as any other change.",
        )
    _check(conflict, decision)
    session.execute(
        update(_table)
        .where(_table.c.id == conflict_id)
        .values(state="decided", decision=dump(asdict(decision)), resolved_by=by)
    )
    decided = get(session, conflict_id)
    assert decided is not None
    return decided


def ask(session: Session, conflict: Conflict, side: Side, asked: Asked | None) -> bool:
    """Note what is known of our comment on one side; None takes the note back. False when the conflict is over."""
    now = get(session, conflict.id)
    if now is None or now.resolved_at is not None:
        return False
    notes = {at: asdict(note) for at, note in now.asked.items() if at != side}
    if asked is not None:
        notes[side] = asdict(asked)
    session.execute(update(_table).where(_table.c.id == conflict.id).values(comments=dump(notes)))
    return True


def resolve(session: Session, conflict_ids: Collection[int], *, now: datetime, by: str | None = None) -> None:
    """Close conflicts whose outcome is written and confirmed. ``by`` None keeps the name of who decided."""
    values = {"state": "resolved", "resolved_at": now} | ({} if by is None else {"resolved_by": by})
    for some in chunks(sorted(conflict_ids)):
        session.execute(update(_table).where(_table.c.id.in_(some), _table.c.resolved_at.is_(None)).values(values))


def close_settled(
    session: Session,
    pair_ids: Collection[int],
    still: Collection[tuple[int, str]],
    *,
    now: datetime,
    by: str = AGREED,
) -> list[Conflict]:
    """Close the conflicts of freshly planned pairs that are none any more: all but the ``(pair id, field)`` in ``still``.

    Returns them as they were before.
    """
    kept = frozenset(still)
    gone = [conflict for key, conflict in by_pairs(session, pair_ids).items() if key not in kept]
    resolve(session, [conflict.id for conflict in gone], now=now, by=by)
    return gone


def _check(conflict: Conflict, decision: Decision) -> None:
    clash = conflict.clash
    if isinstance(decision, Take):
        if decision.take == "base" and (isinstance(clash.base_left, Unset) or isinstance(clash.base_right, Unset)):
            raise ConfigError(
                f"Conflict {conflict.id} ({clash.field}) has no base: both sides never agreed on a value.",
                hint="Take left or right, or give a value.",
            )
        return
    seen, base = (clash.left, clash.base_left) if decision.side == "left" else (clash.right, clash.base_right)
    allowed = {type(value) for value in (seen.value, base) if value is not None and not isinstance(value, Unset)}
    if decision.value is not None and allowed and type(decision.value) not in allowed:
        wanted = " or ".join(sorted(_TYPES[kind] for kind in allowed))
        raise ConfigError(
            f"Conflict {conflict.id} ({clash.field}) takes {wanted} on the {decision.side},"
            f" not {_TYPES[type(decision.value)]}.",
            hint="Give the value in the form that side shows it.",
        )


_TYPES: Final[dict[type, str]] = {
    str: "text",
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    tuple: "a list of names",
}


def _columns(clash: Clash) -> dict[str, Any]:
    return {
        "pair_id": clash.pair_id,
        "kind": clash.kind,
        "field": clash.field,
        "title": clash.title,
        "base_left": None if isinstance(clash.base_left, Unset) else dump(clash.base_left),
        "base_right": None if isinstance(clash.base_right, Unset) else dump(clash.base_right),
        "left": dump(clash.left.value),
        "right": dump(clash.right.value),
        "left_version": clash.left.version,
        "right_version": clash.right.version,
        "left_at": clash.left.at,
        "right_at": clash.right.at,
        "left_by": clash.left.by,
        "right_by": clash.right.by,
    }


def _conflict(row: Any) -> Conflict:
    clash = Clash(
        row.pair_id,
        row.kind,
        row.field,
        row.title,
        UNSET if row.base_left is None else load_value(row.base_left),
        UNSET if row.base_right is None else load_value(row.base_right),
        Sighting(load_value(row.left), row.left_version, row.left_at, row.left_by),
        Sighting(load_value(row.right), row.right_version, row.right_at, row.right_by),
    )
    return Conflict(
        row.id,
        row.link_id,
        clash,
        row.state,
        _decision(row.decision),
        row.opened_run,
        row.opened_at,
        row.moved_at,
        row.resolved_at,
        row.resolved_by,
        {side: Asked(**{**held, "known": tuple(held["known"])}) for side, held in load(row.comments).items()},
    )


def _decision(text: str | None) -> Decision | None:
    if text is None:
        return None
    held = load(text)
    if "take" in held:
        return Take(held["take"])
    return Put(load_value(dump(held["value"])), held["side"])
