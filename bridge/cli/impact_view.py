"""Shows what a changed configuration comes to, before the plan itself: what changed, how many items, some of each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from bridge.cli import show, words
from bridge.cli.show import escape, say

if TYPE_CHECKING:
    from bridge.engine.impact import Impact, Part, Sample

_SAID: Final = {
    "enters": "enter",
    "returns": "go on",
    "joins": "are joined",
    "leaves": "leave",
    "deleted": "are made anew",
    "rewritten": "are rewritten",
    "conflict": "conflict",
    "held": "are held back",
}


def show_totals(link: str, impact: Impact) -> None:
    """The change in words and a table of what it comes to."""
    say(f"[bold]{escape(link)}[/bold]: [red]its configuration is not the one that was accepted[/red]")
    for change in impact.changes:
        say(f"  {escape(str(change))}")
    if impact.parts:
        show.table(("what", "kind", "side", "field", "items"), [_row(part) for part in impact.parts])
    say(_total(impact))


def show_impact(link: str, impact: Impact) -> None:
    """The same with examples, and the next step."""
    name = escape(link)
    show_totals(link, impact)
    for part in impact.parts:
        _samples(part)
    if impact.read_whole:
        say("[dim]Something is mapped that was never read, so both sides were listed whole for this.[/dim]")
    say(
        f"What people changed meanwhile is counted with it. Nothing runs until [bold]bridge accept {name}[/bold]; "
        "or put the old configuration back."
    )


def _row(part: Part) -> tuple[str, ...]:
    return _SAID[part.what], part.kind, part.side, escape(part.field), f"{part.count:,}"


def _samples(part: Part) -> None:
    where = " ".join(each for each in (part.kind, part.field and f'"{part.field}"', part.side) if each)
    say(f"  [bold]{_SAID[part.what]}[/bold]: {escape(where)}")
    for each in part.samples:
        say(
            f"    {escape(words.shorten(each.title))}  [dim]{escape(each.url or each.ref.key)}[/dim]{_values(part, each)}"
        )
    if part.count > len(part.samples):
        say(f"    [dim]… and {part.count - len(part.samples):,} more[/dim]")


def _values(part: Part, each: Sample) -> str:
    if part.what == "rewritten":
        return f"\n      {escape(words.value(each.before))} → {escape(words.value(each.after))}"
    if part.what == "conflict":
        return f"\n      left: {escape(words.value(each.before))}   right: {escape(words.value(each.after))}"
    return f"\n      {escape(each.message)}" if each.message else ""


def _total(impact: Impact) -> str:
    said = f"[bold]In all[/bold]: {words.plural(impact.writes, 'write')}, {impact.creates:,} of them new items"
    if impact.runs == 1:
        return f"{said}; within max_writes and max_creates."
    if impact.runs == 0:
        return f"{said}; [yellow]max_writes or max_creates is 0: none of them will be sent.[/yellow]"
    return (
        f"{said}; [yellow]more than one run may do (max_writes, max_creates): {impact.runs:,} runs at least.[/yellow]"
    )


def as_data(impact: Impact) -> dict[str, Any]:
    """The impact for programs."""
    return {
        "changes": [
            {
                "what": each.what,
                "where": each.where,
                "key": each.key,
                "before": each.before,
                "after": each.after,
                "origin": each.origin,
                "said": str(each),
            }
            for each in impact.changes
        ],
        "parts": [
            {
                "what": part.what,
                "kind": part.kind,
                "side": part.side,
                "field": part.field,
                "count": part.count,
                "samples": [_sample(part, each) for each in part.samples],
            }
            for part in impact.parts
        ],
        "writes": impact.writes,
        "creates": impact.creates,
        "max_writes": impact.max_writes,
        "max_creates": impact.max_creates,
        "runs": impact.runs,
        "read_whole": impact.read_whole,
    }


def _sample(part: Part, each: Sample) -> dict[str, Any]:
    data: dict[str, Any] = {"title": each.title, "item": each.ref.key, "url": each.url}
    if part.what == "rewritten":
        data |= {"before": each.before, "after": each.after}
    if part.what == "conflict":
        data |= {"left": each.before, "right": each.after}
    return data | ({"message": each.message} if each.message else {})
