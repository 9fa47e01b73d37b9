"""Undo takes back what a run wrote, as far as nobody changed it since; the next sync leaves it at that."""

from __future__ import annotations

from functools import partial

import pytest
from engine.test_broken_trackers import expire_leases, killed_when_held_running
from engine.test_sync import paired
from engine.world import World

from bridge.engine import planfile
from bridge.engine.inverse import Choice
from bridge.engine.report import RunReport
from bridge.engine.restore import restore
from bridge.engine.undo import Undo
from bridge.errors import ConfigError
from bridge.model import Delete, Plan, Update
from state import history, intents, pairs
from state.store import Store


async def undo(world: World, order: Choice | Plan) -> tuple[RunReport, Undo]:
    doing = Undo(order)
    async with world.open() as bridge:
        return await bridge.run("app", doing.carry_out, trigger="undo"), doing


async def plan_undo(world: World, choice: Choice) -> Plan:
    async with world.open() as bridge:
        return (await bridge.plan("app", Undo(choice).plan)).plan


async def untouched(world: World) -> None:
    """A sync, also one that lists everything again, sends nothing."""
    writes = world.writes()
    for full in (False, False, True):
        report = await world.sync(full=full)
        assert (report.state, report.error) == ("done", "")
    assert world.writes() == writes


def store(world: World) -> Store:
    return Store.open(f"sqlite:///{world.folder}/bridge.db")


def statuses(world: World) -> list[str]:
    with store(world) as opened:
        return [
            pair.status
            for pair in opened.read_sync(
                pairs.walk, 1, "task", after=0, limit=9, statuses=("live", "deleted", "unlinked")
            )
        ]


async def carried(world: World, **members) -> tuple[str, int, int]:
    """A pair whose issue a person edited, and the run that carried that to the task."""
    task, number = await paired(world)
    world.edit_issue(number, **members)
    report = await world.sync()
    return task, number, report.run_id


async def test_an_update_is_taken_back_on_the_side_it_was_written_to(world: World):
    task, number, run = await carried(world, title="Mend the pump")

    report, doing = await undo(world, Choice(run))

    assert (report.state, report.error, len(doing.done), doing.left_alone) == ("done", "", 1, [])
    assert (world.task(task)["title"], world.issue(number)["title"]) == ("Repair the pump", "Mend the pump")
    await untouched(world)
    assert (world.task(task)["title"], world.issue(number)["title"]) == ("Repair the pump", "Mend the pump")


async def test_an_undo_on_github_is_not_carried_to_artala(world: World):
    task, number = await paired(world)
    world.edit_task(task, title="Mend the pump", description="It drips.")
    world.move_task(task, "Done")
    run = (await world.sync()).run_id

    await undo(world, Choice(run))

    assert (world.issue(number)["title"], world.issue(number)["state"]) == ("Repair the pump", "open")
    assert world.issue(number)["body"].startswith("It leaks.")
    await untouched(world)
    assert world.task(task)["title"] == "Mend the pump"


async def test_several_fields_in_several_calls_are_taken_back(world: World):
    task, _number, run = await carried(
        world, title="Mend the pump", body="It drips.", labels=["bug"], assignees=["alice"], state="closed"
    )
    assert world.task(task)["status"] == "Done"

    report, doing = await undo(world, Choice(run))

    now = world.task(task)
    assert (now["title"], now["description"], now["status"]) == ("Repair the pump", "It leaks.", "To Do")
    assert (now["assigneeId"], world.labels_of(task)) == (None, [])
    assert (report.exit_code, doing.left_alone) == (0, [])
    await untouched(world)


async def test_only_the_labels_that_we_wrote_are_taken_back(world: World):
    task, number = await paired(world, labels=["old", "kept"])
    world.edit_issue(number, labels=["new", "kept"])
    run = (await world.sync()).run_id
    world.label_task(task, "new", "kept", "mine")

    await undo(world, Choice(run))

    assert world.labels_of(task) == ["kept", "mine", "old"]
    await world.sync()
    assert sorted(label["name"] for label in world.issue(number)["labels"]) == ["kept", "mine", "new"]
    assert world.labels_of(task) == ["kept", "mine", "old"]
    await untouched(world)


