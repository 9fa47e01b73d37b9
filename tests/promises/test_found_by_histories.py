"""What random histories found once, each as a plain story that must not come back."""

from __future__ import annotations

from promises.ground import LinkShape, ground_of


def test_a_label_that_a_person_gave_a_new_task_is_not_replaced_by_ours() -> None:
    """The connector took a task it had just made for one without labels, although they had been seen."""
    with ground_of(LinkShape("app", "board", "app")) as ground:
        board, app = ground.places["board"], ground.places["app"]
        number = app.create(title="Repair the pump")
        ground.run("app")
        (task,) = board.rows()
        board.edit(task, "labels", frozenset({"bug"}))
        app.edit(number, "labels", frozenset({"docs"}))

        ground.run("app")
        ground.run("app")

        assert ground.values("board", task)["labels"] == ground.values("app", number)["labels"] == {"bug", "docs"}
