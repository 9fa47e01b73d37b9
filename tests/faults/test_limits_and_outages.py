"""Rate limits of every kind, and servers in trouble, in the middle of a day's work."""

from __future__ import annotations

from typing import Any

import pytest
from faults.scene import Scene

from bridge.sandbox.clock import http_date

LIMITS: dict[str, dict[str, Any]] = {
    "429 for some seconds": {"kind": "status", "status": 429, "retry_after": 7},
    "429 until a date": {"kind": "status", "status": 429, "retry_after": "date"},
    "429 for ten minutes": {"kind": "status", "status": 429, "retry_after": 600},
    "429 without a word": {"kind": "status", "status": 429},
    "503 for some seconds": {"kind": "status", "status": 503, "retry_after": 7},
    "primary limit": {"kind": "rate_limited", "seconds": 1800},
    "primary limit as 429": {"kind": "rate_limited", "seconds": 20, "status": 429},
    "secondary limit for some seconds": {"kind": "secondary_limited", "retry_after": 30},
    "secondary limit without a word": {"kind": "secondary_limited"},
    "secondary limit as 429": {"kind": "secondary_limited", "status": 429, "retry_after": 30},
}
LISTS = [("GET", "(issues|odata/Tasks)$")]
CREATES = [("POST", "(issues|api/tasks)$")]
CHANGES = [("PATCH", r"/(issues/\d+|status)$"), ("PUT", "/api/(tasks|labels/task)/")]


def break_(scene: Scene, tracker: str, where: list[tuple[str, str]], **fault: Any) -> None:
    box = scene.world.github if tracker == "github" else scene.world.artala
    if fault.get("retry_after") == "date":
        fault["retry_after"] = http_date(box.clock.now() + 40)
    for method, path in where:
        box.fault(**fault, method=method, path=path)


@pytest.mark.parametrize("tracker", ["github", "artala"])
@pytest.mark.parametrize("limit", LIMITS)
async def test_a_limit_is_waited_out_and_costs_nothing_but_time(scene: Scene, tracker: str, limit: str):
    scene.work()
    break_(scene, tracker, LISTS + CREATES + CHANGES, **LIMITS[limit])
    for _ in range(3):
        await scene.world.sync()
        scene.world.hours.go_by(1900)

    await scene.kept()


@pytest.mark.parametrize("tracker", ["github", "artala"])
@pytest.mark.parametrize("where", [LISTS, CREATES + CHANGES], ids=["lists", "writes"])
async def test_a_limit_that_lasts_for_runs_stops_them_cleanly(scene: Scene, tracker: str, where: list[tuple[str, str]]):
    scene.work()
    break_(scene, tracker, where, kind="secondary_limited", retry_after=900, times=-1)
    reports = [await scene.world.sync() for _ in range(2)]

    assert {report.state for report in reports} <= {"stopped", "done"}
    await scene.kept()


@pytest.mark.parametrize("tracker", ["github", "artala"])
@pytest.mark.parametrize(
    ("status", "where"),
    [(500, LISTS), (502, CREATES), (503, CHANGES), (504, CREATES + CHANGES)],
    ids=["500 on lists", "502 on creates", "503 on changes", "504 on all writes"],
)
async def test_an_outage_of_a_tracker_loses_and_doubles_nothing(
    scene: Scene, tracker: str, status: int, where: list[tuple[str, str]]
):
    scene.work()
    break_(scene, tracker, where, kind="status", status=status, times=-1)
    for _ in range(2):
        await scene.world.sync()

    await scene.kept()


@pytest.mark.parametrize("tracker", ["github", "artala"])
@pytest.mark.parametrize("kind", ["accepted_error", "lost_reply", "cut_json", "cut_body", "reset"])
async def test_writes_with_no_usable_answer_are_done_once(scene: Scene, tracker: str, kind: str):
    scene.work()
    break_(scene, tracker, CREATES + CHANGES, kind=kind, times=2)
    await scene.world.sync()

    await scene.kept()


async def test_an_hour_that_is_used_up_stops_the_run_and_the_next_hour_goes_on(scene: Scene):
    scene.work()
    _, limits = scene.world.github.call("GET", "/rate_limit")
    used = limits["resources"]["core"]["used"]
    scene.world.github.set(rate_limit=used + 3)
    report = await scene.world.sync()

    assert report.state == "stopped"
    scene.world.github.set(rate_limit=100_000)
    await scene.kept()
