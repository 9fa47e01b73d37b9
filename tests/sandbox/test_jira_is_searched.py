"""Searching the Jira sandbox: the strict JQL, pages by token and by offset, and an index that is late."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sandbox.jira_asking import done, fields, found, go, issue, made, said, search

from bridge.sandbox.server import Sandbox

NOON = 1_782_907_200_000  # 2026-07-01T12:00:00Z


@pytest.fixture(params=["jira", "jira-dc"])
def jira(request: pytest.FixtureRequest) -> Iterator[Sandbox]:
    with Sandbox(request.param) as box:
        yield box


@pytest.fixture
def cloud() -> Iterator[Sandbox]:
    with Sandbox("jira") as box:
        yield box


@pytest.fixture
def server() -> Iterator[Sandbox]:
    with Sandbox("jira-dc") as box:
        yield box


def three(box: Sandbox) -> None:
    """One issue at noon, one a minute and one two minutes later; now is an hour later."""
    box.clock.freeze("2026-07-01T12:00:00Z")
    for summary in ("first", "second", "third"):
        made(box, summary=summary)
        box.clock.advance(60)
    box.clock.freeze("2026-07-01T13:00:00Z")


@pytest.mark.parametrize(
    ("clause", "expected"),
    [
        (f"updated >= {NOON + 60_000}", ["second", "third"]),
        (f"updated > {NOON + 60_000}", ["third"]),
        (f"updated < {NOON + 1}", ["first"]),
        ("updated >= -59m", ["second", "third"]),
        ('updated >= "-1h"', ["first", "second", "third"]),
        ('updated >= "2026/07/01 14:01"', ["second", "third"]),  # in the bot's zone, Berlin
        ('updated >= "2026-07-01 14:02"', ["third"]),
        ('updated >= "2026-07-02"', []),
        ("key in (APP-1, APP-3)", ["first", "third"]),
        ('project = "Application" and not key = APP-2', ["first", "third"]),
        ("summary ~ second or key = app-3", ["second", "third"]),
        ("assignee is EMPTY and resolution is empty", ["first", "second", "third"]),
        ("creator = currentUser() and statusCategory != Done", ["first", "second", "third"]),
        ('status in ("To Do", Done) and issuetype not in (Bug)', ["first", "second", "third"]),
        ("priority = Medium and labels is EMPTY and created <= now()", ["first", "second", "third"]),
        ("cf[10030] is EMPTY and duedate is EMPTY", ["first", "second", "third"]),
    ],
)
def test_a_clause_finds_what_it_says(jira: Sandbox, clause: str, expected: list[str]) -> None:
    three(jira)

    assert found(jira, f"project = APP AND ({clause}) ORDER BY updated ASC, id ASC") == expected


def test_a_literal_without_zone_is_read_in_the_zone_of_the_profile(jira: Sandbox) -> None:
    three(jira)
    jql = 'project = APP AND updated >= "2026-07-01 08:01" ORDER BY updated ASC'

    assert found(jira, jql, who="ann") == ["second", "third"]  # New York
    assert found(jira, jql, who="bridge-bot") == ["first", "second", "third"]  # Berlin: two hours before noon
    jira.act("zone", who="bridge-bot", zone="America/New_York")
    assert found(jira, jql, who="bridge-bot") == ["second", "third"]


@pytest.mark.parametrize(
    "jql",
    [
        "project = APP AND flavour = sweet",
        "project = NONE",
        "status = Sleeping",
        "project = APP AND updated >= yesterday",
        'project = APP AND updated >= "2026-07-01 12:00:30"',
        'project = APP AND updated >= "2026-07-01T12:00:00Z"',
        'project = APP AND updated >= "2026-07-01 12:00 UTC"',
        "project = APP AND",
        "project APP",
        "project = APP ORDER BY flavour",
        "project = APP labels = x",
        "(project = APP",
        "project > APP",
        "summary = x",
        "key = APP-999",
        "key in (APP-1, APP-999)",
        "project = membersOf(x)",
        "issue.property[org.sync].id = 1",
    ],
)
def test_jql_that_is_not_understood_is_400(jira: Sandbox, jql: str) -> None:
    made(jira)
    got = search(jira, jql)

    assert got.status == 400
    assert got.body["errorMessages"]


def test_the_doubtful_literals_are_settings() -> None:
    with Sandbox("jira", epoch_jql=False, utc_jql=True, missing_keys="ignore") as box:
        three(box)

        assert search(box, f"project = APP AND updated >= {NOON}").status == 400
        assert found(box, 'project = APP AND updated >= "2026-07-01 12:01 UTC" ORDER BY id') == ["second", "third"]
        assert found(box, "key in (APP-1, APP-999)") == ["first"]


def test_cloud_refuses_a_query_without_a_restriction_and_data_center_does_not(cloud: Sandbox, server: Sandbox) -> None:
    for box in (cloud, server):
        made(box)

    assert search(cloud, "ORDER BY updated").status == 400
    assert search(cloud, "").status == 400
    assert found(server, "ORDER BY updated") == ["x"]


def test_what_a_person_may_not_see_is_not_found(jira: Sandbox) -> None:
    made(jira)

    assert found(jira, "key = APP-1", who="reader") == ["x"]
    assert search(jira, "project = APP", who="outsider").status == 400
    assert search(jira, "key = APP-1", who="outsider").status == 400


def test_cloud_pages_by_token_until_the_last_without_a_total(cloud: Sandbox) -> None:
    cloud.seed(generate=230)
    seen, token, sizes = [], {}, []
    while True:
        got = search(cloud, "project = APP ORDER BY id", maxResults=1000, **token).body
        seen += [row["key"] for row in got["issues"]]
        sizes.append(len(got["issues"]))
        if got["isLast"]:
            break
        token = {"nextPageToken": got["nextPageToken"]}

    assert (sizes, seen) == ([100, 100, 30], [f"APP-{number}" for number in range(1, 231)])
    assert "total" not in got
    assert "nextPageToken" not in got
    lean = said(cloud, "GET", "/search/jql", jql="project = APP", maxResults=1000)
    assert (len(lean.body["issues"]), list(lean.body["issues"][0])) == (230, ["id"])
    assert done(cloud, "POST", "/search/approximate-count", {"jql": "project = APP"}) == {"count": 230}


def test_a_token_belongs_to_its_query_and_expires(cloud: Sandbox) -> None:
    cloud.seed(generate=30)
    token = search(cloud, "project = APP", maxResults=10).body["nextPageToken"]

    assert search(cloud, "project = APP", maxResults=10, nextPageToken=token).status == 200
    assert search(cloud, "project = APP AND labels = x", nextPageToken=token).status == 400
    assert search(cloud, "project = APP", nextPageToken="b3RoZXI=").status == 400
    cloud.clock.advance(8 * 86_400)
    assert search(cloud, "project = APP", nextPageToken=token).status == 400


def test_a_token_can_come_for_ever() -> None:
    with Sandbox("jira", repeating_token=True) as box:
        box.seed(generate=30)
        token = search(box, "project = APP", maxResults=10).body["nextPageToken"]
        got = search(box, "project = APP", maxResults=10, nextPageToken=token).body

        assert (got["nextPageToken"], got["isLast"]) == (token, False)


def test_an_issue_that_moves_between_two_pages_is_met_again_and_none_is_skipped(cloud: Sandbox) -> None:
    cloud.seed(generate=6)
    jql = "project = APP ORDER BY updated ASC, id ASC"
    first = search(cloud, jql, maxResults=3).body
    done(cloud, "PUT", "/issue/APP-2", {"fields": {"summary": "moved"}})
    second = search(cloud, jql, maxResults=10, nextPageToken=first["nextPageToken"]).body

    assert [row["key"] for row in second["issues"]] == ["APP-4", "APP-5", "APP-6", "APP-2"]


def test_data_center_pages_by_offset_which_drifts(server: Sandbox) -> None:
    server.seed(generate=6)
    jql = "project = APP ORDER BY updated ASC"
    first = search(server, jql, maxResults=3, startAt=0).body
    done(server, "PUT", "/issue/APP-2", {"fields": {"summary": "moved"}})
    second = search(server, jql, maxResults=3, startAt=3).body

    assert (first["total"], first["startAt"], first["maxResults"]) == (6, 0, 3)
    assert [row["key"] for row in second["issues"]] == ["APP-5", "APP-6", "APP-2"]  # APP-4 was skipped
    assert search(server, jql, maxResults=5000).body["maxResults"] == 1000
    assert "description" in said(server, "GET", "/search", jql=jql).body["issues"][0]["fields"]


def test_data_center_searches_know_no_properties_unless_told() -> None:
    with Sandbox("jira-dc") as box:
        assert search(box, "project = APP", properties=["org.sync"]).status == 400
    with Sandbox("jira-dc", search_properties=True) as box:
        done(box, "POST", "/issue", fields() | {"properties": [{"key": "org.sync", "value": 1}]})
        got = search(box, "project = APP", properties=["org.sync"]).body["issues"][0]
        assert got["properties"] == {"org.sync": 1}


def test_cloud_gives_the_properties_asked_for_five_at_most(cloud: Sandbox) -> None:
    done(
        cloud, "POST", "/issue", fields() | {"properties": [{"key": "org.sync", "value": 1}, {"key": "b", "value": 2}]}
    )

    assert search(cloud, "project = APP", properties=["org.sync"]).body["issues"][0]["properties"] == {"org.sync": 1}
    assert search(cloud, "project = APP", properties=list("abcdef")).status == 400


def test_the_index_is_late_unless_an_id_is_reconciled_and_reading_one_issue_is_not(cloud: Sandbox) -> None:
    cloud.set(index_lag_s=30)
    old = made(cloud, summary="old")
    cloud.clock.advance(60)
    done(cloud, "PUT", f"/issue/{old}", {"fields": {"summary": "new"}})
    fresh = made(cloud, summary="fresh")
    jql = "project = APP ORDER BY id"

    assert found(cloud, jql) == ["old"]
    assert found(cloud, jql, reconcileIssues=[int(old)]) == ["new"]
    assert found(cloud, jql, reconcileIssues=[int(old), int(fresh)]) == ["new", "fresh"]
    assert issue(cloud, fresh)["summary"] == "fresh"
    assert search(cloud, jql, reconcileIssues=list(range(51))).status == 400
    cloud.clock.advance(31)
    assert found(cloud, jql) == ["new", "fresh"]


def test_a_deleted_issue_stays_in_a_late_index(cloud: Sandbox) -> None:
    number = made(cloud)
    cloud.clock.advance(60)
    cloud.set(index_lag_s=30)
    done(cloud, "DELETE", f"/issue/{number}")

    assert found(cloud, "project = APP") == ["x"]
    assert said(cloud, "GET", f"/issue/{number}").status == 404


def test_many_are_fetched_at_once_and_the_missing_are_told(cloud: Sandbox) -> None:
    one, other = made(cloud), made(cloud)
    got = done(cloud, "POST", "/issue/bulkfetch", {"issueIdsOrKeys": [other, "APP-1", "APP-77"], "fields": ["summary"]})

    assert [row["id"] for row in got["issues"]] == [one, other]
    assert [row["id"] for row in got["issueErrors"]] == ["APP-77"]
    assert said(cloud, "POST", "/issue/bulkfetch", {"issueIdsOrKeys": ["1"] * 101}).status == 400


def test_listings_can_be_cut_empty_or_stale(jira: Sandbox) -> None:
    jira.seed(generate=8)
    jql = "project = APP ORDER BY id"
    jira.fault("half_page", path="/search")
    cut = search(jira, jql).body
    jira.fault("empty_listing", path="/search")
    empty = search(jira, jql).body
    done(jira, "PUT", "/issue/APP-1", {"fields": {"summary": "new"}})
    jira.fault("stale", path="/search", changes=1)

    assert (len(cut["issues"]), len(empty["issues"])) == (4, 0)
    assert cut.get("isLast", True) is True
    assert cut.get("total", 4) == 4
    assert found(jira, jql)[0] != "new"
    assert found(jira, jql)[0] == "new"


def test_lists_inside_an_issue_are_cut_and_tell_how_many_there_are(jira: Sandbox) -> None:
    number = made(jira)
    for _ in range(23):
        done(jira, "POST", f"/issue/{number}/worklog", {"timeSpentSeconds": 60})
    inside = issue(jira, number, fields="worklog")["worklog"]

    assert (len(inside["worklogs"]), inside["total"]) == (20, 23)
    assert len(done(jira, "GET", f"/issue/{number}/worklog")["worklogs"]) == 23


def test_the_changelog_says_who_changed_what(cloud: Sandbox) -> None:
    number = made(cloud)
    done(cloud, "PUT", f"/issue/{number}", {"fields": {"summary": "y"}}, who="ann")
    go(cloud, number, "Start")
    rows = done(cloud, "GET", f"/issue/{number}/changelog")["values"]

    assert [(row["author"]["displayName"], row["items"][0]["field"]) for row in rows] == [
        ("Ann Archer", "summary"),
        ("Bridge", "status"),
    ]
    assert rows[0]["items"][0]["toString"] == "y"
