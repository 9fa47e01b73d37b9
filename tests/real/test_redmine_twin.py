"""The sandbox of Redmine beside the real one: the same requests, the same answers."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from real import redmine

from bridge.sandbox.redmine_seed import key_of
from bridge.sandbox.server import Sandbox

ADMIN, MEMBER, WRONG = "admin", "member", "wrong"
SHAPE_ONLY = {"project", "author", "user", "assigned_to", "created_on", "updated_on", "closed_on", "api_key", "login",
              "firstname", "lastname", "mail", "last_login_on", "passwd_changed_on", "roles", "old_value", "new_value"}  # fmt: skip
IDS = {"id", "issue_id", "issue_to_id"}


class Side:
    """One of the two, with the ids that its answers gave."""

    def __init__(self, url: str, keys: dict[str, str], project: str) -> None:
        self.url, self.keys = url, {**keys, WRONG: "f" * 40}
        self.names: dict[str, Any] = {"project": project}
        self._learn()

    def _learn(self) -> None:
        _, fields = self.ask(ADMIN, "GET", "/custom_fields.json")
        for row in fields["custom_fields"]:
            self.names[f"{row['customized_type']}:{row['name']}"] = row["id"]
        for who in (ADMIN, MEMBER):
            self.names[who] = self.ask(who, "GET", "/users/current.json")[1]["user"]["id"]
        for name in ("issue_categories", "versions"):
            _, rows = self.ask(ADMIN, "GET", f"/projects/{self.names['project']}/{name}.json")
            self.names |= {row["name"]: row["id"] for row in rows[name]}

    def ask(self, who: str, method: str, path: str, body: Any = None, **headers: str) -> tuple[int, Any]:
        filled = re.sub(r"\{([^}]+)\}", lambda found: str(self.names[found[1]]), path)
        return redmine.ask(self.url + filled, method, self._filled(body), key=self.keys.get(who, ""), **headers)

    def _filled(self, body: Any) -> Any:
        if isinstance(body, dict):
            return {name: self._filled(value) for name, value in body.items()}
        if isinstance(body, list):
            return [self._filled(value) for value in body]
        if isinstance(body, str) and re.fullmatch(r"\{[^}]+\}", body):
            return self.names[body[1:-1]]
        return body


@pytest.fixture
def both(real: redmine.Real) -> Iterator[tuple[Side, Side]]:
    with Sandbox("redmine") as box:
        ours = Side(box.url, {ADMIN: key_of("bridge"), MEMBER: key_of("dev")}, "beta")
        theirs = Side(real.url, {ADMIN: real.admin_key, MEMBER: real.member_key}, real.fresh_project())
        yield ours, theirs


Compare = Callable[..., None]


@pytest.fixture
def compare(both: tuple[Side, Side]) -> Iterator[Compare]:
    """Ask both and compare what is not each one's own: statuses, members, types and values but ids, times and people."""
    found: list[str] = []

    def asked(who: str, method: str, path: str, body: Any = None, *, keep: str = "", **headers: str) -> None:
        answers = []
        for side in both:
            status, answer = side.ask(who, method, path, body, **headers)
            if keep and status == 201:
                [made] = answer.values()
                side.names[keep] = made["id"]
            answers.append({"status": status, "body": masked(answer)})
        found.extend(f"{who} {method} {path} {body}: {line}" for line in differences(*answers))

    yield asked
    if found:
        pytest.fail("the sandbox differs:\n" + "\n".join(found), pytrace=False)


def differences(ours: Any, theirs: Any, where: str = "") -> Iterator[str]:
    if isinstance(ours, dict) and isinstance(theirs, dict):
        if list(ours) != list(theirs):
            yield f"{where}: members {list(ours)}, really {list(theirs)}"
        for name in ours.keys() & theirs.keys():
            yield from differences(ours[name], theirs[name], f"{where}.{name}")
    elif isinstance(ours, list) and isinstance(theirs, list) and len(ours) == len(theirs):
        for place, (one, other) in enumerate(zip(ours, theirs, strict=True)):
            yield from differences(one, other, f"{where}[{place}]")
    elif ours != theirs:
        yield f"{where}: {ours!r}, really {theirs!r}"


