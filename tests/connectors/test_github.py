"""The GitHub connector, request by request."""

from __future__ import annotations

import itertools
import json
import os
from datetime import UTC, datetime

import httpx
import pytest
from github_script import APP, LIST, TOKEN, Script, answer, held, issue, pulled, ref
from pydantic import ValidationError

from bridge import errors
from bridge.model import FieldType, Marker, Ref
from bridge.sandbox.server import Sandbox
from connectors.base import Step
from connectors.github import PLUGIN, Github
from connectors.github_config import GithubConfig
from connectors.github_wire import join_body, split_body
from connectors.pace import Retry

ISSUE_STEP = Step("issue", frozenset())
MARKER = Marker("artala", "0f8f-11#5b6c-22")
LINE = "<!-- bridge:v1 artala 0f8f-11#5b6c-22 -->"


@pytest.fixture
def play(request):
    """Make a script; after the test all of it must have been played, and GitHub must know each request."""
    scripts = []
    checker = request.getfixturevalue("github_checker") if os.environ.get("BRIDGE_CONTRACT_DIR") else None

    def make(*exchanges):
        scripts.append(Script(*exchanges))
        return scripts[-1]

    yield make
    assert [script.left for script in scripts] == [[] for _ in scripts]
    if checker is not None:
        sent = [r for script in scripts for r in script.requests if r.url.path.startswith("/repos/")]
        for r in sent:
            path, _, query = r.url.raw_path.decode().partition("?")
            assert checker.request(r.method, path, query, json.loads(r.content) if r.content else None) == []


async def reach(github, method):
    if method == "GET":
        return await github.fetch(ref(12), fields=frozenset())
    return await github.update(ref(12), ISSUE_STEP, {"title": "T"}, held())


def cursor(since=None, etag=None):
    return json.dumps({"v": 1, "since": since, "etag": etag}, separators=(",", ":"))


# ------------------------------------------------------------------------------------------------ reading a list


async def test_an_issue_is_read_in_the_vocabulary_of_bridge(play):
    body = f"Line\r\nend  \r\n\r\n{LINE}\r\n"
    full = issue(
        12,
        body=body,
        state="closed",
        state_reason="not_planned",
        labels=[{"name": "ui"}, "bug", {"name": "Área/x y"}],
        assignees=[{"login": "zoe"}, {"login": "Al"}],
        milestone={"title": "v1", "number": 3},
        type={"name": "Bug"},
        locked=True,
    )
    script = play(("GET", LIST, answer([full])))

    [page] = await pulled(script.github())
    [record] = page.records

    assert record.fields == {
        "title": "Issue 12",
        "description": "Line\nend",
        "status": "closed:not_planned",
        "labels": ("bug", "ui", "Área/x y"),
        "assignees": ("Al", "zoe"),
        "milestone": "v1",
        "type": "Bug",
        "locked": True,
        "number": "12",
        "author": "ghost",
        "parent": None,
    }
    assert (record.ref, record.marker, record.url) == (ref(12), MARKER, "https://github.com/acme/app/issues/12")
    assert record.updated_at == datetime(2026, 11, 20, 10, 0, 12, tzinfo=UTC)
    sent = script.requests[0].headers
    assert (sent["authorization"], sent["accept"]) == (f"Bearer {TOKEN}", "application/vnd.github+json")
    assert (sent["x-github-api-version"], sent["user-agent"].partition("/")[0]) == ("2022-11-28", "bridge-sync")


@pytest.mark.parametrize(
    ("state", "reason", "status"),
    [("open", None, "open"), ("open", "reopened", "open"), ("closed", None, "closed"), ("closed", "completed", "closed"),
     ("closed", "duplicate", "closed:duplicate"), ("closed", "not_planned", "closed:not_planned")],
)  # fmt: skip
async def test_a_status_is_state_and_reason(play, state, reason, status):
    [page] = await pulled(play(("GET", LIST, answer([issue(1, state=state, state_reason=reason)]))).github())

    assert page.records[0].fields["status"] == status


