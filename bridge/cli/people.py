"""``bridge people``: who is who on a link, and who is nobody on the other side."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from bridge.cli import frame

if TYPE_CHECKING:
    from bridge.config.settings import Link, Settings
    from bridge.engine.who import Asked, Who
    from state.store import Session


def people(
    ctx: typer.Context,
    link: Annotated[str | None, typer.Argument(metavar="LINK", help="Only this link.", show_default=False)] = None,
    refresh: Annotated[
        bool, typer.Option("--refresh", help="Read both trackers' lists of people now. Else nothing is asked.")
    ] = False,
    config: frame.ConfigOption = None,
    json: frame.JsonOption = False,
) -> None:
    """Who is who by which rule, who is named by items and unknown on the other side, and rows to paste for them."""
    loaded = frame.settings(ctx, config)
    chosen = frame.links(loaded, [link] if link else None)
    if refresh:
        frame.run_async(_refresh(loaded, _readable(loaded, chosen)))
    with frame.state(loaded) as store:
        found = store.read_sync(_tell, loaded, chosen)

    from bridge.cli import people_view

    (people_view.as_json if json else people_view.show_people)(found)


def _readable(loaded: Settings, chosen: list[Link]) -> list[Link]:
    """The links whose lists may be read. Of the others that is said, and nobody is asked."""
    from bridge.config.people import are_listed
    from bridge.model import SIDES

    found = []
    for link in chosen:
        if are_listed(loaded, link):
            found.append(link)
            continue
        names = [link.side(side).connection for side in SIDES]
        off = [name for name in dict.fromkeys(names) if not getattr(loaded.connections[name], "people_every_s", 1)]
        said = f'link "{link.name}": nobody is asked, for people_every_s = 0 on {" and ".join(off)}.'
        typer.echo(f"{said} Its rows of [[people]] and equal addresses say who is who.", err=True)
    return found


async def _refresh(loaded: Settings, chosen: list[Link]) -> None:
    from bridge.wiring import Bridge

    if not chosen:
        return
    async with Bridge.open(loaded) as bridge:
        for link in chosen:
            await bridge.read_people(link.name)


def _tell(session: Session, loaded: Settings, chosen: list[Link]) -> list[Who]:
    from bridge.engine import who
    from state import links

    ids = {row.name: row.id for row in links.all_links(session)}
    return [who.tell(session, _asked(loaded, link, ids.get(link.name) or 0)) for link in chosen]


def _asked(loaded: Settings, link: Link, link_id: int) -> Asked:
    from bridge.config.people import are_listed, fallback_of, people_rows
    from bridge.config.rows import row_specs
    from bridge.engine.who import Asked
    from bridge.model import SIDES

    specs = {
        kind: [spec for spec in rows if spec.transform == "people" and spec.direction != "off"]
        for kind, rows in row_specs(loaded, link).items()
    }
    return Asked(
        link.name,
        link_id,
        {side: (link.side(side).connection, link.side(side).container) for side in SIDES},
        people_rows(loaded, link),
        {
            kind: {"left": frozenset(spec.left for spec in rows), "right": frozenset(spec.right for spec in rows)}
            for kind, rows in specs.items()
        },
        {side: fallback_of(loaded, link.side(side).connection) for side in SIDES},
        are_listed(loaded, link),
    )
