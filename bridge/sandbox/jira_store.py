"""What the Jira sandbox remembers: people, projects, issues, comments, worklogs, links, and how issues were a while ago."""

from __future__ import annotations

from collections import deque
from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any

HISTORY = 50_000


@dataclass(frozen=True, slots=True)
class Person:
    """``name`` is the user name of Data Center and our own key for people; ``account`` is Cloud's accountId."""

    name: str
    key: str
    account: str
    display: str
    mail: str
    zone: str = "UTC"
    mail_hidden: bool = False
    active: bool = True
    roles: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Project:
    """``rights`` are permission keys by person's name; ``flow`` is added to the transition ids of its workflow."""

    id: str
    key: str
    name: str
    lead: str
    rights: dict[str, tuple[str, ...]]
    flow: int = 0
    kind: str = "software"
    former: tuple[str, ...] = ()
    next_number: int = 1
    components: tuple[str, ...] = ("api", "web")
    versions: tuple[str, ...] = ("1.0", "2.0")


@dataclass(frozen=True, slots=True)
class Issue:
    """Times are epoch milliseconds, durations seconds. ``description`` and textareas are ADF (Cloud) or wiki text (DC).

    ``custom`` holds raw values by field id, ``properties`` any JSON by key; ``keys`` are former keys; ``gone`` is a deleted one.
    """

    id: int
    key: str
    project: str
    type: str
    summary: str
    creator: str
    reporter: str
    created: int
    updated: int
    status: str
    description: Any = None
    environment: Any = None
    assignee: str | None = None
    priority: str | None = "3"
    resolution: str | None = None
    resolved: int | None = None
    labels: tuple[str, ...] = ()
    components: tuple[str, ...] = ()
    fix_versions: tuple[str, ...] = ()
    versions: tuple[str, ...] = ()
    due: str | None = None
    original: int | None = None
    remaining: int | None = None
    parent: int | None = None
    custom: dict[str, Any] = field(default_factory=dict)
    properties: dict[str, Any] = field(default_factory=dict)
    keys: tuple[str, ...] = ()
    gone: bool = False


def altered(issue: Issue, members: dict[str, Any]) -> Issue:
    """The issue with members whose names are known at run time only."""
    return replace(issue, **members)


@dataclass(frozen=True, slots=True)
class Comment:
    """``visibility`` is {type, value} or None. ``editor`` wrote last."""

    id: int
    issue: int
    author: str
    editor: str
    body: Any
    created: int
    updated: int
    visibility: dict[str, str] | None = None
    properties: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Worklog:
    """``started`` is epoch milliseconds, ``seconds`` whole minutes."""

    id: int
    issue: int
    author: str
    editor: str
    started: int
    seconds: int
    created: int
    updated: int
    body: Any = None
    visibility: dict[str, str] | None = None
    properties: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Link:
    """``source`` does to ``target`` what the type's outward words say: source blocks target."""

    id: int
    type: str
    source: int
    target: int


@dataclass(frozen=True, slots=True)
class Remote:
    id: int
    issue: int
    global_id: str | None
    body: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Change:
    """One entry of an issue's changelog."""

    id: int
    issue: int
    author: str
    at: int
    items: tuple[dict[str, Any], ...]


@dataclass(frozen=True, slots=True)
class Past:
    """An issue as it was before a change at ``at`` (seconds); ``before`` is None for a new one. ``lists`` were answered by then."""

    at: float
    id: int
    before: Issue | None
    lists: int = 0


TABLES: dict[str, type] = {
    "people": Person,
    "projects": Project,
    "issues": Issue,
    "comments": Comment,
    "worklogs": Worklog,
    "links": Link,
    "remotes": Remote,
    "changes": Change,
}


