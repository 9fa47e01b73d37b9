"""The terms of a link: what decides which items go over and what is written, as canonical JSON that a person accepts.

Every key of a link, an end and a row is part of them unless it is named here as harmless, so that a key which is added
later is asked about; of a connection the settings marked ``Decides``.
Refuses: secrets, and what only says when, how fast or how much at once a link runs.
"""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import MISSING, fields
from typing import TYPE_CHECKING, Any, Final

from bridge.config.people import people_rows
from bridge.config.rows import row_specs
from bridge.errors import ConfigError
from bridge.version import __version__
from connectors.settings import Decides

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from pydantic import BaseModel

    from bridge.config.settings import Endpoint, Link, Settings
    from mappings.rows import RowSpec

HARMLESS: Final = frozenset(
    {
        "name",  # another name is another link
        "enabled", "every", "cron", "jitter",  # when it runs
        "max_writes", "max_creates", "verify_after", "audit_days",  # how much at once, how carefully
        "breaker_returns", "delete_grace", "max_deletes", "max_delete_percent",  # guards: less is written, or later
        "undo_creates",  # what a person is asked for anyway
        "auto_accept",
    }
)  # fmt: skip
"""Keys of a link that change nothing of what is written for an edit."""
ELSEWHERE: Final = frozenset({"left", "right", "preset", "fields"})
"""Keys of a link that are in the terms by what they come to: the two ends, and the rows of all kinds."""
PLACE: Final = frozenset({"connection", "container"})
"""Of an end only where it is; a link that changed that is refused (``state.links.ensure``)."""

_SAID: Final = frozenset({"conflict", "external_id", "first_contact", "initial", "kinds", "match"})
"""Keys that are written down at their default too, so that another default is noticed."""
_BESIDE: Final = frozenset({"left", "right", "origin", "has_own_map"})
"""Of a row its name, where it stands, and how strictly it is checked."""
_FOR_PEOPLE: Final = frozenset({"people", "byline"})
"""Transforms that ask who is who."""


def terms_of(settings: Settings, link: Link) -> str:
    """The terms of one link. Rows as they are once presets are laid in, so that another preset is another mapping.

    A key that stands at its default is left out, so that a key which a later Bridge adds changes nothing. ``told`` is no
    part of what is compared: by the same keys where each stands, and the Bridge that brought the presets.

    Raises: ConfigError (a preset that is not for these two trackers).
    """
    specs = row_specs(settings, link)
    names = sorted({link.left.connection, link.right.connection})
    terms: dict[str, Any] = {
        "link": _of_link(link),
        "rows": {kind: {_name(spec): _of_row(spec) for spec in rows} for kind, rows in specs.items()},
        "left": _of_end(link.left),
        "right": _of_end(link.right),
        "connections": {name: _of_connection(settings.connections[name]) for name in names},
        "people": {f"{left} = {right}": True for left, right, _ in _people(settings, link, specs)},
    }
    told = {"bridge": __version__, "origins": _origins(settings, link, terms, specs)}
    return json.dumps({**terms, "told": told}, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def terms_to_accept(settings: Settings) -> Mapping[str, str]:
    """By name, the terms of the enabled links for which a person is asked; a link that has none, for a mistake of its own,
    says so when it is to run.
    """
    found = {}
    for link in settings.links:
        if link.enabled and not link.auto_accept:
            with suppress(ConfigError):
                found[link.name] = terms_of(settings, link)
    return found


def _of_link(link: Link) -> dict[str, Any]:
    left_out = {*HARMLESS, *ELSEWHERE}
    found = {
        **link.model_dump(mode="json", exclude=left_out, exclude_defaults=True),
        **link.model_dump(mode="json", include=set(_SAID)),
    }
    return {
        key: sorted(value) if isinstance(value, list) else value for key, value in found.items()
    }  # sets, all of them


def _name(spec: RowSpec) -> str:
    return f"{spec.left} = {spec.right}"


def _of_row(spec: RowSpec) -> dict[str, Any]:
    found = {}
    for each in fields(spec):
        value = getattr(spec, each.name)
        default = each.default_factory() if each.default_factory is not MISSING else each.default
        if each.name not in _BESIDE and (each.name == "direction" or value != default):
            found[each.name] = value
    return found


def _of_end(end: Endpoint) -> dict[str, Any]:
    return end.model_dump(mode="json", exclude=set(PLACE), exclude_defaults=True)


def _of_connection(config: BaseModel) -> dict[str, Any]:
    return config.model_dump(mode="json", include=set(deciding(type(config))), exclude_defaults=True)


def deciding(model: type[BaseModel]) -> frozenset[str]:
    """The settings of a connection that decide which records there are, what their fields hold or what is written."""
    return frozenset(
        name for name, info in model.model_fields.items() if any(isinstance(mark, Decides) for mark in info.metadata)
    )


def _people(settings: Settings, link: Link, specs: Mapping[str, Iterable[RowSpec]]) -> Iterable[tuple[str, str, str]]:
    """The rows of [[people]] that name both sides; none where no row of the link asks who is who."""
    asked = any(row.transform in _FOR_PEOPLE and row.direction != "off" for rows in specs.values() for row in rows)
    return people_rows(settings, link) if asked else []


def _origins(
    settings: Settings, link: Link, terms: Mapping[str, Any], specs: Mapping[str, Iterable[RowSpec]]
) -> dict[str, Any]:
    """Where each of the terms stands in the file, in the same shape; nothing of settings that no file holds."""
    at = settings.number(link.name)
    keys = {*type(link).model_fields} - HARMLESS - ELSEWHERE
    return {
        "link": {key: settings.place(("links", at, key)) for key in sorted(keys)},
        "rows": {kind: {_name(spec): spec.origin for spec in rows} for kind, rows in specs.items()},
        **{
            side: {key: settings.place(("links", at, side, key)) for key in sorted(type(link.side(side)).model_fields)}
            for side in ("left", "right")
        },
        "connections": {
            name: {
                key: settings.place(("connections", name, key))
                for key in sorted(deciding(type(settings.connections[name])))
            }
            for name in terms["connections"]
        },
        "people": {f"{left} = {right}": origin for left, right, origin in _people(settings, link, specs)},
    }
