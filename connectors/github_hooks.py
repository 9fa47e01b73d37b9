"""Webhooks of GitHub: the signature, and which issue or label to look at.

Refuses: believing the payload; the run reads the item itself (S32).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final
from urllib.parse import parse_qs

import msgspec

from bridge.errors import RejectedError
from bridge.model import Kind
from connectors import signature
from connectors.base import Delivery, Hint
from connectors.github_wire import Named, Present, Repository

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from pydantic import SecretStr


class _Number(msgspec.Struct):
    number: int
    pull_request: Present | None = None


class _From(msgspec.Struct):
    from_: str | None = msgspec.field(default=None, name="from")


class _Changes(msgspec.Struct):
    name: _From | None = None
    new_issue: _Number | None = None
    new_repository: Repository | None = None


class _Id(msgspec.Struct):
    id: int


class _Payload(msgspec.Struct):
    repository: Repository | None = None
    issue: _Number | None = None
    label: Named | None = None
    comment: _Id | None = None
    changes: _Changes | None = None
    sub_issue: _Number | None = None
    sub_issue_repo: Repository | None = None
    blocking_issue: _Number | None = None
    blocking_issue_repo: Repository | None = None


PAYLOAD: Final = msgspec.json.Decoder(_Payload)
_ISSUE_EVENTS: Final = frozenset({"issues", "issue_comment"})


def verify(headers: Mapping[str, str], body: bytes, secret: SecretStr | None) -> Delivery:
    """Check ``X-Hub-Signature-256`` in constant time on the raw body and say what to look at.

    ``headers`` have lower-case names. The body is JSON or a form with ``payload``.
    Raises: SignatureError; RejectedError for a signed body that is not GitHub's JSON.
    Source: docs.github.com, "Validating webhook deliveries".
    """
    signature.check("GitHub", secret, headers, "X-Hub-Signature-256", body)
    event = headers.get("x-github-event", "")
    delivery = headers.get("x-github-delivery") or signature.name_of(body)
    return Delivery(delivery, event, tuple(dict.fromkeys(_hints(event, _payload(headers, body)))))


def _payload(headers: Mapping[str, str], body: bytes) -> _Payload:
    if headers.get("content-type", "").partition(";")[0].strip().lower() == "application/x-www-form-urlencoded":
        body = parse_qs(body.decode("utf-8", "replace")).get("payload", [""])[0].encode()
    try:
        return PAYLOAD.decode(body)
    except msgspec.MsgspecError as error:
        raise RejectedError(
            f"A signed webhook cannot be read: {error}.",
            hint="Set its content type to application/json on GitHub.",
        ) from error


def _hints(event: str, payload: _Payload) -> Iterator[Hint]:
    if payload.repository is None or not (container := payload.repository.full_name):
        return
    changes = payload.changes or _Changes()
    if event == "sub_issues" and payload.sub_issue is not None:
        place = payload.sub_issue_repo or payload.repository
        yield Hint(place.full_name, Kind.TASK.value, str(payload.sub_issue.number))
    elif event == "issue_dependencies" and payload.blocking_issue is not None:
        place = payload.blocking_issue_repo or payload.repository
        yield Hint(place.full_name, Kind.TASK.value, str(payload.blocking_issue.number))
    if event in _ISSUE_EVENTS and payload.issue is not None and payload.issue.pull_request is None:
        yield Hint(container, Kind.TASK.value, str(payload.issue.number))
        if payload.comment is not None:
            for kind in (Kind.COMMENT, Kind.TIME_ENTRY):
                yield Hint(container, kind.value, str(payload.comment.id))
        if changes.new_issue is not None and changes.new_repository is not None:
            yield Hint(changes.new_repository.full_name, Kind.TASK.value, str(changes.new_issue.number))
    elif event == "label" and payload.label is not None:
        yield Hint(container, Kind.LABEL.value, payload.label.name)
        if changes.name is not None and changes.name.from_:
            yield Hint(container, Kind.LABEL.value, changes.name.from_)
