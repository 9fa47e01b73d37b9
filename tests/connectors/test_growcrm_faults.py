"""The Grow CRM connector while answers are lost, late, cut, or refuse."""

import pytest
from growcrm_scene import MARKER, PROJECT, scene

from bridge.errors import AuthError, GoneError, RateLimited, RetryableError, UnknownOutcome

ENTRY = {"person": "bob@example.com", "spent_on": "2026-11-19", "seconds": 5400}


@pytest.fixture
async def at():
    async with scene() as at:
        at.people.create("Old one")
        await at.pull()
        yield at


@pytest.mark.parametrize("kind", ["lost_reply", "accepted_error", "cut_json"])
async def test_a_create_whose_answer_is_lost_is_found_and_not_made_twice(at, kind):
    at.box.fault(kind, method="POST", path="/api/tasks$")

    with pytest.raises(UnknownOutcome):
        await at.make({"title": "T", "description": "<p>x</p>"})

    found = await at.crm.find(PROJECT, "task", [MARKER], None)
    assert found[MARKER].fields["title"] == "T"
    assert len([entry for entry in at.box.log if entry.author == "bridge"]) == 1


async def test_a_comment_whose_answer_is_lost_is_found_on_its_task_first(at):
    item = at.people.create("T")
    at.box.fault("lost_reply", method="POST", path="/comments$")
    with pytest.raises(UnknownOutcome):
        await at.make({"task": item, "body": "<p>x</p>"}, kind="comment")
    await at.pull()
    before = at.requests()

    found = await at.crm.find(PROJECT, "comment", [MARKER], None)

    assert found[MARKER].fields["task"] == item
    assert at.requests() - before <= 3


@pytest.mark.parametrize("kind", ["lost_reply", "accepted_error", "cut_json"])
async def test_time_whose_answer_is_lost_is_recognised_among_the_newer_entries(at, kind):
    item = at.people.create("T")
    at.people.log_time(item, 5400, "2026-11-19")
    await at.pull("time_entry")
    at.box.fault(kind, method="POST", path="/api/timesheets")

    made = await at.make({"task": item, **ENTRY}, kind="time_entry")

    assert [entry.item for entry in at.box.log if entry.author == "bridge"] == [made.ref.id]


async def test_time_that_cannot_be_told_from_a_persons_stays_unknown(at):
    item = at.people.create("T")
    await at.pull("time_entry")
    body = {"task_id": int(item), "user_id": 54, "hours": 1, "minutes": 30, "timer_created": "2026-11-19"}
    deed = {"who": "ann", "method": "POST", "path": "/api/timesheets", "body": body}
    at.box.fault("meanwhile", method="POST", path="/api/timesheets", deed=deed)
    at.box.fault("lost_reply", method="POST", path="/api/timesheets")

    with pytest.raises(UnknownOutcome):
        await at.make({"task": item, **ENTRY}, kind="time_entry")

    async with scene() as fresh:  # nothing was read yet: nothing can be told
        fresh.box.fault("lost_reply", method="POST", path="/api/timesheets")
        with pytest.raises(UnknownOutcome):
            await fresh.make({"task": "1", **ENTRY}, kind="time_entry")


@pytest.mark.parametrize("step", ["fields", "labels", "assignees", "status"])
async def test_a_step_whose_answer_is_lost_is_unknown_and_not_sent_again(at, step):
    made = await at.make({"title": "T"})
    values = {"fields": {"title": "U"}, "labels": {"labels": ("a",)}, "status": {"status": "Completed"}}
    at.box.fault("lost_reply", method="PATCH" if step == "fields" else "PUT")
    writes = len(at.box.log)

    with pytest.raises(UnknownOutcome):
        await at.write(made, values.get(step, {"assignees": ("bob@example.com",)}))

    assert len(at.box.log) == writes + 1


