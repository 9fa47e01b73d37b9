"""The JSON of the Jira sandbox, as one reader sees it: users, projects, statuses, issues, comments, worklogs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bridge.sandbox import jira_rules as rules
from bridge.sandbox import jira_scheme as scheme
from bridge.sandbox import rewriting

if TYPE_CHECKING:
    from collections.abc import Iterable

    from bridge.sandbox.exchange import Ask
    from bridge.sandbox.jira import JiraSandbox
    from bridge.sandbox.jira_scheme import Field
    from bridge.sandbox.jira_store import Comment, Issue, Link, Person, Project, Worklog

INLINE_WORKLOGS = 20


class Shaper:
    """The shapes for one request: addresses with the client's base, instants in the reader's zone."""

    def __init__(self, box: JiraSandbox, ask: Ask) -> None:
        self.box, self.store = box, box.store
        self.base = f"{ask.base}{box.settings.context}{box.api}"
        self.who = ask.who
        reader = box.store.people.get(ask.who)
        self.zone = reader.zone if reader else "UTC"
        self.mirrored = rewriting.is_mirrored(ask)

    def at(self, milliseconds: int | None) -> str | None:
        return None if milliseconds is None else rules.stamp(milliseconds, self.zone)

    def person(self, name: str | None) -> dict[str, Any] | None:
        row = self.store.people.get(name) if name else None
        return None if row is None else self.user(row)

    def user(self, row: Person) -> dict[str, Any]:
        if self.box.is_cloud:
            shown: dict[str, Any] = {
                "self": f"{self.base}/user?accountId={row.account}",
                "accountId": row.account,
                "accountType": "atlassian",
                "displayName": row.display,
                "active": row.active,
                "timeZone": row.zone,
            }
        else:
            shown = {
                "self": f"{self.base}/user?username={row.name}",
                "name": row.name,
                "key": row.key,
                "displayName": row.display,
                "active": row.active,
                "timeZone": row.zone,
            }
        if not row.mail_hidden or row.name == self.who:
            shown["emailAddress"] = row.mail
        return shown

    def status(self, number: str) -> dict[str, Any]:
        name, category = scheme.STATUSES[number]
        place, title, color = scheme.CATEGORIES[category]
        return {
            "self": f"{self.base}/status/{number}",
            "description": "",
            "name": self.box.settings.renamed.get(name, name),
            "id": number,
            "statusCategory": {
                "self": f"{self.base}/statuscategory/{place}",
                "id": place,
                "key": category,
                "colorName": color,
                "name": title,
            },
        }

    def priority(self, number: str | None) -> dict[str, Any] | None:
        if number is None:
            return None
        return {"self": f"{self.base}/priority/{number}", "name": scheme.PRIORITIES[number], "id": number}

    def resolution(self, number: str | None) -> dict[str, Any] | None:
        if number is None:
            return None
        name = scheme.RESOLUTIONS[number]
        return {"self": f"{self.base}/resolution/{number}", "id": number, "description": "", "name": name}

    def type(self, number: str) -> dict[str, Any]:
        name, subtask, level = scheme.TYPES[number]
        made = {
            "self": f"{self.base}/issuetype/{number}",
            "id": number,
            "description": "",
            "name": name,
            "subtask": subtask,
        }
        return made | ({"hierarchyLevel": level} if self.box.is_cloud else {})

    def project(self, row: Project, *, whole: bool = False) -> dict[str, Any]:
        made: dict[str, Any] = {
            "self": f"{self.base}/project/{row.id}",
            "id": row.id,
            "key": row.key,
            "name": row.name,
            "projectTypeKey": row.kind,
        }
        if self.box.is_cloud:
            made["simplified"] = False
        if whole:
            made |= {
                "description": "",
                "lead": self.person(row.lead),
                "components": [self.named(row, "component", name) for name in row.components],
                "issueTypes": [self.type(number) for number in scheme.TYPES],
                "versions": [self.named(row, "version", name) for name in row.versions],
                "roles": {},
            }
        return made

    def named(self, project: Project, kind: str, name: str) -> dict[str, Any]:
        """A component or version; the id is made of the project's and the place."""
        places = project.components if kind == "component" else project.versions
        number = f"{project.id}{places.index(name)}" if name in places else "0"
        made: dict[str, Any] = {"self": f"{self.base}/{kind}/{number}", "id": number, "name": name}
        return made if kind == "component" else made | {"archived": False, "released": False}

    def ref(self, issue: Issue) -> dict[str, Any]:
        """An issue as another one shows it."""
        return {
            "id": str(issue.id),
            "key": issue.key,
            "self": f"{self.base}/issue/{issue.id}",
            "fields": {
                "summary": issue.summary,
                "status": self.status(issue.status),
                "priority": self.priority(issue.priority),
                "issuetype": self.type(issue.type),
            },
        }

    def link_type(self, name: str) -> dict[str, Any]:
        row = next(row for row in self.store.link_types if row[0] == name)
        return {
            "id": row[0],
            "name": row[1],
            "inward": row[2],
            "outward": row[3],
            "self": f"{self.base}/issueLinkType/{row[0]}",
        }

    def link(self, link: Link, seen_from: int | None = None) -> dict[str, Any]:
        """A link; seen from one of its issues only the other is shown, under the name of its direction."""
        made = {
            "id": str(link.id),
            "self": f"{self.base}/issueLink/{link.id}",
            "type": self.link_type(link.type),
        }
        if seen_from != link.target:
            made["outwardIssue"] = self.ref(self.store.issues[link.target])
        if seen_from != link.source:
            made["inwardIssue"] = self.ref(self.store.issues[link.source])
        return made

    def comment(self, row: Comment, *, properties: bool = False) -> dict[str, Any]:
        made: dict[str, Any] = {
            "self": f"{self.base}/issue/{row.issue}/comment/{row.id}",
            "id": str(row.id),
            "author": self.person(row.author),
            "body": row.body,
            "updateAuthor": self.person(row.editor),
            "created": self.at(row.created),
            "updated": self.at(row.updated),
        }
        if row.visibility:
            made["visibility"] = dict(row.visibility)
        if self.box.is_cloud or self.store.projects[self.store.issues[row.issue].project].kind == "service_desk":
            made["jsdPublic"] = not is_internal(row)
        if properties:
            made["properties"] = [{"key": key, "value": value} for key, value in row.properties.items()]
        return made

    def worklog(self, row: Worklog, *, properties: bool = False) -> dict[str, Any]:
        made: dict[str, Any] = {
            "self": f"{self.base}/issue/{row.issue}/worklog/{row.id}",
            "author": self.person(row.author),
            "updateAuthor": self.person(row.editor),
            "created": self.at(row.created),
            "updated": self.at(row.updated),
            "started": self.at(row.started),
            "timeSpent": rules.spoken(row.seconds),
            "timeSpentSeconds": row.seconds,
            "id": str(row.id),
            "issueId": str(row.issue),
        }
        if row.body is not None or not self.box.is_cloud:
            made["comment"] = row.body or ""
        if row.visibility:
            made["visibility"] = dict(row.visibility)
        if properties:
            made["properties"] = [{"key": key, "value": value} for key, value in row.properties.items()]
        return made

    def issue(
        self, issue: Issue, wanted: list[str] | None, *, properties: Iterable[str] = (), default: str = "*all"
    ) -> dict[str, Any]:
        """An issue with the fields of ``wanted``: names, ``*all``, ``*navigable``, ``-name``."""
        made: dict[str, Any] = {"expand": "", "id": str(issue.id)}
        names = wanted if wanted is not None else [default]
        if names == ["id"]:
            return {"id": str(issue.id)}
        made |= {"self": f"{self.base}/issue/{issue.id}", "key": issue.key}
        made["fields"] = {
            field.id: FILLERS[field.id](self, issue) if field.id in FILLERS else custom(self, field, issue)
            for field in chosen(self.box, names)
        }
        for name in ("parent",):
            if made["fields"].get(name, "") is None:
                del made["fields"][name]
        if properties:
            keys = list(issue.properties) if "*all" in properties else list(properties)
            made["properties"] = {key: issue.properties[key] for key in keys if key in issue.properties}
        return made


