"""Logging: structlog for our own events and the libraries' records alike, on stderr, with secrets taken out.

Refuses: to know what is logged. Events are named ``noun.past_participle`` and stand in ``EVENTS``, nowhere else.
"""

from __future__ import annotations

import logging
import os
import re
import sys
from collections.abc import Collection, Mapping, MutableMapping
from typing import TYPE_CHECKING, Any, Final, TextIO, cast

import structlog
from structlog.stdlib import ProcessorFormatter

if TYPE_CHECKING:
    from structlog.typing import Processor

EVENTS: Final[Mapping[str, str]] = {
    "answer.ignored": "a comment that looks like an answer to a conflict, from somebody who may not answer or to values that have moved since",
    "bug.met": "an exception that nobody foresaw, with its traceback; the loop goes on",
    "call.retried": "a request to a tracker is tried again",
    "comment.refused": "a tracker takes no comment on this item; its conflict is decided elsewhere",
    "conflict.answered": "a person decided a conflict by a comment on the item; the run writes it",
    "conflict.asked": "a conflict was put to the people on its item",
    "daemon.started": "the timers run and the web server answers",
    "daemon.stopped": "everything is closed",
    "daemon.stopping": "a signal was received; running links are waited for",
    "deletes.guarded": "more items vanished than a run may deal with (S27); none was, until somebody allows it",
    "field.frozen": "a field kept going back to earlier values and is written no more until a person lets it go",
    "item.failed": "a bug met while one item was written, with its traceback; the other items go on",
    "item.missing": "an announced item cannot be read; it is tried again later",
    "library.logged": "a line of a library we use",
    "link.accepted": "a changed configuration of a live link may go; who let it, and what changed",
    "link.held": "a link stands still: its configuration changed and nobody has accepted that; told once a change",
    "link.kicked": "a link was asked to run before its time",
    "link.locked": "another process holds the link; its next turn does the work",
    "link.refused": "a run that could not do its work, with the reason and what helps",
    "people.read": "a tracker's list of people was read, to match them by e-mail address (S14)",
    "people.unreadable": "a tracker does not show its list of people; those of [[people]] stay known",
    "poll.finished": "one side's changes are in the inbox",
    "recovery.waiting": "a write without an answer is looked for once the tracker's listings are up to date",
    "run.finished": "one run of a link, with its counts",
    "state.backed_up": "the database was copied before a migration",
    "state.backup_left_to_operator": "a PostgreSQL database is migrated; its backup is yours",
    "state.migrated": "the database's tables were brought up to date",
    "webhook.accepted": "a delivery was verified and stored",
    "webhook.deferred": "a delivery could not be stored now; the sender was asked to repeat it",
    "webhook.duplicated": "a delivery that was stored before",
    "webhook.refused": "a delivery that was not stored: unknown, too large, or signed by nobody we know",
    "write.absent": "a write without an answer never happened; it is planned again",
    "write.failed": "a tracker refused a write; the item waits or is parked",
    "write.orphaned": "an unanswered create happened, and its source is gone since; what it made is an item like any other",
    "write.recovered": "a write without an answer did happen; nothing is sent twice",
}
"""Each event's name and what it means to the person who reads the log."""

HIDDEN: Final = "[hidden]"

_QUIET: Final = ("httpx", "httpcore", "uvicorn", "uvicorn.access", "alembic", "apscheduler", "asyncio", "aiosqlite")
_SECRET_NAME = re.compile(
    r"authorization|cookie|token|secret|password|passwd|api[_-]?key|signature|credential|private[_-]?key", re.IGNORECASE
)
_SECRET_TEXT: Final = (
    # an Authorization header wherever it is quoted
    (re.compile(r"(?i)\b(authorization['\"]?\s*[:=]\s*['\"]?)(?:(bearer|token|basic)\s+)?[^\s'\",}]+"), rf"\1{HIDDEN}"),
    (re.compile(r"(?i)\b(bearer|basic)\s+[A-Za-z0-9._~+/=-]{6,}"), rf"\1 {HIDDEN}"),
    # tokens that have a shape of their own: GitHub's, GitLab's, Slack's, signed JSON
    (re.compile(r"\b(?:gh[opsur]_[A-Za-z0-9]{16,}|github_pat_\w{20,}|glpat-[\w-]{16,}|xox[a-z]-[\w-]{10,})"), HIDDEN),
    (re.compile(r"\beyJ[\w-]{8,}\.[\w-]{4,}\.[\w-]*"), HIDDEN),
    (re.compile(r"\bsha(?:1|256)=[0-9a-fA-F]{40,64}\b"), HIDDEN),
    # a password in an address, a secret in a query
    (re.compile(r"(://[^/\s:@]*:)[^/\s@]+@"), rf"\1{HIDDEN}@"),
    (
        re.compile(r"(?i)([?&](?:access_token|token|api_?key|key|secret|password|sig|signature)=)[^&\s'\"]+"),
        rf"\1{HIDDEN}",
    ),
)


