"""TimeTracker's tasks through the connector: listings, the log, writes, and what goes wrong."""

from __future__ import annotations

import json

import httpx
import pytest
from timetracker_ground import MARK, Count, changed, connected, pulled, ref, written
from trackers.timetracker import People

from bridge.errors import (
    AuthError,
    ContainerError,
    GoneError,
    RateLimited,
    RejectedError,
    UnknownOutcome,
    UnreachableError,
)
from bridge.model import Marker
from connectors.timetracker import TimeTracker
from connectors.timetracker_config import TimeTrackerConfig
from connectors.timetracker_wire import tag_of


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


def titles(page):
    return sorted(record.fields["title"] for record in page.records)


async def test_a_project_on_one_page_costs_one_request_quiet_or_not(people, tracker, count):
    first = people.create("A", labels={"x", "y"}, due_on="2026-12-01", estimate=5400, assignee="bob@example.com")
    people.create("B")
    full = await pulled(tracker, "task")
    count.since()
    quiet = await pulled(tracker, "task", full.cursor)
    assert (quiet.quiet, quiet.records, count.now) == (True, (), 1)
    people.edit(first, title="A2")
    count.since()
    news = await pulled(tracker, "task", quiet.cursor)

    assert (full.complete, news.complete, count.now) == (True, True, 1)
    assert titles(news) == ["A2", "B"]
    [a] = [record for record in full.records if record.ref.id == first]
    wanted = {"labels": ("x", "y"), "due_on": "2026-12-01", "estimate": 5400, "assignee": "bob@example.com"}
    assert wanted.items() <= a.fields.items()
    assert (a.fields["status"], a.fields["priority"], a.marker) == ("todo", "medium", None)


async def test_logged_time_is_no_change_of_the_task(people, tracker):
    task = people.create("A")
    full = await pulled(tracker, "task")
    people.log_time(task, 3600)

    assert (await pulled(tracker, "task", full.cursor)).quiet


async def test_a_task_that_is_gone_leaves_a_complete_listing_and_is_proved_gone(people, tracker):
    task = people.create("A")
    people.create("B")
    full = await pulled(tracker, "task")
    people.delete(task)

    after = await pulled(tracker, "task", full.cursor)

    assert (titles(after), after.complete) == (["B"], True)
    with pytest.raises(GoneError):
        await tracker.fetch(ref("task", task), fields=frozenset())


async def test_a_large_project_is_followed_by_the_audit_log(people, count):
    people.box.seed(generate=25)
    async with connected(people, page_size=10, can_reassign=False) as tracker:
        people.edit("1", priority="low")
        full = await pulled(tracker, "task")
        count.since()
        quiet = await pulled(tracker, "task", full.cursor)
        assert (len(full.records), full.complete, quiet.quiet, count.now) == (25, True, True, 1)
        people.edit("3", title="Renamed")
        people.delete("4")
        count.since()
        news = await pulled(tracker, "task", quiet.cursor)
        assert (titles(news), news.gone, count.now) == (["Renamed"], ("4",), 2)
        for task in ("5", "6", "7", "8", "9"):
            people.edit(task, title=f"R{task}")
        walked = await pulled(tracker, "task", news.cursor)

        assert (len(walked.records), walked.complete) == (24, True)


async def test_a_pruned_log_and_a_bulk_edit_past_it_are_found_by_reading_everything(people):
    people.box.seed(generate=25)
    people.edit("1", priority="low")
    async with connected(people, page_size=10, walk_every_s=60) as tracker:
        full = await pulled(tracker, "task")
        people.edit("3", title="Renamed")
        people.box.act("prune_audit")
        assert "Renamed" in titles(await pulled(tracker, "task", full.cursor))
        full = await pulled(tracker, "task")
        people.box.act("quiet_edit", task="5", members={"name": "Past the log"})
        old = json.loads(full.cursor) | {"at": 0}

        assert "Past the log" in titles(await pulled(tracker, "task", json.dumps(old)))


async def test_without_the_scope_everything_is_walked_and_people_are_known_by_name(people, count):
    task = people.create("A", assignee="bob@example.com")
    people.box.seed(generate=25)
    async with connected(people, who="ann", page_size=10) as tracker:
        full = await pulled(tracker, "task")
        count.since()
        quiet = await pulled(tracker, "task", full.cursor)

    [mine] = [record for record in full.records if record.ref.id == task]
    assert (mine.fields["assignee"], quiet.quiet, count.now) == ("bob", True, 3)


async def test_half_a_page_and_an_empty_list_are_evidence_of_nothing(people, tracker):
    for title in "ABCD":
        people.create(title)
    people.box.fault("half_page", path="/tasks$")
    half = await pulled(tracker, "task")
    people.box.fault("empty_listing", path="/tasks$")
    empty = await pulled(tracker, "task")
    whole = await pulled(tracker, "task", half.cursor)

    assert (half.complete, empty.complete, whole.complete, len(whole.records)) == (False, False, True, 4)


