"""``bridge conflicts list|show|resolve``."""

from __future__ import annotations

import json as jsonlib
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from bridge.cli import frame

if TYPE_CHECKING:
    from bridge.model import Side, Value
    from state.conflicts import Conflict
    from state.store import Session

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
    """One conflict whole: the base, both values, who changed them and when."""
    from bridge.cli import conflict_view

    loaded = frame.settings(ctx, config)
    with frame.state(loaded) as store:
        found, names = store.read_sync(_one, number)
    (conflict_view.as_json if json else conflict_view.show_whole)([found], names)


@tree.command("resolve")
def resolve(
    ctx: typer.Context,
    numbers: Annotated[list[int], typer.Argument(metavar="ID", help="The conflicts' numbers in the list.")],
    take: Annotated[
        Literal["left", "right", "base"] | None,
        typer.Option("--take", "-t", help="Take this side's value, or what both held before.", show_default=False),
    ] = None,
    value: Annotated[
        str | None,
        typer.Option(
            "--value",
            "-v",
            metavar="V",
            help="Take this value; labels with commas.",
            show_default=False,
        ),
    ] = None,
    side: Annotated[Literal["left", "right"], typer.Option("--side", help="Whose words --value is in.")] = "left",
    config: frame.ConfigOption = None,
    json: frame.JsonOption = False,
) -> None:
    """Decide conflicts. The next run writes the decision, unless a side moves again before it."""
    from bridge.cli import conflict_view

    if (take is None) == (value is None):
        raise typer.BadParameter("say either --take left|right|base or --value V.", param_hint="--take")
    loaded = frame.settings(ctx, config)
    with frame.state(loaded) as store:
        found, names = store.run_sync(_decide, numbers, take, value, side, by=frame.who())
    (conflict_view.as_json if json else conflict_view.show_decided)(found, names)


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


def _decide(
    session: Session, numbers: list[int], take: Any, text: str | None, side: Side, *, by: str
) -> tuple[list[Conflict], dict[int, str]]:
    """All of them or none. Their items are woken, so that the next run plans them."""
    from datetime import UTC, datetime

    from bridge.engine.again import wake
    from state import conflicts, pairs

    decided = []
    for number in dict.fromkeys(numbers):
        conflict, _ = _one(session, number)
        choice = conflicts.Take(take) if text is None else conflicts.Put(_value(conflict, text, side), side)
        decided.append(conflicts.decide(session, number, choice, by=by))
        clash = conflict.clash
        left_id = pairs.by_ids(session, [clash.pair_id])[clash.pair_id].left_id
        wake(session, conflict.link_id, clash.kind, "left", [left_id], datetime.now(UTC))
    return decided, _names(session)


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
