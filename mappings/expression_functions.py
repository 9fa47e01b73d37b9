"""What expressions can call beside CEL's own functions. Pure; what is empty goes in and comes out empty, or is false.

Refuses: a clock, chance, anything that is not in the arguments.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date, timedelta
from typing import Any, Final

from bridge.merge import key


def _text(value: Any, what: str) -> str:
    if isinstance(value, str):
        return value
    raise TypeError(f"{what} wants text, not {_kind(value)}")


def _texts(value: Any, what: str) -> list[str]:
    if value is None:
        return []
    if isinstance(value, list | tuple) and all(isinstance(each, str) for each in value):
        return list(value)
    raise TypeError(f"{what} wants a list of texts, not {_kind(value)}")


def _kind(value: Any) -> str:
    names = {type(None): "null", bool: "true or false", int: "a number", float: "a number", str: "text", list: "a list"}
    return names.get(type(value), type(value).__name__)


def _whole(value: Any, what: str) -> int:
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    raise TypeError(f"{what} wants a whole number, not {_kind(value)}")


MOST: Final = 200_000
"""Characters of what ``replace`` and ``join`` give, so that no chain of them fills the memory."""


def _fits(length: int, what: str) -> None:
    if length > MOST:
        raise ValueError(f"{what} would give {length} characters, {MOST} are the most")


# --- text --------------------------------------------------------------------------------------------------------------


def _lower(text: Any) -> str | None:
    return None if text is None else _text(text, "lower").lower()


def _upper(text: Any) -> str | None:
    return None if text is None else _text(text, "upper").upper()


def _trim(text: Any) -> str | None:
    return None if text is None else _text(text, "trim").strip()


def _replace(text: Any, old: Any, new: Any) -> str | None:
    if text is None:
        return None
    old = _text(old, "replace")
    if not old:
        raise ValueError("replace wants something to look for")
    whole, new = _text(text, "replace"), _text(new, "replace")
    _fits(len(whole) + whole.count(old) * (len(new) - len(old)), "replace")
    return whole.replace(old, new)


def _first_line(text: Any) -> str | None:
    if text is None:
        return None
    return next((line.strip() for line in _text(text, "firstLine").splitlines() if line.strip()), "")


def _truncate(text: Any, most: Any) -> str | None:
    if text is None:
        return None
    room, whole = _whole(most, "truncate"), _text(text, "truncate")
    if room < 1:
        raise ValueError("truncate wants room for at least one character")
    return whole if len(whole) <= room else f"{whole[: room - 1].rstrip()}…"


def _default(value: Any, other: Any) -> Any:
    return other if value is None or value in ("", []) else value


# --- what CEL has for values that are there, for those that are not ------------------------------------------------------


def _contains(value: Any, part: Any) -> bool:
    return part in _texts(value, "contains")


def _begins(value: Any, part: Any) -> bool:
    if value is None:
        return False
    raise TypeError(f"startsWith and endsWith want text, not {_kind(value)} and {_kind(part)}")


def _matches(value: Any, pattern: Any) -> bool:
    if value is None:
        return False
    raise TypeError(f"matches wants text.matches(pattern), not {_kind(value)} and {_kind(pattern)}")


def _size(value: Any) -> int:
    if value is None:
        return 0
    raise TypeError(f"size wants text or a list, not {_kind(value)}")


def _string(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    raise TypeError(f"string wants text, a number or true or false, not {_kind(value)}")


# --- sets --------------------------------------------------------------------------------------------------------------


def _has_any(names: Any, wanted: Any) -> bool:
    return bool({key(name) for name in _texts(names, "hasAny")} & {key(name) for name in _texts(wanted, "hasAny")})


def _has_all(names: Any, wanted: Any) -> bool:
    return {key(name) for name in _texts(names, "hasAll")} >= {key(name) for name in _texts(wanted, "hasAll")}


def _join(names: Any, between: Any) -> str:
    between, texts = _text(between, "join"), _texts(names, "join")
    _fits(sum(map(len, texts)) + len(between) * len(texts), "join")
    return str(between.join(texts))


# --- dates -------------------------------------------------------------------------------------------------------------


def _day(value: Any, what: str) -> date:
    if hasattr(value, "date"):
        found: date = value.date()
        return found
    try:
        return date.fromisoformat(_text(value, what)[:10])
    except ValueError:
        raise ValueError(f'{what} wants a date such as "2026-11-21", not "{value}"') from None


def _date(value: Any) -> str | None:
    return None if value is None else _day(value, "date").isoformat()


def _days(first: Any, last: Any) -> int | None:
    return None if first is None or last is None else (_day(last, "days") - _day(first, "days")).days


def _add_days(value: Any, number: Any) -> str | None:
    if value is None:
        return None
    try:
        return (_day(value, "addDays") + timedelta(days=_whole(number, "addDays"))).isoformat()
    except OverflowError:
        raise ValueError("addDays leaves the calendar") from None


def _before(first: Any, last: Any) -> bool:
    return first is not None and last is not None and _day(first, "before") < _day(last, "before")


def _after(first: Any, last: Any) -> bool:
    return first is not None and last is not None and _day(first, "after") > _day(last, "after")


FUNCTIONS: Final[Mapping[str, Callable[..., Any]]] = {
    "lower": _lower,
    "upper": _upper,
    "trim": _trim,
    "replace": _replace,
    "firstLine": _first_line,
    "truncate": _truncate,
    "default": _default,
    "hasAny": _has_any,
    "hasAll": _has_all,
    "join": _join,
    "date": _date,
    "days": _days,
    "addDays": _add_days,
    "before": _before,
    "after": _after,
    "contains": _contains,
    "startsWith": _begins,
    "endsWith": _begins,
    "matches": _matches,
    "size": _size,
    "string": _string,
}
"""By name. The last six are CEL's own, which are asked first: these answer for values that are empty."""

OF_CEL: Final = frozenset(
    {
        "int",
        "double",
        "type",
        "timestamp",
        "duration",
        "getFullYear",
        "getMonth",
        "getDate",
        "getDayOfMonth",
        "getDayOfWeek",
        "getDayOfYear",
        "getHours",
        "getMinutes",
        "getSeconds",
    }
)
"""CEL's own functions that are offered beside those above; ``all``, ``exists``, ``filter``, ``map`` and ``has`` are macros."""

MACROS: Final = frozenset({"all", "exists", "exists_one", "existsOne", "filter", "map", "has"})
