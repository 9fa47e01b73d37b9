"""Worklogs of the Jira sandbox: entries of an issue, the remaining estimate they move, and the feeds of changed ones."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from bridge.sandbox import jira_events as events
from bridge.sandbox import jira_links
from bridge.sandbox import jira_rules as rules
from bridge.sandbox import jira_shapes as shapes
from bridge.sandbox.exchange import Reply
from bridge.sandbox.jira_store import Worklog
from bridge.sandbox.jira_talk import visibility

if TYPE_CHECKING:
    from bridge.sandbox.exchange import Ask
    from bridge.sandbox.jira import JiraSandbox
    from bridge.sandbox.jira_store import Issue

MEMBERS = "started timeSpent timeSpentSeconds comment visibility properties"
ADJUST = ("auto", "leave", "new", "manual")
PAGE, LIST_LIMIT, LONGEST_S = 5000, 1000, 365 * 86_400


def of_issue(box: JiraSandbox, ask: Ask) -> Reply:
    """GET pages an issue's entries, oldest first; POST adds one."""
    issue = box.issue(ask)
    expanded = "properties" in (rules.names(ask, "expand") or [])
    if ask.method == "POST":
        return Reply(201, box.shaper(ask).worklog(add(box, ask, issue, ask.body), properties=expanded))
    rows = [row for row in box.store.attached("worklogs", issue.id) if shapes.sees(box, ask.who, row)]
    after = rules.count(ask, "startedAfter", 0, most=1 << 60)
    before = rules.count(ask, "startedBefore", 1 << 60, most=1 << 60)
    rows = [row for row in rows if after <= row.started < before]
    start, size = rules.count(ask, "startAt", 0, most=1 << 40), rules.count(ask, "maxResults", PAGE, most=PAGE)
    rows, total = rules.listed(ask, rows), len(rows)
    page = [box.shaper(ask).worklog(row, properties=expanded) for row in rows[start : start + size]]
    return Reply(200, {"startAt": start, "maxResults": size, "total": total, "worklogs": page})


def add(box: JiraSandbox, ask: Ask, issue: Issue, body: Any) -> Worklog:
    """Log work as the calling account; whole minutes, at least one."""
    if not box.settings.time_tracking:
        rules.refuse(400, "Time Tracking is not enabled.")
    box.may(ask, issue, "WORK_ON_ISSUES")
    box.may_change(issue)
    members = _members(box, ask, body, create=True)
    now = box.now_ms()
    members.setdefault("started", now)
    row = Worklog(box.store.new_id(), issue.id, ask.who, ask.who, created=now, updated=now, **members)
    remaining = _remaining(ask, issue, -row.seconds)
    box.store.attach("worklogs", row)
    _estimate(box, ask, issue, remaining)
    box.note(ask, "create", "worklog", f"{issue.id}/{row.id}")
    events.worklog(box, ask, "worklog_created", row)
    return row


def one(box: JiraSandbox, ask: Ask) -> Reply:
    """GET, PUT and DELETE of an entry. The same adjustEstimate as on adding."""
    issue, row = _find(box, ask)
    expanded = "properties" in (rules.names(ask, "expand") or [])
    if ask.method == "GET":
        return Reply(200, box.shaper(ask).worklog(row, properties=expanded))
    verb = "DELETE" if ask.method == "DELETE" else "EDIT"
    own = row.author == ask.who and box.can(ask.who, issue.project, f"{verb}_OWN_WORKLOGS")
    if not own and not box.can(ask.who, issue.project, f"{verb}_ALL_WORKLOGS"):
        rules.refuse(400, f"You do not have permission to {verb.lower()} worklog with id: {row.id}.")
    box.may_change(issue)
    if ask.method == "DELETE":
        remaining = _remaining(ask, issue, row.seconds)
        del box.store.worklogs[row.id]
        box.store.gone_logs.append([row.id, box.now_ms()])
        _estimate(box, ask, issue, remaining, touch=box.settings.deletion_touches)
        box.note(ask, "delete", "worklog", f"{issue.id}/{row.id}")
        events.worklog(box, ask, "worklog_deleted", row)
        return Reply(204)
    members = _members(box, ask, ask.body, create=False)
    changed = any(getattr(row, name) != value for name, value in members.items())
    if changed:
        remaining = _remaining(ask, issue, row.seconds - members.get("seconds", row.seconds))
        members["properties"] = row.properties | members.get("properties", {})
        row = box.store.attach("worklogs", replace(row, editor=ask.who, updated=box.now_ms(), **members))
        _estimate(box, ask, issue, remaining)
        events.worklog(box, ask, "worklog_updated", row)
    box.note(ask, "update", "worklog", f"{issue.id}/{row.id}", changed=changed)
    return Reply(200, box.shaper(ask).worklog(row, properties=expanded))


def _find(box: JiraSandbox, ask: Ask) -> tuple[Issue, Worklog]:
    issue = box.issue(ask)
    given = ask.params["worklog"]
    row = box.store.worklogs.get(int(given)) if given.isdigit() else None
    if row is None or row.issue != issue.id or not shapes.sees(box, ask.who, row):
        rules.refuse(404, f"Cannot find worklog with id: '{given}'.")
    return issue, row


