"""What people do to items when nobody looks: the engine copes, says so, and loses nothing."""

from __future__ import annotations

import asyncio
import re

import pytest
from engine.test_sync import paired
from engine.world import REPO, World

from state import parked
from state.store import Store


def stuck(world: World) -> list[tuple[str, str]]:
    with Store.open(f"sqlite:///{world.folder}/bridge.db") as store:
        return sorted((row.field, row.reason) for row in store.read_sync(parked.find))


async def test_an_issue_made_by_copying_another_with_its_marker_is_a_task_of_its_own(world: World):
    world.new_task("Repair the pump", "It leaks.")
    await world.sync()
    world.new_issue("Repair the other pump", world.issue(1)["body"])

    await world.settle()

    assert sorted(task["Title"] for task in world.tasks()) == ["Repair the other pump", "Repair the pump"]
    assert len(world.issues()) == 2


async def test_an_issue_whose_marker_was_deleted_stays_paired(world: World):
    world.new_task("Repair the pump", "It leaks.")
    await world.sync()
    world.edit_issue(1, body="It leaks.")

    await world.settle()

    assert len(world.tasks()) == len(world.issues()) == 1
    assert world.tasks()[0]["Description"] == "It leaks."


async def test_an_emptied_text_is_emptied_on_the_other_side(world: World):
    task, number = await paired(world)
    world.edit_issue(number, body="")

    await world.settle()

    assert not world.task(task)["description"]


async def test_line_ends_and_spaces_that_a_form_adds_are_no_change(world: World):
    task, number = await paired(world)
    world.edit_issue(number, body="It leaks.\r\n\r\n")
    writes = world.writes()

    report = await world.sync()

    assert world.writes() == writes
    assert (world.task(task)["description"], report.exit_code) == ("It leaks.", 0)


async def test_a_title_too_long_for_one_side_is_shortened_there_and_what_is_written_there_is_held(world: World):
    task, number = await paired(world)
    title = "Repair the pump in the cellar " * 8
    world.edit_issue(number, title=title.strip(), body="It drips.")

    report = await world.settle()

    short = world.task(task)["title"]
    assert (len(short) <= 200, short.endswith("…"), title.startswith(short[:-1])) == (True, True, True)
    assert (world.task(task)["description"], report.exit_code) == ("It drips.", 0)

    world.edit_task(task, title="Repair the tap")
    report = await world.sync()

    assert (report.exit_code, stuck(world)) == (11, [("title", "truncated")])
    assert (world.task(task)["title"], world.issue(number)["title"]) == ("Repair the tap", title.strip())

    world.edit_task(task, title=short)
    world.edit_issue(number, title="Mend the pump")
    report = await world.settle()

    assert (world.task(task)["title"], report.exit_code, stuck(world)) == ("Mend the pump", 0, [])


async def test_a_status_nobody_mapped_is_parked_and_the_rest_goes_on(world: World):
    world.artala.seed(statuses=[{"name": "In Review"}])
    task, number = await paired(world)
    world.move_task(task, "In Review")
    world.edit_task(task, title="Mend the pump")

    report = await world.sync()

    assert (world.issue(number)["title"], world.issue(number)["state"]) == ("Mend the pump", "open")
    assert (report.exit_code, stuck(world)) == (11, [("status", "unmapped")])


async def test_a_person_nobody_mapped_is_left_where_he_is(world: World):
    task, number = await paired(world)
    world.edit_issue(number, assignees=["bob"])

    report = await world.settle()

    assert world.task(task)["assigneeId"] is None
    assert [person["login"] for person in world.issue(number)["assignees"]] == ["bob"]
    assert report.exit_code == 0


async def test_labels_of_different_case_are_one_label(world: World):
    world.artala.call("POST", "/api/labels", {"name": "BUG"})
    task, number = await paired(world, labels=["bug"])

    await world.settle()

    assert [name.lower() for name in world.labels_of(task)] == ["bug"]
    assert [label["name"] for label in world.issue(number)["labels"]] == ["bug"]


