"""The real servers, which ``__main__.py`` has started and names in the environment; and what it wants to know afterwards."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from real import proxy
from real.emulate import GithubEmulator
from real.redmine import Real

SEEDS = "REAL_SEEDS"
"""Random histories are played for the seeds that this variable names ("1 2 3"): a campaign, no part of every run."""

collect_ignore = [] if os.environ.get(SEEDS) else ["test_redmine_histories.py"]


@pytest.fixture(scope="session")
def real() -> Real:
    """The real Redmine."""
    return Real(**_named("REAL_REDMINE"))


@pytest.fixture(scope="session")
def emulator() -> GithubEmulator:
    """The stranger's GitHub."""
    return GithubEmulator(**_named("REAL_GITHUB"))


def _named(variable: str) -> dict[str, Any]:
    if variable not in os.environ:
        pytest.skip("./dev test-real starts the server for this")
    found: dict[str, Any] = json.loads(os.environ[variable])
    return found


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Tell how many tests ran, and how many requests Bridge made."""
    if named := os.environ.get("REAL_COUNTS"):
        told = {"tests": session.testscollected, "requests": proxy.TOTAL["requests"]}
        Path(named).write_text(json.dumps(told))
