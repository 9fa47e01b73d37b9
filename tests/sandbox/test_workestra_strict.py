"""What the Workestra sandbox takes and refuses, by its documents."""

from __future__ import annotations

import hashlib
import hmac

import pytest
from sandbox.asking import ask

from bridge.sandbox.server import Sandbox

ISSUES, WEB = "/api/v1/issues", "proj_web"


@pytest.fixture
def workestra():
    with Sandbox("workestra") as box:
        yield box


def made(box, **members):
    got = ask(box, "POST", ISSUES, {"project_id": WEB, "title": "One", **members})
    assert got.status == 201, got.body
    return got.body


def key(box, who):
    return {"authorization": f"Bearer {box.token(who)}"}


def test_a_task_is_answered_as_the_object_itself_and_a_list_in_an_envelope(workestra):
    task = made(workestra, labels=["bug"], priority="high", assignee_id="user_bob")

    assert (task["status"], task["labels"], task["priority"], task["assignee_id"]) == (
        "todo",
        ["bug"],
        "high",
        "user_bob",
    )
    assert ask(workestra, "GET", f"{ISSUES}/{task['id']}").body == task
    assert ask(workestra, "GET", f"{ISSUES}?project_id={WEB}").body == {"data": [task], "count": 1, "error": None}


@pytest.mark.parametrize("header", [None, "Bearer nobody", "wsk_live_sandbox_bridge", "Basic abc"])
def test_without_a_good_key_there_is_nothing(workestra, header):
    got = ask(workestra, "GET", "/api/v1/projects", authorization=header)

    assert (got.status, got.body["error"]) == (401, "unauthorized")


@pytest.mark.parametrize(
    ("body", "words"),
    [({"title": "x"}, "project_id"), ({"project_id": WEB}, "title"), ({"project_id": WEB, "title": " "}, "title"),
     ({"project_id": WEB, "title": "x", "status": "done"}, "status"), ({"project_id": WEB, "title": "x", "priority": "huge"}, "priority"),
     ({"project_id": WEB, "title": "x", "labels": "bug"}, "labels"), ({"project_id": WEB, "title": "x", "assignee_id": "user_x"}, "assignee_id"),
     ({"project_id": WEB, "title": "x", "custom_fields": {}}, "custom_fields"), ({"project_id": WEB, "title": "x" * 256}, "title")],
)  # fmt: skip
def test_a_create_takes_its_six_members_and_checks_them(workestra, body, words):
    got = ask(workestra, "POST", ISSUES, body)

    assert got.status == 422
    assert words in got.body["message"]
    assert ask(workestra, "GET", ISSUES).body["count"] == 0


@pytest.mark.parametrize(
    "body",
    [{"status": "unheard"}, {"due_date": "soon"}, {"estimate_hours": "2"}, {"custom_fields": {"unheard": "x"}},
     {"custom_fields": {"risk_score": "3"}}, {"custom_fields": {"client_name": 3}}, {"project_id": "proj_ops"}, {"external_ref": "x"}],
)  # fmt: skip
def test_a_change_is_checked_as_a_whole(workestra, body):
    task = made(workestra)

    assert ask(workestra, "PATCH", f"{ISSUES}/{task['id']}", {"title": "Two", **body}).status == 422
    assert ask(workestra, "GET", f"{ISSUES}/{task['id']}").body == task


def test_a_change_leaves_what_it_does_not_name_and_replaces_labels(workestra):
    task = made(workestra, labels=["bug"], description="Text")
    body = {"labels": ["docs", "brand new"], "due_date": "2026-12-24", "estimate_hours": 2.333}

    now = ask(workestra, "PATCH", f"{ISSUES}/{task['id']}", body).body

    assert (now["labels"], now["description"], now["due_date"]) == (["docs", "brand new"], "Text", "2026-12-24")
    assert now["estimate_hours"] == 2.33
    assert now["updated_at"] >= task["updated_at"]


@pytest.mark.parametrize(("how", "kept"), [("merge", "Acme"), ("replace", None)])
def test_custom_fields_are_merged_or_replaced(workestra, how, kept):
    workestra.set(patch_custom_fields=how)
    path = f"{ISSUES}/{made(workestra)['id']}"
    ask(workestra, "PATCH", path, {"custom_fields": {"client_name": "Acme"}})

    now = ask(workestra, "PATCH", path, {"custom_fields": {"risk_score": 3}}).body

    assert now["custom_fields"] == {"external_ref": None, "client_name": kept, "risk_score": 3}


