"""Webhooks of Workestra: the signature, and which task to look at.

Refuses: believing the payload, which is no task (S32).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from bridge.errors import RejectedError
from bridge.model import Kind
from connectors import signature
from connectors.base import Delivery, Hint

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pydantic import SecretStr

SIGNATURE: Final = "X-Workestra-Signature"
_NOTHING_OF_OURS: Final = frozenset({"task.comment_added"})


class _Data(msgspec.Struct):
    task_id: str | int | None = None
    project_id: str | int | None = None


class _Event(msgspec.Struct):
    id: str = ""
    type: str = ""
    data: _Data | None = None


_EVENT: Final = msgspec.json.Decoder(_Event)


def verify(headers: Mapping[str, str], body: bytes, secret: SecretStr | None) -> Delivery:
    """Check ``X-Workestra-Signature: sha256=<hex>`` in constant time on the raw body and say what to look at.

    Unknown types are taken as well: what names a task is a hint. A comment is none, since the API shows no comments.
    Raises: SignatureError; RejectedError for a signed body that is no event.
    """
    signature.check("Workestra", secret, headers, SIGNATURE, body)
    try:
        event = _EVENT.decode(body)
    except msgspec.MsgspecError as error:
        raise RejectedError(
            f"A signed webhook cannot be read: {error}.", hint="Check that Workestra itself sends it."
        ) from error
    hints: tuple[Hint, ...] = ()
    if event.data is not None and event.data.task_id and event.type not in _NOTHING_OF_OURS:
        hints = (Hint(str(event.data.project_id or ""), Kind.TASK.value, str(event.data.task_id)),)
    return Delivery(event.id or signature.name_of(body), event.type, hints)
