"""Comments and time of Grow CRM through the connector."""

import pytest
from growcrm_scene import MARKER, PROJECT, scene

from bridge.errors import GoneError, RejectedError
from bridge.model import Marker

MINUTE = 60
ENTRY = {"person": "bob@example.com", "spent_on": "2026-11-19", "seconds": 90 * MINUTE}


@pytest.fixture
async def at():
    async with scene() as at:
        yield at


# --- comments --------------------------------------------------------------------------------------------------------


async def test_a_comment_is_read_with_its_author_and_written_with_its_marker(at):
    item = at.people.create("T")
    theirs = at.people.comment(item, "<p>Looks good</p>")
    made = await at.make({"task": item, "body": "<p>Bob: &lt;yes&gt;</p>"}, kind="comment")

    [page] = await at.pull("comment")

    assert [(one.ref.id, one.fields["task"], one.fields["body"], one.marker) for one in page.records] == [
        (theirs, item, "<p>Looks good</p>", None),
        (made.ref.id, item, "<p>Bob: &lt;yes&gt;</p>", MARKER),
    ]
    assert [one.fields["author"] for one in page.records] == ["ann@example.com", "admin@example.com"]
    assert await at.seen(made.ref.id, "comment") == page.records[1] == made


async def test_comments_are_read_in_turn_and_only_what_is_new_is_yielded():
    async with scene(comments_per_poll=2) as at:
        items = [at.people.create(f"T{number}") for number in range(4)]
        at.people.comment(items[0], "old")
        [full] = await at.pull("comment")
        assert (len(full.records), full.complete, at.requests()) == (1, True, 2 + 4 + 1)
        at.people.comment(items[3], "new")
        before, cursor, news = at.requests(), full.cursor, []
        for _ in range(3):
            [page] = await at.pull("comment", cursor)
            cursor, news = page.cursor, [*news, [record.fields["body"] for record in page.records]]

        assert news == [[], ["new"], []]
        assert at.requests() - before == 3 * 2  # which tasks there are was read a moment ago


async def test_a_poll_of_tasks_serves_the_comments_of_the_same_run(at):
    item = at.people.create("T")
    at.people.comment(item, "old")
    [tasks], [full] = await at.pull(), await at.pull("comment")
    await at.pull(cursor=tasks.cursor)
    before = at.requests()

    [quiet] = await at.pull("comment", full.cursor)

    assert (quiet.quiet, at.requests() - before) == (True, 1)


async def test_a_deleted_comment_is_hinted_at_and_gone_with_evidence(at):
    item = at.people.create("T")
    comment = at.people.comment(item, "old")
    [full] = await at.pull("comment")
    at.people.delete_comment(item, comment)

    [turn] = await at.pull("comment", full.cursor)
    [swept] = await at.pull("comment", full.cursor, sweep=True)

    assert (turn.gone, swept.gone) == ((comment,), (comment,))
    with pytest.raises(GoneError):
        await at.seen(comment, "comment")


async def test_comments_of_archived_and_deleted_tasks_are_settled_by_a_sweep(at):
    kept, lost = at.people.create("Kept"), at.people.create("Lost")
    on_kept, on_lost = at.people.comment(kept, "a"), at.people.comment(lost, "b")
    [full] = await at.pull("comment")
    at.box.call("PUT", f"/api/tasks/{kept}/archive")
    at.people.delete(lost)

    [swept] = await at.pull("comment", full.cursor, sweep=True)

    assert ([one.ref.id for one in swept.records], swept.complete, swept.gone) == ([on_kept], True, (on_lost,))


async def test_a_large_project_is_never_swept_for_comments():
    async with scene(comments_sweep_max=3, comments_per_poll=1) as at:
        at.box.seed(generate=5)
        pages = await at.pull("comment")
        before = at.requests()

        await at.pull("comment", pages[-1].cursor, sweep=True)

        assert at.requests() - before <= 3


