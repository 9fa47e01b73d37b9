"""Conflicts answered where people work: asked once in a comment on the item, decided by a permitted person's reply (S17).

Posting is journalled in the conflict's own row before the request leaves: what was not answered is looked for by its key
before a second try (S18), so a conflict has at most one comment a side. Requests are the currency: comments are read only
where we asked, and only when the record moved since they were last read or, where a comment moves nothing, with a sweep.
A conflict that ends otherwise gets no further comment: the item itself shows how it ended.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from hashlib import blake2b
from typing import Final

import structlog

from bridge.engine.again import wake
from bridge.engine.asking import Taken, answers, key_of, question, words
from bridge.engine.context import Run
from bridge.engine.guard import is_at_ceiling
from bridge.engine.link import End
from bridge.errors import ENDING, ConfigError, LockedError, RateLimited, RetryableError, TrackerError, UnknownOutcome
from bridge.model import Side
from connectors.base import Comment, Comments
from state import conflicts, leases, pairs
from state.codec import load_record
from state.conflicts import REFUSED, Asked, Conflict, Take
from state.pairs import Pair
from state.store import Session

log = structlog.get_logger(__name__)

"""The connection's or the container's trouble: it ends the run, as everywhere."""

_MARGIN: Final = timedelta(seconds=1)
_GRAIN: Final = timedelta(seconds=2)
"""Times of trackers are whole seconds."""


@dataclass(frozen=True, slots=True)
class _Case:
    """An open conflict with its pair."""

    conflict: Conflict
    pair: Pair

    def asked(self, side: Side) -> Asked:
        return self.conflict.asked.get(side, Asked())


@dataclass(frozen=True, slots=True)
class _Heard:
    """The comments of one item, as just read, and the cases they may be about."""

    side: Side
    group: Sequence[_Case]
    said: Sequence[Comment]


@dataclass(frozen=True, slots=True)
class _Voice:
    """An answer to one conflict. ``at`` is by our clock, as far as the tracker's is known."""

    case: _Case
    take: Taken
    side: Side
    author: str
    at: datetime


# --- hearing ------------------------------------------------------------------------------------------------------------


async def hear(run: Run) -> None:
    """Read the replies to what was asked and decide by them; the run that calls this writes what was decided.

    A run that only carries out a reviewed plan hears nothing: what is decided now is not in that plan.
    """
    if not run.link.answers.sides or run.approved is not None:
        return
    cases = await run.store.read(_open_cases, run)
    heard: list[_Heard] = []
    for side in run.link.answers.sides:
        groups: dict[tuple[str, str], list[_Case]] = defaultdict(list)
        for case in cases:
            if case.asked(side).comment not in ("", REFUSED):
                groups[case.conflict.clash.kind, case.pair.item_id(side)].append(case)
        for group in groups.values():
            if any(_is_due(run, side, case) for case in group):
                heard += await _listen(run, side, group)
    run.swept.clear()
    voices = [voice for each in heard for case in each.group for voice in _voices(run, each.side, case, each.said)]
    for voice in sorted(voices, key=lambda one: one.at)[::-1]:
        await _decide(run, voice)
    for each in heard:  # only now: a run that ends before this reads the same replies again
        await run.store.run(_looked, run, each)


def _open_cases(session: Session, run: Run) -> list[_Case]:
    found = [each for each in conflicts.find(session, link_id=run.link.id) if each.state == "open"]
    known = pairs.by_ids(session, {each.clash.pair_id for each in found})
    return [
        _Case(each, pair)
        for each in found
        if (pair := known[each.clash.pair_id]).status == "live" and pair.paused_at is None
    ]


def _is_due(run: Run, side: Side, case: _Case) -> bool:
    end = run.link.end(side)
    if not end.connector.kinds()[case.conflict.clash.kind].comments_move and side in run.swept:
        return True
    return _stamp(end, case, side) != case.asked(side).looked


def _stamp(end: End, case: _Case, side: Side) -> str:
    """What a comment changes of its record: not the version, which is about fields, but the tracker's time."""
    ref = end.ref(case.conflict.clash.kind, case.pair.item_id(side))
    record = load_record(case.pair.record(side), ref)
    return f"{record.version} {record.updated_at.isoformat() if record.updated_at else ''}"


