"""Gipo's tasks through the connector, against the sandbox over a socket."""

from __future__ import annotations

import pytest
from gipo_ground import BOARD, LOOSE, MAPPED, MARK, changed, connected, made, only
from trackers.gipo import People

from bridge.errors import ContainerError, GoneError, NotFoundError, RejectedError, SignatureError
from bridge.model import Ref
from connectors.gipo_config import GipoConfig

FULL = {
    "title": "New",
    "description": "<p>Some <strong>words</strong></p>",
    "status": "Doing",
    "priority": "urgent",
    "labels": ("bug", "docs"),
    "assignees": ("ann@example.com", "bob@example.com"),
    "due_on": "2026-12-24",
    "start_on": "2026-12-01",
    "estimate": 5400,
}


@pytest.fixture
def people():
    with People() as here:
        yield here


async def test_a_quiet_board_costs_one_request(people):
    people.create("One", labels={"bug"}, assignee="ann@example.com")
    people.box.seed(generate=150)
    async with connected(people) as gipo:
        full = await only(gipo)
        before = people.requests()
        quiet = await only(gipo, full.cursor)

        assert (len(full.records), full.complete) == (151, True)
        assert (quiet.quiet, quiet.records, quiet.complete, quiet.cursor) == (True, (), False, full.cursor)
        assert people.requests() - before == 1


async def test_a_task_is_read_in_our_words(people):
    item = people.create(
        "One", description="<p>Text</p>", labels={"bug", "api"}, assignee="ann@example.com", due_on="2026-12-24"
    )
    people.edit(item, estimate=5400, priority="high", start_on="2026-12-01")
    async with connected(people) as gipo:
        [record] = (await only(gipo)).records

        expected = {
            "title": "One",
            "description": "<p>Text</p>",
            "status": "Pending",
            "priority": "high",
            "labels": ("api", "bug"),
            "assignees": ("ann@example.com",),
            "due_on": "2026-12-24",
            "start_on": "2026-12-01",
            "estimate": 5400,
            "type": None,
            "project": None,
            "finalized_at": None,
        }
        assert record.fields == expected
        assert (record.ref, record.marker) == (Ref("gipo", BOARD, "task", item), None)
        assert await gipo.fetch(record.ref, fields=MAPPED) == record


async def test_an_edit_makes_the_whole_board_known_again(people):
    items = [people.create(f"T{number}") for number in range(3)]
    async with connected(people) as gipo:
        cursor = (await only(gipo)).cursor
        people.edit(items[0], title="Renamed")
        people.delete(items[1])
        page = await only(gipo, cursor)

        assert {record.ref.id: record.fields["title"] for record in page.records} == {
            items[0]: "Renamed",
            items[2]: "T2",
        }
        assert (page.complete, page.quiet) == (True, False)


async def test_a_new_stage_name_is_seen_and_a_moved_card_is_not(people):
    item = people.create("One")
    async with connected(people) as gipo:
        cursor = (await only(gipo)).cursor
        people.box.call("PATCH", f"/api/v1/tasks/{item}", {"sortOrder": 77}, who="ann")
        assert (await only(gipo, cursor)).quiet
        people.box.act("stage", name="Review")
        assert not (await only(gipo, cursor)).quiet


async def test_a_create_is_one_request_with_marker_and_key_and_is_found_again(people):
    async with connected(people, assignee_field="assigneeIds", tag_field="tagIds") as gipo:
        await gipo.schema(BOARD, "task", fields=MAPPED)
        known = await made(gipo, FULL)
        held = await gipo.fetch(known.ref, fields=MAPPED)
        found = await gipo.find(BOARD, "task", [MARK], None)

        assert {name: held.fields[name] for name in FULL} == FULL
        assert {name: known.fields[name] for name in FULL} == FULL
        assert (known.marker, held.marker, found[MARK].ref) == (MARK, MARK, known.ref)
        assert people.task(known.ref.id)["marker"] == "plan acme/app#12"
        [entry] = people.box.log
        assert (entry.author, entry.verb) == (People.BRIDGE, "create")


async def test_the_same_key_never_makes_a_second_task(people):
    async with connected(people) as gipo:
        first = await made(gipo, {"title": "New"})
        again = await made(gipo, {"title": "New"})

        assert (again.ref, len(people.tasks())) == (first.ref, 1)