async def test_a_first_listing_goes_on_where_it_was_cut_off():
    async with scene() as at:
        at.box.seed(generate=60)
        items = sorted(number for number, row in at.box.store.tasks.items() if row.project_id == 7)
        first, last = at.people.comment(str(items[0]), "a"), at.people.comment(str(items[-1]), "b")
        pages = await at.pull("comment")
        resumed = await at.pull("comment", pages[0].cursor)

        assert [[one.ref.id for one in page.records] for page in pages] == [[first], [last]]
        assert [[one.ref.id for one in page.records] for page in resumed] == [[last]]
        assert ([page.complete for page in pages], resumed[-1].complete) == ([False, True], False)
        assert resumed[-1].cursor == pages[-1].cursor


async def test_a_comment_cannot_be_edited_and_is_deleted_once(at):
    item = at.people.create("T")
    made = await at.make({"task": item, "body": "<p>a</p>"}, kind="comment")

    with pytest.raises(RejectedError, match="not edit"):
        await at.write(made, {"body": "<p>b</p>"})
    await at.crm.delete(made.ref)
    with pytest.raises(GoneError):
        await at.crm.delete(made.ref)
    with pytest.raises(GoneError):
        await at.make({"task": "9999", "body": "x"}, kind="comment")


async def test_a_comment_is_found_by_its_marker_wherever_it_is(at):
    items = [at.people.create(f"T{number}") for number in range(3)]
    made = await at.make({"task": items[0], "body": "<p>a</p>"}, kind="comment")

    found = await at.crm.find(PROJECT, "comment", [MARKER, Marker("github", "no#1")], None)

    assert {mark: record.ref for mark, record in found.items()} == {MARKER: made.ref}


async def test_what_bridge_says_on_a_task_is_heard_but_is_no_comment_of_its_own(at):
    item = at.people.create("T")
    asked = await at.crm.comments.post(at.ref(item), "Which <one>?\n\nbridge: take left", key="c 1")
    at.people.comment(item, "<p>bridge:&nbsp;take right<br>Thanks &amp; bye</p>")

    heard = await at.crm.comments.read(at.ref(item))
    [page] = await at.pull("comment")

    assert [(one.author, one.key, one.text) for one in heard] == [
        ("admin@example.com", "c 1", "Which <one>?\nbridge: take left"),
        ("ann@example.com", None, "bridge:\xa0take right\nThanks & bye"),
    ]
    assert heard[0] == asked
    assert [one.fields["author"] for one in page.records] == ["ann@example.com"]
    assert await at.crm.comments.read(at.ref(item), heard[1].created_at) == heard[1:]
    with pytest.raises(RejectedError):
        await at.crm.comments.post(at.ref(item), "x" * 70_000, key="c")


async def test_comments_without_dates_are_read_all_the_same():
    async with scene({"comment_dates": False}, text_format="plain") as at:
        item = at.people.create("T")
        comment = at.people.comment(item, "bridge: take left")
        await at.crm.comments.post(at.ref(item), "Which?", key="k")

        [page] = await at.pull("comment")

        assert [(one.ref.id, one.fields["created_at"]) for one in page.records] == [(comment, None)]
        assert {one.text for one in await at.crm.comments.read(at.ref(item))} == {"bridge: take left", "Which?"}


# --- time ------------------------------------------------------------------------------------------------------------


async def test_time_is_logged_for_anybody_in_whole_minutes_on_a_day(at):
    item = at.people.create("T")
    made = await at.make({"task": item, **ENTRY}, kind="time_entry")
    odd = await at.make({"task": item, **ENTRY, "seconds": 100}, kind="time_entry")

    assert {name: made.fields[name] for name in ENTRY} == ENTRY
    assert (odd.fields["seconds"], made.marker) == (2 * MINUTE, None)
    assert at.people.times()[made.ref.id] == {
        "task": item,
        "seconds": 90 * MINUTE,
        "on": "2026-11-19",
        "note": "",
        "person": "bob@example.com",
        "marker": None,
    }
    assert await at.seen(made.ref.id, "time_entry") == made


