"""The shape of the code, held by tests: who may import whom, and how large a thing may grow."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from syntax import nodes, parsed

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("bridge", "connectors", "mappings", "state")
MODULES = sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))
TRACKERS = ("github", "artala")

MAX_MODULE_LINES = 400
MAX_FUNCTION_LINES = 50  # the aim is 40
MAX_METHODS = 15

FUNCTION = (ast.FunctionDef, ast.AsyncFunctionDef)


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def imports_of(path: Path) -> Iterator[str]:
    """Every module that a file imports, also inside functions."""
    for node in nodes(path):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{name_of(path)}: a relative import"
            yield node.module or ""
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def is_migration(path: Path) -> bool:
    return "migrations" in path.parts


def test_imports_go_down_only() -> None:
    script = Path(sys.executable).with_name("lint-imports")

    linted = subprocess.run([script, "--no-logo"], cwd=ROOT, capture_output=True, text=True, check=False)

    assert linted.returncode == 0, linted.stdout + linted.stderr


@pytest.mark.parametrize("path", [path for path in MODULES if path.name == "__init__.py"], ids=name_of)
def test_a_package_imports_nothing_by_itself(path: Path) -> None:
    assert [name for name in imports_of(path) if not name.startswith("__future__")] == []


def test_one_module_imports_httpx() -> None:
    importing = {name_of(path) for path in MODULES if any(name.split(".")[0] == "httpx" for name in imports_of(path))}

    assert importing == {"connectors/http.py"}


def test_one_folder_imports_the_databases_libraries() -> None:
    libraries = {"sqlalchemy", "sqlmodel", "alembic", "psycopg"}
    importing = {path for path in MODULES if any(name.split(".")[0] in libraries for name in imports_of(path))}

    assert [name_of(path) for path in sorted(importing) if path.relative_to(ROOT).parts[0] != "state"] == []


@pytest.mark.parametrize("tracker", TRACKERS)
def test_a_tracker_is_named_only_by_its_own_files_and_the_demo(tracker: str) -> None:
    importing = {
        name_of(path) for path in MODULES if any(name.startswith(f"connectors.{tracker}") for name in imports_of(path))
    }

    assert [name for name in sorted(importing) if not name.startswith(f"connectors/{tracker}")] == []


def test_a_module_is_read_in_a_sitting() -> None:
    long = {name_of(path): lines for path in MODULES if (lines := _lines(path)) > MAX_MODULE_LINES}

    assert long == {}


def test_a_class_has_few_methods() -> None:
    large = {}
    for path in MODULES:
        for node in nodes(path):
            if isinstance(node, ast.ClassDef):
                methods = [part for part in node.body if isinstance(part, ast.FunctionDef | ast.AsyncFunctionDef)]
                public = [method for method in methods if not method.name.startswith("__")]
                if len(public) > MAX_METHODS:
                    large[f"{name_of(path)}:{node.name}"] = len(public)

    assert large == {}


def test_a_function_fits_a_screen() -> None:
    long = {}
    for path in MODULES:
        for node in nodes(path):
            if isinstance(node, FUNCTION) and not is_migration(path):
                lines = _own_lines(node)
                if lines > MAX_FUNCTION_LINES:
                    long[f"{name_of(path)}:{node.name}"] = lines

    assert long == {}


def test_no_module_is_a_drawer_for_leftovers() -> None:
    banned = {"utils", "util", "helpers", "helper", "misc", "common", "manager"}

    assert [name_of(path) for path in MODULES if path.stem in banned or path.parent.name in banned] == []


def test_every_module_says_what_it_is_for() -> None:
    silent = [name_of(path) for path in MODULES if path.name != "__init__.py" and not ast.get_docstring(parsed(path))]

    assert silent == []


def _own_lines(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Lines of a function without its docstring and without the functions inside it."""
    body = function.body[1:] if ast.get_docstring(function) else function.body
    inner = [node for part in body for node in ast.walk(part) if isinstance(node, FUNCTION)]
    outermost = [node for node in inner if not any(node in ast.walk(other) for other in inner if other is not node)]
    whole = (body[-1].end_lineno or 0) - body[0].lineno + 1 if body else 0
    return whole - sum((node.end_lineno or node.lineno) - node.lineno + 1 for node in outermost)


def _lines(path: Path) -> int:
    return len(path.read_text(encoding="utf-8").splitlines())
