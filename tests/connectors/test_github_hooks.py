"""GitHub's webhooks: who signed them, and what they say to look at."""

from __future__ import annotations

import hmac
import json
from hashlib import sha256
from urllib.parse import urlencode

import pytest
from github_script import SECRET, Script

from bridge import errors
from connectors.base import Hint


def signed(body, event="issues", *, secret=SECRET, **headers):
    digest = hmac.new(secret.encode(), body, sha256).hexdigest()
    return {
        "x-github-event": event,
        "x-github-delivery": "72d3162e-cc78-11e3-81ab-4c9367dc0958",
        "x-hub-signature-256": f"sha256={digest}",
        "content-type": "application/json",
        **headers,
    }


def hook(event, **payload):
    body = json.dumps({"repository": {"full_name": "Acme/App"}, **payload}).encode()
    return Script().github().verify(signed(body, event), body)


def test_the_signature_documented_by_github_is_accepted_and_a_changed_byte_is_not():
    digest = "757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"
    headers = {"x-hub-signature-256": f"sha256={digest}"}
    github = Script().github()

    with pytest.raises(errors.RejectedError):  # the signature fits; "Hello, World!" is no JSON
        github.verify(headers, b"Hello, World!")
    with pytest.raises(errors.SignatureError):
        github.verify(headers, b"Hello, World?")
    with pytest.raises(errors.SignatureError):
        github.verify({"x-hub-signature-256": f"sha256={digest[:-1]}8"}, b"Hello, World!")


@pytest.mark.parametrize(
    "given",
    ["", "sha1=7ff3", "sha256=", "sha256=é", "757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"],
)
def test_a_missing_or_odd_signature_is_refused(given):
    with pytest.raises(errors.SignatureError) as caught:
        Script().github().verify({"x-hub-signature-256": given}, b"Hello, World!")

    assert SECRET not in str(caught.value)


def test_without_a_secret_nothing_is_believed():
    body = b"{}"

    with pytest.raises(errors.SignatureError, match="has no webhook_secret"):
        Script().github(webhook_secret=None).verify(signed(body, secret=""), body)
    with pytest.raises(errors.SignatureError):
        Script().github(webhook_secret="").verify(signed(body, secret=""), body)


def test_an_issue_event_says_which_issue_with_the_repositorys_name_as_written():
    delivery = hook("issues", action="edited", issue={"number": 12})

    assert delivery.id == "72d3162e-cc78-11e3-81ab-4c9367dc0958"
    assert (delivery.event, delivery.hints) == ("issues", (Hint("Acme/App", "task", "12"),))


def test_a_form_is_read_as_well():
    body = urlencode({"payload": json.dumps({"repository": {"full_name": "a/b"}, "issue": {"number": 3}})}).encode()
    headers = signed(body, **{"content-type": "application/x-www-form-urlencoded; charset=utf-8"})

    assert Script().github().verify(headers, body).hints == (Hint("a/b", "task", "3"),)


def test_comments_count_for_issues_and_not_for_pull_requests():
    issue = {"number": 12}

    assert hook("issue_comment", issue=issue).hints == (Hint("Acme/App", "task", "12"),)
    assert hook("issue_comment", issue=issue | {"pull_request": None}).hints == (Hint("Acme/App", "task", "12"),)
    assert hook("issue_comment", issue=issue | {"pull_request": {"url": "…"}}).hints == ()


def test_a_transfer_names_both_places():
    changes = {"new_issue": {"number": 3}, "new_repository": {"full_name": "acme/other"}}

    assert hook("issues", action="transferred", issue={"number": 12}, changes=changes).hints == (
        Hint("Acme/App", "task", "12"), Hint("acme/other", "task", "3")
    )  # fmt: skip


def test_a_renamed_label_is_looked_at_under_both_names():
    delivery = hook("label", action="edited", label={"name": "new"}, changes={"name": {"from": "old"}})

    assert delivery.hints == (Hint("Acme/App", "label", "new"), Hint("Acme/App", "label", "old"))


@pytest.mark.parametrize("event", ["ping", "milestone", "push", "installation", "repository", ""])
def test_other_events_are_accepted_and_say_nothing(event):
    assert hook(event, zen="Keep it logically awesome.").hints == ()


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b"\xff", b'{"issue":{"number":"x"}}'])
def test_a_signed_body_that_is_not_githubs_is_rejected(body):
    with pytest.raises(errors.RejectedError, match="content type"):
        Script().github().verify(signed(body), body)


def test_a_delivery_without_an_id_is_known_by_its_body():
    headers = signed(b"{}") | {"x-github-delivery": ""}
    github = Script().github()

    first, again = github.verify(headers, b"{}"), github.verify(headers, b"{}")

    assert first.id == again.id != ""
