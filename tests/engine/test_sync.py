"""The main job, end to end: what people do on one side arrives on the other, and nothing else happens."""

from __future__ import annotations

from engine.world import World


async def test_a_new_task_becomes_an_issue(world: World):
    world.new_task("Repair the pump", "It leaks.")

    report = await world.sync()

    assert (report.state, report.error) == ("done", "")
    assert [(issue["title"], issue["state"]) for issue in world.issues()] == [("Repair the pump", "open")]
    assert world.issues()[0]["body"].startswith("It leaks.")


async def test_a_new_issue_becomes_a_task(world: World):
    number = world.new_issue("Paint the fence", "Green.", labels=["bug"])

    report = await world.sync()

    assert (report.state, report.error) == ("done", "")
    (task,) = world.tasks()
    assert (task["Title"], task["Description"], task["Status"]) == ("Paint the fence", "Green.", "To Do")
    assert (task["ExternalSource"], task["ExternalId"]) == ("github", f"acme/app#{number}")
    assert world.labels_of(task["Id"]) == ["bug"]


async def test_a_second_run_writes_nothing(world: World):
    world.new_task("One")
    world.new_issue("Two", labels=["bug"])
    await world.sync()
    writes = world.writes()

    report = await world.sync()

    assert world.writes() == writes
    assert report.exit_code == 0


async def paired(world: World, title: str = "Repair the pump", **members) -> tuple[str, int]:
    """A task and an issue that are one thing, settled."""
    number = world.new_issue(title, "It leaks.", **members)
    await world.sync()
    (task,) = [task for task in world.tasks() if task["Title"] == title]
    return task["Id"], number


async def test_each_field_of_an_issue_arrives_on_its_task(world: World):
    task, number = await paired(world)
    world.edit_issue(number, title="Mend the pump", body="It drips.\r\n", assignees=["alice"], labels=["bug"])
    world.edit_issue(number, state="closed")

    await world.sync()

    now = world.task(task)
    assert (now["title"], now["description"], now["status"]) == ("Mend the pump", "It drips.", "Done")
    assert world.labels_of(task) == ["bug"]
    assert now["assigneeId"] is not None


async def test_each_field_of_a_task_arrives_on_its_issue(world: World):
    task, number = await paired(world)
    _, team = world.artala.call("GET", "/api/team", who="sam")
    sam = next(person["id"] for person in team if person["email"] == "sam@example.com")
    world.edit_task(task, title="Mend the pump", description="It drips.", assigneeId=sam)
    world.label_task(task, "urgent")
    world.move_task(task, "Done")

    await world.sync()

    now = world.issue(number)
    assert (now["title"], now["state"], now["state_reason"]) == ("Mend the pump", "closed", "completed")
    assert now["body"].startswith("It drips.")
    assert [label["name"] for label in now["labels"]] == ["urgent"]
    assert [person["login"] for person in now["assignees"]] == ["alice"]


async def test_different_fields_changed_on_both_sides_are_both_kept(world: World):
    task, number = await paired(world)
    world.edit_issue(number, title="Mend the pump")
    world.edit_task(task, description="It drips.")

    report = await world.sync()

    assert world.task(task)["title"] == world.issue(number)["title"] == "Mend the pump"
    assert world.task(task)["description"] == "It drips."
    assert world.issue(number)["body"].startswith("It drips.")
    assert report.counts["conflicts_open"] == 0


async def test_the_same_change_on_both_sides_is_no_conflict_and_no_write(world: World):
    task, number = await paired(world)
    world.edit_issue(number, title="Mend the pump")
    world.edit_task(task, title="Mend the pump")
    writes = world.writes()

    report = await world.sync()

    assert world.writes() == writes
    assert report.exit_code == 0


async def test_the_same_field_changed_differently_is_a_conflict_and_the_rest_goes_on(world: World):
    task, number = await paired(world)
    world.edit_issue(number, title="Mend the pump", body="It drips.")
    world.edit_task(task, title="Replace the pump")

    report = await world.sync()

    assert report.exit_code == 10
    assert world.task(task)["title"] == "Replace the pump"
    assert world.issue(number)["title"] == "Mend the pump"
    assert world.task(task)["description"] == "It drips."


