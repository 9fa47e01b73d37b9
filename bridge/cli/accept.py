"""``bridge accept``: let a link go whose configuration changed while it was live."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from bridge.cli import frame

if TYPE_CHECKING:
    from bridge.config.settings import Settings
    from bridge.engine.accepted import Change
    from bridge.engine.impact import Impact


def accept(
    ctx: typer.Context,
    link: Annotated[str, typer.Argument(metavar="LINK", help="The link.")],
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask, also when the trackers do not answer.")] = False,
    config: frame.ConfigOption = None,
    json: frame.JsonOption = False,
) -> None:
    """Let a link go under its changed configuration. Shows what changed and what that comes to, then asks."""
    loaded = frame.settings(ctx, config)
    name = loaded.link(link).name
    new, found, unknown = frame.run_async(_look(loaded, name, forgiving=yes))
    if not json:
        _show(name, new, found, unknown)
    if new and not yes and not json:
        _ask(name)
    done = bool(new) and (yes or not json)
    if done:
        frame.run_async(_accept(loaded, name))
    if json:
        _as_json(name, new, found, done=done)
    elif done:
        from bridge.cli.show import escape, say

        say(f"Accepted. The next run does the work; to do that now: [bold]bridge sync {escape(name)}[/bold]")


async def _look(loaded: Settings, link: str, *, forgiving: bool) -> tuple[tuple[Change, ...], Impact | None, str]:
    """What changed, what it comes to, and why that is not known. ``forgiving``: it need not be."""
    from bridge.cli.progress import bar
    from bridge.errors import TrackerError
    from bridge.wiring import Bridge

    async with Bridge.open(loaded) as bridge:
        new = await bridge.unaccepted(link)
        if not new:
            return (), None, ""
        try:
            with bar(link) as progress:
                return new, (await bridge.plan(link, progress=progress)).impact, ""
        except TrackerError as error:
            if not forgiving:
                raise
            return new, None, error.message


async def _accept(loaded: Settings, link: str) -> None:
    from bridge.wiring import Bridge

    async with Bridge.open(loaded) as bridge:
        await bridge.accept(link, by=frame.who())


def _show(link: str, new: tuple[Change, ...], found: Impact | None, unknown: str) -> None:
    from bridge.cli import impact_view
    from bridge.cli.show import escape, say

    if not new:
        say(f"{escape(link)}: nothing to accept. It runs under the configuration that was accepted.")
    elif found is not None:
        impact_view.show_totals(link, found)
    else:
        for change in new:
            say(f"{escape(link)}: {escape(str(change))}")
        say(f"{escape(link)}: [yellow]what that comes to is not known[/yellow]: {escape(unknown)}")


def _ask(link: str) -> None:
    """A yes, or the end. Off a terminal nobody can be asked."""
    from bridge.errors import ConfigError

    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise ConfigError(
            "nothing was accepted: this is no terminal, so nobody can say yes.",
            hint=f"Look at bridge plan {link}, then say it with --yes: bridge accept {link} --yes",
        )
    if not typer.confirm("Accept this?"):
        raise typer.Exit(0)


def _as_json(link: str, new: tuple[Change, ...], found: Impact | None, *, done: bool) -> None:
    from bridge.cli import impact_view, show

    show.as_json(
        {
            "link": link,
            "accepted": done or not new,
            "changes": [str(each) for each in new],
            "impact": None if found is None else impact_view.as_data(found),
        }
    )
