"""Sending: intents first, then requests, then one transaction for what came back (S18–S22). In waves of a few items."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import structlog

from bridge.engine.context import Run
from bridge.engine.link import marker_key
from bridge.engine.partners import key_of_create
from bridge.engine.plan import Work
from bridge.engine.settle import settle
from bridge.engine.steps import Request, next_requests
from bridge.engine.wave import Finished, Sent
from bridge.errors import (
    AuthError,
    ContainerError,
    LockedError,
    RateLimited,
    StateError,
    TrackerError,
    UnknownOutcome,
    UnreachableError,
)
from bridge.model import Create, Hold, Record, Update
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

    Raises: LockedError when the lease was lost; AuthError, ContainerError, UnreachableError, RateLimited when a side
    cannot go on — after everything that did happen is stored.
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
    ids = await run.store.run(_commit, run, [request for _, some in planned for request in some])
    sendable = [(job, [request for request in some if request.key in ids]) for job, some in planned]
    requests = [request for _, some in sendable for request in some]
    answers = await asyncio.gather(*(_send(run, each, ids[each.key]) for each in requests), return_exceptions=True)
    by_request = dict(zip((request.key for request in requests), answers, strict=True))
    finished = []
    for job, some in sendable:
        sent = {r.operation.side: answer for r in some if isinstance(answer := by_request[r.key], Sent)}
        if sent:
            finished.append(Finished(job.work, sent, job.tried | {request.fingerprint for request in some}))
    works, counted = await run.store.run(settle, run, finished)
    run.tally.add(counted)
    _alert(run, counted.frozen)
    _stop_if_needed(answers)
    return [_Job(work, one.tried) for one, work in zip(finished, works, strict=True) if work is not None]


def _alert(run: Run, frozen: Sequence[Hold]) -> None:
    """Tell a person of the fields that the breaker stopped just now (S36)."""
    for hold in frozen:
        log.warning(
            "field.frozen", link=run.link.name, item=hold.item.key, title=hold.title, field=hold.field, why=hold.message
        )


def _commit(session: Session, run: Run, requests: Sequence[Request]) -> dict[str, int]:
    """Write down what is about to be sent (S18): intent ids by request; refused when the lease is not ours (S2).

    A create that another link is about already is left out (S19).
    """
    if not leases.check_fence(session, run.link.id, run.fence):
        raise LockedError(f'link "{run.link.name}": another process took over while this run was paused')
    rows = {request.key: _intent(run, request) for request in requests}
    under_way = intents.taken(session, {row["create_key"] for row in rows.values() if row["create_key"]})
    rows = {key: row for key, row in rows.items() if row["create_key"] not in under_way}
    return dict(zip(rows, intents.add_many(session, list(rows.values())), strict=True))


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
        "verb": request.work.ordered or operation.op,
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
        record = await _call(run, request)
    except TrackerError as error:
        log.warning(
            "write.failed", link=run.link.name, side=operation.side, step=request.step.name, reason=error.message
        )
        return Sent(operation, request.step, request.changes, intent, error=error)
    except StateError:
        raise  # the database's trouble or a lost lease: nothing was sent
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
        return await end.connector.create(
            end.container, operation.kind, request.changes, operation.marker, key=key, before_send=run.check_fence
        )
    member = request.work.view.member(operation.side)
    assert member is not None
    return await end.connector.update(
        operation.item, request.step, request.changes, member.record, before_send=run.check_fence
    )


def _stop_if_needed(answers: Sequence[Sent | BaseException]) -> None:
    """A lost lease, a database in trouble, a container or connection that cannot go on ends the run, cleanly (S24, S35)."""
    for answer in answers:
        if isinstance(answer, BaseException):
            raise answer
    for kind in (AuthError, ContainerError, UnreachableError, RateLimited):
        for answer in answers:
            if isinstance(answer, Sent) and isinstance(answer.error, kind):
                raise answer.error