def masked(value: Any, name: str = "") -> Any:
    if name in SHAPE_ONLY or name in IDS:
        return shape(value)
    if isinstance(value, dict):
        return {key: masked(one, key) for key, one in value.items()}
    if isinstance(value, list):
        return [masked(one, name) for one in value]
    return value


def shape(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: shape(one) for key, one in value.items()}
    return type(value).__name__


ISSUES = "/projects/{project}/issues.json?status_id=*&sort=id:asc"
ENTRIES = "/projects/{project}/time_entries.json?sort=created_on"


def test_issues_are_made_alike(compare: Compare) -> None:
    def post(who: str, **issue: Any) -> None:
        compare(
            who, "POST", "/issues.json", {"issue": {"project_id": "{project}", **issue}}, keep=issue.get("keep", "")
        )

    post(ADMIN, subject="one", description="a\nb", estimated_hours=0.3333333, keep="a")
    post(MEMBER, subject="two  ", status_id=5, priority_id=4, start_date="2026-11-22", due_date="2026-11-25", keep="b")
    post(MEMBER, subject="without a start", start_date="", description="")
    post(ADMIN, subject="a\nb", assigned_to_id="{member}", tracker_id=2, done_ratio=30)
    post(ADMIN, subject="marked", custom_fields=[{"id": "{issue:External ID}", "value": "github acme/app#12"}])
    post(ADMIN, subject="labelled", custom_fields=[{"id": "{issue:Labels}", "value": ["ui", "bug"]}])
    post(ADMIN, subject="wrongly labelled", custom_fields=[{"id": "{issue:Labels}", "value": ["nope"]}])
    post(ADMIN, subject="of nobody", custom_fields=[{"id": 7777, "value": "x"}], tracker_id=99, odd=1)
    for wrong in ({}, {"subject": ""}, {"subject": "x" * 256}, {"subject": "x", "assigned_to_id": 9999}):
        post(ADMIN, **wrong)
    post(ADMIN, subject="x", due_date="2026-13-01")
    post(ADMIN, subject="x", due_date="2020-01-01", start_date="2026-01-01")
    post(WRONG, subject="x")
    compare(ADMIN, "POST", "/issues.json", {"subject": "x"})
    compare(ADMIN, "POST", "/issues.json", {"issue": {"subject": "x"}})
    compare(ADMIN, "POST", "/issues.json", b"{bad")
    compare(ADMIN, "POST", "/issues.json", b'{"issue":{"subject":"x"}}', content_type="text/plain")
    compare(ADMIN, "GET", ISSUES)
    compare(ADMIN, "GET", "/issues/{a}.json?include=journals,relations,children,allowed_statuses")


