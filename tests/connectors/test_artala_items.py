"""Single tasks of Artala: fetched, found, created and written, request by request."""

import hashlib
import hmac
import json

import pytest
from msgspec.structs import replace

from bridge.errors import (
    ContainerError,
    GoneError,
    PermissionError_,
    RejectedError,
    RetryableError,
    SignatureError,
    UnknownOutcome,
)
from bridge.model import Marker, Record, Ref
from connectors.base import Hint
from tests.connectors.artala_board import BOARD, Board, guid, pages, row

TASK = guid(1)
REF = Ref("plan", BOARD, "task", TASK)
ANN, BOB = guid(901), guid(902)
TEAM = [
    {"id": ANN.upper(), "email": "Ann@Example.com", "role": "Admin", "isActive": True},
    {"id": BOB, "email": "bob@example.com", "role": "Member", "isActive": False},
]
STATUSES = [{"id": guid(n), "name": name, "sortOrder": n} for n, name in enumerate(["To Do", "In Progress", "Done"])]
LABELS = [
    {"id": guid(500 + n), "name": name, "color": "#000000", "sortOrder": n} for n, name in enumerate(["bug", "ui"])
]
REST = {
    "GET team": TEAM,
    "GET statuses": STATUSES,
    "GET labels": LABELS,
    f"GET boards/{BOARD}": {"id": BOARD, "name": "Plan"},
    "GET boards": [{"id": BOARD, "name": "Plan"}],
    f"PUT tasks/{TASK}": 204,
    f"PATCH tasks/{TASK}/status": 204,
    f"PUT labels/task/{TASK}": 204,
    f"POST fields/task/{TASK}": 204,
}
FULL = row(
    1,
    "2026-11-01T08:00:00Z",
    Description="Text",
    Status="To Do",
    Priority=3,
    PriorityName="High",
    AssigneeId=ANN,
    DueDate="2026-12-01T15:30:00Z",
    StartDate=None,
    Effort=5,
    CoverColor="#ff0000",
)
MAPPED = frozenset({"title", "description", "status", "priority", "assignee", "labels", "due_on"})


def board(**rest):
    return Board({"Tasks": [dict(FULL)], "TaskLabels": []}, rest={**REST, **rest})


async def read(artala) -> Record:
    return (await pages(artala, fields=MAPPED))[0].records[0]


def update(artala, current, changes):
    [step] = artala.steps("task", changes, creating=False)
    return artala.update(REF, step, changes, current)


async def test_a_row_is_read_in_our_words():
    record = await read(board().connector())

    expected = {
        "title": "Task 1",
        "description": "Text",
        "status": "To Do",
        "priority": "high",
        "assignee": "ann@example.com",
        "assignee_id": ANN,
        "due_on": "2026-12-01",
        "due_at": "2026-12-01T15:30:00Z",
        "start_on": None,
        "start_at": None,
        "estimate_points": 5,
        "cover_color": "#ff0000",
        "labels": (),
    }
    assert expected == record.fields
    assert record.ref == REF


async def test_somebody_outside_the_team_is_neither_dropped_nor_asked_for_again():
    it = board(**{"GET team": []})
    artala = it.connector()
    first = await read(artala)
    second = await read(artala)

    assert first.fields["assignee"] == second.fields["assignee"] == ANN
    assert it.asked.count("GET /api/team") == 2


async def test_a_put_sends_all_eight_fields_and_keeps_the_time_of_day():
    it = board()
    artala = it.connector()
    current = await read(artala)
    it.asked.clear()

    now = await update(artala, current, {"title": "New", "due_on": "2026-12-01"})

    expected = {
        "title": "New",
        "description": "Text",
        "assigneeId": ANN,
        "priority": 3,
        "dueDate": "2026-12-01T15:30:00Z",
        "startDate": None,
        "effort": 5,
        "coverColor": "#ff0000",
    }
    assert expected == it.bodies[-1]
    assert [f"PUT /api/tasks/{TASK}"] == [one for one in it.asked if "team" not in one]
    assert (now.fields["title"], now.fields["due_at"]) == ("New", "2026-12-01T15:30:00Z")


