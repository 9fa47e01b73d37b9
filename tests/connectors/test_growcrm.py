"""Tasks of Grow CRM through the connector, against its sandbox over a socket."""

import pytest
from growcrm_scene import FIELDS, MARKER, PROJECT, scene

from bridge.errors import ConfigError, ContainerError, GoneError, RejectedError, SignatureError, StaleWrite
from bridge.model import Marker
from connectors.growcrm_config import GrowcrmConfig

WHOLE = {
    "title": "Größe & mehr",
    "description": "<p>First <b>draft</b> + 100%</p>",
    "status": "In progress",
    "priority": "High",
    "milestone": "Phase 1",
    "start_on": "2026-12-01",
    "due_on": "2026-12-24",
    "billable": True,
    "client_visible": False,
    "labels": ("a & b", "bug"),
    "assignees": ("ann@example.com", "bob@example.com"),
}


@pytest.fixture(params=["form", "json"])
async def at(request):
    async with scene(encoding=request.param) as at:
        yield at


async def test_a_task_is_created_in_three_calls_with_its_marker_in_the_first(at):
    at.people.create("Old one", status=3)
    await at.pull()  # statuses and people are known then
    await at.crm.schema(PROJECT, "task", fields=FIELDS)
    at.box.tracker.journal.reset_counts()

    made = await at.make(WHOLE)

    assert {name: made.fields[name] for name in WHOLE} == WHOLE
    assert made.marker == MARKER
    held = await at.seen(made.ref.id)
    assert held == made
    assert [(entry.author, entry.verb, entry.path.rsplit("/", 1)[1]) for entry in at.box.log[1:]] == [
        ("bridge", "create", "tasks"),
        ("bridge", "update", "tags"),
        ("bridge", "update", "assigned"),
    ]


async def test_an_update_takes_four_calls_and_keeps_what_did_not_change(at):
    made = await at.make(WHOLE)
    before = at.requests()

    now = await at.write(made, {"title": "New", "labels": (), "assignees": ("bob@example.com",), "status": "Completed"})

    assert at.requests() - before == 4
    expected = {**WHOLE, "title": "New", "labels": (), "assignees": ("bob@example.com",), "status": "Completed"}
    held = await at.seen(made.ref.id)
    assert {name: held.fields[name] for name in WHOLE} == expected
    assert (held.marker, held.fields) == (MARKER, now.fields)
    assert at.box.store.tasks[int(made.ref.id)].completer_id == at.box.tracker.admin


async def test_only_the_calls_that_are_needed_are_steps(at):
    def names(fields, *, creating=False):
        return [step.name for step in at.crm.steps("task", fields, creating=creating)]

    assert names({"status"}) == ["status"]
    assert names({"title", "due_on", "labels"}) == ["fields", "labels"]
    assert names({"title", "status", "labels", "assignees"}, creating=True) == ["create", "labels", "assignees"]
    assert names({"is_archived"}) == ["archive"]


async def test_everything_that_can_be_empty_can_be_cleared(at):
    made = await at.make(WHOLE)
    nothing = {"description": None, "milestone": None, "start_on": None, "due_on": None, "billable": False}

    await at.write(made, {**nothing, "labels": (), "assignees": ()})

    held = await at.seen(made.ref.id)
    wanted = {**nothing, "labels": (), "assignees": ()}
    assert {name: held.fields[name] for name in wanted} == wanted
    assert held.marker == MARKER


async def test_a_person_sees_our_marker_as_the_last_paragraph(at):
    made = await at.make({"title": "T", "description": "<p>Text</p>"})

    stored = at.box.store.tasks[int(made.ref.id)].description

    assert stored == "<p>Text</p><p>[bridge:v1 github acme/app%2312]</p>"
    assert made.fields["description"] == "<p>Text</p>"


async def test_a_new_task_gets_a_status_and_a_priority_where_the_mapping_gives_none():
    async with scene() as at:
        made = await at.make({"title": "T"})
        assert (made.fields["status"], made.fields["priority"]) == ("To do", "Normal")
    async with scene(default_status="Awaiting feedback", default_priority="low") as at:
        made = await at.make({"title": "T"})
        assert (made.fields["status"], made.fields["priority"]) == ("Awaiting feedback", "Low")


async def test_statuses_that_no_task_has_come_from_the_settings():
    async with scene(statuses={"To do": 1, "Completed": 2}, priorities={"High": 2}) as at:
        at.box.seed(bare=True)
        made = await at.make({"title": "T", "status": "completed", "priority": "High"})
        assert made.fields["status"] == "Completed"

        with pytest.raises(RejectedError, match="no status") as refused:
            await at.write(made, {"status": "Testing"})

        assert refused.value.field == "status"
        assert "statuses of the connection" in refused.value.hint


