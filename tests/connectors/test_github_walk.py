"""Walking GitHub's list of issues while people work: nothing lost, and few requests."""

from __future__ import annotations

import json

import pytest
from github_script import LIST, Script, answer, issue, ref

from bridge import errors
from bridge.sandbox.server import Sandbox
from connectors.github import Github
from connectors.github_config import GithubConfig

NEXT = {"link": '<https://api.github.com/n?page=2>; rel="next"'}
SECOND = "2026-11-20T10:00:00Z"
AGAIN = f"{LIST}&since=2026-11-20T10%3A00%3A00Z"


@pytest.fixture(params=["page", "after"])
def box(request):
    with Sandbox("github", paging=request.param) as sandbox:
        sandbox.clock.freeze("2026-11-21T09:00:00Z")
        yield sandbox


@pytest.fixture
async def connect(box):
    made = []

    def make(per_page):
        config = {"base_url": box.url, "token": box.token(), "page_size": per_page}
        made.append(Github("github", GithubConfig.model_validate(config)))
        return made[-1]

    yield make
    for github in made:
        await github.aclose()


def seed(box, times):
    box.seed(issues=[{"title": f"Issue {n}", "updated_at": time} for n, time in enumerate(times, 1)])


def edit(box, number):
    assert box.call("PATCH", f"/repos/acme/app/issues/{number}", {"title": "Edited"}, who="alice")[0] == 200


def delete(box, number):
    box.tracker.act({"do": "delete", "number": number})


async def walked(github, after_page=None):
    """The pages of a full listing; ``after_page`` says what people do once a page has been read."""
    pages = []
    async for page in github.pull("acme/app", "task", None, fields=frozenset(), sweep=False):
        pages.append(page)
        if after_page and not page.last:
            after_page(len(pages))
    return pages


def names(pages):
    return [[record.ref.id for record in page.records] for page in pages]


@pytest.mark.parametrize("deed", [edit, delete])
async def test_an_issue_that_leaves_its_place_makes_no_other_slip_through(box, connect, deed):
    seed(box, [f"2026-11-20T10:00:0{n}Z" for n in range(1, 6)])

    pages = await walked(connect(2), lambda count: deed(box, 1) if count == 1 else None)

    seen = [name for page in names(pages) for name in page]
    assert seen == ["1", "2", "3", "4", "5"] + (["1"] if deed is edit else [])
    assert [page.last for page in pages] == [False] * (len(pages) - 1) + [True]


@pytest.mark.parametrize("deed", [edit, delete])
@pytest.mark.parametrize("when", [1, 2])
@pytest.mark.parametrize("later", [[], ["2026-11-20T10:00:01Z"] * 3])
async def test_nothing_slips_through_within_one_second_either(box, connect, deed, when, later):
    seed(box, [SECOND] * 6 + later)

    pages = await walked(connect(2), lambda count: deed(box, 1) if count == when else None)

    seen = {name for page in names(pages) for name in page}
    assert seen == {str(number) for number in range(1, 7 + len(later))}
    reached = [json.loads(page.cursor)["since"] for page in pages]
    assert reached == sorted(reached)
    assert pages[-1].last


async def test_no_cursor_is_past_what_may_have_slipped_through(box, connect):
    seed(box, [SECOND] * 3 + ["2026-11-20T10:00:01Z"] * 2)

    pages = await walked(connect(2), lambda count: edit(box, 1) if count == 1 else None)

    at = next(n for n, page in enumerate(names(pages)) if "3" in page)
    assert {json.loads(page.cursor)["since"] for page in pages[:at]} == {SECOND}


async def test_a_steady_second_is_listed_once_and_looked_over_once(box, connect):
    seed(box, [SECOND] * 6)
    github = connect(2)

    pages = await walked(github)

    assert names(pages) == [["1", "2"], ["3", "4"], ["5", "6"]]
    assert github.usage().requests == 2 * 3


async def test_a_page_costs_one_row_for_the_edge(box, connect):
    box.seed(generate=1_000)
    github = connect(100)

    pages = await walked(github)

    assert [len(page.records) for page in pages] == [100] + [99] * 9 + [9]
    assert github.usage().requests == 11


async def test_an_edited_row_at_the_edge_is_told_again(box, connect):
    seed(box, [SECOND, "2026-11-20T10:00:01Z", "2026-11-20T10:00:02Z"])

    pages = await walked(connect(2), lambda _: edit(box, 2))

    assert names(pages) == [["1", "2"], ["3", "2"]]
    assert pages[-1].records[-1].fields["title"] == "Edited"


async def test_a_second_that_keeps_moving_is_left_for_later():
    first, second, third = (issue(number, updated_at=SECOND) for number in (1, 2, 3))
    once = [
        ("GET", "/n?page=2", answer([third])),
        ("GET", AGAIN, answer([second, third])),  # the first one has left: what came after it may have moved up
    ]
    begin = answer([first, second], **NEXT)
    script = Script(("GET", LIST, begin), *[*once, ("GET", AGAIN, begin)] * 5, *once)

    with pytest.raises(errors.RetryableError, match="move faster than they can be read"):
        async for _ in script.github().pull("acme/app", "task", None, fields=frozenset(), sweep=False):
            pass

    assert script.left == []


async def test_a_redirected_list_is_asked_at_its_new_place_from_then_on():
    place = "/repositories/7/issues"
    query = LIST.partition("?")[2]
    script = Script(
        ("GET", LIST, answer(status=301, location=f"https://api.github.com{place}?{query}")),
        ("GET", f"{place}?{query}", answer([issue(1), issue(2)], **NEXT)),
        ("GET", f"{place}?{query}&since=2026-11-20T10%3A00%3A02Z", answer([issue(2), issue(3)])),
    )

    pages = await walked(script.github())

    assert [[record.ref for record in page.records] for page in pages] == [[ref(1), ref(2)], [ref(3)]]
    assert script.left == []
