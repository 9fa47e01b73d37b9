"""docs/connectors.md: its code is the example's, and it leaves out nothing of the contract."""

from __future__ import annotations

import dataclasses
import inspect
import re
from pathlib import Path

import pytest

from bridge import errors
from bridge.model import Kind
from connectors.base import Capabilities, Connector
from mappings.preset import vocabulary

ROOT = Path(__file__).resolve().parent.parent
PAGE = (ROOT / "docs" / "connectors.md").read_text(encoding="utf-8")
EXAMPLE = ROOT / "examples" / "connector"
SOURCES = {path: path.read_text(encoding="utf-8") for path in EXAMPLE.rglob("*") if path.suffix in (".py", ".toml")}
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
SHIPPED = ("artala", "gipo", "github", "growcrm", "jira", "redmine", "timetracker", "workestra")


@pytest.mark.parametrize("block", [code for _, code in BLOCKS], ids=lambda code: code.split("\n")[0].strip()[:40])
def test_code_on_the_page_is_code_of_the_example(block):
    assert any(f"\n{block}" in f"\n{source}" for source in SOURCES.values())


def test_the_page_is_short():
    assert len(PAGE.splitlines()) <= 350


def test_every_method_of_a_connector_is_on_the_page():
    methods = [name for name, _ in inspect.getmembers(Connector, inspect.isfunction) if not name.startswith("_")]

    assert len(methods) > 10
    assert [name for name in methods if not re.search(rf"`{name}\b|def {name}\(", PAGE)] == []


def test_every_error_that_a_connector_raises_is_on_the_page():
    raised = [
        name
        for name, each in inspect.getmembers(errors, inspect.isclass)
        if issubclass(each, errors.TrackerError) and each is not errors.TrackerError
    ]

    assert [name for name in raised if name not in PAGE] == []


def test_every_kind_and_every_standard_name_is_on_the_page():
    names = {name for type_ in SHIPPED for kind in Kind for name in vocabulary(type_).get(kind.value, {})}
    meanings = {
        meaning
        for type_ in SHIPPED
        for word in vocabulary(type_)["task"].values()
        if not isinstance(word, str)
        for meaning in word
        if meaning != "field"
    }

    assert [
        name for name in sorted({*names, *meanings, *(kind.value for kind in Kind)}) if f"`{name}`" not in PAGE
    ] == []


def test_every_lack_that_needs_a_reason_is_on_the_page():
    verbs = [each.name for each in dataclasses.fields(Capabilities) if isinstance(each.default, bool)]

    assert [verb for verb in ("create", "update", "delete", "find", "webhooks") if verb not in verbs] == []
    assert [verb for verb in verbs if f"`{verb}`" not in PAGE] == []
