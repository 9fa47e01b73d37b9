"""Two trackers of any types with people on both, and one Bridge between them."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any, Self

from bridge.config.loader import load
from bridge.engine.report import RunReport
from bridge.model import Dialect
from bridge.wiring import Bridge

TYPES = ("artala", "gipo", "github", "growcrm", "jira", "redmine", "timetracker", "workestra")

KINDS = {"task": "task", "comment": "comment", "time": "time_entry"}
"""What people can do, and the kind of record it is."""


async def no_sleep(_seconds: float) -> None:
    """Waiting, where trackers never lag."""


def people_of(type_: str, **settings: Any) -> Any:
    """The people of a tracker's sandbox (``tests/trackers/TYPE.py``)."""
    return importlib.import_module(f"trackers.{type_}").People(**settings)


class Between:
    """``left`` and ``right`` are People. Everything that both can hold is kept in step."""

    def __init__(self, folder: Path, left: str | Any, right: str | Any, more: str = "", rows: str = "") -> None:
        self.folder, self.more, self.rows = folder, more, rows
        self.left: Any = people_of(left) if isinstance(left, str) else left
        self.right: Any = people_of(right) if isinstance(right, str) else right
        self.both = self.left.can & self.right.can
        self.kinds = [kind for can, kind in KINDS.items() if can in self.both]

    def __enter__(self) -> Self:
        self.left.__enter__()
        self.right.__enter__()
        self.configure()
        return self

    def __exit__(self, *_: object) -> None:
        self.right.__exit__()
        self.left.__exit__()

    def configure(self) -> None:
        parts = [f'[state]\nurl = "sqlite:///{self.folder}/bridge.db"\n']
        parts += [side.connection(name, self.folder) for name, side in (("left", self.left), ("right", self.right))]
        here, there = list(self.left.persons.values()), list(self.right.persons.values())
        parts += [f'[[people]]\nleft = "{one}"\nright = "{other}"\n' for one, other in zip(here, there, strict=False)]
        parts.append(f"""
[[links]]
name = "pair"
left = {{ connection = "left", container = "{self.left.container}" }}
right = {{ connection = "right", container = "{self.right.container}" }}
kinds = {self.kinds}
initial = "match-then-create"
delete_grace = 0
max_delete_percent = 100
on_part_delete = "delete"
{self.more}
{self.rows}
""")
        (self.folder / "bridge.toml").write_text("\n".join(parts))

    async def sync(self, **options: Any) -> RunReport:
        async with Bridge.open(load(self.folder / "bridge.toml"), sleep=no_sleep) as bridge:
            return await bridge.sync("pair", trigger="test", **{"sweep": True, **options})

    async def check(self, *, live: bool) -> list[Any]:
        async with Bridge.open(load(self.folder / "bridge.toml"), sleep=no_sleep) as bridge:
            return await bridge.check(live=live)

    async def dialects(self) -> tuple[Dialect, Dialect]:
        """In which both sides hold descriptions, as their connectors say."""
        async with Bridge.open(load(self.folder / "bridge.toml"), sleep=no_sleep) as bridge:
            found = []
            for side, name in ((self.left, "left"), (self.right, "right")):
                schema = await bridge.connector(name).schema(side.container, "task", fields=frozenset())
                dialect = schema.fields["description"].dialect
                found.append("markdown" if dialect == "plain" else dialect)
        return found[0], found[1]

    async def settle(self) -> RunReport:
        """Sync until nothing is written (at most two runs, I1), and prove it by a third (I3, I5)."""
        async with Bridge.open(load(self.folder / "bridge.toml"), sleep=no_sleep) as bridge:
            await bridge.sync("pair", trigger="test", sweep=True)
            await bridge.sync("pair", trigger="test", sweep=True)
            before = self.writes()
            report = await bridge.sync("pair", trigger="test", sweep=True)
        assert self.writes() == before, "a settled run wrote"
        assert report.state == "done", report.error
        return report

    def writes(self) -> int:
        return int(self.left.writes() + self.right.writes())

    def pairs(self) -> list[tuple[str, str]]:
        """Tasks that belong together, by ids, as the people see them: by title. Fails when a title stands twice."""
        left, right = ({row["title"]: item for item, row in side.tasks().items()} for side in (self.left, self.right))
        for side, titles in ((self.left, left), (self.right, right)):
            assert len(titles) == len(side.tasks()), "a task stands twice"
        assert left.keys() == right.keys()
        return [(left[title], right[title]) for title in sorted(left)]
