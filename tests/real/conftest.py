"""The real servers, which ``__main__.py`` has started and names in the environment."""

from __future__ import annotations

import json
import os

import pytest
from real.emulate import GithubEmulator
from real.redmine import Real


@pytest.fixture(scope="session")
def real() -> Real:
    """The real Redmine."""
    return Real(**json.loads(os.environ["REAL_REDMINE"]))


@pytest.fixture(scope="session")
def emulator() -> GithubEmulator:
    """The stranger's GitHub."""
    return GithubEmulator(**json.loads(os.environ["REAL_GITHUB"]))
