"""To stop another process at the one moment that matters: while a tracker holds its request."""

from __future__ import annotations

import subprocess
import time
from typing import Final

import pytest

from bridge.sandbox.server import Sandbox

PATIENCE_S: Final = 120
LOOK_EVERY_S: Final = 0.02


def until_held(box: Sandbox, process: subprocess.Popen[bytes]) -> None:
    """Wait for the request. Fails as soon as the process has ended without it."""
    end = time.monotonic() + PATIENCE_S
    while not box.app.held.waiting:
        try:
            code = process.wait(LOOK_EVERY_S)
        except subprocess.TimeoutExpired:
            assert time.monotonic() < end, "no request came"
        else:
            pytest.fail(f"the process ended with {code} before its request was held")
