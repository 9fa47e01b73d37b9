"""A tracker that gives the id of a deleted item to the next one, as a Redmine on SQLite does."""

from __future__ import annotations

from trackers.between import Between


async def test_an_entry_that_gets_the_id_of_a_deleted_one_is_paired(tmp_path):
    with Between(tmp_path, "redmine", "jira", more="max_deletes = 0") as link:
        here, there = link.left, link.right
        task = here.create("Login form")
        here.create("Another")
        await link.settle()
        partner = dict(link.pairs())[task]
        first = here.log_time(task, 900)
        await link.settle()

        here.delete_time(first)
        there.log_time(partner, 1800)
        here.box.store.last["entries"] = int(first) - 1
        await link.settle()

        [(item, row)] = here.times().items()
        assert (item, row["seconds"]) == (first, 1800)
        assert 1800 in [each["seconds"] for each in there.times().values()]
