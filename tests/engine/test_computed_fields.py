"""Rows with an expression or a constant in place of a field: one way, checked against their target, held where they fail."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from engine.world import World

from bridge.config.loader import load
from bridge.config.mistakes import InvalidConfig
from bridge.errors import ConfigError


def row(*lines: str) -> str:
    return "\n".join(["[[links.fields]]", *lines])


TITLES = row("expression = 'item.title.upper()'", 'right = "title"')


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with World(tmp_path, more_links=TITLES, link_more='match = ["=item.title.upper()"]') as made:
        yield made


async def test_a_computed_field_goes_over_and_follows_its_item(world: World) -> None:
    task = world.new_task("pump")
    await world.settle()
    [issue] = world.issues()

    assert issue["title"] == "PUMP"

    world.edit_task(task, title="valve")
    await world.settle()

    assert world.issue(issue["number"])["title"] == "VALVE"


async def test_what_is_written_into_the_target_is_never_written_back(world: World) -> None:
    task = world.new_task("pump")
    await world.settle()
    [issue] = world.issues()
    world.edit_issue(issue["number"], title="by hand")
    await world.settle()

    assert (world.task(task)["title"], world.issue(issue["number"])["title"]) == ("pump", "by hand")


async def test_labels_can_be_added_to_every_copy(tmp_path: Path) -> None:
    labels = row("expression = 'item.labels + [\"sync\"]'", 'right = "labels"')
    with World(tmp_path, more_links=labels, right_filter=", filter = '\"sync\" in item.labels'") as world:
        task = world.new_task("pump")
        world.label_task(task, "urgent")
        await world.settle()
        [issue] = world.issues()

        assert sorted(label["name"] for label in issue["labels"]) == ["sync", "urgent"]


async def test_a_constant_is_given_to_new_items_only(tmp_path: Path) -> None:
    constant = row('value = ["from-artala"]', 'right = "labels"')
    with World(tmp_path, more_links=constant) as world:
        there = world.new_issue("both")
        world.new_task("both")
        world.new_task("pump")
        await world.settle()
        labels = {each["title"]: [label["name"] for label in each["labels"]] for each in world.issues()}

        assert labels == {"both": [], "pump": ["from-artala"]}

        world.edit_issue(there, labels=["own"])
        world.new_issue("from the right", labels=["x"])
        await world.settle()

        assert [label["name"] for label in world.issue(there)["labels"]] == ["own"]
        assert all(world.labels_of(task["Id"]) == [] for task in world.tasks())


async def test_a_constant_with_a_direction_is_given_to_what_is_joined_as_well(tmp_path: Path) -> None:
    constant = row('value = ["from-artala"]', 'right = "labels"', 'direction = "left-to-right"')
    with World(tmp_path, more_links=constant) as world:
        there = world.new_issue("both", labels=["own"])
        world.new_task("both")
        await world.settle()

        assert sorted(label["name"] for label in world.issue(there)["labels"]) == ["from-artala", "own"]


async def test_a_field_whose_expression_fails_is_held_and_the_rest_goes_on(tmp_path: Path) -> None:
    first = row("expression = 'item.labels[0]'", 'right = "title"', 'direction = "left-to-right"')
    with World(tmp_path, more_links=first, link_more='match = ["description"]') as world:
        task = world.new_task("pump", "old")
        world.label_task(task, "urgent")
        await world.settle()
        [issue] = world.issues()

        assert issue["title"] == "urgent"

        world.label_task(task)
        world.edit_task(task, description="new")
        report = await world.sync()

        assert world.issue(issue["number"])["title"] == "urgent"
        assert world.issue(issue["number"])["body"].startswith("new")
        assert report.counts["parked"] == 1


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        (
            ("expression = 'item.estimate + 1'", 'right = "title"'),
            "there is no field item.estimate",
        ),
        (
            ("expression = 'item.title.size()'", 'right = "title"'),
            'gives a whole number, which is not what "title" takes: line',
        ),
        (("value = 5", 'right = "labels"'), 'gives a whole number, which is not what "labels" takes'),
    ],
)
async def test_a_result_that_does_not_fit_its_field_is_refused(
    tmp_path: Path, lines: tuple[str, ...], said: str
) -> None:
    with World(tmp_path, more_links=row(*lines), link_more='match = ["description"]') as world:
        with pytest.raises(ConfigError) as refused:
            await world.plan()

        assert said in refused.value.message
        assert 'link "app"' in refused.value.message


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        (
            ("expression = 'item.title'", 'right = "title"', 'direction = "both"'),
            'what expression gives is never written back: "left-to-right" or "create-only"',
        ),
        (
            ("expression = 'item.title'", 'left = "title"', 'direction = "left-to-right"'),
            '"right-to-left" or "create-only"',
        ),
        (("expression = 'item.title'", 'left = "title"', 'right = "title"'), "take one out"),
        (("expression = 'item.title'",), "name the other"),
        (("expression = 'item.title'", 'value = "x"', 'left = "title"'), "give either value or expression, not both"),
        (("expression = 'item.title +'", 'left = "title"'), "it cannot be read"),
        (('left = "title"',), "missing; or give value or expression in its place"),
    ],
)
def test_a_row_that_makes_no_sense_is_refused_with_its_place(tmp_path: Path, lines: tuple[str, ...], said: str) -> None:
    with World(tmp_path, more_links=row(*lines)) as world, pytest.raises(InvalidConfig) as refused:
        load(world.config)

    [mistake] = refused.value.mistakes

    assert said in mistake.text
    assert mistake.key.startswith("links[0].fields[0]")
