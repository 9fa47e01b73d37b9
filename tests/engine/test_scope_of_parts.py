"""What belongs to a task goes with it in and out of scope (S23, S28); a secret out of scope stays where it was written."""

from __future__ import annotations

import random
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from engine.test_parts import REPO, Twins, no_sleep
from hypothesis import given, settings
from hypothesis import strategies as st

from bridge.config.loader import load
from bridge.preview import try_items
from bridge.wiring import Bridge
from state import parked

SECRET = "plumbago"


class Filtered(Twins):
    """Two GitHubs of which the east one lets only issues with the label ``sync`` take part."""

    def configure(self, more: str) -> None:
        super().configure(more)
        file = self.folder / "bridge.toml"
        old = 'left = { connection = "east", container = "acme/app" }'
        text = file.read_text()
        assert old in text
        file.write_text(text.replace(old, old[:-2] + ", filter = '\"sync\" in item.labels' }"))

    def edit(self, number: int, **members: object) -> None:
        status, _ = self.east.call("PATCH", f"/repos/{REPO}/issues/{number}", members, who="alice")
        assert status == 200


@pytest.fixture
def twins(tmp_path: Path):
    with Filtered(tmp_path) as made:
        yield made


async def test_comments_of_an_item_out_of_scope_stay_with_it_and_go_over_once_it_enters(twins: Filtered) -> None:
    number = twins.issue(twins.east, "First")
    twins.say(twins.east, number, SECRET)
    report = await twins.settle()

    assert (SECRET in str(twins.west.log), report.exit_code, report.counts["parked"]) == (False, 0, 0)

    twins.edit(number, labels=["sync"])
    await twins.settle()

    assert twins.said(twins.west, 1) == [f"alice (east):\n\n{SECRET}"]


def kept(twins: Filtered) -> bool:
    """Whether the secret stands anywhere in the database."""
    return any(SECRET.encode() in file.read_bytes() for file in twins.folder.glob("bridge.db*"))


async def shown(twins: Filtered) -> str:
    """What plan, the parked items and a trial of the map say."""
    settings_ = load(twins.folder / "bridge.toml")
    async with Bridge.open(settings_, sleep=no_sleep) as bridge:
        planned = await bridge.plan("app", trigger="test")
        stuck = await bridge.store.read(parked.find)
        tried = await try_items(settings_, settings_.links[0], bridge.store, most=50, kinds=KINDS, live=False)
        live = await try_items(settings_, settings_.links[0], bridge.store, most=50, kinds=KINDS, live=True)
    return f"{planned.plan.operations} {stuck} {tried.trials} {live.trials}"


KINDS = ("task", "comment", "time_entry")


async def test_a_comment_of_an_item_out_of_scope_is_shown_nowhere_and_kept_nowhere(twins: Filtered) -> None:
    twins.issue(twins.east, "Inside", labels=["sync"])
    number = twins.issue(twins.east, "Outside")
    twins.say(twins.east, number, SECRET)

    assert SECRET not in await shown(twins)
    await twins.settle()
    assert (SECRET in await shown(twins), kept(twins)) == (False, False)

    quiet = (await twins.sync(sweep=False)).counts["requests_left"]
    twins.edit(number, labels=["sync"])
    await twins.settle()
    assert twins.said(twins.west, 2) == [f"alice (east):\n\n{SECRET}"]

    assert (await twins.sync(sweep=False)).counts["requests_left"] == quiet


async def test_a_comment_on_an_item_that_left_is_shown_nowhere_and_kept_nowhere(twins: Filtered) -> None:
    number = twins.issue(twins.east, "First", labels=["sync"])
    comment = twins.say(twins.east, number, "one")
    await twins.settle()
    twins.edit(number, labels=[])
    await twins.settle()
    twins.say(twins.east, number, SECRET)
    twins.change(twins.east, comment, f"one {SECRET}")
    await twins.settle()

    assert (SECRET in await shown(twins), kept(twins)) == (False, False)

    twins.edit(number, labels=["sync"])
    await twins.settle()

    assert sorted(twins.said(twins.west, 1)) == [f"alice (east):\n\none {SECRET}", f"alice (east):\n\n{SECRET}"]


