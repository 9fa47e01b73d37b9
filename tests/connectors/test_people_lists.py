"""Lists of people: everybody on every page of them, as fields name them, with an address only where the tracker shows it."""

from __future__ import annotations

import re
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest
from trackers.between import Between, people_of

from bridge.config.loader import load
from bridge.errors import TrackerError
from bridge.model import Person
from bridge.sandbox.artala_store import Member as Artalan
from bridge.sandbox.gipo_store import User as Gipoan
from bridge.sandbox.growcrm_store import Member as Crew
from bridge.sandbox.jira_store import Person as Jiran
from bridge.sandbox.redmine_store import User as Redminer
from bridge.sandbox.timetracker_store import User as Tracked
from bridge.wiring import Bridge
from connectors.base import directory_of

CROWD = 250
BY_EMAIL = ("artala", "gipo", "growcrm", "timetracker")


async def at_once(_seconds: float) -> None:
    return None


@asynccontextmanager
async def world(type_: str, folder, more: str = "", **settings: Any):
    """The sandbox's people and a connector to it."""
    with people_of(type_, **settings) as people:
        (folder / "bridge.toml").write_text(
            f"[state]\nurl = 'sqlite:///{folder}/b.db'\n{people.connection('it', folder)}{more}\n"
        )
        async with Bridge.open(load(folder / "bridge.toml"), sleep=at_once) as bridge:
            yield people, bridge.connector("it")


def mail(number: int) -> str:
    return f"P{number}@Example.com"


MAKERS = {
    "artala": ("members", lambda number, name: Artalan(name, name, mail(number), "Member", number > 0)),
    "gipo": ("users", lambda number, name: Gipoan(name, f"m{name}", name, mail(number), "member", 0)),
    "growcrm": (
        "team",
        lambda number, name: Crew(7000 + number, name, "", mail(number), status=("suspended", "active")[number > 0]),
    ),
    "timetracker": (
        "users",
        lambda number, name: Tracked(7000 + number, name, name, (), "user", mail(number), number > 0),
    ),
    "jira": ("people", lambda number, name: Jiran(name, name, f"acc-{name}", name, mail(number), active=number > 0)),
    "redmine": ("users", lambda number, name: Redminer(7000 + number, name, name, "", mail(number))),
}


def crowd(type_: str, people: Any, much: int = CROWD) -> None:
    """So many more, numbered; the first has left, where there is such a thing."""
    store = people.box.tracker.store
    where, make = MAKERS[type_]
    for each in range(much):
        name = f"p{each}"
        number = 7000 + each if type_ in ("growcrm", "timetracker", "redmine") else name
        getattr(store, where)[number] = make(each, name)
    for number, project in store.projects.items() if type_ in ("jira", "redmine") else ():
        if type_ == "jira":
            rights = project.rights | {f"p{each}": ("ASSIGNABLE_USER",) for each in range(much)}
            store.projects[number] = replace(project, rights=rights)
        else:
            roles = tuple((7000 + each, "Developer") for each in range(much))
            store.projects[number] = replace(project, roles=project.roles + roles)


async def listed(connector: Any, container: str) -> dict[str, Person]:
    directory = directory_of(connector)
    assert directory is not None
    found = await directory.people(container)
    names = [person.name for person in found]
    assert len(names) == len(set(names))
    assert all(person.email is None or person.email == person.email.lower() for person in found)
    return {person.name: person for person in found}


@pytest.mark.parametrize("type_", BY_EMAIL)
async def test_who_is_named_by_address_is_listed_on_every_page(type_, tmp_path):
    async with world(type_, tmp_path) as (people, connector):
        crowd(type_, people)
        before = people.requests()
        found = await listed(connector, people.container)

        assert {mail(each).lower() for each in range(1, CROWD)} <= found.keys()
        assert found["p7@example.com"].email == "p7@example.com"
        assert type_ == "gipo" or "p0@example.com" not in {one.name for one in found.values() if one.active}
        assert people.requests() - before <= 6


