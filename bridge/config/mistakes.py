"""What is wrong with a configuration, said to the person who wrote it: place, key, what was expected.

Refuses: finding mistakes (loader.py, checks.py) and repeating values that may be secret.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path as File
from typing import Any, Final, get_args, get_origin

from pydantic import BaseModel, SecretStr
from pydantic_core import ErrorDetails

from bridge.config.source import Path
from bridge.errors import ConfigError

HIDDEN: Final = "[hidden]"


@dataclass(frozen=True, slots=True)
class Mistake:
    """One thing to correct. ``where`` is ``file:line`` or the name of a variable or a credential."""

    where: str
    key: str
    text: str

    def __str__(self) -> str:
        return ": ".join(part for part in (self.where, self.key, self.text) if part)


class InvalidConfig(ConfigError):
    """Everything that is wrong, in the order of the file. ``mistakes`` has them one by one."""

    def __init__(self, mistakes: Iterable[Mistake]) -> None:
        self.mistakes = tuple(mistakes)
        super().__init__("\n".join(str(mistake) for mistake in self.mistakes))


@dataclass(slots=True)
class Report:
    """Collects mistakes and warnings while a configuration is read.

    ``lines`` are the positions of keys in ``file``; ``origins`` names the variable or credential that a value came
    from instead; ``secrets`` are the values that no text may repeat.
    """

    file: File
    lines: Mapping[Path, int]
    origins: dict[Path, str] = field(default_factory=dict)
    secrets: set[str] = field(default_factory=set)
    _found: list[tuple[int, Mistake]] = field(default_factory=list)
    _warnings: list[str] = field(default_factory=list)

    def line(self, path: Path) -> int:
        """The line of a key, else of the table it is missing from; 1 at worst."""
        while path and path not in self.lines:
            path = path[:-1]
        return self.lines.get(path, 1)

    def where(self, path: Path) -> str:
        for size in range(len(path), 0, -1):
            if path[:size] in self.origins:
                return self.origins[path[:size]]
        return f"{self.file}:{self.line(path)}"

    def mistake(self, path: Path, text: str) -> None:
        self._found.append((self.line(path), Mistake(self.where(path), dotted(path), text)))

    def mistake_at(self, where: str, text: str) -> None:
        self._found.append((0, Mistake(where, "", text)))

    def warn(self, path: Path, text: str) -> None:
        self.warn_at(f"{self.where(path)}: {dotted(path)}", text)

    def warn_at(self, where: str, text: str) -> None:
        self._warnings.append(f"{where}: {text}")

    def warnings(self) -> list[str]:
        return [self._hide(text) for text in self._warnings]

    def raise_if_any(self) -> None:
        """Raises InvalidConfig with every mistake so far, once each, by line."""
        if self._found:
            ordered = dict.fromkeys(mistake for _, mistake in sorted(self._found, key=lambda found: found[0]))
            raise InvalidConfig(Mistake(one.where, one.key, self._hide(one.text)) for one in ordered)

    def _hide(self, text: str) -> str:
        for secret in sorted(self.secrets, key=len, reverse=True):
            text = text.replace(secret, HIDDEN)
        return text


def dotted(path: Path) -> str:
    """``("links", 0, "left")`` as ``links[0].left``."""
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text


def nearest(name: str, known: Iterable[str]) -> str:
    """`` (did you mean "left"?)``, or nothing when nothing is near."""
    found = difflib.get_close_matches(name, list(known), n=1, cutoff=0.6)
    return f' (did you mean "{found[0]}"?)' if found else ""


def listed(names: Iterable[str]) -> str:
    return ", ".join(f'"{name}"' for name in names)


def models_in(annotation: Any) -> type[BaseModel] | None:
    """The pydantic model that an annotation is about, however it is wrapped."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((found for part in get_args(annotation) if (found := models_in(part))), None)


def is_collection(annotation: Any) -> bool:
    """Whether the annotation is about a list or a table of free keys."""
    kind = get_origin(annotation) or annotation
    if isinstance(kind, type) and issubclass(kind, (tuple, list, set, frozenset, Mapping)):
        return True
    return any(is_collection(part) for part in get_args(annotation))


def is_secret(annotation: Any) -> bool:
    return annotation is SecretStr or any(is_secret(part) for part in get_args(annotation))


def secret_fields(model: type[BaseModel]) -> tuple[str, ...]:
    """Names of the model's own fields that hold a secret."""
    return tuple(name for name, info in model.model_fields.items() if is_secret(info.annotation))


def known_keys(model: type[BaseModel], path: Path) -> tuple[str, ...]:
    """The keys that may stand in the table at ``path`` of ``model``; empty where any may."""
    current: type[BaseModel] | None = model
    for part in path:
        if isinstance(part, str) and current is not None:
            info = current.model_fields.get(part)
            current = models_in(info.annotation) if info else None
    return tuple(current.model_fields) if current else ()


def explain(error: ErrorDetails, model: type[BaseModel], value: object) -> str:
    """One pydantic error in words. ``value`` is what stood there; only a name that may be mistyped is looked at."""
    path, kind, context = tuple(error["loc"]), error["type"], error.get("ctx", {})
    if kind == "extra_forbidden":
        known = known_keys(model, path[:-1])
        return "unknown key" + (nearest(str(path[-1]), known) or (f"; known here: {', '.join(known)}" if known else ""))
    if kind in ("literal_error", "enum"):
        names = str(context["expected"]).replace("'", '"')
        return f"expected {names}" + (nearest(value, _quoted(names)) if isinstance(value, str) else "")
    said = _WORDS.get(kind)
    if said is not None:
        return said(context)
    text = error["msg"]
    return text.removeprefix("Value error, ") if kind == "value_error" else text[:1].lower() + text[1:]


def _quoted(names: str) -> list[str]:
    return names.split('"')[1::2]


def _members(count: object) -> str:
    return f"expected at least {count} " + ("entry" if count == 1 else "entries")


_WORDS: Final[Mapping[str, Callable[[Mapping[str, Any]], str]]] = {
    "missing": lambda _: "missing",
    "string_type": lambda _: "expected text in quotes",
    "string_too_short": lambda _: "must not be empty",
    "string_pattern_mismatch": lambda context: f"expected a name of the form {context['pattern']}",
    "int_type": lambda _: "expected a whole number",
    "int_parsing": lambda _: "expected a whole number",
    "int_from_float": lambda _: "expected a whole number",
    "float_type": lambda _: "expected a number",
    "float_parsing": lambda _: "expected a number",
    "bool_type": lambda _: "expected true or false",
    "bool_parsing": lambda _: "expected true or false",
    "greater_than_equal": lambda context: f"expected {context['ge']} or more",
    "greater_than": lambda context: f"expected more than {context['gt']}",
    "less_than_equal": lambda context: f"expected {context['le']} or less",
    "less_than": lambda context: f"expected less than {context['lt']}",
    "tuple_type": lambda _: "expected a list: [...]",
    "list_type": lambda _: "expected a list: [...]",
    "mapping_type": lambda _: "expected a table",
    "dict_type": lambda _: "expected a table",
    "model_type": lambda _: "expected a table",
    "model_attributes_type": lambda _: "expected a table",
    "too_short": lambda context: _members(context["min_length"]),
}
