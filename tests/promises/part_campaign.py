"""``python -m promises.part_campaign HISTORIES SEED [PAIR ...]`` (in ``tests``): random histories on pairs as "jira-github"."""

from __future__ import annotations

import sys
import time
from itertools import combinations
from typing import Any, Final

from hypothesis import HealthCheck, Phase, given, note, seed, settings
from hypothesis.internal.conjecture import engine
from promises.part_machine import TOTALS, histories, play

TYPES: Final = ("gipo", "github", "growcrm", "jira", "redmine", "timetracker", "workestra")
PAIRS: Final = tuple("-".join(pair) for pair in combinations(TYPES, 2))


def campaign(pair: str, count: int, number: int) -> None:
    """Fails with the shortest history that breaks a promise."""
    left, right = pair.split("-")

    @seed(number)
    @settings(
        max_examples=count,
        database=None,
        deadline=None,
        print_blob=False,
        report_multiple_bugs=False,
        phases=(Phase.generate, Phase.shrink),
        suppress_health_check=list(HealthCheck),
    )
    @given(histories)
    def each(history: Any) -> None:
        play(left, right, history, note)

    each()


def main(count: int, number: int, pairs: tuple[str, ...]) -> int:
    engine.MAX_SHRINKING_SECONDS = 15  # a shorter story is worth that much
    broken = 0
    for pair in pairs:
        began = time.monotonic()
        try:
            campaign(pair, count, number)
        except AssertionError as error:
            broken += 1
            sys.stdout.write(f"{pair} seed {number}: {error}\n" + "\n".join(getattr(error, "__notes__", [])) + "\n")
        sys.stdout.write(f"{pair}: {time.monotonic() - began:.0f} s\n")
        sys.stdout.flush()
    sys.stdout.write(", ".join(f"{count} {what}" for what, count in TOTALS.items()) + "\n")
    return broken


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]), int(sys.argv[2]), tuple(sys.argv[3:]) or PAIRS))
