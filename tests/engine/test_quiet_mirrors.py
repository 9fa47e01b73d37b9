"""A mirror notifies nobody and cross-links nothing; what is too long is shortened and never written back; copies say where
they come from where a link asks for it.
"""

from __future__ import annotations

from html import unescape
from pathlib import Path

import pytest
from engine.test_conflicts import decide, the_conflict
from engine.test_odd_people import stuck
from engine.test_sharing import CLOSING, OTHER, WEB
from engine.test_sync import paired
from engine.world import REPO, World
from trackers.between import Between

from state.conflicts import Take

BRIDGE = "bridge-bot"
PING = f"@alice see #1, GH-1 and {REPO}#1, https://github.com/{REPO}/issues/1\n\n```\n@alice #1\n```"


def set_off(world: World, author: str) -> list[tuple[str, str]]:
    return [(each["kind"], each["what"]) for each in world.github.effects if each["author"] == author]


def plain(text: str) -> str:
    return text.replace("\u200b", "").replace("redirect.github.com", "github.com")


# --- nobody is notified ----------------------------------------------------------------------------------------------


async def test_a_copy_sets_nothing_off_and_the_native_text_does(world: World):
    world.new_issue("Native", "@alice knows about #3")
    assert set_off(world, "alice") == [("mention", "alice"), ("reference", "#3")]
    task = world.new_task("Leak", PING)

    await world.settle()

    body = world.issue(2)["body"]
    assert set_off(world, BRIDGE) == []
    assert plain(body).startswith(PING)
    assert "```\n@alice #1\n```" in body
    assert world.task(task)["description"] == PING


async def test_an_edit_of_the_copy_brings_back_what_was_defused_and_leaves_live_what_was(world: World):
    number = world.new_issue("Native", "@alice knows")
    await world.settle()
    (task,) = (each["Id"] for each in world.tasks())
    assert world.task(task)["description"] == "@alice knows"

    world.edit_task(task, description="@alice knows, @carol as well, and #7")
    await world.settle()

    assert world.issue(number)["body"].startswith("@alice knows, @\u200bcarol as well, and #\u200b7")
    assert set_off(world, BRIDGE) == []


async def test_a_mention_that_a_person_makes_on_the_mirror_stays(world: World):
    task, number = await paired(world)
    body = world.issue(number)["body"]
    world.edit_issue(number, body=body.replace("It leaks.", "It leaks, @alice."))
    await world.settle()
    assert world.task(task)["description"] == "It leaks, @alice."

    world.edit_task(task, description="It leaks badly, @alice and @carol.")
    await world.settle()

    assert world.issue(number)["body"].startswith("It leaks badly, @alice and @\u200bcarol.")
    assert set_off(world, BRIDGE) == []


async def test_descriptions_and_comments_set_nothing_off_between_two_trackers_that_would_both_act_on_them(tmp_path):
    words = "@alice, r12 commit:abc and #1, see https://github.com/o/r/issues/1"
    with Between(tmp_path, "github", "redmine") as both:
        here, there = both.left, both.right
        mine, theirs = here.create("Mine", description=words), there.create("Theirs", description=words)
        await both.settle()
        across = dict(both.pairs())
        here.comment(mine, words)
        there.comment(theirs, words)
        report = await both.settle()
        copy = next(left for left, right in across.items() if right == theirs)

        assert report.counts["parked"] == 0
        for side in (here, there):
            assert [each for each in side.box.effects if each["author"] == side.BRIDGE] == []
            assert side.box.effects != []
        for said in (here.task(copy)["description"], there.task(across[mine])["description"]):
            assert "\u200b" in said
            assert plain(unescape(said)).startswith(words)
        assert here.task(mine)["description"].startswith(words)
        assert there.task(theirs)["description"] == words
        assert any(words in plain(each["text"]) for each in here.comments(copy).values())


async def test_no_neighbour_spelling_or_host_hides_a_mention_or_a_reference(world: World):
    words = "请@alice看看，修复#1看, 见GH-2. é@carol _@bob_ __#3__ &#x40;dave &#064;erin &#x23;4"
    links = "https://www.github.com/o/r/issues/5 HTTPS://GitHub.com/o/r/pull/6"
    text = f"{words} {links}"
    world.new_issue("Native", text)
    native = set_off(world, "alice")
    assert len(native) == 11
    task = world.new_task("Leak", text)

    await world.settle()

    assert set_off(world, BRIDGE) == []
    assert world.task(task)["description"] == text

    world.edit_task(task, description=f"{text} and more")
    (copy,) = (each["Id"] for each in world.tasks() if each["Id"] != task)
    world.edit_task(copy, description=f"{text} and more")
    await world.settle()

    assert set_off(world, BRIDGE) == []
    assert "\u200b" not in world.issue(1)["body"]


