"""A run that carries comments and time entries dies around its writes, is resumed, and ends as if nothing had been (I4, I7)."""

from __future__ import annotations

import pytest
from crash.parts_trials import ground_of, trials


@pytest.mark.parametrize(("left", "right", "every"), [("github", "redmine", 9), ("growcrm", "jira", 13)])
def test_a_run_with_comments_and_time_that_is_killed_ends_as_if_it_had_not_been(
    subtests: pytest.Subtests, left: str, right: str, every: int
) -> None:
    with ground_of(left, right) as ground:
        alone, *killed = trials(ground, every, all_=False)

    assert alone.at_last[0] == alone.at_last[1]
    assert alone.settled
    for trial in killed:
        with subtests.test(trial.what):
            assert trial.resumed == alone.resumed
            assert trial.at_last == alone.at_last
            assert trial.settled
    assert sum(trial.killed for trial in killed) >= 0.9 * len(killed)
