"""The Workestra connector: lists without a filter for changes, pages by number, and what a quiet poll costs."""

from __future__ import annotations

import hashlib
import hmac
import json

import pytest
from pydantic import SecretStr
from workestra_desk import MARKER, PROJECT, desk

from bridge import errors
from bridge.model import Marker
from connectors.base import Hint
from connectors.workestra_hooks import verify

LISTS = "GET /api/v1/issues"
MANY = 230


def lists(w):
    return w.box.counts.by_route[LISTS]


async def spent(w, doing):
    before = lists(w)
    return await doing, lists(w) - before


def titles(pages):
    return [record.fields["title"] for page in pages for record in page.records]


async def proven(w, count=MANY):
    """A large project with the cursor of a connector that saw the list obey the order of changes."""
    w.box.seed(generate=count)
    w.people.edit("task_000001", title="First, edited")
    return (await w.pulled())[-1].cursor


async def test_a_quiet_project_costs_one_request_and_keeps_its_cursor():
    async with desk() as w:
        w.people.create("One")
        first = await w.page()
        second, requests = await spent(w, w.page(first.cursor))

        assert (first.complete, first.quiet, titles([first])) == (True, False, ["One"])
        assert (second.quiet, second.records, second.cursor, requests) == (True, (), first.cursor, 1)


async def test_an_empty_project_is_quiet_and_no_evidence_of_anything():
    async with desk() as w:
        page = await w.page()

        assert (page.records, page.last, page.quiet, page.complete) == ((), True, True, False)


async def test_any_change_hands_on_all_tasks_as_a_complete_listing():
    async with desk() as w:
        one, two = w.people.create("One"), w.people.create("Two")
        cursor = (await w.page()).cursor
        w.people.edit(two, labels={"bug"})
        edited = await w.page(cursor)
        w.people.delete(one)
        less = await w.page(edited.cursor)

        assert (titles([edited]), edited.complete) == (["One", "Two"], True)
        assert (titles([less]), less.complete, less.quiet) == (["Two"], True, False)


async def test_a_change_that_moves_no_time_is_seen_all_the_same():
    async with desk(settings={"shows_updated_at": False}) as w:
        task = w.people.create("One")
        cursor = (await w.page()).cursor
        w.people.edit(task, custom_fields={"client_name": "Acme"})

        assert [record.fields["custom.client_name"] for record in (await w.page(cursor)).records] == ["Acme"]


@pytest.mark.parametrize(("count", "rows", "requests"), [("total", 99, 1), ("total", 100, 2), ("total", 101, 2),
                                                         ("page", 99, 1), ("page", 100, 2), ("page", 200, 3), ("total", 200, 2)])  # fmt: skip
async def test_a_walk_ends_right_whatever_count_means(count, rows, requests):
    async with desk(settings={"count": count}, sort_by_change="never") as w:
        w.box.seed(generate=rows)

        pages, asked = await spent(w, w.pulled())

        assert (len(set(titles(pages))), asked, pages[-1].complete) == (rows, requests, True)
        assert [page.last for page in pages] == [False] * (len(pages) - 1) + [True]


async def test_a_listing_that_stops_in_the_middle_is_read_again_from_the_beginning():
    async with desk(sort_by_change="never") as w:
        w.box.seed(generate=150)
        pages = await w.pulled()

        assert (await w.pulled(pages[0].cursor))[-1].complete
        assert len(titles(await w.pulled(pages[0].cursor))) == 150


async def test_half_a_page_is_noticed_by_the_count_and_read_again():
    async with desk() as w:
        w.box.seed(generate=10)
        w.box.fault("half_page", path="/issues")

        page = await w.page()

        assert (len(page.records), page.complete) == (10, True)


async def test_a_list_that_never_gives_what_it_counts_is_no_complete_one_and_never_quiet():
    async with desk() as w:
        w.box.seed(generate=10)
        w.box.fault("half_page", path="/issues", times=-1)

        page = await w.page()
        again = await w.page(page.cursor)

        assert (len(page.records), page.complete, again.quiet, len(again.records)) == (5, False, False, 5)


