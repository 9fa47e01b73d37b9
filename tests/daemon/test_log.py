"""Logs: one closed list of events, one line each, no secrets."""

from __future__ import annotations

import ast
import io
import json
import logging
import re
from pathlib import Path

import pytest
import structlog
from pydantic import SecretStr

from bridge import log
from bridge.daemon import tell
from bridge.engine.report import RunReport

ROOT = Path(__file__).resolve().parents[2]
METHODS = {"debug", "info", "warning", "error", "exception", "critical"}


def logged() -> dict[str, str]:
    """Every event that a module logs, with one place where it does."""
    found = {}
    for package in ("bridge", "connectors", "mappings", "state"):
        for path in sorted((ROOT / package).rglob("*.py")):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)):
                    continue
                called = node.func
                is_log = isinstance(called.value, ast.Name) and called.value.id.strip("_") == "log"
                if is_log and called.attr in METHODS and isinstance(node.args[0], ast.Constant):
                    found[node.args[0].value] = f"{path.relative_to(ROOT)}:{node.lineno}"
    return found


def test_a_link_that_waits_is_told_once_a_change_and_again_when_it_ran_in_between():
    told: dict[str, str] = {}
    waits, ran = RunReport("app", 0, "unaccepted", error="conflict: manual → left"), RunReport("app", 1, "done")

    with structlog.testing.capture_logs() as said:
        for report in (waits, waits, ran, waits, RunReport("app", 0, "locked"), waits):
            tell(told, report, "timer")

    assert [each["event"] for each in said] == ["link.held", "link.held", "link.locked"]


def test_every_event_is_listed_once_with_its_meaning():
    found = logged()

    assert {name: place for name, place in found.items() if name not in log.EVENTS} == {}
    assert set(log.EVENTS) - set(found) == {"library.logged"}
    assert [name for name in log.EVENTS if not re.fullmatch(r"[a-z]+\.[a-z_]+", name)] == []
    assert list(log.EVENTS) == sorted(log.EVENTS)


def test_the_operator_can_read_what_each_event_means():
    page = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")

    assert [name for name, meaning in log.EVENTS.items() if f"| `{name}` | {meaning} |" not in page] == []


@pytest.fixture
def lines():
    out = io.StringIO()
    handlers, level = logging.getLogger().handlers[:], logging.getLogger().level
    log.configure("info", stream=out, as_json=True)
    yield lambda: [json.loads(line) for line in out.getvalue().splitlines()]
    logging.getLogger().handlers[:] = handlers
    logging.getLogger().setLevel(level)
    logging.captureWarnings(False)
    structlog.reset_defaults()


def test_an_event_is_one_line_of_json_with_its_facts(lines):
    log.get("x").info("run.finished", link="app", writes=3)
    [line] = lines()

    assert (line["event"], line["level"], line["link"], line["writes"]) == ("run.finished", "info", "app", 3)
    assert line["timestamp"].endswith("Z")


def test_a_library_speaks_in_one_event_and_httpx_tells_no_addresses(lines):
    logging.getLogger("httpx").info("GET https://hub.example/x?token=abc")
    logging.getLogger("sqlalchemy").warning("pool is %s", "full")
    [line] = lines()

    assert (line["event"], line["library"], line["message"]) == ("library.logged", "sqlalchemy", "pool is full")


def test_a_bug_brings_its_traceback_in_one_line(lines):
    try:
        raise ZeroDivisionError("Authorization: Bearer abcdefghijkl")  # noqa: TRY301
    except ZeroDivisionError:
        log.get("x").exception("bug.met")
    [line] = lines()

    assert "ZeroDivisionError" in line["exception"]
    assert "abcdefghijkl" not in line["exception"]


@pytest.mark.parametrize(
    "facts",
    [
        {"token": "s3cret-value"},
        {"password": SecretStr("s3cret-value")},
        {"anything": SecretStr("s3cret-value")},
        {"headers": {"Authorization": "Bearer s3cret-value", "X-Hub-Signature-256": "s3cret-value"}},
        {"text": "sent Authorization: token s3cret-value"},
        {"text": 'headers={"authorization": "Basic s3cret-value"}'},
        {"text": "Bearer s3cret-value"},
        {"url": "https://user:s3cret-value@hub.example/x"},
        {"url": "https://hub.example/x?a=1&access_token=s3cret-value&b=2"},
        {"rows": [{"api_key": "s3cret-value"}]},
        {"known": "it was my-own-word-s3cret-value-1 all along"},
        {"body": b"s3cret-value"},
    ],
)
def test_no_secret_reaches_a_line(lines, facts):
    log.REDACTOR.learn(["my-own-word-s3cret-value-1", "short"])
    log.get("x").warning("webhook.refused", **facts)

    assert "s3cret" not in json.dumps(lines())


@pytest.mark.parametrize("prefix", ["ghp_", "gho_", "github_pat_", "glpat-"])
def test_tokens_are_known_by_their_shape(prefix):
    assert prefix not in log.redact(f"it says {prefix}{'a1B2' * 9}.")


def test_ordinary_words_stay():
    text = "link app: 3 writes, key title, acme/app#12, https://hub.example/acme/app/issues/12?state=all"

    assert log.redact(text) == text
    assert log.Redactor(["open"]).text("an open issue") == "an open issue"


def test_a_person_at_a_terminal_gets_words_not_json(monkeypatch):
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    out = Terminal()
    handlers, level = logging.getLogger().handlers[:], logging.getLogger().level
    monkeypatch.setenv("NO_COLOR", "1")
    log.configure("info", stream=out)
    log.get("x").info("run.finished", link="app")
    log.get("x").debug("poll.finished")
    logging.getLogger().handlers[:] = handlers
    logging.getLogger().setLevel(level)
    logging.captureWarnings(False)
    structlog.reset_defaults()

    assert "run.finished" in out.getvalue()
    assert "link=app" in out.getvalue()
    assert "\x1b[" not in out.getvalue()
    assert "poll.finished" not in out.getvalue()