def test_puts_drop_and_refuse_alike(compare: Compare) -> None:
    for keep in ("a", "b", "c"):
        compare(MEMBER, "POST", "/issues.json", {"issue": {"project_id": "{project}", "subject": keep}}, keep=keep)
    bodies: list[dict[str, Any]] = [
        {"status_id": 6}, {"status_id": 2}, {"status_id": 1}, {"status_id": 99}, {"status_id": "Closed"}, {"status_id": 5},
        {"status_id": 1}, {"subject": ""}, {"priority_id": 99}, {"priority_id": ""}, {"tracker_id": 99}, {"tracker_id": 2},
        {"assigned_to_id": 9999}, {"assigned_to_id": "{member}"}, {"assigned_to_id": ""}, {"category_id": 9999},
        {"fixed_version_id": 9999}, {"parent_issue_id": 999999}, {"parent_issue_id": "{a}"}, {"due_date": "2026-02-30"},
        {"start_date": "", "due_date": "2026-12-01"}, {"start_date": "2026-11-30"}, {"due_date": None}, {"estimated_hours": -1},
        {"estimated_hours": "abc"}, {"estimated_hours": "1.5"}, {"estimated_hours": "1:30"}, {"estimated_hours": None},
        {"lock_version": 99}, {"done_ratio": 150}, {"done_ratio": 40}, {"project_id": 99}, {"is_private": True},
        {"description": "a\r\nb\rc\n"}, {"description": None}, {"notes": "one\ntwo"}, {"notes": "secret", "private_notes": True},
        {"custom_fields": [{"id": "{issue:Labels}", "value": ["ui"]}]}, {"custom_fields": [{"id": "{issue:Labels}", "value": []}]},
        {"custom_fields": [{"id": "{issue:Labels}", "value": ["nope"]}]}, {"custom_fields": [{"id": "{issue:Size}", "value": "x"}]},
        {"custom_fields": [{"id": "{issue:Size}", "value": "5"}]}, {}, {"odd": 1},
    ]  # fmt: skip
    for body in bodies:
        compare(MEMBER, "PUT", "/issues/{a}.json", {"issue": body})
        compare(ADMIN, "GET", "/issues/{a}.json?include=allowed_statuses")
    compare(ADMIN, "PUT", "/issues/{a}.json", b'{"issue":{"subject":"z"}}', content_type="text/plain")
    compare(ADMIN, "PUT", "/issues/999999.json", {"issue": {"subject": "z"}})
    compare(WRONG, "PUT", "/issues/{a}.json", {"issue": {"subject": "z"}})
    compare(ADMIN, "PATCH", "/issues/{a}.json", {"issue": {"subject": "patched"}})
    compare(ADMIN, "GET", "/issues/{a}.json?include=journals")
    compare(MEMBER, "DELETE", "/issues/{a}.json")
    compare(ADMIN, "DELETE", "/issues/{a}.json")
    compare(ADMIN, "DELETE", "/issues/{a}.json")
    compare(ADMIN, "GET", "/issues/{a}.json")


def test_families_and_relations_behave_alike(compare: Compare) -> None:
    for keep in ("a", "b", "c"):
        compare(ADMIN, "POST", "/issues.json", {"issue": {"project_id": "{project}", "subject": keep}}, keep=keep)
    child = {
        "parent_issue_id": "{a}",
        "start_date": "2026-11-22",
        "due_date": "2026-11-25",
        "priority_id": 4,
        "done_ratio": 30,
    }
    compare(ADMIN, "PUT", "/issues/{b}.json", {"issue": child})
    compare(ADMIN, "GET", "/issues/{a}.json?include=children,journals,allowed_statuses")
    compare(
        ADMIN, "PUT", "/issues/{a}.json", {"issue": {"priority_id": 1, "due_date": "2027-01-01", "estimated_hours": 7}}
    )
    compare(ADMIN, "PUT", "/issues/{a}.json", {"issue": {"status_id": 5}})
    compare(ADMIN, "GET", "/issues/{a}.json")
    compare(ADMIN, "PUT", "/issues/{a}.json", {"issue": {"parent_issue_id": "{b}"}})
    compare(ADMIN, "PUT", "/issues/{b}.json", {"issue": {"status_id": 5}})
    compare(ADMIN, "PUT", "/issues/{a}.json", {"issue": {"status_id": 5}})
    compare(ADMIN, "GET", "/issues/{b}.json?include=allowed_statuses")
    compare(ADMIN, "GET", "/issues/{a}.json")
    relations: list[tuple[str, str, str]] = [
        ("{a}", "{c}", "blocks"), ("{a}", "{c}", "blocks"), ("{c}", "{a}", "blocks"), ("{c}", "{a}", "relates"),
        ("{a}", "999999", "blocks"), ("{a}", "{a}", "blocks"), ("{a}", "{c}", "odd"), ("{b}", "{c}", "blocked"),
    ]  # fmt: skip
    for source, target, kind in relations:
        body = {"relation": {"issue_to_id": target, "relation_type": kind}}
        compare(ADMIN, "POST", f"/issues/{source}/relations.json", body, keep="r")
    compare(ADMIN, "GET", "/issues/{c}/relations.json")
    compare(ADMIN, "POST", "/issues.json", {"issue": {"project_id": "{project}", "subject": "alone"}}, keep="d")
    compare(ADMIN, "GET", "/issues/{d}.json?include=relations,children")
    compare(ADMIN, "GET", ISSUES + "&include=relations")
    compare(ADMIN, "GET", "/relations/{r}.json")
    compare(ADMIN, "DELETE", "/relations/{r}.json")
    compare(ADMIN, "DELETE", "/relations/{r}.json")
    compare(ADMIN, "DELETE", "/issues/{a}.json")
    compare(ADMIN, "GET", ISSUES)


