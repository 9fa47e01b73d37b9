"""Names that one side does not know (S10, S14), prefixes, defaults and normal forms: what a row says is all that happens."""

from __future__ import annotations

import random

import pytest
from engine.world import World

from bridge.errors import ConfigError

ROW = '\n[[links.fields]]\nleft = "{0}"\nright = "{1}"\n{2}\n'
MAP = 'map = [{{ left = ["{0}", "Defect"], right = ["{1}"] }}, {{ left = "story", right = ["feature", "Wish"] }}]'
TABLE = MAP.format("bug", "type: bug")


def row(world: World, left: str, right: str, keys: str) -> None:
    world.write_config(link_more='first_contact = "left"\n' + ROW.format(left, right, keys))


async def joined(world: World, title: str = "Pump", **members: object) -> tuple[str, int]:
    number = world.new_issue(title, **members)
    await world.sync()
    return next(task["Id"] for task in world.tasks() if task["Title"] == title), number


def names(world: World, task: str, number: int) -> tuple[list[str], list[str]]:
    return world.labels_of(task), sorted(label["name"] for label in world.issue(number)["labels"])


def label_issue(world: World, number: int, *labels: str) -> None:
    world.edit_issue(number, labels=list(labels))


async def test_names_that_one_side_does_not_know_survive_a_hundred_edits_on_the_other(world: World):
    """One item is edited on the left alone, the other on the right alone; what each of the still sides keeps is its own."""
    row(world, "labels", "labels", TABLE)
    (first, of_first), (second, of_second) = await joined(world), await joined(world, "Fence")
    sam, bob = (f"a0000000-0000-4000-8000-{place:012d}" for place in (6, 4))
    label_issue(world, of_first, "wontfix", "upstream")
    world.edit_issue(of_first, assignees=["bob", "carol"])
    world.label_task(second, "waiting", "Later")
    world.edit_task(second, assigneeId=bob)
    dice = random.Random(7)
    mine, theirs = set[str](), set[str]()

    for step in range(100):
        if step % 3 == 2:
            world.edit_task(first, assigneeId=dice.choice([None, sam]), title=f"Pump {step}")
            world.edit_issue(of_second, assignees=dice.choice([[], ["alice"]]), title=f"Fence {step}")
        else:
            mine ^= {dice.choice(("bug", "Defect", "story", "ui"))}
            theirs ^= {dice.choice(("type: bug", "feature", "Wish", "api"))}
            world.label_task(first, *mine)
            label_issue(world, of_second, *theirs)
        if step % 20 == 0:
            await world.sync()
    await world.settle()

    left, right = names(world, first, of_first)
    assert set(left) == mine
    assert {"wontfix", "upstream"} <= set(right) <= {"wontfix", "upstream", "type: bug", "feature"}
    assert ({"bug", "Defect"} & mine != set(), "story" in mine) == ("type: bug" in right, "feature" in right)
    assert {"bob", "carol"} <= {person["login"] for person in world.issue(of_first)["assignees"]}
    left, right = names(world, second, of_second)
    assert set(right) == theirs
    assert {"waiting", "Later"} <= set(left) <= {"waiting", "Later", "bug", "story"}
    assert ("type: bug" in theirs, {"feature", "Wish"} & theirs != set()) == ("bug" in left, "story" in left)
    assert world.task(second)["assigneeId"] == bob


async def test_labels_without_a_row_are_counted_and_nothing_waits_for_them(world: World):
    row(world, "labels", "labels", TABLE)
    number = world.new_issue("Pump", labels=["feature", "upstream"])
    first = await world.sync()
    (task,) = (each["Id"] for each in world.tasks())

    world.label_task(task, "story", "waiting")
    second = await world.sync()
    third = await world.sync()

    assert names(world, task, number) == (["story", "waiting"], ["feature", "upstream"])
    assert [{line.split('"')[1] for line in run.unmapped} for run in (first, second)] == [
        {"upstream"},
        {"upstream", "waiting"},
    ]
    assert [run.exit_code for run in (first, second, third)] == [0, 0, 0]


async def test_labels_without_a_row_are_parked_where_the_row_says_so(world: World):
    row(world, "labels", "labels", f'{TABLE}\nunknown = "park"')
    task, number = await joined(world, labels=["feature", "upstream"])

    report = await world.settle()

    assert names(world, task, number) == (["story"], ["feature", "upstream"])
    assert report.exit_code == 11


async def test_labels_without_a_row_are_made_where_the_row_says_so(world: World):
    row(world, "labels", "labels", f'{TABLE}\nunknown = "create"')
    task, number = await joined(world, labels=["feature", "upstream"])

    world.label_task(task, "story", "upstream", "waiting")
    report = await world.settle()

    assert names(world, task, number) == (["story", "upstream", "waiting"], ["feature", "upstream", "waiting"])
    assert report.exit_code == 0


async def test_labels_without_a_row_become_the_default_of_the_other_side(world: World):
    row(world, "labels", "labels", f'{TABLE}\nunknown = "default"\nleft_default = "other"\nright_default = "misc"')
    task, number = await joined(world)

    world.label_task(task, "bug", "waiting", "urgent")
    await world.sync()
    world.label_task(task, "bug", "urgent")
    report = await world.settle()

    assert names(world, task, number) == (["bug", "urgent"], ["misc", "type: bug"])
    assert report.exit_code == 0