async def test_pull_requests_are_skipped_and_do_not_end_the_walk(play):
    more = {"link": '<https://api.github.com/n?after=a>; rel="next"'}
    pulls = [issue(number, pull_request={"url": "…"}) for number in (1, 2, 3)]
    script = play(
        ("GET", LIST, answer(pulls[:2], **more)),
        ("GET", f"{LIST}&since=2026-11-20T10%3A00%3A02Z", answer(pulls[1:], **more)),
        ("GET", f"{LIST}&since=2026-11-20T10%3A00%3A03Z", answer([pulls[2], issue(4), issue(5, pull_request=None)])),
    )

    pages = await pulled(script.github())

    assert [[r.ref.id for r in page.records] for page in pages] == [[], [], ["4", "5"]]
    assert [page.last for page in pages] == [False, False, True]
    assert [json.loads(page.cursor)["since"][-3:] for page in pages] == ["02Z", "03Z", "05Z"]


async def test_a_quiet_repository_costs_one_request_that_is_not_counted(play):
    since = "&since=2026-11-20T10%3A00%3A02Z"
    script = play(
        ("GET", LIST, answer([issue(1), issue(2)], etag='W/"full"')),
        ("GET", LIST + since, answer([issue(2)], etag='W/"a"')),
        ("GET", LIST + since, answer(status=304, etag='W/"a"')),
        ("GET", LIST + since, answer(status=304, etag='W/"a"')),
    )
    github = script.github()

    at, pages = None, []
    for _ in range(4):
        [page] = await pulled(github, at)
        at = page.cursor
        pages.append(page)

    assert ["if-none-match" in r.headers for r in script.requests] == [False, False, True, True]
    assert [page.quiet for page in pages] == [False, False, True, True]
    assert at == cursor("2026-11-20T10:00:02Z", 'W/"a"')
    assert github.usage().not_modified == 2


async def test_an_empty_repository_is_quiet_and_revalidated(play):
    script = play(("GET", LIST, answer([], etag='"e"')), ("GET", LIST, answer(status=304)))
    github = script.github()

    [first] = await pulled(github)
    [second] = await pulled(github, first.cursor)

    assert (first.quiet, second.quiet, second.cursor) == (True, True, cursor(None, '"e"'))
    assert script.requests[1].headers["if-none-match"] == '"e"'


async def test_the_cursor_stays_the_overlap_before_the_servers_clock(play):
    recent = issue(1, updated_at="2026-11-21T08:59:30Z")
    script = play(("GET", LIST, answer([recent], etag='"x"')))

    [page] = await pulled(script.github(overlap_s=120))

    assert page.cursor == cursor("2026-11-21T08:58:00Z")  # the list began at 09:00:00 by its Date


async def test_an_etag_is_kept_only_where_it_speaks_for_the_whole_listing(play):
    since = "2026-11-20T10:00:05Z"
    target = f"{LIST}&since=2026-11-20T10%3A00%3A05Z"
    more = {"link": '<https://api.github.com/n?after=a>; rel="next"'}
    script = play(
        ("GET", target, answer([issue(5)], etag='"p1"', **more)),
        ("GET", "/n?after=a", answer([issue(5)], etag='"p2"')),
        ("GET", target, answer([issue(5)], etag='"p1"')),
        ("GET", target.replace("per_page=100", "per_page=1"), answer([issue(5)], etag='"full page"')),
    )

    pages = await pulled(script.github(), cursor(since))
    [full] = await pulled(script.github(page_size=1), cursor(since))

    assert [json.loads(page.cursor)["etag"] for page in [*pages, full]] == [None, None, None]


@pytest.mark.parametrize("text", ["", "2026-11-20", '{"v":2,"since":"x"}', "[]", '{"since":5}', "{"])
async def test_a_cursor_that_is_not_understood_begins_anew(play, text):
    await pulled(play(("GET", LIST, answer([]))).github(), text)


