"""A second opinion on Jira Data Center: jira820, written by others, gets the same requests as our sandbox.

Where the two differ it is jira820 that is lenient or partial, against Atlassian's documents, and a test here says so:
labels with spaces and a status in an edit are taken, the verbs of ``update`` in an edit are dropped in silence, unknown JQL
is dropped, a parent goes with its subtasks unasked, keys are sorted as text, times have the grain of a day, a worklog
forgets its time of day, comments come newest first, and none for an absent issue. It takes no issue by its number, answers
500 to epoch milliseconds in JQL, leaves ``comment`` and ``worklog`` out of searches, and has no entity properties, no single
comment or worklog, no worklog feeds.
"""

from __future__ import annotations

import importlib.util
import json
import warnings
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

import pytest
from sandbox.jira820_server import Completed, running

from bridge.errors import NotFoundError, RejectedError
from bridge.model import Fields, Marker, Record, Ref
from bridge.sandbox.server import Sandbox
from connectors.base import Page
from connectors.jira import Jira
from connectors.jira_config import JiraConfig
from connectors.pace import Retry

if importlib.util.find_spec("jira820") is None:
    pytest.skip("the package jira820 is not installed; ./dev setup brings it", allow_module_level=True)

MARKER = Marker("github", "acme/app#12")
FIELDS = frozenset({"title", "description", "status", "labels", "due_on", "blocks"})


@dataclass(frozen=True)
class Both:
    """One client each, by the same package."""

    ours: Any
    theirs: Any

    def same(self, told: Any) -> Any:
        """What ``told`` sees through a client, which must be the same on both."""
        ours, theirs = told(self.ours), told(self.theirs)
        assert ours == theirs
        return ours

    def refused(self, told: Any) -> tuple[int, int]:
        return refusal(self.ours, told), refusal(self.theirs, told)


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with running(tmp_path_factory.mktemp("jira820")) as url:
        yield url


@pytest.fixture
def both(address: str) -> Iterator[Both]:
    with Sandbox("jira-dc") as box:
        yield Both(client(box.url, box.token("ann")), client(address, "any"))


def client(url: str, token: str) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from jira import JIRA
    return JIRA(options={"server": url, "rest_api_version": "2"}, token_auth=token, max_retries=0)


def refusal(jira: Any, told: Any) -> int:
    """The status of a refusal; 0 where it was taken."""
    from jira import JIRAError

    try:
        told(jira)
    except JIRAError as error:
        return int(error.status_code)
    return 0


def made(jira: Any, **fields: Any) -> Any:
    return jira.create_issue(project="APP", **{"summary": "x", "issuetype": {"name": "Task"}, **fields})


def go(jira: Any, issue: Any, *statuses: str) -> None:
    for status in statuses:
        move(jira, issue, next(row["id"] for row in jira.transitions(issue) if row["to"]["name"] == status))


def move(jira: Any, issue: Any, transition: str) -> None:
    """Not by the client's own method, which makes a number of the id; Atlassian's documents say that it is text."""
    jira._session.post(
        f"{jira.server_url}/rest/api/2/issue/{issue.key}/transitions", json={"transition": {"id": transition}}
    )


def shown(jira: Any, issue: Any) -> dict[str, Any]:
    fields = jira.issue(issue.key).fields
    return {
        "project": fields.project.key,
        "type": (fields.issuetype.name, fields.issuetype.subtask),
        "summary": fields.summary,
        "description": fields.description,
        "labels": sorted(fields.labels),
        "due": fields.duedate,
        "priority": fields.priority.name,
        "assignee": fields.assignee and fields.assignee.name,
        "status": (fields.status.name, fields.status.statusCategory.key, fields.status.id),
        "resolution": fields.resolution and fields.resolution.name,
        "spent": fields.timespent,
        "subtasks": len(fields.subtasks),
        "links": len(fields.issuelinks),
    }


