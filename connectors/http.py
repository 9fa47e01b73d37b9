"""The one place that talks HTTP: client, retry, ETag, redirects, counters.

Refuses: JSON (a connector decodes what it needs), tracker knowledge, credentials in anything that it shows.
"""

from __future__ import annotations

import ipaddress
import logging
import random
import ssl
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final, TypeAlias
from urllib.parse import urljoin, urlsplit, urlunsplit

import httpx
import msgspec
import structlog
from tenacity import (
    AsyncRetrying,
    RetryCallState,
    retry_if_exception,
    stop_after_attempt,
    stop_before_delay,
    wait_random_exponential,
)

from bridge.errors import RateLimited, RetryableError, TrackerError, UnknownOutcome, UnreachableError
from bridge.version import __version__
from connectors.base import Usage
from connectors.pace import Gate, Pace, Retry
from connectors.status import READS, Classify, Response, http_date, limited_until, reset_at, shown, to_error

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Collection, Mapping

    from connectors.base import BeforeSend

log = structlog.get_logger(__name__)

Transport: TypeAlias = httpx.AsyncBaseTransport
"""What replaces the network in tests."""

_NOT_SENT: Final = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.ProxyError)
_MOVED: Final = frozenset({301, 302, 307, 308})
_MOST_MOVES: Final = 5