def custom(shaper: Shaper, field: Field, issue: Issue) -> Any:
    value = issue.custom.get(field.id)
    if value is None:
        return None
    if field.kind == "option":
        return option(shaper, field, value)
    if field.item == "option":
        return [option(shaper, field, each) for each in value]
    if field.kind == "user":
        return shaper.person(value)
    return shaper.at(value) if field.kind == "datetime" else value


def option(shaper: Shaper, field: Field, value: str) -> dict[str, Any]:
    number = f"{field.id.removeprefix('customfield_')}{field.options.index(value)}"
    return {"self": f"{shaper.base}/customFieldOption/{number}", "value": value, "id": number}


def is_internal(row: Comment) -> bool:
    marked = row.properties.get("sd.public.comment")
    return isinstance(marked, dict) and bool(marked.get("internal"))


def chosen(box: JiraSandbox, names: list[str]) -> list[Field]:
    """The fields asked for, in the site's order. Names that do not exist are ignored."""
    wanted = {name for name in names if not name.startswith(("-", "*"))}
    dropped = {name[1:] for name in names if name.startswith("-")}
    every, navigable = "*all" in names, "*navigable" in names
    return [
        field
        for field in scheme.fields(box)
        if field.id not in dropped and (every or field.id in wanted or (navigable and field.id not in scheme.ON_DEMAND))
    ]


