"""Webhooks of the Jira sandbox: issue bodies in the form of API v2 (texts as strings even on Cloud), with the changelog."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from bridge.sandbox import jira_text as texts
from bridge.sandbox.jira_store import Change

if TYPE_CHECKING:
    from bridge.sandbox.exchange import Ask
    from bridge.sandbox.jira import JiraSandbox
    from bridge.sandbox.jira_store import Comment, Issue, Link, Worklog

NAMES = {
    "summary": "summary", "description": "description", "environment": "environment", "status": "status",
    "resolution": "resolution", "priority": "priority", "assignee": "assignee", "reporter": "reporter",
    "type": "issuetype", "due": "duedate", "labels": "labels", "components": "Component", "fix_versions": "Fix Version",
    "versions": "Version", "original": "timeoriginalestimate", "remaining": "timeestimate", "parent": "IssueParentAssociation",
    "project": "project", "key": "Key",
}  # fmt: skip


def record(box: JiraSandbox, ask: Ask, before: Issue, after: Issue) -> list[dict[str, Any]]:
    """Write the changelog entry of a change; the items that it has."""
    items = [
        _item(name, field, _words(getattr(before, name)), _words(getattr(after, name)))
        for name, field in NAMES.items()
        if getattr(before, name) != getattr(after, name)
    ]
    items += [
        _item(number, number, _words(before.custom.get(number)), _words(after.custom.get(number)))
        for number in sorted({*before.custom, *after.custom})
        if before.custom.get(number) != after.custom.get(number)
    ]
    if items:
        box.store.attach("changes", Change(box.store.new_id(), after.id, ask.who, after.updated, tuple(items)))
    return items


def _item(field_id: str, field: str, old: str | None, new: str | None) -> dict[str, Any]:
    return {"field": field, "fieldtype": "custom" if field_id.startswith("customfield_") else "jira",
            "fieldId": field_id, "from": old, "fromString": old, "to": new, "toString": new}  # fmt: skip


def _words(value: Any) -> str | None:
    if value is None or value == ():
        return None
    if isinstance(value, tuple):
        return " ".join(value)
    return texts.plain(value) if isinstance(value, dict) else str(value)


def issue(
    box: JiraSandbox,
    ask: Ask,
    event: str,
    row: Issue,
    *,
    name: str = "issue_updated",
    items: list[dict[str, Any]] | None = None,
) -> None:
    if not box.outgoing.targets and not box.store.hooks:
        return
    body: dict[str, Any] = {"issue_event_type_name": name, "user": box.shaper(ask).person(ask.who)}
    body["issue"] = _second_form(box, ask, row)
    if items:
        entry = box.store.attached("changes", row.id)[-1]
        body["changelog"] = {"id": str(entry.id), "items": items}
    _send(box, event, body)


def _second_form(box: JiraSandbox, ask: Ask, row: Issue) -> dict[str, Any]:
    """The issue as API v2 would give it."""
    made = box.shaper(ask).issue(row, ["*navigable"])
    for name in ("description", "environment"):
        if name in made["fields"]:
            made["fields"][name] = texts.plain(made["fields"][name]) or None
    return made


def comment(box: JiraSandbox, ask: Ask, event: str, row: Comment) -> None:
    body = box.shaper(ask).comment(row) | {"body": texts.plain(row.body)}
    _send(box, event, {"comment": body, "issue": _small(box, ask, row.issue), "eventType": "primaryAction"})


def worklog(box: JiraSandbox, ask: Ask, event: str, row: Worklog) -> None:
    _send(box, event, {"worklog": box.shaper(ask).worklog(row) | {"comment": texts.plain(row.body)}})


def link(box: JiraSandbox, _: Ask, event: str, row: Link) -> None:
    kind = next(each for each in box.store.link_types if each[0] == row.type)
    shown = {"id": int(kind[0]), "name": kind[1], "outwardName": kind[3], "inwardName": kind[2]}
    ends = {"sourceIssueId": row.source, "destinationIssueId": row.target}
    _send(box, event, {"issueLink": {"id": row.id, **ends, "issueLinkType": shown, "systemLink": False}})


def _small(box: JiraSandbox, ask: Ask, number: int) -> dict[str, Any]:
    """The little of an issue that a comment's webhook has."""
    row, shaper = box.store.issues[number], box.shaper(ask)
    made = shaper.ref(row)
    made["fields"]["project"] = shaper.project(box.store.projects[row.project])
    return made


def _send(box: JiraSandbox, event: str, body: dict[str, Any]) -> None:
    made = {"timestamp": box.now_ms(), "webhookEvent": event} | body
    box.outgoing.send(event, msgspec.json.encode(made))
