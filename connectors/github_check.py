"""``bridge config check --live`` for GitHub: credential, repository, rights, names. Reads only.

Refuses: writing anything, even to try; so what a fine-grained token may really do is found out by the first write.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from bridge.errors import ContainerError, PermissionError_, TrackerError
from bridge.model import Kind
from connectors.base import Finding
from connectors.findings import lacking
from connectors.github_wire import LABELS, MILESTONES, NAMES, STATUSES, USER, USERS, Repository
from connectors.status import decode

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Collection, Mapping

    from connectors.github_api import GithubApi

_PAGE: Final[Mapping[str, str | int]] = {"per_page": 100}
_EXPIRY: Final = "github-authentication-token-expiration"


async def check(
    api: GithubApi, container: str, kind: str, verbs: Collection[str], maps: Mapping[str, Collection[str]]
) -> list[Finding]:
    """All that can be known without a write, best first; stops at what makes the rest pointless."""
    findings: list[Finding] = []
    try:
        async for finding in _findings(api, container, kind, verbs, maps):
            findings.append(finding)  # noqa: PERF401 — what was found before an error counts
    except TrackerError as error:
        findings.append(Finding("error", error.message, error.hint))
    return findings


async def _findings(
    api: GithubApi, container: str, kind: str, verbs: Collection[str], maps: Mapping[str, Collection[str]]
) -> AsyncIterator[Finding]:
    yield await _account(api)
    repo = await api.repo(container)
    yield Finding("ok", f"The repository {container} can be read.")
    for finding in _repository(container, repo, kind, verbs, maps, is_guarded=bool(api.accounts)):
        yield finding
    if kind == Kind.TASK.value:
        for field, names in maps.items():
            try:
                async for finding in _names(api, container, field, names):
                    yield finding
            except ContainerError as error:
                # the repository was read above: servers that only resemble GitHub lack lists
                text = f"{error.message} So the names of {field} in the mapping were not checked."
                yield Finding("warning", text, f"See to it that {container} has them.")


async def _account(api: GithubApi) -> Finding:
    """Who the token is. Installation tokens may not ask (403), so they are tried on /rate_limit."""
    try:
        response = await api.http.request("GET", "/user")
    except PermissionError_:
        await api.http.request("GET", "/rate_limit")
        return Finding("ok", "The token of a GitHub App works.")
    login = decode(response, USER).login
    if expires := response.headers.get(_EXPIRY):
        return Finding("ok", f"The token of {login} works; it expires at {expires}.")
    return Finding("ok", f"The token of {login} works.")


def _repository(
    container: str,
    repo: Repository,
    kind: str,
    verbs: Collection[str],
    maps: Mapping[str, Collection[str]],
    *,
    is_guarded: bool,
) -> list[Finding]:
    findings = []
    if repo.full_name and repo.full_name.lower() != container.lower():
        findings.append(
            Finding(
                "warning",
                f"{container} is called {repo.full_name} now; each request costs a second one.",
                f'Set the link\'s container to "{repo.full_name}".',
            )
        )
    if kind == Kind.TASK.value and repo.private is False and not is_guarded:
        findings.append(
            Finding(
                "warning",
                f"{container} is public, and everybody's hidden markers are believed: anybody could claim that an issue is "
                "the copy of another item.",
                "Set marker_accounts to the login of the token.",
            )
        )
    if kind == Kind.TASK.value and not repo.has_issues:
        findings.append(
            Finding("error", f"Issues are turned off in {container}.", "Turn them on in the repository's settings.")
        )
    if not verbs:
        return findings
    if repo.archived or repo.disabled:
        findings.append(
            Finding(
                "error", f"{container} is archived: nothing can be written.", "Unarchive it, or write away from it."
            )
        )
    return findings + _rights(container, repo, kind, verbs, maps)


def _rights(
    container: str, repo: Repository, kind: str, verbs: Collection[str], maps: Mapping[str, Collection[str]]
) -> list[Finding]:
    """Any reader may open an issue, but GitHub drops labels and the like in silence without triage rights."""
    if (may := repo.permissions) is None:
        return [
            Finding(
                "warning",
                f"GitHub does not say what the token may do in {container}.",
                "Give it the permission Issues: read and write.",
            )
        ]
    if may.push or may.maintain or may.admin or (may.triage and kind == Kind.TASK.value):
        return [Finding("ok", f"The account may write in {container}.")]
    if kind == Kind.LABEL.value or "update" in verbs:
        what = "labels" if kind == Kind.LABEL.value else "issues of other people"
        role = "write" if kind == Kind.LABEL.value else "triage"
        return [
            Finding("error", f"The account may not change {what} in {container}.", f"Give it the role {role} or more.")
        ]
    dropped = sorted({"labels", "assignees", "milestone", "type"} & set(maps))
    if not dropped:
        return [Finding("ok", f"The account may open issues in {container}.")]
    return [
        Finding(
            "error",
            f"GitHub drops {', '.join(dropped)} in silence: the account may only read {container}.",
            "Give it the role triage or more.",
        )
    ]


async def _names(api: GithubApi, container: str, field: str, names: Collection[str]) -> AsyncIterator[Finding]:
    """Names of the mapping that are not there. Labels, logins and types are compared without case, as GitHub does."""
    match field:
        case "status":
            there, level, hint = set(STATUSES), "error", f"Use: {', '.join(STATUSES)}."
        case "labels":
            there, level = await _listed(api, container, "/labels", "labels"), "warning"
            hint = "GitHub makes it with a grey colour when it is first used."
        case "assignees":
            there, level = await _listed(api, container, "/assignees", "assignees"), "error"
            hint = "Only people with access to the repository can be assigned; GitHub drops others in silence."
        case "milestone":
            there, level = await _listed(api, container, "/milestones", "milestone"), "error"
            hint = "Create it on GitHub, or map the value to one that exists."
        case "type":
            there, level = await _types(api, container), "error"
            hint = "Issue types belong to the organisation: Settings, Planning, Issue types."
        case _:
            return
    for finding in lacking(
        container,
        field,
        names,
        there,
        hint=hint,
        level="warning" if level == "warning" else "error",
        folds_case=field != "milestone",
    ):
        yield finding


async def _listed(api: GithubApi, container: str, tail: str, field: str) -> set[str]:
    names: set[str] = set()
    params = {**_PAGE, "state": "all"} if field == "milestone" else _PAGE
    async for page in api.listing(container, tail, params):
        if field == "assignees":
            names.update(user.login for user in decode(page, USERS))
        elif field == "milestone":
            names.update(milestone.title for milestone in decode(page, MILESTONES))
        else:
            names.update(label.name for label in decode(page, LABELS))
    return names


async def _types(api: GithubApi, container: str) -> set[str]:
    """Empty where the owner is a person: only organisations have issue types."""
    response = await api.read_optional(container, "/issue-types")
    return set() if response is None else {type_.name for type_ in decode(response, NAMES)}
