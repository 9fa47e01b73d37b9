"""``bridge pairs list|unlink|relink|pin``: which two items belong together, where a person knows better."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from bridge.cli import frame

if TYPE_CHECKING:
    from bridge.config.settings import Settings
    from bridge.engine.why import Story
    from state.pairs import Pair
    from state.store import Session

tree = typer.Typer(help="Which two items belong together, where you know better.", no_args_is_help=True)

ItemArgument = Annotated[
    str, typer.Argument(metavar="ITEM", help='Its address, "acme/app#12" or its id, of either side.')
]


@tree.command("list")
def list_(
    ctx: typer.Context,
    link: frame.LinkOption = None,
    unlinked: Annotated[bool, typer.Option("--unlinked", help="Only pairs that are not synced any more.")] = False,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, max=100_000, help="How many of each link.")] = 100,
    config: frame.ConfigOption = None,
    json: frame.JsonOption = False,
) -> None:
    """The pairs of a link or of all, oldest first."""
    from bridge.cli import show, words

    loaded = frame.settings(ctx, config)
    chosen = [loaded.link(link)] if link is not None else list(loaded.links)
    gone = ("vanished", "unlinked", "deleted")
    statuses = gone if unlinked else ("live", *gone)
    with frame.state(loaded) as store:
        found = [(one.name, pair) for one in chosen for pair in store.read_sync(_pairs, one.name, statuses, limit)]
    if json:
        show.as_json([_data(name, pair) for name, pair in found])
        return
    show.table(
        ("link", "kind", "left", "right", "title", "status", "because"),
        [
            (
                show.escape(name),
                pair.kind,
                show.escape(pair.left_id),
                show.escape(pair.right_id),
                show.escape(words.shorten(_title(pair), 40)),
                "paused" if pair.paused_at and pair.status == "live" else pair.status,
                show.escape(pair.reason),
            )
            for name, pair in found
        ],
    )


@tree.command("unlink")
def unlink(
    ctx: typer.Context,
    item: ItemArgument,
    link: frame.LinkOption = None,
    config: frame.ConfigOption = None,
    json: frame.JsonOption = False,
) -> None:
    """Stop syncing an item. Both records stay as they are and are never paired or created again."""
    loaded = frame.settings(ctx, config)
    with frame.state(loaded) as store:
        story = store.run_sync(_unlink, loaded, item, link)
    _said(story, "unlinked", f"It is left alone on both sides. To sync it again: bridge pairs relink {item}", json=json)


@tree.command("relink")
def relink(
    ctx: typer.Context,
    item: ItemArgument,
    link: frame.LinkOption = None,
    config: frame.ConfigOption = None,
    json: frame.JsonOption = False,
) -> None:
    """Sync an unlinked pair again: the next run carries over what either side changed meanwhile."""
    loaded = frame.settings(ctx, config)
    with frame.state(loaded) as store:
        story = store.run_sync(_relink, loaded, item, link)
    _said(story, "live", f"To do that now: bridge sync {story.link}", json=json)


@tree.command("pin")
def pin(
    ctx: typer.Context,
    link: Annotated[str, typer.Argument(metavar="LINK", help="The link both items belong to.")],
    left: Annotated[str, typer.Argument(metavar="LEFT", help="The left item: its address, container#id or id.")],
    right: Annotated[str, typer.Argument(metavar="RIGHT", help="The right item.")],
    kind: Annotated[str, typer.Option("--kind", help="task, label, comment or time_entry.")] = "task",
    config: frame.ConfigOption = None,
    json: frame.JsonOption = False,
) -> None:
    """Say that two items are one, whatever match rules and markers think, before the first sync or later."""
    from bridge.cli import show

    loaded = frame.settings(ctx, config)
    if kind not in loaded.link(link).kinds:
        raise typer.BadParameter(f"{link} does not sync {kind}s.", param_hint="--kind")
    with frame.state(loaded) as store:
        what, ids = store.run_sync(_pin, link, kind, left, right)
    if json:
        show.as_json({"link": link, "kind": kind, "left": ids[0], "right": ids[1], "result": what})
        return
    if what == "known":
        show.say("They are a pair already.")
    else:
        show.say(f"{show.escape(ids[0])} and {show.escape(ids[1])} are one from the next run on.")
        show.say(f"To do that now: [bold]bridge sync {show.escape(link)}[/bold]")


def _pairs(session: Session, name: str, statuses: tuple[str, ...], limit: int) -> list[Pair]:
    from bridge.model import Kind
    from state import links, pairs

    row = next((row for row in links.all_links(session) if row.name == name), None)
    if row is None or row.id is None:
        return []
    return [
        pair
        for kind in Kind
        for pair in pairs.walk(session, row.id, kind.value, after=0, limit=limit, statuses=statuses)
    ]


def _title(pair: Pair) -> str:
    from bridge.engine.plan import title_of
    from bridge.model import SIDES, Ref
    from state.codec import load_record

    records = [load_record(pair.record(side), Ref("", "", pair.kind, "")) for side in SIDES]
    return next((title for title in map(title_of, records) if title), "")


def _data(name: str, pair: Pair) -> dict[str, object]:
    return {
        "link": name,
        "id": pair.id,
        "kind": pair.kind,
        "left": pair.left_id,
        "right": pair.right_id,
        "status": pair.status,
        "reason": pair.reason,
    }


def find_pair(session: Session, loaded: Settings, item: str, link: str | None) -> tuple[Story, Pair, int]:
    """The one pair that is meant. Raises ConfigError when there is none or more than one."""
    from bridge.engine import why
    from bridge.engine.plan import PARTS
    from bridge.errors import ConfigError
    from state import pairs

    if link is not None:
        loaded.link(link)
    stories = [story for story in why.tell(session, item, names={}, link=link) if story.pair is not None]
    if not stories:
        raise ConfigError(f"{item!r} belongs to no pair.", hint="bridge why shows what is known of it.")
    stories = [story for story in stories if story.kind not in PARTS] or stories  # their ids may be those of tasks
    if len(stories) > 1:
        names = ", ".join(story.link for story in stories)
        raise ConfigError(f"{item!r} belongs to {len(stories)} pairs ({names}).", hint="Choose one with --link.")
    pair = pairs.by_ids(session, [stories[0].pair or 0]).popitem()[1]
    return stories[0], pair, pair.link_id


def _unlink(session: Session, loaded: Settings, item: str, link: str | None) -> Story:
    from datetime import UTC, datetime

    from bridge.engine import relink as ties
    from bridge.errors import ConfigError
    from state import deletions

    story, pair, link_id = find_pair(session, loaded, item, link)
    if pair.status not in ("live", "vanished"):
        raise ConfigError(f"{item!r} is {pair.status} already: {pair.reason.removesuffix('.')}.")
    deletions.forget(session, [pair.id])  # whatever on_delete says, what is left of it stays as it is
    ties.unlink(session, link_id, ties.BY_HAND, pair, "left", f"by {frame.who()}", datetime.now(UTC))
    return story


def _relink(session: Session, loaded: Settings, item: str, link: str | None) -> Story:
    from datetime import UTC, datetime

    from bridge.engine import relink as ties
    from bridge.errors import ConfigError

    story, pair, link_id = find_pair(session, loaded, item, link)
    if pair.status == "live":
        raise ConfigError(f"{item!r} is synced already.", hint="bridge why shows what it waits for.")
    ties.relink(session, link_id, pair, f"relinked by {frame.who()}", datetime.now(UTC))
    return story


def _pin(session: Session, link: str, kind: str, left: str, right: str) -> tuple[str, tuple[str, str]]:
    from datetime import UTC, datetime

    from bridge.engine import relink as ties
    from bridge.errors import ConfigError
    from state import links

    row = next((row for row in links.all_links(session) if row.name == link), None)
    if row is None:
        raise ConfigError(f'the database does not know link "{link}" yet.', hint=f"Run bridge plan {link} first.")
    ids = ties.item_id(row, "left", left), ties.item_id(row, "right", right)
    return ties.pin(session, row, kind, *ids, f"pinned by {frame.who()}", datetime.now(UTC)), ids


def _said(story: Story, status: str, then: str, *, json: bool) -> None:
    from bridge.cli import show

    ids = [side.ref.id for side in (story.left, story.right) if side is not None]
    if json:
        show.as_json({"link": story.link, "kind": story.kind, "items": ids, "title": story.title, "status": status})
        return
    show.say(f"{show.escape(story.title or ' and '.join(ids))}: {status}.")
    show.say(show.escape(then))
