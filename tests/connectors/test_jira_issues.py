"""Jira's issues through the connector, against the sandbox over a socket, in both dialects."""

from __future__ import annotations

import json

import pytest
from jira_site import DIALECTS, MARKER, adf, records, site

from bridge.errors import ContainerError, GoneError, RejectedError, UnknownOutcome
from bridge.model import Marker
from connectors.jira import Jira

both = pytest.mark.parametrize("dialect", DIALECTS)


@both
async def test_a_full_listing_reads_every_issue_and_says_so(dialect: str) -> None:
    async with site(dialect, {"page_size": 3}) as there:
        there.box.seed(project="APP", generate=10)

        pages = await there.pages()

        assert len({record.ref.id for record in records(pages)}) == 10
        assert [page.complete for page in pages] == [False] * (len(pages) - 1) + [True]
        assert [page.last for page in pages] == [False] * (len(pages) - 1) + [True]


@both
async def test_an_issue_is_read_with_all_its_fields(dialect: str) -> None:
    async with site(dialect) as there:
        [parent] = there.seed({"summary": "Epic", "type": "Epic"})
        [id_] = there.seed(
            {
                "summary": "First",
                "description": adf("Some words") if there.is_cloud else "Some words",
                "labels": ["b", "a"],
            }
            | {"assignee": "bob", "due": "2026-12-01", "original": 5400, "status": "In Progress", "priority": "High"}
        )

        record = await there.fetch(id_)

        assert parent
        assert record.fields["title"] == "First"
        assert record.fields["description"] == there.value("Some words")
        assert record.fields["labels"] == ("a", "b")
        assert record.fields["assignee"] == there.person("bob")
        assert record.fields["due_on"] == "2026-12-01"
        assert record.fields["estimate"] == 5400
        assert (record.fields["status"], record.fields["priority"]) == ("In Progress", "High")
        assert record.marker is None
        assert record.url.endswith("/browse/APP-2")


@both
async def test_a_quiet_project_costs_one_request_and_a_change_is_found(dialect: str) -> None:
    async with site(dialect) as there:
        [first, second] = there.seed({"updated": "2026-11-01T08:00:00Z"}, {"updated": "2026-11-01T09:00:00Z"})
        cursor = (await there.pages())[-1].cursor
        cursor = (await there.pages(cursor=cursor))[-1].cursor  # finds out how to name an instant
        there.counted()

        [quiet] = await there.pages(cursor=cursor)

        assert (quiet.quiet, quiet.records, there.counted()) == (True, (), 1)

        there.ask("PUT", f"issue/{first}", {"fields": {"summary": "Renamed"}})
        pages = await there.pages(cursor=quiet.cursor)
        assert [(record.ref.id, record.fields["title"]) for record in records(pages)] == [(first, "Renamed")]
        assert second not in {record.ref.id for record in records(pages)}
        assert not pages[-1].complete


@both
async def test_a_create_carries_its_marker_and_is_found_by_it(dialect: str) -> None:
    async with site(dialect) as there:
        cursor = (await there.pages())[-1].cursor
        made = await there.create(
            {"title": "New", "description": there.value("Text"), "labels": ("one",), "assignee": there.person("ann")}
            | {"due_on": "2026-12-24", "estimate": 3600, "priority": "High"}
        )

        assert made.marker == MARKER
        assert (await there.fetch(made.ref.id)).fields == made.fields
        assert made.fields["status"] == "To Do"
        assert made.fields["estimate"] == 3600
        [listed] = records(await there.pages(cursor=cursor))
        assert (listed.marker, listed.version) == (MARKER, made.version)
        found = await there.jira.find("APP", "task", {MARKER, Marker("x", "y")}, cursor)
        assert {marker: record.ref.id for marker, record in found.items()} == {MARKER: made.ref.id}


async def test_a_create_is_one_write_and_one_read() -> None:
    async with site() as there:
        await there.create({"title": "New", "description": there.value("Text"), "labels": ("one",)})

        assert there.counted() == 2
        assert there.jira.usage().writes == 1


