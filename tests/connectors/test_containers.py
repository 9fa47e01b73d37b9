"""What is true of a whole repository or board is told apart from what is true of one item."""

from __future__ import annotations

import pytest
from artala_board import BOARD, Board, guid
from github_script import APP, LIST, Script, answer, held, pulled, ref

from bridge import errors
from bridge.model import Marker, Ref
from connectors.base import Step

STEP = Step("issue", frozenset())
MARKER = Marker("artala", "a#b")
TASK = Ref("plan", BOARD, "task", guid(1))


async def act(github, verb):
    if verb == "list":
        return await pulled(github)
    if verb == "labels":
        return await pulled(github, kind="label")
    if verb == "create":
        return await github.create("acme/app", "task", {"title": "T"}, MARKER, key="k")
    return await github.update(ref(12), STEP, {"title": "T"}, held())


ADDRESS = {
    "list": ("GET", LIST),
    "labels": ("GET", f"{APP}/labels?per_page=100"),
    "create": ("POST", f"{APP}/issues"),
    "update": ("PATCH", f"{APP}/issues/12"),
}


@pytest.mark.parametrize(
    ("verb", "status", "message", "reason"),
    [
        ("update", 403, "Resource not accessible by personal access token", "permission"),
        ("update", 403, "Resource not accessible by integration", "permission"),
        ("update", 403, "Must have admin rights to Repository.", "permission"),
        ("update", 403, "Repository was archived so is read-only.", "closed"),
        ("create", 403, "Repository was archived so is read-only.", "closed"),
        ("create", 403, "Forbidden", "permission"),
        ("create", 404, "Not Found", "missing"),
        ("create", 410, "Issues are disabled for this repo", "closed"),
        ("create", 410, "Issues has been disabled in this repository.", "closed"),
        ("list", 410, "Issues are disabled for this repo", "closed"),
        ("list", 404, "Not Found", "missing"),
        ("list", 403, "Repository access blocked", "permission"),
        ("labels", 403, "Forbidden", "permission"),
    ],
)
async def test_a_repository_that_refuses_is_named_as_such(verb, status, message, reason):
    script = Script((*ADDRESS[verb], answer({"message": message}, status)))

    with pytest.raises(errors.ContainerError) as caught:
        await act(script.github(), verb)

    assert (caught.value.reason, caught.value.container, caught.value.status) == (reason, "acme/app", status)
    assert caught.value.hint


async def test_a_refusal_of_one_issue_stays_with_that_issue():
    locked = answer({"message": "Unable to create comment because issue is locked."}, 403)
    script = Script(("PATCH", f"{APP}/issues/12", locked))
    deleted = Script(
        ("PATCH", f"{APP}/issues/12", answer({"message": "This issue was deleted"}, 410)),
        ("GET", APP, answer({"id": 7, "full_name": "acme/app", "has_issues": True})),
    )

    with pytest.raises(errors.PermissionError_):
        await act(script.github(), "update")
    with pytest.raises(errors.GoneError):
        await act(deleted.github(), "update")


async def test_a_create_that_may_not_follow_a_move_made_nothing():
    away = answer({"message": "Moved Permanently"}, 301, location="https://api.github.com/repositories/8/issues")
    script = Script(("POST", f"{APP}/issues", away))

    with pytest.raises(errors.ContainerError, match="has moved to") as caught:
        await act(script.github(), "create")

    assert caught.value.reason == "moved"


@pytest.mark.parametrize(
    ("said", "field"),
    [
        ([{"resource": "Issue", "field": "assignees", "code": "invalid"}], "assignees"),
        ([{"resource": "Issue", "field": "body", "code": "custom", "message": "body is too long"}], "description"),
        ([{"field": "title"}, {"field": "title"}], "title"),
        ([{"field": "title"}, {"field": "labels"}], ""),
        ([{"field": "since"}], ""),
        (["no object"], ""),
        ("nonsense", ""),
        (None, ""),
    ],
)
async def test_a_rejection_names_the_field_that_is_to_blame(said, field):
    refused = answer({"message": "Validation Failed", "errors": said}, 422)
    script = Script(("PATCH", f"{APP}/issues/12", refused))

    with pytest.raises(errors.RejectedError) as caught:
        await act(script.github(), "update")

    assert caught.value.field == field


async def test_an_unknown_milestone_is_the_milestones_fault_alone():
    script = Script(("GET", f"{APP}/milestones?state=all&per_page=100", answer([])))

    with pytest.raises(errors.RejectedError) as caught:
        await script.github().update(ref(12), STEP, {"title": "T", "milestone": "v9"}, held())

    assert caught.value.field == "milestone"


# ------------------------------------------------------------------------------------------------ Artala


@pytest.mark.parametrize("step", ["fields", "status"])
async def test_a_role_that_may_not_write_tasks_is_the_boards_matter(step):
    changes = {"fields": {"title": "New"}, "status": {"status": "Done"}}[step]
    paths = {"fields": f"PUT tasks/{guid(1)}", "status": f"PATCH tasks/{guid(1)}/status"}
    task = {"id": guid(1), "boardId": BOARD, "title": "T", "priority": 2}
    it = Board(rest={paths[step]: 403, "GET statuses": [{"name": "Done"}], f"GET tasks/{guid(1)}": task})
    current = held()

    with pytest.raises(errors.ContainerError) as caught:
        await it.connector().update(TASK, Step(step, frozenset(changes)), changes, current)

    assert caught.value.reason == "permission"