def _links(shaper: Shaper, issue: Issue) -> list[Any]:
    return [
        shaper.link(link, issue.id)
        for link in shaper.store.links_of(issue.id)
        if not shaper.store.issues[link.source].gone and not shaper.store.issues[link.target].gone
    ]


def _worklogs(shaper: Shaper, issue: Issue) -> dict[str, Any]:
    """The first 20 entries of an issue with the true total: the list inside an issue is cut."""
    rows = [row for row in shaper.store.attached("worklogs", issue.id) if sees(shaper.box, shaper.who, row)]
    shown = [shaper.worklog(row) for row in rows[:INLINE_WORKLOGS]]
    return {"startAt": 0, "maxResults": INLINE_WORKLOGS, "total": len(rows), "worklogs": shown}


def _comments(shaper: Shaper, issue: Issue) -> dict[str, Any]:
    rows = [row for row in shaper.store.attached("comments", issue.id) if sees(shaper.box, shaper.who, row)]
    shown = [shaper.comment(row) for row in rows[: shaper.box.settings.inline_comments]]
    most = shaper.box.settings.inline_comments
    return {"comments": shown, "self": "", "maxResults": most, "total": len(rows), "startAt": 0}


def _tracking(shaper: Shaper, issue: Issue) -> dict[str, Any]:
    spent = _spent(shaper, issue)
    made: dict[str, Any] = {}
    for name, value in (
        ("originalEstimate", issue.original),
        ("remainingEstimate", issue.remaining),
        ("timeSpent", spent),
    ):
        if value is not None:
            made |= {name: rules.spoken(value), f"{name}Seconds": value}
    return made


def _spent(shaper: Shaper, issue: Issue) -> int | None:
    return sum(row.seconds for row in shaper.store.attached("worklogs", issue.id)) or None


def _parent(shaper: Shaper, issue: Issue) -> dict[str, Any] | None:
    row = shaper.store.issues.get(issue.parent) if issue.parent else None
    return None if row is None or row.gone else shaper.ref(row)


def _list(shaper: Shaper, issue: Issue, kind: str, names: tuple[str, ...]) -> list[Any]:
    project = shaper.store.projects[issue.project]
    return [shaper.named(project, kind, name) for name in names]


