"""A plan as a file: canonical JSON that a person can review, compare and give back to ``bridge apply``.

Same plan, same bytes (I13). Refuses: to judge whether the plan still fits; the engine does when it is applied.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from typing import Any, Final, cast

import msgspec

from bridge.errors import ConfigError
from bridge.model import UNSET, Adopt, Create, Delete, FieldConflict, Hold, Operation, Plan, Ref, Unset, Update, Value

FORMAT: Final = 1

_TYPES: Final[Mapping[str, type[Any]]] = {
    "adopt": Adopt,
    "create": Create,
    "delete": Delete,
    "update": Update,
    "hold": Hold,
}
_BASES: Final = ("base_left", "base_right")


def dump(plan: Plan) -> str:
    """The plan as text, one key a line, keys sorted; ``undoes`` is there only in the plan of an undo. A base is a list: of one value, or of none when it is unknown."""
    content: dict[str, Any] = {
        "bridge_plan": FORMAT,
        "link": plan.link,
        "operations": [as_data(each) for each in plan.operations],
    }
    if plan.undoes is not None:
        content["undoes"] = plan.undoes
    return json.dumps(content, indent=1, sort_keys=True, ensure_ascii=False) + "\n"


def as_data(operation: Operation) -> dict[str, Any]:
    """One operation as JSON data."""
    return cast("dict[str, Any]", _data(operation))


def load(text: str, *, name: str = "the plan") -> Plan:
    """What ``dump`` wrote. ``name`` is the file, for messages. Raises ConfigError when it is not a saved plan."""
    hint = 'Save a plan with "bridge plan LINK -o FILE" and do not change it.'
    try:
        content = json.loads(text)
    except ValueError as error:
        raise ConfigError(f"{name} is not a saved plan: {error}.", hint=hint) from None
    if not isinstance(content, dict) or "bridge_plan" not in content:
        raise ConfigError(f"{name} is not a saved plan.", hint=hint)
    if content["bridge_plan"] != FORMAT:
        raise ConfigError(
            f"{name} was saved by another version of Bridge (format {content['bridge_plan']!r}; this one reads {FORMAT}).",
            hint="Make the plan again with this version.",
        )
    try:
        operations = tuple(_operation(each) for each in content["operations"])
        undoes = msgspec.convert(content.get("undoes"), int | None)
        return Plan(msgspec.convert(content["link"], str), operations, undoes)
    except (KeyError, TypeError, msgspec.ValidationError) as error:
        raise ConfigError(f"{name} is damaged: {error}.", hint=hint) from None


def _operation(content: Mapping[str, Any]) -> Operation:
    if content["op"] != "conflict":
        return cast("Operation", msgspec.convert(content, _TYPES[content["op"]]))
    return FieldConflict(
        kind=msgspec.convert(content["kind"], str),
        pair=msgspec.convert(content["pair"], int | None),
        left=msgspec.convert(content["left"], Ref),
        right=msgspec.convert(content["right"], Ref),
        title=msgspec.convert(content["title"], str),
        field=msgspec.convert(content["field"], str),
        base_left=_base(content["base_left"]),
        base_right=_base(content["base_right"]),
        left_value=msgspec.convert(content["left_value"], Value),
        right_value=msgspec.convert(content["right_value"], Value),
    )


def _base(held: Any) -> Value | Unset:
    values: list[Value] = msgspec.convert(held, list[Value])
    return values[0] if values else UNSET


def _data(value: Any) -> Any:
    if isinstance(value, FieldConflict):
        plain = {each.name: _data(getattr(value, each.name)) for each in fields(value)}
        bases = {name: plain[name] for name in _BASES}
        return {**plain, **{name: [] if base is UNSET else [base] for name, base in bases.items()}}
    if isinstance(value, msgspec.Struct):
        return {name: _data(getattr(value, name)) for name in value.__struct_fields__}
    if is_dataclass(value):
        return {each.name: _data(getattr(value, each.name)) for each in fields(value)}
    return [_data(each) for each in value] if isinstance(value, tuple) else value