async def test_a_new_date_is_midnight_in_utc():
    it = board()
    artala = it.connector()

    now = await update(artala, await read(artala), {"due_on": "2026-12-24", "start_on": "2026-12-23"})

    assert (it.bodies[-1]["dueDate"], it.bodies[-1]["startDate"]) == ("2026-12-24T00:00:00Z", "2026-12-23T00:00:00Z")
    assert now.fields["due_at"] == "2026-12-24T00:00:00Z"


async def test_a_put_that_does_not_know_all_fields_reads_them_first():
    it = board(**{f"GET tasks/{TASK}": {key[0].lower() + key[1:]: value for key, value in FULL.items()}})
    artala = it.connector()

    await update(artala, Record(REF, {"title": "Task 1"}, "1"), {"title": "New"})

    assert f"GET /api/tasks/{TASK}" in it.asked
    assert it.bodies[-1]["dueDate"] == "2026-12-01T15:30:00Z"
    assert it.bodies[-1]["assigneeId"] == ANN


async def test_where_put_is_partial_only_changes_are_sent():
    it = board()
    artala = it.connector(put_is_full_replace=False)

    await update(artala, await read(artala), {"title": "New"})

    assert it.bodies[-1] == {"title": "New"}


async def test_the_feeds_own_priority_names_have_precedence():
    it = board()
    artala = it.connector()
    current = await read(artala)

    await update(artala, current, {"priority": "high"})
    with pytest.raises(RejectedError, match='no priority "low"'):
        await update(artala, current, {"priority": "low"})

    assert it.bodies[-1]["priority"] == 3


async def test_priorities_are_asked_for_once_when_no_row_has_told_them():
    it = board()
    artala = it.connector()
    current = Record(REF, {**(await read(board().connector())).fields, "priority": "medium"}, "1")

    await update(artala, current, {"priority": "high"})
    await update(artala, current, {"priority": "high"})

    assert it.asked.count("GET /odata/Tasks") == 1
    assert it.bodies[-1]["priority"] == 3


async def test_no_priority_is_written_as_the_number_of_none():
    it = board()
    artala = it.connector()

    now = await update(artala, await read(artala), {"priority": None})

    assert it.bodies[-1]["priority"] == 4
    assert now.fields["priority"] == "none"


async def test_a_status_is_written_as_the_workspace_spells_it():
    it = board()
    artala = it.connector()

    now = await update(artala, await read(artala), {"status": "in progress"})

    assert it.bodies[-1] == {"newStatus": "In Progress"}
    assert now.fields["status"] == "In Progress"


async def test_an_unknown_status_is_refused_with_those_that_there_are():
    artala = board().connector()

    with pytest.raises(RejectedError, match="It has: To Do, In Progress, Done") as refused:
        await update(artala, await read(artala), {"status": "Shipped"})

    assert 'no status "Shipped"' in refused.value.message


async def test_an_unknown_assignee_is_refused_with_the_nearest_name():
    artala = board().connector()

    with pytest.raises(RejectedError, match=r'Did you mean "bob@example\.com"'):
        await update(artala, await read(artala), {"assignee": "rob@example.com"})


async def test_labels_cost_two_requests_and_keep_what_others_added():
    it = board(**{f"GET labels/task/{TASK}": [*LABELS[1:], {"id": guid(600), "name": "theirs", "color": "#111111"}]})
    artala = it.connector()
    current = await read(artala)
    current = replace(current, fields={**current.fields, "labels": ("ui",)})
    await artala.fetch(Ref("plan", BOARD, "label", guid(500)), fields=frozenset())
    it.asked.clear()

    now = await update(artala, current, {"labels": ("bug",)})

    assert it.asked == [f"GET /api/labels/task/{TASK}", f"PUT /api/labels/task/{TASK}"]
    assert it.bodies[-1] == {"labelIds": [guid(500), guid(600)]}
    assert now.fields["labels"] == ("bug", "theirs")


