"""What the web server answers, over ASGI."""

from __future__ import annotations

from dataclasses import dataclass

import httpx
import pytest

from bridge.errors import SignatureError, StateError
from bridge.version import __version__
from bridge.web import app, hooks


@dataclass
class Outcome:
    links: tuple[str, ...] = ("app",)
    duplicate: bool = False


class World:
    def __init__(self) -> None:
        self.stored: list[tuple[str, dict[str, str], bytes]] = []
        self.kicked: list[str] = []
        self.fault: Exception | None = None

    async def deliver(self, connection, headers, body):
        if self.fault:
            raise self.fault
        if headers.get("x-sign") != "good":
            raise SignatureError("the signature does not fit")
        duplicate = (connection, headers["x-id"]) in [(name, held["x-id"]) for name, held, _ in self.stored]
        if not duplicate:
            self.stored.append((connection, headers, body))
        return Outcome(duplicate=duplicate)

    async def health(self):
        if self.fault:
            raise self.fault
        return [{"name": "app", "last_run": None, "age_s": None}]


@pytest.fixture
def world():
    return World()


@pytest.fixture
async def http(world):
    site = app.build(connections=("github",), deliver=world.deliver, kick=world.kicked.append, health=world.health)
    transport = httpx.ASGITransport(site, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://bridge") as client:
        yield client


async def test_a_good_delivery_is_stored_raw_and_its_links_are_kicked(http, world):
    answer = await http.post("/webhooks/github", content=b'{"a": 1} ', headers={"X-Sign": "good", "X-Id": "1"})

    assert answer.status_code == 202
    assert [(name, body) for name, _, body in world.stored] == [("github", b'{"a": 1} ')]
    assert world.kicked == ["app"]


async def test_a_repeated_delivery_kicks_nothing(http, world):
    for _ in range(3):
        answer = await http.post("/webhooks/github", headers={"X-Sign": "good", "X-Id": "1"})

        assert answer.status_code == 202
    assert world.kicked == ["app"]


async def test_a_wrong_signature_is_401_and_changes_nothing(http, world):
    answer = await http.post("/webhooks/github", content=b"{}", headers={"X-Sign": "bad", "X-Id": "1"})

    assert answer.status_code == 401
    assert (world.stored, world.kicked) == ([], [])
    assert "fit" not in answer.text


async def test_an_unknown_connection_is_404(http, world):
    assert (await http.post("/webhooks/other", headers={"X-Sign": "good", "X-Id": "1"})).status_code == 404
    assert world.stored == []


async def test_a_body_that_says_it_is_too_large_is_413(http, world, monkeypatch):
    monkeypatch.setattr(hooks, "MAX_BODY", 1000)
    answer = await http.post("/webhooks/github", content=b"x" * 1001, headers={"X-Sign": "good", "X-Id": "1"})

    assert answer.status_code == 413
    assert world.stored == []


async def test_a_body_without_a_length_is_cut_off(world, monkeypatch):
    monkeypatch.setattr(hooks, "MAX_BODY", 1000)
    site = app.build(connections=("github",), deliver=world.deliver, kick=world.kicked.append, health=world.health)
    scope = {"type": "http", "method": "POST", "path": "/webhooks/github", "query_string": b"", "headers": []}
    read = 0
    sent = []

    async def receive():
        nonlocal read
        read += 1
        return {"type": "http.request", "body": b"x" * 100, "more_body": True}

    async def send(message):
        sent.append(message)

    await site(scope, receive, send)

    assert sent[0]["status"] == 413
    assert read == 11
    assert world.stored == []


async def test_a_store_that_cannot_take_it_asks_the_sender_to_repeat(http, world):
    world.fault = StateError("the database is locked")
    answer = await http.post("/webhooks/github", headers={"X-Sign": "good", "X-Id": "1"})

    assert answer.status_code == 503
    assert answer.headers["retry-after"]


async def test_a_bug_is_500_without_its_details(http, world):
    world.fault = ZeroDivisionError("very private")
    answer = await http.post("/webhooks/github", headers={"X-Sign": "good", "X-Id": "1"})

    assert answer.status_code == 500
    assert "private" not in answer.text


async def test_healthz_tells_version_and_links_and_503_when_the_store_is_unusable(http, world):
    answer = await http.get("/healthz")

    assert answer.status_code == 200
    assert answer.json() == {
        "status": "ok",
        "version": __version__,
        "links": [{"name": "app", "last_run": None, "age_s": None}],
    }

    world.fault = StateError("the disk is gone")
    answer = await http.get("/healthz")

    assert answer.status_code == 503
    assert answer.json()["reason"] == "the disk is gone"


@pytest.mark.parametrize(("verb", "path", "status"), [("GET", "/webhooks/github", 405), ("GET", "/other", 404)])
async def test_anything_else_is_refused(http, verb, path, status):
    assert (await http.request(verb, path)).status_code == status