async def test_a_transferred_issue_is_unlinked_and_its_task_kept(world: World):
    task, number = await paired(world)
    world.github.act("transfer", repo=REPO, number=number, to="acme/elsewhere")
    world.edit_task(task, title="Mend the pump")

    await world.settle()

    assert world.task(task)["title"] == "Mend the pump"
    assert world.issues() == []


async def test_an_archived_task_is_left_alone_and_so_is_its_issue(world: World):
    task, number = await paired(world)
    world.artala.act("archive", task=task)

    await world.settle()

    assert world.issue(number)["state"] == "open"
    assert len(world.issues()) == 1


async def test_many_edits_in_one_second_are_all_seen(world: World):
    world.github.call("POST", "/_sandbox/clock", {"freeze": True})
    for number in range(130):
        world.new_issue(f"Issue {number}")
    await world.sync()
    for number in range(130, 140):
        world.new_issue(f"Issue {number}")
    world.edit_issue(5, title="Changed in the same second")

    await world.settle()

    titles = {task["Title"] for task in world.tasks()}
    assert len(titles) == 140
    assert "Changed in the same second" in titles


async def test_trackers_whose_clocks_are_half_a_day_apart_are_kept_in_step(world: World):
    world.github.call("POST", "/_sandbox/clock", {"offset_s": 14 * 3600})
    world.artala.call("POST", "/_sandbox/clock", {"offset_s": -14 * 3600})
    task, number = await paired(world)
    world.edit_issue(number, title="Mend the pump")
    world.edit_task(task, description="It drips.")
    world.new_task("Paint the fence")

    await world.settle()

    assert world.task(task)["title"] == "Mend the pump"
    assert world.issue(number)["body"].startswith("It drips.")
    assert len(world.issues()) == 2


async def test_an_empty_or_half_listing_deletes_and_loses_nothing(world: World):
    for number in range(20):
        world.new_issue(f"Issue {number}")
    await world.sync()
    for kind in ("empty_listing", "half_page"):
        world.github.fault(kind, method="GET", path="/issues")
        await world.sync(full=True)
    world.edit_issue(3, title="Changed")

    await world.settle()

    assert len(world.tasks()) == len(world.issues()) == 20
    assert "Changed" in {task["Title"] for task in world.tasks()}


async def test_a_server_that_rewrites_what_we_write_comes_to_rest(world: World):
    task, number = await paired(world, labels=["bug", "documentation"])
    world.github.fault("normalise", times=-1)
    world.edit_task(task, title="Mend the pump", description="one\ntwo  \n\n")

    await world.settle()

    assert world.issue(number)["title"] == "Mend the pump"


async def test_a_rate_limit_in_the_middle_stops_cleanly_and_the_rest_follows(world: World):
    for number in range(6):
        world.new_task(f"Task {number}")
    world.github.fault("rate_limited", method="POST", path="/issues$", status=403, after=2, times=-1)

    report = await world.sync()

    assert report.state in ("stopped", "done")
    assert len(world.issues()) == 2

    world.github.faults.clear()
    await asyncio.gather()
    with Store.open(f"sqlite:///{world.folder}/bridge.db") as store:
        from sqlmodel import update

        from state.tables import InboxRow

        store.run_sync(lambda session: session.execute(update(InboxRow).values(not_before=None)))
    await world.settle()

    assert len({issue["title"] for issue in world.issues()}) == len(world.issues()) == 6


async def test_no_secret_is_stored(world: World):
    await paired(world)
    for file in world.folder.glob("bridge.db*"):
        content = file.read_bytes()
        assert not re.search(rb"ghp_|tb_sandbox|a secret of the webhooks", content)


async def test_the_marker_is_never_shown_on_the_other_side(world: World):
    world.new_task("Repair the pump", "It leaks.")
    await world.sync()
    world.edit_issue(1, title="Mend the pump")
    await world.settle()

    assert "bridge:v1" not in world.tasks()[0]["Description"]


