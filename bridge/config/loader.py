"""From a file, the environment and credentials to ``Settings``, or to every mistake at once.

Refuses: printing, and opening the database or a tracker.
"""

from __future__ import annotations

import logging
import os
import re
import stat
from collections.abc import Callable, Mapping
from pathlib import Path as File
from typing import Any, Final, TypeVar

from pydantic import BaseModel, TypeAdapter, ValidationError

from bridge.config import plugins, secrets
from bridge.config.checks import (
    check_connection_names,
    check_daemon,
    check_endpoint,
    check_links,
    check_people,
    check_stand_ins,
)
from bridge.config.mistakes import InvalidConfig, Mistake, Report, explain, listed, nearest, secret_fields
from bridge.config.settings import Daemon, Link, Settings
from bridge.config.source import BadToml, Path, parse, positions
from bridge.config.values import Text
from bridge.errors import ConfigError

VARIABLE: Final = "BRIDGE_CONFIG"
DEFAULT_FILES: Final = (File("bridge.toml"), File("/etc/bridge/bridge.toml"))

_Model = TypeVar("_Model", bound=BaseModel)
_SQLITE_FILE: Final = re.compile(r"(sqlite(?:\+\w+)?:///)(?!/|:memory:|file:)([^?]+)(.*)")


def load(path: File | None = None, *, warn: Callable[[str], None] | None = None) -> Settings:
    """Read, join and check a configuration.

    ``path``: the file; else ``$BRIDGE_CONFIG``, ``./bridge.toml``, ``/etc/bridge/bridge.toml``. ``warn`` gets each
    warning as one line; by default they go to the log.
    Raises: ConfigError when there is no readable file; InvalidConfig (a ConfigError) with every mistake in it.
    """
    file = locate(path)
    text = _read(file)
    try:
        data = parse(text)
    except BadToml as error:
        raise InvalidConfig(
            [Mistake(f"{file}:{error.line}:{error.column}", "", f"not valid TOML: {error.text}")]
        ) from None
    report = Report(file, positions(text), text, data)
    settings = _Draft(data, report).settings()
    for line in report.warnings():
        (warn or logging.getLogger(__name__).warning)(line)
    return settings


def locate(path: File | None = None) -> File:
    """The configuration file that counts. Raises ConfigError when none was named and none is there."""
    named = path or (File(os.environ[VARIABLE]) if os.environ.get(VARIABLE) else None)
    if named is not None:
        return named
    for file in DEFAULT_FILES:
        if file.exists():
            return file
    raise ConfigError(
        f"there is no configuration: ${VARIABLE} is not set, and neither {' nor '.join(map(str, DEFAULT_FILES))} exists.",
        hint='Write one with "bridge init", or name one with --config.',
    )


def _read(file: File) -> str:
    try:
        return file.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = error.object[: error.start]
        line, column = before.count(b"\n") + 1, len(before[before.rfind(b"\n") + 1 :].decode()) + 1
        raise InvalidConfig(
            [Mistake(f"{file}:{line}:{column}", "", "not UTF-8 text; save the file as UTF-8")]
        ) from None
    except OSError as error:
        raise ConfigError(
            f"{file} cannot be read: {error.strerror}.",
            hint='Name another file with --config, or write one with "bridge init".',
        ) from error


