"""What can be set for a Jira connection, Cloud (REST v3) or Data Center (REST v2).

Refuses: I/O.
"""

from __future__ import annotations

from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator

from connectors.settings import DECIDES, DefaultPerson, PeopleEvery, TimeOfDay, UnknownPerson, ZoneName, address


class JiraConfig(BaseModel):
    """``[connections.NAME]`` with ``type = "jira"``."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    type: Literal["jira"] = "jira"
    base_url: Annotated[str, address("https://acme.atlassian.net", instead="email and token")] = Field(
        description=(
            "The site, without /rest: https://SITE.atlassian.net, for scoped tokens and OAuth "
            "https://api.atlassian.com/ex/jira/CLOUDID, for Data Center https://HOST or https://HOST/CONTEXT."
        )
    )
    dialect: Literal["auto", "cloud", "data-center"] = Field(
        default="auto", description="auto: cloud for atlassian.net and atlassian.com, else data-center."
    )
    email: str = Field(
        default="",
        description="The account that an API token of Cloud belongs to (Data Center: user name for a password). Empty: "
        "the token is sent as Bearer, for personal access tokens of Data Center and OAuth.",
    )
    token: SecretStr | None = Field(
        default=None,
        description="An API token (Cloud) or a personal access token (Data Center). Best not in this file.",
    )
    site_url: Annotated[str, address("https://acme.atlassian.net", instead="email and token", optional=True)] = Field(
        default="", description="Where people open issues. Empty: base_url."
    )
    webhook_secret: SecretStr | None = Field(default=None, description="The secret given to the webhook in Jira Cloud.")
    verify_signature: bool = Field(
        default=True,
        description="false takes unsigned webhooks as hints to look at an issue: Data Center cannot sign. Do that only "
        "behind a proxy that checks the caller.",
    )
    ca_file: str | None = Field(default=None, description="A PEM file with your own certificate authority.")

    issue_type: Annotated[str, DECIDES] = Field(
        default="Task", min_length=1, description="The type of issues that Bridge makes."
    )
    subtask_type: Annotated[str, DECIDES] = Field(
        default="", description="The type of issues that it makes below others. Empty: the project's only subtask type."
    )
    blocks_link: Annotated[str, DECIDES] = Field(
        default="Blocks", min_length=1, description="The link type, by name, of the field blocks."
    )
    start_field: Annotated[str, DECIDES] = Field(
        default="Start date", description="The custom field, by name, behind start_on."
    )
    label_space: Annotated[str, DECIDES] = Field(
        default="",
        pattern=r"^\S{0,3}$",
        description="What stands for a space in labels. Empty: such labels are refused.",
    )
    people_by: Annotated[Literal["account", "email"], DECIDES] = Field(
        default="account",
        description="How people are named: account id (Data Center: user name), or the e-mail where the site shows it.",
    )
    resolution: Annotated[str, DECIDES] = Field(
        default="Done", description="Sent with a transition whose screen requires a resolution. Empty: never sent."
    )
    max_hops: int = Field(default=4, ge=1, le=8, description="Transitions that one change of status may take.")
    closed_status: Annotated[str, DECIDES] = Field(
        default="Done", min_length=1, description="The status of an issue that Bridge closes instead of deleting it."
    )
    allow_task_delete: bool = Field(
        default=False, description="Deleting an issue is final and takes its comments and worklogs with it."
    )
    delete_subtasks: bool = Field(default=False, description="Delete an issue's subtasks with it; else Jira refuses.")
    notify_users: bool = Field(
        default=True, description="false asks Jira not to mail about Bridge's writes; needs administrator's rights."
    )

    property_key: Annotated[str, DECIDES] = Field(
        default="bridge.sync", min_length=1, max_length=255, description="The entity property that holds the marker."
    )
    search_properties: bool = Field(
        default=False,
        description="Data Center only: its searches answer entity properties, as those of Cloud do; its documents do not "
        "say so. false reads the marker of each issue that this account made on its own, once.",
    )
    remote_links: Annotated[bool, DECIDES] = Field(
        default=True, description="Show people the partner as a link on each issue that Bridge makes; see partner_urls."
    )
    partner_urls: Annotated[dict[str, str], DECIDES] = Field(
        default_factory=dict,
        description="Address of the partner by connection, with {container} and {id}. One that is not named: no link.",
    )

    updated_literal: Literal["auto", "milliseconds", "relative", "zone"] = Field(
        default="auto",
        description="How searches name an instant. auto tries epoch milliseconds, then minutes back from now, then the "
        "time zone of the account's profile.",
    )
    overlap_s: int = Field(default=300, ge=0, description="Seconds that each poll reads again before the last one.")
    index_lag_s: int = Field(
        default=60, ge=0, description="Assumption: a new issue is found by searches after this many seconds."
    )
    worklog_lag_s: int = Field(
        default=65,
        ge=0,
        description="A worklog is in the feed after this many seconds; Jira holds back the last minute.",
    )
    page_size: int = Field(default=100, ge=2, le=1000, description="Issues asked for at once.")
    sweep_every: int = Field(
        default=2, ge=1, description="Read the feed of deleted worklogs at every n-th poll; it costs one request."
    )
    read_after_create: bool = Field(
        default=True, description="Read an issue right after it was made, as the answer holds its id and key only."
    )
    timezone: Annotated[ZoneName, DECIDES] = Field(
        default="UTC", description="Time zone in which a worklog's day is meant."
    )
    day_starts: Annotated[TimeOfDay, DECIDES] = Field(
        default="09:00", description="When a worklog that has a day only begins."
    )
    people_every_s: PeopleEvery = 86_400
    unknown_person: UnknownPerson = "leave"
    default_person: DefaultPerson = ""
    concurrency: int = Field(
        default=5, ge=1, le=64, description="Requests on their way at once; Cloud: 5 to 10 at most."
    )
    write_interval_s: float = Field(default=0.1, ge=0, description="Seconds between writes. 0 is for a sandbox.")
    timeout_s: float = Field(default=60.0, gt=0, description="Longest silence to wait for.")

    @property
    def is_cloud(self) -> bool:
        if self.dialect != "auto":
            return self.dialect == "cloud"
        host = urlsplit(self.base_url).hostname or ""
        return host.endswith((".atlassian.net", ".atlassian.com", ".jira.com"))

    @field_validator("base_url")
    @classmethod
    def _before_rest(cls, value: str) -> str:
        if "/rest/" in f"{urlsplit(value).path}/":
            raise ValueError("must end before /rest")
        return value
