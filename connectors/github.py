"""GitHub Issues: issues as tasks, labels, comments, and time by convention. REST, api.github.com and GitHub Enterprise Server.

Refuses: HTTP rules (connectors.http), what GitHub means by a status (connectors.github_api), JSON (connectors.github_wire).

Not read by the change feed, so seen by a full listing only: a renamed label, milestone or type on issues that nobody
touched since.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final
from urllib.parse import quote, urlsplit

from msgspec import structs

from bridge.errors import ContainerError, NotFoundError, RejectedError
from bridge.model import Fields, Kind, Marker, Record, Ref, Schema
from connectors import cursors
from connectors.base import Capabilities, Comments, Delivery, Directory, Finding, Page, Plugin, Queries, Step, Usage
from connectors.github_api import GithubApi
from connectors.github_check import check as live_check
from connectors.github_comments import GithubComments
from connectors.github_config import GithubConfig
from connectors.github_feed import Cursor, GithubFeed
from connectors.github_hooks import verify as verified
from connectors.github_parts import KINDS as PARTS
from connectors.github_parts import GithubParts, parts_schema
from connectors.github_people import Assignees
from connectors.github_queries import Labelled
from connectors.github_relations import RELATIONS, GithubRelations, relation_steps
from connectors.github_wire import (
    BODY_LIMIT,
    ISSUE,
    LABEL,
    MARKER_ROOM,
    Label,
    issue_record,
    issue_schema,
    label_record,
    label_schema,
)
from connectors.github_write import create_issue, create_label, tail_of, update_issue, update_label
from connectors.http import is_loopback
from connectors.status import decode

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Collection, Mapping

    from connectors.base import BeforeSend, Connector
    from connectors.http import Transport
    from connectors.pace import Retry

_TASK: Final = Kind.TASK.value
_LABEL: Final = Kind.LABEL.value
_COMMENT: Final = Kind.COMMENT.value
_TIME_ENTRY: Final = Kind.TIME_ENTRY.value
_NO_TIME: Final = 'GitHub has no time tracking; spend_comments = true takes comments like "/spend 1h30m" for entries.'


class Github:
    """One account on one GitHub. Containers are repositories, ``owner/repo``."""

    def __init__(
        self,
        name: str,
        config: GithubConfig,
        *,
        transport: Transport | None = None,
        retry: Retry | None = None,
    ) -> None:
        self.name = name
        self._config = config
        self._api = GithubApi(name, config, transport=transport, retry=retry)
        self.comments: Comments | None = GithubComments(self._api)
        self.directory: Directory | None = Assignees(self._api)
        self._feed = GithubFeed(self._api, name, per_page=config.page_size, overlap_s=config.overlap_s)
        self._parts = GithubParts(self._api, self._feed, name, config)
        self._relations = GithubRelations(self._api, self._feed, name)
        self.queries: Queries | None = Labelled(self._api, self._feed, self._relations)

    def kinds(self) -> Mapping[str, Capabilities]:
        lag = self._config.index_lag_s
        parts = {_COMMENT: Capabilities(delete=True, index_lag_s=lag)}
        if self._config.spend_comments:
            parts[_TIME_ENTRY] = Capabilities(delete=True, index_lag_s=lag)
        return parts | {
            _LABEL: Capabilities(
                delete=True,
                find=False,
                index_lag_s=lag,
                reasons={"find": "A label has no place for a marker; its name is its key."},
            ),
            _TASK: Capabilities(
                index_lag_s=lag,
                comments=True,
                comment_max=BODY_LIMIT - MARKER_ROOM,
                closes={"status": "closed:not_planned"},
                reasons={"delete": "GitHub's REST API cannot delete an issue; close it instead."}
                | ({} if self._config.spend_comments else {_TIME_ENTRY: _NO_TIME}),
            ),
        }

    async def check(
        self, container: str, kind: str, verbs: Collection[str], maps: Mapping[str, Collection[str]]
    ) -> list[Finding]:
        findings = await live_check(self._api, container, kind, verbs, maps)
        if (finding := _insecure(self._config)) is not None:
            findings.append(finding)
        return findings

    async def schema(self, container: str, kind: str, *, fields: frozenset[str]) -> Schema:  # noqa: ARG002 — no repository differs
        if kind in PARTS:
            return parts_schema(kind)
        return label_schema() if kind == _LABEL else issue_schema()

    async def pull(
        self, container: str, kind: str, cursor: str | None, *, fields: frozenset[str], sweep: bool
    ) -> AsyncIterator[Page]:
        """Issues by ``updated_at``, pull requests left out; or all labels. Of the fields of issues ``blocks`` costs
        requests of its own, and ``parent`` and ``blocks`` are what a sweep is for.
        """
        start = cursors.parsed(Cursor, cursor) or Cursor()
        if kind == _LABEL:
            pages = self._feed.labels(container, start, self.item_url(Ref(self.name, container, _LABEL, "")))
        elif kind in PARTS:
            pages = self._parts.pull(container, kind, start)
        else:
            pages = self._relations.pull(container, start, fields, sweep=sweep)
        async for page in pages:
            yield page

    async def fetch(self, ref: Ref, *, fields: frozenset[str]) -> Record:
        """One issue or label. NotFoundError also for a number that is a pull request."""
        if ref.kind in PARTS:
            return await self._parts.fetch(ref)
        response = await self._api.read(ref.container, tail_of(ref))
        if ref.kind == _LABEL:
            return _label(self, ref.container, decode(response, LABEL))
        issue = decode(response, ISSUE)
        if issue.pull_request is not None:
            raise NotFoundError(f"{ref.key} is a pull request, not an issue.", status=200, url=issue.html_url)
        return await self._relations.fetched(ref, issue, fields)

    def steps(self, kind: str, fields: Collection[str], *, creating: bool) -> tuple[Step, ...]:
        """One call for all fields but the relations, which are steps of their own; a new issue is open, so a status is a
        second step, free when it is ``open``.
        """
        names = frozenset(fields)
        if kind in PARTS:
            return (Step("create" if creating else "comment", names),)
        if kind == _LABEL:
            return (Step("create" if creating else "label", names),)
        related, names = relation_steps(names), names - set(RELATIONS)
        if not creating:
            return ((Step("issue", names),) if names or not related else ()) + related
        state = (Step("state", frozenset({"status"})),) if "status" in names else ()
        return (Step("create", names - {"status"}), *state, *related)

    async def create(
        self,
        container: str,
        kind: str,
        fields: Fields,
        marker: Marker,
        *,
        key: str,
        before_send: BeforeSend | None = None,
    ) -> Record:
        """The marker is in the create itself (S19); GitHub knows no idempotency key. A label that is there already is
        taken as made: its name is its key.
        """
        del key
        if kind in PARTS:
            return await self._parts.create(container, kind, fields, marker, before_send)
        if kind == _LABEL:
            return _label(self, container, await create_label(self._api, container, fields, before_send))
        made = await create_issue(self._api, container, fields, marker, before_send)
        return issue_record(self.name, container, made, accounts=self._api.accounts)

    async def update(
        self, ref: Ref, step: Step, changes: Fields, current: Record, *, before_send: BeforeSend | None = None
    ) -> Record:
        """One PATCH with the changed fields; the answer is what GitHub kept. GitHub drops labels, assignees and the
        like in silence when the account may not set them.
        """
        if ref.kind in PARTS:
            return await self._parts.update(ref, changes, current, before_send) if changes else current
        if ref.kind == _LABEL:
            return _label(self, ref.container, await update_label(self._api, ref, changes, before_send))
        if not changes or (step.name == "state" and changes.get("status") == current.fields.get("status")):
            return current
        if step.name in RELATIONS:
            return await self._relations.write(ref, step, changes, current, before_send)
        kept = await update_issue(self._api, ref, changes, current.marker, before_send)
        return issue_record(self.name, ref.container, kept, current.fields, self._api.accounts)

    async def delete(self, ref: Ref, *, before_send: BeforeSend | None = None) -> None:
        if ref.kind in PARTS:
            await self._parts.delete(ref, before_send)
            return
        if ref.kind != _LABEL:
            raise RejectedError(
                f"GitHub's REST API cannot delete the issue {ref.key}.", hint="Choose close or unlink for deletions."
            )
        await self._api.write("DELETE", ref.container, tail_of(ref), before_send=before_send)

    async def container_healthy(self, container: str) -> bool:
        """An archived repository still shows its issues."""
        try:
            repo = await self._api.repo(container)
        except ContainerError:
            return False
        return repo.has_issues and not repo.disabled

    async def find(
        self, container: str, kind: str, markers: Collection[Marker], since: str | None
    ) -> Mapping[Marker, Record]:
        """Walks the change list, not the search, whose index lags. A marker that was copied counts for the newest issue."""
        if kind == _LABEL:
            return {}
        if kind in PARTS:
            return await self._parts.find(container, kind, markers, cursors.parsed(Cursor, since) or Cursor())
        wanted, found = set(markers), dict[Marker, Record]()
        async for page in self._feed.issues(
            container, structs.replace(cursors.parsed(Cursor, since) or Cursor(), etag=None)
        ):
            for record in page.records:
                marker = record.marker
                if marker in wanted and (marker not in found or int(found[marker].ref.id) <= int(record.ref.id)):
                    found[marker] = record
        return found

    def verify(self, headers: Mapping[str, str], body: bytes) -> Delivery:
        return verified(headers, body, self._config.webhook_secret)

    def usage(self) -> Usage:
        return self._api.http.usage()

    def item_url(self, ref: Ref) -> str:
        base = self._config.base_url
        parts = urlsplit(base)
        if parts.hostname == "api.github.com":
            base = "https://github.com"
        place = quote(ref.container, safe="/")
        if ref.kind in PARTS:
            return ""  # its issue is not in its name; the record knows its address
        what = f"labels/{quote(ref.id, safe='')}" if ref.kind == _LABEL else f"issues/{quote(ref.id, safe='')}"
        return f"{base.removesuffix('/api/v3')}/{place}/{what}"

    async def aclose(self) -> None:
        await self._api.http.aclose()


def _label(github: Github, container: str, label: Label) -> Record:
    url = github.item_url(Ref(github.name, container, _LABEL, label.name))
    return label_record(github.name, container, label, url)


def _insecure(config: GithubConfig) -> Finding | None:
    if config.token is None:
        return Finding("warning", "No token is set: GitHub gives 60 requests an hour and no writes.", "Set token.")
    if urlsplit(config.base_url).scheme == "http" and not is_loopback(config.base_url):
        return Finding(
            "warning", f"{config.base_url} is not encrypted: the token can be read on the way.", "Use https."
        )
    return None


def connect(name: str, config: GithubConfig) -> Connector:
    """The connector of one connection. No I/O."""
    return Github(name, config)


PLUGIN: Final = Plugin(type="github", config=GithubConfig, connect=connect)
