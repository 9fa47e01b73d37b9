"""The Grow CRM connector against recorded answers.

Recorded from the sandbox with ``pytest tests/connectors/test_growcrm_cassettes.py --record-mode=rewrite``: the host becomes
another one, the key a placeholder. A cassette must be played to its end and belong to a test.
"""

from __future__ import annotations

import pytest
from growcrm_scene import FIELDS, PROJECT
from recorded import Recording

from bridge.errors import GoneError
from bridge.model import Marker, Ref
from bridge.sandbox.server import Sandbox
from connectors.growcrm import Growcrm
from connectors.growcrm_config import GrowcrmConfig

HOST, KEY, OURS = "crm.example.com", "placeholder", "growcrm-sandbox-bridge"
MARKER = Marker("github", "acme/app#12")
RECORDING = Recording.bearer("growcrm", HOST, OURS, KEY)


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
    with Sandbox("growcrm") as box:
        task = {"id": 50, "title": "First", "tags": ["bug"], "assigned": ["ann@example.com"], "status": "Completed"}
        box.seed(tasks=[task | {"created_at": "2026-11-01T08:00:00Z", "date_due": "2026-12-01"}])
        yield box


@pytest.fixture
async def crm(people, vcr):
    url, key = (people.url, OURS) if people else (f"https://{HOST}", KEY)
    connector = Growcrm("crm", GrowcrmConfig(base_url=url, token=key, requests_per_minute=0, concurrency=1))
    yield connector
    await connector.aclose()
    assert people or vcr.all_played, f"{vcr.play_count} of {len(vcr)} recorded answers were used"


async def listed(crm, kind="task", cursor=None, *, sweep=False):
    return [page async for page in crm.pull(PROJECT, kind, cursor, fields=FIELDS, sweep=sweep)]


@pytest.mark.vcr
async def test_a_project_is_listed_and_then_quiet(crm):
    [full] = await listed(crm)
    before = crm.usage().requests
    [quiet] = await listed(crm, cursor=full.cursor)

    [first] = full.records
    assert (first.fields["labels"], first.fields["assignees"]) == (("bug",), ("ann@example.com",))
    assert (first.fields["status"], first.fields["due_on"]) == ("Completed", "2026-12-01")
    assert (quiet.quiet, quiet.records, crm.usage().requests - before) == (True, (), 1)


@pytest.mark.vcr
async def test_a_task_is_created_and_changed_step_by_step_and_found_by_its_marker(crm):
    fields = {
        "title": "New & old",
        "description": "<p>Text</p>",
        "status": "In progress",
        "priority": "High",
        "labels": ("bug", "new here"),
        "assignees": ("ann@example.com", "bob@example.com"),
        "due_on": "2026-12-24",
    }
    [create, *rest] = crm.steps("task", fields, creating=True)
    known = await crm.create(PROJECT, "task", {name: fields[name] for name in create.fields}, MARKER, key="k")
    for step in rest:
        known = await crm.update(known.ref, step, {name: fields[name] for name in step.fields}, known)
    changes = {"title": "Newer", "status": "Completed", "labels": ()}
    for step in crm.steps("task", changes, creating=False):
        known = await crm.update(known.ref, step, {name: changes[name] for name in step.fields}, known)

    found = await crm.find(PROJECT, "task", [MARKER], None)
    held = await crm.fetch(known.ref, fields=FIELDS)

    assert found[MARKER].ref == known.ref
    assert {name: held.fields[name] for name in fields} == {**fields, **changes}
    assert held.fields == known.fields


@pytest.mark.vcr
async def test_comments_and_time_are_written_and_read(crm):
    said = await crm.create(PROJECT, "comment", {"task": "50", "body": "<p>Hello</p>"}, MARKER, key="k")
    entry = {"task": "50", "person": "bob@example.com", "spent_on": "2026-11-20", "seconds": 5400}
    spent = await crm.create(PROJECT, "time_entry", entry, MARKER, key="k")
    [step] = crm.steps("time_entry", {"seconds"}, creating=False)
    spent = await crm.update(spent.ref, step, {"seconds": 7200}, spent)

    [comments], [times] = await listed(crm, "comment"), await listed(crm, "time_entry")

    assert comments.records == (said,)
    assert times.records == (spent,)
    await crm.delete(said.ref)
    await crm.delete(spent.ref)


@pytest.mark.vcr
async def test_a_deleted_task_is_gone_with_evidence(crm, people):
    if people:
        people.call("DELETE", "/api/tasks/50", who="ann")

    with pytest.raises(GoneError):
        await crm.fetch(Ref("crm", PROJECT, "task", "50"), fields=FIELDS)


@pytest.mark.vcr
async def test_the_live_check_passes_for_names_that_exist(crm):
    maps = {"status": ["To do", "Completed"], "assignees": ["ann@example.com"], "milestone": ["Phase 1"]}

    found = await crm.check(PROJECT, "task", ["create", "update"], maps)

    assert {one.level for one in found} == {"ok"}


def test_every_cassette_belongs_to_a_test_and_holds_no_secret():
    assert RECORDING.faults(globals()) == []
