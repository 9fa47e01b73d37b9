"""``bridge conflicts list|show|resolve``."""

from __future__ import annotations

import json as jsonlib
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from bridge.cli import frame

if TYPE_CHECKING:
    from bridge.model import Side, Value
    from state.conflicts import Conflict
    from state.history import Entry
    from state.store import Session, Store

tree = typer.Typer(help="Fields that both sides changed: look at them, decide them.", no_args_is_help=True)

IdArgument = Annotated[int, typer.Argument(metavar="ID", help="The conflict's number in the list.")]


@tree.command("list")
def list_(
    ctx: typer.Context,
    link: frame.LinkOption = None,
    config: frame.ConfigOption = None,
    json: frame.JsonOption = False,
) -> None:
    """Every conflict that is not resolved. Other fields of the same item go on meanwhile."""
    from bridge.cli import conflict_view

    loaded = frame.settings(ctx, config)
    if link is not None:
        loaded.link(link)
    with frame.state(loaded) as store:
        found, names = store.read_sync(_unresolved, link)
    (conflict_view.as_json if json else conflict_view.show_list)(found, names)


@tree.command("show")
def show(
    ctx: typer.Context,
    number: IdArgument,
    config: frame.ConfigOption = None,
    json: frame.JsonOption = False,
) -> None:
    """One conflict whole: the base, both values, who changed them and when; also once it is resolved."""
    from bridge.cli import conflict_view

    loaded = frame.settings(ctx, config)
    with frame.state(loaded) as store:
        found, names = store.read_sync(_one, number)
        past = store.read_sync(_written, found)
    if json:
        conflict_view.as_json([found], names)
    else:
        conflict_view.show_whole(found, names, past)


