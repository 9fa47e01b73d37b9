"""The other resources of the GitHub sandbox: user, repository, labels, milestones, assignable people, comments, limits."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from bridge.sandbox import effects, rewriting
from bridge.sandbox import github_paging as paging
from bridge.sandbox import github_rules as rules
from bridge.sandbox import github_shapes as shapes
from bridge.sandbox.clock import instant
from bridge.sandbox.exchange import Reply
from bridge.sandbox.github_issues import find
from bridge.sandbox.github_store import Comment, Label, Milestone, Repo

if TYPE_CHECKING:
    from bridge.sandbox.exchange import Ask
    from bridge.sandbox.github import GithubSandbox


def me(box: GithubSandbox, ask: Ask) -> Reply:
    return Reply(
        200, shapes.private_user(ask.base, ask.who, box.store.users.get(ask.who, 0), box.store.emails.get(ask.who))
    )


def person(box: GithubSandbox, ask: Ask) -> Reply:
    login = ask.params["login"]
    if login not in box.store.users:
        rules.refuse(404, "Not Found")
    return Reply(200, shapes.private_user(ask.base, login, box.store.users[login], box.store.emails.get(login)))


def repository(box: GithubSandbox, ask: Ask) -> Reply:
    repo = box.repo_of(ask)
    return Reply(200, shapes.repository(ask.base, repo, box.store.users, ask.who, singular=box.singular(ask)))


def versions(_: GithubSandbox, __: Ask) -> Reply:
    return Reply(200, list(rules.VERSIONS))


def limits(box: GithubSandbox, ask: Ask) -> Reply:
    core = box.budget(ask).as_json()
    rest = {"limit": 30, "used": 0, "remaining": 30, "reset": core["reset"]}
    answer: dict[str, Any] = {"resources": {"core": core, "search": rest, "graphql": core}}
    if box.singular(ask):
        answer["rate"] = core
    return Reply(200, answer)


def types(box: GithubSandbox, ask: Ask) -> Reply:
    repo = box.repo_of(ask)
    return Reply(200, [shapes.issue_type(repo, name) for name in repo.types])


def labels(box: GithubSandbox, ask: Ask) -> Reply:
    repo = box.repo_of(ask)
    if ask.method == "GET":
        rows = sorted(repo.labels.values(), key=lambda row: row.name.casefold())
        path = f"/repositories/{repo.id}/labels"
        return paging.numbered(ask, path, rows, lambda row: shapes.label(ask.base, repo, row))
    box.may(ask, repo, "write")
    members = rules.label_members(
        rules.only(ask, "name color description", strict=box.settings.strict_members), "name", required=True
    )
    members["name"] = rewriting.label(ask, members["name"])
    if repo.label(members["name"]) is not None:
        rules.invalid("Label", "name", "already_exists")
    row = repo.put_label(Label(box.store.new_id(), **members))
    box.note(ask, "create", "label", row.name)
    box.tell("label", "created", ask, repo, label=shapes.label(ask.base, repo, row))
    return Reply(201, shapes.label(ask.base, repo, row))


def label(box: GithubSandbox, ask: Ask) -> Reply:
    """GET, PATCH (``new_name``) and DELETE of one label. A rename leaves the issues' ``updated_at`` alone."""
    repo = box.repo_of(ask)
    row = repo.label(ask.params["name"])
    if row is None:
        rules.refuse(404, "Not Found")
    if ask.method == "GET":
        return Reply(200, shapes.label(ask.base, repo, row))
    box.may(ask, repo, "write")
    if ask.method == "DELETE":
        repo.drop_label(row)
        box.note(ask, "delete", "label", row.name)
        box.tell("label", "deleted", ask, repo, label=shapes.label(ask.base, repo, row))
        return Reply(204)
    members = rules.label_members(
        rules.only(ask, "new_name color description", strict=box.settings.strict_members), "new_name", required=False
    )
    taken = repo.label(members.get("name", row.name))
    if taken is not None and taken.id != row.id:
        rules.invalid("Label", "name", "already_exists")
    after = repo.put_label(replace(row, **members))
    box.note(ask, "update", "label", after.name)
    box.tell(
        "label", "edited", ask, repo, label=shapes.label(ask.base, repo, after), changes={"name": {"from": row.name}}
    )
    return Reply(200, shapes.label(ask.base, repo, after))


