"""What single values of a configuration look like: texts, durations, names, constants. Each is a type with its reading."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date
from typing import Annotated, Final, TypeAlias

from pydantic import BeforeValidator, Field, StrictBool, StrictFloat, StrictInt

_UNITS: Final[Mapping[str, int]] = {"d": 86_400, "h": 3_600, "m": 60, "s": 1}
_DURATION: Final = re.compile(r"(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?", re.ASCII)


def parse_duration(value: object) -> object:
    """``"1h30m"`` or a whole number of seconds as int seconds. Raises ValueError in words for a person."""
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    text = value.strip().lower() if isinstance(value, str) else ""
    if text.isascii() and text.isdigit():
        return int(text)
    found = _DURATION.fullmatch(text)
    if not text or found is None:
        raise ValueError('expected a duration such as "30s", "5m", "1h30m" or a whole number of seconds')
    return sum(int(amount or 0) * unit for amount, unit in zip(found.groups(), _UNITS.values(), strict=True))


def _one_or_many(value: object) -> object:
    return (value,) if isinstance(value, str) else value


def _iso(value: object) -> object:
    return value.isoformat() if isinstance(value, date) else value


Text: TypeAlias = Annotated[str, Field(min_length=1)]
Duration: TypeAlias = Annotated[int, BeforeValidator(parse_duration, json_schema_input_type=int | str), Field(ge=0)]
Interval: TypeAlias = Annotated[int, BeforeValidator(parse_duration, json_schema_input_type=int | str), Field(ge=1)]
Names: TypeAlias = Annotated[tuple[Text, ...], BeforeValidator(_one_or_many, json_schema_input_type=str | list[str])]
Plain: TypeAlias = Annotated[str, Field(min_length=1, strict=True)] | StrictBool | StrictInt | StrictFloat
Constant: TypeAlias = Annotated[
    str | bool | int | float | tuple[str, ...],
    BeforeValidator(_iso, json_schema_input_type=str | bool | int | float | list[str]),
]