def test_a_new_issue_looks_the_same(both: Both) -> None:
    def story(jira: Any) -> Any:
        members = {
            "description": "h1. wiki",
            "labels": ["b", "a"],
            "duedate": "2026-12-01",
            "priority": {"name": "High"},
        }
        plain, full = made(jira, priority={"name": "Low"}), made(jira, assignee={"name": "ann"}, **members)
        part = made(jira, issuetype={"name": "Sub-task"}, parent={"key": plain.key}, priority={"name": "Low"})
        return shown(jira, plain), shown(jira, full), jira.issue(part.key).fields.parent.key == plain.key

    plain, full, is_part = both.same(story)

    assert (plain["status"], plain["resolution"], plain["subtasks"]) == (("To Do", "new", "10000"), None, 1)
    assert (full["labels"], full["due"], full["assignee"]) == (["a", "b"], "2026-12-01", "ann")
    assert is_part


def test_an_edit_changes_what_it_names_and_nothing_else(both: Both) -> None:
    def story(jira: Any) -> Any:
        issue = made(jira, description="old", labels=["a"], duedate="2026-12-01", priority={"name": "High"})
        issue.update(fields={"summary": "New", "labels": ["b", "c"]})
        first = shown(jira, issue)
        issue.update(fields={"description": None, "duedate": None, "labels": []})
        issue.update(fields={"assignee": {"name": "bob"}})
        return first, shown(jira, issue)

    first, second = both.same(story)

    assert (first["summary"], first["description"], first["labels"]) == ("New", "old", ["b", "c"])
    assert (second["description"], second["due"], second["labels"], second["assignee"]) == (None, None, [], "bob")


def test_labels_are_added_and_removed_by_verbs_which_jira820_drops(both: Both) -> None:
    def story(jira: Any) -> list[str]:
        issue = made(jira, labels=["a", "b"])
        issue.update(update={"labels": [{"add": "c"}, {"remove": "a"}]})
        return sorted(jira.issue(issue.key).fields.labels)

    assert (story(both.ours), story(both.theirs)) == (["b", "c"], ["a", "b"])


@pytest.mark.parametrize("fields", [{"labels": ["two words"]}, {"status": {"name": "Done"}}])
def test_what_jira_takes_no_edit_of_only_jira820_takes(both: Both, fields: dict[str, Any]) -> None:
    assert both.refused(lambda jira: made(jira).update(fields=fields)) == (400, 0)


def test_bad_creates_and_absent_issues_are_refused_alike(both: Both) -> None:
    refused = [
        both.refused(lambda jira: made(jira, summary="")),
        both.refused(lambda jira: made(jira, issuetype={"name": "Nonsense"})),
        both.refused(lambda jira: jira.create_issue(project={"key": "NONE"}, summary="x", issuetype={"name": "Task"})),
        both.refused(lambda jira: jira.issue("APP-99999")),
        both.refused(lambda jira: jira.transitions("APP-99999")),
    ]

    assert refused == [(400, 400)] * 3 + [(404, 404)] * 2


def test_a_workflow_is_walked_alike(both: Both) -> None:
    def story(jira: Any) -> Any:
        issue, seen = made(jira), []
        for status in ("In Progress", "In Review", "Done", "To Do", "Cancelled"):
            go(jira, issue, status)
            offered = sorted(row["to"]["name"] for row in jira.transitions(issue))
            fields = jira.issue(issue.key).fields
            seen.append((fields.status.name, bool(fields.resolution), bool(fields.resolutiondate), offered))
        return seen

    seen = both.same(story)

    assert seen[2] == ("Done", True, True, ["To Do"])
    assert seen[3] == ("To Do", False, False, ["Cancelled", "In Progress"])


def test_a_transition_from_another_status_is_refused(both: Both) -> None:
    def story(jira: Any) -> None:
        issue = made(jira)
        go(jira, issue, "In Progress", "In Review")
        [finish] = [row["id"] for row in jira.transitions(issue) if row["to"]["name"] == "Done"]
        go(jira, issue, "In Progress")
        move(jira, issue, finish)

    assert both.refused(story) == (400, 400)


def test_comments_come_and_go_alike(both: Both) -> None:
    def story(jira: Any) -> Any:
        issue = made(jira)
        first, second, third = (jira.add_comment(issue, words) for words in ("one", "*two*\n\nlines", "three"))
        jira._session.put(
            f"{jira.server_url}/rest/api/2/issue/{issue.key}/comment/{second.id}", json={"body": "Zwei – 二"}
        )
        third.delete()
        rows = sorted(jira.comments(issue), key=lambda row: int(row.id))
        return [row.body for row in rows], [row.id for row in rows] == [first.id, second.id], rows[0].author.active

    assert both.same(story) == (["one", "Zwei – 二"], True, True)


