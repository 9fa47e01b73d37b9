"""What can go wrong on purpose: each fault applies to the next requests that match it, then is spent."""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass, fields
from typing import Any

KINDS = {
    "status": "answer `status` (with `retry_after`, `message`) and do nothing else",
    "rate_limited": "answer as over the primary limit (GitHub: remaining 0 and a reset; `status` 403 or 429)",
    "secondary_limited": "answer as over GitHub's secondary limit, with `retry_after` unless it is null",
    "permission_lost": "answer `status` 403 or 404 as if the token had lost its right",
    "moved": "answer 301 (GET) or 307 to the container's address by number",
    "reset": "reset the connection before anything is read",
    "delay": "wait `seconds`, then handle the request",
    "hold": "wait until POST /_sandbox/release, then handle the request",
    "lost_reply": "handle the request, then close the connection with no answer",
    "accepted_error": "handle the request, then answer `status` (500 unless given)",
    "accepted_delay": "handle the request, then wait `seconds` before answering",
    "hold_reply": "handle the request, then wait for POST /_sandbox/release before answering",
    "cut_body": "send half of the answer's bytes, then close the connection",
    "cut_json": "answer with the first half of the JSON, as if that were all of it",
    "meanwhile": "first do `deed`: another's request (`who`, `method`, `path`, `body`), or an `act`; then handle the request",
    "stale": "list as of `seconds`, `requests` (for lists) or `changes` ago: what is newer is seen as it was, or not at all; "
    "with `item` (a regular expression on the id) only these items are late",
    "half_page": "list the first half of the page and no way on, as if that were all",
    "empty_listing": "list nothing",
    "normalise": "store otherwise than sent; `how` is any of: trim, trailing (blanks at line ends), blanks (runs of empty "
    "lines), crlf, lf, entities (HTML), lower (label names), reorder (list labels in another order)",
}

HOW = ("trim", "trailing", "blanks", "crlf", "lf", "entities", "lower", "reorder")
INSTEAD = ("status", "rate_limited", "secondary_limited", "permission_lost", "moved")


@dataclass(slots=True)
class Fault:
    """One planned fault. ``method`` is a name or ``*``; ``path`` a regular expression searched in the path.

    ``times`` is how many matching requests it hits (-1: until cleared), ``after`` how many it lets through first.
    """

    kind: str
    method: str = "*"
    path: str = ""
    times: int = 1
    after: int = 0
    status: int = 0
    retry_after: str | int | None = None
    seconds: float = 0.0
    changes: int = 0
    requests: int = 0
    item: str = ""
    how: str = "trim crlf reorder"
    deed: dict[str, Any] | None = None
    message: str = ""

    def is_late(self, at: float, now: float, *, lists: int, undone: int) -> bool:
        """Whether a stale list does not know a change yet: made ``at``, ``lists`` lists and ``undone`` changes ago."""
        if self.seconds:
            return at > now - self.seconds
        return lists < self.requests if self.requests else undone < self.changes

    def matches(self, method: str, path: str) -> bool:
        if self.kind == "moved" and path.startswith("/repositories/"):
            return False  # that is where the redirect leads
        return self.times != 0 and self.method in ("*", method) and re.search(self.path, path) is not None


class Faults:
    """The faults still to come, in the order they were planned, and those already used."""

    def __init__(self) -> None:
        self.planned: list[Fault] = []
        self.used: list[str] = []

    def add(self, kind: str, **options: Any) -> Fault:
        """Plan one fault.

        Raises: ValueError naming the unknown kind or option, or the path that is no regular expression.
        """
        if kind not in KINDS:
            raise ValueError(f"no fault {kind!r}; there are: {', '.join(KINDS)}")
        known = {item.name for item in fields(Fault)}
        if unknown := set(options) - known:
            raise ValueError(f"no fault option {', '.join(sorted(unknown))}; there are: {', '.join(sorted(known))}")
        for name in ("path", "item"):
            try:
                re.compile(options.get(name, ""))
            except re.error as error:
                raise ValueError(f"{name} is not a regular expression: {error}") from error
        if unknown := set(options.get("how", "").split()) - set(HOW):
            raise ValueError(f"no way to normalise {', '.join(sorted(unknown))}; there are: {', '.join(HOW)}")
        fault = Fault(kind=kind, **options)
        fault.method = fault.method.upper()
        self.planned.append(fault)
        return fault

    def clear(self) -> None:
        self.planned.clear()

    def take(self, method: str, path: str) -> dict[str, Fault]:
        """The faults that hit this request, by kind; each is spent by one."""
        hit: dict[str, Fault] = {}
        for fault in list(self.planned):
            if fault.kind in hit or not fault.matches(method, path):
                continue
            if fault.kind in INSTEAD and any(kind in INSTEAD for kind in hit):
                continue  # one answer a request: the others stay planned
            if fault.after > 0:
                fault.after -= 1
                continue
            hit[fault.kind] = fault
            self.used.append(fault.kind)
            if fault.times > 0:
                fault.times -= 1
            if fault.times == 0 and fault in self.planned:
                self.planned.remove(fault)
        return hit

    def as_json(self) -> dict[str, Any]:
        return {"planned": [asdict(fault) for fault in self.planned], "used": list(self.used)}
