"""The Redmine connector against recorded answers.

Recorded from the sandbox with ``pytest tests/connectors/test_redmine_cassettes.py --record-mode=rewrite``: the host
becomes another one, the key a placeholder. A cassette must be played to its end and belong to a test.
"""

from __future__ import annotations

import pytest
from recorded import Recording
from redmine_site import MARK, changed, made, only
from trackers.redmine import People

from bridge.errors import GoneError
from bridge.sandbox.redmine_seed import key_of
from connectors.redmine import Redmine
from connectors.redmine_config import RedmineConfig

HOST, KEY, OURS = "redmine.example.com", "placeholder", key_of("bridge")
RECORDING = Recording("redmine", HOST, OURS, KEY, OURS, KEY, header="x-redmine-api-key")


@pytest.fixture(scope="module")
def vcr_cassette_dir():
    return str(RECORDING.folder)


@pytest.fixture(scope="module")
def vcr_config():
    return RECORDING.config()


@pytest.fixture
def people(record_mode):
    """The people while a cassette is recorded; None while it is played."""
    if record_mode == "none":
        yield None
        return
    with People() as here:
        here.create("First", labels={"bug"}, assignee="ann@example.com")
        here.comment("1", "a word")
        here.log_time("1", 5400)
        here.box.clock.advance(600)
        yield here


@pytest.fixture
async def redmine(people, vcr):
    url, key = (people.box.url, OURS) if people else (f"https://{HOST}", KEY)
    connector = Redmine("rm", RedmineConfig(base_url=url, token=key))
    yield connector
    await connector.aclose()
    assert people or vcr.all_played, f"{vcr.play_count} of {len(vcr)} recorded answers were used"


@pytest.mark.vcr
async def test_every_kind_is_listed_and_then_quiet(redmine):
    found = {}
    for kind in redmine.kinds():
        page = await only(redmine, kind=kind)
        [found[kind]] = [record.fields for record in page.records]
        before = redmine.usage().requests
        assert (await only(redmine, page.cursor, kind=kind)).quiet
        assert redmine.usage().requests - before == 1

    assert (found["task"]["labels"], found["task"]["assignee"]) == (("bug",), "ann@example.com")
    assert (found["comment"]["body"], found["time_entry"]["seconds"]) == ("a word", 5400)


@pytest.mark.vcr
async def test_a_task_is_made_changed_and_found(redmine):
    record = await made(redmine, title="New", description="a\nb", status="In Progress", labels=("ui",))
    record = await changed(redmine, record, title="Newer", blocks=("1",))
    found = await redmine.find("acme", "task", [MARK], None)

    assert (found[MARK].fields["title"], found[MARK].fields["status"]) == ("Newer", "In Progress")
    assert found[MARK].fields["blocks"] == ("1",)


@pytest.mark.vcr
async def test_notes_and_time_are_made_and_deleted(redmine):
    comment = await made(redmine, "comment", task="1", body="words")
    entry = await made(redmine, "time_entry", task="1", spent_on="2026-11-20", seconds=5400, person="bob@example.com")
    for record in (comment, entry):
        await redmine.delete(record.ref)
        with pytest.raises(GoneError):
            await redmine.fetch(record.ref, fields=frozenset())

    assert (comment.fields["body"], entry.fields["person"]) == ("words", "bob@example.com")


def test_every_cassette_belongs_to_a_test_and_holds_no_secret():
    assert RECORDING.faults(globals()) == []
