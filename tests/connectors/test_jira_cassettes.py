"""The Jira connector against recorded answers.

Recorded from the sandbox with ``pytest tests/connectors/test_jira_cassettes.py --record-mode=rewrite``: the host becomes
the real one, the token a placeholder. A cassette must be played to its end and belong to a test.
"""

from __future__ import annotations

import base64
import re
from copy import copy
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import pytest

from bridge.model import Marker
from bridge.sandbox.server import Sandbox
from connectors.jira import Jira
from connectors.jira_config import JiraConfig

CASSETTES = Path(__file__).parent.parent / "cassettes" / "jira"
HOST, TOKEN, OURS = "acme.atlassian.net", "placeholder-token", "jira-sandbox-bridge-bot"
MAIL = "bridge-bot@example.com"
FIELDS = frozenset({"title", "description", "status", "labels", "custom.Customer"})


def basic(token):
    return f"Basic {base64.b64encode(f'{MAIL}:{token}'.encode()).decode()}"


@pytest.fixture(scope="module")
def vcr_cassette_dir():
    return str(CASSETTES)


@pytest.fixture(scope="module")
def vcr_config():
    return {
        "before_record_request": _as_if_real,
        "before_record_response": _from_the_real_host,
        "decode_compressed_response": True,
        "match_on": ["method", "scheme", "host", "path", "query", "body"],
    }


def _as_if_real(request):
    """The sandbox's address and token replaced; what other people ask of the sandbox is no business of a cassette."""
    if request.headers.get("authorization") not in {basic(OURS), basic(TOKEN)} or request.path.startswith("/_sandbox/"):
        return None
    request = copy(request)
    request.headers = {"authorization": basic(TOKEN), "host": HOST}
    request.uri = urlunsplit(urlsplit(request.uri)._replace(scheme="https", netloc=HOST))
    return request


def _from_the_real_host(response):
    body = re.sub(rb"http://127\.0\.0\.1:\d+", f"https://{HOST}".encode(), response["body"]["string"])
    kept = {name: values for name, values in response["headers"].items() if name.lower() in {"date", "content-type"}}
    return {**response, "headers": kept, "body": {"string": body}}


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


def test_every_cassette_belongs_to_a_test():
    names = {path.stem for path in CASSETTES.glob("*.yaml")}

    assert names == {name for name in globals() if name.endswith("_as_recorded")}