async def test_only_the_duration_of_an_entry_changes(at):
    item = at.people.create("T")
    made = await at.make({"task": item, **ENTRY}, kind="time_entry")

    now = await at.write(made, {"seconds": 120 * MINUTE})

    assert now.fields == {**made.fields, "seconds": 120 * MINUTE}
    specs = (await at.crm.schema(PROJECT, "time_entry", fields=frozenset())).fields
    assert {name: spec.writable for name, spec in specs.items()} == {
        "task": "create",
        "person": "create",
        "spent_on": "create",
        "seconds": "always",
        "is_invoiced": "never",
    }
    assert specs["seconds"].step == MINUTE


async def test_less_than_a_minute_and_people_nobody_knows_are_refused(at):
    item = at.people.create("T")

    for wrong, field in (({"seconds": 20}, "seconds"), ({"person": "eve@example.com"}, "person")):
        with pytest.raises(RejectedError) as refused:
            await at.make({"task": item, **ENTRY, **wrong}, kind="time_entry")
        assert refused.value.field == field
    with pytest.raises(GoneError):
        await at.make({"task": "9999", **ENTRY}, kind="time_entry")


async def test_invoiced_time_is_read_and_left_alone(at):
    item = at.people.create("T")
    entry = at.people.log_time(item, 3600)
    seen = await at.seen(entry, "time_entry")
    at.box.act("invoice", timer=int(entry))
    with pytest.raises(RejectedError, match="invoiced"):
        await at.write(seen, {"seconds": 60})
    with pytest.raises(RejectedError, match="invoiced"):
        await at.crm.delete(seen.ref)
    before = at.requests()

    with pytest.raises(RejectedError, match="invoiced"):
        await at.write(await at.seen(entry, "time_entry"), {"seconds": 60})

    assert at.requests() - before == 1  # the look; nothing was sent


async def test_a_running_timer_is_no_entry_and_becomes_one_when_it_stops(at):
    item = at.people.create("T")
    timer = at.box.act("start_timer", task=int(item), who="ann@example.com")["id"]
    [full] = await at.pull("time_entry")
    assert full.records == ()
    at.box.clock.advance(125)
    at.box.call("PUT", f"/api/tasks/{item}/stop-timers", who="ann")

    [page] = await at.pull("time_entry", full.cursor)

    assert [(one.ref.id, one.fields["seconds"]) for one in page.records] == [(str(timer), 125)]


async def test_time_costs_one_request_while_its_newest_page_is_as_it_was():
    async with scene(page_size=10) as at:
        item = at.people.create("T")
        entries = [at.people.log_time(item, 60 * (1 + day), f"2026-10-{1 + day:02}") for day in range(25)]
        await at.pull()
        before = at.requests()
        [full] = await at.pull("time_entry")
        assert (len(full.records), full.complete, at.requests() - before) == (25, True, 3 + 1)

        before = at.requests()
        [quiet] = await at.pull("time_entry", full.cursor)
        assert (quiet.quiet, at.requests() - before) == (True, 1)
        at.people.edit_time(entries[0], 7200)  # it is on the last page
        [unseen] = await at.pull("time_entry", full.cursor)
        [swept] = await at.pull("time_entry", full.cursor, sweep=True)
        assert (unseen.quiet, len(swept.records), swept.complete) == (True, 25, True)
        at.people.delete_time(entries[1])
        [page] = await at.pull("time_entry", swept.cursor)
        assert (len(page.records), page.complete, page.gone) == (24, True, (entries[1],))


async def test_the_last_entry_that_goes_is_hinted_at(at):
    entry = at.people.log_time(at.people.create("T"), 3600)
    [full] = await at.pull("time_entry")
    at.people.delete_time(entry)

    [page] = await at.pull("time_entry", full.cursor)

    assert (page.records, page.complete, page.gone) == ((), False, (entry,))
    with pytest.raises(GoneError):
        await at.seen(entry, "time_entry")


async def test_time_of_other_projects_is_not_listed(at):
    at.people.log_time("1", 3600)  # task 1 is in project 8

    assert (await at.pull("time_entry"))[0].records == ()
