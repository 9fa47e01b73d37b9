"""Tells systemd how the daemon is: sd_notify, in datagrams on the socket that $NOTIFY_SOCKET names.

Refuses: to fail. Without systemd, or when its socket is gone, nothing is sent and nothing is said.

Source: sd_notify(3), sd_watchdog_enabled(3).
"""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Notifier:
    """Where to send, and how often the watchdog must hear of us (None: not at all)."""

    address: str = ""
    watchdog_s: float | None = None

    @classmethod
    def of(cls, environ: Mapping[str, str] = os.environ) -> Notifier:
        """Read what systemd put into our environment. A watchdog meant for another process is none of ours."""
        address = environ.get("NOTIFY_SOCKET", "")
        if address.startswith("@"):
            address = "\0" + address[1:]  # the abstract namespace
        usec = environ.get("WATCHDOG_USEC", "")
        mine = environ.get("WATCHDOG_PID", str(os.getpid())) == str(os.getpid())
        return cls(address, int(usec) / 1_000_000 if usec.isdigit() and mine and int(usec) else None)

    def ready(self, status: str) -> None:
        """Start-up is over: what ``Type=notify`` waits for."""
        self._send(f"READY=1\nSTATUS={_line(status)}")

    def stopping(self, *, within_s: float) -> None:
        """We are closing and may need this long; systemd then does not kill us before."""
        self._send(f"STOPPING=1\nSTATUS=waiting for running links\nEXTEND_TIMEOUT_USEC={int(within_s * 1_000_000)}")

    def status(self, text: str) -> None:
        """One line for ``systemctl status``."""
        self._send(f"STATUS={_line(text)}")

    async def watch(self) -> None:
        """Feed the watchdog at half its interval, from the loop that must be alive, until cancelled."""
        if self.watchdog_s is None:
            return
        while True:
            self._send("WATCHDOG=1")
            await asyncio.sleep(self.watchdog_s / 2)

    def _send(self, message: str) -> None:
        if not self.address:
            return
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as out:
                out.setblocking(False)
                out.sendto(message.encode(), self.address)
        except OSError:
            return  # nobody listens, or the buffer is full: the daemon's work does not depend on it


def _line(text: str) -> str:
    return " ".join(text.split())
