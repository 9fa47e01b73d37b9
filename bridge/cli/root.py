"""The command tree, and the one place where an exception becomes a message and an exit code."""

from __future__ import annotations

import os
import sys
import tempfile
import traceback
from typing import Annotated

import typer
from typer.main import get_command

from bridge.cli import (
    accept,
    audit,
    codes,
    config,
    conflicts,
    drill,
    look,
    maps,
    pairs,
    parked,
    people,
    restore,
    serve,
    setup,
    state,
    sync,
    trial,
    undo,
)
from bridge.cli.codes import ExitCode
from bridge.cli.frame import ConfigOption, Globals
from bridge.errors import BridgeError

tree = typer.Typer(
    name="bridge",
    help="Keep issue, task and time trackers in step, both ways.",
    epilog=codes.TEXT.replace("\n", " "),
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
)

LOOK, WORK, SETUP, TRY = "Look", "Work", "Set up", "Try"


def _version(wanted: bool) -> None:
    if wanted:
        from bridge.version import __version__

        print(f"bridge {__version__}")
        raise typer.Exit


@tree.callback()
def _root(
    ctx: typer.Context,
    config: ConfigOption = None,
    log_level: Annotated[
        str | None, typer.Option("--log-level", metavar="LEVEL", help="debug, info, warning or error, to stderr.")
    ] = None,
    version: Annotated[
        bool, typer.Option("--version", "-V", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    del version
    if log_level is not None and log_level.lower() not in ("debug", "info", "warning", "error"):
        raise typer.BadParameter(f"{log_level!r} is not debug, info, warning or error.", param_hint="--log-level")
    ctx.obj = Globals(config=config, log_level=log_level.lower() if log_level else None)


tree.command("init", rich_help_panel=SETUP)(setup.init)
tree.add_typer(config.tree, name="config", rich_help_panel=SETUP)
tree.command("completion", rich_help_panel=SETUP)(setup.completion)
tree.add_typer(state.tree, name="state", rich_help_panel=SETUP)
tree.command("plan", rich_help_panel=WORK)(sync.plan)
tree.command("accept", rich_help_panel=WORK)(accept.accept)
tree.command("apply", rich_help_panel=WORK)(sync.apply)
tree.command("sync", rich_help_panel=WORK)(sync.sync)
tree.command("undo", rich_help_panel=WORK)(undo.undo)
tree.command("restore", rich_help_panel=WORK)(restore.restore)
tree.command("run", rich_help_panel=WORK)(serve.run)
tree.command("status", rich_help_panel=LOOK)(look.status)
tree.add_typer(conflicts.tree, name="conflicts", rich_help_panel=LOOK)
tree.add_typer(parked.tree, name="parked", rich_help_panel=LOOK)
tree.add_typer(pairs.tree, name="pairs", rich_help_panel=LOOK)
tree.add_typer(maps.tree, name="map", rich_help_panel=LOOK)
tree.command("people", rich_help_panel=LOOK)(people.people)
tree.command("history", rich_help_panel=LOOK)(look.history)
tree.command("audit", rich_help_panel=LOOK)(audit.audit)
tree.command("why", rich_help_panel=LOOK)(look.why)
tree.command("sandbox", rich_help_panel=TRY)(trial.sandbox)
tree.command("demo", rich_help_panel=TRY)(trial.demo)
tree.command("drill", rich_help_panel=TRY)(drill.drill)


def run(arguments: list[str]) -> int:
    """Run one command line; every ending becomes an exit code."""
    if "_BRIDGE_COMPLETE" in os.environ:
        from typer.completion import get_completion_inspect_parameters

        get_completion_inspect_parameters()  # registers the shells, which no public function does alone
    try:
        code = _invoke(arguments)
        sys.stdout.flush()
    except BrokenPipeError:
        return _pipe_closed()
    return code


def _invoke(arguments: list[str]) -> int:
    try:
        get_command(tree).main(arguments, prog_name="bridge")
    except SystemExit as stop:
        if isinstance(stop.__context__, BrokenPipeError):
            raise stop.__context__ from None
        return stop.code if isinstance(stop.code, int) else int(stop.code is not None)
    except BridgeError as error:
        _complain(error.details or error.message, error.hint)
        return error.exit_code
    except KeyboardInterrupt:
        return ExitCode.INTERRUPTED
    except BrokenPipeError:
        raise
    except Exception as error:  # noqa: BLE001 — the last resort: a person gets a sentence, the traceback goes to a file
        _complain(f"internal error: {type(error).__name__}: {_short(error)}", _keep_traceback())
        return ExitCode.ERROR
    return ExitCode.SETTLED


def _complain(message: str, hint: str) -> None:
    """What went wrong, and below it what helps. Of a configuration each mistake begins a line with file, line and column."""
    from bridge.log import redact

    print(redact(f"bridge: error: {message}"), file=sys.stderr)
    if hint:
        print(redact(f"        {hint}"), file=sys.stderr)


def _short(error: Exception) -> str:
    from bridge.cli.words import shorten

    return shorten(str(error), 200)


def _keep_traceback() -> str:
    """Write the traceback where only this user can read it, and say where."""
    from bridge.log import redact

    text = redact(traceback.format_exc())
    try:
        with tempfile.NamedTemporaryFile("w", prefix="bridge-error-", suffix=".txt", delete=False) as kept:
            kept.write(text)
    except OSError:
        return "This is a bug in Bridge. Its details could not be written to a file."
    return f"This is a bug in Bridge. Please report it with {kept.name}, which holds the details and no secrets."


def _pipe_closed() -> int:
    """Whoever read our output has gone (``bridge history | head``): end without a word, as git does."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return ExitCode.PIPE_CLOSED
