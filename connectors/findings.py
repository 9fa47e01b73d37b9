"""What ``config check --live`` says of names that a mapping uses and a tracker does not have.

Refuses: asking for what is there.
"""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches
from typing import Literal

from connectors.base import Finding

_SHOWN = 20


def lacking(
    where: str,
    what: str,
    wanted: Iterable[str],
    there: Iterable[str],
    *,
    hint: str = "",
    level: Literal["error", "warning"] = "error",
    folds_case: bool = False,
) -> list[Finding]:
    """One finding for each of ``wanted`` that is not ``there``. ``hint`` stands in place of the list of what is.

    ``folds_case``: the tracker takes capital and small letters for the same.
    """
    names = list(there)
    known = {name.casefold() for name in names} if folds_case else set(names)
    listed = hint or (f"It has: {', '.join(names[:_SHOWN])}." if names else "It has none.")
    return [
        Finding(level, f'{where} has no {what} "{name}".', f"{nearest(name, names)} {listed}".strip())
        for name in sorted(set(wanted))
        if (name.casefold() if folds_case else name) not in known
    ]


def nearest(name: str, names: Iterable[str]) -> str:
    """``Did you mean "Done"?``, or nothing."""
    by_small = {one.lower(): one for one in names}
    close = get_close_matches(name.lower(), by_small, n=1)
    return f'Did you mean "{by_small[close[0]]}"?' if close else ""
