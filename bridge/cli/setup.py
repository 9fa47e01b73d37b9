"""``bridge init`` and ``bridge completion``."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

SHELLS = ("bash", "zsh", "fish", "powershell", "pwsh")


def init(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Where to write it.")] = Path("bridge.toml"),
    every_key: Annotated[bool, typer.Option("--all", help="Write every key there is, with its default.")] = False,
    link: Annotated[str, typer.Option("--link", metavar="NAME", help="The link's name.")] = "app",
    board: Annotated[str, typer.Option("--board", metavar="NAME", help="The board on Artala.")] = "Engineering",
    repository: Annotated[str, typer.Option("--repository", metavar="OWNER/REPO", help="On GitHub.")] = "acme/app",
    force: Annotated[bool, typer.Option("--force", "-f", help="Replace a file that is there.")] = False,
) -> None:
    """Write a configuration to start from, and beside it its schema for editors. It holds no secrets."""
    import json

    from bridge.cli.show import escape, say
    from bridge.config import schema
    from bridge.config.example import example, render_init

    if file.is_dir():
        file /= "bridge.toml"
    _write(file, example() if every_key else render_init(name=link, board=board, repository=repository), replace=force)
    described = file.with_name(schema.FILE)
    _write(described, json.dumps(schema.json_schema(), indent=1, sort_keys=True) + "\n", replace=True)
    say(f"Wrote {escape(str(file))}, and {escape(described.name)}, by which editors complete it. Next:")
    say("  1. Read it, and give the tokens by the environment: the file says how they are named.")
    say(f"  2. [bold]bridge config check --live -c {escape(str(file))}[/bold] tries them.")
    say(f"  3. [bold]bridge plan -c {escape(str(file))}[/bold] shows what a sync would do, and changes nothing.")


def _write(file: Path, text: str, *, replace: bool) -> None:
    from bridge.errors import BridgeError, ConfigError

    try:
        with file.open("w" if replace else "x", encoding="utf-8") as out:
            out.write(text)
    except FileExistsError:
        raise ConfigError(f"{file} is there already.", hint="Name another file, or replace it with --force.") from None
    except OSError as error:
        raise BridgeError(
            f"{file} cannot be written: {error.strerror}.", hint="Name a place you may write to."
        ) from None


def completion(
    shell: Annotated[
        str | None, typer.Argument(metavar="SHELL", help=f"{', '.join(SHELLS)}. Default: yours.", show_default=False)
    ] = None,
) -> None:
    """Print the completion script for a shell: bridge completion bash > ~/.local/share/bash-completion/completions/bridge."""
    from typer._completion_shared import get_completion_script

    name = shell or Path(os.environ.get("SHELL", "bash")).name
    if name not in SHELLS:
        raise typer.BadParameter(f"{name!r} is not one of {', '.join(SHELLS)}.", param_hint="SHELL")
    print(get_completion_script(prog_name="bridge", complete_var="_BRIDGE_COMPLETE", shell=name))
