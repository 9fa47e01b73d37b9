"""A warm process that runs tests against a copy of the packages, in a fork for each run.

What costs is importing the libraries, so that is done once, here; a fork costs nothing. A child imports Bridge from the
copy, runs pytest, and writes what came of it. What it had to compile it leaves in the folder that is this script's only
argument, for the next. A script of its own, started by ``nursery.py``: forking is safe where no thread runs.

Protocol: one JSON object a line. In: ``folder`` (holds the packages), ``tests`` (node ids). Out: ``code`` (pytest's exit
code, negative for a signal) and ``reports``: those that are not a pass, and the passes of the tests themselves.
"""

from __future__ import annotations

import gc
import json
import os
import signal
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
LIBRARIES = (
    "aiolimiter",
    "alembic.command",
    "apscheduler.schedulers.asyncio",
    "httpx",
    "hypothesis",
    "msgspec.json",
    "psycopg",
    "pydantic_settings",
    "pytest_asyncio.plugin",
    "rich.console",
    "sqlalchemy.dialects.postgresql",
    "sqlalchemy.dialects.sqlite",
    "sqlmodel",
    "starlette.applications",
    "starlette.routing",
    "structlog.testing",
    "tenacity",
    "typer",
    "uvicorn",
    "vcr",
)
PATIENCE_S = 600
"""What one run may take on a busy machine; a planted bug may well make Bridge go on for ever."""


class Notes:
    """A pytest plugin that keeps what became of each test, and by which kind of exception it failed."""

    def __init__(self) -> None:
        self.reports: list[dict[str, str]] = []

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(self, item: pytest.Item, call: pytest.CallInfo[Any]) -> Any:
        report = yield
        if report.when == "call" or not report.passed:
            error = call.excinfo
            self.reports.append(
                {
                    "test": item.nodeid,
                    "when": report.when,
                    "outcome": report.outcome,
                    "error": error.type.__name__ if error else "",
                    "text": str(error.value)[:400] if error else "",
                }
            )
        return report

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if not report.passed:
            said = {"test": report.nodeid, "when": "collect", "outcome": report.outcome, "error": ""}
            self.reports.append({**said, "text": report.longreprtext[-400:]})


def run(folder: Path, tests: list[str]) -> None:
    """In the child: from here on Bridge is what stands in ``folder``, also for the processes that a test starts."""
    signal.alarm(PATIENCE_S)
    os.chdir(ROOT)
    sys.path.insert(0, str(folder))
    os.environ["PYTHONPATH"] = str(folder)
    output = os.open(folder / "output", os.O_WRONLY | os.O_CREAT)
    os.dup2(output, 1)
    os.dup2(output, 2)
    notes = Notes()
    options = ["-q", "-p", "no:cacheprovider", "-W", "ignore::pytest.PytestAssertRewriteWarning"]
    places = ["--rootdir", str(ROOT), "-c", str(ROOT / "pyproject.toml"), "--basetemp", str(folder / "tmp")]
    code = pytest.main([*options, *places, *tests], plugins=[notes])
    there = import_module("bridge").__file__
    assert there is not None
    assert Path(there).is_relative_to(folder), there
    (folder / "reports").write_text(json.dumps(notes.reports))
    sys.stdout.flush()
    os._exit(code)


def answer(folder: Path, tests: list[str]) -> dict[str, Any]:
    child = os.fork()
    if child == 0:
        try:
            run(folder, tests)
        finally:
            os._exit(70)  # not one of pytest's
    _, status = os.waitpid(child, 0)
    kept = folder / "reports"
    reports = json.loads(kept.read_text()) if kept.exists() else []
    return {"code": os.waitstatus_to_exitcode(status), "reports": reports}


def main() -> None:
    for name in LIBRARIES:
        import_module(name)
    sys.pycache_prefix, sys.dont_write_bytecode = sys.argv[1], False
    gc.collect()
    gc.freeze()  # so that no child touches the pages of what it inherits
    for line in sys.stdin:
        asked = json.loads(line)
        sys.stdout.write(json.dumps(answer(Path(asked["folder"]), asked["tests"])) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
