"""``bridge plan``, ``bridge apply``, ``bridge sync``: the work itself, once."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from bridge.cli import frame
from bridge.cli.codes import ExitCode, worst

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bridge.config.settings import Link, Settings
    from bridge.engine.report import PlanReport, RunReport, State
    from bridge.model import Plan
    from bridge.wiring import Bridge

_STATES: Final[Mapping[int, State]] = {ExitCode.USAGE: "refused", ExitCode.LOCKED: "locked"}
FullOption = Annotated[bool, typer.Option("--full", help="List everything again instead of what changed.")]
AllOption = Annotated[bool, typer.Option("--all", help="Show every item, however many there are.")]


def plan(
    ctx: typer.Context,
    link: Annotated[str | None, typer.Argument(metavar="LINK", help="Only this link.", show_default=False)] = None,
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", metavar="FILE", help='Save the plan for "bridge apply".', show_default=False),
    ] = None,
    full: FullOption = False,
    everything: AllOption = False,
    config: frame.ConfigOption = None,
    json: frame.JsonOption = False,
) -> None:
    """Show what a sync would do. Reads both trackers and writes to neither."""
    loaded = frame.settings(ctx, config)
    chosen = frame.links(loaded, [link] if link else None)
    if out is not None and len(chosen) > 1:
        raise typer.BadParameter("a plan file holds one link: name it.", param_hint="-o")
    reports = frame.run_async(_plans(loaded, chosen, full=full))
    if out is not None:
        save(out, reports[0].plan)
    if json:
        _plans_as_json(reports)
        return
    _show_plans(reports, chosen, everything=everything)
    if out is not None:
        from bridge.cli.show import escape, say

        when = "" if reports[0].impact is None else ", once it is accepted"
        say(f"Saved. To do exactly this{when}: [bold]bridge apply {escape(str(out))}[/bold]")


def apply(
    ctx: typer.Context,
    file: Annotated[Path, typer.Argument(metavar="FILE", help='A plan saved by "bridge plan -o" or "bridge undo -o".')],
    config: frame.ConfigOption = None,
    json: frame.JsonOption = False,
) -> None:
    """Do what a saved plan says. An item that has moved since is left out and told."""
    from bridge.engine import planfile
    from bridge.errors import ConfigError

    loaded = frame.settings(ctx, config)
    try:
        text = sys.stdin.read() if str(file) == "-" else file.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not text"
        raise ConfigError(
            f"{file} cannot be read: {reason}.", hint='Save a plan with "bridge plan LINK -o FILE".'
        ) from None
    approved = planfile.load(text, name=str(file))
    if approved.undoes is not None:
        from bridge.cli import undo

        undo.carry_out(loaded, approved, approved.link, json=json)
    chosen = frame.links(loaded, [approved.link])
    _finish(frame.run_async(_runs(loaded, chosen, trigger="apply", approved=approved, quiet=json)), loaded, json=json)


def sync(
    ctx: typer.Context,
    links: Annotated[
        list[str] | None, typer.Argument(metavar="LINK", help="Only these links.", show_default=False)
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", "-n", help='The same as "bridge plan".')] = False,
    full: FullOption = False,
    allow_deletes: Annotated[
        int,
        typer.Option(
            "--allow-deletes",
            metavar="N",
            min=0,
            help="Let the guard pass this many vanished items.",
            show_default=False,
        ),
    ] = 0,
    quick: Annotated[
        bool, typer.Option("--quick", help="Leave out the feeds that no cursor covers; the next full turn reads them.")
    ] = False,
    config: frame.ConfigOption = None,
    json: frame.JsonOption = False,
) -> None:
    """Bring both sides in step, once, and end. The daemon does the same on a schedule."""
    import bridge.wiring  # noqa: F401 — while the collector still leaves imports alone (frame.run_async)

    loaded = frame.settings(ctx, config)
    chosen = frame.links(loaded, links)
    if dry_run:
        reports = frame.run_async(_plans(loaded, chosen, full=full))
        if json:
            _plans_as_json(reports)
        else:
            _show_plans(reports, chosen, everything=False)
        return
    sweep = False if quick else None
    how = {"full": full, "sweep": sweep, "allow_deletes": allow_deletes}
    done = frame.run_async(_runs(loaded, chosen, trigger="cli", quiet=json, **how))
    _finish(done, loaded, json=json)


async def _plans(loaded: Settings, chosen: list[Link], *, full: bool) -> list[PlanReport]:
    from bridge.cli.progress import bar
    from bridge.wiring import Bridge

    reports = []
    async with Bridge.open(loaded) as bridge:
        for link in chosen:
            with bar(link.name) as progress:
                reports.append(await bridge.plan(link.name, full=full, progress=progress))
    return reports


async def _runs(loaded: Settings, chosen: list[Link], *, trigger: str, quiet: bool, **how: Any) -> list[RunReport]:
    """Run the links one after the other. A link's failure never stops another link (S24)."""
    from bridge.wiring import Bridge

    how |= {"trigger": trigger, "quiet": quiet, "alone": len(chosen) == 1}
    async with Bridge.open(loaded) as bridge:
        return [await _run(bridge, link, **how) for link in chosen]


async def _run(bridge: Bridge, link: Link, *, trigger: str, quiet: bool, alone: bool, **how: Any) -> RunReport:
    """One link. Raises a mistake in the configuration of the only one that was asked for."""
    from bridge.cli.progress import bar
    from bridge.engine.report import RunReport
    from bridge.errors import BridgeError

    with bar(link.name, quiet=quiet) as progress:
        try:
            return await bridge.sync(link.name, trigger=trigger, progress=progress, **how)
        except BridgeError as error:
            if alone and error.exit_code == ExitCode.USAGE:
                raise
            state = _STATES.get(error.exit_code, "failed")
            return RunReport(link.name, 0, state, error=error.message, hint=error.hint)


def _finish(done: list[RunReport], loaded: Settings, *, json: bool) -> None:
    from bridge.cli import run_view

    if json:
        run_view.as_json(done)
    else:
        run_view.show(done, loaded)
    raise typer.Exit(worst(each.exit_code for each in done))


def _show_plans(reports: list[PlanReport], chosen: list[Link], *, everything: bool) -> None:
    from bridge.cli import impact_view, plan_view

    for report, link in zip(reports, chosen, strict=True):
        if report.impact is not None:
            impact_view.show_impact(link.name, report.impact)
        plan_view.show(report.plan, link, everything=everything)


def _plans_as_json(reports: list[PlanReport]) -> None:
    from bridge.cli import impact_view
    from bridge.cli.show import as_json
    from bridge.engine import planfile

    as_json(
        [
            {
                "link": each.plan.link,
                "counts": dict(each.counts),
                "unmapped": dict(each.unmapped),
                "operations": [planfile.as_data(operation) for operation in each.plan.operations],
                **({} if each.impact is None else {"impact": impact_view.as_data(each.impact)}),
            }
            for each in reports
        ]
    )


def save(out: Path, made: Plan) -> None:
    """Write whole or not at all."""
    from bridge.engine import planfile
    from bridge.errors import BridgeError

    text = planfile.dump(made)
    if str(out) == "-":
        sys.stdout.write(text)
        return
    part = out.with_name(f".{out.name}.part")
    try:
        part.write_text(text, "utf-8")
        part.replace(out)
    except OSError as error:
        raise BridgeError(
            f"{out} cannot be written: {error.strerror}.", hint="Name a place you may write to."
        ) from None
