"""Rows with an expression or a constant in place of a field: one way, checked against their target, held where they fail."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, cast

import pytest
from engine.world import World

from bridge.computing import around
from bridge.config.loader import load
from bridge.config.mistakes import InvalidConfig
from bridge.engine.batch import merged
from bridge.errors import ConfigError
from bridge.model import FieldSpec, FieldType, Record, Ref, Schema
from mappings.computed import name_of, name_of_query

if TYPE_CHECKING:
    from bridge.engine.link import Link
    from connectors.base import Connector


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


@pytest.mark.parametrize(
    "keys",
    [
        ("map = [{ left = '*', right = 'open' }]",),
        ("map = [{ left = 'x', right = 'open' }]", "unknown = 'default'", "right_default = 'closed'"),
    ],
)
def test_a_map_of_an_expression_needs_nothing_for_the_way_that_it_never_goes(
    tmp_path: Path, keys: tuple[str, ...]
) -> None:
    lines = ("expression = 'item.title'", 'right = "status"', 'transform = "choice"', *keys)
    with World(tmp_path, more_links=row(*lines)) as world:
        assert load(world.config).links[0].fields


class Unsure:
    """A tracker in which one name stands for two custom fields."""

    name = "unsure"
    comments = None

    async def schema(self, container: str, kind: str, *, fields: frozenset[str]) -> Schema:
        if "custom.Twice" in fields:
            raise ConfigError('there are two fields "Twice"')
        return Schema(kind, {name: FieldSpec(name, FieldType.LINE) for name in {"title", *fields}})


async def test_a_field_that_nobody_can_tell_spoils_only_the_expression_that_reads_it() -> None:
    good, bad = "item.custom.Size == 'S'", "item.custom.Twice == 'x'"
    reading = around(cast("Connector", Unsure()), {("a", "task"): frozenset({good, bad})}, {})

    schema = await reading.schema("a", "task", fields=frozenset({"title", name_of(good)}))

    assert (name_of(good) in schema.fields, name_of(bad) in schema.fields) == (True, False)
    with pytest.raises(ConfigError):
        await reading.schema("a", "task", fields=frozenset({"custom.Twice"}))


def test_what_a_query_said_stays_known_when_a_write_tells_nothing_of_it() -> None:
    ref, asked = Ref("left", "a", "task", "1"), name_of_query("labels = sync")
    link = cast("Link", SimpleNamespace(computation_of=lambda _ref: None))

    now = merged(link, Record(ref, {"title": "old", asked: False}, "1"), Record(ref, {"title": "new"}, "2"))

    assert now.fields == {"title": "new", asked: False}
