"""The Redmine sandbox: who may come in, which handler answers. As Redmine 5.0.4 of Debian 12 was seen to behave.

There are no webhooks and no limits on requests. A person of the tests may come with a Bearer header and the user agent
``bridge-sandbox-person``; nobody else may.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from starlette.applications import Starlette
from starlette.routing import Route

from bridge.sandbox import redmine_issues as issues
from bridge.sandbox import redmine_rest as rest
from bridge.sandbox import redmine_rules as rules
from bridge.sandbox.clock import Clock, iso
from bridge.sandbox.exchange import Ask, Refused, Reply
from bridge.sandbox.faults import Fault, Faults
from bridge.sandbox.frame import Endpoint, decode, emit
from bridge.sandbox.journal import Journal
from bridge.sandbox.outgoing import Outgoing
from bridge.sandbox.redmine_seed import PROJECT, perform, sow, start

if TYPE_CHECKING:
    from starlette.types import Receive, Scope, Send

    from bridge.sandbox.redmine_store import Project, RedmineStore

JSON = {"content-type": "application/json; charset=utf-8"}


@dataclass(slots=True)
class RedmineSettings:
    """``auth_required``: unknown keys get 401 everywhere. ``derive_parents``: a parent's priority, dates and done ratio
    follow from its children, as by default.
    """

    auth_required: bool = False
    derive_parents: bool = True


class RedmineSandbox:
    """See ``exchange.Tracker``."""

    name = "redmine"

    def __init__(self, **settings: Any) -> None:
        self.settings = RedmineSettings(**settings)
        self.clock, self.journal, self.faults = Clock(), Journal(), Faults()
        self.outgoing = Outgoing("redmine")
        self.store: RedmineStore = start()
        self.app = Starlette(routes=_routes(self), exception_handlers={404: _not_found, 405: _not_found})

    def tokens(self) -> dict[str, str]:
        return {self.store.users[who].login: token for token, who in self.store.tokens.items()}

    def container(self) -> str:
        return PROJECT

    def seed(self, plan: dict[str, Any]) -> dict[str, Any]:
        return sow(self, plan)

    def act(self, deed: dict[str, Any]) -> dict[str, Any]:
        return perform(self, deed)

    def refuse(self, fault: Fault, ask: Ask) -> Reply:
        """Redmine limits nothing; a proxy before it may. Refusals have no body; ``moved`` is a proxy's redirect."""
        wait = {} if fault.retry_after is None else {"retry-after": str(fault.retry_after)}
        if fault.kind in ("rate_limited", "secondary_limited"):
            return Reply(429, None, wait)
        if fault.kind == "permission_lost":
            return Reply(fault.status or 403)
        if fault.kind == "moved":
            return Reply(404)
        del ask
        return Reply(fault.status or 500, {"error": fault.message} if fault.message else None, wait)

    # ---- what the handlers ask

    def now(self) -> float:
        return self.clock.now()

    def me(self, ask: Ask) -> int:
        """The id of who asks; 0 for anonymous."""
        return int(ask.who or 0)

    def is_admin(self, ask: Ask) -> bool:
        return bool(ask.who) and self.store.users[self.me(ask)].is_admin

    def roles(self, ask: Ask, project: int) -> list[str]:
        """An administrator has all roles everywhere."""
        if self.is_admin(ask):
            return list(rules.PERMISSIONS)
        return [role for who, role in self.store.projects[project].roles if who == self.me(ask) and ask.who]

    def may(self, ask: Ask, project: int, verb: str) -> bool:
        row = self.store.projects[project]
        if row.status == 9 or (row.status == 5 and verb != "view"):
            return False
        if verb == "view" and row.is_public:
            return True
        return any(verb in rules.PERMISSIONS[role] for role in self.roles(ask, project))

    def must(self, ask: Ask, project: int, verb: str) -> None:
        """403 for who is known, 401 for who is not."""
        if not self.may(ask, project, verb):
            rules.refuse(403 if ask.who else 401)

    def project(self, ask: Ask, name: str) -> Project:
        row = self.store.by_identifier(name)
        if row is None:
            rules.refuse(404)
        self.must(ask, row.id, "view")
        return row

    def note(self, ask: Ask, verb: str, kind: str, item: str, *, changed: bool = True) -> None:
        author = self.store.users[self.me(ask)].login
        self.journal.write(iso(self.clock.now()), author, verb, ask.request(), (kind, item), changed=changed)


