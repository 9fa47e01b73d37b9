"""What can be set for a Gipo connection. Everything the vendor's pages leave open is a setting with our assumption.

Refuses: I/O.

Source of every fact about Gipo in these modules: the vendor's v1 pages (getting started, authentication, pagination,
idempotency, projects, workspaces, tasks, subtasks, time entries, members), read in 2026. "Assumption" marks what they do
not say; ``openapi.json`` of the instance, where it is served, settles the names of write fields.
"""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator, model_validator

from connectors.settings import DECIDES, DefaultPerson, PeopleEvery, TimeOfDay, UnknownPerson, ZoneName, address


class GipoConfig(BaseModel):
    """``[connections.NAME]`` with ``type = "gipo"``."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    type: Literal["gipo"] = "gipo"
    base_url: Annotated[str, address("https://gipo.example.com", "/api/v1", "/api")] = Field(
        description="Your own Gipo's address, without /api/v1; there is no default, since every organization has its own."
    )
    token: SecretStr | None = Field(
        default=None,
        description="An API key (ba_…) of an owner or admin: Organization Settings, API Keys. Best not in this file.",
    )
    person_keys: SecretStr | None = Field(
        default=None,
        description="Keys of other users for time in their names: one line a person, the e-mail, a space, the key.",
    )
    ca_file: str | None = Field(default=None, description="A PEM file with your own certificate authority.")
    key_user: str = Field(
        default="", description="E-mail of the user whose key it is, so that config check can look at the role."
    )
    key_expires_on: date | None = Field(
        default=None, description="The day on which the key expires, as every key does; config check warns before it."
    )
    task_url: str = Field(
        default="",
        description="How a person opens a task, with {workspace} and {id}; not documented. Empty: no links.",
    )
    timezone: Annotated[ZoneName, DECIDES] = Field(
        default="UTC", description="Time zone in which days (due, start, day of an entry) are told from instants."
    )
    day_starts: Annotated[TimeOfDay, DECIDES] = Field(
        default="09:00", description="When an entry starts that comes with a day and no time."
    )

    board_read: Literal["auto", "workspace", "tasks"] = Field(
        default="auto",
        description="What shows a board: workspace (one request), tasks (a request per 100 tasks), or auto: a full "
        "listing compares both and takes tasks where the workspace leaves some out. Assumption: it leaves none out.",
    )
    time_window_days: int = Field(default=35, ge=1, description="Days back in which each poll reads time entries.")
    time_sweep_days: int = Field(default=400, ge=1, description="Days back in which a wider look reads them.")
    subtasks_per_sweep: int = Field(
        default=20, ge=0, description="Tasks whose checklist a wider look reads, one request each, in turn."
    )
    sweep_every: int = Field(default=12, ge=1, description="Look wider at every n-th poll.")
    index_lag_s: int = Field(
        default=5, ge=0, description="Assumption: a new task is in the lists after this many seconds."
    )

    requests_per_minute: float = Field(default=60, ge=0, description="Assumption: the limit is not stated. 0: none.")
    people_every_s: PeopleEvery = 86_400
    unknown_person: UnknownPerson = "leave"
    default_person: DefaultPerson = ""
    concurrency: int = Field(default=2, ge=1, le=64, description="Requests on their way at once. Assumption.")

    push_assignees: Annotated[bool, DECIDES] = Field(
        default=True, description="Write assignees. Gipo notifies and mails people who are assigned."
    )
    assignee_field: Annotated[str, DECIDES] = Field(
        default="",
        description="What a task's assignees are called in a write. Empty: as openapi.json says, else assigneeIds.",
    )
    tag_field: Annotated[str, DECIDES] = Field(
        default="", description="What a task's tags are called in a write. Empty: as openapi.json says, else tagIds."
    )
    time_user_field: Annotated[str, DECIDES] = Field(
        default="",
        description="What names the user in a new time entry. Empty: assumption, time is the key's user's only.",
    )
    finalize_directly: bool = Field(
        default=True, description="Assumption: finalizedAt can be written where the board has no finalizing stage."
    )
    finalized_status: Annotated[str, DECIDES] = Field(
        default="Finalized",
        min_length=1,
        description="Status of a finalized task on a board without a finalizing stage.",
    )
    closed_status: Annotated[str, DECIDES] = Field(
        default="Done",
        description="The stage of a task that Bridge closes instead of deleting it. Empty: never closes.",
    )
    allow_task_delete: bool = Field(
        default=False, description="Delete tasks. Whether Gipo's trash keeps what the API deletes is not documented."
    )
    allow_subtask_delete: bool = Field(
        default=False, description="Delete a subtask whose line was taken out of a checklist; it cannot be had back."
    )
    title_max: Annotated[int, DECIDES] = Field(default=300, ge=1, description="Characters in a title. Assumption.")
    description_max: Annotated[int, DECIDES] = Field(
        default=50_000, ge=1000, description="Characters in a description. Assumption."
    )
    note_max: Annotated[int, DECIDES] = Field(
        default=5000, ge=500, description="Characters in a time entry's description. Assumption."
    )

    @field_validator("person_keys")
    @classmethod
    def _lines(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and any(len(line.split()) != 2 for line in value.get_secret_value().splitlines() if line):
            raise ValueError("expected lines of an e-mail address, a space and a key")
        return value

    @model_validator(mode="after")
    def _sweep_is_wider(self) -> Self:
        if self.time_sweep_days < self.time_window_days:
            raise ValueError("time_sweep_days must not be less than time_window_days")
        return self

    def keys_of_people(self) -> dict[str, str]:
        """API keys by e-mail address in lower case."""
        text = "" if self.person_keys is None else self.person_keys.get_secret_value()
        pairs = (line.split() for line in text.splitlines() if line.strip())
        return {email.lower(): key for email, key in pairs}
