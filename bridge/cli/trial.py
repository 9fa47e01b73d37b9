"""``bridge sandbox`` and ``bridge demo``: try everything without an account."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bridge.cli import frame

if TYPE_CHECKING:
    from bridge.sandbox.server import Running


def sandbox(
    tracker: Annotated[
        list[str] | None,
        typer.Option("--tracker", "-t", metavar="NAME", help="github or artala; may be repeated. Default: both."),
    ] = None,
    state: Annotated[
        Path | None, typer.Option("--state", metavar="FILE", help="Keep the content in this file.", show_default=False)
    ] = None,
    port: Annotated[
        list[int] | None, typer.Option("--port", metavar="PORT", help="One for each tracker. Default: free ones.")
    ] = None,
    host: Annotated[str, typer.Option("--host", metavar="ADDRESS", help="Where to listen.")] = "127.0.0.1",
    generate: Annotated[int, typer.Option("--generate", metavar="N", min=0, help="Start with this many items.")] = 0,
    json: frame.JsonOption = False,
) -> None:
    """Trackers of this machine's own, strict where the real ones are: try a configuration without an account."""
    from bridge.errors import BridgeError
    from bridge.sandbox.server import TRACKERS, serve

    wanted = list(dict.fromkeys(tracker or sorted(TRACKERS)))
    if unknown := [name for name in wanted if name not in TRACKERS]:
        raise typer.BadParameter(f"{unknown[0]!r} is none of {', '.join(sorted(TRACKERS))}.", param_hint="--tracker")
    seed = {name: {"generate": generate} for name in wanted} if generate else None
    ready = _tell_json if json else _tell
    try:
        frame.run_async(serve(wanted, host=host, ports=port, state_file=state, seed=seed, ready=ready))
    except OSError as error:
        raise BridgeError(
            f"The sandbox cannot run: {error.strerror or error}.", hint="Choose another --port."
        ) from None
    except ValueError as error:
        raise BridgeError(f"The sandbox cannot run: {error}") from None


def _tell_json(running: list[Running]) -> None:
    import json
    import sys

    sys.stdout.write(json.dumps({"trackers": [one.as_json() for one in running]}) + "\n")
    sys.stdout.flush()


def _tell(running: list[Running]) -> None:
    import sys

    from bridge.cli.show import escape, say

    for one in running:
        say(f"[bold]{one.tracker}[/bold]  {one.url}  container [bold]{escape(one.container)}[/bold]")
        others = ", ".join(f"{who} {token}" for who, token in one.tokens.items() if token != one.token)
        if others:
            say(f"  [dim]people: {escape(others)}[/dim]")
    say("\n[dim]# for bridge.toml[/dim]")
    for one in running:
        say(escape(f'[connections.{one.tracker}]\ntype = "{one.tracker}"\nbase_url = "{one.url}"'))
    say("\n[dim]# for the shell[/dim]")
    for one in running:
        say(escape(f"export BRIDGE_CONNECTIONS__{one.tracker.upper()}__TOKEN={one.token}"))
    say("\nCtrl-C ends it.")
    sys.stdout.flush()


def demo(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="Where the demo's files go.")] = Path("demo"),
) -> None:
    """See Bridge work: two sandbox trackers on this machine, real commands, two people who edit both sides."""
    from bridge.demo.play import play

    raise typer.Exit(play(folder))
