"""A comment or time entry that went to another task, on a tracker that cannot move it: taken away there and made anew.

Only what Bridge made is taken away, unless the owner lets parts be deleted both ways; and only once nothing else about it
differs, so that no edit goes with it. The pair ends with the old record, and the next pass makes the new one (S19).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from msgspec import structs

from bridge.engine.link import Link
from bridge.engine.outcome import Outcome, Problem
from bridge.model import Delete, FieldChange, Side, other
from mappings.references import References
from mappings.rows import Row

if TYPE_CHECKING:
    from bridge.engine.plan import View, Work

_SETTLED = frozenset({"same", "agree", "ignored", "drift", "alone"})


def planned(
    link: Link, view: View, rows: Sequence[Row], outcomes: Sequence[Outcome], title: str
) -> tuple[tuple[Outcome, ...], Delete | None]:
    """The outcomes, without the trouble of a move that can be made otherwise; and what is to be taken away for it now."""
    found = next(((at, side) for at, row in enumerate(rows) if (side := _stuck(row, outcomes[at])) is not None), None)
    if found is None or view.pair is None:
        return tuple(outcomes), None
    at, target = found
    member = view.member(target)
    assert member is not None
    record = member.record
    may = link.deletes.parts == "delete" or (link.deletes.parts == "copies" and link.trusts(record.marker))
    if not may or not link.end(target).connector.kinds()[view.kind].delete:
        return tuple(outcomes), None
    rest = [outcome for index, outcome in enumerate(outcomes) if index != at]
    quiet = tuple(replace(each, problems=()) if index == at else each for index, each in enumerate(outcomes))
    if any(outcome.verdict not in _SETTLED for outcome in rest):
        return quiet, None  # the other fields first
    rule = f"moved to another task on the {other(target)}: made anew here"
    changes = tuple(FieldChange(name, value, None, rule) for name, value in sorted(record.fields.items()))
    gone = Delete(view.kind, target, view.pair, record.ref, record.version, record.url, title, changes, rule)
    return quiet, gone


def refused(link: Link, work: Work, side: Side, message: str) -> View:
    """The view of a work whose record may not be taken away on ``side``: the move is held, and parked with the reason."""
    rows = link.mappings[work.view.kind].rows
    held = next(row.left for row, outcome in zip(rows, work.outcomes, strict=True) if outcome.verdict == "hold")
    problem = Problem(other(side), "rejected", f"it went to another task, and cannot be taken away there: {message}")
    return structs.replace(work.view, refused={**work.view.refused, held: problem})


def _stuck(row: Row, outcome: Outcome) -> Side | None:
    """The side that cannot follow a reference, if that is what keeps this row back."""
    if not isinstance(row.lens, References) or outcome.verdict != "hold":
        return None
    problem = next((each for each in outcome.problems if each.reason == "read-only"), None)
    return None if problem is None or row.spec(other(problem.side)).writable != "create" else other(problem.side)