async def test_taking_the_sign_out_by_hand_is_no_change(world: World):
    task = world.new_task("Leak", "@alice knows")
    await world.settle()
    world.edit_issue(1, body=world.issue(1)["body"].replace("\u200b", ""))
    writes = world.writes()

    report = await world.settle()

    assert (world.writes(), report.exit_code) == (writes, 0)
    assert world.task(task)["description"] == "@alice knows"


# --- what is too long ------------------------------------------------------------------------------------------------

LONG = "\n\n".join(f"Paragraph {number}: the pump drips and nobody has looked at it yet." for number in range(1000))


async def test_a_text_that_does_not_fit_is_shortened_and_points_to_the_whole(world: World):
    number = world.new_issue("Leak", LONG)

    await world.settle()

    (task,) = (each["Id"] for each in world.tasks())
    short = world.task(task)["description"]
    assert LONG.startswith(short.partition("\n\n…")[0])
    assert len(short) > 30_000
    assert short.rstrip().endswith(f"shortened. The whole text: {world.issue(number)['html_url']}")

    world.edit_issue(number, body="It drips no more.")
    await world.settle()

    assert world.task(task)["description"] == "It drips no more."


async def test_an_edit_of_a_shortened_text_is_held_and_a_change_of_the_whole_then_is_a_conflict(world: World):
    number = world.new_issue("Leak", LONG)
    await world.settle()
    (task,) = (each["Id"] for each in world.tasks())
    edited = "Somebody looked at it.\n\n" + world.task(task)["description"]

    world.edit_task(task, description=edited)
    report = await world.sync()

    assert (report.exit_code, stuck(world)) == (11, [("description", "truncated")])
    assert world.task(task)["description"] == edited
    assert world.issue(number)["body"].startswith("Paragraph 0")

    world.edit_task(task, description="All of it is written anew, and the notice is gone.")
    await world.sync()

    assert stuck(world) == [("description", "truncated")]
    assert world.issue(number)["body"].startswith("Paragraph 0")

    world.edit_task(task, description="")
    await world.sync()

    assert stuck(world) == [("description", "truncated")]
    assert world.issue(number)["body"].startswith("Paragraph 0")

    world.edit_task(task, description="All of it is written anew, and the notice is gone.")
    world.edit_issue(number, body="Mended. " + LONG)
    report = await world.sync()

    assert world.task(task)["description"] == "All of it is written anew, and the notice is gone."
    assert world.issue(number)["body"].startswith("Mended.")
    assert report.exit_code != 0


async def test_at_first_contact_a_beginning_is_not_written_over_its_whole_though_its_side_shall_win(world: World):
    world.write_config(link_more='first_contact = "left"')
    beginning, own = world.new_task("Leak"), world.new_task("Drip", "Short.")
    for title in ("Leak", "Drip"):
        world.new_issue(title, LONG)
    url = world.issue(1)["html_url"]
    world.edit_task(beginning, description=f"Paragraph 0.\n\n… shortened. The whole text: {url}")

    await world.sync()

    assert stuck(world) == [("description", "truncated")]
    assert world.issue(1)["body"].startswith("Paragraph 0")
    assert world.issue(2)["body"].startswith("Short.")
    assert world.task(own)["description"] == "Short."


ROW = """
[[links.fields]]
left = "{name}"
right = "{name}"
{more}
"""


async def test_the_side_that_a_row_never_writes_may_hold_what_it_likes(world: World):
    world.write_config(link_more=ROW.format(name="title", more='direction = "left-to-right"'))
    task, number = world.new_task("Leak"), 1
    await world.settle()
    world.edit_issue(number, title="A long title that a person gave to the copy " * 5)
    await world.settle()

    world.edit_task(task, title="Mend the pump")
    report = await world.settle()

    assert (world.issue(number)["title"], report.exit_code, stuck(world)) == ("Mend the pump", 0, [])


