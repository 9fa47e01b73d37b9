"""What can be set for a Workestra connection. Everything its pages leave open is a setting with our assumption.

Source of every fact about Workestra in these modules: the REST page of its Projects module ("page P"), read in 2026, and
its general pages on the API, limits and webhooks. They contradict each other; where they do, page P counts.
"Assumption" marks what no page says. Refuses: I/O.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator

from connectors.settings import DECIDES, DefaultPerson, PeopleEvery, UnknownPerson, ZoneName, address


class WorkestraConfig(BaseModel):
    """``[connections.NAME]`` with ``type = "workestra"``."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    type: Literal["workestra"] = "workestra"
    base_url: Annotated[str, address("https://acme.workestra.app/api/v1")] = Field(
        description="The API's address with its version: https://YOUR-WORKSPACE.workestra.app/api/v1. No default: "
        "Workestra's pages name several, and elsewhere the same words mean support tickets."
    )
    tasks_path: str = Field(
        default="/issues", description="Where tasks are below base_url; Workestra calls them issues."
    )
    token: SecretStr | None = Field(
        default=None,
        description="An API key of the workspace (wsk_live_…): Settings, API Keys. Best not in this file.",
    )
    webhook_secret: SecretStr | None = Field(
        default=None, description="The secret of the webhook: Settings, Integrations, Webhooks."
    )
    ca_file: str | None = Field(default=None, description="A PEM file with your own certificate authority.")
    task_url: str = Field(
        default="",
        description="How a person opens a task, with {project} and {id}; Workestra does not document it. Empty: no links.",
    )

    external_ref_field: Annotated[str, DECIDES] = Field(
        default="",
        description="The key of a text custom field, made by hand in the app, in which Bridge notes what a task belongs "
        "to. Empty: Bridge ends the description with a line that people see.",
    )
    custom_fields_on_create: bool = Field(
        default=False,
        description="Assumption: a new task takes no custom fields, so they are written by a second request.",
    )
    custom_fields_merge: bool = Field(
        default=False,
        description="Assumption: nobody knows whether a write of custom fields leaves the others alone, so a task is read "
        "before and all are sent. true: only those that change are sent, without a read.",
    )
    custom_numbers: Annotated[tuple[str, ...], DECIDES] = Field(
        default=(), description="Keys of the custom fields that hold numbers; the others are taken as text."
    )

    due_field: Annotated[str, DECIDES] = Field(
        default="due_date", description="Assumption: a task's due date. Empty: not in the API."
    )
    estimate_field: Annotated[str, DECIDES] = Field(
        default="estimate_hours", description="Assumption: a task's estimate in hours. Empty: not in the API."
    )
    updated_field: str = Field(default="updated_at", description="Assumption: when a task was last changed.")
    deleted_field: str = Field(
        default="deleted_at", description="Assumption: set for a task in the trash, if such a task is shown at all."
    )
    rows_have_project: bool = Field(
        default=True,
        description="Assumption: a task names its project_id. Without it Bridge takes nothing for a task. false trusts the "
        "filter of the list alone.",
    )
    status_on_create: bool = Field(
        default=False, description="Assumption: a new task takes no status, so it is written by a second request."
    )
    closed_status: Annotated[str, DECIDES] = Field(
        default="done", min_length=1, description="The status of a task that Bridge closes instead of deleting it."
    )
    priorities: Annotated[tuple[str, ...], DECIDES] = Field(
        default=("low", "normal", "high", "urgent"),
        description="Assumption: a task's priorities are those of a project.",
    )
    default_priority: Annotated[str, DECIDES] = Field(
        default="normal", description="Assumption: written for a priority that is none of these, and for none at all."
    )
    text_format: Annotated[Literal["markdown", "plain"], DECIDES] = Field(
        default="markdown", description="Assumption: what a description is; it is sent unchanged."
    )
    title_max: Annotated[int, DECIDES] = Field(default=255, ge=1, description="Characters in a title. Assumption.")
    description_max: Annotated[int, DECIDES] = Field(
        default=50_000, ge=400, description="Characters in a description. Assumption."
    )
    timezone: Annotated[ZoneName, DECIDES] = Field(
        default="UTC", description="Assumption: the zone of a time that is written without one."
    )
    users: Annotated[dict[str, str], DECIDES] = Field(
        default_factory=dict,
        description="E-mail addresses and the user ids that belong to them, since no page tells. People are named by "
        "e-mail address then, others by id.",
    )

    sort_by_change: Literal["probe", "never"] = Field(
        default="probe",
        description="Whether a large project is read by its newest changes. probe: once the list was seen to obey that "
        "order. never: every poll reads all tasks.",
    )
    sweep_every: int = Field(
        default=12,
        ge=1,
        description="Every n-th poll reads all tasks, also where changes are listed: nothing else shows a deletion.",
    )
    page_size: int = Field(default=100, ge=2, le=100, description="Tasks asked for at once.")
    overlap_s: int = Field(default=600, ge=0, description="Seconds that each poll reads again before the last one.")
    index_lag_s: int = Field(
        default=10, ge=0, description="Assumption: a new task is in the lists after this many seconds."
    )

    requests_per_minute: float = Field(
        default=90, ge=0, description="Requests a minute; the published limits contradict each other. 0: none."
    )
    writes_per_minute: float = Field(default=25, ge=0, description="Writes among them. 0: none.")
    people_every_s: PeopleEvery = 86_400
    unknown_person: UnknownPerson = "leave"
    default_person: DefaultPerson = ""
    concurrency: int = Field(default=4, ge=1, le=64, description="Requests on their way at once. Assumption.")
    reserve_percent: float = Field(
        default=10.0, ge=0, le=90, description="Part of the stated limit, in percent, that is left for people."
    )
    timeout_s: float = Field(default=30.0, gt=0, description="Longest silence to wait for, in seconds.")

    @field_validator("base_url")
    @classmethod
    def _above_lists(cls, value: str) -> str:
        if value.endswith(("/issues", "/projects")):
            raise ValueError(
                "is the address of one list; name the one above it, like https://acme.workestra.app/api/v1"
            )
        return value

    @field_validator("tasks_path")
    @classmethod
    def _path(cls, value: str) -> str:
        if not value.startswith("/") or "?" in value or value.strip("/") == "":
            msg = 'must be a path such as "/issues"'
            raise ValueError(msg)
        return value.rstrip("/")

    @field_validator("users")
    @classmethod
    def _one_each(cls, value: dict[str, str]) -> dict[str, str]:
        users = {email.strip().lower(): user for email, user in value.items()}
        if len(set(users.values())) != len(value) or any("@" not in email for email in users):
            msg = 'must be different e-mail addresses with different ids, like {"ann@example.com" = "user_def456"}'
            raise ValueError(msg)
        return users