async def test_an_update_sends_only_what_changed_and_keeps_the_marker(people):
    async with connected(people) as gipo:
        known = await made(gipo, FULL)
        before = people.requests()
        now = await changed(gipo, known, {"title": "Renamed", "description": None, "due_on": None})

        assert people.requests() - before == 1
        assert people.box.log[-1].body == {
            "subject": "Renamed",
            "expectedEndDate": None,
            "descriptionHtml": "<p>[bridge:v1 plan acme/app%2312]</p>",
        }
        assert now.fields == {**known.fields, "title": "Renamed", "description": None, "due_on": None}
        assert (now.marker, now.version != known.version) == (MARK, True)


async def test_what_the_editor_makes_of_a_text_is_what_is_held(people):
    async with connected(people) as gipo:
        known = await made(gipo, {"title": "New", "description": "bare <b>words</b><!-- hidden -->"})

        assert known.fields["description"] == "<p>bare <strong>words</strong></p>"
        assert (await gipo.fetch(known.ref, fields=MAPPED)).fields | {"checklist": None} == known.fields | {
            "assignees": ()
        }


async def test_an_unknown_tag_is_refused_with_what_to_do(people):
    async with connected(people) as gipo:
        known = await made(gipo, {"title": "New", "labels": ("bug",)})
        with pytest.raises(RejectedError) as refused:
            await changed(gipo, known, {"labels": ("bug", "brand new")})
        assert (refused.value.field, "dashboard" in refused.value.hint) == ("labels", True)
        assert "brand new" in refused.value.message

        people.box.act("tag", name="brand new")
        assert (await changed(gipo, known, {"labels": ("brand new",)})).fields["labels"] == ("brand new",)


async def test_the_schema_lists_the_tags_and_asks_for_nothing_else(people):
    async with connected(people) as gipo:
        plain = await gipo.schema(BOARD, "task", fields=MAPPED - {"labels"})
        assert (plain.fields["labels"].choices, people.requests()) == (None, 0)
        schema = await gipo.schema(BOARD, "task", fields=MAPPED)
        await gipo.schema(BOARD, "task", fields=MAPPED)

        assert "help wanted" in schema.fields["labels"].choices
        assert people.requests() == 1
        assert schema.fields["assignees"].emails
        assert schema.fields["assignees"].writable == "always"


async def test_assignees_are_not_written_where_the_setting_says_so(people):
    async with connected(people, push_assignees=False) as gipo:
        assert (await gipo.schema(BOARD, "task", fields=frozenset())).fields["assignees"].writable == "never"


async def test_write_names_come_from_the_servers_own_description():
    with People(assignee_field="assigneeUserIds", tag_field="labelTagIds") as people:
        async with connected(people) as gipo:
            known = await made(gipo, {"title": "New", "labels": ("bug",), "assignees": ("bob@example.com",)})
            assert (known.fields["labels"], known.fields["assignees"]) == (("bug",), ("bob@example.com",))
        async with connected(people, tag_field="tagIds") as gipo:
            with pytest.raises(RejectedError):
                await made(gipo, {"title": "Other", "labels": ("bug",)}, key="k2")


async def test_without_a_description_the_usual_names_are_written():
    with People(has_openapi=False) as people:
        async with connected(people) as gipo:
            assert (await made(gipo, {"title": "New", "labels": ("bug",)})).fields["labels"] == ("bug",)


async def test_somebody_who_is_no_member_cannot_be_assigned(people):
    async with connected(people) as gipo:
        with pytest.raises(RejectedError) as refused:
            await made(gipo, {"title": "New", "assignees": ("eve@example.com",)})
        assert refused.value.field == "assignees"


async def test_who_left_the_organization_keeps_an_id_and_is_asked_for_once(people):
    people.create("One", assignee="bob@example.com")
    people.box.act("leave", member="bob@example.com")
    async with connected(people) as gipo:
        [record] = (await only(gipo)).records
        before = people.requests()
        await gipo.fetch(record.ref, fields=MAPPED)

        assert record.fields["assignees"] == ("a0000000-0000-4000-8000-000000000003",)
        assert people.requests() - before == 1


# --- status


async def test_entering_the_finalizing_stage_finalizes_in_one_call(people):
    async with connected(people) as gipo:
        known = await made(gipo, {"title": "New"})
        await only(gipo)  # a run has seen the board, and with it the ids of its stages
        before = people.requests()
        done = await changed(gipo, known, {"status": "Done"})
        assert (people.requests() - before, done.fields["status"], bool(done.fields["finalized_at"])) == (
            1,
            "Done",
            True,
        )
        assert people.task(done.ref.id)["is_closed"]
        again = await changed(gipo, done, {"status": "Doing"})
        assert (again.fields["status"], again.fields["finalized_at"]) == ("Doing", None)


