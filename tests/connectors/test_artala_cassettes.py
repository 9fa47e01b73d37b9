"""The Artala connector against recorded answers.

Recorded from the sandbox with ``pytest tests/connectors/test_artala_cassettes.py --record-mode=rewrite``: the host
becomes the real one, the key a placeholder. A cassette must be played to its end and belong to a test.
"""

from __future__ import annotations

import pytest
from recorded import Recording

from bridge.errors import GoneError
from bridge.model import Marker, Ref
from bridge.sandbox.server import Sandbox
from connectors.artala import Artala
from connectors.artala_config import ArtalaConfig

HOST, KEY, OURS = "app.artala.app", "tb_placeholder", "tb_sandbox_bridge"
BOARD = "e0000000-0000-4000-8000-000000000001"
FIRST = "10000000-0000-4000-8000-000000000001"
FIELDS = frozenset({"title", "description", "status", "priority", "assignee", "labels", "due_on", "custom.Customer"})
RECORDING = Recording.bearer("artala", HOST, OURS, KEY, kept=frozenset({"date", "content-type", "etag"}))


@pytest.fixture(scope="module")
def vcr_cassette_dir():
    return str(RECORDING.folder)


@pytest.fixture(scope="module")
def vcr_config():
    return RECORDING.config()


@pytest.fixture
def people(record_mode):
    """The sandbox while a cassette is recorded, for what people do there; None while it is played."""
    if record_mode == "none":
        yield None
        return
    with Sandbox("artala") as box:
        box.seed(
            tasks=[
                {"id": FIRST, "title": "First", "labels": ["bug"], "assignee": "alice@example.com", "status": "Done"}
                | {
                    "updated_at": "2026-11-01T08:00:00Z",
                    "due_date": "2026-12-01T15:30:00Z",
                    "values": {"Customer": "Acme"},
                },
                {"id": FIRST[:-1] + "2", "title": "Second", "updated_at": "2026-11-02T08:00:00Z"},
            ]
        )
        yield box


@pytest.fixture
async def artala(people, vcr):
    url, key = (people.url, OURS) if people else (f"https://{HOST}", KEY)
    connector = Artala("plan", ArtalaConfig(base_url=url, token=key, requests_per_minute=0))
    yield connector
    await connector.aclose()
    assert people or vcr.all_played, f"{vcr.play_count} of {len(vcr)} recorded answers were used"


async def listed(artala, cursor=None, *, sweep=False):
    return [page async for page in artala.pull(BOARD, "task", cursor, fields=FIELDS, sweep=sweep)]


@pytest.mark.vcr
async def test_a_board_is_listed_and_then_quiet(artala):
    [full] = await listed(artala)
    before = artala.usage().requests
    [quiet] = await listed(artala, full.cursor)

    first, second = full.records
    assert (first.fields["labels"], first.fields["assignee"]) == (("bug",), "alice@example.com")
    assert (first.fields["due_at"], first.fields["custom.Customer"]) == ("2026-12-01T15:30:00Z", "Acme")
    assert (second.fields["labels"], second.fields["custom.Customer"]) == ((), None)
    assert (quiet.quiet, quiet.records, artala.usage().requests - before) == (True, (), 1)


@pytest.mark.vcr
async def test_a_persons_edits_are_seen_by_a_poll_and_their_labels_by_a_sweep(artala, people):
    cursor = (await listed(artala))[-1].cursor
    if people:
        people.call("PATCH", f"/api/tasks/{FIRST}/status", {"newStatus": "To Do"}, who="alice")
        people.call("PUT", f"/api/labels/task/{FIRST}", {"labelIds": []}, who="alice")

    [page] = await listed(artala, cursor, sweep=True)

    assert [record.fields["status"] for record in page.records] == ["To Do"]
    assert page.sweep == {FIRST: {"labels": (), "custom.Customer": "Acme"}}


