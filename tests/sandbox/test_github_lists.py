"""Lists of the GitHub sandbox: paging both ways, since, filters, conditional requests, limits."""

from __future__ import annotations

import re

import pytest
from sandbox.asking import Got, ask

from bridge.sandbox.server import Sandbox

ISSUES = "/repos/acme/app/issues"
CHANGES = f"{ISSUES}?state=all&sort=updated&direction=asc"


def links(got: Got) -> dict[str, str]:
    return {rel: url for url, rel in re.findall(r'<([^>]+)>; rel="(\w+)"', got.headers.get("link", ""))}


def walk(box: Sandbox, path: str) -> list[Got]:
    pages = [ask(box, "GET", path)]
    while "next" in (found := links(pages[-1])):
        pages.append(ask(box, "GET", found["next"].removeprefix(box.url)))
    return pages


@pytest.mark.parametrize("paging", ["page", "after"])
def test_the_next_links_lead_through_every_item_once(github: Sandbox, paging: str) -> None:
    github.set(paging=paging)
    github.seed(generate=250)
    pages = walk(github, f"{CHANGES}&per_page=100")

    assert [len(page.body) for page in pages] == [100, 100, 50]
    assert list(range(1, 251)) == [issue["number"] for page in pages for issue in page.body]


@pytest.mark.parametrize("paging", ["page", "after"])
def test_descending_order_is_the_same_walk_backwards(github: Sandbox, paging: str) -> None:
    github.set(paging=paging)
    github.seed(generate=45)
    pages = walk(github, f"{ISSUES}?state=all&per_page=20")

    assert list(range(45, 0, -1)) == [issue["number"] for page in pages for issue in page.body]


def test_page_links_name_first_prev_next_and_last_at_the_address_by_number(github: Sandbox) -> None:
    github.seed(generate=95)
    found = links(ask(github, "GET", f"{CHANGES}&page=2"))

    assert {"first", "prev", "next", "last"} == set(found)
    assert found["last"].endswith("page=4")
    assert re.match(rf"{github.url}/repositories/\d+/issues\?", found["next"])


def test_cursor_paging_refuses_page_numbers(github: Sandbox) -> None:
    github.set(paging="after")
    github.seed(generate=40)

    assert ask(github, "GET", f"{CHANGES}&page=2").status == 422
    assert "after=" in links(ask(github, "GET", CHANGES))["next"]


def test_a_large_repository_forces_cursors(github: Sandbox) -> None:
    github.set(page_limit=50)
    github.seed(generate=60)

    assert ask(github, "GET", f"{CHANGES}&page=2").status == 422


def test_a_page_is_30_unless_asked_and_100_at_most(github: Sandbox) -> None:
    github.seed(generate=150)

    assert [len(ask(github, "GET", CHANGES + more).body) for more in ("", "&per_page=500", "&per_page=7")] == [
        30,
        100,
        7,
    ]


def test_since_is_inclusive_to_the_second(github: Sandbox) -> None:
    github.seed(generate=5)
    third = ask(github, "GET", f"{ISSUES}/3").body["updated_at"]

    assert [issue["number"] for issue in ask(github, "GET", f"{CHANGES}&since={third}").body] == [3, 4, 5]
    assert ask(github, "GET", f"{CHANGES}&since=yesterday").status == 422


def test_lists_hold_pull_requests_among_the_issues(github: Sandbox) -> None:
    github.seed(generate=3, pulls=2)
    rows = ask(github, "GET", CHANGES).body

    assert ["pull_request" in row for row in rows] == [False, False, False, True, True]


def test_state_labels_assignee_and_milestone_narrow_a_list(github: Sandbox) -> None:
    github.seed(
        milestones=[{"title": "v1"}],
        issues=[
            {"title": "a", "labels": ["bug", "api"], "assignees": ["bob"], "milestone": 1},
            {"title": "b", "labels": ["bug"], "state": "closed"},
            {"title": "c"},
        ],
    )

    def titles(query: str) -> list[str]:
        return [row["title"] for row in ask(github, "GET", f"{ISSUES}?direction=asc&{query}").body]

    assert titles("") == ["a", "c"]
    assert titles("state=closed") == ["b"]
    assert titles("state=all&labels=BUG") == ["a", "b"]
    assert titles("labels=bug,api") == ["a"]
    assert titles("labels=unknown") == []
    assert titles("assignee=bob") == ["a"]
    assert titles("assignee=none") == ["c"]
    assert titles("milestone=1") == ["a"]
    assert ask(github, "GET", f"{ISSUES}?milestone=7").status == 422
    assert ask(github, "GET", f"{ISSUES}?state=nope").status == 422


def test_an_unchanged_list_is_304_and_costs_nothing(github: Sandbox) -> None:
    github.seed(generate=3)
    first = ask(github, "GET", CHANGES)
    second = ask(github, "GET", CHANGES, if_none_match=first.headers["etag"])

    assert first.headers["etag"].startswith('W/"')
    assert (second.status, second.body) == (304, None)
    assert first.headers["x-ratelimit-remaining"] == second.headers["x-ratelimit-remaining"]
    assert (github.counts.requests, github.counts.not_modified) == (2, 1)


def test_an_etag_is_for_one_token_accept_header_and_query(github: Sandbox) -> None:
    github.seed(generate=1)
    tag = ask(github, "GET", CHANGES).headers["etag"]

    assert ask(github, "GET", CHANGES, if_none_match=tag, authorization="Bearer ghp_sandbox_alice").status == 200
    assert ask(github, "GET", CHANGES, if_none_match=tag, accept="application/json").status == 200
    assert ask(github, "GET", f"{CHANGES}&per_page=30", if_none_match=tag).status == 200
    github.call("PATCH", f"{ISSUES}/1", {"title": "other"})
    assert ask(github, "GET", CHANGES, if_none_match=tag).status == 200


def test_over_the_hourly_limit_every_answer_is_403_with_a_reset(github: Sandbox) -> None:
    github.set(rate_limit=2)
    first, second, third = (ask(github, "GET", "/user") for _ in range(3))

    assert [got.headers["x-ratelimit-remaining"] for got in (first, second, third)] == ["1", "0", "0"]
    assert third.status == 403
    assert int(third.headers["x-ratelimit-reset"]) > github.clock.now()
    assert ask(github, "GET", "/rate_limit").status == 200
    github.clock.advance(3600)
    assert ask(github, "GET", "/user").status == 200


def test_the_date_header_and_updated_at_follow_the_servers_clock(github: Sandbox) -> None:
    github.clock.freeze("2026-01-02T03:04:05Z")
    got = ask(github, "POST", ISSUES, {"title": "x"})

    assert got.headers["date"] == "Fri, 02 Jan 2026 03:04:05 GMT"
    assert got.body["updated_at"] == "2026-01-02T03:04:05Z"


def test_comments_of_the_repository_are_listed_by_change(github: Sandbox) -> None:
    github.seed(generate=2)
    for number in (1, 2, 1):
        github.clock.advance(60)
        ask(github, "POST", f"{ISSUES}/{number}/comments", {"body": f"on {number}"})
    rows = ask(github, "GET", f"{ISSUES}/comments?sort=updated&direction=asc").body
    late = ask(github, "GET", f"{ISSUES}/comments?sort=updated&direction=asc&since={rows[1]['updated_at']}").body

    assert [row["body"] for row in rows] == ["on 1", "on 2", "on 1"]
    assert [row["body"] for row in late] == ["on 2", "on 1"]
    assert ask(github, "GET", f"{ISSUES}/1").body["comments"] == 2
