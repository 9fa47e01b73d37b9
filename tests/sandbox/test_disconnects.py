"""A client that goes away in the middle of its request."""

from __future__ import annotations

import logging
import socket
from urllib.parse import urlsplit

import pytest

from bridge.sandbox.server import Sandbox


def test_a_client_that_dies_while_sending_has_asked_nothing(caplog: pytest.LogCaptureFixture) -> None:
    with Sandbox("github") as box, caplog.at_level(logging.ERROR):
        parts = urlsplit(box.url)
        with socket.create_connection((parts.hostname, parts.port)) as line:
            line.sendall(b"POST /repos/acme/app/issues HTTP/1.1\r\nHost: here\r\nContent-Length: 100\r\n\r\n{")
        status, _ = box.call("GET", "/repos/acme/app/issues", who="alice")

        assert (status, box.log, caplog.records) == (200, [], [])
