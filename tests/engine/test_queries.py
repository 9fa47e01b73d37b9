"""A query of a side, judged by its tracker: what it does not find stays there, what leaves it is paused, as with a filter (S28)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from engine.test_scope import lose_database
from trackers.between import Between, no_sleep, people_of

from bridge.config.loader import load
from bridge.errors import ConfigError
from bridge.wiring import Bridge

QUERIES = {"cloud": "labels = sync OR summary ~ urgent", "data-center": "labels = sync", "github": "sync"}


class Queried(Between):
    """A tracker with a query on the left, Redmine on the right."""

    def __init__(self, folder: Path, which: str, query: str | None = None, rows: str = "") -> None:
        left = people_of("github") if which == "github" else people_of("jira", dialect=which)
        self.query = QUERIES[which] if query is None else query
        super().__init__(folder, left, "redmine", more="auto_accept = true", rows=rows)
        self.kinds = ["task"]

    def configure(self) -> None:
        super().configure()
        file = self.folder / "bridge.toml"
        old = f'left = {{ connection = "left", container = "{self.left.container}" }}'
        text = file.read_text()
        assert old in text
        if self.query:
            file.write_text(text.replace(old, old[:-2] + f", query = '{self.query}' }}", 1))

    def titles(self) -> list[str]:
        return sorted(task["title"] for task in self.right.tasks().values())

    async def paused(self) -> int:
        report = await self.sync()
        return report.counts["paused"]


EVERY = pytest.mark.parametrize("world", sorted(QUERIES), indirect=True)


@pytest.fixture(params=["cloud"])
def world(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Queried]:
    with Queried(tmp_path, request.param) as made:
        yield made


@EVERY
async def test_what_a_query_does_not_find_is_not_even_listed_and_stays_on_its_side(world: Queried) -> None:
    clock = world.left.box.clock
    clock.advance(-86_400)
    world.left.create("pump", labels=["sync"])
    for number in range(6):
        clock.advance(3600)
        world.left.create(f"a secret {number}")
    clock.advance(86_400 - 6 * 3600)
    report = await world.sync()
    await world.settle()

    assert world.titles() == ["pump"]
    assert report.counts["pulled"] <= 2  # it, and where the changes of the container end


async def test_a_quiet_run_costs_no_request_more_with_a_query(world: Queried) -> None:
    world.left.create("pump", labels=["sync"])
    world.left.create("a secret")
    await world.settle()
    with_query = [(await world.sync(sweep=False)).counts["requests_left"] for _ in range(2)]
    world.query = ""
    world.configure()
    await world.settle()
    without = [(await world.sync(sweep=False)).counts["requests_left"] for _ in range(2)]

    assert with_query[-1] <= without[-1]


@EVERY
async def test_what_leaves_a_query_is_paused_and_goes_on_once_it_is_found_again(world: Queried) -> None:
    item = world.left.create("pump", labels=["sync"])
    await world.settle()
    [copy] = world.right.tasks()

    world.left.edit(item, labels=["other"], title="a secret")
    await world.settle()
    world.right.edit(copy, description="new")
    await world.settle()

    assert (world.titles(), await world.paused()) == (["pump"], 1)
    assert "new" not in str(world.left.task(item)["description"])

    world.left.edit(item, labels=["sync"], title="pump 2")
    await world.settle()

    assert (world.titles(), await world.paused()) == (["pump 2"], 0)
    assert "new" in str(world.left.task(item)["description"])
    assert len(world.left.tasks()) == 1


@pytest.mark.parametrize("world", ["cloud", "github"], indirect=True)
async def test_a_narrowed_listing_of_everything_is_no_evidence_of_a_deletion(world: Queried) -> None:
    item = world.left.create("pump", labels=["sync"])
    other = world.left.create("valve", labels=["sync"])
    await world.settle()
    world.left.edit(item, labels=[])
    await world.settle()
    report = await world.sync(full=True)
    await world.settle()

    assert (world.titles(), report.counts["paused"], "guarded" in report.counts) == (["pump", "valve"], 1, False)

    world.left.edit(other, labels=[])
    await world.sync(full=True)
    await world.settle()

    assert (world.titles(), await world.paused()) == (["pump", "valve"], 2)


async def test_another_query_judges_every_pair_anew(world: Queried) -> None:
    world.left.create("pump", labels=["sync"])
    world.left.create("valve", labels=["sync", "other"])
    await world.settle()
    world.query = world.query.replace("sync", "other")
    world.configure()
    await world.settle()

    assert (world.titles(), await world.paused()) == (["pump", "valve"], 1)


async def test_an_announced_item_is_judged_by_the_query_as_well(world: Queried) -> None:
    item = world.left.create("pump", labels=["sync"])
    await world.settle()
    world.left.edit(item, labels=[], title="a secret")
    async with Bridge.open(load(world.folder / "bridge.toml"), sleep=no_sleep) as bridge:
        from state import inbox

        await bridge.store.run(inbox.announce, 1, "task", "left", [item], bridge.now())
        await bridge.sync("pair", trigger="test")

    assert (world.titles(), await world.paused()) == (["pump"], 1)


@EVERY
async def test_a_lost_database_makes_no_double_of_a_copy_that_the_query_does_not_find(world: Queried) -> None:
    world.right.create("pump")
    await world.settle()
    world.left.box.clock.advance(86_400)
    world.left.create("a secret")
    lose_database(world.folder)
    await world.settle()

    assert (len(world.left.tasks()), world.titles(), await world.paused()) == (2, ["pump"], 1)


async def test_a_token_that_may_not_say_whose_it_is_has_everything_listed(tmp_path: Path) -> None:
    with Queried(tmp_path, "github") as world:
        world.left.box.fault("status", path="^/user$", status=403, message="not accessible by integration", times=-1)
        world.left.create("pump", labels=["sync"])
        world.left.create("a secret")
        await world.settle()

        assert world.titles() == ["pump"]


async def test_two_links_of_one_container_have_each_their_own_query(tmp_path: Path) -> None:
    with Queried(tmp_path, "cloud", "labels = sync") as world:
        second = f"""