async def test_a_conflict_stays_and_overwrites_nothing_when_another_field_moves(world: World):
    task, number = await paired(world)
    world.edit_issue(number, title="Mend the pump")
    world.edit_task(task, title="Replace the pump")
    await world.sync()
    world.edit_issue(number, body="It drips.")

    report = await world.sync()

    assert report.counts["conflicts_open"] == 1
    assert world.task(task)["title"] == "Replace the pump"
    assert world.issue(number)["title"] == "Mend the pump"
    assert world.task(task)["description"] == "It drips."


async def test_labels_added_on_one_side_and_removed_on_the_other_are_merged(world: World):
    task, number = await paired(world, labels=["bug", "documentation"])
    world.edit_issue(number, labels=["bug", "documentation", "enhancement"])
    world.label_task(task, "documentation")

    await world.sync()

    assert world.labels_of(task) == ["documentation", "enhancement"]
    assert sorted(label["name"] for label in world.issue(number)["labels"]) == ["documentation", "enhancement"]


async def test_closing_and_reopening_goes_both_ways(world: World):
    task, number = await paired(world)
    world.edit_issue(number, state="closed", state_reason="not_planned")
    await world.sync()

    assert world.task(task)["status"] == "Done"

    world.move_task(task, "In Progress")
    await world.sync()

    assert world.issue(number)["state"] == "open"
    assert world.task(task)["status"] == "In Progress"


async def test_a_status_that_means_the_same_is_never_rewritten(world: World):
    task, number = await paired(world)
    world.move_task(task, "In Progress")
    await world.sync()
    writes = world.writes()
    world.edit_issue(number, title="Mend the pump")

    await world.sync()

    assert world.task(task)["status"] == "In Progress"
    assert world.writes() == writes + 2


async def test_our_own_writes_cause_no_further_writes(world: World):
    task, number = await paired(world, labels=["bug"])
    world.edit_issue(number, title="Mend the pump", labels=["enhancement"], state="closed")
    world.edit_task(task, description="It drips.")

    report = await world.settle()

    assert report.counts["conflicts_open"] == 0


async def test_matching_items_are_paired_and_not_copied(world: World):
    world.new_issue("Repair the pump", "It leaks.")
    world.new_task("repair  the pump", "It leaks.")

    await world.sync()

    assert len(world.tasks()) == len(world.issues()) == 1


async def test_ambiguous_matches_are_reported_and_nothing_is_created(world: World):
    world.new_issue("Repair the pump")
    world.new_issue("Repair the pump")
    world.new_task("Repair the pump")

    report = await world.sync()

    assert len(world.tasks()) == 1
    assert len(world.issues()) == 2
    assert report.exit_code == 11


async def test_mode_match_creates_nothing_of_what_was_there_and_copies_what_comes(world: World):
    world.write_config(link_more='initial = "match"'.replace("initial", "# initial"))
    world.config.write_text(world.config.read_text().replace('"match-then-create"', '"match"'))
    world.new_issue("Old issue")
    world.new_task("Old task")

    report = await world.sync()

    assert (len(world.tasks()), len(world.issues()), report.counts["held"]) == (1, 1, 2)

    world.new_issue("New issue")
    await world.sync()

    assert sorted(task["Title"] for task in world.tasks()) == ["New issue", "Old task"]


async def test_held_items_are_created_when_the_mode_says_so(world: World):
    world.config.write_text(world.config.read_text().replace('"match-then-create"', '"match"'))
    world.new_issue("Old issue")
    await world.sync()
    world.write_config()

    await world.sync()

    assert [task["Title"] for task in world.tasks()] == ["Old issue"]


async def test_a_closed_issue_becomes_a_done_task(world: World):
    number = world.new_issue("Old")
    world.edit_issue(number, state="closed")

    await world.settle()

    assert world.tasks()[0]["Status"] == "Done"


async def test_a_done_task_becomes_a_closed_issue(world: World):
    world.new_task("Old", status="Done")

    await world.settle()

    assert world.issues()[0]["state"] == "closed"


async def test_a_deleted_issue_is_unlinked_and_its_task_left_alone(world: World):
    task, number = await paired(world)
    world.github.act("delete", repo="acme/app", number=number)
    world.edit_task(task, title="Mend the pump")

    report = await world.sync()

    assert report.counts["unlinked"] == 1
    assert world.task(task)["title"] == "Mend the pump"
    assert world.issues() == []
