"""``bridge config check --live`` for Redmine: key, project, fields, names. Reads only.

Refuses: writing anything, even to try; what a role may do is not shown, so the first write tells.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Mapping
from typing import Final

from bridge.errors import RejectedError, TrackerError
from bridge.model import FieldSpec, Kind
from connectors.base import Finding
from connectors.findings import lacking
from connectors.http import is_loopback
from connectors.redmine_api import RedmineApi
from connectors.redmine_names import ENTRY, ISSUE, Names, Project
from connectors.redmine_wire import CUSTOM, custom_spec

_NAMED: Final = ("status", "priority", "type", "category", "milestone", "activity")


async def custom_specs(api: RedmineApi, names: Names, container: str) -> tuple[FieldSpec, ...]:
    """The custom fields of issues but for the two that Bridge itself uses."""
    ours = (api.config.labels_field, api.config.marker_field)
    return tuple(
        custom_spec(one.name, one.format, multiple=one.multiple, possible=one.possible, dialect=api.config)
        for one in await names.fields.all(container)
        if one.name not in ours
    )


async def check(
    api: RedmineApi,
    names: Names,
    container: str,
    kind: str,
    verbs: Collection[str],
    maps: Mapping[str, Collection[str]],
) -> list[Finding]:
    """All that can be known without a write; stops at what makes the rest pointless."""
    findings: list[Finding] = []
    try:
        async for finding in _findings(api, names, container, kind, verbs, maps):
            findings.append(finding)  # noqa: PERF401 — what was found before an error counts
    except TrackerError as error:
        findings.append(Finding("error", error.message, error.hint))
    return findings


async def _findings(
    api: RedmineApi,
    names: Names,
    container: str,
    kind: str,
    verbs: Collection[str],
    maps: Mapping[str, Collection[str]],
) -> AsyncIterator[Finding]:
    config = api.config
    if config.base_url.startswith("http://") and not is_loopback(config.base_url):
        yield Finding("warning", f"{config.base_url} is not encrypted: the key can be read on the way.", "Use https.")
    me = await api.me()
    yield Finding("ok", f"The API key of {me.login} works.")
    if not me.admin and (config.switch_user or config.log_for_others == "yes"):
        hint = "Use an administrator's key, or take switch_user and log_for_others back."
        yield Finding("error", f"{me.login} is no administrator and cannot write for others.", hint)
    elif not me.admin:
        hint = 'Map people as #ID or set people_by = "name", or use an administrator\'s key.'
        yield Finding("warning", f"{me.login} is no administrator: mails and fields are shown to it in part.", hint)
    project = await names.project(container)
    for finding in _project(container, project, kind, verbs):
        yield finding
    async for finding in _marker(names, container, kind, config.marker_field):
        yield finding
    for field, wanted in maps.items():
        async for finding in _names(names, container, field, wanted, config.labels_field):
            yield finding


def _project(container: str, project: Project, kind: str, verbs: Collection[str]) -> list[Finding]:
    findings = [Finding("ok", f"The project {container} can be read.")]
    if project.status != 1 and verbs:
        findings.append(Finding("error", f"The project {container} is closed: nothing can be written.", "Reopen it."))
    needed = "time_tracking" if kind == Kind.TIME_ENTRY.value else "issue_tracking"
    if project.enabled_modules and needed not in {one.name for one in project.enabled_modules}:
        hint = "Turn it on: the project's Settings, Modules."
        findings.append(Finding("error", f"The module {needed} is turned off in {container}.", hint))
    return findings


async def _marker(names: Names, container: str, kind: str, name: str) -> AsyncIterator[Finding]:
    if kind == Kind.COMMENT.value:
        return
    about, whose = (ENTRY, "time entries") if kind == Kind.TIME_ENTRY.value else (ISSUE, "issues")
    if await names.fields.find(container, about, name) is None:
        yield Finding(
            "warning",
            f"{whose.capitalize()} have no field {name!r}: Bridge's marker is visible words in their text.",
            f"Administration, Custom fields: add a text field of that name to {whose}, for all projects and trackers.",
        )


async def _names(
    names: Names, container: str, field: str, wanted: Collection[str], labels: str
) -> AsyncIterator[Finding]:
    if field in _NAMED:
        for finding in lacking(container, field, wanted, await names.known(container, field)):
            yield finding
    elif field in ("assignee", "person"):
        for name in sorted(wanted):
            try:
                await names.accounts.id_of(container, name, field)
            except RejectedError as error:
                yield Finding("error", error.message, error.hint)
    elif field == "labels" or field.startswith(CUSTOM):
        title = labels if field == "labels" else field.removeprefix(CUSTOM)
        found = await names.fields.find(container, ISSUE, title)
        if found is None:
            hint = "Administration, Custom fields: add a list field that takes several values, for all trackers."
            yield Finding("error", f"Issues of {container} have no custom field {title!r}.", hint)
            return
        hint = f"Add it: Administration, Custom fields, {title}. Redmine refuses values it does not know."
        for finding in (
            lacking(f'The field "{title}"', "value", wanted, found.possible, hint=hint) if found.possible else ()
        ):
            yield finding
