"""The demo's configuration: the shipped example, with the few values that make it meet the sandboxes."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from bridge.config.example import example
from bridge.demo.stage import Tracker

_HEAD: Final = '# Made by "bridge demo" from the shipped example. A configuration of your own: bridge init\n\n'
_OTHERS: Final = re.compile(r"^\[connections\.(?!artala\]|github\])", re.MULTILINE)
"""A part of the example about a connection that the demo has not."""


def text(artala: Tracker, github: Tracker) -> str:
    """The example for these two sandboxes. Artala is its left side, GitHub its right one."""
    made = "\n\n".join(part for part in example().split("\n\n") if not _OTHERS.search(part))
    for tracker, patient in (
        (artala, {"requests_per_minute": "0", "sweep_every": "1"}),
        (github, {"write_interval_s": "0"}),
    ):
        ours = {"base_url": f'"{tracker.url}"', "token_file": f'"{tracker.name}.token"', **patient}
        made = _with(made, f"[connections.{tracker.name}]", ours)
    return _HEAD + _with(made, "[[links]]", {"initial": '"match-then-create"'})


def _with(example_text: str, table: str, values: Mapping[str, str]) -> str:
    """Set keys of one table, those that are commented out as well. The example has each of them: a test holds that."""
    start = example_text.index(f"\n{table}\n") + len(table) + 2
    end = example_text.find("\n[", start)
    body = example_text[start:end]
    for key, value in values.items():
        body, found = re.subn(rf"^(?:# )?{key} = .*$", f"{key} = {value}", body, count=1, flags=re.MULTILINE)
        assert found, f"the shipped example has no {table} {key}"
    return example_text[:start] + body + example_text[end:]