async def test_two_runs_at_once_do_not_meet(world: World):
    world.new_task("Repair the pump")
    async with world.open() as one, world.open() as two:
        reports = await asyncio.gather(one.sync("app", trigger="test"), two.sync("app", trigger="test"))

    assert sorted(report.state for report in reports) == ["done", "locked"]
    assert len(world.issues()) == 1


async def test_a_label_too_long_for_one_side_stops_neither_the_other_labels_nor_the_title(world: World):
    task, number = await paired(world)
    world.label_task(task, "x" * 60, "urgent")
    world.edit_task(task, title="Mend the pump")

    report = await world.sync()

    assert world.issue(number)["title"] == "Mend the pump"
    assert [label["name"] for label in world.issue(number)["labels"]] == ["urgent"]
    assert (report.exit_code, stuck(world)) == (11, [("labels", "too-long")])


@pytest.mark.parametrize("cautious", [True, False])
async def test_an_edit_between_our_look_and_our_write_is_seen_where_a_write_looks_first(world: World, cautious: bool):
    """Artala has no precondition: without another look the person's title would be replaced by the PUT (S21, S22)."""
    world.write_config(artala_more=f"read_before_write = {str(cautious).lower()}")
    number = world.new_issue("Repair the pump", "It leaks.")
    await world.settle()
    task = world.tasks()[0]["Id"]
    world.edit_issue(number, body="It drips.")
    deed = {
        "who": "sam",
        "method": "PUT",
        "path": f"/api/tasks/{task}",
        "body": {"title": "Mine", "description": "It leaks.", "priority": 2},
    }
    world.artala.fault("meanwhile", method="GET" if cautious else "PUT", path=f"/api/tasks/{task}", deed=deed)

    await world.settle()

    assert (world.task(task)["title"] == "Mine") == cautious
    if cautious:
        assert world.issue(number)["title"] == "Mine"


async def test_a_person_who_left_the_team_holds_up_only_their_own_field(world: World):
    number = world.new_issue("Repair the pump", "It leaks.")
    await world.settle()
    task = world.tasks()[0]["Id"]
    world.artala.act("deactivate", member="sam@example.com")

    world.edit_issue(number, title="Mend the pump", assignees=["alice"])
    await world.settle()

    assert world.artala.store.tasks[task].title == "Mend the pump"
    assert world.artala.store.tasks[task].assignee_id is None
    assert stuck(world) == [("assignees", "rejected")]


async def test_a_new_item_is_made_without_the_field_that_the_tracker_refuses(world: World):
    world.artala.act("deactivate", member="sam@example.com")
    world.new_issue("Repair the pump", "It leaks.", assignees=["alice"])

    await world.settle()

    (task,) = world.artala.store.tasks.values()
    assert (task.title, task.assignee_id) == ("Repair the pump", None)
    assert stuck(world) == [("assignees", "rejected")]


async def test_a_person_who_found_no_room_arrives_when_the_place_is_freed(world: World):
    people = '[[people]]\nartala = "carol@example.com"\ngithub = "bob"\n'
    world.write_config(more_links=people)
    number = world.new_issue("Repair the pump", assignees=["alice", "bob"])
    await world.settle()
    task = world.tasks()[0]["Id"]
    emails = {member.id: member.email for member in world.artala.store.members.values()}
    first = emails[world.task(task)["assigneeId"]]

    leaving = "alice" if first == "sam@example.com" else "bob"
    world.edit_issue(number, assignees=[name for name in ("alice", "bob") if name != leaving])
    await world.settle()

    assert emails[world.task(task)["assigneeId"]] == {"alice": "carol@example.com", "bob": "sam@example.com"}[leaving]
    assert [person["login"] for person in world.issue(number)["assignees"]] == [
        name for name in ("alice", "bob") if name != leaving
    ]
