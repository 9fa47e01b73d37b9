"""What Workestra's refusals mean: this account, this project, this item, or one field of it.

Refuses: requests. Workestra publishes the body of a 429 alone; elsewhere the status and the address decide. On one of its
pages every answer has a member ``error``, so a 200 may be a refusal as well.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

import msgspec

from bridge.errors import (
    AuthError,
    ContainerError,
    NotFoundError,
    RateLimited,
    RejectedError,
    RetryableError,
    TrackerError,
    UnknownOutcome,
)
from connectors.status import UNSTATED_WAIT_S, Response, described, shown

RIGHTS: Final = "Give the key's user at least the role Member in the project."
WRONG_PLACE: Final = (
    "Check base_url and tasks_path: on some of Workestra's addresses the same words mean support tickets."
)


class _Limited(msgspec.Struct):
    retry_after: float = UNSTATED_WAIT_S


_LIMITED: Final = msgspec.json.Decoder(_Limited)


def refusal(response: Response, now: datetime, tasks_path: str) -> TrackerError | None:
    """Workestra's reading of a status of 400 or more; None leaves it to ``connectors.status.to_error``."""
    if response.status == 429 and "retry-after" not in response.headers:
        return _limited(response, described(response), now)
    if response.status == 403:
        return _forbidden(response, described(response))
    if response.status == 404 and urlsplit(response.url).path.endswith((tasks_path, "/projects")):
        return ContainerError(
            described(response),
            container=_project_in(response.url),
            reason="missing",
            hint=f"The project may be in the trash. {WRONG_PLACE}",
            status=404,
            url=shown(response.url),
        )
    return None


def failure(answer: Response, said: str, now: datetime) -> TrackerError:
    """An answer below 400 that says that it failed. Only the word of the limit is published; the others are guesses."""
    text = f"{answer.method} {shown(answer.url)} answered {answer.status} with the error {said}."
    word = said.lower()
    if "rate_limit" in word:
        return _limited(answer, text, now)
    if "forbidden" in word or "permission" in word:
        return _forbidden(answer, text)
    place: dict[str, Any] = {"status": answer.status, "url": shown(answer.url)}
    for parts, make, hint in _WORDS:
        if any(part in word for part in parts):
            return make(text, hint=hint, **place)
    if answer.method == "GET":
        return RetryableError(text, hint="Bridge asks again on the next run.", **place)
    hint = "Bridge looks whether the write arrived before it does anything else."
    return UnknownOutcome(text, hint=hint, **place)


_WORDS: Final[tuple[tuple[tuple[str, ...], Callable[..., TrackerError], str], ...]] = (
    (("not_found", "not found"), NotFoundError, "It does not exist, or the key's user may not see it."),
    (("unauthorized", "api key", "api_key"), AuthError, "Give this connection a valid API key."),
    (("valid", "required", "unknown", "must", "not allowed"), RejectedError, "Correct the item or the mapping."),
)


def no_tasks(address: str, project: str) -> ContainerError:
    """What is listed lacks what a task has: support tickets, on another of Workestra's addresses."""
    return ContainerError(
        f"{shown(address)} answers with something that is no task of a project: it lacks title or project_id.",
        container=project,
        reason="missing",
        hint=f"{WRONG_PLACE} If tasks there have no project_id, set rows_have_project = false.",
        url=shown(address),
    )


def unseen(project: str, url: str) -> ContainerError:
    """The project does not answer."""
    return ContainerError(
        f"Workestra does not show the project {project} to this API key.",
        container=project,
        reason="missing",
        hint="It may be in the trash, or the key's user is no member of it.",
        url=url,
    )


def _limited(answer: Response, text: str, now: datetime) -> RateLimited:
    """The wait that the body states."""
    try:
        wait_s = _LIMITED.decode(answer.content).retry_after
    except msgspec.MsgspecError:
        wait_s = UNSTATED_WAIT_S
    until = now + timedelta(seconds=max(1.0, wait_s))
    hint = f"Bridge goes on at {until:%Y-%m-%d %H:%M:%SZ}."
    return RateLimited(text, until=until, hint=hint, status=answer.status, url=shown(answer.url))


def _forbidden(answer: Response, text: str) -> ContainerError:
    """Rights are a matter of the project, so the next task would be told the same."""
    where: dict[str, Any] = {"status": answer.status, "url": shown(answer.url)}
    return ContainerError(text, container=_project_in(answer.url), reason="permission", hint=RIGHTS, **where)


def _project_in(url: str) -> str:
    parts = urlsplit(url)
    head, _, tail = parts.path.rpartition("/")
    return tail if head.endswith("/projects") else parse_qs(parts.query).get("project_id", [""])[0]
