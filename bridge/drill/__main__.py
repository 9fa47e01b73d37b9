"""``python -m bridge.drill``: the longer job. Two crashes in one history, drawn by a seed, or every single one again."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path

from bridge import log
from bridge.config.loader import load
from bridge.drill.drill import Tally, doubles, staged, trials
from bridge.drill.ground import scratch_folder
from bridge.drill.scenario import SCENARIOS


def main(words: Sequence[str] | None = None) -> int:
    """Run it; 1 when a promise did not hold."""
    options = _options().parse_args(words)
    log.configure("error")
    with scratch_folder() as folder:
        settings = load(options.config or _own(folder), warn=lambda _: None)
    link = options.link or settings.links[0].name
    tally, began = Tally(link), time.monotonic()
    for name in SCENARIOS:
        with staged(settings, link, name) as stage:
            drawn = (
                doubles(stage, options.seed, options.samples)
                if options.double
                else trials(stage, samples=options.samples)
            )
            for trial in drawn:
                tally.add(trial)
                for one in trial.broken:
                    _say(f"{name}: {trial.what}: {one.promise} did not hold: {one.what}")
    took = round(time.monotonic() - began)
    _say(
        f"{tally.killed} processes killed, {tally.lied} lies told, {len(tally.broken)} findings, {took} s, seed {options.seed}"
    )
    return int(bool(tally.broken))


def _options() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m bridge.drill", description=__doc__)
    parser.add_argument("--double", action="store_true", help="two crashes in each history, instead of one")
    parser.add_argument("--seed", type=int, default=1, help="what the pairs of boundaries are drawn from")
    parser.add_argument(
        "--samples", type=int, default=0, metavar="M", help="histories a scenario; left out, of single crashes: all"
    )
    parser.add_argument(
        "--config", type=Path, help="a configuration; left out: one that maps all that both trackers have"
    )
    parser.add_argument("--link", help="its link; left out: the first")
    return parser


def _own(folder: Path) -> Path:
    """Our configuration as a file that only this user can read: it holds (made-up) tokens."""
    file = folder / "drill.toml"
    file.touch(mode=0o600)
    file.write_text((files("bridge.drill") / "drill.toml").read_text(encoding="utf-8"), encoding="utf-8")
    return file


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
