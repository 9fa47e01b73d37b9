"""What is played against the GitHub sandbox while recording, and against the cassettes afterwards.

Each scenario gets a way to make connectors by token and a way to let people act: ``people(deed, …)`` does something on
the sandbox while recording and nothing on replay. Its assertions hold both times.
"""

from __future__ import annotations

import json

import pytest
from github_script import pulled, ref

from bridge import errors
from bridge.model import Marker
from connectors.base import Step

MARKER = Marker("artala", "0f8f11#5b6c22")
START = "2026-11-21T09:00:00Z"
SEED = {
    "labels": [{"name": "area/ü x", "color": "0e8a16", "description": "With a slash"}],
    "milestones": [{"title": "v1"}, {"title": "v2"}],
    "issues": [
        {"number": 1, "title": "First", "body": "Line\r\nend \r\n", "labels": ["bug"], "updated_at": "2026-11-20T10:00:01Z"},
        {"number": 2, "title": "A pull request", "is_pull": True, "updated_at": "2026-11-20T10:00:02Z"},
        {"number": 3, "title": "Another one", "is_pull": True, "updated_at": "2026-11-20T10:00:03Z"},
        {"number": 4, "title": "Done", "state": "closed", "assignees": ["bob"], "updated_at": "2026-11-20T10:00:04Z"},
        {"number": 5, "title": "Not to do", "state": "closed", "state_reason": "not_planned", "milestone": 1,
         "updated_at": "2026-11-20T10:00:05Z"},
    ],
}  # fmt: skip
ISSUE, STATE = Step("issue", frozenset()), Step("state", frozenset())
NONE = frozenset[str]()


async def a_list_is_walked_page_by_page_and_then_revalidated(connect, people):
    people({"set": {"paging": "after"}})
    github = connect(page_size=2)

    pages = await pulled(github)

    assert [[record.ref.id for record in page.records] for page in pages] == [["1"], [], ["4"], ["5"]]
    assert [page.last for page in pages] == [False, False, False, True]
    titles = {record.ref.id: record.fields for page in pages for record in page.records}
    assert (titles["1"]["description"], titles["1"]["labels"]) == ("Line\nend", ("bug",))
    assert (titles["4"]["status"], titles["4"]["assignees"]) == ("closed", ("bob",))
    assert (titles["5"]["status"], titles["5"]["milestone"]) == ("closed:not_planned", "v1")

    [again] = await pulled(github, pages[-1].cursor)
    [quiet] = await pulled(github, again.cursor)

    assert (again.quiet, quiet.quiet, github.usage().not_modified) == (False, True, 1)
    assert json.loads(quiet.cursor)["since"] == "2026-11-20T10:00:05Z"

    people({"do": "advance", "seconds": 600}, {"edit": 1, "title": "First, edited"})
    [changed] = await pulled(github, quiet.cursor)

    assert [record.fields["title"] for record in changed.records] == ["Not to do", "First, edited"]


async def an_issue_lives(connect, people):
    github = connect()
    fields = {
        "title": "Grüße 👋", "description": "Text", "status": "closed", "labels": ("bug", "brand new"),
        "assignees": ("alice", "stranger"), "milestone": "v1", "type": None,
    }  # fmt: skip
    made = await github.create("acme/app", "task", fields, MARKER, key="k1")

    assert (made.marker, made.fields["description"], made.fields["status"]) == (MARKER, "Text", "open")
    assert (made.fields["labels"], made.fields["milestone"]) == (("brand new", "bug"), "v1")
    assert made.fields["assignees"] == ("alice",)  # GitHub drops who may not be assigned

    closed = await github.update(made.ref, STATE, {"status": "closed"}, made)
    ignored = await github.update(made.ref, ISSUE, {"status": "closed:not_planned"}, closed)
    opened = await github.update(made.ref, ISSUE, {"status": "open"}, ignored)
    planned = await github.update(made.ref, ISSUE, {"status": "closed:not_planned"}, opened)
    edits = {"description": "New\ntext", "labels": (), "milestone": "v2", "assignees": (), "status": "open"}
    edited = await github.update(made.ref, ISSUE, edits, planned)
    cleared = await github.update(made.ref, ISSUE, {"description": None, "milestone": None}, edited)

    assert [record.fields["status"] for record in (closed, ignored, opened)] == ["closed", "closed", "open"]
    assert [record.fields["status"] for record in (planned, edited)] == ["closed:not_planned", "open"]
    assert {name: edited.fields[name] for name in edits} == edits
    assert (cleared.fields["description"], cleared.fields["milestone"], cleared.marker) == (None, None, MARKER)
    assert await github.fetch(made.ref, fields=NONE) == cleared
    assert await github.find("acme/app", "task", [MARKER], None) == {MARKER: cleared}


async def labels_live(connect, people):
    github = connect()
    fields = {"name": "a/b ä", "color": "#FF0000", "description": None}

    [page] = await pulled(github, kind="label")
    assert "area/ü x" in {record.ref.id for record in page.records}

    made = await github.create("acme/app", "label", fields, MARKER, key="k")
    again = await github.create("acme/app", "label", fields, MARKER, key="k")
    renamed = await github.update(made.ref, Step("label", NONE), {"name": "c", "description": "Words"}, made)
    await github.delete(renamed.ref)

    assert made == again
    assert renamed.fields == {"name": "c", "color": "#ff0000", "description": "Words"}
    with pytest.raises(errors.GoneError):
        await github.fetch(renamed.ref, fields=NONE)


