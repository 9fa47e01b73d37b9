"""The Jira sandbox: Cloud (REST v3) or Data Center (REST v2), by the setting ``dialect``; who may come in, and which handler answers.

Written from Atlassian's own documents (OpenAPI description of Cloud v3, pages on rate limits, eventual consistency and
webhooks) and, where these are silent, from what other clients' authors report; doubtful points are settings.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from starlette.applications import Starlette
from starlette.routing import Route

from bridge.sandbox import effects
from bridge.sandbox import jira_events as events
from bridge.sandbox import jira_issues as issues
from bridge.sandbox import jira_links as links
from bridge.sandbox import jira_rest as rest
from bridge.sandbox import jira_rules as rules
from bridge.sandbox import jira_search as search
from bridge.sandbox import jira_talk as talk
from bridge.sandbox import jira_time as times
from bridge.sandbox.clock import Clock, iso
from bridge.sandbox.exchange import Ask, Handler, Reply
from bridge.sandbox.faults import Fault, Faults
from bridge.sandbox.frame import Endpoint, emit
from bridge.sandbox.jira_gate import crowd, finish, guard, refusal
from bridge.sandbox.jira_seed import perform, sow, start
from bridge.sandbox.jira_shapes import Shaper
from bridge.sandbox.jira_store import Issue, JiraStore, Person
from bridge.sandbox.journal import Journal
from bridge.sandbox.outgoing import Outgoing

if TYPE_CHECKING:
    from starlette.types import Receive, Scope, Send


@dataclass(slots=True)
class JiraSettings:
    """Switches; the defaults are the strict or likely reading of the documents.

    dialect: "cloud" or "dc". context: path before /rest (DC). index_lag_s: searches see what is older. page_cap: rows of a
    Cloud page with more fields than id and key. search_max: DC's cap of maxResults. search_properties: DC's search takes
    ``properties`` (its documents do not say so). epoch_jql, utc_jql: time literals as epoch milliseconds, with " UTC". missing_keys: "refuse" or "ignore"
    issues in JQL that are not there. flow: "hops" or "direct". done_screen, done_required: fields of the transitions to done.
    required: fields that a create must have. off_screen: not settable; hidden: missing. renamed: status names by name.
    time_tracking: is on. closed_editable: done issues can be edited. worklog_hold_s: how long the feeds hold entries back;
    worklog_page: their page. deletion_touches, far_side_touches: whether deleting a comment or worklog, and a link seen from
    its target, move ``updated``. notify: "refuse" notifyUsers=false without admin rights, or "ignore" it. anonymous_trap: bad
    Cloud credentials are nobody's instead of 401. repeating_token: the second page's token comes for ever. issue_writes:
    writes to one issue in 2 s (Cloud: 20; 0: no limit). burst: requests a second, method and route (0: no limit).
    """

    dialect: str = "cloud"
    context: str = ""
    index_lag_s: float = 0.0
    page_cap: int = 100
    search_max: int = 1000
    search_properties: bool = False
    epoch_jql: bool = True
    utc_jql: bool = False
    missing_keys: str = "refuse"
    flow: str = "hops"
    done_screen: str = "resolution"
    done_required: str = ""
    required: str = ""
    off_screen: str = ""
    hidden: str = ""
    renamed: dict[str, str] = field(default_factory=dict)
    time_tracking: bool = True
    closed_editable: bool = True
    worklog_hold_s: float = 60.0
    worklog_page: int = 1000
    inline_comments: int = 100
    deletion_touches: bool = True
    far_side_touches: bool = False
    notify: str = "refuse"
    anonymous_trap: bool = True
    strict_members: bool = True
    repeating_token: bool = False
    issue_writes: int = 0
    burst: int = 0


class JiraSandbox:
    """See ``exchange.Tracker``."""

    def __init__(self, **settings: Any) -> None:
        self.settings = JiraSettings(**settings)
        if self.settings.dialect not in ("cloud", "dc"):
            raise ValueError(f"dialect is cloud or dc, not {self.settings.dialect!r}")
        self.is_cloud = self.settings.dialect == "cloud"
        self.name = "jira" if self.is_cloud else "jira-dc"
        self.api = "/rest/api/3" if self.is_cloud else "/rest/api/2"
        self.clock, self.journal, self.faults = Clock(), Journal(), Faults()
        self.outgoing = Outgoing(self.name)
        self.store: JiraStore = start()
        self.marks: dict[int, tuple[float, str, Issue]] = {}
        self.recent: dict[str, deque[float]] = {}
        self.app = _Entry(self)

    def tokens(self) -> dict[str, str]:
        return {name: token for token, name in self.store.tokens.items()}

    def container(self) -> str:
        return next(iter(self.store.projects.values())).key

    def seed(self, plan: dict[str, Any]) -> dict[str, Any]:
        return sow(self, plan)

    def act(self, deed: dict[str, Any]) -> dict[str, Any]:
        return perform(self, deed)

    def refuse(self, fault: Fault, ask: Ask) -> Reply:
        return refusal(self, fault, ask)

    # ---- what the handlers ask

    def now_ms(self) -> int:
        return round(self.clock.now() * 1000)

    def shaper(self, ask: Ask) -> Shaper:
        return Shaper(self, ask)

    def person(self, given: str) -> Person | None:
        """By accountId on Cloud, by name or key on Data Center."""
        rows = self.store.people.values()
        if self.is_cloud:
            return next((row for row in rows if row.account == given), None)
        return next((row for row in rows if given.casefold() in (row.name, row.key.casefold())), None)

    def can(self, who: str, project: str, right: str) -> bool:
        return right in self.store.projects[project].rights.get(who, ())

    def may(self, ask: Ask, issue: Issue, right: str) -> None:
        """Refuse with 403 unless the person has this permission in the issue's project."""
        if not self.can(ask.who, issue.project, right):
            rules.refuse(403, f"You do not have the permission {right} for this issue.")

    def may_change(self, issue: Issue) -> None:
        """Refuse when issues of this status cannot be edited."""
        if issue.resolved is not None and not self.settings.closed_editable:
            rules.refuse(400, "You can not edit the issue as it is not editable in its current workflow status.")

    def issue(self, ask: Ask) -> Issue:
        """The issue of the path, by id, key or former key.

        Raises: Refused with 404 when there is none or the person may not see it, 429 for too many writes to it.
        """
        issue = self.store.find(ask.params["issue"])
        if issue is None or not self.can(ask.who, issue.project, "BROWSE_PROJECTS"):
            rules.refuse(404, rules.UNSEEN)
        if ask.method != "GET" and self.settings.issue_writes:
            crowd(self, f"issue {issue.id}", self.settings.issue_writes, 2.0, "jira-per-issue-on-write")
        return issue

    def save(self, ask: Ask, before: Issue | None, after: Issue, *, verb: str) -> Issue:
        """Store, date, log and announce an issue. A write of nothing, or of properties alone, leaves ``updated`` alone."""
        now = self.clock.now()
        said = None if before is None else before.description
        effects.note(self.journal, ask.who, after.key, effects.on_jira, after=after.description, before=said)
        if before is None:
            self.store.put(after, now)
            self.note(ask, verb, "issue", str(after.id))
            events.issue(self, ask, "jira:issue_created", after, name="issue_created")
            return after
        if replace(after, properties=before.properties) != before:
            after = replace(after, updated=self.now_ms())
        changed = after != before
        if changed:
            self.store.put(after, now)
        self.note(ask, verb, "issue", str(after.id), changed=changed)
        if changed and (items := events.record(self, ask, before, after)):
            fields = {item["field"] for item in items}
            name = (
                "issue_assigned"
                if fields == {"assignee"}
                else "issue_generic"
                if "status" in fields
                else "issue_updated"
            )
            events.issue(self, ask, "jira:issue_updated", after, name=name, items=items)
        return after

    def touch(self, ask: Ask, issue: Issue) -> None:
        """Move ``updated``, as a comment or link does."""
        held = self.store.issues[issue.id]
        self.store.put(replace(held, updated=self.now_ms()), self.clock.now())
        events.issue(self, ask, "jira:issue_updated", held, name="issue_commented")

    def note(self, ask: Ask, verb: str, kind: str, item: str, *, changed: bool = True) -> None:
        at = iso(self.clock.now())
        self.journal.write(at, ask.who, verb, ask.request(), (kind, item), changed=changed)


