"""Which webhooks a change of an issue sends, and their bodies."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bridge.sandbox import github_shapes as shapes

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bridge.sandbox.exchange import Ask
    from bridge.sandbox.github import GithubSandbox
    from bridge.sandbox.github_store import Issue, Repo


def announce(box: GithubSandbox, ask: Ask, repo: Repo, before: Issue | None, after: Issue) -> None:
    """Send one ``issues`` event for each aspect that changed."""
    issue = shapes.RAW(box.shaper(ask).issue(repo, after))
    for action, members in events(box, ask, repo, before, after):
        box.tell("issues", action, ask, repo, issue=issue, **members)


def events(
    box: GithubSandbox, ask: Ask, repo: Repo, before: Issue | None, after: Issue
) -> Iterator[tuple[str, dict[str, Any]]]:
    """The actions in the order GitHub would send them, each with its own members."""
    if before is None:
        yield "opened", {}
    else:
        changes: dict[str, Any] = {}
        if before.title != after.title:
            changes["title"] = {"from": before.title}
        if before.body != after.body:
            changes["body"] = {"from": before.body or ""}
        if changes:
            yield "edited", {"changes": changes}
        if before.state != after.state:
            yield ("closed" if after.state == "closed" else "reopened"), {}
    old_labels, old_people = (before.labels, before.assignees) if before else ((), ())
    for number in (
        *(x for x in after.labels if x not in old_labels),
        *(x for x in old_labels if x not in after.labels),
    ):
        row = repo.labels.get(number)
        if row is not None:
            yield ("labeled" if number in after.labels else "unlabeled"), {"label": shapes.label(ask.base, repo, row)}
    for login in (
        *(x for x in after.assignees if x not in old_people),
        *(x for x in old_people if x not in after.assignees),
    ):
        who = shapes.user(ask.base, login, box.store.users.get(login, 0))
        yield ("assigned" if login in after.assignees else "unassigned"), {"assignee": who}
    yield from _places(box, ask, repo, before, after)


def _places(
    box: GithubSandbox, ask: Ask, repo: Repo, before: Issue | None, after: Issue
) -> Iterator[tuple[str, dict[str, Any]]]:
    old = before.milestone if before else None
    if old != after.milestone:
        for number, action in ((old, "demilestoned"), (after.milestone, "milestoned")):
            if number is not None and number in repo.milestones:
                row = shapes.milestone(ask.base, repo, repo.milestones[number], box.store.users)
                yield action, {"milestone": row}
    if before is not None and before.locked != after.locked:
        yield ("locked" if after.locked else "unlocked"), {}
    if before is not None and before.type != after.type:
        if before.type:
            yield "untyped", {"type": shapes.issue_type(repo, before.type)}
        if after.type:
            yield "typed", {"type": shapes.issue_type(repo, after.type)}
