"""The demo: two people work in two trackers, Bridge keeps both in step, and a newcomer watches.

Everything shown is real: commands in processes of their own, HTTP over loopback, a database file. What the screen
claims is checked before it is said; a demo that goes another way says so and exits with 1.
"""

from __future__ import annotations

import os
import shlex
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from bridge.demo import people, stage
from bridge.demo.config import text as config_text
from bridge.demo.people import DARK, EXPORT, INVOICE, LOGIN, PRICES, Alice, Sam
from bridge.errors import BridgeError

RETITLED = "Login form loses the password on retry"
ALICES = "Dark mode everywhere"
SAMS = "Dark mode for phones first"


def play(folder: Path) -> int:
    """Run the demo in ``folder`` and return the exit code. Raises BridgeError for a folder that is not ours."""
    stage.prepare(folder)
    console = Console(highlight=False, emoji=False, width=None if sys.stdout.isatty() else 110)
    with stage.trackers(folder, ("artala", "github")) as running:
        artala, github = running["artala"], running["github"]
        people.seed(github, people.GITHUB_SEED)
        people.seed(artala, people.ARTALA_SEED)
        _configure(folder, artala, github)
        _Show(folder, console, Alice(github), Sam(artala)).run()
    _farewell(folder, console, artala, github)
    return 0


