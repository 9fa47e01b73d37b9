"""Requests to Redmine: the key, what a refusal means, and whether an empty list may be believed.

Refuses: records, names.

Redmine answers 401, 403 and 404 without a body, so the address tells what they are about. A wrong key is anonymous: in
a private project that is a 401, in a public one a shorter list; so there ``is_known`` is asked first.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final
from urllib.parse import quote, unquote, urlsplit

import msgspec

from bridge.errors import (
    AuthError,
    ContainerError,
    GoneError,
    NotFoundError,
    PermissionError_,
    RejectedError,
    StaleWrite,
    TrackerError,
)
from bridge.model import Ref
from connectors.account import client
from connectors.base import BeforeSend
from connectors.http import Transport
from connectors.pace import Retry, utc_now
from connectors.redmine_config import RedmineConfig
from connectors.status import Response, decode, described, shown

KEY_HINT: Final = "Give this connection the API key of an account: My account, API access key."
_PROJECT: Final = re.compile(r"/projects/([^/]+?)(?:/[^/]+)?\.json$")
_WORDS: Final = {
    "Subject": "title",
    "Description": "description",
    "Status": "status",
    "Priority": "priority",
    "Tracker": "type",
    "Assignee": "assignee",
    "Category": "category",
    "Target version": "milestone",
    "Parent task": "parent",
    "Start date": "start_on",
    "Due date": "due_on",
    "Estimated time": "estimate",
    "% Done": "done_ratio",
    "Related issue": "blocks",
    "Hours": "seconds",
    "Activity": "activity",
    "Comment": "note",
    "Date": "spent_on",
    "User": "person",
    "Issue": "task",
}


class _Me(msgspec.Struct):
    id: int
    login: str = ""
    admin: bool = False
    mail: str = ""


class _MeBox(msgspec.Struct):
    user: _Me


class _Refusal(msgspec.Struct):
    errors: list[str] = []


_ME: Final = msgspec.json.Decoder(_MeBox)
_REFUSAL: Final = msgspec.json.Decoder(_Refusal)


class RedmineApi:
    """One API key on one Redmine."""

    def __init__(self, name: str, config: RedmineConfig, *, transport: Transport | None, retry: Retry | None) -> None:
        self.name = name
        self.config = config
        token = config.token.get_secret_value() if config.token is not None else ""
        key = {"x-redmine-api-key": token} if token else {}
        self.http = client(name, config, key, self._refusal, transport=transport, retry=retry)
        self._me: _Me | None = None
        self._checked: datetime | None = None

    async def read(self, path: str, params: Mapping[str, str | int] | None = None) -> Response:
        return await self.http.request("GET", path, params=params)

    async def write(
        self, method: str, path: str, body: Any = None, *, before_send: BeforeSend | None = None, login: str = ""
    ) -> Response:
        """``login``: as this person, which only an administrator's key may."""
        headers = {"x-redmine-switch-user": login} if login else None
        return await self.http.request(method, path, json=body, headers=headers, before_send=before_send)

    async def me(self) -> _Me:
        """Who the key belongs to, asked once. Raises: AuthError."""
        if self._me is None:
            self._me = decode(await self.read("users/current.json"), _ME).user
            self._checked = utc_now()
        return self._me

    async def ensure_known(self) -> None:
        """Make sure that the key still is somebody's, so that a list is not read as anonymous. Raises: AuthError."""
        patience = timedelta(seconds=self.config.key_check_s)
        if self._checked is None or utc_now() - self._checked >= patience:
            self._me = None
            await self.me()

    async def is_there(self, container: str) -> bool:
        """Whether the project answers and shows its issues (S25)."""
        try:
            await self.read(f"{project_path(container)}/issues.json", {"limit": 1, "status_id": "*"})
            await self.ensure_known()
        except (ContainerError, NotFoundError, PermissionError_):
            return False
        return True

    async def gone(self, ref: Ref, error: NotFoundError) -> TrackerError:
        """What a 404 of one record is: evidence while the container answers, else its own error."""
        if await self.is_there(ref.container):
            return GoneError(
                f"{ref.key} is not there any more.", hint="It was deleted in Redmine.", status=404, url=error.url
            )
        return ContainerError(
            f"The project {ref.container} does not answer.",
            container=ref.container,
            reason="missing",
            hint="Check its identifier, and that the account is a member.",
            status=404,
        )

    def _refusal(self, response: Response, now: datetime) -> TrackerError | None:
        del now
        place: dict[str, Any] = {"status": response.status, "url": shown(response.url)}
        text = described(response)
        found = _PROJECT.search(urlsplit(response.url).path)
        container = unquote(found[1]) if found else ""
        match response.status:
            case 401:
                return AuthError(f"{text} The API key is missing, wrong or revoked.", hint=KEY_HINT, **place)
            case 403:
                return _forbidden(response, text, container, place)
            case 404 if container:
                hint = "A link's container is a project's identifier, as in its address."
                return ContainerError(text, container=container, reason="missing", hint=hint, **place)
            case 412:
                hint = "Only active accounts can be written for; check the people of the configuration."
                return RejectedError(f"{text} There is no such account to write as.", hint=hint, **place)
            case 422:
                return self._invalid(response, text, place)
        return None

    def _invalid(self, response: Response, text: str, place: Mapping[str, Any]) -> TrackerError:
        """Sentences in the server's language, without codes. An empty list is a stale ``lock_version``."""
        try:
            said = _REFUSAL.decode(response.content).errors
        except msgspec.MsgspecError:
            said = []
        if not said:
            return StaleWrite(f"{text} Somebody else changed it.", hint="Bridge reads it again.", **place)
        if response.url.endswith("/issues.json") and any(one.startswith("Project ") for one in said):
            hint = "Reopen the project, and let the account add issues in it."
            return ContainerError(text, reason="closed", hint=hint, **place)
        labels = self.config.labels_field
        if labels and any(one.startswith(f"{labels} ") for one in said):
            hint = (
                f"Add the value to the field: Administration, Custom fields, {labels}. Or map the label to one it has."
            )
            return RejectedError(text, field="labels", hint=hint, **place)
        fields = {self._blamed(one) for one in said}
        hint = "Redmine does not take this; correct the item or the mapping."
        if fields == {"activity"}:
            hint = "Set activity of this connection to one that the project has."
        if fields == {"person"}:
            hint = "Only administrators log time of others, and of members of the project only."
        return RejectedError(text, field=fields.pop() if len(fields) == 1 else "", hint=hint, **place)

    def _blamed(self, sentence: str) -> str:
        return next((field for words, field in _WORDS.items() if sentence.startswith(f"{words} ")), "")


def _forbidden(response: Response, text: str, container: str, place: Mapping[str, Any]) -> TrackerError:
    if response.url.endswith("/users/current.json"):
        hint = "Turn it on: Administration, Settings, API, Enable REST web service."
        return AuthError(f"{text} Redmine's REST API is turned off.", hint=hint, **place)
    if container:
        hint = "Make the account a member of the project with a role that sees issues; unarchive the project."
        return ContainerError(text, container=container, reason="permission", hint=hint, **place)
    hint = "Give the account a role that may do this in the project: Administration, Roles and permissions."
    return PermissionError_(text, hint=hint, **place)


def project_path(container: str) -> str:
    return f"projects/{quote(container, safe='')}"
