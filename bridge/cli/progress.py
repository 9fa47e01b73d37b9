"""A progress bar on a terminal, nothing elsewhere. Implements the engine's Progress protocol."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from bridge.cli.show import console, escape


class Bar:
    """What a run has read and written so far, on one line."""

    def __init__(self, progress: Progress, link: str) -> None:
        self._progress = progress
        self._link = link
        self._read: dict[str, int] = {}
        self._task = progress.add_task(self._says("reading"), total=None)

    def pulled(self, side: str, kind: str, count: int) -> None:
        """``count`` records of ``kind`` were read on ``side`` so far."""
        self._read[f"{side} {kind}s"] = count
        counts = ", ".join(f"{number:,} {name}" for name, number in self._read.items())
        self._progress.update(self._task, description=self._says(f"read {counts}"))

    def planned(self, total: int) -> None:
        """There are about ``total`` items to settle."""
        self._progress.update(self._task, description=self._says("settling"), total=total, completed=0)

    def done(self, count: int, total: int) -> None:
        """``count`` of ``total`` are settled."""
        self._progress.update(self._task, completed=count, total=total)

    def message(self, text: str) -> None:
        """Something worth knowing while one waits."""
        self._progress.update(self._task, description=self._says(text))

    def _says(self, text: str) -> str:
        return escape(f"{self._link}: {text}")


@contextmanager
def bar(link: str, *, quiet: bool = False) -> Iterator[Bar | None]:
    """A bar on stderr that leaves nothing behind; None where nobody watches."""
    if quiet or not sys.stderr.isatty():
        yield None
        return
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console(stderr=True), transient=True) as progress:
        yield Bar(progress, link)
