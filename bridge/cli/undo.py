"""``bridge undo``: take back what a run wrote, after a look at what that comes to."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, NoReturn

import typer

from bridge.cli import frame

if TYPE_CHECKING:
    from bridge.config.settings import Settings
    from bridge.engine.inverse import Choice
    from bridge.engine.report import PlanReport, RunReport
    from bridge.engine.undo import Undo
    from bridge.model import Plan
    from state.store import Session


def undo(
    ctx: typer.Context,
    run: Annotated[int, typer.Argument(metavar="RUN", min=1, help='The run, as "bridge history" numbers them.')],
    item: Annotated[
        list[str] | None,
        typer.Option("--item", "-i", metavar="ITEM", help="Only this item: its address or id.", show_default=False),
    ] = None,
    field: Annotated[
        list[str] | None,
        typer.Option(
            "--field", "-f", metavar="FIELD", help="Only this field, by either side's name.", show_default=False
        ),
    ] = None,
    creates: Annotated[
        Literal["close", "delete", "keep"] | None,
        typer.Option("--creates", help="What becomes of items it created. Else as the link says.", show_default=False),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", metavar="FILE", help='Save it for "bridge apply" instead.', show_default=False),
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    everything: Annotated[bool, typer.Option("--all", help="Show every item, however many there are.")] = False,
    config: frame.ConfigOption = None,
    json: frame.JsonOption = False,
) -> None:
    """Take back what a run wrote, as far as nobody changed it since. What people did themselves stays."""
    from bridge.engine.inverse import Choice

    if yes and out is not None:
        raise typer.BadParameter("-o saves the plan, --yes carries it out: choose one.", param_hint="--yes")
    loaded = frame.settings(ctx, config)
    with frame.state(loaded) as store:
        name = store.read_sync(_link_of, run)
    link = loaded.link(name)
    choice = Choice(run, tuple(item or ()), tuple(field or ()), creates or link.undo_creates)
    if yes:
        carry_out(loaded, choice, name, json=json)
    made = frame.run_async(_plan(loaded, choice, name)).plan
    if out is not None:
        _save(out, made, json=json)
    if json:
        if out is None:
            _as_json(made)
        return
    from bridge.cli import plan_view

    plan_view.show(made, link, everything=everything)
    if out is None and any(each.op != "hold" for each in made.operations):
        _ask(run)
        carry_out(loaded, made, name, json=False)


def carry_out(loaded: Settings, order: Choice | Plan, link: str, *, json: bool) -> NoReturn:
    """Do it as a run of its own, tell what came of it, and end with that run's exit code."""
    from bridge.cli.codes import ExitCode
    from bridge.engine.undo import Undo

    doing = Undo(order)
    report = frame.run_async(_run(loaded, doing, link, quiet=json))
    if json:
        _report_as_json(report, doing)
    else:
        _show(report, doing, loaded)
    code = report.exit_code
    raise typer.Exit(int(ExitCode.ERROR) if doing.failed and code != ExitCode.LOCKED else code)


async def _plan(loaded: Settings, choice: Choice, link: str) -> PlanReport:
    from bridge.engine.undo import Undo
    from bridge.wiring import Bridge

    async with Bridge.open(loaded) as bridge:
        return await bridge.plan(link, Undo(choice).plan)


async def _run(loaded: Settings, doing: Undo, link: str, *, quiet: bool) -> RunReport:
    from bridge.cli.progress import bar
    from bridge.wiring import Bridge

    async with Bridge.open(loaded) as bridge:
        with bar(link, quiet=quiet) as progress:
            return await bridge.run(link, doing.carry_out, trigger="undo", progress=progress)


def _link_of(session: Session, run: int) -> str:
    from bridge.errors import ConfigError
    from state import links, runs

    found = runs.get(session, run)
    row = None if found is None else links.get(session, found.link_id)
    if row is None:
        raise ConfigError(f"there is no run {run}.", hint='"bridge history" shows runs and what they wrote.')
    return row.name


def _save(out: Path, made: Plan, *, json: bool) -> None:
    from bridge.cli import sync
    from bridge.cli.show import escape, say

    sync.save(out, made)
    if not json and str(out) != "-":
        say(f"Saved. To do exactly this: [bold]bridge apply {escape(str(out))}[/bold]")


def _ask(run: int) -> None:
    """A yes, or the end. Off a terminal nobody can be asked."""
    from bridge.errors import ConfigError

    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise ConfigError(
            "nothing was written: this is no terminal, so nobody can say yes.",
            hint=f"Add --yes, or save it with -o FILE, look at it, and bridge apply FILE. (bridge undo {run})",
        )
    if not typer.confirm("Take this back?"):
        raise typer.Exit(0)


def _show(report: RunReport, doing: Undo, loaded: Settings) -> None:
    from bridge.cli import plan_view, run_view, show
    from bridge.cli.words import plural
    from bridge.model import Plan

    if doing.done or doing.left_alone:
        told = Plan(report.link, (*doing.done, *doing.left_alone), 0)
        plan_view.show(told, loaded.link(report.link), everything=True, ended=True)
    run_view.show([report], loaded)
    if doing.done:
        show.say(
            f"Taken back: {plural(len(doing.done), 'item')}. The other side keeps what it holds; "
            f"to take back this undo: [bold]bridge undo {report.run_id}[/bold]"
        )


def _as_json(made: Plan) -> None:
    from bridge.cli import show
    from bridge.engine import planfile

    operations = [planfile.as_data(each) for each in made.operations]
    show.as_json({"link": made.link, "undoes": made.undoes, "operations": operations})


def _report_as_json(report: RunReport, doing: Undo) -> None:
    from bridge.cli import run_view, show
    from bridge.engine import planfile

    told = {
        "done": [planfile.as_data(each) for each in doing.done],
        "left_alone": [planfile.as_data(each) for each in doing.left_alone],
    }
    show.as_json([run_view.as_data(report) | told])
