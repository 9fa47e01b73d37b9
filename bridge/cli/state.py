"""``bridge state backup|verify|rebuild``."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bridge.cli import frame

if TYPE_CHECKING:
    from bridge.config.settings import Settings
    from bridge.engine.rebuild import Left
    from bridge.engine.report import RunReport
    from bridge.errors import ConfigError
    from state.connect import Target
    from state.store import Session

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


@tree.command("verify")
def verify(ctx: typer.Context, config: frame.ConfigOption = None, json: frame.JsonOption = False) -> None:
    """Look at every row of the database: one line for each thing that is wrong or odd. Changes nothing."""
    from bridge.cli import verify_view
    from bridge.cli.codes import ExitCode
    from state import verify as judge

    loaded = frame.settings(ctx, config)
    target = _target(loaded)
    if target.is_sqlite:
        _sqlite(target)
    verdict = judge.verify(loaded.state.url.get_secret_value())
    (verify_view.as_json if json else verify_view.show)(verdict)
    raise typer.Exit(ExitCode.SETTLED if verdict.is_sound else ExitCode.ERROR)


@tree.command("rebuild")
def rebuild(
    ctx: typer.Context,
    link: Annotated[
        str | None,
        typer.Argument(metavar="LINK", help="Only this link; else the whole database.", show_default=False),
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    everything: Annotated[bool, typer.Option("--all", help="Show every item, however many there are.")] = False,
    config: frame.ConfigOption = None,
    json: frame.JsonOption = False,
) -> None:
    """Make a lost or damaged database anew from what stands on the trackers, and list what is yours to say.

    Joins by marker, other links and external id, and by the match rule where all values agree. Writes to no tracker.
    """
    from bridge.cli import rebuild_view

    loaded = frame.settings(ctx, config)
    chosen = frame.links(loaded, [link] if link else None)
    kept = _make_room(loaded, link, yes=yes)
    rebuild_view.show_kept(kept)
    done, left = frame.run_async(_rebuild(loaded, [one.name for one in chosen], quiet=json))
    if json:
        rebuild_view.as_json(done, left, kept)
    else:
        rebuild_view.show(done, left, loaded, everything=everything)
    raise typer.Exit(rebuild_view.exit_code(done, left))


def _make_room(loaded: Settings, link: str | None, *, yes: bool) -> Path | None:
    """Keep what there is under another name and forget it, once a person agreed. Where it is kept, None for nothing."""
    from state import backup, links
    from state.store import Store

    target = _target(loaded)
    path = target.path
    if target.is_sqlite and path is None:
        raise _in_memory()
    if path is None:
        with Store.open(loaded.state.url.get_secret_value()) as store:
            store.read_sync(_require_empty, link)
        return None
    _ask(path, link, yes=yes)
    if not path.exists():
        return None
    if link is None:
        return backup.set_aside(path)
    backup.require_alone(path)
    folder = None if loaded.state.backup_dir is None else Path(loaded.state.backup_dir)
    made = backup.back_up(path, folder=folder)
    with Store.open(loaded.state.url.get_secret_value()) as store:
        store.run_sync(links.forget, link)
    return made.file


def _ask(path: Path, link: str | None, *, yes: bool) -> None:
    """Say what is about to happen and go on only when a person agrees. Raises ConfigError where nobody can be asked."""
    from bridge.errors import ConfigError

    if yes:
        return
    if not sys.stdin.isatty():
        raise ConfigError("state rebuild asks before it begins, and nobody can answer here.", hint="Say it with --yes.")
    what = f"What is known of {link} is forgotten" if link else "What is known of every link is forgotten"
    now = f"{what}; {path} is kept under another name." if path.exists() else f"There is no {path}; it is made."
    typer.confirm(f"{now} Both trackers are read, nothing is written to them. Go on?", abort=True, err=True)


def _require_empty(session: Session, link: str | None) -> None:
    """PostgreSQL has no file to keep: nothing is forgotten there. Raises ConfigError."""
    from bridge.errors import ConfigError
    from state import links, pairs

    for row in links.all_links(session):
        if link in (None, row.name) and row.id is not None and pairs.counts(session, row.id).get("live"):
            raise ConfigError(
                f'The database has pairs of link "{row.name}", and in PostgreSQL they cannot be set aside.',
                hint="Keep a copy with pg_dump, make an empty database (dropdb, createdb), then run this again.",
            )


async def _rebuild(loaded: Settings, names: list[str], *, quiet: bool) -> tuple[list[RunReport], list[Left]]:
    """The links one after the other: what one knows helps the next. A link's failure never stops another (S24)."""
    from functools import partial

    from bridge.cli.progress import bar
    from bridge.engine.rebuild import rebuild as join
    from bridge.wiring import Bridge

    done: list[RunReport] = []
    left: list[Left] = []
    async with Bridge.open(loaded) as bridge:
        for name in names:
            with bar(name, quiet=quiet) as progress:
                done.append(
                    await bridge.run(name, partial(join, left=left), trigger="rebuild", sweep=True, progress=progress)
                )
    return done, left


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
        raise _in_memory()
    if not target.path.exists():
        raise StateError(
            f"there is no database at {target.path} yet.", hint='The first "bridge plan" or "bridge sync" makes it.'
        )
    return target.path


def _in_memory() -> ConfigError:
    from bridge.errors import ConfigError

    return ConfigError("The database is in memory only (state.url): there is no file.", hint="Name a file there.")
