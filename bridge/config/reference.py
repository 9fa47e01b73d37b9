"""docs/configuration.md, written from the models: ``python -m bridge.config.reference > docs/configuration.md``.

Refuses: knowing any key by name.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping
from typing import Any, Final, Literal, get_args, get_origin

from pydantic import BaseModel, SecretStr
from pydantic.fields import FieldInfo

from bridge.config import plugins
from bridge.config.mistakes import is_collection, models_in, secret_fields
from bridge.config.settings import (
    DEFAULT_EVERY_S,
    Daemon,
    Endpoint,
    ExternalId,
    FieldRow,
    Link,
    Log,
    MapRow,
    Settings,
    State,
)
from bridge.config.values import Duration, Interval

_INTRO: Final = """\
# Configuration

One TOML file. Which one: `--config FILE`, else `$BRIDGE_CONFIG`, else `./bridge.toml`, else `/etc/bridge/bridge.toml`.
`bridge init` writes a short one, `bridge init --all` one with every key. `bridge config check` says every mistake at once
with file, line, column and key, the nearest name that would be right, and for a row of `[[links.fields]]` the row and its
line, and exits with 2 if there is one; `--live` also asks the trackers, and says where a row names a field or a map a
name that they do not have.

An editor completes and explains the keys by the file's schema, if it knows taplo (Even Better TOML in VS Code and others):
the line `#:schema ./bridge.schema.json` at the top names the file beside it that `bridge init` writes. After an update of
Bridge, or for a configuration without one: `bridge config schema > bridge.schema.json`.

Unknown keys are mistakes. Relative paths are relative to the folder of the file. Durations are whole seconds or text such
as `"30s"`, `"5m"`, `"1h30m"`, `"1d"`.

## Environment and credentials

Every key outside of lists can be set from the environment: `BRIDGE_`, then the names of table and key with `__` between
them, such as `BRIDGE_DAEMON__PORT` or `BRIDGE_CONNECTIONS__GITHUB__BASE_URL`; a `-` in a connection's name is a `_` there.
Variables that are set but empty count as not set. A `BRIDGE_` variable that names no setting is ignored with a warning.
Connections, people and links themselves are declared in the file.

The same names work for files in `$CREDENTIALS_DIRECTORY`, where systemd puts credentials:

    [Service]
    LoadCredential=BRIDGE_CONNECTIONS__github__token:/etc/bridge/github-token

The first of these counts: environment, credential, file.

## Secrets

A secret is not written into the file. It comes from

1. the environment: `BRIDGE_CONNECTIONS__GITHUB__TOKEN`,
2. a systemd credential: `BRIDGE_CONNECTIONS__github__token`,
3. a file of its own that the configuration names: `token_file = "github-token"`. Bridge warns when others can read it.

The first of these counts. Each secret has such a key: its name with `_file` behind it. One written into the configuration
is a mistake, unless `allow_inline_secrets = true`; then it counts last. A database URL with a password is accepted with a
warning.
"""
_TABLES: Final[tuple[tuple[str, type[BaseModel]], ...]] = (
    ("Top level", Settings),
    ("[state]", State),
    ("[daemon]", Daemon),
    ("[log]", Log),
    ("[[links]]", Link),
    ("left, right of a link", Endpoint),
    ("external_id of a link", ExternalId),
    ("[[links.fields]]", FieldRow),
    ("map of a field", MapRow),
)


def reference() -> str:
    """The page as Markdown. Loads every installed connector. Raises ConfigError for one that cannot be loaded."""
    parts = [_INTRO]
    for title, model in _TABLES:
        parts.append(_table(f"`{title}`" if title[0] == "[" else title, model))
    parts += [
        _table(f'`[connections.NAME]` with `type = "{type_}"`', plugins.find(type_).config) for type_ in plugins.types()
    ]
    return "\n".join(parts)


def _table(title: str, model: type[BaseModel]) -> str:
    lines = [f"## {title}", "", "| key | value | default | meaning |", "|---|---|---|---|"]
    lines += ["| " + " | ".join(row) + " |" for row in _rows(model)]
    return "\n".join((*lines, ""))


def _rows(model: type[BaseModel]) -> Iterable[tuple[str, str, str, str]]:
    for name, info in model.model_fields.items():
        meaning = info.description or ("The connector." if name == "type" else "")
        yield f"`{name}`", _value(info), _default(name, info), meaning.replace("|", "\\|").replace("<", "\\<")
    for name in secret_fields(model):
        yield f"`{name}_file`", "text", "", f"A file that holds `{name}`."


def _value(info: FieldInfo) -> str:
    metadata = repr(info.metadata)
    if "parse_duration" in metadata or info.annotation in (Duration, Interval) or _mentions(info.annotation, Interval):
        return "duration"
    return _words(info.annotation)


def _mentions(annotation: Any, wanted: Any) -> bool:
    return annotation == wanted or any(_mentions(part, wanted) for part in get_args(annotation))


def _words(annotation: Any) -> str:
    inner = models_in(annotation)
    if inner is not None:
        return "tables" if is_collection(annotation) else "table"
    if get_origin(annotation) is Literal:
        return " ".join(f"`{name}`" for name in get_args(annotation))
    parts = [part for part in get_args(annotation) if part not in (type(None), Ellipsis)]
    kind = get_origin(annotation)
    if isinstance(kind, type) and issubclass(kind, Mapping):
        return "table"
    if is_collection(annotation):
        return f"list of {_words(parts[0])}" if parts else "list"
    return _words(parts[0]) if parts else _PLAIN.get(annotation, "text")


_PLAIN: Final = {bool: "true or false", int: "whole number", float: "number", str: "text", SecretStr: "secret text"}


def _default(name: str, info: FieldInfo) -> str:
    if info.is_required() or name == "type":
        return "required"
    if name == "every":
        return f"{DEFAULT_EVERY_S}, without `cron`"
    value = info.default.get_secret_value() if isinstance(info.default, SecretStr) else info.default
    if value is None or isinstance(value, (BaseModel, dict)) or value == ():
        return ""
    if isinstance(value, tuple):
        return "`[" + ", ".join(f'"{one}"' for one in value) + "]`"
    return (
        f"`{str(value).lower()}`"
        if isinstance(value, bool)
        else f'`"{value}"`'
        if isinstance(value, str)
        else f"`{value}`"
    )


if __name__ == "__main__":
    sys.stdout.write(reference())
