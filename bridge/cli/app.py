"""The console script's entry. Imports nothing that ``bridge --version`` does not need."""

from __future__ import annotations

import atexit
import gc
import sys
from collections.abc import Sequence


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command line and return the exit code (bridge.cli.codes). Never raises, never shows a traceback."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    if words in (["--version"], ["-V"]):
        from bridge.version import __version__

        print(f"bridge {__version__}")
        return 0
    gc.set_threshold(50_000, 5, 5)  # imports make many objects that stay; frame.run_async has it look more often
    atexit.register(gc.freeze)  # a process that ends need not look for cycles first: a fifth of a second of nothing
    from bridge.cli.root import run

    return run(words)
