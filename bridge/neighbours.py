"""What links that read the same container have to know of each other (S30), worked out once for all of them.

A link that cannot be made ready for a mistake of its own is left out: the others go on (S24), and it is told by itself.
Refuses: asking a tracker or the state.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from bridge.config.expressions import filter_names
from bridge.config.rows import match_names, names_of, row_specs
from bridge.config.settings import Link, Settings
from bridge.config.terms import terms_of
from bridge.engine.link import End, ExternalId, MatchFields
from bridge.errors import ConfigError
from bridge.model import SIDES, Side, other
from mappings.rows import RowSpec

_ALWAYS: Final[Mapping[str, frozenset[str]]] = {
    "comment": frozenset({"author"}),
    "time_entry": frozenset({"person", "spent_on"}),
}
"""Fields that are read whether a row maps them or not: bylines name authors, first contact looks at days."""


@dataclass(frozen=True)
class Neighbours:
    """The links of a configuration. ``ids``: the state's number of each, by name; one without takes no part."""

    settings: Settings
    ids: Mapping[str, int]

    def terms(self, link: Link) -> str:
        """What a person accepts of a link. Raises ConfigError."""
        if link.name not in self._terms:
            self._terms[link.name] = terms_of(self.settings, link)
        return self._terms[link.name]

    def terms_beside(self, link: Link) -> dict[int, str]:
        """What is asked about the other links that read one of this link's containers, by number."""
        beside = {each.name: each for side in SIDES for each, _ in self._readers[_place(link, side)]}
        return {
            self.ids[name]: self.terms(each)
            for name, each in beside.items()
            if name != link.name and not each.auto_accept
        }

    @cached_property
    def matches(self) -> Mapping[tuple[int, str], MatchFields]:
        """How records of every link match, by number and kind: a poll serves all who read the container."""
        return {
            (self.ids[link.name], kind): MatchFields(
                *match_names(self.settings, link, kind),
                _external(link, kind),
                by_words=kind == "comment",
                scope={side: filter_names(link, kind, side) for side in SIDES},
            )
            for link in self.settings.links
            if link.name in self._rows
            for kind in link.kinds
        }

    def wanted(self, end: End, kind: str) -> frozenset[str]:
        """The fields that any link wants of a container: one poll serves them all."""
        return frozenset(
            name
            for link, side in self._readers[end.connection, end.container]
            if kind in link.kinds
            for name in asked(link, kind, self._rows[link.name][kind], side)
        ) | _ALWAYS.get(kind, frozenset())

    @cached_property
    def _terms(self) -> dict[str, str]:
        return {}

    @cached_property
    def _rows(self) -> dict[str, Mapping[str, tuple[RowSpec, ...]]]:
        """The rows of each enabled link that has some, by name and kind."""
        found: dict[str, Mapping[str, tuple[RowSpec, ...]]] = {}
        for link in self.settings.links:
            if link.enabled and link.name in self.ids:
                try:
                    found[link.name] = row_specs(self.settings, link)
                except ConfigError:
                    continue  # its own run says so
        return found

    @cached_property
    def _readers(self) -> Mapping[tuple[str, str], list[tuple[Link, Side]]]:
        """The links that read a container, each with the side it is on."""
        found: dict[tuple[str, str], list[tuple[Link, Side]]] = defaultdict(list)
        for link in self.settings.links:
            for side in SIDES if link.name in self._rows else ():
                found[_place(link, side)].append((link, side))
        return found


def asked(link: Link, kind: str, specs: Collection[RowSpec], side: Side) -> frozenset[str]:
    """The fields of a side that a link reads."""
    return names_of(specs, side) | naming(link, kind, side) | filter_names(link, kind, side)


def naming(link: Link, kind: str, side: Side) -> frozenset[str]:
    """The field of a side that names partners, if the link has one (S8a)."""
    name = link.external_id.left if side == "left" else link.external_id.right
    return frozenset((name,)) if name is not None and kind == "task" else frozenset()


def _external(link: Link, kind: str) -> dict[Side, ExternalId]:
    there = {side: link.side(other(side)) for side in SIDES}
    return {
        side: ExternalId(name, there[side].connection, there[side].container)
        for side in SIDES
        for name in naming(link, kind, side)
    }


def _place(link: Link, side: Side) -> tuple[str, str]:
    end = link.side(side)
    return end.connection, end.container
