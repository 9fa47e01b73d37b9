"""Whoever writes is asked right before each write leaves: a lease that was lost meanwhile stops it (S2)."""

from __future__ import annotations

import asyncio

import httpx
import pytest
from artala_board import BOARD, Board, guid
from github_script import APP, Script, answer, held, issue, ref

from bridge.errors import LockedError, RateLimited, UnknownOutcome
from bridge.model import Marker, Ref
from connectors.base import Step
from connectors.http import Http
from connectors.pace import Pace, Retry

MARKER = Marker("a", "b")
TASK = Ref("plan", BOARD, "task", guid(1))


class Guard:
    """Counts how often it is asked; refuses from the given time on."""

    def __init__(self, refuses_at=99):
        self.asked, self.refuses_at = 0, refuses_at

    async def __call__(self):
        self.asked += 1
        if self.asked >= self.refuses_at:
            raise LockedError("another process took over")


class Wire:
    def __init__(self, *answers):
        self.answers, self.sent = list(answers), 0

    def __call__(self, request):
        self.sent += 1
        given = self.answers[min(self.sent, len(self.answers)) - 1]
        if isinstance(given, Exception):
            raise given
        return httpx.Response(given.status_code, headers=given.headers)

    def http(self, sleep=None, **pace):
        retry = Retry(sleep=sleep or _at_once)
        return Http(
            "work", "https://t.example", {}, pace=Pace(**pace), retry=retry, transport=httpx.MockTransport(self)
        )


async def _at_once(_seconds):
    return None


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
async def test_a_write_that_may_not_leave_is_not_sent(method):
    wire, guard = Wire(httpx.Response(200)), Guard(refuses_at=1)

    with pytest.raises(LockedError):
        await wire.http().request(method, "/x", before_send=guard)

    assert (wire.sent, guard.asked) == (0, 1)


async def test_each_further_try_asks_again():
    limited = httpx.Response(429, headers={"retry-after": "1"})
    wire, guard = Wire(limited, httpx.ConnectError("refused"), httpx.Response(200)), Guard(refuses_at=3)

    with pytest.raises(LockedError):
        await wire.http().request("POST", "/x", before_send=guard)

    assert (wire.sent, guard.asked) == (2, 3)


async def test_a_write_that_waited_for_its_turn_asks_when_the_turn_has_come():
    lost = asyncio.Event()
    wire = Wire(httpx.Response(200))

    async def guard():
        if lost.is_set():
            raise LockedError("another process took over")

    http = wire.http(write_interval_s=0.05)
    await http.request("POST", "/x", before_send=guard)
    waiting = asyncio.create_task(http.request("POST", "/x", before_send=guard))
    await asyncio.sleep(0)
    lost.set()

    with pytest.raises(LockedError):
        await waiting
    assert wire.sent == 1


async def test_a_wait_for_the_budget_comes_before_the_question():
    order = []
    wire = Wire(httpx.Response(200, headers={"x-ratelimit-remaining": "0", "retry-after": "5"}))

    async def sleep(_seconds):
        order.append("waited")

    async def guard():
        order.append("asked")

    http = wire.http(sleep=sleep)
    await http.request("POST", "/x", before_send=guard)
    await http.request("POST", "/x", before_send=guard)

    assert order == ["asked", "waited", "asked"]


async def test_a_redirected_write_asks_for_each_place():
    moved = httpx.Response(307, headers={"location": "https://t.example/y"})
    wire, guard = Wire(moved, httpx.Response(200)), Guard()

    await wire.http().request("POST", "/x", follow=True, before_send=guard)

    assert (wire.sent, guard.asked) == (2, 2)


async def test_reads_do_not_ask_and_a_refusal_is_no_reason_to_try_again():
    wire, guard = Wire(httpx.Response(200)), Guard(refuses_at=1)

    await wire.http().request("GET", "/x", before_send=guard)

    assert (wire.sent, guard.asked) == (1, 0)


@pytest.mark.parametrize("trouble", [UnknownOutcome, RateLimited])
async def test_what_was_sent_before_keeps_its_own_meaning(trouble):
    far = httpx.Response(429, headers={"retry-after": "9999"})
    wire = Wire(httpx.Response(500) if trouble is UnknownOutcome else far)

    with pytest.raises(trouble):
        await wire.http().request("POST", "/x", before_send=Guard(refuses_at=2))


