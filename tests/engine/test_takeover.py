"""A run that was killed gives its lease back to nobody; the next one takes it, and only then (S2)."""

from __future__ import annotations

import subprocess
import sys

import pytest
from engine.world import World

from bridge.engine import holder
from state import leases, links

IDLE = "import sys; from bridge.engine import holder; print(holder.name(), flush=True); sys.stdin.read()"


def another_process() -> tuple[subprocess.Popen[str], str]:
    process = subprocess.Popen([sys.executable, "-c", IDLE], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    name = process.stdout.readline().strip()
    assert name, "it has ended at once"
    return process, name


def end(process: subprocess.Popen[str]) -> None:
    process.kill()
    process.communicate()


def hold(world: World, name: str) -> None:
    """``name`` holds the link and polls its GitHub side."""
    with world.open().store as store:
        link = store.run_sync(links.all_links)[0].id
        assert store.run_sync(leases.acquire, link, name, 60) is not None
        assert store.run_sync(leases.acquire_poll, "github", "acme/app", "task", f"{name}:0", 120)


@pytest.mark.skipif(not holder.name().split(":")[1], reason="this system does not tell which processes live")
async def test_the_lease_of_a_killed_process_is_taken_at_once(world: World):
    world.new_issue("Repair the pump")
    process, name = another_process()
    hold(world, name)
    end(process)

    report = await world.sync()

    assert report.state == "done"
    assert [task["Title"] for task in world.tasks()] == ["Repair the pump"]


async def test_the_lease_of_a_living_process_is_left_alone(world: World):
    process, name = another_process()
    hold(world, name)
    try:
        report = await world.sync()
    finally:
        end(process)

    assert report.state == "locked"
    assert f"process {process.pid} on " in report.error


@pytest.mark.parametrize("name", ["elsewhere:ns:1:5", "", "worker-7", f"{holder.name().split(':')[0]}::1:5"])
def test_a_holder_that_is_not_of_this_machine_counts_as_alive(name: str):
    assert not holder.is_dead(name)


def test_a_number_given_to_another_process_is_not_the_holder():
    host, namespace, pid, _ = holder.name().split(":")

    assert holder.is_dead(f"{host}:{namespace}:{pid}:1") == bool(namespace)