class _Entry:
    """The ASGI app: the routes, and Jira's 404 for every other path."""

    def __init__(self, box: JiraSandbox) -> None:
        self._box = box
        self._routes = Starlette(routes=routes(box), exception_handlers={404: _not_found, 405: _not_allowed})

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._routes(scope, receive, send)


async def _not_found(request: Any, _: Exception) -> Any:
    return _Plain(404, {"errorMessages": ["null for uri: " + request.url.path], "errors": {}})


async def _not_allowed(*_: Any) -> Any:
    return _Plain(405, {"errorMessages": ["Method Not Allowed"], "errors": {}})


class _Plain:
    """An ASGI answer of JSON."""

    def __init__(self, status: int, content: Any) -> None:
        self._reply = Reply(status, content)

    async def __call__(self, _: Scope, __: Receive, send: Send) -> None:
        await emit(send, self._reply)


def routes(box: JiraSandbox) -> list[Route]:
    """Every path below the API's root, on Cloud also below /ex/jira/ID, on Data Center below the context path."""
    hooks = "/rest/webhooks/1.0/webhook" if box.is_cloud else "/rest/jira-webhook/1.0/webhooks"
    table = [
        (methods, root + path, handler)
        for root in (box.api, "/rest/api/latest")
        for methods, path, handler in ROUTES + (CLOUD if box.is_cloud else SERVER)
    ]
    table += [("GET POST", hooks, rest.hooks), ("GET DELETE", f"{hooks}/{{hook}}", rest.hook)]
    prefixes = ["", "/ex/jira/{cloud}"] if box.is_cloud else [box.settings.context]
    return [
        Route(prefix + path, Endpoint(box, handler, path, guard=guard, finish=finish), methods=methods.split())
        for prefix in prefixes
        for methods, path, handler in table
    ]


