"""Comments and time entries, which belong to tasks: carried both ways, moved, deleted, and in step only with their task."""

from __future__ import annotations

from pathlib import Path

import pytest

from bridge.config.loader import load
from bridge.sandbox.server import Sandbox
from bridge.wiring import Bridge

REPO = "acme/app"

CONFIG = """
[state]
url = "sqlite:///{folder}/bridge.db"

[connections.east]
type = "github"
base_url = "{east}"
token_file = "{folder}/east.token"
write_interval_s = 0
index_lag_s = 0
spend_comments = true

[connections.west]
type = "github"
base_url = "{west}"
token_file = "{folder}/west.token"
write_interval_s = 0
index_lag_s = 0
spend_comments = true

[[people]]
east = "alice"
west = "alice"

[[links]]
name = "app"
left = {{ connection = "east", container = "acme/app" }}
right = {{ connection = "west", container = "acme/app" }}
kinds = ["task", "comment", "time_entry"]
initial = "match-then-create"
delete_grace = 0
max_delete_percent = 100
{more}
"""


async def no_sleep(_seconds):
    return None


class Twins:
    """Two repositories of two GitHubs, with people on both and one Bridge between them."""

    def __init__(self, folder: Path, more: str = "") -> None:
        self.folder, self.more = folder, more
        self.east, self.west = Sandbox("github"), Sandbox("github")

    def __enter__(self):
        for box, name in ((self.east, "east"), (self.west, "west")):
            box.__enter__()
            (self.folder / f"{name}.token").write_text(box.token())
            (self.folder / f"{name}.token").chmod(0o600)
        self.configure(self.more)
        return self

    def __exit__(self, *_):
        self.west.__exit__()
        self.east.__exit__()

    def configure(self, more):
        text = CONFIG.format(folder=self.folder, east=self.east.url, west=self.west.url, more=more)
        (self.folder / "bridge.toml").write_text(text)

    async def sync(self, **options):
        async with Bridge.open(load(self.folder / "bridge.toml"), sleep=no_sleep) as bridge:
            return await bridge.sync("app", trigger="test", **options)

    async def settle(self):
        await self.sync()
        await self.sync()
        before = self.writes()
        report = await self.sync()
        assert self.writes() == before
        return report

    def writes(self):
        return len(self.east.log) + len(self.west.log)

    def issue(self, box, title, **more):
        status, made = box.call("POST", f"/repos/{REPO}/issues", {"title": title, **more}, who="alice")
        assert status == 201
        return made["number"]

    def say(self, box, number, text):
        status, made = box.call("POST", f"/repos/{REPO}/issues/{number}/comments", {"body": text}, who="alice")
        assert status == 201
        return made["id"]

    def change(self, box, comment, text):
        status, _ = box.call("PATCH", f"/repos/{REPO}/issues/comments/{comment}", {"body": text}, who="alice")
        assert status == 200

    def remove(self, box, comment):
        status, _ = box.call("DELETE", f"/repos/{REPO}/issues/comments/{comment}", who="alice")
        assert status == 204

    def said(self, box, number):
        """Texts of an issue's comments without our marker, oldest first."""
        _, rows = box.call("GET", f"/repos/{REPO}/issues/{number}/comments?per_page=100", who="alice")
        return [row["body"].partition("\n\n<!-- bridge:v1")[0] for row in rows]

    def ids(self, box, number):
        _, rows = box.call("GET", f"/repos/{REPO}/issues/{number}/comments?per_page=100", who="alice")
        return [row["id"] for row in rows]


@pytest.fixture
def twins(tmp_path):
    with Twins(tmp_path) as made:
        yield made


async def test_a_comment_goes_over_with_its_author_and_comes_back_as_no_echo(twins):
    number = twins.issue(twins.east, "First")
    twins.say(twins.east, number, "I saw it *too*.")

    report = await twins.settle()

    assert twins.said(twins.west, 1) == ["alice (east):\n\nI saw it *too*."]
    assert twins.said(twins.east, number) == ["I saw it *too*."]
    assert report.counts["parked"] == 0


async def test_edits_of_a_comment_go_both_ways_and_the_byline_stays_on_the_copy(twins):
    number = twins.issue(twins.east, "First")
    comment = twins.say(twins.east, number, "one")
    await twins.settle()

    twins.change(twins.east, comment, "two")
    await twins.settle()
    assert twins.said(twins.west, 1) == ["alice (east):\n\ntwo"]

    _, rows = twins.west.call("GET", f"/repos/{REPO}/issues/1/comments", who="alice")
    marker = rows[0]["body"][rows[0]["body"].index("<!--") :]
    twins.change(twins.west, rows[0]["id"], f"alice (east):\n\nthree\n\n{marker}")
    await twins.settle()
    assert twins.said(twins.east, number) == ["three"]
    assert twins.said(twins.west, 1) == ["alice (east):\n\nthree"]


async def test_comments_of_both_sides_at_first_contact_are_joined_where_they_say_the_same(twins):
    for box in (twins.east, twins.west):
        number = twins.issue(box, "Same")
        twins.say(box, number, "+1")
        twins.say(box, number, "+1")
    twins.say(twins.east, 1, "only here")

    await twins.settle()

    assert twins.said(twins.east, 1) == ["+1", "+1", "only here"]
    assert twins.said(twins.west, 1) == ["+1", "+1", "alice (east):\n\nonly here"]


