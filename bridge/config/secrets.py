"""Values from outside the file: environment and systemd credentials (pydantic-settings), and ``<secret>_file`` keys.

For a secret the first of these counts: environment, credential, ``<secret>_file``, the file itself (only with
``allow_inline_secrets``). For any other key: environment, credential, file.
Refuses: judging values; a secret that cannot be read is a mistake like any other.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterable, Mapping
from pathlib import Path as File
from typing import Any, Final

from pydantic import BaseModel, SecretStr
from pydantic_settings import BaseSettings, EnvSettingsSource, NestedSecretsSettingsSource, SettingsConfigDict

from bridge.config.mistakes import Report, is_collection, models_in, nearest, secret_fields
from bridge.config.settings import Daemon, Log, Settings, State
from bridge.config.source import Path

PREFIX: Final = "BRIDGE_"
OTHER_NAMES: Final = ("BRIDGE_CONFIG", "BRIDGE_CONTRACT_DIR")
"""Variables that are not settings: the configuration's path, and the folder of specifications our tests use."""

SECTIONS: Final[Mapping[str, type[BaseModel]]] = {"state": State, "daemon": Daemon, "log": Log}
_FILE: Final = "_file"
PASSWORD: Final = re.compile(r"://[^/@:]*:(?P<plain>.+)@|[?&]password=(?P<query>[^&]+)")
"""The password in a database URL, before the host or in the query."""
_MAX_SECRET_BYTES: Final = 65_536

Models = Mapping[str, type[BaseModel] | None]


class _Outside(BaseSettings):
    """What may come from outside. Lists stand in the file only."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, env_nested_delimiter="__", case_sensitive=False)

    allow_inline_secrets: Any = None
    state: dict[str, Any] = {}
    daemon: dict[str, Any] = {}
    log: dict[str, Any] = {}
    connections: dict[str, dict[str, Any]] = {}


class _Environment(EnvSettingsSource):
    """Plain text, never JSON: a numeric secret stays the text it is."""

    def decode_complex_value(self, field_name: str, field: Any, value: Any) -> Any:  # noqa: ARG002
        return value


class _Credentials(NestedSecretsSettingsSource):
    def decode_complex_value(self, field_name: str, field: Any, value: Any) -> Any:  # noqa: ARG002
        return value


def environment_name(path: Path) -> str:
    """``("connections", "my-hub", "token")`` as ``BRIDGE_CONNECTIONS__MY_HUB__TOKEN``."""
    return PREFIX + "__".join(str(part).replace("-", "_").upper() for part in path)


def credential_name(path: Path) -> str:
    """The same as the file name of a systemd credential: ``BRIDGE_CONNECTIONS__my_hub__token``."""
    parts = [str(part).replace("-", "_") for part in path]
    return PREFIX + "__".join((parts[0].upper(), *parts[1:]))


def places(path: Path) -> str:
    """Where a secret can be put instead of into the file."""
    return (
        f"put it into the environment ({environment_name(path)}), into a file named by {path[-1]}{_FILE}, "
        f"or into the systemd credential {credential_name(path)}"
    )


def environment(report: Report, models: Models) -> dict[str, Any]:
    """The settings in the environment. Unknown ``BRIDGE_`` names become warnings."""
    known = _known(models)
    names = [name for name in os.environ if name.upper().startswith(PREFIX) and name.upper() not in OTHER_NAMES]
    accepted = _accept(names, known, report, "environment")
    source = _Environment(_Outside, env_ignore_empty=True)
    source.env_vars = {name: value for name, value in source.env_vars.items() if name in accepted}
    return _placed(source(), accepted, report, "environment")


def credentials(report: Report, models: Models) -> dict[str, Any]:
    """The settings in ``$CREDENTIALS_DIRECTORY``, one file each, named as in the environment."""
    folder = os.environ.get("CREDENTIALS_DIRECTORY")
    if not folder:
        return {}
    as_settings: Any = _Outside  # the class is documented to be welcome where the signature wants a source
    reason = ""
    try:
        names = [entry.name for entry in File(folder).iterdir() if entry.name.upper().startswith(PREFIX)]
        source = _Credentials(as_settings, secrets_dir=folder)
    except OSError as error:
        reason = error.strerror or "no reason given"
    except ValueError:  # SettingsError, or bytes that are no text; either may quote what it read
        reason = "its files are too large, or one is not UTF-8 text"
    if reason:
        report.mistake_at(f"$CREDENTIALS_DIRECTORY ({folder})", f"cannot be read: {reason}")
        return {}
    accepted = _accept(names, _known(models), report, "credential")
    source.env_vars = {name: value for name, value in source.env_vars.items() if name in accepted}
    return _placed(source(), accepted, report, "credential")


def _known(models: Models) -> dict[str, Path]:
    """Every name that may be set from outside, by its lower-case variable name."""
    paths: list[Path] = [("allow_inline_secrets",)]
    for section, model in SECTIONS.items():
        paths += _paths(model, (section,))
    for name, connector in models.items():
        paths += _paths(connector, ("connections", name)) if connector else ()
    return {environment_name(path).lower(): path for path in paths}


def _paths(model: type[BaseModel], at: Path) -> Iterable[Path]:
    for name, info in model.model_fields.items():
        inner = models_in(info.annotation)
        if inner is not None:
            yield from _paths(inner, (*at, name))
        elif not is_collection(info.annotation) and name != "type":
            yield (*at, name)
    for name in secret_fields(model):
        yield (*at, name + _FILE)


def _accept(names: Iterable[str], known: Mapping[str, Path], report: Report, what: str) -> dict[str, tuple[Path, str]]:
    """Lower-case name → (path, name as it is written), for the names that mean something."""
    accepted = {}
    for name in sorted(names):
        path = known.get(name.lower())
        if path is None:
            report.warn_at(f"{what} {name}", "names no setting and is ignored" + _near(name, known))
        else:
            accepted[name.lower()] = (path, f"{what} {name}")
    return accepted


def _near(name: str, known: Mapping[str, Path]) -> str:
    if name.lower().split("__")[0] in ("bridge_people", "bridge_links"):
        return "; people and links stand in the file only"
    return nearest(name.upper(), [one.upper() for one in known])


def _placed(
    values: Mapping[str, Any], accepted: Mapping[str, tuple[Path, str]], report: Report, what: str
) -> dict[str, Any]:
    """The source's nested values under the names the file uses (``my-hub``, not ``my_hub``)."""
    placed: dict[str, Any] = {}
    for name, (path, written) in accepted.items():
        value: Any = values
        for word in name.removeprefix(PREFIX.lower()).split("__"):
            value = value.get(word) if isinstance(value, Mapping) else None
        if value in (None, ""):  # set but empty
            continue
        table = placed
        for part in path[:-1]:
            table = table.setdefault(str(part), {})
        table[str(path[-1])] = value
        if what == "environment" or path not in report.origins:
            report.origins[path] = written
    return placed


