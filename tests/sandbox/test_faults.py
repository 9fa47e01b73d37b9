"""The faults do what their names say, for as many requests as planned, and never to more."""

from __future__ import annotations

import http.client
from concurrent.futures import ThreadPoolExecutor

import pytest
from sandbox.asking import ask

from bridge.sandbox.server import Sandbox

ISSUES = "/repos/acme/app/issues"
CHANGES = f"{ISSUES}?state=all&sort=updated&direction=asc"


def test_a_status_fault_hits_the_next_matching_requests_only(github: Sandbox) -> None:
    github.fault("status", status=503, retry_after=7, method="POST", path="/issues$", times=2)
    seen = [ask(github, "POST", ISSUES, {"title": "x"}).status for _ in range(3)]

    assert seen == [503, 503, 201]
    assert len(github.log) == 1
    assert ask(github, "GET", ISSUES).status == 200


def test_a_fault_can_let_requests_through_first(github: Sandbox) -> None:
    github.fault("status", status=500, after=1)

    assert [ask(github, "GET", ISSUES).status for _ in range(3)] == [200, 500, 200]


def test_limits_and_lost_rights_speak_as_github_does(github: Sandbox) -> None:
    github.fault("rate_limited", seconds=90)
    github.fault("secondary_limited", retry_after=30)
    github.fault("permission_lost", status=403)
    github.fault("moved")
    primary, secondary, lost, moved = (ask(github, "GET", ISSUES) for _ in range(4))

    assert (primary.status, primary.headers["x-ratelimit-remaining"]) == (403, "0")
    assert (secondary.status, secondary.headers["retry-after"]) == (403, "30")
    assert "secondary rate limit" in secondary.body["message"]
    assert (lost.status, moved.status) == (403, 301)
    assert ask(github, "GET", moved.headers["location"].removeprefix(github.url)).status == 200


@pytest.mark.parametrize(("kind", "kept"), [("lost_reply", 1), ("cut_body", 1), ("reset", 0)])
def test_the_connection_ends_with_or_without_the_write(github: Sandbox, kind: str, kept: int) -> None:
    github.fault(kind, method="POST")
    with pytest.raises((http.client.HTTPException, ConnectionError)):
        ask(github, "POST", ISSUES, {"title": "x"})

    assert kept == len(github.log)
    assert kept == len(ask(github, "GET", ISSUES).body)


def test_an_accepted_write_can_answer_500(github: Sandbox) -> None:
    github.fault("accepted_error")

    assert ask(github, "POST", ISSUES, {"title": "x"}).status == 500
    assert len(github.log) == 1


@pytest.mark.parametrize(("kind", "kept"), [("hold", 0), ("hold_reply", 1)])
def test_a_held_request_waits_for_the_release(github: Sandbox, kind: str, kept: int) -> None:
    github.fault(kind, method="POST", path="/issues$")
    with ThreadPoolExecutor(1) as other:
        answer = other.submit(ask, github, "POST", ISSUES, {"title": "x"})
        while github.call("GET", "/_sandbox/held")[1] == {"held": 0}:
            pass
        assert kept == len(github.log)
        assert github.call("POST", "/_sandbox/release") == (200, {"released": 1})

        assert answer.result(timeout=60).status == 201


def test_a_stale_list_shows_the_past(github: Sandbox) -> None:
    github.seed(generate=2)
    github.call("PATCH", f"{ISSUES}/1", {"title": "new title"})
    github.call("POST", ISSUES, {"title": "third"})
    before = github.call("GET", CHANGES)[1]
    github.fault("stale", path="/issues$", changes=2)
    stale = github.call("GET", CHANGES)[1]

    assert [issue["number"] for issue in before] == [2, 1, 3]
    assert [issue["number"] for issue in stale] == [1, 2]
    assert stale[0]["title"] != "new title"
    assert len(github.call("GET", CHANGES)[1]) == 3


def test_lists_can_be_half_empty_or_all_empty(github: Sandbox) -> None:
    github.seed(generate=10)
    github.fault("half_page")
    github.fault("empty_listing", after=1)
    half, empty = ask(github, "GET", f"{CHANGES}&per_page=6"), ask(github, "GET", CHANGES)

    assert (len(half.body), empty.body) == (3, [])
    assert 'rel="next"' not in half.headers.get("link", "")


def test_normalised_writes_come_back_otherwise_than_sent(github: Sandbox) -> None:
    github.fault("normalise", times=2)
    made = ask(github, "POST", ISSUES, {"title": " x ", "body": "a\nb\n", "labels": ["bug", "enhancement"]})
    read = ask(github, "GET", f"{ISSUES}/1")

    assert (made.body["title"], made.body["body"]) == ("x", "a\r\nb")
    assert [label["name"] for label in read.body["labels"]] == ["enhancement", "bug"]


def test_faults_are_planned_and_cleared_over_the_control_endpoint(github: Sandbox) -> None:
    status, answer = github.call("POST", "/_sandbox/faults", [{"kind": "status", "status": 500, "times": -1}])
    assert (status, len(answer["planned"])) == (200, 1)
    assert [github.call("GET", ISSUES)[0] for _ in range(2)] == [500, 500]
    github.call("DELETE", "/_sandbox/faults")
    assert github.call("GET", ISSUES)[0] == 200


@pytest.mark.parametrize("wrong", [{"kind": "nope"}, {"kind": "status", "often": 2}, {"kind": "status", "path": "("}])
def test_a_wrong_fault_is_refused_with_the_names_there_are(github: Sandbox, wrong: dict[str, object]) -> None:
    status, answer = github.call("POST", "/_sandbox/faults", wrong)

    assert status == 400
    assert "ValueError" in answer["message"]


def test_the_artala_feed_lags_and_the_limit_answers_429(artala: Sandbox) -> None:
    artala.seed(generate=2)
    artala.call("POST", "/api/tasks", {"boardId": artala.running.container, "title": "third"})
    artala.fault("stale", path="/odata/", changes=1)
    artala.fault("rate_limited", path="/api/", retry_after=3)
    stale, now = (artala.call("GET", "/odata/Tasks?$orderby=UpdatedAt,Id")[1]["value"] for _ in range(2))

    assert (len(stale), len(now)) == (2, 3)
    assert artala.call("GET", "/api/boards")[0] == 429
