"""What can be set for a Redmine connection.

Refuses: I/O.

Source of every fact about Redmine in these modules: Redmine 5.0.4 of Debian 12, as it was seen to answer.
"""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr

from connectors.settings import DECIDES, DefaultPerson, PeopleEvery, UnknownPerson, address


class RedmineConfig(BaseModel):
    """``[connections.NAME]`` with ``type = "redmine"``."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    type: Literal["redmine"] = "redmine"
    base_url: Annotated[str, address("https://redmine.example.com")] = Field(
        description="Where people open it, without /issues. No default: everybody has their own."
    )
    token: SecretStr | None = Field(
        default=None,
        description="The API key of an account (My account, API access key); an administrator's for time and comments "
        "of others. Best not in this file.",
    )
    ca_file: str | None = Field(default=None, description="A PEM file with your own certificate authority.")

    text_format: Annotated[Literal["textile", "markdown", "common_mark", "plain"], DECIDES] = Field(
        default="textile", description="Administration, Settings, General, Text formatting: the API does not say it."
    )
    marker_field: Annotated[str, DECIDES] = Field(
        default="External ID",
        description="A text field of issues, and one of time entries, that holds Bridge's marker. Where it is not there, "
        "or this is empty, visible words in the text hold it.",
    )
    labels_field: Annotated[str, DECIDES] = Field(
        default="Labels",
        description="A list field of issues that takes several values; Redmine has no labels of its own. Empty: none.",
    )
    tracker: Annotated[str, DECIDES] = Field(
        default="", description="The tracker of new issues. Empty: the project's first."
    )
    activity: Annotated[str, DECIDES] = Field(
        default="Development",
        description="The activity of new time entries. Empty: the server's default, if it has one.",
    )
    people_by: Annotated[Literal["email", "login", "name", "id"], DECIDES] = Field(
        default="email",
        description="What names a person. Mails are shown to administrators; whoever has none shown is #ID.",
    )
    switch_user: Annotated[bool, DECIDES] = Field(
        default=False,
        description="Write comments and time entries as their author (X-Redmine-Switch-User). Administrators only.",
    )
    log_for_others: Annotated[Literal["auto", "yes", "no"], DECIDES] = Field(
        default="auto", description='Whether the account may log time of others. "auto": if it is an administrator.'
    )
    closed_status: Annotated[str, DECIDES] = Field(
        default="Closed", min_length=1, description="The status of an issue that Bridge closes instead of deleting it."
    )
    private_issues: Annotated[bool, DECIDES] = Field(
        default=False, description="true also syncs private issues that the account sees. Private notes never leave."
    )
    allow_task_delete: bool = Field(
        default=False,
        description="Deleting an issue is final and takes its children, comments and time entries with it.",
    )
    read_back: bool = Field(
        default=True,
        description="Read an issue or entry after each write: Redmine answers nothing and drops in silence what the "
        "workflow forbids. false saves a request a write, and the next poll tells.",
    )

    page_size: int = Field(default=100, ge=2, le=100, description="Rows asked for at once; Redmine gives 100 at most.")
    overlap_s: int = Field(default=60, ge=2, description="Seconds that each poll reads again before the last one.")
    key_check_s: int = Field(
        default=60,
        ge=0,
        description="In a public project a wrong key lists less instead of failing: so the key is checked before a poll, "
        "at most every so many seconds.",
    )
    sweep_every: int = Field(
        default=10, ge=1, description="Read relations and edited comments, which move nothing, at every n-th poll."
    )
    comments_per_sweep: int = Field(
        default=50, ge=0, description="Issues whose comments are read again with such a poll, in turn."
    )
    time_from: Annotated[date | None, DECIDES] = Field(
        default=None, description="Time entries of earlier days are left alone."
    )
    time_walk_s: int = Field(
        default=600,
        ge=0,
        description="Read all time entries after so many seconds; in between only the newest hundred and their number.",
    )

    requests_per_minute: float = Field(default=0, ge=0, description="Redmine has no limit. 0: none.")
    people_every_s: PeopleEvery = 86_400
    unknown_person: UnknownPerson = "leave"
    default_person: DefaultPerson = ""
    concurrency: int = Field(default=4, ge=1, le=64, description="Requests on their way at once.")

    @property
    def dialect(self) -> Literal["textile", "markdown", "plain"]:
        """What texts are written in."""
        match self.text_format:
            case "markdown" | "common_mark":
                return "markdown"
            case "textile":
                return "textile"
        return "plain"
