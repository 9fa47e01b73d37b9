"""Whatever breaks between us and a tracker: nothing is lost, nothing is doubled, and the next run mends it (I2, I4, I7)."""

from __future__ import annotations

import signal
import subprocess
import sys

import pytest
from engine.held import until_held
from engine.world import REPO, World

RUN = """
import asyncio, sys
from pathlib import Path
from bridge.config.loader import load
from bridge.wiring import Bridge
async def main():
    async with Bridge.open(load(Path(sys.argv[1]))) as bridge:
        report = await bridge.sync("app", trigger="test", sweep=True)
        sys.exit(report.exit_code)
asyncio.run(main())
"""


def killed_when_held(world: World, box) -> None:
    """Run Bridge in a process of its own and kill it while the tracker holds its request."""
    killed_when_held_running(world, box, RUN)


def killed_when_held_running(world: World, box, code: str, *arguments: str) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", code, str(world.config), *arguments],
        stderr=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
    )
    try:
        until_held(box, process)
        process.send_signal(signal.SIGKILL)
    finally:
        process.kill()
        process.wait()


@pytest.mark.parametrize("when", ["hold", "hold_reply"])
async def test_a_kill_between_create_and_answer_makes_one_issue(world: World, when: str):
    world.new_task("Repair the pump", "It leaks.")
    world.github.fault(when, method="POST", path="/issues$")
    killed_when_held(world, world.github)
    world.github.call("POST", "/_sandbox/release")
    expire_leases(world)

    report = await world.settle()

    assert [issue["title"] for issue in world.issues()] == ["Repair the pump"]
    assert report.exit_code == 0


@pytest.mark.parametrize("when", ["hold", "hold_reply"])
async def test_a_kill_between_create_and_answer_makes_one_task(world: World, when: str):
    world.new_issue("Repair the pump", "It leaks.", labels=["bug"])
    world.artala.fault(when, method="POST", path="/api/tasks$")
    killed_when_held(world, world.artala)
    world.artala.call("POST", "/_sandbox/release")
    expire_leases(world)

    report = await world.settle()

    assert [task["Title"] for task in world.tasks()] == ["Repair the pump"]
    assert world.labels_of(world.tasks()[0]["Id"]) == ["bug"]
    assert report.exit_code == 0


def expire_leases(world: World) -> None:
    """As a minute later: the killed process's leases have run out."""
    from sqlmodel import update

    from state.store import Store
    from state.tables import CursorRow, LinkRow

    with Store.open(f"sqlite:///{world.folder}/bridge.db") as store:
        store.run_sync(lambda session: session.execute(update(LinkRow).values(lease_until=0)))
        store.run_sync(lambda session: session.execute(update(CursorRow).values(lease_until=0)))


@pytest.mark.parametrize("fault", ["lost_reply", "accepted_error", "reset"])
async def test_an_unanswered_create_on_github_is_never_repeated_blindly(world: World, fault: str):
    world.new_task("Repair the pump", "It leaks.", status="Done")
    world.github.fault(fault, method="POST", path="/issues$")

    await world.settle()

    assert [(issue["title"], issue["state"]) for issue in world.issues()] == [("Repair the pump", "closed")]


@pytest.mark.parametrize("fault", ["lost_reply", "accepted_error", "reset"])
async def test_an_unanswered_create_on_artala_is_never_repeated_blindly(world: World, fault: str):
    world.new_issue("Repair the pump", "It leaks.", labels=["bug"])
    world.artala.fault(fault, method="POST", path="/api/tasks$")

    await world.settle()

    assert [task["Title"] for task in world.tasks()] == ["Repair the pump"]
    assert world.labels_of(world.tasks()[0]["Id"]) == ["bug"]


@pytest.mark.parametrize("fault", ["lost_reply", "accepted_error", "reset"])
@pytest.mark.parametrize(
    ("method", "path"), [("PUT", "/api/tasks/"), ("PATCH", "/status$"), ("PUT", "/api/labels/task/")]
)
async def test_an_unanswered_step_on_artala_is_found_out_about(world: World, fault: str, method: str, path: str):
    number = world.new_issue("Repair the pump", "It leaks.")
    await world.sync()
    world.edit_issue(number, title="Mend the pump", state="closed", labels=["bug"])
    world.artala.fault(fault, method=method, path=path)

    await world.settle()

    (task,) = world.tasks()
    assert (task["Title"], task["Status"], world.labels_of(task["Id"])) == ("Mend the pump", "Done", ["bug"])


@pytest.mark.parametrize("fault", ["lost_reply", "accepted_error", "reset"])
async def test_an_unanswered_patch_on_github_is_found_out_about(world: World, fault: str):
    number = world.new_issue("Repair the pump", "It leaks.")
    await world.sync()
    world.edit_task(world.tasks()[0]["Id"], title="Mend the pump")
    world.github.fault(fault, method="PATCH", path="/issues/")

    await world.settle()

    assert world.issue(number)["title"] == "Mend the pump"


async def test_an_edit_made_while_the_answer_was_lost_is_kept(world: World):
    world.new_task("Repair the pump", "It leaks.")
    world.github.fault("lost_reply", method="POST", path="/issues$")
    async with world.open() as bridge:
        bridge.connector("github")
    await interrupted_run(world)
    world.edit_issue(1, title="Mend the pump")

    await world.settle()

    assert world.issue(1)["title"] == world.tasks()[0]["Title"] == "Mend the pump"
    assert len(world.issues()) == 1


