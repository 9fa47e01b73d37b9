"""What the Grow CRM sandbox insists on, asked as any client would."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from sandbox.asking import Got, ask

from bridge.sandbox.server import Sandbox

NEW = {"task_projectid": 7, "task_title": "T", "task_status": 1, "task_priority": 2}
FORM = "application/x-www-form-urlencoded"
SPENT = {"task_id": 1, "user_id": 53, "hours": 1, "minutes": 30, "timer_created": "2026-06-20"}


@pytest.fixture
def crm() -> Iterator[Sandbox]:
    with Sandbox("growcrm") as box:
        yield box


def made(crm: Sandbox, **members: Any) -> dict[str, Any]:
    got = ask(crm, "POST", "/api/tasks", NEW | members)
    assert (got.status, got.body["message"]) == (201, "Task created successfully.")
    return dict(got.body["data"])


def form(crm: Sandbox, method: str, path: str, text: str) -> Got:
    return ask(crm, method, path, text.encode(), content_type=FORM)


def test_without_a_key_nothing_is_shown(crm: Sandbox) -> None:
    for authorization in (None, "Bearer nothing", f"Token {crm.token()}"):
        got = ask(crm, "GET", "/api/tasks", authorization=authorization)
        assert (got.status, got.body) == (401, {"message": "Unauthorized. A valid API key is required."})


def test_a_task_has_the_documented_shape(crm: Sandbox) -> None:
    task = made(crm, task_milestoneid=72, task_billable="on", task_date_due="2026-06-30")

    assert set(task) == {
        *("id", "title", "description", "status", "priority", "active_state", "client_visibility", "billable"),
        *("project", "client", "milestone", "dates", "time_logged", "assigned", "tags"),
    }
    assert task["status"] == {"id": 1, "title": "To do", "color": "#4f8cff"}
    assert (task["project"], task["client"]) == ({"id": 7, "title": "Website Redesign"}, {"id": 12, "name": "Acme Inc"})
    assert task["milestone"] == {"id": 72, "name": "Phase 1"}
    assert (task["billable"], task["client_visibility"], task["dates"]["due"]) == ("yes", "no", "2026-06-30")
    assert task["dates"]["created"].endswith("Z")
    assert len(task["dates"]["created"]) == len("2026-06-15T09:30:00.000000Z")


@pytest.mark.parametrize(
    ("members", "status", "blamed"),
    [
        ({"task_title": "  "}, 422, "task_title"),
        ({"task_title": "x" * 251}, 422, "task_title"),
        ({"task_status": 99}, 422, "task_status"),
        ({"task_priority": None}, 422, "task_priority"),
        ({"task_projectid": 99}, 422, "task_projectid"),
        ({"task_date_start": "2026-07-01", "task_date_due": "2026-06-30"}, 422, "task_date_due"),
        ({"task_date_due": "30.06.2026"}, 422, "task_date_due"),
        ({"task_milestoneid": 82}, 409, None),
    ],
)
def test_what_is_wrong_is_refused_and_named(crm: Sandbox, members: dict[str, Any], status: int, blamed: str) -> None:
    got = ask(crm, "POST", "/api/tasks", NEW | members)

    assert (got.status, list(got.body.get("errors", {})) == ([blamed] if blamed else [])) == (status, True)
    assert crm.log == []


def test_forms_and_json_mean_the_same_and_other_bodies_are_not_read(crm: Sandbox) -> None:
    text = "task_projectid=7&task_title=A+%26+%C3%A4&task_status=1&task_priority=2"
    assert form(crm, "POST", "/api/tasks", text).body["data"]["title"] == "A & ä"
    got = ask(crm, "POST", "/api/tasks", text.encode(), content_type="text/plain")
    assert (got.status, list(got.body["errors"])) == (422, ["task_projectid"])


def test_people_and_tags_cannot_be_given_to_a_new_task(crm: Sandbox) -> None:
    task = made(crm, assigned=[53], tags=["bug"])

    assert (task["assigned"], task["tags"]) == ([], [])


def test_a_patch_resets_what_it_is_not_given(crm: Sandbox) -> None:
    more = {
        "task_description": "<p>D</p>",
        "task_billable": "on",
        "task_date_due": "2026-06-30",
        "task_milestoneid": 72,
    }
    task = made(crm, **more)
    path = f"/api/tasks/{task['id']}"

    assert ask(crm, "PATCH", path, {"task_title": "U"}).status == 422
    now = ask(crm, "PATCH", path, {"task_title": "U", "task_status": 1, "task_priority": 2}).body["data"]
    assert (now["description"], now["billable"], now["dates"]["due"], now["milestone"]["id"]) == (None, "no", None, 71)
    crm.set(patch_resets=False)
    ask(crm, "PATCH", path, NEW | more)
    now = ask(crm, "PATCH", path, {"task_title": "V", "task_status": 1, "task_priority": 2}).body["data"]
    assert (now["title"], now["description"], now["billable"]) == ("V", "<p>D</p>", "yes")


def test_a_form_cannot_say_that_a_set_is_empty(crm: Sandbox) -> None:
    path = f"/api/tasks/{made(crm)['id']}"

    assert form(crm, "PUT", f"{path}/tags", "tags[]=Bug&tags[]=bug&tags[]=b").body["data"]["tags"] == ["Bug", "b"]
    assert form(crm, "PUT", f"{path}/tags", "").status == 422
    assert ask(crm, "PUT", f"{path}/tags", {"tags": []}).body["data"]["tags"] == []
    assert form(crm, "PUT", f"{path}/assigned", "assigned[0]=53&assigned[1]=54").body["data"]["assigned"] == [
        {"id": 53, "name": "Ann Lee"},
        {"id": 54, "name": "Bob Ray"},
    ]
    assert ask(crm, "PUT", f"{path}/assigned", {"assigned": [999]}).status == 422


def test_an_action_leaves_the_date_of_change_alone_unless_told(crm: Sandbox) -> None:
    crm.clock.freeze("2026-06-01T00:00:00Z")
    task = made(crm)
    crm.clock.advance(60)
    path = f"/api/tasks/{task['id']}"

    tagged = ask(crm, "PUT", f"{path}/tags", {"tags": ["x"]}).body["data"]
    moved = ask(crm, "PUT", f"{path}/status", {"status": 2}).body["data"]

    assert tagged["dates"] == task["dates"]
    assert moved["dates"]["updated"] > task["dates"]["updated"]
    assert ask(crm, "PUT", f"{path}/status", {"status": "done"}).status == 422


def test_lists_have_a_size_of_their_own_and_at_most_a_hundred(crm: Sandbox) -> None:
    crm.seed(generate=130)

    def meta(query: str) -> list[int]:
        got = ask(crm, "GET", f"/api/tasks?project_id=7&{query}").body
        return [len(got["data"]), *(got["meta"][name] for name in ("current_page", "per_page", "total", "last_page"))]

    assert meta("") == [25, 1, 25, 130, 6]
    assert meta("limit=1000&page=2") == [30, 2, 100, 130, 2]
    assert ask(crm, "GET", "/api/tasks?sort=task_updated").status == 422
    rows = ask(crm, "GET", "/api/tasks?project_id=7&sort=task_created&order=asc&search=START+PAGE&limit=3").body["data"]
    assert [row["id"] for row in rows] == sorted(row["id"] for row in rows)
    assert all("the start page" in row["title"] for row in rows)


def test_archived_tasks_are_listed_when_asked_for(crm: Sandbox) -> None:
    path = f"/api/tasks/{made(crm)['id']}"
    assert ask(crm, "PUT", f"{path}/archive").body["data"]["active_state"] == "archived"

    found = {
        state: ask(crm, "GET", f"/api/tasks?project_id=7{state}").body["meta"]["total"]
        for state in ("", "&active_state=active", "&active_state=archived")
    }

    assert found == {"": 0, "&active_state=active": 0, "&active_state=archived": 1}
    assert ask(crm, "PUT", f"{path}/activate").body["data"]["active_state"] == "active"


def test_comments_are_the_main_administrators_and_cannot_be_edited(crm: Sandbox) -> None:
    path = f"/api/tasks/{made(crm)['id']}/comments"
    crm.act("comment", task=101, text="In the CRM", who="ann@example.com")
    status, said = crm.call("POST", path, {"comment": "By key"}, who="ann")
    assert (status, said["data"]["creator"]) == (201, {"id": 1, "name": "Main Admin"})

    assert [row["creator"]["name"] for row in ask(crm, "GET", path).body["data"]] == ["Ann Lee", "Main Admin"]
    one = f"{path}/{said['data']['id']}"
    assert [ask(crm, method, one, {"comment": "x"}).status for method in ("PATCH", "PUT")] == [404, 404]
    assert [ask(crm, "DELETE", one).status for _ in range(2)] == [200, 404]
    assert ask(crm, "POST", path, {"comment": ""}).status == 422


def test_time_is_whole_minutes_of_a_day_and_only_its_length_changes(crm: Sandbox) -> None:
    for wrong in ({"hours": 0, "minutes": 0}, {"user_id": 999}, {"timer_created": None}, {"minutes": None}):
        assert ask(crm, "POST", "/api/timesheets", SPENT | wrong).status == 422
    assert ask(crm, "POST", "/api/timesheets", SPENT | {"task_id": 999}).status == 404
    row = ask(crm, "POST", "/api/timesheets", SPENT).body["data"]
    assert (row["time_seconds"], row["time_readable"], row["recorded_by_id"], row["project_id"]) == (
        5400,
        "1h 30m",
        1,
        8,
    )
    path = f"/api/timesheets/{row['id']}"

    now = ask(crm, "PATCH", path, SPENT | {"hours": 2, "minutes": 0, "user_id": 54, "timer_created": "2026-01-01"})

    assert now.body["data"] == row | {"time_seconds": 7200, "time_readable": "2h 0m"}
    assert ask(crm, "GET", "/api/tasks/1").body["data"]["time_logged"] == 7200
    crm.act("invoice", timer=row["id"])
    assert [ask(crm, method, path, SPENT).status for method in ("PATCH", "DELETE")] == [409, 409]


def test_timers_of_a_task_are_only_shown_and_stopped(crm: Sandbox) -> None:
    crm.clock.freeze("2026-06-01T00:00:00Z")
    timer = crm.act("start_timer", task=1, who="bob@example.com")["id"]
    crm.clock.advance(90)

    [shown] = ask(crm, "GET", "/api/tasks/1/timers").body["data"]
    assert (shown["id"], shown["status"], shown["user"]["name"]) == (timer, "running", "Bob Ray")
    assert ask(crm, "PUT", "/api/tasks/1/stop-timers").body["data"] == {"id": 1}
    [row] = ask(crm, "GET", "/api/timesheets?task_id=1&status=stopped").body["data"]
    assert row["time_seconds"] == 90


def test_deleting_takes_what_belongs_to_it(crm: Sandbox) -> None:
    task = made(crm)["id"]
    crm.act("comment", task=task, text="x")
    time = ask(crm, "POST", "/api/timesheets", SPENT | {"task_id": task}).body["data"]["id"]

    assert ask(crm, "DELETE", f"/api/tasks/{task}").body["data"] == {"id": task}

    paths = (f"/api/tasks/{task}", f"/api/tasks/{task}/comments", f"/api/timesheets/{time}", "/api/nothing")
    assert [ask(crm, "GET", path).status for path in paths] == [404] * 4


def test_a_member_who_was_deleted_is_not_listed_and_leaves_the_tasks(crm: Sandbox) -> None:
    crm.seed(tasks=[{"id": 60, "title": "T", "assigned": ["bob@example.com"]}])
    crm.act("delete_member", member="bob@example.com")

    assert [row["email"] for row in ask(crm, "GET", "/api/team?sort=email&order=asc").body["data"]] == [
        "admin@example.com",
        "ann@example.com",
    ]
    assert ask(crm, "GET", "/api/team?status=deleted").body["meta"]["total"] == 1
    assert ask(crm, "GET", "/api/tasks/60").body["data"]["assigned"] == []


def test_milestones_are_listed_for_one_project(crm: Sandbox) -> None:
    assert ask(crm, "GET", "/api/milestones").status == 422
    rows = ask(crm, "GET", "/api/milestones?project_id=7&order=asc").body["data"]
    assert [(row["title"], row["type"]) for row in rows] == [
        ("Uncategorised", "uncategorised"),
        ("Phase 1", "categorised"),
    ]


def test_the_limit_of_a_minute_is_the_keys_own(crm: Sandbox) -> None:
    crm.set(rate_limit=2)
    crm.clock.freeze("2026-06-01T00:00:15Z")

    got = [ask(crm, "GET", "/api/projects/7") for _ in range(3)]

    assert [one.status for one in got] == [200, 200, 429]
    assert got[-1].headers["retry-after"] == "45"
    assert crm.call("GET", "/api/projects/7", who="ann")[0] == 200


def test_the_log_names_who_wrote_and_what_it_changed(crm: Sandbox) -> None:
    path = f"/api/tasks/{made(crm)['id']}"
    crm.call("PUT", f"{path}/status", {"status": 1}, who="ann")

    assert [(one.author, one.verb, one.kind, one.changed) for one in crm.log] == [
        ("bridge", "create", "task", True),
        ("ann", "update", "task", False),
    ]


def test_lists_can_be_late_short_or_empty(crm: Sandbox) -> None:
    crm.seed(generate=4)
    made(crm)

    def total(kind: str, **options: Any) -> list[int]:
        crm.fault(kind, **options)
        got = ask(crm, "GET", "/api/tasks?project_id=7").body
        return [len(got["data"]), got["meta"]["total"]]

    assert total("stale", changes=1) == [4, 4]
    assert total("half_page") == [2, 5]
    assert total("empty_listing") == [0, 0]
    assert total("delay") == [5, 5]


def test_what_was_saved_comes_back(crm: Sandbox) -> None:
    crm.seed(generate=3)
    ask(crm, "POST", "/api/timesheets", SPENT)
    crm.act("comment", task=1, text="x")
    state = crm.call("GET", "/_sandbox/state")[1]
    with Sandbox("growcrm") as other:
        assert other.call("POST", "/_sandbox/state", state)[0] == 200
        assert other.store.dump() == crm.store.dump()
        assert made(other)["id"] == crm.store.next_id + 1


def test_unknown_seeds_and_deeds_are_mistakes(crm: Sandbox) -> None:
    for plan in ({"tickets": []}, {"tasks": [{"title": "T", "status": "Nowhere"}]}):
        with pytest.raises(ValueError, match=r"there (is|are)|unknown"):
            crm.seed(**plan)
    with pytest.raises(ValueError, match="no deed"):
        crm.act("explode")
