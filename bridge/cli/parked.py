"""``bridge parked list|retry``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from bridge.cli import frame

if TYPE_CHECKING:
    from state.parked import Parked
    from state.store import Session

tree = typer.Typer(help="Items that cannot go on until something changes.", no_args_is_help=True)


@tree.command("list")
def list_(
    ctx: typer.Context,
    link: frame.LinkOption = None,
    config: frame.ConfigOption = None,
    json: frame.JsonOption = False,
) -> None:
    """What is parked, why, and what helps."""
    loaded = frame.settings(ctx, config)
    if link is not None:
        loaded.link(link)
    with frame.state(loaded) as store:
        found, names = store.read_sync(_find, link)
    if json:
        _as_json(found, names)
    else:
        _show(found, names)


@tree.command("retry")
def retry(
    ctx: typer.Context,
    numbers: Annotated[
        list[int] | None, typer.Argument(metavar="ID", help="The numbers in the list.", show_default=False)
    ] = None,
    link: frame.LinkOption = None,
    everything: Annotated[bool, typer.Option("--all", help="All that is parked.")] = False,
    config: frame.ConfigOption = None,
    json: frame.JsonOption = False,
) -> None:
    """Let parked items go: the next run reads and tries them again."""
    if not numbers and link is None and not everything:
        raise typer.BadParameter("name the numbers, a --link, or --all.", param_hint="ID")
    loaded = frame.settings(ctx, config)
    if link is not None:
        loaded.link(link)
    with frame.state(loaded) as store:
        found, names = store.run_sync(_retry, numbers, link)
    if json:
        _as_json(found, names)
        return
    from bridge.cli.show import escape, say
    from bridge.cli.words import plural

    say(f"{plural(len(found), 'item')} will be tried again by the next run.")
    for name in sorted({names[each.link_id] for each in found}):
        say(f"To do that now: [bold]bridge sync {escape(name)}[/bold]")


def _names(session: Session) -> dict[int, str]:
    from state import links

    return {row.id: row.name for row in links.all_links(session) if row.id is not None}


def _find(session: Session, link: str | None) -> tuple[list[Parked], dict[int, str]]:
    from state import parked

    names = _names(session)
    found = parked.find(session)
    return [each for each in found if link in (None, names.get(each.link_id))], names


def _retry(session: Session, numbers: list[int] | None, link: str | None) -> tuple[list[Parked], dict[int, str]]:
    """Forget them and wake their items. All of the numbers or none."""
    from datetime import UTC, datetime

    from bridge.engine.again import let_go
    from bridge.errors import ConfigError
    from state import parked

    there, names = _find(session, link)
    if unknown := sorted(set(numbers or ()) - {each.id for each in there}):
        raise ConfigError(
            f"nothing is parked under {', '.join(map(str, unknown))}.", hint='"bridge parked list" shows what is.'
        )
    gone = parked.release(session, ids=numbers or [each.id for each in there])
    let_go(session, gone, 0, datetime.now(UTC))
    return gone, names


def _show(found: list[Parked], names: dict[int, str]) -> None:
    from bridge.cli import show, words

    if not found:
        show.say("Nothing is parked.")
        return
    columns = ("id", "link", "side", "item", "field", "why", "tried", "since")
    rows = [
        (
            f"[bold]{each.id}[/bold]",
            show.escape(names.get(each.link_id, "?")),
            each.side,
            show.escape(words.shorten(each.title or each.item_id, 40)),
            show.escape(each.field or "(all)"),
            show.escape(f"{each.message} {each.hint}".strip()),
            str(each.attempts),
            words.ago(each.first_at),
        )
        for each in found
    ]
    show.table(columns, rows)
    show.say(
        "Try again after a correction: [bold]bridge parked retry ID[/bold]. A newer change of the item does it too."
    )


def _as_json(found: list[Parked], names: dict[int, str]) -> None:
    from dataclasses import asdict

    from bridge.cli import show

    rows: list[dict[str, Any]] = [{**asdict(each), "link": names.get(each.link_id, "")} for each in found]
    show.as_json([{key: value for key, value in row.items() if key not in ("link_id", "config_hash")} for row in rows])
