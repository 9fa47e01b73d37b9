"""Issues of the GitHub sandbox: read, create, change, label, assign, lock."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from bridge.sandbox import github_paging as paging
from bridge.sandbox import github_rules as rules
from bridge.sandbox import github_shapes as shapes
from bridge.sandbox import rewriting
from bridge.sandbox.exchange import Reply
from bridge.sandbox.github_store import Issue, Label, Repo

if TYPE_CHECKING:
    from bridge.sandbox.exchange import Ask
    from bridge.sandbox.github import GithubSandbox

CREATE = "title body assignee milestone labels assignees type issue_field_values"
CHANGE = CREATE + " state state_reason duplicate_issue_id"
STATES = ("open", "closed")
REASONS = ("completed", "not_planned", "duplicate", "reopened")


def listing(box: GithubSandbox, ask: Ask) -> Reply:
    return paging.issues(box, ask, box.repo_of(ask))


def find(box: GithubSandbox, ask: Ask) -> tuple[Repo, Issue]:
    """The issue of the path.

    Raises: Refused with 301 (transferred), 410 (deleted, or issues are off) or 404.
    """
    repo = box.repo_of(ask)
    if not repo.has_issues:
        rules.refuse(410, "Issues are disabled for this repo")
    issue = repo.issues.get(ask.params["number"])
    if issue is None:
        rules.refuse(404, "Not Found")
    if issue.gone == "deleted":
        rules.refuse(410, "This issue was deleted")
    if issue.gone:
        place, _, number = issue.gone.partition("#")
        there = box.store.repo(place)
        tail = ask.path.partition(f"/issues/{issue.number}")[2]
        address = f"{ask.base}/repositories/{there.id if there else 0}/issues/{number}{tail}"
        rules.refuse(301, "Moved Permanently", {"location": address}, url=address)
    return repo, issue


def get(box: GithubSandbox, ask: Ask) -> Reply:
    repo, issue = find(box, ask)
    return Reply(200, box.shaper(ask).issue(repo, issue, mirrored=rewriting.is_mirrored(ask)))


def create(box: GithubSandbox, ask: Ask) -> Reply:
    repo = box.repo_of(ask)
    if not repo.has_issues:
        rules.refuse(410, "Issues are disabled for this repo")
    box.may(ask, repo, "read")
    body = rules.only(ask, CREATE, strict=box.settings.strict_members)
    title = rules.text(body, "Issue", "title", limit=rules.TITLE_LIMIT, required=True)
    words = rules.text(body, "Issue", "body", limit=rules.BODY_LIMIT)
    now = box.now_s()
    issue = Issue(
        repo.next_number,
        box.store.new_id(),
        rewriting.text(ask, title) or "",
        ask.who,
        now,
        now,
        body=rewriting.text(ask, words),
    )
    issue = replace(issue, **placed(box, ask, repo, body))
    box.save(ask, repo, None, issue, verb="create")
    reply = Reply(201, box.shaper(ask).issue(repo, issue))
    reply.headers["location"] = f"{ask.base}/repos/{repo.full_name}/issues/{issue.number}"
    return reply


def change(box: GithubSandbox, ask: Ask) -> Reply:
    repo, issue = find(box, ask)
    body = rules.only(ask, CHANGE, strict=box.settings.strict_members)
    if issue.author != ask.who:
        box.may(ask, repo, "triage", "Must have admin rights to Repository.")
    box.may(ask, repo, "read")
    members: dict[str, Any] = {}
    if body.get("title") is not None:
        title = rules.text(body, "Issue", "title", limit=rules.TITLE_LIMIT, required=True)
        members["title"] = rewriting.text(ask, title)
    if "body" in body:
        members["body"] = rewriting.text(ask, rules.text(body, "Issue", "body", limit=rules.BODY_LIMIT))
    members |= stated(box, ask, issue, body)
    members |= placed(box, ask, repo, body)
    after = replace(issue, **members)
    after = box.save(ask, repo, issue, after, verb="update")
    return Reply(200, box.shaper(ask).issue(repo, after))


def stated(box: GithubSandbox, ask: Ask, issue: Issue, body: dict[str, Any]) -> dict[str, Any]:
    """The state members. A reason without a change of state is ignored, as the OpenAPI description says."""
    state, reason = body.get("state"), body.get("state_reason")
    if state is not None and state not in STATES:
        rules.invalid("Issue", "state", value=state)
    if reason is not None and reason not in REASONS:
        rules.invalid("Issue", "state_reason", value=reason)
    changes = state is not None and state != issue.state
    if not changes:
        late = box.settings.late_reason and state == "closed" and reason in REASONS[:3]
        return {"state_reason": reason} if late else {}
    now = int(box.clock.now())
    if state == "closed":
        if reason == "reopened":
            rules.invalid("Issue", "state_reason", value=reason)
        return {"state": "closed", "state_reason": reason or "completed", "closed_at": now, "closed_by": ask.who}
    return {"state": "open", "state_reason": "reopened", "closed_at": None, "closed_by": None}


def placed(box: GithubSandbox, ask: Ask, repo: Repo, body: dict[str, Any]) -> dict[str, Any]:
    """Labels, assignees, milestone and type: checked for all, dropped in silence without triage or push access."""
    names = rules.strings(body, "labels", key="name", most=rules.LABEL_LIMIT)
    logins = rules.strings(body, "assignees", key="login", most=rules.ASSIGNEE_LIMIT)
    if logins is None and "assignee" in body and box.singular(ask):
        logins = [] if not body["assignee"] else [str(body["assignee"])]
    found: dict[str, Any] = {}
    if "milestone" in body:
        wanted = body["milestone"]
        number = int(wanted) if isinstance(wanted, str) and wanted.isdigit() else wanted
        if number is not None and (isinstance(number, bool) or number not in repo.milestones):
            rules.invalid("Issue", "milestone", value=wanted)
        found["milestone"] = number
    if "type" in body:
        kind = body["type"].get("value") if isinstance(body["type"], dict) else body["type"]
        if kind is not None and kind not in repo.types:
            rules.invalid("Issue", "type", value=kind)
        found["type"] = kind
    if not box.can(ask, repo, "triage"):
        return {}
    if names is not None:
        found["labels"] = tuple(row.id for row in made(box, ask, repo, names))
    if logins is not None:
        found["assignees"] = assignable(repo, logins)
    return found


def made(box: GithubSandbox, ask: Ask, repo: Repo, names: list[str]) -> list[Label]:
    """The labels of these names, in order, once each; those that do not exist are made when the token may push."""
    rows: dict[int, Label] = {}
    for name in (rewriting.label(ask, name) for name in names):
        row = repo.label(name)
        if row is None:
            if len(name) > 50:
                rules.invalid("Label", "name", "custom", message="name is too long (maximum is 50 characters)")
            if not box.can(ask, repo, "write"):
                continue
            row = repo.put_label(Label(box.store.new_id(), name))
        rows[row.id] = row
    return list(rows.values())


def assignable(repo: Repo, logins: list[str]) -> tuple[str, ...]:
    known = {
        login.casefold(): login
        for login, role in repo.roles.items()
        if role in ("triage", "write", "maintain", "admin")
    }
    return tuple(dict.fromkeys(known[login.casefold()] for login in logins if login.casefold() in known))


def labels(box: GithubSandbox, ask: Ask) -> Reply:
    """GET, POST (add), PUT (set) and DELETE (clear) of an issue's labels."""
    repo, issue = find(box, ask)
    if ask.method == "GET":
        return _labels_of(ask, repo, issue)
    box.may(ask, repo, "triage")
    names: list[str] = []
    if ask.method != "DELETE":
        body = ask.body if isinstance(ask.body, dict) else {"labels": ask.body}
        names = rules.strings(body, "labels", key="name", most=rules.LABEL_LIMIT) or []
        if ask.method == "POST" and not names:
            rules.invalid("Label", "labels", "missing_field")
    kept = issue.labels if ask.method == "POST" else ()
    ids = tuple(dict.fromkeys((*kept, *(row.id for row in made(box, ask, repo, names)))))
    if len(ids) > rules.LABEL_LIMIT:
        rules.invalid("Issue", "labels", "custom", message=f"labels is limited to {rules.LABEL_LIMIT} on an issue")
    after = box.save(ask, repo, issue, replace(issue, labels=ids), verb="update")
    if ask.method == "DELETE":
        return Reply(204)
    return _labels_of(ask, repo, after)


