"""Where a listing has to begin when a tracker's clock, having run ahead, was put right.

A cursor made while the clock ran ahead lies in the tracker's future, or at least later than edits that were made since:
they would stay hidden until the clock has caught up, or for good. Two signs: the cursor is later than the server's own
Date; or the server's Date has fallen back against our clock since the cursor was made. The second is a guess, since our
clock may have been put forward as well; then some rows are read again in vain, and nothing is lost.

Refuses: our clock as a source of any cursor (S30).
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from connectors.status import Response

SLACK_S: Final = 5
"""Seconds by which two looks at a clock differ for no reason: whole seconds, the way of the request, several servers."""


def earlier_start(since: datetime, skew_s: int, response: Response, overlap: timedelta) -> datetime | None:
    """The instant to list from instead of ``since``; None while nothing speaks against that.

    ``skew_s`` is what ``skew_of`` said when ``since`` was made. ``response`` is the answer to a listing from ``since``.
    """
    if response.date is None:
        return None
    starts = []
    if since > response.date:
        starts.append(response.date - overlap)
    if (fell := skew_s - (response.skew_s or 0)) > SLACK_S:
        starts.append(since - timedelta(seconds=fell))
    return min(starts, default=None)


def skew_of(response: Response, known: int) -> int:
    """The server's Date less our clock in seconds, for a cursor: as ``known`` while that is about right, so that the
    cursor of a quiet container stays as it is.
    """
    if response.skew_s is None or abs(response.skew_s - known) <= SLACK_S:
        return known
    return response.skew_s
