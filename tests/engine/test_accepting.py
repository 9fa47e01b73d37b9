"""A changed configuration of a live link: held until accepted, its impact worked out without touching anything."""

from __future__ import annotations

import asyncio
import hashlib
import sqlite3
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from engine.world import World

from bridge.config import terms
from bridge.engine import impact, undo
from bridge.engine.context import Run
from bridge.engine.inverse import Choice
from bridge.engine.link import Link
from bridge.engine.report import State
from bridge.engine.run import settle_all
from bridge.errors import HeldError
from bridge.version import __version__
from bridge.wiring import Bridge
from mappings import preset
from state import links

ONLY_TITLE = """preset = "none"
[[links.fields]]
left = "title"
right = "title"
"""
WITH_BODY = (
    ONLY_TITLE
    + """
[[links.fields]]
left = "description"
right = "description"
"""
)
STATUS = (
    ONLY_TITLE
    + """
[[links.fields]]
left = "priority"
right = "labels"
map = [{{ left = "high", right = {high} }}, {{ left = "medium", right = "p2" }}, {{ left = "low", right = "p3" }}]
direction = "{direction}"
"""
)
CLOSING = """
[[links]]
name = "other"
left = { connection = "github", container = "acme/app" }
right = { connection = "github", container = "acme/web" }
initial = "match-then-create"
"""


@pytest.fixture
def careful(tmp_path: Path) -> Iterator[World]:
    """A world whose Bridge asks before a live link changes, as it does unless it is told otherwise."""
    with World(tmp_path, accepting="") as made:
        yield made


async def accept(world: World, link: str = "app") -> None:
    async with world.open() as bridge:
        assert await bridge.accept(link, by="sam")


async def unaccepted(world: World, link: str = "app") -> list[str]:
    async with world.open() as bridge:
        return [str(each) for each in await bridge.unaccepted(link)]


def content(world: World) -> str:
    """Everything in the database, byte for byte."""
    with sqlite3.connect(world.folder / "bridge.db") as database:
        return hashlib.sha256("\n".join(database.iterdump()).encode()).hexdigest()


def said(found: impact.Impact) -> list[str]:
    """The changes without where they stand."""
    assert all(each.origin for each in found.changes)
    return [str(replace(each, origin="")) for each in found.changes]


def parts(found: impact.Impact | None) -> dict[tuple[str, str, str, str], int]:
    assert found is not None
    return {(part.what, part.kind, part.side, part.field): part.count for part in found.parts}


# --- when a change is held --------------------------------------------------------------------------------------------


async def test_a_link_that_has_no_pair_yet_is_asked_about_nothing(careful: World):
    await careful.sync()
    careful.write_config(link_more=ONLY_TITLE)

    assert (await careful.sync()).state == "done"


async def test_a_changed_row_stops_every_write_and_every_request(careful: World):
    careful.new_issue("Repair the pump")
    await careful.sync()
    careful.edit_issue(1, title="Repair the pump today")
    careful.write_config(link_more='conflict = "left"')
    before = careful.writes(), careful.github.counts.requests, content(careful)

    report = await careful.sync()

    assert (careful.writes(), careful.github.counts.requests, content(careful)) == before
    assert (report.state, report.exit_code, report.run_id) == ("unaccepted", 21, 0)
    line = careful.config.read_text().splitlines().index('conflict = "left"') + 1
    assert report.error == (
        'link "app" waits: its configuration is not the one that was accepted '
        f"(conflict: manual → left [bridge.toml:{line}]). Nothing was written."
    )
    assert report.hint == (
        '"bridge plan app" shows what it would do, "bridge accept app" lets it go; or put the old configuration back.'
    )


async def test_putting_the_old_configuration_back_lets_the_link_go_by_itself(careful: World):
    careful.new_issue("Repair the pump")
    await careful.sync()
    careful.write_config(link_more=ONLY_TITLE)
    await careful.sync()
    careful.edit_issue(1, title="Repair the pump today")
    careful.write_config(link_more="")

    assert (await careful.sync()).state == "done"
    assert [task["Title"] for task in careful.tasks()] == ["Repair the pump today"]


