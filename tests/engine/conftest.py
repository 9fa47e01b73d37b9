"""The engine's tests run against sandbox trackers over real sockets and a real database file."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from engine.world import World


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with World(tmp_path) as made:
        yield made
