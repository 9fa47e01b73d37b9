"""How Jira is searched: instants in JQL on sites that take them differently, pages that lie, indexes that lag."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from urllib.parse import parse_qs

import httpx
import pytest
from jira_site import DIALECTS, FIELDS, records, site
from starlette.responses import PlainTextResponse

from bridge.errors import AuthError, RateLimited, RetryableError
from bridge.model import Ref
from connectors.cursors import parsed, written
from connectors.jira import Jira
from connectors.jira_config import JiraConfig
from connectors.jira_feed import Cursor
from connectors.jira_search import Search
from connectors.pace import Retry

both = pytest.mark.parametrize("dialect", DIALECTS)


async def polled(there, times=1, cursor=None):
    pages = []
    for _ in range(times):
        pages = await there.pages(cursor=cursor)
        cursor = pages[-1].cursor
    return pages


@both
@pytest.mark.parametrize(("settings", "how"), [({}, "milliseconds"), ({"epoch_jql": False}, "relative")])
async def test_the_site_tells_how_it_takes_an_instant(dialect: str, settings, how: str) -> None:
    async with site(dialect, **settings) as there:
        [first, _] = there.seed({"updated": "2026-11-01T08:00:00Z"}, {"updated": "2026-11-01T09:00:00Z"})
        [page] = await polled(there, 2)

        assert parsed(Cursor, page.cursor).how == how
        there.ask("PUT", f"issue/{first}", {"fields": {"summary": "Renamed"}})
        assert [record.ref.id for record in records(await there.pages(cursor=page.cursor))] == [first]


def breaking(literals: str):
    """Middleware: searches with such an instant are answered with 500, as a server does that fails at reading it."""

    def wrap(app):
        async def asked(scope, receive, send):
            query = parse_qs(scope.get("query_string", b"").decode())
            if re.search(f"updated >= {literals}", "".join(query.get("jql", ()))):
                await PlainTextResponse("NumberFormatException", 500)(scope, receive, send)
            else:
                await app(scope, receive, send)

        return asked

    return wrap


async def test_a_data_center_that_breaks_on_epoch_milliseconds_is_asked_in_minutes() -> None:
    async with site("dc", wrap=breaking(r"\d{9}")) as there:
        [first, _] = there.seed({"updated": "2026-11-01T08:00:00Z"}, {"updated": "2026-11-01T09:00:00Z"})
        [page] = await polled(there, 2)

        assert parsed(Cursor, page.cursor).how == "relative"
        there.ask("PUT", f"issue/{first}", {"fields": {"summary": "Renamed"}})
        assert [record.ref.id for record in records(await there.pages(cursor=page.cursor))] == [first]


async def test_a_server_that_breaks_on_every_instant_teaches_nothing() -> None:
    async with site("dc", wrap=breaking(".")) as there:
        there.seed({"updated": "2026-11-01T08:00:00Z"})
        [page] = await polled(there)

        with pytest.raises(RetryableError):
            await there.pages(cursor=page.cursor)


@both
@pytest.mark.parametrize("zone", ["Asia/Kolkata", "America/New_York", "UTC"])
async def test_in_the_profiles_zone_no_change_is_missed(dialect: str, zone: str) -> None:
    async with site(dialect, {"updated_literal": "zone", "overlap_s": 0}, epoch_jql=False) as there:
        there.box.act("zone", who="bridge-bot", zone=zone)
        [first, second] = there.seed({"updated": "2026-11-01T08:00:00Z"}, {"updated": "2026-11-01T09:00:00Z"})
        [page] = await polled(there, 2)

        there.ask("PUT", f"issue/{first}", {"fields": {"summary": "Renamed"}})
        [page] = await there.pages(cursor=page.cursor)
        assert [record.ref.id for record in page.records] == [first]
        there.ask("PUT", f"issue/{second}", {"fields": {"summary": "Renamed too"}})
        assert second in [record.ref.id for record in records(await there.pages(cursor=page.cursor))]


async def test_in_the_hour_that_comes_twice_an_hour_more_is_read() -> None:
    async with site() as there:
        there.box.act("zone", who="bridge-bot", zone="Europe/Berlin")
        search = Search(there.jira._api)
        instants = [datetime(2026, 10, 25, hour, 30, tzinfo=UTC) for hour in (0, 1, 2)]

        literals = [await search.literal(round(at.timestamp() * 1000), "zone") for at in instants]

        assert literals == ['"2026-10-25 01:30"', '"2026-10-25 01:30"', '"2026-10-25 03:30"']


async def test_a_token_that_comes_twice_ends_the_walk_and_proves_nothing() -> None:
    async with site(config={"page_size": 2}, repeating_token=True) as there:
        there.box.seed(project="APP", generate=9)

        pages = await there.pages()

        assert pages[-1].last
        assert not pages[-1].complete


async def test_what_was_just_written_is_current_in_searches_though_the_index_lags() -> None:
    async with site(index_lag_s=3600) as there:
        [cursor] = [page.cursor for page in await there.pages()]
        made = await there.create({"title": "New"})

        assert [record.ref for record in records(await there.pages(cursor=cursor))] == [made.ref]


async def test_a_change_that_is_indexed_late_is_still_found() -> None:
    async with site(index_lag_s=100) as there:
        [first, second] = there.seed({"updated": "2026-11-01T08:00:00Z"}, {"updated": "2026-11-01T09:00:00Z"})
        there.box.clock.advance(200)
        [page] = await polled(there, 2)
        there.ask("PUT", f"issue/{first}", {"fields": {"summary": "Early"}})
        there.box.clock.advance(60)
        there.ask("PUT", f"issue/{second}", {"fields": {"summary": "Late"}})
        found = set()
        for _ in range(4):
            [page] = await there.pages(cursor=page.cursor)
            found |= {record.fields["title"] for record in page.records}
            there.box.clock.advance(60)

        assert found == {"Early", "Late"}


@pytest.mark.parametrize("count", [25, 40])
async def test_many_issues_of_one_instant_are_all_read(count: int) -> None:
    for dialect in DIALECTS:
        async with site(dialect, {"page_size": 7}) as there:
            there.seed(*({"updated": "2026-11-01T08:00:00Z"} for _ in range(count)))
            page = (await polled(there))[-1]
            assert page.complete

            pages = await there.pages(cursor=written(Cursor(since=0, how="milliseconds")))
            assert len({record.ref.id for record in records(pages)}) == count


async def test_data_center_goes_on_by_keyset_while_issues_move() -> None:
    async with site("dc", {"page_size": 4}) as there:
        ids = there.seed(*({"updated": f"2026-11-01T08:{minute:02d}:00Z"} for minute in range(20)))
        seen = set()
        pages = there.jira.pull("APP", "task", written(Cursor(since=0, how="milliseconds")), fields=FIELDS, sweep=False)
        moved = iter(ids)
        async for page in pages:
            seen |= {record.ref.id for record in page.records}
            if (next_ := next(moved, None)) and not page.last and len(seen) < 20:
                there.ask("PUT", f"issue/{next_}", {"fields": {"summary": "Moved"}})

        assert seen == set(ids)


@both
@pytest.mark.parametrize("fault", [{"kind": "rate_limited", "retry_after": 1}, {"kind": "status", "status": 503}])
async def test_a_refusal_that_passes_is_asked_again(dialect: str, fault) -> None:
    async with site(dialect) as there:
        there.seed({})
        there.box.fault(**fault)

        assert len(records(await there.pages())) == 1


@both
async def test_what_half_a_page_left_out_is_found_by_the_next_poll(dialect: str) -> None:
    async with site(dialect, {"overlap_s": 0}) as there:
        ids = there.seed(*({"updated": f"2026-11-01T08:{minute:02d}:00Z"} for minute in range(6)))
        there.box.fault("half_page", path="/search")
        pages = await there.pages()
        assert len(records(pages)) == 3

        pages = await there.pages(cursor=pages[-1].cursor)

        assert {record.ref.id for record in records(pages)} == set(ids[3:])
        assert (await there.fetch(ids[5])).ref.id == ids[5]


@both
async def test_an_empty_listing_is_no_evidence(dialect: str) -> None:
    async with site(dialect) as there:
        there.seed({})
        there.box.fault("empty_listing", path="/search")

        [page] = await there.pages()

        assert (page.records, page.complete) == ((), False)


async def test_bad_credentials_are_no_empty_project() -> None:
    async with site(config={"token": "wrong"}) as there:
        there.seed({})

        with pytest.raises(AuthError):
            await there.pages()


async def test_a_captcha_stops_the_connection() -> None:
    async with site() as there:
        there.box.act("captcha", who="bridge-bot")

        with pytest.raises(AuthError, match="CAPTCHA"):
            await there.pages()


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"x-ratelimit-reset": "2026-11-21T12:05Z"}, 300),
        ({"ratelimit-reason": "jira-quota-tenant-based"}, 3600),
        ({"retry-after": "7200"}, 7200),
        ({}, 30),
    ],
)
async def test_every_way_to_say_when_the_limit_ends_is_read(headers, seconds: int) -> None:
    now = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)

    def refuse(_request):
        return httpx.Response(429, headers={"date": "Sat, 21 Nov 2026 12:00:00 GMT", **headers}, json={})

    jira = Jira(
        "work",
        JiraConfig(base_url="https://acme.atlassian.net"),
        transport=httpx.MockTransport(refuse),
        retry=Retry(attempts=1, now=lambda: now),
    )
    with pytest.raises(RateLimited) as caught:
        await jira.fetch(Ref("work", "APP", "task", "1"), fields=FIELDS)
    await jira.aclose()
    assert (caught.value.until - now).total_seconds() == seconds


async def test_a_marker_that_cannot_be_read_is_asked_for_again_later() -> None:
    def login_page(app):
        async def asked(scope, receive, send):
            await (PlainTextResponse("<html>") if "/properties/" in scope["path"] else app)(scope, receive, send)

        return asked

    async with site("dc", wrap=login_page) as there:
        fields = {"project": {"key": "APP"}, "issuetype": {"name": "Task"}, "summary": "Ours"}
        there.ask("POST", "issue", {"fields": fields}, who="bridge-bot")

        with pytest.raises(RetryableError, match="a body that cannot be read"):
            await there.pages()
