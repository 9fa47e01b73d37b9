"""Whether a link may run under the configuration it has: a change of what is live waits until a person accepts it.

The terms (``bridge/config/terms.py``) are canonical JSON, kept in the state, so that a change can be said in words.
Refuses: asking a tracker, and knowing what the change comes to (``impact.py`` does, in a copy of the state).
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final, TypeAlias

from bridge.engine.link import Link
from bridge.errors import HeldError
from state import links, pairs
from state.store import Session

AUTO: Final = "auto_accept"
FIRST: Final = "first run"
"""Who accepted terms that nobody was asked about."""

_MOST_SAID: Final = 6
_OF_BRIDGE: Final = " of Bridge "


@dataclass(frozen=True, slots=True)
class Change:
    """One difference between the terms that were accepted and those of the configuration.

    ``what``: row (``where`` is its kind and fields), link, filter or connection (``where`` names the side or
    connection), each with the key that differs, "" for a whole row; or person (``where`` is the name on each side).
    ``before`` None: it is new; ``after`` None: gone. ``origin``: where it stands, or stood, "" where that is not known.
    """

    what: str
    where: str
    key: str
    before: Any
    after: Any
    origin: str = ""

    def __str__(self) -> str:
        name = " ".join(part for part in (self.where, self.key) if part)
        lead = f"{self.what} " if self.what in ("row", "person") else ""
        if self.key:
            said = f"{lead}{name}: {_said(self.before)} → {_said(self.after)}"
        elif self.after is None:
            return f"{lead}{name} is gone" + (f" [was {self.origin}]" if self.origin else "")
        else:
            said = f"{lead}{name} is new" + (f" ({_row_said(self.after)})" if self.what == "row" else "")
        return said + (f" [{self.origin}]" if self.origin else "")


def changes(before: str, after: str) -> tuple[Change, ...]:
    """What differs between two terms, in a stable order. Where something stands in the file is no part of it."""
    if before == after:
        return ()
    old, new = _read(before), _read(after)
    return tuple(_between(old, new))


def _between(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[Change]:
    places = _Places(old["told"], new["told"])
    yield from _keys("link", "", (old["link"], new["link"]), places, "link")
    for side in ("left", "right"):
        yield from _keys("filter", side, (old[side], new[side]), places, side)
    for kind in sorted({*old["rows"], *new["rows"]}):
        yield from _rows(kind, (old["rows"].get(kind, {}), new["rows"].get(kind, {})), places)
    for name in sorted({*old["connections"], *new["connections"]}):
        found = old["connections"].get(name, {}), new["connections"].get(name, {})
        yield from _keys("connection", f"connection {name}", found, places, "connections", name)
    for name in sorted(old["people"].keys() ^ new["people"].keys()):
        is_new = name in new["people"]
        origin = places.of("people", name, gone=not is_new)
        yield Change("person", f'"{name}"', "", None if is_new else name, name if is_new else None, origin)


@dataclass(frozen=True, slots=True)
class _Places:
    """What was told of two terms beside them: where each thing stands, and the Bridge that brought the presets."""

    before: Mapping[str, Any]
    after: Mapping[str, Any]

    def of(self, *path: str, gone: bool = False) -> str:
        told = self.before if gone else self.after
        found: Any = told.get("origins", {})
        for key in path:
            found = found.get(key) or {}
        origin = found or ""
        versions = self.before.get("bridge"), self.after.get("bridge")
        if origin.startswith("preset") and versions[0] != versions[1]:
            return f"{origin}{_OF_BRIDGE}{told.get('bridge')}"
        return str(origin)


Two: TypeAlias = tuple[Mapping[str, Any], Mapping[str, Any]]


def _rows(kind: str, both: Two, places: _Places) -> Iterator[Change]:
    old, new = both
    for name in sorted({*old, *new}):
        where = f'{kind} "{name}"'
        if name not in old or name not in new:
            origin = places.of("rows", kind, name, gone=name not in new)
            yield Change("row", where, "", old.get(name), new.get(name), origin)
        else:
            origin = places.of("rows", kind, name)
            for each in _keys("row", where, (old[name], new[name]), places):
                yield replace(each, origin=origin)


def _keys(what: str, where: str, both: Two, places: _Places, *path: str) -> Iterator[Change]:
    old, new = both
    for key in sorted({*old, *new}):
        if old.get(key) != new.get(key):
            origin = places.of(*path, key) if path else ""
            name = "map" if key == "groups" else key
            yield from _values(Change(what, where, name, old.get(key), new.get(key), origin))


def _values(change: Change) -> Iterator[Change]:
    """A changed map as its changed groups, anything else as it is."""
    if change.key != "map":
        yield change
        return
    old, new = ([_group_said(group) for group in groups or ()] for groups in (change.before, change.after))
    gone, came = [one for one in old if one not in new], [one for one in new if one not in old]
    if not (gone or came):
        yield replace(change, key="order of the map", before="; ".join(old), after="; ".join(new))
    else:
        yield replace(change, before="; ".join(gone) or None, after="; ".join(came) or None)


def _group_said(group: Sequence[Sequence[str]]) -> str:
    return " = ".join(", ".join(names) for names in group)


def _row_said(row: Mapping[str, Any]) -> str:
    """A row's keys in a phrase; its map, which may be long, by its length."""
    rest = [f"{key} {_said(value)}" for key, value in sorted(row.items()) if key not in ("direction", "groups")]
    groups = [f"a map of {len(row['groups'])}"] if row.get("groups") else []
    return ", ".join([str(row.get("direction", "both")), *rest, *groups])