async def interrupted_run(world: World) -> None:
    """A run that cannot find out what became of its create, because GitHub is down by then."""
    world.github.fault(
        "status", method="GET", path="/issues", status=503, times=-1, after=2
    )  # a first list is read twice
    await world.sync()
    world.github.faults.clear()
    assert len(world.issues()) == 1


@pytest.mark.parametrize("status", [500, 502, 503])
async def test_a_listing_that_fails_moves_no_cursor(world: World, status: int):
    world.new_task("Before")
    await world.sync()
    world.new_issue("Repair the pump")
    world.github.fault("status", method="GET", path="/issues", status=status, times=-1)

    report = await world.sync()

    assert report.state == "failed"

    world.github.faults.clear()
    await world.settle()

    assert sorted(task["Title"] for task in world.tasks()) == ["Before", "Repair the pump"]


async def test_one_refused_item_does_not_stop_the_others(world: World):
    world.new_issue("Repair the pump")
    world.new_issue("Paint the fence")
    world.artala.fault("status", method="POST", path="/api/tasks$", status=400, message="no")

    report = await world.sync()

    assert len(world.tasks()) == 1
    assert report.exit_code == 11


async def test_a_parked_item_waits_until_it_changes(world: World):
    number = world.new_issue("Repair the pump")
    world.artala.fault("status", method="POST", path="/api/tasks$", status=400, message="no")
    await world.sync()
    writes = world.writes()

    await world.sync()

    assert world.writes() == writes

    world.edit_issue(number, title="Mend the pump")
    report = await world.settle()

    assert [task["Title"] for task in world.tasks()] == ["Mend the pump"]
    assert report.exit_code == 0


async def test_a_refused_credential_ends_the_run_with_one_message_and_loses_nothing(world: World):
    world.new_task("Repair the pump")
    (world.folder / "github.token").write_text("ghp_wrong")

    report = await world.sync()

    assert (report.state, report.exit_code) == ("failed", 1)
    assert "401" in report.error or "credential" in report.error.lower() or "token" in report.error.lower()

    (world.folder / "github.token").write_text(world.github.token())
    await world.settle()

    assert len(world.issues()) == 1


@pytest.mark.parametrize("full", [False, True])
@pytest.mark.parametrize("behind", [1, 2])
async def test_a_tracker_that_lags_behind_our_write_is_not_taken_for_a_person(world: World, behind: int, full: bool):
    number = world.new_issue("Repair the pump", "It leaks.")
    await world.sync()
    world.edit_issue(number, title="Mend the pump")
    await world.sync()
    world.artala.fault("stale", path="/odata/Tasks", changes=behind, times=2)

    await world.sync(full=full)

    assert world.issue(number)["title"] == "Mend the pump"


async def test_silently_dropped_labels_are_reported_and_not_removed_at_home(world: World):
    world.github.act("role", login="bridge-bot", role="triage")
    number = world.new_issue("Repair the pump")
    await world.sync()
    task = world.tasks()[0]["Id"]
    world.github.act("role", login="bridge-bot", role="read")
    world.label_task(task, "bug")

    await world.sync()
    await world.sync()

    assert world.labels_of(task) == ["bug"]
    assert world.issue(number)["labels"] == []


async def test_the_container_renamed_on_github_goes_on(world: World):
    number = world.new_issue("Repair the pump")
    await world.sync()
    world.github.act("rename", repo=REPO, to="acme/renamed")
    world.edit_task(world.tasks()[0]["Id"], title="Mend the pump")

    report = await world.sync()

    _, issue = world.github.call("GET", f"/repos/acme/renamed/issues/{number}", who="alice")
    assert (report.error, issue["title"]) == ("", "Mend the pump")


async def test_one_item_that_cannot_be_read_does_not_stop_the_others(world: World):
    world.new_issue("One")
    world.new_issue("Two")
    await world.sync()
    one, two = (task["Id"] for task in sorted(world.tasks(), key=lambda task: task["Title"]))
    world.label_task(one, "bug")
    world.label_task(two, "bug")
    world.artala.fault("status", method="GET", path=f"/api/tasks/{one}", status=500, times=-1)

    report = await world.sync()

    assert report.state == "done"
    assert [len(issue["labels"]) for issue in world.issues()] == [0, 1]


async def test_a_source_that_was_deleted_before_its_create_was_found_out_about_stops_nothing(world: World):
    world.new_issue("One")
    world.new_issue("Two")
    world.artala.fault("lost_reply", method="POST", path="/api/tasks$")
    world.artala.fault("status", method="GET", path="/odata/Tasks", status=500, times=-1, after=2)
    await world.sync()
    world.artala.faults.clear()
    assert len(world.tasks()) == 2
    from sqlmodel import delete

    from state.store import Store
    from state.tables import InboxRow

    with Store.open(f"sqlite:///{world.folder}/bridge.db") as store:
        store.run_sync(lambda session: session.execute(delete(InboxRow)))
    world.github.act("delete", repo="acme/app", number=1)
    world.github.act("delete", repo="acme/app", number=2)

    report = await world.sync()

    assert report.state == "done"


async def test_a_lost_answer_is_found_out_about_within_the_same_run(world: World):
    world.new_task("Repair the pump", "It leaks.")
    world.github.fault("lost_reply", method="POST", path="/issues$")

    report = await world.sync()

    assert report.counts["recovered_right"] == 1
    assert len(world.issues()) == 1