def milestones(box: GithubSandbox, ask: Ask) -> Reply:
    repo = box.repo_of(ask)
    if ask.method == "GET":
        state = rules.choice(ask, "Milestone", "state", ("open", "closed", "all"))
        sort = rules.choice(ask, "Milestone", "sort", ("due_on", "completeness"))
        rows = [row for row in repo.milestones.values() if state in ("all", row.state)]
        rows.sort(key=lambda row: ((row.due_on or 1 << 40) if sort == "due_on" else 0, row.number))
        if ask.query.get("direction") == "desc":
            rows.reverse()
        path = f"/repositories/{repo.id}/milestones"
        return paging.numbered(ask, path, rows, lambda row: shapes.milestone(ask.base, repo, row, box.store.users))
    box.may(ask, repo, "write")
    members = _milestone(box, ask, repo, None)
    now = int(box.clock.now())
    number = max(repo.milestones, default=0) + 1
    row = repo.put_milestone(
        Milestone(number=number, id=box.store.new_id(), created_at=now, updated_at=now, creator=ask.who, **members)
    )
    box.note(ask, "create", "milestone", str(number))
    return Reply(201, shapes.milestone(ask.base, repo, row, box.store.users))


def milestone(box: GithubSandbox, ask: Ask) -> Reply:
    repo = box.repo_of(ask)
    row = repo.milestones.get(ask.params["number"])
    if row is None:
        rules.refuse(404, "Not Found")
    if ask.method == "GET":
        return Reply(200, shapes.milestone(ask.base, repo, row, box.store.users))
    box.may(ask, repo, "write")
    if ask.method == "DELETE":
        del repo.milestones[row.number]
        repo.decor += 1
        for issue in list(repo.issues.values()):
            if issue.milestone == row.number:
                repo.issues[issue.number] = replace(issue, milestone=None)
        box.note(ask, "delete", "milestone", str(row.number))
        return Reply(204)
    now = int(box.clock.now())
    members = _milestone(box, ask, repo, row)
    closed_at = now if members.get("state", row.state) == "closed" else None
    after = repo.put_milestone(replace(row, **members, updated_at=now, closed_at=closed_at))
    box.note(ask, "update", "milestone", str(row.number))
    return Reply(200, shapes.milestone(ask.base, repo, after, box.store.users))


def _milestone(box: GithubSandbox, ask: Ask, repo: Repo, row: Milestone | None) -> dict[str, Any]:
    body = rules.only(ask, "title state description due_on", strict=box.settings.strict_members)
    found: dict[str, Any] = {}
    if row is None or "title" in body:
        title = rules.text(body, "Milestone", "title", limit=255, required=True)
        if any(other.title == title and other != row for other in repo.milestones.values()):
            rules.invalid("Milestone", "title", "already_exists")
        found["title"] = title
    if "state" in body:
        if body["state"] not in ("open", "closed"):
            rules.invalid("Milestone", "state", value=body["state"])
        found["state"] = body["state"]
    if "description" in body:
        found["description"] = rules.text(body, "Milestone", "description", limit=rules.BODY_LIMIT)
    if "due_on" in body:
        found["due_on"] = _pacific_day(body["due_on"])
    return found


def _pacific_day(value: Any) -> int | None:
    """GitHub keeps a day in US Pacific time: the hour that was sent is lost."""
    if value is None:
        return None
    moment = instant(value) if isinstance(value, str) else None
    if moment is None:
        rules.invalid("Milestone", "due_on", value=value)
    day = datetime.fromtimestamp(moment, UTC).replace(hour=8, minute=0, second=0, microsecond=0)
    return int(day.timestamp())


def assignees(box: GithubSandbox, ask: Ask) -> Reply:
    repo = box.repo_of(ask)
    logins = [login for login, role in repo.roles.items() if role != "read"]
    path = f"/repositories/{repo.id}/assignees"
    return paging.numbered(ask, path, logins, lambda login: shapes.user(ask.base, login, box.store.users.get(login, 0)))


