"""The people of a project in a real Redmine: Ann and Bob, who do there what those of the sandbox do."""

from __future__ import annotations

import secrets
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Self

from real.proxy import Proxy
from real.redmine import Real
from trackers import redmine

LOGINS = ("ann", "bob")
TABLES = {
    "issues": "project_id = :project",
    "journals": "journalized_id in (select id from issues where project_id = :project)",
    "time_entries": "project_id = :project",
    "issue_relations": "issue_from_id in (select id from issues where project_id = :project)",
    "custom_values": "customized_type = 'Issue' and customized_id in (select id from issues where project_id = :project) "
    "or customized_type = 'TimeEntry' and customized_id in (select id from time_entries where project_id = :project)",
}
"""What a write leaves behind in Redmine's own database, with times of microseconds."""


@dataclass(frozen=True)
class Person:
    id: int
    mail: str
    key: str


class RealBox:
    """A project in ``server`` with the surface of the sandbox that People use; Bridge goes through ``proxy``."""

    def __init__(self, server: Real, project: str) -> None:
        self.server, self.project = server, project
        self.proxy = Proxy(server.url)
        self.url = self.proxy.url
        self.faults = self.proxy.faults
        self.fault = self.proxy.fault
        self.counts = self.proxy.counts
        rows = {login: person(server, login) for login in LOGINS}
        self.keys = {"": server.admin_key, **{login: row.key for login, row in rows.items()}}
        self.persons = rows
        _, boss = server.ask("GET", "/users/current.json")
        known = [*rows.values(), Person(boss["user"]["id"], boss["user"]["mail"], server.admin_key)]
        self.store = SimpleNamespace(users={row.id: row for row in known})

    def __enter__(self) -> Self:
        self.proxy.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        self.proxy.__exit__()

    @property
    def log(self) -> list[str]:
        return self.counts.writes()

    def token(self, who: str = "") -> str:
        return self.keys[who]

    def call(self, method: str, path: str, body: Any = None, *, who: str = "") -> tuple[int, Any]:
        return self.server.ask(method, path, body, key=self.keys[who])

    def act(self, do: str, **members: Any) -> None:
        """Labels are declared by ``redmine.sh``: no REST call does that."""
        assert do == "label", do
        _, fields = self.call("GET", "/custom_fields.json")
        labels = next(row for row in fields["custom_fields"] if row["name"] == "Labels")
        assert {"value": members["name"], "label": members["name"]} in labels["possible_values"], members


class People(redmine.People):
    """In a project of its own, made when they enter."""

    def __init__(self, server: Real) -> None:
        self.container = server.fresh_project()
        self.box = RealBox(server, self.container)
        self.ids = {row.mail: row.id for row in self.box.persons.values()}
        assert list(self.ids) == list(self.persons.values())
        _, told = server.ask("GET", "/custom_fields.json")
        number = {(row["customized_type"], row["name"]): row["id"] for row in told["custom_fields"]}
        self.fields = {
            "marker": number["issue", "External ID"],
            "labels": number["issue", "Labels"],
            "time marker": number["time_entry", "External ID"],
        }
        _, told = server.ask("GET", "/enumerations/time_entry_activities.json")
        names = {row["name"]: row["id"] for row in told["time_entry_activities"]}
        self.activity = names["Development"]
        _, told = server.ask("GET", "/roles.json")
        role = next(row["id"] for row in told["roles"] if row["name"] == "Manager")
        for row in self.box.persons.values():
            membership = {"user_id": row.id, "role_ids": [role]}
            path = f"/projects/{self.container}/memberships.json"
            status, told = server.ask("POST", path, {"membership": membership})
            assert status == 201, told
        _, told = server.ask("GET", f"/projects/{self.container}.json")
        self.number = told["project"]["id"]

    def connection(self, name: str, folder: Path) -> str:
        return f"{super().connection(name, folder)}allow_task_delete = true\n"

    def evidence(self) -> dict[str, list[tuple[Any, ...]]]:
        """All rows of the project in the server's own database: a write of any kind changes them."""
        address = Path(self.box.server.database).as_uri()
        with closing(sqlite3.connect(f"{address}?mode=ro", uri=True)) as line:
            return {
                table: line.execute(
                    f"select * from {table} where {which} order by id", {"project": self.number}
                ).fetchall()
                for table, which in TABLES.items()
            }


def person(server: Real, login: str) -> Person:
    """An account of that login, made when it is not there."""
    _, told = server.ask("GET", f"/users.json?name={login}")
    mail = redmine.PERSONS[login]
    number = next((row["id"] for row in told["users"] if row["login"] == login), None)
    if number is None:
        user = {"login": login, "firstname": login.capitalize(), "lastname": "Real", "mail": mail}
        user["password"] = secrets.token_hex(12)
        status, told = server.ask("POST", "/users.json", {"user": user})
        assert status == 201, told
        number = told["user"]["id"]
    _, told = server.ask("GET", f"/users/{number}.json")
    return Person(number, mail, told["user"]["api_key"])
