"""What must not be in any tracked file: paths of one machine, package hosts, promises for later, secrets."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
MAX_BYTES = 1_000_000

# Each pattern is written so that it does not find itself.
BANNED = {
    "a path of one machine": re.compile(r"(?<![\w.$}~-])/(?:root|home|work|tmp|Users)(?:/|\b(?=[\s\"'`),]))"),
    "a package host": re.compile(
        r"(?:files\.)?python[h]osted\.org|pypi\.(?:org|python)|npm[j]s\.(?:com|org)", re.IGNORECASE
    ),
    "a promise for later": re.compile(r"\b(?:TO[D]O|FIX[M]E|XX[X]|HA[C]K)\b"),
    "a stub": re.compile(r"\bNotImplemented[E]rror\b"),
    "an ignore without a code": re.compile(r"#\s*type:\s*ignore(?!\[)|#\s*noqa(?!:)"),
}
SECRETS = {
    "a GitHub token": re.compile(r"\bgh[opsur]_(?!x{4}|X{4}|0{4}|example)[A-Za-z0-9]{30,}|\bgithub_pat_\w{30,}"),
    "a private key": re.compile(r"-----BEGIN (?:[A-Z]+ )?PRIVATE [K]EY-----"),
    "a signed token": re.compile(r"\beyJ[\w-]{20,}\.eyJ[\w-]{20,}\.[\w-]{20,}"),
    "a cloud key": re.compile(r"\bAKIA[0-9A-Z]{16}\b"),
}
MAY_NAME = {
    "a path of one machine": {".gitignore"},
    "a stub": set(),
}
GENERATED = {"requirements.lock"}


def tracked() -> list[Path]:
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if listed.returncode != 0:
        pytest.skip("not a git checkout")
    return [ROOT / name for name in sorted(set(listed.stdout.split("\0"))) if name and (ROOT / name).is_file()]


def findings(patterns: dict[str, re.Pattern[str]]) -> list[str]:
    found = []
    for path in tracked():
        name = path.relative_to(ROOT).as_posix()
        try:
            lines = path.read_text(encoding="utf-8").splitlines()
        except UnicodeDecodeError:
            continue
        for number, line in enumerate(lines, 1):
            found += [
                f"{name}:{number}: {what}: {line.strip()[:100]}"
                for what, pattern in patterns.items()
                if pattern.search(line) and name not in MAY_NAME.get(what, set()) and name != "tests/test_tree.py"
            ]
    return found


def test_no_file_holds_what_only_one_machine_knows_or_a_promise() -> None:
    assert findings(BANNED) == []


def test_no_file_holds_a_secret() -> None:
    assert findings(SECRETS) == []


def test_no_file_is_a_dump() -> None:
    assert [path.name for path in tracked() if path.stat().st_size > MAX_BYTES] == []


def test_nothing_generated_is_tracked() -> None:
    generated = re.compile(r"(?:^|/)(?:__pycache__|\.venv|uv\.lock|pylock\.toml|.*\.(?:pyc|db|egg-info))(?:/|$)")

    assert [name for path in tracked() if generated.search(name := path.relative_to(ROOT).as_posix())] == []
