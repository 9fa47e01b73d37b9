"""Comments of the Jira sandbox: list, add, change, delete; restricted ones are seen only by those meant."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from bridge.sandbox import effects, jira_links
from bridge.sandbox import jira_events as events
from bridge.sandbox import jira_rules as rules
from bridge.sandbox import jira_shapes as shapes
from bridge.sandbox.exchange import Reply
from bridge.sandbox.jira_store import Comment

if TYPE_CHECKING:
    from bridge.sandbox.exchange import Ask
    from bridge.sandbox.jira import JiraSandbox
    from bridge.sandbox.jira_store import Issue

MEMBERS = "body visibility properties jsdPublic"
LIST_LIMIT = 1000
GONE = "Can not find a comment for the id: {0}."


def of_issue(box: JiraSandbox, ask: Ask) -> Reply:
    """GET pages by startAt, ordered by creation; POST adds."""
    issue = box.issue(ask)
    if ask.method == "POST":
        row = add(box, ask, issue, ask.body)
        return Reply(201, box.shaper(ask).comment(row, properties=bool(row.properties)))
    order = ask.query.get("orderBy", "created")
    if order not in ("created", "-created", "+created"):
        rules.refuse(400, f"orderBy must be created or -created, not {order!r}.")
    rows = [row for row in box.store.attached("comments", issue.id) if shapes.sees(box, ask.who, row)]
    if order == "-created":
        rows.reverse()
    start = rules.count(ask, "startAt", 0, most=1 << 40)
    size = rules.count(ask, "maxResults", 100 if box.is_cloud else 1000, most=100 if box.is_cloud else 1000)
    rows, total = rules.listed(ask, rows), len(rows)
    expanded = "properties" in (rules.names(ask, "expand") or [])
    shaper = box.shaper(ask)
    page = [shaper.comment(row, properties=expanded) for row in rows[start : start + size]]
    return Reply(200, {"startAt": start, "maxResults": size, "total": total, "comments": page})


def add(box: JiraSandbox, ask: Ask, issue: Issue, body: Any) -> Comment:
    box.may(ask, issue, "ADD_COMMENTS")
    members = _members(box, ask, body, required=True)
    now = box.now_ms()
    row = Comment(box.store.new_id(), issue.id, ask.who, ask.who, created=now, updated=now, **members)
    box.store.attach("comments", row)
    box.touch(ask, issue)
    box.note(ask, "create", "comment", f"{issue.id}/{row.id}")
    effects.note(box.journal, ask.who, f"{issue.key}/{row.id}", effects.on_jira, after=row.body)
    events.comment(box, ask, "comment_created", row)
    return row


def one(box: JiraSandbox, ask: Ask) -> Reply:
    issue, row = _find(box, ask)
    if ask.method == "GET":
        expanded = "properties" in (rules.names(ask, "expand") or [])
        return Reply(200, box.shaper(ask).comment(row, properties=expanded))
    verb = "DELETE" if ask.method == "DELETE" else "EDIT"
    own = row.author == ask.who and box.can(ask.who, issue.project, f"{verb}_OWN_COMMENTS")
    if not own and not box.can(ask.who, issue.project, f"{verb}_ALL_COMMENTS"):
        rules.refuse(
            400 if box.is_cloud else 403, f"You do not have permission to {verb.lower()} comment with id: {row.id}."
        )
    if ask.method == "DELETE":
        del box.store.comments[row.id]
        if box.settings.deletion_touches:
            box.touch(ask, issue)
        box.note(ask, "delete", "comment", f"{issue.id}/{row.id}")
        events.comment(box, ask, "comment_deleted", row)
        return Reply(204)
    members = _members(box, ask, ask.body, required=True)
    members["properties"] = row.properties | members["properties"]
    if not isinstance(ask.body, dict) or "visibility" not in ask.body:
        members["visibility"] = row.visibility
    changed = any(getattr(row, name) != value for name, value in members.items())
    if changed:
        after, before = members["body"], row.body
        effects.note(box.journal, ask.who, f"{issue.key}/{row.id}", effects.on_jira, after=after, before=before)
        row = box.store.attach("comments", replace(row, editor=ask.who, updated=box.now_ms(), **members))
        box.touch(ask, issue)
        events.comment(box, ask, "comment_updated", row)
    box.note(ask, "update", "comment", f"{issue.id}/{row.id}", changed=changed)
    return Reply(200, box.shaper(ask).comment(row))


def by_ids(box: JiraSandbox, ask: Ask) -> Reply:
    """POST /comment/list (Cloud): those of up to 1,000 ids that the person may see."""
    ids = rules.body(ask, "ids").get("ids")
    if not isinstance(ids, list) or not ids or len(ids) > LIST_LIMIT:
        rules.refuse(400, f"ids must hold 1 to {LIST_LIMIT} comment ids.")
    found = [box.store.comments[number] for number in dict.fromkeys(ids) if number in box.store.comments]
    rows = [row for row in found if _open(box, ask, row)]
    expanded = "properties" in (rules.names(ask, "expand") or [])
    shown = [box.shaper(ask).comment(row, properties=expanded) for row in rows]
    return Reply(200, {"startAt": 0, "maxResults": LIST_LIMIT, "total": len(shown), "isLast": True, "values": shown})


def properties(box: JiraSandbox, ask: Ask) -> Reply:
    """GET, PUT and DELETE of a comment's properties; they move no time stamp."""
    row = box.store.comments.get(int(ask.params["comment"])) if ask.params["comment"].isdigit() else None
    if row is None or not _open(box, ask, row):
        rules.refuse(404, GONE.format(ask.params["comment"]))
    item = f"{row.issue}/{row.id}"
    return jira_links.properties(
        box,
        ask,
        row.properties,
        ("comment", item),
        lambda held: box.store.attach("comments", replace(row, properties=held)),
    )


def _open(box: JiraSandbox, ask: Ask, row: Comment) -> bool:
    issue = box.store.issues[row.issue]
    return not issue.gone and box.can(ask.who, issue.project, "BROWSE_PROJECTS") and shapes.sees(box, ask.who, row)


def _find(box: JiraSandbox, ask: Ask) -> tuple[Issue, Comment]:
    issue = box.issue(ask)
    given = ask.params["comment"]
    row = box.store.comments.get(int(given)) if given.isdigit() else None
    if row is None or row.issue != issue.id or not shapes.sees(box, ask.who, row):
        rules.refuse(404, GONE.format(given))
    return issue, row


def _members(box: JiraSandbox, ask: Ask, body: Any, *, required: bool) -> dict[str, Any]:
    if not isinstance(body, dict) or set(body) - set(MEMBERS.split()):
        rules.refuse(400, "Comment body is not valid!")
    words = rules.rich(box, ask, "comment", body.get("body"))
    if required and (words is None or (isinstance(words, str) and not words.strip())):
        rules.invalid(comment="Comment body can not be empty!")
    return {
        "body": words,
        "visibility": visibility(box, ask, body.get("visibility")),
        "properties": jira_links.property_list(body.get("properties")),
    }


def visibility(box: JiraSandbox, ask: Ask, value: Any) -> dict[str, str] | None:
    """Who may see it: a role or group that the author has too."""
    if value is None:
        return None
    if not isinstance(value, dict) or value.get("type") not in ("role", "group") or not value.get("value"):
        rules.refuse(400, "visibility needs type (role or group) and value.")
    if value["value"] not in box.store.people[ask.who].roles:
        rules.invalid(commentLevel=f"You are currently not a member of the {value['type']}: {value['value']}.")
    return {"type": str(value["type"]), "value": str(value["value"])}