@pytest.mark.parametrize(("name", "member"), [("title", "title"), ("description", "body")])
async def test_where_both_sides_hold_the_whole_each_of_them_may_be_edited(world: World, name: str, member: str):
    world.write_config(link_more=ROW.format(name=name, more='right_limit = 100\ntoo_long = "truncate"'))
    text = "A text that is longer than the row allows to the right " * 3
    number = world.new_issue(**{"title": "Leak", member: text.strip()})
    await world.settle()
    (task,) = (each["Id"] for each in world.tasks())
    assert world.task(task)[name].strip() == text.strip()

    world.edit_issue(number, **{member: f"Read this: {text.strip()}"})
    report = await world.settle()

    assert (world.task(task)[name].strip(), stuck(world)) == (f"Read this: {text.strip()}", [])
    assert report.exit_code == 0


async def test_a_person_or_a_policy_may_take_what_was_made_of_a_beginning(world: World):
    whole = "Repair the pump in the cellar " * 8
    task, number = await paired(world)
    world.edit_issue(number, title=whole.strip())
    await world.settle()
    short = world.task(task)["title"].replace("Repair", "Mend", 1)
    world.edit_task(task, title=short)
    world.edit_issue(number, title=f"Now {whole.strip()}")
    await world.sync()

    decide(world, Take("left"))
    await world.settle()
    assert the_conflict(world).clash.left.value == short

    world.edit_task(task, title="Mend the tap")
    await world.sync()
    decide(world, Take("left"))
    report = await world.settle()

    assert (world.task(task)["title"], world.issue(number)["title"]) == ("Mend the tap", "Mend the tap")
    assert (report.exit_code, stuck(world)) == (0, [])

    world.write_config(link_more='conflict = "left"')
    world.edit_issue(number, title=whole.strip())
    await world.settle()
    world.edit_task(task, title="Buy a tap")
    world.edit_issue(number, title=f"Now {whole.strip()}")
    report = await world.settle()

    assert (world.task(task)["title"], world.issue(number)["title"], report.exit_code) == ("Buy a tap", "Buy a tap", 0)


async def test_a_row_may_park_what_is_too_long_or_allow_less(world: World):
    rows = """
[[links.fields]]
left = "description"
right = "description"
too_long = "{how}"
left_limit = 500
"""
    world.write_config(link_more=rows.format(how="park"))
    number = world.new_issue("Leak", LONG[:2000])
    await world.sync()
    assert stuck(world) == [("description", "too-long")]

    world.write_config(link_more=rows.format(how="truncate"))
    world.edit_issue(number, body=LONG[:3000])
    await world.settle()

    (task,) = (each["Id"] for each in world.tasks())
    assert stuck(world) == []
    assert 300 < len(world.task(task)["description"]) <= 500


# --- where it comes from ---------------------------------------------------------------------------------------------


async def test_a_copy_says_where_it_comes_from_and_the_line_is_never_carried_back(world: World):
    world.write_config(link_more='origin_line = "both"')
    task = world.new_task("Leak", "It leaks.")
    native = world.new_issue("Drip", "It drips.")

    await world.settle()

    (copied,) = (each["Id"] for each in world.tasks() if each["Id"] != task)
    assert world.issue(2)["body"].startswith("From artala: ")
    assert "\n\nIt leaks." in world.issue(2)["body"]
    assert world.task(copied)["description"].startswith("From github, by sam: https://")
    assert world.task(task)["description"] == "It leaks."
    assert world.issue(native)["body"].startswith("It drips.")

    body = world.issue(2)["body"]
    world.edit_issue(2, body=body.replace("It leaks.", "It leaks badly."))
    await world.settle()

    assert world.task(task)["description"] == "It leaks badly."
    assert world.issue(2)["body"].startswith("From artala: ")


async def test_a_line_that_a_person_removed_comes_back_with_the_next_change_of_the_text_only(world: World):
    world.write_config(link_more='origin_line = "right"')
    task = world.new_task("Leak", "It leaks.")
    await world.settle()
    body = world.issue(1)["body"]
    world.edit_issue(1, body=body[body.index("It leaks.") :])
    writes = world.writes()

    await world.settle()
    assert world.writes() == writes

    world.edit_task(task, description="It leaks badly.")
    await world.settle()

    assert world.issue(1)["body"].startswith("From artala: ")
    assert "\n\nIt leaks badly." in world.issue(1)["body"]


