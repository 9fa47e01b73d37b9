"""What is wrong with a configuration, said to the person who wrote it: place, key, what was expected.

Refuses: finding mistakes (loader.py, checks.py) and repeating values that may be secret.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path as File
from textwrap import indent
from typing import Any, Final, get_args, get_origin

from pydantic import BaseModel, SecretStr
from pydantic_core import ErrorDetails

from bridge.config.source import Path, Position
from bridge.errors import ConfigError

HIDDEN: Final = "[hidden]"


@dataclass(frozen=True, slots=True)
class Mistake:
    """One thing to correct. ``where`` is ``file:line:column`` or the name of a variable or a credential.

    ``row`` says in words which row of ``[[links.fields]]`` it is about. ``excerpt`` is the line it stands in with the
    place marked below it; empty where the line is none of the file's, or might show a secret.
    """

    where: str
    key: str
    text: str
    row: str = ""
    excerpt: str = ""

    def __str__(self) -> str:
        return ": ".join(part for part in (self.where, self.key, self.text) if part)

    def block(self) -> str:
        """All of it: the line that ``str`` gives, and below it which row and where in the line."""
        below = [part for part in (self.row and f"in the {self.row}", self.excerpt) if part]
        return "\n".join((str(self), *indent("\n".join(below), "    ").splitlines()))


class InvalidConfig(ConfigError):
    """Everything that is wrong, in the order of the file. ``mistakes`` has them one by one."""

    def __init__(self, mistakes: Iterable[Mistake]) -> None:
        self.mistakes = tuple(mistakes)
        super().__init__("\n".join(str(mistake) for mistake in self.mistakes))
        blocks = "\n".join(mistake.block() for mistake in self.mistakes)
        count = len(self.mistakes)
        self.details = blocks if count == 1 else f"{count} mistakes in the configuration:\n{blocks}"


@dataclass(slots=True)
class Report:
    """Collects mistakes and warnings while a configuration is read.

    ``places`` are the positions of keys in ``file``, ``text`` is what it holds and ``data`` what that means; ``origins``
    names the variable or credential that a value came from instead; ``secrets`` are the values that no text may repeat.
    """

    file: File
    places: Mapping[Path, Position]
    text: str = ""
    data: Mapping[str, Any] = field(default_factory=dict)
    origins: dict[Path, str] = field(default_factory=dict)
    secrets: set[str] = field(default_factory=set)
    _found: list[tuple[Position, Mistake]] = field(default_factory=list)
    _warnings: list[str] = field(default_factory=list)

    def place(self, path: Path) -> Position:
        """Where a key stands, else the table it is missing from; the beginning at worst."""
        while path and path not in self.places:
            path = path[:-1]
        return self.places.get(path, Position(1, 1))

    def line(self, path: Path) -> int:
        return self.place(path).line

    def where(self, path: Path) -> str:
        place = self.place(path)
        return self._outside(path) or f"{self.file}:{place.line}:{place.column}"

    def mistake(self, path: Path, text: str) -> None:
        place, shown = self.place(path), ""
        if not self._outside(path):
            is_row = path[:1] == ("links",) and path[2:3] == ("fields",)  # where no secret can belong
            shown = excerpt(self.text, place, hides_value=not is_row or text.startswith("unknown key"))
        self._found.append((place, Mistake(self.where(path), dotted(path), text, self._row(path), shown)))

    def mistake_at(self, where: str, text: str) -> None:
        self._found.append((Position(0, 0), Mistake(where, "", text)))

    def warn(self, path: Path, text: str) -> None:
        self.warn_at(f"{self.where(path)}: {dotted(path)}", text)

    def warn_at(self, where: str, text: str) -> None:
        self._warnings.append(f"{where}: {text}")

    def warnings(self) -> list[str]:
        return [self._hide(text) for text in self._warnings]

    def raise_if_any(self) -> None:
        """Raises InvalidConfig with every mistake so far, once each, by place."""
        if self._found:
            ordered = dict.fromkeys(mistake for _, mistake in sorted(self._found, key=lambda found: found[0]))
            raise InvalidConfig(
                replace(one, text=self._hide(one.text), row=self._hide(one.row), excerpt=self._hide(one.excerpt))
                for one in ordered
            )

    def _outside(self, path: Path) -> str:
        """The variable or the credential that a value came from; "" for the file."""
        sizes = range(len(path), 0, -1)
        return next((self.origins[path[:size]] for size in sizes if path[:size] in self.origins), "")

    def _row(self, path: Path) -> str:
        """``row "title = Summary" of link "app"`` for what stands in a row of a link."""
        found: Any = self.data
        held = [found := _member(found, part) for part in path[:4]]
        if path[:1] != ("links",) or path[2:3] != ("fields",) or len(held) < 4 or not isinstance(held[3], Mapping):
            return ""
        names = " = ".join(str(held[3].get(side, "?")) for side in ("left", "right"))
        link = held[1].get("name") if isinstance(held[1], Mapping) else None
        return f'row "{names}"' + (f' of link "{link}"' if isinstance(link, str) else "")

    def _hide(self, text: str) -> str:
        for secret in sorted(self.secrets, key=len, reverse=True):
            text = text.replace(secret, HIDDEN)
        return text


_SECRET_WORDS: Final = re.compile("token|secret|passw|key|credential", re.IGNORECASE)
_TOKEN: Final = re.compile(r"""\[\[?[^\]]*\]\]?|[A-Za-z0-9_-]+|"(?:[^"\\]|\\.)*"|'[^']*'|.""")
_WIDEST: Final = 100


def _member(data: Any, part: str | int) -> Any:
    if isinstance(data, Mapping):
        return data.get(str(part))
    return data[part] if isinstance(data, list) and isinstance(part, int) and part < len(data) else None


def excerpt(text: str, place: Position, *, hides_value: bool = False) -> str:
    """The line of ``place`` and below it carets under what stands there; "" where there is nothing to show.

    ``hides_value``: what follows the key is left out, and so is a line in which a value stands before it: it may be a
    secret. That also goes for each line that speaks of a token or the like.
    """
    lines = text.split("\n")
    line = lines[place.line - 1].rstrip("\r").replace("\t", " ") if place.line <= len(lines) else ""
    found = _TOKEN.match(line, place.column - 1)
    if found is None:
        return ""
    if hides_value or _SECRET_WORDS.search(line):
        if found[0].startswith("["):
            line = line[: found.end()]
        elif line[: found.start()].strip(" .\"'") or not line[found.end() :].lstrip().startswith(("=", ".")):
            return ""
        else:
            line = line[: found.end()] + (" = …" if line[found.end() :].lstrip().startswith("=") else "…")
    start = max(0, found.start() - _WIDEST // 2) if len(line) > _WIDEST else len(line) - len(line.lstrip())
    shown = line[start : start + _WIDEST].rstrip()
    width = min(found.end(), start + _WIDEST) - found.start()
    return f"{shown}\n{' ' * (found.start() - start)}{'^' * width}"


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
