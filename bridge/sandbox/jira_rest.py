"""The other resources of the Jira sandbox: the server, people, projects, fields, permissions, settings, webhooks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bridge.sandbox import jira_rules as rules
from bridge.sandbox import jira_scheme as scheme
from bridge.sandbox import jira_shapes as shapes
from bridge.sandbox.exchange import Reply

if TYPE_CHECKING:
    from bridge.sandbox.exchange import Ask
    from bridge.sandbox.jira import JiraSandbox
    from bridge.sandbox.jira_store import Person, Project

TITLES = {"BROWSE_PROJECTS": "Browse Projects", "EDIT_ISSUES": "Edit Issues"}


def server_info(box: JiraSandbox, ask: Ask) -> Reply:
    """Open to everybody."""
    version = "1001.0.0-SNAPSHOT" if box.is_cloud else "10.3.24"
    made: dict[str, Any] = {
        "baseUrl": f"{ask.base}{box.settings.context}",
        "version": version,
        "versionNumbers": [1001, 0, 0] if box.is_cloud else [10, 3, 24],
        "deploymentType": "Cloud" if box.is_cloud else "Server",
        "buildNumber": 100_290 if box.is_cloud else 10_030_024,
        "buildDate": "2026-10-01T00:00:00.000+0000",
        "serverTime": rules.stamp(box.now_ms(), "UTC"),
        "scmInfo": "0",
        "serverTitle": "Sandbox",
    }
    return Reply(200, made)


def myself(box: JiraSandbox, ask: Ask) -> Reply:
    if not ask.who:
        rules.refuse(401, "Client must be authenticated to access this resource.")
    row = box.store.people[ask.who]
    return Reply(200, box.shaper(ask).user(row) | {"locale": "en_GB", "emailAddress": row.mail})


def user(box: JiraSandbox, ask: Ask) -> Reply:
    name = ask.query.get("accountId" if box.is_cloud else "username") or (
        "" if box.is_cloud else ask.query.get("key", "")
    )
    row = box.person(name)
    if row is None:
        rules.refuse(404, f"The user named '{name}' does not exist" if name else "Specify a user.")
    return Reply(200, box.shaper(ask).user(row))


def users(box: JiraSandbox, ask: Ask) -> Reply:
    """GET /user/search: by the beginning of a name or of a mail that is not hidden."""
    return Reply(200, _people(box, ask, list(box.store.people.values()), needed=True))


def assignable(box: JiraSandbox, ask: Ask) -> Reply:
    """GET /user/assignable/search for a project or an issue."""
    if "project" in ask.query:
        project = box.store.project(ask.query["project"])
    else:
        issue = box.store.find(ask.query.get("issueKey", ask.query.get("issueId", "")))
        project = box.store.projects[issue.project] if issue else None
    if project is None or not box.can(ask.who, project.id, "BROWSE_PROJECTS"):
        rules.refuse(
            404 if "project" in ask.query else 400, f"No project could be found with key '{ask.query.get('project')}'."
        )
    rows = [row for row in box.store.people.values() if "ASSIGNABLE_USER" in project.rights.get(row.name, ())]
    return Reply(200, _people(box, ask, rows, needed=False))


def _people(box: JiraSandbox, ask: Ask, rows: list[Person], *, needed: bool) -> list[dict[str, Any]]:
    name = "query" if box.is_cloud else "username"
    account = ask.query.get("accountId") if box.is_cloud else None
    wanted = ask.query.get(name)
    if needed and not wanted and account is None:
        rules.refuse(400, f"The '{name}' query parameter was not provided.")
    low = (wanted or "").casefold()

    def found(row: Person) -> bool:
        words = [row.display, *row.display.split(), *([] if row.mail_hidden else [row.mail])]
        words += [] if box.is_cloud else [row.name]
        return (
            row.active and (account in (None, row.account)) and any(word.casefold().startswith(low) for word in words)
        )

    start, size = rules.count(ask, "startAt", 0, most=1 << 40), rules.count(ask, "maxResults", 50, most=1000)
    shaper = box.shaper(ask)
    return [shaper.user(row) for row in rows if found(row)][start : start + size]


def _project(box: JiraSandbox, ask: Ask) -> Project:
    given = ask.params["project"]
    row = box.store.project(given)
    if row is None or not box.can(ask.who, row.id, "BROWSE_PROJECTS"):
        rules.refuse(404, f"No project could be found with key '{given}'.")
    return row


def project(box: JiraSandbox, ask: Ask) -> Reply:
    return Reply(200, box.shaper(ask).project(_project(box, ask), whole=True))


def projects(box: JiraSandbox, ask: Ask) -> Reply:
    """Data Center's GET /project: a list of all."""
    rows = [row for row in box.store.projects.values() if box.can(ask.who, row.id, "BROWSE_PROJECTS")]
    return Reply(200, [box.shaper(ask).project(row) for row in rows])