@pytest.mark.parametrize("origin_line", ["off", "both"])
@pytest.mark.parametrize("line", ["From Bob: thanks", "From artala: with love", "From nowhere: https://t.example/1"])
async def test_a_line_that_a_person_wrote_in_that_form_is_theirs(world: World, origin_line: str, line: str):
    world.write_config(link_more=f'origin_line = "{origin_line}"')
    task = world.new_task("Leak", "It leaks.")
    await world.settle()
    world.edit_issue(1, body=world.issue(1)["body"].replace("It leaks.", f"{line}\n\nIt leaks."))
    await world.settle()
    assert world.task(task)["description"] == f"{line}\n\nIt leaks."

    world.edit_task(task, description=f"{line}\n\nIt leaks much more.")
    await world.settle()

    assert f"{line}\n\nIt leaks much more." in world.issue(1)["body"]


async def test_words_above_the_line_are_carried_without_it(world: World):
    world.write_config(link_more='origin_line = "right"')
    task = world.new_task("Leak", "It leaks.")
    await world.settle()

    world.edit_issue(1, body=f"Look at this.\n\n{world.issue(1)['body']}")
    await world.settle()

    assert world.task(task)["description"] == "Look at this.\n\nIt leaks."


async def test_a_line_stays_when_links_no_longer_ask_for_it(world: World):
    world.write_config(link_more='origin_line = "right"')
    task = world.new_task("Leak", "It leaks.")
    await world.settle()
    world.write_config(link_more="")

    world.edit_task(task, description="It leaks badly.")
    await world.settle()

    assert world.issue(1)["body"].startswith("From artala: ")
    assert world.issue(1)["body"].partition("\n\n")[2].startswith("It leaks badly.")
    assert world.task(task)["description"] == "It leaks badly."


async def test_round_a_ring_each_copy_says_once_where_the_item_comes_from_and_it_comes_to_rest(world: World):
    world.github.seed(repo=OTHER)
    line = 'origin_line = "both"'
    more = "".join(link.format(board=world.board) + line + "\n" for link in (WEB, CLOSING))
    world.write_config(link_more=line, more_links=more)
    task = world.new_task("Leak", "It leaks, @alice.")
    number = world.new_issue("Drip", "It drips.")
    for _ in range(3):
        for link in ("app", "web", "closing"):
            await world.sync(link)

    world.edit_task(task, description="It leaks badly, @alice.")
    world.edit_issue(number, body=world.issue(number)["body"].replace("drips", "drips badly"))
    for _ in range(2):
        for link in ("app", "web", "closing"):
            await world.sync(link)
    writes = world.writes()

    for link in ("closing", "web", "app"):
        report = await world.sync(link)
        assert (report.exit_code, report.error) == (0, "")

    _, others = world.github.call("GET", f"/repos/{OTHER}/issues?state=all", who="alice")
    assert world.writes() == writes
    assert world.task(task)["description"] == "It leaks badly, @alice."
    assert world.issue(number)["body"].startswith("It drips badly.")
    bodies = {each["title"]: plain(each["body"]) for each in others}

    for title, origin, words in (("Leak", "artala", "It leaks badly, @alice."), ("Drip", "github", "It drips badly.")):
        assert (bodies[title].count("From "), bodies[title].startswith(f"From {origin}")) == (1, True)
        assert words in bodies[title]
    assert set_off(world, BRIDGE) == []


async def test_the_line_of_a_copy_on_github_links_nothing(world: World):
    world.write_config(link_more='origin_line = "both"')
    world.new_task("Leak", "From artala to nowhere")

    await world.settle()

    assert set_off(world, BRIDGE) == []
    assert "From artala to nowhere" in world.issue(1)["body"]


async def test_an_edit_of_a_copy_changes_only_what_it_touched_in_the_original(tmp_path: Path):
    text = "Seen twice:\n\n* on Monday\n* on Friday\n\nNobody\nknows *why*."
    with Between(tmp_path, "github", "redmine") as between:
        between.left.create("Leak", description=text)
        await between.sync()
        ((item, copy),) = between.right.tasks().items()

        between.right.edit(item, description=copy["description"].replace("Seen twice:", "Seen three times:"))
        await between.sync()

        (original,) = between.left.tasks().values()
        assert original["description"] == text.replace("twice", "three times")
