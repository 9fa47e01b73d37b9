"""The ground on which runs with comments and time entries die: any two trackers' people, and the drill's dying processes.

What the drill makes from a link's rows for tasks, people do here by hand: parts have neither a title nor a field that
both could fill, and are created, edited, deleted and moved between tasks.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Self

from promises.part_oracle import word_in
from trackers.between import Between

from bridge.config.loader import load
from bridge.drill import scratch
from bridge.drill.ground import _forker

LINK = "pair"


class PartsGround:
    """Use as a context manager."""

    def __init__(self, folder: Path, left: str, right: str) -> None:
        self.world = Between(folder, left, right)
        self.folder = folder
        self._open = ExitStack()

    def __enter__(self) -> Self:
        self._open.enter_context(self.world)
        settings = load(self.folder / "bridge.toml")
        tables = {
            name: scratch.connection(
                config, config.base_url, side.box.token(), overlap_s=getattr(config, "overlap_s", 0)
            )
            for (name, config), side in zip(settings.connections.items(), self.sides, strict=True)
        }
        scratch.write(self.folder / "settings.json", settings, LINK, tables, self.folder / "bridge.db")
        self._process = self._open.enter_context(_forker())
        return self

    def __exit__(self, *_: object) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._open.close()

    @property
    def sides(self) -> tuple[Any, Any]:
        return self.world.left, self.world.right

    def run(self, *actions: Mapping[str, Any], die_at: int = 0, warm: bool = False) -> dict[str, Any]:
        """Do something in a process of its own, which ends at boundary ``die_at``."""
        file = str(self.folder / "settings.json")
        job = {"settings": file, "calm": file, "link": LINK, "die_at": die_at, "warm": warm, "actions": actions}
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(job) + "\n")
        self._process.stdin.flush()
        answer: dict[str, Any] = json.loads(self._process.stdout.readline())
        assert "error" not in answer, answer["error"]
        return answer

    def save(self) -> tuple[list[str], bytes]:
        return [json.dumps(side.box.store.dump()) for side in self.sides], (self.folder / "bridge.db").read_bytes()

    def restore(self, moment: tuple[Sequence[str], bytes]) -> None:
        for side, content in zip(self.sides, moment[0], strict=True):
            side.box.store.load(json.loads(content))
        for file in self.folder.glob("bridge.db*"):
            file.unlink()
        (self.folder / "bridge.db").write_bytes(moment[1])

    def seen(self) -> list[list[tuple[str, ...]]]:
        """What each side shows, in words: tasks by title, comments and entries with the title of their task."""
        found = []
        for side in self.sides:
            titles = {item: row["title"] for item, row in side.tasks().items()}
            rows = [("task", title) for title in titles.values()]
            rows += [
                ("comment", title, word_in(row["text"]))
                for item, title in titles.items()
                for row in side.comments(item).values()
            ]
            rows += [
                ("time", titles[str(row["task"])], row["on"], str(row["seconds"])) for row in side.times().values()
            ]
            found.append(sorted(rows))
        return found
