"""The bugs in engine, mappings and merging: about one line each. Those at the edges are in ``planted_outside.py``.

Each is a mistake that somebody made in a program of this kind, or could make in this one while tidying up. A line here is
out of date as soon as the code that it changes is written otherwise: a test says so.
"""

from __future__ import annotations

from mutations.mutation import Mutation
from mutations.planted_outside import CONNECTORS, STATE
from mutations.planted_parts import PARTS

BROKEN = "tests/engine/test_broken_trackers.py::"
CONFLICTS = "tests/engine/test_conflicts.py::"
CONVERGENCE = "tests/engine/test_convergence.py::"
DELETES = "tests/engine/test_deletes.py::"
FIRST = "tests/engine/test_first_contact.py::"
LAG = "tests/faults/test_clocks_and_lag.py::"
RULES = "tests/engine/test_row_rules.py::"
LABELS = (
    "tests/engine/test_label_rows.py"
    "::test_names_end_as_their_meanings_were_edited_and_unknown_ones_stay_whatever_both_sides_do_at_once"
)
SYNC = "tests/engine/test_sync.py::"
WAITING = "tests/engine/test_waiting_items.py::"
WHO = "tests/engine/test_who_may_act.py::"
PERSONS = "tests/mappings/test_people.py::"

BASES = (
    Mutation(
        "a base moves to what was to be written",
        "bridge/engine/fields.py",
        '    if outcome.verdict in ("agree", "alone"):',
        '    if outcome.verdict in ("agree", "alone", "write"):',
        "S7, I2, I8",
        (CONVERGENCE + "test_titles_meet_or_stay_in_conflict_and_nothing_is_overwritten[first1]",),
    ),
    Mutation(
        "both bases move when one of two writes is confirmed",
        "bridge/engine/fields.py",
        "if not all(written(side) for side in wanted):",
        "if not any(written(side) for side in wanted):",
        "S7, I8",
        (RULES + "test_a_merge_that_reached_one_side_only_reaches_the_other_later_and_nobody_is_blamed",),
    ),
    Mutation(
        "a write that was accepted and not kept moves the base",
        "bridge/engine/fields.py",
        "        if after == before:\n",
        "        if after is before is not after:\n",
        "S7, I8",
        (CONVERGENCE + "test_a_write_that_was_accepted_and_not_stored_moves_no_base",),
    ),
    Mutation(
        "the base of a set takes what was wanted for what was delivered",
        "bridge/engine/sets.py",
        "bases[source_side] = apply_delta(bases[source_side], done.own)",
        "bases[source_side] = apply_delta(bases[source_side], change.own)",
        "S7, I2",
        (CONVERGENCE + "test_labels_meet_and_none_is_lost_whatever_write_fails[first1]",),
    ),
    Mutation(
        "no base counts as an empty base",
        "bridge/merge.py",
        "return base is UNSET or base != now",
        "return (None if base is UNSET else base) != now",
        "S8",
        (FIRST + "test_what_only_one_side_says_is_a_question_at_first_contact_and_nothing_is_written",),
    ),
    Mutation(
        "whatever is read counts as changed",
        "bridge/merge.py",
        "return base is UNSET or base != now",
        "return True",
        "S4, I5",
        (SYNC + "test_a_conflict_stays_and_overwrites_nothing_when_another_field_moves",),
    ),
)