@both
async def test_an_edit_is_one_request_and_answers_what_is_kept(dialect: str) -> None:
    async with site(dialect) as there:
        [id_] = there.seed({"labels": ["old", "kept"]})
        before = await there.fetch(id_)
        there.ask("PUT", f"issue/{id_}", {"update": {"labels": [{"add": "theirs"}]}})
        there.counted()

        after = await there.update(
            before, {"title": "Second", "labels": ("kept", "new"), "estimate": 120, "due_on": "2026-12-02"}
        )

        assert there.counted() == 1
        assert after.fields["title"] == "Second"
        now = await there.fetch(id_)
        assert now.fields["labels"] == ("kept", "new", "theirs")
        assert (now.fields["estimate"], now.fields["due_on"]) == (120, "2026-12-02")
        assert after.provisional is not there.is_cloud


@both
async def test_fields_can_be_emptied(dialect: str) -> None:
    async with site(dialect) as there:
        made = await there.create(
            {"title": "New", "description": there.value("x"), "assignee": there.person("bob"), "labels": ("a",)}
            | {"due_on": "2026-12-24", "estimate": 3600, "start_on": "2026-12-01"}
        )
        empty = {
            "description": None,
            "assignee": None,
            "labels": (),
            "due_on": None,
            "estimate": None,
            "start_on": None,
        }

        await there.update(made, empty)

        now = await there.jira.fetch(made.ref, fields=frozenset(empty))
        assert {name: now.fields[name] for name in empty} == empty


@both
async def test_a_status_is_reached_over_several_transitions(dialect: str) -> None:
    async with site(dialect) as there:
        [id_] = there.seed({})
        record = await there.fetch(id_)

        after = await there.update(record, {"status": "Done"})

        assert after.fields["status"] == "Done"
        assert (await there.fetch(id_)).fields["status"] == "Done"
        assert there.ask("GET", f"issue/{id_}")["fields"]["resolution"]["name"] == "Done"


async def test_the_way_of_a_status_is_looked_up_in_other_issues_and_remembered() -> None:
    async with site() as there:
        [first, second, *_] = there.seed({}, {}, {"status": "In Progress"}, {"status": "In Review"})
        await there.update(await there.fetch(first), {"status": "Done"})
        record = await there.fetch(second)
        there.counted()

        await there.update(record, {"status": "done"})

        assert there.counted() == 1 + 3  # its own transitions, then three hops


async def test_a_status_out_of_reach_parks_the_field_and_leaves_the_issue_where_it_was() -> None:
    async with site(config={"max_hops": 2}) as there:
        [id_] = there.seed({})

        with pytest.raises(RejectedError, match="no way of at most 2") as caught:
            await there.update(await there.fetch(id_), {"status": "Done"})

        assert caught.value.field == "status"
        assert (await there.fetch(id_)).fields["status"] == "To Do"


async def test_a_status_that_is_nowhere_names_those_that_are() -> None:
    async with site(flow="direct") as there:
        [id_] = there.seed({})

        with pytest.raises(RejectedError, match="In Progress") as caught:
            await there.update(await there.fetch(id_), {"status": "Nirvana"})

        assert caught.value.field == "status"


async def test_a_transition_that_requires_a_field_is_reported() -> None:
    async with site(
        flow="direct", done_screen="resolution customfield_10030", done_required="customfield_10030"
    ) as there:
        [id_] = there.seed({})

        with pytest.raises(RejectedError) as caught:
            await there.update(await there.fetch(id_), {"status": "Done"})

        assert "requires Customer" in str(caught.value)


@both
async def test_labels_with_spaces_are_refused_or_replaced(dialect: str) -> None:
    async with site(dialect) as there:
        with pytest.raises(RejectedError, match="good first issue") as caught:
            await there.create({"title": "New", "labels": ("good first issue",)})
        assert caught.value.field == "labels"
    async with site(dialect, {"label_space": "_"}) as there:
        made = await there.create({"title": "New", "labels": ("good first issue",)})
        assert made.fields["labels"] == ("good_first_issue",)


