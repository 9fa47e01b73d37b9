"""The contract suite on a GitHub that others wrote."""

from __future__ import annotations

from typing import Any, ClassVar

import pytest
from real.emulate import GithubEmulator
from real.github_people import People

from bridge.contract.suite import ConnectorContract, at_once
from connectors.github import Github
from connectors.pace import Retry


class TestEmulator(ConnectorContract):
    type = "github"
    # Its lists do not say which issues block others, and nothing is ever 304: the issue listed again is asked for that.
    quiet_requests: ClassVar = {"task": 2}
    server: GithubEmulator

    @pytest.fixture(autouse=True)
    def _server(self, emulator: GithubEmulator) -> None:
        self.server = emulator

    def people(self) -> Any:
        return People(self.server)

    def connect(self, name: str, config: Any) -> Github:
        return Github(name, config, retry=Retry(sleep=at_once))
