"""Faults that a review found, each as what a user would have seen."""

from __future__ import annotations

import signal
import subprocess
import sys

import pytest
from engine.held import until_held
from engine.test_conflicts import decide, the_conflict
from engine.test_sync import paired
from engine.world import World

from state import leases
from state.conflicts import Put
from state.store import Store


def store(world: World) -> Store:
    return Store.open(f"sqlite:///{world.folder}/bridge.db")


async def test_a_run_that_may_not_poll_writes_nothing(world: World):
    task, number = await paired(world)
    world.edit_issue(number, title="Mend the pump")
    with store(world) as opened:
        opened.run_sync(leases.acquire_poll, "github", "acme/app", "task", "somebody else", 600)
    world.edit_task(task, title="Replace the pump")
    writes = world.writes()

    report = await world.sync()

    assert (report.state, report.exit_code, world.writes()) == ("locked", 75, writes)


async def test_a_decision_that_takes_two_steps_is_done_whole(world: World):
    task, number = await paired(world)
    world.edit_issue(number, state="closed", state_reason="not_planned")
    await world.sync()
    world.edit_issue(number, state="open")
    world.edit_task(task, title="Mend the pump")
    await world.sync()
    world.artala.seed(statuses=[{"name": "Waiting"}])
    rows = """
[[links.fields]]
left = "status"
right = "status"
map = [
  { left = ["To Do"], right = ["open"] },
  { left = ["Done"], right = ["closed"] },
  { left = ["Waiting"], right = ["closed:not_planned"] },
]
"""
    world.write_config(link_more=rows)
    await world.sync()
    world.edit_issue(number, state="closed", state_reason="not_planned")
    world.move_task(task, "Done")
    await world.sync()
    assert the_conflict(world).clash.field == "status"
    decide(world, Put("To Do", "left"))
    world.edit_issue(number, title="Replace the pump")

    report = await world.settle()

    assert (world.task(task)["status"], world.issue(number)["state"]) == ("To Do", "open")
    assert (world.task(task)["title"], report.exit_code) == ("Replace the pump", 0)


async def test_a_source_that_cannot_be_found_for_a_while_gets_no_second_task(world: World):
    world.new_issue("Pump")
    world.artala.fault("lost_reply", method="POST", path="/api/tasks$")
    world.artala.fault("status", method="GET", path="/odata/Tasks", status=500, times=-1, after=2)
    await world.sync()
    world.artala.faults.clear()
    assert len(world.tasks()) == 1
    world.github.fault("permission_lost", method="GET", path="/repos/acme/app", status=404, times=-1)
    await world.sync()
    world.github.faults.clear()

    await world.settle()

    assert [task["Title"] for task in world.tasks()] == ["Pump"]


async def test_an_issue_copied_with_its_marker_while_its_task_changes_stops_nothing(world: World):
    world.new_task("Repair the pump", "It leaks.")
    await world.sync()
    task = world.tasks()[0]["Id"]
    world.edit_task(task, title="Mend the pump")
    world.new_issue("A copy", world.issue(1)["body"])

    report = await world.settle()

    assert report.error == ""
    assert sorted(each["Title"] for each in world.tasks()) == ["A copy", "Mend the pump"]


async def test_a_new_item_on_each_side_with_one_title_are_joined_with_all_their_labels(world: World):
    await paired(world, "Something else")
    world.label_task(world.new_task("Repair the pump"), "red")
    world.new_issue("Repair the pump", labels=["bug"])

    await world.settle()

    issue = next(each for each in world.issues() if each["title"] == "Repair the pump")
    assert sorted(label["name"] for label in issue["labels"]) == ["bug", "red"]


async def test_a_held_item_that_comes_to_match_is_joined(world: World):
    world.config.write_text(world.config.read_text().replace('"match-then-create"', '"match"'))
    number = world.new_issue("Repair the pump")
    world.new_task("Repair a pump")
    await world.sync()
    world.edit_issue(number, title="Repair a pump")

    report = await world.sync()

    assert (report.counts["paired"], report.counts["held"]) == (1, 0)


async def test_an_ambiguous_match_is_judged_again_when_a_rival_changes(world: World):
    world.new_issue("Repair the pump")
    rival = world.new_issue("Repair the pump")
    world.new_task("Repair the pump")
    await world.sync()
    world.edit_issue(rival, title="Paint the fence")

    report = await world.settle()

    assert report.exit_code == 0
    assert sorted(task["Title"] for task in world.tasks()) == ["Paint the fence", "Repair the pump"]
    assert len(world.issues()) == 2