async def test_labels_that_are_right_already_are_not_written():
    it = board(**{f"GET labels/task/{TASK}": LABELS})
    artala = it.connector()
    current = replace(await read(artala), fields={"labels": ("ui",)})

    now = await update(artala, current, {"labels": ("bug", "ui")})

    assert f"PUT /api/labels/task/{TASK}" not in it.asked
    assert now.fields["labels"] == ("bug", "ui")


async def test_a_missing_label_is_made():
    it = board(**{f"GET labels/task/{TASK}": [], "POST labels": {"id": guid(700)}})
    artala = it.connector()

    await update(artala, await read(artala), {"labels": ("docs",)})
    await update(artala, await read(artala), {"labels": ("docs",)})

    assert it.asked.count("POST /api/labels") == 1
    assert it.bodies[0] == {"name": "docs", "color": "#9E9E9E", "sortOrder": 0}
    assert it.bodies[-1] == {"labelIds": [guid(700)]}


async def test_a_member_key_that_cannot_make_labels_is_told_whom_to_ask():
    artala = board(**{f"GET labels/task/{TASK}": [], "POST labels": 403}).connector()

    with pytest.raises(PermissionError_, match="Owner or Admin"):
        await update(artala, await read(artala), {"labels": ("docs",)})


@pytest.mark.parametrize(
    ("kind", "value", "wire"),
    [("Bool", True, "true"), ("Number", 2.5, "2.5"), ("Date", "2026-12-01", "2026-12-01"), ("Text", None, None)],
)
async def test_a_custom_field_is_written_as_a_string(kind, value, wire):
    it = board(**{"GET fields": [{"id": guid(77), "name": "X", "fieldType": kind}]})
    artala = it.connector()

    await update(artala, await read(artala), {"custom.X": value})

    assert it.bodies[-1] == {"fieldId": guid(77), "value": wire}


async def test_a_create_carries_the_marker_and_then_needs_no_reading_for_labels():
    it = board(**{"POST tasks": {"id": TASK.upper()}})
    artala = it.connector()
    fields = {"title": "New", "status": "done", "assignee": "ann@example.com", "due_on": "2026-12-01"}

    made = await artala.create(BOARD, "task", fields, Marker("github", "acme/app#12"), key="k")
    it.asked.clear()
    await update(artala, made, {"labels": ("bug",)})

    expected = {
        "boardId": BOARD,
        "title": "New",
        "status": "Done",
        "assigneeId": ANN,
        "dueDate": "2026-12-01T00:00:00Z",
        "externalId": "acme/app#12",
        "externalSource": "github",
    }
    assert expected == it.bodies[0]
    assert made.ref == REF
    assert made.marker == Marker("github", "acme/app#12")
    assert (made.fields["status"], made.fields["labels"], made.fields["description"]) == ("Done", (), None)
    assert it.asked == ["GET /api/labels", f"PUT /api/labels/task/{TASK}"]


@pytest.mark.parametrize("answer", [204, {}])
async def test_a_create_answered_without_an_id_is_looked_up_by_its_marker(answer):
    it = board(**{"POST tasks": answer})
    it.feeds["Tasks"][0] |= {"ExternalSource": "github", "ExternalId": "acme/app#12"}
    artala = it.connector()

    made = await artala.create(BOARD, "task", {"title": "New"}, Marker("github", "acme/app#12"), key="k")
    with pytest.raises(UnknownOutcome, match="without the new task's id"):
        await artala.create(BOARD, "task", {"title": "New"}, Marker("github", "acme/app#13"), key="k")

    assert made.ref == REF


async def test_a_task_is_found_by_a_marker_with_quotes():
    it = board()
    it.feeds["Tasks"] = [
        row(
            2,
            "2026-11-02T08:00:00Z",
            ExternalSource="it's",
            ExternalId="o'hara#1' or 'a",
            CreatedAt="2026-11-02T08:00:00Z",
        ),
        row(
            1,
            "2026-11-03T08:00:00Z",
            ExternalSource="it's",
            ExternalId="o'hara#1' or 'a",
            CreatedAt="2026-11-01T08:00:00Z",
        ),
    ]
    wanted, absent = Marker("it's", "o'hara#1' or 'a"), Marker("it's", "o'hara#2")
    artala = it.connector()

    found = await artala.find(BOARD, "task", [wanted, absent], None)

    assert {marker: record.ref.id for marker, record in found.items()} == {wanted: TASK}
    assert it.asked == ["GET /odata/Tasks"] * 2


