"""The suite finds planted bugs: each line of ``planted.py`` is put into a copy of Bridge, and the tests it names fail.

They must fail by what they assert. A copy that cannot be imported, a test that is not there any more, a fixture that
breaks: none of that counts as found.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest
from mutations.mutation import Mutation
from mutations.nursery import ROOT, Nursery, planted
from mutations.planted import MUTATIONS

NAMED = sorted({test for mutation in MUTATIONS for test in mutation.caught_by})


HARMLESS = Mutation("a comment", "bridge/merge.py", "def has_changed(", "# nothing\ndef has_changed(", "", (NAMED[0],))
BROKEN = replace(HARMLESS, name="a file that cannot be read", new="def def has_changed(")


def row(mutation: Mutation) -> str:
    """As docs/promises.md has it."""
    tests = " ".join(f"`{test.split('::')[0]}`" for test in mutation.caught_by)
    return f"| {mutation} | `{mutation.file}` | {mutation.breaks} | {tests} |"


@pytest.fixture(scope="module")
def nursery(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nursery]:
    with Nursery(tmp_path_factory.mktemp("mutations")) as made:
        yield made


def test_no_two_bugs_have_one_name() -> None:
    assert len({mutation.name for mutation in MUTATIONS}) == len(MUTATIONS)


def test_the_page_of_promises_lists_every_planted_bug() -> None:
    section = (
        (ROOT / "docs" / "promises.md").read_text(encoding="utf-8").split("## Planted bugs\n")[1].split("\n## ")[0]
    )
    told = [line for line in section.splitlines() if line.startswith("| ")][1:]

    assert told == [row(mutation) for mutation in MUTATIONS]


@pytest.mark.parametrize("mutation", MUTATIONS, ids=str)
def test_a_planted_bug_is_code_and_its_old_lines_are_still_there(mutation: Mutation) -> None:
    text = (ROOT / mutation.file).read_text(encoding="utf-8")

    compile(planted(mutation, text), mutation.file, "exec")


def test_without_a_bug_every_named_test_passes(nursery: Nursery) -> None:
    verdict = nursery.run(NAMED)

    assert verdict.code == 0, verdict.output
    assert verdict.passed() == set(NAMED)


def test_a_change_that_breaks_nothing_is_not_caught(nursery: Nursery) -> None:
    verdict = nursery.run(HARMLESS.caught_by, HARMLESS)

    assert (verdict.code, verdict.passed()) == (0, set(HARMLESS.caught_by))


def test_a_copy_that_cannot_be_imported_is_no_caught_bug(nursery: Nursery) -> None:
    verdict = nursery.run(BROKEN.caught_by, BROKEN)

    assert verdict.failed("call") == {}
    assert verdict.code != 1


@pytest.mark.parametrize("mutation", MUTATIONS, ids=str)
def test_a_planted_bug_is_caught(nursery: Nursery, mutation: Mutation) -> None:
    verdict = nursery.run(mutation.caught_by, mutation)

    assert verdict.failed("collect") == verdict.failed("setup") == {}, verdict.output
    assert verdict.failed("call") == dict.fromkeys(mutation.caught_by, mutation.by), verdict.output
    assert verdict.code == 1
