"""Why is it not in step? Judges from values, bases and what the state holds of an item; asks nobody. Pure.

Rows judge as a run has them, bound to both records, as far as the fields are known without asking a tracker; else values
are compared as they were read, blanks at line ends and case of names aside.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TYPE_CHECKING

from bridge.engine.agreeing import says_the_same
from bridge.engine.sets import members
from bridge.merge import key
from bridge.model import UNSET, Side, Unset, Value
from mappings.computed import COMPUTED, query_of
from mappings.lenses import LEFT_ALONE, OUTSIDE, Lens, UnmappedError
from mappings.mirrored import TRUNCATED
from state.inbox import OUT_OF_SCOPE
from state.parked import FROZEN

if TYPE_CHECKING:
    from bridge.engine.link import Link
    from bridge.engine.why import FieldStory, Story
    from bridge.model import Record
    from mappings.rows import Direction, Row
    from state.parked import Parked
    from state.runs import Run


@dataclass(frozen=True, slots=True)
class Joined:
    """One row of a link's mapping, as far as the configuration alone tells."""

    left: str
    right: str
    direction: Direction
    lens: Lens


@dataclass(frozen=True, slots=True)
class LinkFacts:
    """What the configuration says of a link, with its rows by kind. ``is_configured``: it still stands there. ``terms``:
    what of it has to be accepted, None where nobody is asked; ``changes``: what has not been. ``filters``: by side, where
    its filter stands and the field that says whether a task takes part. ``link`` has the rows as a run has them, where that
    can be told without asking a tracker.
    """

    enabled: bool = True
    rows: Mapping[str, Sequence[Joined]] = field(default_factory=dict)
    is_configured: bool = True
    terms: str | None = None
    changes: tuple[str, ...] = ()
    filters: Mapping[Side, Sequence[tuple[str, str]]] = field(default_factory=dict)
    link: Link | None = None


@dataclass(frozen=True, slots=True)
class Reason:
    """Why an item, or a field of it, is not in step. ``code`` is for programs: conflict, parked, frozen, unmapped,
    unknown-person, direction, drift, waiting, held, alone, budget, failing, paused, unlinked, vanished, out-of-scope.
    """

    code: str
    message: str
    hint: str = ""


# --- an item ------------------------------------------------------------------------------------------------------------


def of_item(
    story: Story, facts: LinkFacts, last: Run | None, due: Mapping[Side, datetime], unknown: Sequence[str] = ()
) -> tuple[Reason, ...]:
    """What keeps the whole item back. ``due``: when a row of the inbox is tried again, by side. ``unknown``: sides that
    were written without an answer.
    """
    found = [*_of_pair(story), *_of_scope(story, facts), *(_parked(each) for each in story.parked)]
    found += [
        Reason("waiting", f"a write to the {side} got no answer; the next run finds out first") for side in unknown
    ]
    for row in story.waiting:
        when = f", not before {due[row.side]:%Y-%m-%d %H:%M:%SZ}" if row.side in due else ""
        tried = f", tried {row.attempts} times" if row.attempts else ""
        if row.held == OUT_OF_SCOPE:
            continue
        if row.held:
            hint = 'With initial = "match-then-create" it gets one; "bridge pairs pin" joins it by hand.'
            found.append(Reason("held", f"{row.side}: no partner was found, and the link creates none", hint))
        elif row.record is None:
            found.append(Reason("waiting", f"{row.side}: announced, not read yet{tried}{when}"))
        else:
            found.append(Reason("waiting", f"{row.side}: a change waits for the next run{tried}{when}"))
    if story.pair is None and not any(each.code in ("held", "out-of-scope") for each in found):
        found.append(Reason("alone", "it has no partner yet"))
    if not found and all(each.state == "settled" for each in story.fields):
        return tuple(_of_link(story, facts, None))
    return (*found, *_of_link(story, facts, last))


def _of_pair(story: Story) -> list[Reason]:
    if story.pair is None or story.status == "live":
        return []
    event = next((each for each in story.history if each.action in ("unlink", "delete")), None)
    when = f" since {event.at:%Y-%m-%d %H:%M:%SZ} (run {event.run_id})" if event else ""
    if story.status == "vanished":
        return [Reason("vanished", f"one side is gone: {story.reason}", "The next runs decide by on_delete.")]
    back = f"bridge pairs relink {story.pair_name} brings it back; bridge restore if one side was deleted."
    return [Reason("unlinked", f"not synced any more{when}: {story.reason}", back)]


