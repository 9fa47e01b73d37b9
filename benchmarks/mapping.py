"""What the mapping of one task costs apart from its text: ``python -m benchmarks.mapping``.

Every pair of trackers with its preset, and one link with all that a row can say: each task goes through all rows to the
other side and back, and every value is compared with what it became, which is more than a run ever asks of it.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from importlib.resources import files
from itertools import combinations_with_replacement
from typing import Final

from bridge.model import FieldSpec, FieldType, Schema, Value
from mappings.compile import compile_rows
from mappings.lenses import UnmappedError
from mappings.people import People
from mappings.preset import preset, vocabulary
from mappings.rows import Mapping_, RowSpec

GOAL_S: Final = 0.001
"""A task both ways, apart from text."""

ROUNDS: Final = 400
PEOPLE: Final = People.of([(f"l{n}", f"r{n}@example.com") for n in range(50)], "left", "right")

_TYPES: Final[Mapping[str, FieldType]] = {
    "title": FieldType.LINE,
    "status": FieldType.CHOICE,
    "priority": FieldType.CHOICE,
    "type": FieldType.CHOICE,
    "labels": FieldType.SET,
    "people": FieldType.PERSONS,
    "due_on": FieldType.DATE,
    "start_on": FieldType.DATE,
    "estimate": FieldType.DURATION,
    "points": FieldType.INTEGER,
    "milestone": FieldType.CHOICE,
}
"""What stands for a tracker's field. Texts have a benchmark of their own; references are looked up in the database."""

_VALUES: Final[Mapping[FieldType, Sequence[Value]]] = {
    FieldType.LINE: ("Oil the pump", "Mend the fence behind the barn", "Call the smith"),
    FieldType.SET: (("bug", "ui"), ("api", "docs", "help wanted", "needs: triage"), ()),
    FieldType.PERSONS: (("l1", "l2"), ("l7",), ("nobody",)),
    FieldType.DATE: ("2026-11-21", "2027-02-28", None),
    FieldType.DURATION: (5400, 7800, None),
    FieldType.INTEGER: (3, 8, None),
    FieldType.CHOICE: ("Winter", "Spring", None),
}

_LABELS: Final = tuple(((f"area{n}", f"Area {n}"), (f"module: {n}", f"part {n}")) for n in range(100))
FULL: Final = (
    RowSpec("title", "title", normal="words", origin="all keys"),
    RowSpec("status", "status", transform="choice", groups=_LABELS, unknown="leave", origin="all keys"),
    RowSpec("priority", "priority", left_default="none", right_default="normal", origin="all keys"),
    RowSpec("labels", "labels", transform="choice", groups=_LABELS, right_prefix="gh:", origin="all keys"),
    RowSpec("people", "people", transform="people", origin="all keys"),
    RowSpec("due_on", "due_on", normal="day", origin="all keys"),
    RowSpec("estimate", "points", origin="all keys", transform="choice", groups=((("1h", "*"), ("1",)),)),
)
"""A map of 100 meanings, a prefix, defaults, normal forms, and values of different types by their words."""


def main() -> None:
    """Prints, per pair, the rows of a task that are not text and what they cost both ways, in µs of CPU."""
    names = sorted(file.name.removesuffix(".toml") for file in files("mappings").joinpath("presets").iterdir())
    print(f"{'pair':<26}{'rows':>6}{'µs a task, both ways':>24}   goal: well under {GOAL_S * 1e6:,.0f}")
    for left, right in combinations_with_replacement([name for name in names if not name.startswith("_")], 2):
        mapping, tasks = of_preset(left, right)
        print(f"{left}-{right:<{25 - len(left)}}{len(mapping.rows):>6}{cost(mapping, tasks) * 1e6:>24.1f}")
    mapping, tasks = of_rows(FULL)
    print(f"{'every key of a row':<26}{len(mapping.rows):>6}{cost(mapping, tasks) * 1e6:>24.1f}")


def of_preset(left: str, right: str) -> tuple[Mapping_, list[dict[str, Value]]]:
    """A pair's preset without text and references, and tasks of the left side."""
    kinds = vocabulary(left), vocabulary(right)
    types = [
        {
            (said if isinstance(said, str) else said["field"]): _TYPES[name]
            for name, said in each["task"].items()
            if name in _TYPES
        }
        for each in kinds
    ]
    specs = [spec for spec in preset(left, right)["task"] if spec.left in types[0] and spec.right in types[1]]
    return _ground(specs, types[0], types[1])


def of_rows(specs: Sequence[RowSpec]) -> tuple[Mapping_, list[dict[str, Value]]]:
    """These rows, and tasks of the left side."""
    return _ground(specs, _TYPES, _TYPES)


def _ground(
    specs: Sequence[RowSpec], left: Mapping[str, FieldType], right: Mapping[str, FieldType]
) -> tuple[Mapping_, list[dict[str, Value]]]:
    schemas = [
        Schema("task", {name: FieldSpec(name, type_) for name, type_ in types.items()}) for types in (left, right)
    ]
    mapping = compile_rows(
        "task", specs, schemas[0], schemas[1], people=PEOPLE, policy="manual", match=(), link="benchmark"
    )
    words = {spec.left: [names[0] for names, _ in spec.groups] for spec in specs if spec.groups}
    tasks: list[dict[str, Value]] = []
    for turn in range(6):
        task: dict[str, Value] = {}
        for name, type_ in left.items():
            values = words[name] if type_ is FieldType.CHOICE and name in words else _VALUES[type_]
            task[name] = values[turn % len(values)]
        tasks.append(task)
    return mapping, tasks


def cost(mapping: Mapping_, tasks: Sequence[Mapping[str, Value]]) -> float:
    """Seconds of CPU for one task both ways."""
    begun = time.process_time()
    for _ in range(ROUNDS):
        for task in tasks:
            for row in mapping.rows:
                held = row.normal("left", task[row.left])
                for value in held if row.is_set and isinstance(held, tuple) else (held,):
                    try:
                        there = row.normal("right", row.convert("right", value))
                        back = row.normal("left", row.convert("left", there))
                    except UnmappedError:
                        continue
                    assert row.lens.agree(value, there)
                    assert row.lens.agree(back, there)
    return (time.process_time() - begun) / (ROUNDS * len(tasks))


if __name__ == "__main__":
    main()
