"""Notes of issues as comments, and what Bridge says and hears in them.

Refuses: private notes: they never leave.

A note is written by a PUT of its issue, which answers nothing: the issue is read for its id. A new note moves the issue's
``updated_on``; an edited or deleted one moves nothing, so with a sweep the notes of some issues are read again in turn.
A note is deleted by emptying it. Its id in records is ``ISSUE/JOURNAL``.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Collection, Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Final

from msgspec.structs import replace

from bridge.errors import GoneError, NotFoundError, PermissionError_, RejectedError, UnknownOutcome
from bridge.model import Fields, Kind, Marker, Record, Ref
from connectors import cursors, markers
from connectors.base import BeforeSend, Comment, Page
from connectors.instants import iso
from connectors.pace import utc_now
from connectors.redmine_api import RedmineApi
from connectors.redmine_feed import Walk, start_of
from connectors.redmine_names import Names
from connectors.redmine_tasks import Tasks
from connectors.redmine_wire import TEXT_MAX, IssueRow, JournalRow, comment_record, lines
from connectors.versions import digest

MOST_HELD: Final = 1000
_WITH: Final = {"include": "journals"}
_SECOND: Final = timedelta(seconds=1)


class Notes:
    """The comments of all projects of one connection."""

    def __init__(self, api: RedmineApi, names: Names, tasks: Tasks) -> None:
        self._api = api
        self._config = api.config
        self._names = names
        self._tasks = tasks

    async def pull(self, container: str, text: str | None, *, sweep: bool) -> AsyncIterator[Page]:
        """One request for the list of issues and one for each issue that changed."""
        start = start_of(text)
        is_public = (await self._names.project(container, anew=True)).is_public if start is None else start.public
        if is_public:
            await self._api.ensure_known()
        walk = Walk(self._api, container, start, relations=False)
        held = dict(start.held) if start is not None else {}
        turn = start.turn if start is not None else ""
        is_first, is_empty = True, True
        async for batch in walk.batches():
            is_empty = is_empty and not batch.rows
            now = batch.response.date or utc_now()
            seen = walk.start.seen
            changed = [
                str(row.id) for row in batch.rows if not (stamp := _stamp(row, now)) or seen.get(str(row.id)) != stamp
            ]
            for row in batch.rows:
                walk.remember(row, _stamp(row, now))
            if batch.last and sweep and start is not None:
                again = _in_turn(held, turn, self._config.comments_per_sweep, without=changed)
                turn = again[-1] if again else ""
                changed += again
            records, gone = await self._news(container, changed, held)
            cursor = replace(walk.next, public=is_public, held=_newest(held), turn=turn)
            yield Page(
                tuple(records),
                cursors.written(cursor),
                last=batch.last,
                quiet=is_first and batch.last and start is not None and not records and not gone,
                complete=batch.last and start is None and not is_empty,
                gone=tuple(gone),
            )
            is_first = False

    async def fetch(self, ref: Ref) -> Record:
        task, journal = _ids(ref)
        row = await self._tasks.row(ref, task, _WITH)
        found = next((one for one in row.journals if str(one.id) == journal), None)
        if found is not None and found.private_notes:
            raise PermissionError_(f"{ref.key} is a private note.", hint="Bridge never syncs private notes.")
        records = await self._records(ref.container, row, [found] if found else [])
        if not records:
            raise GoneError(f"{ref.key} is not there any more.", hint="The note was deleted in Redmine.")
        return records[0]

    async def create(self, container: str, fields: Fields, marker: Marker, before_send: BeforeSend | None) -> Record:
        """One PUT of the issue and one GET for the note's id. Raises: UnknownOutcome when the note is not seen then."""
        task = fields.get("task")
        if not isinstance(task, str) or not task.isdigit():
            raise RejectedError("A comment here needs an issue.", hint="Sync its task first.", field="task")
        login = ""
        if self._config.switch_user and fields.get("author") is not None:
            login = await self._names.accounts.login(container, fields["author"], "author")
        ref = Ref(self._api.name, container, Kind.COMMENT.value, f"{task}/")
        journal, row = await self._say(ref, task, fields.get("body"), marker, before_send, login=login)
        [record] = await self._records(container, row, [journal])
        return record

    async def update(self, ref: Ref, changes: Fields, current: Record, before_send: BeforeSend | None) -> Record:
        """One PUT of the journal; needs the right to edit notes, and one's own note or the right to edit all."""
        body = changes.get("body")
        if not isinstance(body, str) or not body.strip():
            raise RejectedError("A comment without words would be deleted.", hint="Delete it instead.", field="body")
        await self._edit(ref, markers.join(body, current.marker), before_send)
        if self._config.read_back:
            return await self.fetch(ref)
        return replace(current, fields={**current.fields, **changes})

    async def delete(self, ref: Ref, before_send: BeforeSend | None) -> None:
        await self._edit(ref, "", before_send)

    async def find(self, container: str, wanted: Collection[Marker], since: str | None) -> Mapping[Marker, Record]:
        found: dict[Marker, Record] = {}
        async for batch in Walk(self._api, container, start_of(since), relations=False).batches():
            for row in await self._rows(container, [str(row.id) for row in batch.rows]):
                for record in await self._records(container, row, row.journals):
                    if record.marker is not None and record.marker in wanted:
                        found[record.marker] = record
        return found

    # ---- what Bridge itself says

    async def post(self, ref: Ref, text: str, *, key: str, before_send: BeforeSend | None = None) -> Comment:
        if ref.kind != Kind.TASK.value:
            raise RejectedError(f"Redmine has no comments on a {ref.kind}.", hint="Only issues have comments.")
        journal, _ = await self._say(ref, ref.id, text, Marker(markers.CONVERSATION, key), before_send)
        return await self._comment(ref, journal)

    async def read(self, ref: Ref, since: datetime | None = None) -> tuple[Comment, ...]:
        """By the time of writing; Redmine does not say when a note was edited."""
        if ref.kind != Kind.TASK.value:
            raise RejectedError(f"Redmine has no comments on a {ref.kind}.", hint="Only issues have comments.")
        row = await self._tasks.row(ref, ref.id, _WITH)
        start = since.astimezone(UTC) - _SECOND if since is not None else None
        return tuple(
            [
                await self._comment(ref, one)
                for one in row.journals
                if one.notes and not one.private_notes and (start is None or one.created_on > start)
            ]
        )

    async def _comment(self, ref: Ref, row: JournalRow) -> Comment:
        text, marker = markers.split(lines(row.notes))
        is_ours = marker is not None and marker.source == markers.CONVERSATION
        people = await self._names.accounts.names([row.user.id]) if row.user is not None else {}
        return Comment(
            id=str(row.id),
            author=people.get(row.user.id, "") if row.user is not None else "",
            text=(text if is_ours else lines(row.notes)) or "",
            created_at=row.created_on.astimezone(UTC),
            key=marker.id if is_ours and marker is not None else None,
            url=f"{self._config.base_url}/issues/{ref.id}#change-{row.id}",
        )

    # ---- parts

    async def _say(
        self,
        ref: Ref,
        task: str,
        text: object,
        marker: Marker,
        before_send: BeforeSend | None,
        *,
        login: str = "",
    ) -> tuple[JournalRow, IssueRow]:
        words = markers.join(text if isinstance(text, str) else None, marker)
        if len(words) > TEXT_MAX:
            raise RejectedError(f"A note of {len(words)} characters is too long.", hint="Shorten it.", field="body")
        body = {"issue": {"notes": words}}
        try:
            await self._api.write("PUT", f"issues/{task}.json", body, before_send=before_send, login=login)
        except NotFoundError as error:
            raise await self._api.gone(ref, error) from error
        row = await self._tasks.row(ref, task, _WITH)
        for journal in reversed(row.journals):
            if markers.split(lines(journal.notes))[1] == marker:
                return journal, row
        raise UnknownOutcome(
            f"The note on issue {task} was taken and is not shown.",
            hint="The account needs the right to add notes; Bridge looks again before it does anything else.",
        )

    async def _edit(self, ref: Ref, words: str, before_send: BeforeSend | None) -> None:
        _, journal = _ids(ref)
        body = {"journal": {"notes": words}}
        try:
            await self._api.write("PUT", f"journals/{journal}.json", body, before_send=before_send)
        except NotFoundError as error:
            raise await self._api.gone(ref, error) from error

    async def _news(
        self, container: str, tasks: list[str], held: dict[str, list[str]]
    ) -> tuple[list[Record], list[str]]:
        """The comments of these issues where they are not as ``held`` says, which is brought up to date; and lost ids."""
        records: list[Record] = []
        gone: list[str] = []
        for row in await self._rows(container, tasks):
            found = await self._records(container, row, row.journals)
            task = str(row.id)
            mark = [
                digest([(one.ref.id, one.version) for one in found]),
                *(one.ref.id.partition("/")[2] for one in found),
            ]
            before = held.pop(task, [])
            if found:
                held[task] = mark
            if before != mark:
                records += found
                gone += [f"{task}/{one}" for one in before[1:] if one not in mark[1:]]
        return records, gone

    async def _rows(self, container: str, tasks: Iterable[str]) -> list[IssueRow]:
        """These issues with their journals, without what is not shown any more."""

        async def one(task: str) -> IssueRow | None:
            ref = Ref(self._api.name, container, Kind.TASK.value, task)
            try:
                return await self._tasks.row(ref, task, _WITH)
            except (GoneError, NotFoundError, PermissionError_):
                return None

        return [row for row in await asyncio.gather(*map(one, tasks)) if row is not None]

    async def _records(self, container: str, row: IssueRow, journals: Iterable[JournalRow]) -> list[Record]:
        shown = [one for one in journals if one.notes and not one.private_notes]
        people = await self._names.accounts.names(one.user.id for one in shown if one.user is not None)
        made = (comment_record(self._api.name, container, row.id, one, self._config, people) for one in shown)
        return [record for record in made if record is not None]


def _stamp(row: IssueRow, now: datetime) -> str:
    """Until its second has passed, an issue may get a note that does not show in ``updated_on``."""
    return iso(row.updated_on) if now - row.updated_on > 2 * _SECOND else ""


def _ids(ref: Ref) -> tuple[str, str]:
    task, _, journal = ref.id.partition("/")
    return task, journal


def _in_turn(held: Mapping[str, object], turn: str, most: int, *, without: Collection[str]) -> list[str]:
    """The next issues after ``turn``, from the first again after the last."""
    known = sorted((one for one in held if one not in without), key=int)
    after = [one for one in known if turn and int(one) > int(turn)]
    return [*after, *(one for one in known if one not in after)][:most]


def _newest(held: Mapping[str, list[str]]) -> dict[str, list[str]]:
    """Those whose comments changed last: all of them would make a cursor of any length."""
    return dict(list(held.items())[-MOST_HELD:])
