"""Shows what a run did: one line a link, then what a person should look at."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from bridge.cli import show as out
from bridge.cli.show import escape, say
from bridge.cli.words import plural
from bridge.model import SIDES

if TYPE_CHECKING:
    from bridge.config.settings import Link, Settings
    from bridge.engine.report import RunReport

_ENDED: Final = {
    "done": "[green]done[/green]",
    "stopped": "[yellow]stopped[/yellow]",
    "guarded": "[red]guarded[/red]",
    "failed": "[red]failed[/red]",
    "locked": "[yellow]locked[/yellow]",
}


def show(done: Sequence[RunReport], loaded: Settings) -> None:
    """A table with one row a link, then errors and what waits for a person."""
    rows = [_row(each, _names(loaded.link(each.link))) for each in done]
    out.table(("link", "run", "read", "joined", "created", "updated", "writes", "requests"), rows)
    for each in done:
        _notes(each, loaded.link(each.link))


def as_json(done: Sequence[RunReport]) -> None:
    """The reports as they are."""
    out.as_json([as_data(each) for each in done])


def as_data(each: RunReport) -> dict[str, Any]:
    """A report for programs."""
    return {
        "link": each.link,
        "run": each.run_id,
        "state": each.state,
        "counts": dict(each.counts),
        "unmapped": dict(each.unmapped),
        "error": each.error,
        "hint": each.hint,
        "exit_code": each.exit_code,
    }


def _names(link: Link) -> tuple[str, str]:
    """What the sides are called: their connections, where that tells them apart."""
    left, right = link.left.connection, link.right.connection
    return (left, right) if left != right else ("left", "right")


def _row(each: RunReport, names: tuple[str, str]) -> tuple[str, ...]:
    counts = each.counts
    return (
        f"[bold]{escape(each.link)}[/bold]",
        _ENDED[each.state],
        f"{counts.get('pulled', 0):,}",
        f"{counts.get('paired', 0):,}",
        _sides(counts, "created", names),
        _sides(counts, "updated", names),
        _sides(counts, "writes", names),
        _sides(counts, "requests", names),
    )


def _sides(counts: Mapping[str, int], what: str, names: tuple[str, str]) -> str:
    """``artala 1, github 2``; ``0`` when nothing happened."""
    numbers = [counts.get(f"{what}_{side}", 0) for side in SIDES]
    return ", ".join(f"{escape(name)} {number:,}" for name, number in zip(names, numbers, strict=True) if number) or "0"


def _ends(link: Link) -> str:
    """Which two places a link joins: an error's own text need not name them."""
    left, right = link.left, link.right
    return f"{left.connection} {left.container} ↔ {right.connection} {right.container}"


def _notes(each: RunReport, joined: Link) -> None:
    counts = each.counts
    link = escape(each.link)
    if each.error:
        say(f"{link} ({escape(_ends(joined))}): [red]{escape(each.error)}[/red]")
    if each.hint:
        say(f"  {escape(each.hint)}")
    if number := counts.get("conflicts_open"):
        say(f"{link}: [red]{plural(number, 'open conflict')}[/red]. See [bold]bridge conflicts list[/bold].")
    if number := counts.get("parked"):
        say(f"{link}: [yellow]{plural(number, 'parked item')}[/yellow]. See [bold]bridge parked list[/bold].")
    if number := counts.get("held"):
        say(f"{link}: {plural(number, 'item')} held back. [bold]bridge plan {link}[/bold] says why.")
    if number := counts.get("refused"):
        say(f"{link}: {plural(number, 'item')} left out, moved since the plan was made. Plan again to see them.")
    if number := counts.get("unlinked"):
        say(f"{link}: {plural(number, 'pair')} unlinked: one side is gone. See [bold]bridge history[/bold].")
    if each.state == "stopped" and not each.error:
        say(f"{link}: stopped at a limit of the link; the next run goes on.")
    if each.unmapped:
        shown = ", ".join(f"{escape(name)} ({count})" for name, count in sorted(each.unmapped.items())[:8])
        say(f"{link}: [yellow]no map has a word for[/yellow] {shown}. They were left as they are.")
