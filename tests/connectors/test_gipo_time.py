"""Gipo's time entries through the connector, against the sandbox over a socket."""

from __future__ import annotations

import pytest
from gipo_ground import BOARD, MARK, at_once, changed, connected, made, only
from trackers.gipo import People

from bridge.errors import GoneError, RejectedError
from bridge.model import Ref
from connectors.gipo import Gipo
from connectors.gipo_config import GipoConfig
from connectors.pace import Retry

NEW = {"person": "ann@example.com", "spent_on": "2026-11-20", "seconds": 5400, "note": "Worked"}


@pytest.fixture
def people():
    with People() as here:
        here.box.clock.freeze("2026-11-21T12:00:00Z")
        yield here


async def test_an_entry_is_read_in_our_words(people):
    task = people.create("One")
    entry = people.log_time(task, 5400, note="Worked")
    async with connected(people) as gipo:
        page = await only(gipo, kind="time_entry")
        [record] = page.records

        expected = {"task": task, "person": "ann@example.com", "spent_on": "2026-11-20"}
        expected |= {"started_at": "2026-11-20T09:00:00Z", "seconds": 5400, "note": "Worked", "source": "manual"}
        assert (record.ref, record.fields, page.complete) == (Ref("gipo", BOARD, "time_entry", entry), expected, True)
        assert await gipo.fetch(record.ref, fields=frozenset()) == record


async def test_a_quiet_poll_of_time_costs_one_request_after_the_boards(people):
    people.log_time(people.create("One"), 60)
    async with connected(people) as gipo:
        tasks = await only(gipo)
        full = await only(gipo, kind="time_entry")
        before = people.requests()
        assert (await only(gipo, tasks.cursor)).quiet
        quiet = await only(gipo, full.cursor, kind="time_entry")

        assert (quiet.quiet, quiet.records, people.requests() - before) == (True, (), 2)


async def test_entries_of_other_boards_subtasks_and_running_timers_are_left_out():
    with People(lists_running=True) as people:
        task = people.create("One")
        ours = people.log_time(task, 60)
        people.container = people.second_container
        people.log_time(people.create("Elsewhere"), 60)
        people.box.act("timer", task=task, member="bob@example.com")
        _, said = people.box.call("POST", f"/api/v1/tasks/{task}/subtasks", {"name": "part"})
        body = {"subtaskId": said["data"]["id"], "startedAt": "2026-11-20T09:00:00.000Z", "durationSeconds": 60}
        assert people.box.call("POST", "/api/v1/time-entries", body)[0] == 201
        async with connected(people) as gipo:
            page = await only(gipo, kind="time_entry")
            assert [record.ref.id for record in page.records] == [ours]


async def test_a_stopped_timer_is_time_like_any_other(people):
    task = people.create("One")
    people.box.act("timer", task=task, member="bob@example.com", seconds=300)
    async with connected(people) as gipo:
        [record] = (await only(gipo, kind="time_entry")).records
        assert (record.fields["seconds"], record.fields["source"]) == (300, "timer")
        assert record.fields["person"] == "bob@example.com"


async def test_what_vanished_from_the_window_is_named(people):
    task = people.create("One")
    kept, dropped = people.log_time(task, 60), people.log_time(task, 120, on="2026-11-19")
    async with connected(people) as gipo:
        await only(gipo)
        cursor = (await only(gipo, kind="time_entry")).cursor
        people.delete_time(dropped)
        page = await only(gipo, cursor, kind="time_entry")

        assert (page.gone, [record.ref.id for record in page.records], page.complete) == ((dropped,), [kept], False)
        with pytest.raises(GoneError) as gone:
            await gipo.fetch(Ref("gipo", BOARD, "time_entry", dropped), fields=frozenset())
        assert gone.value.status == 404


async def test_what_aged_out_of_the_window_is_not_named(people):
    task = people.create("One")
    people.log_time(task, 60, on="2026-10-18")
    people.log_time(task, 60)
    async with connected(people) as gipo:
        cursor = (await only(gipo, kind="time_entry")).cursor
        people.box.clock.advance(5 * 86_400)
        cursor = (await only(gipo, cursor, kind="time_entry")).cursor
        page = await only(gipo, cursor, kind="time_entry")

        assert page.gone == ()


