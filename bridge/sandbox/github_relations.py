"""Sub-issues and dependencies of the GitHub sandbox: by database ids, across the repositories of one owner.

From GitHub's documents: 100 sub-issues, 8 levels, one parent unless ``replace_parent``, one owner. Measured by others: a
dependency leaves ``updated_at`` alone, and an issue without a parent has no ``parent_issue_url`` at all.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from bridge.sandbox import github_paging as paging
from bridge.sandbox import github_rules as rules
from bridge.sandbox import github_shapes as shapes
from bridge.sandbox.exchange import Reply
from bridge.sandbox.github_issues import find

if TYPE_CHECKING:
    from collections.abc import Iterable

    from bridge.sandbox.exchange import Ask
    from bridge.sandbox.github import GithubSandbox
    from bridge.sandbox.github_store import GithubStore, Issue, Repo

CHILDREN, LEVELS = 100, 8


def redraw(store: GithubStore, before: Issue | None, after: Issue) -> None:
    """Issues show how many of those they are related to are closed."""
    related = after.parent or after.blocked_by or after.blocking
    if before is not None and related and before.state != after.state:
        for repo in store.repos.values():
            repo.decor += 1


def parent(box: GithubSandbox, ask: Ask) -> Reply:
    _, issue = find(box, ask)
    found = box.store.place(issue.parent) if issue.parent else None
    if found is None:
        rules.refuse(404, "Not Found")
    return Reply(200, box.shaper(ask).issue(*found))


def sub_issues(box: GithubSandbox, ask: Ask) -> Reply:
    """GET lists; POST adds the issue of an id, taken from its parent with ``replace_parent``."""
    repo, issue = find(box, ask)
    if ask.method == "GET":
        return _listed(box, ask, repo, issue, "sub_issues", issue.children)
    box.may(ask, repo, "triage")
    body = rules.only(ask, "sub_issue_id replace_parent", strict=box.settings.strict_members)
    there, child = _named(box, body, "sub_issue_id")
    _may_be_child(box.store, repo, issue, there, child, replaces=body.get("replace_parent") is True)
    if child.parent:
        _part(box, ask, child)
        there, child = box.store.place(child.id) or (there, child)
    issue = _put(box, repo, replace(issue, children=(*issue.children, child.id)))
    child = _put(box, there, replace(child, parent=issue.id))
    box.note(ask, "update", "sub_issue", f"{repo.full_name}#{issue.number} + {there.full_name}#{child.number}")
    _tell_family(box, ask, (repo, issue), (there, child), "added")
    return Reply(201, box.shaper(ask).issue(repo, issue))


def sub_issue(box: GithubSandbox, ask: Ask) -> Reply:
    """DELETE: the issue of an id is no sub-issue of this one any more."""
    repo, issue = find(box, ask)
    box.may(ask, repo, "triage")
    body = rules.only(ask, "sub_issue_id", strict=box.settings.strict_members)
    _, child = _named(box, body, "sub_issue_id")
    if child.parent != issue.id:
        rules.refuse(404, "The provided sub-issue does not exist")
    _part(box, ask, child)
    box.note(ask, "update", "sub_issue", f"{repo.full_name}#{issue.number} - {child.id}")
    return Reply(200, box.shaper(ask).issue(repo, repo.issues[issue.number]))


def blocked_by(box: GithubSandbox, ask: Ask) -> Reply:
    """GET lists what blocks this issue; POST adds the issue of an id."""
    repo, issue = find(box, ask)
    if ask.method == "GET":
        return _listed(box, ask, repo, issue, "dependencies/blocked_by", issue.blocked_by)
    box.may(ask, repo, "triage")
    there, blocker = _named(box, rules.only(ask, "issue_id", strict=box.settings.strict_members), "issue_id")
    if blocker.id == issue.id:
        _refused("An issue cannot be blocked by itself")
    if blocker.id in issue.blocked_by:
        _refused("Target issue has already been taken")
    if issue.id in _reached(box.store, blocker, "blocked_by"):
        _refused("This dependency would create a cycle")
    issue = _put(box, repo, replace(issue, blocked_by=(*issue.blocked_by, blocker.id)))
    there, blocker = box.store.place(blocker.id) or (there, blocker)
    blocker = _put(box, there, replace(blocker, blocking=(*blocker.blocking, issue.id)))
    box.note(ask, "update", "dependency", f"{there.full_name}#{blocker.number} blocks {repo.full_name}#{issue.number}")
    _tell_dependency(box, ask, (repo, issue), (there, blocker), "added")
    return Reply(201, box.shaper(ask).issue(repo, issue))


def unblock(box: GithubSandbox, ask: Ask) -> Reply:
    repo, issue = find(box, ask)
    box.may(ask, repo, "triage")
    found = box.store.place(ask.params["issue_id"])
    if found is None or found[1].id not in issue.blocked_by:
        rules.refuse(404, "Not Found")
    there, blocker = found
    issue = _put(box, repo, replace(issue, blocked_by=_without(issue.blocked_by, blocker.id)))
    there, blocker = box.store.place(blocker.id) or found
    blocker = _put(box, there, replace(blocker, blocking=_without(blocker.blocking, issue.id)))
    box.note(ask, "update", "dependency", f"{there.full_name}#{blocker.number} frees {repo.full_name}#{issue.number}")
    _tell_dependency(box, ask, (repo, issue), (there, blocker), "removed")
    return Reply(200, box.shaper(ask).issue(repo, issue))


def blocking(box: GithubSandbox, ask: Ask) -> Reply:
    repo, issue = find(box, ask)
    return _listed(box, ask, repo, issue, "dependencies/blocking", issue.blocking)


def _listed(box: GithubSandbox, ask: Ask, repo: Repo, issue: Issue, tail: str, ids: Iterable[int]) -> Reply:
    rows = [found for number in ids if (found := box.store.place(number)) is not None]
    path = f"/repositories/{repo.id}/issues/{issue.number}/{tail}"
    return paging.numbered(ask, path, rows, lambda row: box.shaper(ask).issue(*row))


def _named(box: GithubSandbox, body: dict[str, Any], member: str) -> tuple[Repo, Issue]:
    """The issue of the id in the body, which is not its number."""
    value = body.get(member)
    if not isinstance(value, int) or isinstance(value, bool):
        rules.refuse(422, f"Invalid request.\n\nFor 'properties/{member}', {value!r} is not an integer.")
    found = box.store.place(value)
    if found is None or found[1].is_pull:
        rules.refuse(404, f"The provided {member.removesuffix('_id').replace('_', '-')} does not exist")
    return found


def _may_be_child(store: GithubStore, repo: Repo, issue: Issue, there: Repo, child: Issue, *, replaces: bool) -> None:
    if there.owner.casefold() != repo.owner.casefold():
        _refused("Sub-issues must be in a repository of the same owner")
    if child.id in issue.children:
        _refused("Issue may not contain duplicate sub-issues")
    if child.id == issue.id or issue.id in _reached(store, child, "children"):
        _refused("Sub-issues may not form a cycle")
    if child.parent and store.place(child.parent) and not replaces:
        _refused("Sub-issue may only have one parent")
    if len(issue.children) >= CHILDREN:
        _refused(f"Parent cannot have more than {CHILDREN} sub-issues")
    if _above(store, issue) + _below(store, child) > LEVELS:
        _refused(f"Sub-issues cannot be more than {LEVELS} levels deep")


def _refused(message: str) -> None:
    rules.invalid("Issue", "base", "custom", message=f"An error occurred while adding the relation. {message}")


def _above(store: GithubStore, issue: Issue) -> int:
    """Levels of parents above an issue."""
    levels, found = 0, store.place(issue.parent or 0)
    while found is not None:
        levels, found = levels + 1, store.place(found[1].parent or 0)
    return levels


def _below(store: GithubStore, issue: Issue) -> int:
    """Levels that an issue with its children takes below its parent."""
    rows = [found[1] for number in issue.children if (found := store.place(number)) is not None]
    return 1 + max((_below(store, row) for row in rows), default=0)


def _reached(store: GithubStore, issue: Issue, relation: str) -> set[int]:
    """The ids that a relation leads to, however far."""
    reached: set[int] = set()
    waiting = [issue]
    while waiting:
        for number in getattr(waiting.pop(), relation):
            found = store.place(number)
            if found is not None and number not in reached:
                reached.add(number)
                waiting.append(found[1])
    return reached


def _part(box: GithubSandbox, ask: Ask, child: Issue) -> None:
    """Take a child from its parent."""
    above, below = box.store.place(child.parent or 0), box.store.place(child.id)
    assert below is not None
    child = _put(box, below[0], replace(child, parent=None))
    if above is not None:
        repo, issue = above
        issue = _put(box, repo, replace(issue, children=_without(issue.children, child.id)))
        _tell_family(box, ask, (repo, issue), (below[0], child), "removed")


def _without(ids: tuple[int, ...], gone: int) -> tuple[int, ...]:
    return tuple(number for number in ids if number != gone)


def _put(box: GithubSandbox, repo: Repo, issue: Issue) -> Issue:
    moved = replace(issue, updated_at=box.now_s()) if box.settings.relations_move else issue
    return repo.put(moved, box.clock.now())


def _tell_family(box: GithubSandbox, ask: Ask, above: tuple[Repo, Issue], below: tuple[Repo, Issue], what: str) -> None:
    """One event in each of the two repositories."""
    both = _both(box, ask, {"parent_issue": above, "sub_issue": below})
    box.tell("sub_issues", f"parent_issue_{what}", ask, below[0], **both, parent_issue_repo=_place(box, ask, above))
    box.tell("sub_issues", f"sub_issue_{what}", ask, above[0], **both, sub_issue_repo=_place(box, ask, below))


def _tell_dependency(
    box: GithubSandbox, ask: Ask, blocked: tuple[Repo, Issue], blocker: tuple[Repo, Issue], what: str
) -> None:
    both = _both(box, ask, {"blocked_issue": blocked, "blocking_issue": blocker})
    event = "issue_dependencies"
    box.tell(event, f"blocked_by_{what}", ask, blocked[0], **both, blocking_issue_repo=_place(box, ask, blocker))
    box.tell(event, f"blocking_{what}", ask, blocker[0], **both, blocked_issue_repo=_place(box, ask, blocked))


def _both(box: GithubSandbox, ask: Ask, ends: dict[str, tuple[Repo, Issue]]) -> dict[str, Any]:
    shaper = box.shaper(ask)
    members: dict[str, Any] = {name: shapes.RAW(shaper.issue(*end)) for name, end in ends.items()}
    return members | {f"{name}_id": end[1].id for name, end in ends.items()}


def _place(box: GithubSandbox, ask: Ask, end: tuple[Repo, Issue]) -> dict[str, Any]:
    return shapes.repository(ask.base, end[0], box.store.users, ask.who, singular=True)