async def test_a_comment_whose_task_has_no_partner_waits_and_follows_it(tmp_path):
    with Twins(tmp_path, more='match = ["title"]') as twins:
        twins.configure("")
        text = (twins.folder / "bridge.toml").read_text().replace("match-then-create", "match")
        (twins.folder / "bridge.toml").write_text(text)
        number = twins.issue(twins.east, "Lonely")
        await twins.sync()
        twins.say(twins.east, number, "anybody?")
        report = await twins.sync()
        assert report.exit_code == 0
        assert twins.said(twins.east, number) == ["anybody?"]
        assert twins.west.store.repo(REPO).issues == {}

        twins.issue(twins.west, "Lonely")
        await twins.settle()

        assert twins.said(twins.west, 1) == ["alice (east):\n\nanybody?"]


async def test_a_deleted_comment_takes_the_copy_with_it_and_a_deleted_copy_leaves_the_original(twins):
    number = twins.issue(twins.east, "First")
    comment = twins.say(twins.east, number, "to go")
    twins.say(twins.east, number, "to stay")
    await twins.settle()
    [first, second] = twins.ids(twins.west, 1)

    twins.remove(twins.east, comment)
    twins.remove(twins.west, second)
    await twins.sync(full=True)
    await twins.settle()

    assert twins.said(twins.west, 1) == []
    assert twins.said(twins.east, number) == ["to stay"]
    assert first != second


async def test_time_goes_over_in_whole_minutes_with_day_note_and_person(twins):
    number = twins.issue(twins.east, "First")
    twins.say(twins.east, number, "/spend 1h 30m 2026-11-20 looked into it")

    await twins.settle()

    assert twins.said(twins.west, 1) == ["/spend 1h30m 2026-11-20\n\nalice (east):\n\nlooked into it"]
    [comment] = twins.ids(twins.west, 1)
    _, row = twins.west.call("GET", f"/repos/{REPO}/issues/comments/{comment}", who="alice")
    twins.change(twins.west, comment, row["body"].replace("1h30m", "2h"))
    await twins.settle()
    assert twins.said(twins.east, number) == ["/spend 2h 2026-11-20\n\nlooked into it"]


async def test_an_unlinked_task_takes_its_comments_out_of_sync(twins):
    number = twins.issue(twins.east, "First")
    comment = twins.say(twins.east, number, "one")
    await twins.settle()
    twins.west.act("delete", repo=REPO, number=1)
    await twins.sync(full=True)

    twins.change(twins.east, comment, "two")
    report = await twins.settle()

    assert twins.said(twins.east, number) == ["two"]
    assert report.counts["parked"] == 0


async def test_a_lost_reply_to_a_comment_makes_no_second_one(twins):
    number = twins.issue(twins.east, "First")
    await twins.settle()
    twins.say(twins.east, number, "once")
    twins.west.fault("lost_reply", method="POST", path="/comments")

    await twins.settle()

    assert twins.said(twins.west, 1) == ["alice (east):\n\nonce"]


async def test_a_quiet_link_costs_one_request_a_side_and_kind(twins):
    number = twins.issue(twins.east, "First")
    twins.say(twins.east, number, "one")
    twins.say(twins.east, number, "/spend 1h")
    await twins.settle()
    twins.east.app.tracker.journal.reset_counts()
    twins.west.app.tracker.journal.reset_counts()

    await twins.sync()

    assert twins.east.counts.requests == 3
    assert twins.west.counts.requests == 3


async def test_in_a_ring_of_three_a_comment_is_said_once_in_each_and_no_conflict(twins):
    """Each copy names its author in its own tracker's words; the link between the two copies does not compare them."""
    third = Sandbox("github")
    with third:
        (twins.folder / "third.token").write_text(third.token())
        (twins.folder / "third.token").chmod(0o600)
        head, link = (twins.folder / "bridge.toml").read_text().split("[[links]]")
        head = head.replace('[[people]]\neast = "alice"\nwest = "alice"\n', "")
        head += (
            f'[connections.third]\ntype = "github"\nbase_url = "{third.url}"\nwrite_interval_s = 0\nindex_lag_s = 0\n'
        )
        head += f'token_file = "{twins.folder}/third.token"\n'
        head += '[[people]]\neast = "alice"\nwest = "walice"\nthird = "thalice"\n'
        ring = (("ew", "east", "west"), ("et", "east", "third"), ("wt", "west", "third"))
        for name, left, right in ring:
            own = link.replace('"app"\n', f'"{name}"\n', 1).replace(', "time_entry"', "")
            head += "[[links]]" + own.replace('"west"', f'"{right}"#').replace('"east"', f'"{left}"').replace("#", "")
        (twins.folder / "bridge.toml").write_text(head)
        number = twins.issue(twins.east, "First")
        comment = twins.say(twins.east, number, "hello")

        async with Bridge.open(load(twins.folder / "bridge.toml"), sleep=no_sleep) as bridge:
            reports = [await bridge.sync(name, trigger="test") for _ in range(3) for name, _, _ in ring]
            assert not any(report.counts["conflicts_open"] or report.counts["parked"] for report in reports)
            twins.change(twins.east, comment, "good day")
            reports = [await bridge.sync(name, trigger="test") for _ in range(3) for name, _, _ in ring]

        assert not any(report.counts["conflicts_open"] or report.counts["parked"] for report in reports)
        assert twins.said(twins.east, 1) == ["good day"]
        assert twins.said(twins.west, 1) == ["walice (east):\n\ngood day"]
        assert twins.said(third, 1) == ["thalice (east):\n\ngood day"]