def test_time_entries_behave_alike(compare: Compare) -> None:
    for keep in ("a", "b"):
        compare(ADMIN, "POST", "/issues.json", {"issue": {"project_id": "{project}", "subject": keep}}, keep=keep)

    def post(who: str, keep: str = "", **entry: Any) -> None:
        compare(
            who, "POST", "/time_entries.json", {"time_entry": {"issue_id": "{a}", "activity_id": 9, **entry}}, keep=keep
        )

    post(ADMIN, "t", hours=0.3333333, comments="a\nb", custom_fields=[{"id": "{time_entry:External ID}", "value": "m"}])
    post(MEMBER, "u", hours="1h30m", spent_on="2030-01-01")
    post(ADMIN, hours=1, user_id="{member}")
    post(MEMBER, hours=1, user_id="{admin}")
    for wrong in (
        {"hours": -1},
        {},
        {"hours": "abc"},
        {"hours": 1, "activity_id": 99},
        {"hours": 1, "comments": "x" * 1025},
    ):
        post(ADMIN, **wrong)
    post(ADMIN, hours=1, spent_on="bad")
    post(ADMIN, hours=1, activity_id="")
    post(ADMIN, hours=1, issue_id=999999)
    post(ADMIN, hours="0:45", comments=None)
    for body in ({"issue_id": "{b}"}, {"user_id": "{member}"}, {"spent_on": "2026-11-19", "hours": 0.1}, {"comments": None},
                 {"hours": 0.005}, {"hours": ""}, {"hours": "abc"}, {"spent_on": ""}):  # fmt: skip
        compare(ADMIN, "PUT", "/time_entries/{t}.json", {"time_entry": body})
        compare(ADMIN, "GET", "/time_entries/{t}.json")
    compare(MEMBER, "PUT", "/time_entries/{u}.json", {"time_entry": {"hours": 3}})
    compare(MEMBER, "DELETE", "/time_entries/{u}.json")
    compare(ADMIN, "GET", ENTRIES)
    compare(ADMIN, "GET", "/projects/{project}/time_entries.json?sort=spent_on&from=2026-11-20&subproject_id=!*")
    compare(
        ADMIN, "GET", "/projects/{project}/time_entries.json?sort=created_on&issue_id={b}&updated_on=%3E%3D2099-01-01"
    )
    compare(WRONG, "GET", "/projects/{project}/time_entries.json")
    compare(ADMIN, "DELETE", "/time_entries/{t}.json")
    compare(ADMIN, "DELETE", "/time_entries/{t}.json")
    compare(ADMIN, "GET", "/time_entries/{t}.json")


