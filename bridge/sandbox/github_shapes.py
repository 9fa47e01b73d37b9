"""How the GitHub sandbox writes its rows as JSON: the members of GitHub's OpenAPI description, version 2022-11-28."""

from __future__ import annotations

import base64
from functools import lru_cache
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import msgspec

from bridge.sandbox.clock import iso, iso_or_none

if TYPE_CHECKING:
    from bridge.sandbox.github_store import Comment, GithubStore, Issue, Label, Milestone, Repo

WEB = "https://github.example"
RAW = msgspec.Raw
KEEP_RENDERED = 20_000
NO_CHILDREN = {"total": 0, "completed": 0, "percent_completed": 0}
NO_DEPENDENCIES = {"blocked_by": 0, "total_blocked_by": 0, "blocking": 0, "total_blocking": 0}


def node_id(kind: str, number: int) -> str:
    return kind + "_" + base64.urlsafe_b64encode(f"sandbox{number}".encode()).decode().rstrip("=")


@lru_cache(maxsize=1000)
def user(base: str, login: str, number: int) -> dict[str, Any]:
    url = f"{base}/users/{login}"
    return {
        "login": login,
        "id": number,
        "node_id": node_id("U", number),
        "avatar_url": f"{WEB}/avatars/u/{number}?v=4",
        "gravatar_id": "",
        "url": url,
        "html_url": f"{WEB}/{login}",
        "followers_url": f"{url}/followers",
        "following_url": f"{url}/following{{/other_user}}",
        "gists_url": f"{url}/gists{{/gist_id}}",
        "starred_url": f"{url}/starred{{/owner}}{{/repo}}",
        "subscriptions_url": f"{url}/subscriptions",
        "organizations_url": f"{url}/orgs",
        "repos_url": f"{url}/repos",
        "events_url": f"{url}/events{{/privacy}}",
        "received_events_url": f"{url}/received_events",
        "type": "Organization" if login == "acme" else "User",
        "user_view_type": "public",
        "site_admin": False,
    }


@lru_cache(maxsize=1000)
def user_json(base: str, login: str, number: int) -> msgspec.Raw:
    return RAW(msgspec.json.encode(user(base, login, number)))


def private_user(base: str, login: str, number: int, email: str | None = None) -> dict[str, Any]:
    """The answer of GET /user and GET /users/LOGIN, with the members of public-user; ``email`` is the public one."""
    nothing = dict.fromkeys(("company", "location", "email", "hireable", "bio", "twitter_username"))
    counts = dict.fromkeys(("public_repos", "public_gists", "followers", "following"), 0)
    born = "2020-01-01T00:00:00Z"
    return (
        user(base, login, number)
        | nothing
        | counts
        | {"name": login, "email": email, "blog": "", "created_at": born, "updated_at": born}
    )


def label(base: str, repo: Repo, row: Label) -> dict[str, Any]:
    return {
        "id": row.id,
        "node_id": node_id("LA", row.id),
        "url": f"{base}/repos/{repo.full_name}/labels/{quote(row.name, safe='')}",
        "name": row.name,
        "color": row.color,
        "default": row.default,
        "description": row.description,
    }


def milestone(base: str, repo: Repo, row: Milestone, users: dict[str, int]) -> dict[str, Any]:
    inside = [issue.state for issue in repo.issues.values() if issue.milestone == row.number and not issue.gone]
    url = f"{base}/repos/{repo.full_name}/milestones/{row.number}"
    return {
        "url": url,
        "html_url": f"{WEB}/{repo.full_name}/milestone/{row.number}",
        "labels_url": f"{url}/labels",
        "id": row.id,
        "node_id": node_id("MI", row.id),
        "number": row.number,
        "title": row.title,
        "description": row.description,
        "creator": user(base, row.creator, users.get(row.creator, 0)),
        "open_issues": inside.count("open"),
        "closed_issues": inside.count("closed"),
        "state": row.state,
        "created_at": iso(row.created_at),
        "updated_at": iso(row.updated_at),
        "due_on": iso_or_none(row.due_on),
        "closed_at": iso_or_none(row.closed_at),
    }


def reactions(url: str) -> dict[str, Any]:
    kinds = ("+1", "-1", "laugh", "hooray", "confused", "heart", "rocket", "eyes")
    return {"url": f"{url}/reactions", "total_count": 0} | dict.fromkeys(kinds, 0)


def association(repo: Repo, login: str) -> str:
    return {"admin": "MEMBER", "write": "COLLABORATOR", "triage": "COLLABORATOR"}.get(repo.roles.get(login, ""), "NONE")


