"""What can be set for a GitHub connection, github.com or GitHub Enterprise Server.

Refuses: I/O.
"""

from __future__ import annotations

from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator

from connectors.settings import DECIDES, DefaultPerson, PeopleEvery, UnknownPerson, address


class GithubConfig(BaseModel):
    """``[connections.NAME]`` with ``type = "github"``."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    type: Literal["github"] = "github"
    base_url: Annotated[str, address("https://api.github.com")] = Field(
        default="https://api.github.com",
        description="The API's address. GitHub Enterprise Server: https://HOST/api/v3.",
    )
    token: SecretStr | None = Field(
        default=None,
        description=(
            "A fine-grained token with Issues read and write and Metadata read, a classic one with the scope repo, "
            "or an installation token. Best not in this file."
        ),
    )
    webhook_secret: SecretStr | None = Field(default=None, description="The secret given to the webhook on GitHub.")
    ca_file: str | None = Field(default=None, description="A PEM file with your own certificate authority.")
    api_version: str = Field(
        default="2022-11-28", description="X-GitHub-Api-Version. 2026-03-10 works as well. Empty: not sent."
    )
    user_agent: str = Field(default="", description="User-Agent; GitHub refuses requests without one. Empty: Bridge's.")

    marker_accounts: Annotated[tuple[str, ...], DECIDES] = Field(
        default=(),
        description="Logins whose hidden markers are believed: the token's own, for public repositories, where anybody "
        "could claim that an issue is the copy of another item. Empty: everybody's.",
    )
    spend_comments: Annotated[bool, DECIDES] = Field(
        default=False,
        description='Take comments that begin with "/spend 1h30m" for time entries: GitHub has no time tracking of its own.',
    )
    hours_per_day: Annotated[int, DECIDES] = Field(
        default=8, ge=1, le=24, description='What "1d" means in such a comment.'
    )
    days_per_week: Annotated[int, DECIDES] = Field(
        default=5, ge=1, le=7, description='What "1w" means in such a comment.'
    )

    page_size: int = Field(default=100, ge=1, le=100, description="Issues asked for at once.")
    sweep_every: int = Field(
        default=12,
        ge=1,
        description="Where parent or blocks is mapped: look through all issues at every n-th poll, as they move nothing.",
    )
    overlap_s: int = Field(default=120, ge=0, description="Seconds that each poll reads again before the last one.")
    index_lag_s: int = Field(default=10, ge=0, description="A new issue is in the lists after this many seconds.")

    people_every_s: PeopleEvery = 86_400
    unknown_person: UnknownPerson = "leave"
    default_person: DefaultPerson = ""
    concurrency: int = Field(default=8, ge=1, le=100, description="Requests on their way at once.")
    concurrent_writes: int = Field(
        default=1, ge=1, le=100, description="Writes on their way at once; GitHub asks for one after the other."
    )
    write_interval_s: float = Field(
        default=1.0, ge=0, description="Seconds between writes; GitHub asks for at least 1. 0 is for a sandbox."
    )
    reserve_percent: float = Field(
        default=10.0, ge=0, le=90, description="Part of the hourly request limit that is left for people."
    )
    timeout_s: float = Field(default=30.0, gt=0, description="Longest silence to wait for; GitHub cuts after 10.")

    @field_validator("base_url")
    @classmethod
    def _no_website(cls, value: str) -> str:
        if urlsplit(value).hostname in {"github.com", "www.github.com"}:
            raise ValueError("is the website; the API is at https://api.github.com")
        return value
