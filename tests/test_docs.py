"""The documents say what is there: commands, exit codes, events, tables, files. Nothing more and nothing less."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from syntax import nodes
from typer.main import get_command

from bridge.cli.codes import ExitCode
from bridge.cli.root import tree
from bridge.config.loader import load
from bridge.log import EVENTS
from state.tables import Table

ROOT = Path(__file__).resolve().parent.parent
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")])
PACKAGES = ("bridge", "connectors", "mappings", "state")


def text(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def commands(command: Any = None, before: str = "") -> Iterator[str]:
    """Every command that does something, with its group: ``sync``, ``conflicts list``."""
    for name, inner in getattr(command or get_command(tree), "commands", {}).items():
        if getattr(inner, "commands", None):
            yield from commands(inner, f"{before}{name} ")
        else:
            yield f"{before}{name}"


def test_the_first_two_commands_of_the_readme_are_demo_and_test() -> None:
    run = re.findall(r"^\$ (.+)$", text("README.md"), re.MULTILINE)

    assert run[:2] == ["./dev demo", "./dev test"]


def test_the_readme_opens_with_one_sentence() -> None:
    title, _, opening = text("README.md").split("\n", 3)[:3]

    assert title == "# Bridge"
    assert opening.count(".") == 1


def test_the_readme_says_early_what_bridge_does_not_do() -> None:
    first_heading = re.search(r"^## (.+)$", text("README.md"), re.MULTILINE)

    assert first_heading is not None
    assert first_heading[1] == "What it does not do"


def test_the_configuration_in_the_readme_loads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shown = re.search(r"```toml\n(.+?)```", text("README.md"), re.DOTALL)
    assert shown is not None
    (tmp_path / "bridge.toml").write_text(shown[1], encoding="utf-8")
    for name in ("ARTALA", "GITHUB"):
        monkeypatch.setenv(f"BRIDGE_CONNECTIONS__{name}__TOKEN", "placeholder")

    settings = load(tmp_path / "bridge.toml")

    assert [link.name for link in settings.links] == ["app"]


def test_the_readme_warns_of_the_other_program_of_that_name() -> None:
    assert "iproute2" in text("README.md")
    assert "bridge-sync" in text("README.md")


@pytest.mark.parametrize("command", list(commands()))
def test_every_command_is_documented(command: str) -> None:
    assert re.search(rf"`bridge {re.escape(command)}(?=[ `])", text("docs/cli.md"))


@pytest.mark.parametrize("path", PAGES, ids=name_of)
def test_every_command_that_a_page_names_exists(path: Path) -> None:
    known = {*commands(), *(command.split()[0] for command in commands())}
    lines = path.read_text(encoding="utf-8")
    named = re.findall(r"(?:`|^\$ (?:\./dev )?)bridge ([a-z]+)(?: ([a-z]+))?(?=[ `\n])", lines, re.MULTILINE)

    unknown = [f"{word} {more}".strip() for word, more in named if word not in known]

    assert unknown == []


@pytest.mark.parametrize("code", list(ExitCode), ids=lambda code: code.name)
def test_every_exit_code_is_documented(code: ExitCode) -> None:
    assert re.search(rf"^\| {code.value} \|", text("docs/cli.md"), re.MULTILINE)


def test_the_events_of_the_log_are_those_that_are_documented() -> None:
    section = text("docs/operations.md").split("## Logs")[1].split("\n## ")[0]
    told = set(re.findall(r"^\| `([a-z_]+\.[a-z_]+)` \|", section, re.MULTILINE))

    assert told == set(EVENTS)


def test_the_events_that_are_logged_are_those_that_are_listed() -> None:
    logged = {}
    for package in PACKAGES:
        for path in (ROOT / package).rglob("*.py"):
            for node in nodes(path):
                if isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value in EVENTS:
                    logged.setdefault(node.value, name_of(path))

    assert set(EVENTS) - set(logged) == set()


def test_no_event_is_logged_that_is_not_listed() -> None:
    levels = {"debug", "info", "warning", "error", "exception", "critical"}
    unknown = [
        f"{name_of(path)}: {node.args[0].value}"
        for package in PACKAGES
        for path in (ROOT / package).rglob("*.py")
        for node in nodes(path)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr in levels
        and node.args
        and isinstance(node.args[0], ast.Constant)
        and isinstance(node.args[0].value, str)
        and node.args[0].value not in EVENTS
    ]

    assert unknown == []


def test_the_architecture_names_every_table() -> None:
    section = text("ARCHITECTURE.md").split("## Tables")[1].split("\n## ")[0]
    rows = re.findall(r"^\| (`.+?) \|", section, re.MULTILINE)
    told = {name for row in rows for name in re.findall(r"`(\w+)`", row)}

    assert told == set(Table.metadata.tables)


@pytest.mark.parametrize("path", PAGES, ids=name_of)
def test_every_file_that_a_page_names_is_there(path: Path) -> None:
    lines = path.read_text(encoding="utf-8")
    named = re.findall(r"`((?:bridge|connectors|mappings|state|tests|benchmarks|docs|\.ci)/[\w./-]*)`", lines)
    linked = [link for link in re.findall(r"\]\(([^)#]+)\)", lines) if "://" not in link]

    missing = [name for name in named if not (ROOT / name).exists()]
    broken = [link for link in linked if not (path.parent / link).exists()]

    assert (missing, broken) == ([], [])


def test_the_changelog_has_what_is_not_released_on_top() -> None:
    headings = re.findall(r"^## \[(.+?)\]", text("CHANGELOG.md"), re.MULTILINE)

    assert headings[0] == "Unreleased"
