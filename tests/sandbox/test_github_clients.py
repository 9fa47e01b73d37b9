"""Two judges that we did not write: PyGithub drives the sandbox, GitHub's own description checks its answers."""

from __future__ import annotations

import warnings
from datetime import UTC, datetime
from typing import Any

import pytest
from sandbox.asking import ask

from bridge.sandbox.server import Sandbox

ISSUES = "/repos/acme/app/issues"


@pytest.fixture
def repo(github: Sandbox) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from github import Auth, Github

    client = Github(
        base_url=github.url,
        auth=Auth.Token(github.token()),
        seconds_between_requests=0,
        seconds_between_writes=0,
        retry=None,
        per_page=100,
    )
    yield client.get_repo("acme/app")
    client.close()


def test_pygithub_creates_edits_labels_closes_and_reopens(repo: Any) -> None:
    milestone = repo.create_milestone("v1")
    issue = repo.create_issue("First", body="Text", labels=["bug"], assignees=["bob"], milestone=milestone)
    issue.edit(title="Second", body="Other")
    issue.add_to_labels("enhancement")
    issue.remove_from_labels("bug")
    issue.create_comment("A word")
    issue.edit(state="closed", state_reason="not_planned")
    again = repo.get_issue(issue.number)

    assert (again.title, again.body, again.state, again.state_reason) == ("Second", "Other", "closed", "not_planned")
    assert [label.name for label in again.labels] == ["enhancement"]
    assert ([user.login for user in again.assignees], again.milestone.title, again.comments) == (["bob"], "v1", 1)
    assert [comment.body for comment in again.get_comments()] == ["A word"]

    again.edit(state="open")

    assert (again.state, again.state_reason) == ("open", "reopened")


def test_pygithub_pages_through_what_changed_since(github: Sandbox, repo: Any) -> None:
    github.seed(generate=230, pulls=1)
    issues = list(repo.get_issues(state="all", sort="updated", direction="asc"))
    since = datetime.fromisoformat(github.call("GET", f"{ISSUES}/200")[1]["updated_at"]).astimezone(UTC)

    assert list(range(1, 232)) == [issue.number for issue in issues]
    assert list(range(200, 232)) == [
        issue.number for issue in repo.get_issues(state="all", since=since, direction="asc")
    ]


def test_pygithub_manages_labels(repo: Any) -> None:
    label = repo.create_label("area: docs/web", "0e8a16", "Words")
    label.edit("area: docs", "0e8a16")

    assert "area: docs" in {one.name for one in repo.get_labels()}

    repo.get_label("area: docs").delete()

    assert "area: docs" not in {one.name for one in repo.get_labels()}


def exchanges(box: Sandbox) -> list[tuple[str, str, Any]]:
    repo = "/repos/acme/app"
    return [
        ("GET", "/user", None),
        ("GET", "/users/bob", None),
        ("GET", "/rate_limit", None),
        ("GET", repo, None),
        ("POST", f"{repo}/milestones", {"title": "v1", "due_on": "2026-05-01T00:00:00Z"}),
        ("GET", f"{repo}/milestones", None),
        ("PATCH", f"{repo}/milestones/1", {"state": "closed"}),
        ("POST", f"{repo}/labels", {"name": "area", "color": "00ff00"}),
        ("POST", f"{repo}/labels", {"name": "AREA", "color": "00ff00"}),
        ("GET", f"{repo}/labels", None),
        ("PATCH", f"{repo}/labels/area", {"new_name": "place"}),
        (
            "POST",
            ISSUES,
            {"title": "x", "body": "y", "labels": ["bug"], "assignees": ["bob"], "milestone": 1, "type": "Bug"},
        ),
        ("POST", ISSUES, {"title": ""}),
        ("PATCH", f"{ISSUES}/1", {"state": "closed", "state_reason": "not_planned"}),
        ("GET", f"{ISSUES}/1", None),
        ("GET", f"{ISSUES}/999", None),
        ("GET", f"{ISSUES}?state=all&per_page=5", None),
        ("POST", f"{ISSUES}/1/labels", {"labels": ["place"]}),
        ("PUT", f"{ISSUES}/1/labels", {"labels": ["bug"]}),
        ("GET", f"{ISSUES}/1/labels", None),
        ("DELETE", f"{ISSUES}/1/labels/bug", None),
        ("POST", f"{ISSUES}/1/assignees", {"assignees": ["alice"]}),
        ("DELETE", f"{ISSUES}/1/assignees", {"assignees": ["alice"]}),
        ("POST", f"{ISSUES}/1/comments", {"body": "z"}),
        ("GET", f"{ISSUES}/1/comments", None),
        ("GET", f"{ISSUES}/comments", None),
        ("GET", f"{repo}/assignees", None),
        ("GET", f"{repo}/issue-types", None),
        ("PUT", f"{ISSUES}/1/lock", {"lock_reason": "resolved"}),
        ("DELETE", f"{repo}/labels/place", None),
    ]


def test_every_answer_is_what_githubs_description_promises(github: Sandbox, github_checker: Any) -> None:
    github.seed(generate=3, pulls=1, repo="acme/filled")
    found = []
    for method, path, body in [*exchanges(github), ("GET", "/repos/acme/filled/issues?state=all", None)]:
        got = ask(github, method, path, body)
        assert got.status < 500, (method, path, got.body)
        found += [f"{method} {path}: {line}" for line in github_checker.response(method, path, got.status, got.body)]

    assert found == []
