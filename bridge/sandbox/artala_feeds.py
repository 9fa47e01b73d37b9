"""The OData feeds of the Artala sandbox: read-only rows with the columns of the vendor's page."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, quote

import msgspec

from bridge.sandbox import artala_rules as rules
from bridge.sandbox import artala_shapes as shapes
from bridge.sandbox import odata
from bridge.sandbox.artala_store import PRIORITIES
from bridge.sandbox.clock import iso_ms
from bridge.sandbox.exchange import Reply
from bridge.sandbox.odata import Column

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from bridge.sandbox.artala import ArtalaSandbox
    from bridge.sandbox.artala_store import ArtalaStore, Task, TimeEntry
    from bridge.sandbox.exchange import Ask

KEEP_RENDERED = 20_000


@dataclass(frozen=True, slots=True)
class Wish:
    """One query, read."""

    where: odata.Filter
    order: list[tuple[str, bool]]
    names: list[str]
    top: int | None
    skip: int
    count: bool


def feed(box: ArtalaSandbox, ask: Ask) -> Reply:
    """GET /odata/{Feed}. A page has at most ``page_cap`` rows; ``next_link`` decides whether the rest is announced."""
    name = ask.params["feed"]
    columns = columns_of(box, name)
    try:
        wish = _read(ask, columns)
    except odata.ODataError as error:
        return Reply(400, {"error": {"code": "", "message": f"The query specified in the URI is not valid. {error}"}})
    rows, total = _find(box, ask, name, columns, wish)
    room = box.settings.page_cap if wish.top is None else min(wish.top, box.settings.page_cap)
    page = list(islice(rows, wish.skip, wish.skip + room + 1))
    box.store.lists += name == "Tasks"
    more, page = len(page) > room, page[:room]
    left = None if wish.top is None else wish.top - room
    if "empty_listing" in ask.faults:
        page, more = [], False
    if "half_page" in ask.faults:
        page, more = page[: len(page) // 2], False
    answer: dict[str, Any] = {"@odata.context": f"{ask.base}/odata/$metadata#{name}"}
    if wish.count:
        answer["@odata.count"] = total()
    answer["value"] = [msgspec.Raw(_write(box, name, columns, wish.names, row)) for row in page]
    if more and box.settings.next_link and (left is None or left > 0):
        answer["@odata.nextLink"] = _next(ask, wish.skip + room, left)
    headers = {"content-type": "application/json; odata.metadata=minimal", "odata-version": "4.0"}
    return Reply(200, msgspec.json.encode(answer), headers)


def _read(ask: Ask, columns: dict[str, Column]) -> Wish:
    for option in ask.query:
        if option.startswith("$") and option not in odata.OPTIONS:
            raise odata.ODataError(f"The query option '{option}' is not supported by the sandbox.")
    if ask.query.get("$count", "false") not in ("true", "false"):
        raise odata.ODataError("$count must be true or false.")
    return Wish(
        odata.parse_filter(ask.query.get("$filter", ""), columns),
        odata.parse_order(ask.query.get("$orderby", ""), columns),
        odata.parse_select(ask.query.get("$select", ""), columns),
        odata.whole(ask.query, "$top", None),
        odata.whole(ask.query, "$skip", 0) or 0,
        ask.query.get("$count") == "true",
    )


def _next(ask: Ask, skip: int, left: int | None) -> str:
    kept = [
        (key, value) for key, value in parse_qsl(ask.raw_query, keep_blank_values=True) if key not in ("$skip", "$top")
    ]
    kept.append(("$skip", str(skip)))
    if left is not None:
        kept.append(("$top", str(left)))
    return f"{ask.base}{ask.path}?" + "&".join(f"{key}={quote(value, safe='')}" for key, value in kept)


def _find(
    box: ArtalaSandbox, ask: Ask, name: str, columns: dict[str, Column], wish: Wish
) -> tuple[Iterable[Any], Callable[[], int]]:
    """The matching rows in order, lazily where an index allows it, and how many there are."""
    keys = [column for column, _ in wish.order]
    forward = not any(backwards for _, backwards in wish.order)
    indexed = name == "Tasks" and forward and keys in (["UpdatedAt"], ["UpdatedAt", "Id"])
    if indexed and "stale" not in ask.faults:
        return _by_update(box, ask, wish), lambda: sum(1 for _ in _by_update(box, ask, wish))
    rows = _listed(box, ask, name, columns, wish)
    return rows, lambda: len(rows)


def _by_update(box: ArtalaSandbox, ask: Ask, wish: Wish) -> Iterator[Task]:
    low = max(
        (part.value for part in wish.where.ands if part.column == "UpdatedAt" and part.op in ("ge", "gt", "eq")),
        default=0,
    )
    store, test = box.store, wish.where.test
    start = bisect_left(store.by_update, (low or 0, ""))
    visible = _visible(box, ask)
    for place in range(start, len(store.by_update)):
        task = store.tasks[store.by_update[place][1]]
        if not task.is_archived and task.board_id in visible and test(task):
            yield task


def _visible(box: ArtalaSandbox, ask: Ask) -> set[str]:
    return {board_id for board_id in box.store.boards if box.sees(ask, board_id)}


def _listed(box: ArtalaSandbox, ask: Ask, name: str, columns: dict[str, Column], wish: Wish) -> list[Any]:
    """Filtered and sorted rows; kept until the next change so that paging does not sort again."""
    if "stale" in ask.faults:
        return odata.ordered([row for row in rows_of(box, ask, name) if wish.where.test(row)], wish.order, columns)
    key = (name, ask.who, ask.query.get("$filter", ""), ask.query.get("$orderby", ""))
    known = box.listings.get(key)
    if known is not None and known[0] == box.store.version:
        return known[1]
    rows = [row for row in rows_of(box, ask, name) if wish.where.test(row)]
    rows = odata.ordered(rows, wish.order, columns)
    if len(box.listings) > 8:
        box.listings.clear()
    box.listings[key] = (box.store.version, rows)
    return rows


def rows_of(box: ArtalaSandbox, ask: Ask, name: str) -> list[Any]:
    """All rows of a feed that the key may see, as the store's own rows; archived tasks are in none of the Task feeds."""
    store, visible = box.store, _visible(box, ask)
    if name == "Members":
        return list(store.members.values())
    if name == "Boards":
        return [row for row in store.boards.values() if row.id in visible and not row.is_archived]
    stale = ask.faults.get("stale")
    every = store.as_of(stale, box.clock.now()) if stale else store.tasks
    inside = {task.id: task for task in every.values() if task.board_id in visible}
    if name in ABOUT_TASKS:
        return ABOUT_TASKS[name](store, inside)
    return _hanging(store, name, [task for task in inside.values() if not task.is_archived])


