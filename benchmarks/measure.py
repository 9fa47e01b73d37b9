"""What one process costs: CPU and peak memory from the kernel, requests from the trackers that it asked."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

LAUNCH = Path(__file__).with_name("launch.py")
LEAVES_OUT = (
    "PYTHONDONTWRITEBYTECODE",
)  # an installed program has its byte code; without it half the cost is compiling


class RunFailedError(Exception):
    """The measured command ended with an exit code that it may not have here."""


@dataclass(frozen=True, slots=True)
class Used:
    """``cpu_s`` is user and system time, imports included. ``rss_mb`` is the peak. ``wall_s`` is for information."""

    cpu_s: float
    wall_s: float
    rss_mb: float
    out: str = ""


def measure(
    command: Sequence[str], *, folder: Path, accepts: Sequence[int] = (0,), env: dict[str, str] | None = None
) -> Used:
    """Run a command in ``folder`` and wait for it.

    Raises: RunFailedError with what it wrote when its exit code is not one of ``accepts``.
    """
    kept = {name: value for name, value in os.environ.items() if name not in LEAVES_OUT}
    reads, writes = os.pipe()
    try:
        ran = subprocess.run(
            [sys.executable, "-S", "-E", str(LAUNCH), str(writes), *command],
            cwd=folder,
            env={**kept, **(env or {})},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            pass_fds=(writes,),
            check=False,
        )
    finally:
        os.close(writes)
    with os.fdopen(reads, "rb") as pipe:
        told = pipe.read()
    figures = json.loads(told) if told else {"exit": ran.returncode}
    if figures["exit"] not in accepts:
        raise RunFailedError(
            f"{' '.join(command)} ended with {figures['exit']}:\n{ran.stdout[-2000:]}{ran.stderr[-4000:]}"
        )
    return Used(figures["cpu_s"], figures["wall_s"], figures["rss_mb"], ran.stdout)
