"""TimeTracker's comments and webhooks through the connector."""

from __future__ import annotations

import hashlib
import hmac
import json
from datetime import timedelta

import pytest
from timetracker_ground import MARK, Count, changed, connected, pulled, ref, written
from trackers.timetracker import People

from bridge.errors import GoneError, RejectedError, RetryableError, SignatureError, UnknownOutcome
from bridge.model import Marker


@pytest.fixture
def people():
    with People() as running:
        yield running


@pytest.fixture
async def tracker(people):
    async with connected(people) as connector:
        yield connector


@pytest.fixture
def count(people):
    return Count(people)


async def test_comments_are_listed_task_by_task_and_followed_by_the_log(people, tracker, count):
    first, second, third = (people.create(title) for title in "ABC")
    one = people.comment(first, "hi")
    two = people.comment(second, "ho")
    full = await pulled(tracker, "comment")
    count.since()
    quiet = await pulled(tracker, "comment", full.cursor)

    assert [record.ref.id for record in full.records] == [one, two]
    assert {"task": first, "body": "hi", "author": "ann@example.com"}.items() <= full.records[0].fields.items()
    assert (full.complete, quiet.quiet, count.now) == (True, True, 1)
    three = people.comment(third, "new")
    people.edit_comment(first, one, "changed")
    people.delete_comment(second, two)
    count.since()
    news = await pulled(tracker, "comment", quiet.cursor)
    assert {record.ref.id: record.fields["body"] for record in news.records} == {one: "changed", three: "new"}
    assert (news.gone, count.now) == ((two,), 5)
    with pytest.raises(GoneError):
        await tracker.fetch(ref("comment", two), fields=frozenset())
    people.delete(third)
    assert (await pulled(tracker, "comment", news.cursor)).quiet  # the log says nothing of comments then


async def test_without_the_log_a_part_of_the_tasks_is_read_at_each_poll(people, count):
    people.box.set(audit=False)
    tasks = [people.create(title) for title in "ABCD"]
    old = people.comment(tasks[0], "old")
    async with connected(people, comments_per_poll=2) as tracker:
        page = await pulled(tracker, "comment")
        new = people.comment(tasks[3], "new")
        people.delete_comment(tasks[0], old)
        found, gone, costs = set(), set(), []
        for _ in range(3):
            count.since()
            page = await pulled(tracker, "comment", page.cursor)
            found |= {record.ref.id for record in page.records}
            gone |= set(page.gone)
            costs.append(count.now)

    assert (found, gone, costs[:2]) == ({new}, {old}, [3, 3])


async def test_a_first_listing_that_a_limit_stops_goes_on_where_it_was(people):
    tasks = [people.create(f"T{number}") for number in range(30)]
    for task in tasks:
        people.comment(task, f"on {task}")
    async with connected(people) as tracker:
        people.box.fault("status", path="/comments$", method="GET", status=503, after=26, times=4)
        listing = tracker.pull("1", "comment", None, fields=frozenset(), sweep=False)
        pages = [await anext(listing)]
        with pytest.raises(RetryableError, match="503"):
            await anext(listing)
        rest = await pulled(tracker, "comment", pages[0].cursor)
        quiet = await pulled(tracker, "comment", rest.cursor)

    assert (len(pages[0].records), len(rest.records), rest.complete, quiet.quiet) == (25, 5, False, True)


async def test_a_comment_of_ours_is_found_again_and_calls_nobody(people, tracker, count):
    task = people.create("A")
    await tracker.fetch(ref("task", task), fields=frozenset())
    await tracker.comments.post(ref("task", task), "Q?", key="q")
    count.since()
    record = await written(tracker, "comment", {"task": task, "body": "look, @bob"})
    cost = count.now
    after = await changed(tracker, record, body="look, @ann")
    costs = (cost, count.now)

    raw = people.box.call("GET", f"/api/v1/comments?task_id={task}", who="ann")[1]["comments"][-1]["content"]
    assert costs == (1, 2)
    assert "@ann" not in raw
    assert (after.fields["body"], after.marker) == ("look, @ann", MARK)
    assert (await tracker.find("1", "comment", [MARK, Marker("a", "b")], None)).keys() == {MARK}
    assert [one.ref for one in (await pulled(tracker, "comment")).records] == [record.ref]
    await tracker.delete(record.ref)
    with pytest.raises(GoneError):
        await tracker.delete(record.ref)


