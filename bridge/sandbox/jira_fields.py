"""How the Jira sandbox reads ``fields`` and ``update`` of a create, an edit or a transition."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from bridge.sandbox import jira_rules as rules
from bridge.sandbox import jira_scheme as scheme
from bridge.sandbox import rewriting
from bridge.sandbox.exchange import Ask
from bridge.sandbox.jira_store import Issue, altered

if TYPE_CHECKING:
    from bridge.sandbox.jira import JiraSandbox
    from bridge.sandbox.jira_store import Project

LISTS = {"labels": "labels", "components": "components", "fixVersions": "fix_versions", "versions": "versions"}
NOT_HERE = "Field '{0}' cannot be set. It is not on the appropriate screen, or unknown."


@dataclass(slots=True)
class Wish:
    """The issue to be, and what is to be made with it: comments and worklogs as bodies, links as members of ``issuelinks``."""

    issue: Issue
    comments: list[Any] = field(default_factory=list)
    worklogs: list[Any] = field(default_factory=list)
    links: list[Any] = field(default_factory=list)


def apply(box: JiraSandbox, ask: Ask, issue: Issue, body: dict[str, Any], *, allowed: set[str], create: bool) -> Wish:
    """The issue with the members of ``body`` set.

    Raises: Refused with 400 for what is off the screen, in both parts, or not a value of its field.
    """
    fields, update = _part(body, "fields"), _part(body, "update")
    errors = {name: NOT_HERE.format(name) for name in (*fields, *update) if name not in allowed}
    errors |= {name: f"Field '{name}' is given in fields and in update." for name in set(fields) & set(update)}
    if errors:
        rules.invalid(**errors)
    wish = Wish(issue)
    for name, value in fields.items():
        if name in ("project", "issuetype") and create:
            continue
        wish.issue = _set(box, ask, wish.issue, name, value, create=create)
    for name, steps in update.items():
        if not isinstance(steps, list) or any(not isinstance(step, dict) or len(step) != 1 for step in steps):
            rules.invalid(**{name: 'update takes a list of operations such as {"add": ...}'})
        for step in steps:
            ((verb, value),) = step.items()
            _step(box, ask, wish, name, verb, value, create=create)
    return wish


def _part(body: dict[str, Any], name: str) -> dict[str, Any]:
    value = body.get(name)
    if value is not None and not isinstance(value, dict):
        rules.refuse(400, f"{name} must be an object.")
    return value or {}


def _step(box: JiraSandbox, ask: Ask, wish: Wish, name: str, verb: str, value: Any, *, create: bool) -> None:
    """One operation of ``update``."""
    if name in ("comment", "worklog", "issuelinks") and verb == "add":
        getattr(wish, {"comment": "comments", "worklog": "worklogs", "issuelinks": "links"}[name]).append(value)
        return
    if verb == "set" or (name == "timetracking" and verb == "edit"):
        wish.issue = _set(box, ask, wish.issue, name, value, create=create)
        return
    project = box.store.projects[wish.issue.project]
    known = scheme.BY_ID[name]
    one: tuple[str, ...] = ()
    had: tuple[str, ...] | None = None
    if name in LISTS:
        one = (_entry(ask, project, name, value),)
        had = getattr(wish.issue, LISTS[name])
    elif known.item == "option":
        one, had = (_option(known, value),), tuple(wish.issue.custom.get(name) or ())
    if had is None or verb not in ("add", "remove"):
        rules.invalid(**{name: f"The operation '{verb}' is not supported for this field."})
    made = tuple(dict.fromkeys((*had, *one))) if verb == "add" else tuple(each for each in had if each not in one)
    if name in LISTS:
        wish.issue = altered(wish.issue, {LISTS[name]: made})
    else:
        wish.issue = replace(wish.issue, custom=wish.issue.custom | {name: list(made) or None})


def _set(box: JiraSandbox, ask: Ask, issue: Issue, name: str, value: Any, *, create: bool) -> Issue:
    """One field set to a value."""
    if name in LISTS:
        if value is not None and not isinstance(value, list):
            rules.invalid(**{name: "data was not an array"})
        project = box.store.projects[issue.project]
        rows = [_entry(ask, project, name, each) for each in value or ()]
        return altered(issue, {LISTS[name]: tuple(dict.fromkeys(rows))})
    if name.startswith("customfield_"):
        made = None if value in (None, "") else _custom(box, ask, scheme.BY_ID[name], value)
        return replace(issue, custom=issue.custom | {name: made})
    if name == "parent":
        return replace(issue, parent=parent_of(box, ask, issue, value, create=create))
    if name == "timetracking":
        return _tracking(box, issue, value, create=create)
    if name in ("assignee", "reporter", "description", "environment"):
        return altered(issue, {name: _person_or_text(box, ask, issue, name, value)})
    if name not in SETTERS:
        rules.invalid(**{name: NOT_HERE.format(name)})
    return SETTERS[name](ask, issue, value)


def _person_or_text(box: JiraSandbox, ask: Ask, issue: Issue, name: str, value: Any) -> Any:
    if name in ("description", "environment"):
        return rules.rich(box, ask, name, value)
    who, project = person(box, name, value), box.store.projects[issue.project]
    if name == "reporter":
        return who or ask.who
    who = project.lead if who == "-1" else who
    if who and "ASSIGNABLE_USER" not in project.rights.get(who, ()):
        rules.invalid(assignee=f"User '{who}' cannot be assigned issues.")
    return who


def _summary(ask: Ask, issue: Issue, value: Any) -> Issue:
    if not isinstance(value, str) or not value.strip():
        rules.invalid(summary="You must specify a summary of the issue.")
    if "\n" in value or "\r" in value:
        rules.invalid(summary="The summary is invalid because it contains newline characters.")
    if len(value) > rules.SUMMARY_LIMIT:
        rules.invalid(summary=f"Summary can't exceed {rules.SUMMARY_LIMIT} characters.")
    return replace(issue, summary=(rewriting.text(ask, value) or "").strip())


def _type(_: Ask, issue: Issue, value: Any) -> Issue:
    number = by_name(value, {number: row[0] for number, row in scheme.TYPES.items()})
    if number is None:
        rules.invalid(issuetype="The issue type selected is invalid.")
    if scheme.TYPES[number][1] != scheme.TYPES[issue.type][1]:
        rules.invalid(issuetype="The issue type selected is invalid.")  # no way between standard and sub-task
    return replace(issue, type=number)


def _priority(_: Ask, issue: Issue, value: Any) -> Issue:
    number = by_name(value, scheme.PRIORITIES)
    if value is not None and number is None:
        rules.invalid(priority="The priority selected is invalid.")
    return replace(issue, priority=number or "3")


def _resolution(_: Ask, issue: Issue, value: Any) -> Issue:
    number = by_name(value, scheme.RESOLUTIONS)
    if number is None:
        rules.invalid(resolution="The resolution selected is invalid.")
    return replace(issue, resolution=number)


def _due(_: Ask, issue: Issue, value: Any) -> Issue:
    return replace(issue, due=rules.day("duedate", value))


SETTERS: dict[str, Callable[[Ask, Issue, Any], Issue]] = {
    "summary": _summary,
    "issuetype": _type,
    "priority": _priority,
    "duedate": _due,
    "resolution": _resolution,
}


def _tracking(box: JiraSandbox, issue: Issue, value: Any, *, create: bool) -> Issue:
    """Estimates; one alone sets the other too as long as nothing is set (and on create)."""
    if not box.settings.time_tracking:
        rules.invalid(timetracking=NOT_HERE.format("timetracking"))
    if not isinstance(value, dict) or set(value) - {"originalEstimate", "remainingEstimate"}:
        rules.invalid(timetracking="Expected originalEstimate and remainingEstimate.")
    made: dict[str, int | None] = {}
    for name in value:
        given = value[name]
        amount = None if given in (None, "") else rules.seconds(given)
        if amount is None and given not in (None, ""):
            rules.invalid(timetracking=f"'{given}' is not a valid time format.")
        made["original" if name == "originalEstimate" else "remaining"] = amount
    if "original" in made and "remaining" not in made and (create or issue.remaining is None):
        made["remaining"] = made["original"]
    if create and "remaining" in made and "original" not in made:
        made["original"] = made["remaining"]
    return altered(issue, made)


def _custom(box: JiraSandbox, ask: Ask, known: scheme.Field, value: Any) -> Any:
    """The value of a custom field as it is stored."""
    readers: dict[str, Callable[[], Any]] = {
        "option": lambda: _option(known, value),
        "date": lambda: rules.day(known.id, value),
        "datetime": lambda: rules.started(box, value),
        "user": lambda: person(box, known.id, value),
        "number": lambda: _number(known, value),
    }
    if known.kind in readers:
        return readers[known.kind]()
    if known.item == "option":
        if not isinstance(value, list):
            rules.invalid(**{known.id: "data was not an array"})
        return [_option(known, each) for each in value] or None
    if known.custom.endswith(":textarea"):
        return rules.rich(box, ask, known.id, value)
    if not isinstance(value, str) or len(value) > 255 or "\n" in value:
        rules.invalid(**{known.id: "Operation value must be a string of one line, 255 characters at most."})
    return value


def _number(known: scheme.Field, value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        rules.invalid(**{known.id: "Operation value must be a number"})
    return float(value)


def _option(known: scheme.Field, value: Any) -> str:
    places = {f"{known.id.removeprefix('customfield_')}{place}": name for place, name in enumerate(known.options)}
    name = (places.get(str(value.get("id"))) or value.get("value")) if isinstance(value, dict) else None
    if name not in known.options:
        rules.invalid(**{known.id: f"Specify a valid 'id' or 'name' for {known.name}"})
    return str(name)


def _entry(ask: Ask, project: Project, name: str, value: Any) -> str:
    """A label, component or version of a list."""
    if name == "labels":
        return rewriting.label(ask, rules.label(value))
    kind = "component" if name == "components" else "version"
    places = project.components if kind == "component" else project.versions
    found = by_name(value, {f"{project.id}{place}": each for place, each in enumerate(places)})
    if found is None:
        words = value.get("name", value.get("id")) if isinstance(value, dict) else value
        rules.invalid(**{name: f"{kind.capitalize()} name '{words}' is not valid"})
    return places[int(found.removeprefix(project.id))]


def by_name(value: Any, known: dict[str, str]) -> str | None:
    """The id out of {id} or {name}; None when there is no such."""
    if not isinstance(value, dict):
        return None
    if str(value.get("id")) in known:
        return str(value["id"])
    if "id" in value or not isinstance(value.get("name"), str):
        return None
    return next((number for number, name in known.items() if name.casefold() == value["name"].casefold()), None)


def person(box: JiraSandbox, name: str, value: Any) -> str | None:
    """A user's name out of {accountId} (Cloud; {id} as well) or {name} (Data Center); "-1" is the default assignee."""
    if value is None:
        return None
    if not isinstance(value, dict):
        rules.invalid(**{name: "expected Object containing a user"})
    if box.is_cloud and not {"accountId", "id"} & set(value):
        rules.invalid(**{name: "'accountId' must be the only user identifying query parameter in GDPR strict mode."})
    if not box.is_cloud and not {"name", "key"} & set(value):
        rules.invalid(**{name: "expected 'name' of a user"})
    given = value.get("accountId", value.get("id")) if box.is_cloud else value.get("name", value.get("key"))
    if given in (None, ""):
        return None
    if given == "-1":
        return "-1"
    row = box.person(str(given))
    if row is None or not row.active:
        rules.invalid(**{name: f"User '{given}' does not exist."})
    return row.name


def parent_of(box: JiraSandbox, ask: Ask, issue: Issue, value: Any, *, create: bool) -> int | None:
    """The parent: a standard issue of the project for a sub-task, an epic for any other (Cloud)."""
    subtask = scheme.TYPES[issue.type][1]
    if value is None:
        if subtask:
            rules.invalid(parent="Issue type is a sub-task but parent issue key or id not specified.")
        return None
    given = value.get("id", value.get("key")) if isinstance(value, dict) else None
    parent = box.store.find(str(given)) if given else None
    if parent is None or not box.can(ask.who, parent.project, "BROWSE_PROJECTS"):
        rules.invalid(parent="Could not find issue by id or key.")
    level, above = scheme.TYPES[issue.type][2], scheme.TYPES[parent.type][2]
    if above != level + 1 or parent.id == issue.id or (subtask and parent.project != issue.project):
        words = "Given parent work item does not belong to appropriate hierarchy."
        rules.invalid(**({"parentId": words} if create else {"parent": words}))
    return parent.id
