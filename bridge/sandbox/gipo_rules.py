"""What the Gipo sandbox refuses: 422 for values, 403 for roles, 404 for ids that nobody may see."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any, NoReturn

from bridge.sandbox.clock import instant
from bridge.sandbox.exchange import Refused, Reply

if TYPE_CHECKING:
    from bridge.sandbox.exchange import Ask

LONGEST_PAGE, USUAL_PAGE = 100, 50
WORDS = {401: "unauthorized", 403: "forbidden", 404: "not_found", 409: "conflict", 422: "validation_error"}


def plain(status: int, message: str, headers: dict[str, str] | None = None, *, path: str = "") -> Reply:
    """The shape of an error is not documented: a client decides by status, the words are for people."""
    error: dict[str, Any] = {"code": WORDS.get(status, "error"), "message": message}
    if path:
        error["details"] = [{"path": path, "message": message}]
    return Reply(status, {"error": error}, dict(headers or {}))


def refuse(status: int, message: str, headers: dict[str, str] | None = None, *, path: str = "") -> NoReturn:
    raise Refused(plain(status, message, headers, path=path))


def body(ask: Ask, known: str, *, strict: bool) -> dict[str, Any]:
    if not isinstance(ask.body, dict):
        refuse(422, "The body must be a JSON object.")
    unknown = sorted(set(ask.body) - set(known.split()))
    if strict and unknown:
        refuse(422, f"Unrecognized key(s): {', '.join(unknown)}.", path=unknown[0])
    return ask.body


def page(ask: Ask) -> int:
    """``limit``: more than 100 is refused, not cut."""
    return number(ask, "limit", USUAL_PAGE, low=1, high=LONGEST_PAGE)


def number(ask: Ask, name: str, default: int, *, low: int, high: int) -> int:
    text = ask.query.get(name)
    if text is None:
        return default
    if not text.isdigit() or not low <= int(text) <= high:
        refuse(422, f"{name} must be a number from {low} to {high}.", path=name)
    return int(text)


def options(ask: Ask, known: str) -> None:
    """Query parameters that v1 does not have."""
    if unknown := sorted(set(ask.query) - set(known.split())):
        refuse(422, f"Unknown query parameter: {', '.join(unknown)}.", path=unknown[0])


def uid(value: Any, name: str) -> str:
    try:
        return str(uuid.UUID(value if isinstance(value, str) else ""))
    except ValueError:
        refuse(422, f"{name} must be a UUID.", path=name)


def optional_uid(members: dict[str, Any], name: str) -> str | None:
    return None if members.get(name) is None else uid(members[name], name)


def text(members: dict[str, Any], name: str, *, limit: int, required: bool = False) -> str | None:
    value = members.get(name)
    if value is None:
        if required:
            refuse(422, f"{name} is required.", path=name)
        return None
    if not isinstance(value, str):
        refuse(422, f"{name} must be a string.", path=name)
    if required and not value.strip():
        refuse(422, f"{name} must not be empty.", path=name)
    if limit and len(value) > limit:
        refuse(422, f"{name} has {len(value)} characters, {limit} at most.", path=name)
    return value


def moment(members: dict[str, Any], name: str, *, required: bool = False) -> int | None:
    """ISO 8601 in UTC as epoch milliseconds."""
    value = members.get(name)
    if value is None and not required:
        return None
    text = value if isinstance(value, str) else ""
    seconds = instant(text)
    if seconds is None or "T" not in text or not text.endswith("Z"):
        refuse(422, f"{name} must be an ISO 8601 timestamp in UTC.", path=name)
    return round(seconds * 1000)


def day_or_moment(ask: Ask, name: str) -> int | None:
    value = ask.query.get(name)
    if value is None:
        return None
    seconds = instant(value)
    if seconds is None:
        refuse(422, f"{name} must be an ISO 8601 date or timestamp.", path=name)
    return round(seconds * 1000)


def whole(members: dict[str, Any], name: str, *, low: int, high: int = 10_000_000) -> int:
    value = members.get(name)
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        refuse(422, f"{name} must be a whole number of at least {low}.", path=name)
    return value


def decimal(members: dict[str, Any], name: str) -> float | None:
    value = members.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or value < 0:
        refuse(422, f"{name} must be a number of at least 0.", path=name)
    return round(float(value), 2)


def choice(members: dict[str, Any], name: str, known: str) -> str:
    value = members.get(name)
    if value not in known.split():
        refuse(422, f"{name} must be one of: {known}.", path=name)
    return str(value)


def uids(members: dict[str, Any], name: str, known: dict[str, Any]) -> tuple[str, ...]:
    value = members.get(name)
    if not isinstance(value, list):
        refuse(422, f"{name} must be a list of UUIDs.", path=name)
    ids = tuple(dict.fromkeys(uid(one, name) for one in value))
    if missing := [one for one in ids if one not in known]:
        refuse(422, f"{name}: there is no {missing[0]} in this organization.", path=name)
    return ids