async def test_the_version_moves_with_the_content_and_not_with_a_comment(play):
    same = [issue(1), issue(1, updated_at="2026-11-20T11:00:00Z", comments=4), issue(1, title="Other")]
    [page] = await pulled(play(("GET", LIST, answer(same))).github())

    versions = [record.version for record in page.records]

    assert versions[0] == versions[1] != versions[2]


async def test_labels_are_listed_whole_and_revalidated(play):
    label = {"name": "area/ü x", "color": "D73A4A", "description": ""}
    script = play(
        ("GET", f"{APP}/labels?per_page=100", answer([label], etag='"l"')),
        ("GET", f"{APP}/labels?per_page=100", answer(status=304)),
    )
    github = script.github()

    [first] = await pulled(github, kind="label")
    [second] = await pulled(github, first.cursor, kind="label")
    [record] = first.records

    assert record.fields == {"name": "area/ü x", "color": "#d73a4a", "description": None}
    assert (record.ref.id, record.url) == ("area/ü x", "https://github.com/acme/app/labels/area%2F%C3%BC%20x")
    assert (first.quiet, second.quiet) == (False, True)


async def test_a_listing_of_a_renamed_repository_is_followed(play):
    script = play(
        ("GET", LIST, answer(status=301, location="https://api.github.com/repositories/7/issues?x=1")),
        ("GET", "/repositories/7/issues?x=1", answer([issue(1)])),
    )

    [page] = await pulled(script.github())

    assert page.records[0].ref == ref(1)


async def test_a_next_page_on_another_host_is_refused(play):
    script = play(("GET", LIST, answer([issue(1)], link='<https://evil.example/x>; rel="next"')))

    with pytest.raises(errors.UnreachableError, match="does not send the credential there"):
        await pulled(script.github())


@pytest.mark.parametrize("container", ["acme", "acme/", "/app", "a/b/c", ""])
async def test_a_container_that_is_no_repository_is_named(play, container):
    with pytest.raises(errors.ConfigError, match="owner/repo"):
        await pulled(play().github(), container=container)


async def test_issues_that_are_turned_off_are_no_deletion(play):
    script = play(("GET", LIST, answer({"message": "Issues are disabled for this repo"}, 410)))

    with pytest.raises(errors.ContainerError, match=r"disabled for this repo\. Turn issues on"):
        await pulled(script.github())


# ------------------------------------------------------------------------------------------------ reading one


async def test_one_issue_is_fetched_with_one_request(play):
    record = await play(("GET", f"{APP}/issues/12", answer(issue(12)))).github().fetch(ref(12), fields=frozenset())

    assert (record.fields["title"], record.marker) == ("Issue 12", None)


async def test_a_pull_request_is_not_an_issue(play):
    script = play(("GET", f"{APP}/issues/12", answer(issue(12, pull_request={"url": "…"}))))

    with pytest.raises(errors.NotFoundError, match="is a pull request"):
        await script.github().fetch(ref(12), fields=frozenset())


async def test_410_is_evidence_of_deletion(play):
    script = play(
        ("GET", f"{APP}/issues/12", answer({"message": "This issue was deleted"}, 410)),
        ("GET", APP, answer({"id": 7, "full_name": "acme/app", "has_issues": True})),
    )

    with pytest.raises(errors.GoneError) as caught:
        await script.github().fetch(ref(12), fields=frozenset())

    assert caught.value.status == 410


@pytest.mark.parametrize("method", ["GET", "PATCH"])
async def test_410_is_no_evidence_while_issues_are_turned_off(play, method):
    script = play(
        (method, f"{APP}/issues/12", answer({"message": "Issues are disabled for this repo"}, 410)),
        ("GET", APP, answer({"id": 7, "full_name": "acme/app", "has_issues": False})),
    )

    with pytest.raises(errors.ContainerError, match=r"disabled for this repo\. Turn issues on") as caught:
        await reach(script.github(), method)

    assert caught.value.reason == "closed"


