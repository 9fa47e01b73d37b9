"""Webhooks of both sandboxes: signed over the raw body, once, twice, shuffled or never."""

from __future__ import annotations

import hashlib
import hmac
import uuid
from collections.abc import Callable
from typing import Any

import pytest
from sandbox.asking import Post

from bridge.sandbox.outgoing import signature
from bridge.sandbox.server import Sandbox

SECRET = "a secret of the tests"
ISSUES = "/repos/acme/app/issues"
Listener = tuple[str, Callable[[], Post]]


def test_the_signature_is_githubs_documented_vector() -> None:
    expected = "757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"

    assert expected == signature("It's a Secret to Everybody", b"Hello, World!")


def test_github_deliveries_are_signed_and_carry_the_issue(github: Sandbox, listener: Listener) -> None:
    url, heard = listener
    github.call("POST", "/_sandbox/webhook", {"url": url, "secret": SECRET})
    github.call("POST", ISSUES, {"title": "x", "labels": ["bug"]}, who="alice")
    opened, labeled = heard(), heard()

    assert (
        opened.headers["x-github-event"],
        opened.body["action"],
        opened.body["issue"]["title"],
    ) == ("issues", "opened", "x")
    assert (labeled.body["action"], labeled.body["label"]["name"]) == ("labeled", "bug")
    assert opened.body["sender"]["login"] == "alice"
    assert uuid.UUID(opened.headers["x-github-delivery"]) != uuid.UUID(labeled.headers["x-github-delivery"])
    expected = "sha256=" + hmac.new(SECRET.encode(), opened.raw, hashlib.sha256).hexdigest()
    assert expected == opened.headers["x-hub-signature-256"]


def test_a_change_sends_one_event_for_each_aspect(github: Sandbox, listener: Listener) -> None:
    url, heard = listener
    github.call("POST", ISSUES, {"title": "x", "labels": ["bug"]})
    github.call("POST", "/_sandbox/webhook", {"url": url, "secret": SECRET})
    github.call(
        "PATCH", f"{ISSUES}/1", {"title": "y", "state": "closed", "labels": ["enhancement"], "assignees": ["bob"]}
    )
    github.call("POST", f"{ISSUES}/1/comments", {"body": "z"})
    posts = [heard() for _ in range(6)]

    assert [post.body["action"] for post in posts] == [
        "edited",
        "closed",
        "labeled",
        "unlabeled",
        "assigned",
        "created",
    ]
    assert posts[0].body["changes"] == {"title": {"from": "x"}}
    assert posts[-1].headers["x-github-event"] == "issue_comment"


def test_deliveries_are_what_githubs_description_promises(
    github: Sandbox, listener: Listener, contract_dir: Any
) -> None:
    import importlib.util

    spec = importlib.util.spec_from_file_location("check_webhook", contract_dir / "check_request.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    url, heard = listener
    github.call("POST", "/_sandbox/webhook", {"url": url, "secret": SECRET})
    github.call("POST", "/repos/acme/app/milestones", {"title": "v1"})
    github.call("POST", ISSUES, {"title": "x", "body": "b", "labels": ["bug"], "assignees": ["bob"], "milestone": 1})
    github.call("PATCH", f"{ISSUES}/1", {"title": "y", "state": "closed"})
    github.call("POST", f"{ISSUES}/1/comments", {"body": "z"})
    found = []
    for _ in range(7):
        body = heard().body
        event = "issue-comment" if "comment" in body else "issues"
        found += [
            f"{body['action']}: {line}" for line in module.Checker("github").webhook(f"{event}-{body['action']}", body)
        ]

    assert found == []


def test_a_delivery_can_come_twice_under_one_id_or_never(github: Sandbox, listener: Listener) -> None:
    url, heard = listener
    github.call("POST", "/_sandbox/webhook", {"url": url, "secret": SECRET, "mode": "twice"})
    github.call("POST", ISSUES, {"title": "x"})
    one, other = heard(), heard()
    assert one.headers["x-github-delivery"] == other.headers["x-github-delivery"]

    github.call("POST", "/_sandbox/webhook", {"url": url, "secret": SECRET, "mode": "never", "replace": True})
    github.call("POST", ISSUES, {"title": "y"})
    silent = github.call("GET", "/_sandbox/deliveries")[1][-1]
    assert silent["outcome"] == "never sent"
    github.call("POST", "/_sandbox/redeliver", {"id": silent["id"]})
    assert silent["id"] == heard().headers["x-github-delivery"]


def test_deliveries_can_come_in_another_order(github: Sandbox, listener: Listener) -> None:
    url, heard = listener
    github.call("POST", "/_sandbox/webhook", {"url": url, "secret": SECRET, "mode": "shuffled"})
    for title in ("first", "second", "third"):
        github.call("POST", ISSUES, {"title": title})

    assert [heard().body["issue"]["title"] for _ in range(3)] == ["third", "second", "first"]


@pytest.mark.parametrize("header", ["X-Artala-Signature", "X-Other-Signature"])
def test_artala_delivers_to_the_hooks_registered_with_it(artala: Sandbox, listener: Listener, header: str) -> None:
    url, heard = listener
    artala.set(signature_header=header)
    hook = {"name": "ours", "url": url, "secret": SECRET, "events": "task.created, task.completed"}
    assert artala.call("POST", "/api/webhooks", hook | {"secret": "short"})[0] == 400
    assert artala.call("POST", "/api/webhooks", hook)[0] == 201
    task = artala.call("POST", "/api/tasks", {"boardId": artala.running.container, "title": "x"})[1]
    artala.call("PUT", f"/api/tasks/{task['id']}", {"title": "y"})
    artala.call("PATCH", f"/api/tasks/{task['id']}/status", {"newStatus": "Done"})
    created, completed = heard(), heard()

    assert [post.headers["x-artala-event"] for post in (created, completed)] == ["task.created", "task.completed"]
    assert hmac.new(SECRET.encode(), created.raw, hashlib.sha256).hexdigest() == created.headers[header.lower()]
    assert task["id"] == created.body["data"]["id"]
    assert created.headers["x-artala-delivery"] != completed.headers["x-artala-delivery"]
