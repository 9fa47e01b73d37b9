"""Calls to GitHub's REST API with what they mean there: limits, redirects, missing things, milestones by title.

Refuses: records and fields (connectors.github_wire). Serves one account.
"""

from __future__ import annotations

import asyncio
import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final, TypeVar
from urllib.parse import quote, urljoin, urlsplit

from bridge.errors import ConfigError, ContainerError, GoneError, RateLimited, RejectedError, TrackerError
from connectors.account import bearer
from connectors.github_errors import ISSUES_OFF, closed, refusal
from connectors.github_walk import Listed, Walk, whole
from connectors.github_wire import ISSUES, MILESTONES, REPOSITORY, Issue, Repository
from connectors.http import Http, Timeouts
from connectors.pace import Pace, Retry
from connectors.paginate import by_link
from connectors.status import Response, decode, described, limited_until, server_message, shown

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping

    import msgspec

    from connectors.base import BeforeSend
    from connectors.github_config import GithubConfig
    from connectors.http import Transport

R = TypeVar("R")

_MOVED: Final = frozenset({301, 302, 307, 308})
_BY_ID: Final = re.compile(r"/repositories/(\d+)(?=/|$)")
_BY_NAME: Final = re.compile(r"/repos/([^/]+/[^/]+)(?=/|$)")
_SECONDARY_S: Final = 60
_SECONDARY_FORGOTTEN: Final = timedelta(minutes=10)
_MILESTONES_FRESH_S: Final = 60


def repo_path(container: str) -> str:
    """``/repos/acme/app``. Raises: ConfigError when the container is not ``owner/repo``."""
    owner, slash, repo = container.partition("/")
    if not slash or not owner or not repo or "/" in repo:
        raise ConfigError(
            f"{container!r} is not a GitHub repository.", hint='Name it as "owner/repo", as in its web address.'
        )
    return f"/repos/{quote(owner, safe='')}/{quote(repo, safe='')}"


