"""A package that Bridge knows nothing of brings a connector: built, installed beside Bridge and used, without a network."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLE = Path(__file__).resolve().parent.parent / "examples" / "connector"
PYTHON = Path(sys.executable)
CONFIG = """
[connections.home]
type = "todos"
base_url = "http://127.0.0.1:9"

[connections.hub]
type = "github"

[[links]]
name = "groceries"
left = { connection = "home", container = "groceries" }
right = { connection = "hub", container = "acme/app" }
"""


def run(*command: str | Path, site: Path | None = None, cwd: Path) -> subprocess.CompletedProcess[str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PIP_", "UV_", "PYTEST_"))}
    more = {"UV_CACHE_DIR": str(cwd / "cache"), "UV_OFFLINE": "1", "PYTHONDONTWRITEBYTECODE": "1"}
    path = {} if site is None else {"PYTHONPATH": str(site)}
    return subprocess.run(
        [*map(str, command)],
        cwd=cwd,
        env={**kept, **more, **path},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture(scope="module")
def site(tmp_path_factory) -> Path:
    """A folder into which the wheel of the example was installed."""
    folder = tmp_path_factory.mktemp("stranger")
    source = folder / "source"
    shutil.copytree(EXAMPLE, source, ignore=shutil.ignore_patterns("__pycache__", ".*", "build", "dist"))
    options = ["--quiet", "--offline", "--no-deps", "--no-build-isolation", "--python", PYTHON]
    done = run(
        PYTHON.with_name("uv"), "pip", "install", *options, "--target", folder / "site", source, cwd=folder
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert not (folder / "site" / "tests").exists()
    return folder / "site"


def test_its_type_can_be_configured_as_soon_as_it_is_installed(site, tmp_path, monkeypatch):
    for name in ("HOME", "HUB"):
        monkeypatch.setenv(f"BRIDGE_CONNECTIONS__{name}__TOKEN", "a-token-of-tests")
    (tmp_path / "bridge.toml").write_text(CONFIG)
    bridge = PYTHON.with_name("bridge")

    without = run(bridge, "config", "check", cwd=tmp_path)
    checked = run(bridge, "config", "check", site=site, cwd=tmp_path)

    assert without.returncode == 2
    assert "expected one of" in without.stderr
    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_its_vocabulary_gives_the_rows_of_a_link(site, tmp_path):
    code = (
        "from bridge.config import plugins; from mappings.preset import preset;"
        "rows = preset('todos', 'github', {'todos': plugins.find('todos').vocabulary})['task'];"
        "print(*sorted(f'{row.left}-{row.right}' for row in rows))"
    )

    told = run(PYTHON, "-c", code, site=site, cwd=tmp_path)

    assert told.stdout.split() == [
        "assignee-assignees",
        "description-description",
        "labels-labels",
        "status-status",
        "title-title",
    ], told.stderr


@pytest.mark.parametrize(
    ("vocabulary", "wrong"),
    [
        ("{'task': {'title': 7}}", "task.title is neither the name of a field nor a table with one"),
        ("{'task': {'status': {'todo': ['open']}}}", "task.status is neither the name of a field nor a table with one"),
        (
            "{'task': {'status': {'field': 'status', 'todo': 'open'}}}",
            "task.status has a meaning without a list of names",
        ),
        ("{'task': 'title'}", "task is no table"),
    ],
)
def test_a_vocabulary_that_cannot_be_used_is_told_by_the_check(tmp_path, vocabulary, wrong):
    site = tmp_path / "site"
    (site / "bad-1.dist-info").mkdir(parents=True)
    (site / "bad-1.dist-info" / "METADATA").write_text("Metadata-Version: 2.1\nName: bad\nVersion: 1\n")
    (site / "bad-1.dist-info" / "entry_points.txt").write_text("[bridge.connectors]\ntodos = bad:PLUGIN\n")
    (site / "bad.py").write_text(
        "from typing import Literal\nfrom pydantic import BaseModel\nfrom connectors.base import Plugin\n"
        "class Config(BaseModel):\n    type: Literal['todos']\n"
        f"PLUGIN = Plugin('todos', Config, print, {vocabulary})\n"
    )
    (tmp_path / "bridge.toml").write_text(CONFIG)

    checked = run(PYTHON.with_name("bridge"), "config", "check", site=site, cwd=tmp_path)

    assert checked.returncode == 2
    assert wrong in " ".join(checked.stderr.split())


def test_it_passes_the_contract_and_is_kept_in_step_with_github(site, tmp_path):
    shutil.copy(EXAMPLE / "pyproject.toml", tmp_path)
    shutil.copytree(EXAMPLE / "tests", tmp_path / "tests", ignore=shutil.ignore_patterns("__pycache__"))

    tested = run(PYTHON, "-m", "pytest", "-q", "-p", "no:cacheprovider", site=site, cwd=tmp_path)

    assert tested.returncode == 0, tested.stdout + tested.stderr
    assert "2 skipped" in tested.stdout  # it takes no webhooks and lists no people


def test_the_example_is_one_short_module_with_types(tmp_path):
    lines = (EXAMPLE / "bridge_todos.py").read_text(encoding="utf-8").splitlines()

    checked = run(
        PYTHON, "-m", "mypy", "--strict", "--cache-dir", tmp_path, EXAMPLE / "bridge_todos.py", cwd=EXAMPLE.parent.parent
    )  # fmt: skip

    assert len(lines) <= 200
    assert checked.returncode == 0, checked.stdout
