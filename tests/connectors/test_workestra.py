"""The Workestra connector: single tasks, writes, the marker, refusals, rights."""

from __future__ import annotations

import pytest
from pydantic import ValidationError
from workestra_desk import LINE, MARKER, NONE, PROJECT, desk

from bridge import errors
from bridge.model import Marker
from connectors.base import Step
from connectors.workestra import PLUGIN, REASONS
from connectors.workestra_config import WorkestraConfig


async def test_a_task_is_read_in_the_vocabulary_of_bridge():
    async with desk(custom_numbers=["risk_score"]) as w:
        task = w.people.create("One", description="Line\r\nend", labels={"zoo", "bug"}, assignee="user_bob",
                               due_on="2026-12-01", estimate=5400, priority="urgent", status="in_review")  # fmt: skip
        w.people.edit(task, custom_fields={"client_name": "Acme", "risk_score": 3})

        record = await w.fetch(task)

        assert record.fields == {
            "title": "One",
            "description": "Line\nend",
            "status": "in_review",
            "priority": "urgent",
            "assignee": "user_bob",
            "labels": ("bug", "zoo"),
            "due_on": "2026-12-01",
            "estimate": 5400,
            "custom.client_name": "Acme",
            "custom.risk_score": 3,
            "marker_in": None,
        }
        assert (record.ref, record.marker, record.updated_at is None) == (w.ref(task), None, False)


async def test_what_the_api_does_not_show_was_not_observed():
    async with desk(settings={"shows_plan": False, "shows_updated_at": False}) as w:
        record = await w.fetch(w.people.create("One"))

        assert {"due_on", "estimate"} & set(record.fields) == set()
        assert record.updated_at is None


async def test_people_are_named_by_email_where_somebody_has_said_whose_id_it_is():
    async with desk(users={"Ann@example.com": "user_ann"}) as w:
        task = w.people.create("One", assignee="user_ann")
        other = w.people.create("Two", assignee="user_bob")

        assert (await w.fetch(task)).fields["assignee"] == "ann@example.com"
        assert (await w.fetch(other)).fields["assignee"] == "user_bob"
        assert (await w.it.schema(PROJECT, "task", fields=NONE)).fields["assignee"].emails
        made = await w.create(assignee="ann@example.com")
        assert w.people.task(made.ref.id)["assignee"] == "user_ann"
        with pytest.raises(
            errors.RejectedError, match=r"Nobody has said which Workestra user carl@example\.com is"
        ) as told:
            await w.update(made, assignee="carl@example.com")
        assert told.value.field == "assignee"


async def test_a_create_has_its_marker_from_the_start_and_then_in_its_field():
    async with desk() as w:
        await w.page()
        before = w.it.usage().requests

        made = await w.create(description="Text", priority="high", labels=("bug",), assignee="user_ann")

        first, second = w.sent()
        assert first == (
            "POST",
            {"project_id": PROJECT, "title": "T", "description": f"Text\n\n{LINE}", "priority": "high", "labels": ["bug"],
             "assignee_id": "user_ann"},
        )  # fmt: skip
        assert second == ("PATCH", {"description": "Text", "custom_fields": {"external_ref": LINE}})
        assert (made.marker, made.fields["marker_in"], made.fields["description"]) == (MARKER, "field", "Text")
        assert (w.it.usage().requests - before, await w.fetch(made.ref.id)) == (2, made)
        assert w.people.task(made.ref.id)["marker"] == "github acme/app#12"


async def test_without_a_field_the_marker_is_the_last_line_and_stays_when_the_text_changes():
    async with desk(field="") as w:
        made = await w.create()
        now = await w.update(made, description="New", title="U")

        assert [method for method, _ in w.sent()] == ["POST", "PATCH"]
        assert w.sent()[1][1] == {"title": "U", "description": f"New\n\n{LINE}"}
        assert (now.marker, now.fields["description"], now.fields["marker_in"]) == (MARKER, "New", "text")


async def test_where_a_create_takes_custom_fields_it_is_one_request():
    async with desk(settings={"create_custom_fields": "accept"}, custom_fields_on_create=True) as w:
        made = await w.create(**{"description": "Text", "custom.client_name": "Acme"})

        [(_, body)] = w.sent()
        assert body["description"] == "Text"
        assert body["custom_fields"] == {"client_name": "Acme", "external_ref": LINE}
        assert (made.marker, made.fields["custom.client_name"]) == (MARKER, "Acme")