async def test_an_unknown_stage_is_refused_and_one_made_later_is_found(people):
    async with connected(people) as gipo:
        known = await made(gipo, {"title": "New"})
        with pytest.raises(RejectedError) as refused:
            await changed(gipo, known, {"status": "Review"})
        assert (refused.value.field, "Pending, Doing, Done" in refused.value.hint) == ("status", True)
        people.box.act("stage", name="Review")
        assert (await changed(gipo, known, {"status": "Review"})).fields["status"] == "Review"


async def test_a_board_without_a_finalizing_stage_is_finalized_by_its_date(people):
    async with connected(people) as gipo:
        known = await made(gipo, {"title": "New"}, board=LOOSE)
        done = await changed(gipo, known, {"status": "Finalized"})
        [seen] = (await only(gipo, board=LOOSE)).records
        assert (done.fields["status"], seen.fields["status"]) == ("Finalized", "Finalized")
        again = await changed(gipo, done, {"status": "Doing"})
        assert (again.fields["status"], again.fields["finalized_at"]) == ("Doing", None)


async def test_a_server_that_takes_no_date_of_finalizing_is_left_alone(people):
    async with connected(people, finalize_directly=False) as gipo:
        known = await made(gipo, {"title": "New"}, board=LOOSE)
        with pytest.raises(RejectedError) as refused:
            await changed(gipo, known, {"status": "Finalized"})
        assert refused.value.field == "status"


async def test_days_are_those_of_the_zone(people):
    item = people.create("One")
    people.box.call("PATCH", f"/api/v1/tasks/{item}", {"expectedEndDate": "2026-11-30T23:00:00.000Z"}, who="ann")
    async with connected(people, timezone="Europe/Berlin") as gipo:
        [record] = (await only(gipo)).records
        assert record.fields["due_on"] == "2026-12-01"
        await changed(gipo, record, {"due_on": "2026-07-01"})
        assert people.box.log[-1].body == {"expectedEndDate": "2026-06-30T22:00:00.000Z"}


# --- type and project


async def test_type_and_project_are_written_by_name(people):
    people.box.act("project", name="Relaunch")
    async with connected(people) as gipo:
        known = await made(gipo, {"title": "New", "type": "Defect", "project": "Relaunch"})
        assert (known.fields["type"], known.fields["project"]) == ("Defect", "Relaunch")
        assert (await changed(gipo, known, {"project": None})).fields["project"] is None
        with pytest.raises(RejectedError) as refused:
            await changed(gipo, known, {"type": "Defekt"})
        assert (refused.value.field, "Defect" in refused.value.hint) == ("type", True)


# --- what the board may leave out


@pytest.mark.parametrize(
    "lacking", [{"board_has_finalized": False}, {"board_has_descriptions": False}, {"board_cap": 2}]
)
async def test_a_board_that_leaves_something_out_is_read_by_the_list(lacking):
    with People(**lacking) as people:
        items = {people.create(f"T{number}", description="<p>Text</p>") for number in range(4)}
        people.close(min(items))
        async with connected(people) as gipo:
            full = await only(gipo)
            before = people.requests()
            quiet = await only(gipo, full.cursor)

            assert {record.ref.id for record in full.records} == items
            assert {record.fields["description"] for record in full.records} == {"<p>Text</p>"}
            assert (quiet.quiet, people.requests() - before) == (True, 1)


async def test_the_list_is_walked_by_cursor_in_pages_of_a_hundred():
    with People() as people:
        people.box.seed(generate=230)
        async with connected(people, board_read="tasks") as gipo:
            page = await only(gipo)
            assert len({record.ref.id for record in page.records}) == 230
            assert people.box.counts.by_route["GET /api/v1/tasks"] == 3


async def test_an_answer_without_expansions_is_completed_from_what_was_written():
    with People(bare_answers=True) as people:
        async with connected(people) as gipo:
            known = await made(gipo, FULL)
            assert {name: known.fields[name] for name in FULL} == FULL
            now = await changed(gipo, known, {"labels": ("api",)})
            assert (now.fields["labels"], now.fields["assignees"]) == (("api",), FULL["assignees"])


async def test_a_clock_of_the_server_is_used_where_tasks_have_one():
    with People(tasks_have_updated=True) as people:
        people.create("One")
        async with connected(people) as gipo:
            [record] = (await only(gipo)).records
            assert record.updated_at is not None


async def test_tags_in_another_order_are_no_change(people):
    people.create("One", labels={"bug", "api", "docs"})
    async with connected(people) as gipo:
        cursor = (await only(gipo)).cursor
        people.box.fault("normalise", path="/workspaces/", how="reorder")
        assert (await only(gipo, cursor)).quiet


# --- gone, hidden, moved


