"""The way of an issue to another status: transitions by the name of the status they lead to, over several if need be.

What an issue may do is told for its own status only. So the statuses on the way are looked at through other issues of the
same type that are in them; where there is none, the way is walked towards them and looked at again on the spot.
Refuses: ids of transitions or statuses from a configuration; a transition that wants a field Bridge cannot fill.
"""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from bridge.errors import NotFoundError, RejectedError, TrackerError
from bridge.model import Ref
from connectors.base import BeforeSend
from connectors.jira_api import JiraApi
from connectors.jira_search import Asked, Search, quoted
from connectors.status import decode

_BLIND_S: Final = 600.0
_FILLED: Final = frozenset({"resolution"})


class _Category(msgspec.Struct):
    key: str = ""


class _Status(msgspec.Struct, rename="camel"):
    id: str = ""
    name: str = ""
    status_category: _Category | None = None

    @property
    def category(self) -> str:
        return self.status_category.key if self.status_category else ""


class _Need(msgspec.Struct, rename="camel"):
    required: bool = False
    name: str = ""
    has_default_value: bool = False


class Transition(msgspec.Struct, rename="camel"):
    id: str
    name: str = ""
    to: _Status | None = None
    fields: dict[str, _Need] | None = None
    is_available: bool = True

    @property
    def target(self) -> str:
        return self.to.name if self.to else ""

    def lacks(self, resolution: str) -> list[str]:
        """Names of required fields that Bridge has no value for."""
        return sorted(
            need.name or id_
            for id_, need in (self.fields or {}).items()
            if need.required and not need.has_default_value and not (id_ in _FILLED and resolution)
        )


class _Transitions(msgspec.Struct):
    transitions: list[Transition] = []


DECODER: Final = msgspec.json.Decoder(_Transitions)


@dataclass(frozen=True, slots=True)
class Place:
    """Where an issue is: ``type`` is its issue type's name, which chooses the workflow."""

    ref: Ref
    type: str
    status: str


