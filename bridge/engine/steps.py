"""Which calls a planned work still has to make, one at a time and side (S20). Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from bridge.engine.link import Link
from bridge.engine.plan import Work
from bridge.model import Create, Update, Value
from connectors.base import Step
from state.codec import dump


@dataclass(frozen=True, slots=True)
class Request:
    """One call: a step of an operation with the values it carries."""

    work: Work
    operation: Create | Update
    step: Step
    changes: Mapping[str, Value]

    @property
    def key(self) -> str:
        """Which request of a wave this is."""
        return f"{self.work.view.entity} {self.operation.side}"

    @property
    def fingerprint(self) -> str:
        """The same for a call that would send the same again."""
        return f"{self.operation.side} {self.step.name} {dump(dict(self.changes))}"


def next_requests(link: Link, work: Work, tried: Collection[str]) -> list[Request]:
    """The first step of each side's write that was not tried yet in this run; empty when the work is done with."""
    found = []
    for operation in work.writes:
        values = {change.field: change.after for change in operation.changes}
        creating = isinstance(operation, Create)
        for step in link.end(operation.side).connector.steps(operation.kind, values.keys(), creating=creating):
            changes = {name: value for name, value in values.items() if name in step.fields}
            request = Request(work, operation, step, changes)
            if (changes or creating) and request.fingerprint not in tried:
                found.append(request)
                break
            if creating:
                break
    return found
