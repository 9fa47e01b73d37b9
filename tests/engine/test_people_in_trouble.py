"""Lists of people that are refused, empty, ambiguous or change (S14): what is not sure changes no assignee."""

from __future__ import annotations

import asyncio
import io
import logging
from dataclasses import replace

import pytest
import structlog
from engine.test_people_by_email import BOB_IS_ALICE, LEAD, assignee, only_task
from engine.world import World

from bridge import log
from state import directories
from state.store import Store

ALICE = "alice@example.com"


@pytest.fixture
def met(world: World) -> World:
    world.write_config(people_every_s="86400")
    world.github.seed(emails=BOB_IS_ALICE)
    return world


async def read_again(world: World) -> None:
    async with world.open() as bridge:
        await bridge.read_people("app")
        await bridge.sync("app", trigger="test")


def member(world: World, email: str) -> str:
    return next(one.id for one in world.artala.store.members.values() if one.email == email)


def logins(world: World, number: int) -> list[str]:
    return sorted(one["login"] for one in world.issue(number)["assignees"])


async def test_while_a_list_was_never_shown_nobody_counts_as_unknown(met: World):
    met.write_config(artala_more=LEAD)
    fault = met.github.fault("permission_lost", status=403, path="/assignees$", times=99)
    number = met.new_issue("Repair the pump", assignees=["bob"])

    await met.sync()
    task = only_task(met)
    assert assignee(met, task) is None

    fault.times = 0
    await read_again(met)
    assert (assignee(met, task), logins(met, number)) == (ALICE, ["bob"])


@pytest.mark.parametrize("how", ["refused", "empty"])
async def test_a_list_that_fails_later_is_as_good_as_it_was(met: World, how: str):
    met.write_config(artala_more=LEAD)
    await met.sync()
    met.github.fault({"refused": "permission_lost", "empty": "empty_listing"}[how], path="/assignees$", times=99)
    await read_again(met)

    met.new_issue("Repair the pump", assignees=["bob"])
    await met.sync()

    assert assignee(met, only_task(met)) == ALICE
    with Store.open(f"sqlite:///{met.folder}/bridge.db") as store:
        held = store.read_sync(directories.get, "github", "acme/app")
    assert held.people
    assert held.error


async def test_an_address_of_two_people_is_nobodys_and_no_default_stands_in_for_either(met: World):
    met.write_config(artala_more=LEAD)
    met.github.seed(emails={"carol": "ALICE@example.com"})
    number = met.new_issue("Repair the pump", assignees=["bob"])

    await met.sync()
    task = only_task(met)
    assert (assignee(met, task), logins(met, number)) == (None, ["bob"])

    met.edit_task(task, assigneeId=member(met, ALICE))
    await met.sync()
    assert (assignee(met, task), logins(met, number)) == (ALICE, ["bob"])

    met.github.seed(emails={"carol": "carol@elsewhere.example"})
    await read_again(met)
    assert (assignee(met, task), logins(met, number)) == (ALICE, ["bob"])


async def test_an_address_that_passes_to_somebody_else_leaves_what_is_assigned_and_counts_from_then_on(met: World):
    number = met.new_issue("Repair the pump", assignees=["bob"])
    await met.sync()
    task = only_task(met)
    assert assignee(met, task) == ALICE

    met.github.seed(emails={"bob": "bob@elsewhere.example", "carol": ALICE})
    await read_again(met)
    assert (assignee(met, task), logins(met, number)) == (ALICE, ["bob"])

    met.edit_task(task, title="Mend the pump")
    await met.sync()
    assert (assignee(met, task), logins(met, number)) == (ALICE, ["bob"])

    other = met.new_task("Paint the pump", assigneeId=member(met, ALICE))
    await met.sync()
    (made,) = (one for one in met.issues() if one["title"] == "Paint the pump")
    assert [one["login"] for one in made["assignees"]] == ["carol"]
    assert assignee(met, other) == ALICE


async def test_somebody_who_left_keeps_what_they_have_and_is_nobody_for_new_work(met: World):
    met.write_config(artala_more=LEAD)
    number = met.new_issue("Repair the pump", assignees=["bob"])
    await met.sync()
    task = only_task(met)
    members = met.artala.store.members
    members.update({one.id: replace(one, is_active=False) for one in members.values() if one.email == ALICE})
    await read_again(met)
    assert (assignee(met, task), logins(met, number)) == (ALICE, ["bob"])

    met.new_issue("Paint the pump", assignees=["bob"])
    await met.sync()
    (made,) = (str(one["Id"]) for one in met.tasks() if one["Title"] == "Paint the pump")
    assert assignee(met, made) == "carol@example.com"
    assert (assignee(met, task), logins(met, number)) == (ALICE, ["bob"])


async def test_two_links_of_one_container_read_its_list_once(met: World):
    _, boards = met.artala.call("GET", "/api/boards", who="sam")
    second_board = next(row["id"] for row in boards if row["id"] != met.board)
    second = f"""
[[links]]
name = "second"
left = {{ connection = "artala", container = "{second_board}" }}
right = {{ connection = "github", container = "acme/app" }}
initial = "match-then-create"
"""
    met.write_config(more_links=second)
    async with met.open() as bridge:
        await asyncio.gather(bridge.sync("app", trigger="test"), bridge.sync("second", trigger="test"))

    lists = [much for route, much in met.github.counts.by_route.items() if route.endswith("/assignees")]
    assert sum(lists) == 1


async def test_a_quiet_run_costs_as_much_as_without_lists_of_people(met: World):
    met.new_issue("Repair the pump", assignees=["alice"])

    async def costs() -> int:
        await met.settle()
        before = met.github.counts.requests + met.artala.counts.requests
        await met.sync()
        return met.github.counts.requests + met.artala.counts.requests - before

    with_lists = await costs()
    met.write_config(people_every_s="0")
    assert with_lists == await costs()


async def test_lists_are_read_of_connections_with_a_filter_too(met: World):
    met.write_config(right_filter=", filter = 'item.title != \"\"'")
    met.new_issue("Repair the pump", assignees=["bob"])
    await met.sync()

    assert assignee(met, only_task(met)) == ALICE


async def test_addresses_are_in_no_log_and_no_plan(met: World):
    met.github.seed(emails={"carol": "carol@private.example"})
    out = io.StringIO()
    handlers, level = logging.getLogger().handlers[:], logging.getLogger().level
    log.configure("debug", stream=out, as_json=True)
    try:
        met.new_issue("Repair the pump", assignees=["carol", "bob"])
        async with met.open() as bridge:
            plan = await bridge.plan("app")
        report = await met.settle()
    finally:
        logging.getLogger().handlers[:] = handlers
        logging.getLogger().setLevel(level)
        logging.captureWarnings(False)
        structlog.reset_defaults()

    assert "people.read" in out.getvalue()
    assert "private.example" not in out.getvalue() + repr(plan) + repr(report)
