"""What every command needs: the shared options, the configuration, the log, the database, an event loop."""

from __future__ import annotations

import asyncio
import gc
import getpass
import signal
import sys
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

if TYPE_CHECKING:
    from bridge.config.settings import Link, Settings
    from state.store import Store

T = TypeVar("T")

ConfigOption = Annotated[
    Path | None,
    typer.Option(
        "--config",
        "-c",
        metavar="FILE",
        show_default=False,
        help="The configuration. Else $BRIDGE_CONFIG, ./bridge.toml, /etc/bridge/bridge.toml.",
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]
LinkOption = Annotated[
    str | None, typer.Option("--link", "-l", metavar="LINK", help="Only this link.", show_default=False)
]


@dataclass(frozen=True, slots=True)
class Globals:
    """The options that stand before the command."""

    config: Path | None = None
    log_level: str | None = None


def settings(ctx: typer.Context, config: Path | None, *, daemon: bool = False) -> Settings:
    """Load the configuration and start logging. One-shot commands tell warnings only, unless asked for more."""
    from bridge import log
    from bridge.config.loader import load
    from bridge.config.secrets import secret_values

    given = ctx.find_root().obj
    assert isinstance(given, Globals)
    log.configure(given.log_level or "warning")
    loaded = load(config or given.config, warn=None if daemon else _warn)
    log.REDACTOR.learn([secret for secret in secret_values(loaded) if not secret.startswith("sqlite")])
    level = given.log_level or (loaded.log.level if daemon else "warning")
    as_json = None if loaded.log.format == "auto" else loaded.log.format == "json"
    log.configure(level, as_json=as_json)
    return loaded


def _warn(line: str) -> None:
    """What a person who typed a command should know; the daemon logs it instead."""
    from bridge.log import redact

    print(redact(f"bridge: warning: {line}"), file=sys.stderr)


def links(loaded: Settings, names: list[str] | None = None) -> list[Link]:
    """The links meant: those named, else all that are enabled. Raises ConfigError for a name that is none."""
    from bridge.errors import ConfigError

    if names:
        return [loaded.link(name) for name in dict.fromkeys(names)]
    enabled = [link for link in loaded.links if link.enabled]
    if not enabled:
        raise ConfigError(
            "no link is configured." if not loaded.links else "every link has enabled = false.",
            hint=f"Add a [[links]] table to {loaded.file or 'the configuration'}; see docs/configuration.md.",
        )
    return enabled


@contextmanager
def state(loaded: Settings) -> Iterator[Store]:
    """The database of a command that looks or decides. It is never made here: an empty one would hide a wrong path."""
    from bridge.errors import StateError
    from state import connect
    from state.store import Store

    url = loaded.state.url.get_secret_value()
    path = connect.parse(url, 5.0).path
    if path is not None and not path.exists():
        raise StateError(
            f"there is no database at {path} yet.", hint='The first "bridge plan" or "bridge sync" makes it.'
        )
    backups = None if loaded.state.backup_dir is None else Path(loaded.state.backup_dir)
    with Store.open(url, backup_dir=backups) as store:
        yield store


def who() -> str:
    """Who typed the command, for the history."""
    try:
        return f"{getpass.getuser()} (command line)"
    except (KeyError, OSError):
        return "command line"  # a user id without a name, as in many containers


def run_async(work: Coroutine[Any, Any, T]) -> T:
    """Run one coroutine to its end. SIGTERM ends it as Ctrl-C does: what is held is given back."""
    gc.freeze()  # what was imported stays: the collector need not look through it again and again
    gc.set_threshold(2_000, 5, 5)  # answers of a tracker are large and few objects: they must not pile up
    told: list[bool] = []

    async def until_told() -> T:
        loop, task = asyncio.get_running_loop(), asyncio.current_task()

        def stop() -> None:
            told.append(True)
            if task is not None:
                task.cancel()

        loop.add_signal_handler(signal.SIGTERM, stop)  # not by SIGINT: shells have that ignored in the background
        try:
            return await work
        finally:
            loop.remove_signal_handler(signal.SIGTERM)

    try:
        return asyncio.run(until_told())
    except asyncio.CancelledError:
        if told:
            raise KeyboardInterrupt from None
        raise
