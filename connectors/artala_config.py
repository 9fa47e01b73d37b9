"""What can be set for an Artala connection. Everything the vendor's page leaves open is a setting with our assumption.

Refuses: I/O.

Source of every fact about Artala in these modules: the vendor's page artala.app/api-docs.html, read in 2026. It has no
version number. "Assumption" marks what it does not say.
"""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator, model_validator

from connectors.settings import DECIDES, DefaultPerson, PeopleEvery, UnknownPerson, address


class ArtalaConfig(BaseModel):
    """``[connections.NAME]`` with ``type = "artala"``."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    type: Literal["artala"] = "artala"
    base_url: Annotated[str, address("https://app.artala.app", "/api", "/odata")] = Field(
        default="https://app.artala.app", description="The host, without /api or /odata."
    )
    token: SecretStr | None = Field(
        default=None, description="An API key (tb_…) of an Owner or Admin: Settings, API Keys. Best not in this file."
    )
    webhook_secret: SecretStr | None = Field(
        default=None, description="The secret given to the webhook in Artala, at least 8 characters."
    )
    ca_file: str | None = Field(default=None, description="A PEM file with your own certificate authority.")
    task_url: str = Field(
        default="",
        description="How a person opens a task, with {board} and {id}; Artala does not document it. Empty: no links.",
    )

    signature_header: str = Field(
        default="X-Artala-Signature",
        description="The header with the HMAC-SHA256 of a webhook's body, in hex. Assumption: not documented.",
    )
    verify_signature: bool = Field(
        default=True,
        description=(
            "false takes unsigned webhooks as hints to look at a task. Do that only behind a proxy that checks the caller."
        ),
    )

    overlap_s: int = Field(default=300, ge=0, description="Seconds that each poll reads again before the last one.")
    page_size: int = Field(default=1000, ge=2, le=10_000, description="Rows asked for at once ($top).")
    smallest_server_page: int = Field(
        default=100,
        ge=2,
        description="Assumption: the server never cuts a page below this many rows without saying so.",
    )
    labels_move_updated: bool = Field(
        default=False,
        description="Assumption: a changed label or custom field leaves the task's UpdatedAt as it is.",
    )
    sweep_every: int = Field(
        default=2, ge=1, description="Read labels and custom fields at every n-th poll (see labels_move_updated)."
    )
    field_values_have_board: bool = Field(
        default=False,
        description="Assumption: the feed TaskFieldValues has no column BoardId, so it cannot be read for one board.",
    )
    index_lag_s: int = Field(
        default=5, ge=0, description="Assumption: a new task is in the feeds after this many seconds."
    )

    requests_per_minute: float = Field(default=60, ge=0, description="Assumption: the limit is not stated. 0: none.")
    people_every_s: PeopleEvery = 86_400
    unknown_person: UnknownPerson = "leave"
    default_person: DefaultPerson = ""
    concurrency: int = Field(default=4, ge=1, le=64, description="Requests on their way at once. Assumption.")

    put_is_full_replace: bool = Field(
        default=True, description="Assumption: PUT empties what it is not given, so all eight fields are sent."
    )
    allow_task_delete: bool = Field(
        default=False, description="Deleting a task there is final and takes its comments and time entries with it."
    )
    read_before_write: bool = Field(
        default=False,
        description="Read a task right before each write of its fields or status and plan anew if it was edited: one more "
        "request a write, because Artala has no precondition and a PUT replaces every field.",
    )
    closed_status: Annotated[str, DECIDES] = Field(
        default="Done", min_length=1, description="The status of a task that Bridge closes instead of deleting it."
    )
    title_max: Annotated[int, DECIDES] = Field(default=200, ge=1, description="Characters in a title. Assumption.")
    description_max: Annotated[int, DECIDES] = Field(
        default=50_000, ge=1, description="Characters in a description. Assumption."
    )
    comment_max: Annotated[int, DECIDES] = Field(default=4000, ge=1000, description="Characters in a comment.")
    comments_move_updated: bool = Field(
        default=False, description="Assumption: a comment leaves its task's UpdatedAt as it is."
    )
    comments_every: int = Field(
        default=6,
        ge=1,
        description="Begin to look through the comments of all tasks at every n-th sweep (see sweep_every): one request a "
        "task. Comments of tasks that changed, and those that a webhook names, are read at once.",
    )
    comments_per_poll: int = Field(
        default=20, ge=1, description="How many tasks one poll looks at in such a round; the next poll goes on."
    )
    delete_replies: bool = Field(
        default=False, description="Deleting a comment there takes its replies with it; false keeps one that has some."
    )
    log_for_others: Annotated[bool, DECIDES] = Field(
        default=True,
        description="Log time for the person who spent it, which needs an Owner or Admin; false: all for the key's user.",
    )
    note_max: Annotated[int, DECIDES] = Field(
        default=2000, ge=1000, description="Characters in the note of a time entry. Assumption."
    )
    priorities: Annotated[tuple[str, ...], DECIDES] = Field(
        default=("critical", "high", "medium", "low", "none"),
        description="The names of the priorities 0, 1, 2, … What the feed itself says has precedence.",
    )
    label_color: Annotated[str, DECIDES] = Field(
        default="#9E9E9E", pattern=r"^#[0-9A-Fa-f]{6}$", description="For labels made by Bridge."
    )

    @field_validator("priorities")
    @classmethod
    def _distinct(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        names = tuple(name.strip().lower() for name in value)
        if len(set(names)) != len(names) or "" in names:
            raise ValueError("expected different names, the one of priority 0 first")
        return names

    @model_validator(mode="after")
    def _pages_fit(self) -> Self:
        if self.smallest_server_page > self.page_size:
            raise ValueError("smallest_server_page must not be greater than page_size")
        return self
