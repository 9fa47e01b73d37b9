"""What a sandbox needs before a configuration fits it: its container, its people, the names that maps use; and deeds
that no connector can do. One class a tracker type.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Collection, Mapping
from typing import Final, Protocol

from bridge.errors import ConfigError
from bridge.sandbox.artala_store import Board, Field, Member, Status
from bridge.sandbox.server import Sandbox

_SPACE: Final = uuid.UUID("e0000000-0000-4000-8000-0000000000dd")


class Furnisher(Protocol):
    """A tracker type's own ways. ``names`` are those a mapping uses, by field."""

    def prepare(self, box: Sandbox, container: str, names: Mapping[str, Collection[str]]) -> None:
        """Make a container that has them all."""

    def add(self, box: Sandbox, container: str, titles: Collection[str]) -> None:
        """Put items with nothing but a title into it."""

    def remove(self, box: Sandbox, container: str, item_id: str) -> None:
        """Delete one for good, and send the webhook of that."""


class Github:
    """Repositories."""

    def prepare(self, box: Sandbox, container: str, names: Mapping[str, Collection[str]]) -> None:
        roles = {"bridge-bot": "write", "alice": "admin"} | dict.fromkeys(names.get("assignees", ()), "write")
        box.seed(repo=container, roles=roles, milestones=[{"title": title} for title in names.get("milestone", ())])
        repo = box.store.repo(container)
        repo.roles |= roles
        for login in roles:
            box.store.users.setdefault(login, 5000 + len(box.store.users))
        repo.types = tuple(dict.fromkeys((*repo.types, *names.get("type", ()))))

    def add(self, box: Sandbox, container: str, titles: Collection[str]) -> None:
        box.seed(repo=container, issues=[{"title": title} for title in titles])

    def remove(self, box: Sandbox, container: str, item_id: str) -> None:
        box.act("delete", repo=container, number=int(item_id))
        owner, _, name = container.partition("/")
        told = {
            "action": "deleted",
            "issue": {"number": int(item_id), "title": "", "state": "open"},
            "repository": {"id": 1, "name": name, "full_name": container, "owner": {"login": owner}},
        }
        box.tracker.outgoing.send("issues", json.dumps(told).encode())


class Artala:
    """Boards."""

    def prepare(self, box: Sandbox, container: str, names: Mapping[str, Collection[str]]) -> None:
        store = box.store
        if not any(container in (board.id, board.name) for board in store.boards.values()):
            now = round(box.clock.now() * 1000)
            made = container.lower() if _is_guid(container) else str(uuid.uuid5(_SPACE, container))
            store.keep("boards", Board(made, container, now, now))
        for email in names.get("assignee", ()):
            if all(one.email != email for one in store.members.values()):
                name = email.partition("@")[0]
                store.keep("members", Member(str(uuid.uuid5(_SPACE, email)), name, email, "Member"))
        for name in names.get("status", ()):
            if all(one.name.casefold() != name.casefold() for one in store.statuses.values()):
                store.keep("statuses", Status(str(uuid.uuid5(_SPACE, f"status {name}")), name, sort_order=9))
        for name, choices in names.items():
            field = name.removeprefix("custom.")
            if name != field and all(one.name.casefold() != field.casefold() for one in store.fields.values()):
                kind = "Choice" if choices else "Text"
                store.keep("fields", Field(str(uuid.uuid5(_SPACE, name)), field, kind, tuple(choices), sort_order=9))

    def add(self, box: Sandbox, container: str, titles: Collection[str]) -> None:
        board = next(one for one in box.store.boards.values() if container in (one.id, one.name))
        box.seed(board=board.id, tasks=[{"title": title} for title in titles])

    def remove(self, box: Sandbox, container: str, item_id: str) -> None:
        del container
        box.call("DELETE", f"/api/tasks/{item_id}", who="owner")


FURNISHERS: Final[Mapping[str, Furnisher]] = {"github": Github(), "artala": Artala()}


def furnisher(type_: str) -> Furnisher:
    """The ways of one tracker type. Raises ConfigError for a type that has no sandbox."""
    if type_ not in FURNISHERS:
        raise ConfigError(
            f'a drill needs a sandbox, and there is none for "{type_}".', hint=f"There are: {', '.join(FURNISHERS)}."
        )
    return FURNISHERS[type_]


def _is_guid(text: str) -> bool:
    try:
        uuid.UUID(text)
    except ValueError:
        return False
    return True
