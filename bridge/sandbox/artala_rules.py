"""What the Artala sandbox refuses: 400 for bodies, 403 for roles, 404 for ids nobody may see."""

from __future__ import annotations

import re
import uuid
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any, NoReturn

from bridge.sandbox.clock import instant
from bridge.sandbox.exchange import Refused, Reply

if TYPE_CHECKING:
    from bridge.sandbox.exchange import Ask

TITLE_LIMIT, DESCRIPTION_LIMIT, COMMENT_LIMIT = 200, 50_000, 4000


def plain(status: int, message: str, headers: dict[str, str] | None = None) -> Reply:
    """The page documents no error body: a client decides by status, the words are for people."""
    return Reply(status, {"error": message}, dict(headers or {}))


def refuse(status: int, message: str, headers: dict[str, str] | None = None) -> NoReturn:
    raise Refused(plain(status, message, headers))


def body(ask: Ask, known: str, *, strict: bool) -> dict[str, Any]:
    if not isinstance(ask.body, dict):
        refuse(400, "The body must be a JSON object.")
    unknown = sorted(set(ask.body) - set(known.split()))
    if strict and unknown:
        refuse(400, f"Not a member of this call: {', '.join(unknown)} (sandbox setting strict_members).")
    return ask.body


def guid(value: Any, name: str) -> str:
    """A GUID, in lower case."""
    if not isinstance(value, str):
        refuse(400, f"{name} must be a GUID.")
    try:
        return str(uuid.UUID(value))
    except ValueError:
        refuse(400, f"{name} must be a GUID, not {value!r}.")


def optional_guid(members: dict[str, Any], name: str) -> str | None:
    return None if members.get(name) is None else guid(members[name], name)


def text(members: dict[str, Any], name: str, *, limit: int = 0, required: bool = False) -> str | None:
    value = members.get(name)
    if value is None:
        if required:
            refuse(400, f"{name} is required.")
        return None
    if not isinstance(value, str):
        refuse(400, f"{name} must be a string.")
    if required and not value.strip():
        refuse(400, f"{name} is required.")
    if limit and len(value) > limit:
        refuse(400, f"{name} is too long: {len(value)} characters, {limit} at most.")
    return value


def whole(members: dict[str, Any], name: str, *, low: int = 0, high: int = 1_000_000) -> int | None:
    value = members.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        refuse(400, f"{name} must be a whole number from {low} to {high}.")
    return value


def moment(members: dict[str, Any], name: str) -> int | None:
    """A UTC datetime as epoch milliseconds."""
    value = members.get(name)
    if value is None:
        return None
    seconds = instant(value) if isinstance(value, str) else None
    if seconds is None or "T" not in value:
        refuse(400, f"{name} must be an ISO 8601 datetime.")
    return round(seconds * 1000)


def day(members: dict[str, Any], name: str) -> str:
    value = members.get(name)
    try:
        return date.fromisoformat(value if isinstance(value, str) else "").isoformat()
    except ValueError:
        refuse(400, f"{name} must be a date such as 2026-05-28.")


def monday(day_text: str) -> str:
    """The first day of a date's week."""
    at = date.fromisoformat(day_text)
    return (at - timedelta(days=at.weekday())).isoformat()


def color(members: dict[str, Any], name: str) -> str | None:
    value = text(members, name)
    if value is not None and not re.fullmatch(r"#[0-9a-fA-F]{6}([0-9a-fA-F]{2})?", value):
        refuse(400, f"{name} must be a hex colour such as #f44336.")
    return value


def flag(members: dict[str, Any], name: str, *, default: bool = False) -> bool:
    value = members.get(name)
    if value is None:
        return default
    if not isinstance(value, bool):
        refuse(400, f"{name} must be true or false.")
    return value


def quarter_hours(members: dict[str, Any], name: str) -> float:
    value = members.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value <= 24:
        refuse(400, f"{name} must be more than 0 and at most 24.")
    if (value * 4) % 1:
        refuse(400, f"{name} must be in steps of 0.25.")
    return float(value)
