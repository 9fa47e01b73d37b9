"""``bridge restore``: bring back what was deleted on one side or both, or a pair that was unlinked."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import typer

from bridge.cli import frame
from bridge.cli.pairs import ItemArgument, find_pair

if TYPE_CHECKING:
    from bridge.config.settings import Settings
    from bridge.engine.report import RunReport


def restore(
    ctx: typer.Context,
    item: ItemArgument,
    link: frame.LinkOption = None,
    config: frame.ConfigOption = None,
    json: frame.JsonOption = False,
) -> None:
    """Make a deleted item again from its partner, or from what Bridge last knew of it, and sync it from then on."""
    from bridge.cli import run_view

    loaded = frame.settings(ctx, config)
    with frame.state(loaded) as store:
        story, pair, _ = store.read_sync(find_pair, loaded, item, link)
    report = frame.run_async(_restore(loaded, story.link, pair.id))
    if json:
        run_view.as_json([report])
    else:
        run_view.show([report], loaded)
    raise typer.Exit(report.exit_code)


async def _restore(loaded: Settings, link: str, pair_id: int) -> RunReport:
    from bridge.cli.progress import bar
    from bridge.engine.restore import restore as bring_back
    from bridge.wiring import Bridge

    async with Bridge.open(loaded) as bridge:
        with bar(link) as progress:
            return await bridge.run(link, partial(bring_back, pair_id=pair_id), trigger="restore", progress=progress)
