"""Webhooks of TimeTracker: the signature, and which time entry to look at. Tasks and comments send none through the API.

Refuses: believing the payload; the run reads the item itself (S32).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Final

import msgspec
from msgspec import Struct

from bridge.errors import RejectedError
from bridge.model import Kind
from connectors import signature
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
    signature.check("TimeTracker", config.webhook_secret, headers, "X-Webhook-Signature", body)
    try:
        payload = _PAYLOAD.decode(body)
    except msgspec.MsgspecError as error:
        raise RejectedError(f"A signed webhook cannot be read: {error}.", hint="Check who sends it.") from error
    event = headers.get("x-webhook-event", "")
    return Delivery(signature.name_of(body), event, _hints(payload, given, names))


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
