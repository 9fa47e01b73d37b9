"""The GitHub connector over real sockets while the sandbox misbehaves."""

from __future__ import annotations

import socket

import pytest
from github_script import ref

from bridge import errors
from bridge.model import Marker
from bridge.sandbox.server import Sandbox
from connectors.github import Github
from connectors.github_config import GithubConfig
from connectors.pace import Retry

MARKER = Marker("artala", "board#1")
NONE = frozenset[str]()


async def _no_sleep(_seconds):
    return None


@pytest.fixture
def box():
    with Sandbox("github") as sandbox:
        sandbox.seed(issues=[{"title": "First"}])
        yield sandbox


@pytest.fixture
async def github(box):
    config = GithubConfig.model_validate({"base_url": box.url, "token": box.token(), "write_interval_s": 0})
    connector = Github("github", config, retry=Retry(sleep=_no_sleep))
    yield connector
    await connector.aclose()


@pytest.mark.parametrize("fault", ["lost_reply", "accepted_error", "cut_body"])
async def test_a_create_whose_answer_is_lost_is_unknown_and_found_by_its_marker(box, github, fault):
    box.fault(fault, method="POST")

    with pytest.raises(errors.UnknownOutcome):
        await github.create("acme/app", "task", {"title": "Once"}, MARKER, key="k")
    found = await github.find("acme/app", "task", [MARKER], None)

    assert [record.fields["title"] for record in found.values()] == ["Once"]
    assert len(box.store.repo("acme/app").issues) == 2


async def test_a_write_on_a_connection_that_is_reset_is_unknown_and_not_sent_twice(box, github):
    box.fault("reset", method="POST")

    with pytest.raises(errors.UnknownOutcome):
        await github.create("acme/app", "task", {"title": "Never"}, MARKER, key="k")

    assert await github.find("acme/app", "task", [MARKER], None) == {}


@pytest.mark.parametrize("fault", ["lost_reply", "accepted_error", "cut_body", "reset", "status", "secondary_limited"])
async def test_a_read_survives_one_trouble(box, github, fault):
    box.fault(fault, method="GET")

    assert (await github.fetch(ref(1), fields=NONE)).fields["title"] == "First"


async def test_what_the_server_normalises_is_read_back_the_same(box, github):
    box.fault("normalise", method="POST")
    fields = {"title": "T", "description": "a\nb", "labels": ("bug", "enhancement")}

    made = await github.create("acme/app", "task", fields, MARKER, key="k")

    assert {name: made.fields[name] for name in fields} == fields
    assert await github.fetch(made.ref, fields=NONE) == made


async def test_nobody_there_is_one_clear_error():
    with socket.create_server(("127.0.0.1", 0)) as line:
        port = line.getsockname()[1]
    config = GithubConfig.model_validate({"base_url": f"http://127.0.0.1:{port}", "token": "t"})
    github = Github("github", config, retry=Retry(sleep=_no_sleep))

    with pytest.raises(errors.UnreachableError, match="cannot be reached"):
        await github.fetch(ref(1), fields=NONE)
    [finding] = await github.check("acme/app", "task", [], {})
    await github.aclose()

    assert finding.level == "error"
