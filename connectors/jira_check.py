"""``bridge config check --live`` for Jira: site, credential, project, rights, names, time tracking. Reads only.

Refuses: writing anything, even to try; so whether a field is on every screen is found out by the first write.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Mapping
from typing import Any, Final
from urllib.parse import quote, urlsplit

import msgspec

from bridge.errors import BridgeError, TrackerError
from connectors.base import Finding
from connectors.findings import lacking
from connectors.http import is_loopback
from connectors.jira_api import JiraApi
from connectors.jira_names import CUSTOM, Names
from connectors.status import decode

_RIGHTS: Final[Mapping[str, Mapping[str, str]]] = {
    "task": {"create": "CREATE_ISSUES", "update": "EDIT_ISSUES", "delete": "DELETE_ISSUES"},
    "comment": {"create": "ADD_COMMENTS", "update": "EDIT_OWN_COMMENTS", "delete": "DELETE_OWN_COMMENTS"},
    "time_entry": {"create": "WORK_ON_ISSUES", "update": "EDIT_OWN_WORKLOGS", "delete": "DELETE_OWN_WORKLOGS"},
}
_MORE: Final = {
    "status": "TRANSITION_ISSUES",
    "assignee": "ASSIGN_ISSUES",
    "blocks": "LINK_ISSUES",
    "due_on": "SCHEDULE_ISSUES",
}


class _Site(msgspec.Struct, rename="camel"):
    deployment_type: str = ""
    version: str = ""


class _Right(msgspec.Struct, rename="camel"):
    have_permission: bool = False


class _Rights(msgspec.Struct):
    permissions: dict[str, _Right] = {}


class _Configuration(msgspec.Struct, rename="camel"):
    time_tracking_enabled: bool = True
    issue_linking_enabled: bool = True


class _Named(msgspec.Struct):
    name: str = ""
    statuses: list[_Status] = []


class _Status(msgspec.Struct):
    name: str = ""


class _Types(msgspec.Struct, rename="camel"):
    issue_link_types: list[_Named] = []


_SITE: Final = msgspec.json.Decoder(_Site)
_RIGHTS_DECODER: Final = msgspec.json.Decoder(_Rights)
_CONFIGURATION: Final = msgspec.json.Decoder(_Configuration)
NAMED: Final = msgspec.json.Decoder(list[_Named])
TYPES: Final = msgspec.json.Decoder(_Types | list[_Named])


async def check(
    api: JiraApi, names: Names, container: str, kind: str, verbs: Collection[str], maps: Mapping[str, Collection[str]]
) -> list[Finding]:
    """All that can be known without a write, best first; stops at what makes the rest pointless."""
    findings: list[Finding] = []
    try:
        async for finding in _findings(api, names, container, kind, verbs, maps):
            findings.append(finding)  # noqa: PERF401 — what was found before an error counts
    except BridgeError as error:
        findings.append(Finding("error", error.message, error.hint))
    return findings


async def _findings(
    api: JiraApi, names: Names, container: str, kind: str, verbs: Collection[str], maps: Mapping[str, Collection[str]]
) -> AsyncIterator[Finding]:
    for finding in await _site(api):
        yield finding
    me = await api.me(fresh=True)
    yield Finding("ok", f"The token of {me.display_name or me.name or me.account_id} works.")
    project = await api.project(container)
    if project.key and project.key != container:
        hint = f'Set the link\'s container to "{project.key}".'
        yield Finding("error", f"The project {container} is called {project.key} now.", hint)
    yield Finding("ok", f"The project {container} can be read.")
    if project.archived:
        yield Finding("error", f"The project {container} is archived.", "Restore it, or pause the link.")
    for finding in await _rights(api, container, kind, verbs, maps):
        yield finding
    for finding in await _features(api, kind, maps):
        yield finding
    if kind == "task":
        for field, wanted in maps.items():
            for finding in await _names(api, names, container, field, wanted):
                yield finding


async def _site(api: JiraApi) -> list[Finding]:
    site = decode(await api.read("serverInfo"), _SITE)
    found = []
    if site.deployment_type and (site.deployment_type == "Cloud") is not api.is_cloud:
        wanted = "cloud" if site.deployment_type == "Cloud" else "data-center"
        found.append(Finding("error", f"This is Jira {site.deployment_type}.", f'Set dialect = "{wanted}".'))
    base = api.config.base_url
    if urlsplit(base).scheme == "http" and not is_loopback(base):
        found.append(Finding("warning", f"{base} is not encrypted: the token can be read on the way.", "Use https."))
    return found


async def _rights(
    api: JiraApi, container: str, kind: str, verbs: Collection[str], maps: Mapping[str, Collection[str]]
) -> list[Finding]:
    needed = {_RIGHTS[kind][verb] for verb in verbs if verb in _RIGHTS.get(kind, {})}
    if kind == "task" and verbs:
        needed |= {right for field, right in _MORE.items() if field in maps}
    if not needed:
        return []
    query = {"projectKey": container, "permissions": ",".join(sorted(needed))}
    told = decode(await api.read("mypermissions", query), _RIGHTS_DECODER).permissions
    missing = sorted(right for right in needed if not (right in told and told[right].have_permission))
    if not missing:
        return [Finding("ok", f"The account may write in {container}.")]
    hint = "Give the account a role in the project's permission scheme that has them."
    return [Finding("error", f"The account lacks in {container}: {', '.join(missing)}.", hint)]


async def _features(api: JiraApi, kind: str, maps: Mapping[str, Collection[str]]) -> list[Finding]:
    if kind != "time_entry" and "estimate" not in maps and "blocks" not in maps:
        return []
    told = decode(await api.read("configuration"), _CONFIGURATION)
    found = []
    if not told.time_tracking_enabled and (kind == "time_entry" or "estimate" in maps):
        found.append(Finding("error", "Time tracking is turned off on this site.", "Turn it on in Jira's settings."))
    if not told.issue_linking_enabled and "blocks" in maps:
        found.append(Finding("error", "Issue links are turned off on this site.", "Turn them on in Jira's settings."))
    return found


async def _names(api: JiraApi, names: Names, container: str, field: str, wanted: Collection[str]) -> list[Finding]:
    if field.startswith(CUSTOM):
        await names.field(field.removeprefix(CUSTOM))
        return []
    if field == "start_on" and not await names.fields({"start_on"}):
        message = f"Jira has no single date field {api.config.start_field!r}; start_on cannot be written."
        return [Finding("warning", message, "Set start_field, or take start_on out of the mapping.")]
    if field == "assignee":
        return await _people(api, wanted)
    there: list[str] | None = None
    match field:
        case "status":
            path = f"project/{quote(container, safe='')}/statuses"
            there = [one.name for kind in decode(await api.read(path), NAMED) for one in kind.statuses]
        case "priority":
            there = [one.name for one in decode(await api.read("priority"), NAMED)]
        case "type":
            there = [one.name for one in await names.types(container)]
        case "blocks":
            there = link_types(decode(await api.read("issueLinkType"), TYPES))
            wanted = [api.config.blocks_link]
    if there is None:
        return []
    return lacking(container, field, wanted, dict.fromkeys(there), folds_case=True)


def link_types(said: _Types | list[_Named]) -> list[str]:
    """Names of link types, from a list or an object that holds one."""
    return [one.name for one in (said if isinstance(said, list) else said.issue_link_types)]


async def _people(api: JiraApi, wanted: Collection[str]) -> list[Finding]:
    found = []
    for who in sorted(wanted):
        if "@" in who and api.config.people_by == "email":
            continue
        query: dict[str, Any] = {"accountId" if api.is_cloud else "username": who}
        try:
            await api.read("user", query)
        except TrackerError as error:
            if error.status not in (400, 404):
                raise
            hint = "Name people by account id on Cloud, by user name on Data Center."
            found.append(Finding("error", f"Jira knows no person {who!r}.", hint))
    return found