async def test_comments_wait_on_both_sides_while_their_pair_is_paused(twins: Filtered) -> None:
    number = twins.issue(twins.east, "First", labels=["sync"])
    comment = twins.say(twins.east, number, "one")
    await twins.settle()

    twins.edit(number, labels=[])
    await twins.settle()
    twins.change(twins.east, comment, "one more")
    twins.say(twins.east, number, "two")
    twins.say(twins.west, 1, "three")
    report = await twins.settle()

    assert (twins.said(twins.east, number), twins.said(twins.west, 1)) == (
        ["one more", "two"],
        ["alice (east):\n\none", "three"],
    )
    assert (report.exit_code, report.counts["parked"]) == (0, 0)

    twins.edit(number, labels=["sync"])
    await twins.settle()

    assert sorted(twins.said(twins.east, number)) == ["alice (west):\n\nthree", "one more", "two"]
    assert sorted(twins.said(twins.west, 1)) == ["alice (east):\n\none more", "alice (east):\n\ntwo", "three"]


async def test_a_comment_deleted_while_its_pair_is_paused_takes_nothing_with_it_before_the_pair_returns(
    tmp_path: Path,
) -> None:
    with Filtered(tmp_path, more='on_part_delete = "delete"') as twins:
        number = twins.issue(twins.east, "First", labels=["sync"])
        comment = twins.say(twins.east, number, "one")
        await twins.settle()
        twins.edit(number, labels=[])
        await twins.settle()
        twins.remove(twins.east, comment)
        await twins.sync(full=True)
        await twins.settle()

        assert twins.said(twins.west, 1) == ["alice (east):\n\none"]


STEPS = st.lists(st.sampled_from(["new", "new out", "leave", "edit", "say", "return", "run", "answer"]), max_size=12)


@given(st.integers(0, 10_000), STEPS)
@settings(max_examples=4, derandomize=True)
def test_a_secret_word_written_out_of_scope_never_reaches_the_other_side(seed: int, steps: list[str]) -> None:
    import asyncio

    with TemporaryDirectory() as folder, Filtered(Path(folder)) as twins:
        asyncio.run(_walk(twins, random.Random(seed), steps))

        assert SECRET not in str(twins.west.log)


async def _walk(twins: Filtered, dice: random.Random, steps: list[str]) -> None:
    """Issues enter and leave. Only what is out of scope is told the secret, and such an issue never returns."""
    inside, outside = [twins.issue(twins.east, "an issue", labels=["sync"])], [twins.issue(twins.east, SECRET)]
    for step in [*steps, "run", "leave", "edit", "say", "run", "run"]:
        if step == "run":
            await twins.sync()
        elif step == "new":
            inside.append(twins.issue(twins.east, "an issue", labels=["sync"]))
        elif step == "new out":
            outside.append(twins.issue(twins.east, f"{SECRET} too"))
        elif step in ("leave", "return") and inside:
            number = inside.pop(dice.randrange(len(inside)))
            await (_leave(twins, number, outside) if step == "leave" else _visit(twins, number, inside))
        else:
            _touch(twins, step, dice.choice(outside))


async def _leave(twins: Filtered, number: int, outside: list[int]) -> None:
    twins.edit(number, labels=["other"], title=SECRET, body=f"the word is {SECRET}")
    outside.append(number)


async def _visit(twins: Filtered, number: int, inside: list[int]) -> None:
    twins.edit(number, labels=[])
    await twins.sync()
    twins.edit(number, labels=["sync"], body="in and out")
    inside.append(number)


def _touch(twins: Filtered, step: str, number: int) -> None:
    if step == "edit":
        twins.edit(number, title=f"{SECRET} again")
    elif step == "say":
        twins.say(twins.east, number, f"psst: {SECRET}")
    elif step == "answer":
        _, there = twins.west.call("GET", f"/repos/{REPO}/issues", who="alice")
        for issue in there[:1]:
            twins.say(twins.west, issue["number"], "an answer")
