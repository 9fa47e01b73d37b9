"""Comments and worklogs of Jira through the connector, against the sandbox over a socket, in both dialects."""

from __future__ import annotations

import pytest
from jira_site import DIALECTS, MARKER, records, site

from bridge.errors import GoneError, PermissionError_, RejectedError, UnknownOutcome
from bridge.model import Marker

both = pytest.mark.parametrize("dialect", DIALECTS)
NOW = {"worklog_hold_s": 0}


def entry(**fields):
    return {"spent_on": "2026-11-20", "seconds": 5400, "note": None, **fields}


@both
async def test_comments_are_listed_with_their_issue_and_author(dialect: str) -> None:
    async with site(dialect) as there:
        [one, two] = there.seed({}, {})
        said = there.ask("POST", f"issue/{one}/comment", {"body": there.text("Hello")}, who="bob")
        there.ask("POST", f"issue/{two}/comment", {"body": there.text("There")}, who="ann")

        pages = await there.pages("comment")

        found = {record.ref.id: record for record in records(pages)}
        first = found[f"{one}/{said['id']}"]
        assert first.fields["task"] == one
        assert first.fields["body"] == there.value("Hello")
        assert first.fields["author"] == there.person("bob")
        assert len(found) == 2
        assert pages[-1].complete


@both
async def test_quiet_comments_cost_one_request_and_changes_are_found(dialect: str) -> None:
    async with site(dialect) as there:
        [one, _] = there.seed({}, {})
        said = there.ask("POST", f"issue/{one}/comment", {"body": there.text("Hello")})
        cursor = (await there.pages("comment"))[-1].cursor
        cursor = (await there.pages("comment", cursor))[-1].cursor
        there.counted()

        [quiet] = await there.pages("comment", cursor)
        assert (quiet.quiet, there.counted()) == (True, 1)

        there.ask("PUT", f"issue/{one}/comment/{said['id']}", {"body": there.text("Edited")})
        new = there.ask("POST", f"issue/{one}/comment", {"body": there.text("More")})
        pages = await there.pages("comment", quiet.cursor)
        assert {record.ref.id: record.fields["body"] for record in records(pages)} == {
            f"{one}/{said['id']}": there.value("Edited"),
            f"{one}/{new['id']}": there.value("More"),
        }

        there.ask("DELETE", f"issue/{one}/comment/{said['id']}")
        [page] = await there.pages("comment", pages[-1].cursor)
        assert (page.gone, page.records) == ((f"{one}/{said['id']}",), ())
        with pytest.raises(GoneError):
            await there.fetch(f"{one}/{said['id']}", "comment")


@both
async def test_where_searches_hide_the_comments_each_issue_is_asked_for_its_own(dialect: str) -> None:
    async with site(dialect) as there:
        [one] = there.seed({})
        said = there.ask("POST", f"issue/{one}/comment", {"body": there.text("Hello")})
        cursor = (await there.pages("comment"))[-1].cursor
        there.box.set(hidden="comment")
        there.ask("PUT", f"issue/{one}", {"fields": {"summary": "Renamed"}})

        [page] = await there.pages("comment", cursor)
        assert page.gone == ()
        assert [record.ref.id for record in records(await there.pages("comment"))] == [f"{one}/{said['id']}"]


@both
async def test_where_searches_hide_the_work_each_issue_is_asked_for_its_own(dialect: str) -> None:
    async with site(dialect, **NOW) as there:
        [one] = there.seed({})
        body = {"started": "2026-11-20T09:00:00.000+0000", "timeSpentSeconds": 60}
        said = there.ask("POST", f"issue/{one}/worklog", body)
        there.box.set(hidden="worklog")

        assert [record.ref.id for record in records(await there.pages("time_entry"))] == [f"{one}/{said['id']}"]


@both
async def test_restricted_comments_are_never_shown(dialect: str) -> None:
    async with site(dialect) as there:
        [one] = there.seed({})
        secret = {"type": "group", "value": "Developers"}
        said = there.ask("POST", f"issue/{one}/comment", {"body": there.text("Inside"), "visibility": secret})

        assert records(await there.pages("comment")) == []
        with pytest.raises(PermissionError_):
            await there.fetch(f"{one}/{said['id']}", "comment")


@both
async def test_internal_comments_of_a_service_project_are_never_shown(dialect: str) -> None:
    async with site(dialect) as there:
        [one] = there.seed({}, project="DESK")
        internal = [{"key": "sd.public.comment", "value": {"internal": True}}]
        there.ask("POST", f"issue/{one}/comment", {"body": there.text("Inside"), "properties": internal})
        there.ask("POST", f"issue/{one}/comment", {"body": there.text("Outside")})

        pages = [
            page async for page in there.jira.pull("DESK", "comment", None, fields=frozenset({"body"}), sweep=False)
        ]

        assert [record.fields["body"] for record in records(pages)] == [there.value("Outside")]


