"""Worklogs, their feeds and comments of the Jira sandbox, in both dialects."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from sandbox.jira_asking import done, issue, made, said, text

from bridge.sandbox.server import Sandbox

STARTED = "2026-01-02T03:04:05.000+0000"


@pytest.fixture(params=["jira", "jira-dc"])
def jira(request: pytest.FixtureRequest) -> Iterator[Sandbox]:
    with Sandbox(request.param) as box:
        yield box


def logged(
    box: Sandbox, number: str, *, who: str = "bridge-bot", query: dict[str, str] | None = None, **body: Any
) -> Any:
    body = {"started": STARTED, "timeSpentSeconds": 3600} | body
    return done(box, "POST", f"/issue/{number}/worklog", body, who=who, **(query or {}))


def estimates(box: Sandbox, number: str) -> tuple[int | None, int | None, int | None]:
    got = issue(box, number)
    return got["timeoriginalestimate"], got["timeestimate"], got["timespent"]


@pytest.mark.parametrize(
    "started",
    ["2026-01-02T03:04:05Z", "2026-01-02T03:04:05.000Z", "2026-01-02T03:04:05.000+00:00", "2026-01-02T03:04:05+0000"],
)
def test_started_needs_milliseconds_and_an_offset_without_colon(jira: Sandbox, started: str) -> None:
    got = said(jira, "POST", f"/issue/{made(jira)}/worklog", {"started": started, "timeSpent": "1h"})

    assert got.status == (400 if jira.tracker.is_cloud else 500)


@pytest.mark.parametrize(
    "members",
    [
        {},
        {"timeSpent": "1h", "timeSpentSeconds": 3600},
        {"timeSpentSeconds": 0},
        {"timeSpentSeconds": 59},
        {"timeSpentSeconds": -60},
        {"timeSpentSeconds": "3600"},
        {"timeSpent": "a while"},
        {"timeSpent": "1h", "author": {"name": "ann"}},
    ],
)
def test_a_bad_worklog_is_400(jira: Sandbox, members: dict[str, Any]) -> None:
    number = made(jira)

    assert said(jira, "POST", f"/issue/{number}/worklog", {"started": STARTED} | members).status == 400


def test_time_is_kept_in_whole_minutes_and_belongs_to_the_caller(jira: Sandbox) -> None:
    number = made(jira)
    properties = [{"key": "org.sync", "value": {"id": 7}}]
    got = logged(jira, number, timeSpentSeconds=3719, comment=text(jira, "work"), properties=properties)
    again = done(jira, "GET", f"/issue/{number}/worklog/{got['id']}", expand="properties", who="ann")

    assert (got["timeSpentSeconds"], got["timeSpent"], got["issueId"]) == (3660, "1h 1m", number)
    assert (got["author"]["displayName"], got["comment"]) == ("Bridge", text(jira, "work"))
    assert (got["started"], again["started"]) == ("2026-01-02T04:04:05.000+0100", "2026-01-01T22:04:05.000-0500")
    assert again["properties"] == properties
    assert logged(jira, number, timeSpentSeconds=None, timeSpent="1w 2d 3h 30m")["timeSpentSeconds"] == 214_200


def test_the_remaining_estimate_follows_unless_told_to_stay(jira: Sandbox) -> None:
    number = made(jira, timetracking={"originalEstimate": "4h"})
    seen = [estimates(jira, number)]
    for query in (
        {},
        {"adjustEstimate": "leave"},
        {"adjustEstimate": "new", "newEstimate": "10h"},
        {"adjustEstimate": "manual", "reduceBy": "30m"},
    ):
        last = logged(jira, number, query=query)
        seen.append(estimates(jira, number))
    done(jira, "DELETE", f"/issue/{number}/worklog/{last['id']}")

    assert seen == [
        (14_400, 14_400, None),
        (14_400, 10_800, 3600),
        (14_400, 10_800, 7200),
        (14_400, 36_000, 10_800),
        (14_400, 34_200, 14_400),
    ]
    assert estimates(jira, number) == (14_400, 37_800, 10_800)
    for query in ({"adjustEstimate": "new"}, {"adjustEstimate": "manual"}, {"adjustEstimate": "none"}):
        assert said(jira, "POST", f"/issue/{number}/worklog", {"timeSpent": "1h"}, **query).status == 400


def test_anothers_worklog_takes_the_right_to_all(jira: Sandbox) -> None:
    number = made(jira)
    path = f"/issue/{number}/worklog/{logged(jira, number)['id']}"

    assert said(jira, "PUT", path, {"timeSpent": "2h"}, who="bob").status == 400
    assert said(jira, "PUT", path, {"timeSpent": "2h"}, who="ann").body["timeSpentSeconds"] == 7200
    assert said(jira, "DELETE", path, who="bob").status == 400
    assert said(jira, "DELETE", path).status == 204
    assert said(jira, "GET", path).status == 404


def test_a_worklog_moves_the_issue_and_time_tracking_can_be_off(jira: Sandbox) -> None:
    number = made(jira)
    before = issue(jira, number)["updated"]
    jira.clock.advance(60)
    entry = logged(jira, number)
    after = issue(jira, number)["updated"]
    jira.set(deletion_touches=False)
    jira.clock.advance(60)
    done(jira, "DELETE", f"/issue/{number}/worklog/{entry['id']}")

    assert before != after == issue(jira, number)["updated"]
    jira.set(time_tracking=False)
    assert said(jira, "POST", f"/issue/{number}/worklog", {"timeSpent": "1h"}).status == 400
    assert done(jira, "GET", "/configuration")["timeTrackingEnabled"] is False


def test_the_feeds_hold_the_last_minute_back(jira: Sandbox) -> None:
    jira.clock.freeze("2026-07-01T12:00:00Z")
    number = made(jira)
    one, other = logged(jira, number)["id"], logged(jira, number)["id"]
    assert done(jira, "GET", "/worklog/updated", since=0)["values"] == []
    jira.clock.advance(61)
    done(jira, "PUT", f"/issue/{number}/worklog/{one}", {"timeSpent": "2h"})
    done(jira, "DELETE", f"/issue/{number}/worklog/{other}")
    early = done(jira, "GET", "/worklog/updated", since=0)
    jira.clock.advance(61)
    late = done(jira, "GET", "/worklog/updated", since=early["until"])
    gone = done(jira, "GET", "/worklog/deleted", since=early["until"])

    assert (early["values"], early["lastPage"]) == ([], True)
    assert [row["worklogId"] for row in late["values"]] == [int(one)]
    assert (late["until"], late["lastPage"]) == (late["values"][0]["updatedTime"], True)
    assert [row["worklogId"] for row in gone["values"]] == [int(other)]
    assert done(jira, "GET", "/worklog/updated", since=late["until"] + 1)["values"] == []


def test_the_feed_has_pages_oldest_first() -> None:
    with Sandbox("jira", worklog_hold_s=0, worklog_page=2) as box:
        number = made(box)
        ids = []
        for _ in range(3):
            ids.append(int(logged(box, number)["id"]))
            box.clock.advance(1)
        first = done(box, "GET", "/worklog/updated", since=0)
        second = done(box, "GET", "/worklog/updated", since=first["until"])

        assert ([row["worklogId"] for row in first["values"]], first["lastPage"]) == (ids[:2], False)
        assert first["nextPage"].endswith(f"/worklog/updated?since={first['until']}")
        assert ([row["worklogId"] for row in second["values"]], second["lastPage"]) == (ids[1:], True)


def test_entries_are_fetched_by_id_and_what_is_not_to_be_seen_is_missing(jira: Sandbox) -> None:
    here, there = made(jira), made(jira, project={"key": "OPS"})
    ids = [int(logged(jira, number)["id"]) for number in (here, there)]
    jira.act("revoke", who="bob", right="*", project="OPS")

    assert [row["issueId"] for row in done(jira, "POST", "/worklog/list", {"ids": [*ids, 1]})] == [here, there]
    assert [row["issueId"] for row in done(jira, "POST", "/worklog/list", {"ids": ids}, who="bob")] == [here]
    assert said(jira, "POST", "/worklog/list", {"ids": list(range(1001))}).status == 400


def test_comments_are_added_changed_ordered_and_deleted(jira: Sandbox) -> None:
    number = made(jira)
    before = issue(jira, number)["updated"]
    jira.clock.advance(60)
    path = f"/issue/{number}/comment"
    first = done(
        jira, "POST", path, {"body": text(jira, "one"), "properties": [{"key": "org.sync", "value": {"id": 1}}]}
    )
    second = done(jira, "POST", path, {"body": text(jira, "two")}, who="bob")
    changed = done(jira, "PUT", f"{path}/{first['id']}", {"body": text(jira, "three")}, who="ann")
    page = done(jira, "GET", path, orderBy="-created", maxResults=1, expand="properties")
    kept = done(jira, "GET", path, startAt=0, expand="properties")["comments"][0]

    assert issue(jira, number)["updated"] != before
    assert (page["total"], [row["id"] for row in page["comments"]]) == (2, [second["id"]])
    assert (changed["author"]["displayName"], changed["updateAuthor"]["displayName"]) == ("Bridge", "Ann Archer")
    assert (kept["body"], kept["properties"]) == (text(jira, "three"), [{"key": "org.sync", "value": {"id": 1}}])
    assert said(jira, "PUT", f"{path}/{first['id']}", {"body": text(jira, "no")}, who="bob").status in (400, 403)
    assert said(jira, "DELETE", f"{path}/{first['id']}").status == 204
    assert said(jira, "GET", f"{path}/{first['id']}").status == 404


def test_an_empty_comment_or_one_in_the_other_dialect_is_400(jira: Sandbox) -> None:
    path = f"/issue/{made(jira)}/comment"
    other = "words" if jira.tracker.is_cloud else {"type": "doc", "version": 1, "content": []}

    for body in ({"body": text(jira, "")}, {"body": other}, {}, {"body": text(jira, "x"), "text": "x"}):
        assert said(jira, "POST", path, body).status == 400
    assert said(jira, "POST", path, {"body": text(jira, "x")}, who="reader").status == 403


def test_a_restricted_comment_is_seen_only_by_those_meant(jira: Sandbox) -> None:
    number = made(jira)
    path = f"/issue/{number}/comment"
    role = {"type": "role", "value": "Administrators"}
    hidden = done(jira, "POST", path, {"body": text(jira, "x"), "visibility": role}, who="ann")

    assert hidden["visibility"] == role
    assert said(jira, "POST", path, {"body": text(jira, "x"), "visibility": role}).status == 400
    assert done(jira, "GET", path)["total"] == 0
    assert said(jira, "GET", f"{path}/{hidden['id']}").status == 404
    assert done(jira, "GET", path, who="ann")["total"] == 1


def test_an_internal_comment_of_a_service_project_says_so(jira: Sandbox) -> None:
    number = made(jira, project={"key": "DESK"})
    path = f"/issue/{number}/comment"
    internal = [{"key": "sd.public.comment", "value": {"internal": True}}]
    shown = [
        done(jira, "POST", path, body)["jsdPublic"]
        for body in ({"body": text(jira, "x")}, {"body": text(jira, "x"), "properties": internal})
    ]

    assert shown == [True, False]


def test_a_comments_properties_move_nothing(jira: Sandbox) -> None:
    number = made(jira)
    comment = done(jira, "POST", f"/issue/{number}/comment", {"body": text(jira, "x")})["id"]
    before = issue(jira, number)["updated"]
    jira.clock.advance(60)

    assert said(jira, "PUT", f"/comment/{comment}/properties/org.sync", {"id": 1}).status == 201
    assert done(jira, "GET", f"/comment/{comment}/properties/org.sync")["value"] == {"id": 1}
    assert issue(jira, number)["updated"] == before


def test_cloud_fetches_comments_by_id() -> None:
    with Sandbox("jira") as box:
        path = f"/issue/{made(box)}/comment"
        ids = [int(done(box, "POST", path, {"body": text(box, word)})["id"]) for word in ("a", "b")]

        assert [row["id"] for row in done(box, "POST", "/comment/list", {"ids": [*ids, 5]})["values"]] == list(
            map(str, ids)
        )
        assert said(box, "POST", "/comment/list", {"ids": []}).status == 400
