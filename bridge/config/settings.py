"""The shape of a configuration: frozen models without I/O. Owns names, defaults and what each key means.

Refuses: reading files, environment or credentials (loader.py), and knowing any tracker (plugins.py brings its model).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, tzinfo
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Final, Literal, TypeAlias
from zoneinfo import ZoneInfo

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    PrivateAttr,
    SecretStr,
    SerializeAsAny,
    model_validator,
)

from bridge.config.source import Path as Key
from bridge.config.source import Position
from bridge.config.values import Constant, Duration, Interval, Names, Plain, Text
from bridge.errors import ConfigError

DEFAULT_EVERY_S: Final = 300
NO_PRESET: Final = "none"

SyncedKind: TypeAlias = Literal["task", "label", "comment", "time_entry"]
Policy: TypeAlias = Literal["manual", "left", "right", "newest", "merge", "keep-both"]


class Strict(BaseModel):
    """Base of all models here: no unknown key, no change after loading, no input repeated in an error."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True, validate_default=False)


class State(Strict):
    """Where Bridge remembers what both sides held."""

    url: SecretStr = Field(
        SecretStr("sqlite:///bridge.db"),
        description="Database: sqlite:///FILE (relative to this file) or postgresql://USER@HOST/NAME. "
        "A password goes into the environment or a credential.",
    )
    backup_dir: str | None = Field(
        None, description="Folder for copies of the database. Left out: beside the database itself."
    )

    @property
    def shown_url(self) -> str:
        """The URL as a person may see it, without its password."""
        shown = re.sub(r"(://[^/@:]*):.*@", r"\1:***@", self.url.get_secret_value())
        return re.sub(r"([?&]password=)[^&]*", r"\1***", shown)


class Daemon(Strict):
    """What ``bridge run`` listens on and how it keeps time."""

    host: Text = Field(
        "127.0.0.1", description="Address to listen on. Webhooks from outside come through a reverse proxy."
    )
    port: int = Field(8470, ge=0, le=65_535, description="Port to listen on; 0 takes a free one.")
    timezone: Text = Field("UTC", description="Time zone in which the cron lines of links are read.")
    max_parallel: int = Field(8, ge=1, description="How many links may run at the same time.")
    stop_timeout: Duration = Field(30, description="How long running links may take to finish after SIGTERM.")

    @property
    def zone(self) -> tzinfo:
        """``timezone`` as an object. UTC needs no zone database, which slim containers lack."""
        return UTC if self.timezone == "UTC" else ZoneInfo(self.timezone)


class Log(Strict):
    """What is written to stderr."""

    level: Literal["debug", "info", "warning", "error"] = Field("info", description="The least important level shown.")
    format: Literal["auto", "console", "json"] = Field(
        "auto", description="auto is console on a terminal and JSON lines elsewhere."
    )


class Endpoint(Strict):
    """One side of a link."""

    connection: Text = Field(description="Name of a connection of this file.")
    container: Text = Field(
        description="What holds the tasks there: owner/repo on GitHub, a board's name or GUID on Artala."
    )
    filter: Text | None = Field(
        None,
        description="Only tasks of which this CEL expression is true take part, with their comments and times. What "
        "leaves is paused, never deleted. Left out: all.",
    )
    query: Text | None = Field(
        None,
        description="As filter, in the words of the tracker, which does the search: a clause of JQL for jira, names of labels "
        "with commas between them for github (an issue must have them all). Other types have none.",
    )


class MapRow(Strict):
    """Names that mean the same, whatever their case. The first of each side is the one that is written; ``*`` is any other."""

    left: Names = Field(description="Names on the left side; the first is written when the right side changed.")
    right: Names = Field(description="Names on the right side; the first is written when the left side changed.")


