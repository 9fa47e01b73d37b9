"""Redmine's issues through the connector, against the sandbox over a socket."""

from __future__ import annotations

import pytest
from redmine_site import FIELDS, MARK, changed, connected, made, only, pages, ref
from trackers.redmine import People

from bridge.errors import AuthError, ContainerError, GoneError, PermissionError_, RejectedError, UnknownOutcome

FULL = {
    "title": "New",
    "description": "h1. Words\n\nmore",
    "status": "Closed",
    "priority": "High",
    "type": "Feature",
    "labels": ("bug", "ui"),
    "assignee": "bob@example.com",
    "category": "backend",
    "milestone": "1.0",
    "due_on": "2026-12-24",
    "start_on": "2026-12-01",
    "estimate": 1200,
    "done_ratio": 30,
    "custom.Customer": "Acme",
    "custom.Size": 5,
}


@pytest.fixture
def people():
    with People() as here:
        yield here


async def test_a_quiet_project_costs_one_request(people):
    people.box.seed(generate=250)
    async with connected(people) as redmine:
        full = await pages(redmine)
        before = people.requests()
        quiet = await only(redmine, full[-1].cursor)

        assert sum(len(page.records) for page in full) == 250
        assert ([page.complete for page in full], full[-1].last) == ([False, False, True], True)
        assert (quiet.quiet, quiet.records, quiet.cursor) == (True, (), full[-1].cursor)
        assert people.requests() - before == 1


async def test_a_public_project_has_its_key_checked_so_that_anonymous_is_not_believed(people):
    people.box.act("project", is_public=True)
    people.create("One")
    async with connected(people, key_check_s=0) as redmine:
        cursor = (await only(redmine)).cursor
        people.box.act("revoke", token=people.box.token())

        with pytest.raises(AuthError):
            await only(redmine, cursor)


async def test_a_whole_second_longer_than_a_page_is_read_to_its_end(people):
    rows = [{"subject": f"n{number}", "updated_at": 1_700_000_000.0 + number / 1000} for number in range(23)]
    people.box.seed(issues=rows)
    people.create("Later")
    async with connected(people, page_size=5) as redmine:
        found = [record.fields["title"] for page in await pages(redmine) for record in page.records]

    assert sorted(found) == sorted([*(f"n{number}" for number in range(23)), "Later"])


async def test_an_edit_in_the_second_of_the_last_one_is_seen(people):
    people.box.clock.freeze("2026-11-20T10:00:00Z")
    item = people.create("One")
    async with connected(people) as redmine:
        cursor = (await only(redmine)).cursor
        people.edit(item, title="Two")
        [record] = (await only(redmine, cursor)).records

        assert record.fields["title"] == "Two"


async def test_subprojects_closed_and_private_issues(people):
    people.box.act("project", project="beta", parent=1)
    people.box.seed(project="beta", issues=[{"subject": "below"}])
    people.box.seed(issues=[{"subject": "secret", "is_private": True}])
    people.close(people.create("Closed"))
    async with connected(people) as redmine, connected(people, private_issues=True) as open_redmine:
        assert [record.fields["title"] for record in (await only(redmine)).records] == ["Closed"]
        assert {record.fields["title"] for record in (await only(open_redmine)).records} == {"Closed", "secret"}
        with pytest.raises(PermissionError_, match="private"):
            await redmine.fetch(ref("2"), fields=FIELDS)


async def test_a_full_create_is_one_post_and_a_status(people):
    async with connected(people) as redmine:
        await redmine.check(
            "acme",
            "task",
            ["create"],
            {"status": [], "priority": [], "milestone": [], "assignee": FULL["assignee"].split()},
        )
        before = people.requests()
        record = await made(redmine, **FULL)

        assert people.requests() - before == 3  # POST; PUT and its reading back
        assert {name: record.fields[name] for name in FULL} == FULL
        assert people.task(record.ref.id)["marker"] == "github acme/app#12"
        assert people.task(record.ref.id)["description"] == FULL["description"]
        assert (await redmine.fetch(record.ref, fields=FIELDS)).fields == {**record.fields, "blocks": ()}


async def test_an_issue_without_a_start_has_none(people):
    async with connected(people) as redmine:
        record = await made(redmine, title="New")

        assert (record.fields["start_on"], people.task(record.ref.id)["start_on"]) == (None, None)


