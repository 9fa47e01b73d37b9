"""The benchmark on a small size: its requests are exact, and Bridge must leave what the bare loop leaves."""

from __future__ import annotations

import pytest

from benchmarks import mapping
from benchmarks.goals import goals, slopes
from benchmarks.workloads import DifferentError, Row, copy, differ, existing


@pytest.fixture(scope="module")
def rows() -> list[Row]:
    heard: list[Row] = []
    found = [*existing(200, heard.append, with_changes=True), *copy(20, heard.append)]
    assert heard == found
    return found


def by_name(rows: list[Row], workload: str, who: str) -> Row:
    (row,) = [row for row in rows if (row.workload, row.who) == (workload, who)]
    return row


def test_first_contact_reads_each_page_once_and_writes_nothing(rows: list[Row]) -> None:
    ours, loop = (by_name(rows, "first contact", who) for who in ("bridge", "loop"))

    assert ours.requests <= loop.requests + 3  # where the first page is the last, and a second look a side


def test_a_tick_with_nothing_to_do_is_one_request_a_side(rows: list[Row]) -> None:
    ours = by_name(rows, "no-op tick", "bridge")

    assert (ours.github, ours.artala) == (1, 1)


def test_a_change_is_one_request(rows: list[Row]) -> None:
    """Two changes on each side, and one poll a side."""
    ours = by_name(rows, "1 % changed on each side", "bridge")

    assert ours.requests == ours.items + 2


def test_a_copied_item_is_one_request(rows: list[Row]) -> None:
    ours, loop = (by_name(rows, "initial copy", who) for who in ("bridge", "loop"))

    assert ours.requests <= loop.requests + 2  # a second look at each first listing


def test_each_goal_says_what_was_measured_and_each_that_is_exact_is_met(rows: list[Row]) -> None:
    told = [(goal.name, goal.measured, goal.wanted) for goal in goals(rows)]

    assert len(told) == 5
    assert all(all(part) for part in told)
    assert [goal for goal in goals(rows) if goal.is_exact and not goal.is_met] == []
    assert slopes(rows) == {}  # one size only


def test_different_ends_are_a_failure() -> None:
    with pytest.raises(DifferentError, match="Bridge left"):
        differ("copy, github", [("a", "")], [("b", "")])


def test_the_mapping_of_a_task_is_measured_for_every_pair_and_with_every_key(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(mapping, "ROUNDS", 1)

    mapping.main()  # which asserts that each value agrees with what it became, there and back

    head, *rows = capsys.readouterr().out.splitlines()
    assert head.startswith("pair")
    assert len(rows) == 36 + 1
    assert rows[-1].split()[:6] == ["every", "key", "of", "a", "row", str(len(mapping.FULL))]