async def test_404_is_evidence_only_while_the_repository_can_be_read(play):
    missing = ("GET", f"{APP}/issues/12", answer({"message": "Not Found"}, 404))
    readable = play(missing, ("GET", APP, answer({"id": 7, "full_name": "acme/app"})))
    hidden = play(missing, ("GET", APP, answer({"message": "Not Found"}, 404)))

    with pytest.raises(errors.GoneError):
        await readable.github().fetch(ref(12), fields=frozenset())
    with pytest.raises(errors.ContainerError, match="cannot be seen either"):
        await hidden.github().fetch(ref(12), fields=frozenset())


@pytest.mark.parametrize("method", ["GET", "PATCH"])
@pytest.mark.parametrize(
    "location", ["https://api.github.com/repositories/8/issues/3", "https://api.github.com/repos/acme/other/issues/3"]
)
async def test_a_transferred_issue_is_gone_to_a_named_place(play, method, location):
    status = 301 if method == "GET" else 307
    script = play(
        (method, f"{APP}/issues/12", answer(status=status, location=location)),
        ("GET", APP, answer({"id": 7, "full_name": "acme/app"})),
    )
    github = script.github()

    with pytest.raises(errors.GoneError) as caught:
        await reach(github, method)

    assert caught.value.moved_to == location


@pytest.mark.parametrize(("method", "status"), [("GET", 301), ("PATCH", 307)])
async def test_a_renamed_repository_is_followed_for_reads_and_writes(play, method, status):
    script = play(
        (method, f"{APP}/issues/12", answer(status=status, location="https://api.github.com/repositories/7/issues/12")),
        ("GET", APP, answer(status=301, location="https://api.github.com/repositories/7")),
        ("GET", "/repositories/7", answer({"id": 7, "full_name": "acme/new"})),
        (method, "/repositories/7/issues/12", answer(issue(12, title="T"))),
    )
    github = script.github()

    record = await reach(github, method)

    assert (record.fields["title"], record.ref) == ("T", ref(12))


# ------------------------------------------------------------------------------------------------ creating


async def test_a_create_is_one_request_with_the_marker_in_its_body(play):
    script = play(("POST", f"{APP}/issues", answer(issue(30, title="New", body=f"Text\n\n{LINE}"), 201)))
    fields = {"title": "New", "description": "Text\r\n", "status": "closed", "labels": ("a", "b"), "milestone": None}

    record = await script.github().create("acme/app", "task", fields, MARKER, key="k")

    assert script.body() == {"title": "New", "body": f"Text\n\n{LINE}", "labels": ["a", "b"]}
    assert (record.ref, record.marker, record.fields["description"]) == (ref(30), MARKER, "Text")
    assert record.fields["labels"] == ()  # what the server kept, not what was sent


async def test_a_create_that_got_no_answer_is_unknown(play):
    script = play(("POST", f"{APP}/issues", httpx.ReadTimeout("slow")))

    with pytest.raises(errors.UnknownOutcome):
        await script.github().create("acme/app", "task", {"title": "New"}, MARKER, key="k")


async def test_a_create_in_a_renamed_repository_goes_to_its_new_place(play):
    script = play(
        ("POST", f"{APP}/issues", answer(status=307, location="https://api.github.com/repositories/7/issues")),
        ("POST", "/repositories/7/issues", answer(issue(30), 201)),
    )

    await script.github().create("acme/app", "task", {"title": "New"}, MARKER, key="k")

    assert script.body(0) == script.body(1)


def test_a_new_issue_is_open_so_its_status_is_a_step_of_its_own():
    github = Script().github()
    fields = ("title", "status", "labels")

    assert github.steps("task", fields, creating=False) == (Step("issue", frozenset(fields)),)
    assert github.steps("task", fields, creating=True) == (
        Step("create", frozenset({"title", "labels"})), Step("state", frozenset({"status"}))
    )  # fmt: skip
    assert github.steps("task", ("title",), creating=True) == (Step("create", frozenset({"title"})),)
    assert github.steps("label", ("name",), creating=True) == (Step("create", frozenset({"name"})),)