MERGING = (
    Mutation(
        "the last writer of a set wins",
        "bridge/engine/sets.py",
        "    from_left, from_right = _carry_both(row, sight)\n    new_left",
        '    from_left, from_right = (\n        carried(row, "left", Sight(sight.left, sight.right, sight.right, sight.base_right)),\n        _NOTHING,\n    )\n    new_left',
        "S10, I2",
        (SYNC + "test_labels_added_on_one_side_and_removed_on_the_other_are_merged",),
    ),
    Mutation(
        "a second name of one meaning counts as news on the other side",
        "bridge/engine/sets.py",
        "    if any(key(each) in means for each in base_there) and any(key(each) in same for each in base):",
        "    if False:",
        "S10, I1",
        (LABELS + "[create]",),
    ),
    Mutation(
        "a person whom the map does not know is dropped from the other side",
        "bridge/engine/sets.py",
        "new = _shape(row.spec(side), apply_delta(held, change), held, last)",
        "new = _shape(row.spec(side), change.added, held, last)",
        "S14, I2",
        (CONVERGENCE + "test_an_unknown_person_is_neither_copied_nor_dropped",),
    ),
    Mutation(
        "an e-mail address that two people of a side share names one of them",
        "mappings/people.py",
        "        if len(one) == len(two) == 1:\n",
        "        if one and two:\n",
        "S14",
        (PERSONS + "test_an_address_that_two_people_of_a_side_share_is_nobodys_and_nobody_stands_in",),
    ),
    Mutation(
        "somebody stands in for a person who may well be there",
        "mappings/people.py",
        "        if self.is_unsure(to, str(value)):\n",
        "        if value is None:\n",
        "S14, I2",
        (PERSONS + "test_an_address_that_two_people_of_a_side_share_is_nobodys_and_nobody_stands_in",),
    ),
    Mutation(
        "a text that goes one way goes both",
        "bridge/engine/fields.py",
        '    if row.direction != "both":\n',
        "    if False:\n",
        "S15",
        (RULES + "test_a_text_goes_its_one_way_and_an_edit_on_the_wrong_side_stays_there[left-to-right]",),
    ),
    Mutation(
        "labels that go one way go both",
        "mappings/rows.py",
        "return self.direction in (",
        'return self.direction != "off" or self.direction in (',
        "S15",
        (RULES + "test_labels_go_their_one_way_and_those_of_the_wrong_side_stay_there[left-to-right]",),
    ),
    Mutation(
        "newest does not know that clocks differ",
        "bridge/engine/fields.py",
        "abs(sight.left_at - sight.right_at) <= skew:",
        "sight.left_at == sight.right_at:",
        "S16",
        (RULES + "test_which_of_two_edits_within_a_second_is_newest_is_for_a_person_to_say",),
    ),
    Mutation(
        "newest does not look at how far the clocks are apart",
        "bridge/engine/pull.py",
        "    run.link = replace(run.link, skew=measured_skew(run.link.left.connector, run.link.right.connector))\n",
        "",
        "S16",
        (RULES + "test_a_clock_that_is_ahead_makes_no_edit_the_newest",),
    ),
    Mutation(
        "a conflict keeps one value for both sides",
        "bridge/engine/troubles.py",
        "Sighting(clash.right_value, right.version,",
        "Sighting(clash.left_value, right.version,",
        "S17, I2",
        (CONFLICTS + "test_a_conflict_holds_base_and_both_values",),
    ),
    Mutation(
        "the value that loses by policy is not kept",
        "bridge/engine/settle.py",
        "            change.before,\n            sent.record",
        "            None,\n            sent.record",
        "S17, I2",
        (CONFLICTS + "test_a_policy_decides_and_the_losing_value_is_kept_in_the_history[left-Replace the pump]",),
    ),
    Mutation(
        "an ambiguous match is taken for a match",
        "bridge/engine/partners.py",
        "    if len(mine) == 1 and len(theirs) == 1:\n",
        "    if theirs:\n",
        "S8a",
        (SYNC + "test_ambiguous_matches_are_reported_and_nothing_is_created",),
    ),
)

