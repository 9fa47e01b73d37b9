"""A thousand documents between two trackers, for each dialect: what nobody edited is not written, from the second run on.

Most stand on both sides, each as its own people write them: they are the same documents, so even the first run leaves them.
Some stand on one side only and are made on the other, where the sandbox keeps texts as its tracker does.
"""

import json
import re
from collections.abc import Callable
from typing import Any

import pytest
from fidelity import corpus
from trackers.between import Between, no_sleep, people_of

from bridge.config.loader import load
from bridge.wiring import Bridge
from connectors.jira_text import value_of
from mappings.text.convert import canonical, convert

DOCUMENTS, MADE = 1000, 60
"""How many there are; how many of them stand on the left only, and on the right only."""


def documents(dialect):
    """Pairs of equal texts, the first in Markdown: the corpus, and then two documents of it joined, another two each time."""
    found = dict(_singles(dialect))
    single = list(found)
    step = 1
    while len(found) < DOCUMENTS:
        for at, left in enumerate(single):
            joined = f"{left}\n\n{single[(at + step) % len(single)]}"
            there = convert(joined, "markdown", dialect)
            if canonical(joined, "markdown") == canonical(there, dialect):
                found[joined] = there
        step += 1
    return list(found.items())[:DOCUMENTS]


def _singles(dialect):
    for text in corpus(dialect):
        if re.search(r"[\ud800-\udfff]", text):  # no tracker can be told one
            continue
        there = value_of(json.loads(text)) if dialect == "adf" else text
        left = there if dialect == "markdown" else convert(there, dialect, "markdown")
        if left and canonical(left, "markdown") == canonical(there, dialect):
            yield left, there


def adf(title, text):
    return {"summary": title, "description": json.loads(text)}


SIDES: dict[str, tuple[dict[str, Any], str, Callable[[str, str], dict[str, Any]]]] = {
    "adf": ({"type_": "jira", "dialect": "cloud"}, "issues", adf),
    "wiki": ({"type_": "jira", "dialect": "dc"}, "issues", lambda title, text: {"summary": title, "description": text}),
    "textile": (
        {"type_": "redmine"},
        "issues",
        lambda title, text: {"subject": title, "description": text.replace("\n", "\r\n")},
    ),
    "html": ({"type_": "growcrm"}, "tasks", lambda title, text: {"title": title, "description": text}),
    "plain": ({"type_": "workestra"}, "tasks", lambda title, text: {"title": title, "description": text}),
    "markdown": ({"type_": "artala"}, "tasks", lambda title, text: {"title": title, "description": text}),
}


class Plain:
    """The right side's people, whose administrator has set its texts to be plain."""

    def __init__(self, people):
        self.people = people

    def __getattr__(self, name):
        return getattr(self.people, name)

    def __enter__(self):
        return self.people.__enter__()

    def __exit__(self, *error):
        self.people.__exit__(*error)

    def connection(self, name, folder):
        return self.people.connection(name, folder) + 'text_format = "plain"\n'


@pytest.mark.parametrize("dialect", sorted(SIDES))
async def test_of_a_thousand_documents_none_is_written_after_the_first_run(tmp_path, dialect):
    settings, rows, written = SIDES[dialect]
    right = people_of(**settings)
    texts = documents("markdown" if dialect == "plain" else dialect)  # a plain field holds Markdown as it is
    found = [(f"Document {at}", *pair) for at, pair in enumerate(texts)]
    assert len({text for _, text, _ in found}) == DOCUMENTS

    with Between(tmp_path, "github", Plain(right) if dialect == "plain" else right) as world:
        world.left.box.seed(issues=[{"title": title, "body": text} for title, text, _ in found[MADE:]])
        world.right.box.seed(**{rows: [written(title, text) for title, _, text in found[:-MADE]]})
        world.kinds = ["task"]
        world.configure()
        writes, counts = [], []
        async with Bridge.open(load(tmp_path / "bridge.toml"), sleep=no_sleep) as bridge:
            for _ in range(3):
                before = world.writes()
                report = await bridge.sync("pair", trigger="test", sweep=True)
                writes.append(world.writes() - before)
                counts.append(report.counts)

    first = counts[0]
    assert (first["paired"], first["created_left"], first["created_right"]) == (DOCUMENTS - 2 * MADE, MADE, MADE)
    assert (first["writes_left"], first["writes_right"]) == (MADE, MADE)  # of those that stand on both sides, none
    assert {(each["parked"], each["conflicts_open"], each["held"]) for each in counts} == {(0, 0, 0)}
    assert writes[1:] == [0, 0]