def _configure(folder: Path, artala: stage.Tracker, github: stage.Tracker) -> None:
    for tracker in (artala, github):
        with os.fdopen(
            os.open(folder / f"{tracker.name}.token", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w"
        ) as out:
            out.write(tracker.token + "\n")
    (folder / stage.CONFIG).write_text(config_text(artala, github), "utf-8")


@dataclass(frozen=True, slots=True)
class _Show:
    """The acts, in order. ``alice`` works on GitHub, ``sam`` on Artala."""

    folder: Path
    console: Console
    alice: Alice
    sam: Sam

    def run(self) -> None:
        self._opening()
        self._first_contact()
        self._two_people()
        self._nothing_to_do()
        self._conflict()

    def _opening(self) -> None:
        say = self.console.print
        say("[bold]Bridge keeps issue and task trackers in step, both ways.[/bold]")
        say(
            f"Two sandbox trackers run on this machine: Artala at {self.sam.tracker.url}, GitHub at {self.alice.tracker.url}."
            " No account, nothing leaves it."
        )
        self._sides("Before: Artala has two tasks, GitHub has four issues, and one of them is the same.")

    def _first_contact(self) -> None:
        self._act("1", "What would a sync do? A plan reads both sides and writes nothing.")
        self._type("plan", expect=0)
        self._claim(self._written() == 0, "the plan wrote to a tracker")
        self._act("2", "Do it. What is on both sides is joined; what is missing on one is created there.")
        self._type("sync", expect=0)
        wanted = {LOGIN, EXPORT, PRICES, DARK, INVOICE}
        self._claim(set(self.alice.issues()) == wanted == set(self.sam.tasks()), "the sides hold different items")
        self._sides("Now both sides hold the same five.")

    def _two_people(self) -> None:
        self._act("3", "Two people work, each in their own tracker, partly on the same item:")
        self.alice.edit(LOGIN, title=RETITLED)
        self.alice.add_label(RETITLED, "urgent")
        self._say("alice", "on GitHub", f'renames "{LOGIN}" to "{RETITLED}" and labels it urgent')
        self.sam.edit(LOGIN, description="Only with two tabs open. Steps are in the first comment.")
        self.sam.remove_label(LOGIN, "bug")
        self._say("sam", "on Artala", f'rewrites the description of "{LOGIN}" and takes its label bug away')
        self.sam.move(EXPORT, "Done")
        self._say("sam", "on Artala", f'moves "{EXPORT}" to Done')
        self.alice.edit(DARK, title=ALICES)
        self.sam.edit(DARK, title=SAMS)
        self._say("both", "at once", f'rename "{DARK}", each in another way')
        self._type("sync", expect=10)
        issues, tasks = self.alice.issues(), self.sam.tasks()
        self._claim(RETITLED in issues and RETITLED in tasks, "alice's title did not arrive")
        issue, task = issues[RETITLED], tasks[RETITLED]
        self._claim("Only with two tabs" in (issue["body"] or ""), "sam's description did not arrive")
        self._claim(_labels(issue) == task["labels"] == ["urgent", "web"], "the labels were not merged")
        self._claim(issues[EXPORT]["state"] == "closed", "the issue was not closed")
        self._claim(ALICES in issues and SAMS in tasks, "the conflict was not left alone")
        self._sides("Every edit is on the other side. Only the title that both changed waits for a person.")

    def _nothing_to_do(self) -> None:
        self._act("4", "Again. Nothing changed, so nothing is written: the trackers count.")
        before = self._written()
        self._type("sync", expect=10)
        extra = self._written() - before
        self._claim(extra == 0, f"the third run wrote {extra} times")
        self._say("artala, github", "counted", "0 writes")

    def _conflict(self) -> None:
        self._act("5", "The conflict: what it was, what each side says now, and a decision.")
        self._type("conflicts", "list", expect=0)
        self._type("conflicts", "resolve", "1", "--take", "left", expect=0)
        self._type("sync", expect=0)
        self._claim(SAMS in self.alice.issues() and SAMS in self.sam.tasks(), "the decision was not written")
        self._sides("Settled: both sides agree on everything.")

    # --- how it is shown ----------------------------------------------------------------------------------------------

    def _act(self, number: str, text: str) -> None:
        self.console.print()
        self.console.rule(f"[bold]{number}[/bold]  {escape(text)}", align="left", style="dim")

    def _say(self, who: str, where: str, what: str) -> None:
        self.console.print(f"  [cyan]{who}[/cyan] {where} {escape(what)}")

    def _type(self, *words: str, expect: int) -> None:
        width = min(self.console.width, 120) - 2
        ended = stage.bridge(self.folder, *words, color=self.console.is_terminal, width=width)
        self.console.print(f"[bold green]$[/bold green] [bold]{escape(ended.typed)}[/bold]")
        for line in ended.output.rstrip().splitlines():
            self.console.print(Text("  ") + Text.from_ansi(line), soft_wrap=True)
        if ended.code != expect:
            raise BridgeError(
                f'The demo did not go as told: "{ended.typed}" ended with {ended.code} instead of {expect}.\n{ended.complaint}',
                hint=f"Its files are in {self.folder}.",
            )
        if expect:
            self.console.print(f"  [dim]exit code {expect}: there is an open conflict[/dim]")

    def _claim(self, is_so: bool, otherwise: str) -> None:
        if not is_so:
            raise BridgeError(f"The demo did not go as told: {otherwise}.", hint=f"Its files are in {self.folder}.")

    def _written(self) -> int:
        return people.writes(self.alice.tracker) + people.writes(self.sam.tracker)

    def _sides(self, title: str) -> None:
        """Both trackers next to each other, joined by what people see."""
        issues, tasks = self.alice.issues(), self.sam.tasks()
        grid = Table(box=SIMPLE_HEAD, title=title, title_justify="left", title_style="", pad_edge=False)
        for name in ("Artala Engineering", "status", "labels", "GitHub acme/app", "state", "labels"):
            grid.add_column(name, overflow="fold")
        partner = {name: name for name in issues} | ({ALICES: SAMS} if SAMS in tasks else {})
        for name, issue in issues.items():
            grid.add_row(*_task_cells(tasks.get(partner[name])), *_issue_cells(issue))
        for name in tasks.keys() - partner.values():
            grid.add_row(*_task_cells(tasks[name]), *_issue_cells(None))
        self.console.print()
        self.console.print(grid)


def _issue_cells(issue: dict[str, Any] | None) -> tuple[str, ...]:
    if issue is None:
        return ("", "", "")
    return f"#{issue['number']} {escape(issue['title'])}", issue["state"], escape(", ".join(_labels(issue)))


def _task_cells(task: dict[str, Any] | None) -> tuple[str, ...]:
    if task is None:
        return ("", "", "")
    return escape(task["Title"]), task["Status"], escape(", ".join(task["labels"]))


def _labels(issue: dict[str, Any]) -> list[str]:
    return sorted(label["name"] for label in issue["labels"])


def _farewell(folder: Path, console: Console, *trackers: stage.Tracker) -> None:
    """Three commands that work now, as they must be typed here."""
    typed = _program()
    config = _near(folder / stage.CONFIG)
    again = " ".join(f"--tracker {each.name} --port {each.url.rpartition(':')[2]}" for each in trackers)
    console.print()
    console.rule("[bold]Keep playing[/bold]", align="left", style="dim")
    console.print(
        f"The configuration, the database and the trackers' content stay in [bold]{escape(str(folder))}[/bold]."
    )
    for command, what in (
        (f"{typed} status -c {config}", "how the link is doing"),
        (f"{typed} why acme/app#1 -c {config}", "why that item is the way it is"),
        (
            f"{typed} sandbox --state {_near(folder / stage.STATE)} {again}",
            "the trackers again; then sync",
        ),
    ):
        console.print(f"[bold green]$[/bold green] [bold]{escape(command)}[/bold]  [dim]# {what}[/dim]", soft_wrap=True)


def _near(path: Path) -> str:
    """The path as one would type it here."""
    near = os.path.relpath(path)
    return shlex.quote(os.path.abspath(path) if near.startswith("..") else near)  # noqa: PTH100 — resolve() would leave the venv


def _program() -> str:
    """What reaches this Bridge from this shell."""
    script = Path(sys.argv[0])
    if script.name not in ("bridge", "bridge-sync") or not script.is_file():
        return f"{_near(Path(sys.executable))} -m bridge"
    found = shutil.which(script.name)
    return script.name if found and Path(found).samefile(script) else _near(script)