class GithubApi:
    """Requests below one repository (``container`` is ``owner/repo``) by one account."""

    def __init__(
        self,
        name: str,
        config: GithubConfig,
        *,
        transport: Transport | None = None,
        retry: Retry | None = None,
    ) -> None:
        headers = {"accept": "application/vnd.github+json"}
        if config.api_version:
            headers["x-github-api-version"] = config.api_version
        self.accounts = frozenset(login.lower() for login in config.marker_accounts)
        self._secondary = (0, datetime.min.replace(tzinfo=UTC))  # how often in a row, and until when
        self._milestones: dict[str, tuple[float, dict[str, int]]] = {}
        self.http = Http(
            name,
            config.base_url,
            {**headers, **bearer(config.token)},
            user_agent=config.user_agent,
            pace=Pace(
                in_flight=config.concurrency,
                writes_in_flight=config.concurrent_writes,
                write_interval_s=config.write_interval_s,
                reserve_percent=config.reserve_percent,
            ),
            retry=retry,
            timeouts=Timeouts(read_s=config.timeout_s),
            ca_file=config.ca_file,
            classify=self._classify,
            transport=transport,
        )

    def listing(
        self, container: str, tail: str, params: Mapping[str, str | int], etag: str | None = None
    ) -> AsyncIterator[Response]:
        """The pages of a list, each named by the Link of the one before."""
        return by_link(self.http, repo_path(container) + tail, params=params, etag=etag)

    async def whole(
        self,
        container: str,
        tail: str,
        params: Mapping[str, str | int],
        decoder: msgspec.json.Decoder[list[R]],
        key: Callable[[R], Any],
        etag: str | None = None,
    ) -> Listed[R]:
        """A whole list without times, as one; see ``connectors.github_walk`` for what that promises."""
        return await whole(self.http, repo_path(container) + tail, params, decoder=decoder, key=key, etag=etag)

    def changes(self, container: str, per_page: int, *, labels: str = "", creator: str = "") -> Walk[Issue]:
        """The issues and pull requests of a repository, oldest change first; with all of these ``labels``, of this
        ``creator``, if any.
        """
        params: dict[str, str | int] = {"state": "all", "sort": "updated", "direction": "asc", "per_page": per_page}
        params |= {name: value for name, value in (("labels", labels), ("creator", creator)) if value}
        return Walk(self.http, f"{repo_path(container)}/issues", params, ISSUES)

    async def repo(self, container: str) -> Repository:
        """The repository under its name of today. Raises: ContainerError when this account cannot see it."""
        response = await self.http.request("GET", repo_path(container), follow=True)
        return decode(response, REPOSITORY)

    async def read_optional(self, container: str, tail: str) -> Response | None:
        """Something that need not be there at all; None for 404."""
        response = await self.http.request("GET", repo_path(container) + tail, follow=True, accept=(404,))
        return None if response.status == 404 else response

    async def read(self, container: str, tail: str) -> Response:
        """One thing of a repository.

        Raises: GoneError when it was deleted or moved to another repository; ContainerError when the repository itself
        cannot be seen or has no issues, so that nothing is proved (S25).
        """
        response = await self._sent("GET", container, tail)
        if response.status in (404, 410):
            raise await self._missing(container, response)
        return response

    async def write(
        self,
        method: str,
        container: str,
        tail: str,
        body: Any = None,
        *,
        before_send: BeforeSend | None = None,
    ) -> Response:
        """Change one thing of a repository. Raises as ``read``; ContainerError when it can be read only."""
        response = await self._sent(method, container, tail, body, before_send=before_send)
        if response.status == 410:
            raise await self._missing(container, response)
        if response.status == 404:
            await self.read(container, tail)  # GitHub says 404 for "may not" as well
            raise ContainerError(
                f"{described(response)} It can be read, but not changed.",
                container=container,
                reason="permission",
                hint="Give the token the permission Issues: read and write (classic: the scope repo).",
                status=404,
                url=shown(response.url),
            )
        return response

    async def create(
        self,
        container: str,
        tail: str,
        body: Any,
        *,
        idempotent: bool = False,
        before_send: BeforeSend | None = None,
    ) -> Response:
        """Add to a list of a repository, also where the repository has been renamed (307).

        Raises: ContainerError when it cannot be added to, or has moved where a write may not follow (301).
        """
        response = await self.http.request(
            "POST",
            repo_path(container) + tail,
            json=body,
            follow=True,
            idempotent=idempotent or None,
            before_send=before_send,
        )
        if response.status in _MOVED:
            raise ContainerError(
                f"{container} has moved to {shown(urljoin(response.url, response.headers.get('location', '')))}.",
                container=container,
                reason="moved",
                hint="Set the link's container to the repository's new name.",
                status=response.status,
                url=shown(response.url),
            )
        return response

    async def milestone(self, container: str, title: str) -> int:
        """The number of the milestone with this title, open or closed. The list is kept for a minute.

        Raises: RejectedError when there is none.
        """
        now = asyncio.get_running_loop().time()
        read_at, numbers = self._milestones.get(container, (-1e9, {}))
        if title not in numbers and now - read_at > _MILESTONES_FRESH_S:
            params: dict[str, str | int] = {"state": "all", "per_page": 100}
            listed = await self.whole(container, "/milestones", params, MILESTONES, lambda row: row.number)
            numbers = {milestone.title: milestone.number for milestone in listed.rows}
            self._milestones[container] = (now, numbers)
        if title not in numbers:
            raise RejectedError(
                f"{container} has no milestone {title!r}.",
                hint="Create it on GitHub, or map this value to one that exists.",
                field="milestone",
            )
        return numbers[title]

    def forget_milestones(self, container: str) -> None:
        """Read them again next time: a number was refused."""
        self._milestones.pop(container, None)

    async def _sent(
        self, method: str, container: str, tail: str, body: Any = None, *, before_send: BeforeSend | None = None
    ) -> Response:
        """Send; repeat at the new place when the repository was renamed, not when the thing went to another one."""
        url, accept = repo_path(container) + tail, (404, 410)
        response = await self.http.request(method, url, json=body, accept=accept, before_send=before_send)
        if response.status not in _MOVED:
            return response
        target = urljoin(response.url, response.headers.get("location", ""))
        if not await self._is_within(container, target):
            raise GoneError(
                f"{container}{tail} has moved to {shown(target)}.",
                moved_to=shown(target),
                hint="It was transferred to another repository; Bridge stops syncing it here.",
                status=response.status,
                url=shown(response.url),
            )
        return await self.http.request(method, target, json=body, accept=accept, before_send=before_send)

    async def _is_within(self, container: str, target: str) -> bool:
        repo = await self.repo(container)
        path = urlsplit(target).path
        if by_id := _BY_ID.search(path):
            return int(by_id[1]) == repo.id
        by_name = _BY_NAME.search(path)
        return by_name is not None and by_name[1].lower() in {container.lower(), repo.full_name.lower()}

    async def _missing(self, container: str, response: Response) -> TrackerError:
        """404 and 410 told apart by what the repository itself says (S25): unseen, without issues, or neither."""
        place: dict[str, Any] = {"status": response.status, "url": shown(response.url)}
        try:
            repo = await self.repo(container)
        except ContainerError as unseen:
            return ContainerError(
                f"{described(response)} The repository {container} cannot be seen either.",
                container=container,
                reason=unseen.reason,
                hint="Check its name and that the token's account may read it.",
                **place,
            )
        if response.status == 410 and not repo.has_issues:
            return closed(response, ISSUES_OFF)
        return GoneError(f"{described(response)} It was deleted.", hint="Bridge stops syncing it.", **place)

    def _classify(self, response: Response, now: datetime) -> TrackerError | None:
        """GitHub's own meanings; waits in the order of its documentation: Retry-After, the primary limit's reset, then
        a minute and twice as long each further time for the secondary limits.
        """
        if response.status in (403, 429):
            said = server_message(response.content).lower()
            until = limited_until(response, now)
            if until is None and (response.status == 429 or "secondary rate limit" in said or "abuse" in said):
                until = self._secondary_until(now)
            if until is not None:
                place: dict[str, Any] = {"status": response.status, "url": shown(response.url)}
                hint = f"Bridge goes on at {until:%Y-%m-%d %H:%M:%SZ}."
                return RateLimited(described(response), until=until, hint=hint, **place)
        return refusal(response)

    def _secondary_until(self, now: datetime) -> datetime:
        """A minute from now, and twice as long each time that follows within ten minutes of the last wait's end."""
        times, ended = self._secondary
        times = times + 1 if now - ended < _SECONDARY_FORGOTTEN else 1
        until = now + timedelta(seconds=_SECONDARY_S * 2 ** min(times - 1, 6))
        self._secondary = (times, until)
        return until