async def test_rows_that_change_places_between_two_pages_are_not_lost(people):
    ids = [people.create(f"T{number}") for number in range(6)]
    deed = {"who": "ann", "method": "PATCH", "path": f"/api/v1/tasks/{ids[5]}", "body": {"priority": "urgent"}}
    people.box.fault("meanwhile", path="/tasks$", method="GET", after=1, deed=deed)
    async with connected(people, page_size=3, change_feed="walk") as tracker:
        page = await pulled(tracker, "task")

    assert (titles(page), page.complete) == ([f"T{number}" for number in range(6)], True)


async def test_a_new_task_with_a_status_takes_two_writes_and_carries_its_marker(people, tracker):
    fields = {"title": "N", "description": "**x**", "status": "in_progress", "priority": "high", "labels": ("b", "a b")}
    fields |= {"due_on": "2026-12-24", "estimate": 100, "assignee": "ann@example.com"}

    record = await written(tracker, "task", fields)

    held = await tracker.fetch(record.ref, fields=frozenset())
    assert held.fields == record.fields
    assert {**fields, "labels": ("a b", "b")}.items() <= held.fields.items()
    assert (held.marker, people.task(held.ref.id)["marker"]) == (MARK, f"{MARK.source} {MARK.id}")
    assert [entry.verb for entry in people.box.log] == ["create", "update"]
    assert (await tracker.find("1", "task", [MARK, Marker("x", "y")], None))[MARK].ref == record.ref


async def test_a_marker_is_never_taken_for_a_longer_one(tracker):
    short, long = Marker("s", "1#4"), Marker("s", "1#45")
    made = await written(tracker, "task", {"title": "Long"}, long)

    found = await tracker.find("1", "task", [short, long], None)

    assert {marker: record.ref for marker, record in found.items()} == {long: made.ref}


async def test_a_change_is_one_request_and_keeps_marker_and_what_it_was_not_told(people, tracker, count):
    record = await written(tracker, "task", {"title": "A", "description": "text", "labels": ("x",), "estimate": 60})
    count.since()

    after = await changed(tracker, record, title="B", labels=("y", "z"), description=None, estimate=None, due_on=None)

    assert count.now == 1
    assert after.marker == MARK
    assert (after.fields["title"], after.fields["labels"], after.fields["description"], after.fields["estimate"]) == (
        "B",
        ("y", "z"),
        None,
        None,
    )
    assert people.task(record.ref.id)["labels"] == {"y", "z"}


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("status", "nowhere"),
        ("priority", "blocker"),
        ("labels", ("a,b",)),
        ("labels", tuple(f"label number {number}" for number in range(40))),
        ("title", ""),
        ("title", "x" * 201),
        ("assignee", "nobody@example.com"),
    ],
)
async def test_what_would_be_stored_wrongly_or_refused_darkly_is_not_sent(people, tracker, field, value):
    record = await written(tracker, "task", {"title": "A"})
    writes = people.writes()

    with pytest.raises(RejectedError) as refused:
        await changed(tracker, record, **{field: value})

    assert (refused.value.field, people.writes()) == (field, writes)


async def test_an_assignee_that_is_dropped_in_silence_is_told(people):
    async with connected(people, can_reassign=True) as tracker:
        record = await written(tracker, "task", {"title": "A", "assignee": "ann@example.com"})
        with pytest.raises(RejectedError, match="left the task") as refused:
            await changed(tracker, record, assignee="bob@example.com")
        people.box.set(assignee_bug=False)
        after = await changed(tracker, record, assignee="bob@example.com")

    assert (refused.value.field, after.fields["assignee"]) == ("assignee", "bob@example.com")


async def test_a_write_to_a_task_that_is_gone_says_so(people, tracker):
    record = await written(tracker, "task", {"title": "A"})
    people.delete(record.ref.id)

    with pytest.raises(GoneError):
        await changed(tracker, record, title="B")
    people.box.call("DELETE", "/api/v1/projects/1", who="owner")
    with pytest.raises(ContainerError):
        await changed(tracker, record, title="B")


async def test_deleting_needs_leave(people, tracker):
    record = await written(tracker, "task", {"title": "A"})
    with pytest.raises(RejectedError):
        await tracker.delete(record.ref)
    async with connected(people, allow_task_delete=True) as allowed:
        await allowed.delete(record.ref)
        with pytest.raises(GoneError):
            await allowed.delete(record.ref)


async def test_a_lost_reply_is_unknown_and_found_by_the_marker(people, tracker):
    people.box.fault("lost_reply", method="POST", path="/tasks$")

    with pytest.raises(UnknownOutcome):
        await tracker.create("1", "task", {"title": "A"}, MARK, key="k")

    assert (await tracker.find("1", "task", [MARK], None))[MARK].fields["title"] == "A"
    assert people.writes() == 1


