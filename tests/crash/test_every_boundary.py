"""The crash harness: die at every place, resume, and end as if nothing had been (I1-I8; semantics, "Promises")."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from importlib.resources import files
from pathlib import Path

import pytest

from bridge.config.loader import load
from bridge.config.settings import Settings
from bridge.drill.drill import LIES, Trial, doubles, lies, staged
from bridge.drill.scenario import EDITS, FIRST, PAGES, SCENARIOS

WORKERS = 2
"""Scenarios at once: nearly all the work is in the processes that die."""

LINK = "drill"
EVERY_WRITE = {
    ("artala", "PATCH", "status"),
    ("artala", "POST", "fields"),
    ("artala", "POST", "tasks"),
    ("artala", "PUT", "labels"),
    ("artala", "PUT", "tasks"),
    ("github", "PATCH", "issues"),
    ("github", "POST", "issues"),
}


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    file = tmp_path / "drill.toml"
    file.touch(mode=0o600)
    file.write_text((files("bridge.drill") / "drill.toml").read_text("utf-8"), "utf-8")
    return load(file)


def killed_everywhere(settings: Settings, scenario: str) -> list[Trial]:
    with staged(settings, LINK, scenario) as stage:
        alone = Trial(scenario, "left alone", stage.broken)
        return [alone, *(stage.kill(boundary) for boundary in range(1, len(stage.alone.boundaries) + 1))]


def lied_to(settings: Settings) -> tuple[list[Trial], set[tuple[str, str, str]]]:
    with staged(settings, LINK, EDITS) as stage:
        told = [stage.lie(*lie) for lie in lies(stage)]
        return told, {(tracker, method, _what(path)) for tracker, method, path in stage.alone.writes}


def _what(path: str) -> str:
    """The resource that a path is about: of Artala's the one behind /api/, or the status of a task."""
    parts = path.replace("\\", "").split("/")
    if "repos" in parts:
        return parts[4]
    return "status" if parts[-1] == "status" else parts[2]


def said(trial: Trial) -> str:
    return "\n".join([f"{trial.scenario}: {trial.what}", *(f"  {one.promise}: {one.what}" for one in trial.broken)])


def test_a_run_killed_anywhere_ends_as_if_it_had_not_been(settings: Settings, subtests: pytest.Subtests) -> None:
    with ThreadPoolExecutor(WORKERS) as workers:
        found = list(workers.map(lambda name: killed_everywhere(settings, name), (EDITS, PAGES, FIRST)))

    for trial in (trial for some in found for trial in some):
        with subtests.test(scenario=trial.scenario, boundary=trial.what):
            assert not trial.broken, said(trial)
    killed = {some[0].scenario: sum(trial.killed for trial in some) for some in found}
    assert set(killed) == set(SCENARIOS)
    assert all(count >= 0.9 * (len(some) - 1) for count, some in zip(killed.values(), found, strict=True)), killed


def test_a_write_that_was_accepted_and_denied_is_not_made_twice_nor_lost(
    settings: Settings, subtests: pytest.Subtests
) -> None:
    told, writes = lied_to(settings)

    for trial in told:
        with subtests.test(scenario=trial.scenario, lie=trial.what):
            assert not trial.broken, said(trial)
    assert writes == EVERY_WRITE
    assert sum(trial.lied for trial in told) == len(EVERY_WRITE) * len(LIES)


def test_two_crashes_in_one_history_end_as_none(settings: Settings, subtests: pytest.Subtests) -> None:
    """A few; ``python -m bridge.drill --double`` draws as many as one likes."""
    with staged(settings, LINK, FIRST) as stage:
        for trial in doubles(stage, seed=1, samples=3):
            with subtests.test(scenario=trial.scenario, boundaries=trial.what):
                assert not trial.broken, said(trial)


def test_deaths_that_left_the_same_are_resumed_once_and_others_each(settings: Settings) -> None:
    with staged(settings, LINK, FIRST) as stage:
        places = {number: what for number, what in enumerate(stage.alone.boundaries, 1) if number <= 4}
        found = []
        for number in places:
            stage.kill(number)
            found.append(len(stage.known))

    assert [what.split()[0] for what in places.values()] == ["before", "after", "before", "after"]
    assert found == [1, 2, 2, 3]
