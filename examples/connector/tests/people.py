"""The people of Todos: what the contract suite asks of a tracker."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar, Self

from todo_server import KEY, Todos

THEIRS = {"title": "title", "description": "notes", "labels": "tags", "assignee": "assignee", "due_on": "due"}


class People:
    """Ann and Ben, who work in the list of groceries."""

    TYPE = "todos"
    BRIDGE = "bridge"
    container = "groceries"
    persons: ClassVar = {"alice": "ann", "bob": "ben"}
    can = frozenset({"task", "labels", "assignee", "due", "delete-task"})

    def __init__(self) -> None:
        self.box = Todos()

    def __enter__(self) -> Self:
        self.box.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        self.box.__exit__()

    def connection(self, name: str, folder: Path) -> str:
        key = folder / f"{name}.token"
        key.write_text(KEY)
        key.chmod(0o600)
        return f'[connections.{name}]\ntype = "todos"\nbase_url = "{self.box.url}"\ntoken_file = "{key}"\n'

    def create(self, title: str, **fields: Any) -> str:
        return str(self.box.make(**_said({"title": title, **fields}))["number"])

    def edit(self, item: str, **fields: Any) -> None:
        self.box.change(int(item), **_said(fields))

    def close(self, item: str) -> None:
        self.box.change(int(item), state="done")

    def reopen(self, item: str) -> None:
        self.box.change(int(item), state="open")

    def delete(self, item: str) -> None:
        self.box.remove(int(item))

    def task(self, item: str) -> dict[str, Any]:
        row = self.box.rows[int(item)]
        shown = {ours: row[theirs] for ours, theirs in THEIRS.items()}
        return shown | {
            "labels": frozenset(row["tags"]),
            "is_closed": row["state"] == "done",
            "status": row["state"],
            "marker": row["ref"],
        }

    def tasks(self) -> dict[str, dict[str, Any]]:
        return {str(number): self.task(str(number)) for number in self.box.rows}

    def requests(self) -> int:
        return self.box.requests

    def writes(self) -> int:
        return self.box.writes


def _said(fields: dict[str, Any]) -> dict[str, Any]:
    return {THEIRS[name]: sorted(value) if name == "labels" else value for name, value in fields.items()}
