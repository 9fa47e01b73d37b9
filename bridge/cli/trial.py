"""``bridge sandbox`` and ``bridge demo``: try everything without an account."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def sandbox() -> None:
    """Start sandbox trackers."""


def demo(
    folder: Annotated[Path, typer.Argument(metavar="[FOLDER]", help="Where the demo's files go.")] = Path("demo"),
) -> None:
    """See Bridge work: two sandbox trackers on this machine, real commands, two people who edit both sides."""
    from bridge.demo import play

    raise typer.Exit(play(folder))
