"""The HTTP client of a connection that is set up as most are: a key, an even pace, one kind of answer.

Refuses: what an answer means.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from pydantic import SecretStr

from connectors.http import Http, Timeouts, Transport
from connectors.pace import Pace, Retry
from connectors.status import Classify


class Settings(Protocol):
    @property
    def base_url(self) -> str: ...

    @property
    def ca_file(self) -> str | None: ...

    @property
    def concurrency(self) -> int: ...

    @property
    def requests_per_minute(self) -> float: ...


def client(
    name: str,
    settings: Settings,
    headers: Mapping[str, str],
    classify: Classify,
    *,
    transport: Transport | None,
    retry: Retry | None,
    user_agent: str = "",
    timeouts: Timeouts | None = None,
) -> Http:
    """``headers`` are those of the key; JSON is asked for. No I/O."""
    pace = Pace(
        in_flight=settings.concurrency,
        writes_in_flight=settings.concurrency,
        interval_s=seconds_apart(settings.requests_per_minute),
    )
    return Http(
        name,
        settings.base_url,
        {"accept": "application/json", **headers},
        user_agent=user_agent,
        pace=pace,
        retry=retry or Retry(first_wait_s=1.0),
        timeouts=timeouts,
        ca_file=settings.ca_file,
        classify=classify,
        transport=transport,
    )


def bearer(token: SecretStr | str | None) -> dict[str, str]:
    """The header of a key; none for no key and for an empty one."""
    key = token.get_secret_value() if isinstance(token, SecretStr) else token
    return {"authorization": f"Bearer {key}"} if key else {}


def seconds_apart(per_minute: float) -> float:
    """0 for no pacing."""
    return 60 / per_minute if per_minute else 0.0
