"""What a connector says of itself: settings, kinds, fields, and the check of a link."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date, datetime
from typing import Any, Final

from bridge.config.settings import Strict
from bridge.contract.ground import KNOWN_KINDS, Ground, Grounded
from bridge.model import FieldType, Record, Schema
from mappings.preset import vocabulary

_CHECKS: Final[Mapping[FieldType, Callable[[Any], bool]]] = {
    FieldType.DATE: lambda value: date.fromisoformat(value).isoformat() == value,
    FieldType.INSTANT: lambda value: value.endswith("Z") and datetime.fromisoformat(value) is not None,
    FieldType.DURATION: lambda value: isinstance(value, int) and value >= 0,
    FieldType.BOOL: lambda value: isinstance(value, bool),
    FieldType.INTEGER: lambda value: isinstance(value, int),
}


class Telling(Grounded):
    """Part of ``ConnectorContract``."""

    async def test_its_settings_forbid_what_they_do_not_know(self, ground: Ground) -> None:
        assert ground.config.model_config["extra"] == "forbid"
        assert ground.config.type == self.type
        assert not issubclass(type(ground.config), Strict)

    async def test_no_secret_is_shown(self, ground: Ground) -> None:
        values = [getattr(ground.config, name) for name in type(ground.config).model_fields]
        secrets = [value for value in values if hasattr(value, "get_secret_value")]
        assert secrets
        for secret in secrets:
            assert secret.get_secret_value() not in repr(ground.config)

    async def test_every_verb_it_lacks_has_a_reason(self, ground: Ground) -> None:
        kinds = ground.connector.kinds()
        assert "task" in kinds
        assert kinds.keys() <= KNOWN_KINDS
        for kind, can in kinds.items():
            lacking = [verb for verb in ("create", "update", "delete", "find") if not getattr(can, verb)]
            assert set(lacking) <= can.reasons.keys(), (kind, lacking)
            assert all(len(reason) > 20 for reason in can.reasons.values())
        for kind in KNOWN_KINDS - kinds.keys():
            assert kind in kinds["task"].reasons, f"why has it no {kind}?"

    async def test_its_schema_has_what_its_records_hold(self, ground: Ground) -> None:
        task = ground.filled()
        for kind in ground.connector.kinds():
            schema = await ground.connector.schema(ground.container, kind, fields=frozenset())
            assert schema.kind == kind
            assert all(name == spec.name for name, spec in schema.fields.items())
            for record in (await ground.records(kind)).values():
                _check_values(record, schema)
                if kind in ("comment", "time_entry"):
                    assert record.fields["task"] == task

    async def test_its_vocabulary_names_fields_that_it_has(self, ground: Ground) -> None:
        words = vocabulary(self.type, self.plugin().vocabulary)
        for kind in ground.connector.kinds():
            named = [word["field"] if isinstance(word, Mapping) else word for word in words.get(kind, {}).values()]
            schema = await ground.connector.schema(ground.container, kind, fields=frozenset(named))
            assert set(named) <= schema.fields.keys()

    async def test_the_live_check_finds_nothing_wrong(self, ground: Ground) -> None:
        for kind, can in ground.connector.kinds().items():
            verbs = [verb for verb in ("create", "update") if getattr(can, verb)]
            found = await ground.connector.check(ground.container, kind, verbs, {})
            assert not [each for each in found if each.level == "error"], found


def _check_values(record: Record, schema: Schema) -> None:
    """Every field is known, and its value has the shape that its type promises."""
    for name, value in record.fields.items():
        if name.startswith("custom."):
            continue  # described when a mapping names it
        assert name in schema.fields, f"{name} is in the record and not in the schema"
        spec = schema.fields[name]
        if value is None:
            continue
        if spec.type.is_set:
            assert isinstance(value, tuple)
            assert list(value) == sorted(set(value)), f"{name} is not a sorted set"
        elif spec.type in _CHECKS:
            assert _CHECKS[spec.type](value), (name, value)
        elif spec.type is not FieldType.NUMBER:
            assert isinstance(value, str), (name, value)
    assert record.version
    assert record.updated_at is None or record.updated_at.tzinfo is not None