async def test_many_markers_are_found_by_one_walk_since_the_cursor():
    it = board()
    it.feeds["Tasks"] = [
        row(n, f"2026-11-02T08:00:{n:02d}Z", ExternalSource="github", ExternalId=f"a#{n}") for n in range(20)
    ]
    artala = it.connector()

    found = await artala.find(BOARD, "task", [Marker("github", f"a#{n}") for n in range(30)], None)

    assert len(found) == 20
    assert it.asked == ["GET /odata/Tasks"]


async def test_a_missing_task_on_a_healthy_board_is_gone():
    with pytest.raises(GoneError, match="was deleted"):
        await board().connector().fetch(REF, fields=MAPPED)


@pytest.mark.parametrize("answer", [403, 404, {"id": BOARD, "isArchived": True}])
async def test_a_missing_task_on_a_board_that_does_not_answer_proves_nothing(answer):
    artala = board(**{f"GET boards/{BOARD}": answer}).connector()

    with pytest.raises(ContainerError) as caught:
        await artala.fetch(REF, fields=MAPPED)

    assert caught.value.reason == "missing"


async def test_a_task_on_another_board_has_moved():
    artala = board(**{f"GET tasks/{TASK}": {"id": TASK, "boardId": guid(50)}}).connector()

    with pytest.raises(GoneError) as gone:
        await artala.fetch(REF, fields=MAPPED)

    assert gone.value.moved_to == guid(50)


async def test_an_answer_that_is_no_task_is_not_taken_for_one():
    artala = board(**{f"GET tasks/{TASK}": {"result": {"id": TASK}}}).connector()

    with pytest.raises(RetryableError, match="no task"):
        await artala.fetch(REF, fields=MAPPED)


@pytest.mark.parametrize("case", [str, lambda key: key[0].lower() + key[1:]])
async def test_a_fetched_task_has_the_version_of_its_row(case):
    it = board(
        **{
            f"GET tasks/{TASK}": {case(key): value for key, value in FULL.items()},
            f"GET labels/task/{TASK}": LABELS,
            f"GET fields/task/{TASK}": [{"fieldId": guid(77), "name": "Env", "fieldType": "Text", "value": "x"}],
        }
    )
    artala = it.connector()

    fetched = await artala.fetch(REF, fields=MAPPED | {"custom.Env", "custom.Not set"})

    listed = await read(artala)
    assert fetched.version == listed.version
    assert dict(listed.fields) | {"labels": ("bug", "ui"), "custom.Env": "x", "custom.Not set": None} == fetched.fields


async def test_a_task_is_not_deleted_unless_the_connection_allows_it():
    it = board(**{f"DELETE tasks/{TASK}": 204})
    with pytest.raises(RejectedError, match="final"):
        await it.connector().delete(REF)
    assert it.asked == []

    await it.connector(allow_task_delete=True).delete(REF)

    assert it.asked == [f"DELETE /api/tasks/{TASK}"]


def test_a_logical_write_is_split_into_the_calls_the_api_has():
    artala = board().connector()
    fields = {"title", "status", "labels", "cover_color", "custom.B", "custom.A", "is_archived"}

    creating = [(step.name, sorted(step.fields)) for step in artala.steps("task", fields, creating=True)]
    updating = [(step.name, sorted(step.fields)) for step in artala.steps("task", fields, creating=False)]

    customs = [("field:A", ["custom.A"]), ("field:B", ["custom.B"])]
    assert creating == [
        ("create", ["status", "title"]),
        ("labels", ["labels"]),
        *customs,
        ("fields", ["cover_color"]),
    ]
    assert updating == [("fields", ["cover_color", "title"]), ("status", ["status"]), ("labels", ["labels"]), *customs]