async def test_custom_fields_that_a_create_only_seemed_to_take_are_sent_again():
    async with desk(settings={"create_custom_fields": "ignore"}, custom_fields_on_create=True) as w:
        made = await w.create()

        assert [method for method, _ in w.sent()] == ["POST", "PATCH"]
        assert made.marker == MARKER


@pytest.mark.parametrize("how", ["merge", "replace"])
async def test_a_write_of_one_custom_field_leaves_the_others_whatever_a_patch_means(how):
    async with desk(settings={"patch_custom_fields": how}) as w:
        made = await w.create()
        w.people.edit(made.ref.id, custom_fields={"client_name": "Acme", "risk_score": 3, "external_ref": LINE})

        now = await w.update(made, **{"custom.client_name": "Zeta"})

        assert (now.fields["custom.client_name"], now.fields["custom.risk_score"], now.marker) == ("Zeta", 3, MARKER)


async def test_where_custom_fields_are_known_to_be_merged_nothing_is_read_first():
    async with desk(custom_fields_merge=True) as w:
        made = await w.create()
        before = w.it.usage().requests

        await w.update(made, **{"custom.client_name": "Zeta"})

        assert (w.it.usage().requests - before, w.sent()[-1][1]) == (1, {"custom_fields": {"client_name": "Zeta"}})


async def test_a_marker_field_that_does_not_exist_leaves_the_marker_in_the_text():
    async with desk(field="nowhere") as w:
        made = await w.create(description="Text")
        again = await w.create(Marker("github", "acme/app#13"))
        now = await w.update(made, description="New")

        assert (made.marker, made.fields["marker_in"], made.fields["description"]) == (MARKER, "text", "Text")
        assert (again.fields["marker_in"], now.marker, now.fields["description"]) == ("text", MARKER, "New")
        assert [method for method, _ in w.sent()] == ["POST", "POST", "PATCH"]


@pytest.mark.parametrize("fault", ["lost_reply", "status", "accepted_error"])
async def test_trouble_after_the_create_is_not_the_creates_and_the_next_write_moves_the_marker(fault):
    async with desk() as w:
        w.box.fault(fault, method="PATCH")
        made = await w.create(description="Text")
        later = await w.update(await w.fetch(made.ref.id), status="done")

        assert (made.marker, made.fields["description"]) == (MARKER, "Text")
        assert (later.marker, later.fields["marker_in"], later.fields["status"]) == (MARKER, "field", "done")
        assert w.people.tasks()[made.ref.id]["description"] == "Text"


async def test_one_change_of_many_fields_is_one_request():
    async with desk() as w:
        made = await w.create(assignee="user_ann", description="Text")
        before = w.it.usage().requests

        now = await w.update(made, title="U", description=None, status="done", priority="low", assignee=None,
                             labels=("new", "bug"), due_on="2026-12-24", estimate=8400)  # fmt: skip

        assert w.it.usage().requests - before == 1
        task = w.people.task(made.ref.id)
        assert (task["title"], task["description"], task["status"], task["priority"]) == ("U", None, "done", "low")
        assert (task["assignee"], task["labels"], task["due_on"]) == (None, {"new", "bug"}, "2026-12-24")
        assert (task["estimate"], now.fields["estimate"], task["marker"]) == (8388, 8388, "github acme/app#12")
        cleared = await w.update(now, due_on=None, estimate=None, labels=())
        assert [cleared.fields[name] for name in ("due_on", "estimate", "labels")] == [None, None, ()]


async def test_estimates_are_hundredths_of_an_hour():
    async with desk() as w:
        spec = (await w.it.schema(PROJECT, "task", fields=NONE)).fields["estimate"]
        made = await w.create()

        assert spec.step == 36
        for steps in (1, 25, 100, 4711):
            made = await w.update(made, estimate=steps * spec.step)
            assert made.fields["estimate"] == steps * spec.step


