"""The bugs in what carries comments and time entries. See ``planted.py``."""

from __future__ import annotations

from mutations.mutation import Mutation

FOUND = "tests/promises/test_found_in_part_histories.py::"
TOGETHER = "tests/engine/test_parts.py::"

PARTS = (
    Mutation(
        "the line that says who wrote is carried back",
        "mappings/byline.py",
        "        if not isinstance(value, str) or (side != self.on and not self.third):\n",
        "        if value is not None:\n",
        "S6, S14",
        (TOGETHER + "test_edits_of_a_comment_go_both_ways_and_the_byline_stays_on_the_copy",),
    ),
    Mutation(
        "a deleted copy takes its original with it",
        "bridge/engine/deletes.py",
        '    wanted = link.deletes.parts == "delete" or (link.deletes.parts == "copies" and link.trusts(survivor.marker))\n',
        '    wanted = link.deletes.parts in ("delete", "copies")\n',
        "S26, I6",
        (TOGETHER + "test_a_deleted_comment_takes_the_copy_with_it_and_a_deleted_copy_leaves_the_original",),
    ),
    Mutation(
        "what waits for its task waits for good",
        "bridge/engine/run.py",
        "        if run.tally.joined > joined:\n",
        "        if run.tally.joined < joined:\n",
        "S34, I1",
        (TOGETHER + "test_a_comment_whose_task_has_no_partner_waits_and_follows_it",),
    ),
    Mutation(
        "what was moved is taken away with a value in conflict",
        "bridge/engine/moves.py",
        "    if any(outcome.verdict not in _SETTLED for outcome in rest):\n",
        "    if any(outcome.verdict is None for outcome in rest):\n",
        "I2",
        (FOUND + "test_what_was_moved_is_not_taken_away_while_it_is_in_conflict",),
    ),
    Mutation(
        "what was moved is not made anew where its original stood",
        "bridge/engine/orders.py",
        "    if partner.marker is not None:\n",
        "    if partner is None:\n",
        "S19, I1",
        (FOUND + "test_a_copy_that_was_moved_makes_its_original_move",),
    ),
    Mutation(
        "only listings tell what is gone",
        "bridge/engine/pull.py",
        "    if ours:\n",
        "    if ours is None:\n",
        "S25, I1",
        (FOUND + "test_an_entry_that_bridge_made_and_a_person_deleted_before_the_next_poll_is_noticed",),
    ),
    Mutation(
        "what was deleted while it waited is carried over",
        "bridge/engine/arrivals.py",
        "{*pairs.by_items(*here, gone), *inbox.get_many(*here, gone)}",
        "{*pairs.by_items(*here, gone)}",
        "S25, I1",
        (FOUND + "test_a_comment_that_was_deleted_while_it_waited_is_not_carried_over",),
    ),
    Mutation(
        "a copy that was found is kept without a look at its original",
        "bridge/engine/recover.py",
        "if intent.kind in PARTS else None\n    rows",
        "if intent.kind is None else None\n    rows",
        "S3, I1",
        (FOUND + "test_a_copy_whose_create_was_not_answered_goes_with_an_original_that_was_deleted",),
    ),
)
