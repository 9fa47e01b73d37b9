"""The Artala sandbox keeps to the vendor's page: roles, full replace, quiet changes, feeds."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import pytest

from bridge.sandbox.server import Sandbox, call

BOARD = "e0000000-0000-4000-8000-000000000001"


def create(box: Sandbox, **members: Any) -> dict[str, Any]:
    status, task = box.call("POST", "/api/tasks", {"boardId": BOARD, "title": "A task", **members})
    assert status == 201, task
    return task


def rows(box: Sandbox, feed: str, **options: Any) -> list[dict[str, Any]]:
    status, answer = box.call("GET", query(feed, **options))
    assert status == 200, answer
    return answer["value"]


def query(feed: str, **options: Any) -> str:
    return f"/odata/{feed}?" + "&".join(f"${name}={quote(str(value))}" for name, value in options.items())


def test_a_new_task_has_the_defaults_of_the_page(artala: Sandbox) -> None:
    task = create(artala, externalId="acme/app#1", externalSource="github", checklistItems=["one"])

    assert (task["priority"], task["priorityName"], task["status"]) == (2, "Medium", "To Do")
    assert task == artala.call("GET", f"/api/tasks/{task['id']}")[1] | {"checklistItems": task["checklistItems"]}
    assert [item["title"] for item in artala.call("GET", f"/api/tasks/{task['id']}/checklist")[1]] == ["one"]


@pytest.mark.parametrize(
    "members",
    [
        {"title": ""},
        {"title": "x" * 201},
        {"priority": 5},
        {"priority": "1"},
        {"dueDate": "tomorrow"},
        {"assigneeId": "e0000000-0000-4000-8000-00000000dead"},
        {"status": "Nowhere"},
        {"boardId": "no guid"},
        {"boardId": None},
        {"labels": []},
        {"effort": 1.5},
    ],
)
def test_a_bad_task_is_400(artala: Sandbox, members: dict[str, Any]) -> None:
    status, _ = artala.call("POST", "/api/tasks", {"boardId": BOARD, "title": "x"} | members)

    assert status == 400
    assert artala.log == []


def test_put_replaces_all_eight_members_and_answers_nothing(artala: Sandbox) -> None:
    task = create(
        artala,
        description="Words",
        priority=0,
        dueDate="2026-06-15T00:00:00Z",
        effort=5,
        assigneeId="a0000000-0000-4000-8000-000000000004",
        externalId="7",
        externalSource="github",
    )
    status, answer = artala.call("PUT", f"/api/tasks/{task['id']}", {"title": "Only a title"})
    after = artala.call("GET", f"/api/tasks/{task['id']}")[1]

    assert (status, answer) == (204, None)
    assert tuple(after[name] for name in ("description", "dueDate", "effort", "assigneeId", "priority")) == (
        None,
        None,
        None,
        None,
        2,
    )
    assert (after["externalId"], after["externalSource"]) == ("7", "github")
    assert artala.call("PUT", f"/api/tasks/{task['id']}", {"title": "x", "externalId": "8"})[0] == 400
    assert artala.call("PUT", f"/api/tasks/{task['id']}", {"title": "x", "status": "Done"})[0] == 400


def test_status_goes_by_name_and_done_is_dated(artala: Sandbox) -> None:
    path = f"/api/tasks/{create(artala)['id']}"

    assert artala.call("PATCH", f"{path}/status", {"newStatus": "done"})[0] == 400
    assert artala.call("PATCH", f"{path}/status", {"newStatus": "Done"})[0] == 204
    assert artala.call("GET", path)[1]["completedAt"] is not None
    assert artala.call("PATCH", f"{path}/status", {"newStatus": "To Do"})[0] == 204
    assert artala.call("GET", path)[1]["completedAt"] is None


@pytest.mark.parametrize("touches", [False, True])
def test_labels_fields_checklist_and_comments_move_updated_at_only_with_the_switch(
    artala: Sandbox, touches: bool
) -> None:
    artala.set(touch_on_labels=touches)
    task = create(artala)
    label = artala.call("POST", "/api/labels", {"name": "Bug"})[1]
    field = artala.call("GET", "/api/fields")[1][0]
    artala.clock.advance(60)
    for method, path, body in (
        ("PUT", f"/api/labels/task/{task['id']}", {"labelIds": [label["id"]]}),
        ("POST", f"/api/fields/task/{task['id']}", {"fieldId": field["id"], "value": "Staging"}),
        ("POST", f"/api/tasks/{task['id']}/checklist/items", {"title": "one"}),
    ):
        assert artala.call(method, path, body)[0] in (201, 204)
    after = artala.call("GET", f"/api/tasks/{task['id']}")[1]

    assert touches == (after["updatedAt"] != task["updatedAt"])
    assert [row["LabelName"] for row in rows(artala, "TaskLabels", filter=f"BoardId eq {BOARD}")] == ["Bug"]
    assert [row["Value"] for row in rows(artala, "TaskFieldValues")] == ["Staging"]
    artala.call("PUT", f"/api/labels/task/{task['id']}", {"labelIds": []})
    assert rows(artala, "TaskLabels") == []


def test_roles_are_enforced(artala: Sandbox) -> None:
    task = create(artala)

    assert call(f"{artala.url}/api/boards", token="tb_wrong")[0] == 401
    assert artala.call("POST", "/api/labels", {"name": "x"}, who="sam")[0] == 403
    assert artala.call("POST", "/api/boards", {"name": "x"}, who="sam")[0] == 403
    assert artala.call("GET", "/api/webhooks", who="sam")[0] == 403
    assert artala.call("PUT", f"/api/tasks/{task['id']}", {"title": "x"}, who="guest")[0] == 403
    assert artala.call("PUT", f"/api/tasks/{task['id']}", {"title": "x"}, who="sam")[0] == 204
    assert artala.call("POST", "/api/comments", {"taskId": task["id"], "content": "hello"}, who="guest")[0] == 201
    other = {
        "taskId": task["id"],
        "loggedDate": "2026-05-28",
        "hours": 1,
        "targetUserId": artala.store.tokens["tb_sandbox_bob"],
    }
    assert artala.call("POST", "/api/timesheets", other, who="sam")[0] == 403
    assert artala.call("POST", "/api/timesheets", other)[0] == 201


def test_a_private_board_is_hidden_from_a_member(artala: Sandbox) -> None:
    board = artala.call("POST", "/api/boards", {"name": "Secret", "isPrivate": True})[1]["id"]
    task = artala.call("POST", "/api/tasks", {"boardId": board, "title": "x"})[1]

    assert artala.call("GET", f"/api/tasks/{task['id']}", who="sam")[0] == 404
    assert artala.call("GET", query("Tasks", filter=f"BoardId eq {board}"), who="sam")[1]["value"] == []
    assert len(rows(artala, "Tasks", filter=f"BoardId eq {board}")) == 1


def test_time_is_in_quarter_hours_and_cannot_be_edited(artala: Sandbox) -> None:
    task = create(artala)
    entry = {"taskId": task["id"], "loggedDate": "2026-05-28", "note": "[sync:1]"}

    assert artala.call("POST", "/api/timesheets", entry | {"hours": 0.3})[0] == 400
    assert artala.call("POST", "/api/timesheets", entry | {"hours": 2.25})[0] == 201
    assert artala.call("DELETE", "/api/timesheets/1")[0] == 404
    assert [(row["Hours"], row["LoggedDate"]) for row in rows(artala, "TimeEntries", filter="Note eq '[sync:1]'")] == [
        (2.25, "2026-05-28")
    ]


def test_delete_takes_everything_along_and_archive_only_hides(artala: Sandbox) -> None:
    gone, hidden = create(artala), create(artala)
    artala.call("POST", "/api/comments", {"taskId": gone["id"], "content": "x"})
    artala.call("POST", "/api/timesheets", {"taskId": gone["id"], "loggedDate": "2026-05-28", "hours": 1})
    assert artala.call("DELETE", f"/api/tasks/{gone['id']}")[0] == 204
    artala.act("archive", task=hidden["id"])

    assert [] == rows(artala, "Tasks") == rows(artala, "TimeEntries")
    assert artala.call("GET", f"/api/tasks/{gone['id']}")[0] == 404
    assert artala.call("GET", f"/api/tasks/{hidden['id']}")[1]["isArchived"]


def test_comments_nest_and_ones_own_can_be_edited_for_a_day(artala: Sandbox) -> None:
    task = create(artala)
    first = artala.call("POST", "/api/comments", {"taskId": task["id"], "content": "first"}, who="sam")[1]
    artala.call("POST", "/api/comments", {"taskId": task["id"], "content": "reply", "parentCommentId": first["id"]})
    path = f"/api/comments/{first['id']}"

    assert artala.call("PUT", path, {"content": "y"}, who="bob")[0] == 403
    assert artala.call("PUT", path, {"content": "edited"}, who="sam")[0] == 204
    artala.clock.advance(86_401)
    assert artala.call("PUT", path, {"content": "late"}, who="sam")[0] == 403
    [seen] = artala.call("GET", f"/api/comments/task/{task['id']}")[1]
    assert (
        seen["content"],
        seen["isEdited"],
        [one["content"] for one in seen["replies"]],
    ) == ("edited", True, ["reply"])
    assert artala.call("POST", "/api/comments", {"taskId": task["id"], "content": "x" * 4001})[0] == 400


def test_history_says_which_field_changed_and_who_did_it(artala: Sandbox) -> None:
    task = create(artala)
    artala.call("PATCH", f"/api/tasks/{task['id']}/status", {"newStatus": "Done"}, who="sam")

    assert [
        tuple(row[name] for name in ("FieldChanged", "OldValue", "NewValue", "ChangedBy"))
        for row in rows(artala, "TaskHistory", filter=f"TaskId eq {task['id']}")
    ] == [("Status", "To Do", "Done", "Sam")]


def test_a_task_waits_for_another_and_moves_between_boards(artala: Sandbox) -> None:
    one, other = create(artala), create(artala)
    path = f"/api/tasks/{one['id']}"
    assert artala.call("POST", f"{path}/dependencies/{other['id']}")[0] == 204
    assert [other["id"]] == [row["taskId"] for row in artala.call("GET", f"{path}/dependencies")[1]["blockedBy"]]
    assert len(rows(artala, "TaskBlockers", filter="BlockingTaskIsDone eq false")) == 1
    board = artala.call("POST", "/api/boards", {"name": "Next"})[1]["id"]
    assert artala.call("POST", f"{path}/move-to-board", {"targetBoardId": board, "moveToBacklog": False})[0] == 204
    assert board == artala.call("GET", path)[1]["boardId"]


# ---- feeds


def test_a_task_is_found_by_its_external_reference_with_quotes_doubled(artala: Sandbox) -> None:
    create(artala, externalId="it's#1", externalSource="github")
    create(artala, externalId="its#1", externalSource="github")

    found = rows(artala, "Tasks", filter="ExternalSource eq 'github' and ExternalId eq 'it''s#1'")
    assert [row["ExternalId"] for row in found] == ["it's#1"]


def test_changes_are_listed_from_an_instant_on(artala: Sandbox) -> None:
    artala.seed(generate=5)
    stamps = [row["UpdatedAt"] for row in rows(artala, "Tasks", orderby="UpdatedAt,Id")]
    late = rows(
        artala, "Tasks", filter=f"BoardId eq {BOARD} and UpdatedAt ge {stamps[3]}", orderby="UpdatedAt,Id", top=100
    )

    assert sorted(stamps) == stamps
    assert stamps[3:] == [row["UpdatedAt"] for row in late]


@pytest.mark.parametrize("announced", [True, False])
def test_the_servers_cap_cuts_a_page_with_or_without_a_next_link(artala: Sandbox, announced: bool) -> None:
    artala.set(page_cap=100, next_link=announced)
    artala.seed(generate=250)
    answer = artala.call("GET", query("Tasks", orderby="UpdatedAt,Id", top=1000, count="true"))[1]

    assert (len(answer["value"]), answer["@odata.count"]) == (100, 250)
    assert announced == ("@odata.nextLink" in answer)
    titles = [row["Id"] for row in answer["value"]]
    while "@odata.nextLink" in answer:
        answer = artala.call("GET", answer["@odata.nextLink"].removeprefix(artala.url))[1]
        titles += [row["Id"] for row in answer["value"]]
    assert (250 if announced else 100) == len(set(titles)) == len(titles)


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("Effort eq null", ["a", "c"]),
        ("Effort ne null", ["b"]),
        ("Priority le 1", ["b"]),
        ("IsOverdue eq true", ["c"]),
        ("Title gt 'a'", ["b", "c"]),
        ("(Title eq 'a' or Title eq 'b') and Priority eq 2", ["a"]),
        ("CompletedAt eq null and Status eq 'To Do'", ["a", "b", "c"]),
    ],
)
def test_filters_select_rows(artala: Sandbox, expression: str, expected: list[str]) -> None:
    artala.seed(
        tasks=[
            {"title": "a"},
            {"title": "b", "effort": 3, "priority": 0},
            {"title": "c", "due_date": "2020-01-01T00:00:00Z"},
        ]
    )

    assert expected == [row["Title"] for row in rows(artala, "Tasks", filter=expression, orderby="Title")]


@pytest.mark.parametrize(
    "options",
    [
        {"filter": "Nope eq 1"},
        {"filter": f"BoardId eq '{BOARD}'"},
        {"filter": "UpdatedAt ge '2026-01-01T00:00:00Z'"},
        {"filter": "Title eq unquoted"},
        {"filter": "contains(Title,'x')"},
        {"filter": "Priority eq 1 and"},
        {"orderby": "Nope"},
        {"select": "Nope"},
        {"top": -1},
        {"apply": "groupby((Title))"},
    ],
)
def test_a_query_outside_the_subset_is_400(artala: Sandbox, options: dict[str, Any]) -> None:
    assert artala.call("GET", query("Tasks", **options))[0] == 400


def test_columns_are_selected_in_pascal_case_and_members_have_addresses(artala: Sandbox) -> None:
    create(artala)

    assert rows(artala, "Tasks", select="Title,Priority") == [{"Title": "A task", "Priority": 2}]
    assert "bob@example.com" in [row["Email"] for row in rows(artala, "Members", filter="IsActive eq true")]
    assert [row["TaskCount"] for row in rows(artala, "Boards")] == [1, 0]
    assert artala.call("GET", "/odata/Nothing")[0] == 404


def test_the_narrow_feed_lacks_the_columns_the_page_does_not_name(artala: Sandbox) -> None:
    create(artala)
    artala.set(wide_feed=False)

    assert not {"StartDate", "CoverColor"} & set(rows(artala, "Tasks")[0])
