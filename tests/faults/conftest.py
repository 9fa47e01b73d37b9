"""The ground of the tests about faults: both trackers over real sockets, a real database file, and time that can be told to pass."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from faults.hours import Hours, Weathered
from faults.scene import Scene


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Weathered]:
    with Weathered(tmp_path) as made:
        made.hours = Hours(made)
        made.hours.rule(monkeypatch)
        yield made


@pytest.fixture
async def scene(world: Weathered) -> Scene:
    made = Scene(world)
    await made.begin()
    return made
