"""connectors/http.py over httpx.MockTransport: what is tried again, what never, and what an error says."""

from __future__ import annotations

import asyncio
import logging
from datetime import UTC, datetime, timedelta

import httpx
import msgspec
import pytest

from bridge import errors
from connectors.http import Http
from connectors.pace import Pace, Retry
from connectors.paginate import by_link, link_targets
from connectors.status import decode, server_message, shown

TOKEN = "tok-0123456789abcdef"
HOST = "https://tracker.example"
NOW = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)
DATE = "Sat, 21 Nov 2026 08:59:00 GMT"  # the server's clock is a minute behind ours
READS = ["GET", "HEAD"]
WRITES = ["POST", "PUT", "PATCH", "DELETE"]


class Wire:
    """Answers in the order given, the last one for ever; keeps the requests and the waits."""

    def __init__(self, *answers):
        self.answers, self.requests, self.waits = list(answers), [], []
        self.now = NOW

    def __call__(self, request):
        self.requests.append(request)
        answer = self.answers[min(len(self.requests), len(self.answers)) - 1]
        if isinstance(answer, Exception):
            raise answer
        return httpx.Response(answer.status_code, headers=answer.headers, content=answer.content)

    async def sleep(self, seconds):
        self.waits.append(seconds)
        self.now += timedelta(seconds=seconds)

    def http(self, *, pace=None, base_url=HOST, classify=None, **retry):
        return Http(
            "work",
            base_url,
            {"authorization": f"Bearer {TOKEN}", "accept": "application/json"},
            pace=pace,
            retry=Retry(sleep=self.sleep, now=lambda: self.now, **retry),
            classify=classify,
            transport=httpx.MockTransport(self),
        )


def answer(status=200, headers=None, json=None):
    return httpx.Response(status, headers={"date": DATE, **(headers or {})}, json={} if json is None else json)


@pytest.mark.parametrize("method", READS)
@pytest.mark.parametrize(
    "trouble",
    [answer(500), answer(502), answer(503), answer(504), answer(429), httpx.ReadTimeout("slow"), httpx.ReadError("cut"),
     httpx.RemoteProtocolError("half an answer"), httpx.ConnectError("refused"), httpx.ConnectTimeout("no answer")],
    ids=str,
)  # fmt: skip
async def test_a_read_is_tried_again_after_trouble_that_may_pass(method, trouble):
    wire = Wire(trouble, answer(json=[1]))

    response = await wire.http().request(method, "/x")

    assert (response.status, len(wire.requests)) == (200, 2)


@pytest.mark.parametrize("method", WRITES)
@pytest.mark.parametrize(
    "trouble",
    [answer(500), answer(502), answer(503), answer(504), answer(408), httpx.ReadTimeout("slow"),
     httpx.ReadError("cut"), httpx.WriteError("cut"), httpx.WriteTimeout("slow"), httpx.RemoteProtocolError("half")],
    ids=str,
)  # fmt: skip
async def test_a_write_that_was_sent_and_not_answered_is_unknown_and_never_repeated(method, trouble):
    wire = Wire(trouble, answer())

    with pytest.raises(errors.UnknownOutcome):
        await wire.http().request(method, "/x", json={"a": 1})

    assert len(wire.requests) == 1


@pytest.mark.parametrize(
    "trouble",
    [httpx.ConnectError("refused"), httpx.ConnectTimeout("slow"), answer(429, {"retry-after": "1"}),
     answer(503, {"retry-after": "1"})],
    ids=str,
)  # fmt: skip
async def test_a_write_is_repeated_when_it_was_provably_not_taken(trouble):
    wire = Wire(trouble, answer(201))

    response = await wire.http().request("POST", "/x", json={"a": 1})

    assert (response.status, len(wire.requests)) == (201, 2)
    assert wire.requests[0].content == wire.requests[1].content == b'{"a":1}'


async def test_a_write_that_is_idempotent_by_word_of_the_connector_is_repeated():
    wire = Wire(answer(502), answer())

    await wire.http().request("PUT", "/x", json={}, idempotent=True)

    assert len(wire.requests) == 2


async def test_tries_end_after_their_number():
    wire = Wire(answer(500))

    with pytest.raises(errors.RetryableError) as caught:
        await wire.http(attempts=3).request("GET", "/x")

    assert (len(wire.requests), caught.value.status) == (3, 500)


