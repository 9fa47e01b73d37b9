"""Searching in the Jira sandbox: pages by token (Cloud) or by offset (Data Center), over an index that may be late."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from typing import TYPE_CHECKING, Any

from bridge.sandbox import jira_rules as rules
from bridge.sandbox.exchange import Reply
from bridge.sandbox.jira_jql import Query, parse
from bridge.sandbox.jira_terms import JqlError

if TYPE_CHECKING:
    from bridge.sandbox.exchange import Ask
    from bridge.sandbox.faults import Fault
    from bridge.sandbox.jira import JiraSandbox
    from bridge.sandbox.jira_store import Issue

LEAN = {"id", "key"}
LEAN_CAP, RECONCILE_LIMIT, BULK_LIMIT, BULK_LEAN_LIMIT, PROPERTY_KEYS = 5000, 50, 100, 1000, 5
TOKEN_DAYS = 7
CLOUD = "jql nextPageToken maxResults fields expand properties fieldsByKeys failFast reconcileIssues"
SERVER = "jql startAt maxResults validateQuery fields expand"


def by_token(box: JiraSandbox, ask: Ask) -> Reply:
    """GET and POST /search/jql (Cloud). No total; the next page by token until ``isLast``."""
    given = _given(ask, CLOUD)
    fields = rules.names(ask, "fields") or ["id"]
    properties = _properties(ask)
    now_ids = _reconciled(ask)
    query = _query(box, ask, str(given.get("jql") or ""))
    cap = LEAN_CAP if set(fields) <= LEAN and not properties else box.settings.page_cap
    size = max(1, rules.count(ask, "maxResults", 50, most=cap))
    rows = _matching(box, ask, query, now_ids)
    digest = hashlib.sha256(json.dumps([given.get("jql"), sorted(now_ids), ask.who]).encode()).hexdigest()[:12]
    after = _opened(box, given.get("nextPageToken"), digest)
    compare = _compare(query)
    if after is not None:
        rows = [row for row in rows if compare(row, after) > 0]
    page, rest = rows[:size], rows[size:]
    half = "half_page" in ask.faults
    if half:
        page, rest = page[: len(page) // 2], []
    shaper = box.shaper(ask)
    answer: dict[str, Any] = {"issues": [shaper.issue(row, fields, properties=properties) for row in page]}
    answer["isLast"] = not rest
    if rest:
        answer["nextPageToken"] = _token(box, page[-1], digest)
        if box.settings.repeating_token and given.get("nextPageToken"):
            answer |= {"nextPageToken": given["nextPageToken"], "isLast": False}
    return Reply(200, answer)


def by_offset(box: JiraSandbox, ask: Ask) -> Reply:
    """GET and POST /search (Data Center). ``startAt`` drifts when issues move between two pages."""
    given = _given(ask, SERVER + (" properties" if box.settings.search_properties else ""))
    strict = str(given.get("validateQuery", "true")).lower() not in ("false", "none", "warn")
    query = _query(box, ask, str(given.get("jql") or ""), strict=strict)
    start = rules.count(ask, "startAt", 0, most=1 << 40)
    size = rules.count(ask, "maxResults", 50, most=box.settings.search_max)
    rows = _matching(box, ask, query, set())
    total, page = len(rows), rows[start : start + size]
    if "half_page" in ask.faults:
        page = page[: len(page) // 2]
        total = start + len(page)
    shaper = box.shaper(ask)
    properties = _properties(ask) if box.settings.search_properties else []
    fields = rules.names(ask, "fields")
    shown = [shaper.issue(row, fields, properties=properties, default="*navigable") for row in page]
    return Reply(200, {"expand": "names,schema", "startAt": start, "maxResults": size, "total": total, "issues": shown})


def count(box: JiraSandbox, ask: Ask) -> Reply:
    """POST /search/approximate-count (Cloud)."""
    given = rules.body(ask, "jql")
    return Reply(200, {"count": len(_matching(box, ask, _query(box, ask, str(given.get("jql") or "")), set()))})


def bulk(box: JiraSandbox, ask: Ask) -> Reply:
    """POST /issue/bulkfetch (Cloud): consistent, as reading one issue is; what is not there is told in ``issueErrors``."""
    given = rules.body(ask, "issueIdsOrKeys fields expand properties fieldsByKeys")
    wanted = given.get("issueIdsOrKeys")
    fields = rules.names(ask, "fields")
    most = BULK_LEAN_LIMIT if fields and set(fields) <= LEAN else BULK_LIMIT
    if not isinstance(wanted, list) or not wanted or len(wanted) > most:
        rules.refuse(400, f"issueIdsOrKeys must hold 1 to {most} ids or keys.")
    properties, shaper = _properties(ask), box.shaper(ask)
    found, lost = {}, []
    for one in wanted:
        row = box.store.find(str(one))
        if row is None or not box.can(ask.who, row.project, "BROWSE_PROJECTS"):
            lost.append({"id": str(one), "errorMessage": rules.UNSEEN})
        else:
            found[row.id] = shaper.issue(row, fields, properties=properties, default="*navigable")
    return Reply(200, {"issues": [found[number] for number in sorted(found)], "issueErrors": lost})


def _given(ask: Ask, known: str) -> dict[str, Any]:
    return dict(ask.query) if ask.method == "GET" else rules.body(ask, known)


def _properties(ask: Ask) -> list[str]:
    keys = rules.names(ask, "properties") or []
    if len(keys) > PROPERTY_KEYS:
        rules.refuse(400, f"At most {PROPERTY_KEYS} issue properties can be asked for.")
    return keys


def _reconciled(ask: Ask) -> set[int]:
    """The ids of ``reconcileIssues``: these the search sees as they are."""
    ids = rules.names(ask, "reconcileIssues") or []
    if len(ids) > RECONCILE_LIMIT or any(not one.isdigit() for one in ids):
        rules.refuse(400, f"reconcileIssues takes at most {RECONCILE_LIMIT} numeric issue ids.")
    return {int(one) for one in ids}


def _query(box: JiraSandbox, ask: Ask, jql: str, *, strict: bool = True) -> Query:
    try:
        query = parse(box, jql, ask.who, strict=strict)
    except JqlError as error:
        rules.refuse(400, str(error))
    if box.is_cloud and not query.bounded:
        rules.refuse(400, "Unbounded JQL queries are not allowed here. Please add a search restriction to your query.")
    return query


def _matching(box: JiraSandbox, ask: Ask, query: Query, now_ids: set[int]) -> list[Issue]:
    """The issues that the index shows and the person may see, in the query's order."""
    if "empty_listing" in ask.faults:
        return []
    seen = _index(box, ask.faults.get("stale"), now_ids)
    box.store.lists += 1
    allowed = {number for number in box.store.projects if box.can(ask.who, number, "BROWSE_PROJECTS")}
    rows = [row for row in seen if not row.gone and row.project in allowed and query.test(row)]
    rows.sort(key=lambda row: row.id)
    for key, down in reversed(query.order):
        rows.sort(key=key, reverse=down)  # stable in both directions
    return rows


