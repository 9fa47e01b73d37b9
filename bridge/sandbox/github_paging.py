"""How the GitHub sandbox lists: filters, order, pages by number or by opaque cursor, and the listings seen late."""

from __future__ import annotations

import base64
import re
from bisect import bisect_left
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlencode

from bridge.sandbox import github_rules as rules
from bridge.sandbox import rewriting
from bridge.sandbox.exchange import Reply

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from bridge.sandbox.exchange import Ask
    from bridge.sandbox.faults import Fault
    from bridge.sandbox.github import GithubSandbox
    from bridge.sandbox.github_store import Issue, Repo

Key = tuple[int, int]


def per_page(ask: Ask) -> int:
    """30 unless asked, 100 at most: GitHub quietly cuts a larger wish."""
    given = ask.query.get("per_page", "30")
    return min(int(given), 100) if given.isdigit() and int(given) > 0 else 30


def page_number(ask: Ask) -> int:
    given = ask.query.get("page", "1")
    return int(given) if given.isdigit() and int(given) > 0 else 1


def link(ask: Ask, path: str, targets: dict[str, dict[str, Any]]) -> dict[str, str]:
    """The Link header: the request's own query with the given members replaced."""
    kept = [(name, value) for name, value in parse_qsl(ask.raw_query, keep_blank_values=True)]
    parts = []
    for rel, change in targets.items():
        query = [pair for pair in kept if pair[0] not in ("page", "after", "before")]
        query += [(name, str(value)) for name, value in change.items()]
        parts.append(f'<{ask.base}{path}?{urlencode(query)}>; rel="{rel}"')
    return {"link": ", ".join(parts)} if parts else {}


