"""The distribution: what is in the wheel, what the lock says, and that nobody else owns our names."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
import zipfile
from importlib.metadata import distribution, distributions, entry_points
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("bridge", "connectors", "mappings", "state")
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
LOCK = (ROOT / "requirements.lock").read_text(encoding="utf-8")
PINS = {
    canonicalize_name(match[1]): match[2]
    for match in re.finditer(r"^([A-Za-z0-9._-]+)(?:\[[^\]]*\])?==([^\s;\\]+)", LOCK, re.MULTILINE)
}


def offline() -> dict[str, str]:
    """An environment in which no package can be fetched."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PIP_", "UV_"))}
    return {**kept, "PIP_NO_INDEX": "1", "UV_OFFLINE": "1"}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.Path:
    folder = tmp_path_factory.mktemp("wheel")
    code = f"from hatchling.build import build_wheel; build_wheel({str(folder)!r})"
    built = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=offline(), capture_output=True, text=True, check=False
    )
    assert built.returncode == 0, built.stderr
    (made,) = folder.glob("*.whl")
    return zipfile.Path(made)


def names(wheel: zipfile.Path) -> set[str]:
    return set(wheel.root.namelist())


def test_the_wheel_holds_every_module(wheel: zipfile.Path) -> None:
    ours = {path.relative_to(ROOT).as_posix() for package in PACKAGES for path in (ROOT / package).rglob("*.py")}

    assert ours - names(wheel) == set()


def test_the_wheel_holds_the_data_that_is_no_python(wheel: zipfile.Path) -> None:
    data = {
        path.relative_to(ROOT).as_posix()
        for package in PACKAGES
        for pattern in ("*.toml", "*.service", "*.timer", "*.mako", "*.ini")
        for path in (ROOT / package).rglob(pattern)
    }

    assert {Path(name).name for name in data} >= {"config.example.toml"}
    assert any(name.endswith(".service") for name in data)
    assert any(name.endswith(".timer") for name in data)
    assert data - names(wheel) == set()


def test_the_wheel_holds_the_migrations(wheel: zipfile.Path) -> None:
    assert [name for name in names(wheel) if re.fullmatch(r"state/migrations/versions/\w+\.py", name)]


def test_the_wheel_holds_nothing_else(wheel: zipfile.Path) -> None:
    tops = {name.split("/")[0] for name in names(wheel)}

    assert {top for top in tops if not top.endswith(".dist-info")} == set(PACKAGES)


def test_the_wheel_names_its_commands_and_connectors(wheel: zipfile.Path) -> None:
    (text,) = [wheel.joinpath(name).read_text() for name in names(wheel) if name.endswith("/entry_points.txt")]

    assert "bridge = bridge.cli.app:main" in text
    assert "bridge-sync = bridge.cli.app:main" in text
    assert "[bridge.connectors]" in text


def test_the_commands_are_installed_and_answer() -> None:
    version = distribution("bridge-sync").version
    for command in ("bridge", "bridge-sync"):
        script = Path(sys.executable).with_name(command)

        answered = subprocess.run([script, "--version"], capture_output=True, text=True, check=False)

        assert answered.returncode == 0, answered.stderr
        assert version in answered.stdout


def test_the_connectors_are_found_by_entry_point() -> None:
    found = {entry.name for entry in entry_points(group="bridge.connectors")}

    assert found == set(PYPROJECT["project"]["entry-points"]["bridge.connectors"])


def test_no_other_distribution_owns_our_package_names() -> None:
    """They are plain words: an environment shared with another application could hold them already."""
    owners: dict[str, set[str]] = {name: set() for name in PACKAGES}
    for installed in distributions():
        files = installed.files or []
        for top in {path.parts[0] for path in files if path.parts} & set(PACKAGES):
            owners[top].add(installed.metadata["Name"])

    assert {name: other for name, found in owners.items() if (other := found - {"bridge-sync"})} == {}


def test_the_lock_holds_hashes_and_no_host() -> None:
    pinned = re.split(r"^(?=[A-Za-z0-9])", LOCK, flags=re.MULTILINE)[1:]

    assert len(pinned) == len(PINS)
    assert [entry.split()[0] for entry in pinned if "--hash=sha256:" not in entry] == []
    assert re.findall(r"\S+://\S+|--(?:extra-)?index-url.*|--find-links.*", LOCK) == []


def test_the_lock_covers_what_the_project_asks_for() -> None:
    extras = PYPROJECT["project"]["optional-dependencies"]
    asked = [
        *PYPROJECT["project"]["dependencies"],
        *extras["dev"],
        *extras["postgres"],
        *PYPROJECT["build-system"]["requires"],
    ]
    missing = []
    for requirement in map(Requirement, asked):
        pinned = PINS.get(canonicalize_name(requirement.name))
        if pinned is None or not requirement.specifier.contains(pinned, prereleases=True):
            missing.append(f"{requirement} (locked: {pinned}); run ./dev lock")

    assert missing == []


def test_what_runs_here_is_what_the_lock_says() -> None:
    different = {}
    for name, pinned in PINS.items():
        found = [installed.version for installed in distributions(name=name)]
        if found and found[0] != pinned:
            different[name] = (found[0], pinned)

    assert different == {}
