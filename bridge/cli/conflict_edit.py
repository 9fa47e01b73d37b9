"""A conflict as a text to be edited: both values, and what both held before, between the markers git users know.

Refuses: deciding. Nothing is decided unless what comes back is a value without markers.
"""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Final

from bridge.errors import BridgeError
from bridge.merge import mark_clashes
from bridge.model import Unset

if TYPE_CHECKING:
    from bridge.model import Side, Value
    from state.conflicts import Conflict

SCISSORS: Final = "# ------------------------ >8 ------------------------"
_MARKERS: Final = ("<<<<<<<", "|||||||", "=======", ">>>>>>>")


def three_way(conflict: Conflict, names: tuple[str, str], side: Side) -> str:
    """What the editor opens. ``names`` are the connections, left and right; ``side`` is whose words the result is in."""
    clash = conflict.clash
    base = clash.base_left if side == "left" else clash.base_right
    held = "both held before" if not isinstance(base, Unset) else "what both held before is not known"
    labels = (f"{names[0]} (left)", held, f"{names[1]} (right)")
    body = mark_clashes(as_text(base), as_text(clash.left.value), as_text(clash.right.value), labels)
    marked = any(line.startswith(_MARKERS[0]) for line in body.splitlines())
    lines = [
        f"# Conflict {conflict.id}: {clash.field} of {' '.join(clash.title.split())}",
        "# Below the line stands the new value. "
        + ("Choose or join what is between the markers and take the markers out," if marked else "No line clashes,"),
        "# "
        + (f"in the words of {names[0] if side == 'left' else names[1]}, " if marked else "both edits are in it; ")
        + "then save and leave the editor.",
        "# Leave markers in, empty it or do not save it: nothing is decided. Do not touch the next line.",
        SCISSORS,
    ]
    return "\n".join(lines) + "\n" + body + ("" if body.endswith("\n") else "\n")


def as_text(value: Value | Unset) -> str:
    """A value as it is edited: labels one below the other, other kinds as JSON."""
    if value is None or isinstance(value, Unset):
        return ""
    if isinstance(value, tuple):
        return "\n".join(value)
    return value if isinstance(value, str) else json.dumps(value)


def read_back(conflict: Conflict, text: str, side: Side) -> str:
    """The edited value. Raises BridgeError when nothing can be taken from it; then nothing is decided."""
    _, cut, body = text.partition(f"{SCISSORS}\n")
    if not cut:
        _refuse(conflict, "the line with the scissors is gone, so the value cannot be told from the explanation")
    if any(line.startswith(_MARKERS[:2] + _MARKERS[3:]) for line in body.splitlines()):
        _refuse(conflict, "markers are left in the text")
    if not body.strip():
        _refuse(conflict, f'the text is empty (if that is meant: --value "" --side {side})')
    values = (conflict.clash.left.value, conflict.clash.right.value)
    if any(isinstance(value, tuple) for value in values):
        return ",".join(body.split("\n"))
    return body.removesuffix("\n")


def _refuse(conflict: Conflict, why: str) -> None:
    raise BridgeError(f"conflict {conflict.id}: {why}; nothing was decided.")


def edit(text: str) -> str:
    """Let a person edit a text in $VISUAL or $EDITOR, in a file that only this user can read and that is gone afterwards.

    Raises BridgeError when there is no editor, it fails, or the text was not saved.
    """
    command = os.environ.get("VISUAL") or os.environ.get("EDITOR") or "vi"
    handle, name = tempfile.mkstemp(prefix="bridge-conflict-", suffix=".md")  # mkstemp makes it 0600
    path = Path(name)
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="") as file:
            file.write(text)
        before = _stamp(path)
        try:
            done = subprocess.run([*shlex.split(command), name], check=False)  # noqa: S603 — the user's own editor
        except (OSError, ValueError) as error:
            raise BridgeError(
                f"the editor {command!r} cannot be started: {error}.", hint="Set $VISUAL or $EDITOR."
            ) from error
        if done.returncode != 0:
            raise BridgeError(f"the editor {command!r} ended with {done.returncode}; nothing was decided.")
        if _stamp(path) == before:
            raise BridgeError("the text was not saved; nothing was decided.")
        return path.read_text(encoding="utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        raise BridgeError("the text is not UTF-8 any more; nothing was decided.") from error
    finally:
        path.unlink(missing_ok=True)


def _stamp(path: Path) -> tuple[int, int, int]:
    """Whether a file was written: editors write it in place or put a new one in its stead."""
    found = path.stat()
    return found.st_mtime_ns, found.st_size, found.st_ino