ABOUT_TASKS: dict[str, Callable[[ArtalaStore, dict[str, Task]], list[Any]]] = {
    "TaskHistory": lambda store, inside: [(inside[row.task_id], row) for row in store.audit if row.task_id in inside],
    "TimeEntries": lambda store, inside: [
        (inside[row.task_id], row) for row in store.time.values() if row.task_id in inside
    ],
    "TaskBlockers": lambda store, inside: [
        (inside[blocked], inside[blocking])
        for blocked, blocking in store.blockers
        if blocked in inside and blocking in inside
    ],
}


def _hanging(store: ArtalaStore, name: str, tasks: list[Task]) -> list[Any]:
    if name == "TaskLabels":
        return [(task, store.labels[one]) for task in tasks for one in task.labels if one in store.labels]
    if name == "TaskFieldValues":
        return [(task, store.fields[one], value) for task in tasks for one, value in task.values if one in store.fields]
    return [task for task in tasks if task.is_backlog] if name == "BacklogTasks" else tasks


def _write(box: ArtalaSandbox, name: str, columns: dict[str, Column], names: list[str], row: Any) -> bytes:
    if name not in ("Tasks", "BacklogTasks") or names:
        return msgspec.json.encode({column: _text(columns[column], row) for column in names or columns})
    stamp = (box.store.decor, shapes.is_overdue(box.store, row, box.now_ms()), box.settings.wide_feed)
    known = box.rendered.get(row.id)
    if known is not None and known[0] is row and known[1] == stamp:
        return known[2]
    data = msgspec.json.encode({column: _text(columns[column], row) for column in columns})
    if len(box.rendered) >= KEEP_RENDERED:
        box.rendered.clear()
    box.rendered[row.id] = (row, stamp, data)
    return data


