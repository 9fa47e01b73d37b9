"""What hangs on an issue of the Jira sandbox: entity properties, links to other issues, links to elsewhere."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import msgspec

from bridge.sandbox import jira_events as events
from bridge.sandbox import jira_rules as rules
from bridge.sandbox.exchange import Reply
from bridge.sandbox.jira_store import Link, Remote

if TYPE_CHECKING:
    from collections.abc import Callable

    from bridge.sandbox.exchange import Ask
    from bridge.sandbox.jira import JiraSandbox
    from bridge.sandbox.jira_store import Issue

REMOTE = "globalId application relationship object"


def property_list(value: Any) -> dict[str, Any]:
    """``properties`` of a create or edit: a list of {key, value}.

    Raises: Refused with 400 for other shapes and for keys and values that are too long.
    """
    if value is None:
        return {}
    if not isinstance(value, list) or any(not isinstance(row, dict) or set(row) != {"key", "value"} for row in value):
        rules.refuse(400, "properties must be a list of key and value.")
    return {_key(row["key"]): _value(row["value"]) for row in value}


def _key(value: Any) -> str:
    if not isinstance(value, str) or not 0 < len(value) <= rules.KEY_LIMIT:
        rules.refuse(400, f"The property key must have 1 to {rules.KEY_LIMIT} characters.")
    return value


def _value(value: Any) -> Any:
    if len(msgspec.json.encode(value)) > rules.PROPERTY_LIMIT:
        rules.refuse(400, f"The property value cannot be longer than {rules.PROPERTY_LIMIT} characters.")
    return value


def properties(
    box: JiraSandbox, ask: Ask, held: dict[str, Any], target: tuple[str, str], store: Callable[[dict[str, Any]], Any]
) -> Reply:
    """GET (all keys, or one value), PUT and DELETE of entity properties; they move no time stamp."""
    key, kind = ask.params.get("key"), target[0]
    base = f"{box.shaper(ask).base}{rules.tail(ask)}"
    if key is None:
        return Reply(200, {"keys": [{"self": f"{base}/{name}", "key": name} for name in sorted(held)]})
    if ask.method != "PUT" and key not in held:
        rules.refuse(404, f"The property with key '{key}' does not exist.")
    if ask.method == "GET":
        return Reply(200, {"key": key, "value": held[key]})
    if ask.method == "DELETE":
        store({name: value for name, value in held.items() if name != key})
        box.note(ask, "delete", f"{kind} property", target[1])
        return Reply(204)
    if not ask.raw.strip():
        rules.refuse(400, "The property value must not be empty.")
    store(held | {_key(key): _value(ask.body)})
    box.note(ask, "update", f"{kind} property", target[1], changed=held.get(key) != ask.body)
    return Reply(200 if key in held else 201, None if box.is_cloud else {})


def of_issue(box: JiraSandbox, ask: Ask) -> Reply:
    """The entity properties of an issue. Writing them takes the right to edit."""
    issue = box.issue(ask)
    if ask.method != "GET":
        box.may(ask, issue, "EDIT_ISSUES")

    def store(held: dict[str, Any]) -> None:
        box.store.put(replace(issue, properties=held), box.clock.now())

    return properties(box, ask, issue.properties, ("issue", str(issue.id)), store)


def link_types(box: JiraSandbox, ask: Ask) -> Reply:
    shaper = box.shaper(ask)
    return Reply(200, {"issueLinkTypes": [shaper.link_type(row[0]) for row in box.store.link_types]})


def link(box: JiraSandbox, ask: Ask) -> Reply:
    """POST /issueLink: inwardIssue does to outwardIssue what the type's outward words say. 201 with no body."""
    body = rules.body(ask, "type inwardIssue outwardIssue comment")
    source, target = _end(box, ask, body, "inwardIssue"), _end(box, ask, body, "outwardIssue")
    connect(box, ask, _link_type(box, body.get("type")), source, target)
    return Reply(201)


def from_update(box: JiraSandbox, ask: Ask, issue: Issue, body: Any) -> None:
    """``update.issuelinks[].add``: the other end is named, this issue is the one left out."""
    if not isinstance(body, dict):
        rules.invalid(issuelinks="expected an issue link")
    if "outwardIssue" in body:
        source, target = issue, _end(box, ask, body, "outwardIssue")
    else:
        source, target = _end(box, ask, body, "inwardIssue"), issue
    connect(box, ask, _link_type(box, body.get("type")), source, target)


def connect(box: JiraSandbox, ask: Ask, kind: str, source: Issue, target: Issue) -> None:
    """Make the link; a double is accepted as the one that is there."""
    if source.id == target.id:
        rules.refuse(400, "You cannot link an issue to itself.")
    had = [
        row
        for row in box.store.links_of(source.id)
        if (row.type, row.source, row.target) == (kind, source.id, target.id)
    ]
    number = had[0].id if had else box.store.new_id()
    if not had:
        box.store.links[number] = Link(number, kind, source.id, target.id)
        box.touch(ask, source)
        if box.settings.far_side_touches:
            box.touch(ask, target)
        events.link(box, ask, "issuelink_created", box.store.links[number])
    box.note(ask, "link", "link", str(number), changed=not had)


