"""Where code ends that begins somewhere in a text. Pure.

Each end is looked for once from where the last one was found, so a beginning that is repeated and never closed costs no more
than the text is long.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from dataclasses import dataclass, field
from typing import Final

_TICKS: Final = re.compile(r"`+")
_BLANK: Final = re.compile(r"\n(?=[ \t]*\n)")
_BRACES: Final = re.compile(r"\}\}|\n")
_ENDS: Final = {
    "pre": re.compile(r"</pre\s*>", re.IGNORECASE),
    "code": re.compile(r"</code\s*>", re.IGNORECASE),
    "{code": re.compile(r"\{code\}"),
    "{noformat": re.compile(r"\{noformat\}"),
}


@dataclass(slots=True)
class Ends:
    """The ends in one text. It is asked from its beginning to its end."""

    text: str
    found: dict[re.Pattern[str], re.Match[str] | None] = field(default_factory=dict)
    ticks: dict[int, list[int]] | None = None
    blanks: list[int] = field(default_factory=list)

    def of(self, begun: re.Match[str]) -> int | None:
        """Behind the end of what begins there; None where nothing ends it."""
        said = begun.groupdict()
        if said.get("line") is not None:
            return begun.end()
        if (tick := said.get("tick")) is not None:
            return self._tick(len(tick), begun.end())
        if said.get("braces") is not None:
            last = self._next(_BRACES, begun.end())
            return None if last is None or last[0] == "\n" else last.end()
        name = f"{{{said['block']}" if said.get("block") is not None else str(said["element"]).lower()
        last = self._next(_ENDS[name], begun.end())
        return None if last is None else last.end()

    def _next(self, pattern: re.Pattern[str], at: int) -> re.Match[str] | None:
        known = self.found.get(pattern)
        if pattern not in self.found or (known is not None and known.start() < at):
            known = self.found[pattern] = pattern.search(self.text, at)
        return known

    def _tick(self, size: int, at: int) -> int | None:
        """Behind the next run of as many backticks in the same paragraph (CommonMark, "Code spans")."""
        if self.ticks is None:
            self.ticks = {}
            for run in _TICKS.finditer(self.text):
                self.ticks.setdefault(len(run[0]), []).append(run.start())
            self.blanks = [blank.start() for blank in _BLANK.finditer(self.text)]
        starts = self.ticks.get(size, [])
        place = bisect_left(starts, at)
        if place == len(starts):
            return None
        blank = bisect_left(self.blanks, at)
        if blank < len(self.blanks) and self.blanks[blank] < starts[place]:
            return None
        return starts[place] + size