async def test_a_task_is_closed_with_the_title_that_sounds_completed():
    async with scene() as at:
        at.box.act("rename_status", status=2, to="All done")
        made = await at.make({"title": "T"})

        closed = await at.write(made, at.crm.kinds()["task"].closes)

        assert closed.fields["status"] == "All done"


async def test_an_archived_task_is_a_field_and_not_gone(at):
    made = await at.make({"title": "T"})
    [full] = await at.pull()
    before = at.requests()

    same = await at.write(made, {"is_archived": False})
    assert (same, at.requests()) == (made, before)
    await at.write(made, at.crm.kinds()["task"].archives)

    assert (await at.seen(made.ref.id)).fields["is_archived"] is True
    [page] = await at.pull(cursor=full.cursor)
    assert [(record.ref.id, record.fields["is_archived"]) for record in page.records] == [(made.ref.id, True)]
    assert (page.complete, page.gone) == (True, ())


async def test_a_quiet_project_costs_one_request_and_a_full_listing_two():
    async with scene(page_size=10) as at:
        at.box.seed(generate=25, tasks=[{"title": "Archived", "active_state": "archived"}])
        [full] = await at.pull()
        assert at.requests() == 3 + 1
        assert (len(full.records), full.complete) == (26, True)
    async with scene() as at:
        at.box.seed(generate=25)
        [full] = await at.pull()
        before = at.requests()
        [quiet] = await at.pull(cursor=full.cursor)
        [swept] = await at.pull(cursor=full.cursor, sweep=True)

        assert (quiet.quiet, quiet.records, quiet.cursor) == (True, (), full.cursor)
        assert (swept.quiet, at.requests() - before) == (True, 1 + 2)


@pytest.mark.parametrize(
    "edit",
    [{"title": "Other"}, {"labels": {"new"}}, {"assignee": "bob@example.com"}, {"description": "<p>Other</p>"}, None],
)
async def test_every_edit_of_a_person_is_seen_though_no_date_tells(edit):
    async with scene({"actions_touch": False}) as at:
        item = at.people.create("T", labels={"bug"})
        [full] = await at.pull()
        at.people.edit(item, **edit) if edit else at.people.close(item)

        [page] = await at.pull(cursor=full.cursor)

        assert [record.ref.id for record in page.records] == [item]
        assert page.records[0].version != full.records[0].version
        assert page.complete is False  # the archived ones were not read


async def test_what_disappears_from_the_list_is_looked_for_among_the_archived():
    async with scene() as at:
        kept, lost = at.people.create("Kept"), at.people.create("Lost")
        [full] = await at.pull()
        at.people.delete(lost)

        [page] = await at.pull(cursor=full.cursor)

        assert ([record.ref.id for record in page.records], page.complete, page.gone) == ([kept], True, (lost,))
        with pytest.raises(GoneError):
            await at.seen(lost)


async def test_the_last_task_that_goes_is_hinted_at_though_an_empty_list_says_nothing():
    async with scene() as at:
        item = at.people.create("Only one")
        [full] = await at.pull()
        at.people.delete(item)

        [page] = await at.pull(cursor=full.cursor)

        assert (page.records, page.complete, page.gone) == ((), False, (item,))


async def test_a_deleted_project_takes_no_task_for_gone():
    async with scene() as at:
        item = at.people.create("T")
        [full] = await at.pull()
        at.box.act("delete_project", project=7)

        with pytest.raises(ContainerError):
            await at.seen(item)
        with pytest.raises(ContainerError):
            await at.pull(cursor=full.cursor)
        with pytest.raises(ContainerError):
            await at.make({"title": "T"})
        assert await at.crm.container_healthy(PROJECT) is False


async def test_markers_are_found_newest_first_and_no_further_than_the_cursor():
    async with scene(page_size=10) as at:
        at.box.seed(generate={"count": 40, "before": 1_780_000_000})
        [full] = await at.pull()
        at.people.create("Newer")
        made = await at.make({"title": "T"})
        before = at.requests()

        found = await at.crm.find(PROJECT, "task", [MARKER], full.cursor)
        assert ({mark: record.ref for mark, record in found.items()}, at.requests() - before) == (
            {MARKER: made.ref},
            1,
        )
        nothing = await at.crm.find(PROJECT, "task", [Marker("github", "acme/app#13")], full.cursor)
        assert nothing == {}
        at.box.call("PUT", f"/api/tasks/{made.ref.id}/archive")
        assert MARKER in await at.crm.find(PROJECT, "task", [MARKER], full.cursor)


async def test_a_member_who_left_stays_on_the_task_until_somebody_changes_it():
    async with scene() as at:
        item = at.people.create("T", assignee="ann@example.com")
        store = at.box.store
        at.box.act("delete_member", member="bob@example.com")
        row = store.tasks[int(item)]
        store.tasks[int(item)] = type(row)(**{**_members(row), "assigned": (53, 54)})

        seen = await at.seen(item)

        assert seen.fields["assignees"] == ("ann@example.com", "user:54")
        with pytest.raises(RejectedError, match=r"bob@example\.com") as refused:
            await at.write(seen, {"assignees": ("bob@example.com",)})
        assert refused.value.field == "assignees"


