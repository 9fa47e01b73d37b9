"""Filters, sorting and paging of the Redmine sandbox: what it knows it applies, what it does not know it ignores."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

from bridge.sandbox import redmine_rules as rules
from bridge.sandbox.clock import instant, iso

if TYPE_CHECKING:
    from collections.abc import Callable

    from bridge.sandbox.exchange import Ask
    from bridge.sandbox.redmine_store import Issue, RedmineStore, TimeEntry

CAP = 100
DEFAULT = 25
STAMP = re.compile(r"\d{4}-\d\d-\d\d(T\d\d:\d\d:\d\dZ?)?")
OPERATORS = ("><", ">=", "<=", "!*", "!~", "!", "~", "*", "=")

ISSUE_IDS: dict[str, Callable[[Issue], Any]] = {
    "issue_id": lambda row: row.id,
    "status_id": lambda row: row.status,
    "tracker_id": lambda row: row.tracker,
    "priority_id": lambda row: row.priority,
    "author_id": lambda row: row.author,
    "assigned_to_id": lambda row: row.assigned,
    "category_id": lambda row: row.category,
    "fixed_version_id": lambda row: row.version,
    "parent_id": lambda row: row.parent,
}
ENTRY_IDS: dict[str, Callable[[TimeEntry], Any]] = {
    "issue_id": lambda row: row.issue,
    "user_id": lambda row: row.user,
    "activity_id": lambda row: row.activity,
}
ISSUE_SORTS: dict[str, Callable[[Any], Any]] = {
    "id": lambda row: row.id,
    "updated_on": lambda row: row.updated_at,
    "created_on": lambda row: row.created_at,
    "subject": lambda row: row.subject,
    "status": lambda row: row.status,
    "priority": lambda row: row.priority,
}
ENTRY_SORTS: dict[str, Callable[[Any], Any]] = {
    "spent_on": lambda row: row.spent_on,
    "created_on": lambda row: row.created_at,
    "hours": lambda row: row.hours,
    "user": lambda row: row.user,
    "issue": lambda row: row.issue or 0,
}


def filters(ask: Ask) -> list[tuple[str, str, list[str]]]:
    """(name, operator, values) of the short form ``name=>=value`` and the long form ``f[]``, ``op[]``, ``v[][]``."""
    pairs = parse_qsl(ask.raw_query, keep_blank_values=True)
    if any(name == "f[]" for name, _ in pairs):
        named = dict(pairs)
        return [
            (name, named.get(f"op[{name}]", "="), [value for key, value in pairs if key == f"v[{name}][]"] or [""])
            for key, name in pairs
            if key == "f[]" and name
        ]
    return [(name, *_split(value)) for name, value in pairs]


def _split(value: str) -> tuple[str, list[str]]:
    for operator in OPERATORS:
        if value.startswith(operator):
            return operator, value.removeprefix(operator).split("|")
    return "=", re.split(r"[|,]", value)


def issues(store: RedmineStore, ask: Ask, rows: list[Issue], me: int) -> list[Issue]:
    """Rows that pass; without ``status_id`` the closed ones are left out, as on the real one."""
    wanted = filters(ask)
    if not any(name == "status_id" for name, _, _ in wanted):
        wanted.append(("status_id", "=", ["open"]))
    for name, operator, values in wanted:
        if name in ("updated_on", "created_on"):
            at = ISSUE_SORTS[name]
            rows = [row for row in rows if _in_time(at(row), operator, values, name)]
        elif name == "status_id" and values[0] in ("open", "closed"):
            rows = [row for row in rows if store.statuses[row.status].flag == (values[0] == "closed")]
        elif name == "subject" and operator == "~":
            rows = [row for row in rows if values[0].lower() in row.subject.lower()]
        elif name == "is_private":
            rows = [row for row in rows if row.is_private == (values[0] == "1")]
        elif name in ISSUE_IDS:
            rows = [row for row in rows if _fits(ISSUE_IDS[name](row), operator, _me(values, me))]
        else:
            rows = _by_custom(store, rows, name, operator, values)
    return rows


def entries(store: RedmineStore, ask: Ask, rows: list[TimeEntry], me: int) -> list[TimeEntry]:
    """No filter on ``updated_on``: it is ignored in silence, as are all unknown ones."""
    for name, operator, values in filters(ask):
        if name == "spent_on":
            rows = [row for row in rows if _in_days(row.spent_on, operator, values)]
        elif name == "from":
            rows = [row for row in rows if row.spent_on >= values[0]]
        elif name == "to":
            rows = [row for row in rows if row.spent_on <= values[0]]
        elif name in ENTRY_IDS:
            rows = [row for row in rows if _fits(ENTRY_IDS[name](row), operator, _me(values, me))]
        else:
            rows = _by_custom(store, rows, name, operator, values)
    return rows


def _me(values: list[str], me: int) -> list[str]:
    return [str(me) if value == "me" else value for value in values]


def _fits(value: int | None, operator: str, values: list[str]) -> bool:
    if operator in ("*", "!*"):
        return (value is None) == (operator == "!*")
    if operator in (">=", "<="):
        bound = rules.number(values[0]) or 0
        return value is not None and (value >= bound if operator == ">=" else value <= bound)
    return (str(value) in values) == (operator == "=")


def _in_time(at: float, operator: str, values: list[str], name: str) -> bool:
    """``>=T`` is really later than one second before T; ``<=T`` misses what has a fraction within T."""
    if not all(STAMP.fullmatch(value) for value in values):
        rules.refuse(422, f"{'Updated' if name == 'updated_on' else 'Created'} is invalid")
    if len(values[0]) == 10:
        return _in_days(iso(at)[:10], operator, values)
    bounds = [instant(value) or 0.0 for value in values]
    if operator == ">=":
        return at > bounds[0] - 1
    if operator == "<=":
        return at <= bounds[0]
    return at > bounds[0] - 1 and at <= bounds[-1] if operator == "><" else True


def _in_days(day: str, operator: str, values: list[str]) -> bool:
    lower, upper = values[0], values[-1]
    tests = {">=": day >= lower, "<=": day <= lower, "><": lower <= day <= upper, "=": day == lower}
    return tests.get(operator, True)


def _by_custom(store: RedmineStore, rows: list[Any], name: str, operator: str, values: list[str]) -> list[Any]:
    field = store.fields.get(rules.number(name.removeprefix("cf_")) or 0) if name.startswith("cf_") else None
    if field is None or not field.is_filter:
        return rows

    def fits(row: Any) -> bool:
        held = dict(row.values).get(field.id)
        have = {held} if isinstance(held, str) and held else set(held or ())
        if operator in ("*", "!*"):
            return bool(have) == (operator == "*")
        return bool(have & set(values)) == (operator == "=")

    return [row for row in rows if fits(row)]


def in_order(ask: Ask, rows: list[Any], columns: dict[str, Any], default: str, tie: str) -> list[Any]:
    """Sorted as asked; unknown columns are ignored. ``tie`` is appended, with ``-`` before it for descending."""
    wanted = [part.strip() for part in ask.query.get("sort", "").split(",") if part.strip()]
    known = [part for part in wanted if part.partition(":")[0] in columns] or [default]
    for part in reversed([*known, tie]):
        name, _, way = part.partition(":")
        rows = sorted(rows, key=columns.get(name, _id), reverse=way == "desc")
    return rows


def _id(row: Any) -> Any:
    return row.id


def page(ask: Ask, rows: list[Any]) -> tuple[list[Any], dict[str, int]]:
    """The rows of the page, and ``total_count``, ``offset``, ``limit`` as the answer states them."""
    if "empty_listing" in ask.faults:
        rows = []
    asked = rules.number(ask.query.get("limit", "")) or DEFAULT
    limit = min(asked, CAP)
    offset = rules.number(ask.query.get("offset", "")) or 0
    if "offset" not in ask.query and (wanted := rules.number(ask.query.get("page", ""))):
        offset = (wanted - 1) * limit
    cut = rows[offset : offset + limit]
    if "half_page" in ask.faults:
        cut = cut[: max(1, len(cut) // 2)]
        return cut, {"total_count": offset + len(cut), "offset": offset, "limit": limit}
    return cut, {"total_count": len(rows), "offset": offset, "limit": limit}
