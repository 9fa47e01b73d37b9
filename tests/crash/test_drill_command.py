"""``bridge drill``: the harness with one's own configuration."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from bridge.cli.app import main
from bridge.drill.judge import PROMISES

CONFIG = """
[state]
url = "sqlite:///bridge.db"

[connections.board]
type = "artala"
base_url = "https://artala.invalid"
token_file = "token"

[connections.hub]
type = "github"
base_url = "https://github.invalid/api/v3"
token_file = "token"

[[people]]
board = "ann@company.example"
hub = "ann-codes"

[[links]]
name = "roadmap"
left = {{ connection = "hub", container = "company/product" }}
right = {{ connection = "board", container = "Roadmap" }}
initial = "match-then-create"
{more}
"""

MAPPED = """
[[links.fields]]
left = "status"
right = "status"
map = [
    { left = ["open"], right = ["Ideas", "Doing"] },
    { left = ["closed", "closed:not_planned", "closed:duplicate"], right = ["Shipped"] },
]

[[links.fields]]
left = "milestone"
right = "custom.Release"
"""


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "token").write_text("the operator's own token")
    (tmp_path / "token").chmod(0o600)
    (tmp_path / "bridge.toml").write_text(CONFIG.format(more=MAPPED))
    return tmp_path


def test_a_drill_says_which_promises_held_with_ones_own_mapping(place: Path, capfd: pytest.CaptureFixture[str]) -> None:
    code = main(["drill", "--samples", "1", "--json"])

    (told,) = json.loads(capfd.readouterr().out)
    assert (told["broken"], code) == ([], 0)
    assert {name: row["held"] for name, row in told["promises"].items()} == dict.fromkeys(PROMISES, True)
    assert (told["killed"], told["denied"]) == (3, 3)
    assert (told["duplicates"], told["lost_edits"]) == (0, 0)
    assert told["not_tried"] == ["milestone"]
    assert sorted(file.name for file in place.iterdir()) == ["bridge.toml", "token"]


def test_a_drill_of_a_link_that_is_not_there_names_those_that_are(
    place: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    code = main(["drill", "road"])

    assert code == 2
    assert 'there is no link "road"' in capfd.readouterr().err