for _name in ("httpx", "httpcore"):  # they log whole URLs at INFO
    logging.getLogger(_name).setLevel(logging.WARNING)


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Seconds. ``read_s`` is the longest silence, not the longest answer."""

    connect_s: float = 10.0
    read_s: float = 30.0


@dataclass(frozen=True, slots=True)
class Watch:
    """What ``bridge drill`` puts around the clients that are opened in its context: httpx's own event hooks (``request``
    before it leaves, ``response`` before its body is read), and another patience in seconds.
    """

    hooks: Mapping[str, list[Callable[[Any], Awaitable[None]]]] = field(default_factory=dict)
    read_s: float | None = None


WATCH: Final[ContextVar[Watch]] = ContextVar("WATCH", default=Watch())  # noqa: B039 — frozen


@dataclass(frozen=True, slots=True)
class _Call:
    method: str
    url: str
    params: Mapping[str, str] | None
    headers: Mapping[str, str]
    content: bytes | None
    form: Mapping[str, str] | None
    retriable: bool
    accept: Collection[int]
    before_send: BeforeSend | None
    reading: bool = False

    @property
    def is_write(self) -> bool:
        return self.method not in READS and not self.reading


class Http:
    """One account on one host. ``base_url`` may hold a path; every request stays on its scheme, host and port.

    ``headers`` go with each request (the credential among them) and are never shown.
    ``transport`` replaces the network: ``httpx.MockTransport`` or ``httpx.ASGITransport`` in tests.
    """

    def __init__(
        self,
        account: str,
        base_url: str,
        headers: Mapping[str, str],
        *,
        user_agent: str = "",
        pace: Pace | None = None,
        retry: Retry | None = None,
        timeouts: Timeouts | None = None,
        ca_file: str | None = None,
        classify: Classify | None = None,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self.account = account
        self.base_url = _without_user(base_url).rstrip("/")
        self._headers = {"user-agent": user_agent or f"bridge-sync/{__version__}", **headers}
        self._secrets = _secrets(headers)
        self._pace = pace or Pace()
        self._retry = retry or Retry()
        self._gate = Gate(account, self._pace, self._retry)
        self._timeouts = timeouts or Timeouts()
        self._ca_file = ca_file
        self._classify = classify
        self._transport = transport
        self._client: httpx.AsyncClient | None = None
        self._usage = Usage()

    def __repr__(self) -> str:
        return f"Http({self.account!r}, {shown(self.base_url)!r})"

    async def request(
        self,
        method: str,
        path_or_url: str,
        *,
        params: Mapping[str, str | int] | None = None,
        json: Any = None,
        content: bytes | None = None,
        form: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        etag: str | None = None,
        idempotent: bool | None = None,
        follow: bool = False,
        accept: Collection[int] = (),
        before_send: BeforeSend | None = None,
        reading: bool = False,
    ) -> Response:
        """Send, wait and try again as far as that is safe; the answer with any status below 400.

        ``path_or_url`` is joined to ``base_url`` or absolute on the same host. ``etag`` asks If-None-Match; the answer
        may then be a 304. ``json`` None sends no body. ``idempotent`` says that repeating does no harm; None: reads only.
        ``follow`` goes after redirects on the same host (a write only after 307 and 308, which keep its method);
        otherwise they are returned. ``accept`` names error statuses to return instead of raising. ``before_send`` is
        asked once for each time that a write leaves, when nothing is waited for any more; reads do not ask.
        ``reading``: a POST that only asks something, and so is a read in all respects.

        Raises: RateLimited when the wait is too long, UnreachableError, UnknownOutcome for a write that was sent and
        has no usable answer, else what ``connectors.status.to_error`` makes of the status.
        """
        extra = dict(headers or {})
        if json is not None:
            content = msgspec.json.encode(json)
            extra.setdefault("content-type", "application/json")
        if etag is not None:
            extra["if-none-match"] = etag
        method = method.upper()
        call = _Call(
            method=method,
            url=_absolute(self.base_url, path_or_url),
            params=None if params is None else {name: str(value) for name, value in params.items()},
            headers=extra,
            content=content,
            form=form,
            retriable=(reading or method in READS) if idempotent is None else idempotent,
            accept=accept,
            before_send=before_send,
            reading=reading,
        )
        for _ in range(_MOST_MOVES):
            response = await self._tried(call)
            may_follow = response.status in _MOVED and (not call.is_write or response.status in (307, 308))
            if not (follow and may_follow):
                return response
            call = replace(call, url=_moved(self.base_url, response), params=None)
        raise RetryableError(
            f"{call.method} {shown(call.url)} is redirected more than {_MOST_MOVES} times.",
            hint="Check base_url and any proxy before it.",
            url=shown(call.url),
        )

    def usage(self) -> Usage:
        """What was sent so far, each try counted, and the rate headers of the last answer that had some."""
        return self._usage

    async def aclose(self) -> None:
        """Give back the sockets; a later request opens new ones."""
        if self._client is not None:
            client, self._client = self._client, None
            await client.aclose()

    async def _tried(self, call: _Call) -> Response:
        attempts = AsyncRetrying(
            stop=stop_after_attempt(self._retry.attempts) | stop_before_delay(self._retry.max_time_s),
            wait=self._wait,
            retry=retry_if_exception(self._may_pass),
            sleep=self._retry.sleep,
            before_sleep=_log_retry,
            reraise=True,
        )
        return await attempts(self._once, call)

    def _may_pass(self, error: BaseException) -> bool:
        if isinstance(error, RateLimited):
            return error.until - self._retry.now() <= timedelta(seconds=self._retry.max_wait_s)
        return isinstance(error, RetryableError)

    def _wait(self, state: RetryCallState) -> float:
        error = state.outcome.exception() if state.outcome else None
        if isinstance(error, RateLimited):
            jitter = random.uniform(0, self._retry.first_wait_s)  # noqa: S311 — spreads load, guards nothing
            return max(0.0, (error.until - self._retry.now()).total_seconds()) + jitter
        return wait_random_exponential(self._retry.first_wait_s, self._retry.longest_wait_s)(state)

    async def _once(self, call: _Call) -> Response:
        async with self._gate.turn(is_write=call.is_write):
            if call.is_write and call.before_send is not None:
                await call.before_send()
            used = self._usage
            self._usage = replace(used, requests=used.requests + 1, writes=used.writes + call.is_write)
            try:
                answer = await self._open().request(
                    call.method,
                    call.url,
                    params=call.params,
                    headers=call.headers,
                    content=call.content,
                    data=call.form,
                )
            except httpx.HTTPError as error:
                raise _failed(call, error) from error
        now, date = self._retry.now(), http_date(answer.headers.get("date"))
        response = Response(
            method=call.method,
            url=str(answer.request.url),
            status=answer.status_code,
            headers=dict(answer.headers),
            content=answer.content,
            date=date,
            retriable=call.retriable,
            skew_s=None if date is None else round((date - now).total_seconds()),
        )
        self._learn(response, now)
        if response.status < 400 or response.status in call.accept:
            return response
        refusal = to_error(replace(response, content=self._without_secrets(response.content)), now, self._classify)
        if isinstance(refusal, RateLimited):
            self._gate.hold(refusal.until)
        raise refusal

    def _learn(self, response: Response, now: datetime) -> None:
        """Keep the counters and obey the budget that the answer states."""
        headers, used = response.headers, self._usage
        limit, remaining = headers.get("x-ratelimit-limit", ""), headers.get("x-ratelimit-remaining", "")
        used = replace(
            used,
            not_modified=used.not_modified + response.is_not_modified,
            skew_s=used.skew_s if response.skew_s is None else response.skew_s,
        )
        if limit.isdigit() and remaining.isdigit() and headers.get("x-ratelimit-resource", "core") == "core":
            until = reset_at(response, now)
            used = replace(used, limit=int(limit), remaining=int(remaining), resets_at=until)
            if int(remaining) <= int(limit) * self._pace.reserve_percent / 100:
                self._gate.hold(until)
        elif remaining == "0":
            self._gate.hold(limited_until(response, now))
        self._usage = used

    def _without_secrets(self, content: bytes) -> bytes:
        for secret in self._secrets:
            content = content.replace(secret, b"***")
        return content

    def _open(self) -> httpx.AsyncClient:
        if self._client is None:
            watch = WATCH.get()
            read_s = watch.read_s or self._timeouts.read_s
            self._client = httpx.AsyncClient(
                headers=self._headers,
                event_hooks=dict(watch.hooks),
                timeout=httpx.Timeout(read_s, connect=self._timeouts.connect_s, pool=None),
                limits=httpx.Limits(
                    max_connections=self._pace.in_flight, max_keepalive_connections=self._pace.in_flight
                ),
                verify=_tls(self.base_url, self._ca_file),
                follow_redirects=False,
                transport=self._transport,
            )
        return self._client


def _tls(base_url: str, ca_file: str | None) -> ssl.SSLContext | bool:
    if ca_file:
        return ssl.create_default_context(cafile=ca_file)
    if base_url.startswith("http://") and is_loopback(base_url):
        return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # never used; saves 20 ms of reading certificates
    return True


def _without_user(url: str) -> str:
    """Without ``user:password@``, which the client would send in place of the Authorization header."""
    parts = urlsplit(url)
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))


def is_loopback(url: str) -> bool:
    """Whether a URL's host is this machine by name or address."""
    host = urlsplit(url).hostname or ""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _origin(url: str) -> tuple[str, str, int]:
    parts = urlsplit(url)
    return parts.scheme, parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)


