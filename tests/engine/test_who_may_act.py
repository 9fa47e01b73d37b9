"""Who was paused and lost what it held sends nothing and stores nothing; what is old is read again (S2, S22, S29, I7)."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from functools import partial
from typing import Any

from engine.world import World
from sqlmodel import update

from bridge.engine import apply
from bridge.engine.context import Run
from state import cursors, inbox, intents, links
from state.store import Session
from state.tables import CursorRow, LinkRow


def another_takes_the_link(session: Session) -> None:
    session.execute(update(LinkRow).values(fence=LinkRow.fence + 1, lease_holder="another"))


def another_polls(session: Session) -> None:
    session.execute(update(CursorRow).values(lease_holder="another"))


def nobody_polls(session: Session) -> None:
    session.execute(update(CursorRow).values(lease_until=0, lease_holder=""))


async def test_a_run_that_loses_its_lease_before_a_request_leaves_sends_nothing(world: World):
    world.new_task("Pump")
    async with world.open() as bridge:
        connector = bridge.connector("github")
        create = connector.create

        async def paused(*args: Any, **options: Any) -> Any:
            bridge.store.run_sync(another_takes_the_link)
            return await create(*args, **options)

        connector.create = paused  # type: ignore[method-assign]
        report = await bridge.sync("app", trigger="test")

    assert report.state == "locked"
    assert world.issues() == []


async def test_an_intent_is_on_disk_before_its_request_leaves(world: World):
    world.new_task("Pump")
    seen: list[tuple[str, str]] = []
    async with world.open() as bridge:
        connector = bridge.connector("github")
        create = connector.create

        async def watched(*args: Any, **options: Any) -> Any:
            unfinished = bridge.store.read_sync(intents.unfinished, bridge.ids["app"])
            seen.extend((intent.verb, intent.state) for intent in unfinished)
            return await create(*args, **options)

        connector.create = watched  # type: ignore[method-assign]
        await bridge.sync("app", trigger="test")

    assert seen == [("create", "sent")]


async def test_a_listing_that_may_not_be_stored_moves_no_cursor(world: World):
    world.new_issue("Pump")
    async with world.open() as bridge:
        connector = bridge.connector("github")
        pull = connector.pull

        async def paused(*args: Any, **options: Any) -> AsyncIterator[Any]:
            async for page in pull(*args, **options):
                bridge.store.run_sync(another_polls)
                yield page

        connector.pull = paused  # type: ignore[method-assign]
        report = await bridge.sync("app", trigger="test")

        def stored(session: Session) -> tuple[str | None, int]:
            where = cursors.Where("github", "acme/app", "task")
            waiting = inbox.counts(session, links.all_links(session)[0].id or 0)["waiting"]
            return cursors.get(session, where).cursor, waiting

        assert report.state == "locked"
        assert bridge.store.read_sync(stored) == (None, 0)
        bridge.store.run_sync(nobody_polls)

    await world.settle()

    assert [task["Title"] for task in world.tasks()] == ["Pump"]


async def test_what_was_read_too_long_ago_is_read_again_before_it_is_written(world: World, monkeypatch):
    numbers = [world.new_issue(f"Pump {place:02}") for place in range(apply.WAVE + 2)]
    await world.sync()
    tasks = {task["Title"]: task["Id"] for task in world.tasks()}
    for place, number in enumerate(numbers):
        world.edit_issue(number, title=f"Of GitHub {place:02}")
    passed = 0.0
    monkeypatch.setattr("bridge.wiring.Run", partial(Run, monotonic=lambda: time.monotonic() + passed))

    async with world.open() as bridge:
        connector = bridge.connector("artala")
        write = connector.update

        async def slow(*args: Any, **options: Any) -> Any:
            """The first writes take a minute, in which somebody edits the items whose turn has not come."""
            nonlocal passed
            if not passed:
                passed = 60.0
                for place in (0, 1):
                    edited = tasks[f"Pump {apply.WAVE + place:02}"]
                    world.edit_task(edited, title=f"Of Artala {place}")
            return await write(*args, **options)

        connector.update = slow  # type: ignore[method-assign]
        report = await bridge.sync("app", trigger="test")

    assert report.counts["conflicts_open"] == 2
    assert {"Of Artala 0", "Of Artala 1"} <= {task["Title"] for task in world.tasks()}
    assert {issue["title"] for issue in world.issues()} == {f"Of GitHub {place:02}" for place in range(len(numbers))}
