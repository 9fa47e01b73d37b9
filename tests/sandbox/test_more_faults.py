"""Late indexes, others at work between two requests, answers cut short, servers that store otherwise; and that all is documented."""

from __future__ import annotations

import json
from dataclasses import fields
from pathlib import Path

import pytest
from sandbox.asking import ask

from bridge.sandbox.artala import ArtalaSettings
from bridge.sandbox.faults import HOW, KINDS
from bridge.sandbox.github import GithubSettings
from bridge.sandbox.server import Sandbox

ISSUES = "/repos/acme/app/issues"
CHANGES = f"{ISSUES}?state=all&sort=updated&direction=asc"
TASKS = "/odata/Tasks?$orderby=UpdatedAt,Id"
PAGE = (Path(__file__).parents[2] / "docs" / "sandbox.md").read_text(encoding="utf-8")


def numbers(box: Sandbox) -> list[int]:
    return [issue["number"] for issue in box.call("GET", CHANGES)[1]]


def titles(box: Sandbox) -> list[str]:
    return sorted(task["Title"] for task in box.call("GET", TASKS)[1]["value"])


def task(box: Sandbox, title: str) -> None:
    assert box.call("POST", "/api/tasks", {"boardId": box.running.container, "title": title})[0] == 201


def test_a_late_index_shows_a_write_after_its_time_with_its_old_stamp(github: Sandbox) -> None:
    github.clock.freeze("2026-11-21T09:00:00Z")
    github.fault("stale", path="/issues$", method="GET", seconds=30, times=-1)
    github.call("POST", ISSUES, {"title": "x"})
    before = numbers(github)
    github.clock.advance(30)

    assert (before, numbers(github)) == ([], [1])
    assert github.call("GET", f"{ISSUES}/1")[1]["updated_at"] == "2026-11-21T09:00:00Z"


def test_a_late_index_shows_a_write_after_so_many_lists(github: Sandbox, artala: Sandbox) -> None:
    github.fault("stale", path="/issues$", method="GET", requests=2, times=-1)
    artala.fault("stale", path="/odata/Tasks", requests=2, times=-1)
    github.call("POST", ISSUES, {"title": "x"})
    task(artala, "x")

    assert [numbers(github) for _ in range(3)] == [[], [], [1]]
    assert [titles(artala) for _ in range(3)] == [[], [], ["x"]]


def test_one_item_alone_can_be_late(github: Sandbox) -> None:
    github.fault("stale", path="/issues$", method="GET", requests=1, item="^1$", times=-1)
    for title in ("x", "y"):
        github.call("POST", ISSUES, {"title": title})

    assert [numbers(github) for _ in range(2)] == [[2], [1, 2]]


def test_another_edits_between_two_requests(github: Sandbox) -> None:
    github.seed(issues=[{"title": "x"}])
    deed = {"who": "alice", "method": "PATCH", "path": f"{ISSUES}/1", "body": {"title": "y"}}
    github.fault("meanwhile", path="/issues$", after=1, deed=deed)
    seen = [github.call("GET", CHANGES)[1][0]["title"] for _ in range(3)]

    assert seen == ["x", "y", "y"]
    assert [entry.author for entry in github.log] == ["alice"]


def test_an_administrator_acts_between_two_requests(github: Sandbox) -> None:
    github.seed(issues=[{"title": "x"}])
    github.fault("meanwhile", path="/issues$", deed={"act": {"do": "delete", "number": 1}})

    assert numbers(github) == []


def test_json_can_end_in_the_middle_of_a_good_answer(github: Sandbox) -> None:
    github.seed(issues=[{"title": "x"}])
    github.fault("cut_json")

    with pytest.raises(json.JSONDecodeError):
        ask(github, "GET", ISSUES)

    assert ask(github, "GET", ISSUES).status == 200


@pytest.mark.parametrize(
    ("how", "sent", "kept"),
    [
        ("trim", " a\n", "a"),
        ("trailing", "a  \nb\t\n", "a\nb\n"),
        ("blanks", "a\n\n\n\nb", "a\n\nb"),
        ("crlf", "a\nb\r\nc", "a\r\nb\r\nc"),
        ("lf", "a\r\nb", "a\nb"),
        ("entities", "a & b < c &amp; d", "a &amp; b &lt; c &amp; d"),
        ("entities", "a & b\n<!-- c & d -->", "a &amp; b\n<!-- c & d -->"),
    ],
)
def test_a_server_stores_text_in_its_own_way(github: Sandbox, how: str, sent: str, kept: str) -> None:
    github.fault("normalise", how=how, times=2)
    made = ask(github, "POST", ISSUES, {"title": "x", "body": sent}).body
    again = ask(github, "PATCH", f"{ISSUES}/1", {"body": made["body"]}).body

    assert (made["body"], again["body"]) == (kept, kept)


def test_a_server_spells_labels_its_own_way(github: Sandbox, artala: Sandbox) -> None:
    for box in (github, artala):
        box.fault("normalise", how="lower", times=-1)
    made = ask(github, "POST", ISSUES, {"title": "x", "labels": ["Shiny"]}).body
    status, label = artala.call("POST", "/api/labels", {"name": "Shiny"})

    assert [label["name"] for label in made["labels"]] == ["shiny"]
    assert (status, label["name"]) == (201, "shiny")


def test_times_can_be_whole_minutes(github: Sandbox, artala: Sandbox) -> None:
    for box in (github, artala):
        box.clock.freeze("2026-11-21T09:30:45Z")
        box.set(grain_s=60)
    task(artala, "x")
    made = ask(github, "POST", ISSUES, {"title": "x"}).body

    assert made["updated_at"] == "2026-11-21T09:30:00Z"
    assert artala.call("GET", TASKS)[1]["value"][0]["UpdatedAt"] == "2026-11-21T09:30:00Z"


@pytest.mark.parametrize(
    ("at", "told"),
    [
        ("2026-10-25T00:30:00Z", "2026-10-25T02:30:00+02:00"),
        ("2026-10-25T01:30:00Z", "2026-10-25T02:30:00+01:00"),
        ("2026-03-29T01:30:00Z", "2026-03-29T03:30:00+02:00"),
    ],
)
def test_instants_can_be_told_in_a_zone_of_the_server(artala: Sandbox, at: str, told: str) -> None:
    artala.set(zone="Europe/Berlin")
    artala.seed(tasks=[{"title": "x", "due_date": at}])

    assert artala.call("GET", TASKS)[1]["value"][0]["DueDate"] == told


@pytest.mark.parametrize("wrong", [{"kind": "normalise", "how": "louder"}, {"kind": "stale", "item": "("}])
def test_a_wrong_way_is_refused(github: Sandbox, wrong: dict[str, object]) -> None:
    assert github.call("POST", "/_sandbox/faults", wrong)[0] == 400


def test_every_fault_and_switch_is_documented() -> None:
    names = [*KINDS, *HOW, *(each.name for kind in (GithubSettings, ArtalaSettings) for each in fields(kind))]

    assert [name for name in names if f"`{name}`" not in PAGE] == []