def _looked_at(run: Run, case: _Case, side: Side) -> str:
    """What to remember of a look: nothing of a record that moved just now, for another comment of that second would not
    move it again.
    """
    end = run.link.end(side)
    record = load_record(case.pair.record(side), end.ref(case.conflict.clash.kind, case.pair.item_id(side)))
    if record.updated_at is not None and record.updated_at > run.now() + _ahead(end) - _GRAIN:
        return ""
    return _stamp(end, case, side)


async def _listen(run: Run, side: Side, group: Sequence[_Case]) -> list[_Heard]:
    """Read one item's comments; empty where that fails. Its own trouble is its own: they are read again another time (S24)."""
    end = run.link.end(side)
    ref = end.ref(group[0].conflict.clash.kind, group[0].pair.item_id(side))
    since = min(_instant(case.asked(side).heard) for case in group)
    try:
        said = await _comments(end).read(ref, since)
    except ENDING:
        raise
    except TrackerError as error:
        log.info("item.missing", connection=end.connection, item=ref.id, reason=error.message)
        return []
    return [_Heard(side, group, said)]


def _comments(end: End) -> Comments:
    assert end.connector.comments is not None
    return end.connector.comments


def _looked(session: Session, run: Run, heard: _Heard) -> None:
    """Remember how far was read, so that nothing is judged, or told, twice."""
    for case in heard.group:
        asked = case.asked(heard.side)
        newest = max([each.updated_at for each in heard.said if each.updated_at] + [_instant(asked.heard)])
        known = tuple(sorted(_tag(each) for each in heard.said if each.updated_at in (None, newest)))
        looked = replace(asked, looked=_looked_at(run, case, heard.side), heard=_iso(newest), known=known)
        conflicts.ask(session, case.conflict, heard.side, looked)


def _voices(run: Run, side: Side, case: _Case, said: Sequence[Comment]) -> list[_Voice]:
    """The answers of one item's new comments that are about this conflict, from people who may answer."""
    end, asked = run.link.end(side), case.asked(side)
    moved = case.conflict.moved_at if case.conflict.moved_at > case.conflict.opened_at else None
    found = []
    for comment in _since_question(said, asked):
        if _time(comment) < _instant(asked.heard) or _tag(comment) in asked.known or comment.key is not None:
            continue
        if comment.id == asked.comment:
            continue  # ours, with its key taken out by somebody
        for answer in answers(comment.text, words(run.link)):
            if answer.field not in ("", case.conflict.clash.field):
                continue
            voice = _Voice(case, answer.take, side, comment.author, _time(comment) - _ahead(end))
            if comment.author.casefold() not in run.link.answers.by.get(side, frozenset()):
                _ignored(run, voice, "the configuration does not let this person answer (people, conflict_answers_by)")
            elif moved is not None and voice.at <= moved + _MARGIN:
                _ignored(run, voice, "a side moved after it was given: it has to be given again")
            else:
                found.append(voice)
    return found


def _since_question(said: Sequence[Comment], asked: Asked) -> Iterable[Comment]:
    """Without what stood there before we asked, also within the same second: it answered something else."""
    place = next((at for at, each in enumerate(said) if each.id == asked.comment), None)
    if place is None:
        return said
    return (each for at, each in enumerate(said) if at > place or _time(each) > _time(said[place]))


def _ignored(run: Run, voice: _Voice, why: str) -> None:
    log.warning(
        "answer.ignored",
        link=run.link.name,
        conflict=voice.case.conflict.id,
        connection=run.link.end(voice.side).connection,
        author=voice.author,
        reason=why,
    )


async def _decide(run: Run, voice: _Voice) -> None:
    """As the command line does. Called with the newest answer first: the older ones find the conflict decided."""
    by = f"{voice.author} ({run.link.end(voice.side).connection})"
    try:
        is_news = await run.store.run(_take, run, voice, by)
    except ConfigError as error:
        _ignored(run, voice, error.message)
        return
    if is_news:
        log.info(
            "conflict.answered",
            link=run.link.name,
            conflict=voice.case.conflict.id,
            take=voice.take,
            author=voice.author,
        )
        run.tally.counts["conflicts_answered"] += 1


