"""``python -m bridge.sandbox --tracker github --port 0 --json``: a sandbox in a process of its own."""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from typing import TYPE_CHECKING

from bridge.sandbox.server import TRACKERS, serve

if TYPE_CHECKING:
    from bridge.sandbox.server import Running


def main() -> int:
    """Run until SIGTERM; the first line of output is one JSON object (or readable lines without ``--json``)."""
    parser = argparse.ArgumentParser(prog="python -m bridge.sandbox", description=__doc__)
    parser.add_argument("--tracker", action="append", choices=sorted(TRACKERS), help="may be given more than once")
    parser.add_argument("--port", action="append", type=int, help="one for each tracker; 0 takes a free one")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--state", help="file that keeps the content")
    parser.add_argument("--generate", type=int, default=0, help="seed this many items")
    parser.add_argument("--json", action="store_true", help="announce as one JSON line")
    asked = parser.parse_args()
    trackers = asked.tracker or ["github"]

    def announce(running: list[Running]) -> None:
        rows = [one.as_json() for one in running]
        lines = [json.dumps(rows[0] if len(rows) == 1 else {"trackers": rows})]
        if not asked.json:
            lines = [
                f"{row['tracker']}  {row['url']}  container {row['container']}  token {row['token']}" for row in rows
            ]
        sys.stdout.write("\n".join(lines) + "\n")
        sys.stdout.flush()

    seed = {name: {"generate": asked.generate} for name in trackers} if asked.generate else None
    asyncio.run(serve(trackers, host=asked.host, ports=asked.port, state_file=asked.state, seed=seed, ready=announce))
    return 0


if __name__ == "__main__":
    sys.exit(main())