def project_search(box: JiraSandbox, ask: Ask) -> Reply:
    rows = [row for row in box.store.projects.values() if box.can(ask.who, row.id, "BROWSE_PROJECTS")]
    keys = rules.names(ask, "keys")
    low = ask.query.get("query", "").casefold()
    rows = [
        row
        for row in rows
        if (not keys or row.key in keys) and (low in row.key.casefold() or low in row.name.casefold())
    ]
    start, size = rules.count(ask, "startAt", 0, most=1 << 40), rules.count(ask, "maxResults", 50, most=100)
    page = [box.shaper(ask).project(row) for row in rows[start : start + size]]
    last = start + size >= len(rows)
    return Reply(200, {"maxResults": size, "startAt": start, "total": len(rows), "isLast": last, "values": page})


def project_statuses(box: JiraSandbox, ask: Ask) -> Reply:
    _project(box, ask)
    shaper = box.shaper(ask)
    rows = []
    for number in scheme.TYPES:
        kind = shaper.type(number)
        shown = {name: kind[name] for name in ("self", "id", "name", "subtask")}
        rows.append(shown | {"statuses": [shaper.status(each) for each in scheme.STATUSES]})
    return Reply(200, rows)


def create_types(box: JiraSandbox, ask: Ask) -> Reply:
    """GET /issue/createmeta/{project}/issuetypes."""
    _project(box, ask)
    rows = [box.shaper(ask).type(number) for number in scheme.TYPES]
    page = {"startAt": 0, "maxResults": 50, "total": len(rows)}
    return Reply(200, page | ({"issueTypes": rows} if box.is_cloud else {"isLast": True, "values": rows}))


def create_fields(box: JiraSandbox, ask: Ask) -> Reply:
    """GET /issue/createmeta/{project}/issuetypes/{id}."""
    row, number = _project(box, ask), ask.params["type"]
    if number not in scheme.TYPES:
        rules.refuse(404, "The issue type was not found.")
    subtask = scheme.TYPES[number][1]
    required = {"summary", "issuetype", "project", *box.settings.required.split()} | ({"parent"} if subtask else set())
    fields = scheme.on_screen(box, ask.who, row, is_subtask=subtask, create=True)
    made = [
        shapes.meta(box, ask, field, row.id, required=field.id in required)
        | {"fieldId": field.id, "hasDefaultValue": False}
        for field in fields
    ]
    start, size = rules.count(ask, "startAt", 0, most=1 << 40), rules.count(ask, "maxResults", 50, most=200)
    page = {"startAt": start, "maxResults": size, "total": len(made)}
    rows = made[start : start + size]
    return Reply(
        200, page | ({"fields": rows} if box.is_cloud else {"isLast": start + size >= len(made), "values": rows})
    )


def fields(box: JiraSandbox, _: Ask) -> Reply:
    rows = []
    for field in scheme.fields(box):
        custom = bool(field.custom)
        row: dict[str, Any] = {"id": field.id, "name": field.name, "custom": custom, "orderable": field.edited}
        row |= {"navigable": field.id not in scheme.ON_DEMAND, "searchable": True, "clauseNames": list(field.clauses)}
        rows.append(row | {"schema": field.schema} | ({"key": field.id} if box.is_cloud else {}))
    return Reply(200, rows)


def statuses(box: JiraSandbox, ask: Ask) -> Reply:
    return Reply(200, [box.shaper(ask).status(number) for number in scheme.STATUSES])


def priorities(box: JiraSandbox, ask: Ask) -> Reply:
    return Reply(200, [box.shaper(ask).priority(number) for number in scheme.PRIORITIES])


def resolutions(box: JiraSandbox, ask: Ask) -> Reply:
    return Reply(200, [box.shaper(ask).resolution(number) for number in scheme.RESOLUTIONS])


def types(box: JiraSandbox, ask: Ask) -> Reply:
    return Reply(200, [box.shaper(ask).type(number) for number in scheme.TYPES])


def labels(box: JiraSandbox, ask: Ask) -> Reply:
    """GET /label (Cloud): all labels of the site in alphabetical order."""
    rows = sorted({name for issue in box.store.issues.values() if not issue.gone for name in issue.labels})
    start, size = rules.count(ask, "startAt", 0, most=1 << 40), rules.count(ask, "maxResults", 1000, most=1000)
    last = start + size >= len(rows)
    page = {"maxResults": size, "startAt": start, "total": len(rows), "isLast": last}
    return Reply(200, page | {"values": rows[start : start + size]})