@tree.command("resolve")
def resolve(
    ctx: typer.Context,
    numbers: Annotated[
        list[int] | None,
        typer.Argument(metavar="ID", help="The conflicts' numbers in the list.", show_default=False),
    ] = None,
    take: Annotated[
        Literal["left", "right", "base"] | None,
        typer.Option("--take", "-t", help="Take this side's value, or what both held before.", show_default=False),
    ] = None,
    value: Annotated[
        str | None,
        typer.Option("--value", "-v", metavar="V", help="Take this value; labels with commas.", show_default=False),
    ] = None,
    edit: Annotated[
        bool, typer.Option("--edit", "-e", help="Write the value in $VISUAL or $EDITOR, with all three in sight.")
    ] = False,
    side: Annotated[
        Literal["left", "right"], typer.Option("--side", help="Whose words --value and --edit are in.")
    ] = "left",
    everything: Annotated[bool, typer.Option("--all", help="All open conflicts, with --take.")] = False,
    link: Annotated[
        str | None, typer.Option("--link", "-l", metavar="LINK", help="All of this link.", show_default=False)
    ] = None,
    field: Annotated[
        str | None, typer.Option("--field", metavar="F", help="All of this field (left name).", show_default=False)
    ] = None,
    kind: Annotated[
        str | None, typer.Option("--kind", metavar="K", help="All of this kind: task, label.", show_default=False)
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Decide many without asking.")] = False,
    config: frame.ConfigOption = None,
    json: frame.JsonOption = False,
) -> None:
    """Decide conflicts. The next run writes the decision, unless a side moves again before it."""
    from bridge.cli import conflict_view

    many = Many(link, field, kind) if everything or link or field or kind else None
    if (take is not None) + (value is not None) + edit != 1:
        raise typer.BadParameter("say one of --take left|right|base, --value V or --edit.", param_hint="--take")
    if bool(numbers) == bool(many):
        raise typer.BadParameter("name the conflicts' IDs, or --all, --link, --field or --kind.", param_hint="ID")
    if many and take is None:
        raise typer.BadParameter("many conflicts are decided with --take.", param_hint="--take")
    loaded = frame.settings(ctx, config)
    if link is not None:
        loaded.link(link)
    with frame.state(loaded) as store:
        chosen, names = store.read_sync(_open, many, take) if many else store.read_sync(_chosen, numbers or [])
        if many:
            _ask(chosen, names, take, yes=yes, quiet=json)
        texts = _edited(chosen, store, side) if edit else {each.id: value for each in chosen}
        found = store.run_sync(_decide, chosen, take, texts, side, by=frame.who())
    (conflict_view.as_json if json else conflict_view.show_decided)(found, names)


@dataclass(frozen=True, slots=True)
class Many:
    """Which of all open conflicts are meant."""

    link: str | None = None
    field: str | None = None
    kind: str | None = None

    def holds(self, conflict: Conflict, names: Mapping[int, str]) -> bool:
        """Whether this one is among them."""
        return (
            conflict.state == "open"
            and self.link in (None, names.get(conflict.link_id))
            and self.field in (None, conflict.clash.field)
            and self.kind in (None, conflict.clash.kind)
        )


def _open(session: Session, many: Many, take: str | None) -> tuple[list[Conflict], dict[int, str]]:
    """The open conflicts that are meant; for ``base`` those that have one. What was decided already is left alone."""
    from bridge.model import UNSET
    from state import conflicts

    names = _names(session)
    found = [each for each in conflicts.find(session) if many.holds(each, names)]
    if take == "base":
        found = [each for each in found if UNSET not in (each.clash.base_left, each.clash.base_right)]
    return found, names


def _ask(chosen: Sequence[Conflict], names: Mapping[int, str], take: str | None, *, yes: bool, quiet: bool) -> None:
    """Show what will be decided; go on when a person agrees. Raises ConfigError where nobody can be asked."""
    from bridge.cli import conflict_view, words
    from bridge.errors import ConfigError

    if not quiet:
        conflict_view.show_table(chosen, names)
    if yes or not chosen:
        return
    what = f"{words.plural(len(chosen), 'conflict')} would be decided: take {take}."
    if not sys.stdin.isatty():
        raise ConfigError(f"{what} Nobody can answer here.", hint="Say it with --yes.")
    typer.confirm(f"{what} Go on?", abort=True, err=True)


def _edited(chosen: Sequence[Conflict], store: Store, side: Side) -> dict[int, str | None]:
    """One editor after the other; nothing is decided before the last one is closed."""
    from bridge.cli import conflict_edit

    ends = store.read_sync(_ends)
    texts: dict[int, str | None] = {}
    for each in chosen:
        text = conflict_edit.edit(conflict_edit.three_way(each, ends[each.link_id], side))
        texts[each.id] = conflict_edit.read_back(each, text, side)
    return texts


def _ends(session: Session) -> dict[int, tuple[str, str]]:
    from state import links

    return {row.id: (row.left_connection, row.right_connection) for row in links.all_links(session) if row.id}


def _names(session: Session) -> dict[int, str]:
    from state import links

    return {row.id: row.name for row in links.all_links(session) if row.id is not None}


def _unresolved(session: Session, link: str | None) -> tuple[list[Conflict], dict[int, str]]:
    from state import conflicts

    names = _names(session)
    chosen = next((number for number, name in names.items() if name == link), None)
    if link is not None and chosen is None:
        return [], names
    return conflicts.find(session, link_id=chosen), names


def _one(session: Session, number: int) -> tuple[Conflict, dict[int, str]]:
    from bridge.errors import ConfigError
    from state import conflicts

    found = conflicts.get(session, number)
    if found is None:
        raise ConfigError(f"there is no conflict {number}.", hint='"bridge conflicts list" shows those that are.')
    return found, _names(session)


def _written(session: Session, conflict: Conflict) -> list[Entry]:
    """What was written of the field since the conflict began, with what stood there: the losing value is among it."""
    from state import history

    field = conflict.clash.field
    past = history.find(session, pair_id=conflict.clash.pair_id, limit=200)
    return [each for each in past[::-1] if each.rule.startswith(f"{field}: ") and each.at >= conflict.opened_at]


def _chosen(session: Session, numbers: list[int]) -> tuple[list[Conflict], dict[int, str]]:
    return [_one(session, number)[0] for number in dict.fromkeys(numbers)], _names(session)


def _decide(
    session: Session, chosen: Sequence[Conflict], take: Any, texts: Mapping[int, str | None], side: Side, *, by: str
) -> list[Conflict]:
    """All of them or none. Their items are woken, so that the next run plans them."""
    from datetime import UTC, datetime

    from bridge.engine.again import wake
    from state import conflicts, pairs

    decided = []
    for seen in chosen:
        conflict = _unmoved(session, seen, texts.get(seen.id))
        text = texts.get(seen.id)
        choice = conflicts.Take(take) if text is None else conflicts.Put(_value(conflict, text, side), side)
        decided.append(conflicts.decide(session, conflict.id, choice, by=by))
        clash = conflict.clash
        left_id = pairs.by_ids(session, [clash.pair_id])[clash.pair_id].left_id
        wake(session, conflict.link_id, clash.kind, "left", [left_id], datetime.now(UTC))
    return decided


def _unmoved(session: Session, seen: Conflict, text: str | None) -> Conflict:
    """The conflict as it is now, if it still is what was looked at. Raises ConfigError, with the text that was written."""
    from bridge.errors import ConfigError

    now, _ = _one(session, seen.id)
    if (now.clash.left.value, now.clash.right.value) != (seen.clash.left.value, seen.clash.right.value):
        raise ConfigError(
            f"conflict {seen.id} ({seen.clash.field}) moved while it was looked at; nothing was decided.",
            hint="Look at it again." + (f" What you wrote: {text}" if text else ""),
        )
    return now


def _value(conflict: Conflict, text: str, side: Side) -> Value:
    """What was typed, as the kind of value the field holds on that side."""
    from bridge.errors import ConfigError
    from bridge.model import Unset

    clash = conflict.clash
    seen, base = (clash.left, clash.base_left) if side == "left" else (clash.right, clash.base_right)
    like = next((held for held in (seen.value, base) if held is not None and not isinstance(held, Unset)), "")
    if isinstance(like, tuple):
        return tuple(sorted({name.strip() for name in text.split(",") if name.strip()}))
    if isinstance(like, str):
        return text
    try:
        value: Value = jsonlib.loads(text)
    except ValueError:
        raise ConfigError(
            f"{text!r} is not a value for {clash.field}.",
            hint=f"The {side} side holds values such as {jsonlib.dumps(like)}.",
        ) from None
    return value
