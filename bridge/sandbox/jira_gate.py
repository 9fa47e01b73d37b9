"""The gate of the Jira sandbox: credentials, rate limits, and what every answer carries."""

from __future__ import annotations

import base64
import binascii
from collections import deque
from typing import TYPE_CHECKING

from bridge.sandbox import jira_rules as rules
from bridge.sandbox.clock import iso
from bridge.sandbox.exchange import Refused, Reply
from bridge.sandbox.frame import decode

if TYPE_CHECKING:
    from bridge.sandbox.exchange import Ask
    from bridge.sandbox.faults import Fault
    from bridge.sandbox.jira import JiraSandbox

FAILED = {"x-seraph-loginreason": "AUTHENTICATED_FAILED", "www-authenticate": 'Basic realm="Jira"'}


def guard(box: JiraSandbox, ask: Ask) -> None:
    """What is checked before any handler: who asks, limits, JSON."""
    ask.who = who_is(box, ask)
    if ask.who in box.store.captcha:
        headers = {"x-authentication-denied-reason": "CAPTCHA_CHALLENGE; login-url=/login.jsp"}
        rules.refuse(403, "Basic Authentication Failure - Reason : CAPTCHA_CHALLENGE", headers=headers)
    if not box.is_cloud and ask.method != "GET" and ask.headers.get("user-agent", "").startswith("Mozilla"):
        rules.refuse(403, "XSRF check failed")
    search_only = ask.path.endswith(("/search", "/search/jql", "/search/approximate-count", "/issue/bulkfetch"))
    if not ask.who and ask.method != "GET" and not search_only:
        rules.refuse(401, "You do not have permission to perform this operation: log in first.")
    if box.settings.burst:
        crowd(box, f"{ask.method} {sorted(ask.params)}", box.settings.burst, 1.0, "jira-burst-based")
    try:
        ask.body = decode(ask.raw)
    except ValueError:
        rules.refuse(400, "There was an error parsing JSON. Check that your request body is valid.")


def who_is(box: JiraSandbox, ask: Ask) -> str:
    """The person of the credentials; "" is nobody.

    Cloud: ``mail:token`` as Basic; Bearer at /ex/jira/ID only (and for the sandbox's own people). Data Center: a personal
    access token as Bearer, or name and token as Basic.

    Raises: Refused with 401 for bad credentials, unless Cloud's anonymous trap makes them nobody's.
    """
    scheme, _, rest_of = ask.headers.get("authorization", "").partition(" ")
    if not scheme:
        return ""
    name: str | None = None
    if scheme.lower() == "bearer":
        by_person = ask.headers.get("user-agent", "") == "bridge-sandbox-person"
        if not box.is_cloud or "cloud" in ask.params or by_person:
            name = box.store.tokens.get(rest_of.strip())
    elif scheme.lower() == "basic":
        name = _by_password(box, rest_of)
    if name is None or not box.store.people[name].active:
        if not box.is_cloud or not box.settings.anonymous_trap or "cloud" in ask.params:
            rules.refuse(401, "Client must be authenticated to access this resource.", headers=FAILED)
        name = ""
    return name


def _by_password(box: JiraSandbox, encoded: str) -> str | None:
    """Whose mail (Cloud) or name (Data Center) and token these are."""
    try:
        login, _, secret = base64.b64decode(encoded, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return None
    row = box.store.people.get(box.store.tokens.get(secret, ""))
    known = row is not None and login.casefold() == (row.mail if box.is_cloud else row.name).casefold()
    return row.name if row is not None and known else None


def crowd(box: JiraSandbox, what: str, most: int, span_s: float, reason: str) -> None:
    """Refuse with 429 what comes more than ``most`` times in ``span_s`` seconds."""
    now, seen = box.clock.now(), box.recent.setdefault(what, deque())
    while seen and seen[0] <= now - span_s:
        seen.popleft()
    if len(seen) >= most:
        raise Refused(limited(box, reason, "1", most))
    seen.append(now)


def limited(box: JiraSandbox, reason: str, wait: str | None, most: int) -> Reply:
    headers = {"x-ratelimit-limit": str(most), "x-ratelimit-remaining": "0"}
    if box.is_cloud:
        headers |= {"ratelimit-reason": reason, "x-ratelimit-reset": iso(box.clock.now() + float(wait or 1))[:16] + "Z"}
    else:
        headers |= {"x-ratelimit-interval-seconds": "1", "x-ratelimit-fillrate": str(most)}
    if wait is not None:
        headers["retry-after"] = wait
    return rules.plain(429, "Rate limit exceeded.", headers=headers)


def finish(box: JiraSandbox, ask: Ask, reply: Reply) -> Reply:
    """What every answer carries."""
    if box.is_cloud:
        reply.headers.setdefault("x-arequestid", "0")
        if ask.headers.get("authorization") and not ask.who:
            reply.headers.setdefault("x-seraph-loginreason", "AUTHENTICATED_FAILED")
    else:
        reply.headers["x-ausername"] = ask.who or "anonymous"
    reply.headers["x-content-type-options"] = "nosniff"
    return reply


def refusal(box: JiraSandbox, fault: Fault, _: Ask) -> Reply:
    """A planned refusal in Jira's words. Containers of Jira do not redirect: ``moved`` is 404."""
    wait = None if fault.retry_after is None else str(fault.retry_after)
    if fault.kind == "rate_limited":
        return limited(box, "jira-burst-based", wait, 100)
    if fault.kind == "secondary_limited":
        return limited(box, "jira-per-issue-on-write", wait, 20)
    if fault.kind == "permission_lost":
        status = fault.status or 404
        return rules.plain(status, rules.UNSEEN if status == 404 else "You do not have the permission to do this.")
    if fault.kind == "moved":
        return rules.plain(404, rules.UNSEEN)
    headers = {} if wait is None else {"retry-after": wait}
    return rules.plain(fault.status or 500, fault.message or "Internal server error", headers=headers)