async def test_a_task_that_leaves_during_the_walk_hides_no_other():
    async with desk(sort_by_change="never") as w:
        w.box.seed(generate=150)
        w.box.fault("meanwhile", path="/issues", after=1, deed={"act": {"do": "purge", "task": "task_000003"}})

        pages = await w.pulled()

        assert len(set(titles(pages))) == 149
        assert pages[-1].complete


async def test_a_list_that_was_empty_by_mistake_is_no_evidence_and_heals():
    async with desk() as w:
        w.people.create("One")
        cursor = (await w.page()).cursor
        w.box.fault("empty_listing", path="/issues")
        nothing = await w.page(cursor)

        assert (nothing.records, nothing.complete) == ((), False)
        assert titles([await w.page(nothing.cursor)]) == ["One"]


async def test_a_filter_that_is_not_obeyed_lets_no_other_project_in():
    async with desk(settings={"filters_project": False}) as w:
        w.people.create("Ours")
        w.box.seed(project="proj_ops", tasks=[{"title": "Theirs"}])

        assert titles([await w.page()]) == ["Ours"]


@pytest.mark.parametrize("cursor", ["", "nonsense", '{"v":9,"digest":"x"}', '{"since":"2026"}', "[]"])
async def test_a_cursor_that_is_not_ours_means_the_beginning(cursor):
    async with desk() as w:
        w.people.create("One")

        assert titles([await w.page(cursor)]) == ["One"]


# ------------------------------------------------------------------------------------- the newest changes of large ones


async def test_a_large_project_is_quiet_for_one_request_once_its_order_was_seen():
    async with desk() as w:
        cursor = await proven(w)
        page, requests = await spent(w, w.page(cursor))

        assert (page.quiet, page.records, page.cursor, requests) == (True, (), cursor, 1)


async def test_of_a_large_project_only_the_changed_tasks_are_handed_on():
    async with desk() as w:
        cursor = await proven(w)
        w.people.edit("task_000007", title="Seven")
        new = w.people.create("New")
        page, requests = await spent(w, w.page(cursor))
        quiet = await w.page(page.cursor)

        assert ({record.ref.id for record in page.records}, requests, page.complete) == ({"task_000007", new}, 1, False)
        assert quiet.quiet


async def test_a_deletion_in_a_large_project_shows_in_the_count_and_all_is_read():
    async with desk() as w:
        cursor = await proven(w)
        w.people.delete("task_000009")
        pages = await w.pulled(cursor)

        assert (len(titles(pages)), pages[-1].complete) == (MANY - 1, True)


async def test_a_task_that_the_list_shows_in_the_trash_is_a_hint_once():
    async with desk(settings={"trash": "marked"}) as w:
        cursor = await proven(w)
        w.people.delete("task_000009")
        page, requests = await spent(w, w.page(cursor))
        quiet = await w.page(page.cursor)

        assert (page.gone, page.records, page.quiet, requests) == (("task_000009",), (), False, 1)
        assert (quiet.gone, quiet.quiet) == ((), True)
        w.box.act("restore", task="task_000009")
        assert [record.ref.id for record in (await w.page(quiet.cursor)).records] == ["task_000009"]


async def test_a_sweep_reads_all_of_a_large_project():
    async with desk() as w:
        pages = await w.pulled(await proven(w), sweep=True)

        assert (len(titles(pages)), pages[-1].quiet) == (0, True)
        w.people.edit("task_000007", title="Seven")
        assert len(titles(await w.pulled(pages[-1].cursor, sweep=True))) == MANY


async def test_an_order_that_is_ignored_is_never_trusted():
    async with desk(settings={"sorts_updated": False}) as w:
        cursor = await proven(w)
        w.people.edit("task_000007", title="Seven")
        pages, requests = await spent(w, w.pulled(cursor))

        assert json.loads(cursor)["sorts"] == "no"
        assert ("Seven" in titles(pages), len(titles(pages)), requests) == (True, MANY, 3)


async def test_an_order_that_no_task_tells_apart_is_asked_for_again():
    async with desk() as w:
        w.box.seed(generate=150)
        cursor = (await w.pulled())[-1].cursor

        assert "sorts" not in json.loads(cursor)
        w.people.edit("task_000001", title="First, edited")
        assert json.loads((await w.pulled(cursor))[-1].cursor)["sorts"] == "yes"


