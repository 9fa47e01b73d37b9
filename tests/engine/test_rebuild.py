"""The database is lost: a new one from what stands on the trackers, without a write and without a guess (S8, S8a)."""

from __future__ import annotations

from functools import partial

import pytest
from engine.test_sharing import CLOSING, WEB, share
from engine.test_sync import paired
from engine.world import World

from bridge.engine.rebuild import Left, rebuild
from bridge.engine.report import RunReport
from state import conflicts, links
from state.store import Store
from state.tables import PairRow
from state.verify import verify


def store(world: World) -> Store:
    return Store.open(f"sqlite:///{world.folder}/bridge.db")


def known(world: World, *, entities: bool = True) -> set[tuple[str, ...]]:
    """Every pair: link, both ids, entity."""
    from sqlmodel import select

    def read(session):
        names = {row.id: row.name for row in links.all_links(session)}
        return {
            (names[row.link_id], row.left_id, row.right_id, row.entity if entities else "")
            for row in session.exec(select(PairRow))
        }

    with store(world) as opened:
        return opened.read_sync(read)


def lose(world: World) -> None:
    """The disk is gone."""
    for file in world.folder.glob("bridge.db*"):
        file.unlink()


async def rebuilt(world: World, *names: str) -> tuple[RunReport, list[Left]]:
    """Rebuild, and see that nothing was written; the last link's report and all that was left."""
    left: list[Left] = []
    writes = world.writes()
    async with world.open() as bridge:
        for name in names or ("app",):
            report = await bridge.run(name, partial(rebuild, left=left), trigger="rebuild", sweep=True)
            assert report.error == ""
    assert world.writes() == writes
    assert verify(f"sqlite:///{world.folder}/bridge.db").findings == ()
    return report, left


def brief(left: list[Left]) -> list[tuple[str, str, tuple[str, ...]]]:
    return sorted((one.what, one.title, one.fields) for one in left)


async def settled(world: World) -> None:
    """Two sides in step, by all the ways a pair is made: from either side, and matched."""
    world.new_task("From the board", "Text.", priority=1)
    world.new_issue("From the app", "Other text.", labels=["bug"], assignees=["alice"])
    world.new_issue("Closed", "Done long ago.")
    world.edit_issue(2, state="closed")
    world.new_task("There already", "The same.")
    world.new_issue("There already", "The same.")
    world.label_task(world.new_task("Labelled"), "red", "blue")
    await world.settle()


async def test_what_was_in_step_is_known_again_and_the_next_sync_writes_nothing(world: World):
    await settled(world)
    before = known(world)
    lose(world)

    report, left = await rebuilt(world)

    assert (report.exit_code, left) == (0, [])
    assert known(world) == before
    writes = world.writes()
    assert (await world.sync()).exit_code == 0
    assert world.writes() == writes


async def test_a_larger_world_is_known_again_item_by_item(world: World):
    world.artala.seed(generate=600)
    world.github.seed(generate=600)
    for number in range(20):
        world.new_task(f"Only on the board {number}", "Text.")
        world.new_issue(f"Only in the app {number}", "Text.", labels=["bug"])
    await world.settle()
    before = known(world)
    lose(world)

    report, left = await rebuilt(world)

    assert (known(world), left, report.counts["paired"]) == (before, [], 640)
    writes = world.writes()
    await world.sync()
    assert world.writes() == writes


async def test_after_a_rebuild_edits_arrive_as_before(world: World):
    task, number = await paired(world)
    lose(world)
    await rebuilt(world)
    world.edit_issue(number, title="Mend the pump")
    world.edit_task(task, description="It drips.")

    await world.settle()

    assert world.task(task)["title"] == "Mend the pump"
    assert world.issue(number)["body"].startswith("It drips.")


async def test_a_pair_that_differs_is_found_by_its_marker_and_is_a_conflict(world: World):
    task, number = await paired(world)
    before = known(world)
    world.edit_issue(number, title="Mend the pump")
    lose(world)

    report, left = await rebuilt(world)

    assert (report.exit_code, brief(left)) == (10, [("conflict", "Repair the pump", ("title",))])
    assert known(world) == before
    await world.settle()
    assert (world.task(task)["title"], world.issue(number)["title"]) == ("Repair the pump", "Mend the pump")


@pytest.mark.parametrize("policy", ["left", "right"])
async def test_no_side_wins_unasked_even_where_first_contact_would_let_it(world: World, policy: str):
    task, number = await paired(world)
    world.write_config(link_more=f'first_contact = "{policy}"')
    world.edit_issue(number, title="Mend the pump", labels=["bug"])
    world.edit_task(task, title="Replace the pump")
    lose(world)

    _, left = await rebuilt(world)

    assert [one.fields for one in left if one.what == "conflict"] == [("title",)]
    await world.settle()
    assert (world.task(task)["title"], world.issue(number)["title"]) == ("Replace the pump", "Mend the pump")


async def test_labels_that_one_side_has_are_added_by_the_next_sync_and_told_before(world: World):
    task, number = await paired(world, labels=["bug"])
    world.edit_issue(number, labels=["bug", "red"])
    lose(world)

    report, left = await rebuilt(world)

    assert (report.exit_code, brief(left)) == (0, [("pending", "Repair the pump", ("labels",))])
    assert known(world, entities=False) == {("app", task, str(number), "")}
    await world.settle()
    assert world.labels_of(task) == ["bug", "red"]