async def test_what_a_person_changed_since_is_left_alone_and_told(world: World):
    task, number, run = await carried(world, title="Mend the pump", body="It drips.")
    world.edit_task(task, title="Replace the pump")

    _, doing = await undo(world, Choice(run))

    assert (world.task(task)["title"], world.task(task)["description"]) == ("Replace the pump", "It leaks.")
    ((field, reason),) = [(hold.field, hold.reason) for hold in doing.left_alone]
    assert (field, reason) == ("title", "changed-since")
    assert "Replace the pump" in doing.left_alone[0].message
    await world.sync()
    assert world.issue(number)["title"] == "Replace the pump"
    assert world.issue(number)["body"].startswith("It drips.")
    await untouched(world)


async def test_an_edit_after_the_undo_flows_as_any_edit(world: World):
    task, number, run = await carried(world, title="Mend the pump", body="It drips.")
    await undo(world, Choice(run))
    world.edit_issue(number, title="Replace the pump")
    world.edit_task(task, description="It is dry.")

    report = await world.settle()

    assert world.task(task)["title"] == "Replace the pump"
    assert world.issue(number)["body"].startswith("It is dry.")
    assert report.exit_code == 0


async def test_one_item_of_a_run_is_taken_back(world: World):
    _, one = await paired(world, "One")
    _, two = await paired(world, "Two")
    world.edit_issue(one, title="First")
    world.edit_issue(two, title="Second")
    run = (await world.sync()).run_id

    await undo(world, Choice(run, items=(f"acme/app#{two}",)))

    assert sorted(task["Title"] for task in world.tasks()) == ["First", "Two"]
    await untouched(world)


async def test_one_field_of_a_run_is_taken_back(world: World):
    task, _number, run = await carried(world, title="Mend the pump", assignees=["alice"])

    await undo(world, Choice(run, fields=("assignees",)))

    assert (world.task(task)["title"], world.task(task)["assigneeId"]) == ("Mend the pump", None)
    await untouched(world)


async def test_an_undo_can_be_undone(world: World):
    task, _number, run = await carried(world, title="Mend the pump", labels=["bug"])
    first, _ = await undo(world, Choice(run))

    await undo(world, Choice(first.run_id))

    assert (world.task(task)["title"], world.labels_of(task)) == ("Mend the pump", ["bug"])
    await untouched(world)


async def test_an_undo_made_twice_writes_once(world: World):
    _, _, run = await carried(world, title="Mend the pump")
    await undo(world, Choice(run))
    writes = world.writes()

    report, doing = await undo(world, Choice(run))

    assert (world.writes(), doing.done, report.exit_code) == (writes, [], 0)


async def test_a_created_issue_is_closed(world: World):
    world.new_task("Repair the pump", "It leaks.")
    run = (await world.sync()).run_id

    await undo(world, Choice(run))

    issue = world.issue(1)
    assert (issue["state"], issue["state_reason"], issue["title"]) == ("closed", "not_planned", "Repair the pump")
    assert world.tasks()[0]["Status"] == "To Do"
    await untouched(world)
    assert len(world.issues()) == 1


async def test_a_created_item_that_a_person_finished_stays_finished(world: World):
    world.new_task("Repair the pump")
    run = (await world.sync()).run_id
    world.edit_issue(1, state="closed")
    await world.sync()

    _, doing = await undo(world, Choice(run))

    assert (world.issue(1)["state_reason"], [hold.reason for hold in doing.left_alone]) == (
        "completed",
        ["changed-since"],
    )


async def test_a_created_task_is_closed_with_its_labels_kept(world: World):
    world.new_issue("Repair the pump", labels=["bug"])
    run = (await world.sync()).run_id

    await undo(world, Choice(run))

    (task,) = world.tasks()
    assert (task["Status"], world.labels_of(task["Id"])) == ("Done", ["bug"])
    await untouched(world)
    assert world.issue(1)["state"] == "open"