async def test_the_step_for_an_open_status_costs_nothing(play):
    current = held()

    assert await play().github().update(ref(12), Step("state", frozenset()), {"status": "open"}, current) is current


async def test_a_label_that_is_there_already_is_taken_as_made(play):
    exists = {
        "message": "Validation Failed",
        "errors": [{"resource": "Label", "code": "already_exists", "field": "name"}],
    }
    script = play(
        ("POST", f"{APP}/labels", answer(exists, 422)),
        ("GET", f"{APP}/labels/a%2Fb%20c", answer({"name": "a/b c", "color": "ededed", "description": "Old"})),
    )
    fields = {"name": "a/b c", "color": "#FF0000", "description": None}

    record = await script.github().create("acme/app", "label", fields, MARKER, key="k")

    assert script.body(0) == {"name": "a/b c", "color": "ff0000"}
    assert record.fields == {"name": "a/b c", "color": "#ededed", "description": "Old"}


# ------------------------------------------------------------------------------------------------ changing


async def test_all_changed_fields_go_in_one_patch(play):
    milestones = [{"title": "v1", "number": 3}, {"title": "v2", "number": 4}]
    kept = issue(12, title="T", body="D", state="closed", state_reason="duplicate", milestone=milestones[1])
    script = play(
        ("GET", f"{APP}/milestones?state=all&per_page=100", answer(milestones)),
        ("PATCH", f"{APP}/issues/12", answer(kept)),
    )
    changes = {
        "title": "T", "description": "D", "status": "closed:duplicate", "labels": ("a",), "assignees": ("zoe",),
        "milestone": "v2", "type": "Bug",
    }  # fmt: skip

    record = await script.github().update(ref(12), ISSUE_STEP, changes, held(marker=MARKER))

    assert script.body() == {
        "title": "T", "body": f"D\n\n{LINE}", "state": "closed", "state_reason": "duplicate", "labels": ["a"],
        "assignees": ["zoe"], "milestone": 4, "type": "Bug",
    }  # fmt: skip
    assert (record.fields["milestone"], record.fields["labels"]) == ("v2", ())  # the dropped label is seen


async def test_emptied_fields_are_cleared(play):
    script = play(("PATCH", f"{APP}/issues/12", answer(issue(12))))
    changes = {"description": None, "labels": (), "assignees": (), "milestone": None, "type": None}

    await script.github().update(ref(12), ISSUE_STEP, changes, held())

    assert script.body() == {"body": None, "labels": [], "assignees": [], "milestone": None, "type": None}


async def test_only_changed_fields_are_sent_so_the_marker_stays(play):
    script = play(("PATCH", f"{APP}/issues/12", answer(issue(12, title="T", body=LINE))))

    record = await script.github().update(ref(12), ISSUE_STEP, {"title": "T"}, held(marker=MARKER))

    assert (script.body(), record.marker) == ({"title": "T"}, MARKER)


async def test_another_reason_of_a_closed_issue_is_asked_for_once_and_never_reopens_it(play):
    script = play(("PATCH", f"{APP}/issues/12", answer(issue(12, state="closed", state_reason="completed"))))
    changes = {"status": "closed:not_planned"}

    record = await script.github().update(ref(12), ISSUE_STEP, changes, held(status="closed"))

    assert script.body() == {"state": "closed", "state_reason": "not_planned"}
    assert record.fields["status"] == "closed"  # what the server kept, not what was sent


async def test_milestones_are_read_once_for_many_writes(play):
    script = play(
        ("GET", f"{APP}/milestones?state=all&per_page=100", answer([{"title": "v1", "number": 3}])),
        ("PATCH", f"{APP}/issues/12", answer(issue(12))),
        ("PATCH", f"{APP}/issues/12", answer(issue(12))),
    )
    github = script.github()

    for _ in range(2):
        await github.update(ref(12), ISSUE_STEP, {"milestone": "v1"}, held())
    with pytest.raises(errors.RejectedError, match=r"acme/app has no milestone 'v9'\. Create it"):
        await github.update(ref(12), ISSUE_STEP, {"milestone": "v9"}, held())


