"""``bridge state backup|verify|rebuild``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bridge.cli import frame

if TYPE_CHECKING:
    from bridge.config.settings import Settings
    from state.connect import Target

tree = typer.Typer(help="The database: copy it, check it, make it anew.", no_args_is_help=True)


@tree.command("backup")
def backup(
    ctx: typer.Context,
    file: Annotated[
        Path | None,
        typer.Argument(
            metavar="FILE",
            show_default=False,
            help="The copy to make, or a folder for it. Else a file with the time in its name, in state.backup_dir or"
            " beside the database.",
        ),
    ] = None,
    config: frame.ConfigOption = None,
    json: frame.JsonOption = False,
) -> None:
    """Copy the database, also while the daemon runs. The copy is checked; no file is ever overwritten."""
    from bridge.cli import show
    from state.backup import back_up

    loaded = frame.settings(ctx, config)
    path = _sqlite(_target(loaded))
    folder = None if loaded.state.backup_dir is None else Path(loaded.state.backup_dir)
    made = back_up(path, file, folder=folder)
    if json:
        show.as_json({"database": str(path), "file": str(made.file), "bytes": made.size, "revision": made.revision})
        return
    show.say(f"Copied {show.escape(str(path))} to [bold]{show.escape(str(made.file))}[/bold] ({made.size:,} bytes).")
    show.say("It was read back and is whole. To use it: stop Bridge and put it in the database's place.")


def _target(loaded: Settings) -> Target:
    from state import connect

    return connect.parse(loaded.state.url.get_secret_value(), 5.0)


def _sqlite(target: Target) -> Path:
    """The database's file. Raises ConfigError where there is none to copy, StateError where it is not there yet."""
    from bridge.errors import ConfigError, StateError

    if not target.is_sqlite:
        raise ConfigError(
            f"The database {target.place} is PostgreSQL; its copies are made by its own tools.",
            hint="pg_dump --format=custom --file=FILE makes one while Bridge runs, pg_restore puts it back.",
        )
    if target.path is None:
        raise ConfigError("The database is in memory only (state.url): there is no file.", hint="Name a file there.")
    if not target.path.exists():
        raise StateError(
            f"there is no database at {target.path} yet.", hint='The first "bridge plan" or "bridge sync" makes it.'
        )
    return target.path
