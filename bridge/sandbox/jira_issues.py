"""Issues of the Jira sandbox: create one or many, read, edit, assign, move through the workflow, delete."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from bridge.sandbox import jira_events as events
from bridge.sandbox import jira_fields, jira_links, jira_talk, jira_time
from bridge.sandbox import jira_rules as rules
from bridge.sandbox import jira_scheme as scheme
from bridge.sandbox import jira_shapes as shapes
from bridge.sandbox.exchange import Refused, Reply
from bridge.sandbox.jira_store import Issue

if TYPE_CHECKING:
    from bridge.sandbox.exchange import Ask
    from bridge.sandbox.jira import JiraSandbox
    from bridge.sandbox.jira_fields import Wish
    from bridge.sandbox.jira_store import Project

UPDATE = "fields update properties historyMetadata transition"
BULK_LIMIT = 50


def create(box: JiraSandbox, ask: Ask) -> Reply:
    """POST /issue: 201 with id, key and self only. ``properties`` come into being with the issue."""
    made = _make(box, ask, rules.body(ask, UPDATE, strict=box.settings.strict_members))
    return Reply(201, _created(box, ask, made))


def create_many(box: JiraSandbox, ask: Ask) -> Reply:
    """POST /issue/bulk: 201 even when some failed, 400 when all did."""
    rows = rules.body(ask, "issueUpdates").get("issueUpdates")
    if not isinstance(rows, list) or not rows or len(rows) > BULK_LIMIT:
        rules.refuse(400, f"issueUpdates must hold 1 to {BULK_LIMIT} issues.")
    made, failed = [], []
    for place, row in enumerate(rows):
        try:
            made.append(_created(box, ask, _make(box, ask, row)))
        except Refused as refused:
            failed.append({"status": 400, "elementErrors": refused.reply.content, "failedElementNumber": place})
    return Reply(201 if made else 400, {"issues": made, "errors": failed})


def _created(box: JiraSandbox, ask: Ask, issue: Issue) -> dict[str, Any]:
    return {"id": str(issue.id), "key": issue.key, "self": f"{box.shaper(ask).base}/issue/{issue.id}"}


def _make(box: JiraSandbox, ask: Ask, body: dict[str, Any]) -> Issue:
    fields = body.get("fields")
    if not isinstance(fields, dict):
        rules.refuse(400, "fields must be an object.")
    project = _project(box, ask, fields.get("project"))
    number = jira_fields.by_name(fields.get("issuetype"), {key: row[0] for key, row in scheme.TYPES.items()})
    if number is None:
        rules.invalid(issuetype="Specify a valid issue type" if fields.get("issuetype") else "issue type is required")
    subtask, now = scheme.TYPES[number][1], box.now_ms()
    blank = Issue(0, "", project.id, number, "", ask.who, ask.who, now, now, "10000")
    allowed = {row.id for row in scheme.on_screen(box, ask.who, project, is_subtask=subtask, create=True)} | {
        "issuelinks"
    }
    wish = jira_fields.apply(box, ask, blank, body, allowed=allowed, create=True)
    required = ["summary", *box.settings.required.split()]
    if missing := [name for name in required if name not in fields and name not in (body.get("update") or {})]:
        rules.invalid(**{name: f"{scheme.BY_ID[name].name} is required." for name in missing})
    if subtask and wish.issue.parent is None:
        rules.invalid(parent="Issue type is a sub-task but parent issue key or id not specified.")
    properties = jira_links.property_list(body.get("properties"))
    key = f"{project.key}-{project.next_number}"
    box.store.projects[project.id] = replace(project, next_number=project.next_number + 1)
    issue = replace(wish.issue, id=box.store.new_id(), key=key, properties=properties)
    box.save(ask, None, issue, verb="create")
    _attach(box, ask, issue, wish)
    return issue


def _project(box: JiraSandbox, ask: Ask, value: Any) -> Project:
    given = value.get("id", value.get("key")) if isinstance(value, dict) else None
    project = box.store.project(str(given)) if given else None
    if project is None or not box.can(ask.who, project.id, "BROWSE_PROJECTS"):
        rules.invalid(project="Specify a valid project ID or key" if given else "project is required")
    if not box.can(ask.who, project.id, "CREATE_ISSUES"):
        rules.invalid(project="You cannot create issues in this project.")
    return project


def _attach(box: JiraSandbox, ask: Ask, issue: Issue, wish: Wish) -> None:
    for body in wish.comments:
        jira_talk.add(box, ask, issue, body)
    for body in wish.worklogs:
        jira_time.add(box, ask, issue, body)
    for body in wish.links:
        jira_links.from_update(box, ask, issue, body)


def get(box: JiraSandbox, ask: Ask) -> Reply:
    """GET /issue/{idOrKey}: consistent; a former key answers with the issue and its present key."""
    issue = box.issue(ask)
    properties = rules.names(ask, "properties") or []
    made = box.shaper(ask).issue(issue, rules.names(ask, "fields"), properties=properties)
    expand = rules.names(ask, "expand") or []
    if "changelog" in expand:
        made["changelog"] = _history(box, ask, issue)
    if "editmeta" in expand:
        made["editmeta"] = {"fields": shapes.metadata(box, ask, issue)}
    if "transitions" in expand:
        made["transitions"] = _transitions(box, ask, issue, fields=False)
    return Reply(200, made)


def changelog(box: JiraSandbox, ask: Ask) -> Reply:
    """GET /issue/{idOrKey}/changelog (Cloud), oldest first."""
    made = _history(box, ask, box.issue(ask))
    start, size = rules.count(ask, "startAt", 0, most=1 << 40), rules.count(ask, "maxResults", 100, most=100)
    rows, total = made["histories"][start : start + size], made["total"]
    return Reply(
        200, {"startAt": start, "maxResults": size, "total": total, "isLast": start + size >= total, "values": rows}
    )


def _history(box: JiraSandbox, ask: Ask, issue: Issue) -> dict[str, Any]:
    shaper = box.shaper(ask)
    rows = [
        {"id": str(row.id), "author": shaper.person(row.author), "created": shaper.at(row.at), "items": list(row.items)}
        for row in box.store.attached("changes", issue.id)
    ]
    return {"startAt": 0, "maxResults": len(rows), "total": len(rows), "histories": rows}


def edit(box: JiraSandbox, ask: Ask) -> Reply:
    """PUT /issue/{idOrKey}: ``fields`` replace, ``update`` adds and removes. 204, or with returnIssue (Cloud) 200."""
    issue = box.issue(ask)
    body = rules.body(ask, UPDATE, strict=box.settings.strict_members)
    silent = ask.query.get("notifyUsers") == "false" and box.settings.notify == "refuse"
    if silent and not box.can(ask.who, issue.project, "ADMINISTER_PROJECTS"):
        rules.refuse(403, "To discard the user notification either admin or project admin permissions are required.")
    fields, update = body.get("fields") or {}, body.get("update") or {}
    only_assignee = not update and set(fields) == {"assignee"}
    box.may(ask, issue, "ASSIGN_ISSUES" if only_assignee else "EDIT_ISSUES")
    box.may_change(issue)
    project = box.store.projects[issue.project]
    subtask = scheme.TYPES[issue.type][1]
    allowed = {row.id for row in scheme.on_screen(box, ask.who, project, is_subtask=subtask, create=False)}
    wish = jira_fields.apply(box, ask, issue, body, allowed=allowed, create=False)
    properties = jira_links.property_list(body.get("properties"))
    after = replace(wish.issue, properties=issue.properties | properties)
    after = box.save(ask, issue, after, verb="update")
    _attach(box, ask, after, wish)
    if box.is_cloud and ask.query.get("returnIssue") == "true":
        return Reply(200, box.shaper(ask).issue(box.store.issues[issue.id], None))
    return Reply(204)


def assign(box: JiraSandbox, ask: Ask) -> Reply:
    """PUT /issue/{idOrKey}/assignee: with the right to assign alone; a null id unassigns."""
    issue = box.issue(ask)
    box.may(ask, issue, "ASSIGN_ISSUES")
    body = rules.body(ask, "accountId name key", strict=False)
    wish = jira_fields.apply(box, ask, issue, {"fields": {"assignee": body}}, allowed={"assignee"}, create=False)
    box.save(ask, issue, wish.issue, verb="update")
    return Reply(204)


def editmeta(box: JiraSandbox, ask: Ask) -> Reply:
    return Reply(200, {"fields": shapes.metadata(box, ask, box.issue(ask))})


def delete(box: JiraSandbox, ask: Ask) -> Reply:
    """DELETE /issue/{idOrKey}: sub-tasks block it unless ``deleteSubtasks=true``."""
    issue = box.issue(ask)
    box.may(ask, issue, "DELETE_ISSUES")
    children = [row for row in box.store.subtasks(issue) if scheme.TYPES[row.type][1]]
    if children and ask.query.get("deleteSubtasks") != "true":
        rules.refuse(
            400,
            f"The issue '{issue.key}' has subtasks.  You must specify the 'deleteSubtasks' parameter to delete this "
            "issue and all its subtasks.",
        )
    for row in (*children, issue):
        _drop(box, ask, row)
    return Reply(204)


def transitions(box: JiraSandbox, ask: Ask) -> Reply:
    """GET lists what this person can do with this issue now; POST does one of it."""
    issue = box.issue(ask)
    if ask.method == "POST":
        return _move(box, ask, issue)
    fields = "transitions.fields" in (rules.names(ask, "expand") or [])
    rows = _transitions(box, ask, issue, fields=fields)
    wanted = ask.query.get("transitionId")
    return Reply(200, {"expand": "transitions", "transitions": [row for row in rows if wanted in (None, row["id"])]})


def _transitions(box: JiraSandbox, ask: Ask, issue: Issue, *, fields: bool) -> list[dict[str, Any]]:
    if not box.can(ask.who, issue.project, "TRANSITION_ISSUES"):
        return []
    shaper, flow = box.shaper(ask), box.store.projects[issue.project].flow
    rows = []
    for hop in scheme.open_hops(box, issue):
        screen = _screen(box, hop)
        row: dict[str, Any] = {"id": str(hop.number + flow), "name": hop.name, "to": shaper.status(hop.target)}
        row |= {"hasScreen": bool(screen), "isGlobal": not hop.source, "isInitial": False, "isConditional": False}
        if fields:
            row["fields"] = {
                name: shapes.meta(box, ask, scheme.BY_ID[name], issue.project, required=need)
                for name, need in screen.items()
            }
        rows.append(row)
    return rows


def _screen(box: JiraSandbox, hop: scheme.Hop) -> dict[str, bool]:
    """The fields on a transition's screen, and whether each is required."""
    if scheme.STATUSES[hop.target][1] != "done":
        return {}
    shown = dict.fromkeys(box.settings.done_screen.split(), False)
    return shown | dict.fromkeys(box.settings.done_required.split(), True)