async def test_a_created_task_is_deleted_and_never_made_again(world: World):
    world.write_config(artala_more="allow_task_delete = true")
    number = world.new_issue("Repair the pump", labels=["bug"])
    run = (await world.sync()).run_id

    report, doing = await undo(world, Choice(run, creates="delete"))

    assert (world.tasks(), report.exit_code, statuses(world)) == ([], 0, ["deleted"])
    assert [type(each) for each in doing.done] == [Delete]
    world.edit_issue(number, title="Mend the pump")
    await untouched(world)
    assert (world.tasks(), world.issue(number)["state"]) == ([], "open")


async def test_a_created_task_that_a_person_worked_on_is_not_deleted(world: World):
    world.write_config(artala_more="allow_task_delete = true")
    world.new_issue("Repair the pump", labels=["bug"])
    run = (await world.sync()).run_id
    (task,) = world.tasks()
    world.label_task(task["Id"], "bug", "mine")

    _, doing = await undo(world, Choice(run, creates="delete"))

    assert len(world.tasks()) == 1
    assert "labels" in doing.left_alone[0].message


@pytest.mark.parametrize(("creates", "said"), [("delete", "cannot delete an issue"), ("keep", "kept")])
async def test_a_created_issue_that_may_not_be_deleted_stays_as_it_is(world: World, creates: str, said: str):
    world.new_task("Repair the pump")
    run = (await world.sync()).run_id

    _, doing = await undo(world, Choice(run, creates=creates))

    assert (world.issue(1)["state"], said in doing.left_alone[0].message) == ("open", True)


async def test_a_field_in_conflict_is_left_to_its_conflict(world: World):
    task, number, run = await carried(world, title="Mend the pump")
    world.edit_issue(number, title="Replace the pump")
    world.edit_task(task, title="Sell the pump")
    await world.sync()
    world.edit_task(task, title="Mend the pump")

    _, doing = await undo(world, Choice(run))

    assert [hold.reason for hold in doing.left_alone] == ["in-conflict"]
    assert world.task(task)["title"] == "Mend the pump"


async def test_an_undo_that_is_not_answered_is_found_out_about_in_the_same_run(world: World):
    task, number, run = await carried(world, title="Mend the pump", labels=["bug"])
    world.artala.fault("lost_reply", method="PUT", path="/api/tasks/")

    report, doing = await undo(world, Choice(run))

    assert (report.error, [hold.reason for hold in doing.left_alone]) == ("", ["failed"])
    assert world.task(task)["title"] == "Repair the pump"
    await undo(world, Choice(run))
    assert world.labels_of(task) == []
    await untouched(world)
    assert world.issue(number)["title"] == "Mend the pump"


UNDO = """
import asyncio, sys
from pathlib import Path
from bridge.config.loader import load
from bridge.engine.inverse import Choice
from bridge.engine.undo import Undo
from bridge.wiring import Bridge
async def main():
    async with Bridge.open(load(Path(sys.argv[1]))) as bridge:
        await bridge.run("app", Undo(Choice(int(sys.argv[2]), creates="delete")).carry_out, trigger="undo")
asyncio.run(main())
"""


@pytest.mark.parametrize("when", ["hold", "hold_reply"])
async def test_a_kill_between_undo_and_answer_carries_nothing_over(world: World, when: str):
    task, number, run = await carried(world, title="Mend the pump")
    world.artala.fault(when, method="PUT", path="/api/tasks/")
    killed_when_held_running(world, world.artala, UNDO, str(run))
    world.artala.call("POST", "/_sandbox/release")
    expire_leases(world)

    report = await world.settle()

    assert (world.issue(number)["title"], report.exit_code) == ("Mend the pump", 0)
    with store(world) as opened:
        assert opened.read_sync(intents.unfinished, 1) == []
        told = opened.read_sync(history.find, action="undo")
    assert bool(told) == (world.task(task)["title"] == "Repair the pump")
    await undo(world, Choice(run))
    assert world.task(task)["title"] == "Repair the pump"
    await untouched(world)


