"""Bounded harm (S35): what a run may do at most, and the limits of a reviewed plan."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from bridge.engine.context import Run
from bridge.engine.plan import Work
from bridge.model import Create, Hold, Operation, Update
from state.codec import dump


@dataclass(slots=True)
class Budget:
    """Writes and creates left in this run. ``spent`` once something had to wait: a clean stop with more to do."""

    writes: int | None
    creates: int | None
    spent: bool = False

    @classmethod
    def of(cls, run: Run) -> Budget:
        return cls(run.link.limits.max_writes, run.link.limits.max_creates)

    def take(self, works: Sequence[Work]) -> list[Work]:
        """The works that fit. Works that write nothing always do."""
        allowed = []
        for work in works:
            if work.agreed:
                allowed.append(work)
                continue
            writes = len(work.writes) + (work.gone is not None)
            creates = sum(isinstance(op, Create) for op in work.writes)
            if _is_used_up(self.writes, writes) or _is_used_up(self.creates, creates):
                self.spent = True
                continue
            self.writes = None if self.writes is None else self.writes - writes
            self.creates = None if self.creates is None else self.creates - creates
            allowed.append(work)
        return allowed


def _is_used_up(left: int | None, wanted: int) -> bool:
    """Whether a ceiling forbids this. An item is begun while anything is left, so that one which needs two writes does
    not wait for ever below a ceiling of one.
    """
    return left is not None and wanted > 0 and left <= 0


def is_at_ceiling(run: Run) -> bool:
    """Whether the requests of this run reached ``max_writes``: for writes that no plan holds (comments, deletions)."""
    most = run.link.limits.max_writes
    return most is not None and run.tally.counts["writes_left"] + run.tally.counts["writes_right"] >= most


def approved(run: Run, works: Sequence[Work]) -> list[Work]:
    """With a reviewed plan: only the works whose writes stand in it, to the letter. The others wait in the inbox.

    So an item that moved since the plan was made is refused: its version or its values are no longer the same.
    """
    if run.approved is None:
        return list(works)
    agreed = {dump_operation(op) for op in run.approved.operations}
    allowed = []
    for work in works:
        if all(dump_operation(op) in agreed for op in work.operations if not isinstance(op, Hold)):
            allowed.append(work)
        else:
            run.tally.counts["refused"] += 1
            for write in work.writes:
                run.progress.message(f"not as it was planned, left alone: {write.title}")
    return allowed


def dump_operation(operation: Operation) -> str:
    """An operation as canonical text: what a saved plan holds and what it is compared by.

    Leaves out what says nothing about the decision: row ids, which a rebuilt state may number otherwise.
    """
    if isinstance(operation, Update):
        operation = replace(operation, pair=0)
    return dump(operation)
