"""What the tests of the state share: rows to refer to, and other processes on the same database."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy import text

from state.store import Store
from state.tables import LinkRow, PairRow

ROOT = Path(__file__).resolve().parents[2]
NOW = datetime(2026, 11, 21, 9, 30, tzinfo=UTC)
DAY = timedelta(days=1)


def link(session, name="demo"):
    row = LinkRow(name=name, left_connection="a", left_container="x", right_connection="b", right_container="y")
    session.add(row)
    session.flush()
    return row.id


def pair(session, link_id, number):
    row = PairRow(
        link_id=link_id,
        kind="task",
        entity=f"e{number}",
        left_id=f"l{number}",
        right_id=f"r{number}",
        left="{}",
        right="{}",
    )
    session.add(row)
    session.flush()
    return row.id


def names(session):
    return {row.name for row in session.execute(text("SELECT name FROM link"))}


@contextmanager
def process(script: str, *args: str) -> Iterator[subprocess.Popen[str]]:
    """Another Python on the same machine; killed at the end if it still runs."""
    with subprocess.Popen(
        [sys.executable, "-c", script, *args],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as running:
        try:
            yield running
        finally:
            running.kill()


def together(script: str, *args: str, count: int = 2) -> list[str]:
    """Run the script in several processes at once, released by one line on stdin; their outputs."""
    with ExitStack() as stack:
        running = [stack.enter_context(process(script, *args)) for _ in range(count)]
        for each in running:
            assert each.stdout.readline() == "ready\n", each.communicate()
        for each in running:
            each.stdin.write("go\n")
            each.stdin.flush()
        outputs = []
        for each in running:
            out, err = each.communicate(timeout=60)
            assert each.returncode == 0, err
            outputs.append(out)
        return outputs


def opened(url: str, **options) -> Store:
    return Store.open(url, **options)
