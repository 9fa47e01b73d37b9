"""What the Grow CRM sandbox refuses, and how it reads bodies: forms as PHP does, or JSON.

Its answers are ``{"message", "errors"}``; ``errors`` only with 422.
"""

from __future__ import annotations

import re
from datetime import date
from typing import TYPE_CHECKING, Any, NoReturn
from urllib.parse import parse_qsl

from bridge.sandbox import rewriting
from bridge.sandbox.exchange import Refused, Reply
from bridge.sandbox.frame import decode

if TYPE_CHECKING:
    from bridge.sandbox.exchange import Ask

TITLE_LIMIT = 250
MEMBER = re.compile(r"([^\[\]]+)\[(\d*)\]")


def plain(status: int, message: str, headers: dict[str, str] | None = None) -> Reply:
    return Reply(status, {"message": message}, dict(headers or {}))


def refuse(status: int, message: str, headers: dict[str, str] | None = None) -> NoReturn:
    raise Refused(plain(status, message, headers))


def invalid(field: str, message: str) -> NoReturn:
    """422 that blames one field."""
    raise Refused(Reply(422, {"message": message, "errors": {field: [message]}}))


def body(ask: Ask) -> dict[str, Any]:
    """The members of a body. Text is trimmed and empty text is null, as the framework's middleware does.

    A body of any other content type has no members: PHP does not read it.
    """
    kind = ask.headers.get("content-type", "").partition(";")[0].strip().lower()
    members: Any = {}
    if kind == "application/json":
        try:
            members = decode(ask.raw) or {}
        except ValueError:
            members = {}
    elif kind == "application/x-www-form-urlencoded":
        members = _form(ask.raw.decode("utf-8", "replace"))
    ask.body = members
    return {name: _clean(value) for name, value in members.items()} if isinstance(members, dict) else {}


def _form(text: str) -> dict[str, Any]:
    """``name[]=a&name[]=b`` is a list; of a repeated plain name the last one counts."""
    found: dict[str, Any] = {}
    for name, value in parse_qsl(text, keep_blank_values=True):
        if listed := MEMBER.fullmatch(name):
            found.setdefault(listed[1], []).append(value)
        else:
            found[name] = value
    return found


def _clean(value: Any) -> Any:
    if isinstance(value, list):
        return [_clean(one) for one in value]
    return (value.strip() or None) if isinstance(value, str) else value


def text(members: dict[str, Any], name: str, *, limit: int = 0, required: bool = False) -> str | None:
    value = members.get(name)
    if value is None:
        if required:
            invalid(name, f"The {_words(name)} field is required.")
        return None
    if not isinstance(value, str):
        invalid(name, f"The {_words(name)} must be a string.")
    if limit and len(value) > limit:
        invalid(name, f"The {_words(name)} must not be greater than {limit} characters.")
    return value


def number(members: dict[str, Any], name: str, *, required: bool = True) -> int | None:
    """A whole number, as a number or as text."""
    value = members.get(name)
    if value is None:
        if required:
            invalid(name, f"The {_words(name)} field is required.")
        return None
    if isinstance(value, bool) or not re.fullmatch(r"\d+", str(value)):
        invalid(name, f"The {_words(name)} must be an integer.")
    return int(value)


def array(members: dict[str, Any], name: str) -> list[Any]:
    """Present and an array; it may be empty, which only JSON can say."""
    if not isinstance(members.get(name), list):
        invalid(name, f"The {_words(name)} field must be present and an array.")
    return list(members[name])


def day(members: dict[str, Any], name: str, *, required: bool = False) -> str | None:
    value = members.get(name)
    if value is None and not required:
        return None
    try:
        return date.fromisoformat(value if isinstance(value, str) else "").isoformat()
    except ValueError:
        invalid(name, f"The {_words(name)} is not a valid date.")


def flag(members: dict[str, Any], name: str) -> str:
    """``on`` is yes; whatever else, or nothing, is no."""
    return "yes" if members.get(name) == "on" else "no"


def tags(ask: Ask, given: list[Any]) -> tuple[str, ...]:
    """Titles without repeats; case makes no difference."""
    found: dict[str, str] = {}
    for one in given:
        if not isinstance(one, str):
            invalid("tags", "The tags must be strings.")
        name = rewriting.label(ask, one)
        found.setdefault(name.casefold(), name)
    return tuple(found.values())


def _words(name: str) -> str:
    return name.replace("_", " ")