class Shaper:
    """Writes issues for one address of the sandbox and one API version, keeping the bytes of each issue version."""

    def __init__(self, base: str, store: GithubStore, *, singular: bool) -> None:
        self.base, self.store, self.users, self.singular = base, store, store.users, singular

    def person(self, login: str | None) -> Any:
        return None if login is None else user_json(self.base, login, self.users.get(login, 0))

    def issue(self, repo: Repo, row: Issue, *, mirrored: bool = False) -> bytes:
        """The issue's JSON. ``mirrored`` lists the labels in reverse (a fault)."""
        stamp = (self.base, self.singular, repo.decor, mirrored)
        known = repo.rendered.get(row.number)
        if known is not None and known[0] is row and known[1] == stamp:
            return known[2]
        data = msgspec.json.encode(self._issue(repo, row, mirrored=mirrored))
        if len(repo.rendered) >= KEEP_RENDERED:
            repo.rendered.clear()
        repo.rendered[row.number] = (row, stamp, data)
        return data

    def _issue(self, repo: Repo, row: Issue, *, mirrored: bool) -> dict[str, Any]:
        url = f"{self.base}/repos/{repo.full_name}/issues/{row.number}"
        labels = [label(self.base, repo, repo.labels[number]) for number in row.labels]
        names = [self.person(login) for login in row.assignees]
        shape = self._addresses(repo, row, url) | {
            "user": self.person(row.author),
            "labels": labels[::-1] if mirrored else labels,
            "state": row.state,
            "locked": row.locked,
            "assignees": names,
            "milestone": self._milestone(repo, row),
            "comments": row.comments,
            "created_at": iso(row.created_at),
            "updated_at": iso(row.updated_at),
            "closed_at": iso_or_none(row.closed_at),
            "author_association": association(repo, row.author),
            "active_lock_reason": row.lock_reason,
            "sub_issues_summary": NO_CHILDREN,
            "issue_dependencies_summary": NO_DEPENDENCIES,
            "body": row.body,
            "closed_by": self.person(row.closed_by),
            "reactions": reactions(url),
            "timeline_url": f"{url}/timeline",
            "performed_via_github_app": None,
            "state_reason": row.state_reason,
        }
        if row.parent or row.children or row.blocked_by or row.blocking:
            shape |= self._relations(row)
        if row.type is not None:
            shape["type"] = issue_type(repo, row.type)
        if self.singular:
            shape["assignee"] = names[0] if names else None
        if row.is_pull:
            there = f"{WEB}/{repo.full_name}/pull/{row.number}"
            pull = f"{self.base}/repos/{repo.full_name}/pulls/{row.number}"
            shape["draft"] = False
            shape["pull_request"] = {
                "url": pull,
                "html_url": there,
                "diff_url": there + ".diff",
                "patch_url": there + ".patch",
                "merged_at": None,
            }
        return shape

    @staticmethod
    def _addresses(repo: Repo, row: Issue, url: str) -> dict[str, Any]:
        place = "pull" if row.is_pull else "issues"
        return {
            "url": url,
            "repository_url": url.rsplit("/issues/", 1)[0],
            "labels_url": f"{url}/labels{{/name}}",
            "comments_url": f"{url}/comments",
            "events_url": f"{url}/events",
            "html_url": f"{WEB}/{repo.full_name}/{place}/{row.number}",
            "id": row.id,
            "node_id": node_id("PR" if row.is_pull else "I", row.id),
            "number": row.number,
            "title": row.title,
        }

    def _relations(self, row: Issue) -> dict[str, Any]:
        """The summaries; and the parent's address, which an issue without a parent does not have at all."""
        ends = {
            name: [found for number in getattr(row, name) if (found := self.store.place(number)) is not None]
            for name in ("children", "blocked_by", "blocking")
        }
        done = sum(issue.state == "closed" for _, issue in ends["children"])
        total = len(ends["children"])
        counts: dict[str, int] = {}
        for name in ("blocked_by", "blocking"):
            counts[name] = sum(issue.state == "open" for _, issue in ends[name])
            counts[f"total_{name}"] = len(ends[name])
        shape: dict[str, Any] = {
            "sub_issues_summary": {
                "total": total,
                "completed": done,
                "percent_completed": done * 100 // total if total else 0,
            },
            "issue_dependencies_summary": counts,
        }
        parent = self.store.place(row.parent) if row.parent else None
        if parent is not None:
            shape["parent_issue_url"] = f"{self.base}/repos/{parent[0].full_name}/issues/{parent[1].number}"
        return shape

    def _milestone(self, repo: Repo, row: Issue) -> Any:
        if row.milestone is None or row.milestone not in repo.milestones:
            return None
        return milestone(self.base, repo, repo.milestones[row.milestone], self.users)

    def comment(self, repo: Repo, row: Comment) -> dict[str, Any]:
        url = f"{self.base}/repos/{repo.full_name}/issues/comments/{row.id}"
        return {
            "url": url,
            "html_url": f"{WEB}/{repo.full_name}/issues/{row.number}#issuecomment-{row.id}",
            "issue_url": f"{self.base}/repos/{repo.full_name}/issues/{row.number}",
            "id": row.id,
            "node_id": node_id("IC", row.id),
            "user": self.person(row.author),
            "created_at": iso(row.created_at),
            "updated_at": iso(row.updated_at),
            "author_association": association(repo, row.author),
            "body": row.body,
            "reactions": reactions(url),
            "performed_via_github_app": None,
        }


