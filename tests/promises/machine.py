"""Random histories: people on all sides, runs of every sort, faults, switches, webhooks; and what must hold afterwards."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import Any, ClassVar

import structlog
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule
from promises.ground import Ground, LinkShape
from promises.oracle import FIELDS, Oracle, rules_of
from promises.reference import Decision

from bridge.engine.again import wake
from bridge.model import Unset
from state import conflicts, pairs

LABELS = ("bug", "docs", "urgent", "x" * 60)
WORDS = ("pump", "valve", "pipe", "tank")
TEXTS = (None, *(f"a{i}\nb{j}\nc{k}" for i in range(3) for j in range(3) for k in range(2)))
STATUS = {"artala": ("To Do", "In Progress", "Done", "Done", "To Do", "Blocked"),
          "github": ("open", "closed", "closed:not_planned", "closed:duplicate")}  # fmt: skip
PEOPLE = {"artala": ("sam@example.com", "bob@example.com", "carol@example.com"), "github": ("alice", "bob", "carol")}
POLICIES = ("manual", "manual", "left", "right", "newest", "merge", "merge")
DIRECTIONS = ("both", "both", "left-to-right", "right-to-left", "off")
LISTS = {"artala": "^/odata/Tasks$", "github": "/issues$"}
FAULTS = (
    *({"kind": "status", "status": 502, "times": times} for times in (1, 2, 6)),
    {"kind": "status", "status": 503, "method": "PATCH"},
    {"kind": "status", "status": 500, "method": "POST"},
    {"kind": "status", "status": 500, "method": "PUT"},
    *({"kind": kind, "method": method} for kind in ("lost_reply", "accepted_error") for method in ("POST", "PUT", "PATCH")),
    {"kind": "reset"},
    {"kind": "reset", "method": "POST"},
    {"kind": "lost_reply"},
    {"kind": "cut_body"},
    {"kind": "cut_body", "method": "POST"},
    {"kind": "rate_limited"},
    {"kind": "secondary_limited", "retry_after": 3},
    {"kind": "secondary_limited", "retry_after": 300},
    {"kind": "stale", "seconds": 8, "method": "GET", "path": "LIST", "times": 2},
    {"kind": "half_page", "method": "GET", "path": "LIST"},
    {"kind": "empty_listing", "method": "GET", "path": "LIST"},
    {"kind": "normalise", "times": 3},
    {"kind": "permission_lost", "method": "PATCH"},
    {"kind": "permission_lost", "method": "GET"},
)  # fmt: skip

TO_ITS_END = ("done", "guarded")
"""A guarded run (S27) has unlinked nothing and has done all else."""

number = st.integers(0, 999)
TOTALS: Counter[str] = Counter()
"""What all histories of this process came to."""


def choose(at: int, some: Any) -> Any:
    listed = list(some)
    return listed[at % len(listed)]


def _decide(session: Any, row: Any, decision: Any, now: Any) -> None:
    """As the command does it."""
    conflicts.decide(session, row.id, decision, by="sam")
    left_id = pairs.by_ids(session, [row.clash.pair_id])[row.clash.pair_id].left_id
    wake(session, row.link_id, row.clash.kind, "left", [left_id], now)


class Histories(RuleBasedStateMachine):
    """One history is one life of this object. Subclasses say which links there are."""

    shapes: ClassVar[tuple[LinkShape, ...]] = ()
    rounds: ClassVar[int] = 2
    ground: Ground
    oracle: Oracle

    def __init__(self) -> None:
        super().__init__()
        self.born = 0

    @initialize(offset=st.sampled_from((0, 0, 0, 50_400, -50_400, 7)))
    def begin(self, offset: int) -> None:
        structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(50))
        self.ground = Ground(self.shapes, offset_s=offset)
        self.oracle = Oracle(self.ground)
        TOTALS["histories"] += 1

    def teardown(self) -> None:
        if not hasattr(self, "ground"):
            return
        try:
            self.come_to_rest()
        finally:
            TOTALS["judged"] += self.oracle.judged
            TOTALS["faults"] += sum(len(box.faults.used) for box in (self.ground.artala, self.ground.github))
            TOTALS["people's edits"] += sum(not event.bot and event.field != "" for event in self.ground.events)
            TOTALS["our changes"] += sum(event.bot and event.field != "" for event in self.ground.events)
            self.ground.close()
            structlog.reset_defaults()

    # --- people -----------------------------------------------------------------------------------------------------

    def items(self) -> list[tuple[int, str, str]]:
        """(entity, place, item) of all that a person can see."""
        return [
            (entity, place, item)
            for entity, members in enumerate(self.oracle.members)
            for place, item in members.items()
            if self.ground.values(place, item) is not None
        ]

    def value_for(self, place: str, field: str, pick: int, now: Any) -> Any:
        tracker = self.ground.places[place].connection
        if field == "title":
            return f"{now.split()[0]} {choose(pick, WORDS)}"
        if field == "description":
            return choose(pick, TEXTS)
        if field == "status":
            return choose(pick, self.statuses(tracker))
        if field == "labels":
            return now ^ {choose(pick, LABELS if tracker == "artala" else LABELS[:3])}
        someone = choose(pick, PEOPLE[tracker])
        if tracker == "artala":
            return frozenset() if someone in now else frozenset({someone})
        return now ^ {someone}

    def statuses(self, tracker: str) -> tuple[str, ...]:
        return STATUS[tracker]

    @rule(where=number, described=number, labelled=number, status=number, who=number)
    def create(self, where: int, described: int, labelled: int, status: int, who: int) -> None:
        name = choose(where, self.ground.places)
        place = self.ground.places[name]
        self.born += 1
        picked = {"labels": labelled, "people": who}
        fields = {each: self.value_for(name, each, at, frozenset()) for each, at in picked.items() if at % 2}
        fields["description"] = choose(described, TEXTS)
        if status % 3 == 0:
            fields["status"] = choose(status, self.statuses(place.connection))
        self.oracle.born(name, place.create(title=f"item{self.born} new", **fields))
        TOTALS["steps"] += 1

    @precondition(lambda self: len(self.ground.shapes) == 1 and self._link(0) is not None)
    @rule(picks=st.tuples(number, number, number, number))
    def create_twins(self, picks: tuple[int, int, int, int]) -> None:
        """The same thing is on both sides before a run sees either: by its title it is one (S8a)."""
        self.born += 1
        entity = None
        for place, described, status in (("board", *picks[:2]), ("app", *picks[2:])):
            fields = {"description": choose(described, TEXTS), "status": choose(status, self.statuses(
                self.ground.places[place].connection))}  # fmt: skip
            item = self.ground.places[place].create(title=f"item{self.born} new", **fields)
            entity = self.oracle.born(place, item, twin=entity)
        self.oracle.refresh()
        self._run("app", sure=True)  # before one of them goes: nobody could know that the other had a twin

    @precondition(lambda self: self.items())
    @rule(edits=st.lists(st.tuples(number, st.sampled_from(FIELDS), number), min_size=1, max_size=4))
    def edit(self, edits: list[tuple[int, str, int]]) -> None:
        for which, field, pick in edits:
            _, place, item = choose(which, self.items())
            self._edit(place, item, field, pick)
        self.oracle.refresh()
        TOTALS["steps"] += 1

    def _edit(self, place: str, item: str, field: str, pick: int) -> None:
        now = self.ground.values(place, item)
        value = None if now is None else self.value_for(place, field, pick, now[field])
        if now is not None and value != now[field]:  # GitHub is given another reason to be closed by way of "open"
            self.ground.places[place].edit(item, field, value)

    @precondition(lambda self: any(len(members) > 1 for members in self.oracle.members))
    @rule(which=number, field=st.sampled_from(FIELDS), picks=st.tuples(number, number, number))
    def edit_everywhere(self, which: int, field: str, picks: tuple[int, int, int]) -> None:
        """Both people at the same time: what conflicts and merges are made of."""
        members = choose(which, [m for m in self.oracle.members if len(m) > 1])
        for (place, item), pick in zip(members.items(), picks, strict=False):
            self._edit(place, item, field, pick)
        self.oracle.refresh()
        TOTALS["steps"] += 1

    @precondition(lambda self: len(self.items()) > 2)
    @rule(which=number)
    def delete(self, which: int) -> None:
        entity, place, item = choose(which, self.items())
        self.ground.places[place].delete(item)
        self.oracle.broken.add((entity, place))
        TOTALS["deletes"] += 1
        TOTALS["steps"] += 1

    @precondition(lambda self: "board" in self.ground.places and self.items())
    @rule(which=number)
    def leave_or_come_back(self, which: int) -> None:
        """A task moves to a board that no link knows, and perhaps back (S28)."""
        board = self.ground.places["board"]
        mine = [(entity, members["board"]) for entity, members in enumerate(self.oracle.members) if "board" in members]
        mine = [(entity, item) for entity, item in mine if item in board.box.store.tasks]
        if not mine:
            return
        entity, item = choose(which, mine)
        if (entity, "board") in self.oracle.away:
            board.come_back(item)  # type: ignore[attr-defined]
            self.oracle.away.discard((entity, "board"))
            self.oracle.unsure |= self.ground.shapes.keys()
            self.oracle.refresh()
        else:
            board.leave(item)  # type: ignore[attr-defined]
            self.oracle.away.add((entity, "board"))
            # no listing of ours shows it there, so what is edited before we notice may be written over (S22)
            self.oracle.blind.update((entity, field) for field in FIELDS)
        TOTALS["moves"] += 1
        TOTALS["steps"] += 1

    # --- time, switches, decisions ------------------------------------------------------------------------------------

    @rule(seconds=st.sampled_from((1, 1, 5, 61, 400)))
    def time_passes(self, seconds: int) -> None:
        self.ground.advance(seconds)
        TOTALS["steps"] += 1

    @rule(which=number, what=st.sampled_from(("policy", "direction", "direction", "pause", "restart")), pick=number)
    def switch(self, which: int, what: str, pick: int) -> None:
        """The owner changes a key of the configuration, or starts Bridge again."""
        shape = choose(which, self.ground.shapes.values())
        if what == "policy":
            self._switch(replace(shape, policy=choose(pick, POLICIES)))
        elif what == "direction":
            field = choose(which, FIELDS[:4])
            to = choose(pick, DIRECTIONS)
            kept = tuple(pair for pair in shape.directions if pair[0] != field)
            self._switch(replace(shape, directions=kept if to == "both" else (*kept, (field, to))))
        elif what == "pause":
            self._switch(replace(shape, enabled=not shape.enabled))
        else:
            self.ground.reopen()
        TOTALS["steps"] += 1

    def _switch(self, shape: LinkShape) -> None:
        self.ground.shapes[shape.name] = shape
        self.ground.reopen()
        self.oracle.unsure.add(shape.name)
        TOTALS["switches"] += 1

    @precondition(lambda self: self.oracle.open_conflicts())
    @rule(which=number, take=st.sampled_from(("left", "right", "base", "value")), pick=number)
    def resolve(self, which: int, take: str, pick: int) -> None:
        key, row = choose(which, sorted(self.oracle.open_conflicts().items(), key=lambda pair: pair[1].id))
        clash = row.clash
        how = rules_of(self.ground, self.ground.shapes[key[0]])[key[2]]
        if take == "base" and (isinstance(clash.base_left, Unset) or isinstance(clash.base_right, Unset)):
            return
        shape = self.ground.shapes[key[0]]
        new = self.value_for(shape.left, key[2], pick, clash.left.value)
        value = {"left": clash.left.value, "right": clash.right.value, "base": clash.base_left, "value": new}[take]
        word = None if value is None else (how.left_of if take == "right" else how.right_of)(value)
        if (word is None) != (value is None):
            return  # what has no word on the other side cannot be decided for it
        decision = conflicts.Put(value, "left") if take == "value" else conflicts.Take(take)  # type: ignore[arg-type]
        self.ground.bridge.store.run_sync(_decide, row, decision, self.ground.time)
        wanted = (word, value) if take == "right" else (value, word)
        self.oracle.decisions[key] = Decision(clash.left.value, clash.right.value, wanted)
        TOTALS["decisions"] += 1
        TOTALS["steps"] += 1

    @rule(some=st.lists(st.tuples(number, st.integers(1, 3)), min_size=1, max_size=4))
    def webhooks(self, some: list[tuple[int, int]]) -> None:
        """Any delivery ever made, in any order, as often as it likes."""
        for which, times in some:
            for _ in range(times):
                if sent := self.ground.deliveries():
                    connection, delivery = choose(which, sent)
                    headers = {name.lower(): value for name, value in delivery.headers.items()}
                    self.ground.wait(self.ground.bridge.deliver(connection, headers, delivery.body))
                    TOTALS["webhooks"] += 1
        TOTALS["steps"] += 1

    # --- runs ---------------------------------------------------------------------------------------------------------

    @rule(which=number, how=st.sampled_from(("plain", "plain", "plain", "full", "quick")))
    def run(self, which: int, how: str) -> None:
        link = self._link(which)
        if link is not None:
            self._run(link, sure=how != "quick", full=how == "full", sweep=how != "quick")

    @rule(which=number, writes=st.integers(0, 3), creates=st.integers(0, 2))
    def run_with_ceilings(self, which: int, writes: int, creates: int) -> None:
        link = self._link(which)
        if link is not None:
            self._run(link, sure=False, limits=(writes, creates))

    @rule(which=number, side=st.sampled_from(("artala", "github")), at=st.integers(1, 9),
          when=st.sampled_from(("before", "after")))  # fmt: skip
    def run_that_is_cut(self, which: int, side: str, at: int, when: str) -> None:
        link = self._link(which)
        if link is not None:
            self._run(link, sure=False, cut=(side, at, when))

    @rule(which=number, faults=st.lists(st.tuples(st.sampled_from(("artala", "github")), st.sampled_from(FAULTS),
          st.sampled_from((0, 0, 0, 1, 2))), min_size=1, max_size=3))  # fmt: skip
    def run_with_faults(self, which: int, faults: list[tuple[str, dict[str, Any], int]]) -> None:
        link = self._link(which)
        if link is None:
            return
        for tracker, fault, after in faults:
            options = {**fault, "after": after}
            if options.get("path") == "LIST":
                options["path"] = LISTS[tracker]
            getattr(self.ground, tracker).faults.add(**options)
        self._run(link, sure=False)
        self._no_faults()

    def _link(self, which: int) -> str | None:
        link = choose(which, self.ground.shapes)
        return link if self.ground.shapes[link].enabled else None

    def _run(self, link: str, *, sure: bool, **options: Any) -> None:
        report = self.ground.run(link, **options)
        complete = sure and report is not None and report.state in TO_ITS_END and link not in self.oracle.unsure
        if not complete:
            self.oracle.unsure.add(link)
        self.oracle.after_run(link, complete=complete)
        TOTALS["runs"] += 1
        TOTALS["steps"] += 1

    def _no_faults(self) -> None:
        for box in (self.ground.artala, self.ground.github):
            box.faults.clear()

    # --- what must hold -----------------------------------------------------------------------------------------------

    @rule()
    def come_to_rest(self) -> None:
        """I1: a bounded number of runs after the last edit all is settled. I3: the next one writes nothing."""
        self._no_faults()
        for shape in list(self.ground.shapes.values()):
            if not shape.enabled:
                self._switch(replace(shape, enabled=True))
        self.ground.advance(7200)
        for _ in range(self.rounds):
            before = self.ground.bot_writes()
            for link in self.ground.shapes:
                self._calm_run(link)
            if self.ground.bot_writes() == before:
                break
        before = self.ground.bot_writes()
        for link in self.ground.shapes:
            self._calm_run(link, complete=True)
        assert self.ground.bot_writes() == before, "a run after a settled run has written something (I3)"
        self.oracle.unsure.clear()
        self.oracle.check()

    def _calm_run(self, link: str, *, complete: bool = False) -> None:
        report = self.ground.run(link)
        assert report is not None
        assert report.state in TO_ITS_END, report
        self.oracle.after_run(link, complete=complete)
        TOTALS["runs"] += 1


class TwoTrackers(Histories):
    """Artala and GitHub."""

    shapes = (LinkShape("app", "board", "app"),)


class Ring(Histories):
    """A board and two repositories, each linked to each."""

    shapes = (LinkShape("app", "board", "app"), LinkShape("web", "board", "web"), LinkShape("closing", "app", "web"))
    rounds = 4

    def statuses(self, tracker: str) -> tuple[str, ...]:
        """Between two repositories a closed issue cannot take another reason, so none has one here."""
        return ("open", "closed") if tracker == "github" else STATUS[tracker]
