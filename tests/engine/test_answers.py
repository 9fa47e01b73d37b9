"""A conflict is asked about once on the item, and a permitted person's reply decides it (S17, S18)."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import pytest
from engine.test_conflicts import the_conflict, titles
from engine.world import REPO, World, no_sleep
from sqlalchemy import update
from structlog.testing import capture_logs

from bridge.engine.asking import Answer, answers, question, words
from bridge.engine.link import Answers, End, Link
from bridge.model import UNSET
from bridge.wiring import Bridge
from state.conflicts import REFUSED, Clash, Conflict, Sighting
from state.store import Store
from state.tables import ConflictRow

BOTH = 'conflict_comments = "both"'
RIGHT = 'conflict_comments = "right"'
LEFT = 'conflict_comments = "left"'


async def clashing(world: World, **fields: str) -> tuple[str, int]:
    number = world.new_issue("Repair the pump", "It leaks.")
    await world.sync()
    task = world.tasks()[0]["Id"]
    a_second_later(world)
    world.edit_issue(number, title="Mend the pump", **fields)
    world.edit_task(task, title="Replace the pump", **{"description": "It drips."} if fields else {})
    await world.sync()
    a_second_later(world)
    return task, number


def a_second_later(world: World) -> None:
    for box in (world.artala, world.github):
        box.clock.advance(1)


def on_issue(world: World, number: int) -> list[str]:
    status, rows = world.github.call("GET", f"/repos/{REPO}/issues/{number}/comments", who="alice")
    assert status == 200
    return [row["body"] for row in rows]


def on_task(world: World, task: str) -> list[str]:
    status, rows = world.artala.call("GET", f"/api/comments/task/{task}", who="alice")
    assert status == 200
    return [row["content"] for row in rows]


def reply(world: World, number: int, text: str, who: str = "alice") -> int:
    status, row = world.github.call("POST", f"/repos/{REPO}/issues/{number}/comments", {"body": text}, who=who)
    assert status == 201
    a_second_later(world)
    return row["id"]


def reply_on_task(world: World, task: str, text: str, who: str = "sam") -> str:
    status, row = world.artala.call("POST", "/api/comments", {"taskId": task, "content": text}, who=who)
    assert status == 201
    a_second_later(world)
    return row["id"]


async def test_off_by_default_nothing_is_posted(world: World):
    task, number = await clashing(world)

    assert (on_issue(world, number), on_task(world, task)) == ([], [])


async def test_a_conflict_is_asked_about_once_with_base_and_both_values(world: World):
    world.write_config(link_more=BOTH)
    task, number = await clashing(world)
    for _ in range(3):
        await world.sync()

    for (said,) in (on_issue(world, number), on_task(world, task)):
        for value in ("Repair the pump", "Mend the pump", "Replace the pump"):
            assert value in said
        assert "`bridge: take github`" in said


@pytest.mark.parametrize(
    ("text", "title"),
    [
        ("bridge: take github", "Mend the pump"),
        ("I looked.\n\nBridge: take artala\n", "Replace the pump"),
        ("bridge: take base", "Repair the pump"),
        ("bridge: take left title", "Replace the pump"),
    ],
)
async def test_a_permitted_reply_decides_and_the_same_run_writes_it(world: World, text: str, title: str):
    world.write_config(link_more=RIGHT)
    task, number = await clashing(world)
    reply(world, number, text)

    report = await world.sync()

    assert titles(world, task, number) == (title, title)
    assert (report.exit_code, report.counts["conflicts_answered"]) == (0, 1)
    assert len(on_issue(world, number)) == 2


async def test_a_reply_on_the_other_tracker_decides_as_well(world: World):
    world.write_config(link_more=LEFT)
    task, number = await clashing(world)
    reply_on_task(world, task, "bridge: take github")

    await world.sync()

    assert titles(world, task, number) == ("Mend the pump", "Mend the pump")


async def test_an_edited_reply_counts_where_the_tracker_says_no_time_of_edits(world: World):
    world.write_config(link_more=LEFT)
    task, number = await clashing(world)
    comment = reply_on_task(world, task, "Which one?")
    await world.sync()
    world.artala.call("PUT", f"/api/comments/{comment}", {"content": "bridge: take github"}, who="sam")

    await world.sync()

    assert titles(world, task, number) == ("Mend the pump", "Mend the pump")


async def test_the_reply_of_anybody_else_is_ignored_and_said_once(world: World):
    world.write_config(link_more=RIGHT)
    task, number = await clashing(world)
    reply(world, number, "bridge: take github", who="bob")

    with capture_logs() as logged:
        await world.sync()
        reply(world, number, "Thank you", who="bob")
        await world.sync()

    (ignored,) = [line for line in logged if line["event"] == "answer.ignored"]
    assert ignored["author"] == "bob"
    assert the_conflict(world).state == "open"
    assert titles(world, task, number) == ("Replace the pump", "Mend the pump")


async def test_only_those_named_may_answer_by_any_of_their_names(world: World):
    world.write_config(link_more=f'{RIGHT}\nconflict_answers_by = ["bob"]')
    task, number = await clashing(world)
    reply(world, number, "bridge: take github", who="alice")
    await world.sync()
    assert the_conflict(world).state == "open"

    world.write_config(link_more=f'{RIGHT}\nconflict_answers_by = ["sam@example.com"]')
    reply(world, number, "bridge: take github", who="alice")
    await world.sync()

    assert titles(world, task, number) == ("Mend the pump", "Mend the pump")


async def test_of_several_replies_the_newest_counts_also_an_edited_one(world: World):
    world.write_config(link_more=RIGHT)
    task, number = await clashing(world)
    first = reply(world, number, "bridge: take base")
    reply(world, number, "bridge: take artala")
    world.github.call("PATCH", f"/repos/{REPO}/issues/comments/{first}", {"body": "bridge: take github"}, who="alice")

    await world.sync()

    assert titles(world, task, number) == ("Mend the pump", "Mend the pump")


async def test_a_reply_given_before_a_side_moved_is_void(world: World):
    world.write_config(link_more=RIGHT)
    task, number = await clashing(world)
    reply(world, number, "bridge: take github")
    world.edit_issue(number, title="Mend the old pump")
    await world.sync()
    await world.sync()

    assert the_conflict(world).state == "open"
    assert titles(world, task, number) == ("Replace the pump", "Mend the old pump")
    with Store.open(f"sqlite:///{world.folder}/bridge.db") as store:
        earlier = datetime.now(UTC) - timedelta(minutes=1)
        store.run_sync(lambda session: session.execute(update(ConflictRow).values(moved_at=earlier)) and None)
    reply(world, number, "bridge: take github")
    await world.sync()
    assert titles(world, task, number) == ("Mend the old pump", "Mend the old pump")


async def test_our_own_question_is_no_answer_even_without_its_key(world: World):
    world.write_config(link_more=f'{RIGHT}\nconflict_answers_by = ["bridge-bot"]')
    task, number = await clashing(world)
    _, (row,) = world.github.call("GET", f"/repos/{REPO}/issues/{number}/comments", who="alice")
    a_second_later(world)
    world.github.call(
        "PATCH", f"/repos/{REPO}/issues/comments/{row['id']}", {"body": "bridge: take github"}, who="alice"
    )

    await world.sync()

    assert the_conflict(world).state == "open"
    assert titles(world, task, number) == ("Replace the pump", "Mend the pump")


async def test_an_answer_can_be_about_one_field_of_two(world: World):
    world.write_config(link_more=RIGHT)
    task, number = await clashing(world, body="It spills.")
    reply(world, number, "bridge: take github description")

    report = await world.sync()

    assert world.task(task)["description"] == "It spills."
    assert titles(world, task, number) == ("Replace the pump", "Mend the pump")
    assert report.counts["conflicts_open"] == 1


async def test_an_answer_to_an_earlier_question_does_not_answer_a_later_one(world: World):
    world.write_config(link_more=RIGHT)
    task, number = await clashing(world)
    world.github.clock.freeze()  # all that follows is one second
    reply_at_once(world, number, "bridge: take github")
    await world.sync()
    assert titles(world, task, number) == ("Mend the pump", "Mend the pump")
    world.edit_issue(number, body="It spills.")
    world.edit_task(task, description="It drips.")
    await world.sync()
    await world.sync()

    assert len(on_issue(world, number)) == 3
    assert the_conflict(world).state == "open"


def reply_at_once(world: World, number: int, text: str) -> None:
    world.github.call("POST", f"/repos/{REPO}/issues/{number}/comments", {"body": text}, who="alice")


async def test_a_conflict_that_ended_otherwise_gets_no_further_comment(world: World):
    world.write_config(link_more=RIGHT)
    _, number = await clashing(world)
    world.edit_issue(number, title="Replace the pump")

    await world.settle()

    assert len(on_issue(world, number)) == 1


@pytest.mark.parametrize("fault", ["lost", "refused"])
async def test_a_question_whose_answer_was_lost_is_looked_for_and_not_asked_again(world: World, fault: str):
    world.write_config(link_more=RIGHT)
    kind, options = {"lost": ("lost_reply", {}), "refused": ("status", {"status": 502})}[fault]
    number = world.new_issue("Repair the pump")
    await world.sync()
    task = world.tasks()[0]["Id"]
    world.edit_issue(number, title="Mend the pump")
    world.edit_task(task, title="Replace the pump")
    world.github.fault(kind, method="POST", path="/comments", times=1, **options)

    await world.sync()
    await world.sync()
    await world.sync()

    assert len(on_issue(world, number)) == 1
    reply(world, number, "bridge: take github")
    await world.sync()
    assert titles(world, task, number) == ("Mend the pump", "Mend the pump")


async def test_a_crash_after_the_question_left_asks_no_second_time(world: World):
    world.write_config(link_more=RIGHT)
    number = world.new_issue("Repair the pump")
    await world.sync()
    task = world.tasks()[0]["Id"]
    world.edit_issue(number, title="Mend the pump")
    world.edit_task(task, title="Replace the pump")
    async with world.open(sleep=no_sleep) as bridge:
        crash_after_posting(bridge)
        with pytest.raises(KeyboardInterrupt):
            await bridge.sync("app", trigger="test")

    await world.sync()
    await world.sync()

    assert len(on_issue(world, number)) == 1
    assert the_conflict(world).asked["right"].comment not in ("", REFUSED)


def crash_after_posting(bridge: Bridge) -> None:
    comments = bridge.connector("github").comments
    post = comments.post

    async def crashing(*args: object, **more: object) -> object:
        await post(*args, **more)
        raise KeyboardInterrupt

    comments.post = crashing


async def test_an_item_that_takes_no_comments_is_told_once_and_its_conflict_stays(world: World):
    world.write_config(link_more=RIGHT)
    number = world.new_issue("Repair the pump")
    await world.sync()
    task = world.tasks()[0]["Id"]
    world.edit_issue(number, title="Mend the pump")
    world.edit_task(task, title="Replace the pump")
    world.github.fault(
        "status", method="POST", path="/comments", times=1, status=403,
        message="Unable to create comment because issue is locked.",
    )  # fmt: skip

    with capture_logs() as logged:
        await world.sync()
        await world.sync()

    assert [line["event"] for line in logged].count("comment.refused") == 1
    assert (on_issue(world, number), the_conflict(world).state) == ([], "open")


async def test_a_run_of_a_reviewed_plan_hears_and_asks_nothing(world: World):
    world.write_config(link_more=RIGHT)
    _, number = await clashing(world)
    plan = await world.plan()
    reply(world, number, "bridge: take github")

    await world.sync(approved=plan.plan)

    assert the_conflict(world).state == "open"


async def test_a_question_is_a_write_and_waits_for_the_next_run_at_the_ceiling(world: World):
    number = world.new_issue("Repair the pump")
    await world.sync()
    world.edit_issue(number, title="Mend the pump")
    world.edit_task(world.tasks()[0]["Id"], title="Replace the pump")
    world.write_config(link_more=f"{RIGHT}\nmax_writes = 0")
    await world.sync()
    assert on_issue(world, number) == []

    world.write_config(link_more=RIGHT)
    report = await world.sync()

    assert (len(on_issue(world, number)), report.counts["conflicts_asked"]) == (1, 1)


async def test_comments_are_read_only_when_the_item_moved(world: World):
    world.write_config(link_more=RIGHT)
    await clashing(world)
    for _ in range(5):
        a_second_later(world)
    await world.sync()
    await world.sync()
    before = reads(world)
    assert before <= 2

    for _ in range(3):
        await world.sync()

    assert reads(world) == before


def reads(world: World) -> int:
    return sum(
        count for name, count in world.github.counts.by_route.items() if "comments" in name and name.startswith("GET")
    )


# --- the words --------------------------------------------------------------------------------------------------------


def a_link(left: str = "artala", right: str = "github") -> Link:
    one, two = (End(side, name, "c", None) for side, name in (("left", left), ("right", right)))
    return Link(1, "app", one, two, {}, answers=Answers(("right",)))


def a_conflict(left: object, right: object = "b", base: object = UNSET) -> Conflict:
    clash = Clash(1, "task", "description", "Pump", base, base, Sighting(left), Sighting(right))
    return Conflict(7, 1, clash, "open", None, 1, None, None, None, None)


@pytest.mark.parametrize(
    "text",
    [
        "bridge: take github",
        "```\nbridge: take left\n```\nbridge: take right",
        "@alice please\n<!-- bridge:v1 github acme/app#1 -->",
        "[bridge:conflict-1]",
        "````\nout of the block",
    ],
)
def test_what_people_wrote_cannot_act_within_our_question(text: str):
    said = question(a_link(), a_conflict(text, f"x\n{text}"), room=60_000)

    assert answers(said, words(a_link())) == ()
    assert "@alice" not in said
    assert "<!--" not in said
    assert "[bridge:" not in said
    opened = re.findall(r"^In artala:\n(`+)$", said, re.MULTILINE)
    assert opened == ["`" * (5 if "````" in text else 4 if "```" in text else 3)]


def test_long_values_are_shortened_to_fit():
    said = question(a_link(), a_conflict("x" * 50_000, "y" * 50_000, "z" * 50_000), room=3_800)

    assert len(said) < 3_800
    assert "49200 more characters" in said


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("bridge: take github", (Answer("right"),)),
        ("  BRIDGE: Take Artala  ", (Answer("left"),)),
        ("bridge: take base custom.My field\r\n", (Answer("base", "custom.My field"),)),
        ("bridge: take left\nbridge: take right title", (Answer("left"), Answer("right", "title"))),
        ("> bridge: take github", ()),
        ("I would say bridge: take github", ()),
        ("`bridge: take github`", ()),
        ("bridge: take gitlab", ()),
        ("bridge: take", ()),
        ("", ()),
    ],
)
def test_an_answer_is_a_line_of_its_own(text: str, expected: tuple[Answer, ...]):
    assert answers(text, words(a_link())) == expected


def test_between_two_containers_of_one_connection_the_sides_are_called_left_and_right():
    link = a_link("github", "github")

    assert "github" not in words(link)
    assert "`bridge: take left`" in question(link, a_conflict("a"), room=60_000)
