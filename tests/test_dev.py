"""``./dev`` on machines that lack something, and on one where everything is ready."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
TOOLS = ("sh", "env", "sed", "cat", "cksum", "awk", "dirname", "rm")


def run(
    checkout: Path, *args: str, path: Path, cwd: Path | None = None, **env: str
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [checkout / "dev", *args],
        cwd=cwd or checkout,
        env={"PATH": str(path), **env},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )


def script(path: Path, text: str) -> None:
    path.write_text(f"#!/bin/sh\n{text}\n", encoding="utf-8")
    path.chmod(0o755)


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """What ``./dev`` reads, in a folder whose name has spaces."""
    folder = tmp_path / "a folder with spaces"
    (folder / "bridge").mkdir(parents=True)
    for name in ("dev", "requirements.lock", "pyproject.toml", "bridge/version.py"):
        shutil.copy(ROOT / name, folder / name)
    return folder


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A PATH with the plain tools of every Unix and nothing of Python."""
    folder = tmp_path / "tools"
    folder.mkdir()
    for tool in TOOLS:
        (folder / tool).symlink_to(str(shutil.which(tool)))
    return folder


@pytest.fixture
def ready(checkout: Path) -> Path:
    """A checkout whose .venv was made by an earlier run; its ``bridge`` and ``uv`` say what they were asked."""
    bin_folder = checkout / ".venv" / "bin"
    bin_folder.mkdir(parents=True)
    script(bin_folder / "python", 'case $1 in -V) echo "Python 3.11.99";; esac')
    script(bin_folder / "uv", f'echo "uv $*" >>"{checkout}/asked"')
    script(bin_folder / "bridge", 'printf "in %s:" "$(pwd)"; printf " <%s>" "$@"')
    return checkout


def test_it_says_that_python_is_missing(checkout: Path, path: Path) -> None:
    ran = run(checkout, "setup", path=path)

    assert ran.returncode == 1
    assert "Python 3.11 or newer is needed" in ran.stderr
    assert "apt install python3" in ran.stderr


def test_it_says_that_venv_is_missing(checkout: Path, path: Path) -> None:
    """As on a Debian without python3-venv: the interpreter is there, ensurepip is not."""
    script(path / "python3", f'case "$*" in *ensurepip*) exit 1;; esac\nexec "{sys.executable}" "$@"')

    ran = run(checkout, "setup", path=path)

    assert ran.returncode == 1
    assert "sudo apt install python3-venv" in ran.stderr
    assert not (checkout / ".venv" / ".stamp").exists()


def test_a_second_run_installs_nothing(ready: Path, path: Path) -> None:
    first = run(ready, "setup", path=path)
    asked = (ready / "asked").read_text(encoding="utf-8")

    second = run(ready, "setup", path=path)

    assert (first.returncode, second.returncode) == (0, 0)
    assert asked.count("uv pip install") == 2
    assert (ready / "asked").read_text(encoding="utf-8") == asked
    assert second.stderr == ""


@pytest.mark.parametrize("name", ["requirements.lock", "pyproject.toml", "bridge/version.py"])
def test_a_change_of_what_it_was_made_from_installs_again(ready: Path, path: Path, name: str) -> None:
    run(ready, "setup", path=path)
    asked = (ready / "asked").read_text(encoding="utf-8")
    with (ready / name).open("a", encoding="utf-8") as file:
        file.write("\n")

    run(ready, "setup", path=path)

    assert len((ready / "asked").read_text(encoding="utf-8")) == 2 * len(asked)


def test_the_lock_is_installed_with_its_hashes_and_the_project_without_a_network(ready: Path, path: Path) -> None:
    run(ready, "setup", path=path)

    lock, project, examples = (ready / "asked").read_text(encoding="utf-8").splitlines()
    assert "--require-hashes" in lock
    assert "--no-deps" in lock
    assert "--offline" in project
    assert "--no-build-isolation" in project
    assert "--require-hashes" in examples
    assert "--no-deps" in examples


def test_bridge_gets_its_arguments_whole_and_runs_where_the_person_is(ready: Path, path: Path, tmp_path: Path) -> None:
    ran = run(ready, "bridge", "why", "two words", "", path=path, cwd=tmp_path)

    assert ran.returncode == 0
    assert ran.stdout == f"in {tmp_path}: <why> <two words> <>"


def test_an_unknown_command_is_a_usage_error(checkout: Path, path: Path) -> None:
    ran = run(checkout, "tset", path=path)

    assert ran.returncode == 2
    assert "usage: ./dev COMMAND" in ran.stderr


@pytest.mark.parametrize(("failing", "code"), [("none", 0), ("test", 3), ("test-real", 3)])
def test_ci_runs_both_commands_and_fails_when_one_does(tmp_path: Path, path: Path, failing: str, code: int) -> None:
    (tmp_path / "clone" / ".ci").mkdir(parents=True)
    (tmp_path / "shared" / "contract").mkdir(parents=True)
    shutil.copy(ROOT / ".ci" / "run", tmp_path / "clone" / ".ci" / "run")
    script(tmp_path / "clone" / "dev", f'echo "dev $*: $BRIDGE_CONTRACT_DIR"; [ "$1" != {failing} ] || exit 3')
    bash = shutil.which("bash")
    assert bash is not None

    ran = subprocess.run(
        [bash, tmp_path / "clone" / ".ci" / "run"],
        env={"PATH": str(path), "CI": "true"},
        cwd=os.sep,
        capture_output=True,
        text=True,
        check=False,
    )

    contract = (tmp_path / "shared" / "contract").resolve()
    assert ran.stdout == f"dev test: {contract}\ndev test-real: {contract}\n"
    assert ran.returncode == code