@dataclass(slots=True)
class JiraStore:
    """The whole site. ``tokens`` are by token; ``hooks`` are webhooks registered over the API; ``gone_logs`` is [id, ms]."""

    people: dict[str, Person] = field(default_factory=dict)
    tokens: dict[str, str] = field(default_factory=dict)
    projects: dict[str, Project] = field(default_factory=dict)
    issues: dict[int, Issue] = field(default_factory=dict)
    comments: dict[int, Comment] = field(default_factory=dict)
    worklogs: dict[int, Worklog] = field(default_factory=dict)
    links: dict[int, Link] = field(default_factory=dict)
    remotes: dict[int, Remote] = field(default_factory=dict)
    changes: dict[int, Change] = field(default_factory=dict)
    gone_logs: list[list[int]] = field(default_factory=list)
    hooks: list[dict[str, Any]] = field(default_factory=list)
    link_types: list[list[str]] = field(default_factory=list)
    captcha: list[str] = field(default_factory=list)
    next_id: int = 10_000
    lists: int = 0
    by_key: dict[str, int] = field(default_factory=dict)
    below: dict[int, set[int]] = field(default_factory=dict)
    history: deque[Past] = field(default_factory=lambda: deque(maxlen=HISTORY))
    of_issue: dict[str, dict[int, list[int]]] = field(default_factory=dict)

    def new_id(self) -> int:
        self.next_id += 1
        return self.next_id

    def put(self, issue: Issue, at: float) -> Issue:
        """Store a new or changed issue and note what it was. A deleted one stays as gone."""
        self.history.append(Past(at, issue.id, self.issues.get(issue.id), self.lists))
        self.issues[issue.id] = issue
        self._index(issue)
        return issue

    def _index(self, issue: Issue) -> None:
        for key in (*issue.keys, issue.key):
            self.by_key[key.upper()] = issue.id
        if issue.parent is not None:
            self.below.setdefault(issue.parent, set()).add(issue.id)

    def find(self, id_or_key: str) -> Issue | None:
        """By numeric id, key or former key; None when deleted."""
        number = int(id_or_key) if id_or_key.isdigit() else self.by_key.get(id_or_key.upper())
        issue = self.issues.get(number) if number is not None else None
        return None if issue is None or issue.gone else issue

    def project(self, id_or_key: str) -> Project | None:
        wanted = id_or_key.upper()
        return self.projects.get(id_or_key) or next(
            (row for row in self.projects.values() if wanted in (row.key, row.name.upper(), *row.former)), None
        )

    def subtasks(self, issue: Issue) -> list[Issue]:
        rows = (self.issues[number] for number in sorted(self.below.get(issue.id, ())))
        return [row for row in rows if row.parent == issue.id and not row.gone]

    def attached(self, table: str, issue: int) -> list[Any]:
        """Comments, worklogs, remotes or changes of an issue, oldest first."""
        rows = getattr(self, table)
        return [rows[number] for number in self.of_issue.get(table, {}).get(issue, ()) if number in rows]

    def attach(self, table: str, row: Any) -> Any:
        rows = getattr(self, table)
        if row.id not in rows:
            self.of_issue.setdefault(table, {}).setdefault(row.issue, []).append(row.id)
        rows[row.id] = row
        return row

    def links_of(self, issue: int) -> list[Link]:
        return [link for link in self.links.values() if issue in (link.source, link.target)]

    def dump(self) -> dict[str, Any]:
        state: dict[str, Any] = {name: [asdict(row) for row in getattr(self, name).values()] for name in TABLES}
        plain = ("tokens", "gone_logs", "hooks", "link_types", "captcha", "next_id")
        return state | {name: getattr(self, name) for name in plain}

    def load(self, state: dict[str, Any]) -> None:
        self.by_key, self.of_issue, self.below = {}, {}, {}
        self.history.clear()
        for name, kind in TABLES.items():
            keyed = {"people": "name"}.get(name, "id")
            rows = [_restored(kind, row) for row in state[name]]
            setattr(self, name, {})
            for row in rows:
                if name in ("comments", "worklogs", "remotes", "changes"):
                    self.attach(name, row)
                else:
                    getattr(self, name)[getattr(row, keyed)] = row
        for issue in self.issues.values():
            self._index(issue)
        self.tokens, self.next_id = dict(state["tokens"]), state["next_id"]
        self.gone_logs, self.hooks = list(state["gone_logs"]), list(state["hooks"])
        self.link_types, self.captcha = list(state["link_types"]), list(state["captcha"])


def _restored(kind: type, row: dict[str, Any]) -> Any:
    """JSON has no tuples: members that are declared as tuples become them again."""
    declared = {each.name: str(each.type) for each in fields(kind)}
    members: dict[str, Any] = {
        name: tuple(value) if declared[name].startswith("tuple") and isinstance(value, list) else value
        for name, value in row.items()
    }
    if kind is Project:
        members["rights"] = {name: tuple(keys) for name, keys in members["rights"].items()}
    return kind(**members)