def _of_scope(story: Story, facts: LinkFacts) -> list[Reason]:
    """That a filter leaves it out (S28): which one, and since when."""
    if story.paused_at is None and not any(row.held == OUT_OF_SCOPE for row in story.waiting):
        return []
    records: dict[Side, Record | None] = {"left": story.left, "right": story.right}
    says = [
        f"{where} is not true of the {side}: {query_of(name) or name.removeprefix(COMPUTED)}"
        for side, found in facts.filters.items()
        for where, name in found
        if (record := records[side]) is not None and record.fields.get(name) is not True
    ]
    since = f" since {story.paused_at:%Y-%m-%d %H:%M:%SZ}" if story.paused_at else ""
    message = f"out of scope{since}: {'; '.join(says) or 'a filter left it out'}"
    if story.pair is None:
        return [Reason("out-of-scope", message, "It stays on its side, and takes part once the filter is true of it.")]
    return [Reason("out-of-scope", message, "Nothing is written to either side until it is; what is edited now waits.")]


def _parked(each: Parked) -> Reason:
    retry = f"bridge parked retry {each.id}"
    hint = each.hint.replace("bridge parked retry ID", retry) if each.reason == FROZEN else f"{each.hint} {retry}"
    code = each.reason if each.reason in (FROZEN, "unmapped", "unknown-person") else "parked"
    return Reason(code, f"parked ({each.id}, {each.reason}): {each.message}", hint.strip())


def _of_link(story: Story, facts: LinkFacts, last: Run | None) -> list[Reason]:
    """What keeps every item of the link back. ``last`` None: nothing waits, so its end does not matter."""
    paused = _paused(story, facts)
    if paused is not None:
        return [paused]
    if last is None:
        return []
    if last.state == "failed":
        hint = f"bridge sync {story.link} tries again."
        return [
            Reason("failing", f"the link's last run ({last.id}) failed: {last.error or 'no reason is known'}", hint)
        ]
    if last.state in ("stopped", "guarded"):
        why = last.error or ("at a ceiling" if last.state == "stopped" else "by the guard")
        hint = "The next run goes on." if last.state == "stopped" else "bridge status says what the guard met."
        return [Reason("budget", f"the link's last run ({last.id}) was stopped: {why}", hint)]
    return []


def _paused(story: Story, facts: LinkFacts) -> Reason | None:
    """Why the link does not run at all."""
    name = story.link
    if not facts.is_configured:
        return Reason("paused", f"link {name} is not in the configuration any more")
    if not facts.enabled:
        return Reason("paused", f"link {name} is switched off", "Say enabled = true.")
    if facts.changes:
        hint = f"bridge plan {name} shows what it would do, bridge accept {name} lets it go."
        return Reason("paused", f"link {name} waits until its changed configuration is accepted", hint)
    return None


# --- a field ------------------------------------------------------------------------------------------------------------


def of_field(each: FieldStory, row: Joined | None, bound: Row | None = None) -> tuple[Reason, ...]:
    """Why a field is not in step; empty when it is. ``bound``: the row as a run has it."""
    if each.conflict is not None:
        return (_conflict(each),)
    if each.parked:
        return tuple(_parked(one) for one in each.parked)
    if isinstance(each.left, Unset) or isinstance(each.right, Unset):
        return ()
    moved = {
        side: _has_moved(now, base) for side, now, base in (("left", each.left, each.base_left), ("right", each.right, each.base_right))
    }  # fmt: skip
    if row is None:
        return (_waiting(moved),) if any(moved.values()) else ()
    if bound is not None:
        row = replace(row, lens=bound.lens)
    if _agree(row, bound, each.left, each.right):
        return ()
    return (_differing(row, each.left, each.right, moved),)


