"""What can be set for a TimeTracker connection. What differs between installations or versions is a setting.

Refuses: I/O.

Source of every fact about TimeTracker in these modules: the program itself, version 5.10.0, as it was seen to answer, and its
documents where nothing was seen ("assumption").
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr

from connectors.settings import DECIDES, DefaultPerson, PeopleEvery, TimeOfDay, UnknownPerson, ZoneNameOrNone, address


class TimeTrackerConfig(BaseModel):
    """``[connections.NAME]`` with ``type = "timetracker"``."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    type: Literal["timetracker"] = "timetracker"
    base_url: Annotated[str, address("https://timetracker.example.com", "/api/v1", "/api")] = Field(
        default="https://timetracker.example.com", description="The address of the program."
    )
    token: SecretStr | None = Field(
        default=None,
        description="An API token (tt_…), best of an admin and with the scope admin:all. Best not in this file.",
    )
    webhook_secret: SecretStr | None = Field(
        default=None, description="The secret that TimeTracker showed when the webhook was made."
    )
    ca_file: str | None = Field(default=None, description="A PEM file with your own certificate authority.")
    user_agent: str = Field(default="", description="User-Agent, as it stands in the audit log. Empty: Bridge's.")

    timezone: Annotated[ZoneNameOrNone, DECIDES] = Field(
        default="",
        description='The program\'s time zone, such as "Europe/Rome". Empty: what the server says of itself.',
    )
    stored_times: Annotated[Literal["auto", "utc", "local"], DECIDES] = Field(
        default="auto",
        description="Whether times of tasks and comments are stored in UTC or in the program's zone, which depends on its "
        "database. auto finds out by what it sees.",
    )
    day_starts: Annotated[TimeOfDay, DECIDES] = Field(
        default="09:00", description="The time of day of work that has a date only."
    )
    on_overlap: Annotated[Literal["next-free", "refuse"], DECIDES] = Field(
        default="next-free",
        description="Nobody can have two time entries at once there: take the next free time of that day, or park the entry.",
    )
    log_for_others: Annotated[bool, DECIDES] = Field(
        default=True, description="Log the time of other people, which needs the token of an admin."
    )
    taskless_entries: Annotated[bool, DECIDES] = Field(
        default=False, description="Also take time entries that belong to no task."
    )
    task_id_on_create: bool = Field(
        default=False,
        description="A new time entry may name its task at once. 5.10.0 refuses that, so it takes two requests.",
    )
    rounding_s: Annotated[int, DECIDES] = Field(
        default=1, ge=1, description="Seconds to which the program rounds durations, if rounding is set there."
    )

    can_reassign: bool = Field(
        default=False, description="Tasks can be given to somebody else later. 5.10.0 drops that without a word."
    )
    people_by: Annotated[Literal["email", "username"], DECIDES] = Field(
        default="email", description="How people are named. E-mail addresses need the scope admin:all."
    )
    closed_status: Annotated[str, DECIDES] = Field(
        default="done", min_length=1, description="The status of a task that Bridge closes instead of deleting it."
    )
    more_statuses: Annotated[tuple[str, ...], DECIDES] = Field(
        default=("cancelled", "on_hold"), description="Statuses that are right although the board has no such column."
    )
    allow_task_delete: bool = Field(
        default=False, description="Deleting a task there is final; its time entries stay behind without a task."
    )
    neutralise_mentions: Annotated[bool, DECIDES] = Field(
        default=True, description="Comments of Bridge call nobody: an invisible sign is put behind each @."
    )

    change_feed: Literal["auto", "audit", "walk"] = Field(
        default="auto",
        description="How changes are found: audit asks the audit log (scope admin:all), walk reads everything, auto takes the "
        "log where it is cheaper.",
    )
    audit_limit: int = Field(default=200, ge=10, description="Rows of the audit log asked for at once.")
    walk_every_s: int = Field(
        default=3600, ge=60, description="With the audit log: seconds after which everything is read all the same."
    )
    time_window_days: int = Field(
        default=35,
        ge=1,
        description="Without the audit log: so many days back are time entries looked at in each poll.",
    )
    comments_per_poll: int = Field(
        default=20, ge=1, description="Without the audit log: the comments of so many tasks are read in each poll."
    )
    page_size: int = Field(default=500, ge=1, le=5000, description="Tasks asked for at once.")
    index_lag_s: int = Field(
        default=1, ge=0, description="Assumption: a new record is in the lists after so many seconds."
    )

    requests_per_minute: float = Field(
        default=90,
        ge=0,
        description="The server takes 100 a minute and 1000 an hour unless set otherwise. 0: no pacing.",
    )
    people_every_s: PeopleEvery = 86_400
    unknown_person: UnknownPerson = "leave"
    default_person: DefaultPerson = ""
    concurrency: int = Field(default=2, ge=1, le=32, description="Requests on their way at once.")
    timeout_s: float = Field(default=60.0, gt=0, description="Longest silence to wait for.")
