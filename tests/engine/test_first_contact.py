"""The first listing: resumed where it broke off, told while it goes on, and nothing settled before both are in hand."""

from __future__ import annotations

from engine.world import World


class Told:
    """A progress bar that writes down what it is told."""

    def __init__(self) -> None:
        self.calls: list[tuple] = []

    def pulled(self, side: str, kind: str, count: int) -> None:
        self.calls.append(("pulled", side, count))

    def planned(self, total: int) -> None:
        self.calls.append(("planned", total))

    def done(self, count: int, total: int) -> None:
        self.calls.append(("done", count, total))

    def message(self, text: str) -> None:
        self.calls.append(("message", text))


async def test_a_listing_that_broke_off_goes_on_where_it_was(world: World):
    world.artala.seed(generate=900)
    world.github.seed(generate=900)
    world.github.fault("status", method="GET", path="/issues", status=500, times=-1, after=4)

    report = await world.sync()

    assert (report.state, report.counts.get("paired", 0)) == ("failed", 0)

    world.github.faults.clear()
    world.github.call("POST", "/_sandbox/counts/reset")
    report = await world.sync()

    assert report.counts["paired"] == 900
    assert world.github.counts.requests <= 7


async def test_progress_is_told(world: World):
    world.artala.seed(generate=300)
    world.github.seed(generate=300)
    told = Told()

    await world.sync(progress=told)

    assert ("pulled", "right", 300) in told.calls
    assert [call for call in told.calls if call[0] == "done"][-1] == ("done", 600, 600)


async def test_a_ceiling_on_creates_stops_cleanly_and_the_next_run_goes_on(world: World):
    world.write_config(link_more="max_creates = 3")
    for number in range(5):
        world.new_task(f"Task {number}")

    first = await world.sync()

    assert (first.state, first.exit_code, len(world.issues())) == ("stopped", 12, 3)

    second = await world.sync()

    assert (second.exit_code, len(world.issues())) == (0, 5)


async def test_a_full_listing_of_a_settled_link_writes_nothing(world: World):
    world.artala.seed(generate=150)
    world.github.seed(generate=150)
    await world.sync()

    report = await world.sync(full=True)

    assert (world.writes(), report.exit_code, report.counts["pulled"]) == (0, 0, 300)


async def test_a_plan_is_the_same_every_time(world: World):
    from bridge.engine.guard import dump_operation

    for number in range(12):
        world.new_task(f"Task {number}", status="Done" if number % 2 else "To Do")
        world.new_issue(f"Issue {number}", labels=["bug"])

    first = await world.plan()
    second = await world.plan(full=True)

    assert len(first.plan.operations) == 24
    assert [dump_operation(op) for op in first.plan.operations] == [dump_operation(op) for op in second.plan.operations]


async def test_a_reviewed_plan_does_what_it_says_and_leaves_what_moved(world: World):
    one, two = world.new_issue("One"), world.new_issue("Two")
    approved = (await world.plan()).plan
    world.edit_issue(two, title="Two changed")

    report = await world.sync(approved=approved)

    assert [task["Title"] for task in world.tasks()] == ["One"]
    assert report.counts["refused"] == 1
    assert one


async def test_what_only_one_side_says_is_a_question_at_first_contact_and_nothing_is_written(world: World):
    number = world.new_issue("Repair the pump", "It leaks.")
    world.new_task("Repair the pump")
    before = world.writes()

    report = await world.settle()

    assert (report.exit_code, world.writes()) == (10, before)
    assert world.issue(number)["body"] == "It leaks."