def configuration(box: JiraSandbox, _: Ask) -> Reply:
    made: dict[str, Any] = {
        "votingEnabled": True,
        "watchingEnabled": True,
        "unassignedIssuesAllowed": True,
        "subTasksEnabled": True,
        "issueLinkingEnabled": True,
        "attachmentsEnabled": True,
        "timeTrackingEnabled": box.settings.time_tracking,
    }
    return Reply(200, made | ({"timeTrackingConfiguration": _tracking()} if box.settings.time_tracking else {}))


def _tracking() -> dict[str, Any]:
    return {
        "workingHoursPerDay": float(rules.HOURS_PER_DAY),
        "workingDaysPerWeek": float(rules.DAYS_PER_WEEK),
        "timeFormat": "pretty",
        "defaultUnit": "minute",
    }


def tracking_options(box: JiraSandbox, ask: Ask) -> Reply:
    """For administrators."""
    if not _is_admin(box, ask.who):
        rules.refuse(403, "Only Jira administrators can view time tracking options.")
    return Reply(200, _tracking())


def my_permissions(box: JiraSandbox, ask: Ask) -> Reply:
    """Cloud wants the names of the permissions, Data Center gives all."""
    wanted = rules.names(ask, "permissions")
    if box.is_cloud and not wanted:
        rules.refuse(400, "The 'permissions' query parameter is required.")
    if unknown := [name for name in wanted or () if name not in scheme.RIGHTS]:
        rules.refuse(400, f"Unrecognized permission: {unknown[0]}")
    given = ask.query.get("projectKey", ask.query.get("projectId"))
    place = box.store.project(given) if given else None
    if given and (place is None or not box.can(ask.who, place.id, "BROWSE_PROJECTS")):
        rules.refuse(404, f"No project could be found with key '{given}'.")
    places = [place.id] if place else list(box.store.projects)
    shown = {
        name: {
            "id": str(number),
            "key": name,
            "name": TITLES.get(name, name.replace("_", " ").title()),
            "type": "GLOBAL" if name == "ADMINISTER" else "PROJECT",
            "description": "",
            "havePermission": any(box.can(ask.who, each, name) for each in places),
        }
        for number, name in enumerate(scheme.RIGHTS)
        if wanted is None or name in wanted
    }
    return Reply(200, {"permissions": shown})


def hooks(box: JiraSandbox, ask: Ask) -> Reply:
    """The administrators' webhooks: GET all, POST one."""
    if not _is_admin(box, ask.who):
        rules.refuse(403, "You do not have permission to administer webhooks.")
    if ask.method == "GET":
        return Reply(200, [_hook(ask, row) for row in box.store.hooks])
    body = rules.body(ask, "name url events filters excludeBody secret", strict=False)
    if not body.get("name") or not str(body.get("url", "")).startswith(("http://", "https://")):
        rules.refuse(400, "A webhook needs a name and an address.")
    row = {"id": box.store.new_id()} | body
    box.store.hooks.append(row)
    secret = str(body.get("secret") or "") if box.is_cloud else ""
    box.outgoing.aim(str(body["url"]), secret, events=body.get("events") or ())
    box.note(ask, "create", "webhook", str(row["id"]))
    return Reply(201, _hook(ask, row))


def hook(box: JiraSandbox, ask: Ask) -> Reply:
    if not _is_admin(box, ask.who):
        rules.refuse(403, "You do not have permission to administer webhooks.")
    row = next((each for each in box.store.hooks if str(each["id"]) == ask.params["hook"]), None)
    if row is None:
        rules.refuse(404, "No such webhook.")
    if ask.method == "GET":
        return Reply(200, _hook(ask, row))
    box.store.hooks.remove(row)
    box.outgoing.targets[:] = [each for each in box.outgoing.targets if each.url != row["url"]]
    box.note(ask, "delete", "webhook", str(row["id"]))
    return Reply(204)


def _hook(ask: Ask, row: dict[str, Any]) -> dict[str, Any]:
    """A webhook without its secret."""
    shown = {name: value for name, value in row.items() if name not in ("secret", "id")}
    root = ask.path.removesuffix(f"/{row['id']}")
    return shown | {"enabled": True, "self": f"{ask.base}{root}/{row['id']}"}


def _is_admin(box: JiraSandbox, who: str) -> bool:
    return any(box.can(who, number, "ADMINISTER") for number in box.store.projects)
