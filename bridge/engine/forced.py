"""Writes that a person or a policy ordered, on one side of a pair and to be carried nowhere: undo. Pure.

The other side still holds the value that was carried, so both sides equal their bases and differ: ``drift``. It is not
written again; a later edit on either side flows as any edit does.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from bridge.engine.link import Link
from bridge.engine.outcome import KEEP, Outcome, Sight
from bridge.engine.plan import Member, View, Work, title_of
from bridge.model import SIDES, FieldChange, Side, Update, Value
from mappings.rows import Row


def force(link: Link, view: View, changes: Mapping[Side, Sequence[FieldChange]], action: str) -> Work:
    """The work that writes exactly ``changes`` to a pair (both members set), whatever the bases say.

    ``action`` is the history's word for it. A field that no row maps is written as it is.
    """
    assert view.left is not None
    assert view.right is not None
    after = {side: {change.field: change.after for change in changes.get(side, ())} for side in SIDES}
    rows = link.mappings[view.kind].rows
    return Work(
        View(view.kind, view.entity, view.pair, view.left, view.right),
        tuple(_sight(row, view.left, view.right) for row in rows),
        tuple(_outcome(row, after, action) for row in rows),
        tuple(_update(view, side, changes[side]) for side in SIDES if changes.get(side)),
        ordered=action,
    )


def remaining(link: Link, work: Work, view: View, sent: Mapping[Side, Collection[str]]) -> Work | None:
    """What a forced work has still to write, given the fields confirmed now; None when that is nothing."""
    left = {
        operation.side: [change for change in operation.changes if change.field not in sent.get(operation.side, ())]
        for operation in work.operations
        if isinstance(operation, Update)
    }
    return force(link, view, left, work.ordered) if any(left.values()) else None


def _sight(row: Row, left: Member, right: Member) -> Sight:
    return Sight(
        row.normal("left", left.record.fields.get(row.left)),
        row.normal("right", right.record.fields.get(row.right)),
        left.base_of(row, "left"),
        right.base_of(row, "right"),
    )


def _outcome(row: Row, after: Mapping[Side, Mapping[str, Value]], action: str) -> Outcome:
    left, right = after["left"].get(row.left, KEEP), after["right"].get(row.right, KEEP)
    if left is KEEP and right is KEEP:
        return Outcome("same", rule=f"not concerned by the {action}")
    return Outcome("forced", left, right, action)


def _update(view: View, side: Side, changes: Sequence[FieldChange]) -> Update:
    member = view.member(side)
    assert member is not None
    record = member.record
    return Update(
        view.kind, side, view.pair or 0, record.ref, record.version, record.url, title_of(record), tuple(changes)
    )
