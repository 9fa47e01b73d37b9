"""GitHub's JSON and Bridge's records: what is read of it, what is written, the marker in the body.

Refuses: HTTP. Decodes only members that are needed and requires none that can be missing: webhooks of other years,
GitHub Enterprise Server and both API versions look different.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from datetime import UTC, datetime
from hashlib import blake2b
from typing import Any, Final
from urllib.parse import quote, unquote

import msgspec

from bridge.errors import RejectedError
from bridge.model import Fields, FieldSpec, FieldType, Kind, Marker, Record, Ref, Schema, Value

TITLE_LIMIT: Final = 256
BODY_LIMIT: Final = 65_536
MARKER_ROOM: Final = 300
LIVE: Final = frozenset({"mention", "number", "gh", "address"})
"""What a body or a comment sets off: a mention notifies, a reference shows up on what it names (GitHub's page "Autolinked
references and URLs"). A commit's hash is only a link, which nobody hears of, and is left whole for who copies it. Titles
set off nothing.
"""

STATUSES: Final[Mapping[str, tuple[str, str | None]]] = {
    "open": ("open", None),
    "closed": ("closed", "completed"),
    "closed:not_planned": ("closed", "not_planned"),
    "closed:duplicate": ("closed", "duplicate"),
}

_OPENING: Final = "<!-- bridge:v1 "
_NO_MARKER: Final = "<!-- bridge:v1 -->"
_MARKER: Final = re.compile(r"<!-- bridge:v1 (?:(\S+) (\S+) )?-->[ \t]*")
_FENCE: Final = re.compile(r" {0,3}(`{3,}(?=[^`]*$)|~{3,})(.*)")


class Present(msgspec.Struct, gc=False):
    """An object of which only the presence matters."""


class Named(msgspec.Struct):
    name: str = ""


class User(msgspec.Struct):
    login: str = ""


class Milestone(msgspec.Struct):
    title: str = ""
    number: int = 0
    state: str = "open"


class Label(msgspec.Struct):
    name: str = ""
    color: str | None = None
    description: str | None = None
    url: str = ""


class Dependencies(msgspec.Struct):
    """Open issues that this one blocks, and all of them."""

    blocking: int = 0
    total_blocking: int = 0


class Issue(msgspec.Struct):
    """``parent_issue_url`` is missing where there is no parent, ``dependencies`` where the server knows none."""

    number: int
    id: int | None = None
    title: str | None = None
    body: str | None = None
    state: str = "open"
    state_reason: str | None = None
    labels: list[Named | str] | None = None
    assignees: list[User] | None = None
    user: User | None = None
    milestone: Milestone | None = None
    type: Named | None = None
    locked: bool = False
    updated_at: datetime | None = None
    html_url: str = ""
    repository_url: str = ""
    pull_request: Present | None = None
    parent_issue_url: str | None = None
    dependencies: Dependencies | None = msgspec.field(default=None, name="issue_dependencies_summary")


class Row(msgspec.Struct):
    """One comment as GitHub shows it; an account that was deleted leaves ``user`` null."""

    number: int = msgspec.field(name="id")
    created_at: datetime
    updated_at: datetime
    body: str | None = None
    user: User | None = None
    html_url: str = ""
    issue_url: str = ""


class Permissions(msgspec.Struct):
    push: bool = False
    triage: bool = False
    admin: bool = False
    maintain: bool = False


class Repository(msgspec.Struct):
    full_name: str = ""
    id: int = 0
    archived: bool = False
    disabled: bool = False
    has_issues: bool = True
    private: bool = True
    permissions: Permissions | None = None


ISSUE: Final = msgspec.json.Decoder(Issue)
ISSUES: Final = msgspec.json.Decoder(list[Issue])
COMMENT: Final = msgspec.json.Decoder(Row)
COMMENTS: Final = msgspec.json.Decoder(list[Row])
LABEL: Final = msgspec.json.Decoder(Label)
LABELS: Final = msgspec.json.Decoder(list[Label])
MILESTONES: Final = msgspec.json.Decoder(list[Milestone])
NAMES: Final = msgspec.json.Decoder(list[Named])
REPOSITORY: Final = msgspec.json.Decoder(Repository)
USER: Final = msgspec.json.Decoder(User)
USERS: Final = msgspec.json.Decoder(list[User])

_pack: Final[Callable[[Any], bytes]] = msgspec.msgpack.Encoder().encode


def believed(body: str | None, author: User | None, accounts: Collection[str]) -> tuple[str | None, Marker | None]:
    """``split_body``, but a marker in what somebody else than one of these accounts (in lower case) wrote is text: on a
    public repository anybody could claim that an issue is the copy of another item. No accounts: everybody is believed.
    """
    text, marker = split_body(body)
    if marker is None or not accounts or (author is not None and author.login.lower() in accounts):
        return text, marker
    return (body or "").replace("\r\n", "\n").replace("\r", "\n").rstrip(), None


def issue_record(
    connection: str, container: str, issue: Issue, known: Fields | None = None, accounts: Collection[str] = ()
) -> Record:
    """An issue as a record of kind ``task``. Its version is a digest of the content: ``updated_at`` has a grain of a
    second and moves with each comment.

    An issue tells that it blocks none, not which ones. ``known``: fields of it as last seen, for what the answer to a
    write may leave out. ``accounts``: whose markers are believed.
    """
    description, marker = believed(issue.body, issue.user, accounts)
    number = str(issue.number)
    fields: dict[str, Value] = {
        "title": issue.title or "",
        "description": description,
        "status": status_of(issue.state, issue.state_reason),
        "labels": _ordered([label if isinstance(label, str) else label.name for label in issue.labels or ()]),
        "assignees": _ordered([user.login for user in issue.assignees or ()]),
        "milestone": issue.milestone.title if issue.milestone else None,
        "type": issue.type.name if issue.type else None,
        "locked": issue.locked,
        "number": number,
        "author": login_of(issue),
        "parent": (known or {}).get("parent") if issue.parent_issue_url is None else _parent(issue),
    }
    if issue.id is not None:
        fields["database_id"] = str(issue.id)
    if issue.dependencies is not None and not issue.dependencies.blocking + issue.dependencies.total_blocking:
        fields["blocks"] = ()
    elif known and "blocks" in known:
        fields["blocks"] = known["blocks"]
    ref = Ref(connection, container, "task", number)
    return Record(ref, fields, digest(fields, marker), issue.updated_at, issue.html_url, marker)


def digest(fields: Fields, marker: Marker | None) -> str:
    """The version of a record."""
    return blake2b(_pack((fields, marker)), digest_size=10).hexdigest()


def _parent(issue: Issue) -> str:
    """Its number, or ``owner/repo#number`` where it is in another repository."""
    place, _, number = str(issue.parent_issue_url).rpartition("/issues/")
    return number if place == issue.repository_url else f"{place.partition('/repos/')[2]}#{number}"


def _ordered(names: list[str]) -> tuple[str, ...]:
    return tuple(names) if len(names) < 2 else tuple(sorted(set(names)))


def login_of(row: Row | Issue) -> str:
    """Who wrote a comment or an issue; GitHub calls an author whose account is gone "ghost"."""
    return row.user.login if row.user is not None else "ghost"


def label_record(connection: str, container: str, label: Label, url: str) -> Record:
    """A label as a record of kind ``label``; its id is its name, which GitHub compares without case."""
    fields: dict[str, Value] = {
        "name": label.name,
        "color": f"#{label.color.lower()}" if label.color else None,
        "description": label.description or None,
    }
    ref = Ref(connection, container, Kind.LABEL.value, label.name)
    return Record(ref, fields, blake2b(_pack(fields), digest_size=10).hexdigest(), url=url)


def status_of(state: str, reason: str | None) -> str:
    """``open``, ``closed`` (completed, or closed before reasons existed) or ``closed:<reason>``."""
    if state != "closed":
        return "open"
    return "closed" if reason in (None, "completed") else f"closed:{reason}"


def split_body(body: str | None) -> tuple[str | None, Marker | None]:
    """The text without our marker and without trailing space, None when nothing is left; and the marker.

    Ours is the last line. Where people have written below it, it is the last line of that form that stands as
    ``join_body`` puts it, alone after an empty line or at the beginning, and in no code block: it must be found, or an
    unanswered create would be made twice. All else that looks like a marker is text and stays.
    The web interface sends CR LF; both line ends are one here.
    """
    if not body:
        return None, None
    if "\r" in body:
        body = body.replace("\r\n", "\n").replace("\r", "\n")
    body = body.rstrip()
    if _OPENING not in body:
        return body or None, None
    at = body.rfind("\n") + 1
    if own := _MARKER.fullmatch(body, at):
        return body[:at].rstrip() or None, _marker(own)
    lines = body.split("\n")
    if (row := _displaced(lines)) is None:
        return body, None
    own = _MARKER.fullmatch(lines[row])
    above, below = "\n".join(lines[:row]).rstrip(), "\n".join(lines[row + 1 :]).strip("\n")
    return "\n\n".join(filter(None, (above, below))), _marker(own) if own else None


def _displaced(lines: list[str]) -> int | None:
    """The line of a marker that people have written below."""
    found, fence = None, ""
    for row, line in enumerate(lines):
        if opening := _FENCE.fullmatch(line):
            mark, rest = opening[1], opening[2]
            if not fence:
                fence = mark
            elif mark[0] == fence[0] and len(mark) >= len(fence) and not rest.strip():
                fence = ""
        elif not fence and (row == 0 or not lines[row - 1].strip()) and _MARKER.fullmatch(line):
            found = row
    return found


def _marker(own: re.Match[str]) -> Marker | None:
    """None for the line that says that there is none."""
    return Marker(unquote(own[1]), unquote(own[2])) if own[1] else None


def join_body(description: Value, marker: Marker | None) -> str | None:
    """The body to write: the text, then the marker on the last line.

    A text without a marker whose own words would be taken for one gets a last line that says that there is none, so that
    every text comes back as it was.
    """
    text = str(description or "").replace("\r\n", "\n").rstrip()
    if marker is not None:
        line = f"<!-- bridge:v1 {_word(marker.source)} {_word(marker.id)} -->"
    elif _OPENING in text and split_body(text) != (text, None):
        line = _NO_MARKER
    else:
        return text or None
    return f"{text}\n\n{line}" if text else line


def _word(text: str) -> str:
    """One word that cannot end an HTML comment: no space, no ``>``, no two hyphens in a row, none at an end."""
    word = quote(text, safe="/#:@+,=~")
    return word.replace("-", "%2D") if "--" in word or word[:1] == "-" or word[-1:] == "-" else word


def issue_body(changes: Fields, marker: Marker | None, milestone: int | None) -> dict[str, Any]:
    """The JSON of a create or a PATCH with exactly these fields; ``milestone`` is the number for the title in them.

    Raises: RejectedError for a field that cannot be written or a status that GitHub does not have.
    """
    body: dict[str, Any] = {}
    for name, value in changes.items():
        match name:
            case "title" | "type":
                body[name] = value
            case "description":
                body["body"] = join_body(value, marker)
            case "labels" | "assignees":
                body[name] = list(value) if isinstance(value, tuple) else []
            case "milestone":
                body[name] = milestone
            case "status":
                body.update(state_body(value))
            case _:
                raise RejectedError(
                    f"GitHub cannot write the field {name!r} of an issue.",
                    hint="Take it out of the mapping, or make its direction away from GitHub.",
                    field=name,
                )
    return body


def state_body(status: Value) -> dict[str, Any]:
    """``{"state": "closed", "state_reason": "not_planned"}``. Raises: RejectedError for an unknown status."""
    if not isinstance(status, str) or status not in STATUSES:
        raise RejectedError(
            f"GitHub has no status {status!r} for an issue.",
            hint=f"Map it to one of: {', '.join(STATUSES)}.",
            field="status",
        )
    state, reason = STATUSES[status]
    return {"state": state} if reason is None else {"state": state, "state_reason": reason}


def label_body(changes: Fields, *, creating: bool) -> dict[str, Any]:
    """The JSON of a label: colour without ``#``, ``new_name`` when it is renamed."""
    body: dict[str, Any] = {}
    if (name := changes.get("name")) is not None:
        body["name" if creating else "new_name"] = name
    if isinstance(color := changes.get("color"), str):
        body["color"] = color.lstrip("#").lower()
    if "description" in changes and (changes["description"] is not None or not creating):
        body["description"] = changes["description"] or ""
    return body


def issue_schema() -> Schema:
    """Limits from error texts and the fact sheet: title 256, body 65,536 less the marker, 100 labels, 10 assignees."""
    return _schema(
        Kind.TASK,
        FieldSpec("title", FieldType.LINE, max_length=TITLE_LIMIT),
        FieldSpec("description", FieldType.TEXT, max_length=BODY_LIMIT - MARKER_ROOM, dialect="markdown", live=LIVE),
        FieldSpec("status", FieldType.CHOICE, choices=tuple(STATUSES)),
        FieldSpec("labels", FieldType.SET, max_length=50, max_items=100),
        FieldSpec("assignees", FieldType.PERSONS, max_items=10),
        FieldSpec("milestone", FieldType.CHOICE),
        FieldSpec("type", FieldType.CHOICE),
        FieldSpec("locked", FieldType.BOOL, writable="never"),
        FieldSpec("number", FieldType.LINE, writable="never"),
        FieldSpec("author", FieldType.PERSON, writable="never"),
        FieldSpec("parent", FieldType.REF, in_feed=False),
        FieldSpec("blocks", FieldType.REFS, in_feed=False),
        FieldSpec("database_id", FieldType.LINE, writable="never"),
    )


def label_schema() -> Schema:
    """A label: 50 characters of name, 100 of description, a colour as ``#rrggbb``."""
    return _schema(
        Kind.LABEL,
        FieldSpec("name", FieldType.LINE, max_length=50),
        FieldSpec("color", FieldType.LINE, max_length=7),
        FieldSpec("description", FieldType.LINE, max_length=100),
    )


def _schema(kind: Kind, *specs: FieldSpec) -> Schema:
    return Schema(kind.value, {spec.name: spec for spec in specs})


def newest(rows: Collection[Any], so_far: datetime | None) -> datetime | None:
    """The latest ``updated_at`` of all, pull requests included, in UTC."""
    instants = [row.updated_at.astimezone(UTC) for row in rows if row.updated_at]
    return max([*instants, so_far] if so_far else instants, default=None)