def _members(row):
    return {name: getattr(row, name) for name in type(row).__dataclass_fields__}


@pytest.mark.parametrize(
    ("changes", "field"),
    [({"title": "x" * 251}, "title"), ({"due_on": "2026-01-01"}, "due_on"), ({"milestone": "Nowhere"}, "milestone")],
)
async def test_a_refused_field_is_named(changes, field):
    async with scene() as at:
        made = await at.make({"title": "T", "start_on": "2026-12-01"})

        with pytest.raises(RejectedError) as refused:
            await at.write(made, changes)

        assert refused.value.field == field


async def test_a_business_refusal_is_no_matter_of_versions():
    async with scene() as at:
        made = await at.make({"title": "T"})
        at.box.fault("status", method="PATCH", status=409, message="The milestone does not belong to the project.")

        with pytest.raises(RejectedError, match="does not belong"):
            await at.write(made, {"title": "U"})


async def test_a_write_can_look_first_and_then_refuses_what_was_edited():
    async with scene(read_before_write=True) as at:
        made = await at.make({"title": "T"})
        at.people.edit(made.ref.id, title="A person's")

        with pytest.raises(StaleWrite, match="title"):
            await at.write(made, {"due_on": "2026-12-24"})

        assert at.people.task(made.ref.id)["title"] == "A person's"


async def test_a_partial_patch_sends_the_required_members_and_the_changes():
    async with scene({"patch_resets": False}, patch_is_full_replace=False) as at:
        made = await at.make(WHOLE)

        await at.write(made, {"due_on": None})

        assert set(at.box.log[-1].body) == {"task_title", "task_status", "task_priority", "task_date_due"}
        assert (await at.seen(made.ref.id)).fields["description"] == WHOLE["description"]


async def test_deleting_a_task_needs_leave():
    async with scene() as at:
        made = await at.make({"title": "T"})
        with pytest.raises(RejectedError, match="final"):
            await at.crm.delete(made.ref)
        assert "final" in at.crm.kinds()["task"].reasons["delete"]
    async with scene(allow_task_delete=True) as at:
        made = await at.make({"title": "T"})
        await at.crm.delete(made.ref)
        with pytest.raises(GoneError):
            await at.crm.delete(made.ref)


async def test_what_the_api_lacks_has_a_reason():
    async with scene() as at:
        kinds = at.crm.kinds()

        assert set(kinds) == {"task", "comment", "time_entry"}
        assert set(kinds["task"].reasons) == {"webhooks", "label", "delete"}
        assert set(kinds["comment"].reasons) == {"update", "webhooks"}
        assert set(kinds["time_entry"].reasons) == {"find", "webhooks"}
        with pytest.raises(SignatureError):
            at.crm.verify({}, b"{}")


async def test_the_live_check_says_what_would_fail_later():
    maps = {"status": ["To do", "Testing"], "priority": ["High"], "assignees": ["ann@example.com", "eve@example.com"]}
    async with scene() as at:
        found = await at.crm.check(PROJECT, "task", ["create", "update", "delete"], {**maps, "milestone": ["Phase 1"]})
        said = [(one.level, one.what) for one in found if one.level != "ok"]
        assert said == [
            ("error", "This connection may not delete tasks."),
            ("error", 'Grow CRM has no team member with the e-mail "eve@example.com".'),
            ("warning", 'Bridge knows no status "Testing" in Grow CRM.'),
        ]
        at.box.act("archive_project", project=7)
        [_, _, archived] = await at.crm.check(PROJECT, "task", [], {})
        assert archived.level == "warning"
        assert (await at.crm.check("77", "task", [], {}))[-1].level == "error"
        assert at.box.log == [entry for entry in at.box.log if entry.verb == "act"]
    async with scene(token="wrong") as at:
        [refused] = await at.crm.check(PROJECT, "task", [], {})
        assert (refused.level, "wrong" in refused.what) == ("error", False)


def test_a_configuration_that_cannot_work_is_refused():
    for wrong in (
        {"base_url": "crm"},
        {"base_url": "https://u:p@crm"},
        {"statuses": {"A": 1, "a": 2}},
        {"page_size": 101},
    ):
        with pytest.raises((ValueError, ConfigError)):
            GrowcrmConfig(**wrong)
    assert GrowcrmConfig(base_url="https://crm.example.com/api/").base_url == "https://crm.example.com"


async def test_a_task_has_an_address_where_the_settings_say_how():
    async with scene(task_url="https://crm.example.com/projects/{project}/tasks/{id}") as at:
        made = await at.make({"title": "T"})

        assert made.url == at.crm.item_url(made.ref) == f"https://crm.example.com/projects/7/tasks/{made.ref.id}"