async def test_what_is_edited_while_a_link_is_held_goes_over_once_it_is_accepted(careful: World):
    careful.new_issue("Repair the pump")
    await careful.sync()
    careful.write_config(link_more='conflict = "left"')
    await careful.sync()
    careful.edit_issue(1, title="Repair the pump today")
    await accept(careful)

    assert (await careful.sync()).state == "done"
    assert [task["Title"] for task in careful.tasks()] == ["Repair the pump today"]


async def test_a_database_from_before_accepts_what_its_first_run_finds(careful: World):
    careful.new_issue("Repair the pump")
    await careful.sync()
    with sqlite3.connect(careful.folder / "bridge.db") as database:
        database.execute("UPDATE link SET accepted = ''")
    careful.write_config(link_more=ONLY_TITLE)

    assert (await careful.sync()).state == "done"
    assert await unaccepted(careful) == []


async def test_schedules_ceilings_and_guards_change_without_asking(careful: World):
    careful.new_issue("Repair the pump")
    await careful.sync()
    careful.write_config(
        link_more='every = "9m"\nmax_writes = 7\naudit_days = 1\nmax_deletes = 3', github_more="page_size = 50"
    )

    assert (await careful.sync()).state == "done"


async def test_somebody_new_in_the_table_of_people_is_asked_about_and_shown_where_it_matters(careful: World):
    careful.new_issue("Repair the pump", assignees=["carol"])
    careful.new_issue("Paint the door")
    await careful.sync()
    careful.write_config(more_links='[[people]]\nartala = "kim@example.com"\ngithub = "carol"\n')

    assert (await careful.sync()).state == "unaccepted"
    found = (await careful.plan()).impact
    assert found is not None
    assert [(each.what, each.where) for each in found.changes] == [("person", '"kim@example.com = carol"')]
    assert parts(found) == {("rewritten", "task", "left", "assignee"): 1}


async def test_where_things_stand_in_the_file_is_noted_anew_when_they_moved(careful: World):
    careful.new_issue("Repair the pump")
    careful.write_config(link_more='conflict = "left"')
    await careful.sync()
    async with careful.open() as bridge:
        before = await bridge.store.read(links.get, bridge.ids["app"])
    careful.write_config(artala_more="\n\n\n")

    assert (await careful.sync()).state == "done"
    async with careful.open() as bridge:
        row = await bridge.store.read(links.get, bridge.ids["app"])
        assert row.accepted == terms.terms_of(bridge.settings, bridge.settings.link("app")) != before.accepted
    assert (row.accepted_at, row.accepted_by) == (before.accepted_at, before.accepted_by)


async def test_auto_accept_lets_a_change_go_and_notes_that_it_did(careful: World, capsys: pytest.CaptureFixture[str]):
    careful.new_issue("Repair the pump")
    await careful.sync()
    careful.write_config(accepting="auto_accept = true", link_more='conflict = "left"')

    assert (await careful.sync()).state == "done"
    assert "link.accepted" in (said := capsys.readouterr().out)
    assert "conflict: manual → left" in said
    async with careful.open() as bridge:
        assert (await bridge.store.read(links.get, bridge.ids["app"])).accepted_by == "auto_accept"


async def test_an_undo_a_restore_and_an_audit_are_held_as_a_run_is(careful: World):
    careful.new_issue("Repair the pump")
    first = await careful.sync()
    careful.write_config(link_more=ONLY_TITLE)
    order = undo.Undo(Choice(first.run_id, (), (), "close"))
    async with careful.open() as bridge:
        taken_back = await bridge.run("app", order.carry_out, trigger="undo")
        with pytest.raises(HeldError):
            await bridge.plan("app", order.plan)

    assert taken_back.state == "unaccepted"
    assert len(careful.tasks()) == 1


async def test_an_old_plan_is_not_applied_under_a_changed_configuration(careful: World):
    careful.new_issue("Repair the pump")
    await careful.sync()
    careful.edit_issue(1, title="Repair the pump today")
    made = await careful.plan()
    careful.write_config(link_more=ONLY_TITLE)

    assert (await careful.sync(approved=made.plan)).state == "unaccepted"
    assert [task["Title"] for task in careful.tasks()] == ["Repair the pump"]