class _Draft:
    """One configuration on its way: raw tables in, models out, mistakes into the report."""

    def __init__(self, data: Mapping[str, Any], report: Report) -> None:
        self.report = report
        self.file = self._sections(data)
        self.types = {name: table.get("type") for name, table in self.file.get("connections", {}).items()}
        self.models = {name: self._model(name, type_) for name, type_ in self.types.items()}
        self.layers = [secrets.environment(report, self.models), secrets.credentials(report, self.models), self.file]
        self.data = secrets.merged(reversed(self.layers))

    def settings(self) -> Settings:
        report, inline = self.report, self._inline_allowed()
        sections = {name: self._section(name, model, inline=inline) for name, model in secrets.SECTIONS.items()}
        connections = {name: self._connection(name, inline=inline) for name in self.types}
        people = self._rows("people", self._person)
        links = self._rows("links", self._link)
        check_connection_names(self.types, report)
        daemon = sections["daemon"]
        if isinstance(daemon, Daemon):
            check_daemon(daemon, report)
        check_people(people, self.types, report)
        check_stand_ins(connections, report)
        check_links(links, self.types, report)
        report.raise_if_any()
        settings = Settings.model_validate(
            {
                "allow_inline_secrets": inline,
                **sections,
                "connections": connections,
                "people": tuple(people.values()),
                "links": tuple(links.values()),
            }
        )
        settings.remember(report.file, report.places)
        return settings

    def _sections(self, data: Mapping[str, Any]) -> dict[str, Any]:
        """The known top-level keys with a value of the right shape."""
        kept = {}
        for key, value in data.items():
            expected = list if key in ("people", "links") else dict
            if key not in Settings.model_fields:
                self.report.mistake((key,), f"unknown key{nearest(key, Settings.model_fields)}")
            elif key != "allow_inline_secrets" and not isinstance(value, expected):
                form = f"tables: write [[{key}]]" if expected is list else f"a table: write [{key}]"
                self.report.mistake((key,), f"expected {form}")
            else:
                kept[key] = value
        for name, table in list(kept.get("connections", {}).items()):
            if not isinstance(table, dict):
                self.report.mistake(("connections", name), f"expected a table: write [connections.{name}]")
                kept["connections"] = {key: value for key, value in kept["connections"].items() if key != name}
        return kept

    def _model(self, name: str, type_: object) -> type[BaseModel] | None:
        path, known = ("connections", name, "type"), plugins.types()
        if type_ is None:
            self.report.mistake(path, f"missing; expected one of {listed(known)}")
        elif type_ not in known:
            near = nearest(type_, known) if isinstance(type_, str) else ""
            self.report.mistake(path, f"expected one of {listed(known)}{near}")
        else:
            try:
                model: type[BaseModel] = plugins.find(str(type_)).config
            except ConfigError as error:
                self.report.mistake(path, str(error))
            else:
                return model
        return None

    def _inline_allowed(self) -> bool:
        value = self.data.get("allow_inline_secrets", False)
        try:
            return TypeAdapter(bool).validate_python(value)
        except ValidationError:
            self.report.mistake(("allow_inline_secrets",), "expected true or false")
            return True  # one mistake is enough

    def _section(self, name: str, model: type[BaseModel], *, inline: bool) -> BaseModel | None:
        path: Path = (name,)
        table = self._secrets_settled(path, model, inline=inline)
        if name == "state":
            for key, value in _placed_state(table, self.report.file).items():
                table[key] = value
        return self._validated(model, table, path)

    def _connection(self, name: str, *, inline: bool) -> BaseModel | None:
        model, path = self.models[name], ("connections", name)
        if model is None:
            return None
        table = self._secrets_settled(path, model, inline=inline)
        for key, value in table.items():
            if key.endswith("_file") and key in model.model_fields and isinstance(value, str) and value:
                table[key] = str(self.report.file.absolute().parent / value)
        if "token" in secret_fields(model) and not table.get("token"):
            self.report.warn(
                path, f"has no token, so it can read little and write nothing; {secrets.places((*path, 'token'))}"
            )
        return self._validated(model, table, path)

    def _secrets_settled(self, path: Path, model: type[BaseModel], *, inline: bool) -> dict[str, Any]:
        table = dict(_at(self.data, path))
        layers = [_at(layer, path) for layer in self.layers]
        for secret in secret_fields(model):
            written = layers[-1].get(secret)
            if written is not None and not inline:
                self._judge_inline((*path, secret), written)
            elif isinstance(written, str) and path != ("state",):
                self._warn_readable((*path, secret))
            secrets.resolve(table, layers, path, secret, self.report)
        return table

    def _judge_inline(self, path: Path, written: object) -> None:
        if path != ("state", "url"):
            self.report.mistake(
                path,
                f"a secret does not belong into this file; {secrets.places(path)}, or set allow_inline_secrets = true",
            )
        elif isinstance(written, str) and secrets.PASSWORD.search(written):
            self.report.warn(path, f"holds a password; {secrets.places(path)}")

    def _warn_readable(self, path: Path) -> None:
        mode = self.report.file.stat().st_mode
        if mode & 0o077:
            self.report.warn(
                path, f"others can read this secret ({stat.filemode(mode)}); run: chmod 600 {self.report.file}"
            )

    def _rows(self, key: str, make: Callable[[object, Path], Any]) -> dict[int, Any]:
        made = {index: make(row, (key, index)) for index, row in enumerate(self.data.get(key, ()))}
        return {index: row for index, row in made.items() if row is not None}

    def _link(self, row: object, path: Path) -> Link | None:
        link = self._validated(Link, row, path)
        if link is None:  # too wrong to be compared with others; the connections it names can still be looked up
            for side in ("left", "right"):
                name = _value(row, (side, "connection"))
                if isinstance(name, str) and name:
                    check_endpoint(name, (*path, side, "connection"), self.types, self.report)
        return link

    def _person(self, row: object, path: Path) -> dict[str, str] | None:
        try:
            return TypeAdapter(dict[str, Text]).validate_python(row)
        except ValidationError as error:
            for one in error.errors(include_url=False, include_context=True, include_input=False):
                self.report.mistake((*path, *one["loc"]), explain(one, Settings, None))
            return None

    def _validated(self, model: type[_Model], table: object, path: Path) -> _Model | None:
        """The model; after mistakes, what remains without the wrong keys, so that the checks between models still run."""
        try:
            return model.model_validate(table)
        except ValidationError as error:
            found = error.errors(include_url=False, include_input=False)
            paths = [tuple(one["loc"]) for one in found]
            rest = _without(table, paths)
        for one, at in zip(found, paths, strict=True):
            if not any(
                at == other[: len(at)] for other in paths if len(other) > len(at)
            ):  # only the consequence of that
                self._tell(one, model, table, path)
        try:
            return model.model_validate(rest)
        except ValidationError:
            return None

    def _tell(self, error: Any, model: type[BaseModel], table: object, path: Path) -> None:
        at = tuple(error["loc"])
        text = explain(error, model, _value(table, at))
        if text == "missing" and len(at) == 1 and at[0] in secret_fields(model):
            text = f"missing; {secrets.places((*path, *at))}"
        self.report.mistake((*path, *at), text)


