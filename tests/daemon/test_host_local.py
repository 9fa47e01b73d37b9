"""The host's promises: nothing runs twice at once, no wake-up is lost, stopping waits."""

from __future__ import annotations

import asyncio
from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest

from bridge.engine.host_local import LocalHost, Timing, trigger_of
from bridge.errors import BridgeError, ConfigError


class Runs:
    """A ``sync`` that waits to be let go and counts."""

    def __init__(self) -> None:
        self.begun: list[tuple[str, str]] = []
        self.now: Counter[str] = Counter()
        self.most: Counter[str] = Counter()
        self.most_at_once = 0
        self.go = asyncio.Event()
        self.changed = asyncio.Condition()

    async def __call__(self, link: str, trigger: str) -> None:
        self.begun.append((link, trigger))
        self.now[link] += 1
        self.most[link] = max(self.most[link], self.now[link])
        self.most_at_once = max(self.most_at_once, self.now.total())
        await self._tell()
        try:
            await self.go.wait()
        finally:
            self.now[link] -= 1
            await self._tell()

    async def _tell(self) -> None:
        async with self.changed:
            self.changed.notify_all()

    async def until(self, condition, *, within: float = 5) -> None:
        async with asyncio.timeout(within), self.changed:
            await self.changed.wait_for(condition)


def manual(*links: str) -> list[Timing]:
    return [Timing(link) for link in links]


async def test_kicks_during_a_run_make_exactly_one_more_run_after_it():
    runs = Runs()
    host = LocalHost(manual("app"), runs)
    host.start()
    host.kick("app")
    await runs.until(lambda: len(runs.begun) == 1)

    for _ in range(5):
        host.kick("app")
    runs.go.set()
    await runs.until(lambda: len(runs.begun) == 2 and not runs.now["app"])
    await host.stop(drain_s=5)

    assert runs.begun == [("app", "webhook"), ("app", "webhook")]
    assert runs.most["app"] == 1


async def test_kicks_before_a_run_begins_are_one_run():
    runs = Runs()
    runs.go.set()
    host = LocalHost(manual("app"), runs)
    host.start()
    for _ in range(5):
        host.kick("app")
    await runs.until(lambda: len(runs.begun) == 1 and not runs.now["app"])
    await host.stop(drain_s=5)

    assert len(runs.begun) == 1


async def test_no_more_links_run_at_once_than_there_are_slots():
    runs = Runs()
    host = LocalHost(manual("a", "b", "c", "d"), runs, slots=2)
    host.start()
    for link in "abcd":
        host.kick(link)
    await runs.until(lambda: len(runs.begun) == 2)
    runs.go.set()
    await runs.until(lambda: len(runs.begun) == 4 and not runs.now.total())
    await host.stop(drain_s=5)

    assert runs.most_at_once == 2
    assert {link for link, _ in runs.begun} == set("abcd")


async def test_the_timer_runs_a_link_and_never_overlaps_it():
    runs = Runs()
    host = LocalHost([Timing("app", every_s=0.02)], runs, start_now=True)
    host.start()
    await runs.until(lambda: len(runs.begun) == 1)
    with pytest.raises(TimeoutError):  # five intervals pass while the first run goes on
        await runs.until(lambda: len(runs.begun) > 1, within=0.1)

    assert runs.begun == [("app", "timer")]

    runs.go.set()
    await runs.until(lambda: len(runs.begun) >= 2)
    await host.stop(drain_s=5)

    assert runs.most["app"] == 1


async def test_the_first_run_is_within_the_first_interval():
    for share in (0.0, 0.5, 1.0):
        host = LocalHost(
            [Timing("app", every_s=300)], Runs(), chance=lambda low, high, share=share: low + share * (high - low)
        )
        before = datetime.now(UTC)
        host.start()
        first = host.next_run_at("app")
        await host.stop(drain_s=1)

        assert first is not None
        assert abs((first - before) - timedelta(seconds=300 * share)) < timedelta(seconds=5)


async def test_stopping_waits_for_what_runs_and_starts_nothing_more():
    runs = Runs()
    host = LocalHost(manual("app", "web"), runs)
    host.start()
    host.kick("app")
    await runs.until(lambda: len(runs.begun) == 1)

    stopping = asyncio.create_task(host.stop(drain_s=5))
    await asyncio.sleep(0)
    host.kick("web")
    assert not stopping.done()
    runs.go.set()

    assert await stopping is True
    assert runs.begun == [("app", "webhook")]


async def test_stopping_cancels_a_run_that_outlives_the_deadline():
    runs = Runs()
    host = LocalHost(manual("app"), runs)
    host.start()
    host.kick("app")
    await runs.until(lambda: len(runs.begun) == 1)

    assert await host.stop(drain_s=0.01) is False
    assert runs.now["app"] == 0


async def test_one_links_failure_stops_neither_itself_nor_another():
    runs = Runs()
    runs.go.set()
    failures = {"bad": BridgeError("the tracker said no"), "worse": ZeroDivisionError()}

    async def sync(link: str, trigger: str) -> None:
        await runs(link, trigger)
        if link in failures:
            raise failures[link]

    host = LocalHost(manual("bad", "worse", "good"), sync)
    host.start()
    for link in ("bad", "worse", "good"):
        host.kick(link)
    await runs.until(lambda: len(runs.begun) == 3)
    host.kick("bad")
    await runs.until(lambda: len(runs.begun) == 4)
    await host.stop(drain_s=5)

    assert sorted(link for link, _ in runs.begun) == ["bad", "bad", "good", "worse"]


@pytest.mark.parametrize(
    ("line", "now", "expected"),
    [
        ("*/10 * * * *", "2026-11-21T10:03:00", "2026-11-21T10:10:00"),
        ("0 8 * * 1-5", "2026-11-21T10:00:00", "2026-11-23T08:00:00"),  # a Saturday: the next is Monday
        ("0 8 * * 0", "2026-11-21T10:00:00", "2026-11-22T08:00:00"),  # 0 is Sunday
        ("0 8 * * 7", "2026-11-21T10:00:00", "2026-11-22T08:00:00"),
        ("0 8 * * sat-mon", "2026-11-21T10:00:00", "2026-11-22T08:00:00"),
        ("0 8 * * 5-7/2", "2026-11-21T10:00:00", "2026-11-22T08:00:00"),
        ("0 8 13 * 1", "2026-11-21T10:00:00", "2026-11-23T08:00:00"),  # either day, as cron has it
        ("0 8 24 DEC *", "2026-11-21T10:00:00", "2026-12-24T08:00:00"),
    ],
)
def test_a_crontab_line_means_what_cron_means(line, now, expected):
    at = trigger_of(Timing("app", cron=line)).get_next_fire_time(None, datetime.fromisoformat(now + "+00:00"))

    assert at.isoformat() == expected + "+00:00"


@pytest.mark.parametrize("line", ["", "* * * *", "61 * * * *", "* * * * 9", "* * * * fry", "a b c d e", "* * * * 1-x"])
def test_a_wrong_crontab_line_is_one_message_with_an_example(line):
    with pytest.raises(ConfigError, match=r"app.*cron line") as raised:
        trigger_of(Timing("app", cron=line))

    assert "1-5" in raised.value.hint