async def test_another_preset_of_a_newer_bridge_is_a_change_too(careful: World, monkeypatch: pytest.MonkeyPatch):
    careful.new_issue("Repair the pump")
    await careful.sync()
    known = preset.vocabulary

    def newer(type_: str, brought: preset.Vocabulary | None = None) -> preset.Vocabulary:
        words = known(type_, brought)
        return {kind: {name: of for name, of in table.items() if name != "labels"} for kind, table in words.items()}

    monkeypatch.setattr(preset, "vocabulary", newer)
    monkeypatch.setattr(terms, "__version__", "9.9.9")

    assert await unaccepted(careful) == [
        f'row task "labels = labels" is gone [was preset artala-github of Bridge {__version__}]'
    ]
    report = await careful.sync()
    assert report.state == "unaccepted"
    assert report.hint.endswith("or write the rows that you had into the configuration.")


# --- two links that share a container ---------------------------------------------------------------------------------


async def test_a_held_link_stops_no_other_and_misses_nothing_that_the_others_read(careful: World):
    careful.github.seed(repo="acme/web")
    careful.write_config(more_links=CLOSING)
    careful.new_issue("Repair the pump")
    await careful.sync("app")
    await careful.sync("other")
    careful.write_config(link_more='conflict = "left"')
    careful.edit_issue(1, title="Repair the pump today")
    careful.new_issue("Paint the door")

    held, runs = await careful.sync("app"), await careful.sync("other")

    assert (held.state, runs.state) == ("unaccepted", "done")
    _, there = careful.github.call("GET", "/repos/acme/web/issues?state=all", who="alice")
    assert sorted(issue["title"] for issue in there) == ["Paint the door", "Repair the pump today"]
    await accept(careful)
    await careful.sync("app")
    assert sorted(task["Title"] for task in careful.tasks()) == ["Paint the door", "Repair the pump today"]


async def test_another_link_lists_nothing_again_for_a_link_that_waits(careful: World):
    careful.github.seed(repo="acme/web")
    careful.write_config(more_links=CLOSING, github_more="overlap_s = 0")
    careful.new_issue("Repair the pump")
    for name in ("app", "other", "app", "other"):
        await careful.sync(name)
    careful.write_config(link_more='kinds = ["task", "label"]', more_links=CLOSING + 'kinds = ["task", "label"]\n')
    await accept(careful, "other")
    await careful.sync("other", sweep=False)
    careful.github.clock.advance(3600)
    await careful.sync("other", sweep=False)

    quiet = await careful.sync("other", sweep=False)

    assert (await careful.sync()).state == "unaccepted"
    assert quiet.counts["pulled"] == 0
    await accept(careful)
    assert (await careful.sync()).counts["pulled"] > 0


LABELLED = ", filter = '\"sync\" in item.labels'"


@pytest.mark.parametrize(("was", "becomes", "then"), [("", LABELLED, "revert"), (LABELLED, "", "accept")])
async def test_what_others_read_for_a_held_link_is_judged_once_it_goes_on(
    careful: World, was: str, becomes: str, then: str
):
    careful.github.seed(repo="acme/web")
    careful.write_config(more_links=CLOSING, right_filter=was, github_more="overlap_s = 0")
    careful.new_issue("Repair the pump", labels=["sync"])
    for name in ("app", "other", "app"):
        await careful.sync(name)
    careful.write_config(right_filter=becomes)
    careful.edit_issue(1, title="Repair the pump today")
    careful.new_issue("Paint the door", labels=["sync"])
    careful.new_issue("has no label")
    for _ in range(2):  # the cursor is past what was edited then: the held link will not list that again
        careful.github.clock.advance(3600)
        await careful.sync("other")

    assert [task["Title"] for task in careful.tasks()] == ["Repair the pump"]
    if then == "revert":
        careful.write_config(right_filter=was)
    else:
        await accept(careful)
    await careful.sync()
    unlabelled = ["has no label"] if (was if then == "revert" else becomes) == "" else []
    assert sorted(task["Title"] for task in careful.tasks()) == ["Paint the door", "Repair the pump today", *unlabelled]


