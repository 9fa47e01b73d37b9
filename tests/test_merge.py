"""Three-way merging of texts and sets, as pure functions."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.merge import apply_delta, delta, keep_both, merge_text

LINES = st.lists(st.sampled_from(["a\n", "b\n", "c\n", "d\n"]), max_size=6).map("".join)
NAMES = st.frozensets(st.sampled_from(["bug", "Docs", "api", "urgent"]))


@given(LINES, LINES)
def test_a_text_that_one_side_left_alone_becomes_the_other_sides(base: str, ours: str):
    assert merge_text(base, ours, base) == ours
    assert merge_text(base, base, ours) == ours
    assert merge_text(base, ours, ours) == ours


@given(LINES, LINES, LINES)
def test_merging_does_not_depend_on_which_side_is_asked_first(base: str, ours: str, theirs: str):
    merged, mirrored = merge_text(base, ours, theirs), merge_text(base, theirs, ours)

    assert (merged is None) == (mirrored is None)


def test_edits_of_two_words_in_one_line_are_both_kept():
    assert merge_text("the red pump leaks", "the blue pump leaks", "the red pump drips") == "the blue pump drips"


def test_edits_of_the_same_word_are_a_conflict():
    assert merge_text("the red pump", "the blue pump", "the green pump") is None


@pytest.mark.parametrize("seed", range(40))
def test_lines_merge_as_git_merges_them(tmp_path: Path, seed: int):
    import random

    dice = random.Random(seed)
    base = [f"{word}\n" for word in ["alpha", "beta", "gamma", "delta", "epsilon", "zeta", "eta", "theta"]]

    def edited(words: list[str]) -> list[str]:
        words = list(words)
        for _ in range(2):
            place = dice.randrange(len(words))
            words[place : place + dice.randrange(2)] = [f"new{dice.randrange(9)}\n"] * dice.randrange(2)
        return words

    ours, theirs = edited(base), edited(base)
    for name, lines in (("base", base), ("ours", ours), ("theirs", theirs)):
        (tmp_path / name).write_text("".join(lines))
    git = subprocess.run(
        ["git", "merge-file", "-p", "--quiet", "ours", "base", "theirs"], cwd=tmp_path, capture_output=True, check=False
    )
    merged = merge_text("".join(base), "".join(ours), "".join(theirs))

    if git.returncode == 0 and merged is not None:
        assert merged == git.stdout.decode()


@given(NAMES, NAMES)
def test_a_delta_leads_from_the_base_to_the_set(base: frozenset[str], now: frozenset[str]):
    assert set(apply_delta(base, delta(base, now))) == set(now)


@given(NAMES, NAMES, NAMES)
def test_deltas_of_both_sides_meet_in_the_same_set(base: frozenset[str], ours: frozenset[str], theirs: frozenset[str]):
    met = set(apply_delta(theirs, delta(base, ours)))

    assert met == set(apply_delta(ours, delta(base, theirs)))
    assert met == (base | (ours - base) | (theirs - base)) - (base - ours) - (base - theirs)


def test_case_makes_no_second_label():
    assert apply_delta(("Bug",), delta((), ("bug",))) == ("Bug",)


@given(LINES, LINES, LINES)
def test_keeping_both_keeps_every_line_that_either_side_wrote(base: str, ours: str, theirs: str):
    kept = keep_both(base, ours, theirs).splitlines()

    for side in (ours, theirs):
        new = set(side.splitlines()) - set(base.splitlines())
        assert new <= set(kept)


def test_keeping_both_joins_what_merges_and_stacks_what_does_not():
    assert keep_both("the red pump leaks", "the blue pump leaks", "the red pump drips") == "the blue pump drips"
    assert keep_both("a\nred\nz", "a\nblue\nz", "a\ngreen\nz") == "a\nblue\ngreen\nz"
    assert keep_both("red", "blue", "green") == "blue\ngreen"