def test_a_status_is_an_update_of_its_own_unless_a_create_takes_it():
    async def steps(**config):
        async with desk(**config) as w:
            return w.it.steps("task", ["title", "status", "custom.a"], creating=True)

    import asyncio

    assert asyncio.run(steps()) == (
        Step("create", frozenset({"title"})),
        Step("task", frozenset({"status", "custom.a"})),
    )
    taken = asyncio.run(steps(status_on_create=True, custom_fields_on_create=True))
    assert taken == (Step("create", frozenset({"title", "status", "custom.a"})),)


async def test_an_unknown_priority_passes_when_read_and_is_normal_when_written():
    async with desk(priorities=["low", "high"], default_priority="low") as w:
        task = w.people.create("One", priority="urgent")

        assert (await w.fetch(task)).fields["priority"] == "urgent"
        assert (await w.update(await w.fetch(task), priority=None)).fields["priority"] == "low"


async def test_labels_that_the_server_drops_are_not_in_what_the_write_gives_back():
    async with desk(settings={"unknown_labels": "ignore"}) as w:
        made = await w.create(labels=("bug", "unheard"))
        now = await w.update(made, labels=("docs", "unheard"))

        assert (made.fields["labels"], now.fields["labels"]) == (("bug",), ("docs",))


async def test_a_write_without_an_answer_is_read_back():
    async with desk(settings={"patch_answers_nothing": True}) as w:
        made = await w.create()

        assert (await w.update(made, status="done")).fields["status"] == "done"


async def test_objects_in_an_envelope_are_understood():
    async with desk(settings={"wrap_single": True}) as w:
        made = await w.create(description="Text")

        assert (await w.fetch(made.ref.id), await w.it.container_healthy(PROJECT)) == (made, True)


@pytest.mark.parametrize(
    ("changes", "field"),
    [({"status": "unheard"}, "status"), ({"assignee": "user_nobody"}, "assignee"), ({"custom.risk_score": "much"}, "custom.risk_score"),
     ({"custom.unheard": "x"}, "custom.unheard"), ({"due_on": "soon"}, "due_on"), ({"title": ""}, "title")],
)  # fmt: skip
async def test_a_refused_value_blames_its_field(changes, field):
    async with desk() as w:
        made = await w.create()

        with pytest.raises(errors.RejectedError) as told:
            await w.update(made, **changes)

        assert told.value.field == field
        later = await w.update(made, description="Still with its marker")
        assert later.fields["marker_in"] == "field"


async def test_a_field_that_the_api_does_not_know_is_blamed_alone():
    async with desk(settings={"shows_plan": False}) as w:
        made = await w.create()

        with pytest.raises(errors.RejectedError, match="Unknown field: due_date") as told:
            await w.update(made, due_on="2026-12-24", title="U")

        assert told.value.field == "due_on"


async def test_a_field_that_is_not_workestras_is_refused_before_it_is_sent():
    async with desk(due_field="") as w:
        made = await w.create()
        writes = len(w.sent())

        for changes in ({"due_on": "2026-12-24"}, {"parent": "x"}):
            with pytest.raises(errors.RejectedError, match="cannot write the field"):
                await w.update(made, **changes)
        assert len(w.sent()) == writes


async def test_number_fields_are_sent_as_numbers():
    async with desk(custom_numbers=["risk_score"]) as w:
        made = await w.create()
        now = await w.update(made, **{"custom.risk_score": "4.5"})

        assert now.fields["custom.risk_score"] == 4.5
        with pytest.raises(errors.RejectedError, match="is no number"):
            await w.update(now, **{"custom.risk_score": "four"})


# ------------------------------------------------------------------------------------------------------- going away


@pytest.mark.parametrize("trash", ["hidden", "marked"])
async def test_a_task_in_the_trash_is_gone_and_may_return(trash):
    async with desk(settings={"trash": trash}) as w:
        task, other = w.people.create("One"), w.people.create("Two")
        w.people.delete(task)

        with pytest.raises(errors.GoneError):
            await w.fetch(task)
        assert [record.ref.id for record in (await w.page()).records] == [other]
        w.box.act("restore", task=task)
        assert (await w.fetch(task)).fields["title"] == "One"


async def test_a_delete_puts_into_the_trash_and_a_second_one_says_that_it_is_gone():
    async with desk() as w:
        task = w.people.create("One")

        await w.it.delete(w.ref(task))
        with pytest.raises(errors.GoneError):
            await w.it.delete(w.ref(task))

        assert w.people.tasks() == {}


