"""Sending: intents first, then requests, then one transaction for what came back (S18–S22). In waves of a few items."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import structlog
from sqlmodel import Session

from bridge.engine.context import Run
from bridge.engine.link import marker_key
from bridge.engine.pair import key_of_create
from bridge.engine.plan import Work, plan_view
from bridge.engine.settle import Finished, Sent, settle
from bridge.errors import AuthError, LockedError, RateLimited, TrackerError, UnknownOutcome, UnreachableError
from bridge.model import Create, Record, Side, Update, Value
from connectors.base import Step
from state import intents, leases
from state.codec import dump

log = structlog.get_logger(__name__)

WAVE = 8
"""Items written at once. A crash leaves at most this many creates to be found out about."""

_MOST_STEPS = 12


@dataclass(slots=True)
class _Job:
    """A work on its way through the waves. ``tried``: requests already made, so that none is made twice in a run."""

    work: Work
    tried: set[str] = field(default_factory=set)


@dataclass(frozen=True, slots=True)
class _Request:
    """One call to make."""

    job: _Job
    operation: Create | Update
    step: Step
    changes: dict[str, Value]

    @property
    def fingerprint(self) -> str:
        return f"{self.operation.side} {self.step.name} {dump(self.changes)}"


async def apply(run: Run, works: Sequence[Work]) -> None:
    """Carry out planned works and store the results.

    Raises: LockedError when the lease was lost; AuthError, UnreachableError, RateLimited when a connection cannot go on
    — after everything that did happen is stored.
    """
    quiet = [work for work in works if not work.writes]
    if quiet:
        await run.store.run(settle, run, [Finished(work) for work in quiet])
    active = [_Job(work) for work in works if work.writes]
    for start in range(0, len(active), WAVE):
        jobs = active[start : start + WAVE]
        for _ in range(_MOST_STEPS):
            jobs = await _wave(run, jobs)
            if not jobs:
                break
        if run.age() > run.link.limits.verify_after_s:
            return  # what is left is planned anew after a fresh look (S22)


async def _wave(run: Run, jobs: Sequence[_Job]) -> list[_Job]:
    """The next request of each job; the jobs that have more to do."""
    requests = [request for job in jobs for request in _next(run, job)]
    if not requests:
        return []
    ids = await run.store.run(_commit, run, requests)
    answers = await asyncio.gather(*(_send(run, request, i) for request, i in zip(requests, ids, strict=True)))
    by_job: dict[int, dict[Side, Sent]] = {id(job): {} for job in jobs}
    for request, sent in zip(requests, answers, strict=True):
        by_job[id(request.job)][request.operation.side] = sent
    finished = [Finished(job.work, by_job[id(job)]) for job in jobs if by_job[id(job)]]
    views = await run.store.run(settle, run, finished)
    _stop_if_needed(answers)
    tried = {_identity(job.work): job.tried for job in jobs}
    return [_Job(plan_view(run.link, view), tried[view.entity]) for view in views]


def _identity(work: Work) -> str:
    return work.view.entity


def _next(run: Run, job: _Job) -> list[_Request]:
    """The first step of each side's write that was not tried yet."""
    found = []
    for operation in job.work.writes:
        connector = run.link.end(operation.side).connector
        values = {change.field: change.after for change in operation.changes}
        creating = isinstance(operation, Create)
        for step in connector.steps(operation.kind, values.keys(), creating=creating):
            changes = {name: value for name, value in values.items() if name in step.fields}
            request = _Request(job, operation, step, changes)
            if creating or (changes and request.fingerprint not in job.tried):
                job.tried.add(request.fingerprint)
                found.append(request)
                break
    return found


def _commit(session: Session, run: Run, requests: Sequence[_Request]) -> list[int]:
    """Write down what is about to be sent; refused when the lease is not ours any more (S2, S18)."""
    if not leases.check_fence(session, run.link.id, run.fence):
        raise LockedError(f'link "{run.link.name}": another process took over while this run was paused')
    return intents.add_many(session, [_intent(run, request) for request in requests])


def _intent(run: Run, request: _Request) -> dict[str, Any]:
    operation, view = request.operation, request.job.work.view
    rules = {change.field: (change.before, change.rule) for change in operation.changes}
    creating = isinstance(operation, Create)
    return {
        "link_id": run.link.id,
        "run_id": run.id,
        "pair_id": view.pair,
        "kind": operation.kind,
        "side": operation.side,
        "verb": operation.op,
        "step": request.step.name,
        "item_id": operation.item.id if isinstance(operation, Update) else None,
        "source_id": operation.source.id if isinstance(operation, Create) else None,
        "entity": view.entity,
        "marker": marker_key(operation.marker) if isinstance(operation, Create) else "",
        "create_key": key_of_create(run.link, view) if creating else None,
        "changes": dump({name: (*rules[name], value) for name, value in request.changes.items()}),
        "cursor": run.cursors.get((operation.side, operation.kind)),
        "state": "sent",
        "attempts": 1,
        "fence": run.fence,
        "created_at": run.now(),
    }


async def _send(run: Run, request: _Request, intent: int) -> Sent:
    """One request. A tracker's refusal is an outcome; a bug is logged and counts as an unknown outcome."""
    operation = request.operation
    sent = Sent(operation, request.step, request.changes, intent)
    try:
        await run.check_fence()
        record = await _call(run, request)
    except TrackerError as error:
        log.warning(
            "write.failed", link=run.link.name, side=operation.side, step=request.step.name, reason=error.message
        )
        return Sent(operation, request.step, request.changes, intent, error=error)
    except LockedError:
        raise
    except Exception as error:  # the loop that keeps one item's bug from stopping the others (S24)
        log.exception("item.failed", link=run.link.name, side=operation.side, step=request.step.name)
        unknown = UnknownOutcome(f"{type(error).__name__} while writing")
        return Sent(operation, request.step, request.changes, intent, error=unknown, bug=True)
    run.tally.counts[f"writes_{operation.side}"] += 1
    return Sent(operation, sent.step, sent.changes, intent, record=record)


async def _call(run: Run, request: _Request) -> Record:
    operation = request.operation
    end = run.link.end(operation.side)
    if isinstance(operation, Create):
        key = key_of_create(run.link, request.job.work.view)
        return await end.connector.create(end.container, operation.kind, request.changes, operation.marker, key=key)
    member = request.job.work.view.member(operation.side)
    assert member is not None
    return await end.connector.update(operation.item, request.step, request.changes, member.record)


def _stop_if_needed(answers: Sequence[Sent]) -> None:
    """A connection that cannot go on ends the run, cleanly (S24, S35)."""
    for kind in (AuthError, UnreachableError, RateLimited):
        for sent in answers:
            if isinstance(sent.error, kind):
                raise sent.error
