"""What a look at the database found, and how its rows are looked at: a few at a time, each text decoded."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec
from sqlmodel import Session

KEPT: Final = 50
"""Findings of one check that are kept; of more only the number is."""

_ROWS: Final = 500
"""Rows in memory at a time."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong, or only odd: it does no harm by itself. ``do`` is what helps."""

    check: str
    where: str
    what: str
    do: str
    odd: bool = False


@dataclass(slots=True)
class Look:
    """One look at a database: its links' rows by id, and what was found so far. ``more``: how much beyond ``KEPT``;
    ``counts``: rows by table.
    """

    session: Session
    place: str
    links: Mapping[int, Any] = field(default_factory=dict)
    found: list[Finding] = field(default_factory=list)
    more: Counter[str] = field(default_factory=Counter)
    counts: dict[str, int] = field(default_factory=dict)
    _kept: Counter[str] = field(default_factory=Counter)

    def tell(self, check: str, where: str, what: str, do: str, *, odd: bool = False) -> None:
        self._kept[check] += 1
        if self._kept[check] > KEPT:
            self.more[check] += 1
        else:
            self.found.append(Finding(check, where, what, do, odd))

    def name(self, link_id: int) -> str:
        """A link as the configuration calls it."""
        row = self.links.get(link_id)
        return row.name if row is not None else f"number {link_id}, which is unknown"

    def rows(self, query: Any) -> Iterator[Any]:
        """The rows of a query of any size. Others may be asked meanwhile."""
        yield from self.session.execute(query, execution_options={"yield_per": _ROWS})

    def reads(self, check: str, where: str, what: str, do: str, read: Callable[..., Any], *given: Any) -> Any:
        """What a stored text says, by ``read(*given)``; None, and a finding, when it cannot be read."""
        try:
            return read(*given)
        except (msgspec.MsgspecError, ValueError, TypeError, KeyError, IndexError) as error:
            self.tell(check, where, f"{what} cannot be read ({str(error).splitlines()[0][:120]})", do)
            return None
