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
    "unaccepted": "[red]not accepted[/red]",
    "refused": "[red]refused[/red]",
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


_SAID: Final = {
    "conflicts_open": "[red]{conflict}[/red]. See [bold]bridge conflicts list[/bold].",
    "parked": "[yellow]{parked}[/yellow]. See [bold]bridge parked list[/bold].",
    "frozen": "[red]{field} frozen[/red]: our writes kept bringing it back. See [bold]bridge parked list[/bold].",
    "conflicts_asked": "{question} put to the people on the items themselves.",
    "conflicts_answered": "{open} decided by a comment on the item.",
    "held": "{item} held back. [bold]bridge plan {link}[/bold] says why.",
    "paused": "{pair} out of scope: left alone on both sides until the filter takes it in again.",
    "refused": "{item} left out: moved since the plan was made, or possible only after it. Plan again to see them.",
    "guarded": "[red]{item} vanished, more than a run may deal with[/red]; none was. If that is right: "
    "[bold]bridge sync {link} --allow-deletes {count}[/bold]",
    "vanished": "{item} vanished on one side; dealt with once {grace} s are over.",
    "deleted": "{item} deleted, as on the other side. To take that back: [bold]bridge restore ITEM[/bold].",
    "unlinked": "{pair} unlinked: one side is gone. See [bold]bridge history[/bold].",
}
"""What a count means to a person, in the order of its weight."""


def _notes(each: RunReport, joined: Link) -> None:
    link = escape(each.link)
    if each.error:
        say(f"{link} ({escape(_ends(joined))}): [red]{escape(each.error)}[/red]")
    if each.hint:
        say(f"  {escape(each.hint)}")
    for name, sentence in _SAID.items():
        if count := each.counts.get(name, 0):
            said = sentence.format(
                link=link,
                count=count,
                grace=joined.delete_grace,
                conflict=plural(count, "open conflict"),
                parked=plural(count, "parked item"),
                item=plural(count, "item"),
                field=plural(count, "field"),
                question=plural(count, "question"),
                open=plural(count, "conflict"),
                pair=plural(count, "pair"),
            )
            say(f"{link}: {said}")
    if each.state == "stopped" and not each.error:
        say(f"{link}: stopped at a limit of the link; the next run goes on.")
    if each.unmapped:
        shown = ", ".join(f"{escape(name)} ({count})" for name, count in sorted(each.unmapped.items())[:8])
        say(f"{link}: [yellow]no map has a word for[/yellow] {shown}. They were left as they are.")
