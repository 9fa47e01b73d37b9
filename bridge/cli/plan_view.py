"""Shows a plan the way a person reviews it: one block an item, one line a field."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, Final, TypeVar

from bridge.cli import words
from bridge.cli.show import escape, say
from bridge.model import Adopt, Create, Delete, FieldChange, FieldConflict, Hold, Operation, Plan, Ref, Unset, Update

if TYPE_CHECKING:
    from bridge.config.settings import Link

O = TypeVar("O", Adopt, Create, Delete, FieldConflict, Hold, Update)  # noqa: E741 — short for operation

_SHOWN: Final = 40
_LONG_ID: Final = 20
_SIDE: Final = {"left": "[cyan]left[/cyan]", "right": "[magenta]right[/magenta]"}


def show(plan: Plan, link: Link, *, everything: bool = False, ended: bool = False) -> None:
    """Print the plan, at most 40 of each sort unless ``everything``. ``ended``: it is what was done."""
    say(f"[bold]{escape(plan.link)}[/bold]: {escape(ends(link))}")
    if not plan.operations:
        why = "neither side has news for the other" if plan.undoes is None else "nothing is left to take back"
        say(f"  Nothing to do: {why}.")
        return
    limit = None if everything else _SHOWN
    names = {"left": link.left.connection, "right": link.right.connection}
    _each(plan, Adopt, _adopt, limit)
    _each(plan, Create, lambda each: _create(each, names), limit)
    _each(plan, Update, lambda each: _update(each, names), limit)
    _each(plan, Delete, lambda each: _delete(each, names), limit)
    _each(plan, FieldConflict, _conflict, limit)
    _each(plan, Hold, _hold, limit)
    if ended:
        return
    say(f"[bold]Plan[/bold]: {summary(plan.operations)}.")


def ends(link: Link) -> str:
    """``github acme/app ↔ artala Roadmap``."""
    left, right = link.left, link.right
    return f"{left.connection} {left.container} ↔ {right.connection} {right.container}"


def summary(operations: Iterable[Operation]) -> str:
    """``2 to create, 1 to update, 3 to join, 1 conflict, 0 held``, without the zeros."""
    count = Counter(each.op for each in operations)
    parts = [
        (count["create"], "to create"),
        (count["update"], "to update"),
        (count["delete"], "to delete"),
        (count["adopt"], "to join without writing"),
        (count["conflict"], "conflict" if count["conflict"] == 1 else "conflicts"),
        (count["hold"], "held back"),
    ]
    return ", ".join(f"{number:,} {said}" for number, said in parts if number) or "nothing to do"


def _each(plan: Plan, sort: type[O], show_one: Callable[[O], None], limit: int | None) -> None:
    found = [each for each in plan.operations if isinstance(each, sort)]
    for each in found[:limit]:
        show_one(each)
    if limit is not None and len(found) > limit:
        say(f"  [dim]… and {len(found) - limit:,} more of these (--all shows them)[/dim]")


def _adopt(each: Adopt) -> None:
    say(
        f"  [dim]=[/dim] {_kind(each.kind)}{_title(each.title)} {_item(each.left)} ↔ {_item(each.right)}, same by {each.by}"
    )


def _create(each: Create, names: Mapping[str, str]) -> None:
    where = f"on {_SIDE[each.side]} ({escape(names[each.side])})"
    say(f"  [green]+[/green] {_kind(each.kind)}{_title(each.title)} {where}, from {_item(each.source)}")
    for change in each.changes:
        say(f"      {escape(change.field)}: {_value(change.after)}{_rule(change)}")


def _update(each: Update, names: Mapping[str, str]) -> None:
    where = f"on {_SIDE[each.side]} ({escape(names[each.side])})"
    say(f"  [yellow]~[/yellow] {_kind(each.kind)}{_title(each.title)} {_item(each.item)} {where}")
    for change in each.changes:
        say(f"      {escape(change.field)}: {_value(change.before)} → {_value(change.after)}{_rule(change)}")


def _delete(each: Delete, names: Mapping[str, str]) -> None:
    where = f"on {_SIDE[each.side]} ({escape(names[each.side])})"
    say(
        f"  [red]-[/red] {_kind(each.kind)}{_title(each.title)} {_item(each.item)} {where}  [dim]{escape(each.rule)}[/dim]"
    )
    for change in each.changes:
        if change.before not in (None, (), ""):
            say(f"      {escape(change.field)}: {_value(change.before)}")


def _conflict(each: FieldConflict) -> None:
    say(f"  [red]![/red] {_kind(each.kind)}{_title(each.title)} {_item(each.left)} ↔ {_item(each.right)}: conflict")
    base = each.base_left
    say(f"      {escape(each.field)} was: {'unknown' if isinstance(base, Unset) else _value(base)}")
    say(f"      {_SIDE['left']} now: {_value(each.left_value)}   {_SIDE['right']} now: {_value(each.right_value)}")


def _hold(each: Hold) -> None:
    field = f" {escape(each.field)}:" if each.field else ""
    say(f"  [blue]·[/blue] {_kind(each.kind)}{_title(each.title)} {_item(each.item)}:{field} {escape(each.message)}")


def _kind(kind: str) -> str:
    return "" if kind == "task" else f"{kind} "


def _title(title: str) -> str:
    return f"[bold]{escape(words.shorten(title))}[/bold]"


def _item(ref: Ref) -> str:
    """``acme/app#12``; of a long id only the beginning, which ``bridge why`` understands."""
    text = ref.key if len(ref.id) < _LONG_ID else f"{ref.connection}:{ref.id[:8]}"
    return f"[dim]{escape(text)}[/dim]"


def _value(held: Any) -> str:
    return escape(words.value(held))


def _rule(change: FieldChange) -> str:
    """Why, without the field's name, which stands at the beginning of the line."""
    rule = change.rule.removeprefix(f"{change.field}: ")
    return f"  [dim]{escape(rule)}[/dim]" if rule else ""
