"""The Gipo connector against recorded answers.

Recorded from the sandbox with ``pytest tests/connectors/test_gipo_cassettes.py --record-mode=rewrite``: the host becomes
another one, the key a placeholder. A cassette must be played to its end and belong to a test.
"""

from __future__ import annotations

import pytest
from gipo_ground import BOARD, MAPPED, MARK, changed, made, only
from recorded import Recording
from trackers.gipo import People

from bridge.errors import GoneError
from bridge.model import Ref
from connectors.gipo import Gipo
from connectors.gipo_config import GipoConfig

HOST, KEY, OURS = "gipo.example.com", "ba_placeholder", "ba_sandbox_bridge"
FIRST = "10000000-0000-4000-8000-000000000001"
RECORDING = Recording.bearer("gipo", HOST, OURS, KEY)


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
    with People() as here:
        here.box.clock.freeze("2026-11-21T12:00:00Z")
        row = {"id": FIRST, "subject": "First", "tags": ["bug"], "assignees": ["ann@example.com"], "stage": "Doing"}
        here.box.seed(tasks=[row | {"end": "2026-12-01T15:30:00Z", "created_at": "2026-11-01T08:00:00Z"}])
        yield here


@pytest.fixture
async def gipo(people, vcr):
    url, key = (people.box.url, OURS) if people else (f"https://{HOST}", KEY)
    connector = Gipo("plan", GipoConfig(base_url=url, token=key, requests_per_minute=0))
    yield connector
    await connector.aclose()
    assert people or vcr.all_played, f"{vcr.play_count} of {len(vcr)} recorded answers were used"


@pytest.mark.vcr
async def test_a_board_is_listed_and_then_quiet(gipo):
    full = await only(gipo)
    before = gipo.usage().requests
    quiet = await only(gipo, full.cursor)

    [first] = full.records
    assert (first.fields["labels"], first.fields["assignees"]) == (("bug",), ("ann@example.com",))
    assert (first.fields["status"], first.fields["due_on"]) == ("Doing", "2026-12-01")
    assert (quiet.quiet, quiet.records, gipo.usage().requests - before) == (True, (), 1)


@pytest.mark.vcr
async def test_a_task_is_created_changed_and_found_by_its_marker(gipo):
    known = await made(gipo, {"title": "New", "description": "<p>Text</p>", "labels": ("bug",), "due_on": "2026-12-24"})
    now = await changed(gipo, known, {"title": "Renamed", "status": "Done", "assignees": ("bob@example.com",)})
    found = await gipo.find(BOARD, "task", [MARK], None)

    assert found[MARK].ref == known.ref
    assert (await gipo.fetch(known.ref, fields=MAPPED)).fields | {"checklist": None} == now.fields


@pytest.mark.vcr
async def test_time_is_logged_and_read_back(gipo):
    fields = {"task": FIRST, "spent_on": "2026-11-20", "seconds": 5400, "note": "Worked"}
    known = await made(gipo, fields, "time_entry")
    page = await only(gipo, kind="time_entry")

    assert [record.ref for record in page.records] == [known.ref]
    assert page.records[0].fields == known.fields


@pytest.mark.vcr
async def test_a_deleted_task_is_gone_with_evidence(gipo, people):
    if people:
        people.delete(FIRST)

    with pytest.raises(GoneError):
        await gipo.fetch(Ref("plan", BOARD, "task", FIRST), fields=MAPPED)


@pytest.mark.vcr
async def test_the_live_check_passes_for_names_that_exist(gipo):
    maps = {"status": ["Pending", "Done"], "labels": ["bug"], "priority": ["high"]}

    found = await gipo.check("Workspace", "task", ["create", "update"], maps)

    assert [one.level for one in found if one.level == "error"] == []


def test_every_cassette_belongs_to_a_test_and_holds_no_secret():
    assert RECORDING.faults(globals()) == []
