"""Gipo when things go wrong: lost replies, limits, outages, half answers, keys that end; and the live check."""

from __future__ import annotations

from datetime import timedelta

import pytest
from gipo_ground import BOARD, LOOSE, MAPPED, connected, made, only
from trackers.gipo import People

from bridge.errors import (
    AuthError,
    ContainerError,
    NotFoundError,
    PermissionError_,
    RejectedError,
    RetryableError,
    UnknownOutcome,
)
from bridge.model import Ref
from connectors.pace import utc_now

TIME = {"spent_on": "2026-11-20", "seconds": 60, "note": "x"}


@pytest.fixture
def people():
    with People() as here:
        yield here


@pytest.mark.parametrize("fault", ["lost_reply", "accepted_error", "cut_body"])
async def test_a_lost_answer_to_a_create_is_asked_for_again_with_the_same_key(people, fault):
    people.box.fault(fault, method="POST", path="/tasks$")
    async with connected(people) as gipo:
        known = await made(gipo, {"title": "New"})

        assert list(people.tasks()) == [known.ref.id]
        assert people.box.counts.by_route["POST /api/v1/tasks"] == 2


async def test_a_create_that_is_never_answered_is_unknown(people):
    people.box.fault("lost_reply", method="POST", path="/tasks$", times=-1)
    async with connected(people) as gipo:
        with pytest.raises(UnknownOutcome):
            await made(gipo, {"title": "New"})
        assert len(people.tasks()) == 1


async def test_a_refusal_after_a_lost_answer_does_not_say_that_nothing_was_made(people):
    people.box.fault("lost_reply", method="POST", path="/tasks$")
    people.box.fault("status", method="POST", path="/tasks$", status=403, after=1)
    async with connected(people) as gipo:
        with pytest.raises(UnknownOutcome):
            await made(gipo, {"title": "New"})


async def test_what_is_made_anew_within_a_day_with_other_values_is_made(people):
    """Gipo refuses a key that came with another body: an entry that moved to another task was lost."""
    async with connected(people) as gipo:
        first = await made(gipo, {"title": "New"})
        people.delete(first.ref.id)
        await made(gipo, {"title": "Other"})
        assert [row["title"] for row in people.tasks().values()] == ["Other"]


async def test_an_answer_of_before_about_what_was_deleted_since_is_not_taken(people):
    async with connected(people) as gipo:
        for _ in range(3):
            record = await made(gipo, {"title": "New"})
            assert list(people.tasks()) == [record.ref.id]
            people.delete(record.ref.id)


async def test_a_lost_answer_to_an_update_is_unknown(people):
    async with connected(people) as gipo:
        known = await made(gipo, {"title": "New"})
        people.box.fault("lost_reply", method="PATCH")
        with pytest.raises(UnknownOutcome):
            await gipo.update(known.ref, gipo.steps("task", {"title"}, creating=False)[0], {"title": "X"}, known)


async def test_time_is_logged_once_whatever_becomes_of_the_answer(people):
    task = people.create("One")
    people.box.fault("lost_reply", method="POST", path="/time-entries$")
    async with connected(people) as gipo:
        known = await made(gipo, {**TIME, "task": task}, "time_entry")
        assert list(people.times()) == [known.ref.id]


async def test_a_limit_is_waited_for(people):
    people.create("One")
    people.box.fault("rate_limited", retry_after=1)
    async with connected(people) as gipo:
        assert len((await only(gipo)).records) == 1


async def test_an_outage_is_asked_through_and_then_told(people):
    people.create("One")
    people.box.fault("status", status=503, times=2)
    async with connected(people) as gipo:
        assert len((await only(gipo)).records) == 1
        people.box.fault("status", status=500, times=-1)
        with pytest.raises(RetryableError):
            await only(gipo)


async def test_half_a_board_is_compared_with_the_list_at_first(people):
    people.box.seed(generate=10)
    people.box.fault("half_page", path="/workspaces/", times=2)
    async with connected(people) as gipo:
        assert len((await only(gipo)).records) == 10


async def test_half_a_board_later_proves_no_task_gone(people):
    people.box.seed(generate=10)
    async with connected(people) as gipo:
        full = await only(gipo)
        people.box.fault("half_page", path="/workspaces/")
        half = await only(gipo, full.cursor)
        missing = {one.ref for one in full.records} - {one.ref for one in half.records}

        assert len(missing) == 5
        for ref in missing:
            assert (await gipo.fetch(ref, fields=MAPPED)).ref == ref


async def test_an_empty_board_is_no_evidence(people):
    people.create("One")
    async with connected(people) as gipo:
        cursor = (await only(gipo)).cursor
        people.box.fault("empty_listing", path="/workspaces/")
        page = await only(gipo, cursor)
        assert (page.records, page.complete, page.quiet) == ((), False, False)


async def test_a_late_board_shows_the_change_on_a_later_poll(people):
    item = people.create("One")
    async with connected(people) as gipo:
        cursor = (await only(gipo)).cursor
        people.edit(item, title="Renamed")
        people.box.fault("stale", path="/workspaces/", changes=1)
        late = await only(gipo, cursor)
        assert late.quiet
        assert [one.fields["title"] for one in (await only(gipo, late.cursor)).records] == ["Renamed"]


async def test_an_expired_key_stops_the_connection(people):
    people.box.act("expire", token=people.box.token())
    async with connected(people) as gipo:
        with pytest.raises(AuthError) as refused:
            await only(gipo)
        assert "expires" in refused.value.hint
        assert people.box.token() not in str(refused.value)


