"""The TimeTracker sandbox against the program: the same requests in the same order, the same statuses and shapes.

``timetracker_seen.json`` has what was asked of version 5.10.0, the status it gave and the shape of its answer, no contents.
"""

from __future__ import annotations

import http.client
import json
from pathlib import Path
from typing import Any

import pytest

from bridge.sandbox.server import Sandbox

SEEN = json.loads((Path(__file__).parent / "timetracker_seen.json").read_text(encoding="utf-8"))
MORE_HERE_THAN_THERE = {"enabled_modules"}


@pytest.fixture(scope="module")
def answers() -> list[tuple[int, Any]]:
    """What the sandbox says to each request, all in their order."""
    with Sandbox("timetracker", bare=True) as box:
        connection = http.client.HTTPConnection("127.0.0.1", int(box.url.rsplit(":", 1)[1]), timeout=60)
        box.set(per_minute=0, per_hour=0)
        found = []
        for row in SEEN["exchanges"]:
            found.append(_ask(connection, box, row, found))
        connection.close()
    return found


def _ask(
    connection: http.client.HTTPConnection, box: Sandbox, row: dict[str, Any], before: list[tuple[int, Any]]
) -> Any:
    method, path = row["ask"].split(" ")
    token = row.get("token") or (box.token(row["who"]) if row["who"] else "")
    headers = {"accept": "*/*"}
    if row.get("by") == "x-api-key":
        headers["x-api-key"] = token
    elif token:
        headers["authorization"] = f"{row.get('by', 'Bearer')} {token}"
    if "key" in row:
        headers["idempotency-key"] = row["key"]
    data = None
    if "raw" in row:
        data = row["raw"].encode()
    elif "send" in row:
        sent = row["send"]
        if isinstance(sent, dict) and sent.get("if_updated_at", "").startswith("2026"):
            sent = {**sent, "if_updated_at": before[-2][1]["time_entry"]["updated_at"]}
        data = json.dumps(sent).encode()
    if data is not None and not row.get("bare"):
        headers["content-type"] = "application/json"
    connection.request(method, path, data, headers)
    answer = connection.getresponse()
    raw = answer.read()
    return answer.status, json.loads(raw) if raw else None


def shape(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: shape(held) for name, held in sorted(value.items())}
    if isinstance(value, list):
        return [shape(value[0])] if value else []
    if value is None:
        return None
    return "flag" if isinstance(value, bool) else "text" if isinstance(value, str) else "number"


def differences(ours: Any, theirs: Any, at: str = "") -> list[str]:
    """Where two shapes differ; null and an empty list fit everything."""
    if ours is None or theirs is None or [] in (ours, theirs):
        return []
    if isinstance(ours, dict) and isinstance(theirs, dict):
        unequal = [f"{at}.{name}" for name in set(ours) ^ set(theirs)]
        return unequal + [
            one for name in set(ours) & set(theirs) for one in differences(ours[name], theirs[name], f"{at}.{name}")
        ]
    if isinstance(ours, list) and isinstance(theirs, list):
        return differences(ours[0], theirs[0], f"{at}[]")
    return [] if ours == theirs else [f"{at}: {ours} for {theirs}"]


@pytest.mark.parametrize("number", range(len(SEEN["exchanges"])), ids=lambda number: SEEN["exchanges"][number]["ask"])
def test_the_sandbox_answers_as_the_program_does(number: int, answers: list[tuple[int, Any]]) -> None:
    row = SEEN["exchanges"][number]
    status, body = answers[number]

    assert status == row["status"], (row, body)
    if "shape" in row:
        assert differences(shape(body), SEEN["shapes"][row["shape"]]) == []
