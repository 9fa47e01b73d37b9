"""What the Jira sandbox refuses, and the bodies it refuses with; durations, instants and the other small formats."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, tzinfo
from functools import cache
from typing import TYPE_CHECKING, Any, NoReturn
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from bridge.sandbox import jira_text as texts
from bridge.sandbox.exchange import Refused, Reply

if TYPE_CHECKING:
    from bridge.sandbox.exchange import Ask
    from bridge.sandbox.jira import JiraSandbox

STARTED = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}[+-]\d{4}")
DURATION = re.compile(r"(?:(\d+)w)?\s*(?:(\d+)d)?\s*(?:(\d+)h)?\s*(?:(\d+)m)?", re.ASCII)
HOURS_PER_DAY, DAYS_PER_WEEK = 8, 5
SUMMARY_LIMIT, LABEL_LIMIT, PROPERTY_LIMIT, KEY_LIMIT = 255, 255, 32_768, 255
UNSEEN = "Issue does not exist or you do not have permission to see it."


def plain(
    status: int, *messages: str, headers: dict[str, str] | None = None, errors: dict[str, str] | None = None
) -> Reply:
    return Reply(status, {"errorMessages": list(messages), "errors": errors or {}}, dict(headers or {}))


def refuse(status: int, *messages: str, headers: dict[str, str] | None = None) -> NoReturn:
    raise Refused(plain(status, *messages, headers=headers))


def invalid(**errors: str) -> NoReturn:
    """400 with the errors by field."""
    raise Refused(plain(400, errors=errors))


def body(ask: Ask, known: str, *, strict: bool = True) -> dict[str, Any]:
    """The body as an object.

    Raises: Refused with 400 for what is none, and with ``strict`` for members the call does not have.
    """
    if not isinstance(ask.body, dict):
        refuse(400, "Invalid request payload. Refer to the REST API documentation and try again.")
    if strict and (unknown := sorted(set(ask.body) - set(known.split()))):
        refuse(400, f'Unrecognized field "{unknown[0]}" (known properties: {known})')
    return ask.body


@cache
def zone(name: str) -> tzinfo:
    """A zone by name; UTC where the machine has no zone database."""
    try:
        return ZoneInfo(name)
    except ZoneInfoNotFoundError:
        return UTC


def stamp(milliseconds: int, where: str) -> str:
    """``2026-01-02T03:04:05.123+0100``: in the reader's zone, the offset without a colon."""
    moment = datetime.fromtimestamp(milliseconds // 1000, zone(where))
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{milliseconds % 1000:03d}{moment:%z}"


def started(box: JiraSandbox, value: Any) -> int:
    """A worklog's ``started`` as epoch milliseconds. Milliseconds and an offset without a colon are asked for.

    Raises: Refused with 400 (Cloud) or 500 (Data Center) for any other form.
    """
    if not isinstance(value, str) or not STARTED.fullmatch(value):
        refuse(
            400 if box.is_cloud else 500, f"Unrecognized date format: {value!r}. Expected yyyy-MM-dd'T'HH:mm:ss.SSSZ."
        )
    try:
        moment = datetime.strptime(value, "%Y-%m-%dT%H:%M:%S.%f%z")
    except ValueError:
        refuse(400, f"Invalid date: {value!r}.")
    return round(moment.timestamp() * 1000)


def seconds(value: Any) -> int | None:
    """A duration such as ``1w 2d 3h 30m`` (days of 8 hours, weeks of 5 days) in seconds; None when it is none."""
    text = value.strip() if isinstance(value, str) else ""
    if text.isdigit():
        return int(text) * 60  # the default unit is the minute
    found = DURATION.fullmatch(text)
    if not text or found is None:
        return None
    weeks, days, hours, minutes = (int(part or 0) for part in found.groups())
    return ((weeks * DAYS_PER_WEEK + days) * HOURS_PER_DAY + hours) * 3600 + minutes * 60


def spoken(value: int) -> str:
    """Seconds as Jira says them: ``1d 2h 30m``."""
    minutes = value // 60
    parts = []
    for unit, size in (("w", HOURS_PER_DAY * DAYS_PER_WEEK * 60), ("d", HOURS_PER_DAY * 60), ("h", 60), ("m", 1)):
        count, minutes = divmod(minutes, size)
        if count:
            parts.append(f"{count}{unit}")
    return " ".join(parts) or "0m"


def day(name: str, value: Any) -> str | None:
    if value in (None, ""):
        return None
    try:
        if isinstance(value, str) and re.fullmatch(r"\d{4}-\d\d-\d\d", value):
            return date.fromisoformat(value).isoformat()
    except ValueError:
        pass
    invalid(**{name: f"Error parsing date string: {value}"})


def rich(box: JiraSandbox, ask: Ask, name: str, value: Any) -> Any:
    """A text field: ADF on Cloud, wiki text on Data Center; empty is None."""
    if value is None:
        return None
    if box.is_cloud:
        try:
            texts.check(value)
        except texts.BadText as error:
            if not isinstance(value, dict):
                invalid(**{name: str(error)})
            refuse(400, "INVALID_INPUT", str(error))
    elif not isinstance(value, str):
        invalid(**{name: "Operation value must be a string"})
    if len(texts.plain(value)) > texts.TEXT_LIMIT:
        invalid(
            **{name: f"The entered text is too long. It exceeds the allowed limit of {texts.TEXT_LIMIT:,} characters."}
        )
    stored = texts.normal(ask, value)
    return None if stored == "" or (isinstance(stored, dict) and not stored["content"]) else stored


def label(value: Any) -> str:
    if not isinstance(value, str) or not value:
        invalid(labels="The label must be a string.")
    if re.search(r"\s", value):
        invalid(labels=f"The label '{value}' contains spaces which is invalid.")
    if len(value) > LABEL_LIMIT:
        invalid(labels=f"The label '{value[:40]}...' exceeds the maximum length allowed of {LABEL_LIMIT} characters.")
    return value


def count(ask: Ask, name: str, default: int, *, most: int) -> int:
    """A whole number of the query or body; more than ``most`` is quietly cut."""
    given: Any = ask.query.get(name)
    if given is None and isinstance(ask.body, dict):
        given = ask.body.get(name)
    if given is None:
        return default
    if isinstance(given, bool) or not str(given).isdigit():
        refuse(400, f"{name} must be a whole number, not {given!r}.")
    return min(int(given), most)


def names(ask: Ask, name: str) -> list[str] | None:
    """A list of the query (with commas) or body; None when not given."""
    if name in ask.query:
        return [part.strip() for part in ask.query[name].split(",") if part.strip()]
    value = ask.body.get(name) if isinstance(ask.body, dict) else None
    if value is None:
        return None
    if isinstance(value, str):
        return [part.strip() for part in value.split(",") if part.strip()]
    if not isinstance(value, list):
        refuse(400, f"{name} must be a list.")
    return [str(part) for part in value]


def listed(ask: Ask, rows: list[Any]) -> list[Any]:
    """The rows of a listing, less what the faults ``empty_listing`` and ``half_page`` take away."""
    if "empty_listing" in ask.faults:
        return []
    return rows[: len(rows) // 2] if "half_page" in ask.faults else rows


def tail(ask: Ask) -> str:
    """The path below the API's root."""
    return re.sub(r"^.*?/rest/api/[^/]+", "", ask.path)
