"""What is wanted, and whether it was met. Requests are exact; CPU and memory depend on the machine and its load."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from benchmarks.workloads import Row

FIRST_CONTACT_REQUESTS = 200  # for 10,000, and the ten that a listing of any size may take: 210
FIRST_CONTACT_TIMES_CPU = 4.0
REQUESTS_PER_CHANGE = 1.05
RSS_GROWTH = 1.2
VERSION_S = 0.15


@dataclass(frozen=True, slots=True)
class Goal:
    """``is_exact``: the same on every machine, so that a test can hold it."""

    name: str
    measured: str
    wanted: str
    is_met: bool
    is_exact: bool = True


def goals(rows: Iterable[Row]) -> list[Goal]:
    """One line a goal, for the workloads that were run."""
    held = {(row.workload, row.who, row.pairs): row for row in rows}
    sizes = sorted({pairs for workload, _, pairs in held if workload == "first contact"})
    found: list[Goal] = []
    for size in sizes:
        found += _first_contact(held, size)
        found += _no_op(held, size)
        found += _changed(held, size)
    found += _copied(held)
    if len(sizes) > 1:
        found += _growth(held, sizes[0], sizes[-1])
    started = held.get(("bridge --version", "bridge", 0))
    if started is not None:
        found.append(
            Goal("bridge --version", f"{started.wall_s:.2f} s", f"≤ {VERSION_S} s", started.wall_s <= VERSION_S, is_exact=False)
        )  # fmt: skip
    return found


def _first_contact(held: dict[tuple[str, str, int], Row], size: int) -> list[Goal]:
    ours, loop = (held[("first contact", who, size)] for who in ("bridge", "loop"))
    allowed = 10 + FIRST_CONTACT_REQUESTS * size // 10_000
    times = ours.cpu_s / loop.cpu_s
    name = f"first contact of {size:,}"
    return [
        Goal(f"{name}: requests", f"{ours.requests:,}", f"≤ {allowed:,}", ours.requests <= allowed),
        Goal(f"{name}: CPU beside the loop", f"{times:.1f} ×", f"≤ {FIRST_CONTACT_TIMES_CPU:.0f} ×", times <= FIRST_CONTACT_TIMES_CPU, is_exact=False),
    ]  # fmt: skip


def _no_op(held: dict[tuple[str, str, int], Row], size: int) -> list[Goal]:
    ours = held[("no-op tick", "bridge", size)]
    is_met = (ours.github, ours.artala) == (1, 1)
    return [Goal(f"no-op at {size:,}: requests a side", f"{ours.github} and {ours.artala}", "1 and 1", is_met)]


def _changed(held: dict[tuple[str, str, int], Row], size: int) -> list[Goal]:
    ours = held.get(("1 % changed on each side", "bridge", size))
    if ours is None:
        return []
    each = ours.requests / ours.items
    is_met = ours.requests <= max(REQUESTS_PER_CHANGE * ours.items, ours.items + 2)  # one poll a side
    return [
        Goal(f"1 % of {size:,} changed: requests a change", f"{each:.3f}", f"≤ {REQUESTS_PER_CHANGE}", is_met)
    ]  # fmt: skip


def _copied(held: dict[tuple[str, str, int], Row]) -> list[Goal]:
    sizes = [pairs for workload, who, pairs in held if workload == "initial copy" and who == "bridge"]
    if not sizes:
        return []
    ours, loop = (held[("initial copy", who, max(sizes))] for who in ("bridge", "loop"))
    return [
        Goal(f"copy of {ours.pairs:,}: requests", f"{ours.requests:,}", f"≤ the loop's + 2 ({loop.requests + 2:,})", ours.requests <= loop.requests + 2)
    ]  # fmt: skip


def _growth(held: dict[tuple[str, str, int], Row], small: int, large: int) -> list[Goal]:
    found = []
    for workload in ("first contact", "no-op tick"):
        less, more = (held[(workload, "bridge", size)].rss_mb for size in (small, large))
        times = more / less
        found.append(
            Goal(f"{workload}: peak memory at {large:,} beside {small:,}", f"{times:.2f} ×", f"≤ {RSS_GROWTH} ×", times <= RSS_GROWTH, is_exact=False)
        )  # fmt: skip
    return found


def slopes(rows: Iterable[Row]) -> dict[str, float]:
    """CPU microseconds an item, between two sizes of one workload: what start-up costs drops out."""
    found = {}
    groups: dict[tuple[str, str], list[Row]] = {}
    for row in rows:
        groups.setdefault((row.workload, row.who), []).append(row)
    for (workload, who), group in groups.items():
        less, more = min(group, key=lambda row: row.pairs), max(group, key=lambda row: row.pairs)
        if more.pairs > less.pairs:
            found[f"{workload}, {who}"] = round((more.cpu_s - less.cpu_s) / (more.pairs - less.pairs) * 1e6, 1)
    return found