async def test_an_order_that_is_lost_leads_back_to_the_whole_walk():
    async with desk() as w:
        cursor = await proven(w)
        w.box.set(sorts_updated=False)
        w.people.edit("task_000007", title="Seven")
        pages = await w.pulled(cursor)

        assert "Seven" in titles(pages)
        assert json.loads(pages[-1].cursor)["sorts"] == "no"


async def test_half_a_page_of_changes_leads_back_to_the_whole_walk():
    async with desk() as w:
        cursor = await proven(w)
        w.people.edit("task_000007", title="Seven")
        w.box.fault("half_page", path="/issues")

        assert len(titles(await w.pulled(cursor))) == MANY


async def test_a_task_is_found_by_its_marker_without_reading_what_is_older_than_the_cursor():
    async with desk() as w:
        w.box.seed(generate=MANY)
        cursor = (await w.pulled())[-1].cursor
        made = await w.create()
        found, requests = await spent(w, w.it.find(PROJECT, "task", [MARKER], cursor))

        assert (found[MARKER].ref, requests) == (made.ref, 1)
        assert await w.it.find(PROJECT, "task", [Marker("github", "x#1")], None) == {}


async def test_a_marker_in_the_text_is_found_as_well_as_one_in_its_field():
    async with desk() as w:
        w.box.fault("status", method="PATCH", times=-1)
        made = await w.create()

        assert (await w.page()).records[0].marker == MARKER
        assert (await w.it.find(PROJECT, "task", [MARKER], None))[MARKER].ref == made.ref


# --------------------------------------------------------------------------------------------------------- webhooks

SECRET = SecretStr("hook-secret")


def delivered(body, secret=SECRET, **headers):
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    signed = "sha256=" + hmac.new(SECRET.get_secret_value().encode(), raw, hashlib.sha256).hexdigest()
    return verify({"x-workestra-signature": signed, **headers}, raw, secret)


def event(type_, **data):
    return {"id": "evt_1", "type": type_, "created_at": "2026-11-21T09:30:00Z", "workspace_id": "ws_1", "data": data}


@pytest.mark.parametrize("type_", ["task.created", "task.status_changed", "task.deleted", "task.something_new"])
def test_a_signed_event_is_a_hint_to_look_at_its_task(type_):
    delivery = delivered(event(type_, task_id="task_1", project_id="proj_web", title="One"))

    assert (delivery.id, delivery.event, delivery.hints) == ("evt_1", type_, (Hint("proj_web", "task", "task_1"),))


@pytest.mark.parametrize("body", [event("project.updated", project_id="p"), event("cycle.started"),
                                  event("task.comment_added", task_id="task_1", project_id="p"), {"id": "evt_2"}])  # fmt: skip
def test_other_events_are_taken_and_hint_at_nothing(body):
    assert delivered(body).hints == ()


def test_an_event_without_an_id_is_the_same_when_it_comes_again():
    assert delivered({"type": "task.updated"}).id == delivered({"type": "task.updated"}).id != ""


@pytest.mark.parametrize("headers", [{"x-workestra-signature": "sha256=00"}, {"x-workestra-signature": ""}])
def test_an_event_that_nobody_we_know_has_signed_is_refused(headers):
    with pytest.raises(errors.SignatureError, match="X-Workestra-Signature"):
        delivered(event("task.created"), **headers)


def test_without_a_secret_no_event_is_taken():
    with pytest.raises(errors.SignatureError, match="no webhook_secret"):
        delivered(event("task.created"), secret=None)


def test_a_signed_body_that_is_no_event_is_refused():
    with pytest.raises(errors.RejectedError, match="cannot be read"):
        delivered(b"[1]")


async def test_what_the_sandbox_signs_is_taken():
    async with desk(webhook_secret="hook-secret") as w:
        w.box.tracker.outgoing.aim("http://127.0.0.1:9/", "hook-secret", mode="never")
        task = w.people.create("One")
        [sent] = w.box.tracker.outgoing.deliveries
        headers = {name.lower(): value for name, value in sent.headers.items()}

        assert w.it.verify(headers, sent.body).hints == (Hint(PROJECT, "task", task),)