def test_work_is_counted_alike(both: Both) -> None:
    def story(jira: Any) -> Any:
        issue = made(jira)
        for seconds in (5400, 60, 8 * 3600):
            jira.add_worklog(issue, timeSpentSeconds=seconds, comment=f"{seconds} s")
        rows = jira.worklogs(issue.key)
        total = jira.issue(issue.key).fields.timespent
        return [(row.timeSpentSeconds, row.timeSpent, row.comment) for row in rows], total

    rows, total = both.same(story)

    assert rows == [(5400, "1h 30m", "5400 s"), (60, "1m", "60 s"), (28800, "1d", "28800 s")]
    assert total == 34260


def test_of_a_worklogs_start_jira820_keeps_the_day(both: Both) -> None:
    def story(jira: Any) -> datetime:
        issue = made(jira)
        # the client's own method would take the zone of this machine
        address = f"{jira.server_url}/rest/api/2/issue/{issue.key}/worklog"
        body = {"started": "2026-11-20T13:30:00.000+0000", "timeSpentSeconds": 60}
        return datetime.fromisoformat(jira._session.post(address, json=body).json()["started"])

    ours, theirs = story(both.ours), story(both.theirs)

    assert (ours, theirs.date()) == (datetime(2026, 11, 20, 13, 30, tzinfo=UTC), date(2026, 11, 20))


def test_a_link_has_the_same_direction_from_both_ends(both: Both) -> None:
    def sides(jira: Any, issue: Any, names: dict[str, str]) -> list[tuple[str, str, str]]:
        found = []
        for row in jira.issue(issue.key).fields.issuelinks:
            side = "outwardIssue" if hasattr(row, "outwardIssue") else "inwardIssue"
            phrase = row.type.outward if side == "outwardIssue" else row.type.inward
            found.append((row.type.name, phrase, names[getattr(row, side).key]))
        return sorted(found)

    def story(jira: Any) -> Any:
        one, two, three = made(jira), made(jira), made(jira)
        names = {one.key: "one", two.key: "two", three.key: "three"}
        jira.create_issue_link("Blocks", one, two)
        jira.create_issue_link("Duplicate", three, one)
        jira.create_issue_link("Relates", two, three)
        before = [sides(jira, issue, names) for issue in (one, two, three)]
        [blocks] = [row for row in jira.issue(two.key).fields.issuelinks if row.type.name == "Blocks"]
        jira.delete_issue_link(blocks.id)
        return before, [sides(jira, issue, names) for issue in (one, two, three)]

    before, after = both.same(story)

    assert before[0] == [("Blocks", "blocks", "two"), ("Duplicate", "is duplicated by", "three")]
    assert before[1] == [("Blocks", "is blocked by", "one"), ("Relates", "relates to", "three")]
    assert after[1] == [("Relates", "relates to", "three")]
    assert both.refused(lambda jira: jira.create_issue_link("Blocks", made(jira), "APP-99999")) == (404, 404)


def test_a_remote_link_of_the_same_name_is_replaced(both: Both) -> None:
    def story(jira: Any) -> Any:
        issue = made(jira)
        for number in (1, 2):
            body = {
                "globalId": "g",
                "relationship": "synced with",
                "object": {"url": f"https://example.org/{number}", "title": f"T{number}"},
            }
            jira._session.post(f"{jira.server_url}/rest/api/2/issue/{issue.key}/remotelink", json=body)
        return [(row.globalId, row.relationship, row.object.url, row.object.title) for row in jira.remote_links(issue)]

    assert both.same(story) == [("g", "synced with", "https://example.org/2", "T2")]


@pytest.mark.parametrize(
    ("jql", "found"),
    [
        ("labels = s1 ORDER BY summary", "ABCDE"),
        ("labels = s1 ORDER BY summary DESC", "EDCBA"),
        ("labels = s1 AND status = Done", "C"),
        ("labels = s1 AND status IN (Done, 'In Progress') ORDER BY summary", "BC"),
        ("labels = s1 AND status != Done ORDER BY summary", "ABDE"),
        ("labels = s1 AND statusCategory = 'In Progress'", "B"),
        ("labels = s1 AND issuetype = Bug ORDER BY summary ASC", "D"),
        ("labels = s1 AND (labels = s2 OR status = Done) ORDER BY summary", "CE"),
        ("labels IN (s2, s3) ORDER BY duedate", "EA"),
        ("labels = s1 AND duedate >= 2026-12-01 ORDER BY duedate DESC", "AE"),
        ("labels = s1 AND summary ~ E", "E"),
        ("labels = nowhere", ""),
    ],
)  # fmt: skip
def test_searches_find_the_same_in_the_same_order(searched: Both, jql: str, found: str) -> None:
    def story(jira: Any) -> str:
        return "".join(row.fields.summary for row in jira.search_issues(f"project = APP AND {jql}"))

    assert searched.same(story) == found