def _members(box: JiraSandbox, ask: Ask, body: Any, *, create: bool) -> dict[str, Any]:
    if not isinstance(body, dict) or (unknown := sorted(set(body) - set(MEMBERS.split()))):
        rules.refuse(400, f"Unrecognized fields: {unknown if isinstance(body, dict) else body!r}")
    made: dict[str, Any] = {}
    spans = [name for name in ("timeSpent", "timeSpentSeconds") if body.get(name) is not None]
    if len(spans) > 1 or (create and not spans):
        rules.refuse(400, "Exactly one of timeSpent and timeSpentSeconds is needed.")
    if spans:
        made["seconds"] = _seconds(body[spans[0]], whole=spans[0] == "timeSpentSeconds")
    if body.get("started") is not None:
        made["started"] = rules.started(box, body["started"])
    if "comment" in body:
        made["body"] = rules.rich(box, ask, "comment", body["comment"])
    if "visibility" in body:
        made["visibility"] = visibility(box, ask, body["visibility"])
    if body.get("properties"):
        made["properties"] = jira_links.property_list(body["properties"])
    return made


def _seconds(value: Any, *, whole: bool) -> int:
    """The time spent, cut to whole minutes.

    Raises: Refused with 400 for none, for less than a minute and for more than a year.
    """
    if whole and (isinstance(value, bool) or not isinstance(value, int)):
        rules.refuse(400, "timeSpentSeconds must be a whole number.")
    amount = value if whole else rules.seconds(value)
    if amount is None:
        rules.invalid(timeLogged="Invalid time duration entered.")
    amount -= amount % 60
    if not 0 < amount <= LONGEST_S:
        rules.invalid(timeLogged="Invalid time duration entered.")
    return int(amount)


def _remaining(ask: Ask, issue: Issue, change: int) -> int | None:
    """The remaining estimate after an entry; ``change`` is by how many seconds ``auto`` moves it."""
    how = ask.query.get("adjustEstimate", "auto") if "/worklog" in ask.path else "auto"
    if how not in ADJUST:
        rules.refuse(400, f"adjustEstimate must be one of {', '.join(ADJUST)}.")
    if how == "leave":
        return issue.remaining
    if how == "new":
        return _asked(ask, "newEstimate")
    if how == "manual":
        name = "reduceBy" if change < 0 or ask.method == "PUT" else "increaseBy"
        moved = _asked(ask, name) * (-1 if name == "reduceBy" else 1)
        return max(0, (issue.remaining or 0) + moved)
    if issue.remaining is None and change <= 0:
        return None if issue.original is None else max(0, issue.original + change)
    return None if issue.remaining is None else max(0, issue.remaining + change)


def _asked(ask: Ask, name: str) -> int:
    amount = rules.seconds(ask.query.get(name))
    if amount is None:
        rules.invalid(**{name: f"{name} is needed, such as 2h 30m."})
    return amount


def updated(box: JiraSandbox, ask: Ask) -> Reply:
    """GET /worklog/updated: entries made or changed since; the last minute is held back, 1,000 a page, oldest first."""
    return _feed(box, ask, sorted((row.updated, row.id) for row in box.store.worklogs.values()))


def deleted(box: JiraSandbox, ask: Ask) -> Reply:
    """GET /worklog/deleted: the ids of deleted entries; those of deleted issues are not among them."""
    return _feed(box, ask, sorted((at, number) for number, at in box.store.gone_logs))


def _feed(box: JiraSandbox, ask: Ask, rows: list[tuple[int, int]]) -> Reply:
    since = rules.count(ask, "since", 0, most=1 << 60)
    until = box.now_ms() - round(box.settings.worklog_hold_s * 1000)
    rows = rules.listed(ask, [row for row in rows if since <= row[0] <= until])
    page = rows[: box.settings.worklog_page]
    shown = [{"worklogId": number, "updatedTime": at, "properties": []} for at, number in page]
    address = f"{box.shaper(ask).base}{rules.tail(ask)}"
    last = page[-1][0] if page else since
    answer = {"values": shown, "since": since, "until": last, "self": f"{address}?since={since}"}
    answer["lastPage"] = len(page) == len(rows)
    if not answer["lastPage"]:
        answer["nextPage"] = f"{address}?since={last}"
    return Reply(200, answer)


def by_ids(box: JiraSandbox, ask: Ask) -> Reply:
    """POST /worklog/list: those of up to 1,000 ids that the person may see; the others are missing."""
    ids = rules.body(ask, "ids").get("ids")
    if not isinstance(ids, list) or len(ids) > LIST_LIMIT:
        rules.refuse(400, f"ids must hold at most {LIST_LIMIT} worklog ids.")
    expanded = "properties" in (rules.names(ask, "expand") or [])
    found = [box.store.worklogs[number] for number in dict.fromkeys(ids) if number in box.store.worklogs]
    shown = [box.shaper(ask).worklog(row, properties=expanded) for row in found if _open(box, ask, row)]
    return Reply(200, shown)


def _open(box: JiraSandbox, ask: Ask, row: Worklog) -> bool:
    issue = box.store.issues[row.issue]
    return not issue.gone and box.can(ask.who, issue.project, "BROWSE_PROJECTS") and shapes.sees(box, ask.who, row)


def properties(box: JiraSandbox, ask: Ask) -> Reply:
    """GET, PUT and DELETE of a worklog's properties; they move no time stamp."""
    issue, row = _find(box, ask)
    item = f"{issue.id}/{row.id}"
    return jira_links.properties(
        box,
        ask,
        row.properties,
        ("worklog", item),
        lambda held: box.store.attach("worklogs", replace(row, properties=held)),
    )


def _estimate(box: JiraSandbox, ask: Ask, issue: Issue, remaining: int | None, *, touch: bool = True) -> None:
    """Store the remaining estimate and move the issue's ``updated``."""
    after = replace(issue, remaining=remaining)
    box.store.put(replace(after, updated=box.now_ms()) if touch else after, box.clock.now())
    if touch:
        events.issue(box, ask, "jira:issue_updated", box.store.issues[issue.id], name="issue_work_logged")