async def test_a_task_that_was_moved_names_its_new_project():
    async with desk() as w:
        task = w.people.create("One")
        w.box.act("move", task=task, project="proj_ops")

        with pytest.raises(errors.GoneError) as told:
            await w.fetch(task)
        assert told.value.moved_to == "proj_ops"


async def test_a_404_in_a_project_that_does_not_answer_proves_nothing():
    async with desk() as w:
        task = w.people.create("One")
        w.box.act("role", project=PROJECT, person="bridge", role=None)

        assert not await w.it.container_healthy(PROJECT)
        for project in (PROJECT, "proj_nowhere"):
            with pytest.raises(errors.ContainerError):
                await w.fetch("task_nowhere" if project != PROJECT else task, project)


async def test_a_viewers_write_stops_the_project_and_parks_nothing():
    async with desk() as w:
        made = await w.create()
        w.box.act("role", project=PROJECT, person="bridge", role="Viewer")

        with pytest.raises(errors.ContainerError) as told:
            await w.update(made, title="U")
        assert (told.value.reason, "role" in told.value.message) == ("permission", True)
        with pytest.raises(errors.ContainerError):
            await w.create()


async def test_a_revoked_key_stops_the_connection():
    async with desk() as w:
        w.box.act("revoke", token=w.box.token())

        with pytest.raises(errors.AuthError):
            await w.page()


# -------------------------------------------------------------------------------------------------------- troubles


@pytest.mark.parametrize("fault", ["lost_reply", "accepted_error", "cut_body"])
async def test_a_create_whose_answer_is_lost_is_unknown_and_found_by_its_marker(fault):
    async with desk() as w:
        cursor = (await w.page()).cursor
        w.box.fault(fault, method="POST")

        with pytest.raises(errors.UnknownOutcome):
            await w.create(title="Once")
        found = await w.it.find(PROJECT, "task", [MARKER, Marker("github", "other#1")], cursor)

        assert {marker: record.fields["title"] for marker, record in found.items()} == {MARKER: "Once"}
        assert len(w.people.tasks()) == 1


async def test_of_copies_of_a_task_the_oldest_is_the_one():
    async with desk() as w:
        made = await w.create()
        copy = w.people.create("Copy")
        w.people.edit(copy, custom_fields={"external_ref": LINE})

        assert (await w.it.find(PROJECT, "task", [MARKER], None))[MARKER].ref == made.ref


@pytest.mark.parametrize("fault", ["lost_reply", "accepted_error", "cut_body", "reset", "status", "rate_limited"])
async def test_a_read_survives_one_trouble(fault):
    async with desk() as w:
        task = w.people.create("One")
        w.box.fault(fault, method="GET", retry_after=7)

        assert (await w.fetch(task)).fields["title"] == "One"


async def test_what_the_server_normalises_is_read_back_the_same():
    async with desk() as w:
        w.box.fault("normalise", how="crlf trim reorder", times=-1)

        made = await w.create(description="a\nb", labels=("bug", "docs"))

        assert (made.fields["description"], made.fields["labels"], made.marker) == ("a\nb", ("bug", "docs"), MARKER)
        assert await w.fetch(made.ref.id) == made


async def test_a_limit_is_waited_for_as_long_as_the_body_says():
    async with desk() as w:
        w.box.fault("rate_limited", method="POST", retry_after=600)

        with pytest.raises(errors.RateLimited):
            await w.create()
        assert w.people.tasks() == {}


async def test_a_200_that_holds_an_error_is_a_failure():
    async with desk() as w:
        made = await w.create()
        expected = {
            "internal_error": (errors.RetryableError, errors.UnknownOutcome),
            "rate_limit_exceeded": (errors.RateLimited, errors.RateLimited),
            "forbidden": (errors.ContainerError, errors.ContainerError),
            "invalid title": (errors.RejectedError, errors.RejectedError),
            "unauthorized": (errors.AuthError, errors.AuthError),
        }
        for word, (of_read, of_write) in expected.items():
            w.box.fault("status", status=200, message=word, times=1)
            with pytest.raises(of_read):
                await w.page()
            w.box.fault("status", status=200, message=word, times=1)
            with pytest.raises(of_write):
                await w.create()
        w.box.fault("status", status=200, message="not_found", times=1)
        with pytest.raises(errors.GoneError):
            await w.fetch(made.ref.id)


