"""Jira's webhooks: the signature, and which issue, comment or worklog to look at.

Cloud signs with ``X-Hub-Signature: sha256=HEX`` where the webhook has a secret; Data Center cannot sign. Refuses: believing
the payload, which is in the form of API version 2 even on Cloud; the run reads the item itself (S32).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

import msgspec

from bridge.errors import RejectedError
from connectors import signature
from connectors.base import Delivery, Hint
from connectors.jira_config import JiraConfig


class _Issue(msgspec.Struct):
    id: str | int = ""
    key: str = ""
    fields: dict[str, Any] | None = None


class _Part(msgspec.Struct, rename="camel"):
    id: str | int = ""
    issue_id: str | int | None = None
    self_: str = msgspec.field(default="", name="self")


class _Link(msgspec.Struct, rename="camel"):
    source_issue_id: str | int = ""
    destination_issue_id: str | int = ""


class _Payload(msgspec.Struct, rename="camel"):
    webhook_event: str = ""
    issue: _Issue | None = None
    comment: _Part | None = None
    worklog: _Part | None = None
    issue_link: _Link | None = None


_OF_ISSUE: Final = re.compile(r"/issue/([0-9]+)/comment/")
PAYLOAD: Final = msgspec.json.Decoder(_Payload)


def verify(config: JiraConfig, headers: Mapping[str, str], body: bytes) -> Delivery:
    """Check the signature in constant time on the raw body and say what to look at. ``headers`` have lower-case names.

    The delivery's id is the same on each try. A hint's container is "" when the body names no project.
    Raises: SignatureError; RejectedError for a body that is not Jira's JSON.
    """
    if config.verify_signature:
        hint = "Data Center cannot sign: see verify_signature."
        signature.check("Jira", config.webhook_secret, headers, "X-Hub-Signature", body, hint=hint)
    try:
        payload = PAYLOAD.decode(body)
    except msgspec.MsgspecError as error:
        raise RejectedError(
            f"A webhook cannot be read: {error}.", hint="Send JSON bodies; do not exclude the body in Jira."
        ) from error
    delivery = headers.get("x-atlassian-webhook-identifier") or signature.name_of(body)
    return Delivery(delivery, payload.webhook_event, tuple(dict.fromkeys(_hints(payload))))


def _hints(payload: _Payload) -> Iterator[Hint]:
    event, issue = payload.webhook_event, payload.issue
    container = _container(issue)
    issue_id = _number(issue.id) if issue is not None else ""
    if payload.comment is not None and event.startswith("comment_"):
        own = _OF_ISSUE.search(payload.comment.self_)  # Data Center sends no issue with it
        place = issue_id or (own[1] if own else "")
        if place and (comment := _number(payload.comment.id)):
            yield Hint(container, "comment", f"{place}/{comment}")
    elif payload.worklog is not None and event.startswith("worklog_"):
        place = _number(payload.worklog.issue_id) or issue_id
        if place and (worklog := _number(payload.worklog.id)):
            yield Hint(container, "time_entry", f"{place}/{worklog}")
    elif payload.issue_link is not None:
        for end in (payload.issue_link.source_issue_id, payload.issue_link.destination_issue_id):
            if number := _number(end):
                yield Hint(container, "task", number)
    if issue_id and not event.startswith("worklog_"):
        yield Hint(container, "task", issue_id)
        if payload.comment is not None and not event.startswith("comment_") and (id_ := _number(payload.comment.id)):
            yield Hint(container, "comment", f"{issue_id}/{id_}")


def _container(issue: _Issue | None) -> str:
    if issue is None:
        return ""
    project = (issue.fields or {}).get("project")
    key = project.get("key") if isinstance(project, dict) else None
    return str(key or issue.key.rpartition("-")[0])


def _number(value: Any) -> str:
    """Only what is an id goes on: it becomes part of a URL."""
    text = "" if value is None else str(value)
    return text if text.isascii() and text.isdigit() else ""
