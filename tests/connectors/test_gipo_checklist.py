"""Gipo's subtasks as a checklist: read where a mapping names it, written line by line."""

from __future__ import annotations

import pytest
from gipo_ground import BOARD, MAPPED, changed, connected, made, only
from trackers.gipo import People

from bridge.errors import RejectedError
from connectors.gipo_checklist import Line, changes_between, lines_of
from connectors.gipo_wire import SubtaskRow

WITH = MAPPED | {"checklist"}


@pytest.fixture
def people():
    with People() as here:
        yield here


def add(people, task, name, *, done=False):
    _, said = people.box.call("POST", f"/api/v1/tasks/{task}/subtasks", {"name": name}, who="ann")
    item = said["data"]["id"]
    if done:
        body = {"finalizedAt": "2026-11-20T09:00:00.000Z"}
        assert people.box.call("PATCH", f"/api/v1/tasks/{task}/subtasks/{item}", body, who="ann")[0] == 200
    return item


async def test_subtasks_are_read_as_lines_only_where_a_mapping_names_them(people):
    task = people.create("One")
    add(people, task, "first")
    add(people, task, "second", done=True)
    people.box.act("subtask", task=task, group="Later", name="third")
    async with connected(people) as gipo:
        [plain] = (await only(gipo)).records
        assert "checklist" not in plain.fields
        before = people.requests()
        [record] = (await only(gipo, fields=WITH)).records

        assert record.fields["checklist"] == "- [ ] first\n- [x] second\n- [ ] third"
        assert people.requests() - before == 3  # the board, the list to compare with, the task
        assert (await gipo.fetch(record.ref, fields=WITH)).fields["checklist"] == record.fields["checklist"]


async def test_a_changed_task_is_looked_into_and_the_others_in_turn(people):
    tasks = sorted(people.create(f"T{number}") for number in range(5))
    async with connected(people, subtasks_per_sweep=2) as gipo:
        cursor = (await only(gipo, fields=WITH)).cursor
        people.edit(tasks[3], title="Renamed")
        page = await only(gipo, cursor, fields=WITH)
        assert [one.ref.id for one in page.records if "checklist" in one.fields] == [tasks[3]]

        seen = []
        for _ in range(3):
            add(people, tasks[0], "more")
            page = await only(gipo, page.cursor, fields=WITH, sweep=True)
            seen += [one.ref.id for one in page.records]
            assert (page.complete, page.quiet, len(page.records)) == (False, False, 2)
        assert set(seen) == set(tasks)
        assert (await only(gipo, page.cursor, fields=WITH)).quiet


async def test_a_checklist_is_written_in_calls_of_its_own(people):
    async with connected(people) as gipo:
        steps = gipo.steps("task", {"title", "checklist"}, creating=True)
        assert [(step.name, step.fields) for step in steps] == [("create", {"title"}), ("checklist", {"checklist"})]
        fresh = await made(gipo, {"title": "Other"}, key="k0")
        assert fresh.fields["checklist"] is None  # observed, so that the second step is planned at once
        known = await made(gipo, {"title": "New", "checklist": "- [ ] a\n- [x] b"})
        assert known.fields["checklist"] == "- [ ] a\n- [x] b"

        before = people.writes()
        now = await changed(gipo, known, {"checklist": "* [x] a\n- [ ] renamed\n\n- [ ] c"})
        assert now.fields["checklist"] == "- [x] a\n- [ ] renamed\n- [ ] c"
        assert people.writes() - before == 3
        assert (await gipo.fetch(known.ref, fields=WITH)).fields["checklist"] == now.fields["checklist"]

        before = people.writes()
        await changed(gipo, now, {"checklist": now.fields["checklist"]})
        assert people.writes() == before


async def test_a_line_taken_out_deletes_a_subtask_only_where_that_is_allowed(people):
    async with connected(people) as gipo:
        known = await made(gipo, {"title": "New", "checklist": "- [ ] a\n- [ ] b"})
        before = people.writes()
        with pytest.raises(RejectedError) as refused:
            await changed(gipo, known, {"checklist": "- [x] a"})
        assert (refused.value.field, people.writes()) == ("checklist", before)
    async with connected(people, allow_subtask_delete=True) as gipo:
        assert (await changed(gipo, known, {"checklist": "- [x] a"})).fields["checklist"] == "- [x] a"
        assert (await changed(gipo, known, {"checklist": None})).fields["checklist"] is None


async def test_a_crash_halfway_adds_no_line_twice(people):
    async with connected(people) as gipo:
        known = await made(gipo, {"title": "New"})
        people.box.fault("status", method="POST", path="/subtasks$", status=403, after=1)
        with pytest.raises(Exception, match="403"):
            await changed(gipo, known, {"checklist": "- [ ] a\n- [ ] b"})
        now = await changed(gipo, known, {"checklist": "- [ ] a\n- [ ] b"})
        assert now.fields["checklist"] == "- [ ] a\n- [ ] b"


async def test_a_lost_answer_adds_no_line_twice(people):
    async with connected(people) as gipo:
        people.box.fault("lost_reply", method="POST", path="/subtasks$")
        known = await made(gipo, {"title": "New", "checklist": "- [ ] a"})
        assert (await gipo.fetch(known.ref, fields=WITH)).fields["checklist"] == "- [ ] a"


async def test_text_that_is_no_checklist_is_refused(people):
    async with connected(people) as gipo:
        for text in ("words", "- [ ] " + "x" * 301, "- [?] a"):
            with pytest.raises(RejectedError) as refused:
                await made(gipo, {"title": "New", "checklist": text})
            assert refused.value.field == "checklist"
        assert (await gipo.container_healthy(BOARD)) is True


def test_subtasks_keep_their_names_where_they_can():
    rows = [SubtaskRow(id=name, name=name) for name in ("a", "b", "c")]
    plan = changes_between(
        rows, [Line("c", True), Line("x", False), Line("b", False), Line("a", False), Line("y", False)]
    )

    assert (plan.renamed, plan.removed) == ((), ())
    assert [(row.name, done) for row, done in plan.finished] == [("c", True)]
    assert plan.added == (Line("x", False), Line("y", False))


def test_equal_lines_are_two_lines():
    rows = [SubtaskRow(id="1", name="a"), SubtaskRow(id="2", name="a", finalized_at="2026-11-20T09:00:00.000Z")]
    assert changes_between(rows, lines_of("- [ ] a\n- [x] a")).finished == ()