async def test_a_refused_board_is_a_matter_of_the_container_and_a_refused_task_of_the_task(people):
    item = people.create("One")
    ref = Ref("gipo", BOARD, "task", item)
    async with connected(people) as gipo:
        people.box.fault("permission_lost", path="/workspaces/", times=1)
        with pytest.raises(ContainerError):
            await only(gipo)
        current = await gipo.fetch(ref, fields=MAPPED)
        [step] = gipo.steps("task", {"title"}, creating=False)
        people.box.fault("permission_lost", method="PATCH")
        with pytest.raises(PermissionError_):
            await gipo.update(ref, step, {"title": "X"}, current)
        people.box.fault("permission_lost", method="PATCH", status=404)
        with pytest.raises(NotFoundError):
            await gipo.update(ref, step, {"title": "X"}, current)


async def test_a_value_that_is_refused_parks_the_item(people):
    async with connected(people) as gipo:
        with pytest.raises(RejectedError):
            await made(gipo, {"title": "x" * 301})


async def test_a_cursor_of_another_time_means_a_full_listing(people):
    people.create("One")
    async with connected(people) as gipo:
        for cursor in ("", "nonsense", '{"v":9}'):
            for kind in ("task", "time_entry"):
                assert not (await only(gipo, cursor, kind)).quiet


# --- the live check


def said(findings, level):
    return " ".join(f"{one.what} {one.hint}" for one in findings if one.level == level)


async def test_a_check_of_what_is_right_has_no_complaint(people):
    maps = {
        "status": ["Pending", "Done"],
        "labels": ["bug"],
        "assignees": ["ann@example.com"],
        "priority": ["high"],
        "type": ["Defect"],
    }
    async with connected(people, key_user="bridge@example.com", key_expires_on="2099-01-01") as gipo:
        found = await gipo.check(BOARD, "task", ["create", "update"], maps)
        assert {one.level for one in found} == {"ok", "warning"}
        assert said(found, "warning").startswith("Gipo notifies and mails everybody whom Bridge assigns.")
        assert "A task's tags are written as tagIds." in said(found, "ok")
        assert people.writes() == 0


async def test_a_check_names_what_is_not_there(people):
    maps = {
        "status": ["Review"],
        "labels": ["new"],
        "assignees": ["eve@example.com"],
        "type": ["X"],
        "priority": ["none"],
    }
    async with connected(people, push_assignees=False) as gipo:
        found = await gipo.check(BOARD, "task", ["create", "update", "delete"], maps)
        errors, warnings = said(found, "error"), said(found, "warning")
        for words in ('stage "Review"', 'e-mail "eve@example.com"', 'type "X"', 'priority "none"', "may not delete"):
            assert words in errors
        for words in ('tag "new"', "create it in the dashboard", "whose API key"):
            assert words in warnings


async def test_a_check_looks_at_the_role_and_the_end_of_the_key(people):
    soon = (utc_now() + timedelta(days=3)).date()
    async with connected(people, key_user="bob@example.com", key_expires_on=soon) as gipo:
        warnings = said(await gipo.check(BOARD, "task", [], {}), "warning")
        assert "bob@example.com has the role member" in warnings
        assert "expires on" in warnings
    async with connected(people, key_user="eve@example.com", key_expires_on="2020-01-01") as gipo:
        errors = said(await gipo.check(BOARD, "task", [], {}), "error")
        assert "is no member" in errors
        assert "has expired" in errors


async def test_a_check_settles_what_the_documents_leave_open():
    with People(assignee_field="people", tag_field="tagIds", subject_max=100, time_user_field="userId") as people:
        async with connected(people, tag_field="tags") as gipo:
            warnings = said(await gipo.check(BOARD, "task", ["create"], {}), "warning")
            assert "names no assignees" in warnings
            assert "knows no tags (tag_field)" in warnings
            assert "allows 100 characters in subject" in warnings
            assert 'Set time_user_field = "userId"' in said(await gipo.check(BOARD, "time_entry", [], {}), "ok")
        people.box.set(has_openapi=False)
        async with connected(people) as gipo:
            assert "no openapi.json" in said(await gipo.check(BOARD, "task", [], {}), "warning")


async def test_a_check_warns_of_a_board_without_a_finalizing_stage_and_of_equal_stages(people):
    people.box.store.stages["x"] = next(iter(people.box.store.stages_of(LOOSE)))
    async with connected(people) as gipo:
        warnings = said(await gipo.check(LOOSE, "task", [], {"status": ["Finalized"]}), "warning")
        assert "no finalizing stage" in warnings
        assert "the same name" in warnings


async def test_a_check_says_in_whose_name_time_is_logged(people):
    async with connected(people) as gipo:
        assert "own user" in said(await gipo.check(BOARD, "time_entry", ["create"], {}), "warning")
    async with connected(people, person_keys=f"bob@example.com {people.box.token('bob')}") as gipo:
        found = await gipo.check(BOARD, "time_entry", ["create"], {"person": ["bob@example.com", "carol@example.com"]})
        assert "no key of carol@example.com" in said(found, "warning")


async def test_a_check_tells_a_wrong_key_and_a_wrong_board(people):
    async with connected(people, token="ba_wrong") as gipo:
        [error] = [one for one in await gipo.check(BOARD, "task", [], {}) if one.level == "error"]
        assert "401" in error.what
    async with connected(people) as gipo:
        assert "no workspace 'Nowhere'" in said(await gipo.check("Nowhere", "task", [], {}), "error")
