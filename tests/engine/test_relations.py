"""Parents and dependencies between tasks: carried both ways by the pairs of a link, and only by them."""

from __future__ import annotations

import pytest
from trackers.between import Between, no_sleep

from bridge.config.loader import load
from bridge.wiring import Bridge
from state import parked

ROWS = """
[[links.fields]]
left = "parent"
right = "parent"

[[links.fields]]
left = "blocks"
right = "blocks"
"""


class Related(Between):
    """A link that carries the relations of tasks."""

    initial = "match-then-create"

    def configure(self):
        self.kinds = ["task"]
        super().configure()
        file = self.folder / "bridge.toml"
        file.write_text(file.read_text().replace("match-then-create", self.initial))

    def partner(self, item):
        """Of a task on the left."""
        return dict(self.pairs())[item]

    def on_left(self, *items):
        """Partners of tasks on the right."""
        back = {right: left for left, right in self.pairs()}
        return {back[item] for item in items}

    async def stuck(self):
        """Field and words of what is parked."""
        async with Bridge.open(load(self.folder / "bridge.toml"), sleep=no_sleep) as bridge:
            found = await bridge.store.read(parked.find)
        return [(each.side, each.item_id, each.field, each.reason, each.message) for each in found]

    def shown(self, title):
        """Parent and blocked tasks of the two tasks of this title, by titles, left and right."""
        found = []
        for side in (self.left, self.right):
            tasks = side.tasks()
            [row] = [row for row in tasks.values() if row["title"] == title]
            titles = {item: each["title"] for item, each in tasks.items()}
            parent = row["parent"] and titles.get(row["parent"], row["parent"])
            found.append((parent, {titles.get(item, item) for item in row["blocks"]}))
        return found


@pytest.fixture
def twins(tmp_path):
    with Related(tmp_path, "github", "github", rows=ROWS) as both:
        yield both


@pytest.fixture(params=["github", "jira", "redmine"])
def mixed(tmp_path, request):
    """GitHub and another tracker."""
    with Related(tmp_path, "github", request.param, rows=ROWS) as both:
        yield both


async def test_relations_go_over_with_new_tasks(mixed):
    here = mixed.left
    whole = here.create("Whole")
    part = here.create("Part", parent=whole)
    here.create("Other", blocks=[whole, part])

    report = await mixed.settle()

    assert report.counts["parked"] == 0, await mixed.stuck()
    assert mixed.shown("Part") == [("Whole", set())] * 2
    assert mixed.shown("Other") == [(None, {"Whole", "Part"})] * 2


async def test_relations_made_and_removed_later_go_both_ways(mixed):
    one, two, three = (mixed.left.create(name) for name in ("One", "Two", "Three"))
    await mixed.settle()
    there = dict(mixed.pairs())

    mixed.left.edit(two, blocks=[three])
    mixed.right.edit(there[one], blocks=[there[two]])
    await mixed.settle()
    assert mixed.shown("Two") == [(None, {"Three"})] * 2
    assert mixed.shown("One") == [(None, {"Two"})] * 2

    mixed.right.edit(there[two], blocks=[])
    mixed.left.edit(one, blocks=[two, three])
    report = await mixed.settle()
    assert mixed.shown("Two") == [(None, set())] * 2
    assert mixed.shown("One") == [(None, {"Two", "Three"})] * 2
    assert report.counts["parked"] == 0, await mixed.stuck()


@pytest.mark.parametrize("other", ["github", "redmine"])
async def test_a_parent_is_given_changed_and_taken_away_on_either_side(tmp_path, other):
    with Related(tmp_path, "github", other, rows=ROWS) as world:
        for name in ("First", "Second", "Child"):
            world.left.create(name)
        await world.settle()
        (child, child_there), (first, _), (_, second_there) = world.pairs()

        world.left.edit(child, parent=first)
        await world.settle()
        assert world.shown("Child") == [("First", set())] * 2
        world.right.edit(child_there, parent=second_there)
        await world.settle()
        assert world.shown("Child") == [("Second", set())] * 2
        world.left.edit(child, parent=None)
        await world.settle()
        assert world.shown("Child") == [(None, set())] * 2


async def test_both_sides_may_block_something_at_once(mixed):
    one, two, three = (mixed.left.create(name) for name in ("One", "Two", "Three"))
    await mixed.settle()
    there = dict(mixed.pairs())

    mixed.left.edit(one, blocks=[two])
    mixed.right.edit(there[one], blocks=[there[three]])
    report = await mixed.settle()

    assert mixed.shown("One") == [(None, {"Two", "Three"})] * 2
    assert report.counts["conflicts_open"] == 0


async def test_two_different_parents_are_a_conflict_and_the_rest_goes_on(twins):
    first, second, child = (twins.left.create(name) for name in ("First", "Second", "Child"))
    await twins.settle()
    there = dict(twins.pairs())

    twins.left.edit(child, parent=first, title="Child")
    twins.right.edit(there[child], parent=there[second])
    twins.left.edit(child, description="More")
    report = await twins.settle()

    assert report.counts["conflicts_open"] == 1
    assert [parent for parent, _ in twins.shown("Child")] == ["First", "Second"]
    assert twins.right.task(there[child])["description"] == "More"


