"""Shows what the state holds: the links' status and the history."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from bridge.cli import plan_view, show, words
from bridge.cli.show import escape, say
from bridge.model import UNSET, Unset, Value

if TYPE_CHECKING:
    from bridge.config.settings import Settings
    from bridge.engine.overview import LinkStatus
    from state.history import Entry
    from state.runs import Run

_STATES: Final = {
    "done": "[green]done[/green]",
    "running": "running",
    "stopped": "[yellow]stopped[/yellow]",
    "guarded": "[red]guarded[/red]",
    "failed": "[red]failed[/red]",
}


def show_status(found: Sequence[LinkStatus], loaded: Settings, place: str) -> None:
    """One row a link, then what a person should do."""
    columns = ("link", "between", "pairs", "waiting", "conflicts", "parked", "requests", "last run", "last good")
    show.table(columns, [_status_row(each, loaded) for each in found])
    for each in found:
        name = escape(each.name)
        _say_changes(name, each.changes)
        if each.last_run and each.last_run.error:
            say(f"{name}: [red]{escape(each.last_run.error)}[/red]")
        if each.conflicts_open:
            say(f"{name}: {words.plural(each.conflicts_open, 'open conflict')}: [bold]bridge conflicts list[/bold]")
        if each.conflicts_decided:
            say(f"{name}: {words.plural(each.conflicts_decided, 'decided conflict')}: the next run writes the decision")
        if each.parked:
            frozen = f" ({each.frozen:,} frozen by the breaker)" if each.frozen else ""
            say(f"{name}: {words.plural(each.parked, 'parked item')}{frozen}: [bold]bridge parked list[/bold]")
        if each.held:
            say(f"{name}: {words.plural(each.held, 'item')} held back: [bold]bridge plan {name}[/bold]")
        for count, what, said in (
            (each.paused, "pair", "paused, out of scope"),
            (each.vanished, "item", "vanished on one side: [bold]bridge pairs list[/bold]"),
            (each.unlinked, "pair", "not synced any more, one side is gone"),
        ):
            if count:
                say(f"{name}: {words.plural(count, what)} {said}")
        if each.unknown:
            say(
                f"{name}: {words.plural(each.unknown, 'write')} without an answer; the next run finds out what became of it"
            )
    say(f"[dim]State: {escape(place)}[/dim]")


def _say_changes(name: str, changes: Sequence[str]) -> None:
    for change in changes:
        say(f"{name}: [red]not accepted[/red]: {escape(change)}")
    if changes:
        plan, accept = f"[bold]bridge plan {name}[/bold]", f"[bold]bridge accept {name}[/bold]"
        say(f"{name}: nothing is synced until {accept}; {plan} shows what it would do")


def _status_row(each: LinkStatus, loaded: Settings) -> tuple[str, ...]:
    link = loaded.link(each.name)
    return (
        f"[bold]{escape(each.name)}[/bold]" + ("" if link.enabled else " (off)"),
        escape(plan_view.ends(link)),
        f"{each.pairs:,}",
        f"{each.waiting:,}",
        f"[red]{each.conflicts_open:,}[/red]" if each.conflicts_open else "0",
        f"[yellow]{each.parked:,}[/yellow]" if each.parked else "0",
        _requests(each.last_run),
        _now(each),
        words.ago(each.finished_at),
    )


def _now(each: LinkStatus) -> str:
    if each.running:
        return f"running ({escape(each.running)})"
    return "[red]not accepted[/red]" if each.changes else _run(each.last_run)


def _requests(run: Run | None) -> str:
    """What the last run asked of the left tracker and of the right one."""
    if run is None or "requests_left" not in run.counts:
        return ""
    return f"{run.counts['requests_left']:,} + {run.counts.get('requests_right', 0):,}"


def _run(run: Run | None) -> str:
    if run is None:
        return "never"
    return f"{_STATES.get(run.state, escape(run.state))} {words.ago(run.finished_at or run.started_at)}"


def status_as_json(found: Sequence[LinkStatus]) -> None:
    """One object a link."""
    show.as_json([status_data(each) for each in found])


def status_data(each: LinkStatus) -> dict[str, Any]:
    """A link's status as JSON data."""
    names = (
        "name", "pairs", "paused", "outside", "unlinked", "vanished", "frozen", "waiting", "held", "unknown", "conflicts_open",
        "conflicts_decided",
        "parked", "running",
    )  # fmt: skip
    run = each.last_run
    last = None
    if run is not None:
        last = {
            "id": run.id,
            "trigger": run.trigger,
            "state": run.state,
            "started_at": run.started_at,
            "finished_at": run.finished_at,
            "counts": dict(run.counts),
            "error": run.error,
        }
    accepted = {"changes": list(each.changes), "accepted_at": each.accepted_at, "accepted_by": each.accepted_by}
    held = {name: getattr(each, name) for name in names}
    return {**held, **accepted, "last_run": last, "last_done_at": each.finished_at}


def show_history(entries: Sequence[Entry], names: Mapping[int, str]) -> None:
    """One row a field written, or an event of a pair."""
    if not entries:
        say("Nothing was written yet.")
        return
    columns = ("when", "run", "link", "side", "item", "what", "field", "before", "after", "why")
    show.table(columns, [_entry(each, names) for each in entries])


def _entry(each: Entry, names: Mapping[int, str]) -> tuple[str, ...]:
    return (
        words.moment(each.at),
        str(each.run_id),
        escape(names.get(each.link_id, "?")),
        each.side,
        escape(words.shorten(each.item_id, 13)),
        each.action,
        escape(each.field),
        known(each.before, 30),
        known(each.after, 30),
        escape(words.shorten(each.rule)),
    )


def known(value: Value | Unset, limit: int = 60) -> str:
    """A value for a cell; empty where there is none."""
    return "" if value is UNSET else escape(words.value(value, limit))


def history_as_json(entries: Sequence[Entry], names: Mapping[int, str]) -> None:
    """One object an entry, oldest first."""
    show.as_json([entry_data(each, names.get(each.link_id, "")) for each in entries])


def entry_data(each: Entry, link: str) -> dict[str, Any]:
    """A history entry as JSON data; ``before`` and ``after`` are left out where there is no such value."""
    held = {name: value for name, value in (("before", each.before), ("after", each.after)) if value is not UNSET}
    plain = ("id", "run_id", "pair_id", "kind", "side", "item_id", "action", "field", "rule", "at")
    return {"link": link, **{name: getattr(each, name) for name in plain}, **held}
