"""What happened to a sandbox: the log of accepted writes with their authors, and the request counters."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, fields
from typing import Any


@dataclass(frozen=True, slots=True)
class Entry:
    """One accepted write. ``author`` is whom the token belongs to; ``verb`` is create, update, delete, link or act.

    ``changed`` is False for a write that was accepted and altered nothing.
    """

    seq: int
    at: str
    author: str
    verb: str
    method: str
    path: str
    kind: str
    item: str
    body: Any
    changed: bool = True


@dataclass(slots=True)
class Counts:
    """Requests since the last reset. ``writes`` are accepted writes, ``creates`` those that made an item or comment."""

    requests: int = 0
    not_modified: int = 0
    writes: int = 0
    creates: int = 0
    by_method: Counter[str] = field(default_factory=Counter)
    by_status: Counter[str] = field(default_factory=Counter)
    by_route: Counter[str] = field(default_factory=Counter)

    def as_json(self) -> dict[str, Any]:
        held = {each.name: getattr(self, each.name) for each in fields(self)}
        return {name: dict(value) if isinstance(value, Counter) else value for name, value in held.items()}


class Journal:
    """The entries and what texts set off (``effects.py``), oldest first, never dropped by a counter reset; the counters."""

    def __init__(self) -> None:
        self.entries: list[Entry] = []
        self.effects: list[dict[str, str]] = []
        self.counts = Counts()

    def write(
        self,
        at: str,
        author: str,
        verb: str,
        request: tuple[str, str, Any],
        target: tuple[str, str],
        *,
        changed: bool = True,
    ) -> None:
        """Note an accepted write: ``request`` is method, path, body; ``target`` is kind and item id."""
        method, path, body = request
        kind, item = target
        self.entries.append(Entry(len(self.entries) + 1, at, author, verb, method, path, kind, item, body, changed))
        self.counts.writes += 1
        self.counts.creates += verb == "create"

    def request(self, method: str, route: str, status: int) -> None:
        counts = self.counts
        counts.requests += 1
        counts.not_modified += status == 304
        counts.by_method[method] += 1
        counts.by_status[str(status)] += 1
        counts.by_route[f"{method} {route}"] += 1

    def reset_counts(self) -> None:
        self.counts = Counts()

    def since(self, seq: int = 0, *, author: str | None = None) -> list[Entry]:
        """Entries after ``seq``, oldest first; only one author's when named."""
        return [entry for entry in self.entries[seq:] if author is None or entry.author == author]