@pytest.mark.vcr
async def test_a_task_is_created_step_by_step_and_found_by_its_marker(artala):
    marker = Marker("it's", "acme/app#12")
    fields = {
        "title": "New",
        "description": "Text",
        "status": "In Progress",
        "priority": "high",
        "assignee": "bob@example.com",
        "due_on": "2026-12-24",
        "labels": ("bug", "new here"),
        "custom.Customer": "Acme",
        "cover_color": "#ff0000",
    }
    [create, *rest] = artala.steps("task", fields, creating=True)
    known = await artala.create(BOARD, "task", {name: fields[name] for name in create.fields}, marker, key="k")
    for step in rest:
        known = await artala.update(known.ref, step, {name: fields[name] for name in step.fields}, known)

    found = await artala.find(BOARD, "task", [marker], None)
    held = await artala.fetch(known.ref, fields=FIELDS)

    assert found[marker].ref == known.ref
    assert fields == {name: held.fields[name] for name in fields}
    assert fields == {name: known.fields[name] for name in fields}


@pytest.mark.vcr
async def test_a_write_changes_nothing_that_it_was_not_told(artala):
    ref = Ref("plan", BOARD, "task", FIRST)
    before = await artala.fetch(ref, fields=FIELDS)
    changes = {"title": "Renamed", "status": "To Do", "labels": ("docs",)}
    known = before
    for step in artala.steps("task", changes, creating=False):
        known = await artala.update(ref, step, {name: changes[name] for name in step.fields}, known)

    after = await artala.fetch(ref, fields=FIELDS)

    assert {**before.fields, **changes, "completed_at": None} == after.fields
    assert after.version != before.version


@pytest.mark.vcr
async def test_a_deleted_task_is_gone_with_evidence(artala, people):
    if people:
        people.call("DELETE", f"/api/tasks/{FIRST}", who="alice")

    with pytest.raises(GoneError):
        await artala.fetch(Ref("plan", BOARD, "task", FIRST), fields=FIELDS)


@pytest.mark.vcr
async def test_labels_are_created_changed_and_deleted(artala):
    made = await artala.create(BOARD, "label", {"name": "docs", "color": "#00ff00"}, Marker("a", "b"), key="k")
    [step] = artala.steps("label", {"color"}, creating=False)
    await artala.update(made.ref, step, {"color": "#0000ff"}, made)
    held = await artala.fetch(made.ref, fields=frozenset())
    await artala.delete(made.ref)

    assert (held.fields["name"], held.fields["color"].lower()) == ("docs", "#0000ff")
    with pytest.raises(GoneError):
        await artala.fetch(made.ref, fields=frozenset())


@pytest.mark.vcr
async def test_a_comment_is_made_edited_listed_and_deleted(artala):
    marker = Marker("github", "acme/app#12")
    made = await artala.create(BOARD, "comment", {"task": FIRST, "body": "Said *so*"}, marker, key="k")
    [step] = artala.steps("comment", {"body"}, creating=False)
    await artala.update(made.ref, step, {"body": "Said *otherwise*"}, made)
    [page] = [page async for page in artala.pull(BOARD, "comment", None, fields=frozenset(), sweep=False)]
    [quiet] = [page async for page in artala.pull(BOARD, "comment", page.cursor, fields=frozenset(), sweep=False)]
    await artala.delete(made.ref)

    assert [(one.ref, one.fields["body"], one.marker) for one in page.records] == [
        (made.ref, "Said *otherwise*", marker)
    ]
    assert (page.complete, quiet.quiet) == (True, True)
    with pytest.raises(GoneError):
        await artala.fetch(made.ref, fields=frozenset())


@pytest.mark.vcr
async def test_time_is_logged_for_a_person_and_listed(artala):
    marker = Marker("github", "acme/app#13")
    fields = {"task": FIRST, "person": "bob@example.com", "spent_on": "2026-11-19", "seconds": 5400, "note": "Work"}
    made = await artala.create(BOARD, "time_entry", fields, marker, key="k")
    [page] = [page async for page in artala.pull(BOARD, "time_entry", None, fields=frozenset(), sweep=False)]
    found = await artala.find(BOARD, "time_entry", [marker], page.cursor)

    assert [(one.ref, one.marker) for one in page.records] == [(made.ref, marker)]
    assert fields.items() <= page.records[0].fields.items()
    assert found[marker] == page.records[0]


@pytest.mark.vcr
async def test_the_live_check_passes_for_names_that_exist(artala):
    maps = {"status": ["To Do", "Done"], "assignee": ["alice@example.com"], "labels": ["bug"], "custom.Customer": []}

    found = await artala.check("Engineering", "task", ["create", "update"], maps)

    assert {one.level for one in found} == {"ok"}


def test_every_cassette_belongs_to_a_test_and_holds_no_secret():
    assert RECORDING.faults(globals()) == []
