"""``./dev test-real`` itself: what it says and how it ends, without a server."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from real import __main__ as command
from real import emulate


@dataclass(frozen=True)
class Nothing:
    """A server that needs none."""

    url: str = ""


def part(start: Any, tests: str = "test_none_*.py") -> command.Part:
    return command.Part("Tracker", "REAL_TRACKER", tests, start)


def test_a_part_that_cannot_run_here_is_one_line_and_no_failure(capsys: pytest.CaptureFixture[str]) -> None:
    @contextmanager
    def start(_folder: Path) -> Iterator[Nothing]:
        raise emulate.Absent("there is no npm on this machine")
        yield Nothing()

    assert command.run(part(start), [])
    assert capsys.readouterr().out == "test-real: Tracker skipped: there is no npm on this machine\n"


def test_a_server_that_does_not_start_is_a_failure_with_the_end_of_its_log(capsys: pytest.CaptureFixture[str]) -> None:
    @contextmanager
    def start(folder: Path) -> Iterator[Nothing]:
        (folder / "server.log").write_text("no such port")
        raise RuntimeError("it did not answer")
        yield Nothing()

    assert not command.run(part(start), [])
    told = capsys.readouterr().out
    assert "no such port" in told
    assert told.endswith("test-real: Tracker FAILED to start: it did not answer\n")


@pytest.mark.parametrize(
    ("body", "is_good", "word"), [("assert True", True, "ran 1 tests"), ("assert 0", False, "FAILED")]
)
def test_a_part_ends_as_its_tests_and_its_server_is_stopped(
    body: str, is_good: bool, word: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:  # fmt: skip
    stopped = []

    @contextmanager
    def start(_folder: Path) -> Iterator[Nothing]:
        yield Nothing()
        stopped.append(True)

    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "a" / "b" / "conftest.py").write_text((command.HERE / "conftest.py").read_text())
    (tmp_path / "a" / "b" / "test_some.py").write_text(f"def test_it():\n    {body}\n")
    monkeypatch.setattr(command, "HERE", tmp_path / "a" / "b")
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parent))

    assert command.run(part(start, "test_some.py"), []) is is_good
    assert stopped
    assert word in capfd.readouterr().out.splitlines()[-1]
