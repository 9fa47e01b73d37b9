"""The Redmine sandbox: strict where the real one is, silent where the real one is."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Any

import pytest
from redminelib import Redmine
from redminelib.exceptions import AuthError, ResourceNotFoundError, ValidationError

from bridge.sandbox.server import Sandbox

LABELS = 2


@pytest.fixture
def box() -> Iterator[Sandbox]:
    with Sandbox("redmine") as running:
        yield running


@pytest.fixture
def client(box: Sandbox) -> Redmine:
    return Redmine(box.url, key=box.token())


def issue(box: Sandbox, who: str = "ann", **members: Any) -> int:
    status, answer = box.call(
        "POST", "/issues.json", {"issue": {"project_id": "acme", "subject": "x", **members}}, who=who
    )
    assert status == 201, answer
    return int(answer["issue"]["id"])


def held(box: Sandbox, number: int) -> dict[str, Any]:
    return dict(box.call("GET", f"/issues/{number}.json?include=journals,relations")[1]["issue"])


def test_python_redmine_drives_issues(client: Redmine) -> None:
    made = client.issue.create(
        project_id="acme", subject="First", description="a\nb", custom_fields=[{"id": LABELS, "value": ["ui"]}]
    )
    client.issue.update(made.id, status_id=2, assigned_to_id=5, due_date=date(2099, 12, 24), notes="A word")
    again = client.issue.get(made.id, include=["journals"])

    assert (again.subject, again.description, again.status.name) == ("First", "a\r\nb", "In Progress")
    assert (again.assigned_to.name, again.due_date) == ("Ann Archer", date(2099, 12, 24))
    assert [journal.notes for journal in again.journals] == ["A word"]
    assert [found.id for found in client.issue.filter(project_id="acme", status_id="*")] == [made.id]

    client.issue.delete(made.id)

    with pytest.raises(ResourceNotFoundError):
        client.issue.get(made.id)


def test_python_redmine_drives_time_relations_and_lists(client: Redmine) -> None:
    first, second = (client.issue.create(project_id="acme", subject=name).id for name in ("a", "b"))
    entry = client.time_entry.create(issue_id=first, hours=0.3333333, activity_id=9, spent_on=date(2026, 11, 20))
    client.time_entry.update(entry.id, hours=1.5, comments="words")
    relation = client.issue_relation.create(issue_id=first, issue_to_id=second, relation_type="blocks")

    assert entry.hours == 0.33
    assert [(row.hours, row.comments) for row in client.time_entry.filter(project_id="acme")] == [(1.5, "words")]
    assert [row.issue_to_id for row in client.issue_relation.filter(issue_id=first)] == [second]
    assert [row.name for row in client.issue_status.all()][-2:] == ["Closed", "Rejected"]
    assert [row.identifier for row in client.project.all()] == ["acme", "beta"]
    assert [row.name for row in client.version.filter(project_id="acme")] == ["1.0", "2.0"]
    assert "Labels" in [row.name for row in client.custom_field.all()]

    client.issue_relation.delete(relation.id)
    client.time_entry.delete(entry.id)

    assert len(client.time_entry.filter(project_id="acme")) == 0


def test_python_redmine_is_refused_as_by_the_real_one(box: Sandbox, client: Redmine) -> None:
    with pytest.raises(ValidationError, match="Labels is not included in the list"):
        client.issue.create(project_id="acme", subject="x", custom_fields=[{"id": LABELS, "value": ["nope"]}])
    with pytest.raises(ValidationError, match="Subject cannot be blank"):
        client.issue.create(project_id="acme", subject="")
    with pytest.raises(AuthError):
        Redmine(box.url, key="f" * 40).user.get("current")


def test_a_wrong_key_lists_nothing_where_it_is_not_refused(box: Sandbox) -> None:
    issue(box)
    assert box.call("GET", "/issues.json?key=wrong&status_id=*")[0] == 200
    box.act("revoke", token=box.token("rep"))

    assert box.call("GET", "/issues.json?status_id=*", who="rep") == (
        200,
        {"issues": [], "total_count": 0, "offset": 0, "limit": 25},
    )
    assert box.call("GET", "/projects/acme/issues.json", who="rep") == (401, None)
    box.set(auth_required=True)
    assert box.call("GET", "/issues.json", who="rep") == (401, None)


def test_what_the_workflow_forbids_is_dropped_in_silence_and_moves_the_time(box: Sandbox) -> None:
    number = issue(box, status_id=5)
    before = held(box, number)
    box.clock.advance(60)

    assert box.call("PUT", f"/issues/{number}.json", {"issue": {"status_id": 6}}, who="dev") == (204, None)

    after = held(box, number)
    assert (before["status"]["name"], after["status"]["name"], after["journals"]) == ("New", "New", [])
    assert after["updated_on"] > before["updated_on"]


def test_a_parent_follows_its_children_and_is_not_closed_before_them(box: Sandbox) -> None:
    parent = issue(box)
    issue(box, parent_issue_id=parent, due_date="2099-11-25", priority_id=4)
    box.call("PUT", f"/issues/{parent}.json", {"issue": {"due_date": "2099-01-01", "status_id": 5}}, who="ann")

    row = held(box, parent)
    assert (row["due_date"], row["priority"]["name"], row["status"]["name"]) == ("2099-11-25", "Urgent", "New")


def test_closed_bounds_miss_what_has_a_fraction(box: Sandbox) -> None:
    box.clock.freeze(1_800_000_000.7)
    issue(box)
    stamp = "2027-01-15T08:00:00Z"

    def found(bound: str) -> int:
        path = f"/projects/acme/issues.json?updated_on={bound}"
        return int(box.call("GET", path)[1]["total_count"])

    assert (found(f"%3C%3D{stamp}"), found(f"%3E%3D{stamp}"), found("%3E%3D2027-01-15T08:00:01Z")) == (0, 1, 1)
    assert box.call("GET", "/issues.json?updated_on=%3E%3D2027-01-15T08:00:00.000Z")[0] == 422
    assert box.call("GET", f"/issues.json?updated_on=>={stamp}") == (400, None)


def test_notes_are_edited_without_moving_the_issue(box: Sandbox) -> None:
    number = issue(box)
    box.call("PUT", f"/issues/{number}.json", {"issue": {"notes": "one"}}, who="dev")
    before = held(box, number)
    [journal] = before["journals"]
    box.clock.advance(60)

    assert box.call("PUT", f"/journals/{journal['id']}.json", {"journal": {"notes": "x"}}, who="dev") == (403, None)
    assert box.call("PUT", f"/journals/{journal['id']}.json", {"journal": {"notes": "two"}}) == (204, None)
    assert [row["notes"] for row in held(box, number)["journals"]] == ["two"]
    box.call("PUT", f"/journals/{journal['id']}.json", {"journal": {"notes": ""}})

    after = held(box, number)
    assert (after["journals"], after["updated_on"]) == ([], before["updated_on"])


def test_an_administrator_writes_as_another_and_only_as_one_that_is_there(box: Sandbox) -> None:
    client = Redmine(box.url, key=box.token(), impersonate="bob")
    made = client.issue.create(project_id="acme", subject="x")

    assert (made.author.name, box.log[-1].author) == ("Bob Baker", "bob")


def test_a_dump_restores_everything(box: Sandbox) -> None:
    box.seed(generate=12)
    number = issue(box, custom_fields=[{"id": LABELS, "value": ["ui"]}])
    state = box.call("GET", "/_sandbox/state")[1]

    with Sandbox("redmine") as other:
        other.call("POST", "/_sandbox/state", state)
        assert held(other, number) == held(box, number)