def _conflict(each: FieldStory) -> Reason:
    assert each.conflict is not None
    number = each.conflict.id
    if each.conflict.decision is not None:
        return Reason("waiting", f"conflict {number} is decided by {each.conflict.resolved_by}; the next run writes it")
    asked = [side for side, note in each.conflict.asked.items() if note.comment not in ("", "-")]
    also = f" Or answer the comment on the item ({' and '.join(sorted(asked))})." if asked else ""
    return Reason(
        "conflict", f"both sides changed it (conflict {number})", f"bridge conflicts resolve {number} --take left{also}"
    )


def _differing(row: Joined, left: Value, right: Value, moved: Mapping[str, bool]) -> Reason:
    if row.direction == "off":
        return Reason("direction", "the row is off: this field is not synced")
    if row.direction == "create-only":
        return Reason("direction", "the row is create-only: it was filled once and is left alone since")
    unknown = _unknown(row, left, right)
    if row.direction != "both":
        source = row.direction.partition("-")[0]
        if not moved[source]:
            return Reason("direction", f"the row is {row.direction}: what the other side changes is not carried over")
    if unknown is not None:
        return _wordless(unknown)
    if any(moved.values()):
        return _waiting(moved)
    return Reason(
        "drift",
        "both sides hold what they held when they were last settled, and differ (as an undo leaves it)",
        "The next edit of either side is carried over.",
    )


def _wordless(unknown: UnmappedError) -> Reason:
    if unknown.reason == "unknown-person":
        return Reason("unknown-person", unknown.message, "Add a row to [[people]]; bridge people prints it.")
    if unknown.reason == LEFT_ALONE:
        said = f"{unknown.message}; the row leaves such names where they are"
        return Reason("unmapped", said, "Add it to the row's map if it is to go over.")
    return Reason("unmapped", unknown.message, "Add it to the row's map.")


def _waiting(moved: Mapping[str, bool]) -> Reason:
    sides = " and ".join(side for side, has in moved.items() if has)
    return Reason("waiting", f"{sides} changed; the next run carries it over")


def _has_moved(now: Value, base: Value | Unset) -> bool:
    return base is UNSET or _plain(base) != _plain(now)


def _agree(row: Joined, bound: Row | None, left: Value, right: Value) -> bool:
    if bound is not None and not bound.is_set:
        return says_the_same(bound, left, right)
    if isinstance(left, tuple) or isinstance(right, tuple):
        return _is_covered(row, left, right, "right") and _is_covered(row, right, left, "left")
    one, two = _plain(left), _plain(right)
    return one == two or bool(row.lens.agree(one, two))


def _unknown(row: Joined, left: Value, right: Value) -> UnmappedError | None:
    """The first value that would have to be carried over and that the map has no word for."""
    for value, to in ((left, "right"), (right, "left")):
        target: Side = "right" if to == "right" else "left"
        if row.direction in ("both", f"{'left' if target == 'right' else 'right'}-to-{target}"):
            found = _word_less(row, value, target)
            if found is not None:
                return found
    return None


def _word_less(row: Joined, value: Value, to: Side) -> UnmappedError | None:
    for one in members(value) if isinstance(value, tuple) else (_plain(value),):
        try:
            row.lens.to_right(one) if to == "right" else row.lens.to_left(one)
        except UnmappedError as error:
            if error.reason not in (OUTSIDE, TRUNCATED):
                return error
    return None


def _is_covered(row: Joined, value: Value, there: Value, to: Side) -> bool:
    """Whether the other side has a word for every member, or one that means it."""
    back: Side = "left" if to == "right" else "right"
    has = {key(name) for name in members(there)}
    meant = {_word(row, back, name) for name in members(there)}
    return all(_word(row, to, name) in ("", *has) or key(name) in meant for name in members(value))


def _word(row: Joined, to: Side, name: str) -> str | None:
    """What a member is called on the other side, as a key; "" where it is left out there, None where nothing says it."""
    try:
        said = row.lens.to_right(name) if to == "right" else row.lens.to_left(name)
    except UnmappedError:
        return None
    return "" if said is None else key(str(said))


def _plain(value: Value | Unset) -> Value:
    """As ``mappings.normal`` does where the schema is known."""
    if isinstance(value, Unset):
        return None
    if isinstance(value, str):
        return value.replace("\r\n", "\n").strip() or None
    return tuple(sorted(value)) if isinstance(value, tuple) else value