READING = (
    Mutation(
        "the cursor moves in a transaction before the one that stores the records",
        "bridge/engine/pull.py",
        "        await run.store.run(store, run.link, where,",
        "        await run.store.run(cursors.commit, where, some[-1].cursor, began_at)\n"
        "        await run.store.run(store, run.link, where,",
        "S29, I7",
        (WHO + "test_a_listing_that_may_not_be_stored_moves_no_cursor",),
    ),
    Mutation(
        "the cursor moves with a listing that broke off",
        "bridge/engine/arrivals.py",
        "    if last.last:\n",
        "    if True:\n",
        "S29, I7",
        (WAITING + "test_a_listing_that_breaks_off_moves_no_cursor",),
    ),
    Mutation(
        "an item that waits holds the cursor",
        "bridge/engine/arrivals.py",
        "    if last.last:\n",
        '    if last.last and not inbox.counts(session, link.id)["waiting"]:\n',
        "S31",
        (WAITING + "test_a_parked_item_does_not_hold_the_cursor",),
    ),
    Mutation(
        "a poll that another process took over stores its pages",
        "bridge/engine/arrivals.py",
        "    if not leases.renew_poll(session, where.connection, where.container, where.kind, me, POLL_LEASE_S):\n",
        "    if False:\n",
        "S2, S29",
        (WHO + "test_a_listing_that_may_not_be_stored_moves_no_cursor",),
    ),
    Mutation(
        "what a server made of our words is a person's edit",
        "bridge/engine/arrivals.py",
        "    if now.fields == seen.fields or (seen.provisional and _is_what_we_wrote(seen.fields, now.fields)):\n",
        "    if now.fields == seen.fields:\n",
        "S4, S6, I5",
        (
            "tests/faults/test_rewriting_servers.py::test_what_a_person_edited_is_never_replaced_by_what_the_other_server_made_of_it[entities]",
        ),
    ),
    Mutation(
        "a listing that lags behind our write is a person's edit",
        "bridge/engine/arrivals.py",
        "        return self.listed and known.provisional and record.version == known.version\n",
        "        return False\n",
        "S4, I5",
        (BROKEN + "test_a_tracker_that_lags_behind_our_write_is_not_taken_for_a_person[1-True]",),
    ),
    Mutation(
        "a parked item is forgotten",
        "bridge/engine/troubles.py",
        "    if view.left is not None and view.right is not None:\n        wave.settled(view)\n",
        "    wave.settled(view)\n",
        "S31, I4",
        (WAITING + "test_a_parked_item_is_joined_with_the_one_that_a_person_makes_by_hand",),
    ),
)