async def test_an_edit_before_the_window_is_found_by_a_wider_look(people):
    task = people.create("One")
    old = people.log_time(task, 60, on="2026-08-01")
    async with connected(people) as gipo:
        cursor = (await only(gipo, kind="time_entry")).cursor
        cursor = (await only(gipo, cursor, kind="time_entry", sweep=True)).cursor
        people.edit_time(old, seconds=90)
        narrow = await only(gipo, cursor, kind="time_entry")
        wide = await only(gipo, narrow.cursor, kind="time_entry", sweep=True)

        assert narrow.records == ()
        assert [record.fields["seconds"] for record in wide.records] == [90]
        assert (await only(gipo, wide.cursor, kind="time_entry", sweep=True)).quiet


async def test_an_entry_that_was_dated_out_of_the_window_is_named_and_still_there(people):
    entry = people.log_time(people.create("One"), 60)
    async with connected(people) as gipo:
        cursor = (await only(gipo, kind="time_entry")).cursor
        people.edit_time(entry, on="2026-01-05")
        page = await only(gipo, cursor, kind="time_entry")

        assert page.gone == (entry,)
        held = await gipo.fetch(Ref("gipo", BOARD, "time_entry", entry), fields=frozenset())
        assert held.fields["spent_on"] == "2026-01-05"


async def test_an_entry_whose_task_moved_to_another_board_moved_with_it(people):
    task = people.create("One")
    entry = people.log_time(task, 60)
    async with connected(people) as gipo:
        cursor = (await only(gipo, kind="time_entry")).cursor
        people.box.call("PATCH", f"/api/v1/tasks/{task}", {"workspaceId": people.second_container}, who="ann")
        await only(gipo)
        page = await only(gipo, cursor, kind="time_entry")

        assert page.gone == (entry,)
        with pytest.raises(GoneError) as gone:
            await gipo.fetch(Ref("gipo", BOARD, "time_entry", entry), fields=frozenset())
        assert gone.value.moved_to == people.second_container


async def test_many_entries_are_walked_by_cursor(people):
    task = people.create("One")
    for number in range(130):
        people.box.call(
            "POST",
            "/api/v1/time-entries",
            {"taskId": task, "startedAt": "2026-11-20T09:00:00.000Z", "durationSeconds": 60 + number},
        )
    async with connected(people) as gipo:
        page = await only(gipo, kind="time_entry")
        assert len({record.ref.id for record in page.records}) == 130


# --- writing


async def test_time_is_created_in_one_request_and_found_by_its_marker(people):
    task = people.create("One")
    async with connected(people) as gipo:
        await gipo.schema(BOARD, "time_entry", fields=frozenset())
        before = people.requests()
        known = await made(gipo, {**NEW, "task": task}, "time_entry")
        assert people.requests() - before == 2  # the second: who the user is
        again = await made(gipo, {**NEW, "task": task}, "time_entry")
        found = await gipo.find(BOARD, "time_entry", [MARK], None)

        assert known.fields["started_at"] == "2026-11-20T09:00:00Z"
        assert (known.fields["note"], known.marker, known.fields["person"]) == ("Worked", MARK, People.BRIDGE)
        assert (again.ref, found[MARK].ref) == (known.ref, known.ref)
        assert people.times()[known.ref.id] == {
            "task": task,
            "seconds": 5400,
            "on": "2026-11-20",
            "note": "Worked",
            "person": People.BRIDGE,
            "marker": "plan acme/app#12",
        }


async def test_a_day_alone_moves_the_entry_and_keeps_its_time_of_day(people):
    task = people.create("One")
    async with connected(people, timezone="Europe/Berlin", day_starts="10:30") as gipo:
        known = await made(gipo, {**NEW, "task": task}, "time_entry")
        assert known.fields["started_at"] == "2026-11-20T09:30:00Z"
        before = people.requests()
        moved = await changed(gipo, known, {"spent_on": "2026-07-01"})
        assert (moved.fields["started_at"], moved.fields["spent_on"]) == ("2026-07-01T08:30:00Z", "2026-07-01")
        assert people.requests() - before == 1


