"""Shows the story of one item."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

from bridge.cli import look_view, show, words
from bridge.cli.show import escape, say
from bridge.model import UNSET

if TYPE_CHECKING:
    from bridge.engine.reasons import Reason
    from bridge.engine.why import FieldStory, Story
    from bridge.model import Record
    from state.history import Entry

_STATES: Final = {
    "settled": "[green]in step[/green]",
    "waiting": "[yellow]waits for the next run[/yellow]",
    "conflict": "[red]conflict[/red]",
    "parked": "[yellow]parked[/yellow]",
    "direction": "one way",
    "drift": "differs, settled",
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
        say(f"  {side:5}  {show_item(record)}{_changed(record)}")
    for reason in story.reasons:
        say(f"  [yellow]{escape(reason.message)}[/yellow]")
        if reason.hint:
            say(f"    {escape(reason.hint)}")
    if story.fields:
        show.table(("field", "left", "right", "when both agreed", "now"), [_field(each) for each in story.fields])
    for each in story.fields:
        _field_notes(each)
    if story.history:
        say("[bold]Last changes[/bold], newest first")
        for entry in story.history:
            say(f"  {_entry(entry)}")
    say()


def _changed(record: Record | None) -> str:
    """When and by whom a side was last changed, as far as its tracker says."""
    if record is None or not (record.updated_at or record.updated_by):
        return ""
    when = f" {words.moment(record.updated_at)}" if record.updated_at else ""
    return f"  [dim](changed{when}{f' by {escape(record.updated_by)}' if record.updated_by else ''})[/dim]"


def _entry(entry: Entry) -> str:
    field = (
        f" {escape(entry.field)}: {look_view.known(entry.before)} → {look_view.known(entry.after)}"
        if entry.field
        else ""
    )
    rule = f"  [dim]{escape(entry.rule)}[/dim]" if entry.rule else ""
    run = f"run {entry.run_id}" if entry.run_id else "by hand"
    return f"{words.moment(entry.at)}  {run}  {entry.action} {entry.side}{field}{rule}"


def _field(each: FieldStory) -> tuple[str, ...]:
    name = each.left_name if each.left_name == each.right_name else f"{each.left_name} / {each.right_name}"
    bases = [look_view.known(base, 40) or "unknown" for base in (each.base_left, each.base_right)]
    agreed = bases[0] if bases[0] == bases[1] else f"{bases[0]} / {bases[1]}"
    left, right = (look_view.known(held, 40) or "not read" for held in (each.left, each.right))
    return escape(name), left, right, agreed, _STATES.get(each.state, f"[yellow]{escape(each.state)}[/yellow]")


def _field_notes(each: FieldStory) -> None:
    for reason in each.reasons:
        hint = f" [bold]{escape(reason.hint)}[/bold]" if reason.hint else ""
        say(f"  {escape(each.left_name)}: {escape(reason.message.rstrip('.'))}.{hint}")
    if each.reasons and each.conflict is not None:
        for side, seen in (("left", each.conflict.clash.left), ("right", each.conflict.clash.right)):
            if seen.by or seen.at:
                by = f" by {escape(seen.by)}" if seen.by else ""
                say(f"    {side} changed {words.moment(seen.at)}{by}")
    if each.reasons and each.last is not None:
        say(f"    last written: {_entry(each.last)}")


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
        "reasons": [_reason(each) for each in story.reasons],
        "title": story.title,
        "left": _item(story.left),
        "right": _item(story.right),
        "waiting": [{"side": each.side, "held": each.held, "attempts": each.attempts} for each in story.waiting],
        "fields": [_field_data(each, story.link) for each in story.fields],
        "parked": [{"reason": each.reason, "message": each.message, "hint": each.hint} for each in story.parked],
        "history": [look_view.entry_data(each, story.link) for each in story.history],
    }


def _item(record: Record | None) -> dict[str, Any] | None:
    if record is None:
        return None
    ref = record.ref
    return {
        "connection": ref.connection,
        "container": ref.container,
        "id": ref.id,
        "url": record.url,
        "changed_at": record.updated_at,
        "changed_by": record.updated_by,
    }


def _reason(each: Reason) -> dict[str, str]:
    return {"code": each.code, "message": each.message, "hint": each.hint}


def _field_data(each: FieldStory, link: str) -> dict[str, Any]:
    held = {name: getattr(each, name) for name in ("left", "right", "base_left", "base_right")}
    return {
        "left_field": each.left_name,
        "right_field": each.right_name,
        **{name: value for name, value in held.items() if value is not UNSET},
        "state": each.state,
        "conflict": None if each.conflict is None else each.conflict.id,
        "parked": [stuck.message for stuck in each.parked],
        "reasons": [_reason(reason) for reason in each.reasons],
        "last_write": None if each.last is None else look_view.entry_data(each.last, link),
    }