class Paths:
    """Ways through the workflows of one site; what was learned of them is kept."""

    def __init__(self, api: JiraApi, search: Search) -> None:
        self._api = api
        self._search = search
        self._known: dict[tuple[str, str, str], list[Transition]] = {}
        self._blind: dict[tuple[str, str, str], float] = {}

    async def move(self, place: Place, wanted: str, before_send: BeforeSend | None) -> str:
        """Take an issue to the status ``wanted``; the name of the status it has then, as Jira writes it.

        Raises: RejectedError for the field ``status`` when there is no way, with what is in the way.
        """
        here, hops, walked, met = place, 0, [place.status], list[Transition]()
        while not _same(here.status, wanted):
            self._known.pop(_key(here), None)  # of this issue, this account, now
            ways = await self._open(here)
            met += ways
            path = await self._path(here, wanted, self._api.config.max_hops - hops)
            if not path:
                raise await self._no_way(place, here, wanted, ways, met, walked, before_send)
            for step in path:
                await self._go(here, step, before_send)
                hops += 1
                here = Place(here.ref, here.type, step.target)
                walked.append(step.target)
        return here.status

    async def _path(self, here: Place, wanted: str, most: int) -> list[Transition]:
        """Breadth first: the shortest way to ``wanted``, else the way to the nearest status that could not be looked at."""
        queue: deque[tuple[str, list[Transition]]] = deque([(here.status, [])])
        seen, blind = {here.status.casefold()}, list[list[Transition]]()
        while queue:
            status, path = queue.popleft()
            if len(path) >= most:
                continue
            ways = await self._look(here, status)
            if ways is None:
                blind.append(path)
                continue
            for way in ways:
                if not way.target or way.target.casefold() in seen or way.lacks(self._api.config.resolution):
                    continue
                if _same(way.target, wanted):
                    return [*path, way]
                seen.add(way.target.casefold())
                queue.append((way.target, [*path, way]))
        # not into a finished status by guess: from there it may not come back
        open_ends = [path for path in blind if path and path[-1].to and path[-1].to.category != "done"]
        return open_ends[0] if open_ends else []

    async def _open(self, here: Place) -> list[Transition]:
        """What this issue may do now."""
        found = await self._asked(here.ref.id)
        if found is None:
            raise NotFoundError(f"Jira does not show the transitions of the issue {here.ref.id}.", status=404)
        self._known[_key(here)] = found
        return found

    async def _look(self, here: Place, status: str) -> list[Transition] | None:
        """The transitions of a status, from an issue that is in it; None where there is none to look at."""
        key = _key(Place(here.ref, here.type, status))
        if key not in self._known:
            if time.monotonic() - self._blind.get(key, -math.inf) < _BLIND_S:
                return None
            type_ = f" AND issuetype = {quoted(here.type)}" if here.type else ""
            jql = f"project = {quoted(here.ref.container)}{type_} AND status = {quoted(status)} ORDER BY updated DESC"
            rows = await self._search.some(jql, Asked(("status",)), most=1)
            found = await self._asked(rows[0].id) if rows else None
            if found is None or not _same(_status_of(rows[0].fields), status):
                self._blind[key] = time.monotonic()
                return None
            self._known[key] = found
        return self._known[key]

    async def _asked(self, issue: str) -> list[Transition] | None:
        response = await self._api.read(f"issue/{issue}/transitions", {"expand": "transitions.fields"}, accept=(404,))
        if response.status == 404:
            return None
        return [way for way in decode(response, DECODER).transitions if way.is_available]

    async def _go(self, here: Place, way: Transition, before_send: BeforeSend | None) -> None:
        body: dict[str, Any] = {"transition": {"id": way.id}}
        need = (way.fields or {}).get("resolution")
        if (
            need is not None
            and self._api.config.resolution
            and (need.required or (way.to and way.to.category == "done"))
        ):
            body["fields"] = {"resolution": {"name": self._api.config.resolution}}
        await self._api.write("POST", f"issue/{here.ref.id}/transitions", body, before_send=before_send)
        self._search.wrote(here.ref.id)

    async def _no_way(
        self,
        place: Place,
        here: Place,
        wanted: str,
        ways: list[Transition],
        met: list[Transition],
        walked: list[str],
        before_send: BeforeSend | None,
    ) -> RejectedError:
        """Why it cannot go on. An issue that was walked into a dead end is taken back where there is a way: what is left
        there would look like a person's edit in the next run.
        """
        lacking = {way.name or way.target: way.lacks(self._api.config.resolution) for way in met if way.target}
        lacking = {name: needs for name, needs in lacking.items() if needs}
        if not _same(here.status, place.status):
            try:
                back = await self._path(here, place.status, self._api.config.max_hops)
                for step in back if back and _same(back[-1].target, place.status) else ():
                    await self._go(here, step, before_send)
                    walked = [*walked, step.target]
            except TrackerError:
                pass  # it stays where it is, which the message says
        tried = f" It went {' → '.join(walked)}." if len(walked) > 1 else ""
        there = ", ".join(sorted({way.target for way in ways if way.target})) or "nowhere"
        needs = "; ".join(f"the transition {name!r} requires {', '.join(what)}" for name, what in lacking.items())
        return RejectedError(
            f"Jira's workflow leads the issue {place.ref.id} from {here.status!r} to: {there}; "
            f"to {wanted!r} there is no way of at most {self._api.config.max_hops} transitions.{tried}",
            hint=f"{needs[:1].upper()}{needs[1:]}: fill it in Jira."
            if needs
            else "Map the status to one that can be reached.",
            field="status",
        )


def _key(place: Place) -> tuple[str, str, str]:
    return place.ref.container, place.type, place.status.casefold()


def _status_of(fields: Mapping[str, Any]) -> str:
    return str((fields.get("status") or {}).get("name") or "")


def _same(one: str, other: str) -> bool:
    return one.casefold() == other.casefold()