def _index(box: JiraSandbox, fault: Fault | None, now_ids: set[int]) -> list[Issue]:
    """All issues as the index knows them: ``index_lag_s`` and the fault ``stale`` make it late."""
    store, now, lag = box.store, box.clock.now(), box.settings.index_lag_s
    if not lag and fault is None:
        return list(store.issues.values())
    seen: dict[int, Issue | None] = dict(store.issues)
    for undone, past in enumerate(reversed(store.history)):
        late = bool(lag) and past.at > now - lag
        if not late and fault is not None:
            late = fault.is_late(past.at, now, lists=store.lists - past.lists, undone=undone)
            late = late and (not fault.item or re.search(fault.item, str(past.id)) is not None)
        if late and past.id not in now_ids:
            seen[past.id] = past.before
    return [row for row in seen.values() if row is not None]


def _compare(query: Query) -> Any:
    """Three-way comparison of two issues in the query's order, the id last."""

    def compare(one: Any, other: Any) -> int:
        for key, down in query.order:
            mine, theirs = key(one), key(other)
            if mine != theirs:
                return (1 if mine > theirs else -1) * (-1 if down else 1)
        return int(one.id > other.id) - int(one.id < other.id)

    return compare


def _token(box: JiraSandbox, row: Issue, digest: str) -> str:
    """Where the page ended: the row as it then was, so that the rest can be found whatever moves meanwhile."""
    number = len(box.marks)
    box.marks[number] = (box.clock.now(), digest, row)
    return base64.urlsafe_b64encode(f"page:{number}:{digest}".encode()).decode()


def _opened(box: JiraSandbox, token: Any, digest: str) -> Issue | None:
    """Where to go on.

    Raises: Refused with 400 for a token of another query, or one that is too old.
    """
    if not token:
        return None
    try:
        _, number, _ = base64.urlsafe_b64decode(str(token).encode()).decode().split(":")
        made_at, of, row = box.marks[int(number)]
    except (ValueError, KeyError):
        rules.refuse(400, "The provided next page token is invalid.")
    if of != digest or made_at < box.clock.now() - TOKEN_DAYS * 86_400:
        rules.refuse(400, "The provided next page token is invalid or has expired for this query.")
    return row