def _take(session: Session, run: Run, voice: _Voice, by: str) -> bool:
    seen = voice.case.conflict
    now = conflicts.get(session, seen.id)
    if now is None or now.state != "open" or _values(now) != _values(seen):
        return False
    conflicts.decide(session, seen.id, Take(voice.take), by=by)
    wake(session, run.link.id, seen.clash.kind, "left", [voice.case.pair.left_id], run.now())
    return True


def _values(conflict: Conflict) -> tuple[object, object]:
    return conflict.clash.left.value, conflict.clash.right.value


# --- asking -------------------------------------------------------------------------------------------------------------


async def ask(run: Run) -> None:
    """Put the open conflicts of the link to the people on their items, each once a side, within the run's ceiling."""
    if not run.link.answers.sides or run.approved is not None:
        return
    for case in await run.store.read(_open_cases, run):
        for side in run.link.answers.sides:
            can = run.link.end(side).connector.kinds()[case.conflict.clash.kind]
            if can.comments and case.asked(side).comment == "" and not is_at_ceiling(run):
                await _ask(run, side, case)


async def _ask(run: Run, side: Side, case: _Case) -> None:
    """Post one comment. One that may have been posted by an earlier run is looked for first (S18)."""
    end, conflict = run.link.end(side), case.conflict
    ref = end.ref(conflict.clash.kind, case.pair.item_id(side))
    key = key_of(conflict)
    try:
        stamp = ""  # that of a comment found again may be a reply's already
        comment = await _posted(run, end, case, side) if side in conflict.asked else None
        if comment is None:
            stamp = _looked_at(run, case, side)
            if not await run.store.run(_note, run, conflict, side, Asked()):
                return  # decided meanwhile
            room = end.connector.kinds()[conflict.clash.kind].comment_max
            text = question(run.link, conflict, room=room)
            comment = await _comments(end).post(ref, text, key=key, before_send=run.check_fence)
            run.tally.counts[f"writes_{side}"] += 1
            run.tally.counts["conflicts_asked"] += 1
            log.info(
                "conflict.asked", link=run.link.name, conflict=conflict.id, connection=end.connection, item=ref.key
            )
    except RateLimited:
        await run.store.run(_note, run, conflict, side, None)  # refused, so it was not posted
        raise
    except ENDING:
        raise
    except (UnknownOutcome, RetryableError) as error:
        log.warning("write.failed", link=run.link.name, side=side, step="comment", reason=error.message)
        return
    except TrackerError as error:
        await run.store.run(_note, run, conflict, side, Asked(REFUSED))
        log.warning("comment.refused", link=run.link.name, conflict=conflict.id, item=ref.key, reason=error.message)
        return
    said = Asked(comment.id, stamp, _iso(_time(comment)))
    await run.store.run(_note, run, conflict, side, said)


async def _posted(run: Run, end: End, case: _Case, side: Side) -> Comment | None:
    """The comment that an earlier try may have left; looked for again after the tracker's index lag."""
    ref = end.ref(case.conflict.clash.kind, case.pair.item_id(side))
    key, lag = key_of(case.conflict), end.connector.kinds()[case.conflict.clash.kind].index_lag_s
    for wait in (0, lag) if lag else (0,):
        if wait:
            await run.sleep(wait)
        found = next((each for each in await _comments(end).read(ref) if each.key == key), None)
        if found is not None:
            log.info("write.recovered", side=side, marker=key, item=ref.id)
            return found
    return None


def _note(session: Session, run: Run, conflict: Conflict, side: Side, asked: Asked | None) -> bool:
    if not leases.check_fence(session, run.link.id, run.fence):
        raise LockedError(f'link "{run.link.name}": another process took over while this run was paused')
    return conflicts.ask(session, conflict, side, asked)


def _ahead(end: End) -> timedelta:
    """How far the tracker's clock is before ours, by its Date header."""
    return timedelta(seconds=end.connector.usage().skew_s or 0)


def _time(comment: Comment) -> datetime:
    return comment.updated_at or comment.created_at


def _tag(comment: Comment) -> str:
    """A comment as it reads now: where a tracker does not say when one was edited, an edited one is news by its text."""
    return f"{comment.id} {blake2b(comment.text.encode(), digest_size=8).hexdigest()}"


def _iso(at: datetime) -> str:
    return at.astimezone(UTC).isoformat()


def _instant(text: str) -> datetime:
    return datetime.fromisoformat(text) if text else datetime.min.replace(tzinfo=UTC)
