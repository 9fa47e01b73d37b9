"""``bridge config check`` and ``bridge config schema``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Final

import typer

from bridge.cli import frame
from bridge.cli.codes import ExitCode

if TYPE_CHECKING:
    from bridge.config.settings import Settings
    from connectors.base import Finding

tree = typer.Typer(help="Check the configuration, or describe it to an editor.", no_args_is_help=True)

_MARKS: Final = {"ok": "[green]ok[/green]", "warning": "[yellow]warning[/yellow]", "error": "[red]error[/red]"}


@tree.command("check")
def check(
    ctx: typer.Context,
    live: Annotated[
        bool, typer.Option("--live", help="Also ask the trackers: credentials, containers, permissions, names in maps.")
    ] = False,
    config: frame.ConfigOption = None,
    json: frame.JsonOption = False,
) -> None:
    """Say every mistake of the configuration at once. Writes nothing, here or there."""
    loaded = frame.settings(ctx, config)
    findings = frame.run_async(_check(loaded) if live else _look(loaded))
    failed = any(each.level == "error" for each in findings)
    _print(loaded, findings, json=json)
    wrong = ExitCode.ERROR if live else ExitCode.USAGE  # without asking anybody only the configuration can be wrong
    raise typer.Exit(wrong if failed else ExitCode.SETTLED)


async def _check(loaded: Settings) -> list[Finding]:
    from bridge.wiring import Bridge

    async with Bridge.open(loaded) as bridge:
        return await bridge.check(live=True)


async def _look(loaded: Settings) -> list[Finding]:
    """What can be told without asking anybody and without opening the state."""
    from bridge.assemble import look

    return await look(loaded)


def _print(loaded: Settings, findings: list[Finding], *, json: bool) -> None:
    from bridge.cli.show import as_json, escape, say
    from bridge.cli.words import plural

    if json:
        rows = [{"level": each.level, "what": each.what, "hint": each.hint} for each in findings]
        as_json({"file": str(loaded.file), "valid": True, "findings": rows})
        return
    for each in findings:
        say(f"{_MARKS[each.level]}  {escape(each.what)}")
        if each.hint and each.level != "ok":
            say(f"    {escape(each.hint)}")
    counts = f"{plural(len(loaded.connections), 'connection')}, {plural(len(loaded.links), 'link')}"
    say(f"{escape(str(loaded.file))} can be read: {counts}.")


@tree.command("schema")
def schema() -> None:
    """Print the JSON Schema of the configuration, for editors that complete TOML."""
    from bridge.cli.show import as_json
    from bridge.config.schema import json_schema

    as_json(json_schema())
