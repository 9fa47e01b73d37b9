"""The Artala connector over a socket, under each setting for what the vendor's page leaves open."""

import pytest

from bridge.model import Marker, Ref
from bridge.sandbox.server import Sandbox
from connectors.artala import Artala
from connectors.artala_config import ArtalaConfig

FIELDS = frozenset({"title", "status", "assignee", "labels", "start_on", "due_on"})
TASK = "10000000-0000-4000-8000-000000000001"
SETTINGS = [
    {},
    {"page_cap": 100},
    {"page_cap": 100, "next_link": False},
    {"wide_feed": False},
    {"subseconds": True, "touch_on_labels": True},
]


@pytest.fixture(params=SETTINGS, ids=str)
def box(request):
    with Sandbox("artala", **request.param) as box:
        yield box


@pytest.fixture
async def artala(box):
    config = ArtalaConfig(base_url=box.url, token=box.token(), requests_per_minute=0)
    connector = Artala("plan", config)
    yield connector
    await connector.aclose()


async def listed(artala, board, cursor=None, *, sweep=False):
    return [page async for page in artala.pull(board, "task", cursor, fields=FIELDS, sweep=sweep)]


async def test_every_task_is_listed_once_with_its_labels_and_then_the_board_is_quiet(box, artala):
    board = box.seed(generate=450)["board"]

    full = await listed(artala, board)
    before = artala.usage().requests
    quiet = await listed(artala, board, full[-1].cursor)

    records = {record.ref.id: record for page in full for record in page.records}
    assert set(records) == set(box.store.tasks)
    assert sum(len(page.records) for page in full) == 450
    for one, record in records.items():
        names = sorted(box.store.labels[label].name for label in box.store.tasks[one].labels)
        assert list(record.fields["labels"]) == names
    assert ([page.quiet for page in quiet], artala.usage().requests - before) == ([True], 1)


async def test_a_write_keeps_what_it_does_not_change(box, artala):
    board = box.seed(
        tasks=[
            {"id": TASK, "title": "First", "description": "Text", "effort": 5, "priority": 1, "cover_color": "#ff0000"}
            | {
                "start_date": "2026-11-20T07:45:00Z",
                "due_date": "2026-12-01T15:30:00Z",
                "assignee": "alice@example.com",
            }
        ]
    )["board"]
    [page] = await listed(artala, board)
    before = box.store.tasks[TASK]
    [step] = artala.steps("task", {"title"}, creating=False)

    await artala.update(Ref("plan", board, "task", TASK), step, {"title": "New"}, page.records[0])

    after = box.store.tasks[TASK]
    kept = ("description", "effort", "priority", "cover_color", "start_date", "due_date", "assignee_id", "status")
    assert after.title == "New"
    assert {name: getattr(before, name) for name in kept} == {name: getattr(after, name) for name in kept}


async def test_an_edit_and_a_label_reach_the_next_poll(box, artala):
    board = box.seed(tasks=[{"id": TASK, "title": "First", "updated_at": "2026-11-01T08:00:00Z"}])["board"]
    cursor = (await listed(artala, board))[-1].cursor
    status, made = box.call("POST", "/api/labels", {"name": "fresh"}, who="alice")
    assert status in {200, 201}
    box.call("PATCH", f"/api/tasks/{TASK}/status", {"newStatus": "Done"}, who="alice")
    box.call("PUT", f"/api/labels/task/{TASK}", {"labelIds": [made["id"]]}, who="alice")

    [page] = await listed(artala, board, cursor, sweep=True)

    assert [record.fields["status"] for record in page.records] == ["Done"]
    assert page.sweep == {TASK: {"labels": ("fresh",)}}


async def test_a_created_task_is_found_although_its_marker_has_quotes(box, artala):
    marker = Marker("it's", "o'hara/app#12")
    board = box.seed(tasks=[])["board"]

    made = await artala.create(board, "task", {"title": "New"}, marker, key="k")
    found = await artala.find(board, "task", [marker, Marker("it's", "o'hara/app#13")], None)

    assert {key: record.ref for key, record in found.items()} == {marker: made.ref}