async def test_everything_can_be_emptied(people):
    async with connected(people) as redmine:
        record = await made(redmine, **FULL)
        empty = {"description": None, "assignee": None, "category": None, "milestone": None, "due_on": None, "start_on": None,
                 "estimate": None, "labels": (), "custom.Customer": None, "custom.Size": None}  # fmt: skip
        record = await changed(redmine, record, **empty)

        assert {name: record.fields[name] for name in empty} == empty
        assert record.marker == MARK


async def test_an_update_is_a_put_and_a_look_and_nothing_at_all_where_nothing_changes(people):
    item = people.create("One")
    async with connected(people) as redmine:
        record = await redmine.fetch(ref(item), fields=FIELDS)
        before = people.requests()
        record = await changed(redmine, record, title="Two", description="a\nb")
        assert people.requests() - before == 2
        await changed(redmine, record, title="Two")

        assert people.requests() - before == 2
        assert (record.fields["title"], record.fields["description"]) == ("Two", "a\nb")


async def test_what_the_workflow_drops_in_silence_is_noticed(people):
    item = people.create("One")
    async with connected(people, who="dev", people_by="id") as redmine:
        record = await redmine.fetch(ref(item), fields=FIELDS)
        record = await changed(redmine, record, status="Rejected", title="Two")

        assert (record.fields["status"], record.fields["title"]) == ("New", "Two")


async def test_without_reading_back_the_write_is_not_confirmed(people):
    item = people.create("One")
    async with connected(people, read_back=False) as redmine:
        record = await redmine.fetch(ref(item), fields=FIELDS)
        before = people.requests()
        record = await changed(redmine, record, title="Two")

        assert (people.requests() - before, record.fields["title"]) == (1, "Two")
        assert not redmine.kinds()["task"].answers_writes


async def test_an_unknown_label_is_refused_with_the_way_to_add_it(people):
    async with connected(people) as redmine:
        with pytest.raises(RejectedError, match="Administration, Custom fields, Labels") as caught:
            await made(redmine, title="New", labels=("nowhere",))

    assert caught.value.field == "labels"
    assert people.tasks() == {}


@pytest.mark.parametrize(
    ("field", "value"),
    [("assignee", "nobody@example.com"), ("assignee", "out@example.com"), ("status", "Nope"), ("priority", "Nope"),
     ("milestone", "Nope"), ("category", "Nope"), ("type", "Nope"), ("parent", "999"), ("custom.Nope", "x")],
)  # fmt: skip
async def test_a_refused_value_names_its_field(people, field, value):
    item = people.create("One")
    async with connected(people) as redmine:
        record = await redmine.fetch(ref(item), fields=FIELDS)
        with pytest.raises(RejectedError) as caught:
            await changed(redmine, record, **{field: value})

    assert caught.value.field == field


async def test_without_the_field_the_marker_stands_in_the_text_and_stays_there(people):
    people.box.act("field", id=1)
    async with connected(people) as redmine:
        record = await made(redmine, title="New", description="Words")
        record = await changed(redmine, record, description="Other words")
        assert people.task(record.ref.id)["description"] == "Other words\n\n[bridge:v1 github acme/app%2312]"
        [listed] = (await only(redmine)).records

        assert (listed.fields["description"], listed.marker, record.marker) == ("Other words", MARK, MARK)


async def test_who_is_no_administrator_writes_the_marker_into_the_field_too(people):
    people.create("One")
    async with connected(people, who="dev", people_by="login") as redmine:
        record = await made(redmine, title="New", assignee="ann")

    task = people.task(record.ref.id)
    assert (task["marker"], task["assignee"], record.fields["assignee"]) == (
        "github acme/app#12",
        "ann@example.com",
        "ann",
    )


async def test_relations_are_swept_since_they_move_nothing(people):
    one, two = people.create("One"), people.create("Two")
    people.box.clock.advance(600)
    async with connected(people) as redmine:
        cursor = (await only(redmine)).cursor
        people.edit(one, blocks={two})
        swept = await only(redmine, cursor, sweep=True)
        again = await only(redmine, swept.cursor, sweep=True)

        assert (swept.sweep, swept.sweep_default) == ({one: {"blocks": (two,)}}, {"blocks": ()})
        assert (again.quiet, again.sweep) == (True, None)