async def what_is_gone_is_told_from_what_is_hidden(connect, people):
    github = connect()
    people({"do": "delete", "number": 1}, {"do": "transfer", "number": 4, "to": "acme/other"})

    with pytest.raises(errors.GoneError) as deleted:
        await github.fetch(ref(1), fields=NONE)
    with pytest.raises(errors.GoneError) as moved:
        await github.fetch(ref(4), fields=NONE)
    with pytest.raises(errors.GoneError):
        await github.fetch(ref(99), fields=NONE)
    with pytest.raises(errors.ContainerError):
        await github.fetch(ref(1, container="acme/hidden"), fields=NONE)

    assert deleted.value.status == 410
    assert moved.value.moved_to


async def a_renamed_repository_is_followed(connect, people):
    github = connect()
    people({"do": "rename", "to": "acme/renamed"})

    [page] = await pulled(github)
    record = await github.fetch(ref(1), fields=NONE)
    written = await github.update(ref(1), ISSUE, {"title": "Renamed"}, record)
    made = await github.create("acme/app", "task", {"title": "New"}, MARKER, key="k")
    findings = await github.check("acme/app", "task", ["update"], {})

    assert len(page.records) == 3
    assert (written.fields["title"], written.ref, made.ref.container) == ("Renamed", ref(1), "acme/app")
    assert any("is called acme/renamed now" in finding.what for finding in findings)


async def a_live_check_finds_what_a_mapping_names_wrongly(connect, people):
    maps = {
        "labels": ["BUG", "unheard of"], "assignees": ["Alice", "stranger"], "milestone": ["v1", "v9"],
        "status": ["open", "done"], "type": ["Epic"], "title": ["x"],
    }  # fmt: skip
    findings = await connect().check("acme/app", "task", ["create", "update"], maps)

    assert [f.what for f in findings if f.level == "ok"] == [
        "The token of bridge-bot works.",
        "The repository acme/app can be read.",
        "The account may write in acme/app.",
    ]
    assert [(f.level, f.what) for f in findings if f.level != "ok"] == [
        ("warning", 'acme/app has no labels "unheard of".'),
        ("error", 'acme/app has no assignees "stranger".'),
        ("error", 'acme/app has no milestone "v9".'),
        ("error", 'acme/app has no status "done".'),
        ("error", 'acme/app has no type "Epic".'),
    ]
    assert all(finding.hint for finding in findings if finding.level != "ok")


async def a_live_check_names_what_stands_in_the_way(connect, people):
    reader, outsider = connect("reader"), connect("outsider")

    drops = await reader.check("acme/app", "task", ["create"], {"labels": [], "title": []})
    writes = await reader.check("acme/app", "task", ["update"], {})
    labels = await reader.check("acme/app", "label", ["create"], {})
    hidden = await outsider.check("acme/hidden", "task", [], {})
    refused = await connect("nobody").check("acme/app", "task", [], {})
    people({"do": "issues_off"})
    off = await connect().check("acme/app", "task", [], {})

    said = [[f.what for f in found if f.level == "error"] for found in (drops, writes, labels, hidden, refused, off)]
    assert said[0] == ["GitHub drops labels in silence: the account may only read acme/app."]
    assert said[1] == ["The account may not change issues of other people in acme/app."]
    assert said[2] == ["The account may not change labels in acme/app."]
    assert "answered 404: Not Found" in said[3][0]
    assert "answered 401: Bad credentials" in said[4][0]
    assert said[5] == ["Issues are turned off in acme/app."]


async def a_reader_may_open_an_issue_and_no_more(connect, people):
    github = connect("reader")
    made = await github.create("acme/app", "task", {"title": "Mine", "labels": ("bug",)}, MARKER, key="k")

    assert made.fields["labels"] == ()
    with pytest.raises(errors.ContainerError):
        await github.update(ref(1), ISSUE, {"title": "T"}, made)


async def limits_are_told_apart(connect, people):
    github = connect()
    people({"fault": "secondary_limited", "retry_after": 120})
    with pytest.raises(errors.RateLimited, match="secondary rate limit"):
        await github.fetch(ref(1), fields=NONE)

    github = connect()
    people({"fault": "rate_limited"})
    with pytest.raises(errors.RateLimited, match="API rate limit exceeded"):
        await github.fetch(ref(1), fields=NONE)
    with pytest.raises(errors.RateLimited, match="used up until"):
        await github.fetch(ref(1), fields=NONE)


SCENARIOS = (
    a_list_is_walked_page_by_page_and_then_revalidated,
    an_issue_lives,
    labels_live,
    what_is_gone_is_told_from_what_is_hidden,
    a_renamed_repository_is_followed,
    a_live_check_finds_what_a_mapping_names_wrongly,
    a_live_check_names_what_stands_in_the_way,
    a_reader_may_open_an_issue_and_no_more,
    limits_are_told_apart,
)
