"""How records and values are written into text columns: canonical JSON, so that equal values are equal text."""

from __future__ import annotations

from datetime import datetime
from typing import Any, TypeAlias

import msgspec

from bridge.model import UNSET, Base, Marker, Record, Ref, Unset, Value

Stored: TypeAlias = str | int | float | bool | tuple[str, ...] | None


class _StoredRecord(msgspec.Struct, array_like=True, frozen=True):
    """A record without its address, which the row holds in columns of its own."""

    fields: dict[str, Stored]
    version: str
    updated_at: datetime | None
    url: str
    marker: tuple[str, str] | None
    updated_by: str | None
    provisional: bool = False


_encoder = msgspec.json.Encoder(order="sorted")
_record = msgspec.json.Decoder(_StoredRecord)
_value = msgspec.json.Decoder(Stored)
_base = msgspec.json.Decoder(dict[str, tuple[Stored, ...]])
_any = msgspec.json.Decoder()


def dump(value: Any) -> str:
    """Any JSON-native value as canonical text."""
    return _encoder.encode(value).decode()


def load(text: str) -> Any:
    """What ``dump`` wrote, with lists for sequences."""
    return _any.decode(text)


def load_value(text: str) -> Value:
    """One ``Value``, with tuples for sets."""
    value: Value = _value.decode(text)
    return value


def dump_record(record: Record) -> str:
    marker = None if record.marker is None else (record.marker.source, record.marker.id)
    return _encoder.encode(
        (record.fields, record.version, record.updated_at, record.url, marker, record.updated_by, record.provisional)
    ).decode()


def load_record(text: str, ref: Ref) -> Record:
    stored = _record.decode(text)
    marker = None if stored.marker is None else Marker(*stored.marker)
    return Record(
        ref, stored.fields, stored.version, stored.updated_at, stored.url, marker, stored.updated_by, stored.provisional
    )


def dump_base(base: Base) -> str:
    """A base overlay. UNSET is written as an empty list, a value as a list of one."""
    if not base:
        return "{}"
    return dump({name: () if isinstance(value, Unset) else (value,) for name, value in base.items()})


def load_base(text: str) -> dict[str, Value | Unset]:
    if text == "{}":
        return {}
    return {name: held[0] if held else UNSET for name, held in _base.decode(text).items()}
