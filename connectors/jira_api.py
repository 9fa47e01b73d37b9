"""Calls to one Jira site in one of its two dialects, with what an answer means there.

Refuses: records and fields (connectors.jira_wire), searches (connectors.jira_search). Serves one account.
"""

from __future__ import annotations

import base64
from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final
from urllib.parse import quote, urlencode

import msgspec

from bridge.errors import (
    AuthError,
    ContainerError,
    GoneError,
    NotFoundError,
    PermissionError_,
    RejectedError,
    TrackerError,
)
from connectors.account import bearer
from connectors.base import BeforeSend
from connectors.http import Http, Timeouts, Transport
from connectors.jira_config import JiraConfig
from connectors.jira_errors import LOGIN_HINT, is_anonymous, refusal, unseen
from connectors.pace import Pace, Retry
from connectors.status import Response, decode, described, shown


class Me(msgspec.Struct, rename="camel"):
    """The account that asks."""

    account_id: str = ""
    name: str = ""
    display_name: str = ""
    time_zone: str = ""
    email_address: str | None = None


class Project(msgspec.Struct, rename="camel"):
    id: str = ""
    key: str = ""
    name: str = ""
    archived: bool = False
    project_type_key: str = ""


ME: Final = msgspec.json.Decoder(Me)
PROJECT: Final = msgspec.json.Decoder(Project)


class JiraApi:
    """Requests of one account; ``is_cloud`` tells the dialect, ``person_key`` how it names people."""

    def __init__(
        self, name: str, config: JiraConfig, *, transport: Transport | None = None, retry: Retry | None = None
    ) -> None:
        self.name = name
        self.config = config
        self.is_cloud = config.is_cloud
        self.person_key = "accountId" if self.is_cloud else "name"
        self._root = f"rest/api/{3 if self.is_cloud else 2}/"
        self._me: Me | None = None
        self._projects: dict[str, Project] = {}
        self.http = Http(
            name,
            config.base_url,
            {"accept": "application/json", "x-atlassian-token": "no-check", **_credential(config)},
            pace=Pace(
                in_flight=config.concurrency,
                writes_in_flight=config.concurrency,
                write_interval_s=config.write_interval_s,
            ),
            retry=retry or Retry(first_wait_s=2.0, longest_wait_s=30.0),
            timeouts=Timeouts(read_s=config.timeout_s),
            ca_file=config.ca_file,
            classify=refusal,
            transport=transport,
        )

    async def read(
        self, path: str, query: Mapping[str, str | int | Sequence[int]] | None = None, *, accept: Collection[int] = ()
    ) -> Response:
        """One GET; a list in ``query`` is sent as a repeated parameter.

        Raises: AuthError also for a good answer that Jira gave to nobody in particular.
        """
        text = urlencode(query or {}, doseq=True)
        response = await self.http.request("GET", f"{self._root}{path}{'?' if text else ''}{text}", accept=accept)
        if is_anonymous(response):
            raise AuthError(
                f"{described(response)} Jira took the request for an anonymous one.",
                hint=LOGIN_HINT,
                status=response.status,
                url=shown(response.url),
            )
        return response

    async def ask(self, path: str, body: Any, query: Mapping[str, str | int] | None = None) -> Response:
        """A POST that only asks."""
        return await self.http.request("POST", self._root + path, params=query, json=body, reading=True)

    async def write(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        query: Mapping[str, str | int] | None = None,
        notifies: bool = False,
        idempotent: bool | None = None,
        accept: Collection[int] = (),
        before_send: BeforeSend | None = None,
    ) -> Response:
        """One change. ``notifies``: Jira would mail about it; where that is unwanted and the account may not say so, it
        is sent once more without the wish.
        """
        asked: dict[str, str | int] = dict(query or {})
        plain = dict(asked)
        if quiet := notifies and not self.config.notify_users:
            asked["notifyUsers"] = "false"
        for attempt in (asked, plain):
            try:
                return await self.http.request(
                    method,
                    self._root + path,
                    params=attempt or None,
                    json=body,
                    idempotent=idempotent,
                    accept=accept,
                    before_send=before_send,
                )
            except PermissionError_:
                if not quiet or attempt is plain:
                    raise
                quiet = False
        raise AssertionError

    async def me(self, *, fresh: bool = False) -> Me:
        """Who asks; kept."""
        if self._me is None or fresh:
            self._me = decode(await self.read("myself"), ME)
        return self._me

    async def is_me(self, user: Any) -> bool:
        """Whether a user object of an answer is the account that asks."""
        if not isinstance(user, dict):
            return False
        me = await self.me()
        ours = me.account_id if self.is_cloud else me.name
        return bool(ours) and user.get(self.person_key) == ours

    async def project(self, container: str) -> Project:
        """Raises: ContainerError when this account does not see it."""
        response = await self.read(f"project/{quote(container, safe='')}", accept=(403, 404))
        if response.status >= 400:
            reason = "permission" if response.status == 403 else "missing"
            raise unseen(container, status=response.status, url=shown(response.url), reason=reason)
        found = decode(response, PROJECT)
        self._projects[container] = found
        return found

    async def renamed(self, container: str, key: str) -> ContainerError | None:
        """Said of a project whose key was changed to ``key``: its issues have not moved, the configuration is old."""
        if (await self.project(container)).key != key:
            return None
        return ContainerError(
            f"The project {container} is called {key} now.",
            container=container,
            reason="moved",
            hint=f'Set the link\'s container to "{key}".',
        )

    async def is_desk(self, container: str) -> bool:
        """Whether the project is one of Service Management, whose comments can be internal."""
        known = self._projects.get(container)
        return (known or await self.project(container)).project_type_key == "service_desk"

    async def healthy(self, container: str) -> bool:
        try:
            return not (await self.project(container)).archived
        except ContainerError:
            return False

    async def missing(self, container: str, what: str, response: Response) -> TrackerError:
        """What a 404 means: gone while the project answers to this account, else nothing about the item (S25)."""
        place: dict[str, Any] = {"status": response.status, "url": shown(response.url)}
        if not await self.healthy(container):
            return unseen(container, **place)
        try:
            await self.me(fresh=True)
        except NotFoundError as error:
            return error
        hint = "Its project answers, it does not: it was deleted, or hidden by a security level."
        return GoneError(f"{described(response)} {what} is gone.", hint=hint, **place)


def translated(error: RejectedError, names: Mapping[str, str]) -> RejectedError:
    """The same refusal with our name of the field in place of Jira's id."""
    return RejectedError(
        error.message,
        hint=error.hint,
        status=error.status,
        url=error.url,
        field=names.get(error.field, "" if error.field.startswith("customfield_") else error.field),
    )


def _credential(config: JiraConfig) -> dict[str, str]:
    token = config.token.get_secret_value() if config.token is not None else ""
    if not token:
        return {}
    if config.email:
        return {"authorization": f"Basic {base64.b64encode(f'{config.email}:{token}'.encode()).decode()}"}
    return bearer(token)
