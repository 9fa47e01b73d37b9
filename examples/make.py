"""Writes the example configurations of this folder, one for each pair of trackers, and the tables of
``docs/trackers/README.md``: ``python examples/make.py``.

What trackers can do is asked of their connectors, so that it stays true; a test compares the files.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

from bridge.config import plugins
from connectors.base import Capabilities
from mappings.preset import preset, vocabulary

HERE = Path(__file__).resolve().parent
PAGE = HERE.parent / "docs" / "trackers" / "README.md"
KINDS = {"task": "tasks", "label": "label definitions", "comment": "comments", "time_entry": "time entries"}
VERBS = {"create": "made", "update": "changed", "delete": "deleted"}
MARK = "<!-- What follows is written by examples/make.py. -->"
WORDS = {"people": "assignees", "points": "story points", "due_on": "due date", "start_on": "start date"}


@dataclass(frozen=True, slots=True)
class Tracker:
    """What a person must know and set. ``settings`` are lines of TOML, ``person`` how people are named there."""

    title: str
    container: str
    contains: str
    person: str
    needs: str
    settings: tuple[str, ...] = ()


TRACKERS = {
    "artala": Tracker(
        "Artala",
        "Engineering",
        "the board, by its name or GUID",
        "alice@example.com",
        "An API key (tb_...) of an Owner or Admin of the team: Settings, API Keys.",
    ),
    "gipo": Tracker(
        "Gipo",
        "Workspace",
        "the workspace, by its name or id",
        "alice@example.com",
        "An API key (ba_...) of an owner or admin: Organization Settings, API Keys. Every key expires; say when in "
        "key_expires_on and the check warns in time. Tags must be made in the dashboard before tasks can have them.",
        (
            'base_url = "https://gipo.example.com"',
            'timezone = "UTC"                      # of the people there: days are told in it',
            'key_user = "bridge@example.com"       # whose key it is, so that the check can look at the role',
        ),
    ),
    "github": Tracker(
        "GitHub",
        "acme/app",
        "the repository, owner/name",
        "alice",
        "A fine-grained token for the repository with Issues read and write and Metadata read, best of an account of "
        "its own. GitHub Enterprise Server: base_url = the address with /api/v3.",
    ),
    "growcrm": Tracker(
        "Grow CRM",
        "42",
        "the project's id, the number in its address",
        "alice@example.com",
        "The API module and a key: Settings, API, API Keys. Every key is a full administrator, so keep it well. "
        "Statuses are learnt from the tasks that have them.",
        ('base_url = "https://crm.example.com"',),
    ),
    "jira": Tracker(
        "Jira",
        "APP",
        "the project's key",
        "712020:11111111-2222-3333-4444-555555555555",
        "Cloud: an API token of the account in email. Data Center: a personal access token, email left empty. Rights in "
        "the project: browse, create, edit, assign, schedule, link and transition issues, add comments, work on issues; "
        "edit and delete all comments and worklogs for those of other people.",
        ('base_url = "https://example.atlassian.net"', 'email = "bridge@example.com"'),
    ),
    "redmine": Tracker(
        "Redmine",
        "app",
        "the project's identifier",
        "alice@example.com",
        "The REST API turned on (Administration, Settings, API) and the API key of an account (My account), best an "
        "administrator's: only it sees people's mails and logs time for others. Make the custom fields External ID "
        "(text, for issues and time entries) and Labels (list, several values) that docs/trackers/redmine.md describes.",
        (
            'base_url = "https://redmine.example.com"',
            'text_format = "textile"               # or markdown, common_mark: Administration, Settings, General',
        ),
    ),
    "timetracker": Tracker(
        "TimeTracker",
        "App",
        "the project, by its id, name or code",
        "alice@example.com",
        "An API token of an admin with the scope admin:all: Admin, Security & Access, Api-tokens. With a plain user's "
        "token set log_for_others = false: it sees and logs that user's time only.",
        ('base_url = "https://time.example.com"',),
    ),
    "workestra": Tracker(
        "Workestra",
        "proj_app",
        "the project's id",
        "user_abc123",
        "An API key of a user who is Member or Lead of the project: Settings, API Keys. Make a text custom field in the "
        "project's settings for Bridge's mark; without it a line at the end of each description holds it.",
        ('base_url = "https://example.workestra.app/api/v1"', 'external_ref_field = "external_ref"'),
    ),
}
MINIMAL = {
    "gipo": {"base_url": "https://gipo.example.com"},
    "github": {"spend_comments": True},
    "growcrm": {"base_url": "https://crm.example.com"},
    "jira": {"base_url": "https://example.atlassian.net"},
    "redmine": {"base_url": "https://redmine.example.com"},
    "timetracker": {"base_url": "https://time.example.com"},
    "workestra": {"base_url": "https://example.workestra.app/api/v1"},
}
"""Settings without which a connector cannot be made."""


def kinds_of(type_: str) -> Mapping[str, Capabilities]:
    """What a connector says that its tracker can do, as it is set by default (GitHub: with time in comments)."""
    plugin = plugins.find(type_)
    config = plugin.config(type=type_, **MINIMAL.get(type_, {}))
    return dict(plugin.connect(type_, config).kinds())


def shared_kinds(left: str, right: str) -> list[str]:
    rows, mine, theirs = preset(left, right), kinds_of(left), kinds_of(right)
    return [kind for kind in KINDS if kind in rows and kind in mine and kind in theirs]


def listed(words: list[str]) -> str:
    return " and ".join(filter(None, (", ".join(words[:-1]), words[-1])))


def example(left: str, right: str) -> str:
    kinds = shared_kinds(left, right)
    parts = [
        _header(left, right, kinds),
        *(_connection(type_, kinds) for type_ in (left, right)),
        _people(left, right),
        _link(left, right, kinds),
    ]
    return "\n".join(parts)


def _header(left: str, right: str, kinds: list[str]) -> str:
    names = f"{TRACKERS[left].title} and {TRACKERS[right].title}"
    told = listed([KINDS[kind] for kind in kinds])
    return f"""\
