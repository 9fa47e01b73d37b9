"""The demo's configuration."""

from __future__ import annotations

from bridge.demo.stage import Tracker

_TEXT = """# Made by "bridge demo". A configuration of your own: bridge init

[state]
url = "sqlite:///bridge.db"

[connections.github]
type = "github"
base_url = "{github_url}"
token_file = "github.token"
write_interval_s = 0  # a sandbox needs no patience

[connections.artala]
type = "artala"
base_url = "{artala_url}"
token_file = "artala.token"
requests_per_minute = 0
sweep_every = 1  # look at labels in every run

[[links]]
name = "app"
left = {{ connection = "github", container = "{repo}" }}
right = {{ connection = "artala", container = "Engineering" }}
initial = "match-then-create"
"""


def text(github: Tracker, artala: Tracker) -> str:
    """The configuration for these two sandboxes."""
    return _TEXT.format(github_url=github.url, artala_url=artala.url, repo=github.container)
