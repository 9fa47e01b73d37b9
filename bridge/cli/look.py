"""``bridge status``, ``bridge history``, ``bridge why``: read the state, ask no tracker."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Annotated

import typer

from bridge.cli import frame

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from bridge.config.settings import Settings
    from bridge.engine.overview import LinkStatus
    from bridge.engine.reasons import LinkFacts
    from mappings.people import People
    from state.history import Entry
    from state.store import Session


def status(ctx: typer.Context, config: frame.ConfigOption = None, json: frame.JsonOption = False) -> None:
    """How every link is doing: pairs, what waits, conflicts, the last run."""
    from bridge.cli import look_view
    from bridge.config.terms import terms_to_accept
    from bridge.engine import overview

    loaded = frame.settings(ctx, config)
    frame.links(loaded)
    with frame.state(loaded) as store:
        found: list[LinkStatus] = store.read_sync(
            overview.read, [link.name for link in loaded.links], terms_to_accept(loaded)
        )
        place = store.place
    if json:
        look_view.status_as_json(found)
    else:
        look_view.show_status(found, loaded, place)


def history(
    ctx: typer.Context,
    link: frame.LinkOption = None,
    run: Annotated[int | None, typer.Option("--run", metavar="ID", help="Only this run.", show_default=False)] = None,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, max=10_000, help="How many, the newest.")] = 30,
    config: frame.ConfigOption = None,
    json: frame.JsonOption = False,
) -> None:
    """What was written where and why, newest last, with what stood there before."""
    from bridge.cli import look_view

    loaded = frame.settings(ctx, config)
    if link is not None:
        loaded.link(link)
    with frame.state(loaded) as store:
        entries, names = store.read_sync(_history, link, run, limit)
    if json:
        look_view.history_as_json(entries, names)
    else:
        look_view.show_history(entries, names)


def _history(session: Session, link: str | None, run: int | None, limit: int) -> tuple[list[Entry], dict[int, str]]:
    from state import history as journal
    from state import links

    names = {row.id: row.name for row in links.all_links(session) if row.id is not None}
    chosen = next((number for number, name in names.items() if name == link), None)
    if link is not None and chosen is None:
        return [], names
    return journal.find(session, link_id=chosen, run_id=run, limit=limit)[::-1], names


def why(
    ctx: typer.Context,
    item: Annotated[str, typer.Argument(metavar="ITEM", help='Its address, "acme/app#12", "connection:id" or its id.')],
    field: Annotated[
        str | None,
        typer.Argument(metavar="FIELD", help="Only this field, by either side's name.", show_default=False),
    ] = None,
    link: frame.LinkOption = None,
    config: frame.ConfigOption = None,
    json: frame.JsonOption = False,
) -> None:
    """Why an item is the way it is: both sides' values, what they last agreed on, and if they differ exactly why."""
    from bridge.cli import why_view
    from bridge.engine import why as reasons

    loaded = frame.settings(ctx, config)
    if link is not None:
        loaded.link(link)
    with frame.state(loaded) as store:
        met = {story.link for story in store.read_sync(reasons.tell, item, link=link)}
        facts = store.read_sync(_facts, loaded, met)
        stories = store.read_sync(
            reasons.tell, item, facts=frame.run_async(_judged(loaded, facts)), link=link, only=field
        )
    if json:
        why_view.as_json(stories)
    else:
        why_view.show_stories(stories)


async def _judged(loaded: Settings, found: Mapping[str, tuple[LinkFacts, People]]) -> dict[str, LinkFacts]:
    """With the rows as a run has them, as far as they are known without asking a tracker."""
    from bridge.preview import unasked

    return {
        name: replace(facts, link=await unasked(loaded, loaded.link(name), people))
        for name, (facts, people) in found.items()
    }


def _facts(session: Session, loaded: Settings, met: Collection[str]) -> dict[str, tuple[LinkFacts, People]]:
    """What the configuration says of these links and their rows, and the people who are known, also by e-mail."""
    from bridge.config.expressions import filters
    from bridge.config.people import are_listed, people_of
    from bridge.config.rows import row_specs
    from bridge.config.terms import terms_to_accept
    from bridge.engine.people import remembered
    from bridge.engine.reasons import Joined, LinkFacts
    from mappings.compile import lens_of

    found, terms = {}, terms_to_accept(loaded)
    for link in (link for link in loaded.links if link.name in met):
        people = people_of(loaded, link)
        if are_listed(loaded, link):
            people = remembered(session, people, link.left, link.right)
        rows = {
            kind: [Joined(spec.left, spec.right, spec.direction, lens_of(spec, people, link.name)) for spec in specs]
            for kind, specs in row_specs(loaded, link).items()
        }
        facts = LinkFacts(link.enabled, rows, terms=terms.get(link.name), filters=filters(loaded, link))
        found[link.name] = facts, people
    return found
