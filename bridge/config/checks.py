"""What one model alone cannot see: links against connections, people against connections.

Rows are looked at in ``row_checks``.

Refuses: asking a tracker (``bridge config check --live`` does).
"""

from __future__ import annotations

import re
import zoneinfo
from collections.abc import Collection, Mapping
from typing import Literal

from pydantic import BaseModel

from bridge.config.expressions import check_filters
from bridge.config.mistakes import Report, listed, nearest
from bridge.config.row_checks import check_rows
from bridge.config.settings import Daemon, Link
from bridge.config.source import Path

_CONNECTION_NAME = re.compile(r"[a-z](?:[a-z0-9-]|_(?!_)){0,39}")
_DAY = "(?:[0-7]|sun|mon|tue|wed|thu|fri|sat)"
_WEEKDAYS = re.compile(rf"(?:(?:\*|{_DAY}(?:-{_DAY})?)(?:/[1-7])?(?:,(?!$)|$))+")
_SIDES: tuple[Literal["left", "right"], ...] = ("left", "right")


def check_connection_names(names: Collection[str], report: Report) -> None:
    """Names must survive the way through an environment variable."""
    seen: dict[str, str] = {}
    for name in names:
        path: Path = ("connections", name)
        if not _CONNECTION_NAME.fullmatch(name):
            report.mistake(path, 'expected a name of lower-case letters, digits, "-" and single "_", a letter first')
        same = seen.setdefault(name.lower().replace("-", "_"), name)
        if same != name:
            report.mistake(path, f'"{same}" and "{name}" have the same name in the environment; rename one')


def check_daemon(daemon: Daemon, report: Report) -> None:
    if daemon.timezone == "UTC":
        return
    try:
        zoneinfo.ZoneInfo(daemon.timezone)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        known = nearest(daemon.timezone, zoneinfo.available_timezones())
        report.mistake(("daemon", "timezone"), f'expected a time zone such as "UTC" or "Europe/Berlin"{known}')


def check_links(links: Mapping[int, Link], connections: Collection[str], report: Report) -> None:
    """``links`` by their index in the file."""
    names: dict[str, int] = {}
    containers: dict[frozenset[tuple[str, str]], list[int]] = {}
    for index, link in links.items():
        path: Path = ("links", index)
        first = names.setdefault(link.name.casefold(), index)
        if first != index:
            line = report.line(("links", first, "name"))
            report.mistake((*path, "name"), f'the link of line {line} is called "{links[first].name}" already')
        for side in _SIDES:
            check_endpoint(link.side(side).connection, (*path, side, "connection"), connections, report)
        _check_schedule(link, path, report)
        _check_kinds(link, path, report)
        check_filters(link, path, report)
        check_rows(link.fields, (*path, "fields"), report)
        both = frozenset(_place(link, side) for side in _SIDES)
        if len(both) == 1:
            report.mistake((*path, "right"), "left and right are the same container")
        for earlier in containers.setdefault(both, []):
            if len(both) == 2 and set(links[earlier].kinds) & set(link.kinds):
                report.mistake(
                    path,
                    f'link "{links[earlier].name}" (line {report.line(("links", earlier))}) joins the same two containers',
                )
        containers[both].append(index)


def _check_kinds(link: Link, path: Path, report: Report) -> None:
    """What belongs to a task goes by the pairs of its own link: without them it would wait for ever, and nobody be told."""
    parts = [kind for kind in link.kinds if kind in ("comment", "time_entry")]
    if parts and "task" not in link.kinds:
        report.mistake((*path, "kinds"), f'{" and ".join(parts)} cannot go without their tasks: add "task"')


def _place(link: Link, side: Literal["left", "right"]) -> tuple[str, str]:
    end = link.side(side)
    return end.connection, end.container.casefold()


def check_endpoint(name: str, path: Path, connections: Collection[str], report: Report) -> None:
    """The connection that one side of a link names must be there."""
    if name not in connections:
        known = nearest(name, connections) or (f"; there are {listed(sorted(connections))}" if connections else "")
        report.mistake(path, f'there is no connection "{name}"{known}')


def _check_schedule(link: Link, path: Path, report: Report) -> None:
    if link.cron is None:
        return
    if link.every is not None:
        report.mistake((*path, "cron"), "give either every or cron, not both")
    said = cron_mistake(link.cron)
    if said:
        report.mistake((*path, "cron"), said)


def cron_mistake(expression: str) -> str:
    """Why a crontab line of five fields cannot be read; "" when it can.

    Weekdays are judged here, because APScheduler counts them from Monday and crontab(5) from Sunday; the scheduler's
    own translation (engine/host_local.py) takes what this takes.
    """
    from apscheduler.triggers.cron import (  # type: ignore[import-untyped]  # noqa: PLC0415 — slow, seldom used
        CronTrigger,
    )

    form = 'expected five cron fields such as "*/10 8-18 * * 1-5"'
    words = expression.lower().split()
    if len(words) != 5:
        return f"{form}; there {'is' if len(words) == 1 else 'are'} {len(words)}"
    if not _WEEKDAYS.fullmatch(words[4]):
        return f'{form}; "{words[4]}" is no weekday: use 0-7 (0 and 7 are Sunday) or mon-fri'
    try:
        CronTrigger.from_crontab(" ".join((*words[:4], "*")), timezone="UTC")
    except ValueError as error:
        text = str(error)
        return f"{form}: {text[:1].lower()}{text[1:]}"
    return ""


def check_people(people: Mapping[int, Mapping[str, str]], connections: Collection[str], report: Report) -> None:
    """``people`` by their index in the file."""
    seen: dict[tuple[str, str], int] = {}
    for index, person in people.items():
        path: Path = ("people", index)
        if len(person) < 2:
            report.mistake(path, "a person needs a name on at least two connections")
        for connection, name in person.items():
            check_endpoint(connection, (*path, connection), connections, report)
            if name.strip() in ("", "*"):
                report.mistake((*path, connection), f'"{name}" is nobody; write what {connection} calls the person')
                continue
            first = seen.setdefault((connection, name.strip().casefold()), index)
            if first != index:
                line = report.line(("people", first, connection))
                report.mistake((*path, connection), f'"{name}" is the person of line {line} already')


def check_stand_ins(connections: Mapping[str, BaseModel | None], report: Report) -> None:
    """Who is named for unknown people, where a connection wants somebody named."""
    for name, connection in connections.items():
        how, person = getattr(connection, "unknown_person", "leave"), getattr(connection, "default_person", "")
        path: Path = ("connections", name)
        if how == "default" and not person:
            report.mistake((*path, "unknown_person"), "default needs a default_person, named as in [[people]]")
        elif person and how != "default":
            report.mistake((*path, "default_person"), 'is used with unknown_person = "default" only')
