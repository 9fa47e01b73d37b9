"""What the TimeTracker sandbox has beyond the recorded exchanges: zones, limits, set-up, the log, rights, webhooks."""

from __future__ import annotations

import hashlib
import hmac
import http.client
from datetime import UTC, datetime, timedelta

import pytest
from sandbox.asking import ask

from bridge.sandbox.server import Sandbox


@pytest.fixture
def box():
    with Sandbox("timetracker") as running:
        yield running


def made(box, path="tasks", who="ann", **body):
    status, answer = box.call("POST", f"/api/v1/{path}", body, who=who)
    assert status == 201, answer
    return next(value for name, value in answer.items() if name != "message")


def entry(box, start="2026-09-01T08:00:00", end="2026-09-01T09:00:00", **more):
    return made(box, "time-entries", project_id=1, start_time=start, end_time=end, **more)


@pytest.mark.parametrize(
    ("storage", "task_is", "kept"),
    [
        ("postgres-utc", "utc", ("2026-09-01T08:00:00", "2026-09-01T15:00:00")),
        ("postgres-local", "local", ("2026-09-01T10:00:00", "2026-09-01T17:00:00")),
        ("sqlite", "local", ("2026-09-01T08:00:00", "2026-09-01T20:00:00")),
    ],
)
def test_what_times_mean_depends_on_the_database(storage, task_is, kept):
    with Sandbox("timetracker", storage=storage) as box:
        now = datetime.now(UTC).replace(tzinfo=None)
        stamp = datetime.fromisoformat(made(box, name="A", project_id=1)["created_at"])
        first = entry(
            box, "2026-09-01T08:00:00Z", "2026-09-01T08:30:00Z" if storage != "sqlite" else "2026-09-01T08:30:00"
        )
        second = entry(box, "2026-09-01T20:00:00+05:00", "2026-09-01T20:30:00+05:00")
        local = datetime.fromisoformat(first["created_at"])

    assert (first["start_time"], second["start_time"]) == kept
    assert abs(stamp - now) < timedelta(minutes=1) if task_is == "utc" else stamp - now > timedelta(minutes=50)
    assert local - now > timedelta(minutes=50)


def test_a_token_has_a_minute_and_an_hour_and_refused_requests_count():
    with Sandbox("timetracker", per_minute=3, per_hour=5) as box:
        box.clock.freeze("2026-11-21T10:00:30Z")
        first = [ask(box, "GET", "/api/v1/tasks").status for _ in range(4)]
        refused = ask(box, "GET", "/api/v1/tasks")
        box.clock.advance(30)
        hour = ask(box, "GET", "/api/v1/tasks")

    assert first == [200, 200, 200, 429]
    assert (refused.status, refused.headers["retry-after"], refused.body["remaining_per_minute"]) == (429, "30", 0)
    assert (hour.status, hour.headers["retry-after"]) == (429, "3540")


def test_before_the_set_up_everything_leads_to_it():
    with Sandbox("timetracker", setup_required=True) as box:
        led = redirected(box, "/api/v1/tasks")
        info = ask(box, "GET", "/api/v1/info")

    assert led == (302, "/setup")
    assert info.body["setup_required"] is True


def redirected(box, path):
    connection = http.client.HTTPConnection("127.0.0.1", int(box.url.rsplit(":", 1)[1]), timeout=60)
    connection.request("GET", path, headers={"authorization": f"Bearer {box.token()}"})
    answer = connection.getresponse()
    answer.read()
    connection.close()
    return answer.status, answer.getheader("location")


def test_the_audit_log_names_what_was_done_newest_first_for_admins_only(box):
    task = made(box, name="A", project_id=1)
    box.call("PATCH", f"/api/v1/tasks/{task['id']}", {"name": "B"}, who="ann")
    comment = made(box, "comments", task_id=task["id"], content="hi")
    logged = entry(box)
    box.call("PATCH", f"/api/v1/time-entries/{logged['id']}", {"task_id": task["id"]}, who="ann")
    box.call("DELETE", f"/api/v1/tasks/{task['id']}", who="ann")

    _, log = box.call("GET", "/api/v1/audit-logs?entity_type=Task&limit=2")
    _, comments = box.call("GET", "/api/v1/audit-logs?entity_type=Comment")
    _, entries = box.call("GET", "/api/v1/audit-logs?entity_type=TimeEntry&limit=1")
    refused, _ = box.call("GET", "/api/v1/audit-logs", who="owner")

    assert [(row["action"], row["field_name"], row["new_value"]) for row in log["audit_logs"]] == [
        ("deleted", None, None),
        ("updated", "name", "B"),
    ]
    assert comments["audit_logs"][-1]["entity_name"] == f"<Comment by ann on Task {task['id']}>"
    assert comments["audit_logs"][-1]["entity_id"] == comment["id"]
    assert (entries["audit_logs"][0]["entity_id"], entries["audit_logs"][0]["field_name"]) == (logged["id"], "task_id")
    assert refused == 403