async def test_a_relation_to_a_task_without_a_partner_waits_and_follows(tmp_path):
    with Related(tmp_path, "github", "github", rows=ROWS) as world:
        world.initial = "match"
        world.configure()
        child, other, lonely = (world.left.create(title) for title in ("Child", "Other", "Lonely"))
        child_there, other_there = world.right.create("Child"), world.right.create("Other")
        await world.sync()
        world.left.edit(child, parent=lonely)
        world.left.edit(other, blocks=[lonely, child])

        report = await world.sync()
        await world.sync()
        assert report.exit_code == 0
        assert world.right.task(child_there)["parent"] is None
        assert world.right.task(other_there)["blocks"] == {child_there}

        partner = world.right.create("Lonely")
        await world.settle()
        assert world.right.task(child_there)["parent"] == partner
        assert world.right.task(other_there)["blocks"] == {child_there, partner}
        assert world.left.task(other)["blocks"] == {child, lonely}


async def test_what_lies_outside_the_link_stays_as_it_is(twins):
    box = twins.left.box
    box.seed(repo="acme/lib", issues=[{"title": "Elsewhere"}])
    one, two = twins.left.create("One"), twins.left.create("Two")
    number = box.call("GET", f"/repos/acme/app/issues/{one}", who="alice")[1]["id"]
    place = "/repos/acme/lib/issues/1"
    assert box.call("POST", f"{place}/dependencies/blocked_by", {"issue_id": number}, who="alice")[0] == 201
    assert box.call("POST", f"{place}/sub_issues", {"sub_issue_id": number}, who="alice")[0] == 201
    await twins.settle()
    there = dict(twins.pairs())

    twins.left.edit(one, title="First")
    twins.right.edit(there[one], blocks=[there[two]])
    report = await twins.settle()

    assert twins.left.task(one)["blocks"] == {"acme/lib#1", two}
    assert twins.right.task(there[one])["blocks"] == {there[two]}
    assert twins.right.task(there[one])["parent"] is None
    assert (report.exit_code, report.counts["parked"]) == (0, 0)
    assert twins.right.task(there[one])["title"] == "First"


@pytest.mark.parametrize("field", ["parent", "blocks"])
async def test_a_cycle_that_a_tracker_refuses_is_parked_with_its_reason(twins, field):
    one, two = twins.left.create("One"), twins.left.create("Two")
    await twins.settle()
    there = dict(twins.pairs())

    def related(to):
        return {field: to if field == "parent" else [to]}

    twins.left.edit(two, **related(one))
    twins.right.edit(there[one], **related(there[two]))
    twins.left.edit(one, description="More")
    report = await twins.settle()

    assert report.counts["parked"] == 2
    stuck = await twins.stuck()
    assert {(name, reason) for _, _, name, reason, _ in stuck} == {(field, "rejected")}
    assert all("cycle" in message for *_, message in stuck)
    assert twins.right.task(there[one])["description"] == "More"

    twins.right.edit(there[one], **{field: None if field == "parent" else []})
    twins.left.edit(two, description="Try again")
    report = await twins.settle()
    assert (report.counts["parked"], report.counts["conflicts_open"]) == (0, 0), await twins.stuck()
    assert twins.shown("Two") == ([("One", set())] * 2 if field == "parent" else [(None, {"One"})] * 2)


@pytest.mark.parametrize("path", ["/sub_issues", "/blocked_by"])
async def test_a_lost_reply_makes_nothing_twice_and_loses_nothing(twins, path):
    one = twins.left.create("One")
    two = twins.left.create("Two", parent=one, blocks=[one])
    twins.right.box.fault("lost_reply", method="POST", path=path)
    twins.right.box.fault("status", method="POST", path=path, status=502)

    report = await twins.settle()

    assert twins.shown("Two") == [("One", {"One"})] * 2
    assert report.counts["parked"] == 0
    assert twins.left.task(two)["parent"] == one


async def test_a_listing_that_lags_behind_a_relation_undoes_nothing(twins):
    one = twins.left.create("One")
    await twins.settle()
    twins.left.create("Two", parent=one, blocks=[one])
    await twins.sync()
    twins.right.box.fault("stale", method="GET", path="/issues$", times=2, changes=3)

    await twins.sync(sweep=False)
    await twins.sync(sweep=False)

    assert twins.shown("Two") == [("One", {"One"})] * 2


async def test_a_deleted_parent_leaves_its_children_in_step(twins):
    one, two = twins.left.create("One"), twins.left.create("Two")
    twins.left.edit(two, parent=one)
    await twins.settle()

    twins.left.delete(one)
    await twins.sync()
    await twins.sync()
    twins.left.edit(two, description="More")
    report = await twins.sync()

    assert report.exit_code == 0
    [row] = [row for row in twins.right.tasks().values() if row["title"] == "Two"]
    assert row["description"] == "More"


async def test_relations_alone_make_no_echo(mixed):
    one = mixed.left.create("One")
    mixed.left.create("Two", blocks=[one])
    await mixed.settle()
    before = mixed.writes()

    for _ in range(3):
        await mixed.sync()

    assert mixed.writes() == before


# ------------------------------------------------------------------------------------------------ requests


async def test_a_quiet_link_with_relations_costs_one_request_a_side_between_sweeps(twins):
    one = twins.left.create("One")
    twins.left.create("Two", parent=one, blocks=[one])
    await twins.settle()
    await twins.sync(sweep=False)
    before = twins.left.requests(), twins.right.requests()

    await twins.sync(sweep=False)

    assert (twins.left.requests() - before[0], twins.right.requests() - before[1]) == (1, 1)


async def test_a_link_that_names_no_relations_pays_nothing_for_them(tmp_path):
    with Related(tmp_path, "github", "github") as world:
        one = world.left.create("One")
        world.left.create("Two", parent=one, blocks=[one])
        await world.settle()
        before = world.left.requests(), world.right.requests()

        await world.sync(sweep=True)

        assert (world.left.requests() - before[0], world.right.requests() - before[1]) == (1, 1)
        assert world.shown("Two") == [("One", {"One"}), (None, set())]
