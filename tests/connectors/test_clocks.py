"""A tracker's clock that ran ahead and was put right hides no edit (S30)."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from artala_board import BOARD, Board, ids, pages, row
from github_script import LIST, Script, answer, issue, pulled

from bridge.model import Marker
from connectors.artala import Artala
from connectors.artala_config import ArtalaConfig
from connectors.clocks import earlier_start, skew_of
from connectors.pace import Retry
from connectors.status import Response

NOON = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
OVERLAP = timedelta(minutes=2)


def response(date=NOON, skew_s=0):
    return Response("GET", "https://t.example/x", 200, {}, b"", date=date, skew_s=skew_s)


def at(minutes):
    return NOON + timedelta(minutes=minutes)


@pytest.mark.parametrize(
    ("since", "skew_then", "skew_now", "start"),
    [
        (at(-2), 0, 0, None),
        (at(0), 0, 0, None),  # not in the future
        (at(-2), 3600, 3600, None),  # wrong all the time, which does no harm
        (at(-2), 0, 3600, None),  # put forward
        (at(-2), 3, -2, None),  # no more than looking twice
        (at(58), 0, 0, at(-2)),  # in the server's future
        (at(58), 3600, 0, at(-2)),  # the same, told by both signs
        (at(-1), 600, 0, at(-11)),  # put back by ten minutes a while ago
        (at(30), 7200, 0, at(-90)),
    ],
)
def test_a_listing_begins_where_the_clock_was_right(since, skew_then, skew_now, start):
    assert earlier_start(since, skew_then, response(skew_s=skew_now), OVERLAP) == start


def test_without_a_date_nothing_is_known():
    silent = response(date=None, skew_s=None)

    assert earlier_start(at(60), 0, silent, OVERLAP) is None
    assert skew_of(silent, 7) == 7


def test_a_skew_that_stays_about_the_same_leaves_a_cursor_as_it_is():
    assert [skew_of(response(skew_s=now), 100) for now in (95, 100, 105, 106, 0)] == [100, 100, 100, 106, 0]


# ------------------------------------------------------------------------------------------------ GitHub


def cursor(since, **more):
    return json.dumps({"v": 1, "since": since, "etag": None, **more})


def since(text):
    return f"{LIST}&since={text.replace(':', '%3A')}"


async def test_github_is_listed_from_before_a_cursor_that_lies_in_its_future():
    hidden = issue(2, updated_at="2026-11-21T08:59:30Z")
    ahead = issue(1, updated_at="2026-11-21T09:59:00Z")
    script = Script(
        ("GET", since("2026-11-21T09:58:00Z"), answer([ahead])),
        ("GET", since("2026-11-21T08:58:00Z"), answer([hidden, ahead])),
    )

    [page] = await pulled(script.github(), cursor("2026-11-21T09:58:00Z"))

    assert [record.ref.id for record in page.records] == ["2", "1"]
    assert json.loads(page.cursor)["since"] == "2026-11-21T08:58:00Z"
    assert script.left == []


async def test_github_is_listed_again_also_where_nothing_seems_to_have_changed():
    script = Script(
        ("GET", since("2026-11-21T09:58:00Z"), answer(status=304)),
        ("GET", since("2026-11-21T08:58:00Z"), answer([issue(2, updated_at="2026-11-21T08:59:30Z")])),
    )

    [page] = await pulled(script.github(), cursor("2026-11-21T09:58:00Z"))

    assert ([record.ref.id for record in page.records], page.quiet) == (["2"], False)


async def test_a_clock_that_was_put_back_by_little_is_noticed_by_its_skew():
    ahead = answer([issue(1, updated_at="2026-11-21T09:09:00Z")], date="Sat, 21 Nov 2026 09:10:00 GMT")
    script = Script(
        ("GET", LIST, ahead),
        ("GET", since("2026-11-21T09:08:00Z"), answer([], date="Sat, 21 Nov 2026 09:09:00 GMT")),
        ("GET", since("2026-11-21T09:07:00Z"), answer([issue(2, updated_at="2026-11-21T09:07:30Z")])),
    )
    github = script.github()

    [first] = await pulled(github)
    [second] = await pulled(github, first.cursor)

    assert json.loads(first.cursor)["skew"] == 600
    assert [record.ref.id for record in second.records] == ["2"]
    assert json.loads(second.cursor)["skew"] == 540
    assert script.left == []


async def test_a_marker_is_looked_for_from_before_a_cursor_in_the_future():
    born = issue(2, updated_at="2026-11-21T08:59:30Z", body="<!-- bridge:v1 artala a#b -->")
    script = Script(
        ("GET", since("2026-11-21T09:58:00Z"), answer([])),
        ("GET", since("2026-11-21T08:58:00Z"), answer([born])),
    )
    marker = Marker("artala", "a#b")

    found = await script.github().find("acme/app", "task", [marker], cursor("2026-11-21T09:58:00Z"))

    assert [record.ref.id for record in found.values()] == ["2"]


# ------------------------------------------------------------------------------------------------ Artala


class Clocked:
    """An Artala board with our clock standing still at noon; the server's is the board's ``date``."""

    def __init__(self, *rows):
        self.board = Board(feeds={"Tasks": list(rows)})
        retry = Retry(now=lambda: NOON)
        config = ArtalaConfig(token="tb_placeholder", requests_per_minute=0)
        self.artala = Artala("plan", config, transport=httpx.MockTransport(self.board._answer), retry=retry)

    def server_says(self, minutes):
        self.board.date = f"{at(minutes):%a, %d %b %Y %H:%M:%S GMT}"


@pytest.mark.parametrize("ahead", [7, 60, 14 * 60])
async def test_artala_hides_no_edit_after_its_clock_was_put_right(ahead):
    it = Clocked(row(1, f"{at(ahead - 1):%Y-%m-%dT%H:%M:%SZ}"))
    it.server_says(ahead)
    [first] = await pages(it.artala)
    it.server_says(0)
    it.board.feeds["Tasks"].append(row(2, f"{at(-1):%Y-%m-%dT%H:%M:%SZ}"))

    [second] = await pages(it.artala, first.cursor)
    [third] = await pages(it.artala, second.cursor)

    assert 2 in ids([second])
    assert third.quiet


async def test_artala_looks_for_many_markers_from_before_a_cursor_in_the_future():
    it = Clocked(row(1, f"{at(59):%Y-%m-%dT%H:%M:%SZ}"))
    it.server_says(60)
    [first] = await pages(it.artala)
    it.server_says(0)
    born = row(2, f"{at(0):%Y-%m-%dT%H:%M:%SZ}", ExternalSource="github", ExternalId="a#2")
    it.board.feeds["Tasks"].append(born)
    wanted = [Marker("github", f"a#{number}") for number in range(5)]

    found = await it.artala.find(BOARD, "task", wanted, first.cursor)

    assert [marker.id for marker in found] == ["a#2"]