class Redactor:
    """Takes secrets out of whatever is about to be shown.

    Knows them by the name they stand under, by their shape, and by value: ``known`` are the configured secrets, so
    that even one without a shape cannot slip out. Known values shorter than six characters are left alone: they would
    blank ordinary words.
    """

    def __init__(self, known: Collection[str] = ()) -> None:
        self._known: tuple[str, ...] = ()
        self.learn(known)

    def learn(self, known: Collection[str]) -> None:
        """Add secrets that were read later, such as those of the configuration."""
        values = {*self._known, *(value for value in known if len(value) >= 6)}
        self._known = tuple(sorted(values, key=lambda value: (-len(value), value)))

    def text(self, text: str) -> str:
        """The text without its secrets."""
        for value in self._known:
            if value in text:
                text = text.replace(value, HIDDEN)
        for pattern, shown in _SECRET_TEXT:
            text = pattern.sub(shown, text)
        return text

    def value(self, value: Any, name: str = "") -> Any:
        """Any value without its secrets: mappings and sequences are walked, a SecretStr is always hidden."""
        if isinstance(value, Mapping):
            return {key: self.value(held, str(key)) for key, held in value.items()}
        if isinstance(value, list | tuple | set | frozenset):
            return [self.value(held, name) for held in value]
        if value is None or isinstance(value, bool | int | float):
            return value
        if hasattr(value, "get_secret_value") or (name and value and _SECRET_NAME.search(name)):
            return HIDDEN
        return f"<{len(value)} bytes>" if isinstance(value, bytes) else self.text(str(value))

    def __call__(self, _logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        for key in list(event):
            if not key.startswith("_"):  # ProcessorFormatter's own
                event[key] = self.value(event[key], key)
        return event


REDACTOR: Final = Redactor()
"""The process's one redactor: what the configuration teaches it holds for every log line and every error shown."""


def redact(text: str) -> str:
    """Text for a person, without secrets."""
    return REDACTOR.text(text)


def configure(level: str = "info", *, stream: TextIO | None = None, as_json: bool | None = None) -> None:
    """Send all logging to ``stream`` (stderr): readable on a terminal, JSON lines otherwise. May be called again."""
    terminal = (sys.stderr if stream is None else stream).isatty()
    json_lines = not terminal if as_json is None else as_json
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=json_lines),
        structlog.processors.format_exc_info,
        REDACTOR,
    ]
    structlog.configure(
        processors=[structlog.stdlib.filter_by_level, *shared, ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(_Stderr() if stream is None else stream)
    handler.setFormatter(
        ProcessorFormatter(
            foreign_pre_chain=[*shared[:-1], _name_foreign, REDACTOR],
            processors=[ProcessorFormatter.remove_processors_meta, _renderer(json_lines, colors=terminal)],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [*(old for old in root.handlers if not isinstance(old.formatter, ProcessorFormatter)), handler]
    root.setLevel(level.upper())
    for name in _QUIET:
        library = logging.getLogger(name)
        library.handlers.clear()
        library.propagate = True
        library.setLevel(max(logging.WARNING, root.level))  # httpx logs whole URLs at INFO
    logging.captureWarnings(True)


class _Stderr:
    """Whatever ``sys.stderr`` is at the moment of writing: tests and progress bars replace it."""

    def write(self, text: str) -> int:
        return sys.stderr.write(text)

    def flush(self) -> None:
        sys.stderr.flush()


def _renderer(json_lines: bool, *, colors: bool) -> Processor:
    if json_lines:
        return structlog.processors.JSONRenderer(sort_keys=True, ensure_ascii=False)
    return structlog.dev.ConsoleRenderer(
        colors=colors and not os.environ.get("NO_COLOR"),
        exception_formatter=structlog.dev.plain_traceback,
        pad_event_to=18,
    )


def _name_foreign(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """A library's line becomes one event of ours, so that names stay a closed list."""
    record = event.get("_record")
    event["message"] = event.pop("event")
    event["event"] = "library.logged"
    event["library"] = record.name if record is not None else ""
    return event


def get(name: str) -> structlog.stdlib.BoundLogger:
    """A logger. Facts go in as keys: ``log.info("link.finished", link="app", writes=3)``."""
    return cast("structlog.stdlib.BoundLogger", structlog.get_logger(name))
