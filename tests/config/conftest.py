"""A configuration in a folder of its own, and a small connector that no tracker needs."""

from collections.abc import Callable
from pathlib import Path
from typing import Literal

import pytest
from pydantic import BaseModel, ConfigDict, Field, SecretStr

from bridge.config import plugins
from bridge.config.loader import load
from bridge.config.mistakes import InvalidConfig
from bridge.config.settings import Settings
from connectors.base import Plugin

GOOD = """\
[connections.hub]
type = "paper"

[connections.desk]
type = "paper"

[[links]]
name = "app"
left = { connection = "desk", container = "Board" }
right = { connection = "hub", container = "acme/app" }
"""


class Limits(BaseModel):
    model_config = ConfigDict(extra="forbid")
    per_hour: int = 5


class PaperConfig(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)
    type: Literal["paper"] = "paper"
    base_url: str = "https://paper.example"
    token: SecretStr | None = None
    secret: SecretStr | None = None
    ca_file: str | None = None
    pages: int = Field(default=10, ge=1)
    names: tuple[str, ...] = ()
    limits: Limits = Limits()


class Desk:
    """Write a configuration, load it, look at what was said."""

    good = GOOD

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.file = folder / "bridge.toml"
        self.warnings: list[str] = []

    def load(self, text: str) -> Settings:
        self.file.write_text(text, encoding="utf-8")
        self.file.chmod(0o600)
        self.warnings = []
        return load(self.file, warn=self.warnings.append)

    def mistakes(self, text: str) -> list[str]:
        """What is wrong, with the folder left out."""
        return [line.replace(f"{self.folder}/", "") for line in str(self.refused(text)).splitlines()]

    def blocks(self, text: str) -> str:
        """The same as a terminal shows it."""
        return self.refused(text).details.replace(f"{self.folder}/", "") + "\n"

    def refused(self, text: str) -> InvalidConfig:
        with pytest.raises(InvalidConfig) as caught:
            self.load(text)
        assert caught.value.exit_code == 2
        return caught.value


@pytest.fixture
def paper(monkeypatch) -> None:
    """Connectors of one type only, "paper", so that these tests do not change with a tracker's settings."""
    monkeypatch.setattr(plugins, "types", lambda: ("paper",))
    monkeypatch.setattr(plugins, "find", lambda type_: Plugin(type_, PaperConfig, lambda *_: None))


@pytest.fixture
def desk(tmp_path, monkeypatch, paper) -> Desk:
    for name in ("HUB", "DESK"):
        monkeypatch.setenv(f"BRIDGE_CONNECTIONS__{name}__TOKEN", f"token-of-{name}")
    return Desk(tmp_path)


@pytest.fixture
def secret_file(tmp_path) -> Callable[[str], str]:
    def write(text: str, *, mode: int = 0o600) -> str:
        file = tmp_path / "secret.txt"
        file.write_text(text)
        file.chmod(mode)
        return file.name

    return write
