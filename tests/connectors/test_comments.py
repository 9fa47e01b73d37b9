"""Comments of both trackers, over a socket and against odd answers."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from artala_board import BOARD, Board, guid
from github_script import APP, Script, answer, ref

from bridge import errors
from bridge.model import Ref
from bridge.sandbox.server import Sandbox
from connectors.artala import Artala
from connectors.artala_config import ArtalaConfig
from connectors.github import Github
from connectors.github_config import GithubConfig
from connectors.pace import Retry

KEY = "conflict/7 [a]--b>"
TASK = "10000000-0000-4000-8000-000000000001"


async def _at_once(_seconds):
    return None


@pytest.fixture
async def sides():
    """Per tracker: the sandbox, the connector, a record that can be commented, and a way to comment as a person."""
    with Sandbox("github") as github, Sandbox("artala") as artala:
        github.seed(issues=[{"title": "First"}])
        board = artala.seed(tasks=[{"id": TASK, "title": "First"}])["board"]
        retry = Retry(sleep=_at_once)
        ours = Github(
            "github", GithubConfig(base_url=github.url, token=github.token(), write_interval_s=0), retry=retry
        )
        theirs = Artala(
            "plan", ArtalaConfig(base_url=artala.url, token=artala.token(), requests_per_minute=0), retry=retry
        )
        yield {
            "github": (github, ours, Ref("github", "acme/app", "task", "1")),
            "artala": (artala, theirs, Ref("plan", board, "task", TASK)),
        }
        await ours.aclose()
        await theirs.aclose()


@pytest.mark.parametrize("tracker", ["github", "artala"])
async def test_a_comment_is_posted_and_found_by_its_key(sides, tracker):
    _, connector, item = sides[tracker]

    made = await connector.comments.post(item, "Both sides changed the title:\n\n- a\n- b\n", key=KEY)
    [read] = await connector.comments.read(item)

    assert read == made
    assert (read.key, read.text) == (KEY, "Both sides changed the title:\n\n- a\n- b")
    assert read.author
    assert read.created_at.tzinfo is not None
    assert connector.kinds()["task"].comments
    assert not connector.kinds()["label"].comments


@pytest.mark.parametrize("tracker", ["github", "artala"])
async def test_a_comment_whose_answer_was_lost_is_unknown_and_found_by_its_key(sides, tracker):
    box, connector, item = sides[tracker]
    box.fault("lost_reply", method="POST")

    with pytest.raises(errors.UnknownOutcome):
        await connector.comments.post(item, "Once", key="k1")

    assert [one.key for one in await connector.comments.read(item)] == ["k1"]


@pytest.mark.parametrize("tracker", ["github", "artala"])
async def test_a_comment_that_may_not_leave_is_not_posted(sides, tracker):
    _, connector, item = sides[tracker]

    async def lost():
        raise errors.LockedError("another process took over")

    with pytest.raises(errors.LockedError):
        await connector.comments.post(item, "Never", key="k", before_send=lost)

    assert await connector.comments.read(item) == ()


@pytest.mark.parametrize("tracker", ["github", "artala"])
async def test_a_comment_that_is_too_long_is_refused_before_it_is_sent(sides, tracker):
    _, connector, item = sides[tracker]
    most = connector.kinds()["task"].comment_max
    before = connector.usage().requests

    with pytest.raises(errors.RejectedError, match="too long"):
        await connector.comments.post(item, "x" * (most + 400), key="k")

    assert connector.usage().requests == before
    assert len((await connector.comments.post(item, "x" * most, key="k")).text) == most


async def test_github_lists_what_was_written_since_an_instant(sides):
    _, github, item = sides["github"]
    made = await github.comments.post(item, "Now", key="k")

    assert await github.comments.read(item, made.created_at) == (made,)
    assert await github.comments.read(item, made.created_at + timedelta(seconds=1)) == ()


async def test_a_person_is_named_as_in_the_fields_and_has_no_key():
    row = {
        "id": 5, "created_at": "2026-11-20T10:00:00Z", "updated_at": "2026-11-20T11:00:00+01:00",
        "body": "bridge: take github\r\n", "user": {"login": "ann"},
    }  # fmt: skip
    gone = {**row, "id": 4, "user": None, "body": None}
    foreign = {**row, "id": 6, "body": "Hm.\n\n<!-- bridge:v1 artala x#y -->"}
    script = Script(("GET", f"{APP}/issues/12/comments?per_page=100", answer([row, gone, foreign])))

    found = await script.github().comments.read(ref(12))

    at = datetime(2026, 11, 20, 10, tzinfo=UTC)
    assert [(one.id, one.author, one.text, one.key) for one in found] == [
        ("4", "ghost", "", None),
        ("5", "ann", "bridge: take github", None),
        ("6", "ann", "Hm.\n\n<!-- bridge:v1 artala x#y -->", None),
    ]
    assert (found[0].created_at, found[0].updated_at) == (at, at)


async def test_a_locked_issue_takes_no_comment_and_is_no_reason_to_stop():
    locked = answer({"message": "Unable to create comment because issue is locked."}, 403)
    script = Script(("POST", f"{APP}/issues/12/comments", locked))

    with pytest.raises(errors.PermissionError_, match="locked"):
        await script.github().comments.post(ref(12), "x", key="k")


def comment(number, at, **more):
    return {"id": guid(number), "taskId": TASK, "authorId": guid(9), "content": "Text", "createdAt": at, **more}


async def test_artala_replies_are_listed_and_an_edited_comment_is_never_passed_over():
    reply = comment(2, "2026-11-03T10:00:00Z", authorId=guid(8), authorName="Bo")
    rows = [
        comment(3, "2026-11-04T10:00:00Z", content="Mine\n\n[bridge:a%5Db]"),
        comment(1, "2026-11-01T10:00:00Z", replies=[reply]),
        comment(4, "2026-11-01T09:00:00Z", isEdited=True, content="[bridge:x] in the middle\nof it"),
    ]
    team = [{"id": guid(9), "email": "Ann@x.example"}]
    it = Board(rest={f"GET comments/task/{TASK}": rows, "GET team": team})
    artala, item = it.connector(), Ref("plan", BOARD, "task", TASK)

    whole = await artala.comments.read(item)
    late = await artala.comments.read(item, datetime(2026, 11, 2, tzinfo=UTC))

    assert [(int(one.id[-2:]), one.author, one.key) for one in whole] == [
        (4, "ann@x.example", None),
        (1, "ann@x.example", None),
        (2, guid(8), None),
        (3, "ann@x.example", "a]b"),
    ]
    assert [int(one.id[-2:]) for one in late] == [4, 2, 3]
    assert whole[-1].text == "Mine"


async def test_a_task_that_is_gone_has_no_comments_but_evidence():
    gone = Board(rest={f"GET boards/{BOARD}": {"id": BOARD}})
    hidden = Board(rest={f"GET boards/{BOARD}": 403})
    item = Ref("plan", BOARD, "task", TASK)

    for call in (lambda a: a.comments.read(item), lambda a: a.comments.post(item, "x", key="k")):
        with pytest.raises(errors.GoneError):
            await call(gone.connector())
        with pytest.raises(errors.ContainerError):
            await call(hidden.connector())


async def test_an_answer_without_the_comment_is_unknown():
    it = Board(rest={"POST comments": {"ok": True}})

    with pytest.raises(errors.UnknownOutcome):
        await it.connector().comments.post(Ref("plan", BOARD, "task", TASK), "x", key="k")


async def test_a_label_has_no_comments():
    with pytest.raises(errors.RejectedError, match="no comments"):
        await Script().github().comments.read(ref("bug", "label"))
    with pytest.raises(errors.RejectedError, match="no comments"):
        await Board().connector().comments.read(Ref("plan", BOARD, "label", TASK))
