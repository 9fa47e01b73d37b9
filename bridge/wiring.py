"""The only file that names concrete classes together: Settings in, a working Bridge out."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final, Self, TypedDict, Unpack

from bridge.assemble import Assembly
from bridge.computing import around
from bridge.config import plugins
from bridge.config.expressions import queries, texts
from bridge.config.people import listed_places
from bridge.config.settings import Link as LinkSettings
from bridge.config.settings import Settings
from bridge.engine import accepted, impact, people
from bridge.engine.accepted import Change
from bridge.engine.again import judge_anew, lacks_records, let_go
from bridge.engine.audit import Audit
from bridge.engine.context import Run, utc_now
from bridge.engine.link import Link
from bridge.engine.report import PlanReport, Progress, RunReport, Silent, State
from bridge.engine.run import carry_out, leased, plan_link, settle_all
from bridge.errors import ConfigError, HeldError, LockedError, SignatureError, TrackerError
from bridge.log import get
from bridge.model import SIDES, Plan
from bridge.neighbours import Neighbours
from connectors.base import Connector, Finding
from state import deliveries, directories, history, inbox, links, parked, runs
from state.links import Ends
from state.scratch import scratch
from state.store import Session, Store

KEEP_DAYS: Final = 90
"""How long runs, history and webhook ids are kept."""

REJUDGED: Final = {
    "ambiguous": timedelta(),
    "entity-clash": timedelta(),
    "orphaned": timedelta(),
    "not-allowed": timedelta(hours=1),
}
"""Reasons that lie outside the item, with how long after the last try it is judged again."""

_log = get(__name__)

_RENAME: Final = "Give the new link another name; the pairs of the old one stay safe."

TIDY_EVERY: Final = 100
"""Runs between two times of forgetting what is older."""


@dataclass(frozen=True, slots=True)
class DeliveryOutcome:
    """What a webhook came to: ``duplicate`` ones change nothing; ``links`` are those to run soon."""

    duplicate: bool
    links: tuple[str, ...] = ()


class How(TypedDict, total=False):
    """How a run goes. ``full`` lists everything again; ``sweep`` True reads the feeds no cursor covers, None as often
    as the connector says; ``allow_deletes`` lets that many vanished items pass the guard (S27).
    """

    full: bool
    sweep: bool | None
    allow_deletes: int
    progress: Progress | None


@dataclass(slots=True)
class Bridge:
    """A configuration at work. Use as an async context manager; made by ``Bridge.open``."""

    settings: Settings
    store: Store
    ids: Mapping[str, int]
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    now: Callable[[], datetime] = utc_now
    moved: Mapping[str, str] = field(default_factory=dict)
    _connectors: dict[str, Connector] = field(default_factory=dict)
    _links: dict[str, Link] = field(default_factory=dict)
    _assembly: Assembly = field(init=False)
    _asking: defaultdict[tuple[str, str], asyncio.Lock] = field(default_factory=lambda: defaultdict(asyncio.Lock))

    def __post_init__(self) -> None:
        self._assembly = Assembly(self.settings, Neighbours(self.settings, self.ids), self.connector)

    @classmethod
    def open(
        cls,
        settings: Settings,
        *,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        now: Callable[[], datetime] = utc_now,
    ) -> Self:
        """Open the state and know the configured links. No request is made yet.

        A link that changed its containers is refused when it is asked for; the others go on (S24).

        Raises: StateError, LockedError.
        """
        backup = settings.state.backup_dir
        store = Store.open(settings.state.url.get_secret_value(), backup_dir=Path(backup) if backup else None)
        try:
            ends = [_ends(link) for link in settings.links]
            ids = store.run_sync(links.ensure, ends)
            moved = store.read_sync(links.moved, ends) if len(ids) < len(ends) else {}
        except BaseException:
            store.close()
            raise
        return cls(settings, store, ids, sleep, now, moved)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        for connector in self._connectors.values():
            await connector.aclose()
        self.store.close()

    # --- what it is asked for -----------------------------------------------------------------------------------------

    async def sync(self, link: str, *, trigger: str, approved: Plan | None = None, **how: Unpack[How]) -> RunReport:
        """One run of one link (S1). ``approved`` does only what a reviewed plan holds.

        Never raises for a tracker's or the lease's sake: the report says it. Raises ConfigError, StateError.
        """
        return await self.run(link, settle_all, trigger=trigger, approved=approved, **how)

    async def run(
        self,
        link: str,
        do: Callable[[Run], Awaitable[State]],
        *,
        trigger: str,
        approved: Plan | None = None,
        **how: Unpack[How],
    ) -> RunReport:
        """Do something with a link as a run of its own: leased, recovered first, counted and reported as ``sync``.

        No such run begins while a changed configuration waits to be accepted; the trackers are not asked then.
        """
        try:
            new = await self.unaccepted(link)
            if new and not self.settings.link(link).auto_accept:
                raise accepted.held(link, new)
            ready = await self._link(link)
            async with leased(self.store, ready) as fence:
                new, full = await self.store.run(_begin, ready, self.now())
                if full:
                    how["full"] = True
                if new:
                    _log.info("link.accepted", link=link, by=accepted.AUTO, changes=[str(each) for each in new])
                run_id = await self.store.run(runs.start_run, ready.id, trigger, self.now())
                if run_id % TIDY_EVERY == 0:
                    await self.store.run(_tidy, utc_now(), listed_places(self.settings))
                return await carry_out(replace(self._run(ready, run_id, fence, trigger, how), approved=approved), do)
        except HeldError as held:
            return RunReport(link, 0, "unaccepted", error=held.message, hint=held.hint)
        except LockedError as locked:
            return RunReport(link, 0, "locked", error=locked.message, hint=locked.hint)
        except TrackerError as error:
            return RunReport(link, 0, "failed", error=error.message, hint=error.hint)

    async def plan(
        self, link: str, make: Callable[[Run], Awaitable[PlanReport]] = plan_link, **how: Unpack[How]
    ) -> PlanReport:
        """What ``sync`` would do now, or what else ``make`` plans. Under a configuration that waits to be accepted: what it
        would do once it is, worked out in a copy of the state, which itself stays as it is, and what that comes to.

        Raises LockedError, TrackerError, ConfigError, StateError; HeldError from whatever is not ``plan_link``.
        """
        new = await self.unaccepted(link)
        if new and make is not plan_link:
            raise accepted.held(link, new)
        if new:
            async with scratch(self.store, self._number(link)) as copy:
                return await _rehearsed(replace(self, store=copy), await self._link(link, store=copy), new, how)
        ready = await self._link(link)
        async with leased(self.store, ready) as fence:
            if await self.store.run(_prepare, ready):
                how["full"] = True
            return await make(self._run(ready, 0, fence, "plan", {"sweep": True, **how}))

    async def unaccepted(self, link: str) -> tuple[Change, ...]:
        """What a person has to accept before the link runs again; empty where it may run. Raises ConfigError, StateError."""
        return await self.store.read(
            accepted.unaccepted, self._number(link), self._assembly.neighbours.terms(self.settings.link(link))
        )

    async def accept(self, link: str, *, by: str) -> tuple[Change, ...]:
        """Let the link go under the configuration as it is, from its next run on; what that changes."""
        new = await self.store.run(
            accepted.accept,
            self._number(link),
            self._assembly.neighbours.terms(self.settings.link(link)),
            self.now(),
            by=by,
        )
        if new:
            _log.info("link.accepted", link=link, by=by, changes=[str(each) for each in new])
        return new

    async def audit(self, link: str, look: Audit, *, trigger: str, **how: Unpack[How]) -> RunReport:
        """Compare every pair of a link with what both sides really hold (S33); ``look`` holds what was found."""
        return await self.run(link, look.carry_out, trigger=trigger, **how)

    async def read_people(self, link: str) -> None:
        """Read the lists of people of a link's both sides now, however old they are. Raises ConfigError, TrackerError."""
        await self._link(link, fresh=True)

    async def is_audit_due(self, link: str) -> bool:
        """Whether the last audit is older than ``audit_days``. First contact counts as one: it read everything."""
        days, number = self.settings.link(link).audit_days, self._number(link)
        row = await self.store.read(links.get, number)
        if days and row.audited_at is None:
            await self.store.run(links.mark_audited, number, self.now())
        due = bool(days) and row.audited_at is not None and self.now() - row.audited_at > timedelta(days=days)
        if due:  # one that fails is tried again in an hour, not at each turn
            again = self.now() - timedelta(days=days) + timedelta(hours=1)
            await self.store.run(links.mark_audited, number, again)
        return due

    async def check(self, *, live: bool) -> list[Finding]:
        """Look at every enabled link; with ``live`` ask both trackers (credentials, container, rights, names)."""
        found: list[Finding] = []
        for link in self.settings.links:
            if link.name in self.moved:
                found.append(Finding("error", self.moved[link.name], _RENAME))
            elif link.enabled:
                found.extend(await self._assembly.check(link, live=live))
        return found

    async def deliver(self, connection: str, headers: Mapping[str, str], body: bytes) -> DeliveryOutcome:
        """Take a webhook in: verify it on its raw body, remember its id, announce what it names (S32).

        Raises: SignatureError; ConfigError for an unknown connection; StateError.
        """
        if connection not in self.settings.connections:
            raise ConfigError(f'there is no connection "{connection}"')
        connector = self.connector(connection)
        try:
            delivery = connector.verify(headers, body)
        except TrackerError as error:
            raise SignatureError(error.message, hint=error.hint) from error
        wanted = [
            (self.ids[link.name], link.name, side, hint)
            for hint in delivery.hints
            for link in self.settings.links
            if link.enabled and link.name in self.ids
            for side in SIDES
            if link.side(side).connection == connection and hint.kind in link.kinds
            if hint.container in ("", link.side(side).container)
            or hint.container.casefold() == link.side(side).container.casefold()
        ]
        fresh = await self.store.run(_accept, connection, delivery.id, delivery.event, wanted)
        return DeliveryOutcome(not fresh, tuple(dict.fromkeys(name for _, name, _, _ in wanted)) if fresh else ())

    def connector(self, name: str) -> Connector:
        """The connector of a connection, made when first asked for."""
        if name not in self._connectors:
            config: Any = self.settings.connections[name]
            made = plugins.find(config.type).connect(name, config)
            self._connectors[name] = around(made, texts(self.settings, name), queries(self.settings, name))
        return self._connectors[name]

    # --- inside -----------------------------------------------------------------------------------------------------

    def _number(self, link: str) -> int:
        """The state's number of a link. Raises ConfigError."""
        if (moved := self.moved.get(self.settings.link(link).name)) is not None:
            raise ConfigError(moved, hint=_RENAME)
        return self.ids[link]

    def _run(self, link: Link, run_id: int, fence: int, trigger: str, how: How) -> Run:
        return Run(
            link,
            self.store,
            run_id,
            fence,
            self.sleep,
            trigger,
            how.get("full", False),
            how.get("sweep"),
            allow_deletes=how.get("allow_deletes", 0),
            progress=how.get("progress") or Silent(),
            now=self.now,
            used_before={side: link.end(side).connector.usage().requests for side in SIDES},
        )

    async def _link(self, name: str, *, fresh: bool = False, store: Store | None = None) -> Link:
        """Ready to run, with the people that both trackers list; ``fresh`` reads these lists now. ``store``: where they
        are kept, left out where everything is.
        """
        self._number(name)
        ready = self._links.get(name) or await self._assembly.build(self.settings.link(name))
        known = await people.acquainted(store or self.store, ready, self.now, asking=self._asking, fresh=fresh)
        self._links[name] = known
        return known


