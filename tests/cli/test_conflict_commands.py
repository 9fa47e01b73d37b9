"""Conflicts decided on the command line: in an editor, many at once; what lost stays in sight (S16, S17)."""

from __future__ import annotations

import json
import stat
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from state import conflicts, history, links, pairs
from state.conflicts import Clash, Put, Sighting, Take
from state.history import Entry
from state.store import Store

NOW = datetime(2026, 11, 21, 10, 0, tzinfo=UTC)
COPY = "import pathlib, sys; file = pathlib.Path(sys.argv[1]); text = file.read_text(); "


@pytest.fixture
def editor(tmp_path, monkeypatch):
    """An editor that is a line of Python: ``text`` is what it was given, ``file`` where; both are kept for the test."""

    def use(line: str) -> Path:
        seen = tmp_path / "seen"
        script = tmp_path / "editor.py"
        keep = f"pathlib.Path({str(seen)!r}).write_text(f'{{file.stat().st_mode:o}} {{file}}\\n{{text}}'); "
        script.write_text(COPY + keep + line)
        monkeypatch.delenv("VISUAL", raising=False)
        monkeypatch.setenv("EDITOR", f"{sys.executable} {script}")
        return seen

    return use


def open_state(place: Path) -> Store:
    return Store.open(f"sqlite:///{place}/bridge.db")


def decision(place: Path, number: int = 1) -> object:
    with open_state(place) as store:
        return store.read_sync(conflicts.get, number).decision


def add_conflict(place: Path, field: str, left, right, base="") -> int:
    def write(session):
        row = links.all_links(session)[0]
        pair = pairs.by_items(session, row.id, "task", "left", ["12"])["12"].id
        clash = Clash(pair, "task", field, "Fix", base, base, Sighting(left), Sighting(right))
        return conflicts.upsert_open(session, row.id, clash, run_id=1, now=NOW)[0]

    with open_state(place) as store:
        return store.run_sync(write)


def test_the_editor_shows_base_and_both_values_by_the_names_of_their_connections(bridge, seeded, editor):
    seen = editor("file.write_text(text.partition('>8')[0] + '>8 ------------------------\\nFix the login form\\n')")

    ended = bridge("conflicts", "resolve", "1", "--edit")

    head, text = seen.read_text().split("\n", 1)
    mode, name = head.split(" ", 1)
    assert ended.code == 0, ended.err
    assert decision(seeded) == Put("Fix the login form", "left")
    assert text.endswith(
        "<<<<<<< hub (left)\nFix the login\n||||||| both held before\nFix\n=======\nFix login form\n>>>>>>> board (right)\n"
    )
    assert stat.S_IMODE(int(mode, 8)) == 0o600
    assert not Path(name).exists()


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("file.write_text(text + ' ')", "markers are left"),
        ("file.write_text(text.partition('<<<')[0])", "the text is empty"),
        ("file.write_text('')", "scissors"),
        ("file.write_text('no explanation')", "scissors"),
        ("pass", "not saved"),
        ("raise SystemExit(3)", "ended with 3"),
        ("file.write_bytes(b'\\xff\\xfe')", "UTF-8"),
    ],
)
def test_an_edit_that_says_nothing_decides_nothing(bridge, seeded, editor, line, why):
    seen = editor(line)

    ended = bridge("conflicts", "resolve", "1", "--edit")

    assert ended.code == 1
    assert why in ended.err
    assert "nothing was decided" in ended.err
    assert decision(seeded) is None
    assert not Path(seen.read_text().split("\n", 1)[0].split(" ", 1)[1]).exists()


def test_an_editor_that_is_not_there_is_said(bridge, seeded, monkeypatch):
    monkeypatch.setenv("VISUAL", "no-such-editor --wait")

    ended = bridge("conflicts", "resolve", "1", "--edit")

    assert (ended.code, "no-such-editor" in ended.err) == (1, True)


