"""The GitHub sandbox refuses what GitHub refuses and drops in silence what GitHub drops."""

from __future__ import annotations

import pytest
from sandbox.asking import ask

from bridge.sandbox.server import Sandbox

ISSUES = "/repos/acme/app/issues"


def code(answer: object) -> tuple[str, str]:
    error = answer["errors"][0]
    return error["field"], error["code"]


def test_a_wrong_token_is_401_and_a_stranger_sees_no_private_repository(github: Sandbox) -> None:
    assert ask(github, "GET", ISSUES, authorization="Bearer ghp_wrong").status == 401
    assert ask(github, "GET", ISSUES, authorization="Bearer ghp_sandbox_outsider").status == 404
    assert ask(github, "GET", "/user", authorization=None).status == 401


def test_a_request_without_user_agent_is_403_and_an_unknown_version_400(github: Sandbox) -> None:
    assert ask(github, "GET", ISSUES, user_agent=None).status == 403
    assert ask(github, "GET", ISSUES, x_github_api_version="2020-01-01").status == 400
    assert ask(github, "GET", ISSUES, x_github_api_version="2026-03-10").status == 200


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({}, ("title", "missing_field")),
        ({"title": "x" * 257}, ("title", "custom")),
        ({"title": "x", "body": "y" * 65_537}, ("body", "custom")),
        ({"title": "x", "labels": [f"l{n}" for n in range(101)]}, ("labels", "custom")),
        ({"title": "x", "assignees": ["bob"] * 11}, ("assignees", "custom")),
        ({"title": "x", "milestone": 9}, ("milestone", "invalid")),
        ({"title": "x", "type": "Epic"}, ("type", "invalid")),
    ],
)
def test_a_bad_issue_is_422_naming_the_field(
    github: Sandbox, body: dict[str, object], expected: tuple[str, str]
) -> None:
    got = ask(github, "POST", ISSUES, body)

    assert got.status == 422
    assert expected == code(got.body)
    assert github.log == []


def test_a_body_at_the_limit_is_taken(github: Sandbox) -> None:
    assert ask(github, "POST", ISSUES, {"title": "x" * 256, "body": "y" * 65_536}).status == 201


def test_what_is_not_json_is_400(github: Sandbox) -> None:
    got = ask(github, "POST", ISSUES, b"{")

    assert (got.status, got.body["message"]) == (400, "Problems parsing JSON")


def test_unknown_members_are_refused_unless_the_switch_is_off(github: Sandbox) -> None:
    assert ask(github, "POST", ISSUES, {"title": "x", "lables": ["bug"]}).status == 422
    github.set(strict_members=False)
    assert ask(github, "POST", ISSUES, {"title": "x", "lables": ["bug"]}).status == 201


def test_unknown_assignees_are_dropped_and_labels_made_on_the_fly(github: Sandbox) -> None:
    got = ask(github, "POST", ISSUES, {"title": "x", "assignees": ["bob", "nobody"], "labels": ["BUG", "fresh"]})

    assert [user["login"] for user in got.body["assignees"]] == ["bob"]
    assert [label["name"] for label in got.body["labels"]] == ["bug", "fresh"]
    assert ask(github, "GET", "/repos/acme/app/assignees/nobody").status == 404
    assert ask(github, "GET", "/repos/acme/app/assignees/bob").status == 204


def test_a_reader_may_create_but_labels_are_dropped_and_others_issues_stay_closed_to_him(github: Sandbox) -> None:
    ask(github, "POST", ISSUES, {"title": "of the bridge"})
    mine = ask(github, "POST", ISSUES, {"title": "x", "labels": ["bug"]}, authorization="Bearer ghp_sandbox_reader")
    theirs = ask(github, "PATCH", f"{ISSUES}/1", {"title": "y"}, authorization="Bearer ghp_sandbox_reader")

    assert (mine.status, mine.body["labels"]) == (201, [])
    assert theirs.status == 403


def test_a_read_only_token_is_told_which_permission_it_lacks(github: Sandbox) -> None:
    got = ask(github, "POST", ISSUES, {"title": "x"}, authorization="Bearer github_pat_sandbox_readonly")

    assert got.status == 403
    assert got.headers["x-accepted-github-permissions"] == "issues=write"


def test_closing_gives_completed_and_a_reason_alone_is_ignored(github: Sandbox) -> None:
    ask(github, "POST", ISSUES, {"title": "x"})
    ignored = ask(github, "PATCH", f"{ISSUES}/1", {"state_reason": "not_planned"})
    closed = ask(github, "PATCH", f"{ISSUES}/1", {"state": "closed"})
    late = ask(github, "PATCH", f"{ISSUES}/1", {"state": "closed", "state_reason": "not_planned"})
    opened = ask(github, "PATCH", f"{ISSUES}/1", {"state": "open"})

    assert ignored.body["state_reason"] is None
    assert (closed.body["state_reason"], late.body["state_reason"]) == ("completed", "completed")
    assert (opened.body["state"], opened.body["state_reason"], opened.body["closed_at"]) == ("open", "reopened", None)


