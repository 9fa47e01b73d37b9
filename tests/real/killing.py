"""How Bridge is killed while one of its writes is under way."""

from __future__ import annotations

import signal
import subprocess
import sys

from trackers.between import Between

WITHIN_S = 60


def killed_at(link: Between, fault: str, after: int) -> bool:
    """Run the real command line and kill it at a write; False when there was none to kill it at."""
    proxy = link.left.box.proxy
    proxy.faults.clear()
    proxy.is_held.clear()
    proxy.let_go.clear()
    proxy.fault(fault, method="WRITE", after=after)
    command = [sys.executable, "-m", "bridge", "sync", "pair", "--config", str(link.folder / "bridge.toml")]
    with (link.folder / "killed.log").open("ab") as log:
        run = subprocess.Popen(command, cwd=link.folder, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        while not proxy.is_held.wait(0.05):
            if run.poll() is not None:
                break
        was_held = proxy.is_held.is_set()
        run.kill()
        code = run.wait(WITHIN_S)
    proxy.faults.clear()
    proxy.let_go.set()
    assert not was_held or code == -signal.SIGKILL
    return was_held