def one_link(box: JiraSandbox, ask: Ask) -> Reply:
    given = ask.params["link"]
    row = box.store.links.get(int(given)) if given.isdigit() else None
    ends = [] if row is None else [box.store.issues[row.source], box.store.issues[row.target]]
    if row is None or not all(box.can(ask.who, end.project, "BROWSE_PROJECTS") for end in ends):
        rules.refuse(404, f"No issue link with id '{given}' exists.")
    if ask.method == "GET":
        return Reply(200, box.shaper(ask).link(row))
    box.may(ask, ends[0], "LINK_ISSUES")
    del box.store.links[row.id]
    box.touch(ask, ends[0])
    if box.settings.far_side_touches:
        box.touch(ask, ends[1])
    box.note(ask, "delete", "link", given)
    events.link(box, ask, "issuelink_deleted", row)
    return Reply(204)


def _end(box: JiraSandbox, ask: Ask, body: dict[str, Any], name: str) -> Issue:
    given = body[name].get("id", body[name].get("key")) if isinstance(body.get(name), dict) else None
    issue = box.store.find(str(given)) if given else None
    if issue is None or not box.can(ask.who, issue.project, "BROWSE_PROJECTS"):
        rules.refuse(404, rules.UNSEEN)
    box.may(ask, issue, "LINK_ISSUES")
    return issue


def _link_type(box: JiraSandbox, value: Any) -> str:
    given = value if isinstance(value, dict) else {}
    place, word = (0, given["id"]) if "id" in given else (1, given.get("name"))
    row = next((row for row in box.store.link_types if row[place] == word), None)
    if row is None:
        rules.refuse(404, f"No issue link type with name '{word}' found.")
    return row[0]


def remotes(box: JiraSandbox, ask: Ask) -> Reply:
    """GET (all, or the one of ?globalId), POST (upsert by globalId: 201 new, 200 replaced), DELETE ?globalId."""
    issue = box.issue(ask)
    rows = box.store.attached("remotes", issue.id)
    wanted = ask.query.get("globalId")
    if ask.method == "GET":
        if wanted is None:
            return Reply(200, [_remote(box, ask, row) for row in rows])
        return Reply(200, _remote(box, ask, _by_global_id(rows, wanted)))
    box.may(ask, issue, "LINK_ISSUES")
    if ask.method == "DELETE":
        if wanted is None:
            rules.refuse(400, "The global id of the remote issue link is needed.")
        return _drop_remote(box, ask, _by_global_id(rows, wanted))
    body = _remote_body(ask)
    given = body.get("globalId")
    had = next((row for row in rows if given and row.global_id == given), None)
    number = had.id if had else box.store.new_id()
    _put_remote(box, ask, Remote(number, issue.id, given, body), verb="update" if had else "create")
    address = f"{box.shaper(ask).base}/issue/{issue.key}/remotelink/{number}"
    return Reply(200 if had else 201, {"id": number, "self": address})


def one_remote(box: JiraSandbox, ask: Ask) -> Reply:
    issue = box.issue(ask)
    row = box.store.remotes.get(int(ask.params["remote"])) if ask.params["remote"].isdigit() else None
    if row is None or row.issue != issue.id:
        rules.refuse(404, f"The remote issue link with id {ask.params['remote']} does not exist.")
    if ask.method == "GET":
        return Reply(200, _remote(box, ask, row))
    box.may(ask, issue, "LINK_ISSUES")
    if ask.method == "DELETE":
        return _drop_remote(box, ask, row)
    body = _remote_body(ask)
    _put_remote(box, ask, Remote(row.id, issue.id, body.get("globalId"), body), verb="update")
    return Reply(204)


def _remote_body(ask: Ask) -> dict[str, Any]:
    body = rules.body(ask, REMOTE)
    shown = body.get("object")
    if not isinstance(shown, dict) or not shown.get("url"):
        rules.invalid(url="'url' is required.")
    if not shown.get("title"):
        rules.invalid(title="'title' is required.")
    if len(str(body.get("globalId") or "")) > rules.KEY_LIMIT:
        rules.invalid(globalId=f"'globalId' is at most {rules.KEY_LIMIT} characters.")
    return body


def _put_remote(box: JiraSandbox, ask: Ask, row: Remote, *, verb: str) -> None:
    box.store.attach("remotes", row)
    box.note(ask, verb, "remote link", f"{row.issue}/{row.id}")


def _drop_remote(box: JiraSandbox, ask: Ask, row: Remote) -> Reply:
    del box.store.remotes[row.id]
    box.note(ask, "delete", "remote link", f"{row.issue}/{row.id}")
    return Reply(204)


def _by_global_id(rows: list[Remote], wanted: str) -> Remote:
    row = next((row for row in rows if row.global_id == wanted), None)
    if row is None:
        rules.refuse(404, f"The remote issue link with global id '{wanted}' does not exist.")
    return row


def _remote(box: JiraSandbox, ask: Ask, row: Remote) -> dict[str, Any]:
    made = {"id": row.id, "self": f"{box.shaper(ask).base}/issue/{row.issue}/remotelink/{row.id}"}
    made |= {"application": {}} | {name: row.body[name] for name in REMOTE.split() if row.body.get(name) is not None}
    return made
