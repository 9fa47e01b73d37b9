"""What an HTTP answer says: its parts, its waiting times, and the one place where a status becomes an error class.

Refuses: sockets, retries, tracker knowledge (a connector passes its own ``Classify`` for that).
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any, Final, TypeVar
from urllib.parse import parse_qsl, quote, urlsplit, urlunsplit

import msgspec

from bridge.errors import (
    AuthError,
    GoneError,
    NotFoundError,
    PermissionError_,
    RateLimited,
    RejectedError,
    RetryableError,
    StaleWrite,
    TrackerError,
    UnknownOutcome,
    UnreachableError,
)

T = TypeVar("T")

READS: Final = frozenset({"GET", "HEAD", "OPTIONS"})
UNSTATED_WAIT_S: Final = 30
_LONGEST_MESSAGE: Final = 300
_SECRET_NAME: Final = re.compile(r"token|secret|passw|key|sig|auth|code|credential", re.IGNORECASE)
_TAGS: Final = re.compile(r"<(script|style)\b.*?</\1>|<[^>]*>", re.IGNORECASE | re.DOTALL)


@dataclass(frozen=True, slots=True)
class Response:
    """One answer. ``headers`` have lower-case names; ``date`` is the server's Date, aware UTC; ``url`` was asked last.

    ``skew_s`` is that less our clock when the answer came, in whole seconds.
    ``retriable`` says that the request may be repeated whatever became of it; ``content`` is undecoded JSON.
    """

    method: str
    url: str
    status: int
    headers: Mapping[str, str]
    content: bytes
    date: datetime | None = None
    retriable: bool = True
    skew_s: int | None = None

    @property
    def etag(self) -> str | None:
        return self.headers.get("etag")

    @property
    def is_not_modified(self) -> bool:
        return self.status == 304


Classify = Callable[[Response, datetime], TrackerError | None]
"""A connector's own reading of an error answer; None leaves it to ``to_error``. The instant is our clock, aware UTC."""


def decode(response: Response, decoder: msgspec.json.Decoder[T]) -> T:
    """The body as ``decoder`` wants it.

    Raises: RetryableError for a read and UnknownOutcome for a write when the body is not that: an HTML page of a
    proxy, a truncated body, another API under the same address.
    """
    try:
        return decoder.decode(response.content)
    except msgspec.MsgspecError as error:
        kind = RetryableError if response.retriable else UnknownOutcome
        raise kind(
            f"{response.method} {shown(response.url)} answered {response.status} with a body that cannot be read: {error}.",
            hint="Check that base_url names the API itself and that no proxy answers in its place.",
            status=response.status,
            url=shown(response.url),
        ) from error


def unshown(answer: Response, what: str, *, by: str = "by its marker") -> UnknownOutcome:
    """For a create whose good answer does not hold what was made."""
    return UnknownOutcome(
        f"{answer.method} {shown(answer.url)} answered {answer.status} without {what}.",
        hint=f"Bridge looks for it {by} before it tries again.",
        status=answer.status,
        url=shown(answer.url),
    )


def shown(url: str) -> str:
    """The URL as it may stand in a message: no user information, no fragment, secret query values as ``***``."""
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2]
    pairs = parse_qsl(parts.query, keep_blank_values=True)
    query = "&".join(f"{k}={'***' if _SECRET_NAME.search(k) else quote(v, safe=':/,$()-_.')}" for k, v in pairs)
    return urlunsplit((parts.scheme, host, parts.path, query, ""))


def described(response: Response) -> str:
    """``PATCH https://… answered 422: Validation Failed (title: missing).``"""
    said = server_message(response.content)
    return f"{response.method} {shown(response.url)} answered {response.status}{f': {said}' if said else ''}."


