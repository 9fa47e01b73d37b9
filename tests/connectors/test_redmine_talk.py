"""Redmine's notes and time entries through the connector, against the sandbox over a socket."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from redmine_site import FIELDS, MARK, changed, connected, made, only, ref
from trackers.redmine import People

from bridge.errors import GoneError, NotFoundError, PermissionError_, RejectedError, UnknownOutcome
from bridge.model import Marker
from connectors.redmine import Redmine
from connectors.redmine_config import RedmineConfig

ENTRY = {"person": "bob@example.com", "spent_on": "2026-11-20", "seconds": 5400, "note": "words"}


@pytest.fixture
def people():
    with People() as here:
        yield here


async def test_notes_are_comments_and_private_ones_never_leave(people):
    item = people.create("One")
    comment = people.comment(item, "hello\nyou")
    people.box.call("PUT", f"/issues/{item}.json", {"issue": {"notes": "secret", "private_notes": True}}, who="ann")
    people.edit(item, title="Two")
    async with connected(people) as redmine:
        page = await only(redmine, kind="comment")
        [record] = page.records

        assert (record.ref.id, page.complete) == (comment, True)
        assert (record.fields["task"], record.fields["body"], record.fields["author"]) == (
            item,
            "hello\nyou",
            "ann@example.com",
        )
        assert await redmine.fetch(ref(comment, "comment"), fields=FIELDS) == record
        with pytest.raises(PermissionError_, match="private"):
            await redmine.fetch(ref(f"{item}/2", "comment"), fields=FIELDS)


async def test_a_quiet_project_costs_one_request_for_comments_too(people):
    item = people.create("One")
    people.comment(item, "hello")
    people.box.clock.advance(600)
    async with connected(people) as redmine:
        cursor = (await only(redmine, kind="comment")).cursor
        before = people.requests()
        page = await only(redmine, cursor, kind="comment")

        assert (page.quiet, page.cursor, people.requests() - before) == (True, cursor, 1)


async def test_two_notes_in_one_second_are_both_seen(people):
    people.box.clock.freeze("2026-11-20T10:00:00Z")
    item = people.create("One")
    people.comment(item, "first")
    async with connected(people) as redmine:
        cursor = (await only(redmine, kind="comment")).cursor
        people.comment(item, "second")

        bodies = [record.fields["body"] for record in (await only(redmine, cursor, kind="comment")).records]
        assert bodies == ["first", "second"]


async def test_edits_and_deletions_of_notes_are_found_by_a_sweep(people):
    item = people.create("One")
    edited, deleted = people.comment(item, "one"), people.comment(item, "two")
    people.box.clock.advance(600)
    async with connected(people) as redmine:
        cursor = (await only(redmine, kind="comment")).cursor
        people.edit_comment(item, edited, "another")
        people.delete_comment(item, deleted)
        assert (await only(redmine, cursor, kind="comment")).quiet
        page = await only(redmine, cursor, kind="comment", sweep=True)

        assert [record.fields["body"] for record in page.records] == ["another"]
        assert page.gone == (deleted,)
        with pytest.raises(GoneError):
            await redmine.fetch(ref(deleted, "comment"), fields=FIELDS)


async def test_a_sweep_goes_through_the_issues_in_turn(people):
    items = [people.create(str(number)) for number in range(3)]
    for item in items:
        people.comment(item, "one")
    people.box.clock.advance(600)
    async with connected(people, comments_per_sweep=1) as redmine:
        cursor, asked = (await only(redmine, kind="comment")).cursor, []
        for _ in range(4):
            people.box.tracker.journal.reset_counts()
            page = await only(redmine, cursor, kind="comment", sweep=True)
            cursor = page.cursor
            asked.append(people.requests())

    assert asked == [2, 2, 2, 2]
    assert '"turn":"1"' in cursor


async def test_a_comment_is_made_changed_and_deleted(people):
    item = people.create("One")
    async with connected(people) as redmine:
        await redmine.fetch(ref(item), fields=FIELDS)
        before = people.requests()
        record = await made(redmine, "comment", task=item, body="words")
        assert people.requests() - before == 3  # PUT, GET, and whose key it is
        record = await changed(redmine, record, body="other words")
        [(number, shown)] = people.comments(item).items()
        assert (number, shown["text"], shown["marker"]) == (record.ref.id, "other words", "github acme/app#12")
        assert (record.fields["body"], record.marker) == ("other words", MARK)
        await redmine.delete(record.ref)
        assert people.comments(item) == {}
        with pytest.raises(GoneError):
            await redmine.delete(record.ref)
        with pytest.raises(RejectedError, match="without words"):
            await changed(redmine, record, body=None)


async def test_a_comment_whose_answer_was_lost_is_found(people):
    item = people.create("One")
    async with connected(people) as redmine:
        cursor = (await only(redmine, kind="comment")).cursor
        people.box.fault("lost_reply", method="PUT", path="issues")
        with pytest.raises(UnknownOutcome):
            await made(redmine, "comment", task=item, body="words")

        assert (await redmine.find("acme", "comment", [MARK], cursor))[MARK].fields["body"] == "words"


async def test_an_administrator_writes_as_the_author(people):
    item = people.create("One")
    async with connected(people, switch_user=True) as redmine:
        await made(redmine, "comment", task=item, body="words", author="bob@example.com")
        entry = await made(redmine, "time_entry", task=item, **ENTRY)
        schema = await redmine.schema("acme", "comment", fields=frozenset())

    assert [row["author"] for row in people.comments(item).values()] == ["bob@example.com"]
    assert ([entry.author for entry in people.box.log][-2:], entry.fields["person"]) == (
        ["bob", "bob"],
        "bob@example.com",
    )
    assert schema.fields["author"].writable == "create"


async def test_what_bridge_asks_is_no_comment_and_is_read_with_its_key(people):
    item = people.create("One")
    async with connected(people) as redmine:
        asked = await redmine.comments.post(ref(item), "Which one?", key="k1")
        people.comment(item, "left")
        read = await redmine.comments.read(ref(item), datetime(2020, 1, 1, tzinfo=UTC))

        assert [(one.text, one.key, one.author) for one in read] == [
            ("Which one?", "k1", "bridge@example.com"),
            ("left", None, "ann@example.com"),
        ]
        assert read[0].id == asked.id
        assert [record.fields["body"] for record in (await only(redmine, kind="comment")).records] == ["left"]


async def test_time_is_read_in_hundredths_and_project_time_is_not(people):
    item = people.create("One")
    people.log_time(item, 1200, note="a")
    body = {"project_id": "acme", "hours": 1, "activity_id": 9}
    assert people.box.call("POST", "/time_entries.json", {"time_entry": body}, who="ann")[0] == 201
    async with connected(people) as redmine:
        [record] = (await only(redmine, kind="time_entry")).records
        schema = await redmine.schema("acme", "time_entry", fields=frozenset({"person"}))

        assert record.fields == {
            "task": item,
            "person": "ann@example.com",
            "spent_on": "2026-11-20",
            "seconds": 1188,
            "note": "a",
            "activity": "Development",
        }
        assert (schema.fields["seconds"].step, schema.fields["person"].writable) == (36, "always")
        with pytest.raises(NotFoundError):
            await redmine.fetch(ref("2", "time_entry"), fields=FIELDS)


async def test_time_is_made_changed_moved_and_deleted(people):
    one, two = people.create("One"), people.create("Two")
    async with connected(people) as redmine:
        record = await made(redmine, "time_entry", task=one, **ENTRY)
        before = people.requests()
        record = await changed(
            redmine, record, task=two, seconds=1800, spent_on="2026-11-19", note=None, person="ann@example.com"
        )
        assert people.requests() - before == 2  # PUT, GET
        [shown] = people.times().values()
        assert shown == {
            "task": two,
            "seconds": 1800,
            "on": "2026-11-19",
            "note": "",
            "person": "ann@example.com",
            "marker": "github acme/app#12",
        }
        assert (record.fields["task"], record.fields["note"], record.marker) == (two, None, MARK)
        await redmine.delete(record.ref)
        with pytest.raises(GoneError):
            await redmine.fetch(record.ref, fields=FIELDS)


async def test_without_the_field_the_markers_of_time_stand_in_the_note(people):
    people.box.act("field", id=3)
    item = people.create("One")
    async with connected(people) as redmine:
        record = await made(redmine, "time_entry", task=item, **ENTRY)
        record = await changed(redmine, record, note="others")
        found = await redmine.find("acme", "time_entry", [MARK, Marker("x", "y")], None)

        assert next(iter(people.times().values()))["note"] == "others [bridge:v1 github acme/app%2312]"
        assert (record.fields["note"], list(found)) == ("others", [MARK])


async def test_who_is_no_administrator_logs_only_own_time(people):
    item = people.create("One")
    async with connected(people, who="dev", people_by="login") as redmine:
        schema = await redmine.schema("acme", "time_entry", fields=frozenset({"person"}))
        with pytest.raises(RejectedError) as caught:
            await made(redmine, "time_entry", task=item, **{**ENTRY, "person": "bob"})

    assert (schema.fields["person"].writable, caught.value.field) == ("never", "person")


async def test_an_activity_that_is_not_there_is_refused_with_those_that_are(people):
    item = people.create("One")
    async with connected(people, activity="Nope") as redmine, connected(people, activity="") as bare:
        with pytest.raises(RejectedError, match="Design, Development"):
            await made(redmine, "time_entry", task=item, **ENTRY)
        with pytest.raises(RejectedError, match="Set activity") as caught:
            await made(bare, "time_entry", task=item, **ENTRY)
        people.box.act("default_activity")
        await made(bare, "time_entry", task=item, **ENTRY)

    assert caught.value.field == "activity"


async def test_quiet_time_costs_one_request_however_much_there_is(people):
    item = people.create("One")
    for number in range(7):
        people.log_time(item, 3600 + number * 36)
    async with connected(people, page_size=3) as redmine:
        full = await only(redmine, kind="time_entry")
        before = people.requests()
        quiet = await only(redmine, full.cursor, kind="time_entry")
        assert (len(full.records), full.complete, quiet.quiet, people.requests() - before) == (7, True, True, 1)
        people.edit_time("1", seconds=36)  # not among the newest three
        assert (await only(redmine, full.cursor, kind="time_entry")).quiet
        swept = await only(redmine, full.cursor, kind="time_entry", sweep=True)
        assert {record.ref.id: record.fields["seconds"] for record in swept.records}["1"] == 36


async def test_the_deletion_of_the_last_entry_is_told(people):
    item = people.create("One")
    entry = people.log_time(item, 3600)
    async with connected(people) as redmine:
        cursor = (await only(redmine, kind="time_entry")).cursor
        people.delete_time(entry)
        page = await only(redmine, cursor, kind="time_entry")

        assert (page.records, page.complete, page.gone) == ((), False, (entry,))


async def test_entries_before_the_first_day_are_left_alone(people):
    item = people.create("One")
    people.log_time(item, 3600, on="2025-12-31")
    people.log_time(item, 3600, on="2026-01-01")
    config = RedmineConfig(base_url=people.box.url, token=people.box.token(), time_from="2026-01-01")
    redmine = Redmine("rm", config)

    assert [record.fields["spent_on"] for record in (await only(redmine, kind="time_entry")).records] == ["2026-01-01"]
    await redmine.aclose()