async def test_a_label_with_a_synonym_stays_until_the_last_of_them_is_taken(world: World):
    row(world, "labels", "labels", TABLE)
    task, number = await joined(world)
    world.label_task(task, "bug", "Defect")
    await world.sync()

    world.label_task(task, "Defect")
    await world.sync()
    assert names(world, task, number) == (["Defect"], ["type: bug"])
    world.label_task(task, "bug", "Defect")
    await world.sync()
    label_issue(world, number)
    await world.sync()

    assert names(world, task, number) == ([], [])


STATES = 'map = [{ left = "To Do", right = "open" }, { left = "Done", right = "closed" }]'


@pytest.mark.parametrize(
    ("keys", "state", "code"),
    [
        ("", "open", 11),
        ('unknown = "leave"', "open", 0),
        ('unknown = "default"\nleft_default = "To Do"\nright_default = "closed"', "closed", 0),
    ],
)
async def test_a_status_without_a_row_is_parked_or_left_or_said_as_the_default(
    world: World, keys: str, state: str, code: int
):
    row(world, "status", "status", f"{STATES}\n{keys}")
    task, number = await joined(world)

    world.move_task(task, "In Progress")
    report = await world.sync()
    assert (world.issue(number)["state"], world.task(task)["status"], report.exit_code) == (state, "In Progress", code)
    world.move_task(task, "Done")
    report = await world.sync()

    assert (world.issue(number)["state"], report.exit_code) == ("closed", 0)


async def test_a_status_that_was_left_alone_gives_way_to_a_later_edit_of_the_other_side(world: World):
    row(world, "status", "status", f'{STATES}\nunknown = "leave"')
    task, number = await joined(world)
    world.move_task(task, "In Progress")
    await world.sync()

    world.edit_issue(number, state="closed")
    report = await world.sync()

    assert (world.task(task)["status"], report.exit_code) == ("Done", 0)


async def test_a_status_that_is_left_alone_makes_no_conflict_at_first_contact(world: World):
    row(world, "status", "status", f'{STATES}\nunknown = "leave"')
    world.write_config(link_more=world.more["link_more"].replace('"left"', '"manual"', 1))
    task = world.new_task("Pump")
    world.move_task(task, "In Progress")
    number = world.new_issue("Pump")

    report = await world.sync()

    assert (world.issue(number)["state"], world.task(task)["status"], report.exit_code) == ("open", "In Progress", 0)


async def test_nothing_is_written_as_the_default_and_agrees_with_it(world: World):
    row(world, "description", "description", 'right_default = "Nothing is known yet."')
    task = world.new_task("Pump")
    await world.sync()
    (issue,) = world.issues()
    assert world.issue(issue["number"])["body"].startswith("Nothing is known yet.")

    world.edit_task(task, description="It leaks.")
    await world.sync()
    world.edit_task(task, description="")
    await world.settle()

    assert world.issue(issue["number"])["body"].startswith("Nothing is known yet.")
    assert world.task(task)["description"] in (None, "")


async def test_white_space_that_a_row_leaves_out_is_no_edit_and_goes_over_with_the_next(world: World):
    row(world, "title", "title", 'normal = "words"')
    task, number = await joined(world, "Oil the pump")

    world.edit_task(task, title="Oil  the  pump")
    before = world.writes()
    await world.sync()
    assert (world.issue(number)["title"], world.writes()) == ("Oil the pump", before)
    world.edit_task(task, title="Oil  the  red pump")
    await world.sync()

    assert world.issue(number)["title"] == "Oil  the  red pump"


@pytest.mark.parametrize(
    ("left", "right", "keys", "said"),
    [
        ("due_on", "labels", "", '"due_on" (date) cannot be joined to "labels" (set)'),
        ("assignee", "title", "", 'direction = "left-to-right"'),
        ("titel", "title", "", 'did you mean "title"?'),
        ("status", "status", 'unknown = "create"\n' + STATES, 'unknown = "create": left "status" is no set of labels'),
        ("title", "title", 'unknown = "leave"', "this row has no map"),
        ("title", "title", 'normal = "day"', "It can have: words, case."),
        ("due_on", "milestone", 'right_prefix = "v"', "a prefix is for names"),
        ("estimate_points", "labels", 'map = [{ left = "1", right = "small" }]', "cannot be joined to"),
        ("labels", "status", 'map = [{ left = "bug", right = "opne" }]', 'has no "opne" (did you mean "open"?)'),
        ("status", "status", f'left_default = "To Do"\nright_default = "ajar"\n{STATES}', '"status" has no "ajar"'),
    ],
)
async def test_rows_that_cannot_be_say_why_before_anything_is_read(
    world: World, left: str, right: str, keys: str, said: str
):
    world.write_config(link_more='preset = "none"\nmatch = "title"\n' + ROW.format(left, right, keys))

    with pytest.raises(ConfigError) as caught:
        await world.sync()

    assert said in f"{caught.value.message} {caught.value.hint}"
