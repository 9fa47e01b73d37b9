"""What the Workestra sandbox refuses. Only the body of a 429 is published; the others have its form."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any, NoReturn

from bridge.sandbox.exchange import Refused, Reply

if TYPE_CHECKING:
    from bridge.sandbox.exchange import Ask

TITLE_LIMIT, DESCRIPTION_LIMIT = 255, 50_000
WORDS = {
    400: "bad_request",
    401: "unauthorized",
    403: "forbidden",
    404: "not_found",
    422: "validation_failed",
    429: "rate_limit_exceeded",
    500: "internal_error",
}


def plain(status: int, message: str, headers: dict[str, str] | None = None, **more: Any) -> Reply:
    return Reply(status, {"error": WORDS.get(status, "error"), "message": message, **more}, dict(headers or {}))


def refuse(status: int, message: str, headers: dict[str, str] | None = None, **more: Any) -> NoReturn:
    raise Refused(plain(status, message, headers, **more))


def body(ask: Ask, known: str, *, strict: bool) -> dict[str, Any]:
    """The members of a body.

    Raises: Refused with 422 for a member that is not documented, unless such are ignored.
    """
    if not isinstance(ask.body, dict):
        refuse(400, "The body must be a JSON object.")
    unknown = sorted(set(ask.body) - set(known.split()))
    if strict and unknown:
        refuse(422, f"Unknown field: {', '.join(unknown)}.")
    return {name: value for name, value in ask.body.items() if name not in unknown}


def text(members: dict[str, Any], name: str, *, limit: int = 0, required: bool = False) -> str | None:
    value = members.get(name)
    if value is None or value == "":
        if required:
            refuse(422, f"{name} is required.")
        return None
    if not isinstance(value, str):
        refuse(422, f"{name} must be a string.")
    if required and not value.strip():
        refuse(422, f"{name} is required.")
    if limit and len(value) > limit:
        refuse(422, f"{name} is too long: {limit} characters at most.")
    return value


def choice(members: dict[str, Any], name: str, known: tuple[str, ...]) -> str:
    value = members.get(name)
    if value not in known:
        refuse(422, f"{name} must be one of: {', '.join(known)}.")
    return str(value)


def day(members: dict[str, Any], name: str) -> str | None:
    value = members.get(name)
    if value is None:
        return None
    try:
        return date.fromisoformat(value if isinstance(value, str) else "").isoformat()
    except ValueError:
        refuse(422, f"{name} must be a date such as 2026-09-30.")


def hours(members: dict[str, Any], name: str) -> float | None:
    value = members.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 100_000:
        refuse(422, f"{name} must be a number of hours.")
    return round(float(value), 2)


def names(members: dict[str, Any], name: str) -> tuple[str, ...]:
    value = members.get(name)
    if not isinstance(value, list) or any(not isinstance(one, str) or not one.strip() for one in value):
        refuse(422, f"{name} must be a list of names.")
    return tuple(dict.fromkeys(value))


def number(ask: Ask, name: str, default: int) -> int:
    """A query value of 1 or more."""
    given = ask.query.get(name, str(default))
    if not given.isdigit() or int(given) < 1:
        refuse(400, f"{name} must be a whole number from 1.")
    return int(given)
