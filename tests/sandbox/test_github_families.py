"""Sub-issues and dependencies of the GitHub sandbox: by id, with GitHub's limits, summaries and events."""

from __future__ import annotations

import itertools

import pytest
from sandbox.asking import ask

from bridge.sandbox.server import Sandbox

ISSUES = "/repos/acme/app/issues"


def new(box: Sandbox, title: str, repo: str = "acme/app") -> tuple[int, int]:
    """Number and id."""
    status, made = box.call("POST", f"/repos/{repo}/issues", {"title": title}, who="alice")
    assert status == 201
    return made["number"], made["id"]


def nest(box: Sandbox, parent: int, child_id: int, repo: str = "acme/app", **more: bool) -> tuple[int, object]:
    body = {"sub_issue_id": child_id, **more}
    return box.call("POST", f"/repos/{repo}/issues/{parent}/sub_issues", body, who="alice")


def shown(box: Sandbox, number: int) -> dict:
    return box.call("GET", f"{ISSUES}/{number}", who="alice")[1]


def test_a_sub_issue_shows_its_parent_in_lists_and_the_parent_counts_it(github: Sandbox) -> None:
    above, _ = new(github, "above")
    below, child = new(github, "below")
    before = shown(github, below)["updated_at"]

    assert nest(github, above, child)[0] == 201
    github.call("PATCH", f"{ISSUES}/{below}", {"state": "closed"}, who="alice")

    rows = {row["number"]: row for row in github.call("GET", f"{ISSUES}?state=all", who="alice")[1]}
    assert rows[below]["parent_issue_url"].endswith(f"/repos/acme/app/issues/{above}")
    assert "parent_issue_url" not in rows[above]
    assert rows[above]["sub_issues_summary"] == {"total": 1, "completed": 1, "percent_completed": 100}
    assert rows[above]["updated_at"] == before
    assert github.call("GET", f"{ISSUES}/{below}/parent", who="alice")[1]["number"] == above
    assert github.call("GET", f"{ISSUES}/{above}/parent", who="alice")[0] == 404
    assert [row["number"] for row in github.call("GET", f"{ISSUES}/{above}/sub_issues", who="alice")[1]] == [below]


def test_the_number_of_an_issue_is_not_its_id(github: Sandbox) -> None:
    above, _ = new(github, "above")
    below, _ = new(github, "below")

    assert nest(github, above, below)[0] == 404
    assert github.call("POST", f"{ISSUES}/{above}/dependencies/blocked_by", {"issue_id": below})[0] == 404


def test_an_issue_has_one_parent_unless_it_is_to_be_replaced(github: Sandbox) -> None:
    first, _ = new(github, "first")
    second, _ = new(github, "second")
    _, child = new(github, "child")
    nest(github, first, child)

    assert nest(github, first, child)[0] == 422
    assert nest(github, second, child)[0] == 422
    assert nest(github, second, child, replace_parent=True)[0] == 201
    assert shown(github, first)["sub_issues_summary"]["total"] == 0
    body = {"sub_issue_id": child}
    assert github.call("DELETE", f"{ISSUES}/{first}/sub_issue", body, who="alice")[0] == 404
    assert github.call("DELETE", f"{ISSUES}/{second}/sub_issue", body, who="alice")[0] == 200
    assert "parent_issue_url" not in shown(github, 3)


def test_sub_issues_form_no_cycle_and_no_more_than_eight_levels(github: Sandbox) -> None:
    made = [new(github, f"level {level}") for level in range(10)]
    answers = [nest(github, above[0], below[1])[0] for above, below in itertools.pairwise(made)]

    assert answers == [201] * 8 + [422]
    assert nest(github, made[3][0], made[0][1])[0] == 422
    assert nest(github, made[0][0], made[0][1])[0] == 422


def test_a_parent_takes_a_hundred_sub_issues_the_closed_ones_included(github: Sandbox) -> None:
    above, _ = new(github, "above")
    children = [new(github, f"child {place}") for place in range(101)]
    github.call("PATCH", f"{ISSUES}/{children[0][0]}", {"state": "closed"}, who="alice")

    assert [nest(github, above, child)[0] for _, child in children] == [201] * 100 + [422]


def test_relations_reach_other_repositories_of_the_same_owner_only(github: Sandbox) -> None:
    for name in ("acme/lib", "other/lib"):
        github.seed(repo=name)
    above, _ = new(github, "above")
    _, near = new(github, "near", "acme/lib")
    _, far = new(github, "far", "other/lib")

    assert nest(github, above, near)[0] == 201
    assert nest(github, above, far)[0] == 422
    got = ask(github, "GET", "/repos/acme/lib/issues/1")
    assert got.body["parent_issue_url"].endswith("/repos/acme/app/issues/1")


