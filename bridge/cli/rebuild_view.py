"""Shows what a rebuild joined, and what it left for a person to say."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from itertools import groupby
from typing import TYPE_CHECKING, Final

from bridge.cli import run_view
from bridge.cli import show as out
from bridge.cli.codes import ExitCode, worst
from bridge.cli.show import escape, say
from bridge.cli.words import plural, shorten

if TYPE_CHECKING:
    from pathlib import Path

    from bridge.config.settings import Settings
    from bridge.engine.rebuild import Left
    from bridge.engine.report import RunReport

_SHOWN: Final = 20

_MEANING: Final = {
    "conflict": (
        "joined, and both sides hold a value of their own",
        "Choose: [bold]bridge conflicts list[/bold], then [bold]bridge conflicts resolve ID --take left|right[/bold].",
    ),
    "pending": ("joined, and the next sync adds what one side lacks", "See it first: [bold]bridge plan LINK[/bold]."),
    "differs": (
        "equal by the match rule but not in all values, so not joined",
        (
            "[bold]bridge sync[/bold] joins them, and each difference is a conflict. To join one with another item:"
            " [bold]bridge pairs pin LINK LEFT RIGHT[/bold]."
        ),
    ),
    "alone": (
        "without a partner",
        (
            "If the partner is there under another name: [bold]bridge pairs pin LINK LEFT RIGHT[/bold], before the next"
            " sync. [bold]bridge plan LINK[/bold] shows what that would do with the others."
        ),
    ),
    "unclear": (
        "not joined, because it cannot be told what they belong to",
        "Say it: [bold]bridge pairs pin LINK LEFT RIGHT[/bold].",
    ),
}
"""What each kind of thing left is, and what to do about it."""


def show_kept(kept: Path | None) -> None:
    """Where the database from before is, said before anything else can go wrong."""
    if kept is not None:
        out.console(stderr=True).print(f"The database from before is kept as {escape(str(kept))}.", soft_wrap=True)


def show(done: Sequence[RunReport], left: Sequence[Left], loaded: Settings, *, everything: bool) -> None:
    """A row a link, then what is left, by what is to be done about it."""
    run_view.show(done, loaded)
    order = list(_MEANING)
    for what, some in groupby(sorted(left, key=lambda one: order.index(one.what)), key=lambda one: one.what):
        _section(what, list(some), everything=everything)
    if not left and not any(each.error for each in done):
        say("Everything was joined. Nothing is left to say.")


def _section(what: str, some: Sequence[Left], *, everything: bool) -> None:
    meaning, do = _MEANING[what]
    rows = [
        (
            escape(one.link),
            escape(shorten(one.title, 40)),
            escape(one.left or "-"),
            escape(one.right or "-"),
            escape(", ".join(one.fields)),
            escape(one.said),
        )
        for one in (some if everything else some[:_SHOWN])
    ]
    title = f"{plural(len(some), 'pair' if what in ('conflict', 'pending', 'differs') else 'item')} {meaning}"
    out.table(("link", "title", "left", "right", "fields", "because"), rows, title=title)
    if len(rows) < len(some):
        say(f"and {len(some) - len(rows):,} more: [bold]--json[/bold] has them all.")
    say(do)
    say()


def as_json(done: Sequence[RunReport], left: Sequence[Left], kept: Path | None) -> None:
    """The same for programs."""
    out.as_json(
        {
            "kept": None if kept is None else str(kept),
            "links": [run_view.as_data(each) for each in done],
            "left": [{**asdict(one), "fields": list(one.fields)} for one in left],
        }
    )


def exit_code(done: Sequence[RunReport], left: Sequence[Left]) -> int:
    """10 for conflicts, 11 for anything else that a person should look at before the next sync."""
    waiting = ExitCode.PARKED if left else ExitCode.SETTLED
    return worst([*(each.exit_code for each in done), waiting])