async def test_a_limit_is_waited_for_and_a_long_one_is_told(at):
    at.box.fault("rate_limited", retry_after=1, times=2)
    [page] = await at.pull()
    assert len(page.records) == 1
    at.box.fault("rate_limited", retry_after=3600, times=-1)
    with pytest.raises(RateLimited):
        await at.pull()


async def test_trouble_of_the_server_is_tried_again_and_a_key_that_was_taken_away_is_not(at):
    at.box.fault("status", status=503, times=2)
    assert (await at.pull())[0].complete is True
    at.box.fault("status", status=500, times=-1)
    with pytest.raises(RetryableError):
        await at.pull()
    at.box.faults.clear()
    at.box.act("revoke", token=at.box.token())
    with pytest.raises(AuthError) as refused:
        await at.pull()
    assert at.box.token() not in str(refused.value)


async def test_half_a_page_is_noticed_by_the_total_and_read_again(at):
    at.box.seed(generate=9)
    [full] = await at.pull()
    at.box.fault("half_page", path="/api/tasks")
    [again] = await at.pull(cursor=full.cursor)
    assert again.quiet is True

    at.box.fault("half_page", path="/api/tasks", times=-1)
    [part] = await at.pull(cursor=full.cursor)

    assert (len(part.records), part.complete, part.gone, part.cursor) == (5, False, (), full.cursor)


async def test_rows_that_move_between_pages_are_not_lost():
    async with scene(page_size=10) as at:
        at.box.seed(generate=25)
        oldest = min(number for number, row in at.box.store.tasks.items() if row.project_id == 7)
        deed = {"who": "ann", "method": "DELETE", "path": f"/api/tasks/{oldest}", "body": None}
        at.box.fault("meanwhile", path="/api/tasks$", after=1, deed=deed)

        [page] = await at.pull()

        assert (len(page.records), page.complete) == (24, True)


async def test_an_empty_list_is_no_evidence(at):
    [full] = await at.pull()
    [item] = [record.ref.id for record in full.records]
    at.box.fault("empty_listing", path="/api/tasks", times=-1)

    [page] = await at.pull(cursor=full.cursor)

    assert (page.complete, page.records, page.gone) == (False, (), (item,))
    at.box.faults.clear()
    assert (await at.seen(item)).fields["title"] == "Old one"
    [again] = await at.pull(cursor=page.cursor)
    assert [record.ref.id for record in again.records] == [item]


async def test_a_404_proves_nothing_while_the_project_does_not_answer(at):
    [full] = await at.pull()
    item = full.records[0].ref.id
    at.box.fault("status", status=404, path="/api/projects/")
    at.people.delete(item)

    with pytest.raises(Exception, match="has no project 7"):
        await at.seen(item)
    with pytest.raises(GoneError):
        await at.seen(item)


async def test_a_page_of_a_proxy_is_no_answer(at):
    at.box.fault("cut_json", path="/api/tasks", times=-1)

    with pytest.raises(RetryableError):
        await at.pull()


async def test_what_the_server_stores_otherwise_is_what_is_reported(at):
    at.box.fault("normalise", times=-1, how="trim entities lower reorder")

    made = await at.make({"title": " T & U ", "description": "<p>a</p>", "labels": ("Bug", "Ärger")})

    held = await at.seen(made.ref.id)
    assert held == made
    assert (made.fields["title"], made.fields["labels"]) == ("T &amp; U", ("bug", "ärger"))


async def test_the_fence_is_asked_before_each_write_and_stops_it(at):
    asked = []

    class LostError(Exception):
        pass

    async def fence():
        asked.append(1)
        if len(asked) > 1:
            raise LostError

    made = await at.crm.create(PROJECT, "task", {"title": "T"}, MARKER, key="k", before_send=fence)
    [step] = at.crm.steps("task", {"title"}, creating=False)

    with pytest.raises(LostError):
        await at.crm.update(made.ref, step, {"title": "U"}, made, before_send=fence)

    assert at.people.task(made.ref.id)["title"] == "T"
