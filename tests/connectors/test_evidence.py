"""What may be taken as evidence that something is gone (S25): whole lists, and containers that answer."""

from __future__ import annotations

import pytest
from artala_board import BOARD, Board, guid, pages, row
from github_script import APP, LIST, Script, answer, issue, pulled, ref

from bridge import errors
from bridge.model import Ref

REPO = {"id": 7, "full_name": "acme/app"}


def link(page):
    return {"link": f'<https://api.github.com{APP}/labels?per_page=2&page={page}>; rel="next"'}


def label(name, **more):
    return {"name": name, "color": "ededed", **more}


# ------------------------------------------------------------------------------------------------ whole lists


@pytest.mark.parametrize(
    ("cursor", "rows", "complete"),
    [(None, [1, 2], True), (None, [], False), ('{"v":1,"since":"2026-11-20T10:00:00Z","etag":null}', [1, 2], False),
     ("not understood", [1], True)],
)  # fmt: skip
async def test_a_list_of_issues_is_complete_when_it_began_at_the_beginning_and_held_something(cursor, rows, complete):
    target = f"{LIST}&since=2026-11-20T10%3A00%3A00Z" if cursor and "since" in cursor else LIST
    script = Script(("GET", target, answer([issue(number) for number in rows])))

    found = await pulled(script.github(), cursor)

    assert [page.complete for page in found] == [complete]


async def test_only_the_last_page_speaks_for_the_list():
    more = {"link": '<https://api.github.com/n?after=a>; rel="next"'}
    script = Script(
        ("GET", LIST, answer([issue(1), issue(2)], **more)),
        ("GET", f"{LIST}&since=2026-11-20T10%3A00%3A02Z", answer([issue(2), issue(3)])),
    )

    assert [page.complete for page in await pulled(script.github())] == [False, True]


async def test_a_304_is_no_list():
    etag = '{"v":1,"since":null,"etag":"x"}'

    for kind, target in (("task", LIST), ("label", f"{APP}/labels?per_page=100")):
        script = Script(("GET", target, answer(status=304)))
        assert [page.complete for page in await pulled(script.github(), etag, kind=kind)] == [False]


async def test_artalas_feed_is_complete_from_the_beginning_only():
    it = Board(feeds={"Tasks": [row(n, f"2026-11-02T08:00:{n:02d}Z") for n in range(5)]}, cap=2)
    artala = it.connector(page_size=2, smallest_server_page=2)

    full = await pages(artala)
    poll = await pages(artala, full[-1].cursor)
    resumed = await pages(artala, full[0].cursor)
    empty = await pages(Board(feeds={"Tasks": []}).connector())

    assert [page.complete for page in full] == [False] * (len(full) - 1) + [True]
    assert not any(page.complete for page in [*poll, *resumed, *empty])


async def test_artalas_labels_are_complete_when_they_are_listed():
    it = Board(rest={"GET labels": [{"id": guid(1), "name": "bug"}]})
    artala = it.connector()

    async def listed(cursor):
        return [page async for page in artala.pull(BOARD, "label", cursor, fields=frozenset(), sweep=False)]

    [first] = await listed(None)
    [quiet] = await listed(first.cursor)

    assert (first.complete, quiet.complete, quiet.quiet) == (True, False, True)


# ------------------------------------------------------------------------------------------------ lists by page number

LABELS = f"{APP}/labels?per_page=2"


async def labels_of(script):
    [page] = await pulled(script.github(page_size=2), kind="label")
    return [record.ref.id for record in page.records]


async def test_labels_on_several_pages_are_looked_at_once_more():
    script = Script(
        ("GET", LABELS, answer([label("a"), label("b")], etag='"1"', **link(2))),
        ("GET", f"{LABELS}&page=2", answer([label("c"), label("d")], etag='"2"', **link(3))),
        ("GET", f"{LABELS}&page=3", answer([label("e")])),
        ("GET", LABELS, answer(status=304)),
        ("GET", f"{LABELS}&page=2", answer(status=304)),
    )

    assert await labels_of(script) == ["a", "b", "c", "d", "e"]
    assert [r.headers.get("if-none-match") for r in script.requests] == [None, None, None, '"1"', '"2"']
    assert script.left == []


