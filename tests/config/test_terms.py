"""The terms of a link: they change with what is synced and how, and with nothing else."""

from __future__ import annotations

import json

import pytest

from bridge.config.example import example
from bridge.config.loader import load
from bridge.config.terms import terms_of
from bridge.engine.accepted import changes


@pytest.fixture
def terms(tmp_path, monkeypatch):
    for name in ("ARTALA", "GITHUB"):
        monkeypatch.setenv(f"BRIDGE_CONNECTIONS__{name}__TOKEN", f"token-{name}")

    def of(old="", new="", *, text=""):
        file = tmp_path / "bridge.toml"
        text = text or example()
        assert old in text
        file.write_text(text.replace(old, new, 1), encoding="utf-8")
        settings = load(file, warn=print)
        return terms_of(settings, settings.links[0])

    return of


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('conflict = "manual"', 'conflict = "left"', ["conflict: manual → left"]),
        ('match = ["title"]', 'match = ["status"]', ["match: title → status"]),
        ('kinds = ["task"]', 'kinds = ["task", "label"]', None),
        (
            '["Done"]',
            '["Finished"]',
            [
                (
                    'row task "status = status" map: Done = closed, closed:not_planned, closed:duplicate → '
                    "Finished = closed, closed:not_planned, closed:duplicate"
                )
            ],
        ),
        ('direction = "both"', 'direction = "off"', ['row task "status = status" direction: both → off']),
        ('left = "status"\n', 'left = "priority"\n', None),
        ("spend_comments = false", "spend_comments = true", ["connection github spend_comments: nothing → true"]),
        (
            'priorities = ["critical", "high", "medium", "low", "none"]',
            'priorities = ["high", "low"]',
            ["connection artala priorities: nothing → high, low"],
        ),
    ],
)
def test_the_terms_change_with_what_is_synced_and_the_change_is_said(terms, old, new, said):
    found = [str(each) for each in changes(terms(), terms(old, new))]

    assert found
    assert said in (None, found)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('every = "5m"', 'every = "9m"'),
        ("max_writes = 5000", "max_writes = 1"),
        ('on_delete = "unlink"', 'on_delete = "close"'),
        ('github = "alice"', 'github = "alicia"'),
        ("page_size = 1000", "page_size = 900"),
        ("auto_accept = false", "auto_accept = true"),
        ("[[links.fields]]\n", "# a line more\n\n[[links.fields]]\n"),
    ],
)
def test_the_terms_leave_out_when_how_much_who_and_where_in_the_file(terms, old, new):
    assert terms(old, new) == terms()


def test_a_row_that_stands_elsewhere_in_the_file_is_the_same_row(terms):
    row = '\n[[links.fields]]\nleft = "title"\nright = "title"\n'
    before, after = example().split("# One field of the left side joined", 1)

    assert json.loads(terms(text=f"{before}{row}# One field of the left side joined{after}")) == json.loads(
        terms(text=f"{example()}{row}")
    )


def test_a_key_at_its_default_is_no_part_of_the_terms(terms):
    assert '"transform":"same"' not in terms()


def test_no_secret_is_in_the_terms(terms):
    assert "token-" not in terms()
    assert set(json.loads(terms())["connections"]) == {"artala", "github"}
