"""What a run says of itself: progress while it lasts, counts and an exit code at the end."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Literal, Protocol

from bridge.model import Hold, Plan

if TYPE_CHECKING:
    from bridge.engine.impact import Impact

EXIT_OK: Final = 0
EXIT_ERROR: Final = 1
EXIT_USAGE: Final = 2
EXIT_CONFLICTS: Final = 10
EXIT_PARKED: Final = 11
EXIT_BUDGET: Final = 12
EXIT_GUARD: Final = 20
EXIT_HELD: Final = 21
EXIT_LOCKED: Final = 75

State = Literal["done", "stopped", "guarded", "failed", "locked", "unaccepted", "refused"]


class Progress(Protocol):
    """Told what a run is doing, for a progress bar. Called from the event loop; must return at once."""

    def pulled(self, side: str, kind: str, count: int) -> None:
        """``count`` records of a kind have been read from a side so far."""

    def planned(self, total: int) -> None:
        """About ``total`` rows are to be settled."""

    def done(self, count: int, total: int) -> None:
        """``count`` of them are."""

    def message(self, text: str) -> None:
        """Something a person may want to know: a wait, a retry, an unlinked pair."""


class Silent:
    """Progress for nobody."""

    def pulled(self, side: str, kind: str, count: int) -> None: ...

    def planned(self, total: int) -> None: ...

    def done(self, count: int, total: int) -> None: ...

    def message(self, text: str) -> None: ...


@dataclass(frozen=True, slots=True)
class RunReport:
    """A finished run, or one that could not begin (``run_id`` 0). ``counts`` by name: pulled, paired, created_left, created_right, updated_left, updated_right,
    conflicts_open, parked, held, paused (with a filter: pairs out of scope), left_scope, entered_scope, unlinked, frozen (in this run), conflicts_asked and conflicts_answered (by comments on the
    items), writes_left, writes_right, requests_left, requests_right.

    ``unmapped``: values the maps have no word for, with how often each was met.
    """

    link: str
    run_id: int
    state: State
    counts: Mapping[str, int] = field(default_factory=dict)
    unmapped: Mapping[str, int] = field(default_factory=dict)
    error: str = ""
    hint: str = ""

    @property
    def exit_code(self) -> int:
        """As documented in docs/cli.md; trouble that stops a run comes before trouble that waits."""
        by_state = {
            "failed": EXIT_ERROR,
            "locked": EXIT_LOCKED,
            "guarded": EXIT_GUARD,
            "unaccepted": EXIT_HELD,
            "refused": EXIT_USAGE,
        }
        if self.state in by_state:
            return by_state[self.state]
        if self.counts.get("conflicts_open"):
            return EXIT_CONFLICTS
        if self.counts.get("parked"):
            return EXIT_PARKED
        return EXIT_BUDGET if self.state == "stopped" else EXIT_OK


@dataclass(frozen=True, slots=True)
class PlanReport:
    """A plan that was not applied, with what it cost to make. ``impact``: it was made under a configuration that nobody
    has accepted yet.
    """

    plan: Plan
    counts: Mapping[str, int] = field(default_factory=dict)
    unmapped: Mapping[str, int] = field(default_factory=dict)
    impact: Impact | None = None


@dataclass(slots=True)
class Tally:
    """What a run counts while it lasts. ``frozen``: the fields the breaker stopped (S36), for the alert. ``joined``: tasks
    that got a partner, for which others may have waited. ``moves``: parts that are to be made anew under another task.
    """

    counts: Counter[str] = field(default_factory=Counter)
    unmapped: Counter[str] = field(default_factory=Counter)
    frozen: list[Hold] = field(default_factory=list)
    joined: int = 0
    moves: int = 0

    def add(self, other: Tally) -> None:
        self.joined += other.joined
        self.moves += other.moves
        self.counts.update(other.counts)
        self.unmapped.update(other.unmapped)
        self.frozen.extend(other.frozen)