# {names}: {told}, both ways.
#
# Copy this file to bridge.toml, put your own names in, and then:
#   bridge config check --live    asks both trackers whether all is there; writes nothing
#   bridge plan                   what a sync would do; writes nothing
#   bridge sync                   once, and "bridge run" as a service
# Every key: docs/configuration.md. Trackers: docs/trackers/{left}.md, docs/trackers/{right}.md.
"""


def _connection(type_: str, kinds: list[str]) -> str:
    tracker = TRACKERS[type_]
    lines = [*_comment(tracker.needs), f"[connections.{type_}]", f'type = "{type_}"', *tracker.settings]
    if type_ == "github" and "time_entry" in kinds:
        lines.append('spend_comments = true                 # a comment "/spend 1h30m" on an issue is a time entry')
    lines += [
        "# The token stays out of this file: give it in a file that only Bridge can read, or in the variable",
        f"# BRIDGE_CONNECTIONS__{type_.upper()}__TOKEN.",
        f'# token_file = "{type_}.token"',
    ]
    return "\n".join(lines) + "\n"


def _people(left: str, right: str) -> str:
    return "\n".join(
        (
            "# Who is who, one table a person. Who is not here is left as they are on each side, and reported.",
            "[[people]]",
            f'{left} = "{TRACKERS[left].person}"',
            f'{right} = "{TRACKERS[right].person}"',
            "",
        )
    )


def _link(left: str, right: str, kinds: list[str]) -> str:
    pair = [TRACKERS[left], TRACKERS[right]]
    places = [
        f'{side} = {{ connection = "{type_}", container = "{tracker.container}" }}'
        for side, type_, tracker in zip(("left", "right"), (left, right), pair, strict=True)
    ]
    wide = max(map(len, places)) + 2
    quoted = ", ".join(f'"{kind}"' for kind in kinds)
    return "\n".join(
        (
            *(line for said in _said(left, right, kinds) for line in said),
            "[[links]]",
            'name = "app"',
            *(f"{place:{wide}}# {one.contains}" for place, one in zip(places, pair, strict=True)),
            f"kinds = [{quoted}]",
            'initial = "match"    # joins what has the same title and creates nothing of what is there already; when',
            '                     # the plan looks right, "match-then-create" also creates what has no partner',
            'every = "5m"',
            'conflict = "manual"  # where both sides changed one field a person decides: bridge conflicts list',
            "",
        )
    )


def _said(left: str, right: str, kinds: list[str]) -> Iterator[list[str]]:
    """What this pair can and cannot do, in comments."""
    mine, theirs = (_words(type_, "task") for type_ in (left, right))
    both = [WORDS.get(name, name) for name in mine if name in theirs]
    yield _comment(f"Carried of a task: {', '.join(both)}.")
    for type_, own, other in ((right, mine, theirs), (left, theirs, mine)):
        if alone := [WORDS.get(name, name) for name in own if name not in other]:
            yield _comment(f"Left out, because the preset of {TRACKERS[type_].title} lacks it: {', '.join(alone)}.")
    yield _comment("Statuses and priorities go by the names each tracker starts with; [[links.fields]] maps your own.")
    lacks = list(_lacks(left, right, kinds))
    if lacks:
        yield ["#", "# What this pair cannot do, and why:"]
    for lack in lacks:
        yield _comment(lack, first="# - ", rest="#   ")


def _lacks(left: str, right: str, kinds: list[str]) -> Iterator[str]:
    for kind, plural in KINDS.items():
        for type_ in (left, right):
            title, able = TRACKERS[type_].title, kinds_of(type_)
            if kind not in able:
                yield f"No {plural}. {able['task'].reasons[kind]}"
            elif kind in kinds:
                for verb, done in VERBS.items():
                    if not getattr(able[kind], verb) and (kind, verb) != ("task", "delete"):
                        yield f"{plural.capitalize()} are not {done} in {title}. {able[kind].reasons[verb]}"


def _words(type_: str, kind: str) -> list[str]:
    return list(vocabulary(type_).get(kind, {}))


def _comment(text: str, first: str = "# ", rest: str = "# ") -> list[str]:
    return textwrap.wrap(
        text, 110, initial_indent=first, subsequent_indent=rest, break_long_words=False, break_on_hyphens=False
    )


def tables() -> str:
    """What each tracker can do, by kind and verb, with the reasons; and the fields of its tasks."""
    heads = ["tracker", *KINDS.values(), "webhooks"]
    lines = [_row(heads), _row(["---"] * len(heads))]
    for type_, tracker in TRACKERS.items():
        able = kinds_of(type_)
        told = [_verbs(able.get(kind)) for kind in KINDS]
        webhooks = [KINDS[kind] for kind in KINDS if kind in able and able[kind].webhooks]
        lines.append(_row([f"[{tracker.title}]({type_}.md)", *told, ", ".join(webhooks) or "no"]))
    lines += ["", "### Why not", ""]
    for type_, tracker in TRACKERS.items():
        lines += [line for reason in _reasons(type_) for line in _comment(f"{tracker.title}: {reason}", "- ", "  ")]
    names = dict.fromkeys(name for type_ in TRACKERS for name in _words(type_, "task"))
    lines += ["", "### Fields of a task", "", _row(["", *(each.title for each in TRACKERS.values())])]
    lines.append(_row(["---"] * (len(TRACKERS) + 1)))
    for name in names:
        have = ["yes" if name in _words(type_, "task") else "" for type_ in TRACKERS]
        lines.append(_row([WORDS.get(name, name), *have]))
    return "\n".join(lines) + "\n"


def _verbs(can: Capabilities | None) -> str:
    if can is None:
        return "**no**"
    verbs = ["create" if can.create else "", "change" if can.update else "", "delete" if can.delete else ""]
    return ", ".join(filter(None, verbs))


def _reasons(type_: str) -> Iterator[str]:
    """Each reason once, with what it is a reason for."""
    told: dict[str, dict[str, list[str]]] = {}
    verbs = {**VERBS, "find": "found by a marker", "webhooks": "told by webhooks"}
    for kind, can in kinds_of(type_).items():
        for lack, reason in can.reasons.items():
            what = f"no {KINDS[lack]}" if lack in KINDS else f"not {verbs[lack]}" if lack in verbs else f"no {lack}"
            told.setdefault(reason, {}).setdefault(what, []).append("" if what.startswith("no ") else KINDS[kind])
    for reason, whats in told.items():
        yield f"{'; '.join(f'{listed(kinds)} {what}'.strip() for what, kinds in whats.items())}. {reason}"


def _row(cells: list[str]) -> str:
    return f"| {' | '.join(cells)} |"


def page(text: str) -> str:
    """The page with its tables made anew: what stands below the marker."""
    return f"{text.partition(MARK)[0]}{MARK}\n\n{tables()}"


def main() -> None:
    PAGE.write_text(page(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
    for left, right in combinations(TRACKERS, 2):
        (HERE / f"{left}-{right}.toml").write_text(example(left, right), encoding="utf-8")


if __name__ == "__main__":
    main()
