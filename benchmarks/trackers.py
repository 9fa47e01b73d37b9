"""Two sandbox trackers in processes of their own: filled, edited as people would, counted, and put back."""

from __future__ import annotations

import json
import subprocess
import sys
import time
import urllib.request
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Self

from benchmarks.bare_loop import MARKER, Artala, Github, Line

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

WRITTEN_BEFORE_S = 86_400  # what is seeded is a day old, so that no poll's overlap reaches it


@dataclass(slots=True)
class Tracker:
    """One sandbox process. ``token`` is Bridge's, ``person`` somebody else's."""

    name: str
    url: str = ""
    token: str = ""
    person: str = ""
    container: str = ""
    process: subprocess.Popen[str] | None = None

    def start(self) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "bridge.sandbox", "--tracker", self.name, "--port", "0", "--json"],
            stdout=subprocess.PIPE,
            stdin=subprocess.DEVNULL,
            text=True,
        )
        assert self.process.stdout is not None
        told = json.loads(self.process.stdout.readline())
        self.url, self.token, self.container = told["url"], told["token"], told["container"]
        self.person = told["tokens"]["alice"] if "alice" in told["tokens"] else list(told["tokens"].values())[1]

    def stop(self) -> None:
        if self.process is not None:
            self.process.terminate()
            self.process.wait(timeout=30)
            assert self.process.stdout is not None
            self.process.stdout.close()

    def control(self, method: str, path: str, body: Any = None) -> Any:
        """A call below ``/_sandbox``; a body that is bytes is JSON already. Raises HTTPError when it is refused."""
        raw = body if isinstance(body, bytes | None) else json.dumps(body).encode()
        headers = {"Content-Type": "application/json"}
        request = urllib.request.Request(f"{self.url}/_sandbox{path}", data=raw, method=method, headers=headers)
        with urllib.request.urlopen(request, timeout=600) as answer:
            content = answer.read()
        return content if path == "/state" else json.loads(content)

    def requests(self) -> int:
        return int(self.control("GET", "/counts")["requests"])


@dataclass(slots=True)
class Pair:
    """Both trackers of a workload."""

    github: Tracker = field(default_factory=lambda: Tracker("github"))
    artala: Tracker = field(default_factory=lambda: Tracker("artala"))

    def __enter__(self) -> Self:
        for tracker in self.both:
            tracker.start()
        self.artala.control("POST", "/settings", {"rate_limit": 0})
        self.github.control("POST", "/settings", {"rate_limit": 100_000_000})
        return self

    def __exit__(self, *_: object) -> None:
        for tracker in self.both:
            tracker.stop()

    @property
    def both(self) -> tuple[Tracker, Tracker]:
        return self.github, self.artala

    def seed(self, side: Tracker, count: int, *, done_every: int) -> None:
        options = {"count": count, "before": time.time() - WRITTEN_BEFORE_S, "done_every": done_every}
        side.control("POST", "/seed", {"generate": options})

    def reset_counts(self) -> None:
        for tracker in self.both:
            tracker.control("POST", "/counts/reset")

    def requests(self) -> dict[str, int]:
        return {tracker.name: tracker.requests() for tracker in self.both}

    def save(self) -> dict[str, bytes]:
        return {tracker.name: tracker.control("GET", "/state") for tracker in self.both}

    def restore(self, saved: dict[str, bytes]) -> None:
        for tracker in self.both:
            tracker.control("POST", "/state", saved[tracker.name])

    @contextmanager
    def people(self) -> Iterator[tuple[Github, Artala]]:
        """Both sides as somebody else than Bridge reaches them."""
        lines = [Line(tracker.url, tracker.person) for tracker in self.both]
        try:
            yield Github(lines[0], self.github.container), Artala(lines[1], self.artala.container)
        finally:
            for line in lines:
                line.connection.close()

    def rename(self, count: int) -> None:
        """Somebody renames ``count`` items on each side, different ones."""
        with self.people() as (github, artala):
            issues = [issue for page, _ in github.changed("", "") for issue in page]
            for issue in issues[:count]:
                github.update(str(issue.number), f"{issue.title} on GitHub")
            taken = {issue.title for issue in issues[:count]}
            tasks = unique(task for page in artala.changed("") for task in page)
            for task in [task for task in tasks if task.Title not in taken][:count]:
                artala.update(task, f"{task.Title} on Artala")

    def content(self) -> dict[str, list[Any]]:
        """What people see on both sides, without ids and markers, in an order of its own."""
        with self.people() as (github, artala):
            issues = [
                (
                    issue.title,
                    MARKER.sub("", issue.body or ""),
                    issue.state,
                    sorted(label.name for label in issue.labels),
                )
                for page, _ in github.changed("", "")
                for issue in page
            ]
            labels = artala.labels()
            tasks = [
                (task.Title, task.Description, task.Status, sorted(labels.get(task.Id, [])))
                for task in unique(task for page in artala.changed("") for task in page)
            ]
        return {"github": sorted(issues), "artala": sorted(tasks)}


def unique(tasks: Iterable[Any]) -> list[Any]:
    """Tasks once each: pages overlap by the rows of one instant."""
    return list({task.Id: task for task in tasks}.values())
