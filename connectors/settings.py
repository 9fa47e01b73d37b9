"""Kinds of settings that several connections have: an address, a time zone, who is who. Each says what it expects;
``Decides`` marks those that a change of which is a change of what is synced.

Refuses: which settings a connection has (its ``TRACKER_config``), I/O.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import time
from typing import Annotated, Literal, TypeAlias
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, Field


@dataclass(frozen=True, slots=True)
class Decides:
    """Marks a setting that decides which records there are or what their fields hold: a change of it is a change of the
    mapping, and waits until it is accepted. Written ``Annotated[str, DECIDES]``.
    """


DECIDES = Decides()


def address(example: str, *tails: str, instead: str = "token", optional: bool = False) -> AfterValidator:
    """An http or https address, kept without a slash at its end and without ``tails``, which people copy along.

    ``instead``: the settings that a login belongs in.
    """

    def checked(value: str) -> str:
        if optional and not value:
            return value
        value = value.rstrip("/")
        for tail in tails:
            value = value.removesuffix(tail).rstrip("/")
        parts = urlsplit(value)
        if parts.scheme not in {"http", "https"} or not parts.hostname or parts.query or parts.fragment:
            raise ValueError(f"must be an http or https address without a query, like {example}")
        if parts.username or parts.password:
            raise ValueError(f"must not hold a user name or password; use {instead}")
        return value

    return AfterValidator(checked)


def _zone(value: str) -> str:
    try:
        ZoneInfo(value)
    except (KeyError, OSError, ValueError) as error:
        raise ValueError('must be a time zone such as "Europe/Berlin"') from error
    return value


def _clock(value: str) -> str:
    try:
        clock = time.fromisoformat(value)
    except ValueError as error:
        raise ValueError('must be a time of day such as "09:00"') from error
    if clock.tzinfo is not None:
        raise ValueError('must be a time of day such as "09:00", without a time zone')
    return clock.strftime("%H:%M")


ZoneName: TypeAlias = Annotated[str, AfterValidator(_zone)]
ZoneNameOrNone: TypeAlias = Annotated[str, AfterValidator(lambda value: value and _zone(value))]
"""Empty where the tracker can be asked."""
TimeOfDay: TypeAlias = Annotated[str, AfterValidator(_clock)]

PeopleEvery: TypeAlias = Annotated[
    int,
    Field(
        ge=0,
        description="Seconds after which the list of people is read again, for matching them by e-mail address. 0: never.",
    ),
]
UnknownPerson: TypeAlias = Annotated[
    Literal["leave", "unassign", "default"],
    Field(
        description="What is written here for an assignee of the other side who is nobody here: leave what there is, "
        "unassign, or default_person."
    ),
    DECIDES,
]
DefaultPerson: TypeAlias = Annotated[
    str,
    Field(description='Who is named here for such a person, as in [[people]], with unknown_person = "default".'),
    DECIDES,
]
