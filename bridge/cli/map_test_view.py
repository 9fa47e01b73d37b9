"""Shows what became of real items in a mapping: a table a kind, what comes back otherwise, what cannot be carried."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from bridge.cli import map_words, plan_view, show, words
from bridge.cli.map_view import words_of
from bridge.cli.show import escape, say
from bridge.log import redact
from bridge.model import SIDES, Value, other
from mappings.computed import shown
from mappings.lenses import LEFT_ALONE

if TYPE_CHECKING:
    from bridge.config.settings import Link
    from bridge.engine.trial import Example, Lack, Trial, Verdict, Way
    from bridge.model import Side
    from bridge.preview import Preview

_VERDICTS: Final[tuple[Verdict, ...]] = ("same", "differs", "one-way", "alone", "held", "waits", "empty", "unread")
_HEADINGS: Final = {
    "unmapped": "Names without a word in the map",
    "unknown-person": "People who are nobody on the other side",
    "unreachable": "Names that the other side does not have",
    "too-long": "Too long for the other side",
    "truncated": "Cut on the other side",
    "lossy": "Texts that the other side cannot hold as they are",
    "read-only": "Fields that cannot be written there",
    LEFT_ALONE: "Left where they are, as their row says",
}
_WAITING: Final[Mapping[Verdict, str]] = {
    "waits": "for the partner of the task that they name: they go on by themselves",
    "unread": "to be read first, because their row is new: --live reads them now",
}
_OTHERS: Final = "What else is held back"
_SHOWN: Final = 20
_LONG_ID: Final = 20
_LONGEST: Final = 500
"""Characters of a value that JSON shows."""


def show_preview(found: Preview) -> None:
    """Tables for a person."""
    link = found.link
    say(f"[bold]{escape(link.name)}[/bold]: {escape(plan_view.ends(link))}")
    for trial in found.trials:
        say()
        _kind(trial, found)
    say()
    for side in SIDES:
        _total(found, side)
    requests = sum(found.requests.values())
    say(f"[dim]{words.plural(requests, 'request') if requests else 'No request'}; nothing was written.[/dim]")


def _kind(trial: Trial, found: Preview) -> None:
    link = found.link
    counted = ", ".join(f"{trial.items[side]:,} of {link.side(side).connection}" for side in SIDES)
    whence = "as listed now" if trial.kind in found.fresh else "as the database remembers them"
    title = f"[bold]{words_of(trial.kind)}[/bold]: {escape(counted)}, {whence}"
    columns = ("row", "way", "carried", "as it was", "other", "alone", "held", "none", "row from")
    rows = [_way(row.row.left, row.row.right, row.row.origin, way) for row in trial.rows for way in row.ways.values()]
    if rows:
        show.table(columns, rows, title=title)
    else:
        say(f"{title}; there is nothing to try.")
    _notes(trial, found)
    _differing(trial, link)
    _lacks(trial, link)


def _way(left: str, right: str, origin: str, way: Way) -> tuple[str, ...]:
    count = way.counts
    same = count.get("same", 0) + count.get("one-way", 0)
    held = count.get("held", 0)
    return (
        f"[bold]{escape(map_words.side_by_side(left, right))}[/bold]",
        "→" if way.side == "left" else "←",
        f"{way.carried:,}",
        f"{same:,}",
        f"[yellow]{count['differs']:,}[/yellow]" if count.get("differs") else "0",
        f"{count.get('alone', 0):,}",
        f"[red]{held:,}[/red]" if held else "0",
        f"{sum(count.get(verdict, 0) for verdict in ('empty', 'unread', 'waits')):,}",
        f"[dim]{escape('preset' if origin.startswith('preset') else origin)}[/dim]",
    )


def _notes(trial: Trial, found: Preview) -> None:
    """What was not tried, and why."""
    for side, count in found.left_out.get(trial.kind, {}).items():
        if count:
            show.indented(f"{words.plural(count, 'item')} of the {side} side left out: its filter does not take them.")
    for verdict, why in _WAITING.items():
        names = [row.row.left for row in trial.rows if any(way.counts.get(verdict) for way in row.ways.values())]
        count = sum(way.counts.get(verdict, 0) for row in trial.rows for way in row.ways.values())
        if count:
            show.indented(f"{words.plural(count, 'value')} of {escape(', '.join(map(shown, names)))} wait {why}.")


def _differing(trial: Trial, link: Link) -> None:
    found = [
        (row.row.field(way.side), way, one) for row in trial.rows for way in row.ways.values() for one in way.differing
    ]
    if found:
        say("  [yellow]Come back otherwise[/yellow] (both count as the same: neither side is written again)")
    for name, way, one in found[:_SHOWN]:
        before, back = _difference(one.before, one.back)
        there = "" if isinstance(one.before, str) and len(one.before) > _SHOWN * 2 else f" → {_value(one.there)}"
        show.indented(
            f"{escape(link.side(way.side).connection)} {escape(shown(name))}: {before}{there} → {back}  {_item(one, link.side(way.side).connection)}",
            4,
        )


def _lacks(trial: Trial, link: Link) -> None:
    by_heading: dict[str, list[Lack]] = {}
    for lack in trial.lacks:
        by_heading.setdefault(_HEADINGS.get(lack.reason, _OTHERS), []).append(lack)
    for heading, lacks in by_heading.items():
        color = "dim" if heading == _HEADINGS[LEFT_ALONE] else "red"
        say(f"  [{color}]{heading}[/{color}]")
        for lack in lacks[:_SHOWN]:
            show.indented(_lack(lack, link), 4)
            for one in lack.examples:
                show.indented(_item(one, link.side(lack.side).connection), 6)
        if len(lacks) > _SHOWN:
            show.indented(f"[dim]… and {len(lacks) - _SHOWN:,} more (--json has them)[/dim]", 4)


def _lack(lack: Lack, link: Link) -> str:
    what = f"{_value(lack.value)}: " if lack.value else ""
    near = f" Did you mean {_value(lack.nearest)}?" if lack.nearest else ""
    said = {
        "unmapped": "the map has no row for it.",
        LEFT_ALONE: "the map has no row for it.",
        "unknown-person": f"nobody on {link.side(other(lack.side)).connection}.",
        "unreachable": f"{link.side(other(lack.side)).connection} has no such name.",
        "too-long": f"by up to {lack.over:,}." if lack.over else f"{lack.message}.",
        "truncated": f"by up to {lack.over:,}; {lack.message}.",
    }.get(lack.reason, f"{lack.message.rstrip('.')}.")
    return (
        f"{escape(link.side(lack.side).connection)} [bold]{escape(shown(lack.field))}[/bold] {what}{escape(redact(said))}{near} "
        f"[dim]{words.plural(lack.count, 'item')}, {escape(lack.origin)}[/dim]"
    )


def _total(found: Preview, side: Side) -> None:
    link = found.link
    totals = _totals(found.trials, side)
    here, there = link.side(side).connection, link.side(other(side)).connection
    carried = totals["same"] + totals["differs"] + totals["one-way"]
    parts = [f"{carried:,} carried"]
    parts += [f"[yellow]{totals['differs']:,} of them come back otherwise[/yellow]"] if totals["differs"] else []
    parts += [f"[red]{totals['held']:,} held back[/red]"] if totals["held"] else []
    say(
        f"[bold]{escape(here)} → {escape(there)}[/bold]: {words.plural(carried + totals['held'], 'value')}, {', '.join(parts)}."
    )


def _totals(trials: Iterable[Trial], side: Side) -> dict[Verdict, int]:
    totals = dict.fromkeys(_VERDICTS, 0)
    for trial in trials:
        for row in trial.rows:
            for verdict, count in row.ways[side].counts.items() if side in row.ways else ():
                totals[verdict] += count
    return totals


def _difference(before: Value, back: Value) -> tuple[str, str]:
    """Both values; of long texts the part around where they part."""
    if not isinstance(before, str) or not isinstance(back, str) or len(before) + len(back) < 2 * _SHOWN:
        return _value(before), _value(back)
    from mappings.text.convert import for_people

    left, right = for_people(before), for_people(back)
    if left == right:
        return _value(before), "the same words, formatted otherwise"
    alike = next((at for at, (one, two) in enumerate(zip(left, right, strict=False)) if one != two), 0)
    start = max(0, alike - 10)
    shown = [_value(("…" if start else "") + text[start : start + 40]) for text in (left, right)]
    return shown[0], shown[1]


def _item(one: Example, connection: str) -> str:
    """How a person finds it: its title, and its address or its id, of a long one the beginning, as ``bridge why`` takes it."""
    last = one.item.rpartition("#")[2]
    place = one.url or (one.item if len(last) < _LONG_ID else f"{connection}:{last[:8]}")
    return f"[dim]{escape(redact(words.shorten(one.title, 40)))} {escape(place)}[/dim]"


def _value(held: Value) -> str:
    return escape(redact(words.value(held, 50)))


# --- JSON -------------------------------------------------------------------------------------------------------------


def as_json(found: Preview) -> None:
    """One object; its form is in docs/cli.md."""
    show.as_json(
        {
            "link": found.link.name,
            "carried": not any(trial.held for trial in found.trials),
            "kinds": [_trial_data(trial, found) for trial in found.trials],
            "totals": {side: _totals(found.trials, side) for side in SIDES},
            "requests": dict(found.requests),
        }
    )


def _trial_data(trial: Trial, found: Preview) -> dict[str, Any]:
    return {
        "kind": trial.kind,
        "source": "trackers" if trial.kind in found.fresh else "state",
        "items": dict(trial.items),
        "out_of_scope": dict(found.left_out.get(trial.kind, {})),
        "rows": [
            {
                "left": row.row.left,
                "right": row.row.right,
                "direction": row.row.direction,
                "carried_by": map_words.carried_by(row.row),
                "origin": row.row.origin,
                "ways": [_way_data(way) for way in row.ways.values()],
            }
            for row in trial.rows
        ],
        "lacks": [_lack_data(lack) for lack in trial.lacks],
    }


def _way_data(way: Way) -> dict[str, Any]:
    counts = {verdict: way.counts.get(verdict, 0) for verdict in _VERDICTS}
    return {"from": way.side, "counts": counts, "differs": _examples(way.differing)}


def _lack_data(lack: Lack) -> dict[str, Any]:
    plain = ("side", "field", "reason", "origin", "count", "over")
    told = {name: redact(getattr(lack, name)) for name in ("value", "message", "nearest")}
    return {**{name: getattr(lack, name) for name in plain}, **told, "examples": _examples(lack.examples)}


def _examples(found: Sequence[Example]) -> list[dict[str, Any]]:
    return [
        {
            "item": one.item,
            "url": one.url,
            "title": redact(one.title),
            **{name: _cut(getattr(one, name)) for name in ("before", "there", "back")},
        }
        for one in found
    ]


def _cut(value: Value) -> Any:
    """A value as JSON shows it: of a long text its beginning, and no secret."""
    if isinstance(value, tuple):
        return [_cut(member) for member in value]
    return redact(value)[:_LONGEST] if isinstance(value, str) else value
