"""Webhooks and rate limits of the Jira sandbox."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable, Iterator

import pytest
from sandbox.asking import Post
from sandbox.jira_asking import done, fields, go, made, said, text

from bridge.sandbox.server import Sandbox

SECRET = "a secret of the tests"
Listener = tuple[str, Callable[[], Post]]


@pytest.fixture
def cloud() -> Iterator[Sandbox]:
    with Sandbox("jira") as box:
        yield box


@pytest.fixture
def server() -> Iterator[Sandbox]:
    with Sandbox("jira-dc") as box:
        yield box


def test_clouds_deliveries_are_signed_and_carry_texts_as_strings(cloud: Sandbox, listener: Listener) -> None:
    url, heard = listener
    cloud.call("POST", "/_sandbox/webhook", {"url": url, "secret": SECRET})
    number = made(cloud, description=text(cloud, "hello"))
    done(cloud, "PUT", f"/issue/{number}", {"fields": {"summary": "y"}}, who="ann")
    go(cloud, number, "Start")
    created, updated, moved = heard(), heard(), heard()

    expected = "sha256=" + hmac.new(SECRET.encode(), created.raw, hashlib.sha256).hexdigest()
    assert created.headers["x-hub-signature"] == expected
    assert "x-hub-signature-256" not in created.headers
    assert (created.body["webhookEvent"], created.body["issue"]["fields"]["description"]) == (
        "jira:issue_created",
        "hello",
    )
    assert (updated.body["webhookEvent"], updated.body["user"]["displayName"]) == ("jira:issue_updated", "Ann Archer")
    (item,) = updated.body["changelog"]["items"]
    assert (item["field"], item["fromString"], item["toString"]) == ("summary", "x", "y")
    assert moved.body["issue_event_type_name"] == "issue_generic"
    assert moved.headers["x-atlassian-webhook-identifier"] != updated.headers["x-atlassian-webhook-identifier"]
    assert (moved.headers["x-atlassian-webhook-retry"], moved.headers["x-atlassian-webhook-flow"]) == ("0", "Primary")


def test_comments_worklogs_links_and_deletions_have_events_of_their_own(cloud: Sandbox, listener: Listener) -> None:
    url, heard = listener
    one, other = made(cloud), made(cloud)
    events = ["comment_created", "worklog_created", "worklog_deleted", "issuelink_created", "jira:issue_deleted"]
    cloud.call("POST", "/_sandbox/webhook", {"url": url, "secret": "", "events": events})
    done(cloud, "POST", f"/issue/{one}/comment", {"body": text(cloud, "words")})
    entry = done(cloud, "POST", f"/issue/{one}/worklog", {"timeSpent": "1h"})["id"]
    done(cloud, "DELETE", f"/issue/{one}/worklog/{entry}")
    ends = {"inwardIssue": {"id": one}, "outwardIssue": {"id": other}}
    done(cloud, "POST", "/issueLink", {"type": {"name": "Blocks"}} | ends)
    done(cloud, "DELETE", f"/issue/{one}")
    posts = [heard() for _ in events]

    assert [post.body["webhookEvent"] for post in posts] == events
    assert "x-hub-signature" not in posts[0].headers  # no secret, no signature
    assert (posts[0].body["comment"]["body"], posts[0].body["issue"]["id"]) == ("words", one)
    assert (posts[1].body["worklog"]["issueId"], "issue" in posts[1].body) == (one, False)
    assert posts[3].body["issueLink"]["sourceIssueId"] == int(one)


def test_administrators_register_webhooks_and_data_center_signs_nothing(server: Sandbox, listener: Listener) -> None:
    url, heard = listener
    path = "/rest/jira-webhook/1.0/webhooks"
    hook = {"name": "ours", "url": url, "events": ["jira:issue_created"], "secret": SECRET}
    assert server.call("POST", path, hook)[0] == 403
    status, answer = server.call("POST", path, hook, who="ann")
    number = made(server, description="h1. wiki")
    post = heard()

    assert (status, "secret" in answer) == (201, False)
    assert (post.body["issue"]["id"], post.body["issue"]["fields"]["description"]) == (number, "h1. wiki")
    assert "x-hub-signature" not in post.headers
    place = answer["self"].removeprefix(server.url)
    assert server.call("DELETE", place, who="ann")[0] == 204
    assert server.call("GET", path, who="ann")[1] == []


def test_a_delivery_that_comes_twice_has_one_identifier(cloud: Sandbox, listener: Listener) -> None:
    url, heard = listener
    cloud.call("POST", "/_sandbox/webhook", {"url": url, "secret": SECRET, "mode": "twice"})
    made(cloud)
    one, other = heard(), heard()

    assert one.headers["x-atlassian-webhook-identifier"] == other.headers["x-atlassian-webhook-identifier"]


def test_writes_to_one_issue_are_limited_when_asked_to() -> None:
    with Sandbox("jira", issue_writes=20) as box:
        box.clock.freeze("2026-07-01T12:00:00Z")
        one, other = made(box), made(box)
        put = [said(box, "PUT", f"/issue/{one}", {"fields": {"summary": str(n)}}) for n in range(21)]

        assert [got.status for got in put] == [204] * 20 + [429]
        assert put[-1].headers["ratelimit-reason"] == "jira-per-issue-on-write"
        assert put[-1].headers["retry-after"] == "1"
        assert said(box, "PUT", f"/issue/{other}", {"fields": {"summary": "y"}}).status == 204
        box.clock.advance(2)
        assert said(box, "PUT", f"/issue/{one}", {"fields": {"summary": "y"}}).status == 204


def test_bursts_and_planned_limits_are_429_in_each_dialects_words(cloud: Sandbox, server: Sandbox) -> None:
    for box in (cloud, server):
        box.clock.freeze("2026-07-01T12:00:00Z")
        box.set(burst=2)
        assert [said(box, "GET", "/myself").status for _ in range(3)] == [200, 200, 429]
        box.set(burst=0)
        box.fault("rate_limited", retry_after=7)
        got = said(box, "GET", "/myself")
        assert (got.status, got.headers["retry-after"], got.headers["x-ratelimit-remaining"]) == (429, "7", "0")
        assert ("ratelimit-reason" in got.headers) is box.tracker.is_cloud
        assert ("x-ratelimit-fillrate" in got.headers) is not box.tracker.is_cloud
        box.fault("rate_limited")
        assert "retry-after" not in said(box, "GET", "/myself").headers


def test_a_lost_answer_leaves_the_issue_made(cloud: Sandbox) -> None:
    cloud.fault("lost_reply", method="POST", path="/issue$")
    with pytest.raises(OSError):
        said(cloud, "POST", "/issue", fields())

    assert cloud.tracker.store.find("APP-1") is not None
    assert [entry.author for entry in cloud.log] == ["bridge-bot"]


def test_another_can_write_between_two_requests(cloud: Sandbox) -> None:
    number = made(cloud)
    path = f"/rest/api/3/issue/{number}"
    deed = {"who": "ann", "method": "PUT", "path": path, "body": {"fields": {"summary": "hers"}}}
    cloud.fault("meanwhile", method="GET", path=path, deed=deed)

    assert done(cloud, "GET", f"/issue/{number}")["fields"]["summary"] == "hers"
    assert cloud.log[-1].author == "ann"


def test_a_server_that_rewrites_texts_does_so_inside_documents(cloud: Sandbox) -> None:
    cloud.fault("normalise", method="POST", path="/issue$", how="trailing entities")
    number = made(cloud, description=text(cloud, "a < b  "))

    stored = done(cloud, "GET", f"/issue/{number}")["fields"]["description"]
    assert stored["content"][0]["content"][0]["text"] == "a &lt; b"
