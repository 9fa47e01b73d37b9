"""The example configurations: one for each pair of trackers, true to the connectors, and good for a real sync."""

from __future__ import annotations

import importlib.util
import re
import sys
import tomllib
from itertools import combinations
from pathlib import Path
from types import ModuleType

import pytest
from trackers.between import TYPES, Between, people_of

from bridge.assemble import look
from bridge.config import plugins
from bridge.config.loader import load
from bridge.wiring import Bridge

FOLDER = Path(__file__).resolve().parent.parent / "examples"
PAIRS = list(combinations(TYPES, 2))
NAMED = [pytest.param(left, right, id=f"{left}-{right}") for left, right in PAIRS]
SYNCED = [("artala", "github"), ("gipo", "timetracker"), ("growcrm", "workestra"), ("jira", "redmine")]


def maker() -> ModuleType:
    spec = importlib.util.spec_from_file_location("examples_make", FOLDER / "make.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look themselves up there
    spec.loader.exec_module(module)
    return module


make = maker()


def text_of(left: str, right: str) -> str:
    return (FOLDER / f"{left}-{right}.toml").read_text(encoding="utf-8")


def test_there_is_one_for_each_pair_of_types_and_no_other():
    assert {path.stem for path in FOLDER.glob("*.toml")} == {f"{left}-{right}" for left, right in PAIRS}
    assert set(TYPES) == set(plugins.types())


@pytest.mark.parametrize(("left", "right"), NAMED)
def test_an_example_says_what_its_connectors_say(left, right):
    assert text_of(left, right) == make.example(left, right), "run: python examples/make.py"


@pytest.mark.parametrize(("left", "right"), NAMED)
async def test_an_example_loads_and_its_check_finds_no_error(left, right, tmp_path, monkeypatch):
    (tmp_path / "bridge.toml").write_text(text_of(left, right))
    for type_ in (left, right):
        monkeypatch.setenv(f"BRIDGE_CONNECTIONS__{type_.upper()}__TOKEN", "a-token-of-tests")
    warned: list[str] = []

    settings = load(tmp_path / "bridge.toml", warn=warned.append)
    found = await look(settings)

    assert warned == []
    assert [one.what for one in found if one.level == "error"] == []
    assert [link.kinds for link in settings.links] == [tuple(make.shared_kinds(left, right))]


@pytest.mark.parametrize(("left", "right"), NAMED)
def test_an_example_names_every_lack_that_the_check_tells(left, right):
    said = " ".join(line.lstrip("# ") for line in text_of(left, right).splitlines())
    for type_ in (left, right):
        kinds = make.kinds_of(type_)
        missing = [kinds["task"].reasons[kind] for kind in make.KINDS if kind not in kinds]
        assert [reason for reason in missing if reason not in said] == []


def test_the_page_of_trackers_says_what_the_connectors_say():
    written = make.PAGE.read_text(encoding="utf-8")

    assert written == make.page(written), "run: python examples/make.py"


def test_the_page_of_trackers_leads_to_a_page_for_each():
    linked = re.findall(r"\]\(([^)#]+)\)", make.PAGE.read_text(encoding="utf-8"))

    assert {f"{type_}.md" for type_ in TYPES} <= set(linked)
    assert [link for link in linked if not (make.PAGE.parent / link).exists()] == []


def placed(text: str, side: str, people, folder: Path) -> str:
    """The example with a sandbox's address and token in place of the invented ones, and its container and persons."""
    type_ = people.TYPE
    sections = re.split(r"^(?=\[)", text, flags=re.MULTILINE)
    own = people.connection(type_, folder)
    taken = set(tomllib.loads(own)["connections"][type_])
    for index, section in enumerate(sections):
        if section.startswith(f"[connections.{type_}]"):
            kept = [line for line in section.splitlines()[1:] if line.partition(" =")[0] not in taken]
            sections[index] = "\n".join((own.strip(), *kept, "")) + "\n"
        if section.startswith("[[people]]"):
            person = next(iter(people.persons.values()))
            sections[index] = re.sub(rf'^{type_} = ".*"', f'{type_} = "{person}"', section, flags=re.MULTILINE)
        if section.startswith("[[links]]"):
            sections[index] = re.sub(
                rf'^({side} = .*container = )"[^"]*"', rf'\g<1>"{people.container}"', section, flags=re.MULTILINE
            )
    return "".join(sections)


@pytest.mark.parametrize(("left", "right"), [pytest.param(*pair, id="-".join(pair)) for pair in SYNCED])
async def test_two_trackers_are_checked_and_kept_in_step_as_an_example_says(left, right, tmp_path):
    with Between(tmp_path, people_of(left), people_of(right)) as world:
        here, there = world.left, world.right
        text = text_of(left, right)
        for side, people in (("left", here), ("right", there)):
            text = placed(text, side, people, tmp_path)
        (tmp_path / "bridge.toml").write_text(text.replace('"match" ', '"match-then-create" '))

        first = here.create("From the left", description=None)
        there.create("From the right")
        async with Bridge.open(load(tmp_path / "bridge.toml")) as bridge:
            found = await bridge.check(live=True)
        assert [one.what for one in found if one.level == "error"] == []
        assert await settled(world) == "done"
        partner = dict(world.pairs())[first]
        assert len(world.pairs()) == 2

        here.edit(first, title="Renamed on the left")
        there.close(partner)
        assert await settled(world) == "done"
        assert there.task(partner)["title"] == "Renamed on the left"
        assert here.task(first)["is_closed"]


async def settled(world: Between) -> str:
    """Two syncs, and a third that writes nothing."""
    for _ in range(2):
        await sync(world)
    before = world.writes()
    report = await sync(world)
    assert world.writes() == before
    return report.state


async def sync(world: Between):
    async with Bridge.open(load(world.folder / "bridge.toml")) as bridge:
        return await bridge.sync("app", trigger="test", sweep=True)