@pytest.mark.parametrize(("how", "status", "labels"), [("create", 201, ["bug", "new"]), ("ignore", 201, ["bug"]), ("refuse", 422, None)])  # fmt: skip
def test_an_unknown_label_is_made_dropped_or_refused(workestra, how, status, labels):
    workestra.set(unknown_labels=how)
    got = ask(workestra, "POST", ISSUES, {"project_id": WEB, "title": "x", "labels": ["bug", "new"]})

    assert (got.status, got.body.get("labels")) == (status, labels)


def test_a_page_holds_25_and_never_more_than_100(workestra):
    workestra.seed(generate=120)

    assert len(ask(workestra, "GET", ISSUES).body["data"]) == 25
    assert len(ask(workestra, "GET", f"{ISSUES}?per_page=500").body["data"]) == 100
    second = ask(workestra, "GET", f"{ISSUES}?per_page=100&page=2").body
    assert (len(second["data"]), second["count"]) == (20, 120)
    workestra.set(count="page")
    assert ask(workestra, "GET", f"{ISSUES}?per_page=100&page=2").body["count"] == 20
    assert ask(workestra, "GET", f"{ISSUES}?page=0").status == 400


def test_a_list_is_sorted_and_ignores_an_order_that_it_does_not_know(workestra):
    rows = [{"title": name, "created_at": f"2026-11-0{day}T00:00:00Z", "updated_at": f"2026-11-1{turn}T00:00:00Z"}
            for name, day, turn in (("B", 1, 3), ("A", 2, 1), ("C", 3, 2))]  # fmt: skip
    workestra.seed(tasks=rows)

    def names(query):
        return "".join(row["title"] for row in ask(workestra, "GET", f"{ISSUES}?{query}").body["data"])

    assert [names(""), names("sort=title"), names("sort=created_at&order=desc")] == ["BAC", "ABC", "CAB"]
    assert names("sort=updated_at&order=desc") == "BCA"
    workestra.set(sorts_updated=False)
    assert names("sort=updated_at&order=desc") == "CAB"
    assert ask(workestra, "GET", f"{ISSUES}?order=up").status == 400


def test_open_is_a_class_of_statuses_and_overdue_a_filter(workestra):
    rows = [{"title": "late", "due_date": "2020-01-01"}, {"title": "late but done", "due_date": "2020-01-01", "status": "done"},
            {"title": "fine", "status": "in_review", "assignee_id": "user_bob"}]  # fmt: skip
    workestra.seed(tasks=rows)

    def names(query):
        return [row["title"] for row in ask(workestra, "GET", f"{ISSUES}?{query}").body["data"]]

    assert names("status=open") == ["late", "fine"]
    assert names("status=open&overdue=true") == ["late"]
    assert names("status=done") == ["late but done"]
    assert names("assignee_id=user_bob") == ["fine"]
    assert names("project_id=proj_ops") == []


def test_roles_and_projects_that_are_not_shown(workestra):
    task = made(workestra)
    viewer = key(workestra, "vic")

    assert ask(workestra, "GET", f"{ISSUES}/{task['id']}", **viewer).status == 200
    assert ask(workestra, "PATCH", f"{ISSUES}/{task['id']}", {"title": "x"}, **viewer).status == 403
    assert ask(workestra, "DELETE", f"{ISSUES}/{task['id']}", **viewer).status == 403
    assert ask(workestra, "GET", "/api/v1/projects/proj_secret").status == 403
    assert ask(workestra, "GET", "/api/v1/projects/proj_nowhere").status == 404
    assert [row["id"] for row in ask(workestra, "GET", "/api/v1/projects").body["data"]] == [WEB, "proj_ops"]
    assert ask(workestra, "DELETE", f"/api/v1/projects/{WEB}").status == 403
    assert ask(workestra, "POST", ISSUES, {"project_id": "proj_secret", "title": "x"}).status == 403


def test_a_deleted_task_is_in_the_trash_until_it_is_restored(workestra):
    task = made(workestra)
    path = f"{ISSUES}/{task['id']}"

    assert ask(workestra, "DELETE", path).status == 204
    assert ask(workestra, "GET", path).status == ask(workestra, "DELETE", path).status == 404
    assert ask(workestra, "GET", ISSUES).body["count"] == 0
    workestra.set(trash="marked")
    assert ask(workestra, "GET", path).body["deleted_at"]
    assert ask(workestra, "PATCH", path, {"title": "x"}).status == 404
    workestra.act("restore", task=task["id"])
    assert ask(workestra, "GET", path).body["deleted_at"] is None


