"""The GitHub connector against recorded traffic (tests/cassettes/github).

To record anew, against the sandbox on loopback, with its clock standing still so that only real changes show:

    .venv/bin/pytest tests/connectors/test_github_cassettes.py --record-mode=rewrite

The sandbox's address becomes https://api.github.com and tokens become placeholders before anything is stored.
"""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import yaml
from github_scenarios import SCENARIOS, SEED, START

from connectors.github import Github
from connectors.github_config import GithubConfig
from connectors.pace import Retry

CASSETTES = Path(__file__).parents[1] / "cassettes" / "github"
API = "https://api.github.com"
PLACEHOLDER = "PLACEHOLDER"
NAMES = [scenario.__name__ for scenario in SCENARIOS]
SECRETS = re.compile(
    rb"gh[pousr]_\w|github_pat_|tb_\w{8}|eyJ[\w-]{10}|Bearer (?!PLACEHOLDER)|Basic \w|AKIA\w{8}|-----BEGIN|xox[bp]-|127\.0\.0\.1"
)


@pytest.fixture(params=SCENARIOS, ids=NAMES)
def scenario(request):
    return request.param


@pytest.fixture
def default_cassette_name(scenario):
    return scenario.__name__


@pytest.fixture
def vcr_cassette_dir():
    return str(CASSETTES)


@pytest.fixture
def sandbox(record_mode):
    if record_mode == "none":
        yield None
        return
    from bridge.sandbox.server import Sandbox

    with Sandbox("github") as box:
        box.clock.freeze(START)
        box.tracker.seed(SEED)
        yield box


@pytest.fixture
def vcr_config(sandbox):
    place = sandbox.url if sandbox else API

    def rename(request):
        request.uri = request.uri.replace(place, API)
        if "authorization" in request.headers:
            request.headers["authorization"] = f"Bearer {PLACEHOLDER}"
        return request

    def rename_answer(response):
        host = urlsplit(place).netloc.encode()
        text = response["body"]["string"].replace(place.encode(), API.encode()).replace(host, b"api.github.com")
        response["body"]["string"] = text
        response["headers"] = {
            name: [value.replace(place, API) for value in ([values] if isinstance(values, str) else values)]
            for name, values in response["headers"].items()
            if name.lower() != "content-length"
        }
        return response

    return {
        "before_record_request": rename,
        "before_record_response": rename_answer if sandbox else lambda response: response,
        "filter_headers": ["user-agent", "host", "connection", "accept-encoding", "content-length"],
        "match_on": ["method", "scheme", "host", "port", "path", "query", "body"],
        "decode_compressed_response": True,
    }


@pytest.mark.vcr
async def test_recorded_traffic_is_understood(scenario, sandbox, vcr):
    made = []

    def connect(who="bridge-bot", **settings):
        token = sandbox.running.tokens.get(who, "nobody") if sandbox else PLACEHOLDER
        config = {"base_url": sandbox.url if sandbox else API, "token": token, "write_interval_s": 0, **settings}
        retry = Retry(sleep=_no_sleep, now=lambda: datetime.fromisoformat(START).astimezone(UTC))
        made.append(Github("github", GithubConfig.model_validate(config), retry=retry))
        return made[-1]

    await scenario(connect, lambda *deeds: _act(sandbox, deeds))
    for github in made:
        await github.aclose()

    assert vcr.all_played or sandbox is not None, "recorded, but never asked for: record this cassette again"


async def _no_sleep(_seconds):
    return None


def _act(sandbox, deeds):
    for deed in deeds if sandbox else ():
        match deed:
            case {"set": settings}:
                sandbox.set(**settings)
            case {"do": "advance", "seconds": seconds}:
                sandbox.clock.advance(seconds)
            case {"edit": number, **members}:
                from dataclasses import replace

                repo = sandbox.store.repo("acme/app")
                now = int(sandbox.clock.now())
                repo.put(replace(repo.issues[number], **members, updated_at=now), now)
            case {"fault": kind, **options}:
                sandbox.fault(kind, **options)
            case _:
                sandbox.tracker.act(deed)


def test_no_cassette_lies_about_unused():
    assert sorted(path.stem for path in CASSETTES.iterdir()) == sorted(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_no_cassette_holds_a_secret_or_an_address_of_this_machine(name):
    assert SECRETS.findall((CASSETTES / f"{name}.yaml").read_bytes()) == []


@pytest.mark.parametrize("name", NAMES)
def test_every_recorded_request_is_one_that_github_knows(name, github_checker):
    recorded = yaml.safe_load((CASSETTES / f"{name}.yaml").read_text(encoding="utf-8"))
    for request in (interaction["request"] for interaction in recorded["interactions"]):
        parts = urlsplit(request["uri"])
        if not parts.path.startswith("/repositories/"):
            body = json.loads(request["body"]) if request["body"] else None
            assert github_checker.request(request["method"], parts.path, parts.query, body) == []