def test_a_label_name_is_unique_ignoring_case_and_a_rename_leaves_issues_alone(github: Sandbox) -> None:
    made = ask(github, "POST", ISSUES, {"title": "x", "labels": ["bug"]})
    github.clock.advance(60)
    again = ask(github, "POST", "/repos/acme/app/labels", {"name": "Bug", "color": "d73a4a"})
    renamed = ask(github, "PATCH", "/repos/acme/app/labels/bug", {"new_name": "fault / bug"})
    issue = ask(github, "GET", f"{ISSUES}/1")

    assert (again.status, code(again.body)) == (422, ("name", "already_exists"))
    assert renamed.status == 200
    assert [label["name"] for label in issue.body["labels"]] == ["fault / bug"]
    assert made.body["updated_at"] == issue.body["updated_at"]
    assert ask(github, "GET", "/repos/acme/app/labels/fault%20%2F%20bug").status == 200


def test_updated_at_moves_with_labels_assignees_and_comments_but_not_with_a_write_of_nothing(github: Sandbox) -> None:
    seen = [ask(github, "POST", ISSUES, {"title": "x"}).body["updated_at"]]
    for method, path, body in (
        ("POST", f"{ISSUES}/1/labels", {"labels": ["bug"]}),
        ("POST", f"{ISSUES}/1/assignees", {"assignees": ["bob"]}),
        ("POST", f"{ISSUES}/1/comments", {"body": "hello"}),
        ("DELETE", f"{ISSUES}/1/labels/bug", None),
    ):
        github.clock.advance(60)
        assert ask(github, method, path, body).status in (200, 201)
        seen.append(ask(github, "GET", f"{ISSUES}/1").body["updated_at"])
    github.clock.advance(60)
    still = ask(github, "PATCH", f"{ISSUES}/1", {"title": "x"}).body["updated_at"]

    assert sorted(set(seen)) == seen
    assert seen[-1] == still
    assert not github.log[-1].changed


def test_deleted_is_410_transferred_301_and_a_renamed_repository_301_or_307(github: Sandbox) -> None:
    for title in ("deleted", "moved", "stays"):
        ask(github, "POST", ISSUES, {"title": title})
    github.act("delete", number=1)
    github.act("transfer", number=2, to="acme/other")
    assert ask(github, "GET", f"{ISSUES}/1").status == 410
    moved = ask(github, "GET", f"{ISSUES}/2")
    assert moved.status == 301
    assert ask(github, "GET", moved.headers["location"].removeprefix(github.url)).body["title"] == "moved"
    assert [issue["title"] for issue in ask(github, "GET", ISSUES).body] == ["stays"]

    github.act("rename", repo="acme/app", to="acme/renamed")
    read, write = ask(github, "GET", f"{ISSUES}?state=all"), ask(github, "PATCH", f"{ISSUES}/3", {"title": "y"})

    assert (read.status, write.status) == (301, 307)
    assert read.headers["location"].endswith("/issues?state=all")
    assert ask(github, "GET", read.headers["location"].removeprefix(github.url)).status == 200


def test_disabled_issues_are_410(github: Sandbox) -> None:
    github.act("issues_off")

    assert ask(github, "POST", ISSUES, {"title": "x"}).status == 410


def test_the_singular_assignee_is_gone_in_the_newer_version(github: Sandbox) -> None:
    ask(github, "POST", ISSUES, {"title": "x", "assignees": ["bob"]})

    assert ask(github, "GET", f"{ISSUES}/1").body["assignee"]["login"] == "bob"
    assert "assignee" not in ask(github, "GET", f"{ISSUES}/1", x_github_api_version="2026-03-10").body
    assert "rate" not in ask(github, "GET", "/rate_limit", x_github_api_version="2026-03-10").body


def test_a_due_date_keeps_its_day_and_loses_its_hour(github: Sandbox) -> None:
    made = ask(github, "POST", "/repos/acme/app/milestones", {"title": "v1", "due_on": "2026-03-04T23:59:59Z"})

    assert made.body["due_on"] == "2026-03-04T08:00:00Z"
    assert ask(github, "POST", ISSUES, {"title": "x", "milestone": 1}).body["milestone"]["open_issues"] == 1


def test_each_accepted_write_is_logged_with_its_author(github: Sandbox) -> None:
    github.call("POST", ISSUES, {"title": "by alice"}, who="alice")
    github.call("POST", f"{ISSUES}/1/labels", {"labels": ["bug"]})
    github.call("POST", f"{ISSUES}/7/labels", {"labels": ["bug"]})

    assert [(entry.author, entry.verb, entry.item) for entry in github.log] == [
        ("alice", "create", "acme/app#1"),
        ("bridge-bot", "update", "acme/app#1"),
    ]
    assert (github.counts.writes, github.counts.creates) == (2, 1)
