"""The Workestra connector against recorded answers.

Recorded from the sandbox with ``pytest tests/connectors/test_workestra_cassettes.py --record-mode=rewrite``: the host
becomes the real one, the key a placeholder. A cassette must be played to its end and belong to a test.
"""

from __future__ import annotations

import pytest
from recorded import Recording

from bridge.errors import GoneError
from bridge.model import Marker, Ref
from bridge.sandbox.server import Sandbox
from connectors.base import Step
from connectors.workestra import Workestra
from connectors.workestra_config import WorkestraConfig

HOST, KEY, OURS = "acme.workestra.app", "wsk_live_placeholder", "wsk_live_sandbox_bridge"
FIRST = Ref("w", "proj_web", "task", "task_first")
NONE = frozenset[str]()
RECORDING = Recording.bearer("workestra", HOST, OURS, KEY)


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
    with Sandbox("workestra") as box:
        box.seed(
            tasks=[
                {"id": FIRST.id, "title": "First", "labels": ["bug"], "assignee_id": "user_ann", "status": "in_review"}
                | {"updated_at": "2026-11-01T08:00:00Z", "due_date": "2026-12-01", "custom_fields": {"risk_score": 3}},
                {"id": "task_second", "title": "Second", "updated_at": "2026-11-02T08:00:00Z"},
            ]
        )
        yield box


@pytest.fixture
async def workestra(people, vcr):
    url, key = (people.url, OURS) if people else (f"https://{HOST}", KEY)
    settings = {"external_ref_field": "external_ref", "requests_per_minute": 0, "writes_per_minute": 0}
    connector = Workestra("w", WorkestraConfig(base_url=f"{url}/api/v1", token=key, **settings))
    yield connector
    await connector.aclose()
    assert people or vcr.all_played, f"{vcr.play_count} of {len(vcr)} recorded answers were used"


async def listed(workestra, cursor=None):
    return [page async for page in workestra.pull("proj_web", "task", cursor, fields=NONE, sweep=False)]


@pytest.mark.vcr
async def test_a_project_is_listed_and_then_quiet(workestra):
    [full] = await listed(workestra)
    before = workestra.usage().requests
    [quiet] = await listed(workestra, full.cursor)

    first, second = full.records
    assert (first.fields["labels"], first.fields["assignee"], first.fields["status"]) == (
        ("bug",),
        "user_ann",
        "in_review",
    )
    assert (first.fields["due_on"], first.fields["custom.risk_score"]) == ("2026-12-01", 3)
    assert (second.fields["labels"], second.fields["due_on"]) == ((), None)
    assert (quiet.quiet, quiet.records, workestra.usage().requests - before) == (True, (), 1)


@pytest.mark.vcr
async def test_a_task_is_created_and_found_by_its_marker(workestra):
    marker = Marker("it's", "acme/app#12")
    fields = {
        "title": "New",
        "description": "Text",
        "priority": "high",
        "labels": ("bug", "new here"),
        "status": "done",
    }
    [create, rest] = workestra.steps("task", fields, creating=True)
    made = await workestra.create("proj_web", "task", {name: fields[name] for name in create.fields}, marker, key="k")
    now = await workestra.update(made.ref, rest, {"status": "done"}, made)

    found = await workestra.find("proj_web", "task", [marker], None)

    assert found[marker] == now
    assert fields == {name: now.fields[name] for name in fields}


@pytest.mark.vcr
async def test_a_write_changes_nothing_that_it_was_not_told(workestra):
    before = await workestra.fetch(FIRST, fields=NONE)
    changes = {"title": "Renamed", "estimate": 5400, "custom.client_name": "Acme"}
    after = await workestra.update(FIRST, Step("task", frozenset(changes)), changes, before)

    assert {**before.fields, **changes} == after.fields


@pytest.mark.vcr
async def test_a_task_in_the_trash_is_gone_with_evidence(workestra, people):
    if people:
        people.call("DELETE", f"/api/v1/issues/{FIRST.id}", who="ann")

    with pytest.raises(GoneError):
        await workestra.fetch(FIRST, fields=NONE)


def test_every_cassette_belongs_to_a_test_and_holds_no_secret():
    assert RECORDING.faults(globals()) == []
