"""What Artala's refusals mean: this board, this item, or one field of it.

Refuses: requests. Artala documents no error bodies: the status and the address decide. A 403 is a matter of the API
key's role, or of a board it does not see, and so the same for every task of the board. Labels and custom fields have
rules of their own (Owner or Admin, plan) and leave the tasks alone.
"""

from __future__ import annotations

import re
from datetime import datetime
from typing import Final
from urllib.parse import urlsplit

from bridge.errors import ContainerError, TrackerError
from connectors.status import Response, described, shown

_OF_TASKS: Final = re.compile(
    r"/(?:odata/(?:Tasks|TimeEntries)|api/comments/task/[^/]+|api/tasks(?:/[^/]+)?(?:/status)?|api/boards(?:/[^/]+)?)$"
)
_HINT: Final = "Use the API key of an Owner or Admin, or of a member of the board."


def refusal(response: Response, _now: datetime) -> TrackerError | None:
    """Artala's own reading of a status; None leaves it to ``connectors.status.to_error``."""
    if response.status == 403 and _OF_TASKS.search(urlsplit(response.url).path):
        url = shown(response.url)
        return ContainerError(described(response), reason="permission", hint=_HINT, status=response.status, url=url)
    return None


def unseen(board: str, url: str, status: int = 404) -> ContainerError:
    """The board does not answer, or is archived."""
    return ContainerError(
        f"Artala does not show the board {board} to this API key.",
        container=board,
        reason="missing",
        hint="It may be archived, or the key's user has lost access to it.",
        status=status,
        url=url,
    )
