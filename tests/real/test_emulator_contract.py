"""The contract suite on a GitHub that others wrote."""

from __future__ import annotations

from typing import Any, ClassVar

import pytest
from real.emulate import GithubEmulator
from real.github_people import People

from bridge.contract.ground import Ground
from bridge.contract.suite import ConnectorContract, at_once
from bridge.errors import ContainerError
from connectors.base import directory_of
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

    async def test_a_list_of_people_names_each_once_as_fields_do(self, ground: Ground) -> None:
        """It has no such list: that is told as GitHub's own refusal would be, which leaves people as they are known."""
        directory = directory_of(ground.connector)
        assert directory is not None
        with pytest.raises(ContainerError):
            await directory.people(ground.people.container)