WRITING = (
    Mutation(
        "a create of unknown outcome is made again without a search",
        "bridge/engine/recover.py",
        "    found = await look(end.container, kind, wanted, since)\n    missing",
        "    found: dict[Marker, Record] = {}\n    missing",
        "S19, I4",
        (BROKEN + "test_an_unanswered_create_on_github_is_never_repeated_blindly[lost_reply]",),
    ),
    Mutation(
        "a create is given up before its index had time",
        "bridge/engine/recover.py",
        "    return (lag + _MARGIN).total_seconds()\n",
        "    return 0.0\n",
        "S3, I4",
        (LAG + "test_a_create_without_an_answer_is_not_made_again_before_its_index_had_time[github]",),
    ),
    Mutation(
        "the intent is committed after the request",
        "bridge/engine/apply.py",
        """    ids = await run.store.run(_commit, run, [request for _, some in planned for request in some])
    sendable = [(job, [request for request in some if request.key in ids]) for job, some in planned]
    requests = [request for _, some in sendable for request in some]
    answers = await asyncio.gather(*(_send(run, each, ids[each.key]) for each in requests), return_exceptions=True)
""",
        """    ids = {request.key: 0 for _, some in planned for request in some}
    sendable = [(job, [request for request in some if request.key in ids]) for job, some in planned]
    requests = [request for _, some in sendable for request in some]
    answers = await asyncio.gather(*(_send(run, each, ids[each.key]) for each in requests), return_exceptions=True)
    await run.store.run(_commit, run, requests)
""",
        "S18, I4",
        (WHO + "test_an_intent_is_on_disk_before_its_request_leaves",),
    ),
    Mutation(
        "a create of unknown outcome counts as found out about",
        "bridge/engine/settle.py",
        "        unknown = sent.bug or isinstance(sent.error, UnknownOutcome)\n",
        "        unknown = False\n",
        "S18, I4",
        (BROKEN + "test_a_lost_answer_is_found_out_about_within_the_same_run",),
        by="KeyError",
    ),
    Mutation(
        "a write does not look at the fence",
        "bridge/engine/context.py",
        "        if not await asyncio.shield(look):\n",
        "        if not await asyncio.shield(look) and False:\n",
        "S2",
        (WHO + "test_a_run_that_loses_its_lease_before_a_request_leaves_sends_nothing",),
    ),
    Mutation(
        "what was read long ago is written on",
        "bridge/engine/apply.py",
        "        if run.age() > run.link.limits.verify_after_s:\n",
        "        if False:\n",
        "S22, I2",
        (WHO + "test_what_was_read_too_long_ago_is_read_again_before_it_is_written",),
    ),
    Mutation(
        "one refused write ends the run",
        "bridge/engine/apply.py",
        "    for kind in (AuthError, ContainerError,",
        "    for kind in (TrackerError, ContainerError,",
        "S24, I9",
        (BROKEN + "test_one_refused_item_does_not_stop_the_others",),
    ),
    Mutation(
        "the breaker never trips",
        "bridge/engine/troubles.py",
        "*past.get(pair_id, ()), *entries]) >= limit:",
        "*past.get(pair_id, ()), *entries]) < 0:",
        "S36, I10",
        ("tests/engine/test_breaker.py::test_two_bots_that_disagree_come_to_rest",),
        by="ValueError",
    ),
    Mutation(
        "a ceiling lets one more through",
        "bridge/engine/guard.py",
        "wanted > 0 and left <= 0",
        "wanted > 0 and left < 0",
        "S35, I10",
        (FIRST + "test_a_ceiling_on_creates_stops_cleanly_and_the_next_run_goes_on",),
    ),
)

DELETING = (
    Mutation(
        "what a listing lacks is gone",
        "bridge/engine/vanished.py",
        "            inbox.announce(session, sharer.link_id, where.kind, sharer.side, asked, now)\n",
        """            for pair in page:
                if pair.item_id(sharer.side) in absent:
                    note_gone(session, sharer.link_id, 0, pair, sharer.side, "not listed", now, moved=False)
""",
        "S25, I6",
        (DELETES + "test_an_item_that_cannot_be_read_is_not_gone[403]",),
    ),
    Mutation(
        "the guard lets one deletion more through",
        "bridge/engine/deletes.py",
        "    if len(ids) <= allowed and not",
        "    if len(ids) <= allowed + 1 and not",
        "S27, I6",
        (DELETES + "test_the_guard_lets_as_many_pass_as_it_says[4-guarded]",),
    ),
    Mutation(
        "the guard holds one deletion too many",
        "bridge/engine/deletes.py",
        "    if len(ids) <= allowed and not",
        "    if len(ids) < allowed and not",
        "S27",
        (DELETES + "test_the_guard_lets_as_many_pass_as_it_says[3-done]",),
    ),
    Mutation(
        "a deletion wins over an edit",
        "bridge/engine/deletes.py",
        "row.normal(side, record.fields[name]) != member.base_of(row, side):\n            return True\n",
        "row.normal(side, record.fields[name]) != member.base_of(row, side):\n            return False\n",
        "S26, I2",
        (DELETES + "test_an_edit_after_the_deletion_wins",),
    ),
    Mutation(
        "a pair that ended is forgotten",
        "bridge/engine/vanished.py",
        "    unlink(session, link_id, run_id, pair, side, why, now)\n",
        "    pairs.remove(session, [pair.id])\n",
        "S26, S28",
        (DELETES + "test_the_survivor_of_an_unlinked_pair_never_makes_a_second_item",),
    ),
)

MUTATIONS = (*BASES, *MERGING, *READING, *WRITING, *DELETING, *PARTS, *CONNECTORS, *STATE)
