"""What the GitHub sandbox refuses, and the bodies it refuses with."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, NoReturn

from bridge.sandbox.clock import instant
from bridge.sandbox.exchange import Refused, Reply

if TYPE_CHECKING:
    from bridge.sandbox.exchange import Ask

DOCS = "https://docs.github.com/rest"
TITLE_LIMIT, BODY_LIMIT, LABEL_LIMIT, ASSIGNEE_LIMIT = 256, 65_536, 100, 10
VERSIONS = ("2022-11-28", "2026-03-10")


def refuse(status: int, message: str, headers: dict[str, str] | None = None, **more: Any) -> NoReturn:
    raise Refused(plain(status, message, headers, **more))


def plain(status: int, message: str, headers: dict[str, str] | None = None, **more: Any) -> Reply:
    body = {"message": message, **more, "documentation_url": DOCS, "status": str(status)}
    return Reply(status, body, dict(headers or {}))


def invalid(resource: str, field: str, code: str = "invalid", **more: Any) -> NoReturn:
    """422 with the ``errors`` list GitHub documents."""
    refuse(422, "Validation Failed", errors=[{"resource": resource, "field": field, "code": code, **more}])


def too_long(resource: str, field: str, limit: int) -> NoReturn:
    invalid(resource, field, "custom", message=f"{field} is too long (maximum is {limit} characters)")


def body_object(ask: Ask) -> dict[str, Any]:
    if not isinstance(ask.body, dict):
        refuse(400, "Body should be a JSON object")
    return ask.body


def only(ask: Ask, known: str, *, strict: bool) -> dict[str, Any]:
    """The body; with ``strict`` a member that the API does not know is refused (GitHub itself ignores it)."""
    body = body_object(ask)
    unknown = sorted(set(body) - set(known.split()))
    if strict and unknown:
        refuse(422, f"Invalid request.\n\n{', '.join(unknown)}: not a permitted key (sandbox setting strict_members).")
    return body


def text(body: dict[str, Any], resource: str, field: str, *, limit: int, required: bool = False) -> str | None:
    value = body.get(field)
    if value is None:
        if required:
            invalid(resource, field, "missing_field")
        return None
    if not isinstance(value, str):
        if field == "title" and isinstance(value, int) and not isinstance(value, bool):
            return str(value)
        refuse(422, f"Invalid request.\n\nFor 'properties/{field}', {value!r} is not a string.")
    if len(value) > limit:
        too_long(resource, field, limit)
    if required and not value.strip():
        invalid(resource, field, "missing_field")
    return value


def strings(body: dict[str, Any], field: str, *, key: str, most: int) -> list[str] | None:
    """A list of names; objects with ``key`` are taken as well. None when not given."""
    if field not in body:
        return None
    value = body[field]
    if value is None:
        return []
    if not isinstance(value, list):
        refuse(422, f"Invalid request.\n\nFor 'properties/{field}', {value!r} is not an array.")
    names = [item.get(key) if isinstance(item, dict) else item for item in value]
    if any(not isinstance(name, str) or not name for name in names):
        refuse(422, f"Invalid request.\n\nFor 'items/{field}', each must be a string.")
    if len(names) > most:
        invalid("Issue", field, "custom", message=f"{field} is limited to {most} on an issue")
    return [str(name) for name in names]


def since(ask: Ask) -> int | None:
    given = ask.query.get("since")
    if given is None:
        return None
    moment = instant(given)
    if moment is None or "T" not in given:
        invalid("Issue", "since", value=given)
    return int(moment)


def choice(ask: Ask, resource: str, field: str, known: tuple[str, ...]) -> str:
    """A query value out of ``known``; the first is the default."""
    value = ask.query.get(field, known[0])
    if value not in known:
        invalid(resource, field, value=value)
    return value


def label_members(body: dict[str, Any], name_field: str, *, required: bool) -> dict[str, Any]:
    """The checked members of a label, by their names in ``Label``."""
    found: dict[str, Any] = {}
    name = body.get(name_field)
    if name is None and required:
        invalid("Label", "name", "missing_field")
    if name is not None:
        if not isinstance(name, str) or not name.strip():
            invalid("Label", "name")
        if len(name) > 50:
            too_long("Label", "name", 50)
        found["name"] = name
    color = body.get("color")
    if color is not None:
        if not isinstance(color, str) or not re.fullmatch(r"[0-9a-fA-F]{6}", color):
            invalid("Label", "color")
        found["color"] = color.lower()
    if "description" in body:
        words = body["description"]
        if words is not None and (not isinstance(words, str) or len(words) > 100):
            too_long("Label", "description", 100)
        found["description"] = words or None
    return found
