"""Sending: intents first, then requests, then one transaction for what came back (S18–S22). In waves of a few items."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import structlog

from bridge.engine.context import Run
from bridge.engine.link import marker_key
from bridge.engine.pair import key_of_create
from bridge.engine.plan import Work
from bridge.engine.settle import settle
from bridge.engine.steps import Request, next_requests
from bridge.engine.wave import Finished, Sent
from bridge.errors import AuthError, LockedError, RateLimited, TrackerError, UnknownOutcome, UnreachableError
from bridge.model import Create, Record, Update
from state import intents, leases
from state.codec import dump
from state.store import Session

log = structlog.get_logger(__name__)

WAVE = 8
"""Items written at once. A crash leaves at most this many creates to be found out about."""


@dataclass(frozen=True, slots=True)
class _Job:
    """A work on its way through the waves, with the calls already made for it: none is made twice in a run."""

    work: Work
    tried: frozenset[str] = frozenset()


async def apply(run: Run, works: Sequence[Work]) -> None:
    """Carry out planned works and store the results.

    Raises: LockedError when the lease was lost; AuthError, UnreachableError, RateLimited when a connection cannot go on
    — after everything that did happen is stored.
    """
    quiet = [work for work in works if not work.writes]
    if quiet:
        _, counted = await run.store.run(settle, run, [Finished(work) for work in quiet])
        run.tally.add(counted)
    active = [_Job(work) for work in works if work.writes]
    for start in range(0, len(active), WAVE):
        jobs = active[start : start + WAVE]
        while jobs:
            jobs = await _wave(run, jobs)
        if run.age() > run.link.limits.verify_after_s:
            return  # what is left is planned anew after a fresh look (S22)


async def _wave(run: Run, jobs: Sequence[_Job]) -> list[_Job]:
    """The next call of each job; the jobs that have more to do."""
    planned = [(job, next_requests(run.link, job.work, job.tried)) for job in jobs]
    requests = [request for _, some in planned for request in some]
    ids = await run.store.run(_commit, run, requests)
    answers = iter(await asyncio.gather(*(_send(run, each, i) for each, i in zip(requests, ids, strict=True))))
    finished = []
    for job, some in planned:
        tried = job.tried | {request.fingerprint for request in some}
        finished.append(Finished(job.work, {request.operation.side: next(answers) for request in some}, tried))
    works, counted = await run.store.run(settle, run, finished)
    run.tally.add(counted)
    _stop_if_needed([sent for one in finished for sent in one.sent.values()])
    return [_Job(work, one.tried) for one, work in zip(finished, works, strict=True) if work is not None]


def _commit(session: Session, run: Run, requests: Sequence[Request]) -> list[int]:
    """Write down what is about to be sent; refused when the lease is not ours any more (S2, S18)."""
    if not leases.check_fence(session, run.link.id, run.fence):
        raise LockedError(f'link "{run.link.name}": another process took over while this run was paused')
    return intents.add_many(session, [_intent(run, request) for request in requests])


def _intent(run: Run, request: Request) -> dict[str, Any]:
    operation, view = request.operation, request.work.view
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


async def _send(run: Run, request: Request, intent: int) -> Sent:
    """One request. A tracker's refusal is an outcome; a bug is logged and counts as an unknown outcome."""
    operation = request.operation
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
    return Sent(operation, request.step, request.changes, intent, record=record)


async def _call(run: Run, request: Request) -> Record:
    operation = request.operation
    end = run.link.end(operation.side)
    if isinstance(operation, Create):
        key = key_of_create(run.link, request.work.view)
        return await end.connector.create(end.container, operation.kind, request.changes, operation.marker, key=key)
    member = request.work.view.member(operation.side)
    assert member is not None
    return await end.connector.update(operation.item, request.step, request.changes, member.record)


def _stop_if_needed(answers: Sequence[Sent]) -> None:
    """A connection that cannot go on ends the run, cleanly (S24, S35)."""
    for kind in (AuthError, UnreachableError, RateLimited):
        for sent in answers:
            if isinstance(sent.error, kind):
                raise sent.error