def issue_type(repo: Repo, name: str) -> dict[str, Any]:
    number = 500 + repo.types.index(name)
    return {
        "id": number,
        "node_id": node_id("IT", number),
        "name": name,
        "description": f"A {name.lower()}",
        "color": "blue",
        "created_at": "2024-01-01T00:00:00Z",
        "updated_at": "2024-01-01T00:00:00Z",
        "is_enabled": True,
    }


ADDRESSES = (
    "archive_url:{archive_format}{/ref} assignees_url:assignees{/user} blobs_url:git/blobs{/sha} branches_url:branches{/branch} "
    "collaborators_url:collaborators{/collaborator} comments_url:comments{/number} commits_url:commits{/sha} "
    "compare_url:compare/{base}...{head} contents_url:contents/{+path} contributors_url:contributors "
    "deployments_url:deployments downloads_url:downloads events_url:events forks_url:forks git_commits_url:git/commits{/sha} "
    "git_refs_url:git/refs{/sha} git_tags_url:git/tags{/sha} hooks_url:hooks issue_comment_url:issues/comments{/number} "
    "issue_events_url:issues/events{/number} issues_url:issues{/number} keys_url:keys{/key_id} labels_url:labels{/name} "
    "languages_url:languages merges_url:merges milestones_url:milestones{/number} "
    "notifications_url:notifications{?since,all,participating} pulls_url:pulls{/number} releases_url:releases{/id} "
    "stargazers_url:stargazers statuses_url:statuses/{sha} subscribers_url:subscribers subscription_url:subscription "
    "tags_url:tags teams_url:teams trees_url:git/trees{/sha}"
)


def repository(base: str, repo: Repo, users: dict[str, int], login: str, *, singular: bool) -> dict[str, Any]:
    """The members of full-repository; ``permissions`` are those of ``login``."""
    url, there = f"{base}/repos/{repo.full_name}", f"{WEB}/{repo.full_name}"
    still_open = sum(1 for issue in repo.issues.values() if issue.state == "open" and not issue.gone)
    shape: dict[str, Any] = {
        "id": repo.id,
        "node_id": node_id("R", repo.id),
        "name": repo.name,
        "full_name": repo.full_name,
        "owner": user(base, repo.owner, users.get(repo.owner, 0)),
        "private": repo.private,
        "visibility": "private" if repo.private else "public",
        "html_url": there,
        "url": url,
        "has_issues": repo.has_issues,
        "open_issues": still_open,
        "open_issues_count": still_open,
        "clone_url": f"{there}.git",
        "git_url": f"git://github.example/{repo.full_name}.git",
        "ssh_url": f"git@github.example:{repo.full_name}.git",
        "svn_url": there,
        "permissions": permissions(repo.roles.get(login, "read")),
    }
    if singular:
        shape["has_downloads"] = True
    for pair in ADDRESSES.split(" "):
        name, _, tail = pair.partition(":")
        shape[name] = f"{url}/{tail}"
    return shape | ALIKE


def _alike() -> dict[str, Any]:
    """What is the same for every repository of the sandbox."""
    zero = "forks forks_count size stargazers_count watchers watchers_count network_count subscribers_count"
    off = "fork has_pages has_discussions archived disabled is_template web_commit_signoff_required"
    nothing = "description homepage language license mirror_url"
    born = "created_at updated_at pushed_at"
    return {
        **dict.fromkeys(zero.split(), 0),
        **dict.fromkeys(off.split(), False),
        **dict.fromkeys(nothing.split()),
        **dict.fromkeys(born.split(), "2024-01-01T00:00:00Z"),
        **dict.fromkeys(("has_projects", "has_wiki", "allow_forking"), True),
        "topics": [],
        "default_branch": "main",
    }


ALIKE = _alike()


def permissions(role: str) -> dict[str, bool]:
    ranks = ["read", "triage", "write", "maintain", "admin"]
    rank = ranks.index(role)
    names = ("pull", "triage", "push", "maintain", "admin")
    return {name: place <= rank for place, name in enumerate(names)}