class FieldRow(Strict):
    """One field of the left side joined to one of the right. Replaces the preset's row for the same fields."""

    left: Text | None = Field(
        None,
        description="Field on the left side, in that tracker's own words; custom.<name> for a custom field. Left out "
        "where value or expression stands in its place.",
    )
    right: Text | None = Field(None, description="Field on the right side, likewise.")
    value: Constant | None = Field(
        None,
        description="A constant in place of left or right: what a new item gets on the other side. With direction "
        "left-to-right (or right-to-left) items that are joined get it too.",
    )
    expression: Text | None = Field(
        None,
        description="A CEL expression over the item in place of left or right: its result is written to the other "
        "side, never back.",
    )
    kind: SyncedKind = Field("task", description="Kind of record the row is for.")
    direction: Literal["both", "left-to-right", "right-to-left", "create-only", "off"] = Field(
        "both",
        description="Which way changes go. create-only fills the field once; off leaves it alone. A value goes "
        "create-only and an expression one way unless this says otherwise.",
    )
    transform: Literal["same", "choice", "prefix", "people", "byline"] | None = Field(
        None,
        description="How values are carried over; byline puts the author's name above the text of a copy. Left out: choice when there is a map, prefix when there is a prefix, else as in the preset, else same.",
    )
    map: tuple[MapRow, ...] = Field((), description='For choice: which names mean the same; "*" is every other name.')
    unknown: Literal["leave", "default", "park", "create"] | None = Field(
        None,
        description="What becomes of a name that the map has no row for: leave it where it is and count it, write the other "
        "side's default, park the field until somebody looks, or create it there as it is (labels). Left out: park; for sets leave.",
    )
    left_default: Plain | None = Field(
        None, description="What is written on the left where the right side has nothing, or with unknown = default."
    )
    right_default: Plain | None = Field(
        None, description="What is written on the right where the left side has nothing, or with unknown = default."
    )
    left_prefix: str = Field(
        "",
        description="What names on the left begin with; the others there are left alone. The right has them without it.",
    )
    right_prefix: str = Field(
        "", description="What names on the right begin with, as gh: in gh:bug; the others there are left alone."
    )
    normal: Literal["lines", "words", "case", "minute", "day", "whole"] | None = Field(
        None,
        description="What does not count as a change: white space at the ends of lines, all white space, letters' case, less "
        "than a minute, a day or a whole number. Values are compared by it, and written as they are.",
    )
    conflict: Policy | None = Field(
        None, description="Who wins when both sides changed this field. Left out: as the link says."
    )
    too_long: Literal["truncate", "park"] | None = Field(
        None,
        description="What becomes of a text that does not fit on the other side. truncate writes its beginning, which "
        "says where the whole is and is never written back; park leaves the other side alone and reports it. Left out: "
        "truncate for texts, titles and notes; park for other fields of one line.",
    )
    left_limit: int | None = Field(
        None, ge=100, description="Characters that the left field shall hold at most. Left out: what the tracker takes."
    )
    right_limit: int | None = Field(
        None,
        ge=100,
        description="Characters that the right field shall hold at most. Left out: what the tracker takes.",
    )


class ExternalId(Strict):
    """Fields in which people already write down which item of the other side is meant."""

    left: Text | None = Field(
        None, description="Field on the left side that holds the right item's id, container#id or address."
    )
    right: Text | None = Field(None, description="Field on the right side that names the left item.")


class Link(Strict):
    """Two containers kept in step."""

    name: str = Field(
        pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$",
        description="Name of the link on the command line and in the history. Do not change it later.",
    )
    left: Endpoint = Field(description="One side.")
    right: Endpoint = Field(description="The other side.")
    enabled: bool = Field(True, description="false leaves the link out of every run.")
    kinds: tuple[SyncedKind, ...] = Field(
        ("task",), min_length=1, description="What is kept in step: task, label, comment, time_entry."
    )
    initial: Literal["match", "match-then-create", "create"] = Field(
        "match",
        description="First contact. match joins equal items and creates nothing; match-then-create also creates what "
        "has no partner; create does not look for partners by the match rule.",
    )
    match: Names = Field(
        ("title",), description="Fields (left names) that must all be equal for two items to be the same."
    )
    external_id: ExternalId = Field(
        ExternalId(), description="Fields that name an item's partner; asked before the match rule."
    )
    first_contact: Literal["manual", "left", "right"] = Field(
        "manual", description="Who wins where two newly joined items differ. manual makes a conflict."
    )
    every: Interval | None = Field(
        None, description='Time between runs, "5m", "1h30m" or seconds. Left out with cron: not used.'
    )
    cron: str | None = Field(
        None, description="Five cron fields instead of every, in daemon.timezone: minute hour day month weekday."
    )
    jitter: Duration = Field(
        10, description="Each run starts up to this much later, so that links do not start together."
    )
    conflict: Policy = Field(
        "manual",
        description="Who wins when both sides changed one field: manual asks a person, newest trusts both servers' "
        "clocks, merge joins texts line by line, keep-both also where both changed the same line.",
    )
    origin_line: Literal["off", "left", "right", "both"] = Field(
        "off",
        description="On which side a description that Bridge copied there begins with a line that says where it comes "
        "from and who wrote it.",
    )
    conflict_comments: Literal["off", "left", "right", "both"] = Field(
        "off",
        description="On which sides a conflict is also asked about, once, in a comment on the item. A person answers "
        'there with "bridge: take left" (or right, base, a connection\'s name).',
    )
    conflict_answers_by: Names = Field(
        (),
        description="Who may answer there, by a name from [[people]] or as the tracker calls them. Left out: all of [[people]].",
    )
    max_writes: int = Field(
        5_000, ge=0, description="Writes a run may send; then it stops cleanly and says what is left."
    )
    max_creates: int = Field(1_000, ge=0, description="Items a run may create.")
    auto_accept: bool = Field(
        False,
        description="true lets a changed mapping or filter of a live link go without bridge accept; it is logged.",
    )
    audit_days: int = Field(
        7, ge=0, description="The daemon compares every pair with both trackers within so many days. 0: never."
    )
    on_delete: Literal["unlink", "close", "archive", "label", "delete"] = Field(
        "unlink",
        description="What happens to a task whose partner was deleted: unlink leaves it alone and says so; close, archive "
        "and label mark it; delete deletes it. One that was edited since is always left alone.",
    )
    on_part_delete: Literal["unlink", "copies", "delete"] = Field(
        "copies",
        description="The same for comments and time entries: copies deletes those that Bridge made when the original was "
        "deleted, delete also the other way round, unlink none.",
    )
    delete_grace: Duration = Field(
        3_600,
        description="How long a task must be gone before anything but unlink is done; it is looked at again then.",
    )
    delete_label: Text = Field("deleted-elsewhere", description="The label that on_delete = label gives.")
    max_deletes: int = Field(
        10, ge=0, description="If more tasks than this vanished, none of them is dealt with, and the run ends with 20."
    )
    max_delete_percent: int = Field(
        10, ge=0, le=100, description="The same in percent of the link's pairs; a single one always passes."
    )
    verify_after: Duration = Field(
        30, description="Read an item again before writing it when we saw it longer ago than this."
    )
    breaker_returns: int = Field(
        3,
        ge=0,
        description="A field that our writes bring back to an earlier value this often in a day is frozen: two "
        "automations disagree. 0: never.",
    )
    undo_creates: Literal["close", "delete", "keep"] = Field(
        "close", description="What bridge undo does with an item that the run created, unless --creates says otherwise."
    )
    preset: str | None = Field(
        None,
        description='Rows to start with. Left out: those for the two connector types; "none": only the rows below.',
    )
    fields: tuple[FieldRow, ...] = Field((), description="Rows beside or instead of the preset's.")

    @model_validator(mode="before")
    @classmethod
    def _with_schedule(cls, data: Any) -> Any:
        if isinstance(data, dict) and data.get("every") is None and data.get("cron") is None:
            return {**data, "every": DEFAULT_EVERY_S}
        return data

    @property
    def conflict_comments_on(self) -> tuple[Literal["left", "right"], ...]:
        """``conflict_comments`` as sides."""
        sides: tuple[Literal["left", "right"], ...] = ("left", "right")
        return tuple(side for side in sides if self.conflict_comments in (side, "both"))

    def side(self, side: Literal["left", "right"]) -> Endpoint:
        return self.left if side == "left" else self.right