@pytest.mark.parametrize("was_made", [True, False])
async def test_a_program_that_stumbles_is_not_asked_again_but_looked_at(was_made):
    task = {"id": 7, "project_id": 1, "name": "A", "status": "todo", "tags": tag_of(MARK)}
    asked = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(f"{request.method} {request.url.path}")
        if request.method == "POST":
            crash = {"details": {"type": "AttributeError"}, "error": "no attribute", "error_code": "internal_error"}
            return httpx.Response(500, json=crash)
        if request.url.path.endswith("/info"):
            return httpx.Response(200, json={"timezone": "Europe/Rome"})
        return httpx.Response(200, json={"tasks": [task] if was_made else [], "pagination": {"total": int(was_made)}})

    config = TimeTrackerConfig(token="tt_placeholder", requests_per_minute=0)
    tracker = TimeTracker("tt", config, transport=httpx.MockTransport(answer))
    if was_made:
        assert (await tracker.create("1", "task", {"title": "A"}, MARK, key="k")).ref.id == "7"
    else:
        with pytest.raises(RejectedError):
            await tracker.create("1", "task", {"title": "A"}, MARK, key="k")
    await tracker.aclose()

    assert asked[:2] == ["POST /api/v1/tasks", "GET /api/v1/tasks"]


@pytest.mark.parametrize(("who", "error"), [("nobody", AuthError), ("reader", ContainerError)])
async def test_a_token_that_may_not_is_told_what_it_lacks(people, who, error):
    token = people.box.token(who) if who == "reader" else "tt_" + "x" * 32
    async with connected(people, token=token) as tracker:
        with pytest.raises(error) as refused:
            await tracker.create("1", "task", {"title": "A"}, MARK, key="k")

    assert who != "reader" or "write:tasks" in refused.value.hint
    assert token not in str(refused.value)


async def test_the_hour_that_is_used_up_stops_the_connection_until_it_ends(people, tracker):
    people.box.fault("rate_limited", retry_after=1800)

    with pytest.raises(RateLimited):
        await pulled(tracker, "task")


async def test_a_server_that_is_not_set_up_is_unreachable(people, tracker):
    people.box.set(setup_required=True)

    with pytest.raises(UnreachableError, match="302"):
        await pulled(tracker, "task")
    with pytest.raises(UnreachableError):
        await tracker.create("1", "task", {"title": "A"}, MARK, key="k")


@pytest.mark.parametrize("storage", ["postgres-utc", "postgres-local", "sqlite"])
async def test_times_of_tasks_are_read_right_whatever_the_database_does(storage):
    with People(storage=storage, zone="America/New_York") as people:
        people.create("A")
        async with connected(people) as tracker:
            [record] = (await pulled(tracker, "task")).records
    with People(storage=storage) as people:
        people.create("A")
        async with connected(people) as tracker:
            [other] = (await pulled(tracker, "task")).records

    assert abs((record.updated_at - other.updated_at).total_seconds()) < 60


async def test_a_project_is_known_by_name_and_code(people, tracker):
    people.create("A")

    assert [
        page.records[0].ref.container
        async for page in tracker.pull("eng", "task", None, fields=frozenset(), sweep=False)
    ] == ["eng"]
    assert await tracker.container_healthy("Operations")
    assert not await tracker.container_healthy("Nowhere")
    with pytest.raises(ContainerError):
        await pulled_from(tracker, "Nowhere")


async def pulled_from(tracker, container):
    return [page async for page in tracker.pull(container, "task", None, fields=frozenset(), sweep=False)]


async def test_an_archived_project_is_not_healthy_and_a_plain_user_sees_it_by_its_tasks(people, tracker):
    people.create("A")
    async with connected(people, who="ann") as plain:
        assert await plain.container_healthy("1")
    people.box.call("DELETE", "/api/v1/projects/1", who="owner")

    assert not await tracker.container_healthy("1")


async def test_the_check_says_what_is_right_and_what_is_not(people, tracker):
    maps = {"status": ["todo", "nope"], "assignee": ["ann@example.com", "zoe@example.com"], "priority": ["urgent"]}
    fine = await tracker.check("1", "task", {"create", "update"}, {"status": ["todo", "cancelled"]})
    found = await tracker.check("1", "task", {"create", "delete"}, maps)
    async with connected(people, who="ann") as plain:
        told = await plain.check("1", "time_entry", {"create"}, {})
    people.box.set(require_task=True, setup_required=False)
    async with connected(people) as strict:
        needs = await strict.check("2", "time_entry", {"create"}, {})

    assert {finding.level for finding in fine} == {"ok"}
    wrong = [finding.what for finding in found if finding.level == "error"]
    assert len(wrong) == 3
    assert [finding.level for finding in told].count("warning") == 2
    assert any("wants a task" in finding.what and finding.level == "error" for finding in needs)


def test_what_it_cannot_do_has_a_reason():
    kinds = TimeTracker("tt", TimeTrackerConfig()).kinds()

    assert set(kinds) == {"task", "comment", "time_entry"}
    for can in kinds.values():
        assert all(
            getattr(can, verb) or can.reasons[verb] for verb in ("create", "update", "delete", "find", "webhooks")
        )
    assert kinds["task"].reasons["label"]