async def test_a_lost_reply_is_unknown_and_the_log_leads_to_the_comment(people, tracker, count):
    task, _ = people.create("A"), people.create("B")
    cursor = (await pulled(tracker, "comment")).cursor
    people.comment(task, "x")
    cursor = (await pulled(tracker, "comment", cursor)).cursor
    people.box.fault("lost_reply", method="POST", path="/comments$")
    with pytest.raises(UnknownOutcome):
        await written(tracker, "comment", {"task": task, "body": "b"})
    count.since()

    found = await tracker.find("1", "comment", [MARK], cursor)

    assert (found[MARK].fields["body"], count.now) == ("b", 3)


async def test_a_server_that_stumbles_after_it_took_a_comment_is_looked_at(people, tracker):
    task = people.create("A")
    people.box.fault("accepted_error", method="POST", path="/comments$", status=500)

    record = await written(tracker, "comment", {"task": task, "body": "b"})

    assert list(people.comments(task)) == [record.ref.id]
    people.box.fault("status", method="POST", path="/comments$", status=500)
    with pytest.raises(UnknownOutcome):
        await written(tracker, "comment", {"task": task, "body": "b"}, Marker("x", "y"))


async def test_an_empty_comment_and_one_on_a_task_that_is_gone_are_refused(people, tracker):
    task = people.create("A")
    people.delete(task)

    with pytest.raises(RejectedError) as refused:
        await written(tracker, "comment", {"task": task, "body": "x"})
    with pytest.raises(GoneError):
        await tracker.comments.post(ref("task", task), "x", key="k")
    with pytest.raises(RejectedError):
        await tracker.comments.post(ref("time_entry", "1"), "x", key="k")
    assert refused.value.field == "task"


async def test_bridge_and_people_talk_below_a_task(people, tracker):
    task = people.create("A")
    asked = await tracker.comments.post(ref("task", task), "Which?", key="link 7")
    people.box.clock.advance(60)
    people.comment(task, "bridge: take left")

    said = await tracker.comments.read(ref("task", task), asked.created_at)
    later = await tracker.comments.read(ref("task", task), asked.created_at + timedelta(seconds=30))

    assert [(one.text, one.key, one.author) for one in said] == [
        ("Which?", "link 7", "bridge@example.com"),
        ("bridge: take left", None, "ann@example.com"),
    ]
    assert [one.key for one in later] == [None]
    assert (await pulled(tracker, "comment")).records[0].fields["body"] == "bridge: take left"


async def test_the_shell_of_a_deleted_comment_is_no_record(people, tracker):
    task = people.create("A")
    first = people.comment(task, "x")
    number = int(first.partition("/")[2])
    people.box.call("POST", "/api/v1/comments", {"task_id": int(task), "content": "re", "parent_id": number}, who="bob")
    people.delete_comment(task, first)

    assert [record.fields["body"] for record in (await pulled(tracker, "comment")).records] == ["re"]


async def test_a_webhook_names_a_time_entry_to_look_at(people, tracker):
    await pulled(tracker, "time_entry")
    people.box.tracker.outgoing.aim("http://127.0.0.1:9/hook", "a secret", mode="never")
    task = people.create("A")
    people.log_time(task, 60)
    people.box.call("POST", "/api/v1/timer/start", {"project_id": 1}, who="bob")
    sent = people.box.tracker.outgoing.deliveries

    heard = [tracker.verify({name.lower(): value for name, value in one.headers.items()}, one.body) for one in sent]

    assert [one.event for one in heard] == ["time_entry.created", "time_entry.updated", "time_entry.created"]
    assert [(hint.container, hint.kind, hint.id) for one in heard for hint in one.hints] == [
        ("1", "time_entry", "1"),
        ("1", "time_entry", "1"),
        ("1", "time_entry", "2"),
    ]
    assert len({one.id for one in heard}) == 3


@pytest.mark.parametrize("signature", ["", "sha256=00", "sha256=\u00e9"])
async def test_a_webhook_that_nobody_signed_is_refused(tracker, signature):
    with pytest.raises(SignatureError):
        tracker.verify({"x-webhook-signature": signature}, b"{}")


async def test_what_is_signed_and_no_news_of_ours_is_taken_quietly(tracker):
    def signed(body):
        return {"x-webhook-signature": "sha256=" + hmac.new(b"a secret", body, hashlib.sha256).hexdigest()}

    other = json.dumps({"project_id": 3, "client_id": 1}).encode()
    assert tracker.verify(signed(other), other).hints == ()
    with pytest.raises(RejectedError):
        tracker.verify(signed(b"<html>"), b"<html>")