def merged(layers: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """Tables joined key by key; a later layer wins."""
    result: dict[str, Any] = {}
    for layer in layers:
        for key, value in layer.items():
            old = result.get(key)
            if isinstance(old, dict) and isinstance(value, Mapping):
                result[key] = merged((old, value))
            else:
                result[key] = value
    return result


def resolve(
    table: dict[str, Any], layers: Iterable[Mapping[str, Any]], path: Path, secret: str, report: Report
) -> None:
    """Settle one secret of ``table`` in place: the first of ``layers`` that has it or its ``_file`` key counts."""
    table.pop(secret, None)
    table.pop(secret + _FILE, None)
    for layer in layers:
        value, file = layer.get(secret), layer.get(secret + _FILE)
        if value is not None and file is not None:
            report.mistake((*path, secret + _FILE), f"give either {secret} or {secret}{_FILE}, not both")
        if file is not None and value is None:
            value = _read(file, (*path, secret + _FILE), report)
            report.origins.setdefault((*path, secret), report.where((*path, secret + _FILE)))
        if value is not None:
            table[secret] = value
            if isinstance(value, str) and len(value) > 3:
                report.secrets.add(value)
            return


def _read(name: object, path: Path, report: Report) -> str:
    """The text of a secret file without surrounding blanks; "" after a mistake was noted."""
    if not isinstance(name, str) or not name:
        report.mistake(path, "expected the path of a file")
        return ""
    file = report.file.parent / File(name).expanduser()
    try:
        mode = file.stat().st_mode
        if not stat.S_ISREG(mode):
            report.mistake(path, f"{file} is not a file")
            return ""
        with file.open("rb") as opened:
            text = opened.read(_MAX_SECRET_BYTES + 1).decode().strip()
    except UnicodeDecodeError:
        report.mistake(path, f"{file} is not UTF-8 text")
        return ""
    except OSError as error:
        report.mistake(path, f"{file} cannot be read: {error.strerror}")
        return ""
    if not text or len(text) > _MAX_SECRET_BYTES:
        report.mistake(path, f"{file} is {'too large for a secret' if text else 'empty'}")
        return ""
    if mode & 0o077:
        report.warn(path, f"{file} can be read by others ({stat.filemode(mode)}); run: chmod 600 {file}")
    return text


def secret_values(settings: Settings) -> tuple[str, ...]:
    """Every secret of a configuration, for those who must keep them out of what they write.

    Of the database's URL only the password.
    """
    password = PASSWORD.search(settings.state.url.get_secret_value())
    found = [password["plain"] or password["query"]] if password else []
    for config in settings.connections.values():
        values = (getattr(config, name) for name in secret_fields(type(config)))
        found += [value.get_secret_value() for value in values if isinstance(value, SecretStr)]
    return tuple(value for value in found if value)