@pytest.mark.parametrize("when", ["hold", "hold_reply"])
async def test_a_kill_between_deletion_and_answer_makes_nothing_again(world: World, when: str):
    world.write_config(artala_more="allow_task_delete = true")
    world.new_issue("Repair the pump")
    run = (await world.sync()).run_id
    world.artala.fault(when, method="DELETE", path="/api/tasks/")
    killed_when_held_running(world, world.artala, UNDO, str(run))
    world.artala.call("POST", "/_sandbox/release")
    expire_leases(world)

    await untouched(world)

    assert statuses(world) == ["deleted" if not world.tasks() else "live"]


async def test_a_saved_undo_is_carried_out_as_reviewed(world: World):
    task, _number, run = await carried(world, title="Mend the pump", body="It drips.", labels=["bug"])
    saved = planfile.dump(await plan_undo(world, Choice(run)))
    assert planfile.dump(await plan_undo(world, Choice(run))) == saved
    world.edit_task(task, description="It is dry.")

    loaded = planfile.load(saved)
    _, doing = await undo(world, loaded)

    assert (loaded.undoes, [type(each) for each in loaded.operations]) == (run, [Update])
    assert (world.task(task)["title"], world.labels_of(task)) == ("Repair the pump", [])
    assert [(hold.field, hold.reason) for hold in doing.left_alone] == [("description", "changed-since")]


async def test_a_reviewed_undo_deletes_only_what_is_as_it_was(world: World):
    world.write_config(artala_more="allow_task_delete = true")
    world.new_issue("One")
    world.new_issue("Two")
    run = (await world.sync()).run_id
    saved = await plan_undo(world, Choice(run, creates="delete"))
    two = next(task for task in world.tasks() if task["Title"] == "Two")
    world.edit_task(two["Id"], priority=0)
    world.edit_task(two["Id"], title="Two and a half")

    await undo(world, saved)

    assert [task["Title"] for task in world.tasks()] == ["Two and a half"]


async def test_an_undo_keeps_to_the_ceiling_and_can_go_on(world: World):
    _, one = await paired(world, "One")
    _, two = await paired(world, "Two")
    world.edit_issue(one, title="First")
    world.edit_issue(two, title="Second")
    run = (await world.sync()).run_id
    world.write_config(link_more="max_writes = 1")

    first, _ = await undo(world, Choice(run))
    again, _ = await undo(world, Choice(run))

    assert (first.state, first.exit_code, again.exit_code) == ("stopped", 12, 0)
    assert {"One", "Two"} <= {task["Title"] for task in world.tasks()}
    await untouched(world)


async def test_an_undo_costs_one_request_an_item_before_its_write(world: World):
    task, _number = await paired(world)
    world.edit_task(task, title="Mend the pump", description="It drips.")
    run = (await world.sync()).run_id

    report, _ = await undo(world, Choice(run))

    assert (report.counts["requests_left"], report.counts["requests_right"]) == (0, 2)


async def test_what_another_item_wrote_is_said_to_be_nothing(world: World):
    _task, _number, run = await carried(world, title="Mend the pump")
    await paired(world, "Something else")

    with pytest.raises(ConfigError, match="wrote nothing to") as raised:
        await plan_undo(world, Choice(run, items=("#2",)))

    assert "bridge pairs unlink" in raised.value.hint


async def test_a_pending_edit_that_an_undo_meets_is_carried_over_afterwards(world: World):
    task, number, run = await carried(world, title="Mend the pump")
    world.edit_task(task, description="It is dry.")

    await undo(world, Choice(run))
    await world.sync()

    assert world.issue(number)["body"].startswith("It is dry.")
    assert (world.issue(number)["title"], world.task(task)["title"]) == ("Mend the pump", "Repair the pump")
    await untouched(world)


