"""Rows that say what cannot be, by themselves: each is one mistake with its place and what to write instead."""

from __future__ import annotations

import pytest

CONNECTIONS = """[connections.desk]
type = "paper"
[connections.hub]
type = "paper"

"""
LINK = """[[links]]
name = "app"
left = { connection = "desk", container = "Board" }
right = { connection = "hub", container = "acme/app" }
[[links.fields]]
left = "a"
right = "b"
"""
NO_NAME = (
    '"*" is no name to write on the {0}: put one before it, as in ["To Do", "*"], or set direction = "{1}" in the row of'
    " the field"
)
CHOICE = 'map = [{ left = "x", right = "y" }]\n'


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        ('map = [{ left = "x", right = "y" }, { left = "*", right = "z" }]',
         "13:39: map[1].left: " + NO_NAME.format("left", "left-to-right")),
        ('map = [{ left = ["*"], right = "z" }]\ndirection = "right-to-left"',
         "13:10: map[0].left: " + NO_NAME.format("left", "left-to-right")),
        ('map = [{ left = "x", right = ["*"] }]\ndirection = "create-only"',
         "13:22: map[0].right: " + NO_NAME.format("right", "right-to-left")),
        ('map = [{ left = [], right = "z" }]', "13:10: map[0].left: say at least one name of the left side"),
        ('map = [{ left = ["x", "*"], right = "y" }, { left = ["z", "*"], right = "w" }]',
         '13:46: map[1].left: "*" stands in the map row of line 13 already'),
        ('unknown = "leeve"\n' + CHOICE,
         '13:1: unknown: expected "leave", "default", "park" or "create" (did you mean "leave"?)'),
        ('unknown = "leave"\ntransform = "people"',
         '13:1: unknown: unknown is for names without a row in a map; "people" has no map'),
        ('unknown = "default"\nright_default = "y"\n' + CHOICE,
         "13:1: unknown: default needs left_default: what is written on the left for such a name"),
        ('unknown = "create"\nright_prefix = "gh:"\n' + CHOICE,
         "13:1: unknown: with a prefix every name goes over, or is left alone; leave unknown out"),
        ('transform = "prefix"',
         '13:1: transform: prefix needs left_prefix or right_prefix, such as right_prefix = "gh:"'),
        ('left_prefix = "gh:"\ntransform = "people"',
         '13:1: left_prefix: a prefix needs transform = "prefix" or "choice", not "people"'),
        ('normal = "lower"', '13:1: normal: expected "lines", "words", "case", "minute", "day" or "whole"'),
        ('left_defualt = "x"', '13:1: left_defualt: unknown key (did you mean "left_default"?)'),
    ],
)  # fmt: skip
def test_a_key_that_makes_no_sense_in_its_row_is_named_with_what_does(desk, keys, expected):
    place, _, said = expected.partition(": ")

    assert desk.mistakes(f"{CONNECTIONS}{LINK}{keys}\n") == [f"bridge.toml:{place}: links[0].fields[0].{said}"]


@pytest.mark.parametrize(
    "keys",
    [
        'map = [{ left = "x", right = "y" }, { left = "*", right = "z" }]\ndirection = "left-to-right"',
        'map = [{ left = ["x", "*"], right = ["y", "*"] }]',
        'unknown = "default"\nright_default = "y"\ndirection = "left-to-right"\n' + CHOICE,
        'right_prefix = "gh:"\n' + CHOICE,
    ],
)
def test_what_makes_sense_is_taken(desk, keys):
    assert desk.load(f"{CONNECTIONS}{LINK}{keys}\n").links[0].fields[0].left == "a"
