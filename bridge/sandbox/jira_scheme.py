"""What an administrator set up in the Jira sandbox: statuses, workflow, priorities, issue types, fields, permissions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from bridge.sandbox.jira import JiraSandbox
    from bridge.sandbox.jira_store import Issue, Project

CATEGORIES = {
    "new": (2, "To Do", "blue-gray"),
    "indeterminate": (4, "In Progress", "yellow"),
    "done": (3, "Done", "green"),
}
STATUSES = {
    "10000": ("To Do", "new"),
    "3": ("In Progress", "indeterminate"),
    "10001": ("In Review", "indeterminate"),
    "10002": ("Done", "done"),
    "10003": ("Cancelled", "done"),
}
PRIORITIES = {"1": "Highest", "2": "High", "3": "Medium", "4": "Low", "5": "Lowest"}
RESOLUTIONS = {"10000": "Done", "10001": "Won't Do", "10002": "Duplicate"}
LINK_TYPES = [
    ["10000", "Blocks", "is blocked by", "blocks"],
    ["10001", "Cloners", "is cloned by", "clones"],
    ["10002", "Duplicate", "is duplicated by", "duplicates"],
    ["10003", "Relates", "relates to", "relates to"],
]
# id: name, is a subtask, hierarchy level
TYPES = {
    "10001": ("Task", False, 0),
    "10002": ("Bug", False, 0),
    "10003": ("Story", False, 0),
    "10004": ("Sub-task", True, -1),
    "10000": ("Epic", False, 1),
}
RIGHTS = ("BROWSE_PROJECTS", "CREATE_ISSUES", "EDIT_ISSUES", "TRANSITION_ISSUES", "ASSIGN_ISSUES", "ASSIGNABLE_USER",
          "CLOSE_ISSUES", "LINK_ISSUES", "SCHEDULE_ISSUES", "ADD_COMMENTS", "EDIT_OWN_COMMENTS", "DELETE_OWN_COMMENTS",
          "WORK_ON_ISSUES", "EDIT_OWN_WORKLOGS", "DELETE_OWN_WORKLOGS", "DELETE_ISSUES", "EDIT_ALL_COMMENTS",
          "DELETE_ALL_COMMENTS", "EDIT_ALL_WORKLOGS", "DELETE_ALL_WORKLOGS", "MODIFY_REPORTER", "ADMINISTER_PROJECTS",
          "ADMINISTER")  # fmt: skip
MEMBER = RIGHTS[: RIGHTS.index("DELETE_ISSUES")]
SYNC = RIGHTS[: RIGHTS.index("MODIFY_REPORTER")]
READER = ("BROWSE_PROJECTS",)


@dataclass(frozen=True, slots=True)
class Hop:
    """A transition. ``source`` is a status id, "" for any. The id in a project is ``number`` + the project's ``flow``."""

    number: int
    name: str
    source: str
    target: str


HOPS = (
    Hop(11, "Start", "10000", "3"),
    Hop(21, "Ask for review", "3", "10001"),
    Hop(31, "Finish", "10001", "10002"),
    Hop(41, "Stop", "3", "10000"),
    Hop(51, "Send back", "10001", "3"),
    Hop(61, "Reopen", "10002", "10000"),
    Hop(71, "Cancel", "10000", "10003"),
    Hop(81, "Revive", "10003", "10000"),
)
DIRECT = tuple(Hop(100 + place, STATUSES[status][0], "", status) for place, status in enumerate(STATUSES))


def hops(box: JiraSandbox) -> tuple[Hop, ...]:
    return DIRECT if box.settings.flow == "direct" else HOPS


def open_hops(box: JiraSandbox, issue: Issue) -> list[Hop]:
    """The transitions of an issue in its status."""
    return [hop for hop in hops(box) if hop.source == issue.status or (not hop.source and hop.target != issue.status)]


@dataclass(frozen=True, slots=True)
class Field:
    """``kind`` is the schema's type, ``item`` that of its elements, ``system`` the system name; on the screen if ``edited``."""

    id: str
    name: str
    kind: str
    system: str = ""
    item: str = ""
    custom: str = ""
    edited: bool = True
    clauses: tuple[str, ...] = ()
    options: tuple[str, ...] = ()

    @property
    def schema(self) -> dict[str, Any]:
        made: dict[str, Any] = {"type": self.kind}
        if self.item:
            made["items"] = self.item
        if self.system:
            made["system"] = self.system
        if self.custom:
            made |= {"custom": self.custom, "customId": int(self.id.removeprefix("customfield_"))}
        return made


