"""The Gipo sandbox keeps to the vendor's pages: keys, roles, paging, idempotency, stages, what the API cannot do."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from sandbox.asking import ask

from bridge.sandbox.gipo_html import sanitized
from bridge.sandbox.server import Sandbox

ROOT = "/api/v1"
BOARD = "b0000000-0000-4000-8000-000000000001"
LOOSE = "b0000000-0000-4000-8000-000000000003"
NOBODY = "e0000000-0000-4000-8000-00000000dead"


@pytest.fixture
def gipo() -> Iterator[Sandbox]:
    with Sandbox("gipo") as box:
        yield box


def get(box: Sandbox, path: str, **options: Any) -> Any:
    status, said = box.call("GET", f"{ROOT}/{path}", **options)
    assert status == 200, said
    return said


def create(box: Sandbox, **members: Any) -> dict[str, Any]:
    status, said = box.call("POST", f"{ROOT}/tasks", {"workspaceId": BOARD, "subject": "A task", **members})
    assert status == 201, said
    return dict(said["data"])


def stages(box: Sandbox, board: str = BOARD) -> dict[str, str]:
    return {row["name"]: row["id"] for row in get(box, f"workspaces/{board}")["data"]["stages"]}


def test_a_new_task_is_in_the_first_stage(gipo: Sandbox) -> None:
    task = create(gipo)
    whole = get(gipo, f"tasks/{task['id']}")["data"]

    assert (task["stageId"], task["priority"], task["finalizedAt"]) == (stages(gipo)["Pending"], "normal", None)
    assert (whole["subtasks"], whole["stage"]["name"], "updatedAt" in whole) == ([], "Pending", False)
    assert whole["createdAt"][-5] == "."


@pytest.mark.parametrize(
    "members",
    [
        {"subject": ""},
        {"subject": "x" * 301},
        {"descriptionHtml": "x" * 50_001},
        {"priority": "highest"},
        {"expectedEndDate": "2026-12-01"},
        {"expectedEndDate": "2026-12-01T00:00:00+01:00"},
        {"estimatedHours": -1},
        {"estimatedHours": "1"},
        {"assigneeIds": [NOBODY]},
        {"assigneeIds": "me"},
        {"tagIds": [NOBODY]},
        {"stageId": NOBODY},
        {"taskTypeId": NOBODY},
        {"workspaceId": None},
        {"title": "x"},
        {"tags": []},
    ],
)
def test_a_bad_task_is_422(gipo: Sandbox, members: dict[str, Any]) -> None:
    status, _ = gipo.call("POST", f"{ROOT}/tasks", {"workspaceId": BOARD, "subject": "x"} | members)

    assert status == 422
    assert gipo.log == []


def test_the_key_decides_who_comes_in(gipo: Sandbox) -> None:
    path = f"{ROOT}/workspaces"
    assert ask(gipo, "GET", path, authorization=None).status == 401
    assert ask(gipo, "GET", path, authorization="ba_sandbox_bridge").status == 401
    assert ask(gipo, "GET", path, authorization="Bearer ba_other").status == 401
    gipo.act("expire", token="ba_sandbox_bob")
    gipo.act("ban", member="carol@example.com")
    assert {ask(gipo, "GET", path, authorization=f"Bearer ba_sandbox_{who}").status for who in ("bob", "carol")} == {
        401
    }
    assert ask(gipo, "GET", f"{ROOT}/openapi.json", authorization=None).status == 200


def test_pages_of_more_than_a_hundred_are_refused_not_cut(gipo: Sandbox) -> None:
    for path in ("tasks?limit=101", "tags?limit=0", "members?offset=-1", "tasks?cursor=other", "tasks?updatedSince=x"):
        assert gipo.call("GET", f"{ROOT}/{path}")[0] == 422


def test_offset_lists_say_how_many_there_are_and_cursor_lists_where_to_go_on(gipo: Sandbox) -> None:
    gipo.seed(generate=7)
    tags = get(gipo, "tags?limit=4&offset=4")
    assert (tags["total"], [row["name"] for row in tags["data"]]) == (10, ["docs", "feature", "help wanted", "mobile"])
    first = get(gipo, f"tasks?workspaceId={BOARD}&limit=5")
    second = get(gipo, f"tasks?limit=5&cursor={first['pagination']['nextCursor']}")
    assert second["pagination"]["nextCursor"] is None
    seen = [row["createdAt"] for row in first["data"] + second["data"]]
    assert (len(seen), seen) == (7, sorted(seen, reverse=True))


def test_a_cursor_walk_is_stable_when_rows_come_and_go(gipo: Sandbox) -> None:
    gipo.seed(generate=6)
    first = get(gipo, "tasks?limit=3")
    create(gipo)
    gipo.call("DELETE", f"{ROOT}/tasks/{first['data'][-1]['id']}")
    second = get(gipo, f"tasks?limit=3&cursor={first['pagination']['nextCursor']}")

    ids = [row["id"] for row in first["data"] + second["data"]]
    assert len(set(ids)) == 6


def test_the_same_idempotency_key_is_answered_once_and_for_all(gipo: Sandbox) -> None:
    body = {"workspaceId": BOARD, "subject": "x"}
    first = ask(gipo, "POST", f"{ROOT}/tasks", body, idempotency_key="k")
    again = ask(gipo, "POST", f"{ROOT}/tasks", body, idempotency_key="k")
    other = ask(gipo, "POST", f"{ROOT}/tasks", body | {"subject": "y"}, idempotency_key="k")

    assert (first.status, again.body, again.headers["idempotent-replayed"]) == (201, first.body, "true")
    assert (other.status, len(gipo.log)) == (409, 1)
    assert ask(gipo, "POST", f"{ROOT}/tasks", body, idempotency_key="k" * 256).status == 422
    gipo.clock.advance(90_000)
    assert ask(gipo, "POST", f"{ROOT}/tasks", body, idempotency_key="k").body != first.body


def test_moving_into_the_finalizing_stage_finalizes_and_out_of_it_reopens(gipo: Sandbox) -> None:
    task, own = create(gipo), stages(gipo)
    path = f"{ROOT}/tasks/{task['id']}"
    assert gipo.call("PATCH", path, {"stageId": own["Done"], "subject": "y"})[1]["data"]["finalizedAt"] is not None
    assert gipo.call("PATCH", path, {"stageId": own["Doing"]})[1]["data"]["finalizedAt"] is None
    assert gipo.call("PATCH", path, {"stageId": stages(gipo, LOOSE)["Ideas"]})[0] == 422
    moved = gipo.call("PATCH", path, {"workspaceId": LOOSE})[1]["data"]
    assert (moved["workspaceId"], moved["stage"]["name"]) == (LOOSE, "Ideas")
    gipo.set(finalize_directly=False)
    assert gipo.call("PATCH", path, {"finalizedAt": "2026-11-20T09:00:00.000Z"})[0] == 422


def test_members_see_tasks_without_a_project_and_those_of_theirs(gipo: Sandbox) -> None:
    project = gipo.act("project", name="Secret", members=["carol@example.com"])["id"]
    task = create(gipo, projectId=project)
    assert gipo.call("GET", f"{ROOT}/tasks/{task['id']}", who="bob")[0] == 404
    assert gipo.call("GET", f"{ROOT}/tasks/{task['id']}", who="carol")[0] == 200
    assert get(gipo, f"workspaces/{BOARD}", who="bob")["data"]["tasks"] == []
    assert gipo.call("POST", f"{ROOT}/projects", {"name": "x"}, who="bob")[0] == 403
    gipo.set(role_refusal=404)
    assert gipo.call("POST", f"{ROOT}/projects", {"name": "x"}, who="bob")[0] == 404


def test_projects_live(gipo: Sandbox) -> None:
    status, said = gipo.call("POST", f"{ROOT}/projects", {"name": "Relaunch", "status": "onHold"})
    path = f"{ROOT}/projects/{said['data']['id']}"
    assert (status, get(gipo, "projects?query=launch&status=onHold")["total"]) == (201, 1)
    assert gipo.call("PATCH", path, {"finalizedAt": None, "name": "Start"})[1]["data"]["name"] == "Start"
    assert gipo.call("PATCH", path, {"clientName": "x"})[0] == 422
    assert gipo.call("DELETE", path, who="bob")[0] == 404
    assert gipo.call("DELETE", path)[0] == 204
    assert gipo.call("GET", path)[0] == 404


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "tags"),
        ("POST", "task-types"),
        ("POST", "members"),
        ("POST", "workspaces"),
        ("PATCH", f"workspaces/{BOARD}"),
        ("GET", "tasks/x/comments"),
        ("GET", "webhooks"),
        ("GET", "search"),
        ("GET", "subtasks"),
    ],
)
def test_what_the_api_does_not_have(gipo: Sandbox, method: str, path: str) -> None:
    assert gipo.call(method, f"{ROOT}/{path}", {} if method != "GET" else None)[0] in (404, 405)


def test_subtasks_belong_to_their_task(gipo: Sandbox) -> None:
    task, other = create(gipo), create(gipo)
    path = f"{ROOT}/tasks/{task['id']}/subtasks"
    status, said = gipo.call("POST", path, {"name": "part"})
    part = said["data"]
    assert (status, part["groupId"] is not None, part["finalizedAt"]) == (201, True, None)
    for wrong in (
        {"name": ""},
        {"name": "x" * 301},
        {"name": "x", "groupId": NOBODY},
        {"name": "x", "finalizedAt": None},
    ):
        assert gipo.call("POST", path, wrong)[0] == 422
    done = gipo.call("PATCH", f"{path}/{part['id']}", {"finalizedAt": "2026-11-20T09:00:00.000Z"})[1]["data"]
    assert done["finalizedAt"] == "2026-11-20T09:00:00.000Z"
    assert gipo.call("PATCH", f"{ROOT}/tasks/{other['id']}/subtasks/{part['id']}", {"name": "x"})[0] == 404
    assert gipo.call("DELETE", f"{path}/{part['id']}")[0] == 204
    assert get(gipo, f"tasks/{task['id']}")["data"]["subtasks"] == []


def test_time_is_of_a_task_or_a_subtask_and_never_moves(gipo: Sandbox) -> None:
    task = create(gipo)["id"]
    start = {"startedAt": "2026-11-20T09:00:00.000Z", "durationSeconds": 90}
    status, said = gipo.call("POST", f"{ROOT}/time-entries", {"taskId": task, **start})
    entry = said["data"]
    assert (status, entry["endedAt"], entry["source"]) == (201, "2026-11-20T09:01:30.000Z", "manual")
    for wrong in (
        start,
        {"taskId": task, "subtaskId": task, **start},
        {"taskId": task, "startedAt": start["startedAt"]},
        {"taskId": task, **start, "durationSeconds": 0},
        {"taskId": task, **start, "durationSeconds": 1.5},
        {"taskId": task, **start, "endedAt": start["startedAt"]},
        {"taskId": task, **start, "userId": NOBODY},
    ):
        assert gipo.call("POST", f"{ROOT}/time-entries", wrong)[0] == 422
    path = f"{ROOT}/time-entries/{entry['id']}"
    assert gipo.call("PATCH", path, {"durationSeconds": 30})[1]["data"]["endedAt"] == "2026-11-20T09:00:30.000Z"
    assert gipo.call("PATCH", path, {"taskId": create(gipo)["id"]})[0] == 422
    assert gipo.call("DELETE", path, who="bob")[0] == 403
    assert gipo.call("DELETE", path)[0] == 204


def test_time_is_filtered_by_its_start_inclusively(gipo: Sandbox) -> None:
    task = create(gipo)["id"]
    for day in ("18", "19", "20"):
        body = {"taskId": task, "startedAt": f"2026-11-{day}T09:00:00.000Z", "durationSeconds": 60}
        gipo.call("POST", f"{ROOT}/time-entries", body)
    gipo.act("timer", task=task, member="bob@example.com")
    query = "time-entries?startDate=2026-11-19T09:00:00.000Z&endDate=2026-11-20T09:00:00.000Z"
    assert [row["startedAt"][8:10] for row in get(gipo, query)["data"]] == ["20", "19"]
    assert len(get(gipo, f"time-entries?taskId={task}")["data"]) == 3
    assert get(gipo, f"time-entries?userId={NOBODY}")["data"] == []


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ("words", "<p>words</p>"),
        ("<p>a</p><!-- c --><p data-id='1' class='x'>b</p>", "<p>a</p><p>b</p>"),
        ("<b>a</b> & <i>b</i>", "<p><strong>a</strong> &amp; <em>b</em></p>"),
        ("<script>x</script><p>a<br/>b</p>", "<p>a<br>b</p>"),
        ("<img src='data:image/png;base64,AA'><p>x</p>", "<p>x</p>"),
        ("<p><a href='https://example.com' onclick='x'>l</a></p>", '<p><a href="https://example.com">l</a></p>'),
        ("loose<ul><li>one</li></ul>", "<p>loose</p><ul><li>one</li></ul>"),
        ("<p>never closed", "<p>never closed</p>"),
        ("<p>[bridge:v1 plan acme/app%2312]</p>", "<p>[bridge:v1 plan acme/app%2312]</p>"),
    ],
)
def test_the_sanitizer_keeps_what_the_editor_knows(sent: str, kept: str) -> None:
    assert sanitized(sent) == kept
    assert sanitized(kept) == kept


def test_the_body_is_json_and_says_so(gipo: Sandbox) -> None:
    assert (
        ask(gipo, "POST", f"{ROOT}/tasks", b"subject=x", content_type="application/x-www-form-urlencoded").status == 422
    )
    assert ask(gipo, "POST", f"{ROOT}/tasks", b"{", content_type="application/json").status == 422
    assert ask(gipo, "POST", f"{ROOT}/tasks", []).status == 422


def test_a_minute_has_its_limit(gipo: Sandbox) -> None:
    gipo.set(rate_limit=2)
    gipo.clock.freeze("2026-11-21T12:00:10Z")
    answers = [ask(gipo, "GET", f"{ROOT}/tags") for _ in range(3)]
    assert [one.status for one in answers] == [200, 200, 429]
    assert answers[-1].headers["retry-after"] == "50"


def test_a_deleted_task_can_be_taken_out_of_the_trash(gipo: Sandbox) -> None:
    task = create(gipo)["id"]
    gipo.set(delete_status=200)
    assert gipo.call("DELETE", f"{ROOT}/tasks/{task}") == (200, {"data": {"success": True}})
    assert gipo.call("GET", f"{ROOT}/tasks/{task}")[0] == 404
    gipo.act("restore", task=task)
    assert get(gipo, f"tasks/{task}")["data"]["subject"] == "A task"


def test_what_is_remembered_can_be_saved_and_loaded(gipo: Sandbox) -> None:
    task = create(gipo, tagIds=[get(gipo, "tags")["data"][0]["id"]], estimatedHours=1.255)
    gipo.call("POST", f"{ROOT}/tasks/{task['id']}/subtasks", {"name": "part"})
    state = gipo.call("GET", "/_sandbox/state")[1]
    with Sandbox("gipo") as other:
        other.call("POST", "/_sandbox/state", state)
        assert other.call("GET", "/_sandbox/state")[1] == state
        assert get(other, f"workspaces/{BOARD}") == get(gipo, f"workspaces/{BOARD}")


def test_the_description_names_what_a_write_may_hold(gipo: Sandbox) -> None:
    gipo.set(tag_field="tags")
    said = get(gipo, "openapi.json")
    members = said["components"]["schemas"]["TaskCreate"]["properties"]
    assert said["openapi"].startswith("3.1")
    assert {"assigneeIds", "tags"} <= set(members)
    gipo.set(has_openapi=False)
    assert gipo.call("GET", f"{ROOT}/openapi.json")[0] == 404


def test_a_deed_or_a_seed_that_is_unknown_is_refused(gipo: Sandbox) -> None:
    for wrong in ({"do": "nothing"}, {"do": "restore", "task": NOBODY}):
        assert gipo.call("POST", "/_sandbox/act", wrong)[0] == 400
    assert gipo.call("POST", "/_sandbox/seed", {"boards": 1})[0] == 400
    assert gipo.call("POST", "/_sandbox/seed", {"tasks": [{"subject": "x", "stage": "Nowhere"}]})[0] == 400
    rows = [
        {
            "subject": "x",
            "stage": "Done",
            "tags": ["bug"],
            "assignees": ["bob@example.com"],
            "end": "2026-12-01T00:00:00Z",
        }
    ]
    assert gipo.seed(workspace="Fresh", stages=["Todo", "Done"], tasks=rows)["tasks"] == 1