async def test_a_task_that_may_not_be_read_is_no_task_that_is_gone():
    with pytest.raises(errors.ContainerError):
        await Board(rest={f"GET tasks/{guid(1)}": 403}).connector().fetch(TASK, fields=frozenset())


@pytest.mark.parametrize("health", [404, {"id": BOARD, "isArchived": True}])
async def test_a_create_on_a_board_that_is_gone_is_not_the_tasks_fault(health):
    it = Board(rest={"POST tasks": 404, f"GET boards/{BOARD}": health})

    with pytest.raises(errors.ContainerError) as caught:
        await it.connector().create(BOARD, "task", {"title": "T"}, Marker("github", "a#1"), key="k")

    assert (caught.value.reason, caught.value.container) == ("missing", BOARD)


async def test_a_board_of_an_unknown_name_is_missing():
    with pytest.raises(errors.ContainerError):
        async for _ in (
            Board(rest={"GET boards": []}).connector().pull("Nowhere", "task", None, fields=frozenset(), sweep=False)
        ):
            pass


async def test_a_label_that_may_not_be_made_stays_with_the_tasks_that_need_it():
    it = Board(rest={"GET labels": [], f"GET labels/task/{guid(1)}": [], "POST labels": 403})

    with pytest.raises(errors.PermissionError_):
        await it.connector().update(TASK, Step("labels", frozenset({"labels"})), {"labels": ("new",)}, held())


# ------------------------------------------------------------------------------------------------ inactive people

TEAM = [
    {"id": guid(7), "email": "ann@x.example", "isActive": True},
    {"id": guid(8), "email": "bob@x.example", "isActive": False},
]


def task_held(**fields):
    whole = {
        "title": "T", "description": None, "assignee": None, "assignee_id": None, "priority": "medium", "due_on": None,
        "start_on": None, "estimate_points": None, "cover_color": None,
    }  # fmt: skip
    return held(**{**whole, **fields})


async def put(it, changes, current):
    feed = [
        {"Id": guid(1), "BoardId": BOARD, "Priority": 2, "PriorityName": "Medium", "UpdatedAt": "2026-11-01T00:00:00Z"}
    ]
    it.feeds["Tasks"] = feed
    return await it.connector().update(TASK, Step("fields", frozenset(changes)), changes, current)


async def test_an_inactive_assignee_is_refused_by_name_before_anything_is_sent():
    it = Board(rest={"GET team": TEAM})

    with pytest.raises(errors.RejectedError, match=r"bob@x\.example is not active") as caught:
        await put(it, {"title": "N", "assignee": "bob@x.example"}, task_held())

    assert caught.value.field == "assignee"
    assert f"PUT /api/tasks/{guid(1)}" not in it.asked


async def test_a_person_who_was_made_active_again_can_be_assigned():
    it = Board(rest={"GET team": TEAM, f"PUT tasks/{guid(1)}": 204})
    artala = it.connector()
    changes = {"assignee": "bob@x.example"}
    step = Step("fields", frozenset(changes))
    it.feeds["Tasks"] = []
    with pytest.raises(errors.RejectedError):
        await artala.update(TASK, step, changes, task_held())
    it.rest["GET team"] = [{**row, "isActive": True} for row in TEAM]

    await artala.update(TASK, step, changes, task_held())

    assert it.bodies[-1]["assigneeId"] == guid(8)


@pytest.mark.parametrize("status", [400, 422])
async def test_a_full_replace_that_fails_for_the_assignee_it_must_repeat_says_so(status):
    it = Board(rest={"GET team": TEAM, f"PUT tasks/{guid(1)}": status})
    current = task_held(assignee="bob@x.example", assignee_id=guid(8))

    with pytest.raises(errors.RejectedError, match=r"bob@x\.example") as caught:
        await put(it, {"title": "N"}, current)

    assert (caught.value.field, caught.value.status) == ("assignee", status)
    assert it.bodies[-1]["assigneeId"] == guid(8)


async def test_a_rejection_while_the_assignee_is_active_blames_nobody():
    it = Board(rest={"GET team": TEAM, f"PUT tasks/{guid(1)}": 400})
    current = task_held(assignee="ann@x.example", assignee_id=guid(7))

    with pytest.raises(errors.RejectedError) as caught:
        await put(it, {"title": "N"}, current)

    assert caught.value.field == ""


async def test_a_create_for_an_inactive_person_names_the_assignee():
    it = Board(rest={"GET team": TEAM})

    with pytest.raises(errors.RejectedError) as caught:
        await it.connector().create(
            BOARD, "task", {"title": "T", "assignee": "bob@x.example"}, Marker("github", "a#1"), key="k"
        )

    assert caught.value.field == "assignee"
    assert "POST /api/tasks" not in it.asked