async def test_tries_end_before_their_time_is_over():
    wire = Wire(answer(429, {"retry-after": "50"}))

    with pytest.raises(errors.RateLimited):
        await wire.http(attempts=99, max_time_s=40).request("GET", "/x")

    assert len(wire.requests) == 1


async def test_an_unreachable_host_is_named_with_cause_and_hint():
    wire = Wire(httpx.ConnectError("[Errno -2] Name or service not known"))

    with pytest.raises(errors.UnreachableError) as caught:
        await wire.http().request("POST", "/x", json={})

    assert str(caught.value) == (
        "tracker.example cannot be reached: [Errno -2] Name or service not known. "
        "Check the host in base_url and this machine's name resolution."
    )


@pytest.mark.parametrize(
    ("headers", "waited_s"),
    [
        ({"retry-after": "7"}, 7),
        ({"retry-after": "Sat, 21 Nov 2026 08:59:09 GMT"}, 9),  # relative to the server's own clock
        ({"retry-after": "Sat, 21 Nov 2026 08:00:00 GMT"}, 0),
        ({"x-ratelimit-remaining": "0", "x-ratelimit-reset": str(int(NOW.timestamp()) - 60 + 11)}, 11),
        ({}, 30),
    ],
    ids=["seconds", "date", "past date", "rate headers", "nothing said"],
)
async def test_a_limit_is_waited_out_as_the_server_says(headers, waited_s):
    wire = Wire(answer(429, headers), answer())

    await wire.http(first_wait_s=0).request("GET", "/x")

    assert waited_s == sum(wire.waits)


async def test_a_long_limit_is_raised_and_nothing_more_is_sent_before_its_end():
    wire = Wire(answer(429, {"retry-after": "3600"}), answer())
    http = wire.http()

    with pytest.raises(errors.RateLimited) as first:
        await http.request("GET", "/x")
    with pytest.raises(errors.RateLimited) as second:
        await http.request("POST", "/y", json={})

    assert first.value.until == second.value.until == NOW + timedelta(hours=1)
    assert (len(wire.requests), wire.waits) == (1, [])

    wire.now += timedelta(hours=1)

    assert (await http.request("GET", "/x")).status == 200


async def test_the_last_request_of_a_budget_is_answered_and_the_next_one_waits():
    reset = str(int(NOW.timestamp()) - 60 + 20)
    spent = answer(200, {"x-ratelimit-limit": "5000", "x-ratelimit-remaining": "0", "x-ratelimit-reset": reset})
    wire = Wire(spent, answer())
    http = wire.http()

    await http.request("GET", "/x")
    assert wire.waits == []
    await http.request("GET", "/x")

    assert wire.waits == [20]


async def test_a_reserve_is_left_for_people():
    reset = str(int(NOW.timestamp()) - 60 + 1800)
    low = answer(200, {"x-ratelimit-limit": "5000", "x-ratelimit-remaining": "500", "x-ratelimit-reset": reset})
    http = Wire(low).http(pace=Pace(reserve_percent=10))

    await http.request("GET", "/x")
    with pytest.raises(errors.RateLimited, match="used up until 2026-11-21 09:30:00Z"):
        await http.request("GET", "/x")


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, errors.RejectedError), (401, errors.AuthError), (403, errors.PermissionError_), (404, errors.NotFoundError),
        (405, errors.RejectedError), (409, errors.StaleWrite), (410, errors.GoneError), (412, errors.StaleWrite),
        (422, errors.RejectedError), (501, errors.RejectedError), (407, errors.UnreachableError),
    ],
)  # fmt: skip
async def test_a_status_becomes_the_error_that_says_what_to_do(status, kind):
    wire = Wire(answer(status, json={"message": "No.", "errors": [{"field": "title", "code": "missing"}]}))

    with pytest.raises(kind) as caught:
        await wire.http(attempts=1).request("PATCH", "/items/7", json={})

    assert caught.value.message == f"PATCH {HOST}/items/7 answered {status}: No. (title: missing)."
    assert caught.value.hint
    assert (caught.value.status, caught.value.url) == (status, f"{HOST}/items/7")


async def test_statuses_that_the_connector_accepts_are_returned():
    response = await Wire(answer(404)).http().request("GET", "/x", accept=(404,))

    assert response.status == 404