def test_tags_are_found_by_any_part_with_wildcards(box):
    made(box, name="A", project_id=1, tags="Bug_1, ui")
    made(box, name="B", project_id=1, tags="bugs")

    def found(tags):
        return [row["name"] for row in box.call("GET", f"/api/v1/tasks?tags={tags}")[1]["tasks"]]

    assert (found("BUG_1"), found("g_"), found("nothing,u%25i"), found("x")) == (["A"], ["A", "B"], ["A"], [])


def test_a_comment_belongs_to_its_author_and_one_with_replies_keeps_its_place(box):
    task = made(box, name="A", project_id=1)["id"]
    first = made(box, "comments", task_id=task, content=" hi ")
    made(box, "comments", who="bob", task_id=task, content="ho", parent_id=first["id"])

    denied, _ = box.call("PUT", f"/api/v1/comments/{first['id']}", {"content": "x"}, who="bob")
    box.call("DELETE", f"/api/v1/comments/{first['id']}", who="ann")
    _, left = box.call("GET", f"/api/v1/comments?task_id={task}")

    assert (first["content"], denied) == ("hi", 403)
    assert [row["content"] for row in left["comments"]] == ["[Comment deleted]", "ho"]


def test_variants_are_settings():
    with Sandbox("timetracker", task_id_bug=False, assignee_bug=False, admin=False) as box:
        task = made(box, name="A", project_id=1)["id"]
        logged = entry(box, task_id=task)
        _, patched = box.call("PATCH", f"/api/v1/tasks/{task}", {"assignee_id": 3}, who="ann")
        users, _ = box.call("GET", "/api/v1/users")

    assert (logged["task_id"], patched["task"]["assigned_to"], users) == (task, 3, 403)


def test_a_closed_period_stops_everybody_but_admins():
    with Sandbox("timetracker", closed_until="2026-09-30") as box:
        body = {"project_id": 1, "start_time": "2026-09-01T08:00:00", "end_time": "2026-09-01T09:00:00"}
        refused, why = box.call("POST", "/api/v1/time-entries", body, who="ann")
        allowed, _ = box.call("POST", "/api/v1/time-entries", body)

    assert (refused, allowed) == (400, 201)
    assert "closed" in why["message"]


def test_webhooks_come_for_time_entries_and_are_signed(box, listener):
    url, next_post = listener
    hook = made(box, "webhooks", who="owner", name="h", url=url, events=["time_entry.created"])
    made(box, name="A", project_id=1)
    logged = entry(box)

    post = next_post()

    expected = "sha256=" + hmac.new(hook["secret"].encode(), post.raw, hashlib.sha256).hexdigest()
    assert post.headers["x-webhook-signature"] == expected
    assert post.headers["x-webhook-event"] == "time_entry.created"
    assert post.body["entity"] == {"type": "time_entry", "id": logged["id"], "name": "Engineering"}


def test_what_was_stored_survives_a_restart(box):
    task = made(box, name="A", project_id=1, tags="a")["id"]
    made(box, "comments", task_id=task, content="hi")
    logged = entry(box)
    state = box.store.dump()

    with Sandbox("timetracker") as again:
        again.store.load(state)
        _, comments = again.call("GET", f"/api/v1/comments?task_id={task}")
        _, held = again.call("GET", f"/api/v1/time-entries/{logged['id']}")
        later = made(again, name="B", project_id=1)["id"]

    assert (len(comments["comments"]), held["time_entry"]["start_time"], later) == (1, "2026-09-01T08:00:00", task + 1)


@pytest.mark.parametrize("fault", ["half_page", "empty_listing", "stale"])
def test_lists_can_be_wrong(box, fault):
    for number in range(4):
        made(box, name=f"T{number}", project_id=1)
    box.fault(fault, path="/tasks$", method="GET", changes=1)

    _, wrong = box.call("GET", "/api/v1/tasks?project_id=1")
    _, right = box.call("GET", "/api/v1/tasks?project_id=1")

    assert (len(wrong["tasks"]), wrong["pagination"]["has_next"]) == (
        {"half_page": 2, "empty_listing": 0, "stale": 3}[fault],
        False,
    )
    assert len(right["tasks"]) == 4
