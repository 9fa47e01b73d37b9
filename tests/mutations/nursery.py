"""Copies of the packages with a bug planted in them, and what named tests make of such a copy."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from mutations.mutation import Mutation

ROOT = Path(__file__).resolve().parent.parent.parent
PACKAGES = ("bridge", "connectors", "mappings", "state")
_COMPILED = shutil.ignore_patterns("__pycache__")


def planted(mutation: Mutation, text: str) -> str:
    """The file's text with the bug in it. Fails when the old lines are not there exactly once: the list is out of date."""
    found = text.count(mutation.old)
    assert found == 1, f"{mutation.name}: {mutation.file} holds the old lines {found} times, once is needed"
    return text.replace(mutation.old, mutation.new)


@dataclass(frozen=True)
class Verdict:
    """What came of a run: pytest's exit code and a report for each test (and each failure around one)."""

    code: int
    reports: tuple[dict[str, str], ...]
    output: str

    def failed(self, when: str) -> dict[str, str]:
        """The exception's name by test, of what failed in this phase."""
        found = [each for each in self.reports if each["when"] == when and each["outcome"] == "failed"]
        return {each["test"]: each["error"] for each in found}

    def passed(self) -> set[str]:
        return {each["test"] for each in self.reports if (each["when"], each["outcome"]) == ("call", "passed")}


class Nursery:
    """The warm process and its folder. One copy at a time, always in one place: what did not change is compiled once."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._planted = 0
        self._host = subprocess.Popen(
            [sys.executable, "-P", str(Path(__file__).with_name("host.py")), str(folder / "compiled")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._host.communicate()  # its input ends, so it ends

    def run(self, tests: Sequence[str], mutation: Mutation | None = None) -> Verdict:
        """Run tests against a fresh copy, with a bug in it or without."""
        copy = self._folder / "copy"
        try:
            for package in PACKAGES:
                shutil.copytree(ROOT / package, copy / package, ignore=_COMPILED, copy_function=os.symlink)
            if mutation is not None:
                file = copy / mutation.file
                text = planted(mutation, file.read_text(encoding="utf-8"))
                file.unlink()  # a link to our own source
                file.write_text(text, encoding="utf-8")
                self._planted += 1
                os.utime(file, (self._planted, self._planted))  # no other file of this name was compiled with this time
            said = self._ask({"folder": str(copy), "tests": list(tests)})
            return Verdict(said["code"], tuple(said["reports"]), (copy / "output").read_text(errors="replace"))
        finally:
            shutil.rmtree(copy)

    def _ask(self, question: dict[str, Any]) -> dict[str, Any]:
        assert self._host.stdin is not None
        assert self._host.stdout is not None
        self._host.stdin.write(json.dumps(question) + "\n")
        self._host.stdin.flush()
        return json.loads(self._host.stdout.readline())
