"""What the GitHub sandbox remembers: repositories with issues, labels, milestones and comments, kept sorted for paging."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections import deque
from dataclasses import asdict, dataclass, field, replace
from typing import Any

HISTORY = 50_000


@dataclass(frozen=True, slots=True)
class Issue:
    """One issue or pull request. ``labels`` are label ids, ``milestone`` a number; times are epoch seconds.

    ``gone`` is "" , "deleted", or "owner/repo#number" after a transfer. ``parent``, ``children``, ``blocked_by`` and
    ``blocking`` are ids of issues, of any repository; each relation stands in both of its ends.
    """

    number: int
    id: int
    title: str
    author: str
    created_at: int
    updated_at: int
    body: str | None = None
    state: str = "open"
    state_reason: str | None = None
    labels: tuple[int, ...] = ()
    assignees: tuple[str, ...] = ()
    milestone: int | None = None
    type: str | None = None
    locked: bool = False
    lock_reason: str | None = None
    closed_at: int | None = None
    closed_by: str | None = None
    comments: int = 0
    is_pull: bool = False
    gone: str = ""
    parent: int | None = None
    children: tuple[int, ...] = ()
    blocked_by: tuple[int, ...] = ()
    blocking: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Label:
    id: int
    name: str
    color: str = "ededed"
    description: str | None = None
    default: bool = False


@dataclass(frozen=True, slots=True)
class Milestone:
    number: int
    id: int
    title: str
    created_at: int
    updated_at: int
    creator: str = "alice"
    description: str | None = None
    state: str = "open"
    due_on: int | None = None
    closed_at: int | None = None


@dataclass(frozen=True, slots=True)
class Comment:
    id: int
    number: int
    author: str
    body: str
    created_at: int
    updated_at: int


@dataclass(frozen=True, slots=True)
class Change:
    """An item as it was before a change; ``before`` is None for a new one. ``lists`` were answered by then."""

    at: float
    number: int
    before: Issue | None
    lists: int = 0


@dataclass(slots=True)
class Repo:
    """One repository. ``decor`` moves when a label or milestone changes, which alters how issues look."""

    id: int
    owner: str
    name: str
    roles: dict[str, str] = field(default_factory=dict)
    has_issues: bool = True
    private: bool = True
    issues: dict[int, Issue] = field(default_factory=dict)
    labels: dict[int, Label] = field(default_factory=dict)
    milestones: dict[int, Milestone] = field(default_factory=dict)
    comments: dict[int, Comment] = field(default_factory=dict)
    types: tuple[str, ...] = ("Bug", "Feature", "Task")
    next_number: int = 1
    by_name: dict[str, int] = field(default_factory=dict)
    by_update: list[tuple[int, int]] = field(default_factory=list)
    by_creation: list[tuple[int, int]] = field(default_factory=list)
    history: deque[Change] = field(default_factory=lambda: deque(maxlen=HISTORY))
    decor: int = 0
    lists: int = 0
    rendered: dict[int, tuple[Issue, object, bytes]] = field(default_factory=dict)

    @property
    def full_name(self) -> str:
        return f"{self.owner}/{self.name}"

    def put(self, issue: Issue, at: float) -> Issue:
        """Store a new or changed issue and note what it was."""
        before = self.issues.get(issue.number)
        if before is not None:
            self._unlist(before)
        self.issues[issue.number] = issue
        if not issue.gone:
            insort(self.by_update, (issue.updated_at, issue.number))
            insort(self.by_creation, (issue.created_at, issue.number))
        self.history.append(Change(at, issue.number, before, self.lists))
        self.next_number = max(self.next_number, issue.number + 1)
        return issue

    def put_many(self, issues: list[Issue]) -> None:
        """Store many new issues at once, without history."""
        for issue in issues:
            self.issues[issue.number] = issue
            self.next_number = max(self.next_number, issue.number + 1)
        listed = [issue for issue in self.issues.values() if not issue.gone]
        self.by_update = sorted((issue.updated_at, issue.number) for issue in listed)
        self.by_creation = sorted((issue.created_at, issue.number) for issue in listed)

    def _unlist(self, issue: Issue) -> None:
        if issue.gone:
            return
        for index, stamp in ((self.by_update, issue.updated_at), (self.by_creation, issue.created_at)):
            del index[bisect_left(index, (stamp, issue.number))]

    def label(self, name: str) -> Label | None:
        found = self.by_name.get(name.casefold())
        return None if found is None else self.labels[found]

    def put_label(self, label: Label) -> Label:
        old = self.labels.get(label.id)
        if old is not None:
            self.by_name.pop(old.name.casefold(), None)
            self.decor += 1
        self.labels[label.id] = label
        self.by_name[label.name.casefold()] = label.id
        return label

    def drop_label(self, label: Label) -> None:
        """Remove a label, also from its issues; their ``updated_at`` stays."""
        del self.labels[label.id]
        del self.by_name[label.name.casefold()]
        self.decor += 1
        for issue in list(self.issues.values()):
            if label.id in issue.labels:
                self.issues[issue.number] = replace(issue, labels=tuple(x for x in issue.labels if x != label.id))

    def put_milestone(self, milestone: Milestone) -> Milestone:
        self.milestones[milestone.number] = milestone
        self.decor += 1
        return milestone

    def dump(self) -> dict[str, Any]:
        plain = ("id", "owner", "name", "roles", "has_issues", "private", "types", "next_number")
        return {name: getattr(self, name) for name in plain} | {
            name: [asdict(row) for row in getattr(self, name).values()]
            for name in ("issues", "labels", "milestones", "comments")
        }

    @classmethod
    def restored(cls, state: dict[str, Any]) -> Repo:
        repo = cls(state["id"], state["owner"], state["name"], dict(state["roles"]))
        repo.has_issues, repo.private = state["has_issues"], state["private"]
        repo.types = tuple(state["types"])
        for row in state["labels"]:
            repo.put_label(Label(**row))
        for row in state["milestones"]:
            repo.put_milestone(Milestone(**row))
        repo.comments = {row["id"]: Comment(**row) for row in state["comments"]}
        sets = ("labels", "assignees", "children", "blocked_by", "blocking")
        repo.put_many([Issue(**row | {name: tuple(row[name]) for name in sets}) for row in state["issues"]])
        repo.next_number = state["next_number"]
        return repo


@dataclass(slots=True)
class GithubStore:
    """All repositories and people. ``moved`` maps a former full name to a repository id."""

    repos: dict[int, Repo] = field(default_factory=dict)
    moved: dict[str, int] = field(default_factory=dict)
    users: dict[str, int] = field(default_factory=dict)
    emails: dict[str, str] = field(default_factory=dict)
    tokens: dict[str, str] = field(default_factory=dict)
    read_only_tokens: set[str] = field(default_factory=set)
    next_id: int = 2_000_000_001

    def new_id(self) -> int:
        self.next_id += 1
        return self.next_id

    def add_repo(self, full_name: str, *, roles: dict[str, str] | None = None) -> Repo:
        owner, _, name = full_name.partition("/")
        existing = self.repo(full_name)
        if existing is not None:
            return existing
        number = 1_000_000 + len(self.repos) + 1
        repo = Repo(number, owner, name, dict(roles or {}))
        self.repos[number] = repo
        self.users.setdefault(owner, 9000 + len(self.users))
        return repo

    def repo(self, full_name: str) -> Repo | None:
        wanted = full_name.casefold()
        return next((repo for repo in self.repos.values() if repo.full_name.casefold() == wanted), None)

    def place(self, issue_id: int) -> tuple[Repo, Issue] | None:
        """Where an issue of that id is now; None when it is nowhere."""
        rows = ((repo, row) for repo in self.repos.values() for row in repo.issues.values())
        return next(((repo, row) for repo, row in rows if row.id == issue_id and not row.gone), None)

    def rename(self, full_name: str, to: str) -> None:
        """Give a repository another name; the old one redirects.

        Raises: ValueError when there is no such repository.
        """
        repo = self.repo(full_name)
        if repo is None:
            raise ValueError(f"no repository {full_name}")
        self.moved[repo.full_name.casefold()] = repo.id
        repo.owner, _, repo.name = to.partition("/")
        repo.decor += 1

    def dump(self) -> dict[str, Any]:
        return {
            "repos": [repo.dump() for repo in self.repos.values()],
            "moved": self.moved,
            "users": self.users,
            "emails": self.emails,
            "tokens": self.tokens,
            "read_only_tokens": sorted(self.read_only_tokens),
            "next_id": self.next_id,
        }

    def load(self, state: dict[str, Any]) -> None:
        self.repos = {row["id"]: Repo.restored(row) for row in state["repos"]}
        self.moved, self.users, self.tokens = dict(state["moved"]), dict(state["users"]), dict(state["tokens"])
        self.emails = dict(state.get("emails", {}))
        self.read_only_tokens, self.next_id = set(state["read_only_tokens"]), state["next_id"]