# --- what a change comes to -------------------------------------------------------------------------------------------


async def test_a_plan_under_a_changed_configuration_leaves_the_database_as_it_is(careful: World):
    careful.new_issue("Repair the pump", "It leaks.")
    careful.new_issue("Paint the door")
    await careful.sync()
    careful.edit_issue(1, title="Repair the pump today")
    careful.new_issue("Close the gate")
    careful.write_config(link_more=ONLY_TITLE)
    before, writes = content(careful), careful.writes()

    made = await careful.plan()

    assert (content(careful), careful.writes()) == (before, writes)
    assert parts(made.impact) == {("enters", "task", "left", ""): 1, ("rewritten", "task", "left", "title"): 1}
    careful.write_config(link_more="")
    assert (await careful.sync()).state == "done"
    assert sorted(task["Title"] for task in careful.tasks()) == [
        "Close the gate", "Paint the door", "Repair the pump today",
    ]  # fmt: skip


async def test_a_filter_shows_what_it_would_leave_out_and_let_in(careful: World):
    careful.new_issue("Repair the pump", labels=["sync"])
    careful.new_issue("Paint the door")
    await careful.sync()
    careful.write_config(right_filter=", filter = '\"sync\" in item.labels'")

    found = (await careful.plan()).impact

    assert found is not None
    assert said(found) == ['right filter: nothing → "sync" in item.labels']
    assert parts(found) == {("leaves", "task", "", ""): 1}
    assert [(each.title, each.message) for part in found.parts for each in part.samples] == [
        ("Paint the door", "the filter of the right leaves it out")
    ]

    await accept(careful)
    await careful.sync()
    careful.write_config(right_filter="")
    careful.edit_issue(2, title="Paint the gate")

    assert parts((await careful.plan()).impact) == {
        ("returns", "task", "", ""): 1,
        ("rewritten", "task", "left", "title"): 1,
    }


async def test_a_new_row_shows_what_it_would_ask(careful: World):
    careful.write_config(link_more=ONLY_TITLE, artala_more='task_url = "https://board.test/t/{id}"')
    for number in range(7):
        careful.new_issue(f"Task {number}", "left alone" if number else "")
    await careful.sync()
    for task in careful.tasks():
        careful.edit_task(task["Id"], description="of Artala")
    await careful.sync()
    careful.write_config(link_more=WITH_BODY)

    found = (await careful.plan()).impact

    assert found is not None
    assert not found.read_whole
    assert said(found) == ['row task "description = description" is new (both)']
    assert parts(found) == {("conflict", "task", "", "description"): 7}
    assert len(found.parts[0].samples) == impact.SAMPLES
    first = found.parts[0].samples[0]
    assert (first.before, first.after) == ("of Artala", None if first.title == "Task 0" else "left alone")
    assert first.url == f"https://board.test/t/{first.ref.id}"
    await accept(careful)
    assert (await careful.sync()).counts["conflicts_open"] == 7


async def test_what_the_impact_says_is_what_the_next_run_does(careful: World):
    careful.write_config(link_more=ONLY_TITLE)
    careful.new_issue("Repair the pump", "It leaks.")
    careful.new_issue("Paint the door", "Red.")
    await careful.sync()
    for task in careful.tasks():
        careful.edit_task(task["Id"], description="of Artala")
    await careful.sync()
    careful.write_config(link_more=f'first_contact = "left"\nmax_writes = 1\n{WITH_BODY}')

    made = await careful.plan()

    found = made.impact
    assert found is not None
    assert parts(found) == {("rewritten", "task", "right", "description"): 2}
    assert (found.writes, found.creates, found.max_writes, found.runs) == (2, 0, 1, 2)
    await accept(careful)
    assert [(await careful.sync()).counts["writes_right"] for _ in range(2)] == [1, 1]
    assert [careful.issue(number)["body"] for number in (1, 2)] == ["of Artala"] * 2


