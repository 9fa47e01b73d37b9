"""The Redmine connector against a real Redmine: every kind made, changed, found, listed and deleted."""

from __future__ import annotations

from typing import Any

import pytest
from real.redmine import Real

from bridge.errors import GoneError
from bridge.model import Marker, Record
from connectors.redmine import Redmine
from connectors.redmine_config import RedmineConfig

FIELDS = frozenset({"title", "blocks"})
MARK = Marker("github", "acme/app#12")
FULL = {
    "title": "New",
    "description": "h1. Words\n\nmore",
    "status": "Closed",
    "priority": "High",
    "type": "Feature",
    "labels": ("bug", "ui"),
    "assignee": "member@example.com",
    "due_on": "2099-12-24",
    "start_on": None,
    "estimate": 1200,
    "done_ratio": 30,
    "custom.Customer": "Acme",
    "custom.Size": 5,
}


async def made(redmine: Redmine, project: str, kind: str, **fields: Any) -> Record:
    create, *rest = redmine.steps(kind, fields, creating=True)
    record = await redmine.create(project, kind, {name: fields[name] for name in create.fields}, MARK, key="k")
    for step in rest:
        record = await redmine.update(record.ref, step, {name: fields[name] for name in step.fields}, record)
    return record


async def listed(redmine: Redmine, project: str, kind: str, cursor: str | None = None, *, sweep: bool = False) -> Any:
    [page] = [page async for page in redmine.pull(project, kind, cursor, fields=FIELDS, sweep=sweep)]
    return page


@pytest.mark.parametrize("who", ["admin", "member"])
async def test_every_kind_goes_its_whole_way(real: Real, who: str) -> None:
    project = real.fresh_project()
    key = real.admin_key if who == "admin" else real.member_key
    config = RedmineConfig(
        base_url=real.url, token=key, allow_task_delete=True, people_by="email" if who == "admin" else "login"
    )
    redmine = Redmine("rm", config)
    person = "member@example.com" if who == "admin" else "member"
    try:
        full = {**FULL, "assignee": person}
        if who == "member":  # formats of fields are shown to administrators only: all is text
            full["custom.Size"] = "5"
        if who == "member":  # custom fields are learned from the first issue of a tracker
            await made(redmine, project, "task", title="First", type="Feature")
        task = await made(redmine, project, "task", **full)
        assert {name: task.fields[name] for name in full} == full
        other = await made(redmine, project, "task", title="Other", blocks=(task.ref.id,))
        comment = await made(redmine, project, "comment", task=other.ref.id, body="a\nb")
        entry = await made(redmine, project, "time_entry", task=task.ref.id, spent_on="2026-11-20", seconds=5400)
        for record, changes in (
            (other, {"title": "Third", "description": "x\ny", "start_on": "2026-11-30"}),
            (entry, {"seconds": 36}),
            (comment, {"body": "c"}),
        ):
            if who == "member" and record is not other:
                continue  # a Developer may not change notes and entries
            [step] = redmine.steps(record.ref.kind, changes, creating=False)
            held = await redmine.update(record.ref, step, changes, record)
            assert {name: held.fields[name] for name in changes} == changes
            assert held.marker == MARK
        for kind in ("task", "comment", "time_entry"):
            page = await listed(redmine, project, kind)
            assert page.complete, kind
            assert MARK in (await redmine.find(project, kind, [MARK], None))
            again = await listed(redmine, project, kind, page.cursor)
            assert kind == "comment" or again.quiet
        for record in (comment, entry, other, task):
            if who == "admin":
                await redmine.delete(record.ref)
                with pytest.raises(GoneError):
                    await redmine.fetch(record.ref, fields=FIELDS)
        found = await redmine.check(project, "task", ["create"], {"status": ["New"], "labels": ["bug"]})
        assert [one for one in found if one.level == "error"] == []
    finally:
        await redmine.aclose()
