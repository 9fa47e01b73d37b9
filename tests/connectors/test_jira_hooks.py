"""Jira's webhooks: who signed them, what they say to look at; and what vendors' clients have published as examples."""

from __future__ import annotations

import hmac
import json
from hashlib import sha256

import pytest

from bridge import errors
from connectors import jira_check, jira_paths
from connectors.base import Hint
from connectors.jira import Jira
from connectors.jira_api import PROJECT
from connectors.jira_config import JiraConfig
from connectors.jira_names import FIELDS, Names
from connectors.jira_search import PAGE
from connectors.jira_wire import Issue, Wire

SECRET = "It's a Secret to Everybody"
DOCUMENTED = "sha256=a4771c39fbe90f317c7824e83ddef3caae9cb3d976c214ace1f2937e133263c9"


def jira(**settings) -> Jira:
    return Jira("work", JiraConfig(**{"base_url": "https://acme.atlassian.net", "webhook_secret": SECRET, **settings}))


def verified(body: bytes, **headers):
    given = {"x-hub-signature": f"sha256={hmac.new(SECRET.encode(), body, sha256).hexdigest()}", **headers}
    return jira().verify(given, body)


def hook(event, **payload):
    return verified(json.dumps({"webhookEvent": event, **payload}).encode()).hints


def test_the_signature_documented_by_atlassian_is_accepted_and_a_changed_byte_is_not():
    with pytest.raises(errors.RejectedError):  # the signature fits; "Hello World!" is no JSON
        jira().verify({"x-hub-signature": DOCUMENTED}, b"Hello World!")
    with pytest.raises(errors.SignatureError):
        jira().verify({"x-hub-signature": DOCUMENTED}, b"Hello World?")
    with pytest.raises(errors.SignatureError):
        jira().verify({"x-hub-signature": DOCUMENTED[:-1] + "8"}, b"Hello World!")


@pytest.mark.parametrize("given", ["", "sha1=7ff3", "sha256=", "sha256=é", DOCUMENTED.removeprefix("sha256=")])
def test_a_missing_or_odd_signature_is_refused(given):
    with pytest.raises(errors.SignatureError) as caught:
        jira().verify({"x-hub-signature": given}, b"Hello World!")

    assert SECRET not in str(caught.value)


def test_without_a_secret_nothing_is_believed():
    with pytest.raises(errors.SignatureError, match="has no webhook_secret"):
        jira(webhook_secret=None).verify({"x-hub-signature": DOCUMENTED}, b"{}")


def test_data_center_cannot_sign_so_a_setting_takes_its_hooks_as_hints():
    body = json.dumps({"webhookEvent": "jira:issue_updated", "issue": {"id": "10001", "key": "APP-1"}}).encode()

    assert jira(verify_signature=False).verify({}, body).hints == (Hint("APP", "task", "10001"),)


def test_a_delivery_keeps_its_id_when_it_is_repeated():
    body = b'{"webhookEvent": "jira:issue_updated"}'

    assert verified(body, **{"x-atlassian-webhook-identifier": "abc"}).id == "abc"
    assert verified(body).id == verified(body).id


def test_each_event_names_what_to_look_at():
    issue = {"id": 10001, "key": "APP-1"}

    assert hook("jira:issue_deleted", issue=issue) == (Hint("APP", "task", "10001"),)
    assert hook("comment_updated", issue=issue, comment={"id": "7"}) == (
        Hint("APP", "comment", "10001/7"),
        Hint("APP", "task", "10001"),
    )
    assert hook("worklog_deleted", worklog={"id": "9", "issueId": "10001"}) == (Hint("", "time_entry", "10001/9"),)
    assert hook("issuelink_created", issueLink={"id": 1, "sourceIssueId": 10001, "destinationIssueId": 10002}) == (
        Hint("", "task", "10001"),
        Hint("", "task", "10002"),
    )
    assert hook("jira:version_released") == ()
    assert hook("jira:issue_updated", issue={"id": "1/../2", "key": "APP-1"}) == ()


def test_every_published_webhook_is_understood(contract_dir):
    files = sorted((contract_dir / "examples/jira/mattermost-webhooks").glob("*.json"))
    for file in files:
        body = file.read_bytes()
        payload = json.loads(body)
        hints = verified(body).hints
        comment = payload.get("comment", {})
        if "issue" not in payload:  # Data Center, of a comment: only its address names the issue
            place = comment["self"].split("/issue/")[1].split("/")[0]
            assert hints == (Hint("", "comment", f"{place}/{comment['id']}"),), file.stem
            continue
        issue = payload["issue"]
        project = issue["key"].rpartition("-")[0]
        assert Hint(project, "task", str(issue["id"])) in hints, file.stem
        if payload["webhookEvent"].startswith("comment_"):
            assert Hint(project, "comment", f"{issue['id']}/{comment['id']}") in hints, file.stem

    assert len(files) > 25


def test_every_issue_in_the_published_webhooks_becomes_a_record(contract_dir):
    wire = Wire(jira()._api, Names(jira()._api))
    for file in sorted((contract_dir / "examples/jira/mattermost-webhooks").glob("*.json")):
        raw = json.loads(file.read_bytes()).get("issue")
        if raw is None:
            continue
        issue = Issue(str(raw["id"]), raw["key"], raw.get("fields") or {})

        record = wire.record("APP", issue, {})

        assert record.ref.id == str(raw["id"])
        assert record.fields["title"] == (raw.get("fields") or {}).get("summary", "")


def test_every_published_answer_is_understood(contract_dir):
    folder = contract_dir / "examples/jira/go-jira-responses"

    def read(name):
        return (folder / f"{name}.json").read_bytes()

    assert all(field.name and field.type for field in FIELDS.decode(read("all_fields")))
    assert all(way.target for way in jira_paths.DECODER.decode(read("transitions")).transitions)
    assert PROJECT.decode(read("project")).key
    assert all(jira_check.link_types(jira_check.TYPES.decode(read("all_issuelinktypes"))))
    for name in ("all_priorities", "all_statuses"):
        assert all(one.name for one in jira_check.NAMED.decode(read(name)))
    assert PAGE.decode(read("issues_in_sprint")).issues
