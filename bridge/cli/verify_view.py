"""Shows what a look at the database found: one line a finding, then what there is."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

from bridge.cli import show as out
from bridge.cli.show import escape
from bridge.cli.words import plural

if TYPE_CHECKING:
    from state.verify import Verdict


def show(verdict: Verdict) -> None:
    """A finding is one line that ``grep`` and a person can read, however wide the terminal is."""
    console = out.console()
    for one in verdict.findings:
        level = "[yellow]odd[/yellow]" if one.odd else "[red]wrong[/red]"
        console.print(f"{level}: {escape(one.where)}: {escape(one.what)}. {escape(one.do)}", soft_wrap=True)
    for check, number in sorted(verdict.more.items()):
        console.print(f"and {number:,} more of {check}.", soft_wrap=True)
    counts = verdict.counts
    if counts:
        live, ended = counts.get("pair_live", 0), counts.get("pair", 0) - counts.get("pair_live", 0)
        names = ("inbox", "conflict", "parked", "intent", "run", "history")
        rest = ", ".join(f"{counts[name]:,} {name}" for name in names if name in counts)
        said = f"{plural(counts.get('link', 0), 'link')}, {plural(live, 'pair')} in sync, {ended:,} not; rows: {rest}."
        console.print(escape(said), soft_wrap=True)
    wrong = sum(not one.odd for one in verdict.findings)
    end = "[green]It is sound.[/green]" if verdict.is_sound else f"[red]{plural(wrong, 'thing')} wrong.[/red]"
    console.print(f"{escape(verdict.place)}: {end}", soft_wrap=True)


def as_json(verdict: Verdict) -> None:
    """The same for programs."""
    out.as_json(
        {
            "database": verdict.place,
            "sound": verdict.is_sound,
            "findings": [asdict(one) for one in verdict.findings],
            "more": dict(verdict.more),
            "counts": dict(verdict.counts),
        }
    )
