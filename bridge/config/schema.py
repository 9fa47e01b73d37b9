"""The configuration as JSON Schema, for editors that complete TOML. Connection tables are those of the installed plugins.

Refuses: checking anything; it says less than the loader (no rule between two keys).
"""

from __future__ import annotations

from typing import Any, Final

from pydantic import BaseModel

from bridge.config import plugins
from bridge.config.mistakes import secret_fields
from bridge.config.settings import Settings, State

FILE: Final = "bridge.schema.json"
"""What the schema is called beside a configuration: the line ``#:schema ./bridge.schema.json`` at its top names it to
taplo and to editors that use it (Even Better TOML). Source: taplo's page about directives.
"""

_DIALECT: Final = "http://json-schema.org/draft-07/schema#"  # the newest that taplo's validator is built with


def json_schema() -> dict[str, Any]:
    """JSON Schema, draft 7. Loads every installed connector. Raises ConfigError for one that cannot be loaded."""
    schema = Settings.model_json_schema()
    definitions: dict[str, Any] = schema["$defs"]
    definitions["State"] = _with_files(definitions["State"], State)
    for type_ in plugins.types():
        model: type[BaseModel] = plugins.find(type_).config
        own = model.model_json_schema(ref_template=f"#/$defs/{type_}.{{model}}")
        definitions |= {f"{type_}.{name}": one for name, one in own.pop("$defs", {}).items()}
        table = _with_files(own, model)
        table["properties"]["type"] = {"const": type_, "description": "The connector."}
        table["required"] = sorted({"type", *table.get("required", ())} - set(secret_fields(model)))
        definitions[type_] = table
    schema["properties"]["connections"]["additionalProperties"] = {
        "oneOf": [{"$ref": f"#/$defs/{type_}"} for type_ in plugins.types()],
        "discriminator": {
            "propertyName": "type",
            "mapping": {type_: f"#/$defs/{type_}" for type_ in plugins.types()},
        },
    }
    return {"$schema": _DIALECT, **schema, "title": "Bridge configuration"}


def _with_files(table: dict[str, Any], model: type[BaseModel]) -> dict[str, Any]:
    files = {
        f"{name}_file": {"type": "string", "description": f"A file that holds {name}, instead of {name} itself."}
        for name in secret_fields(model)
    }
    return {**table, "properties": {**table["properties"], **files}}
