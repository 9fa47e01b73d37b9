"""What can go wrong, sorted by what the engine does next (S34). Each message is for the person who must act.

    BridgeError
    ├── ConfigError            stop before the first call; exit 2
    ├── HeldError              the link's configuration changed and nobody has accepted that; exit 21
    ├── StateError             the database cannot be used; exit 1
    │   └── LockedError        somebody else holds it; exit 75
    └── TrackerError           a tracker said no
        ├── RetryableError     retried in connectors/http.py; then the item stays in the inbox
        │   └── RateLimited    the same, not before ``until``
        ├── UnknownOutcome     a write may or may not have happened: look before anything else (S18)
        ├── StaleWrite         the record moved: plan it again
        ├── RejectedError      the tracker will never take this: park the item, or its ``field`` alone
        ├── GoneError          deleted or moved, with evidence (S25)
        ├── NotFoundError      404 without evidence: hidden, moved, not there yet
        ├── PermissionError_   this verb is not allowed: park the item
        ├── ContainerError     the whole repository or board refuses: stop this side, park nothing
        ├── AuthError          the credential is refused: stop this connection alone
        ├── UnreachableError   nobody answers: stop this connection alone, try next time
        └── SignatureError     a webhook that nobody we know has signed: 401, nothing stored

A bug is any other exception: the loop that meets it logs it with its traceback and goes on with the next item.
"""

from __future__ import annotations

from datetime import datetime
from typing import Final, Literal, TypeAlias


class BridgeError(Exception):
    """Base of all that Bridge raises on purpose.

    ``message`` says what and where, ``hint`` what to do next; ``details`` is the message with more lines for a person,
    where there are any. None of them ever holds a secret.
    """

    exit_code = 1
    details = ""

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message} {self.hint}".strip()


class ConfigError(BridgeError):
    """The configuration or the command line is wrong."""

    exit_code = 2


class HeldError(BridgeError):
    """A live link stands still until a person accepts its changed configuration, or puts the old one back."""

    exit_code = 21


class StateError(BridgeError):
    """The state database cannot be opened, is damaged, or was made by a newer version."""


class LockedError(StateError):
    """The database or the link is held by another process."""

    exit_code = 75


class TrackerError(BridgeError):
    """A tracker's answer, or its silence. ``status`` is the HTTP status where there was one."""

    def __init__(self, message: str, *, hint: str = "", status: int | None = None, url: str = "") -> None:
        super().__init__(message, hint=hint)
        self.status = status
        self.url = url


class RetryableError(TrackerError):
    """May pass by itself: 5xx, a cut connection on a read."""


class RateLimited(RetryableError):
    """The quota is used up. ``until`` is aware UTC by our clock, from Retry-After or the rate headers."""

    def __init__(
        self, message: str, *, until: datetime, hint: str = "", status: int | None = None, url: str = ""
    ) -> None:
        super().__init__(message, hint=hint, status=status, url=url)
        self.until = until


class UnknownOutcome(TrackerError):
    """A write was sent and no usable answer came back. Never retried blind (S18)."""


class StaleWrite(TrackerError):
    """A precondition failed: the record is no longer at the version the plan was made against."""


class RejectedError(TrackerError):
    """400, 422: not acceptable until the item, the mapping or the configuration changes.

    ``field`` is the one field that is to blame, in the connector's vocabulary; "" when that is not known.
    """

    def __init__(
        self, message: str, *, hint: str = "", status: int | None = None, url: str = "", field: str = ""
    ) -> None:
        super().__init__(message, hint=hint, status=status, url=url)
        self.field = field


class GoneError(TrackerError):
    """Deleted, with the evidence S25 asks for, or moved away (``moved_to`` names the new place)."""

    def __init__(
        self, message: str, *, moved_to: str = "", hint: str = "", status: int | None = None, url: str = ""
    ) -> None:
        super().__init__(message, hint=hint, status=status, url=url)
        self.moved_to = moved_to


class NotFoundError(TrackerError):
    """404 that proves nothing: no permission, a lagging replica, a container that is not healthy."""


class PermissionError_(TrackerError):  # noqa: N801 — the builtin's name is taken
    """403 on one verb: the credential works but may not do this."""


ContainerReason: TypeAlias = Literal["permission", "missing", "moved", "closed"]


class ContainerError(TrackerError):
    """What was said is true of the whole container, so that the next item would be told the same.

    ``reason``: ``permission`` (this account may not do it here), ``missing`` (not there, or not shown to this account;
    it proves no item gone, S25), ``moved`` (the address leads elsewhere), ``closed`` (archived, or its issues are
    turned off). ``container`` as the connector names it, "" where the answer
    does not say.
    """

    def __init__(
        self,
        message: str,
        *,
        reason: ContainerReason,
        container: str = "",
        hint: str = "",
        status: int | None = None,
        url: str = "",
    ) -> None:
        super().__init__(message, hint=hint, status=status, url=url)
        self.container = container
        self.reason: ContainerReason = reason


class AuthError(TrackerError):
    """401: the credential is missing, wrong or expired. Stops that connection alone (S24)."""


class UnreachableError(RetryableError):
    """No connection could be made at all: name resolution, refused, TLS. Nothing was delivered."""


class SignatureError(TrackerError):
    """A webhook whose signature does not fit its raw body."""


ENDING: Final = (AuthError, ContainerError, RateLimited, UnreachableError)
"""What is true of the whole connection or container: it ends the run. All else is one item's trouble (S24)."""
