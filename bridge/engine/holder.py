"""Who holds a lease, by a name from which another process on the same machine can tell that it is dead (S2)."""

from __future__ import annotations

import os
import socket
from contextlib import suppress
from itertools import count
from pathlib import Path
from typing import Final

_STARTED: Final = 19
"""Place of ``starttime`` behind the closing bracket in /proc/PID/stat (proc(5), field 22)."""

_attempt = count()


def name() -> str:
    """``host:namespace:pid:start``: this process. The namespace keeps containers apart that share a host's name."""
    return f"{socket.gethostname()}:{_namespace()}:{os.getpid()}:{_started(os.getpid())}"


def attempt() -> str:
    """A name that no other attempt of this or another process has."""
    return f"{name()}:{next(_attempt)}"


def said(holder: str) -> str:
    """A holder in words for a person."""
    host, _, pid, *_ = (*holder.split(":"), "", "")
    return f"process {pid} on {host}" if pid.isdigit() else holder


def is_dead(holder: str) -> bool:
    """Whether the holder was a process of this machine that has ended: killed before it could give its lease back.

    False where that cannot be known: another machine or container, or a system without /proc. Were it wrong, the fence
    would refuse the holder's next write.
    """
    host, namespace, pid, started = ([*holder.split(":"), "", "", "", ""])[:4]
    if host != socket.gethostname() or not namespace or namespace != _namespace() or not pid.isdigit():
        return False
    return bool(started) and _started(int(pid)) != started


def _namespace() -> str:
    """The process-id namespace and the boot it belongs to; "" on a system that does not say."""
    with suppress(OSError):
        boot = Path("/proc/sys/kernel/random/boot_id").read_text("ascii")[:8]
        return f"{boot}-{Path('/proc/self/ns/pid').readlink().name.strip('pid:[]')}"
    return ""


def _started(pid: int) -> str:
    """When a process started, in clock ticks since boot: "" when there is none. A zombie has ended."""
    with suppress(OSError):
        behind = Path(f"/proc/{pid}/stat").read_text("utf-8").rpartition(")")[2].split()
        return "" if behind[0] in ("Z", "X") else behind[_STARTED]
    return ""