async def test_an_instant_counts_more_than_a_day(people):
    task = people.create("One")
    async with connected(people) as gipo:
        fields = {**NEW, "task": task, "started_at": "2026-11-18T23:15:00Z"}
        known = await made(gipo, fields, "time_entry")
        assert known.fields["started_at"] == "2026-11-18T23:15:00Z"


async def test_a_new_note_keeps_the_marker_and_a_duration_leaves_the_note_alone(people):
    task = people.create("One")
    async with connected(people) as gipo:
        known = await made(gipo, {**NEW, "task": task}, "time_entry")
        now = await changed(gipo, known, {"seconds": 60})
        assert people.box.log[-1].body == {"durationSeconds": 60}
        now = await changed(gipo, now, {"note": "Other"})
        assert (now.fields["note"], now.fields["seconds"], now.marker) == ("Other", 60, MARK)
        now = await changed(gipo, now, {"note": None})
        assert (now.fields["note"], now.marker) == (None, MARK)


async def test_time_is_deleted_once(people):
    task = people.create("One")
    async with connected(people) as gipo:
        known = await made(gipo, {**NEW, "task": task}, "time_entry")
        await gipo.delete(known.ref)
        with pytest.raises(GoneError):
            await gipo.delete(known.ref)


async def test_an_entry_without_a_task_or_a_day_is_refused_before_it_is_sent(people):
    async with connected(people) as gipo:
        for lacking, field in (({"seconds": 60}, "task"), ({"task": people.create("One"), "seconds": 60}, "spent_on")):
            with pytest.raises(RejectedError) as refused:
                await made(gipo, lacking, "time_entry")
            assert refused.value.field == field


# --- in whose name


async def test_without_keys_the_person_cannot_be_written(people):
    async with connected(people) as gipo:
        schema = await gipo.schema(BOARD, "time_entry", fields=frozenset())
        assert schema.fields["person"].writable == "never"
        assert (schema.fields["task"].writable, schema.fields["seconds"].step) == ("create", 1)
        assert people.requests() == 0


async def test_with_a_key_of_the_person_the_entry_is_theirs(people):
    task = people.create("One")
    keys = f"Bob@example.com {people.box.token('bob')}\n"
    async with connected(people, person_keys=keys) as gipo:
        schema = await gipo.schema(BOARD, "time_entry", fields=frozenset())
        assert schema.fields["person"].writable == "create"
        known = await made(gipo, {**NEW, "task": task, "person": "bob@example.com"}, "time_entry")
        now = await changed(gipo, known, {"seconds": 60})

        assert (now.fields["person"], now.fields["seconds"]) == ("bob@example.com", 60)
        assert [entry.author for entry in people.box.log[-2:]] == ["bob@example.com"] * 2
        assert gipo.usage().writes == 2
        with pytest.raises(RejectedError) as refused:
            await made(gipo, {**NEW, "task": task, "person": "carol@example.com"}, "time_entry", key="k2")
        assert "person_keys" in refused.value.hint


async def test_where_the_api_names_the_user_an_admin_logs_for_others():
    with People(time_user_field="userId") as people:
        task = people.create("One")
        async with connected(people, time_user_field="userId") as gipo:
            known = await made(gipo, {**NEW, "task": task, "person": "bob@example.com"}, "time_entry")
            assert known.fields["person"] == "bob@example.com"


async def test_no_key_stands_in_the_representation():
    config = GipoConfig(
        base_url="https://a.example", token="ba_secret_one", person_keys="bob@example.com ba_secret_two"
    )
    gipo = Gipo("gipo", config, retry=Retry(sleep=at_once))
    assert "ba_secret" not in repr(config) + repr(vars(gipo))
    await gipo.aclose()
