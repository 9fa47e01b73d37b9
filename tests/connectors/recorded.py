"""What the tests against recorded answers share: how the sandbox's traffic becomes a cassette, and what a folder of
cassettes must be.

A cassette shows a public address and a placeholder where the sandbox's own stood, and only the headers that a connector
reads. What other people ask of the sandbox while it is recorded is no business of it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from copy import copy
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit, urlunsplit

CASSETTES: Final = Path(__file__).parent.parent / "cassettes"
_SANDBOX: Final = re.compile(rb"http://127\.0\.0\.1:\d+")


@dataclass(frozen=True, slots=True)
class Recording:
    """Of one tracker. ``header`` carries the credential: ``ours`` as the sandbox knows it, ``shown`` in a cassette.

    ``secret`` and ``placeholder`` are the same without a scheme before them, for bodies that repeat them.
    """

    tracker: str
    host: str
    ours: str
    shown: str
    secret: str
    placeholder: str
    header: str = "authorization"
    kept: frozenset[str] = frozenset({"date", "content-type"})

    @classmethod
    def bearer(cls, tracker: str, host: str, secret: str, placeholder: str, **more: Any) -> Recording:
        return cls(tracker, host, f"Bearer {secret}", f"Bearer {placeholder}", secret, placeholder, **more)

    @property
    def folder(self) -> Path:
        return CASSETTES / self.tracker

    def config(self) -> dict[str, Any]:
        """What pytest-recording's fixture ``vcr_config`` gives."""
        return {
            "before_record_request": self._as_if_real,
            "before_record_response": self._from_the_real_host,
            "decode_compressed_response": True,
            "match_on": ["method", "scheme", "host", "path", "query", "body"],
        }

    def faults(self, tests: Iterable[str]) -> list[str]:
        """Cassettes that belong to none of these tests, tests without one, and what no cassette may hold."""
        texts = {path.stem: path.read_text(encoding="utf-8") for path in self.folder.glob("*.yaml")}
        wanted = {name for name in tests if name.startswith("test_") and "cassette" not in name}
        found = [f"{name}: a cassette or a test alone" for name in sorted(wanted ^ texts.keys())]
        words = (self.secret, "127.0.0.1", "localhost")
        return found + [f"{name}: holds {word}" for name, text in texts.items() for word in words if word in text]

    def _as_if_real(self, request: Any) -> Any:
        if request.headers.get(self.header) not in {self.ours, self.shown} or request.path.startswith("/_sandbox/"):
            return None
        request = copy(request)
        request.headers = {**request.headers, self.header: self.shown, "host": self.host}
        request.uri = urlunsplit(urlsplit(request.uri)._replace(scheme="https", netloc=self.host))
        return request

    def _from_the_real_host(self, response: dict[str, Any]) -> dict[str, Any]:
        body = _SANDBOX.sub(f"https://{self.host}".encode(), response["body"]["string"])
        body = body.replace(self.secret.encode(), self.placeholder.encode())
        kept = {name: values for name, values in response["headers"].items() if name.lower() in self.kept}
        return {**response, "headers": kept, "body": {"string": body}}
