"""The contract suite on a real Redmine."""

from __future__ import annotations

from typing import Any, ClassVar

import pytest
from real.redmine import Real
from real.redmine_people import People

from bridge.contract.suite import ConnectorContract, at_once
from connectors.pace import Retry
from connectors.redmine import Redmine


class TestRealRedmine(ConnectorContract):
    type = "redmine"
    quiet_requests: ClassVar = {"comment": 2}
    server: Real

    @pytest.fixture(autouse=True)
    def _server(self, real: Real) -> None:
        self.server = real

    def people(self) -> Any:
        return People(self.server)

    def connect(self, name: str, config: Any) -> Redmine:
        return Redmine(name, config, retry=Retry(sleep=at_once))
