"""Keeps the reference beside the engine: after every run each field must be where the reference says it may be."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from promises.ground import Ground, LinkShape
from promises.places import Place
from promises.reference import NO_BASE, Decision, Rule, State, created, flows, is_conflict, partly, settled
from sqlmodel import select

from state import conflicts, pairs, parked
from state.codec import load_base, load_record, load_value
from state.tables import HistoryRow, PairRow

FIELDS = ("title", "description", "status", "labels", "people")
ARTALA_NAME = {"people": "assignee"}
GITHUB_NAME = {"people": "assignees"}

_CLOSED = ("closed", "closed:not_planned", "closed:duplicate")
_TO_GITHUB = {"To Do": "open", "In Progress": "open", "Done": "closed"}
_TO_ARTALA = {"open": "To Do", **dict.fromkeys(_CLOSED, "Done")}
_LOGINS = {"sam@example.com": "alice", "bob@example.com": "bob"}
_EMAILS = {login: email for email, login in _LOGINS.items()}


def rules_of(ground: Ground, shape: LinkShape) -> dict[str, Rule]:
    """The rules of a link as its owner would say them: what each field means on the other side."""
    mixed = ground.places[shape.left].connection != ground.places[shape.right].connection
    directions = dict(shape.directions)
    rules = {name: Rule(name, direction=directions.get(name, "both"), policy=shape.policy) for name in FIELDS}
    rules["labels"] = replace(rules["labels"], is_set=True)
    rules["people"] = replace(rules["people"], is_set=True)
    if mixed:
        rules["status"] = replace(rules["status"], right_of=_TO_GITHUB.get, left_of=_TO_ARTALA.get, agree=_same_status)
        rules["labels"] = replace(rules["labels"], right_of=_short)
        rules["people"] = replace(
            rules["people"], right_of=_LOGINS.get, left_of=_EMAILS.get, room=(1, None), same_words=False
        )
    return rules


def _same_status(left: Any, right: Any) -> bool:
    return left in _TO_GITHUB and (_TO_GITHUB[left] == "closed") == (right in _CLOSED)


def _short(label: str) -> str | None:
    """GitHub takes labels of 50 characters."""
    return label if len(label) <= 50 else None


class Oracle:
    """What people did and what may follow from it.

    ``members``: the items of an entity by place. ``states``: per link, entity and field what fits all that was seen.
    ``unsure``: links whose last run did not see everything. ``broken``: places an entity was deleted from.
    """

    def __init__(self, ground: Ground) -> None:
        self.ground = ground
        self.members: list[dict[str, str]] = []
        self.entity_of: dict[str, int] = {}
        self.states: dict[tuple[str, int, str], frozenset[State]] = {}
        self.decisions: dict[tuple[str, int, str], Decision] = {}
        self.broken: set[tuple[int, str]] = set()
        self.away: set[tuple[int, str]] = set()
        self.unsure: set[str] = set()
        self.lossy: set[tuple[int, str]] = set()
        self.blind: set[tuple[int, str]] = set()
        self.judged = 0
        self.counts: Counter[str] = Counter()

    # --- who is who -------------------------------------------------------------------------------------------------

    def born(self, place: str, item: str, *, twin: int | None = None) -> int:
        entity = len(self.members) if twin is None else twin
        if twin is None:
            self.members.append({})
        self.members[entity][place] = item
        self.entity_of[self.ground.places[place].key(item)] = entity
        return entity

    def pairs(self, link: str) -> Iterator[tuple[int, str, str]]:
        """Entities with a member on both sides of a link."""
        shape = self.ground.shapes[link]
        for entity, members in enumerate(self.members):
            if shape.left in members and shape.right in members:
                yield entity, members[shape.left], members[shape.right]

    def is_broken(self, link: str, entity: int) -> bool:
        shape = self.ground.shapes[link]
        return bool({(entity, shape.left), (entity, shape.right)} & self.broken)

    def is_away(self, link: str, entity: int) -> bool:
        shape = self.ground.shapes[link]
        return bool({(entity, shape.left), (entity, shape.right)} & self.away)

    # --- after a person's act ---------------------------------------------------------------------------------------

    def refresh(self, but: str = "") -> None:
        """Take what every side holds now into the states of every link, bases as they were."""
        for link in self.ground.shapes:
            if link != but:
                for entity, left, right in self.pairs(link):
                    self._refresh(link, entity, left, right)

    def _refresh(self, link: str, entity: int, left: str, right: str) -> None:
        now = self._now(link, left, right)
        if now is None:
            return
        for name in FIELDS:
            key = (link, entity, name)
            mine, theirs = now[0][name], now[1][name]
            known = self.states.get(key) or {State(mine, theirs, NO_BASE, NO_BASE)}
            self.states[key] = frozenset(replace(s, left=mine, right=theirs) for s in known)

    def _now(self, link: str, left: str, right: str) -> tuple[dict[str, Any], dict[str, Any]] | None:
        shape = self.ground.shapes[link]
        mine, theirs = self.ground.values(shape.left, left), self.ground.values(shape.right, right)
        return None if mine is None or theirs is None else (mine, theirs)

    # --- after a run ------------------------------------------------------------------------------------------------

    def after_run(self, link: str, *, complete: bool) -> None:
        """Compare with the reference. ``complete``: the run saw everything and went to its end."""
        self._recognise(link, complete=complete)
        rules = rules_of(self.ground, self.ground.shapes[link])
        frozen = self.frozen()
        self._note_lossy(link, rules)
        for entity, left, right in self.pairs(link):
            now = self._now(link, left, right)
            if now is None or self.is_broken(link, entity):
                continue
            for name in FIELDS:
                sure = complete and not self.is_away(link, entity) and (link, entity, name) not in frozen
                self._judge((link, entity, name), rules[name], now[0][name], now[1][name], sure=sure)
        self.refresh(but=link)
        if complete:
            self._nobody_is_alone(link)

    def _note_lossy(self, link: str, rules: dict[str, Rule]) -> None:
        """Fields whose owner lets one side win: there the losing value is in the history only."""
        for entity, _, _ in self.pairs(link):
            for name, rule in rules.items():
                if rule.direction != "both" or rule.policy != "manual" or (link, entity, name) in self.decisions:
                    self.lossy.add((entity, name))

    def _judge(self, key: tuple[str, int, str], rule: Rule, left: Any, right: Any, *, sure: bool) -> None:
        before = self.states.get(key) or {State(left, right, NO_BASE, NO_BASE)}
        decision = self.decisions.get(key)
        possible = (settled if sure else partly)(rule, before, decision)
        if sure and rule.policy != "manual" and self._is_open(key):
            possible |= frozenset(before)  # it was opened under another policy, and stays until somebody moves (S17)
        fitting = frozenset(s for s in possible if (s.left, s.right) == (left, right))
        assert fitting, (
            f"{key}: {'a complete' if sure else 'a broken-off'} run led to {left!r} | {right!r}.\n"
            f"before: {sorted(map(str, before))}\nreference: {sorted(map(str, possible))}\ndecision: {decision}\n"
            f"{self.story(key[1], key[2])}"
        )
        self.states[key] = fitting
        self.judged += 1

    def _is_open(self, key: tuple[str, int, str]) -> bool:
        return key in self.open_conflicts()

    def _recognise(self, link: str, *, complete: bool) -> None:
        """Items we made: whose partners are they? Two of one entity in one place are a duplicate (I4)."""
        shape = self.ground.shapes[link]
        for name, place in self.ground.places.items():
            for item, row in place.rows().items():
                if place.key(item) in self.entity_of:
                    continue
                entity = self.entity_of.get(place.marker(row) or "")
                assert entity is not None, f"{name} {item} was made from nothing: {row}"
                assert name not in self.members[entity], f"{name} has {item} beside {self.members[entity][name]}"
                assert (entity, name) not in self.broken
                self.born(name, item, twin=entity)
                self._made(link, shape, entity, name, complete=complete)

    def _made(self, link: str, shape: LinkShape, entity: int, target: str, *, complete: bool) -> None:
        source = shape.right if target == shape.left else shape.left
        members = self.members[entity]
        now = None if source not in members else self._now(link, members[shape.left], members[shape.right])
        if now is None:
            return
        for name, rule in rules_of(self.ground, shape).items():
            here, there = (now[1], now[0]) if target == shape.left else (now[0], now[1])
            side = "right" if target == shape.left else "left"
            self.states[link, entity, name] = created(rule, side, here[name], there[name], sure=complete)

    def _nobody_is_alone(self, link: str) -> None:
        """A complete run leaves no item without its partner."""
        shape = self.ground.shapes[link]
        for entity, members in enumerate(self.members):
            here = {shape.left, shape.right} & members.keys()
            title = rules_of(self.ground, shape)["title"]
            if not flows(title, "left" if shape.left in here else "right"):
                continue  # without a title nothing can be made
            if len(here) == 1 and not self.is_broken(link, entity) and not self.is_away(link, entity):
                raise AssertionError(f"{link}: entity {entity} is only in {here}, after a complete run")

    # --- when all has come to rest ------------------------------------------------------------------------------------

    def open_conflicts(self) -> dict[tuple[str, int, str], Any]:
        """Unresolved conflict rows by link, entity and field."""
        return {self._key(row): row for row in self.conflict_rows() if row.resolved_at is None}

    def frozen(self) -> set[tuple[str, int, str]]:
        """Fields that the breaker holds (S36): they went back and forth too often, and a person is told."""
        rows = self.ground.bridge.store.read_sync(parked.find, reason=parked.FROZEN)
        names = {number: name for name, number in self.ground.bridge.ids.items()}
        found = set()
        for row in rows:
            shape = self.ground.shapes[names[row.link_id]]
            place = self.ground.places[shape.left if row.side == "left" else shape.right]
            field = {"assignee": "people", "assignees": "people"}.get(row.field, row.field)
            found.add((shape.name, self.entity_of[place.key(row.item_id)], field))
        return found

    def conflict_rows(self, states: tuple[str, ...] = ("open", "decided")) -> list[Any]:
        return list(self.ground.bridge.store.read_sync(conflicts.find, states=states))

    def _key(self, row: Any) -> tuple[str, int, str]:
        pair = self.ground.bridge.store.read_sync(pairs.by_ids, [row.clash.pair_id])[row.clash.pair_id]
        link = next(name for name, number in self.ground.bridge.ids.items() if number == row.link_id)
        return (
            link,
            self._entity(link, pair.left_id),
            {"assignee": "people", "assignees": "people"}.get(row.clash.field, row.clash.field),
        )

    def _entity(self, link: str, left_id: str) -> int:
        place = self.ground.places[self.ground.shapes[link].left]
        return self.entity_of[place.key(left_id)]

    def check(self) -> None:
        """I1, I2, I6, I8 and the conflicts, at rest."""
        self._nothing_was_deleted()
        found, frozen = self.open_conflicts(), self.frozen()
        for link, shape in self.ground.shapes.items():
            rules = rules_of(self.ground, shape)
            for entity, left, right in self.pairs(link):
                now = self._now(link, left, right)
                if now is None or self.is_broken(link, entity) or self.is_away(link, entity):
                    continue
                for name, rule in rules.items():
                    if (link, entity, name) in frozen:
                        continue
                    self._agrees((link, entity, name), rule, now[0][name], now[1][name], found)
        self._bases()
        self._ledger()

    def _agrees(self, key: tuple[str, int, str], rule: Rule, left: Any, right: Any, found: dict[Any, Any]) -> None:
        """I1: in step, or there is a conflict to see, or a word that the other side lacks."""
        states = self.states[key]
        if all(is_conflict(rule, s) for s in states):
            assert key in found, f"{key}: {left!r} | {right!r} differ and nobody is told"
            assert (found[key].clash.left.value, found[key].clash.right.value) == (left, right)
        elif not any(is_conflict(rule, s) for s in states) and rule.direction == "both":
            assert key not in found, f"{key}: a conflict that is none, {left!r} | {right!r}"
        if rule.direction != "both" or key in found:
            return
        if not rule.is_set:
            unsaid = rule.right_of(left) is None or rule.left_of(right) is None
            assert rule.agree(left, right) or (unsaid and left is not None), f"{key}: {left!r} | {right!r}"
        elif rule.room == (None, None):
            said = frozenset(name for name in left if rule.right_of(name) is not None)
            assert said == right, f"{key}: {sorted(left)} | {sorted(right)}"

    def _nothing_was_deleted(self) -> None:
        """I6: nothing is gone but what a person took away."""
        for event in self.ground.events:
            assert not (event.bot and event.field == "" and event.after is None), f"we took away {event}"

    def _bases(self) -> None:
        """I8: a base is what the side held once, and one that the reference knows of."""
        session_rows = self.ground.bridge.store.read_sync(lambda s: list(s.exec(select(PairRow))))
        names = {number: name for name, number in self.ground.bridge.ids.items()}
        held = self._held()
        for row in session_rows:
            link = names[row.link_id]
            shape = self.ground.shapes[link]
            for side, place, item in (("left", shape.left, row.left_id), ("right", shape.right, row.right_id)):
                if row.status == "live":
                    self._base_of(link, row, side, self.ground.places[place], item, held)

    def _base_of(self, link: str, row: Any, side: str, place: Place, item: str, held: dict[Any, list[Any]]) -> None:
        ref_fields = load_record(row.left if side == "left" else row.right, None).fields  # type: ignore[arg-type]
        bases = load_base(row.base_left if side == "left" else row.base_right)
        for name, rule in rules_of(self.ground, self.ground.shapes[link]).items():
            own = (ARTALA_NAME if place.connection == "artala" else GITHUB_NAME).get(name, name)
            base = bases.get(own, ref_fields.get(own))
            was = held.get((place.name, item, name), [])
            if rule.is_set:
                value = (
                    frozenset(base) if isinstance(base, tuple) else frozenset({base} if isinstance(base, str) else ())
                )
                assert value <= frozenset().union(*was), (
                    f"{link} {place.name} {item} {name}: base {value} was never there"
                )
            elif isinstance(base, str):
                assert base in was, f"{link} {place.name} {item} {name}: base {base!r} was never there"

    def _held(self) -> dict[tuple[str, str, str], list[Any]]:
        held: dict[tuple[str, str, str], list[Any]] = {}
        for event in self.ground.events:
            if event.field:
                held.setdefault((event.place, event.item, event.field), []).append(event.after)
        return held

    # --- I2 -----------------------------------------------------------------------------------------------------------

    def _ledger(self) -> None:
        """I2: wherever we wrote over a person's text, it had been on the other side, or is kept in the history."""
        by_a_person: dict[tuple[str, str, str], Any] = {}
        for at, event in enumerate(self.ground.events):
            where = (event.place, event.item, event.field)
            if not event.field:
                continue
            if not event.bot:
                by_a_person[where] = event.after
            elif event.before is not None and by_a_person.get(where) == event.before and event.field in FIELDS[:3]:
                self._is_accounted_for(event.place, event.item, event.field, event.before, at)

    def _is_accounted_for(self, place: str, item: str, field: str, value: Any, until: int) -> None:
        entity = self.entity_of[self.ground.places[place].key(item)]
        for shape in self.ground.shapes.values():
            if place in (shape.left, shape.right) and self._last_agreed(shape, entity, place, field, until) == value:
                return
        if (entity, field) in self.blind:
            return
        story = self.story(entity, field)
        assert (entity, field) in self.lossy, (
            f"{place} {item} {field}: {value!r} was overwritten and is nowhere\n{story}"
        )
        assert value in self._recorded(), (
            f"{place} {item} {field}: {value!r} lost, and not kept in the history\n{story}"
        )

    def story(self, entity: int, field: str) -> str:
        """What happened to one field of an entity, for whoever has to understand a failure."""
        items = {(place, item) for place, item in self.members[entity].items()}
        lines = [
            f"  {'we' if event.bot else 'a person'} at {event.place}: {event.field} {event.before!r} -> {event.after!r}"
            for event in self.ground.events
            if (event.place, event.item) in items and event.field in ("", field)
        ]
        return "\n".join(lines)

    def _last_agreed(self, shape: LinkShape, entity: int, place: str, field: str, until: int) -> Any:
        """What a place held when it last agreed with the other side of a link, before an event."""
        rule = rules_of(self.ground, shape)[field]
        now: dict[str, Any] = {}
        agreed: Any = NO_BASE
        members = self.members[entity]
        for event in self.ground.events[:until]:
            if event.field == field and members.get(event.place) == event.item:
                now[event.place] = event.after
                if {shape.left, shape.right} <= now.keys() and rule.agree(now[shape.left], now[shape.right]):
                    agreed = now[place]
        return agreed

    def _recorded(self) -> set[Any]:
        rows = self.ground.bridge.store.read_sync(lambda s: list(s.exec(select(HistoryRow))))
        kept = {load_value(row.before) for row in rows if row.before is not None}
        for row in self.conflict_rows(("open", "decided", "resolved")):
            kept |= {row.clash.left.value, row.clash.right.value}
        return kept
