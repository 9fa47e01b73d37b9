"""Run one command and tell what it used, as JSON on the descriptor named first. Standard library only, and small.

A process starts with the peak memory of the one that started it, so the thing measured must be started by something
small: this.
"""

import json
import os
import sys
import time


def main() -> None:
    report, command = int(sys.argv[1]), sys.argv[2:]
    os.set_inheritable(report, False)
    began = time.perf_counter()
    child = os.posix_spawn(command[0], command, os.environ)
    _, status, used = os.wait4(child, 0)
    wall = time.perf_counter() - began
    figures = {
        "exit": os.waitstatus_to_exitcode(status),
        "cpu_s": round(used.ru_utime + used.ru_stime, 4),
        "wall_s": round(wall, 4),
        "rss_mb": round(used.ru_maxrss / 1024, 1),
    }
    os.write(report, json.dumps(figures).encode())


main()
