"""Shows conflicts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from bridge.cli import look_view, show, words
from bridge.cli.show import escape, say
from bridge.model import UNSET
from state.conflicts import Take

if TYPE_CHECKING:
    from bridge.model import Unset, Value
    from state.conflicts import Conflict, Sighting
    from state.history import Entry


def show_list(found: Sequence[Conflict], names: Mapping[int, str]) -> None:
    """One row a conflict."""
    show_table(found, names)
    if found:
        say(
            "Look at one: [bold]bridge conflicts show ID[/bold]. "
            "Decide: [bold]bridge conflicts resolve ID --take left[/bold]"
        )


def show_table(found: Sequence[Conflict], names: Mapping[int, str]) -> None:
    """The rows alone."""
    if not found:
        say("No open conflicts.")
        return
    columns = ("id", "link", "item", "field", "before", "left", "right", "since", "state")
    show.table(columns, [_row(each, names) for each in found])


def _row(each: Conflict, names: Mapping[int, str]) -> tuple[str, ...]:
    return (
        f"[bold]{each.id}[/bold]",
        escape(names.get(each.link_id, "?")),
        escape(words.shorten(each.clash.title, 30)),
        escape(each.clash.field),
        _base(each.clash.base_left, 30),
        look_view.known(each.clash.left.value, 30),
        look_view.known(each.clash.right.value, 30),
        words.ago(each.opened_at),
        each.state,
    )


def show_whole(each: Conflict, names: Mapping[int, str], past: Sequence[Entry]) -> None:
    """One block with the values in full. Of a resolved one the value that lost stays in sight (S17)."""
    clash = each.clash
    say(f"[bold]Conflict {each.id}[/bold]: {escape(clash.field)} of [bold]{escape(clash.title)}[/bold]")
    say(f"  link {escape(names.get(each.link_id, '?'))}, {each.state}, since {words.moment(each.opened_at)}")
    bases = [_base(base, 4_000) for base in (clash.base_left, clash.base_right)]
    say(f"  both held   {bases[0] if bases[0] == bases[1] else ' / '.join(bases)}")
    is_over = each.resolved_at is not None
    for side, seen in (("left", clash.left), ("right", clash.right)):
        lost = "  [yellow]not taken[/yellow]" if side in _lost(each) else ""
        say(f"  {f'{side} held' if is_over else f'{side} holds':11} {_sighting(seen)}{lost}")
    if each.decision is not None:
        say(f"  decided: {_decision(each)}, by {escape(each.resolved_by or '?')}")
    elif is_over:
        say(f"  ended by itself: {escape(each.resolved_by or '?')}")
    else:
        say(
            f"  Decide: [bold]bridge conflicts resolve {each.id} --take left[/bold] (or right, base, --value V, --edit)"
        )
    if each.resolved_at is not None:
        say(f"  resolved {words.moment(each.resolved_at)}")
    for entry in past:
        change = f"{look_view.known(entry.before, 4_000)} → {look_view.known(entry.after, 4_000)}"
        say(f"  {words.moment(entry.at)}  run {entry.run_id} wrote {entry.side}: {change}")


def _lost(each: Conflict) -> tuple[str, ...]:
    """The sides whose value a decision did not take."""
    if each.decision is None:
        return ()
    return tuple(
        side for side in ("left", "right") if not (isinstance(each.decision, Take) and each.decision.take == side)
    )


def show_decided(found: Sequence[Conflict], names: Mapping[int, str]) -> None:
    """What was decided and what happens next."""
    for each in found:
        say(
            f"Conflict {each.id} ({escape(each.clash.field)} of {escape(words.shorten(each.clash.title))}): {_decision(each)}."
        )
    for link in sorted({names.get(each.link_id, "") for each in found}):
        say(f"The next run writes it; to do that now: [bold]bridge sync {escape(link)}[/bold]")


def _base(base: Value | Unset, limit: int) -> str:
    return "unknown" if base is UNSET else look_view.known(base, limit)


def _sighting(seen: Sighting) -> str:
    facts = [f"by {escape(seen.by)}"] if seen.by else []
    facts += [f"at {words.moment(seen.at)}"] if seen.at else []
    return look_view.known(seen.value, 4_000) + (f"  [dim]({', '.join(facts)})[/dim]" if facts else "")


def _decision(each: Conflict) -> str:
    decided = each.decision
    if decided is None:
        return each.state
    return f"take {decided.take if isinstance(decided, Take) else look_view.known(decided.value)}"


def as_json(found: Sequence[Conflict], names: Mapping[int, str]) -> None:
    """One object a conflict; a base that is not known is left out."""
    show.as_json([_data(each, names) for each in found])


def _data(each: Conflict, names: Mapping[int, str]) -> dict[str, Any]:
    bases = {name: base for name in ("base_left", "base_right") if (base := getattr(each.clash, name)) is not UNSET}
    decision: dict[str, Any] | None = None
    if isinstance(each.decision, Take):
        decision = {"take": each.decision.take}
    elif each.decision is not None:
        decision = {"value": each.decision.value, "side": each.decision.side}
    return {
        "id": each.id,
        "link": names.get(each.link_id, ""),
        "pair": each.clash.pair_id,
        "kind": each.clash.kind,
        "title": each.clash.title,
        "field": each.clash.field,
        "state": each.state,
        "decision": decision,
        "decided_by": each.resolved_by,
        "resolved_at": each.resolved_at,
        "not_taken": list(_lost(each)),
        "opened_at": each.opened_at,
        "left": _seen(each.clash.left),
        "right": _seen(each.clash.right),
        **bases,
    }


def _seen(seen: Sighting) -> dict[str, Any]:
    return {"value": seen.value, "version": seen.version, "at": seen.at, "by": seen.by}
