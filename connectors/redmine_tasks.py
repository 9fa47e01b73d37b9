"""Issues as tasks: lists, single ones, and the calls that change them.

Refuses: comments and time.

A PUT answers 204 whatever it dropped: a status that the workflow forbids, a closed status while a child or a blocker is
open, a parent's dates that follow from its children. So the issue is read back (``read_back``), and the record says what
is held. An unchanged issue is never written: that would move its ``updated_on``.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Mapping
from typing import Final

from msgspec.structs import replace

from bridge.errors import GoneError, NotFoundError, PermissionError_, RejectedError
from bridge.model import Fields, Kind, Marker, Record, Ref
from connectors import cursors
from connectors.base import BeforeSend, Page, Step
from connectors.redmine_api import RedmineApi
from connectors.redmine_body import Bodies
from connectors.redmine_feed import Walk, start_of
from connectors.redmine_names import ISSUE as ISSUE_FIELDS
from connectors.redmine_names import Names
from connectors.redmine_wire import ISSUE, RELATIONS, IssueRow, blocked_by, issue_record
from connectors.status import decode
from connectors.versions import digest

_WITH: Final = {"include": "relations"}


def steps(fields: Collection[str], *, creating: bool) -> tuple[Step, ...]:
    """One call for all fields; a new issue has the workflow's first status; relations are calls of their own."""
    names = frozenset(fields)
    alone = {"blocks", "status"} if creating else {"blocks"}
    made = [Step("create" if creating else "issue", names - alone)] if creating or names - alone else []
    made += [Step(name, frozenset({name})) for name in ("status", "blocks") if name in alone & names]
    return tuple(made)