def test_a_dependency_shows_on_both_issues_and_moves_neither(github: Sandbox) -> None:
    blocked, _ = new(github, "blocked")
    blocker, blocker_id = new(github, "blocker")
    place = f"{ISSUES}/{blocked}/dependencies"

    assert github.call("POST", f"{place}/blocked_by", {"issue_id": blocker_id}, who="alice")[0] == 201
    assert github.call("POST", f"{place}/blocked_by", {"issue_id": blocker_id}, who="alice")[0] == 422
    assert shown(github, blocked)["issue_dependencies_summary"]["total_blocked_by"] == 1
    assert shown(github, blocker)["issue_dependencies_summary"]["total_blocking"] == 1
    rows = github.call("GET", f"{ISSUES}/{blocker}/dependencies/blocking", who="alice")[1]
    assert [row["number"] for row in rows] == [blocked]
    assert [row["number"] for row in github.call("GET", f"{place}/blocked_by", who="alice")[1]] == [blocker]
    assert github.call("DELETE", f"{place}/blocked_by/{blocker_id}", who="alice")[0] == 200
    assert github.call("DELETE", f"{place}/blocked_by/{blocker_id}", who="alice")[0] == 404
    assert shown(github, blocker)["issue_dependencies_summary"]["total_blocking"] == 0


def test_dependencies_form_no_cycle(github: Sandbox) -> None:
    made = [new(github, f"issue {place}") for place in range(3)]
    for (number, _), (_, blocker) in zip(made[1:], made, strict=False):
        path = f"{ISSUES}/{number}/dependencies/blocked_by"
        assert github.call("POST", path, {"issue_id": blocker}, who="alice")[0] == 201

    path = f"{ISSUES}/{made[0][0]}/dependencies/blocked_by"
    assert github.call("POST", path, {"issue_id": made[2][1]}, who="alice")[0] == 422
    assert github.call("POST", path, {"issue_id": made[0][1]}, who="alice")[0] == 422


def test_a_reader_relates_nothing(github: Sandbox) -> None:
    above, _ = new(github, "above")
    _, child = new(github, "child")

    body, reader = {"sub_issue_id": child}, "Bearer ghp_sandbox_reader"
    assert ask(github, "POST", f"{ISSUES}/{above}/sub_issues", body, authorization=reader).status == 403


def test_a_deleted_issue_leaves_the_relations_of_the_others(github: Sandbox) -> None:
    above, _ = new(github, "above")
    below, child = new(github, "below")
    nest(github, above, child)

    github.act("delete", repo="acme/app", number=above)

    assert "parent_issue_url" not in shown(github, below)


def test_relations_survive_a_restart(github: Sandbox) -> None:
    above, _ = new(github, "above")
    below, child = new(github, "below")
    nest(github, above, child)
    github.call("POST", f"{ISSUES}/{above}/dependencies/blocked_by", {"issue_id": child}, who="alice")

    github.store.load(github.store.dump())

    assert "parent_issue_url" in shown(github, below)
    assert shown(github, below)["issue_dependencies_summary"]["blocking"] == 1


@pytest.mark.parametrize("what", ["sub_issues", "dependencies/blocked_by"])
def test_webhooks_name_both_issues_once_in_each_repository(github: Sandbox, listener, what: str) -> None:
    url, heard = listener
    new(github, "above")
    _, other = new(github, "below")
    github.call("POST", "/_sandbox/webhook", {"url": url, "secret": "s"})

    member = "sub_issue_id" if what == "sub_issues" else "issue_id"
    github.call("POST", f"{ISSUES}/1/{what}", {member: other}, who="alice")
    first, second = heard(), heard()

    if what == "sub_issues":
        assert [post.headers["x-github-event"] for post in (first, second)] == ["sub_issues"] * 2
        assert [post.body["action"] for post in (first, second)] == ["parent_issue_added", "sub_issue_added"]
        assert (first.body["sub_issue"]["number"], first.body["parent_issue"]["number"]) == (2, 1)
    else:
        assert [post.headers["x-github-event"] for post in (first, second)] == ["issue_dependencies"] * 2
        assert [post.body["action"] for post in (first, second)] == ["blocked_by_added", "blocking_added"]
        assert (first.body["blocking_issue"]["number"], first.body["blocked_issue"]["number"]) == (2, 1)