def to_error(response: Response, now: datetime, classify: Classify | None = None) -> TrackerError:
    """The one place where a status becomes an error class (S34). ``now`` is our clock, aware UTC.

    A write without a usable answer is UnknownOutcome (S18), except where the server says that it did not take it:
    429 and 503 with Retry-After (RFC 9110 §10.2.3).
    """
    if classify is not None and (error := classify(response, now)) is not None:
        return error
    status, text = response.status, described(response)
    place: dict[str, Any] = {"status": status, "url": shown(response.url)}
    if status == 429 or (status == 503 and "retry-after" in response.headers):
        until = limited_until(response, now) or now + timedelta(seconds=UNSTATED_WAIT_S)
        return RateLimited(text, until=until, hint=f"Bridge goes on at {until:%Y-%m-%d %H:%M:%SZ}.", **place)
    if status in (408, 425) or (status >= 500 and status != 501):
        if response.retriable:
            return RetryableError(text, hint="The server's own trouble; Bridge asks again on the next run.", **place)
        return UnknownOutcome(
            text, hint="Bridge looks whether the write arrived before it does anything else.", **place
        )
    kind, hint = _BY_STATUS.get(
        status, (RejectedError, "The server does not take this; correct the item or the mapping.")
    )
    return kind(text, hint=hint, **place)


_BY_STATUS: Final[Mapping[int, tuple[type[TrackerError], str]]] = {
    401: (AuthError, "Give this connection a valid token; it may have expired or been revoked."),
    403: (PermissionError_, "Give the token's account the right to do this, or take the link's direction back."),
    404: (NotFoundError, "It does not exist, or the token's account may not see it."),
    407: (UnreachableError, "The proxy wants a login; set HTTPS_PROXY with one, or NO_PROXY for this host."),
    409: (StaleWrite, "Somebody else changed it; Bridge reads it again."),
    410: (GoneError, "It was deleted there."),
    412: (StaleWrite, "Somebody else changed it; Bridge reads it again."),
}


def limited_until(response: Response, now: datetime) -> datetime | None:
    """When the server takes requests again, by our clock; None when it does not say.

    Reads Retry-After (seconds, or a date relative to the server's own Date), else ``x-ratelimit-remaining: 0`` with
    ``x-ratelimit-reset`` (epoch seconds, relative to the server's Date as well, so that skew does no harm).
    """
    headers, their_now = response.headers, response.date or now
    if after := headers.get("retry-after", "").strip():
        if after.isdigit():
            return now + timedelta(seconds=int(after))
        if (at := http_date(after)) is not None:
            return now + max(at - their_now, timedelta())
    if headers.get("x-ratelimit-remaining") == "0":
        return reset_at(response, now)
    return None


def reset_at(response: Response, now: datetime) -> datetime | None:
    """``x-ratelimit-reset`` by our clock, aware UTC."""
    reset = response.headers.get("x-ratelimit-reset", "")
    if not reset.isdigit():
        return None
    return now + (datetime.fromtimestamp(int(reset), UTC) - (response.date or now))


def http_date(text: str | None) -> datetime | None:
    """An HTTP-date (RFC 9110 §5.6.7) as aware UTC; None when it is none."""
    if not text:
        return None
    with contextlib.suppress(ValueError, TypeError):
        at = parsedate_to_datetime(text)
        return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
    return None


def server_message(content: bytes) -> str:
    """What the server says for a person, on one line of at most 300 characters: JSON in the usual forms, HTML, text."""
    try:
        data = msgspec.json.decode(content)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        data = _TAGS.sub(" ", content[:20_000].decode("utf-8", "replace"))
    text = " ".join(_said(data).split()).rstrip(".")
    return text if len(text) <= _LONGEST_MESSAGE else text[: _LONGEST_MESSAGE - 1] + "…"


def _said(data: Any) -> str:
    if isinstance(data, str):
        return data
    if isinstance(data, list):
        return "; ".join(filter(None, map(_said, data[:5])))
    if not isinstance(data, dict):
        return ""
    words = ("message", "detail", "title", "error_description", "error", "errorMessages")
    head = next((said for word in words if (said := _said(data.get(word)))), "")
    more = "; ".join(filter(None, _details(data.get("errors"))))
    if not head and not more:
        return ": ".join(str(data[k]) for k in ("field", "code") if data.get(k))
    return f"{head} ({more})" if head and more else head or more


def _details(errors: Any) -> list[str]:
    """GitHub: a list of {resource, field, code, message}; problem details: {field: [texts]}."""
    if isinstance(errors, dict):
        return [f"{name}: {_said(texts)}" for name, texts in list(errors.items())[:5]]
    return [_said(error) for error in errors[:5]] if isinstance(errors, list) else []