def _system(name: str, label: str, kind: str, *, item: str = "", edited: bool = True) -> Field:
    return Field(name, label, kind, name, item, edited=edited, clauses=(name,))


def _custom(number: int, name: str, kind: str, sort: str, *, item: str = "", options: tuple[str, ...] = (),
            edited: bool = True, vendor: str = "com.atlassian.jira.plugin.system.customfieldtypes") -> Field:  # fmt: skip
    clauses = (name, f"cf[{number}]")
    return Field(f"customfield_{number}", name, kind, "", item, f"{vendor}:{sort}", edited, clauses, options)


GREENHOPPER = "com.pyxis.greenhopper.jira"
FIELDS: tuple[Field, ...] = (
    _system("summary", "Summary", "string"),
    _system("description", "Description", "string"),
    _system("environment", "Environment", "string"),
    _system("issuetype", "Issue Type", "issuetype"),
    _system("project", "Project", "project", edited=False),
    _system("status", "Status", "status", edited=False),
    _system("resolution", "Resolution", "resolution", edited=False),
    _system("priority", "Priority", "priority"),
    _system("labels", "Labels", "array", item="string"),
    _system("assignee", "Assignee", "user"),
    _system("reporter", "Reporter", "user"),
    _system("creator", "Creator", "user", edited=False),
    _system("created", "Created", "datetime", edited=False),
    _system("updated", "Updated", "datetime", edited=False),
    _system("resolutiondate", "Resolved", "datetime", edited=False),
    _system("duedate", "Due date", "date"),
    _system("components", "Components", "array", item="component"),
    _system("fixVersions", "Fix versions", "array", item="version"),
    _system("versions", "Affects versions", "array", item="version"),
    _system("parent", "Parent", "issuelink"),
    _system("subtasks", "Sub-tasks", "array", item="issuelinks", edited=False),
    _system("issuelinks", "Linked Issues", "array", item="issuelinks"),
    _system("timetracking", "Time tracking", "timetracking"),
    _system("timeoriginalestimate", "Original estimate", "number", edited=False),
    _system("timeestimate", "Remaining Estimate", "number", edited=False),
    _system("timespent", "Time Spent", "number", edited=False),
    _system("worklog", "Log Work", "array", item="worklog"),
    _system("comment", "Comment", "comments-page"),
    _custom(10011, "Epic Link", "any", "gh-epic-link", vendor=GREENHOPPER),
    _custom(10015, "Start date", "date", "datepicker"),
    _custom(10016, "Story Points", "number", "float"),
    _custom(10020, "Sprint", "array", "gh-sprint", item="json", edited=False, vendor=GREENHOPPER),
    _custom(10030, "Customer", "string", "textfield"),
    _custom(10031, "Severity", "option", "select", options=("Low", "Medium", "High")),
    _custom(10032, "Notes", "string", "textarea"),
    _custom(10033, "Platforms", "array", "multiselect", item="option", options=("Linux", "macOS", "Windows")),
    _custom(10034, "Sync ID", "string", "textfield"),
    _custom(10035, "Due time", "datetime", "datetime"),
    _custom(10036, "Reviewer", "user", "userpicker"),
)
BY_ID = {field.id: field for field in FIELDS}
ON_DEMAND = {"worklog", "comment"}  # not among *navigable


def fields(box: JiraSandbox) -> list[Field]:
    """The fields of the site: Epic Link exists on Data Center only; ``hidden`` ones are missing."""
    hidden = set(box.settings.hidden.split())
    return [
        field for field in FIELDS if field.id not in hidden and not (box.is_cloud and field.id == "customfield_10011")
    ]


def on_screen(box: JiraSandbox, who: str, project: Project, *, is_subtask: bool, create: bool) -> list[Field]:
    """The fields that this person may set on the screen for creating or editing."""
    rights = project.rights.get(who, ())
    found = []
    for field in fields(box):
        if not field.edited and not (create and field.id == "project"):
            continue
        if field.id == "reporter" and "MODIFY_REPORTER" not in rights:
            continue
        if field.id == "assignee" and "ASSIGN_ISSUES" not in rights:
            continue
        if field.id == "duedate" and "SCHEDULE_ISSUES" not in rights:
            continue
        if field.id == "parent" and not box.is_cloud and not (is_subtask and create):
            continue
        if field.id in box.settings.off_screen.split() or (field.id in ON_DEMAND and create):
            continue
        found.append(field)
    return found