@pytest.mark.parametrize(
    ("changes", "said"),
    [({"status": "done"}, "no status 'done'"), ({"locked": True}, "cannot write the field 'locked'")],
)
async def test_what_github_cannot_hold_is_rejected_without_a_request(play, changes, said):
    with pytest.raises(errors.RejectedError, match=said):
        await play().github().update(ref(12), ISSUE_STEP, changes, held())


async def test_a_write_that_is_answered_404_but_can_be_read_is_a_matter_of_permission(play):
    script = play(
        ("PATCH", f"{APP}/issues/12", answer({"message": "Not Found"}, 404)),
        ("GET", f"{APP}/issues/12", answer(issue(12))),
    )

    with pytest.raises(errors.ContainerError, match="It can be read, but not changed"):
        await script.github().update(ref(12), ISSUE_STEP, {"title": "T"}, held())


async def test_a_label_is_renamed_and_deleted_under_its_encoded_name(play):
    script = play(
        ("PATCH", f"{APP}/labels/a%2Fb", answer({"name": "c", "color": "00ff00"})),
        ("DELETE", f"{APP}/labels/c", answer(status=204)),
    )
    github = script.github()
    changes = {"name": "c", "color": "#00FF00", "description": None}

    record = await github.update(ref("a/b", "label"), Step("label", frozenset()), changes, held())
    await github.delete(record.ref)

    assert script.body(0) == {"new_name": "c", "color": "00ff00", "description": ""}


async def test_an_issue_cannot_be_deleted():
    with pytest.raises(errors.RejectedError, match="cannot delete the issue acme/app#12"):
        await Script().github().delete(ref(12))


# ------------------------------------------------------------------------------------------------ limits, markers


@pytest.mark.parametrize(
    ("status", "message", "headers", "kind"),
    [
        (403, "Must have push access", {"retry_after": "5"}, errors.RateLimited),
        (403, "API rate limit exceeded", {"x_ratelimit_remaining": "0", "x_ratelimit_reset": "9999999999"}, errors.RateLimited),
        (403, "You have exceeded a secondary rate limit", {}, errors.RateLimited),
        (403, "You have triggered an abuse detection mechanism", {}, errors.RateLimited),
        (429, "Too many", {}, errors.RateLimited),
        (403, "Resource not accessible by personal access token", {"x_accepted_github_permissions": "issues=write"},
         errors.ContainerError),
        (403, "Resource protected by organization SAML", {"x_github_sso": "required; url=https://github.com/orgs/a/sso"},
         errors.ContainerError),
        (401, "Bad credentials", {}, errors.AuthError),
    ],
)  # fmt: skip
async def test_403_is_a_limit_or_a_permission_by_its_headers_and_words(play, status, message, headers, kind):
    script = Script(*[("GET", f"{APP}/issues/12", answer({"message": message}, status, **headers))] * 9)

    with pytest.raises(kind) as caught:
        await script.github().fetch(ref(12), fields=frozenset())

    assert message in caught.value.message
    if kind is errors.ContainerError:
        assert next(iter(headers.values())).rpartition("=")[2] in caught.value.hint


async def test_secondary_limits_wait_a_minute_and_twice_as_long_each_time(play):
    limited = answer({"message": "You have exceeded a secondary rate limit"}, 403)
    script = Script(*[("GET", f"{APP}/issues/12", limited)] * 2)

    with pytest.raises(errors.RateLimited) as caught:
        await script.github().fetch(ref(12), fields=frozenset())

    assert [str(request.url) for request in script.requests] == [f"https://api.github.com{APP}/issues/12"] * 2
    assert (caught.value.until.minute, caught.value.until.second) == (2, 0)


