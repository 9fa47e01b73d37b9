"""Shows the story of one item."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

from bridge.cli import look_view, show, words
from bridge.cli.show import escape, say
from bridge.model import UNSET

if TYPE_CHECKING:
    from bridge.engine.why import FieldStory, Story
    from bridge.model import Record

_STATES: Final = {
    "settled": "[green]settled[/green]",
    "waiting": "[yellow]waits for the next run[/yellow]",
    "conflict": "[red]conflict[/red]",
    "parked": "[yellow]parked[/yellow]",
}


def show_item(record: Record | None) -> str:
    """Where a person finds it."""
    return "—" if record is None else escape(f"{record.ref.connection} {record.url or record.ref.key}")


def show_stories(stories: Sequence[Story]) -> None:
    """One block a link."""
    for story in stories:
        _story(story)


def _story(story: Story) -> None:
    say(f"[bold]{escape(words.shorten(story.title, 80))}[/bold]  [dim]{story.kind}, link {escape(story.link)}[/dim]")
    for side, record in (("left", story.left), ("right", story.right)):
        say(f"  {side:5}  {show_item(record)}")
    if story.pair is None:
        say("  It has no partner yet.")
    elif story.status != "live":
        say(f"  [yellow]{escape(story.status)}[/yellow]: {escape(story.reason)}")
    for item in story.waiting:
        held = f"held back: {escape(item.held)}" if item.held else "a change waits for the next run"
        say(f"  {item.side}: {held}" + (f", tried {item.attempts} times" if item.attempts else ""))
    for stuck in story.parked:
        say(f"  [yellow]parked[/yellow] ({escape(stuck.reason)}): {escape(stuck.message)} {escape(stuck.hint)}")
    if story.fields:
        show.table(("field", "left", "right", "when both agreed", "now"), [_field(each) for each in story.fields])
    for each in story.fields:
        _field_notes(each)
    if story.history:
        say("[bold]Last changes[/bold], newest first")
        for entry in story.history:
            field = (
                f" {entry.field}: {look_view.known(entry.before)} → {look_view.known(entry.after)}"
                if entry.field
                else ""
            )
            rule = f"  [dim]{escape(entry.rule)}[/dim]" if entry.rule else ""
            say(f"  {words.moment(entry.at)}  {entry.action} {entry.side}{field}{rule}")
    say()


def _field(each: FieldStory) -> tuple[str, ...]:
    name = each.left_name if each.left_name == each.right_name else f"{each.left_name} / {each.right_name}"
    bases = [look_view.known(base, 40) or "unknown" for base in (each.base_left, each.base_right)]
    agreed = bases[0] if bases[0] == bases[1] else f"{bases[0]} / {bases[1]}"
    left, right = (look_view.known(held, 40) or "not read" for held in (each.left, each.right))
    return escape(name), left, right, agreed, _STATES[each.state]


def _field_notes(each: FieldStory) -> None:
    if each.conflict is not None:
        number = each.conflict.id
        say(
            f"  {escape(each.left_name)}: both sides changed it. Decide with [bold]bridge conflicts resolve {number}[/bold]."
        )
    for stuck in each.parked:
        say(f"  {escape(stuck.field)} ({stuck.side}): {escape(stuck.message)} {escape(stuck.hint)}")


def as_json(stories: Sequence[Story]) -> None:
    """One object a link."""
    show.as_json([_data(story) for story in stories])


def _data(story: Story) -> dict[str, Any]:
    return {
        "link": story.link,
        "kind": story.kind,
        "pair": story.pair,
        "status": story.status,
        "reason": story.reason,
        "title": story.title,
        "left": _item(story.left),
        "right": _item(story.right),
        "waiting": [{"side": each.side, "held": each.held, "attempts": each.attempts} for each in story.waiting],
        "fields": [_field_data(each) for each in story.fields],
        "parked": [{"reason": each.reason, "message": each.message, "hint": each.hint} for each in story.parked],
        "history": [look_view.entry_data(each, story.link) for each in story.history],
    }


def _item(record: Record | None) -> dict[str, Any] | None:
    if record is None:
        return None
    ref = record.ref
    return {"connection": ref.connection, "container": ref.container, "id": ref.id, "url": record.url}


def _field_data(each: FieldStory) -> dict[str, Any]:
    held = {name: getattr(each, name) for name in ("left", "right", "base_left", "base_right")}
    return {
        "left_field": each.left_name,
        "right_field": each.right_name,
        **{name: value for name, value in held.items() if value is not UNSET},
        "state": each.state,
        "conflict": None if each.conflict is None else each.conflict.id,
        "parked": [stuck.message for stuck in each.parked],
    }
