"""``config check --live`` and the settings of a Jira connection."""

from __future__ import annotations

import pytest
from jira_site import DIALECTS, site
from pydantic import ValidationError

from bridge.model import Ref
from connectors.jira import Jira
from connectors.jira_config import JiraConfig

both = pytest.mark.parametrize("dialect", DIALECTS)
ALL = {"create", "update", "delete"}


async def problems(there, kind="task", verbs=ALL, maps=None):
    found = await there.jira.check("APP", kind, verbs, maps or {})
    return [one.what for one in found if one.level != "ok"]


@both
async def test_a_sound_connection_has_nothing_to_say(dialect: str) -> None:
    async with site(dialect) as there:
        maps = {
            "status": ["To Do", "In Progress", "Done"],
            "priority": ["High"],
            "assignee": [there.person("bob")],
            "blocks": [],
            "estimate": [],
            "due_on": [],
            "start_on": [],
            "type": ["Task"],
            "custom.Customer": [],
        }
        for kind in ("task", "comment", "time_entry"):
            assert await problems(there, kind, maps=maps if kind == "task" else {}) == []


@both
async def test_names_that_are_not_there_are_found(dialect: str) -> None:
    async with site(dialect) as there:
        maps = {"status": ["Nirvana"], "priority": ["Extreme"], "assignee": ["nobody"], "custom.Costumer": []}

        said = " ".join(await problems(there, maps=maps))

        for word in ("Nirvana", "Extreme", "nobody", "Costumer"):
            assert word in said


@both
async def test_missing_rights_are_named(dialect: str) -> None:
    async with site(dialect) as there:
        there.box.act("revoke", who="bridge-bot", right="TRANSITION_ISSUES", project="APP")

        assert any("TRANSITION_ISSUES" in one for one in await problems(there, maps={"status": ["Done"]}))


@both
async def test_the_wrong_dialect_is_found(dialect: str) -> None:
    async with site(dialect) as there:
        found = await there.jira.check("NOPE", "task", ALL, {})

        assert [one.level for one in found][-1] == "error"
        assert "NOPE" in found[-1].what


async def test_a_wrong_token_is_said_first() -> None:
    async with site(config={"token": "wrong"}) as there:
        [finding] = await there.jira.check("APP", "task", ALL, {})

        assert finding.level == "error"
        assert "anonymous" in finding.what


@pytest.mark.parametrize(
    ("url", "is_cloud"),
    [
        ("https://acme.atlassian.net", True),
        ("https://api.atlassian.com/ex/jira/11111111-2222", True),
        ("https://jira.example.com/context/", False),
    ],
)
def test_the_dialect_follows_from_the_address(url: str, is_cloud: bool) -> None:
    assert JiraConfig(base_url=url).is_cloud is is_cloud


@pytest.mark.parametrize(
    "wrong",
    [
        {"base_url": "acme.atlassian.net"},
        {"base_url": "https://user:word@acme.atlassian.net"},
        {"base_url": "https://acme.atlassian.net/rest/api/3"},
        {"timezone": "Mars/Olympus"},
        {"day_starts": "25:00"},
        {"label_space": " "},
    ],
)
def test_settings_that_cannot_be_are_refused(wrong) -> None:
    with pytest.raises(ValidationError):
        JiraConfig(**{"base_url": "https://acme.atlassian.net", **wrong})


def test_people_open_an_issue_where_the_site_is() -> None:
    scoped = {"base_url": "https://api.atlassian.com/ex/jira/1", "site_url": "https://acme.atlassian.net"}
    ref = Ref("work", "APP", "task", "10001")

    assert Jira("work", JiraConfig(**scoped)).item_url(ref) == "https://acme.atlassian.net/browse/10001"
    assert Jira("work", JiraConfig(base_url=scoped["base_url"])).item_url(ref) == ""


@both
async def test_people_by_mail_are_found_and_written(dialect: str) -> None:
    async with site(dialect, {"people_by": "email"}) as there:
        made = await there.create({"title": "New", "assignee": "bob@example.com"})

        assert made.fields["assignee"] == "bob@example.com"
        assert (await there.jira.schema("APP", "task", fields=frozenset())).fields["assignee"].emails


@both
async def test_mails_are_not_sent_where_the_account_may_say_so_and_the_write_goes_through_anyway(dialect: str) -> None:
    async with site(dialect, {"notify_users": False}) as there:
        [one] = there.seed({})
        record = await there.fetch(one)
        there.counted()

        await there.update(record, {"title": "Quiet"})

        assert (await there.fetch(one)).fields["title"] == "Quiet"