@pytest.mark.parametrize("direction", ["both", "left-to-right"])
async def test_a_changed_map_is_judged_where_the_two_now_differ(careful: World, direction: str):
    careful.write_config(link_more=STATUS.format(high='"p1"', direction=direction))
    urgent, usual = (
        careful.new_task("Repair the pump", priority=1),
        careful.new_task("Paint the door", priority=3),
    )
    await careful.sync()
    names = {issue["title"]: [label["name"] for label in issue["labels"]] for issue in careful.issues()}
    assert names == {"Repair the pump": ["p1"], "Paint the door": ["p3"]}
    careful.write_config(link_more=STATUS.format(high='"p0"', direction=direction))

    found = (await careful.plan()).impact

    assert found is not None
    assert said(found) == ['row task "priority = labels" map: high = p1 → high = p0']
    unknown = {("held", "task", "right", "labels"): 1} if direction == "both" else {}  # "p1" has no word any more
    assert parts(found) == {("rewritten", "task", "right", "labels"): 1, **unknown}
    await accept(careful)
    await careful.sync()
    names = {issue["title"]: [label["name"] for label in issue["labels"]] for issue in careful.issues()}
    assert "p0" in names["Repair the pump"]
    assert names["Paint the door"] == ["p3"]
    assert careful.task(urgent)["title"] != careful.task(usual)["title"]


async def test_creating_what_has_no_partner_is_shown_as_entering(careful: World):
    careful.write_config(accepting='initial = "match"'.replace("initial", "# initial"))
    text = careful.config.read_text().replace('initial = "match-then-create"', 'initial = "match"')
    careful.config.write_text(text)
    careful.new_issue("Repair the pump")
    careful.new_task("Repair the pump")
    careful.new_issue("Paint the door")
    await careful.sync()
    assert len(careful.tasks()) == 1
    careful.write_config(accepting="")

    found = (await careful.plan()).impact

    assert found is not None
    assert said(found) == ["initial: match → match-then-create"]
    assert parts(found) == {("enters", "task", "left", ""): 1}
    assert [sample.title for sample in found.parts[0].samples] == ["Paint the door"]


async def test_another_filter_shows_what_enters_what_leaves_and_what_goes_on(careful: World):
    careful.write_config(right_filter=", filter = '\"a\" in item.labels'")
    for title, labels in {"stays": ["a", "b"], "leaves": ["a"], "enters": ["b"], "is none of ours": []}.items():
        careful.new_issue(title, labels=labels)
    paused = careful.new_issue("comes and goes", labels=["a"])
    await careful.sync()
    careful.edit_issue(paused, labels=["b"])
    await careful.sync()
    assert sorted(task["Title"] for task in careful.tasks()) == ["comes and goes", "leaves", "stays"]
    careful.write_config(right_filter=", filter = '\"b\" in item.labels'")
    before, writes = content(careful), careful.writes()

    found = (await careful.plan()).impact

    assert found is not None
    assert said(found) == ['right filter: "a" in item.labels → "b" in item.labels']
    assert found.read_whole
    titles = {part.what: [sample.title for sample in part.samples] for part in found.parts if part.what != "rewritten"}
    assert titles == {"enters": ["enters"], "returns": ["comes and goes"], "leaves": ["leaves"]}
    assert (content(careful), careful.writes()) == (before, writes)
    await accept(careful)
    await careful.settle()
    assert sorted(task["Title"] for task in careful.tasks()) == ["comes and goes", "enters", "leaves", "stays"]


async def test_a_kind_that_is_not_synced_any_more_is_shown_as_leaving(careful: World):
    careful.write_config(link_more='kinds = ["task", "label"]')
    careful.new_issue("Repair the pump", labels=["bug"])
    await careful.sync()
    careful.write_config(link_more="")

    found = parts((await careful.plan()).impact)

    assert {what for what, _, _, _ in found} == {"leaves"}
    assert ("leaves", "label", "", "") in found


