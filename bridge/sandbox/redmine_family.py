"""Parents and children, and which status an issue may be given: what Redmine derives and what it forbids in silence."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from bridge.sandbox import redmine_rules as rules
from bridge.sandbox import redmine_shapes as shapes

if TYPE_CHECKING:
    from bridge.sandbox.exchange import Ask
    from bridge.sandbox.redmine import RedmineSandbox
    from bridge.sandbox.redmine_store import Issue, RedmineStore


def allowed(box: RedmineSandbox, ask: Ask, row: Issue) -> list[int]:
    """The statuses that the account may give the issue now, its own among them.

    Not a closed one while a child or an issue that blocks it is open; not an open one while a parent is closed.
    """
    roles = box.roles(ask, row.project)
    there = {target for role in roles for source, target in rules.transitions(role) if source == row.status}
    closed = {one.id for one in box.store.statuses.values() if one.flag}
    if _is_held(box.store, row):
        there -= closed
    if row.parent is not None and box.store.issues[row.parent].status in closed:
        there &= closed
    return sorted(there | {row.status})


def _is_held(store: RedmineStore, row: Issue) -> bool:
    blockers = [one.source for one in store.relations.values() if one.type == "blocks" and one.target == row.id]
    others = [*store.children(row.id), *(store.issues[one] for one in blockers)]
    return any(not store.statuses[one.status].flag for one in others)


def is_below(store: RedmineStore, issue: int | None, top: int) -> bool:
    """Whether an issue is another one or below it."""
    while issue is not None:
        if issue == top:
            return True
        row = store.issues.get(issue)
        issue = row.parent if row is not None else None
    return False


def touch_parents(box: RedmineSandbox, parent: int | None) -> None:
    """Every change of a child moves ``updated_on`` of all above it."""
    while parent is not None and (row := box.store.issues.get(parent)) is not None:
        box.store.put("issues", replace(row, updated_at=box.now()), box.now())
        parent = row.parent


def derive(box: RedmineSandbox, parent: int | None) -> None:
    """Priority, dates and done ratio of a parent follow from its children."""
    store = box.store
    while box.settings.derive_parents and parent is not None and (row := store.issues.get(parent)) is not None:
        below = store.children(parent)
        if below:
            live = [one for one in below if not store.statuses[one.status].flag]
            weights = [one.estimated or 1.0 for one in below]
            done = [100 if store.statuses[one.status].flag else one.done for one in below]
            share = sum(a * b for a, b in zip(weights, done, strict=True)) / sum(weights)
            new = replace(
                row,
                priority=max((one.priority for one in live), default=2),
                start=min((one.start for one in below if one.start), default=None),
                due=max((one.due for one in below if one.due), default=None),
                done=int(share),
            )
            if new != row:
                store.put("issues", new, box.now())
        parent = row.parent


def relations(box: RedmineSandbox, ask: Ask, issue: int) -> list[dict[str, Any]]:
    """The relations of an issue of which the account may see both ends."""
    return [
        shapes.relation(one)
        for one in box.store.relations.values()
        if issue in (one.source, one.target)
        and all(box.may(ask, box.store.issues[end].project, "view") for end in (one.source, one.target))
    ]
