"""The Jira connector against recorded answers.

Recorded from the sandbox with ``pytest tests/connectors/test_jira_cassettes.py --record-mode=rewrite``: the host becomes
the real one, the token a placeholder. A cassette must be played to its end and belong to a test.
"""

from __future__ import annotations

import base64

import pytest
from recorded import Recording

from bridge.model import Marker
from bridge.sandbox.server import Sandbox
from connectors.jira import Jira
from connectors.jira_config import JiraConfig

HOST, TOKEN, OURS = "acme.atlassian.net", "placeholder-token", "jira-sandbox-bridge-bot"
MAIL = "bridge-bot@example.com"
FIELDS = frozenset({"title", "description", "status", "labels", "custom.Customer"})


def basic(token):
    return f"Basic {base64.b64encode(f'{MAIL}:{token}'.encode()).decode()}"


RECORDING = Recording("jira", HOST, basic(OURS), basic(TOKEN), OURS, TOKEN)


@pytest.fixture(scope="module")
def vcr_cassette_dir():
    return str(RECORDING.folder)


@pytest.fixture(scope="module")
def vcr_config():
    return RECORDING.config()


@pytest.fixture
def box(record_mode):
    """The sandbox while a cassette is recorded; None while it is played."""
    if record_mode == "none":
        yield None
        return
    with Sandbox("jira", worklog_hold_s=0) as sandbox:
        sandbox.seed(
            issues=[
                {"summary": "First", "description": "Words", "labels": ["bug"], "updated": "2026-11-01T08:00:00Z"},
                {"summary": "Second", "status": "In Review", "updated": "2026-11-02T08:00:00Z"},
            ]
        )
        yield sandbox


@pytest.fixture
async def jira(box, vcr):
    url, token = (box.url, OURS) if box is not None else (f"https://{HOST}", TOKEN)
    config = JiraConfig(base_url=url, dialect="cloud", email=MAIL, token=token, write_interval_s=0)
    connector = Jira("work", config)
    yield connector
    await connector.aclose()
    if box is None:
        assert vcr.all_played


@pytest.mark.vcr
async def test_a_listing_and_a_comment_as_recorded(jira):
    pages = [page async for page in jira.pull("APP", "task", None, fields=FIELDS, sweep=False)]
    records = {record.fields["title"]: record for page in pages for record in page.records}
    assert records["First"].fields["labels"] == ("bug",)
    assert records["Second"].fields["status"] == "In Review"

    marker = Marker("github", "acme/app#12")
    fields = {"task": records["First"].ref.id, "body": "Hello"}
    said = await jira.create("APP", "comment", fields, marker, key="k")
    assert said.marker == marker

    talk = [page async for page in jira.pull("APP", "comment", None, fields=frozenset({"body"}), sweep=False)]
    assert [record.ref for page in talk for record in page.records] == [said.ref]


@pytest.mark.vcr
async def test_a_status_over_two_transitions_as_recorded(jira):
    pages = [page async for page in jira.pull("APP", "task", None, fields=FIELDS, sweep=False)]
    [second] = [record for page in pages for record in page.records if record.fields["title"] == "Second"]
    [step] = jira.steps("task", {"status"}, creating=False)

    moved = await jira.update(second.ref, step, {"status": "To Do"}, second)

    assert moved.fields["status"] == "To Do"


def test_every_cassette_belongs_to_a_test_and_holds_no_secret():
    assert RECORDING.faults(globals()) == []