async def test_relations_are_added_and_removed_and_twice_does_no_harm(people):
    one, two, three = (people.create(name) for name in ("One", "Two", "Three"))
    people.edit(one, blocks={two})
    async with connected(people) as redmine:
        record = await redmine.fetch(ref(one), fields=FIELDS)
        assert record.fields["blocks"] == (two,)
        for _ in range(2):
            await redmine.update(
                record.ref, redmine.steps("task", {"blocks"}, creating=False)[0], {"blocks": (three,)}, record
            )

    assert people.task(one)["blocks"] == {three}


async def test_gone_needs_a_project_that_answers(people):
    item, other = people.create("One"), people.create("Two")
    people.delete(item)
    people.box.seed(project="beta", issues=[{"subject": "moved"}])
    async with connected(people) as redmine:
        with pytest.raises(GoneError):
            await redmine.fetch(ref(item), fields=FIELDS)
        with pytest.raises(GoneError) as moved:
            await redmine.fetch(ref("3"), fields=FIELDS)
        assert moved.value.moved_to == "Beta#3"
        assert await redmine.container_healthy("acme")
        people.box.act("project", status=9)
        assert not await redmine.container_healthy("acme")
        with pytest.raises(ContainerError):
            await redmine.fetch(ref(item), fields=FIELDS)
        with pytest.raises(ContainerError):
            await only(redmine)
    assert other


async def test_deleting_is_off_until_it_is_meant(people):
    item = people.create("One")
    async with connected(people) as redmine, connected(people, allow_task_delete=True) as brave:
        with pytest.raises(RejectedError, match="final"):
            await redmine.delete(ref(item))
        await brave.delete(ref(item))
        with pytest.raises(GoneError):
            await brave.delete(ref(item))

    assert people.tasks() == {}


async def test_a_lost_answer_is_found_by_the_marker(people):
    async with connected(people) as redmine:
        cursor = (await only(redmine)).cursor
        people.box.fault("lost_reply", method="POST", path="issues")
        with pytest.raises(UnknownOutcome):
            await made(redmine, title="New")
        found = await redmine.find("acme", "task", [MARK], cursor)

        assert found[MARK].fields["title"] == "New"
        assert len(people.tasks()) == 1


async def test_limits_and_failures_of_a_proxy_are_waited_out(people):
    people.create("One")
    people.box.fault("status", status=503)
    people.box.fault("rate_limited", retry_after="1")
    async with connected(people) as redmine:
        assert len((await only(redmine)).records) == 1


async def test_half_a_page_loses_nothing(people):
    people.box.seed(generate=20)
    async with connected(people) as redmine:
        people.box.fault("half_page", path="issues")
        first = await only(redmine)
        rest = await only(redmine, first.cursor)

        titles = {record.fields["title"] for page in (first, rest) for record in page.records}
        assert len(titles) == 20


async def test_an_empty_listing_is_no_evidence(people):
    people.create("One")
    async with connected(people) as redmine:
        people.box.fault("empty_listing", path="issues")

        assert not (await only(redmine)).complete


async def test_the_live_check_names_what_is_not_there(people):
    maps = {
        "status": ["New", "Nope"],
        "labels": ["bug", "nope"],
        "assignee": ["ann@example.com", "x@example.com"],
        "custom.Nope": [],
    }
    async with connected(people) as redmine, connected(people, who="dev", switch_user=True) as poor:
        found = [one.what for one in await redmine.check("acme", "task", ["create"], maps) if one.level == "error"]
        assert len(found) == 4
        assert [one.level for one in await poor.check("acme", "comment", ["create"], {})][:2] == ["ok", "error"]
        people.box.act("field", id=3)
        warned = [one.what for one in await redmine.check("acme", "time_entry", [], {})]
        assert len(warned) == 2  # the key and the project: names are asked once
        people.box.act("revoke", token=people.box.token("dev"))
    async with connected(people) as other:
        assert any("visible words" in one.what for one in await other.check("acme", "time_entry", [], {}))
        assert [one.level for one in await other.check("nowhere", "task", [], {})] == ["ok", "error"]


async def test_lacks_are_said(people):
    async with connected(people) as redmine:
        kinds = redmine.kinds()

    assert set(kinds) == {"task", "comment", "time_entry"}
    assert {"label", "delete", "webhooks"} <= set(kinds["task"].reasons)
