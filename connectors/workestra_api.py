"""Calls to Workestra's API: lists, single tasks and projects, writes; envelopes are taken off here.

Refuses: records and fields (connectors.workestra_wire), what a refusal means (connectors.workestra_errors). Serves one
account.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from urllib.parse import quote

import msgspec

from bridge.errors import ContainerError, GoneError, NotFoundError, RetryableError, TrackerError
from bridge.model import Ref
from connectors.account import bearer, seconds_apart
from connectors.base import BeforeSend
from connectors.http import Http, Timeouts, Transport
from connectors.pace import Pace, Retry
from connectors.status import Response, decode, shown
from connectors.workestra_config import WorkestraConfig
from connectors.workestra_errors import WRONG_PLACE, failure, no_tasks, refusal, unseen
from connectors.workestra_wire import Row, Wire

_ANY: Final = msgspec.json.Decoder(Any)


@dataclass(frozen=True, slots=True)
class Listing:
    """One page: ``rows`` as they came; ``count`` as the server says, None when it does not."""

    rows: tuple[Row, ...]
    count: int | None
    date: datetime | None


class Api:
    """Requests by one account. ``wire`` says what a task is."""

    def __init__(
        self, name: str, config: WorkestraConfig, wire: Wire, *, transport: Transport | None, retry: Retry | None
    ) -> None:
        self._path = config.tasks_path
        self._place = f"{config.base_url}{config.tasks_path}"
        self._wire = wire
        self.known: set[str] = set()
        """Projects of which tasks were listed since the start."""
        self._now = (retry or Retry()).now
        self.http = Http(
            name,
            config.base_url,
            {"accept": "application/json", **bearer(config.token)},
            pace=Pace(
                in_flight=config.concurrency,
                writes_in_flight=config.concurrency,
                interval_s=seconds_apart(config.requests_per_minute),
                write_interval_s=seconds_apart(config.writes_per_minute),
                reserve_percent=config.reserve_percent,
            ),
            retry=retry or Retry(first_wait_s=1.0),
            timeouts=Timeouts(read_s=config.timeout_s),
            ca_file=config.ca_file,
            classify=lambda answer, now: refusal(answer, now, config.tasks_path),
            transport=transport,
        )

    async def tasks(self, project: str, *, page: int, per_page: int, sort: str, order: str) -> Listing:
        """One page of a project's tasks.

        Raises: ContainerError when the project is not shown, and when what is listed are no tasks.
        """
        params: dict[str, str | int] = {
            "project_id": project,
            "page": page,
            "per_page": per_page,
            "sort": sort,
            "order": order,
        }
        listing = await self._listed(self._path, params)
        if not all(self._wire.is_task(row) for row in listing.rows):
            raise no_tasks(self._place, project)
        self.known.add(project)
        return listing

    async def projects(self, page: int) -> Listing:
        return await self._listed("/projects", {"page": page, "per_page": 100})

    async def project(self, project: str) -> Row | None:
        """The project; None when this account cannot see it, or it is in the trash."""
        answer = await self.http.request("GET", f"/projects/{quote(project, safe='')}", accept=(403, 404))
        if answer.status in (403, 404):
            return None
        try:
            row = self._object(answer)
        except (NotFoundError, ContainerError):
            return None
        return row if str(row.get("id")) == project and not self._wire.in_trash(row) else None

    async def task(self, ref: Ref) -> Row:
        """``GET /issues/{id}``.

        Raises: GoneError when it is in the trash, on another project, or 404 while its project answers (S25).
        """
        answer = await self.http.request("GET", f"{self._path}/{quote(ref.id, safe='')}", accept=(404,))
        url = shown(answer.url)
        if answer.status == 404:
            raise await self.missing(ref, url)
        try:
            row = self._object(answer)
        except NotFoundError as error:
            raise await self.missing(ref, url) from error
        if not self._wire.is_task(row):
            raise no_tasks(self._place, ref.container)
        if self._wire.in_trash(row):
            raise GoneError(
                f"The task {ref.id} is in Workestra's trash.", hint="It can be restored in the app.", url=url
            )
        if not self._wire.is_of(row, ref.container):
            place = str(row["project_id"])
            raise GoneError(f"The task {ref.id} was moved to the project {place}.", moved_to=place, url=url)
        return row

    async def missing(self, ref: Ref, url: str) -> TrackerError:
        """What a task's 404 means: gone while its project answers, else nothing about the task (S25)."""
        if await self.project(ref.container) is None:
            return unseen(ref.container, url)
        hint = "Its project answers, the task does not; it may be in the trash."
        return GoneError(f"The task {ref.id} was deleted in Workestra.", hint=hint, status=404, url=url)

    async def create(self, body: Mapping[str, Any], before_send: BeforeSend | None) -> Row | None:
        """POST; the new task, or None when the answer does not show it."""
        answer = await self.http.request("POST", self._path, json=body, before_send=before_send)
        return self._written(answer)

    async def change(self, ref: Ref, body: Mapping[str, Any], before_send: BeforeSend | None) -> Row:
        """PATCH; the task as it is now, read again where the answer does not show it."""
        answer = await self.http.request(
            "PATCH", f"{self._path}/{quote(ref.id, safe='')}", json=body, accept=(404,), before_send=before_send
        )
        if answer.status == 404:
            raise await self.missing(ref, shown(answer.url))
        return self._written(answer) or await self.task(ref)

    async def delete(self, ref: Ref, before_send: BeforeSend | None) -> None:
        """Into the trash. Raises: GoneError when it is there already."""
        answer = await self.http.request(
            "DELETE", f"{self._path}/{quote(ref.id, safe='')}", accept=(404,), before_send=before_send
        )
        if answer.status == 404:
            raise await self.missing(ref, shown(answer.url))
        if answer.content.strip():
            self._envelope(answer)

    def _written(self, answer: Response) -> Row | None:
        """The task in the answer to a write; None for an empty answer and for one that is something else."""
        if not answer.content.strip():
            return None
        row = self._object(answer)
        return row if self._wire.is_task(row) else None

    async def _listed(self, path: str, params: Mapping[str, str | int]) -> Listing:
        answer = await self.http.request("GET", path, params=params)
        said = self._envelope(answer)
        rows = said.get("data")
        if not isinstance(rows, list) or any(not isinstance(row, dict) for row in rows):
            raise RetryableError(
                f"{shown(answer.url)} answered with something that is no list.", hint=WRONG_PLACE, url=shown(answer.url)
            )
        count = said.get("count")
        return Listing(tuple(rows), count if isinstance(count, int) else None, answer.date)

    def _object(self, answer: Response) -> Row:
        """A single object, which one page shows bare and another in the envelope of lists."""
        said = self._envelope(answer)
        inner = said.get("data")
        return inner if "id" not in said and isinstance(inner, dict) else said

    def _envelope(self, answer: Response) -> Mapping[str, Any]:
        """Raises: the error that a 200 may hold (``error`` is not null)."""
        whole = decode(answer, _ANY)
        said: Mapping[str, Any] = whole if isinstance(whole, dict) else {}
        if said.get("error") and "id" not in said:
            raise failure(answer, str(said["error"]), self._now())
        return said