@pytest.fixture(scope="module")
def searched(address: str) -> Iterator[Both]:
    with Sandbox("jira-dc") as box:
        both = Both(client(box.url, box.token("ann")), client(address, "any"))
        for jira in (both.ours, both.theirs):
            made(jira, summary="A", labels=["s1", "s3"], duedate="2026-12-02")
            go(jira, made(jira, summary="B", labels=["s1"]), "In Progress")
            go(jira, made(jira, summary="C", labels=["s1"]), "In Progress", "In Review", "Done")
            made(jira, summary="D", labels=["s1"], issuetype={"name": "Bug"})
            made(jira, summary="E", labels=["s1", "s2"], duedate="2026-12-01")
        yield both


def test_pages_of_a_search_are_cut_alike(searched: Both) -> None:
    def story(jira: Any) -> Any:
        jql, pages = "project = APP AND labels = s1 ORDER BY summary", []
        for start in (0, 2, 4, 6):
            page = jira.search_issues(jql, startAt=start, maxResults=2, fields="summary")
            pages.append(("".join(row.fields.summary for row in page), page.total, page.startAt))
        return pages, sorted(jira.search_issues(jql, maxResults=1, fields="summary")[0].raw["fields"])

    pages, members = searched.same(story)

    assert (pages, members) == ([("AB", 5, 0), ("CD", 5, 2), ("E", 5, 4), ("", 5, 6)], ["summary"])


@pytest.mark.parametrize("jql", ["project = NONE", "nonsense = 1", "updated >= 1767323045000"])
def test_searches_that_jira820_reads_in_its_own_way(searched: Both, jql: str) -> None:
    """Jira refuses an unknown project and an unknown field, and takes epoch milliseconds."""
    refused = {"project = NONE": (400, 0), "nonsense = 1": (400, 0), "updated >= 1767323045000": (0, 500)}

    assert searched.refused(lambda jira: jira.search_issues(jql)) == refused[jql]


def test_a_deleted_issue_is_gone_and_only_jira820_takes_its_subtasks_along_unasked(both: Both) -> None:
    def story(jira: Any) -> int:
        issue = made(jira)
        issue.delete()
        return refusal(jira, lambda jira: jira.issue(issue.key))

    def parent(jira: Any) -> None:
        issue = made(jira)
        made(jira, issuetype={"name": "Sub-task"}, parent={"key": issue.key})
        issue.delete()

    assert both.same(story) == 404
    assert both.refused(parent) == (400, 0)


@dataclass
class Site:
    """Our connector on jira820, completed by the least that it needs."""

    jira: Jira
    way: Completed

    async def create(self, kind: str = "task", **fields: Any) -> Record:
        return await self.jira.create("APP", kind, fields, MARKER, key="k")

    async def update(self, record: Record, changes: Fields) -> Record:
        for step in self.jira.steps(record.ref.kind, changes.keys(), creating=False):
            some = {name: value for name, value in changes.items() if name in step.fields}
            record = await self.jira.update(record.ref, step, some, record)
        return record

    async def fetch(self, ref: Ref) -> Record:
        return await self.jira.fetch(ref, fields=FIELDS)

    async def pages(self, kind: str = "task", cursor: str | None = None) -> list[Page]:
        return [page async for page in self.jira.pull("APP", kind, cursor, fields=FIELDS, sweep=False)]


async def _at_once(_seconds: float) -> None:
    return None


@pytest.fixture
async def there(address: str) -> AsyncIterator[Site]:
    config = JiraConfig(base_url=address, dialect="data-center", token="any", write_interval_s=0)
    way = Completed(address)
    jira = Jira("work", config, transport=way, retry=Retry(sleep=_at_once))
    yield Site(jira, way)
    await jira.aclose()