@both
async def test_links_say_which_issue_blocks_which(dialect: str) -> None:
    async with site(dialect) as there:
        [one, two, three] = there.seed({}, {}, {})
        record = await there.update(await there.fetch(one), {"blocks": (two, three)})
        assert record.fields["blocks"] == tuple(sorted((two, three)))
        assert (await there.fetch(one)).fields["blocks"] == tuple(sorted((two, three)))
        assert (await there.fetch(two)).fields["blocks"] == ()

        await there.update(await there.fetch(one), {"blocks": (three,)})
        assert (await there.fetch(one)).fields["blocks"] == (three,)


@both
async def test_a_task_below_a_task_becomes_a_subtask(dialect: str) -> None:
    async with site(dialect) as there:
        [parent] = there.seed({})

        made = await there.create({"title": "Part", "parent": parent})

        assert (made.fields["parent"], made.fields["type"]) == (parent, "Sub-task")
        with pytest.raises(RejectedError) as caught:
            await there.create({"title": "Part of a part", "parent": made.ref.id})
        assert caught.value.field == "parent"


async def test_a_type_that_is_wanted_gives_way_to_what_jira_takes_at_that_place() -> None:
    async with site() as there:
        [parent] = there.seed({})
        wanted = [("Bug", None), ("Bug", parent), ("Sub-task", parent), ("Sub-task", None)]

        made = [await there.create({"title": "Made", "type": type_, "parent": above}) for type_, above in wanted]

        assert [each.fields["type"] for each in made] == ["Bug", "Sub-task", "Sub-task", "Task"]


async def test_a_task_below_an_epic_stays_a_task() -> None:
    async with site() as there:
        [epic] = there.seed({"type": "Epic"})

        made = await there.create({"title": "Part", "parent": epic})

        assert (made.fields["parent"], made.fields["type"]) == (epic, "Task")


@both
async def test_custom_fields_go_by_name_and_kind(dialect: str) -> None:
    async with site(dialect) as there:
        fields = {
            "custom.Customer": "Acme",
            "custom.Story Points": 3.0,
            "custom.Severity": "High",
            "custom.Platforms": ("Linux", "Windows"),
            "custom.Due time": "2026-12-01T10:00:00Z",
            "custom.Reviewer": there.person("bob"),
            "custom.Notes": there.value("Words"),
            "start_on": "2026-11-30",
        }
        made = await there.create({"title": "New", **fields})

        assert {name: made.fields[name] for name in fields} == fields
        schema = await there.jira.schema("APP", "task", fields=frozenset(fields))
        assert schema.fields["custom.Notes"].dialect == ("adf" if there.is_cloud else "wiki")


async def test_a_custom_field_that_is_not_there_names_those_that_are() -> None:
    async with site() as there:
        with pytest.raises(Exception, match="Customer"):
            await there.jira.schema("APP", "task", fields=frozenset({"custom.Costumer"}))


async def test_a_field_off_the_screen_is_the_only_one_to_blame() -> None:
    async with site(off_screen="customfield_10030") as there:
        with pytest.raises(RejectedError) as caught:
            await there.create({"title": "New", "custom.Customer": "Acme"})

        assert caught.value.field == "custom.Customer"


@both
async def test_a_deleted_issue_is_gone_and_an_unseen_project_proves_nothing(dialect: str) -> None:
    async with site(dialect) as there:
        [one, two] = there.seed({}, {})
        there.box.act("delete", key="APP-1")
        with pytest.raises(GoneError):
            await there.fetch(one)

        there.box.act("revoke", who="bridge-bot", right="BROWSE_PROJECTS", project="APP")
        with pytest.raises(ContainerError):
            await there.fetch(two)
        with pytest.raises(ContainerError):
            await there.pages()
        assert not await there.jira.container_healthy("APP")


@both
async def test_an_issue_that_moved_to_another_project_says_where(dialect: str) -> None:
    async with site(dialect) as there:
        [one] = there.seed({})
        there.box.act("move", key="APP-1", to="OPS")

        with pytest.raises(GoneError) as caught:
            await there.fetch(one)

        assert caught.value.moved_to.startswith("OPS-")


