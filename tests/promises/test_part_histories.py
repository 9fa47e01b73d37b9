"""Random histories of comments and time on pairs of trackers, bounded and the same each time.

``python -m promises.part_campaign HISTORIES SEED [PAIR ...]`` (in ``tests``) plays thousands of others, on every pair.
"""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from promises.part_machine import histories, play

PAIRS = ("github-redmine", "growcrm-jira", "redmine-timetracker", "gipo-jira")
"""Each tracker that has time once: with a marker and without, with a mover and without."""


@pytest.mark.parametrize("pair", PAIRS)
def test_after_any_history_both_sides_show_what_people_said_and_nothing_twice(pair: str) -> None:
    left, right = pair.split("-")

    @settings(
        max_examples=3,
        derandomize=True,
        database=None,
        deadline=None,
        print_blob=False,
        phases=(Phase.generate,),
        suppress_health_check=list(HealthCheck),
    )
    @given(histories)
    def each(history: Any) -> None:
        play(left, right, history)

    each()
