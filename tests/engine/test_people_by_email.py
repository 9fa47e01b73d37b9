"""Who is who by unique e-mail addresses (S14): lists of people are read seldom and kept, nobody is guessed by a name."""

from __future__ import annotations

from datetime import timedelta

import pytest
from engine.world import World

from bridge.engine.context import utc_now
from state import directories, links, parked
from state.store import Store

BOB_IS_ALICE = {"bob": "Alice@Example.com"}  # whose e-mail on Artala is alice@example.com
LEAD = 'unknown_person = "default"\ndefault_person = "carol@example.com"'


@pytest.fixture
def met(world: World) -> World:
    """Both lists are read as often as they may be; bob's profile on GitHub shows an address of the team on Artala."""
    world.write_config(people_every_s="86400")
    world.github.seed(emails=BOB_IS_ALICE)
    return world


def asked(world: World) -> int:
    """Requests for lists of people; Artala's team also serves to name assignees."""
    routes = world.github.counts.by_route
    return sum(count for route, count in routes.items() if "/users/" in route or route.endswith("/assignees"))


def assignee(world: World, task: str) -> str | None:
    emails = {member.id: member.email for member in world.artala.store.members.values()}
    return emails.get(world.task(task)["assigneeId"])


def only_task(world: World) -> str:
    (task,) = world.tasks()
    return str(task["Id"])


async def test_somebody_with_the_same_address_on_both_sides_is_one_person_without_a_row(met: World):
    number = met.new_issue("Repair the pump", assignees=["bob"])

    await met.settle()
    task = only_task(met)
    assert assignee(met, task) == "alice@example.com"

    met.edit_task(task, assigneeId=next(m.id for m in met.artala.store.members.values() if m.email.startswith("sam")))
    await met.settle()
    assert [one["login"] for one in met.issue(number)["assignees"]] == ["alice"]


async def test_the_lists_are_read_once_a_day_and_a_quiet_run_costs_nothing(met: World):
    await met.settle()
    first = asked(met)
    await met.sync()
    async with met.open(now=lambda: utc_now() + timedelta(hours=23)) as bridge:
        await bridge.sync("app", trigger="test")
    assert (first > 0, asked(met)) == (True, first)

    async with met.open(now=lambda: utc_now() + timedelta(hours=25)) as bridge:
        await bridge.sync("app", trigger="test")
    assert asked(met) == 2 * first

    met.write_config(people_every_s="0")
    async with met.open(now=lambda: utc_now() + timedelta(days=9)) as bridge:
        await bridge.sync("app", trigger="test")
    assert asked(met) == 2 * first


async def test_whoever_gets_an_address_later_is_assigned_without_a_change_of_the_configuration(met: World):
    met.github.seed(emails={"bob": "bob@elsewhere.example"})
    met.new_issue("Repair the pump", assignees=["bob"])
    report = await met.settle()
    assert assignee(met, only_task(met)) is None
    assert report.exit_code == 0

    met.github.seed(emails=BOB_IS_ALICE)
    await met.settle()
    assert assignee(met, only_task(met)) is None  # the list is of today

    async with met.open() as bridge:
        await bridge.read_people("app")
        await bridge.sync("app", trigger="test")
    assert assignee(met, only_task(met)) == "alice@example.com"
    await met.settle()


async def test_a_row_wins_over_an_address_and_what_did_not_change_judges_nothing_anew(met: World):
    met.github.seed(emails={"bob": "sam@example.com"})  # sam@example.com is alice by the row
    met.new_issue("Repair the pump", assignees=["bob"])
    await met.settle()
    assert assignee(met, only_task(met)) is None

    with Store.open(f"sqlite:///{met.folder}/bridge.db") as store:
        (link,) = store.read_sync(links.all_links)
    async with met.open() as bridge:
        await bridge.read_people("app")
        await bridge.sync("app", trigger="test")
    with Store.open(f"sqlite:///{met.folder}/bridge.db") as store:
        (again,) = store.read_sync(links.all_links)
        assert (again.people, again.config_hash) == (link.people, link.config_hash)
        assert store.read_sync(parked.find) == []


async def test_a_list_that_is_not_shown_stops_no_run_and_is_noted(met: World):
    met.github.fault("permission_lost", status=403, path="/assignees$", times=9)
    met.new_issue("Repair the pump", assignees=["alice"])

    report = await met.settle()

    assert (report.exit_code, assignee(met, only_task(met))) == (0, "sam@example.com")
    with Store.open(f"sqlite:///{met.folder}/bridge.db") as store:
        held = store.read_sync(directories.get, "github", "acme/app")
    assert (held.people, held.read_at, "403" in held.error) == ((), None, True)


async def test_a_default_stands_in_for_a_stranger_until_the_stranger_is_known(met: World):
    met.write_config(artala_more=LEAD)
    met.github.seed(emails={"bob": "bob@elsewhere.example"})
    number = met.new_issue("Repair the pump", assignees=["bob"])

    await met.settle()
    task = only_task(met)
    assert (assignee(met, task), [one["login"] for one in met.issue(number)["assignees"]]) == (
        "carol@example.com",
        ["bob"],
    )

    met.github.seed(emails=BOB_IS_ALICE)
    async with met.open() as bridge:
        await bridge.read_people("app")
    await met.settle()
    assert (assignee(met, task), [one["login"] for one in met.issue(number)["assignees"]]) == (
        "alice@example.com",
        ["bob"],
    )


async def test_a_default_is_answered_as_anybody_and_never_written_back(met: World):
    met.write_config(artala_more=LEAD)
    number = met.new_issue("Repair the pump", assignees=["carol"])
    await met.settle()
    task = only_task(met)
    assert assignee(met, task) == "carol@example.com"

    met.edit_task(task, title="Mend the pump")
    await met.settle()
    assert [one["login"] for one in met.issue(number)["assignees"]] == ["carol"]

    met.edit_task(task, assigneeId=next(m.id for m in met.artala.store.members.values() if m.email.startswith("sam")))
    await met.settle()
    assert {one["login"] for one in met.issue(number)["assignees"]} == {"alice", "carol"}
