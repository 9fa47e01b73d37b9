"""Webhooks of TimeTracker: the signature, and which time entry to look at. Tasks and comments send none through the API.

Refuses: believing the payload; the run reads the item itself (S32).
"""

from __future__ import annotations

import hmac
from collections.abc import Collection, Mapping
from hashlib import blake2b, sha256
from typing import Final

import msgspec
from msgspec import Struct

from bridge.errors import RejectedError, SignatureError
from bridge.model import Kind
from connectors.base import Delivery, Hint
from connectors.timetracker_config import TimeTrackerConfig


class _Entity(Struct):
    id: int
    type: str = ""


class _Data(Struct):
    project_name: str | None = None


class _Payload(Struct):
    entity: _Entity | None = None
    entry_id: int | None = None
    project_id: int | None = None
    data: _Data | None = None


_PAYLOAD: Final = msgspec.json.Decoder(_Payload)
_KINDS: Final = {"time_entry": Kind.TIME_ENTRY.value, "task": Kind.TASK.value}


def verify(
    config: TimeTrackerConfig,
    headers: Mapping[str, str],
    body: bytes,
    given: Collection[str],
    names: Mapping[str, str],
) -> Delivery:
    """Check ``X-Webhook-Signature`` in constant time on the raw body. ``given`` are the containers that links name and this
    connector has served, ``names`` ids of projects by name: most payloads do not say the project's id.

    No delivery has an id, and a retry is the same byte for byte: the body's digest stands for it.
    Raises: SignatureError; RejectedError for a signed body that is not TimeTracker's JSON.
    """
    secret = config.webhook_secret.get_secret_value() if config.webhook_secret is not None else ""
    if not secret:
        raise SignatureError(
            "A webhook came for a connection without a webhook secret.",
            hint="Set webhook_secret of this connection to the secret that TimeTracker showed when the webhook was made.",
        )
    expected = "sha256=" + hmac.new(secret.encode(), body, sha256).hexdigest()
    signature = headers.get("x-webhook-signature", "")
    if not hmac.compare_digest(expected.encode(), signature.encode("utf-8", "surrogateescape")):
        raise SignatureError(
            "A webhook's X-Webhook-Signature does not fit its body." if signature else "A webhook is not signed.",
            hint="Compare webhook_secret with the webhook in TimeTracker; else somebody else is calling.",
        )
    try:
        payload = _PAYLOAD.decode(body)
    except msgspec.MsgspecError as error:
        raise RejectedError(f"A signed webhook cannot be read: {error}.", hint="Check who sends it.") from error
    event = headers.get("x-webhook-event", "")
    return Delivery(blake2b(body, digest_size=16).hexdigest(), event, _hints(payload, given, names))


def _hints(payload: _Payload, given: Collection[str], names: Mapping[str, str]) -> tuple[Hint, ...]:
    if payload.entry_id is not None:
        kind, item = Kind.TIME_ENTRY.value, payload.entry_id
    elif payload.entity is not None and payload.entity.type in _KINDS:
        kind, item = _KINDS[payload.entity.type], payload.entity.id
    else:
        return ()
    name = payload.data.project_name if payload.data is not None else None
    project = str(payload.project_id) if payload.project_id else names.get(name or "")
    containers = [one for one in sorted(given) if project is None or one in (project, name)]
    return tuple(Hint(container, kind, str(item)) for container in containers)
