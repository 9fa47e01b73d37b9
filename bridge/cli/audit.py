"""``bridge audit``: compare every pair with what both trackers really hold."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from bridge.cli import frame
from bridge.cli.codes import ExitCode, worst

if TYPE_CHECKING:
    from bridge.config.settings import Link, Settings
    from bridge.engine.audit import Audit
    from bridge.engine.report import RunReport


def audit(
    ctx: typer.Context,
    link: Annotated[str | None, typer.Argument(metavar="LINK", help="Only this link.", show_default=False)] = None,
    repair: Annotated[bool, typer.Option("--repair", help="Carry over at once what was missed.")] = False,
    config: frame.ConfigOption = None,
    json: frame.JsonOption = False,
) -> None:
    """List both sides whole, compare pair by pair, and say what differs and why. Settles known changes first."""
    loaded = frame.settings(ctx, config)
    chosen = frame.links(loaded, [link] if link else None)
    done = frame.run_async(_audits(loaded, chosen, repair=repair, quiet=json))
    (_as_json if json else _show)(done)
    raise typer.Exit(worst(_code(report, found) for report, found in done))


async def _audits(loaded: Settings, chosen: list[Link], *, repair: bool, quiet: bool) -> list[tuple[RunReport, Audit]]:
    from bridge.cli.progress import bar
    from bridge.engine.audit import Audit
    from bridge.wiring import Bridge

    done = []
    async with Bridge.open(loaded) as bridge:
        for link in chosen:
            look = Audit(repair=repair)
            with bar(link.name, quiet=quiet) as progress:
                report = await bridge.audit(link.name, look, trigger="audit", progress=progress)
            done.append((report, look))
    return done


def _code(report: RunReport, found: Audit) -> int:
    """An audit that found something which nobody knew of is an error, unless it was repaired."""
    missed = any(each.what in ("missed", "unwritten") for each in found.found)
    return ExitCode.ERROR if missed and not found.repair and not report.exit_code else report.exit_code


def _show(done: list[tuple[RunReport, Audit]]) -> None:
    from bridge.cli import show, words

    for report, look in done:
        name = show.escape(report.link)
        if report.error:
            show.say(f"{name}: [red]{show.escape(report.error)}[/red] {show.escape(report.hint)}")
            continue
        if not look.found:
            show.say(f"{name}: {words.plural(look.looked_at, 'pair')} looked at, all in step.")
            continue
        show.say(f"{name}: {words.plural(look.looked_at, 'pair')} looked at, {len(look.found)} not in step.")
        show.table(
            ("what", "left", "right", "title", "field", "because"),
            [
                (
                    each.what,
                    show.escape(words.shorten(each.left_id, 40)),
                    show.escape(words.shorten(each.right_id, 40)),
                    show.escape(words.shorten(each.title, 40)),
                    show.escape(each.field or "(item)"),
                    show.escape(each.said),
                )
                for each in look.found
            ],
        )
        if look.repair:
            show.say("What was missed is carried over; what waits for a person still does.")
        elif any(each.what in ("missed", "unwritten") for each in look.found):
            show.say(f"The next [bold]bridge sync {name}[/bold] carries over what was missed.")


def _as_json(done: list[tuple[RunReport, Audit]]) -> None:
    from bridge.cli import run_view, show

    show.as_json([{**run_view.as_data(report), **_data(look)} for report, look in done])


def _data(look: Audit) -> dict[str, Any]:
    from bridge.model import Unset

    rows = []
    for each in look.found:
        row: dict[str, Any] = {
            "what": each.what,
            "kind": each.kind,
            "title": each.title,
            "left_id": each.left_id,
            "right_id": each.right_id,
            "field": each.field,
            "said": each.said,
        }
        values = {"left": each.left, "right": each.right}
        rows.append(row | {name: value for name, value in values.items() if not isinstance(value, Unset)})
    return {"looked_at": look.looked_at, "differences": rows}