async def test_a_label_that_a_deletion_moved_to_a_page_already_read_is_not_lost():
    script = Script(
        ("GET", LABELS, answer([label("a"), label("b")], **link(2))),
        ("GET", f"{LABELS}&page=2", answer([label("d")])),  # "a" was deleted meanwhile, "c" moved up
        ("GET", LABELS, answer([label("b"), label("c")], **link(2))),
        ("GET", LABELS, answer([label("b"), label("c")], **link(2))),
        ("GET", f"{LABELS}&page=2", answer([label("d")])),
        ("GET", LABELS, answer([label("b"), label("c")], **link(2))),
    )

    assert await labels_of(script) == ["b", "c", "d"]
    assert script.left == []


async def test_a_colour_that_changes_meanwhile_moves_nothing():
    script = Script(
        ("GET", LABELS, answer([label("a"), label("b")], **link(2))),
        ("GET", f"{LABELS}&page=2", answer([label("b"), label("c")])),  # one was added before: "b" comes twice
        ("GET", LABELS, answer([label("a", color="ff0000"), label("b")], **link(2))),
    )

    assert await labels_of(script) == ["a", "b", "c"]
    assert script.left == []


async def test_labels_that_keep_moving_are_left_for_later():
    begin, end = answer([label("a"), label("b")], **link(2)), answer([label("d")])
    moved = answer([label("b"), label("c")], **link(2))
    script = Script(*[("GET", LABELS, begin), ("GET", f"{LABELS}&page=2", end), ("GET", LABELS, moved)] * 5)

    with pytest.raises(errors.RetryableError, match="move faster"):
        await labels_of(script)


async def test_a_milestone_that_moved_up_meanwhile_is_found():
    path = f"{APP}/milestones?state=all&per_page=100"
    more = {"link": f'<https://api.github.com{path}&page=2>; rel="next"'}

    def milestones(*titles, **headers):
        return answer([{"title": title, "number": ord(title)} for title in titles], **headers)

    script = Script(
        ("GET", path, milestones("a", "b", **more)),
        ("GET", f"{path}&page=2", milestones("d")),
        ("GET", path, milestones("b", "c", **more)),
        ("GET", path, milestones("b", "c", **more)),
        ("GET", f"{path}&page=2", milestones("d")),
        ("GET", path, milestones("b", "c", **more)),
    )

    assert await script.github()._api.milestone("acme/app", "c") == ord("c")


# ------------------------------------------------------------------------------------------------ containers


@pytest.mark.parametrize(
    ("status", "body", "healthy"),
    [
        (200, REPO, True),
        (200, {**REPO, "archived": True}, True),
        (200, {**REPO, "has_issues": False}, False),
        (200, {**REPO, "disabled": True}, False),
        (404, {"message": "Not Found"}, False),
        (403, {"message": "Repository access blocked"}, False),
    ],
)
async def test_a_repository_is_healthy_while_it_shows_its_issues(status, body, healthy):
    script = Script(("GET", APP, answer(body, status)))

    assert await script.github().container_healthy("acme/app") is healthy


async def test_a_refused_credential_says_nothing_about_the_container():
    script = Script(("GET", APP, answer({"message": "Bad credentials"}, 401)))

    with pytest.raises(errors.AuthError):
        await script.github().container_healthy("acme/app")


@pytest.mark.parametrize(
    ("given", "healthy"),
    [({"id": BOARD}, True), ({"id": BOARD, "isArchived": True}, False), (403, False), (404, False)],
)
async def test_a_board_is_healthy_while_it_answers(given, healthy):
    it = Board(rest={f"GET boards/{BOARD}": given})

    assert await it.connector().container_healthy(BOARD) is healthy
    assert it.asked == [f"GET /api/boards/{BOARD}"]


async def test_a_board_of_an_unknown_name_is_not_healthy():
    assert not await Board(rest={"GET boards": []}).connector().container_healthy("Nowhere")


@pytest.mark.parametrize(("health", "kind"), [({"id": BOARD}, errors.GoneError), (404, errors.ContainerError)])
async def test_deleting_what_is_gone_already_says_so(health, kind):
    it = Board(rest={f"GET boards/{BOARD}": health})

    with pytest.raises(kind):
        await it.connector(allow_task_delete=True).delete(Ref("plan", BOARD, "task", guid(1)))


async def test_deleting_a_label_that_is_gone_already_says_so():
    script = Script(
        ("DELETE", f"{APP}/labels/bug", answer({"message": "Not Found"}, 404)),
        ("GET", f"{APP}/labels/bug", answer({"message": "Not Found"}, 404)),
        ("GET", APP, answer(REPO)),
    )

    with pytest.raises(errors.GoneError):
        await script.github().delete(ref("bug", "label"))
