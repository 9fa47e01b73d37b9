"""The two configurations we ship: the example with every key, and the short one that ``bridge init`` starts with.

Refuses: writing files.
"""

from __future__ import annotations

from importlib.resources import files

_START = """\
#:schema ./bridge.schema.json
# Bridge keeps an Artala board and a GitHub repository in step. Every other key: bridge init --all

[connections.artala]
type = "artala"
# Token: environment BRIDGE_CONNECTIONS__ARTALA__TOKEN, or token_file = "…" here, or a systemd credential

[connections.github]
type = "github"
# Token: environment BRIDGE_CONNECTIONS__GITHUB__TOKEN, or token_file = "…" here, or a systemd credential

[[links]]
name = "{name}"
left = {{ connection = "artala", container = "{board}" }}  # the board's name or GUID
right = {{ connection = "github", container = "{repository}" }}
initial = "match"  # joins equal titles and creates nothing; then "match-then-create" also copies what has no partner
every = "5m"

# Who is who, one table a person; without it assignees stay as they are on each side.
# [[people]]
# artala = "alice@example.com"
# github = "alice"
"""


def example() -> str:
    """``config.example.toml``: every key with its default and a comment."""
    return (files("bridge.config") / "config.example.toml").read_text(encoding="utf-8")


def render_init(*, name: str = "app", board: str = "Engineering", repository: str = "acme/app") -> str:
    """A short configuration for one Artala board and one GitHub repository, without secrets."""
    return _START.format(name=_escaped(name), board=_escaped(board), repository=_escaped(repository))


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"')