@pytest.mark.parametrize("dialect", ["cloud", "dc"])
async def test_five_thousand_people_of_jira_are_listed_by_account_and_a_hidden_address_is_missing(dialect, tmp_path):
    async with world("jira", tmp_path, dialect=dialect) as (people, connector):
        crowd("jira", people, 5000)
        store = people.box.tracker.store
        store.people["p7"] = replace(store.people["p7"], mail_hidden=True)
        before = people.requests()
        found = await listed(connector, people.container)

        names = [f"acc-p{each}" if dialect == "cloud" else f"p{each}" for each in range(5000)]
        assert set(names[1:]) <= found.keys()
        assert names[0] not in found
        assert (found[names[7]].email, found[names[8]].email) == (None, "p8@example.com")
        assert people.requests() - before <= 7


async def test_a_redmine_administrator_sees_addresses_of_members_on_every_page(tmp_path):
    async with world("redmine", tmp_path) as (people, connector):
        crowd("redmine", people)
        found = await listed(connector, people.container)

        emails = {person.email for person in found.values()}
        assert {mail(each).lower() for each in range(CROWD)} <= emails
        assert "out@example.com" not in emails  # no member


async def test_without_an_administrators_key_redmine_shows_names_alone_and_large_projects_are_cut(
    tmp_path, monkeypatch
):
    monkeypatch.setattr("connectors.redmine_people._MOST_ASKED", 50)
    async with world("redmine", tmp_path, 'people_by = "login"\n') as (people, connector):
        crowd("redmine", people, 60)
        users = people.box.tracker.store.users
        users.update({number: replace(one, is_admin=False) for number, one in users.items()})
        (me,) = (one.id for one in users.values() if one.login == people.BRIDGE)
        for number, project in people.box.tracker.store.projects.items():
            people.box.tracker.store.projects[number] = replace(project, roles=((me, "Manager"), *project.roles))
        before = people.requests()
        found = await listed(connector, people.container)

        assert len(found) == 50
        assert not any(person.email for person in found.values() if person.name.startswith("p"))
        assert people.requests() - before <= 60
        before = people.requests()
        assert await listed(connector, people.container) == found
        assert people.requests() - before <= 10


async def test_github_shows_logins_and_the_address_of_a_public_profile_and_asks_for_some_profiles_at_most(
    tmp_path, monkeypatch
):
    monkeypatch.setattr("connectors.github_people._MOST_PROFILES", 50)
    logins = [f"p{each:04}" for each in range(250)]
    async with world("github", tmp_path) as (people, connector):
        store = people.box.tracker.store
        store.users |= {login: number for number, login in enumerate(logins, 7000)}
        for repo in store.repos.values():
            repo.roles |= dict.fromkeys(logins, "write")
        people.box.seed(emails={"p0007": "P7@Example.com"})
        before = people.requests()
        found = await listed(connector, people.container)

        assert set(logins) <= found.keys()
        assert (found["p0007"].email, found["p0008"].email) == ("p7@example.com", None)
        assert people.requests() - before <= 60


async def test_workestra_lists_whom_its_settings_name_without_a_request(tmp_path):
    async with world("workestra", tmp_path, 'users = { "Ann@Example.com" = "user_ann" }\n') as (people, connector):
        found = await listed(connector, people.container)

        assert list(found.values()) == [Person("ann@example.com", "ann@example.com")]
        assert people.requests() == 0


@pytest.mark.parametrize("type_", ["artala", "gipo", "growcrm", "timetracker", "jira", "redmine", "github"])
async def test_a_list_that_is_refused_is_an_error_and_never_an_empty_list(type_, tmp_path):
    async with world(type_, tmp_path) as (people, connector):
        people.box.fault("permission_lost", status=403, times=99)
        directory = directory_of(connector)
        assert directory is not None
        with pytest.raises(TrackerError):
            await directory.people(people.container)


class Strangers(Between):
    """No row says who is who."""

    def configure(self) -> None:
        super().configure()
        file = self.folder / "bridge.toml"
        file.write_text(re.sub(r"\[\[people\]\]\nleft = .*\nright = .*\n", "", file.read_text()))


async def test_an_account_of_jira_and_a_member_in_redmine_meet_by_their_address(tmp_path):
    with Strangers(tmp_path, "jira", "redmine") as both:
        ann, here = both.left.persons["ann"], both.right.persons["ann"]
        both.left.create("Repair the pump", assignee=ann)
        await both.sync()
        ((item, task),) = both.right.tasks().items()
        assert task["assignee"] == here

        both.right.edit(item, assignee=both.right.persons["bob"])
        await both.sync()
        assert [task["assignee"] for task in both.left.tasks().values()] == [both.left.persons["bob"]]