def _routes(box: RedmineSandbox) -> list[Route]:
    project = "/projects/{project_id}"
    table: list[tuple[str, str, Any]] = [
        ("GET", "/issues.json", issues.listing),
        ("POST", "/issues.json", issues.create),
        ("GET", f"{project}/issues.json", issues.listing),
        ("POST", f"{project}/issues.json", issues.create),
        ("GET", "/issues/{issue_id}.json", issues.single),
        ("PUT PATCH", "/issues/{issue_id}.json", issues.update),
        ("DELETE", "/issues/{issue_id}.json", issues.delete),
        ("GET POST", "/issues/{issue_id}/relations.json", rest.relations),
        ("GET DELETE", "/relations/{relation_id}.json", rest.relation),
        ("PUT", "/journals/{journal_id}.json", rest.journal),
        ("GET", "/time_entries.json", rest.entries),
        ("POST", "/time_entries.json", rest.add_entry),
        ("GET", f"{project}/time_entries.json", rest.entries),
        ("POST", f"{project}/time_entries.json", rest.add_entry),
        ("GET PUT DELETE", "/time_entries/{entry_id}.json", rest.entry),
        ("GET", "/projects.json", rest.projects),
        ("GET", f"{project}/memberships.json", rest.memberships),
        ("GET", f"{project}/versions.json", rest.versions),
        ("GET", f"{project}/issue_categories.json", rest.categories),
        ("GET", "/projects/{project_id}.json", rest.project),
        ("GET", "/users.json", rest.users),
        ("GET", "/users/{user_id}.json", rest.user),
        ("GET", "/issue_statuses.json", rest.statuses),
        ("GET", "/trackers.json", rest.trackers),
        ("GET", "/enumerations/{name}.json", rest.enumeration),
        ("GET", "/custom_fields.json", rest.custom_fields),
    ]
    return [
        Route(path, Endpoint(box, handler, path, guard=guard, finish=finish), methods=methods.split())
        for methods, path, handler in table
    ]


async def _not_found(request: Any, _: Exception) -> Any:
    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        del scope, receive
        await emit(send, Reply(404, {"status": 404, "error": "Not Found"}, dict(JSON)))

    del request
    return answer


def guard(box: RedmineSandbox, ask: Ask) -> None:
    """Who asks, and the body. An unknown key is anonymous; a body of another type than JSON is no body."""
    if ">" in ask.raw_query or "<" in ask.raw_query:
        rules.refuse(400)
    ask.who = _who(box, ask)
    if box.settings.auth_required and not ask.who:
        rules.refuse(401)
    login = ask.headers.get("x-redmine-switch-user", "")
    if login and box.is_admin(ask):
        found = next((row.id for row in box.store.users.values() if row.login == login), None)
        if found is None:
            rules.refuse(412)
        ask.who = str(found)
    if not ask.raw or "json" not in ask.headers.get("content-type", ""):
        return
    try:
        ask.body = decode(ask.raw)
    except ValueError:
        raise Refused(Reply(400, {"status": 400, "error": "Bad Request"})) from None


def _who(box: RedmineSandbox, ask: Ask) -> str:
    key = ask.headers.get("x-redmine-api-key", "") or ask.query.get("key", "")
    scheme, _, given = ask.headers.get("authorization", "").partition(" ")
    if not key and scheme.lower() == "basic":
        try:
            key = base64.b64decode(given, validate=True).decode().partition(":")[0]
        except (binascii.Error, UnicodeDecodeError):
            key = ""
    if not key and scheme == "Bearer" and ask.headers.get("user-agent") == "bridge-sandbox-person":
        key = given
    return str(box.store.tokens.get(key, ""))


def finish(box: RedmineSandbox, ask: Ask, reply: Reply) -> Reply:
    """ETags on what was read: 304 when it is the same still."""
    del box
    if ask.method != "GET" or reply.status != 200 or reply.content is None:
        return reply
    body = reply.payload()
    etag = f'W/"{hashlib.md5(body, usedforsecurity=False).hexdigest()}"'
    headers = {**reply.headers, "etag": etag, "cache-control": "max-age=0, private, must-revalidate"}
    if ask.headers.get("if-none-match") == etag:
        return Reply(304, None, headers)
    return Reply(200, body, headers)