@both
async def test_a_project_with_a_new_key_is_said_to_have_moved_and_its_issues_are_not_gone(dialect: str) -> None:
    async with site(dialect) as there:
        [one] = there.seed({})
        there.box.act("rename_project", key="APP", to="NEW")

        for asking in (there.fetch(one), there.pages()):
            with pytest.raises(ContainerError, match="NEW") as caught:
                await asking
            assert caught.value.reason == "moved"


async def test_deleting_is_refused_unless_the_connection_may() -> None:
    async with site() as there:
        [one] = there.seed({})
        with pytest.raises(RejectedError, match="final"):
            await there.jira.delete(there.ref(one))
    async with site(config={"allow_task_delete": True}) as there:
        [one] = there.seed({})
        await there.jira.delete(there.ref(one))
        with pytest.raises(GoneError):
            await there.jira.delete(there.ref(one))


@both
async def test_a_lost_reply_of_a_create_is_unknown_and_found_later(dialect: str) -> None:
    async with site(dialect) as there:
        cursor = (await there.pages())[-1].cursor
        there.box.fault("lost_reply", method="POST", path="/issue")

        with pytest.raises(UnknownOutcome):
            await there.create({"title": "New"})

        found = await there.jira.find("APP", "task", {MARKER}, cursor)
        assert found[MARKER].fields["title"] == "New"


async def test_people_see_the_partner_as_a_link() -> None:
    urls = {"github": "https://github.com/{container}/issues/{id}"}
    async with site(config={"partner_urls": urls}) as there:
        made = await there.create({"title": "New"})

        [link] = there.ask("GET", f"issue/{made.ref.id}/remotelink")
        assert link["object"]["url"] == "https://github.com/acme/app/issues/12"
        assert link["globalId"] == "bridge=github&id=acme/app#12"


async def test_the_normal_form_of_rich_text_drops_what_jira_adds() -> None:
    async with site() as there:
        [id_] = there.seed({})
        panel = {"type": "panel", "attrs": {"panelType": "info", "localId": "x"}, "content": adf("In")["content"]}
        there.ask("PUT", f"issue/{id_}", {"fields": {"description": {"type": "doc", "version": 1, "content": [panel]}}})

        value = (await there.fetch(id_)).fields["description"]

        assert json.loads(str(value))["content"][0]["attrs"] == {"panelType": "info"}


async def test_the_kinds_say_what_is_lacking() -> None:
    async with site() as there:
        kinds = there.jira.kinds()

        assert set(kinds) == {"task", "comment", "time_entry"}
        assert {"label", "delete"} <= kinds["task"].reasons.keys()
        assert isinstance(there.jira, Jira)


@both
async def test_a_field_that_the_site_hides_is_not_observed_and_so_not_empty(dialect: str) -> None:
    async with site(dialect, hidden="duedate priority") as there:
        [one] = there.seed({"due": "2026-12-01"})

        fields = (await there.fetch(one)).fields

        assert not {"due_on", "priority"} & fields.keys()
        assert "estimate" in fields


async def test_a_site_without_a_start_date_parks_that_field_alone() -> None:
    async with site(hidden="customfield_10015") as there:
        with pytest.raises(RejectedError) as caught:
            await there.create({"title": "New", "start_on": "2026-12-01"})

        assert caught.value.field == "start_on"


async def test_a_new_process_asks_for_no_names_while_nothing_happens() -> None:
    async with site() as there:
        there.seed({"updated": "2026-11-01T08:00:00Z"})
        wanted = frozenset({"title", "start_on", "custom.Customer"})
        cursor = None
        for _ in range(2):
            [page] = [page async for page in there.jira.pull("APP", "task", cursor, fields=wanted, sweep=False)]
            cursor = page.cursor
        later = Jira("work", there.jira._config)

        [page] = [page async for page in later.pull("APP", "task", cursor, fields=wanted, sweep=False)]

        assert (page.quiet, later.usage().requests) == (True, 1)
        await later.aclose()
