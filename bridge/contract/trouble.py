"""How a connector takes trouble: lost answers, refused credentials, a server that is down."""

from __future__ import annotations

from contextlib import suppress

import pytest

from bridge import errors
from bridge.contract.ground import MARKER, Ground, Grounded
from bridge.model import Marker


class Trouble(Grounded):
    """Part of ``ConnectorContract``."""

    async def test_a_create_whose_answer_was_lost_is_there_once_and_found(self, ground: Ground) -> None:
        box = ground.faulty()
        await ground.make("task", Marker("other-side", "acme/app#1"), title="Warm")  # names are known from here on
        since = (await ground.pages("task"))[-1].cursor
        box.fault("lost_reply", method="POST")
        with suppress(errors.UnknownOutcome):  # with an idempotency key it may simply be sent again
            await ground.make("task", title="Made by Bridge")
        box.faults.clear()
        if ground.connector.kinds()["task"].find:
            found = await ground.connector.find(ground.container, "task", {MARKER}, since)
            assert len(found) == 1
        assert sum(row["title"] == "Made by Bridge" for row in ground.people.tasks().values()) == 1

    async def test_a_refused_credential_stops_the_connection(self, ground: Ground) -> None:
        box = ground.faulty()
        ground.people.create("First")
        box.fault("status", status=401, times=-1)
        with pytest.raises(errors.AuthError) as told:
            await ground.records("task")
        ground.assert_no_secret_in(told.value)

    async def test_a_server_in_trouble_is_tried_again_and_then_told(self, ground: Ground) -> None:
        box = ground.faulty()
        ground.people.create("First")
        await ground.records("task")
        box.fault("status", status=503, times=1)
        assert len(await ground.records("task")) == 1
        box.fault("status", status=503, times=-1)
        with pytest.raises(errors.RetryableError) as told:
            await ground.records("task")
        ground.assert_no_secret_in(told.value)

    async def test_an_unsigned_webhook_is_refused(self, ground: Ground) -> None:
        if not any(can.webhooks for can in ground.connector.kinds().values()):
            pytest.skip("it takes no webhooks")
        with pytest.raises(errors.SignatureError):
            ground.connector.verify({}, b"{}")

    async def test_it_counts_its_requests(self, ground: Ground) -> None:
        ground.people.create("First")
        before, used = ground.people.requests(), ground.connector.usage().requests
        await ground.records("task")
        assert ground.connector.usage().requests - used == ground.people.requests() - before