def numbered(ask: Ask, path: str, rows: Sequence[Any], shape: Callable[[Any], Any]) -> Reply:
    """A page of ``rows`` by number, with rel next, last, first and prev as they apply."""
    size, page = per_page(ask), page_number(ask)
    half = "half_page" in ask.faults
    if "empty_listing" in ask.faults:
        rows = []
    start = (page - 1) * size
    part = list(rows[start : start + size])
    last = max(1, -(-len(rows) // size))
    targets: dict[str, dict[str, Any]] = {}
    if page > 1:
        targets["prev"] = {"page": page - 1}
    if page < last and not half:
        targets["next"] = {"page": page + 1}
        targets["last"] = {"page": last}
    if page > 1:
        targets["first"] = {"page": 1}
    if half:
        part = part[: len(part) // 2]
    return Reply(200, joined(shape(row) for row in part), link(ask, path, targets))


def joined(parts: Iterable[Any]) -> Any:
    rows = list(parts)
    if rows and isinstance(rows[0], bytes):
        return b"[" + b",".join(rows) + b"]"
    return rows


def cursor(key: Key) -> str:
    return base64.urlsafe_b64encode(f"cursor:v2:{key[0]}:{key[1]}".encode()).decode()


def read_cursor(text: str) -> Key:
    try:
        stamp, number = base64.urlsafe_b64decode(text.encode()).decode().removeprefix("cursor:v2:").split(":")
        return int(stamp), int(number)
    except ValueError:
        rules.refuse(422, "Invalid cursor.")


def issues(box: GithubSandbox, ask: Ask, repo: Repo) -> Reply:
    """GET /repos/{o}/{r}/issues. Pull requests are among them. ``since`` is inclusive, in whole seconds."""
    rules.choice(ask, "Issue", "state", ("open", "closed", "all"))
    sort = rules.choice(ask, "Issue", "sort", ("created", "updated", "comments"))
    backwards = rules.choice(ask, "Issue", "direction", ("desc", "asc")) == "desc"
    since = rules.since(ask)
    by_cursor = box.settings.paging == "after" or (
        box.settings.page_limit > 0 and len(repo.by_update) > box.settings.page_limit
    )
    if by_cursor and "page" in ask.query:
        rules.refuse(
            422,
            "Pagination with the page parameter is not supported for large datasets, "
            "please use cursor based pagination (after/before)",
        )
    keys, look = _view(repo, sort, ask.faults.get("stale"), box.clock.now())
    repo.lists += 1
    if since is not None and sort == "updated":
        keys = keys[bisect_left(keys, (since, 0)) :]
    elif since is not None:
        keys = [key for key in keys if look(key[1]).updated_at >= since]
    wanted = _filter(repo, ask)
    if wanted:
        keys = [key for key in keys if all(test(look(key[1])) for test in wanted)]
    if backwards:
        keys = keys[::-1]
    shaper = box.shaper(ask)
    mirrored = rewriting.is_mirrored(ask)

    def shape(key: Key) -> bytes:
        return shaper.issue(repo, look(key[1]), mirrored=mirrored)

    path = f"/repositories/{repo.id}/issues"
    if by_cursor or "after" in ask.query or "before" in ask.query:
        return _by_cursor(ask, path, keys, shape, backwards=backwards)
    return numbered(ask, path, keys, shape)


def _by_cursor(ask: Ask, path: str, keys: list[Key], shape: Callable[[Key], bytes], *, backwards: bool) -> Reply:
    size, start = per_page(ask), 0
    ordered = [(-a, -b) for a, b in keys] if backwards else keys
    if after := ask.query.get("after"):
        key = read_cursor(after)
        key = (-key[0], -key[1]) if backwards else key
        start = bisect_left(ordered, (key[0], key[1] + 1))
    elif before := ask.query.get("before"):
        key = read_cursor(before)
        key = (-key[0], -key[1]) if backwards else key
        start = max(0, bisect_left(ordered, key) - size)
    if "empty_listing" in ask.faults:
        return Reply(200, [])
    part = keys[start : start + size]
    targets: dict[str, dict[str, Any]] = {}
    if "half_page" in ask.faults:
        part = part[: len(part) // 2]
    elif part and start + size < len(keys):
        targets["next"] = {"after": cursor(part[-1])}
    if part and start > 0:
        targets["prev"] = {"before": cursor(part[0])}
    return Reply(200, joined(shape(key) for key in part), link(ask, path, targets))


def _view(repo: Repo, sort: str, stale: Fault | None, now: float) -> tuple[list[Key], Callable[[int], Issue]]:
    """The sort keys in ascending order and how to find an issue: now, or as of the fault's past."""
    if stale is not None:
        past = as_of(repo, stale, now)
        return sorted(_key(issue, sort) for issue in past.values()), past.__getitem__
    if sort == "updated":
        return repo.by_update, repo.issues.__getitem__
    if sort == "created":
        return repo.by_creation, repo.issues.__getitem__
    return sorted(_key(i, sort) for i in repo.issues.values() if not i.gone), repo.issues.__getitem__


def _key(issue: Issue, sort: str) -> Key:
    stamp = {"updated": issue.updated_at, "created": issue.created_at, "comments": issue.comments}[sort]
    return stamp, issue.number


def as_of(repo: Repo, fault: Fault, now: float) -> dict[int, Issue]:
    """The issues as they were as long ago as the fault says."""
    rows = dict(repo.issues)
    for undone, change in enumerate(reversed(repo.history)):
        if not fault.is_late(change.at, now, lists=repo.lists - change.lists, undone=undone):
            break
        if not re.search(fault.item, str(change.number)):
            continue
        if change.before is None:
            rows.pop(change.number, None)
        else:
            rows[change.number] = change.before
    return {number: issue for number, issue in rows.items() if not issue.gone}


def _filter(repo: Repo, ask: Ask) -> list[Callable[[Issue], bool]]:
    tests: list[Callable[[Issue], bool]] = []
    query = ask.query
    state = query.get("state", "open")
    if state != "all":
        tests.append(lambda issue: issue.state == state)
    if names := query.get("labels"):
        found = [repo.label(name) for name in names.split(",")]
        ids = {row.id for row in found if row is not None}
        tests.append(lambda issue: None not in found and ids <= set(issue.labels))
    if who := query.get("assignee"):
        tests.append(
            lambda issue: who in issue.assignees if who not in ("*", "none") else bool(issue.assignees) == (who == "*")
        )
    if creator := query.get("creator"):
        tests.append(lambda issue: issue.author == creator)
    if kind := query.get("type"):
        tests.append(
            lambda issue: issue.type == kind if kind not in ("*", "none") else (issue.type is None) == (kind == "none")
        )
    if target := query.get("milestone"):
        if target not in ("*", "none") and not (target.isdigit() and int(target) in repo.milestones):
            rules.invalid("Issue", "milestone", value=target)
        tests.append(
            lambda issue: (
                str(issue.milestone) == target if target.isdigit() else (issue.milestone is None) == (target == "none")
            )
        )
    return tests
