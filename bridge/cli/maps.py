"""``bridge map show`` and ``bridge map test``: what a mapping is, and what becomes of real items in it."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING, Annotated

import typer

from bridge.cli import frame
from bridge.cli.codes import ExitCode

if TYPE_CHECKING:
    from bridge.config.settings import Settings
    from state.store import Store

tree = typer.Typer(help="Look at a link's mapping, and try it on real items.", no_args_is_help=True)

LinkArgument = Annotated[str, typer.Argument(metavar="LINK", help="The link's name.")]


@tree.command("show")
def show(
    ctx: typer.Context,
    link: LinkArgument,
    live: Annotated[
        bool, typer.Option("--live", help="Ask the trackers for custom fields and choices as well.")
    ] = False,
    verbose: Annotated[
        bool, typer.Option("--verbose", "-v", help="Every name of a map, and what counts as no change.")
    ] = False,
    config: frame.ConfigOption = None,
    json: frame.JsonOption = False,
) -> None:
    """The rows of a link as they hold, where each comes from, and what no row carries. Asks nobody without --live."""
    from bridge import preview
    from bridge.cli import map_view

    loaded = frame.settings(ctx, config)
    table = frame.run_async(preview.table(loaded, loaded.link(link), live=live))
    if json:
        map_view.as_json(table)
    else:
        map_view.show_table(table, verbose=verbose)


@tree.command("test")
def try_out(
    ctx: typer.Context,
    link: LinkArgument,
    sample: Annotated[
        int, typer.Option("--sample", "-n", min=1, max=100_000, help="Items of each kind and side to try.")
    ] = 200,
    kind: Annotated[
        list[str] | None, typer.Option("--kind", help="Only this kind; also several.", show_default=False)
    ] = None,
    live: Annotated[
        bool, typer.Option("--live", help="List the trackers, even where the database knows items.")
    ] = False,
    config: frame.ConfigOption = None,
    json: frame.JsonOption = False,
) -> None:
    """Carry real items through the rows and back, without writing: what differs, what has no word, what is too long."""
    from bridge import preview
    from bridge.cli import map_test_view

    loaded = frame.settings(ctx, config)
    chosen = loaded.link(link)
    for each in kind or ():
        if each not in chosen.kinds:
            raise typer.BadParameter(f"{link} does not sync {each!r}: {', '.join(chosen.kinds)}.", param_hint="--kind")
    with ExitStack() as stack:
        store = _store(loaded, stack)
        work = preview.try_items(loaded, chosen, store, most=sample, kinds=kind or chosen.kinds, live=live)
        found = frame.run_async(work)
    if json:
        map_test_view.as_json(found)
    else:
        map_test_view.show_preview(found)
    raise typer.Exit(ExitCode.PARKED if any(trial.held for trial in found.trials) else ExitCode.SETTLED)


def _store(loaded: Settings, stack: ExitStack) -> Store | None:
    """The database, where there is one; none is made."""
    from state import connect

    path = connect.parse(loaded.state.url.get_secret_value(), 5.0).path
    if path is not None and not path.exists():
        return None
    return stack.enter_context(frame.state(loaded))