async def test_what_was_never_read_is_read_whole_for_the_plan_and_that_is_said(careful: World):
    careful.new_issue("Repair the pump", labels=["bug"])
    await careful.sync()
    careful.write_config(link_more='kinds = ["task", "label"]')
    before = content(careful)

    found = (await careful.plan()).impact

    assert found is not None
    assert found.read_whole
    assert said(found)[0] == "kinds: task → label, task"
    assert content(careful) == before


async def test_a_crash_between_accepting_and_the_next_run_changes_nothing(careful: World):
    careful.write_config(link_more=ONLY_TITLE)
    careful.new_issue("Repair the pump", "It leaks.")
    await careful.sync()
    careful.write_config(link_more=f'first_contact = "right"\n{WITH_BODY}')
    await accept(careful)
    async with careful.open():
        pass  # a process that ends before it does anything

    assert await unaccepted(careful) == []
    await careful.sync()
    assert [careful.task(task["Id"])["description"] for task in careful.tasks()] == ["It leaks."]


async def test_a_process_with_the_old_configuration_stands_still_once_the_new_one_is_accepted(careful: World):
    careful.new_issue("Repair the pump")
    await careful.sync()
    async with careful.open() as old:
        careful.write_config(link_more='conflict = "left"')
        await accept(careful)

        assert (await old.sync("app", trigger="test")).state == "unaccepted"
    assert (await careful.sync()).state == "done"


async def test_what_is_accepted_while_a_run_is_under_way_counts_from_the_next_one(careful: World):
    careful.new_issue("Repair the pump", "It leaks.")
    await careful.sync()
    careful.edit_issue(1, title="Repair the pump today", body="It leaks a lot.")

    async def meanwhile(run: Run) -> State:
        """The link is leased by an old process; another one accepts what a person wrote into the file."""
        careful.write_config(link_more=ONLY_TITLE)
        await accept(careful)
        assert (await careful.sync()).state == "locked"
        return await settle_all(run)

    async with careful.open() as old:
        assert (await old.run("app", meanwhile, trigger="test")).state == "done"
        assert [task["Title"] for task in careful.tasks()] == ["Repair the pump today"]
        careful.edit_issue(1, title="Repair the pump now", body="It leaks no more.")
        assert (await old.sync("app", trigger="test")).state == "unaccepted"

    assert (await careful.sync()).state == "done"
    [task] = careful.tasks()
    assert (task["Title"], careful.task(task["Id"])["description"]) == ("Repair the pump now", "It leaks a lot.")


async def test_what_is_accepted_between_our_first_look_and_our_lease_holds_us(
    careful: World, monkeypatch: pytest.MonkeyPatch
):
    careful.new_issue("Repair the pump", body="It leaks.")
    await careful.sync()
    make = Bridge._link

    async def slow(bridge: Bridge, link: str) -> Link:
        """Asking the trackers takes a while, in which another process accepts what a person wrote into the file."""
        careful.write_config(link_more=ONLY_TITLE)
        await accept(careful)
        return await make(bridge, link)

    async with careful.open() as old:
        monkeypatch.setattr(Bridge, "_link", slow)
        careful.edit_issue(1, title="Repair the pump now", body="It leaks no more.")
        writes = careful.writes()

        assert (await old.sync("app", trigger="test")).state == "unaccepted"

    assert careful.writes() == writes


async def test_two_that_accept_at_once_agree(careful: World):
    careful.new_issue("Repair the pump")
    await careful.sync()
    careful.write_config(link_more='conflict = "left"')
    async with careful.open() as one, careful.open() as two:
        said = await asyncio.gather(one.accept("app", by="sam"), two.accept("app", by="kim"))

    assert sorted(len(each) for each in said) == [0, 1]
    assert (await careful.sync()).state == "done"


async def test_accepting_when_nothing_changed_keeps_who_accepted_last(careful: World):
    careful.new_issue("Repair the pump")
    await careful.sync()
    careful.write_config(link_more='conflict = "left"')
    await accept(careful)
    async with careful.open() as bridge:
        assert await bridge.accept("app", by="kim") == ()
        assert (await bridge.store.read(links.get, bridge.ids["app"])).accepted_by == "sam"