ISSUE, PROJECT = "/issue/{issue}", "/project/{project}"
COMMENT, WORKLOG = f"{ISSUE}/comment/{{comment}}", f"{ISSUE}/worklog/{{worklog}}"
ROUTES: tuple[tuple[str, str, Handler], ...] = (
    ("GET", "/serverInfo", rest.server_info),
    ("GET", "/myself", rest.myself),
    ("GET", "/mypermissions", rest.my_permissions),
    ("GET", "/configuration", rest.configuration),
    ("GET", "/configuration/timetracking/options", rest.tracking_options),
    ("GET", "/field", rest.fields),
    ("GET", "/status", rest.statuses),
    ("GET", "/priority", rest.priorities),
    ("GET", "/resolution", rest.resolutions),
    ("GET", "/issuetype", rest.types),
    ("GET", "/user", rest.user),
    ("GET", "/user/search", rest.users),
    ("GET", "/user/assignable/search", rest.assignable),
    ("POST", "/issue", issues.create),
    ("POST", "/issue/bulk", issues.create_many),
    ("GET", "/issue/createmeta/{project}/issuetypes", rest.create_types),
    ("GET", "/issue/createmeta/{project}/issuetypes/{type}", rest.create_fields),
    ("GET", ISSUE, issues.get),
    ("PUT", ISSUE, issues.edit),
    ("DELETE", ISSUE, issues.delete),
    ("GET", f"{ISSUE}/editmeta", issues.editmeta),
    ("PUT", f"{ISSUE}/assignee", issues.assign),
    ("GET POST", f"{ISSUE}/transitions", issues.transitions),
    ("GET", f"{ISSUE}/properties", links.of_issue),
    ("GET PUT DELETE", f"{ISSUE}/properties/{{key}}", links.of_issue),
    ("GET POST DELETE", f"{ISSUE}/remotelink", links.remotes),
    ("GET PUT DELETE", f"{ISSUE}/remotelink/{{remote}}", links.one_remote),
    ("GET", "/issueLinkType", links.link_types),
    ("POST", "/issueLink", links.link),
    ("GET DELETE", "/issueLink/{link}", links.one_link),
    ("GET POST", f"{ISSUE}/comment", talk.of_issue),
    ("GET PUT DELETE", COMMENT, talk.one),
    ("GET", "/comment/{comment}/properties", talk.properties),
    ("GET PUT DELETE", "/comment/{comment}/properties/{key}", talk.properties),
    ("GET POST", f"{ISSUE}/worklog", times.of_issue),
    ("GET PUT DELETE", WORKLOG, times.one),
    ("GET", f"{WORKLOG}/properties", times.properties),
    ("GET PUT DELETE", f"{WORKLOG}/properties/{{key}}", times.properties),
    ("GET", "/worklog/updated", times.updated),
    ("GET", "/worklog/deleted", times.deleted),
    ("POST", "/worklog/list", times.by_ids),
)
CLOUD: tuple[tuple[str, str, Handler], ...] = (
    ("GET", "/project/search", rest.project_search),
    ("GET", PROJECT, rest.project),
    ("GET", f"{PROJECT}/statuses", rest.project_statuses),
    ("GET POST", "/search/jql", search.by_token),
    ("POST", "/search/approximate-count", search.count),
    ("POST", "/issue/bulkfetch", search.bulk),
    ("GET", f"{ISSUE}/changelog", issues.changelog),
    ("POST", "/comment/list", talk.by_ids),
    ("GET", "/label", rest.labels),
)
SERVER: tuple[tuple[str, str, Handler], ...] = (
    ("GET", "/project", rest.projects),
    ("GET", PROJECT, rest.project),
    ("GET", f"{PROJECT}/statuses", rest.project_statuses),
    ("GET POST", "/search", search.by_offset),
)
