"""The writes of GitHub: which requests one logical write needs, and the JSON that the server kept.

Refuses: records (connectors.github) and the rules of a single request (connectors.github_api).
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote

from bridge.errors import RejectedError
from bridge.model import Fields, Kind, Marker, Ref, Value
from connectors.github_wire import ISSUE, LABEL, Issue, Label, issue_body, label_body
from connectors.status import decode

if TYPE_CHECKING:
    from connectors.base import BeforeSend
    from connectors.github_api import GithubApi


def tail_of(ref: Ref) -> str:
    """Where a record is below its repository: ``/issues/12``, ``/labels/good%20first%20issue``."""
    return f"/{'labels' if ref.kind == Kind.LABEL.value else 'issues'}/{quote(ref.id, safe='')}"


async def create_issue(
    api: GithubApi, container: str, fields: Fields, marker: Marker, before_send: BeforeSend | None
) -> Issue:
    """One POST, marker included. A status cannot be given; empty fields need not be."""
    sent: dict[str, Value] = {
        name: value for name, value in fields.items() if name != "status" and value not in (None, ())
    }
    sent.setdefault("description", None)
    body = issue_body(sent, marker, await _milestone(api, container, sent))
    try:
        return decode(await api.create(container, "/issues", body, before_send=before_send), ISSUE)
    except RejectedError:
        api.forget_milestones(container)
        raise


async def update_issue(
    api: GithubApi, ref: Ref, changes: Fields, marker: Marker | None, before_send: BeforeSend | None
) -> Issue:
    """One PATCH with all changes. GitHub may ignore another reason of an issue that is closed already: what it kept is
    what counts. Reopening it in between could leave it open.
    """
    body = issue_body(changes, marker, await _milestone(api, ref.container, changes))
    try:
        return decode(await api.write("PATCH", ref.container, tail_of(ref), body, before_send=before_send), ISSUE)
    except RejectedError:
        api.forget_milestones(ref.container)
        raise


async def create_label(api: GithubApi, container: str, fields: Fields, before_send: BeforeSend | None) -> Label:
    """One POST; the label of that name where there is one already, as it is."""
    try:
        body = label_body(fields, creating=True)
        response = await api.create(container, "/labels", body, idempotent=True, before_send=before_send)
    except RejectedError as error:
        if "already_exists" not in error.message or not isinstance(name := fields.get("name"), str):
            raise
        response = await api.read(container, f"/labels/{quote(name, safe='')}")
    return decode(response, LABEL)


async def update_label(api: GithubApi, ref: Ref, changes: Fields, before_send: BeforeSend | None) -> Label:
    """One PATCH; a new name makes it another record."""
    body = label_body(changes, creating=False)
    return decode(await api.write("PATCH", ref.container, tail_of(ref), body, before_send=before_send), LABEL)


async def _milestone(api: GithubApi, container: str, changes: Fields) -> int | None:
    title = changes.get("milestone")
    return await api.milestone(container, title) if isinstance(title, str) else None
