"""``bridge config check --live`` for Workestra: credential, project, whether the tasks are tasks, names. Reads only.

Statuses, labels and people have no list in the API, so a name that no task has is a warning and no error.
Refuses: writing anything, even to try.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Iterator, Mapping
from typing import Any, Final

from bridge.errors import TrackerError
from bridge.model import Record
from connectors.base import Finding
from connectors.http import is_loopback
from connectors.workestra_api import Api
from connectors.workestra_config import WorkestraConfig
from connectors.workestra_wire import CUSTOM, Row, Wire, custom_of

_LOOK_AT: Final = 100


async def check(
    api: Api,
    wire: Wire,
    config: WorkestraConfig,
    container: str,
    verbs: Collection[str],
    maps: Mapping[str, Collection[str]],
) -> list[Finding]:
    """All that can be known without a write; stops at what makes the rest pointless."""
    found: list[Finding] = []
    try:
        async for finding in _findings(api, wire, config, container, verbs, maps):
            found.append(finding)  # noqa: PERF401 — what was found before an error counts
    except TrackerError as error:
        found.append(Finding("error", error.message, error.hint))
    return found


async def _findings(
    api: Api,
    wire: Wire,
    config: WorkestraConfig,
    container: str,
    verbs: Collection[str],
    maps: Mapping[str, Collection[str]],
) -> AsyncIterator[Finding]:
    if config.token is None:
        yield Finding("error", "No API key is set.", "Set token: Settings, API Keys in Workestra.")
        return
    if config.base_url.startswith("http://") and not is_loopback(config.base_url):
        yield Finding("warning", "The API key crosses the network unencrypted.", "Use https in base_url.")
    seen = (await api.projects(1)).rows
    yield Finding("ok", f"The API key is accepted; it sees {len(seen)} projects.")
    if (project := await api.project(container)) is None:
        there = ", ".join(f"{row.get('name')} ({row.get('id')})" for row in seen[:10])
        yield Finding(
            "error", f"Workestra shows no project {container} to this API key.", f"Name it by its id: {there}."
        )
        return
    yield Finding("ok", f'The project "{project.get("name") or container}" is there.')
    listing = await api.tasks(container, page=1, per_page=_LOOK_AT, sort="created_at", order="desc")
    yield Finding("ok", f"{config.tasks_path} lists tasks of a project.")
    if verbs:
        hint = "The first write tells; the key's user needs the role Member or Lead."
        yield Finding("warning", "Workestra does not say whether the key may write in this project.", hint)
    rows = [row for row in listing.rows if wire.is_of(row, container)]
    for finding in (
        *_places(config, rows, verbs),
        *_names(config, [wire.record(row, container) for row in rows], maps),
    ):
        yield finding


def _places(config: WorkestraConfig, rows: list[Row], verbs: Collection[str]) -> Iterator[Finding]:
    """Members of a task that settings name and the API does not show."""
    if not rows:
        yield Finding("warning", "The project has no task yet: what the API shows of one cannot be checked.")
        return
    row: Mapping[str, Any] = rows[0]
    for key, name in (("due_field", config.due_field), ("estimate_field", config.estimate_field)):
        if name and name not in row:
            yield Finding(
                "warning", f"Tasks have no {name}: it is neither read nor of use in a mapping.", f"Correct {key}."
            )
    if "create" not in verbs:
        return
    if not config.external_ref_field:
        text = "New tasks get a last line in their description by which Bridge knows them again."
        yield Finding("warning", text, "Make a text custom field in the app and name its key in external_ref_field.")
    elif not any(config.external_ref_field in custom_of(one) for one in rows):
        text = f"No task has the custom field {config.external_ref_field}."
        yield Finding(
            "warning", text, "Make it in the project's settings, as text; until then the description is used."
        )


def _names(config: WorkestraConfig, records: list[Record], maps: Mapping[str, Collection[str]]) -> Iterator[Finding]:
    """Names of the mapping that no task of the newest hundred has."""
    for field in sorted(maps):
        wanted = sorted(set(maps[field]))
        if field == "priority":
            for name in wanted:
                if name not in config.priorities:
                    hint = f"There are: {', '.join(config.priorities)}; if Workestra has more, add them to priorities."
                    yield Finding("error", f"There is no priority {name!r}.", hint)
            continue
        if field.startswith(CUSTOM) or field not in ("status", "labels", "assignee"):
            continue
        there = {name for record in records for name in _each(record.fields.get(field))} | set(config.users)
        for name in wanted:
            if name not in there:
                hint = "Workestra has no list of them; make sure that it is written as in the project's settings."
                yield Finding("warning", f"No task has the {field} {name!r} so far.", hint)


def _each(value: Any) -> tuple[str, ...]:
    return value if isinstance(value, tuple) else () if value is None else (str(value),)