# --- small translations -----------------------------------------------------------------------------------------------


def _ends(link: LinkSettings) -> Ends:
    return Ends(link.name, link.left.connection, link.left.container, link.right.connection, link.right.container)


async def _rehearsed(there: Bridge, link: Link, new: Sequence[Change], how: How) -> PlanReport:
    """The plan once ``new`` is accepted, with what it comes to. ``there`` works on a copy of the state."""
    read_whole = await there.store.read(_is_unread, link)
    await there.store.run(accepted.accept, link.id, link.terms, there.now(), by="plan")
    made = await there.plan(link.name, **how)
    found = await there.store.read(impact.of_plan, link, made.plan, new, read_whole=read_whole)
    return replace(made, impact=found)


def _is_unread(session: Session, link: Link) -> bool:
    """Whether there is a field or a kind that was never read, or a filter that was never asked."""
    row = links.get(session, link.id)
    return lacks_records(session, link) or not all(
        links.is_seeded(row, side, kind) for side in SIDES for kind in link.mappings
    )


def _begin(session: Session, link: Link, now: datetime) -> tuple[tuple[Change, ...], bool]:
    """Before a run: what was accepted by itself, and whether everything is to be read again. Raises HeldError."""
    return accepted.admit(session, link, now), _prepare(session, link)


