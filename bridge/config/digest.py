"""A short text that changes exactly when a link would treat its items differently; parked items wait for that.

Refuses: secrets, and keys that say when or how much a link runs.
"""

from __future__ import annotations

import json
from hashlib import blake2b
from typing import Final

from bridge.config.mistakes import secret_fields
from bridge.config.settings import Link, Settings

_MATTERS: Final = frozenset(
    {
        "left",
        "right",
        "kinds",
        "initial",
        "match",
        "external_id",
        "first_contact",
        "conflict",
        "preset",
        "fields",
        "breaker_returns",
        "on_delete",
        "on_part_delete",
        "delete_label",
    }
)


def config_hash(settings: Settings, link: Link) -> str:
    """32 hex digits over what decides the writes of ``link``: its mapping, its people, its connections without secrets."""
    sides = sorted({link.left.connection, link.right.connection})
    people = [{name: person[name] for name in sides if name in person} for person in settings.people]
    connections = {name: settings.connections[name] for name in sides}
    canonical = {
        "link": link.model_dump(mode="json", include=set(_MATTERS)),
        "people": sorted(
            (person for person in people if len(person) == len(sides)), key=lambda one: sorted(one.items())
        ),
        "connections": {
            name: config.model_dump(mode="json", exclude=set(secret_fields(type(config))))
            for name, config in connections.items()
        },
    }
    text = json.dumps(canonical, sort_keys=True, separators=(",", ":"))
    return blake2b(text.encode(), digest_size=16).hexdigest()
