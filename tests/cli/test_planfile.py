"""A saved plan comes back as it was, byte for byte, and nothing else is taken for one."""

from __future__ import annotations

import pytest

from bridge.engine import planfile
from bridge.errors import ConfigError
from bridge.model import UNSET, Adopt, Create, Delete, FieldChange, FieldConflict, Hold, Marker, Plan, Ref, Update

LEFT = Ref("github", "acme/app", "task", "12")
RIGHT = Ref("artala", "b0a2", "task", "77")

PLAN = Plan(
    "app",
    (
        Adopt("task", LEFT, RIGHT, "Fix", "e1", "match"),
        Create("task", "right", LEFT, "v1", "https://x/12", "Fix ü", "e2", Marker.of(LEFT), (FieldChange("labels", None, ("a", "b")),)),
        Update("task", "left", 3, LEFT, "v1", "", "Fix", (FieldChange("estimate", 3, None, "S9"), FieldChange("x", 1.5, True))),
        Delete("task", "right", 3, RIGHT, "v1", "", "Fix", (FieldChange("labels", ("a",), None),), "undo of run 3"),
        FieldConflict("task", None, LEFT, RIGHT, "Fix", "title", UNSET, None, "a", ("b",)),
        FieldConflict("task", 3, LEFT, RIGHT, "Fix", "title", "", ("a", "b"), 1, None),
        Hold("task", "left", LEFT, "Fix", None, "initial", "no partner"),
    ),
)  # fmt: skip


def test_a_plan_survives_being_saved():
    text = planfile.dump(PLAN)

    assert planfile.load(text) == PLAN
    assert planfile.dump(planfile.load(text)) == text


def test_a_saved_undo_is_known_for_one():
    undo = Plan("app", PLAN.operations, undoes=3)

    assert planfile.load(planfile.dump(undo)) == undo
    assert "undoes" not in planfile.dump(PLAN)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        '{"bridge_plan": 2}',
        '{"bridge_plan": 1}',
        '{"bridge_plan": 1, "link": 3, "operations": []}',
        '{"bridge_plan": 1, "link": "a", "operations": [{"op": "delete"}]}',
        '{"bridge_plan": 1, "link": "a", "operations": [{"op": "adopt"}]}',
        '{"bridge_plan": 1, "link": "a", "operations": [7]}',
        planfile.dump(PLAN).replace('"UNSET"', "0").replace('"kind": "task"', '"kind": 1'),
    ],
)
def test_what_is_not_a_saved_plan_is_one_message(text):
    with pytest.raises(ConfigError, match=r"plan\.json") as raised:
        planfile.load(text, name="plan.json")

    assert raised.value.hint