async def test_a_board_can_be_named():
    it = board()
    artala = it.connector()

    [page] = [page async for page in artala.pull("plan", "task", None, fields=frozenset({"title"}), sweep=False)]

    assert page.records[0].ref == REF
    with pytest.raises(ContainerError, match='Did you mean "Plan"'):
        await artala.create("Plam", "task", {"title": "x"}, Marker("a", "b"), key="")


# Labels as records


async def labels_of(artala, cursor=None):
    return [page async for page in artala.pull(BOARD, "label", cursor, fields=frozenset(), sweep=False)]


async def test_label_definitions_are_listed_once_and_quiet_then():
    it = board()
    artala = it.connector()

    [first] = await labels_of(artala)
    [second] = await labels_of(artala, first.cursor)
    it.rest["GET labels"] = [LABELS[0], {**LABELS[1], "color": "#ffffff"}]
    [third] = await labels_of(artala, first.cursor)

    assert [record.fields["name"] for record in first.records] == ["bug", "ui"]
    assert (second.quiet, second.records) == (True, ())
    assert third.records[1].fields["color"] == "#ffffff"


async def test_a_label_is_created_once_changed_and_deleted():
    it = board(**{"POST labels": {"id": guid(700)}, f"DELETE labels/{guid(700)}": 204})
    artala = it.connector()

    made = await artala.create(BOARD, "label", {"name": "docs", "color": "#00ff00"}, Marker("a", "b"), key="")
    [step] = artala.steps("label", {"color"}, creating=False)
    changed = await artala.update(made.ref, step, {"color": "#0000ff"}, made)
    await artala.delete(made.ref)
    there = await artala.create(BOARD, "label", {"name": "bug", "color": "#00ff00"}, Marker("a", "c"), key="")

    assert it.bodies == [
        {"name": "docs", "color": "#00ff00", "sortOrder": 0},
        {"id": guid(700), "name": "docs", "color": "#0000ff", "sortOrder": 0},
    ]
    assert changed.fields["color"] == "#0000ff"
    assert there.ref.id == guid(500)
    with pytest.raises(GoneError):
        await artala.fetch(made.ref, fields=frozenset())


# Webhooks


def signed(body, prefix=""):
    signature = hmac.new(b"at least 8", body, hashlib.sha256).hexdigest()
    return {"x-artala-signature": prefix + signature, "x-artala-event": "task.updated", "x-artala-delivery": "d-1"}


@pytest.mark.parametrize("prefix", ["", "sha256="])
@pytest.mark.parametrize(
    "body",
    [
        {"taskId": TASK.upper(), "boardId": BOARD},
        {"task": {"id": TASK, "boardId": BOARD}},
        {"id": "evt_1", "data": {"taskId": TASK, "boardId": BOARD}},
        {"id": guid(999), "data": {"task": {"Id": TASK, "BoardId": BOARD}}},
        {"data": {"id": TASK, "boardId": BOARD}},
        {"Id": TASK, "BoardId": BOARD},
    ],
)
def test_a_signed_webhook_names_its_task_wherever_it_stands(body, prefix):
    artala = board().connector(webhook_secret="at least 8")
    raw = json.dumps(body).encode()

    delivery = artala.verify(signed(raw, prefix), raw)

    assert (delivery.id, delivery.event) == ("d-1", "task.updated")
    assert delivery.hints == (Hint(BOARD, "task", TASK),)


@pytest.mark.parametrize("secret", [None, ""])
def test_without_a_secret_no_webhook_is_believed_though_it_is_signed_with_none(secret):
    headers = {"x-artala-signature": hmac.new(b"", b"{}", hashlib.sha256).hexdigest()}

    with pytest.raises(SignatureError, match="has no webhook_secret"):
        board().connector(webhook_secret=secret).verify(headers, b"{}")