def _labels_of(ask: Ask, repo: Repo, issue: Issue) -> Reply:
    rows = [shapes.label(ask.base, repo, repo.labels[number]) for number in issue.labels]
    if ask.method == "GET":
        return paging.numbered(ask, f"/repositories/{repo.id}/issues/{issue.number}/labels", rows, lambda row: row)
    return Reply(200, rows)


def unlabel(box: GithubSandbox, ask: Ask) -> Reply:
    repo, issue = find(box, ask)
    box.may(ask, repo, "triage")
    row = repo.label(ask.params["name"])
    if row is None or row.id not in issue.labels:
        rules.refuse(404, "Label does not exist")
    kept = tuple(number for number in issue.labels if number != row.id)
    after = box.save(ask, repo, issue, replace(issue, labels=kept), verb="update")
    return _labels_of(ask, repo, after)


def assignees(box: GithubSandbox, ask: Ask) -> Reply:
    """POST adds, DELETE removes; unknown logins are dropped in silence."""
    repo, issue = find(box, ask)
    box.may(ask, repo, "triage")
    body = rules.only(ask, "assignees", strict=box.settings.strict_members)
    logins = rules.strings(body, "assignees", key="login", most=rules.ASSIGNEE_LIMIT) or []
    if ask.method == "POST":
        names = tuple(dict.fromkeys((*issue.assignees, *assignable(repo, logins))))[: rules.ASSIGNEE_LIMIT]
    else:
        gone = {login.casefold() for login in logins}
        names = tuple(login for login in issue.assignees if login.casefold() not in gone)
    after = box.save(ask, repo, issue, replace(issue, assignees=names), verb="update")
    return Reply(201 if ask.method == "POST" else 200, box.shaper(ask).issue(repo, after))


def lock(box: GithubSandbox, ask: Ask) -> Reply:
    repo, issue = find(box, ask)
    box.may(ask, repo, "write")
    reason = (ask.body or {}).get("lock_reason") if isinstance(ask.body, dict) else None
    if reason not in (None, "off-topic", "too heated", "resolved", "spam"):
        rules.invalid("Issue", "lock_reason", value=reason)
    locked = ask.method == "PUT"
    box.save(ask, repo, issue, replace(issue, locked=locked, lock_reason=reason if locked else None), verb="update")
    return Reply(204)
