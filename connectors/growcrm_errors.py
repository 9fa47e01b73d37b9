"""What Grow CRM's refusals mean: this project, this item, or one field of it.

Refuses: requests. Errors are ``{"message", "errors": {field: [texts]}}``; ``errors`` only with 422. There is no 403: every key
is a full administrator. 409 is a refusal by a business rule (wrong milestone), never a matter of versions.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

import msgspec

from bridge.errors import ContainerError, RejectedError, TrackerError
from connectors.status import Response, described, shown

_FIELDS: Final[Mapping[str, str]] = {
    "task_title": "title",
    "task_description": "description",
    "task_status": "status",
    "task_priority": "priority",
    "task_milestoneid": "milestone",
    "task_date_start": "start_on",
    "task_date_due": "due_on",
    "status": "status",
    "assigned": "assignees",
    "tags": "labels",
    "user_id": "person",
    "hours": "seconds",
    "minutes": "seconds",
    "timer_created": "spent_on",
    "comment": "body",
}


def refusal(response: Response, _now: datetime) -> TrackerError | None:
    """Grow CRM's own reading of a status; None leaves it to ``connectors.status.to_error``."""
    if response.status not in (409, 422):
        return None
    said, url = described(response), shown(response.url)
    blamed = _blamed(response.content)
    if "task_projectid" in blamed:
        return unseen("", url, response.status)
    # The dates are judged together: it is not one of them that is wrong.
    fields = {_FIELDS.get(name.partition(".")[0], "") for name in blamed} - {""}
    return RejectedError(
        said,
        hint="Correct the item or the mapping.",
        status=response.status,
        url=url,
        field=fields.pop() if len(fields) == 1 else "",
    )


def _blamed(content: bytes) -> Mapping[str, Any]:
    try:
        said = msgspec.json.decode(content)
    except msgspec.MsgspecError:
        return {}
    errors = said.get("errors") if isinstance(said, dict) else None
    return errors if isinstance(errors, dict) else {}


def unseen(project: str, url: str, status: int = 404) -> ContainerError:
    """The project does not answer."""
    return ContainerError(
        f"Grow CRM has no project {project}." if project else "Grow CRM does not know the project of this task.",
        container=project,
        reason="missing",
        hint="It may have been deleted. A link names it by its id, the number in its address.",
        status=status,
        url=url,
    )
