"""TimeTracker's time entries through the connector: two requests, places in the day, conditions, zones."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from timetracker_ground import MARK, Count, changed, connected, pulled, ref, written
from trackers.timetracker import People

from bridge.errors import ContainerError, GoneError, PermissionError_, RejectedError, StaleWrite
from bridge.model import Marker
from connectors.timetracker_time import placed

OTHER = Marker("other", "1#2")


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


def entry(task, seconds=3600, **more):
    return {"task": task, "person": "ann@example.com", "spent_on": "2026-11-20", "seconds": seconds, **more}


async def test_a_new_entry_takes_two_writes_and_is_what_was_asked(people, tracker, count):
    task = people.create("A")
    await tracker.fetch(ref("task", task), fields=frozenset())
    await written(tracker, "time_entry", entry(task, person="bob@example.com"), OTHER, key="first")
    count.since()

    record = await written(tracker, "time_entry", entry(task, note="did it", billable=False, labels=("x",)))

    assert count.now == 2
    held = await tracker.fetch(record.ref, fields=frozenset())
    assert held == record
    wanted = entry(task, note="did it", billable=False, labels=("x",), started_at="2026-11-20T08:00:00Z")
    assert wanted.items() <= held.fields.items()
    assert people.times()[record.ref.id]["marker"] == f"{MARK.source} {MARK.id}"


async def test_work_with_a_date_only_is_laid_out_through_the_day(people, tracker, count):
    task = people.create("A")
    people.log_time(task, 1800, on="2026-11-20")  # Ann, from 08:00
    first = await written(tracker, "time_entry", entry(task, 7200), Marker("o", "1"), key="1")
    count.since()
    second = await written(tracker, "time_entry", entry(task, 3600), Marker("o", "2"), key="2")

    assert (first.fields["started_at"], second.fields["started_at"]) == ("2026-11-20T08:00:00Z", "2026-11-20T10:00:00Z")
    assert count.now == 4
    assert {record["on"] for record in people.times().values()} == {"2026-11-20"}


async def test_entries_may_be_refused_instead_of_placed(people):
    task = people.create("A")
    async with connected(people, on_overlap="refuse", day_starts="08:00") as tracker:
        people.log_time(task, 1800)
        with pytest.raises(RejectedError, match="overlaps") as refused:
            await written(tracker, "time_entry", entry(task))

    assert refused.value.field == "started_at"


async def test_a_full_day_parks_the_entry(people, tracker):
    task = people.create("A")
    await written(tracker, "time_entry", entry(task, 14 * 3600), Marker("o", "1"), key="1")

    people.edit_time("1", seconds=15 * 3600)
    with pytest.raises(RejectedError, match="no free time") as refused:
        await written(tracker, "time_entry", entry(task, 86_400 * 2, spent_on="2026-11-19"), Marker("o", "2"), key="2")

    assert refused.value.field == "spent_on"


def test_the_next_free_time_is_taken_else_the_first_before():
    def at(hour):
        return datetime(2026, 11, 20) + timedelta(hours=hour)  # noqa: DTZ001 — digits of the program

    hour = timedelta(hours=1)
    assert placed(at(9), hour, []) == at(9)
    assert placed(at(9), hour, [(at(8), at(9)), (at(10), at(11))]) == at(9)
    assert placed(at(9), 2 * hour, [(at(10), at(11))]) == at(11)
    assert placed(at(9), 4 * hour, [(at(9), at(22)), (at(24), at(25))]) == at(0)
    with pytest.raises(RejectedError):
        placed(at(9), hour, [(at(-1), at(25))])


async def test_changes_are_one_request_on_the_condition_that_nobody_came_first(people, tracker, count):
    task, other = people.create("A"), people.create("B")
    record = await written(tracker, "time_entry", entry(task, note="x", labels=("l",)))
    count.since()

    after = await changed(tracker, record, seconds=1800, note=None, task=other, labels=(), billable=False)

    assert count.now == 1
    seen = people.times()[record.ref.id]
    assert (seen["seconds"], seen["note"], seen["task"], seen["marker"]) == (
        1800,
        "",
        other,
        f"{MARK.source} {MARK.id}",
    )
    assert (after.fields["note"], after.fields["labels"], after.fields["billable"]) == (None, (), False)
    people.box.clock.advance(10)
    people.edit_time(record.ref.id, note="a person's")
    with pytest.raises(StaleWrite):
        await changed(tracker, after, note="ours")


async def test_a_new_day_keeps_the_time_of_day_and_finds_its_place(people, tracker):
    task = people.create("A")
    record = await written(tracker, "time_entry", entry(task, started_at="2026-11-20T12:30:00Z"))
    people.log_time(task, 6 * 3600, on="2026-11-19")  # 08:00 to 14:00 there

    moved = await changed(tracker, record, spent_on="2026-11-19")
    longer = await changed(tracker, moved, seconds=7200)

    assert moved.fields["started_at"] == "2026-11-19T13:00:00Z"
    assert (longer.fields["local_start"], longer.fields["seconds"]) == ("2026-11-19T14:00:00", 7200)


async def test_what_an_entry_cannot_do_there_is_said(people, tracker):
    record = await written(tracker, "time_entry", entry(people.create("A")))

    for change, field in (
        ({"task": None}, "task"),
        ({"person": "bob@example.com"}, "person"),
        ({"seconds": 0}, "seconds"),
    ):
        with pytest.raises(RejectedError) as refused:
            await changed(tracker, record, **change)
        assert refused.value.field == field
    with pytest.raises(RejectedError):
        await tracker.create("1", "time_entry", {"seconds": 60}, OTHER, key="x")


async def test_quiet_polls_cost_one_request_and_running_timers_are_no_records(people, tracker, count):
    task = people.create("A")
    mine = people.log_time(task, 3600)
    people.box.call("POST", "/api/v1/timer/start", {"project_id": 1, "task_id": int(task)}, who="bob")
    loose = {"project_id": 1, "start_time": "2026-11-01T08:00:00", "end_time": "2026-11-01T09:00:00"}
    people.box.call("POST", "/api/v1/time-entries", loose, who="bob")
    full = await pulled(tracker, "time_entry")
    count.since()
    quiet = await pulled(tracker, "time_entry", full.cursor)

    assert [record.ref.id for record in full.records] == [mine]
    assert (full.complete, quiet.quiet, count.now) == (True, True, 1)
    people.delete_time(mine)
    assert (await pulled(tracker, "time_entry", quiet.cursor)).records == ()


async def test_an_entry_whose_task_was_not_given_yet_is_seen(people, tracker):
    half = await tracker.create("1", "time_entry", {"spent_on": "2026-11-20", "seconds": 60}, MARK, key="k")

    page = await pulled(tracker, "time_entry")

    assert [(record.ref, record.fields["task"], record.marker) for record in page.records] == [(half.ref, None, MARK)]


async def test_many_entries_are_followed_by_the_log(people, tracker, count):
    task = people.create("A")
    people.log_time(task, 60)
    _fill(people, task, 120)
    full = await pulled(tracker, "time_entry")
    count.since()
    quiet = await pulled(tracker, "time_entry", full.cursor)
    assert (len(full.records), quiet.quiet, count.now) == (121, True, 1)
    people.edit_time("1", note="x")
    people.delete_time("2")
    count.since()
    news = await pulled(tracker, "time_entry", quiet.cursor)

    assert ([record.ref.id for record in news.records], news.gone, count.now) == (["1"], ("2",), 2)


async def test_without_the_log_a_window_of_days_is_read_and_what_left_it_by_deletion_named(people):
    task = people.create("A")
    _fill(people, task, 250, days_ago=3)
    people.box.set(audit=False)
    async with connected(people) as tracker:
        full = await pulled(tracker, "time_entry")
        quiet_or_all = await pulled(tracker, "time_entry", full.cursor)
        people.delete_time("5")
        news = await pulled(tracker, "time_entry", quiet_or_all.cursor)

    assert (len(full.records), full.complete) == (250, True)
    assert (len(news.records), news.gone, news.complete) == (249, ("5",), False)


def _fill(people, task, number, days_ago=30):
    """Entries of a minute each, one after the other."""
    from dataclasses import replace

    store = people.box.store
    today = datetime.now().replace(hour=1, minute=0, second=0, microsecond=0) - timedelta(days=days_ago)  # noqa: DTZ005
    made, _ = people.box.call(
        "POST",
        "/api/v1/time-entries",
        {"project_id": 1, "start_time": (today - timedelta(hours=1)).isoformat(), "end_time": today.isoformat()},
        who="carol",
    )
    assert made == 201
    row = max(store.entries.values(), key=lambda one: one.id)
    store.entries[row.id] = replace(row, task_id=int(task))
    for minute in range(1, number):
        start = today + timedelta(minutes=minute)
        times = {"start": start.isoformat(), "end": (start + timedelta(minutes=1)).isoformat()}
        new = replace(row, id=store.number("entries"), task_id=int(task), **times)
        store.entries[new.id] = new


async def test_a_lost_reply_is_asked_for_again_with_the_same_key(people, tracker):
    task = people.create("A")
    people.box.fault("lost_reply", method="POST", path="/time-entries$")

    record = await written(tracker, "time_entry", entry(task))

    assert list(people.times()) == [record.ref.id]
    assert (await tracker.find("1", "time_entry", [MARK, OTHER], None)).keys() == {MARK}


async def test_an_answer_of_yesterday_for_an_entry_that_was_deleted_is_not_believed(people, tracker):
    task = people.create("A")
    first = await written(tracker, "time_entry", entry(task))
    people.delete_time(first.ref.id)
    people.box.clock.advance(3600)

    second = await written(tracker, "time_entry", entry(task))

    assert (second.ref != first.ref, list(people.times())) == (True, [second.ref.id])


async def test_what_is_gone_is_gone_and_what_is_elsewhere_is_said(people, tracker):
    record = await written(tracker, "time_entry", entry(people.create("A")))
    people.box.call("PATCH", f"/api/v1/time-entries/{record.ref.id}", {"project_id": 2}, who="owner")
    with pytest.raises(GoneError) as moved:
        await tracker.fetch(record.ref, fields=frozenset())
    people.delete_time(record.ref.id)
    with pytest.raises(GoneError):
        await changed(tracker, record, note="x")
    with pytest.raises(GoneError):
        await tracker.delete(record.ref)

    assert moved.value.moved_to == "2"


async def test_a_plain_users_token_works_for_that_user(people, count):
    task = people.create("A")
    people.box.set(plain_sees_projects=True, closed_until="2026-01-31")
    async with connected(people, who="ann", log_for_others=False, people_by="username") as tracker:
        fields = entry(task)
        del fields["person"]
        mine = await written(tracker, "time_entry", fields)
        others = people.box.call("POST", "/api/v1/time-entries", {"project_id": 1, "start_time": "2026-11-20T08:00:00", "end_time": "2026-11-20T09:00:00"}, who="bob")[1]["time_entry"]["id"]  # fmt: skip
        page = await pulled(tracker, "time_entry")
        second = await written(tracker, "time_entry", fields, OTHER, key="2")
        with pytest.raises(PermissionError_):
            await tracker.fetch(ref("time_entry", str(others)), fields=frozenset())
        with pytest.raises(RejectedError, match="period"):
            await written(tracker, "time_entry", {**fields, "spent_on": "2026-01-05"}, Marker("o", "9"), key="3")
    async with connected(people, who="ann", people_by="username") as tracker:
        with pytest.raises(RejectedError) as refused:
            await written(tracker, "time_entry", entry(task, person="bob"), Marker("o", "8"), key="4")

    assert [record.ref for record in page.records] == [mine.ref]
    assert (mine.fields["person"], second.fields["started_at"]) == ("ann", "2026-11-20T09:00:00Z")
    assert refused.value.field == "person"


@pytest.mark.parametrize("storage", ["postgres-utc", "postgres-local", "sqlite"])
@pytest.mark.parametrize(("day", "hour"), [("2026-07-01", "07"), ("2026-12-01", "08")])
async def test_start_times_are_the_programs_own_on_every_database(storage, day, hour):
    with People(storage=storage) as people:
        task = people.create("A")
        async with connected(people) as tracker:
            by_day = await written(tracker, "time_entry", entry(task, spent_on=day))
            by_time = await written(tracker, "time_entry", entry(task, started_at=f"{day}T18:00:00Z"), OTHER, key="2")
        seen = people.times()

    assert by_day.fields["started_at"] == f"{day}T{hour}:00:00Z"
    assert (by_time.fields["started_at"], by_time.fields["spent_on"]) == (f"{day}T18:00:00Z", day)
    assert {one["on"] for one in seen.values()} == {day}


async def test_a_version_without_the_bug_takes_the_task_at_once(people, count):
    people.box.set(task_id_bug=False)
    task = people.create("A")
    async with connected(people, task_id_on_create=True) as tracker:
        await tracker.fetch(ref("task", task), fields=frozenset())
        record = await written(tracker, "time_entry", entry(task))

    assert record.fields["task"] == task
    assert [one.verb for one in people.box.log if one.kind == "time"] == ["create"]


async def test_a_task_that_is_deleted_leaves_its_time_without_one(people, tracker):
    task = people.create("A")
    logged = people.log_time(task, 60)
    full = await pulled(tracker, "time_entry")
    people.delete(task)

    after = await pulled(tracker, "time_entry", full.cursor)

    assert after.records == ()
    assert (await tracker.fetch(ref("time_entry", logged), fields=frozenset())).fields["task"] is None


async def test_a_project_that_is_not_there_is_said(tracker):
    with pytest.raises(ContainerError):
        await tracker.create("99", "time_entry", {"spent_on": "2026-11-20", "seconds": 60}, MARK, key="k")
