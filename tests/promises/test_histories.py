"""Random histories against the reference, bounded and the same each time; ``./dev campaign`` runs thousands of others."""

from __future__ import annotations

from hypothesis import HealthCheck, Phase, settings
from promises.machine import Ring, TwoTrackers

BOUNDED = settings(
    max_examples=16,
    stateful_step_count=25,
    derandomize=True,
    database=None,
    deadline=None,
    print_blob=False,
    phases=(Phase.generate,),
    suppress_health_check=list(HealthCheck),
)

TestTwoTrackers = TwoTrackers.TestCase
TestTwoTrackers.settings = BOUNDED

TestRing = Ring.TestCase
TestRing.settings = settings(BOUNDED, max_examples=5, stateful_step_count=20)