class Settings(Strict):
    """A whole configuration, checked. ``loader.load`` makes it."""

    allow_inline_secrets: bool = Field(
        False, description="true accepts secrets written in this file. Keep it out of version control then."
    )
    state: State = Field(State(), description="Where Bridge remembers what both sides held.")
    daemon: Daemon = Field(Daemon(), description="What bridge run listens on and how it keeps time.")
    log: Log = Field(Log(), description="What is written to stderr.")
    connections: Mapping[str, SerializeAsAny[BaseModel]] = Field(
        {}, description="One account on one tracker each, by a name of your choice."
    )
    people: tuple[Mapping[str, str], ...] = Field(
        (), description="One row a person: connection name = the person's name there (GitHub login, Artala e-mail)."
    )
    links: tuple[Link, ...] = Field((), description="What is kept in step.")

    _file: Path | None = PrivateAttr(None)
    _places: Mapping[Key, Position] = PrivateAttr(default_factory=dict)
    _numbers: Mapping[str, int] = PrivateAttr(default_factory=dict)

    @property
    def file(self) -> Path | None:
        """The file it was loaded from."""
        return self._file

    def remember(self, file: Path, places: Mapping[Key, Position]) -> None:
        """Say where the settings came from, and where in the file each key stands; for the loader."""
        self._file, self._places = file, places

    def place(self, key: Key, *, column: bool = False) -> str:
        """``bridge.toml:12`` (``bridge.toml:12:3``) for a key, by its path in the file, or for the table it is missing
        from; "" when they came from no file.
        """
        while key and key not in self._places:
            key = key[:-1]
        if self._file is None or key not in self._places:
            return ""
        at = self._places[key]
        return f"{self._file.name}:{at.line}" + (f":{at.column}" if column else "")

    def model_post_init(self, context: Any, /) -> None:
        """Number the links, once: there may be a thousand of them."""
        super().model_post_init(context)
        self._numbers = {link.name: at for at, link in reversed([*enumerate(self.links)])}

    def number(self, name: str) -> int:
        """Which of the links has a name, from 0; 0 where none has."""
        return self._numbers.get(name, 0)

    def link(self, name: str) -> Link:
        """A link by its name. Raises ConfigError with the nearest name."""
        at = self.number(name)
        if at < len(self.links) and self.links[at].name == name:
            return self.links[at]
        near = get_close_matches(name, [link.name for link in self.links], n=1)
        known = f'Did you mean "{near[0]}"?' if near else f"There are: {', '.join(link.name for link in self.links)}."
        raise ConfigError(f'there is no link "{name}".', hint=known)