[[links]]
name = "second"
left = {{ connection = "left", container = "{world.left.container}", query = "labels = other" }}
right = {{ connection = "right", container = "{world.right.second_container}" }}
initial = "match-then-create"
"""
        file = tmp_path / "bridge.toml"
        file.write_text(file.read_text() + second)
        world.left.create("pump", labels=["sync"])
        world.left.create("valve", labels=["other"])
        world.left.create("a secret")
        async with Bridge.open(load(file), sleep=no_sleep) as bridge:
            for _ in range(2):
                for name in ("pair", "second"):
                    await bridge.sync(name, trigger="test")
        world.right.container = world.right.second_container
        there = world.titles()
        world.right.container = type(world.right).container

        assert (world.titles(), there) == (["pump"], ["valve"])


@pytest.mark.parametrize(
    ("which", "query", "said"),
    [
        ("cloud", "labels = sync ORDER BY created", "must be a clause without ORDER BY"),
        ("cloud", "labels = sync) OR (project = OPS", "parentheses do not match"),
        ("data-center", 'summary ~ "x', "a quotation mark is not closed"),
        ("github", "sync,,urgent", "must be names of labels with one comma between them"),
    ],
)
async def test_a_query_that_can_be_none_is_refused_with_its_place(
    tmp_path: Path, which: str, query: str, said: str
) -> None:
    with Queried(tmp_path, which, query) as world:
        [finding] = [each for each in await world.check(live=False) if each.level == "error"]

        assert said in finding.what
        assert "bridge.toml:" in finding.what
        assert "left.query" in finding.what
        with pytest.raises(ConfigError):
            await world.sync()


async def test_a_tracker_without_a_search_points_to_filter(tmp_path: Path) -> None:
    with Between(tmp_path, "redmine", "github") as world:
        file = tmp_path / "bridge.toml"
        file.write_text(file.read_text().replace(" }\nright", ', query = "open" }\nright', 1))
        [finding] = [each for each in await world.check(live=False) if each.level == "error"]

        assert "left is redmine" in finding.what
        assert "filter does the same" in finding.hint


async def test_a_query_that_the_site_does_not_understand_is_said_in_its_words(tmp_path: Path) -> None:
    with Queried(tmp_path, "cloud", "flavour = sweet") as world:
        found = [each for each in await world.check(live=True) if each.level == "error"]
        report = await world.sync()

        assert any("flavour" in each.what for each in found)
        assert report.state == "failed"
        assert "flavour" in report.error
