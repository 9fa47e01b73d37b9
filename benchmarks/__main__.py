"""``./dev bench``: what Bridge costs beside a bare loop that does the same work, in one session on one machine.

    ./dev bench [--size N] [--large N] [--copy N] [--json FILE] [--only WORKLOAD]

Ends with 0 whatever the figures are, and with 1 when the two did not leave the same content: fast and wrong is wrong.
"""

from __future__ import annotations

import argparse
import json
import platform
import sys
from pathlib import Path

from rich.console import Console
from rich.table import Table

from benchmarks import workloads
from benchmarks.goals import goals, slopes
from benchmarks.measure import RunFailedError
from benchmarks.workloads import DifferentError, Row

OUT = Console()
NOTES = Console(stderr=True)


def told(row: Row) -> None:
    NOTES.print(
        f"{row.workload}, {row.who}, {row.pairs:,}: {row.requests:,} requests, {row.cpu_s:.2f} s CPU,"
        f" {row.rss_mb:.0f} MB, {row.wall_s:.2f} s",
        highlight=False,
    )


def run(asked: argparse.Namespace) -> list[Row]:
    """Every workload asked for, small ones first."""
    rows: list[Row] = []
    if asked.only in (None, "version"):
        rows += workloads.version(told)
    if asked.only in (None, "copy"):
        for size in (asked.copy // 5, asked.copy):
            rows += workloads.copy(size, told)
    if asked.only in (None, "existing"):
        rows += workloads.existing(asked.size, told, with_changes=True)
        if asked.large > asked.size:
            rows += workloads.existing(asked.large, told, with_changes=False)
    return rows


def show(rows: list[Row]) -> None:
    table = Table("workload", "pairs", "by", "requests", "CPU s", "MB", "(wall s)")
    for column in table.columns[3:]:
        column.justify = "right"
    for row in rows:
        counted = f"{row.github:,} + {row.artala:,}"
        costs = (f"{row.cpu_s:.2f}", f"{row.rss_mb:.0f}", f"{row.wall_s:.2f}")
        table.add_row(row.workload, f"{row.pairs:,}", row.who, counted, *costs)
    OUT.print(table)
    per_item = Table("CPU an item, between the two sizes", "µs")
    per_item.columns[1].justify = "right"
    for name, slope in slopes(rows).items():
        per_item.add_row(name, f"{slope:,.1f}")
    OUT.print(per_item)
    aims = Table("goal", "measured", "wanted", "")
    for goal in goals(rows):
        aims.add_row(goal.name, goal.measured, goal.wanted, "[green]met[/]" if goal.is_met else "[red]missed[/]")
    OUT.print(aims)


def as_json(rows: list[Row]) -> str:
    return json.dumps(
        {
            "python": platform.python_version(),
            "machine": platform.machine(),
            "rows": [row.as_json() for row in rows],
            "cpu_us_per_item": slopes(rows),
            "goals": [
                {"goal": goal.name, "measured": goal.measured, "wanted": goal.wanted, "met": goal.is_met}
                for goal in goals(rows)
            ],
        },
        indent=2,
        ensure_ascii=False,
    )


def main() -> int:
    parser = argparse.ArgumentParser(prog="./dev bench", description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--size", type=int, default=10_000, help="items that exist on both sides")
    parser.add_argument("--large", type=int, default=100_000, help="the larger size, for slopes; 0 leaves it out")
    parser.add_argument("--copy", type=int, default=1_000, help="items that are created on the other side")
    parser.add_argument("--only", choices=("version", "copy", "existing"), help="one group of workloads")
    parser.add_argument("--json", metavar="FILE", help="write all figures there as well; - is the output")
    asked = parser.parse_args()
    try:
        rows = run(asked)
    except (DifferentError, RunFailedError) as error:
        NOTES.print(f"bench: {error}", style="red", highlight=False, markup=False)
        return 1
    if asked.json == "-":
        sys.stdout.write(as_json(rows) + "\n")
        return 0
    show(rows)
    if asked.json:
        Path(asked.json).write_text(as_json(rows) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