async def test_the_connector_makes_reads_and_edits_an_issue(there: Site) -> None:
    issue = await there.create(title="One", description="h1. wiki", labels=("a", "b"), due_on="2026-12-01")
    assert (issue.fields["title"], issue.fields["labels"], issue.marker) == ("One", ("a", "b"), MARKER)

    await there.update(issue, {"title": "Two", "description": None, "due_on": None})
    again = await there.fetch(issue.ref)

    assert (again.fields["title"], again.fields["description"], again.fields["due_on"]) == ("Two", None, None)
    assert (again.fields["labels"], again.fields["status"]) == (("a", "b"), "To Do")
    assert again.version != issue.version


async def test_the_connector_finds_its_way_through_the_workflow(there: Site) -> None:
    issue = await there.create(title="One")

    done = await there.update(issue, {"status": "Done"})

    assert (done.fields["status"], (await there.fetch(issue.ref)).fields["status"]) == ("Done", "Done")


async def test_the_connector_fills_no_screen_by_guess(there: Site) -> None:
    issue = await there.create(title="One")

    with pytest.raises(RejectedError, match="Cancelled") as caught:
        await there.update(issue, {"status": "Cancelled"})

    assert "Assignee, Log Work" in caught.value.hint
    assert (await there.fetch(issue.ref)).fields["status"] == "To Do"


async def test_the_connector_links_in_the_right_direction(there: Site, address: str) -> None:
    one, two = await there.create(title="One"), await there.create(title="Two")

    await there.update(one, {"blocks": (two.ref.id,)})

    assert (await there.fetch(one.ref)).fields["blocks"] == (two.ref.id,)
    assert (await there.fetch(two.ref)).fields["blocks"] == ()
    rows = client(address, "any").search_issues("project = APP ORDER BY created", maxResults=False)
    [link] = next(row for row in rows if row.id == two.ref.id).fields.issuelinks
    assert (link.type.inward, link.inwardIssue.id) == ("is blocked by", one.ref.id)
    await there.update(await there.fetch(one.ref), {"blocks": ()})
    assert (await there.fetch(one.ref)).fields["blocks"] == ()


async def test_the_cursor_does_without_epoch_milliseconds(there: Site) -> None:
    issue = await there.create(title="One")
    pages = await there.pages()
    assert issue.ref in {record.ref for page in pages for record in page.records}
    assert pages[-1].complete
    there.way.statuses.clear()

    [quiet] = await there.pages(cursor=pages[-1].cursor)

    assert (quiet.records, quiet.quiet, json.loads(quiet.cursor)["how"]) == ((), True, "relative")
    assert 500 in there.way.statuses
    there.way.statuses.clear()
    await there.update(issue, {"title": "Two"})
    new = await there.create(title="New")
    pages = await there.pages(cursor=quiet.cursor)
    found = {record.ref: record.fields["title"] for page in pages for record in page.records}
    assert found == {issue.ref: "Two", new.ref: "New"}
    assert 500 not in there.way.statuses


async def test_the_connector_lists_comments_that_searches_leave_out(there: Site) -> None:
    issue = await there.create(title="One")
    said = await there.create("comment", task=issue.ref.id, body="Hello")
    pages = await there.pages("comment")
    found = {record.ref: record.fields["body"] for page in pages for record in page.records}
    assert found[said.ref] == "Hello"

    await there.update(said, {"body": "Edited"})
    [talk] = await there.jira.comments.read(issue.ref)
    assert talk.text == "Edited"
    await there.jira.delete(said.ref)
    assert await there.jira.comments.read(issue.ref) == ()


async def test_the_connector_logs_work_and_lists_it_until_the_feeds_are_asked(there: Site) -> None:
    issue = await there.create(title="One")
    entry = await there.create("time_entry", task=issue.ref.id, spent_on="2026-11-20", seconds=5400, note="work")

    pages = await there.pages("time_entry")

    found = {record.ref: record.fields for page in pages for record in page.records}
    assert (found[entry.ref]["seconds"], found[entry.ref]["note"]) == (5400, "work")
    assert found[entry.ref]["spent_on"] == "2026-11-20"
    with pytest.raises(NotFoundError):  # jira820 has no worklog/updated
        await there.pages("time_entry", pages[-1].cursor)