def test_only_lines_that_clash_stand_between_markers_and_headings_are_no_comments(bridge, seeded, editor):
    base = "# Plan\n\none\n\ntwo\n\nthree\n"
    number = add_conflict(seeded, "description", base.replace("one", "ONE"), base.replace("three", "THREE"), base)
    seen = editor("file.write_text(text.replace('two', 'TWO'))")

    assert bridge("conflicts", "resolve", str(number), "--edit").code == 0

    assert "<<<<<<<" not in seen.read_text()
    assert decision(seeded, number) == Put("# Plan\n\nONE\n\nTWO\n\nTHREE", "left")


def test_what_moved_while_it_was_edited_is_not_decided_and_the_text_is_not_lost(bridge, seeded, editor):
    move = (
        'import sqlite3; base = sqlite3.connect(\'bridge.db\'); base.execute("UPDATE conflict SET \\"left\\" = \'\\"Moved\\"\'"); '
        "base.commit(); base.close(); file.write_text(text.partition('<<<')[0] + 'My words')"
    )
    editor(move)

    ended = bridge("conflicts", "resolve", "1", "--edit")

    assert (ended.code, decision(seeded)) == (2, None)
    assert "moved" in ended.err
    assert "My words" in ended.err


def test_many_are_listed_and_decided_only_with_a_yes(bridge, seeded):
    add_conflict(seeded, "description", "a", "b")

    asked = bridge("conflicts", "resolve", "--all", "--take", "right")
    assert (asked.code, "--yes" in asked.err) == (2, True)
    assert "Fix login form" in asked.out
    assert (decision(seeded), decision(seeded, 2)) == (None, None)

    assert bridge("conflicts", "resolve", "--all", "--take", "right", "--yes").code == 0
    assert (decision(seeded), decision(seeded, 2)) == (Take("right"), Take("right"))


@pytest.mark.parametrize(
    ("words", "decided"),
    [
        (["--field", "description"], [2]),
        (["--kind", "label"], []),
        (["--link", "app"], [1, 2]),
        (["--link", "app", "--field", "title"], [1]),
    ],
)
def test_many_can_be_narrowed_down(bridge, seeded, words, decided):
    add_conflict(seeded, "description", "a", "b")

    assert bridge("conflicts", "resolve", *words, "--take", "left", "--yes").code == 0

    assert [number for number in (1, 2) if decision(seeded, number)] == decided


def test_taking_the_base_of_many_leaves_those_without_one(bridge, seeded):
    from bridge.model import UNSET

    number = add_conflict(seeded, "description", "a", "b", UNSET)

    assert bridge("conflicts", "resolve", "--all", "--take", "base", "--yes").code == 0

    assert (decision(seeded), decision(seeded, number)) == (Take("base"), None)


@pytest.mark.parametrize(
    "words",
    [
        ["1", "--all", "--take", "left"],
        ["--all", "--value", "x", "--yes"],
        ["1", "--take", "left", "--edit"],
        ["--take", "left"],
        ["--all", "--edit"],
    ],
)
def test_what_contradicts_itself_is_refused(bridge, seeded, words):
    assert bridge("conflicts", "resolve", *words).code == 2
    assert decision(seeded) is None


def test_the_value_that_lost_stays_in_sight_after_the_conflict(bridge, seeded):
    def finish(session):
        conflict = conflicts.decide(session, 1, Take("right"), by="alice")
        conflicts.resolve(session, [1], now=NOW)
        rule = "title: decided by a person: right (S17)"
        entry = Entry(
            conflict.link_id, 2, "task", "left", "12", "update", NOW, conflict.clash.pair_id, "title",
            "Fix the login", "Fix login form", rule,
        )  # fmt: skip
        history.add_many(session, [entry])

    with open_state(seeded) as store:
        store.run_sync(finish)

    shown = bridge("conflicts", "show", "1").out
    told = json.loads(bridge("conflicts", "show", "1", "--json").out)[0]

    assert "Fix the login" in shown
    assert "not taken" in shown
    assert '"Fix the login" → "Fix login form"' in shown
    assert (told["not_taken"], told["left"]["value"], told["state"]) == (["left"], "Fix the login", "resolved")
