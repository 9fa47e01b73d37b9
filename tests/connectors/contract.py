"""The contract suite of connectors, which is shipped as ``bridge.contract.suite`` so that plug-ins can run it."""

from bridge.contract.suite import ConnectorContract, Ground, at_once

__all__ = ["ConnectorContract", "Ground", "at_once"]