def _at(data: Mapping[str, Any], path: Path) -> Mapping[str, Any]:
    for part in path:
        data = data.get(str(part), {})
    return data


def _value(data: object, path: Path) -> object:
    for part in path:
        if isinstance(data, Mapping):
            data = data.get(part)
        elif isinstance(data, (list, tuple)) and isinstance(part, int) and part < len(data):
            data = data[part]
        else:
            return None
    return data


def _without(data: object, paths: list[Path]) -> object:
    """A copy of ``data`` without the members at ``paths``."""
    here = {path[0] for path in paths if len(path) == 1}
    below: dict[str | int, list[Path]] = {}
    for path in paths:
        if len(path) > 1:
            below.setdefault(path[0], []).append(path[1:])
    if isinstance(data, Mapping):
        return {key: _without(value, below.get(key, [])) for key, value in data.items() if key not in here}
    if isinstance(data, list):
        return [_without(value, below.get(index, [])) for index, value in enumerate(data) if index not in here]
    return data


def _placed_state(table: Mapping[str, Any], config: File) -> dict[str, Any]:
    """Relative paths of [state] made absolute: they are relative to the configuration's folder."""
    folder = config.absolute().parent
    placed = {}
    url = table.get("url", "sqlite:///bridge.db")
    found = _SQLITE_FILE.fullmatch(url) if isinstance(url, str) else None
    if found:
        placed["url"] = f"{found[1]}{folder / found[2]}{found[3]}"
    if isinstance(table.get("backup_dir"), str):
        placed["backup_dir"] = str(folder / table["backup_dir"])
    return placed