# ------------------------------------------------------------------------------------------------ every write of both


STEP, LABEL = Step("issue", frozenset()), ref("bug", "label")
MADE = {"name": "bug", "color": "ff0000"}


@pytest.mark.parametrize(
    ("exchange", "call"),
    [
        (("POST", f"{APP}/issues", answer(issue(1))),
         lambda g, b: g.create("acme/app", "task", {"title": "T"}, MARKER, key="k", before_send=b)),
        (("PATCH", f"{APP}/issues/12", answer(issue(12))),
         lambda g, b: g.update(ref(12), STEP, {"title": "T"}, held(), before_send=b)),
        (("POST", f"{APP}/labels", answer(MADE)),
         lambda g, b: g.create("acme/app", "label", {"name": "bug"}, MARKER, key="k", before_send=b)),
        (("PATCH", f"{APP}/labels/bug", answer(MADE)),
         lambda g, b: g.update(LABEL, STEP, {"color": "#ff0000"}, held(), before_send=b)),
        (("DELETE", f"{APP}/labels/bug", answer(status=204)), lambda g, b: g.delete(LABEL, before_send=b)),
    ],
    ids=["create", "update", "label create", "label update", "label delete"],
)  # fmt: skip
async def test_no_write_of_github_leaves_unasked(exchange, call):
    guard, refusing = Guard(), Guard(refuses_at=1)

    await call(Script(exchange).github(), guard)
    with pytest.raises(LockedError):
        await call(Script().github(), refusing)

    assert (guard.asked, refusing.asked) == (1, 1)


FIELD = [{"id": guid(5), "name": "Team", "fieldType": "Text"}]
WHOLE = {
    "title": "T", "description": None, "assignee": None, "priority": None, "due_on": None, "start_on": None,
    "estimate_points": None, "cover_color": None, "labels": (),
}  # fmt: skip


def update(step, **changes):
    whole = Step(step, frozenset(changes))
    return lambda a, b: a.update(TASK, whole, changes, held(**WHOLE), before_send=b)


@pytest.mark.parametrize(
    ("call", "writes"),
    [
        (lambda a, b: a.create(BOARD, "task", {"title": "T"}, MARKER, key="k", before_send=b), 1),
        (update("fields", title="N"), 1),
        (update("status", status="Done"), 1),
        (update("labels", labels=("new",)), 2),
        (update("field:Team", **{"custom.Team": "x"}), 1),
        (lambda a, b: a.create(BOARD, "label", {"name": "new"}, MARKER, key="k", before_send=b), 1),
        (
            lambda a, b: a.update(
                Ref("plan", BOARD, "label", guid(3)), STEP, {"name": "x"}, held(name="y"), before_send=b
            ),
            1,
        ),
        (lambda a, b: a.delete(Ref("plan", BOARD, "label", guid(3)), before_send=b), 1),
        (lambda a, b: a.delete(TASK, before_send=b), 1),
    ],
    ids=["create", "fields", "status", "labels", "custom", "label create", "label update", "label delete", "delete"],
)
async def test_no_write_of_artala_leaves_unasked(call, writes):
    it = Board(
        rest={
            "POST tasks": {"id": guid(1)}, f"PUT tasks/{guid(1)}": 204, f"PATCH tasks/{guid(1)}/status": 204,
            "GET statuses": [{"name": "Done"}], "GET labels": [], f"GET labels/task/{guid(1)}": [],
            "POST labels": {"id": guid(4)}, f"PUT labels/task/{guid(1)}": 204, "GET fields": FIELD,
            f"POST fields/task/{guid(1)}": 204, f"DELETE labels/{guid(3)}": 204, f"DELETE tasks/{guid(1)}": 204,
        }
    )  # fmt: skip
    guard, refusing = Guard(), Guard(refuses_at=1)

    await call(it.connector(allow_task_delete=True), guard)
    sent = [asked for asked in it.asked if not asked.startswith("GET")]
    with pytest.raises(LockedError):
        await call(it.connector(allow_task_delete=True), refusing)

    assert (guard.asked, len(sent)) == (writes, writes)
    assert [asked for asked in it.asked if not asked.startswith("GET")] == sent
