"""What a clause of JQL means in the Jira sandbox: which fields there are, which operators they take, how values are read.

Times are epoch milliseconds without quotes or with them (switch ``epoch_jql``), minutes in the zone of the asking person's
profile, or relative (``-15m``). Source: Atlassian's JQL reference for fields, operators and date formats.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from bridge.sandbox import jira_rules as rules
from bridge.sandbox import jira_scheme as scheme
from bridge.sandbox import jira_text as texts

if TYPE_CHECKING:
    from bridge.sandbox.jira import JiraSandbox
    from bridge.sandbox.jira_store import Issue

Test = Callable[["Issue"], bool]
RELATIVE = re.compile(r"([+-]?)((?:\d+[wdhm]\s*)+)", re.ASCII)
FORMATS = ("%Y/%m/%d %H:%M", "%Y-%m-%d %H:%M", "%Y/%m/%d", "%Y-%m-%d")
UNITS = {"w": 604_800_000, "d": 86_400_000, "h": 3_600_000, "m": 60_000}
COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "=": operator.eq, "!=": operator.ne, "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge,
}  # fmt: skip
INSTANTS = {"updated": "updated", "updateddate": "updated", "created": "created", "createddate": "created",
            "resolved": "resolved", "resolutiondate": "resolved"}  # fmt: skip
KEYS = ("key", "issuekey", "id", "issue")
LISTABLE = ("project", *KEYS, "status", "statuscategory", "assignee", "reporter", "creator", "labels", "issuetype", "type",
            "priority", "resolution", "parent", "component", "fixversion")  # fmt: skip
WORDS = ("summary", "description", "text", "comment")


class JqlError(ValueError):
    """Why Jira refuses the query."""


@dataclass(frozen=True, slots=True)
class Word:
    text: str
    quoted: bool = False

    @property
    def low(self) -> str:
        return "" if self.quoted else self.text.lower()


class Terms:
    """The clauses of one person's query. ``strict`` refuses values that do not exist."""

    def __init__(self, box: JiraSandbox, who: str, *, strict: bool) -> None:
        self.box, self.who, self.strict = box, who, strict

    def test(self, field: Word, sign: str, value: Word | None) -> Test:
        name = field.text.lower()
        if name in INSTANTS:
            return _ordered(INSTANTS[name], sign, None if value is None else self.moment(name, value))
        if name in ("duedate", "due"):
            return _ordered("due", sign, None if value is None else self.day(value))
        if name in WORDS:
            return self.words_of(name, sign, value)
        if name not in LISTABLE:
            return self.custom(field.text, sign, value)
        if sign not in ("=", "!=") and not (name in KEYS and sign in COMPARE):
            raise JqlError(f"The operator '{sign}' is not supported by the '{name}' field.")
        if name in KEYS:
            return self.keys(name, sign, value)
        wanted = self.known(name, value)
        test = _member(name, wanted)
        return test if sign == "=" else (lambda issue: not test(issue))

    def keys(self, name: str, sign: str, value: Word | None) -> Test:
        issue = self.box.store.find(value.text) if value else None
        if issue is None or not self.box.can(self.who, issue.project, "BROWSE_PROJECTS"):
            bare = value is not None and value.text.isdigit()
            if bare and sign in ("<", ">", "<=", ">=") and value is not None:
                number, compare = int(value.text), COMPARE[sign]
                return lambda row: compare(row.id, number)
            if self.strict and self.box.settings.missing_keys == "refuse":
                words = "A value with ID" if bare else "An issue with key"
                raise JqlError(f"{words} '{value.text if value else ''}' does not exist for field '{name}'.")
            return lambda _: sign == "!="
        compare, number = COMPARE[sign], issue.id
        return lambda row: compare(row.id, number)

    def known(self, name: str, value: Word | None) -> Any:
        """The value as it is stored in an issue."""
        if value is None:
            return None
        tables: dict[str, dict[str, str]] = {
            "status": {number: row[0] for number, row in scheme.STATUSES.items()},
            "issuetype": {number: row[0] for number, row in scheme.TYPES.items()},
            "priority": scheme.PRIORITIES,
            "resolution": scheme.RESOLUTIONS,
            "statuscategory": {key: row[1] for key, row in scheme.CATEGORIES.items()},
        }
        table = tables.get("issuetype" if name == "type" else name)
        text = value.text
        found: Any = None
        if name == "project":
            row = self.box.store.project(text)
            found = row.id if row and self.box.can(self.who, row.id, "BROWSE_PROJECTS") else None
        elif name == "parent":
            issue = self.box.store.find(text)
            found = issue.id if issue else None
        elif name in ("assignee", "reporter", "creator"):
            who = self.box.person(text) or self.box.store.people.get(text)
            found = who.name if who else None
        elif table is not None:
            known = {self.box.settings.renamed.get(each, each).casefold(): number for number, each in table.items()}
            found = text if text in table else known.get(text.casefold())
        else:
            return text.casefold()
        if found is None and self.strict:
            raise JqlError(f"The value '{text}' does not exist for the field '{name}'.")
        return found if found is not None else object()

    def words_of(self, name: str, sign: str, value: Word | None) -> Test:
        if value is None:
            return lambda issue: (issue.description is None) == (sign == "=")
        if sign not in ("~", "!~"):
            raise JqlError(f"The operator '{sign}' is not supported by the '{name}' field.")
        wanted = value.text.strip('"').casefold().rstrip("*")

        def test(issue: Issue) -> bool:
            words = issue.summary if name in ("summary", "text") else ""
            words += texts.plain(issue.description) if name in ("description", "text") else ""
            return (wanted in words.casefold()) == (sign == "~")

        return test

    def custom(self, name: str, sign: str, value: Word | None) -> Test:
        lowered = name.lower()
        found = [
            each
            for each in scheme.fields(self.box)
            if each.custom and lowered in [clause.lower() for clause in each.clauses]
        ]
        if not found:
            raise JqlError(f"Field '{name}' does not exist or you do not have permission to view it.")
        number = found[0].id
        if value is None:
            return lambda issue: (issue.custom.get(number) is None) == (sign == "=")
        if sign not in ("=", "!=", "~"):
            raise JqlError(f"The operator '{sign}' is not supported by the '{name}' field.")
        text = value.text.casefold()

        def test(issue: Issue) -> bool:
            held = issue.custom.get(number)
            if isinstance(held, float):
                return (f"{held:g}" == text) == (sign == "=")
            same = text in texts.plain(held).casefold() if sign == "~" else str(held or "").casefold() == text
            return same == (sign != "!=")

        return test

    def moment(self, name: str, value: Word) -> int:
        """A time literal as epoch milliseconds."""
        text, settings = value.text.strip(), self.box.settings
        if text.isdigit() and settings.epoch_jql:
            return int(text)
        found = RELATIVE.fullmatch(text)
        if found is not None:
            span = sum(int(part[:-1]) * UNITS[part[-1]] for part in re.findall(r"\d+[wdhm]", found[2]))
            return round(self.box.clock.now() * 1000) + (span if found[1] != "-" else -span)
        zone: Any = rules.zone(self.box.store.people[self.who].zone if self.who in self.box.store.people else "UTC")
        if text.endswith(" UTC") and settings.utc_jql:
            text, zone = text.removesuffix(" UTC"), UTC
        for form in FORMATS:
            try:
                return round(datetime.strptime(text, form).replace(tzinfo=zone).timestamp() * 1000)
            except ValueError:
                continue
        raise JqlError(
            f"Date value '{text}' for field '{name}' is invalid. Valid formats include: 'yyyy/MM/dd HH:mm', "
            "'yyyy-MM-dd HH:mm', 'yyyy/MM/dd', 'yyyy-MM-dd', or a period format e.g. '-5d', '4w 2d'."
        )

    def day(self, value: Word) -> str:
        moment = datetime.fromtimestamp(
            self.moment("duedate", value) / 1000, rules.zone(self.box.store.people[self.who].zone)
        )
        return f"{moment:%Y-%m-%d}"


def _ordered(name: str, sign: str, value: Any) -> Test:
    if sign not in COMPARE:
        raise JqlError(f"The operator '{sign}' is not supported by the '{name}' field.")
    compare = COMPARE[sign]
    if value is None:
        return lambda issue: compare(getattr(issue, name), None)

    def test(issue: Issue) -> bool:
        held = getattr(issue, name)
        return held is not None and compare(held, value)

    return test


def _member(name: str, wanted: Any) -> Test:
    lists = {"labels": "labels", "component": "components", "fixversion": "fix_versions"}
    if name in lists:
        attribute = lists[name]
        return lambda issue: (
            not getattr(issue, attribute)
            if wanted is None
            else wanted in [each.casefold() for each in getattr(issue, attribute)]
        )
    if name == "statuscategory":
        return lambda issue: scheme.STATUSES[issue.status][1] == wanted
    attribute = {"issuetype": "type"}.get(name, name)
    return lambda issue: getattr(issue, attribute) == wanted
