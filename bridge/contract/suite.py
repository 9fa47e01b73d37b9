"""What every connector must do, as tests: inherit ``ConnectorContract``, say who works in your tracker, and run pytest.

    from bridge.contract.suite import ConnectorContract

    class TestMine(ConnectorContract):
        type = "mine"

        def people(self):
            return MyPeople()

``people`` gives an object that starts a server of your tracker (a sandbox, or the real one) for the length of a ``with``
block, writes the connection's TOML, and does what people do there. A verb that its ``can`` lacks is not tested.
``docs/connectors.md`` walks through it; ``examples/connector/tests`` is a complete small one.
"""

from __future__ import annotations

from bridge.contract.ground import Ground, at_once
from bridge.contract.reading import Reading
from bridge.contract.telling import Telling
from bridge.contract.trouble import Trouble
from bridge.contract.writing import Writing

__all__ = ["ConnectorContract", "Ground", "at_once"]


class ConnectorContract(Telling, Reading, Writing, Trouble):
    """One connector. pytest-asyncio must run in the mode ``auto``."""
