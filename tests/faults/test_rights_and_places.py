"""Rights that are lost in the middle of a day, and containers that move: nothing is given up, and it goes on by itself."""

from __future__ import annotations

from typing import Any

import pytest
from faults.scene import Scene


def lose(scene: Scene, tracker: str, method: str, status: int, **fault: Any) -> None:
    box = scene.world.github if tracker == "github" else scene.world.artala
    path = "^/(repos|repositories|api|odata)"
    box.fault("permission_lost", **{"method": method, "path": path, "status": status, "times": -1, **fault})


@pytest.mark.parametrize("tracker", ["github", "artala"])
async def test_rights_to_write_that_are_lost_for_some_items_come_back_later(scene: Scene, tracker: str):
    scene.work()
    for method in ("POST", "PATCH", "PUT"):
        lose(scene, tracker, method, 403, after=1, times=2)
    for _ in range(2):
        report = await scene.world.sync()

    assert report.exit_code in {0, 11}
    await scene.kept()


@pytest.mark.parametrize("tracker", ["github", "artala"])
async def test_rights_to_read_that_are_lost_for_a_while_lose_nothing(scene: Scene, tracker: str):
    scene.work()
    lose(scene, tracker, "GET", 403)
    for _ in range(3):
        report = await scene.world.sync()

    assert (report.state, report.exit_code) == ("failed", 1)
    assert "403" in report.error
    await scene.kept()


@pytest.mark.parametrize("tracker", ["github", "artala"])
async def test_a_container_that_answers_404_to_everything_is_not_taken_for_empty(scene: Scene, tracker: str):
    scene.work()
    lose(scene, tracker, "*", 404)
    for full in (False, True):
        report = await scene.world.sync(full=full)
        assert (report.state, report.counts.get("unlinked", 0)) == ("failed", 0)

    await scene.kept()


@pytest.mark.parametrize(("tracker", "status"), [("github", 403), ("github", 404), ("artala", 403), ("artala", 404)])
async def test_rights_that_are_lost_between_the_list_and_the_writes_lose_nothing(
    scene: Scene, tracker: str, status: int
):
    scene.work()
    for method in ("POST", "PATCH", "PUT"):
        lose(scene, tracker, method, status)
    lists = "/issues$" if tracker == "github" else "/odata/Tasks$"
    box = scene.world.github if tracker == "github" else scene.world.artala
    box.fault("permission_lost", method="GET", path=lists, status=status, after=1, times=-1)
    for _ in range(2):
        report = await scene.world.sync()
        assert report.counts.get("unlinked", 0) == 0

    await scene.kept()


async def test_a_person_thrown_out_of_a_private_repository_and_let_in_again_goes_on(scene: Scene):
    world = scene.world
    world.github.act("role", login="bridge-bot", role=None)
    scene.work()
    for _ in range(2):
        report = await world.sync()
        assert (report.state, report.counts.get("unlinked", 0)) == ("failed", 0)
    world.github.act("role", login="bridge-bot", role="write")

    await scene.kept()


@pytest.mark.parametrize("method", ["GET", "POST", "PATCH"])
async def test_redirects_of_a_repository_are_followed_for_reads_and_writes(scene: Scene, method: str):
    scene.work()
    scene.world.github.fault("moved", method=method, path="^/repos/", times=-1)
    await scene.world.sync()

    assert scene.on_github() == scene.on_artala() == scene.wanted
    await scene.kept()


async def test_a_repository_renamed_between_two_pages_goes_on(scene: Scene):
    world = scene.world
    scene.work()
    world.write_config(github_more="page_size = 2")
    deed = {"act": {"do": "rename", "repo": "acme/app", "to": "acme/renamed"}}
    world.github.fault("meanwhile", method="GET", path="/issues$", after=1, deed=deed)
    for _ in range(2):
        report = await world.sync()
        assert report.error == ""
    world.github.act("rename", repo="acme/renamed", to="acme/app")

    await scene.kept()


@pytest.mark.parametrize("verb", ["POST", "PATCH"])
async def test_a_repository_renamed_before_a_write_is_kept_in_step(scene: Scene, verb: str):
    world = scene.world
    deed = {"act": {"do": "rename", "repo": "acme/app", "to": "acme/renamed"}}
    scene.work()
    world.github.fault("meanwhile", method=verb, path="/issues", deed=deed)
    report = await world.sync()
    world.github.act("rename", repo="acme/renamed", to="acme/app")

    assert report.error == ""
    await scene.kept()


async def test_a_board_renamed_on_artala_is_kept_in_step_by_its_id(scene: Scene):
    scene.world.artala.act("rename_board", board=scene.world.board, to="Another name")
    scene.work()
    await scene.world.sync()

    await scene.kept()
