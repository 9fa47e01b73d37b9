"""What GitHub itself has published as examples: all of it can be read (BRIDGE_CONTRACT_DIR)."""

from __future__ import annotations

import hmac
import json
from hashlib import sha256

import httpx
import pytest
from github_script import SECRET, Script, answer

from bridge import errors
from connectors.base import Hint
from connectors.github_wire import ISSUE, ISSUES, LABEL, LABELS, issue_record, label_record


def verified(name, body):
    headers = {
        "x-github-event": name.partition("-")[0],
        "x-hub-signature-256": f"sha256={hmac.new(SECRET.encode(), body, sha256).hexdigest()}",
    }
    return Script().github().verify(headers, body)


def test_every_published_webhook_is_understood(contract_dir):
    files = sorted((contract_dir / "examples/github/webhooks").glob("*.json"))
    for file in files:
        body = file.read_bytes()
        payload = json.loads(body)
        hints = verified(file.stem, body).hints
        issue, event = payload.get("issue"), file.stem.partition("-")[0]
        if event in ("issues", "issue_comment") and not issue.get("pull_request"):
            assert Hint(payload["repository"]["full_name"], "task", str(issue["number"])) in hints, file.stem
        elif event == "label":
            assert Hint(payload["repository"]["full_name"], "label", payload["label"]["name"]) in hints, file.stem
        else:
            assert hints == (), file.stem

    assert len(files) > 40


def test_every_issue_and_label_in_the_examples_becomes_a_record(contract_dir):
    seen = {"issue": 0, "label": 0}

    def walk(value):
        if isinstance(value, list):
            for item in value:
                walk(item)
        elif isinstance(value, dict):
            raw = json.dumps(value).encode()
            if "number" in value and "labels" in value and "state" in value:
                [issue] = ISSUES.decode(b"[" + raw + b"]")
                record = issue_record("github", "o/r", issue)
                assert (record.ref.id, record.fields["title"]) == (str(value["number"]), value["title"])
                assert ISSUE.decode(raw) == issue
                seen["issue"] += 1
            elif "color" in value and "name" in value:
                record = label_record("github", "o/r", LABEL.decode(raw), "")
                assert record.fields["color"] == f"#{value['color']}".lower()
                assert LABELS.decode(b"[" + raw + b"]")[0].name == value["name"]
                seen["label"] += 1
            for item in value.values():
                walk(item)

    for file in sorted((contract_dir / "examples/github").rglob("*.json")):
        walk(json.loads(file.read_bytes()))

    assert min(seen.values()) > 20


async def test_every_published_refusal_for_a_limit_is_taken_for_one(contract_dir):
    files = sorted((contract_dir / "examples/github/rate-limit").glob("*.json"))
    for file in files:
        given = json.loads(file.read_bytes())["response"]
        headers = {
            name: value for name, value in given["headers"].items() if isinstance(value, str) and "{{" not in value
        }
        refusal = httpx.Response(given["status"], headers=headers, content=given["body"])
        if given["status"] in (403, 429):
            script = Script(*[("GET", "/repos/acme/app", refusal)] * 9)
            with pytest.raises((errors.RateLimited, errors.ContainerError)) as caught:
                await script.github()._api.repo("acme/app")
            is_named = "secondary" in given["body"] or "retry-after" in {name.lower() for name in headers}
            assert isinstance(caught.value, errors.RateLimited) or not is_named, file.stem

    assert files


async def test_an_installation_token_that_may_not_ask_who_it_is_is_checked_otherwise():
    no = answer({"message": "Resource not accessible by integration"}, 403)
    repo = answer({"id": 7, "full_name": "acme/app", "archived": True})
    script = Script(("GET", "/user", no), ("GET", "/rate_limit", answer({})), ("GET", "/repos/acme/app", repo))

    findings = await script.github().check("acme/app", "task", ["update"], {})

    assert [(f.level, f.what) for f in findings] == [
        ("ok", "The token of a GitHub App works."),
        ("ok", "The repository acme/app can be read."),
        ("error", "acme/app is archived: nothing can be written."),
        ("warning", "GitHub does not say what the token may do in acme/app."),
    ]


async def test_a_token_on_an_unencrypted_line_is_warned_about():
    script = Script(("GET", "http://git.example/api/v3/user", answer({"login": "bot"})),
                    ("GET", "http://git.example/api/v3/repos/acme/app", answer({"full_name": "acme/app"})))  # fmt: skip

    findings = await script.github(base_url="http://git.example/api/v3").check("acme/app", "task", [], {})

    assert findings[-1].level == "warning"
    assert "not encrypted" in findings[-1].what


async def test_a_server_without_a_list_of_assignees_is_a_warning_and_the_rest_is_checked():
    """As emulators of GitHub are; the repository itself was read."""
    repo = answer({"id": 7, "full_name": "acme/app", "permissions": {"push": True}})
    script = Script(
        ("GET", "/user", answer({"login": "bot"})),
        ("GET", "/repos/acme/app", repo),
        ("GET", "/repos/acme/app/assignees?per_page=100", answer({"message": "Not Found"}, 404)),
        ("GET", "/repos/acme/app/labels?per_page=100", answer([{"name": "bug"}])),
    )

    findings = await script.github().check("acme/app", "task", ["update"], {"assignees": ["zoe"], "labels": ["nope"]})

    assert [finding.level for finding in findings] == ["ok", "ok", "ok", "warning", "warning"]
    assert "the names of assignees in the mapping were not checked" in findings[3].what
    assert 'no labels "nope"' in findings[4].what
