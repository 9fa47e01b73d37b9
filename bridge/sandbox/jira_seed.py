"""How the Jira sandbox starts, is filled in bulk, and what an administrator can do to it by hand."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from bridge.sandbox import jira_scheme as scheme
from bridge.sandbox import jira_text as texts
from bridge.sandbox.clock import instant
from bridge.sandbox.jira_store import Issue, JiraStore, Person, Project
from bridge.sandbox.seeding import samples

if TYPE_CHECKING:
    from bridge.sandbox.jira import JiraSandbox

# name, display name, zone of the profile, mail is hidden, roles and groups
PEOPLE = (
    ("bridge-bot", "Bridge", "Europe/Berlin", False, ("jira-users", "Developers")),
    ("ann", "Ann Archer", "America/New_York", False, ("jira-users", "Developers", "Administrators")),
    ("bob", "Bob Baker", "UTC", False, ("jira-users", "Developers")),
    ("cem", "Cem Celik", "Asia/Kolkata", True, ("jira-users",)),
    ("reader", "Rea Reader", "UTC", False, ("jira-users",)),
    ("outsider", "Otto Outsider", "UTC", False, ()),
)
RIGHTS = {"bridge-bot": scheme.SYNC, "ann": scheme.RIGHTS, "bob": scheme.MEMBER, "cem": scheme.MEMBER,
          "reader": scheme.READER}  # fmt: skip
PROJECTS = (("10000", "APP", "Application", 0, "software"), ("10001", "OPS", "Operations", 200, "software"),
            ("10002", "DESK", "Service desk", 400, "service_desk"))  # fmt: skip


def start() -> JiraStore:
    """A store with three projects, people and tokens."""
    store = JiraStore()
    for place, (name, display, zone, hidden, roles) in enumerate(PEOPLE):
        account = f"712020:5b10ac8d-82e0-4b22-8c7d-4ef5{place:08d}"
        store.people[name] = Person(name, f"JIRAUSER{10100 + place}", account, display, f"{name}@example.com", zone, hidden,
                                    roles=roles)  # fmt: skip
        store.tokens[f"jira-sandbox-{name}"] = name
    for number, key, title, flow, kind in PROJECTS:
        store.projects[number] = Project(number, key, title, "ann", dict(RIGHTS), flow, kind)
    store.link_types = [list(row) for row in scheme.LINK_TYPES]
    return store


def sow(box: JiraSandbox, plan: dict[str, Any]) -> dict[str, Any]:
    """Fill a project (``project``, its key): ``generate`` (a number, or options of ``samples``) and ``issues``.

    Issues take summary, description (words), labels, status, type and priority (names), assignee, due, original, remaining
    (seconds), parent (key), custom, properties, created and updated (ISO text).

    Raises: ValueError and TypeError for members that do not exist.
    """
    plan = dict(plan)
    project = box.store.project(plan.pop("project", "APP"))
    if project is None:
        raise ValueError("no such project")
    wanted = plan.pop("generate", 0)
    rows = _generated(box, wanted if isinstance(wanted, dict) else {"count": wanted})
    rows += [dict(row) for row in plan.pop("issues", ())]
    if plan:
        raise ValueError(f"unknown seed members: {', '.join(sorted(plan))}")
    keys = [_sown(box, project.id, row) for row in rows]
    box.store.history.clear()
    return {"project": project.key, "issues": len(keys), "keys": keys[:100]}


def _generated(box: JiraSandbox, options: dict[str, Any]) -> list[dict[str, Any]]:
    return [
        {
            "summary": item.title,
            "description": item.body,
            "labels": list(item.labels),
            "status": "Done" if item.is_done else "To Do",
            "updated": item.updated_at,
            "created": item.updated_at,
        }
        for item in samples(**{"before": box.clock.now(), **options})
    ]


def _sown(box: JiraSandbox, number: str, row: dict[str, Any]) -> str:
    store, project = box.store, box.store.projects[number]
    named = {
        "status": _id(scheme.STATUSES, row.pop("status", "To Do")),
        "type": _id(scheme.TYPES, row.pop("type", "Task")),
    }
    named["priority"] = _id(scheme.PRIORITIES, row.pop("priority", "Medium"))
    words = row.pop("description", None)
    parent = store.find(row.pop("parent")) if row.get("parent") else None
    times = {name: _ms(box, row.pop(name, None)) for name in ("created", "updated")}
    lists = {name: tuple(row.pop(name, ())) for name in ("labels", "components")}
    done = scheme.STATUSES[named["status"]][1] == "done"
    author = row.pop("creator", "ann")
    members: dict[str, Any] = {
        "id": store.new_id(),
        "key": f"{project.key}-{project.next_number}",
        "project": number,
        "creator": author,
        "reporter": author,
        "description": texts.paragraphs(words) if box.is_cloud and isinstance(words, str) else words,
        "parent": parent.id if parent else None,
        "resolution": "10000" if done else None,
        "resolved": times["updated"] if done else None,
    }
    issue = Issue(**(members | named | times | lists | row))
    store.put(issue, box.clock.now())
    store.projects[number] = replace(project, next_number=project.next_number + 1)
    return issue.key


def _id(table: dict[str, Any], name: str) -> str:
    """The id of a named status, type or priority.

    Raises: ValueError when there is none.
    """
    for number, row in table.items():
        if (row if isinstance(row, str) else row[0]) == name:
            return number
    raise ValueError(f"nothing is called {name!r} here")


def _ms(box: JiraSandbox, value: Any) -> int:
    if value is None:
        return box.now_ms()
    seconds = instant(value) if isinstance(value, str) else value
    if seconds is None:
        raise ValueError(f"not an instant: {value!r}")
    return round(seconds * 1000)


def perform(box: JiraSandbox, deed: dict[str, Any]) -> dict[str, Any]:
    """Deeds: move (key, to), rename_project (key, to), delete (key), undelete (id), grant and revoke (who, right, project),
    captcha and captcha_solved (who), revoke_token (token), deactivate (who), zone (who, zone), hide_mail (who),
    rename_link_type (name, to), touch (key).

    Raises: ValueError for an unknown deed, issue or person.
    """
    do = str(deed.get("do"))
    if do not in DEEDS:
        raise ValueError(f"no deed {do!r}; there are: {', '.join(DEEDS)}")
    return {"done": do} | (DEEDS[do](box, deed) or {})


def _issue(box: JiraSandbox, deed: dict[str, Any]) -> Issue:
    issue = box.store.find(str(deed["key"]))
    if issue is None:
        raise ValueError(f"no issue {deed['key']}")
    return issue


def _move(box: JiraSandbox, deed: dict[str, Any]) -> dict[str, Any]:
    """To another project: a new key, the same id; the old key goes on finding it."""
    issue, there = _issue(box, deed), box.store.project(deed["to"])
    if there is None:
        raise ValueError(f"no project {deed['to']}")
    key = f"{there.key}-{there.next_number}"
    box.store.projects[there.id] = replace(there, next_number=there.next_number + 1)
    moved = replace(issue, key=key, project=there.id, keys=(*issue.keys, issue.key), updated=box.now_ms())
    box.store.put(moved, box.clock.now())
    return {"key": key}


def _rename_project(box: JiraSandbox, deed: dict[str, Any]) -> None:
    project = box.store.project(deed["key"])
    if project is None:
        raise ValueError(f"no project {deed['key']}")
    box.store.projects[project.id] = replace(project, key=deed["to"], former=(*project.former, project.key))
    for issue in [row for row in box.store.issues.values() if row.project == project.id]:
        key = f"{deed['to']}-{issue.key.rpartition('-')[2]}"
        box.store.put(replace(issue, key=key, keys=(*issue.keys, issue.key)), box.clock.now())


def _delete(box: JiraSandbox, deed: dict[str, Any]) -> dict[str, Any]:
    issue = _issue(box, deed)
    box.store.put(replace(issue, gone=True), box.clock.now())
    return {"id": issue.id}


def _undelete(box: JiraSandbox, deed: dict[str, Any]) -> None:
    box.store.put(replace(box.store.issues[int(deed["id"])], gone=False, updated=box.now_ms()), box.clock.now())


def _rights(box: JiraSandbox, deed: dict[str, Any]) -> None:
    """Give or take one permission, or all (``right`` "*"), in one project or all."""
    for project in list(box.store.projects.values()):
        if deed.get("project") not in (None, project.key):
            continue
        had = project.rights.get(deed["who"], ())
        named = scheme.RIGHTS if deed["right"] == "*" else (deed["right"],)
        kept = tuple(each for each in had if each not in named)
        rights = project.rights | {deed["who"]: (*kept, *named) if deed["do"] == "grant" else kept}
        box.store.projects[project.id] = replace(project, rights=rights)


def _person(**changes: Any) -> Any:
    def run(box: JiraSandbox, deed: dict[str, Any]) -> None:
        row = box.store.people[deed["who"]]
        made = {name: deed[value] if isinstance(value, str) else value for name, value in changes.items()}
        box.store.people[row.name] = replace(row, **made)

    return run


def _rename_link_type(box: JiraSandbox, deed: dict[str, Any]) -> None:
    for row in box.store.link_types:
        if row[1] == deed["name"]:
            row[1] = deed["to"]


def _captcha(box: JiraSandbox, deed: dict[str, Any]) -> None:
    box.store.captcha = [name for name in box.store.captcha if name != deed["who"]]
    if deed["do"] == "captcha":
        box.store.captcha.append(deed["who"])


def _revoke_token(box: JiraSandbox, deed: dict[str, Any]) -> None:
    box.store.tokens.pop(deed["token"], None)


def _touch(box: JiraSandbox, deed: dict[str, Any]) -> None:
    box.store.put(replace(_issue(box, deed), updated=box.now_ms()), box.clock.now())


DEEDS: dict[str, Any] = {
    "move": _move,
    "rename_project": _rename_project,
    "delete": _delete,
    "undelete": _undelete,
    "grant": _rights,
    "revoke": _rights,
    "captcha": _captcha,
    "captcha_solved": _captcha,
    "revoke_token": _revoke_token,
    "deactivate": _person(active=False),
    "zone": _person(zone="zone"),
    "hide_mail": _person(mail_hidden=True),
    "rename_link_type": _rename_link_type,
    "touch": _touch,
}
