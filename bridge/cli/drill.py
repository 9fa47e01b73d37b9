"""``bridge drill``: see whether the promises hold with one's own configuration, on sandboxes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Final

import typer

from bridge.cli import frame
from bridge.cli.codes import ExitCode

if TYPE_CHECKING:
    from bridge.drill.drill import Tally

_SHOWN: Final = 20


def drill(
    ctx: typer.Context,
    link: Annotated[
        list[str] | None, typer.Argument(metavar="[LINK]...", help="Only these links.", show_default=False)
    ] = None,
    samples: Annotated[
        int, typer.Option("--samples", metavar="N", min=0, help="N deaths and N lies a scenario, instead of all.")
    ] = 0,
    config: frame.ConfigOption = None,
    json: frame.JsonOption = False,
) -> None:
    """Kill Bridge at every place it can die at, lie to it about every write, and see whether it keeps its promises.

    Runs your links' mappings on sandbox trackers of this machine with made-up tokens and a database that is thrown away.
    Your trackers, your database and your secrets are not touched.
    """
    from bridge.drill.drill import examine

    loaded = frame.settings(ctx, config)
    done = []
    for each in frame.links(loaded, link):
        with _progress(each.name, quiet=json) as told:
            done.append(examine(loaded, each.name, samples=samples, told=told))
    if json:
        _as_json(done)
    else:
        for tally in done:
            _show(tally)
    raise typer.Exit(ExitCode.ERROR if any(tally.broken for tally in done) else ExitCode.SETTLED)


def _show(tally: Tally) -> None:
    from bridge.cli import show as out
    from bridge.cli.words import plural
    from bridge.drill.judge import PROMISES

    rows = []
    for name, what in PROMISES.items():
        broken = tally.count(name)
        held = "[green]held[/green]" if not broken else f"[red]broken in {plural(broken, 'trial')}[/red]"
        rows.append((name, what, held))
    out.table(("", "promise", ""), rows, title=f"[bold]{out.escape(tally.link)}[/bold]")
    out.say(
        f"{plural(tally.killed, 'process', 'processes')} killed, {plural(tally.lied, 'write')} accepted and denied; "
        f"{plural(tally.count('I4'), 'duplicate')}, {plural(tally.count('I2'), 'lost edit')}."
    )
    if tally.idle:
        out.say(f"[yellow]Nothing to try for: {out.escape(', '.join(tally.idle))}.[/yellow]")
    for trial, one in tally.broken[:_SHOWN]:
        out.say(out.escape(f"{one.promise}  {trial.scenario}, {trial.what}: {one.what}"))
    if len(tally.broken) > _SHOWN:
        out.say(f"and {len(tally.broken) - _SHOWN} more; --json has them all.")


def _as_json(done: list[Tally]) -> None:
    from bridge.cli import show as out
    from bridge.drill.judge import PROMISES

    out.as_json(
        [
            {
                "link": tally.link,
                "killed": tally.killed,
                "denied": tally.lied,
                "duplicates": tally.count("I4"),
                "lost_edits": tally.count("I2"),
                "not_tried": tally.idle,
                "promises": {
                    name: {"promise": what, "held": not tally.count(name), "broken": tally.count(name)}
                    for name, what in PROMISES.items()
                },
                "broken": [
                    {"promise": one.promise, "scenario": trial.scenario, "trial": trial.what, "what": one.what}
                    for trial, one in tally.broken
                ],
            }
            for tally in done
        ]
    )


@contextmanager
def _progress(link: str, *, quiet: bool) -> Iterator[Callable[[str, int, int], None]]:
    """A bar on stderr that leaves nothing behind; nothing where nobody watches."""
    from bridge.cli import progress

    with progress.bar(link, quiet=quiet) as bar:

        def told(scenario: str, done: int, total: int) -> None:
            if bar is not None:
                bar.message(scenario if total else f"setting up: {scenario}")
                bar.done(done, total or 1)

        yield told
