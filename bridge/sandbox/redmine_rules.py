"""What the Redmine sandbox allows: refusals, roles, the stock workflow, and how values of requests are read."""

from __future__ import annotations

import re
from datetime import date
from typing import TYPE_CHECKING, Any, Never

from bridge.sandbox.clock import iso
from bridge.sandbox.exchange import Refused, Reply

if TYPE_CHECKING:
    from collections.abc import Iterable

    from bridge.sandbox.exchange import Ask
    from bridge.sandbox.redmine import RedmineSandbox
    from bridge.sandbox.redmine_store import CustomField, CustomValue, RedmineStore

NEW, IN_PROGRESS, RESOLVED, FEEDBACK, CLOSED, REJECTED = range(1, 7)
OPEN = (NEW, IN_PROGRESS, RESOLVED, FEEDBACK)

_WRITER = frozenset({"view", "add", "edit", "notes", "relations", "subtasks", "log", "view_private_notes"})
PERMISSIONS = {
    "Manager": _WRITER | {"delete", "edit_notes", "edit_time", "own_private", "manage"},
    "Developer": _WRITER,
    "Reporter": frozenset({"view", "add", "notes", "log"}),
}
"""The stock roles as Redmine's default data makes them, in our words."""


def transitions(role: str) -> set[tuple[int, int]]:
    """The stock workflow: from, to."""
    if role == "Manager":
        return {(a, b) for a in range(1, 7) for b in range(1, 7) if a != b}
    if role == "Developer":
        return {(a, b) for a in OPEN for b in (IN_PROGRESS, RESOLVED, FEEDBACK, CLOSED) if a != b}
    return {(a, CLOSED) for a in OPEN} | {(RESOLVED, FEEDBACK)}


def refuse(status: int, *errors: str) -> Never:
    """422 lists sentences; 401, 403, 404 and 412 have no body at all."""
    raise Refused(Reply(status, {"errors": list(errors)} if status == 422 else None))


def refuse_all(errors: Iterable[str]) -> None:
    """Refuse when there is anything to complain of."""
    if found := list(errors):
        refuse(422, *found)


def must_be_known(ask: Ask) -> None:
    if not ask.who:
        refuse(401)


def must_be_admin(box: RedmineSandbox, ask: Ask) -> None:
    must_be_known(ask)
    if not box.is_admin(ask):
        refuse(403)


def body(ask: Ask, wrapper: str) -> dict[str, Any]:
    """What stands in the wrapper; without it, or without the right Content-Type, there is nothing."""
    found = ask.body.get(wrapper) if isinstance(ask.body, dict) else None
    return found if isinstance(found, dict) else {}


def located(ask: Ask, path: str) -> dict[str, str]:
    return {"location": ask.base + path}


def today(box: RedmineSandbox) -> str:
    return iso(box.clock.now())[:10]


def number(value: Any) -> int | None:
    """An id in a body or query: a number, or its digits; anything else is nothing."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return value
    return int(value) if isinstance(value, str) and value.strip().isdigit() else None


def day(value: Any) -> str | None:
    """A date as text; None when it is no date."""
    if not isinstance(value, str) or not re.fullmatch(r"\d{4}-\d\d-\d\d", value):
        return None
    try:
        return date.fromisoformat(value).isoformat()
    except ValueError:
        return None


def hours(value: Any) -> float | None:
    """``1.25``, ``"0:45"``, ``"1h30m"``; None when it is no number of hours."""
    if isinstance(value, bool) or value is None:
        return None
    if isinstance(value, int | float):
        return float(value)
    text = str(value).strip().replace(",", ".")
    if found := re.fullmatch(r"(\d+):([0-5]\d)", text):
        return int(found[1]) + int(found[2]) / 60
    if (found := re.fullmatch(r"(?:(\d+)\s*h)?\s*(?:(\d+)\s*m(?:in)?)?", text)) and text:
        return int(found[1] or 0) + int(found[2] or 0) / 60
    try:
        return float(text)
    except ValueError:
        return None


def crlf(text: str) -> str:
    """Descriptions come back with CRLF at every line's end."""
    return re.sub(r"\r\n|\r|\n", "\r\n", text)


def custom_values(
    store: RedmineStore,
    about: str,
    tracker: int | None,
    have: tuple[tuple[int, CustomValue], ...],
    rows: Any,
) -> tuple[tuple[tuple[int, CustomValue], ...], list[str]]:
    """The values after a write, and what is wrong with it. A field that is not there is ignored in silence."""
    values = dict(have)
    errors = []
    for row in rows if isinstance(rows, list) else ():
        field = store.fields.get(number(row.get("id")) or 0) if isinstance(row, dict) else None
        if field is None or not applies(field, about, tracker):
            continue
        value, fault = _custom(field, row.get("value"))
        if fault:
            errors.append(f"{field.name} {fault}")
        values[field.id] = value
    return tuple(sorted(values.items())), errors


def applies(field: CustomField, about: str, tracker: int | None) -> bool:
    return field.about == about and (tracker is None or tracker in field.trackers)


def _custom(field: CustomField, value: Any) -> tuple[CustomValue, str]:
    if field.is_multiple:
        given = value if isinstance(value, list) else [value]
        wanted = tuple(str(one) for one in given if one not in (None, ""))
        return wanted, "" if set(wanted) <= set(field.possible) else "is not included in the list"
    text = "" if value is None else str(value)
    if field.format == "list" and text and text not in field.possible:
        return text, "is not included in the list"
    if field.format == "int" and text and not re.fullmatch(r"-?\d+", text):
        return text, "is not a number"
    if field.format == "date" and text and day(text) is None:
        return text, "is not a valid date"
    return text, ""