async def test_markers_are_found_in_the_change_list_and_a_copy_counts_for_the_newest_issue(play):
    other = Marker("artala", "x#y")
    body = f"Text\n\n{LINE}"
    script = play(
        (
            "GET",
            f"{LIST}&since=2026-11-20T10%3A00%3A00Z",
            answer(
                [issue(31, body=body), issue(30, body=body), issue(32), issue(33, body="<!-- bridge:v1 artala z#z -->")]
            ),
        )
    )

    found = await script.github().find("acme/app", "task", [MARKER, other], cursor("2026-11-20T10:00:00Z", '"e"'))

    assert {marker: record.ref.id for marker, record in found.items()} == {MARKER: "31"}
    assert "if-none-match" not in script.requests[0].headers


@pytest.mark.parametrize("source", ["artala", "my tracker", "a--b", "-a-", "a>b", "ü%41", "日本"])
@pytest.mark.parametrize("key", ["0f8f-11#5b6c-22", "acme/app#12", "a -->b", "--", "x y\nz"])
def test_a_marker_survives_whatever_is_in_it(source, key):
    marker = Marker(source, key)

    body = join_body("Text", marker)

    assert body is not None
    assert (body.count("\n"), body.count("--"), body.count(">")) == (2, 2, 1)
    assert split_body(body.replace("\n", "\r\n")) == ("Text", marker)


@pytest.mark.parametrize(
    ("body", "text", "marker"),
    [
        (None, None, None),
        ("", None, None),
        (" \r\n", None, None),
        ("a\r\nb\rc  \n\n", "a\nb\nc", None),
        (LINE, None, MARKER),
        (f"{LINE}\n\nwritten below", "written below", MARKER),
        (f"a\n<!-- bridge:v1 old 1 -->\nb\n\n{LINE}  ", "a\n<!-- bridge:v1 old 1 -->\nb", MARKER),
        (f"a\n\n<!-- bridge:v1 old 1 -->\n\nb\n\n{LINE}", "a\n\n<!-- bridge:v1 old 1 -->\n\nb", MARKER),
        ("a\n<!-- bridge:v1 old 1 -->\nb", "a\n<!-- bridge:v1 old 1 -->\nb", None),
        (f"a\n\n{LINE}\n\nadded below\nby hand", "a\n\nadded below\nby hand", MARKER),
        (f"a\n\n{LINE}\nadded below", "a\n\nadded below", MARKER),
        (f"a\n\n```\n{LINE}\n```", f"a\n\n```\n{LINE}\n```", None),
        (f"~~~ html\n\n{LINE}\n\n```\n~~~\nb", f"~~~ html\n\n{LINE}\n\n```\n~~~\nb", None),
        (f"> quoted\n>\n> {LINE}", f"> quoted\n>\n> {LINE}", None),
        (f"a\n\n    {LINE}", f"a\n\n    {LINE}", None),
        (f"```\nnever closed\n\n{LINE}", "```\nnever closed", MARKER),
        ("a\n\n<!-- bridge:v1 one -->", "a\n\n<!-- bridge:v1 one -->", None),
        (f"a\n\n{LINE}\n\n<!-- bridge:v2 a b -->", "a\n\n<!-- bridge:v2 a b -->", MARKER),
        (f"quoted `{LINE}` in a line", f"quoted `{LINE}` in a line", None),
        ("<!-- bridge:v2 a b -->", "<!-- bridge:v2 a b -->", None),
        ("<!-- bridge:v1 broken", "<!-- bridge:v1 broken", None),
    ],
)
def test_the_marker_is_a_line_of_its_own_and_never_part_of_the_description(body, text, marker):
    assert split_body(body) == (text, marker)


PIECES = ["", "text", LINE, "<!-- bridge:v1 old 1 -->", "<!-- bridge:v1 -->", "```", "> x", "<!-- bridge:v1 x"]


