"""What a planted bug is."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Mutation:
    """``old`` stands in ``file`` exactly once. ``breaks`` names rules (S) of the engine and promises (I) of docs/promises.md.

    ``caught_by`` are node ids; every one of these tests must fail, with an exception named ``by``: that of ``assert``
    unless the test itself asks for an error, or takes what it found apart.
    """

    name: str
    file: str
    old: str
    new: str
    breaks: str
    caught_by: tuple[str, ...]
    by: str = "AssertionError"

    def __str__(self) -> str:
        return self.name