FILLERS: dict[str, Any] = {
    "summary": lambda _, issue: issue.summary,
    "description": lambda _, issue: issue.description,
    "environment": lambda _, issue: issue.environment,
    "issuetype": lambda shaper, issue: shaper.type(issue.type),
    "project": lambda shaper, issue: shaper.project(shaper.store.projects[issue.project]),
    "status": lambda shaper, issue: shaper.status(issue.status),
    "resolution": lambda shaper, issue: shaper.resolution(issue.resolution),
    "priority": lambda shaper, issue: shaper.priority(issue.priority),
    "labels": lambda shaper, issue: sorted(issue.labels, reverse=shaper.mirrored),
    "assignee": lambda shaper, issue: shaper.person(issue.assignee),
    "reporter": lambda shaper, issue: shaper.person(issue.reporter),
    "creator": lambda shaper, issue: shaper.person(issue.creator),
    "created": lambda shaper, issue: shaper.at(issue.created),
    "updated": lambda shaper, issue: shaper.at(issue.updated),
    "resolutiondate": lambda shaper, issue: shaper.at(issue.resolved),
    "duedate": lambda _, issue: issue.due,
    "components": lambda shaper, issue: _list(shaper, issue, "component", issue.components),
    "fixVersions": lambda shaper, issue: _list(shaper, issue, "version", issue.fix_versions),
    "versions": lambda shaper, issue: _list(shaper, issue, "version", issue.versions),
    "parent": _parent,
    "subtasks": lambda shaper, issue: [
        shaper.ref(row) for row in shaper.store.subtasks(issue) if scheme.TYPES[row.type][1]
    ],
    "issuelinks": _links,
    "timetracking": _tracking,
    "timeoriginalestimate": lambda _, issue: issue.original,
    "timeestimate": lambda _, issue: issue.remaining,
    "timespent": _spent,
    "worklog": _worklogs,
    "comment": _comments,
}


def sees(box: JiraSandbox, who: str, row: Comment | Worklog) -> bool:
    """Whether a comment or entry is meant for this person too."""
    reader = box.store.people.get(who)
    return row.visibility is None or (reader is not None and row.visibility["value"] in reader.roles)


def meta(box: JiraSandbox, ask: Ask, field: Field, project: str, *, required: bool = False) -> dict[str, Any]:
    """A field as editmeta, createmeta and transitions describe it."""
    verbs = ["add", "set", "remove"] if field.kind == "array" else ["set"]
    if field.id == "timetracking":
        verbs = ["set", "edit"]
    made: dict[str, Any] = {
        "required": required,
        "schema": field.schema,
        "name": field.name,
        "key": field.id,
        "operations": ["add", "edit", "remove"] if field.id in scheme.ON_DEMAND else verbs,
    }
    allowed = _allowed(box, ask, field, project)
    return made | ({"allowedValues": allowed} if allowed is not None else {})


def _allowed(box: JiraSandbox, ask: Ask, field: Field, project: str) -> list[Any] | None:
    shaper, place = box.shaper(ask), box.store.projects[project]
    rows: dict[str, Any] = {
        "priority": lambda: [shaper.priority(number) for number in scheme.PRIORITIES],
        "issuetype": lambda: [shaper.type(number) for number in scheme.TYPES],
        "resolution": lambda: [shaper.resolution(number) for number in scheme.RESOLUTIONS],
        "components": lambda: [shaper.named(place, "component", name) for name in place.components],
        "fixVersions": lambda: [shaper.named(place, "version", name) for name in place.versions],
        "versions": lambda: [shaper.named(place, "version", name) for name in place.versions],
    }
    if field.options:
        return [option(shaper, field, value) for value in field.options]
    return rows[field.id]() if field.id in rows else None


def metadata(box: JiraSandbox, ask: Ask, issue: Issue) -> dict[str, Any]:
    """What editmeta says of an issue."""
    if not box.can(ask.who, issue.project, "EDIT_ISSUES"):
        return {}
    project = box.store.projects[issue.project]
    subtask = scheme.TYPES[issue.type][1]
    rows = scheme.on_screen(box, ask.who, project, is_subtask=subtask, create=False)
    return {row.id: meta(box, ask, row, project.id, required=row.id in ("summary", "issuetype")) for row in rows}