def _move(box: JiraSandbox, ask: Ask, issue: Issue) -> Reply:
    body = rules.body(ask, UPDATE, strict=box.settings.strict_members)
    wanted = body["transition"].get("id") if isinstance(body.get("transition"), dict) else None
    if not isinstance(wanted, str):
        rules.refuse(400, "Missing 'transition' identifier")
    box.may(ask, issue, "TRANSITION_ISSUES")
    flow = box.store.projects[issue.project].flow
    hop = next((row for row in scheme.open_hops(box, issue) if str(row.number + flow) == wanted), None)
    if hop is None:
        known = {str(row.number + flow) for row in scheme.hops(box)}
        if not box.is_cloud and wanted not in known:
            rules.refuse(500, "Internal server error")
        rules.refuse(
            400,
            "It seems that you have tried to perform an illegal workflow operation. "
            f"Transition id '{wanted}' is not valid for this issue.",
        )
    screen = _screen(box, hop)
    given = {*(body.get("fields") or {}), *(body.get("update") or {})}
    if missing := [name for name, need in screen.items() if need and name not in given]:
        rules.invalid(**{name: f"{scheme.BY_ID[name].name} is required." for name in missing})
    wish = jira_fields.apply(box, ask, issue, body, allowed={*screen, "comment"}, create=False)
    after = replace(wish.issue, status=hop.target)
    if scheme.STATUSES[hop.target][1] == "done":
        resolution = after.resolution or ("10001" if hop.target == "10003" else "10000")
        after = replace(after, resolution=resolution, resolved=box.now_ms())
    else:
        after = replace(after, resolution=None, resolved=None)
    after = box.save(ask, issue, after, verb="update")
    _attach(box, ask, after, wish)
    return Reply(204)


def _drop(box: JiraSandbox, ask: Ask, issue: Issue) -> None:
    """Delete an issue with all that hangs on it; its worklogs do not come into the feed of deleted ones."""
    events.issue(box, ask, "jira:issue_deleted", issue)
    for row in box.store.attached("worklogs", issue.id):
        del box.store.worklogs[row.id]
    for row in box.store.attached("comments", issue.id):
        del box.store.comments[row.id]
    for link in box.store.links_of(issue.id):
        del box.store.links[link.id]
    box.store.put(replace(issue, gone=True, parent=None), box.clock.now())
    box.note(ask, "delete", "issue", str(issue.id))