def _prepare(session: Session, link: Link) -> bool:
    """Before a run or a plan: what an earlier configuration, another item or a lost right held back may go now (S34). Whether
    everything is to be read again.
    """
    now = utc_now()
    lacks_fields = judge_anew(session, link, now)
    people.judge_anew(session, link, now)
    freed = parked.drop_other_config(session, link.id, link.config_hash)
    for reason, wait in REJUDGED.items():
        due = [row.id for row in parked.find(session, link_id=link.id, reason=reason) if row.last_at <= now - wait]
        freed += parked.release(session, ids=due)
    let_go(session, freed, 0, now)
    if link.initial != "match":
        inbox.unhold(session, link.id)
    return lacks_fields


def _tidy(session: Session, now: datetime, listed: Collection[tuple[str, str]]) -> None:
    """Forget what nobody asks for any more, and who is in places that are not ``listed``; what an open conflict needs stays."""
    directories.prune(session, listed)
    history.prune(session, keep_days=KEEP_DAYS, now=now)
    runs.prune(session, keep_days=KEEP_DAYS, now=now)
    deliveries.prune(session, keep_days=KEEP_DAYS, now=now)


def _accept(session: Session, connection: str, delivery_id: str, event: str, wanted: Collection[Any]) -> bool:
    now = utc_now()
    if not deliveries.accept(session, connection, delivery_id, event, now):
        return False
    for link_id, _, side, hint in wanted:
        inbox.announce(session, link_id, hint.kind, side, [hint.id], now)
    return True
