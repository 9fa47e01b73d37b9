"""What Jira's refusals mean: this connection, this project, this item, or one field of it.

Refuses: requests. Texts are localised, so status, header and field names decide, not words.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, Final

import msgspec

from bridge.errors import AuthError, ContainerError, RateLimited, RejectedError, TrackerError
from connectors.status import Response, described, limited_until, shown

FIELDS: Final = {
    "summary": "title",
    "description": "description",
    "labels": "labels",
    "assignee": "assignee",
    "duedate": "due_on",
    "timetracking": "estimate",
    "timetracking_originalestimate": "estimate",
    "timeoriginalestimate": "estimate",
    "priority": "priority",
    "parent": "parent",
    "parentId": "parent",
    "issuetype": "type",
    "comment": "body",
    "started": "started_at",
    "timeLogged": "seconds",
    "timeSpentSeconds": "seconds",
}
LOGIN_HINT: Final = "Give this connection a valid token, and the e-mail that it belongs to; tokens of Cloud expire."
_QUOTAS: Final = ("jira-quota-global-based", "jira-quota-tenant-based")


class _Refusal(msgspec.Struct):
    errors: dict[str, Any] | list[Any] | None = None


_REFUSAL: Final = msgspec.json.Decoder(_Refusal)


def refusal(response: Response, now: datetime) -> TrackerError | None:
    """The error of an answer; None leaves it to ``connectors.status.to_error``."""
    place: dict[str, Any] = {"status": response.status, "url": shown(response.url)}
    text = described(response)
    if (login := _login(response, text, place)) is not None:
        return login
    match response.status:
        case 429:
            until = _until(response, now)
            return RateLimited(text, until=until, hint=f"Bridge goes on at {until:%Y-%m-%d %H:%M:%SZ}.", **place)
        case 400 | 422:
            return _invalid(response, text, place)
        case 413:
            return RejectedError(text, hint="The issue holds as much of this as Jira allows.", **place)
    return None


def _login(response: Response, text: str, place: dict[str, Any]) -> AuthError | None:
    if response.status == 403 and "x-authentication-denied-reason" in response.headers:
        hint = "Jira wants a CAPTCHA after failed logins: log in with a browser, then correct the token."
        return AuthError(text, hint=hint, **place)
    if response.status in (403, 404) and is_anonymous(response):
        return AuthError(f"{text} Jira took the request for an anonymous one.", hint=LOGIN_HINT, **place)
    return AuthError(text, hint=LOGIN_HINT, **place) if response.status == 401 else None


def is_anonymous(response: Response) -> bool:
    """Whether Jira did not take the credential, which it need not say by 401."""
    reason = response.headers.get("x-seraph-loginreason", "").upper()
    failed = "AUTHENTICATED_FAILED" in reason or "AUTHENTICATION_DENIED" in reason
    return failed or response.headers.get("x-ausername", "").lower() == "anonymous"


def unseen(container: str, *, status: int | None = None, url: str = "", reason: Any = "missing") -> ContainerError:
    """The project does not answer."""
    return ContainerError(
        f"Jira does not show the project {container} to this account.",
        container=container,
        reason=reason,
        hint="Check the project's key, that it is not archived, and the account's permission Browse Projects.",
        status=status,
        url=url,
    )


def _invalid(response: Response, text: str, place: dict[str, Any]) -> TrackerError:
    blamed = blamed_ids(response.content)
    if "project" in blamed and response.method == "POST":
        hint = "Give the account the permission Create Issues in this project, and check the project's key."
        return ContainerError(text, reason="permission", hint=hint, **place)
    hint = "Correct the item or the mapping; a field that is not on the screen has to be put there by an administrator."
    names = [FIELDS.get(name, name if name.startswith("customfield_") else "") for name in blamed]
    return RejectedError(text, hint=hint, field=next(filter(None, names), ""), **place)


def blamed_ids(content: bytes) -> list[str]:
    """Jira's ids of the fields that ``errors`` names, sorted."""
    try:
        errors = _REFUSAL.decode(content).errors
    except msgspec.MsgspecError:
        return []
    return sorted(errors) if isinstance(errors, dict) else []


def _until(response: Response, now: datetime) -> datetime:
    """Retry-After; else ``X-RateLimit-Reset`` (ISO 8601, at times without seconds); else, for an hourly quota, the next
    full hour; else half a minute.
    """
    if (until := limited_until(response, now)) is not None:
        return until
    theirs = response.date or now
    try:
        reset = datetime.fromisoformat(response.headers.get("x-ratelimit-reset", ""))
        reset = reset if reset.tzinfo else reset.replace(tzinfo=UTC)
        return now + max(reset - theirs, timedelta())
    except ValueError:
        pass
    if response.headers.get("ratelimit-reason", "") in _QUOTAS:
        return now + (theirs.replace(minute=0, second=0, microsecond=0) + timedelta(hours=1) - theirs)
    return now + timedelta(seconds=30)
