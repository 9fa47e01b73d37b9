"""Two bugs that other tools had, as plain histories: here neither can come back unnoticed."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from promises.ground import Ground, LinkShape, ground_of

from state import cursors, pairs
from state.codec import load_record


@pytest.fixture
def ground() -> Iterator[Ground]:
    with ground_of(LinkShape("app", "board", "app")) as made:
        yield made


def cursor(ground: Ground) -> str | None:
    board = ground.places["board"]
    where = cursors.Where("artala", board.container, "task")
    return ground.bridge.store.read_sync(cursors.get, where).cursor


def test_a_cursor_never_moves_past_a_failed_run(ground: Ground) -> None:
    board, app = ground.places["board"], ground.places["app"]
    ground.run("app")
    ground.advance(3600)
    task = board.create(title="Repair the pump", description="It leaks.")
    before = cursor(ground)
    ground.artala.faults.add("cut_body", path="^/odata/Tasks$", times=-1)

    failed = ground.run("app")

    assert failed is not None
    assert failed.state != "done"
    assert cursor(ground) == before
    assert app.rows() == {}

    ground.artala.faults.clear()
    ground.github.faults.add("status", status=502, method="POST", times=-1)
    ground.run("app")  # now the task is read and cannot be written

    assert app.rows() == {}

    ground.github.faults.clear()
    ground.advance(7200)
    ground.run("app")

    assert [app.fields(row)["title"] for row in app.rows().values()] == ["Repair the pump"]
    assert ground.values("board", task) is not None


def test_a_change_is_not_recorded_as_seen_before_it_was_written(ground: Ground) -> None:
    board, app = ground.places["board"], ground.places["app"]
    task = board.create(title="Repair the pump")
    ground.run("app")
    board.edit(task, "title", "Mend the pump")
    ground.github.faults.add("status", status=502, method="PATCH", times=-1)

    ground.run("app")

    (pair,) = ground.bridge.store.read_sync(pairs.walk, ground.bridge.ids["app"], "task", after=0, limit=9)
    assert load_record(pair.record("right"), None).fields["title"] == "Repair the pump"  # type: ignore[arg-type]
    assert app.fields(app.rows()["1"])["title"] == "Repair the pump"

    ground.github.faults.clear()
    ground.advance(7200)
    ground.run("app")

    assert app.fields(app.rows()["1"])["title"] == "Mend the pump"


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("at", range(1, 8))
def test_a_run_cut_at_any_request_leaves_the_rest_to_the_next(ground: Ground, at: int, when: str) -> None:
    board, app = ground.places["board"], ground.places["app"]
    task = board.create(title="Repair the pump", labels=frozenset({"bug"}), status="Done")
    number = app.create(title="Paint the wall", labels=frozenset({"docs"}))
    ground.run("app", cut=("github", at, when))
    ground.run("app", cut=("artala", at, when))

    for _ in range(3):
        ground.advance(7200)
        ground.run("app")

    assert sorted(app.fields(row)["title"] for row in app.rows().values()) == ["Paint the wall", "Repair the pump"]
    assert len(board.rows()) == 2
    assert ground.values("board", task)["labels"] == {"bug"}
    assert ground.values("app", number)["labels"] == {"docs"}
    assert {app.fields(row)["status"] for row in app.rows().values()} == {"open", "closed"}