async def test_a_deleted_task_is_gone_with_evidence(people):
    item = people.create("One")
    people.delete(item)
    async with connected(people) as gipo:
        with pytest.raises(GoneError) as gone:
            await gipo.fetch(Ref("gipo", BOARD, "task", item), fields=MAPPED)
        assert gone.value.status == 404
        people.box.act("restore", task=item)
        assert (await gipo.fetch(Ref("gipo", BOARD, "task", item), fields=MAPPED)).fields["title"] == "One"


async def test_a_404_while_the_board_shows_the_task_proves_nothing(people):
    item = people.create("One")
    people.box.fault("permission_lost", path=f"/tasks/{item}", status=404)
    async with connected(people) as gipo:
        with pytest.raises(NotFoundError):
            await gipo.fetch(Ref("gipo", BOARD, "task", item), fields=MAPPED)


async def test_a_removed_workspace_proves_no_task_gone(people):
    item = people.create("One")
    people.box.act("remove_workspace", workspace=BOARD)
    async with connected(people) as gipo:
        with pytest.raises(ContainerError):
            await gipo.fetch(Ref("gipo", BOARD, "task", item), fields=MAPPED)
        with pytest.raises(ContainerError):
            await only(gipo)
        assert not await gipo.container_healthy(BOARD)
    async with connected(people, board_read="tasks") as gipo:
        with pytest.raises(ContainerError):
            await only(gipo)


async def test_a_task_on_another_board_has_moved(people):
    item = people.create("One")
    people.box.call("PATCH", f"/api/v1/tasks/{item}", {"workspaceId": LOOSE}, who="ann")
    async with connected(people) as gipo:
        with pytest.raises(GoneError) as gone:
            await gipo.fetch(Ref("gipo", BOARD, "task", item), fields=MAPPED)
        assert gone.value.moved_to == LOOSE


async def test_a_member_that_loses_a_project_sees_no_evidence_of_deletion_alone(people):
    """The board of a member key shrinks; that looks like deletion, which is why config check asks for an admin's key."""
    project = people.box.act("project", name="Secret", members=["bob@example.com"])["id"]
    item = people.create("One")
    people.box.call("PATCH", f"/api/v1/tasks/{item}", {"projectId": project}, who="ann")
    async with connected(people, token=people.box.token("carol")) as gipo:
        page = await only(gipo)
        assert (page.records, page.complete) == ((), False)


async def test_tasks_are_deleted_only_where_that_is_allowed(people):
    async with connected(people) as gipo:
        known = await made(gipo, {"title": "New"})
        with pytest.raises(RejectedError):
            await gipo.delete(known.ref)
        assert "delete" in gipo.kinds()["task"].reasons
    async with connected(people, allow_task_delete=True) as gipo:
        await gipo.delete(known.ref)
        with pytest.raises(GoneError):
            await gipo.delete(known.ref)
        assert people.tasks() == {}


# --- containers and the rest


async def test_a_board_can_be_named(people):
    people.create("One")
    async with connected(people) as gipo:
        page = await only(gipo, board="Workspace")
        assert [record.ref.container for record in page.records] == [BOARD]
        with pytest.raises(ContainerError) as refused:
            await only(gipo, board="Nowhere")
        assert "Workspace" in refused.value.hint


async def test_what_gipo_lacks_is_said(people):
    async with connected(people) as gipo:
        reasons = gipo.kinds()["task"].reasons
        assert {"comment", "label", "webhooks", "delete"} == set(reasons)
        assert (set(gipo.kinds()), gipo.comments) == ({"task", "time_entry"}, None)
        with pytest.raises(SignatureError):
            gipo.verify({}, b"{}")


async def test_an_item_is_addressed_by_the_template(people):
    async with connected(people, task_url="https://gipo.example.com/w/{workspace}?task={id}") as gipo:
        known = await made(gipo, {"title": "New"})
        assert known.url == gipo.item_url(known.ref) == f"https://gipo.example.com/w/{BOARD}?task={known.ref.id}"


def test_a_checked_configuration_refuses_what_cannot_work():
    with pytest.raises(ValueError):
        GipoConfig(token="ba_x")
    for wrong in (
        {"base_url": "ftp://gipo.example.com"},
        {"base_url": "https://a:b@gipo.example.com"},
        {"timezone": "Nowhere/Land"},
        {"day_starts": "nine"},
        {"person_keys": "ann@example.com"},
        {"time_window_days": 500},
    ):
        with pytest.raises(ValueError):
            GipoConfig(**{"base_url": "https://gipo.example.com", **wrong})
    assert GipoConfig(base_url="https://gipo.example.com/api/v1/").base_url == "https://gipo.example.com"
