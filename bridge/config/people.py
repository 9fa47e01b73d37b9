"""The people of a link as the configuration says: rows that name both sides, and what stands in for others.

Refuses: the trackers' lists of people (``bridge.engine.people``).
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from mappings.people import Fallback, How, People

if TYPE_CHECKING:
    from bridge.config.settings import Link, Settings


def people_of(settings: Settings, link: Link) -> People:
    """The table of a link, with what is written for those who are not in it."""
    left, right = link.left.connection, link.right.connection
    table = People.of([(mine, theirs) for mine, theirs, _ in people_rows(settings, link)], left, right)
    return replace(table, on_left=fallback_of(settings, left), on_right=fallback_of(settings, right))


def are_listed(settings: Settings, link: Link) -> bool:
    """Whether both connections let their lists of people be read, so that addresses may tell who is who."""
    return all(
        getattr(settings.connections[end.connection], "people_every_s", 86_400) for end in (link.left, link.right)
    )


def listed_places(settings: Settings) -> set[tuple[str, str]]:
    """Connection and container of every end whose list of people may be kept."""
    return {
        (end.connection, end.container)
        for link in settings.links
        if are_listed(settings, link)
        for end in (link.left, link.right)
    }


def people_rows(settings: Settings, link: Link) -> list[tuple[str, str, str]]:
    """Left name, right name, and where the row stands, of each row that names both."""
    left, right = link.left.connection, link.right.connection
    return [
        (person[left], person[right], settings.place(("people", index)))
        for index, person in enumerate(settings.people)
        if left in person and right in person
    ]


def fallback_of(settings: Settings, connection: str) -> Fallback:
    """What a connection wants written for people who are nobody there; a plug-in that does not say: nothing."""
    config = settings.connections[connection]
    how: How = getattr(config, "unknown_person", "leave")
    return Fallback(how, getattr(config, "default_person", "") if how == "default" else "")
