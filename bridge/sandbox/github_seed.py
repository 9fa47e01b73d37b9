"""How the GitHub sandbox starts, is filled in bulk, and what an administrator can do to it by hand."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from bridge.sandbox.clock import instant
from bridge.sandbox.github_store import GithubStore, Issue, Label, Milestone, Repo
from bridge.sandbox.seeding import COLORS, samples

if TYPE_CHECKING:
    from bridge.sandbox.github import GithubSandbox

REPO = "acme/app"
ROLES = {"bridge-bot": "write", "alice": "admin", "bob": "write", "carol": "write", "reader": "read"}
TOKENS = {
    "ghp_sandbox_bridge": "bridge-bot",
    "ghp_sandbox_alice": "alice",
    "ghp_sandbox_bob": "bob",
    "ghp_sandbox_carol": "carol",
    "ghp_sandbox_reader": "reader",
    "ghp_sandbox_outsider": "outsider",
    "github_pat_sandbox_readonly": "bridge-bot",
}
DEFAULT_LABELS = (("bug", "d73a4a", "Something isn't working"), ("documentation", "0075ca", "Improvements or additions"),
                  ("enhancement", "a2eeef", "New feature or request"))  # fmt: skip


def start() -> GithubStore:
    """A store with the default repository, people and tokens."""
    store = GithubStore()
    store.users = {login: 1000 + place for place, login in enumerate((*ROLES, "outsider"))}
    store.tokens = dict(TOKENS)
    store.read_only_tokens = {"github_pat_sandbox_readonly"}
    repo = store.add_repo(REPO, roles=ROLES)
    for name, color, words in DEFAULT_LABELS:
        repo.put_label(Label(store.new_id(), name, color, words, default=True))
    return store


def sow(box: GithubSandbox, plan: dict[str, Any]) -> dict[str, Any]:
    """Fill a repository: ``repo``, ``roles``, ``generate`` (a number, or options of ``samples``), ``pulls`` (that many pull
    requests), ``issues``, ``labels``, ``milestones``, ``emails`` (public ones, by login). Issues take the members of ``Issue`` with label names; times as ISO text.

    Raises: ValueError and TypeError for members that do not exist.
    """
    plan = dict(plan)
    repo = box.store.add_repo(plan.pop("repo", REPO), roles=plan.pop("roles", ROLES))
    for login in repo.roles:
        box.store.users.setdefault(login, 2000 + len(box.store.users))
    box.store.emails |= plan.pop("emails", {})
    for row in plan.pop("labels", ()):
        found = repo.label(row["name"])
        repo.put_label(replace(found, **row) if found else Label(box.store.new_id(), **row))
    for row in plan.pop("milestones", ()):
        now = int(box.clock.now())
        number = max(repo.milestones, default=0) + 1
        repo.put_milestone(Milestone(number, box.store.new_id(), created_at=now, updated_at=now, **row))
    wanted = plan.pop("generate", 0)
    rows = _generated(box, repo, wanted if isinstance(wanted, dict) else {"count": wanted})
    rows += [_written(box, repo, row, len(rows) + place) for place, row in enumerate(plan.pop("issues", ()))]
    pulls = [{"title": f"Pull request {place}", "is_pull": True} for place in range(plan.pop("pulls", 0))]
    rows += [_written(box, repo, row, len(rows) + place) for place, row in enumerate(pulls)]
    if plan:
        raise ValueError(f"unknown seed members: {', '.join(sorted(plan))}")
    repo.put_many(rows)
    return {"repo": repo.full_name, "issues": len(repo.by_update)}


def _label_id(box: GithubSandbox, repo: Repo, name: str) -> int:
    row = repo.label(name) or repo.put_label(Label(box.store.new_id(), name, COLORS.get(name, "ededed")))
    return row.id


def _generated(box: GithubSandbox, repo: Repo, options: dict[str, Any]) -> list[Issue]:
    options = {"before": box.clock.now(), **options}
    shift = repo.next_number - 1
    authors = ("alice", "bob", "carol")
    ids = {name: _label_id(box, repo, name) for name in COLORS} if options["count"] else {}
    rows = []
    for item in samples(**options):
        done = {"state": "closed", "state_reason": "completed", "closed_at": item.updated_at, "closed_by": "alice"}
        rows.append(
            Issue(
                item.number + shift,
                box.store.new_id(),
                item.title,
                authors[item.number % 3],
                item.updated_at,
                item.updated_at,
                body=item.body,
                labels=tuple(ids[name] for name in item.labels),
                **(done if item.is_done else {}),  # type: ignore[arg-type]  # a dict of mixed values
            )
        )
    return rows


def _written(box: GithubSandbox, repo: Repo, row: dict[str, Any], place: int) -> Issue:
    members = dict(row)
    now = int(box.clock.now())
    for name in ("created_at", "updated_at", "closed_at"):
        if isinstance(members.get(name), str):
            moment = instant(members[name])
            if moment is None:
                raise ValueError(f"{name} is no time: {members[name]!r}")
            members[name] = int(moment)
    members["labels"] = tuple(_label_id(box, repo, name) for name in members.get("labels", ()))
    members["assignees"] = tuple(members.get("assignees", ()))
    created = members.pop("created_at", members.get("updated_at", now))
    if members.get("state") == "closed":
        members = {"state_reason": "completed", "closed_at": created, "closed_by": "alice"} | members
    return Issue(
        number=members.pop("number", repo.next_number + place),
        id=box.store.new_id(),
        title=members.pop("title"),
        author=members.pop("author", "alice"),
        created_at=created,
        updated_at=members.pop("updated_at", created),
        **members,
    )


def perform(box: GithubSandbox, deed: dict[str, Any]) -> dict[str, Any]:
    """What no REST call can do: ``do`` is delete, undelete, transfer, rename, issues_off, issues_on, role or revoke.

    Raises: ValueError for an unknown deed, repository or issue.
    """
    do = deed.get("do")
    repo = box.store.repo(deed.get("repo", box.container()))
    if repo is None:
        raise ValueError(f"no repository {deed.get('repo')}")
    if do in ("delete", "undelete", "transfer"):
        return _take_away(box, repo, do, deed)
    if do == "rename":
        box.store.rename(repo.full_name, deed["to"])
    elif do in ("issues_off", "issues_on"):
        repo.has_issues = do == "issues_on"
    elif do == "role":
        repo.roles[deed["login"]] = deed["role"]
        if deed["role"] is None:
            del repo.roles[deed["login"]]
    elif do == "revoke":
        box.store.tokens.pop(deed["token"], None)
    else:
        raise ValueError(
            f"no deed {do!r}; there are: delete, undelete, transfer, rename, issues_off, issues_on, role, revoke"
        )
    return {"done": do}


def _take_away(box: GithubSandbox, repo: Repo, do: str, deed: dict[str, Any]) -> dict[str, Any]:
    """Delete an issue, bring it back, or move it to another repository."""
    now = box.clock.now()
    issue = repo.issues.get(int(deed["number"]))
    if issue is None:
        raise ValueError(f"no issue {deed['number']}")
    gone = "deleted" if do == "delete" else ""
    if do == "transfer":
        there = box.store.add_repo(deed["to"], roles=repo.roles)
        ids = tuple(_label_id(box, there, repo.labels[number].name) for number in issue.labels)
        copy = replace(issue, number=there.next_number, labels=ids, milestone=None, updated_at=int(now))
        there.put(copy, now)
        gone = f"{there.full_name}#{copy.number}"
    repo.put(replace(issue, gone=gone, updated_at=int(now) if do == "undelete" else issue.updated_at), now)
    for each in box.store.repos.values():
        each.decor += 1  # what it was related to shows it no more
    return {"gone": gone}
