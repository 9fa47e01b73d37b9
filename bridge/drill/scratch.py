"""A configuration for a drill: the operator's own, with sandboxes for trackers and a database that is thrown away.

Tokens are made up; whatever the operator's secrets are, they do not come along.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from bridge.config import plugins
from bridge.config.settings import Settings

HOOK_SECRET: Final = "the secret of a drill's webhooks"  # noqa: S105 — of a sandbox

_PATIENCE: Final[Mapping[str, Any]] = {
    "ca_file": None,
    "concurrency": 4,
    "index_lag_s": 0,
    "overlap_s": 0,
    "requests_per_minute": 0,
    "reserve_percent": 0,
    "sweep_every": 1,
    "write_interval_s": 0,
}
"""What is set aside where a connector has it: what only takes time, and what could cover a mistake (the overlap)."""

SMALL_PAGES: Final[Mapping[str, Any]] = {"page_size": 2, "smallest_server_page": 2}


def connection(config: Any, url: str, token: str, **more: Any) -> dict[str, Any]:
    """One connection's table for a sandbox at ``url``. Members of ``more`` that its connector does not have are left out."""
    model = type(config)
    ours = {**_PATIENCE, **more, "base_url": url, "token": token, "webhook_secret": HOOK_SECRET}
    kept: dict[str, Any] = config.model_dump(mode="json", exclude={"token", "webhook_secret"})
    return kept | {name: value for name, value in ours.items() if name in model.model_fields}


def write(file: Path, settings: Settings, link: str, connections: Mapping[str, Any], database: Path) -> None:
    """Keep a configuration of one link in ``file``, where ``read`` finds it."""
    one = settings.link(link).model_dump(mode="json")
    people = [dict(row) for row in settings.people]
    file.write_text(
        json.dumps(
            {
                "state": {"url": f"sqlite:///{database}"},
                "connections": dict(connections),
                "people": people,
                "links": [one | {"enabled": True}],
            }
        ),
        encoding="utf-8",
    )


def read(file: Path) -> Settings:
    """What ``write`` kept."""
    held = json.loads(file.read_text(encoding="utf-8"))
    models = {name: model(table) for name, table in held["connections"].items()}
    return Settings.model_validate(held | {"connections": models})


def model(table: Mapping[str, Any]) -> Any:
    """A connection's table as its connector's own model."""
    return plugins.find(table["type"]).config.model_validate(table)