async def test_rows_that_are_no_tasks_of_a_project_are_refused_before_anything_is_written():
    async with desk(settings={"shows_project": False}) as w:
        w.people.create("Ticket")

        with pytest.raises(errors.ContainerError, match="no task of a project"):
            await w.create()
        assert w.sent() == []
        [finding] = [one for one in await w.it.check(PROJECT, "task", ["create"], {}) if one.level == "error"]
        assert "support tickets" in finding.hint


async def test_a_wrong_path_says_what_is_wrong_with_it():
    async with desk(tasks_path="/tickets") as w:
        with pytest.raises(errors.ContainerError, match="404") as told:
            await w.page()
        assert "tasks_path" in told.value.hint


# ---------------------------------------------------------------------------------------------- what can be had at all


async def test_only_tasks_are_served_and_each_other_kind_has_its_reason():
    async with desk() as w:
        [(kind, can)] = w.it.kinds().items()

        assert (kind, can.create, can.update, can.delete, can.find, can.webhooks) == (
            "task",
            True,
            True,
            True,
            True,
            True,
        )
        assert {"comment", "time_entry", "label"} <= set(can.reasons)
        assert (can.comments, w.it.comments) == (False, None)
        for other in ("comment", "time_entry", "label"):
            with pytest.raises(errors.RejectedError, match="Workestra documents no"):
                await w.it.schema(PROJECT, other, fields=NONE)
        assert PLUGIN.type == "workestra"
        assert all(text.endswith(".") for text in REASONS.values())


async def test_the_check_says_what_is_there_and_what_is_not():
    async with desk() as w:
        w.people.create("One", labels={"bug"}, assignee="user_ann")
        maps = {"status": ["todo", "fixed"], "labels": ["bug"], "priority": ["high", "huge"], "assignee": ["user_ann"]}

        found = await w.it.check(PROJECT, "task", ["create"], maps)

        assert [(one.level, one.what) for one in found if one.level != "ok"] == [
            ("warning", "Workestra does not say whether the key may write in this project."),
            ("error", "There is no priority 'huge'."),
            ("warning", "No task has the status 'fixed' so far."),
        ]


async def test_the_check_names_the_projects_that_there_are():
    async with desk() as w:
        finding = (await w.it.check("Website Redesign", "task", [], {}))[-1]

        assert finding.level == "error"
        assert "Website Redesign (proj_web)" in finding.hint


async def test_the_check_tells_of_a_missing_field_and_of_members_that_are_not_shown():
    async with desk(field="nowhere", settings={"shows_plan": False}) as w:
        w.people.create("One")

        told = [one.what for one in await w.it.check(PROJECT, "task", ["create"], {}) if one.level == "warning"]

        assert "No task has the custom field nowhere." in told
        assert any("due_date" in text for text in told)


@pytest.mark.parametrize("address", ["acme.workestra.app", "https://u:p@acme.workestra.app/api/v1",
                                     "https://acme.workestra.app/api/v1/issues", "https://acme.workestra.app/api/v1?x=1"])  # fmt: skip
def test_an_address_that_cannot_be_right_is_refused(address):
    with pytest.raises(ValidationError):
        WorkestraConfig(base_url=address)


@pytest.mark.parametrize("wrong", [{"users": {"ann": "user_ann"}}, {"users": {"a@x.y": "u", "b@x.y": "u"}},
                                   {"timezone": "Mars/Olympus"}, {"tasks_path": "issues"}, {"type": "other"}])  # fmt: skip
def test_a_setting_that_cannot_be_right_is_refused(wrong):
    with pytest.raises(ValidationError):
        WorkestraConfig.model_validate({"base_url": "https://acme.workestra.app/api/v1", **wrong})


async def test_an_item_has_an_address_only_where_somebody_said_how():
    async with desk() as w, desk(task_url="https://acme.workestra.app/p/{project}/t/{id}") as named:
        assert w.it.item_url(w.ref("task_1")) == ""
        assert named.it.item_url(named.ref("task_1")) == "https://acme.workestra.app/p/proj_web/t/task_1"