def _text(column: Column, row: Any) -> Any:
    value = column.get(row)
    return iso_ms(value) if column.type == "instant" else value


def columns_of(box: ArtalaSandbox, name: str) -> dict[str, Column]:
    """The columns of a feed.

    Raises: Refused with 404 for a feed that does not exist.
    """
    if name not in FEEDS:
        rules.refuse(404, f"There is no feed {name}.")
    if name not in box.columns or box.columns[name][0] is not box.store.boards:
        box.columns[name] = (box.store.boards, FEEDS[name](box))
    columns: dict[str, Column] = box.columns[name][1]
    if name in ("Tasks", "BacklogTasks") and not box.settings.wide_feed:
        return {key: column for key, column in columns.items() if key not in ("StartDate", "CoverColor")}
    return columns


def _task_columns(box: ArtalaSandbox) -> dict[str, Column]:
    store = box.store
    return {
        "Id": Column("guid", lambda row: row.id),
        "BoardId": Column("guid", lambda row: row.board_id),
        "BoardName": Column("string", lambda row: store.boards[row.board_id].name),
        "Title": Column("string", lambda row: row.title),
        "Description": Column("string", lambda row: row.description),
        "Status": Column("string", lambda row: row.status),
        "Priority": Column("number", lambda row: row.priority),
        "PriorityName": Column("string", lambda row: PRIORITIES[row.priority]),
        "AssigneeId": Column("guid", lambda row: row.assignee_id),
        "AssigneeName": Column("string", lambda row: _name(box, row.assignee_id)),
        "DueDate": Column("instant", lambda row: row.due_date),
        "StartDate": Column("instant", lambda row: row.start_date),
        "IsOverdue": Column("bool", lambda row: shapes.is_overdue(store, row, box.now_ms())),
        "IsBacklog": Column("bool", lambda row: row.is_backlog),
        "IsArchived": Column("bool", lambda row: row.is_archived),
        "CompletedAt": Column("instant", lambda row: row.completed_at),
        "CreatedAt": Column("instant", lambda row: row.created_at),
        "UpdatedAt": Column("instant", lambda row: row.updated_at),
        "Effort": Column("number", lambda row: row.effort),
        "CoverColor": Column("string", lambda row: row.cover_color),
        "ExternalId": Column("string", lambda row: row.external_id),
        "ExternalSource": Column("string", lambda row: row.external_source),
        "SortOrder": Column("number", lambda row: row.sort_order),
    }


def _name(box: ArtalaSandbox, member_id: str | None) -> str | None:
    member = box.store.members.get(member_id or "")
    return member.full_name if member else None


def _of_task(box: ArtalaSandbox) -> dict[str, Column]:
    """The columns that rows about a task begin with; such a row is a tuple with the task first."""
    return {
        "TaskId": Column("guid", lambda row: row[0].id),
        "TaskTitle": Column("string", lambda row: row[0].title),
        "BoardId": Column("guid", lambda row: row[0].board_id),
        "BoardName": Column("string", lambda row: box.store.boards[row[0].board_id].name),
    }


def _label_columns(box: ArtalaSandbox) -> dict[str, Column]:
    return _of_task(box) | {
        "LabelName": Column("string", lambda row: row[1].name),
        "Color": Column("string", lambda row: row[1].color),
    }


def _value_columns(box: ArtalaSandbox) -> dict[str, Column]:
    """Without the board, as the vendor's page lists them; the switch ``wide_feed`` adds it."""
    head = _of_task(box)
    if not box.settings.wide_feed:
        del head["BoardId"], head["BoardName"]
    return head | {
        "FieldId": Column("guid", lambda row: row[1].id),
        "FieldName": Column("string", lambda row: row[1].name),
        "FieldType": Column("string", lambda row: row[1].type),
        "Value": Column("string", lambda row: row[2]),
    }