@both
async def test_a_comment_is_made_changed_and_deleted_in_one_request_each(dialect: str) -> None:
    async with site(dialect) as there:
        [one] = there.seed({})

        made = await there.create({"task": one, "body": there.value("Hello")}, "comment")
        assert (made.marker, there.counted()) == (MARKER, 1)
        assert (await there.fetch(made.ref.id, "comment")).fields == made.fields
        there.counted()
        changed = await there.update(made, {"body": there.value("Changed")})
        assert (changed.fields["body"], changed.marker, there.counted()) == (there.value("Changed"), MARKER, 1)
        await there.jira.delete(made.ref)
        assert there.counted() == 1
        with pytest.raises(GoneError):
            await there.jira.delete(made.ref)


@both
async def test_our_own_comments_are_listed_with_their_marker(dialect: str) -> None:
    async with site(dialect) as there:
        [one] = there.seed({})
        made = await there.create({"task": one, "body": there.value("Hello")}, "comment")

        [listed] = records(await there.pages("comment"))

        assert (listed.ref, listed.marker, listed.version) == (made.ref, MARKER, made.version)


@both
async def test_a_comment_without_an_answer_is_found_by_its_marker(dialect: str) -> None:
    async with site(dialect) as there:
        [one] = there.seed({})
        cursor = (await there.pages("comment"))[-1].cursor
        there.box.fault("lost_reply", method="POST", path=f"/issue/{one}/comment")
        with pytest.raises(UnknownOutcome):
            await there.create({"task": one, "body": there.value("Hello")}, "comment")

        found = await there.jira.find("APP", "comment", {MARKER, Marker("x", "y")}, cursor)

        assert [record.fields["body"] for record in found.values()] == [there.value("Hello")]


@both
async def test_a_long_thread_is_read_to_its_end(dialect: str) -> None:
    async with site(dialect, inline_comments=2) as there:
        [one] = there.seed({})
        for number in range(5):
            there.ask("POST", f"issue/{one}/comment", {"body": there.text(f"No {number}")})

        pages = await there.pages("comment")
        assert len(records(pages)) == 5
        [quiet] = await there.pages("comment", (await there.pages("comment", pages[-1].cursor))[-1].cursor)
        there.counted()
        [quiet] = await there.pages("comment", quiet.cursor)
        assert (quiet.quiet, there.counted()) == (True, 1)


@both
async def test_bridge_asks_and_reads_answers_but_its_questions_are_no_records(dialect: str) -> None:
    async with site(dialect) as there:
        [one] = there.seed({})
        comments = there.jira.comments
        assert comments is not None
        asked = await comments.post(there.ref(one), "Which one?\n\nbridge: take left", key="q1")
        there.ask("POST", f"issue/{one}/comment", {"body": there.text("bridge: take right")}, who="bob")

        read = await comments.read(there.ref(one))

        assert [(one.key, one.text) for one in read] == [
            ("q1", "Which one?\n\nbridge: take left"),
            (None, "bridge: take right"),
        ]
        assert read[1].author == there.person("bob")
        assert (await comments.read(there.ref(one), since=read[1].created_at))[-1].id == read[1].id
        assert asked.id == read[0].id
        assert [record.fields["body"] for record in records(await there.pages("comment"))] == [
            there.value("bridge: take right")
        ]


@both
async def test_time_is_logged_changed_and_deleted_in_one_request_each(dialect: str) -> None:
    async with site(dialect, {"timezone": "Europe/Berlin"}, **NOW) as there:
        [one] = there.seed({"remaining": 7200})

        made = await there.create(entry(task=one, note=there.value("Work")), "time_entry")
        assert there.counted() == 1
        assert made.fields == {
            "task": one,
            "person": there.person("bridge-bot"),
            "author_name": "Bridge",
            "spent_on": "2026-11-20",
            "started_at": "2026-11-20T08:00:00Z",
            "seconds": 5400,
            "note": there.value("Work"),
        }
        assert (await there.fetch(made.ref.id, "time_entry")).fields == made.fields
        there.counted()

        moved = await there.update(made, {"spent_on": "2026-11-18", "seconds": 90})
        assert there.counted() == 1
        assert (moved.fields["started_at"], moved.fields["seconds"]) == ("2026-11-18T08:00:00Z", 120)
        assert (moved.fields["note"], moved.marker) == (there.value("Work"), MARKER)
        assert there.ask("GET", f"issue/{one}")["fields"]["timeestimate"] == 7200

        await there.jira.delete(made.ref)
        assert there.counted() == 1
        with pytest.raises(GoneError):
            await there.fetch(made.ref.id, "time_entry")