class Tasks:
    """The issues of all projects of one connection."""

    def __init__(self, api: RedmineApi, names: Names) -> None:
        self._api = api
        self._config = api.config
        self._names = names
        self._bodies = Bodies(names, api.config)

    async def pull(
        self, container: str, text: str | None, *, fields: frozenset[str], sweep: bool
    ) -> AsyncIterator[Page]:
        """A quiet project costs one request, and one for the key where the project is public."""
        start = start_of(text)
        is_public = (await self._names.project(container, anew=True)).is_public if start is None else start.public
        if is_public:
            await self._api.ensure_known()
        walk = Walk(self._api, container, start, relations="blocks" in fields)
        is_first, is_empty = True, True
        async for batch in walk.batches():
            is_empty = is_empty and not batch.rows
            records = await self._records(container, batch.rows)
            for row, record in records:
                walk.remember(row, _seen(record))
            news = tuple(record for _, record in records if walk.start.seen.get(record.ref.id) != _seen(record))
            swept: dict[str, Fields] | None = None
            old_sweep, new_sweep = walk.start.sweep, walk.start.sweep
            if batch.last and sweep and start is not None and "blocks" in fields:
                swept = await self._blocks(container)
                new_sweep = digest(sorted(swept.items(), key=lambda one: one[0]))
            is_same = swept is None or new_sweep == old_sweep
            cursor = replace(walk.next, public=is_public, sweep=new_sweep)
            yield Page(
                news,
                cursors.written(cursor),
                last=batch.last,
                quiet=is_first and batch.last and start is not None and not news and is_same,
                sweep=None if is_same else swept,
                sweep_default={} if is_same else {"blocks": ()},
                complete=batch.last and start is None and not is_empty,
            )
            is_first = False

    async def fetch(self, ref: Ref) -> Record:
        return (await self.read(ref, _WITH))[1]

    async def read(self, ref: Ref, params: Mapping[str, str | int]) -> tuple[IssueRow, Record]:
        """One issue of the project. Raises: GoneError also for one that moved to another project."""
        row = await self.row(ref, ref.id, params)
        [(_, record)] = await self._records(ref.container, [row], private=True)
        return row, record

    async def row(self, ref: Ref, number: str, params: Mapping[str, str | int]) -> IssueRow:
        """The issue of that number as Redmine shows it. ``ref`` is the record that it is read for."""
        try:
            row = decode(await self._api.read(f"issues/{number}.json", params), ISSUE).issue
            row.relations = row.relations or []  # left out when there are none
        except NotFoundError as error:
            raise await self._api.gone(ref, error) from error
        project = await self._names.project(ref.container)
        if row.project.id != project.id:
            where = f"{row.project.name}#{row.id}"
            raise GoneError(f"{ref.key} was moved to the project {row.project.name}.", moved_to=where)
        if row.is_private and not self._config.private_issues:
            raise PermissionError_(
                f"{ref.key} is a private issue.", hint="Set private_issues for this connection to sync such issues."
            )
        return row

    async def create(self, container: str, fields: Fields, marker: Marker, before_send: BeforeSend | None) -> Record:
        """One POST, marker included. Without a start date the issue has none: Redmine itself would set today."""
        sent = {name: value for name, value in fields.items() if value not in (None, ()) or name == "start_on"}
        if self._config.tracker:
            sent.setdefault("type", self._config.tracker)
        project = await self._names.project(container)
        tracker = await self._bodies.tracker(
            container, sent.get("type"), project.trackers[0].id if project.trackers else None
        )
        body: dict[str, object] = {"project_id": project.id, "start_date": ""}
        body |= await self._bodies.body(container, sent, tracker, sent.get("description"), marker, creating=True)
        try:
            answer = await self._api.write("POST", "issues.json", {"issue": body}, before_send=before_send)
        except RejectedError:
            self._names.forget(container)
            raise
        row = decode(answer, ISSUE).issue
        row.relations = []
        [(_, record)] = await self._records(container, [row], private=True)
        return record

    async def update(
        self, ref: Ref, step: Step, changes: Fields, current: Record, before_send: BeforeSend | None
    ) -> Record:
        if step.name == "blocks":
            return await self._relate(ref, changes, current, before_send)
        if all(name in current.fields and current.fields[name] == value for name, value in changes.items()):
            return current
        tracker = await self._bodies.tracker(ref.container, changes.get("type", current.fields.get("type")), None)
        description = changes.get("description", current.fields.get("description"))
        body = await self._bodies.body(ref.container, changes, tracker, description, current.marker, creating=False)
        try:
            await self._api.write("PUT", f"issues/{ref.id}.json", {"issue": body}, before_send=before_send)
        except NotFoundError as error:
            raise await self._api.gone(ref, error) from error
        except RejectedError:
            self._names.forget(ref.container)
            raise
        return await self._held(ref, changes, current)

    async def delete(self, ref: Ref, before_send: BeforeSend | None) -> None:
        try:
            await self._api.write("DELETE", f"issues/{ref.id}.json", before_send=before_send)
        except NotFoundError as error:
            raise await self._api.gone(ref, error) from error

    async def find(self, container: str, wanted: Collection[Marker], since: str | None) -> Mapping[Marker, Record]:
        """Among what changed since the cursor. A marker that was copied counts for the newest issue."""
        start = start_of(since)
        found: dict[Marker, Record] = {}
        async for batch in Walk(self._api, container, start, relations=True).batches():
            for _, record in await self._records(container, batch.rows):
                marker = record.marker
                if marker is None or marker not in wanted:
                    continue
                if marker not in found or int(found[marker].ref.id) <= int(record.ref.id):
                    found[marker] = record
        return found

    # ---- parts

    async def _records(
        self, container: str, rows: Collection[IssueRow], *, private: bool = False
    ) -> list[tuple[IssueRow, Record]]:
        for row in rows:
            self._names.fields.learn(ISSUE_FIELDS, row.custom_fields, row.tracker.id)
        shown = [row for row in rows if private or not row.is_private or self._config.private_issues]
        people = await self._names.accounts.names(row.assigned_to.id for row in shown if row.assigned_to is not None)
        formats = self._names.fields.formats()
        return [(row, issue_record(self._api.name, container, row, self._config, people, formats)) for row in shown]

    async def _blocks(self, container: str) -> dict[str, Fields]:
        """What blocks what, by issue: the whole list, since relations move nothing."""
        found: dict[str, Fields] = {}
        async for batch in Walk(self._api, container, None, relations=True).batches():
            for row in batch.rows:
                if blocked := blocked_by(row.id, row.relations or []):
                    found[str(row.id)] = {"blocks": blocked}
        return found

    async def _held(self, ref: Ref, changes: Fields, current: Record) -> Record:
        if not self._config.read_back:
            return replace(current, fields={**current.fields, **changes})
        return (await self.read(ref, _WITH))[1]

    async def _relate(self, ref: Ref, changes: Fields, current: Record, before_send: BeforeSend | None) -> Record:
        """Add and remove relations ``blocks`` one by one, from what is there now; a second try does no harm."""
        value = changes.get("blocks")
        wanted = set(value) if isinstance(value, tuple) else set()
        place = f"issues/{ref.id}/relations.json"
        try:
            rows = decode(await self._api.read(place), RELATIONS).relations
        except NotFoundError as error:
            raise await self._api.gone(ref, error) from error
        have = {str(row.issue_to_id): row.id for row in rows if _blocks(row.relation_type, row.issue_id, ref)}
        for other in sorted(wanted - have.keys()):
            body = {"relation": {"issue_to_id": other, "relation_type": "blocks"}}
            await self._api.write("POST", place, body, before_send=before_send)
        for other in sorted(have.keys() - wanted):
            await self._api.write("DELETE", f"relations/{have[other]}.json", before_send=before_send)
        return replace(current, fields={**current.fields, "blocks": tuple(sorted(wanted))})


def _blocks(kind: str, source: int, ref: Ref) -> bool:
    return kind == "blocks" and str(source) == ref.id


def _seen(record: Record) -> str:
    """What a listing that brings it again is compared with: the record with its relations."""
    return digest(record.version, record.fields.get("blocks"))


KIND: Final = Kind.TASK.value
