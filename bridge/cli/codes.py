"""The exit codes, and which one counts when several links end differently."""

from __future__ import annotations

from collections.abc import Iterable
from enum import IntEnum
from typing import Final


class ExitCode(IntEnum):
    """What a finished command says to the script that called it."""

    SETTLED = 0
    ERROR = 1
    USAGE = 2
    CONFLICTS = 10
    PARKED = 11
    BUDGET = 12
    GUARD = 20
    HELD = 21
    LOCKED = 75
    INTERRUPTED = 130
    PIPE_CLOSED = 141


WORST_FIRST: Final = (
    ExitCode.USAGE,
    ExitCode.ERROR,
    ExitCode.GUARD,
    ExitCode.HELD,
    ExitCode.LOCKED,
    ExitCode.CONFLICTS,
    ExitCode.PARKED,
    ExitCode.BUDGET,
)
"""What did not work, what did not happen, what waits for a person, and last what the next run does by itself."""

TEXT: Final = """\
[bold]Exit codes[/bold]: 0 settled · 1 error · 2 usage or configuration · 10 open conflicts · 11 parked items ·
12 stopped at a budget, more to do · 20 stopped by the guard ·
21 held until a changed configuration is accepted · 75 locked by another process · 130 interrupted.
Of several links the worst counts: 2, 1, 20, 21, 75, 10, 11, 12, 0."""


def worst(codes: Iterable[int]) -> int:
    """The code of several links together. A code that is not ours counts as an error."""
    found = set(codes) - {0}
    for code in WORST_FIRST:
        if code in found:
            return int(code)
    return int(ExitCode.ERROR if found else ExitCode.SETTLED)
