"""Artala's webhooks: is it signed, and which task is it about.

The vendor's page names the headers X-Artala-Event and X-Artala-Delivery and "an HMAC signing secret", nothing more.
Assumptions: HMAC-SHA256 of the raw body in hex, with or without ``sha256=``; the body is JSON and names the task in one
of the usual places. So a delivery is never more than a hint to look. Refuses: believing anything else in the body.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

import msgspec

from connectors import signature
from connectors.artala_config import ArtalaConfig
from connectors.artala_thread import KEY
from connectors.artala_wire import GUID
from connectors.base import Delivery, Hint

_WRAPPERS: Final = ("data", "payload", "resource", "object")


def verify(config: ArtalaConfig, headers: Mapping[str, str], body: bytes, given: Callable[[str], str]) -> Delivery:
    """The delivery with at most one hint a task, and one for the comment that it is about. ``given`` says how links name a board.

    A hint's container is "" when the body names no board. Raises: SignatureError.
    """
    if config.verify_signature:
        signature.check(
            "Artala",
            config.webhook_secret,
            headers,
            config.signature_header,
            body,
            bare=True,
            hint="If Artala names the header otherwise, set signature_header.",
        )
    event = headers.get("x-artala-event", "")
    delivery = headers.get("x-artala-delivery") or signature.name_of(body)
    try:
        said = msgspec.json.decode(body)
    except msgspec.MsgspecError:
        said = None
    return Delivery(delivery, event, tuple(dict.fromkeys(_hints(said, event, given))))


def _hints(said: Any, event: str, given: Callable[[str], str]) -> Iterator[Hint]:
    """From the body itself and the objects it is commonly wrapped in."""
    if not isinstance(said, dict) or event.partition(".")[0] not in ("task", "comment", "attachment", ""):
        return
    root = _lower(said)
    layers = [root, *(_lower(root[name]) for name in _WRAPPERS if isinstance(root.get(name), dict))]
    tasks = [_lower(layer["task"]) for layer in layers if isinstance(layer.get("task"), dict)]
    board = next(_guids([layer.get("boardid") for layer in [*tasks, *layers]]), "")
    container = given(board) if board else ""
    ids = [one for layer in layers for one in (layer.get("taskid"), *_listed(layer.get("taskids")))]
    ids += [task.get("id") for task in tasks]
    if event.startswith("task.") and not any(_guids(ids)):
        ids += [layer.get("id") for layer in reversed(layers)][:1]
    for task in _guids(ids):
        yield Hint(container, "task", task)
    if event.startswith("comment.") and not any(_is_ours(layer) for layer in layers):
        about = [_lower(layer["comment"]) for layer in layers if isinstance(layer.get("comment"), dict)]
        named = [layer.get("commentid") for layer in layers] + [one.get("id") for one in about]
        named += [layer.get("id") for layer in layers if "taskid" in layer]
        tasks_of = [*ids, *(one.get("taskid") for one in about)]
        for task, comment in zip(_guids(tasks_of), _guids(named), strict=False):
            yield Hint(container, "comment", f"{task}/{comment}")
            break


def _is_ours(layer: dict[str, Any]) -> bool:
    """Whether Bridge itself speaks in the comment: that is no record."""
    content = layer.get("content")
    return isinstance(content, str) and KEY.search(content.rstrip()) is not None


def _lower(members: dict[str, Any]) -> dict[str, Any]:
    return {str(name).lower(): value for name, value in members.items()}


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _guids(values: list[Any]) -> Iterator[str]:
    """Only what is an id goes on: these words become part of a URL."""
    return (value.lower() for value in values if isinstance(value, str) and GUID.fullmatch(value))
