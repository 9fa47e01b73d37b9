"""What the drill found, each as a test of its own."""

from __future__ import annotations

from pathlib import Path

from engine.world import World

ENVIRONMENT = """
[[links.fields]]
left = "custom.Environment"
right = "type"
map = [{ left = ["Staging"], right = ["Bug"] }, { left = ["Production"], right = ["Feature"] }]
"""


async def test_a_lost_answer_on_one_side_does_not_undo_what_was_written_to_the_other(tmp_path: Path) -> None:
    """The record of before the write waited in the inbox, and came back as if a person had taken the label off."""
    with World(tmp_path) as world:
        world.artala.seed(tasks=[{"title": "Both", "labels": ["alpha"], "assignee": "sam@example.com"}])
        world.github.seed(issues=[{"title": "Both", "labels": ["alpha", "gamma"]}])
        world.github.fault("lost_reply", method="PATCH", path="/issues/1$")

        await world.settle()

        issue = world.issue(1)
        assert [one["login"] for one in issue["assignees"]] == ["alice"]
        assert world.labels_of(world.tasks()[0]["Id"]) == ["alpha", "gamma"]
        assert [label["name"] for label in issue["labels"]] == ["alpha", "gamma"]


async def test_a_custom_field_of_a_new_task_is_filled(tmp_path: Path) -> None:
    """The new task was not known to be empty there, so that first contact made a conflict of it."""
    with World(tmp_path, link_more=ENVIRONMENT) as world:
        world.new_issue("New", type="Feature")

        report = await world.settle()

        _, values = world.artala.call("GET", f"/api/fields/task/{world.tasks()[0]['Id']}", who="sam")
        assert [row["value"] for row in values if row["value"]] == ["Production"]
        assert report.counts["conflicts_open"] == 0