async def test_an_equal_title_alone_joins_nothing_but_equal_values_do(world: World):
    world.new_task("Repair the pump", "It leaks.")
    world.new_issue("Repair the pump", "It drips.")
    world.new_task("Paint the fence", "Green.")
    world.new_issue("Paint the fence", "Green.")

    report, left = await rebuilt(world)

    assert report.counts["paired"] == 1
    assert brief(left) == [("differs", "Repair the pump", ("description",))]


async def test_equal_records_are_joined_also_where_a_first_contact_would_only_create(world: World):
    world.config.write_text(world.config.read_text().replace('"match-then-create"', '"create"'))
    world.new_task("Paint the fence", "Green.")
    world.new_issue("Paint the fence", "Green.")
    world.new_issue("Alone")

    report, left = await rebuilt(world)

    assert report.counts["paired"] == 1
    assert brief(left) == [("alone", "Alone", ())]


async def test_a_record_without_a_partner_is_told_and_not_created(world: World):
    await paired(world)
    world.new_task("New on the board")
    lose(world)

    _, left = await rebuilt(world)

    assert brief(left) == [("alone", "New on the board", ())]
    assert len(world.issues()) == 1


async def test_what_matches_more_than_one_is_left_to_a_person(world: World):
    for _ in range(2):
        world.new_issue("Repair the pump")
    world.new_task("Repair the pump")

    report, left = await rebuilt(world)

    assert report.counts.get("paired", 0) == 0
    assert {one.what for one in left} == {"unclear"}
    assert len(left) == 3


async def test_two_of_one_title_are_told_apart_once_the_marked_one_has_its_partner(world: World):
    world.new_task("Repair the pump")
    world.new_issue("Repair the pump")
    await world.settle()
    world.new_task("Repair the pump", "Another one.")
    await world.settle()
    before = known(world)
    assert len(before) == 2
    lose(world)

    _, left = await rebuilt(world)

    assert (known(world), left) == (before, [])


@pytest.mark.parametrize("original", [1, 9])
async def test_a_copied_text_never_takes_the_place_of_its_original(world: World, original: int):
    for number in range(9):
        world.new_task(f"Task {number}")
    await world.sync()
    world.new_issue("A copy", world.issue(original)["body"])
    await world.settle()
    before = known(world)
    assert len(before) == 10
    lose(world)

    _, left = await rebuilt(world)

    assert (known(world), left) == (before, [])


async def test_a_copied_text_never_takes_the_place_of_its_original_in_a_first_sync_either(world: World):
    for number in range(9):
        world.new_task(f"Task {number}")
    await world.sync()
    world.new_issue("A copy", world.issue(9)["body"])
    await world.settle()
    before = known(world)
    lose(world)

    await world.settle()

    assert known(world) == before


async def test_which_of_two_unknown_copies_is_the_original_is_asked(world: World):
    world.new_task("Repair the pump", "It leaks.")
    await world.sync()
    world.new_issue("A copy", world.issue(1)["body"])
    lose(world)

    report, left = await rebuilt(world)

    assert report.counts.get("paired", 0) == 0
    assert {one.what for one in left} == {"unclear"}


async def test_an_item_whose_partner_was_deleted_is_not_made_again(world: World):
    task, number = await paired(world)
    world.artala.call("DELETE", f"/api/tasks/{task}")
    lose(world)

    _, left = await rebuilt(world)
    await world.sync()

    assert [(one.what, one.right) for one in left] == [("alone", str(number))]


async def test_round_a_ring_the_same_three_belong_together_again(world: World):
    share(world, WEB, CLOSING)
    world.new_task("From the board")
    world.new_issue("From the app")
    names = ("app", "web", "closing")
    for _ in range(3):
        for name in names:
            await world.sync(name)
    before = known(world)
    assert len(before) == 6
    lose(world)

    _, left = await rebuilt(world, *names)

    assert (known(world), left) == (before, [])
    writes = world.writes()
    for name in names:
        await world.sync(name)
    assert world.writes() == writes


async def test_a_tracker_that_is_down_ends_it_and_it_can_be_done_again(world: World):
    await settled(world)
    before = known(world)
    lose(world)
    world.github.fault("status", path="", status=500, times=-1)
    left: list[Left] = []
    async with world.open() as bridge:
        report = await bridge.run("app", partial(rebuild, left=left), trigger="rebuild")
    assert (report.state, left) == ("failed", [])
    world.github.faults.clear()

    _, left = await rebuilt(world)

    assert (known(world), left) == (before, [])


async def test_one_link_can_be_forgotten_and_found_again_beside_another(world: World):
    share(world, WEB)
    world.new_task("Repair the pump")
    for name in ("app", "web"):
        await world.sync(name)
    before = known(world)
    with store(world) as opened:
        opened.run_sync(links.forget, "web")
    assert {pair[0] for pair in known(world)} == {"app"}

    _, left = await rebuilt(world, "web")

    assert (known(world), left) == (before, [])
    with store(world) as opened:
        assert opened.read_sync(conflicts.find) == []