async def test_a_change_that_waited_in_the_inbox_is_carried_over_after_an_undo(world: World):
    task, number = await paired(world)
    world.edit_task(task, title="Mend the pump")
    run = (await world.sync()).run_id
    world.edit_issue(number, body="It drips.")
    world.write_config(link_more="max_writes = 0")
    assert (await world.sync()).exit_code == 12
    world.write_config(link_more="")

    await undo(world, Choice(run))
    await world.sync()

    assert (world.task(task)["title"], world.issue(number)["title"]) == ("Mend the pump", "Repair the pump")
    assert world.task(task)["description"] == "It drips."
    await untouched(world)


async def test_a_merge_that_wrote_both_sides_is_taken_back_on_both(world: World):
    world.write_config(link_more='conflict = "merge"')
    number = world.new_issue("Repair the pump", "one\n\ntwo\n\nthree")
    await world.sync()
    task = world.tasks()[0]["Id"]
    world.edit_issue(number, body="ONE\n\ntwo\n\nthree")
    world.edit_task(task, description="one\n\ntwo\n\nTHREE")
    run = (await world.sync()).run_id
    assert world.task(task)["description"] == "ONE\n\ntwo\n\nTHREE"

    await undo(world, Choice(run))

    assert world.task(task)["description"] == "one\n\ntwo\n\nTHREE"
    assert world.issue(number)["body"].startswith("ONE\n\ntwo\n\nthree")
    await untouched(world)


async def test_a_created_label_stays(world: World):
    world.write_config(link_more='kinds = ["task", "label"]')
    world.new_issue("Repair the pump", labels=["bug"])
    run = (await world.sync()).run_id

    _, doing = await undo(world, Choice(run, creates="delete"))

    assert "label" in {hold.kind for hold in doing.left_alone}
    await untouched(world)
    assert [label["name"] for label in world.issue(1)["labels"]] == ["bug"]


async def test_a_deletion_that_is_not_answered_is_found_out_about(world: World):
    world.write_config(artala_more="allow_task_delete = true")
    world.new_issue("Repair the pump")
    run = (await world.sync()).run_id
    world.artala.fault("lost_reply", method="DELETE", path="/api/tasks/")

    report, doing = await undo(world, Choice(run, creates="delete"))

    assert (report.error, world.tasks(), [type(each) for each in doing.done]) == ("", [], [Delete])
    await untouched(world)
    assert (world.tasks(), statuses(world)) == ([], ["deleted"])


async def test_the_mark_on_a_survivor_whose_pair_ended_is_told(world: World):
    world.write_config(link_more='on_delete = "label"\ndelete_grace = 0\nmax_delete_percent = 100')
    world.new_issue("Bystander")
    task, _ = await paired(world)
    world.artala.call("DELETE", f"/api/tasks/{task}", who="sam")
    marked = (await world.sync(full=True)).run_id

    _, doing = await undo(world, Choice(marked))
    assert [(hold.reason, "unlinked" in hold.message) for hold in doing.left_alone] == [("not-undoable", True)]


async def test_a_run_before_a_restore_takes_nothing_back_on_what_was_made_since(world: World):
    world.new_issue("Bystander")
    world.new_issue("Repair the pump")
    made = (await world.sync()).run_id
    task = next(task["Id"] for task in world.tasks() if task["Title"] == "Repair the pump")
    world.artala.call("DELETE", f"/api/tasks/{task}", who="sam")
    await world.sync(full=True)
    with store(world) as opened:
        gone = opened.read_sync(pairs.by_items, 1, "task", "left", [task])[task]
    async with world.open() as bridge:
        await bridge.run("app", partial(restore, pair_id=gone.id), trigger="restore")

    _, doing = await undo(world, Choice(made))

    back = next(task for task in world.tasks() if task["Title"] == "Repair the pump")
    assert world.task(back["Id"])["status"] == "To Do"
    assert [each.title for each in doing.done] == ["Bystander"]