def _absolute(base_url: str, path_or_url: str) -> str:
    """Raises: UnreachableError for another scheme, host or port, which would be given the credential."""
    if not path_or_url.startswith(("http://", "https://")):
        return f"{base_url}/{path_or_url.lstrip('/')}"
    if _origin(path_or_url) != _origin(base_url):
        raise UnreachableError(
            f"{shown(base_url)} names an address elsewhere, {shown(path_or_url)}; Bridge does not send the credential there.",
            hint="If the server has moved, set base_url to its new address.",
            url=shown(path_or_url),
        )
    return path_or_url


def _moved(base_url: str, response: Response) -> str:
    return _absolute(base_url, urljoin(response.url, response.headers.get("location", "")))


def _secrets(headers: Mapping[str, str]) -> tuple[bytes, ...]:
    """What must not come back in a message: every header value that is not a media type, version or the like."""
    plain = {"accept", "user-agent", "content-type", "accept-language", "x-github-api-version"}
    words = [word for name, value in headers.items() if name.lower() not in plain for word in value.split()]
    return tuple(word.encode() for word in sorted(words, key=len, reverse=True) if len(word) >= 8)


def _failed(call: _Call, error: httpx.HTTPError) -> TrackerError:
    """What silence means: not delivered, delivered perhaps, or merely to be asked again."""
    where, cause = shown(call.url), str(error) or type(error).__name__
    if isinstance(error, (*_NOT_SENT, httpx.UnsupportedProtocol)):
        host = urlsplit(call.url).netloc.rpartition("@")[2]
        return UnreachableError(f"{host} cannot be reached: {cause}.", hint=_unreachable_hint(cause), url=where)
    if call.retriable:
        return RetryableError(f"{call.method} {where} got no answer: {cause}.", hint="Bridge asks again.", url=where)
    return UnknownOutcome(
        f"{call.method} {where} was sent and got no answer: {cause}.",
        hint="Bridge looks whether the write arrived before it does anything else.",
        url=where,
    )


def _unreachable_hint(cause: str) -> str:
    if "certificate" in cause.lower():
        return "If the host uses its own certificate authority, name its file in ca_file."
    if any(word in cause for word in ("Name or service", "getaddrinfo", "name resolution", "nodename")):
        return "Check the host in base_url and this machine's name resolution."
    return "Check base_url, the network and any proxy; Bridge tries again on the next run."


def _log_retry(state: RetryCallState) -> None:
    error = state.outcome.exception() if state.outcome else None
    wait_s = round(state.next_action.sleep, 1) if state.next_action else 0
    log.debug("call.retried", attempt=state.attempt_number, wait_s=wait_s, error=getattr(error, "message", ""))
