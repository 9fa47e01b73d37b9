"""What the TimeTracker sandbox refuses, and how it reads and writes times: digits without a zone, differently by database."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any, NoReturn
from zoneinfo import ZoneInfo

from bridge.sandbox.exchange import Refused, Reply

if TYPE_CHECKING:
    from bridge.sandbox.exchange import Ask

TAGS_LIMIT, NAME_LIMIT, STATUS_LIMIT, NOTES_LIMIT = 500, 200, 20, 5000
STORAGES = ("postgres-utc", "postgres-local", "sqlite")


def failed(status: int, message: str, code: Any = "error", **more: Any) -> Reply:
    return Reply(status, {"error": message, "error_code": code, "message": message, "success": False, **more})


def refuse(status: int, message: str, code: Any = "error", **more: Any) -> NoReturn:
    raise Refused(failed(status, message, code, **more))


def invalid(**errors: str) -> NoReturn:
    """400 of the request schemas."""
    refuse(400, "Validation failed", "validation_error", errors={name: [text] for name, text in errors.items()})


def missing() -> NoReturn:
    refuse(404, "Resource not found", "not_found")


def crash(kind: str, message: str) -> NoReturn:
    """An error of the program itself that leaks out."""
    refuse(500, message, "internal_error", details={"type": kind})


def members(ask: Ask) -> dict[str, Any]:
    """The JSON object of a body; null is an empty one, a list crashes the program."""
    if isinstance(ask.body, list):
        crash("AttributeError", "'list' object has no attribute 'get'")
    return ask.body if isinstance(ask.body, dict) else {}


def whole(ask: Ask, name: str, default: int) -> int:
    """A number of the query; what is none counts as not given."""
    try:
        return int(ask.query[name])
    except (KeyError, ValueError):
        return default


def page_of(ask: Ask, rows: list[Any], *, cap: int = 0) -> tuple[list[Any], dict[str, Any]]:
    """One page and the object that describes it. Without ``cap`` the totals past the end are made up, as there."""
    page, size = whole(ask, "page", 1), whole(ask, "per_page", 50)
    if cap:
        page, size = max(page, 1), min(max(size, 1), cap)
    elif size == 0:
        crash("ZeroDivisionError", "integer division or modulo by zero")
    elif page < 1 or size < 0:
        refuse(500, "Database error occurred", "database_error")
    total = len(rows)
    first = (page - 1) * size
    shown = rows[first : first + size]
    if not cap and not shown and page > 1:
        total = first
    pages = -(-total // size) or (0 if cap else 1)
    has_next = first + len(shown) < total
    about = {
        "page": page,
        "per_page": size,
        "total": total,
        "pages": pages,
        "has_next": has_next,
        "has_prev": page > 1,
        "next_page": page + 1 if has_next else None,
        "prev_page": page - 1 if page > 1 else None,
    }
    return shown, about


def half(ask: Ask, shown: list[Any], about: dict[str, Any]) -> list[Any]:
    """The fault ``half_page``: the first half, and no way on."""
    if "half_page" not in ask.faults:
        return shown
    about |= {"has_next": False, "next_page": None}
    return shown[: len(shown) // 2]


class Times:
    """The clocks of one installation: its zone and what its database does with it."""

    def __init__(self, zone: str, storage: str) -> None:
        if storage not in STORAGES:
            raise ValueError(f"no storage {storage!r}; there are: {', '.join(STORAGES)}")
        self.zone, self.storage = ZoneInfo(zone), storage

    def local(self, at: float) -> str:
        return datetime.fromtimestamp(at, self.zone).replace(tzinfo=None).isoformat(timespec="microseconds")

    def stamp(self, at: float) -> str:
        """``created_at`` and ``updated_at`` of all but time entries."""
        if self.storage != "postgres-utc":
            return self.local(at)
        return datetime.fromtimestamp(at, UTC).replace(tzinfo=None).isoformat(timespec="microseconds")

    def kept(self, moment: datetime) -> str:
        """The digits that the database keeps of a time that a client sent."""
        if moment.tzinfo is not None and self.storage != "sqlite":
            moment = moment.astimezone(UTC if self.storage == "postgres-utc" else self.zone)
        return moment.replace(tzinfo=None).isoformat()

    def bound(self, text: str | None, *, is_end: bool) -> str | None:
        """A bound of a list; a bare date at the end means the end of that day; garbage is no bound."""
        if not text:
            return None
        try:
            if len(text) == 10:
                day = datetime.fromisoformat(text)
                return (day + timedelta(days=1, microseconds=-1) if is_end else day).isoformat()
            moment = datetime.fromisoformat(text.replace(" ", "+"))
        except ValueError:
            return None
        return (moment.astimezone(self.zone) if moment.tzinfo else moment).replace(tzinfo=None).isoformat()


def moment(name: str, value: Any) -> datetime:
    try:
        return datetime.fromisoformat(value if isinstance(value, str) else "")
    except ValueError:
        invalid(**{name: "Not a valid datetime."})


def day(value: Any) -> str | None:
    """A date or the date of a datetime.

    Raises: ValueError when it is neither.
    """
    if value is None or value == "":
        return None
    return (
        date.fromisoformat(str(value)[:10]).isoformat()
        if "T" in str(value)
        else date.fromisoformat(str(value)).isoformat()
    )


def seconds_between(start: str, end: str) -> int:
    """Whole seconds, floored, never below none."""
    return max(0, int((datetime.fromisoformat(end) - datetime.fromisoformat(start)).total_seconds()))


def tag_list(tags: str | None) -> list[str]:
    return list(dict.fromkeys(part.strip() for part in (tags or "").split(",") if part.strip()))


def like(pattern: str, text: str) -> bool:
    """``ILIKE %pattern%``: any substring, whatever the case, ``_`` being any one character and ``%`` any number."""
    parts = ["." if one == "_" else ".*" if one == "%" else re.escape(one) for one in pattern]
    return re.search("".join(parts), text, re.IGNORECASE | re.DOTALL) is not None