@pytest.mark.parametrize("marker", [None, MARKER])
@pytest.mark.parametrize("first", PIECES)
def test_every_text_comes_back_as_it_was_written(first, marker):
    for rest in itertools.product(PIECES, repeat=4):
        text = "\n".join((first, *rest)).rstrip() or None

        assert split_body(join_body(text, marker)) == (text, marker)


def test_a_marker_that_people_wrote_below_goes_back_to_the_end():
    text, marker = split_body(f"a\n\n{LINE}\n\nadded below")

    assert join_body(text, marker) == f"a\n\nadded below\n\n{LINE}"


# ------------------------------------------------------------------------------------------------ what it says of itself


async def test_the_schema_names_limits_that_leave_room_for_the_marker():
    github = Script().github()

    task, label = (
        await github.schema("acme/app", "task", fields=frozenset()),
        await github.schema("acme/app", "label", fields=frozenset()),
    )

    longest = Marker("n" * 60, "acme-organisation-with-a-long-name/app#123456")
    room = task.fields["description"].max_length
    assert room is not None
    assert len(join_body("x" * room, longest) or "") <= 65_536
    assert (task.fields["title"].max_length, task.fields["labels"].max_items) == (256, 100)
    assert task.fields["assignees"].type is FieldType.PERSONS
    assert [name for name, spec in task.fields.items() if spec.writable == "never"] == [
        "locked",
        "number",
        "author",
        "database_id",
    ]
    assert set(label.fields) == {"name", "color", "description"}
    assert set(github.kinds()) == {"task", "label", "comment"}
    assert "delete" in github.kinds()["task"].reasons


@pytest.mark.parametrize(
    ("base_url", "url"),
    [("https://api.github.com", "https://github.com/acme/app/issues/12"),
     ("https://git.example/api/v3/", "https://git.example/acme/app/issues/12"),
     ("http://127.0.0.1:8080", "http://127.0.0.1:8080/acme/app/issues/12")],
)  # fmt: skip
def test_an_issue_has_an_address_for_people(base_url, url):
    assert Script().github(base_url=base_url).item_url(ref(12)) == url


@pytest.mark.parametrize(
    "settings", [{"base_url": "api.github.com"}, {"base_url": "https://github.com"}, {"base_url": "ftp://x"}, {"tokn": "x"},
                 {"base_url": "https://me:pw@x"}, {"page_size": 101}, {"write_interval_s": -1}],
)  # fmt: skip
def test_settings_that_cannot_work_are_refused(settings):
    with pytest.raises(ValidationError):
        GithubConfig.model_validate(settings)


async def test_the_plugin_connects_without_io():
    github = PLUGIN.connect("gh", PLUGIN.config(token="t"))

    assert (github.name, github.usage().requests) == ("gh", 0)
    assert "tok" not in repr(PLUGIN.config(token=TOKEN)).replace("token", "")
    await github.aclose()


async def test_a_strangers_marker_is_text_where_only_ours_is_believed():
    with Sandbox("github") as box:
        forged = "Look.\n\n<!-- bridge:v1 jira APP#10001 -->"
        box.call("POST", "/repos/acme/app/issues", {"title": "Mine", "body": forged}, who="bob")
        config = GithubConfig(base_url=box.url, token=box.token(), write_interval_s=0, marker_accounts=("Bridge-Bot",))
        github = Github("github", config, retry=Retry(sleep=_at_once))
        made = await github.create("acme/app", "task", {"title": "Ours"}, Marker("jira", "APP#10002"), key="k")
        wanted = {Marker("jira", "APP#10001"), Marker("jira", "APP#10002")}

        theirs = await github.fetch(Ref("github", "acme/app", "task", "1"), fields=frozenset({"title"}))
        found = await github.find("acme/app", "task", wanted, None)
        await github.aclose()

    assert (theirs.marker, theirs.fields["description"]) == (None, forged)
    assert made.marker == Marker("jira", "APP#10002")
    assert {marker.id: record.ref.id for marker, record in found.items()} == {"APP#10002": "2"}


async def _at_once(_seconds):
    return None