def _history_columns(box: ArtalaSandbox) -> dict[str, Column]:
    return (
        {"Id": Column("guid", lambda row: row[1].id)}
        | _of_task(box)
        | {
            "FieldChanged": Column("string", lambda row: row[1].field),
            "OldValue": Column("string", lambda row: row[1].old),
            "NewValue": Column("string", lambda row: row[1].new),
            "ChangedById": Column("guid", lambda row: row[1].by_id),
            "ChangedBy": Column("string", lambda row: _name(box, row[1].by_id)),
            "ChangedAt": Column("instant", lambda row: row[1].at),
        }
    )


def _time_columns(box: ArtalaSandbox) -> dict[str, Column]:
    return (
        {"Id": Column("guid", lambda row: row[1].id)}
        | _of_task(box)
        | {
            "UserId": Column("guid", lambda row: row[1].user_id),
            "UserName": Column("string", lambda row: _name(box, row[1].user_id)),
            "LoggedDate": Column("date", lambda row: row[1].logged_on),
            "Hours": Column("number", lambda row: row[1].hours),
            "Note": Column("string", lambda row: row[1].note),
            "WeekStatus": Column("string", lambda row: _week(box, row[1])),
            "CreatedAt": Column("instant", lambda row: row[1].created_at),
        }
    )


def _week(box: ArtalaSandbox, row: TimeEntry) -> str:
    return "Approved" if (row.user_id, rules.monday(row.logged_on)) in box.store.approved else "Draft"


def _blocker_columns(box: ArtalaSandbox) -> dict[str, Column]:
    return {
        "BlockedTaskId": Column("guid", lambda row: row[0].id),
        "BlockedTaskTitle": Column("string", lambda row: row[0].title),
        "BlockingTaskId": Column("guid", lambda row: row[1].id),
        "BlockingTaskTitle": Column("string", lambda row: row[1].title),
        "BlockingTaskIsDone": Column("bool", lambda row: box.is_done(row[1].status)),
    }


def _board_columns(box: ArtalaSandbox) -> dict[str, Column]:
    def tasks_on(row: Any) -> int:
        return sum(1 for task in box.store.tasks.values() if task.board_id == row.id and not task.is_archived)

    return {
        "Id": Column("guid", lambda row: row.id),
        "Name": Column("string", lambda row: row.name),
        "Description": Column("string", lambda row: row.description),
        "IsPublic": Column("bool", lambda row: not row.is_private),
        "IsBacklogBoard": Column("bool", lambda row: row.is_backlog),
        "TaskCount": Column("number", tasks_on),
        "MemberCount": Column("number", lambda row: len(row.members) if row.is_private else len(box.store.members)),
        "CreatedAt": Column("instant", lambda row: row.created_at),
        "UpdatedAt": Column("instant", lambda row: row.updated_at),
    }


def _member_columns(_: ArtalaSandbox) -> dict[str, Column]:
    return {
        "Id": Column("guid", lambda row: row.id),
        "FullName": Column("string", lambda row: row.full_name),
        "Email": Column("string", lambda row: row.email),
        "Role": Column("string", lambda row: row.role),
        "IsActive": Column("bool", lambda row: row.is_active),
        "TotpEnabled": Column("bool", lambda _: False),
        "LastLoginAt": Column("instant", lambda _: None),
        "CreatedAt": Column("instant", lambda _: 1_700_000_000_000),
    }


FEEDS: dict[str, Callable[[ArtalaSandbox], dict[str, Column]]] = {
    "Tasks": _task_columns,
    "BacklogTasks": _task_columns,
    "TaskLabels": _label_columns,
    "TaskFieldValues": _value_columns,
    "TaskHistory": _history_columns,
    "TimeEntries": _time_columns,
    "TaskBlockers": _blocker_columns,
    "Boards": _board_columns,
    "Members": _member_columns,
}
