"""Comments and time of Artala through the connector."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import pytest
from trackers.artala import People
from trackers.between import Between

from bridge.config.loader import load
from bridge.errors import (
    AuthError,
    ContainerError,
    GoneError,
    NotFoundError,
    PermissionError_,
    RateLimited,
    RejectedError,
    RetryableError,
    UnknownOutcome,
)
from bridge.model import Fields, Marker, Record, Ref
from bridge.wiring import Bridge
from connectors.artala import Artala
from connectors.artala_config import ArtalaConfig
from connectors.base import Hint, Page
from connectors.pace import Retry

BOARD = People.container
MARKER = Marker("github", "acme/app#12")
HOUR = 3600
NOBODY = "00000000-0000-4000-8000-000000000000"


@dataclass
class Scene:
    """``artala`` is the connector, ``people`` the others."""

    people: People
    artala: Artala

    @property
    def box(self) -> Any:
        return self.people.box

    async def pull(self, kind: str, cursor: str | None = None, *, sweep: bool = False) -> list[Page]:
        return [page async for page in self.artala.pull(BOARD, kind, cursor, fields=frozenset(), sweep=sweep)]

    async def poll(self, kind: str, cursor: str | None = None, *, sweep: bool = False) -> Page:
        [page] = await self.pull(kind, cursor, sweep=sweep)
        return page

    async def seen(self, item: str, kind: str) -> Record:
        return await self.artala.fetch(Ref("plan", BOARD, kind, item), fields=frozenset())

    async def make(self, kind: str, marker: Marker = MARKER, **fields: Any) -> Record:
        return await self.artala.create(BOARD, kind, fields, marker, key="k")

    async def log(self, task: str, marker: Marker = MARKER, **more: Any) -> Record:
        fields = {"task": task, "spent_on": "2026-11-19", "seconds": HOUR, **more}
        return await self.make("time_entry", marker, **fields)

    async def write(self, known: Record, changes: Fields) -> Record:
        [step] = self.artala.steps(known.ref.kind, changes, creating=False)
        return await self.artala.update(known.ref, step, changes, known)

    def requests(self) -> int:
        return self.artala.usage().requests


async def _at_once(_seconds: float) -> None:
    return None


@asynccontextmanager
async def scene(who: str = "bridge", settings: dict[str, Any] | None = None, **config: Any) -> AsyncIterator[Scene]:
    with People(**(settings or {})) as people:
        given = {"base_url": people.box.url, "token": people.box.token(who), "requests_per_minute": 0, **config}
        artala = Artala("plan", ArtalaConfig(**given), retry=Retry(sleep=_at_once))
        await artala.check(BOARD, "task", [], {"assignee": []})  # who is on the team is known from here on
        try:
            yield Scene(people, artala)
        finally:
            await artala.aclose()


@pytest.fixture
async def at() -> AsyncIterator[Scene]:
    async with scene() as at:
        yield at


def bodies(page: Page) -> list[Any]:
    return [record.fields["body"] for record in page.records]


def settled(at: Scene) -> None:
    """What happens from here on is later than every overlap."""
    at.box.clock.advance(3600)


# --- comments: reading ------------------------------------------------------------------------------------------------


async def test_a_comment_is_read_with_its_author_and_written_with_its_marker(at):
    task = at.people.create("T")
    theirs = at.people.comment(task, "Looks *good*")
    made = await at.make("comment", task=task, body="**bob** said:\n\nyes")

    page = await at.poll("comment")

    assert [(one.ref.id, one.fields["task"], one.fields["body"], one.marker) for one in page.records] == [
        (theirs, task, "Looks *good*", None),
        (made.ref.id, task, "**bob** said:\n\nyes", MARKER),
    ]
    assert [one.fields["author"] for one in page.records] == ["alice@example.com", "bridge@example.com"]
    assert await at.seen(made.ref.id, "comment") == page.records[1] == made
    assert at.people._comments(task)[made.ref.id]["content"].endswith("\n\n[bridge:v1 github acme/app%2312]")


async def test_replies_are_comments_too(at):
    task = at.people.create("T")
    first = at.people.comment(task, "first").partition("/")[2]
    reply = at.people._ask("POST", "comments", {"taskId": task, "content": "reply", "parentCommentId": first})
    at.people._ask("POST", "comments", {"taskId": task, "content": "deeper", "parentCommentId": reply["id"]})

    assert bodies(await at.poll("comment")) == ["first", "reply", "deeper"]


async def test_what_bridge_asks_on_a_task_is_no_comment_of_its_own(at):
    task = at.people.create("T")
    asked = await at.artala.comments.post(Ref("plan", BOARD, "task", task), "Which one?", key="c 1")
    await at.make("comment", task=task, body="A copy")

    assert bodies(await at.poll("comment")) == ["A copy"]
    heard = await at.artala.comments.read(Ref("plan", BOARD, "task", task))
    assert {(one.text, one.key) for one in heard} == {("Which one?", "c 1"), ("A copy", None)}
    with pytest.raises(NotFoundError):
        await at.seen(f"{task}/{asked.id}", "comment")


async def test_a_quiet_board_costs_one_request_for_its_comments(at):
    at.people.comment(at.people.create("T"), "said")
    settled(at)
    cursor = (await at.poll("comment", (await at.poll("comment")).cursor)).cursor
    before = at.requests()

    page = await at.poll("comment", cursor)

    assert (page.quiet, page.cursor, at.requests() - before) == (True, cursor, 1)


async def test_the_comments_of_a_task_that_changed_are_read_by_the_next_poll(at):
    one, other = at.people.create("One"), at.people.create("Other")
    at.people.comment(one, "old")
    settled(at)
    cursor = (await at.poll("comment")).cursor
    at.people.comment(one, "new")
    at.people.comment(other, "unseen as yet")
    at.people.edit(one, title="Renamed")
    before = at.requests()

    page = await at.poll("comment", cursor)

    assert (bodies(page), at.requests() - before) == (["old", "new"], 2)
    assert (await at.poll("comment", page.cursor)).quiet


async def test_a_round_reads_the_comments_of_all_tasks_a_few_a_poll():
    async with scene(comments_every=2, comments_per_poll=2) as at:
        tasks = [at.people.create(f"T{number}") for number in range(5)]
        settled(at)
        cursor = (await at.poll("comment")).cursor
        for task in tasks:
            at.people.comment(task, "new")
        found, asked = [], []
        for sweep in (True, True, False, False, False):
            before = at.requests()
            page = await at.poll("comment", cursor, sweep=sweep)
            cursor = page.cursor
            found.append([record.fields["task"] for record in page.records])
            asked.append(at.requests() - before)

        assert [len(one) for one in found] == [0, 2, 2, 1, 0]
        assert sorted(task for part in found for task in part) == sorted(tasks)
        assert asked == [1, 1 + 1 + 2, 1 + 1 + 2, 1 + 1 + 1, 1]


async def test_a_round_passes_tasks_of_one_moment():
    async with scene(comments_every=1, comments_per_poll=2) as at:
        rows = [{"id": f"{NOBODY[:-1]}{n}", "title": f"T{n}", "updated_at": "2026-01-01T00:00:00Z"} for n in range(5)]
        at.box.seed(tasks=rows)
        cursor = (await at.poll("comment")).cursor
        for row in rows:
            at.people.comment(row["id"], "new")
        found = []
        for sweep in (True, False, False):
            page = await at.poll("comment", cursor, sweep=sweep)
            cursor, found = page.cursor, found + [record.fields["task"] for record in page.records]

        assert found == [row["id"] for row in rows]


async def test_tasks_that_bridge_made_are_not_asked_for_comments_at_once(at):
    cursor = (await at.poll("comment")).cursor
    for number in range(3):
        await at.make("task", Marker("github", f"acme/app#{number}"), title=f"T{number}")
    before = at.requests()

    await at.poll("comment", cursor)

    assert at.requests() - before == 1


async def test_comments_that_move_their_task_need_no_round():
    async with scene(settings={"touch_on_comments": True}, comments_move_updated=True, comments_every=1) as at:
        tasks = [at.people.create(f"T{number}") for number in range(3)]
        settled(at)
        cursor = (await at.poll("comment")).cursor
        at.people.comment(tasks[1], "new")
        before = at.requests()
        page = await at.poll("comment", cursor, sweep=True)
        assert (bodies(page), at.requests() - before) == (["new"], 2)
        at.people.comment(tasks[1], "in the same second")
        again = await at.poll("comment", page.cursor, sweep=True)
        assert bodies(again) == ["new", "in the same second"]


async def test_a_deleted_comment_is_hinted_at_and_gone_with_evidence():
    async with scene(comments_every=1) as at:
        task = at.people.create("T")
        kept, lost = at.people.comment(task, "kept"), at.people.comment(task, "lost")
        settled(at)
        full = await at.poll("comment")
        at.people.delete_comment(task, lost)

        page = await at.poll("comment", full.cursor, sweep=True)

        assert ([one.ref.id for one in page.records], page.gone, page.quiet) == ([kept], (lost,), False)
        with pytest.raises(GoneError):
            await at.seen(lost, "comment")


async def test_comments_of_tasks_that_left_the_board_are_hinted_at_once():
    async with scene(comments_every=1) as at:
        moved, archived = at.people.create("Moved"), at.people.create("Archived")
        on_moved, on_archived = at.people.comment(moved, "a"), at.people.comment(archived, "b")
        settled(at)
        full = await at.poll("comment")
        at.people._ask("POST", f"tasks/{moved}/move-to-board", {"targetBoardId": People.second_container})
        at.box.act("archive", task=archived)

        page = await at.poll("comment", full.cursor, sweep=True)

        assert page.gone == tuple(sorted([on_moved, on_archived]))
        assert (await at.poll("comment", page.cursor, sweep=True)).gone == ()
        with pytest.raises(GoneError) as told:
            await at.seen(on_moved, "comment")
        assert told.value.moved_to == People.second_container
        assert (await at.seen(on_archived, "comment")).fields["body"] == "b"


async def test_a_first_listing_comes_in_pages_and_goes_on_where_it_was_cut_off(at):
    at.box.seed(generate=60)
    order = [task for _, task in at.box.store.by_update]
    first, last = at.people.comment(order[0], "a"), at.people.comment(order[-1], "b")

    pages = await at.pull("comment")
    before = at.requests()
    resumed = await at.pull("comment", pages[0].cursor)

    assert [[one.ref.id for one in page.records] for page in pages] == [[first], [], [last]]
    assert [page.complete for page in pages] == [False, False, True]
    assert [one.ref.id for page in resumed for one in page.records] == [last]
    assert (resumed[-1].complete, at.requests() - before) == (False, 36)
    assert (await at.poll("comment", resumed[-1].cursor)).quiet


# --- comments: writing ------------------------------------------------------------------------------------------------


async def test_a_comment_is_edited_with_one_request_and_keeps_its_marker(at):
    task = at.people.create("T")
    made = await at.make("comment", task=task, body="a")
    before = at.requests()

    answer = await at.write(made, {"body": "b"})

    assert at.requests() - before == 1
    held = await at.seen(made.ref.id, "comment")
    assert (answer.fields["body"], held.fields["body"], held.marker) == ("b", "b", MARKER)
    assert held.version != made.version


async def test_a_comment_with_replies_is_not_deleted():
    for allowed in (False, True):
        async with scene(delete_replies=allowed) as at:
            task = at.people.create("T")
            made = await at.make("comment", task=task, body="a")
            parent = made.ref.id.partition("/")[2]
            at.people._ask("POST", "comments", {"taskId": task, "content": "reply", "parentCommentId": parent})
            if allowed:
                await at.artala.delete(made.ref)
                with pytest.raises(GoneError):
                    await at.artala.delete(made.ref)
            else:
                with pytest.raises(RejectedError, match="1 replies"):
                    await at.artala.delete(made.ref)
            assert len(at.people.comments(task)) == (0 if allowed else 2)


async def test_a_comment_that_is_too_long_or_on_no_task_is_not_sent(at):
    task = at.people.create("T")
    with pytest.raises(RejectedError, match="too long"):
        await at.make("comment", task=task, body="x" * 4000)
    with pytest.raises(RejectedError, match="no id of a comment"):
        await at.seen("x/../y", "comment")
    with pytest.raises(GoneError):
        await at.make("comment", task=NOBODY, body="x")
    limit = (await at.artala.schema(BOARD, "comment", fields=frozenset())).fields["body"].max_length
    await at.make("comment", Marker("artala-of-us", f"{BOARD}#{task}/{task}"), task=task, body="x" * limit)


async def test_a_member_may_edit_only_what_is_its_own_and_not_for_long():
    async with scene(who="bob") as at:
        task = at.people.create("T")
        theirs = await at.seen(at.people.comment(task, "hers"), "comment")
        mine = await at.make("comment", task=task, body="mine")
        await at.write(mine, {"body": "mine, better"})

        for known in (theirs, mine):
            at.box.clock.advance(0 if known is theirs else 90_000)
            with pytest.raises(PermissionError_, match="Owner or Admin"):
                await at.write(known, {"body": "no"})


async def test_a_comment_whose_answer_was_lost_is_found_on_its_task(at):
    tasks = [at.people.create(f"T{number}") for number in range(4)]
    at.box.fault("lost_reply", method="POST", path="/api/comments")
    with pytest.raises(UnknownOutcome):
        await at.make("comment", task=tasks[1], body="said")
    before = at.requests()

    found = await at.artala.find(BOARD, "comment", {MARKER}, None)

    assert (found[MARKER].fields["body"], at.requests() - before) == ("said", 1)


async def test_another_process_finds_a_comment_by_its_marker_wherever_it_is(at):
    tasks = [at.people.create(f"T{number}") for number in range(4)]
    made = await at.make("comment", task=tasks[1], body="said")

    found = await at.artala.find(BOARD, "comment", {MARKER, Marker("github", "no#1")}, None)

    assert {mark: record.ref for mark, record in found.items()} == {MARKER: made.ref}


# --- comments: webhooks -----------------------------------------------------------------------------------------------


def test_a_webhook_of_a_comment_names_it():
    artala = Artala("plan", ArtalaConfig(verify_signature=False))
    comment = "00000000-0000-4000-8000-000000000001"

    def hints(event: str, **data: Any) -> list[Hint]:
        body = json.dumps({"event": event, "data": data}).encode()
        return list(artala.verify({"x-artala-event": event}, body).hints)

    task, named = Hint("", "task", NOBODY), Hint("", "comment", f"{NOBODY}/{comment}")
    assert hints("comment.created", id=comment, taskId=NOBODY, content="Hello") == [task, named]
    assert hints("comment.deleted", id=comment, taskId=NOBODY) == [task, named]
    assert hints("comment.updated", commentId=comment, taskId=NOBODY) == [task, named]
    assert hints("comment.updated", comment={"id": comment, "taskId": NOBODY}) == [named]
    assert hints("comment.created", id=comment, taskId=NOBODY, content="Which?\n\n[bridge:c1]") == [task]
    assert hints("comment.created", taskId=NOBODY) == [task]
    assert hints("task.updated", id=NOBODY) == [task]


async def test_a_comment_that_a_webhook_names_is_synced_without_a_round(tmp_path):
    with Between(tmp_path, "artala", "github") as world:
        here, there = world.left, world.right
        here.create("T", description=None)
        await world.settle()
        file = tmp_path / "bridge.toml"
        file.write_text(file.read_text().replace("comments_every = 1", "comments_every = 99\nverify_signature = false"))
        [(task, partner)] = world.pairs()
        comment = here.comment(task, "said")
        told = {"id": comment.partition("/")[2], "taskId": task}

        async def texts(event: str) -> list[str]:
            if event:
                async with Bridge.open(load(file)) as bridge:
                    headers = {"x-artala-event": event, "x-artala-delivery": event}
                    await bridge.deliver("left", headers, json.dumps({"event": event, "data": told}).encode())
            await world.sync(sweep=False)
            return [row["text"].rpartition("\n")[2] for row in there.comments(partner).values()]

        assert await texts("") == []
        assert await texts("comment.created") == ["said"]
        here.edit_comment(task, comment, "said better")
        assert await texts("comment.updated") == ["said better"]
        here.delete_comment(task, comment)
        assert await texts("comment.deleted") == []


# --- time: reading ----------------------------------------------------------------------------------------------------


async def test_time_is_read_in_seconds_with_its_person_and_without_its_marker(at):
    task = at.people.create("T")
    theirs = at.people.log_time(task, 5400, on="2026-11-18", note="by hand")
    at.box.clock.advance(2)
    made = await at.log(task, person="bob@example.com", note="by Bridge", seconds=900)

    page = await at.poll("time_entry")

    shown = [{name: one.fields[name] for name in one.fields if name != "week_status"} for one in page.records]
    assert [one.ref.id for one in page.records] == [theirs, made.ref.id]
    assert shown == [
        {"task": task, "person": "alice@example.com", "spent_on": "2026-11-18", "seconds": 5400, "note": "by hand"},
        {"task": task, "person": "bob@example.com", "spent_on": "2026-11-19", "seconds": 900, "note": "by Bridge"},
    ]
    assert shown[1] == made.fields
    assert (page.records[0].marker, page.records[1].marker, page.complete) == (None, MARKER, True)
    assert at.box.store.time[made.ref.id.partition("/")[2]].note == "by Bridge [bridge:v1 github acme/app%2312]"


async def test_quiet_time_costs_one_request_and_a_correction_in_the_app_is_seen(at):
    task = at.people.create("T")
    entry = at.people.log_time(task, HOUR)
    cursor = (await at.poll("time_entry")).cursor
    before = at.requests()
    quiet = await at.poll("time_entry", cursor)
    assert (quiet.quiet, at.requests() - before) == (True, 1)

    at.people.edit_time(entry, seconds=2 * HOUR, note="corrected")
    page = await at.poll("time_entry", cursor)

    assert [(one.fields["seconds"], one.fields["note"]) for one in page.records] == [(2 * HOUR, "corrected")]


async def test_many_entries_are_read_whole_by_a_sweep_and_else_the_new_ones():
    async with scene(settings={"page_cap": 100}, page_size=100) as at:
        task = at.people.create("T")
        entries = [at.people.log_time(task, HOUR) for _ in range(120)]
        settled(at)
        full = await at.poll("time_entry")
        assert len(full.records) == 120
        settled(at)
        new = at.people.log_time(task, HOUR)
        at.people.edit_time(entries[0], seconds=2 * HOUR)

        before = at.requests()
        poll = await at.poll("time_entry", full.cursor)
        cost = at.requests() - before
        quiet = await at.poll("time_entry", poll.cursor)
        swept = await at.poll("time_entry", quiet.cursor, sweep=True)

        assert (new in [one.ref.id for one in poll.records], poll.complete, quiet.quiet) == (True, False, True)
        assert cost <= 3
        assert (len(swept.records), swept.complete) == (121, True)
        assert {one.ref.id: one.fields["seconds"] for one in swept.records}[entries[0]] == 2 * HOUR


async def test_a_deleted_entry_is_gone_with_evidence_and_one_of_an_archived_task_is_not(at):
    task, other = at.people.create("T"), at.people.create("Other")
    lost, moved, kept = (at.people.log_time(task, HOUR) for _ in range(3))
    full = await at.poll("time_entry")
    at.people.delete_time(lost)
    at.box.act("edit_time", entry=moved.partition("/")[2], task_id=other)

    page = await at.poll("time_entry", full.cursor)

    assert sorted(page.gone) == sorted([lost, moved])
    for entry in (lost, moved):
        with pytest.raises(GoneError):
            await at.seen(entry, "time_entry")
    assert (await at.seen(kept, "time_entry")).fields["task"] == task
    at.box.act("archive", task=task)
    with pytest.raises(NotFoundError):
        await at.seen(lost, "time_entry")
    at.people.delete(task)
    with pytest.raises(GoneError):
        await at.seen(kept, "time_entry")


async def test_the_last_entry_can_be_missed_too(at):
    entry = at.people.log_time(at.people.create("T"), HOUR)
    full = await at.poll("time_entry")
    at.people.delete_time(entry)

    page = await at.poll("time_entry", full.cursor)

    assert (page.records, page.complete, page.gone) == ((), False, (entry,))


async def test_half_a_page_of_time_is_no_evidence(at):
    task = at.people.create("T")
    entries = [at.people.log_time(task, HOUR) for _ in range(4)]
    cursor = (await at.poll("time_entry")).cursor
    at.box.fault("half_page", path="/odata/TimeEntries", times=1)

    page = await at.poll("time_entry", cursor)

    assert len(page.records) == 2
    for entry in entries:
        assert (await at.seen(entry, "time_entry")).ref.id == entry


# --- time: writing ----------------------------------------------------------------------------------------------------


async def test_time_is_rounded_to_quarter_hours_and_never_to_nothing(at):
    task = at.people.create("T")
    for number, (seconds, stored) in enumerate([(60, 900), (1349, 900), (1350, 1800), (86400, 86400)]):
        made = await at.log(task, Marker("github", f"n#{number}"), seconds=seconds)
        assert made.fields["seconds"] == (await at.seen(made.ref.id, "time_entry")).fields["seconds"] == stored
    for seconds in (0, 87_000):
        with pytest.raises(RejectedError):
            await at.log(task, seconds=seconds)


async def test_logged_time_cannot_be_changed_or_deleted(at):
    made = await at.log(at.people.create("T"))
    can = at.artala.kinds()["time_entry"]

    assert (can.create, can.update, can.delete, can.find) == (True, False, False, True)
    assert can.reasons.keys() == {"update", "delete", "webhooks"}
    with pytest.raises(RejectedError, match="no call that changes"):
        await at.write(made, {"seconds": 900})
    with pytest.raises(RejectedError, match="no call that deletes"):
        await at.artala.delete(made.ref)


async def test_an_answer_without_an_id_is_looked_up_by_the_marker():
    async with scene(settings={"time_answers_id": False}) as at:
        task = at.people.create("T")
        made = await at.log(task)
        assert (made.marker, made.ref.id in at.people.times()) == (MARKER, True)

        at.box.fault("empty_listing", path="/odata/TimeEntries", times=1)
        with pytest.raises(UnknownOutcome):
            await at.log(task, Marker("github", "acme/app#13"))


async def test_time_whose_answer_was_lost_is_found_by_its_marker(at):
    task = at.people.create("T")
    at.people.log_time(task, HOUR)
    since = (await at.poll("time_entry")).cursor
    at.box.fault("lost_reply", method="POST")
    with pytest.raises(UnknownOutcome):
        await at.log(task)

    found = await at.artala.find(BOARD, "time_entry", {MARKER, Marker("github", "no#1")}, since)

    assert [record.marker for record in found.values()] == [MARKER]
    assert len(at.people.times()) == 2


@pytest.mark.parametrize("status", [400, 403, 409])
async def test_time_in_an_approved_week_is_refused_with_the_reason(status):
    async with scene(settings={"locked_status": status}) as at:
        task = at.people.create("T")
        await at.log(task, person="bob@example.com")
        at.box.act("approve_week", member="bob@example.com", day="2026-11-16")

        with pytest.raises(RejectedError, match="week of 2026-11-19 is approved") as told:
            await at.log(task, Marker("github", "n#2"), person="bob@example.com")
        with pytest.raises(RejectedError, match="An approved week is locked"):
            await at.log(task, Marker("github", "n#3"), person="bob@example.com", spent_on="2026-11-17")

        assert told.value.field == "spent_on"
        await at.log(task, Marker("github", "n#4"), person="alice@example.com")


async def test_a_member_key_logs_its_own_time_only():
    async with scene(who="bob") as at:
        task = at.people.create("T")
        with pytest.raises(RejectedError, match="Owner or Admin"):
            await at.log(task, person="alice@example.com")
        found = await at.artala.check(BOARD, "time_entry", ["create"], {})
        assert [one.level for one in found] == ["ok", "ok", "error"]
    async with scene(who="bob", log_for_others=False) as at:
        made = await at.log(at.people.create("T"), person="alice@example.com")
        assert (await at.seen(made.ref.id, "time_entry")).fields["person"] == "bob@example.com"
        schema = await at.artala.schema(BOARD, "time_entry", fields=frozenset())
        assert schema.fields["person"].writable == "never"


async def test_time_of_a_stranger_or_on_no_task_is_refused(at):
    with pytest.raises(RejectedError) as told:
        await at.log(at.people.create("T"), person="eve@example.com")
    assert told.value.field == "person"
    with pytest.raises(GoneError):
        await at.log(NOBODY)
    with pytest.raises(RejectedError, match="too long"):
        await at.log(at.people.create("U"), note="x" * 2000)


# --- trouble of both --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["comment", "time_entry"])
@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ({"kind": "status", "status": 401}, AuthError),
        ({"kind": "status", "status": 503}, RetryableError),
        ({"kind": "rate_limited", "retry_after": 3000}, RateLimited),
        ({"kind": "permission_lost"}, ContainerError),
    ],
)
async def test_a_listing_in_trouble_tells_what_kind_of_trouble(at, kind, fault, error):
    task = at.people.create("T")
    at.people.comment(task, "said")
    at.people.log_time(task, HOUR)
    await at.pull(kind)
    at.box.fault(**fault, times=-1)

    with pytest.raises(error):
        await at.pull(kind)


async def test_the_live_check_warns_of_a_member_who_edits_comments():
    async with scene(who="bob") as at:
        found = await at.artala.check(BOARD, "comment", ["create", "update"], {})
        assert [one.level for one in found] == ["ok", "ok", "warning"]
        found = await at.artala.check(BOARD, "comment", ["create"], {"author": ["eve@example.com"]})
        assert [one.level for one in found] == ["ok", "ok", "error"]
