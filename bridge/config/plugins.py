"""Connectors by type, through the entry-point group ``bridge.connectors``. Nothing is imported before it is named.

Refuses: making connections (wiring does), and knowing which types there are.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from typing import Final

from bridge.errors import ConfigError
from connectors.base import Plugin, Vocabulary

GROUP: Final = "bridge.connectors"


@cache
def _installed() -> dict[str, EntryPoint]:
    return {point.name: point for point in entry_points(group=GROUP)}


def types() -> tuple[str, ...]:
    """The installed connector types, sorted, without importing any."""
    return tuple(sorted(_installed()))


def find(type_: str) -> Plugin:
    """The plugin of one connector type.

    Its ``config`` is a pydantic model with a field ``type: Literal["<type>"]``; in it, a key that ends in ``_file`` is a
    path, which the loader makes absolute, and ``token`` is the secret without which a connection is of little use.
    Raises: ConfigError when no such type is installed or its package is broken.
    """
    point = _installed().get(type_)
    if point is None:
        raise ConfigError(f'no connector of type "{type_}" is installed.', hint=f"Installed: {', '.join(types())}.")
    try:
        plugin = point.load()
    except (ImportError, AttributeError) as error:
        raise ConfigError(
            f'the connector "{type_}" ({point.value}) cannot be loaded: {error}.', hint="Install it again."
        ) from error
    if not isinstance(plugin, Plugin):
        raise ConfigError(
            f'the connector "{type_}" ({point.value}) is a {type(plugin).__name__}, not a Plugin.',
            hint="It was made for another version of Bridge: update it.",
        )
    if "type" not in plugin.config.model_fields:
        raise ConfigError(f'the connector "{type_}" ({point.value}) has a config model without "type".')
    if wrong := _wrong_word(plugin.vocabulary or {}):
        raise ConfigError(
            f'the connector "{type_}" ({point.value}) has a vocabulary that cannot be used: {wrong}.',
            hint="It is its author's to correct; docs/connectors.md says what a vocabulary is.",
        )
    return plugin


def _wrong_word(vocabulary: Vocabulary) -> str:
    """The first entry of a vocabulary that is neither a field nor a choice with its names; "" when there is none."""
    for kind, words in vocabulary.items():
        if not isinstance(words, Mapping):
            return f"{kind} is no table"
        for name, word in words.items():
            if isinstance(word, str) or (kind == "alike" and isinstance(word, bool)):
                continue
            if not isinstance(word, Mapping) or not isinstance(word.get("field"), str):
                return f"{kind}.{name} is neither the name of a field nor a table with one"
            if not all(isinstance(names, (list, tuple)) and names for key, names in word.items() if key != "field"):
                return f"{kind}.{name} has a meaning without a list of names"
    return ""
