"""``./dev campaign [HISTORIES] [SEED]``: many random histories, counted. Prints its seed first, so that it can be repeated."""

from __future__ import annotations

import secrets
import sys
import time

from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis.stateful import run_state_machine_as_test
from promises.machine import TOTALS, Ring, TwoTrackers

ONE_RING_IN = 8


def say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def main(histories: int, number: int) -> int:
    """Run and count. Fails as a test does, with the history that broke a promise, made as short as it can be."""
    say(f"seed {number}")
    began = time.process_time()
    try:
        for machine, count in ((TwoTrackers, histories - histories // ONE_RING_IN), (Ring, histories // ONE_RING_IN)):
            chosen = settings(
                max_examples=max(1, count),
                stateful_step_count=30,
                database=None,
                deadline=None,
                print_blob=False,
                phases=(Phase.generate, Phase.shrink),
                suppress_health_check=list(HealthCheck),
            )
            run_state_machine_as_test(seed(number)(machine), settings=chosen, _min_steps=0)
    finally:
        say(f"{time.process_time() - began:.0f} s of CPU: " + ", ".join(f"{n} {what}" for what, n in TOTALS.items()))
    say("lost edits 0, duplicates 0, echoes 0, deletes of ours 0")
    return 0


if __name__ == "__main__":
    asked = [int(word) for word in sys.argv[1:]]
    sys.exit(main(asked[0] if asked else 1000, asked[1] if len(asked) > 1 else secrets.randbelow(1_000_000)))
