"""The TimeTracker connector against recorded answers.

Recorded from the sandbox with ``pytest tests/connectors/test_timetracker_cassettes.py --record-mode=rewrite``: the host becomes
a placeholder's, the token a placeholder. A cassette must be played to its end.
"""

from __future__ import annotations

from copy import copy
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import pytest
from timetracker_ground import MARK, changed, pulled, ref, written
from trackers.timetracker import People

from bridge.errors import GoneError
from connectors.timetracker import TimeTracker
from connectors.timetracker_config import TimeTrackerConfig

CASSETTES = Path(__file__).parents[1] / "cassettes" / "timetracker"
HOST, TOKEN = "timetracker.example.com", "PLACEHOLDER"


@pytest.fixture(scope="module")
def vcr_cassette_dir():
    return str(CASSETTES)


@pytest.fixture(scope="module")
def vcr_config():
    return {
        "before_record_request": _as_if_real,
        "before_record_response": _with_few_headers,
        "match_on": ["method", "scheme", "host", "path", "query", "body"],
    }


def _as_if_real(request):
    """What people ask of the sandbox is no business of a cassette."""
    agent = request.headers.get("user-agent", b"")
    if not str(agent).startswith(("bridge-sync", "b'bridge-sync")) or "/_sandbox/" in request.path:
        return None
    request = copy(request)
    kept = {name: value for name, value in request.headers.items() if name in ("content-type", "idempotency-key")}
    request.headers = {**kept, "authorization": f"Bearer {TOKEN}", "user-agent": "bridge-sync"}
    request.uri = urlunsplit(urlsplit(request.uri)._replace(scheme="https", netloc=HOST))
    return request


def _with_few_headers(response):
    kept = {name: value for name, value in response["headers"].items() if name.lower() in ("date", "content-type")}
    return {**response, "headers": kept}


@pytest.fixture
def people(record_mode):
    """The sandbox while a cassette is recorded, for what people do there; None while it is played."""
    if record_mode == "none":
        yield None
        return
    with People() as running:
        running.box.clock.freeze("2026-11-21T10:00:00Z")
        yield running


@pytest.fixture
async def tracker(people, vcr):
    url, token = (people.box.url, people.box.token()) if people else (f"https://{HOST}", TOKEN)
    config = TimeTrackerConfig(base_url=url, token=token, requests_per_minute=0, change_feed="walk")
    connector = TimeTracker("tt", config)
    yield connector
    await connector.aclose()
    assert people or vcr.all_played, f"{vcr.play_count} of {len(vcr)} recorded answers were used"


@pytest.mark.vcr
async def test_a_project_is_listed_and_then_quiet(tracker, people):
    if people:
        people.create("A", labels={"ui", "bug"}, due_on="2026-12-24", estimate=5400, assignee="bob@example.com")
        people.create("B", description="**text**")
    full = await pulled(tracker, "task")
    quiet = await pulled(tracker, "task", full.cursor)

    first, second = sorted(full.records, key=lambda record: record.ref.id)
    assert (first.fields["labels"], first.fields["assignee"]) == (("bug", "ui"), "bob@example.com")
    assert (first.fields["due_on"], first.fields["estimate"], second.fields["description"]) == (
        "2026-12-24",
        5400,
        "**text**",
    )
    assert (full.complete, quiet.quiet, tracker.usage().requests) == (True, True, 4)


@pytest.mark.vcr
async def test_a_task_and_its_time_are_made_step_by_step_and_changed(tracker):
    task = await written(tracker, "task", {"title": "New", "status": "in_progress", "labels": ("x",)})
    fields = {"task": task.ref.id, "spent_on": "2026-11-20", "seconds": 5400, "note": "n"}
    first = await written(tracker, "time_entry", fields)
    second = await written(tracker, "time_entry", fields, key="another")
    longer = await changed(tracker, second, seconds=7200)

    assert (task.fields["status"], task.marker) == ("in_progress", MARK)
    assert (first.fields["started_at"], longer.fields["started_at"]) == ("2026-11-20T08:00:00Z", "2026-11-20T09:30:00Z")
    assert (first.fields["task"], longer.fields["seconds"]) == (task.ref.id, 7200)


@pytest.mark.vcr
async def test_a_comment_is_made_found_and_gone(tracker, people):
    if people:
        people.create("A")
    made = await written(tracker, "comment", {"task": "1", "body": "hello"})
    found = await tracker.find("1", "comment", [MARK], None)
    await tracker.delete(made.ref)

    assert found[MARK].ref == made.ref
    with pytest.raises(GoneError):
        await tracker.fetch(ref("comment", made.ref.id), fields=frozenset())