def test_notes_are_edited_and_emptied_alike(compare: Compare, both: tuple[Side, Side]) -> None:
    compare(ADMIN, "POST", "/issues.json", {"issue": {"project_id": "{project}", "subject": "a"}}, keep="a")
    compare(MEMBER, "PUT", "/issues/{a}.json", {"issue": {"notes": "one\ntwo"}})
    compare(MEMBER, "PUT", "/issues/{a}.json", {"issue": {"notes": "three", "priority_id": 3}})
    compare(ADMIN, "PUT", "/issues/{a}.json", {"issue": {"notes": "as the member"}}, x_redmine_switch_user="nobody")
    for side in both:
        _, answer = side.ask(ADMIN, "GET", "/issues/{a}.json?include=journals")
        side.names["j"], side.names["k"] = (row["id"] for row in answer["issue"]["journals"])
    for words in ("edited\nby an admin", ""):
        compare(MEMBER, "PUT", "/journals/{j}.json", {"journal": {"notes": words}})
        for journal in ("{j}", "{k}"):
            compare(ADMIN, "PUT", f"/journals/{journal}.json", {"journal": {"notes": words}})
        compare(ADMIN, "GET", "/issues/{a}.json?include=journals")
    compare(ADMIN, "PUT", "/journals/{j}.json", {"journal": {"notes": "again"}})
    compare(ADMIN, "PUT", "/journals/999999.json", {"journal": {"notes": "again"}})


def test_lists_are_filtered_sorted_and_cut_alike(compare: Compare) -> None:
    for number in range(4):
        issue = {"project_id": "{project}", "subject": f"n{number}", "tracker_id": 1 + number % 2}
        compare(MEMBER, "POST", "/issues.json", {"issue": issue}, keep=f"n{number}")
    compare(ADMIN, "PUT", "/issues/{n0}.json", {"issue": {"status_id": 5, "assigned_to_id": "{member}"}})
    filters = (
        "", "status_id=*", "status_id=closed", "status_id=*&tracker_id=2", "status_id=*&issue_id={n0},{n2}",
        "status_id=*&issue_id=%3E%3D{n2}", "status_id=*&assigned_to_id={member}", "status_id=*&author_id=me",
        "status_id=*&subject=~n1", "status_id=*&odd=1", "status_id=*&updated_on=%3E%3D2020-01-01",
        "status_id=*&updated_on=%3E%3D2020-01-01T00:00:00Z", "status_id=*&updated_on=%3E%3D2020-01-01T00:00:00.000Z",
        "status_id=*&updated_on=%3E%3D2099-01-01T00:00:00Z", "status_id=*&cf_{issue:External ID}=*", "status_id=*&limit=2",
        "status_id=*&limit=2&offset=3", "status_id=*&limit=2&page=2", "status_id=*&limit=0", "status_id=*&offset=90&limit=500",
        "status_id=*&updated_on=>=2020-01-01",
        "set_filter=1&f[]=status_id&op[status_id]=*&f[]=tracker_id&op[tracker_id]==&v[tracker_id][]=2",
    )  # fmt: skip
    for query in filters:
        compare(ADMIN, "GET", f"/projects/{{project}}/issues.json?sort=id:asc&{query}")
    for order in ("id", "id:desc", "updated_on:asc,id:asc", "subject:desc", "odd"):
        compare(ADMIN, "GET", f"/projects/{{project}}/issues.json?status_id=*&sort={order}")


def test_the_small_lists_and_people_look_alike(compare: Compare) -> None:
    for who in (ADMIN, MEMBER, WRONG):
        for path in ("/users/current.json", "/users/{member}.json", "/users/999999.json", "/custom_fields.json",
                     "/projects/{project}/issues.json", "/projects/nothing.json", "/projects/{project}/versions.json"):  # fmt: skip
            if path != "/custom_fields.json" or who != ADMIN:
                compare(who, "GET", path)
    for path in ("/issue_statuses.json", "/trackers.json", "/enumerations/issue_priorities.json", "/nothing.json",
                 "/enumerations/time_entry_activities.json", "/issues.json?project_id=nothing",
                 "/projects/{project}.json?include=trackers,time_entry_activities,issue_custom_fields"):  # fmt: skip
        compare(ADMIN, "GET", path)
    compare(ADMIN, "GET", "/users/current.json", x_redmine_switch_user="nobody")
    compare(MEMBER, "GET", "/users/current.json", x_redmine_switch_user="admin")
    compare(WRONG, "GET", "/issues.json?issue_id=999999")
    compare(WRONG, "GET", "/time_entries.json?issue_id=999999")