async def test_no_secret_is_in_an_error_a_log_line_or_a_repr(caplog, capsys):
    caplog.set_level(logging.DEBUG)
    wire = Wire(answer(502), answer(422, json={"message": f"Token {TOKEN} is not welcome"}))
    http = wire.http(base_url=f"https://user:{TOKEN}@tracker.example")

    with pytest.raises(errors.RejectedError) as caught:
        await http.request("GET", "/x", params={"access_token": TOKEN, "q": "a b"})

    assert wire.requests[0].headers["authorization"] == f"Bearer {TOKEN}"
    said = "".join(
        (str(caught.value), repr(caught.value), caught.value.url, repr(http), caplog.text, *capsys.readouterr())
    )
    assert TOKEN not in said
    assert "answered 422: Token *** is not welcome" in said
    assert "access_token=***&q=a%20b" in said


async def test_redirects_are_returned_unless_asked_for():
    wire = Wire(answer(301, {"location": f"{HOST}/new"}), answer())

    response = await wire.http().request("GET", "/old")

    assert (response.status, len(wire.requests)) == (301, 1)


@pytest.mark.parametrize(
    ("method", "status", "followed"),
    [("GET", 301, True), ("GET", 302, True), ("GET", 307, True), ("GET", 308, True), ("PATCH", 307, True),
     ("PATCH", 308, True), ("PATCH", 301, False), ("POST", 302, False)],
)  # fmt: skip
async def test_a_write_follows_only_redirects_that_keep_its_method(method, status, followed):
    wire = Wire(answer(status, {"location": "/new"}), answer())

    await wire.http().request(method, "/old", follow=True)

    assert [(r.method, r.url.path) for r in wire.requests] == [(method, "/old"), (method, "/new")][: 1 + followed]


@pytest.mark.parametrize(
    "location", ["https://evil.example/x", "http://tracker.example/x", "https://tracker.example:444/x"]
)
async def test_the_credential_is_not_carried_to_another_host(location):
    wire = Wire(answer(301, {"location": location, "link": f'<{location}>; rel="next"'}))
    http = wire.http()

    with pytest.raises(errors.UnreachableError, match="does not send the credential there"):
        await http.request("GET", "/x", follow=True)
    with pytest.raises(errors.UnreachableError):
        await http.request("GET", location)

    assert len(wire.requests) == 1


async def test_redirects_in_a_circle_end():
    wire = Wire(answer(302, {"location": "/x"}))

    with pytest.raises(errors.RetryableError, match="redirected more than"):
        await wire.http().request("GET", "/x", follow=True)


async def test_an_etag_is_sent_and_a_304_comes_back():
    wire = Wire(answer(304, {"etag": '"a"'}))
    http = wire.http()

    response = await http.request("GET", "/x", etag='"a"')

    assert wire.requests[0].headers["if-none-match"] == '"a"'
    assert (response.is_not_modified, response.etag, http.usage().not_modified) == (True, '"a"', 1)


async def test_usage_counts_each_try_and_keeps_the_last_rate_headers_and_the_skew():
    reset = int(NOW.timestamp()) - 60 + 600
    headers = {"x-ratelimit-limit": "5000", "x-ratelimit-remaining": "4321", "x-ratelimit-reset": str(reset)}
    http = Wire(answer(500), answer(200, headers), answer(201)).http()

    await http.request("GET", "/x")
    await http.request("POST", "/x", json={})
    used = http.usage()

    assert (used.requests, used.writes, used.limit, used.remaining) == (3, 1, 5000, 4321)
    assert used.skew_s is not None
    assert -62 <= used.skew_s <= -60
    assert used.resets_at is not None
    assert abs(used.resets_at - NOW - timedelta(seconds=600)) < timedelta(seconds=2)


async def test_the_quota_of_another_resource_is_not_taken_for_ours():
    headers = {"x-ratelimit-limit": "30", "x-ratelimit-remaining": "21", "x-ratelimit-resource": "search"}
    http = Wire(answer(200, headers)).http()

    await http.request("GET", "/x")

    assert http.usage().limit is None


