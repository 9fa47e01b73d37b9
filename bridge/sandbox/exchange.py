"""One request as a handler sees it, and its answer; handlers are plain functions between the two."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

import msgspec

if TYPE_CHECKING:
    from starlette.types import ASGIApp

    from bridge.sandbox.clock import Clock
    from bridge.sandbox.faults import Fault, Faults
    from bridge.sandbox.journal import Journal
    from bridge.sandbox.outgoing import Outgoing


@dataclass(slots=True)
class Ask:
    """``query`` keeps the last value of a name. ``base`` is the address the client used, without a slash at the end."""

    method: str
    path: str
    params: dict[str, Any]
    query: dict[str, str]
    headers: Mapping[str, str]
    raw: bytes
    base: str
    raw_query: str = ""
    who: str = ""
    body: Any = None
    faults: dict[str, Fault] = field(default_factory=dict)

    def request(self) -> tuple[str, str, Any]:
        return self.method, self.path, self.body


@dataclass(slots=True)
class Reply:
    """``content`` is bytes that are JSON already, None for no body, else what to encode."""

    status: int = 200
    content: Any = None
    headers: dict[str, str] = field(default_factory=dict)

    def payload(self) -> bytes:
        if self.content is None:
            return b""
        return self.content if isinstance(self.content, bytes) else msgspec.json.encode(self.content)


class Refused(Exception):
    """A handler says no; carries the answer."""

    def __init__(self, reply: Reply) -> None:
        super().__init__(reply.status)
        self.reply = reply


Handler = Callable[[Any, Ask], Reply]


class Store(Protocol):
    """What a tracker remembers."""

    def dump(self) -> dict[str, Any]:
        """The whole content as JSON."""
        ...

    def load(self, state: dict[str, Any]) -> None:
        """Replace the content by what ``dump`` gave."""
        ...


class Tracker(Protocol):
    """What the frame, the server and the tests need of a sandbox tracker."""

    name: str
    clock: Clock
    journal: Journal
    faults: Faults
    outgoing: Outgoing
    settings: Any
    app: ASGIApp

    @property
    def store(self) -> Store:
        """What can be saved and restored."""
        ...

    def tokens(self) -> dict[str, str]:
        """Tokens by whom they belong to."""
        ...

    def container(self) -> str:
        """The container every sandbox has from the start."""
        ...

    def refuse(self, fault: Fault, ask: Ask) -> Reply:
        """The tracker's own way of saying what the fault says."""
        ...

    def seed(self, plan: dict[str, Any]) -> dict[str, Any]:
        """Add items; see ``seeding``. Answers how many there are now."""
        ...

    def act(self, deed: dict[str, Any]) -> dict[str, Any]:
        """Do what an administrator does by hand (delete for good, rename, archive, ...).

        Raises: ValueError for an unknown deed.
        """
        ...