async def test_a_listing_for_one_link_is_not_resumed_for_another(world: World):
    world.github.seed(generate=600)
    world.github.fault("status", method="GET", path="/issues", status=500, times=-1, after=3)
    await world.sync()
    world.github.faults.clear()
    world.write_config(
        more_links="""
[[links]]
name = "second"
left = { connection = "artala", container = "Backlog" }
right = { connection = "github", container = "acme/app" }
initial = "match"
"""
    )

    await world.sync("second")

    with store(world) as opened:
        from state import inbox, links

        second = next(row.id for row in opened.read_sync(links.all_links) if row.name == "second")
        counts = opened.read_sync(inbox.counts, second)
    assert counts["held"] + counts["waiting"] == 600


async def test_a_run_whose_lease_was_taken_stores_nothing(world: World):
    world.new_task("Repair the pump")
    async with world.open() as bridge:
        connector = bridge.connector("github")
        create = connector.create

        async def paused(*args, **options):
            made = await create(*args, **options)

            def steal(session):
                from sqlmodel import update

                from state.tables import LinkRow

                session.execute(update(LinkRow).values(fence=LinkRow.fence + 1, lease_holder="another"))

            bridge.store.run_sync(steal)
            return made

        connector.create = paused
        report = await bridge.sync("app", trigger="test")

    assert report.state == "locked"
    with store(world) as opened:
        from state import intents

        assert len(opened.read_sync(intents.unfinished, 1)) == 1


@pytest.mark.parametrize("title", ["Repair\0the pump", "x" * 4_000])
async def test_titles_of_any_kind_do_not_stop_a_link(world: World, title: str):
    world.new_issue("Plain")
    world.github.call("POST", "/repos/acme/app/issues", {"title": title[:250]}, who="alice")

    report = await world.sync()

    assert report.error == ""
    assert "Plain" in {task["Title"] for task in world.tasks()}


async def test_a_task_deleted_on_artala_is_unlinked_when_its_issue_changes(world: World):
    task, number = await paired(world)
    world.artala.call("DELETE", f"/api/tasks/{task}")
    world.edit_issue(number, title="Mend the pump")

    await world.sync()
    report = await world.settle()

    assert (report.exit_code, world.tasks(), world.issue(number)["title"]) == (0, [], "Mend the pump")


async def test_a_ceiling_of_one_write_lets_every_item_through_in_time(world: World):
    world.write_config(link_more="max_writes = 1")
    task, number = await paired(world)
    world.edit_issue(number, title="Mend the pump")
    world.edit_task(task, description="It drips.")
    for _ in range(3):
        await world.sync()

    assert world.task(task)["title"] == "Mend the pump"
    assert world.issue(number)["body"].startswith("It drips.")


def told_to_stop_while_it_writes(world: World) -> int:
    """Run `bridge sync`, send SIGTERM while GitHub holds its request; the exit code. Started as shells start a background
    command: SIGINT is ignored.
    """
    command = [sys.executable, "-m", "bridge", "sync", "--config", str(world.config)]
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        started = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    finally:
        signal.signal(signal.SIGINT, before)
    with started as process:
        try:
            until_held(world.github, process)
            process.send_signal(signal.SIGTERM)
            return process.wait(60)  # a disk that others keep busy makes its last commit wait
        finally:
            process.kill()


async def test_a_sync_that_is_told_to_stop_gives_its_lease_back(world: World):
    world.new_task("Repair the pump")
    world.github.fault("hold", method="POST", path="/issues$")

    assert told_to_stop_while_it_writes(world) == 130

    world.github.call("POST", "/_sandbox/release")
    report = await world.sync()

    assert report.state == "done"
    await world.settle()
    assert len(world.issues()) == 1


async def test_a_404_that_passes_unlinks_nothing(world: World):
    task, number = await paired(world)
    world.label_task(task, "bug")
    world.artala.fault("permission_lost", method="GET", path=f"/api/tasks/{task}$", status=404, times=2)

    report = await world.sync()

    assert report.counts.get("unlinked", 0) == 0
    assert [label["name"] for label in world.issue(number)["labels"]] == ["bug"]
