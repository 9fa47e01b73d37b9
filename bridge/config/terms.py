"""The terms of a link: what decides which items go over and what is written, as canonical JSON that a person accepts.

Refuses: secrets, where a row stands in the file, people (somebody is added every week), and what only says when or how
much a link runs, or what becomes of a deletion (grace and guard watch over that).
"""

from __future__ import annotations

import json
from dataclasses import MISSING, fields
from typing import TYPE_CHECKING, Any, Final

from bridge.config.rows import row_specs
from connectors.settings import Decides

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pydantic import BaseModel

    from bridge.config.settings import Endpoint, Link, Settings
    from mappings.rows import RowSpec

_LINK: Final = ("conflict", "external_id", "first_contact", "initial", "kinds", "match")
_SIDE: Final = frozenset({"connection", "container"})
"""Of an endpoint only where it is; a link that changed that is refused (``state.links.ensure``)."""
_ROW: Final = frozenset({"left", "right", "origin"})
_ALWAYS: Final = frozenset({"direction"})


def terms_of(settings: Settings, link: Link) -> str:
    """The terms of one link. Rows as they are once presets are laid in, so that another preset is another mapping.

    A key that stands at its default is left out, so that a key which a later Bridge adds changes nothing.

    Raises: ConfigError (a preset that is not for these two trackers).
    """
    terms: dict[str, Any] = {
        "link": link.model_dump(mode="json", include=set(_LINK)),
        "rows": {
            kind: {f"{spec.left} = {spec.right}": _of_row(spec) for spec in specs}
            for kind, specs in row_specs(settings, link).items()
        },
        "left": _of_end(link.left),
        "right": _of_end(link.right),
        "connections": {
            name: _of_connection(settings.connections[name])
            for name in sorted({link.left.connection, link.right.connection})
        },
    }
    return json.dumps(terms, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def terms_to_accept(settings: Settings) -> Mapping[str, str]:
    """By name, the terms of the enabled links for which a person is asked."""
    return {link.name: terms_of(settings, link) for link in settings.links if link.enabled and not link.auto_accept}


def _of_row(spec: RowSpec) -> dict[str, Any]:
    found = {}
    for each in fields(spec):
        value = getattr(spec, each.name)
        default = each.default_factory() if each.default_factory is not MISSING else each.default
        if each.name not in _ROW and (each.name in _ALWAYS or value != default):
            found[each.name] = value
    return found


def _of_end(end: Endpoint) -> dict[str, Any]:
    return end.model_dump(mode="json", exclude=set(_SIDE), exclude_defaults=True)


def _of_connection(config: BaseModel) -> dict[str, Any]:
    deciding = {
        name
        for name, info in type(config).model_fields.items()
        if any(isinstance(mark, Decides) for mark in info.metadata)
    }
    return config.model_dump(mode="json", include=deciding, exclude_defaults=True)
