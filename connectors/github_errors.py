"""What GitHub's refusals mean: this connection, this repository, this item, or one field of it.

Refuses: waiting times (connectors.github_api keeps them), requests.

The words are GitHub's own, as its API and its clients' threads quote them: "Repository was archived so is read-only.",
"Resource not accessible by personal access token", "Must have admin rights to Repository.", "Issues are disabled for
this repo". Any other 403 is about the item: "Unable to create comment because issue is locked.".
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import unquote, urlsplit

import msgspec

from bridge.errors import AuthError, ContainerError, NotFoundError, PermissionError_, RejectedError, TrackerError
from connectors.status import Response, described, server_message, shown

ISSUES_OFF: Final = "Turn issues on in the repository's settings."

_REPO: Final = re.compile(r"/(?:repos/([^/]+/[^/]+)|(repositories/\d+))(?=/|$)")
_WHOLE: Final = re.compile(r"/(?:repos/[^/]+/[^/]+|repositories/\d+)(?:/(?:issues|labels|milestones|assignees))?/?$")
_NOT_HERE: Final = ("resource not accessible", "must have admin rights", "must have push access", "access blocked")
_FIELDS: Final[Mapping[str, str]] = {
    "title": "title",
    "body": "description",
    "labels": "labels",
    "assignees": "assignees",
    "assignee": "assignees",
    "milestone": "milestone",
    "state": "status",
    "state_reason": "status",
    "type": "type",
    "color": "color",
    "description": "description",
    "name": "name",
}


class _Error(msgspec.Struct):
    field: str = ""


class _Refusal(msgspec.Struct):
    errors: list[_Error | str] = []


_REFUSAL: Final = msgspec.json.Decoder(_Refusal)


def refusal(response: Response) -> TrackerError | None:
    """The error of an answer that is no limit; None leaves it to ``connectors.status.to_error``."""
    text = described(response)
    place: dict[str, Any] = {"status": response.status, "url": shown(response.url)}
    match response.status:
        case 401:
            hint = "The token is wrong, expired or revoked; give this connection a new one."
            return AuthError(text, hint=hint, **place)
        case 403:
            return _forbidden(response, text, place)
        case 404:
            return _not_found(response, text, place)
        case 410 if _is_off(response):
            return closed(response, ISSUES_OFF)
        case 422:
            hint = "The server does not take this; correct the item or the mapping."
            return RejectedError(text, hint=hint, field=_blamed(response.content), **place)
    return None


def closed(response: Response, hint: str) -> ContainerError:
    """The repository is archived, or its issues are turned off."""
    container = repository_of(response.url)
    place: dict[str, Any] = {"status": response.status, "url": shown(response.url)}
    return ContainerError(described(response), container=container, reason="closed", hint=hint, **place)


def repository_of(url: str) -> str:
    """``owner/repo`` of an address, or ``repositories/7`` where it goes by number."""
    found = _REPO.search(urlsplit(url).path)
    return unquote(found[1] or found[2]) if found else ""


def _forbidden(response: Response, text: str, place: Mapping[str, Any]) -> TrackerError:
    said = server_message(response.content).lower()
    if "archived" in said:
        return closed(response, "Unarchive the repository, or pause the link.")
    hint = _permission_hint(response.headers)
    is_whole = _WHOLE.search(urlsplit(response.url).path) is not None
    if is_whole or "x-github-sso" in response.headers or any(words in said for words in _NOT_HERE):
        container = repository_of(response.url)
        if container:
            return ContainerError(text, container=container, reason="permission", hint=hint, **place)
    return PermissionError_(text, hint=hint, **place)


def _not_found(response: Response, text: str, place: Mapping[str, Any]) -> TrackerError:
    hint = "GitHub also says this of what the token may not see: check the name and the token's repositories."
    if _WHOLE.search(urlsplit(response.url).path):
        return ContainerError(text, container=repository_of(response.url), reason="missing", hint=hint, **place)
    return NotFoundError(text, hint=hint, **place)


def _is_off(response: Response) -> bool:
    said = server_message(response.content).lower()
    is_list = _WHOLE.search(urlsplit(response.url).path) is not None
    return is_list or ("issues" in said and "disabled" in said)


def _blamed(content: bytes) -> str:
    """The field that all entries of ``errors`` name, in our words; "" when there are several or none."""
    try:
        entries = _REFUSAL.decode(content).errors
    except msgspec.MsgspecError:
        return ""
    names = {_FIELDS.get(entry.field, "") for entry in entries if isinstance(entry, _Error)}
    return names.pop() if len(names) == 1 else ""


def _permission_hint(headers: Mapping[str, str]) -> str:
    if sso := headers.get("x-github-sso"):
        address = sso.partition("url=")[2]
        return f"Authorise the token for the organisation's single sign-on{f': {shown(address)}' if address else ''}."
    if needed := headers.get("x-accepted-github-permissions"):
        return f"The token needs one of these permissions: {needed}."
    return "Give the token the permission Issues: read and write, and its account access to the repository."