def assignee(box: GithubSandbox, ask: Ask) -> Reply:
    repo = box.repo_of(ask)
    login = ask.params["login"].casefold()
    if login not in {name.casefold() for name, role in repo.roles.items() if role != "read"}:
        rules.refuse(404, "Not Found")
    return Reply(204)


def repo_comments(box: GithubSandbox, ask: Ask) -> Reply:
    """All comments of a repository. Without ``sort`` the direction is ignored, as on GitHub."""
    repo = box.repo_of(ask)
    sort = ask.query.get("sort")
    since = rules.since(ask)
    rows = [row for row in repo.comments.values() if since is None or row.updated_at >= since]
    rows.sort(key=lambda row: (row.updated_at if sort == "updated" else row.created_at, row.id))
    if sort is not None and ask.query.get("direction", "desc") == "desc":
        rows.reverse()
    shaper = box.shaper(ask)
    return paging.numbered(ask, f"/repositories/{repo.id}/issues/comments", rows, lambda row: shaper.comment(repo, row))


def issue_comments(box: GithubSandbox, ask: Ask) -> Reply:
    repo, issue = find(box, ask)
    shaper = box.shaper(ask)
    if ask.method == "GET":
        since = rules.since(ask)
        rows = [row for row in repo.comments.values() if row.number == issue.number and row.updated_at >= (since or 0)]
        path = f"/repositories/{repo.id}/issues/{issue.number}/comments"
        return paging.numbered(ask, path, rows, lambda row: shaper.comment(repo, row))
    box.may(ask, repo, "read")
    if issue.locked and not box.can(ask, repo, "triage"):
        rules.refuse(403, "Unable to create comment because issue is locked.")
    words = _words(box, ask)
    now = box.now_s()
    row = Comment(box.store.new_id(), issue.number, ask.who, words, now, now)
    repo.comments[row.id] = row
    _touch(box, repo, row, 1)
    box.note(ask, "create", "comment", str(row.id))
    effects.note(box.journal, ask.who, f"comment {row.id}", effects.on_github, after=words)
    _tell(box, ask, repo, row, "created")
    return Reply(201, shaper.comment(repo, row))


def comment(box: GithubSandbox, ask: Ask) -> Reply:
    """GET, PATCH and DELETE of one comment. Others' comments need write access."""
    repo = box.repo_of(ask)
    row = repo.comments.get(ask.params["number"])
    if row is None:
        rules.refuse(404, "Not Found")
    if ask.method == "GET":
        return Reply(200, box.shaper(ask).comment(repo, row))
    if row.author != ask.who:
        box.may(ask, repo, "write")
    box.may(ask, repo, "read")
    if ask.method == "DELETE":
        del repo.comments[row.id]
        _touch(box, repo, row, -1)
        box.note(ask, "delete", "comment", str(row.id))
        _tell(box, ask, repo, row, "deleted")
        return Reply(204)
    after = replace(row, body=_words(box, ask), updated_at=box.now_s())
    repo.comments[row.id] = after
    _touch(box, repo, row, 0)
    box.note(ask, "update", "comment", str(row.id))
    effects.note(box.journal, ask.who, f"comment {row.id}", effects.on_github, after=after.body, before=row.body)
    _tell(box, ask, repo, after, "edited", changes={"body": {"from": row.body}})
    return Reply(200, box.shaper(ask).comment(repo, after))


def _words(box: GithubSandbox, ask: Ask) -> str:
    body = rules.only(ask, "body", strict=box.settings.strict_members)
    return rewriting.text(ask, rules.text(body, "IssueComment", "body", limit=rules.BODY_LIMIT, required=True)) or ""


def _touch(box: GithubSandbox, repo: Repo, row: Comment, more: int) -> None:
    issue = repo.issues.get(row.number)
    if issue is not None:
        after = replace(issue, comments=issue.comments + more, updated_at=box.now_s())
        repo.put(after, box.clock.now())


def _tell(box: GithubSandbox, ask: Ask, repo: Repo, row: Comment, action: str, **more: Any) -> None:
    issue = box.shaper(ask).issue(repo, repo.issues[row.number])
    box.tell(
        "issue_comment", action, ask, repo, issue=shapes.RAW(issue), comment=box.shaper(ask).comment(repo, row), **more
    )
