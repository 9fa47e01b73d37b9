"""Links that share containers: one poll for all of them, one thing everywhere, also round a ring (S8a, S30, I5)."""

from __future__ import annotations

from engine.world import World

OTHER = "acme/web"

WEB = """
[[links]]
name = "web"
left = {{ connection = "artala", container = "{board}" }}
right = {{ connection = "github", container = "acme/web" }}
initial = "match-then-create"
"""

CLOSING = """
[[links]]
name = "closing"
left = {{ connection = "github", container = "acme/app" }}
right = {{ connection = "github", container = "acme/web" }}
initial = "match-then-create"
"""


def share(world: World, *links: str) -> None:
    world.github.seed(repo=OTHER)
    world.write_config(more_links="".join(link.format(board=world.board) for link in links))


def titles(world: World, repo: str) -> list[str]:
    _, found = world.github.call("GET", f"/repos/{repo}/issues?state=all&per_page=100", who="alice")
    return sorted(issue["title"] for issue in found)


async def test_a_task_goes_to_both_repositories_of_its_two_links(world: World):
    share(world, WEB)
    world.new_task("Repair the pump")

    await world.sync("app")
    await world.sync("web")

    assert titles(world, "acme/app") == titles(world, OTHER) == ["Repair the pump"]


async def test_what_one_links_poll_read_reaches_the_other_link(world: World):
    share(world, WEB)
    await world.sync("app")
    await world.sync("web")
    world.new_task("Repair the pump")
    await world.sync("app")

    await world.sync("web")

    assert titles(world, OTHER) == ["Repair the pump"]


async def test_an_edit_goes_through_a_chain_of_links(world: World):
    share(world, WEB)
    number = world.new_issue("Repair the pump")
    for link in ("app", "web"):
        await world.sync(link)
    world.edit_issue(number, title="Mend the pump")

    for link in ("app", "web"):
        await world.sync(link)

    assert titles(world, OTHER) == ["Mend the pump"]


async def test_round_a_ring_there_is_one_of_each_and_it_comes_to_rest(world: World):
    share(world, WEB, CLOSING)
    world.new_task("From the board")
    world.new_issue("From the app")
    for _ in range(3):
        for link in ("app", "web", "closing"):
            report = await world.sync(link)
            assert report.error == ""
    writes = world.writes()

    for link in ("closing", "web", "app"):
        await world.sync(link)

    both = ["From the app", "From the board"]
    assert titles(world, "acme/app") == titles(world, OTHER) == both
    assert sorted(task["Title"] for task in world.tasks()) == both
    assert world.writes() == writes


async def test_an_edit_in_a_ring_arrives_everywhere_once(world: World):
    share(world, WEB, CLOSING)
    number = world.new_issue("From the app")
    for _ in range(3):
        for link in ("app", "web", "closing"):
            await world.sync(link)
    world.edit_issue(number, title="Edited")
    writes = world.writes()

    for _ in range(2):
        for link in ("app", "web", "closing"):
            await world.sync(link)

    assert titles(world, OTHER) == [world.tasks()[0]["Title"]] == ["Edited"]
    assert world.writes() == writes + 2


async def test_a_link_added_later_gets_all_that_was_there_before(world: World):
    world.new_task("Repair the pump")
    await world.sync("app")
    share(world, WEB)

    await world.sync("web")

    assert titles(world, OTHER) == ["Repair the pump"]


async def test_a_link_that_was_switched_off_misses_nothing_when_it_is_switched_on(world: World):
    share(world, WEB)
    await world.sync("app")
    await world.sync("web")
    share(world)
    world.new_task("Repair the pump")
    await world.sync("app")
    share(world, WEB)

    await world.sync("web")

    assert titles(world, OTHER) == ["Repair the pump"]
