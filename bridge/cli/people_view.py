"""How the people of links are shown: a table a link, what helps below it; JSON for programs."""

from __future__ import annotations

import json
from typing import Any

from bridge.cli import show, words
from bridge.engine.who import Stranger, Who
from bridge.model import SIDES, other


def show_people(found: list[Who]) -> None:
    for who in found:
        _show(who)


def _show(who: Who) -> None:
    places = who.asked.places
    names = {side: places[side][0] for side in SIDES}
    show.say(f"[bold]{show.escape(who.asked.link)}[/bold]: " + "; ".join(_listed(who, side) for side in SIDES))
    rows = [
        (show.escape(one.left), show.escape(one.right), show.escape(f"row {one.where}" if one.where else one.how),
         str(one.items["left"]), str(one.items["right"]))
        for one in who.pairings
    ]  # fmt: skip
    if rows:
        heads = names["left"], names["right"]
        show.table((*heads, "known by", *(f"items {name}" for name in heads)), rows)
    for side in SIDES:
        if lacks := who.lists[side].lacks:
            show.say(
                f"[yellow]nobody[/yellow]: default_person of {names[side]}, {show.escape(lacks)}, is not on its list of people."
            )
    for clash in who.ambiguous:
        said = f"{clash.email} is {', '.join(clash.left)} on {names['left']} and {', '.join(clash.right)} on {names['right']}"
        show.say(
            f"[yellow]ambiguous[/yellow]: {show.escape(said)}. Say in [[people]] who is meant.".replace("[[", r"\[[")
        )
    if not who.strangers:
        show.say("Everybody whom items name is known on both sides.")
        return
    columns = ("unknown", "on", "items", "called", "instead of them", "looks like")
    show.table(columns, [_row(who, one) for one in who.strangers])
    show.say("Rows for the configuration; check each name, none is used before you write it:")
    print(rows_to_paste(who))


def _listed(who: Who, side: Any) -> str:
    connection, container = who.asked.places[side]
    held = who.lists[side]
    said = (
        f"{words.plural(held.people, 'person', 'people')}, read {words.ago(held.read_at)}"
        if held.read_at
        else "list of people not read"
    )
    if held.error:
        said += f" [yellow](not shown: {show.escape(held.error)})[/yellow]"
    return f"{show.escape(f'{connection} {container}')} {said}"


def _row(who: Who, one: Stranger) -> tuple[str, ...]:
    called = ", ".join(word for word in (one.shown, one.email) if word and word != one.name)
    return (
        f"[bold]{show.escape(one.name)}[/bold]",
        show.escape(who.asked.places[one.side][0]),
        str(one.items),
        show.escape(called or "-"),
        show.escape(_instead(who, one)),
        show.escape(", ".join(one.suggested) or "-"),
    )


def _instead(who: Who, one: Stranger) -> str:
    """What the other side of a task shows."""
    said = who.asked.fallbacks[other(one.side)]
    if one.is_unsure or who.awaits:
        return "left as it is"
    return {"leave": "left as it is", "unassign": "nobody", "default": said.person}[said.how]


def rows_to_paste(who: Who) -> str:
    """A row of ``[[people]]`` for each unknown person, with the likest name of the other side where there is one."""
    parts = []
    for one in who.strangers:
        mine, theirs = who.asked.places[one.side][0], who.asked.places[other(one.side)][0]
        guess = one.suggested[0] if one.suggested else ""
        mark = "" if guess else "# "
        parts.append(f"{mark}[[people]]\n{mark}{mine} = {json.dumps(one.name, ensure_ascii=False)}\n"
                     f"{mark}{theirs} = {json.dumps(guess, ensure_ascii=False)}\n")  # fmt: skip
    return "\n".join(parts)


def as_json(found: list[Who]) -> None:
    show.as_json([_plain(who) for who in found])


def _plain(who: Who) -> dict[str, Any]:
    asked = who.asked
    sides: dict[str, Any] = {
        side: {
            "connection": asked.places[side][0],
            "container": asked.places[side][1],
            "people": who.lists[side].people,
            "read_at": who.lists[side].read_at,
            "error": who.lists[side].error,
            "unknown_person": asked.fallbacks[side].how,
            "default_person": asked.fallbacks[side].person,
            "default_person_is_missing": bool(who.lists[side].lacks),
        }
        for side in SIDES
    }
    return {
        "link": asked.link,
        **sides,
        "known": [
            {"left": one.left, "right": one.right, "by": one.how, "where": one.where, "items": dict(one.items)}
            for one in who.pairings
        ],
        "unknown": [
            {
                "side": one.side,
                "name": one.name,
                "items": one.items,
                "shown": one.shown,
                "email": one.email,
                "instead": _instead(who, one),
                "suggested": list(one.suggested),
            }
            for one in who.strangers
        ],
        "ambiguous": [{"email": one.email, "left": list(one.left), "right": list(one.right)} for one in who.ambiguous],
        "rows": rows_to_paste(who),
    }