async def test_no_more_requests_are_in_flight_than_allowed_and_writes_go_one_by_one():
    now, most = {"GET": 0, "POST": 0}, {"GET": 0, "POST": 0}

    async def serve(request):
        now[request.method] += 1
        most[request.method] = max(most[request.method], now[request.method])
        for _ in range(5):
            await asyncio.sleep(0)
        now[request.method] -= 1
        return httpx.Response(200)

    pace = Pace(in_flight=4, writes_in_flight=1)
    http = Http("work", HOST, {}, pace=pace, transport=httpx.MockTransport(serve))
    await asyncio.gather(*[http.request(method, "/x") for method in ("GET", "POST") for _ in range(12)])

    assert (most["GET"], most["POST"]) == (4, 1)


async def test_writes_keep_their_distance_and_reads_do_not():
    wire = Wire(answer())
    http = wire.http(pace=Pace(write_interval_s=0.03))
    loop = asyncio.get_running_loop()
    started = loop.time()

    await asyncio.gather(*[http.request("GET", "/x") for _ in range(5)], *[http.request("PUT", "/x") for _ in range(4)])

    assert loop.time() - started >= 0.08


async def test_a_client_that_was_closed_opens_again():
    http = Wire(answer()).http()

    await http.request("GET", "/x")
    await http.aclose()

    assert (await http.request("GET", "/x")).status == 200


async def test_bodies_go_as_json_as_bytes_or_as_a_form():
    wire = Wire(answer())
    http = wire.http()

    await http.request("POST", "/x", json={"ä": [1]})
    await http.request("POST", "/x", content=b"raw")
    await http.request("POST", "/x", form={"a": "b c"})

    assert [r.content for r in wire.requests] == ['{"ä":[1]}'.encode(), b"raw", b"a=b+c"]
    assert wire.requests[0].headers["content-type"] == "application/json"
    assert wire.requests[2].headers["content-type"] == "application/x-www-form-urlencoded"


@pytest.mark.parametrize(("method", "kind"), [("GET", errors.RetryableError), ("POST", errors.UnknownOutcome)])
async def test_a_page_of_a_proxy_in_place_of_json_is_an_error_that_says_so(method, kind):
    wire = Wire(httpx.Response(200, html="<html><title>Log in</title></html>"))

    response = await wire.http().request(method, "/x")
    with pytest.raises(kind, match="cannot be read") as caught:
        decode(response, msgspec.json.Decoder(list[int]))

    assert "proxy" in caught.value.hint


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b'{"message":"Validation Failed","errors":[{"resource":"Issue","field":"title","code":"missing"}]}',
         "Validation Failed (title: missing)"),
        (b'{"title":"One or more errors","errors":{"Title":["is required","is short"]}}',
         "One or more errors (Title: is required; is short)"),
        (b'{"error":{"code":"x","message":"Odd filter"}}', "Odd filter"),
        (b'{"errorMessages":["a","b"]}', "a; b"),
        (b"<html><style>x{}</style><body><h1>Bad Gateway</h1></body></html>", "Bad Gateway"),
        (b"", ""),
        (b"\xff\xfe", "\ufffd\ufffd"),
        (b'"' + b"x" * 999 + b'"', "x" * 299 + "…"),
    ],
)  # fmt: skip
def test_the_servers_own_words_are_found_in_any_usual_form(body, said):
    assert server_message(body) == said


def test_a_shown_url_has_no_secrets():
    url = "https://me:pw@h.example/a?token=1&Signature=2&client_secret=3&$filter=a%20eq%20'b'#frag"

    assert shown(url) == "https://h.example/a?token=***&Signature=***&client_secret=***&$filter=a%20eq%20%27b%27"


def test_link_headers_are_read_as_written():
    header = (
        '<https://h/a?x=1,2&after=Y;Z>; rel="next", <https://h/a>; title="a, b"; rel=prev, <https://h/l>; REL="last x"'
    )

    assert link_targets(header) == {
        "next": "https://h/a?x=1,2&after=Y;Z", "prev": "https://h/a", "last": "https://h/l", "x": "https://h/l"
    }  # fmt: skip


async def test_by_link_follows_next_word_for_word():
    wire = Wire(answer(200, {"link": f'<{HOST}/repositories/1/issues?after=Q%3D%3D&page=2>; rel="next"'}), answer())

    pages = [page.url async for page in by_link(wire.http(), "/a", params={"q": 1}, etag='"e"')]

    assert pages == [f"{HOST}/a?q=1", f"{HOST}/repositories/1/issues?after=Q%3D%3D&page=2"]
    assert ["if-none-match" in r.headers for r in wire.requests] == [True, False]
