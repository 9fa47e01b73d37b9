"""What can be set for a Grow CRM connection. Everything the vendor's documents leave open is a setting with our assumption.

Refuses: I/O.

Source of every fact about Grow CRM in these modules: the documents of its API module (tasks, timesheets, projects,
milestones, team; mid-2026). The API has no version. "Assumption" marks what they do not say.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator

from connectors.settings import DECIDES, DefaultPerson, PeopleEvery, UnknownPerson, address


class GrowcrmConfig(BaseModel):
    """``[connections.NAME]`` with ``type = "growcrm"``."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    type: Literal["growcrm"] = "growcrm"
    base_url: Annotated[str, address("https://crm.example.com", "/api")] = Field(
        default="https://crm.example.com",
        description="The address of your CRM, without /api; it names the account on the SaaS edition. Always to be set.",
    )
    token: SecretStr | None = Field(
        default=None,
        description="An API key: Settings, API, API Keys. Each works as the main administrator. Best not in this file.",
    )
    ca_file: str | None = Field(default=None, description="A PEM file with your own certificate authority.")
    task_url: str = Field(
        default="",
        description="How a person opens a task, with {project} and {id}; the API does not tell it. Empty: no links.",
    )

    encoding: Literal["form", "json"] = Field(
        default="form", description="How bodies are sent. An empty list is JSON in any case: a form cannot carry one."
    )
    text_format: Annotated[Literal["html", "plain"], DECIDES] = Field(
        default="html", description="Assumption: descriptions and comments are HTML, from the CRM's rich editor."
    )
    statuses: Annotated[dict[str, int], DECIDES] = Field(
        default_factory=dict,
        description="Ids of task statuses by title, where no task has them yet: the API lists no statuses.",
    )
    priorities: Annotated[dict[str, int], DECIDES] = Field(
        default_factory=dict, description="Ids of priorities by title, where no task has them yet."
    )
    default_status: Annotated[str, DECIDES] = Field(
        default="", description="The status of a new task that is given none. Empty: the one with the lowest id."
    )
    default_priority: Annotated[str, DECIDES] = Field(
        default="", description="The priority of a new task that is given none. Empty: the one with the lowest id."
    )
    closed_status: Annotated[str, DECIDES] = Field(
        default="Completed",
        min_length=1,
        description="The status of a task that Bridge closes. Where none has this title: one with complet or done in it.",
    )
    uncategorised: Annotated[str, DECIDES] = Field(
        default="Uncategorised",
        description="Title of the milestone that each project has by itself; a task in it has no milestone for Bridge.",
    )

    page_size: int = Field(default=100, ge=1, le=100, description="Rows asked for at once; the CRM gives 100 at most.")
    sweep_every: int = Field(
        default=12,
        ge=1,
        description="Read archived tasks, all time and all comments at every n-th poll: no list says what changed.",
    )
    comments_per_poll: int = Field(
        default=10,
        ge=1,
        description="Tasks whose comments each poll in between reads, in turn: each costs a request.",
    )
    comments_sweep_max: int = Field(
        default=300,
        ge=1,
        description="Above so many tasks the comments are never read all at once, but always in turn.",
    )
    index_lag_s: int = Field(default=0, ge=0, description="Assumption: a new task is in the lists at once.")

    requests_per_minute: float = Field(default=60, ge=0, description="Assumption: the limit is not stated. 0: none.")
    people_every_s: PeopleEvery = 86_400
    unknown_person: UnknownPerson = "leave"
    default_person: DefaultPerson = ""
    concurrency: int = Field(default=4, ge=1, le=64, description="Requests on their way at once. Assumption.")

    patch_is_full_replace: bool = Field(
        default=True, description="Assumption: PATCH resets what it is not given, so all fields of a task are sent."
    )
    read_before_write: bool = Field(
        default=False,
        description="Read a task right before its fields are written, and plan anew if it was edited: one more request a "
        "write, because the API has no precondition and writes all fields.",
    )
    allow_task_delete: bool = Field(
        default=False, description="Deleting a task there is final and takes its comments and time with it."
    )
    title_max: Annotated[int, DECIDES] = Field(default=250, ge=1, description="Characters in a title. Assumption.")
    text_max: Annotated[int, DECIDES] = Field(
        default=60_000, ge=1, description="Characters in a description or comment. Assumption."
    )

    @field_validator("statuses", "priorities")
    @classmethod
    def _distinct(cls, value: dict[str, int]) -> dict[str, int]:
        if len({title.casefold() for title in value}) != len(value) or len(set(value.values())) != len(value):
            raise ValueError("expected different titles with different ids")
        return value
