"""The bugs at the edges: in the connectors and in the state. See ``planted.py``."""

from __future__ import annotations

from mutations.mutation import Mutation

FEED = "tests/connectors/test_artala_feed.py::"
ARTALA = "tests/connectors/test_artala_items.py::"
GITHUB = "tests/connectors/test_github.py::"
HOOKS = "tests/connectors/test_github_hooks.py::"

CONNECTORS = (
    Mutation(
        "GitHub's cursor is our own clock",
        "connectors/github_feed.py",
        "        until = min(latest, latest - self._overlap if ceiling is None else ceiling)\n",
        "        until = datetime.now(UTC)\n",
        "S30, I7",
        (GITHUB + "test_the_cursor_stays_the_overlap_before_the_servers_clock",),
    ),
    Mutation(
        "Artala's cursor is our own clock",
        "connectors/artala_feed.py",
        "            self._floor = date - self._overlap\n",
        "            self._floor = datetime.now(date.tzinfo)\n",
        "S30, I7",
        (FEED + "test_the_cursor_lies_an_overlap_before_the_servers_date_or_at_the_newest_task",),
    ),
    Mutation(
        "GitHub's create carries no marker",
        "connectors/github_write.py",
        "    body = issue_body(sent, marker, await _milestone(api, container, sent))\n",
        "    body = issue_body(sent, None, await _milestone(api, container, sent))\n",
        "S19, I4",
        (
            "tests/engine/test_broken_trackers.py::test_an_unanswered_create_on_github_is_never_repeated_blindly[lost_reply]",
        ),
    ),
    Mutation(
        "Artala's create carries no marker",
        "connectors/artala_write.py",
        'body |= {"boardId": board, "externalId": marker.id, "externalSource": marker.source}',
        'body |= {"boardId": board}',
        "S19, I4",
        (ARTALA + "test_a_create_carries_the_marker_and_then_needs_no_reading_for_labels",),
    ),
    Mutation(
        "a 404 of a task is evidence whatever its board says",
        "connectors/artala_item.py",
        "        if not await self._names.board_is_healthy(await self._names.board(ref.container)):\n",
        "        if False:\n",
        "S25, I6",
        (ARTALA + "test_a_missing_task_on_a_board_that_does_not_answer_proves_nothing[404]",),
        by="GoneError",
    ),
    Mutation(
        "a 404 of an issue is evidence whatever its repository says",
        "connectors/github_api.py",
        "            repo = await self.repo(container)\n        except ContainerError as unseen:\n            return ContainerError(",
        "            repo = await self.repo(container)\n        except ContainerError as unseen:\n"
        "            return GoneError(described(response), **place) or ContainerError(",
        "S25, I6",
        (GITHUB + "test_404_is_evidence_only_while_the_repository_can_be_read",),
        by="GoneError",
    ),
    Mutation(
        "a signature is checked on the body as we would write it",
        "connectors/signature.py",
        "body, sha256).hexdigest()",
        "__import__('msgspec').json.encode(__import__('msgspec').json.decode(body)), sha256).hexdigest()",
        "S32",
        (HOOKS + "test_an_issue_event_says_which_issue_with_the_repositorys_name_as_written",),
        by="SignatureError",
    ),
    Mutation(
        "a signature is not compared",
        "connectors/signature.py",
        'if not hmac.compare_digest(expected.encode(), given.encode("utf-8", "surrogateescape")):',
        "if not given:",
        "S32",
        (HOOKS + "test_the_signature_documented_by_github_is_accepted_and_a_changed_byte_is_not",),
        by="RejectedError",
    ),
)

STATE = (
    Mutation(
        "a delivery that comes again is taken again",
        "state/deliveries.py",
        "    return session.execute(stored).first() is not None\n",
        "    return session.execute(stored) is not None\n",
        "S32",
        ("tests/state/test_state_journal.py::test_a_delivery_is_accepted_once_per_connection[sqlite]",),
    ),
    Mutation(
        "a lease that another took since is as good as ours",
        "state/leases.py",
        '_link.c.fence == bindparam("b_fence")',
        '_link.c.fence >= bindparam("b_fence")',
        "S2",
        ("tests/state/test_state_leases.py::test_who_was_paused_until_another_took_the_lease_is_refused[sqlite]",),
    ),
    Mutation(
        "a row that was replaced meanwhile is settled with the older one",
        "state/inbox.py",
        '    _table.c.seq == bindparam("b_seq"),\n',
        '    bindparam("b_seq") > 0,\n',
        "S31, I2",
        (
            "tests/state/test_state_inbox.py::test_what_was_read_of_a_row_decides_nothing_about_a_newer_one[sqlite-remove]",
        ),
    ),
    Mutation(
        "a parked item is tried in each run",
        "state/inbox.py",
        "                ~parked,\n",
        "",
        "S34",
        ("tests/engine/test_broken_trackers.py::test_a_parked_item_waits_until_it_changes",),
    ),
    Mutation(
        "a transaction that fails keeps its first half",
        "state/store.py",
        """                with Session(engine, expire_on_commit=False) as session, session.begin():
                    return fn(session)
""",
        """                with Session(engine, expire_on_commit=False) as session:
                    try:
                        return fn(session)
                    finally:
                        session.commit()
""",
        "S29, I7",
        ("tests/state/test_state_store.py::test_an_exception_undoes_the_whole_transaction[sqlite]",),
    ),
    Mutation(
        "a changed configuration of a live link is taken for accepted",
        "bridge/engine/accepted.py",
        "    return changes(known, terms)\n",
        "    return ()\n",
        "I2",
        ("tests/engine/test_accepting.py::test_a_changed_row_stops_every_write_and_every_request",),
    ),
)