def test_a_project_can_be_made_changed_and_put_into_the_trash(workestra):
    row = ask(
        workestra, "POST", "/api/v1/projects", {"name": "New", "status": "active", "target_date": "2026-09-30"}
    ).body
    path = f"/api/v1/projects/{row['id']}"

    assert ask(workestra, "PATCH", path, {"priority": "huge"}).status == 422
    assert ask(workestra, "PATCH", path, {"priority": "high"}).body["priority"] == "high"
    assert ask(workestra, "DELETE", path).status == 204
    assert ask(workestra, "GET", path).status == 404


def test_writes_have_half_the_limit_and_the_wait_stands_in_the_body(workestra):
    workestra.set(rate_limit=4)
    workestra.clock.freeze("2026-11-21T09:30:10Z")
    first = ask(workestra, "POST", ISSUES, {"project_id": WEB, "title": "x"})
    ask(workestra, "POST", ISSUES, {"project_id": WEB, "title": "x"})
    over = ask(workestra, "POST", ISSUES, {"project_id": WEB, "title": "x"})

    assert (first.headers["x-ratelimit-limit"], first.headers["x-ratelimit-remaining"]) == ("2", "1")
    assert (over.status, over.body["error"], over.body["retry_after"]) == (429, "rate_limit_exceeded", 50)
    assert "retry-after" not in over.headers
    assert ask(workestra, "GET", ISSUES).body["count"] == 2


def test_a_planned_refusal_of_200_is_an_error_in_the_envelope(workestra):
    workestra.fault("status", status=200, message="broken")

    assert ask(workestra, "GET", ISSUES).body == {"data": None, "count": 0, "error": "broken"}


@pytest.mark.parametrize("body", [b"{", b"[]"])
def test_a_body_that_is_no_object_is_refused(workestra, body):
    assert ask(workestra, "POST", ISSUES, body).status == 400


def test_a_change_is_announced_signed_and_without_the_task(workestra, listener):
    url, heard = listener
    workestra.tracker.outgoing.aim(url, "s3cret")
    task = made(workestra)
    assert heard().body["type"] == "task.created"

    ask(workestra, "PATCH", f"{ISSUES}/{task['id']}", {"status": "done"})
    posts = {post.body["type"]: post for post in (heard(), heard(), heard())}

    assert set(posts) == {"task.updated", "task.status_changed", "task.completed"}
    told = posts["task.status_changed"]
    assert told.body["data"] == {
        "task_id": task["id"], "project_id": WEB, "title": "One", "changed_by": "user_bridge",
        "old_status": "todo", "new_status": "done",
    }  # fmt: skip
    signed = hmac.new(b"s3cret", told.raw, hashlib.sha256).hexdigest()
    assert told.headers["x-workestra-signature"] == f"sha256={signed}"


def test_what_is_saved_is_restored_whole(workestra):
    made(workestra, labels=["bug"])
    state = workestra.store.dump()

    with Sandbox("workestra") as other:
        other.store.load(state)
        assert other.store.dump() == state
        assert ask(other, "GET", ISSUES).body["count"] == 1


def test_a_stale_list_does_not_know_the_newest_changes(workestra):
    task = made(workestra)
    ask(workestra, "PATCH", f"{ISSUES}/{task['id']}", {"title": "Two"})
    workestra.fault("stale", path="/issues", changes=1, times=1)

    assert ask(workestra, "GET", ISSUES).body["data"][0]["title"] == "One"
    assert ask(workestra, "GET", ISSUES).body["data"][0]["title"] == "Two"


def test_each_write_is_in_the_journal_with_its_author(workestra):
    task = made(workestra)
    ask(workestra, "PATCH", f"{ISSUES}/{task['id']}", {"title": "One"}, **key(workestra, "ann"))
    ask(workestra, "DELETE", f"{ISSUES}/{task['id']}", **key(workestra, "bob"))

    assert [(entry.author, entry.verb, entry.changed) for entry in workestra.log] == [
        ("bridge", "create", True), ("ann", "update", False), ("bob", "delete", True),
    ]  # fmt: skip


@pytest.mark.parametrize("plan", [{"unheard": 1}, {"project": "proj_x"}, {"tasks": [{"title": "x", "unheard": 1}]}])
def test_a_seed_that_cannot_be_sown_is_refused(workestra, plan):
    with pytest.raises(ValueError):
        workestra.seed(**plan)


@pytest.mark.parametrize("deed", [{"do": "fly"}, {"do": "purge", "task": "task_x"}])
def test_a_deed_that_cannot_be_done_is_refused(workestra, deed):
    with pytest.raises(ValueError):
        workestra.act(**deed)