@pytest.mark.parametrize("raw", [b"", b"not json", b"[]", b'{"taskId":"../boards"}', b'{"taskId":7,"task":"x"}'])
def test_a_signed_webhook_of_any_shape_is_taken(raw):
    delivery = board().connector(webhook_secret="at least 8").verify(signed(raw), raw)

    assert delivery.hints == ()


async def test_a_webhook_names_the_board_as_the_links_do():
    artala = board().connector(webhook_secret="at least 8")
    await artala.find("Plan", "task", [], None)
    raw = json.dumps({"taskId": TASK, "boardId": BOARD}).encode()

    assert artala.verify(signed(raw), raw).hints == (Hint("Plan", "task", TASK),)


@pytest.mark.parametrize("headers", [{}, {"x-artala-signature": "00"}, {"x-artala-signature": "sha256=é"}])
def test_an_unsigned_or_forged_webhook_is_refused(headers):
    artala = board().connector(webhook_secret="at least 8")

    with pytest.raises(SignatureError) as refused:
        artala.verify(headers, b"{}")

    assert "at least 8" not in str(refused.value)


def test_a_webhook_without_a_configured_secret_is_refused_unless_signatures_are_off():
    with pytest.raises(SignatureError, match="webhook_secret"):
        board().connector().verify({}, b"{}")

    assert board().connector(verify_signature=False).verify({}, b"{}").id


# The live check and the schema


async def test_the_check_names_everything_that_would_fail_later():
    it = board(**{"GET webhooks": 403, "GET fields": [{"id": guid(7), "name": "Env", "fieldType": "Text"}]})
    maps = {
        "status": ["To Do", "Dome"],
        "priority": ["High", "urgent"],
        "assignee": ["Ann@example.com", "bob@example.com", "eve@example.com"],
        "labels": ["bug", "docs"],
        "custom.Emv": [],
    }

    found = await it.connector().check(BOARD, "task", ["create", "update"], maps)

    assert [(one.level, one.what) for one in found] == [
        ("ok", "The API key is accepted; it sees 1 boards."),
        ("ok", 'The board "Plan" is there.'),
        ("warning", "The API key has the role Member; it cannot make or change labels."),
        ("error", 'Artala has no team member with the e-mail "eve@example.com".'),
        ("warning", "bob@example.com is deactivated in Artala."),
        ("error", 'Artala has no custom field "Emv", or the plan has none at all.'),
        ("warning", 'Artala has no label "docs".'),
        ("error", 'Artala has no priority "urgent".'),
        ("error", 'Artala has no status "Dome".'),
    ]
    assert [one.hint for one in found if "Dome" in one.what] == [
        'Did you mean "Done"? It has: To Do, In Progress, Done.'
    ]
    assert not [one for one in it.asked if not one.startswith("GET")]


@pytest.mark.parametrize("status", [401, 403])
async def test_the_check_says_that_a_key_is_refused(status):
    [finding] = await board(**{"GET boards": status}).connector().check(BOARD, "task", ["create"], {})

    assert finding.level == "error"
    assert finding.hint


async def test_the_check_misses_a_board_that_is_not_there():
    found = await board().connector().check(guid(1), "task", ["create"], {})

    assert (found[-1].level, "Plan" in found[-1].hint) == ("error", True)


async def test_the_schema_has_live_custom_fields_and_asks_only_for_those():
    choice = {"id": guid(7), "name": "Env", "fieldType": "Choice", "choiceOptions": '["a","b"]', "isRequired": False}
    it = board(**{"GET fields": [choice]})
    artala = it.connector()
    plain = await artala.schema(BOARD, "task", fields=frozenset({"status", "title"}))
    assert it.asked == []

    schema = await artala.schema(BOARD, "task", fields=frozenset({"custom.Env"}))

    assert schema.fields["custom.Env"].choices == ("a", "b")
    assert not schema.fields["labels"].in_feed
    assert plain.fields["title"].max_length == 200


async def test_a_plan_without_custom_fields_has_none():
    schema = await board(**{"GET fields": 403}).connector().schema(BOARD, "task", fields=frozenset({"custom.x"}))

    assert not [name for name in schema.fields if name.startswith("custom.")]