@both
async def test_too_short_a_time_is_refused(dialect: str) -> None:
    async with site(dialect) as there:
        [one] = there.seed({})

        with pytest.raises(RejectedError) as caught:
            await there.create(entry(task=one, seconds=20), "time_entry")

        assert caught.value.field == "seconds"
        assert there.counted() == 0


@both
async def test_quiet_time_costs_one_request_and_changes_are_found(dialect: str) -> None:
    async with site(dialect, **NOW) as there:
        [one] = there.seed({})
        [elsewhere] = there.seed({}, project="OPS")
        log = {"started": "2026-11-20T09:00:00.000+0000", "timeSpentSeconds": 3600}
        first = there.ask("POST", f"issue/{one}/worklog", log, who="bob")
        there.ask("POST", f"issue/{elsewhere}/worklog", log, who="bob")
        pages = await there.pages("time_entry")
        [record] = records(pages)
        assert (record.ref.id, record.fields["person"]) == (f"{one}/{first['id']}", there.person("bob"))
        assert pages[-1].complete
        page = (await there.pages("time_entry", pages[-1].cursor))[-1]
        page = (await there.pages("time_entry", page.cursor))[-1]
        there.counted()

        [quiet] = await there.pages("time_entry", page.cursor)
        assert (quiet.quiet, there.counted()) == (True, 1)

        there.ask("PUT", f"issue/{one}/worklog/{first['id']}", {"timeSpentSeconds": 7200}, who="bob")
        second = there.ask("POST", f"issue/{one}/worklog", log, who="ann")
        there.ask("POST", f"issue/{elsewhere}/worklog", log, who="bob")
        [page] = await there.pages("time_entry", quiet.cursor)
        assert {record.ref.id: record.fields["seconds"] for record in page.records} == {
            f"{one}/{first['id']}": 7200,
            f"{one}/{second['id']}": 3600,
        }

        there.ask("DELETE", f"issue/{one}/worklog/{first['id']}", who="bob")
        [page] = await there.pages("time_entry", page.cursor, sweep=True)
        assert page.gone == (f"{one}/{first['id']}",)
        [page] = await there.pages("time_entry", page.cursor, sweep=True)
        assert page.quiet


@both
async def test_more_than_twenty_worklogs_of_an_issue_are_all_listed(dialect: str) -> None:
    async with site(dialect) as there:
        [one] = there.seed({})
        log = {"started": "2026-11-20T09:00:00.000+0000", "timeSpentSeconds": 3600}
        for _ in range(22):
            there.ask("POST", f"issue/{one}/worklog", log)
        made = await there.create(entry(task=one), "time_entry")

        found = {record.ref: record for record in records(await there.pages("time_entry"))}

        assert len(found) == 23
        assert found[made.ref].marker == MARKER


@both
async def test_restricted_worklogs_are_never_shown(dialect: str) -> None:
    async with site(dialect, **NOW) as there:
        [one] = there.seed({})
        cursor = (await there.pages("time_entry"))[-1].cursor
        log = {"started": "2026-11-20T09:00:00.000+0000", "timeSpentSeconds": 3600}
        there.ask("POST", f"issue/{one}/worklog", {**log, "visibility": {"type": "group", "value": "Developers"}})

        assert records(await there.pages("time_entry")) == []
        assert records(await there.pages("time_entry", cursor)) == []


@both
async def test_time_without_an_answer_is_found_by_its_marker(dialect: str) -> None:
    async with site(dialect, **NOW) as there:
        [one] = there.seed({})
        cursor = (await there.pages("time_entry"))[-1].cursor
        there.box.fault("lost_reply", method="POST", path=f"/issue/{one}/worklog")
        with pytest.raises(UnknownOutcome):
            await there.create(entry(task=one), "time_entry")

        for since in (cursor, None):
            found = await there.jira.find("APP", "time_entry", {MARKER}, since)
            assert [record.fields["seconds"] for record in found.values()] == [5400]


async def test_time_of_an_issue_that_moved_away_is_not_listed() -> None:
    async with site(**NOW) as there:
        [one] = there.seed({})
        made = await there.create(entry(task=one), "time_entry")
        there.box.act("move", key="APP-1", to="OPS")

        with pytest.raises(GoneError):
            await there.fetch(made.ref.id, "time_entry")


async def test_time_tracking_that_is_turned_off_is_said() -> None:
    async with site(time_tracking=False) as there:
        found = await there.jira.check("APP", "time_entry", {"create"}, {})

        assert any(one.level == "error" and "Time tracking" in one.what for one in found)
