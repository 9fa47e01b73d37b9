"""Webhooks out: real POSTs with real signatures from a background thread, delivered once, twice, shuffled or never."""

from __future__ import annotations

import hashlib
import hmac
import queue
import threading
import urllib.error
import urllib.request
import uuid
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

MODES = ("once", "twice", "shuffled", "never")
SHUFFLE_WAIT_S = 0.3


def signature(secret: str, body: bytes) -> str:
    """HMAC-SHA256 of the raw body, in hex.

    Source: GitHub's documented vector: "It's a Secret to Everybody" over "Hello, World!" is 757107ea...8e17.
    """
    return hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


@dataclass(frozen=True, slots=True)
class Target:
    """Where deliveries go. Without ``events`` it gets all; ``header`` names the signature header, ``prefix`` precedes it."""

    url: str
    secret: str
    events: tuple[str, ...] = ()
    mode: str = "once"
    header: str = ""
    prefix: str = ""


@dataclass(slots=True)
class Delivery:
    """One POST made or to be made. ``outcome`` is the status as text, or what went wrong; empty until tried."""

    id: str
    event: str
    url: str
    headers: dict[str, str]
    body: bytes
    outcome: str = ""

    def as_json(self) -> dict[str, Any]:
        return asdict(self) | {"body": self.body.decode()}


class Outgoing:
    """The deliveries of one sandbox, in order of making. ``style`` is github or artala and decides the headers."""

    def __init__(self, style: str) -> None:
        self.style = style
        self.targets: list[Target] = []
        self.deliveries: list[Delivery] = []
        self._queue: queue.Queue[Delivery | None] = queue.Queue()
        self._thread: threading.Thread | None = None

    def aim(
        self,
        url: str,
        secret: str,
        *,
        events: Iterable[str] = (),
        mode: str = "once",
        header: str = "",
        prefix: str = "",
    ) -> None:
        """Add a target.

        Raises: ValueError for an unknown mode or an address that is not http.
        """
        if mode not in MODES:
            raise ValueError(f"no delivery mode {mode!r}; there are: {', '.join(MODES)}")
        if not url.startswith(("http://", "https://")):
            raise ValueError(f"a webhook's address starts with http:// or https://, not {url!r}")
        self.targets.append(Target(url, secret, tuple(events), mode, header, prefix))

    def send(self, event: str, body: bytes, *extra: Target) -> None:
        """Queue the event for each target that wants it; returns at once."""
        for target in (*self.targets, *extra):
            wanted = not target.events or event in target.events or event.partition(".")[0] in target.events
            if not wanted:
                continue
            delivery = self._make(target, event, body)
            self.deliveries.append(delivery)
            if target.mode == "never":
                delivery.outcome = "never sent"
                continue
            for _ in range(2 if target.mode == "twice" else 1):
                self._enqueue(delivery)

    def redeliver(self, delivery_id: str) -> bool:
        """Send one again under the same id; False when there is none."""
        for delivery in self.deliveries:
            if delivery.id == delivery_id:
                self._enqueue(delivery)
                return True
        return False

    def close(self) -> None:
        if self._thread is not None:
            self._queue.put(None)
            self._thread.join(timeout=5)
            self._thread = None

    def _make(self, target: Target, event: str, body: bytes) -> Delivery:
        delivery = str(uuid.uuid4())
        signed = signature(target.secret, body)
        headers = {"Content-Type": "application/json", "Accept": "*/*"}
        if self.style == "github":
            headers |= {
                "X-GitHub-Event": event,
                "X-GitHub-Delivery": delivery,
                "X-GitHub-Hook-ID": "1",
                "User-Agent": "GitHub-Hookshot/5a0d0b0",
                target.header or "X-Hub-Signature-256": (target.prefix or "sha256=") + signed,
            }
        elif self.style in ("jira", "jira-dc"):
            headers |= {
                "X-Atlassian-Webhook-Identifier": delivery,
                "X-Atlassian-Webhook-Retry": "0",
                "X-Atlassian-Webhook-Flow": "Primary",
            }
            if target.secret and self.style == "jira":  # Data Center signs nothing
                headers[target.header or "X-Hub-Signature"] = (target.prefix or "sha256=") + signed
        elif self.style == "timetracker":
            headers |= {
                "User-Agent": "TimeTracker-Webhook/1.0",
                "X-Webhook-Event": event,
                "X-Webhook-ID": "1",
                target.header or "X-Webhook-Signature": (target.prefix or "sha256=") + signed,
            }
        elif self.style == "workestra":  # event and id stand in the body
            headers[target.header or "X-Workestra-Signature"] = (target.prefix or "sha256=") + signed
        else:
            headers |= {
                "X-Artala-Event": event,
                "X-Artala-Delivery": delivery,
                target.header or "X-Artala-Signature": target.prefix + signed,
            }
        return Delivery(delivery, event, target.url, headers, body)

    def _enqueue(self, delivery: Delivery) -> None:
        if self._thread is None:
            self._thread = threading.Thread(target=self._work, name=f"{self.style}-deliveries", daemon=True)
            self._thread.start()
        self._queue.put(delivery)

    def _work(self) -> None:
        while (delivery := self._queue.get()) is not None:
            batch: list[Delivery | None] = [delivery]
            shuffled = any(target.mode == "shuffled" for target in self.targets)
            while shuffled and batch[-1] is not None:
                try:
                    batch.append(self._queue.get(timeout=SHUFFLE_WAIT_S))
                except queue.Empty:
                    break
            for item in reversed([one for one in batch if one is not None]):
                post(item)
            if batch[-1] is None:
                return


def post(delivery: Delivery) -> None:
    """Make the POST; notes the outcome in the delivery and raises nothing."""
    request = urllib.request.Request(delivery.url, data=delivery.body, headers=delivery.headers, method="POST")  # noqa: S310 - checked by aim
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310 - as above
            delivery.outcome = str(answer.status)
    except urllib.error.HTTPError as error:
        delivery.outcome = str(error.code)
        error.close()
    except OSError as error:
        delivery.outcome = f"failed: {error}"