def _said(value: Any) -> str:
    if value is None or value in ("", [], {}):
        return "nothing"
    if isinstance(value, str):
        return value
    if isinstance(value, list) and all(isinstance(each, str) for each in value):
        return ", ".join(value)
    return json.dumps(value, ensure_ascii=False, sort_keys=True)


def _read(terms: str) -> dict[str, Any]:
    names = "link", "left", "right", "rows", "connections", "people", "told"
    return {**{name: {} for name in names}, **(json.loads(terms) if terms else {})}


def meanings(terms: str) -> dict[tuple[str, str], str]:
    """What the values of each row mean, by (kind, "left = right"): all that is said of it but its direction and policy."""
    return {
        (kind, name): json.dumps(
            {key: value for key, value in row.items() if key not in ("direction", "conflict")}, sort_keys=True
        )
        for kind, rows in _read(terms)["rows"].items()
        for name, row in rows.items()
    }


# --- may it run? ------------------------------------------------------------------------------------------------------


def unaccepted(session: Session, link_id: int, terms: str) -> tuple[Change, ...]:
    """What a person has to accept before this link runs; empty where it may. While no pair is there nothing is live."""
    known = links.get(session, link_id).accepted
    if known in ("", terms) or not pairs.any_of(session, link_id):
        return ()
    return changes(known, terms)


def admit(session: Session, link: Link, now: datetime) -> tuple[Change, ...]:
    """Let a run begin: with terms that are accepted, or that nobody has to be asked about, which are noted. What was
    accepted by ``auto_accept``. Raises HeldError.
    """
    new = unaccepted(session, link.id, link.terms)
    if new and not link.auto_accept:
        raise held(link.name, new)
    row = links.get(session, link.id)
    if not row.accepted or new or changes(row.accepted, link.terms):
        links.accept(session, link.id, link.terms, now, by=AUTO if new else FIRST)
    elif row.accepted != link.terms:  # the same, elsewhere in the file: the next change says where things stood
        links.accept(session, link.id, link.terms, row.accepted_at or now, by=row.accepted_by)
    return new


def accept(session: Session, link_id: int, terms: str, now: datetime, *, by: str) -> tuple[Change, ...]:
    """Let a link go under these terms from its next run on; what they change of those accepted before. Where that is
    nothing, it stays noted who accepted them when.
    """
    new = unaccepted(session, link_id, terms)
    if new or not links.get(session, link_id).accepted:
        links.accept(session, link_id, terms, now, by=by)
    return new


def held(link: str, new: Sequence[Change]) -> HeldError:
    """Why a link does not run, and what a person can do. Another preset cannot be put back, its rows can."""
    is_ours = any(_OF_BRIDGE in each.origin for each in new)
    back = "write the rows that you had into the configuration" if is_ours else "put the old configuration back"
    return HeldError(
        f'link "{link}" waits: its configuration is not the one that was accepted ({said(new)}). Nothing was written.',
        hint=f'"bridge plan {link}" shows what it would do, "bridge accept {link}" lets it go; or {back}.',
    )


def said(new: Sequence[Change]) -> str:
    """The first changes in words, and how many more there are."""
    shown = "; ".join(str(each) for each in new[:_MOST_SAID])
    return shown if len(new) <= _MOST_SAID else f"{shown}; and {len(new) - _MOST_SAID} more"
